//! The server's side of TLS: one configuration from one material, swapped whole on reload.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::revocation::{Over, Standing, Vouched};
use super::{Error, Material, Trust, provider};

/// How a listener treats a new connection.
#[derive(Clone, Debug)]
pub enum Acceptor {
    /// No TLS: for listeners on loopback, behind which only this machine stands.
    Plain,
    /// TLS by the configuration that is current when the connection opens.
    Tls(Arc<Server>),
}

/// A TLS configuration that can be renewed while connections are open.
#[derive(Debug)]
pub struct Server {
    current: ArcSwap<Current>,
}

/// What one material gave.
#[derive(Debug)]
struct Current {
    config: Arc<ServerConfig>,
    material: Material,
}

impl Server {
    /// Builds the first configuration.
    ///
    /// # Errors
    /// Those of [`server_config`].
    pub fn new(material: &Material) -> Result<Self, Error> {
        Ok(Self {
            current: ArcSwap::from_pointee(Current::of(material)?),
        })
    }

    /// Takes new material for the connections from now on. Open ones keep what they were opened with.
    /// The cache of sessions is new too, so nobody resumes past a new revocation list.
    ///
    /// # Errors
    /// Those of [`server_config`]; the old configuration then stays.
    pub fn renew(&self, material: &Material) -> Result<(), Error> {
        self.current.store(Arc::new(Current::of(material)?));
        Ok(())
    }

    /// Forgets all sessions, with the material that there is: no file is read.
    ///
    /// # Errors
    /// Those of [`server_config`]; the sessions then stay.
    pub fn forget_sessions(&self) -> Result<(), Error> {
        self.renew(&self.current.load().material)
    }

    /// Until when the certificate that is presented is good, in seconds since 1970.
    pub fn expires(&self) -> Option<i64> {
        self.current.load().material.identity.expires()
    }

    /// How the revocation lists of clients stand; none where no list is wanted.
    pub fn revocation(&self) -> Option<Standing> {
        self.trusted(Trust::revocation).flatten()
    }

    /// Which of those lists are over at an instant, in seconds since 1970.
    pub fn over(&self, at: i64) -> Over {
        self.trusted(|trust| trust.over(at)).unwrap_or_default()
    }

    fn trusted<T>(&self, of: impl FnOnce(&Trust) -> T) -> Option<T> {
        self.current.load().material.clients.as_ref().map(of)
    }

    pub(super) fn current(&self) -> Arc<ServerConfig> {
        self.current.load().config.clone()
    }
}

impl Current {
    fn of(material: &Material) -> Result<Current, Error> {
        Ok(Current {
            config: Arc::new(server_config(material)?),
            material: material.clone(),
        })
    }
}

/// The configuration of a listener: TLS 1.2 and 1.3, HTTP/2 before HTTP/1.1. A client may come without a
/// certificate (it will need a token); one that shows a certificate must show a good one.
///
/// # Errors
/// [`Error::Identity`] when key and certificate do not match, [`Error::Verifier`] for bad lists.
pub fn server_config(material: &Material) -> Result<ServerConfig, Error> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(Error::Identity)?;
    let builder = match &material.clients {
        Some(trust) => builder.with_client_cert_verifier(verifier(trust)?),
        None => builder.with_no_client_auth(),
    };
    let identity = material.identity.clone();
    let mut config = builder
        .with_single_cert(identity.chain, identity.key)
        .map_err(Error::Identity)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn verifier(trust: &Trust) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    let verifier = WebPkiClientVerifier::builder_with_provider(trust.roots.clone(), provider())
        .with_crls(trust.lists.latest.iter().cloned())
        .allow_unknown_revocation_status()
        .allow_unauthenticated()
        .build()?;
    Ok(Arc::new(Vouched::new(verifier, &trust.lists)))
}
