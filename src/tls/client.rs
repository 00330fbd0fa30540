//! The client's side of TLS: what `transport` and the simulated centres connect with.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use serde::Deserialize;

use super::config::read;
use super::renewal;
use super::revocation::{Sources, Vouched};
use super::{Error, Identity, Trust, provider};

/// The files of one client, in PEM.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientFiles {
    /// The authorities that the server's certificate must come from. There is no other trust: the
    /// system's roots are not used.
    pub roots: PathBuf,
    /// Revocation lists of those authorities, in PEM or DER.
    #[serde(default)]
    pub crls: Vec<PathBuf>,
    /// Where revocation lists of those authorities are fetched.
    #[serde(default)]
    pub crl_urls: Vec<String>,
    /// What we present, if the server asks.
    #[serde(default)]
    pub identity: Option<IdentityFiles>,
}

/// The two files of an identity; one is of no use without the other.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
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
        let trust = self.trust(&renewal::Config::default())?;
        client_config(&trust, self.identity()?.as_ref())
    }

    /// Reads whom we trust, with the lists that are kept.
    ///
    /// # Errors
    /// Any [`Error`] about reading.
    pub fn trust(&self, renewal: &renewal::Config) -> Result<Trust, Error> {
        Trust::new(&read(&self.roots)?, self.lists().load(renewal)?)
    }

    /// Where its revocation lists come from.
    pub fn lists(&self) -> Sources<'_> {
        Sources {
            roots: &self.roots,
            files: &self.crls,
            urls: &self.crl_urls,
        }
    }

    /// Every file that is read.
    pub fn read_files(&self, renewal: &renewal::Config) -> Vec<PathBuf> {
        let mut files = self.lists().read_files(renewal);
        if let Some(identity) = &self.identity {
            files.extend([identity.certificate.clone(), identity.key.clone()]);
        }
        files
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
    let verifier: Arc<dyn ServerCertVerifier> =
        WebPkiServerVerifier::builder_with_provider(trust.roots.clone(), provider())
            .with_crls(trust.lists.latest.iter().cloned())
            .allow_unknown_revocation_status()
            .build()?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(Error::Identity)?
        // Nothing is left out: ours asks that of webpki first.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Vouched::new(verifier, &trust.lists)));
    match identity.cloned() {
        Some(Identity { chain, key }) => builder
            .with_client_auth_cert(chain, key)
            .map_err(Error::Identity),
        None => Ok(builder.with_no_client_auth()),
    }
}
