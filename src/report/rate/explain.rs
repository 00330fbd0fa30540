//! What is behind a figure: any cell of a rate opened to its documents and declared sheets.
//!
//! The units are those of the same recount that the figure is read from, and are chosen by the same function
//! that sums them, so there are exactly as many as the figure says. It names ids, numbers and days; never
//! anything else of a document.

use serde::Serialize;

use crate::claims::agreement::{Agreement, Agreements};
use crate::claims::audit::Line;
use crate::claims::document::Exclusion;
use crate::claims::entry::Position;
use crate::claims::id::{DocumentId, Finess};
use crate::claims::period::Period;
use crate::claims::place::{Member, Place, Transmitted, place};
use crate::claims::standing::Receipted;
use crate::claims::tally::Cell;
use crate::report::Error;
use crate::report::rate::past::Past;
use crate::report::rate::shapes::{Basis, PeriodShape, basis, policy_digest};
use crate::store::{Find, Store};

/// Which cell is opened.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// The centre.
    pub centre: Finess,
    /// The period.
    pub period: Period,
    /// The cell.
    pub member: Member,
    /// Units whose latest document comes after this one.
    pub after: Option<DocumentId>,
    /// At most so many units.
    pub most: usize,
}

/// `GET /v1/rates/explain`: a page of what is behind a cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// FINESS.
    pub centre: String,
    /// The period.
    pub period: PeriodShape,
    /// The policy by which the cell is counted.
    pub agreement: String,
    /// SHA-256 of its canonical form.
    pub policy: String,
    /// What it was computed from.
    pub basis: Basis,
    /// What the cell counts: all units of all pages, and the sheets.
    pub counted: i64,
    /// Units, in order of their latest document.
    pub units: Vec<Unit>,
    /// Declared sheets, all on the first page.
    pub sheets: Vec<Sheets>,
    /// Pass it as `after` for the next page; none on the last.
    pub next: Option<String>,
}

/// One unit: a document and its replacements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unit {
    /// Its latest document.
    pub document: String,
    /// Its first document.
    pub root: String,
    /// The centre's number of the latest document; none when it is no longer kept.
    pub number: Option<String>,
    /// Kind.
    pub kind: &'static str,
    /// Mode.
    pub mode: &'static str,
    /// The day by which the policy counts it.
    pub day: String,
    /// Standing.
    pub standing: &'static str,
    /// Whether a positive receipt stands.
    pub receipted: bool,
    /// `in time`, `late` or `unproven`.
    pub lateness: &'static str,
    /// Exclusions that apply, whether or not the policy asks for them.
    pub exclusions: Vec<&'static str>,
    /// `numerator`, `shown apart`, `not transmitted`, `cancelled` or `excluded`.
    pub place: &'static str,
    /// Positions of the entries about its latest document and its lot.
    pub entries: Vec<u64>,
}

/// Declared sheets of a day and caisse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sheets {
    /// The day.
    pub day: String,
    /// The caisse.
    pub caisse: String,
    /// How many.
    pub sheets: i64,
}

/// Opens a cell.
///
/// # Errors
/// [`Error::UnknownCentre`], [`Error::Unbound`]; when the store cannot be read.
pub async fn explain(
    store: &dyn Store,
    past: &Past,
    agreements: &Agreements,
    question: Question,
) -> Result<Explanation, Error> {
    let Question { centre, period, .. } = question;
    let obligation = past.snapshot.obligation(agreements, centre, period)?;
    let policy = agreements.get(&obligation.agreement);
    let policy = policy.ok_or(Error::UnknownCentre)?;
    let mut behind: Vec<(&Line, &Cell)> = past
        .lines
        .iter()
        .filter_map(|line| Some((line, behind(line, policy, question)?)))
        .collect();
    let sheets = sheets(past, policy, question);
    let declared: i64 = sheets.iter().map(|row| row.sheets).sum();
    let counted = i64::try_from(behind.len()).unwrap_or(i64::MAX) + declared;
    behind.retain(|(line, _)| question.after.is_none_or(|after| line.latest > after));
    let goes_on = behind.len() > question.most;
    behind.truncate(question.most);
    let next = behind.last().filter(|_| goes_on);
    let next = next.map(|(line, _)| line.latest.to_string());
    let mut units = Vec::with_capacity(behind.len());
    for (line, cell) in behind {
        units.push(unit(store, policy, (line, cell), past.snapshot.position).await?);
    }
    Ok(Explanation {
        centre: centre.to_string(),
        period: period.into(),
        agreement: policy.id.to_string(),
        policy: policy_digest(policy).to_string(),
        basis: basis(&past.snapshot),
        counted,
        units,
        sheets: match question.after {
            None => sheets,
            Some(_) => Vec::new(),
        },
        next,
    })
}

/// The cell by which the policy counts the line, if it is behind what is asked.
fn behind<'a>(line: &'a Line, policy: &Agreement, question: Question) -> Option<&'a Cell> {
    let mut cells = line.cells.iter();
    let cell = cells.find(|cell| cell.basis == policy.counting.day_basis)?;
    let asked = question.period.contains(cell.day)
        && question.centre == cell.centre
        && question.member.holds(&policy.counting, cell);
    asked.then_some(cell)
}

fn sheets(past: &Past, policy: &Agreement, question: Question) -> Vec<Sheets> {
    if !question.member.holds_sheets(&policy.counting) {
        return Vec::new();
    }
    let days = (question.period.from(), question.period.to());
    let centre = past.snapshot.centres.get(&question.centre);
    let declared = centre.into_iter().flat_map(|it| it.counts.paper(days));
    let rows = declared.filter_map(|(cell, sheets)| {
        Some(Sheets {
            day: cell.day.to_string(),
            caisse: cell.caisse?.to_string(),
            sheets: *sheets,
        })
    });
    rows.collect()
}

async fn unit(
    store: &dyn Store,
    policy: &Agreement,
    (line, cell): (&Line, &Cell),
    position: Position,
) -> Result<Unit, Error> {
    let view = store.document(Find::Id(line.latest)).await?;
    let number = view
        .as_ref()
        .map(|view| view.record.received.facts.key.number.to_string());
    let history = view.map(|view| view.history).unwrap_or_default();
    Ok(Unit {
        document: line.latest.to_string(),
        root: line.root.to_string(),
        number,
        kind: cell.kind.as_str(),
        mode: cell.mode.as_str(),
        day: cell.day.to_string(),
        standing: cell.standing.as_str(),
        receipted: cell.receipted != Receipted::No,
        lateness: cell.late.as_str(),
        exclusions: cell.exclusions.each().map(Exclusion::as_str).collect(),
        place: match place(&policy.counting, cell) {
            Place::Cancelled => "cancelled",
            Place::Excluded(_) => "excluded",
            Place::Counted(counted) => match counted.transmitted {
                Transmitted::No => "not transmitted",
                Transmitted::Apart => "shown apart",
                Transmitted::Numerator => "numerator",
            },
            // What is listed is in a cell of the rate.
            Place::Elsewhere => "elsewhere",
        },
        entries: history
            .into_iter()
            .filter(|at| *at <= position)
            .map(|at| at.0)
            .collect(),
    })
}
