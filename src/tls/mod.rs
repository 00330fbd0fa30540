//! Certificates and keys in PEM become rustls configurations; the one accept loop serves HTTP behind
//! them. It says who is at the other end (`Peer`) and never what that caller may do: that is `access`.
//! It fetches nothing: revocation lists are handed in as files or bytes. It never takes the process-wide
//! crypto provider. A crash leaves nothing behind: this room writes only the private authority of a demo, and
//! revocation lists that were fetched, each whole or not at all.

mod config;
mod material;
pub mod renewal;
pub mod revocation;
mod server;
mod client;
mod serve;
mod connection;
pub mod authority;

pub use client::{ClientFiles, IdentityFiles, client_config};
pub use config::{Config, Limits};
pub use connection::Peer;
pub use material::{Identity, Material, Trust};
pub use serve::{Door, Fact, Observer, serve};
pub use server::{Acceptor, Server, server_config};

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem;

/// Why certificates, keys or lists cannot be used. Nothing here holds key material.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes are not PEM.
    #[error("the {0} cannot be read as PEM")]
    Pem(Part, #[source] pem::Error),
    /// The PEM is well formed and holds nothing of the kind.
    #[error("the {0} file holds none")]
    Empty(Part),
    /// Certificate and key do not belong together, or a part is not usable for TLS.
    #[error("the certificate and its key cannot be used together")]
    Identity(#[source] rustls::Error),
    /// A root certificate cannot serve as one.
    #[error("a root certificate cannot be used")]
    Root(#[source] rustls::Error),
    /// Roots and revocation lists do not make a verifier; most often a list is none.
    #[error("the verifier cannot be built from the roots and revocation lists")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// Revocation lists without roots would look like a check and be none.
    #[error("`crls` or `crl_urls` is set and `client_roots` is not")]
    ListsWithoutRoots,
    /// Lists that are fetched have no place.
    #[error("`crl_urls` is set and `renewal.directory` is not")]
    ListsWithoutDirectory,
    /// The private authority could not make a certificate.
    #[error("the private authority cannot issue")]
    Issue(#[from] rcgen::Error),
}

/// The part of the material that an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Part {
    /// The chain that we present.
    #[error("certificate")]
    Certificate,
    /// Its private key.
    #[error("private key")]
    Key,
    /// The authorities that we trust.
    #[error("root certificates")]
    Roots,
    /// Revocation lists of those authorities.
    #[error("revocation list")]
    Lists,
}

/// The crypto of every configuration made here: ring, passed explicitly, so that no dependency can
/// change it by installing another default.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

#[cfg(test)]
mod handshakes;

/// Makes ring the cryptography of every library that asks rustls for a default. Doing it again changes nothing.
pub fn install_default() {
    // An error says that a default stands already, and ours is the only one.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
