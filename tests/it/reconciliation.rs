//! Reconciliation at the command line, with real processes: a caisse's figures are loaded, laid beside the ledger,
//! shown as a bridge, judged line by line and exported.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::gateway::{CENTRE, Place, program, until};
use crate::insurer;
use crate::statements::paid;

fn reconcile(place: &Place, arguments: &[&str]) -> Output {
    let mut command = program();
    command.arg("reconcile").args(arguments);
    command.arg("--config").arg(place.config());
    command.output().unwrap()
}

/// Runs a command that must end with this code; gives what it printed.
fn said(place: &Place, code: i32, arguments: &[&str]) -> String {
    let output = reconcile(place, arguments);
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{arguments:?}: {said}{errors}"
    );
    said
}

fn json(place: &Place, arguments: &[&str]) -> Value {
    let all = [arguments, &["--json"]].concat();
    serde_json::from_str(&said(place, 0, &all)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caisse_s_figures_are_loaded_compared_judged_and_exported() {
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, "").await;
    let place = place.ready(&base);
    let gateway = place.start();
    for number in 1..=2 {
        paid(&gateway, number).await;
    }
    // The caisse has the first as we do, the second in another class, a third that is unknown here, and a sheet.
    let figures = place.path("figures.csv");
    let head = "centre,kind,type,date,number\n";
    let row = |kind: &str, number: &str| format!("{CENTRE},FSE,{kind},2026-11-12,{number}\n");
    let rows = row("F", "000000001") + &row("B", "000000002") + &row("F", "999999999");
    fs::write(&figures, head.to_owned() + &rows + &row("P", "")).unwrap();
    let file = figures.to_str().unwrap();
    let loaded = json(&place, &["load", file]);
    assert_eq!(json(&place, &["load", file]), loaded, "known by its digest");
    let digest = loaded["figures"].as_str().unwrap();
    assert_eq!(loaded["documents"], 4);

    let run = json(&place, &["run", digest, "--period", "2026-11"]);
    let number = run["run"].to_string();
    let again = json(&place, &["run", digest, "--period", "2026-11"]);
    assert_eq!(again["run"], run["run"], "nothing changed since");
    let history = json(&place, &["show"]);
    assert_eq!(history["runs"].as_array().unwrap().len(), 1);

    let bridge = said(&place, 0, &["show", &number]);
    let steps: Vec<Vec<&str>> = bridge
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    for (step, counts) in [
        ("ours", ["2", "2", "100.00", "%"]),
        ("theirs", ["2", "4", "50.00", "%"]),
    ] {
        let found = steps
            .iter()
            .any(|line: &Vec<&str>| line.contains(&step) && line.ends_with(&counts));
        assert!(found, "{step}: {bridge}");
    }
    assert!(bridge.contains("The official figure is the caisse's"));

    let differences = json(&place, &["show", &number, "--differences"]);
    let rows = differences["rows"].as_array().unwrap();
    let causes: Vec<&str> = rows
        .iter()
        .map(|row| row["cause"].as_str().unwrap())
        .collect();
    assert_eq!(causes, ["other-mode", "unknown-to-us", "paper-only-there"]);
    let disputed = json(
        &place,
        &["dispute", &number, "2", "--comment", "never seen here"],
    );
    assert_eq!(
        (&disputed["judgement"], &disputed["comment"]),
        (&"disputed".into(), &"never seen here".into())
    );
    assert_eq!(
        json(&place, &["accept", &number, "1"])["judgement"],
        "accepted"
    );
    let table = said(&place, 0, &["export", &number, "--format", "differences"]);
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(
        table.contains(",disputed,") && table.contains(",accepted,"),
        "{table}"
    );
    let table = said(&place, 0, &["export", &number, "--format", "bridge"]);
    assert!(
        table.contains(&format!("{CENTRE},2026-11,theirs,2,4")),
        "{table}"
    );
    let whole = json(&place, &["export", &number]);
    assert_eq!(whole["judgements"].as_array().unwrap().len(), 2);

    until("the age of the last reconciliation is shown", || async {
        let age = gateway
            .metric("bordereau_obligation_reconciliation_age_seconds")
            .await;
        age.is_some_and(|age| age < 60.0)
    })
    .await;
    // A file with faults is refused whole, with all of them.
    let wrong = head.to_owned() + &row("X", "000000001") + "750712185,FSE,F,2026-02-30,1\n";
    fs::write(&figures, wrong).unwrap();
    let refused: Value = serde_json::from_str(&said(&place, 65, &["load", file])).unwrap();
    let codes: Vec<&str> = refused["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect();
    assert!(codes.len() >= 3, "{codes:?}");
    assert_eq!(gateway.stop(&[]).code(), Some(0));
    insurer.shutdown().await;
}
