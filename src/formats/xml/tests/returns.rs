//! Receipts, settlements and feeds: every field, and the bytes as they were written.

use super::{fixture, reader};
use crate::claims::receipt::{Coverage, Item, Part, PartOutcome, SettlementContent, Verdict};
use crate::formats::xml::{FEED, Limits, write_receipt, write_settlement};

#[test]
fn receipts_and_settlements_are_written_as_they_are_read() {
    for bytes in [
        fixture!("receipts/receipt-accepted.xml"),
        fixture!("receipts/receipt-refused.xml"),
        fixture!("receipts/receipt-partly-refused.xml"),
        fixture!("receipts/settlement-paid.xml"),
        fixture!("receipts/settlement-mixed.xml"),
        fixture!("receipts/settlement-granted.xml"),
    ] {
        let reader = reader();
        let read = reader.read_item(bytes, &Limits::default());
        assert_eq!(read.findings, []);
        let written = match read.value.unwrap() {
            Item::Receipt(receipt) => write_receipt(&receipt),
            Item::Settlement(settlement) => write_settlement(&settlement),
        };
        assert_eq!(written.as_bytes(), &bytes[..bytes.len() - 1]);
    }
}

#[test]
fn a_signature_follows_its_item_in_a_feed_and_alone() {
    use crate::claims::id::EndpointName;
    use crate::formats::jws::{Keyring, Keys};

    let reader = reader();
    let limits = Limits::default();
    let key = |pem| Keys::from_pem(std::str::from_utf8(pem).unwrap()).unwrap();
    let endpoint = EndpointName::parse("paris").unwrap();
    let ed25519 = Keyring::new([(
        endpoint.clone(),
        Some(key(fixture!("signatures/ed25519.pem"))),
    )]);
    let p256 = Keyring::new([(endpoint.clone(), Some(key(fixture!("signatures/p256.pem"))))]);
    let bytes = fixture!("signatures/feed.xml");
    let feed = reader.read_feed(bytes, &limits);
    assert_eq!(feed.findings, []);
    let [receipt, settlement] = &feed.parts[..] else {
        panic!("{} items", feed.parts.len());
    };
    let alone = fixture!("signatures/receipt.xml");
    let single = reader.alone(alone).unwrap();
    for (keys, bytes, part) in [
        (&ed25519, bytes, receipt),
        (&p256, bytes, settlement),
        (&ed25519, alone, &single),
    ] {
        let jws = part.signature(bytes);
        assert_eq!(keys.verify(&endpoint, part.of(bytes), jws), Ok(()));
        // What is kept is the item and its signature, and is read and verified again by itself.
        let kept = &bytes[part.evidence()];
        assert!(reader.read_item(kept, &limits).value.is_some());
        let again = reader.alone(kept).unwrap();
        let jws = again.signature(kept);
        assert_eq!(keys.verify(&endpoint, again.of(kept), jws), Ok(()));
    }
    // An instruction before every item, a second one and one of another name are no signature of it.
    for (feed, expected) in [
        ("<?jws a?><r xmlns='x'/>", None),
        ("<r xmlns='x'/><?jws a?><?jws b?>", Some("a")),
        ("<r xmlns='x'/><?jwt a?>", None),
        ("<r xmlns='x'><?jws a?></r>", None),
    ] {
        let feed = format!("<feed xmlns='{FEED}' version='1' next='1'>{feed}</feed>");
        let feed = feed.as_bytes();
        let opened = reader.read_feed(feed, &limits);
        assert_eq!(opened.findings, []);
        assert_eq!(opened.parts[0].signature(feed), expected);
    }
}

#[test]
fn a_receipt_is_read_field_by_field() {
    let reader = reader();
    let bytes = fixture!("receipts/receipt-partly-refused.xml");
    let Some(Item::Receipt(receipt)) = reader.read_item(bytes, &Limits::default()).value else {
        panic!("not a receipt");
    };
    assert_eq!(receipt.id.as_str(), "ARL-2026-11-13-0003");
    assert_eq!(
        receipt.lot.to_string(),
        "019a7c3d-9000-7000-8000-000000000001"
    );
    assert_eq!(receipt.digest.0, [0xa5; 32]);
    assert_eq!(receipt.issued.to_string(), "2026-11-13T06:30:00.250Z");
    assert_eq!(
        (receipt.verdict, receipt.coverage),
        (Verdict::Accepted, Coverage::Listed)
    );
    let [accepted, refused] = &receipt.documents[..] else {
        panic!("{} documents", receipt.documents.len());
    };
    assert_eq!(
        (accepted.verdict, refused.verdict),
        (Verdict::Accepted, Verdict::Refused)
    );
    assert_eq!(
        refused.document.to_string(),
        "019a7c3d-8000-7000-8000-000000000002"
    );
    assert_eq!(refused.code.as_ref().unwrap().as_str(), "B2-114");
    assert_eq!(
        refused.text.as_deref(),
        Some("Rang de naissance \"0\" & <inconnu>")
    );
    assert!(accepted.text.is_none() && receipt.text.is_none());
}

#[test]
fn a_settlement_is_read_part_by_part() {
    let reader = reader();
    let bytes = fixture!("receipts/settlement-mixed.xml");
    let Some(Item::Settlement(settlement)) = reader.read_item(bytes, &Limits::default()).value
    else {
        panic!("not a settlement");
    };
    let SettlementContent::Parts(parts) = settlement.content else {
        panic!("no parts");
    };
    let found: Vec<_> = parts
        .iter()
        .map(|part| (part.part, part.outcome, part.amount.0))
        .collect();
    assert_eq!(
        found,
        [
            (Part::Amo, PartOutcome::Paid, 2100),
            (Part::Amc, PartOutcome::Rejected, 900)
        ]
    );
    assert_eq!(
        parts[1].text.as_deref(),
        Some("Droits fermés à la date des soins")
    );
}

#[test]
fn each_part_is_settled_once() {
    let text = std::str::from_utf8(fixture!("receipts/settlement-mixed.xml")).unwrap();
    let twice = text.replacen("part=\"amc\"", "part=\"amo\"", 1);
    let reader = reader();
    let read = reader.read_item(twice.as_bytes(), &Limits::default());
    assert!(read.value.is_none());
    assert_eq!(read.findings[0].code, "XSD_KEY_TWICE");
}

#[test]
fn a_feed_gives_its_cursor_and_the_exact_bytes_of_its_items() {
    let bytes = fixture!("receipts/feed.xml");
    let reader = reader();
    let feed = reader.read_feed(bytes, &Limits::default());
    assert_eq!(
        (feed.findings, feed.next.as_deref()),
        (vec![], Some("2026-11-16.0005"))
    );
    let evidence = [
        fixture!("receipts/receipt-accepted.xml"),
        fixture!("receipts/receipt-partly-refused.xml"),
        fixture!("receipts/settlement-paid.xml"),
        fixture!("receipts/settlement-mixed.xml"),
        fixture!("receipts/settlement-granted.xml"),
    ];
    assert_eq!(feed.parts.len(), evidence.len());
    for (part, alone) in feed.parts.iter().zip(evidence) {
        assert_eq!(part.of(bytes), &alone[..alone.len() - 1]);
        let item = reader
            .read_feed_item(bytes, part, &Limits::default())
            .value
            .unwrap();
        assert!(item == reader.read_item(alone, &Limits::default()).value.unwrap());
    }
    let empty = reader.read_feed(fixture!("receipts/feed-empty.xml"), &Limits::default());
    assert_eq!((empty.findings, empty.parts), (vec![], vec![]));
}

#[test]
fn a_cursor_is_read_with_its_references_resolved() {
    let feed = format!("<feed xmlns=\"{FEED}\" version=\"1\" next=\"a&#45;b\"/>");
    let feed = reader().read_feed(feed.as_bytes(), &Limits::default());
    assert_eq!(feed.next.as_deref(), Some("a-b"));
}
