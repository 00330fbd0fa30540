//! What a person at the machine does: ask, read and check the ledger, beside the running gateway and after its end.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::gateway::{CENTRE, Gateway, Place, document, program, until};
use crate::insurer;

fn run(place: &Place, arguments: &[&str]) -> Output {
    let mut command = program();
    command
        .arg(arguments[0])
        .arg("--config")
        .arg(place.config());
    command.args(&arguments[1..]).output().unwrap()
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Checks the ledger: the exit code and what is said.
fn verified(place: &Place) -> (i32, Value) {
    let output = run(place, &["verify-store", "--json"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    let said = serde_json::from_slice(&output.stdout);
    let said = said.unwrap_or_else(|_| panic!("no answer: {errors}"));
    (output.status.code().unwrap(), said)
}

/// Posts documents and waits until they are paid; their ids.
pub async fn paid(gateway: &Gateway, documents: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 1..=documents {
        let answer = gateway.post(&document(number)).await.unwrap();
        assert_eq!(answer.status(), 202);
        let answer: Value = answer.json().await.unwrap();
        ids.push(answer["id"].as_str().unwrap().to_owned());
    }
    for id in &ids {
        until("every document is paid", || async {
            let shown = gateway.get(&format!("/v1/documents/{id}")).await;
            shown.json::<Value>().await.unwrap()["standing"] == "paid"
        })
        .await;
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_checked_at_work_and_at_rest_and_every_falsehood_is_named() {
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, "").await;
    let place = place.ready(&base);
    assert_eq!(run(&place, &["verify-store"]).status.code(), Some(66));
    let gateway = place.start();
    paid(&gateway, 3).await;

    let (code, said) = verified(&place);
    assert_eq!(
        (code, &said["account"]["units"]),
        (0, &3.into()),
        "{said:#}"
    );
    assert!(said["bodies"]["number"].as_u64() >= Some(7), "{said:#}");
    assert!(said["index"]["records"].as_u64() > Some(20), "{said:#}");
    let said = printed(&run(&place, &["verify-store"]));
    assert!(
        said.contains("compared with a fresh fold") && said.ends_with("everything holds\n"),
        "{said}"
    );
    asked_beyond_its_end(&place);
    let running = run(&place, &["verify-store", "--repair"]);
    assert_eq!(
        running.status.code(),
        Some(69),
        "nobody builds beside the gateway"
    );
    assert_eq!(gateway.stop(&[]).code(), Some(0));
    insurer.shutdown().await;
    asked_beyond_its_end(&place);

    let (code, said) = verified(&place);
    assert_eq!(
        (code, &said["account"]["units"]),
        (0, &3.into()),
        "{said:#}"
    );
    // Three documents, and receipts and settlements as they were received.
    assert!(said["bodies"]["number"].as_u64() >= Some(7), "{said:#}");
    assert_eq!(said["index"]["position"], said["journal"]["entries"]);
    let text = run(&place, &["verify-store"]);
    assert_eq!(text.status.code(), Some(0));
    assert!(printed(&text).ends_with("everything holds\n"));

    // One increment doubled, one dropped.
    for count in [4_i64, 2] {
        falsify(&place, count);
        let (code, said) = verified(&place);
        assert_eq!(code, 1);
        let what = said["differences"][0]["what"].as_str().unwrap();
        assert!(what.starts_with(&format!("cell clock {CENTRE} ")), "{what}");
        let difference = &said["account"]["differences"][0];
        assert_eq!(difference["between"], "tallies and entries");
        assert_eq!(difference["documents"], 1);
        let cell = difference["cells"][0].as_str().unwrap();
        assert!(cell.ends_with(&format!(": {count} and 3")), "{cell}");
    }
    // What is derived is built anew; what is not stays as it is, byte for byte.
    let (_, before) = first_segment(&place);
    let repaired = run(&place, &["verify-store", "--repair"]);
    assert_eq!(repaired.status.code(), Some(0), "{}", printed(&repaired));
    assert_eq!(first_segment(&place).1, before);
    assert_eq!(verified(&place).0, 0);

    let (segment, mut bytes) = first_segment(&place);
    // Behind the header of the file and the head of its first record: the first entry.
    bytes[128 + 12 + 8] ^= 0x10;
    fs::write(&segment, bytes).unwrap();
    let (code, said) = verified(&place);
    let what = said["differences"][0]["what"].as_str().unwrap();
    let name = segment.file_name().unwrap().to_str().unwrap();
    assert!(code == 1 && what.starts_with(name), "{what}");
    assert!(
        said["account"].is_null(),
        "nothing is counted from a ledger with a hole"
    );
}

/// Of entries that are not there, the chain is never said to hold.
fn asked_beyond_its_end(place: &Place) {
    for (range, code) in [
        (vec!["--from", "2", "--to", "4"], 0),
        (vec!["--from", "5000"], 1),
        (vec!["--to", "5000"], 1),
        (vec!["--from", "5000", "--to", "6000"], 1),
        (vec!["--from", "4", "--to", "2"], 64),
    ] {
        let mut verify = program();
        verify.args(["ledger", "verify", "--config"]);
        let said = verify.arg(place.config()).args(&range).output().unwrap();
        let text = printed(&said);
        assert_eq!(said.status.code(), Some(code), "{range:?}: {text}");
        assert_eq!(
            text.contains("the chain holds"),
            code == 0,
            "{range:?}: {text}"
        );
        assert_eq!(
            text.contains("NOT THERE the ledger ends at entry "),
            code == 1,
            "{text}"
        );
    }
}

/// Writes a count into the tally of the three documents by the legal clock.
fn falsify(place: &Place, count: i64) {
    let index = sled::open(place.path("store").join("index")).unwrap();
    let (key, value) = index.scan_prefix(b"y").next().unwrap().unwrap();
    assert_eq!(value.len(), 8, "one number");
    index.insert(key, &count.to_be_bytes()).unwrap();
    index.flush().unwrap();
}

fn first_segment(place: &Place) -> (std::path::PathBuf, Vec<u8>) {
    let entries = fs::read_dir(place.path("store").join("journal")).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    let segment = paths.find(|path| path.extension().is_some_and(|ending| ending == "segment"));
    let segment = segment.unwrap();
    let bytes = fs::read(&segment).unwrap();
    (segment, bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_rate_are_read_by_people() {
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, "").await;
    let place = place.ready(&base);
    let gateway = place.start();
    let ids = paid(&gateway, 1).await;

    let text = printed(&run(&place, &["status", &ids[0]]));
    let mut at = 0;
    for expected in [
        format!("FSE {} of centre {CENTRE} for amo:017510000", ids[0]),
        "paid since ".into(),
        "admitted ".into(),
        ", to be transmitted by ".into(),
        "lot ".into(),
        "attempt 1 of lot ".into(),
        "receipt accepted".into(),
        ": amo paid".into(),
        "nothing more is to be done".into(),
    ] {
        let found = text[at..].find(&expected);
        at += found.unwrap_or_else(|| panic!("`{expected}` is not next in:\n{text}"));
    }
    let unknown = "00000000-0000-0000-0000-000000000001";
    assert_eq!(run(&place, &["status", unknown]).status.code(), Some(65));

    let ratio = format!("bordereau_obligation_ratio{{centre=\"{CENTRE}\"");
    until("the rate is known", || async {
        gateway.metric(&ratio).await == Some(1.0)
    })
    .await;
    let text = printed(&run(&place, &["rate", "--period", "2026-11"]));
    for expected in [
        "2026-11 (2026-11-01 to ",
        "balanced",
        CENTRE,
        "100.00 %",
        "1/1",
        "paper unknown",
    ] {
        assert!(text.contains(expected), "`{expected}` is missing:\n{text}");
    }
    assert_eq!(gateway.stop(&[]).code(), Some(0));
    let away = run(&place, &["rate"]);
    assert_eq!(away.status.code(), Some(69), "nobody answers any more");
    insurer.shutdown().await;
}
