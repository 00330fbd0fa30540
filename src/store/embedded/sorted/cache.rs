//! Blocks of sorted files that were read and checked, in memory up to a bound: documents that came together are asked
//! for together, and a block has some forty of them.

use std::fmt;
use std::sync::Arc;

use quick_cache::Weighter;

use crate::store::embedded::sorted::format::BLOCK;

/// The pairs of a block, without its checksum.
pub type Block = Arc<Vec<u8>>;

/// A file by its ordinal, and a place in it: no ordinal is given twice.
type Place = (u64, usize);

/// Shared by all files of a shelf.
#[derive(Clone)]
pub struct Cache(Arc<quick_cache::sync::Cache<Place, Block, Bytes>>);

#[derive(Clone)]
struct Bytes;

impl Weighter<Place, Block> for Bytes {
    fn weight(&self, _: &Place, block: &Block) -> u64 {
        block.len() as u64
    }
}

impl Cache {
    /// Of at most so many bytes.
    pub fn with_room(bytes: u64) -> Cache {
        let blocks = usize::try_from(bytes).unwrap_or(usize::MAX) / BLOCK;
        let cache = quick_cache::sync::Cache::with_weighter(blocks, bytes, Bytes);
        Cache(Arc::new(cache))
    }

    /// The block of a file that has this number, read if it is not in memory.
    pub fn get<E>(
        &self,
        ordinal: u64,
        number: usize,
        read: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Block, E> {
        if let Some(block) = self.0.get(&(ordinal, number)) {
            return Ok(block);
        }
        let block = Arc::new(read()?);
        self.0.insert((ordinal, number), block.clone());
        Ok(block)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} blocks", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_no_more_than_it_has_room_for() {
        let room = 64 * BLOCK as u64;
        let cache = Cache::with_room(room);
        for number in 0..1_000 {
            let block = cache.get(1, number, || Ok::<_, ()>(vec![number as u8; BLOCK]));
            assert_eq!(block.unwrap()[0], number as u8);
        }
        assert!(cache.0.weight() <= room, "{cache:?}");
        assert!(cache.0.len() > 8, "{cache:?}");
    }

    #[test]
    fn a_block_is_read_once_and_is_that_of_its_file() {
        let cache = Cache::with_room(64 * BLOCK as u64);
        let read = |ordinal, with| cache.get(ordinal, 5, || with).unwrap()[0];
        assert_eq!(read(1, Ok(vec![7])), 7);
        assert_eq!(read(1, Err("read again")), 7);
        assert_eq!(read(2, Ok(vec![8])), 8);
        assert_eq!(
            cache.get(3, 5, || Err("damaged")),
            Err("damaged"),
            "of a file"
        );
        assert_eq!(cache.get(3, 5, || Ok::<_, ()>(vec![9])).unwrap()[0], 9);
    }
}
