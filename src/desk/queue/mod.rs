//! `GET /v1/queue`, and the loop that keeps the survey behind it and behind the metrics.

pub mod survey;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::claims::lane::Failure;
use crate::claims::time::Timestamp;
use crate::desk::Desk;
use crate::desk::door::Operator;
use crate::desk::operate::hand::gate_word;
use crate::desk::operate::restoration::sending_word;
use crate::desk::queue::survey::{Survey, Surveyor, Waiting};
use crate::http::answer::{Refused, json};
use crate::store::{self, EndpointRecord};

/// A survey takes at most one part in so many of the time.
const SHARE: u32 = 10;

/// The queue as operators see it.
#[derive(Debug, Serialize)]
struct QueueText {
    /// True at least up to this entry.
    position: u64,
    at: String,
    /// `open`, or `waits` for the resume after a restore.
    sending: &'static str,
    /// Documents that are not finished.
    documents: u64,
    /// Documents without a next instant: always 0.
    stuck: u64,
    /// Documents not proven to be transmitted, or owed on paper, by deadline.
    deadlines: BTreeMap<&'static str, u64>,
    /// Documents not transmitted whose last day has not ended, and that are past an alert, by its hours.
    alerted: Vec<AlertedText>,
    endpoints: Vec<EndpointText>,
    /// Documents whose insurer no endpoint serves.
    unrouted: WaitingText,
}

#[derive(Debug, Serialize)]
struct AlertedText {
    hours: u16,
    documents: u64,
}

#[derive(Debug, Serialize)]
struct EndpointText {
    endpoint: String,
    /// `open` or `held`.
    gate: &'static str,
    /// What it failed by in its last exchange since the start; null once it served.
    failure: Option<FailureText>,
    #[serde(flatten)]
    waiting: WaitingText,
}

#[derive(Debug, Serialize)]
struct FailureText {
    reason: &'static str,
    at: String,
}

#[derive(Debug, Serialize)]
struct WaitingText {
    documents: u64,
    standings: BTreeMap<&'static str, u64>,
    reasons: BTreeMap<&'static str, u64>,
    /// When the oldest was admitted that is not transmitted.
    oldest: Option<String>,
    oldest_seconds: u64,
}

/// `GET /v1/queue`: what is not finished, where, why and since when.
pub(in crate::desk) async fn get(
    State(desk): State<Arc<Desk>>,
    _operator: Operator,
) -> Result<Response, Refused> {
    let unread = |error: store::Error| desk.unread(&error);
    let survey = desk.survey().await.map_err(unread)?;
    let gates = desk.parts.store.endpoints().await.map_err(unread)?;
    let restored = desk.parts.custody.restoration().await.map_err(unread)?;
    let now = desk.parts.clock.now();
    let endpoints = survey.endpoints.iter().map(|(endpoint, waiting)| {
        let gate = EndpointRecord::gate_of(&gates, survey.routes.system(endpoint));
        EndpointText {
            endpoint: endpoint.to_string(),
            gate: gate_word(gate),
            failure: desk.parts.lanes.failure(endpoint).map(FailureText::from),
            waiting: WaitingText::of(waiting, now),
        }
    });
    let deadlines = survey.deadlines.iter();
    let text = QueueText {
        position: survey.position.0,
        at: survey.at.to_string(),
        sending: sending_word(restored.as_ref()),
        documents: survey.documents(),
        stuck: survey.stuck,
        deadlines: deadlines
            .map(|(stands, count)| (stands.as_str(), *count))
            .collect(),
        alerted: survey
            .alerted
            .iter()
            .copied()
            .map(AlertedText::from)
            .collect(),
        endpoints: endpoints.collect(),
        unrouted: WaitingText::of(&survey.unrouted, now),
    };
    Ok(json(200, &text))
}

impl From<(u16, u64)> for AlertedText {
    fn from((hours, documents): (u16, u64)) -> AlertedText {
        AlertedText { hours, documents }
    }
}

impl From<Failure> for FailureText {
    fn from(failure: Failure) -> FailureText {
        FailureText {
            reason: failure.reason.as_str(),
            at: failure.at.to_string(),
        }
    }
}

impl WaitingText {
    fn of(waiting: &Waiting, now: Timestamp) -> WaitingText {
        let stages = waiting.stages.iter();
        let reasons = waiting.reasons.iter();
        WaitingText {
            documents: waiting.documents(),
            standings: stages
                .map(|(stage, count)| (stage.as_str(), *count))
                .collect(),
            reasons: reasons
                .map(|(reason, count)| (reason.as_str(), *count))
                .collect(),
            oldest: waiting.oldest.map(|oldest| oldest.to_string()),
            oldest_seconds: waiting.age(now).as_secs(),
        }
    }
}

impl Desk {
    /// The survey of the present ledger: the last one, or a new one where entries came since, the routes are others, or
    /// time has passed by which documents stand otherwise to their deadlines.
    pub(in crate::desk) async fn survey(&self) -> Result<Arc<Survey>, store::Error> {
        let mut last = self.surveyed.lock().await;
        let position = self.parts.store.health().position;
        let now = self.parts.clock.now();
        let routes = Arc::clone(&self.parts.routes.borrow());
        if let Some(survey) = last.as_ref()
            && survey.position == position
            && survey.routes == routes
            && (survey.at..survey.until).contains(&now)
        {
            return Ok(survey.clone());
        }
        let surveyor = Surveyor {
            store: self.parts.store.as_ref(),
            custody: self.parts.custody.as_ref(),
            routes: &routes,
            lanes: &self.parts.lanes,
            page: self.parts.config.survey_page.get(),
            alerts: &self.parts.config.alert_hours,
        };
        let survey = Arc::new(surveyor.survey(now).await?);
        *last = Some(survey.clone());
        Ok(survey)
    }

    /// The last survey, if one was taken and none is being taken.
    pub(in crate::desk) fn last_survey(&self) -> Option<Arc<Survey>> {
        self.surveyed.try_lock().ok()?.clone()
    }

    /// Surveys the queue whenever the ledger has grown, the routes are others or a survey is out of date, for the
    /// metrics, until it is told to stop.
    pub async fn watch_queue(self: Arc<Desk>, shutdown: CancellationToken) {
        let mut grown = self.parts.store.watch();
        let mut routes = self.parts.routes.clone();
        let rounds = async {
            loop {
                grown.mark_unchanged();
                routes.mark_unchanged();
                let began = Instant::now();
                let until = match self.survey().await {
                    Ok(survey) => survey.until,
                    // The last survey stays, and so do the gauges: a person must know that they are old.
                    Err(error) => {
                        tracing::warn!(%error, "the queue cannot be surveyed");
                        self.parts.clock.now().day().end()
                    }
                };
                let pause = self.parts.config.survey().max(began.elapsed() * SHARE);
                sleep(pause).await;
                let rest = until.since(self.parts.clock.now());
                let is_open = tokio::select! {
                    changed = grown.changed() => changed.is_ok(),
                    Ok(()) = routes.changed() => true,
                    () = sleep(rest) => true,
                };
                if !is_open {
                    return std::future::pending().await;
                }
            }
        };
        shutdown.run_until_cancelled(rounds).await;
    }
}
