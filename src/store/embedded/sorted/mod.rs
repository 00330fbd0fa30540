//! Sorted files: immutable keys and values of what is finished, beside the tree of what is live.
//!
//! A file is written once, under the name `ORDINAL.new`, synced, renamed to `ORDINAL.sorted` and its directory synced;
//! then it is read and at last removed, never changed. Which files count is written in the tree
//! ([`crate::store::embedded::tree`]): a file that it does not name was never finished or is replaced, and is removed
//! by the next start. Nothing in a file is the only copy of anything. Must never give out a byte that it has not
//! checked.
//!
//! # Form of a file
//! | part | what |
//! |---|---|
//! | blocks | pairs in order of key, about 16 KiB each, and a CRC32C |
//! | index | of each block its length and first key; of each table its first and last key |
//! | filter | a Bloom filter over the keys that are asked for singly |
//! | footer | magic, version, ordinal, count of pairs, lengths and CRC32C of index and filter, CRC32C of the footer |
//!
//! A pair is: how many bytes its key shares with the one before it in its block, how many follow, the value's length
//! (each a LEB128 number), those bytes of the key, the value. The checksum of a block also runs over the ordinal of its
//! file and its offset, so that a block in another place is no block.
//!
//! A key that is not there costs no reading, but for one in about two hundred that the filter lets pass. Index and
//! filter are held in memory: about 1.5 bytes for each key that is asked for singly, and 3 for each KiB of pairs; and
//! of blocks that were read, as many as the cache has room for.

pub mod cache;
pub mod filter;
mod format;
pub mod writer;
pub mod file;
pub mod merge;
pub mod shelf;

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a file cannot be written or read. Files are named without their directory.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("{file}: {kind}")]
    Io {
        /// The file.
        file: Arc<str>,
        /// What the system said, without the path that some errors carry.
        kind: std::io::ErrorKind,
    },
    /// Bytes are not as they were written.
    #[error("{file}: damaged at byte {offset}: {what}")]
    Damaged {
        /// The file.
        file: Arc<str>,
        /// Where.
        offset: u64,
        /// What was found.
        what: &'static str,
    },
}

impl Error {
    pub fn io(path: &Path, error: &std::io::Error) -> Error {
        Error::Io {
            file: name_of(path),
            kind: error.kind(),
        }
    }

    fn damaged(path: &Path, offset: u64, what: &'static str) -> Error {
        Error::Damaged {
            file: name_of(path),
            offset,
            what,
        }
    }
}

/// The path of the file with an ordinal.
pub fn path_of(directory: &Path, ordinal: u64) -> PathBuf {
    directory.join(format!("{ordinal:010}.sorted"))
}

fn unfinished(directory: &Path, ordinal: u64) -> PathBuf {
    directory.join(format!("{ordinal:010}.new"))
}

fn name_of(path: &Path) -> Arc<str> {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into()
}

#[cfg(test)]
mod tests;
