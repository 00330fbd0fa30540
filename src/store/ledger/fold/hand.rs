//! What an operator's hand does to the index: another instant for a lot, and where its reason is found.

use crate::claims::entry::{Next, Subject};
use crate::claims::id::LotId;
use crate::store::ledger::change::Moment;
use crate::store::ledger::fold::Fold;
use crate::store::ledger::keys;
use crate::store::ledger::records::{self, save};
use crate::store::{Error, LotRecord};

impl Fold<'_, '_> {
    pub(super) fn retried(&mut self, lot: LotId, next: Next) -> Result<(), Error> {
        let before = records::known_lot(self.working, lot)?;
        let after = LotRecord {
            next: Some(next),
            ..before.clone()
        };
        self.working
            .put(keys::lot_history(lot, self.position), Vec::new());
        self.put_lot(Some(&before), after);
        Ok(())
    }

    /// A reason is part of the history of what it is about.
    pub(super) fn explained(&mut self, subject: &Subject) -> Result<(), Error> {
        match subject {
            Subject::Document(document) => {
                let record = records::known_document(self.working, *document)?;
                let moment = Moment {
                    standing: record.standing(),
                    lot: None,
                };
                let key = keys::document_history(*document, self.position);
                save(self.working, key, &moment);
            }
            Subject::Lot(lot) => {
                self.working
                    .put(keys::lot_history(*lot, self.position), Vec::new());
            }
            Subject::Endpoint(_) | Subject::LegalHold(_) => {}
        }
        Ok(())
    }
}
