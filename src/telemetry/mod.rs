//! What the gateway says of itself: log lines and metrics, from one closed list of events.
//!
//! One [`Event`] is one log line and its counts; one [`Reading`] is how something is at present. Neither can
//! carry a value of a document: only ids, closed words, counts and times. It never decides anything, never
//! waits, and nothing is ever counted by what it shows: the ledger is the truth. A crash loses the counts
//! since the start, which is what a Prometheus counter promises.

pub mod event;
pub mod lane;
pub mod renewal;
pub mod retention;
pub mod reading;
pub mod family;
mod endpoints;
mod targets;
mod handles;
pub mod log;
pub mod panics;

use std::num::NonZeroU64;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use serde::Deserialize;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::claims::id::EndpointName;

use family::Shape;
use handles::Handles;

pub use event::Event;
pub use reading::Reading;

/// Settings of logs and metrics.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Log lines.
    pub log: log::Config,
    /// Seconds between a measurement and its summing up into buckets. Until then every measurement takes
    /// memory of its own: 8 bytes, so 10 s at 10 000 a second is under 1 MB.
    pub upkeep_seconds: NonZeroU64,
}

/// Why telemetry does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The metrics cannot be set up.
    #[error("the metrics cannot be set up")]
    Metrics(#[from] BuildError),
    /// The filter of log lines cannot be read.
    #[error("`{filter}` is no filter of log lines: {reason}")]
    Filter {
        /// The filter as configured.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something else writes the log already.
    #[error("the log was started before")]
    Started,
}

/// The metrics of one gateway, and the door to its log.
pub struct Telemetry {
    exporter: PrometheusHandle,
    handles: Handles,
    measured: Notify,
    upkeep: Duration,
}

impl Telemetry {
    /// Sets up every metric, at zero. `endpoints` are named in labels; of others that an event names the first few are
    /// too, and the rest are counted as `other`.
    ///
    /// # Errors
    /// [`Error::Metrics`] when the exporter refuses a family, which is a defect of this room.
    pub fn new(config: &Config, endpoints: &[EndpointName]) -> Result<Telemetry, Error> {
        let mut builder = PrometheusBuilder::new();
        for family in family::ALL {
            if let Shape::Histogram(buckets) = family.shape {
                builder = builder
                    .set_buckets_for_metric(Matcher::Full(family.name.to_owned()), buckets)?;
            }
        }
        let recorder = builder.build_recorder();
        let exporter = recorder.handle();
        Ok(Telemetry {
            handles: Handles::new(recorder, endpoints),
            exporter,
            measured: Notify::new(),
            upkeep: Duration::from_secs(config.upkeep_seconds.get()),
        })
    }

    /// Writes the log line of an event and counts it.
    pub fn record(&self, event: Event<'_>) {
        event.log();
        self.handles.count(&event);
        self.measured.notify_one();
    }

    /// Gives these endpoints labels of their own, beside those that have one.
    pub fn name<'a>(&self, endpoints: impl IntoIterator<Item = &'a EndpointName>) {
        self.handles.name(endpoints);
    }

    /// Every endpoint that has a label of its own, those that left too.
    pub fn named(&self) -> Vec<EndpointName> {
        self.handles.named()
    }

    /// Shows how something is at present. No log line.
    pub fn show(&self, reading: Reading<'_>) {
        self.handles.show(&reading);
    }

    /// All metrics in Prometheus' text format, version 0.0.4.
    pub fn render(&self) -> String {
        self.exporter.render()
    }

    /// Sums up measurements until `shutdown`; wakes only when something was measured.
    pub async fn run_upkeep(&self, shutdown: CancellationToken) {
        let rounds = async {
            loop {
                self.measured.notified().await;
                tokio::time::sleep(self.upkeep).await;
                self.exporter.run_upkeep();
            }
        };
        shutdown.run_until_cancelled(rounds).await;
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            log: log::Config::default(),
            upkeep_seconds: NonZeroU64::MIN.saturating_add(9),
        }
    }
}

#[cfg(test)]
pub(crate) mod lines;
#[cfg(test)]
mod tests;
