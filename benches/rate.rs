//! What a scrape and an interval cost over all 3 005 centres of the country.
//!
//! A year to date of every centre: the current periods and the forecast are computed from cells of each day; a scrape
//! renders the snapshot, with forecasts and ages, and an interval takes up the days of some centres.

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;

use bordereau::claims::agreement::Agreements;
use bordereau::claims::document::{Exclusions, Kind, Mode};
use bordereau::claims::entry::Position;
use bordereau::claims::id::{Amo, Destination, Finess, Name};
use bordereau::claims::registry::{Category, Centre};
use bordereau::claims::standing::{Receipted, Standing};
use bordereau::claims::tally::{Cell, DayBasis, Lateness, PaperCell};
use bordereau::claims::terms::Region;
use bordereau::claims::time::{Day, Timestamp};
use bordereau::config;
use bordereau::report::CentreLabel;
use bordereau::report::count::snapshot::{LastMade, Snapshot};
use bordereau::report::exposition;
use bordereau::store::{Covered, Tallies, TalliesSince};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const CENTRES: usize = 3_005;
/// Days of each centre with activity.
const DAYS: i32 = 40;

fn caisse() -> Amo {
    Amo::new("01", "751", "0000").expect("a caisse")
}

fn centres() -> Vec<Finess> {
    let numbers = (0..).map(|number| format!("75{number:07}"));
    let found = numbers.filter_map(|text| Finess::parse(&text).ok());
    found.take(CENTRES).collect()
}

fn registry(centres: &[Finess]) -> BTreeMap<Finess, Vec<Centre>> {
    let version = |(index, finess): (usize, &Finess)| Centre {
        finess: *finess,
        name: "Centre".into(),
        category: Category::ALL[index % 4],
        gestionnaire: Name::parse("750000028").expect("a name"),
        caisse: caisse(),
        region: Region::Metropole,
        agreement: Name::parse("national-2025").expect("a name"),
        from: Day::new(2020, 1, 1).expect("a day"),
        until: None,
    };
    let versions = centres.iter().enumerate();
    versions.map(|row| (*row.1, vec![version(row)])).collect()
}

/// Units of three standings and a declaration on a day.
fn count(tallies: &mut Tallies, centre: Finess, day: Day) {
    for basis in DayBasis::ALL {
        for standing in [Standing::Paid, Standing::InLot, Standing::Refused] {
            let receipted = if standing == Standing::Paid {
                Receipted::Yes
            } else {
                Receipted::No
            };
            let cell = Cell {
                basis,
                centre,
                day,
                kind: Kind::Fse,
                mode: Mode::Secured,
                destination: Destination::Amo(caisse()),
                standing,
                receipted,
                late: Lateness::InTime,
                exclusions: Exclusions::NONE,
            };
            tallies.units.insert(cell, 7);
        }
    }
    let declared = PaperCell {
        centre,
        day,
        caisse: None,
    };
    tallies.paper.insert(declared, 1);
}

fn agreements() -> Agreements {
    config::agreements::load(&[]).expect("the shipped agreements")
}

fn rate(criterion: &mut Criterion) {
    let (centres, agreements) = (centres(), agreements());
    let first = Day::new(2026, 10, 1).expect("a day");
    let at = Timestamp::parse("2026-11-22T12:00:00Z").expect("an instant");
    let mut tallies = Tallies::default();
    for centre in &centres {
        for offset in 0..DAYS {
            count(&mut tallies, *centre, first.plus_days(offset));
        }
    }
    let registry = registry(&centres);
    let evidence = LastMade {
        statement: Timestamp::parse("2026-11-01T08:00:00Z"),
        reconciliation: Timestamp::parse("2026-11-15T08:00:00Z"),
    };
    let snapshot = Snapshot::balanced(at, tallies, registry.clone(), &agreements).with(evidence);
    let everyone = CentreLabel::UpTo(4_000);
    let text = exposition::render(&snapshot, &agreements, everyone, at);
    let forecasts = text.matches("bordereau_obligation_forecast_ratio{").count();
    let ages = text.matches("_age_seconds ").count();
    assert!(forecasts == CENTRES && ages > 1, "{forecasts} and {ages}");
    criterion.bench_function("scrape of 3005 centres", |bencher| {
        bencher.iter(|| exposition::render(black_box(&snapshot), &agreements, everyone, at));
    });
    let mut days = BTreeSet::new();
    let mut changes = Tallies {
        position: Position(1),
        ..Tallies::default()
    };
    for centre in centres.iter().step_by(30) {
        let day = first.plus_days(DAYS);
        count(&mut changes, *centre, day);
        days.insert((*centre, day));
    }
    let changed = TalliesSince {
        tallies: changes,
        covered: Covered::Days(days),
    };
    criterion.bench_function("interval in which 101 centres changed", |bencher| {
        bencher.iter_batched(
            || (changed.clone(), registry.clone()),
            |(changed, registry)| snapshot.advanced(at, changed, registry, &agreements),
            BatchSize::LargeInput,
        );
    });
}

criterion_group!(benches, rate);
criterion_main!(benches);
