//! Receipts and settlements: matched with what was sent, or kept as orphans.

use sha2::{Digest as _, Sha256};

use crate::claims::document::Purpose;
use crate::claims::entry::{Entry, OrphanCause, Orphaned, Receipted, Settled, SettledContent};
use crate::claims::id::{Destination, Digest, DocumentId, EndpointName, Name};
use crate::claims::receipt::{Coverage, Item, Receipt, Settlement, SettlementContent, Verdict};
use crate::store::index::Index as _;
use crate::store::ledger::decide::{Decider, commitment};
use crate::store::ledger::{keys, records};
use crate::store::{Body, BodyId, Error, Heard, HeardOutcome, LotRecord, Outcome};

/// Who brings receipts and settlements, and what it may speak of.
pub(super) struct Speaker {
    /// The endpoint polled, or that of the caller who pushed.
    pub(super) endpoint: EndpointName,
    /// Real or test.
    pub(super) purpose: Purpose,
    /// The destinations that the endpoint serves at present.
    pub(super) destinations: Vec<Destination>,
}

impl Speaker {
    /// Of a lot that went to this endpoint, also when its destination has another one by now; or of a lot whose
    /// destination it serves.
    fn may_speak(&self, lot: &LotRecord) -> bool {
        let sealed = &lot.sealed;
        sealed.endpoint == self.endpoint || self.serves(sealed.destination, sealed.purpose)
    }

    /// A test endpoint never speaks of a real document: its word would be counted.
    fn serves(&self, destination: Destination, purpose: Purpose) -> bool {
        self.purpose == purpose && self.destinations.contains(&destination)
    }
}

impl Decider<'_, '_> {
    pub(super) fn receipts(
        &mut self,
        speaker: &Speaker,
        items: Vec<Heard>,
        cursor: Option<Name>,
    ) -> Result<Outcome, Error> {
        let mut rows = Vec::with_capacity(items.len());
        for heard in items {
            rows.push(self.heard(speaker, heard)?);
        }
        if let Some(cursor) = cursor
            && records::endpoint(self.working, &speaker.endpoint)?
                .cursor
                .as_ref()
                != Some(&cursor)
        {
            self.push(Entry::Cursor {
                endpoint: speaker.endpoint.clone(),
                cursor,
            })?;
        }
        Ok(Outcome::Heard(rows))
    }

    fn heard(&mut self, speaker: &Speaker, heard: Heard) -> Result<HeardOutcome, Error> {
        let endpoint = &speaker.endpoint;
        let id = heard
            .item
            .as_ref()
            .map_or(&heard.fallback, Item::id)
            .clone();
        if self.is_known(endpoint, &id, heard.item.as_ref())? {
            return Ok(HeardOutcome::Known);
        }
        let digest = Digest(Sha256::digest(&heard.bytes).into());
        let commitment = commitment(heard.salt, digest);
        let entry = match &heard.item {
            None => Err(OrphanCause::Unreadable),
            Some(Item::Receipt(receipt)) => self.receipt(speaker, receipt, commitment)?,
            Some(Item::Settlement(settlement)) => {
                self.settlement(speaker, settlement, commitment)?
            }
        };
        let (entry, outcome) = match entry {
            Ok(entry) => (entry, HeardOutcome::Recorded),
            Err(cause) => {
                let orphan = Orphaned {
                    endpoint: endpoint.clone(),
                    id,
                    cause,
                    commitment,
                };
                let entry = match cause {
                    OrphanCause::OtherDestination => Entry::Foreign(orphan),
                    OrphanCause::UnknownLot
                    | OrphanCause::OtherDigest
                    | OrphanCause::UnknownDocument
                    | OrphanCause::Unreadable => Entry::Orphaned(orphan),
                };
                (entry, HeardOutcome::Orphan(cause))
            }
        };
        let position = self.push(entry)?;
        self.bodies.push((
            BodyId::Entry(position),
            Body {
                bytes: heard.bytes,
                salt: heard.salt,
            },
        ));
        Ok(outcome)
    }

    /// Whether an item of this id was heard before. Receipts and settlements are numbered apart; what matched
    /// nothing has one number for both.
    fn is_known(
        &self,
        endpoint: &EndpointName,
        id: &Name,
        item: Option<&Item>,
    ) -> Result<bool, Error> {
        let recorded = match item {
            Some(Item::Receipt(_)) => self.working.get(&keys::receipt(endpoint, id))?,
            Some(Item::Settlement(_)) => self.working.get(&keys::settlement(endpoint, id))?,
            None => None,
        };
        Ok(recorded.is_some() || self.working.get(&keys::orphan(endpoint, id))?.is_some())
    }

    fn receipt(
        &self,
        speaker: &Speaker,
        receipt: &Receipt,
        commitment: Digest,
    ) -> Result<Result<Entry, OrphanCause>, Error> {
        let Some(lot) = records::lot(self.working, receipt.lot)? else {
            return Ok(Err(OrphanCause::UnknownLot));
        };
        if !speaker.may_speak(&lot) {
            return Ok(Err(OrphanCause::OtherDestination));
        }
        if receipt.digest != lot.sealed.digest {
            return Ok(Err(OrphanCause::OtherDigest));
        }
        let known = |id: &DocumentId| lot.sealed.documents.contains(id);
        if !receipt
            .documents
            .iter()
            .all(|verdict| known(&verdict.document))
        {
            return Ok(Err(OrphanCause::UnknownDocument));
        }
        Ok(Ok(Entry::Receipted(Box::new(Receipted {
            endpoint: speaker.endpoint.clone(),
            id: receipt.id.clone(),
            lot: receipt.lot,
            issued: receipt.issued,
            verdicts: verdicts(&lot, receipt),
            commitment,
        }))))
    }

    fn settlement(
        &self,
        speaker: &Speaker,
        settlement: &Settlement,
        commitment: Digest,
    ) -> Result<Result<Entry, OrphanCause>, Error> {
        let Some(document) = records::document(self.working, settlement.document)? else {
            return Ok(Err(OrphanCause::UnknownDocument));
        };
        let allowed = match document.lot {
            Some(lot) => speaker.may_speak(&records::known_lot(self.working, lot)?),
            None => speaker.serves(
                document.received.facts.destination,
                document.received.purpose,
            ),
        };
        if !allowed {
            return Ok(Err(OrphanCause::OtherDestination));
        }
        let content = match &settlement.content {
            SettlementContent::Answer { answer, code, .. } => {
                SettledContent::Answer(*answer, code.clone())
            }
            SettlementContent::Parts(parts) => SettledContent::Parts(
                parts
                    .iter()
                    .map(|part| (part.part, part.outcome, part.amount.0, part.code.clone()))
                    .collect(),
            ),
        };
        Ok(Ok(Entry::Settled(Box::new(Settled {
            endpoint: speaker.endpoint.clone(),
            id: settlement.id.clone(),
            document: settlement.document,
            issued: settlement.issued,
            content,
            commitment,
        }))))
    }
}

/// The word on each document that the receipt speaks for.
fn verdicts(lot: &LotRecord, receipt: &Receipt) -> Vec<(DocumentId, Verdict, Option<Name>)> {
    let listed = receipt
        .documents
        .iter()
        .map(|row| (row.document, row.verdict, row.code.clone()));
    match receipt.coverage {
        Coverage::Listed => listed.collect(),
        Coverage::Whole => {
            let others = lot
                .sealed
                .documents
                .iter()
                .filter(|id| receipt.documents.iter().all(|row| row.document != **id));
            let others = others.map(|id| (*id, receipt.verdict, receipt.code.clone()));
            listed.chain(others).collect()
        }
    }
}
