//! The settings of the desk: where it is, who may scrape it, and its limits.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::claims::deadline::Alerts;
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
    /// Documents in one answer of `GET /v1/documents`, at most.
    pub list_rows: NonZeroUsize,
    /// Documents that are looked at for one such answer: one that finds few goes on in the next.
    pub list_looked_at: NonZeroUsize,
    /// Centres in one answer of `GET /v1/rates`. The country has some 3 000.
    pub rates_centres: NonZeroUsize,
    /// Units in one answer of `GET /v1/rates/explain`.
    pub explained_units: NonZeroUsize,
    /// Seconds that an earlier answer, which reads the ledger from its beginning, may take.
    pub past_seconds: NonZeroU64,
    /// Bytes of the evidence of a transmission by hand.
    pub evidence_bytes: NonZeroUsize,
    /// Streams of events open at once.
    pub streams: NonZeroUsize,
    /// Of them, those of one caller.
    pub caller_streams: NonZeroUsize,
    /// Seconds without an event after which a stream gives a sign of life.
    pub stream_heartbeat_seconds: NonZeroU64,
    /// Seconds after which a stream ends: its caller comes again and is identified again.
    pub stream_age_seconds: NonZeroU64,
    /// Entries that a stream reads from the store at once.
    pub stream_page: NonZeroUsize,
    /// Bytes of the reason that an operator gives for what is steered.
    pub reason_bytes: NonZeroUsize,
    /// Lots that one replay sets at most.
    pub replay_lots: NonZeroUsize,
    /// Lots a second of a replay that names no pace.
    pub replay_per_second: NonZeroU32,
    /// Bytes of the evidence of one document for those outside, at most.
    pub evidence_bundle_bytes: NonZeroUsize,
    /// Bytes a second that a backup reads and writes at most; 0: as fast as it goes.
    pub backup_bytes_per_second: u64,
    /// Bytes of a caisse's figures.
    pub figures_bytes: NonZeroUsize,
    /// Bytes of the result of a reconciliation.
    pub reconciliation_bytes: NonZeroUsize,
    /// Centres, differences or orphans of a reconciliation in one answer.
    pub reconciliation_rows: NonZeroUsize,
    /// Orphans listed of one reconciliation; the others are counted.
    pub reconciliation_orphans: NonZeroUsize,
    /// Statements in one answer of `GET /v1/statements`.
    pub statement_rows: NonZeroUsize,
    /// Bytes of registrations that are put at once.
    pub registry_bytes: NonZeroUsize,
    /// Seconds between two surveys of the queue, at least, while the ledger grows.
    pub survey_seconds: NonZeroU64,
    /// Hours before the end of its last day at which somebody must hear of a document that is not transmitted, the longest
    /// first: from it on the document is shown as at risk, and on the last day as such.
    #[serde(deserialize_with = "alerts")]
    pub alert_hours: Alerts,
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

fn alerts<'de, D: Deserializer<'de>>(hours: D) -> Result<Alerts, D::Error> {
    Alerts::new(Vec::deserialize(hours)?).map_err(de::Error::custom)
}

impl Config {
    /// How long a caller is asked to wait after a 503.
    pub(super) fn retry(&self) -> Duration {
        Duration::from_secs(u64::from(self.retry_seconds.get()))
    }

    /// The longest silence of a stream of events.
    pub(super) fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.stream_heartbeat_seconds.get())
    }

    /// How long a stream of events lasts.
    pub(super) fn stream_age(&self) -> Duration {
        Duration::from_secs(self.stream_age_seconds.get())
    }

    /// How long an earlier answer may take.
    pub(super) fn past(&self) -> Duration {
        Duration::from_secs(self.past_seconds.get())
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
            list_rows: const { NonZeroUsize::new(1000).expect("not zero") },
            list_looked_at: const { NonZeroUsize::new(10_000).expect("not zero") },
            rates_centres: const { NonZeroUsize::new(4000).expect("not zero") },
            explained_units: const { NonZeroUsize::new(500).expect("not zero") },
            past_seconds: const { NonZeroU64::new(900).expect("not zero") },
            evidence_bytes: const { NonZeroUsize::new(1 << 20).expect("not zero") },
            streams: const { NonZeroUsize::new(64).expect("not zero") },
            caller_streams: const { NonZeroUsize::new(8).expect("not zero") },
            stream_heartbeat_seconds: const { NonZeroU64::new(15).expect("not zero") },
            stream_age_seconds: const { NonZeroU64::new(900).expect("not zero") },
            stream_page: const { NonZeroUsize::new(256).expect("not zero") },
            reason_bytes: const { NonZeroUsize::new(2000).expect("not zero") },
            replay_lots: const { NonZeroUsize::new(10_000).expect("not zero") },
            replay_per_second: const { NonZeroU32::new(10).expect("not zero") },
            evidence_bundle_bytes: const { NonZeroUsize::new(256 << 20).expect("it is not zero") },
            backup_bytes_per_second: 64 << 20,
            figures_bytes: const { NonZeroUsize::new(32 << 20).expect("not zero") },
            reconciliation_bytes: const { NonZeroUsize::new(32 << 20).expect("not zero") },
            reconciliation_rows: const { NonZeroUsize::new(1000).expect("not zero") },
            reconciliation_orphans: const { NonZeroUsize::new(1000).expect("not zero") },
            statement_rows: const { NonZeroUsize::new(1000).expect("not zero") },
            registry_bytes: const { NonZeroUsize::new(8 << 20).expect("not zero") },
            survey_seconds: const { NonZeroU64::new(15).expect("not zero") },
            alert_hours: Alerts::new(vec![48, 24, 8]).expect("they fall"),
            survey_page: const { NonZeroUsize::new(1000).expect("not zero") },
            retry_seconds: const { NonZeroU32::new(5).expect("not zero") },
        }
    }
}
