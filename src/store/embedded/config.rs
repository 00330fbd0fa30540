//! Settings of the embedded store. What each bounds, and what happens at the bound, stands here once.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use crate::store::embedded::encryption::Encryption;
use crate::store::embedded::tree::Sizes;
use crate::store::journal::pack::Compression;

/// Where the store is and what bounds it.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Directory of journal, index and secret.
    pub directory: PathBuf,
    /// Bytes of a journal segment.
    pub segment_bytes: u64,
    /// At most so many commands share a sync.
    pub batch_commands: NonZeroUsize,
    /// No further command joins a batch of so many bytes.
    pub batch_bytes: usize,
    /// At most so many commands wait; from three quarters on, intake should shed.
    pub queue_commands: NonZeroUsize,
    /// When a batch is not committed after so many seconds, intake should shed; 0: never.
    pub queue_seconds: f64,
    /// When the index was not there for a while, what waited to be sent and heard goes before documents for as long, and
    /// for so many seconds at most.
    pub resume_seconds: f64,
    /// At most about so many bytes of changes wait for the index; then commits wait too.
    pub overlay_bytes: usize,
    /// Bytes of memory for pages of the index: five sixths for the tree, the rest for blocks of sorted files.
    pub cache_bytes: u64,
    /// Where changes wait whose keys may lie in sorted files, from so many bytes on they are written there at once.
    pub sorted_bytes: usize,
    /// With fewer bytes free on the disk no document is admitted; 0: never.
    pub low_bytes: u64,
    /// With fewer bytes free on the disk nothing is written; 0: never.
    pub full_bytes: u64,
    /// Seconds between two looks at the disk: how full it is, and whether a journal that failed can go on.
    pub look_seconds: f64,
    /// Whether bodies are compressed.
    pub compression: Compression,
    /// How bodies are encrypted.
    pub encryption: Encryption,
    /// So many days after a document was finished it leaves the index for sorted files.
    pub finished_days: u16,
    /// Seconds between two rounds that take finished documents along.
    pub round_seconds: f64,
    /// Bytes that such a round reads or writes in a second, about.
    pub round_bytes_second: NonZeroU64,
}

impl Default for Config {
    fn default() -> Config {
        let thousand = const { NonZeroUsize::new(1024).expect("1024 is not zero") };
        Config {
            directory: PathBuf::from("/var/lib/bordereau"),
            segment_bytes: 64 << 20,
            batch_commands: thousand,
            batch_bytes: 8 << 20,
            queue_commands: thousand,
            queue_seconds: 2.0,
            resume_seconds: 5.0,
            overlay_bytes: 32 << 20,
            cache_bytes: 96 << 20,
            sorted_bytes: 1 << 20,
            low_bytes: 1 << 30,
            full_bytes: 256 << 20,
            look_seconds: 1.0,
            compression: Compression::default(),
            encryption: Encryption::default(),
            finished_days: 30,
            round_seconds: 600.0,
            round_bytes_second: const { NonZeroU64::new(16 << 20).expect("it is not zero") },
        }
    }
}

impl Config {
    pub(super) fn patience(&self) -> Duration {
        match Duration::try_from_secs_f64(self.queue_seconds) {
            Ok(Duration::ZERO) | Err(_) => Duration::MAX,
            Ok(seconds) => seconds,
        }
    }

    pub(super) fn resume(&self) -> Duration {
        Duration::try_from_secs_f64(self.resume_seconds).unwrap_or_default()
    }

    pub(super) fn sizes(&self) -> Sizes {
        Sizes {
            cache_bytes: self.cache_bytes,
            sorted_bytes: self.sorted_bytes,
        }
    }
}
