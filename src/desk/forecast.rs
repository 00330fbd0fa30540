//! `GET /v1/centres/{finess}/forecast`: where the year of a centre ends at the present pace.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::access::{Action, Rates};
use crate::claims::id::Finess;
use crate::claims::standing::Standing;
use crate::formats::json::problem::Kind;
use crate::report::forecast;

use super::Desk;
use super::answer::{Refused, json};
use super::door::{Entered, Part};

/// For the calendar year of today.
pub(super) async fn of_centre(
    State(desk): State<Arc<Desk>>,
    Part(finess): Part<String>,
    Entered(caller): Entered,
) -> Result<Response, Refused> {
    let finess = Finess::parse(&finess).map_err(|_| Kind::AddressInvalid)?;
    desk.allow(&caller, Action::ReadRates(Rates::Of(finess)))
        .await?;
    let today = desk.parts.clock.now().day();
    let snapshot = desk.snapshot();
    let refusals = desk.refusals(finess, today.year()).await?;
    let agreements = &desk.parts.agreements;
    let found = forecast::of_centre(&snapshot, agreements, finess, refusals, today);
    let found = found.map_err(|error| desk.without_rate(&error))?;
    Ok(json(200, &found.ok_or(Kind::ForecastEmpty)?))
}

impl Desk {
    /// Documents of a year that stand refused, by the insurer's code.
    async fn refusals(&self, centre: Finess, year: i32) -> Result<BTreeMap<String, i64>, Refused> {
        let lines = self.parts.store.lines(centre).await;
        let lines = lines.map_err(|error| self.unread(&error))?;
        let mut refusals = BTreeMap::new();
        for line in lines.lines {
            let [cell, ..] = line.cells;
            let stands = matches!(cell.standing, Standing::Refused | Standing::Lapsed);
            if stands && cell.day.year() == year {
                let code = line
                    .refusal
                    .map_or("none".to_owned(), |code| code.to_string());
                *refusals.entry(code).or_default() += 1;
            }
        }
        Ok(refusals)
    }
}
