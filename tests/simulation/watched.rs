//! The ledger of a run: a store in memory that outlives every crash, with the laws looking at each commit.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use futures_util::FutureExt;
use tokio::sync::watch;

use bordereau::claims::document::{Key, Purpose};
use bordereau::claims::entry::{Position, Stamped};
use bordereau::claims::id::{Digest, DocumentId, EndpointName, Finess, LotId};
use bordereau::claims::registry::{Centre, Registry};
use bordereau::claims::time::Timestamp;
use bordereau::store::ledger::Secret;
use bordereau::store::memory::Memory;
use bordereau::store::{
    Body, BodyId, Command, DocumentRecord, DocumentView, Due, EndpointRecord, Error, FiguresRecord,
    Find, Group, Health, JudgedRecord, Lease, Leased, Lines, LotRecord, Outcome, RunRecord,
    Sealing, StatementRecord, Store, Tallies, TallyQuery, WhichStatements,
};

use crate::laws::Laws;

/// The secret of every run's store.
pub const SECRET: [u8; 32] = [9; 32];

/// A store that is looked at after every command.
pub struct Watched {
    pub memory: Memory,
    laws: Mutex<Laws>,
}

impl Watched {
    pub fn new(laws: Laws) -> Arc<Watched> {
        Arc::new(Watched {
            memory: Memory::new(Secret::new(SECRET)),
            laws: Mutex::new(laws),
        })
    }

    /// The laws, to be asked or told.
    pub fn laws(&self) -> MutexGuard<'_, Laws> {
        self.laws.lock().unwrap()
    }

    /// Nothing that the decider does may panic or be impossible; everything that it did keeps the laws.
    fn look<T>(&self, answer: std::thread::Result<Result<T, Error>>) -> Result<T, Error> {
        let answer = answer.unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<String>().cloned();
            let said = said.unwrap_or_else(|| "a panic without words".to_owned());
            Err(Error::Stopped(said.into()))
        });
        let mut laws = self.laws();
        if let Err(error) = &answer {
            laws.broken(format!("the decider failed: {error}"));
        }
        laws.after_commit(&self.memory);
        answer
    }
}

#[async_trait]
impl Store for Watched {
    async fn commit(&self, at: Timestamp, command: Command) -> Result<Outcome, Error> {
        let answer = AssertUnwindSafe(self.memory.commit(at, command));
        self.look(answer.catch_unwind().await)
    }

    async fn lease_due(&self, at: Timestamp, lease: Lease) -> Result<Vec<Leased>, Error> {
        let answer = AssertUnwindSafe(self.memory.lease_due(at, lease));
        self.look(answer.catch_unwind().await)
    }

    async fn due(&self, at: Timestamp, sealing: Sealing, most: usize) -> Result<Due, Error> {
        self.memory.due(at, sealing, most).await
    }

    async fn group_behind(&self, group: Group, sealing: Sealing) -> Result<Group, Error> {
        self.memory.group_behind(group, sealing).await
    }

    async fn body(&self, body: BodyId) -> Result<Option<Body>, Error> {
        self.memory.body(body).await
    }

    async fn entries(
        &self,
        after: Position,
        most: usize,
    ) -> Result<Vec<(Position, Stamped)>, Error> {
        self.memory.entries(after, most).await
    }

    async fn document(&self, find: Find) -> Result<Option<DocumentView>, Error> {
        self.memory.document(find).await
    }

    async fn known(
        &self,
        key: Key,
        purpose: Purpose,
        digest: Digest,
    ) -> Result<Option<DocumentRecord>, Error> {
        self.memory.known(key, purpose, digest).await
    }

    async fn lot(&self, lot: LotId) -> Result<Option<LotRecord>, Error> {
        self.memory.lot(lot).await
    }

    async fn documents(
        &self,
        after: Option<DocumentId>,
        most: usize,
    ) -> Result<Vec<DocumentRecord>, Error> {
        self.memory.documents(after, most).await
    }

    async fn list(
        &self,
        listing: bordereau::store::listing::Listing,
    ) -> Result<Vec<bordereau::store::listing::Listed>, Error> {
        self.memory.list(listing).await
    }

    async fn changes(
        &self,
        after: Position,
        most: usize,
    ) -> Result<bordereau::store::change::DocumentChanges, Error> {
        self.memory.changes(after, most).await
    }

    async fn notified(
        &self,
    ) -> Result<std::collections::BTreeMap<bordereau::claims::id::Name, Position>, Error> {
        self.memory.notified().await
    }

    async fn lots(
        &self,
        after: Option<bordereau::claims::id::LotId>,
        most: usize,
    ) -> Result<Vec<bordereau::store::LotRecord>, Error> {
        self.memory.lots(after, most).await
    }

    async fn tallies(&self, query: TallyQuery) -> Result<Tallies, Error> {
        self.memory.tallies(query).await
    }

    async fn statements(&self, which: WhichStatements) -> Result<Vec<StatementRecord>, Error> {
        self.memory.statements(which).await
    }

    async fn registry(&self) -> Result<Registry, Error> {
        self.memory.registry().await
    }

    async fn centres(&self) -> Result<BTreeMap<Finess, Vec<Centre>>, Error> {
        self.memory.centres().await
    }

    async fn endpoints(&self) -> Result<BTreeMap<EndpointName, EndpointRecord>, Error> {
        self.memory.endpoints().await
    }

    async fn lines(&self, centre: Finess) -> Result<Lines, Error> {
        self.memory.lines(centre).await
    }

    async fn figures(&self) -> Result<Vec<FiguresRecord>, Error> {
        self.memory.figures().await
    }

    async fn runs(&self) -> Result<Vec<RunRecord>, Error> {
        self.memory.runs().await
    }

    async fn judged(&self, run: Position) -> Result<Vec<JudgedRecord>, Error> {
        self.memory.judged(run).await
    }

    async fn stuck(&self, documents: Vec<DocumentId>) -> Result<u64, Error> {
        self.memory.stuck(documents).await
    }

    async fn orphans(&self) -> Result<u64, Error> {
        self.memory.orphans().await
    }

    async fn free_bytes(&self) -> Result<Option<u64>, Error> {
        self.memory.free_bytes().await
    }

    fn health(&self) -> Health {
        self.memory.health()
    }

    fn watch(&self) -> watch::Receiver<Position> {
        self.memory.watch()
    }
}
