//! The second count of some centres alone, and its units one by one: what earlier answers are recomputed from.
//!
//! A lot has one sender, so whatever is said of a document or lot of a centre concerns that centre alone, and
//! a count of some centres is exactly the part of the whole count that is theirs.

use std::collections::BTreeSet;

use crate::claims::audit::Audit;
use crate::claims::document::Purpose;
use crate::claims::entry::Entry;
use crate::claims::id::{DocumentId, Finess};
use crate::claims::tally::Cell;

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
        self.declared
            .retain(|(centre, _), _| centres.contains(centre));
        self.only = Some(centres);
    }

    /// Its units.
    pub fn lines(&self) -> impl Iterator<Item = Line> {
        self.documents.iter().filter_map(|(id, document)| {
            let real = match document.purpose {
                Purpose::Real => true,
                Purpose::Test => false,
            };
            let root = self.documents.get(&document.root)?;
            (real && !document.replaced).then(|| Line {
                root: document.root,
                latest: *id,
                cells: document.cells(root),
            })
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
            | Entry::Explained { .. } => false,
        }
    }
}
