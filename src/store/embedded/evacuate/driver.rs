//! Asks the committer, and lets commits pass.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::claims::retention::Evacuated;
use crate::claims::time::Timestamp;
use crate::store::embedded::committer::{Call, Request};
use crate::store::embedded::evacuate::Meanwhile;
use crate::store::index::Changes;
use crate::store::retention::Pace;
use crate::store::{Body, BodyId, Command, Conflict, Error};

/// So long it waits for commits before it goes on all the same.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two looks whether commits still wait.
const LOOK: Duration = Duration::from_millis(10);

/// Asks the committer, and lets commits pass.
pub struct Driver {
    /// To the committer.
    pub queue: mpsc::Sender<Call>,
    /// How fast.
    pub pace: Pace,
}

impl Driver {
    /// Has bodies copied into the current segment.
    pub async fn carry(&self, bodies: Vec<(BodyId, Body)>) -> Result<(), Error> {
        self.let_pass().await;
        let (answer, answered) = oneshot::channel();
        self.send(Call::Carry { bodies, answer }).await?;
        answered.await.map_err(|_| ended())?
    }

    /// Has a new segment begun.
    pub async fn roll(&self) -> Result<(), Error> {
        self.let_pass().await;
        let (answer, answered) = oneshot::channel();
        self.send(Call::Roll { answer }).await?;
        answered.await.map_err(|_| ended())?
    }

    /// Commits the end of bodies; false if they are to be judged anew. It lets nobody pass: what was said until now was
    /// heard.
    pub async fn end(
        &self,
        at: Timestamp,
        evacuated: Evacuated,
        beside: Changes,
        meanwhile: Meanwhile,
    ) -> Result<bool, Error> {
        let (answer, answered) = oneshot::channel();
        let request = Request {
            at,
            command: Command::Evacuated(evacuated),
            packed: BTreeMap::new(),
            answer,
            workers: None,
        };
        let clear = Call::Clear {
            request,
            beside,
            meanwhile,
        };
        self.send(clear).await?;
        match answered.await.map_err(|_| ended())??.done()? {
            Ok(_) => Ok(true),
            Err(Conflict::Stale) => Ok(false),
            Err(_) => Err(Error::Impossible("bodies end, or a hold stands")),
        }
    }

    async fn send(&self, call: Call) -> Result<(), Error> {
        self.queue.send(call).await.map_err(|_| ended())
    }

    /// While many commands wait, it waits too; never for ever.
    pub async fn let_pass(&self) {
        let waiting = || self.queue.max_capacity() - self.queue.capacity();
        let mut waited = Duration::ZERO;
        while waiting() > self.pace.pause_commands && waited < PATIENCE {
            tokio::time::sleep(LOOK).await;
            waited += LOOK;
        }
    }

    /// As long as so many bytes take.
    pub async fn pause(&self, bytes: u64) {
        tokio::time::sleep(self.pace.of(bytes)).await;
    }
}

fn ended() -> Error {
    Error::Stopped("it was closed".into())
}
