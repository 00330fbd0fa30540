//! What is to become of every body of a segment, and when the segment is due.

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::entry::{Position, Stamped};
use crate::claims::id::DocumentId;
use crate::claims::retention::{self, Class, Evacuated, Fate, Rules, Why};
use crate::claims::time::Timestamp;
use crate::store::embedded::evacuate::look::Glance;
use crate::store::embedded::evacuate::{Evacuator, Failed};
use crate::store::embedded::overlay::View;
use crate::store::embedded::places;
use crate::store::journal::reader::Piece;
use crate::store::journal::scan::{Batch, start_of};
use crate::store::journal::{Mark, Place};
use crate::store::ledger::retention::{Judge, owners};
use crate::store::retention::{Goes, Planned, Sum};
use crate::store::{BodyId, Error};

/// A segment, and what is to become of its bodies.
pub struct Examined {
    pub segment: u64,
    /// The last entry that was there when it was begun to be judged.
    pub seen: Position,
    bodies: Vec<Judged>,
    /// Segments whose entries cannot be read, though bodies in this one belong to them.
    pub unread: BTreeSet<u64>,
    pub due: Option<Timestamp>,
    /// Bytes of the segment.
    pub read: u64,
}

/// The bodies of the batches that were read so far.
#[derive(Default)]
struct Found {
    bodies: Vec<Judged>,
    read: u64,
    unread: BTreeSet<u64>,
}

impl Found {
    fn examined(self, segment: u64, seen: Position, judge: &Judge) -> Examined {
        let fates = self.bodies.iter().map(|body| (body.fate, body.bytes()));
        Examined {
            segment,
            seen,
            due: judge.due(&fates.collect::<Vec<_>>()),
            read: self.read,
            unread: self.unread,
            bodies: self.bodies,
        }
    }
}

/// What is found in a segment.
pub enum Inside {
    /// Nothing that can be past its time before an instant.
    Young(Timestamp),
    /// Bodies that may be.
    Examined(Examined),
}

/// A body, and what is to become of it.
pub struct Judged {
    pub name: BodyId,
    pub place: Place,
    class: Class,
    /// When it was admitted or heard.
    decided: Timestamp,
    fate: Fate,
    /// Documents by which it was judged.
    owners: Vec<DocumentId>,
}

/// Class of a body, when it was admitted or heard, and what is to become of it; with the documents by which it was judged.
type Verdict = ((Class, Timestamp, Fate), Vec<DocumentId>);

impl Evacuator {
    /// What is to become of every body of a segment.
    pub(super) fn examine(
        &self,
        seen: Position,
        judge: &Judge,
        segment: u64,
    ) -> Result<Examined, Failed> {
        let mut found = Found::default();
        let visit = |batch: &Batch<'_>| self.look_at(judge, batch, &mut found);
        self.reader.batches(segment, visit)?;
        Ok(found.examined(segment, seen, judge))
    }

    /// The same of the segment that is written to, as far as it is durable: for a plan alone, it may grow meanwhile.
    pub(super) fn examine_open(
        &self,
        seen: Position,
        judge: &Judge,
        segment: u64,
    ) -> Result<Examined, Failed> {
        let head = self.overlay.head();
        if head.segment > segment {
            // It ended just now.
            return self.examine(seen, judge, segment);
        }
        let mut found = Found::default();
        let open = self.reader.segment(segment)?;
        self.reader
            .pieces(start_of(&open.header), head, |piece| match piece {
                Piece::Whole(batch) => self.look_at(judge, batch, &mut found),
                Piece::Patched(_, damage) | Piece::Hole(damage) => {
                    Err(self.reader.damaged(damage).into())
                }
            })?;
        Ok(found.examined(segment, seen, judge))
    }

    fn look_at(&self, judge: &Judge, batch: &Batch<'_>, found: &mut Found) -> Result<(), Failed> {
        // A view that lives for long keeps commits waiting: each batch has its own.
        let view = &self.overlay.view();
        found.read = batch.end.offset;
        let mut own = BTreeMap::new();
        for (number, bytes) in (batch.first.0..).zip(&batch.entries) {
            let stamped = Stamped::read(bytes);
            let stamped = stamped.map_err(|bad| Error::Read(bad.to_string().into()))?;
            if let Some((name, _)) = BodyId::promised(Position(number), &stamped.entry) {
                own.insert(name, stamped);
            }
        }
        for (name, place) in &batch.bodies {
            let elsewhere = places::body(view, *name)?.is_some_and(|other| other != *place);
            let ((class, decided, fate), owners) = if elsewhere {
                // It was copied before, and counts there.
                let past = Fate::Until(Timestamp::default());
                ((Class::Document, Timestamp::MAX, past), Vec::new())
            } else {
                self.judge(view, judge, *name, own.get(name), &mut found.unread)?
            };
            found.bodies.push(Judged {
                name: *name,
                place: *place,
                class,
                decided,
                fate,
                owners,
            });
        }
        Ok(())
    }

    /// What is to become of a body, and whose it is.
    fn judge(
        &self,
        view: &View,
        judge: &Judge,
        name: BodyId,
        own: Option<&Stamped>,
        unread: &mut BTreeSet<u64>,
    ) -> Result<Verdict, Failed> {
        let of_entry = |stamped: &Stamped| -> Result<Verdict, Failed> {
            let owners = owners(view, stamped)?;
            Ok((judge.of_entry(view, stamped)?, owners))
        };
        match (name, own) {
            (BodyId::Document(document), _) => {
                Ok((judge.document(view, document)?, vec![document]))
            }
            (BodyId::Entry(_), Some(stamped)) => of_entry(stamped),
            (BodyId::Entry(position), None) => {
                let mark = places::mark(view, position)?;
                match self.entry(view, mark, position) {
                    Ok(Some(stamped)) => of_entry(&stamped),
                    Ok(None) => Ok((judge.without_entry()?, Vec::new())),
                    // A person is told of it, and may put back a copy. Until then nobody knows what it proves.
                    Err(failed) if failed.is_of_one_segment() => {
                        unread.insert(mark.segment);
                        let kept = (Class::Proof, Timestamp::MAX, Fate::Kept(Why::Proof));
                        Ok((kept, Vec::new()))
                    }
                    Err(failed) => Err(failed),
                }
            }
        }
    }

    /// The entry of a body that was copied; none if it went with a foundation.
    fn entry(
        &self,
        view: &View,
        mark: Mark,
        position: Position,
    ) -> Result<Option<Stamped>, Failed> {
        let before = Position(position.0.saturating_sub(1));
        let found = match position <= self.reader.begin().position {
            true => self.reader.kept(before, 1)?,
            false => self.reader.entries(mark, before, view.position(), 1)?,
        };
        let own = found.first().filter(|(found, _)| *found == position);
        let read = own.map(|(_, bytes)| Stamped::read(bytes)).transpose();
        Ok(read.map_err(|bad| Error::Read(bad.to_string().into()))?)
    }
}

impl Examined {
    /// What is to be remembered of one that is not due.
    pub fn glance(&self, at: Timestamp, rules: Rules) -> Glance {
        // What is unfinished now may be past its time as soon as its lot ends.
        let days = rules.body_days.min(rules.wait_days);
        let latest = retention::plus_days(at, days);
        Glance {
            again: self.due.map_or(latest, |due| due.min(latest)),
            oldest: self.bodies.iter().map(|body| body.decided).min(),
        }
    }

    pub fn planned(&self, at: Timestamp, begun: Timestamp) -> Planned {
        let mut planned = Planned {
            segment: self.segment,
            begun,
            due: match self.due {
                Some(due) if due <= at => Goes::Now,
                Some(due) => Goes::At(due),
                None => Goes::Never,
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

    pub fn evacuated(&self, at: Timestamp) -> Evacuated {
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

    pub fn kept(&self, at: Timestamp) -> impl Iterator<Item = &Judged> {
        let bodies = self.bodies.iter();
        bodies.filter(move |body| body.fate.kept_at(at).is_some())
    }

    pub fn gone(&self, at: Timestamp) -> impl Iterator<Item = &Judged> {
        let bodies = self.bodies.iter();
        bodies.filter(move |body| body.fate.kept_at(at).is_none())
    }
}

impl Judged {
    /// Documents by which it was judged.
    pub fn owners(&self) -> &[DocumentId] {
        &self.owners
    }

    pub fn bytes(&self) -> u64 {
        u64::from(self.place.length)
    }
}
