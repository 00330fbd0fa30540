//! What the journal must do with every flipped byte, every cut, every roll, and files of earlier versions.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::claims::id::DocumentId;
use crate::store::Unobserved;
use crate::store::journal::format::{COMMIT, HEAD};
use crate::store::journal::reader::Piece;
use crate::store::journal::scan::{Damage, Lost};
use crate::store::{Body, BodyId};

const SMALL: u64 = 4096;

fn entropy() -> Entropy {
    let mut number = 0;
    Box::new(move || {
        number += 1;
        [number; 16]
    })
}

/// A journal whose bodies lie in clear, as they are.
fn opening(directory: &Path) -> Opening<'_> {
    Opening {
        directory,
        segment_bytes: SMALL,
        bodies: Bodies::Open,
        masters: &[],
        compression: Compression::Off,
        at: Timestamp::default(),
    }
}

fn open(directory: &Path) -> Result<Journal, Error> {
    Journal::open(&opening(directory), entropy(), &Unobserved)
}

/// A batch of `entries` entries, each with a body.
fn batch(number: u8, entries: u8) -> Batch {
    let body = |entry: u8| Body {
        bytes: Bytes::from(vec![number ^ 0x55; 20 + usize::from(entry)]),
        salt: [entry | 0x80; 16],
    };
    let name = |entry| BodyId::Document(DocumentId(u128::from(number) * 1000 + u128::from(entry)));
    let mut batch = Batch::default();
    for entry in 0..entries {
        batch.add_entry(vec![number, entry, 7]);
        batch.add_body(name(entry), body(entry), None);
    }
    batch
}

/// All entries, as `entries` gives them and as `replay` does; they must agree. Every body is read too.
fn contents(journal: &Journal) -> Vec<Vec<u8>> {
    let reader = journal.reader();
    let mut replayed = Vec::new();
    let visit = |batch: &scan::Batch<'_>, unreadable: &[Place]| {
        assert_eq!(unreadable, []);
        replayed.extend(batch.entries.iter().map(|entry| entry.to_vec()));
        for (name, place) in &batch.bodies {
            assert_eq!(reader.body(*place)?.0, *name);
        }
        Ok::<(), Error>(())
    };
    reader
        .replay(Head::origin(), journal.head(), visit)
        .unwrap();
    let listed = list(journal, Position(0), usize::MAX);
    assert_eq!(listed, replayed);
    replayed
}

/// What can be read of a damaged journal, with positions, and what cannot. Every body that is named is read too.
fn remains(journal: &Journal) -> (Vec<(u64, Vec<u8>)>, Vec<Damage>) {
    let reader = journal.reader();
    let (mut entries, mut damaged) = (Vec::new(), Vec::new());
    let visit = |piece: Piece<'_>| {
        let batch = match piece {
            Piece::Whole(batch) => batch,
            Piece::Patched(batch, damage) => {
                damaged.push(damage.clone());
                batch
            }
            Piece::Hole(damage) => {
                damaged.push(damage.clone());
                return Ok(());
            }
        };
        let read = batch.entries.iter().map(|entry| entry.to_vec());
        entries.extend((batch.first.0..).zip(read));
        for (name, place) in &batch.bodies {
            assert_eq!(reader.body(*place)?.0, *name);
        }
        Ok::<(), Error>(())
    };
    reader
        .pieces(Head::origin(), journal.head(), visit)
        .unwrap();
    (entries, damaged)
}

/// Every entry is there as it was, or lies in a hole that is named.
fn is_honest(journal: &Journal, whole: &[Vec<u8>]) -> Vec<Damage> {
    let (entries, damaged) = remains(journal);
    let mut lost = 0;
    for damage in &damaged {
        if let Lost::Entries(first, last) = damage.lost {
            lost += last.0 + 1 - first.0;
            let inside = |(position, _): &(u64, Vec<u8>)| (first.0..=last.0).contains(position);
            assert!(!entries.iter().any(inside));
        }
    }
    assert_eq!(entries.len() as u64 + lost, whole.len() as u64);
    for (position, entry) in entries {
        assert_eq!(entry, whole[position as usize - 1]);
    }
    damaged
}

fn list(journal: &Journal, after: Position, most: usize) -> Vec<Vec<u8>> {
    let mark = Mark::start(1, Position(1));
    let upto = journal.head().position;
    let found = journal.reader().entries(mark, after, upto, most).unwrap();
    let positions = found.iter().map(|(position, _)| position.0);
    assert!(positions.eq((after.0 + 1..).take(found.len())));
    found.into_iter().map(|(_, entry)| entry).collect()
}

fn all(batches: &[Batch]) -> Vec<Vec<u8>> {
    let entries = batches.iter().flat_map(|batch| batch.entries.clone());
    entries.collect()
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(directory.join(DIRECTORY))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "segment"))
        .collect();
    found.sort();
    found
}

type Open = fn(&Path) -> Result<Journal, Error>;

/// A journal of three batches in one segment, and the offset behind each.
fn three() -> (TempDir, Vec<Batch>, Vec<usize>) {
    three_by(open)
}

fn three_by(open: Open) -> (TempDir, Vec<Batch>, Vec<usize>) {
    let directory = TempDir::new().unwrap();
    let batches = vec![batch(1, 2), batch(2, 1), batch(3, 3)];
    let mut journal = open(directory.path()).unwrap();
    let ends = batches
        .iter()
        .map(|batch| journal.append(batch).unwrap().end.offset as usize)
        .collect();
    (directory, batches, ends)
}

#[test]
fn what_was_appended_is_there_after_reopening() {
    let (directory, mut batches, _) = three();
    let mut journal = open(directory.path()).unwrap();
    assert_eq!(contents(&journal), all(&batches));
    batches.push(batch(4, 2));
    let head = journal.append(&batches[3]).unwrap().end;
    drop(journal);
    let journal = open(directory.path()).unwrap();
    assert_eq!(journal.head(), head);
    assert_eq!(contents(&journal), all(&batches));
    assert_eq!(
        list(&journal, Position(3), 2),
        all(&batches)[3..5].to_vec(),
        "a page in the middle"
    );
}

#[test]
fn a_second_writer_is_refused() {
    let directory = TempDir::new().unwrap();
    let first = open(directory.path()).unwrap();
    assert!(matches!(open(directory.path()), Err(Error::Locked)));
    drop(first);
    open(directory.path()).unwrap();
}

#[test]
fn every_changed_byte_of_a_committed_batch_is_named_and_takes_no_more_than_it_must() {
    let holes = flip_every_byte(three(), open);
    // The entries of these six bodies are some tenth of the bytes.
    assert!((100..1_000).contains(&holes), "{holes}");
}

/// Flips every byte of the first segment in several ways; gives how many flips took entries.
fn flip_every_byte(
    (directory, batches, ends): (TempDir, Vec<Batch>, Vec<usize>),
    open: Open,
) -> usize {
    let path = segments(directory.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let written = *ends.last().unwrap();
    let mut holes = 0;
    for at in 0..written {
        for change in [0x01, 0x80, 0xff, whole[at]] {
            if change == 0 {
                continue;
            }
            let mut changed = whole.clone();
            changed[at] ^= change;
            file.write_all_at(&changed[at..=at], at as u64).unwrap();
            match open(directory.path()) {
                Err(Error::Corrupt { file, offset, .. }) => {
                    assert!(path.to_string_lossy().ends_with(&*file));
                    let near = offset as usize <= at;
                    assert!(near, "byte {at} ^ {change:#x}: named {offset}");
                    // Nothing says what this file held; or nothing what its last batch did.
                    assert!(at < HEADER || at >= written - COMMIT, "byte {at}");
                }
                Err(other) => panic!("byte {at} ^ {change:#x}: {other}"),
                Ok(journal) => {
                    let damaged = is_honest(&journal, &all(&batches));
                    assert_eq!(damaged.len(), 1, "byte {at} ^ {change:#x}");
                    assert!(damaged[0].offset as usize <= at && at >= HEADER);
                    match damaged[0].lost {
                        Lost::Entries(..) => holes += 1,
                        Lost::Bodies(_) => {}
                    }
                }
            }
            // Damage is never repaired by writing over it.
            assert_eq!(fs::read(&path).unwrap(), changed);
        }
        file.write_all_at(&whole[at..=at], at as u64).unwrap();
    }
    assert_eq!(contents(&open(directory.path()).unwrap()), all(&batches));
    holes
}

#[test]
fn a_byte_behind_the_last_batch_is_never_taken_for_a_batch() {
    let (directory, batches, ends) = three();
    let path = segments(directory.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    let end = *ends.last().unwrap();
    for at in end..end + 200 {
        let mut changed = whole.clone();
        changed[at] = 0x45;
        fs::write(&path, &changed).unwrap();
        match open(directory.path()) {
            Ok(journal) => assert_eq!(contents(&journal), all(&batches), "{at}"),
            Err(Error::Corrupt { offset, .. }) => assert_eq!(offset as usize, end),
            Err(other) => panic!("{at}: {other}"),
        }
    }
}

struct Cut(AtomicU64);

impl Observer for Cut {
    fn committed(&self, _entries: usize, _bytes: usize, _sync: std::time::Duration) {}
    fn sync_failed(&self) {}
    fn replayed(&self, _entries: u64) {}
    fn tail_cut(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
    fn index_failed(&self) {}
}

#[test]
fn a_tail_that_did_not_reach_the_disk_is_cut_at_every_length() {
    let (directory, batches, ends) = three();
    let path = segments(directory.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    let written = *ends.last().unwrap();
    for length in HEADER..=written {
        let mut cut = whole.clone();
        cut[length..].fill(0);
        fs::write(&path, &cut).unwrap();
        if ends.contains(&(length + 1)) {
            // Nothing but the last byte of a closing mark: no disk does that, a flipped byte does.
            assert!(matches!(open(directory.path()), Err(Error::Corrupt { .. })));
            continue;
        }
        let seen = Cut(AtomicU64::new(0));
        let mut journal = Journal::open(&opening(directory.path()), entropy(), &seen).unwrap();
        let kept = ends.iter().filter(|end| **end <= length).count();
        assert_eq!(contents(&journal), all(&batches[..kept]), "{length}");
        let last = ends[..kept].last().copied().unwrap_or(HEADER);
        let torn = cut[last..].iter().any(|byte| *byte != 0);
        assert_eq!(seen.0.load(Ordering::Relaxed) > 0, torn, "{length}");
        // The place of the cut tail is used again.
        journal.append(&batches[2]).unwrap();
        drop(journal);
        let journal = open(directory.path()).unwrap();
        let mut expected = all(&batches[..kept]);
        expected.extend(all(&batches[2..]));
        assert_eq!(contents(&journal), expected, "{length}");
    }
}

#[test]
fn a_shorter_file_is_damage() {
    let (directory, _, ends) = three();
    let path = segments(directory.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    for length in [0, 100, HEADER, ends[0], ends[2], whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        let opened = open(directory.path());
        assert!(matches!(opened, Err(Error::Corrupt { .. })), "{length}");
    }
}

#[test]
fn sectors_may_be_missing_in_any_order_from_the_last_batch_only() {
    let directory = TempDir::new().unwrap();
    let opening = Opening {
        segment_bytes: 4 * SMALL,
        ..opening(directory.path())
    };
    let mut journal = Journal::open(&opening, entropy(), &Unobserved).unwrap();
    let first = batch(1, 30);
    journal.append(&first).unwrap();
    let before = journal.head().offset as usize;
    let after = journal.append(&batch(2, 20)).unwrap().end.offset as usize;
    drop(journal);
    let path = segments(directory.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    assert!(before > 2 * 512 && after - before > 2 * 512);
    for sector in 0..whole.len() / 512 {
        let (from, to) = ((sector * 512), (sector + 1) * 512);
        let mut changed = whole.clone();
        changed[from.max(before).min(to)..to].fill(0);
        fs::write(&path, &changed).unwrap();
        let kept = contents(&open(directory.path()).unwrap());
        let untouched = changed == whole;
        assert_eq!(kept.len(), if untouched { 50 } else { 30 }, "{sector}");

        // The same sector missing from the batch before: it had been synced.
        let mut changed = whole.clone();
        changed[from.clamp(HEADER, before)..to.min(before).max(HEADER)].fill(0);
        if changed != whole {
            fs::write(&path, &changed).unwrap();
            let mut both = first.entries.clone();
            both.extend(batch(2, 20).entries);
            assert_eq!(is_honest(&open(directory.path()).unwrap(), &both).len(), 1);
        }
    }
}

#[test]
fn damage_before_a_torn_tail_is_not_cut_with_it() {
    let (directory, batches, ends) = three();
    let path = segments(directory.path()).remove(0);
    let mut torn = fs::read(&path).unwrap();
    torn[ends[2] - 100..].fill(0);
    for at in ends[0]..ends[1] {
        let mut changed = torn.clone();
        changed[at] ^= 0x10;
        fs::write(&path, &changed).unwrap();
        match open(directory.path()) {
            Ok(journal) => {
                let damaged = is_honest(&journal, &all(&batches[..2]));
                assert_eq!(damaged.len(), 1, "{at}");
            }
            // Of its commit, after which nothing is whole.
            Err(Error::Corrupt { .. }) => assert!(at >= ends[1] - COMMIT, "{at}"),
            Err(other) => panic!("{at}: {other}"),
        }
    }
}

#[test]
fn full_segments_are_followed_by_others() {
    let directory = TempDir::new().unwrap();
    let mut journal = open(directory.path()).unwrap();
    let batches: Vec<_> = (0..40).map(|number| batch(number, 7)).collect();
    for batch in &batches {
        journal.append(batch).unwrap();
    }
    drop(journal);
    let files = segments(directory.path());
    assert!(files.len() > 3);
    let journal = open(directory.path()).unwrap();
    assert_eq!(contents(&journal), all(&batches));
    assert_eq!(
        list(&journal, Position(50), 100),
        all(&batches)[50..150].to_vec()
    );
    drop(journal);

    // A tail of a segment that is not the last is never cut.
    let whole = fs::read(&files[0]).unwrap();
    let mut changed = whole.clone();
    let end = changed.iter().rposition(|byte| *byte != 0).unwrap();
    changed[end - 30..].fill(0);
    fs::write(&files[0], &changed).unwrap();
    let journal = open(directory.path()).unwrap();
    let replayed = journal
        .reader()
        .replay(Head::origin(), journal.head(), |_, _| Ok::<(), Error>(()));
    assert!(matches!(replayed, Err(Error::Corrupt { .. })));
    assert_eq!(is_honest(&journal, &all(&batches)).len(), 1);
    drop(journal);
    fs::write(&files[0], &whole).unwrap();
    assert_eq!(contents(&open(directory.path()).unwrap()), all(&batches));
}

/// A whole segment that is damaged: what it takes is named, the rest is read, and the file put back heals it.
#[test]
fn a_segment_that_is_gone_foreign_cut_off_or_old_is_a_hole() {
    let directory = TempDir::new().unwrap();
    let mut journal = open(directory.path()).unwrap();
    let batches: Vec<_> = (0..40).map(|number| batch(number, 7)).collect();
    for batch in &batches {
        journal.append(batch).unwrap();
    }
    drop(journal);
    let files = segments(directory.path());
    type Injury = fn(&Path, &Path, &[u8]);
    let injuries: [(&str, Injury); 6] = [
        ("missing", |file, _, _| fs::remove_file(file).unwrap()),
        ("zeroed", |file, _, whole| {
            fs::write(file, vec![0; whole.len()]).unwrap()
        }),
        ("another", |file, other, _| {
            let _ = fs::copy(other, file).unwrap();
        }),
        ("no header", |file, _, whole| {
            fs::write(file, &whole[..50]).unwrap()
        }),
        ("cut off", |file, _, whole| {
            fs::write(file, &whole[..900]).unwrap()
        }),
        ("older", |file, _, whole| {
            let mut old = whole.to_vec();
            old[1000..].fill(0);
            fs::write(file, old).unwrap();
        }),
    ];
    for hurt in [0, 1] {
        let whole = fs::read(&files[hurt]).unwrap();
        for (what, injury) in injuries {
            injury(&files[hurt], &files[2], &whole);
            let journal = open(directory.path()).unwrap();
            let damaged = is_honest(&journal, &all(&batches));
            assert_eq!(damaged.len(), 1, "{what}: {damaged:?}");
            let strict = journal
                .reader()
                .replay(Head::origin(), journal.head(), |_, _| Ok::<(), Error>(()));
            assert!(strict.is_err(), "{what}");
            drop(journal);
            fs::write(&files[hurt], &whole).unwrap();
        }
    }
    // A copy under another name is no segment; nothing of it is read, and it stays where it is.
    let copy = directory.path().join(DIRECTORY).join("copy.segment");
    fs::copy(&files[1], &copy).unwrap();
    assert_eq!(contents(&open(directory.path()).unwrap()), all(&batches));
    assert!(copy.exists());
    fs::remove_file(copy).unwrap();

    // Of the last one nothing says what was acknowledged in it.
    let last = files.last().unwrap();
    let whole = fs::read(last).unwrap();
    for (what, injury) in &injuries[1..5] {
        injury(last, &files[2], &whole);
        assert!(
            matches!(open(directory.path()), Err(Error::Corrupt { .. })),
            "{what}"
        );
        fs::write(last, &whole).unwrap();
    }
    assert_eq!(contents(&open(directory.path()).unwrap()), all(&batches));
}

#[test]
fn a_batch_larger_than_a_segment_gets_one_of_its_size() {
    let directory = TempDir::new().unwrap();
    let mut journal = open(directory.path()).unwrap();
    let mut large = batch(1, 3);
    let body = Body {
        bytes: Bytes::from(vec![3; 100_000]),
        salt: [4; 16],
    };
    large.add_body(BodyId::Entry(Position(2)), body, None);
    let batches = [batch(0, 1), large, batch(2, 1)];
    let written: Vec<_> = batches
        .iter()
        .map(|batch| journal.append(batch).unwrap())
        .collect();
    assert_eq!(
        written
            .iter()
            .map(|one| one.end.segment)
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    drop(journal);
    let journal = open(directory.path()).unwrap();
    assert_eq!(contents(&journal), all(&batches));
    let (name, body) = journal.reader().body(written[1].bodies[3].1).unwrap();
    assert_eq!(name, batches[1].bodies[3].0);
    assert_eq!(body.bytes, batches[1].bodies[3].1.bytes);
    assert_eq!(body.salt, batches[1].bodies[3].1.salt);
}

#[test]
fn an_unfinished_segment_is_removed_and_an_empty_one_used() {
    let (directory, batches, _) = three();
    let unfinished = directory
        .path()
        .join(DIRECTORY)
        .join("0000000002-x.segment.new");
    fs::write(&unfinished, b"cut off").unwrap();
    let journal = open(directory.path()).unwrap();
    assert!(!unfinished.exists());
    let header = begin(&journal.head(), 2, SMALL, journal.manner, [9; 16]);
    drop(journal);
    Segment::create(&directory.path().join(DIRECTORY), &header).unwrap();
    let mut journal = open(directory.path()).unwrap();
    journal.append(&batches[0]).unwrap();
    assert_eq!(journal.head().segment, 2);
    let mut expected = all(&batches);
    expected.extend(all(&batches[..1]));
    assert_eq!(contents(&journal), expected);
}

#[test]
fn after_a_failed_write_nothing_more_is_written() {
    let (directory, batches, _) = three();
    let mut journal = open(directory.path()).unwrap();
    let head = journal.head();
    // A file that cannot be written to.
    journal.file = Arc::new(journal.segment.readable().unwrap());
    assert!(matches!(journal.append(&batches[0]), Err(Error::Io { .. })));
    journal.file = Arc::new(journal.segment.writable().unwrap());
    assert!(matches!(journal.append(&batches[0]), Err(Error::Stopped)));
    assert_eq!(journal.head(), head);
}

#[test]
fn a_damaged_body_is_an_error_and_never_other_bytes() {
    let directory = TempDir::new().unwrap();
    let mut journal = open(directory.path()).unwrap();
    let written = journal.append(&batch(1, 2)).unwrap();
    let (_, place) = written.bodies[0];
    let path = segments(directory.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    for at in place.offset as usize..place.offset as usize + place.length as usize {
        let mut changed = whole.clone();
        changed[at] ^= 0x04;
        fs::write(&path, &changed).unwrap();
        let read = journal.reader().body(place);
        assert!(matches!(read, Err(Error::Corrupt { .. })), "{at}");
    }
    let place = Place {
        segment: 9,
        ..place
    };
    assert!(matches!(
        journal.reader().body(place),
        Err(Error::NoSegment(9))
    ));
}

#[test]
fn a_page_of_entries_is_right_or_an_error_whatever_byte_changes() {
    let directory = TempDir::new().unwrap();
    let mut journal = open(directory.path()).unwrap();
    let batches: Vec<_> = (0..30).map(|number| batch(number, 4)).collect();
    for batch in &batches {
        journal.append(batch).unwrap();
    }
    let path = segments(directory.path()).remove(1);
    let whole = fs::read(&path).unwrap();
    let begins = |ordinal| journal.reader().segment(ordinal).unwrap().header.first;
    // The whole second segment and the beginning of the third.
    let (first, upto) = (begins(2), Position(begins(3).0 + 1));
    let (mark, after) = (Mark::start(2, first), Position(first.0 - 1));
    let expected = all(&batches)[after.0 as usize..upto.0 as usize].to_vec();
    let most = expected.len();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let mut refused = 0;
    for at in HEADER..whole.len() {
        for change in [0x01, 0x40, whole[at]] {
            if change == 0 {
                continue;
            }
            let changed = [whole[at] ^ change];
            file.write_all_at(&changed, at as u64).unwrap();
            match journal.reader().entries(mark, after, upto, most) {
                Ok(found) => {
                    let entries: Vec<_> = found.into_iter().map(|(_, entry)| entry).collect();
                    assert_eq!(entries, expected, "{at} ^ {change:#x}");
                }
                Err(_) => refused += 1,
            }
        }
        file.write_all_at(&whole[at..=at], at as u64).unwrap();
    }
    assert!(refused > 1000, "{refused}");
}

#[test]
fn a_later_version_is_refused_as_such() {
    let (directory, _, _) = three();
    let path = segments(directory.path()).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[9] = 3;
    let crc = crc32c::crc32c(&bytes[..124]).to_be_bytes();
    bytes[124..128].copy_from_slice(&crc);
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(
        open(directory.path()),
        Err(Error::Version { version: 3, .. })
    ));
}

#[test]
fn damage_in_a_batch_of_bodies_alone_takes_no_entry() {
    let directory = TempDir::new().unwrap();
    let copies = |number: u8| Batch {
        entries: Vec::new(),
        ..batch(number, 2)
    };
    let batches = vec![batch(1, 2), copies(2), copies(3), batch(4, 1), copies(5)];
    let mut journal = open(directory.path()).unwrap();
    let ends: Vec<usize> = batches
        .iter()
        .map(|batch| journal.append(batch).unwrap().end.offset as usize)
        .collect();
    assert_eq!(contents(&journal), all(&batches));
    drop(journal);
    let path = segments(directory.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    for at in ends[0]..ends[2] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&path, &changed).unwrap();
        let journal = open(directory.path()).unwrap();
        let damaged = is_honest(&journal, &all(&batches));
        assert_eq!(damaged.len(), 1, "byte {at}");
        assert!(matches!(damaged[0].lost, Lost::Bodies(_)), "byte {at}");
    }
    // Nothing says what the last batch had, once its commit cannot be read.
    let mut changed = whole.clone();
    changed[ends[4] - 1] ^= 1;
    fs::write(&path, &changed).unwrap();
    assert!(open(directory.path()).is_err());
}

mod sealed;
mod versions;

#[test]
fn small_batches_find_sectors_that_were_written_to() {
    use rustix::fs::{SeekFrom, seek};
    let directory = TempDir::new().unwrap();
    let mut opening = opening(directory.path());
    opening.segment_bytes = 3 * AHEAD;
    let mut journal = Journal::open(&opening, entropy(), &Unobserved).unwrap();
    // Where the disk has nothing of its own; a file system that does not tell says the end.
    let written = |journal: &Journal| seek(&journal.file, SeekFrom::Hole(0)).unwrap();
    assert!(written(&journal) < AHEAD || written(&journal) == 3 * AHEAD);
    for number in 0..3 {
        journal.append(&batch(number, 1)).unwrap();
        assert_eq!(journal.zeroed, AHEAD);
        assert!(written(&journal) >= AHEAD);
    }
    // What was written ahead is no part of the journal: it reads as before, and begins where it ended.
    let (found, head) = (contents(&journal), journal.head());
    assert_eq!(found.len(), 3);
    drop(journal);
    let mut journal = Journal::open(&opening, entropy(), &Unobserved).unwrap();
    assert_eq!((contents(&journal), journal.head()), (found, head));
    journal.append(&batch(3, 1)).unwrap();
    assert_eq!(contents(&journal).len(), 4);
}

#[test]
fn zeros_are_written_ahead_of_small_batches_and_never_beyond_the_segment() {
    let whole = 4 * AHEAD;
    for (end, length, capacity, until) in [
        (100, 36, whole, AHEAD),
        (AHEAD - 1, 36, whole, AHEAD),
        (AHEAD, 36, whole, 2 * AHEAD),
        (AHEAD + 1, AHEAD / 4, whole, 2 * AHEAD),
        (AHEAD + 1, AHEAD / 4 + 1, whole, AHEAD + 1),
        (whole - 10, 36, whole - 5, whole - 5),
        (whole, 36, whole, whole),
        (100, 36, 4096, 4096),
    ] {
        assert_eq!(zeros_until(end, length, capacity), until, "{end} {length}");
    }
}
