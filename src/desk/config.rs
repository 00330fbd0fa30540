//! The settings of the desk: where it is, who may scrape it, and its limits.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::tls;

/// Settings of the desk.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the operators' listener is, on loopback; without it there is none.
    pub operators: Option<SocketAddr>,
    /// Limits of the operators' listener.
    pub limits: tls::Limits,
    /// The Unix socket of the command line, mode 0600.
    pub socket: PathBuf,
    /// Connections that the socket serves at once; others wait.
    pub socket_connections: NonZeroUsize,
    /// Who may read `/metrics`.
    pub metrics: Scrapers,
    /// Entries about one document that are read for an answer, the latest; older ones are counted as left out.
    pub history_entries: NonZeroUsize,
    /// Centres in one answer of `GET /v1/rates`. The country has some 3 000.
    pub rates_centres: NonZeroUsize,
    /// Units in one answer of `GET /v1/rates/explain`.
    pub explained_units: NonZeroUsize,
    /// Bytes of the evidence of a transmission by hand.
    pub evidence_bytes: NonZeroUsize,
    /// Seconds between two surveys of the queue, at least, while the ledger grows.
    pub survey_seconds: NonZeroU64,
    /// Documents that a survey reads from the store at once.
    pub survey_page: NonZeroUsize,
    /// Seconds that a caller is asked to wait after a 503.
    pub retry_seconds: NonZeroU32,
}

/// Who may read `/metrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scrapers {
    /// Callers of role `metrics` or `operator`.
    #[default]
    Identified,
    /// They, and whoever reaches the operators' listener from this machine.
    Loopback,
}

impl Config {
    /// How long a caller is asked to wait after a 503.
    pub(super) fn retry(&self) -> Duration {
        Duration::from_secs(u64::from(self.retry_seconds.get()))
    }

    /// The least time between two surveys.
    pub(super) fn survey(&self) -> Duration {
        Duration::from_secs(self.survey_seconds.get())
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            operators: None,
            limits: tls::Limits::default(),
            socket: "/run/bordereau/bordereau.sock".into(),
            socket_connections: const { NonZeroUsize::new(16).expect("not zero") },
            metrics: Scrapers::Identified,
            history_entries: const { NonZeroUsize::new(1000).expect("not zero") },
            rates_centres: const { NonZeroUsize::new(4000).expect("not zero") },
            explained_units: const { NonZeroUsize::new(500).expect("not zero") },
            evidence_bytes: const { NonZeroUsize::new(1 << 20).expect("not zero") },
            survey_seconds: const { NonZeroU64::new(15).expect("not zero") },
            survey_page: const { NonZeroUsize::new(1000).expect("not zero") },
            retry_seconds: const { NonZeroU32::new(5).expect("not zero") },
        }
    }
}
