//! What changed in the tallies since an entry: the days of the centres that later entries speak of.
//!
//! A unit is counted on three days of its root; an entry names a document, or a lot and so its documents, or a
//! day of declared paper. Whatever an entry changes in the tallies is on one of those days.

use std::collections::BTreeSet;

use crate::claims::bearing::Bearing;
use crate::claims::entry::{Entry, Position};
use crate::claims::id::{DocumentId, Finess};
use crate::claims::tally::DayBasis;
use crate::claims::time::Day;
use crate::store::index::Index;
use crate::store::ledger::{keys, query, records};
use crate::store::{Covered, Error, Tallies, TalliesSince};

/// Days of centres that entries speak of.
#[derive(Default)]
pub struct Touched {
    documents: BTreeSet<DocumentId>,
    days: BTreeSet<(Finess, Day)>,
}

impl Touched {
    /// Adds what one entry speaks of.
    pub fn add(&mut self, index: &dyn Index, entry: &Entry) -> Result<(), Error> {
        let Some(bearing) = entry.bearing() else {
            return Ok(());
        };
        match bearing {
            Bearing::Received(received) => {
                self.documents.insert(received.document);
                self.documents.extend(received.replaces);
            }
            Bearing::Sealed(sealed) => self.documents.extend(&sealed.documents),
            Bearing::Delivery(delivery) => {
                let lot = records::known_lot(index, delivery.lot)?;
                self.documents.extend(&lot.sealed.documents);
            }
            Bearing::Receipted(receipted) => {
                let named = receipted.verdicts.iter().map(|(document, ..)| *document);
                self.documents.extend(named);
            }
            Bearing::Settled(settled) => {
                self.documents.insert(settled.document);
            }
            Bearing::Declared { centre, day } => {
                self.days.insert((centre, day));
            }
            Bearing::Cancelled { document, .. }
            | Bearing::ByHand { document, .. }
            | Bearing::OnPaper { document, .. }
            | Bearing::PaperOwed(document)
            | Bearing::Lapsed(document)
            | Bearing::Unsettled(document) => {
                self.documents.insert(document);
            }
            Bearing::Retried { .. } | Bearing::Explained(_) => {}
        }
        Ok(())
    }

    /// Documents that the entries speak of.
    pub fn documents(&self) -> &BTreeSet<DocumentId> {
        &self.documents
    }

    /// The tallies of those days, as of the index's position.
    pub fn tallies(mut self, index: &dyn Index, position: Position) -> Result<TalliesSince, Error> {
        for document in &self.documents {
            let record = records::known_document(index, *document)?;
            let root = records::known_document(index, record.received.root)?;
            let facts = &root.received.facts;
            for day in [facts.clock_day, facts.care_day, root.at.day()] {
                self.days.insert((facts.key.centre, day));
            }
        }
        let mut tallies = Tallies {
            position,
            ..Tallies::default()
        };
        for (centre, day) in &self.days {
            for basis in DayBasis::ALL {
                let from = keys::cells_of(basis, *centre, *day);
                let to = keys::cells_of(basis, *centre, day.plus_days(1));
                query::units(index, (&from, &to), &mut tallies)?;
            }
            query::paper_of(index, (*centre, *day), &mut tallies)?;
        }
        Ok(TalliesSince {
            tallies,
            covered: Covered::Days(self.days),
        })
    }
}
