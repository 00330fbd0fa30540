//! The load with the real program: figures when everything was counted as it should be, and none otherwise.

use std::process::Output;

use serde_json::Value;

use crate::gateway::program;

fn load(arguments: &[&str]) -> Output {
    program()
        .args(["load", "--centres", "4", "--rate", "100"])
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn a_run_that_holds_shows_its_figures() {
    for lot in ["1", "20"] {
        let output = load(&["--documents", "200", "--lot", lot, "--settle", "--json"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(figures["documents"], 200);
        // Open-loop: 200 documents at 100 a second take their two seconds, whoever answers how fast.
        assert!(figures["posted_seconds"].as_f64() > Some(1.5), "{figures}");
        assert!(
            figures["insurer_seconds"]["p99"].as_f64()
                >= figures["insurer_seconds"]["p50"].as_f64()
        );
    }
}

/// Down for ten seconds: what waited goes once the next probe finds the insurer back, and the others never notice.
#[test]
fn an_outage_is_drained_soon_after_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let plan = directory.path().join("plan.toml");
    let outage =
        "[wire]\nspells = [{ after_seconds = 2, seconds = 10, fault = \"reset-before\" }]\n";
    std::fs::write(&plan, outage).unwrap();
    let plan = plan.to_str().unwrap();
    // By its default settings an endpoint is probed at least every fifteen seconds.
    let bound = ["--drain-within", "30"];
    let output = load(
        &[
            &["--documents", "1600", "--plan", plan, "--json"],
            &bound[..],
        ]
        .concat(),
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    let drained = figures["drained_seconds"].as_f64().unwrap();
    assert!(drained < 30.0, "{figures}");
    let (all, others) = (
        &figures["insurer_seconds"],
        &figures["other_insurers_seconds"],
    );
    assert!(
        all["longest"].as_f64() > Some(5.0),
        "there was an outage: {figures}"
    );
    assert!(others["p99"].as_f64() < all["p99"].as_f64(), "{figures}");
}

/// A command that is written down with its bound fails when that is missed, and still shows what was found.
#[test]
fn a_bound_that_is_missed_is_told_after_the_figures() {
    let directory = tempfile::tempdir().unwrap();
    let plan = directory.path().join("plan.toml");
    let outage =
        "[wire]\nspells = [{ after_seconds = 1, seconds = 1, fault = \"reset-before\" }]\n";
    std::fs::write(&plan, outage).unwrap();
    let plan = ["--documents", "400", "--plan", plan.to_str().unwrap()];
    for (bound, told) in [
        (
            &["--drain-within", "0"][..],
            " s after the outage, and 0 s were given",
        ),
        (
            &["--pairs", "1", "--ratio-at-most", "0.000001"],
            "missed: the median ratio is ",
        ),
    ] {
        let output = load(&[&plan[..], bound, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(told), "{said}");
    }
    for bound in [["--drain-within", "9"], ["--ratio-at-most", "0"]] {
        assert_eq!(load(&bound).status.code(), Some(64), "{bound:?}");
    }
}

#[test]
fn pairs_of_runs_compare_the_insurers_without_faults() {
    let plan = "fixtures/scenarios/outage.toml";
    let output = load(&[
        "--documents",
        "100",
        "--plan",
        plan,
        "--pairs",
        "1",
        "--ratio-at-most",
        "1000",
        "--json",
    ]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(figures["pairs"].as_array().map(Vec::len), Some(1));
    assert_eq!(figures["median_ratio"], figures["pairs"][0]["ratio"]);
}

/// Whatever an insurer does to lots, answers and receipts: every document is with it once and counted once.
#[test]
fn every_scenario_ends_with_everything_counted_once() {
    let scenarios = std::fs::read_dir("fixtures/scenarios").unwrap();
    let mut scenarios: Vec<_> = scenarios.map(|entry| entry.unwrap().path()).collect();
    // The one takes five minutes, and the other refuses a document, which is no load: `road.rs` plays it.
    let others = ["outage-of-five-minutes.toml", "poison.toml"];
    scenarios.retain(|path| !others.iter().any(|other| path.ends_with(other)));
    scenarios.sort();
    assert_eq!(scenarios.len(), 8);
    for pair in scenarios.chunks(2) {
        std::thread::scope(|scope| {
            for path in pair {
                scope.spawn(move || {
                    let plan = path.to_str().unwrap();
                    let output =
                        load(&["--documents", "400", "--settle", "--plan", plan, "--json"]);
                    assert_eq!(output.status.code(), Some(0), "{plan}: {output:?}");
                });
            }
        });
    }
}

#[test]
fn a_run_that_does_not_hold_shows_none() {
    let directory = tempfile::tempdir().unwrap();
    let plan = directory.path().join("plan.toml");
    std::fs::write(
        &plan,
        "[receipts]\nlate_permille = 1000\nlate_milliseconds = 3600000\n",
    )
    .unwrap();
    let plan = plan.to_str().unwrap();
    let output = load(&["--documents", "40", "--plan", plan, "--patience", "2"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(output.stdout, b"");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("wrong: the numerators sum up to"), "{told}");

    std::fs::write(plan, "[wire]\nrefused = [{ suffixes = [\"1\"] }]\n").unwrap();
    assert_eq!(load(&["--plan", plan]).status.code(), Some(78));
}
