//! Rates from the keeper's snapshot: of one centre, and of all that the caller may see, as JSON or CSV.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use serde::Deserialize;

use crate::access::{Action, Caller, Forbidden, Rates};
use crate::claims::id::Finess;
use crate::claims::period::Period;
use crate::formats::json::problem;
use crate::report::rates::{self, Selection};
use crate::report::snapshot::Snapshot;
use crate::telemetry::event::Denial;

use super::Desk;
use super::answer::{Refused, bytes, json};
use super::door::{Asked, Entered, Part, gestionnaire};

/// Which rate of a centre.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfCentre {
    period: Option<String>,
}

/// Which rates.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfAll {
    period: Option<String>,
    /// Centres after this one.
    after: Option<String>,
    /// `json` or `csv`; otherwise as `Accept` says.
    format: Option<String>,
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
}

/// `GET /v1/centres/{finess}/rate?period=`.
pub(super) async fn of_centre(
    State(desk): State<Arc<Desk>>,
    Part(finess): Part<String>,
    Entered(caller): Entered,
    Asked(query): Asked<OfCentre>,
) -> Result<Response, Refused> {
    let finess = Finess::parse(&finess).map_err(|_| problem::Kind::AddressInvalid)?;
    let action = Action::ReadRates(Rates::Of(finess));
    desk.allow(&caller, action).await?;
    let period = desk.period(query.period.as_deref())?;
    let snapshot = desk.snapshot();
    let rate = rates::of_centre(&snapshot, &desk.parts.agreements, finess, period);
    let rate = rate.map_err(|error| desk.without_rate(&error))?;
    Ok(json(200, &rate))
}

/// `GET /v1/rates?period=`: the centres that the caller may see.
pub(super) async fn of_all(
    State(desk): State<Arc<Desk>>,
    Entered(caller): Entered,
    Asked(query): Asked<OfAll>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let snapshot = desk.snapshot();
    desk.reads_rates(&caller)?;
    let period = desk.period(query.period.as_deref())?;
    let after = query.after.as_deref().map(Finess::parse).transpose();
    let after = after.map_err(|_| Refused::parameter("after"))?;
    let today = desk.parts.clock.now().day();
    let scope = |finess: Finess| {
        let action = Action::ReadRates(Rates::Of(finess));
        let of = |finess| gestionnaire(&snapshot.centres.get(&finess)?.versions, today);
        caller.may(action, of).is_ok()
    };
    let selection = Selection {
        scope: &scope,
        after,
        most: desk.parts.config.rates_centres.get(),
    };
    let format = query.format(&headers)?;
    let rates = rates::of_all(&snapshot, &desk.parts.agreements, period, &selection);
    let rates = rates.map_err(|error| desk.without_rate(&error))?;
    Ok(write(&rates, format))
}

fn write(rates: &rates::Rates, format: Format) -> Response {
    let mut response = match format {
        Format::Json => json(200, rates),
        Format::Csv => bytes(200, "text/csv; charset=utf-8", rates::csv(rates)),
    };
    if let Some(next) = &rates.next {
        // RFC 8288: the only way for CSV to say that there is more.
        let period = rates.period.name.replace('/', "%2F");
        let link = format!("</v1/rates?period={period}&after={next}>; rel=\"next\"");
        if let Ok(link) = HeaderValue::from_str(&link) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    response
}

impl OfAll {
    fn format(&self, headers: &HeaderMap) -> Result<Format, Refused> {
        match self.format.as_deref() {
            Some("json") => Ok(Format::Json),
            Some("csv") => Ok(Format::Csv),
            Some(_) => Err(Refused::parameter("format")),
            None => {
                let accept = headers.get(header::ACCEPT);
                let csv = accept.is_some_and(|accept| accept.as_bytes().starts_with(b"text/csv"));
                Ok(if csv { Format::Csv } else { Format::Json })
            }
        }
    }
}

impl Desk {
    /// What was counted last.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.parts.snapshots.borrow().clone()
    }

    /// Refuses roles that read no rates at all; a centre reads those in its scope.
    fn reads_rates(&self, caller: &Caller) -> Result<(), Refused> {
        match caller.may(Action::ReadRates(Rates::All), |_| None) {
            Ok(()) | Err(Forbidden::Scope) => Ok(()),
            Err(Forbidden::Role) => {
                self.deny(Denial::Scope);
                Err(Forbidden::Role.into())
            }
        }
    }

    /// The period asked for; the year to date when none is named.
    fn period(&self, text: Option<&str>) -> Result<Period, Refused> {
        let today = self.parts.clock.now().day();
        let period = Period::parse(text.unwrap_or("ytd"), today);
        period.map_err(|_| Refused::parameter("period"))
    }
}
