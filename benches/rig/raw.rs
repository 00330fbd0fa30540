//! The least that a disk allows: bytes appended, one sync for all who wait.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::Bytes;
use rustix::fs::{FallocateFlags, fallocate};
use tokio::sync::{mpsc, oneshot};

/// Bytes that are reserved at once.
const RESERVE: u64 = 64 << 20;

/// One thread that appends what is ready, syncs, and answers all.
pub struct Raw(mpsc::Sender<(Bytes, oneshot::Sender<()>)>);

impl Raw {
    /// Begins a file in a directory; the thread ends with this.
    pub fn start(directory: &Path) -> Raw {
        let (sender, mut queue) = mpsc::channel::<(Bytes, oneshot::Sender<()>)>(1024);
        let file = File::create(directory.join("raw")).expect("a file is made");
        std::thread::spawn(move || {
            let mut buffer = Vec::new();
            let (mut written, mut reserved) = (0, 0);
            while let Some(first) = queue.blocking_recv() {
                buffer.clear();
                let mut answers = Vec::new();
                let mut next = Some(first);
                while let Some((bytes, answer)) = next {
                    buffer.extend_from_slice(&bytes);
                    answers.push(answer);
                    next = queue.try_recv().ok();
                }
                if written + buffer.len() as u64 > reserved {
                    // As the store does it: a file that grows is slower to sync.
                    fallocate(&file, FallocateFlags::empty(), reserved, RESERVE)
                        .expect("there is room for the file");
                    reserved += RESERVE;
                }
                file.write_all_at(&buffer, written)
                    .expect("the file takes bytes");
                written += buffer.len() as u64;
                file.sync_data().expect("the file is synced");
                for answer in answers {
                    let _ = answer.send(());
                }
            }
        });
        Raw(sender)
    }

    /// Appends bytes; they are synced when this returns.
    pub async fn append(&self, bytes: Bytes) {
        let (answer, answered) = oneshot::channel();
        let sent = self.0.send((bytes, answer)).await;
        sent.expect("the thread runs");
        answered.await.expect("the thread answers");
    }
}
