//! Periods: an operator closes one, with a reason; whoever may read a centre's rates sees what was frozen, the
//! rate of today and every correction between them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::access::{Action, Rates};
use crate::claims::id::Finess;
use crate::desk::Desk;
use crate::desk::door::{Entered, Operator};
use crate::desk::order::Order;
use crate::formats::json::problem;
use crate::http::answer::{Refused, json};
use crate::http::door::{Asked, Part};
use crate::report::rate::closing::{self, ClosingShape};
use crate::store::{Closing, Command};

/// Which period.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct Named {
    period: Option<String>,
    /// One centre; all when none is named.
    centre: Option<String>,
}

/// Which closed periods of a centre.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct OfCentre {
    period: Option<String>,
}

/// All closings.
#[derive(Debug, Serialize)]
struct Closings {
    closings: Vec<ClosingShape>,
}

/// `POST /v1/periods/close?period=&centre=`: the body is an order with the reason. Safe to repeat.
pub(in crate::desk) async fn close(
    State(desk): State<Arc<Desk>>,
    operator: Operator,
    Asked(query): Asked<Named>,
    body: Body,
) -> Result<Response, Refused> {
    let period = desk.named(query.period.as_deref())?;
    let period = period.ok_or_else(|| Refused::parameter("period"))?;
    if period.to() >= desk.parts.clock.now().day() {
        return Err(problem::Kind::PeriodNotEnded.into());
    }
    let centre = query.centre.as_deref().map(Finess::parse).transpose();
    let centre = centre.map_err(|_| Refused::parameter("centre"))?;
    if centre.is_some_and(|centre| !desk.snapshot().centres.contains_key(&centre)) {
        return Err(problem::Kind::CentreUnknown.into());
    }
    let order: Order = desk.order(body, 0).await?;
    let command = Command::Close {
        period,
        centres: centre.into_iter().collect(),
        actor: operator.actor(),
        policies: desk.parts.agreements.all().cloned().collect(),
        reason: desk.reason(&order.reason)?,
    };
    match desk.decide(command).await? {
        Ok(_) => desk.closings_shown().await,
        Err(conflict) => Err(Refused::from(&conflict)),
    }
}

/// `GET /v1/periods`: every closing.
pub(in crate::desk) async fn list(
    State(desk): State<Arc<Desk>>,
    Entered(caller): Entered,
) -> Result<Response, Refused> {
    desk.allow(&caller, Action::ReadRates(Rates::All)).await?;
    desk.closings_shown().await
}

/// `GET /v1/centres/{finess}/periods?period=`: what was frozen, what it is now, and why.
pub(in crate::desk) async fn of_centre(
    State(desk): State<Arc<Desk>>,
    Part(finess): Part<String>,
    Entered(caller): Entered,
    Asked(query): Asked<OfCentre>,
) -> Result<Response, Refused> {
    let finess = Finess::parse(&finess).map_err(|_| problem::Kind::AddressInvalid)?;
    desk.allow(&caller, Action::ReadRates(Rates::Of(finess)))
        .await?;
    let period = desk.named(query.period.as_deref())?;
    let upto = desk.snapshot().position;
    let _turn = desk.past.try_lock().map_err(|_| desk.occupied())?;
    let mut closings = desk.closings().await?;
    closings.retain(|found| period.is_none_or(|period| period == found.closed.period));
    let (store, bounds) = (&*desk.parts.store, desk.parts.past);
    let reading = closing::all_of_centre(store, &closings, finess, upto, bounds);
    let periods = desk.bounded(reading).await?;
    Ok(json(200, &periods))
}

impl Desk {
    async fn closings(&self) -> Result<Vec<Closing>, Refused> {
        let found = self.parts.store.closings().await;
        found.map_err(|error| self.unread(&error))
    }

    async fn closings_shown(&self) -> Result<Response, Refused> {
        let closings = self.closings().await?;
        let closings = closings.iter().map(ClosingShape::from).collect();
        Ok(json(200, &Closings { closings }))
    }
}
