//! The shapes of rates for programs: counts as integers, ratios as their two numbers.
//!
//! A decimal stands beside a ratio, cut off and never rounded up, so that a rate is never shown at a threshold
//! that it does not reach.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::claims::agreement::{Agreement, Agreements, Comparator, Threshold};
use crate::claims::canon;
use crate::claims::document::{AgreementId, Exclusion, Exclusions};
use crate::claims::fraction::{Distance, Fraction};
use crate::claims::id::Digest;
use crate::claims::obligation::{Reference, Segment};
use crate::claims::period::Period;
use crate::claims::rate::{Rate, Slice};
use crate::report::count::snapshot::Snapshot;

/// A period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PeriodShape {
    /// As it is asked for.
    pub name: String,
    /// `month`, `quarter`, `year`, `year_to_date`, `rolling`, `days`.
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
    /// What may be said: `no data`, `paper unknown`, `aggregate`, `reference`, `unconfirmed`, `no threshold`,
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
    /// The excluded ones by reason; several reasons of one unit are joined by `+`. They sum to `excluded`.
    pub excluded_by: BTreeMap<String, i64>,
    /// In the denominator alone.
    pub by_hand: i64,
    /// With a positive receipt and a paper duplicate.
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
    /// SHA-256 of its canonical form.
    pub policy: Option<String>,
    /// The rate of these days.
    #[serde(flatten)]
    pub counts: RateShape,
}

/// What the answers from a snapshot were computed from.
pub(in crate::report) fn basis(snapshot: &Snapshot) -> Basis {
    Basis {
        position: snapshot.position.0,
        counted_at: snapshot
            .counted_at
            .map_or_else(String::new, |at| at.to_string()),
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
                excluded_by: rate
                    .excluded
                    .iter()
                    .map(|(reasons, number)| (words(*reasons), *number))
                    .collect(),
                by_hand: rate.beside.by_hand,
                both_ways: rate.beside.both_ways,
            },
        }
    }
}

/// The word of a comparator.
pub(in crate::report) fn comparator(comparator: Comparator) -> &'static str {
    match comparator {
        Comparator::AtLeast => "at_least",
        Comparator::MoreThan => "more_than",
    }
}

/// The words of exclusions, joined by `+`.
pub(in crate::report) fn words(exclusions: Exclusions) -> String {
    let words: Vec<&str> = exclusions.each().map(Exclusion::as_str).collect();
    words.join("+")
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
    pub(in crate::report) fn new(
        threshold: Threshold,
        distance: Option<Distance>,
    ) -> ThresholdShape {
        let (numerator, denominator) = threshold.fraction;
        ThresholdShape {
            comparator: comparator(threshold.comparator),
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

/// SHA-256 of the canonical form of a policy: by an id alone nobody can tell the file of today from another of before.
pub(in crate::report) fn policy_digest(policy: &Agreement) -> Digest {
    Digest(Sha256::digest(canon::bytes_of(policy)).into())
}

/// That of a policy by its id; none of one that is not known.
pub(in crate::report) fn digest_of(
    agreements: &Agreements,
    policy: &AgreementId,
) -> Option<String> {
    let policy = agreements.get(policy)?;
    Some(policy_digest(policy).to_string())
}

impl SegmentShape {
    pub(in crate::report) fn new(segment: &Segment, agreements: &Agreements) -> SegmentShape {
        SegmentShape {
            policy: digest_of(agreements, &segment.agreement),
            from: segment.from.to_string(),
            to: segment.to.to_string(),
            category: segment.category.as_str(),
            agreement: segment.agreement.to_string(),
            counts: RateShape::from(&segment.rate),
        }
    }
}

/// A ratio in percent with two decimals, cut off downwards.
pub(in crate::report) fn hundredths(numerator: i128, denominator: i128) -> String {
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
}
