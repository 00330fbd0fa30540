//! The forecast against years whose end is known: how many centres end inside the spread that was told before.

use bordereau::claims::calendar::Calendar;
use bordereau::claims::document::{Exclusions, Kind, Mode};
use bordereau::claims::forecast::{WHOLE, Working, forecast};
use bordereau::claims::id::{Amo, Destination, Finess};
use bordereau::claims::standing::{Receipted, Standing};
use bordereau::claims::tally::{Cell, Counts, DayBasis, Lateness};
use bordereau::claims::terms::{DayCount, Region};
use bordereau::claims::time::Day;

use crate::finder;
use crate::generator::{self, Dice};

/// Centres whose year is made.
const CENTRES: u32 = 400;

/// The share of centres inside an 80 % spread that a sample of this size may show.
const BAND: std::ops::RangeInclusive<f64> = 0.70..=0.92;

#[test]
fn the_year_ends_inside_the_spread_about_as_often_as_told() {
    let calendar = Calendar {
        region: Region::Metropole,
        count: DayCount::Ouvres,
    };
    let counting = finder::counting();
    let working = Working {
        first: day("2026-01-01"),
        last: day("2026-12-31"),
    };
    for (months, last) in [(3, "2026-03-31"), (6, "2026-06-30"), (9, "2026-09-30")] {
        let (mut inside, mut all) = (0, 0);
        for n in 0..CENTRES {
            let year = generator::months(&mut Dice::new(u64::from(n) + 77));
            let (good, every) = year
                .iter()
                .fold((0, 0), |(g, e), (good, bad)| (g + good, e + good + bad));
            let share = i64::from(good) * WHOLE / i64::from(every);
            let counts = counts(&generator::finess(n), &year[..months]);
            let found = forecast(&counting, &[], &counts, (calendar, working), day(last));
            let found = found.expect("a forecast");
            let (low, high) = found.spread.expect("a spread");
            inside += u32::from((low..=high).contains(&share));
            all += 1;
        }
        let part = f64::from(inside) / f64::from(all);
        println!(
            "after {months} months: {inside} of {all} inside, {:.1} %",
            part * 100.0
        );
        assert!(BAND.contains(&part), "after {months} months: {part}");
    }
}

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

/// Months of a centre: acknowledged documents on the tenth, and others that never count.
fn counts(centre: &str, months: &[(u32, u32)]) -> Counts {
    let mut units = Counts::default();
    for (index, (good, bad)) in months.iter().enumerate() {
        let month = u32::try_from(index + 1).expect("a month");
        let mut put = |mode, number: u32| {
            let cell = Cell {
                basis: DayBasis::Clock,
                centre: Finess::parse(centre).expect("a FINESS"),
                day: Day::new(2026, month, 10).expect("a day"),
                kind: Kind::Fse,
                mode,
                destination: Destination::Amo(Amo::new("01", "751", "0000").expect("a caisse")),
                standing: Standing::Paid,
                receipted: Receipted::Yes,
                late: Lateness::InTime,
                exclusions: Exclusions::NONE,
            };
            units.add_units(cell, i64::from(number));
        };
        put(Mode::Secured, *good);
        put(Mode::Degraded, *bad);
    }
    units
}
