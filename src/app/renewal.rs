//! Certificates, revocation lists and tokens are read again while the gateway runs.
//!
//! Open connections keep what they were opened with. What cannot be read again stays as it was, and is
//! logged as an error: somebody must act before it expires.

use std::sync::Arc;

use crate::access::Access;
use crate::clock::Clock;
use crate::config;
use crate::telemetry::{Reading, Telemetry};
use crate::tls::{Material, Server};
use crate::transport::https::Https;

/// All that can be read again.
#[derive(Clone)]
pub struct Renewal {
    /// The files of the public listener.
    pub public: config::Public,
    /// The public listener's certificate.
    pub server: Arc<Server>,
    /// The endpoints' certificates.
    pub transport: Arc<Https>,
    /// Who may call.
    pub access: Arc<Access>,
    /// For the tokens' dates.
    pub clock: Arc<dyn Clock>,
    /// Where it is shown until when they are good.
    pub telemetry: Arc<Telemetry>,
}

impl Renewal {
    /// Reads all of it again, each for itself. It reads files, on a thread that may block.
    pub async fn run(&self) {
        let renewal = self.clone();
        let renewed = tokio::task::spawn_blocking(move || renewal.blocking()).await;
        if renewed.is_err() {
            tracing::error!("certificates and tokens stay as they were: the reading panicked");
        }
    }

    /// Shows until when the public listener's certificate is good.
    pub fn show_public(&self, material: &Material) {
        if let Some(expires) = material.identity.expires() {
            self.telemetry.show(Reading::PublicCertificate { expires });
        }
    }

    /// Shows until when the certificates that endpoints are shown are good.
    pub fn show_endpoints(&self) {
        for (endpoint, expires) in &self.transport.expiries() {
            let expires = *expires;
            self.telemetry
                .show(Reading::ClientCertificate { endpoint, expires });
        }
    }

    fn blocking(&self) {
        let material = self.public.tls.load();
        let renewed = material.and_then(|material| {
            self.server.renew(&material)?;
            Ok(material)
        });
        match renewed {
            Ok(material) => {
                self.show_public(&material);
                tracing::info!("the public listener's certificate was read again");
            }
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::error!(
                    error = format!("{error:#}"),
                    "the public listener's certificate stays as it was"
                );
            }
        }
        match self.transport.renew() {
            Ok(()) => {
                self.show_endpoints();
                tracing::info!("the endpoints' certificates were read again");
            }
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::error!(
                    error = format!("{error:#}"),
                    "the endpoints' certificates stay as they were"
                );
            }
        }
        // Its observer says what came of it.
        self.access.reload(self.clock.now());
    }
}
