//! Which certificate stands for which caller. `tls` has verified them; here they are only recognised.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use crate::claims::id::Digest;
use crate::claims::time::Timestamp;

use super::{Caller, Error, Fault, Grant};

/// One row of the table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateEntry {
    /// `cn:` and the subject's common name, `uri:` and a URI of the alternative names, or `sha256:` and
    /// the fingerprint of the leaf. Under several client authorities, each can name anyone by `cn:` and
    /// `uri:`; a fingerprint binds one certificate.
    pub identity: String,
    /// Whom it stands for.
    pub caller: Grant,
}

/// How many certificates are remembered once recognised: more than there are callers at a time. At the
/// limit all are forgotten and recognised again.
const REMEMBERED: usize = 1024;

/// The table, ready to look up.
#[derive(Debug)]
pub(super) struct Table {
    callers: HashMap<Identity, Arc<Caller>>,
    /// By DER, because every request of a connection shows the same certificate, and reading it costs
    /// several times as much as finding it here. Strangers are not remembered, so they cannot fill it.
    recognised: Mutex<HashMap<Box<[u8]>, Recognised>>,
}

#[derive(Clone, Debug)]
struct Recognised {
    caller: Arc<Caller>,
    /// Seconds since the epoch, both ends included (RFC 5280 §4.1.2.5).
    valid: RangeInclusive<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Identity {
    Fingerprint(Digest),
    Uri(String),
    CommonName(String),
}

impl Table {
    pub(super) fn new(entries: &[CertificateEntry]) -> Result<Self, Fault> {
        let mut callers = HashMap::new();
        for CertificateEntry { identity, caller } in entries {
            let key = Identity::parse(identity).ok_or_else(|| Fault::Identity(identity.clone()))?;
            let caller = caller.caller().map_err(|source| Fault::Caller {
                name: caller.name.clone(),
                source,
            })?;
            if callers.insert(key, Arc::new(caller)).is_some() {
                return Err(Fault::Twice(identity.clone()));
            }
        }
        Ok(Self {
            callers,
            recognised: Mutex::default(),
        })
    }

    /// The caller of a leaf: by fingerprint, else by its URIs in their order, else by its common name.
    ///
    /// The dates are looked at again, because a connection may outlive its certificate.
    pub(super) fn find(&self, der: &[u8], now: Timestamp) -> Result<Arc<Caller>, Error> {
        let Recognised { caller, valid } = self.recognise(der).ok_or(Error::Unknown)?;
        if valid.contains(&now.micros().div_euclid(1_000_000)) {
            Ok(caller)
        } else {
            Err(Error::Expired)
        }
    }

    fn recognise(&self, der: &[u8]) -> Option<Recognised> {
        // A panic elsewhere cannot have left the map half changed.
        let mut recognised = self
            .recognised
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = recognised.get(der) {
            return Some(known.clone());
        }
        let (_, leaf) = X509Certificate::from_der(der).ok()?;
        let caller = self.by_identity(der, &leaf)?;
        let validity = leaf.validity();
        let valid = validity.not_before.timestamp()..=validity.not_after.timestamp();
        let known = Recognised { caller, valid };
        if recognised.len() >= REMEMBERED {
            recognised.clear();
        }
        recognised.insert(der.into(), known.clone());
        Some(known)
    }

    fn by_identity(&self, der: &[u8], leaf: &X509Certificate<'_>) -> Option<Arc<Caller>> {
        let fingerprint = Identity::Fingerprint(Digest(Sha256::digest(der).into()));
        std::iter::once(fingerprint)
            .chain(uris(leaf))
            .chain(common_name(leaf))
            .find_map(|identity| self.callers.get(&identity).cloned())
    }
}

impl Identity {
    fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            (_, "") => None,
            ("cn", name) => Some(Self::CommonName(name.to_owned())),
            ("uri", uri) => Some(Self::Uri(uri.to_owned())),
            ("sha256", hex) => Digest::parse(hex).ok().map(Self::Fingerprint),
            _ => None,
        }
    }
}

fn uris(leaf: &X509Certificate<'_>) -> Vec<Identity> {
    let Ok(Some(extension)) = leaf.subject_alternative_name() else {
        return Vec::new();
    };
    let names = extension.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::URI(uri) => Some(Identity::Uri((*uri).to_owned())),
            _ => None,
        })
        .collect()
}

/// The common name where there is exactly one: with two, which of them is meant is anybody's guess.
fn common_name(leaf: &X509Certificate<'_>) -> Option<Identity> {
    let mut names = leaf.subject().iter_common_name();
    match (names.next(), names.next()) {
        (Some(name), None) => Some(Identity::CommonName(name.as_str().ok()?.to_owned())),
        _ => None,
    }
}
