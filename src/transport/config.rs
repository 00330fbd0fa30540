//! Which insurers are reached where, how, and within which limits.

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::claims::document::Purpose;
use crate::claims::id::{Destination, EndpointName};
use crate::claims::lane::Rules;
use crate::formats::jws::{self, Keyring, Keys};
use crate::tls;

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

/// One technical address of an insurer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// What operators call it: `[a-z0-9-]`, 1 to 40 characters.
    #[serde(deserialize_with = "endpoint_name")]
    pub name: EndpointName,
    /// Where the wire contract is served: `https` only, without query; `/lots/…` and `/receipts` follow.
    pub base: String,
    /// The insurers behind it, as `amo:017510000` (régime, caisse, centre) or `amc:NUMBER`.
    #[serde(deserialize_with = "destinations")]
    pub destinations: Vec<Destination>,
    /// Whether it takes real documents or tests; never both.
    #[serde(default = "real", deserialize_with = "purpose")]
    pub purpose: Purpose,
    /// Whether it can be asked about a lot.
    #[serde(default)]
    pub status: StatusService,
    /// A PEM file of the public keys that sign its receipts; without it they need no signature.
    #[serde(default)]
    pub receipt_keys: Option<PathBuf>,
    /// The authorities of its certificate, and the identity that we present.
    pub tls: tls::ClientFiles,
    /// Its limits.
    #[serde(default)]
    pub limits: Limits,
    /// How much goes to it, how often and when.
    #[serde(default)]
    pub lane: lane::Lane,
}

/// Whether an endpoint can be asked about a lot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusService {
    /// `GET {base}/lots/{id}` is answered.
    #[default]
    Offered,
    /// It is not; a doubt is resolved by sending the same bytes again.
    Absent,
}

/// The limits of one endpoint.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Seconds until a connection stands, name, TCP and TLS together.
    pub connect_seconds: NonZeroU64,
    /// Seconds from the start of an attempt until its answer is whole.
    pub answer_seconds: NonZeroU64,
    /// Bytes of an answer about a lot; what is longer says nothing.
    pub answer_bytes: NonZeroUsize,
    /// Bytes of a feed of receipts; what is longer says nothing.
    pub feed_bytes: NonZeroUsize,
    /// Seconds after which a connection without use is closed. Shorter than the server's, or the last
    /// request on it meets a closing door and leaves a doubt.
    pub idle_seconds: NonZeroU64,
    /// Connections kept without use.
    pub idle_connections: NonZeroU32,
}

/// Why endpoints cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Two endpoints have one name.
    #[error("endpoint `{0}` stands twice")]
    Twice(EndpointName),
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
    /// The HTTP client cannot be built.
    #[error("endpoint `{endpoint}`: no client can be built")]
    Client {
        /// The endpoint.
        endpoint: EndpointName,
        /// Why.
        source: reqwest::Error,
    },
}

impl Config {
    /// The endpoint that serves a destination for real documents or for tests.
    pub fn route(&self, destination: Destination, purpose: Purpose) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| {
            endpoint.purpose == purpose && endpoint.destinations.contains(&destination)
        })
    }

    /// Reads the keys that sign receipts. It reads files: not for an async task.
    ///
    /// # Errors
    /// [`Error::KeysFile`], [`Error::Keys`].
    pub fn keyring(&self) -> Result<Keyring, Error> {
        let mut keys = Vec::new();
        for endpoint in &self.endpoints {
            let Some(path) = &endpoint.receipt_keys else {
                continue;
            };
            let name = || endpoint.name.clone();
            let text = std::fs::read_to_string(path).map_err(|source| Error::KeysFile {
                endpoint: name(),
                source,
            })?;
            let found = Keys::from_pem(&text).map_err(|source| Error::Keys {
                endpoint: name(),
                source,
            })?;
            keys.push((name(), found));
        }
        Ok(Keyring::new(keys))
    }

    /// The rules of every endpoint's lane, with those of the transmitting loop where an endpoint has none.
    ///
    /// # Errors
    /// [`Error::Lane`].
    pub fn lanes(&self, otherwise: &Rules) -> Result<BTreeMap<EndpointName, Rules>, Error> {
        let rules = |endpoint: &Endpoint| {
            let name = endpoint.name.clone();
            match endpoint.lane.rules(otherwise) {
                Ok(rules) => Ok((name, rules)),
                Err(source) => Err(Error::Lane {
                    endpoint: name,
                    source,
                }),
            }
        };
        self.endpoints.iter().map(rules).collect()
    }

    /// Checks what one endpoint alone cannot show, and its address. No file is read.
    ///
    /// # Errors
    /// [`Error::Twice`], [`Error::Ambiguous`], [`Error::Base`].
    pub fn check(&self) -> Result<(), Error> {
        let mut names = BTreeSet::new();
        let mut routes = BTreeMap::new();
        for endpoint in &self.endpoints {
            if !names.insert(&endpoint.name) {
                return Err(Error::Twice(endpoint.name.clone()));
            }
            endpoint.url()?;
            for destination in &endpoint.destinations {
                let key = (*destination, endpoint.purpose);
                if let Some(first) = routes.insert(key, &endpoint.name) {
                    return Err(Error::Ambiguous {
                        destination: *destination,
                        first: first.clone(),
                        second: endpoint.name.clone(),
                    });
                }
            }
        }
        Ok(())
    }
}

impl Endpoint {
    /// The base address, without a slash at its end.
    pub(super) fn url(&self) -> Result<String, Error> {
        let wrong = || Error::Base(self.name.clone());
        let url = Url::parse(&self.base).map_err(|_| wrong())?;
        let plain = url.username().is_empty() && url.password().is_none();
        if url.scheme() != "https" || !plain || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong());
        }
        Ok(url.as_str().trim_end_matches('/').to_owned())
    }
}

impl Limits {
    pub(super) fn connect(&self) -> Duration {
        Duration::from_secs(self.connect_seconds.get())
    }

    pub(super) fn answer(&self) -> Duration {
        Duration::from_secs(self.answer_seconds.get())
    }

    pub(super) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_seconds.get())
    }
}

impl Default for Limits {
    /// A minute for an answer is what insurers' fronts are known to take at month's end. An answer names
    /// at most the documents of one lot; a feed holds at most 1 000 items of a few kilobytes.
    fn default() -> Limits {
        Limits {
            connect_seconds: const { NonZeroU64::new(10).expect("not zero") },
            answer_seconds: const { NonZeroU64::new(60).expect("not zero") },
            answer_bytes: const { NonZeroUsize::new(1 << 20).expect("not zero") },
            feed_bytes: const { NonZeroUsize::new(16 << 20).expect("not zero") },
            idle_seconds: const { NonZeroU64::new(20).expect("not zero") },
            idle_connections: const { NonZeroU32::new(8).expect("not zero") },
        }
    }
}

fn real() -> Purpose {
    Purpose::Real
}

fn endpoint_name<'de, D: Deserializer<'de>>(input: D) -> Result<EndpointName, D::Error> {
    let text = String::deserialize(input)?;
    EndpointName::parse(&text)
        .map_err(|_| D::Error::custom("an endpoint's name is 1 to 40 of a-z, 0-9 and `-`"))
}

fn destinations<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<Destination>, D::Error> {
    let texts = Vec::<String>::deserialize(input)?;
    let parse = |text: &String| {
        Destination::parse(text)
            .map_err(|_| D::Error::custom(format!("`{text}` is no destination: amo:… or amc:…")))
    };
    texts.iter().map(parse).collect()
}

fn purpose<'de, D: Deserializer<'de>>(input: D) -> Result<Purpose, D::Error> {
    match String::deserialize(input)?.as_str() {
        "real" => Ok(Purpose::Real),
        "test" => Ok(Purpose::Test),
        _ => Err(D::Error::custom("the purpose is `real` or `test`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(change: impl Fn(&mut serde_json::Value)) -> Result<Endpoint, String> {
        let mut value = serde_json::json!({
            "name": "caisse-751",
            "base": "https://caisse.example/wire/",
            "destinations": ["amo:017510000", "amc:12345678"],
            "tls": { "roots": "roots.pem" },
        });
        change(&mut value);
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn keys_that_are_unknown_or_wrong_are_refused_by_name() {
        assert_eq!(endpoint(|_| {}).unwrap().purpose, Purpose::Real);
        for (key, value, name) in [
            ("bases", "x".into(), "bases"),
            ("name", "Caisse 751".into(), "endpoint's name"),
            (
                "destinations",
                vec!["751"].into(),
                "`751` is no destination",
            ),
            ("purpose", "tests".into(), "purpose"),
            ("status", "maybe".into(), "maybe"),
            (
                "limits",
                serde_json::json!({ "answer_seconds": 0 }),
                "nonzero",
            ),
        ] {
            let error = endpoint(|text| text[key] = serde_json::Value::clone(&value)).unwrap_err();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn keys_of_receipts_are_read_or_named_with_their_fault() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.pem");
        let endpoint = endpoint(|text| text["receipt_keys"] = path.to_str().into()).unwrap();
        let config = Config {
            endpoints: vec![endpoint],
            webhooks: webhook::Config::default(),
        };
        assert!(matches!(config.keyring(), Err(Error::KeysFile { .. })));
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
    fn addresses_are_https_and_bare() {
        for (base, expected) in [
            (
                "https://caisse.example/wire/",
                Some("https://caisse.example/wire"),
            ),
            ("https://127.0.0.1:8443", Some("https://127.0.0.1:8443")),
            ("http://caisse.example", None),
            ("https://user@caisse.example", None),
            ("https://caisse.example/?a=1", None),
            ("https://caisse.example/#a", None),
            ("caisse.example", None),
        ] {
            let endpoint = endpoint(|text| text["base"] = base.into()).unwrap();
            assert_eq!(endpoint.url().ok().as_deref(), expected, "{base}");
        }
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
        assert_eq!(
            both.route(destination, Purpose::Test)
                .unwrap()
                .name
                .as_str(),
            "other"
        );
        assert_eq!(
            both.route(destination, Purpose::Real)
                .unwrap()
                .name
                .as_str(),
            "caisse-751"
        );
        assert!(matches!(
            config(named("other", "real")).check(),
            Err(Error::Ambiguous { .. })
        ));
        assert!(matches!(
            config(named("caisse-751", "test")).check(),
            Err(Error::Twice(_))
        ));
    }
}
