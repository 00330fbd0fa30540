//! Lists of documents, kept in the index and read from it a page at a time; and lots in order of id.

use crate::claims::id::LotId;
use crate::store::index::{Index, Working};
use crate::store::ledger::{keys, query, records};
use crate::store::listing::{Book, Listed, Listing};
use crate::store::{DocumentRecord, Error, LotRecord};

/// Keeps the lists that a document is in.
pub fn keep(working: &mut Working<'_>, before: Option<&DocumentRecord>, after: &DocumentRecord) {
    let old = before.map(Book::holding).unwrap_or_default();
    let new = Book::holding(after);
    for book in old.iter().filter(|book| !new.contains(book)) {
        working.remove(keys::listed(*book, after.place()));
    }
    for book in new.iter().filter(|book| !old.contains(book)) {
        working.put(keys::listed(*book, after.place()), Vec::new());
    }
}

/// A page of a list.
pub fn list(index: &dyn Index, listing: &Listing) -> Result<Vec<Listed>, Error> {
    let mut found = Vec::new();
    for centre in &listing.centres {
        let room = listing.most - found.len();
        if room == 0 {
            break;
        }
        let prefix = keys::listed_of(listing.book, *centre);
        let since = listing
            .since
            .map(|at| keys::listed_since(listing.book, *centre, at));
        let begin = match listing.after {
            Some(after) if after.centre > *centre => continue,
            Some(after) if after.centre == *centre => {
                keys::after(&keys::listed(listing.book, after))
            }
            Some(_) | None => prefix.clone(),
        };
        let from = since.map_or(begin.clone(), |since| since.max(begin));
        for (key, _) in index.scan(&from, &keys::after(&prefix), room)? {
            let record = records::known_document(index, query::last_id(&key)?)?;
            found.push(listed(index, record)?);
        }
    }
    Ok(found)
}

fn listed(index: &dyn Index, record: DocumentRecord) -> Result<Listed, Error> {
    let root = if record.received.root == record.received.document {
        record.clone()
    } else {
        records::known_document(index, record.received.root)?
    };
    let lot = record
        .lot
        .map(|lot| records::known_lot(index, lot))
        .transpose()?;
    Ok(Listed {
        late: records::lateness(&root, &record),
        next: query::next(index, &record, lot.as_ref())?,
        lot,
        record,
    })
}

/// Lots in order of id after one.
pub fn lots(index: &dyn Index, after: Option<LotId>, most: usize) -> Result<Vec<LotRecord>, Error> {
    let from = after.map_or_else(keys::lots, |id| keys::after(&keys::lot(id)));
    let found = index.scan(&from, &keys::after(&keys::lots()), most)?;
    found
        .iter()
        .map(|(_, value)| records::read(value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::id::{DocumentId, Finess};
    use crate::claims::time::Timestamp;
    use crate::store::listing::Place;

    #[test]
    fn keys_are_in_the_order_of_places() {
        let centre = |text| Finess::parse(text).unwrap();
        let places = [
            ("750000002", 0, 9),
            ("750000002", 1, 1),
            ("750000002", 7, 2),
            ("750000002", 7, 3),
            ("750712184", 0, 1),
        ];
        let keys = places.map(|(finess, at, id)| {
            let place = Place {
                centre: centre(finess),
                at: Timestamp::from_micros(at),
                document: DocumentId(id),
            };
            keys::listed(Book::PaperOwed, place)
        });
        assert!(keys.is_sorted(), "{keys:?}");
    }
}
