//! Statements over HTTP: a centre reads its own, a national reader all; an operator has one published.
//!
//! What is given out is what was published, byte for byte, or another form written from it. The keys that verify
//! them are public: nobody is asked who he is.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::access::{Action, Caller, Rates};
use crate::claims::entry::Position;
use crate::claims::id::Finess;
use crate::claims::period::Period;
use crate::claims::statement::Published;
use crate::desk::Desk;
use crate::desk::door::{Entered, Operator};
use crate::formats::json::problem::Kind;
use crate::formats::jws::unencoded::PublicKey;
use crate::formats::statement::{Form, Statement};
use crate::http::answer::{Refused, bytes, json};
use crate::http::door::{Asked, Part};
use crate::report::rate::shapes::PeriodShape;
use crate::store::{BodyId, StatementRecord, WhichStatements};
use crate::telemetry::event::Denial;

/// Which statements.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct Listed {
    centre: Option<String>,
    period: Option<String>,
    /// What `next` of the page before said.
    after: Option<u64>,
}

/// Which form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct Shown {
    /// `json`, `csv`, `xml` or `html`; otherwise as `Accept` says.
    form: Option<String>,
}

/// What is to be published.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct Ordered {
    centre: Option<String>,
    period: Option<String>,
}

/// A statement in a list.
#[derive(Debug, Serialize)]
struct StatementText {
    statement: u64,
    at: String,
    centre: String,
    period: PeriodShape,
    closing: u64,
    position: u64,
    digest: String,
    previous: Option<String>,
    follows: Option<u64>,
    policy: String,
    key: String,
    by: String,
}

/// A page of statements.
#[derive(Debug, Serialize)]
struct StatementPage {
    statements: Vec<StatementText>,
    next: Option<u64>,
}

/// The keys (RFC 7517, RFC 8037).
#[derive(Debug, Serialize)]
struct KeySet {
    keys: Vec<KeyText>,
}

/// A public key.
#[derive(Debug, Serialize)]
struct KeyText {
    kty: &'static str,
    crv: &'static str,
    x: String,
    kid: String,
    alg: &'static str,
    r#use: &'static str,
    /// In PEM, as `bordereau statement verify` and openssl read it.
    pem: String,
    /// The first statement that it signed; none where it has signed none yet.
    first: Option<u64>,
}

/// `GET /v1/statements?centre=&period=&after=`: those that the caller may see, in order of publication.
pub(in crate::desk) async fn list(
    State(desk): State<Arc<Desk>>,
    Entered(caller): Entered,
    Asked(query): Asked<Listed>,
) -> Result<Response, Refused> {
    let centre = query.centre.as_deref().map(Finess::parse).transpose();
    let centre = centre.map_err(|_| Refused::parameter("centre"))?;
    match centre {
        Some(centre) => {
            let action = Action::ReadRates(Rates::Of(centre));
            desk.allow(&caller, action).await?;
        }
        None => desk.reads_rates(&caller)?,
    }
    let period = desk.named(query.period.as_deref())?;
    let config = &desk.parts.config;
    let looked_at = config.list_looked_at.get();
    let which = WhichStatements::After {
        centre,
        after: Position(query.after.unwrap_or_default()),
        most: looked_at.saturating_add(1),
    };
    let found = desk.statements(which).await?;
    let scope = desk.scope(&caller);
    let (mut rows, mut next) = (Vec::new(), None);
    for (index, record) in found.iter().enumerate() {
        if index == looked_at || rows.len() == config.statement_rows.get() {
            next = index.checked_sub(1).map(|last| found[last].number.0);
            break;
        }
        let published = &record.published;
        let asked = period.is_none_or(|period| period == published.period);
        if asked && scope(published.centre) {
            rows.push(StatementText::from(record));
        }
    }
    let page = StatementPage {
        statements: rows,
        next,
    };
    Ok(json(200, &page))
}

/// `GET /v1/statements/{id}?form=`: as it was published, or another form of it.
pub(in crate::desk) async fn show(
    State(desk): State<Arc<Desk>>,
    Part(number): Part<u64>,
    Entered(caller): Entered,
    Asked(query): Asked<Shown>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let record = desk.statement(&caller, number).await?;
    let form = form(query.form.as_deref(), &headers)?;
    let body = desk.parts.store.body(BodyId::Entry(record.number)).await;
    let body = body.map_err(|error| desk.unread(&error))?;
    let body = body.ok_or(Kind::ContentGone)?.bytes;
    if form == Form::Json {
        return Ok(bytes(200, form.media_type(), body));
    }
    let statement = Statement::read(&body).ok_or(Kind::Defect)?;
    Ok(bytes(200, form.media_type(), statement.write(form)))
}

/// `GET /v1/statements/{id}/signature`: the detached JWS over the JSON.
pub(in crate::desk) async fn signature(
    State(desk): State<Arc<Desk>>,
    Part(number): Part<u64>,
    Entered(caller): Entered,
) -> Result<Response, Refused> {
    let published = desk.statement(&caller, number).await?.published;
    let jws = PublicKey(published.key).jws(&published.signature);
    Ok(bytes(200, "application/jose", jws))
}

/// `GET /v1/statements/keys`: every key that signed a statement, and the one that signs now.
pub(in crate::desk) async fn keys(State(desk): State<Arc<Desk>>) -> Result<Response, Refused> {
    let found = desk.statements(WhichStatements::FirstByKey).await?;
    let mut keys: Vec<KeyText> = found
        .iter()
        .map(|record| KeyText::of(PublicKey(record.published.key), Some(record.number)))
        .collect();
    let present = desk.parts.publisher.key();
    let is_new = |key: &PublicKey| keys.iter().all(|known| known.kid != key.id());
    let fresh = present.filter(is_new).map(|key| KeyText::of(key, None));
    keys.extend(fresh);
    Ok(json(200, &KeySet { keys }))
}

/// `POST /v1/statements?centre=&period=`: of a closed period of a centre, with all that came since. Safe to repeat.
pub(in crate::desk) async fn publish(
    State(desk): State<Arc<Desk>>,
    operator: Operator,
    Asked(query): Asked<Ordered>,
) -> Result<Response, Refused> {
    let centre = query.centre.as_deref().map(Finess::parse);
    let Some(Ok(centre)) = centre else {
        return Err(Refused::parameter("centre"));
    };
    let period = desk.named(query.period.as_deref())?;
    let period = period.ok_or_else(|| Refused::parameter("period"))?;
    if !desk.snapshot().centres.contains_key(&centre) {
        return Err(Kind::CentreUnknown.into());
    }
    let _turn = desk.past.try_lock().map_err(|_| desk.occupied())?;
    let actor = operator.actor();
    let published = desk.parts.publisher.publish(centre, period, &actor);
    let record = desk.bounded(published).await?;
    Ok(json(200, &StatementText::from(&record)))
}

/// The form that is asked for.
fn form(query: Option<&str>, headers: &HeaderMap) -> Result<Form, Refused> {
    if let Some(word) = query {
        return Form::parse(word).ok_or_else(|| Refused::parameter("form"));
    }
    let accept = headers.get(header::ACCEPT);
    let accept = accept
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    // Of what a caller takes, in its order, the first that there is.
    let wanted = accept.split(',').find_map(|range| {
        match range.split(';').next().unwrap_or_default().trim() {
            "application/json" => Some(Form::Json),
            "text/csv" => Some(Form::Csv),
            "application/xml" | "text/xml" => Some(Form::Xml),
            "text/html" => Some(Form::Html),
            _ => None,
        }
    });
    Ok(wanted.unwrap_or(Form::Json))
}

impl Desk {
    async fn statements(&self, which: WhichStatements) -> Result<Vec<StatementRecord>, Refused> {
        let found = self.parts.store.statements(which).await;
        found.map_err(|error| self.unread(&error))
    }

    /// A statement by its number, of a centre that the caller may see; any other is not known.
    async fn statement(&self, caller: &Caller, number: u64) -> Result<StatementRecord, Refused> {
        self.reads_rates(caller)?;
        let which = WhichStatements::Numbered(Position(number));
        let record = self.statements(which).await?.pop();
        let record = record.ok_or(Kind::StatementUnknown)?;
        match self.scope(caller)(record.published.centre) {
            true => Ok(record),
            false => {
                self.deny(Denial::Scope);
                Err(Kind::StatementUnknown.into())
            }
        }
    }

    /// A period by its name, if one is named.
    pub(in crate::desk) fn named(&self, text: Option<&str>) -> Result<Option<Period>, Refused> {
        let today = self.parts.clock.now().day();
        let read = |text| Period::parse(text, today).map_err(|_| Refused::parameter("period"));
        text.map(read).transpose()
    }
}

impl From<&StatementRecord> for StatementText {
    fn from(record: &StatementRecord) -> StatementText {
        let Published {
            centre,
            period,
            closing,
            position,
            digest,
            previous,
            follows,
            policy,
            key,
            signature: _,
            actor,
            commitment: _,
        } = &record.published;
        StatementText {
            statement: record.number.0,
            at: record.at.to_string(),
            centre: centre.to_string(),
            period: (*period).into(),
            closing: closing.0,
            position: position.0,
            digest: digest.to_string(),
            previous: previous.map(|previous| previous.to_string()),
            follows: follows.map(|follows| follows.0),
            policy: policy.to_string(),
            key: PublicKey(*key).id(),
            by: actor.to_string(),
        }
    }
}

impl KeyText {
    fn of(key: PublicKey, first: Option<Position>) -> KeyText {
        KeyText {
            kty: "OKP",
            crv: "Ed25519",
            x: key.x(),
            kid: key.id(),
            alg: "EdDSA",
            r#use: "sig",
            pem: key.pem(),
            first: first.map(|first| first.0),
        }
    }
}
