//! Sums: open documents by group, units by cell.

use crate::claims::canon;
use crate::claims::document::Purpose;
use crate::store::index::Index as _;
use crate::store::ledger::bundle;
use crate::store::ledger::fold::Fold;
use crate::store::ledger::keys::{self, GroupKey, Size};
use crate::store::ledger::records::{self, OpenDocument, OpenGroup, load, save};
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
        let group = after.group();
        let old: Option<OpenGroup> = load(self.working, &keys::group(group))?;
        let new = if was {
            self.ungrouped(old, after)?
        } else {
            Some(self.grouped(old, after)?)
        };
        self.put_group(group, old, new);
        Ok(())
    }

    /// A document may be sealed: the sums of its group with it.
    fn grouped(
        &mut self,
        old: Option<OpenGroup>,
        document: &DocumentRecord,
    ) -> Result<OpenGroup, Error> {
        let open = OpenDocument::of(document);
        let (since, id) = (open.since, open.document);
        let key = keys::open(document.group(), since, id);
        bundle::insert(self.working, key, open.item())?;
        // First in the order of the bundles, which within some milliseconds is not that of the instants.
        let place = |(since, id)| (keys::open_spans(since, id), since, id);
        let first = old.map_or((since, id), |old| (old.oldest, old.first));
        let (oldest, first) = std::cmp::min_by_key(first, (since, id), |open| place(*open));
        Ok(OpenGroup {
            oldest,
            first,
            count: old.map_or(0, |old| old.count) + 1,
            bytes: old.map_or(0, |old| old.bytes) + u64::from(open.length),
        })
    }

    /// A document may no longer be sealed: the sums of its group without it, none if nothing is left.
    fn ungrouped(
        &mut self,
        old: Option<OpenGroup>,
        document: &DocumentRecord,
    ) -> Result<Option<OpenGroup>, Error> {
        let open = OpenDocument::of(document);
        let group = document.group();
        let key = keys::open(group, open.since, open.document);
        bundle::remove(self.working, key.clone(), open.item())?;
        let Some(mut sums) = old.filter(|old| old.count > 1) else {
            return Ok(None);
        };
        sums.count -= 1;
        sums.bytes = sums.bytes.saturating_sub(u64::from(open.length));
        if sums.first == open.document {
            // None comes before the first, so the next one is from its bundle on: what left before is not passed again.
            let end = keys::after(&keys::opens(group));
            let found = self.working.scan(&key, &end, 1)?.pop().unwrap_or_default();
            let next = bundle::items(&found.1)?.first().ok_or_else(|| {
                Error::Read("a group counts more open documents than it has".into())
            })?;
            let next = OpenDocument::of_item(next)?;
            (sums.oldest, sums.first) = (next.since, next.document);
        }
        Ok(Some(sums))
    }

    /// Keeps the keys by which a group is found: by its age, and by the classes of its sizes.
    fn put_group(&mut self, group: GroupKey, old: Option<OpenGroup>, new: Option<OpenGroup>) {
        let both = |of: fn(OpenGroup) -> u8| (old.map(of), new.map(of));
        let ages = (old.map(|old| old.oldest), new.map(|new| new.oldest));
        self.file(ages, |oldest| keys::group_by_age(oldest, group));
        let counts = both(|sums| Size::class(u64::from(sums.count)));
        self.file(counts, |class| {
            keys::group_by_size(Size::Count, class, group)
        });
        let bytes = both(|sums| Size::class(sums.bytes));
        self.file(bytes, |class| {
            keys::group_by_size(Size::Bytes, class, group)
        });
        match new {
            None => self.working.remove(keys::group(group)),
            Some(new) => save(self.working, keys::group(group), &new),
        }
    }

    /// Keeps one key of a group, which tells what it is now and what it was: most often the same.
    fn file<T: PartialEq + Copy>(
        &mut self,
        (old, new): (Option<T>, Option<T>),
        key: impl Fn(T) -> Vec<u8>,
    ) {
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.working.remove(key(old));
        }
        if let Some(new) = new {
            self.working.put(key(new), Vec::new());
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
        let other = match after.received.root {
            root if root == after.received.document => None,
            root => Some(records::known_document(self.working, root)?),
        };
        let root = other.as_ref().unwrap_or(after);
        let cells =
            |record: &DocumentRecord| record.is_latest().then(|| records::cells(root, record));
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
        let slot = self.working.slot(key)?;
        let count: i64 = match slot {
            Some(bytes) => records::read(bytes)?,
            None => 0,
        };
        *slot = match count + change {
            0 => None,
            count => Some(canon::bytes_of(&count)),
        };
        Ok(())
    }
}
