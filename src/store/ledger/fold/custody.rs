//! What happens to the ledger as a whole: restores, anchors, and endpoints that are asked from the beginning.

use crate::claims::custody::{Anchor, Restored};
use crate::claims::id::EndpointName;
use crate::store::Error;
use crate::store::custody::record::{AnchorRecord, RestorationRecord};
use crate::store::ledger::fold::Fold;
use crate::store::ledger::records::{self, save};
use crate::store::ledger::{custody, keys};

impl Fold<'_, '_> {
    pub(super) fn rewound(&mut self, endpoint: &EndpointName) -> Result<(), Error> {
        let mut record = records::endpoint(self.working, endpoint)?;
        record.cursor = None;
        save(self.working, keys::endpoint(endpoint), &record);
        Ok(())
    }

    /// The last restore is the one that counts: lots wait for it.
    pub(super) fn restored(&mut self, restored: &Restored) {
        let record = RestorationRecord {
            position: self.position,
            at: self.at,
            restored: restored.clone(),
            resumed: None,
        };
        save(self.working, keys::restoration(), &record);
    }

    pub(super) fn resumed(&mut self) -> Result<(), Error> {
        if let Some(mut record) = custody::restoration(self.working)? {
            record.resumed = Some((self.position, self.at));
            save(self.working, keys::restoration(), &record);
        }
        Ok(())
    }

    pub(super) fn anchored(&mut self, anchor: Anchor) {
        let record = AnchorRecord {
            entry: self.position,
            at: self.at,
            anchor,
        };
        save(self.working, keys::anchor(anchor.position), &record);
        save(self.working, keys::last_anchor(), &record);
    }
}
