//! Legal holds, and what would go: for operators alone.
//!
//! A hold is a command of the ledger like every other that steers; the plan is read from the store and clears nothing.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::claims::entry::Position;
use crate::claims::foundation;
use crate::claims::id::{DocumentId, Finess};
use crate::claims::retention::OnHold;
use crate::claims::time::{Day, Timestamp};
use crate::desk::Desk;
use crate::desk::door::Operator;
use crate::formats::json::problem::Kind;
use crate::http::answer::{Refused, json};
use crate::http::door::{Asked, Part};
use crate::store::retention::{Goes, HoldRecord, Plan, Planned, Sum};
use crate::store::{BodyId, Command, Conflict};

/// A legal hold as operators see it.
#[derive(Debug, Serialize)]
struct HoldText {
    /// Its number.
    hold: u64,
    placed: String,
    by: String,
    /// The reason it was placed for; null when its body cannot be found.
    reason: Option<String>,
    /// What it stands on: a document, or a centre and its days of care.
    document: Option<String>,
    centre: Option<String>,
    from: Option<String>,
    to: Option<String>,
    review: String,
    /// `standing`, `overdue` when the day of review has passed, or `lifted`.
    state: &'static str,
    lifted: Option<String>,
    lifted_by: Option<String>,
}

#[derive(Debug, Serialize)]
struct HoldsText {
    /// In the order in which they were placed.
    holds: Vec<HoldText>,
}

/// What is to be held: a document, or a centre and its days of care.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Placing {
    reason: String,
    review: String,
    document: Option<String>,
    centre: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

/// What would go.
#[derive(Debug, Serialize)]
struct PlanText {
    at: String,
    body_days: u32,
    wait_days: u32,
    past_percent: u32,
    segment_days: u32,
    /// When the next segment is due if nothing happens until then; null if none can be told.
    next: Option<String>,
    /// What the next run clears, by class.
    goes: Vec<SumText>,
    /// Segments that were looked into, oldest first.
    segments: Vec<SegmentText>,
    /// Segments in which nothing can be past its time.
    younger: u64,
    younger_from: Option<String>,
    /// The segment that is written to; null while it has no entry.
    open: Option<OpenText>,
    /// Segments that cannot be read whole, and stay until a person has looked.
    damaged: Vec<u64>,
    /// What was cleared so far.
    cleared: ClearedText,
    /// What would go of the proofs when a person has them go.
    proofs: ProofsText,
}

#[derive(Debug, Serialize)]
struct OpenText {
    begun: String,
    /// When it is ended, full or not.
    ends: String,
    /// Before this nothing in it is cleared.
    from: String,
}

#[derive(Debug, Serialize)]
struct ProofsText {
    months: u32,
    /// What ended before this instant is past its time.
    before: String,
    /// When the oldest entry was decided that no foundation stands for.
    oldest: Option<String>,
    /// From when on the oldest segment is past its time.
    from: Option<String>,
    /// Segments that are past their time.
    segments: u64,
    /// The last entry in them.
    upto: u64,
    /// Documents that were admitted in them and would go, but for those that others keep.
    goes: u64,
    /// Documents that stay.
    stays: u64,
}

#[derive(Debug, Serialize)]
struct SegmentText {
    segment: u64,
    begun: String,
    /// `now`, an instant, or null as long as everything in it is kept.
    due: Option<String>,
    past: Vec<SumText>,
    kept: Vec<SumText>,
}

#[derive(Debug, Serialize)]
struct SumText {
    class: &'static str,
    /// Why it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    bodies: u64,
    bytes: u64,
}

#[derive(Debug, Default, Serialize)]
struct ClearedText {
    segments: u64,
    bodies: u64,
    bytes: u64,
}

/// The day of which the plan is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct At {
    at: Option<String>,
}

/// `GET /v1/legal-holds`: all of them, lifted ones too.
pub(in crate::desk) async fn holds(
    State(desk): State<Arc<Desk>>,
    _operator: Operator,
) -> Result<Response, Refused> {
    let mut holds = Vec::new();
    for record in desk.legal_holds().await? {
        holds.push(desk.hold_text(record).await?);
    }
    Ok(json(200, &HoldsText { holds }))
}

/// `POST /v1/legal-holds`: what is named is kept until the hold is lifted.
pub(in crate::desk) async fn place(
    State(desk): State<Arc<Desk>>,
    operator: Operator,
    body: Body,
) -> Result<Response, Refused> {
    let order: Placing = desk.order(body, 0).await?;
    let reason = desk.reason(&order.reason)?;
    let on = order.on().map_err(Refused::order)?;
    let review = Day::parse(&order.review);
    let review = review.filter(|review| *review >= desk.parts.clock.now().day());
    let review = review.ok_or_else(|| Refused::order("review"))?;
    let command = Command::PlaceLegalHold {
        on: on.clone(),
        review,
        actor: operator.actor(),
    };
    match desk.steer(command, reason).await? {
        Ok(_) => {}
        Err(Conflict::Centre(_)) => return Err(Kind::CentreUnknown.into()),
        Err(conflict) => return Err(Refused::from(&conflict)),
    }
    let mut holds = desk.legal_holds().await?.into_iter().rev();
    let placed = holds.find(|record| {
        record.lifted.is_none() && record.hold.on == on && record.hold.review == review
    });
    let placed = desk.hold_text(placed.ok_or(Kind::Defect)?).await?;
    Ok(json(200, &placed))
}

/// `POST /v1/legal-holds/{hold}/lift`: what it stood on has its time again.
pub(in crate::desk) async fn lift(
    State(desk): State<Arc<Desk>>,
    Part(hold): Part<String>,
    operator: Operator,
    body: Body,
) -> Result<Response, Refused> {
    let hold = Position(hold.parse().map_err(|_| Kind::LegalHoldUnknown)?);
    let order: crate::desk::order::Order = desk.order(body, 0).await?;
    let reason = desk.reason(&order.reason)?;
    let actor = operator.actor();
    let command = Command::LiftLegalHold { hold, actor };
    let lifted = desk.steer(command, reason).await?;
    lifted.map_err(|conflict| Refused::from(&conflict))?;
    let mut holds = desk.legal_holds().await?.into_iter();
    let lifted = holds.find(|record| record.position == hold);
    let lifted = desk.hold_text(lifted.ok_or(Kind::Defect)?).await?;
    Ok(json(200, &lifted))
}

/// `GET /v1/retention`: what would go, now or at the beginning of a day.
pub(in crate::desk) async fn plan(
    State(desk): State<Arc<Desk>>,
    _operator: Operator,
    Asked(asked): Asked<At>,
) -> Result<Response, Refused> {
    let now = desk.parts.clock.now();
    let at = match asked.at {
        None => now,
        Some(text) => {
            let day = Day::parse(&text).ok_or_else(|| Refused::parameter("at"))?;
            day.start().max(now)
        }
    };
    let retaining = &desk.parts.retaining;
    let plan = retaining.plan(at, desk.parts.retention).await;
    let plan = plan.map_err(|error| desk.unread(&error))?;
    let mut cleared = ClearedText::default();
    let evacuations = retaining.evacuations().await;
    for record in evacuations.map_err(|error| desk.unread(&error))? {
        cleared.segments += 1;
        cleared.bodies += record.evacuated.gone;
        cleared.bytes += record.evacuated.gone_bytes;
    }
    let proofs = desk.proofs_text(at).await?;
    Ok(json(200, &desk.plan_text(at, &plan, cleared, proofs)))
}

impl Placing {
    /// One of the two, and nothing of the other; or the key that is wrong.
    fn on(&self) -> Result<OnHold, &'static str> {
        let day = |key, text: &Option<String>| {
            let day = text.as_deref().and_then(Day::parse);
            day.ok_or(key)
        };
        match (&self.document, &self.centre) {
            (Some(document), None) => match (&self.from, &self.to) {
                (None, None) => {
                    let document = DocumentId::parse(document).map_err(|_| "document")?;
                    Ok(OnHold::Document(document))
                }
                (Some(_), _) => Err("from"),
                (None, Some(_)) => Err("to"),
            },
            (None, Some(centre)) => {
                let centre = Finess::parse(centre).map_err(|_| "centre")?;
                let (from, to) = (day("from", &self.from)?, day("to", &self.to)?);
                if from > to {
                    return Err("to");
                }
                Ok(OnHold::Centre { centre, from, to })
            }
            (Some(_), Some(_)) | (None, None) => Err("document"),
        }
    }
}

impl Desk {
    /// All legal holds, lifted ones too.
    pub(in crate::desk) async fn legal_holds(&self) -> Result<Vec<HoldRecord>, Refused> {
        let holds = self.parts.retaining.legal_holds().await;
        holds.map_err(|error| self.unread(&error))
    }

    async fn hold_text(&self, record: HoldRecord) -> Result<HoldText, Refused> {
        // The entry after it explains it.
        let why = BodyId::Entry(Position(record.position.0 + 1));
        let body = self.parts.store.body(why).await;
        let body = body.map_err(|error| self.unread(&error))?;
        let state = match &record.lifted {
            Some(_) => "lifted",
            None if record.is_overdue(self.parts.clock.now()) => "overdue",
            None => "standing",
        };
        let (document, centre, from, to) = match &record.hold.on {
            OnHold::Document(document) => (Some(document.to_string()), None, None, None),
            OnHold::Centre { centre, from, to } => (
                None,
                Some(centre.to_string()),
                Some(from.to_string()),
                Some(to.to_string()),
            ),
        };
        Ok(HoldText {
            hold: record.position.0,
            placed: record.at.to_string(),
            by: record.hold.actor.to_string(),
            reason: body.map(|body| String::from_utf8_lossy(&body.bytes).into()),
            document,
            centre,
            from,
            to,
            review: record.hold.review.to_string(),
            state,
            lifted: record.lifted.as_ref().map(|lifted| lifted.at.to_string()),
            lifted_by: record.lifted.map(|lifted| lifted.actor.to_string()),
        })
    }

    async fn proofs_text(&self, at: Timestamp) -> Result<ProofsText, Refused> {
        let (retaining, months) = (&self.parts.retaining, self.parts.proof_months);
        let before = foundation::past_before(at, months);
        let proofs = retaining.proofs(before).await;
        let proofs = proofs.map_err(|error| self.unread(&error))?;
        let ending = retaining.ending(before, self.parts.retention).await;
        let ending = ending.map_err(|error| self.unread(&error))?;
        let from = proofs
            .ended
            .map(|ended| foundation::past_from(ended, months));
        Ok(ProofsText {
            months,
            before: before.to_string(),
            oldest: proofs.oldest.map(|oldest| oldest.to_string()),
            from: from.map(|from| from.to_string()),
            segments: proofs.segments,
            upto: proofs.upto.0,
            goes: ending.goes,
            stays: ending.stays,
        })
    }

    fn plan_text(
        &self,
        at: Timestamp,
        plan: &Plan,
        cleared: ClearedText,
        proofs: ProofsText,
    ) -> PlanText {
        let rules = self.parts.retention;
        let goes = plan.goes().into_iter();
        PlanText {
            at: at.to_string(),
            body_days: rules.body_days,
            wait_days: rules.wait_days,
            past_percent: rules.past_percent,
            segment_days: rules.segment_days,
            next: plan.next().map(|next| next.to_string()),
            goes: goes
                .map(|(class, sum)| SumText::of(class.as_str(), None, sum))
                .collect(),
            segments: plan.segments.iter().map(SegmentText::from).collect(),
            younger: plan.younger,
            younger_from: plan.younger_from.map(|from| from.to_string()),
            open: plan.open.map(|open| OpenText {
                begun: open.begun.to_string(),
                ends: open.ends.to_string(),
                from: open.from.to_string(),
            }),
            damaged: plan.damaged.clone(),
            cleared,
            proofs,
        }
    }
}

impl From<&Planned> for SegmentText {
    fn from(planned: &Planned) -> SegmentText {
        let past = planned.past.iter();
        let kept = planned.kept.iter();
        SegmentText {
            segment: planned.segment,
            begun: planned.begun.to_string(),
            due: match planned.due {
                Goes::Now => Some("now".into()),
                Goes::At(at) => Some(at.to_string()),
                Goes::Never => None,
            },
            past: past
                .map(|(class, sum)| SumText::of(class.as_str(), None, *sum))
                .collect(),
            kept: kept
                .map(|((class, why), sum)| SumText::of(class.as_str(), Some(why.as_str()), *sum))
                .collect(),
        }
    }
}

impl SumText {
    fn of(class: &'static str, why: Option<&'static str>, sum: Sum) -> SumText {
        SumText {
            class,
            why,
            bodies: sum.bodies,
            bytes: sum.bytes,
        }
    }
}
