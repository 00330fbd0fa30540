//! The store is lost and made again from a backup: what was posted again is counted once, nothing is sent before a
//! person has looked, and no lot comes with other bytes under an id that was used.

use std::collections::BTreeSet;
use std::fs;
use std::process::Output;

use bordereau::claims::time::Timestamp;
use bordereau::simulator::insurer::Handle;
use serde_json::Value;

use crate::account::counted;
use crate::gateway::{CENTRE, Gateway, Place, document, program, until};
use crate::insurer;

fn run(place: &Place, arguments: &[&str]) -> Output {
    let mut command = program();
    let words = arguments.iter().take_while(|word| !word.starts_with('-'));
    let words = words.count();
    command
        .args(&arguments[..words])
        .arg("--config")
        .arg(place.config());
    command.args(&arguments[words..]).output().unwrap()
}

fn done(place: &Place, arguments: &[&str]) -> String {
    let output = run(place, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

async fn post(gateway: &Gateway, numbers: std::ops::RangeInclusive<usize>) -> Vec<u16> {
    let mut found = Vec::new();
    for number in numbers {
        let answer = gateway.post(&document(number)).await.unwrap();
        found.push(answer.status().as_u16());
    }
    found
}

async fn with_the_insurer(insurer: &Handle, documents: usize) {
    until("every document is with the insurer", || async {
        insurer.book().documents.len() == documents
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_lost_is_restored_from_the_middle_and_everything_ends_right() {
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, "").await;
    let place = place.ready(&base);
    let path = |name: &str| place.path(name).display().to_string();
    let (bodies, keys, store) = (path("backup"), path("backup.keys"), path("store"));

    let gateway = place.start();
    assert_eq!(post(&gateway, 1..=12).await, [202; 12]);
    with_the_insurer(&insurer, 12).await;
    // Some of them are still on their way.
    let said = done(&place, &["backup", "--to", &bodies, "--keys-to", &keys]);
    assert!(said.starts_with("backed up to entry "), "{said}");
    until("the backup is shown", || async {
        gateway.metric("bordereau_store_backup_position").await > Some(12.0)
    })
    .await;
    assert_eq!(post(&gateway, 13..=24).await, [202; 12]);
    with_the_insurer(&insurer, 24).await;
    counted(&gateway, 24).await;
    gateway.kill();
    fs::rename(place.path("store"), place.path("lost")).unwrap();
    let lots: BTreeSet<_> = insurer.book().lots.keys().copied().collect();

    let checked = program()
        .args(["backup", "verify", &bodies, "--keys", &keys])
        .output()
        .unwrap();
    assert_eq!(checked.status.code(), Some(0));
    let made = [
        "restore", "--from", &bodies, "--keys", &keys, "--to", &store,
    ];
    let said = done(&place, &made);
    assert!(said.contains("sends nothing until"), "{said}");
    assert_eq!(
        run(&place, &made).status.code(),
        Some(74),
        "there is one already"
    );

    let gateway = place.start();
    let ready = gateway.get_as_nobody("/readyz").await;
    assert_eq!(ready.status(), 200);
    assert!(
        ready
            .text()
            .await
            .unwrap()
            .starts_with("restored: sending waits")
    );
    assert_eq!(
        gateway.metric("bordereau_store_restored_state").await,
        Some(1.0)
    );
    let mut known = post(&gateway, 1..=24).await;
    let again = known.split_off(12);
    assert_eq!((known, again), (vec![200; 12], vec![202; 12]));
    // What insurers say is heard from the beginning; of the lost span that is all there is.
    let status: Value =
        serde_json::from_str(&done(&place, &["restore", "status", "--json"])).unwrap();
    assert_eq!(status["sending"], "waits");
    let restored = &status["restored"];
    let at = |name: &str| Timestamp::parse(restored[name].as_str().unwrap()).unwrap();
    let span = at("at").since(at("lost_since")).as_secs_f64();
    assert!(span > 0.0, "{restored}");
    let lost = gateway
        .metric("bordereau_store_restored_lost_seconds")
        .await;
    // Instants are written with three decimals.
    let is_span = |lost: f64| (lost - span).abs() < 0.002;
    assert!(lost.is_some_and(is_span), "{lost:?} {restored}");
    let since = restored["entry"].to_string();
    until("the lost span is heard of", || async {
        let orphans = done(&place, &["orphans", "--since", &since, "--json"]);
        let orphans = orphans
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let unknown: BTreeSet<String> = orphans
            .filter(|orphan| orphan["cause"] == "unknown lot")
            .map(|orphan| orphan["lot"].as_str().unwrap().to_owned())
            .collect();
        !unknown.is_empty()
            && unknown
                .iter()
                .all(|lot| lots.iter().any(|own| own.to_string() == *lot))
    })
    .await;
    // What is lost may be any centre's: each is shown it.
    let list = |more: &[&str]| {
        let words = [&["orphans", "--since", &since, "--json"], more].concat();
        done(&place, &words)
    };
    until("no more is heard", || async {
        let (all, own) = (list(&[]), list(&["--centre", CENTRE]));
        !all.is_empty() && all == own
    })
    .await;
    let present: BTreeSet<_> = insurer.book().lots.keys().copied().collect();
    assert_eq!(present, lots, "nothing is sent");

    let resumed = done(
        &place,
        &[
            "restore",
            "resume",
            "--reason",
            "the orphans were looked at",
        ],
    );
    assert!(resumed.contains("lots are sent"), "{resumed}");
    // Twelve are there twice, under other ids: the insurer had them, and nobody here can know.
    with_the_insurer(&insurer, 36).await;
    counted(&gateway, 24).await;
    let book = insurer.book();
    assert_eq!(
        book.breaches,
        Vec::<String>::new(),
        "no lot under a used id"
    );
    assert!(book.lots.len() > lots.len());
    let imbalance = gateway.metric("bordereau_ledger_imbalance_documents").await;
    assert_eq!(imbalance, Some(0.0));
    assert_eq!(
        gateway.metric("bordereau_store_restored_state").await,
        Some(0.0)
    );
    let lost = gateway
        .metric("bordereau_store_restored_lost_seconds")
        .await;
    assert!(lost.is_some_and(is_span), "it was lost all the same");
    let walked = done(&place, &["ledger", "verify"]);
    assert!(walked.ends_with("the chain holds\n"), "{walked}");
    let orphans = ["receipt matches nothing: kept as an orphan"];
    assert_eq!(gateway.stop(&orphans).code(), Some(0));
    assert_eq!(run(&place, &["verify-store"]).status.code(), Some(0));
    insurer.shutdown().await;
}

/// Waits until so many documents of a standing are listed.
async fn listed(gateway: &Gateway, standing: &str, documents: usize) {
    until(&format!("{documents} are {standing}"), || async {
        let page = gateway
            .get(&format!("/v1/documents?standing={standing}"))
            .await;
        let page: Value = page.json().await.unwrap();
        page["documents"].as_array().map(Vec::len) == Some(documents)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_on_its_way_at_the_backup_is_asked_about_and_never_sent_again() {
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, "").await;
    let place = place.ready(&base);
    let path = |name: &str| place.path(name).display().to_string();
    let (bodies, keys, store) = (path("backup"), path("backup.keys"), path("store"));
    let gateway = place.start();
    let order = |what: &str| {
        done(
            &place,
            &["endpoint", what, "paris", "--reason", "the caisse asked"],
        )
    };
    assert_eq!(order("hold"), "paris is held\n");
    assert_eq!(post(&gateway, 1..=6).await, [202; 6]);
    // Sealed, and not sent: their lots are in the backup.
    listed(&gateway, "held", 6).await;
    done(&place, &["backup", "--to", &bodies, "--keys-to", &keys]);
    order("release");
    with_the_insurer(&insurer, 6).await;
    counted(&gateway, 6).await;
    let lots: BTreeSet<_> = insurer.book().lots.keys().copied().collect();
    gateway.kill();
    fs::rename(place.path("store"), place.path("lost")).unwrap();

    let made = [
        "restore", "--from", &bodies, "--keys", &keys, "--to", &store,
    ];
    done(&place, &made);
    let gateway = place.start();
    // The hold stands again, and nothing is sent before a person has resumed: the insurer is asked all the same, and what
    // it says to have and to pay counts.
    counted(&gateway, 6).await;
    assert_eq!(post(&gateway, 1..=6).await, [200; 6]);
    order("release");
    done(
        &place,
        &["restore", "resume", "--reason", "every lot is known"],
    );
    listed(&gateway, "paid", 6).await;
    let book = insurer.book();
    assert_eq!(book.lots.keys().copied().collect::<BTreeSet<_>>(), lots);
    assert_eq!(book.breaches, Vec::<String>::new());
    assert_eq!(book.documents.len(), 6, "none is there twice");
    let imbalance = gateway.metric("bordereau_ledger_imbalance_documents").await;
    assert_eq!(imbalance, Some(0.0));
    assert_eq!(gateway.stop(&[]).code(), Some(0));
    insurer.shutdown().await;
}
