//! `GET /v1/documents`: one document by its number, or a list of those that the caller may see, as JSON or CSV.
//!
//! A list is read a bounded part at a time: an answer can hold fewer rows than were asked for and still be followed
//! by another. A row holds ids, facts of the number, standings, instants and codes; never content.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::access::{Action, Caller, Role, Scope};
use crate::claims::document::{Kind, Purpose};
use crate::claims::id::Finess;
use crate::claims::standing::Standing;
use crate::claims::time::{Day, Timestamp};
use crate::claims::{canon, deadline};
use crate::desk::Desk;
use crate::desk::answer::Format;
use crate::desk::document::way::Way;
use crate::desk::document::words;
use crate::desk::document::{ByKey, purpose_word};
use crate::desk::door::Entered;
use crate::desk::queue::survey;
use crate::formats::cells;
use crate::formats::json::problem;
use crate::http::answer::{Refused, bytes, json};
use crate::http::door::Asked;
use crate::store::listing::{Book, Listed, Listing, Place};
use crate::telemetry::event::Denial;
use crate::telemetry::reading::{Deadline, Stage};

/// One document by number and kind, or a list by everything else.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct Query {
    number: Option<String>,
    kind: Option<String>,
    centre: Option<String>,
    /// The word for where documents are, as in the answer.
    standing: Option<String>,
    /// `at-risk`, `paper-owed`, `both-ways` or `contradicted`.
    list: Option<String>,
    /// Admitted on this day or later, or at this instant or later.
    since: Option<String>,
    /// Where the last answer ended.
    cursor: Option<String>,
    limit: Option<usize>,
    /// `json` or `csv`; otherwise as `Accept` says.
    format: Option<String>,
}

/// A page of documents, in order of centre and of admission.
#[derive(Debug, Serialize)]
struct Page {
    documents: Vec<Row>,
    /// Where the next page begins; null at the end.
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    id: String,
    number: String,
    kind: &'static str,
    centre: String,
    destination: String,
    mode: &'static str,
    purpose: &'static str,
    standing: &'static str,
    since: String,
    admitted: String,
    deadline: Option<String>,
    late: &'static str,
    transmitted: Option<String>,
    paper_owed: Option<String>,
    both_ways: bool,
    contradicted: bool,
    /// The insurer's code of the last refusal or rejection.
    code: Option<String>,
    /// Why it waits; null when nothing more is to be done.
    reason: Option<&'static str>,
    /// When the next thing happens.
    next: Option<String>,
}

/// What a list is asked for.
struct Wanted {
    book: Book,
    /// Those alone that are near their last day, or past it, and not transmitted.
    at_risk: bool,
    kind: Option<Kind>,
    standing: Option<String>,
    since: Option<Timestamp>,
    after: Option<Place>,
    limit: usize,
}

/// `GET /v1/documents`.
pub(in crate::desk) async fn get(
    State(desk): State<Arc<Desk>>,
    Entered(caller): Entered,
    Asked(query): Asked<Query>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    if query.number.is_some() {
        return desk.show_by_key(&caller, query.by_key()?).await;
    }
    let centres = desk
        .listed_centres(&caller, query.centre.as_deref())
        .await?;
    let format = Format::asked(query.format.as_deref(), &headers)?;
    let wanted = desk.wanted(&query)?;
    let page = desk.page(&caller, centres, &wanted).await?;
    Ok(write(&page, &query, format))
}

impl Query {
    /// A number finds one document; what belongs to lists does not stand beside it.
    fn by_key(self) -> Result<ByKey, Refused> {
        let stray = [
            ("standing", self.standing.is_some()),
            ("list", self.list.is_some()),
            ("since", self.since.is_some()),
            ("cursor", self.cursor.is_some()),
            ("limit", self.limit.is_some()),
            ("format", self.format.is_some()),
        ];
        if let Some((name, _)) = stray.into_iter().find(|(_, is_there)| *is_there) {
            return Err(Refused::parameter(name));
        }
        Ok(ByKey {
            number: self.number,
            kind: self.kind,
            centre: self.centre,
        })
    }

    /// The same list from another place.
    fn onward(&self, cursor: &str) -> String {
        let parts = [
            ("kind", &self.kind),
            ("centre", &self.centre),
            ("standing", &self.standing),
            ("list", &self.list),
            ("since", &self.since),
            ("format", &self.format),
        ];
        let parts = parts
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}&", encoded(value.as_ref()?))));
        let limit = self.limit.map(|limit| format!("limit={limit}&"));
        let parts: String = parts.chain(limit).collect();
        format!("/v1/documents?{parts}cursor={cursor}")
    }
}

/// A value as it stands in a query: whatever is not unreserved by its bytes (RFC 3986, 2.1 and 2.3).
fn encoded(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            reserved => out.push_str(&format!("%{reserved:02X}")),
        }
    }
    out
}

fn write(page: &Page, query: &Query, format: Format) -> Response {
    let mut response = match format {
        Format::Json => json(200, page),
        Format::Csv => bytes(200, "text/csv; charset=utf-8", table(page)),
    };
    if let Some(next) = &page.next {
        // RFC 8288: the only way for CSV to say that there is more.
        let link = format!("<{}>; rel=\"next\"", query.onward(next));
        if let Ok(link) = HeaderValue::from_str(&link) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    response
}

fn table(page: &Page) -> String {
    let head = [
        "id",
        "number",
        "kind",
        "centre",
        "destination",
        "mode",
        "purpose",
        "standing",
        "since",
        "admitted",
        "deadline",
        "late",
        "transmitted",
        "paper_owed",
        "both_ways",
        "contradicted",
        "code",
        "reason",
        "next",
    ];
    let mut out = cells::line(&head);
    for row in &page.documents {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
        let cells = [
            row.id.clone(),
            row.number.clone(),
            row.kind.to_owned(),
            row.centre.clone(),
            row.destination.clone(),
            row.mode.to_owned(),
            row.purpose.to_owned(),
            row.standing.to_owned(),
            row.since.clone(),
            row.admitted.clone(),
            or_none(&row.deadline),
            row.late.to_owned(),
            or_none(&row.transmitted),
            or_none(&row.paper_owed),
            row.both_ways.to_string(),
            row.contradicted.to_string(),
            or_none(&row.code),
            row.reason.unwrap_or_default().to_owned(),
            or_none(&row.next),
        ];
        out.push_str(&cells::line(&cells));
    }
    out
}

impl Desk {
    /// Whose documents a caller sees in a list, in order.
    pub(in crate::desk) async fn listed_centres(
        &self,
        caller: &Caller,
        only: Option<&str>,
    ) -> Result<Vec<Finess>, Refused> {
        match caller.role() {
            Role::Centre | Role::Operator => {}
            Role::Insurer | Role::National | Role::Metrics => {
                self.deny(Denial::Scope);
                return Err(problem::Kind::RoleForbidden.into());
            }
        }
        if let Some(text) = only {
            let centre = Finess::parse(text).map_err(|_| Refused::parameter("centre"))?;
            self.allow(caller, Action::ReadDocument(centre)).await?;
            return Ok(vec![centre]);
        }
        if let Scope::Centres(centres) = caller.scope() {
            return Ok(centres.iter().copied().collect());
        }
        let registry = self.parts.store.centres().await;
        let registry = registry.map_err(|error| self.unread(&error))?;
        let today = self.parts.clock.now().day();
        let is_seen = |centre: &Finess| {
            let action = Action::ReadDocument(*centre);
            let of = |finess| crate::desk::door::gestionnaire(registry.get(&finess)?, today);
            caller.may(action, of).is_ok()
        };
        Ok(registry.keys().copied().filter(is_seen).collect())
    }

    fn wanted(&self, query: &Query) -> Result<Wanted, Refused> {
        let standing = query.standing.as_deref().map(standing).transpose()?;
        let by_standing = standing.as_ref().map_or(Book::All, |(book, _)| *book);
        let mut since = query.since.as_deref().map(since).transpose()?;
        let book = match query.list.as_deref() {
            None => by_standing,
            Some("at-risk") => {
                // No list is kept of them, as time alone puts a document on it: they are found among the latest.
                let today = self.parts.clock.now().day();
                let oldest = deadline::oldest_not_owed(today, &self.parts.terms).start();
                since = Some(since.map_or(oldest, |since| since.max(oldest)));
                by_standing
            }
            Some("paper-owed") => Book::PaperOwed,
            Some("both-ways") => Book::BothWays,
            Some("contradicted") => Book::Contradicted,
            Some(_) => return Err(Refused::parameter("list")),
        };
        let kind = query.kind.as_deref().map(|text| {
            let kind = Kind::parse(text);
            kind.ok_or_else(|| Refused::parameter("kind"))
        });
        let most = self.parts.config.list_rows.get();
        let limit = query.limit.unwrap_or(DEFAULT_LIMIT.min(most));
        if limit == 0 || limit > most {
            return Err(Refused::parameter("limit"));
        }
        Ok(Wanted {
            book,
            at_risk: query.list.as_deref() == Some("at-risk"),
            kind: kind.transpose()?,
            standing: standing.map(|(_, word)| word),
            since,
            after: query.cursor.as_deref().map(place).transpose()?,
            limit,
        })
    }

    /// Looks through a list until the page is full, the list ends, or enough was looked at for one answer.
    async fn page(
        &self,
        caller: &Caller,
        centres: Vec<Finess>,
        wanted: &Wanted,
    ) -> Result<Page, Refused> {
        let unread = |error| self.unread(&error);
        let ways = self.ways().await?;
        let mut room = self.parts.config.list_looked_at.get();
        let (mut after, mut documents) = (wanted.after, Vec::new());
        while room > 0 {
            let most = room.min(self.parts.config.survey_page.get());
            let listing = Listing {
                book: wanted.book,
                centres: centres.clone(),
                since: wanted.since,
                after,
                most,
            };
            let found = self.parts.store.list(listing).await.map_err(unread)?;
            let is_last = found.len() < most;
            room -= found.len();
            for listed in found {
                after = Some(listed.record.place());
                let row = Row::of(&listed, ways.of(&listed.record, listed.lot.as_ref()));
                if wanted.holds(caller, &listed, &row)
                    && (!wanted.at_risk || self.is_at_risk(&listed))
                {
                    documents.push(row);
                }
                if documents.len() == wanted.limit {
                    let next = after.map(cursor);
                    return Ok(Page { documents, next });
                }
            }
            if is_last {
                let next = None;
                return Ok(Page { documents, next });
            }
        }
        let next = after.map(cursor);
        Ok(Page { documents, next })
    }
}

impl Desk {
    /// Whether a document is past its first alert, and neither transmitted nor owed on paper.
    fn is_at_risk(&self, listed: &Listed) -> bool {
        let (alerts, now) = (&self.parts.config.alert_hours, self.parts.clock.now());
        match survey::deadline(&listed.record, alerts, now) {
            Some(Deadline::AtRisk | Deadline::Today | Deadline::Passed) => true,
            Some(Deadline::Ahead | Deadline::PaperOwed) | None => false,
        }
    }
}

/// Rows of a page, where none are asked for.
const DEFAULT_LIMIT: usize = 100;

impl Wanted {
    fn holds(&self, caller: &Caller, listed: &Listed, row: &Row) -> bool {
        let received = &listed.record.received;
        let is_beyond = caller.purpose() == Purpose::Test && received.purpose == Purpose::Real;
        let kind = self.kind.is_none_or(|kind| received.facts.key.kind == kind);
        let standing = self.standing.as_deref();
        !is_beyond && kind && standing.is_none_or(|word| row.standing == word)
    }
}

impl Row {
    fn of(listed: &Listed, way: Way) -> Row {
        let record = &listed.record;
        let (received, facts) = (&record.received, &record.received.facts);
        let position = record.course.position();
        let next = words::next(listed.next, listed.lot.as_ref(), way);
        Row {
            id: received.document.to_string(),
            number: facts.key.number.to_string(),
            kind: facts.key.kind.as_str(),
            centre: facts.key.centre.to_string(),
            destination: facts.destination.to_string(),
            mode: facts.mode.as_str(),
            purpose: purpose_word(received.purpose),
            standing: words::standing(record, listed.lot.as_ref(), way),
            since: record.since.to_string(),
            admitted: record.at.to_string(),
            deadline: received.deadline.map(|day| day.to_string()),
            late: listed.late.as_str(),
            transmitted: record.proven.map(|at| at.to_string()),
            paper_owed: record.paper_owed.map(|at| at.to_string()),
            both_ways: position.went_both_ways(),
            contradicted: position.contradicted,
            code: record.course.last_code().map(ToString::to_string),
            reason: next.map(|next| next.reason.as_str()),
            next: next.map(|next| next.at.to_string()),
        }
    }
}

/// The list to look in, and the word to look for. Spaces may be written as hyphens.
fn standing(text: &str) -> Result<(Book, String), Refused> {
    let word = text.replace('-', " ");
    let own = Standing::ALL.into_iter().find(|own| own.as_str() == word);
    let book = match own {
        // A document in a lot is where its lot is.
        Some(Standing::InLot) => None,
        Some(own) => Some(Book::of(own)),
        None => Stage::WORDS.contains(&word.as_str()).then_some(Book::All),
    };
    let book = book.ok_or_else(|| Refused::parameter("standing"))?;
    Ok((book, word))
}

/// A day in Paris, or an instant.
pub(in crate::desk) fn since(text: &str) -> Result<Timestamp, Refused> {
    let day = Day::parse(text).map(Day::start);
    let instant = day.or_else(|| Timestamp::parse(text));
    instant.ok_or_else(|| Refused::parameter("since"))
}

/// A place, written so that nobody is tempted to make one.
fn cursor(place: Place) -> String {
    let bytes = canon::bytes_of(&(place.centre, place.at, place.document));
    URL_SAFE_NO_PAD.encode(bytes)
}

fn place(text: &str) -> Result<Place, Refused> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let read = bytes.and_then(|bytes| canon::value_of(&bytes).ok());
    let (centre, at, document) = read.ok_or_else(|| Refused::parameter("cursor"))?;
    Ok(Place {
        centre,
        at,
        document,
    })
}
