//! What holds of sealed bodies: flips, numbers that are never given twice, purges, and keys that do not fit.

use std::collections::BTreeMap;

use ring::aead::{Aad, Nonce};

use super::*;
use crate::store::journal::format::{Kind, Record, SEALED};
use crate::store::journal::keys::Held;
use crate::store::journal::scan::Batches;
use crate::store::journal::segment::list as list_segments;

/// Randomness that no two starts share.
pub fn fresh() -> Entropy {
    Box::new(|| {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).unwrap();
        bytes
    })
}

pub fn master() -> Master {
    Master::new(&[0x4d; 32])
}

pub fn open_with(directory: &Path, masters: &[Master], entropy: Entropy) -> Result<Journal, Error> {
    let opening = Opening {
        bodies: Bodies::Sealed,
        masters,
        compression: Compression::Zstd,
        ..opening(directory)
    };
    Journal::open(&opening, entropy, &Unobserved)
}

/// A journal whose bodies are sealed.
pub fn open_sealed(directory: &Path) -> Result<Journal, Error> {
    open_with(directory, &[master()], fresh())
}

/// A batch with one body that packs well.
pub fn packed(journal: &Journal, number: u8) -> Batch {
    let text = format!("<document number=\"{number}\"/>").repeat(9);
    let body = Body {
        bytes: Bytes::from(text),
        salt: *b"a salt of bodies",
    };
    let packed = journal.packer().pack(&body.bytes);
    assert!(packed.is_some());
    let mut batch = Batch::default();
    batch.add_entry(vec![number; 3]);
    let name = BodyId::Document(DocumentId(number.into()));
    batch.add_body(name, body, packed);
    batch
}

/// Every body is given out as it was added.
pub fn bodies_are_whole(journal: &Journal, batches: &[Batch]) {
    let added = batches.iter().flat_map(|batch| &batch.bodies);
    let mut added = added.map(|(name, body, _)| (*name, body.bytes.clone(), body.salt));
    let reader = journal.reader();
    let visit = |batch: &scan::Batch<'_>, _: &[Place]| {
        for (_, place) in &batch.bodies {
            let (name, body) = reader.body(*place)?;
            assert_eq!(added.next(), Some((name, body.bytes, body.salt)));
        }
        Ok::<(), Error>(())
    };
    reader
        .replay(Head::origin(), journal.head(), visit)
        .unwrap();
    assert_eq!(added.next(), None);
}

#[test]
fn sealed_bodies_are_read_as_added_and_nothing_of_them_stands_in_the_files() {
    let directory = TempDir::new().unwrap();
    let mut journal = open_sealed(directory.path()).unwrap();
    let batches = [packed(&journal, 1), batch(2, 3), packed(&journal, 3)];
    for batch in &batches {
        journal.append(batch).unwrap();
    }
    bodies_are_whole(&journal, &batches);
    drop(journal);
    let journal = open_sealed(directory.path()).unwrap();
    assert_eq!(contents(&journal), all(&batches));
    bodies_are_whole(&journal, &batches);
    let bytes = fs::read(segments(directory.path()).remove(0)).unwrap();
    let stands = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    assert!(!stands(b"document") && !stands(b"a salt of bodies"));
    assert!(!stands(&[2 ^ 0x55; 8]) && !stands(&[0x80; 16]));
    // What was added in clear does stand there: the search finds what it looks for.
    assert!(stands(&[2, 1, 7]));
}

#[test]
fn every_changed_byte_of_sealed_batches_is_named_too() {
    let holes = flip_every_byte(three_by(open_sealed), open_sealed);
    assert!((100..1_000).contains(&holes), "{holes}");
}

/// A checksum finds flipped bits; that somebody put another body in its place, the seal alone finds.
#[test]
fn a_sealed_body_is_valid_in_its_place_under_its_name_alone() {
    let (directory, _, _) = three_by(open_sealed);
    let journal = open_sealed(directory.path()).unwrap();
    let reader = journal.reader();
    let path = segments(directory.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    let header = reader.segment(1).unwrap().header.clone();
    let mut batches = Batches::new(&whole, &header);
    let place = batches.step().unwrap().bodies[0].1;
    let (from, length) = (place.offset as usize, place.length as usize);
    assert_eq!(whole[from + 1], SEALED);
    for at in (from..from + length).filter(|at| !(from + 8..from + HEAD).contains(at)) {
        let mut record = whole[from..from + length].to_vec();
        record[at - from] ^= 1;
        // As somebody would who can count checksums.
        format::finish_record(&mut record, 0, place.offset, &header.id);
        let mut changed = whole.clone();
        changed[from..from + length].copy_from_slice(&record);
        fs::write(&path, changed).unwrap();
        assert!(
            matches!(reader.body(place), Err(Error::Corrupt { .. })),
            "{at}"
        );
    }
    fs::write(&path, &whole).unwrap();
    assert!(reader.body(place).is_ok());
}

/// What was sealed: by key and number, the bytes that lay on the disk.
#[derive(Default)]
struct Sealed(BTreeMap<(Vec<u8>, u64), Vec<u8>>);

impl Sealed {
    /// Notes the sealed bodies of a batch's bytes; no key may have sealed two of them under one number.
    fn note(&mut self, keys: &Keys, header: &Header, bytes: &[u8], base: u64) {
        let Held::Kept(key) = keys.of(&header.id) else {
            panic!("no key")
        };
        let mut fingerprint = vec![0; 16];
        let nonce = Nonce::assume_unique_for_key([0xff; 12]);
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut fingerprint)
            .unwrap();
        let mut at = 0;
        while let Ok(record) = Record::read(&bytes[at..], base + at as u64, &header.id) {
            at += record.length();
            if record.kind == Kind::Body {
                let (number, sealed) = record.payload[body::NAME..].split_first_chunk().unwrap();
                let number = u64::from_be_bytes(*number);
                let before = self
                    .0
                    .insert((fingerprint.clone(), number), sealed.to_vec());
                assert!(before.is_none_or(|before| before == sealed), "{number}");
            }
        }
    }

    /// Notes all that lies in the segments of a directory, also behind the last commit.
    fn note_all(&mut self, directory: &Path, keys: &Keys) {
        for segment in list_segments(&directory.join(DIRECTORY)).unwrap().segments {
            let segment = segment.unwrap();
            let bytes = segment.bytes().unwrap();
            self.note(keys, &segment.header, &bytes[HEADER..], HEADER as u64);
        }
    }
}

#[test]
fn no_two_bodies_are_sealed_under_one_key_and_number_whatever_was_cut() {
    let (directory, _, ends) = three_by(open_sealed);
    let before = TempDir::new().unwrap();
    let copy = |from: &Path, to: &Path| {
        fs::create_dir_all(to.join(DIRECTORY)).unwrap();
        fs::copy(from.join(keys::NAME), to.join(keys::NAME)).unwrap();
        for file in segments(from) {
            fs::copy(&file, to.join(DIRECTORY).join(file.file_name().unwrap())).unwrap();
        }
    };
    copy(directory.path(), before.path());
    let mut sealed = Sealed::default();
    let mut number = 0;
    for cut in (ends[0]..=ends[2])
        .step_by(7)
        .chain([HEADER, ends[1], ends[2]])
    {
        let again = TempDir::new().unwrap();
        copy(before.path(), again.path());
        let path = segments(again.path()).remove(0);
        let mut bytes = fs::read(&path).unwrap();
        bytes[cut..].fill(0);
        fs::write(&path, bytes).unwrap();
        let Ok(mut journal) = open_sealed(again.path()) else {
            // The very last byte of a closing mark is damage.
            continue;
        };
        let keys = journal.keys().unwrap();
        // What lay there before it was cut was sealed under the key that was there before.
        let old = Keys::open(before.path(), &[master()], Arc::new(Mutex::new(fresh())));
        sealed.note_all(before.path(), &old.unwrap().unwrap());
        number += 1;
        journal.append(&batch(number, 3)).unwrap();
        journal.append(&batch(number ^ 0x80, 2)).unwrap();
        sealed.note_all(again.path(), &keys);
    }
    assert!(number > 30);
    assert!(sealed.0.len() > 5 * 30);
}

#[test]
fn a_write_that_failed_gives_no_number_back() {
    let (directory, batches, _) = three_by(open_sealed);
    let mut journal = open_sealed(directory.path()).unwrap();
    journal.append(&batches[0]).unwrap();
    let keys = journal.keys().unwrap();
    let mut sealed = Sealed::default();
    for number in 10..20 {
        journal.file = Arc::new(journal.segment.readable().unwrap());
        assert!(journal.append(&batch(number, 2)).is_err());
        // It may have reached the disk all the same.
        sealed.note(
            &keys,
            &journal.segment.header,
            &journal.buffer,
            journal.head.offset,
        );
        journal.reopen().unwrap();
        let head = journal.head();
        journal.append(&batch(number ^ 0x80, 2)).unwrap();
        assert_eq!(
            journal.head().segment,
            head.segment,
            "it goes on in its place"
        );
        sealed.note_all(directory.path(), &keys);
    }
    // Three batches of the first start, one of this, and what was tried and what was written ten times.
    assert_eq!(sealed.0.len(), 6 + 2 + 20 + 20);
}

#[test]
fn each_start_seals_under_a_new_key_and_keeps_the_ledger_whole() {
    let directory = TempDir::new().unwrap();
    let mut batches = Vec::new();
    for number in 0..5 {
        let mut journal = open_sealed(directory.path()).unwrap();
        // A start that writes nothing leaves nothing.
        drop(journal);
        journal = open_sealed(directory.path()).unwrap();
        batches.push(batch(number, 2));
        journal.append(&batches[usize::from(number)]).unwrap();
        assert_eq!(journal.head().segment, u64::from(number) + 1);
        assert_eq!(
            journal.keys().unwrap().wrapping().kept,
            usize::from(number) + 1
        );
    }
    let journal = open_sealed(directory.path()).unwrap();
    assert_eq!(contents(&journal), all(&batches));
    bodies_are_whole(&journal, &batches);
}

#[test]
fn a_crash_between_a_segment_and_its_key_leaves_a_store_that_opens() {
    let directory = TempDir::new().unwrap();
    drop(open_sealed(directory.path()).unwrap());
    assert!(!directory.path().join(keys::NAME).exists());
    let mut journal = open_sealed(directory.path()).unwrap();
    let first = batch(1, 2);
    journal.append(&first).unwrap();
    // The same behind others.
    let header = begin(&journal.head(), 2, SMALL, journal.manner, [9; 16]);
    drop(journal);
    Segment::create(&directory.path().join(DIRECTORY), &header).unwrap();
    let mut journal = open_sealed(directory.path()).unwrap();
    let second = batch(2, 2);
    journal.append(&second).unwrap();
    assert_eq!(journal.head().segment, 2);
    bodies_are_whole(&journal, &[first, second]);
}

/// After a purge, yesterday's copy of the segments and today's keys yield no body.
#[test]
fn what_was_purged_is_in_no_copy() {
    let (directory, batches, _) = three_by(open_sealed);
    let yesterday = segments(directory.path()).remove(0);
    let copied = fs::read(&yesterday).unwrap();
    let mut journal = open_sealed(directory.path()).unwrap();
    let kept = batch(9, 2);
    journal.append(&kept).unwrap();
    let reader = journal.reader();
    let id = reader.segment(1).unwrap().header.id;
    journal.keys().unwrap().forget(id).unwrap();
    let places = |journal: &Journal| {
        let mut places = Vec::new();
        let visit = |batch: &scan::Batch<'_>, _: &[Place]| {
            places.extend(batch.bodies.iter().map(|(_, place)| *place));
            Ok::<(), Error>(())
        };
        let reader = journal.reader();
        reader
            .replay(Head::origin(), journal.head(), visit)
            .unwrap();
        places
    };
    let is_purged = |journal: &Journal| {
        let reader = journal.reader();
        for place in places(journal) {
            match (place.segment, reader.body(place)) {
                (1, Err(Error::Purged(1))) | (2, Ok(_)) => {}
                (segment, _) => panic!("{segment}"),
            }
        }
    };
    is_purged(&journal);
    drop(journal);
    fs::remove_file(&yesterday).unwrap();
    fs::write(&yesterday, copied).unwrap();
    let journal = open_sealed(directory.path()).unwrap();
    is_purged(&journal);
    // The entries, and with them the proof, are all there.
    let mut expected = all(&batches);
    expected.extend(all(&[kept]));
    let listed = list(&journal, Position(0), usize::MAX);
    assert_eq!(listed, expected);
}

#[test]
fn keys_that_do_not_fit_refuse_the_start_and_touch_nothing() {
    let (directory, _, _) = three_by(open_sealed);
    let keys = directory.path().join(keys::NAME);
    let older = fs::read(&keys).unwrap();
    let mut journal = open_sealed(directory.path()).unwrap();
    journal.append(&batch(9, 2)).unwrap();
    drop(journal);
    let newest = fs::read(&keys).unwrap();
    let state = || {
        let files = segments(directory.path());
        files
            .iter()
            .map(|file| fs::read(file).unwrap())
            .collect::<Vec<_>>()
    };
    let whole = state();
    let fault = |masters: &[Master]| {
        let opened = open_with(directory.path(), masters, fresh());
        let Err(Error::Key(fault)) = opened else {
            panic!("it opened")
        };
        assert_eq!(state(), whole);
        fault
    };
    assert_eq!(fault(&[]), KeyFault::NoMaster);
    let given = Master::new(&[9; 32]);
    let (needed, id) = (master().id(), given.id());
    assert_eq!(fault(&[given]), KeyFault::OtherMaster { needed, given: id });
    fs::write(&keys, &older).unwrap();
    assert_eq!(fault(&[master()]), KeyFault::Unknown { segment: 2 });
    fs::write(&keys, &newest[..50]).unwrap();
    assert_eq!(fault(&[master()]), KeyFault::Damaged);
    fs::remove_file(&keys).unwrap();
    assert_eq!(fault(&[master()]), KeyFault::Missing);
    // Nor does a store open that shall seal no more, but has sealed.
    assert!(matches!(
        open(directory.path()),
        Err(Error::Key(KeyFault::Missing))
    ));
    fs::write(&keys, &newest).unwrap();
    open_sealed(directory.path()).unwrap();
    // What is read without a key: entries, and which bodies there are.
    let still = still::Still::open_with(&opening(directory.path())).unwrap();
    assert_eq!(still.unfit(), Some(KeyFault::NoMaster));
    let (mut entries, reader) = (0, still.reader());
    let visit = |batch: &scan::Batch<'_>, _: &[Place]| {
        entries += batch.entries.len();
        for (_, place) in &batch.bodies {
            let read = reader.body(*place);
            assert!(matches!(read, Err(Error::Key(KeyFault::NoMaster))));
        }
        Ok::<(), Error>(())
    };
    reader.replay(Head::origin(), still.head(), visit).unwrap();
    assert_eq!(entries, 8);
}

#[test]
fn a_store_goes_on_sealed_or_in_clear_as_it_is_told() {
    let directory = TempDir::new().unwrap();
    let mut batches = Vec::new();
    let masters = [master()];
    for (number, bodies) in (0..).zip([Bodies::Open, Bodies::Sealed, Bodies::Open, Bodies::Sealed])
    {
        let opening = Opening {
            bodies,
            masters: &masters,
            ..opening(directory.path())
        };
        let mut journal = Journal::open(&opening, fresh(), &Unobserved).unwrap();
        batches.push(batch(number, 2));
        journal.append(batches.last().unwrap()).unwrap();
        assert_eq!(journal.head().segment, u64::from(number) + 1);
        assert_eq!(journal.segment.header.manner.bodies, bodies);
        bodies_are_whole(&journal, &batches);
    }
}
