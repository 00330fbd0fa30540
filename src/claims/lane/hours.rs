//! When an endpoint takes lots: its hours in Paris, on which days of the week, and the days on which it is closed.
//!
//! Pure: an instant is handed in. An endpoint that never opens cannot be written down, so there is always a next
//! opening.

use std::collections::BTreeSet;

use chrono::{Datelike, Weekday};

use crate::claims::calendar;
use crate::claims::terms::Region;
use crate::claims::time::{Day, Timestamp};

/// Closed days that one endpoint may name: three years of them.
const MOST_CLOSED: usize = 1100;

/// Days that are looked at for an opening: each week has an open day unless it is closed by name or by law.
const HORIZON: i32 = 7 * (MOST_CLOSED as i32 + 2);

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// When an endpoint takes lots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// From Monday, the spans of each day in order.
    week: [Vec<Span>; 7],
    closed: BTreeSet<Day>,
    holidays: Holidays,
}

/// Whether an endpoint takes lots on public holidays (L3133-1 Code du travail).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Holidays {
    /// As on any other day.
    #[default]
    Open,
    /// Not at all.
    Closed,
}

/// Why hours cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A line is not of the form that is asked.
    #[error("`{0}` is not of the form `mon-fri 08:00-18:00`")]
    Line(String),
    /// A day is none.
    #[error("`{0}` is no day of the form 2026-12-24")]
    Day(String),
    /// More closed days than can be looked through.
    #[error("at most {MOST_CLOSED} closed days can be named")]
    TooMany,
}

/// Minutes of a day, from one up to and without another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    from: u16,
    to: u16,
}

impl Hours {
    /// Day and night, every day.
    pub fn always() -> Hours {
        Hours {
            week: [(); 7].map(|()| vec![Span { from: 0, to: DAY }]),
            closed: BTreeSet::new(),
            holidays: Holidays::Open,
        }
    }

    /// Reads lines like `mon-fri 08:00-18:00` or `sat 09:00-24:00`, and closed days like `2026-12-24`. No line is day
    /// and night; with lines, a day that none names is closed.
    ///
    /// # Errors
    /// For what is not of these forms.
    pub fn parse(lines: &[String], closed: &[String], holidays: Holidays) -> Result<Hours, Error> {
        let mut hours = Hours {
            closed: days(closed)?,
            holidays,
            ..Hours::always()
        };
        if !lines.is_empty() {
            hours.week = <[Vec<Span>; 7]>::default();
        }
        for text in lines {
            let (days, span) = line(text).ok_or_else(|| Error::Line(text.clone()))?;
            for day in days {
                hours.week[day].push(span);
                hours.week[day].sort_unstable();
            }
        }
        Ok(hours)
    }

    /// The first instant, from this one on, at which lots are taken.
    pub fn opens(&self, at: Timestamp) -> Timestamp {
        let today = at.day();
        let mut days = (0..HORIZON).map(|days| today.plus_days(days));
        days.find_map(|day| self.opens_on(day, at))
            .unwrap_or(Timestamp::MAX)
    }

    fn opens_on(&self, day: Day, at: Timestamp) -> Option<Timestamp> {
        let holiday = match self.holidays {
            Holidays::Open => false,
            Holidays::Closed => calendar::is_holiday(day, Region::Metropole),
        };
        if holiday || self.closed.contains(&day) {
            return None;
        }
        let weekday = day.date().weekday().num_days_from_monday() as usize;
        let mut spans = self.week[weekday].iter();
        let span = spans.find(|span| day.at_minute(span.to) > at)?;
        Some(day.at_minute(span.from).max(at))
    }
}

fn days(texts: &[String]) -> Result<BTreeSet<Day>, Error> {
    if texts.len() > MOST_CLOSED {
        return Err(Error::TooMany);
    }
    let day = |text: &String| Day::parse(text).ok_or_else(|| Error::Day(text.clone()));
    texts.iter().map(day).collect()
}

/// The days of a line, from 0 for Monday, and its span.
fn line(text: &str) -> Option<(std::ops::RangeInclusive<usize>, Span)> {
    let (days, span) = text.split_once(' ')?;
    let (first, last) = days.split_once('-').unwrap_or((days, days));
    let (first, last) = (weekday(first)?, weekday(last)?);
    let (from, to) = span.split_once('-')?;
    let (from, to) = (minute(from)?, minute(to)?);
    (first <= last && from < to).then_some((first..=last, Span { from, to }))
}

fn weekday(text: &str) -> Option<usize> {
    let day = match text {
        "mon" => Weekday::Mon,
        "tue" => Weekday::Tue,
        "wed" => Weekday::Wed,
        "thu" => Weekday::Thu,
        "fri" => Weekday::Fri,
        "sat" => Weekday::Sat,
        "sun" => Weekday::Sun,
        _ => return None,
    };
    Some(day.num_days_from_monday() as usize)
}

/// `HH:MM`, exactly, up to `24:00`.
fn minute(text: &str) -> Option<u16> {
    let [a, b, b':', c, d] = text.as_bytes() else {
        return None;
    };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
    let hours = digit(a)? * 10 + digit(b)?;
    let minutes = digit(c)? * 10 + digit(d)?;
    (minutes < 60 && hours * 60 + minutes <= DAY).then_some(hours * 60 + minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn opens(hours: &Hours, at: &str) -> String {
        hours.opens(Timestamp::parse(at).unwrap()).to_string()
    }

    #[test]
    #[rustfmt::skip]
    fn an_endpoint_opens_in_paris() {
        let lines = texts(&["mon-fri 08:00-12:00", "mon-fri 14:00-18:30", "sat 02:30-24:00"]);
        let closed = texts(&["2026-11-24"]);
        let hours = Hours::parse(&lines, &closed, Holidays::Closed).unwrap();
        for (at, expected) in [
            // A Friday in winter, from before the opening to after the closing.
            ("2026-11-20T06:59:59Z", "2026-11-20T07:00:00.000Z"),
            ("2026-11-20T07:00:00Z", "2026-11-20T07:00:00.000Z"),
            ("2026-11-20T10:59:59.999Z", "2026-11-20T10:59:59.999Z"),
            ("2026-11-20T11:00:00Z", "2026-11-20T13:00:00.000Z"),
            ("2026-11-20T17:29:59Z", "2026-11-20T17:29:59.000Z"),
            ("2026-11-20T17:30:00Z", "2026-11-21T01:30:00.000Z"),
            // Saturday to its end, then Monday; Tuesday is closed by name.
            ("2026-11-21T22:59:00Z", "2026-11-21T22:59:00.000Z"),
            ("2026-11-21T23:00:00Z", "2026-11-23T07:00:00.000Z"),
            ("2026-11-23T17:30:00Z", "2026-11-25T07:00:00.000Z"),
            // The Armistice is a Wednesday.
            ("2026-11-10T20:00:00Z", "2026-11-12T07:00:00.000Z"),
            // Summer: the same hours are an hour earlier in UTC.
            ("2026-06-01T05:00:00Z", "2026-06-01T06:00:00.000Z"),
        ] {
            assert_eq!(opens(&hours, at), expected, "{at}");
        }
    }

    #[test]
    fn an_hour_that_the_clocks_skip_begins_when_they_have_skipped_it() {
        let hours = Hours::parse(&texts(&["sun 02:30-06:00"]), &[], Holidays::Open).unwrap();
        for (at, expected) in [
            // Spring: 02:30 is not there. Autumn: it is there twice, and the first counts.
            ("2026-03-28T12:00:00Z", "2026-03-29T01:30:00.000Z"),
            ("2026-10-24T12:00:00Z", "2026-10-25T00:30:00.000Z"),
        ] {
            assert_eq!(opens(&hours, at), expected, "{at}");
        }
    }

    #[test]
    fn without_lines_only_the_closed_days_are_closed() {
        let hours = Hours::parse(&[], &texts(&["2026-12-24"]), Holidays::Closed).unwrap();
        for (at, expected) in [
            ("2026-12-23T22:59:59Z", "2026-12-23T22:59:59.000Z"),
            ("2026-12-23T23:00:00Z", "2026-12-25T23:00:00.000Z"),
        ] {
            assert_eq!(opens(&hours, at), expected, "{at}");
        }
        let now = Timestamp::parse("2026-12-25T03:00:00Z").unwrap();
        assert_eq!(Hours::always().opens(now), now);
    }

    #[test]
    fn the_most_closed_days_still_end() {
        let first = Day::new(2026, 1, 1).unwrap();
        let every_monday = |week| first.plus_days(4 + 7 * week).to_string();
        let closed: Vec<_> = (0..MOST_CLOSED as i32).map(every_monday).collect();
        let lines = texts(&["mon 08:00-09:00"]);
        let hours = Hours::parse(&lines, &closed, Holidays::Closed).unwrap();
        let opens = hours.opens(first.start());
        assert!(opens < Timestamp::MAX, "{opens}");
        let more: Vec<_> = closed.iter().chain(&closed).cloned().collect();
        let refused = Hours::parse(&lines, &more, Holidays::Open);
        assert_eq!(refused, Err(Error::TooMany));
    }

    #[test]
    fn what_is_no_hour_or_day_is_refused() {
        for line in [
            "",
            "mon",
            "mon 8:00-18:00",
            "mon 08:00",
            "mon 08:00-08:00",
            "mon 18:00-08:00",
            "fri-mon 08:00-18:00",
            "monday 08:00-18:00",
            "mon 08:00-24:01",
            "mon 08:60-18:00",
            "mon  08:00-18:00",
            "mon +8:00-18:00",
        ] {
            let refused = Hours::parse(&texts(&[line]), &[], Holidays::Open);
            assert_eq!(refused, Err(Error::Line(line.to_owned())), "{line}");
        }
        let refused = Hours::parse(&[], &texts(&["24/12/2026"]), Holidays::Open);
        assert_eq!(refused, Err(Error::Day("24/12/2026".to_owned())));
    }
}
