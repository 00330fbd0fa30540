//! The client's side of TLS: what `transport` and the simulated centres connect with.

use std::path::PathBuf;

use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use serde::Deserialize;

use super::config::{load_trust, read};
use super::{Error, Identity, Trust, provider};

/// The files of one client, in PEM.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientFiles {
    /// The authorities that the server's certificate must come from. There is no other trust: the
    /// system's roots are not used.
    pub roots: PathBuf,
    /// Revocation lists of those authorities, in PEM or DER.
    #[serde(default)]
    pub crls: Vec<PathBuf>,
    /// What we present, if the server asks.
    #[serde(default)]
    pub identity: Option<IdentityFiles>,
}

/// The two files of an identity; one is of no use without the other.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityFiles {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The private key of the leaf.
    pub key: PathBuf,
}

impl ClientFiles {
    /// Reads the files and builds the configuration.
    ///
    /// # Errors
    /// Any [`Error`] about reading, or those of [`client_config`].
    pub fn load(&self) -> Result<ClientConfig, Error> {
        self.load_with(self.identity()?.as_ref())
    }

    /// Reads the other files and builds the configuration with what [`ClientFiles::identity`] gave.
    ///
    /// # Errors
    /// Those of [`ClientFiles::load`].
    pub fn load_with(&self, identity: Option<&Identity>) -> Result<ClientConfig, Error> {
        let trust = load_trust(&self.roots, &self.crls)?;
        client_config(&trust, identity)
    }

    /// Reads what we present.
    ///
    /// # Errors
    /// Any [`Error`] about reading.
    pub fn identity(&self) -> Result<Option<Identity>, Error> {
        let Some(files) = &self.identity else {
            return Ok(None);
        };
        let (certificate, key) = (read(&files.certificate)?, read(&files.key)?);
        Identity::from_pem(&certificate, &key).map(Some)
    }
}

/// A client configuration with these roots and no others. No ALPN is set: that is the HTTP client's.
///
/// # Errors
/// [`Error::Identity`] when key and certificate do not match, [`Error::Verifier`] for bad lists.
pub fn client_config(trust: &Trust, identity: Option<&Identity>) -> Result<ClientConfig, Error> {
    let verifier = WebPkiServerVerifier::builder_with_provider(trust.roots.clone(), provider())
        .with_crls(trust.lists.iter().cloned())
        .allow_unknown_revocation_status()
        .build()?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(Error::Identity)?
        .with_webpki_verifier(verifier);
    match identity.cloned() {
        Some(Identity { chain, key }) => builder
            .with_client_auth_cert(chain, key)
            .map_err(Error::Identity),
        None => Ok(builder.with_no_client_auth()),
    }
}
