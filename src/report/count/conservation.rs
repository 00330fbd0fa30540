//! Conservation: the tallies, the standings and the entries counted again must say the same.
//!
//! It compares and never corrects. Between two whole counts only the days of centres that new entries speak of
//! are compared: each count says by itself what is on them. The tallies and the second fold are compared at one and the same
//! position; the scan of standings takes longer than entries wait, so the lines that moved while it ran are
//! set aside. It reads through the port alone, so it works on a store at rest and on one that grows.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::claims::audit::{Audit, Imbalance, compare};
use crate::claims::entry::Position;
use crate::claims::tally::{Cell, DayBasis, PaperCell};
use crate::report::Error;
use crate::report::count::scan::Scan;
use crate::store::{Covered, Store, Tallies, TalliesSince, TallyQuery};
use crate::telemetry::event::Compared;

/// Where two of the independent counts differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Up to which entry.
    pub position: Position,
    /// Which counts.
    pub between: Compared,
    /// Units, or sheets, by which they differ: the greater of those missing and those too many.
    pub documents: u64,
    /// The first cells, as text without any value of a document, and both numbers.
    pub cells: Vec<String>,
}

/// What the three counts said when all of them were made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Whether they agree.
    pub holds: bool,
    /// All entries up to this one were counted.
    pub position: u64,
    /// Units in the account.
    pub units: i64,
    /// Days of centres with declared paper.
    pub declared_days: u64,
    /// Where they differ.
    pub differences: Vec<DifferenceShape>,
}

/// A difference, for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DifferenceShape {
    /// Which two counts.
    pub between: &'static str,
    /// By how many units or sheets.
    pub documents: u64,
    /// The first cells that differ, and both numbers.
    pub cells: Vec<String>,
}

/// The second fold over a store, and what is compared with it.
pub struct Conservation {
    store: Arc<dyn Store>,
    page: usize,
    told: usize,
    audit: Audit,
}

impl Conservation {
    /// Nothing is counted yet. Reads `page` entries or documents at once; a difference names `told` cells.
    pub fn new(store: Arc<dyn Store>, page: usize, told: usize) -> Conservation {
        Conservation {
            store,
            page,
            told,
            audit: Audit::default(),
        }
    }

    /// Makes all three counts of the whole ledger and compares them.
    ///
    /// # Errors
    /// When the store cannot be read. A ledger that contradicts itself is a difference.
    pub async fn account(&mut self) -> Result<Account, Error> {
        let tallies = self.store.tallies(TallyQuery::everything()).await?;
        let differences = match self.compared(&tallies).await {
            Ok(differences) => differences,
            Err(Error::Ledger(broken)) => vec![DifferenceShape {
                between: "entries and those before them",
                documents: 0,
                cells: vec![broken.to_string()],
            }],
            Err(error) => return Err(error),
        };
        let by_reception = tallies.units.iter();
        let by_reception = by_reception.filter(|(cell, _)| cell.basis == DayBasis::Reception);
        let days = tallies.paper.keys().filter(|cell| cell.caisse.is_none());
        Ok(Account {
            holds: differences.is_empty(),
            position: tallies.position.0,
            units: by_reception.map(|(_, units)| units).sum(),
            declared_days: days.count() as u64,
            differences,
        })
    }

    async fn compared(&mut self, tallies: &Tallies) -> Result<Vec<DifferenceShape>, Error> {
        self.feed(tallies.position).await?;
        let found = [
            self.units(tallies).await?,
            self.paper(tallies),
            self.standings(tallies.position).await?,
        ];
        Ok(found.into_iter().flatten().map(Into::into).collect())
    }

    /// Feeds the second fold up to a position.
    pub(in crate::report) async fn feed(&mut self, position: Position) -> Result<(), Error> {
        if position < self.audit.position() {
            // Another ledger than before: it is counted from its first entry.
            self.audit = Audit::default();
        }
        if self.audit.position() == Position(0)
            && let Some(beginning) = self.store.beginning().await?
        {
            self.audit = beginning.audit;
        }
        while self.audit.position() < position {
            let after = self.audit.position();
            let entries = self.store.entries(after, self.page).await?;
            for (place, stamped) in entries.iter().take_while(|(place, _)| *place <= position) {
                if let Err(broken) = self.audit.feed(*place, stamped) {
                    // What it holds now is worth nothing.
                    self.audit = Audit::default();
                    return Err(broken.into());
                }
            }
            if self.audit.position() == after {
                return Err(Error::Cut);
            }
        }
        Ok(())
    }

    /// Compares the covered tallies with the second fold, which stands at the same position.
    pub(in crate::report) async fn changed(
        &mut self,
        changed: &TalliesSince,
    ) -> Result<Option<Difference>, Error> {
        let tallies = &changed.tallies;
        match &changed.covered {
            Covered::Everything => {
                let difference = self.units(tallies).await?;
                Ok(difference.or_else(|| self.paper(tallies)))
            }
            Covered::Days(days) => {
                let asked = days.clone();
                let units = self.audited(move |audit| audit.units_on(&asked)).await?;
                let units = compare(&tallies.units, &units);
                let difference = self.of_units(tallies.position, Compared::Tallies, &units);
                let paper = compare(&tallies.paper, &self.audit.paper_on(days));
                Ok(difference.or_else(|| self.of_paper(tallies.position, &paper)))
            }
        }
    }

    /// Compares the standings with the second fold, on the lines that did not move since a position.
    pub(in crate::report) async fn standings(
        &mut self,
        since: Position,
    ) -> Result<Option<Difference>, Error> {
        let scan = Scan::read(self.store.as_ref(), self.page).await?;
        let position = self.store.health().position;
        self.feed(position.max(since)).await?;
        let audited = self
            .audited(move |audit| audit.units_untouched_after(since))
            .await?;
        let scanned = scan.units(|root| !self.audit.is_touched_after(root, since));
        Ok(self.of_units(since, Compared::Standings, &compare(&scanned, &audited)))
    }

    async fn units(&mut self, tallies: &Tallies) -> Result<Option<Difference>, Error> {
        let units = self.audited(Audit::units).await?;
        let found = compare(&tallies.units, &units);
        Ok(self.of_units(tallies.position, Compared::Tallies, &found))
    }

    fn paper(&self, tallies: &Tallies) -> Option<Difference> {
        let found = compare(&tallies.paper, &self.audit.paper());
        self.of_paper(tallies.position, &found)
    }

    fn of_paper(&self, position: Position, found: &[Imbalance<PaperCell>]) -> Option<Difference> {
        let text = |cell: PaperCell| format!("{} {}", cell.centre, cell.day);
        let basis = |_| DayBasis::Clock;
        difference(position, Compared::Paper, found, self.told, basis, text)
    }

    /// Asks the second fold on a thread of its own: it reads every document again.
    async fn audited(
        &mut self,
        ask: impl FnOnce(&Audit) -> BTreeMap<Cell, i64> + Send + 'static,
    ) -> Result<BTreeMap<Cell, i64>, Error> {
        let audit = std::mem::take(&mut self.audit);
        let asked = tokio::task::spawn_blocking(move || {
            let units = ask(&audit);
            (audit, units)
        });
        // If it is cut off, the fold is lost and starts again from the first entry.
        let (audit, units) = asked.await.map_err(|_| Error::Cut)?;
        self.audit = audit;
        Ok(units)
    }

    fn of_units(
        &self,
        position: Position,
        between: Compared,
        found: &[Imbalance<Cell>],
    ) -> Option<Difference> {
        let text = |cell: Cell| cell.to_string();
        difference(position, between, found, self.told, |cell| cell.basis, text)
    }
}

impl From<Difference> for DifferenceShape {
    fn from(difference: Difference) -> DifferenceShape {
        DifferenceShape {
            between: difference.between.as_str(),
            documents: difference.documents,
            cells: difference.cells,
        }
    }
}

/// A unit is in one cell for each basis, so the greatest basis tells how many units differ.
fn difference<K: Copy>(
    position: Position,
    between: Compared,
    found: &[Imbalance<K>],
    told: usize,
    basis: impl Fn(K) -> DayBasis,
    text: impl Fn(K) -> String,
) -> Option<Difference> {
    let mut missing: BTreeMap<DayBasis, u64> = BTreeMap::new();
    let mut too_many: BTreeMap<DayBasis, u64> = BTreeMap::new();
    for imbalance in found {
        let by = imbalance.first - imbalance.second;
        let side = if by < 0 { &mut missing } else { &mut too_many };
        *side.entry(basis(imbalance.cell)).or_default() += by.unsigned_abs();
    }
    let documents = missing.into_values().chain(too_many.into_values()).max()?;
    let told = found.iter().take(told).map(|imbalance| {
        let (first, second) = (imbalance.first, imbalance.second);
        format!("{}: {first} and {second}", text(imbalance.cell))
    });
    Some(Difference {
        position,
        between,
        documents,
        cells: told.collect(),
    })
}
