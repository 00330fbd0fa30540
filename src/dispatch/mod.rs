//! The transmitting loop: it seals open documents into lots, leases lots that are due, sends them, and records
//! what came of it.
//!
//! Each attempt is three steps that never mix: ask the store what to send (durable before it leaves), let the
//! transport send it, let `claims::outcome` judge the reply. Nothing is remembered here that the store does not
//! know: a crash at any point leaves lots that are due, or sending and then in doubt.

mod attempt;
mod brake;
mod config;
mod fresh;
mod lanes;
mod seal;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{self, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::claims::delivery::State;
use crate::claims::entry::Gate;
use crate::claims::id::{EndpointName, LotId};
use crate::claims::lane::{Kind, MayGo};
use crate::claims::routes::Routes;
use crate::claims::terms::Terms;
use crate::claims::time::Timestamp;
use crate::clock::Clock;
use crate::store::lanes::Board;
use crate::store::{
    self, Command, Due, EndpointRecord, Lease, LotRecord, Readiness, Store, Waiting,
};
use crate::telemetry::lane::{Alert, Event as Said};
use crate::telemetry::{Event, Telemetry};
use crate::transport::Transport;

pub use config::{Config, ReceiptExpected};

use attempt::Ended;
use brake::Brake;
use fresh::Fresh;
use lanes::Lanes;
use seal::SealedGroups;

/// How many groups are sealed, and lots looked at for each endpoint, in one turn.
const AT_ONCE: usize = 64;

/// Longest sleep: a machine's clock that is set forward is noticed by then; and set back by more than that, it has put
/// off what must not wait for it.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Sleep at least after a turn in which the store failed, or documents were due to be sealed and could not be.
const FRUITLESS_SLEEP: Duration = Duration::from_secs(1);

/// The loop and what it works with.
#[derive(Clone)]
pub struct Dispatch {
    /// The ledger.
    pub store: Arc<dyn Store>,
    /// The way to the insurers.
    pub transport: Arc<dyn Transport>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Which endpoint serves which destination at present.
    pub routes: watch::Receiver<Arc<Routes>>,
    /// The endpoints' lanes, for whoever tells why a lot waits.
    pub lanes: Arc<Board>,
    /// The days by which receipts are expected.
    pub terms: Terms,
    /// Its settings.
    pub config: Arc<Config>,
    /// Where its events go.
    pub telemetry: Arc<Telemetry>,
}

/// What runs at present.
struct Running {
    tasks: JoinSet<Ended>,
    /// What each of them is.
    works: HashMap<task::Id, Work>,
    /// Lots being asked about.
    asking: BTreeSet<LotId>,
    /// Lots whose last question ended without a record.
    brake: Brake,
    /// Lots being sent. By the clock the lease of one may have run out already: it stepped.
    sending: BTreeSet<LotId>,
    lanes: Arc<Lanes>,
    /// What the clock said in the last turn.
    turned: Timestamp,
    put_off: PutOff,
    /// Lots just sealed.
    fresh: Fresh,
    /// What could not be sealed in the last turn: it comes first again, and the next turn looks beyond it.
    unsealed: SealedGroups,
}

/// What a clock that was ahead may have put off.
#[derive(Clone, Debug)]
enum PutOff {
    /// Nothing: every lot that waits was looked at.
    Nothing,
    /// What comes after a place among the lots that wait; none: all of them.
    Behind(Option<Waiting>),
}

/// An attempt or a question that runs.
struct Work {
    kind: Kind,
    lot: LotId,
    endpoint: EndpointName,
}

/// What a look at the lanes did.
#[derive(Default)]
struct Begun {
    /// Whether something was leased: more may be due.
    leased: bool,
    /// When a lane that holds something back lets it go.
    next: Option<Timestamp>,
}

impl Dispatch {
    /// Runs until shutdown; then no more attempts begin, and those that run have the drain time to end. What is
    /// cut off then is in doubt at the next start.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut changes = self.store.watch();
        let mut routes = self.routes.clone();
        let mut running = self.nothing_runs();
        while !shutdown.is_cancelled() {
            changes.mark_unchanged();
            routes.mark_unchanged();
            let sleep = match self.turn(&mut running).await {
                Ok(sleep) => sleep,
                Err(error) => {
                    self.stalled(&error);
                    FRUITLESS_SLEEP
                }
            };
            // In this order, so that a run repeats itself from its seed. None starves another: each leads to the
            // next turn, which looks at everything.
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(ended) = running.tasks.join_next_with_id() => self.ended(&mut running, ended),
                // A store that ended sends no more changes; the sleep still ends.
                Ok(()) = changes.changed() => self.settle(&shutdown, sleep).await,
                // What had no way may have one now.
                Ok(()) = routes.changed() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
        self.drain(running).await;
    }

    fn nothing_runs(&self) -> Running {
        let lanes = Lanes::new(
            Arc::clone(&self.lanes),
            self.config.lane(),
            Arc::clone(&self.clock),
            Arc::clone(&self.telemetry),
        );
        Running {
            tasks: JoinSet::new(),
            works: HashMap::new(),
            asking: BTreeSet::new(),
            brake: Brake::default(),
            sending: BTreeSet::new(),
            turned: self.clock.now(),
            // The clock may have been set back while the gateway was down.
            put_off: PutOff::Behind(None),
            lanes: Arc::new(lanes),
            fresh: Fresh::new(self.config.fresh_bytes),
            unsealed: SealedGroups::default(),
        }
    }

    /// Lets a burst of changes pass before the next turn, so that a turn is made for many of them; but what is due
    /// by time alone is not kept waiting for it.
    async fn settle(&self, shutdown: &CancellationToken, sleep: Duration) {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(sleep.min(self.config.pause())) => {}
        }
    }

    /// Does everything that is due, and says how long nothing more is.
    async fn turn(&self, running: &mut Running) -> Result<Duration, store::Error> {
        // Whose answer cannot be recorded is not asked.
        match self.store.health().state {
            Readiness::Ready | Readiness::Shedding | Readiness::LowOnDisk | Readiness::Resuming => {
            }
            Readiness::Opening | Readiness::Rebuilding { .. } => return Ok(FRUITLESS_SLEEP),
            Readiness::Failed(why) => return Err(store::Error::Stopped(why.into())),
        }
        let now = self.clock.now();
        if running.turned.since(now) > LONGEST_SLEEP {
            running.put_off = PutOff::Behind(None);
        }
        running.turned = now;
        self.bring_forward(running, now).await?;
        let passed_over = running.unsealed.passed_over() + running.brake.lots();
        let most = AT_ONCE + running.asking.len() + passed_over;
        let due = self.store.due(now, self.config.sealing(), most).await?;
        if due.timers {
            self.store.commit(now, Command::Tick).await?;
        }
        let routes = Arc::clone(&self.routes.borrow());
        self.unroute(&due, &routes).await?;
        let sealing = self.seal_groups(&due, &routes, &mut running.fresh).await?;
        let sealed = !sealing.sealed.is_empty();
        // Questions and lots take turns, or thousands of the one would take the whole pace from the other.
        let (before, after): (Vec<_>, Vec<_>) =
            due.asks
                .iter()
                .partition(|lot| match running.lanes.first(&lot.sealed.endpoint) {
                    Kind::Question => true,
                    Kind::Attempt => false,
                });
        let first = self.ask(running, &before);
        let sends = self.send(running, &due, &sealing.sealed).await?;
        let last = self.ask(running, &after);
        self.tell_unsealed(running, sealing);
        let next = [due.next, first.next, sends.next, last.next];
        let next = next.into_iter().flatten();
        let sleep = next
            .min()
            .map_or(LONGEST_SLEEP, |next| next.since(self.clock.now()));
        // What was done may have made more due: look again soon. A full lane is looked at when an attempt ends.
        let put_off = matches!(running.put_off, PutOff::Behind(_));
        let more = due.timers || sealed || sends.leased || put_off;
        Ok(match (sleep.is_zero(), more) {
            (false, false) => sleep.min(LONGEST_SLEEP),
            (false, true) => sleep.min(self.config.pause()),
            (true, true) => self.config.pause(),
            // What is due and could not be done is no reason to look again at once.
            (true, false) if due.groups.is_empty() => self.config.pause(),
            (true, false) => FRUITLESS_SLEEP,
        })
    }

    /// What a clock that was ahead put off comes when it would have: a part of it in each turn.
    async fn bring_forward(
        &self,
        running: &mut Running,
        now: Timestamp,
    ) -> Result<(), store::Error> {
        if let PutOff::Behind(place) = &running.put_off {
            let after = place.clone();
            let set_back = self.store.commit(now, Command::SetBack { after }).await?;
            running.put_off = match set_back.looked_at()? {
                Some(place) => PutOff::Behind(Some(place)),
                None => PutOff::Nothing,
            };
        }
        Ok(())
    }

    /// What never left an endpoint that is not configured any more is opened again, for the endpoint that serves its
    /// insurer now. The rest goes on to be attempted, and so says that it has no endpoint.
    async fn unroute(&self, due: &Due, routes: &Routes) -> Result<(), store::Error> {
        let asked_first = due.asks.iter().filter(|lot| lot.state == State::Due);
        let asked_first = asked_first.map(|lot| &lot.sealed.endpoint);
        let endpoints: BTreeSet<_> = due.unsent.iter().chain(asked_first).collect();
        for endpoint in endpoints.into_iter().filter(|name| !routes.has(name)) {
            let unroute = Command::Unroute(endpoint.clone());
            self.store.commit(self.clock.now(), unroute).await?;
        }
        Ok(())
    }

    /// Asks about the lots that are in doubt, as their lanes allow.
    fn ask(&self, running: &mut Running, asks: &[&LotRecord]) -> Begun {
        let mut begun = Begun::default();
        for lot in asks {
            let (id, endpoint) = (lot.sealed.lot, &lot.sealed.endpoint);
            // What an insurer says of a lot that is still on its way to it proves nothing.
            if running.asking.contains(&id) || running.sending.contains(&id) {
                continue;
            }
            let now = self.clock.now();
            if let Some(wait) = running.brake.wait(id) {
                begun.not_before(now + wait);
                continue;
            }
            match running.lanes.may_go(endpoint, Kind::Question, now) {
                MayGo::Now(_) => {}
                MayGo::Full => continue,
                MayGo::Held(next) => {
                    begun.not_before(next.at);
                    continue;
                }
            }
            let place = running.lanes.begin(endpoint, Kind::Question, now);
            let (dispatch, lot) = (self.clone(), LotRecord::clone(lot));
            let work = Work::new(Kind::Question, id, endpoint);
            running.spawn(work, async move { dispatch.question(lot, place).await });
        }
        begun
    }

    /// Leases and sends what the lanes have room for.
    async fn send(
        &self,
        running: &mut Running,
        due: &Due,
        sealed: &BTreeSet<EndpointName>,
    ) -> Result<Begun, store::Error> {
        let mut begun = Begun::default();
        let routes = Arc::clone(&self.routes.borrow());
        let endpoints: BTreeSet<_> = due.endpoints.iter().chain(sealed).collect();
        // What is on its way to another endpoint is not attempted at the one that is gone: the next turn opens the rest.
        let leaves =
            |endpoint: &EndpointName| due.unsent.contains(endpoint) && !routes.has(endpoint);
        // A system has one lane: what waits under a former name is older, and grows no more.
        let (present, former): (Vec<_>, Vec<_>) = endpoints
            .into_iter()
            .filter(|endpoint| !leaves(endpoint))
            .partition(|endpoint| routes.present(endpoint) == *endpoint);
        for endpoint in former.into_iter().chain(present) {
            let now = self.clock.now();
            let room = match running.lanes.may_go(endpoint, Kind::Attempt, now) {
                MayGo::Now(room) => room,
                MayGo::Full => continue,
                MayGo::Held(next) => {
                    begun.not_before(next.at);
                    continue;
                }
            };
            if self.is_held_under_another_name(endpoint, &routes).await? {
                continue;
            }
            let lease = Lease {
                endpoint: endpoint.clone(),
                until: now + self.config.lease(),
                most: room.get() as usize,
            };
            let leased = self.store.lease_due(now, lease).await?;
            begun.leased |= !leased.is_empty();
            for leased in leased {
                let place = running.lanes.begin(endpoint, Kind::Attempt, now);
                let work = Work::new(Kind::Attempt, leased.lot.sealed.lot, endpoint);
                let fresh = running.fresh.take(leased.lot.sealed.lot);
                let dispatch = self.clone();
                let attempt = async move { dispatch.attempt(leased, fresh, place).await };
                running.spawn(work, attempt);
            }
        }
        Ok(begun)
    }

    /// A hold counts for all names of a system, which the ledger does not know to be one.
    async fn is_held_under_another_name(
        &self,
        endpoint: &EndpointName,
        routes: &Routes,
    ) -> Result<bool, store::Error> {
        if routes.system(endpoint).nth(1).is_none() {
            return Ok(false);
        }
        let gates = self.store.endpoints().await?;
        Ok(EndpointRecord::gate_of(&gates, routes.system(endpoint)) == Gate::Held)
    }

    fn ended(&self, running: &mut Running, ended: Result<(task::Id, Ended), task::JoinError>) {
        let (id, how) = match &ended {
            Ok((id, how)) => (*id, Some(*how)),
            Err(error) => (error.id(), None),
        };
        let Some(work) = running.works.remove(&id) else {
            return;
        };
        let lots = match work.kind {
            Kind::Attempt => &mut running.sending,
            Kind::Question => &mut running.asking,
        };
        lots.remove(&work.lot);
        // Its place in the lane was given back. An attempt's lease runs out; a question is asked again, after a wait.
        if how.is_none() {
            self.alert(work.lot, &work.endpoint, Alert::BrokeOff);
        }
        match (work.kind, how) {
            (Kind::Question, Some(Ended::Recorded)) => running.brake.release(work.lot),
            (Kind::Question, Some(Ended::Unrecorded) | None) => {
                running.brake.hold(work.lot, &self.config.schedule());
            }
            (Kind::Attempt, Some(Ended::Recorded | Ended::Unrecorded) | None) => {}
        }
    }

    async fn drain(&self, mut running: Running) {
        let all = async {
            while let Some(ended) = running.tasks.join_next_with_id().await {
                let id = ended.map_or_else(|error| error.id(), |(id, _)| id);
                running.works.remove(&id);
            }
        };
        // Whoever is not told of its end by now is told so, and its lot is in doubt at the next start.
        if tokio::time::timeout(self.config.drain(), all)
            .await
            .is_err()
        {
            let mut works: Vec<_> = running.works.into_values().collect();
            works.sort_unstable_by_key(|work| work.lot);
            for work in works {
                self.alert(work.lot, &work.endpoint, Alert::CutOff);
            }
        }
    }

    fn alert(&self, lot: LotId, endpoint: &EndpointName, alert: Alert) {
        let said = Said::Alert {
            lot,
            endpoint,
            alert,
        };
        self.telemetry.record(Event::Lane(said));
    }

    fn stalled(&self, error: &store::Error) {
        let why = &error.to_string();
        self.telemetry.record(Event::Lane(Said::Stalled { why }));
    }

    /// Tells what cannot be sealed, when it changes.
    fn tell_unsealed(&self, running: &mut Running, sealing: SealedGroups) {
        if running.unsealed.documents != sealing.documents {
            self.lanes.tell_unreadable(sealing.documents.clone());
        }
        let before = std::mem::replace(&mut running.unsealed, sealing);
        let now = &running.unsealed;
        if (before.without_route, before.unreadable) != (now.without_route, now.unreadable) {
            let said = Said::Unsealed {
                without_route: now.without_route as u64,
                unreadable: now.unreadable as u64,
                document: now.documents.first().copied(),
            };
            self.telemetry.record(Event::Lane(said));
        }
    }
}

impl Running {
    fn spawn(&mut self, work: Work, running: impl Future<Output = Ended> + Send + 'static) {
        let lots = match work.kind {
            Kind::Attempt => &mut self.sending,
            Kind::Question => &mut self.asking,
        };
        lots.insert(work.lot);
        let id = self.tasks.spawn(running).id();
        self.works.insert(id, work);
    }
}

impl Work {
    fn new(kind: Kind, lot: LotId, endpoint: &EndpointName) -> Work {
        Work {
            kind,
            lot,
            endpoint: endpoint.clone(),
        }
    }
}

impl Begun {
    fn not_before(&mut self, at: Timestamp) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}
