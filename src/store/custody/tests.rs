//! Backups of a store at work: what is copied, what a stop at any step leaves, and what is refused.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::unix::fs::{DirEntryExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;

use crate::claims::custody::Restored;
use crate::claims::entry::{Entry, Position};
use crate::claims::example;
use crate::claims::id::{DocumentId, Name};
use crate::claims::retention::OnHold;
use crate::claims::time::Timestamp;
use crate::store::contract::{self, admission, admit};
use crate::store::custody::backup::{Done, Order};
use crate::store::custody::check::check;
use crate::store::custody::restore::{self, Later, Made, Until, restore};
use crate::store::custody::{Custody, Error, manifest_of, walk};
use crate::store::embedded::{Config, Embedded, verify};
use crate::store::journal::pack::Compression;
use crate::store::journal::still;
use crate::store::retention::Retaining as _;
use crate::store::traces::{Read, Trace, Traces};
use crate::store::{Command, Store, Unity, Unobserved};

mod overlap;
mod since;

fn open(directory: &Path) -> Embedded {
    let config = Config {
        directory: directory.to_owned(),
        segment_bytes: 16 * 1024,
        cache_bytes: 1 << 20,
        // As they are: the tests count on their lengths.
        compression: Compression::Off,
        ..Config::default()
    };
    let mut number = 0_u64;
    let entropy = Box::new(move || {
        number += 1;
        let mut id = [7; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        id
    });
    Embedded::open(&config, contract::now(), entropy, Arc::new(Unobserved)).unwrap()
}

async fn fill(store: &Embedded, numbers: Range<u32>) {
    let registered = store.commit(contract::now(), contract::registry()).await;
    registered.unwrap();
    let numbers: Vec<u32> = numbers.collect();
    // Few syncs, and yet several segments.
    for some in numbers.chunks(10) {
        let documents = some.iter().map(|number| {
            let body = Bytes::from(format!("{number:0400}"));
            admission((*number).into(), *number, body)
        });
        admit(store, documents.collect(), Unity::Each)
            .await
            .unwrap();
    }
}

fn order(place: &TempDir) -> Order {
    Order {
        to: place.path().join("bodies"),
        keys_to: place.path().join("keys"),
        at: Timestamp::parse("2026-11-22T12:00:00.500Z").unwrap(),
        bytes_per_second: 0,
    }
}

fn back_up(store: &Embedded, place: &TempDir) -> Result<Done, Error> {
    store.backup(&order(place), &|| false)
}

/// The position of a backup in which nothing is wrong.
fn position(place: &TempDir) -> u64 {
    let order = order(place);
    let checked = check(&order.to, Some(&order.keys_to)).unwrap();
    assert!(checked.holds(), "{:?}", checked.findings);
    assert_eq!(checked.entries, checked.manifest.head.position.0);
    checked.manifest.head.position.0
}

#[tokio::test]
async fn what_was_copied_is_not_copied_again_and_the_copy_is_the_store() {
    let (home, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(home.path());
    assert_eq!(store.last_backup(), None);
    fill(&store, 0..100).await;
    let first = back_up(&store, &place).unwrap();
    assert_eq!(position(&place), 101);
    assert!(first.files >= 4, "several segments: {}", first.files);

    let unchanged = back_up(&store, &place).unwrap();
    assert_eq!((unchanged.bytes, unchanged.files), (0, 1), "only looked at");
    fill(&store, 100..110).await;
    let second = back_up(&store, &place).unwrap();
    assert_eq!(position(&place), 111);
    assert!(second.bytes < first.bytes / 3, "{} bytes", second.bytes);
    let mark = store.last_backup().unwrap();
    assert_eq!((mark.at, mark.position.0), (order(&place).at, 111));
    // What comes later is not in it.
    fill(&store, 110..120).await;
    assert_eq!(position(&place), 111);
    let before = contract::picture(&store).await;
    back_up(&store, &place).unwrap();
    drop(store);

    let secret = order(&place).to.join("secret");
    fs::copy(order(&place).keys_to.join("secret"), secret).unwrap();
    let copy = open(&order(&place).to);
    assert_eq!(contract::picture(&copy).await, before);
}

fn read(at: &str, document: u128) -> Trace {
    Trace {
        at: Timestamp::parse(at).unwrap(),
        centre: example::centre().finess,
        document: DocumentId(document),
        role: Name::parse("operator").unwrap(),
        caller: Name::parse("ops").unwrap(),
        read: Read::Content,
    }
}

#[tokio::test]
async fn who_read_what_is_known_after_a_restore_to_any_place() {
    let (home, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(home.path());
    fill(&store, 0..20).await;
    let traces = Traces::of(home.path());
    let all = [
        read("2026-04-22T12:00:00Z", 1),
        read("2026-10-22T12:00:00Z", 2),
        read("2026-11-22T12:00:00Z", 3),
        read("2026-11-22T12:00:01Z", 4),
    ];
    all[..3].iter().for_each(|one| traces.record(one).unwrap());
    let first = back_up(&store, &place).unwrap();
    position(&place);
    let unchanged = back_up(&store, &place).unwrap();
    assert_eq!((unchanged.bytes, unchanged.files), (0, 1), "only looked at");
    let there = |done: &Done, month: &str| {
        let path = format!("traces/{month}.trace");
        done.manifest.file(&path).is_some() && order(&place).to.join(path).exists()
    };
    assert!(there(&first, "2026-04") && there(&first, "2026-11"));
    // What is somebody else's stays; what a backup left that was broken off does not.
    let beside = |name: &str| order(&place).to.join(name);
    let others = [
        "archive/contract-2025.pdf",
        "traces/mine.txt",
        "journal/1.segment.old",
    ];
    let left = ["traces/2026-03.trace", "traces/2026-02.trace.new"];
    for name in others.iter().chain(&left) {
        fs::write(beside(name), "x").unwrap();
    }
    // A month ends, and another one grows.
    traces.end(all[3].at, 6).unwrap();
    traces.record(&all[3]).unwrap();
    let second = back_up(&store, &place).unwrap();
    assert_eq!(second.files, 2, "what grew, and the last segment");
    assert!(!there(&second, "2026-04") && there(&second, "2026-10"));
    assert!(others.iter().all(|name| beside(name).exists()));
    assert!(!left.iter().any(|name| beside(name).exists()));
    others
        .iter()
        .for_each(|name| fs::remove_file(beside(name)).unwrap());
    position(&place);
    drop(store);

    // A later backup was broken off behind the month that it copied.
    let month = beside("traces/2026-11.trace");
    let whole = fs::read(&month).unwrap();
    fs::write(&month, [&whole[..], b"0123456789abcdef"].concat()).unwrap();

    restored(&place, Until::Position(Position(6)))
        .await
        .unwrap();
    let made = place.path().join("restored");
    let listed = Traces::of(&made).list(None, None, 10, 10).unwrap();
    assert_eq!(listed.traces, all[1..]);
    assert_eq!(listed.unreadable, 0);
}

#[tokio::test]
async fn a_stop_at_any_step_leaves_the_earlier_backup_or_the_new_one() {
    let (home, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(home.path());
    fill(&store, 0..30).await;
    back_up(&store, &place).unwrap();
    let mut earlier = position(&place);
    for step in 0.. {
        // Less than a step's look at it takes, so that it ends.
        fill(&store, 100 + step..101 + step).await;
        let looks = Cell::new(0);
        let stop = || looks.replace(looks.get() + 1) == step;
        match store.backup(&order(&place), &stop) {
            Err(Error::Stopped) => {}
            Ok(done) => {
                assert!(step > 4, "it looks up often enough: {step}");
                assert_eq!(position(&place), done.manifest.head.position.0);
                return;
            }
            Err(error) => panic!("{error}"),
        }
        let now = position(&place);
        let head = store.health().position.0;
        assert!(now == earlier || now == head, "{now} at step {step}");
        earlier = now;
    }
}

#[tokio::test]
async fn damage_in_a_copy_is_found_and_named() {
    let (home, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(home.path());
    fill(&store, 0..60).await;
    back_up(&store, &place).unwrap();
    let order = order(&place);
    let files = manifest_of(&order.to).unwrap().files;
    for file in &files {
        let path = order.to.join(&file.path);
        let whole = fs::read(&path).unwrap();
        for at in [130, file.length / 2, file.length - 1] {
            let mut damaged = whole.clone();
            damaged[at as usize] ^= 1;
            fs::write(&path, damaged).unwrap();
            let checked = check(&order.to, None).unwrap();
            assert!(
                checked
                    .findings
                    .iter()
                    .any(|found| found.contains(&file.path)),
                "{at}: {:?}",
                checked.findings
            );
        }
        fs::write(&path, whole).unwrap();
    }
    position(&place);
    fs::remove_file(order.keys_to.join("secret")).unwrap();
    assert!(!check(&order.to, Some(&order.keys_to)).unwrap().holds());
}

#[tokio::test]
async fn a_backup_belongs_to_one_ledger_and_lies_apart_from_its_keys() {
    let (home, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(home.path());
    fill(&store, 0..60).await;
    let together = Order {
        keys_to: order(&place).to.join("keys"),
        ..order(&place)
    };
    let refused = store.backup(&together, &|| false);
    assert!(matches!(refused, Err(Error::Together(_))), "{refused:?}");
    assert!(!together.to.exists(), "nothing was made");
    // Nor in the store, where copies would take the place of what is being written.
    let segments = || {
        let journal = fs::read_dir(home.path().join("journal")).unwrap();
        let inodes = journal.map(|entry| entry.unwrap().ino());
        inodes.collect::<BTreeSet<_>>()
    };
    let before = segments();
    let link = place.path().join("link");
    symlink(home.path(), &link).unwrap();
    let near = [
        home.path().to_owned(),
        home.path().join("backup/new"),
        home.path().join("journal/../"),
        home.path().parent().unwrap().to_owned(),
        link,
    ];
    for near in near {
        let orders = [
            Order {
                to: near.clone(),
                ..order(&place)
            },
            Order {
                keys_to: near,
                ..order(&place)
            },
        ];
        for order in orders {
            let refused = store.backup(&order, &|| false);
            assert!(matches!(refused, Err(Error::Together(_))), "{refused:?}");
        }
    }
    assert_eq!(segments(), before);
    assert!(!home.path().join("backup").exists() && !home.path().join("manifest").exists());

    back_up(&store, &place).unwrap();
    let taken = crate::store::journal::segment::lock(&order(&place).to).unwrap();
    let refused = back_up(&store, &place);
    assert!(matches!(refused, Err(Error::Locked(_))), "{refused:?}");
    drop(taken);

    // Another store; and one of the same secret whose ledger went another way.
    let (other, twin) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let secret = fs::read(home.path().join("secret")).unwrap();
    for (home, secret) in [(&other, None), (&twin, Some(secret))] {
        let store = open(home.path());
        fill(&store, 500..700).await;
        if let Some(secret) = secret {
            fs::write(home.path().join("secret"), secret).unwrap();
        } else {
            fs::write(home.path().join("secret"), [9; 32]).unwrap();
        }
        let refused = back_up(&store, &place);
        assert!(matches!(refused, Err(Error::Another(_))), "{refused:?}");
        assert_eq!(position(&place), 61, "it stays as it was");
    }
}

/// Makes a store of the backup of a place, beside it.
async fn restored(place: &TempDir, until: Until) -> Result<(Restored, Embedded), Error> {
    let at = contract::now() + Duration::from_secs(3600);
    restored_at(place, until, at).await
}

async fn restored_at(
    place: &TempDir,
    until: Until,
    at: Timestamp,
) -> Result<(Restored, Embedded), Error> {
    let made = made(place, until, Later::Whole, at).await?;
    assert!(made.unread.is_empty());
    Ok((made.restored, open(&place.path().join("restored"))))
}

async fn made(place: &TempDir, until: Until, later: Later, at: Timestamp) -> Result<Made, Error> {
    let order = restore::Order {
        from: order(place).to,
        keys: order(place).keys_to,
        until,
        later,
        at,
        actor: Name::parse("uid:0").unwrap(),
    };
    let config = Config {
        directory: place.path().join("restored"),
        segment_bytes: 16 * 1024,
        cache_bytes: 1 << 20,
        ..Config::default()
    };
    let entropy = Box::new(|| [77; 16]);
    restore(&order, &config, entropy, Arc::new(Unobserved)).await
}

#[tokio::test]
async fn a_restore_to_before_a_hole_is_made_by_who_gives_up_what_cannot_be_read() {
    let (home, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(home.path());
    fill(&store, 0..60).await;
    // Behind the hole, and it can be read.
    since::place_hold(&store, 5).await;
    let entries = store.entries(Position(39), 1).await.unwrap();
    let bytes = entries[0].1.canonical();
    let mut flipped = 0;
    for file in fs::read_dir(home.path().join("journal")).unwrap() {
        let path = file.unwrap().path();
        let mut whole = fs::read(&path).unwrap();
        if let Some(at) = whole.windows(bytes.len()).position(|found| found == bytes) {
            whole[at + bytes.len() / 2] ^= 1;
            fs::write(&path, whole).unwrap();
            flipped += 1;
        }
    }
    assert_eq!(flipped, 1);
    back_up(&store, &place).unwrap();
    drop(store);
    let at = contract::now() + Duration::from_secs(3600);
    let until = |position| Until::Position(Position(position));
    for later in [Later::Whole, Later::Readable] {
        // All was decided at one instant: whether what cannot be read was is not known.
        let instant = Until::Instant(contract::now());
        for behind in [until(50), Until::End, instant] {
            let Err(refused) = made(&place, behind, later, at).await else {
                panic!("{behind:?} is made");
            };
            assert!(matches!(refused, Error::Hole { before, .. } if before.0 == 31));
            let said = refused.to_string();
            assert!(said.contains("--until-position 31 --past-damage"), "{said}");
        }
    }
    for position in [21, 31] {
        let refused = made(&place, until(position), Later::Whole, at).await;
        assert!(matches!(refused, Err(Error::Later(_))), "{refused:?}");
        let done = made(&place, until(position), Later::Readable, at).await;
        let done = done.unwrap();
        assert_eq!(done.restored.position, Position(position));
        assert_eq!(done.unread.len(), 1);
        let store = open(&place.path().join("restored"));
        let holds = store.legal_holds().await.unwrap();
        assert_eq!(holds.len(), 1);
        assert_eq!(holds[0].hold.on, OnHold::Document(DocumentId(5)));
        assert!(holds[0].lifted.is_none());
        drop(store);
        fs::remove_dir_all(place.path().join("restored")).unwrap();
    }
}

#[tokio::test]
async fn a_store_is_made_up_to_any_entry_and_says_so_itself() {
    let (home, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(home.path());
    fill(&store, 0..30).await;
    let middle = contract::picture(&store).await;
    fill(&store, 30..60).await;
    back_up(&store, &place).unwrap();
    let end = contract::picture(&store).await;
    drop(store);
    let at = |position| Until::Position(Position(position));
    let instant = |seconds| Until::Instant(contract::now() + Duration::from_secs(seconds));
    for (until, position, before) in [
        (Until::End, 61, &end),
        (at(99), 61, &end),
        (instant(1), 61, &end),
        // In the middle of what was decided together: what was decided before.
        (at(35), 31, &middle),
        (at(31), 31, &middle),
    ] {
        let (said, store) = restored(&place, until).await.unwrap();
        assert_eq!((said.position.0, said.known.0), (position, 61));
        assert_eq!(said.since, contract::now());
        let entries = store.entries(Position(position), 10).await.unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].1.entry, Entry::Restored(Box::new(said)));
        let found = contract::picture(&store).await;
        assert!(found.agrees_up_to(before), "{until:?}");
        // It goes on in a segment of its own: nothing is written where the lost store may have written.
        fill(&store, 100..110).await;
        drop(store);
        let verified = verify::verify(&Config {
            directory: place.path().join("restored"),
            ..Config::default()
        });
        let (verified, _) = verified.unwrap();
        assert!(verified.holds(), "{:?}", verified.differences);
        fs::remove_dir_all(place.path().join("restored")).unwrap();
    }
    for until in [at(0), Until::Instant(Timestamp::default())] {
        let refused = restored(&place, until).await;
        assert!(matches!(refused, Err(Error::Nothing)));
    }
    fs::create_dir(place.path().join("restored")).unwrap();
    fs::write(place.path().join("restored/file"), "something").unwrap();
    let refused = restored(&place, Until::End).await;
    assert!(matches!(refused, Err(Error::Occupied(_))));
}

#[tokio::test]
async fn a_clock_is_not_proven_by_the_restore_that_it_stamped() {
    let (home, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(home.path());
    fill(&store, 0..30).await;
    // Another machine trusted its own clock, which was further ahead.
    let ahead = contract::now() + Duration::from_secs(400 * 86_400);
    store.trust(ahead.into()).await.unwrap();
    back_up(&store, &place).unwrap();
    drop(store);
    let (said, store) = restored_at(&place, Until::End, ahead).await.unwrap();
    let known = store.trusted().await.unwrap();
    assert_eq!(known, Some(said.since.into()));
    assert_eq!(said.since, contract::now());
    assert_eq!(store.recorded(), Some(ahead));
}

#[tokio::test]
async fn a_restored_ledger_is_backed_up_to_where_it_came_from_or_refused() {
    let (home, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(home.path());
    fill(&store, 0..60).await;
    back_up(&store, &place).unwrap();
    let (_, whole) = restored(&place, Until::End).await.unwrap();
    // The lost store was not lost after all, and goes on: only one of the two can be followed.
    fill(&whole, 100..110).await;
    back_up(&whole, &place).unwrap();
    assert_eq!(position(&place), 72);
    fill(&store, 200..260).await;
    let refused = back_up(&store, &place);
    assert!(matches!(refused, Err(Error::Another(_))), "{refused:?}");
    assert_eq!(position(&place), 72);
}

#[tokio::test]
async fn the_chain_is_walked_from_any_entry_to_any_other() {
    let (home, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(home.path());
    fill(&store, 0..40).await;
    let early = store.end().await.unwrap();
    let anchor = Command::Anchor {
        end: early,
        apart: NonZeroU64::MAX,
    };
    store.commit(contract::now(), anchor).await.unwrap();
    fill(&store, 40..80).await;
    let late = store.end().await.unwrap();
    let walk = |from: Option<u64>, to: Option<u64>| {
        store.walk(from.map(Position), to.map(Position)).unwrap()
    };
    let all = walk(None, None);
    assert_eq!((all.upto, all.anchors, &all.broken), (late, 1, &None));
    assert_eq!(all.before.position, Position(0));
    let part = walk(Some(early.position.0 + 1), None);
    assert_eq!((part.before, part.upto), (early, late));
    let part = walk(Some(3), Some(early.position.0));
    assert_eq!((part.before.position, part.upto), (Position(2), early));
    assert!([&all, &part].iter().all(|walked| walked.holds()));
    let end = late.position.0;
    let ends = format!("the ledger ends at entry {end}");
    for (from, to, said) in [
        (Some(end + 1), None, &*ends),
        (None, Some(end + 1), &ends),
        (Some(3), Some(end + 1), &ends),
        (Some(end + 1), Some(end + 100), &ends),
        (Some(20), Some(10), "no entry is from 20 on and up to 10"),
    ] {
        let walked = walk(from, to);
        assert_eq!(walked.missing.as_deref(), Some(said), "{from:?} {to:?}");
        assert!(!walked.holds() && walked.broken.is_none());
    }
    assert!(walk(Some(0), Some(end)).holds());

    // The same of a backup of it; and a changed byte breaks it.
    back_up(&store, &place).unwrap();
    let to = order(&place).to;
    let manifest = manifest_of(&to).unwrap();
    let journal = to.join("journal");
    let reader = still::survey(&journal).unwrap();
    assert_eq!(walk::walk(&reader, manifest.head, None, None), all);
    let segment = to.join(&manifest.files[0].path);
    let mut bytes = fs::read(&segment).unwrap();
    bytes[128 + 12 + 8] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let broken = walk::walk(&reader, manifest.head, None, None);
    assert!(broken.broken.is_some());
    assert_eq!(broken.upto.position, Position(0));
}
