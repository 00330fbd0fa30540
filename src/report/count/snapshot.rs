//! What was counted last, and up to which entry: all that rates and metrics are read from.
//!
//! A snapshot is made only of counts on which the independent counts agreed, and never changes. When a
//! later count differs, the same snapshot is published again with a mark.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::claims::agreement::Agreements;
use crate::claims::entry::Position;
use crate::claims::id::Finess;
use crate::claims::obligation::{self, Obligation, Unbound};
use crate::claims::period::{Form, Period};
use crate::claims::reconcile::bridge::Count;
use crate::claims::registry::Centre;
use crate::claims::tally::{Counts, DayBasis};
use crate::claims::time::{Day, Timestamp};
use crate::report::Error;
use crate::report::rate::forecast;
use crate::store::{Covered, Tallies, TalliesSince};

/// Counts of all centres that the independent counts agreed on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// True up to this entry.
    pub position: Position,
    /// When it was counted; none before the first count.
    pub counted_at: Option<Timestamp>,
    /// What the last comparison said.
    pub soundness: Soundness,
    /// Registered centres and their counts; those that did not change are shared with the snapshot before.
    pub centres: BTreeMap<Finess, Arc<CentreCounts>>,
    /// When evidence was last made of it.
    pub evidence: LastMade,
}

/// When the last statement and the last reconciliation were made; none where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastMade {
    /// The last statement.
    pub statement: Option<Timestamp>,
    /// The last reconciliation.
    pub reconciliation: Option<Timestamp>,
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CentreCounts {
    /// Versions of its registration.
    pub versions: Vec<Centre>,
    /// Its cells.
    pub counts: Counts,
    /// Its obligations over the current month, quarter and year to date; none when it has left or nothing binds
    /// it, so that its series vanish.
    pub current: Vec<Obligation>,
    /// Where its year ends at the present pace; none where the fate of nothing of this year is known, when it has
    /// left or nothing binds it, and when the year will be counted otherwise than the year to date is now.
    pub forecast: Option<Count>,
}

impl Snapshot {
    /// A balanced snapshot of tallies, as of an instant.
    pub fn balanced(
        at: Timestamp,
        tallies: Tallies,
        registry: BTreeMap<Finess, Vec<Centre>>,
        agreements: &Agreements,
    ) -> Snapshot {
        let mut centres = by_centre(tallies.units, tallies.paper, registry);
        for centre in centres.values_mut() {
            centre.begin(at.day(), agreements);
        }
        let shared = centres.into_iter();
        Snapshot {
            position: tallies.position,
            counted_at: Some(at),
            soundness: Soundness::Balanced,
            centres: shared
                .map(|(finess, centre)| (finess, Arc::new(centre)))
                .collect(),
            evidence: LastMade::default(),
        }
    }

    /// With when evidence was last made.
    #[must_use]
    pub fn with(self, evidence: LastMade) -> Snapshot {
        Snapshot { evidence, ..self }
    }

    /// This balanced snapshot with the tallies that changed since. Only centres that changed are computed again,
    /// unless another day has begun.
    #[must_use]
    pub fn advanced(
        &self,
        at: Timestamp,
        changed: TalliesSince,
        registry: BTreeMap<Finess, Vec<Centre>>,
        agreements: &Agreements,
    ) -> Snapshot {
        let days = match changed.covered {
            Covered::Everything => {
                return Snapshot::balanced(at, changed.tallies, registry, agreements);
            }
            Covered::Days(days) => days,
        };
        let mut next = Snapshot {
            position: changed.tallies.position,
            counted_at: Some(at),
            soundness: Soundness::Balanced,
            ..self.clone()
        };
        let mut moved: BTreeSet<Finess> = days.iter().map(|(centre, _)| *centre).collect();
        for (finess, versions) in registry {
            let centre = next.centres.entry(finess).or_default();
            if centre.versions != versions {
                Arc::make_mut(centre).versions = versions;
                moved.insert(finess);
            }
        }
        next.replace(&days, &changed.tallies);
        let same_day = self.counted_at.map(Timestamp::day) == Some(at.day());
        for (finess, centre) in &mut next.centres {
            if !same_day || moved.contains(finess) {
                Arc::make_mut(centre).begin(at.day(), agreements);
            }
        }
        next
    }

    /// Puts what was counted on these days in the place of what was there.
    fn replace(&mut self, days: &BTreeSet<(Finess, Day)>, tallies: &Tallies) {
        for (finess, day) in days {
            for basis in DayBasis::ALL {
                self.counts(*finess).forget_units(basis, *day);
            }
            self.counts(*finess).forget_paper(*day);
        }
        for (cell, number) in &tallies.units {
            self.counts(cell.centre).add_units(*cell, *number);
        }
        for (cell, number) in &tallies.paper {
            self.counts(cell.centre).add_paper(*cell, *number);
        }
    }

    fn counts(&mut self, centre: Finess) -> &mut Counts {
        &mut Arc::make_mut(self.centres.entry(centre).or_default()).counts
    }

    /// The same snapshot on another day: its current periods are computed again.
    #[must_use]
    pub fn on(&self, at: Timestamp, agreements: &Agreements) -> Snapshot {
        let mut next = self.clone();
        if self.counted_at.map(Timestamp::day) != Some(at.day()) {
            for centre in next.centres.values_mut() {
                Arc::make_mut(centre).begin(at.day(), agreements);
            }
        }
        next
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
        Centre::begun(versions, period.to())
    }
}

impl CentreCounts {
    /// A registered centre of which nothing is counted yet.
    pub fn none(versions: Vec<Centre>) -> CentreCounts {
        CentreCounts {
            versions,
            ..CentreCounts::default()
        }
    }

    /// Computes what is said of it on a day.
    fn begin(&mut self, today: Day, agreements: &Agreements) {
        self.current = self.obligations(today, agreements);
        let mut current = self.current.iter();
        let to_date = current.find(|one| one.period.form() == Form::YearToDate);
        self.forecast = to_date.and_then(|to_date| {
            let found = forecast::compute(self, agreements, today).ok()??;
            found.counts_as(to_date).then_some(found.forecast.end)
        });
    }

    /// Its obligations over the current periods of a day, while it is registered on that day.
    fn obligations(&self, today: Day, agreements: &Agreements) -> Vec<Obligation> {
        if Centre::on(&self.versions, today).is_none() {
            return Vec::new();
        }
        let periods = [
            Period::month_of(today),
            Period::quarter_of(today),
            Period::year_to_date(today),
        ];
        let found = periods.map(|period| self.obligation(agreements, period).ok());
        found.into_iter().flatten().collect()
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
