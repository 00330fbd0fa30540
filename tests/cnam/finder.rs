//! What the gateway finds: both sides are read from their files and laid side by side, centre by centre.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bordereau::claims::agreement::{Counting, PaperDuplicate, PaperSheets, RejectedUnit};
use bordereau::claims::document::{Exclusions, Kind, Mode};
use bordereau::claims::fraction::Fraction;
use bordereau::claims::id::{DocumentId, Finess, Number};
use bordereau::claims::period::Period;
use bordereau::claims::reconcile::bridge::{Difference, Span};
use bordereau::claims::reconcile::figures::{Figures, Month, Months};
use bordereau::claims::reconcile::ours::{Ours, Unit};
use bordereau::claims::reconcile::{Depth, reconcile};
use bordereau::claims::standing::{Receipted, Standing};
use bordereau::claims::tally::{DayBasis, Lateness};
use bordereau::claims::time::Day;
use bordereau::formats::figures::{Format, Limits, Reader};

/// All that was found.
#[derive(Default)]
pub struct Found {
    pub units: usize,
    pub rows: usize,
    pub centres: BTreeMap<Finess, Centre>,
    /// Centres and months whose bridge does not sum.
    pub broken: Vec<(Finess, Month)>,
}

/// What was found of one centre.
pub struct Centre {
    pub depth: Depth,
    pub differences: Vec<Difference>,
    pub months: BTreeMap<Month, Span>,
}

/// Reads both sides and compares them.
pub fn find(directory: &Path) -> Found {
    let read = |name: &str| fs::read_to_string(directory.join(name)).expect("a file");
    let limits = Limits {
        bytes: 1 << 30,
        ..Limits::default()
    };
    let theirs = read("theirs.csv");
    let theirs = Reader::default().read(theirs.as_bytes(), Format::Csv, &limits);
    let theirs = theirs.expect("figures");
    let ours = ours(&read("ours.csv"), &read("paper.csv"));
    let year = Day::new(2026, 1, 1)
        .map(Period::year_of)
        .and_then(Months::of);
    let year = year.expect("a year has whole months");
    let named = theirs.months_named();
    let months = year.each().filter(|month| named.contains(month)).collect();
    let mut found = Found {
        units: ours.values().map(|ours| ours.units.len()).sum(),
        rows: theirs
            .centres
            .values()
            .map(|f| f.counts.len() + f.documents.len())
            .sum(),
        ..Found::default()
    };
    let none = Figures::default();
    for (centre, ours) in &ours {
        let theirs = theirs.centres.get(centre).unwrap_or(&none);
        let result = reconcile(ours, theirs, &months);
        for (month, span) in &result.bridge.months {
            if !span.sums() {
                found.broken.push((*centre, *month));
            }
        }
        let centre_found = Centre {
            depth: Depth::of(theirs),
            differences: result.differences,
            months: result.bridge.months,
        };
        found.centres.insert(*centre, centre_found);
    }
    found
}

fn ours(units: &str, paper: &str) -> BTreeMap<Finess, Ours> {
    let mut centres: BTreeMap<Finess, Ours> = BTreeMap::new();
    for line in units.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let ours = centres.entry(finess(cells[0])).or_insert_with(empty);
        ours.units.push(unit(&cells));
    }
    for line in paper.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let ours = centres.entry(finess(cells[0])).or_insert_with(empty);
        ours.paper
            .insert(day(cells[1]), cells[2].parse().expect("sheets"));
    }
    centres
}

fn empty() -> Ours {
    Ours {
        counting: counting(),
        units: Vec::new(),
        paper: BTreeMap::new(),
    }
}

/// FSE and paper, the secured modes in the numerator.
pub fn counting() -> Counting {
    let numerator = [Mode::Secured, Mode::WithoutVitale, Mode::Clear];
    Counting {
        kinds: [Kind::Fse].into(),
        paper_sheets: PaperSheets::Counted,
        numerator_modes: numerator.into(),
        modes_shown_apart: [Mode::Degraded, Mode::Online, Mode::Sefi, Mode::Unsecured].into(),
        exclusions: Exclusions::NONE,
        day_basis: DayBasis::Clock,
        minimum_paper_coverage: Fraction::ONE,
        paper_duplicate: PaperDuplicate::Paper,
        rejected: RejectedUnit::Transmitted,
    }
}

fn unit(cells: &[&str]) -> Unit {
    let id = DocumentId(cells[1].parse().expect("an id"));
    let numbers = cells[2]
        .split(' ')
        .map(|number| (Kind::Fse, Number::parse(number).expect("a number")));
    let receipted = cells[6] == "true";
    let standing = Standing::ALL
        .into_iter()
        .find(|standing| standing.as_str() == cells[5]);
    Unit {
        root: id,
        latest: id,
        numbers: numbers.collect(),
        kind: Kind::Fse,
        mode: Mode::parse(cells[3]).expect("a mode"),
        day: day(cells[4]),
        standing: standing.expect("a standing"),
        receipted: if receipted {
            Receipted::Yes
        } else {
            Receipted::No
        },
        late: if receipted {
            Lateness::InTime
        } else {
            Lateness::Unproven
        },
        deadline: Some(day(cells[7])),
        exclusions: Exclusions::NONE,
        elsewhere: None,
    }
}

fn finess(text: &str) -> Finess {
    Finess::parse(text).expect("a FINESS")
}

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}
