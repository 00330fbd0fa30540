//! The port to the ledger: one truth, one decider.
//!
//! # The contract
//! - **One decider.** [`Store::commit`] decides commands one after the other, each against the state that
//!   all earlier ones left. Nothing else changes that state.
//! - **Persist before you answer.** When `commit` returns `Ok`, the command's entries and bodies are on
//!   stable storage and are visible to every later call. When it returns an error, or never returns, the
//!   fate is unknown and the caller repeats the command: every command is safe to repeat.
//! - **All or nothing.** A command's entries are durable together or not at all.
//! - **A lease is durable first.** The `attempted` entry of a lot is on stable storage before
//!   [`Store::lease_due`] hands the lot out; on start every lot in `sending` becomes in doubt.
//! - **Derived state is a fold of entries.** Opening a store replays what its index has not applied.
//! - **A wake-up may be lost.** [`Store::watch`] is a hint; the due index is the truth.
//!
//! A crash at any point leaves a ledger that ends after some whole batch; nothing answered is missing.

mod command;
mod outcome;
mod question;
mod record;
pub mod listing;
pub mod change;
pub mod lanes;
pub mod index;
pub mod ledger;
pub mod journal;
pub mod custody;
pub mod embedded;
pub mod memory;
pub mod retention;
pub mod traces;
#[cfg(test)]
mod contract;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::claims::document::{Key, Purpose};
use crate::claims::entry::{Position, Stamped};
use crate::claims::id::{Digest, DocumentId, EndpointName, Finess, LotId, Name};
use crate::claims::registry::{Centre, Registry};
use crate::claims::time::{Day, Timestamp};
use crate::store::change::DocumentChanges;
use crate::store::custody::record::{Rewrapped, Wrapping};
use crate::store::journal::scan::Damage;
use crate::store::listing::{Listed, Listing};
use crate::store::retention::Beginning;

pub use command::{Admission, Command, Conclusion, Heard, Import, Lease, Moved, Stood, Unity};
pub use outcome::{Admitted, Conflict, Leased, Named, Outcome, Waiting};
pub use question::{Body, BodyId, Carried, Due, Find, Group, Sealing, TallyQuery, WhichStatements};
pub use record::{
    Closing, Covered, DocumentRecord, DocumentView, EndpointRecord, FiguresRecord, JudgedRecord,
    Line, LineDocument, Lines, LotRecord, RunRecord, StatementRecord, Tallies, TalliesSince,
};

/// The ledger, its bodies and what is derived from them.
#[async_trait]
pub trait Store: Send + Sync {
    /// Decides a command at an instant, makes its entries and bodies durable, and answers.
    async fn commit(&self, at: Timestamp, command: Command) -> Result<Outcome, Error>;

    /// Leases up to `most` lots of one endpoint that are due at `at`: their attempts are durable. Centres come in
    /// turn, and of each the lot with the oldest legal deadline comes first.
    async fn lease_due(&self, at: Timestamp, lease: Lease) -> Result<Vec<Leased>, Error> {
        self.commit(at, Command::Lease(lease)).await?.leased()
    }

    /// What is due at `at`, and when the next thing is.
    async fn due(&self, at: Timestamp, sealing: Sealing, most: usize) -> Result<Due, Error>;

    /// The open documents of a group behind those that it names, cut like it to the size of one lot: for whoever
    /// cannot read these. None behind a document that is not open any more.
    async fn group_behind(&self, group: Group, sealing: Sealing) -> Result<Group, Error>;

    /// The bytes of a body, or none if it was never stored or is gone.
    async fn body(&self, body: BodyId) -> Result<Option<Body>, Error>;

    /// Entries after a position, in order, at most `most`.
    async fn entries(
        &self,
        after: Position,
        most: usize,
    ) -> Result<Vec<(Position, Stamped)>, Error>;

    /// What the ledger begins with, where a foundation stands for its oldest entries. Of those, [`Store::entries`] gives
    /// the ones that stay.
    async fn beginning(&self) -> Result<Option<Beginning>, Error> {
        Ok(None)
    }

    /// Of units up to this day some have gone with a foundation: they are in the counts alone.
    fn counted_until(&self) -> Option<Day> {
        None
    }

    /// One document and all that is known of it.
    async fn document(&self, find: Find) -> Result<Option<DocumentView>, Error>;

    /// The document of a key, latest or replaced under it, whose bytes had this SHA-256: by its fingerprint, so also
    /// when its body is gone.
    async fn known(
        &self,
        key: Key,
        purpose: Purpose,
        digest: Digest,
    ) -> Result<Option<DocumentRecord>, Error>;

    /// Documents as they are carried, in the order asked. None where the document or its bytes are not there, or its
    /// bytes cannot be read: that is the trouble of this document, and of no other.
    async fn carried(&self, documents: &[DocumentId]) -> Result<Vec<Option<Carried>>, Error> {
        let mut carried = Vec::with_capacity(documents.len());
        for document in documents {
            let view = self.document(Find::Id(*document)).await?;
            let body = match self.body(BodyId::Document(*document)).await {
                Err(Error::Read(_)) => None,
                body => body?,
            };
            carried.push(view.zip(body).map(|(view, body)| Carried {
                received: view.record.received,
                body,
            }));
        }
        Ok(carried)
    }

    /// One lot.
    async fn lot(&self, lot: LotId) -> Result<Option<LotRecord>, Error>;

    /// Documents in order of id after one, at most `most`; for scans.
    async fn documents(
        &self,
        after: Option<DocumentId>,
        most: usize,
    ) -> Result<Vec<DocumentRecord>, Error>;

    /// A page of a list of documents.
    async fn list(&self, listing: Listing) -> Result<Vec<Listed>, Error>;

    /// What the entries after a position changed about documents; at most `most` entries are looked at.
    async fn changes(&self, after: Position, most: usize) -> Result<DocumentChanges, Error>;

    /// How far each target of a webhook was told.
    async fn notified(&self) -> Result<BTreeMap<Name, Position>, Error>;

    /// Lots in order of id after one, at most `most`; for scans.
    async fn lots(&self, after: Option<LotId>, most: usize) -> Result<Vec<LotRecord>, Error>;

    /// Tallies of units and paper over days, as of now.
    async fn tallies(&self, query: TallyQuery) -> Result<Tallies, Error>;

    /// The tallies of all days of centres that an entry after a position speaks of, and which days those are,
    /// all as of one position. A store that cannot tell, or not cheaply, answers with everything.
    async fn tallies_since(&self, after: Position) -> Result<TalliesSince, Error> {
        let _ = after;
        let tallies = self.tallies(TallyQuery::everything()).await?;
        Ok(TalliesSince {
            tallies,
            covered: Covered::Everything,
        })
    }

    /// All closings of periods, in order of the ledger. Unless a store knows better, the whole ledger is read.
    async fn closings(&self) -> Result<Vec<Closing>, Error> {
        const PAGE: usize = 1_000;
        let (mut after, mut found) = (Position(0), Vec::new());
        loop {
            let entries = self.entries(after, PAGE).await?;
            let Some((last, _)) = entries.last() else {
                return Ok(found);
            };
            after = *last;
            found.extend(entries.into_iter().filter_map(Closing::of));
        }
    }

    /// Statements, in order of the ledger.
    async fn statements(&self, which: WhichStatements) -> Result<Vec<StatementRecord>, Error>;

    /// Everything that is registered, in one state of the ledger.
    async fn registry(&self) -> Result<Registry, Error>;

    /// All versions of the registered centres.
    async fn centres(&self) -> Result<BTreeMap<Finess, Vec<Centre>>, Error>;

    /// The versions of one centre; none when it was never registered.
    async fn centre(&self, centre: Finess) -> Result<Vec<Centre>, Error> {
        Ok(self.centres().await?.remove(&centre).unwrap_or_default())
    }

    /// Cursor and gate of every endpoint that has one.
    async fn endpoints(&self) -> Result<BTreeMap<EndpointName, EndpointRecord>, Error>;

    /// All lines of one centre, real documents only, in one state of the ledger.
    async fn lines(&self, centre: Finess) -> Result<Lines, Error>;

    /// The figures that were loaded, by digest.
    async fn figures(&self) -> Result<Vec<FiguresRecord>, Error>;

    /// All reconciliations, oldest first.
    async fn runs(&self) -> Result<Vec<RunRecord>, Error>;

    /// The last judgement on each line of a reconciliation that has one, in order.
    async fn judged(&self, run: Position) -> Result<Vec<JudgedRecord>, Error>;

    /// How many of these documents violate "nothing is stuck": unfinished, and in no index by which they
    /// would be found again. All are looked at in one state of the ledger; 0 in a store without defect.
    async fn stuck(&self, documents: Vec<DocumentId>) -> Result<u64, Error>;

    /// How many receipts and settlements are kept that match nothing.
    async fn orphans(&self) -> Result<u64, Error>;

    /// Bytes free where the ledger is written; none where nothing is written.
    async fn free_bytes(&self) -> Result<Option<u64>, Error>;

    /// Wraps the keys of all bodies by the next master key, durably, while everything goes on.
    async fn rewrap(&self, at: Timestamp) -> Result<Rewrapped, Error> {
        let _ = at;
        Ok(Rewrapped::NothingSealed)
    }

    /// How the keys of bodies are wrapped; none where bodies are not encrypted. No IO.
    fn wrapping(&self) -> Option<Wrapping> {
        None
    }

    /// How it is: no IO, no waiting; cheap enough for every request.
    fn health(&self) -> Health;

    /// The last position committed; changes wake the loops.
    fn watch(&self) -> watch::Receiver<Position>;
}

/// How a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether it can commit.
    pub state: Readiness,
    /// Entries journalled and not yet applied to the index.
    pub lag: u64,
    /// Commands waiting for the committer.
    pub waiting: usize,
    /// Last position committed.
    pub position: Position,
}

/// Whether a store can commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It cannot yet: it is being opened.
    Opening,
    /// It can.
    Ready,
    /// It can, but new documents should wait: answer 503.
    Shedding,
    /// The disk is filling up: it admits no documents. What is sent and heard is still recorded.
    LowOnDisk,
    /// It cannot, and will: its index is brought up from the journal, at the start or because it failed.
    Rebuilding {
        /// So much of it is there.
        percent: u8,
    },
    /// It can, and its index is just there again: what waited to be sent and heard goes first, documents after it.
    Resuming,
    /// It cannot; the reason for people.
    Failed(&'static str),
}

/// How much room the disk of a store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// Enough.
    Ample,
    /// Less than documents are admitted with.
    Low,
    /// Less than anything is written with.
    Full,
}

/// What a store tells its observer: facts, which `app` binds to telemetry.
pub trait Observer: Send + Sync {
    /// A batch was committed: entries, bodies' bytes, and how long the sync took.
    fn committed(&self, entries: usize, bytes: usize, sync: std::time::Duration);
    /// A write or a sync failed: nothing is acknowledged until the journal was opened anew and verified.
    fn sync_failed(&self);
    /// The journal was opened anew and verified after a failure: it goes on.
    fn reopened(&self) {}
    /// The disk has more or less room than before.
    fn room_changed(&self, _room: Space) {}
    /// Entries were replayed, at start or because the index failed.
    fn replayed(&self, entries: u64);
    /// While the store is opened: its index has the entries up to one, of as many as there are. Who does not want the
    /// store any more breaks it off; the next start goes on from there.
    fn opening(&self, _upto: Position, _of: Position) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    /// A place of the journal is damaged: found at the start.
    fn damaged(&self, _damage: &Damage) {}
    /// The journal's tail was torn and cut: bytes.
    fn tail_cut(&self, bytes: u64);
    /// An evacuation has done a step.
    fn evacuating(&self, _step: embedded::evacuate::Step) {}
    /// The index failed, at the start or while the store ran: it is set aside and built anew, and nothing is committed
    /// meanwhile.
    fn index_failed(&self);
    /// So many sorted files count, of so many bytes.
    fn sorted(&self, _files: usize, _bytes: u64) {}
    /// A sorted file could not be written: finished documents stay in the index until one can.
    fn sorted_failed(&self) {}
}

/// An observer that looks away.
pub struct Unobserved;

impl Observer for Unobserved {
    fn committed(&self, _entries: usize, _bytes: usize, _sync: std::time::Duration) {}
    fn sync_failed(&self) {}
    fn replayed(&self, _entries: u64) {}
    fn tail_cut(&self, _bytes: u64) {}
    fn index_failed(&self) {}
}

/// Why a store did not do as asked. After `Busy`, `Full` and `Impossible` nothing was done; after the others the fate of
/// the command is unknown.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The store stopped: nothing can be committed any more.
    #[error("the store stopped: {0}")]
    Stopped(Arc<str>),
    /// Not now: the index is built anew.
    #[error("the store is busy: its index is built anew")]
    Busy,
    /// The disk has no room for it: nothing was done.
    #[error("the disk has no room for it")]
    Full,
    /// Reading failed.
    #[error("the store cannot read: {0}")]
    Read(Arc<str>),
    /// The gateway asked for what cannot be: its own defect.
    #[error("impossible command: {0}")]
    Impossible(&'static str),
}
