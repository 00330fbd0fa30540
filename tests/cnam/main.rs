//! Reconciliation against a caisse that shares nothing with the gateway: precision and recall of each cause.
//!
//! The generator writes both sides and the truth; the finder reads both sides; only the score reads the truth.
//! A sample runs with the other tests. The whole registry, with its times and sizes:
//!
//! ```sh
//! CNAM_CENTRES=3005 CNAM_DOCUMENTS=83 cargo test --release --test cnam -- --nocapture
//! ```

mod backtest;
mod finder;
mod generator;
mod road;
mod score;
mod year;

use std::collections::BTreeMap;
use std::time::Instant;

use generator::Size;

/// The least precision and recall of a cause that was found document by document.
const LEAST_BY_DOCUMENT: f64 = 0.99;

/// The least precision of a cause that was found by counts alone, and recall of residuals there: a rounded number
/// may happen to be what a whole set of documents explains exactly.
const LEAST_BY_COUNT: f64 = 0.90;

/// What the generator puts in; a policy's exclusions are the gateway's own and stand in its unit tests.
const PUT_IN: [&str; 11] = [
    "not-yet-answered",
    "refused",
    "rejected-later",
    "other-period",
    "other-mode",
    "late-on-one-side",
    "paper-only-there",
    "duplicate",
    "other-route",
    "unknown-to-us",
    "unknown-to-them",
];

#[test]
fn every_cause_is_found_and_none_is_made_up() {
    let size = Size {
        centres: asked("CNAM_CENTRES", 60),
        documents: asked("CNAM_DOCUMENTS", 30),
    };
    let directory = tempfile::tempdir().expect("a temporary directory");
    generator::write(directory.path(), 20_261_122, size).expect("the generator writes");
    let started = clock();
    let found = finder::find(directory.path());
    let took = started.elapsed();
    let score = score::against(directory.path(), &found);
    println!(
        "{size:?}: {} units, {} rows, {took:?}",
        found.units, found.rows
    );
    println!("{score}");
    assert!(
        found.broken.is_empty(),
        "bridges that do not sum: {:?}",
        found.broken
    );
    for cause in PUT_IN {
        let put_in = |lines: &BTreeMap<String, score::Line>| {
            lines.get(cause).is_some_and(|line| line.true_ones > 0)
        };
        assert!(put_in(&score.documents) || put_in(&score.months), "{cause}");
    }
    for (cause, line) in &score.documents {
        assert!(line.precision() >= LEAST_BY_DOCUMENT, "{cause}: {line}");
        assert!(line.recall() >= LEAST_BY_DOCUMENT, "{cause}: {line}");
    }
    for (cause, line) in &score.months {
        assert!(line.precision() >= LEAST_BY_COUNT, "{cause}: {line}");
    }
    let (false_ones, recall) = score.residuals();
    assert!(false_ones.is_empty(), "{false_ones:?}");
    assert!(recall >= LEAST_BY_COUNT, "{recall}");
}

#[test]
fn the_generator_knows_nothing_of_the_crate_and_the_finder_nothing_of_the_truth() {
    let generator = include_str!("generator.rs");
    assert!(!generator.contains("bordereau::") && !generator.contains("use crate"));
    assert!(!include_str!("finder.rs").contains("truth"));
}

#[expect(
    clippy::disallowed_methods,
    reason = "the size of the long run is asked for on the command line of cargo"
)]
fn asked(name: &str, otherwise: u32) -> u32 {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| text.parse().expect("a number"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the time that it takes is printed, and nothing depends on it"
)]
fn clock() -> Instant {
    Instant::now()
}
