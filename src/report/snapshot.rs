//! What was counted last, and up to which entry: all that rates and metrics are read from.
//!
//! A snapshot is made only of counts on which the independent counts agreed, and never changes. When a
//! later count differs, the same snapshot is published again with a mark.

use std::collections::BTreeMap;

use crate::claims::agreement::Agreements;
use crate::claims::entry::Position;
use crate::claims::id::Finess;
use crate::claims::obligation::{self, Obligation, Unbound};
use crate::claims::period::Period;
use crate::claims::registry::Centre;
use crate::claims::tally::Counts;
use crate::claims::time::{Day, Timestamp};
use crate::report::Error;
use crate::store::Tallies;

/// Counts of all centres that the independent counts agreed on.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// True up to this entry.
    pub position: Position,
    /// When it was counted; none before the first count.
    pub counted_at: Option<Timestamp>,
    /// What the last comparison said.
    pub soundness: Soundness,
    /// Registered centres and their counts.
    pub centres: BTreeMap<Finess, CentreCounts>,
    /// The obligations of the current month, quarter and year to date.
    pub current: Vec<Current>,
}

/// What the last comparison of the independent counts said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Soundness {
    /// Nothing has been compared yet.
    #[default]
    NotCounted,
    /// They agreed.
    Balanced,
    /// An earlier state, counted again by the second count alone.
    Recomputed,
    /// They differed, and these counts are older than that.
    Imbalanced {
        /// Since when.
        since: Timestamp,
        /// Units by which they differ.
        documents: u64,
    },
}

/// One centre: its registered versions and what was counted for it.
#[derive(Clone, Debug, Default)]
pub struct CentreCounts {
    /// Versions of its registration.
    pub versions: Vec<Centre>,
    /// Its cells.
    pub counts: Counts,
}

/// A current obligation.
#[derive(Clone, Debug)]
pub struct Current {
    /// The centre.
    pub centre: Finess,
    /// Its obligation over the current month, quarter or year to date.
    pub obligation: Obligation,
}

impl Snapshot {
    /// A balanced snapshot of tallies, as of an instant.
    pub fn balanced(
        at: Timestamp,
        tallies: Tallies,
        registry: BTreeMap<Finess, Vec<Centre>>,
        agreements: &Agreements,
    ) -> Snapshot {
        let centres = by_centre(tallies.units, tallies.paper, registry);
        Snapshot {
            position: tallies.position,
            counted_at: Some(at),
            soundness: Soundness::Balanced,
            current: current(&centres, at.day(), agreements),
            centres,
        }
    }

    /// The same snapshot on another day: its current periods are computed again.
    pub fn on(&self, at: Timestamp, agreements: &Agreements) -> Snapshot {
        Snapshot {
            current: current(&self.centres, at.day(), agreements),
            ..self.clone()
        }
    }

    /// The same snapshot, with the mark that a later count differs.
    pub fn imbalanced(&self, at: Timestamp, documents: u64) -> Snapshot {
        let since = match self.soundness {
            Soundness::Imbalanced { since, .. } => since,
            Soundness::NotCounted | Soundness::Balanced | Soundness::Recomputed => at,
        };
        Snapshot {
            soundness: Soundness::Imbalanced { since, documents },
            ..self.clone()
        }
    }

    /// The obligation of a centre over a period.
    ///
    /// # Errors
    /// [`Error::NotCounted`] before the first count, [`Error::UnknownCentre`], [`Error::Unbound`].
    pub fn obligation(
        &self,
        agreements: &Agreements,
        centre: Finess,
        period: Period,
    ) -> Result<Obligation, Error> {
        if self.counted_at.is_none() {
            return Err(Error::NotCounted);
        }
        let found = self.centres.get(&centre).ok_or(Error::UnknownCentre)?;
        Ok(found.obligation(agreements, period)?)
    }

    /// The registration of a centre on the last day of a period, closed or not.
    pub fn version(&self, centre: Finess, period: Period) -> Option<&Centre> {
        let versions = &self.centres.get(&centre)?.versions;
        versions.iter().rfind(|version| version.from <= period.to())
    }
}

impl CentreCounts {
    /// A registered centre of which nothing is counted yet.
    pub fn none(versions: Vec<Centre>) -> CentreCounts {
        CentreCounts {
            versions,
            counts: Counts::default(),
        }
    }

    /// The obligation of this centre over a period.
    pub fn obligation(
        &self,
        agreements: &Agreements,
        period: Period,
    ) -> Result<Obligation, Unbound> {
        obligation::of_centre(&self.versions, &self.counts, agreements, period)
    }
}

impl Soundness {
    /// The word used in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Soundness::NotCounted => "not counted",
            Soundness::Balanced => "balanced",
            Soundness::Recomputed => "recomputed",
            Soundness::Imbalanced { .. } => "imbalanced",
        }
    }
}

fn by_centre(
    units: BTreeMap<crate::claims::tally::Cell, i64>,
    paper: BTreeMap<crate::claims::tally::PaperCell, i64>,
    registry: BTreeMap<Finess, Vec<Centre>>,
) -> BTreeMap<Finess, CentreCounts> {
    let mut centres: BTreeMap<Finess, CentreCounts> = registry
        .into_iter()
        .map(|(finess, versions)| (finess, CentreCounts::none(versions)))
        .collect();
    for (cell, number) in units {
        let centre = centres.entry(cell.centre).or_default();
        centre.counts.add_units(cell, number);
    }
    for (cell, number) in paper {
        let centre = centres.entry(cell.centre).or_default();
        centre.counts.add_paper(cell, number);
    }
    centres
}

/// Month, quarter and year to date of each centre that an agreement binds on that day.
fn current(
    centres: &BTreeMap<Finess, CentreCounts>,
    today: Day,
    agreements: &Agreements,
) -> Vec<Current> {
    let periods = [
        Period::month_of(today),
        Period::quarter_of(today),
        Period::year_to_date(today),
    ];
    let mut found = Vec::new();
    for (finess, centre) in centres {
        // The series of a centre vanish when it leaves.
        if Centre::on(&centre.versions, today).is_none() {
            continue;
        }
        for period in periods {
            if let Ok(obligation) = centre.obligation(agreements, period) {
                found.push(Current {
                    centre: *finess,
                    obligation,
                });
            }
        }
    }
    found
}
