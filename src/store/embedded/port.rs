//! The store's port, call by call: what changes the ledger goes to the committer's queue, what asks goes to a view of the
//! index.
//!
//! Must never answer a command before the committer does, and never read past what a view has.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio::sync::{oneshot, watch};

use crate::claims::document::{Key, Purpose};
use crate::claims::entry::{Position, Stamped};
use crate::claims::id::{Digest, DocumentId, EndpointName, Finess, LotId};
use crate::claims::registry::{Centre, Registry};
use crate::claims::time::{Day, Timestamp};
use crate::store::change::DocumentChanges;
use crate::store::custody::record::{Rewrapped, Wrapping};
use crate::store::embedded::committer::{Call, Request, pack, workers};
use crate::store::embedded::{
    Embedded, base, bodies, disk, encryption, entries, places, unreadable,
};
use crate::store::ledger::touched::Touched;
use crate::store::ledger::{self, lines, numbers, query, records, statements};
use crate::store::listing::{Listed, Listing};
use crate::store::retention::Beginning;
use crate::store::{
    Body, BodyId, Carried, Closing, Command, Covered, DocumentRecord, DocumentView, Due,
    EndpointRecord, Error, FiguresRecord, Find, Group, Health, JudgedRecord, Lines, LotRecord,
    Outcome, Readiness, RunRecord, Sealing, StatementRecord, Store, Tallies, TalliesSince,
    TallyQuery, WhichStatements,
};

/// So many entries are looked through for what they changed; after more, all tallies are read: about as dear.
const CHANGED_ENTRIES: u64 = 100_000;

#[async_trait]
impl Store for Embedded {
    async fn commit(&self, at: Timestamp, command: Command) -> Result<Outcome, Error> {
        let (answer, answered) = oneshot::channel();
        let request = Request {
            at,
            packed: pack(&self.packer, &command),
            command,
            answer,
            workers: workers(),
        };
        let queue = self.queue.as_ref().ok_or_else(|| self.state.error())?;
        if queue.send(Call::Commit(request)).await.is_err() {
            return Err(self.state.error());
        }
        answered.await.unwrap_or_else(|_| Err(self.state.error()))
    }

    async fn rewrap(&self, at: Timestamp) -> Result<Rewrapped, Error> {
        let Some((keys, path)) = self.keys.clone() else {
            return Ok(Rewrapped::NothingSealed);
        };
        let done = tokio::task::spawn_blocking(move || encryption::rewrap(&keys, &path, at)).await;
        done.unwrap_or_else(|_| Err(Error::Read("wrapping the keys ended in a panic".into())))
    }

    fn wrapping(&self) -> Option<Wrapping> {
        self.keys.as_ref().map(|(keys, _)| keys.wrapping())
    }

    async fn due(&self, at: Timestamp, sealing: Sealing, most: usize) -> Result<Due, Error> {
        self.ask(move |view| query::due(view, at, sealing, most))
            .await
    }

    async fn group_behind(&self, group: Group, sealing: Sealing) -> Result<Group, Error> {
        self.ask(move |view| query::group_behind(view, &group, sealing))
            .await
    }

    async fn body(&self, body: BodyId) -> Result<Option<Body>, Error> {
        let (reader, overlay) = (self.reader.clone(), self.overlay.clone());
        self.ask(move |view| bodies::body(view, &overlay, &reader, body))
            .await
    }

    async fn entries(
        &self,
        after: Position,
        most: usize,
    ) -> Result<Vec<(Position, Stamped)>, Error> {
        let reader = self.reader.clone();
        self.ask(move |view| entries(view, &reader, after, most))
            .await
    }

    async fn beginning(&self) -> Result<Option<Beginning>, Error> {
        let reader = self.reader.clone();
        self.ask_apart(move |_| base::beginning(&reader)).await
    }

    fn counted_until(&self) -> Option<Day> {
        let foundation = self.reader.foundation();
        foundation.map(|foundation| foundation.header.until)
    }

    async fn list(&self, listing: Listing) -> Result<Vec<Listed>, Error> {
        self.ask(move |view| ledger::listing::list(view, &listing))
            .await
    }

    async fn changes(&self, after: Position, most: usize) -> Result<DocumentChanges, Error> {
        let reader = self.reader.clone();
        self.ask(move |view| {
            // What a foundation stands for is not told again.
            let after = after.max(reader.begin().position);
            let entries = entries(view, &reader, after, most)?;
            let upto = entries.last().map_or(after, |(position, _)| *position);
            ledger::change::changes(view, &entries, upto)
        })
        .await
    }

    async fn notified(
        &self,
    ) -> Result<std::collections::BTreeMap<crate::claims::id::Name, Position>, Error> {
        self.ask(|view| ledger::change::notified(view)).await
    }

    async fn lots(&self, after: Option<LotId>, most: usize) -> Result<Vec<LotRecord>, Error> {
        self.ask(move |view| ledger::listing::lots(view, after, most))
            .await
    }

    async fn document(&self, find: Find) -> Result<Option<DocumentView>, Error> {
        self.ask(move |view| query::document(view, find)).await
    }

    async fn known(
        &self,
        key: Key,
        purpose: Purpose,
        digest: Digest,
    ) -> Result<Option<DocumentRecord>, Error> {
        let secret = self.secret.as_ref();
        let secret = secret.ok_or(Error::Impossible("nothing is posted to a store at rest"))?;
        let fingerprint = secret.fingerprint(digest);
        self.ask(move |view| numbers::same(view, &key, purpose, fingerprint))
            .await
    }

    async fn carried(&self, documents: &[DocumentId]) -> Result<Vec<Option<Carried>>, Error> {
        let (reader, overlay) = (self.reader.clone(), self.overlay.clone());
        let documents = documents.to_vec();
        // One way to another thread and back for all of them.
        self.ask(move |view| {
            let carried = documents.iter();
            let carried =
                carried.map(|document| bodies::carried(view, &overlay, &reader, *document));
            carried.collect()
        })
        .await
    }

    async fn lot(&self, lot: LotId) -> Result<Option<LotRecord>, Error> {
        self.ask(move |view| query::lot(view, lot)).await
    }

    async fn documents(
        &self,
        after: Option<DocumentId>,
        most: usize,
    ) -> Result<Vec<DocumentRecord>, Error> {
        self.ask(move |view| query::documents(view, after, most))
            .await
    }

    async fn tallies(&self, query: TallyQuery) -> Result<Tallies, Error> {
        self.ask(move |view| query::tallies(view, view.position(), query))
            .await
    }

    async fn tallies_since(&self, after: Position) -> Result<TalliesSince, Error> {
        let reader = self.reader.clone();
        self.ask(move |view| {
            let upto = view.position();
            let begin = reader.begin().position;
            if after < begin || upto.0.saturating_sub(after.0) > CHANGED_ENTRIES {
                return Ok(TalliesSince {
                    tallies: query::tallies(view, upto, TallyQuery::everything())?,
                    covered: Covered::Everything,
                });
            }
            let mut touched = Touched::default();
            if after < upto {
                let mark = places::mark(view, Position(after.0 + 1))?;
                let found = reader.entries(mark, after, upto, usize::MAX);
                for (_, bytes) in found.map_err(unreadable)? {
                    let stamped = Stamped::read(&bytes);
                    let stamped = stamped.map_err(|bad| Error::Read(bad.to_string().into()))?;
                    touched.add(view, &stamped.entry)?;
                }
            }
            touched.tallies(view, upto)
        })
        .await
    }

    async fn closings(&self) -> Result<Vec<Closing>, Error> {
        self.ask(|view| query::closings(view)).await
    }

    async fn statements(&self, which: WhichStatements) -> Result<Vec<StatementRecord>, Error> {
        self.ask(move |view| statements::statements(view, which))
            .await
    }

    async fn registry(&self) -> Result<Registry, Error> {
        self.ask(|view| query::registry(view)).await
    }

    async fn centres(&self) -> Result<BTreeMap<Finess, Vec<Centre>>, Error> {
        self.ask(|view| query::centres(view)).await
    }

    async fn centre(&self, centre: Finess) -> Result<Vec<Centre>, Error> {
        self.ask(move |view| records::centre(view, centre)).await
    }

    async fn endpoints(&self) -> Result<BTreeMap<EndpointName, EndpointRecord>, Error> {
        self.ask(|view| query::endpoints(view)).await
    }

    async fn lines(&self, centre: Finess) -> Result<Lines, Error> {
        self.ask(move |view| lines::lines(view, view.position(), centre))
            .await
    }

    async fn figures(&self) -> Result<Vec<FiguresRecord>, Error> {
        self.ask(|view| lines::figures(view)).await
    }

    async fn runs(&self) -> Result<Vec<RunRecord>, Error> {
        self.ask(|view| lines::runs(view)).await
    }

    async fn judged(&self, run: Position) -> Result<Vec<JudgedRecord>, Error> {
        self.ask(move |view| lines::judged(view, run)).await
    }

    async fn stuck(&self, documents: Vec<DocumentId>) -> Result<u64, Error> {
        self.ask(move |view| query::count_stuck(view, &documents))
            .await
    }

    async fn orphans(&self) -> Result<u64, Error> {
        self.ask(|view| query::orphans(view)).await
    }

    async fn free_bytes(&self) -> Result<Option<u64>, Error> {
        let directory = self.directory.clone();
        self.ask(move |_| disk::free_bytes(&directory).map(Some))
            .await
    }

    fn health(&self) -> Health {
        // Not the watch's, which hears of a batch just after the views show it: who scans and then asks up to
        // where would find documents that moved after the position, and take that for an imbalance.
        let position = self.overlay.position();
        let (waiting, most) = match &self.queue {
            Some(queue) => (
                queue.max_capacity() - queue.capacity(),
                queue.max_capacity(),
            ),
            None => (0, 1),
        };
        let state = match self.state.readiness() {
            Readiness::Ready if waiting * 4 >= most * 3 => Readiness::Shedding,
            Readiness::Ready if self.state.waits_for() >= self.patience => Readiness::Shedding,
            state => state,
        };
        Health {
            state,
            lag: self.state.lag(position),
            waiting,
            position,
        }
    }

    fn watch(&self) -> watch::Receiver<Position> {
        self.position.clone()
    }
}
