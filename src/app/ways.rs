//! The ways to insurers as they are at present: which endpoints there are, and all that follows from it for those who
//! send, ask and admit. They become others while the gateway runs, without a restart.
//!
//! Must never put a set in force of which a part cannot be used: all of it is read before anything changes, and on an
//! error everything stays as it was. An endpoint that is as it was keeps its connections; one that left is given nothing
//! new, and what may have arrived there stays with it. Nothing is kept: the next start reads the configuration.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::claims::id::EndpointName;
use crate::claims::lane::Rules;
use crate::claims::routes::Routes;
use crate::config::Config;
use crate::formats::jws::Keyring;
use crate::store::lanes::Board;
use crate::transport::https::Https;
use crate::transport::{self, Endpoint, Faults};

/// The ways, and what was last wanted of them.
pub struct Ways {
    /// Carries lots over them.
    pub transport: Arc<Https>,
    /// Their lanes.
    pub lanes: Arc<Board>,
    routes: watch::Sender<Arc<Routes>>,
    keys: watch::Sender<Arc<Keyring>>,
    present: watch::Sender<Arc<transport::Config>>,
    wanted: Mutex<Wanted>,
    bounds: Bounds,
    /// They change one change after the other.
    changing: Mutex<()>,
}

/// Endpoints by who names them.
#[derive(Clone, Debug, Default)]
struct Wanted {
    /// Those of the configuration.
    configured: Vec<Endpoint>,
    /// Those that are registered beside it.
    registered: Vec<Endpoint>,
}

/// What no endpoint may go beyond: the settings of the start.
struct Bounds {
    /// The rules of a lane where an endpoint has none.
    lane: Rules,
    /// An attempt that takes as long would be in doubt while it runs.
    lease_seconds: NonZeroU64,
}

/// What became of the endpoints.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Those that are new.
    pub came: usize,
    /// Those that are gone.
    pub left: usize,
    /// Those whose settings are others.
    pub changed: usize,
    /// Those that are registered and stand in the configuration too, which counts.
    pub shadowed: Vec<EndpointName>,
}

impl Wanted {
    /// The one set of both, and the names that stand in both: there the configuration counts, which whoever runs the
    /// gateway has in hand when nothing else works.
    fn composed(&self) -> (Vec<Endpoint>, Vec<EndpointName>) {
        let configured: BTreeSet<_> = self.configured.iter().map(|known| &known.name).collect();
        let (shadowed, others): (Vec<_>, Vec<_>) = self
            .registered
            .iter()
            .partition(|endpoint| configured.contains(&endpoint.name));
        let all = self.configured.iter().chain(others).cloned().collect();
        let shadowed = shadowed.iter().map(|endpoint| endpoint.name.clone());
        (all, shadowed.collect())
    }
}

impl Ways {
    /// The ways of a configuration. It reads files; nothing is connected.
    ///
    /// # Errors
    /// [`Faults`].
    pub fn open(config: &Config) -> Result<Ways, Faults> {
        let nothing = transport::Config::default();
        let transport = Https::with(&nothing, config.renewal.clone())?;
        let ways = Ways {
            transport: Arc::new(transport),
            lanes: Arc::default(),
            routes: watch::Sender::default(),
            keys: watch::Sender::default(),
            present: watch::Sender::new(Arc::new(nothing)),
            wanted: Mutex::default(),
            bounds: Bounds {
                lane: config.dispatch.lane(),
                lease_seconds: config.dispatch.lease_seconds,
            },
            changing: Mutex::new(()),
        };
        ways.configure(config.transport.endpoints.clone());
        ways.follow()?;
        Ok(ways)
    }

    /// From the next [`Ways::follow`] on, the endpoints of the configuration are these.
    pub fn configure(&self, endpoints: Vec<Endpoint>) {
        locked(&self.wanted).configured = endpoints;
    }

    /// From the next [`Ways::follow`] on, the endpoints that are registered beside the configuration are these.
    pub fn register(&self, endpoints: Vec<Endpoint>) {
        locked(&self.wanted).registered = endpoints;
    }

    /// Puts in force what is wanted, with what the files hold now. It reads files: not for an async task.
    ///
    /// # Errors
    /// [`Faults`]: everything stays as it was.
    pub fn follow(&self) -> Result<Followed, Faults> {
        let _changing = locked(&self.changing);
        let before = self.present();
        let (endpoints, shadowed) = locked(&self.wanted).composed();
        let now = transport::Config {
            endpoints,
            ..transport::Config::default()
        };
        if now.endpoints == before.endpoints {
            self.transport.follow(&now)?;
            return Ok(Followed {
                shadowed,
                ..Followed::default()
            });
        }
        // First all that may fail.
        now.check()?;
        now.within(self.bounds.lease_seconds)?;
        let rules = now.lanes(&self.bounds.lane)?;
        let keys = now.keyring()?;
        self.transport.follow(&now)?;
        // A way is there before anybody is told of it, and no item is taken without the signature that it needs.
        self.lanes.follow(rules);
        let routes = now.routes();
        self.take_keys(keys, &routes);
        self.routes.send_replace(Arc::new(routes));
        let followed = Followed::of(&before.endpoints, &now.endpoints, shadowed);
        self.present.send_replace(Arc::new(now));
        Ok(followed)
    }

    /// Reads the keys that sign receipts again.
    ///
    /// # Errors
    /// [`Faults`]: the keys stay.
    pub fn renew_keys(&self) -> Result<(), Faults> {
        let _changing = locked(&self.changing);
        let present = self.present();
        self.take_keys(present.keyring()?, &present.routes());
        Ok(())
    }

    /// The other side of every connection has to prove itself again.
    ///
    /// # Errors
    /// [`Faults`]: everything stays as it was.
    pub fn forget_connections(&self) -> Result<(), Faults> {
        self.transport.renew()
    }

    /// Which endpoint serves which destination.
    pub fn routes(&self) -> watch::Receiver<Arc<Routes>> {
        self.routes.subscribe()
    }

    /// The keys of the endpoints whose receipts are signed.
    pub fn keys(&self) -> watch::Receiver<Arc<Keyring>> {
        self.keys.subscribe()
    }

    /// The endpoints in force, as they are told of.
    pub fn told(&self) -> watch::Receiver<Arc<transport::Config>> {
        self.present.subscribe()
    }

    /// The endpoints in force.
    pub fn present(&self) -> Arc<transport::Config> {
        Arc::clone(&self.present.borrow())
    }

    /// The endpoints that are wanted, whether they can be used or not.
    pub fn wanted(&self) -> Vec<Endpoint> {
        locked(&self.wanted).composed().0
    }

    /// An endpoint that left keeps the keys that it had: what it may still hand in has to be signed as before.
    fn take_keys(&self, keys: Keyring, routes: &Routes) {
        let before = Arc::clone(&self.keys.borrow());
        let keys = keys.beside(&before, |endpoint| !routes.has(endpoint));
        self.keys.send_replace(Arc::new(keys));
    }
}

impl Followed {
    fn of(before: &[Endpoint], now: &[Endpoint], shadowed: Vec<EndpointName>) -> Followed {
        let of = |all: &[Endpoint], name: &EndpointName| {
            all.iter().position(|known| known.name == *name)
        };
        let came = now.iter().filter(|new| of(before, &new.name).is_none());
        let left = before.iter().filter(|old| of(now, &old.name).is_none());
        let changed = now.iter().filter(|new| {
            let before = of(before, &new.name).and_then(|place| before.get(place));
            before.is_some_and(|old| old != *new)
        });
        Followed {
            came: came.count(),
            left: left.count(),
            changed: changed.count(),
            shadowed,
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind them is exchanged at once, whoever panicked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
