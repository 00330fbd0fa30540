//! Sealing: open documents of one centre for one destination become a lot whose bytes never change again.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::claims::entry::Sealed;
use crate::claims::id::{Digest, DocumentId, EndpointName, LotId};
use crate::dispatch::Dispatch;
use crate::dispatch::lanes::Lanes;
use crate::formats::lot::{self, Composed, Lot, MediaType, Piece};
use crate::store::{self, BodyId, Command, Due, Find, Group, LotRecord, Outcome};
use crate::telemetry::event::Event;

/// Lots that are sealed at the same time: their commits share a sync, and their bodies the memory of a few lots.
const SEALED_AT_ONCE: usize = 4;

/// Documents of a lot that are read at the same time: each reading goes to another thread and back, and one after the
/// other they would take as many turns of a busy machine as the lot has documents.
const READ_AT_ONCE: usize = 16;

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
pub(super) struct Sealing {
    /// The endpoints that have new lots.
    pub(super) sealed: BTreeSet<EndpointName>,
    /// Groups whose destination no endpoint serves.
    pub(super) without_route: usize,
    /// Groups of which a document cannot be read.
    pub(super) unreadable: usize,
    /// The first of those documents.
    pub(super) document: Option<DocumentId>,
}

impl Sealing {
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
        lanes: &Lanes,
    ) -> Result<Sealing, store::Error> {
        let mut sealing = Sealing::default();
        let mut seals = Vec::new();
        for group in &due.groups {
            match self.routes.find(group.destination, group.purpose) {
                Some(endpoint) => seals.push(self.seal(group, endpoint.clone(), lanes)),
                None => sealing.without_route += 1,
            }
        }
        let mut seals = stream::iter(seals).buffered(SEALED_AT_ONCE);
        while let Some(sealed) = seals.next().await {
            match sealed {
                Ok(endpoint) => {
                    sealing.sealed.insert(endpoint);
                }
                Err(Error::Store(error)) => return Err(error),
                Err(Error::Missing(document)) => {
                    sealing.unreadable += 1;
                    sealing.document = sealing.document.or(Some(document));
                }
                Err(Error::OtherBytes(_)) => sealing.unreadable += 1,
            }
        }
        Ok(sealing)
    }

    async fn seal(
        &self,
        group: &Group,
        endpoint: EndpointName,
        lanes: &Lanes,
    ) -> Result<EndpointName, Error> {
        let id = LotId(self.clock.fresh_id());
        let lot = Lot {
            id,
            centre: group.centre,
            destination: group.destination,
            purpose: group.purpose,
        };
        let documents: Vec<DocumentId> = group.documents.iter().map(|(id, _)| *id).collect();
        let composed = self.compose(lot, &documents).await?;
        let now = self.clock.now();
        // A lot for an endpoint that is closed is due when it opens, and says so.
        let due = lanes.opens(&endpoint, now);
        let sealed = Sealed {
            lot: id,
            centre: group.centre,
            destination: group.destination,
            endpoint,
            purpose: group.purpose,
            documents,
            digest: composed.digest,
            length: composed.length,
            due,
        };
        let (endpoint, documents) = (sealed.endpoint.clone(), sealed.documents.len());
        match self.store.commit(now, Command::Seal(sealed)).await? {
            // A document was cancelled or replaced in between: the next turn sees the group as it is now.
            Outcome::Conflict(_) => {}
            Outcome::Done(_) | Outcome::Admitted(_) | Outcome::Heard(_) | Outcome::Leased(_) => {
                let bytes = composed.length;
                self.telemetry.record(Event::Sealed {
                    lot: id,
                    endpoint: &endpoint,
                    documents,
                    bytes,
                });
            }
        }
        Ok(endpoint)
    }

    /// Composes the body of a sealed lot again and proves that it is the same.
    pub(super) async fn compose_again(&self, record: &LotRecord) -> Result<Composed, Error> {
        let sealed = &record.sealed;
        let lot = Lot {
            id: sealed.lot,
            centre: sealed.centre,
            destination: sealed.destination,
            purpose: sealed.purpose,
        };
        let composed = self.compose(lot, &sealed.documents).await?;
        if composed.digest == sealed.digest {
            Ok(composed)
        } else {
            Err(Error::OtherBytes(sealed.lot))
        }
    }

    async fn compose(&self, lot: Lot, documents: &[DocumentId]) -> Result<Composed, Error> {
        let readings: Vec<_> = documents.iter().map(|id| self.piece(*id)).collect();
        let pieces = stream::iter(readings).buffered(READ_AT_ONCE);
        let pieces = pieces.try_collect().await?;
        Ok(lot::compose(lot, pieces))
    }

    async fn piece(&self, document: DocumentId) -> Result<Piece, Error> {
        let view = self
            .store
            .document(Find::Id(document))
            .await?
            .ok_or(Error::Missing(document))?;
        let body = self
            .store
            .body(BodyId::Document(document))
            .await?
            .ok_or(Error::Missing(document))?;
        let received = view.record.received;
        // Carriage is byte-exact (R161-43, R161-58): what leaves is what was committed to.
        let digest = Digest(sha256(&body.bytes));
        if store::ledger::commitment(body.salt, digest) != received.commitment {
            return Err(Error::Missing(document));
        }
        Ok(Piece {
            document,
            number: received.facts.key.number,
            kind: received.facts.key.kind,
            media_type: MediaType::Xml,
            bytes: body.bytes,
        })
    }
}

fn sha256(bytes: &Bytes) -> [u8; 32] {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(bytes).into()
}
