//! Single documents: posted, validated without a trace, cancelled.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::Intake;
use super::body::Media;
use super::door::Entered;
use super::fate::Post;
use super::judging::Judgement;
use crate::access::Action;
use crate::claims::finding::Finding;
use crate::claims::id::DocumentId;
use crate::claims::standing::Standing;
use crate::formats::json::finding::FindingText;
use crate::formats::json::posted;
use crate::formats::json::problem::Kind;
use crate::http::answer::{Refused, json, of_conflict};
use crate::http::door::Part;
use crate::store::{Command, Find, Outcome, Unity};
use crate::telemetry::event::Denial;

/// `POST /v1/documents`: 202 admitted, 200 known, 409, 422.
pub(super) async fn post(
    State(intake): State<Arc<Intake>>,
    entered: Entered,
    request: Request,
) -> Result<Response, Refused> {
    let caller = entered.for_admission(&intake)?;
    let cap = intake.config.document_bytes;
    let posted = intake.read(request, Media::Xml, cap).await?;
    let bench = intake.bench(&caller).await;
    let judge = move |bytes: &bytes::Bytes| bench.document(bytes);
    let judged = intake.work(posted.bytes.clone(), judge).await?;
    let post = Post {
        bytes: posted.bytes.clone(),
        judged,
    };
    let fates = intake.admit(&caller, vec![post], Unity::Each).await?;
    let fate = fates.first().ok_or_else(|| Refused::from(Kind::Defect))?;
    fate.response()
}

/// `POST /v1/validate`: what a post would find; the ledger is neither asked nor changed.
pub(super) async fn validate(
    State(intake): State<Arc<Intake>>,
    entered: Entered,
    request: Request,
) -> Result<Response, Refused> {
    let caller = entered.for_centres(&intake)?;
    let cap = intake.config.document_bytes;
    let posted = intake.read(request, Media::Xml, cap).await?;
    let bench = intake.bench(&caller).await;
    let judge = move |bytes: &bytes::Bytes| bench.document(bytes);
    let judged = intake.work(posted.bytes.clone(), judge).await?;
    let deadline = match &judged.judgement {
        Judgement::Sound { deadline, .. } => *deadline,
        Judgement::Faulty => None,
        Judgement::Forbidden(forbidden) => {
            intake.deny(Denial::Scope);
            return Err((*forbidden).into());
        }
    };
    let validation = posted::Validation {
        valid: !Finding::refuses(&judged.findings),
        kind: judged.kind.map(|kind| kind.as_str()),
        number: judged.number.map(|number| number.to_string()),
        deadline: deadline.map(|day| day.to_string()),
        findings: FindingText::all(&judged.findings),
    };
    Ok(json(200, &validation))
}

/// `POST /v1/documents/{id}/cancel`: 200 cancelled, now or before; 409.
pub(super) async fn cancel(
    State(intake): State<Arc<Intake>>,
    Part(id): Part<String>,
    entered: Entered,
) -> Result<Response, Refused> {
    let caller = entered.for_centres(&intake)?;
    let unknown = || Refused::from(Kind::DocumentUnknown);
    let id = DocumentId::parse(&id).map_err(|_| unknown())?;
    let store = &intake.parts.store;
    let view = store.document(Find::Id(id)).await;
    let view = view.map_err(|error| intake.of_store(&error))?;
    let received = view.ok_or_else(unknown)?.record.received;
    let key = received.facts.key;
    let bench = intake.bench(&caller).await;
    // Another's document is as unknown as one that is not there.
    let is_own = bench.may(Action::PostDocument(key.centre)).is_ok();
    if !is_own || received.purpose != caller.purpose() {
        intake.deny(Denial::Scope);
        return Err(unknown());
    }
    let command = Command::Cancel {
        document: id,
        caller: caller.name().clone(),
    };
    match intake.decide(command, Outcome::done).await? {
        Ok(_) => Ok(json(
            200,
            &posted::Cancelled {
                id: id.to_string(),
                number: key.number.to_string(),
                kind: key.kind.as_str(),
                standing: Standing::Cancelled.as_str(),
            },
        )),
        Err(conflict) => Err(of_conflict(&conflict).into()),
    }
}
