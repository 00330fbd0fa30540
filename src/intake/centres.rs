//! The registry of centres as last read from the store, and what one caller sees of it.
//!
//! It may be a second behind the ledger: the decider looks at the centre again before it admits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::Instant;

use crate::claims::document::Purpose;
use crate::claims::entry::Position;
use crate::claims::id::{Destination, Finess, Name};
use crate::claims::registry::Centre;
use crate::claims::routes::Routes;
use crate::claims::rules::{Directory, Reach, Registration};
use crate::claims::time::Day;
use crate::store::{self, Store};

/// How old a snapshot may be while the ledger grows. Reading all centres takes a few milliseconds.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The registry, read again when the ledger has moved.
pub(super) struct Centres {
    store: Arc<dyn Store>,
    snapshot: ArcSwap<Snapshot>,
    looked: Mutex<Instant>,
}

/// All versions of all centres, as of a position.
pub(super) struct Snapshot {
    position: Position,
    versions: BTreeMap<Finess, Vec<Centre>>,
}

/// Centres and routes as a caller of one purpose sees them.
pub(super) struct View<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) routes: &'a Routes,
    pub(super) purpose: Purpose,
}

impl Centres {
    pub(super) async fn open(store: Arc<dyn Store>) -> Result<Centres, store::Error> {
        let snapshot = Snapshot::read(store.as_ref()).await?;
        Ok(Centres {
            store,
            snapshot: ArcSwap::from_pointee(snapshot),
            looked: Mutex::new(Instant::now()),
        })
    }

    /// The registry, at most [`LOOK_EVERY`] old. A store that cannot read leaves the last one in force: it
    /// will not be able to admit either.
    pub(super) async fn snapshot(&self) -> Arc<Snapshot> {
        let present = self.snapshot.load_full();
        if present.position == self.store.health().position || !self.is_time() {
            return present;
        }
        match Snapshot::read(self.store.as_ref()).await {
            Ok(snapshot) => {
                let snapshot = Arc::new(snapshot);
                self.snapshot.store(snapshot.clone());
                snapshot
            }
            Err(_) => present,
        }
    }

    /// Whether it is time to look again; true for one request only.
    fn is_time(&self) -> bool {
        // An instant is whole whoever panicked elsewhere.
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = looked.elapsed() >= LOOK_EVERY;
        if is_time {
            *looked = Instant::now();
        }
        is_time
    }
}

impl Snapshot {
    async fn read(store: &dyn Store) -> Result<Snapshot, store::Error> {
        // Taken before the reading: what comes in between is read again.
        let position = store.health().position;
        let versions = store.centres().await?;
        Ok(Snapshot { position, versions })
    }

    /// The gestionnaire of a centre: of the latest version that has begun.
    pub(super) fn gestionnaire(&self, centre: Finess, today: Day) -> Option<Name> {
        let version = Centre::begun(self.versions.get(&centre)?, today)?;
        Some(version.gestionnaire.clone())
    }
}

impl Directory for View<'_> {
    fn centre(&self, finess: Finess, day: Day) -> Registration {
        let versions = self.snapshot.versions.get(&finess);
        Registration::of(versions.map_or(&[], Vec::as_slice), day)
    }

    fn reaches(&self, destination: Destination) -> Reach {
        match self.routes.find(destination, self.purpose) {
            Some(_) => Reach::Routed,
            None => Reach::Unknown,
        }
    }
}
