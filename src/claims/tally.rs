//! Cells in which units are counted: fine enough for every policy, so that a rate is only a sum of cells.
//!
//! The unit of account is the line: a document and its replacements, counted once, on the days of its
//! root, with the kind, mode and standing of its latest document.

use std::fmt;

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
