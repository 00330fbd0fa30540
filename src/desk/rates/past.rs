//! Earlier answers again, and what is behind a figure: `as_of=` and `GET /v1/rates/explain`.
//!
//! An earlier answer reads the ledger from its first entry, one at a time: who asks meanwhile is asked to wait. It
//! ends after a time that is set, when its caller leaves, and when the listeners close. The last recount of a single
//! centre is kept, so that paging through it costs one reading. What is behind a figure of now is read from the index:
//! the units of that centre alone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::access::Action;
use crate::claims::entry::Position;
use crate::claims::id::{DocumentId, Finess};
use crate::claims::place::Member;
use crate::desk::Desk;
use crate::desk::door::Entered;
use crate::formats::json::problem::{self, Problem};
use crate::http::answer::{Refused, json};
use crate::http::door::Asked;
use crate::report;
use crate::report::count::snapshot::Snapshot;
use crate::report::rate::explain::{self, Question};
use crate::report::rate::past::{self, Past};

/// The last recount of one centre.
pub(in crate::desk) struct Kept {
    centre: Finess,
    past: Arc<Past>,
}

/// Which cell is opened.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct Opened {
    centre: Option<String>,
    period: Option<String>,
    from: Option<String>,
    until: Option<String>,
    cell: Option<String>,
    as_of: Option<u64>,
    after: Option<String>,
}

/// `GET /v1/rates/explain?centre=&period=&cell=`: the documents behind a figure.
pub(in crate::desk) async fn explain(
    State(desk): State<Arc<Desk>>,
    Entered(caller): Entered,
    Asked(query): Asked<Opened>,
) -> Result<Response, Refused> {
    let centre = query.centre.as_deref().map(Finess::parse);
    let Some(Ok(centre)) = centre else {
        return Err(Refused::parameter("centre"));
    };
    desk.allow(&caller, Action::ReadDocument(centre)).await?;
    let days = (query.from.as_deref(), query.until.as_deref());
    let period = desk.period(query.period.as_deref(), days)?;
    let member = query.cell.as_deref().unwrap_or("denominator");
    let member = Member::parse(member).ok_or_else(|| Refused::parameter("cell"))?;
    let after = query.after.as_deref().map(DocumentId::parse).transpose();
    let question = Question {
        centre,
        period,
        member,
        after: after.map_err(|_| Refused::parameter("after"))?,
        most: desk.parts.config.explained_units.get(),
    };
    let (store, agreements) = (&*desk.parts.store, &desk.parts.agreements);
    let past = match query.as_of {
        Some(position) => desk.past_of(centre, Position(position)).await?,
        None => {
            let (last, now) = (desk.snapshot(), desk.parts.clock.now());
            let present = past::present(store, centre, &last, now).await;
            Arc::new(present.map_err(|error| desk.without_rate(&error))?)
        }
    };
    let explained = explain::explain(store, &past, agreements, question).await;
    let explained = explained.map_err(|error| desk.without_rate(&error))?;
    Ok(json(200, &explained))
}

impl Desk {
    /// What was counted last, or these centres as they were after an entry.
    pub(in crate::desk) async fn snapshot_at(
        &self,
        as_of: Option<u64>,
        centres: BTreeSet<Finess>,
    ) -> Result<Arc<Snapshot>, Refused> {
        let Some(position) = as_of else {
            return Ok(self.snapshot());
        };
        let _turn = self.past.try_lock().map_err(|_| self.occupied())?;
        let (store, bounds) = (&*self.parts.store, self.parts.past);
        let past = past::recount(store, centres, Position(position), bounds);
        let past = self.bounded(past).await?;
        Ok(Arc::new(past.snapshot))
    }

    /// One centre as it was after an entry, with its units.
    async fn past_of(&self, centre: Finess, position: Position) -> Result<Arc<Past>, Refused> {
        let mut kept = self.past.try_lock().map_err(|_| self.occupied())?;
        let known = kept
            .as_ref()
            .filter(|kept| kept.centre == centre && kept.past.snapshot.position == position);
        if let Some(kept) = known {
            return Ok(kept.past.clone());
        }
        let past = past::of_centre(&*self.parts.store, centre, position, self.parts.past);
        let past = Arc::new(self.bounded(past).await?);
        *kept = Some(Kept {
            centre,
            past: past.clone(),
        });
        Ok(past)
    }

    /// A reading of the whole ledger for one caller: cut off when it takes too long, and when the listeners close.
    pub(in crate::desk) async fn bounded<T>(
        &self,
        reading: impl Future<Output = Result<T, report::Error>>,
    ) -> Result<T, Refused> {
        let most = self.parts.config.past();
        tokio::select! {
            () = self.parts.closing.cancelled() => Err(self.later(problem::Kind::NotReady)),
            read = tokio::time::timeout(most, reading) => {
                let read = read.map_err(|_elapsed| too_long(most))?;
                read.map_err(|error| self.without_rate(&error))
            }
        }
    }

    /// The ledger is read for somebody else.
    pub(in crate::desk) fn occupied(&self) -> Refused {
        self.later(problem::Kind::NotReady)
    }
}

fn too_long(most: Duration) -> Refused {
    let seconds = usize::try_from(most.as_secs()).unwrap_or(usize::MAX);
    Problem::limit(problem::Kind::PastTooLong, seconds).into()
}
