//! The wire contract between the two sides that were written apart: `transport::https` and the simulated
//! insurer, over real TLS connections on this machine.

#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod handshakes;
mod rig;
mod odd;
mod hostile;
mod conformance;

use std::time::Duration;

use bordereau::claims::delivery::{Event, State};
use bordereau::claims::document::Kind;
use bordereau::claims::id::{Digest, DocumentId, Name};
use bordereau::claims::outcome::{
    Asked, Cause, Refusal, Reply, Sent, StatusReply, Trouble, judge_asked, judge_sent,
};
use bordereau::claims::receipt::{Answer, Item, Part, PartOutcome, SettlementContent, Verdict};
use bordereau::formats::lot::{Composed, compose};
use bordereau::formats::xml::{self, Reader};
use bordereau::transport::{Fetched, Transport};
use rig::{Rig, caisse};
use sha2::{Digest as _, Sha256};

const ONE: &[(Kind, &str)] = &[(Kind::Fse, "A-1")];

#[tokio::test]
async fn every_fault_of_a_hand_over_is_told_apart() {
    let rows = [
        (
            "none",
            Sent::Answered(Reply::Taken),
            Event::Taken,
            StatusReply::Known,
        ),
        ("busy", busy(), Event::Deferred, StatusReply::Unknown),
        (
            "failing",
            trouble(Trouble::Failing),
            Event::Deferred,
            StatusReply::Unknown,
        ),
        (
            "failing-when-done",
            trouble(Trouble::Failing),
            Event::Deferred,
            StatusReply::Known,
        ),
        (
            "forbidden",
            trouble(Trouble::Identity),
            Event::Deferred,
            StatusReply::Unknown,
        ),
        (
            "not-found",
            trouble(Trouble::Address),
            Event::Deferred,
            StatusReply::Unknown,
        ),
        (
            "portal",
            trouble(Trouble::Unintelligible),
            Event::Deferred,
            StatusReply::Unknown,
        ),
        (
            "reset-before",
            Sent::Unanswered(Cause::Broken),
            Event::NoAnswer,
            StatusReply::Unknown,
        ),
        (
            "reset-after",
            Sent::Unanswered(Cause::Broken),
            Event::NoAnswer,
            StatusReply::Unknown,
        ),
        (
            "reset-when-done",
            Sent::Unanswered(Cause::Broken),
            Event::NoAnswer,
            StatusReply::Known,
        ),
    ];
    // Each fault and then none, for the second time the lot is sent.
    let faults: Vec<_> = rows.iter().flat_map(|row| [row.0, "none"]).collect();
    let plan = serde_json::json!({ "wire": {
        "first_lots": faults, "retry_after_seconds": 7
    } });
    let rig = Rig::start(&plan.to_string()).await;
    for (fault, expected, event, status) in rows {
        let lot = rig.lot(ONE);
        let sent = rig.transport.send(&caisse(), &lot).await;
        assert_eq!(sent, expected, "{fault}");
        assert_eq!(judge_sent(&sent, &ids(&lot)).event, event, "{fault}");
        assert_eq!(
            status_of(&rig, &lot).await,
            Asked::Answered(status),
            "{fault}"
        );

        // Whatever came before, the same bytes are taken once and for all.
        assert_eq!(
            rig.transport.send(&caisse(), &lot).await,
            Sent::Answered(Reply::Taken),
            "{fault}"
        );
        assert_eq!(
            status_of(&rig, &lot).await,
            Asked::Answered(StatusReply::Known),
            "{fault}"
        );
    }
    let book = rig.insurer.book();
    assert_eq!((book.lots.len(), book.documents.len()), (10, 10));
    assert_eq!(book.breaches, Vec::<String>::new());
    rig.insurer.shutdown().await;
}

#[tokio::test]
async fn a_lot_that_is_worked_on_is_neither_known_nor_unknown() {
    let rig = Rig::start(r#"{"wire":{"first_lots":["slow"],"slow_milliseconds":60000}}"#).await;
    let lot = rig.lot(ONE);
    let wait_for = async |expected: StatusReply| {
        while status_of(&rig, &lot).await != Asked::Answered(expected.clone()) {
            tokio::task::yield_now().await;
        }
    };
    let working = wait_for(StatusReply::Trouble(Trouble::Failing, None));
    let endpoint = caisse();
    let (sent, ()) = tokio::join!(rig.transport.send(&endpoint, &lot), working);
    assert_eq!(sent, Sent::Unanswered(Cause::Timeout));
    // The insurer hears that nobody waits any more, and does nothing.
    wait_for(StatusReply::Unknown).await;
    assert!(rig.insurer.book().lots.is_empty());
}

#[tokio::test]
async fn every_fault_of_asking_leaves_the_doubt() {
    let plan = r#"{"wire":{"first_questions":
        ["not-found","failing","forbidden","portal","busy","reset-after"],"retry_after_seconds":7}}"#;
    let rig = Rig::start(plan).await;
    let lot = rig.lot(ONE);
    let answered = |trouble, wait| Asked::Answered(StatusReply::Trouble(trouble, wait));
    for expected in [
        answered(Trouble::Address, None),
        answered(Trouble::Failing, None),
        answered(Trouble::Identity, None),
        answered(Trouble::Unintelligible, None),
        answered(Trouble::Busy, Some(Duration::from_secs(7))),
        Asked::NoAnswer(Cause::Broken),
    ] {
        let asked = status_of(&rig, &lot).await;
        assert_eq!(asked, expected);
        let judgement = judge_asked(&asked, &ids(&lot), State::InDoubt, None);
        assert_eq!(judgement.event, Event::StatusUnreachable);
    }
    assert_eq!(
        status_of(&rig, &lot).await,
        Asked::Answered(StatusReply::Unknown)
    );
}

#[tokio::test]
async fn the_insurer_holds_the_bytes_that_were_sent() {
    let rig = Rig::start("{}").await;
    let lot = rig.lot(&[(Kind::Fse, "A-1"), (Kind::Pj, "B-2"), (Kind::Pec, "C-3")]);
    rig.transport.send(&caisse(), &lot).await;
    let book = rig.insurer.book();
    let taken = &book.lots[&lot.lot.id];
    assert_eq!(taken.digest, lot.digest);
    assert_eq!(
        (taken.centre, taken.destination),
        (lot.lot.centre, lot.lot.destination)
    );
    for (index, booked) in taken.documents.iter().enumerate() {
        let bytes = &lot.segments[2 * index + 1];
        assert_eq!(booked.digest, Digest(Sha256::digest(bytes).into()));
        assert_eq!(booked.length, bytes.len() as u64);
        assert_eq!(
            (booked.id, booked.number),
            (lot.rows[index].document, lot.rows[index].number)
        );
    }
}

#[tokio::test]
async fn a_lot_of_other_bytes_and_a_document_sent_twice_are_breaches() {
    let rig = Rig::start("{}").await;
    let first = rig.lot(ONE);
    rig.transport.send(&caisse(), &first).await;

    let other = compose(
        first.lot.clone(),
        vec![rig::piece(DocumentId(9), Kind::Fse, "A-9")],
    );
    let sent = rig.transport.send(&caisse(), &other).await;
    assert_eq!(sent, Sent::Answered(Reply::OtherBytes));
    assert_eq!(
        status_of(&rig, &other).await,
        Asked::Answered(StatusReply::OtherBytes)
    );

    let again = rig::piece(first.rows[0].document, Kind::Fse, "A-1");
    let second = compose(rig::header(rig.lot(ONE).lot.id), vec![again]);
    match rig.transport.send(&caisse(), &second).await {
        Sent::Answered(Reply::Refused(refusal)) => assert_eq!(named(&refusal), ids(&first)),
        sent => panic!("{sent:?}"),
    }
    assert_eq!(rig.insurer.book().breaches.len(), 2);
    assert_eq!(rig.insurer.book().documents.len(), 1);
}

#[tokio::test]
async fn a_refused_lot_names_its_documents_and_takes_none() {
    let plan = r#"{"wire":{"first_lots":["reset-when-done"],
        "refused":[{"kinds":["FSE"],"suffixes":["7"],"code":"D17","text":"inconnu"}]}}"#;
    let rig = Rig::start(plan).await;
    let lot = rig.lot(&[(Kind::Fse, "A-1"), (Kind::Fse, "A-7"), (Kind::Pec, "A-7")]);
    assert_eq!(
        rig.transport.send(&caisse(), &lot).await,
        Sent::Unanswered(Cause::Broken)
    );
    let Asked::Answered(StatusReply::Refused(status)) = status_of(&rig, &lot).await else {
        panic!("the status tells the refusal");
    };
    let sent = rig.transport.send(&caisse(), &lot).await;
    assert_eq!(sent, Sent::Answered(Reply::Refused(status.clone())));
    assert_eq!(status.named[0].text.as_deref(), Some("inconnu"));
    let expected = vec![(lot.rows[1].document, Some(Name::parse("D17").unwrap()))];
    assert_eq!(judge_sent(&sent, &ids(&lot)).named, expected);
    assert!(rig.insurer.book().documents.is_empty());
}

#[tokio::test]
async fn receipts_and_settlements_come_in_their_time_and_order() {
    let plan = r#"{
        "receipts":{"delay_milliseconds":60000,"duplicate_permille":1000,
            "negative":[{"suffixes":["-2"],"code":"R2","text":"clé"}]},
        "settlements":{"delay_milliseconds":60000,"deferral_milliseconds":60000,
            "amc_rejected":[{"suffixes":["-3"],"code":"S3"}],
            "deferred":[{"suffixes":["-4"]}],
            "declined":[{"kinds":["PEC"],"suffixes":["-6"],"code":"P6"}],
            "silent":[{"suffixes":["-7"]}]}}"#;
    let rig = Rig::start(plan).await;
    let kinds = [
        Kind::Fse,
        Kind::Fse,
        Kind::Fse,
        Kind::Dre,
        Kind::Pec,
        Kind::Pec,
        Kind::Fse,
        Kind::Pj,
    ];
    let numbers = ["A-1", "A-2", "A-3", "A-4", "A-5", "A-6", "A-7", "A-8"];
    let lot = rig.lot(&std::array::from_fn::<_, 8, _>(|place| {
        (kinds[place], numbers[place])
    }));
    rig.transport.send(&caisse(), &lot).await;
    let mut words = Vec::new();
    let mut cursor = None;
    for _ in 0..4 {
        words.push("-".to_owned());
        while let items @ [_, ..] = &read(&rig, &mut cursor).await[..] {
            words.extend(items.iter().map(|item| word(&lot, item)));
        }
        rig.clock.advance(Duration::from_secs(60));
    }
    let expected = [
        "-",
        "-",
        "receipt but A-2 R2",
        "-",
        "receipt but A-2 R2",
        "A-1 amo paid 2100 amc paid 900",
        "A-3 amo paid 2100 amc rejected 900 S3",
        "A-4 amc deferred 900",
        "A-5 granted",
        "A-6 declined P6",
        "-",
        "A-4 amc paid 900",
    ];
    assert_eq!(words, expected);
}

#[tokio::test]
async fn a_document_can_have_a_receipt_of_its_own() {
    let plan = r#"{"receipts":{"shape":"listed","negative":[{"suffixes":["-2"]}],"silent":[{"suffixes":["-3"]}]},
        "settlements":{"silent":[{}]}}"#;
    let rig = Rig::start(plan).await;
    let lot = rig.lot(&[(Kind::Fse, "A-1"), (Kind::Fse, "A-2"), (Kind::Fse, "A-3")]);
    rig.transport.send(&caisse(), &lot).await;
    let items = read(&rig, &mut None).await;
    let verdict = |item: &Item| match item {
        Item::Receipt(receipt) => (receipt.documents[0].document, receipt.documents[0].verdict),
        Item::Settlement(_) => panic!("none is planned"),
    };
    let expected = [
        (ids(&lot)[0], Verdict::Accepted),
        (ids(&lot)[1], Verdict::Refused),
    ];
    assert_eq!(items.iter().map(verdict).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_restarted_insurer_knows_its_lots_and_gives_the_same_feed() {
    let rig = Rig::start("{}").await;
    let lot = rig.lot(&[(Kind::Fse, "A-1"), (Kind::Dre, "A-2")]);
    rig.transport.send(&caisse(), &lot).await;
    let before = rig.transport.fetch_receipts(&caisse(), None).await;
    rig.insurer.shutdown().await;

    // A line torn by a crash was never answered.
    let book = rig.folder.path().join("book.jsonl");
    let mut text = std::fs::read(&book).unwrap();
    text.extend_from_slice(b"{\"taken\":{\"lot\":\"01");
    std::fs::write(&book, text).unwrap();

    let insurer = rig::insurer(rig.folder.path(), "{}", rig.clock.clone()).await;
    let address = format!("https://127.0.0.1:{}", insurer.address.port());
    let transport = rig::https(rig::endpoint(rig.folder.path(), &address));
    let asked = transport.status(&caisse(), lot.lot.id, lot.digest).await;
    assert_eq!(asked, Asked::Answered(StatusReply::Known));
    assert_eq!(transport.fetch_receipts(&caisse(), None).await, before);
    assert_eq!(insurer.book().documents.len(), 2);
}

#[tokio::test]
async fn faults_of_fetching_are_told_apart() {
    let plan =
        r#"{"wire":{"first_fetches":["busy","failing","reset-after"],"retry_after_seconds":7}}"#;
    let rig = Rig::start(plan).await;
    let busy = Fetched::Trouble(Trouble::Busy, Some(Duration::from_secs(7)));
    assert_eq!(rig.transport.fetch_receipts(&caisse(), None).await, busy);
    let failing = Fetched::Trouble(Trouble::Failing, None);
    assert_eq!(rig.transport.fetch_receipts(&caisse(), None).await, failing);
    let broken = Fetched::NoAnswer(Cause::Broken);
    assert_eq!(rig.transport.fetch_receipts(&caisse(), None).await, broken);
    let unknown = Name::parse("999").unwrap();
    let refused = Fetched::Trouble(Trouble::Unintelligible, None);
    assert_eq!(
        rig.transport
            .fetch_receipts(&caisse(), Some(&unknown))
            .await,
        refused
    );
}

/// Reads one page of the feed and moves the cursor.
async fn read(rig: &Rig, cursor: &mut Option<Name>) -> Vec<Item> {
    let Fetched::Feed(bytes) = rig
        .transport
        .fetch_receipts(&caisse(), cursor.as_ref())
        .await
    else {
        panic!("a feed is expected");
    };
    let reader = Reader::new().unwrap();
    let limits = xml::Limits::default();
    let feed = reader.read_feed(&bytes, &limits);
    assert!(feed.findings.is_empty(), "{:?}", feed.findings);
    *cursor = Some(Name::parse(&feed.next.unwrap()).unwrap());
    let item = |part| reader.read_feed_item(&bytes, part, &limits).value.unwrap();
    feed.parts.iter().map(item).collect()
}

/// An item in a few words, documents by their number.
fn word(lot: &Composed, item: &Item) -> String {
    let number = |id: DocumentId| {
        lot.rows
            .iter()
            .find(|row| row.document == id)
            .unwrap()
            .number
    };
    let code = |code: &Option<Name>| {
        code.as_ref()
            .map_or(String::new(), |code| format!(" {code}"))
    };
    match item {
        Item::Receipt(receipt) => {
            assert_eq!((receipt.lot, receipt.digest), (lot.lot.id, lot.digest));
            let mut text = "receipt".to_owned();
            for document in &receipt.documents {
                assert_eq!(document.verdict, Verdict::Refused);
                text += &format!(" but {}{}", number(document.document), code(&document.code));
            }
            text
        }
        Item::Settlement(settlement) => {
            let mut text = number(settlement.document).to_string();
            match &settlement.content {
                SettlementContent::Parts(parts) => {
                    for part in parts {
                        let name = match part.part {
                            Part::Amo => "amo",
                            Part::Amc => "amc",
                        };
                        let outcome = match part.outcome {
                            PartOutcome::Paid => "paid",
                            PartOutcome::Rejected => "rejected",
                            PartOutcome::Deferred => "deferred",
                        };
                        text += &format!(" {name} {outcome} {}{}", part.amount.0, code(&part.code));
                    }
                }
                SettlementContent::Answer {
                    answer,
                    code: reason,
                    ..
                } => {
                    let answer = match answer {
                        Answer::Granted => "granted",
                        Answer::Declined => "declined",
                    };
                    text += &format!(" {answer}{}", code(reason));
                }
            }
            text
        }
    }
}

async fn status_of(rig: &Rig, lot: &Composed) -> Asked {
    rig.transport
        .status(&caisse(), lot.lot.id, lot.digest)
        .await
}

fn ids(lot: &Composed) -> Vec<DocumentId> {
    lot.rows.iter().map(|row| row.document).collect()
}

fn named(refusal: &Refusal) -> Vec<DocumentId> {
    refusal.named.iter().map(|named| named.document).collect()
}

fn trouble(trouble: Trouble) -> Sent {
    Sent::Answered(Reply::Trouble(trouble, None))
}

fn busy() -> Sent {
    Sent::Answered(Reply::Trouble(Trouble::Busy, Some(Duration::from_secs(7))))
}
