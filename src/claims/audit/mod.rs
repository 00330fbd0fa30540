//! The second count: the entries of the ledger, counted again in the most obvious way.
//!
//! It shares no code with the tallies, nor with the tables that move deliveries and standings: it keeps
//! every document's facts in a list and reads the whole list again each time it is asked. It is slow and
//! simple on purpose, because a defect of the first count must not be able to hide in the second.
//! It never corrects anything: a difference is an alert.
//!
//! Memory: about 250 bytes for each document ever admitted, with all that was said of it. It holds ids and facts,
//! nothing nominative; after a crash it is fed again from the first entry.

mod facts;
mod document;
mod reading;
mod lot;
mod founded;
mod portion;

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::audit::document::{Document, DocumentRow, LotRow};
use crate::claims::audit::facts::Fact;
use crate::claims::audit::lot::{Lot, Names, Speaks};
use crate::claims::delivery::{Event, Form, State};
use crate::claims::document::Purpose;
use crate::claims::entry::{
    Delivery, Entry, PaperRow, Position, Receipted, Received, Sealed, Settled, SettledContent,
    Stamped,
};
use crate::claims::id::{DocumentId, Finess, LotId};
use crate::claims::standing::{Standing, Word};
use crate::claims::tally::{Cell, PaperCell};
use crate::claims::time::{Day, Timestamp};

pub use portion::Line;

/// All documents, lots and declarations that the entries fed so far speak of.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    position: Position,
    /// In order of admission; what names a document does so by its place here.
    documents: Vec<Document>,
    by_id: BTreeMap<DocumentId, DocumentRow>,
    lots: Vec<Lot>,
    by_lot: BTreeMap<LotId, LotRow>,
    declared: BTreeMap<(Finess, Day), Vec<PaperRow>>,
    /// Units of documents that have gone with a foundation.
    gone: BTreeMap<Cell, i64>,
    /// The documents of each day of a centre: a document is at all days of its root.
    by_day: BTreeMap<(Finess, Day), Vec<DocumentRow>>,
    /// The roots of lines that the last entry spoke of, some of them more than once.
    spoken: Vec<DocumentRow>,
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
        self.spoken.clear();
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
            Entry::Cancelled { document, .. } => self.goes(*document, Fact::Cancelled),
            Entry::ByHand { document, .. } => self.goes(*document, Fact::ByHand),
            Entry::OnPaper { document, .. } => self.goes(*document, Fact::OnPaper),
            Entry::Lapsed { document } => self.note_of(*document, Fact::Lapsed),
            Entry::Unsettled { document } => self.note_of(*document, Fact::Unsettled),
            Entry::Terms(_)
            | Entry::Registered(_)
            | Entry::GestionnaireRegistered(_)
            | Entry::CaisseRegistered(_)
            | Entry::EndpointRegistered(_)
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
        let root = self.by_id.get(&root);
        root.is_none_or(|root| self.document(*root).touched > position)
    }

    /// Declared sheets, and 1 on the row without caisse for each declared day.
    pub fn paper(&self) -> BTreeMap<PaperCell, i64> {
        sheets(&self.declared)
    }

    /// The standing of one document, from its whole list of facts.
    pub fn standing(&self, document: DocumentId) -> Option<Standing> {
        let row = self.by_id.get(&document)?;
        Some(self.document(*row).read().standing)
    }

    fn count(&self, of_root: impl Fn(&Document) -> bool) -> BTreeMap<Cell, i64> {
        let mut cells = BTreeMap::new();
        for document in &self.documents {
            let real = match document.purpose {
                Purpose::Real => true,
                Purpose::Test => false,
            };
            let root = self.document(document.root);
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
            self.goes(replaced, Fact::Replaced)?;
            let replaced = self.row(replaced)?;
            self.document_mut(replaced).replaced = true;
        }
        let own = DocumentRow(next(self.documents.len()));
        let root = if received.root == received.document {
            own
        } else {
            self.row(received.root)?
        };
        if self.by_id.insert(received.document, own).is_some() {
            return Err(Broken::Twice(self.position));
        }
        let document = Document::admitted(at, received, root, self.position);
        self.documents.push(document);
        self.file(own);
        self.touch(own);
        Ok(())
    }

    fn sealed(&mut self, sealed: &Sealed) -> Result<(), Broken> {
        let rows = sealed.documents.iter().map(|id| self.row(*id));
        let documents = rows.collect::<Result<Box<[_]>, _>>()?;
        let own = LotRow(next(self.lots.len()));
        if self.by_lot.insert(sealed.lot, own).is_some() {
            return Err(Broken::Twice(self.position));
        }
        for row in &documents {
            self.note(*row, Fact::Sealed);
            let document = self.document_mut(*row);
            document.lot = Some(own);
            document.is_answered = false;
            document.has_gone = false;
        }
        self.lots.push(Lot::sealed(documents, sealed.form));
        Ok(())
    }

    fn delivery(&mut self, at: Timestamp, delivery: &Delivery) -> Result<(), Broken> {
        let row = self.lot_row(delivery.lot)?;
        let lot = self.lot_mut(row);
        let (void_before, began) = (lot.state == State::Void, lot.attempted);
        lot.happens(delivery.event, delivery.attempt, at.day());
        let voided = lot.state == State::Void && !void_before;
        if delivery.event == Event::NotReached && lot.attempted != began {
            let (documents, earlier) = (lot.documents.clone(), lot.attempted);
            self.disprove(row, &documents, began, earlier);
        }
        let lot = self.lot_mut(row);
        let form = lot.form;
        let proof = matches!(delivery.event, Event::Taken | Event::StatusKnown);
        if proof || voided {
            let documents = lot.documents.clone();
            for document in documents.iter().filter(|_| proof) {
                self.prove(*document, row);
            }
            if voided {
                self.voided(at, delivery, form, &documents);
            }
        }
        let lot = self.lot_mut(row);
        if delivery.event == Event::StatusUnknown && lot.state == State::Due {
            let documents = lot.documents.clone();
            self.unseen(row, &documents);
        }
        Ok(())
    }

    /// Nothing of an attempt was written: what was heard while it ran speaks for the one before.
    fn disprove(
        &mut self,
        lot: LotRow,
        documents: &[DocumentRow],
        began: Option<Day>,
        earlier: Option<Day>,
    ) {
        for row in documents {
            let document = self.document_mut(*row);
            if document.lot == Some(lot) && document.left == began {
                document.left = earlier;
                self.touch(*row);
            }
        }
    }

    /// Its insurer never saw the lot, and it goes again: nothing is proven of the documents that are still in it.
    fn unseen(&mut self, lot: LotRow, documents: &[DocumentRow]) {
        for row in documents {
            let document = self.document(*row);
            if document.lot == Some(lot) && document.read().standing == Standing::InLot {
                self.document_mut(*row).left = None;
                self.touch(*row);
            }
        }
    }

    /// Nothing of the lot was taken: a refusal refuses the documents it names, or all of them when it names none or
    /// they came as one file; every other document that was still in it is open again, and what seemed to prove its
    /// taking is disproved: "unknown" means that nothing had arrived.
    fn voided(
        &mut self,
        at: Timestamp,
        delivery: &Delivery,
        form: Form,
        documents: &[DocumentRow],
    ) {
        let refusal = matches!(delivery.event, Event::ContentRefused | Event::StatusRefused);
        let named: BTreeSet<DocumentId> = delivery.named.iter().map(|(named, _)| *named).collect();
        let is_named = |audit: &Audit, row: DocumentRow| named.contains(&audit.document(row).id);
        let names_any = documents.iter().any(|row| is_named(self, *row));
        let lot = delivery.lot.to_string();
        for row in documents {
            if refusal && (is_named(self, *row) || !names_any || form == Form::PreFormed) {
                self.note(*row, Fact::Said(at, &lot, Word::ContentRefused));
            } else {
                let was_in_lot = self.document(*row).read().standing == Standing::InLot;
                self.note(*row, Fact::LotVoided);
                if was_in_lot {
                    self.document_mut(*row).left = None;
                }
            }
        }
    }

    fn receipted(&mut self, receipted: &Receipted) -> Result<(), Broken> {
        let lot = self.by_lot.get(&receipted.lot).copied();
        if let Some(lot) = lot {
            self.lot_mut(lot).is_named();
        }
        for (id, verdict, _code) in &receipted.verdicts {
            let row = self.row(*id)?;
            // A word about an earlier lot says nothing about the one that the document is in now.
            let (issued, by, word) = (
                receipted.issued,
                receipted.id.as_str(),
                Word::Receipt(*verdict),
            );
            match self.document(row).lot.filter(|own| Some(*own) == lot) {
                None => self.note(row, Fact::SaidBefore(issued, by, word)),
                Some(lot) => {
                    self.note(row, Fact::Said(issued, by, word));
                    self.answered(row, lot, Names::Lot);
                }
            }
        }
        Ok(())
    }

    fn settled(&mut self, settled: &Settled) -> Result<(), Broken> {
        let row = self.row(settled.document)?;
        let words: Vec<Word> = match &settled.content {
            SettledContent::Parts(parts) => parts
                .iter()
                .map(|(part, outcome, _cents, _code)| Word::Settled(*part, *outcome))
                .collect(),
            SettledContent::Answer(answer, _code) => vec![Word::Answered(*answer)],
        };
        for word in words {
            self.note(row, Fact::Said(settled.issued, settled.id.as_str(), word));
        }
        if let Some(lot) = self.document(row).lot {
            self.answered(row, lot, Names::Document);
        }
        Ok(())
    }

    /// The insurer spoke of a document of a lot.
    fn answered(&mut self, row: DocumentRow, lot: LotRow, names: Names) {
        let document = self.document(row);
        // A word that the document does not expect answers nothing, nor does one about a lot that ended.
        let awaits = matches!(document.read().standing, Standing::InLot | Standing::Open);
        if !awaits && !document.is_answered {
            self.document_mut(row).is_answered = true;
            match self.lot_mut(lot).answered(names) {
                Speaks::OfTheLot => {}
                Speaks::OfTheDocumentAlone => self.goes_from(lot, row),
            }
        }
        self.prove(row, lot);
    }

    /// The attempt of a lot is proven for a document of it, unless the lot ended and left it open.
    fn prove(&mut self, row: DocumentRow, lot: LotRow) {
        let Lot {
            attempted, state, ..
        } = *self.lot_mut(lot);
        let left_open =
            state == State::Void && self.document(row).read().standing == Standing::Open;
        let document = self.document_mut(row);
        if document.lot == Some(lot) && document.left.is_none() && !left_open {
            document.left = attempted;
        }
        self.touch(row);
    }

    /// By hand, on paper, cancelled or replaced: a lot that it was sealed in no longer wants to be sent as it is.
    fn goes(&mut self, id: DocumentId, fact: Fact<'_>) -> Result<(), Broken> {
        use Standing::{ByHand, Cancelled, Declined, InLot, OnPaper, Refused, Rejected, Replaced};
        let row = self.row(id)?;
        let before = self.document(row).read().standing;
        self.note(row, fact);
        let after = self.document(row).read().standing;
        let went = matches!(before, InLot | Refused | Rejected | Declined)
            && matches!(after, OnPaper | ByHand | Cancelled | Replaced);
        if let (true, Some(lot)) = (went, self.document(row).lot) {
            self.goes_from(lot, row);
        }
        Ok(())
    }

    /// A document went another way than its lot: once, however often it is said.
    fn goes_from(&mut self, lot: LotRow, row: DocumentRow) {
        if !std::mem::replace(&mut self.document_mut(row).has_gone, true) {
            self.lot_mut(lot).left += 1;
        }
    }

    fn note_of(&mut self, id: DocumentId, fact: Fact<'_>) -> Result<(), Broken> {
        let row = self.row(id)?;
        self.note(row, fact);
        Ok(())
    }

    fn note(&mut self, row: DocumentRow, fact: Fact<'_>) {
        self.document_mut(row).facts.push(fact);
        self.touch(row);
    }

    fn touch(&mut self, row: DocumentRow) {
        let (position, root) = (self.position, self.document(row).root);
        self.document_mut(root).touched = position;
        self.spoken.push(root);
    }

    fn row(&self, id: DocumentId) -> Result<DocumentRow, Broken> {
        let row = self.by_id.get(&id).copied();
        row.ok_or(Broken::UnknownDocument(self.position, id))
    }

    fn lot_row(&self, id: LotId) -> Result<LotRow, Broken> {
        let row = self.by_lot.get(&id).copied();
        row.ok_or(Broken::UnknownLot(self.position, id))
    }

    fn document(&self, DocumentRow(row): DocumentRow) -> &Document {
        &self.documents[row as usize]
    }

    fn document_mut(&mut self, DocumentRow(row): DocumentRow) -> &mut Document {
        &mut self.documents[row as usize]
    }

    fn lot_mut(&mut self, LotRow(row): LotRow) -> &mut Lot {
        &mut self.lots[row as usize]
    }
}

/// The row after so many.
fn next(rows: usize) -> u32 {
    u32::try_from(rows).expect("memory is full long before four milliard documents")
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
    let number = |counts: &BTreeMap<K, i64>, cell: &K| counts.get(cell).copied().unwrap_or(0);
    let of_first = first.iter().map(|(cell, first)| Imbalance {
        cell: *cell,
        first: *first,
        second: number(second, cell),
    });
    let missing = second.iter().filter(|(cell, _)| !first.contains_key(cell));
    let of_second = missing.map(|(cell, second)| Imbalance {
        cell: *cell,
        first: 0,
        second: *second,
    });
    let all = of_first.chain(of_second);
    let mut found: Vec<_> = all.filter(|found| found.first != found.second).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests;
