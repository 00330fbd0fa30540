//! Registrations that an operator puts over HTTP, thousands at once, with a reason.
//!
//! What is put is taken whole or refused whole with all its faults. One import is worked on at a time, so that
//! nothing changes between what was checked and what is written.

pub(super) mod list;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::claims::document::AgreementId;
use crate::claims::id::Digest;
use crate::claims::registry::Registration;
use crate::desk::Desk;
use crate::desk::door::Operator;
use crate::formats::json::problem::{About, FaultText, Kind, Problem};
use crate::formats::registry::{Lined, texts, unknown_agreements};
use crate::http::answer::{Refused, json};
use crate::http::door::Asked;
use crate::store::{Command, Import};

/// How registrations are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Written {
    /// As the file of the registry that the configuration names.
    Toml,
    /// As a table of one kind, with its keys as columns.
    Csv,
}

/// Reads registrations, or says everything that is wrong with them. The composition root hands it in; it may read the
/// files that an endpoint names.
pub type Reader = Arc<dyn Fn(&str, Written) -> Result<Vec<Lined>, Vec<FaultText>> + Send + Sync>;

/// How they are put.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct Put {
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

/// `PUT /v1/registry?dry_run=`: versions of registrations, all or none.
pub(in crate::desk) async fn put(
    State(desk): State<Arc<Desk>>,
    operator: Operator,
    Asked(query): Asked<Put>,
    body: Body,
) -> Result<Response, Refused> {
    let limit = desk.parts.config.registry_bytes.get();
    let order: PutOrder = desk.order(body, limit.saturating_mul(2)).await?;
    if order.registry.len() > limit {
        return Err(Refused::too_large(limit));
    }
    let reason = desk.reason(&order.reason)?;
    let digest = Digest(Sha256::digest(&order.registry).into());
    let put = desk.read_registry(order).await?;
    let _one_at_a_time = desk.importing.lock().await;
    let changed = desk.changed(&put).await?;
    let dry_run = query.dry_run.unwrap_or_default();
    let imported = Imported {
        changes: changed.len(),
        unchanged: put.len() - changed.len(),
        dry_run,
        digest: digest.to_string(),
    };
    if !dry_run && !changed.is_empty() {
        let command = Command::Import(Import {
            registrations: changed,
            actor: operator.actor(),
            file: digest,
            reason,
        });
        match desk.decide(command).await? {
            Ok(_) => desk.parts.imported.notify_one(),
            Err(conflict) => return Err(Refused::from(&conflict)),
        }
    }
    Ok(json(200, &imported))
}

impl Desk {
    /// What is handed in, if it can be read. Files that it names are looked at, so not by a thread that serves others.
    async fn read_registry(&self, order: PutOrder) -> Result<Vec<Lined>, Refused> {
        let reader = self.parts.read_registry.clone();
        let reading = move || reader(&order.registry, order.format);
        let read = tokio::task::spawn_blocking(reading).await;
        read.map_err(|_| Kind::Defect)?.map_err(faulty)
    }

    /// The versions that are not registered so, if the registry that comes of them holds together.
    async fn changed(&self, put: &[Lined]) -> Result<Vec<Registration>, Refused> {
        let registry = self.parts.store.registry().await;
        let mut registry = registry.map_err(|error| self.unread(&error))?;
        let mut changed: BTreeMap<_, Registration> = BTreeMap::new();
        for Lined { registration, .. } in put {
            if registry.put(registration) {
                let of = (registration.kind(), registration.id());
                changed.insert((of, registration.span().from), registration.clone());
            }
        }
        let is_known = |id: &AgreementId| self.parts.agreements.get(id).is_some();
        let mut faults = unknown_agreements(put, is_known);
        if !changed.is_empty() {
            faults.extend(texts(&registry.flaws(), put));
        }
        if faults.is_empty() {
            Ok(changed.into_values().collect())
        } else {
            Err(faulty(faults))
        }
    }
}

fn faulty(faults: Vec<FaultText>) -> Refused {
    let about = About {
        faults: Some(faults),
        ..About::default()
    };
    Problem::new(Kind::RegistryFaulty, about).into()
}
