//! Golden segments: files of every version stay readable, and a store goes on behind them in the present one.

use super::sealed::{bodies_are_whole, master, open_sealed, open_with, packed};
use super::*;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/journal")
        .join(name)
}

/// A store whose first segment is a golden one.
fn store_of(segment: &str) -> TempDir {
    let directory = TempDir::new().unwrap();
    let journal = directory.path().join(DIRECTORY);
    fs::create_dir(&journal).unwrap();
    let name = "0000000001-00000000000000000001.segment";
    fs::copy(golden(segment), journal.join(name)).unwrap();
    directory
}

/// The batches of the golden segment of version 1.
fn first() -> Vec<Batch> {
    vec![batch(1, 2), batch(2, 1), batch(3, 3)]
}

#[test]
fn version_1_is_read_whole_and_every_flip_of_it_is_seen() {
    let directory = store_of("v1.segment");
    let journal = open(directory.path()).unwrap();
    assert_eq!(journal.segment.header.version, 1);
    assert_eq!(contents(&journal), all(&first()));
    bodies_are_whole(&journal, &first());
    let mut batches = Vec::new();
    let visit = |batch: &scan::Batch<'_>, _: &[Place]| {
        batches.push(batch.end.offset as usize);
        Ok::<(), Error>(())
    };
    let reader = journal.reader();
    reader
        .replay(Head::origin(), journal.head(), visit)
        .unwrap();
    drop(journal);
    let holes = flip_every_byte((directory, first(), batches), open);
    assert!((100..1_000).contains(&holes), "{holes}");
}

#[test]
fn a_store_of_version_1_goes_on_in_the_present_version() {
    for open in [open as Open, open_sealed] {
        let directory = store_of("v1.segment");
        let path = segments(directory.path()).remove(0);
        let mut batches = first();
        for number in 4..7 {
            let mut journal = open(directory.path()).unwrap();
            batches.push(batch(number, 2));
            journal.append(batches.last().unwrap()).unwrap();
            assert_eq!(journal.segment.header.version, VERSION);
            assert!(journal.head().segment > 1);
        }
        // Nothing was written behind its end.
        assert_eq!(
            fs::read(&path).unwrap(),
            fs::read(golden("v1.segment")).unwrap()
        );
        let journal = open(directory.path()).unwrap();
        assert_eq!(contents(&journal), all(&batches));
        bodies_are_whole(&journal, &batches);
    }
}

/// Sealed and compressed, with the key file; what zstd makes of the same bytes may change, what it made may not.
#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "UPDATE=1 rewrites the golden files"
)]
fn version_2_is_read_whole() {
    let make = |directory: &Path| {
        let mut journal = open_with(directory, &[master()], entropy()).unwrap();
        let batches = vec![batch(1, 2), packed(&journal, 2), batch(3, 3)];
        for batch in &batches {
            journal.append(batch).unwrap();
        }
        batches
    };
    let made = TempDir::new().unwrap();
    let batches = make(made.path());
    if std::env::var_os("UPDATE").is_some() {
        fs::copy(segments(made.path()).remove(0), golden("v2.segment")).unwrap();
        fs::copy(made.path().join(keys::NAME), golden("v2.keys")).unwrap();
    }
    let directory = store_of("v2.segment");
    fs::copy(golden("v2.keys"), directory.path().join(keys::NAME)).unwrap();
    let journal = open_sealed(directory.path()).unwrap();
    assert_eq!(journal.segment.header.version, 2);
    assert_eq!(contents(&journal), all(&batches));
    bodies_are_whole(&journal, &batches);
}
