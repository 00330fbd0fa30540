//! Bundles: what comes at about the same time is kept under one key, as items of one width in their order.
//!
//! A key costs the index many times what a few bytes more of a value cost, so tables through which every document
//! passes have one key for all documents of a short span. Which key follows from the item itself: nothing has to be
//! looked up, and a span of a quiet gateway has one item, as if it had a key of its own.

use crate::store::Error;
use crate::store::index::{Index, Working};

/// Puts an item into the bundle of a key.
pub fn insert<const N: usize>(
    working: &mut Working<'_>,
    key: Vec<u8>,
    item: [u8; N],
) -> Result<(), Error> {
    working.insert(key, &item, |value| {
        Ok(items::<N>(value)?.partition_point(|other| *other < item) * N)
    })
}

/// Takes an item out of the bundle of a key; the key goes with the last one.
pub fn remove<const N: usize>(
    working: &mut Working<'_>,
    key: Vec<u8>,
    item: [u8; N],
) -> Result<(), Error> {
    let slot = working.slot(key)?;
    let value = slot.get_or_insert_default();
    if let Ok(place) = items::<N>(value)?.binary_search(&item) {
        value.drain(place * N..(place + 1) * N);
    }
    if value.is_empty() {
        *slot = None;
    }
    Ok(())
}

/// Whether an item is in the bundle of a key.
pub fn has<const N: usize>(index: &dyn Index, key: &[u8], item: [u8; N]) -> Result<bool, Error> {
    let value = index.get(key)?.unwrap_or_default();
    Ok(items::<N>(&value)?.binary_search(&item).is_ok())
}

/// The items of a bundle, in order.
pub fn items<const N: usize>(value: &[u8]) -> Result<&[[u8; N]], Error> {
    let (items, rest) = value.as_chunks();
    if rest.is_empty() {
        Ok(items)
    } else {
        Err(Error::Read("a bundle ends within an item".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::Map;

    #[test]
    fn items_stay_in_order_and_the_key_goes_with_the_last() {
        let base = Map::default();
        let mut working = Working::new(&base);
        let key = || b"k".to_vec();
        for item in [[0, 3], [0, 1], [1, 0], [0, 2]] {
            insert(&mut working, key(), item).unwrap();
        }
        assert_eq!(
            working.get(b"k").unwrap().unwrap(),
            [0, 1, 0, 2, 0, 3, 1, 0]
        );
        remove(&mut working, key(), [0, 2]).unwrap();
        // One that is not there changes nothing.
        remove(&mut working, key(), [0, 2]).unwrap();
        assert!(!has(&working, b"k", [0, 2]).unwrap());
        assert!(has(&working, b"k", [0, 3]).unwrap());
        for item in [[0, 1], [1, 0], [0, 3]] {
            remove(&mut working, key(), item).unwrap();
        }
        assert_eq!(working.get(b"k").unwrap(), None);
        assert!(items::<2>(&[1, 2, 3]).is_err());
    }
}
