//! What changed in the tallies since an entry: the days of the centres that later entries speak of.
//!
//! A unit is counted on three days of its root; an entry names a document, or a lot and so its documents, or a
//! day of declared paper. Whatever an entry changes in the tallies is on one of those days.

use std::collections::BTreeSet;

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
        match entry {
            Entry::Received(received) => {
                self.documents.insert(received.document);
            }
            Entry::Sealed(sealed) => self.documents.extend(&sealed.documents),
            Entry::Delivery(delivery) => {
                let lot = records::known_lot(index, delivery.lot)?;
                self.documents.extend(&lot.sealed.documents);
            }
            Entry::Receipted(receipted) => {
                let named = receipted.verdicts.iter().map(|(document, ..)| *document);
                self.documents.extend(named);
            }
            Entry::Settled(settled) => {
                self.documents.insert(settled.document);
            }
            Entry::Declared { centre, day, .. } => {
                self.days.insert((*centre, *day));
            }
            Entry::Cancelled { document, .. }
            | Entry::ByHand { document, .. }
            | Entry::OnPaper { document, .. }
            | Entry::PaperOwed { document }
            | Entry::Lapsed { document }
            | Entry::Unsettled { document } => {
                self.documents.insert(*document);
            }
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
            | Entry::Judged(_) => {}
        }
        Ok(())
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
