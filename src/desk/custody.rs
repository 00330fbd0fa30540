//! The ledger as a whole, in operators' hands: backups, the state after a restore, endpoints that are asked from the
//! beginning, and what insurers say that fits nothing.
//!
//! A backup writes where the operator says, as the user of the daemon: so only who is at this machine may order one.
//! What is listed of insurers' words are ids and causes, never their texts.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::claims::entry::{OrphanCause, Position};
use crate::claims::id::{Digest, DocumentId, EndpointName, Name};
use crate::claims::receipt::Item;
use crate::formats::json::problem::{About, Kind, Problem};
use crate::formats::xml::Limits;
use crate::store::custody::backup::{Done, Order as BackupOrder};
use crate::store::custody::record::{Orphan, OrphanName, RestorationRecord};
use crate::store::{BodyId, Command, Find};
use crate::telemetry::event::Event;
use crate::telemetry::reading::Reading;
use crate::telemetry::retention::Holds;

use super::Desk;
use super::answer::{Refused, json};
use super::door::{Asked, Operator, Part};
use super::order::Order;
use super::socket::LocalPeer;

/// Room for what stands in the order of a backup.
const ORDER_BYTES: usize = 16 << 10;

/// An operator at this machine.
pub(super) struct Nearby;

impl FromRequestParts<Arc<Desk>> for Nearby {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Nearby, Refused> {
        let _operator = Operator::from_request_parts(parts, desk).await?;
        match parts.extensions.get::<ConnectInfo<LocalPeer>>() {
            Some(_) => Ok(Nearby),
            None => Err(Kind::RoleForbidden.into()),
        }
    }
}

/// Where a backup goes: directories of this machine.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToBackUp {
    to: PathBuf,
    keys_to: PathBuf,
}

/// A backup that was made.
#[derive(Debug, Serialize)]
struct BackupText {
    at: String,
    position: u64,
    chain: String,
    /// Files that were written, and bytes read from the store for them.
    files: u64,
    bytes: u64,
}

/// `POST /v1/backups`: copies the store to a directory of this machine, while it works.
pub(super) async fn back_up(
    State(desk): State<Arc<Desk>>,
    _nearby: Nearby,
    body: Body,
) -> Result<Response, Refused> {
    let order: ToBackUp = desk.order(body, ORDER_BYTES).await?;
    if !order.to.is_absolute() || !order.keys_to.is_absolute() {
        return Err(Kind::OrderFaulty.into());
    }
    let _turn = desk.copying.try_lock().map_err(|_| desk.occupied())?;
    let order = BackupOrder {
        to: order.to,
        keys_to: order.keys_to,
        at: desk.parts.clock.now(),
        bytes_per_second: desk.parts.config.backup_bytes_per_second,
    };
    let (custody, closing) = (desk.parts.custody.clone(), desk.parts.closing.clone());
    let copied = tokio::task::spawn_blocking(move || {
        custody
            .backup(&order, &|| closing.is_cancelled())
            .map_err(|error| error.summary())
    });
    let copied = copied.await.unwrap_or(Err("it broke off"));
    match copied {
        Ok(done) => {
            let text = BackupText::from(&done);
            desk.parts.telemetry.record(Event::BackedUp {
                position: done.manifest.head.position,
                files: done.files,
                bytes: done.bytes,
            });
            Ok(json(200, &text))
        }
        Err(why) => {
            desk.parts.telemetry.record(Event::BackupFailed { why });
            let about = About {
                why: Some(why),
                ..About::default()
            };
            Err(Problem::new(Kind::BackupFailed, about).into())
        }
    }
}

impl From<&Done> for BackupText {
    fn from(done: &Done) -> BackupText {
        BackupText {
            at: done.manifest.at.to_string(),
            position: done.manifest.head.position.0,
            chain: done.manifest.head.chain.to_string(),
            files: done.files,
            bytes: done.bytes,
        }
    }
}

/// Whether the ledger was made from a backup, and whether lots go.
#[derive(Debug, Serialize)]
struct RestorationText {
    /// `open`, or `waits` for the resume after a restore.
    sending: &'static str,
    restored: Option<RestoredText>,
}

#[derive(Debug, Serialize)]
struct RestoredText {
    /// The entry that says so.
    entry: u64,
    at: String,
    /// SHA-256 of the backup's manifest.
    backup: String,
    backup_at: String,
    /// The last entry that was restored.
    position: u64,
    /// From here until `at` nothing is known.
    lost_since: String,
    /// The last entry that is known to have been there.
    known: u64,
    resumed_at: Option<String>,
}

/// `GET /v1/restoration`.
pub(super) async fn restoration(
    State(desk): State<Arc<Desk>>,
    _operator: Operator,
) -> Result<Response, Refused> {
    desk.show_restoration().await
}

/// `POST /v1/restoration/resume`: after a restore, lots go again.
pub(super) async fn resume(
    State(desk): State<Arc<Desk>>,
    operator: Operator,
    body: Body,
) -> Result<Response, Refused> {
    let order: Order = desk.order(body, 0).await?;
    let command = Command::Resume {
        actor: operator.actor(),
        reason: desk.reason(&order.reason)?,
        salt: desk.parts.clock.salt(),
    };
    match desk.decide(command).await? {
        Ok(_) => desk.show_restoration().await,
        Err(conflict) => Err(Refused::conflict(&conflict)),
    }
}

/// An endpoint that is asked from the beginning.
#[derive(Debug, Serialize)]
struct RewoundText {
    endpoint: String,
    /// Where the next question begins: nowhere, so at the beginning.
    cursor: Option<String>,
}

/// `POST /v1/endpoints/{name}/rewind`: its receipts and settlements are asked for from the beginning again.
pub(super) async fn rewind(
    State(desk): State<Arc<Desk>>,
    Part(name): Part<String>,
    operator: Operator,
    body: Body,
) -> Result<Response, Refused> {
    let routes = Arc::clone(&desk.parts.routes.borrow());
    let named = EndpointName::parse(&name).map_err(|_| Kind::EndpointUnknown)?;
    // By whichever of its names: the present one is polled.
    let endpoint = routes.present(&named).clone();
    if !routes.has(&endpoint) {
        return Err(Kind::EndpointUnknown.into());
    }
    let text = RewoundText {
        endpoint: endpoint.to_string(),
        cursor: None,
    };
    let formerly = routes.former(&endpoint).to_vec();
    let command = Command::Rewind {
        formerly,
        endpoint,
        actor: operator.actor(),
    };
    desk.command(body, command).await?;
    Ok(json(200, &text))
}

/// Which orphans.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
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
pub(super) async fn orphans(
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

/// The word for whether lots go: not after a restore, until that is resumed.
pub(super) fn sending_word(restored: Option<&RestorationRecord>) -> &'static str {
    match restored.is_some_and(RestorationRecord::waits) {
        true => "waits",
        false => "open",
    }
}

impl Desk {
    async fn show_restoration(&self) -> Result<Response, Refused> {
        let record = self.parts.custody.restoration().await;
        let record = record.map_err(|error| self.unread(&error))?;
        Ok(json(
            200,
            &RestorationText {
                sending: sending_word(record.as_ref()),
                restored: record.map(|record| RestoredText {
                    entry: record.position.0,
                    at: record.at.to_string(),
                    backup: record.restored.backup.to_string(),
                    backup_at: record.restored.taken.to_string(),
                    position: record.restored.position.0,
                    lost_since: record.restored.since.to_string(),
                    known: record.restored.known.0,
                    resumed_at: record.resumed.map(|(_, at)| at.to_string()),
                }),
            },
        ))
    }

    /// Shows what the store knows of itself as a whole.
    pub(super) async fn show_custody(&self) {
        let now = self.parts.clock.now();
        let backup = self.parts.custody.last_backup();
        self.parts.telemetry.show(Reading::Backup {
            age: backup.map(|mark| now.since(mark.at)),
            position: backup.map_or(Position(0), |mark| mark.position),
        });
        // What cannot be read now is shown as it was.
        if let Ok(record) = self.parts.custody.restoration().await {
            let lost = |record: &RestorationRecord| record.at.since(record.restored.since);
            self.parts.telemetry.show(Reading::Restored {
                waits: record.as_ref().is_some_and(RestorationRecord::waits),
                lost: record.as_ref().map(lost).unwrap_or_default(),
            });
        }
        if let Ok(last) = self.parts.custody.last_anchor().await {
            self.parts.telemetry.show(Reading::Anchor {
                age: last.map(|last| now.since(last.at)),
                position: last.map_or(Position(0), |last| last.anchor.position),
            });
        }
        if let Ok(records) = self.parts.keeping.legal_holds().await {
            let mut holds = Holds::default();
            for record in records.iter().filter(|record| record.lifted.is_none()) {
                match record.is_overdue(now) {
                    true => holds.overdue += 1,
                    false => holds.standing += 1,
                }
            }
            self.parts.telemetry.show(Reading::Holds(holds));
        }
    }

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
