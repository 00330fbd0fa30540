//! Finished documents in sorted files: nothing is found otherwise than before, whatever is cut off or damaged, and the
//! tree follows what is live.

use std::sync::atomic::{AtomicBool, AtomicUsize};

use super::*;
use crate::claims::document::{Kind, ReplacementReason};
use crate::claims::entry::PaperRow;
use crate::claims::id::{Amo, Finess, Name};
use crate::claims::time::Day;
use crate::store::Admitted;
use crate::store::custody::verified::Part;
use crate::store::embedded::tree::{Sizes, Tree};
use crate::store::embedded::{mover, sorted, tables};
use crate::store::index::{Changes, Index};
use crate::store::ledger::keys;
use crate::store::memory::Map;

/// A small tree.
const SMALL: Sizes = Sizes {
    cache_bytes: 1 << 20,
    sorted_bytes: 1 << 20,
};

/// Moves all that may leave the tree of a store, again and again, until it is dropped; half of the time it does not come
/// there at all.
pub struct Moves {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Embedded {
    /// Begins to move.
    pub fn moves(&self) -> Moves {
        let ends = Arc::new(AtomicBool::new(false));
        let (overlay, reader, told) = (self.overlay.clone(), self.reader.clone(), ends.clone());
        let thread = std::thread::spawn(move || {
            for turn in 0_usize.. {
                if told.load(Ordering::Relaxed) {
                    return;
                }
                let tree = overlay.tree();
                // Changes go past the tree into a file, or into the tree.
                tree.sorts_from([0, usize::MAX][turn % 2]);
                mover::everything(&tree, &mut |_| true).unwrap();
                mover::merge(&tree, &|segment| reader.is_archived(segment), &mut |_| true).unwrap();
                std::thread::yield_now();
            }
        });
        Moves {
            ends,
            thread: Some(thread),
        }
    }
}

impl Drop for Moves {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}

/// A store in which nothing gathers above the tree.
pub fn open(directory: &Path) -> Result<Embedded, OpenError> {
    let eager = Config {
        overlay_bytes: 8,
        sorted_bytes: 64 << 10,
        ..config(directory)
    };
    open_config(&eager, Arc::new(Unobserved))
}

/// A store whose documents are all finished: cancelled.
async fn finished(store: &Embedded, numbers: std::ops::Range<u32>) {
    fill(store, numbers.clone()).await;
    for number in numbers {
        let command = Command::Cancel {
            document: DocumentId(number.into()),
            caller: Name::parse("vendor").unwrap(),
        };
        store.commit(contract::now(), command).await.unwrap();
    }
    applied(store).await;
}

/// Waits until the tree has everything.
pub async fn applied(store: &Embedded) {
    while store.health().lag > 0 {
        tokio::task::yield_now().await;
    }
}

fn round(store: &Embedded) {
    let tree = store.overlay.tree();
    mover::round(&tree, contract::now(), 0, &mut |_| true).unwrap();
}

/// How many keys the tree has but those that go with the bodies: their places, and marks in the journal.
pub fn live_keys(store: &Embedded) -> usize {
    let tree = store.overlay.tree();
    let pairs = tree.live().scan(b"", b"\xff", usize::MAX).unwrap();
    let stays = |key: &[u8]| !matches!(key[0], b'B' | b'C' | b'E');
    pairs.iter().filter(|(key, _)| stays(key)).count()
}

#[tokio::test]
async fn the_tree_follows_what_is_live_and_not_what_was() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    fill(&store, 900_000..900_010).await;
    let mut sizes = Vec::new();
    for number in 0..20 {
        finished(&store, number * 20..number * 20 + 20).await;
        let before = contract::picture(&store).await;
        round(&store);
        mover::merge(&store.overlay.tree(), &|_| false, &mut |_| true).unwrap();
        assert_eq!(contract::picture(&store).await, before);
        sizes.push(live_keys(&store));
    }
    // One mark in the journal more or less.
    let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
    assert!(most - least <= 2, "{sizes:?}");
    let files = store.overlay.tree().shelf().files().len();
    assert!(files < 16, "{files} files of 20 rounds");
    let picture = contract::picture(&store).await;
    let known = admit(
        &store,
        vec![admission(77, 7, Bytes::from(format!("{:0400}", 7)))],
        Unity::Each,
    )
    .await;
    assert!(matches!(
        known.unwrap()[..],
        [crate::store::Admitted::Known { .. }]
    ));
    drop(store);
    let (verified, at_rest) = check(directory.path());
    assert_eq!(said(&verified), []);
    drop(at_rest);
    let store = open(directory.path()).unwrap();
    assert_eq!(contract::picture(&store).await, picture);
}

/// What was merged stays on the disk until it is certain that it counts no more, and goes then.
#[tokio::test]
async fn files_that_were_merged_go_when_the_disk_lets_them() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    let tree = store.overlay.tree();
    let merged = || mover::merge(&tree, &|_| false, &mut |_| true);
    let there = || {
        fs::read_dir(directory.path().join("sorted"))
            .unwrap()
            .count()
    };
    let mut number = 0;
    let mut crowd = async || {
        while !mover::is_crowded(&tree) {
            finished(&store, number..number + 20).await;
            round(&store);
            number += 20;
        }
    };
    crowd().await;
    let before = contract::picture(&store).await;
    // The file of the tree cannot be synced by its name.
    let (db, aside) = (
        directory.path().join("index/db"),
        directory.path().join("aside"),
    );
    fs::rename(&db, &aside).unwrap();
    let failed = merged();
    assert!(
        matches!(failed, Err(mover::Ended::Sorted(sorted::Error::Io { .. }))),
        "{failed:?}"
    );
    fs::rename(&aside, &db).unwrap();
    assert_eq!(contract::picture(&store).await, before);
    assert!(there() > tree.shelf().files().len());
    crowd().await;
    merged().unwrap();
    assert_eq!(there(), tree.shelf().files().len());
}

/// Whichever of a document's changes go through the tree and whichever past it: what is finished leaves nothing there.
#[tokio::test]
async fn what_went_past_the_tree_leaves_nothing_behind_in_it() {
    for pattern in 0..8_u32 {
        let directory = TempDir::new().unwrap();
        let store = open(directory.path()).unwrap();
        let past = |step: u32| {
            let past = pattern & (1 << step) != 0;
            let tree = store.overlay.tree();
            tree.sorts_from(if past { 0 } else { usize::MAX });
        };
        past(0);
        finished(&store, 0..20).await;
        past(1);
        let again = (0..20_u32).map(|number| {
            let body = Bytes::from(format!("{number}, again"));
            let mut again = admission(1_000 + u128::from(number), number, body);
            let own = again.facts.key.number;
            again.facts.replaces = Some((Kind::Fse, own, ReplacementReason::Cancelled));
            again
        });
        let rows = admit(&store, again.collect(), Unity::Each).await.unwrap();
        let is_received = |row: &Admitted| matches!(row, Admitted::Received { .. });
        assert!(rows.iter().all(is_received), "{rows:?}");
        applied(&store).await;
        past(2);
        for number in 1_000..1_020_u32 {
            let command = Command::Cancel {
                document: DocumentId(number.into()),
                caller: Name::parse("vendor").unwrap(),
            };
            store.commit(contract::now(), command).await.unwrap();
        }
        applied(&store).await;
        let picture = contract::picture(&store).await;
        round(&store);
        let tree = store.overlay.tree();
        let left = tree.live().scan(b"", b"\xff", usize::MAX).unwrap();
        let left: Vec<_> = left
            .into_iter()
            .filter(|(key, _)| tables::leaves_at_once(key))
            .collect();
        assert_eq!(left, [], "pattern {pattern}");
        assert_eq!(contract::picture(&store).await, picture);
        drop((tree, store));
        let (verified, _) = check(directory.path());
        assert_eq!(said(&verified), []);
    }
}

#[tokio::test]
async fn what_was_counted_on_days_long_past_leaves_the_tree_and_can_change_after_that() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    fill(&store, 0..20).await;
    let declare = |day: Day, sheets| Command::Declare {
        centre: Finess::parse("750712184").unwrap(),
        day,
        caller: Name::parse("vendor").unwrap(),
        rows: vec![PaperRow {
            caisse: Amo::new("01", "751", "0000").unwrap(),
            sheets,
        }],
    };
    let today = contract::now().day();
    let declared = declare(today, 3);
    store.commit(contract::now(), declared).await.unwrap();
    applied(&store).await;
    let picture = contract::picture(&store).await;
    let tree = store.overlay.tree();
    let live = |tree: &Tree| {
        let tables = tables::by_day().map(|table| {
            let pairs = tree.live().scan(&[table], &[table + 1], usize::MAX);
            pairs.unwrap().len()
        });
        tables.sum::<usize>()
    };
    let before = live(&tree);
    assert!(before > 3);
    mover::round(&tree, contract::now(), 0, &mut |_| true).unwrap();
    assert_eq!(live(&tree), before, "its day is near");
    let later = contract::now() + Duration::from_secs(30 * 24 * 3600);
    mover::round(&tree, later, 0, &mut |_| true).unwrap();
    assert_eq!(live(&tree), 0);
    assert_eq!(contract::picture(&store).await, picture);
    // Units leave their cells, others come into cells that a file has, and the day is declared anew.
    for number in 0..20_u32 {
        let command = Command::Cancel {
            document: DocumentId(number.into()),
            caller: Name::parse("vendor").unwrap(),
        };
        store.commit(contract::now(), command).await.unwrap();
        applied(&store).await;
    }
    let declared = declare(today, 1);
    store.commit(contract::now(), declared).await.unwrap();
    applied(&store).await;
    mover::round(&tree, later, 0, &mut |_| true).unwrap();
    drop((tree, store));
    let (verified, _) = check(directory.path());
    assert_eq!(said(&verified), []);
}

#[tokio::test]
async fn a_round_that_is_cut_off_anywhere_leaves_everything_once() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    finished(&store, 0..240).await;
    let picture = contract::picture(&store).await;
    drop(store);
    for steps in 0.. {
        let store = open(directory.path()).unwrap();
        let tree = store.overlay.tree();
        let mut left = steps;
        let mut pause = |_| {
            left -= 1;
            left >= 0
        };
        let moved = mover::everything(&tree, &mut pause)
            .and_then(|()| mover::merge(&tree, &|_| false, &mut pause));
        assert_eq!(contract::picture(&store).await, picture);
        drop((tree, store));
        let (verified, at_rest) = check(directory.path());
        assert_eq!(said(&verified), [], "after {steps} steps");
        drop(at_rest);
        if moved.is_ok() {
            assert!(steps > 2);
            return;
        }
    }
}

/// A store of finished documents in several sorted files.
async fn shelved() -> (TempDir, Picture, Vec<PathBuf>) {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    for number in 0..3 {
        finished(&store, number * 20..number * 20 + 20).await;
        round(&store);
    }
    fill(&store, 100..110).await;
    let picture = contract::picture(&store).await;
    drop(store);
    let mut files: Vec<_> = fs::read_dir(directory.path().join("sorted"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert_eq!(files.len(), 3);
    (directory, picture, files)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_is_set_aside_and_all_is_built_anew() {
    let flip = |path: &Path, at: fn(usize) -> usize| {
        let mut bytes = fs::read(path).unwrap();
        let at = at(bytes.len());
        bytes[at] ^= 4;
        fs::write(path, bytes).unwrap();
    };
    let damages: [&dyn Fn(&Path); 5] = [
        &|path| flip(path, |_| 100),
        &|path| flip(path, |length| length - 20),
        &|path| flip(path, |length| length - 100),
        &|path| fs::write(path, &fs::read(path).unwrap()[..1000]).unwrap(),
        &|path| fs::remove_file(path).unwrap(),
    ];
    for (number, damage) in damages.iter().enumerate() {
        let (directory, picture, files) = shelved().await;
        damage(&files[1]);
        let (verified, at_rest) = check(directory.path());
        assert!(!verified.holds());
        assert!(
            verified
                .differences
                .iter()
                .all(|found| found.part == Part::Index)
        );
        drop(at_rest);
        let seen = Arc::new(Failures::default());
        let store = open_with(directory.path(), seen.clone()).unwrap();
        // A block is read when it is needed: then the store goes on after a rebuild in the same process.
        let found = loop {
            match store.documents(None, 1000).await {
                Ok(found) => break found,
                Err(Error::Busy | Error::Read(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(found.len(), 70, "damage {number}");
        ready(&store).await;
        assert_eq!(contract::picture(&store).await, picture);
        assert_eq!(seen.0.load(Ordering::SeqCst), 1, "damage {number}");
        let aside = directory.path().join("sorted.bad");
        assert_eq!(
            fs::read_dir(aside).unwrap().count(),
            if number == 4 { 2 } else { 3 }
        );
        drop(store);
        let (verified, _) = check(directory.path());
        assert_eq!(said(&verified), []);
    }
}

#[tokio::test]
async fn a_tree_from_before_a_file_takes_no_notice_of_it() {
    let (directory, _, _) = shelved().await;
    let old = TempDir::new().unwrap();
    copy(&directory.path().join("index"), &old.path().join("index"));
    let store = open(directory.path()).unwrap();
    finished(&store, 200..220).await;
    round(&store);
    let picture = contract::picture(&store).await;
    drop(store);
    // As a power cut gives it back.
    fs::remove_dir_all(directory.path().join("index")).unwrap();
    copy(&old.path().join("index"), &directory.path().join("index"));
    let store = open(directory.path()).unwrap();
    assert_eq!(contract::picture(&store).await, picture);
    assert_eq!(
        fs::read_dir(directory.path().join("sorted"))
            .unwrap()
            .count(),
        3
    );
}

#[test]
fn a_tree_and_its_files_look_like_one_map_whatever_moves() {
    let mut seed = 11_u32;
    let mut random = move |below: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) % below
    };
    for _ in 0..6 {
        let directory = TempDir::new().unwrap();
        let mut tree = Tree::open(directory.path(), SMALL).unwrap();
        let mut map = Map::default();
        for step in 0..120_u8 {
            // Now and then past the tree into a file.
            tree.sorts_from([0, 40, usize::MAX][random(3) as usize]);
            let mut changes = Changes::new();
            for _ in 0..random(12) {
                // Of tables that leave and that stay.
                let letter = b"hjkyA"[random(5) as usize];
                let key = vec![letter, random(30) as u8];
                changes.insert(key, (random(3) > 0).then(|| vec![step; 3]));
            }
            let moves = random(4);
            let (before, after) = (moves == 0, moves == 1);
            let mut is_first = true;
            let mut apply = |tree: &Tree| {
                if std::mem::take(&mut is_first) {
                    tree.apply(std::iter::once(&changes)).unwrap();
                }
            };
            if before {
                apply(&tree);
            }
            if before || after {
                // Changes come while a file is written.
                let at = random(6);
                let mut steps = 0;
                mover::everything(&tree, &mut |_| {
                    steps += 1;
                    if steps == at {
                        apply(&tree);
                    }
                    true
                })
                .unwrap();
                mover::merge(&tree, &|_| false, &mut |_| true).unwrap();
            }
            apply(&tree);
            map.apply(changes.clone());
            if random(20) == 0 {
                drop(tree);
                tree = Tree::open(directory.path(), SMALL).unwrap();
            }
            let (from, to) = (
                [b"fhjkz"[random(5) as usize], random(30) as u8],
                [b"ejkz\xff"[random(5) as usize], random(30) as u8],
            );
            for most in [1, 2, 7, usize::MAX] {
                let found = tree.scan(&from, &to, most).unwrap();
                assert_eq!(
                    found,
                    map.scan(&from, &to, most).unwrap(),
                    "{from:?} {to:?} {most}"
                );
            }
            for letter in *b"hjkyA" {
                let key = [letter, random(30) as u8];
                assert_eq!(tree.get(&key).unwrap(), map.get(&key).unwrap(), "{key:?}");
            }
        }
        let all = tree.scan(b"", b"\xff", usize::MAX).unwrap();
        assert_eq!(all, map.scan(b"", b"\xff", usize::MAX).unwrap());
    }
}

#[test]
fn what_is_changed_twice_while_a_file_is_written_is_the_last_change() {
    let directory = TempDir::new().unwrap();
    let tree = Tree::open(directory.path(), SMALL).unwrap();
    let change = |key: &[u8], value: &[u8]| Changes::from([(key.to_vec(), Some(value.to_vec()))]);
    let put = |sorts_from, changes: Changes| {
        tree.sorts_from(sorts_from);
        tree.apply(std::iter::once(&changes)).unwrap();
    };
    // A table that is written before that of the key.
    put(usize::MAX, change(b"B1", b"1"));
    put(usize::MAX, change(b"k1", b"1"));
    let mut is_first = true;
    mover::everything(&tree, &mut |_| {
        if std::mem::take(&mut is_first) {
            put(0, change(b"k1", b"2"));
            put(usize::MAX, change(b"k1", b"3"));
        }
        true
    })
    .unwrap();
    for _ in 0..10 {
        assert_eq!(tree.get(b"k1").unwrap().unwrap(), b"3");
        let pairs = tree.scan(b"k", b"l", 9).unwrap();
        assert_eq!(pairs, [(b"k1".to_vec(), b"3".to_vec())]);
        mover::everything(&tree, &mut |_| true).unwrap();
        put(0, change(b"B2", b"1"));
        mover::merge(&tree, &|_| false, &mut |_| true).unwrap();
    }
    assert_eq!(
        tree.live().get(b"k1").unwrap(),
        None,
        "a later round took it along"
    );
}

#[tokio::test]
async fn what_goes_along_into_a_file_is_there_at_any_moment() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    let tree = store.overlay.tree();
    tree.sorts_from(usize::MAX);
    fill(&store, 0..20).await;
    applied(&store).await;
    let number = |number: u32| {
        let facts = admission(number.into(), number, Bytes::new()).facts;
        keys::latest(&facts.key, crate::claims::document::Purpose::Real)
    };
    let numbers: Vec<_> = (0..20).map(number).collect();
    let record = |number: u32| {
        let key = keys::document(DocumentId(number.into()));
        let value = tree.get(&key).unwrap();
        assert!(value.is_some());
        (key, value)
    };
    let records: Changes = (0..20).map(record).collect();
    let looks = Arc::new(AtomicUsize::new(0));
    let (asked, counted) = (numbers.clone(), looks.clone());
    tree.is_looked_at(move |tree| {
        for key in &asked {
            assert!(tree.get(key).unwrap().is_some(), "a number is not known");
        }
        counted.fetch_add(1, Ordering::SeqCst);
    });
    tree.sorts_from(0);
    // The records alone change; the numbers go along.
    tree.apply(std::iter::once(&records)).unwrap();
    assert_eq!(looks.load(Ordering::SeqCst), 1);
    for key in &numbers {
        assert_eq!(tree.live().get(key).unwrap(), None);
    }
}

#[test]
fn a_tree_that_failed_says_nothing_more() {
    let directory = TempDir::new().unwrap();
    let tree = Tree::open(directory.path(), SMALL).unwrap();
    let changes = Changes::from([(b"k1".to_vec(), Some(b"1".to_vec()))]);
    tree.apply(std::iter::once(&changes)).unwrap();
    tree.give_up();
    assert!(tree.get(b"k1").is_err());
    assert!(tree.scan(b"k", b"l", 1).is_err());
    assert!(tree.apply(std::iter::once(&changes)).is_err());
    tree.abandon();
}

#[tokio::test]
async fn a_rebuild_puts_what_may_leave_into_files_and_the_rest_into_the_tree() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    store
        .commit(contract::now(), contract::registry())
        .await
        .unwrap();
    let cancel = |number: u32| Command::Cancel {
        document: DocumentId(number.into()),
        caller: Name::parse("vendor").unwrap(),
    };
    for first in (0..3_000).step_by(100) {
        let documents = (first..first + 100)
            .map(|number| admission(number.into(), number, Bytes::from(number.to_string())));
        admit(&store, documents.collect(), Unity::Each)
            .await
            .unwrap();
        // Some at once, some long after, some never.
        for number in (first..first + 100).filter(|number| number % 3 == 0) {
            store.commit(contract::now(), cancel(number)).await.unwrap();
        }
    }
    for number in (0..3_000).filter(|number| number % 3 == 1) {
        store.commit(contract::now(), cancel(number)).await.unwrap();
    }
    // A finished number is used again.
    let again = admission(9_000, 0, Bytes::from_static(b"again"));
    admit(&store, vec![again], Unity::Each).await.unwrap();
    let picture = contract::picture(&store).await;
    applied(&store).await;
    let live = live_keys(&store);
    drop(store);
    fs::remove_dir_all(directory.path().join("index")).unwrap();
    let store = open(directory.path()).unwrap();
    assert_eq!(contract::picture(&store).await, picture);
    let rest = live_keys(&store);
    assert!(rest < live * 2 / 3, "{rest} of {live}");
    let files = store.overlay.tree().shelf().files().len();
    assert!((1..8).contains(&files), "{files} files");
    drop(store);
    let (verified, _) = check(directory.path());
    assert_eq!(said(&verified), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_that_only_a_merge_meets_is_healed_like_any_other() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    for number in 0..8 {
        finished(&store, number * 20..number * 20 + 20).await;
        round(&store);
    }
    let picture = contract::picture(&store).await;
    drop(store);
    let files = fs::read_dir(directory.path().join("sorted")).unwrap();
    let paths = files.map(|entry| entry.unwrap().path());
    let path = paths.min().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[50] ^= 1;
    fs::write(&path, bytes).unwrap();
    let seen = Arc::new(Failures::default());
    let busy = Config {
        round_seconds: 0.001,
        ..config(directory.path())
    };
    let store = open_config(&busy, seen.clone()).unwrap();
    while seen.0.load(Ordering::SeqCst) == 0 || store.health().state != Readiness::Ready {
        tokio::task::yield_now().await;
    }
    assert_eq!(contract::picture(&store).await, picture);
}
