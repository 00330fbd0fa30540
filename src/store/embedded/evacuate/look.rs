//! Which segment is due: each is looked into no more often than needed.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use crate::claims::entry::{Position, Stamped};
use crate::claims::retention::{self, Rules};
use crate::claims::time::Timestamp;
use crate::store::Error;
use crate::store::embedded::ask::Asker;
use crate::store::embedded::evacuate::driver::Driver;
use crate::store::embedded::evacuate::examine::{Examined, Inside};
use crate::store::embedded::evacuate::{Evacuator, Failed, on_thread};
use crate::store::embedded::{places, unreadable};
use crate::store::journal;
use crate::store::journal::segment::Form;
use crate::store::ledger::retention::{Judge, legal_holds};
use crate::store::retention::{Goes, OpenSegment, Outlook, Plan};

/// Segments that need not be looked into again for some time.
#[derive(Default)]
pub struct Looked {
    rules: Option<Rules>,
    /// How many holds were placed and lifted then.
    holds: (usize, usize),
    segments: BTreeMap<u64, Glance>,
}

/// What is remembered of a segment.
#[derive(Clone, Copy)]
pub struct Glance {
    /// Before this it is not due.
    pub again: Timestamp,
    /// When its oldest body was admitted or heard.
    pub oldest: Option<Timestamp>,
}

/// What a look into a segment found.
enum Found {
    /// It is due.
    Goes(Examined),
    /// It is not; so many bytes were read.
    NotDue(u64),
}

impl Evacuator {
    /// What would become of every segment at an instant, for as long as somebody waits for it. Blocks.
    pub fn plan(&self, asker: &Asker, at: Timestamp, rules: Rules) -> Result<Plan, Error> {
        let (seen, judge) = self.judging(rules)?;
        let mut plan = Plan {
            open: self.open(rules)?,
            ..Plan::default()
        };
        for segment in self.closed() {
            asker.waits()?;
            match self.look_into(at, seen, &judge, segment) {
                Ok((begun, Inside::Examined(examined))) => {
                    plan.segments.push(examined.planned(at, begun));
                    plan.damaged.extend(&examined.unread);
                }
                Ok((_, Inside::Young(until))) => {
                    plan.younger += 1;
                    let first = plan.younger_from.map_or(until, |from| from.min(until));
                    plan.younger_from = Some(first);
                }
                Err(failed) if failed.is_of_one_segment() => plan.damaged.push(segment),
                Err(failed) => return Err(failed.into()),
            }
        }
        // By then it may have ended: the run of that time begins a new one first, and looks into this one.
        let open = plan.open.filter(|open| open.ends <= at && open.from <= at);
        if let Some(open) = open {
            asker.waits()?;
            let last = self.reader.count();
            match self.examine_open(seen, &judge, last) {
                Ok(examined) => {
                    plan.damaged.extend(&examined.unread);
                    let mut planned = examined.planned(at, open.begun);
                    // One that is due earlier by what is in it waits for its end.
                    if let Goes::At(due) = planned.due {
                        planned.due = Goes::At(due.max(open.ends));
                    }
                    plan.segments.push(planned);
                }
                Err(failed) if failed.is_of_one_segment() => plan.damaged.push(last),
                Err(failed) => return Err(failed.into()),
            }
        }
        plan.damaged.sort_unstable();
        plan.damaged.dedup();
        Ok(plan)
    }

    /// The oldest segment that is due, looked into no more often than needed. It pauses after each that it read, on no
    /// thread: whoever ends it waits for one segment at most.
    pub(super) async fn find(
        &self,
        driver: &Driver,
        at: Timestamp,
        rules: Rules,
    ) -> Result<Option<Examined>, Error> {
        let own = self.clone();
        let (seen, judge) = on_thread(move || own.judging_anew(rules)).await?;
        let judge = Arc::new(judge);
        for segment in self.closed() {
            let last = self.looked().segments.get(&segment).copied();
            if last.is_some_and(|last| last.again > at) {
                continue;
            }
            let (own, judge) = (self.clone(), judge.clone());
            match on_thread(move || own.glance(at, seen, &judge, segment)).await? {
                Found::Goes(examined) => return Ok(Some(examined)),
                Found::NotDue(bytes) => driver.pause(bytes).await,
            }
        }
        Ok(None)
    }

    /// A judge; with other rules or holds than before everything is looked into again.
    fn judging_anew(&self, rules: Rules) -> Result<(Position, Judge), Error> {
        let holds = legal_holds(&self.overlay.view())?;
        let lifted = holds.iter().filter(|hold| hold.lifted.is_some()).count();
        self.looked().renew(rules, (holds.len(), lifted));
        self.judging(rules)
    }

    /// Looks into a segment, and remembers how soon to look again. Blocks.
    fn glance(
        &self,
        at: Timestamp,
        seen: Position,
        judge: &Judge,
        segment: u64,
    ) -> Result<Found, Error> {
        let (glance, bytes) = match self.look_into(at, seen, judge, segment) {
            Ok((_, Inside::Examined(examined))) if examined.due.is_some_and(|due| due <= at) => {
                return Ok(Found::Goes(examined));
            }
            Ok((_, Inside::Examined(examined))) => {
                (examined.glance(at, judge.rules()), examined.read)
            }
            Ok((begun, Inside::Young(again))) => {
                let oldest = Some(begun);
                (Glance { again, oldest }, 0)
            }
            // A person was told of it at the start, and may put back a copy.
            Err(failed) if failed.is_of_one_segment() => {
                self.pass_over(at, segment);
                return Ok(Found::NotDue(0));
            }
            Err(failed) => return Err(failed.into()),
        };
        self.looked().segments.insert(segment, glance);
        Ok(Found::NotDue(bytes))
    }

    /// Leaves a segment that has trouble alone for a day, so that the others have their turn.
    pub(super) fn pass_over(&self, at: Timestamp, segment: u64) {
        let glance = Glance {
            again: retention::plus_days(at, 1),
            oldest: None,
        };
        self.looked().segments.insert(segment, glance);
    }

    /// What a segment's first entry tells of it.
    fn outline(&self, segment: u64, rules: Rules) -> Result<Glance, Failed> {
        let begun = self.begun(segment)?;
        let again = match places::has_copies(&self.overlay.view(), segment)? {
            true => begun,
            false => retention::plus_days(begun, rules.body_days),
        };
        let oldest = Some(begun);
        Ok(Glance { again, oldest })
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

    /// The segment that is written to; none while it has no entry, or where its first one cannot be read.
    pub(super) fn open(&self, rules: Rules) -> Result<Option<OpenSegment>, Error> {
        let last = self.reader.count();
        let begun = match self.begun(last) {
            Ok(begun) => begun,
            // A person was told of it at the start; it ends when it is full.
            Err(failed) if failed.is_of_one_segment() => return Ok(None),
            Err(failed) => return Err(failed.into()),
        };
        if begun == Timestamp::MAX {
            return Ok(None);
        }
        let ends = retention::plus_days(begun, rules.segment_days);
        let from = match places::has_copies(&self.overlay.view(), last)? {
            true => ends,
            false => ends.max(retention::plus_days(begun, rules.body_days)),
        };
        Ok(Some(OpenSegment { begun, ends, from }))
    }

    /// How things are, where nothing is due or nothing is cleared. Of a segment that was not looked into, its first entry
    /// alone is read. Blocks for that.
    pub fn outlook(&self, rules: Rules) -> Result<Outlook, Error> {
        let (closed, open) = (self.closed(), self.open(rules)?);
        let mut glances = Vec::with_capacity(closed.len());
        for segment in closed {
            let looked = self.looked().segments.get(&segment).copied();
            match looked.map_or_else(|| self.outline(segment, rules), Ok) {
                Ok(glance) => glances.push(glance),
                // A person was told of it at the start.
                Err(failed) if failed.is_of_one_segment() => {}
                Err(failed) => return Err(failed.into()),
            }
        }
        let oldest = glances.iter().filter_map(|glance| glance.oldest);
        let next = glances.iter().map(|glance| glance.again);
        Ok(Outlook {
            oldest: oldest.chain(open.map(|open| open.begun)).min(),
            next: next.chain(open.map(|open| open.from)).min(),
        })
    }

    /// Segments that nothing is written to any more, and that have their bodies or cannot be read.
    fn closed(&self) -> Vec<u64> {
        let last = self.reader.count();
        let closed = (1..last).filter(|ordinal| match self.reader.segment(*ordinal) {
            Ok(segment) => segment.form == Form::Live,
            Err(journal::Error::Founded(_)) => false,
            Err(_) => true,
        });
        closed.collect()
    }

    fn looked(&self) -> MutexGuard<'_, Looked> {
        // A map of instants is whole whoever panicked.
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether all entries of a segment were decided before an instant.
    ///
    /// # Errors
    /// When the segment after it cannot be read.
    pub fn ended_before(&self, segment: u64, instant: Timestamp) -> Result<bool, Error> {
        let following = self.reader.segment(segment + 1);
        let first = following.map_err(unreadable)?.header.first;
        if first > self.overlay.view().position() {
            return Ok(false);
        }
        Ok(self.begun(segment + 1)? <= instant)
    }

    /// When the first entry at or after the beginning of a segment was decided.
    pub(super) fn begun(&self, segment: u64) -> Result<Timestamp, Failed> {
        let first = self.reader.segment(segment)?.header.first;
        let (mark, upto) = {
            // Not kept while it is read: commits wait for who keeps one.
            let view = self.overlay.view();
            (places::mark(&view, first)?, view.position())
        };
        let before = Position(first.0.saturating_sub(1));
        let found = self.reader.entries(mark, before, upto, 1)?;
        let stamped = found.first().map(|(_, bytes)| Stamped::read(bytes));
        let stamped = stamped.transpose();
        let stamped = stamped.map_err(|bad| Error::Read(bad.to_string().into()))?;
        Ok(stamped.map_or(Timestamp::MAX, |stamped| stamped.at))
    }

    /// A judge, and the position whose holds it heeds.
    pub(super) fn judging(&self, rules: Rules) -> Result<(Position, Judge), Error> {
        let view = self.overlay.view();
        Ok((view.position(), Judge::new(&view, rules)?))
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
