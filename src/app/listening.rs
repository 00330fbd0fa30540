//! The listeners: bound before the store opens, so that whoever asks is told how far it is.
//!
//! Must never bind before the journal is locked: what answers at an address is the one gateway of its directory. A crash
//! leaves the file of the socket, which the next start replaces.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::app::observers::Observers;
use crate::app::reading::Read;
use crate::app::{App, Error};
use crate::config::Config;
use crate::desk::front::Front;
use crate::desk::{self, Desk};
use crate::http;
use crate::intake::{self, Intake};
use crate::tls::{self, Acceptor, Door};

/// What the listeners answer.
pub struct Fronts {
    public: Front,
    operators: Front,
}

impl Fronts {
    /// From now on everything is answered.
    pub fn open(&self, intake: Arc<Intake>, desk: Arc<Desk>) {
        let public = intake::router(intake).merge(desk::public(desk.clone()));
        self.public.opens(http::closed(public));
        self.operators.opens(http::closed(desk::operators(desk)));
    }
}

impl App {
    /// Binds all listeners. Until the fronts open they say how far the store is.
    pub(super) async fn listen(
        &mut self,
        config: &Config,
        read: &Read,
        observers: &Observers,
    ) -> Result<Fronts, Error> {
        let fronts = Fronts {
            public: Front::new(&config.desk, observers.readiness()),
            operators: Front::new(&config.desk, observers.readiness()),
        };
        let door = Door {
            acceptor: Acceptor::Tls(read.server.clone()),
            limits: read.public.tls.limits,
            observer: observers.door(),
        };
        self.public = self
            .serve(read.public.address, door, &fronts.public)
            .await?;
        let socket = desk::socket::bind(&config.desk).map_err(|source| Error::Listen {
            address: config.desk.socket.display().to_string(),
            source,
        })?;
        let routes = fronts.operators.router();
        let stop = self.stop_listening.clone();
        self.listeners
            .spawn(desk::socket::serve(socket, routes, stop));
        if let Some(address) = config.desk.operators {
            let door = Door {
                acceptor: Acceptor::Plain,
                limits: config.desk.limits,
                observer: observers.door(),
            };
            self.operators = Some(self.serve(address, door, &fronts.operators).await?);
        }
        for (what, address) in self.addresses() {
            tracing::info!(what, address, "listening");
        }
        Ok(fronts)
    }

    /// Binds an address and serves a front there; gives where it is.
    async fn serve(
        &mut self,
        address: SocketAddr,
        door: Door,
        front: &Front,
    ) -> Result<SocketAddr, Error> {
        let failed = |source| Error::Listen {
            address: address.to_string(),
            source,
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let stop = self.stop_listening.clone().cancelled_owned();
        self.listeners
            .spawn(tls::serve(listener, door, front.router(), stop));
        Ok(bound)
    }
}
