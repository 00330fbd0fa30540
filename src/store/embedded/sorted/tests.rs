//! Sorted files against a map that has the same pairs; and damage.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::store::embedded::sorted::cache::Cache;
use crate::store::embedded::sorted::file::File;
use crate::store::embedded::sorted::merge::Merged;
use crate::store::embedded::sorted::shelf::{Record, Shelf};
use crate::store::embedded::sorted::writer::Writer;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// Keys of several tables with long common beginnings; values from none to a block and more.
fn pairs(numbers: std::ops::Range<u32>) -> Map {
    let pair = |number: u32| {
        let letter = b"dfhk"[number as usize % 4];
        let key = [&[letter][..], &[7; 14], &(number / 4).to_be_bytes()].concat();
        let length = match number % 100 {
            0 => 20_000,
            few => few as usize,
        };
        (key, vec![number as u8; length])
    };
    numbers.map(pair).collect()
}

fn write(directory: &Path, ordinal: u64, pairs: &Map) -> Result<File, Error> {
    let mut writer = Writer::create(directory, ordinal, pairs.len())?;
    for (key, value) in pairs {
        writer.put(key, value)?;
    }
    writer.finish()?;
    File::open(directory, ordinal, cache())
}

fn cache() -> Cache {
    Cache::with_room(1 << 20)
}

fn record(ordinal: u64, file: &File) -> Record {
    Record {
        ordinal,
        age: ordinal,
        level: 0,
        length: file.length(),
    }
}

fn all(mut merged: Merged) -> Map {
    let mut found = Map::new();
    while let Some((key, value)) = merged.step().unwrap() {
        assert!(found.last_key_value().is_none_or(|(last, _)| *last < key));
        found.insert(key, value);
    }
    found
}

#[test]
fn a_file_says_what_was_written() {
    let directory = TempDir::new().unwrap();
    let pairs = pairs(0..3_000);
    let file = Arc::new(write(directory.path(), 1, &pairs).unwrap());
    assert_eq!(file.pairs(), 3_000);
    for (key, value) in &pairs {
        assert_eq!(file.get(key).unwrap().as_ref(), Some(value));
        for other in [
            [key.as_slice(), &[0]].concat(),
            key[..key.len() - 1].to_vec(),
        ] {
            assert_eq!(file.get(&other).unwrap(), None);
        }
    }
    for from in [&b""[..], b"d", b"f\x07", b"k\xff", b"z"]
        .into_iter()
        .chain(pairs.keys().step_by(97).map(Vec::as_slice))
    {
        let merged = Merged::new([&file].into_iter(), from).unwrap();
        let expected: Map = pairs
            .range(from.to_vec()..)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        assert!(all(merged) == expected, "{from:?}");
    }
    assert!(!file.overlaps(b"a", b"b") && !file.overlaps(b"l", b"z"));
    assert!(!file.overlaps(b"g", b"h"), "between two tables");
    assert!(file.overlaps(b"d", b"e"));
}

#[test]
fn an_empty_file_has_nothing() {
    let directory = TempDir::new().unwrap();
    let file = Arc::new(write(directory.path(), 1, &Map::new()).unwrap());
    assert_eq!(file.get(b"d1").unwrap(), None);
    assert_eq!(file.get(b"h1").unwrap(), None);
    assert!(
        Merged::new([&file].into_iter(), b"")
            .unwrap()
            .key()
            .is_none()
    );
}

#[test]
fn of_several_files_the_newest_says_the_value() {
    let directory = TempDir::new().unwrap();
    let (old, mut new) = (pairs(0..400), pairs(200..600));
    new.values_mut().for_each(|value| value.push(1));
    let files = [
        write(directory.path(), 1, &old).unwrap(),
        write(directory.path(), 2, &new).unwrap(),
    ];
    let records = [record(1, &files[0]), record(2, &files[1])];
    let shelf = Shelf::open(directory.path().into(), &records, cache()).unwrap();
    let mut expected = old.clone();
    expected.extend(new);
    for (key, value) in &expected {
        assert_eq!(shelf.get(key).unwrap().as_ref(), Some(value));
    }
    assert_eq!(
        all(Shelf::scan(&shelf.files(), b"", b"z").unwrap().unwrap()),
        expected
    );
    assert!(Shelf::scan(&shelf.files(), b"l", b"z").unwrap().is_none());
}

#[test]
fn what_is_not_named_is_removed_and_what_is_named_must_be_there() {
    let directory = TempDir::new().unwrap();
    let named = write(directory.path(), 1, &pairs(0..10)).unwrap();
    write(directory.path(), 2, &pairs(0..10)).unwrap();
    fs::write(directory.path().join("0000000003.new"), b"begun").unwrap();
    let named = record(1, &named);
    Shelf::look(directory.path().into(), &[named], cache()).unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
    let shelf = Shelf::open(directory.path().into(), &[named], cache()).unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    assert_eq!(shelf.next(), 2);
    let other = Record { length: 5, ..named };
    for missing in [
        Record {
            ordinal: 2,
            ..named
        },
        other,
    ] {
        let opened = Shelf::open(directory.path().into(), &[named, missing], cache());
        assert!(opened.is_err(), "{missing:?}");
    }
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is_before_anything_is_said() {
    let directory = TempDir::new().unwrap();
    let pairs = pairs(1..300);
    write(directory.path(), 1, &pairs).unwrap();
    let path = path_of(directory.path(), 1);
    let sound = fs::read(&path).unwrap();
    let says = |bytes: &[u8]| -> Result<Map, Error> {
        fs::write(&path, bytes).unwrap();
        let file = Arc::new(File::open(directory.path(), 1, cache())?);
        let mut found = Map::new();
        for key in pairs.keys() {
            found.extend(file.get(key)?.map(|value| (key.clone(), value)));
        }
        let mut merged = Merged::new([&file].into_iter(), b"")?;
        while let Some((key, value)) = merged.step()? {
            assert_eq!(found.get(&key), Some(&value));
        }
        Ok(found)
    };
    assert!(says(&sound).unwrap() == pairs);
    for at in (0..sound.len())
        .step_by(13)
        .chain(sound.len() - 70..sound.len())
    {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (at % 8);
        let said = says(&bytes);
        assert!(matches!(said, Err(Error::Damaged { .. })), "byte {at}");
    }
    for length in (0..sound.len()).step_by(997) {
        assert!(says(&sound[..length]).is_err(), "cut to {length}");
    }
}

#[test]
fn a_block_in_another_place_is_damage() {
    let directory = TempDir::new().unwrap();
    // Two blocks of one length.
    let pairs: Map = (0..32_u8)
        .map(|number| (vec![b'd', number], vec![1; 1_100]))
        .collect();
    write(directory.path(), 1, &pairs).unwrap();
    let path = path_of(directory.path(), 1);
    let mut bytes = fs::read(&path).unwrap();
    let block = 15 * (3 + 1 + 1 + 1_100) + 1 + 4;
    assert_eq!(bytes[..2], bytes[block..block + 2], "a block begins here");
    let second = bytes[block..2 * block].to_vec();
    bytes[..block].copy_from_slice(&second);
    fs::write(&path, bytes).unwrap();
    let file = File::open(directory.path(), 1, cache()).unwrap();
    assert!(file.get(&[b'd', 0]).is_err());
}
