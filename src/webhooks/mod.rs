//! Telling the centres: every target hears, in the order of the ledger, what changed about its documents.
//!
//! Each target has a loop of its own, so that none waits for another, and none of them touches the delivery of lots.
//! A target is told the next thing only when it has answered 2xx to the one before; until then it is told again by
//! the same waits as a lot, without end. How far it was told is an entry, so after a crash it is told on from there:
//! what was told and not recorded comes twice, and nothing is left out. A target that is new hears from now on.
//!
//! Targets may change while it runs. Whose settings changed goes on from where it was told, with its new ones, and
//! never hears from both at once; one that is gone and comes back hears what it missed.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::claims::change::Change;
use crate::claims::entry::Position;
use crate::claims::id::{Finess, Name};
use crate::claims::registry::Centre;
use crate::claims::retry::{Schedule, Seed};
use crate::clock::Clock;
use crate::formats::json::change;
use crate::store::{self, Command, Store};
use crate::telemetry::event::{Event, Telling};
use crate::telemetry::{Reading, Telemetry};
use crate::transport::webhook::{Target, Tell, Told};

/// Entries looked at at once.
const PAGE: usize = 256;

/// Changes in one request at most: some 20 kB.
const TOLD_AT_ONCE: usize = 100;

/// After so many entries that say nothing to a target its place is recorded all the same, so that a start does not
/// read all of them again.
const SILENT_ENTRIES: u64 = 10_000;

/// The loops and what they work with.
#[derive(Clone)]
pub struct Webhooks {
    /// The ledger.
    pub store: Arc<dyn Store>,
    /// The way to the targets.
    pub way: Arc<dyn Tell>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who is told, as long as it stands there.
    pub targets: watch::Receiver<Vec<Target>>,
    /// The waits between two requests of one thing.
    pub schedule: Schedule,
    /// Where its events go.
    pub telemetry: Arc<Telemetry>,
}

/// The targets' loops that run.
#[derive(Default)]
struct Tellers {
    tasks: JoinSet<()>,
    running: BTreeMap<Name, (Target, AbortHandle)>,
}

/// One target's loop.
struct Teller {
    webhooks: Webhooks,
    target: Target,
    grown: watch::Receiver<Position>,
    /// How far it was told.
    told: Position,
    /// How far that is recorded.
    recorded: Position,
}

impl Webhooks {
    /// Runs until shutdown; a request that runs then is cut off and made again after the next start.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut tellers = Tellers::default();
        loop {
            let targets = self.targets.borrow_and_update().clone();
            tellers.follow(&self, targets).await;
            let changed = shutdown.run_until_cancelled(self.targets.changed());
            match changed.await {
                Some(Ok(())) => {}
                // Whoever changed targets has ended: those that are told are told until the shutdown.
                Some(Err(_)) => shutdown.cancelled().await,
                None => break,
            }
        }
        tellers.tasks.shutdown().await;
    }

    /// Tells one target for ever: what ends its way is taken up again after a wait.
    async fn tell(self, target: Target) {
        let mut failures: u32 = 0;
        loop {
            let follow = AssertUnwindSafe(self.follow(&target, &mut failures));
            let outcome = match follow.catch_unwind().await {
                // The store says itself why it failed.
                Ok(_) => Telling::Unrecorded,
                Err(_) => Telling::BrokeOff,
            };
            self.telemetry.record(Event::Told {
                target: &target.name,
                outcome,
                changes: 0,
            });
            failures = failures.saturating_add(1);
            let seed = Seed::of(target.name.as_str(), 0);
            tokio::time::sleep(self.schedule.wait(seed, failures)).await;
        }
    }

    /// Tells one target from where it was told; ends only when the store fails. Whatever goes well begins the count of
    /// failures anew.
    async fn follow(&self, target: &Target, failures: &mut u32) -> store::Error {
        let grown = self.store.watch();
        let told = match self.begin(target).await {
            Ok(told) => told,
            Err(error) => return error,
        };
        let teller = Teller {
            webhooks: self.clone(),
            target: target.clone(),
            grown,
            told,
            recorded: told,
        };
        teller.run(failures).await
    }

    /// How far a target was told; one that is new is told from now on, and that is recorded.
    async fn begin(&self, target: &Target) -> Result<Position, store::Error> {
        let known = self.store.notified().await?;
        match known.get(&target.name) {
            Some(position) => Ok(*position),
            None => {
                let now = self.store.health().position;
                self.record(&target.name, now).await?;
                Ok(now)
            }
        }
    }

    async fn record(&self, target: &Name, upto: Position) -> Result<(), store::Error> {
        let command = Command::Notified {
            target: target.clone(),
            upto,
        };
        self.store
            .commit(self.clock.now(), command)
            .await
            .map(|_| ())
    }
}

impl Tellers {
    /// Ends the loops of targets that are gone or changed, and only then begins those that are new or changed.
    async fn follow(&mut self, webhooks: &Webhooks, targets: Vec<Target>) {
        let (mut ending, mut gone) = (BTreeSet::new(), Vec::new());
        self.running.retain(|name, (target, teller)| {
            let stays = targets.contains(target);
            if !stays {
                gone.push(name.clone());
                ending.insert(teller.id());
                teller.abort();
            }
            stays
        });
        while !ending.is_empty() {
            match self.tasks.join_next_with_id().await {
                Some(ended) => {
                    let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                    ending.remove(&id);
                }
                None => break,
            }
        }
        // Whoever is gone is behind nothing, and says nothing any more; whoever only changed says so itself.
        for target in &gone {
            webhooks
                .telemetry
                .show(Reading::Target { target, behind: 0 });
        }
        for target in targets {
            if !self.running.contains_key(&target.name) {
                let teller = self.tasks.spawn(webhooks.clone().tell(target.clone()));
                self.running.insert(target.name.clone(), (target, teller));
            }
        }
    }
}

impl Teller {
    /// Tells what comes; ends only when the store fails.
    async fn run(mut self, failures: &mut u32) -> store::Error {
        loop {
            self.grown.mark_unchanged();
            match self.turn().await {
                Ok(()) => *failures = 0,
                Err(error) => return error,
            }
        }
    }

    /// Shows how far behind the ledger the target is.
    fn show(&self) {
        let head = self.webhooks.store.health().position;
        self.webhooks.telemetry.show(Reading::Target {
            target: &self.target.name,
            behind: head.0.saturating_sub(self.told.0),
        });
    }

    /// One part of the ledger, or a wait for more of it.
    async fn turn(&mut self) -> Result<(), store::Error> {
        self.show();
        let found = self.webhooks.store.changes(self.told, PAGE).await?;
        if found.upto == self.told {
            // A store that ended sends no more changes; the shutdown ends this wait.
            if self.grown.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            return Ok(());
        }
        let own = self.own(found.changes).await?;
        for part in own.chunks(TOLD_AT_ONCE) {
            self.tell(part).await;
        }
        self.told = found.upto;
        if !own.is_empty() || self.told.0 - self.recorded.0 >= SILENT_ENTRIES {
            self.webhooks.record(&self.target.name, self.told).await?;
            self.recorded = self.told;
        }
        Ok(())
    }

    /// Those of the target's centres, as the registry has them now.
    async fn own(&self, changes: Vec<Change>) -> Result<Vec<Change>, store::Error> {
        if changes.is_empty() {
            return Ok(changes);
        }
        let centres = match &self.target.gestionnaire {
            None => self.target.centres.clone(),
            Some(gestionnaire) => self.centres_of(gestionnaire).await?,
        };
        let mut changes = changes;
        changes.retain(|change| centres.contains(&change.key.centre));
        Ok(changes)
    }

    async fn centres_of(&self, gestionnaire: &Name) -> Result<BTreeSet<Finess>, store::Error> {
        let today = self.webhooks.clock.now().day();
        let registry = self.webhooks.store.centres().await?;
        let is_own = |versions: &[Centre]| {
            Centre::begun(versions, today)
                .is_some_and(|version| version.gestionnaire == *gestionnaire)
        };
        let own = registry
            .into_iter()
            .filter(|(_, versions)| is_own(versions));
        Ok(own.map(|(centre, _)| centre).collect())
    }

    /// Tells one part, again and again until it is taken.
    async fn tell(&self, part: &[Change]) {
        let text = change::Told {
            target: self.target.name.to_string(),
            events: part.iter().map(change::ChangeText::from).collect(),
        };
        let body = bytes::Bytes::from(text.write());
        let place = part.first().map_or(0, |change| change.position.0);
        let seed = Seed::of(self.target.name.as_str(), place);
        for attempt in 1.. {
            self.show();
            let now = self.webhooks.clock.now();
            let told = self
                .webhooks
                .way
                .tell(&self.target.name, now, body.clone())
                .await;
            let (outcome, is_taken) = match told {
                Told::Taken => (Telling::Taken, true),
                Told::Refused => (Telling::Refused, false),
                Told::Unreachable => (Telling::Unreachable, false),
                Told::Denied => (Telling::Denied, false),
            };
            self.webhooks.telemetry.record(Event::Told {
                target: &self.target.name,
                outcome,
                changes: part.len(),
            });
            if is_taken {
                return;
            }
            tokio::time::sleep(self.webhooks.schedule.wait(seed, attempt)).await;
        }
    }
}

#[cfg(test)]
mod tests;
