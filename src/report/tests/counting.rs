//! The keeper against a store that miscounts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::ledger_text;
use crate::claims::document::{Key, Purpose};
use crate::claims::entry::{PaperRow, Position, Stamped};
use crate::claims::id::{Amo, Digest, DocumentId, EndpointName, Finess, LotId, Name};
use crate::claims::period::Period;
use crate::claims::registry::{Category, Centre, Registry};
use crate::claims::time::{Day, Timestamp};
use crate::clock::{Clock, ManualClock};
use crate::formats::figures::{Format, Limits, Reader};
use crate::report::count::Keeper;
use crate::report::count::conservation::Conservation;
use crate::report::count::snapshot::{Snapshot, Soundness};
use crate::report::rate::past;
use crate::report::reconciliation::{self, Asked};
use crate::report::{Config, Error};
use crate::store::ledger::Secret;
use crate::store::memory::Memory;
use crate::store::{
    self, Body, BodyId, Command, DocumentRecord, DocumentView, Due, EndpointRecord, FiguresRecord,
    Find, Group, Health, JudgedRecord, Lease, Leased, Lines, LotRecord, Outcome, RunRecord,
    Sealing, StatementRecord, Store, Tallies, TalliesSince, TallyQuery, WhichStatements,
};
use crate::telemetry::Telemetry;

const LEDGER: &str = "
    2026-10-05T08:00:00Z centre 750000010 medical confirmed 2020-01-01
    2026-10-05T08:00:00Z received 1 750000010 FSE S 2026-10-05 deadline=2026-10-15
    2026-10-05T08:00:00Z received 2 750000010 FSE S 2026-10-05 deadline=2026-10-15
    2026-10-05T08:00:00Z received 3 750000010 FSE S 2026-10-05 deadline=2026-10-15
    2026-10-05T09:00:00Z sealed 9 1 2
    2026-10-05T09:00:00Z lot 9 Leased
    2026-10-05T09:00:00Z receipt 9 1+ 2-
    2026-10-06T09:00:00Z received 4 750000010 FSE S 2026-10-06 replaces=2
    2026-10-06T09:00:00Z paper 750000010 2026-10-05 2
";

/// What a store gets wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    Nothing,
    DroppedIncrement,
    DoubledIncrement,
    DroppedSheet,
    UndeclaredDay,
    LostDocument,
    GrowsWhileScanned,
    RegistersWhileRead,
    DeclaresWhileRead,
}

struct Flawed {
    sound: Memory,
    flaw: Mutex<Flaw>,
    scans: AtomicUsize,
    narrow: AtomicUsize,
}

impl Flawed {
    fn new() -> Arc<Flawed> {
        let entries = ledger_text::read(LEDGER);
        Arc::new(Flawed {
            sound: Memory::rebuilt(Secret::new([9; 32]), entries).unwrap(),
            flaw: Mutex::new(Flaw::Nothing),
            scans: AtomicUsize::new(0),
            narrow: AtomicUsize::new(0),
        })
    }

    fn flaw(&self) -> Flaw {
        *self.flaw.lock().unwrap()
    }

    async fn grow(&self, sheets: u32) {
        let command = Command::Declare {
            centre: Finess::parse("750000010").unwrap(),
            day: Day::parse("2026-10-06").unwrap(),
            caller: Name::parse("vendor").unwrap(),
            rows: vec![PaperRow {
                caisse: Amo::new("01", "751", "0000").unwrap(),
                sheets,
            }],
        };
        self.sound.commit(noon(), command).await.unwrap();
    }

    async fn cancel(&self, document: u128) {
        let command = Command::Cancel {
            document: DocumentId(document),
            caller: Name::parse("vendor").unwrap(),
        };
        self.sound.commit(noon(), command).await.unwrap();
    }

    /// Miscounts what the store counted.
    fn falsify(&self, tallies: &mut Tallies) {
        let paper = tallies.paper.keys().copied().collect::<Vec<_>>();
        match self.flaw() {
            Flaw::DroppedIncrement => {
                *tallies.units.values_mut().next().unwrap() -= 1;
            }
            Flaw::DoubledIncrement => {
                *tallies.units.values_mut().next().unwrap() += 1;
            }
            Flaw::DroppedSheet => {
                let sheets = paper.iter().find(|cell| cell.caisse.is_some()).unwrap();
                *tallies.paper.get_mut(sheets).unwrap() -= 1;
            }
            Flaw::UndeclaredDay => {
                let day = paper.iter().find(|cell| cell.caisse.is_none()).unwrap();
                tallies.paper.remove(day);
            }
            Flaw::Nothing
            | Flaw::LostDocument
            | Flaw::GrowsWhileScanned
            | Flaw::RegistersWhileRead
            | Flaw::DeclaresWhileRead => {}
        }
    }
}

#[async_trait]
impl Store for Flawed {
    async fn tallies(&self, query: TallyQuery) -> Result<Tallies, store::Error> {
        let mut tallies = self.sound.tallies(query).await?;
        self.falsify(&mut tallies);
        Ok(tallies)
    }

    async fn list(
        &self,
        listing: crate::store::listing::Listing,
    ) -> Result<Vec<crate::store::listing::Listed>, store::Error> {
        self.sound.list(listing).await
    }

    async fn changes(
        &self,
        after: Position,
        most: usize,
    ) -> Result<crate::store::change::DocumentChanges, store::Error> {
        self.sound.changes(after, most).await
    }

    async fn notified(
        &self,
    ) -> Result<std::collections::BTreeMap<crate::claims::id::Name, Position>, store::Error> {
        self.sound.notified().await
    }

    async fn lots(
        &self,
        after: Option<crate::claims::id::LotId>,
        most: usize,
    ) -> Result<Vec<crate::store::LotRecord>, store::Error> {
        self.sound.lots(after, most).await
    }

    async fn tallies_since(&self, after: Position) -> Result<TalliesSince, store::Error> {
        let mut changed = self.sound.tallies_since(after).await?;
        self.narrow.fetch_add(1, Ordering::Relaxed);
        self.falsify(&mut changed.tallies);
        Ok(changed)
    }

    async fn documents(
        &self,
        after: Option<DocumentId>,
        most: usize,
    ) -> Result<Vec<DocumentRecord>, store::Error> {
        let lost = DocumentId(3);
        let mut records = self.sound.documents(after, most).await?;
        self.scans.fetch_add(1, Ordering::Relaxed);
        match (self.flaw(), after) {
            (Flaw::LostDocument, _) if records.iter().any(|r| r.received.document == lost) => {
                records = self.sound.documents(Some(lost), most).await?;
            }
            // One document moves before it is read, and one after.
            (Flaw::GrowsWhileScanned, None) => self.cancel(4).await,
            (Flaw::GrowsWhileScanned, Some(DocumentId(3))) => self.cancel(3).await,
            (_, _) => {}
        }
        Ok(records)
    }

    async fn commit(&self, at: Timestamp, command: Command) -> Result<Outcome, store::Error> {
        self.sound.commit(at, command).await
    }

    async fn lease_due(&self, at: Timestamp, lease: Lease) -> Result<Vec<Leased>, store::Error> {
        self.sound.lease_due(at, lease).await
    }

    async fn due(&self, at: Timestamp, sealing: Sealing, most: usize) -> Result<Due, store::Error> {
        self.sound.due(at, sealing, most).await
    }

    async fn group_behind(&self, group: Group, sealing: Sealing) -> Result<Group, store::Error> {
        self.sound.group_behind(group, sealing).await
    }

    async fn body(&self, body: BodyId) -> Result<Option<Body>, store::Error> {
        self.sound.body(body).await
    }

    async fn entries(
        &self,
        after: Position,
        most: usize,
    ) -> Result<Vec<(Position, Stamped)>, store::Error> {
        self.sound.entries(after, most).await
    }

    async fn document(&self, find: Find) -> Result<Option<DocumentView>, store::Error> {
        self.sound.document(find).await
    }

    async fn known(
        &self,
        key: Key,
        purpose: Purpose,
        digest: Digest,
    ) -> Result<Option<DocumentRecord>, store::Error> {
        self.sound.known(key, purpose, digest).await
    }

    async fn lot(&self, lot: LotId) -> Result<Option<LotRecord>, store::Error> {
        self.sound.lot(lot).await
    }

    async fn statements(
        &self,
        which: WhichStatements,
    ) -> Result<Vec<StatementRecord>, store::Error> {
        self.sound.statements(which).await
    }

    async fn registry(&self) -> Result<Registry, store::Error> {
        self.sound.registry().await
    }

    async fn centres(&self) -> Result<BTreeMap<Finess, Vec<Centre>>, store::Error> {
        let registry = self.sound.centres().await?;
        if self.flaw() == Flaw::RegistersWhileRead {
            *self.flaw.lock().unwrap() = Flaw::Nothing;
            let versions = registry.values().next().unwrap();
            let category = match versions.len() {
                1 => Category::Dentaire,
                _ => Category::Polyvalent,
            };
            let put = Centre {
                category,
                from: Day::parse("2026-10-01").unwrap(),
                ..versions[0].clone()
            };
            let put = Command::Registry(vec![put]);
            self.sound.commit(noon(), put).await.unwrap();
        }
        Ok(registry)
    }

    async fn endpoints(&self) -> Result<BTreeMap<EndpointName, EndpointRecord>, store::Error> {
        self.sound.endpoints().await
    }

    async fn lines(&self, centre: Finess) -> Result<Lines, store::Error> {
        let lines = self.sound.lines(centre).await?;
        if self.flaw() == Flaw::DeclaresWhileRead {
            *self.flaw.lock().unwrap() = Flaw::Nothing;
            self.grow(5).await;
        }
        Ok(lines)
    }

    async fn figures(&self) -> Result<Vec<FiguresRecord>, store::Error> {
        self.sound.figures().await
    }

    async fn runs(&self) -> Result<Vec<RunRecord>, store::Error> {
        self.sound.runs().await
    }

    async fn judged(&self, run: Position) -> Result<Vec<JudgedRecord>, store::Error> {
        self.sound.judged(run).await
    }

    async fn stuck(&self, documents: Vec<DocumentId>) -> Result<u64, store::Error> {
        self.sound.stuck(documents).await
    }

    async fn orphans(&self) -> Result<u64, store::Error> {
        self.sound.orphans().await
    }

    async fn free_bytes(&self) -> Result<Option<u64>, store::Error> {
        self.sound.free_bytes().await
    }

    fn health(&self) -> Health {
        self.sound.health()
    }

    fn watch(&self) -> watch::Receiver<Position> {
        self.sound.watch()
    }
}

fn noon() -> Timestamp {
    Timestamp::parse("2026-10-07T10:00:00Z").unwrap()
}

/// A keeper that scans at every count, a page of one document at a time.
fn keeper(store: &Arc<Flawed>) -> (Keeper, Arc<ManualClock>, Arc<Telemetry>) {
    let clock = Arc::new(ManualClock::new(noon(), 1));
    let telemetry = super::telemetry();
    let config = Config {
        page: std::num::NonZeroU64::MIN,
        scan_seconds: std::num::NonZeroU64::MIN,
        ..Config::default()
    };
    let keeper = Keeper::new(
        store.clone(),
        clock.clone(),
        super::agreements(),
        telemetry.clone(),
        config,
    );
    (keeper, clock, telemetry)
}

fn rate(snapshot: &Snapshot) -> (i64, i64) {
    let period = Period::month_of(noon().day());
    let centre = Finess::parse("750000010").unwrap();
    let found = snapshot.obligation(&super::agreements(), centre, period);
    let rate = found.unwrap().rate;
    (rate.numerator, rate.denominator)
}

/// Lets the scan be due again.
async fn a_second_later() {
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
}

#[tokio::test(start_paused = true)]
async fn an_imbalance_raises_an_alert_and_changes_no_rate() {
    for (flaw, documents) in [
        (Flaw::DroppedIncrement, 1),
        (Flaw::DoubledIncrement, 1),
        (Flaw::DroppedSheet, 1),
        (Flaw::UndeclaredDay, 1),
        (Flaw::LostDocument, 1),
    ] {
        let store = Flawed::new();
        let (mut keeper, _, telemetry) = keeper(&store);
        let published = keeper.published();
        keeper.count().await.unwrap();
        let good = published.borrow().clone();
        assert_eq!(good.soundness, Soundness::Balanced, "{flaw:?}");
        assert_eq!(rate(&good), (1, 5), "1 of 3 units and 2 sheets");

        *store.flaw.lock().unwrap() = flaw;
        store.grow(7).await;
        a_second_later().await;
        keeper.count().await.unwrap();
        let marked = published.borrow().clone();
        let since = noon();
        let expected = Soundness::Imbalanced { since, documents };
        assert_eq!(marked.soundness, expected, "{flaw:?}");
        assert_eq!((rate(&marked), marked.position), ((1, 5), good.position));
        let alert = format!("bordereau_ledger_imbalance_documents {documents}");
        assert!(telemetry.render().contains(&alert), "{flaw:?}");

        *store.flaw.lock().unwrap() = Flaw::Nothing;
        keeper.count().await.unwrap();
        let healed = published.borrow().clone();
        assert_eq!(
            (healed.soundness, rate(&healed)),
            (Soundness::Balanced, (1, 12))
        );
        let alert = "bordereau_ledger_imbalance_documents 0";
        assert!(telemetry.render().contains(alert), "{flaw:?}");
    }
}

/// Between two whole counts, only the days that new entries speak of are counted again.
#[tokio::test(start_paused = true)]
async fn a_miscount_of_what_changed_raises_the_alert_at_once() {
    for (flaw, documents) in [
        (Flaw::Nothing, 0),
        (Flaw::DroppedIncrement, 1),
        (Flaw::DoubledIncrement, 1),
        (Flaw::DroppedSheet, 1),
        (Flaw::UndeclaredDay, 1),
    ] {
        let store = Flawed::new();
        let (mut keeper, _, telemetry) = keeper(&store);
        let published = keeper.published();
        keeper.count().await.unwrap();
        let scans = store.scans.load(Ordering::Relaxed);
        *store.flaw.lock().unwrap() = flaw;
        store.grow(7).await;
        store.cancel(4).await;
        keeper.count().await.unwrap();
        let found = published.borrow().clone();
        assert_eq!(store.narrow.load(Ordering::Relaxed), 1, "{flaw:?}");
        assert_eq!(store.scans.load(Ordering::Relaxed), scans, "{flaw:?}");
        let alert = format!("bordereau_ledger_imbalance_documents {documents}");
        assert!(telemetry.render().contains(&alert), "{flaw:?}");
        if flaw == Flaw::Nothing {
            assert_eq!(
                (found.soundness, rate(&found)),
                (Soundness::Balanced, (1, 11))
            );
        } else {
            assert!(matches!(found.soundness, Soundness::Imbalanced { .. }));
            assert_eq!(rate(&found), (1, 5), "{flaw:?}");
        }
    }
}

/// What is counted bit by bit is what is counted at once.
#[tokio::test(start_paused = true)]
async fn counting_what_changed_is_counting_everything() {
    let entries = ledger_text::read(super::past::LEDGER);
    for cut in 1..entries.len() {
        let store = Memory::rebuilt(Secret::new([9; 32]), entries[..cut].to_vec()).unwrap();
        let whole = store::TallyQuery::everything();
        let at = noon();
        let agreements = super::agreements();
        let (tallies, registry) = (store.tallies(whole).await, store.centres().await);
        let first = Snapshot::balanced(at, tallies.unwrap(), registry.unwrap(), &agreements);
        let store = Memory::rebuilt(Secret::new([9; 32]), entries.clone()).unwrap();
        let changed = store.tallies_since(Position(cut as u64)).await.unwrap();
        let registry = store.centres().await.unwrap();
        let tomorrow = at.day().end();
        let found = first.advanced(tomorrow, changed, registry.clone(), &agreements);
        let tallies = store.tallies(whole).await.unwrap();
        let expected = Snapshot::balanced(tomorrow, tallies, registry, &agreements);
        assert_eq!(found, expected, "{cut}");
    }
}

#[tokio::test]
async fn an_account_names_the_cell_of_every_miscount() {
    for (flaw, between, cell) in [
        (Flaw::Nothing, None, ""),
        (
            Flaw::DroppedIncrement,
            Some("tallies and entries"),
            "clock 750000010 2026-10-05 FSE S",
        ),
        (
            Flaw::DoubledIncrement,
            Some("tallies and entries"),
            "clock 750000010 2026-10-05 FSE S",
        ),
        (
            Flaw::DroppedSheet,
            Some("declared paper and entries"),
            "750000010 2026-10-05",
        ),
        (
            Flaw::UndeclaredDay,
            Some("declared paper and entries"),
            "750000010 2026-10-05",
        ),
        (
            Flaw::LostDocument,
            Some("standings and entries"),
            "clock 750000010",
        ),
        (Flaw::GrowsWhileScanned, None, ""),
    ] {
        let store = Flawed::new();
        *store.flaw.lock().unwrap() = flaw;
        let account = Conservation::new(store, 2, 100).account().await.unwrap();
        let found = account.differences.first();
        assert_eq!(found.map(|found| found.between), between, "{flaw:?}");
        assert_eq!(account.holds, between.is_none(), "{flaw:?}");
        for found in &account.differences {
            let named = found.cells.iter().any(|named| named.starts_with(cell));
            assert!(named, "{flaw:?}: {:?}", found.cells);
        }
    }
}

#[tokio::test]
async fn documents_that_move_while_they_are_scanned_are_no_imbalance() {
    let store = Flawed::new();
    let (mut keeper, _, _) = keeper(&store);
    *store.flaw.lock().unwrap() = Flaw::GrowsWhileScanned;
    keeper.count().await.unwrap();
    let published = keeper.published();
    assert_eq!(published.borrow().soundness, Soundness::Balanced);
    assert_eq!(
        rate(&published.borrow()),
        (1, 5),
        "as of the tallies, before they moved"
    );
}

#[tokio::test]
async fn nothing_is_said_before_the_first_count() {
    let store = Flawed::new();
    let (keeper, _, _) = keeper(&store);
    let snapshot = keeper.published().borrow().clone();
    let centre = Finess::parse("750000010").unwrap();
    let period = Period::month_of(noon().day());
    let found = snapshot.obligation(&super::agreements(), centre, period);
    assert!(matches!(found, Err(Error::NotCounted)), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_ledger_is_not_counted_again() {
    let store = Flawed::new();
    let (keeper, clock, _) = keeper(&store);
    let mut published = keeper.published();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(keeper.run(shutdown.clone()));
    published.changed().await.unwrap();
    let first = published.borrow_and_update().position;
    let scans = store.scans.load(Ordering::Relaxed);

    // Hours pass, and nothing happens.
    tokio::time::sleep(std::time::Duration::from_secs(3_600 * 8)).await;
    assert!(!published.has_changed().unwrap());
    assert_eq!(store.scans.load(Ordering::Relaxed), scans);

    store.grow(1).await;
    published.changed().await.unwrap();
    assert!(published.borrow_and_update().position > first);

    // At midnight in Paris the current periods change.
    let until_midnight = noon().day().end().since(noon());
    tokio::time::sleep(until_midnight / 2).await;
    clock.set(noon().day().end());
    published.changed().await.unwrap();
    assert_eq!(published.borrow().counted_at, Some(clock.now()));
    shutdown.cancel();
    running.await.unwrap();
}

/// What an answer names as its position is what it tells of, registration and sheets as well as units.
#[tokio::test(start_paused = true)]
async fn an_answer_is_of_one_state_of_the_ledger() {
    let store = Flawed::new();
    *store.flaw.lock().unwrap() = Flaw::RegistersWhileRead;
    let (mut keeper, _, _) = keeper(&store);
    keeper.count().await.unwrap();
    let snapshot = keeper.published().borrow().clone();
    assert_eq!(snapshot.position, store.sound.health().position);
    let centre = Finess::parse("750000010").unwrap();
    let period = Period::month_of(noon().day());
    let found = snapshot.obligation(&super::agreements(), centre, period);
    assert_eq!(found.unwrap().category, Category::Dentaire);

    *store.flaw.lock().unwrap() = Flaw::RegistersWhileRead;
    let present = past::present(&*store, centre, &snapshot, noon()).await;
    let versions = |snapshot: &Snapshot| snapshot.centres[&centre].versions.clone();
    let now = store.sound.centres().await.unwrap().remove(&centre);
    assert_eq!(Some(versions(&present.unwrap().snapshot)), now);

    let figures = "centre,kind,type,month,count\n750000010,FSE,F,2026-10,1\n";
    let file = Reader::default().read(figures.as_bytes(), Format::Csv, &Limits::default());
    let asked = Asked {
        digest: Digest([1; 32]),
        file: &file.unwrap(),
        period,
        destinations: None,
    };
    *store.flaw.lock().unwrap() = Flaw::DeclaresWhileRead;
    let found = reconciliation::run(&*store, &super::agreements(), &asked).await;
    let row = &found.unwrap().centres[0];
    // Three units, two sheets, and five that were declared while they were read.
    assert_eq!(row.span.ours.denominator, 10);
    assert_eq!(row.position, store.sound.health().position.0);
}
