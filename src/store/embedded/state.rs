//! What health tells without asking anyone: how far the index is, how full the disk is, and why the store does not
//! commit.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::claims::entry::Position;
use crate::store::{Error, Readiness, Space};

/// Beyond all percents: the index is not being built anew.
const SOUND: u8 = u8::MAX;

/// Shared by the store and its threads.
pub struct State {
    applied: AtomicU64,
    /// Percent of the index that is being built anew, or [`SOUND`].
    rebuilding: AtomicU8,
    inner: Mutex<Inner>,
}

struct Inner {
    room: Space,
    trouble: Option<Trouble>,
    /// Since when the batch that is being committed is.
    begun: Option<Instant>,
    /// Until when sending and receipts go before documents.
    resumes: Option<Instant>,
}

/// Why nothing is committed.
struct Trouble {
    summary: &'static str,
    error: Error,
    end: End,
}

/// How it ends.
#[derive(PartialEq, Eq)]
enum End {
    /// By itself, when the journal could be opened anew.
    Reopened,
    /// With the process.
    Never,
}

impl State {
    /// All is well, and the index is applied up to a position.
    pub fn applied(position: Position) -> State {
        State {
            applied: AtomicU64::new(position.0),
            rebuilding: AtomicU8::new(SOUND),
            inner: Mutex::new(Inner {
                room: Space::Ample,
                trouble: None,
                begun: None,
                resumes: None,
            }),
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

    /// The index was not there for so long: for as long, and no longer than `most`, what waited to be sent and heard
    /// goes before documents.
    pub fn resumes(&self, gone: Duration, most: Duration) {
        self.lock().resumes = Instant::now().checked_add(gone.min(most));
    }

    /// How many percent of the index are there, while it is built anew.
    pub fn rebuilding(&self) -> Option<u8> {
        let percent = self.rebuilding.load(Ordering::Acquire);
        (percent != SOUND).then_some(percent)
    }

    /// A batch begins to be committed: whoever comes now waits for its end at least.
    pub fn batch_begins(&self) {
        self.lock().begun = Some(Instant::now());
    }

    /// It is committed, or will not be.
    pub fn batch_ended(&self) {
        self.lock().begun = None;
    }

    /// For how long whoever waits has waited, about.
    pub fn waits_for(&self) -> Duration {
        let begun = self.lock().begun;
        begun.map_or(Duration::ZERO, |begun| begun.elapsed())
    }

    /// The disk has so much room; gives what was said before.
    pub fn set_room(&self, room: Space) -> Space {
        std::mem::replace(&mut self.lock().room, room)
    }

    /// How much room the disk has.
    pub fn room(&self) -> Space {
        self.lock().room
    }

    /// Nothing can be committed until the journal could be opened anew.
    pub fn pause(&self, summary: &'static str, error: Error) {
        self.trouble(summary, error, End::Reopened);
    }

    /// The journal was opened anew.
    pub fn resume(&self) {
        let mut inner = self.lock();
        inner
            .trouble
            .take_if(|trouble| trouble.end == End::Reopened);
    }

    /// Nothing can be committed any more. The first reason is the one that is kept.
    pub fn fail(&self, summary: &'static str, error: Error) {
        self.trouble(summary, error, End::Never);
    }

    /// Whether it can commit, but for how many commands wait.
    pub fn readiness(&self) -> Readiness {
        let inner = self.lock();
        match (&inner.trouble, inner.room) {
            (Some(trouble), _) => Readiness::Failed(trouble.summary),
            (None, Space::Ample | Space::Low) if self.rebuilding().is_some() => {
                Readiness::Rebuilding {
                    percent: self.rebuilding().unwrap_or(100),
                }
            }
            (None, Space::Ample) if inner.resumes.is_some_and(|until| Instant::now() < until) => {
                Readiness::Resuming
            }
            (None, Space::Ample) => Readiness::Ready,
            (None, Space::Low) => Readiness::LowOnDisk,
            (None, Space::Full) => Readiness::Failed("the disk is full"),
        }
    }

    /// What to answer when nothing can be committed.
    pub fn error(&self) -> Error {
        match &self.lock().trouble {
            Some(trouble) => trouble.error.clone(),
            None => Error::Stopped("it was closed".into()),
        }
    }

    fn trouble(&self, summary: &'static str, error: Error, end: End) {
        let mut inner = self.lock();
        if inner
            .trouble
            .as_ref()
            .is_none_or(|trouble| trouble.end == End::Reopened)
        {
            inner.trouble = Some(Trouble {
                summary,
                error,
                end,
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it is held.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_waited_goes_first_for_as_long_as_it_waited() {
        let seconds = Duration::from_secs;
        for (gone, most, first) in [(0, 5, 0), (2, 5, 2), (600, 5, 5), (600, 0, 0)] {
            let state = State::applied(Position(0));
            state.resumes(seconds(gone), seconds(most));
            for passed in 0..7 {
                let expected = if passed < first {
                    Readiness::Resuming
                } else {
                    Readiness::Ready
                };
                assert_eq!(state.readiness(), expected, "{gone} {most} {passed}");
                tokio::time::advance(seconds(1)).await;
            }
        }
    }

    #[test]
    fn what_is_worse_is_said_first() {
        let state = State::applied(Position(0));
        state.resumes(Duration::MAX, Duration::from_secs(3600));
        assert_eq!(state.readiness(), Readiness::Resuming);
        state.set_room(Space::Low);
        assert_eq!(state.readiness(), Readiness::LowOnDisk);
        state.rebuilds(3);
        assert_eq!(state.readiness(), Readiness::Rebuilding { percent: 3 });
        state.fail("it failed", Error::Busy);
        assert_eq!(state.readiness(), Readiness::Failed("it failed"));
    }
}
