//! Webhooks: what changed is told to addresses that operators set, signed, over HTTPS alone.
//!
//! Nothing is followed, nothing goes through a proxy, and nothing is told to an address within: a name of the
//! configuration must not lead a request to the gateway's own network, whatever its resolver says. Only hosts that
//! the configuration allows by name may be there. It reports what happened; when to try again is for who asks.

mod address;
mod config;
mod guard;

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderName};
use reqwest::{Certificate, Client, redirect};
use ring::hmac;

use crate::claims::id::Name;
use crate::claims::time::Timestamp;

pub use config::{Config, Error, Target};
use guard::{Denied, Guard};

/// The header of the signature: `t=SECONDS,v1=HEX`, HMAC-SHA-256 over the seconds, a point and the body.
const SIGNATURE: HeaderName = HeaderName::from_static("bordereau-signature");

/// What came of telling a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// It answered 2xx: it has it.
    Taken,
    /// It answered otherwise.
    Refused,
    /// No whole answer.
    Unreachable,
    /// Its address may not be told anything.
    Denied,
}

/// The way to the targets.
#[async_trait]
pub trait Tell: Send + Sync {
    /// Tells a target once, signed as of an instant.
    async fn tell(&self, target: &Name, at: Timestamp, body: Bytes) -> Told;
}

/// Every target of the configuration.
pub struct Webhooks {
    lines: ArcSwap<BTreeMap<Name, Line>>,
}

struct Line {
    target: Target,
    material: Material,
    client: Client,
}

/// What a target's files hold.
#[derive(Clone)]
struct Material {
    key: hmac::Key,
    /// The authorities of its certificate; none: those that the system trusts.
    roots: Option<Vec<Certificate>>,
}

/// What came of taking up targets again.
#[derive(Debug)]
pub struct Renewed {
    /// The targets in force.
    pub targets: Vec<Target>,
    /// Why files of some cannot be used: these targets are as they were, or not in force yet.
    pub unread: Vec<Error>,
}

impl Webhooks {
    /// Reads secrets and roots and builds one client a target. Nothing is connected.
    ///
    /// # Errors
    /// [`Error`].
    pub fn new(config: &Config) -> Result<Webhooks, Error> {
        config.check()?;
        let lines = config.targets.iter().map(|target| {
            let line = Line::new(config, target.clone(), Material::read(target)?)?;
            Ok((target.name.clone(), line))
        });
        Ok(Webhooks {
            lines: ArcSwap::from_pointee(lines.collect::<Result<_, Error>>()?),
        })
    }

    /// Takes up targets with their secrets and roots as they are now, for the requests from now on. One whose files
    /// cannot be used keeps no other from that: it stays as it was, within the present limits. It reads files: not for an
    /// async task.
    ///
    /// # Errors
    /// The configuration contradicts itself, or a client cannot be built: everything stays as it was.
    pub fn renew(&self, config: &Config) -> Result<Renewed, Error> {
        config.check()?;
        let before = self.lines.load_full();
        let (mut lines, mut unread) = (BTreeMap::new(), Vec::new());
        for target in &config.targets {
            let read = Material::read(target).map(|material| (target, material));
            let found = read.map(Some).unwrap_or_else(|error| {
                unread.push(error);
                let line = before.get(&target.name)?;
                // Its address may be none of those any more that may be told.
                config.check_url(&line.target).ok()?;
                Some((&line.target, line.material.clone()))
            });
            if let Some((target, material)) = found {
                let line = Line::new(config, target.clone(), material)?;
                lines.insert(target.name.clone(), line);
            }
        }
        let targets = lines.values().map(|line| line.target.clone()).collect();
        self.lines.store(Arc::new(lines));
        Ok(Renewed { targets, unread })
    }
}

#[async_trait]
impl Tell for Webhooks {
    async fn tell(&self, target: &Name, at: Timestamp, body: Bytes) -> Told {
        let lines = self.lines.load_full();
        let Some(line) = lines.get(target) else {
            return Told::Denied;
        };
        let request = line
            .client
            .post(&line.target.url)
            .header(CONTENT_TYPE, "application/json")
            .header(SIGNATURE, signature(&line.material.key, at, &body))
            .body(body);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Told::Taken,
            Ok(_) => Told::Refused,
            Err(error) if is_denied(&error) => Told::Denied,
            Err(_) => Told::Unreachable,
        }
    }
}

impl Material {
    fn read(target: &Target) -> Result<Material, Error> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &target.secret()?);
        let roots = target.roots.as_ref().map(|file| {
            let pem = std::fs::read(file).map_err(|source| Error::File {
                target: target.name.clone(),
                source,
            })?;
            Certificate::from_pem_bundle(&pem).map_err(unbuilt(target))
        });
        Ok(Material {
            key,
            roots: roots.transpose()?,
        })
    }
}

impl Line {
    fn new(config: &Config, target: Target, material: Material) -> Result<Line, Error> {
        let builder = Client::builder()
            .https_only(true)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .dns_resolver(Arc::new(Guard::new(&config.allowed_hosts)))
            .connect_timeout(config.connect())
            .timeout(config.answer());
        let builder = match &material.roots {
            Some(roots) => builder.tls_certs_only(roots.iter().cloned()),
            None => builder,
        };
        let client = builder.build().map_err(unbuilt(&target))?;
        Ok(Line {
            target,
            material,
            client,
        })
    }
}

fn unbuilt(target: &Target) -> impl FnOnce(reqwest::Error) -> Error {
    let target = target.name.clone();
    move |source| Error::Client { target, source }
}

fn signature(key: &hmac::Key, at: Timestamp, body: &[u8]) -> String {
    let seconds = at.micros() / 1_000_000;
    let mut context = hmac::Context::with_key(key);
    context.update(format!("{seconds}.").as_bytes());
    context.update(body);
    let tag = context.sign();
    let hex: String = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("t={seconds},v1={hex}")
}

/// Whether the guard stood against the address.
fn is_denied(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.is::<Denied>() {
            return true;
        }
        source = cause.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;
    use crate::claims::id::Finess;

    fn target(place: &Path, name: &str, url: &str) -> Target {
        Target {
            name: Name::parse(name).unwrap(),
            url: url.to_owned(),
            centres: BTreeSet::from([Finess::parse("750712184").unwrap()]),
            gestionnaire: None,
            secret: place.join(name),
            roots: None,
        }
    }

    fn config(allowed: &[&str], targets: &[&Target]) -> Config {
        Config {
            allowed_hosts: allowed.iter().map(|host| (*host).to_owned()).collect(),
            targets: targets.iter().map(|target| (*target).clone()).collect(),
            ..Config::default()
        }
    }

    #[test]
    fn one_target_without_its_files_keeps_no_other_from_being_taken_up() {
        crate::tls::install_default();
        let place = TempDir::new().unwrap();
        let secret = |name: &str, byte| fs::write(place.path().join(name), [byte; 32]).unwrap();
        let of = |name, url| target(place.path(), name, url);
        let (one, two) = (
            of("one", "https://one.test/"),
            of("two", "https://two.test/"),
        );
        secret("one", 1);
        secret("two", 2);
        let webhooks = Webhooks::new(&config(&[], &[&one, &two])).unwrap();
        let signed = |name: &str| {
            let lines = webhooks.lines.load_full();
            let line = lines.get(&Name::parse(name).unwrap())?;
            Some(signature(&line.material.key, Timestamp::default(), b""))
        };
        let (first, second) = (signed("one"), signed("two"));
        let renew = |config: &Config| {
            let Renewed { targets, unread } = webhooks.renew(config).unwrap();
            let unread: Vec<_> = unread.iter().map(ToString::to_string).collect();
            (targets, unread)
        };
        // The secret of the one is gone, that of the other is changed, and a third one has none yet.
        fs::remove_file(&one.secret).unwrap();
        secret("two", 3);
        let third = of("three", "https://three.test/");
        let (targets, unread) = renew(&config(&[], &[&one, &two, &third]));
        assert_eq!(targets, [one.clone(), two.clone()]);
        assert_eq!(unread.len(), 2, "{unread:?}");
        assert!(unread[0].contains("`one`") && unread[1].contains("`three`"));
        assert_eq!(signed("one"), first);
        assert_ne!(signed("two"), second);
        assert_eq!(signed("three"), None);
        // With another address, and no secret for it: it stays where it was.
        let moved = of("one", "https://elsewhere.test/");
        assert_eq!(renew(&config(&[], &[&moved])).0, [one]);
        secret("one", 4);
        assert_eq!(renew(&config(&[], &[&moved])), (vec![moved], vec![]));
        // An address within that is allowed no more is not told, whatever its files are.
        let within = of("within", "https://127.0.0.1/");
        secret("within", 5);
        let (targets, _) = renew(&config(&["127.0.0.1"], &[&within]));
        assert_eq!(targets.len(), 1);
        fs::remove_file(&within.secret).unwrap();
        let outside = of("within", "https://outside.test/");
        assert_eq!(renew(&config(&[], &[&outside])).0, []);
        assert_eq!(signed("within"), None);
    }

    #[test]
    fn a_signature_is_the_one_that_anybody_computes() {
        // printf '1790000000.{"events":[]}' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"0123456789abcdef0123456789abcdef");
        let at = Timestamp::from_micros(1_790_000_000_999_999);
        assert_eq!(
            signature(&key, at, br#"{"events":[]}"#),
            "t=1790000000,v1=75ce881acede6fab3d6f6a8529d23ed44aa1e636e5af639bf7b0584b33a9da0f"
        );
    }
}
