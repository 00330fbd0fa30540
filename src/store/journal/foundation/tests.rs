//! What was written is read again, no damage passes, and only what a foundation stands for is removed.

use super::*;

fn header() -> Header {
    Header {
        layout: 6,
        segment: 3,
        position: Position(40),
        chain: Chain([7; 32]),
        at: Timestamp::parse("2023-01-31T10:00:00Z").unwrap(),
        until: Day::parse("2023-01-31").unwrap(),
    }
}

fn written(directory: &Path) -> Foundation {
    let mut writer = Writer::create(directory, header()).unwrap();
    writer.entry(Position(2), b"two").unwrap();
    writer.entry(Position(9), b"nine").unwrap();
    writer.state(b"key", b"value").unwrap();
    writer.second(b"the second count").unwrap();
    let written = writer.finish().unwrap();
    assert!(newest(directory).unwrap().is_none(), "it has no name yet");
    let digest = written.digest;
    written.name().unwrap();
    let found = newest(directory).unwrap().unwrap();
    assert_eq!(found.digest().unwrap(), digest);
    found
}

#[test]
fn it_is_read_as_it_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let found = written(directory.path());
    assert_eq!(found.header, header());
    assert_eq!(found.second().unwrap(), b"the second count");
    let entries = |after, most| found.entries(Position(after), most).unwrap();
    let (two, nine) = (
        (Position(2), b"two".to_vec()),
        (Position(9), b"nine".to_vec()),
    );
    assert_eq!(entries(0, 9), [two.clone(), nine.clone()]);
    assert_eq!(entries(0, 1), [two]);
    assert_eq!(entries(2, 9), [nine]);
    assert_eq!(entries(9, 9), []);
    let mut states = 0;
    let seen = found.records(|record| {
        if let Record::State(key, value) = record {
            assert_eq!((key, value), (&b"key"[..], &b"value"[..]));
            states += 1;
        }
        Ok::<(), Error>(())
    });
    assert_eq!((seen.is_ok(), states), (true, 1));
}

#[test]
fn no_changed_and_no_missing_byte_passes() {
    let directory = tempfile::tempdir().unwrap();
    let path = written(directory.path()).path;
    let whole = fs::read(&path).unwrap();
    let passes = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        match newest(directory.path()) {
            Ok(found) => found.unwrap().second().is_ok(),
            Err(_) => false,
        }
    };
    assert!(passes(&whole));
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert!(!passes(&changed), "{at}");
        assert!(!passes(&whole[..at]), "{at}");
    }
    assert!(!passes(&[&whole[..], &[0]].concat()));
}

#[test]
fn what_it_stands_for_is_removed_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let found = written(directory.path());
    let name = |ordinal: u64, ending: &str| {
        let name = format!("{ordinal:010}-{:020}{ending}", 1);
        directory.path().join(name)
    };
    for (ordinal, ending) in [(1, ENDING), (2, archive::ENDING), (3, archive::ENDING)] {
        fs::write(name(ordinal, ending), b"").unwrap();
    }
    let stays = name(4, archive::ENDING);
    fs::write(&stays, b"").unwrap();
    clear_before(directory.path(), &found).unwrap();
    let mut left: Vec<_> = archive::files(directory.path()).unwrap();
    left.sort_unstable();
    assert_eq!(left, [found.path.clone(), stays]);
}
