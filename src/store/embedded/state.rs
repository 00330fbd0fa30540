//! What health tells without asking anyone: how far the index is, and why the store stopped.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::claims::entry::Position;
use crate::store::Error;

/// Beyond all percents: the index is not being built anew.
const SOUND: u8 = u8::MAX;

/// Shared by the store and its threads; a failure is final.
pub struct State {
    applied: AtomicU64,
    /// Percent of the index that is being built anew, or [`SOUND`].
    rebuilding: AtomicU8,
    failure: OnceLock<(&'static str, Error)>,
}

impl State {
    /// All is well, and the index is applied up to a position.
    pub fn applied(position: Position) -> State {
        State {
            applied: AtomicU64::new(position.0),
            rebuilding: AtomicU8::new(SOUND),
            failure: OnceLock::new(),
        }
    }

    /// The index is applied up to here.
    pub fn set_applied(&self, position: Position) {
        self.applied.store(position.0, Ordering::Relaxed);
    }

    /// How many entries up to a position the index has not.
    pub fn lag(&self, position: Position) -> u64 {
        let applied = self.applied.load(Ordering::Relaxed);
        position.0.saturating_sub(applied)
    }

    /// The index failed and is built anew: so many percent of it are there.
    pub fn rebuilds(&self, percent: u8) {
        self.rebuilding.store(percent.min(100), Ordering::Release);
    }

    /// The index is there again, or there will be none.
    pub fn rebuilds_no_more(&self) {
        self.rebuilding.store(SOUND, Ordering::Release);
    }

    /// How many percent of the index are there, while it is built anew.
    pub fn rebuilding(&self) -> Option<u8> {
        let percent = self.rebuilding.load(Ordering::Acquire);
        (percent != SOUND).then_some(percent)
    }

    /// Nothing can be committed any more. The first reason is the one that is kept.
    pub fn fail(&self, summary: &'static str, error: Error) {
        let _ = self.failure.set((summary, error));
    }

    /// Why nothing can be committed, for people.
    pub fn failed(&self) -> Option<&'static str> {
        self.failure.get().map(|(summary, _)| *summary)
    }

    /// What to answer when nothing can be committed.
    pub fn error(&self) -> Error {
        match self.failure.get() {
            Some((_, error)) => error.clone(),
            None => Error::Stopped("it was closed".into()),
        }
    }
}
