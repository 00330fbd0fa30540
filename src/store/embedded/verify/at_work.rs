//! Checks a store that is at work: the journal is read and folded anew beside it, and the index that people ask is compared
//! with that fold, some records at a time, each time at one and the same entry.
//!
//! Must never keep a view for longer than some records take: commits wait for who keeps one. So what was committed
//! meanwhile is folded before a view is taken, and the little that comes in between after it, in memory alone. Nothing is cleared while it
//! runs, or the fold would speak of bodies that are gone. A crash leaves the scratch directory.

use std::path::Path;
use std::sync::Arc;

use crate::store::Error;
use crate::store::custody::verified::{Compared, Part, Verified};
use crate::store::embedded::JOURNAL;
use crate::store::embedded::overlay::Overlay;
use crate::store::embedded::tree::Sizes;
use crate::store::embedded::verify::compare::{Span, compare};
use crate::store::embedded::verify::fresh::{Fresh, GoesOn};
use crate::store::embedded::verify::scratch::{self, Scratch};
use crate::store::embedded::verify::{Check, FRESH, unmade};
use crate::store::journal::reader::Reader;
use crate::store::journal::{self, Head, segment};

/// Records that are compared of one view.
const AT_ONCE: u64 = if cfg!(test) { 50 } else { 5_000 };

/// Memory for the pages of the fresh fold: beside a gateway that has its own.
const CACHE_BYTES: u64 = 16 << 20;

/// From so many bytes on, what is folded goes past the scratch tree.
const SORTED_BYTES: usize = 1 << 20;

/// A store that is checked while it is at work.
pub struct Working<'a> {
    /// Its journal.
    pub reader: &'a Reader,
    /// Its index.
    pub overlay: &'a Arc<Overlay>,
    /// Its directory.
    pub directory: &'a Path,
}

/// Why the reading ended.
enum Ended {
    Damage(journal::Error),
    Stopped(Error),
}

impl From<journal::Error> for Ended {
    fn from(damage: journal::Error) -> Ended {
        Ended::Damage(damage)
    }
}

impl Working<'_> {
    /// Checks it, as long as it may go on. Blocks.
    ///
    /// # Errors
    /// When it may not go on, or there is no room for the fresh fold. Damage is no error but a difference.
    pub fn check(&self, goes_on: &GoesOn<'_>) -> Result<Verified, Error> {
        let reader = self.reader;
        let scratch = Scratch::make(self.directory, scratch::CHECK)
            .map_err(|error| Error::Read(unmade(&error)))?;
        let first = reader.begin().segment;
        let archived = (first..=reader.count()).filter(|ordinal| reader.is_archived(*ordinal));
        let mut verified = Verified {
            // Those that a foundation stands for are no more.
            segments: reader.count() + 1 - first,
            archived: archived.count() as u64,
            ..Verified::default()
        };
        let sizes = Sizes {
            cache_bytes: CACHE_BYTES,
            sorted_bytes: SORTED_BYTES,
        };
        let fresh = Fresh::make(&scratch.path().join(FRESH), sizes, reader, goes_on)?;
        let mut check = Check::new(&mut verified, reader, None, fresh);
        check.founded();
        // Of one that cannot be read, or came just now, nobody can say which file it is.
        let is_copy = |ordinal, first| {
            let segment = reader.segment(ordinal);
            segment.is_ok_and(|segment| segment.header.first.0 != first)
        };
        match segment::strays(&self.directory.join(JOURNAL), is_copy) {
            Ok(strays) => strays.iter().for_each(|file| {
                let what = format!("{file}: {}", segment::STRAY);
                check.verified.differ(Part::Journal, what);
            }),
            Err(error) => check.verified.differ(Part::Journal, error.to_string()),
        }
        let done = self.run(&mut check, &|| goes_on().map_err(Ended::Stopped));
        match done {
            Ok(compared) => {
                check.needed();
                check.proven();
                check.verified.index = compared;
            }
            Err(Ended::Damage(damage)) => check.unread(&damage),
            Err(Ended::Stopped(error)) => return Err(error),
        }
        Ok(verified)
    }

    /// Reads the journal, and compares the index with it part by part.
    fn run(
        &self,
        check: &mut Check<'_>,
        goes_on: &dyn Fn() -> Result<(), Ended>,
    ) -> Result<Option<Compared>, Ended> {
        let (mut at, mut records) = (self.reader.begin(), 0);
        let mut span = Span {
            from: Vec::new(),
            most: AT_ONCE,
        };
        loop {
            at = upto(check, at, self.overlay.head(), goes_on)?;
            let Some(fresh) = &mut check.fresh else {
                // Or else it was not allowed to write.
                goes_on()?;
                return Ok(None);
            };
            fresh.gather();
            let asked = self.overlay.tree();
            let view = self.overlay.view();
            at = upto(check, at, view.head(), goes_on)?;
            let Some(fresh) = &mut check.fresh else {
                return Ok(None);
            };
            let is_archived = |segment| self.reader.is_archived(segment);
            let compared = compare(&view, fresh, &span, check.verified, is_archived);
            drop(view);
            fresh.settle().map_err(Ended::Stopped)?;
            let next = match compared {
                Ok((compared, next)) => {
                    records += compared;
                    next
                }
                // It is set aside and built anew: there is nothing to compare with until then.
                Err(_) if asked.is_broken() || self.overlay.tree().is_broken() => {
                    return Err(Ended::Stopped(Error::Busy));
                }
                Err(error) => {
                    check.verified.differ(Part::Index, error.to_string());
                    return Ok(None);
                }
            };
            match next {
                Some(from) => span.from = from,
                None => {
                    let position = at.position;
                    return Ok(Some(Compared { position, records }));
                }
            }
        }
    }
}

fn upto(
    check: &mut Check<'_>,
    from: Head,
    to: Head,
    goes_on: &dyn Fn() -> Result<(), Ended>,
) -> Result<Head, Ended> {
    check.read(from, to, goes_on)?;
    Ok(to)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tempfile::TempDir;

    use crate::store::custody::Custody as _;
    use crate::store::custody::verified::{Part, Verified};
    use crate::store::embedded::tests::fill;
    use crate::store::embedded::tests::moved::{applied, open};
    use crate::store::embedded::tree::fault::Kind;
    use crate::store::index::{Changes, Index as _};
    use crate::store::{Error, Space, Store as _};

    fn said(verified: &Verified) -> Vec<(Part, &str)> {
        let found = verified.differences.iter();
        found
            .map(|found| (found.part, found.what.as_str()))
            .collect()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_store_that_is_written_to_and_moved_holds_all_the_while() {
        let directory = TempDir::new().unwrap();
        let store = Arc::new(open(directory.path()).unwrap());
        fill(&store, 0..200).await;
        let ends = Arc::new(AtomicBool::new(false));
        let posts = tokio::spawn({
            let (store, ends) = (store.clone(), ends.clone());
            async move {
                let mut number = 200;
                while !ends.load(Ordering::Relaxed) {
                    fill(&store, number..number + 3).await;
                    number += 3;
                }
            }
        });
        let moves = store.moves();
        for _ in 0..5 {
            let before = store.health().position;
            let verified = store.check().await.unwrap();
            assert_eq!(said(&verified), []);
            let index = verified.index.unwrap();
            assert!(index.position >= before && index.records > 400, "{index:?}");
            assert!(verified.entries >= index.position.0 && verified.bodies >= 200);
        }
        drop(moves);
        ends.store(true, Ordering::Relaxed);
        posts.await.unwrap();
        assert!(!directory.path().join("verify.scratch").exists());
    }

    /// The next start says the same of them; nothing of them is removed.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn files_that_are_no_segments_are_named_at_work_as_at_rest() {
        let directory = TempDir::new().unwrap();
        let store = open(directory.path()).unwrap();
        fill(&store, 0..200).await;
        assert!(store.reader.count() > 2);
        let journal = directory.path().join("journal");
        let second = store.reader.segment(2).unwrap();
        let first = second.header.first.0;
        let copy = format!("0000000002-{:020}.segment", first + 1);
        let strays = [copy.as_str(), "notes.segment"];
        let own = journal.join(format!("0000000002-{first:020}.segment"));
        fs::copy(own, journal.join(&copy)).unwrap();
        fs::write(journal.join("notes.segment"), "by hand").unwrap();
        // What is of no segment's ending is nobody's business.
        fs::write(journal.join("notes.txt"), "by hand").unwrap();
        let named = |verified: &Verified| {
            let said = verified.differences.iter();
            let said: Vec<_> = said.map(|found| found.what.clone()).collect();
            assert_eq!(said.len(), strays.len(), "{said:?}");
            for (said, stray) in said.iter().zip(strays) {
                assert!(said.starts_with(stray), "{said}");
            }
        };
        named(&store.check().await.unwrap());
        drop(store);
        let config = crate::store::embedded::tests::config(directory.path());
        let (verified, _) = crate::store::embedded::verify::verify(&config).unwrap();
        named(&verified);
        assert!(strays.iter().all(|stray| journal.join(stray).exists()));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_check_that_fills_the_disk_ends_and_leaves_nothing() {
        let directory = TempDir::new().unwrap();
        let store = Arc::new(open(directory.path()).unwrap());
        fill(&store, 0..100).await;
        // It has begun, and waits for whoever reads.
        let reads = store.reading.clone().lock_owned().await;
        let checks = tokio::spawn({
            let store = store.clone();
            async move { store.check().await }
        });
        while store.evacuating.try_lock().is_ok() {
            tokio::task::yield_now().await;
        }
        let ended = AtomicBool::new(false);
        let checked = std::thread::scope(|scope| {
            // Whatever the committer sees of the disk.
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    store.state.set_room(Space::Low);
                    std::thread::yield_now();
                }
            });
            std::thread::sleep(std::time::Duration::from_millis(20));
            drop(reads);
            while !checks.is_finished() {
                std::thread::yield_now();
            }
            ended.store(true, Ordering::Relaxed);
            checks
        });
        assert!(matches!(checked.await.unwrap(), Err(Error::Full)));
        assert!(!directory.path().join("verify.scratch").exists());
        store.state.set_room(Space::Ample);
        fill(&store, 100..110).await;
        assert_eq!(said(&store.check().await.unwrap()), []);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_index_that_fails_meanwhile_is_no_difference() {
        for kind in [Kind::Error, Kind::Panic] {
            let directory = TempDir::new().unwrap();
            let store = open(directory.path()).unwrap();
            fill(&store, 0..100).await;
            applied(&store).await;
            store.overlay.tree().fails(kind);
            let checked = store.check().await;
            assert!(matches!(checked, Err(Error::Busy)), "{kind:?}: {checked:?}");
            assert!(!directory.path().join("verify.scratch").exists());
        }
    }

    #[tokio::test]
    async fn what_an_index_says_wrongly_is_found_in_whichever_part_it_is() {
        let directory = TempDir::new().unwrap();
        let store = open(directory.path()).unwrap();
        fill(&store, 0..300).await;
        applied(&store).await;
        let tree = store.overlay.tree();
        let pairs = tree.scan(&[], &[0xff], usize::MAX).unwrap();
        // One says something else, one is missing, one should not be there: far from each other.
        let keys: Vec<_> = pairs.iter().map(|(key, _)| key).collect();
        let documents: Vec<_> = keys
            .iter()
            .filter(|key| key[0] == keys[keys.len() / 2][0])
            .collect();
        let [first, .., last] = documents[..] else {
            panic!("{}", documents.len())
        };
        let middle = documents[documents.len() / 2];
        let wrong = Changes::from([
            (first.to_vec(), Some(b"other".to_vec())),
            (middle.to_vec(), None),
            ([&last[..], &[7]].concat(), Some(b"more".to_vec())),
        ]);
        tree.apply(std::iter::once(&wrong)).unwrap();
        let verified = store.check().await.unwrap();
        assert_eq!(verified.differing, 3, "{:?}", said(&verified));
        let ends = [" differs", " is missing", " should not be there"];
        for ((part, what), end) in said(&verified).into_iter().zip(ends) {
            assert!(part == Part::Index && what.ends_with(end), "{what}");
        }
    }

    #[tokio::test]
    async fn a_body_with_other_bytes_is_found_under_a_running_store() {
        let directory = TempDir::new().unwrap();
        let store = open(directory.path()).unwrap();
        fill(&store, 0..20).await;
        let journal = fs::read_dir(directory.path().join("journal")).unwrap();
        let mut paths = journal.map(|entry| entry.unwrap().path());
        let path = paths.find(|path| path.extension().is_some_and(|ending| ending == "segment"));
        let path = path.unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let digits = format!("{:0400}", 7);
        let at = bytes
            .windows(400)
            .position(|found| found == digits.as_bytes());
        bytes[at.unwrap() + 100] ^= 1;
        fs::write(&path, bytes).unwrap();
        let verified = store.check().await.unwrap();
        assert!(!verified.holds());
        assert!(
            said(&verified)
                .iter()
                .all(|(part, _)| *part == Part::Bodies),
            "{:?}",
            said(&verified)
        );
    }
}
