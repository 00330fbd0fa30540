//! Receipts and settlements: matched with what was sent, or kept as orphans.
//!
//! An item is known by its endpoint, its id and what it says. What was recorded first stands: other content under
//! the same id is kept beside it and moves nothing. An orphan is kept once for each cause; when it comes again and fits by then
//! (its destination's endpoint was corrected), it is taken like any other.

use sha2::{Digest as _, Sha256};

use crate::claims::commitment::commitment;
use crate::claims::document::Purpose;
use crate::claims::entry::{Entry, OrphanCause, Orphaned, Receipted, Settled, SettledContent};
use crate::claims::id::{Destination, Digest, DocumentId, EndpointName, Name};
use crate::claims::receipt::HeardOutcome;
use crate::claims::receipt::{
    Coverage, Evidence, Item, Receipt, Settlement, SettlementContent, Verdict,
};
use crate::claims::standing::Course;
use crate::store::custody::record::OrphanRecord;
use crate::store::ledger::decide::Decider;
use crate::store::ledger::{keys, records};
use crate::store::{BodyId, Error, Heard, LotRecord, Moved, Outcome};

/// Who brings receipts and settlements, and what it may speak of.
pub(super) struct Speaker {
    /// The endpoint polled, or that of the caller who pushed.
    pub(super) endpoint: EndpointName,
    /// Real or test.
    pub(super) purpose: Purpose,
    /// The destinations that the endpoint serves at present.
    pub(super) destinations: Vec<Destination>,
    /// The names under which the same system was known before.
    pub(super) formerly: Vec<EndpointName>,
}

/// By what an item is known again, and bound to its bytes.
#[derive(Clone, Copy)]
struct Mark {
    fingerprint: Digest,
    commitment: Digest,
}

impl Speaker {
    /// Of a lot that went to this endpoint, also when its destination has another one by now, or to it under a former
    /// name; or of a lot whose destination it serves.
    fn may_speak(&self, lot: &LotRecord) -> bool {
        let sealed = &lot.sealed;
        let was_its = self.purpose == sealed.purpose && self.formerly.contains(&sealed.endpoint);
        sealed.endpoint == self.endpoint
            || was_its
            || self.serves(sealed.destination, sealed.purpose)
    }

    /// All its names, the present one first.
    fn names(&self) -> impl Iterator<Item = &EndpointName> {
        std::iter::once(&self.endpoint).chain(&self.formerly)
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
        cursor: Option<Moved>,
    ) -> Result<Outcome, Error> {
        let mut rows = Vec::with_capacity(items.len());
        for heard in items {
            rows.push(self.heard(speaker, heard)?);
        }
        if let Some(Moved { from, to }) = cursor {
            let present = self.cursor(speaker)?;
            // Whoever asked from elsewhere did so before the endpoint was set back to its beginning.
            if present == from && present.as_ref() != Some(&to) {
                self.push(Entry::Cursor {
                    endpoint: speaker.endpoint.clone(),
                    cursor: to,
                })?;
            }
        }
        Ok(Outcome::Heard(rows))
    }

    /// Where it is asked from: its own place, or that of its former name.
    fn cursor(&self, speaker: &Speaker) -> Result<Option<Name>, Error> {
        for name in speaker.names() {
            if let Some(cursor) = records::endpoint(self.working, name)?.cursor {
                return Ok(Some(cursor));
            }
        }
        Ok(None)
    }

    fn heard(&mut self, speaker: &Speaker, heard: Heard) -> Result<HeardOutcome, Error> {
        let bytes_digest = Digest(Sha256::digest(&heard.body.bytes).into());
        let mark = Mark {
            fingerprint: self.fingerprint(&heard.evidence, bytes_digest),
            commitment: commitment(heard.body.salt, bytes_digest),
        };
        let (endpoint, id) = (&speaker.endpoint, id(&heard.evidence, mark.fingerprint));
        let judged = match &heard.evidence {
            Evidence::Item(item) => match self.recorded(speaker, item)? {
                Some(known) if known == mark.fingerprint => return Ok(HeardOutcome::Known),
                Some(_) => Err(OrphanCause::OtherContent),
                None => self.judge(speaker, item, mark)?,
            },
            Evidence::Unproven(item) => match self.recorded(speaker, item)? {
                Some(known) if known == mark.fingerprint => return Ok(HeardOutcome::Known),
                Some(_) | None => Err(OrphanCause::Signature),
            },
            Evidence::Unreadable => Err(OrphanCause::Unreadable),
            Evidence::UnreadableFeed => Err(OrphanCause::UnreadableFeed),
        };
        let (entry, outcome) = match judged {
            Ok(entry) => (entry, HeardOutcome::Recorded),
            Err(cause) => {
                let key = keys::orphan(endpoint, &id, mark.fingerprint);
                // For another cause it is kept anew: what lacked its signature may be signed and contradict by now.
                let kept: Option<OrphanRecord> = records::load(self.working, &key)?;
                if kept.is_some_and(|kept| kept.cause == cause) {
                    return Ok(HeardOutcome::OrphanAgain(cause));
                }
                let entry = orphaned(endpoint, id, cause, mark);
                (entry, HeardOutcome::Orphan(cause))
            }
        };
        let position = self.push(entry)?;
        self.bodies.push((BodyId::Entry(position), heard.body));
        Ok(outcome)
    }

    /// By what it says an item is known again; by its bytes, what cannot be read.
    fn fingerprint(&self, evidence: &Evidence, bytes: Digest) -> Digest {
        self.secret.fingerprint(match evidence {
            Evidence::Item(item) | Evidence::Unproven(item) => {
                Digest(Sha256::digest(item.canonical()).into())
            }
            Evidence::Unreadable | Evidence::UnreadableFeed => bytes,
        })
    }

    /// The fingerprint under which an item of this id was recorded, under whichever of its names. Receipts and
    /// settlements are numbered apart.
    fn recorded(&self, speaker: &Speaker, item: &Item) -> Result<Option<Digest>, Error> {
        for name in speaker.names() {
            let key = match item {
                Item::Receipt(receipt) => keys::receipt(name, &receipt.id),
                Item::Settlement(settlement) => keys::settlement(name, &settlement.id),
            };
            if let Some(known) = records::load(self.working, &key)? {
                return Ok(Some(known));
            }
        }
        Ok(None)
    }

    fn judge(
        &self,
        speaker: &Speaker,
        item: &Item,
        mark: Mark,
    ) -> Result<Result<Entry, OrphanCause>, Error> {
        match item {
            Item::Receipt(receipt) => self.receipt(speaker, receipt, mark),
            Item::Settlement(settlement) => self.settlement(speaker, settlement, mark),
        }
    }

    fn receipt(
        &self,
        speaker: &Speaker,
        receipt: &Receipt,
        mark: Mark,
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
        // A document of which too much was said hears no more, and keeps no other from being heard of.
        let (verdicts, mut heard) = (verdicts(&lot, receipt), Vec::new());
        let speaks_of_any = !verdicts.is_empty();
        for verdict in verdicts {
            let record = records::known_document(self.working, verdict.0)?;
            if record.course.words() < Course::WORDS {
                heard.push(verdict);
            }
        }
        if speaks_of_any && heard.is_empty() {
            return Ok(Err(OrphanCause::TooMany));
        }
        Ok(Ok(Entry::Receipted(Box::new(Receipted {
            endpoint: speaker.endpoint.clone(),
            id: receipt.id.clone(),
            lot: receipt.lot,
            issued: receipt.issued,
            verdicts: heard,
            commitment: mark.commitment,
            fingerprint: mark.fingerprint,
        }))))
    }

    fn settlement(
        &self,
        speaker: &Speaker,
        settlement: &Settlement,
        mark: Mark,
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
        if document.course.words() >= Course::WORDS {
            return Ok(Err(OrphanCause::TooMany));
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
            commitment: mark.commitment,
            fingerprint: mark.fingerprint,
        }))))
    }
}

/// The id under which it is kept: the insurer's, or one of our own for what cannot be read.
fn id(evidence: &Evidence, fingerprint: Digest) -> Name {
    match evidence {
        Evidence::Item(item) | Evidence::Unproven(item) => item.id().clone(),
        Evidence::Unreadable | Evidence::UnreadableFeed => {
            let digits = fingerprint.to_string();
            Name::parse(&format!("unreadable-{}", &digits[..32])).expect("hexadecimal digits")
        }
    }
}

fn orphaned(endpoint: &EndpointName, id: Name, cause: OrphanCause, mark: Mark) -> Entry {
    let orphan = Orphaned {
        endpoint: endpoint.clone(),
        id,
        cause,
        commitment: mark.commitment,
        fingerprint: mark.fingerprint,
    };
    match cause {
        OrphanCause::OtherDestination => Entry::Foreign(orphan),
        OrphanCause::UnknownLot
        | OrphanCause::OtherDigest
        | OrphanCause::UnknownDocument
        | OrphanCause::Unreadable
        | OrphanCause::OtherContent
        | OrphanCause::UnreadableFeed
        | OrphanCause::Signature
        | OrphanCause::TooMany => Entry::Orphaned(orphan),
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
