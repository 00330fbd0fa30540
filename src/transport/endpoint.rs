//! One endpoint as the configuration has it: who is behind it, where it is, and within which limits.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::claims::document::Purpose;
use crate::claims::id::{Destination, EndpointName};
use crate::tls;
use crate::transport::config::Error;
use crate::transport::lane;

/// One technical address of an insurer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// What operators call it: `[a-z0-9-]`, 1 to 40 characters.
    #[serde(deserialize_with = "endpoint_name")]
    pub name: EndpointName,
    /// What it was called before: the same system, so it is asked about what may have arrived there under these names,
    /// and speaks of it.
    #[serde(default, deserialize_with = "endpoint_names")]
    pub formerly: Vec<EndpointName>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
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

impl Endpoint {
    /// All its names, the present one first.
    pub fn names(&self) -> impl Iterator<Item = &EndpointName> {
        std::iter::once(&self.name).chain(&self.formerly)
    }

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
    /// Seconds that an attempt may take.
    pub fn longest_seconds(&self) -> u64 {
        self.answer_seconds.max(self.connect_seconds).get()
    }

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

fn endpoint_names<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<EndpointName>, D::Error> {
    let names = Vec::<String>::deserialize(input)?;
    names.iter().map(|text| named(text)).collect()
}

fn endpoint_name<'de, D: Deserializer<'de>>(input: D) -> Result<EndpointName, D::Error> {
    let text = String::deserialize(input)?;
    named(&text)
}

fn named<E: serde::de::Error>(text: &str) -> Result<EndpointName, E> {
    EndpointName::parse(text)
        .map_err(|_| E::custom("an endpoint's name is 1 to 40 of a-z, 0-9 and `-`"))
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
pub(super) mod tests {
    use super::*;

    pub(in crate::transport) fn endpoint(
        change: impl Fn(&mut serde_json::Value),
    ) -> Result<Endpoint, String> {
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
            ("formerly", vec!["Caisse 750"].into(), "endpoint's name"),
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
}
