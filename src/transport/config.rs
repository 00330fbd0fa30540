//! Which insurers are reached where, how, and within which limits.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::fmt;
use std::num::NonZeroU64;
use std::path::Path;

use serde::Deserialize;

use crate::claims::id::{Destination, EndpointName};
use crate::claims::lane::Rules;
use crate::claims::routes::Routes;
use crate::formats::jws::{self, Keyring, Keys};
use crate::tls;

use super::endpoint::Endpoint;
use super::lists::{self, Lists};
use super::{lane, webhook};

/// The endpoints.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// One technical address each. A destination has at most one for real documents and one for tests.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// Who is told of changes.
    #[serde(default)]
    pub webhooks: webhook::Config,
}

/// Why endpoints cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Two endpoints have one name.
    #[error("endpoint `{0}` stands twice")]
    Twice(EndpointName),
    /// A former name is that of an endpoint, or of two.
    #[error(
        "endpoint `{endpoint}`: `formerly` names `{former}`, which is an endpoint itself or is named twice"
    )]
    Former {
        /// The endpoint.
        endpoint: EndpointName,
        /// The former name.
        former: EndpointName,
    },
    /// The address is none, or not of the form that is asked.
    #[error("endpoint `{0}`: `base` must be an https address without user, query or fragment")]
    Base(EndpointName),
    /// A destination has two endpoints of one purpose.
    #[error("destination `{destination}` has two endpoints, `{first}` and `{second}`")]
    Ambiguous {
        /// The destination.
        destination: Destination,
        /// The endpoint named first.
        first: EndpointName,
        /// The endpoint named after it.
        second: EndpointName,
    },
    /// The keys of its receipts cannot be read.
    #[error("endpoint `{endpoint}`: `receipt_keys` cannot be read")]
    KeysFile {
        /// The endpoint.
        endpoint: EndpointName,
        /// Why.
        source: std::io::Error,
    },
    /// The keys of its receipts cannot be used.
    #[error("endpoint `{endpoint}`: `receipt_keys` cannot be used")]
    Keys {
        /// The endpoint.
        endpoint: EndpointName,
        /// Why.
        source: jws::Error,
    },
    /// The settings of its lane cannot be kept.
    #[error("endpoint `{endpoint}`: {source}")]
    Lane {
        /// The endpoint.
        endpoint: EndpointName,
        /// Why.
        source: lane::Error,
    },
    /// Certificates or keys cannot be used.
    #[error("endpoint `{endpoint}`: its certificates cannot be used")]
    Tls {
        /// The endpoint.
        endpoint: EndpointName,
        /// Why.
        source: tls::Error,
    },
    /// A certificate that is good would be exchanged for one that is not.
    #[error("endpoint `{0}`: its certificate has expired, and the one before is still good")]
    Expired(EndpointName),
    /// One takes too long for an answer.
    #[error(
        "endpoint `{endpoint}`: an attempt may take {longest} s, and is given up after `dispatch.lease_seconds` = \
         {lease}: it would be in doubt while it runs"
    )]
    Outlasts {
        /// The endpoint.
        endpoint: EndpointName,
        /// Seconds that an attempt may take.
        longest: u64,
        /// Seconds of a lease.
        lease: NonZeroU64,
    },
    /// A revocation list cannot be fetched from where it is said to be.
    #[error("endpoint `{endpoint}`: {source}")]
    List {
        /// The endpoint.
        endpoint: EndpointName,
        /// Why.
        source: lists::Error,
    },
    /// The HTTP client cannot be built.
    #[error("endpoint `{endpoint}`: no client can be built")]
    Client {
        /// The endpoint.
        endpoint: EndpointName,
        /// Why.
        source: reqwest::Error,
    },
}

/// All that keeps endpoints from being used: at least one thing.
#[derive(Debug, thiserror::Error)]
pub struct Faults(pub Vec<Error>);

impl Config {
    /// Which endpoint serves which destination.
    pub fn routes(&self) -> Routes {
        let rows = self.endpoints.iter().map(|endpoint| {
            (
                endpoint.name.clone(),
                endpoint.purpose,
                endpoint.destinations.clone(),
            )
        });
        let former = self.endpoints.iter().map(|endpoint| {
            let names = endpoint.formerly.clone();
            (endpoint.name.clone(), names)
        });
        Routes::new(rows).formerly(former)
    }

    /// Reads the keys that sign receipts, of every endpoint also under its former names. It reads files: not for an async
    /// task.
    ///
    /// # Errors
    /// [`Error::KeysFile`], [`Error::Keys`].
    pub fn keyring(&self) -> Result<Keyring, Faults> {
        let keys = Faults::or(self.endpoints.iter().map(named_keys))?;
        Ok(Keyring::new(keys.into_iter().flatten()))
    }

    /// The same, where the files of an endpoint that was there before, as it is now, need not be readable: of such a one
    /// nothing is known here.
    ///
    /// # Errors
    /// Those of [`Config::keyring`].
    pub fn keyring_beside(&self, before: &Config) -> Result<Keyring, Faults> {
        let (as_before, others): (Vec<_>, Vec<_>) = self
            .endpoints
            .iter()
            .cloned()
            .partition(|endpoint| before.endpoints.contains(endpoint));
        let of = |endpoints| Config {
            endpoints,
            webhooks: webhook::Config::default(),
        };
        let (known, _faults) = of(as_before).readable_keys();
        Ok(of(others).keyring()?.beside(known))
    }

    /// The same of those endpoints whose keys can be read, and why those of the others cannot: of these nothing is known.
    pub fn readable_keys(&self) -> (Keyring, Vec<Error>) {
        let mut faults = Vec::new();
        let read = |one| named_keys(one).map_err(|fault| faults.push(fault)).ok();
        let keys = Keyring::new(self.endpoints.iter().filter_map(read).flatten());
        (keys, faults)
    }

    /// The rules of every endpoint's lane, with those of the transmitting loop where an endpoint has none.
    ///
    /// # Errors
    /// [`Error::Lane`].
    pub fn lanes(&self, otherwise: &Rules) -> Result<BTreeMap<EndpointName, Rules>, Faults> {
        let rules = self
            .endpoints
            .iter()
            .map(|endpoint| match endpoint.lane.rules(otherwise) {
                Ok(rules) => Ok((endpoint.name.clone(), rules)),
                Err(source) => Err(Error::Lane {
                    endpoint: endpoint.name.clone(),
                    source,
                }),
            });
        Ok(Faults::or(rules)?.into_iter().collect())
    }

    /// Checks what one endpoint alone cannot show, and its addresses. No file is read.
    ///
    /// # Errors
    /// [`Error::Twice`], [`Error::Former`], [`Error::Ambiguous`], [`Error::Base`], [`Error::List`].
    pub fn check(&self) -> Result<(), Faults> {
        let mut faults = Vec::new();
        let mut names = BTreeSet::new();
        let mut routes = BTreeMap::new();
        for endpoint in &self.endpoints {
            if !names.insert(&endpoint.name) {
                faults.push(Error::Twice(endpoint.name.clone()));
            }
            faults.extend(endpoint.url().err());
            for url in &endpoint.tls.crl_urls {
                faults.extend(Lists::check(url).err().map(|source| Error::List {
                    endpoint: endpoint.name.clone(),
                    source,
                }));
            }
            for destination in &endpoint.destinations {
                let key = (*destination, endpoint.purpose);
                if let Some(first) = routes.insert(key, &endpoint.name) {
                    faults.push(Error::Ambiguous {
                        destination: *destination,
                        first: first.clone(),
                        second: endpoint.name.clone(),
                    });
                }
            }
        }
        for endpoint in &self.endpoints {
            for former in &endpoint.formerly {
                if !names.insert(former) {
                    faults.push(Error::Former {
                        endpoint: endpoint.name.clone(),
                        former: former.clone(),
                    });
                }
            }
        }
        Faults::none_of(faults)
    }

    /// Checks that every attempt ends before it is given up.
    ///
    /// # Errors
    /// [`Error::Outlasts`].
    pub fn within(&self, lease: NonZeroU64) -> Result<(), Faults> {
        let outlasting = self.endpoints.iter().filter_map(|endpoint| {
            let longest = endpoint.limits.longest_seconds();
            (longest >= lease.get()).then(|| Error::Outlasts {
                endpoint: endpoint.name.clone(),
                longest,
                lease,
            })
        });
        Faults::none_of(outlasting.collect())
    }
}

/// The keys that sign an endpoint's receipts, if it signs them, by each of its names.
fn named_keys(endpoint: &Endpoint) -> Result<Vec<(EndpointName, Option<Keys>)>, Error> {
    let path = endpoint.receipt_keys.as_ref();
    let keys = path.map(|path| keys(endpoint, path)).transpose()?;
    let named = |name: &EndpointName| (name.clone(), keys.clone());
    Ok(endpoint.names().map(named).collect())
}

/// The keys in a file of an endpoint.
fn keys(endpoint: &Endpoint, path: &Path) -> Result<Keys, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::KeysFile {
        endpoint: endpoint.name.clone(),
        source,
    })?;
    Keys::from_pem(&text).map_err(|source| Error::Keys {
        endpoint: endpoint.name.clone(),
        source,
    })
}

impl Faults {
    /// All that could be made, or all that could not.
    pub(super) fn or<T>(made: impl Iterator<Item = Result<T, Error>>) -> Result<Vec<T>, Faults> {
        let mut faults = Vec::new();
        let made = made.filter_map(|made| made.map_err(|error| faults.push(error)).ok());
        let made = made.collect();
        Faults::none_of(faults).map(|()| made)
    }

    /// These, if there are any.
    pub fn none_of(faults: Vec<Error>) -> Result<(), Faults> {
        match faults.is_empty() {
            true => Ok(()),
            false => Err(Faults(faults)),
        }
    }
}

impl fmt::Display for Faults {
    /// One after the other, each with what is behind it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let between = if index == 0 { "" } else { "; " };
            write!(out, "{between}{fault}")?;
            let mut source = fault.source();
            while let Some(error) = source {
                write!(out, ": {error}")?;
                source = error.source();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::document::Purpose;
    use crate::transport::endpoint::tests::endpoint;

    #[test]
    fn keys_of_receipts_are_read_or_named_with_their_fault() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.pem");
        let endpoint = endpoint(|text| text["receipt_keys"] = path.to_str().into()).unwrap();
        let config = Config {
            endpoints: vec![endpoint],
            webhooks: webhook::Config::default(),
        };
        let Faults(unread) = config.keyring().unwrap_err();
        assert!(matches!(unread[..], [Error::KeysFile { .. }]));
        std::fs::write(&path, "no key").unwrap();
        let error = config.keyring().unwrap_err().to_string();
        assert!(error.contains("`caisse-751`: `receipt_keys`"), "{error}");
        let key = include_str!("../../fixtures/signatures/p256.pem");
        std::fs::write(&path, key).unwrap();
        let name = &config.endpoints[0].name;
        let unsigned = config.keyring().unwrap().verify(name, b"<receipt/>", None);
        assert_eq!(unsigned, Err(jws::Fault::Missing));
    }

    #[test]
    fn a_destination_has_one_way_for_each_purpose() {
        let real = endpoint(|_| {}).unwrap();
        let named = |name: &str, purpose: &str| {
            endpoint(|text| {
                text["name"] = name.into();
                text["purpose"] = purpose.into();
            })
            .unwrap()
        };
        let config = |second| Config {
            endpoints: vec![real.clone(), second],
            webhooks: webhook::Config::default(),
        };
        let destination = real.destinations[0];
        let both = config(named("other", "test"));
        both.check().unwrap();
        let routes = both.routes();
        for (purpose, name) in [(Purpose::Test, "other"), (Purpose::Real, "caisse-751")] {
            let found = routes.find(destination, purpose).map(EndpointName::as_str);
            assert_eq!(found, Some(name));
        }
        let Faults(ambiguous) = config(named("other", "real")).check().unwrap_err();
        assert!(matches!(
            ambiguous[..],
            [Error::Ambiguous { .. }, Error::Ambiguous { .. }]
        ));
        let Faults(twice) = config(named("caisse-751", "test")).check().unwrap_err();
        assert!(matches!(twice[..], [Error::Twice(_)]));
        let name = |text: &str| EndpointName::parse(text).unwrap();
        for (formerly, faults) in [
            (vec![name("old"), name("older")], 0),
            (vec![name("caisse-751")], 1),
            (vec![name("other")], 1),
            (vec![name("old"), name("old")], 1),
        ] {
            let mut other = named("other", "test");
            other.formerly = formerly;
            let found = config(other)
                .check()
                .err()
                .map_or(0, |Faults(all)| all.len());
            assert_eq!(found, faults);
        }
    }
}
