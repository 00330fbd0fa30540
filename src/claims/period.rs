//! Spans of legal days over which a rate is computed, and the words by which they are asked for.
//!
//! | text | days |
//! |---|---|
//! | `2026-10` | the month |
//! | `2026-Q4` | the quarter |
//! | `2026` | the calendar year |
//! | `ytd` | 1 January to the day handed in |
//! | `2026-11-22/ytd` | 1 January to that day |
//! | `rolling` | the twelve months that end on the day handed in |
//! | `2026-11-22/rolling` | the twelve months that end on that day |
//! | `2026-03-01/2026-05-31` | any days, both included, at most [`LONGEST_DAYS`] |

use std::fmt;

use crate::claims::time::Day;

/// The longest span that can be asked for, in days: ten years, twice the life of an agreement.
pub const LONGEST_DAYS: i32 = 3_653;

/// A span of days in Paris, first and last included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    form: Form,
    from: Day,
    to: Day,
}

/// How a period is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// A calendar month.
    Month,
    /// A calendar quarter.
    Quarter,
    /// A calendar year.
    Year,
    /// From 1 January to a day.
    YearToDate,
    /// The twelve months that end on a day.
    Rolling,
    /// Any first and last day.
    Days,
}

/// Why a text names no period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It has none of the forms.
    #[error(
        "a period is written 2026-10, 2026-Q4, 2026, ytd, 2026-11-22/ytd, rolling, 2026-11-22/rolling or 2026-03-01/2026-05-31"
    )]
    Form,
    /// Its last day is before its first.
    #[error("the last day of the period is before its first")]
    Backwards,
    /// It is longer than [`LONGEST_DAYS`].
    #[error("the period is longer than ten years")]
    TooLong,
}

impl Period {
    /// Reads one of the forms of this room; `today` is the last day of a bare `ytd` or `rolling`.
    pub fn parse(text: &str, today: Day) -> Result<Period, Invalid> {
        if text == "ytd" {
            return Ok(Period::year_to_date(today));
        }
        if text == "rolling" {
            return Ok(Period::rolling(today));
        }
        match text.split_once('/') {
            Some((day, "rolling")) => Ok(Period::rolling(Day::parse(day).ok_or(Invalid::Form)?)),
            Some((day, "ytd")) => Ok(Period::year_to_date(Day::parse(day).ok_or(Invalid::Form)?)),
            Some((from, to)) => Period::days(
                Day::parse(from).ok_or(Invalid::Form)?,
                Day::parse(to).ok_or(Invalid::Form)?,
            ),
            None => calendar_span(text).ok_or(Invalid::Form),
        }
    }

    /// The month of a day.
    pub fn month_of(day: Day) -> Period {
        Period::months(Form::Month, day, day.month(), 1)
    }

    /// The quarter of a day.
    pub fn quarter_of(day: Day) -> Period {
        Period::months(Form::Quarter, day, (day.month() - 1) / 3 * 3 + 1, 3)
    }

    /// The calendar year of a day.
    pub fn year_of(day: Day) -> Period {
        Period::months(Form::Year, day, 1, 12)
    }

    /// From 1 January of the day's year to that day.
    pub fn year_to_date(day: Day) -> Period {
        Period {
            form: Form::YearToDate,
            to: day,
            ..Period::year_of(day)
        }
    }

    /// The twelve months that end on a day: from the day after the same date of the year before. A day that
    /// the year before did not have, 29 February, begins on 1 March.
    pub fn rolling(day: Day) -> Period {
        let before = Day::new(day.year() - 1, day.month(), day.day_of_month());
        let from = before.map(|before| before.plus_days(1));
        Period {
            form: Form::Rolling,
            from: from
                .or_else(|| Day::new(day.year() - 1, 3, 1))
                .unwrap_or(day),
            to: day,
        }
    }

    /// Any days, both included.
    pub fn days(from: Day, to: Day) -> Result<Period, Invalid> {
        if to < from {
            return Err(Invalid::Backwards);
        }
        if to.number() - from.number() >= LONGEST_DAYS {
            return Err(Invalid::TooLong);
        }
        Ok(Period {
            form: Form::Days,
            from,
            to,
        })
    }

    /// How it is named.
    pub fn form(&self) -> Form {
        self.form
    }

    /// First day.
    pub fn from(&self) -> Day {
        self.from
    }

    /// Last day.
    pub fn to(&self) -> Day {
        self.to
    }

    /// Whether the day is in it.
    pub fn contains(&self, day: Day) -> bool {
        self.from <= day && day <= self.to
    }

    /// `count` months of the year of `day`, from month `first` on.
    fn months(form: Form, day: Day, first: u32, count: u32) -> Period {
        let (year, next) = (day.year(), first + count);
        let from = Day::new(year, first, 1).unwrap_or(day);
        let after = match next {
            13 => Day::new(year + 1, 1, 1),
            month => Day::new(year, month, 1),
        };
        Period {
            form,
            from,
            to: after.map_or(day, |after| after.plus_days(-1)),
        }
    }
}

impl Form {
    /// Every form.
    pub const ALL: [Form; 6] = [
        Form::Month,
        Form::Quarter,
        Form::Year,
        Form::YearToDate,
        Form::Rolling,
        Form::Days,
    ];

    /// The word used in labels and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Form::Month => "month",
            Form::Quarter => "quarter",
            Form::Year => "year",
            Form::YearToDate => "year_to_date",
            Form::Rolling => "rolling",
            Form::Days => "days",
        }
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Form> {
        Form::ALL.into_iter().find(|form| form.as_str() == word)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month) = (self.from.year(), self.from.month());
        match self.form {
            Form::Month => write!(out, "{year:04}-{month:02}"),
            Form::Quarter => write!(out, "{year:04}-Q{}", (month - 1) / 3 + 1),
            Form::Year => write!(out, "{year:04}"),
            Form::YearToDate => write!(out, "{}/ytd", self.to),
            Form::Rolling => write!(out, "{}/rolling", self.to),
            Form::Days => write!(out, "{}/{}", self.from, self.to),
        }
    }
}

/// Reads `YYYY`, `YYYY-MM` or `YYYY-Qn`.
fn calendar_span(text: &str) -> Option<Period> {
    let year = text.get(..4)?;
    if !year.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let first_of = |month: u32| Day::parse(&format!("{year}-{month:02}-01"));
    match text.get(4..)? {
        "" => first_of(1).map(Period::year_of),
        "-Q1" => first_of(1).map(Period::quarter_of),
        "-Q2" => first_of(4).map(Period::quarter_of),
        "-Q3" => first_of(7).map(Period::quarter_of),
        "-Q4" => first_of(10).map(Period::quarter_of),
        _month => Day::parse(&format!("{text}-01")).map(Period::month_of),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn a_period_is_read_and_written_the_same() {
        let today = day("2026-11-22");
        for (text, from, to, form) in [
            ("2026-10", "2026-10-01", "2026-10-31", Form::Month),
            ("2028-02", "2028-02-01", "2028-02-29", Form::Month),
            ("2026-12", "2026-12-01", "2026-12-31", Form::Month),
            ("2026-Q1", "2026-01-01", "2026-03-31", Form::Quarter),
            ("2026-Q4", "2026-10-01", "2026-12-31", Form::Quarter),
            ("2026", "2026-01-01", "2026-12-31", Form::Year),
            (
                "2026-11-22/ytd",
                "2026-01-01",
                "2026-11-22",
                Form::YearToDate,
            ),
            (
                "2026-11-22/rolling",
                "2025-11-23",
                "2026-11-22",
                Form::Rolling,
            ),
            (
                "2028-02-29/rolling",
                "2027-03-01",
                "2028-02-29",
                Form::Rolling,
            ),
            (
                "2029-02-28/rolling",
                "2028-02-29",
                "2029-02-28",
                Form::Rolling,
            ),
            (
                "2025-12-31/2026-01-01",
                "2025-12-31",
                "2026-01-01",
                Form::Days,
            ),
        ] {
            let period = Period::parse(text, today).unwrap();
            assert_eq!(
                (period.from(), period.to(), period.form()),
                (day(from), day(to), form),
                "{text}"
            );
            assert_eq!(period.to_string(), text);
        }
        let ytd = Period::parse("ytd", today).unwrap();
        assert_eq!(ytd.to_string(), "2026-11-22/ytd");
    }

    #[test]
    fn a_text_that_names_no_period_is_refused() {
        let today = day("2026-11-22");
        for (text, why) in [
            ("", Invalid::Form),
            ("26", Invalid::Form),
            ("2026-13", Invalid::Form),
            ("2026-1", Invalid::Form),
            ("2026-Q5", Invalid::Form),
            ("2026-q1", Invalid::Form),
            ("+026-10", Invalid::Form),
            ("20é6", Invalid::Form),
            ("2026-02-30/ytd", Invalid::Form),
            ("2026-03-01/", Invalid::Form),
            ("2026-03-02/2026-03-01", Invalid::Backwards),
            ("2016-01-01/2026-01-01", Invalid::TooLong),
        ] {
            assert_eq!(Period::parse(text, today), Err(why), "{text}");
        }
    }

    #[test]
    fn a_period_has_its_days_and_no_others() {
        let period = Period::month_of(day("2026-02-14"));
        assert!(period.contains(day("2026-02-01")) && period.contains(day("2026-02-28")));
        assert!(!period.contains(day("2026-01-31")) && !period.contains(day("2026-03-01")));
    }
}
