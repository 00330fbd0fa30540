//! The README's ten calls, run as they are written there, with curl, against a real gateway.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::gateway::{CENTRE, Gateway, Place, until};

/// Stands before the calls: each answer becomes a file, its status a line, and the id that the README shows
/// becomes the one that the third call was given.
const PRELUDE: &str = r#"
set -euo pipefail
n=0 id=none
curl() {
  n=$((n + 1))
  command curl --output "answer-$n" --write-out '%{http_code}\n' "${@/0192f3a4-5b6c-7d8e-9fa0-b1c2d3e4f506/$id}"
  if [ $n = 3 ]; then id=$(grep -oE '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' answer-3 | head -n 1); fi
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_ten_calls_run_as_they_are_written() {
    let place = Place::bare().ready("https://localhost:9");
    // Nothing is sealed while the calls run, so that the eighth can withdraw what the third posted.
    let config = fs::read_to_string(place.config()).unwrap();
    let config = config.replace("lot_age_seconds = 0.1", "lot_age_seconds = 600");
    fs::write(place.config(), config).unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    fs::copy(
        fixtures.join("documents/valid/fse-tiers-payant.xml"),
        place.path("fse.xml"),
    )
    .unwrap();
    let lot = fs::read_to_string(fixtures.join("lots/three-documents.xml")).unwrap();
    fs::write(place.path("lot.xml"), lot.replace("\"000000", "\"000001")).unwrap();

    let gateway = place.start();
    until("a rate is published", || async {
        let rate = format!("/v1/centres/{CENTRE}/rate");
        gateway.get(&rate).await.status() == 200
    })
    .await;
    let statuses = run(&place, &gateway);
    assert_eq!(statuses, [200, 200, 202, 200, 200, 200, 200, 200, 200, 200]);

    let answer = |number: usize| -> Value {
        let bytes = fs::read(place.path(&format!("answer-{number}"))).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    assert_eq!(answer(1)["openapi"], "3.1.0");
    assert_eq!(answer(2)["valid"], true);
    let id = answer(3)["id"].clone();
    assert!(id.is_string());
    for again in [4, 6, 7, 8] {
        assert_eq!(answer(again)["id"], id, "call {again}");
    }
    for row in answer(5)["documents"].as_array().unwrap() {
        assert_eq!(row["status"], 202, "{row}");
    }
    assert_eq!(answer(8)["standing"], "cancelled");
    assert_eq!(answer(9)["sheets"], 3);
    assert_eq!(answer(10)["centre"], CENTRE);
    assert_eq!(gateway.stop(&[]).code(), Some(0));
}

/// Runs the calls in the place; the status of each.
fn run(place: &Place, gateway: &Gateway) -> Vec<u16> {
    let output = Command::new("bash")
        .args(["-c", &format!("{PRELUDE}{}", calls())])
        .current_dir(place.path(""))
        .envs([("G", &gateway.url), ("T", &place.centre)])
        .env("R", place.path("authority.pem"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.lines().map(|line| line.parse().unwrap()).collect()
}

/// The block of shell of the README's section.
fn calls() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, section) = readme.split_once("\n## Integrate in ten calls\n").unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    block.split_once("```").unwrap().0.to_owned()
}
