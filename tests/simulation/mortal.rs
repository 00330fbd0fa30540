//! Crash points: a store and a transport whose calls count down to the death of the process that makes them.
//!
//! Before and after every call lies a point. At the point whose turn it is the process dies: that call and every
//! later one of the same process never return, and whatever the ledger answered before stands. A call that dies
//! after its point has been done and nobody heard of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::{Notify, watch};

use bordereau::claims::document::{Key, Purpose};
use bordereau::claims::entry::{Position, Stamped};
use bordereau::claims::id::{Digest, DocumentId, EndpointName, Finess, LotId, Name};
use bordereau::claims::outcome::{Asked, Sent};
use bordereau::claims::registry::{Centre, Registry};
use bordereau::claims::time::Timestamp;
use bordereau::formats::lot::Composed;
use bordereau::store::{
    Body, BodyId, Command, DocumentRecord, DocumentView, Due, EndpointRecord, Error, FiguresRecord,
    Find, Group, Health, JudgedRecord, Lease, Leased, Lines, LotRecord, Outcome, RunRecord,
    Sealing, StatementRecord, Store, Tallies, TallyQuery, WhichStatements,
};
use bordereau::transport::{Fetched, Transport};

use crate::random::Random;

/// The life of one process: so many points until it dies.
pub struct Life {
    points: AtomicU64,
    dead: AtomicBool,
    died: Notify,
    busy: std::sync::Mutex<(Random, u64)>,
}

/// What one process sees of a store or a transport.
pub struct Mortal<T> {
    pub inner: Arc<T>,
    pub life: Arc<Life>,
}

impl Life {
    /// A life of so many points, in which the store is busy for so many percent of the commands.
    pub fn new(points: u64, random: Random, busy: u64) -> Life {
        Life {
            points: AtomicU64::new(points),
            dead: AtomicBool::new(false),
            died: Notify::new(),
            busy: std::sync::Mutex::new((random, busy)),
        }
    }

    /// Waits for the death by a point.
    pub async fn end(&self) {
        self.died.notified().await;
    }

    /// How many points are left.
    pub fn points(&self) -> u64 {
        self.points.load(Ordering::Relaxed)
    }

    /// Dies now.
    pub fn kill(&self) {
        self.dead.store(true, Ordering::Relaxed);
    }

    async fn point(&self) {
        if !self.dead.load(Ordering::Relaxed) {
            if self.points.fetch_sub(1, Ordering::Relaxed) > 1 {
                return;
            }
            self.kill();
            self.died.notify_one();
        }
        std::future::pending().await
    }

    fn is_busy(&self) -> bool {
        let mut busy = self.busy.lock().unwrap();
        let chance = busy.1;
        busy.0.percent(chance)
    }
}

#[async_trait]
impl<S: Store> Store for Mortal<S> {
    async fn commit(&self, at: Timestamp, command: Command) -> Result<Outcome, Error> {
        self.life.point().await;
        // An error leaves the fate of a command open: here it was not done, or it was done after all.
        if self.life.is_busy() {
            return Err(Error::Busy);
        }
        let outcome = self.inner.commit(at, command).await;
        self.life.point().await;
        if self.life.is_busy() {
            return Err(Error::Busy);
        }
        outcome
    }

    async fn lease_due(&self, at: Timestamp, lease: Lease) -> Result<Vec<Leased>, Error> {
        self.life.point().await;
        let leased = self.inner.lease_due(at, lease).await;
        self.life.point().await;
        leased
    }

    async fn due(&self, at: Timestamp, sealing: Sealing, most: usize) -> Result<Due, Error> {
        self.life.point().await;
        self.inner.due(at, sealing, most).await
    }

    async fn group_behind(&self, group: Group, sealing: Sealing) -> Result<Group, Error> {
        self.life.point().await;
        self.inner.group_behind(group, sealing).await
    }

    async fn body(&self, body: BodyId) -> Result<Option<Body>, Error> {
        self.life.point().await;
        self.inner.body(body).await
    }

    async fn entries(
        &self,
        after: Position,
        most: usize,
    ) -> Result<Vec<(Position, Stamped)>, Error> {
        self.life.point().await;
        self.inner.entries(after, most).await
    }

    async fn document(&self, find: Find) -> Result<Option<DocumentView>, Error> {
        self.life.point().await;
        self.inner.document(find).await
    }

    async fn known(
        &self,
        key: Key,
        purpose: Purpose,
        digest: Digest,
    ) -> Result<Option<DocumentRecord>, Error> {
        self.life.point().await;
        self.inner.known(key, purpose, digest).await
    }

    async fn lot(&self, lot: LotId) -> Result<Option<LotRecord>, Error> {
        self.life.point().await;
        self.inner.lot(lot).await
    }

    async fn documents(
        &self,
        after: Option<DocumentId>,
        most: usize,
    ) -> Result<Vec<DocumentRecord>, Error> {
        self.life.point().await;
        self.inner.documents(after, most).await
    }

    async fn list(
        &self,
        listing: bordereau::store::listing::Listing,
    ) -> Result<Vec<bordereau::store::listing::Listed>, Error> {
        self.life.point().await;
        self.inner.list(listing).await
    }

    async fn changes(
        &self,
        after: Position,
        most: usize,
    ) -> Result<bordereau::store::change::DocumentChanges, Error> {
        self.life.point().await;
        self.inner.changes(after, most).await
    }

    async fn notified(
        &self,
    ) -> Result<std::collections::BTreeMap<bordereau::claims::id::Name, Position>, Error> {
        self.life.point().await;
        self.inner.notified().await
    }

    async fn lots(&self, after: Option<LotId>, most: usize) -> Result<Vec<LotRecord>, Error> {
        self.life.point().await;
        self.inner.lots(after, most).await
    }

    async fn tallies(&self, query: TallyQuery) -> Result<Tallies, Error> {
        self.life.point().await;
        self.inner.tallies(query).await
    }

    async fn statements(&self, which: WhichStatements) -> Result<Vec<StatementRecord>, Error> {
        self.life.point().await;
        self.inner.statements(which).await
    }

    async fn registry(&self) -> Result<Registry, Error> {
        self.life.point().await;
        self.inner.registry().await
    }

    async fn centres(&self) -> Result<BTreeMap<Finess, Vec<Centre>>, Error> {
        self.life.point().await;
        self.inner.centres().await
    }

    async fn endpoints(&self) -> Result<BTreeMap<EndpointName, EndpointRecord>, Error> {
        self.life.point().await;
        self.inner.endpoints().await
    }

    async fn lines(&self, centre: Finess) -> Result<Lines, Error> {
        self.life.point().await;
        self.inner.lines(centre).await
    }

    async fn figures(&self) -> Result<Vec<FiguresRecord>, Error> {
        self.life.point().await;
        self.inner.figures().await
    }

    async fn runs(&self) -> Result<Vec<RunRecord>, Error> {
        self.life.point().await;
        self.inner.runs().await
    }

    async fn judged(&self, run: Position) -> Result<Vec<JudgedRecord>, Error> {
        self.life.point().await;
        self.inner.judged(run).await
    }

    async fn stuck(&self, documents: Vec<DocumentId>) -> Result<u64, Error> {
        self.life.point().await;
        self.inner.stuck(documents).await
    }

    async fn orphans(&self) -> Result<u64, Error> {
        self.life.point().await;
        self.inner.orphans().await
    }

    async fn free_bytes(&self) -> Result<Option<u64>, Error> {
        self.life.point().await;
        self.inner.free_bytes().await
    }

    fn health(&self) -> Health {
        self.inner.health()
    }

    fn watch(&self) -> watch::Receiver<Position> {
        self.inner.watch()
    }
}

#[async_trait]
impl<T: Transport> Transport for Mortal<T> {
    async fn send(&self, endpoint: &EndpointName, lot: &Composed) -> Sent {
        self.life.point().await;
        let sent = self.inner.send(endpoint, lot).await;
        self.life.point().await;
        sent
    }

    async fn status(&self, endpoint: &EndpointName, lot: LotId, digest: Digest) -> Asked {
        self.life.point().await;
        let asked = self.inner.status(endpoint, lot, digest).await;
        self.life.point().await;
        asked
    }

    async fn fetch_receipts(&self, endpoint: &EndpointName, after: Option<&Name>) -> Fetched {
        self.life.point().await;
        let fetched = self.inner.fetch_receipts(endpoint, after).await;
        self.life.point().await;
        fetched
    }
}
