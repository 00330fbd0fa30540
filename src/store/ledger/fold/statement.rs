//! What a statement does to the index: it is found by number, by centre, as the last one, and by its key.

use crate::claims::statement::Published;
use crate::store::index::Index as _;
use crate::store::ledger::fold::Fold;
use crate::store::ledger::keys;
use crate::store::ledger::records::save;
use crate::store::{Error, StatementRecord};

impl Fold<'_, '_> {
    pub(super) fn published(&mut self, published: &Published) -> Result<(), Error> {
        let number = self.position;
        let record = StatementRecord {
            number,
            at: self.at,
            published: published.clone(),
        };
        let centre = published.centre;
        save(self.working, keys::statement(number), &record);
        self.working
            .put(keys::statement_of(centre, number), Vec::new());
        save(self.working, keys::last_statement(), &number);
        save(self.working, keys::last_statement_of(centre), &number);
        let key = keys::statement_key(published.key);
        if self.working.get(&key)?.is_none() {
            save(self.working, key, &number);
        }
        Ok(())
    }
}
