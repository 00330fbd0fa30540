//! The second count of some centres alone, and its units one by one: what earlier answers are recomputed from.
//!
//! A lot has one sender, so whatever is said of a document or lot of a centre concerns that centre alone, and
//! a count of some centres is exactly the part of the whole count that is theirs.

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::audit::{Audit, Document, sheets};
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
            for id in filed.into_iter().flatten() {
                let line = self.line(*id);
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
    pub(super) fn file(&mut self, id: DocumentId) {
        let document = self.documents.get(&id);
        let root = document.and_then(|document| self.documents.get(&document.root));
        let Some(root) = root else { return };
        let days = [root.clock_day, root.care_day, root.reception_day];
        let centre = root.centre;
        for day in BTreeSet::from(days) {
            self.by_day.entry((centre, day)).or_default().push(id);
        }
    }

    /// How many documents it holds, each some hundred bytes.
    pub fn held(&self) -> usize {
        self.documents.len()
    }

    /// Forgets all centres but these, as if it had been begun for them.
    pub fn narrow(&mut self, centres: BTreeSet<Finess>) {
        self.documents
            .retain(|_, document| centres.contains(&document.centre));
        let known = &self.documents;
        self.lots
            .retain(|_, lot| lot.documents.iter().any(|id| known.contains_key(id)));
        self.by_day
            .retain(|(centre, _), _| centres.contains(centre));
        self.declared
            .retain(|(centre, _), _| centres.contains(centre));
        self.gone.retain(|cell, _| centres.contains(&cell.centre));
        self.only = Some(centres);
    }

    /// Its units.
    pub fn lines(&self) -> impl Iterator<Item = Line> {
        self.documents.keys().filter_map(|id| self.line(*id))
    }

    /// The units of lines of which the entry at a position spoke last.
    pub fn lines_touched_at(&self, position: Position) -> Vec<Line> {
        let of_line = |document: &Document| self.documents.get(&document.root);
        let touched = self
            .documents
            .iter()
            .filter(|(_, document)| of_line(document).is_some_and(|root| root.touched == position));
        touched.filter_map(|(id, _)| self.line(*id)).collect()
    }

    /// The unit whose latest document this is.
    fn line(&self, id: DocumentId) -> Option<Line> {
        let document = self.documents.get(&id)?;
        let real = match document.purpose {
            Purpose::Real => true,
            Purpose::Test => false,
        };
        let root = self.documents.get(&document.root)?;
        (real && !document.replaced).then(|| Line {
            root: document.root,
            latest: id,
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
                documents.any(|document| self.documents.contains_key(document))
            }
            Entry::Delivery(delivery) => self.lots.contains_key(&delivery.lot),
            Entry::Receipted(receipted) => self.lots.contains_key(&receipted.lot),
            Entry::Settled(settled) => self.documents.contains_key(&settled.document),
            Entry::Declared { centre, .. } => only.contains(centre),
            Entry::Cancelled { document, .. }
            | Entry::ByHand { document, .. }
            | Entry::OnPaper { document, .. }
            | Entry::Lapsed { document }
            | Entry::PaperOwed { document }
            | Entry::Unsettled { document } => self.documents.contains_key(document),
            Entry::Terms(_)
            | Entry::Registered(_)
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
