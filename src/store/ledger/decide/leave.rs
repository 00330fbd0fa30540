//! Leaving: a document goes another way than its lot, and its PJs with it.

use crate::claims::delivery::{Event, State, Step};
use crate::claims::entry::{Entry, Next};
use crate::claims::id::{Digest, DocumentId, Name};
use crate::claims::standing::{Act, Duplicate, Refusal, Standing};
use crate::store::ledger::decide::Decider;
use crate::store::ledger::{fold, records};
use crate::store::{Body, BodyId, Conflict, DocumentRecord, Error, LotRecord, Named, Outcome};

/// The ways that end a document's own, each with what it does to its standing and to its lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The centre cancels it.
    Cancelled,
    /// Its paper duplicate was sent.
    OnPaper,
    /// It was transmitted by hand; the commitment of the evidence.
    ByHand(Digest),
}

impl Way {
    fn act(self) -> Act {
        match self {
            Way::Cancelled => Act::Cancelled,
            Way::OnPaper => Act::DuplicateConfirmed,
            Way::ByHand(_) => Act::ByHand,
        }
    }

    fn event(self) -> Event {
        match self {
            Way::Cancelled => Event::Cancel,
            Way::OnPaper => Event::DuplicateConfirmed,
            Way::ByHand(_) => Event::ByHand,
        }
    }

    /// Whether a document went it before.
    fn is_done(self, record: &DocumentRecord) -> bool {
        match self {
            Way::Cancelled => record.standing() == Standing::Cancelled,
            Way::OnPaper => record.course.position().duplicate == Duplicate::Confirmed,
            Way::ByHand(_) => record.standing() == Standing::ByHand,
        }
    }

    fn entry(self, document: DocumentId, actor: Name) -> Entry {
        match self {
            Way::Cancelled => Entry::Cancelled {
                document,
                caller: actor,
            },
            Way::OnPaper => Entry::OnPaper { document, actor },
            Way::ByHand(evidence) => Entry::ByHand {
                document,
                actor,
                evidence,
            },
        }
    }

    /// The way of a PJ whose FSE stands so; none while the PJ goes its own.
    fn of_supporting(fse: &DocumentRecord) -> Option<Way> {
        match fse.standing() {
            Standing::OnPaper => Some(Way::OnPaper),
            // The evidence of the FSE serves its PJs: the commitment of the FSE's own bytes stands for it.
            Standing::ByHand => Some(Way::ByHand(fse.received.commitment)),
            // An open PJ does not lapse by itself: it is cancelled with the FSE that lapsed.
            Standing::Cancelled | Standing::Lapsed => Some(Way::Cancelled),
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
        }
    }
}

impl Decider<'_, '_> {
    /// A document leaves the way of its lot.
    pub(super) fn leave(
        &mut self,
        document: DocumentId,
        actor: &Name,
        way: Way,
    ) -> Result<Outcome, Error> {
        let Some(record) = records::document(self.working, document)? else {
            return Ok(Outcome::Conflict(Conflict::Unknown(Named::Document)));
        };
        let standing = record.standing();
        // Done before: answered again.
        if way.is_done(&record) {
            return Ok(self.done());
        }
        match standing.after(way.act()) {
            // A fact beside what stands: no lot and no PJ goes another way for it.
            Ok(same) if same == standing => {
                self.push(way.entry(document, actor.clone()))?;
                return Ok(self.done());
            }
            Ok(to) => assert!(
                to.is_finished(record.received.facts.key.kind),
                "leaving ends a document's way"
            ),
            Err(Refusal::Conflict | Refusal::Impossible(_)) => {
                return Ok(Outcome::Conflict(Conflict::Standing { document, standing }));
            }
        }
        let lot = match (standing, record.lot) {
            (Standing::InLot, Some(lot)) => Some(records::known_lot(self.working, lot)?),
            (_, _) => None,
        };
        // The table says what becomes of the lot without this document.
        let step = lot
            .as_ref()
            .map(|lot| lot.without(document).step(way.event()));
        if let (Some(lot), Some(Step::Conflict)) = (&lot, step) {
            return Ok(Outcome::Conflict(Conflict::Delivery {
                lot: lot.sealed.lot,
                state: lot.state,
            }));
        }
        self.push(way.entry(document, actor.clone()))?;
        if let (Some(lot), Some(step)) = (lot, step) {
            self.happens(&lot, way.event(), self.after_leaving(&lot, step))?;
        }
        self.supporting_share_fate(actor, document)?;
        Ok(self.done())
    }

    /// A document was transmitted by hand: the evidence is kept beside the entry.
    pub(super) fn hand(
        &mut self,
        document: DocumentId,
        actor: &Name,
        evidence: Body,
    ) -> Result<Outcome, Error> {
        let position = self.next;
        let outcome = self.leave(document, actor, Way::ByHand(evidence.commitment()))?;
        if self.next > position {
            self.bodies.push((BodyId::Entry(position), evidence));
        }
        Ok(outcome)
    }

    /// The question to the insurer is asked now, unless an attempt runs: then after it.
    fn after_leaving(&self, lot: &LotRecord, step: Step) -> Option<Next> {
        match (step, lot.state) {
            (
                Step::AskFirst,
                State::Due
                | State::InDoubt
                | State::Taken
                | State::Overdue
                | State::Answered
                | State::Void,
            ) => Some(Next {
                at: self.clock,
                reason: lot.doubted(),
            }),
            (Step::AskFirst, State::Sending)
            | (Step::To(_) | Step::Stay | Step::Conflict | Step::Impossible(_), _) => lot.next,
        }
    }

    /// The PJs of an FSE that went another way go with it.
    pub(super) fn supporting_share_fate(
        &mut self,
        actor: &Name,
        document: DocumentId,
    ) -> Result<(), Error> {
        let fse = records::known_document(self.working, document)?;
        for pj in fold::supporting(self.working, document)? {
            self.share_fate(actor, &fse, pj)?;
        }
        Ok(())
    }

    /// A PJ of an FSE that went another way goes with it, if it waits open.
    pub(super) fn share_fate(
        &mut self,
        actor: &Name,
        fse: &DocumentRecord,
        pj: DocumentId,
    ) -> Result<(), Error> {
        let record = records::known_document(self.working, pj)?;
        match Way::of_supporting(fse) {
            Some(way)
                if record.standing() == Standing::Open
                    && record.standing().after(way.act()).is_ok() =>
            {
                self.push(way.entry(pj, actor.clone())).map(|_| ())
            }
            Some(_) | None => Ok(()),
        }
    }
}
