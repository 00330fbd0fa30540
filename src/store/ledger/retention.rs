//! Questions about what is kept: legal holds, evacuations, and what is to become of a body.

use crate::claims::delivery::State;
use crate::claims::entry::{Position, Stamped};
use crate::claims::id::DocumentId;
use crate::claims::retention::{self, Class, Course, Fate, Hold, OnHold, Owned, Owner, Rules};
use crate::claims::time::Timestamp;
use crate::store::index::Index;
use crate::store::ledger::{keys, lines, records};
use crate::store::retention::{EvacuationRecord, FoundationRecord, HoldRecord};
use crate::store::{DocumentRecord, Error};

/// All legal holds, lifted ones too, in order of the ledger.
pub fn legal_holds(index: &dyn Index) -> Result<Vec<HoldRecord>, Error> {
    lines::all(index, &keys::legal_holds())
}

/// A legal hold by its number.
pub fn legal_hold(index: &dyn Index, position: Position) -> Result<Option<HoldRecord>, Error> {
    records::load(index, &keys::legal_hold(position))
}

/// What the evacuation of a segment left, if its bodies are gone.
pub fn evacuation(index: &dyn Index, segment: u64) -> Result<Option<EvacuationRecord>, Error> {
    records::load(index, &keys::evacuation(segment))
}

/// All evacuations, by segment.
pub fn evacuations(index: &dyn Index) -> Result<Vec<EvacuationRecord>, Error> {
    lines::all(index, &keys::evacuations())
}

/// All foundations that were laid, by segment.
pub fn foundations(index: &dyn Index) -> Result<Vec<FoundationRecord>, Error> {
    lines::all(index, &keys::foundations())
}

/// A body that outlived its proofs: a legal hold had it copied to where none of them went. Nothing needs it any more.
const LEFT_OVER: (Class, Timestamp, Fate) = (
    Class::Document,
    Timestamp::MAX,
    Fate::Until(Timestamp::from_micros(0)),
);

/// The documents whose time the body shares that an entry commits to as its own.
pub fn owners(index: &dyn Index, stamped: &Stamped) -> Result<Vec<DocumentId>, Error> {
    let committed = stamped.entry.committed();
    Ok(match committed.map(|committed| committed.owner) {
        Some(Owner::Documents(documents)) => documents,
        Some(Owner::Lot(lot)) => records::known_lot(index, lot)?.sealed.documents,
        Some(Owner::Itself) | None => Vec::new(),
    })
}

/// Judges bodies by the holds that stood at one position; what else counts may be read later.
pub struct Judge {
    rules: Rules,
    holds: Vec<OnHold>,
    /// Whether documents have gone with a foundation.
    some_gone: bool,
}

impl Judge {
    /// With the holds that stand in this index.
    pub fn new(index: &dyn Index, rules: Rules) -> Result<Judge, Error> {
        let holds = legal_holds(index)?.into_iter();
        let holds = holds.filter(|record| record.lifted.is_none());
        Ok(Judge {
            some_gone: !foundations(index)?.is_empty(),
            rules,
            holds: holds.map(|record| record.hold.on).collect(),
        })
    }

    /// Class of a document's own body, when it was admitted, and what is to become of it.
    pub fn document(
        &self,
        index: &dyn Index,
        document: DocumentId,
    ) -> Result<(Class, Timestamp, Fate), Error> {
        let record = match records::document(index, document)? {
            None if self.some_gone => return Ok(LEFT_OVER),
            Some(record) => record,
            None => records::known_document(index, document)?,
        };
        let owned = [self.owned(index, &record)?];
        let fate = retention::fate(&self.rules, Class::Document, record.at, &owned);
        Ok((Class::Document, record.at, fate))
    }

    /// The same of the body that an entry commits to as its own.
    pub fn of_entry(
        &self,
        index: &dyn Index,
        stamped: &Stamped,
    ) -> Result<(Class, Timestamp, Fate), Error> {
        // A body that no entry commits to is kept: nobody knows what it proves.
        let committed = stamped.entry.committed();
        let class = committed.map_or(Class::Proof, |committed| committed.class);
        let documents = owners(index, stamped)?;
        let mut owned = Vec::with_capacity(documents.len());
        for document in documents {
            let record = match records::document(index, document)? {
                // It needs nothing any more.
                None if self.some_gone => continue,
                Some(record) => record,
                None => records::known_document(index, document)?,
            };
            owned.push(self.owned(index, &record)?);
        }
        let fate = retention::fate(&self.rules, class, stamped.at, &owned);
        Ok((class, stamped.at, fate))
    }

    /// The same of a body whose entry is not there any more.
    ///
    /// # Errors
    /// When no foundation stands for it.
    pub fn without_entry(&self) -> Result<(Class, Timestamp, Fate), Error> {
        match self.some_gone {
            true => Ok(LEFT_OVER),
            false => Err(Error::Read("a body belongs to no entry".into())),
        }
    }

    /// By these rules.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// When a segment with these bodies is due.
    pub fn due(&self, bodies: &[(Fate, u64)]) -> Option<Timestamp> {
        retention::due(&self.rules, bodies)
    }

    /// Whether the proofs of a document are past their time, for all that is known of it alone: nothing is still to come,
    /// its last legal event was before an instant, and no legal hold stands on it.
    pub fn is_past(
        &self,
        index: &dyn Index,
        record: &DocumentRecord,
        before: Timestamp,
    ) -> Result<bool, Error> {
        let owned = self.owned(index, record)?;
        Ok(owned.course == Course::Finished
            && owned.hold == Hold::Free
            && owned.last_event < before)
    }

    /// What is known of a document: whether anything is still to come, and whether it is held.
    fn owned(&self, index: &dyn Index, record: &DocumentRecord) -> Result<Owned, Error> {
        let (document, key) = (record.received.document, record.received.facts.key);
        let care_day = record.received.facts.care_day;
        let held = |on: &OnHold| on.covers(document, key.centre, care_day);
        // A lot whose insurer may have to be asked, or that may be sent again, goes with all its bytes, also those
        // of a document that went another way meanwhile.
        let lot = match record.lot {
            Some(lot) => records::known_lot(index, lot)?.state,
            None => State::Void,
        };
        let lot_ended = match lot {
            State::Answered | State::Void => true,
            State::Due | State::Sending | State::InDoubt | State::Taken | State::Overdue => false,
        };
        let finished = lot_ended && record.standing().is_finished(key.kind);
        Ok(Owned {
            last_event: record.since,
            course: if finished {
                Course::Finished
            } else {
                Course::Unfinished
            },
            hold: if self.holds.iter().any(held) {
                Hold::Held
            } else {
                Hold::Free
            },
        })
    }
}
