//! What the key file must do with damage, wrong keys, forgetting, and a crash at every step of a change.

use std::fs;

use tempfile::TempDir;

use super::*;

fn entropy() -> Shared {
    let mut number = 0_u8;
    Arc::new(Mutex::new(Box::new(move || {
        number += 1;
        [number; 16]
    })))
}

fn master(number: u8) -> Master {
    Master::new(&[number; KEY])
}

fn open(directory: &TempDir, masters: &[Master]) -> Result<Option<Keys>, Error> {
    Keys::open(directory.path(), masters, entropy())
}

/// A file with keys for segments 1 and 2 and one that was forgotten for segment 3.
fn three() -> (TempDir, Keys) {
    let directory = TempDir::new().unwrap();
    let at = Timestamp::from_micros(7);
    let keys = Keys::begin(directory.path(), master(1), at, entropy());
    for segment in [1, 2, 3] {
        keys.give([segment; 16]).unwrap();
    }
    keys.forget([3; 16]).unwrap();
    (directory, keys)
}

/// What a key seals, so that two of them can be compared.
fn seal(held: Held) -> Option<Vec<u8>> {
    let Held::Kept(key) = held else { return None };
    let mut bytes = vec![0; 16];
    let nonce = ring::aead::Nonce::assume_unique_for_key([0; 12]);
    key.seal_in_place_append_tag(nonce, ring::aead::Aad::empty(), &mut bytes)
        .unwrap();
    Some(bytes)
}

fn is_whole(keys: &Keys, original: &Keys) {
    for segment in [[1; 16], [2; 16]] {
        assert_eq!(seal(keys.of(&segment)), seal(original.of(&segment)));
    }
    assert_ne!(seal(keys.of(&[1; 16])), seal(keys.of(&[2; 16])));
    assert!(matches!(keys.of(&[3; 16]), Held::Forgotten));
    assert!(matches!(keys.of(&[4; 16]), Held::Unknown));
}

#[test]
fn keys_are_there_after_reopening_and_a_forgotten_one_is_not() {
    let (directory, keys) = three();
    let read = open(&directory, &[master(1)]).unwrap().unwrap();
    is_whole(&read, &keys);
    let expected = Wrapping {
        master: master(1).id(),
        since: Timestamp::from_micros(7),
        kept: 2,
        forgotten: 1,
    };
    assert_eq!(read.wrapping(), expected);
    // Again, and one that never had a key: nothing is written.
    let before = fs::read(directory.path().join(NAME)).unwrap();
    read.forget([3; 16]).unwrap();
    read.forget([4; 16]).unwrap();
    assert_eq!(fs::read(directory.path().join(NAME)).unwrap(), before);
    // Its bytes are nowhere in the file.
    let count = |bytes: &[u8]| {
        before
            .windows(bytes.len())
            .filter(|part| *part == bytes)
            .count()
    };
    assert_eq!(count(&[0; WRAPPED]), 1);
}

#[test]
fn a_new_key_of_the_same_segment_is_another_key() {
    let (_directory, keys) = three();
    let before = seal(keys.of(&[1; 16]));
    keys.give([1; 16]).unwrap();
    assert_ne!(seal(keys.of(&[1; 16])), before);
}

#[test]
fn every_changed_byte_and_every_cut_is_damage_and_a_wrong_key_is_told_from_it() {
    let (directory, _) = three();
    let path = directory.path().join(NAME);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x04;
        for bytes in [&changed[..], &whole[..at]] {
            fs::write(&path, bytes).unwrap();
            let opened = open(&directory, &[master(1)]).map(|_| ());
            assert!(matches!(opened, Err(Error::Key(KeyFault::Damaged))), "{at}");
        }
    }
    fs::write(&path, &whole).unwrap();
    let fault = |masters: &[Master]| match open(&directory, masters) {
        Err(Error::Key(fault)) => fault,
        _ => panic!("it opened"),
    };
    assert_eq!(fault(&[]), KeyFault::NoMaster);
    let other = KeyFault::OtherMaster {
        needed: master(1).id(),
        given: master(2).id(),
    };
    assert_eq!(fault(&[master(2)]), other);
    let mut later = whole.clone();
    later[9] = 2;
    let end = later.len() - 4;
    let crc = crc32c::crc32c(&later[..end]).to_be_bytes();
    later[end..].copy_from_slice(&crc);
    fs::write(&path, later).unwrap();
    assert_eq!(fault(&[master(1)]), KeyFault::Version(2));
}

/// A change is one rename: before it the old file counts, and after it the new one; what lies beside it does not.
#[test]
fn a_crash_at_any_step_of_a_change_of_the_master_key_leaves_a_file_that_opens() {
    let (directory, keys) = three();
    let path = directory.path().join(NAME);
    let unfinished = directory.path().join(UNFINISHED);
    let old = fs::read(&path).unwrap();
    let since = Timestamp::from_micros(9);
    let wrapping = keys.rewrap(&master(2), since).unwrap();
    assert_eq!((wrapping.master, wrapping.since), (master(2).id(), since));
    let new = fs::read(&path).unwrap();
    let both = [master(1), master(2)];
    let reopened = |expected: &Master| {
        Keys::remove_unfinished(directory.path()).unwrap();
        assert!(!unfinished.exists());
        let read = open(&directory, &both).unwrap().unwrap();
        assert_eq!(read.wrapping().master, expected.id());
        is_whole(&read, &keys);
        // And it goes on from there.
        read.rewrap(&master(2), since).unwrap();
        is_whole(&open(&directory, &[master(2)]).unwrap().unwrap(), &keys);
    };
    for length in [0, 1, HEADER, new.len() - 1, new.len()] {
        fs::write(&path, &old).unwrap();
        fs::write(&unfinished, &new[..length]).unwrap();
        reopened(&master(1));
    }
    fs::write(&path, &new).unwrap();
    reopened(&master(2));
    // The old key opens nothing any more, and wrapping again by the same one changes nothing.
    assert!(open(&directory, &[master(1)]).is_err());
    let again = keys.rewrap(&master(2), Timestamp::from_micros(11)).unwrap();
    assert_eq!(again.since, since);
}

#[test]
fn a_change_that_cannot_be_written_changes_nothing() {
    let (directory, keys) = three();
    // A directory in the place of the new file.
    fs::create_dir(directory.path().join(UNFINISHED)).unwrap();
    assert!(keys.rewrap(&master(2), Timestamp::from_micros(9)).is_err());
    assert!(keys.forget([1; 16]).is_err());
    assert!(keys.give([9; 16]).is_err());
    is_whole(&keys, &keys);
    assert!(matches!(keys.of(&[9; 16]), Held::Unknown));
    is_whole(&open(&directory, &[master(1)]).unwrap().unwrap(), &keys);
}

/// Whoever reads a key waits for no change of the file, however long the disk takes.
#[test]
fn keys_are_read_while_the_file_is_changed() {
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    let (directory, keys) = three();
    // What is written to it waits until somebody reads it.
    let slow = directory.path().join(UNFINISHED);
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, &slow, mode).unwrap();
    let keys = Arc::new(keys);
    let gives = {
        let keys = keys.clone();
        std::thread::spawn(move || keys.give([5; 16]).is_ok())
    };
    let (told, hears) = sync_channel(1);
    let reads = {
        let keys = keys.clone();
        std::thread::spawn(move || {
            for _ in 0..100 {
                assert!(matches!(keys.of(&[1; 16]), Held::Kept(_)));
                assert_eq!(keys.wrapping().kept, 2);
                std::thread::sleep(Duration::from_millis(1));
            }
            told.send(()).unwrap();
        })
    };
    let heard = hears.recv_timeout(Duration::from_secs(20));
    assert!(!gives.is_finished(), "it waits for the disk");
    // No disk syncs such a file: the change fails and nothing of it is known.
    fs::read(&slow).unwrap();
    assert!(!gives.join().unwrap());
    heard.unwrap();
    reads.join().unwrap();
    assert!(matches!(keys.of(&[5; 16]), Held::Unknown));
}
