//! The registry of the configuration's file and of operators, read as one: what their endpoints name is looked at before
//! anything of it is registered.
//!
//! A name that stands in the configuration is the configuration's: none like it is registered.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::{self, Config};
use crate::desk::registry::{Reader, Written};
use crate::formats::json::problem::FaultText;
use crate::formats::registry::{Lined, texts};
use crate::store::{self, Command, Conflict, Outcome, Store};
use crate::transport::https::Https;
use crate::transport::{self, Endpoint};

/// Looks at registrations beside the configuration: its own endpoints, and its settings for all of them.
#[derive(Clone)]
pub(super) struct Inspection(Arc<Config>);

impl Inspection {
    pub(super) fn by(config: &Config) -> Inspection {
        Inspection(Arc::new(config.clone()))
    }

    /// Reads the file of the registry that the configuration names.
    pub(super) fn file(&self) -> Result<Option<Vec<Lined>>, config::Error> {
        let file = self.0.import.centres.as_deref();
        file.map(|file| config::registry::load(file, &self.look()))
            .transpose()
    }

    /// Reads what operators hand in.
    pub(super) fn reader(&self) -> Reader {
        let inspection = self.clone();
        Arc::new(move |text, written| {
            let read = match written {
                Written::Toml => config::registry::read(text, "registry", &inspection.look()),
                Written::Csv => config::registry::read_csv(text, "registry", &inspection.look()),
            };
            read.map_err(|error| match error {
                config::Error::Faulty(found) => found.faults.into_iter().map(fault_text).collect(),
                config::Error::Unreadable { source, .. } => vec![FaultText {
                    place: String::new(),
                    reason: source.to_string(),
                }],
            })
        })
    }

    fn look(&self) -> impl Fn(&Endpoint) -> Vec<String> {
        |endpoint| self.faults_of(endpoint)
    }

    /// What is wrong with an endpoint beside its keys: its name, its destinations, its hours, its files.
    fn faults_of(&self, endpoint: &Endpoint) -> Vec<String> {
        let own = &self.0.transport.endpoints;
        if own.iter().any(|other| other.name == endpoint.name) {
            return vec![
                "the configuration has an endpoint of this name, and it alone sets it".to_owned(),
            ];
        }
        let with = |endpoints| transport::Config {
            endpoints,
            webhooks: transport::webhook::Config::default(),
        };
        let alone = with(vec![endpoint.clone()]);
        let beside = with(own.iter().chain([endpoint]).cloned().collect());
        let found = [
            alone.check().and_then(|()| beside.check()).err(),
            alone.lanes(&self.0.dispatch.lane()).err(),
            alone.keyring().err(),
            Https::with(&alone, self.0.renewal.clone()).err(),
        ];
        let mut faults: Vec<String> = found.into_iter().flatten().map(chain).collect();
        // What the last one checks first, the first one did already.
        faults.dedup();
        faults
    }
}

/// Why, down to the cause.
fn chain(error: transport::Error) -> String {
    format!("{:#}", anyhow::Error::new(error))
}

fn fault_text(fault: config::Fault) -> FaultText {
    FaultText {
        place: fault.key,
        reason: fault.reason,
    }
}

/// Why the registrations of the configuration's file were not put.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unput {
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// With what is registered they do not hold together.
    #[error("the registrations of the file do not fit to those of the ledger:{}", listed(.0))]
    Flawed(Vec<FaultText>),
}

fn listed(faults: &[FaultText]) -> String {
    let lines = faults
        .iter()
        .map(|fault| format!("\n  {}: {}", fault.place, fault.reason));
    lines.collect()
}

/// Writes the registrations of the configuration's file to the ledger, where they are others than it had last: what was
/// changed by a person meanwhile stays.
pub(super) async fn put_file(
    store: &dyn Store,
    file: &[Lined],
    clock: &dyn Clock,
) -> Result<(), Unput> {
    let registrations = file.iter().map(|lined| lined.registration.clone());
    let configured = Command::Configured {
        registrations: registrations.collect(),
        salt: clock.salt(),
    };
    match store.commit(clock.now(), configured).await? {
        Outcome::Conflict(Conflict::Registry) => {
            let mut registry = store.registry().await?;
            for Lined { registration, .. } in file {
                let _: bool = registry.put(registration);
            }
            Err(Unput::Flawed(texts(&registry.flaws(), file)))
        }
        Outcome::Done(_)
        | Outcome::Conflict(_)
        | Outcome::Admitted(_)
        | Outcome::Heard(_)
        | Outcome::Leased(_) => Ok(()),
    }
}
