//! Which tables of the index may lie in sorted files, and how their keys are asked for.
//!
//! Any key of these tables may lie there at any time: where it lies is never a statement about it. What is live is
//! asked for and changed all the time and lies in the tree, unless much changes at once; tallies and what is declared
//! leave it only when their day is long past; groups, timers and turns never leave it, nor do the marks in the journal.

/// Tables of documents, their numbers, histories and lists, of lots and theirs, of what insurers said, of where bodies
/// are, and of what is counted by day.
const LEAVING: &[u8] = b"Bdfhijklprswy";

/// Of these, the tables whose keys have a day: a few of them change with most documents of the day, so they lie in the
/// tree while it is near.
const BY_DAY: &[u8] = b"pwy";

/// Length of what the cells of a centre's day have in common: letter, basis, centre and day.
const CELLS: usize = 1 + 1 + (4 + 9) + 4;

/// Length of a key's first part where that is what is asked for: letter and id.
const GROUP: usize = 17;

/// Whether a key may lie in a sorted file.
pub fn may_leave(key: &[u8]) -> bool {
    key.first().is_some_and(|letter| LEAVING.contains(letter))
}

/// Whether a key that changes among many goes into a sorted file at once.
pub fn leaves_at_once(key: &[u8]) -> bool {
    may_leave(key) && !key.first().is_some_and(|letter| BY_DAY.contains(letter))
}

/// The tables of what is counted by day.
pub fn by_day() -> impl Iterator<Item = u8> {
    BY_DAY.iter().copied()
}

/// Whether keys of a range may lie in sorted files.
pub fn may_leave_in(from: &[u8], to: &[u8]) -> bool {
    let (first, last) = (from.first().unwrap_or(&0), to.first().unwrap_or(&0xff));
    LEAVING
        .iter()
        .any(|letter| (first..=last).contains(&letter))
}

/// Whether a key is that of the record of a document or lot: the tree has no other key of it that may leave without it.
pub fn is_record(key: &[u8]) -> bool {
    matches!(key.first(), Some(b'd' | b'l'))
}

/// Whether it must be known of a key that it was removed, since a file may have it. Where a body was that is gone may
/// be left over there: its segment says that it has no bodies.
pub fn is_traced(key: &[u8]) -> bool {
    may_leave(key) && key.first() != Some(&b'B')
}

/// What a filter holds of a key: of tables that are asked for a single key, the key; of those where a scan asks for
/// all keys of one id or day, that part.
pub fn asked_singly(key: &[u8]) -> Option<&[u8]> {
    match key.first()? {
        b'B' | b'd' | b'k' | b'l' | b'p' | b'r' | b's' | b'w' => Some(key),
        b'f' => key.get(..GROUP),
        b'y' => key.get(..CELLS),
        _ => None,
    }
}

/// What a filter may be asked for instead of a range, where all keys of the range have it.
pub fn group_of<'a>(from: &'a [u8], to: &[u8]) -> Option<&'a [u8]> {
    let length = match from.first()? {
        b'f' => GROUP,
        b'y' => CELLS,
        _ => return None,
    };
    let group = from.get(..length)?;
    (to <= crate::store::ledger::keys::after(group).as_slice()).then_some(group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::id::{DocumentId, Finess};
    use crate::claims::tally::DayBasis;
    use crate::claims::time::Day;
    use crate::store::ledger::keys;

    #[test]
    fn a_scan_for_what_supports_a_document_is_answered_by_the_filter() {
        let (fse, pj) = (DocumentId(1), DocumentId(2));
        let from = keys::supporting_of(fse);
        let to = keys::after(&from);
        let key = keys::supporting(fse, pj);
        assert_eq!(group_of(&from, &to), Some(from.as_slice()));
        assert_eq!(asked_singly(&key), Some(from.as_slice()));
        assert_eq!(group_of(&from, b"g"), None, "beyond one document");
        assert_eq!(group_of(b"f", b"g"), None);
    }

    #[test]
    fn a_scan_for_a_day_of_a_centre_is_answered_by_the_filter() {
        let centre = Finess::parse("750712184").unwrap();
        let day = Day::new(2026, 3, 14).unwrap();
        let from = keys::cells_of(DayBasis::Care, centre, day);
        assert_eq!(from.len(), CELLS);
        let to = keys::cells_of(DayBasis::Care, centre, day.plus_days(1));
        assert_eq!(group_of(&from, &to), Some(from.as_slice()));
        let later = keys::cells_of(DayBasis::Care, centre, day.plus_days(2));
        assert_eq!(group_of(&from, &later), None, "beyond one day");
        let cell = [from.as_slice(), b"the rest"].concat();
        assert_eq!(asked_singly(&cell), Some(from.as_slice()));
    }

    #[test]
    fn ranges_know_their_tables() {
        for (from, to, may) in [
            (&b""[..], &b"\xff"[..], true),
            (b"y1", b"y2", true),
            (b"q1", b"q2", false),
            (b"t", b"u", false),
            (b"r1", b"r2", true),
            (b"t", b"v", false),
            (b"t", b"\xff", true),
            (b"z", b"\xff", false),
            (b"e", b"g", true),
        ] {
            assert_eq!(may_leave_in(from, to), may, "{from:?}");
        }
    }
}
