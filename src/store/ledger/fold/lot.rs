//! Lots: sealed, attempted, answered or void; and what each event means for their documents.

use crate::claims::deadline;
use crate::claims::delivery::{Arrival, Bytes, Event, Form, Presence, State, Step};
use crate::claims::entry::{Delivery, Next, Reason, Receipted, Sealed};
use crate::claims::id::{DocumentId, LotId, Name};
use crate::claims::standing::{Act, Expected, Heard, Standing, Word};
use crate::claims::time::{Day, Timestamp};
use crate::store::ledger::fold::{Fold, document};
use crate::store::ledger::keys::{self, Wait};
use crate::store::ledger::records::{self, save};
use crate::store::{DocumentRecord, Error, LotRecord, Stood};

impl LotRecord {
    /// How many of its documents still want to be sent.
    fn presence(&self) -> Presence {
        Presence::of(self.sealed.documents.len(), self.left.len())
    }

    /// The same after a document of it went another way, which it does once: also one that was settled, and then replaced.
    pub fn without(&self, document: DocumentId) -> LotRecord {
        let mut without = self.clone();
        if !without.left.contains(&document) {
            without.left.push(document);
        }
        without
    }

    /// How far it has come.
    pub fn stood(&self) -> Stood {
        Stood {
            state: self.state,
            unanswered: self.unanswered,
        }
    }

    /// What an event does to it. The answer of an attempt that is no longer running is recorded only.
    pub fn step(&self, event: Event) -> Step {
        if event.ends_attempt() && self.state != State::Sending {
            return Step::Stay;
        }
        let presence = self.presence();
        self.state
            .step(event, self.arrival, self.sealed.form, presence)
    }

    /// The lot once a document of it went another way. Where its bytes would go next and are not wanted any more, its
    /// insurer is asked before.
    pub(super) fn left_by(&self, document: DocumentId) -> LotRecord {
        let left = self.without(document);
        let goes_next = match self.state {
            State::Due | State::Sending => true,
            State::InDoubt | State::Taken | State::Overdue | State::Answered | State::Void => false,
        };
        match left.sealed.form.bytes(left.presence()) {
            Bytes::Outdated if goes_next => left.asked_first(),
            Bytes::Outdated | Bytes::Wanted => left,
        }
    }

    /// The same, asked about when it would go, or after the attempt that runs.
    fn asked_first(&self) -> LotRecord {
        let mut asked = self.clone();
        asked.ask = true;
        if self.state == State::Due {
            let reason = self.doubted();
            asked.next = self.next.map(|next| Next { reason, ..next });
        }
        asked
    }

    /// Why it waits when it is to be asked about. In its second span it is overdue all the same: it was taken.
    pub(in crate::store::ledger) fn doubted(&self) -> Reason {
        match (self.state, self.next) {
            (State::Due, Some(next)) if next.reason == Reason::Overdue => Reason::Overdue,
            (_, _) => Reason::Doubt,
        }
    }
}

/// Whether a word about a document names the lot that it came in.
fn names_its_lot(word: Word) -> bool {
    match word {
        Word::Receipt(_) | Word::ContentRefused => true,
        Word::Settled(..) | Word::Answered(_) => false,
    }
}

impl Fold<'_, '_> {
    pub(super) fn sealed(&mut self, sealed: &Sealed) -> Result<(), Error> {
        let count =
            u32::try_from(sealed.documents.len()).expect("a lot holds fewer documents than a u32");
        let mut deadline: Option<Day> = None;
        for document in &sealed.documents {
            self.change(*document, |record| {
                record.lot = Some(sealed.lot);
                let of_document = record.received.deadline;
                deadline = deadline.into_iter().chain(of_document).min();
                document::act(record, Act::Sealed)
            })?;
        }
        let lot = LotRecord {
            sealed: sealed.clone(),
            state: State::Due,
            arrival: Arrival::Nothing,
            attempts: 0,
            attempted: None,
            attempted_before: None,
            ask: false,
            asked: 0,
            left: Vec::new(),
            unanswered: count,
            next: Some(Next {
                at: sealed.due,
                reason: Reason::Turn,
            }),
            told: self.at,
            deadline,
        };
        self.working
            .put(keys::lot_history(sealed.lot, self.position), Vec::new());
        self.put_lot(None, lot);
        Ok(())
    }

    pub(super) fn delivery(&mut self, delivery: &Delivery) -> Result<(), Error> {
        let before = records::known_lot(self.working, delivery.lot)?;
        let mut after = before.clone();
        let event = delivery.event;
        match before.step(event) {
            Step::To(state) => after.state = state,
            Step::AskFirst => after.ask = true,
            // What the decider let through and the table does not move is a record of what happened.
            Step::Stay | Step::Conflict | Step::Impossible(_) => {}
        }
        match event {
            Event::Leased => {
                after.attempts = delivery.attempt;
                after.attempted_before = before.attempted;
                after.attempted = Some(self.at);
                after.asked = 0;
                let last = keys::last_turn(&after.sealed.endpoint);
                save(self.working, last, &after.sealed.centre);
            }
            Event::StatusKnown
            | Event::StatusRefused
            | Event::StatusUnknown
            | Event::NoStatusService => {
                after.ask = false;
                after.asked = 0;
            }
            Event::StatusUnreachable => after.asked = before.asked.saturating_add(1),
            // Not a byte of it was written, whenever that is heard.
            Event::NotReached => {
                if delivery.attempt == before.attempts {
                    after.attempted = before.attempted_before;
                }
            }
            Event::Deferred
            | Event::Taken
            | Event::ContentRefused
            | Event::NoAnswer
            | Event::ReceiptComplete
            | Event::ReceiptPartial
            | Event::ExpectedBy
            | Event::Cancel
            | Event::DuplicateConfirmed
            | Event::ByHand
            | Event::Restored
            | Event::Unrouted => {}
        }
        if !event.ends_attempt() || before.state == State::Sending {
            after.arrival = before.arrival.after(event);
        }
        // It was taken, and nobody took that back: who speaks of one of its documents speaks of this lot.
        if event == Event::NoStatusService && before.state == State::Overdue {
            after.arrival = Arrival::Proven;
        }
        after.next = match after.state {
            State::Answered | State::Void => None,
            // A document went to paper while the attempt ran: now the insurer is asked about its lot.
            State::Taken if before.state == State::Sending && after.ask => Some(Next {
                // The clock may be behind the ledger's last instant, and then says when.
                at: delivery.next.map_or(self.at, |next| next.at.min(self.at)),
                reason: Reason::Doubt,
            }),
            // A receipt during the attempt proved the taking, whatever the attempt's own end says.
            State::Taken if before.state == State::Sending && event != Event::Taken => {
                Some(self.receipt_expected(&after)?)
            }
            // The same where the attempt left it due: it does not go again before that.
            State::Due if before.state == State::Sending && after.ask => {
                let next = delivery.next.or(before.next);
                next.map(|next| Next {
                    reason: Reason::Doubt,
                    ..next
                })
            }
            State::Due | State::Sending | State::InDoubt | State::Taken | State::Overdue => {
                delivery.next.or(before.next)
            }
        };
        self.working
            .put(keys::lot_history(delivery.lot, self.position), Vec::new());
        let voided = after.state == State::Void && before.state != State::Void;
        // Of a lot that stands as taken its insurer's "unknown" moves nothing, nor what was proven.
        let unseen = event == Event::StatusUnknown && after.state == State::Due;
        let attempted = after.attempted;
        self.put_lot(Some(&before), after);
        if attempted < before.attempted {
            self.disprove(&before, attempted)?;
        }
        if event == Event::Taken || event == Event::StatusKnown {
            self.prove(&before.sealed.documents, delivery.lot, attempted)?;
        }
        if voided {
            self.voided(&before.sealed, delivery)
        } else if unseen {
            self.unseen(&before.sealed)
        } else {
            Ok(())
        }
    }

    /// The clock of each document of a lot stops at the start of the attempt that is proven to be taken.
    fn prove(
        &mut self,
        documents: &[DocumentId],
        lot: LotId,
        attempted: Option<Timestamp>,
    ) -> Result<(), Error> {
        for document in documents {
            self.change(*document, |record| {
                // A word that comes late about a void lot proves nothing of what is open again.
                if record.lot == Some(lot) && record.standing() != Standing::Open {
                    record.proven = record.proven.or(attempted);
                    record.said_taken = true;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// An attempt of which nothing was written proves nothing: what was heard while it ran speaks for the one before.
    fn disprove(&mut self, lot: &LotRecord, earlier: Option<Timestamp>) -> Result<(), Error> {
        for document in &lot.sealed.documents {
            self.change(*document, |record| {
                if record.lot == Some(lot.sealed.lot) && record.proven == lot.attempted {
                    record.proven = earlier;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The insurer never saw the lot that goes again: what seemed to prove its taking is disproved.
    fn unseen(&mut self, sealed: &Sealed) -> Result<(), Error> {
        for document in &sealed.documents {
            self.change(*document, |record| {
                disproved(record, sealed.lot);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// A void lot: the named documents are refused (all of them, when a refusal names none, or with their file), the
    /// others are open again.
    fn voided(&mut self, sealed: &Sealed, delivery: &Delivery) -> Result<(), Error> {
        let Sealed {
            documents, form, ..
        } = sealed;
        let refusal =
            delivery.event == Event::ContentRefused || delivery.event == Event::StatusRefused;
        let named =
            |document: &DocumentId| delivery.named.iter().find(|(named, _)| named == document);
        let none_named = !documents.iter().any(|document| named(document).is_some());
        let all_refused = match form {
            Form::Composed => none_named,
            Form::PreFormed => true,
        };
        for document in documents {
            let code = match named(document) {
                Some((_, code)) => Some(code.clone()),
                None if all_refused => Some(None),
                None => None,
            };
            match code.filter(|_| refusal) {
                Some(code) => {
                    let id = Name::parse(&delivery.lot.to_string()).expect("an id is a name");
                    let heard = Heard {
                        issued: self.at,
                        id,
                        word: Word::ContentRefused,
                        code,
                    };
                    self.hear(*document, heard, Some(delivery.lot), None)?;
                }
                None => self.change(*document, |record| reopened(record, delivery.lot))?,
            }
        }
        Ok(())
    }

    pub(super) fn receipted(&mut self, receipted: &Receipted) -> Result<(), Error> {
        let (endpoint, id) = (&receipted.endpoint, &receipted.id);
        save(
            self.working,
            keys::receipt(endpoint, id),
            &receipted.fingerprint,
        );
        self.forget_orphan(endpoint, id, receipted.fingerprint);
        self.working
            .put(keys::lot_history(receipted.lot, self.position), Vec::new());
        let before = records::known_lot(self.working, receipted.lot)?;
        let lot = LotRecord {
            // It names the lot: something of it arrived, whatever was said before.
            arrival: before.arrival.max(Arrival::Perhaps),
            ..before.clone()
        };
        self.put_lot(Some(&before), lot.clone());
        for (document, verdict, code) in &receipted.verdicts {
            let heard = Heard {
                issued: receipted.issued,
                id: receipted.id.clone(),
                word: Word::Receipt(*verdict),
                code: code.clone(),
            };
            let record = records::known_document(self.working, *document)?;
            if record.lot == Some(receipted.lot) {
                // A refusal, too, proves that the lot arrived.
                self.hear(*document, heard, record.lot, lot.attempted)?;
            } else {
                // Its lot was void and it is in another one by now: this says nothing about that one.
                self.change(*document, |record| {
                    let expected = Expected::of(&record.received.facts);
                    record.course.hear_of_the_past(heard, expected);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    /// One more document of the lot has its answer.
    pub(super) fn answered(
        &mut self,
        lot: LotId,
        document: DocumentId,
        word: Word,
    ) -> Result<(), Error> {
        let before = records::known_lot(self.working, lot)?;
        let mut after = before.clone();
        after.unanswered = before.unanswered.saturating_sub(1);
        if names_its_lot(word) {
            after.arrival = Arrival::Proven;
        }
        let event = if after.unanswered == 0 {
            Event::ReceiptComplete
        } else {
            Event::ReceiptPartial
        };
        match after.step(event) {
            Step::To(state) => {
                after.state = state;
                after.arrival = after.arrival.after(event);
                after.next = match state {
                    // The question that it waits for is not put off by what is known of another document.
                    State::Taken if after.ask => before.next,
                    State::Taken => Some(self.receipt_expected(&after)?),
                    State::Due | State::Sending | State::InDoubt | State::Overdue => before.next,
                    State::Answered | State::Void => None,
                };
            }
            // The document went another way: in an earlier lot. The insurer is asked before this one goes, or goes again.
            Step::AskFirst => after = after.without(document).asked_first(),
            Step::Stay | Step::Conflict | Step::Impossible(_) => {
                after.arrival = after.arrival.after(event);
            }
        }
        self.put_lot(Some(&before), after);
        Ok(())
    }

    fn receipt_expected(&mut self, lot: &LotRecord) -> Result<Next, Error> {
        let day = self.at.day();
        let terms = self.known.terms(self.working)?;
        let centre = lot.sealed.centre;
        let region = self.known.region(self.working, centre, day)?;
        Ok(Next {
            at: deadline::receipt_overdue(day, region, &terms),
            reason: Reason::Receipt,
        })
    }

    pub(super) fn put_lot(&mut self, before: Option<&LotRecord>, mut after: LotRecord) {
        let instant = |lot: &LotRecord| lot.next.map(|next| next.at);
        if before.is_some_and(|before| instant(before) != instant(&after)) {
            after.told = self.at;
        }
        let id = after.sealed.lot;
        let endpoint = &after.sealed.endpoint;
        let (old, new) = (before.and_then(LotRecord::wait), after.wait());
        if old != new {
            let turn = keys::turn(endpoint, after.sealed.centre, after.deadline, id);
            let sends = |wait: Option<(Wait, Timestamp)>| wait.filter(|(wait, _)| wait.is_send());
            match (sends(old), sends(new)) {
                (_, Some((_, at))) => save(self.working, turn, &at),
                (Some(_), None) => self.working.remove(turn),
                (None, None) => {}
            }
            if let Some((wait, at)) = old {
                self.working.remove(keys::waiting(wait, endpoint, at, id));
            }
            if let Some((wait, at)) = new {
                self.working
                    .put(keys::waiting(wait, endpoint, at, id), Vec::new());
            }
        }
        save(self.working, keys::lot(id), &after);
    }
}

/// A document of a void lot is open again; what proved the lot's taking is disproved with it.
fn reopened(record: &mut DocumentRecord, lot: LotId) -> Result<(), Error> {
    if record.lot != Some(lot) {
        return Ok(());
    }
    disproved(record, lot);
    document::act(record, Act::LotVoided)
}

/// No attempt of the lot that a document waits in is proven any more. What an insurer spoke of stays proven.
fn disproved(record: &mut DocumentRecord, lot: LotId) {
    if record.lot == Some(lot) && record.standing() == Standing::InLot {
        record.proven = None;
        record.said_taken = false;
    }
}
