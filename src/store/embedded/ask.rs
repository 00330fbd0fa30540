//! Questions to the index, each on a thread that may block.
//!
//! A view keeps commits waiting as soon as the overlay is full. So who asks for one state of the index is answered soon,
//! and who reads files takes views of its own, none for long. Must never keep a view while a segment is read whole.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

use crate::claims::entry::{Position, Stamped};
use crate::store::Error;
use crate::store::embedded::overlay::View;
use crate::store::embedded::{Embedded, places};
use crate::store::journal;
use crate::store::journal::reader::Reader;

/// So long whoever asks waits for another question's end: a check of a large ledger takes an hour.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who waits for an answer, for as long as that is.
pub struct Asker(Weak<()>);

impl Asker {
    /// Whether to go on.
    ///
    /// # Errors
    /// When nobody waits any more.
    pub fn waits(&self) -> Result<(), Error> {
        match self.0.strong_count() {
            0 => Err(Error::Read("nobody waits for the answer".into())),
            _ => Ok(()),
        }
    }
}

impl Embedded {
    /// A question that is answered by one state of the index, and soon.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&View) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let overlay = self.overlay.clone();
        self.ask_apart(move |_| question(&overlay.view())).await
    }

    /// A question that may take long. It takes views of its own, none for long: commits wait for who keeps one. It ends
    /// soon after whoever asked has gone.
    pub(super) async fn ask_apart<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Asker) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        if self.state.rebuilding().is_some() {
            return Err(Error::Busy);
        }
        let waits = Arc::new(());
        let asker = Asker(Arc::downgrade(&waits));
        let answer = tokio::task::spawn_blocking(move || question(&asker)).await;
        drop(waits);
        answer.unwrap_or_else(|_| Err(Error::Read("a read ended in a panic".into())))
    }

    /// The same of one that reads many segments, for whom somebody waits: he is told soon when another one takes long.
    ///
    /// # Errors
    /// [`Error::Busy`] when another one has not ended within [`PATIENCE`].
    pub(super) async fn ask_next<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Asker) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = tokio::time::timeout(PATIENCE, self.reading.clone().lock_owned());
        let alone = turn.await.map_err(|_| Error::Busy)?;
        self.ask_with(alone, question).await
    }

    /// The same of one that reads many segments: the next one begins when it has ended.
    pub(super) async fn ask_alone<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Asker) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let alone = self.reading.clone().lock_owned().await;
        self.ask_with(alone, question).await
    }

    async fn ask_with<T: Send + 'static>(
        &self,
        alone: OwnedMutexGuard<()>,
        question: impl FnOnce(&Asker) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let asked = move |asker: &Asker| {
            let _alone = alone;
            question(asker)
        };
        self.ask_apart(asked).await
    }
}

/// Entries after a position, as far as a view has them; of those that a foundation stands for, the ones that stay.
pub(super) fn entries(
    view: &View,
    reader: &Reader,
    after: Position,
    most: usize,
) -> Result<Vec<(Position, Stamped)>, Error> {
    let upto = view.position();
    if after >= upto {
        return Ok(Vec::new());
    }
    let mut found = reader.kept(after, most).map_err(unreadable)?;
    let after = after.max(reader.begin().position);
    if found.len() < most && after < upto {
        let mark = places::mark(view, Position(after.0 + 1))?;
        let rest = reader.entries(mark, after, upto, most - found.len());
        found.extend(rest.map_err(unreadable)?);
    }
    let read = found
        .into_iter()
        .map(|(position, bytes)| match Stamped::read(&bytes) {
            Ok(stamped) => Ok((position, stamped)),
            Err(bad) => Err(Error::Read(bad.to_string().into())),
        });
    read.collect()
}

pub(super) fn unreadable(error: journal::Error) -> Error {
    Error::Read(error.to_string().into())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use tempfile::TempDir;

    use super::*;
    use crate::claims::retention::Rules;
    use crate::store::embedded::tests::{config, open_config};
    use crate::store::retention::Retaining as _;
    use crate::store::{Unobserved, contract};

    #[tokio::test(start_paused = true)]
    async fn a_plan_is_refused_soon_while_a_check_takes_long() {
        let directory = TempDir::new().unwrap();
        let store = open_config(&config(directory.path()), Arc::new(Unobserved)).unwrap();
        let checks = store.reading.clone().lock_owned().await;
        let (at, rules) = (contract::now(), Rules::default());
        assert!(matches!(store.plan(at, rules).await, Err(Error::Busy)));
        assert!(matches!(store.ending(at, rules).await, Err(Error::Busy)));
        drop(checks);
        assert!(store.plan(at, rules).await.is_ok());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_question_ends_after_whoever_asked() {
        let directory = TempDir::new().unwrap();
        let store = open_config(&config(directory.path()), Arc::new(Unobserved)).unwrap();
        let store = Arc::new(store);
        let ((begins, begun), (ends, ended)) = (sync_channel(1), sync_channel(1));
        let asks = store.clone();
        let asked = tokio::spawn(async move {
            let question = move |asker: &Asker| {
                begins.send(()).unwrap();
                while asker.waits().is_ok() {
                    std::thread::yield_now();
                }
                ends.send(()).unwrap();
                asker.waits()
            };
            asks.ask_alone(question).await
        });
        begun.recv().unwrap();
        asked.abort();
        ended.recv().unwrap();
        // The next one has its turn.
        assert!(store.ask_next(Asker::waits).await.is_ok());
        assert!(store.ask_alone(Asker::waits).await.is_ok());
    }
}
