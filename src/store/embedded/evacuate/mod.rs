//! Evacuation: a segment loses its bodies, and everything that must stay goes elsewhere first.
//!
//! The order, each step on stable storage before the next begins:
//! 1. bodies that are kept are copied into the current segment, by batches without entries; the index moves with each;
//! 2. entries go verbatim to the archive;
//! 3. the entry that ends the other bodies is committed, unless a legal hold was placed meanwhile, or an entry speaks of a
//!    document that was past its time: then from the start;
//! 4. every reader reads the archive instead of the segment;
//! 5. the segment's file is removed;
//! 6. its key is forgotten, so that no copy of the file gives out a body again.
//!
//! The segment that is written to is ended when its first entry is old, so that it has its turn too. The oldest segment
//! that is due goes first, one at a time; one that is not due, or damaged, or missing, or that the disk does not give, is
//! passed over, so nothing holds back another. Where one of the last two steps fails, each run tries it again and says
//! so: what the ledger says has ended does end. Must never remove what is damaged, nor a body that is kept and not found
//! elsewhere.
//!
//! # What a crash leaves behind
//! | crash | found at the next start |
//! |---|---|
//! | while bodies are copied | some bodies twice: the copy counts, and the segment goes later |
//! | while the archive is written | as before; the unfinished file is removed |
//! | before the entry | segment and archive: the archive is removed, the segment goes later |
//! | after the entry | segment and archive: the segment is removed, and its key forgotten |
//! | before its key is forgotten | the archive alone, and the key: it is forgotten |

mod driver;
mod examine;
mod finish;
mod look;
mod meanwhile;
mod proofs;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use crate::claims::retention::{Evacuated, Rules};
use crate::claims::time::Timestamp;
use crate::store::embedded::committer::Call;
use crate::store::embedded::evacuate::driver::Driver;
use crate::store::embedded::evacuate::examine::Examined;
use crate::store::embedded::evacuate::look::Looked;
use crate::store::embedded::overlay::Overlay;
use crate::store::embedded::unreadable;
use crate::store::index::Changes;
use crate::store::journal;
use crate::store::journal::archive::{self, Archive};
use crate::store::journal::reader::Reader;
use crate::store::journal::segment::Segment;
use crate::store::retention::{Pace, Run};
use crate::store::{Error, Observer};

pub use finish::finish;
pub use meanwhile::Meanwhile;

/// About so many bytes are copied at once: what a commit waits for at most beside its own.
const COPIED_AT_ONCE: u64 = 512 * 1024;

/// Something that an evacuation has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Some bodies that are kept are on stable storage in the current segment too.
    Copied,
    /// The entries are on stable storage in the archive too.
    Archived,
    /// The entry is durable that ends the other bodies.
    Ended,
    /// Readers read the archive.
    Switched,
    /// The segment's file is gone.
    Removed,
    /// Its key is forgotten: its bodies are gone from every copy of the file.
    Forgotten,
}

/// Clears segments, one after the other. It remembers how soon to look again, and what is still to be removed.
#[derive(Clone)]
pub struct Evacuator {
    reader: Reader,
    overlay: Arc<Overlay>,
    /// Of the journal.
    directory: PathBuf,
    observer: Arc<dyn Observer>,
    looked: Arc<Mutex<Looked>>,
    leaving: Arc<Mutex<Leaving>>,
}

/// Segments whose archives took their places, and whose key is still there; with those whose file is, too.
pub type Leaving = BTreeMap<u64, Option<Arc<Segment>>>;

impl Evacuator {
    /// Of the journal in a directory.
    pub fn new(
        reader: Reader,
        overlay: Arc<Overlay>,
        directory: PathBuf,
        observer: Arc<dyn Observer>,
        leaving: Leaving,
    ) -> Evacuator {
        Evacuator {
            reader,
            overlay,
            directory,
            observer,
            looked: Arc::default(),
            leaving: Arc::new(Mutex::new(leaving)),
        }
    }

    /// Evacuates the oldest segment that is due at an instant, if one is. Only one may run at a time.
    pub async fn run(
        &self,
        queue: mpsc::Sender<Call>,
        at: Timestamp,
        rules: Rules,
        pace: Pace,
    ) -> Result<Run, Error> {
        let driver = Driver { queue, pace };
        self.end_old(&driver, at, rules).await?;
        let left = self.remove().await;
        loop {
            let Some(examined) = self.find(&driver, at, rules).await? else {
                left?;
                let own = self.clone();
                let outlook = on_thread(move || own.outlook(rules)).await?;
                return Ok(Run::Nothing(outlook));
            };
            let segment = examined.segment;
            match self.clear(&driver, at, examined).await {
                Ok(Some(evacuated)) => {
                    // Its bodies have ended. What fails here, the next run tries again and tells.
                    let _ = self.remove().await;
                    return Ok(Run::Evacuated(evacuated));
                }
                // A legal hold was placed meanwhile, or something was said of a document.
                Ok(None) => {}
                Err(failed) => {
                    // Where the disk does not take what is written, the next run tries it again.
                    if failed.is_of_one_segment() {
                        self.pass_over(at, segment);
                    }
                    return Err(failed.into());
                }
            }
        }
    }

    /// Ends the segment that is written to when its first entry is old: however little is posted, no body outlives its
    /// time in it.
    async fn end_old(&self, driver: &Driver, at: Timestamp, rules: Rules) -> Result<(), Error> {
        let own = self.clone();
        match on_thread(move || own.open(rules)).await? {
            Some(open) if open.ends <= at => driver.roll().await,
            Some(_) | None => Ok(()),
        }
    }

    /// Clears a segment as it is, due or not: what is past its time ends, the rest is copied.
    pub async fn empty(
        &self,
        queue: mpsc::Sender<Call>,
        at: Timestamp,
        rules: Rules,
        ordinal: u64,
    ) -> Result<(), Error> {
        let pace = Pace {
            bytes_per_second: 0,
            pause_commands: usize::MAX,
        };
        let driver = Driver { queue, pace };
        loop {
            let own = self.clone();
            let examined = on_thread(move || {
                let (seen, judge) = own.judging(rules)?;
                own.examine(seen, &judge, ordinal)
            });
            if self.clear(&driver, at, examined.await?).await?.is_some() {
                return self.remove().await;
            }
        }
    }

    /// Clears a segment but for its file and key; none if it is to be judged anew.
    async fn clear(
        &self,
        driver: &Driver,
        at: Timestamp,
        examined: Examined,
    ) -> Result<Option<Evacuated>, Failed> {
        let evacuated = examined.evacuated(at);
        self.copy(driver, at, &examined).await?;
        let archived = self.write_archive(examined.segment).await?;
        driver.pause(examined.read).await;
        self.observer.evacuating(Step::Archived);
        let changes = self.forgotten(at, &examined).await?;
        driver.let_pass().await;
        let (overlay, mut meanwhile) = (
            self.overlay.clone(),
            Meanwhile::of(&examined, at, &self.reader),
        );
        let listened = on_thread(move || {
            let spoken_of = meanwhile.is_spoken_of(|| overlay.view())?;
            Ok::<_, Error>((!spoken_of).then_some(meanwhile))
        });
        let ended = match listened.await? {
            Some(meanwhile) => {
                driver
                    .end(at, evacuated.clone(), changes, meanwhile)
                    .await?
            }
            None => false,
        };
        if !ended {
            archived.remove().map_err(unreadable)?;
            return Ok(None);
        }
        self.observer.evacuating(Step::Ended);
        let segment = self.reader.segment(examined.segment).map_err(unreadable)?;
        self.leaving().insert(examined.segment, Some(segment));
        self.reader.archive(archived);
        self.observer.evacuating(Step::Switched);
        Ok(Some(evacuated))
    }

    /// Removes the files of segments whose archives took their places, and forgets their keys. One that fails holds back
    /// no other, and is the error.
    async fn remove(&self) -> Result<(), Error> {
        let mut failed = Ok(());
        let leaving = self.leaving().clone();
        for (ordinal, segment) in leaving {
            let own = self.clone();
            let removed = on_thread(move || {
                finish::remove(&own.reader, &*own.observer, ordinal, segment.as_deref())
                    .map_err(unreadable)?;
                own.leaving().remove(&ordinal);
                Ok(())
            });
            failed = failed.and(removed.await);
        }
        failed
    }

    fn leaving(&self) -> MutexGuard<'_, Leaving> {
        // A map of segments is whole whoever panicked.
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies what is kept into the current segment.
    async fn copy(
        &self,
        driver: &Driver,
        at: Timestamp,
        examined: &Examined,
    ) -> Result<(), Failed> {
        let mut kept = examined.kept(at).peekable();
        while kept.peek().is_some() {
            let mut places = Vec::new();
            let mut bytes = 0;
            while let Some(body) = kept.next_if(|_| bytes < COPIED_AT_ONCE) {
                bytes += body.bytes();
                places.push(body.place);
            }
            let reader = self.reader.clone();
            let bodies = on_thread(move || {
                let read = places.into_iter().map(|place| reader.body(place));
                // What was purged before, in a copy of the store, is not there to be kept.
                let left = read.filter(|read| !matches!(read, Err(journal::Error::Purged(_))));
                left.collect::<Result<Vec<_>, _>>().map_err(Failed::Journal)
            });
            let bodies = bodies.await?;
            driver.carry(bodies).await?;
            self.observer.evacuating(Step::Copied);
            driver.pause(bytes).await;
        }
        Ok(())
    }

    async fn write_archive(&self, ordinal: u64) -> Result<Segment, Failed> {
        let (reader, directory) = (self.reader.clone(), archive::beside(&self.directory));
        on_thread(move || {
            let mut archive = Archive::of(&reader.segment(ordinal)?.header);
            reader.batches(ordinal, |batch| {
                archive.add(batch);
                Ok::<(), journal::Error>(())
            })?;
            let written = archive.write(&directory);
            written.map_err(|error| Failed::Store(unreadable(error)))
        })
        .await
    }

    /// What the index no longer has to know: where the bodies were, and the marks in the segment.
    async fn forgotten(&self, at: Timestamp, examined: &Examined) -> Result<Changes, Error> {
        let gone: Vec<_> = examined.gone(at).map(|body| body.name).collect();
        let (reader, overlay, ordinal) =
            (self.reader.clone(), self.overlay.clone(), examined.segment);
        on_thread(move || finish::forget(|| overlay.view(), &reader, ordinal, &gone)).await
    }
}

/// What ends the reading of a segment.
enum Failed {
    Journal(journal::Error),
    Store(Error),
}

impl From<journal::Error> for Failed {
    fn from(error: journal::Error) -> Failed {
        Failed::Journal(error)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed::Store(error)
    }
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Error {
        match failed {
            Failed::Journal(error) => unreadable(error),
            Failed::Store(error) => error,
        }
    }
}

impl Failed {
    /// Whether it is one segment's own trouble, which holds back no other.
    fn is_of_one_segment(&self) -> bool {
        match self {
            Failed::Journal(error) => error.is_of_one_segment(),
            Failed::Store(_) => false,
        }
    }
}

async fn on_thread<T: Send + 'static, E: From<Error> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Error::Read("an evacuation ended in a panic".into()).into()))
}

#[cfg(test)]
mod tests;
