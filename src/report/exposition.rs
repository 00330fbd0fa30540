//! The obligation as metrics: the family `bordereau_obligation_*` in Prometheus text, from the snapshot.
//!
//! It is written here and not by the exporter, because a series of a centre must vanish when the centre
//! leaves. At most 15 series a centre: four for each of month, quarter and year to date, and for year to date the
//! forecast, and threshold and gap only where the threshold is confirmed. The national families sum over all centres, also
//! over those that a cap leaves out, and have names of their own, so that no sum counts a document twice. No
//! hash, id or date is ever a label.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use crate::claims::agreement::{Agreements, Role, Status, Threshold};
use crate::claims::document::AgreementId;
use crate::claims::id::Finess;
use crate::claims::obligation::Obligation;
use crate::claims::period::Form;
use crate::claims::rate::{Coverage, Verdict};
use crate::claims::reconcile::bridge::Count;
use crate::claims::registry::Category;
use crate::claims::time::Timestamp;
use crate::report::CentreLabel;
use crate::report::snapshot::{CentreCounts, Snapshot};

/// One family of metrics; all are gauges.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// Its labels, in order; the centre may be switched off.
    pub labels: &'static str,
    /// What it says.
    pub help: &'static str,
}

const LABELS: &str = "centre, category, agreement, period";

const NATIONAL: &str = "category, agreement, period";

/// All families, in the order in which they are written.
pub const FAMILIES: [Family; 15] = [
    Family {
        name: "bordereau_obligation_ratio",
        labels: LABELS,
        help: "Share of documents transmitted, computed by the gateway under the agreement; absent without activity.",
    },
    Family {
        name: "bordereau_obligation_numerator_documents",
        labels: LABELS,
        help: "Documents transmitted on a positive receipt in the modes that the agreement counts.",
    },
    Family {
        name: "bordereau_obligation_denominator_documents",
        labels: LABELS,
        help: "Documents and declared paper sheets that the agreement counts.",
    },
    Family {
        name: "bordereau_obligation_threshold_ratio",
        labels: LABELS,
        help: "Confirmed threshold of the agreement for the category; absent where there is none.",
    },
    Family {
        name: "bordereau_obligation_paper_coverage_ratio",
        labels: LABELS,
        help: "Share of days with activity that have a declaration of paper sheets; absent without activity.",
    },
    Family {
        name: "bordereau_obligation_gap_documents",
        labels: LABELS,
        help: "Documents that must be transmitted besides to reach the confirmed threshold; absent where there is none, or all would not be enough.",
    },
    Family {
        name: "bordereau_obligation_forecast_ratio",
        labels: LABELS,
        help: "Share of documents transmitted with which the year ends at the present pace; absent without activity.",
    },
    Family {
        name: "bordereau_obligation_national_ratio",
        labels: NATIONAL,
        help: "Share of documents transmitted by all centres of the category together; absent without activity.",
    },
    Family {
        name: "bordereau_obligation_national_numerator_documents",
        labels: NATIONAL,
        help: "Documents of all centres of the category transmitted in the modes that the agreement counts.",
    },
    Family {
        name: "bordereau_obligation_national_denominator_documents",
        labels: NATIONAL,
        help: "Documents and declared paper sheets of all centres of the category.",
    },
    Family {
        name: "bordereau_obligation_national_forecast_ratio",
        labels: NATIONAL,
        help: "Share of documents transmitted with which the year of all centres of the category ends at the present pace of each.",
    },
    Family {
        name: "bordereau_obligation_national_centres",
        labels: "category, agreement, period, verdict",
        help: "Centres of the category by what may be said of their rate.",
    },
    Family {
        name: "bordereau_obligation_statement_age_seconds",
        labels: "",
        help: "Time since the last statement was published; absent where there is none.",
    },
    Family {
        name: "bordereau_obligation_reconciliation_age_seconds",
        labels: "",
        help: "Time since the last reconciliation; absent where there is none.",
    },
    Family {
        name: "bordereau_obligation_left_out_centres",
        labels: "",
        help: "Centres whose obligation is not shown because more are registered than the configured cap.",
    },
];

/// Labels of a series.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Labels {
    centre: Option<Finess>,
    category: Category,
    agreement: AgreementId,
    period: Form,
}

/// Sums over the centres of a series.
#[derive(Clone, Copy, Default)]
struct Sums {
    numerator: i64,
    denominator: i64,
    coverage: Coverage,
    threshold: Option<Threshold>,
    forecast: Count,
}

/// The family as Prometheus text at an instant, to be appended to the exporter's.
pub fn render(
    snapshot: &Snapshot,
    agreements: &Agreements,
    label: CentreLabel,
    now: Timestamp,
) -> String {
    let (series, left_out) = series(snapshot, agreements, label);
    let mut out = String::new();
    let [
        ratio,
        numerator,
        denominator,
        threshold,
        coverage,
        gap,
        forecast,
        ..,
    ] = FAMILIES;
    let [
        ..,
        all_ratio,
        all_numerator,
        all_denominator,
        all_forecast,
        centres,
        statement,
        reconciliation,
        left,
    ] = FAMILIES;
    family(&mut out, ratio, &series, |sums| {
        share(sums.numerator, sums.denominator)
    });
    family(&mut out, numerator, &series, |sums| {
        Some(number(sums.numerator))
    });
    family(&mut out, denominator, &series, |sums| {
        Some(number(sums.denominator))
    });
    family(&mut out, threshold, &series, |sums| {
        let (upper, lower) = sums.threshold?.fraction;
        share(i64::from(upper), i64::from(lower))
    });
    family(&mut out, coverage, &series, |sums| {
        share(sums.coverage.declared, sums.coverage.active)
    });
    family(&mut out, gap, &series, |sums| {
        let missing = sums.threshold?.missing(sums.numerator, sums.denominator)?;
        Some(number(missing))
    });
    let ahead = |sums: &Sums| share(sums.forecast.numerator, sums.forecast.denominator);
    family(&mut out, forecast, &series, ahead);
    let national = national(snapshot);
    let sums: BTreeMap<&Labels, &Sums> = national
        .iter()
        .map(|(labels, national)| (labels, &national.sums))
        .collect();
    family(&mut out, all_ratio, &sums, |sums| {
        share(sums.numerator, sums.denominator)
    });
    family(&mut out, all_numerator, &sums, |sums| {
        Some(number(sums.numerator))
    });
    family(&mut out, all_denominator, &sums, |sums| {
        Some(number(sums.denominator))
    });
    family(&mut out, all_forecast, &sums, ahead);
    verdicts(&mut out, centres, &national);
    age(&mut out, statement, snapshot.evidence.statement, now);
    age(
        &mut out,
        reconciliation,
        snapshot.evidence.reconciliation,
        now,
    );
    head(&mut out, left);
    line(&mut out, format_args!("{} {left_out}", left.name));
    out
}

/// What all centres of a category amount to under an agreement, in a period.
#[derive(Default)]
struct National {
    sums: Sums,
    verdicts: BTreeMap<Verdict, i64>,
}

/// Sums over all centres, whether or not each is shown.
fn national(snapshot: &Snapshot) -> BTreeMap<Labels, National> {
    let mut found: BTreeMap<Labels, National> = BTreeMap::new();
    let centres = snapshot.centres.values();
    let current = centres.flat_map(|centre| centre.current.iter().map(move |one| (centre, one)));
    for (centre, obligation) in current {
        let labels = Labels {
            centre: None,
            category: obligation.category,
            agreement: obligation.agreement.clone(),
            period: obligation.period.form(),
        };
        let national = found.entry(labels).or_default();
        national.sums.add(centre, obligation);
        *national
            .verdicts
            .entry(obligation.rate.verdict)
            .or_default() += 1;
    }
    found
}

/// How long ago something was, if it ever was.
fn age(out: &mut String, family: Family, since: Option<Timestamp>, now: Timestamp) {
    if let Some(since) = since {
        head(out, family);
        let seconds = now.since(since).as_secs();
        line(out, format_args!("{} {seconds}", family.name));
    }
}

fn verdicts(out: &mut String, family: Family, national: &BTreeMap<Labels, National>) {
    if national.is_empty() {
        return;
    }
    head(out, family);
    for (labels, found) in national {
        for (verdict, centres) in &found.verdicts {
            let (name, verdict) = (family.name, verdict.as_str());
            line(
                out,
                format_args!("{name}{{{labels},verdict=\"{verdict}\"}} {centres}"),
            );
        }
    }
}

/// All series, and how many centres the cap leaves out.
fn series(
    snapshot: &Snapshot,
    agreements: &Agreements,
    label: CentreLabel,
) -> (BTreeMap<Labels, Sums>, usize) {
    let mut series: BTreeMap<Labels, Sums> = BTreeMap::new();
    let mut shown: Vec<Finess> = Vec::new();
    let mut left_out: Vec<Finess> = Vec::new();
    let centres = snapshot.centres.iter();
    let current = centres.flat_map(|(finess, centre)| {
        let current = centre.current.iter();
        current.map(|obligation| (*finess, &**centre, obligation))
    });
    for (finess, counts, obligation) in current {
        let centre = match label {
            CentreLabel::Off => None,
            CentreLabel::UpTo(most) => {
                let full = shown.len() >= usize::try_from(most).unwrap_or(usize::MAX);
                if shown.last() != Some(&finess) && full {
                    left_out.push(finess);
                    continue;
                }
                if shown.last() != Some(&finess) {
                    shown.push(finess);
                }
                Some(finess)
            }
        };
        let labels = Labels {
            centre,
            category: obligation.category,
            agreement: obligation.agreement.clone(),
            period: obligation.period.form(),
        };
        let sums = series.entry(labels).or_default();
        sums.add(counts, obligation);
        sums.threshold = confirmed(agreements, &obligation.agreement, obligation.category)
            .filter(|_| obligation.period.form() == Form::YearToDate);
    }
    left_out.dedup();
    (series, left_out.len())
}

/// The threshold, where it may be shown beside a rate without misleading.
fn confirmed(agreements: &Agreements, id: &AgreementId, category: Category) -> Option<Threshold> {
    let agreement = agreements.get(id)?;
    match (agreement.role, agreement.status) {
        (Role::Agreement, Status::Confirmed) => agreement.threshold(category),
        (Role::Agreement | Role::Reference, Status::Confirmed | Status::Unconfirmed) => None,
    }
}

impl Sums {
    /// Adds a centre's obligation; its forecast is that of the year, and stands beside the year to date alone.
    fn add(&mut self, centre: &CentreCounts, obligation: &Obligation) {
        let rate = &obligation.rate;
        if let (Form::YearToDate, Some(end)) = (obligation.period.form(), centre.forecast) {
            self.forecast.numerator += end.numerator;
            self.forecast.denominator += end.denominator;
        }
        self.numerator += rate.numerator;
        self.denominator += rate.denominator;
        self.coverage.active += rate.coverage.active;
        self.coverage.declared += rate.coverage.declared;
    }
}

fn family<L: Borrow<Labels>, S: Borrow<Sums>>(
    out: &mut String,
    family: Family,
    series: &BTreeMap<L, S>,
    value: impl Fn(&Sums) -> Option<f64>,
) {
    let mut lines = series
        .iter()
        .filter_map(|(labels, sums)| Some((labels.borrow(), value(sums.borrow())?)))
        .peekable();
    // A family without series says nothing, not even its help.
    if lines.peek().is_none() {
        return;
    }
    head(out, family);
    for (labels, value) in lines {
        line(out, format_args!("{}{{{labels}}} {value}", family.name));
    }
}

fn head(out: &mut String, family: Family) {
    let Family { name, help, .. } = family;
    line(out, format_args!("# HELP {name} {help}"));
    line(out, format_args!("# TYPE {name} gauge"));
}

fn line(out: &mut String, text: fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a string takes every text");
}

/// A ratio as a float: metrics know no fractions.
fn share(upper: i64, lower: i64) -> Option<f64> {
    (lower > 0).then(|| number(upper) / number(lower))
}

/// Counts stay far below 2^53, up to which a float is exact.
fn number(count: i64) -> f64 {
    count as f64
}

impl fmt::Display for Labels {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(centre) = self.centre {
            write!(out, "centre=\"{centre}\",")?;
        }
        // The id of an agreement holds neither quotes nor backslashes.
        write!(
            out,
            "category=\"{}\",agreement=\"{}\",period=\"{}\"",
            self.category.as_str(),
            self.agreement,
            self.period.as_str()
        )
    }
}
