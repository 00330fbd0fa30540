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
    url: String,
    key: hmac::Key,
    client: Client,
}

impl Webhooks {
    /// Reads secrets and roots and builds one client a target. Nothing is connected.
    ///
    /// # Errors
    /// [`Error`].
    pub fn new(config: &Config) -> Result<Webhooks, Error> {
        Ok(Webhooks {
            lines: ArcSwap::from_pointee(lines(config)?),
        })
    }

    /// Takes up targets with their secrets and roots as they are now, for the requests from now on. All or nothing: on
    /// an error everything stays as it was. It reads files: not for an async task.
    ///
    /// # Errors
    /// [`Error`].
    pub fn renew(&self, config: &Config) -> Result<(), Error> {
        self.lines.store(Arc::new(lines(config)?));
        Ok(())
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
            .post(&line.url)
            .header(CONTENT_TYPE, "application/json")
            .header(SIGNATURE, signature(&line.key, at, &body))
            .body(body);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Told::Taken,
            Ok(_) => Told::Refused,
            Err(error) if is_denied(&error) => Told::Denied,
            Err(_) => Told::Unreachable,
        }
    }
}

fn lines(config: &Config) -> Result<BTreeMap<Name, Line>, Error> {
    config.check()?;
    let guard = Guard::new(&config.allowed_hosts);
    let lines = config.targets.iter().map(|target| {
        let line = Line {
            url: target.url.clone(),
            key: hmac::Key::new(hmac::HMAC_SHA256, &target.secret()?),
            client: client(config, target, guard.clone())?,
        };
        Ok((target.name.clone(), line))
    });
    lines.collect()
}

fn client(config: &Config, target: &Target, guard: Guard) -> Result<Client, Error> {
    let builder = Client::builder()
        .https_only(true)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .dns_resolver(Arc::new(guard))
        .connect_timeout(config.connect())
        .timeout(config.answer());
    let builder = match &target.roots {
        Some(file) => {
            let unreadable = |source| Error::File {
                target: target.name.clone(),
                source,
            };
            let pem = std::fs::read(file).map_err(unreadable)?;
            let roots = Certificate::from_pem_bundle(&pem);
            builder.tls_certs_only(roots.map_err(|source| Error::Client {
                target: target.name.clone(),
                source,
            })?)
        }
        None => builder,
    };
    builder.build().map_err(|source| Error::Client {
        target: target.name.clone(),
        source,
    })
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
    use super::*;

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
