//! The second count of some centres alone, and its units one by one: what earlier answers are recomputed from.
//!
//! A lot has one sender, so whatever is said of a document or lot of a centre concerns that centre alone, and
//! a count of some centres is exactly the part of the whole count that is theirs.

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::audit::document::{Document, DocumentRow, LotRow};
use crate::claims::audit::lot::Lot;
use crate::claims::audit::{Audit, sheets};
use crate::claims::document::Purpose;
use crate::claims::entry::{Entry, Position};
use crate::claims::id::{DocumentId, Finess};
use crate::claims::tally::{Cell, PaperCell};
use crate::claims::time::Day;

/// A unit of the account: a line, and the cells that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// Its first document.
    pub root: DocumentId,
    /// Its latest document.
    pub latest: DocumentId,
    /// Its cells, one for each of its days.
    pub cells: [Cell; 3],
}

impl Audit {
    /// A count of these centres alone. It holds nothing of the others.
    pub fn of(centres: BTreeSet<Finess>) -> Audit {
        Audit {
            only: Some(centres),
            ..Audit::default()
        }
    }

    /// The units of these days of centres, in their cells of those days alone: every document of the days is
    /// read again.
    pub fn units_on(&self, days: &BTreeSet<(Finess, Day)>) -> BTreeMap<Cell, i64> {
        let mut cells = BTreeMap::new();
        for (centre, day) in days {
            let filed = self.by_day.get(&(*centre, *day));
            for row in filed.into_iter().flatten() {
                let line = self.line(*row);
                for cell in line.iter().flat_map(|line| line.cells) {
                    if cell.day == *day {
                        *cells.entry(cell).or_default() += 1;
                    }
                }
            }
            for (cell, number) in &self.gone {
                if (cell.centre, cell.day) == (*centre, *day) {
                    *cells.entry(*cell).or_default() += number;
                }
            }
        }
        cells
    }

    /// The declared sheets of these days of centres.
    pub fn paper_on(&self, days: &BTreeSet<(Finess, Day)>) -> BTreeMap<PaperCell, i64> {
        let declared = days.iter().filter_map(|day| {
            let rows = self.declared.get(day)?;
            Some((day, rows))
        });
        sheets(declared)
    }

    /// Puts a document to the days of its root.
    pub(super) fn file(&mut self, row: DocumentRow) {
        let root = self.document(self.document(row).root);
        let (centre, days) = (root.centre, root.days());
        for day in days {
            self.by_day.entry((centre, day)).or_default().push(row);
        }
    }

    /// How many documents it holds.
    pub fn held(&self) -> usize {
        self.documents.len()
    }

    /// Forgets all centres but these, as if it had been begun for them. A lot is of one centre, and so is a line.
    pub fn narrow(&mut self, centres: BTreeSet<Finess>) {
        self.retain(|document| centres.contains(&document.centre));
        self.declared
            .retain(|(centre, _), _| centres.contains(centre));
        self.gone.retain(|cell, _| centres.contains(&cell.centre));
        self.only = Some(centres);
    }

    /// Forgets all documents but those that stay, of whole lines, and the lots that have none left.
    pub(super) fn retain(&mut self, stays: impl Fn(&Document) -> bool) {
        let of_documents = rows(self.documents.iter().map(&stays));
        let now = |row: DocumentRow| of_documents[row.0 as usize].map(DocumentRow);
        let has_any = |lot: &Lot| lot.documents.iter().any(|row| now(*row).is_some());
        let of_lots = rows(self.lots.iter().map(has_any));
        self.lots.retain(has_any);
        for lot in &mut self.lots {
            lot.documents = lot.documents.iter().filter_map(|row| now(*row)).collect();
        }
        self.documents.retain(stays);
        for (document, row) in self.documents.iter_mut().zip(0..) {
            document.root = now(document.root).unwrap_or(DocumentRow(row));
            let lot = document.lot.and_then(|lot| of_lots[lot.0 as usize]);
            document.lot = lot.map(LotRow);
        }
        self.by_id.retain(|_, row| replace(row, now(*row)));
        self.by_lot
            .retain(|_, row| replace(row, of_lots[row.0 as usize].map(LotRow)));
        self.by_day.retain(|_, filed| {
            filed.retain_mut(|row| replace(row, now(*row)));
            !filed.is_empty()
        });
        self.documents.shrink_to_fit();
        self.lots.shrink_to_fit();
    }

    /// Its units, in order of their latest document.
    pub fn lines(&self) -> impl Iterator<Item = Line> {
        self.by_id.values().filter_map(|row| self.line(*row))
    }

    /// The units of lines of which the entry at a position spoke last.
    pub fn lines_touched_at(&self, position: Position) -> Vec<Line> {
        let touched = |row: &&DocumentRow| {
            let root = self.document(self.document(**row).root);
            root.touched == position
        };
        let touched = self.by_id.values().filter(touched);
        touched.filter_map(|row| self.line(*row)).collect()
    }

    /// The unit whose latest document this is.
    pub(super) fn line(&self, row: DocumentRow) -> Option<Line> {
        let document = self.document(row);
        let real = match document.purpose {
            Purpose::Real => true,
            Purpose::Test => false,
        };
        let root = self.document(document.root);
        (real && !document.replaced).then(|| Line {
            root: root.id,
            latest: document.id,
            cells: document.cells(root),
        })
    }

    /// Whether an entry is about a centre that is counted.
    pub(super) fn concerns(&self, entry: &Entry) -> bool {
        let Some(only) = &self.only else {
            return true;
        };
        match entry {
            Entry::Received(received) => only.contains(&received.facts.key.centre),
            Entry::Sealed(sealed) => {
                let mut documents = sealed.documents.iter();
                documents.any(|document| self.by_id.contains_key(document))
            }
            Entry::Delivery(delivery) => self.by_lot.contains_key(&delivery.lot),
            Entry::Receipted(receipted) => self.by_lot.contains_key(&receipted.lot),
            Entry::Settled(settled) => self.by_id.contains_key(&settled.document),
            Entry::Declared { centre, .. } => only.contains(centre),
            Entry::Cancelled { document, .. }
            | Entry::ByHand { document, .. }
            | Entry::OnPaper { document, .. }
            | Entry::Lapsed { document }
            | Entry::PaperOwed { document }
            | Entry::Unsettled { document } => self.by_id.contains_key(document),
            Entry::Terms(_)
            | Entry::Registered(_)
            | Entry::GestionnaireRegistered(_)
            | Entry::CaisseRegistered(_)
            | Entry::EndpointRegistered(_)
            | Entry::TurnedAway(_)
            | Entry::Orphaned(_)
            | Entry::Foreign(_)
            | Entry::Cursor { .. }
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
            | Entry::Judged(_) => false,
        }
    }
}

/// The new rows of those that stay, by their old ones.
fn rows(stay: impl Iterator<Item = bool>) -> Vec<Option<u32>> {
    let mut next = 0..;
    let row = |stays: bool| stays.then(|| next.next()).flatten();
    stay.map(row).collect()
}

/// Puts a new row in the place of an old one, if it has one.
fn replace<R>(row: &mut R, by: Option<R>) -> bool {
    match by {
        None => false,
        Some(by) => {
            *row = by;
            true
        }
    }
}
