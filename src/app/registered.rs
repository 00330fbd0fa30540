//! The registry of the configuration's file and of operators, read as one: what their endpoints name is looked at before
//! anything of it is registered.
//!
//! A name that stands in the configuration is the configuration's: none like it is registered. Endpoints are in force on
//! their days: from an import or midnight in Paris on, without a restart. Nothing is kept; the next start reads the ledger.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::renewal::Renewal;
use crate::claims::agreement::Agreements;
use crate::claims::id::EndpointName;
use crate::claims::registry::{self, EndpointVersion};
use crate::claims::time::{Day, Timestamp};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::desk::registry::{Reader, Written};
use crate::formats::json::problem::FaultText;
use crate::formats::registry::{Lined, texts, unknown_agreements};
use crate::store::{self, Command, Conflict, Store};
use crate::telemetry::renewal::Part;
use crate::transport::https::Https;
use crate::transport::{self, Endpoint, Faults};

/// It looks again so often, whatever it was told: a clock may be set, and what could not be used may be mended.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// Looks at registrations beside the configuration: its own endpoints, and its settings for all of them.
#[derive(Clone)]
pub(super) struct Inspection(Arc<Config>);

impl Inspection {
    pub(super) fn by(config: &Config) -> Inspection {
        Inspection(Arc::new(config.clone()))
    }

    /// Reads the file of the registry that the configuration names. A centre is under one of these agreements, as with
    /// what operators hand in: under another it would have no rate.
    pub(super) fn file(&self, known: &Agreements) -> Result<Option<Vec<Lined>>, config::Error> {
        let Some(file) = &self.0.import.centres else {
            return Ok(None);
        };
        let read = config::registry::load(file, &self.look())?;
        let faults = unknown_agreements(&read, |id| known.get(id).is_some());
        if faults.is_empty() {
            return Ok(Some(read));
        }
        let fault = |FaultText { place, reason }| config::Fault { key: place, reason };
        Err(config::Error::Faulty(config::Faults {
            origin: file.display().to_string(),
            faults: faults.into_iter().map(fault).collect(),
        }))
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
        let mut faults = Vec::new();
        let mut take = |checked: Result<(), Faults>| faults.extend(checked.err());
        take(beside.check());
        take(alone.within(self.0.dispatch.lease_seconds));
        take(alone.lanes(&self.0.dispatch.lane()).map(drop));
        take(alone.keyring().map(drop));
        if alone.check().is_ok() {
            take(Https::with(&alone, self.0.renewal.clone()).map(drop));
        }
        let faults = faults.into_iter().flat_map(|faults| faults.0);
        // Down to the cause.
        faults
            .map(|fault| format!("{:#}", anyhow::Error::new(fault)))
            .collect()
    }
}

/// Keeps in force what is registered of endpoints: on each day, and after each import.
pub(super) struct Following {
    /// Where they are registered.
    pub store: Arc<dyn Store>,
    /// Puts them in force beside those of the configuration.
    pub renewal: Renewal,
    /// For the day.
    pub clock: Arc<dyn Clock>,
    /// Told after an import.
    pub imported: Arc<Notify>,
    /// What it put in force last.
    pub last: Today,
}

/// What is registered of endpoints, on a day.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Today {
    /// Those in force.
    endpoints: Vec<Endpoint>,
    /// The last version of each of the others.
    ended: Vec<Endpoint>,
}

impl Following {
    /// Puts in force what is registered today, if it is other than before; says when that may change by time alone.
    ///
    /// # Errors
    /// They cannot be read, or used: those before stay in force.
    pub(super) async fn once(&mut self) -> anyhow::Result<Option<Timestamp>> {
        let registry = self.store.registry().await?;
        let (today, next) = on(&registry.endpoints, self.clock.now().day())?;
        if today != self.last {
            let Today { endpoints, ended } = today.clone();
            self.renewal.register(endpoints, ended).await?;
            self.last = today;
        }
        Ok(next)
    }

    /// Until shutdown. What could not be put in force is tried again when it looks again.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        loop {
            let next = self.once().await.unwrap_or_else(|error| {
                self.renewal.told(Part::Endpoints, Err(error));
                None
            });
            let wait = next.map(|next| next.since(self.clock.now()));
            let wait = wait.unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN);
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.imported.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

/// How the endpoints that are registered stand on a day, and the first instant at which that may be otherwise.
///
/// # Errors
/// Settings of a gateway that knew other keys.
fn on(
    registered: &BTreeMap<EndpointName, Vec<EndpointVersion>>,
    today: Day,
) -> Result<(Today, Option<Timestamp>), config::Error> {
    let (mut found, mut next) = (Today::default(), None);
    for history in registered.values() {
        let mut present = None;
        for (span, version) in registry::in_force(history) {
            if span.covers(today) {
                present = Some(version);
            }
            let ended = span.until.map(|until| until.plus_days(1));
            let changes = [Some(span.from), ended].into_iter().flatten();
            let coming = changes.filter(|day| *day > today);
            next = next.into_iter().chain(coming).min();
        }
        match (present, history.last()) {
            (Some(version), _) => found.endpoints.push(config::registry::endpoint(version)?),
            // Settings that cannot be read keep nothing else from being in force: nothing is known of its keys.
            (None, Some(version)) => found.ended.extend(config::registry::endpoint(version).ok()),
            (None, None) => {}
        }
    }
    Ok((found, next.map(Day::start)))
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
    match store.commit(clock.now(), configured).await?.done()? {
        Ok(_) => Ok(()),
        Err(Conflict::Registry) => {
            let mut registry = store.registry().await?;
            for Lined { registration, .. } in file {
                let _: bool = registry.put(registration);
            }
            Err(Unput::Flawed(texts(&registry.flaws(), file)))
        }
        Err(_) => Err(store::Error::Impossible("what does not hold together is not put").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::document::Purpose;
    use crate::claims::registry::Registry;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn endpoints_are_in_force_on_their_days_and_known_by_their_last_version_on_others() {
        let mut registry = Registry::default();
        for (name, base, from, until) in [
            ("a", "first", "2026-01-01", None),
            ("a", "second", "2026-07-01", Some("2026-09-30")),
            ("b", "other", "2026-03-01", None),
        ] {
            let version = EndpointVersion {
                name: EndpointName::parse(name).unwrap(),
                purpose: Purpose::Real,
                destinations: Vec::new(),
                settings: format!(
                    "name = '{name}'\nbase = 'https://{base}.example'\ndestinations = []\ntls.roots = 'r'"
                ),
                from: day(from),
                until: until.map(day),
            };
            assert!(registry.put(&registry::Registration::Endpoint(version)));
        }
        for (today, bases, others, next) in [
            (
                "2025-12-31",
                &[][..],
                &["second", "other"][..],
                Some("2026-01-01"),
            ),
            ("2026-01-01", &["first"], &["other"], Some("2026-03-01")),
            ("2026-03-01", &["first", "other"], &[], Some("2026-07-01")),
            ("2026-07-01", &["second", "other"], &[], Some("2026-10-01")),
            ("2026-09-30", &["second", "other"], &[], Some("2026-10-01")),
            ("2026-10-01", &["other"], &["second"], None),
        ] {
            let (standing, changes) = on(&registry.endpoints, day(today)).unwrap();
            let bases_of = |of: &[Endpoint]| of.iter().map(|one| one.base.clone()).collect();
            let found: Vec<String> = bases_of(&standing.endpoints);
            let ended: Vec<String> = bases_of(&standing.ended);
            let bases = bases.iter().map(|base| format!("https://{base}.example"));
            assert_eq!(found, bases.collect::<Vec<_>>(), "{today}");
            assert_eq!(changes, next.map(|next| day(next).start()), "{today}");
            let others = others.iter().map(|base| format!("https://{base}.example"));
            assert_eq!(ended, others.collect::<Vec<_>>(), "{today}");
        }
    }
}
