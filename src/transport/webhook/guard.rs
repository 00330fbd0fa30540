//! The resolver of webhooks: a name that leads within is refused, unless the configuration allows it by name. The
//! addresses that were looked at are those that are connected to.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::is_public;

/// The resolver.
#[derive(Clone)]
pub(super) struct Guard {
    allowed: Arc<BTreeSet<String>>,
}

/// A name leads to an address that may not be told anything. Neither is named: both come from outside.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the name leads to an address that may not be told anything")]
pub(super) struct Denied;

impl Guard {
    /// These hosts may be anywhere.
    pub(super) fn new(allowed: &[String]) -> Guard {
        let allowed = allowed.iter().map(|host| host.to_ascii_lowercase());
        Guard {
            allowed: Arc::new(allowed.collect()),
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.allowed.clone();
        Box::pin(async move {
            let host = name.as_str().to_ascii_lowercase();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            let is_out = found.iter().all(|address| is_public(address.ip()));
            // One address within is enough: whoever answers so means no good.
            if !is_out && !allowed.contains(&host) {
                return Err(Denied.into());
            }
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}
