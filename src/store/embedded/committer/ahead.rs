//! A batch on its way to the disk while the next one is decided.
//!
//! One thread more writes and syncs what it is given, and knows nothing else. What is decided meanwhile stands on a batch
//! that may still fail: then it fails with it, and nobody hears of either. At most one batch is on its way.
//!
//! # When it pays
//! Callers who wait fall into two halves that take turns: each sync carries half as many. With `n` of them, deciding one
//! in `d` and a sync of `s` whatever it carries, that is better where `s` is less than `n` times `d`: on a disk
//! that syncs fast, under many callers. On any other, who comes during a sync waits for its end, and is in the next
//! batch with those who were answered by then.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use crate::store::embedded::committer::Call;
use crate::store::embedded::committer::answers::Answers;
use crate::store::embedded::overlay::Pending;
use crate::store::journal::{Laid, Tried};

/// Writing a batch takes less than so many times as long as deciding what is in the house: a part of it is the bytes,
/// which are halved with the batch.
const WORTH: u32 = 2;

/// Of about so many batches it is known what they took.
const MEMORY: u32 = 8;

/// What was in the house when a batch was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Commands of the batch, and of the one that was on its way while it was decided.
    pub commands: usize,
    /// How long it took to decide them.
    pub decided: Duration,
}

impl Load {
    /// This one and one beside it.
    pub fn with(self, other: Load) -> Load {
        Load {
            commands: self.commands + other.commands,
            decided: self.decided + other.decided,
        }
    }
}

/// Whether batches are decided while others are written, by what the last ones took.
#[derive(Debug, Default)]
pub struct Pace {
    is_ahead: bool,
    commands: usize,
    /// About how long it takes to decide what is in the house.
    decides: Duration,
    /// About how long it takes to write a batch.
    writes: Duration,
}

impl Pace {
    /// A batch was written, with so much in the house, and it took so long.
    pub fn learn(&mut self, load: Load, took: Duration) {
        self.commands = load.commands;
        // One batch that takes long does not tell a slow disk.
        self.decides = (self.decides * (MEMORY - 1) + load.decided) / MEMORY;
        self.writes = (self.writes * (MEMORY - 1) + took) / MEMORY;
        self.is_ahead = load.commands > 1 && self.writes < WORTH * self.decides;
    }

    /// Whether the next batch goes its way alone.
    pub fn is_ahead(&self) -> bool {
        self.is_ahead
    }

    /// From so many commands on a batch is written as soon as the disk is free; others are waited for as long as any are
    /// ready. Half of those in the house: the other half is decided meanwhile.
    pub fn enough(&self) -> usize {
        match self.is_ahead {
            true => self.commands.div_ceil(2),
            false => usize::MAX,
        }
    }
}

/// A batch that is being written, and what becomes of it.
pub struct Flight {
    /// Where it is told.
    pub done: oneshot::Receiver<Tried>,
    /// What it changes.
    pub pending: Pending,
    /// Its answers.
    pub answers: Answers,
    /// Number of its entries.
    pub entries: usize,
    /// What is in it.
    pub own: Load,
    /// What was in the house when it set out.
    pub load: Load,
}

impl Flight {
    /// What came of it, if it is over. Of one whose thread is gone nobody knows what was written.
    pub fn try_end(&mut self) -> Option<Option<Tried>> {
        match self.done.try_recv() {
            Ok(tried) => Some(Some(tried)),
            Err(oneshot::error::TryRecvError::Empty) => None,
            Err(oneshot::error::TryRecvError::Closed) => Some(None),
        }
    }
}

/// What the deciding thread waits for.
#[allow(
    clippy::large_enum_variant,
    reason = "it is taken apart where it is made"
)]
pub enum Next {
    /// Another call; none when no more come.
    Call(Option<Call>),
    /// The batch on its way is written, or not; none if nobody knows.
    Written(Option<Tried>),
}

/// The thread that writes. Dropping it waits for what it is writing.
pub struct Writer {
    orders: Option<SyncSender<Order>>,
    thread: Option<JoinHandle<()>>,
    /// On which the deciding thread waits for two things at once.
    waits: Runtime,
}

/// A batch to be written, and who waits for it.
pub type Order = (Laid, oneshot::Sender<Tried>);

impl Writer {
    /// Starts it; none where the system gives no thread: then nothing is decided ahead.
    pub fn start() -> Option<Writer> {
        let waits = tokio::runtime::Builder::new_current_thread().build().ok()?;
        let (orders, taken) = sync_channel(1);
        let thread = std::thread::Builder::new().name("store-writer".into());
        let thread = thread.spawn(move || write_all(&taken)).ok()?;
        Some(Writer {
            orders: Some(orders),
            thread: Some(thread),
            waits,
        })
    }

    /// One whose orders are taken by a test.
    #[cfg(test)]
    pub fn by_hand() -> (Writer, Receiver<Order>) {
        let (orders, taken) = sync_channel(1);
        let waits = tokio::runtime::Builder::new_current_thread().build();
        let writer = Writer {
            orders: Some(orders),
            thread: None,
            waits: waits.unwrap(),
        };
        (writer, taken)
    }

    /// Has a batch written. If nothing comes out of what is given back, nobody knows what was written.
    pub fn write(&self, laid: Laid) -> oneshot::Receiver<Tried> {
        let (done, written) = oneshot::channel();
        if let Some(orders) = &self.orders {
            // Who takes them has one at a time: else it is gone, and so is the order with the way back.
            let _ = orders.try_send((laid, done));
        }
        written
    }

    /// Waits for the end of what is being written.
    pub fn wait(&self, flight: &mut Flight) -> Option<Tried> {
        self.waits.block_on(&mut flight.done).ok()
    }

    /// The same, or for a call.
    pub fn next(&self, flight: &mut Flight, queue: &mut mpsc::Receiver<Call>) -> Next {
        self.waits.block_on(async {
            tokio::select! {
                biased;
                tried = &mut flight.done => Next::Written(tried.ok()),
                call = queue.recv() => Next::Call(call),
            }
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // If it panicked, what it should have written has failed.
            let _ = thread.join();
        }
    }
}

fn write_all(orders: &Receiver<Order>) {
    while let Ok((laid, done)) = orders.recv() {
        // Who waits ends before this thread does, except in a panic.
        let _ = done.send(laid.write());
    }
}
