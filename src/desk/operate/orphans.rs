//! What insurers say that fits nothing: ids and causes, never their texts.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::claims::entry::OrphanCause;
use crate::claims::id::{Digest, DocumentId, EndpointName, Name};
use crate::claims::receipt::Item;
use crate::desk::Desk;
use crate::desk::door::Operator;
use crate::formats::xml::Limits;
use crate::http::answer::{Refused, json};
use crate::http::door::Asked;
use crate::store::custody::record::{Orphan, OrphanName};
use crate::store::{BodyId, Find};

/// Which orphans.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct Which {
    /// Those of this endpoint.
    endpoint: Option<String>,
    /// Those that name a document of this centre, or one of which nobody knows here whose it is.
    centre: Option<String>,
    /// Those that came after this entry: that of a restore, for what the lost span is known by.
    since: Option<u64>,
    /// Those after this one: `next` of the page before.
    after: Option<String>,
}

#[derive(Debug, Serialize)]
struct OrphanPage {
    orphans: Vec<OrphanText>,
    next: Option<String>,
}

/// What an insurer said that fits nothing.
#[derive(Debug, Serialize)]
struct OrphanText {
    endpoint: String,
    /// The insurer's id of it.
    id: String,
    /// The entry that keeps it.
    position: u64,
    at: String,
    cause: &'static str,
    /// The lot that it answers, if it can be read and answers one.
    lot: Option<String>,
    /// The documents that it names.
    documents: Vec<NamedText>,
}

#[derive(Debug, Serialize)]
struct NamedText {
    id: String,
    /// Of a document that is known here.
    centre: Option<String>,
    number: Option<String>,
}

/// `GET /v1/orphans`: receipts and settlements that are kept and match nothing.
pub(in crate::desk) async fn list(
    State(desk): State<Arc<Desk>>,
    _operator: Operator,
    Asked(which): Asked<Which>,
) -> Result<Response, Refused> {
    let mut after = which.after.as_deref().map(named).transpose()?;
    let (rows, looked_at) = (
        desk.parts.config.list_rows.get(),
        desk.parts.config.list_looked_at.get(),
    );
    let mut page = OrphanPage {
        orphans: Vec::new(),
        next: None,
    };
    let mut looked = 0;
    while page.orphans.len() < rows && looked < looked_at {
        let most = (rows - page.orphans.len()).min(looked_at - looked);
        let found = desk.parts.custody.kept_orphans(after, most).await;
        let found = found.map_err(|error| desk.unread(&error))?;
        let is_end = found.len() < most;
        looked += found.len();
        after = found.last().map(|orphan| orphan.name.clone());
        for orphan in found {
            if which.wants(&orphan) {
                let text = desk.orphan(&orphan).await?;
                page.orphans
                    .extend(Some(text).filter(|text| which.wants_text(text)));
            }
        }
        page.next = after.as_ref().filter(|_| !is_end).map(cursor);
        if is_end {
            break;
        }
    }
    Ok(json(200, &page))
}

impl Which {
    fn wants(&self, orphan: &Orphan) -> bool {
        let OrphanName(endpoint, ..) = &orphan.name;
        let of_endpoint = self
            .endpoint
            .as_deref()
            .is_none_or(|own| own == endpoint.as_str());
        of_endpoint
            && self
                .since
                .is_none_or(|since| orphan.record.position.0 > since)
    }

    /// What names a document that is not known here, or none, may be of any centre: after a restore it is just what was
    /// lost.
    fn wants_text(&self, text: &OrphanText) -> bool {
        let may_be = |centre: &str| {
            let mut named = text.documents.iter();
            text.documents.is_empty()
                || named.any(|document| document.centre.as_deref().is_none_or(|of| of == centre))
        };
        self.centre.as_deref().is_none_or(may_be)
    }
}

impl Desk {
    /// An orphan, with the ids that its bytes name.
    async fn orphan(&self, orphan: &Orphan) -> Result<OrphanText, Refused> {
        let OrphanName(endpoint, id, _) = &orphan.name;
        let body = BodyId::Entry(orphan.record.position);
        let body = self.parts.store.body(body).await;
        let body = body.map_err(|error| self.unread(&error))?;
        let item = match (orphan.record.cause, &body) {
            (OrphanCause::Unreadable | OrphanCause::UnreadableFeed, _) | (_, None) => None,
            (_, Some(body)) => {
                let reader = &self.parts.reader;
                reader.read_item(&body.bytes, &Limits::default()).value
            }
        };
        let (lot, ids) = match &item {
            Some(Item::Receipt(receipt)) => {
                let ids = receipt.documents.iter().map(|row| row.document);
                (Some(receipt.lot.to_string()), ids.collect())
            }
            Some(Item::Settlement(settlement)) => (None, vec![settlement.document]),
            None => (None, Vec::new()),
        };
        let mut documents = Vec::with_capacity(ids.len());
        for id in ids {
            documents.push(self.known_as(id).await?);
        }
        Ok(OrphanText {
            endpoint: endpoint.to_string(),
            id: id.to_string(),
            position: orphan.record.position.0,
            at: orphan.record.at.to_string(),
            cause: orphan.record.cause.as_str(),
            lot,
            documents,
        })
    }

    async fn known_as(&self, id: DocumentId) -> Result<NamedText, Refused> {
        let found = self.parts.store.document(Find::Id(id)).await;
        let found = found.map_err(|error| self.unread(&error))?;
        let key = found.map(|view| view.record.received.facts.key);
        Ok(NamedText {
            id: id.to_string(),
            centre: key.as_ref().map(|key| key.centre.to_string()),
            number: key.map(|key| key.number.to_string()),
        })
    }
}

/// The name of an orphan in a query: endpoint, id and fingerprint, with a slash between.
fn cursor(OrphanName(endpoint, id, fingerprint): &OrphanName) -> String {
    format!("{endpoint}/{fingerprint}/{id}")
}

fn named(text: &str) -> Result<OrphanName, Refused> {
    let parse = || {
        let mut parts = text.splitn(3, '/');
        let endpoint = EndpointName::parse(parts.next()?).ok()?;
        let fingerprint = Digest::parse(parts.next()?).ok()?;
        let id = Name::parse(parts.next()?).ok()?;
        Some(OrphanName(endpoint, id, fingerprint))
    };
    parse().ok_or_else(|| Refused::parameter("after"))
}
