//! The second count across a foundation: what has gone becomes sums by month, the rest is written down as it stands
//! and read again. The sums are its own: nothing of the first count enters them.

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::audit::{Audit, Document, Fact, Lot};
use crate::claims::canon::{self, Canon, Malformed, Take, canon_enum, canon_struct};
use crate::claims::document::Purpose;
use crate::claims::entry::PaperRow;
use crate::claims::id::{DocumentId, Finess, LotId};
use crate::claims::tally::Cell;
use crate::claims::time::Day;

impl Audit {
    /// Forgets documents, of whole lines: their units are counted by month from then on. Lots go with the last of their
    /// documents.
    pub fn sum_up(&mut self, gone: &BTreeSet<DocumentId>) {
        for id in gone {
            let Some(document) = self.documents.get(id) else {
                continue;
            };
            let real = match document.purpose {
                Purpose::Real => true,
                Purpose::Test => false,
            };
            let Some(root) = self.documents.get(&document.root) else {
                continue;
            };
            if !real || document.replaced {
                continue;
            }
            for cell in document.cells(root) {
                let first = cell.day.plus_days(1 - cell.day.day_of_month() as i32);
                let cell = Cell { day: first, ..cell };
                *self.gone.entry(cell).or_default() += 1;
            }
        }
        self.documents.retain(|id, _| !gone.contains(id));
        for lot in self.lots.values_mut() {
            lot.documents.retain(|id| !gone.contains(id));
            lot.unanswered.retain(|id| !gone.contains(id));
        }
        self.lots.retain(|_, lot| !lot.documents.is_empty());
        self.refile();
    }

    /// All that it holds, to be read again.
    pub fn written(&self) -> Vec<u8> {
        canon::bytes_of(&Written {
            position: self.position,
            documents: pairs(&self.documents),
            lots: pairs(&self.lots),
            declared: pairs(&self.declared),
            gone: pairs(&self.gone),
        })
    }

    /// What was written down: a count of all centres.
    ///
    /// # Errors
    /// When these bytes are not what was written.
    pub fn read(bytes: &[u8]) -> Result<Audit, Malformed> {
        let written: Written = canon::value_of(bytes)?;
        let mut audit = Audit {
            position: written.position,
            documents: written.documents.into_iter().collect(),
            lots: written.lots.into_iter().collect(),
            declared: written.declared.into_iter().collect(),
            gone: written.gone.into_iter().collect(),
            ..Audit::default()
        };
        audit.refile();
        Ok(audit)
    }

    fn refile(&mut self) {
        self.by_day.clear();
        let documents: Vec<DocumentId> = self.documents.keys().copied().collect();
        documents.into_iter().for_each(|id| self.file(id));
    }
}

fn pairs<K: Copy, V: Clone>(of: &BTreeMap<K, V>) -> Vec<(K, V)> {
    of.iter()
        .map(|(key, value)| (*key, value.clone()))
        .collect()
}

/// The form in which a count is written down.
struct Written {
    position: crate::claims::entry::Position,
    documents: Vec<(DocumentId, Document)>,
    lots: Vec<(LotId, Lot)>,
    declared: Vec<((Finess, Day), Vec<PaperRow>)>,
    gone: Vec<(Cell, i64)>,
}

canon_struct! {
    Written { position, documents, lots, declared, gone }
    Document {
        purpose, root, centre, kind, mode, destination, exclusions, clock_day, care_day, reception_day, deadline,
        awaited, facts, lot, proven, replaced, touched,
    }
}

canon_enum! {
    Fact {
        1 => Sealed, 2 => LotVoided, 3 => Cancelled, 4 => ByHand, 5 => OnPaper, 6 => Replaced, 7 => Unsettled,
        8 => Lapsed, 9 => Said(issued, id, word)
    }
}

impl Canon for Lot {
    fn put(&self, out: &mut Vec<u8>) {
        self.documents.put(out);
        self.state.put(out);
        self.may_have_arrived.put(out);
        self.heard_while_sending.put(out);
        self.attempted.put(out);
        self.went_another_way.put(out);
        let unanswered: Vec<DocumentId> = self.unanswered.iter().copied().collect();
        unanswered.put(out);
    }

    fn take(from: &mut Take<'_>) -> Result<Lot, Malformed> {
        let lot = Lot {
            documents: Canon::take(from)?,
            state: Canon::take(from)?,
            may_have_arrived: Canon::take(from)?,
            heard_while_sending: Canon::take(from)?,
            attempted: Canon::take(from)?,
            went_another_way: Canon::take(from)?,
            unanswered: BTreeSet::new(),
        };
        let unanswered: Vec<DocumentId> = Canon::take(from)?;
        Ok(Lot {
            unanswered: unanswered.into_iter().collect(),
            ..lot
        })
    }
}
