//! The invariants of `src/ARCHITECTURE.md` as checks: after every commit the three counts, after every step all
//! the others.
//!
//! A law that does not hold is written down and ends the run; nothing here changes the ledger.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Debug;
use std::time::Duration;

use futures_util::FutureExt;

use bordereau::claims::audit::{Audit, compare};
use bordereau::claims::delivery::{Event, State};
use bordereau::claims::entry::{Delivery, Entry, Gate, Position, Stamped};
use bordereau::claims::id::{Digest, DocumentId, EndpointName, LotId};
use bordereau::claims::standing::Standing;
use bordereau::claims::tally::PaperCell;
use bordereau::claims::time::{Day, Timestamp};
use bordereau::report::count::scan::Scan;
use bordereau::store::ledger::Secret;
use bordereau::store::memory::Memory;
use bordereau::store::{DocumentRecord, Find, LotRecord, Store, Tallies, TallyQuery};
use bordereau::transport::simulated::Book;

use crate::returns::Returns;
use crate::watched::SECRET;

/// An attempt in doubt at an insurer without a status service, and the next one.
const IN_DOUBT: [Event; 4] = [
    Event::Leased,
    Event::NoAnswer,
    Event::NoStatusService,
    Event::Leased,
];

/// A quarter of the first wait of every run: half of it is spread, and recording an answer may take some tries.
const PAUSE: Duration = Duration::from_millis(500);

/// What the laws remember of a run.
#[derive(Default)]
pub struct Laws {
    audit: Audit,
    /// Lots as sealed, with the number of attempts that the ledger promised.
    sealed: BTreeMap<LotId, Sealed>,
    /// Digest of every document that was admitted, as the centre posted it.
    posted: BTreeMap<DocumentId, Digest>,
    /// Endpoints that an operator holds.
    held: BTreeSet<EndpointName>,
    returns: Returns,
    falsified: Falsified,
    broken: Vec<String>,
}

/// A test switch: one increment of the tallies is dropped or doubled when they are read back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Falsified {
    #[default]
    Nothing,
    Dropped,
    Doubled,
}

#[derive(Default)]
struct Sealed {
    documents: Vec<DocumentId>,
    digest: Option<Digest>,
    endpoint: Option<EndpointName>,
    leased: u32,
    sent: u32,
    /// The last things that happened to it, and when.
    last: VecDeque<(Event, Timestamp)>,
}

/// Everything that is derived from the entries.
type Derived = (Tallies, Vec<DocumentRecord>, Vec<Option<LotRecord>>);

impl Laws {
    /// The laws of a run whose tallies are read falsely.
    pub fn falsified(falsified: Falsified) -> Laws {
        Laws {
            falsified,
            ..Laws::default()
        }
    }

    /// Writes down a law that was broken.
    pub fn broken(&mut self, what: String) {
        self.broken.push(what);
    }

    /// The first law that was broken.
    pub fn verdict(&self) -> Result<(), String> {
        self.broken
            .first()
            .map_or(Ok(()), |broken| Err(broken.clone()))
    }

    /// A document was admitted: the office remembers what it posted.
    pub fn posted(&mut self, document: DocumentId, digest: Digest) {
        if self.posted.insert(document, digest).is_some() {
            self.broken(format!("document {document} was admitted twice"));
        }
    }

    /// The clock is set forward: what was measured by it says nothing.
    pub fn clock_steps(&mut self) {
        for sealed in self.sealed.values_mut() {
            sealed.last.clear();
        }
    }

    /// An attempt leaves: its entry must be in the ledger already, and its bytes must be those that were sealed.
    pub fn sends(&mut self, lot: LotId, digest: Digest) {
        let Some(sealed) = self.sealed.get_mut(&lot) else {
            return self.broken(format!("lot {lot} is sent and was never sealed"));
        };
        sealed.sent += 1;
        let (early, other) = (sealed.sent > sealed.leased, sealed.digest != Some(digest));
        if early {
            self.broken(format!(
                "lot {lot} is sent before its attempt is in the ledger"
            ));
        }
        if other {
            self.broken(format!(
                "lot {lot} is sent with other bytes than were sealed"
            ));
        }
    }

    /// After every commit: the tallies, a scan of the standings and the second count agree.
    pub fn after_commit(&mut self, memory: &Memory) {
        let new = now(memory.entries(self.audit.position(), usize::MAX));
        if new.is_empty() {
            return;
        }
        for (position, stamped) in &new {
            self.entry(*position, stamped);
        }
        self.counts(memory);
    }

    /// After every step: nothing is stuck, lots and documents agree, the insurers' books are right.
    pub fn after_step(&mut self, memory: &Memory, book: &Book) {
        let documents = now(memory.documents(None, usize::MAX));
        for document in &documents {
            self.document(memory, document);
        }
        self.standings(memory, &documents);
        self.lots(memory, &documents);
        self.book(memory, book);
        let ids = documents.iter().map(|record| record.received.document);
        let (orphans, kept) = (now(memory.orphans()), self.returns.orphans());
        if orphans != kept {
            self.broken(format!("{orphans} orphans are counted and {kept} kept"));
        }
        if now(memory.stuck(ids.collect())) != 0 {
            self.broken("documents are stuck".to_owned());
        }
    }

    /// A store rebuilt from the entries alone is the same store.
    pub fn rebuilt(&mut self, memory: &Memory) {
        let entries = now(memory.entries(Position(0), usize::MAX));
        let entries = entries.into_iter().map(|(_, stamped)| stamped).collect();
        match Memory::rebuilt(Secret::new(SECRET), entries) {
            Ok(rebuilt) => {
                let (first, second) = (self.derived(memory), self.derived(&rebuilt));
                self.same("tallies", &first.0, &second.0);
                self.same("documents", &first.1, &second.1);
                self.same("lots", &first.2, &second.2);
            }
            Err(error) => self.broken(format!("the entries cannot be replayed: {error}")),
        }
    }

    fn derived(&self, memory: &Memory) -> Derived {
        let lots = self.sealed.keys().map(|lot| now(memory.lot(*lot)));
        let documents = now(memory.documents(None, usize::MAX));
        (now(memory.tallies(all())), documents, lots.collect())
    }

    fn same<T: PartialEq + Debug>(&mut self, what: &str, first: &T, second: &T) {
        if first != second {
            self.broken(format!(
                "{what} differ when they are rebuilt: {first:?} {second:?}"
            ));
        }
    }

    fn entry(&mut self, position: Position, stamped: &Stamped) {
        if let Err(broken) = self.audit.feed(position, stamped) {
            self.broken(format!("the second count: {broken}"));
        }
        if let Err(broken) = self.returns.hear(&stamped.entry) {
            self.broken(broken);
        }
        match &stamped.entry {
            Entry::Sealed(sealed) => {
                let lot = Sealed {
                    documents: sealed.documents.clone(),
                    digest: Some(sealed.digest),
                    endpoint: Some(sealed.endpoint.clone()),
                    ..Sealed::default()
                };
                self.sealed.insert(sealed.lot, lot);
            }
            Entry::Delivery(delivery) => self.delivery(stamped.at, delivery),
            // An operator's word brings the next attempt forward.
            Entry::Retried { lot, .. } => self.sealed.entry(*lot).or_default().last.clear(),
            Entry::Receipted(receipted) => {
                let sealed = self.sealed.get(&receipted.lot);
                if sealed.is_none_or(|sealed| sealed.leased == 0) {
                    let lot = receipted.lot;
                    self.broken(format!(
                        "a receipt of lot {lot} was taken before it was sent"
                    ));
                }
            }
            Entry::Endpoint { endpoint, gate, .. } => {
                match gate {
                    Gate::Held => self.held.insert(endpoint.clone()),
                    Gate::Open => self.held.remove(endpoint),
                };
            }
            Entry::Terms(_)
            | Entry::Registered(_)
            | Entry::GestionnaireRegistered(_)
            | Entry::CaisseRegistered(_)
            | Entry::EndpointRegistered(_)
            | Entry::Received(_)
            | Entry::TurnedAway(_)
            | Entry::Settled(_)
            | Entry::Orphaned(_)
            | Entry::Foreign(_)
            | Entry::Cursor { .. }
            | Entry::Declared { .. }
            | Entry::Cancelled { .. }
            | Entry::ByHand { .. }
            | Entry::OnPaper { .. }
            | Entry::PaperOwed { .. }
            | Entry::Lapsed { .. }
            | Entry::Unsettled { .. }
            | Entry::Explained { .. }
            | Entry::Closed(_)
            | Entry::Rewound { .. }
            | Entry::Restored(_)
            | Entry::Resumed(_)
            | Entry::Anchored(_)
            | Entry::Notified { .. }
            | Entry::FiguresLoaded(_)
            | Entry::Reconciled(_)
            | Entry::LegalHoldPlaced(_)
            | Entry::LegalHoldLifted { .. }
            | Entry::Rewrapped { .. }
            | Entry::Evacuated(_)
            | Entry::Founded(_)
            | Entry::Published(_)
            | Entry::Imported(_)
            | Entry::Judged(_) => {}
        }
    }

    fn delivery(&mut self, at: Timestamp, delivery: &Delivery) {
        self.pause(at, delivery);
        if delivery.event != Event::Leased {
            return;
        }
        let sealed = self.sealed.entry(delivery.lot).or_default();
        sealed.leased += 1;
        if sealed
            .endpoint
            .as_ref()
            .is_none_or(|endpoint| self.held.contains(endpoint))
        {
            let lot = delivery.lot;
            self.broken(format!(
                "lot {lot} was leased although its endpoint is held"
            ));
        }
    }

    /// What an attempt left in doubt goes again only after a pause, where its insurer cannot be asked.
    fn pause(&mut self, at: Timestamp, delivery: &Delivery) {
        let lot = delivery.lot;
        let last = &mut self.sealed.entry(lot).or_default().last;
        last.push_back((delivery.event, at));
        if last.len() > IN_DOUBT.len() {
            last.pop_front();
        }
        let events = last.iter().map(|(event, _)| *event);
        let unasked = last.get(IN_DOUBT.len() - 2).map(|(_, at)| *at);
        let early = unasked.is_some_and(|unasked| at.since(unasked) < PAUSE);
        if early && events.eq(IN_DOUBT) {
            self.broken(format!("lot {lot} went again without a pause"));
        }
    }

    fn counts(&mut self, memory: &Memory) {
        let mut tallies = now(memory.tallies(all()));
        self.falsify(&mut tallies);
        let differences = compare(&tallies.units, &self.audit.units());
        if !differences.is_empty() {
            self.broken(format!("tallies and second count differ: {differences:?}"));
        }
        if let Some((cell, count)) = tallies.units.iter().find(|(_, count)| **count < 1) {
            self.broken(format!("a cell holds {count}: {cell:?}"));
        }
        let declared = |cell: &PaperCell| cell.caisse.is_some();
        let first = tallies
            .paper
            .into_iter()
            .filter(|(cell, sheets)| declared(cell) && *sheets != 0);
        let second = self
            .audit
            .paper()
            .into_iter()
            .filter(|(cell, _)| declared(cell));
        if first.collect::<BTreeMap<_, _>>() != second.collect::<BTreeMap<_, _>>() {
            self.broken("paper sheets differ between the two counts".to_owned());
        }
    }

    /// The third count, and each document by itself.
    fn standings(&mut self, memory: &Memory, documents: &[DocumentRecord]) {
        let scan = Scan::read(memory, usize::MAX).now_or_never();
        let scan = scan
            .expect("a store in memory answers at once")
            .expect("it can be read");
        let differences = compare(&scan.units(|_| true), &self.audit.units());
        if !differences.is_empty() {
            self.broken(format!(
                "standings and second count differ: {differences:?}"
            ));
        }
        for record in documents {
            let (first, second) = (
                record.standing(),
                self.audit.standing(record.received.document),
            );
            if Some(first) != second {
                let id = record.received.document;
                self.broken(format!("{id} is {first:?}, by the second count {second:?}"));
            }
        }
    }

    fn falsify(&self, tallies: &mut Tallies) {
        let change = match self.falsified {
            Falsified::Nothing => return,
            Falsified::Dropped => -1,
            Falsified::Doubled => 1,
        };
        if let Some(count) = tallies.units.values_mut().next() {
            *count += change;
        }
        tallies.units.retain(|_, count| *count != 0);
    }

    /// What is unfinished says when something happens next, and why.
    fn document(&mut self, memory: &Memory, record: &DocumentRecord) {
        let id = record.received.document;
        let kind = record.received.facts.key.kind;
        let standing = record.standing();
        if !standing.is_finished(kind) {
            let view = now(memory.document(Find::Id(id)));
            if view.and_then(|view| view.next).is_none() {
                let heard = record.course.heard();
                self.broken(format!(
                    "{id} is {standing:?} and waits for nothing: {heard:?}"
                ));
            }
        }
        if !self.posted.contains_key(&id) {
            self.broken(format!("{id} was never admitted"));
        }
    }

    /// A document is in one live lot at most, and is in a lot exactly while that lot lives.
    fn lots(&mut self, memory: &Memory, documents: &[DocumentRecord]) {
        let mut live = BTreeMap::new();
        let mut broken = Vec::new();
        for (id, sealed) in &self.sealed {
            let Some(lot) = now(memory.lot(*id)) else {
                broken.push(format!("lot {id} is not there"));
                continue;
            };
            if lot.state.is_finished() {
                continue;
            }
            if lot.next.is_none() {
                broken.push(format!("lot {id} is {:?} and waits for nothing", lot.state));
            }
            for document in &sealed.documents {
                if let Some(other) = live.insert(*document, *id) {
                    broken.push(format!("{document} is in two live lots, {other} and {id}"));
                }
            }
            broken.extend(untouched(memory, *id, &lot, &sealed.documents));
        }
        for record in documents {
            let id = record.received.document;
            let in_lot = record.standing() == Standing::InLot;
            if in_lot && live.get(&id) != record.lot.as_ref() {
                let heard = record.course.heard();
                broken.push(format!(
                    "{id} is in lot {:?}, which is finished: {heard:?}",
                    record.lot
                ));
            }
        }
        self.broken.append(&mut broken);
    }

    /// The insurers' own account: each document once, as it was posted.
    fn book(&mut self, memory: &Memory, book: &Book) {
        if let Some(breach) = book.breaches.first() {
            self.broken(format!("an insurer complains: {breach:?}"));
        }
        let mut taken = BTreeSet::new();
        for (lot, (digest, rows)) in &book.lots {
            if self.sealed.get(lot).and_then(|sealed| sealed.digest) != Some(*digest) {
                self.broken(format!("lot {lot} was taken with other bytes"));
            }
            if now(memory.lot(*lot)).is_none_or(|lot| lot.state == State::Void) {
                self.broken(format!("lot {lot} was taken and is void"));
            }
            for row in rows {
                if !taken.insert(row.document) {
                    self.broken(format!("{} was taken twice", row.document));
                }
                if self.posted.get(&row.document) != Some(&row.digest) {
                    self.broken(format!("{} was not taken as posted", row.document));
                }
            }
        }
    }
}

/// No insurer can have answered about a lot that was never sent: its documents are as they were sealed.
fn untouched(memory: &Memory, id: LotId, lot: &LotRecord, documents: &[DocumentId]) -> Vec<String> {
    if lot.attempts > 0 || lot.state != State::Due {
        return Vec::new();
    }
    let mut broken = Vec::new();
    for document in documents {
        let view = now(memory.document(Find::Id(*document)));
        let standing = view.map(|view| view.record.standing());
        if standing != Some(Standing::InLot) {
            broken.push(format!(
                "{document} is {standing:?}, and its lot {id} was never sent"
            ));
        }
    }
    broken
}

/// All days.
pub fn all() -> TallyQuery {
    TallyQuery {
        centre: None,
        from: Day::new(2000, 1, 1).unwrap(),
        to: Day::new(2100, 1, 1).unwrap(),
    }
}

/// What a store in memory answers at once.
pub fn now<T>(answer: impl Future<Output = Result<T, bordereau::store::Error>>) -> T {
    answer
        .now_or_never()
        .expect("a store in memory answers at once")
        .expect("a store in memory can be read")
}
