//! What a backup knows of the span that is not restored and counts all the same: bodies that went, bodies that were
//! copied before their segments went, and legal holds.
//!
//! A backup holds the files as they were at its end. Restored to an earlier instant, a segment that was cleared since
//! has no bodies any more, and those that were kept lie behind that instant: they are carried over. That the others
//! ended is an entry again, and so is every legal hold that was placed or lifted. Must never bring back a body that
//! ended, nor lose one that was kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use crate::claims::entry::{Entry, Position, Stamped};
use crate::claims::id::Name;
use crate::claims::retention::{Evacuated, LegalHold};
use crate::claims::time::Timestamp;
use crate::store::custody::Error;
use crate::store::embedded::Embedded;
use crate::store::journal::format::SegmentId;
use crate::store::journal::reader::{Piece, Reader};
use crate::store::journal::scan::Batch;
use crate::store::journal::{self, Head, Place};
use crate::store::{Body, BodyId, Command, Conflict, Find, Named, Store};

/// About so many bytes are carried over at once.
const AT_ONCE: usize = 512 * 1024;

/// The reason of a legal hold of the span when its own cannot be read.
const UNREAD: &[u8] = b"placed or lifted in the span that a restore lost";

/// What is known of the span.
pub struct Since {
    /// Up to where is restored.
    restored: Position,
    evacuated: Vec<Evacuated>,
    /// Where bodies lie that were copied, and the reasons of what follows.
    places: BTreeMap<BodyId, Place>,
    copied: Vec<BodyId>,
    placed: BTreeMap<Position, LegalHold>,
    /// Of holds that are restored: by which entry, and by whom.
    lifted: BTreeMap<Position, (Position, Name)>,
    /// The entries that explain others.
    reasons: BTreeMap<Position, Position>,
    /// What could not be read.
    unread: Vec<journal::Error>,
}

impl Since {
    /// Reads what was written between two places, as far as it can be read: see [`Since::unread`]. Copies in segments that
    /// were cleared since ended with them.
    ///
    /// # Errors
    /// When the disk does not give it, or an entry is whole and cannot be read.
    pub fn read(
        reader: &Reader,
        from: Head,
        to: Head,
        cleared: &BTreeSet<SegmentId>,
    ) -> Result<Since, Error> {
        let mut since = Since {
            restored: from.position,
            evacuated: Vec::new(),
            places: BTreeMap::new(),
            copied: Vec::new(),
            placed: BTreeMap::new(),
            lifted: BTreeMap::new(),
            reasons: BTreeMap::new(),
            unread: Vec::new(),
        };
        reader.pieces(from, to, |piece| match piece {
            Piece::Whole(batch) | Piece::Patched(batch, _) => {
                let id = reader.segment(batch.end.segment)?.header.id;
                if !cleared.contains(&id) {
                    since.note_copies(batch);
                }
                since.note(batch)
            }
            Piece::Hole(damage) => {
                since.unread.push(reader.damaged(damage));
                Ok::<(), Error>(())
            }
        })?;
        Ok(since)
    }

    /// What could not be read: what went and what was held by it is not known.
    pub fn unread(&self) -> &[journal::Error] {
        &self.unread
    }

    fn note_copies(&mut self, batch: &Batch<'_>) {
        if batch.entries.is_empty() {
            self.copied
                .extend(batch.bodies.iter().map(|(name, _)| *name));
            self.places.extend(batch.bodies.iter().copied());
        }
    }

    fn note(&mut self, batch: &Batch<'_>) -> Result<(), Error> {
        for (number, bytes) in (batch.first.0..).zip(&batch.entries) {
            let position = Position(number);
            let read = Stamped::read(bytes);
            let stamped =
                read.map_err(|_| Error::Unmade(format!("entry {number} cannot be read").into()))?;
            if let Entry::Evacuated(evacuated) = stamped.entry {
                self.evacuated.push(*evacuated);
            } else if let Entry::LegalHoldPlaced(hold) = stamped.entry {
                self.placed.insert(position, *hold);
            } else if let Entry::LegalHoldLifted { hold, actor } = stamped.entry {
                if self.placed.remove(&hold).is_none() {
                    self.lifted.insert(hold, (position, actor));
                }
            } else if let Entry::Explained { of, .. } = stamped.entry {
                self.reasons.insert(of, position);
                let own = batch.bodies.iter().copied();
                self.places
                    .extend(own.filter(|(name, _)| *name == BodyId::Entry(position)));
            }
        }
        Ok(())
    }

    /// Does to a restored store what the span did. `reader` reads the backup, with its keys; the salt is for reasons that
    /// cannot be read.
    ///
    /// # Errors
    /// When a body that was kept cannot be read.
    pub async fn apply(
        self,
        store: &Embedded,
        reader: &Reader,
        at: Timestamp,
        salt: [u8; 16],
    ) -> Result<(), Error> {
        for evacuated in &self.evacuated {
            if store.is_archived(evacuated.segment) {
                let seen = store.health().position;
                let evacuated = Evacuated {
                    seen,
                    ..evacuated.clone()
                };
                store.commit(at, Command::Evacuated(evacuated)).await?;
            }
        }
        self.carry(store, reader).await?;
        for (position, hold) in &self.placed {
            let LegalHold { on, review, actor } = hold.clone();
            let place = Command::PlaceLegalHold { on, review, actor };
            let reason = self.reason(reader, *position, salt);
            explained(store, at, place, reason).await?;
        }
        for (hold, (position, actor)) in &self.lifted {
            let lift = Command::LiftLegalHold {
                hold: *hold,
                actor: actor.clone(),
            };
            let reason = self.reason(reader, *position, salt);
            explained(store, at, lift, reason).await?;
        }
        Ok(())
    }

    /// Carries over the bodies that were kept where their segments lost theirs.
    async fn carry(&self, store: &Embedded, reader: &Reader) -> Result<(), Error> {
        let (mut bodies, mut bytes) = (Vec::new(), 0);
        for name in &self.copied {
            if !self.is_restored(store, *name).await? || store.body(*name).await?.is_some() {
                continue;
            }
            match reader.body(self.places[name]) {
                Ok((_, body)) => {
                    bytes += body.bytes.len();
                    bodies.push((*name, body));
                }
                // It was kept then, and ended since.
                Err(journal::Error::Purged(_) | journal::Error::Archived(_)) => continue,
                Err(error) => return Err(error.into()),
            }
            if bytes >= AT_ONCE {
                store.carry(std::mem::take(&mut bodies)).await?;
                bytes = 0;
            }
        }
        if !bodies.is_empty() {
            store.carry(bodies).await?;
        }
        Ok(())
    }

    /// Whether the entry of a body is among those that are restored.
    async fn is_restored(&self, store: &Embedded, name: BodyId) -> Result<bool, Error> {
        match name {
            BodyId::Document(document) => Ok(store.document(Find::Id(document)).await?.is_some()),
            BodyId::Entry(position) => Ok(position <= self.restored),
        }
    }

    /// The reason that was given for an entry.
    fn reason(&self, reader: &Reader, of: Position, salt: [u8; 16]) -> Body {
        let reason = self.reasons.get(&of).map(|reason| BodyId::Entry(*reason));
        let place = reason.and_then(|reason| self.places.get(&reason));
        let read = place.and_then(|place| reader.body(*place).ok());
        let unread = || Body {
            bytes: Bytes::from_static(UNREAD),
            salt,
        };
        read.map_or_else(unread, |(_, body)| body)
    }
}

async fn explained(
    store: &Embedded,
    at: Timestamp,
    command: Command,
    reason: Body,
) -> Result<(), Error> {
    let command = Command::Explain {
        command: Box::new(command),
        reason,
    };
    match store.commit(at, command).await?.done()? {
        // What it stood on was lost with the span.
        Ok(_)
        | Err(Conflict::Unknown(Named::Document | Named::LegalHold) | Conflict::Centre(_)) => {
            Ok(())
        }
        Err(_) => Err(Error::Unmade(Arc::from(
            "a legal hold could not be placed or lifted",
        ))),
    }
}
