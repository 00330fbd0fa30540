//! Damage and loss around the index, the secret and the lock: what a start makes of each.

mod cost;
pub mod moved;

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::claims::id::{DocumentId, LotId};
use crate::store::contract::{self, Picture, admission, admit};
use crate::store::custody::verified::Verified;
use crate::store::embedded::tree::fault::Kind;
use crate::store::ledger::query;
use crate::store::{Admitted, Command, Conflict, Readiness, Space, Store, Unity, Unobserved};

const SEGMENT: u64 = 16 * 1024;

#[derive(Default)]
struct Replayed(AtomicU64);

impl Observer for Replayed {
    fn committed(&self, _entries: usize, _bytes: usize, _sync: Duration) {}
    fn sync_failed(&self) {}
    fn replayed(&self, entries: u64) {
        self.0.fetch_add(entries, Ordering::Relaxed);
    }
    fn tail_cut(&self, _bytes: u64) {}
    fn index_failed(&self) {}
}

/// Bodies lie in clear and as they are: these tests look for them in the files and count on their lengths.
pub(super) fn config(directory: &Path) -> Config {
    Config {
        directory: directory.to_owned(),
        segment_bytes: SEGMENT,
        cache_bytes: 1 << 20,
        compression: Compression::Off,
        resume_seconds: 0.0,
        ..Config::default()
    }
}

fn open_with(directory: &Path, observer: Arc<dyn Observer>) -> Result<Embedded, OpenError> {
    open_config(&config(directory), observer)
}

pub(super) fn open_config(
    config: &Config,
    observer: Arc<dyn Observer>,
) -> Result<Embedded, OpenError> {
    Embedded::open(config, contract::now(), contract::entropy(), observer)
}

fn open(directory: &Path) -> Result<Embedded, OpenError> {
    open_with(directory, Arc::new(Unobserved))
}

pub(super) async fn fill(store: &Embedded, numbers: std::ops::Range<u32>) {
    let registered = store.commit(contract::now(), contract::registry()).await;
    registered.unwrap();
    for number in numbers {
        let body = Bytes::from(format!("{number:0400}"));
        let documents = vec![admission(number.into(), number, body)];
        admit(store, documents, Unity::Each).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_full_disk_refused_is_known_to_no_later_command() {
    let directory = TempDir::new().unwrap();
    let mut config = config(directory.path());
    // Nobody looks at the disk but this test.
    config.look_seconds = 1e6;
    let store = open_config(&config, Arc::new(Unobserved)).unwrap();
    store.state.set_room(Space::Full);
    let registered = store.commit(contract::now(), contract::registry()).await;
    assert!(matches!(registered, Err(Error::Full)), "{registered:?}");
    store.state.set_room(Space::Ample);
    let post = |id| vec![admission(id, 1, Bytes::from_static(b"<fse/>"))];
    let rows = admit(&store, post(1), Unity::Each).await.unwrap();
    let unknown = matches!(rows[..], [Admitted::Refused(Conflict::Centre(_))]);
    assert!(unknown, "{rows:?}");
    let registered = store.commit(contract::now(), contract::registry()).await;
    registered.unwrap();
    let rows = admit(&store, post(2), Unity::Each).await.unwrap();
    assert!(matches!(rows[..], [Admitted::Received { .. }]), "{rows:?}");
}

/// A closed store of 40 documents, and what it had to say.
async fn forty() -> (TempDir, Picture) {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    fill(&store, 0..40).await;
    let picture = contract::picture(&store).await;
    (directory, picture)
}

pub(in crate::store) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn an_index_that_is_gone_damaged_or_of_another_layout_is_built_anew() {
    let (directory, before) = forty().await;
    let index = directory.path().join("index");
    let damages: [fn(&Path); 5] = [
        |index| fs::remove_dir_all(index).unwrap(),
        |index| fs::write(index.join("conf"), b"not what sled wrote").unwrap(),
        |index| {
            fs::remove_dir_all(index).unwrap();
            fs::write(index, b"a file").unwrap();
        },
        |index| {
            // A tree whose place in the journal is no place.
            let db = sled::open(index).unwrap();
            db.insert(b"A", b"nowhere").unwrap();
        },
        |index| {
            // A tree of another layout.
            let db = sled::open(index).unwrap();
            let mut place = db.get(b"A").unwrap().unwrap().to_vec();
            place[0] += 1;
            db.insert(b"A", place).unwrap();
        },
    ];
    for damage in damages {
        damage(&index);
        let seen = Arc::new(Replayed::default());
        let store = open_with(directory.path(), seen.clone()).unwrap();
        assert_eq!(contract::picture(&store).await, before);
        assert_eq!(seen.0.load(Ordering::Relaxed), 41);
    }
}

#[tokio::test]
async fn an_older_index_gets_the_tail_and_a_present_one_nothing() {
    let (directory, _) = forty().await;
    let old = TempDir::new().unwrap();
    copy(&directory.path().join("index"), &old.path().join("index"));
    let store = open(directory.path()).unwrap();
    fill(&store, 40..70).await;
    let before = contract::picture(&store).await;
    drop(store);

    for (older, replayed) in [(false, 0), (true, 30)] {
        if older {
            fs::remove_dir_all(directory.path().join("index")).unwrap();
            copy(&old.path().join("index"), &directory.path().join("index"));
        }
        let seen = Arc::new(Replayed::default());
        let store = open_with(directory.path(), seen.clone()).unwrap();
        assert_eq!(contract::picture(&store).await, before);
        assert_eq!(seen.0.load(Ordering::Relaxed), replayed);
    }
}

/// sled ends its threads on its own time; meanwhile the file of the index is locked.
#[tokio::test]
async fn an_index_that_is_still_held_is_waited_for_and_not_built_anew() {
    let (directory, before) = forty().await;
    let held = fs::File::open(directory.path().join("index/db")).unwrap();
    held.lock().unwrap();
    let seen = Arc::new(Replayed::default());
    let opening = {
        let (path, seen) = (directory.path().to_owned(), seen.clone());
        std::thread::spawn(move || open_with(&path, seen).unwrap())
    };
    drop(held);
    let store = opening.join().unwrap();
    assert_eq!(contract::picture(&store).await, before);
    assert_eq!(seen.0.load(Ordering::Relaxed), 0);
    assert!(!directory.path().join("index.bad").exists());
}

#[tokio::test]
async fn an_index_of_another_journal_is_built_anew() {
    let (directory, before) = forty().await;
    let other = TempDir::new().unwrap();
    let store = open(other.path()).unwrap();
    fill(&store, 100..120).await;
    drop(store);
    fs::remove_dir_all(directory.path().join("index")).unwrap();
    copy(&other.path().join("index"), &directory.path().join("index"));
    let store = open(directory.path()).unwrap();
    assert_eq!(contract::picture(&store).await, before);
}

#[tokio::test]
async fn a_journal_that_lost_entries_is_refused() {
    let (directory, _) = forty().await;
    fs::remove_dir_all(directory.path().join("journal")).unwrap();
    assert!(matches!(
        open(directory.path()),
        Err(OpenError::JournalBehind {
            index: 41,
            journal: 0
        })
    ));
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(directory.join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "segment"))
        .collect();
    found.sort();
    assert!(found.len() > 1);
    found
}

/// With the index at hand the ledger's state is known: what can be read is served, and the count is not proven.
/// Without it the state cannot be known: nothing is opened, until the file is put back.
#[tokio::test]
async fn a_hole_in_the_entries_is_served_around_and_never_counted_over() {
    let (directory, before) = forty().await;
    let kept = TempDir::new().unwrap();
    copy(directory.path(), kept.path());
    let files = segments(directory.path());
    type Injury = fn(&Path);
    let injuries: [Injury; 3] = [
        |file| {
            let mut bytes = fs::read(file).unwrap();
            // Within the first entry.
            bytes[145] ^= 1;
            fs::write(file, bytes).unwrap();
        },
        |file| fs::remove_file(file).unwrap(),
        |file| fs::write(file, vec![0; SEGMENT as usize]).unwrap(),
    ];
    for injury in injuries {
        injury(&files[0]);
        let store = open(directory.path()).unwrap();
        assert_eq!(store.health().state, Readiness::Ready);
        assert_eq!(store.documents(None, 100).await.unwrap().len(), 40);
        let counted = store.entries(Position(0), usize::MAX).await;
        assert!(matches!(counted, Err(Error::Read(_))));
        fill(&store, 40..41).await;
        drop(store);
        let (verified, at_rest) = check(directory.path());
        assert!(at_rest.is_none() && !verified.holds());
        let named = said(&verified)
            .iter()
            .any(|(part, what)| *part == "journal" && what.contains("cannot be proven"));
        assert!(named, "{:?}", said(&verified));

        fs::rename(directory.path().join("index"), kept.path().join("aside")).unwrap();
        assert!(matches!(open(directory.path()), Err(OpenError::Journal(_))));
        let healthy = kept
            .path()
            .join("journal")
            .join(files[0].file_name().unwrap());
        fs::copy(healthy, &files[0]).unwrap();
        let store = open(directory.path()).unwrap();
        assert_eq!(store.documents(None, 100).await.unwrap().len(), 41);
        drop(store);
        fs::remove_dir_all(kept.path().join("aside")).unwrap();
        fs::remove_dir_all(directory.path()).unwrap();
        copy(kept.path(), directory.path());
    }
    assert_eq!(
        contract::picture(&open(directory.path()).unwrap()).await,
        before
    );
}

#[tokio::test]
async fn a_body_that_cannot_be_read_takes_nothing_else_with_it() {
    let (directory, _) = forty().await;
    let file = segments(directory.path()).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    let body = format!("{:0400}", 7).into_bytes();
    let at = bytes.windows(400).position(|found| found == body).unwrap();
    bytes[at + 200] ^= 1;
    fs::write(&file, bytes).unwrap();
    for index in ["there", "gone"] {
        if index == "gone" {
            fs::remove_dir_all(directory.path().join("index")).unwrap();
        }
        let store = open(directory.path()).unwrap();
        let entries = store.entries(Position(0), usize::MAX).await.unwrap();
        assert_eq!(entries.len(), 41, "{index}");
        for number in 0..40_u128 {
            let found = store.body(BodyId::Document(DocumentId(number))).await;
            // Never "gone": it was not forgotten.
            assert_eq!(
                found.is_ok_and(|body| body.is_some()),
                number != 7,
                "{number}"
            );
        }
        drop(store);
        let (verified, at_rest) = check(directory.path());
        assert!(!verified.holds() && at_rest.is_some());
        assert!(said(&verified).iter().all(|(part, _)| *part == "bodies"));
    }
}

#[tokio::test]
async fn one_process_one_store() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    assert!(matches!(
        open(directory.path()),
        Err(OpenError::Journal(journal::Error::Locked))
    ));
    drop(store);
    open(directory.path()).unwrap();
}

#[tokio::test]
async fn without_its_secret_a_ledger_does_not_open() {
    let (directory, before) = forty().await;
    let secret = directory.path().join("secret");
    let bytes = fs::read(&secret).unwrap();
    fs::remove_file(&secret).unwrap();
    assert!(matches!(open(directory.path()), Err(OpenError::Secret)));
    fs::write(&secret, b"short").unwrap();
    assert!(matches!(open(directory.path()), Err(OpenError::Secret)));
    fs::write(&secret, bytes).unwrap();
    let store = open(directory.path()).unwrap();
    assert_eq!(contract::picture(&store).await, before);
}

/// A copy of the files at any moment is what a kill leaves behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_in_every_later_copy_of_the_files() {
    let directory = TempDir::new().unwrap();
    let store = Arc::new(open(directory.path()).unwrap());
    fill(&store, 0..1).await;
    let answered = Arc::new(AtomicU64::new(0));
    let writer = {
        let (store, answered) = (store.clone(), answered.clone());
        tokio::spawn(async move {
            for number in 1..400_u32 {
                let body = Bytes::from(vec![b'x'; number as usize * 7]);
                let documents = vec![admission(number.into(), number, body)];
                admit(&*store, documents, Unity::Each).await.unwrap();
                answered.store(number.into(), Ordering::SeqCst);
            }
        })
    };
    let mut images = Vec::new();
    while images.len() < 6 {
        let known = answered.load(Ordering::SeqCst);
        let image = TempDir::new().unwrap();
        copy_running(directory.path(), image.path());
        images.push((known, image));
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
    for (known, image) in images {
        let store = open(image.path()).unwrap();
        let documents = store.documents(None, usize::MAX).await.unwrap();
        assert!(documents.len() as u64 > known);
        for (number, record) in documents.iter().enumerate() {
            let id = record.received.document;
            assert_eq!(id, DocumentId(number as u128));
            let body = store.body(BodyId::Document(id)).await.unwrap().unwrap();
            assert_eq!(body.bytes.len(), record.received.length as usize);
        }
        let seen = store.entries(Position(0), usize::MAX).await.unwrap();
        assert_eq!(seen.len(), documents.len() + 1);
    }
}

/// Files may come and go while they are copied. The journal is copied last segment first, so that no segment
/// is older than one that follows it; the index is copied first, as it must never be ahead.
fn copy_running(from: &Path, to: &Path) {
    copy_tolerant(&from.join("index"), &to.join("index"));
    fs::copy(from.join("secret"), to.join("secret")).unwrap();
    fs::create_dir_all(to.join("journal")).unwrap();
    let names = |from: &Path| {
        let mut names: Vec<_> = fs::read_dir(from.join("journal"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name.to_string_lossy().ends_with(".segment"))
            .collect();
        names.sort();
        names
    };
    for name in names(from).iter().rev() {
        let (from, to) = (
            from.join("journal").join(name),
            to.join("journal").join(name),
        );
        fs::copy(from, to).unwrap();
    }
}

fn copy_tolerant(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tolerant(&entry.path(), &target);
        } else {
            // A file that was removed meanwhile is not there after a kill either.
            let _ = fs::copy(entry.path(), target);
        }
    }
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_stops_the_store_until_it_can() {
    let directory = TempDir::new().unwrap();
    let config = Config {
        look_seconds: 0.01,
        ..config(directory.path())
    };
    let store = open_config(&config, Arc::new(Unobserved)).unwrap();
    fill(&store, 0..1).await;
    assert_eq!(store.health().state, Readiness::Ready);
    // The next segment cannot be made.
    let journal = directory.path().join("journal");
    let elsewhere = directory.path().join("elsewhere");
    fs::rename(&journal, &elsewhere).unwrap();
    let body = Bytes::from(vec![b'x'; SEGMENT as usize]);
    let documents = vec![admission(1, 1, body)];
    let failed = admit(&store, documents.clone(), Unity::Each).await;
    assert!(matches!(failed, Err(Error::Stopped(_))), "{failed:?}");
    let failed = admit(&store, documents, Unity::Each).await;
    assert!(matches!(failed, Err(Error::Stopped(_))), "{failed:?}");
    assert!(matches!(store.health().state, Readiness::Failed(_)));
    // What was committed can still be read.
    assert_eq!(store.documents(None, 10).await.unwrap().len(), 1);

    fs::rename(&elsewhere, &journal).unwrap();
    while store.health().state != Readiness::Ready {
        tokio::task::yield_now().await;
    }
    let again = vec![admission(1, 1, Bytes::from(vec![b'x'; SEGMENT as usize]))];
    admit(&store, again, Unity::Each).await.unwrap();
    let before = contract::picture(&store).await;
    drop(store);
    let store = open(directory.path()).unwrap();
    assert_eq!(contract::picture(&store).await, before);
    assert_eq!(store.documents(None, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn instants_of_entries_never_go_back_with_the_clock() {
    use crate::claims::time::Timestamp;
    let directory = TempDir::new().unwrap();
    let mut store = open(directory.path()).unwrap();
    fill(&store, 0..3).await;
    let hour = Duration::from_secs(3600);
    let late = contract::now() + hour;
    let post = |number: u32| vec![admission(number.into(), number, Bytes::from("x"))];
    let admit_at = async |store: &Embedded, at: Timestamp, number| {
        let command = Command::Admit {
            caller: crate::claims::id::Name::parse("caller").unwrap(),
            documents: post(number),
            unity: Unity::Each,
        };
        store.commit(at, command).await.unwrap()
    };
    admit_at(&store, late, 10).await;
    // Set back while it runs, and found set back at the next start.
    admit_at(&store, contract::now(), 11).await;
    drop(store);
    store = open(directory.path()).unwrap();
    admit_at(&store, contract::now(), 12).await;
    let entries = store.entries(Position(0), usize::MAX).await.unwrap();
    let instants: Vec<_> = entries.iter().map(|(_, stamped)| stamped.at).collect();
    assert!(instants.is_sorted());
    assert_eq!(instants[instants.len() - 3..], [late; 3]);
    admit_at(&store, late + hour, 13).await;
    let entries = store.entries(Position(0), usize::MAX).await.unwrap();
    assert_eq!(entries.last().unwrap().1.at, late + hour);
}

#[tokio::test]
async fn a_view_stays_as_it_is_and_holds_back_only_the_index() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    fill(&store, 0..5).await;
    let view = store.overlay.view();
    fill(&store, 5..30).await;
    assert_eq!(view.position(), Position(6));
    let documents = query::documents(&view, None, usize::MAX).unwrap();
    assert_eq!(documents.len(), 5);
    let now = store.documents(None, usize::MAX).await.unwrap();
    assert_eq!(now.len(), 30);
    assert!(store.health().lag >= 25);
    drop(view);
    drop(store);
    let seen = Arc::new(Replayed::default());
    drop(open_with(directory.path(), seen.clone()).unwrap());
    assert_eq!(seen.0.load(Ordering::Relaxed), 0, "all of it was applied");
}

/// An index that does not keep up makes commits wait, then intake shed; nothing is lost or refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_takes_long_sheds_before_the_queue_is_full() {
    let directory = TempDir::new().unwrap();
    let config = Config {
        queue_seconds: 0.01,
        overlay_bytes: 1,
        ..config(directory.path())
    };
    let store = Arc::new(open_config(&config, Arc::new(Unobserved)).unwrap());
    let is = async |state| {
        while store.health().state != state {
            tokio::task::yield_now().await;
        }
    };
    fill(&store, 0..0).await;
    for (number, call) in [(10, "commit"), (20, "carry")] {
        // The index may not go beyond this view, so commits wait.
        let view = store.overlay.view();
        fill(&store, number..number + 1).await;
        is(Readiness::Ready).await;
        let asks = store.clone();
        let asked = tokio::spawn(async move {
            let one = admission(1, 1, Bytes::from("x"));
            let body = one.body.clone();
            match call {
                "commit" => admit(&*asks, vec![one], Unity::Each).await.map(|_| ()),
                _ => {
                    asks.carry(vec![(BodyId::Document(one.document), body)])
                        .await
                }
            }
        });
        is(Readiness::Shedding).await;
        drop(view);
        asked.await.unwrap().unwrap();
        is(Readiness::Ready).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_overlay_holds_back_commits_until_there_is_room() {
    let directory = TempDir::new().unwrap();
    let config = Config {
        queue_commands: NonZeroUsize::new(4).unwrap(),
        overlay_bytes: 1,
        ..config(directory.path())
    };
    let store = Arc::new(open_config(&config, Arc::new(Unobserved)).unwrap());
    // The index may not go beyond this view.
    let view = store.overlay.view();
    fill(&store, 0..0).await;
    let writers: Vec<_> = (0..12_u32)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let documents = vec![admission(number.into(), number, Bytes::from("x"))];
                admit(&*store, documents, Unity::Each).await.unwrap()
            })
        })
        .collect();
    while store.health().state != Readiness::Shedding {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.health().position, Position(1));
    assert!(store.health().waiting <= 4);
    drop(view);
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(store.health().state, Readiness::Ready);
    assert_eq!(store.documents(None, 100).await.unwrap().len(), 12);
}

/// Counts failures of the index.
#[derive(Default)]
pub(super) struct Failures(pub(super) AtomicU64);

impl Observer for Failures {
    fn committed(&self, _entries: usize, _bytes: usize, _sync: Duration) {}
    fn sync_failed(&self) {}
    fn replayed(&self, _entries: u64) {}
    fn tail_cut(&self, _bytes: u64) {}
    fn index_failed(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Commits as a caller does who repeats what the store was too busy for.
async fn insist(store: &Embedded, number: u32) {
    loop {
        let body = Bytes::from(format!("{number:0400}"));
        let documents = vec![admission(number.into(), number, body)];
        match admit(store, documents, Unity::Each).await {
            Ok(_) => return,
            Err(Error::Busy | Error::Read(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

async fn ready(store: &Embedded) {
    while store.health().state != Readiness::Ready {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_fails_is_built_anew_and_the_store_goes_on() {
    for kind in [Kind::Error, Kind::Panic] {
        let directory = TempDir::new().unwrap();
        let seen = Arc::new(Failures::default());
        let store = Arc::new(open_with(directory.path(), seen.clone()).unwrap());
        fill(&store, 0..20).await;
        for failure in 1..=2 {
            store.overlay.tree().fails(kind);
            let first = failure * 100;
            for number in first..first + 20 {
                insist(&store, number).await;
            }
            ready(&store).await;
            assert_eq!(seen.0.load(Ordering::SeqCst), u64::from(failure));
        }
        assert_eq!(store.documents(None, 100).await.unwrap().len(), 60);
        assert!(
            directory.path().join("index.bad").is_dir(),
            "it is kept to look into"
        );
        let picture = contract::picture(&*store).await;
        drop(store);
        let (verified, store) = check(directory.path());
        assert_eq!(said(&verified), []);
        drop(store);
        let store = open(directory.path()).unwrap();
        assert_eq!(contract::picture(&store).await, picture);
    }
}

/// Another index would be thrown away, after minutes: the store stops at once, and a start builds one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_fails_for_the_fourth_time_in_a_day_is_not_built_anew() {
    let directory = TempDir::new().unwrap();
    let seen = Arc::new(Failures::default());
    let store = Arc::new(open_with(directory.path(), seen.clone()).unwrap());
    fill(&store, 0..20).await;
    for failure in 1..=3 {
        store.overlay.tree().fails(Kind::Error);
        insist(&store, failure * 100).await;
        ready(&store).await;
        assert_eq!(seen.0.load(Ordering::SeqCst), u64::from(failure));
    }
    store.overlay.tree().fails(Kind::Error);
    while !matches!(store.health().state, Readiness::Failed(_)) {
        let _ = store.documents(None, 1).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(
        seen.0.load(Ordering::SeqCst),
        4,
        "it failed, and was not built anew"
    );
    drop(store);
    let store = open(directory.path()).unwrap();
    assert_eq!(store.documents(None, 100).await.unwrap().len(), 23);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_index_is_built_anew_nothing_is_taken_and_health_says_how_far_it_is() {
    let directory = TempDir::new().unwrap();
    let (told, hears) = std::sync::mpsc::sync_channel(1);
    let (allow, allowed) = std::sync::mpsc::sync_channel(1);
    let held = Arc::new(Held(std::sync::Mutex::new((told, allowed))));
    let store = Arc::new(open_with(directory.path(), held).unwrap());
    fill(&store, 0..20).await;
    store.overlay.tree().fails(Kind::Error);
    // A read is enough to find it out.
    let failed = store.documents(None, 1).await;
    assert!(matches!(failed, Err(Error::Read(_))), "{failed:?}");
    tokio::task::spawn_blocking(move || hears.recv().unwrap())
        .await
        .unwrap();
    assert_eq!(store.health().state, Readiness::Rebuilding { percent: 0 });
    let body = Bytes::from_static(b"x");
    let refused = admit(&*store, vec![admission(99, 99, body)], Unity::Each).await;
    assert!(matches!(refused, Err(Error::Busy)), "{refused:?}");
    let refused = store.documents(None, 1).await;
    assert!(matches!(refused, Err(Error::Busy)), "{refused:?}");
    allow.send(()).unwrap();
    ready(&store).await;
    assert_eq!(store.documents(None, 100).await.unwrap().len(), 20);
    insist(&store, 99).await;
}

/// Holds back a rebuild until it is allowed.
struct Held(
    std::sync::Mutex<(
        std::sync::mpsc::SyncSender<()>,
        std::sync::mpsc::Receiver<()>,
    )>,
);

impl Observer for Held {
    fn committed(&self, _entries: usize, _bytes: usize, _sync: Duration) {}
    fn sync_failed(&self) {}
    fn replayed(&self, _entries: u64) {}
    fn tail_cut(&self, _bytes: u64) {}
    fn index_failed(&self) {
        let ends = self.0.lock().unwrap();
        ends.0.send(()).unwrap();
        ends.1.recv().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_cannot_be_built_anew_stops_the_store_and_loses_nothing() {
    let directory = TempDir::new().unwrap();
    let store = Arc::new(open(directory.path()).unwrap());
    fill(&store, 0..40).await;
    let picture = contract::picture(&*store).await;
    // The first segment is gone while the index fails.
    let journal = directory.path().join("journal");
    let mut segments: Vec<_> = fs::read_dir(&journal)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some())
        .collect();
    segments.sort();
    let aside = directory.path().join("aside");
    fs::rename(&segments[0], &aside).unwrap();
    store.overlay.tree().fails(Kind::Panic);
    assert!(store.documents(None, 1).await.is_err());
    while !matches!(store.health().state, Readiness::Failed(_)) {
        tokio::task::yield_now().await;
    }
    let refused = admit(&*store, vec![admission(99, 99, Bytes::new())], Unity::Each).await;
    assert!(matches!(refused, Err(Error::Stopped(_))), "{refused:?}");
    drop(store);
    fs::rename(&aside, &segments[0]).unwrap();
    let store = open(directory.path()).unwrap();
    assert_eq!(contract::picture(&store).await, picture);
}

fn check(directory: &Path) -> (Verified, Option<Embedded>) {
    verify::verify(&config(directory)).unwrap()
}

fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    files
}

pub(super) fn said(verified: &Verified) -> Vec<(&'static str, &str)> {
    let differences = verified.differences.iter();
    differences
        .map(|found| (found.part.as_str(), found.what.as_str()))
        .collect()
}

#[tokio::test]
async fn a_sound_store_at_rest_is_read_whole_and_answers_as_before() {
    let (directory, picture) = forty().await;
    let before = files(directory.path());
    let (verified, store) = check(directory.path());
    assert_eq!(said(&verified), []);
    assert_eq!((verified.entries, verified.bodies), (41, 40));
    assert!(verified.segments > 1 && verified.body_bytes == 40 * 400);
    let compared = verified.index.unwrap();
    assert_eq!(compared.position, Position(41));
    assert!(compared.records > 40 * 4);
    let store = store.unwrap();
    assert_eq!(contract::picture(&store).await, picture);
    let refused = store.commit(contract::now(), Command::Tick).await;
    assert!(matches!(refused, Err(Error::Stopped(_))));
    assert!(matches!(
        open(directory.path()),
        Err(OpenError::Journal(journal::Error::Locked))
    ));
    drop(store);
    assert!(
        files(directory.path()) == before,
        "the check changed a file"
    );
    assert_eq!(
        contract::picture(&open(directory.path()).unwrap()).await,
        picture
    );
}

#[tokio::test]
async fn an_older_index_is_no_difference_and_a_stranger_is() {
    let (directory, _) = forty().await;
    let old = TempDir::new().unwrap();
    copy(&directory.path().join("index"), &old.path().join("index"));
    let store = open(directory.path()).unwrap();
    fill(&store, 40..70).await;
    let picture = contract::picture(&store).await;
    drop(store);
    let index = directory.path().join("index");
    fs::remove_dir_all(&index).unwrap();
    copy(&old.path().join("index"), &index);
    let (verified, store) = check(directory.path());
    assert_eq!(said(&verified), []);
    assert_eq!(verified.index.unwrap().position, Position(41));
    assert_eq!(contract::picture(&store.unwrap()).await, picture);

    let other = TempDir::new().unwrap();
    fill(&open(other.path()).unwrap(), 100..120).await;
    fs::remove_dir_all(&index).unwrap();
    copy(&other.path().join("index"), &index);
    let (verified, store) = check(directory.path());
    let what = "it was made of another journal than this, up to entry 21";
    assert_eq!(said(&verified), [("index", what)]);
    assert!(store.is_none());

    fs::remove_dir_all(directory.path().join("journal")).unwrap();
    fs::create_dir(directory.path().join("journal")).unwrap();
    let (verified, _) = check(directory.path());
    let what = "it has seen entry 21, but the journal ends at entry 0";
    assert_eq!(said(&verified), [("index", what)]);
}

#[tokio::test]
async fn what_was_changed_in_the_index_is_named() {
    let (directory, _) = forty().await;
    let document = crate::claims::id::DocumentId(7);
    let change = |change: &dyn Fn(&sled::Db)| {
        let db = sled::open(directory.path().join("index")).unwrap();
        change(&db);
    };
    let key = crate::store::ledger::keys::document(document);
    let record = std::cell::RefCell::new(sled::IVec::default());
    change(&|db| *record.borrow_mut() = db.get(&key).unwrap().unwrap());
    let sound = || {
        change(&|db| drop(db.insert(&key, record.borrow().clone()).unwrap()));
    };

    // A flipped bit in a record, a record that is gone, one too many.
    change(&|db| {
        let mut bytes = record.borrow().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        db.insert(&key, bytes).unwrap();
    });
    let named = format!("document {document}");
    let (verified, store) = check(directory.path());
    drop(store);
    assert_eq!(said(&verified), [("index", &*format!("{named} differs"))]);
    change(&|db| drop(db.remove(&key).unwrap()));
    let (verified, store) = check(directory.path());
    drop(store);
    assert_eq!(
        said(&verified),
        [("index", &*format!("{named} is missing"))]
    );
    sound();
    let stranger = crate::store::ledger::keys::document(crate::claims::id::DocumentId(999));
    change(&|db| drop(db.insert(&stranger, record.borrow().clone()).unwrap()));
    let (verified, _) = check(directory.path());
    assert_eq!(verified.differing, 1);
    assert!(said(&verified)[0].1.ends_with("should not be there"));
}

#[tokio::test]
async fn damage_in_the_journal_is_named_by_file_and_byte() {
    let (directory, _) = forty().await;
    let journal = directory.path().join("journal");
    let paths = fs::read_dir(&journal)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = paths.filter(|path| path.extension().is_some()).collect();
    segments.sort();
    for segment in [&segments[0], segments.last().unwrap()] {
        let sound = fs::read(segment).unwrap();
        let mut bytes = sound.clone();
        // Within the first entry.
        bytes[145] ^= 1;
        fs::write(segment, bytes).unwrap();
        let (verified, store) = check(directory.path());
        assert!(store.is_none());
        assert_eq!(verified.differing, 1);
        let name = segment.file_name().unwrap().to_str().unwrap();
        let (part, what) = said(&verified)[0];
        assert!(part == "journal" && what.starts_with(name), "{what}");
        fs::write(segment, sound).unwrap();
    }
}

#[tokio::test]
async fn an_entry_of_a_later_version_ends_the_start_and_stays() {
    let (directory, _) = forty().await;
    let config = config(directory.path());
    let opening = config.opening(&[], contract::now());
    let mut journal = journal::Journal::open(&opening, contract::entropy(), &Unobserved).unwrap();
    let mut batch = journal::Batch::default();
    // A kind of entry that no version until now has written.
    batch.add_entry(vec![0xfe; 24]);
    let position = journal.append(&batch).unwrap().end.position.0;
    drop(journal);
    let before = files(&directory.path().join("journal"));
    for _ in 0..2 {
        let refused = open(directory.path()).err();
        assert!(
            matches!(refused, Some(OpenError::Entry(number)) if number == position),
            "{refused:?}"
        );
    }
    let (verified, store) = check(directory.path());
    assert!(store.is_none());
    let what = format!("entry {position} cannot be read");
    assert!(said(&verified).contains(&("journal", what.as_str())));
    assert_eq!(files(&directory.path().join("journal")), before);
}

#[tokio::test]
async fn a_segment_that_is_missing_is_named_and_the_others_are_counted() {
    let (directory, _) = forty().await;
    fill(&open(directory.path()).unwrap(), 40..120).await;
    let (whole, store) = check(directory.path());
    drop(store);
    assert_eq!(said(&whole), []);
    assert!(whole.segments > 3, "{}", whole.segments);
    let segments = files(&directory.path().join("journal")).into_keys();
    let second = |path: &PathBuf| path.to_string_lossy().contains("/0000000002-");
    fs::remove_file(segments.into_iter().find(second).unwrap()).unwrap();
    let (verified, _) = check(directory.path());
    assert_eq!(verified.segments, whole.segments);
    assert!(said(&verified).contains(&("journal", "segment 2: the segment is missing")));
    assert!(!verified.holds());
}

#[tokio::test]
async fn entries_never_go_back_behind_the_last_one_also_after_a_start() {
    let directory = TempDir::new().unwrap();
    let post = |number: u32| Command::Admit {
        caller: crate::claims::id::Name::parse("vendor").unwrap(),
        documents: vec![admission(
            number.into(),
            number,
            Bytes::from_static(b"<fse/>"),
        )],
        unity: Unity::Each,
    };
    let ahead = contract::now() + Duration::from_secs(3600);
    let instants = [
        ahead,
        contract::now(),
        contract::now() + Duration::from_secs(5),
    ];
    let store = open(directory.path()).unwrap();
    let registered = store.commit(contract::now(), contract::registry()).await;
    registered.unwrap();
    for (number, at) in (1..).zip(instants) {
        store.commit(at, post(number)).await.unwrap();
    }
    drop(store);
    let store = open(directory.path()).unwrap();
    store.commit(contract::now(), post(9)).await.unwrap();
    let entries = store.entries(Position(0), usize::MAX).await.unwrap();
    let stamped: Vec<_> = entries.iter().map(|(_, stamped)| stamped.at).collect();
    assert_eq!(stamped, [contract::now(), ahead, ahead, ahead, ahead]);
}
