//! The opening of the store, on a thread that may block: first its journal, then its index, which may take its time.
//!
//! Dropped, it has the store break off what it does: a gateway that is told to end does not first build an index. What
//! that leaves, the next start goes on from.

use std::sync::Arc;

use tokio_util::sync::DropGuard;

use crate::app::Error;
use crate::app::observers::Observers;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::embedded::recovered::Recovered;
use crate::store::embedded::{Embedded, OpenError};
use crate::store::journal;

/// A store that is being opened.
pub struct Opening {
    recovered: Recovered,
    _wanted: DropGuard,
}

impl Opening {
    /// Takes the lock and recovers the journal.
    pub async fn recover(
        config: &Config,
        clock: Arc<dyn Clock>,
        observers: Arc<Observers>,
    ) -> Result<Opening, Error> {
        let config = config.store.clone();
        let wanted = observers.wanted();
        let recovered = blocking(move || {
            let now = clock.now();
            Recovered::open(&config, now, Box::new(move || clock.salt()), observers)
        });
        Ok(Opening {
            recovered: recovered.await?,
            _wanted: wanted,
        })
    }

    /// Brings the index up.
    pub async fn finish(self) -> Result<Arc<Embedded>, Error> {
        let recovered = self.recovered;
        let store = blocking(move || recovered.finish()).await?;
        Ok(Arc::new(store))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(Error::start)?.map_err(|error| match error {
        // Keys that do not fit are for the configuration to mend.
        OpenError::Master(_) | OpenError::Journal(journal::Error::Key(_)) => Error::config(error),
        error => Error::Store(error.into()),
    })
}
