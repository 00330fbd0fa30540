//! The obligation as metrics: the family `bordereau_obligation_*` in Prometheus text, from the snapshot.
//!
//! It is written here and not by the exporter, because a series of a centre must vanish when the centre
//! leaves. At most 15 series a centre: four for each of month, quarter and year to date, and for year to date the
//! forecast, and threshold and gap only where the threshold is confirmed. The national families sum over all centres, also
//! over those that a cap leaves out, and have names of their own, so that no sum counts a document twice. No
//! hash, id or date is ever a label.

pub mod families;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use crate::claims::agreement::{Agreements, Role, Status, Threshold};
use crate::claims::document::AgreementId;
use crate::claims::id::Finess;
use crate::claims::obligation::Obligation;
use crate::claims::period::Form;
use crate::claims::rate::{PaperCoverage, Verdict};
use crate::claims::reconcile::bridge::Count;
use crate::claims::registry::{Category, Centre};
use crate::claims::time::{Day, Timestamp};
use crate::report::CentreLabel;
use crate::report::count::snapshot::{CentreCounts, Snapshot};
use crate::report::exposition::families::Family;

/// About as many bytes as a series takes in all families together.
const BYTES_OF_A_SERIES: usize = 768;

/// Labels of a series.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Labels<'a> {
    centre: Option<Finess>,
    category: Category,
    agreement: &'a AgreementId,
    period: Form,
}

/// A series of several families: its labels are written once for all of them, since a scrape has thousands.
struct Series {
    labels: String,
    sums: Sums,
}

/// The value of a series.
enum Figure {
    Count(i64),
    Share(f64),
}

/// Sums over the centres of a series.
#[derive(Clone, Copy, Default)]
struct Sums {
    numerator: i64,
    denominator: i64,
    coverage: PaperCoverage,
    threshold: Option<Threshold>,
    forecast: Count,
}

/// The value of a family by the sums of a series, if it has one.
type OfSums = fn(&Sums) -> Option<Figure>;

/// The families of each centre, and their values.
const OF_A_CENTRE: [(Family, OfSums); 7] = [
    (families::RATIO, Sums::ratio),
    (families::NUMERATOR, Sums::numerator),
    (families::DENOMINATOR, Sums::denominator),
    (families::THRESHOLD, Sums::threshold),
    (families::PAPER_COVERAGE, Sums::paper_coverage),
    (families::GAP, Sums::gap),
    (families::FORECAST, Sums::forecast),
];

/// The families of all centres of a category together, and their values.
const OF_ALL_CENTRES: [(Family, OfSums); 4] = [
    (families::NATIONAL_RATIO, Sums::ratio),
    (families::NATIONAL_NUMERATOR, Sums::numerator),
    (families::NATIONAL_DENOMINATOR, Sums::denominator),
    (families::NATIONAL_FORECAST, Sums::forecast),
];

/// The family as Prometheus text at an instant, to be appended to the exporter's.
pub fn render(
    snapshot: &Snapshot,
    agreements: &Agreements,
    label: CentreLabel,
    now: Timestamp,
) -> String {
    let (series, left_out) = series(snapshot, agreements, label);
    let mut out = String::with_capacity(series.len() * BYTES_OF_A_SERIES);
    for (family, figure) in OF_A_CENTRE {
        write_family(&mut out, family, &series, figure);
    }
    let national = national(snapshot);
    let sums: Vec<Series> = national
        .iter()
        .map(|(labels, national)| Series::new(labels, national.sums))
        .collect();
    for (family, figure) in OF_ALL_CENTRES {
        write_family(&mut out, family, &sums, figure);
    }
    verdicts(&mut out, &national);
    // Before the first count nobody knows.
    if snapshot.counted_at.is_some() {
        head(&mut out, families::UNBOUND);
        let name = families::UNBOUND.name;
        let centres = without_agreement(snapshot, agreements, now.day());
        line(&mut out, format_args!("{name} {centres}"));
    }
    let made = &snapshot.evidence;
    age(&mut out, families::STATEMENT_AGE, made.statement, now);
    age(
        &mut out,
        families::RECONCILIATION_AGE,
        made.reconciliation,
        now,
    );
    head(&mut out, families::LEFT_OUT);
    let name = families::LEFT_OUT.name;
    line(&mut out, format_args!("{name} {left_out}"));
    out
}

/// What all centres of a category amount to under an agreement, in a period.
#[derive(Default)]
struct National {
    sums: Sums,
    verdicts: BTreeMap<Verdict, i64>,
}

/// Sums over all centres, whether or not each is shown.
fn national(snapshot: &Snapshot) -> BTreeMap<Labels<'_>, National> {
    let mut found: BTreeMap<Labels<'_>, National> = BTreeMap::new();
    let centres = snapshot.centres.values();
    let current = centres.flat_map(|centre| centre.current.iter().map(move |one| (centre, one)));
    for (centre, obligation) in current {
        let labels = Labels {
            centre: None,
            category: obligation.category,
            agreement: &obligation.agreement,
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

/// How many centres are registered on a day under an agreement that is not in effect then, or that nobody knows.
fn without_agreement(snapshot: &Snapshot, agreements: &Agreements, day: Day) -> usize {
    let unbound = |centre: &&std::sync::Arc<CentreCounts>| {
        let version = Centre::on(&centre.versions, day);
        version.is_some_and(|version| agreements.in_effect(&version.agreement, day).is_none())
    };
    snapshot.centres.values().filter(unbound).count()
}

/// How long ago something was, if it ever was.
fn age(out: &mut String, family: Family, since: Option<Timestamp>, now: Timestamp) {
    if let Some(since) = since {
        head(out, family);
        let seconds = now.since(since).as_secs();
        line(out, format_args!("{} {seconds}", family.name));
    }
}

fn verdicts(out: &mut String, national: &BTreeMap<Labels<'_>, National>) {
    if national.is_empty() {
        return;
    }
    let family = families::NATIONAL_CENTRES;
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
) -> (Vec<Series>, usize) {
    let mut series: BTreeMap<Labels<'_>, Sums> = BTreeMap::new();
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
            agreement: &obligation.agreement,
            period: obligation.period.form(),
        };
        let sums = series.entry(labels).or_default();
        sums.add(counts, obligation);
        sums.threshold = confirmed(agreements, &obligation.agreement, obligation.category)
            .filter(|_| obligation.period.form() == Form::YearToDate)
            // The obligation is each centre's: a sum of centres has no threshold, and what one has too many does not
            // help another.
            .filter(|_| centre.is_some());
    }
    left_out.dedup();
    let written = series.iter();
    let written = written.map(|(labels, sums)| Series::new(labels, *sums));
    (written.collect(), left_out.len())
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

    fn ratio(&self) -> Option<Figure> {
        share(self.numerator, self.denominator)
    }

    fn numerator(&self) -> Option<Figure> {
        Some(Figure::Count(self.numerator))
    }

    fn denominator(&self) -> Option<Figure> {
        Some(Figure::Count(self.denominator))
    }

    fn threshold(&self) -> Option<Figure> {
        let (upper, lower) = self.threshold?.fraction;
        share(i64::from(upper), i64::from(lower))
    }

    fn paper_coverage(&self) -> Option<Figure> {
        share(self.coverage.declared, self.coverage.active)
    }

    fn gap(&self) -> Option<Figure> {
        let missing = self.threshold?.missing(self.numerator, self.denominator)?;
        Some(Figure::Count(missing))
    }

    fn forecast(&self) -> Option<Figure> {
        share(self.forecast.numerator, self.forecast.denominator)
    }
}

impl Series {
    fn new(labels: &Labels<'_>, sums: Sums) -> Series {
        Series {
            labels: labels.to_string(),
            sums,
        }
    }
}

fn write_family(out: &mut String, family: Family, series: &[Series], value: OfSums) {
    let mut lines = series
        .iter()
        .filter_map(|series| Some((&series.labels, value(&series.sums)?)))
        .peekable();
    // A family without series says nothing, not even its help.
    if lines.peek().is_none() {
        return;
    }
    head(out, family);
    for (labels, figure) in lines {
        for part in [family.name, "{", labels, "} "] {
            out.push_str(part);
        }
        match figure {
            Figure::Count(count) => line(out, format_args!("{count}")),
            Figure::Share(share) => line(out, format_args!("{share}")),
        }
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

/// A ratio as a float: metrics know no fractions. Counts stay far below 2^53, up to which a float is exact.
fn share(upper: i64, lower: i64) -> Option<Figure> {
    (lower > 0).then(|| Figure::Share(upper as f64 / lower as f64))
}

impl fmt::Display for Labels<'_> {
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
