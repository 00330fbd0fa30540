//! Which tables of the index may lie in sorted files, and how their keys are asked for.
//!
//! Any key of these tables may lie there at any time: where it lies is never a statement about it. What is live is
//! asked for and changed all the time and lies in the tree, unless much changes at once; tallies, groups, timers and
//! turns never leave it, nor do the marks in the journal.

/// Tables of documents, their numbers, histories and lists, of lots and theirs, of what insurers said, and of where
/// bodies are.
const LEAVING: &[u8] = b"Bdfhijklrs";

/// Length of a key's first part where that is what is asked for: letter and id.
const GROUP: usize = 17;

/// Whether a key may lie in a sorted file.
pub fn may_leave(key: &[u8]) -> bool {
    key.first().is_some_and(|letter| LEAVING.contains(letter))
}

/// Whether keys of a range may lie in sorted files.
pub fn may_leave_in(from: &[u8], to: &[u8]) -> bool {
    let (first, last) = (from.first().unwrap_or(&0), to.first().unwrap_or(&0xff));
    LEAVING
        .iter()
        .any(|letter| (first..=last).contains(&letter))
}

/// Whether it must be known of a key that it was removed, since a file may have it. Where a body was that is gone may
/// be left over there: its segment says that it has no bodies.
pub fn is_traced(key: &[u8]) -> bool {
    may_leave(key) && key.first() != Some(&b'B')
}

/// What a filter holds of a key: of tables that are asked for a single key, the key; of those where a scan asks for
/// all keys of one id, that part.
pub fn asked_singly(key: &[u8]) -> Option<&[u8]> {
    match key.first()? {
        b'B' | b'd' | b'k' | b'l' | b'r' | b's' => Some(key),
        b'f' => key.get(..GROUP),
        _ => None,
    }
}

/// What a filter may be asked for instead of a range, where all keys of the range have it.
pub fn group_of<'a>(from: &'a [u8], to: &[u8]) -> Option<&'a [u8]> {
    let group = from.get(..GROUP).filter(|group| group[0] == b'f')?;
    (to <= crate::store::ledger::keys::after(group).as_slice()).then_some(group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::id::DocumentId;
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
    fn ranges_know_their_tables() {
        for (from, to, may) in [
            (&b""[..], &b"\xff"[..], true),
            (b"y1", b"y2", false),
            (b"t", b"u", false),
            (b"r1", b"r2", true),
            (b"t", b"\xff", false),
            (b"e", b"g", true),
        ] {
            assert_eq!(may_leave_in(from, to), may, "{from:?}");
        }
    }
}
