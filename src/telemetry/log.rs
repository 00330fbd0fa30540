//! The log: one line an event, as JSON for machines or text for people, to standard error.
//!
//! Files, rotation and shipping are the system's work. Lines about our own events come only from
//! [`Event`](crate::telemetry::event::Event), which can carry nothing nominative; the default filter keeps
//! other crates to warnings.

use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::telemetry::Error;

/// Settings of the log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How a line is written.
    pub format: Format,
    /// Which lines are written: `LEVEL` or `TARGET=LEVEL`, separated by commas, in the notation of
    /// tracing-subscriber's `EnvFilter`.
    pub filter: String,
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// One line for people.
    Text,
}

/// Starts writing log lines to standard error, for the whole process, once.
///
/// # Errors
/// [`Error::Filter`] for a filter that cannot be read, [`Error::Started`] on a second call.
pub fn start(config: &Config) -> Result<(), Error> {
    let registry = tracing_subscriber::registry().with(filter(config)?);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let started = match config.format {
        Format::Json => registry.with(lines.json().flatten_event(true)).try_init(),
        Format::Text => registry.with(lines).try_init(),
    };
    started.map_err(|_| Error::Started)
}

/// Reads the filter, so that it can be checked without starting anything.
///
/// # Errors
/// [`Error::Filter`].
pub fn filter(config: &Config) -> Result<EnvFilter, Error> {
    EnvFilter::try_new(&config.filter).map_err(|error| Error::Filter {
        filter: config.filter.clone(),
        reason: error.to_string(),
    })
}

impl Default for Config {
    fn default() -> Config {
        Config {
            format: Format::Json,
            filter: "warn,bordereau=info".to_owned(),
        }
    }
}
