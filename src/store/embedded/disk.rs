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
use crate::store::{Error, Room};

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
    pub fn room(&self, before: Room) -> Room {
        match free_bytes(&self.directory) {
            Ok(free) => self.judge(free, before),
            Err(_) => before,
        }
    }

    fn judge(&self, free: u64, before: Room) -> Room {
        let above = |mark: u64, left: bool| {
            free >= mark.saturating_add(if left { 0 } else { self.spare_bytes })
        };
        let is_low = !above(self.low_bytes, before == Room::Ample);
        let is_full = !above(self.full_bytes, before != Room::Full);
        match (is_full && self.full_bytes > 0, is_low && self.low_bytes > 0) {
            (true, _) => Room::Full,
            (false, true) => Room::Low,
            (false, false) => Room::Ample,
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
            (1000, Room::Ample, Room::Ample),
            (999, Room::Ample, Room::Low),
            (1049, Room::Low, Room::Low),
            (1050, Room::Low, Room::Ample),
            (100, Room::Low, Room::Low),
            (99, Room::Low, Room::Full),
            (99, Room::Ample, Room::Full),
            (149, Room::Full, Room::Full),
            (150, Room::Full, Room::Low),
            (1049, Room::Full, Room::Low),
            (1050, Room::Full, Room::Ample),
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
        assert_eq!(unwatched.judge(0, Room::Ample), Room::Ample);
    }
}
