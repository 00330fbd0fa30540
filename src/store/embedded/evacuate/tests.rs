//! What goes and what stays; a copy of the store at every step, opened again; holds and readers meanwhile.

mod held;
mod trouble;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::claims::audit::Audit;
use crate::claims::document::{Kind, ReplacementReason};
use crate::claims::entry::{Position, Stamped};
use crate::claims::example;
use crate::claims::id::{DocumentId, Name};
use crate::claims::retention::{self, Class, OnHold, Why};
use crate::claims::time::Day;
use crate::store::contract::{self, Picture};
use crate::store::custody::verified::Verified;
use crate::store::embedded::tests::{
    Failures, config, copy, fill, open_config, said as differences,
};
use crate::store::embedded::tree::Tree;
use crate::store::embedded::verify;
use crate::store::embedded::{Config, Embedded, OpenError, places, replay};
use crate::store::journal::Journal;
use crate::store::journal::segment::{self, Form};
use crate::store::retention::{Goes, Outlook, Retaining as _};
use crate::store::{BodyId, Command, Find, Outcome, Store, TallyQuery, Unity, Unobserved};

const DOCUMENTS: u32 = 60;
const HELD: u32 = 4;
const FAST: Pace = Pace {
    bytes_per_second: 0,
    pause_commands: usize::MAX,
};

/// Encrypted, so that the end of a segment is the end of its key; and all that may lie in sorted files does, where
/// nothing is taken back of what was said of a body.
fn encrypted(directory: &Path) -> Config {
    Config {
        encryption: contract::encryption(directory),
        sorted_bytes: 1,
        ..config(directory)
    }
}

fn open_with(directory: &Path, observer: Arc<dyn Observer>) -> Result<Embedded, OpenError> {
    open_config(&encrypted(directory), observer)
}

fn open(directory: &Path) -> Result<Embedded, OpenError> {
    open_with(directory, Arc::new(Unobserved))
}

fn check(directory: &Path) -> (Verified, Option<Embedded>) {
    verify::verify(&encrypted(directory)).unwrap()
}

/// Every archived segment has lost its key, and every other one has it.
fn keys_fit(store: &Embedded, archived: usize) {
    let wrapping = store.wrapping().unwrap();
    assert_eq!(wrapping.forgotten, archived);
    let listed = segment::list_all(&store.directory.join("journal")).unwrap();
    let live = listed.segments.iter().flatten();
    let live = live.filter(|segment| segment.form == Form::Live).count();
    assert_eq!(wrapping.kept, live);
}

fn later(days: u32) -> Timestamp {
    retention::plus_days(contract::now(), days)
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn is_past(number: u32) -> bool {
    number.is_multiple_of(2)
}

fn body(number: u32) -> BodyId {
    BodyId::Document(DocumentId(number.into()))
}

async fn commit(store: &Embedded, command: Command) -> Outcome {
    store.commit(contract::now(), command).await.unwrap()
}

fn hold(number: u32) -> Command {
    Command::PlaceLegalHold {
        on: OnHold::Document(DocumentId(number.into())),
        review: Day::new(2027, 11, 20).unwrap(),
        actor: name("ops"),
    }
}

/// Sixty documents, each second one cancelled, one of those under a legal hold.
async fn sixty(observer: Arc<dyn Observer>) -> (TempDir, Arc<Embedded>) {
    let directory = TempDir::new().unwrap();
    let store = open_with(directory.path(), observer).unwrap();
    fill(&store, 0..DOCUMENTS).await;
    for number in (0..DOCUMENTS).filter(|number| is_past(*number)) {
        let document = DocumentId(number.into());
        let caller = name("vendor");
        commit(&store, Command::Cancel { document, caller }).await;
    }
    commit(&store, hold(HELD)).await;
    (directory, Arc::new(store))
}

async fn evacuate(store: &Embedded, at: Timestamp) -> Vec<Evacuated> {
    let mut found = Vec::new();
    while let Run::Evacuated(one) = store.evacuate(at, Rules::default(), FAST).await.unwrap() {
        found.push(one);
    }
    found
}

/// What is answered beside the picture: lines, documents with their histories, what each entry changed, closings,
/// and the second count of the entries.
async fn answers(store: &Embedded, upto: Position) -> impl PartialEq + std::fmt::Debug + use<> {
    let lines = store.lines(example::centre().finess).await.unwrap().lines;
    let mut views = Vec::new();
    for number in 0..DOCUMENTS {
        let find = Find::Id(DocumentId(number.into()));
        views.push(store.document(find).await.unwrap());
    }
    let changes = store.changes(Position(0), upto.0 as usize).await.unwrap();
    let mut audit = Audit::default();
    let entries = store.entries(Position(0), upto.0 as usize).await.unwrap();
    for (position, stamped) in &entries {
        audit.feed(*position, stamped).unwrap();
    }
    assert_eq!(
        audit.units(),
        store.tallies(TallyQuery::everything()).await.unwrap().units
    );
    (
        lines,
        views,
        changes.changes,
        store.closings().await.unwrap(),
        audit.units(),
    )
}

/// Checks that everything is as before but for the bodies that ended and the entries that ended them.
async fn assert_cleared(store: &Embedded, before: &Picture, evacuated: usize) {
    let after = contract::picture(store).await;
    let entries = before.entries.len();
    assert_eq!(after.entries[..entries], before.entries);
    let ends = |(_, stamped): &(_, Stamped)| {
        matches!(stamped.entry, crate::claims::entry::Entry::Evacuated(_))
    };
    assert_eq!(
        after.entries[entries..].iter().filter(|e| ends(e)).count(),
        evacuated
    );
    assert_eq!(after.documents, before.documents);
    assert_eq!(after.tallies.units, before.tallies.units);
    assert_bodies(store, before, |number| !is_past(number) || number == HELD).await;
}

/// The bodies of the documents so marked are there; of the first [`DOCUMENTS`] less the last segment's the rest is gone.
async fn assert_bodies(store: &Embedded, before: &Picture, kept: impl Fn(u32) -> bool) {
    let last = first_of_last_segment(store);
    for (number, (document, was)) in (0..).zip(&before.bodies) {
        let is = store.body(BodyId::Document(*document)).await.unwrap();
        let is = is.map(|body| body.bytes);
        if kept(number) {
            assert_eq!(&is, was, "{number}");
        } else if number < last {
            assert_eq!(is, None, "{number}");
        }
    }
}

/// Number of the first document that may lie in a segment that still has its bodies.
fn first_of_last_segment(store: &Embedded) -> u32 {
    let view = store.overlay.view();
    let lies_live = |number: &u32| {
        let place = places::body(&view, body(*number)).unwrap();
        place.is_some_and(|place| !store.reader.is_archived(place.segment))
    };
    (0..DOCUMENTS)
        .filter(|number| is_past(*number) && *number != HELD)
        .find(lies_live)
        .unwrap_or(DOCUMENTS)
}

#[tokio::test]
async fn what_is_past_its_time_goes_as_planned_and_the_rest_stays() {
    let (directory, store) = sixty(Arc::new(Unobserved)).await;
    let before = contract::picture(&*store).await;
    let position = store.health().position;
    let said = answers(&store, position).await;
    for (days, expected) in [(0, 0), (119, 0)] {
        assert_eq!(
            evacuate(&store, later(days)).await.len(),
            expected,
            "{days}"
        );
    }
    let early = store.plan(later(119), Rules::default()).await.unwrap();
    assert_eq!(early.segments, []);
    assert_eq!(early.younger_from, Some(later(120)));
    let nothing = store.evacuate(later(119), Rules::default(), FAST).await;
    let outlook = Outlook {
        oldest: Some(contract::now()),
        next: Some(later(120)),
    };
    assert_eq!(nothing.unwrap(), Run::Nothing(outlook));

    let plan = store.plan(later(120), Rules::default()).await.unwrap();
    let held = plan.segments[0].kept[&(Class::Document, Why::Held)];
    assert_eq!(held.bodies, 1);
    let due = plan.segments.iter().filter(|one| one.due == Goes::Now);
    let planned: BTreeMap<u64, (u64, u64)> = due
        .map(|one| {
            (
                one.segment,
                (
                    one.past[&Class::Document].bodies,
                    one.past[&Class::Document].bytes,
                ),
            )
        })
        .collect();
    let evacuated = evacuate(&store, later(120)).await;
    let done: BTreeMap<u64, (u64, u64)> = evacuated
        .iter()
        .map(|one| (one.segment, (one.gone, one.gone_bytes)))
        .collect();
    assert_eq!(done, planned);
    assert!(!done.is_empty() && done.values().all(|(gone, _)| *gone > 0));
    assert_cleared(&store, &before, done.len()).await;
    assert_eq!(store.evacuations().await.unwrap().len(), done.len());

    // By the wait the rest goes too, but for what is in the segment that is written to.
    let rest = evacuate(&store, later(151)).await;
    assert_cleared(&store, &before, done.len() + rest.len()).await;
    assert!(answers(&store, position).await == said);
    drop(store);
    let (verified, at_rest) = check(directory.path());
    assert_eq!(differences(&verified), []);
    assert_eq!(verified.archived, (done.len() + rest.len()) as u64);
    drop(at_rest);
    let store = open(directory.path()).unwrap();
    assert_cleared(&store, &before, done.len() + rest.len()).await;
    drop(store);
    fs::remove_dir_all(directory.path().join("index")).unwrap();
    let store = open(directory.path()).unwrap();
    assert_cleared(&store, &before, done.len() + rest.len()).await;
    // Known documents are known, and new ones are admitted.
    fill(&store, 0..DOCUMENTS + 5).await;
    let after = contract::picture(&store).await;
    assert_eq!(after.documents.len() as u32, DOCUMENTS + 5);
}

/// With segments that a small house never fills.
fn roomy(bodies: &Config) -> Config {
    Config {
        segment_bytes: Config::default().segment_bytes,
        ..bodies.clone()
    }
}

#[tokio::test]
async fn what_lies_in_a_segment_that_never_fills_goes_too() {
    for is_sealed in [false, true] {
        let directory = TempDir::new().unwrap();
        let bodies = match is_sealed {
            false => config(directory.path()),
            true => encrypted(directory.path()),
        };
        let config = roomy(&bodies);
        let open = || open_config(&config, Arc::new(Unobserved)).unwrap();
        let store = open();
        fill(&store, 0..2).await;
        let (document, caller) = (DocumentId(1), name("vendor"));
        commit(&store, Command::Cancel { document, caller }).await;
        drop(store);
        let store = open();
        let plan = store.plan(later(29), Rules::default()).await.unwrap();
        let ends = plan.open.map(|open| (open.begun, open.ends, open.from));
        let expected = (contract::now(), later(30), later(120));
        assert_eq!(ends, Some(expected), "{is_sealed}");
        // A plan of a day on which it has ended counts what is past its time by then, and what is not.
        for (days, goes) in [(29, 0), (119, 0), (151, 1)] {
            let plan = store.plan(later(days), Rules::default()).await.unwrap();
            let documents = plan.goes().remove(&Class::Document);
            assert_eq!(documents.map_or(0, |sum| sum.bodies), goes, "{days}");
        }
        let plan = store.plan(later(151), Rules::default()).await.unwrap();
        assert_eq!(
            (plan.segments.len(), plan.damaged.len()),
            (1, 0),
            "{is_sealed}"
        );
        assert_eq!(evacuate(&store, later(29)).await, []);
        let before = store.reader.count();
        assert_eq!(evacuate(&store, later(30)).await, []);
        assert_eq!(store.reader.count(), before + 1, "{is_sealed}");
        // It is empty, so it does not end.
        assert_eq!(evacuate(&store, later(60)).await, []);
        assert_eq!(store.reader.count(), before + 1, "{is_sealed}");
        drop(store);
        let store = open();
        evacuate(&store, later(151)).await;
        assert!(store.body(body(1)).await.unwrap().is_none(), "{is_sealed}");
        assert!(store.body(body(0)).await.unwrap().is_some(), "{is_sealed}");
        fill(&store, 2..3).await;
        assert!(store.body(body(2)).await.unwrap().is_some(), "{is_sealed}");
        drop(store);
        let (verified, at_rest) = verify::verify(&config).unwrap();
        assert_eq!(differences(&verified), [], "{is_sealed}");
        drop(at_rest);
    }
}

#[tokio::test]
async fn a_hold_that_is_lifted_lets_its_body_go() {
    let (_directory, store) = sixty(Arc::new(Unobserved)).await;
    evacuate(&store, later(151)).await;
    assert!(store.body(body(HELD)).await.unwrap().is_some());
    let holds = store.legal_holds().await.unwrap();
    let lift = Command::LiftLegalHold {
        hold: holds[0].position,
        actor: name("ops"),
    };
    store.commit(later(160), lift).await.unwrap();
    // So that the segment that it was copied into is not the current one any more.
    fill(&store, DOCUMENTS..DOCUMENTS + 60).await;
    assert!(!evacuate(&store, later(161)).await.is_empty());
    assert!(store.body(body(HELD)).await.unwrap().is_none());
    assert!(store.body(body(HELD + 1)).await.unwrap().is_some());
}

/// Does something at each step.
struct AtStep<F: Fn(Step) + Send + Sync>(F);

impl<F: Fn(Step) + Send + Sync> Observer for AtStep<F> {
    fn committed(&self, _entries: usize, _bytes: usize, _sync: Duration) {}
    fn sync_failed(&self) {}
    fn replayed(&self, _entries: u64) {}
    fn tail_cut(&self, _bytes: u64) {}
    fn index_failed(&self) {}
    fn evacuating(&self, step: Step) {
        self.0(step);
    }
}

#[tokio::test]
async fn a_kill_at_any_step_neither_loses_nor_doubles() {
    let of: Arc<OnceLock<PathBuf>> = Arc::default();
    let taken: Arc<Mutex<Vec<(Step, TempDir)>>> = Arc::default();
    let (from, to) = (of.clone(), taken.clone());
    let photographer = AtStep(move |step| {
        let photo = TempDir::new().unwrap();
        copy(from.get().unwrap(), photo.path());
        to.lock().unwrap().push((step, photo));
    });
    let (directory, store) = sixty(Arc::new(photographer)).await;
    let before = contract::picture(&*store).await;
    of.set(directory.path().to_owned()).unwrap();
    let segments = evacuate(&store, later(120)).await.len();
    drop(store);
    let taken = std::mem::take(&mut *taken.lock().unwrap());
    for step in [
        Step::Copied,
        Step::Archived,
        Step::Ended,
        Step::Switched,
        Step::Removed,
        Step::Forgotten,
    ] {
        assert!(taken.iter().any(|(at, _)| *at == step), "{step:?}");
    }
    for (step, killed) in taken {
        for index_is_lost in [false, true] {
            let copied = TempDir::new().unwrap();
            copy(killed.path(), copied.path());
            if index_is_lost {
                fs::remove_dir_all(copied.path().join("index")).unwrap();
            }
            let store = open(copied.path()).unwrap();
            let context = format!("{step:?} {index_is_lost}");
            let found = contract::picture(&store).await;
            assert_eq!(found.documents, before.documents, "{context}");
            for (number, (is, was)) in (0..).zip(found.bodies.iter().zip(&before.bodies)) {
                let ended = is_past(number) && number != HELD && is.1.is_none();
                assert!(is == was || ended, "{context} {number}");
            }
            evacuate(&store, later(120)).await;
            assert_cleared(&store, &before, segments).await;
            keys_fit(&store, segments);
            drop(store);
            let (verified, at_rest) = check(copied.path());
            assert_eq!(differences(&verified), [], "{context}");
            drop(at_rest);
            let files = |name: &str| fs::read_dir(copied.path().join(name)).unwrap().count();
            assert_eq!(files("archive"), segments, "{context}");
        }
    }
}

/// The body of the first document stays, whose segment was archived already when a command was answered.
async fn is_heeded_before_the_end(command: fn() -> Command) {
    let held: Arc<OnceLock<Weak<Embedded>>> = Arc::default();
    let done: Arc<OnceLock<()>> = Arc::default();
    let (of, once) = (held.clone(), done.clone());
    let holder = AtStep(move |step| {
        if step == Step::Archived && once.set(()).is_ok() {
            let store = of.get().and_then(Weak::upgrade).unwrap();
            let doing = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build();
                let outcome = runtime
                    .unwrap()
                    .block_on(store.commit(later(151), command()));
                assert!(outcome.is_ok());
            });
            doing.join().unwrap();
        }
    });
    let (_directory, store) = sixty(Arc::new(holder)).await;
    held.set(Arc::downgrade(&store)).unwrap();
    assert!(!evacuate(&store, later(151)).await.is_empty());
    assert!(done.get().is_some());
    assert!(store.body(body(0)).await.unwrap().is_some());
    assert!(store.body(body(2)).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_that_was_answered_before_the_end_is_heeded() {
    is_heeded_before_the_end(|| hold(0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_legal_event_that_was_answered_before_the_end_is_heeded() {
    is_heeded_before_the_end(|| {
        let replaced = example::facts(Kind::Fse, "000000000").key.number;
        let mut replacement = contract::admission(900, 900, Bytes::from_static(b"instead"));
        replacement.facts.replaces = Some((Kind::Fse, replaced, ReplacementReason::Cancelled));
        Command::Admit {
            caller: name("vendor"),
            documents: vec![replacement],
            unity: Unity::Each,
        }
    })
    .await;
}

#[tokio::test]
async fn a_damaged_index_beside_a_segment_that_ended_is_built_anew() {
    let of: Arc<OnceLock<PathBuf>> = Arc::default();
    let taken: Arc<OnceLock<TempDir>> = Arc::default();
    let (from, to) = (of.clone(), taken.clone());
    let photographer = AtStep(move |step| {
        if step == Step::Ended && to.get().is_none() {
            let photo = TempDir::new().unwrap();
            copy(from.get().unwrap(), photo.path());
            to.set(photo).unwrap();
        }
    });
    let (directory, store) = sixty(Arc::new(photographer)).await;
    let before = contract::picture(&*store).await;
    of.set(directory.path().to_owned()).unwrap();
    evacuate(&store, later(120)).await;
    drop(store);
    let killed = taken.get().unwrap().path();
    // With the index whole on the disk, and what may leave it in sorted files.
    let config = encrypted(killed);
    let masters = config.encryption.masters().unwrap();
    let opening = config.opening(&masters, later(120));
    let journal = Journal::open(&opening, contract::entropy(), &Unobserved).unwrap();
    let (reader, head) = (journal.reader(), journal.head());
    let tree = replay::open(killed, config.sizes(), &reader, head, &Unobserved).unwrap();
    tree.flush().unwrap();
    drop((tree, reader, journal));
    let mut files = 0;
    for file in fs::read_dir(killed.join("sorted")).unwrap() {
        let path = file.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        eprintln!("DEBUG {path:?} {}", bytes.len());
        bytes[100] ^= 4;
        fs::write(&path, bytes).unwrap();
        files += 1;
    }
    assert!(files > 0);
    let tree = Tree::open(killed, config.sizes()).expect("the damage is met later");
    drop(tree);
    let seen = Arc::new(Failures::default());
    let store = open_with(killed, seen.clone()).unwrap();
    assert_eq!(seen.0.load(Ordering::SeqCst), 1);
    let found = contract::picture(&store).await;
    assert_eq!(found.documents, before.documents);
    assert_eq!(store.evacuations().await.unwrap().len(), 1);
    keys_fit(&store, 1);
    drop(store);
    let (verified, _) = check(killed);
    assert_eq!(differences(&verified), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_find_everything_that_stays_at_every_moment() {
    let (_directory, store) = sixty(Arc::new(Unobserved)).await;
    let entries = store.entries(Position(0), usize::MAX).await.unwrap();
    let reading = {
        let (store, stop) = (store.clone(), Arc::new(OnceLock::new()));
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let mut rounds = 0;
            while stopped.get().is_none() || rounds < 2 {
                for number in (0..DOCUMENTS).filter(|number| !is_past(*number)) {
                    let found = store.body(body(number)).await.unwrap();
                    assert!(found.is_some(), "{number}");
                }
                for after in (0..entries.len()).step_by(7) {
                    let page = store.entries(Position(after as u64), 5).await.unwrap();
                    let until = (after + 5).min(entries.len());
                    assert_eq!(page[..until - after], entries[after..until]);
                }
                rounds += 1;
            }
        });
        (task, stop)
    };
    let (task, stop) = reading;
    assert!(evacuate(&store, later(151)).await.len() >= 3);
    stop.set(()).unwrap();
    task.await.unwrap();
}

fn segment(directory: &Path, ordinal: u64) -> PathBuf {
    let files = fs::read_dir(directory.join("journal")).unwrap();
    let mut paths = files.map(|file| file.unwrap().path());
    let begins = format!("{ordinal:010}-");
    let is = |path: &PathBuf| {
        path.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with(&begins)
    };
    paths.find(is).unwrap()
}
