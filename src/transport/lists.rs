//! Fetches revocation lists from the addresses that the configuration names, over HTTP or HTTPS: a list is signed by
//! its authority, and what came is believed by its signature alone (`tls::revocation`).
//!
//! Nothing goes through a proxy, redirects are not followed, and more bytes than a list may have are not read.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Client, StatusCode, Url, redirect};

/// Why lists cannot be fetched at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address is none.
    #[error("`{0}` is no http or https address of a revocation list")]
    Address(String),
    /// The HTTP client cannot be built.
    #[error("no client can be built for revocation lists")]
    Client(#[source] reqwest::Error),
}

/// What came of asking for a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// These bytes, not looked into.
    Bytes(Bytes),
    /// Another answer than 200, or more bytes than a list may have.
    Refused,
    /// No whole answer in time.
    Unreachable,
}

/// The way to the lists.
pub struct Lists {
    client: Client,
    most: usize,
}

impl Lists {
    /// Lists of at most so many bytes, which must come within a time.
    ///
    /// # Errors
    /// [`Error::Client`].
    pub fn new(timeout: Duration, most: usize) -> Result<Lists, Error> {
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .timeout(timeout)
            .build()
            .map_err(Error::Client)?;
        Ok(Lists { client, most })
    }

    /// Whether an address can be asked.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn check(url: &str) -> Result<(), Error> {
        match Url::parse(url) {
            Ok(parsed) if matches!(parsed.scheme(), "http" | "https") && parsed.has_host() => {
                Ok(())
            }
            Ok(_) | Err(_) => Err(Error::Address(url.to_owned())),
        }
    }

    /// Asks for one list.
    pub async fn fetch(&self, url: &str) -> Fetched {
        match self.read(url).await {
            Ok(fetched) => fetched,
            Err(_) => Fetched::Unreachable,
        }
    }

    async fn read(&self, url: &str) -> Result<Fetched, reqwest::Error> {
        let mut answer = self.client.get(url).send().await?;
        if answer.status() != StatusCode::OK {
            return Ok(Fetched::Refused);
        }
        let mut bytes = BytesMut::new();
        while let Some(chunk) = answer.chunk().await? {
            if bytes.len() + chunk.len() > self.most {
                return Ok(Fetched::Refused);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Fetched::Bytes(bytes.freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_http_or_https_with_a_host() {
        for (url, is_taken) in [
            ("http://crl.example/a.crl", true),
            ("https://crl.example/a.crl?part=1", true),
            ("ldap://crl.example/cn=a", false),
            ("file:///a.crl", false),
            ("crl.example/a.crl", false),
        ] {
            assert_eq!(Lists::check(url).is_ok(), is_taken, "{url}");
        }
    }
}
