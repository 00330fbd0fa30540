//! Registrations: the history of each thing that is registered, in order of days.

use crate::claims::canon::Canon;
use crate::claims::registry::{self, Version};
use crate::store::Error;
use crate::store::ledger::fold::Fold;
use crate::store::ledger::records::{self, save};

impl Fold<'_, '_> {
    /// A version takes the place of the one from the same day.
    pub(super) fn registered<V: Version + Canon>(
        &mut self,
        key: Vec<u8>,
        version: &V,
    ) -> Result<(), Error> {
        let versions: Option<Vec<V>> = records::load(self.working, &key)?;
        let mut versions = versions.unwrap_or_default();
        let _: bool = registry::put(&mut versions, version);
        save(self.working, key, &versions);
        Ok(())
    }
}
