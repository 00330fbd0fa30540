//! The decider: what a command does to the ledger, given all that happened before.
//!
//! A decision is a list of entries; each is folded as soon as it is decided, so that the next one sees it.
//! Every command is safe to repeat: what is done already is answered again and changes nothing.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::claims::deadline;
use crate::claims::delivery::{Event, State, Step};
use crate::claims::document::{Facts, Kind};
use crate::claims::entry::{
    Delivery, Entry, Gate, Next, OrphanCause, Orphaned, PaperRow, Position, Reason, Receipted,
    Received, Sealed, Settled, SettledContent, Stamped,
};
use crate::claims::id::{Destination, Digest, DocumentId, EndpointName, Finess, LotId, Name};
use crate::claims::receipt::{Coverage, Item, Receipt, Settlement, SettlementContent, Verdict};
use crate::claims::registry::Centre;
use crate::claims::standing::{Act, Refusal, Standing};
use crate::claims::time::{Day, Timestamp};
use crate::store::index::{Index, Working};
use crate::store::ledger::fold::{self, supporting};
use crate::store::ledger::keys::{self, Wait};
use crate::store::ledger::{Decision, Secret, query, records};
use crate::store::{
    Admission, Admitted, Body, BodyId, Command, Conclusion, Conflict, DocumentRecord, Error, Heard,
    HeardOutcome, Lease, Leased, LotRecord, Outcome, Unity,
};

/// How many timers one tick does; the rest is due at once after it.
const TIMERS_AT_ONCE: usize = 256;

/// Decides one command. `next` is the position of its first entry.
pub fn decide(
    working: &mut Working<'_>,
    next: Position,
    at: Timestamp,
    command: Command,
    secret: &Secret,
) -> Result<Decision, Error> {
    let mut decider = Decider {
        working,
        next,
        at,
        secret,
        entries: Vec::new(),
        bodies: Vec::new(),
    };
    let outcome = decider.command(command)?;
    Ok(Decision {
        entries: decider.entries,
        bodies: decider.bodies,
        outcome,
    })
}

struct Decider<'w, 'b> {
    working: &'w mut Working<'b>,
    next: Position,
    at: Timestamp,
    secret: &'w Secret,
    entries: Vec<Stamped>,
    bodies: Vec<(BodyId, Body)>,
}

impl Decider<'_, '_> {
    fn command(&mut self, command: Command) -> Result<Outcome, Error> {
        match command {
            Command::Terms(terms) => {
                let present: Option<crate::claims::terms::Terms> =
                    records::load(self.working, &keys::terms())?;
                if present != Some(terms) {
                    self.push(Entry::Terms(terms))?;
                }
                Ok(self.done())
            }
            Command::Registry(centres) => self.registry(centres),
            Command::Admit {
                caller,
                documents,
                unity,
            } => self.admit(&caller, documents, unity),
            Command::TurnAway(posts) => {
                for post in posts {
                    self.push(Entry::TurnedAway(post))?;
                }
                Ok(self.done())
            }
            Command::Seal(sealed) => self.seal(sealed),
            Command::Conclude(conclusion) => self.conclude(conclusion),
            Command::Receipts {
                endpoint,
                destinations,
                items,
                cursor,
            } => self.receipts(&endpoint, &destinations, items, cursor),
            Command::Declare {
                centre,
                day,
                caller,
                rows,
            } => self.declare(centre, day, caller, rows),
            Command::Cancel { document, caller } => self.cancel(document, caller),
            Command::Hand {
                document,
                actor,
                evidence,
                salt,
            } => self.hand(document, actor, evidence, salt),
            Command::Paper { document, actor } => self.paper(document, actor),
            Command::Endpoint {
                endpoint,
                gate,
                actor,
            } => self.endpoint(endpoint, gate, actor),
            Command::Lease(lease) => self.lease(&lease),
            Command::Tick => self.tick(),
            Command::Restart => self.restart(),
        }
    }

    /// Decides an entry: it happened.
    fn push(&mut self, entry: Entry) -> Result<Position, Error> {
        let stamped = Stamped { at: self.at, entry };
        let position = self.next;
        fold::fold(self.working, position, &stamped)?;
        self.entries.push(stamped);
        self.next = Position(position.0 + 1);
        Ok(position)
    }

    /// The position up to which everything is decided.
    fn done(&self) -> Outcome {
        Outcome::Done(Position(self.next.0.saturating_sub(1)))
    }

    fn registry(&mut self, centres: Vec<Centre>) -> Result<Outcome, Error> {
        for centre in centres {
            if !records::centre(self.working, centre.finess)?.contains(&centre) {
                self.push(Entry::Registered(centre))?;
            }
        }
        Ok(self.done())
    }

    fn admit(
        &mut self,
        caller: &Name,
        documents: Vec<Admission>,
        unity: Unity,
    ) -> Result<Outcome, Error> {
        let checkpoint = match unity {
            Unity::Each => None,
            Unity::Together => Some((self.working.checkpoint(), self.next)),
        };
        let mut rows: Vec<Option<Admitted>> = vec![None; documents.len()];
        // A PJ may stand before its FSE in the same post: it is decided after the others.
        for pj in [false, true] {
            for (row, document) in rows.iter_mut().zip(&documents) {
                if (document.facts.key.kind == Kind::Pj) == pj {
                    *row = Some(self.admit_one(caller, document)?);
                }
            }
        }
        let rows: Vec<Admitted> = rows.into_iter().flatten().collect();
        let refused = rows.iter().any(|row| matches!(row, Admitted::Refused(_)));
        match checkpoint {
            Some((changes, next)) if refused => {
                self.working.restore(changes);
                self.next = next;
                self.entries.clear();
                self.bodies.clear();
                let others = rows.into_iter().map(|row| match row {
                    Admitted::Received { .. } => Admitted::WithTheOthers,
                    Admitted::Known { .. } | Admitted::Refused(_) | Admitted::WithTheOthers => row,
                });
                Ok(Outcome::Admitted(others.collect()))
            }
            Some(_) | None => Ok(Outcome::Admitted(rows)),
        }
    }

    fn admit_one(&mut self, caller: &Name, admission: &Admission) -> Result<Admitted, Error> {
        let facts = &admission.facts;
        let fingerprint = self.secret.fingerprint(admission.digest);
        let present: Option<DocumentId> = records::load(self.working, &keys::latest(&facts.key))?;
        if let Some(present) = present
            && let Some(known) = self.same(present, fingerprint)?
        {
            return Ok(Admitted::Known {
                document: known.received.document,
                deadline: known.received.deadline,
                standing: known.standing(),
            });
        }
        match self.admissible(admission, present)? {
            Ok(line) => self.receive(caller, admission, fingerprint, line),
            Err(conflict) => Ok(Admitted::Refused(conflict)),
        }
    }

    /// The document of this number that has the same bytes: the present one, or one that it replaced.
    fn same(
        &self,
        present: DocumentId,
        fingerprint: Digest,
    ) -> Result<Option<DocumentRecord>, Error> {
        let mut next = Some(present);
        let mut key = None;
        while let Some(id) = next {
            let record = records::known_document(self.working, id)?;
            if *key.get_or_insert(record.received.facts.key) != record.received.facts.key {
                return Ok(None);
            }
            if record.received.fingerprint == fingerprint {
                return Ok(Some(record));
            }
            next = record.received.replaces;
        }
        Ok(None)
    }

    /// Whether a document that is not known yet may come in, and where it belongs.
    fn admissible(
        &self,
        admission: &Admission,
        present: Option<DocumentId>,
    ) -> Result<Result<Line, Conflict>, Error> {
        let facts = &admission.facts;
        let versions = records::centre(self.working, facts.key.centre)?;
        let Some(centre) = Centre::on(&versions, facts.care_day) else {
            return Ok(Err(Conflict::Centre(facts.key.centre)));
        };
        let replaced = match self.replaced(admission, present)? {
            Ok(replaced) => replaced,
            Err(conflict) => return Ok(Err(conflict)),
        };
        let supports = match facts.supports {
            None => None,
            Some(number) => {
                let key = crate::claims::document::Key {
                    kind: Kind::Fse,
                    number,
                    ..facts.key
                };
                match records::load::<DocumentId>(self.working, &keys::latest(&key))? {
                    Some(fse) => Some(self.latest_of_line(fse)?),
                    None => return Ok(Err(Conflict::SupportedUnknown)),
                }
            }
        };
        if supports
            .as_ref()
            .is_some_and(|fse| fse.received.purpose != admission.purpose)
        {
            return Ok(Err(Conflict::SupportedUnknown));
        }
        let terms = records::terms(self.working)?;
        let deadline = deadline::deadline(facts, centre.region, &terms);
        Ok(Ok(Line {
            replaced,
            supports,
            deadline,
        }))
    }

    /// The document that counts in the line of this one.
    fn latest_of_line(&self, document: DocumentId) -> Result<DocumentRecord, Error> {
        let mut record = records::known_document(self.working, document)?;
        while let Some(by) = record.replaced_by {
            record = records::known_document(self.working, by)?;
        }
        Ok(record)
    }

    /// The document that is to be replaced, if any, and whether it may be.
    fn replaced(
        &self,
        admission: &Admission,
        present: Option<DocumentId>,
    ) -> Result<Result<Option<DocumentRecord>, Conflict>, Error> {
        let facts = &admission.facts;
        let Some((kind, number, _)) = facts.replaces else {
            return match present {
                None => Ok(Ok(None)),
                Some(present) => Ok(Err(self.differs(present, facts)?)),
            };
        };
        let key = crate::claims::document::Key {
            kind,
            number,
            ..facts.key
        };
        if key != facts.key
            && let Some(present) = present
        {
            return Ok(Err(self.differs(present, facts)?));
        }
        let Some(target) = records::load::<DocumentId>(self.working, &keys::latest(&key))? else {
            return Ok(Err(Conflict::ReplacedUnknown));
        };
        let target = records::known_document(self.working, target)?;
        if target.received.purpose != admission.purpose {
            return Ok(Err(Conflict::ReplacedUnknown));
        }
        let id = target.received.document;
        Ok(
            match (
                target.replaced_by,
                target.standing().after(Act::ReplacementAdmitted),
            ) {
                (Some(by), _) => Err(Conflict::ReplacedBefore(by)),
                (None, Ok(_)) => Ok(Some(target)),
                (None, Err(_)) => Err(Conflict::Standing {
                    document: id,
                    standing: target.standing(),
                }),
            },
        )
    }

    fn differs(&self, present: DocumentId, facts: &Facts) -> Result<Conflict, Error> {
        let known = records::known_document(self.working, present)?;
        Ok(Conflict::OtherContent {
            document: present,
            differs: differing(&known.received.facts, facts),
        })
    }

    fn receive(
        &mut self,
        caller: &Name,
        admission: &Admission,
        fingerprint: Digest,
        line: Line,
    ) -> Result<Admitted, Error> {
        let document = admission.document;
        let deadline = line.deadline;
        let received = Received {
            document,
            purpose: admission.purpose,
            caller: caller.clone(),
            facts: admission.facts.clone(),
            root: line
                .replaced
                .as_ref()
                .map_or(document, |replaced| replaced.received.root),
            replaces: line
                .replaced
                .as_ref()
                .map(|replaced| replaced.received.document),
            supports: line.supports.as_ref().map(|fse| fse.received.document),
            deadline,
            length: u32::try_from(admission.body.len())
                .expect("intake caps the size of a body far below 4 GiB"),
            commitment: commitment(admission.salt, admission.digest),
            fingerprint,
            warnings: admission.warnings.clone(),
        };
        self.push(Entry::Received(Box::new(received)))?;
        let body = Body {
            bytes: admission.body.clone(),
            salt: admission.salt,
        };
        self.bodies.push((BodyId::Document(document), body));
        if let Some(fse) = line.supports {
            self.share_fate(caller, &fse, document)?;
        }
        Ok(Admitted::Received { document, deadline })
    }

    /// A PJ of an FSE that went another way goes with it.
    fn share_fate(
        &mut self,
        actor: &Name,
        fse: &DocumentRecord,
        pj: DocumentId,
    ) -> Result<(), Error> {
        let record = records::known_document(self.working, pj)?;
        let entry = match fse.standing() {
            Standing::OnPaper => Some((
                Act::DuplicateConfirmed,
                Entry::OnPaper {
                    document: pj,
                    actor: actor.clone(),
                },
            )),
            Standing::Cancelled => Some((
                Act::Cancelled,
                Entry::Cancelled {
                    document: pj,
                    caller: actor.clone(),
                },
            )),
            Standing::ByHand => {
                let evidence = self.evidence_of(fse)?;
                Some((
                    Act::ByHand,
                    Entry::ByHand {
                        document: pj,
                        actor: actor.clone(),
                        evidence,
                    },
                ))
            }
            // An open PJ does not lapse by itself: it is cancelled with the FSE that lapsed.
            Standing::Lapsed => Some((
                Act::Cancelled,
                Entry::Cancelled {
                    document: pj,
                    caller: actor.clone(),
                },
            )),
            Standing::Open
            | Standing::InLot
            | Standing::Acknowledged
            | Standing::Refused
            | Standing::Paid
            | Standing::PartPaid
            | Standing::Rejected
            | Standing::Unsettled
            | Standing::Replaced
            | Standing::Granted
            | Standing::Declined => None,
        };
        match entry {
            Some((act, entry))
                if record.standing() == Standing::Open && record.standing().after(act).is_ok() =>
            {
                self.push(entry).map(|_| ())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The evidence of an FSE by hand serves its PJs: the commitment of its own bytes stands for it.
    fn evidence_of(&self, fse: &DocumentRecord) -> Result<Digest, Error> {
        Ok(fse.received.commitment)
    }

    fn supporting_share_fate(&mut self, actor: &Name, document: DocumentId) -> Result<(), Error> {
        let fse = records::known_document(self.working, document)?;
        for pj in supporting(self.working, document)? {
            self.share_fate(actor, &fse, pj)?;
        }
        Ok(())
    }

    fn seal(&mut self, sealed: Sealed) -> Result<Outcome, Error> {
        if records::lot(self.working, sealed.lot)?.is_some() {
            return Ok(self.done());
        }
        for document in &sealed.documents {
            let Some(record) = records::document(self.working, *document)? else {
                return Ok(Outcome::Conflict(Conflict::Stale));
            };
            let group = record.group();
            let fits = group.centre == sealed.centre
                && group.destination == sealed.destination
                && group.purpose == sealed.purpose;
            if !record.is_sealable() || !fits {
                return Ok(Outcome::Conflict(Conflict::Stale));
            }
        }
        if sealed.documents.is_empty() {
            return Err(Error::Impossible("a lot has at least one document"));
        }
        self.push(Entry::Sealed(Box::new(sealed)))?;
        Ok(self.done())
    }

    fn lease(&mut self, lease: &Lease) -> Result<Outcome, Error> {
        let mut leased = Vec::new();
        if records::endpoint(self.working, &lease.endpoint)?.gate == Gate::Held {
            return Ok(Outcome::Leased(leased));
        }
        let from = keys::waits_at(Wait::Send, &lease.endpoint);
        let to = keys::waits_until(Wait::Send, &lease.endpoint, self.at);
        for (key, _) in self.working.scan(&from, &to, lease.most)? {
            let id: LotId = query::last_id(&key)?;
            let lot = records::known_lot(self.working, id)?;
            let attempt = lot.attempts + 1;
            let next = Some(Next {
                at: lease.until,
                reason: Reason::Attempt,
            });
            self.deliver(Delivery {
                lot: id,
                event: Event::Leased,
                attempt,
                next,
                named: Vec::new(),
                words: None,
            })?;
            leased.push(Leased {
                lot: records::known_lot(self.working, id)?,
                attempt,
            });
        }
        Ok(Outcome::Leased(leased))
    }

    /// Records a delivery event that the table allows.
    fn deliver(&mut self, delivery: Delivery) -> Result<Step, Error> {
        let lot = records::known_lot(self.working, delivery.lot)?;
        let step = lot.step(delivery.event);
        match step {
            Step::To(_) | Step::Stay | Step::AskFirst => {
                self.push(Entry::Delivery(Box::new(delivery)))?;
                Ok(step)
            }
            Step::Conflict => Ok(step),
            Step::Impossible(why) => Err(Error::Impossible(why)),
        }
    }

    fn conclude(&mut self, conclusion: Conclusion) -> Result<Outcome, Error> {
        let Some(lot) = records::lot(self.working, conclusion.lot)? else {
            return Ok(Outcome::Conflict(Conflict::Unknown));
        };
        let late = fold::ends_attempt(conclusion.event)
            && (lot.state != State::Sending || lot.attempts != conclusion.attempt);
        let delivery = Delivery {
            lot: conclusion.lot,
            event: conclusion.event,
            attempt: conclusion.attempt,
            // What comes late is recorded and changes no date.
            next: (!late).then_some(conclusion.next),
            named: conclusion.named,
            words: conclusion
                .words
                .as_ref()
                .map(|(bytes, salt)| commitment(*salt, Digest(Sha256::digest(bytes).into()))),
        };
        // The answer to an older attempt says nothing about the one that runs now.
        if late && lot.state == State::Sending {
            return Ok(Outcome::Conflict(Conflict::Delivery {
                lot: conclusion.lot,
                state: lot.state,
            }));
        }
        let position = self.next;
        self.deliver(delivery)?;
        if let Some((bytes, salt)) = conclusion.words {
            self.bodies
                .push((BodyId::Entry(position), Body { bytes, salt }));
        }
        Ok(self.done())
    }

    fn receipts(
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

    fn declare(
        &mut self,
        centre: Finess,
        day: Day,
        caller: Name,
        rows: Vec<PaperRow>,
    ) -> Result<Outcome, Error> {
        if Centre::on(&records::centre(self.working, centre)?, day).is_none() {
            return Ok(Outcome::Conflict(Conflict::Centre(centre)));
        }
        let present: Option<Vec<PaperRow>> =
            records::load(self.working, &keys::paper(centre, day))?;
        if present.as_ref() != Some(&rows) {
            self.push(Entry::Declared {
                centre,
                day,
                caller,
                rows,
            })?;
        }
        Ok(self.done())
    }

    fn cancel(&mut self, document: DocumentId, caller: Name) -> Result<Outcome, Error> {
        let entry = Entry::Cancelled {
            document,
            caller: caller.clone(),
        };
        self.leave(document, Act::Cancelled, Event::Cancel, entry, &caller)
    }

    fn paper(&mut self, document: DocumentId, actor: Name) -> Result<Outcome, Error> {
        let entry = Entry::OnPaper {
            document,
            actor: actor.clone(),
        };
        self.leave(
            document,
            Act::DuplicateConfirmed,
            Event::DuplicateConfirmed,
            entry,
            &actor,
        )
    }

    fn hand(
        &mut self,
        document: DocumentId,
        actor: Name,
        evidence: Bytes,
        salt: [u8; 16],
    ) -> Result<Outcome, Error> {
        let digest = Digest(Sha256::digest(&evidence).into());
        let commitment = commitment(salt, digest);
        let position = self.next;
        let entry = Entry::ByHand {
            document,
            actor: actor.clone(),
            evidence: commitment,
        };
        let outcome = self.leave(document, Act::ByHand, Event::ByHand, entry, &actor)?;
        if self.next > position {
            self.bodies.push((
                BodyId::Entry(position),
                Body {
                    bytes: evidence,
                    salt,
                },
            ));
        }
        Ok(outcome)
    }

    /// A document leaves the way of its lot: cancelled, on paper, by hand.
    fn leave(
        &mut self,
        document: DocumentId,
        act: Act,
        event: Event,
        entry: Entry,
        actor: &Name,
    ) -> Result<Outcome, Error> {
        let Some(record) = records::document(self.working, document)? else {
            return Ok(Outcome::Conflict(Conflict::Unknown));
        };
        let standing = record.standing();
        let to = match standing.after(act) {
            Ok(to) => to,
            // Done before: answered again.
            Err(_) if done_before(standing, act) => return Ok(self.done()),
            Err(Refusal::Conflict | Refusal::Impossible(_)) => {
                return Ok(Outcome::Conflict(Conflict::Standing { document, standing }));
            }
        };
        assert!(
            to.is_finished(record.received.facts.key.kind),
            "leaving ends a document's way"
        );
        let lot = match (standing, record.lot) {
            (Standing::InLot, Some(lot)) => Some(records::known_lot(self.working, lot)?),
            (_, _) => None,
        };
        let step = lot.as_ref().map(|lot| lot.step(event));
        if let (Some(lot), Some(Step::Conflict)) = (&lot, step) {
            return Ok(Outcome::Conflict(Conflict::Delivery {
                lot: lot.sealed.lot,
                state: lot.state,
            }));
        }
        self.push(entry)?;
        if let Some(lot) = lot {
            // The question to the insurer is asked now, unless an attempt runs: then after it.
            let next = match lot.state {
                State::Sending => lot.next,
                State::Due
                | State::InDoubt
                | State::Taken
                | State::Overdue
                | State::Answered
                | State::Void => Some(Next {
                    at: self.at,
                    reason: Reason::Doubt,
                }),
            };
            let attempt = lot.attempts;
            self.deliver(Delivery {
                lot: lot.sealed.lot,
                event,
                attempt,
                next,
                named: Vec::new(),
                words: None,
            })?;
        }
        self.supporting_share_fate(actor, document)?;
        Ok(self.done())
    }

    fn endpoint(
        &mut self,
        endpoint: EndpointName,
        gate: Gate,
        actor: Name,
    ) -> Result<Outcome, Error> {
        if records::endpoint(self.working, &endpoint)?.gate != gate {
            self.push(Entry::Endpoint {
                endpoint,
                gate,
                actor,
            })?;
        }
        Ok(self.done())
    }

    fn tick(&mut self) -> Result<Outcome, Error> {
        for lot in query::lots_waiting(self.working, Wait::Time, self.at, TIMERS_AT_ONCE)? {
            let (event, reason) = match lot.state {
                State::Sending => (Event::NoAnswer, Reason::Doubt),
                State::Taken => (Event::ExpectedBy, Reason::Overdue),
                State::Due | State::InDoubt | State::Overdue | State::Answered | State::Void => {
                    return Err(Error::Impossible(
                        "only a running attempt and a taken lot wait for time alone",
                    ));
                }
            };
            let next = Some(Next {
                at: self.at,
                reason,
            });
            let attempt = lot.attempts;
            self.deliver(Delivery {
                lot: lot.sealed.lot,
                event,
                attempt,
                next,
                named: Vec::new(),
                words: None,
            })?;
        }
        let system = Name::parse("gateway").expect("a constant name");
        let due = self.working.scan(
            &keys::timers(),
            &keys::timers_until(self.at),
            TIMERS_AT_ONCE,
        )?;
        for (key, _) in due {
            let document: DocumentId = query::last_id(&key)?;
            self.timer(document, &system)?;
        }
        Ok(self.done())
    }

    fn timer(&mut self, document: DocumentId, system: &Name) -> Result<(), Error> {
        let record = records::known_document(self.working, document)?;
        let terms = records::terms(self.working)?;
        let region = records::region(self.working, &record.received.facts)?;
        let Some(limit) = record.time_limit(region, &terms) else {
            return Ok(());
        };
        match limit.reason {
            Reason::Replacement => {
                self.push(Entry::PaperOwed { document })?;
            }
            Reason::Lapse => {
                self.push(Entry::Lapsed { document })?;
                self.supporting_share_fate(system, document)?;
            }
            Reason::Settlement => {
                self.push(Entry::Unsettled { document })?;
            }
            _ => return Err(Error::Impossible("a document's timer is one of three")),
        }
        Ok(())
    }

    /// After a start no attempt runs: what was being sent is in doubt.
    fn restart(&mut self) -> Result<Outcome, Error> {
        for lot in query::lots_waiting(self.working, Wait::Time, Timestamp::MAX, usize::MAX)? {
            if lot.state == State::Sending {
                let next = Some(Next {
                    at: self.at,
                    reason: Reason::Doubt,
                });
                let (id, attempt) = (lot.sealed.lot, lot.attempts);
                self.deliver(Delivery {
                    lot: id,
                    event: Event::NoAnswer,
                    attempt,
                    next,
                    named: Vec::new(),
                    words: None,
                })?;
            }
        }
        Ok(self.done())
    }
}

/// Where an admitted document belongs.
struct Line {
    replaced: Option<DocumentRecord>,
    supports: Option<DocumentRecord>,
    deadline: Option<Day>,
}

/// Whether the standing is what the act would have made of it.
fn done_before(standing: Standing, act: Act) -> bool {
    match act {
        Act::Cancelled => standing == Standing::Cancelled,
        Act::ByHand => standing == Standing::ByHand,
        Act::DuplicateConfirmed => standing == Standing::OnPaper,
        Act::Sealed
        | Act::LotVoided
        | Act::ReplacementAdmitted
        | Act::UnsettledPassed
        | Act::LapsePassed => false,
    }
}

/// The commitment of an entry to a body: SHA-256 of the salt and the SHA-256 of the bytes.
pub fn commitment(salt: [u8; 16], digest: Digest) -> Digest {
    Digest(
        Sha256::new()
            .chain_update(salt)
            .chain_update(digest.0)
            .finalize()
            .into(),
    )
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

/// Names of the facts in which two documents of one number differ, never their values.
fn differing(known: &Facts, posted: &Facts) -> Vec<&'static str> {
    let pairs = [
        ("mode", known.mode == posted.mode),
        ("destination", known.destination == posted.destination),
        (
            "clock",
            known.clock_day == posted.clock_day && known.clock_basis == posted.clock_basis,
        ),
        ("care day", known.care_day == posted.care_day),
        (
            "third party",
            known.third_party_amo == posted.third_party_amo
                && known.third_party_amc == posted.third_party_amc,
        ),
        (
            "amounts",
            known.amount_amo == posted.amount_amo && known.amount_amc == posted.amount_amc,
        ),
        ("settled for", known.settled_for == posted.settled_for),
        ("exclusions", known.exclusions == posted.exclusions),
        ("replaces", known.replaces == posted.replaces),
        ("supports", known.supports == posted.supports),
    ];
    pairs
        .into_iter()
        .filter(|(_, same)| !same)
        .map(|(name, _)| name)
        .collect()
}
