//! Why the journal did not open, write or read.
//!
//! Must never carry a directory or a value of a document: file names, offsets and fixed words only.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::store::journal::master::MasterId;

/// Why the journal did not open, write or read. Files are named without their directory.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("{file}: {source}")]
    Io {
        /// The file.
        file: Arc<str>,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// Another process has this directory.
    #[error("another process has the journal open")]
    Locked,
    /// A later version wrote this.
    #[error("{file}: written by a later version ({version})")]
    Version {
        /// The file.
        file: Arc<str>,
        /// Its version of the format.
        version: u16,
    },
    /// Bytes are not as they were written.
    #[error("{file}: damaged at byte {offset}: {what}")]
    Corrupt {
        /// The file.
        file: Arc<str>,
        /// Where.
        offset: u64,
        /// What was found.
        what: &'static str,
    },
    /// A place names a body of a segment whose bodies are gone.
    #[error("the bodies of segment {0} are gone")]
    Archived(u64),
    /// A place names a segment that a foundation stands for.
    #[error("segment {0} is gone: a foundation stands for it")]
    Founded(u64),
    /// A place names a segment that does not exist.
    #[error("there is no segment {0}")]
    NoSegment(u64),
    /// The journal does not lead from one given place to the other.
    #[error("the journal ends elsewhere than it did")]
    Diverged,
    /// A record or batch beyond what the format can hold.
    #[error("a batch of {0} bytes is too large")]
    TooLarge(usize),
    /// What was sealed cannot be opened, or nothing can be sealed: the keys do not fit.
    #[error("{0}")]
    Key(KeyFault),
    /// The body was sealed under a key that was forgotten since: it was purged.
    #[error("segment {0}: the body was purged")]
    Purged(u64),
    /// A write or sync failed before; nothing more is written until the journal is opened anew.
    #[error("the journal stopped after a failed write or sync")]
    Stopped,
}

/// Why the keys of a store do not fit it. Each says what to do; none of them touches anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// It is sealed, and no master key is given.
    #[error(
        "the bodies of this store are encrypted and no master key is given: name its file in `store.encryption.master_key`"
    )]
    NoMaster,
    /// It is sealed under another master key.
    #[error(
        "the master key is another one (id {given}) than this store is encrypted under (id {needed}): put that key into the file of `store.encryption.master_key`, or beside it under the same name and `.next`"
    )]
    OtherMaster {
        /// Under which it is sealed.
        needed: MasterId,
        /// Which was given.
        given: MasterId,
    },
    /// Segments are sealed, and the file of their keys is gone.
    #[error(
        "the key file `keys` is missing: put its newest copy into the store's directory; without it no body can be read"
    )]
    Missing,
    /// The file of the keys is older than the journal.
    #[error(
        "the key file `keys` has no key for segment {segment}: it is an older copy; put its newest copy into the store's directory"
    )]
    Unknown {
        /// Ordinal of the segment.
        segment: u64,
    },
    /// The file of the keys is not as it was written.
    #[error(
        "the key file `keys` is damaged: put its newest copy into the store's directory; without it no body can be read"
    )]
    Damaged,
    /// A later version wrote it.
    #[error("the key file `keys` was written by a later version ({0})")]
    Version(u16),
}

impl Error {
    /// Whether the disk has no room.
    pub fn is_no_room(&self) -> bool {
        match self {
            Error::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            ),
            Error::Locked
            | Error::Version { .. }
            | Error::Corrupt { .. }
            | Error::Archived(_)
            | Error::Founded(_)
            | Error::NoSegment(_)
            | Error::Diverged
            | Error::TooLarge(_)
            | Error::Key(_)
            | Error::Purged(_)
            | Error::Stopped => false,
        }
    }

    /// Whether it is one segment's own trouble: it is damaged, missing, or the disk does not give it.
    pub fn is_of_one_segment(&self) -> bool {
        match self {
            Error::Io { .. } | Error::Corrupt { .. } | Error::NoSegment(_) | Error::Diverged => {
                true
            }
            Error::Locked
            | Error::Version { .. }
            | Error::Archived(_)
            | Error::Founded(_)
            | Error::TooLarge(_)
            | Error::Key(_)
            | Error::Purged(_)
            | Error::Stopped => false,
        }
    }

    /// The error of an operation on a file.
    pub fn io(path: &Path, source: &io::Error) -> Error {
        Error::Io {
            file: name_of(path),
            // Kind and code without the path that some sources carry.
            source: Arc::new(match source.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => io::Error::from(source.kind()),
            }),
        }
    }

    /// The error that names a place of damage.
    pub fn corrupt(path: &Path, offset: u64, what: &'static str) -> Error {
        Error::Corrupt {
            file: name_of(path),
            offset,
            what,
        }
    }

    /// The error of a file that a later version wrote.
    pub fn version(path: &Path, version: u16) -> Error {
        Error::Version {
            file: name_of(path),
            version,
        }
    }
}

fn name_of(path: &Path) -> Arc<str> {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into()
}
