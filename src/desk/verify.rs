//! `POST /v1/verify`: all three counts of the whole ledger, because an operator asks for them now.
//!
//! It reads and compares; the keeper's snapshot and its alert stay the keeper's.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::report::conservation::Conservation;

use super::Desk;
use super::answer::{Refused, json};
use super::door::Operator;

/// At most so many cells of a difference are named; the rest is only counted.
const TOLD: usize = 1_000;

/// Makes the counts and says where they differ.
pub(super) async fn verify(
    State(desk): State<Arc<Desk>>,
    _operator: Operator,
) -> Result<Response, Refused> {
    // One at a time: each holds some hundred bytes of every document.
    let _turn = desk.verifying.lock().await;
    let page = desk.parts.config.survey_page.get();
    let mut conservation = Conservation::new(desk.parts.store.clone(), page, TOLD);
    let account = conservation.account().await;
    let account = account.map_err(|error| desk.without_rate(&error))?;
    Ok(json(200, &account))
}
