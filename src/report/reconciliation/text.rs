//! The result of a reconciliation: both counts of each centre, the bridge between them, and every difference.
//!
//! It is written once and kept as the body of its entry: whatever comes later, it can be shown again byte for byte,
//! and its tables are written from that.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::claims::id::Finess;
use crate::claims::reconcile::Depth;
use crate::claims::reconcile::bridge::{Count, Difference, Span};
use crate::claims::reconcile::cause::Cause;
use crate::claims::reconcile::figures::Month;
use crate::report::rate::shapes::Ratio;
use crate::report::reconciliation::Asked;
use crate::report::reconciliation::orphans::Orphans;

/// The result of a reconciliation, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The digest of the figures.
    pub figures: String,
    /// First day.
    pub from: String,
    /// Last day.
    pub to: String,
    /// All centres are read at this position at least.
    pub position: u64,
    /// Months asked for of which the figures say nothing of any centre: nothing is compared there.
    pub no_figures: Vec<String>,
    /// The sum over all centres.
    pub total: SpanText,
    /// Centres compared, in order of FINESS.
    pub centres: Vec<CentreText>,
    /// Centres that could not be compared, and why.
    pub without: Vec<Without>,
    /// Every difference.
    pub differences: Vec<DifferenceText>,
    /// What the insurer said since the first day that no document answers to; counted nowhere.
    pub orphans: Orphans,
}

/// One centre.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CentreText {
    /// FINESS.
    pub centre: String,
    /// The agreement by whose rule both sides are counted.
    pub agreement: String,
    /// `documents`, `counts` or `absent`: how far the figures reach at most.
    pub depth: String,
    /// Our units are those of this position.
    pub position: u64,
    /// The whole period.
    #[serde(flatten)]
    pub span: SpanText,
    /// Month by month.
    pub months: Vec<MonthText>,
}

/// One month of a centre.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthText {
    /// The month.
    pub month: String,
    /// How far the figures reach in it.
    pub depth: String,
    /// Its bridge.
    #[serde(flatten)]
    pub span: SpanText,
}

/// Ours, the steps, what is left, theirs: ours plus all steps plus the residual is theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanText {
    /// As the gateway counts.
    pub ours: CountText,
    /// What each cause changes.
    pub bridge: Vec<StepText>,
    /// What no cause explains.
    pub residual: ChangeText,
    /// As the caisse counts.
    pub theirs: CountText,
}

/// A count and its ratio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountText {
    /// Upper number.
    pub numerator: i64,
    /// Lower number.
    pub denominator: i64,
    /// In percent with two decimals, cut off; none without activity.
    pub percent: Option<String>,
}

/// A change of a count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeText {
    /// Of the upper number.
    pub numerator: i64,
    /// Of the lower number.
    pub denominator: i64,
}

/// A step of a bridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepText {
    /// Its cause.
    pub cause: String,
    /// The cause in French.
    pub fr: String,
    /// The cause in English.
    pub en: String,
    /// What it changes.
    #[serde(flatten)]
    pub change: ChangeText,
}

/// A centre that could not be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Without {
    /// FINESS.
    pub centre: String,
    /// Why.
    pub reason: String,
}

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferenceText {
    /// Its number in the result, from 1.
    pub line: u32,
    /// FINESS.
    pub centre: String,
    /// Its cause.
    pub cause: String,
    /// How many documents it stands for.
    pub documents: i64,
    /// Our document.
    pub document: Option<String>,
    /// Kind.
    pub kind: Option<String>,
    /// Numéro.
    pub number: Option<String>,
    /// The letter of entity 102 under which the caisse has it.
    pub r#type: Option<String>,
    /// The day by which the caisse counts it.
    pub date: Option<String>,
    /// The line of the caisse's file.
    pub file_line: Option<u32>,
    /// What it changes in which months.
    pub effects: Vec<EffectText>,
}

/// What a difference changes in one month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectText {
    /// The month.
    pub month: String,
    /// The change.
    #[serde(flatten)]
    pub change: ChangeText,
}

impl Outcome {
    /// Of figures over a period; nothing is compared yet.
    pub(in crate::report) fn empty(asked: &Asked<'_>, position: u64) -> Outcome {
        Outcome {
            figures: asked.digest.to_string(),
            from: asked.period.from().to_string(),
            to: asked.period.to().to_string(),
            position,
            no_figures: Vec::new(),
            total: SpanText::from(&Span::default()),
            centres: Vec::new(),
            without: Vec::new(),
            differences: Vec::new(),
            orphans: Orphans::default(),
        }
    }

    /// Nothing could be compared in these months.
    pub(in crate::report) fn no_figures(&mut self, months: &BTreeSet<Month>) {
        self.no_figures = months.iter().map(Month::to_string).collect();
    }

    /// A centre could not be compared.
    pub(in crate::report) fn without(&mut self, centre: Finess, reason: String) {
        self.without.push(Without {
            centre: centre.to_string(),
            reason,
        });
    }

    /// What was found of a centre.
    pub(in crate::report) fn differ(&mut self, centre: Finess, differences: &[Difference]) {
        for difference in differences {
            let line = u32::try_from(self.differences.len() + 1).unwrap_or(u32::MAX);
            self.differences
                .push(DifferenceText::new(line, centre, difference));
        }
    }

    /// Rows of a table of the bridge, the header first: one for ours, each step, the residual and theirs, by
    /// centre and month.
    pub fn bridge_rows(&self) -> Vec<Vec<String>> {
        let header = ["centre", "month", "step", "numerator", "denominator"];
        let mut rows = vec![header.map(str::to_owned).to_vec()];
        for centre in &self.centres {
            for month in &centre.months {
                for (step, numerator, denominator) in month.span.steps() {
                    let (numerator, denominator) = (numerator.to_string(), denominator.to_string());
                    let (centre, month) = (centre.centre.clone(), month.month.clone());
                    rows.push(vec![centre, month, step.to_owned(), numerator, denominator]);
                }
            }
        }
        rows
    }
}

impl SpanText {
    fn steps(&self) -> Vec<(&str, i64, i64)> {
        let whole = |name, count: &CountText| (name, count.numerator, count.denominator);
        let mut steps = vec![whole("ours", &self.ours)];
        let changes = self.bridge.iter();
        steps.extend(changes.map(|step| {
            let change = &step.change;
            (step.cause.as_str(), change.numerator, change.denominator)
        }));
        let residual = &self.residual;
        steps.push(("residual", residual.numerator, residual.denominator));
        steps.push(whole("theirs", &self.theirs));
        steps
    }
}

impl DifferenceText {
    fn new(line: u32, centre: Finess, difference: &Difference) -> DifferenceText {
        let (kind, number) = difference.number.unzip();
        let theirs = difference.theirs;
        DifferenceText {
            line,
            centre: centre.to_string(),
            cause: difference.cause.as_str().to_owned(),
            documents: difference.documents,
            document: difference.ours.map(|document| document.to_string()),
            kind: kind.map(|kind| kind.as_str().to_owned()),
            number: number.map(|number| number.to_string()),
            r#type: theirs.map(|(class, ..)| class.as_str().to_owned()),
            date: theirs.map(|(_, day, _)| day.to_string()),
            file_line: theirs.map(|(.., line)| line),
            effects: difference.effects.iter().map(EffectText::from).collect(),
        }
    }

    /// The columns of a table of differences.
    pub const COLUMNS: [&'static str; 11] = [
        "line",
        "centre",
        "cause",
        "documents",
        "document",
        "kind",
        "number",
        "type",
        "date",
        "file_line",
        "effects",
    ];

    /// One row of it.
    pub fn row(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let effects = self.effects.iter().map(|effect| {
            let change = &effect.change;
            format!(
                "{} {:+}/{:+}",
                effect.month, change.numerator, change.denominator
            )
        });
        vec![
            self.line.to_string(),
            self.centre.clone(),
            self.cause.clone(),
            self.documents.to_string(),
            text(&self.document),
            text(&self.kind),
            text(&self.number),
            text(&self.r#type),
            text(&self.date),
            self.file_line
                .map_or_else(String::new, |line| line.to_string()),
            effects.collect::<Vec<_>>().join("; "),
        ]
    }
}

impl From<&Span> for SpanText {
    fn from(span: &Span) -> SpanText {
        // Causes in the order of the list; those that change nothing are no step.
        let steps = Cause::ALL.into_iter().filter_map(|cause| {
            let change = span
                .steps
                .get(&cause)
                .filter(|change| **change != Count::ZERO)?;
            Some(StepText {
                cause: cause.as_str().to_owned(),
                fr: cause.fr().to_owned(),
                en: cause.en().to_owned(),
                change: ChangeText::from(change),
            })
        });
        SpanText {
            ours: CountText::from(&span.ours),
            bridge: steps.collect(),
            residual: ChangeText::from(&span.residual),
            theirs: CountText::from(&span.theirs),
        }
    }
}

impl MonthText {
    pub(in crate::report) fn new(month: Month, depth: Depth, span: &Span) -> MonthText {
        MonthText {
            month: month.to_string(),
            depth: depth.as_str().to_owned(),
            span: SpanText::from(span),
        }
    }
}

impl From<&Count> for CountText {
    fn from(count: &Count) -> CountText {
        CountText {
            numerator: count.numerator,
            denominator: count.denominator,
            percent: count.share().map(|share| Ratio::from(share).percent),
        }
    }
}

impl From<&Count> for ChangeText {
    fn from(count: &Count) -> ChangeText {
        ChangeText {
            numerator: count.numerator,
            denominator: count.denominator,
        }
    }
}

impl From<&(Month, Count)> for EffectText {
    fn from((month, count): &(Month, Count)) -> EffectText {
        EffectText {
            month: month.to_string(),
            change: ChangeText::from(count),
        }
    }
}
