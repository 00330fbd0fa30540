//! An index beside the one that a fresh fold makes: every record, in order of key.
//!
//! Both are only read, some pages of each at a time. What a crash may leave behind of an evacuation is passed over.

use crate::store::Error;
use crate::store::custody::verified::{Part, Verified};
use crate::store::embedded::places;
use crate::store::index::Index;
use crate::store::ledger::keys;

/// Records that are read at once.
const PAGE: usize = 1_000;

/// Some records, from a key on.
pub struct Span {
    /// The first key.
    pub from: Vec<u8>,
    /// At most so many records.
    pub most: u64,
}

impl Span {
    /// All of them.
    pub fn all() -> Span {
        Span {
            from: Vec::new(),
            most: u64::MAX,
        }
    }
}

/// Compares records of two indexes; gives how many there were, and the key at which it goes on.
pub fn compare(
    stored: &dyn Index,
    fresh: &dyn Index,
    span: &Span,
    verified: &mut Verified,
    is_archived: impl Fn(u64) -> bool,
) -> Result<(u64, Option<Vec<u8>>), Error> {
    let (mut stored, mut fresh) = (Pages::new(stored, span), Pages::new(fresh, span));
    let mut next_stored = || loop {
        // A crash may leave behind what an evacuation makes void.
        match stored.next()? {
            Some((key, value)) if places::is_left_over(&key, &value, &is_archived) => {}
            next => return Ok::<_, Error>(next),
        }
    };
    let (mut left, mut right) = (next_stored()?, fresh.next()?);
    let mut records = 0;
    loop {
        let (key, said) = match (&left, &right) {
            (None, None) => return Ok((records, None)),
            (Some((key, is)), Some((other, should))) if key == other => {
                let same = is == should || places::are_applied_alike(key, is, should, &is_archived);
                (key.clone(), (!same).then_some("differs"))
            }
            (Some((key, _)), Some((other, _))) if key > other => {
                (other.clone(), Some("is missing"))
            }
            (None, Some((key, _))) => (key.clone(), Some("is missing")),
            (Some((key, _)), _) => (key.clone(), Some("should not be there")),
        };
        if records == span.most {
            return Ok((records, Some(key)));
        }
        if let Some(said) = said {
            let subject = places::subject(&key).map_or_else(|| keys::subject(&key), str::to_owned);
            verified.differ(Part::Index, format!("{subject} {said}"));
        }
        records += 1;
        if left.as_ref().is_some_and(|(at, _)| *at == key) {
            left = next_stored()?;
        }
        if right.as_ref().is_some_and(|(at, _)| *at == key) {
            right = fresh.next()?;
        }
    }
}

type Pair = (Vec<u8>, Vec<u8>);

/// All pairs of an index, in order of key.
struct Pages<'a> {
    index: &'a dyn Index,
    from: Vec<u8>,
    page: std::vec::IntoIter<Pair>,
}

impl<'a> Pages<'a> {
    fn new(index: &'a dyn Index, span: &Span) -> Pages<'a> {
        Pages {
            index,
            from: span.from.clone(),
            page: Vec::new().into_iter(),
        }
    }

    fn next(&mut self) -> Result<Option<Pair>, Error> {
        if self.page.len() == 0 {
            // Every key begins with a letter.
            self.page = self.index.scan(&self.from, &[0xff], PAGE)?.into_iter();
        }
        let next = self.page.next();
        if let Some((key, _)) = &next {
            self.from.clone_from(key);
            self.from.push(0);
        }
        Ok(next)
    }
}
