//! The conformance kit against the simulated insurer: an insurer that keeps the contract has nothing broken, and
//! one that breaks a sentence of it has exactly that case broken.

use std::sync::Arc;
use std::time::Duration;

use bordereau::claims::document::Purpose;
use bordereau::claims::id::{Amc, Destination, Finess};
use bordereau::clock::SystemClock;
use bordereau::formats::jws::Keys;
use bordereau::simulator::conformance::{self, Case, Config, Report, Status, Verdict};
use futures_util::future::join_all;
use serde_json::json;
use tempfile::TempDir;

use crate::rig;

#[tokio::test]
async fn an_insurer_that_keeps_the_contract_has_nothing_broken() {
    for shape in ["whole", "listed"] {
        let report = judged(&json!({ "receipts": { "shape": shape } }), |_| {}).await;
        for case in Case::ALL {
            assert_eq!(report.verdicts[&case], Verdict::Kept, "{case:?}");
        }
    }
}

#[tokio::test]
async fn every_breach_is_named_and_no_other_case_with_it() {
    let rows = [
        ("serves-anybody", Case::NoCertificate),
        ("unknown-is-not-found", Case::Unknown),
        ("taken-unnamed", Case::Taken),
        ("again-is-conflict", Case::TakenAgain),
        ("known-without-digest", Case::Known),
        ("conflict-is-taken", Case::Conflict),
        ("conflict-overwrites", Case::ConflictChangesNothing),
        ("takes-twice", Case::DocumentOnce),
        ("forgets-refusals", Case::RefusedStays),
        ("digest-unchecked", Case::DigestChecked),
        ("damage-is-final", Case::DamagedAgain),
        ("lengths-unchecked", Case::LengthsChecked),
        ("address-unchecked", Case::AddressChecked),
        ("half-is-taken", Case::CutOff),
        ("same-time-is-conflict", Case::SameTime),
        ("unknown-while-working", Case::WorkedOn),
        ("cuts-at-boundaries", Case::AnyText),
        ("fifty-at-most", Case::Hundred),
        ("feed-unreadable", Case::Feed),
        ("forgets-the-last", Case::Receipts),
        ("receipt-of-other-bytes", Case::ReceiptDigest),
        ("receipt-names-strangers", Case::ReceiptRows),
        ("receipt-for-refused", Case::NothingElse),
        ("one-id-for-all", Case::OwnIds),
        ("unsigned", Case::Signed),
        ("feed-reordered", Case::FeedOrder),
        ("empty-page-moves", Case::FeedEnd),
        ("cursor-unchecked", Case::CursorChecked),
    ];
    // Every case has a breach that it finds.
    assert_eq!(rows.map(|(_, case)| case), Case::ALL);
    // What the gateway could not read is found too.
    let more = [
        ("codes-are-numbers", Case::DocumentOnce),
        ("signed-by-another-key", Case::Signed),
        ("signed-other-bytes", Case::Signed),
    ];
    let judging = rows
        .into_iter()
        .chain(more)
        .map(|(breach, case)| async move {
            let report = judged(&json!({ "breaches": [breach] }), |_| {}).await;
            (breach, case, report)
        });
    for (breach, case, report) in join_all(judging).await {
        assert_eq!(report.broken(), [case], "{breach}: {:#?}", report.verdicts);
        assert!(!report.verdicts[&case].why().is_empty(), "{breach}");
    }
}

/// Trouble on the line is no breach where the contract allows it, and is told as what it is elsewhere.
#[tokio::test]
async fn what_cannot_be_judged_is_not_called_broken() {
    let absent = |config: &mut Config| config.status = Status::Absent;
    let report = judged(&json!({}), absent).await;
    assert_eq!(report.broken(), []);
    for case in [Case::NoCertificate, Case::Unknown, Case::Known] {
        assert!(matches!(report.verdicts[&case], Verdict::Unjudged(_)));
    }

    let unagreed = |config: &mut Config| config.receipt_keys = None;
    let report = judged(&json!({ "breaches": ["unsigned"] }), unagreed).await;
    assert_eq!(report.broken(), []);
    assert!(matches!(
        report.verdicts[&Case::Signed],
        Verdict::Unjudged(_)
    ));

    let nowhere = |config: &mut Config| config.base = "https://localhost:1/wire".to_owned();
    let report = judged(&json!({}), nowhere).await;
    assert!(!report.reached());
}

/// The tester's own documents go out byte for byte but for their numbers, and what is no document is refused.
#[tokio::test]
async fn the_testers_own_documents_are_sent() {
    let text = std::fs::read("fixtures/documents/valid/fse-tiers-payant.xml").unwrap();
    let own = |config: &mut Config| config.documents = vec![text.clone()];
    assert_eq!(judged(&json!({}), own).await.broken(), []);

    let folder = rig::certificates();
    let mut config = config(&folder, "https://localhost:1".to_owned());
    config.documents = vec![text.clone(), b"<document/>".to_vec()];
    let error = conformance::run(config, Arc::new(SystemClock)).await;
    let error = error.err().map(|error| error.to_string()).unwrap();
    assert!(
        error.starts_with("document 2 of those to be sent"),
        "{error}"
    );
}

/// A complementary insurer is sent demandes de remboursement.
#[tokio::test]
async fn a_complementary_insurer_is_tested_too() {
    let amc = |config: &mut Config| {
        config.destination = Destination::Amc(Amc::parse("12345678").unwrap());
    };
    assert_eq!(judged(&json!({}), amc).await.broken(), []);
}

async fn judged(plan: &serde_json::Value, change: impl FnOnce(&mut Config)) -> Report {
    let folder = rig::certificates();
    let insurer = rig::insurer(folder.path(), &plan.to_string(), Arc::new(SystemClock)).await;
    let mut config = config(
        &folder,
        format!("https://localhost:{}/wire", insurer.address.port()),
    );
    change(&mut config);
    let report = conformance::run(config, Arc::new(SystemClock)).await;
    insurer.shutdown().await;
    report.unwrap()
}

fn config(folder: &TempDir, base: String) -> Config {
    let path = folder.path();
    let tls = json!({
        "roots": path.join("authority.pem"),
        "identity": { "certificate": path.join("client.pem"), "key": path.join("client.key") },
    });
    Config {
        base,
        tls: serde_json::from_value(tls).unwrap(),
        centre: Finess::parse("750712184").unwrap(),
        destination: Destination::parse("amo:017510000").unwrap(),
        purpose: Purpose::Real,
        documents: Vec::new(),
        receipt_keys: Some(Keys::from_pem(&rig::signs_with()).unwrap()),
        status: Status::Offered,
        answer: Duration::from_secs(10),
        receipts: Duration::from_secs(2),
    }
}
