//! Jours ouvrés: the working days on which the deadlines of R161-47 CSS are counted.
//!
//! Eleven public holidays (L3133-1 Code du travail), Easter computed for any year, and the two more of
//! Alsace-Moselle (L3134-13). Nothing here knows what a deadline is, and nothing reads a clock.

use chrono::{Datelike, Weekday};

use crate::claims::terms::{DayCount, Region, Terms};
use crate::claims::time::Day;

/// A way of counting days: the holidays of a region and the days of the week that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// The holidays.
    pub region: Region,
    /// The days of the week.
    pub count: DayCount,
}

impl Calendar {
    /// The calendar of a region as the terms count days.
    pub fn new(region: Region, terms: &Terms) -> Calendar {
        let count = terms.day_count;
        Calendar { region, count }
    }

    /// Whether the day counts: a day of the week that counts, and no holiday.
    pub fn is_working(self, day: Day) -> bool {
        let rest = match day.date().weekday() {
            Weekday::Sun => true,
            Weekday::Sat => match self.count {
                DayCount::Ouvres => true,
                DayCount::Ouvrables => false,
            },
            Weekday::Mon | Weekday::Tue | Weekday::Wed | Weekday::Thu | Weekday::Fri => false,
        };
        !rest && !is_holiday(day, self.region)
    }

    /// The `days`-th working day after `day`, which is itself day 0 whether it is a working day or not.
    ///
    /// Zero days give `day` back.
    pub fn add_working_days(self, day: Day, days: u32) -> Day {
        let mut last = day;
        for _ in 0..days {
            last = self.next_working_day(last);
        }
        last
    }

    /// How many working days lie after `from` up to and including `to`; none when `to` is not later.
    pub fn working_days_between(self, from: Day, to: Day) -> u32 {
        let days = (from.number().saturating_add(1)..=to.number()).filter_map(Day::from_number);
        let working = days.filter(|day| self.is_working(*day)).count();
        u32::try_from(working).unwrap_or(u32::MAX)
    }

    fn next_working_day(self, day: Day) -> Day {
        // A year has working days in every fortnight, so the fifteenth step is never taken.
        (1..=15)
            .map(|step| day.plus_days(step))
            .find(|day| self.is_working(*day))
            .unwrap_or(day)
    }
}

/// Whether a day is a public holiday of a region.
pub fn is_holiday(day: Day, region: Region) -> bool {
    let fixed = matches!(
        (day.month(), day.day_of_month()),
        (1, 1) | (5, 1) | (5, 8) | (7, 14) | (8, 15) | (11, 1) | (11, 11) | (12, 25)
    );
    let from_easter = easter(day.year()).map(|easter| day.number() - easter.number());
    // Easter Monday, Ascension, Whit Monday.
    let moving = matches!(from_easter, Some(1 | 39 | 50));
    let local = match region {
        Region::Metropole => false,
        Region::AlsaceMoselle => {
            let saint_stephen = (day.month(), day.day_of_month()) == (12, 26);
            let good_friday = from_easter == Some(-2);
            saint_stephen || good_friday
        }
    };
    fixed || moving || local
}

/// Easter Sunday of the Gregorian calendar, by the anonymous computus (Meeus, Jones, Butcher).
///
/// None where the calendar itself has no such year.
pub fn easter(year: i32) -> Option<Day> {
    let golden = year.rem_euclid(19);
    let century = year.div_euclid(100);
    let year_of_century = year.rem_euclid(100);
    let moon_correction = (century - (century + 8).div_euclid(25) + 1).div_euclid(3);
    let epact =
        (19 * golden + century - century.div_euclid(4) - moon_correction + 15).rem_euclid(30);
    let weekday = (32 + 2 * century.rem_euclid(4) + 2 * year_of_century.div_euclid(4)
        - epact
        - year_of_century.rem_euclid(4))
    .rem_euclid(7);
    let late = (golden + 11 * epact + 22 * weekday).div_euclid(451);
    let days = epact + weekday - 7 * late + 114;
    let month = u32::try_from(days.div_euclid(31)).ok()?;
    let day = u32::try_from(days.rem_euclid(31) + 1).ok()?;
    Day::new(year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    const METROPOLE: Calendar = Calendar {
        region: Region::Metropole,
        count: DayCount::Ouvres,
    };

    /// The holidays of a year, in order.
    fn holidays(year: i32, region: Region) -> Vec<Day> {
        let first = Day::new(year, 1, 1).unwrap();
        (0..366)
            .map(|days| first.plus_days(days))
            .filter(|day| day.year() == year && is_holiday(*day, region))
            .collect()
    }

    #[rustfmt::skip]
    /// Easter Sundays 1990–2060 as published (month and day).
    const EASTERS: [(i32, u32, u32); 71] = [
        (1990, 4, 15), (1991, 3, 31), (1992, 4, 19), (1993, 4, 11), (1994, 4, 3),
        (1995, 4, 16), (1996, 4, 7), (1997, 3, 30), (1998, 4, 12), (1999, 4, 4),
        (2000, 4, 23), (2001, 4, 15), (2002, 3, 31), (2003, 4, 20), (2004, 4, 11),
        (2005, 3, 27), (2006, 4, 16), (2007, 4, 8), (2008, 3, 23), (2009, 4, 12),
        (2010, 4, 4), (2011, 4, 24), (2012, 4, 8), (2013, 3, 31), (2014, 4, 20),
        (2015, 4, 5), (2016, 3, 27), (2017, 4, 16), (2018, 4, 1), (2019, 4, 21),
        (2020, 4, 12), (2021, 4, 4), (2022, 4, 17), (2023, 4, 9), (2024, 3, 31),
        (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2028, 4, 16), (2029, 4, 1),
        (2030, 4, 21), (2031, 4, 13), (2032, 3, 28), (2033, 4, 17), (2034, 4, 9),
        (2035, 3, 25), (2036, 4, 13), (2037, 4, 5), (2038, 4, 25), (2039, 4, 10),
        (2040, 4, 1), (2041, 4, 21), (2042, 4, 6), (2043, 3, 29), (2044, 4, 17),
        (2045, 4, 9), (2046, 3, 25), (2047, 4, 14), (2048, 4, 5), (2049, 4, 18),
        (2050, 4, 10), (2051, 4, 2), (2052, 4, 21), (2053, 4, 6), (2054, 3, 29),
        (2055, 4, 18), (2056, 4, 2), (2057, 4, 22), (2058, 4, 14), (2059, 3, 30),
        (2060, 4, 18),
    ];

    #[test]
    fn easter_falls_where_it_is_published() {
        for (year, month, date) in EASTERS {
            assert_eq!(easter(year), Day::new(year, month, date), "{year}");
        }
    }

    #[test]
    fn holidays_of_a_year_in_full() {
        for (year, moving) in [
            (2025, ["2025-04-21", "2025-05-29", "2025-06-09"]),
            (2026, ["2026-04-06", "2026-05-14", "2026-05-25"]),
            (2027, ["2027-03-29", "2027-05-06", "2027-05-17"]),
            (2028, ["2028-04-17", "2028-05-25", "2028-06-05"]),
            (2029, ["2029-04-02", "2029-05-10", "2029-05-21"]),
            (2030, ["2030-04-22", "2030-05-30", "2030-06-10"]),
        ] {
            let fixed = [
                "01-01", "05-01", "05-08", "07-14", "08-15", "11-01", "11-11", "12-25",
            ];
            let mut expected: Vec<Day> = fixed
                .iter()
                .map(|date| day(&format!("{year}-{date}")))
                .chain(moving.into_iter().map(day))
                .collect();
            expected.sort_unstable();
            assert_eq!(holidays(year, Region::Metropole), expected, "{year}");
        }
    }

    #[test]
    fn alsace_moselle_has_two_more() {
        for (year, good_friday) in [
            (2025, "2025-04-18"),
            (2026, "2026-04-03"),
            (2027, "2027-03-26"),
            (2028, "2028-04-14"),
            (2029, "2029-03-30"),
            (2030, "2030-04-19"),
        ] {
            let everywhere = holidays(year, Region::Metropole);
            let more: Vec<Day> = holidays(year, Region::AlsaceMoselle)
                .into_iter()
                .filter(|day| !everywhere.contains(day))
                .collect();
            assert_eq!(more, [day(good_friday), day(&format!("{year}-12-26"))]);
        }
    }

    #[test]
    fn working_days_are_added() {
        let alsace = Calendar {
            region: Region::AlsaceMoselle,
            ..METROPOLE
        };
        let ouvrables = Calendar {
            count: DayCount::Ouvrables,
            ..METROPOLE
        };
        for (calendar, from, days, to, why) in [
            (METROPOLE, "2026-11-16", 3, "2026-11-19", "within a week"),
            (METROPOLE, "2026-11-19", 3, "2026-11-24", "over a week-end"),
            (METROPOLE, "2026-11-21", 1, "2026-11-23", "from a Saturday"),
            (
                METROPOLE,
                "2026-11-10",
                1,
                "2026-11-12",
                "over the Armistice",
            ),
            (METROPOLE, "2026-12-24", 3, "2026-12-30", "over Christmas"),
            (
                METROPOLE,
                "2026-12-31",
                1,
                "2027-01-04",
                "over the year's end",
            ),
            (METROPOLE, "2026-05-13", 1, "2026-05-15", "over Ascension"),
            (METROPOLE, "2028-02-28", 2, "2028-03-01", "over a leap day"),
            (METROPOLE, "2026-11-21", 0, "2026-11-21", "no days"),
            (
                alsace,
                "2026-04-02",
                1,
                "2026-04-07",
                "Good Friday and Easter Monday",
            ),
            (
                METROPOLE,
                "2026-04-02",
                1,
                "2026-04-03",
                "Good Friday elsewhere",
            ),
            (alsace, "2028-12-22", 2, "2028-12-28", "26 December"),
            (
                ouvrables,
                "2026-11-20",
                1,
                "2026-11-21",
                "a Saturday counts",
            ),
            (ouvrables, "2026-11-21", 1, "2026-11-23", "a Sunday never"),
        ] {
            let found = calendar.add_working_days(day(from), days);
            assert_eq!(found, day(to), "{why}");
        }
    }

    #[test]
    fn counting_is_the_inverse_of_adding() {
        for region in [Region::Metropole, Region::AlsaceMoselle] {
            for count in [DayCount::Ouvres, DayCount::Ouvrables] {
                let calendar = Calendar { region, count };
                for start in 0..400 {
                    let from = day("2026-01-01").plus_days(start);
                    for days in [0, 1, 3, 8, 20] {
                        let to = calendar.add_working_days(from, days);
                        assert_eq!(calendar.working_days_between(from, to), days, "{from}");
                    }
                }
            }
        }
    }

    #[test]
    fn no_working_days_lie_between_a_day_and_an_earlier_one() {
        let (from, to) = (day("2026-11-20"), day("2026-11-10"));
        assert_eq!(METROPOLE.working_days_between(from, to), 0);
    }
}
