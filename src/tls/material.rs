//! Certificates, keys, roots and revocation lists, read from bytes. Keys never leave through Debug.

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::renewal;
use super::revocation::{Lists, Over, Standing};
use super::{Error, Part};

/// All that a TLS listener is made of.
#[derive(Clone, Debug)]
pub struct Material {
    /// What we present.
    pub identity: Identity,
    /// Whom we accept as clients. `None`: client certificates are not asked for.
    pub clients: Option<Trust>,
}

/// A certificate chain and the private key of its leaf.
pub struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads a chain (leaf first) and a key, both in PEM. Whether they belong together is checked when
    /// a configuration is built.
    ///
    /// # Errors
    /// [`Error::Pem`] or [`Error::Empty`], naming the part.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, Error> {
        Ok(Self {
            chain: certificates(certificate, Part::Certificate)?,
            key: PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
                pem::Error::NoItemsFound => Error::Empty(Part::Key),
                other => Error::Pem(Part::Key, other),
            })?,
        })
    }

    /// The DER of the leaf: what the other side sees of us.
    pub fn leaf(&self) -> &[u8] {
        &self.chain[0]
    }

    /// Until when the first certificate of the chain to end is good, in seconds since 1970; none if one of them
    /// cannot be read.
    pub fn expires(&self) -> Option<i64> {
        let ends = self.chain.iter().map(|certificate| {
            let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
            Some(certificate.validity().not_after.timestamp())
        });
        ends.collect::<Option<Vec<_>>>()?.into_iter().min()
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Identity) -> bool {
        self.chain == other.chain && self.key.secret_der() == other.key.secret_der()
    }
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("certificates", &self.chain.len())
            .finish_non_exhaustive()
    }
}

/// The authorities that we trust, and the lists of what they revoked.
#[derive(Clone, Debug)]
pub struct Trust {
    pub(super) roots: Arc<RootCertStore>,
    pub(super) lists: Lists,
}

impl Trust {
    /// Reads roots in PEM and revocation lists in PEM or DER (authorities publish DER).
    ///
    /// # Errors
    /// [`Error::Pem`], [`Error::Empty`] or [`Error::Root`]. A list that is no list is found when a
    /// configuration is built.
    pub fn from_pem(roots: &[u8], lists: &[Vec<u8>]) -> Result<Self, Error> {
        Trust::new(roots, Lists::of(lists, renewal::Config::default().grace())?)
    }

    pub(super) fn new(roots: &[u8], lists: Lists) -> Result<Self, Error> {
        let mut store = RootCertStore::empty();
        for root in certificates(roots, Part::Roots)? {
            store.add(root).map_err(Error::Root)?;
        }
        Ok(Self {
            roots: Arc::new(store),
            lists,
        })
    }

    /// Whether it is the same authorities, and the same lists.
    pub fn is_like(&self, other: &Trust) -> bool {
        self.roots.roots == other.roots.roots && self.lists == other.lists
    }

    /// How its revocation lists stand; none where no list is wanted.
    pub fn revocation(&self) -> Option<Standing> {
        self.lists.standing()
    }

    /// Which of them are over at an instant, in seconds since 1970.
    pub fn over(&self, at: i64) -> Over {
        self.lists.over(at)
    }
}

pub(super) fn certificates(
    bytes: &[u8],
    part: Part,
) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| Error::Pem(part, error))?;
    if found.is_empty() {
        Err(Error::Empty(part))
    } else {
        Ok(found)
    }
}

pub(super) fn revocation_lists(
    bytes: &[u8],
) -> Result<Vec<CertificateRevocationListDer<'static>>, Error> {
    // DER of a list starts with the tag of a SEQUENCE, which no text does.
    if bytes.first() == Some(&0x30) {
        return Ok(vec![bytes.to_vec().into()]);
    }
    let found: Vec<_> = CertificateRevocationListDer::pem_slice_iter(bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| Error::Pem(Part::Lists, error))?;
    if found.is_empty() {
        Err(Error::Empty(Part::Lists))
    } else {
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;
    use crate::tls::authority::Authority;

    #[test]
    fn what_is_missing_is_named() {
        let pair = Authority::new("Test")
            .unwrap()
            .server(&["localhost"])
            .unwrap();
        let (certificate, key) = (pair.certificate.as_bytes(), pair.key.as_bytes());
        let part = |result: Result<Identity, Error>| match result.unwrap_err() {
            Error::Empty(part) | Error::Pem(part, _) => part,
            other => panic!("{other}"),
        };
        assert_eq!(part(Identity::from_pem(key, key)), Part::Certificate);
        assert_eq!(
            part(Identity::from_pem(certificate, certificate)),
            Part::Key
        );
        assert_eq!(
            part(Identity::from_pem(b"-----BEGIN CERTIFICATE-----\n??", key)),
            Part::Certificate
        );
        assert!(matches!(
            Trust::from_pem(key, &[]),
            Err(Error::Empty(Part::Roots))
        ));
        let lists = [b"nothing".to_vec()];
        assert!(matches!(
            Trust::from_pem(certificate, &lists),
            Err(Error::Empty(Part::Lists))
        ));
    }

    #[test]
    fn debug_output_holds_no_key() {
        let pair = Authority::new("Test")
            .unwrap()
            .server(&["localhost"])
            .unwrap();
        let identity =
            Identity::from_pem(pair.certificate.as_bytes(), pair.key.as_bytes()).unwrap();
        assert_eq!(format!("{identity:?}"), "Identity { certificates: 1, .. }");
        assert!(!format!("{pair:?}").contains("PRIVATE"));
    }

    #[test]
    fn a_chain_is_good_until_the_first_of_it_ends() {
        let pem = |year, day| {
            let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
            params.not_after = date_time_ymd(year, 1, day);
            let key = KeyPair::generate().unwrap();
            (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
        };
        let ((leaf, key), (issuer, _)) = (pem(2030, 2), pem(2030, 1));
        for (chain, expires) in [
            (leaf.clone(), 1_893_542_400),
            (leaf + &issuer, 1_893_456_000),
        ] {
            let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
            assert_eq!(identity.expires(), Some(expires));
        }
    }
}
