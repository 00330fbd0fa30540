//! The rate as evidence, at the command line and with real processes: what is behind a figure, the tallies counted
//! again, a period closed, statements published, corrected and verified by anyone, registrations imported.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bordereau::formats::jws::unencoded::Signer;
use bordereau::formats::statement::Statement;
use serde_json::Value;

use crate::gateway::{CENTRE, Gateway, Place, document, program, until};
use crate::insurer;

/// The day of the fixture's document, as a period that has ended.
const PERIOD: &str = "2026-11-12/2026-11-12";

fn run(place: &Place, arguments: &[&str]) -> Output {
    let mut command = program();
    command.args(arguments);
    // Verifying needs neither a configuration nor a gateway.
    if !matches!(arguments, ["statement", "verify" | "key", ..]) {
        command.arg("--config").arg(place.config());
    }
    command.output().unwrap()
}

/// Runs a command that must end with this code; gives what it printed.
pub fn ran(place: &Place, code: i32, arguments: &[&str]) -> String {
    let output = run(place, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        output.status.code(),
        Some(code),
        "{arguments:?}: {said}{errors}"
    );
    said
}

/// Posts a document and waits until it is paid; gives its id.
pub async fn paid(gateway: &Gateway, number: usize) -> String {
    let answer = gateway.post(&document(number)).await.unwrap();
    assert_eq!(answer.status(), 202);
    let answer: Value = answer.json().await.unwrap();
    let id = answer["id"].as_str().unwrap().to_owned();
    until("the document is paid", || async {
        let shown = gateway.get(&format!("/v1/documents/{id}")).await;
        shown.json::<Value>().await.unwrap()["standing"] == "paid"
    })
    .await;
    id
}

/// Writes a statement and its signature into files, as a person would; gives the name of the statement's.
fn saved(place: &Place, number: u64) -> String {
    let number = number.to_string();
    let show = |form| run(place, &["statement", "show", &number, "--form", form]).stdout;
    let path = place.path(&format!("{number}.json"));
    fs::write(&path, show("json")).unwrap();
    fs::write(place.path(&format!("{number}.jws")), show("signature")).unwrap();
    path.to_str().unwrap().to_owned()
}

fn listed(place: &Place) -> Vec<u64> {
    let said = ran(
        place,
        0,
        &["statement", "list", "--centre", CENTRE, "--json"],
    );
    let said: Value = serde_json::from_str(&said).unwrap();
    let rows = said["statements"].as_array().unwrap().iter();
    rows.map(|row| row["statement"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_period_is_stated_corrected_and_verified_by_anyone() {
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, "").await;
    let place = place.ready(&base);
    let (private, public) = (place.path("sign.key"), place.path("sign.pem"));
    let (private, public) = (private.to_str().unwrap(), public.to_str().unwrap());
    let made = ran(&place, 0, &["statement", "key", private]);
    ran(&place, 74, &["statement", "key", private]);
    let key = [("BORDEREAU_REPORT__STATEMENT_KEY", place.path("sign.key"))];
    let gateway = place.start_with(&key);
    let first = paid(&gateway, 1).await;
    paid(&gateway, 2).await;
    crate::account::counted(&gateway, 2).await;

    let explained = ran(
        &place,
        0,
        &[
            "rate",
            "explain",
            "--centre",
            CENTRE,
            "--period",
            "2026-11",
            "--cell",
            "numerator",
        ],
    );
    assert!(
        explained.contains(&first) && explained.contains("2 counted"),
        "{explained}"
    );
    assert!(ran(&place, 0, &["rate", "rebuild", "--verify"]).contains('2'));

    let open = [
        "statement",
        "publish",
        "--centre",
        CENTRE,
        "--period",
        PERIOD,
    ];
    assert!(ran(&place, 65, &open).contains("period-open"));
    let closed = ran(
        &place,
        0,
        &["period", "close", PERIOD, "--reason", "the day is over"],
    );
    assert!(closed.contains("all centres  closed at"), "{closed}");
    until("the statement is published", || async {
        listed(&place).len() == 1
    })
    .await;
    let number = listed(&place)[0];
    let statement = saved(&place, number);
    let verify = |files: &[&str]| {
        let mut arguments = vec!["statement", "verify", "--key", public];
        arguments.extend(files);
        run(&place, &arguments)
    };
    let proven = verify(&[&statement]);
    let said = String::from_utf8(proven.stdout).unwrap();
    assert_eq!(proven.status.code(), Some(0), "{said}");
    assert!(
        said.contains(&format!("proven: centre {CENTRE}, {PERIOD}, 2/2")),
        "{said}"
    );
    openssl_agrees(&place, &statement, public);
    // The keys as they are published, in a file.
    let keys = place.path("keys.json");
    let published = ran(&place, 0, &["statement", "show", "1", "--form", "keys"]);
    fs::write(&keys, published).unwrap();
    let keys = keys.to_str().unwrap();
    ran(
        &place,
        0,
        &["statement", "verify", "--key", keys, &statement],
    );
    let id = made
        .lines()
        .last()
        .unwrap()
        .split_whitespace()
        .last()
        .unwrap();
    assert!(ran(&place, 0, &["statement", "show", "1", "--form", "keys"]).contains(id));
    let page = ran(
        &place,
        0,
        &["statement", "show", &number.to_string(), "--form", "html"],
    );
    assert!(page.contains("<svg") && page.contains("100,00"), "no page");

    let text = fs::read_to_string(&statement).unwrap();
    fs::write(
        &statement,
        text.replace("\"numerator\":2", "\"numerator\":3"),
    )
    .unwrap();
    let tampered = verify(&[&statement]);
    assert_eq!(tampered.status.code(), Some(1));
    let said = String::from_utf8(tampered.stdout).unwrap();
    assert!(
        said.contains("NOT PROVEN: not the signature of these bytes"),
        "{said}"
    );
    fs::write(&statement, text).unwrap();

    // What comes after the closing is another statement, which names the first.
    paid(&gateway, 3).await;
    let corrected = ran(&place, 0, &open);
    assert!(
        corrected.contains(&format!("corrects {number}")),
        "{corrected}"
    );
    assert_eq!(ran(&place, 0, &open), corrected, "nothing came since");
    let later = saved(&place, listed(&place)[1]);
    let chain = verify(&[&statement, &later]);
    let said = String::from_utf8(chain.stdout).unwrap();
    assert_eq!(chain.status.code(), Some(0), "{said}");
    assert!(said.contains("3/3"), "{said}");
    assert_eq!(verify(&[&later, &statement]).status.code(), Some(1));
    crate::account::counted(&gateway, 3).await;
    earlier_again(&place, &statement);
    // Who holds the ledger compares the hashes that they name with its chain, at work and at rest.
    let files = [&*statement, &later];
    let config = place.config();
    let at_work = ["--ledger", "--config", config.to_str().unwrap()];
    let said = compared(&place, 0, public, &files, &at_work);
    assert_eq!(said.matches("proven: centre").count(), 2, "{said}");
    until("the age of the last statement is shown", || async {
        let age = gateway
            .metric("bordereau_obligation_statement_age_seconds")
            .await;
        age.is_some_and(|age| age < 60.0)
    })
    .await;
    assert_eq!(gateway.stop(&[]).code(), Some(0));
    insurer.shutdown().await;
    let store = place.path("store");
    let at_rest = ["--in", store.to_str().unwrap()];
    compared(&place, 0, public, &files, &at_rest);
    let other = forged(&place, &later, private, |statement| {
        let hash = &mut statement.ledger.hash;
        *hash = hash.chars().rev().collect();
    });
    compared(&place, 0, public, &[&other], &[]);
    let said = compared(&place, 1, public, &[&other], &at_rest);
    assert!(said.contains("that the ledger does not have"), "{said}");
    let ahead = forged(&place, &later, private, |statement| {
        statement.ledger.position += 1_000;
    });
    let said = compared(&place, 1, public, &[&statement, &ahead], &at_rest);
    assert!(said.contains("the ledger ends at entry"), "{said}");
}

/// What a statement said is answered again as of the entry that it was computed from, although more came since; so is
/// the closed period, with what came, and the forecast of the year.
fn earlier_again(place: &Place, statement: &str) {
    let stated = Statement::read(&fs::read(statement).unwrap()).unwrap();
    let position = stated.ledger.position.to_string();
    let rate = |more: &[&str]| {
        let asked = ["rate", "--centre", CENTRE, "--period", PERIOD, "--json"];
        let said = ran(place, 0, &[&asked[..], more].concat());
        let said: Value = serde_json::from_str(&said).unwrap();
        let row = &said["rates"][0];
        [row["numerator"].as_i64(), row["denominator"].as_i64()].map(Option::unwrap)
    };
    let then = [stated.rate.numerator, stated.rate.denominator];
    assert_eq!((then, rate(&["--as-of", &position])), ([2, 2], [2, 2]));
    assert_eq!(rate(&[]), [3, 3]);
    let shown = ran(place, 0, &["period", "show", "--centre", CENTRE, "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let closed = &shown["periods"][0];
    let numerators = ["frozen", "current"].map(|which| closed[which]["numerator"].as_i64());
    assert_eq!(numerators, [Some(2), Some(3)]);
    let forecast = ran(place, 0, &["forecast", CENTRE]);
    assert!(
        forecast.contains("the year ends at") && forecast.contains("mean method"),
        "{forecast}"
    );
}

/// Verifies statements, also against a ledger; gives what was said.
fn compared(place: &Place, code: i32, public: &str, files: &[&str], with: &[&str]) -> String {
    let verify = ["statement", "verify", "--key", public];
    ran(place, code, &[&verify[..], files, with].concat())
}

/// A statement that is signed with the right key, and says something else.
fn forged(
    place: &Place,
    statement: &str,
    private: &str,
    change: impl FnOnce(&mut Statement),
) -> String {
    let mut forged = Statement::read(&fs::read(statement).unwrap()).unwrap();
    change(&mut forged);
    let signer = Signer::from_pem(&fs::read_to_string(private).unwrap()).unwrap();
    let (path, bytes) = (place.path("forged.json"), forged.canonical());
    let jws = signer.public().jws(&signer.sign(&bytes));
    fs::write(path.with_extension("jws"), jws).unwrap();
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Verifies with openssl alone: the header, a dot and the bytes of the file are what is signed.
fn openssl_agrees(place: &Place, statement: &str, public: &str) {
    let jws = fs::read_to_string(Path::new(statement).with_extension("jws")).unwrap();
    let (head, signature) = jws.split_once("..").unwrap();
    let mut input = format!("{head}.").into_bytes();
    input.extend(fs::read(statement).unwrap());
    fs::write(place.path("input"), input).unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    fs::write(place.path("signature"), signature).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args([
        "pkeyutl", "-verify", "-pubin", "-rawin", "-inkey", public, "-in",
    ]);
    openssl
        .arg(place.path("input"))
        .arg("-sigfile")
        .arg(place.path("signature"));
    let output = openssl.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_are_imported_all_or_none_and_shown_with_their_days() {
    let place = Place::bare().ready("https://localhost:9");
    let gateway = place.start();
    let file = place.path("more.csv");
    let head = "finess,name,category,gestionnaire,caisse,agreement,from\n";
    let row = |finess: &str, category: &str, agreement: &str| {
        format!("{finess},Centre du Pont,{category},750000009,017510000,{agreement},2026-07-01\n")
    };
    let good = head.to_owned()
        + &row(CENTRE, "polyvalent", "national-2025")
        + &row("750712184", "dentaire", "national-2025");
    fs::write(&file, &good).unwrap();
    let file = file.to_str().unwrap();
    let import = [
        "registry",
        "import",
        file,
        "--reason",
        "the centre has grown",
    ];
    let dry = [&import[..], &["--dry-run"]].concat();
    assert_eq!(ran(&place, 0, &dry), "would change 2, unchanged 0\n");
    assert_eq!(ran(&place, 0, &import), "changed 2, unchanged 0\n");
    assert_eq!(ran(&place, 0, &import), "changed 0, unchanged 2\n");
    let shown = ran(&place, 0, &["registry", "show", "--centre", CENTRE]);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 2, "{shown}");
    assert!(lines[0].contains("2020-01-01 to –  medical"), "{shown}");
    assert!(lines[1].contains("2026-07-01 to –  polyvalent"), "{shown}");

    // Each wrong row is named, and the right one is not taken either.
    let wrong = head.to_owned()
        + &row("750712185", "dentaire", "national-2025")
        + &row("130000011", "clinic", "national-2025")
        + &row("590000014", "infirmier", "national-2025");
    fs::write(file, wrong).unwrap();
    let said = ran(&place, 65, &import);
    assert!(
        said.contains("centre[1].finess: line 2") && said.contains("centre[2].category: line 3"),
        "{said}"
    );
    fs::write(
        file,
        head.to_owned() + &row("590000014", "infirmier", "nowhere"),
    )
    .unwrap();
    let said = ran(&place, 65, &import);
    assert!(
        said.contains("no agreement of the configuration has this id"),
        "{said}"
    );
    let all = ran(&place, 0, &["registry", "show"]);
    assert_eq!(all.lines().count(), 3, "{all}");
    assert_eq!(gateway.stop(&[]).code(), Some(0));
}
