//! The three requests of the wire contract, and the faults that the plan puts between them.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::sleep;
use tower::util::{ServiceFn, service_fn};

use super::book::{Refused, Verdict};
use super::multipart;
use super::plan::{Breach, Fault};
use super::{Shared, State};
use crate::claims::id::LotId;
use crate::formats::xml;
use crate::tls::Peer;

/// How long a lot is worked on by an insurer that does not know it meanwhile.
const SLOW: Duration = Duration::from_secs(1);

type Answer = Response<Full<Bytes>>;
type Answering = Pin<Box<dyn Future<Output = Result<Answer, Cut>> + Send>>;

/// How many requests of each kind have come.
#[derive(Default)]
pub(super) struct Counts {
    lots: AtomicU64,
    questions: AtomicU64,
    fetches: AtomicU64,
}

/// The connection is to end without an answer.
#[derive(Debug)]
pub(super) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the plan cuts the connection")
    }
}

impl std::error::Error for Cut {}

/// The service behind every connection. It is no router of axum: a plan may end a connection without an
/// answer, which a router cannot.
pub(super) fn service(
    shared: Arc<Shared>,
) -> ServiceFn<impl Fn(Request<Incoming>) -> Answering + Clone> {
    service_fn(move |request| -> Answering { Box::pin(answer(shared.clone(), request)) })
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Answer, Cut> {
    let peer = request.extensions().get::<Peer>();
    let is_known = peer.is_some_and(|peer| peer.certificate.is_some());
    if !is_known && !shared.plan.breaks(Breach::ServesAnybody) {
        return Ok(plain(StatusCode::UNAUTHORIZED));
    }
    let path = request.uri().path().to_owned();
    let spell = shared.plan.spell(shared.passed());
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (request.method(), segments.as_slice()) {
        (&Method::PUT, [.., "lots", lot]) => put_lot(shared, request, lot, spell).await,
        (&Method::GET, [.., "lots", lot]) => {
            let fault = nth(&shared.counts.questions, |nth| {
                shared
                    .plan
                    .wire
                    .first_questions
                    .get(nth as usize)
                    .copied()
                    .unwrap_or_default()
            });
            let fault = spell.unwrap_or(fault);
            faulty(&shared, fault, async { status(&shared, lot) }).await
        }
        (&Method::GET, [.., "receipts"]) => {
            let fault = nth(&shared.counts.fetches, |nth| {
                shared
                    .plan
                    .wire
                    .first_fetches
                    .get(nth as usize)
                    .copied()
                    .unwrap_or_default()
            });
            let after = after(request.uri().query());
            let fault = spell.unwrap_or(fault);
            faulty(&shared, fault, async { receipts(&shared, &after) }).await
        }
        (_, [.., "lots", _] | [.., "receipts"]) => Ok(plain(StatusCode::METHOD_NOT_ALLOWED)),
        _ => Ok(plain(StatusCode::NOT_FOUND)),
    }
}

async fn put_lot(
    shared: Arc<Shared>,
    request: Request<Incoming>,
    lot: &str,
    spell: Option<Fault>,
) -> Result<Answer, Cut> {
    let fault = nth(&shared.counts.lots, |nth| shared.plan.fault_of_lot(nth));
    let fault = spell.unwrap_or(fault);
    if fault == Fault::ResetBefore {
        return Err(Cut);
    }
    // From here on it is worked on, however long its body takes.
    let working = Working::on(shared.clone(), lot);
    let lots = shared.state().working.len();
    let fault = match shared.plan.is_crowded(lots, shared.passed()) {
        true => Fault::Busy,
        false => fault,
    };
    let meets_another = working.meets_another() && shared.plan.breaks(Breach::SameTimeIsConflict);
    if shared.plan.breaks(Breach::HalfIsTaken) {
        // Before the body: this request may end with its connection.
        let mut state = shared.state();
        state.rewritten.insert(lot.to_owned(), "0".repeat(64));
    }
    let (head, body) = request.into_parts();
    let body = Limited::new(body, shared.limits.lot_bytes.get())
        .collect()
        .await;
    let Ok(body) = body.map(|body| body.to_bytes()) else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE));
    };
    shared.state().rewritten.remove(lot);
    if meets_another {
        return Ok(conflict(lot));
    }
    let header = |name: &str| {
        let value = head.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let (content_type, digest) = (header("content-type"), header("repr-digest"));
    let (lot, keeper) = (lot.to_owned(), shared.clone());
    let is_slow = shared.plan.breaks(Breach::UnknownWhileWorking);
    let taking = async move {
        if is_slow {
            sleep(SLOW).await;
        }
        // The book syncs its file: not on a thread that serves others.
        let taking = move || take(&keeper, &lot, &content_type, &digest, &body);
        let taken = tokio::task::spawn_blocking(taking).await;
        taken.unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR))
    };
    let answer = faulty(&shared, fault, taking).await;
    drop(working);
    answer
}

/// A lot that is being worked on; over when it is dropped, however its request ends.
struct Working {
    shared: Arc<Shared>,
    lot: String,
}

impl Working {
    fn on(shared: Arc<Shared>, lot: &str) -> Working {
        shared.state().working.push(lot.to_owned());
        let lot = lot.to_owned();
        Working { shared, lot }
    }

    /// Whether another request works on the same lot.
    fn meets_another(&self) -> bool {
        let working = &self.shared.state().working;
        working.iter().filter(|lot| **lot == self.lot).count() > 1
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let working = &mut self.shared.state().working;
        if let Some(at) = working.iter().position(|lot| *lot == self.lot) {
            working.swap_remove(at);
        }
    }
}

/// Does what is asked, or not, and answers, or not, as the fault has it.
async fn faulty(
    shared: &Shared,
    fault: Fault,
    work: impl Future<Output = Answer>,
) -> Result<Answer, Cut> {
    match fault {
        Fault::None => Ok(work.await),
        Fault::Slow => {
            sleep(Duration::from_millis(shared.plan.wire.slow_milliseconds)).await;
            Ok(work.await)
        }
        Fault::Busy => {
            let mut answer = plain(StatusCode::TOO_MANY_REQUESTS);
            let seconds = shared.plan.wire.retry_after_seconds;
            answer.headers_mut().insert(RETRY_AFTER, seconds.into());
            Ok(answer)
        }
        Fault::Failing => Ok(plain(StatusCode::INTERNAL_SERVER_ERROR)),
        Fault::FailingWhenDone => {
            work.await;
            Ok(plain(StatusCode::BAD_GATEWAY))
        }
        Fault::Forbidden => Ok(plain(StatusCode::FORBIDDEN)),
        Fault::NotFound => Ok(plain(StatusCode::NOT_FOUND)),
        Fault::Portal => Ok(with(
            StatusCode::OK,
            "text/html",
            "<html>Welcome</html>".into(),
        )),
        Fault::ResetBefore | Fault::ResetAfter => Err(Cut),
        Fault::ResetWhenDone => {
            work.await;
            Err(Cut)
        }
    }
}

fn take(shared: &Shared, lot: &str, content_type: &str, digest: &str, body: &[u8]) -> Answer {
    let plan = &shared.plan;
    let right = multipart::digest(body);
    let digest = match plan.breaks(Breach::DigestUnchecked) {
        true => &right,
        false => digest,
    };
    let opened = match multipart::open(content_type, digest, body) {
        Ok(opened) => opened,
        Err(multipart::DIGEST) if plan.breaks(Breach::DamageIsFinal) => {
            shared.state().damaged.insert(lot.to_owned());
            return refused_for_good(lot);
        }
        Err(multipart::DIGEST) => return problem(multipart::DIGEST.0),
        Err(_) if plan.breaks(Breach::LengthsUnchecked) => return taken(lot),
        Err(flaw) => return problem(flaw.0),
    };
    if opened.manifest.lot != lot && !plan.breaks(Breach::AddressUnchecked) {
        return problem("the address names another lot than the manifest");
    }
    if plan.breaks(Breach::FiftyAtMost) && opened.documents.len() > 50 {
        return plain(StatusCode::PAYLOAD_TOO_LARGE);
    }
    if plan.breaks(Breach::CutsAtBoundaries) && multipart::has_a_boundary_inside(&opened, body) {
        return problem("a boundary is not where the lengths put it");
    }
    if shared.state().damaged.contains(lot) {
        return refused_for_good(lot);
    }
    let now = shared.now();
    let State {
        book,
        agenda,
        rewritten,
        ..
    } = &mut *shared.state();
    match book.receive(&opened, body, &plan.wire.refused, now) {
        Ok(Some((lot, Verdict::Taken))) => {
            if let Some(taken) = book.contents().lots.get(&lot) {
                agenda.plan(plan, lot, taken);
            }
            match plan.breaks(Breach::TakenUnnamed) {
                true => words(StatusCode::OK, json!({ "outcome": "taken" })),
                false => taken(&lot.to_string()),
            }
        }
        Ok(Some((lot, Verdict::TakenBefore))) => match plan.breaks(Breach::AgainIsConflict) {
            true => conflict(&lot.to_string()),
            false => taken(&lot.to_string()),
        },
        Ok(Some((lot, Verdict::Refused(_)))) if plan.breaks(Breach::TakesTwice) => {
            taken(&lot.to_string())
        }
        Ok(Some((lot, Verdict::Refused(refused)))) => {
            if plan.breaks(Breach::ReceiptForRefused) {
                agenda.plan_refused(lot, now);
            }
            let mut body = refusal(&lot, &refused);
            body["outcome"] = "refused".into();
            if plan.breaks(Breach::CodesAreNumbers) {
                body["code"] = 17.into();
            }
            words(StatusCode::UNPROCESSABLE_ENTITY, body)
        }
        Ok(Some((lot, Verdict::OtherBytes))) if plan.breaks(Breach::ConflictIsTaken) => {
            taken(&lot.to_string())
        }
        Ok(Some((lot, Verdict::OtherBytes))) => {
            if plan.breaks(Breach::ConflictOverwrites) {
                rewritten.insert(lot.to_string(), opened.sha256);
            }
            conflict(&lot.to_string())
        }
        Ok(None) => problem("the manifest's ids or numbers are not of their form"),
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn status(shared: &Shared, lot: &str) -> Answer {
    let (plan, state) = (&shared.plan, shared.state());
    let is_worked_on = state.working.iter().any(|working| working == lot);
    if is_worked_on && !plan.breaks(Breach::UnknownWhileWorking) {
        return plain(StatusCode::SERVICE_UNAVAILABLE);
    }
    let Ok(id) = LotId::parse(lot) else {
        return problem("the address names no lot");
    };
    let contents = state.book.contents();
    let digest = contents.lots.get(&id).map(|taken| taken.digest.to_string());
    let known = state.rewritten.get(lot).cloned().or(digest);
    let refused = contents.refused.get(&id);
    let body = match (known, refused) {
        (Some(_), _) if plan.breaks(Breach::KnownWithoutDigest) => {
            json!({ "lot": lot, "status": "known" })
        }
        (Some(digest), _) => json!({ "lot": lot, "status": "known", "sha256": digest }),
        (None, Some(refused)) if !plan.breaks(Breach::ForgetsRefusals) => {
            let mut body = refusal(&id, refused);
            body["status"] = "refused".into();
            body
        }
        (None, _) if plan.breaks(Breach::UnknownIsNotFound) => {
            return plain(StatusCode::NOT_FOUND);
        }
        (None, _) => json!({ "lot": lot, "status": "unknown" }),
    };
    words(StatusCode::OK, body)
}

fn receipts(shared: &Shared, after: &str) -> Answer {
    let plan = &shared.plan;
    let after = match after.parse::<usize>() {
        Ok(after) => after,
        Err(_) if plan.breaks(Breach::CursorUnchecked) => 0,
        Err(_) => return problem("the cursor is not one of this feed"),
    };
    let now = shared.now();
    let State {
        book,
        agenda,
        given,
        ..
    } = &mut *shared.state();
    let Some(page) = agenda.page(now, after, shared.limits.feed_items.get().min(1000)) else {
        return problem("the cursor is not one of this feed");
    };
    let write = |item: &super::returns::Return| item.write(plan, book.contents());
    let items = page.iter().filter_map(write);
    let items = items.map(|item| shared.signature.behind(item));
    let mut items: Vec<String> = items.collect();
    if !items.is_empty() && !given.insert(after) && plan.breaks(Breach::FeedReordered) {
        items.reverse();
    }
    let mut next = (after + page.len()).to_string();
    if page.is_empty() && plan.breaks(Breach::EmptyPageMoves) {
        // The same place, written in another way.
        next.insert(0, '0');
    }
    let mut feed = xml::write_feed(&next, items.iter().map(String::as_str));
    if plan.breaks(Breach::FeedUnreadable) {
        feed = feed.replace("urn:bordereau:feed:1", "urn:bordereau:feed:0");
    }
    with(StatusCode::OK, "application/xml", feed)
}

/// The cursor asked after; the first page without one.
fn after(query: Option<&str>) -> String {
    let pairs = query.unwrap_or_default().split('&');
    let after = pairs.filter_map(|pair| pair.strip_prefix("after=")).next();
    after.unwrap_or("0").to_owned()
}

fn refusal(lot: &LotId, refused: &Refused) -> Value {
    let document = |(id, code, text): &(_, Option<String>, Option<String>)| {
        let id: &crate::claims::id::DocumentId = id;
        json!({ "id": id.to_string(), "code": code, "text": text })
    };
    let documents: Vec<Value> = refused.named.iter().map(document).collect();
    json!({ "lot": lot.to_string(), "code": "LOT-REFUSED", "documents": documents })
}

fn taken(lot: &str) -> Answer {
    words(StatusCode::OK, json!({ "lot": lot, "outcome": "taken" }))
}

fn refused_for_good(lot: &str) -> Answer {
    let body = json!({ "lot": lot, "outcome": "refused" });
    words(StatusCode::UNPROCESSABLE_ENTITY, body)
}

fn conflict(lot: &str) -> Answer {
    let body = json!({ "lot": lot, "outcome": "digest-conflict" });
    words(StatusCode::CONFLICT, body)
}

fn nth(count: &AtomicU64, decide: impl Fn(u64) -> Fault) -> Fault {
    decide(count.fetch_add(1, Ordering::Relaxed))
}

fn words(status: StatusCode, body: Value) -> Answer {
    with(status, "application/json", body.to_string())
}

fn problem(detail: &str) -> Answer {
    let body =
        json!({ "title": "The request is not in the words of the contract", "detail": detail });
    with(
        StatusCode::BAD_REQUEST,
        "application/problem+json",
        body.to_string(),
    )
}

fn plain(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

fn with(status: StatusCode, media_type: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    let media_type = hyper::header::HeaderValue::from_static(media_type);
    answer.headers_mut().insert(CONTENT_TYPE, media_type);
    answer
}
