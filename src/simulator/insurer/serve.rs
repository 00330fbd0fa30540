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
use super::plan::Fault;
use super::{Shared, State};
use crate::claims::id::LotId;
use crate::formats::xml;
use crate::tls::Peer;

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
    if peer.is_none_or(|peer| peer.certificate.is_none()) {
        return Ok(plain(StatusCode::UNAUTHORIZED));
    }
    let path = request.uri().path().to_owned();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (request.method(), segments.as_slice()) {
        (&Method::PUT, [.., "lots", lot]) => put_lot(shared, request, lot).await,
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
) -> Result<Answer, Cut> {
    let fault = nth(&shared.counts.lots, |nth| shared.plan.fault_of_lot(nth));
    if fault == Fault::ResetBefore {
        return Err(Cut);
    }
    let (head, body) = request.into_parts();
    let body = Limited::new(body, shared.limits.lot_bytes.get())
        .collect()
        .await;
    let Ok(body) = body.map(|body| body.to_bytes()) else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE));
    };
    let header = |name: &str| {
        let value = head.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let (content_type, digest) = (header("content-type"), header("repr-digest"));
    let (lot, keeper) = (lot.to_owned(), shared.clone());
    let working = Working::on(shared.clone(), &lot);
    let taking = async move {
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
    let opened = match multipart::open(content_type, digest, body) {
        Ok(opened) => opened,
        Err(flaw) => return problem(flaw.0),
    };
    if opened.manifest.lot != lot {
        return problem("the address names another lot than the manifest");
    }
    let now = shared.clock.now();
    let State { book, agenda, .. } = &mut *shared.state();
    match book.receive(&opened, body, &shared.plan.wire.refused, now) {
        Ok(Some((lot, verdict @ (Verdict::Taken | Verdict::TakenBefore)))) => {
            if let (Verdict::Taken, Some(taken)) = (verdict, book.contents().lots.get(&lot)) {
                agenda.plan(&shared.plan, lot, taken);
            }
            let body = json!({ "lot": lot.to_string(), "outcome": "taken" });
            words(StatusCode::OK, body)
        }
        Ok(Some((lot, Verdict::Refused(refused)))) => {
            let mut body = refusal(&lot, &refused);
            body["outcome"] = "refused".into();
            words(StatusCode::UNPROCESSABLE_ENTITY, body)
        }
        Ok(Some((lot, Verdict::OtherBytes))) => {
            let body = json!({ "lot": lot.to_string(), "outcome": "digest-conflict" });
            words(StatusCode::CONFLICT, body)
        }
        Ok(None) => problem("the manifest's ids or numbers are not of their form"),
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn status(shared: &Shared, lot: &str) -> Answer {
    let state = shared.state();
    if state.working.iter().any(|working| working == lot) {
        return plain(StatusCode::SERVICE_UNAVAILABLE);
    }
    let Ok(lot) = LotId::parse(lot) else {
        return problem("the address names no lot");
    };
    let contents = state.book.contents();
    let body = match (contents.lots.get(&lot), contents.refused.get(&lot)) {
        (Some(taken), _) => {
            json!({ "lot": lot.to_string(), "status": "known", "sha256": taken.digest.to_string() })
        }
        (None, Some(refused)) => {
            let mut body = refusal(&lot, refused);
            body["status"] = "refused".into();
            body
        }
        (None, None) => json!({ "lot": lot.to_string(), "status": "unknown" }),
    };
    words(StatusCode::OK, body)
}

fn receipts(shared: &Shared, after: &str) -> Answer {
    let Ok(after) = after.parse::<usize>() else {
        return problem("the cursor is not one of this feed");
    };
    let now = shared.clock.now();
    let State { book, agenda, .. } = &mut *shared.state();
    let Some(page) = agenda.page(now, after, shared.limits.feed_items.get().min(1000)) else {
        return problem("the cursor is not one of this feed");
    };
    let write = |item: &super::returns::Return| item.write(&shared.plan, book.contents());
    let items: Vec<String> = page.iter().filter_map(write).collect();
    let next = (after + page.len()).to_string();
    let feed = xml::write_feed(&next, items.iter().map(String::as_str));
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
