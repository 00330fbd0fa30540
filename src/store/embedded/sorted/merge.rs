//! Several sorted files read as one: of a key that is in several, the newest file says the value.

use std::sync::Arc;

use crate::store::embedded::sorted::Error;
use crate::store::embedded::sorted::file::{Cursor, File};

/// Readings of files, the newest first, each with its next pair.
pub struct Merged(Vec<(Cursor, Pair)>);

type Pair = (Vec<u8>, Vec<u8>);

impl Merged {
    /// Of files, the newest first, from a key on.
    pub fn new<'a>(
        newest_first: impl Iterator<Item = &'a Arc<File>>,
        from: &[u8],
    ) -> Result<Merged, Error> {
        let mut readings = Vec::new();
        for file in newest_first {
            let mut cursor = file.cursor(from);
            if let Some(pair) = cursor.step()? {
                readings.push((cursor, pair));
            }
        }
        Ok(Merged(readings))
    }

    /// The next key.
    pub fn key(&self) -> Option<&[u8]> {
        let keys = self.0.iter().map(|(_, (key, _))| key.as_slice());
        keys.min()
    }

    /// The next pair.
    pub fn step(&mut self) -> Result<Option<Pair>, Error> {
        // The first of equal ones: the newest.
        let readings = self.0.iter().enumerate();
        let Some((newest, _)) = readings.min_by(|(_, (_, a)), (_, (_, b))| a.0.cmp(&b.0)) else {
            return Ok(None);
        };
        let key = self.0[newest].1.0.clone();
        let mut found = None;
        let mut at = 0;
        while at < self.0.len() {
            let (cursor, pair) = &mut self.0[at];
            if pair.0 != key {
                at += 1;
                continue;
            }
            match cursor.step()? {
                Some(next) => {
                    let passed = std::mem::replace(pair, next);
                    found = found.or(Some(passed));
                    at += 1;
                }
                None => {
                    let (_, passed) = self.0.remove(at);
                    found = found.or(Some(passed));
                }
            }
        }
        Ok(found)
    }
}
