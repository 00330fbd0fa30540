//! The second count across a foundation: what has gone becomes sums, the rest is written down as it stands
//! and read again. The sums are its own: nothing of the first count enters them.

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::audit::Audit;
use crate::claims::audit::document::{Document, DocumentRow, LotRow};
use crate::claims::audit::lot::Lot;
use crate::claims::canon::{self, Malformed, canon_struct};
use crate::claims::entry::{PaperRow, Position};
use crate::claims::id::{DocumentId, Finess, LotId};
use crate::claims::tally::Cell;
use crate::claims::time::Day;

impl Audit {
    /// Forgets documents, of whole lines: their units are sums from then on. Lots go with the last of their
    /// documents; one that loses some is finished, and nothing that it still counts moves it.
    pub fn sum_up(&mut self, gone: &BTreeSet<DocumentId>) {
        let mut sums = std::mem::take(&mut self.gone);
        for line in gone.iter().filter_map(|id| self.line(*self.by_id.get(id)?)) {
            for cell in line.cells {
                *sums.entry(cell).or_default() += 1;
            }
        }
        self.gone = sums;
        self.retain(|document| !gone.contains(&document.id));
    }

    /// Units that have gone with a foundation.
    pub fn gone(&self) -> &BTreeMap<Cell, i64> {
        &self.gone
    }

    /// All that it holds, to be read again.
    pub fn written(&self) -> Vec<u8> {
        canon::bytes_of(&Written {
            position: self.position,
            documents: self.documents.clone(),
            lots: self.lots.clone(),
            by_lot: pairs(&self.by_lot),
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
        if !written.fits_together() {
            return Err(Malformed("second count"));
        }
        let rows = (0..).map(DocumentRow);
        let ids = written.documents.iter().map(|document| document.id);
        let mut audit = Audit {
            position: written.position,
            by_id: ids.zip(rows.clone()).collect(),
            documents: written.documents,
            lots: written.lots,
            by_lot: written.by_lot.into_iter().collect(),
            declared: written.declared.into_iter().collect(),
            gone: written.gone.into_iter().collect(),
            ..Audit::default()
        };
        let all = rows.take(audit.documents.len());
        all.for_each(|row| audit.file(row));
        Ok(audit)
    }
}

fn pairs<K: Copy, V: Clone>(of: &BTreeMap<K, V>) -> Vec<(K, V)> {
    of.iter()
        .map(|(key, value)| (*key, value.clone()))
        .collect()
}

/// The form in which a count is written down.
struct Written {
    position: Position,
    documents: Vec<Document>,
    lots: Vec<Lot>,
    by_lot: Vec<(LotId, LotRow)>,
    declared: Vec<((Finess, Day), Vec<PaperRow>)>,
    gone: Vec<(Cell, i64)>,
}

impl Written {
    /// Whether every row that is named is there.
    fn fits_together(&self) -> bool {
        let (documents, lots) = (self.documents.len(), self.lots.len());
        let is_document = |row: &DocumentRow| (row.0 as usize) < documents;
        let is_lot = |row: &LotRow| (row.0 as usize) < lots;
        self.documents
            .iter()
            .all(|of| is_document(&of.root) && of.lot.iter().all(is_lot))
            && self
                .lots
                .iter()
                .all(|of| of.documents.iter().all(is_document))
            && self.by_lot.iter().all(|(_, row)| is_lot(row))
    }
}

canon_struct! {
    Written { position, documents, lots, by_lot, declared, gone }
}
