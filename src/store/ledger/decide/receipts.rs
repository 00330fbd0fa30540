//! Receipts and settlements: matched with what was sent, or kept as orphans.

use sha2::{Digest as _, Sha256};

use crate::claims::entry::{Entry, OrphanCause, Orphaned, Receipted, Settled, SettledContent};
use crate::claims::id::{Destination, Digest, DocumentId, EndpointName, Name};
use crate::claims::receipt::{Coverage, Item, Receipt, Settlement, SettlementContent, Verdict};
use crate::store::index::Index as _;
use crate::store::ledger::decide::{Decider, commitment};
use crate::store::ledger::{keys, records};
use crate::store::{Body, BodyId, Error, Heard, HeardOutcome, LotRecord, Outcome};

impl Decider<'_, '_> {
    pub(super) fn receipts(
        &mut self,
        endpoint: &EndpointName,
        destinations: &[Destination],
        items: Vec<Heard>,
        cursor: Option<Name>,
    ) -> Result<Outcome, Error> {
        let mut rows = Vec::with_capacity(items.len());
        for heard in items {
            rows.push(self.heard(endpoint, destinations, heard)?);
        }
        if let Some(cursor) = cursor
            && records::endpoint(self.working, endpoint)?.cursor.as_ref() != Some(&cursor)
        {
            self.push(Entry::Cursor {
                endpoint: endpoint.clone(),
                cursor,
            })?;
        }
        Ok(Outcome::Heard(rows))
    }

    fn heard(
        &mut self,
        endpoint: &EndpointName,
        destinations: &[Destination],
        heard: Heard,
    ) -> Result<HeardOutcome, Error> {
        let id = heard
            .item
            .as_ref()
            .map_or(&heard.fallback, Item::id)
            .clone();
        if self.working.get(&keys::known(endpoint, &id))?.is_some() {
            return Ok(HeardOutcome::Known);
        }
        let digest = Digest(Sha256::digest(&heard.bytes).into());
        let commitment = commitment(heard.salt, digest);
        let entry = match &heard.item {
            None => Err(OrphanCause::Unreadable),
            Some(Item::Receipt(receipt)) => {
                self.receipt(endpoint, destinations, receipt, commitment)?
            }
            Some(Item::Settlement(settlement)) => {
                self.settlement(endpoint, destinations, settlement, commitment)?
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

    fn receipt(
        &self,
        endpoint: &EndpointName,
        destinations: &[Destination],
        receipt: &Receipt,
        commitment: Digest,
    ) -> Result<Result<Entry, OrphanCause>, Error> {
        let Some(lot) = records::lot(self.working, receipt.lot)? else {
            return Ok(Err(OrphanCause::UnknownLot));
        };
        if !destinations.contains(&lot.sealed.destination) {
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
            endpoint: endpoint.clone(),
            id: receipt.id.clone(),
            lot: receipt.lot,
            issued: receipt.issued,
            verdicts: verdicts(&lot, receipt),
            commitment,
        }))))
    }

    fn settlement(
        &self,
        endpoint: &EndpointName,
        destinations: &[Destination],
        settlement: &Settlement,
        commitment: Digest,
    ) -> Result<Result<Entry, OrphanCause>, Error> {
        let Some(document) = records::document(self.working, settlement.document)? else {
            return Ok(Err(OrphanCause::UnknownDocument));
        };
        if !destinations.contains(&document.received.facts.destination) {
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
            endpoint: endpoint.clone(),
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
