//! Disks that refuse, hang or lose a segment, and whoever does not wait for the end.

use std::os::unix::fs::OpenOptionsExt;

use super::*;
use crate::store::Body;

#[tokio::test]
async fn what_could_not_be_removed_is_removed_by_a_later_run() {
    // In the place of the segment's file, or of the key file that is being written.
    for is_key in [false, true] {
        let of: Arc<OnceLock<PathBuf>> = Arc::default();
        let in_place: Arc<OnceLock<PathBuf>> = Arc::default();
        let (from, placed) = (of.clone(), in_place.clone());
        let injurer = AtStep(move |step| {
            let Some(directory) = from.get().filter(|_| step == Step::Switched) else {
                return;
            };
            let path = match is_key {
                true => directory.join("keys.new"),
                false => segment(directory, 1),
            };
            if placed.set(path.clone()).is_ok() {
                let _ = fs::remove_file(&path);
                fs::create_dir(&path).unwrap();
            }
        });
        let (directory, store) = sixty(Arc::new(injurer)).await;
        of.set(directory.path().to_owned()).unwrap();
        let mut cleared = 0;
        let mut said = None;
        while said.is_none() {
            match store.evacuate(later(151), Rules::default(), FAST).await {
                Ok(Run::Evacuated(_)) => cleared += 1,
                Ok(Run::Nothing(_)) => panic!("nobody is told of it"),
                Err(error) => said = Some(error),
            }
        }
        assert!(cleared > 0, "{is_key}");
        assert!(store.wrapping().unwrap().forgotten < cleared);
        fs::remove_dir(in_place.get().unwrap()).unwrap();
        // A key file that is not written lets no segment begin either.
        cleared += evacuate(&store, later(153)).await.len();
        assert!(cleared >= 3, "{is_key}");
        keys_fit(&store, cleared);
        let files = fs::read_dir(directory.path().join("archive")).unwrap();
        assert_eq!(files.count(), cleared);
    }
}

#[tokio::test]
async fn commits_go_on_while_a_plan_is_read() {
    let directory = TempDir::new().unwrap();
    // A view that lives keeps every commit waiting.
    let config = Config {
        overlay_bytes: 1,
        ..config(directory.path())
    };
    let store = Arc::new(open_config(&config, Arc::new(Unobserved)).unwrap());
    fill(&store, 0..DOCUMENTS).await;
    let slow = [1, 2].map(|ordinal| segment(directory.path(), ordinal));
    for file in &slow {
        fs::remove_file(file).unwrap();
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, file, mode).unwrap();
    }
    let asks = store.clone();
    let plan = tokio::spawn(async move { asks.plan(later(151), Rules::default()).await });
    // Who opens it for reading waits until somebody opens it for writing, which works only then.
    let is_awaited = |file: &PathBuf| {
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let mut options = fs::OpenOptions::new();
        options.write(true).custom_flags(flags).open(file).is_ok()
    };
    while !is_awaited(&slow[0]) {
        tokio::task::yield_now().await;
    }
    let filled = tokio::time::timeout(Duration::from_secs(60), fill(&store, 100..110));
    let (filled, was_read) = (filled.await.is_ok(), plan.is_finished());
    while !plan.is_finished() {
        for file in &slow {
            is_awaited(file);
        }
        tokio::task::yield_now().await;
    }
    assert!(filled, "commits wait for the plan");
    assert!(!was_read);
    assert_eq!(plan.await.unwrap().unwrap().damaged, [1, 2]);
}

#[test]
fn who_ends_it_does_not_wait_for_its_pauses() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_directory, store) = runtime.block_on(async {
        let directory = TempDir::new().unwrap();
        let store = open(directory.path()).unwrap();
        fill(&store, 0..DOCUMENTS).await;
        (directory, store)
    });
    // All of it is old, and nothing of it due: each segment is followed by a pause of hours.
    let slow = Pace {
        bytes_per_second: 1,
        pause_commands: usize::MAX,
    };
    runtime.block_on(async {
        let looks = store.evacuate(later(151), Rules::default(), slow);
        let ended = tokio::time::timeout(Duration::from_millis(500), looks);
        assert!(ended.await.is_err());
    });
    drop(runtime);
}

/// What can become of a segment's file.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Injury {
    /// A bit of it is another one.
    Bit,
    /// It is gone.
    Missing,
    /// The disk does not give it, from some moment of a run on.
    Unreadable,
}

#[tokio::test]
async fn a_segment_with_trouble_is_left_alone_and_holds_back_nothing() {
    for (injury, left) in [
        (Injury::Bit, vec![2]),
        // Nothing proves the end of the one before.
        (Injury::Missing, vec![1, 2]),
        (Injury::Unreadable, vec![2]),
    ] {
        let (directory, store) = sixty(Arc::new(Unobserved)).await;
        let before = contract::picture(&*store).await;
        let injured = segment(directory.path(), 2);
        let injure = || match injury {
            Injury::Bit => {
                let mut bytes = fs::read(&injured).unwrap();
                bytes[3000] ^= 1;
                fs::write(&injured, &bytes).unwrap();
            }
            Injury::Missing => fs::remove_file(&injured).unwrap(),
            Injury::Unreadable => {
                fs::remove_file(&injured).unwrap();
                fs::create_dir(&injured).unwrap();
            }
        };
        let store = match injury {
            Injury::Bit | Injury::Missing => {
                drop(store);
                injure();
                Arc::new(open(directory.path()).unwrap())
            }
            Injury::Unreadable => {
                injure();
                store
            }
        };
        let plan = store.plan(later(151), Rules::default()).await.unwrap();
        assert_eq!(plan.damaged, left, "{injury:?}");
        let due = plan.segments.iter().filter(|one| one.due == Goes::Now);
        let due: Vec<u64> = due.map(|one| one.segment).collect();
        let cleared = evacuate(&store, later(151)).await;
        let cleared: Vec<u64> = cleared.iter().map(|one| one.segment).collect();
        assert!(
            !due.is_empty() && cleared.starts_with(&due),
            "{injury:?} {cleared:?} {due:?}"
        );
        assert!(left.iter().all(|one| !cleared.contains(one)), "{injury:?}");
        assert!(store.proofs(later(2000)).await.is_ok(), "{injury:?}");
        assert_eq!(injured.exists(), injury != Injury::Missing);
        let documents = store.documents(None, usize::MAX).await.unwrap();
        assert_eq!(documents, before.documents, "{injury:?}");
    }
}

/// The files of an archive.
fn archives(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory.join("archive")).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn a_body_whose_archived_entry_cannot_be_read_is_kept_and_holds_back_nothing() {
    for injury in [Injury::Bit, Injury::Missing, Injury::Unreadable] {
        let directory = TempDir::new().unwrap();
        let store = open(directory.path()).unwrap();
        let reasoned = Command::Explain {
            command: Box::new(hold(HELD)),
            reason: Body {
                bytes: Bytes::from_static(b"a complaint"),
                salt: [3; 16],
            },
        };
        fill(&store, HELD..HELD + 1).await;
        commit(&store, reasoned).await;
        let reason = BodyId::Entry(store.health().position);
        assert!(store.body(reason).await.unwrap().is_some());
        fill(&store, 0..DOCUMENTS).await;
        let cancel = async |store: &Embedded, at, numbers: std::ops::Range<u32>| {
            for number in numbers {
                let document = DocumentId(number.into());
                let caller = name("vendor");
                let command = Command::Cancel { document, caller };
                store.commit(at, command).await.unwrap();
            }
        };
        cancel(&store, contract::now(), 0..DOCUMENTS).await;
        assert!(!evacuate(&store, later(151)).await.is_empty());
        // So that the segment into which the reason was copied is not the current one any more.
        fill(&store, DOCUMENTS..DOCUMENTS + 60).await;
        cancel(&store, later(151), DOCUMENTS..DOCUMENTS + 60).await;
        fill(&store, DOCUMENTS + 60..DOCUMENTS + 90).await;
        let copied = places::body(&store.overlay.view(), reason).unwrap();
        let copied = copied.unwrap().segment;
        assert!(1 < copied && copied < store.reader.count(), "{copied}");

        let archive = archives(directory.path())[0].clone();
        let whole = fs::read(&archive).unwrap();
        let store = match injury {
            // From the moment of a run on.
            Injury::Unreadable => {
                fs::remove_file(&archive).unwrap();
                fs::create_dir(&archive).unwrap();
                store
            }
            Injury::Bit => {
                let mut bytes = whole.clone();
                let at = bytes.len() / 2;
                bytes[at] ^= 1;
                bytes[300] ^= 1;
                fs::write(&archive, bytes).unwrap();
                store
            }
            Injury::Missing => {
                drop(store);
                fs::remove_file(&archive).unwrap();
                open(directory.path()).unwrap()
            }
        };
        let plan = store.plan(later(302), Rules::default()).await.unwrap();
        assert_eq!(plan.damaged, [1], "{injury:?}");
        let due = plan.segments.iter().filter(|one| one.due == Goes::Now);
        let due: Vec<u64> = due.map(|one| one.segment).collect();
        assert!(due.contains(&copied), "{injury:?} {due:?}");
        let cleared = evacuate(&store, later(302)).await;
        let cleared: Vec<u64> = cleared.iter().map(|one| one.segment).collect();
        assert!(cleared.starts_with(&due), "{injury:?} {cleared:?} {due:?}");
        let kept = store.body(reason).await.unwrap().unwrap();
        assert_eq!(kept.bytes, b"a complaint"[..], "{injury:?}");
        let moved = places::body(&store.overlay.view(), reason).unwrap();
        assert!(moved.unwrap().segment > copied, "{injury:?}");
        assert!(store.proofs(later(2000)).await.is_ok(), "{injury:?}");
    }
}

/// As a power cut leaves it: what an evacuation synced is there, and the index is as it was some time before.
#[tokio::test]
async fn an_index_that_ends_in_a_segment_that_was_cleared_since_is_no_damage() {
    let (directory, earlier) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(directory.path()).unwrap();
    fill(&store, 0..DOCUMENTS).await;
    let ended = store.reader.count();
    drop(store);
    copy(directory.path(), earlier.path());
    let store = open(directory.path()).unwrap();
    for number in 0..DOCUMENTS {
        let document = DocumentId(number.into());
        let caller = name("vendor");
        commit(&store, Command::Cancel { document, caller }).await;
    }
    assert!(!evacuate(&store, later(151)).await.is_empty());
    assert!(store.reader.is_archived(ended));
    let before = contract::picture(&store).await;
    drop(store);
    for part in ["index", "sorted"] {
        let part = |of: &TempDir| of.path().join(part);
        fs::remove_dir_all(part(&directory)).unwrap();
        copy(&part(&earlier), &part(&directory));
    }
    let (verified, at_rest) = check(directory.path());
    assert_eq!(differences(&verified), []);
    assert!(verified.index.is_some(), "it was compared");
    drop(at_rest);
    let store = open(directory.path()).unwrap();
    assert_eq!(contract::picture(&store).await, before);
}
