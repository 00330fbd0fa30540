//! What insurers hand in, and what centres declare.

use std::sync::Arc;

use axum::http::header;
use serde_json::json;

use super::house::{
    Answer, CENTRE, CLOSED_CENTRE, House, OTHER_CENTRE, Who, caisse, endpoint, fse, name,
};
use crate::claims::delivery::Form;
use crate::claims::document::{Cents, Purpose};
use crate::claims::entry::{Entry, Sealed};
use crate::claims::id::{Digest, DocumentId, Finess, LotId};
use crate::claims::receipt::{
    Coverage, Part, PartOutcome, PartSettlement, Receipt, Settlement, SettlementContent, Verdict,
};
use crate::claims::routes::Routes;
use crate::formats::xml::{write_feed, write_receipt, write_settlement};
use crate::store::{Command, Store};

const RECEIPTS: &str = "/v1/receipts";

/// A house in which one FSE was sealed into a lot for `paris`.
async fn sealed() -> (House, DocumentId) {
    let house = House::new().await;
    let admitted = house
        .post(Who::Vendor, "/v1/documents", fse("000000017", |_| {}))
        .await;
    let document = DocumentId::parse(admitted.json["id"].as_str().unwrap()).unwrap();
    let sealed = Sealed {
        lot: LotId(7),
        centre: Finess::parse(CENTRE).unwrap(),
        destination: caisse(),
        endpoint: endpoint("paris"),
        purpose: Purpose::Real,
        documents: vec![document],
        digest: Digest([1; 32]),
        length: 100,
        due: house.now,
        form: Form::Composed,
    };
    house
        .store
        .commit(house.now, Command::Seal(sealed))
        .await
        .unwrap();
    (house, document)
}

fn receipt(house: &House, id: &str, lot: u128) -> String {
    write_receipt(&Receipt {
        id: name(id),
        lot: LotId(lot),
        digest: Digest([1; 32]),
        issued: house.now,
        verdict: Verdict::Accepted,
        documents: Vec::new(),
        coverage: Coverage::Whole,
        code: None,
        text: None,
    })
}

fn settlement(house: &House, id: &str, document: DocumentId) -> String {
    write_settlement(&Settlement {
        id: name(id),
        document,
        issued: house.now,
        content: SettlementContent::Parts(vec![PartSettlement {
            part: Part::Amo,
            outcome: PartOutcome::Paid,
            amount: Cents(2100),
            code: None,
            text: None,
        }]),
    })
}

#[tokio::test]
async fn a_receipt_is_recorded_once() {
    let (house, document) = sealed().await;
    let xml = receipt(&house, "ARL-1", 7);
    house
        .post(Who::Paris, RECEIPTS, xml.clone())
        .await
        .is("receipt-recorded");
    house
        .post(Who::Paris, RECEIPTS, xml)
        .await
        .is("receipt-known");
    let paid = settlement(&house, "RSP-1", document);
    assert_eq!(house.post(Who::Paris, RECEIPTS, paid).await.status, 200);
    let entries = house.entries().await;
    let receipted = |entry: &&Entry| matches!(entry, Entry::Receipted(_) | Entry::Settled(_));
    assert_eq!(entries.iter().filter(receipted).count(), 2);
}

#[tokio::test]
async fn a_receipt_of_another_insurer_moves_nothing_and_is_recorded() {
    let (house, _) = sealed().await;
    let xml = receipt(&house, "ARL-1", 7);
    house
        .post(Who::Mutuelle, RECEIPTS, xml)
        .await
        .is("foreign-receipt");
    let entries = house.entries().await;
    assert!(
        matches!(entries.last(), Some(Entry::Foreign(_))),
        "{entries:?}"
    );
}

#[tokio::test]
async fn a_caller_under_the_former_name_of_its_endpoint_speaks_of_lots_of_the_present_one() {
    let (house, document) = sealed().await;
    // The lot is sealed for `paris`; that a caller is called otherwise by now needs a restart.
    let routes = Routes::new([(endpoint("paris"), Purpose::Real, Vec::new())]);
    let routes = routes.formerly([(endpoint("paris"), vec![endpoint("mutuelle")])]);
    house.routes.send_replace(Arc::new(routes));
    for xml in [
        receipt(&house, "ARL-1", 7),
        settlement(&house, "RSP-1", document),
    ] {
        let answer = house.post(Who::Mutuelle, RECEIPTS, xml).await;
        assert_eq!(answer.json["items"][0]["outcome"], "recorded");
    }
    let entries = house.entries().await;
    let spoke = entries.iter().filter_map(|entry| match entry {
        Entry::Receipted(receipted) => Some(&receipted.endpoint),
        Entry::Settled(settled) => Some(&settled.endpoint),
        _ => None,
    });
    let spoke: Vec<_> = spoke.collect();
    assert_eq!(spoke, [&endpoint("paris"); 2]);
}

#[tokio::test]
async fn what_matches_nothing_is_kept() {
    let (house, _) = sealed().await;
    let xml = receipt(&house, "ARL-1", 99);
    house
        .post(Who::Paris, RECEIPTS, xml)
        .await
        .is("receipt-kept");
    let entries = house.entries().await;
    assert!(
        matches!(entries.last(), Some(Entry::Orphaned(_))),
        "{entries:?}"
    );
}

#[tokio::test]
async fn what_comes_again_is_answered_by_what_it_says() {
    let (house, _) = sealed().await;
    let outcome = async |who, xml: String| {
        let answer = house.post(who, RECEIPTS, xml).await;
        let outcome = answer.json["items"][0]["outcome"].as_str();
        (answer.status, outcome.unwrap_or_default().to_owned())
    };
    let first = receipt(&house, "ARL-1", 7);
    let declared = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{first}");
    let other = first.replace("accepted", "refused");
    for (xml, expected) in [
        (&first, (200, "recorded")),
        (&declared, (200, "known")),
        (&other, (202, "kept: other content")),
        (&other, (202, "kept: other content")),
    ] {
        let found = outcome(Who::Paris, xml.clone()).await;
        assert_eq!(found, (expected.0, expected.1.to_owned()));
    }
    assert_eq!(house.store.orphans().await.unwrap(), 1);
    for _ in 0..2 {
        let foreign = house.post(Who::Mutuelle, RECEIPTS, first.clone()).await;
        foreign.is("foreign-receipt");
    }
}

#[tokio::test]
async fn an_endpoint_with_a_key_hands_in_what_is_signed() {
    let house = House::new().await;
    let signed = include_str!("../../../fixtures/signatures/receipt.xml");
    let unsigned = signed.split("<?jws").next().unwrap();
    let changed = signed.replace("accepted", "refused");
    for (xml, outcome) in [
        (unsigned, "kept: signature"),
        (&changed, "kept: signature"),
        // Its signature is right, and its lot is not known here.
        (signed, "kept: unknown lot"),
    ] {
        let answer = house.post(Who::Signee, RECEIPTS, xml.to_owned()).await;
        let found = answer.json["items"][0]["outcome"].as_str();
        assert_eq!((answer.status, found), (202, Some(outcome)));
    }
    let feed = include_str!("../../../fixtures/signatures/feed.xml");
    let answer = house.post(Who::Signee, RECEIPTS, feed.to_owned()).await;
    let rows = ["kept: unknown lot", "kept: signature"];
    for (row, outcome) in rows.into_iter().enumerate() {
        assert_eq!(answer.json["items"][row]["outcome"], outcome, "{row}");
    }
}

#[tokio::test]
async fn a_feed_has_a_row_for_each_item() {
    let (house, document) = sealed().await;
    let unreadable = receipt(&house, "ARL-3", 7).replace("accepted", "perhaps");
    let items = [
        receipt(&house, "ARL-1", 7),
        unreadable,
        settlement(&house, "RSP-1", document),
        receipt(&house, "ARL-2", 99),
    ];
    let feed = write_feed("cursor-1", items.iter().map(String::as_str));
    house.post(Who::Paris, RECEIPTS, feed).await.is("receipts");
    let cursor = |entry: &Entry| matches!(entry, Entry::Cursor { .. });
    assert!(
        !house.entries().await.iter().any(cursor),
        "a push moves no cursor"
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_not_kept() {
    let (house, _) = sealed().await;
    let before = house.entries().await.len();
    let cut = receipt(&house, "ARL-1", 7).replace("accepted", "perhaps");
    house
        .post(Who::Paris, RECEIPTS, cut)
        .await
        .is("receipt-unreadable");
    let feed = write_feed("cursor-1", []).replace("next=", "last=");
    let answer = house.post(Who::Paris, RECEIPTS, feed).await;
    assert_eq!(
        (answer.status, answer.problem()),
        (422, "receipt-unreadable")
    );
    let path = answer.json["findings"][0]["path"].as_str().unwrap();
    assert!(path.starts_with("/feed"), "{path}");
    assert_eq!(house.entries().await.len(), before);
    for who in [Who::Vendor, Who::Operator] {
        assert_eq!(
            house.post(who, RECEIPTS, "").await.problem(),
            "role-forbidden"
        );
    }
}

async fn declare(house: &House, who: Who, path: &str, body: &str) -> Answer {
    let path = format!("/v1/declarations/{path}");
    let mut request = house.request(who, "PUT", &path, body.to_owned());
    let json = "application/json".parse().unwrap();
    request.headers_mut().insert(header::CONTENT_TYPE, json);
    house.send(request).await
}

#[tokio::test]
async fn a_day_of_paper_is_declared_and_replaced_whole() {
    let house = House::new().await;
    let own = format!("{CENTRE}/2026-11-19");
    let rows = r#"{"rows": [{"caisse": "017510000", "sheets": 12}, {"caisse": "017520000", "sheets": 3}]}"#;
    declare(&house, Who::Vendor, &own, rows)
        .await
        .is("declared");
    declare(&house, Who::Vendor, &own, rows)
        .await
        .is("declared");
    let none = declare(&house, Who::Gestionnaire, &own, r#"{"rows": []}"#).await;
    assert_eq!((none.status, &none.json["sheets"]), (200, &json!(0)));
    let entries = house.entries().await;
    let declared: Vec<_> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Declared { rows, .. } => Some(rows.len()),
            _ => None,
        })
        .collect();
    assert_eq!(
        declared,
        [2, 0],
        "the same again changes nothing, no rows are a declaration"
    );
}

#[tokio::test]
async fn a_declaration_that_cannot_be_is_refused() {
    let house = House::new().await;
    let none = r#"{"rows": []}"#;
    let wrong = r#"{"rows": [{"caisse": "01751", "sheets": 12}]}"#;
    for (who, path, body, fixture) in [
        (
            Who::Vendor,
            format!("{CENTRE}/2026-11-19"),
            wrong,
            "declaration-faulty",
        ),
        (
            Who::Vendor,
            format!("{CENTRE}/2026-11-21"),
            none,
            "day-ahead",
        ),
        (
            Who::Vendor,
            format!("{CENTRE}/yesterday"),
            none,
            "address-invalid",
        ),
        (
            Who::Vendor,
            "750712185/2026-11-19".into(),
            none,
            "address-invalid",
        ),
        (
            Who::Vendor,
            format!("{OTHER_CENTRE}/2026-11-19"),
            none,
            "out-of-scope",
        ),
        (
            Who::Tester,
            format!("{CENTRE}/2026-11-19"),
            none,
            "test-forbidden",
        ),
        (
            Who::Operator,
            format!("{CENTRE}/2026-11-19"),
            none,
            "role-forbidden",
        ),
        (
            Who::Vendor,
            format!("{CLOSED_CENTRE}/2026-11-19"),
            none,
            "centre-closed",
        ),
    ] {
        declare(&house, who, &path, body).await.is(fixture);
    }
    let xml = house.request(
        Who::Vendor,
        "PUT",
        &format!("/v1/declarations/{CENTRE}/2026-11-19"),
        none,
    );
    assert_eq!(house.send(xml).await.status, 415);
    assert!(house.entries().await.is_empty());
}
