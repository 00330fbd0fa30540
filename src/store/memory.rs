//! A store in memory: the same decider and fold over a map. For tests and the simulation; a crash of the
//! process leaves nothing behind, a simulated one keeps everything that was answered.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::claims::commitment::Chain;
use crate::claims::custody::Anchor;
use crate::claims::document::{Key, Purpose};
use crate::claims::entry::{Position, Stamped};
use crate::claims::id::{Digest, DocumentId, EndpointName, Finess, LotId};
use crate::claims::registry::{Centre, Registry};
use crate::claims::retention::Rules;
use crate::claims::time::Timestamp;
use crate::store::change::DocumentChanges;
use crate::store::custody::backup::{Done, Mark, Order};
use crate::store::custody::record::{AnchorRecord, Orphan, OrphanName, RestorationRecord};
use crate::store::custody::verified::Verified;
use crate::store::custody::walk::Walked;
use crate::store::custody::{self, Custody};
use crate::store::index::{Index, Working};
use crate::store::ledger::touched::Touched;
use crate::store::ledger::{self, Instants, Known, Secret, lines, numbers, query, statements};
use crate::store::listing::{Listed, Listing};
use crate::store::retention::{
    Ending, EvacuationRecord, HoldRecord, Outlook, Pace, Plan, Proofs, Retaining, Run, Trusted,
};
use crate::store::{
    Body, BodyId, Closing, Command, DocumentRecord, DocumentView, Due, EndpointRecord, Error,
    FiguresRecord, Find, Group, Health, JudgedRecord, Lines, LotRecord, Outcome, Readiness,
    RunRecord, Sealing, StatementRecord, Store, Tallies, TalliesSince, TallyQuery, WhichStatements,
};

/// A store in memory.
pub struct Memory {
    inner: Mutex<Inner>,
    secret: Secret,
    position: watch::Sender<Position>,
}

#[derive(Default)]
struct Inner {
    index: Map,
    entries: Vec<Stamped>,
    bodies: BTreeMap<BodyId, Body>,
}

/// A map as an index.
#[derive(Default)]
pub struct Map(BTreeMap<Vec<u8>, Vec<u8>>);

impl Map {
    /// Applies changes as one.
    pub fn apply(&mut self, changes: crate::store::index::Changes) {
        for (key, value) in changes {
            match value {
                Some(value) => self.0.insert(key, value),
                None => self.0.remove(&key),
            };
        }
    }
}

impl Index for Map {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(&self, from: &[u8], to: &[u8], most: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error> {
        if from >= to {
            return Ok(Vec::new());
        }
        let range = self
            .0
            .range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        Ok(range
            .take(most)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }
}

impl Memory {
    /// An empty store.
    pub fn new(secret: Secret) -> Memory {
        Memory {
            inner: Mutex::default(),
            secret,
            position: watch::Sender::new(Position(0)),
        }
    }

    /// A store rebuilt from entries alone; bodies are gone.
    pub fn rebuilt(secret: Secret, entries: Vec<Stamped>) -> Result<Memory, Error> {
        let mut index = Map::default();
        let mut known = Known::default();
        for (number, stamped) in (1..).zip(&entries) {
            let mut working = Working::new(&index);
            ledger::fold(&mut working, &mut known, Position(number), stamped)?;
            let changes = working.into_changes();
            index.apply(changes);
        }
        let position = Position(entries.len() as u64);
        let inner = Inner {
            index,
            entries,
            bodies: BTreeMap::new(),
        };
        Ok(Memory {
            inner: Mutex::new(inner),
            secret,
            position: watch::Sender::new(position),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while deciding changed nothing: changes are applied as one at the end.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, at: Timestamp, command: Command) -> Result<Outcome, Error> {
        let mut inner = self.lock();
        let next = Position(inner.entries.len() as u64 + 1);
        // Instants of entries never go back, whatever the clock does.
        let instants = Instants {
            stamp: inner.entries.last().map_or(at, |last| last.at.max(at)),
            clock: at,
        };
        let mut working = Working::new(&inner.index);
        let mut known = Known::default();
        let decision = ledger::decide(
            &mut working,
            &mut known,
            next,
            instants,
            command,
            &self.secret,
        )?;
        let changes = working.into_changes();
        inner.index.apply(changes);
        inner.entries.extend(decision.entries);
        inner.bodies.extend(decision.bodies);
        let position = Position(inner.entries.len() as u64);
        drop(inner);
        self.position
            .send_if_modified(|known| std::mem::replace(known, position) != position);
        Ok(decision.outcome)
    }
}

/// It has no segments: nothing is ever cleared.
#[async_trait]
impl Retaining for Memory {
    async fn legal_holds(&self) -> Result<Vec<HoldRecord>, Error> {
        ledger::retention::legal_holds(&self.lock().index)
    }

    async fn evacuations(&self) -> Result<Vec<EvacuationRecord>, Error> {
        ledger::retention::evacuations(&self.lock().index)
    }

    fn recorded(&self) -> Option<Timestamp> {
        None
    }

    async fn trusted(&self) -> Result<Option<Trusted>, Error> {
        Ok(None)
    }

    async fn trust(&self, _trusted: Trusted) -> Result<(), Error> {
        Ok(())
    }

    async fn plan(&self, _at: Timestamp, _rules: Rules) -> Result<Plan, Error> {
        Ok(Plan::default())
    }

    async fn evacuate(&self, _at: Timestamp, _rules: Rules, _pace: Pace) -> Result<Run, Error> {
        Ok(Run::Nothing(Outlook::default()))
    }

    async fn outlook(&self, _rules: Rules) -> Result<Outlook, Error> {
        Ok(Outlook::default())
    }

    async fn proofs(&self, _before: Timestamp) -> Result<Proofs, Error> {
        Ok(Proofs::default())
    }

    async fn ending(&self, _before: Timestamp, _rules: Rules) -> Result<Ending, Error> {
        Ok(Ending::default())
    }
}

#[async_trait]
impl Custody for Memory {
    async fn kept_orphans(
        &self,
        after: Option<OrphanName>,
        most: usize,
    ) -> Result<Vec<Orphan>, Error> {
        ledger::custody::kept_orphans(&self.lock().index, after.as_ref(), most)
    }

    async fn restoration(&self) -> Result<Option<RestorationRecord>, Error> {
        ledger::custody::restoration(&self.lock().index)
    }

    async fn anchors(&self, after: Position, most: usize) -> Result<Vec<AnchorRecord>, Error> {
        ledger::custody::anchors(&self.lock().index, after, most)
    }

    async fn last_anchor(&self) -> Result<Option<AnchorRecord>, Error> {
        ledger::custody::last_anchor(&self.lock().index)
    }

    async fn check(&self) -> Result<Verified, Error> {
        // Nothing is derived that could differ.
        Ok(Verified {
            entries: self.lock().entries.len() as u64,
            ..Verified::default()
        })
    }

    async fn end(&self) -> Result<Anchor, Error> {
        let inner = self.lock();
        let chain = |chain: Chain, stamped: &Stamped| chain.after(&stamped.canonical());
        Ok(Anchor {
            position: Position(inner.entries.len() as u64),
            chain: inner.entries.iter().fold(Chain::default(), chain),
        })
    }

    fn walk(
        &self,
        _from: Option<Position>,
        _to: Option<Position>,
    ) -> Result<Walked, custody::Error> {
        Err(custody::Error::NoFiles)
    }

    fn backup(&self, _order: &Order, _stop: &dyn Fn() -> bool) -> Result<Done, custody::Error> {
        Err(custody::Error::NoFiles)
    }

    fn last_backup(&self) -> Option<Mark> {
        None
    }
}

#[async_trait]
impl Store for Memory {
    async fn commit(&self, at: Timestamp, command: Command) -> Result<Outcome, Error> {
        self.decide(at, command)
    }

    async fn due(&self, at: Timestamp, sealing: Sealing, most: usize) -> Result<Due, Error> {
        query::due(&self.lock().index, at, sealing, most)
    }

    async fn group_behind(&self, group: Group, sealing: Sealing) -> Result<Group, Error> {
        query::group_behind(&self.lock().index, &group, sealing)
    }

    async fn body(&self, body: BodyId) -> Result<Option<Body>, Error> {
        Ok(self.lock().bodies.get(&body).cloned())
    }

    async fn entries(
        &self,
        after: Position,
        most: usize,
    ) -> Result<Vec<(Position, Stamped)>, Error> {
        let inner = self.lock();
        let skip = usize::try_from(after.0).unwrap_or(usize::MAX);
        let found = inner.entries.iter().enumerate().skip(skip).take(most);
        Ok(found
            .map(|(index, stamped)| (Position(index as u64 + 1), stamped.clone()))
            .collect())
    }

    async fn document(&self, find: Find) -> Result<Option<DocumentView>, Error> {
        query::document(&self.lock().index, find)
    }

    async fn known(
        &self,
        key: Key,
        purpose: Purpose,
        digest: Digest,
    ) -> Result<Option<DocumentRecord>, Error> {
        let fingerprint = self.secret.fingerprint(digest);
        numbers::same(&self.lock().index, &key, purpose, fingerprint)
    }

    async fn lot(&self, lot: LotId) -> Result<Option<LotRecord>, Error> {
        query::lot(&self.lock().index, lot)
    }

    async fn documents(
        &self,
        after: Option<DocumentId>,
        most: usize,
    ) -> Result<Vec<DocumentRecord>, Error> {
        query::documents(&self.lock().index, after, most)
    }

    async fn list(&self, listing: Listing) -> Result<Vec<Listed>, Error> {
        ledger::listing::list(&self.lock().index, &listing)
    }

    async fn changes(&self, after: Position, most: usize) -> Result<DocumentChanges, Error> {
        let entries = self.entries(after, most).await?;
        let upto = entries.last().map_or(after, |(position, _)| *position);
        ledger::change::changes(&self.lock().index, &entries, upto)
    }

    async fn notified(
        &self,
    ) -> Result<std::collections::BTreeMap<crate::claims::id::Name, Position>, Error> {
        ledger::change::notified(&self.lock().index)
    }

    async fn lots(&self, after: Option<LotId>, most: usize) -> Result<Vec<LotRecord>, Error> {
        ledger::listing::lots(&self.lock().index, after, most)
    }

    async fn tallies(&self, query: TallyQuery) -> Result<Tallies, Error> {
        let inner = self.lock();
        query::tallies(&inner.index, Position(inner.entries.len() as u64), query)
    }

    async fn tallies_since(&self, after: Position) -> Result<TalliesSince, Error> {
        let inner = self.lock();
        let position = Position(inner.entries.len() as u64);
        let skip = usize::try_from(after.0).unwrap_or(usize::MAX);
        let mut touched = Touched::default();
        for stamped in inner.entries.iter().skip(skip) {
            touched.add(&inner.index, &stamped.entry)?;
        }
        touched.tallies(&inner.index, position)
    }

    async fn closings(&self) -> Result<Vec<Closing>, Error> {
        query::closings(&self.lock().index)
    }

    async fn statements(&self, which: WhichStatements) -> Result<Vec<StatementRecord>, Error> {
        statements::statements(&self.lock().index, which)
    }

    async fn registry(&self) -> Result<Registry, Error> {
        query::registry(&self.lock().index)
    }

    async fn centres(&self) -> Result<BTreeMap<Finess, Vec<Centre>>, Error> {
        query::centres(&self.lock().index)
    }

    async fn endpoints(&self) -> Result<BTreeMap<EndpointName, EndpointRecord>, Error> {
        query::endpoints(&self.lock().index)
    }

    async fn lines(&self, centre: Finess) -> Result<Lines, Error> {
        let inner = self.lock();
        lines::lines(&inner.index, Position(inner.entries.len() as u64), centre)
    }

    async fn figures(&self) -> Result<Vec<FiguresRecord>, Error> {
        lines::figures(&self.lock().index)
    }

    async fn runs(&self) -> Result<Vec<RunRecord>, Error> {
        lines::runs(&self.lock().index)
    }

    async fn judged(&self, run: Position) -> Result<Vec<JudgedRecord>, Error> {
        lines::judged(&self.lock().index, run)
    }

    async fn stuck(&self, documents: Vec<DocumentId>) -> Result<u64, Error> {
        query::count_stuck(&self.lock().index, &documents)
    }

    async fn orphans(&self) -> Result<u64, Error> {
        query::orphans(&self.lock().index)
    }

    async fn free_bytes(&self) -> Result<Option<u64>, Error> {
        Ok(None)
    }

    fn health(&self) -> Health {
        Health {
            state: Readiness::Ready,
            lag: 0,
            waiting: 0,
            position: *self.position.borrow(),
        }
    }

    fn watch(&self) -> watch::Receiver<Position> {
        self.position.subscribe()
    }
}
