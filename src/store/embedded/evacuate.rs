//! Evacuation: a segment loses its bodies, and everything that must stay goes elsewhere first.
//!
//! The order, each step on stable storage before the next begins:
//! 1. bodies that are kept are copied into the current segment, by batches without entries; the index moves with each;
//! 2. entries go verbatim to the archive;
//! 3. the entry that ends the other bodies is committed, unless a legal hold was placed meanwhile: then from the start;
//! 4. every reader reads the archive instead of the segment;
//! 5. the segment's file is removed.
//!
//! The oldest segment that is due goes first, one at a time; one that is not due, or damaged, is passed over, so nothing
//! holds back another. Must never remove what is damaged, nor a body that is kept and not found elsewhere.
//!
//! # What a crash leaves behind
//! | crash | found at the next start |
//! |---|---|
//! | while bodies are copied | some bodies twice: the copy counts, and the segment goes later |
//! | while the archive is written | as before; the unfinished file is removed |
//! | before the entry | segment and archive: the archive is removed, the segment goes later |
//! | after the entry | segment and archive: the segment is removed |

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::claims::entry::{Position, Stamped};
use crate::claims::retention::{self, Class, Evacuated, Fate, Rules};
use crate::claims::time::Timestamp;
use crate::store::embedded::committer::{Call, Request};
use crate::store::embedded::overlay::{Overlay, View};
use crate::store::embedded::tree::Tree;
use crate::store::embedded::verify::promise;
use crate::store::embedded::{OpenError, entries, places, unreadable};
use crate::store::index::{Changes, Index};
use crate::store::journal::archive::{self, Archive};
use crate::store::journal::reader::Reader;
use crate::store::journal::segment::{Form, Segment};
use crate::store::journal::{self, Place};
use crate::store::keeping::{Due, Outlook, Pace, Plan, Planned, Run, Sum};
use crate::store::ledger::keeping::{self, Judge};
use crate::store::{Body, BodyId, Command, Conflict, Error, Observer, Outcome};

/// About so many bytes are copied at once: what a commit waits for at most beside its own.
const COPIED_AT_ONCE: u64 = 512 * 1024;
/// So many keys are read of one state of the index.
const LOOKED_UP: usize = 256;
/// So long it waits for commits before it goes on all the same.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two looks whether commits still wait.
const LOOK: Duration = Duration::from_millis(10);

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
}

/// Clears segments, one after the other. What it remembers is only how soon to look again.
#[derive(Clone)]
pub struct Evacuator {
    reader: Reader,
    overlay: Arc<Overlay>,
    /// Of the journal.
    directory: PathBuf,
    observer: Arc<dyn Observer>,
    looked: Arc<Mutex<Looked>>,
}

/// Segments that need not be looked into again for some time.
#[derive(Default)]
struct Looked {
    rules: Option<Rules>,
    /// How many holds were placed and lifted then.
    holds: (usize, usize),
    segments: BTreeMap<u64, Glance>,
}

/// What is remembered of a segment.
#[derive(Clone, Copy)]
struct Glance {
    /// Before this it is not due.
    again: Timestamp,
    /// When its oldest body was admitted or heard.
    oldest: Option<Timestamp>,
}

/// A segment, and what is to become of its bodies.
struct Examined {
    segment: u64,
    seen: Position,
    bodies: Vec<Judged>,
    due: Option<Timestamp>,
}

/// What is found in a segment.
enum Inside {
    /// Nothing that can be past its time before an instant.
    Young(Timestamp),
    /// Bodies that may be.
    Examined(Examined),
}

/// A body, and what is to become of it.
struct Judged {
    name: BodyId,
    place: Place,
    class: Class,
    /// When it was admitted or heard.
    decided: Timestamp,
    fate: Fate,
}

impl Evacuator {
    /// Of the journal in a directory.
    pub fn new(
        reader: Reader,
        overlay: Arc<Overlay>,
        directory: PathBuf,
        observer: Arc<dyn Observer>,
    ) -> Evacuator {
        Evacuator {
            reader,
            overlay,
            directory,
            observer,
            looked: Arc::default(),
        }
    }

    /// What would become of every segment at an instant. Blocks.
    pub fn plan(&self, at: Timestamp, rules: Rules) -> Result<Plan, Error> {
        let (seen, judge) = self.judging(rules)?;
        let mut plan = Plan::default();
        for segment in self.closed() {
            match self.look_into(at, seen, &judge, segment) {
                Ok((begun, Inside::Examined(examined))) => {
                    plan.segments.push(examined.planned(at, begun));
                }
                Ok((_, Inside::Young(until))) => {
                    plan.younger += 1;
                    let first = plan.younger_from.map_or(until, |from| from.min(until));
                    plan.younger_from = Some(first);
                }
                Err(failed) if failed.is_damage() => plan.damaged.push(segment),
                Err(failed) => return Err(failed.into()),
            }
        }
        Ok(plan)
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
        loop {
            let own = self.clone();
            let Some(examined) = on_thread(move || own.find(at, rules, pace)).await? else {
                return Ok(Run::Nothing(self.outlook()));
            };
            if let Some(evacuated) = self.clear(&driver, at, examined).await? {
                return Ok(Run::Evacuated(evacuated));
            }
            // A legal hold was placed meanwhile.
        }
    }

    /// The oldest segment that is due, looked into no more often than needed. Blocks.
    fn find(&self, at: Timestamp, rules: Rules, pace: Pace) -> Result<Option<Examined>, Error> {
        let holds = keeping::legal_holds(&self.overlay.view())?;
        let lifted = holds.iter().filter(|hold| hold.lifted.is_some()).count();
        self.looked().renew(rules, (holds.len(), lifted));
        let (seen, judge) = self.judging(rules)?;
        for segment in self.closed() {
            let last = self.looked().segments.get(&segment).copied();
            if last.is_some_and(|last| last.again > at) {
                continue;
            }
            let glance = match self.look_into(at, seen, &judge, segment) {
                Ok((_, Inside::Examined(examined)))
                    if examined.due.is_some_and(|due| due <= at) =>
                {
                    return Ok(Some(examined));
                }
                Ok((begun, Inside::Young(again))) => Glance {
                    again,
                    oldest: Some(begun),
                },
                Ok((_, Inside::Examined(examined))) => {
                    std::thread::sleep(pace.of(self.length(segment)));
                    examined.glance(at, rules)
                }
                // A person was told of it at the start, and may put back a copy.
                Err(failed) if failed.is_damage() => Glance {
                    again: retention::plus_days(at, 1),
                    oldest: None,
                },
                Err(failed) => return Err(failed.into()),
            };
            self.looked().segments.insert(segment, glance);
        }
        Ok(None)
    }

    /// When a segment was begun, and what is in it.
    fn look_into(
        &self,
        at: Timestamp,
        seen: Position,
        judge: &Judge,
        segment: u64,
    ) -> Result<(Timestamp, Inside), Failed> {
        let begun = self.begun(segment)?;
        // All of its bodies came after its beginning, unless some were copied into it.
        let until = retention::plus_days(begun, judge.rules().body_days);
        if until > at && !places::has_copies(&self.overlay.view(), segment)? {
            return Ok((begun, Inside::Young(until)));
        }
        let examined = self.examine(seen, judge, segment)?;
        Ok((begun, Inside::Examined(examined)))
    }

    /// How things are after a look that found nothing.
    fn outlook(&self) -> Outlook {
        let closed = self.closed();
        let looked = self.looked();
        let glances = || closed.iter().filter_map(|one| looked.segments.get(one));
        Outlook {
            oldest: glances().filter_map(|glance| glance.oldest).min(),
            next: glances().map(|glance| glance.again).min(),
        }
    }

    /// Segments that nothing is written to any more, and that have their bodies.
    fn closed(&self) -> Vec<u64> {
        let last = self.reader.count();
        let closed = (1..last).filter(|ordinal| {
            let segment = self.reader.segment(*ordinal);
            segment.is_ok_and(|segment| segment.form == Form::Live)
        });
        closed.collect()
    }

    fn looked(&self) -> MutexGuard<'_, Looked> {
        // A map of instants is whole whoever panicked.
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the first entry at or after the beginning of a segment was decided.
    fn begun(&self, segment: u64) -> Result<Timestamp, Failed> {
        let first = self.reader.segment(segment)?.header.first;
        let view = self.overlay.view();
        let mark = places::mark(&view, first)?;
        let before = Position(first.0.saturating_sub(1));
        let found = self.reader.entries(mark, before, view.position(), 1)?;
        let stamped = found.first().map(|(_, bytes)| Stamped::read(bytes));
        let stamped = stamped.transpose();
        let stamped = stamped.map_err(|bad| Error::Read(bad.to_string().into()))?;
        Ok(stamped.map_or(Timestamp::MAX, |stamped| stamped.at))
    }

    /// Bytes of a segment's file.
    fn length(&self, segment: u64) -> u64 {
        let found = self.reader.segment(segment);
        found.map_or(0, |segment| segment.header.capacity)
    }

    /// A judge, and the position whose holds it heeds.
    fn judging(&self, rules: Rules) -> Result<(Position, Judge), Error> {
        let view = self.overlay.view();
        Ok((view.position(), Judge::new(&view, rules)?))
    }

    /// What is to become of every body of a segment.
    fn examine(&self, seen: Position, judge: &Judge, segment: u64) -> Result<Examined, Failed> {
        let mut bodies = Vec::new();
        self.reader.batches(segment, |batch| {
            // A view that lives for long keeps commits waiting: each batch has its own.
            let view = &self.overlay.view();
            let mut own = BTreeMap::new();
            for (number, bytes) in (batch.first.0..).zip(&batch.entries) {
                let stamped = Stamped::read(bytes);
                let stamped = stamped.map_err(|bad| Error::Read(bad.to_string().into()))?;
                if let Some((name, _)) = promise(Position(number), &stamped) {
                    own.insert(name, stamped);
                }
            }
            for (name, place) in &batch.bodies {
                let (class, decided, fate) = if places::body(view, *name)? == Some(*place) {
                    self.judge(view, judge, *name, own.get(name))?
                } else {
                    // It was copied before, and counts there.
                    let past = Fate::Until(Timestamp::default());
                    (Class::Document, Timestamp::MAX, past)
                };
                bodies.push(Judged {
                    name: *name,
                    place: *place,
                    class,
                    decided,
                    fate,
                });
            }
            Ok::<(), Failed>(())
        })?;
        let fates: Vec<_> = bodies
            .iter()
            .map(|body| (body.fate, body.bytes()))
            .collect();
        Ok(Examined {
            segment,
            seen,
            due: judge.due(&fates),
            bodies,
        })
    }

    fn judge(
        &self,
        view: &View,
        judge: &Judge,
        name: BodyId,
        own: Option<&Stamped>,
    ) -> Result<(Class, Timestamp, Fate), Error> {
        match (name, own) {
            (BodyId::Document(document), _) => judge.document(view, document),
            (BodyId::Entry(_), Some(stamped)) => judge.of_entry(view, stamped),
            (BodyId::Entry(position), None) => {
                let before = Position(position.0.saturating_sub(1));
                let found = entries(view, &self.reader, before, 1)?;
                let (_, stamped) = found
                    .first()
                    .ok_or_else(|| Error::Read("a body belongs to no entry".into()))?;
                judge.of_entry(view, stamped)
            }
        }
    }

    /// Clears a segment; none if a legal hold was placed meanwhile.
    async fn clear(
        &self,
        driver: &Driver,
        at: Timestamp,
        examined: Examined,
    ) -> Result<Option<Evacuated>, Error> {
        let evacuated = examined.evacuated(at);
        self.copy(driver, at, &examined).await?;
        let archived = self.write_archive(examined.segment).await?;
        driver.pause(archived.header.capacity).await;
        self.observer.evacuating(Step::Archived);
        let changes = self.forgotten(at, &examined).await?;
        if !driver.end(at, evacuated.clone(), changes).await? {
            archived.remove().map_err(unreadable)?;
            return Ok(None);
        }
        self.observer.evacuating(Step::Ended);
        let segment = self.reader.segment(examined.segment).map_err(unreadable)?;
        self.reader.archive(archived);
        self.observer.evacuating(Step::Switched);
        on_thread(move || segment.remove().map_err(unreadable)).await?;
        self.observer.evacuating(Step::Removed);
        Ok(Some(evacuated))
    }

    /// Copies what is kept into the current segment.
    async fn copy(&self, driver: &Driver, at: Timestamp, examined: &Examined) -> Result<(), Error> {
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
                read.collect::<Result<Vec<_>, _>>().map_err(unreadable)
            });
            let bodies = bodies.await?;
            driver.carry(bodies).await?;
            self.observer.evacuating(Step::Copied);
            driver.pause(bytes).await;
        }
        Ok(())
    }

    async fn write_archive(&self, ordinal: u64) -> Result<Segment, Error> {
        let (reader, directory) = (self.reader.clone(), archive::beside(&self.directory));
        let written = move || -> Result<Segment, journal::Error> {
            let mut archive = Archive::of(&reader.segment(ordinal)?.header);
            reader.batches(ordinal, |batch| {
                archive.add(batch);
                Ok::<(), journal::Error>(())
            })?;
            archive.write(&directory)
        };
        on_thread(move || written().map_err(unreadable)).await
    }

    /// What the index no longer has to know: where the bodies were, and the marks in the segment.
    async fn forgotten(&self, at: Timestamp, examined: &Examined) -> Result<Changes, Error> {
        let gone: Vec<_> = examined.gone(at).map(|body| body.name).collect();
        let (reader, overlay, ordinal) =
            (self.reader.clone(), self.overlay.clone(), examined.segment);
        on_thread(move || forget(|| overlay.view(), &reader, ordinal, &gone)).await
    }
}

/// Ends or takes back what a crash left of evacuations: archives whose segments are still there. The index is up.
pub fn finish(
    tree: &Tree,
    reader: &Reader,
    unfinished: Vec<Segment>,
    observer: &dyn Observer,
) -> Result<(), OpenError> {
    for archived in unfinished {
        let ordinal = archived.header.ordinal;
        if keeping::evacuation(tree, ordinal)?.is_none() {
            archived.remove()?;
            continue;
        }
        let mut inside = Vec::new();
        let read = reader.batches(ordinal, |batch| {
            inside.extend(batch.bodies.iter().map(|(name, _)| *name));
            Ok::<(), journal::Error>(())
        });
        match read {
            Ok(()) => {}
            // Nothing damaged is removed: a person was told, and the next start looks again.
            Err(journal::Error::Corrupt { .. }) => continue,
            Err(error) => return Err(error.into()),
        }
        let changes = forget(|| tree.clone(), reader, ordinal, &inside)?;
        tree.apply(std::iter::once(&changes))?;
        let segment = reader.segment(ordinal)?;
        reader.archive(archived);
        segment.remove()?;
        observer.evacuating(Step::Removed);
    }
    Ok(())
}

/// What an index has to forget of a segment whose bodies are gone. It is looked at again and again, never for long.
fn forget<I: Index>(
    look: impl Fn() -> I,
    reader: &Reader,
    ordinal: u64,
    gone: &[BodyId],
) -> Result<Changes, Error> {
    let mut batches = Vec::new();
    let read = reader.batches(ordinal, |batch| {
        batches.push((batch.first, batch.entries.is_empty()));
        Ok::<(), journal::Error>(())
    });
    read.map_err(unreadable)?;
    let mut changes = Changes::new();
    for names in gone.chunks(LOOKED_UP) {
        let index = look();
        for name in names {
            if places::body(&index, *name)?.is_some_and(|place| place.segment == ordinal) {
                places::forget_body(&mut changes, *name);
            }
        }
    }
    for batches in batches.chunks(LOOKED_UP) {
        places::forget_marks(&mut changes, &look(), ordinal, batches)?;
    }
    places::keep_first_mark(&mut changes, ordinal, &batches);
    Ok(changes)
}

impl Examined {
    /// What is to be remembered of one that is not due.
    fn glance(&self, at: Timestamp, rules: Rules) -> Glance {
        // What is unfinished now may be past its time as soon as its lot ends.
        let days = rules.body_days.min(rules.wait_days);
        let latest = retention::plus_days(at, days);
        Glance {
            again: self.due.map_or(latest, |due| due.min(latest)),
            oldest: self.bodies.iter().map(|body| body.decided).min(),
        }
    }

    fn planned(&self, at: Timestamp, begun: Timestamp) -> Planned {
        let mut planned = Planned {
            segment: self.segment,
            begun,
            due: match self.due {
                Some(due) if due <= at => Due::Now,
                Some(due) => Due::At(due),
                None => Due::Never,
            },
            past: BTreeMap::new(),
            kept: BTreeMap::new(),
        };
        for body in &self.bodies {
            let sum: &mut Sum = match body.fate.kept_at(at) {
                Some(why) => planned.kept.entry((body.class, why)).or_default(),
                None => planned.past.entry(body.class).or_default(),
            };
            sum.add(body.bytes());
        }
        planned
    }

    fn evacuated(&self, at: Timestamp) -> Evacuated {
        let bytes = |bodies: &mut dyn Iterator<Item = &Judged>| bodies.map(Judged::bytes).sum();
        Evacuated {
            segment: self.segment,
            gone: self.gone(at).count() as u64,
            gone_bytes: bytes(&mut self.gone(at)),
            kept: self.kept(at).count() as u64,
            kept_bytes: bytes(&mut self.kept(at)),
            seen: self.seen,
        }
    }

    fn kept(&self, at: Timestamp) -> impl Iterator<Item = &Judged> {
        let bodies = self.bodies.iter();
        bodies.filter(move |body| body.fate.kept_at(at).is_some())
    }

    fn gone(&self, at: Timestamp) -> impl Iterator<Item = &Judged> {
        let bodies = self.bodies.iter();
        bodies.filter(move |body| body.fate.kept_at(at).is_none())
    }
}

impl Judged {
    fn bytes(&self) -> u64 {
        u64::from(self.place.length)
    }
}

impl Looked {
    /// Forgets what is no longer true: with other rules or holds everything is looked into again.
    fn renew(&mut self, rules: Rules, holds: (usize, usize)) {
        if (self.rules, self.holds) != (Some(rules), holds) {
            self.segments.clear();
            (self.rules, self.holds) = (Some(rules), holds);
        }
    }
}

/// Asks the committer, and lets commits pass.
struct Driver {
    queue: mpsc::Sender<Call>,
    pace: Pace,
}

impl Driver {
    async fn carry(&self, bodies: Vec<(BodyId, Body)>) -> Result<(), Error> {
        self.let_pass().await;
        let (answer, answered) = oneshot::channel();
        self.send(Call::Carry { bodies, answer }).await?;
        answered.await.map_err(|_| ended())?
    }

    /// Commits the end of bodies; false if it is to be decided again.
    async fn end(
        &self,
        at: Timestamp,
        evacuated: Evacuated,
        beside: Changes,
    ) -> Result<bool, Error> {
        self.let_pass().await;
        let (answer, answered) = oneshot::channel();
        let request = Request {
            at,
            command: Command::Evacuated(evacuated),
            answer,
        };
        self.send(Call::Clear { request, beside }).await?;
        match answered.await.map_err(|_| ended())?? {
            Outcome::Done(_) => Ok(true),
            Outcome::Conflict(Conflict::Stale) => Ok(false),
            Outcome::Conflict(_)
            | Outcome::Admitted(_)
            | Outcome::Heard(_)
            | Outcome::Leased(_) => Err(Error::Impossible("bodies end, or a hold stands")),
        }
    }

    async fn send(&self, call: Call) -> Result<(), Error> {
        self.queue.send(call).await.map_err(|_| ended())
    }

    /// While many commands wait, it waits too; never for ever.
    async fn let_pass(&self) {
        let waiting = || self.queue.max_capacity() - self.queue.capacity();
        let mut waited = Duration::ZERO;
        while waiting() > self.pace.pause_commands && waited < PATIENCE {
            tokio::time::sleep(LOOK).await;
            waited += LOOK;
        }
    }

    async fn pause(&self, bytes: u64) {
        tokio::time::sleep(self.pace.of(bytes)).await;
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
    /// Whether bytes are not as they were written.
    fn is_damage(&self) -> bool {
        matches!(self, Failed::Journal(journal::Error::Corrupt { .. }))
    }
}

async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Error::Read("an evacuation ended in a panic".into())))
}

fn ended() -> Error {
    Error::Stopped("it was closed".into())
}

#[cfg(test)]
mod tests;
