//! What legal holds and evacuations do to the index: they are kept as they were decided.

use crate::claims::entry::Position;
use crate::claims::foundation::Founded;
use crate::claims::id::Name;
use crate::claims::retention::{Evacuated, LegalHold};
use crate::store::Error;
use crate::store::ledger::fold::Fold;
use crate::store::ledger::records::save;
use crate::store::ledger::{keys, retention};
use crate::store::retention::{EvacuationRecord, FoundationRecord, HoldRecord, Lifted};

impl Fold<'_, '_> {
    pub(super) fn legal_hold_placed(&mut self, hold: &LegalHold) {
        let record = HoldRecord {
            position: self.position,
            at: self.at,
            hold: hold.clone(),
            lifted: None,
        };
        save(self.working, keys::legal_hold(self.position), &record);
    }

    pub(super) fn legal_hold_lifted(&mut self, hold: Position, actor: &Name) -> Result<(), Error> {
        let record = retention::legal_hold(self.working, hold)?;
        let mut record = record.ok_or_else(|| {
            Error::Read(format!("legal hold {} is not in the index", hold.0).into())
        })?;
        record.lifted = Some(Lifted {
            position: self.position,
            at: self.at,
            actor: actor.clone(),
        });
        save(self.working, keys::legal_hold(hold), &record);
        Ok(())
    }

    pub(super) fn evacuated(&mut self, evacuated: &Evacuated) {
        let record = EvacuationRecord {
            position: self.position,
            at: self.at,
            evacuated: evacuated.clone(),
        };
        let key = keys::evacuation(evacuated.segment);
        save(self.working, key, &record);
    }

    pub(super) fn founded(&mut self, founded: &Founded) {
        let record = FoundationRecord {
            position: self.position,
            at: self.at,
            founded: founded.clone(),
        };
        save(self.working, keys::foundation(founded.segment), &record);
    }
}
