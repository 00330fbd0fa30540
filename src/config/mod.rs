//! The configuration: one file and the environment, read before anything is opened or bound.
//!
//! [`Config`] is composed of the rooms' own configurations; this room alone reads TOML. `config/default.toml`
//! is embedded and is the documentation of every key. A key that is not known, a value that does not fit and
//! values that contradict each other refuse the start, all together, each under its full key. Nothing here
//! opens the files that a configuration names, except where a function says so.

mod reader;
mod environment;
mod terms;
mod check;
pub mod registry;
pub mod agreements;

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Table;

use crate::claims::terms::Terms;
use crate::{
    access, desk, dispatch, intake, receipts, report, retention, store, telemetry, tls, transport,
};

pub use environment::FILE;
pub use reader::Fault;

/// The documented configuration: every key with its default.
pub const DEFAULT: &str = include_str!("../../config/default.toml");

/// Everything that can be set.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Logs and metrics.
    pub telemetry: telemetry::Config,
    /// How days are counted.
    #[serde(with = "terms::Keys")]
    pub terms: Terms,
    /// Files that are read at the start.
    pub import: Import,
    /// Who may come in.
    pub access: access::Config,
    /// The public listener; there is no default, and the gateway does not start without it.
    pub public: Option<Public>,
    /// How certificates, keys and revocation lists are renewed.
    pub renewal: tls::renewal::Config,
    /// The ledger on disk.
    pub store: store::embedded::Config,
    /// Posts of centres and insurers.
    pub intake: intake::Config,
    /// Where lots go.
    pub transport: transport::Config,
    /// How lots are sealed and sent.
    pub dispatch: dispatch::Config,
    /// How receipts are collected.
    pub receipts: receipts::Config,
    /// How rates are kept.
    pub report: report::Config,
    /// How long bodies and traces are kept.
    pub retention: retention::Config,
    /// What operators and the command line reach.
    pub desk: desk::Config,
}

/// The public listener: TLS, always.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Public {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its certificates and limits.
    pub tls: tls::Config,
}

/// Files that are read at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Import {
    /// The file of centres, for [`registry::load`]; without it the ledger keeps those it has.
    pub centres: Option<PathBuf>,
    /// Agreements beside the shipped ones, for [`agreements::load`].
    pub agreements: Vec<PathBuf>,
}

/// Why a configuration is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Everything that is wrong with it.
    #[error("{0}")]
    Faulty(Faults),
}

/// Everything that is wrong with a document, in the order of its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// What was read.
    pub origin: String,
    /// At least one.
    pub faults: Vec<Fault>,
}

/// Reads the file, if one is named, and the environment over it; what neither sets has its default.
///
/// # Errors
/// [`Error`]: nothing was opened or bound.
pub fn load(
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, Error> {
    match file {
        Some(path) => read(&text_of(path)?, &path.display().to_string(), variables),
        None => read("", "the environment", variables),
    }
}

/// The process's environment. Variables that are not Unicode are none of ours.
#[allow(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the environment"
)]
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Reads a configuration from its text and variables. `origin` names the text in errors.
///
/// # Errors
/// [`Error::Faulty`].
pub fn read(
    text: &str,
    origin: &str,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, Error> {
    let faulty = |origin: &str, faults| {
        Error::Faulty(Faults {
            origin: origin.to_owned(),
            faults,
        })
    };
    let mut table = table_of(text).map_err(|fault| faulty(origin, vec![fault]))?;
    let file = table.clone();
    let (set, mut faults) = environment::put(&mut table, variables);
    let (reading, mut found) = reader::read_on::<Config>(table);
    let config = reading.map(|reading| reading.value);
    if let Some(config) = &config {
        // In place of a value that does not fit stands its default, which contradicts nobody.
        let contradictions = check::contradictions(config).into_iter();
        let told = contradictions.filter(|one| !found.iter().any(|fault| one.is_of(&fault.key)));
        let told: Vec<Fault> = told.collect();
        found.extend(told);
    }
    faults.extend(found.into_iter().map(|fault| set.named(fault, &file)));
    match config {
        Some(config) if faults.is_empty() => Ok(config),
        Some(_) | None => {
            let of_variables = faults.iter().all(|fault| environment::is_ours(&fault.key));
            let origin = if of_variables {
                "the environment"
            } else {
                origin
            };
            Err(faulty(origin, faults))
        }
    }
}

impl Fault {
    /// Whether it is about a key, or about how another one stands to it.
    fn is_of(&self, key: &str) -> bool {
        let within = |outer: &str, inner: &str| {
            let rest = inner.strip_prefix(outer);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        within(key, &self.key)
            || within(&self.key, key)
            || self.reason.contains(&format!("`{key}`"))
    }
}

/// The sections in which two texts of a configuration differ, endpoints and webhooks apart: those are taken up while
/// the gateway runs. It says nothing of whether either can be used.
///
/// # Errors
/// [`Error::Faulty`] when one of them is no TOML.
pub fn differences(before: &str, after: &str) -> Result<Vec<String>, Error> {
    let read = |text| {
        table_of(text).map_err(|fault| {
            Error::Faulty(Faults {
                origin: "the configuration".to_owned(),
                faults: vec![fault],
            })
        })
    };
    let (mut before, mut after) = (read(before)?, read(after)?);
    for table in [&mut before, &mut after] {
        table.remove("transport");
    }
    let sections: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let differ = sections
        .into_iter()
        .filter(|section| before.get(*section) != after.get(*section));
    Ok(differ.cloned().collect())
}

/// Reads any other TOML document of ours: a fault plan, an agreement. `origin` names it in errors.
///
/// # Errors
/// [`Error::Faulty`].
pub fn parse<T: DeserializeOwned>(text: &str, origin: &str) -> Result<T, Error> {
    let read = table_of(text)
        .map_err(|fault| vec![fault])
        .and_then(|table| reader::read(table));
    match read {
        Ok(reading) => Ok(reading.value),
        Err(faults) => Err(Error::Faulty(Faults {
            origin: origin.to_owned(),
            faults,
        })),
    }
}

/// Reads any other TOML file of ours.
///
/// # Errors
/// [`Error`].
pub fn parse_file<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    parse(&text_of(path)?, &path.display().to_string())
}

fn text_of(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Unreadable {
        path: path.to_owned(),
        source,
    })
}

/// The document's own form is wrong: line and column are in the reason.
fn table_of(text: &str) -> Result<Table, Fault> {
    toml::from_str(text).map_err(|error| Fault {
        key: String::new(),
        reason: error.to_string().trim_end().to_owned(),
    })
}

impl fmt::Display for Faults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} is not taken:", self.origin)?;
        for fault in &self.faults {
            write!(out, "\n  {fault}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            out.write_str(&self.reason)
        } else {
            write!(out, "{}: {}", self.key, self.reason)
        }
    }
}

#[cfg(test)]
mod tests;
