//! Which targets are told, of whose documents, and within which limits.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::claims::id::{Finess, Name};

use super::address::is_public;

/// A secret is at least so long: shorter ones can be guessed.
const SECRET_BYTES: usize = 32;

/// Settings of webhooks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Hosts that may be at an address within (loopback, private …), by their names or addresses.
    pub allowed_hosts: Vec<String>,
    /// Seconds until a connection stands.
    pub connect_seconds: NonZeroU64,
    /// Seconds from the start of a request until its answer.
    pub answer_seconds: NonZeroU64,
    /// Who is told.
    pub targets: Vec<Target>,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// What the ledger calls it; how far it was told is kept under this name.
    #[serde(deserialize_with = "name")]
    pub name: Name,
    /// Where it is: `https` only, without user or fragment.
    pub url: String,
    /// The centres whose documents it is told of.
    #[serde(default, deserialize_with = "centres")]
    pub centres: BTreeSet<Finess>,
    /// Or the gestionnaire, as the registry has it at the time.
    #[serde(default, deserialize_with = "some_name")]
    pub gestionnaire: Option<Name>,
    /// The file of the secret by which it is signed: at least 32 bytes; white space at its end does not count.
    pub secret: PathBuf,
    /// The authorities of its certificate, in PEM; without it those that the system trusts.
    #[serde(default)]
    pub roots: Option<PathBuf>,
}

/// Why webhooks cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Two targets have one name.
    #[error("target `{0}` stands twice")]
    Twice(Name),
    /// The address is none, or not of the form that is asked.
    #[error("target `{0}`: `url` must be an https address without user or fragment")]
    Url(Name),
    /// The address is a number within that is not allowed.
    #[error("target `{0}`: `url` is an address within, which `allowed_hosts` does not name")]
    Within(Name),
    /// Both centres and a gestionnaire, or neither.
    #[error("target `{0}`: it needs `centres` or `gestionnaire`, and not both")]
    Scope(Name),
    /// A file cannot be read.
    #[error("target `{target}`: a file that it names cannot be read")]
    File {
        /// The target.
        target: Name,
        /// What the system said.
        source: std::io::Error,
    },
    /// The secret is too short.
    #[error("target `{0}`: its secret has fewer than 32 bytes")]
    Secret(Name),
    /// The HTTP client cannot be built.
    #[error("target `{target}`: no client can be built")]
    Client {
        /// The target.
        target: Name,
        /// Why.
        source: reqwest::Error,
    },
}

impl Config {
    /// Checks addresses, names and scopes. No file is read.
    ///
    /// # Errors
    /// [`Error::Twice`], [`Error::Url`], [`Error::Within`], [`Error::Scope`].
    pub fn check(&self) -> Result<(), Error> {
        let mut names = BTreeSet::new();
        for target in &self.targets {
            if !names.insert(&target.name) {
                return Err(Error::Twice(target.name.clone()));
            }
            if target.centres.is_empty() == target.gestionnaire.is_none() {
                return Err(Error::Scope(target.name.clone()));
            }
            self.check_url(target)?;
        }
        Ok(())
    }

    pub(super) fn check_url(&self, target: &Target) -> Result<(), Error> {
        let wrong = || Error::Url(target.name.clone());
        let url = Url::parse(&target.url).map_err(|_| wrong())?;
        let plain = url.username().is_empty() && url.password().is_none();
        let host = url.host_str().ok_or_else(wrong)?;
        if url.scheme() != "https" || !plain || url.fragment().is_some() {
            return Err(wrong());
        }
        // A number is connected to without a resolver, so it is looked at here.
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_allowed = self.allowed_hosts.iter().any(|allowed| allowed == bare);
        match bare.parse() {
            Ok(address) if !is_public(address) && !is_allowed => {
                Err(Error::Within(target.name.clone()))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Every file that is read.
    pub fn read_files(&self) -> Vec<PathBuf> {
        let files = self.targets.iter().flat_map(|target| {
            let roots = target.roots.clone();
            [Some(target.secret.clone()), roots].into_iter().flatten()
        });
        files.collect()
    }

    pub(super) fn connect(&self) -> Duration {
        Duration::from_secs(self.connect_seconds.get())
    }

    pub(super) fn answer(&self) -> Duration {
        Duration::from_secs(self.answer_seconds.get())
    }
}

impl Target {
    /// Reads its secret.
    pub(super) fn secret(&self) -> Result<Vec<u8>, Error> {
        let read = std::fs::read(&self.secret).map_err(|source| Error::File {
            target: self.name.clone(),
            source,
        })?;
        let secret = read.trim_ascii_end();
        if secret.len() < SECRET_BYTES {
            return Err(Error::Secret(self.name.clone()));
        }
        Ok(secret.to_vec())
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            allowed_hosts: Vec::new(),
            connect_seconds: const { NonZeroU64::new(5).expect("not zero") },
            answer_seconds: const { NonZeroU64::new(15).expect("not zero") },
            targets: Vec::new(),
        }
    }
}

fn name<'de, D: Deserializer<'de>>(from: D) -> Result<Name, D::Error> {
    let text = String::deserialize(from)?;
    Name::parse(&text).map_err(|_| D::Error::custom("this is no name"))
}

fn some_name<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Name>, D::Error> {
    name(from).map(Some)
}

fn centres<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<Finess>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    let read = |text: String| {
        Finess::parse(&text).map_err(|_| D::Error::custom("this is the FINESS of no centre"))
    };
    texts.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(url: &str, scope: serde_json::Value) -> Result<Config, String> {
        let mut target = json!({ "name": "vendor", "secret": "/secret", "url": url });
        let fields = scope.as_object().unwrap().clone();
        target.as_object_mut().unwrap().extend(fields);
        let config = json!({
            "allowed_hosts": ["192.168.1.10"],
            "targets": [target],
        });
        serde_json::from_value(config).map_err(|error| error.to_string())
    }

    #[test]
    fn a_target_is_https_out_there_and_of_somebody() {
        let centre = || json!({ "centres": ["750712184"] });
        let of_both = json!({ "centres": ["750712184"], "gestionnaire": "G1" });
        for (url, scope, expected) in [
            ("https://vendor.example/hook?k=1", centre(), "taken"),
            ("https://192.168.1.10/hook", centre(), "taken"),
            (
                "https://vendor.example/",
                json!({ "gestionnaire": "G1" }),
                "taken",
            ),
            ("http://vendor.example/", centre(), "url"),
            ("https://user@vendor.example/", centre(), "url"),
            ("https://vendor.example/#x", centre(), "url"),
            ("vendor", centre(), "url"),
            ("https://127.0.0.1/", centre(), "within"),
            ("https://2130706433/", centre(), "within"),
            ("https://[::1]/", centre(), "within"),
            ("https://192.168.1.11/", centre(), "within"),
            ("https://vendor.example/", json!({}), "scope"),
            ("https://vendor.example/", of_both, "scope"),
        ] {
            let found = match config(url, scope).unwrap().check() {
                Ok(()) => "taken",
                Err(Error::Url(_)) => "url",
                Err(Error::Within(_)) => "within",
                Err(Error::Scope(_)) => "scope",
                Err(other) => panic!("{url}: {other}"),
            };
            assert_eq!(found, expected, "{url}");
        }
        assert!(config("https://x/", json!({ "centres": ["1"] })).is_err());
        assert!(config("https://x/", json!({ "secrets": 1 })).is_err());
    }

    #[test]
    fn a_secret_that_can_be_guessed_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let secret = directory.path().join("secret");
        let mut config = config("https://x/", json!({ "gestionnaire": "G1" })).unwrap();
        let target = &mut config.targets[0];
        target.secret = secret.clone();
        assert!(matches!(target.secret(), Err(Error::File { .. })));
        std::fs::write(&secret, "0123456789abcdef0123456789abcde\n").unwrap();
        assert!(matches!(target.secret(), Err(Error::Secret(_))));
        std::fs::write(&secret, "0123456789abcdef0123456789abcdef\n").unwrap();
        assert_eq!(target.secret().unwrap().len(), 32);
    }
}
