//! Reconciliation over HTTP: figures are laid beside the ledger, and people say what they think of it.
//!
//! National readers, operators and insurers; an insurer sees what was found beside its own figures. One comparison is
//! worked on at a time, so memory is bounded by one. A crash before the commit leaves nothing, and the caller repeats.

pub(super) mod figures;
pub(super) mod orphans;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::access::{Action, Caller};
use crate::claims::entry::{FiguresLoaded, Position, Reconciled, Ruling};
use crate::claims::id::Digest;
use crate::claims::period::Period;
use crate::claims::reconcile::cause::Cause;
use crate::desk::Desk;
use crate::desk::door::Entered;
use crate::desk::order::whole;
use crate::formats::cells;
use crate::formats::figures::{Format, Limits};
use crate::formats::json::problem::{Kind, Problem};
use crate::http::answer::{Refused, bytes, json};
use crate::http::door::{Asked, Part};
use crate::report;
use crate::report::reconciliation;
use crate::report::reconciliation::former;
use crate::report::reconciliation::orphans::Orphans;
use crate::report::reconciliation::text::{
    CentreText, DifferenceText, Outcome as Found, SpanText, Without,
};
use crate::store::{BodyId, Command, JudgedRecord, RunRecord};

/// Which figures, over which months.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct ToRun {
    /// The digest of the file.
    figures: String,
    /// Whole months; without one the months of the file.
    period: Option<String>,
}

/// Which page of centres.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct OfRun {
    after: Option<String>,
}

/// Which page of differences.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct OfDifferences {
    centre: Option<String>,
    cause: Option<String>,
    after: Option<u32>,
}

/// How an export is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct ToExport {
    /// `json`, or `csv` for one of its tables.
    format: Option<String>,
    /// `differences`, `bridge` or `orphans`.
    table: Option<String>,
}

/// A reconciliation in the history.
#[derive(Debug, Serialize)]
struct RunText {
    run: u64,
    at: String,
    by: String,
    figures: String,
    from: String,
    to: String,
    position: u64,
    centres: u32,
    differences: u32,
}

#[derive(Debug, Serialize)]
struct AllRuns {
    runs: Vec<RunText>,
}

/// A reconciliation and a page of its centres.
#[derive(Debug, Serialize)]
struct RunPage {
    #[serde(flatten)]
    run: RunText,
    no_figures: Vec<String>,
    total: SpanText,
    rows: Vec<CentreText>,
    without: Vec<Without>,
    /// How many receipts and settlements no document answered to.
    orphans: u64,
    next: Option<String>,
}

/// A page of differences.
#[derive(Debug, Serialize)]
struct DifferencePage {
    run: u64,
    rows: Vec<Judgeable>,
    next: Option<u32>,
}

/// A difference and the last word on it.
#[derive(Debug, Serialize)]
struct Judgeable {
    #[serde(flatten)]
    difference: DifferenceText,
    judgement: Option<JudgementText>,
}

/// What a person said of a difference.
#[derive(Debug, Serialize)]
struct JudgementText {
    line: u32,
    judgement: &'static str,
    at: String,
    by: String,
    comment: Option<String>,
}

/// All of it.
#[derive(Debug, Serialize)]
struct Export {
    run: RunText,
    result: Found,
    judgements: Vec<JudgementText>,
}

/// `POST /v1/reconciliations?figures=&period=`: lays them beside the ledger as it is now. What was laid beside the same
/// counts before, and gave the same, is that reconciliation.
pub(in crate::desk) async fn run(
    State(desk): State<Arc<Desk>>,
    Entered(caller): Entered,
    Asked(query): Asked<ToRun>,
) -> Result<Response, Refused> {
    desk.allow(&caller, Action::Reconcile).await?;
    let reader = desk.reconciling.lock().await;
    let digest = Digest::parse(&query.figures).map_err(|_| Refused::parameter("figures"))?;
    let loaded = desk.figures_of(&caller, digest).await?;
    let loaded = loaded.ok_or(Kind::FiguresUnknown)?;
    let period = desk.months(query.period.as_deref(), &loaded.figures)?;
    let file = desk.kept(loaded.position).await?;
    let limits = Limits {
        bytes: file.len(),
        ..Limits::default()
    };
    let read = reader.read(&file, Format::guess(&file), &limits);
    let read = read.map_err(|_| Kind::Defect)?;
    let insurer = loaded.figures.insurer.as_ref();
    let routes = Arc::clone(&desk.parts.routes.borrow());
    let asked = reconciliation::Asked {
        digest,
        file: &read,
        period,
        destinations: insurer.map(|name| routes.destinations(routes.present(name))),
    };
    let found = reconciliation::run(&*desk.parts.store, &desk.parts.agreements, &asked).await;
    let mut found = found.map_err(|error| match error {
        report::Error::UnevenPeriod => Refused::parameter("period"),
        other => desk.without_rate(&other),
    })?;
    // What came under any name of its system is the insurer's.
    let system = insurer.map(|name| routes.system(name).collect::<Vec<_>>());
    // A receipt comes after its document: one of a day of the period may come long after its end.
    let (since, listed) = (
        period.from().start(),
        desk.parts.config.reconciliation_orphans.get(),
    );
    let orphans = Orphans::since(&*desk.parts.custody, since, system.as_deref(), listed).await;
    found.orphans = orphans.map_err(|error| desk.unread(&error))?;
    let before = former::like(&*desk.parts.store, &found, (digest, period)).await;
    if let Some(run) = before.map_err(|error| desk.unread(&error))? {
        return Ok(json(200, &RunText::from(&run)));
    }
    let result = serde_json::to_vec(&found).map_err(|_| Kind::Defect)?;
    let limit = desk.parts.config.reconciliation_bytes.get();
    if result.len() > limit {
        return Err(Problem::limit(Kind::ReconciliationTooLarge, limit).into());
    }
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let result = desk.as_body(result.into());
    let command = Command::Reconcile {
        run: Reconciled {
            figures: digest,
            from: period.from(),
            to: period.to(),
            actor: caller.name().clone(),
            position: Position(found.position),
            centres: count(found.centres.len()),
            differences: count(found.differences.len()),
            commitment: result.commitment(),
        },
        result,
    };
    let position = desk.commit(command).await?;
    let run = desk.run_of(&caller, position).await?;
    Ok(json(201, &RunText::from(&run)))
}

/// `GET /v1/reconciliations`: the history.
pub(in crate::desk) async fn all_runs(
    State(desk): State<Arc<Desk>>,
    Entered(caller): Entered,
) -> Result<Response, Refused> {
    desk.allow(&caller, Action::Reconcile).await?;
    let runs = desk.parts.store.runs().await;
    let mut seen = Vec::new();
    for run in runs.map_err(|error| desk.unread(&error))? {
        if desk.figures_of(&caller, run.run.figures).await?.is_some() {
            seen.push(RunText::from(&run));
        }
    }
    Ok(json(200, &AllRuns { runs: seen }))
}

/// `GET /v1/reconciliations/{run}`: both counts of each centre and the bridge between them.
pub(in crate::desk) async fn show(
    State(desk): State<Arc<Desk>>,
    Part(run): Part<u64>,
    Entered(caller): Entered,
    Asked(query): Asked<OfRun>,
) -> Result<Response, Refused> {
    desk.allow(&caller, Action::Reconcile).await?;
    let record = desk.run_of(&caller, Position(run)).await?;
    let found = desk.result(&record).await?;
    let after = query.after.unwrap_or_default();
    let most = desk.parts.config.reconciliation_rows.get();
    let mut rows: Vec<CentreText> = found.centres;
    rows.retain(|row| row.centre > after);
    let next = rows
        .get(most)
        .and(rows.get(most - 1))
        .map(|row| row.centre.clone());
    rows.truncate(most);
    let page = RunPage {
        run: RunText::from(&record),
        no_figures: found.no_figures,
        total: found.total,
        rows,
        without: found.without,
        orphans: found.orphans.count,
        next,
    };
    Ok(json(200, &page))
}

/// `GET /v1/reconciliations/{run}/differences`: one by one, with the last word on each.
pub(in crate::desk) async fn differences(
    State(desk): State<Arc<Desk>>,
    Part(run): Part<u64>,
    Entered(caller): Entered,
    Asked(query): Asked<OfDifferences>,
) -> Result<Response, Refused> {
    desk.allow(&caller, Action::Reconcile).await?;
    let record = desk.run_of(&caller, Position(run)).await?;
    if query
        .cause
        .as_deref()
        .is_some_and(|cause| Cause::parse(cause).is_none())
    {
        return Err(Refused::parameter("cause"));
    }
    let found = desk.result(&record).await?;
    let judged = desk.judgements(&record).await?;
    let wanted = |difference: &DifferenceText| {
        query.after.is_none_or(|after| difference.line > after)
            && query
                .centre
                .as_ref()
                .is_none_or(|centre| *centre == difference.centre)
            && query
                .cause
                .as_ref()
                .is_none_or(|cause| *cause == difference.cause)
    };
    let most = desk.parts.config.reconciliation_rows.get();
    let mut chosen: Vec<DifferenceText> = found
        .differences
        .into_iter()
        .filter(wanted)
        .take(most + 1)
        .collect();
    let next = chosen
        .get(most)
        .and(chosen.get(most - 1))
        .map(|difference| difference.line);
    chosen.truncate(most);
    let mut rows = Vec::with_capacity(chosen.len());
    for difference in chosen {
        let judgement = match judged.iter().find(|one| one.judged.line == difference.line) {
            Some(record) => Some(desk.judgement(record).await?),
            None => None,
        };
        rows.push(Judgeable {
            difference,
            judgement,
        });
    }
    Ok(json(200, &DifferencePage { run, rows, next }))
}

/// `GET /v1/reconciliations/{run}/export`: the whole result.
pub(in crate::desk) async fn export(
    State(desk): State<Arc<Desk>>,
    Part(run): Part<u64>,
    Entered(caller): Entered,
    Asked(query): Asked<ToExport>,
) -> Result<Response, Refused> {
    desk.allow(&caller, Action::Reconcile).await?;
    let record = desk.run_of(&caller, Position(run)).await?;
    let found = desk.result(&record).await?;
    let table = |rows: &[Vec<String>]| {
        let lines: String = rows.iter().map(|row| cells::line(row)).collect();
        bytes(200, "text/csv; charset=utf-8", lines)
    };
    match (query.format.as_deref(), query.table.as_deref()) {
        (None | Some("json"), None) => {
            let mut judgements = Vec::new();
            for judged in desk.judgements(&record).await? {
                judgements.push(desk.judgement(&judged).await?);
            }
            let export = Export {
                run: RunText::from(&record),
                result: found,
                judgements,
            };
            Ok(json(200, &export))
        }
        (Some("csv"), Some("orphans")) => Ok(table(&found.orphans.table())),
        (Some("csv"), Some("bridge")) => Ok(table(&found.bridge_rows())),
        (Some("csv"), None | Some("differences")) => {
            let rows = desk.difference_rows(&record, &found).await?;
            Ok(table(&rows))
        }
        (Some("csv"), Some(_)) | (None | Some("json"), Some(_)) => Err(Refused::parameter("table")),
        (Some(_), _) => Err(Refused::parameter("format")),
    }
}

/// `POST /v1/reconciliations/{run}/differences/{line}/accept`: the body is a comment, and may be empty.
pub(in crate::desk) async fn accept(
    desk: State<Arc<Desk>>,
    part: Part<(u64, u32)>,
    caller: Entered,
    body: Body,
) -> Result<Response, Refused> {
    judge(desk, part, caller, body, Ruling::Accepted).await
}

/// `POST /v1/reconciliations/{run}/differences/{line}/dispute`: likewise.
pub(in crate::desk) async fn dispute(
    desk: State<Arc<Desk>>,
    part: Part<(u64, u32)>,
    caller: Entered,
    body: Body,
) -> Result<Response, Refused> {
    judge(desk, part, caller, body, Ruling::Disputed).await
}

async fn judge(
    State(desk): State<Arc<Desk>>,
    Part((run, line)): Part<(u64, u32)>,
    Entered(caller): Entered,
    body: Body,
    judgement: Ruling,
) -> Result<Response, Refused> {
    desk.allow(&caller, Action::Reconcile).await?;
    let record = desk.run_of(&caller, Position(run)).await?;
    let comment = whole(body, desk.parts.config.evidence_bytes.get()).await?;
    let command = Command::Judge {
        run: record.position,
        line,
        judgement,
        actor: caller.name().clone(),
        comment: (!comment.is_empty()).then(|| desk.as_body(comment)),
    };
    desk.commit(command).await?;
    let judged = desk.judgements(&record).await?;
    let judged = judged.iter().find(|one| one.judged.line == line);
    let text = desk.judgement(judged.ok_or(Kind::Defect)?).await?;
    Ok(json(200, &text))
}

impl Desk {
    /// A reconciliation by its number.
    pub(in crate::desk) async fn run_of(
        &self,
        caller: &Caller,
        run: Position,
    ) -> Result<RunRecord, Refused> {
        let runs = self.parts.store.runs().await;
        let runs = runs.map_err(|error| self.unread(&error))?;
        let record = runs.into_iter().find(|record| record.position == run);
        let record = record.ok_or(Kind::ReconciliationUnknown)?;
        match self.figures_of(caller, record.run.figures).await? {
            Some(_) => Ok(record),
            None => Err(Kind::ReconciliationUnknown.into()),
        }
    }

    pub(in crate::desk) async fn result(&self, record: &RunRecord) -> Result<Found, Refused> {
        let kept = self.kept(record.position).await?;
        serde_json::from_slice(&kept).map_err(|_| Kind::Defect.into())
    }

    /// The body of an entry.
    async fn kept(&self, position: Position) -> Result<Bytes, Refused> {
        let body = self.parts.store.body(BodyId::Entry(position)).await;
        let body = body.map_err(|error| self.unread(&error))?;
        Ok(body.ok_or(Kind::ContentGone)?.bytes)
    }

    async fn judgements(&self, record: &RunRecord) -> Result<Vec<JudgedRecord>, Refused> {
        let judged = self.parts.store.judged(record.position).await;
        judged.map_err(|error| self.unread(&error))
    }

    async fn judgement(&self, record: &JudgedRecord) -> Result<JudgementText, Refused> {
        let comment = match record.judged.comment {
            // A comment is kept as long as other texts, and the judgement longer.
            Some(_) => self.kept(record.position).await.ok(),
            None => None,
        };
        Ok(JudgementText {
            line: record.judged.line,
            judgement: word(record.judged.judgement),
            at: record.at.to_string(),
            by: record.judged.actor.to_string(),
            comment: comment.map(|text| String::from_utf8_lossy(&text).into_owned()),
        })
    }

    async fn difference_rows(
        &self,
        record: &RunRecord,
        found: &Found,
    ) -> Result<Vec<Vec<String>>, Refused> {
        let judged = self.judgements(record).await?;
        let mut header: Vec<String> = DifferenceText::COLUMNS.map(str::to_owned).to_vec();
        header.extend(["judgement", "by"].map(str::to_owned));
        let mut rows = vec![header];
        for difference in &found.differences {
            let said = judged.iter().find(|one| one.judged.line == difference.line);
            let mut row = difference.row();
            row.push(said.map_or("", |one| word(one.judged.judgement)).to_owned());
            row.push(said.map_or_else(String::new, |one| one.judged.actor.to_string()));
            rows.push(row);
        }
        Ok(rows)
    }

    /// The period asked for, or the months of the file.
    fn months(&self, text: Option<&str>, figures: &FiguresLoaded) -> Result<Period, Refused> {
        let today = self.parts.clock.now().day();
        let period = match text {
            Some(text) => Period::parse(text, today),
            None => Period::days(figures.from, Period::month_of(figures.last).to()),
        };
        period.map_err(|_| Refused::parameter("period"))
    }

    /// Commits; gives the position of the answer.
    pub(in crate::desk) async fn commit(&self, command: Command) -> Result<Position, Refused> {
        let decided = self.decide(command).await?;
        decided.map_err(|conflict| Refused::from(&conflict))
    }
}

fn word(judgement: Ruling) -> &'static str {
    match judgement {
        Ruling::Accepted => "accepted",
        Ruling::Disputed => "disputed",
    }
}

impl From<&RunRecord> for RunText {
    fn from(record: &RunRecord) -> RunText {
        let run = &record.run;
        RunText {
            run: record.position.0,
            at: record.at.to_string(),
            by: run.actor.to_string(),
            figures: run.figures.to_string(),
            from: run.from.to_string(),
            to: run.to.to_string(),
            position: run.position.0,
            centres: run.centres,
            differences: run.differences,
        }
    }
}
