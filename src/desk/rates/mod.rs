//! Rates from the keeper's snapshot: of one centre, of all that the caller may see, and of groups of them, as
//! JSON or CSV.

pub(super) mod forecast;
pub(super) mod past;
pub(super) mod periods;
pub(super) mod statements;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::access::{Action, Caller, Forbidden, Rates};
use crate::claims::aggregate::{By, Filter};
use crate::claims::id::{Amo, Finess, Name};
use crate::claims::period::Period;
use crate::claims::registry::{Category, Registry};
use crate::claims::time::Day;
use crate::desk::Desk;
use crate::desk::answer::{Format, parameter};
use crate::desk::door::{Entered, gestionnaire};
use crate::formats::json::problem;
use crate::http::answer::{Refused, bytes, json};
use crate::http::door::{Asked, Part};
use crate::report::count::snapshot::Snapshot;
use crate::report::rate::table;
use crate::report::rate::{self, Selection};
use crate::telemetry::event::Denial;

/// Which rate of a centre.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct OfCentre {
    period: Option<String>,
    from: Option<String>,
    until: Option<String>,
    /// The position up to which the answer is recomputed; the last count when it is not said.
    as_of: Option<u64>,
}

/// Which rates.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct OfAll {
    /// How centres are put together; each alone when it is not said.
    by: Option<String>,
    period: Option<String>,
    /// First and last day, instead of a period.
    from: Option<String>,
    until: Option<String>,
    centre: Option<String>,
    gestionnaire: Option<String>,
    category: Option<String>,
    caisse: Option<String>,
    agreement: Option<String>,
    /// The position up to which the answer is recomputed; the last count when it is not said.
    as_of: Option<u64>,
    /// What `next` of the page before said.
    after: Option<String>,
    /// `json` or `csv`; otherwise as `Accept` says.
    format: Option<String>,
}

/// `GET /v1/centres/{finess}/rate?period=`.
pub(in crate::desk) async fn of_centre(
    State(desk): State<Arc<Desk>>,
    Part(finess): Part<String>,
    Entered(caller): Entered,
    Asked(query): Asked<OfCentre>,
) -> Result<Response, Refused> {
    let finess = Finess::parse(&finess).map_err(|_| problem::Kind::AddressInvalid)?;
    let action = Action::ReadRates(Rates::Of(finess));
    desk.allow(&caller, action).await?;
    let days = (query.from.as_deref(), query.until.as_deref());
    let period = desk.period(query.period.as_deref(), days)?;
    let snapshot = desk.snapshot_at(query.as_of, BTreeSet::from([finess]));
    let snapshot = snapshot.await?;
    let rate = rate::of_centre(&snapshot, &desk.parts.agreements, finess, period);
    let rate = rate.map_err(|error| desk.without_rate(&error))?;
    Ok(json(200, &rate))
}

/// `GET /v1/rates?by=&period=`: the centres that the caller may see, each alone or put together.
pub(in crate::desk) async fn of_all(
    State(desk): State<Arc<Desk>>,
    Entered(caller): Entered,
    Asked(query): Asked<OfAll>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    desk.reads_rates(&caller)?;
    let days = (query.from.as_deref(), query.until.as_deref());
    let period = desk.period(query.period.as_deref(), days)?;
    let by = query.by.as_deref().map_or(Some(By::Centre), By::parse);
    let by = by.ok_or_else(|| Refused::parameter("by"))?;
    let filter = query.filter()?;
    let format = Format::asked(query.format.as_deref(), &headers)?;
    // Who may see a centre is decided by its registration of today, also of an earlier answer.
    let (last, scope) = (desk.snapshot(), desk.scope(&caller));
    let asked = |finess: &Finess| filter.centre.is_none_or(|centre| centre == *finess);
    let centres = last.centres.keys().copied();
    let centres = centres.filter(|finess| asked(finess) && scope(*finess));
    let snapshot = desk.snapshot_at(query.as_of, centres.collect()).await?;
    let registry = match by {
        By::Gestionnaire | By::Caisse => {
            let registry = desk.parts.store.registry().await;
            registry.map_err(|error| desk.unread(&error))?
        }
        By::Centre | By::Category | By::Agreement | By::All => Registry::default(),
    };
    let selection = Selection {
        scope: &scope,
        filter: &filter,
        after: query.after.as_deref(),
        most: desk.parts.config.rates_centres.get(),
    };
    let agreements = &desk.parts.agreements;
    match by {
        By::Centre => {
            let rates = rate::of_all(&snapshot, agreements, period, &selection);
            let rates = rates.map_err(|error| desk.without_rate(&error))?;
            let next = rates.next.clone();
            Ok(write(&rates, table::of_centres, format, (&uri, next)))
        }
        By::Gestionnaire | By::Category | By::Caisse | By::Agreement | By::All => {
            let groups = rate::of_groups(&snapshot, agreements, (by, period), &selection);
            let mut groups = groups.map_err(|error| desk.without_rate(&error))?;
            groups.named((by, period), &registry);
            let next = groups.next.clone();
            Ok(write(&groups, table::of_groups, format, (&uri, next)))
        }
    }
}

fn write<T: Serialize>(
    rates: &T,
    table: impl Fn(&T) -> String,
    format: Format,
    (uri, next): (&Uri, Option<String>),
) -> Response {
    let mut response = match format {
        Format::Json => json(200, rates),
        Format::Csv => bytes(200, "text/csv; charset=utf-8", table(rates)),
    };
    if let Some(next) = next {
        // RFC 8288: the only way for CSV to say that there is more.
        let link = format!("<{}>; rel=\"next\"", following(uri, &next));
        if let Ok(link) = HeaderValue::from_str(&link) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    response
}

/// The same question about the page after this one.
fn following(uri: &Uri, next: &str) -> String {
    let mut path = format!("{}?", uri.path());
    let asked = uri.query().unwrap_or_default().split('&');
    for pair in asked.filter(|pair| !pair.is_empty() && !pair.starts_with("after=")) {
        path.push_str(pair);
        path.push('&');
    }
    path.push_str("after=");
    for byte in next.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' => {
                path.push(char::from(byte));
            }
            other => write!(path, "%{other:02X}").expect("a string takes every text"),
        }
    }
    path
}

impl OfAll {
    fn filter(&self) -> Result<Filter, Refused> {
        let name = |text: &str| Name::parse(text).ok();
        Ok(Filter {
            centre: parameter("centre", &self.centre, |text| Finess::parse(text).ok())?,
            gestionnaire: parameter("gestionnaire", &self.gestionnaire, name)?,
            category: parameter("category", &self.category, Category::parse)?,
            caisse: parameter("caisse", &self.caisse, |text| Amo::parse(text).ok())?,
            agreement: parameter("agreement", &self.agreement, name)?,
        })
    }
}

impl Desk {
    /// What was counted last.
    pub(in crate::desk) fn snapshot(&self) -> Arc<Snapshot> {
        self.parts.snapshots.borrow().clone()
    }

    /// Whose rates a caller may see, by the registrations that were counted last.
    pub(in crate::desk) fn scope<'a>(
        &self,
        caller: &'a Caller,
    ) -> impl Fn(Finess) -> bool + use<'a> {
        let (last, today) = (self.snapshot(), self.parts.clock.now().day());
        move |finess| {
            let action = Action::ReadRates(Rates::Of(finess));
            let of = |finess| gestionnaire(&last.centres.get(&finess)?.versions, today);
            caller.may(action, of).is_ok()
        }
    }

    /// Refuses roles that read no rates at all; a centre reads those in its scope.
    pub(in crate::desk) fn reads_rates(&self, caller: &Caller) -> Result<(), Refused> {
        match caller.may(Action::ReadRates(Rates::All), |_| None) {
            Ok(()) | Err(Forbidden::Scope) => Ok(()),
            Err(Forbidden::Role) => {
                self.deny(Denial::Scope);
                Err(Forbidden::Role.into())
            }
        }
    }

    /// The period asked for, by name or by its first and last day; the year to date when none is named.
    pub(in crate::desk) fn period(
        &self,
        text: Option<&str>,
        days: (Option<&str>, Option<&str>),
    ) -> Result<Period, Refused> {
        let today = self.parts.clock.now().day();
        match (text, days) {
            (text, (None, None)) => {
                let period = Period::parse(text.unwrap_or("ytd"), today);
                period.map_err(|_| Refused::parameter("period"))
            }
            (None, (Some(from), Some(until))) => {
                let from = Day::parse(from).ok_or_else(|| Refused::parameter("from"))?;
                let until = Day::parse(until).ok_or_else(|| Refused::parameter("until"))?;
                Period::days(from, until).map_err(|_| Refused::parameter("until"))
            }
            (Some(_), _) => Err(Refused::parameter("period")),
            (None, (None, Some(_))) => Err(Refused::parameter("from")),
            (None, (Some(_), None)) => Err(Refused::parameter("until")),
        }
    }
}
