//! Cells in which units are counted: fine enough for every policy, so that a rate is only a sum of cells.
//!
//! The unit of account is the line: a document and its replacements, counted once, on the days of its
//! root, with the kind, mode and standing of its latest document.

use std::fmt;
use std::ops::Range;

use crate::claims::document::{Exclusions, Kind, Mode};
use crate::claims::id::{Amo, Destination, Finess};
use crate::claims::standing::{Receipted, Standing};
use crate::claims::time::Day;

/// Which of a unit's three days a cell counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DayBasis {
    /// The day that starts the legal clock.
    Clock,
    /// The day of the last act.
    Care,
    /// The day of admission.
    Reception,
}

/// Whether a unit was transmitted in time: its root's deadline against the proven attempt of its latest
/// document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lateness {
    /// Proven in time, or without deadline.
    InTime,
    /// Proven after the deadline.
    Late,
    /// Not proven yet.
    Unproven,
}

/// What units are counted by. Real documents only; tests are in no cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// By which day.
    pub basis: DayBasis,
    /// The sender.
    pub centre: Finess,
    /// The day of the root, in Paris.
    pub day: Day,
    /// Kind of the latest document.
    pub kind: Kind,
    /// Mode of the latest document.
    pub mode: Mode,
    /// Destination of the latest document.
    pub destination: Destination,
    /// Standing of the latest document.
    pub standing: Standing,
    /// Whether a positive receipt stands for the latest document.
    pub receipted: Receipted,
    /// Late or not.
    pub late: Lateness,
    /// Exclusions that apply to the latest document.
    pub exclusions: Exclusions,
}

/// Paper sheets declared by a centre for a day and caisse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaperCell {
    /// The centre.
    pub centre: Finess,
    /// The day.
    pub day: Day,
    /// The caisse; none on the row that says that the day is declared at all.
    pub caisse: Option<Amo>,
}

/// Cells of units and of paper sheets in order of their days, so that a span of days is read without the others.
/// A cell of which nothing is left is not kept. They lie in rows without gaps: a year of a centre has some
/// thousand cells, and the country three thousand centres.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    units: Vec<(Cell, i64)>,
    paper: Vec<(PaperCell, i64)>,
}

impl Counts {
    /// Adds units to a cell.
    pub fn add_units(&mut self, cell: Cell, number: i64) {
        add(&mut self.units, cell, number, |cell| {
            (cell.basis, cell.day, *cell)
        });
    }

    /// Adds sheets to a cell; 1 on the row without caisse declares the day.
    pub fn add_paper(&mut self, cell: PaperCell, number: i64) {
        add(&mut self.paper, cell, number, |cell| (cell.day, *cell));
    }

    /// Forgets the units of a day, to be counted again.
    pub fn forget_units(&mut self, basis: DayBasis, day: Day) {
        let span = self.units_between(basis, (day, day));
        self.units.drain(span);
    }

    /// Forgets the sheets of a day, to be counted again.
    pub fn forget_paper(&mut self, day: Day) {
        let span = self.paper_between((day, day));
        self.paper.drain(span);
    }

    /// The units of days, both included, by one basis.
    pub fn units(&self, basis: DayBasis, days: (Day, Day)) -> impl Iterator<Item = (&Cell, &i64)> {
        let units = &self.units[self.units_between(basis, days)];
        units.iter().map(|(cell, number)| (cell, number))
    }

    /// The sheets of days, both included.
    pub fn paper(&self, days: (Day, Day)) -> impl Iterator<Item = (&PaperCell, &i64)> {
        let paper = &self.paper[self.paper_between(days)];
        paper.iter().map(|(cell, number)| (cell, number))
    }

    fn units_between(&self, basis: DayBasis, (from, to): (Day, Day)) -> Range<usize> {
        between(
            &self.units,
            |cell| (cell.basis, cell.day) < (basis, from),
            |cell| (cell.basis, cell.day) <= (basis, to),
        )
    }

    fn paper_between(&self, (from, to): (Day, Day)) -> Range<usize> {
        between(&self.paper, |cell| cell.day < from, |cell| cell.day <= to)
    }
}

/// The rows between those before and those after; a span that ends before it begins is empty.
fn between<K>(
    rows: &[(K, i64)],
    is_before: impl Fn(&K) -> bool,
    is_not_after: impl Fn(&K) -> bool,
) -> Range<usize> {
    let from = rows.partition_point(|(cell, _)| is_before(cell));
    let to = rows.partition_point(|(cell, _)| is_not_after(cell));
    from..to.max(from)
}

fn add<K, O: Ord>(rows: &mut Vec<(K, i64)>, cell: K, number: i64, order: impl Fn(&K) -> O) {
    match rows.binary_search_by_key(&order(&cell), |(known, _)| order(known)) {
        Ok(row) => {
            rows[row].1 += number;
            if rows[row].1 == 0 {
                rows.remove(row);
            }
        }
        Err(row) if number != 0 => rows.insert(row, (cell, number)),
        Err(_) => {}
    }
}

impl DayBasis {
    /// Every basis.
    pub const ALL: [DayBasis; 3] = [DayBasis::Clock, DayBasis::Care, DayBasis::Reception];

    /// The word used in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            DayBasis::Clock => "clock",
            DayBasis::Care => "care",
            DayBasis::Reception => "reception",
        }
    }
}

/// For people: basis, centre, day and closed words.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {} {} {} {}",
            self.basis.as_str(),
            self.centre,
            self.day,
            self.kind.as_str(),
            self.mode.as_str(),
            self.standing.as_str(),
            self.late.as_str(),
        )
    }
}

impl Lateness {
    /// The word used in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Lateness::InTime => "in time",
            Lateness::Late => "late",
            Lateness::Unproven => "unproven",
        }
    }
}
