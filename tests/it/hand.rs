//! The operator's hand from the command line, and what the centre hears of it, with real processes: every act has its
//! reason in the history, and the stream of events lives over TLS until the gateway ends.

use std::process::Output;
use std::time::Duration;

use serde_json::Value;

use crate::gateway::{CENTRE, Gateway, Place, document, program, until};
use crate::insurer;

/// Runs a command that must end well; gives what it printed.
fn ran(place: &Place, arguments: &[&str]) -> String {
    let output = run(place, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{arguments:?}: {said}{errors}"
    );
    said
}

fn run(place: &Place, arguments: &[&str]) -> Output {
    let mut command = program();
    command.args(arguments).arg("--config").arg(place.config());
    command.output().unwrap()
}

async fn admitted(gateway: &Gateway, number: usize) -> String {
    let answer = gateway.post(&document(number)).await.unwrap();
    assert_eq!(answer.status(), 202);
    let answer: Value = answer.json().await.unwrap();
    answer["id"].as_str().unwrap().to_owned()
}

async fn standing(gateway: &Gateway, id: &str) -> String {
    let shown = gateway.get(&format!("/v1/documents/{id}")).await;
    let shown: Value = shown.json().await.unwrap();
    shown["standing"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_steers_from_the_command_line_and_every_act_says_why() {
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, "").await;
    let place = place.ready(&base);
    let gateway = place.start();
    let held = ran(
        &place,
        &["endpoint", "hold", "paris", "--reason", "maintenance"],
    );
    assert_eq!(held, "paris is held\n");
    let mut ids = Vec::new();
    for number in 1..=4 {
        ids.push(admitted(&gateway, number).await);
    }
    for id in &ids {
        until("every document is in a held lot", || async {
            standing(&gateway, id).await == "held"
        })
        .await;
    }
    let listed = ran(&place, &["documents", "--standing", "held", "--csv"]);
    assert_eq!(listed.lines().count(), 5, "{listed}");
    assert!(listed.contains(CENTRE), "{listed}");

    ran(
        &place,
        &["cancel", &ids[0], "--reason", "posted twice by mistake"],
    );
    ran(
        &place,
        &["paper", &ids[1], "--reason", "sent by post on Monday"],
    );
    let evidence = place.path("evidence.txt");
    std::fs::write(&evidence, "deposited at the caisse").unwrap();
    let evidence = evidence.to_str().unwrap();
    ran(
        &place,
        &[
            "by-hand",
            &ids[2],
            "--evidence",
            evidence,
            "--reason",
            "the line was down",
        ],
    );
    for (id, word) in ids.iter().zip(["cancelled", "on paper", "by hand"]) {
        assert_eq!(standing(&gateway, id).await, word);
    }
    let history = ran(&place, &["status", &ids[1]]);
    assert!(history.contains(": sent by post on Monday\n"), "{history}");
    assert!(history.contains("nothing more is to be done"), "{history}");
    assert_eq!(ran(&place, &["owed"]).lines().last(), Some("0 documents"));
    // The operator's words are not the centre's.
    let shown = gateway.get(&format!("/v1/documents/{}", ids[1])).await;
    assert!(!shown.text().await.unwrap().contains("sent by post"));

    // The last one was sealed again without the others.
    until("the last document is in a held lot", || async {
        standing(&gateway, &ids[3]).await == "held"
    })
    .await;
    let replay = [
        "replay",
        "--endpoint",
        "paris",
        "--reason",
        "after the maintenance",
    ];
    let dry = ran(&place, &[&replay[..], &["--dry-run"]].concat());
    assert!(dry.contains("1 would be sent again"), "{dry}");
    assert!(dry.contains("fall out: void\n"), "{dry}");
    ran(
        &place,
        &[
            "endpoint",
            "release",
            "paris",
            "--reason",
            "maintenance is over",
        ],
    );
    ran(&place, &replay);
    until("the last document is paid", || async {
        standing(&gateway, &ids[3]).await == "paid"
    })
    .await;
    let refused = run(&place, &["cancel", &ids[3], "--reason", "too late"]);
    assert_eq!(refused.status.code(), Some(65));
    assert!(gateway.stop(&[]).success());
    drop(insurer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_events_tells_a_documents_life_and_ends_with_the_gateway() {
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, "").await;
    let place = place.ready(&base);
    let gateway = place.start();
    let mut response = gateway.get("/v1/events?after=0").await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let id = admitted(&gateway, 1).await;
    let mut text = String::new();
    let paid = async {
        while !text.contains("\"standing\":\"paid\"") {
            let part = response.chunk().await.unwrap().expect("the stream goes on");
            text.push_str(std::str::from_utf8(&part).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(60), paid)
        .await
        .unwrap();
    let events = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events: Vec<Value> = events
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    assert!(events.iter().all(|event| event["id"] == id.as_str()));
    let words: Vec<_> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(words[..2], ["admitted", "sealed"], "{words:?}");
    assert!(
        gateway.stop(&[]).success(),
        "an open stream holds no shutdown back"
    );
    assert!(!matches!(response.chunk().await, Ok(Some(part)) if part.starts_with(b"event")));
    drop(insurer);
}
