//! The conformance kit as an insurer's team meets it: one command, a table, an exit code.

use std::process::Output;

use serde_json::Value;

use crate::gateway::{Place, program};
use crate::insurer;

#[tokio::test(flavor = "multi_thread")]
async fn an_insurer_learns_which_sentences_it_breaks() {
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, "").await;
    let output = judge(&place, &base, &["--json"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let cases = report["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 28);
    let unjudged = cases.iter().filter(|case| case["verdict"] != "kept");
    let unjudged: Vec<_> = unjudged.map(|case| &case["case"]).collect();
    assert_eq!(unjudged, ["signed"], "no keys were named");
    // It signs nothing, and that was agreed.
    let keys = "fixtures/signatures/ed25519.pem";
    let output = judge(&place, &base, &["--receipt-keys", keys]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let table = String::from_utf8(output.stdout).unwrap();
    let row = table.lines().find(|row| row.contains(" broken ")).unwrap();
    assert!(
        row.contains("signed") && row.contains("no signature"),
        "{row}"
    );
    insurer.shutdown().await;

    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, r#"breaches = ["takes-twice"]"#).await;
    let output = judge(&place, &base, &[]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let table = String::from_utf8(output.stdout).unwrap();
    let broken: Vec<&str> = table
        .lines()
        .filter(|line| line.contains(" broken "))
        .collect();
    assert!(
        matches!(broken[..], [row] if row.contains("document-once")),
        "{table}"
    );
    insurer.shutdown().await;

    let nobody = judge(&place, "https://localhost:1", &[]).await;
    assert_eq!(nobody.status.code(), Some(69), "{nobody:?}");
}

async fn judge(place: &Place, base: &str, more: &[&str]) -> Output {
    let mut command = program();
    command
        .args(["conformance", base, "--purpose", "real"])
        .args(["--centre", "750712184", "--destination", "amo:017510000"])
        .args(["--receipt-seconds", "5"])
        .args(more);
    for (name, file) in [
        ("--roots", "authority.pem"),
        ("--certificate", "gateway.pem"),
        ("--key", "gateway.key"),
    ] {
        command.arg(name).arg(place.path(file));
    }
    let judging = tokio::task::spawn_blocking(move || command.output().unwrap());
    judging.await.unwrap()
}
