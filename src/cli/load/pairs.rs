//! Pairs of runs, with a bad insurer and without it: what the others' documents wait, compared.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

/// What was found by pairs of runs.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// The 99th percentile at the other insurers, without the bad one and with it.
    rows: Vec<(Duration, Duration)>,
}

impl Pairs {
    /// One pair more.
    pub(super) fn add(&mut self, without: Duration, with: Duration) {
        self.rows.push((without, with));
    }

    /// As JSON: seconds and ratios.
    pub(super) fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "p99_without_seconds": row.0.as_secs_f64(),
                "p99_with_seconds": row.1.as_secs_f64(),
                "ratio": ratio(row),
            })
        });
        let ratios = self.ratios();
        json!({
            "pairs": rows.collect::<Vec<_>>(),
            "median_ratio": middle(&ratios),
            "least_ratio": ratios.first(),
            "most_ratio": ratios.last(),
        })
    }

    /// By how much the median ratio missed a bound.
    pub(super) fn missed(&self, most: f64) -> Option<String> {
        let median = middle(&self.ratios()).filter(|median| *median > most)?;
        Some(format!(
            "the median ratio is {median:.3}, and {most} was given"
        ))
    }

    /// In ascending order.
    fn ratios(&self) -> Vec<f64> {
        let mut ratios: Vec<f64> = self.rows.iter().map(ratio).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        ratios
    }
}

fn ratio(row: &(Duration, Duration)) -> f64 {
    row.1.as_secs_f64() / row.0.as_secs_f64().max(1e-9)
}

/// The median; of an even number the lower one of the two in the middle, which was measured.
fn middle(sorted: &[f64]) -> Option<f64> {
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

impl fmt::Display for Pairs {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            let milliseconds = |span: Duration| span.as_secs_f64() * 1e3;
            writeln!(
                out,
                "p99 at the other insurers: {:.1} ms without, {:.1} ms with, ratio {:.3}",
                milliseconds(row.0),
                milliseconds(row.1),
                ratio(row)
            )?;
        }
        let ratios = self.ratios();
        match (middle(&ratios), ratios.first(), ratios.last()) {
            (Some(median), Some(least), Some(most)) => {
                writeln!(
                    out,
                    "median ratio {median:.3}, from {least:.3} to {most:.3}"
                )
            }
            (_, _, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_one_of_the_ratios_and_the_spread_is_told() {
        let mut pairs = Pairs::default();
        for (without, with) in [(10, 30), (10, 10), (20, 10), (10, 20)] {
            pairs.add(Duration::from_millis(without), Duration::from_millis(with));
        }
        assert_eq!(pairs.ratios(), [0.5, 1.0, 2.0, 3.0]);
        let json = pairs.json();
        assert_eq!(json["median_ratio"], 1.0);
        assert_eq!(pairs.missed(1.0), None);
        assert_eq!(
            pairs.missed(0.99).as_deref(),
            Some("the median ratio is 1.000, and 0.99 was given")
        );
        assert_eq!(
            (&json["least_ratio"], &json["most_ratio"]),
            (&0.5.into(), &3.0.into())
        );
        assert!(
            pairs
                .to_string()
                .ends_with("median ratio 1.000, from 0.500 to 3.000\n")
        );
    }
}
