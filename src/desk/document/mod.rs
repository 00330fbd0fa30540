//! One document: where it is, what happens next, what insurers said, and its bytes for its owner.

pub(super) mod evidence;
pub(super) mod heard;
pub(super) mod history;
pub(super) mod listing;
pub(super) mod way;
pub(super) mod words;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use crate::access::{Action, Caller, Role, Scope};
use crate::claims::document::{Key, Kind, Purpose};
use crate::claims::entry::Reason;
use crate::claims::id::{DocumentId, Finess, Number};
use crate::claims::standing::Standing;
use crate::desk::document::heard::{Ear, Eyes, Said};
use crate::desk::document::history::{Chronicle, Happened};
use crate::desk::document::way::{Stop, Way, Ways};
use crate::desk::door::Entered;
use crate::desk::queue::survey;
use crate::desk::{Desk, Parts};
use crate::formats::json::problem;
use crate::http::answer::{Refused, bytes, json};
use crate::http::door::Part;
use crate::store::retention::HoldRecord;
use crate::store::traces::Read;
use crate::store::{BodyId, DocumentRecord, DocumentView, Find, LotRecord};
use crate::telemetry::event::Denial;

/// How a document is found by its number; all are needed, the centre only of a caller of several.
#[derive(Debug)]
pub(in crate::desk) struct ByKey {
    pub(in crate::desk) number: Option<String>,
    pub(in crate::desk) kind: Option<String>,
    pub(in crate::desk) centre: Option<String>,
}

/// A document as callers see it.
#[derive(Debug, Serialize)]
struct DocumentText {
    id: String,
    number: String,
    kind: &'static str,
    centre: String,
    destination: String,
    mode: &'static str,
    /// `real` or `test`.
    purpose: &'static str,
    standing: &'static str,
    /// Since when it stands so; in a lot, since when it is in a lot.
    since: String,
    /// What happens next; null when nothing more is to be done.
    next: Option<NextText>,
    admitted: String,
    /// The last day in time, for kinds that have one.
    deadline: Option<String>,
    /// When somebody must hear of it unless it is transmitted, in order; none once it is, or is owed on paper.
    alerts: Vec<String>,
    /// `in time`, `late` or `unproven`.
    late: &'static str,
    /// Start of the attempt that is proven to be taken.
    transmitted: Option<String>,
    /// Since when a paper duplicate is owed.
    paper_owed: Option<String>,
    /// A positive receipt came although it went on paper.
    both_ways: bool,
    /// An insurer said what contradicts the standing.
    contradicted: bool,
    lot: Option<LotText>,
    /// Codes of the findings it was admitted with.
    warnings: Vec<String>,
    #[serde(flatten)]
    said: Said,
    /// What happened, oldest first.
    history: Vec<Happened>,
    links: Links,
}

#[derive(Debug, Serialize)]
struct NextText {
    at: String,
    reason: &'static str,
    /// Why the endpoint fails, where it waits for its breaker.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    fr: String,
    en: String,
}

/// The lot that it is in, or was in last.
#[derive(Debug, Serialize)]
struct LotText {
    id: String,
    endpoint: String,
    state: &'static str,
    attempts: u32,
    attempted: Option<String>,
}

#[derive(Debug, Serialize)]
struct Links {
    #[serde(rename = "self")]
    own: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    /// The document that it replaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
    /// The document that replaced it.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<String>,
    /// The first document of its line.
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    /// Of a PJ: the FSE that it supports.
    #[serde(skip_serializing_if = "Option::is_none")]
    supports: Option<String>,
}

/// `GET /v1/documents/{id}`.
pub(in crate::desk) async fn by_id(
    State(desk): State<Arc<Desk>>,
    Part(id): Part<String>,
    Entered(caller): Entered,
) -> Result<Response, Refused> {
    let view = desk.seen_by(&caller, &id).await?;
    desk.show(&caller, view).await
}

/// `GET /v1/documents/{id}/content`: the bytes as posted, for the owner alone.
pub(in crate::desk) async fn content(
    State(desk): State<Arc<Desk>>,
    Part(id): Part<String>,
    Entered(caller): Entered,
) -> Result<Response, Refused> {
    match caller.role() {
        Role::Centre => {}
        Role::Insurer | Role::Operator | Role::National | Role::Metrics => {
            desk.deny(Denial::Scope);
            return Err(problem::Kind::RoleForbidden.into());
        }
    }
    let view = desk.seen_by(&caller, &id).await?;
    let body = BodyId::Document(view.record.received.document);
    let body = desk.parts.store.body(body).await;
    match body.map_err(|error| desk.unread(&error))? {
        Some(body) => {
            desk.trace(&caller, &view.record, Read::Content).await?;
            Ok(bytes(200, "application/xml", body.bytes))
        }
        None => Err(problem::Kind::ContentGone.into()),
    }
}

impl ByKey {
    fn key(&self, caller: &Caller) -> Result<Key, Refused> {
        let number = self
            .number
            .as_deref()
            .and_then(|text| Number::parse(text).ok());
        let kind = self.kind.as_deref().and_then(Kind::parse);
        let centre = match &self.centre {
            Some(text) => Finess::parse(text).ok(),
            None => only_centre(caller),
        };
        Ok(Key {
            centre: centre.ok_or_else(|| Refused::parameter("centre"))?,
            kind: kind.ok_or_else(|| Refused::parameter("kind"))?,
            number: number.ok_or_else(|| Refused::parameter("number"))?,
        })
    }
}

/// The centre of a caller who has just one.
fn only_centre(caller: &Caller) -> Option<Finess> {
    match caller.scope() {
        Scope::Centres(centres) if centres.len() == 1 => centres.first().copied(),
        Scope::Centres(_) | Scope::Gestionnaire(_) | Scope::Insurer(_) | Scope::All => None,
    }
}

impl Desk {
    /// The latest of a number and kind: of tests for a caller marked `test`, of claims for everybody else.
    pub(in crate::desk) async fn show_by_key(
        &self,
        caller: &Caller,
        asked: ByKey,
    ) -> Result<Response, Refused> {
        let key = asked.key(caller)?;
        let find = Find::Key(key, caller.purpose());
        let view = self.find_for(caller, find).await?;
        self.show(caller, view).await
    }

    /// A document by its id, if the caller may see it.
    pub(in crate::desk) async fn seen_by(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<DocumentView, Refused> {
        let id = DocumentId::parse(id).map_err(|_| problem::Kind::DocumentUnknown)?;
        self.find_for(caller, Find::Id(id)).await
    }

    /// A document, if the caller may see it. Another's document is as unknown as one that is not there, so that
    /// nobody can try out ids; and a caller marked `test` sees tests alone.
    async fn find_for(&self, caller: &Caller, find: Find) -> Result<DocumentView, Refused> {
        match caller.role() {
            Role::Centre | Role::Operator => {}
            Role::Insurer | Role::National | Role::Metrics => {
                self.deny(Denial::Scope);
                return Err(problem::Kind::RoleForbidden.into());
            }
        }
        let found = self.parts.store.document(find).await;
        let found = found.map_err(|error| self.unread(&error))?;
        let view = found.ok_or(problem::Kind::DocumentUnknown)?;
        let received = &view.record.received;
        let action = Action::ReadDocument(received.facts.key.centre);
        let is_own = self.may(caller, action).await?.is_ok();
        let is_beyond = caller.purpose() == Purpose::Test && received.purpose == Purpose::Real;
        if !is_own || is_beyond {
            self.deny(Denial::Scope);
            return Err(problem::Kind::DocumentUnknown.into());
        }
        Ok(view)
    }

    /// The answer about a document that the caller may see.
    pub(in crate::desk) async fn show(
        &self,
        caller: &Caller,
        view: DocumentView,
    ) -> Result<Response, Refused> {
        let eyes = match caller.role() {
            Role::Centre => Eyes::Owner,
            Role::Operator | Role::Insurer | Role::National | Role::Metrics => {
                self.trace(caller, &view.record, Read::History).await?;
                Eyes::Operator
            }
        };
        let store = self.parts.store.as_ref();
        let unread = |error| self.unread(&error);
        let most = self.parts.config.history_entries.get();
        let chronicle = Chronicle::read(store, &view.history, most).await;
        let mut chronicle = chronicle.map_err(unread)?;
        let holds = self.holds_on(&view.record).await?;
        chronicle.cover(store, &holds).await.map_err(unread)?;
        let ear = Ear {
            store,
            reader: &self.parts.reader,
            eyes,
        };
        let document = view.record.received.document;
        let said = ear.listen(document, &chronicle).await.map_err(unread)?;
        let history = chronicle.tell(store, document, eyes).await;
        let ways = self.ways().await?;
        let mut text = self.text(&view, ways.of(&view.record, view.lot.as_ref()), eyes, said);
        text.history = history.map_err(unread)?;
        Ok(json(200, &text))
    }

    /// The legal holds that cover a document, lifted ones too.
    async fn holds_on(&self, record: &DocumentRecord) -> Result<Vec<HoldRecord>, Refused> {
        let (document, facts) = (record.received.document, &record.received.facts);
        let mut holds = self.legal_holds().await?;
        holds.retain(|one| {
            one.hold
                .on
                .covers(document, facts.key.centre, facts.care_day)
        });
        Ok(holds)
    }

    /// What stands between lots and their insurers now.
    pub(in crate::desk) async fn ways(&self) -> Result<Ways<'_>, Refused> {
        let Parts {
            store,
            custody,
            routes,
            lanes,
            clock,
            ..
        } = &self.parts;
        let routes = Arc::clone(&routes.borrow());
        let ways = Ways::read(&**store, &**custody, &routes, lanes, clock.now()).await;
        ways.map_err(|error| self.unread(&error))
    }

    fn text(&self, view: &DocumentView, way: Way, eyes: Eyes, said: Said) -> DocumentText {
        let record = &view.record;
        let (received, facts) = (&record.received, &record.received.facts);
        let position = record.course.position();
        DocumentText {
            id: received.document.to_string(),
            number: facts.key.number.to_string(),
            kind: facts.key.kind.as_str(),
            centre: facts.key.centre.to_string(),
            destination: facts.destination.to_string(),
            mode: facts.mode.as_str(),
            purpose: purpose_word(received.purpose),
            standing: words::standing(record, view.lot.as_ref(), way),
            since: record.since.to_string(),
            next: self.next(view, way),
            admitted: record.at.to_string(),
            deadline: received.deadline.map(|day| day.to_string()),
            alerts: self.alerts(record),
            late: view.late.as_str(),
            transmitted: record.proven.map(|at| at.to_string()),
            paper_owed: record.paper_owed.map(|at| at.to_string()),
            both_ways: position.went_both_ways(),
            contradicted: position.contradicted,
            lot: view.lot.as_ref().map(LotText::from),
            warnings: received.warnings.iter().map(ToString::to_string).collect(),
            said,
            history: Vec::new(),
            links: Links::of(view, eyes),
        }
    }

    fn alerts(&self, record: &DocumentRecord) -> Vec<String> {
        let alerts =
            survey::runs(record).map(|last_day| self.parts.config.alert_hours.of(last_day));
        let instants = alerts.into_iter().flatten();
        instants.map(|(_, instant)| instant.to_string()).collect()
    }

    fn next(&self, view: &DocumentView, way: Way) -> Option<NextText> {
        let next = words::next(view.next, view.lot.as_ref(), way)?;
        let words::Sentence { fr, en } = match way.stop(next) {
            Some(Stop::Restored) => words::until_resumed(),
            Some(Stop::Held) | None => {
                let lot = view.lot.as_ref();
                let lot = lot.filter(|_| view.record.standing() == Standing::InLot);
                words::sentence(next, lot, self.parts.clock.now())
            }
        };
        Some(NextText {
            at: next.at.to_string(),
            reason: next.reason.as_str(),
            cause: way.cause(next).map(Reason::as_str),
            fr,
            en,
        })
    }
}

/// The word for a purpose.
pub(in crate::desk) fn purpose_word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Real => "real",
        Purpose::Test => "test",
    }
}

impl From<&LotRecord> for LotText {
    fn from(lot: &LotRecord) -> LotText {
        LotText {
            id: lot.sealed.lot.to_string(),
            endpoint: lot.sealed.endpoint.to_string(),
            state: words::stands(lot).as_str(),
            attempts: lot.attempts,
            attempted: lot.attempted.map(|at| at.to_string()),
        }
    }
}

impl Links {
    fn of(view: &DocumentView, eyes: Eyes) -> Links {
        let received = &view.record.received;
        let link = |id: DocumentId| format!("/v1/documents/{id}");
        let own = link(received.document);
        Links {
            content: match eyes {
                Eyes::Owner => Some(format!("{own}/content")),
                Eyes::Operator => None,
            },
            replaces: received.replaces.map(link),
            replaced_by: view.record.replaced_by.map(link),
            root: Some(received.root)
                .filter(|root| *root != received.document)
                .map(link),
            supports: received.supports.map(link),
            own,
        }
    }
}
