//! What a listener is configured with: files and limits. Reading them is all that happens here.

use std::fs;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::renewal;
use super::revocation::Sources;
use super::{Error, Identity, Material, Trust};

/// A TLS listener: its files, in PEM unless said otherwise, and its limits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The chain that we present, leaf first.
    pub certificate: PathBuf,
    /// The private key of the leaf (PKCS#8, PKCS#1 or SEC1).
    pub key: PathBuf,
    /// The authorities of client certificates. Without it none is asked for.
    #[serde(default)]
    pub client_roots: Option<PathBuf>,
    /// Revocation lists of those authorities, in PEM or DER. An authority without a list is not checked;
    /// a list past its date still counts for a while, because a late list must not shut out every centre.
    #[serde(default)]
    pub crls: Vec<PathBuf>,
    /// Where revocation lists of those authorities are fetched.
    #[serde(default)]
    pub crl_urls: Vec<String>,
    /// The limits of the listener.
    #[serde(default)]
    pub limits: Limits,
}

impl Config {
    /// Reads the files. Called at start and again for every reload.
    ///
    /// # Errors
    /// Any [`Error`] about reading; nothing is kept of a failed load.
    pub fn load(&self, renewal: &renewal::Config) -> Result<Material, Error> {
        let identity = Identity::from_pem(&read(&self.certificate)?, &read(&self.key)?)?;
        let clients = match self.lists() {
            Some(lists) => Some(Trust::new(&read(lists.roots)?, lists.load(renewal)?)?),
            None if self.crls.is_empty() && self.crl_urls.is_empty() => None,
            None => return Err(Error::ListsWithoutRoots),
        };
        Ok(Material { identity, clients })
    }

    /// Where the revocation lists of its clients come from; none where no client is asked for a certificate.
    pub fn lists(&self) -> Option<Sources<'_>> {
        Some(Sources {
            roots: self.client_roots.as_deref()?,
            files: &self.crls,
            urls: &self.crl_urls,
        })
    }

    /// Every file that is read.
    pub fn read_files(&self, renewal: &renewal::Config) -> Vec<PathBuf> {
        let lists = self.lists().map(|lists| lists.read_files(renewal));
        let mut files = lists.unwrap_or_default();
        files.extend([self.certificate.clone(), self.key.clone()]);
        files
    }
}

/// The limits of one listener, with or without TLS.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections open at once. Above it nothing is accepted: callers wait in the kernel's backlog.
    pub connections: NonZeroU32,
    /// HTTP/2 streams open at once on one connection.
    pub streams: NonZeroU32,
    /// Bytes of one request's head. Less than 8192 counts as 8192.
    pub header_bytes: NonZeroU32,
    /// Seconds for the TLS handshake.
    pub handshake_seconds: NonZeroU64,
    /// Seconds until a request's head has arrived. HTTP/1.1 counts them from the end of the request
    /// before, so this is also the longest pause on a connection kept alive.
    pub header_seconds: NonZeroU64,
    /// Seconds without a byte in either direction after which a connection is asked to close; after as
    /// long again it is cut. A handler must therefore begin its answer within this time.
    pub silence_seconds: NonZeroU64,
    /// Seconds after which a connection is asked to close, however busy. It bounds how long a
    /// certificate revoked meanwhile goes on being served.
    pub lifetime_seconds: NonZeroU64,
    /// Seconds that open connections have to finish after the shutdown.
    pub drain_seconds: NonZeroU64,
}

impl Limits {
    pub(super) fn handshake(&self) -> Duration {
        Duration::from_secs(self.handshake_seconds.get())
    }

    pub(super) fn header(&self) -> Duration {
        Duration::from_secs(self.header_seconds.get())
    }

    pub(super) fn silence(&self) -> Duration {
        Duration::from_secs(self.silence_seconds.get())
    }

    pub(super) fn lifetime(&self) -> Duration {
        Duration::from_secs(self.lifetime_seconds.get())
    }

    pub(super) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds.get())
    }
}

impl Default for Limits {
    /// 1024 connections at about 40 kB each keep the listener under 50 MB. 100 streams is what RFC 9113
    /// §6.5.2 recommends as the least. The rest are the times of a patient client on a poor line.
    fn default() -> Self {
        Self {
            connections: nonzero32(1024),
            streams: nonzero32(100),
            header_bytes: nonzero32(32 * 1024),
            handshake_seconds: nonzero64(10),
            header_seconds: nonzero64(60),
            silence_seconds: nonzero64(60),
            lifetime_seconds: nonzero64(3600),
            drain_seconds: nonzero64(20),
        }
    }
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Unreadable {
        path: path.to_owned(),
        source,
    })
}

const fn nonzero32(value: u32) -> NonZeroU32 {
    NonZeroU32::new(value).expect("a default is not zero")
}

const fn nonzero64(value: u64) -> NonZeroU64 {
    NonZeroU64::new(value).expect("a default is not zero")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::authority::Authority;

    #[test]
    fn keys_that_are_unknown_or_zero_are_refused_by_name() {
        let minimal = r#"{"certificate": "c.pem", "key": "k.pem"}"#;
        let config: Config = serde_json::from_str(minimal).unwrap();
        assert_eq!(config.limits.connections.get(), 1024);
        for (text, name) in [
            (
                r#"{"certificate": "c.pem", "key": "k.pem", "cert": "d.pem"}"#,
                "cert",
            ),
            (r#"{"certificate": "c.pem"}"#, "key"),
            (
                r#"{"certificate": "c.pem", "key": "k.pem", "limits": {"idle": 3}}"#,
                "idle",
            ),
            (
                r#"{"certificate": "c.pem", "key": "k.pem", "limits": {"connections": 0}}"#,
                "nonzero",
            ),
        ] {
            let error = serde_json::from_str::<Config>(text)
                .unwrap_err()
                .to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn lists_without_roots_are_a_contradiction() {
        let directory = tempfile::tempdir().unwrap();
        let pair = Authority::new("Test")
            .unwrap()
            .server(&["localhost"])
            .unwrap();
        pair.write(directory.path(), "server").unwrap();
        let config = Config {
            certificate: directory.path().join("server.pem"),
            key: directory.path().join("server.key"),
            client_roots: None,
            crls: vec![directory.path().join("list.crl")],
            crl_urls: Vec::new(),
            limits: Limits::default(),
        };
        let loaded = config.load(&renewal::Config::default());
        assert!(matches!(loaded, Err(Error::ListsWithoutRoots)));
    }
}
