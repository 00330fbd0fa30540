//! Instants in UTC and legal days in Paris: the two notions of time of the law, kept apart by type.
//!
//! Nothing here reads a clock: an instant is always handed in.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, TimeZone, Utc};
use chrono_tz::Europe::Paris;

/// An instant: microseconds since 1970-01-01T00:00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A calendar day in Paris, on which the law's dates are counted (R161-42 CSS).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(NaiveDate);

impl Timestamp {
    /// Later than anything that happens: year 9999.
    pub const MAX: Timestamp = Timestamp(253_402_300_799_000_000);

    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Timestamp {
        Timestamp(micros)
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The day in Paris on which this instant falls.
    pub fn day(self) -> Day {
        Day(self.utc().with_timezone(&Paris).date_naive())
    }

    /// Reads RFC 3339, for example `2026-11-22T08:30:00Z`.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let time = DateTime::parse_from_rfc3339(text).ok()?;
        Some(Timestamp(time.timestamp_micros()))
    }

    /// Time passed since `earlier`, zero if it is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl Day {
    /// The day of a year, month (1–12) and day of the month, if there is one.
    pub fn new(year: i32, month: u32, day: u32) -> Option<Day> {
        NaiveDate::from_ymd_opt(year, month, day).map(Day)
    }

    /// Reads `YYYY-MM-DD`, exactly.
    pub fn parse(text: &str) -> Option<Day> {
        let [y, z, e, a, b'-', m, o, b'-', d, f] = text.as_bytes() else {
            return None;
        };
        let number = |digits: &[&u8]| {
            digits.iter().try_fold(0, |number, byte| {
                let digit = u32::from(byte.wrapping_sub(b'0'));
                (digit < 10).then_some(number * 10 + digit)
            })
        };
        let year = number(&[y, z, e, a])?.cast_signed();
        Day::new(year, number(&[m, o])?, number(&[d, f])?)
    }

    /// Days since 1970-01-01; the form in which days are stored.
    pub fn number(self) -> i32 {
        self.0.to_epoch_days()
    }

    /// The day with that number.
    pub fn from_number(number: i32) -> Option<Day> {
        NaiveDate::from_epoch_days(number).map(Day)
    }

    /// The calendar date, for the calendar's own arithmetic.
    pub fn date(self) -> NaiveDate {
        self.0
    }

    /// Year of the calendar.
    pub fn year(self) -> i32 {
        self.0.year()
    }

    /// Month, 1–12.
    pub fn month(self) -> u32 {
        self.0.month()
    }

    /// Day of the month, from 1.
    pub fn day_of_month(self) -> u32 {
        self.0.day()
    }

    /// The day `days` later (earlier when negative).
    pub fn plus_days(self, days: i32) -> Day {
        Day::from_number(self.number().saturating_add(days)).unwrap_or(self)
    }

    /// The first instant of this day in Paris.
    pub fn start(self) -> Timestamp {
        let midnight = self.0.and_hms_opt(0, 0, 0).unwrap_or_default();
        // Paris changes its clocks at 01:00 UTC, so midnight exists once on every day.
        let local = Paris.from_local_datetime(&midnight).earliest();
        Timestamp(local.map_or(0, |time| time.timestamp_micros()))
    }

    /// The instant at which the clocks of Paris show so many minutes after midnight on this day: the first of the two
    /// where they show it twice, the end of the gap and as long after it where they skip it; 1440 and more is the end.
    pub fn at_minute(self, minute: u16) -> Timestamp {
        let midnight = self.0.and_hms_opt(0, 0, 0).unwrap_or_default();
        let local = self
            .0
            .and_hms_opt(u32::from(minute / 60), u32::from(minute % 60), 0);
        let Some(local) = local else {
            return self.end();
        };
        match Paris.from_local_datetime(&local).earliest() {
            Some(time) => Timestamp(time.timestamp_micros()),
            // Before the gap an hour of the clocks is an hour.
            None => {
                self.start()
                    + Duration::from_micros(
                        local
                            .signed_duration_since(midnight)
                            .num_microseconds()
                            .unwrap_or(0)
                            .unsigned_abs(),
                    )
            }
        }
    }

    /// The end of this day in Paris (24:00), which is the start of the next.
    pub fn end(self) -> Timestamp {
        self.plus_days(1).start()
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, duration: Duration) -> Timestamp {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_add(micros)).min(Timestamp::MAX)
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;
    fn sub(self, duration: Duration) -> Timestamp {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_sub(micros))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.utc().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0.format("%Y-%m-%d"))
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_in_paris() {
        for (instant, day) in [
            ("2026-12-31T22:59:59Z", "2026-12-31"),
            ("2026-12-31T23:00:00Z", "2027-01-01"),
            ("2026-06-30T21:59:59Z", "2026-06-30"),
            ("2026-06-30T22:00:00Z", "2026-07-01"),
            ("2026-03-29T00:59:59Z", "2026-03-29"),
            ("2026-10-25T22:59:59Z", "2026-10-25"),
            ("2028-02-29T12:00:00Z", "2028-02-29"),
        ] {
            let found = Timestamp::parse(instant).unwrap().day();
            assert_eq!(found.to_string(), day, "{instant}");
        }
    }

    #[test]
    fn a_day_starts_and_ends_at_midnight_in_paris() {
        for (day, start, end) in [
            (
                "2026-03-29",
                "2026-03-28T23:00:00.000Z",
                "2026-03-29T22:00:00.000Z",
            ),
            (
                "2026-10-25",
                "2026-10-24T22:00:00.000Z",
                "2026-10-25T23:00:00.000Z",
            ),
        ] {
            let day = Day::parse(day).unwrap();
            assert_eq!(
                (day.start().to_string(), day.end().to_string()),
                (start.into(), end.into())
            );
        }
    }

    #[test]
    fn a_day_is_read_strictly() {
        for text in [
            "2026-1-01",
            "2026-02-30",
            "26-01-01",
            "2026-01-01Z",
            "+026-10-01",
            "2026-10- 1",
            "",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }
}
