//! Lots: an envelope of many documents, opened here and gone.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;

use super::Intake;
use super::admission::refusing;
use super::body::Media;
use super::door::Entered;
use super::fate::{Fate, Post};
use super::judging::Opened;
use crate::access::Caller;
use crate::claims::entry::TurnedAway;
use crate::claims::finding::Finding;
use crate::formats::json::posted;
use crate::formats::json::problem::{About, Kind, Problem};
use crate::http::answer::{Refused, json};
use crate::http::door::query;
use crate::store::Unity;
use crate::telemetry::event::Event;

/// How a lot is asked to be taken.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    atomic: Option<String>,
}

/// `POST /v1/lots[?atomic=true]`: 200 with a row for each document; 422 when the envelope cannot be read,
/// or when all or none are wanted and one fails.
pub(super) async fn post(
    State(intake): State<Arc<Intake>>,
    entered: Entered,
    request: Request,
) -> Result<Response, Refused> {
    let caller = entered.for_admission(&intake)?;
    let unity = unity(request.uri())?;
    let cap = intake.config.lot_bytes;
    let posted = intake.read(request, Media::Xml, cap).await?;
    let bench = intake.bench(&caller).await;
    let open = move |bytes: &Bytes| bench.lot(bytes);
    let documents = match intake.work(posted.bytes.clone(), open).await? {
        Opened::Unreadable(findings) => return intake.unreadable(&caller, findings).await,
        Opened::TooMany => {
            let limit = intake.config.lot_documents;
            return Err(Problem::limit(Kind::TooMany, limit).into());
        }
        Opened::Documents(documents) => documents,
    };
    let posts = documents.into_iter().map(|(range, judged)| Post {
        bytes: posted.bytes.slice(range),
        judged,
    });
    let fates = intake.admit(&caller, posts.collect(), unity).await?;
    let rows: Vec<_> = fates.iter().map(Fate::row).collect();
    if unity == Unity::Together && !fates.iter().all(Fate::is_admitted) {
        let documents = Some(rows);
        let about = About {
            documents,
            ..About::default()
        };
        return Err(Problem::new(Kind::LotTurnedAway, about).into());
    }
    Ok(json(200, &posted::Lot { documents: rows }))
}

impl Intake {
    /// An envelope that cannot be read is one post turned away, of no centre and no kind.
    async fn unreadable(
        &self,
        caller: &Caller,
        findings: Vec<Finding>,
    ) -> Result<Response, Refused> {
        let entry = TurnedAway {
            centre: None,
            kind: None,
            caller: caller.name().clone(),
            codes: refusing(&findings),
        };
        self.record_turned_away(vec![entry]).await?;
        let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
        self.parts.telemetry.record(Event::TurnedAway {
            kind: None,
            caller: caller.name(),
            codes: &codes,
        });
        Err(Problem::findings(Kind::LotUnreadable, &findings).into())
    }
}

/// Reads the query: `?atomic=1` must not quietly mean `false`.
fn unity(uri: &Uri) -> Result<Unity, Refused> {
    let asked: Asked = query(uri)?;
    match asked.atomic.as_deref() {
        None | Some("false") => Ok(Unity::Each),
        Some("true") => Ok(Unity::Together),
        Some(_) => Err(Refused::parameter("atomic")),
    }
}
