//! How much room the disk has: two watermarks, and a tick that has the committer look.
//!
//! Below the first one no document is admitted, while what is sent and heard is still recorded, into a segment
//! that was reserved before; below the second one nothing is written. Both are left by themselves, with a
//! segment's length to spare, so that a disk at a mark does not go back and forth.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::store::embedded::Config;
use crate::store::embedded::committer::Call;
use crate::store::{Error, Space};

/// The disk of a store.
pub struct Disk {
    directory: PathBuf,
    low_bytes: u64,
    full_bytes: u64,
    spare_bytes: u64,
}

impl Disk {
    /// The disk of this store's directory.
    pub fn new(config: &Config) -> Disk {
        Disk {
            directory: config.directory.clone(),
            low_bytes: config.low_bytes,
            full_bytes: config.full_bytes,
            spare_bytes: config.segment_bytes,
        }
    }

    /// How much room there is, after this much; a disk that does not say has what it had.
    pub fn room(&self, before: Space) -> Space {
        match free_bytes(&self.directory) {
            Ok(free) => self.judge(free, before),
            Err(_) => before,
        }
    }

    fn judge(&self, free: u64, before: Space) -> Space {
        let above = |mark: u64, left: bool| {
            free >= mark.saturating_add(if left { 0 } else { self.spare_bytes })
        };
        let is_low = !above(self.low_bytes, before == Space::Ample);
        let is_full = !above(self.full_bytes, before != Space::Full);
        match (is_full && self.full_bytes > 0, is_low && self.low_bytes > 0) {
            (true, _) => Space::Full,
            (false, true) => Space::Low,
            (false, false) => Space::Ample,
        }
    }
}

/// Bytes that are free for this process where a directory is.
pub fn free_bytes(directory: &std::path::Path) -> Result<u64, Error> {
    let found = rustix::fs::statvfs(directory);
    let found = found.map_err(|error| Error::Read(error.to_string().into()))?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Has the committer look every so often; ends when the sender is dropped.
pub fn ticker(
    every: Duration,
    queue: mpsc::WeakSender<Call>,
) -> (SyncSender<()>, impl FnOnce() + Send + 'static) {
    let (alive, ended): (_, Receiver<()>) = sync_channel(0);
    let tick = move || {
        while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(every) {
            let Some(queue) = queue.upgrade() else { return };
            // A queue that is full is looked after.
            let _ = queue.try_send(Call::Look);
        }
    };
    (alive, tick)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mark_is_left_with_a_segment_to_spare() {
        let disk = Disk {
            directory: PathBuf::new(),
            low_bytes: 1000,
            full_bytes: 100,
            spare_bytes: 50,
        };
        for (free, before, expected) in [
            (1000, Space::Ample, Space::Ample),
            (999, Space::Ample, Space::Low),
            (1049, Space::Low, Space::Low),
            (1050, Space::Low, Space::Ample),
            (100, Space::Low, Space::Low),
            (99, Space::Low, Space::Full),
            (99, Space::Ample, Space::Full),
            (149, Space::Full, Space::Full),
            (150, Space::Full, Space::Low),
            (1049, Space::Full, Space::Low),
            (1050, Space::Full, Space::Ample),
        ] {
            assert_eq!(
                disk.judge(free, before),
                expected,
                "{free} after {before:?}"
            );
        }
        let unwatched = Disk {
            low_bytes: 0,
            full_bytes: 0,
            ..disk
        };
        assert_eq!(unwatched.judge(0, Space::Ample), Space::Ample);
    }
}
