//! The loop that counts: tallies, a second fold over the entries, a scan of the standings; and publishes
//! what agrees.
//!
//! It counts when the ledger has grown, at most once an interval, and at midnight in Paris because the
//! current periods change then; an idle ledger costs nothing. The tallies and the second fold are compared
//! at one and the same position. The scan takes longer than entries wait, so the lines that moved while it
//! ran are set aside and looked at the next time.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::claims::agreement::Agreements;
use crate::claims::audit::{Audit, Imbalance, compare};
use crate::claims::entry::Position;
use crate::claims::tally::{Cell, DayBasis, PaperCell};
use crate::claims::time::{Day, Timestamp};
use crate::clock::Clock;
use crate::report::scan::Scan;
use crate::report::snapshot::{Snapshot, Soundness};
use crate::report::{Config, Error};
use crate::store::{Store, Tallies, TallyQuery};
use crate::telemetry::event::Counts;
use crate::telemetry::{Event, Reading, Telemetry};

/// Where two of the independent counts differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Up to which entry.
    pub position: Position,
    /// Which counts.
    pub between: Counts,
    /// Units, or sheets, by which they differ: the greater of those missing and those too many.
    pub documents: u64,
    /// The cells, at most [`CELLS_TOLD`] of them, as text without any value of a document.
    pub cells: Vec<String>,
}

/// How many differing cells an alert names; the rest is only counted.
pub const CELLS_TOLD: usize = 8;

/// The keeper of rates.
pub struct Keeper {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    agreements: Arc<Agreements>,
    telemetry: Arc<Telemetry>,
    config: Config,
    audit: Audit,
    scanned: Option<(Instant, Position)>,
    published: watch::Sender<Arc<Snapshot>>,
}

impl Keeper {
    /// A keeper that has counted nothing yet.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        agreements: Arc<Agreements>,
        telemetry: Arc<Telemetry>,
        config: Config,
    ) -> Keeper {
        Keeper {
            store,
            clock,
            agreements,
            telemetry,
            config,
            audit: Audit::default(),
            scanned: None,
            published: watch::Sender::new(Arc::default()),
        }
    }

    /// The snapshots as they are published; the first one is empty.
    pub fn published(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.published.subscribe()
    }

    /// Counts until it is told to stop.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut grown = self.store.watch();
        loop {
            grown.mark_unchanged();
            let counted = tokio::select! {
                () = shutdown.cancelled() => return,
                counted = self.count() => counted,
            };
            if let Err(error) = &counted {
                let why = error.to_string();
                self.telemetry.record(Event::Uncounted { why: &why });
            }
            let again = async {
                tokio::time::sleep(self.config.interval()).await;
                if counted.is_ok() {
                    self.reason_to_count(&mut grown).await;
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = again => {}
            }
        }
    }

    /// Waits until the ledger has grown, a day of Paris has ended, or the third count is owed.
    async fn reason_to_count(&self, grown: &mut watch::Receiver<Position>) {
        let now = self.clock.now();
        let midnight = now.day().end().since(now);
        tokio::select! {
            _ = grown.changed() => {}
            () = tokio::time::sleep(midnight) => {}
            () = tokio::time::sleep(self.config.scan_interval()), if self.scan_is_owed() => {}
        }
    }

    /// Counts once and publishes: a new snapshot, or the last one with the mark of an imbalance.
    ///
    /// # Errors
    /// When the store cannot be read; nothing is published then. When the ledger contradicts itself the
    /// last snapshot is marked too.
    pub async fn count(&mut self) -> Result<(), Error> {
        let registry = self.store.centres().await?;
        let tallies = self.store.tallies(every_day()).await?;
        let now = self.clock.now();
        match self.compared(&tallies).await {
            Ok(None) => {
                self.telemetry.show(Reading::Imbalance { documents: 0 });
                let next = Snapshot::balanced(now, tallies, registry, &self.agreements);
                self.published.send_replace(Arc::new(next));
                Ok(())
            }
            Ok(Some(difference)) => {
                self.telemetry.record(Event::Imbalanced {
                    documents: difference.documents,
                    position: difference.position,
                    between: difference.between,
                    cells: &difference.cells,
                });
                self.mark(now, difference.documents);
                Ok(())
            }
            Err(Error::Ledger(broken)) => {
                self.audit = Audit::default();
                self.mark(now, 0);
                Err(Error::Ledger(broken))
            }
            Err(error) => Err(error),
        }
    }

    async fn compared(&mut self, tallies: &Tallies) -> Result<Option<Difference>, Error> {
        self.feed(tallies.position).await?;
        let difference = self.compare_tallies(tallies).await?;
        if difference.is_none() && self.scan_is_due() {
            return self.compare_standings(tallies.position).await;
        }
        Ok(difference)
    }

    /// Publishes the last snapshot again, marked.
    fn mark(&self, now: Timestamp, documents: u64) {
        let last = self.published.borrow().clone();
        let marked = last.on(now, &self.agreements).imbalanced(now, documents);
        self.published.send_replace(Arc::new(marked));
    }

    /// Feeds the second fold up to a position.
    async fn feed(&mut self, position: Position) -> Result<(), Error> {
        if position < self.audit.position() {
            // Another ledger than before: it is counted from its first entry.
            self.audit = Audit::default();
        }
        while self.audit.position() < position {
            let after = self.audit.position();
            let entries = self.store.entries(after, self.config.page()).await?;
            for (place, stamped) in entries.iter().take_while(|(place, _)| *place <= position) {
                self.audit.feed(*place, stamped)?;
            }
            if self.audit.position() == after {
                return Err(Error::Cut);
            }
        }
        Ok(())
    }

    async fn compare_tallies(&mut self, tallies: &Tallies) -> Result<Option<Difference>, Error> {
        let units = self.audited(Audit::units).await?;
        let position = tallies.position;
        let found = compare(&tallies.units, &units);
        let difference = difference_of_units(position, Counts::Tallies, &found);
        Ok(difference.or_else(|| {
            let found = compare(&tallies.paper, &self.audit.paper());
            difference_of_paper(position, &found)
        }))
    }

    /// Compares the standings with the second fold, on the lines that did not move since a position.
    async fn compare_standings(&mut self, since: Position) -> Result<Option<Difference>, Error> {
        let scan = Scan::read(self.store.as_ref(), self.config.page()).await?;
        let position = self.store.health().position;
        self.feed(position.max(since)).await?;
        let audited = self
            .audited(move |audit| audit.units_untouched_after(since))
            .await?;
        let scanned = scan.units(|root| !self.audit.is_touched_after(root, since));
        let found = compare(&scanned, &audited);
        let difference = difference_of_units(since, Counts::Standings, &found);
        if difference.is_none() {
            self.scanned = Some((Instant::now(), since));
        }
        Ok(difference)
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

    fn scan_is_due(&self) -> bool {
        self.scanned
            .is_none_or(|(at, _)| at.elapsed() >= self.config.scan_interval())
    }

    /// Whether entries came since the last scan.
    fn scan_is_owed(&self) -> bool {
        let last = self.published.borrow();
        match last.soundness {
            Soundness::Imbalanced { .. } => true,
            Soundness::NotCounted | Soundness::Balanced => self
                .scanned
                .is_none_or(|(_, position)| position < last.position),
        }
    }
}

fn every_day() -> TallyQuery {
    let day = |year, month, day| Day::new(year, month, day).expect("a day of the calendar");
    TallyQuery {
        centre: None,
        from: day(1900, 1, 1),
        to: day(9999, 12, 30),
    }
}

fn difference_of_paper(position: Position, found: &[Imbalance<PaperCell>]) -> Option<Difference> {
    let text = |cell: PaperCell| format!("{} {}", cell.centre, cell.day);
    difference(position, Counts::Paper, found, |_| DayBasis::Clock, text)
}

fn difference_of_units(
    position: Position,
    between: Counts,
    found: &[Imbalance<Cell>],
) -> Option<Difference> {
    difference(position, between, found, |cell| cell.basis, cell_text)
}

/// A unit is in one cell for each basis, so the greatest basis tells how many units differ.
fn difference<K: Copy>(
    position: Position,
    between: Counts,
    found: &[Imbalance<K>],
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
    let told = found.iter().take(CELLS_TOLD).map(|imbalance| {
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

fn cell_text(cell: Cell) -> String {
    format!(
        "{} {} {} {} {} {} {}",
        cell.basis.as_str(),
        cell.centre,
        cell.day,
        cell.kind.as_str(),
        cell.mode.as_str(),
        cell.standing.as_str(),
        cell.late.as_str(),
    )
}
