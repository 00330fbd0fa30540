//! Sealing: open documents of one centre for one destination become a lot whose bytes never change again.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};

use crate::claims::commitment::commitment;
use crate::claims::delivery::Form;
use crate::claims::entry;
use crate::claims::id::{DocumentId, EndpointName, LotId};
use crate::claims::routes::Routes;
use crate::dispatch::Dispatch;
use crate::dispatch::fresh::Fresh;
use crate::formats::lot::{self, Composed, Lot, MediaType, Piece};
use crate::store::{self, Carried, Command, Due, Group, LotRecord};
use crate::telemetry::event::Event;

/// Lots that are sealed at the same time: their commits share a sync, and their bodies the memory of a few lots.
const SEALED_AT_ONCE: usize = 4;

/// Where nothing of a group can be read, as many lots of documents are looked at behind it in one turn.
const LOTS_LOOKED_AT: usize = 100;

/// Why a lot cannot be composed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A document or its bytes are not there.
    #[error("document {0} cannot be read")]
    Missing(DocumentId),
    /// The bytes are not those that were sealed.
    #[error("lot {0} does not match the digest of its sealing")]
    OtherBytes(LotId),
}

/// What became of the groups that were due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SealedGroups {
    /// The endpoints that have new lots.
    pub(super) sealed: BTreeSet<EndpointName>,
    /// Groups whose destination no endpoint serves.
    pub(super) without_route: usize,
    /// Groups of which a document cannot be read.
    pub(super) unreadable: usize,
    /// Those documents.
    pub(super) documents: BTreeSet<DocumentId>,
}

/// What became of one group.
#[derive(Default)]
struct SealedGroup<'a> {
    /// The endpoint that has a new lot.
    endpoint: Option<&'a EndpointName>,
    /// That lot.
    composed: Option<Composed>,
    /// Documents that cannot be read.
    missing: Vec<DocumentId>,
}

/// Documents as they go into a lot.
#[derive(Default)]
struct Pieces {
    /// Those that can be read, in order.
    found: Vec<Piece>,
    /// Those that cannot.
    missing: Vec<DocumentId>,
}

impl SealedGroups {
    /// Groups that were due and could not be sealed.
    pub(super) fn passed_over(&self) -> usize {
        self.without_route + self.unreadable
    }
}

impl Dispatch {
    /// Seals every group that is due and has a route. A group without a route stays open: it is held until a route
    /// is configured, and its documents say so.
    pub(super) async fn seal_groups(
        &self,
        due: &Due,
        routes: &Routes,
        fresh: &mut Fresh,
    ) -> Result<SealedGroups, store::Error> {
        let mut sealing = SealedGroups::default();
        let mut seals = Vec::new();
        for group in &due.groups {
            match routes.find(group.destination, group.purpose) {
                Some(endpoint) => seals.push(self.seal(group, endpoint)),
                None => sealing.without_route += 1,
            }
        }
        let mut seals = stream::iter(seals).buffered(SEALED_AT_ONCE);
        while let Some(seal) = seals.next().await {
            let SealedGroup {
                endpoint,
                composed,
                missing,
            } = seal?;
            composed.into_iter().for_each(|lot| fresh.keep(lot));
            sealing.sealed.extend(endpoint.cloned());
            sealing.unreadable += usize::from(!missing.is_empty());
            sealing.documents.extend(missing);
        }
        Ok(sealing)
    }

    /// Seals what can be read of a group: a document whose bytes cannot be keeps no other waiting.
    async fn seal<'a>(
        &self,
        group: &Group,
        endpoint: &'a EndpointName,
    ) -> Result<SealedGroup<'a>, store::Error> {
        let Pieces { found, missing } = self.readable(group).await?;
        if found.is_empty() {
            return Ok(SealedGroup {
                missing,
                ..SealedGroup::default()
            });
        }
        let id = LotId(self.clock.fresh_id());
        let lot = Lot {
            id,
            centre: group.centre,
            destination: group.destination,
            purpose: group.purpose,
        };
        let documents: Vec<DocumentId> = found.iter().map(|piece| piece.document).collect();
        let composed = lot::compose(lot, found);
        let now = self.clock.now();
        let bytes = composed.length;
        let sealed = entry::Sealed {
            lot: id,
            centre: group.centre,
            destination: group.destination,
            endpoint: endpoint.clone(),
            purpose: group.purpose,
            digest: composed.digest,
            length: composed.length,
            // Where its endpoint is closed the lane holds it back, by the hours of that moment: they may be corrected.
            due: now,
            form: Form::Composed,
            documents: documents.clone(),
        };
        let outcome = self.store.commit(now, Command::Seal(sealed)).await?;
        match outcome.done()? {
            // A document was cancelled or replaced in between: the next turn sees the group as it is now.
            Err(_) => Ok(SealedGroup {
                endpoint: Some(endpoint),
                missing,
                ..SealedGroup::default()
            }),
            Ok(_) => {
                let documents = documents.len();
                self.telemetry.record(Event::Sealed {
                    lot: id,
                    endpoint,
                    documents,
                    bytes,
                });
                Ok(SealedGroup {
                    endpoint: Some(endpoint),
                    composed: Some(composed),
                    missing,
                })
            }
        }
    }

    /// The documents of a group, or, where none of these can be read, the first behind them of which some can.
    async fn readable(&self, group: &Group) -> Result<Pieces, store::Error> {
        let mut pieces = self.pieces(&ids(group)).await?;
        let mut unreadable = group.clone();
        for _ in 0..LOTS_LOOKED_AT {
            if !pieces.found.is_empty() || unreadable.documents.is_empty() {
                break;
            }
            let sealing = self.config.sealing();
            unreadable = self.store.group_behind(unreadable, sealing).await?;
            let behind = self.pieces(&ids(&unreadable)).await?;
            pieces.found = behind.found;
            pieces.missing.extend(behind.missing);
        }
        Ok(pieces)
    }

    /// The body of a sealed lot: as it was composed for the sealing, or composed again and proven to be the same.
    pub(super) async fn composed(
        &self,
        record: &LotRecord,
        fresh: Option<Composed>,
    ) -> Result<Composed, Error> {
        let sealed = &record.sealed;
        if let Some(composed) = fresh.filter(|composed| composed.digest == sealed.digest) {
            return Ok(composed);
        }
        let lot = Lot {
            id: sealed.lot,
            centre: sealed.centre,
            destination: sealed.destination,
            purpose: sealed.purpose,
        };
        let Pieces { found, missing } = self.pieces(&sealed.documents).await?;
        if let Some(missing) = missing.first() {
            return Err(Error::Missing(*missing));
        }
        let composed = lot::compose(lot, found);
        if composed.digest == sealed.digest {
            Ok(composed)
        } else {
            Err(Error::OtherBytes(sealed.lot))
        }
    }

    async fn pieces(&self, documents: &[DocumentId]) -> Result<Pieces, store::Error> {
        let carried = self.store.carried(documents).await?;
        let mut pieces = Pieces::default();
        for (document, carried) in documents.iter().zip(carried) {
            match piece(*document, carried) {
                Some(piece) => pieces.found.push(piece),
                None => pieces.missing.push(*document),
            }
        }
        Ok(pieces)
    }
}

fn ids(group: &Group) -> Vec<DocumentId> {
    group.documents.iter().map(|(id, _)| *id).collect()
}

/// A document as it goes into a lot; none if its bytes are not there or not those that were admitted.
fn piece(document: DocumentId, carried: Option<Carried>) -> Option<Piece> {
    let Carried { received, body } = carried?;
    let key = received.facts.key;
    let piece = Piece::new(document, key.number, key.kind, MediaType::Xml, body.bytes);
    // Carriage is byte-exact (R161-43, R161-58): what leaves is what was committed to.
    let is_own = commitment(body.salt, piece.digest()) == received.commitment;
    is_own.then_some(piece)
}
