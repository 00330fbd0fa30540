//! `GET /v1/centres/{finess}/forecast`: where the year of a centre ends at the present pace.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::access::{Action, Rates};
use crate::claims::id::Finess;
use crate::desk::Desk;
use crate::desk::door::Entered;
use crate::formats::json::problem::Kind;
use crate::http::answer::{Refused, json};
use crate::http::door::Part;
use crate::report::rate::forecast;

/// For the calendar year of today.
pub(in crate::desk) async fn of_centre(
    State(desk): State<Arc<Desk>>,
    Part(finess): Part<String>,
    Entered(caller): Entered,
) -> Result<Response, Refused> {
    let finess = Finess::parse(&finess).map_err(|_| Kind::AddressInvalid)?;
    desk.allow(&caller, Action::ReadRates(Rates::Of(finess)))
        .await?;
    let today = desk.parts.clock.now().day();
    let snapshot = desk.snapshot();
    let lines = desk.parts.store.lines(finess).await;
    let lines = lines.map_err(|error| desk.unread(&error))?.lines;
    let agreements = &desk.parts.agreements;
    let found = forecast::of_centre(&snapshot, agreements, finess, &lines, today);
    let found = found.map_err(|error| desk.without_rate(&error))?;
    Ok(json(200, &found.ok_or(Kind::ForecastEmpty)?))
}
