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
        let (group, open) = (after.group(), OpenDocument::of(after));
        if was {
            self.ungrouped.push((group, open));
            return Ok(());
        }
        self.sum_up()?;
        let old: Option<OpenGroup> = load(self.working, &keys::group(group))?;
        let new = self.grouped(group, old, open)?;
        self.put_group(group, old, Some(new));
        Ok(())
    }

    /// Brings the sums of groups up to what left them.
    pub(super) fn sum_up(&mut self) -> Result<(), Error> {
        let ungrouped = std::mem::take(&mut self.ungrouped);
        for left in ungrouped.chunk_by(|(group, _), (other, _)| group == other) {
            self.ungroup(left[0].0, left)?;
        }
        Ok(())
    }

    /// A document may be sealed: the sums of its group with it.
    fn grouped(
        &mut self,
        group: GroupKey,
        old: Option<OpenGroup>,
        open: OpenDocument,
    ) -> Result<OpenGroup, Error> {
        let (since, id) = (open.since, open.document);
        let key = keys::open(group, since, id);
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

    /// Documents of a group may no longer be sealed: its sums without them, none if nothing is left.
    fn ungroup(&mut self, group: GroupKey, left: &[(GroupKey, OpenDocument)]) -> Result<(), Error> {
        let old: Option<OpenGroup> = load(self.working, &keys::group(group))?;
        for (_, open) in left {
            let key = keys::open(group, open.since, open.document);
            bundle::remove(self.working, key, open.item())?;
        }
        let count = u32::try_from(left.len()).expect("an entry names fewer documents than a u32");
        let Some(mut sums) = old.filter(|old| old.count > count) else {
            self.put_group(group, old, None);
            return Ok(());
        };
        sums.count -= count;
        let bytes = left.iter().map(|(_, open)| u64::from(open.length));
        sums.bytes = sums.bytes.saturating_sub(bytes.sum());
        if let Some((_, first)) = left.iter().find(|(_, open)| open.document == sums.first) {
            // None comes before the first, so the next one is from its bundle on: what left before is not passed again.
            let begin = keys::open(group, first.since, first.document);
            let end = keys::after(&keys::opens(group));
            let found = self.working.scan(&begin, &end, 1)?;
            let found = found.into_iter().next().unwrap_or_default();
            let next = bundle::items(&found.1)?.first().ok_or_else(|| {
                Error::Read("a group counts more open documents than it has".into())
            })?;
            let next = OpenDocument::of_item(next)?;
            (sums.oldest, sums.first) = (next.since, next.document);
        }
        self.put_group(group, old, Some(sums));
        Ok(())
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
