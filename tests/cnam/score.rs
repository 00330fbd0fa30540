//! The score: what was found against the truth, cause by cause.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use bordereau::claims::reconcile::Depth;

use crate::finder::Found;

/// Precision and recall of each cause.
#[derive(Default)]
pub struct Score {
    /// By document.
    pub documents: BTreeMap<String, Line>,
    /// By month, where a difference names no document.
    pub months: BTreeMap<String, Line>,
    /// Months with a residual: found, and true.
    pub residual_found: BTreeMap<(String, String), i64>,
    pub residual_true: BTreeMap<(String, String), i64>,
}

/// One cause.
#[derive(Default)]
pub struct Line {
    pub found: usize,
    pub true_ones: usize,
    pub right: usize,
}

type Key = (String, String, String);

/// Compares what was found with the truth.
pub fn against(directory: &Path, found: &Found) -> Score {
    let truth = fs::read_to_string(directory.join("truth.csv")).expect("the truth");
    let (mut documents, mut months) = (BTreeSet::new(), BTreeSet::new());
    let mut score = Score::default();
    for line in truth.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |index: usize| cells[index].to_owned();
        match cells[0] {
            "document" => {
                documents.insert((cell(1), cell(2), cell(3)));
            }
            "month" => {
                months.insert((cell(1), cell(2), format!("{} {}", cells[3], cells[4])));
            }
            "residual" => {
                let key = (cell(2), cells[3][..7].to_owned());
                *score.residual_true.entry(key).or_default() +=
                    cells[4].parse::<i64>().expect("a number");
            }
            other => panic!("{other}"),
        }
    }
    let (by_document, by_month) = keys(found);
    score.documents = lines(&by_document, &documents);
    score.months = lines(&by_month, &months);
    for (centre, one) in &found.centres {
        for (month, span) in &one.months {
            if span.residual.denominator != 0 {
                let key = (centre.to_string(), month.to_string());
                score.residual_found.insert(key, span.residual.denominator);
            }
        }
    }
    score.residual_true.retain(|_, off| *off != 0);
    score
}

/// What was found, as the truth would write it. Paper without a number is one line a month.
fn keys(found: &Found) -> (BTreeSet<Key>, BTreeSet<Key>) {
    let (mut documents, mut sums) = (BTreeSet::new(), BTreeMap::<Key, i64>::new());
    for (centre, one) in &found.centres {
        for difference in &one.differences {
            let cause = difference.cause.as_str().to_owned();
            match difference.number {
                Some((_, number)) if one.depth != Depth::Counts => {
                    documents.insert((cause, centre.to_string(), number.to_string()));
                }
                Some(_) | None => {
                    let month = difference.effects[0].0.to_string();
                    *sums.entry((cause, centre.to_string(), month)).or_default() +=
                        difference.documents;
                }
            }
        }
    }
    let months = sums
        .into_iter()
        .map(|((cause, centre, month), documents)| (cause, centre, format!("{month} {documents}")));
    (documents, months.collect())
}

fn lines(found: &BTreeSet<Key>, truth: &BTreeSet<Key>) -> BTreeMap<String, Line> {
    let mut lines: BTreeMap<String, Line> = BTreeMap::new();
    for key in found {
        let line = lines.entry(key.0.clone()).or_default();
        line.found += 1;
        line.right += usize::from(truth.contains(key));
    }
    for key in truth {
        lines.entry(key.0.clone()).or_default().true_ones += 1;
    }
    lines
}

impl Score {
    /// Residuals that are not in the truth with their amount, and the share of the true ones that was found.
    pub fn residuals(&self) -> (Vec<&(String, String)>, f64) {
        let is_true =
            |key: &&(String, String)| self.residual_true.get(*key) == self.residual_found.get(*key);
        let false_ones = self.residual_found.keys().filter(|key| !is_true(key));
        let right = self.residual_found.keys().filter(is_true).count();
        (false_ones.collect(), share(right, self.residual_true.len()))
    }
}

impl Line {
    /// The share of what was found that is true.
    pub fn precision(&self) -> f64 {
        share(self.right, self.found)
    }

    /// The share of what is true that was found.
    pub fn recall(&self) -> f64 {
        share(self.right, self.true_ones)
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        1.0
    } else {
        part as f64 / whole as f64
    }
}

impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (found, true_ones) = (self.found, self.true_ones);
        write!(
            out,
            "found {found:>7}  true {true_ones:>7}  precision {:.4}  recall {:.4}",
            self.precision(),
            self.recall()
        )
    }
}

impl fmt::Display for Score {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (how, lines) in [("document", &self.documents), ("month", &self.months)] {
            for (cause, line) in lines {
                writeln!(out, "{how:<9} {cause:<18} {line}")?;
            }
        }
        let (found, true_ones) = (self.residual_found.len(), self.residual_true.len());
        write!(out, "residual  found {found} months, true {true_ones}")
    }
}
