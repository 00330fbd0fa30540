//! The registry over HTTP: who reads a centre's rates sees its registrations, with their days; an operator puts
//! thousands of them at once, with a reason.
//!
//! What is put is taken whole or refused whole with all its faults. One import is worked on at a time, so that
//! nothing changes between what was checked and what is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::claims::id::{Digest, Finess};
use crate::claims::registry::Centre;
use crate::claims::terms::Region;
use crate::claims::time::Day;
use crate::formats::json::problem::{About, FaultText, Kind, Problem};
use crate::store::{Command, Import, Outcome};

use super::Desk;
use super::answer::{Refused, json};
use super::door::{Asked, Entered, Operator};
use super::order::too_large;

/// How registrations are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Written {
    /// As the file of centres of the configuration.
    Toml,
    /// As a table, with its keys as columns.
    Csv,
}

/// Reads registrations, or says everything that is wrong with them. The composition root hands it in.
pub type Reader = fn(&str, Written) -> Result<Vec<Centre>, Vec<FaultText>>;

/// Which registrations.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    centre: Option<String>,
    /// Only those of this day.
    on: Option<String>,
    /// What `next` of the page before said.
    after: Option<String>,
}

/// How they are put.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Put {
    /// `true`: say what would change, and change nothing.
    dry_run: Option<bool>,
}

/// What is put, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PutOrder {
    reason: String,
    format: Written,
    registry: String,
}

/// A version of a registration.
#[derive(Debug, Serialize)]
struct VersionText {
    finess: String,
    name: String,
    category: &'static str,
    gestionnaire: String,
    caisse: String,
    alsace_moselle: bool,
    agreement: String,
    from: String,
    until: Option<String>,
}

/// A page of registrations.
#[derive(Debug, Serialize)]
struct Page {
    versions: Vec<VersionText>,
    next: Option<String>,
}

/// What became of an import.
#[derive(Debug, Serialize)]
struct Imported {
    /// Versions that are new or were changed.
    changes: usize,
    /// Versions that were registered so before.
    unchanged: usize,
    /// Whether anything was written.
    dry_run: bool,
    /// SHA-256 of what was handed in.
    digest: String,
}

/// `GET /v1/registry?centre=&on=&after=`: versions of registrations, in order of FINESS and first day.
pub(super) async fn list(
    State(desk): State<Arc<Desk>>,
    Entered(caller): Entered,
    Asked(query): Asked<Listed>,
) -> Result<Response, Refused> {
    desk.reads_rates(&caller)?;
    let finess = |name, text: &Option<String>| {
        let read = text.as_deref().map(Finess::parse).transpose();
        read.map_err(|_| Refused::parameter(name))
    };
    let (centre, after) = (
        finess("centre", &query.centre)?,
        finess("after", &query.after)?,
    );
    let on = query.on.as_deref().map(|text| Day::parse(text).ok_or("on"));
    let on = on.transpose().map_err(Refused::parameter)?;
    let registry = desk.parts.store.centres().await;
    let registry = registry.map_err(|error| desk.unread(&error))?;
    let (mut versions, mut centres, mut next, mut last) = (Vec::new(), 0, None, None);
    for (finess, history) in registry {
        let asked = centre.is_none_or(|centre| centre == finess)
            && after.is_none_or(|after| finess > after);
        if !asked || !desk.sees(&caller, finess).await? {
            continue;
        }
        if centres == desk.parts.config.rates_centres.get() {
            next = last;
            break;
        }
        centres += 1;
        last = Some(finess.to_string());
        match on {
            Some(day) => versions.extend(Centre::on(&history, day).map(VersionText::from)),
            None => versions.extend(history.iter().map(VersionText::from)),
        }
    }
    Ok(json(200, &Page { versions, next }))
}

/// `PUT /v1/registry?dry_run=`: versions of registrations, all or none.
pub(super) async fn put(
    State(desk): State<Arc<Desk>>,
    operator: Operator,
    Asked(query): Asked<Put>,
    body: Body,
) -> Result<Response, Refused> {
    let limit = desk.parts.config.registry_bytes.get();
    let order: PutOrder = desk.order(body, limit.saturating_mul(2)).await?;
    if order.registry.len() > limit {
        return Err(too_large(limit));
    }
    let reason = desk.reason(&order.reason)?;
    let read = (desk.parts.read_registry)(&order.registry, order.format);
    let centres = read.map_err(faulty)?;
    let _one_at_a_time = desk.importing.lock().await;
    let changed = desk.changed(&centres).await?;
    let digest = Digest(Sha256::digest(&order.registry).into());
    let dry_run = query.dry_run.unwrap_or_default();
    let imported = Imported {
        changes: changed.len(),
        unchanged: centres.len() - changed.len(),
        dry_run,
        digest: digest.to_string(),
    };
    if !dry_run && !changed.is_empty() {
        let command = Command::Import(Import {
            centres: changed,
            actor: operator.actor(),
            file: digest,
            reason,
            salt: desk.parts.clock.salt(),
        });
        let outcome = desk.parts.store.commit(desk.parts.clock.now(), command);
        match outcome.await.map_err(|error| desk.uncertain(&error))? {
            Outcome::Done(_) => {}
            Outcome::Conflict(conflict) => return Err(Refused::conflict(&conflict)),
            Outcome::Admitted(_) | Outcome::Heard(_) | Outcome::Leased(_) => {
                return Err(Kind::Defect.into());
            }
        }
    }
    Ok(json(200, &imported))
}

impl Desk {
    /// The versions that are not registered so, if the histories that come of them hold together.
    async fn changed(&self, centres: &[Centre]) -> Result<Vec<Centre>, Refused> {
        let registry = self.parts.store.centres().await;
        let mut registry = registry.map_err(|error| self.unread(&error))?;
        let mut faults: Vec<FaultText> = Vec::new();
        let mut changed: BTreeMap<(Finess, Day), Centre> = BTreeMap::new();
        for centre in centres {
            if self.parts.agreements.get(&centre.agreement).is_none() {
                let reason = "no agreement of the configuration has this id";
                faults.push(fault(centre.finess, centre.from, "agreement", reason));
            }
            let history = registry.entry(centre.finess).or_default();
            if !history.contains(centre) {
                history.retain(|version| version.from != centre.from);
                history.push(centre.clone());
                history.sort_by_key(|version| version.from);
                changed.insert((centre.finess, centre.from), centre.clone());
            }
        }
        for finess in changed
            .keys()
            .map(|(finess, _)| finess)
            .collect::<std::collections::BTreeSet<_>>()
        {
            let history = registry.get(finess).map_or(&[][..], Vec::as_slice);
            if let Some(day) = Centre::overlap(history) {
                let reason = "the version before it ends on this day or later";
                faults.push(fault(*finess, day, "from", reason));
            }
        }
        if faults.is_empty() {
            Ok(changed.into_values().collect())
        } else {
            Err(faulty(faults))
        }
    }
}

fn fault(centre: Finess, from: Day, key: &str, reason: &str) -> FaultText {
    FaultText {
        place: format!("{centre} from {from}: {key}"),
        reason: reason.to_owned(),
    }
}

fn faulty(faults: Vec<FaultText>) -> Refused {
    let about = About {
        faults: Some(faults),
        ..About::default()
    };
    Problem::new(Kind::RegistryFaulty, about).into()
}

impl From<&Centre> for VersionText {
    fn from(version: &Centre) -> VersionText {
        VersionText {
            finess: version.finess.to_string(),
            name: version.name.clone(),
            category: version.category.as_str(),
            gestionnaire: version.gestionnaire.to_string(),
            caisse: version.caisse.to_string(),
            alsace_moselle: match version.region {
                Region::Metropole => false,
                Region::AlsaceMoselle => true,
            },
            agreement: version.agreement.to_string(),
            from: version.from.to_string(),
            until: version.until.map(|until| until.to_string()),
        }
    }
}
