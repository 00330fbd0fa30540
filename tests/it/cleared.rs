//! What is past its time has gone from the segments, and everything is answered as before: rates, documents,
//! duplicates, a reconciliation, and the walk along the chain, of the store, a backup of it and what is restored of that.

use std::fs;
use std::path::PathBuf;

use bordereau::claims::time::Timestamp;
use serde_json::Value;

use crate::gateway::{CENTRE, Gateway, Place, document, program, until};
use crate::stock::{Stock, content};

/// Documents of one day.
const DOCUMENTS: u64 = 100;

/// They fill many of these.
const SEGMENT: u64 = 8 << 10;

/// One that is not finished.
const UNFINISHED: u64 = 2;

/// One on which a legal hold stands.
const HELD: u64 = 5;

/// Lines that such a stock is a reason for.
const COMPLAINTS: &[&str] = &[
    "no endpoint serves them",
    "older than it should be",
    "the clock is ahead",
];

/// Runs a command that must end well; gives what it printed.
fn done(place: &Place, words: &[&str], options: &[&str]) -> String {
    let mut command = program();
    command.args(words).arg("--config").arg(place.config());
    let output = command.args(options).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{words:?}: {said}{errors}");
    said
}

fn json(place: &Place, words: &[&str], options: &[&str]) -> Value {
    let options = [options, &["--json"]].concat();
    serde_json::from_str(&done(place, words, &options)).unwrap()
}

fn id(number: u64) -> String {
    format!("00000000-0000-0000-0000-{number:012x}")
}

/// Documents of January 2025, some of them cancelled and some brought by hand.
async fn stocked() -> Place {
    let place = Place::bare().ready("https://localhost:9");
    let day = Timestamp::parse("2025-01-15T09:00:00Z").unwrap();
    let stock = Stock::open(&place, SEGMENT, day).await;
    for first in (1..=DOCUMENTS).step_by(20) {
        stock.admit(first..=first + 19).await;
    }
    stock.hold(HELD).await;
    for number in (1..=DOCUMENTS).filter(|number| *number != UNFINISHED) {
        match number % 2 {
            0 => stock.cancel(number).await,
            _ => stock.by_hand(number).await,
        }
    }
    place
}

/// Starts the gateway on the stock, whose clock is doubted for so many seconds.
fn started(place: &Place, seconds: &str) -> Gateway {
    place.start_with(&[
        ("BORDEREAU_RETENTION__CLOCK_SECONDS", PathBuf::from(seconds)),
        ("BORDEREAU_RETENTION__LOOK_SECONDS", PathBuf::from("1")),
    ])
}

/// An answer, without the instant and the place in the ledger at which it was computed.
async fn asked(gateway: &Gateway, path: &str) -> Value {
    until(&format!("{path} is answered"), || async {
        gateway.get(path).await.status() == 200
    })
    .await;
    let mut said: Value = gateway.get(path).await.json().await.unwrap();
    said.as_object_mut().unwrap().remove("basis");
    forget_next(&mut said);
    said
}

/// When what waits is looked at again is ever another instant.
fn forget_next(said: &mut Value) {
    if let Some(fields) = said.as_object_mut() {
        fields.remove("next");
        fields.values_mut().for_each(forget_next);
    }
    let rows = said.as_array_mut().into_iter().flatten();
    rows.for_each(forget_next);
}

/// Rates, documents with their histories, lists, and what is said to duplicates.
async fn answers(gateway: &Gateway) -> Vec<Value> {
    let mut all = Vec::new();
    for period in ["2025-01", "2025-Q1", "2025"] {
        let rate = asked(
            gateway,
            &format!("/v1/centres/{CENTRE}/rate?period={period}"),
        )
        .await;
        assert!(rate["denominator"].as_u64() > Some(0), "{rate}");
        all.push(rate);
    }
    for number in [1, UNFINISHED, HELD, DOCUMENTS] {
        all.push(asked(gateway, &format!("/v1/documents/{}", id(number))).await);
        let duplicate = gateway.post(&document(number as usize)).await.unwrap();
        assert_eq!(duplicate.status(), 409, "{number}");
        all.push(duplicate.json().await.unwrap());
    }
    for standing in ["cancelled", "open"] {
        all.push(asked(gateway, &format!("/v1/documents?standing={standing}")).await);
    }
    all
}

fn same(is: &[Value], was: &[Value]) {
    assert_eq!(is.len(), was.len());
    for (is, was) in is.iter().zip(was) {
        assert_eq!(is, was);
    }
}

/// Lays figures beside the ledger; gives the whole result.
fn reconciled(place: &Place, figures: &str) -> Value {
    let run = json(
        place,
        &["reconcile", "run"],
        &[figures, "--period", "2025-01"],
    );
    let number = run["run"].to_string();
    let said = done(place, &["reconcile", "export"], &[&number]);
    serde_json::from_str(&said).unwrap()
}

/// The walks along the chain from and to some entries.
fn walks(place: &Place, upto: u64, directory: Option<&str>) -> Vec<Value> {
    let ends = [
        (1, upto),
        (1, 40),
        (40, 41),
        (41, 150),
        (150, upto),
        (upto, upto),
    ];
    let walk = |(from, to): (u64, u64)| {
        let (from, to) = (from.to_string(), to.to_string());
        let mut options = vec!["--from", &from, "--to", &to];
        options.extend(
            directory
                .into_iter()
                .flat_map(|directory| ["--in", directory]),
        );
        json(place, &["ledger", "verify"], &options)
    };
    ends.into_iter().map(walk).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_answered_as_before_and_the_chain_holds_wherever_it_is_kept() {
    let place = stocked().await;
    let upto = json(&place, &["ledger", "verify"], &[])["upto"]["position"].clone();
    let upto = upto.as_u64().unwrap();
    // Nothing goes yet.
    let gateway = started(&place, "86400");
    let figures = place.path("figures.csv");
    let row = |kind: &str, number: &str| format!("{CENTRE},FSE,{kind},2025-01-15,{number}\n");
    // As we have it, in another class, cancelled here, unknown here, and a sheet.
    let rows = [
        row("F", "000000001"),
        row("B", "000000003"),
        row("F", "000000004"),
        row("F", "999999999"),
        row("P", ""),
    ];
    let head = "centre,kind,type,date,number\n".to_owned();
    fs::write(&figures, head + &rows.concat()).unwrap();
    let loaded = json(&place, &["reconcile", "load"], &[figures.to_str().unwrap()]);
    let digest = loaded["figures"].as_str().unwrap();
    let said = answers(&gateway).await;
    let compared = reconciled(&place, digest);
    let walked = walks(&place, upto, None);
    assert_eq!(gateway.stop(COMPLAINTS).code(), Some(0));

    let gateway = started(&place, "1");
    until("the bodies are cleared", || async {
        let of = |number| format!("/v1/documents/{}/content", id(number));
        gateway.get(&of(1)).await.status() == 410
            && gateway.get(&of(DOCUMENTS)).await.status() == 410
    })
    .await;
    for kept in [UNFINISHED, HELD] {
        let path = format!("/v1/documents/{}/content", id(kept));
        let read = gateway.get(&path).await;
        assert_eq!(read.text().await.unwrap(), content(kept));
    }
    same(&answers(&gateway).await, &said);
    assert_eq!(reconciled(&place, digest), compared);
    assert_eq!(walks(&place, upto, None), walked);

    let path = |name: &str| place.path(name).display().to_string();
    let (bodies, keys, restored) = (path("backup"), path("backup.keys"), path("restored"));
    done(&place, &["backup"], &["--to", &bodies, "--keys-to", &keys]);
    assert_eq!(walks(&place, upto, Some(&bodies)), walked);
    assert_eq!(gateway.stop(COMPLAINTS).code(), Some(0));
    assert_eq!(walks(&place, upto, None), walked, "at rest");
    let from = ["--from", &bodies, "--keys", &keys, "--to", &restored];
    done(&place, &["restore"], &from);
    assert_eq!(walks(&place, upto, Some(&restored)), walked);
    fs::rename(place.path("store"), place.path("lost")).unwrap();
    fs::rename(place.path("restored"), place.path("store")).unwrap();
    let gateway = started(&place, "1");
    same(&answers(&gateway).await, &said);
    assert_eq!(reconciled(&place, digest), compared);
    assert_eq!(gateway.stop(COMPLAINTS).code(), Some(0));
    done(&place, &["verify-store"], &[]);
}
