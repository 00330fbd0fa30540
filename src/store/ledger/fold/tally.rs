//! Sums: open documents by group, units by cell.

use crate::claims::document::Purpose;
use crate::claims::time::Timestamp;
use crate::store::index::Index as _;
use crate::store::ledger::fold::Fold;
use crate::store::ledger::keys::{self, GroupKey};
use crate::store::ledger::records::{self, OpenGroup, load, save};
use crate::store::{DocumentRecord, Error};

impl Fold<'_, '_> {
    /// Keeps the groups of open documents.
    pub(super) fn regroup(
        &mut self,
        before: Option<&DocumentRecord>,
        after: &DocumentRecord,
    ) -> Result<(), Error> {
        let was = before.is_some_and(DocumentRecord::is_sealable);
        if was == after.is_sealable() {
            return Ok(());
        }
        let (group, id) = (after.group(), after.received.document);
        let length = u64::from(after.received.length);
        let old: Option<OpenGroup> = load(self.working, &keys::group(group))?;
        if was {
            self.working.remove(keys::open(group, id));
            let Some(old) = old else { return Ok(()) };
            let oldest = self.oldest(group)?;
            let new = oldest.map(|oldest| OpenGroup {
                oldest,
                count: old.count.saturating_sub(1),
                bytes: old.bytes.saturating_sub(length),
            });
            self.put_group(group, Some(old), new);
        } else {
            save(
                self.working,
                keys::open(group, id),
                &(after.received.length, self.at),
            );
            let new = match old {
                None => OpenGroup {
                    oldest: self.at,
                    count: 1,
                    bytes: length,
                },
                Some(old) => OpenGroup {
                    oldest: old.oldest,
                    count: old.count + 1,
                    bytes: old.bytes + length,
                },
            };
            self.put_group(group, old, Some(new));
        }
        Ok(())
    }

    /// When the first open document of a group became open; ids are in order of admission.
    fn oldest(&self, group: GroupKey) -> Result<Option<Timestamp>, Error> {
        let prefix = keys::opens(group);
        let first = self.working.scan(&prefix, &keys::after(&prefix), 1)?.pop();
        first
            .map(|(_, value)| records::read::<(u32, Timestamp)>(&value).map(|(_, at)| at))
            .transpose()
    }

    fn put_group(&mut self, group: GroupKey, old: Option<OpenGroup>, new: Option<OpenGroup>) {
        if let Some(old) = old {
            self.working.remove(keys::group_by_age(old.oldest, group));
        }
        match new {
            None => self.working.remove(keys::group(group)),
            Some(new) => {
                save(self.working, keys::group(group), &new);
                save(self.working, keys::group_by_age(new.oldest, group), &new);
            }
        }
    }

    /// Keeps the tallies: the unit leaves its old cells and enters its new ones.
    pub(super) fn recount(
        &mut self,
        before: Option<&DocumentRecord>,
        after: &DocumentRecord,
    ) -> Result<(), Error> {
        if after.received.purpose == Purpose::Test {
            return Ok(());
        }
        let root = if after.received.root == after.received.document {
            after.clone()
        } else {
            records::known_document(self.working, after.received.root)?
        };
        let cells =
            |record: &DocumentRecord| record.is_latest().then(|| records::cells(&root, record));
        let (old, new) = (before.and_then(cells), cells(after));
        if old == new {
            return Ok(());
        }
        for cell in old.iter().flatten() {
            self.add(keys::cell(cell), -1)?;
        }
        for cell in new.iter().flatten() {
            self.add(keys::cell(cell), 1)?;
        }
        Ok(())
    }

    pub(super) fn add(&mut self, key: Vec<u8>, change: i64) -> Result<(), Error> {
        let count: i64 = load(self.working, &key)?.unwrap_or_default();
        match count + change {
            0 => self.working.remove(key),
            count => save(self.working, key, &count),
        }
        Ok(())
    }
}
