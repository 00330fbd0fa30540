//! Declarations of the paper sheets of a day: the whole day is replaced.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::Intake;
use super::body::Media;
use super::door::Entered;
use crate::access::Action;
use crate::claims::document::Purpose;
use crate::claims::id::Finess;
use crate::claims::time::Day;
use crate::formats::json::declaration::{self, Declared};
use crate::formats::json::problem::{About, Kind, Problem};
use crate::http::answer::{Refused, json, of_conflict};
use crate::http::door::Part;
use crate::store::{Command, Outcome};
use crate::telemetry::event::Denial;

/// `PUT /v1/declarations/{finess}/{day}`: 200 with the day as declared; 409 when the centre is not open.
pub(super) async fn put(
    State(intake): State<Arc<Intake>>,
    Part((finess, day)): Part<(String, String)>,
    entered: Entered,
    request: Request,
) -> Result<Response, Refused> {
    let caller = entered.for_centres(&intake)?;
    let centre = Finess::parse(&finess).map_err(|_| Refused::from(Kind::AddressInvalid))?;
    let day = Day::parse(&day).ok_or_else(|| Refused::from(Kind::AddressInvalid))?;
    let bench = intake.bench(&caller).await;
    if let Err(forbidden) = bench.may(Action::Declare(centre)) {
        intake.deny(Denial::Scope);
        return Err(forbidden.into());
    }
    // Declared sheets are counted in the rate, and nothing of a test is.
    match caller.purpose() {
        Purpose::Real => {}
        Purpose::Test => return Err(Kind::TestForbidden.into()),
    }
    if day > bench.now.day() {
        return Err(Kind::DayAhead.into());
    }
    let cap = intake.config.declaration_bytes;
    let posted = intake.read(request, Media::Json, cap).await?;
    let rows = declaration::read(&posted.bytes).map_err(|faulty| {
        let pointer = Some(faulty.pointer);
        let about = About {
            pointer,
            ..About::default()
        };
        Problem::new(Kind::DeclarationFaulty, about)
    })?;
    let declared = Declared::new(centre, day, &rows);
    let command = Command::Declare {
        centre,
        day,
        caller: caller.name().clone(),
        rows,
    };
    match intake.decide(command, Outcome::done).await? {
        Ok(_) => Ok(json(200, &declared)),
        Err(conflict) => Err(of_conflict(&conflict).into()),
    }
}
