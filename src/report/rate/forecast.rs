//! The forecast of a centre as it is said to people and programs.
//!
//! It is computed from the counts that the independent counts agreed on, and it is no statement of a rate: it says
//! what will come if nothing changes, and what must change.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::claims::agreement::{Agreement, Agreements, Counting, Threshold};
use crate::claims::calendar::Calendar;
use crate::claims::document::AgreementId;
use crate::claims::forecast::{self, Forecast, Need, Outlook, WHOLE, Working};
use crate::claims::id::Finess;
use crate::claims::loss::{Cause, Fate, Loss};
use crate::claims::obligation::{Obligation, Unbound};
use crate::claims::period::Period;
use crate::claims::registry::{Category, Centre};
use crate::claims::tally::Cell;
use crate::claims::terms::DayCount;
use crate::claims::time::Day;
use crate::report::Error;
use crate::report::count::snapshot::{CentreCounts, Snapshot};
use crate::report::rate::shapes::comparator;
use crate::report::reconciliation::text::CountText;
use crate::store::Line;

/// `GET /v1/centres/{finess}/forecast`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CentreForecast {
    /// FINESS.
    pub centre: String,
    /// Documents are counted up to this day; the forecast is for its calendar year.
    pub until: String,
    /// Computed from all entries up to this one.
    pub position: u64,
    /// `balanced`, or `imbalanced` when a later count differs.
    pub ledger: &'static str,
    /// The agreement in effect at the end of the year, as far as is known.
    pub agreement: String,
    /// The category then.
    pub category: &'static str,
    /// The method, by name.
    pub method: &'static str,
    /// The year so far.
    pub so_far: CountText,
    /// Of these, waiting for a receipt.
    pub waiting: i64,
    /// Documents still to come at the present pace.
    pub coming: i64,
    /// The share of them that reaches the numerator at the present pace, in percent.
    pub pace: String,
    /// The year as it ends.
    pub end: CountText,
    /// Between which shares the year ends with 80 %; none with fewer than two months of activity.
    pub spread: Option<SpreadText>,
    /// What each threshold needs.
    pub thresholds: Vec<NeedText>,
    /// What keeps documents out of the numerator, the dearest first.
    pub losses: Vec<LossText>,
    /// Of the documents that are lost as refused, how many under which code of the insurer, as of now.
    pub refusals: BTreeMap<String, i64>,
}

/// Two shares in percent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SpreadText {
    /// The lower.
    pub low: String,
    /// The upper.
    pub high: String,
}

/// What one threshold needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NeedText {
    /// The agreement or reference policy.
    pub policy: String,
    /// `at_least` or `more_than`.
    pub comparator: &'static str,
    /// Upper number.
    pub numerator: u32,
    /// Lower number.
    pub denominator: u32,
    /// How many of the waiting and coming documents must reach the numerator.
    pub documents: i64,
    /// `on course`, `possible`, `impossible`.
    pub outlook: &'static str,
    /// The last month in which it is still possible, if the present pace goes on until then.
    pub until: Option<String>,
}

/// Documents that are missing for one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LossText {
    /// The cause.
    pub cause: &'static str,
    /// How many documents.
    pub documents: i64,
    /// How many percentage points of the year so far, cut off.
    pub points: String,
}

/// The forecast of one centre for the year of a day. The lines are the centre's units, for the insurer's codes.
///
/// # Errors
/// [`Error::NotCounted`], [`Error::UnknownCentre`], [`Error::Unbound`].
pub fn of_centre(
    snapshot: &Snapshot,
    agreements: &Agreements,
    centre: Finess,
    lines: &[Line],
    today: Day,
) -> Result<Option<CentreForecast>, Error> {
    if snapshot.counted_at.is_none() {
        return Err(Error::NotCounted);
    }
    let counts = snapshot.centres.get(&centre).ok_or(Error::UnknownCentre)?;
    let found = compute(counts, agreements, today)?;
    Ok(found.map(|found| CentreForecast {
        centre: centre.to_string(),
        until: today.to_string(),
        position: snapshot.position.0,
        ledger: snapshot.soundness.as_str(),
        agreement: found.agreement.id.to_string(),
        category: found.category.as_str(),
        method: forecast::METHOD,
        refusals: refusals(&found.agreement.counting, lines, today),
        ..shape(&found.forecast)
    }))
}

/// A forecast and by what it was made.
pub struct Found<'a> {
    agreement: &'a Agreement,
    category: Category,
    /// The forecast: its [`Forecast::share`] is what the metric shows.
    pub forecast: Forecast,
}

/// The forecast of a centre's counts; none where nothing was counted yet this year.
///
/// # Errors
/// [`Error::Unbound`] where no agreement binds the centre at the end of the year.
pub fn compute<'a>(
    counts: &CentreCounts,
    agreements: &'a Agreements,
    today: Day,
) -> Result<Option<Found<'a>>, Error> {
    // The year has the verdict of its last day, and what is known of that day already counts.
    let last = Period::year_of(today).to();
    let version = Centre::begun(&counts.versions, last).ok_or(Unbound::NotRegistered)?;
    let agreement = agreements.in_effect(&version.agreement, last);
    let agreement = agreement.ok_or(Unbound::NoAgreement)?;
    let own = std::iter::once(agreement).chain(agreements.references());
    let thresholds: Vec<(AgreementId, Threshold)> = own
        .filter_map(|policy| Some((policy.id.clone(), policy.threshold(version.category)?)))
        .collect();
    let calendar = Calendar {
        region: version.region,
        count: DayCount::Ouvres,
    };
    let counting = &agreement.counting;
    let working = Working::in_year(&counts.versions, counting, &counts.counts, today);
    let found = forecast::forecast(
        counting,
        &thresholds,
        &counts.counts,
        (calendar, working),
        today,
    );
    Ok(found.map(|forecast| Found {
        agreement,
        category: version.category,
        forecast,
    }))
}

impl Found<'_> {
    /// Whether it is counted as an obligation is: only then may it stand beside it.
    pub fn counts_as(&self, obligation: &Obligation) -> bool {
        self.agreement.id == obligation.agreement && self.category == obligation.category
    }
}

/// Units of the year that the policy counts and that stand refused, by the insurer's code.
fn refusals(counting: &Counting, lines: &[Line], today: Day) -> BTreeMap<String, i64> {
    let year = Period::year_to_date(today);
    let mut refusals = BTreeMap::new();
    for line in lines {
        let of_policy = |cell: &&Cell| cell.basis == counting.day_basis;
        let cell = line.cells.iter().find(of_policy);
        let Some(cell) = cell.filter(|cell| year.contains(cell.day)) else {
            continue;
        };
        if Fate::of(counting, cell) == Some(Fate::Lost(Cause::Refused)) {
            let code = line.refusal.as_ref();
            let code = code.map_or("none".to_owned(), |code| code.to_string());
            *refusals.entry(code).or_default() += 1;
        }
    }
    refusals
}

/// The numbers; the words around them are the caller's.
fn shape(found: &Forecast) -> CentreForecast {
    CentreForecast {
        centre: String::new(),
        until: String::new(),
        position: 0,
        ledger: "",
        agreement: String::new(),
        category: "",
        method: "",
        so_far: CountText::from(&found.so_far),
        waiting: found.waiting,
        coming: found.coming,
        pace: percent(found.pace),
        end: CountText::from(&found.end),
        spread: found.spread.map(|(low, high)| SpreadText {
            low: percent(low),
            high: percent(high),
        }),
        thresholds: found.thresholds.iter().map(NeedText::from).collect(),
        losses: found
            .losses
            .iter()
            .map(|loss| LossText::of(loss, found.so_far.denominator))
            .collect(),
        refusals: BTreeMap::new(),
    }
}

impl From<&Need> for NeedText {
    fn from(need: &Need) -> NeedText {
        let (outlook, until) = match need.outlook {
            Outlook::OnCourse => ("on course", None),
            Outlook::PossibleUntil(month) => ("possible", Some(month.to_string())),
            Outlook::Impossible => ("impossible", None),
        };
        let (numerator, denominator) = need.threshold.fraction;
        NeedText {
            policy: need.policy.to_string(),
            comparator: comparator(need.threshold.comparator),
            numerator,
            denominator,
            documents: need.documents,
            outlook,
            until,
        }
    }
}

impl LossText {
    fn of(loss: &Loss, denominator: i64) -> LossText {
        let share = loss.documents.saturating_mul(WHOLE) / denominator.max(1);
        LossText {
            cause: loss.cause.as_str(),
            documents: loss.documents,
            points: percent(share),
        }
    }
}

/// Millionths in percent with two decimals, cut off.
fn percent(millionths: i64) -> String {
    let hundredths = millionths / 100;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
