//! The records of the index: reading and writing them, and what follows from a single one.

use crate::claims::canon::{self, Canon};
use crate::claims::deadline;
use crate::claims::delivery::{Event, State, Step};
use crate::claims::document::{Facts, Kind};
use crate::claims::entry::{Next, Reason};
use crate::claims::id::{DocumentId, EndpointName, Finess, LotId};
use crate::claims::lane;
use crate::claims::registry::Centre;
use crate::claims::standing::{Receipted, Standing};
use crate::claims::tally::{Cell, DayBasis, Lateness};
use crate::claims::terms::{Region, Terms};
use crate::claims::time::Timestamp;
use crate::store::custody::record::{AnchorRecord, OrphanRecord, RestorationRecord};
use crate::store::index::{Index, Working};
use crate::store::ledger::keys::{self, GroupKey, Wait};
use crate::store::retention::{EvacuationRecord, FoundationRecord, HoldRecord, Lifted};
use crate::store::{
    DocumentRecord, EndpointRecord, Error, FiguresRecord, JudgedRecord, LotRecord, RunRecord,
    StatementRecord,
};

canon::canon_struct! {
    DocumentRecord {
        received, position, at, course, lot, replaced_by, proven, said_taken, paper_owed, since, timer, answered_in, waits_for,
        sealable_since
    }
    LotRecord {
        sealed, state, arrival, attempts, attempted, attempted_before, ask, asked, left, unanswered, next, told, deadline
    }
    EndpointRecord { cursor, gate }
    FiguresRecord { position, at, figures }
    RunRecord { position, at, run }
    StatementRecord { number, at, published }
    JudgedRecord { position, at, judged }
    RestorationRecord { position, at, restored, resumed }
    AnchorRecord { entry, at, anchor }
    OrphanRecord { position, at, cause }
    OpenGroup { oldest, first, count, bytes }
    OpenDocument { since, document, length }
    HoldRecord { position, at, hold, lifted }
    Lifted { position, at, actor }
    EvacuationRecord { position, at, evacuated }
    FoundationRecord { position, at, founded }
}

/// The open documents of a group, summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenGroup {
    /// Since when the first of them may be sealed.
    pub oldest: Timestamp,
    /// The first of them: no open document of the group comes before it.
    pub first: DocumentId,
    /// How many.
    pub count: u32,
    /// Their bytes.
    pub bytes: u64,
}

/// A document that may be sealed, as an item of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenDocument {
    /// Since when.
    pub since: Timestamp,
    /// Its id.
    pub document: DocumentId,
    /// Its bytes.
    pub length: u32,
}

impl OpenDocument {
    /// Width of its item.
    pub const WIDTH: usize = 8 + 16 + 4;

    /// What is kept of a document that may be sealed.
    pub fn of(record: &DocumentRecord) -> OpenDocument {
        OpenDocument {
            since: record.sealable_since,
            document: record.received.document,
            length: record.received.length,
        }
    }

    /// Its item: in order of age.
    pub fn item(&self) -> [u8; OpenDocument::WIDTH] {
        let bytes = canon::bytes_of(self);
        bytes.try_into().expect("three integers of that width")
    }

    /// Reads an item.
    pub fn of_item(item: &[u8; OpenDocument::WIDTH]) -> Result<OpenDocument, Error> {
        read(item)
    }
}

/// Reads a record.
pub fn load<T: Canon>(index: &dyn Index, key: &[u8]) -> Result<Option<T>, Error> {
    index.get(key)?.map(|bytes| read(&bytes)).transpose()
}

/// Reads the bytes of a record.
pub fn read<T: Canon>(bytes: &[u8]) -> Result<T, Error> {
    canon::value_of(bytes).map_err(|malformed| Error::Read(malformed.to_string().into()))
}

/// Writes a record.
pub fn save<T: Canon>(working: &mut Working<'_>, key: Vec<u8>, value: &T) {
    working.write(key, |out| value.put(out));
}

/// A document by its id.
pub fn document(index: &dyn Index, id: DocumentId) -> Result<Option<DocumentRecord>, Error> {
    load(index, &keys::document(id))
}

/// A document that an entry names: it is there, or the index is broken.
pub fn known_document(index: &dyn Index, id: DocumentId) -> Result<DocumentRecord, Error> {
    document(index, id)?
        .ok_or_else(|| Error::Read(format!("document {id} is not in the index").into()))
}

/// A lot by its id.
pub fn lot(index: &dyn Index, id: LotId) -> Result<Option<LotRecord>, Error> {
    load(index, &keys::lot(id))
}

/// A lot that an entry names: it is there, or the index is broken.
pub fn known_lot(index: &dyn Index, id: LotId) -> Result<LotRecord, Error> {
    lot(index, id)?.ok_or_else(|| Error::Read(format!("lot {id} is not in the index").into()))
}

/// The terms in force.
pub fn terms(index: &dyn Index) -> Result<Terms, Error> {
    Ok(load(index, &keys::terms())?.unwrap_or_default())
}

/// The versions of a centre, none if it is not registered.
pub fn centre(index: &dyn Index, finess: Finess) -> Result<Vec<Centre>, Error> {
    Ok(load(index, &keys::centre(finess))?.unwrap_or_default())
}

/// The public holidays of a document's centre, on the document's own day.
pub fn region(index: &dyn Index, facts: &Facts) -> Result<Region, Error> {
    let versions = centre(index, facts.key.centre)?;
    Ok(Centre::region_on(&versions, facts.care_day))
}

/// Cursor and gate of an endpoint.
pub fn endpoint(index: &dyn Index, name: &EndpointName) -> Result<EndpointRecord, Error> {
    Ok(load(index, &keys::endpoint(name))?.unwrap_or_default())
}

impl Default for EndpointRecord {
    fn default() -> EndpointRecord {
        EndpointRecord {
            cursor: None,
            gate: crate::claims::entry::Gate::Open,
        }
    }
}

impl DocumentRecord {
    /// Its standing.
    pub fn standing(&self) -> Standing {
        self.course.standing()
    }

    /// Whether a positive receipt stands.
    pub fn receipted(&self) -> Receipted {
        self.course.position().receipted
    }

    /// Whether it is the one that counts in its line.
    pub fn is_latest(&self) -> bool {
        self.replaced_by.is_none()
    }

    /// Whether it may be sealed into a lot.
    pub fn is_sealable(&self) -> bool {
        self.standing() == Standing::Open && self.waits_for.is_none()
    }

    /// The group it is sealed with.
    pub fn group(&self) -> GroupKey {
        GroupKey {
            centre: self.received.facts.key.centre,
            destination: self.received.facts.destination,
            purpose: self.received.purpose,
        }
    }

    /// Whether it is proven to be with its insurer. Of a PJ its receipt alone proves that.
    pub fn is_taken(&self) -> bool {
        match self.received.facts.key.kind {
            Kind::Pj => self.receipted() != Receipted::No,
            Kind::Fse | Kind::Dre | Kind::Pec => self.proven.is_some() || self.said_taken,
        }
    }

    /// When a document that is open, in a lot or refused comes to be owed on paper; none where it is owed already, taken,
    /// or never owed.
    fn paper_owed_from(&self, region: Region, terms: &Terms) -> Option<Timestamp> {
        let is_refused = self.standing() == Standing::Refused;
        if self.paper_owed.is_some() || (self.is_taken() && !is_refused) {
            return None;
        }
        match self.received.facts.key.kind {
            Kind::Pj if is_refused => Some(deadline::pj_paper_owed(self.since.day(), terms)),
            // Before the receipt of its FSE it is not sent.
            Kind::Pj if self.waits_for.is_some() => None,
            Kind::Pj => Some(deadline::pj_paper_owed(self.sealable_since.day(), terms)),
            Kind::Fse | Kind::Dre | Kind::Pec => {
                let last_day = self.received.deadline?;
                let day = if is_refused {
                    self.since.day()
                } else {
                    last_day
                };
                Some(deadline::paper_owed(day, region, terms))
            }
        }
    }

    /// When time alone changes something about it, and what for.
    pub fn time_limit(&self, region: Region, terms: &Terms) -> Option<Next> {
        let next = |at, reason| Some(Next { at, reason });
        match self.standing() {
            Standing::Open | Standing::InLot => {
                let owed = self.paper_owed_from(region, terms)?;
                next(owed, Reason::Replacement)
            }
            Standing::Refused => match self.paper_owed_from(region, terms) {
                Some(owed) => next(owed, Reason::Replacement),
                None => next(deadline::lapsed(self.since.day(), terms), Reason::Lapse),
            },
            Standing::Acknowledged => match self.received.facts.key.kind {
                Kind::Pj => None,
                Kind::Fse | Kind::Dre | Kind::Pec => next(
                    deadline::unsettled(self.since.day(), terms),
                    Reason::Settlement,
                ),
            },
            Standing::Paid
            | Standing::PartPaid
            | Standing::Rejected
            | Standing::Unsettled
            | Standing::OnPaper
            | Standing::ByHand
            | Standing::Cancelled
            | Standing::Replaced
            | Standing::Lapsed
            | Standing::Granted
            | Standing::Declined => None,
        }
    }
}

impl LotRecord {
    /// What it waits for, unless it is finished.
    pub fn wait(&self) -> Option<(Wait, Timestamp)> {
        // An unfinished lot without an instant would be stuck: then its instant is always.
        let at = self.next.map_or(Timestamp::default(), |next| next.at);
        match self.state {
            State::Due if self.ask => Some((Wait::Ask, at)),
            State::Due => match self.step(Event::Unrouted) {
                Step::To(_) => Some((Wait::Send, at)),
                Step::Stay | Step::AskFirst | Step::Conflict | Step::Impossible(_) => {
                    Some((Wait::SendHere, at))
                }
            },
            State::Sending => Some((Wait::Time, at)),
            State::Taken if self.ask => Some((Wait::Ask, at)),
            State::Taken => Some((Wait::Time, at)),
            State::InDoubt | State::Overdue => Some((Wait::Ask, at)),
            State::Answered | State::Void => None,
        }
    }

    /// What goes to its insurer next, if time alone leads to it: the lot, or a question about it.
    pub fn next_exchange(&self) -> Option<lane::Kind> {
        match self.wait()? {
            (Wait::Send | Wait::SendHere, _) => Some(lane::Kind::Attempt),
            (Wait::Ask, _) => Some(lane::Kind::Question),
            (Wait::Time, _) => None,
        }
    }
}

/// Whether the unit was transmitted late, as far as proven.
pub fn lateness(root: &DocumentRecord, latest: &DocumentRecord) -> Lateness {
    deadline::late(root.received.deadline, latest.proven)
}

/// The three cells of a unit, one for each of its days.
pub fn cells(root: &DocumentRecord, latest: &DocumentRecord) -> [Cell; 3] {
    let facts = &latest.received.facts;
    DayBasis::ALL.map(|basis| Cell {
        basis,
        centre: facts.key.centre,
        day: match basis {
            DayBasis::Clock => root.received.facts.clock_day,
            DayBasis::Care => root.received.facts.care_day,
            DayBasis::Reception => root.at.day(),
        },
        kind: facts.key.kind,
        mode: facts.mode,
        destination: facts.destination,
        standing: latest.standing(),
        receipted: latest.receipted(),
        late: lateness(root, latest),
        exclusions: facts.exclusions,
    })
}
