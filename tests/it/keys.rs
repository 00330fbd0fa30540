//! The master key in an operator's hands: made, changed under load, lost, wrong; with the real program.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::gateway::{Gateway, Place, document, program};

fn run(place: &Place, command: &[&str]) -> Output {
    let (first, rest) = command.split_at(2.min(command.len()));
    let mut program = program();
    program.args(first).arg("--config").arg(place.config());
    program.args(rest).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The master key that the store is encrypted under, as the command line shows it.
fn shown(place: &Place) -> String {
    let output = run(place, &["keys", "show"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace()
        .nth(2)
        .unwrap()
        .trim_end_matches(',')
        .to_owned()
}

async fn post(gateway: &Gateway, number: usize) -> String {
    let answer = gateway.post(&document(number)).await.unwrap();
    assert_eq!(answer.status(), 202);
    let answer: Value = answer.json().await.unwrap();
    answer["id"].as_str().unwrap().to_owned()
}

async fn is_whole(gateway: &Gateway, ids: &[String]) {
    for (number, id) in (1..).zip(ids) {
        let content = gateway.get(&format!("/v1/documents/{id}/content")).await;
        assert_eq!(content.text().await.unwrap(), document(number));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_key_is_changed_while_the_gateway_runs_and_a_kill_loses_nothing() {
    let place = Place::bare().ready("https://localhost:9");
    // Nothing is sealed while it runs: there is no insurer.
    let config = fs::read_to_string(place.config()).unwrap();
    let config = config.replace("lot_age_seconds = 0.1", "lot_age_seconds = 600");
    fs::write(place.config(), config).unwrap();
    let gateway = place.start();
    let mut ids = vec![post(&gateway, 1).await];
    let first = shown(&place);
    // There is no next key yet.
    let why = ["--reason", "the quarter is over"];
    let refused = run(&place, &["keys", "rotate", why[0], why[1]]);
    assert_eq!(refused.status.code(), Some(65));
    assert_eq!(shown(&place), first);
    place.master_key("master.key.next");
    let changed = run(&place, &["keys", "rotate", why[0], why[1]]);
    assert_eq!(changed.status.code(), Some(0), "{}", said(&changed));
    let second = shown(&place);
    assert_ne!(second, first);
    // Safe to repeat, and what is posted now is under it too.
    let again = run(&place, &["keys", "rotate", why[0], why[1]]);
    assert_eq!(again.status.code(), Some(0));
    ids.push(post(&gateway, 2).await);
    is_whole(&gateway, &ids).await;
    gateway.kill();

    // Killed before the file was moved, and again after.
    let gateway = place.start();
    assert_eq!(shown(&place), second);
    ids.push(post(&gateway, 3).await);
    is_whole(&gateway, &ids).await;
    gateway.kill();
    let moved = |from: &str, to: &str| fs::rename(place.path(from), place.path(to)).unwrap();
    moved("master.key", "old.key");
    moved("master.key.next", "master.key");
    let gateway = place.start();
    is_whole(&gateway, &ids).await;
    gateway.kill();

    // The old key opens nothing any more; that is said, and nothing is touched.
    moved("master.key", "new.key");
    moved("old.key", "master.key");
    let keys = fs::read(place.path("store/keys")).unwrap();
    for command in ["serve", "check-config"] {
        let refused = run(&place, &[command]);
        assert_eq!(refused.status.code(), Some(78), "{command}");
        let text = said(&refused);
        assert!(
            text.contains(&second) && text.contains("master_key"),
            "{text}"
        );
    }
    moved("master.key", "old.key");
    assert_eq!(run(&place, &["serve"]).status.code(), Some(78));
    assert_eq!(fs::read(place.path("store/keys")).unwrap(), keys);
    moved("new.key", "master.key");
    moved("store/keys", "keys");
    let refused = run(&place, &["serve"]);
    assert_eq!(refused.status.code(), Some(78));
    assert!(
        said(&refused).contains("`keys` is missing"),
        "{}",
        said(&refused)
    );
    moved("keys", "store/keys");
    let gateway = place.start();
    is_whole(&gateway, &ids).await;
    assert_eq!(gateway.stop(&[]).code(), Some(0));
}

#[test]
fn a_store_without_a_key_says_so() {
    let place = Place::bare().ready("https://localhost:9");
    let config = fs::read_to_string(place.config()).unwrap();
    let encrypted = |line: &&str| line.starts_with("encryption = ");
    let line = config.lines().find(encrypted).unwrap().to_owned();
    let printed = |text: &str| {
        fs::write(place.config(), text).unwrap();
        let checked = run(&place, &["check-config"]);
        (
            checked.status.code(),
            String::from_utf8(checked.stdout).unwrap(),
        )
    };
    let (code, text) = printed(&config);
    assert!(
        code == Some(0) && !text.contains("not be encrypted"),
        "{text}"
    );
    let (code, text) = printed(&config.replace(&line, ""));
    assert!(
        code == Some(0) && text.contains("not be encrypted"),
        "{text}"
    );
    let (code, _) = printed(&config.replace(&line, "encryption = { mode = \"required\" }"));
    assert_eq!(code, Some(78));
    let gateway = {
        fs::write(place.config(), config.replace(&line, "")).unwrap();
        place.start()
    };
    let announced = ["bodies are not encrypted on the disk"];
    assert_eq!(gateway.stop(&announced).code(), Some(0));
}
