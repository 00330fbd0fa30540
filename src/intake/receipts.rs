//! Receipts and settlements that an insurer hands in, one or a feed of them.
//!
//! They are taken in the name of the caller's own endpoint only, and as evidence only with its signature where it has
//! a key. What cannot be read is not kept: the
//! insurer hears why at once and hands it in again. Everything else is recorded before the answer.

use std::ops::Range;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;

use super::Intake;
use super::body::{Media, Posted};
use super::door::Entered;
use crate::claims::entry::OrphanCause;
use crate::claims::finding::Finding;
use crate::claims::id::EndpointName;
use crate::claims::receipt::{Evidence, HeardOutcome, Item};
use crate::formats::evidence::Hearing;
use crate::formats::json::finding::FindingText;
use crate::formats::json::problem::{Kind, Problem};
use crate::formats::json::pushed::{Pushed, Row};
use crate::formats::xml;
use crate::http::answer::{Refused, json};
use crate::store::{Body, Command, Heard, Outcome};
use crate::telemetry::event::Event;

/// `POST /v1/receipts`: a receipt, a settlement, or a feed. Alone it has its own status; in a feed a row.
pub(super) async fn post(
    State(intake): State<Arc<Intake>>,
    entered: Entered,
    request: Request,
) -> Result<Response, Refused> {
    let endpoint = entered.for_endpoint(&intake)?;
    let cap = intake.config.lot_bytes;
    let posted = intake.read(request, Media::Xml, cap).await?;
    let reading = Arc::clone(&intake);
    let speaker = endpoint.clone();
    let read = move |bytes: &Bytes| reading.open_receipts(&speaker, bytes);
    match intake.work(posted.bytes.clone(), read).await? {
        Handed::Unreadable(findings) => Err(unreadable(&findings)),
        Handed::Alone(item) => {
            let rows = intake.record(&endpoint, &posted, vec![item]).await?;
            alone(rows)
        }
        Handed::Feed(items) if items.len() > intake.config.lot_documents => {
            Err(Problem::limit(Kind::TooMany, intake.config.lot_documents).into())
        }
        Handed::Feed(items) => {
            let rows = intake.record(&endpoint, &posted, items).await?;
            Ok(json(200, &Pushed { items: rows }))
        }
    }
}

/// What was handed in.
enum Handed {
    Alone(One),
    Feed(Vec<One>),
    Unreadable(Vec<Finding>),
}

/// One item and its bytes, with its signature if it has one.
struct One {
    range: Range<usize>,
    evidence: Result<Evidence, Vec<Finding>>,
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

impl Intake {
    fn open_receipts(&self, endpoint: &EndpointName, bytes: &[u8]) -> Handed {
        let (reader, limits) = (&self.parts.reader, &self.config.xml_limits());
        let hearing = Hearing {
            endpoint,
            reader,
            limits,
            keys: &Arc::clone(&self.parts.keys.borrow()),
        };
        let unread = match hearing.alone(bytes) {
            Ok(evidence) => {
                return Handed::Alone(One {
                    range: 0..bytes.len(),
                    evidence: Ok(evidence),
                });
            }
            Err(findings) => findings,
        };
        let feed = reader.read_feed(bytes, limits);
        if Finding::refuses(&feed.findings) {
            // A feed is in UTF-8, so its namespace stands there as it is.
            let is_feed = contains(bytes, xml::FEED.as_bytes());
            let findings = if is_feed { feed.findings } else { unread };
            return Handed::Unreadable(findings);
        }
        let items = feed.parts.iter().map(|part| One {
            range: part.evidence(),
            evidence: hearing.of_feed(bytes, part),
        });
        Handed::Feed(items.collect())
    }

    /// Records what can be read, in one commit; one row an item, in order.
    async fn record(
        &self,
        endpoint: &EndpointName,
        posted: &Posted,
        items: Vec<One>,
    ) -> Result<Vec<Row>, Refused> {
        let heard = items.iter().filter_map(|one| {
            Some(Heard {
                evidence: one.evidence.as_ref().ok()?.clone(),
                body: Body {
                    bytes: posted.bytes.slice(one.range.clone()),
                    salt: self.parts.clock.salt(),
                },
            })
        });
        let routes = Arc::clone(&self.parts.routes.borrow());
        let endpoint = routes.present(endpoint);
        let command = Command::receipts(endpoint, &routes, heard.collect(), None);
        let outcomes = self.decide(command, Outcome::heard).await?;
        let mut outcomes = outcomes.into_iter();
        let mut rows = Vec::with_capacity(items.len());
        for one in &items {
            rows.push(match &one.evidence {
                Err(findings) => Row {
                    id: None,
                    status: Kind::ReceiptUnreadable.status(),
                    outcome: "unreadable",
                    findings: FindingText::all(findings),
                },
                Ok(evidence) => {
                    let outcome = outcomes.next();
                    let outcome = outcome.ok_or_else(|| Refused::from(Kind::Defect))?;
                    let item = evidence.item();
                    let telemetry = &self.parts.telemetry;
                    telemetry.record(Event::heard(endpoint, outcome, item));
                    row(item, outcome)
                }
            });
        }
        Ok(rows)
    }
}

fn row(item: Option<&Item>, outcome: HeardOutcome) -> Row {
    let (status, outcome) = match outcome {
        HeardOutcome::Recorded => (200, "recorded"),
        HeardOutcome::Known => (200, "known"),
        HeardOutcome::Orphan(cause) | HeardOutcome::OrphanAgain(cause) => kept(cause),
    };
    Row {
        id: item.map(|item| item.id().to_string()),
        status,
        outcome,
        findings: Vec::new(),
    }
}

/// The answer to what is kept and moves nothing, also when it comes again.
fn kept(cause: OrphanCause) -> (u16, &'static str) {
    match cause {
        OrphanCause::UnknownLot => (202, "kept: unknown lot"),
        OrphanCause::UnknownDocument => (202, "kept: unknown document"),
        OrphanCause::OtherDigest => (202, "kept: other digest"),
        OrphanCause::OtherContent => (202, "kept: other content"),
        OrphanCause::Signature => (202, "kept: signature"),
        OrphanCause::TooMany => (202, "kept: too many"),
        OrphanCause::Unreadable | OrphanCause::UnreadableFeed => (202, "kept: unreadable"),
        OrphanCause::OtherDestination => (403, "foreign"),
    }
}

/// The answer to an item handed in alone: the status of its row.
fn alone(rows: Vec<Row>) -> Result<Response, Refused> {
    match rows.first().map(|row| row.status) {
        Some(status @ (200 | 202)) => Ok(json(status, &Pushed { items: rows })),
        Some(403) => Err(Kind::ForeignReceipt.into()),
        Some(_) | None => Err(Kind::Defect.into()),
    }
}

fn unreadable(findings: &[Finding]) -> Refused {
    Problem::findings(Kind::ReceiptUnreadable, findings).into()
}
