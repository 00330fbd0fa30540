//! Whether a reconciliation says again what a former one says: then that one is the answer, and nothing is written.
//!
//! It must be of the same figures and days, no entry since may change a count, and the result must be the same but for
//! the positions that it was read at: so another policy or another route makes another reconciliation.

use crate::claims::entry::{Entry, Position};
use crate::claims::id::Digest;
use crate::claims::period::Period;
use crate::report::rate::closing::cause;
use crate::report::reconciliation::text::Outcome;
use crate::store::{BodyId, Error, RunRecord, Store};

/// Entries since a former run that are looked at; after more of them it is made anew.
const LOOKED_AT: usize = 1_000;

/// The last reconciliation of these figures and days, if it says what this one would say.
///
/// # Errors
/// When the store cannot be read.
pub async fn like(
    store: &dyn Store,
    found: &Outcome,
    (figures, period): (Digest, Period),
) -> Result<Option<RunRecord>, Error> {
    let is_like = |record: &&RunRecord| {
        let run = &record.run;
        run.figures == figures && (run.from, run.to) == (period.from(), period.to())
    };
    let runs = store.runs().await?;
    let Some(last) = runs.iter().rfind(is_like) else {
        return Ok(None);
    };
    let since = store.entries(last.run.position, LOOKED_AT + 1).await?;
    let is_quiet = since.len() <= LOOKED_AT
        && since
            .iter()
            .all(|(_, stamped)| !may_change_a_count(&stamped.entry));
    if !is_quiet {
        return Ok(None);
    }
    let kept = store.body(BodyId::Entry(last.position)).await?;
    let said: Option<Outcome> = kept.and_then(|kept| serde_json::from_slice(&kept.bytes).ok());
    let repeats = said.is_some_and(|said| timeless(said) == timeless(found.clone()));
    Ok(repeats.then(|| last.clone()))
}

/// What it says, wherever it was read.
fn timeless(mut outcome: Outcome) -> Outcome {
    let Position(nowhere) = Position::default();
    outcome.position = nowhere;
    for centre in &mut outcome.centres {
        centre.position = nowhere;
    }
    outcome
}

/// Whether units, sheets or the registry can be others after an entry.
fn may_change_a_count(entry: &Entry) -> bool {
    matches!(entry, Entry::Registered(_)) || cause(entry).is_some()
}
