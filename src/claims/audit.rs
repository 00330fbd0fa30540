//! The second count: the entries of the ledger, counted again in the most obvious way.
//!
//! It shares no code with the tallies, nor with the tables that move deliveries and standings: it keeps
//! every document's facts in a list and reads the whole list again each time it is asked. It is slow and
//! simple on purpose, because a defect of the first count must not be able to hide in the second.
//! It never corrects anything: a difference is an alert.
//!
//! Memory: some hundred bytes for each document ever admitted, and for each thing said about it. It holds
//! ids and facts, nothing nominative; after a crash it is fed again from the first entry.

mod founded;
mod portion;

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::delivery::{Event, State};
use crate::claims::document::{Exclusions, Kind, Mode, Purpose};
use crate::claims::entry::{
    Delivery, Entry, PaperRow, Position, Receipted, Received, Sealed, Settled, SettledContent,
    Stamped,
};
use crate::claims::id::{Destination, DocumentId, Finess, LotId, Name};
use crate::claims::receipt::{Answer, Part, PartOutcome, Verdict};
use crate::claims::standing::{self, Standing, Word};
use crate::claims::tally::{Cell, DayBasis, Lateness, PaperCell};
use crate::claims::time::{Day, Timestamp};

pub use portion::Line;

/// All documents, lots and declarations that the entries fed so far speak of.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    position: Position,
    documents: BTreeMap<DocumentId, Document>,
    lots: BTreeMap<LotId, Lot>,
    declared: BTreeMap<(Finess, Day), Vec<PaperRow>>,
    /// Units of documents that have gone with a foundation, each on the first day of a month.
    gone: BTreeMap<Cell, i64>,
    /// The documents of each day of a centre: a document is at all days of its root.
    by_day: BTreeMap<(Finess, Day), Vec<DocumentId>>,
    /// The centres that it counts; all when none is named.
    only: Option<BTreeSet<Finess>>,
}

/// An entry that cannot follow those before it: the ledger itself is broken, and nothing can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// An entry was left out or came twice.
    #[error("entry {found:?} came after entry {last:?}")]
    OutOfOrder {
        /// The last one fed.
        last: Position,
        /// The one that came.
        found: Position,
    },
    /// It names a document that was never admitted.
    #[error("entry {0:?} names document {1}, which was never admitted")]
    UnknownDocument(Position, DocumentId),
    /// It names a lot that was never sealed.
    #[error("entry {0:?} names lot {1}, which was never sealed")]
    UnknownLot(Position, LotId),
    /// It admits or seals what was admitted or sealed before.
    #[error("entry {0:?} admits or seals something a second time")]
    Twice(Position),
}

/// A cell on which two counts differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Imbalance<K> {
    /// The cell.
    pub cell: K,
    /// The first count.
    pub first: i64,
    /// The second count.
    pub second: i64,
}

#[derive(Clone, Debug)]
struct Document {
    purpose: Purpose,
    root: DocumentId,
    centre: Finess,
    kind: Kind,
    mode: Mode,
    destination: Destination,
    exclusions: Exclusions,
    clock_day: Day,
    care_day: Day,
    reception_day: Day,
    deadline: Option<Day>,
    /// Which parts a settlement must name before it moves the standing.
    awaited: Vec<Part>,
    facts: Vec<Fact>,
    lot: Option<LotId>,
    proven: Option<Timestamp>,
    replaced: bool,
    /// The last entry that spoke of the document; on a root, of any document of its line.
    touched: Position,
}

/// Something that happened to a document, in the order of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fact {
    Sealed,
    LotVoided,
    Cancelled,
    ByHand,
    OnPaper,
    Replaced,
    Unsettled,
    Lapsed,
    Said(Timestamp, Name, Word),
}

#[derive(Clone, Debug)]
struct Lot {
    documents: Vec<DocumentId>,
    state: State,
    may_have_arrived: bool,
    /// A receipt for some of its documents came while the attempt was running.
    heard_while_sending: bool,
    attempted: Option<Timestamp>,
    went_another_way: bool,
    unanswered: BTreeSet<DocumentId>,
}

impl Audit {
    /// Up to which entry it has counted.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Counts one more entry; entries come one by one, from position 1.
    pub fn feed(&mut self, position: Position, stamped: &Stamped) -> Result<(), Broken> {
        if position.0 != self.position.0 + 1 {
            return Err(Broken::OutOfOrder {
                last: self.position,
                found: position,
            });
        }
        self.position = position;
        if !self.concerns(&stamped.entry) {
            return Ok(());
        }
        let at = stamped.at;
        match &stamped.entry {
            Entry::Received(received) => self.received(at, received),
            Entry::Sealed(sealed) => self.sealed(sealed),
            Entry::Delivery(delivery) => self.delivery(at, delivery),
            Entry::Receipted(receipted) => self.receipted(receipted),
            Entry::Settled(settled) => self.settled(settled),
            Entry::Declared {
                centre, day, rows, ..
            } => {
                self.declared.insert((*centre, *day), rows.clone());
                Ok(())
            }
            Entry::Cancelled { document, .. } => self.note(*document, Fact::Cancelled),
            Entry::ByHand { document, .. } => self.another_way(*document, Fact::ByHand),
            Entry::OnPaper { document, .. } => self.another_way(*document, Fact::OnPaper),
            Entry::Lapsed { document } => self.note(*document, Fact::Lapsed),
            Entry::Unsettled { document } => self.note(*document, Fact::Unsettled),
            Entry::Terms(_)
            | Entry::Registered(_)
            | Entry::TurnedAway(_)
            | Entry::Orphaned(_)
            | Entry::Foreign(_)
            | Entry::Cursor { .. }
            | Entry::PaperOwed { .. }
            | Entry::Endpoint { .. }
            | Entry::Retried { .. }
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
            | Entry::Judged(_) => Ok(()),
        }
    }

    /// All units, in their three cells each.
    pub fn units(&self) -> BTreeMap<Cell, i64> {
        let mut cells = self.count(|_root| true);
        for (cell, number) in &self.gone {
            *cells.entry(*cell).or_default() += number;
        }
        cells
    }

    /// The units of lines that no entry after a position speaks of, without those that have gone.
    pub fn units_untouched_after(&self, position: Position) -> BTreeMap<Cell, i64> {
        self.count(|root| root.touched <= position)
    }

    /// Whether an entry after a position speaks of the line of this root, or the root is not known.
    pub fn is_touched_after(&self, root: DocumentId, position: Position) -> bool {
        self.documents
            .get(&root)
            .is_none_or(|root| root.touched > position)
    }

    /// Declared sheets, and 1 on the row without caisse for each declared day.
    pub fn paper(&self) -> BTreeMap<PaperCell, i64> {
        sheets(&self.declared)
    }

    /// The standing of one document, from its whole list of facts.
    pub fn standing(&self, document: DocumentId) -> Option<Standing> {
        Some(self.documents.get(&document)?.read().standing)
    }

    fn count(&self, of_root: impl Fn(&Document) -> bool) -> BTreeMap<Cell, i64> {
        let mut cells = BTreeMap::new();
        for document in self.documents.values() {
            let real = match document.purpose {
                Purpose::Real => true,
                Purpose::Test => false,
            };
            let Some(root) = self.documents.get(&document.root) else {
                continue;
            };
            if real && !document.replaced && of_root(root) {
                for cell in document.cells(root) {
                    *cells.entry(cell).or_default() += 1;
                }
            }
        }
        cells
    }

    fn received(&mut self, at: Timestamp, received: &Received) -> Result<(), Broken> {
        if let Some(replaced) = received.replaces {
            self.note(replaced, Fact::Replaced)?;
            self.document(replaced)?.replaced = true;
        }
        let document = Document::admitted(at, received, self.position);
        let before = self.documents.insert(received.document, document);
        if before.is_some() {
            return Err(Broken::Twice(self.position));
        }
        self.file(received.document);
        self.touch(received.document)
    }

    fn sealed(&mut self, sealed: &Sealed) -> Result<(), Broken> {
        let lot = Lot {
            documents: sealed.documents.clone(),
            state: State::Due,
            may_have_arrived: false,
            heard_while_sending: false,
            attempted: None,
            went_another_way: false,
            unanswered: sealed.documents.iter().copied().collect(),
        };
        if self.lots.insert(sealed.lot, lot).is_some() {
            return Err(Broken::Twice(self.position));
        }
        for document in &sealed.documents {
            self.note(*document, Fact::Sealed)?;
            self.document(*document)?.lot = Some(sealed.lot);
        }
        Ok(())
    }

    fn delivery(&mut self, at: Timestamp, delivery: &Delivery) -> Result<(), Broken> {
        let lot = self.lot(delivery.lot)?;
        let void_before = lot.state == State::Void;
        lot.happens(delivery.event, at);
        let voided = lot.state == State::Void && !void_before;
        let proof = matches!(delivery.event, Event::Taken | Event::StatusKnown);
        let (documents, attempted) = (lot.documents.clone(), lot.attempted);
        for document in documents.iter().filter(|_| proof) {
            self.prove(*document, delivery.lot, attempted)?;
        }
        if voided {
            self.voided(at, delivery, &documents)?;
        }
        Ok(())
    }

    /// Nothing of the lot was taken: a refusal refuses the documents it names, or all of them when it
    /// names none; every other document that was still in it is open again, and what seemed to prove its
    /// taking is disproved: "unknown" means that nothing had arrived.
    fn voided(
        &mut self,
        at: Timestamp,
        delivery: &Delivery,
        documents: &[DocumentId],
    ) -> Result<(), Broken> {
        let refusal = matches!(delivery.event, Event::ContentRefused | Event::StatusRefused);
        let is_named =
            |document: &DocumentId| delivery.named.iter().any(|(named, _)| named == document);
        let names_any = documents.iter().any(is_named);
        let lot_name = Name::parse(&delivery.lot.to_string()).expect("an id is a name");
        for document in documents {
            if refusal && (is_named(document) || !names_any) {
                let said = Fact::Said(at, lot_name.clone(), Word::ContentRefused);
                self.note(*document, said)?;
            } else {
                let was_in_lot = self.document(*document)?.read().standing == Standing::InLot;
                self.note(*document, Fact::LotVoided)?;
                if was_in_lot {
                    self.document(*document)?.proven = None;
                }
            }
        }
        Ok(())
    }

    fn receipted(&mut self, receipted: &Receipted) -> Result<(), Broken> {
        for (document, verdict, _code) in &receipted.verdicts {
            // A word about an earlier lot says nothing about the one that the document is in now.
            if self.document(*document)?.lot != Some(receipted.lot) {
                self.touch(*document)?;
                continue;
            }
            let word = Word::Receipt(*verdict);
            let said = Fact::Said(receipted.issued, receipted.id.clone(), word);
            self.note(*document, said)?;
            self.answered(*document, receipted.lot)?;
        }
        Ok(())
    }

    fn settled(&mut self, settled: &Settled) -> Result<(), Broken> {
        let words: Vec<Word> = match &settled.content {
            SettledContent::Parts(parts) => parts
                .iter()
                .map(|(part, outcome, _cents, _code)| Word::Settled(*part, *outcome))
                .collect(),
            SettledContent::Answer(answer, _code) => vec![Word::Answered(*answer)],
        };
        for word in words {
            let said = Fact::Said(settled.issued, settled.id.clone(), word);
            self.note(settled.document, said)?;
        }
        match self.document(settled.document)?.lot {
            Some(lot) => self.answered(settled.document, lot),
            None => Ok(()),
        }
    }

    /// The insurer spoke of a document of a lot: it has the lot.
    fn answered(&mut self, document: DocumentId, lot: LotId) -> Result<(), Broken> {
        let awaits = self.document(document)?.read().standing == Standing::InLot;
        let record = self.lot(lot)?;
        let attempted = record.attempted;
        // A word that the document does not expect answers nothing.
        if !awaits && record.unanswered.remove(&document) {
            let event = if record.unanswered.is_empty() {
                Event::ReceiptComplete
            } else {
                Event::ReceiptPartial
            };
            record.happens(event, Timestamp::default());
        }
        self.prove(document, lot, attempted)
    }

    fn prove(
        &mut self,
        document: DocumentId,
        lot: LotId,
        attempted: Option<Timestamp>,
    ) -> Result<(), Broken> {
        let record = self.document(document)?;
        if record.lot == Some(lot) && record.proven.is_none() {
            record.proven = attempted;
        }
        self.touch(document)
    }

    /// By hand or on paper: a lot that it leaves unanswered no longer wants to be sent as it is.
    fn another_way(&mut self, document: DocumentId, fact: Fact) -> Result<(), Broken> {
        let record = self.document(document)?;
        let (standing, lot) = (record.read().standing, record.lot);
        if let (Standing::InLot, Some(lot)) = (standing, lot) {
            self.lot(lot)?.went_another_way = true;
        }
        self.note(document, fact)
    }

    fn note(&mut self, document: DocumentId, fact: Fact) -> Result<(), Broken> {
        self.document(document)?.facts.push(fact);
        self.touch(document)
    }

    fn touch(&mut self, document: DocumentId) -> Result<(), Broken> {
        let position = self.position;
        let root = self.document(document)?.root;
        self.document(root)?.touched = position;
        Ok(())
    }

    fn document(&mut self, id: DocumentId) -> Result<&mut Document, Broken> {
        let unknown = Broken::UnknownDocument(self.position, id);
        self.documents.get_mut(&id).ok_or(unknown)
    }

    fn lot(&mut self, id: LotId) -> Result<&mut Lot, Broken> {
        let unknown = Broken::UnknownLot(self.position, id);
        self.lots.get_mut(&id).ok_or(unknown)
    }
}

/// Sheets by cell, and 1 on the row without caisse for each declared day.
fn sheets<'a>(
    declared: impl IntoIterator<Item = (&'a (Finess, Day), &'a Vec<PaperRow>)>,
) -> BTreeMap<PaperCell, i64> {
    let mut cells = BTreeMap::new();
    for ((centre, day), rows) in declared {
        let cell = |caisse| PaperCell {
            centre: *centre,
            day: *day,
            caisse,
        };
        cells.insert(cell(None), 1);
        for row in rows {
            *cells.entry(cell(Some(row.caisse))).or_default() += i64::from(row.sheets);
        }
    }
    cells.retain(|_, sheets| *sheets != 0);
    cells
}

/// The cells on which two counts differ; a cell that is missing counts as zero.
pub fn compare<K: Copy + Ord>(
    first: &BTreeMap<K, i64>,
    second: &BTreeMap<K, i64>,
) -> Vec<Imbalance<K>> {
    let cells: BTreeSet<K> = first.keys().chain(second.keys()).copied().collect();
    let number = |counts: &BTreeMap<K, i64>, cell: &K| counts.get(cell).copied().unwrap_or(0);
    let found = cells.into_iter().map(|cell| Imbalance {
        cell,
        first: number(first, &cell),
        second: number(second, &cell),
    });
    found.filter(|found| found.first != found.second).collect()
}

impl Lot {
    /// The delivery table read event by event, not state by state. An event that the table has no
    /// movement for leaves the lot where it is.
    fn happens(&mut self, event: Event, at: Timestamp) {
        use State::{Answered, Due, InDoubt, Overdue, Sending, Taken, Void};
        let resend = if self.went_another_way { Void } else { Due };
        let was = self.state;
        let finished = matches!(was, Answered | Void);
        let ended = |state| {
            if self.heard_while_sending {
                Taken
            } else {
                state
            }
        };
        self.state = match event {
            Event::Leased => Sending,
            Event::NotReached | Event::Deferred if was == Sending => ended(Due),
            Event::Taken if was == Sending => Taken,
            Event::ContentRefused if was == Sending => ended(Void),
            Event::NoAnswer if was == Sending => ended(InDoubt),
            Event::StatusKnown if matches!(was, Due | InDoubt) => Taken,
            Event::StatusRefused if matches!(was, Due | InDoubt | Overdue) => Void,
            Event::StatusUnknown if matches!(was, Due | InDoubt | Overdue) => resend,
            Event::StatusUnknown if was == Taken && self.went_another_way => Void,
            Event::NoStatusService if matches!(was, InDoubt | Overdue) => Due,
            Event::ReceiptComplete if !finished => Answered,
            Event::ReceiptPartial if matches!(was, Due | InDoubt | Overdue) => Taken,
            Event::ExpectedBy if was == Taken => Overdue,
            Event::Cancel | Event::DuplicateConfirmed | Event::ByHand
                if was == Due && !self.may_have_arrived =>
            {
                Void
            }
            Event::Restored if !finished => InDoubt,
            Event::NotReached
            | Event::Deferred
            | Event::Taken
            | Event::ContentRefused
            | Event::NoAnswer
            | Event::StatusKnown
            | Event::StatusRefused
            | Event::StatusUnknown
            | Event::StatusUnreachable
            | Event::NoStatusService
            | Event::ReceiptComplete
            | Event::ReceiptPartial
            | Event::ExpectedBy
            | Event::Cancel
            | Event::DuplicateConfirmed
            | Event::ByHand
            | Event::Restored => was,
        };
        if event == Event::Leased {
            self.attempted = Some(at);
            self.heard_while_sending = false;
        }
        if event == Event::ReceiptPartial && was == Sending {
            self.heard_while_sending = true;
        }
        self.learns_of(event, was);
    }

    /// Whether anything of the lot can be with the insurer. An answer counts only while its attempt runs.
    fn learns_of(&mut self, event: Event, was: State) {
        match event {
            Event::Deferred | Event::Taken | Event::NoAnswer | Event::ContentRefused => {
                self.may_have_arrived |= was == State::Sending;
            }
            Event::StatusKnown
            | Event::StatusRefused
            | Event::ReceiptComplete
            | Event::ReceiptPartial
            | Event::Restored => self.may_have_arrived = true,
            Event::StatusUnknown => self.may_have_arrived = false,
            Event::Leased
            | Event::NotReached
            | Event::StatusUnreachable
            | Event::NoStatusService
            | Event::ExpectedBy
            | Event::Cancel
            | Event::DuplicateConfirmed
            | Event::ByHand => {}
        }
    }
}

impl Document {
    fn admitted(at: Timestamp, received: &Received, position: Position) -> Document {
        let facts = &received.facts;
        let asked_of_amc = facts.settled_for.is_some() && facts.amount_amc.0 != 0;
        let awaited = match facts.key.kind {
            Kind::Dre => vec![Part::Amc],
            Kind::Fse if asked_of_amc && facts.amount_amo.0 == 0 => vec![Part::Amc],
            Kind::Fse if asked_of_amc => vec![Part::Amo, Part::Amc],
            Kind::Fse => vec![Part::Amo],
            Kind::Pj | Kind::Pec => Vec::new(),
        };
        Document {
            purpose: received.purpose,
            root: received.root,
            centre: facts.key.centre,
            kind: facts.key.kind,
            mode: facts.mode,
            destination: facts.destination,
            exclusions: facts.exclusions,
            clock_day: facts.clock_day,
            care_day: facts.care_day,
            reception_day: at.day(),
            deadline: received.deadline,
            awaited,
            facts: Vec::new(),
            lot: None,
            proven: None,
            replaced: false,
            touched: position,
        }
    }

    fn cells(&self, root: &Document) -> [Cell; 3] {
        let now = self.read();
        let late = match (root.deadline, self.proven) {
            (_, None) => Lateness::Unproven,
            (Some(last_day), Some(left)) if left.day() > last_day => Lateness::Late,
            (_, Some(_)) => Lateness::InTime,
        };
        let on = |basis, day| Cell {
            basis,
            centre: self.centre,
            day,
            kind: self.kind,
            mode: self.mode,
            destination: self.destination,
            standing: now.standing,
            receipted: now.receipted,
            late,
            exclusions: self.exclusions,
        };
        [
            on(DayBasis::Clock, root.clock_day),
            on(DayBasis::Care, root.care_day),
            on(DayBasis::Reception, root.reception_day),
        ]
    }

    /// Reads all facts again: what insurers said between two acts is put in order of issue first. The same
    /// word said twice is one word.
    fn read(&self) -> Reading<'_> {
        let mut reading = Reading::admitted(self);
        let (mut said, mut known) = (BTreeSet::new(), BTreeSet::new());
        for fact in &self.facts {
            if let Fact::Said(issued, id, word) = fact {
                if known.insert((issued, id, *word)) {
                    said.insert((issued, id, *word));
                }
                continue;
            }
            let mut next = reading.clone();
            next.hear_all(&said);
            next.standing = match fact {
                Fact::Sealed => Standing::InLot,
                // The lot's end touches only the documents that are still in it.
                Fact::LotVoided if next.standing != Standing::InLot => continue,
                Fact::LotVoided => Standing::Open,
                Fact::Cancelled => Standing::Cancelled,
                Fact::ByHand => Standing::ByHand,
                Fact::OnPaper => Standing::OnPaper,
                Fact::Replaced => Standing::Replaced,
                Fact::Unsettled => Standing::Unsettled,
                Fact::Lapsed => Standing::Lapsed,
                Fact::Said(..) => next.standing,
            };
            reading = next;
            said.clear();
        }
        reading.hear_all(&said);
        reading
    }
}

/// What a list of facts amounts to.
#[derive(Clone)]
struct Reading<'a> {
    kind: Kind,
    awaited: &'a [Part],
    standing: Standing,
    receipted: standing::Receipted,
    settled: BTreeMap<Part, (Timestamp, PartOutcome)>,
    answered: Option<(Timestamp, Answer)>,
}

impl<'a> Reading<'a> {
    fn admitted(document: &'a Document) -> Reading<'a> {
        Reading {
            kind: document.kind,
            awaited: &document.awaited,
            standing: Standing::Open,
            receipted: standing::Receipted::No,
            settled: BTreeMap::new(),
            answered: None,
        }
    }

    fn hear_all(&mut self, said: &BTreeSet<(&Timestamp, &Name, Word)>) {
        for (issued, _, word) in said {
            self.hear(**issued, *word);
        }
    }

    /// Only an FSE and a DRE are paid, and only a prise en charge is answered.
    fn concerns(&self, word: Word) -> bool {
        match word {
            Word::Receipt(_) | Word::ContentRefused => true,
            Word::Settled(..) => matches!(self.kind, Kind::Fse | Kind::Dre),
            Word::Answered(_) => self.kind == Kind::Pec,
        }
    }

    /// The standing table read word by word, not standing by standing.
    fn hear(&mut self, issued: Timestamp, word: Word) {
        if !self.concerns(word) {
            return;
        }
        let negative = matches!(word, Word::Receipt(Verdict::Refused) | Word::ContentRefused);
        let unanswered = matches!(self.standing, Standing::InLot | Standing::Refused);
        // On paper already: a positive word is recorded as "both ways" and the standing stays.
        if self.standing == Standing::OnPaper {
            if !negative {
                self.receipted = standing::Receipted::Yes;
            }
            return;
        }
        if !negative && unanswered {
            self.standing = Standing::Acknowledged;
            self.receipted = standing::Receipted::Yes;
        }
        match word {
            Word::Receipt(Verdict::Accepted) => {}
            Word::Receipt(Verdict::Refused) => {
                let unpaid = self.settled.is_empty() && self.answered.is_none();
                let takes_back = self.standing == Standing::Acknowledged && unpaid;
                if self.standing == Standing::InLot || takes_back {
                    self.refuse();
                }
            }
            Word::ContentRefused => {
                if self.standing == Standing::InLot {
                    self.refuse();
                }
            }
            Word::Settled(part, outcome) => self.settle(issued, part, outcome),
            Word::Answered(answer) => self.answer(issued, answer),
        }
    }

    fn refuse(&mut self) {
        self.standing = Standing::Refused;
        self.receipted = standing::Receipted::No;
    }

    fn settle(&mut self, issued: Timestamp, part: Part, outcome: PartOutcome) {
        let open_to_payment = matches!(
            self.standing,
            Standing::Acknowledged
                | Standing::Paid
                | Standing::PartPaid
                | Standing::Rejected
                | Standing::Unsettled
        );
        if !open_to_payment {
            return;
        }
        let stands = self.settled.entry(part).or_insert((issued, outcome));
        if stands.0 <= issued {
            *stands = (issued, outcome);
        }
        let of = |outcome| {
            let is = |part| {
                self.settled
                    .get(part)
                    .is_some_and(|stands| stands.1 == outcome)
            };
            self.awaited.iter().filter(|part| is(part)).count()
        };
        let (paid, rejected) = (of(PartOutcome::Paid), of(PartOutcome::Rejected));
        // While an awaited part is unknown or deferred, the standing stays as it is.
        if paid + rejected == self.awaited.len() {
            self.standing = match (paid, rejected) {
                (_, 0) => Standing::Paid,
                (0, _) => Standing::Rejected,
                (_, _) => Standing::PartPaid,
            };
        }
    }

    fn answer(&mut self, issued: Timestamp, answer: Answer) {
        let open_to_answer = matches!(
            self.standing,
            Standing::Acknowledged | Standing::Unsettled | Standing::Granted | Standing::Declined
        );
        if !open_to_answer {
            return;
        }
        let stands = self.answered.get_or_insert((issued, answer));
        if stands.0 <= issued {
            *stands = (issued, answer);
        }
        self.standing = match stands.1 {
            Answer::Granted => Standing::Granted,
            Answer::Declined => Standing::Declined,
        };
    }
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
