//! The composition root: it builds every room from the configuration, wires them, spawns their loops and drains
//! them. It decides nothing about claims.
//!
//! Order of the start: everything that can be refused is read first, then the journal is recovered, then the listeners
//! are bound and say how far the store is, then it opens, then the loops begin and the listeners answer everything.
//! Order of the end: listeners close and their requests end, then the loops, then the store.

mod encryption;
mod observers;
mod opening;
mod registered;
mod reading;
mod listening;
mod renewal;
mod expiry;
mod revocation;
mod ways;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::claims::id::EndpointName;
use crate::clock::Clock;
use crate::config::Config;
use crate::desk;
use crate::dispatch::Dispatch;
use crate::formats::registry::Lined;
use crate::intake::{self, Intake};
use crate::receipts::Receipts;
use crate::report::anchors::Anchors;
use crate::report::count::Keeper;
use crate::report::statement::publisher::Publisher;
use crate::retention::Retention;
use crate::store::custody::Custody;
use crate::store::traces::Traces;
use crate::store::{Command, Readiness, Store};
use crate::telemetry::{Event, Reading, Telemetry};
use crate::tls;
use crate::transport::{self, Transport};
use crate::webhooks::Webhooks;

use encryption::KeyAge;
use expiry::Expiry;
use listening::Fronts;
use observers::Observers;
use opening::Opening;
use reading::Read;
use registered::{Following, Inspection, Unput};
use renewal::Renewal;
use revocation::Fetching;

pub use reading::check;

/// The running gateway.
pub struct App {
    public: SocketAddr,
    operators: Option<SocketAddr>,
    socket: PathBuf,
    stop_listening: CancellationToken,
    stop_loops: CancellationToken,
    listeners: JoinSet<()>,
    loops: JoinSet<()>,
    telemetry: Arc<Telemetry>,
    renewal: Renewal,
}

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration, or a file that it names, cannot be used.
    #[error("the configuration cannot be used: {0:#}")]
    Config(anyhow::Error),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store does not open.
    #[error("the store does not open: {0:#}")]
    Store(anyhow::Error),
    /// Something else.
    #[error("the gateway does not start: {0:#}")]
    Start(anyhow::Error),
}

impl Error {
    fn config(error: impl Into<anyhow::Error>) -> Error {
        Error::Config(error.into())
    }

    fn start(error: impl Into<anyhow::Error>) -> Error {
        Error::Start(error.into())
    }
}

/// Makes ring the cryptography of every library that asks for a default. Doing it again changes nothing.
pub fn crypto() {
    tls::install_default();
}

impl App {
    /// Starts the gateway.
    ///
    /// # Errors
    /// [`Error`]; nothing is left running.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<App, Error> {
        App::start_telling(config, clock, watch::Sender::new(Readiness::Opening)).await
    }

    /// The same, and tells how far the store is while it opens. Dropped before its end it leaves nothing running, but
    /// for a step of the store that ends by itself.
    ///
    /// # Errors
    /// [`Error`]; nothing is left running.
    pub async fn start_telling(
        config: Config,
        clock: Arc<dyn Clock>,
        told: watch::Sender<Readiness>,
    ) -> Result<App, Error> {
        let read = reading::read(&config)?;
        let endpoints: Vec<_> = read.ways.routes().borrow().endpoints().cloned().collect();
        let telemetry =
            Arc::new(Telemetry::new(&config.telemetry, &endpoints).map_err(Error::start)?);
        let observers = Arc::new(Observers::new(telemetry.clone(), told));
        let access =
            Access::open(&config.access, observers.access(), clock.now()).map_err(Error::config)?;
        let access = Arc::new(access);
        let opening = Opening::recover(&config, clock.clone(), observers.clone()).await?;
        let mut app = App {
            public: read.public.address,
            operators: None,
            socket: config.desk.socket.clone(),
            stop_listening: CancellationToken::new(),
            stop_loops: CancellationToken::new(),
            listeners: JoinSet::new(),
            loops: JoinSet::new(),
            telemetry,
            renewal: Renewal {
                files: read.files.clone(),
                server: read.server.clone(),
                ways: read.ways.clone(),
                webhooks: read.webhooks.clone(),
                wanted: watch::Sender::new(config.transport.webhooks.clone()),
                targets: watch::Sender::new(config.transport.webhooks.targets.clone()),
                access,
                clock: clock.clone(),
                telemetry: observers.telemetry(),
            },
        };
        app.renewal.show();
        let fronts = app.listen(&config, &read, &observers).await?;
        match app.open(&config, read, opening, &fronts, clock).await {
            Ok(()) => Ok(app),
            Err(error) => {
                app.end().await;
                Err(error)
            }
        }
    }

    /// Opens the store, begins the loops and lets the listeners answer everything.
    async fn open(
        &mut self,
        config: &Config,
        mut read: Read,
        opening: Opening,
        fronts: &Fronts,
        clock: Arc<dyn Clock>,
    ) -> Result<(), Error> {
        let embedded = opening.finish().await?;
        let telemetry = self.telemetry.clone();
        let store: Arc<dyn Store> = embedded.clone();
        let custody: Arc<dyn Custody> = embedded.clone();
        let traces = Arc::new(Traces::of(&config.store.directory));
        let import = import(&*store, config, read.registry.as_deref(), &*clock).await;
        import.map_err(|error| match error {
            Unput::Store(error) => Error::Store(error.into()),
            Unput::Flawed(_) => Error::config(error),
        })?;
        let mut registered = Following {
            store: store.clone(),
            renewal: self.renewal.clone(),
            clock: clock.clone(),
            imported: Arc::default(),
            last: registered::Today::default(),
        };
        // Before anybody posts: a document for one of them has a way.
        registered.once().await.map_err(Error::Config)?;
        let registry = store
            .registry()
            .await
            .map_err(|error| Error::Store(error.into()))?;
        let is_registered = |name: &EndpointName| registry.endpoints.contains_key(name);
        for wanting in reading::wanting(config, is_registered) {
            tracing::warn!("{wanting}");
        }

        let keeper = Keeper::new(
            store.clone(),
            clock.clone(),
            read.agreements.clone(),
            telemetry.clone(),
            config.report.clone(),
        );
        let publisher = Arc::new(Publisher::new(
            store.clone(),
            clock.clone(),
            read.signer.take(),
            telemetry.clone(),
            &config.report,
        ));
        let access = self.renewal.access.clone();
        let intake = Intake::open(
            intake::Parts {
                store: store.clone(),
                access: access.clone(),
                clock: clock.clone(),
                reader: read.reader.clone(),
                routes: read.ways.routes(),
                keys: read.ways.keys(),
                terms: config.terms,
                telemetry: telemetry.clone(),
            },
            config.intake.clone(),
        );
        let intake = intake.await.map_err(Error::start)?;
        let desk = desk::Desk::new(desk::Parts {
            retaining: embedded.clone(),
            traces: traces.clone(),
            retention: config.retention.rules(),
            terms: config.terms,
            proof_months: config.retention.proof_months,
            store: store.clone(),
            custody: custody.clone(),
            access,
            clock: clock.clone(),
            reader: read.reader.clone(),
            routes: read.ways.routes(),
            lanes: read.ways.lanes.clone(),
            agreements: read.agreements.clone(),
            snapshots: keeper.published(),
            publisher: publisher.clone(),
            read_registry: Inspection::by(config).reader(),
            imported: registered.imported.clone(),
            telemetry: telemetry.clone(),
            config: config.desk.clone(),
            past: config.report.past(),
            centre_label: config.report.centre_label,
            closing: self.stop_listening.clone(),
        });

        let queue = desk.clone().watch_queue(self.stop_loops.clone());
        self.loops.spawn(queue);
        self.loops.spawn(registered.run(self.stop_loops.clone()));
        self.loops.spawn(publisher.run(self.stop_loops.clone()));
        let retention = Retention {
            retaining: embedded,
            traces,
            clock: clock.clone(),
            config: config.retention.clone(),
            telemetry: telemetry.clone(),
        };
        self.loops.spawn(retention.run(self.stop_loops.clone()));
        let anchors = Anchors {
            store: store.clone(),
            custody,
            clock: clock.clone(),
            apart: config.report.anchor_entries,
            telemetry: telemetry.clone(),
        };
        self.loops.spawn(anchors.run(self.stop_loops.clone()));
        self.spawn_loops(config, &read, store, clock.clone(), keeper);
        fronts.open(intake, desk);
        let version = env!("CARGO_PKG_VERSION");
        let since = clock.now();
        self.spawn_renewal(read, clock);
        telemetry.show(Reading::Running { since, version });
        telemetry.record(Event::Started { version });
        Ok(())
    }

    fn spawn_loops(
        &mut self,
        config: &Config,
        read: &Read,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        keeper: Keeper,
    ) {
        let transport: Arc<dyn Transport> = read.ways.transport.clone();
        let dispatch = Dispatch {
            store: store.clone(),
            transport: transport.clone(),
            clock: clock.clone(),
            routes: read.ways.routes(),
            lanes: read.ways.lanes.clone(),
            terms: config.terms,
            config: Arc::new(config.dispatch.clone()),
            telemetry: self.telemetry.clone(),
        };
        let webhooks = Webhooks {
            store: store.clone(),
            way: read.webhooks.clone(),
            clock: clock.clone(),
            targets: self.renewal.targets.subscribe(),
            schedule: config.dispatch.schedule(),
            telemetry: self.telemetry.clone(),
        };
        let key_age = KeyAge {
            store: store.clone(),
            clock: clock.clone(),
            telemetry: self.telemetry.clone(),
            settings: config.store.encryption.clone(),
        };
        let receipts = Receipts {
            store,
            transport,
            clock,
            routes: read.ways.routes(),
            reader: read.reader.clone(),
            limits: config.intake.xml_limits(),
            keys: read.ways.keys(),
            config: Arc::new(config.receipts.clone()),
            telemetry: self.telemetry.clone(),
        };
        self.loops.spawn(key_age.run(self.stop_loops.clone()));
        self.loops.spawn(dispatch.run(self.stop_loops.clone()));
        self.loops.spawn(webhooks.run(self.stop_loops.clone()));
        self.loops.spawn(receipts.run(self.stop_loops.clone()));
        self.loops.spawn(keeper.run(self.stop_loops.clone()));
        let (telemetry, stop) = (self.telemetry.clone(), self.stop_loops.clone());
        self.loops
            .spawn(async move { telemetry.run_upkeep(stop).await });
    }

    fn spawn_renewal(&mut self, read: Read, clock: Arc<dyn Clock>) {
        let fetching = Fetching {
            files: read.files,
            ways: read.ways.told(),
            lists: read.lists,
            clock,
            telemetry: self.telemetry.clone(),
        };
        let watching = self
            .renewal
            .clone()
            .watch(read.look, self.stop_loops.clone());
        self.loops.spawn(watching);
        let expiry = Expiry {
            renewal: self.renewal.clone(),
        };
        self.loops.spawn(expiry.run(self.stop_loops.clone()));
        self.loops.spawn(fetching.run(self.stop_loops.clone()));
    }

    /// Where the public listener is.
    pub fn public(&self) -> SocketAddr {
        self.public
    }

    /// Where the operators' listener is, if it is open.
    pub fn operators(&self) -> Option<SocketAddr> {
        self.operators
    }

    /// Everything that is listened on, for people.
    pub fn addresses(&self) -> Vec<(&'static str, String)> {
        let mut addresses = vec![("public", format!("https://{}", self.public))];
        addresses.extend(
            self.operators
                .map(|address| ("operators", format!("http://{address}"))),
        );
        addresses.push(("command line", self.socket.display().to_string()));
        addresses
    }

    /// From the next [`App::renew`] on these are the endpoints of the configuration, and its webhooks.
    pub fn want(&self, transport: transport::Config) {
        self.renewal.want(transport);
    }

    /// Reads certificates, keys, secrets, revocation lists and tokens again; what cannot be read stays as it was.
    pub async fn renew(&self) {
        self.renewal.run().await;
    }

    /// Ends when a loop or listener ended by itself, which none of them does.
    pub async fn broke_off(&mut self) {
        tokio::select! {
            Some(_) = self.loops.join_next() => {}
            Some(_) = self.listeners.join_next() => {}
        }
    }

    /// Closes the listeners, lets requests and attempts end, and stops.
    pub async fn stop(self) {
        let telemetry = self.telemetry.clone();
        telemetry.record(Event::Draining);
        self.end().await;
        telemetry.record(Event::Stopped);
    }

    async fn end(mut self) {
        self.stop_listening.cancel();
        while self.listeners.join_next().await.is_some() {}
        self.stop_loops.cancel();
        while self.loops.join_next().await.is_some() {}
        // The socket's file is ours; one that is left behind is replaced at the next start.
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// Writes the terms of the configuration to the ledger where they differ, and the registrations of its file.
async fn import(
    store: &dyn Store,
    config: &Config,
    registry: Option<&[Lined]>,
    clock: &dyn Clock,
) -> Result<(), Unput> {
    store
        .commit(clock.now(), Command::Terms(config.terms))
        .await?;
    match registry {
        Some(file) => registered::put_file(store, file, clock).await,
        None => Ok(()),
    }
}
