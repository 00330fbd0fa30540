//! Dates and times where they stand in the text: an instant of any precision needs neither memory nor rounding.

use std::cmp::Ordering;

use super::value::Builtin;

/// A point on the calendar in its text; parts that the type does not have are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instant<S> {
    /// Days since a common origin.
    day: i64,
    /// Second of the day, 86400 for 24:00:00 (which is then the next day's 0).
    second: i64,
    fraction: S,
    /// Minutes east of Greenwich.
    zone: Option<i64>,
}

impl<'t> Instant<&'t str> {
    pub(super) fn parse(builtin: Builtin, text: &'t str) -> Option<Instant<&'t str>> {
        let mut cursor = Cursor(text);
        let (mut year, mut month, mut day) = (1970, 1, 1);
        let (mut second, mut fraction) = (0, "");
        if builtin != Builtin::Time {
            year = cursor.year()?;
        }
        if matches!(
            builtin,
            Builtin::Date | Builtin::DateTime | Builtin::GYearMonth
        ) {
            month = cursor.literal('-')?.two(1, 12)?;
        }
        if matches!(builtin, Builtin::Date | Builtin::DateTime) {
            day = cursor.literal('-')?.two(1, days_in(year, month))?;
        }
        if builtin == Builtin::DateTime {
            cursor.literal('T')?;
        }
        if matches!(builtin, Builtin::DateTime | Builtin::Time) {
            (second, fraction) = cursor.clock()?;
        }
        let zone = cursor.zone()?;
        Some(Instant {
            day: days(year, month, day),
            second,
            fraction,
            zone,
        })
    }

    /// Without a time zone an instant may be anywhere within 14 hours around; the order is then only known when it
    /// is the same for all of them (XML Schema part 2, 3.2.7.4).
    pub(super) fn compare<O: AsRef<str>>(&self, other: &Instant<O>) -> Option<Ordering> {
        const WIDEST: i64 = 14 * 60;
        let with = |mine: i64, theirs: i64| {
            let order = self.seconds(mine).cmp(&other.seconds(theirs));
            order.then_with(|| self.fraction.cmp(other.fraction.as_ref()))
        };
        let range = |low: Ordering, high: Ordering| (low == high).then_some(low);
        match (self.zone, other.zone) {
            (Some(mine), Some(theirs)) => Some(with(mine, theirs)),
            (None, None) => Some(with(0, 0)),
            (Some(mine), None) => range(with(mine, -WIDEST), with(mine, WIDEST)),
            (None, Some(theirs)) => range(with(-WIDEST, theirs), with(WIDEST, theirs)),
        }
    }

    /// The same, owned.
    pub(super) fn kept(&self) -> Instant<Box<str>> {
        let Instant {
            day,
            second,
            fraction,
            zone,
        } = *self;
        Instant {
            day,
            second,
            fraction: fraction.into(),
            zone,
        }
    }
}

impl<S> Instant<S> {
    fn seconds(&self, zone: i64) -> i64 {
        self.day * 86_400 + self.second - zone * 60
    }
}

/// What is left of a text to parse.
struct Cursor<'t>(&'t str);

impl<'t> Cursor<'t> {
    fn literal(&mut self, char: char) -> Option<&mut Self> {
        self.0 = self.0.strip_prefix(char)?;
        Some(self)
    }

    fn digits(&mut self) -> &'t str {
        let end = self
            .0
            .bytes()
            .position(|byte| !byte.is_ascii_digit())
            .unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        digits
    }

    /// Exactly two digits, within bounds.
    fn two(&mut self, low: i64, high: i64) -> Option<i64> {
        let bytes = self.0.as_bytes();
        let digit = |index: usize| {
            bytes
                .get(index)
                .filter(|byte| byte.is_ascii_digit())
                .map(|byte| i64::from(byte - b'0'))
        };
        let number = digit(0)? * 10 + digit(1)?;
        self.0 = &self.0[2..];
        (low..=high).contains(&number).then_some(number)
    }

    /// Four digits or more (then without a leading zero), perhaps negative, never 0000. Years beyond twelve digits
    /// are refused: no calendar needs them.
    fn year(&mut self) -> Option<i64> {
        let negative = self.literal('-').is_some();
        let digits = self.digits();
        let padded = digits.len() > 4 && digits.starts_with('0');
        if digits.len() < 4 || digits.len() > 12 || padded {
            return None;
        }
        let year: i64 = digits.parse().ok()?;
        (year != 0).then_some(if negative { -year } else { year })
    }

    /// Seconds of the day and the fraction without trailing zeros.
    fn clock(&mut self) -> Option<(i64, &'t str)> {
        let hour = self.two(0, 24)?;
        let minute = self.literal(':')?.two(0, 59)?;
        let second = self.literal(':')?.two(0, 59)?;
        let mut fraction = "";
        if self.literal('.').is_some() {
            fraction = self.digits();
            if fraction.is_empty() {
                return None;
            }
        }
        let fraction = fraction.trim_end_matches('0');
        if hour == 24 && (minute != 0 || second != 0 || !fraction.is_empty()) {
            return None;
        }
        Some((hour * 3600 + minute * 60 + second, fraction))
    }

    /// The time zone, and then nothing more.
    fn zone(&mut self) -> Option<Option<i64>> {
        let zone = match self.0.as_bytes().first() {
            None => return Some(None),
            Some(b'Z') => {
                self.0 = &self.0[1..];
                0
            }
            Some(sign @ (b'+' | b'-')) => {
                self.0 = &self.0[1..];
                let hours = self.two(0, 14)?;
                let minutes = self.literal(':')?.two(0, 59)?;
                let offset = hours * 60 + minutes;
                if offset > 14 * 60 {
                    return None;
                }
                if *sign == b'-' { -offset } else { offset }
            }
            Some(_) => return None,
        };
        self.0.is_empty().then_some(Some(zone))
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    // There is no year 0 in XSD 1.0: −1 is the year before 1, a leap year as year 0 would be.
    let year = if year < 0 { year + 1 } else { year };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1 March of year 0 (proleptic Gregorian), counting years from March so that the leap day comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if year < 0 { year + 1 } else { year };
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    year * 365 + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (month * 306 + 5) / 10
        + day
        - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_days_are_one_apart() {
        let mut last = days(-5, 12, 31);
        for year in (-4..0).chain(1..2105) {
            for month in 1..=12 {
                for day in 1..=days_in(year, month) {
                    assert_eq!(days(year, month, day), last + 1, "{year}-{month}-{day}");
                    last += 1;
                }
            }
        }
    }
}
