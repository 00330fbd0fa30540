//! Why the journal did not open, write or read.
//!
//! Must never carry a directory or a value of a document: file names, offsets and fixed words only.

use std::io;
use std::path::Path;
use std::sync::Arc;

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
    /// A place names a segment that does not exist.
    #[error("there is no segment {0}")]
    NoSegment(u64),
    /// The journal does not lead from one given place to the other.
    #[error("the journal ends elsewhere than it did")]
    Diverged,
    /// A record or batch beyond what the format can hold.
    #[error("a batch of {0} bytes is too large")]
    TooLarge(usize),
    /// A write or sync failed before; nothing more is written until the journal is opened anew.
    #[error("the journal stopped after a failed write or sync")]
    Stopped,
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
            | Error::NoSegment(_)
            | Error::Diverged
            | Error::TooLarge(_)
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
