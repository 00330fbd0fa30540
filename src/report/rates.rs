//! Rates as they are said to people and programs: JSON shapes and CSV.
//!
//! Counts are integers and ratios keep their two numbers; a decimal stands beside them, cut off and never
//! rounded up, so that a rate is never shown at a threshold that it does not reach. Every answer says under
//! which policy, up to which entry, and whether the counts were balanced. It is the rate computed by the
//! gateway, and not the caisse's.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::claims::agreement::{Agreements, Comparator, Threshold};
use crate::claims::fraction::{Distance, Fraction};
use crate::claims::id::Finess;
use crate::claims::obligation::{Obligation, Reference, Segment};
use crate::claims::period::Period;
use crate::claims::rate::{Rate, Slice};
use crate::report::Error;
use crate::report::snapshot::Snapshot;

/// `GET /v1/centres/{finess}/rate`: the rate of one centre over one period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CentreRate {
    /// FINESS.
    pub centre: String,
    /// Name in the registry on the last day.
    pub name: String,
    /// The period.
    pub period: PeriodShape,
    /// Category on the last day.
    pub category: &'static str,
    /// Agreement in effect on the last day.
    pub agreement: String,
    /// What this is, in words.
    pub statement: String,
    /// What it was computed from.
    pub basis: Basis,
    /// The rate and all its counts.
    #[serde(flatten)]
    pub counts: RateShape,
    /// Distances to the thresholds of reference policies.
    pub references: Vec<ReferenceShape>,
    /// Stretches of the period with another agreement or category; empty when there was one.
    pub segments: Vec<SegmentShape>,
}

/// `GET /v1/rates`: one page of centres, in order of FINESS.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rates {
    /// The period.
    pub period: PeriodShape,
    /// What they were computed from.
    pub basis: Basis,
    /// Centres that an agreement binds in the period.
    pub rates: Vec<CentreRate>,
    /// Centres of this page without a rate, and why.
    pub without: Vec<WithoutRate>,
    /// Pass it as `after` for the next page; none on the last.
    pub next: Option<String>,
}

/// Which centres a list holds.
pub struct Selection<'a> {
    /// Whether the caller may see a centre.
    pub scope: &'a dyn Fn(Finess) -> bool,
    /// Centres after this one.
    pub after: Option<Finess>,
    /// At most so many.
    pub most: usize,
}

/// A centre that nothing binds in the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WithoutRate {
    /// FINESS.
    pub centre: String,
    /// Why.
    pub reason: String,
}

/// A period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PeriodShape {
    /// As it is asked for.
    pub name: String,
    /// `month`, `quarter`, `year`, `year_to_date`, `days`.
    pub form: &'static str,
    /// First day.
    pub from: String,
    /// Last day.
    pub to: String,
}

/// What a rate was computed from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Basis {
    /// All entries of the ledger up to this one.
    pub position: u64,
    /// When they were counted (UTC).
    pub counted_at: String,
    /// `balanced`, or `imbalanced` when a later count differs: then these are the last good counts.
    pub ledger: &'static str,
}

/// A rate and its counts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RateShape {
    /// What may be said: `no data`, `paper unknown`, `reference`, `unconfirmed`, `no threshold`,
    /// `reached`, `not reached`.
    pub verdict: &'static str,
    /// The policy's threshold and the distance to it; none where it has none.
    pub threshold: Option<ThresholdShape>,
    /// The policy's rate; none without activity.
    pub rate: Option<Ratio>,
    /// Modes S, F and C; none without activity.
    pub secured_rate: Option<Ratio>,
    /// Any mode with a positive receipt; none without activity.
    pub electronic_rate: Option<Ratio>,
    /// Transmitted units in the policy's numerator modes.
    pub numerator: i64,
    /// Units and paper sheets.
    pub denominator: i64,
    /// Paper sheets in the denominator.
    pub paper_sheets: i64,
    /// Declared days of the days with activity.
    pub paper_coverage: CoverageShape,
    /// Transmitted units by mode.
    pub transmitted: BTreeMap<&'static str, i64>,
    /// The denominator, cut in four ways: each sums to it.
    pub splits: SplitsShape,
    /// What is beside it.
    pub beside: BesideShape,
}

/// A ratio of two counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ratio {
    /// Upper number.
    pub numerator: i64,
    /// Lower number.
    pub denominator: i64,
    /// In percent with two decimals, cut off.
    pub percent: String,
}

/// A threshold and how far the rate is above it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ThresholdShape {
    /// `at_least` or `more_than`.
    pub comparator: &'static str,
    /// Upper number.
    pub numerator: u32,
    /// Lower number.
    pub denominator: u32,
    /// How far the rate lies above it, below when negative; none without activity.
    pub distance: Option<DistanceShape>,
}

/// An exact difference of two ratios.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DistanceShape {
    /// Upper number with its sign, as text because it may be longer than a JSON number can hold.
    pub numerator: String,
    /// Lower number.
    pub denominator: String,
    /// In percentage points with two decimals, cut off downwards.
    pub points: String,
}

/// Days with activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoverageShape {
    /// Days with activity.
    pub active_days: i64,
    /// Those of them with a declaration.
    pub declared_days: i64,
}

/// The denominator by mode, kind, standing and lateness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SplitsShape {
    /// By mode.
    pub mode: BTreeMap<&'static str, i64>,
    /// By kind.
    pub kind: BTreeMap<&'static str, i64>,
    /// By standing.
    pub standing: BTreeMap<&'static str, i64>,
    /// By lateness.
    pub lateness: BTreeMap<&'static str, i64>,
}

/// What is beside the denominator, and what is shown apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BesideShape {
    /// Not in the denominator.
    pub cancelled: i64,
    /// Not in the denominator, by the policy.
    pub excluded: i64,
    /// In the denominator alone.
    pub by_hand: i64,
    /// On paper, and acknowledged after all.
    pub both_ways: i64,
}

/// Distance to a reference policy: no verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReferenceShape {
    /// The policy.
    pub policy: String,
    /// Its threshold and the distance.
    #[serde(flatten)]
    pub threshold: ThresholdShape,
}

/// A stretch of days under one agreement and category.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentShape {
    /// First day.
    pub from: String,
    /// Last day.
    pub to: String,
    /// Category.
    pub category: &'static str,
    /// Agreement.
    pub agreement: String,
    /// The rate of these days.
    #[serde(flatten)]
    pub counts: RateShape,
}

/// The rate of one centre over a period.
///
/// # Errors
/// As [`Snapshot::obligation`].
pub fn of_centre(
    snapshot: &Snapshot,
    agreements: &Agreements,
    centre: Finess,
    period: Period,
) -> Result<CentreRate, Error> {
    let obligation = snapshot.obligation(agreements, centre, period)?;
    Ok(shape(snapshot, centre, &obligation))
}

/// The rates of a page of centres over a period.
///
/// # Errors
/// [`Error::NotCounted`] before the first count.
pub fn of_all(
    snapshot: &Snapshot,
    agreements: &Agreements,
    period: Period,
    selection: &Selection<'_>,
) -> Result<Rates, Error> {
    let (mut rates, mut without, mut next) = (Vec::new(), Vec::new(), None);
    let seen = |finess: &Finess| {
        selection.after.is_none_or(|after| *finess > after) && (selection.scope)(*finess)
    };
    for (index, finess) in snapshot.centres.keys().filter(|f| seen(f)).enumerate() {
        if index == selection.most {
            break;
        }
        next = Some(*finess);
        match of_centre(snapshot, agreements, *finess, period) {
            Ok(rate) => rates.push(rate),
            Err(Error::Unbound(unbound)) => without.push(WithoutRate {
                centre: finess.to_string(),
                reason: unbound.to_string(),
            }),
            Err(error) => return Err(error),
        }
    }
    if snapshot.counted_at.is_none() {
        return Err(Error::NotCounted);
    }
    let last = snapshot.centres.keys().rfind(|finess| seen(finess));
    Ok(Rates {
        period: period.into(),
        basis: basis(snapshot),
        rates,
        without,
        next: next
            .filter(|next| last.is_some_and(|last| next < last))
            .map(|next| next.to_string()),
    })
}

/// A list of rates as CSV (RFC 4180): a header and one row a centre.
pub fn csv(rates: &Rates) -> String {
    let mut out = String::from(
        "centre,name,category,agreement,from,to,position,ledger,verdict,numerator,denominator,percent,\
         secured,secured_percent,electronic,electronic_percent,paper_sheets,active_days,declared_days,\
         cancelled,excluded,by_hand,both_ways,late,references\r\n",
    );
    for rate in &rates.rates {
        let cells = csv_cells(rate);
        let cells: Vec<String> = cells.iter().map(|cell| csv_cell(cell)).collect();
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    }
    out
}

fn csv_cells(rate: &CentreRate) -> Vec<String> {
    let counts = &rate.counts;
    let upper = |ratio: &Option<Ratio>| text(ratio.as_ref().map(|ratio| ratio.numerator));
    let percent = |ratio: &Option<Ratio>| text(ratio.as_ref().map(|ratio| &ratio.percent));
    let references = rate.references.iter().filter_map(|reference| {
        let distance = reference.threshold.distance.as_ref()?;
        Some(format!("{} {}", reference.policy, distance.points))
    });
    let references: Vec<String> = references.collect();
    vec![
        rate.centre.clone(),
        rate.name.clone(),
        rate.category.to_owned(),
        rate.agreement.clone(),
        rate.period.from.clone(),
        rate.period.to.clone(),
        rate.basis.position.to_string(),
        rate.basis.ledger.to_owned(),
        counts.verdict.to_owned(),
        counts.numerator.to_string(),
        counts.denominator.to_string(),
        percent(&counts.rate),
        upper(&counts.secured_rate),
        percent(&counts.secured_rate),
        upper(&counts.electronic_rate),
        percent(&counts.electronic_rate),
        counts.paper_sheets.to_string(),
        counts.paper_coverage.active_days.to_string(),
        counts.paper_coverage.declared_days.to_string(),
        counts.beside.cancelled.to_string(),
        counts.beside.excluded.to_string(),
        counts.beside.by_hand.to_string(),
        counts.beside.both_ways.to_string(),
        text(counts.splits.lateness.get("late").or(Some(&0))),
        references.join("; "),
    ]
}

fn text(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// Quotes a cell where it must be. A cell that a spreadsheet would run as a formula is text.
fn csv_cell(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '@', '\t', '\r']);
    let cell = if formula {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

fn shape(snapshot: &Snapshot, centre: Finess, obligation: &Obligation) -> CentreRate {
    let versions = snapshot.centres.get(&centre).map(|found| &found.versions);
    let last_day = obligation.period.to();
    let version = versions
        .into_iter()
        .flatten()
        .rfind(|version| version.from <= last_day);
    let references = obligation.references.iter().map(ReferenceShape::from);
    let segments = obligation.segments.iter().map(SegmentShape::from);
    CentreRate {
        centre: centre.to_string(),
        name: version
            .map(|version| version.name.clone())
            .unwrap_or_default(),
        period: obligation.period.into(),
        category: obligation.category.as_str(),
        agreement: obligation.agreement.to_string(),
        statement: format!(
            "rate computed by the gateway under policy {}",
            obligation.agreement
        ),
        basis: basis(snapshot),
        counts: RateShape::from(&obligation.rate),
        references: references.collect(),
        segments: segments.collect(),
    }
}

fn basis(snapshot: &Snapshot) -> Basis {
    Basis {
        position: snapshot.position.0,
        counted_at: text(snapshot.counted_at),
        ledger: snapshot.soundness.as_str(),
    }
}

impl From<Period> for PeriodShape {
    fn from(period: Period) -> PeriodShape {
        PeriodShape {
            name: period.to_string(),
            form: period.form().as_str(),
            from: period.from().to_string(),
            to: period.to().to_string(),
        }
    }
}

impl From<&Rate> for RateShape {
    fn from(rate: &Rate) -> RateShape {
        let transmitted = rate.transmitted.iter();
        RateShape {
            verdict: rate.verdict.as_str(),
            threshold: rate
                .threshold
                .map(|threshold| ThresholdShape::new(threshold, rate.distance(threshold))),
            rate: rate.share().map(Ratio::from),
            secured_rate: rate.secured_share().map(Ratio::from),
            electronic_rate: rate.electronic_share().map(Ratio::from),
            numerator: rate.numerator,
            denominator: rate.denominator,
            paper_sheets: rate.paper_sheets,
            paper_coverage: CoverageShape {
                active_days: rate.coverage.active,
                declared_days: rate.coverage.declared,
            },
            transmitted: transmitted
                .map(|(mode, number)| (mode.as_str(), *number))
                .collect(),
            splits: SplitsShape {
                mode: split(&rate.splits.mode, |mode| mode.as_str()),
                kind: split(&rate.splits.kind, |kind| kind.as_str()),
                standing: split(&rate.splits.standing, |standing| standing.as_str()),
                lateness: split(&rate.splits.lateness, |late| late.as_str()),
            },
            beside: BesideShape {
                cancelled: rate.beside.cancelled,
                excluded: rate.beside.excluded,
                by_hand: rate.beside.by_hand,
                both_ways: rate.beside.both_ways,
            },
        }
    }
}

fn split<T: Copy>(
    parts: &BTreeMap<Slice<T>, i64>,
    word: impl Fn(T) -> &'static str,
) -> BTreeMap<&'static str, i64> {
    let named = parts.iter().map(|(slice, number)| match slice {
        Slice::Units(part) => (word(*part), *number),
        Slice::Paper => ("paper", *number),
    });
    named.collect()
}

impl From<Fraction> for Ratio {
    fn from(fraction: Fraction) -> Ratio {
        Ratio {
            numerator: fraction.numerator(),
            denominator: fraction.denominator(),
            percent: hundredths(
                i128::from(fraction.numerator()),
                i128::from(fraction.denominator()),
            ),
        }
    }
}

impl ThresholdShape {
    fn new(threshold: Threshold, distance: Option<Distance>) -> ThresholdShape {
        let (numerator, denominator) = threshold.fraction;
        ThresholdShape {
            comparator: match threshold.comparator {
                Comparator::AtLeast => "at_least",
                Comparator::MoreThan => "more_than",
            },
            numerator,
            denominator,
            distance: distance.map(DistanceShape::from),
        }
    }
}

impl From<Distance> for DistanceShape {
    fn from(distance: Distance) -> DistanceShape {
        DistanceShape {
            numerator: distance.numerator().to_string(),
            denominator: distance.denominator().to_string(),
            points: hundredths(distance.numerator(), distance.denominator()),
        }
    }
}

impl From<&Reference> for ReferenceShape {
    fn from(reference: &Reference) -> ReferenceShape {
        ReferenceShape {
            policy: reference.policy.to_string(),
            threshold: ThresholdShape::new(reference.threshold, reference.distance),
        }
    }
}

impl From<&Segment> for SegmentShape {
    fn from(segment: &Segment) -> SegmentShape {
        SegmentShape {
            from: segment.from.to_string(),
            to: segment.to.to_string(),
            category: segment.category.as_str(),
            agreement: segment.agreement.to_string(),
            counts: RateShape::from(&segment.rate),
        }
    }
}

/// A ratio in percent with two decimals, cut off downwards.
fn hundredths(numerator: i128, denominator: i128) -> String {
    let scaled = numerator.saturating_mul(10_000).div_euclid(denominator);
    let mut out = String::new();
    let sign = if scaled < 0 { "-" } else { "" };
    let (whole, part) = (scaled.abs() / 100, scaled.abs() % 100);
    write!(out, "{sign}{whole}.{part:02}").expect("a string takes every text");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_never_more_than_the_ratio() {
        for (numerator, denominator, text) in [
            (2, 3, "66.66"),
            (6_999_999, 10_000_000, "69.99"),
            (7, 10, "70.00"),
            (1, 1, "100.00"),
            (0, 9, "0.00"),
            (-1, 150, "-0.67"),
            (-1, 1_000_000, "-0.01"),
            (1, 1_000_000, "0.00"),
        ] {
            assert_eq!(hundredths(numerator, denominator), text);
        }
    }

    #[test]
    fn a_cell_of_a_table_is_text() {
        for (cell, written) in [
            ("Centre", "Centre"),
            ("Centre, annexe", "\"Centre, annexe\""),
            ("dit \"Le\"", "\"dit \"\"Le\"\"\""),
            ("=1+1", "'=1+1"),
            ("-0.67", "-0.67"),
        ] {
            assert_eq!(csv_cell(cell), written);
        }
    }
}
