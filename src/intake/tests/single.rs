//! Documents posted singly, validated, cancelled.

use std::sync::Arc;

use serde_json::json;

use super::house::{
    CENTRE, CLOSED_CENTRE, House, Mood, OTHER_CENTRE, Who, caisse, centre, day, endpoint, fse, pj,
};
use crate::claims::delivery::Form;
use crate::claims::document::{ActCode, ClockBasis, Purpose, ReplacementReason, ThirdParty};
use crate::claims::entry::{Entry, Sealed};
use crate::claims::id::{Digest, DocumentId, LotId};
use crate::store::{BodyId, Command, Find, Lease, Store};

const DOCUMENTS: &str = "/v1/documents";

fn id(answer: &super::house::Answer) -> DocumentId {
    DocumentId::parse(answer.json["id"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_document_is_admitted_once_and_known_after() {
    let house = House::new().await;
    let xml = fse("000000017", |_| {});
    let first = house.post(Who::Vendor, DOCUMENTS, xml.clone()).await;
    first.is("admitted");
    let body = house.store.body(BodyId::Document(id(&first))).await;
    assert_eq!(body.unwrap().unwrap().bytes, xml.as_bytes());

    let again = house.post(Who::Vendor, DOCUMENTS, xml).await;
    again.is("known");
    assert_eq!(id(&first), id(&again));
    assert_eq!(house.received().await, 1);
    assert!(house.turned_away().await.is_empty());
}

#[tokio::test]
async fn the_gestionnaire_posts_for_its_centres() {
    let house = House::new().await;
    let own = fse("000000017", |_| {});
    assert_eq!(
        house.post(Who::Gestionnaire, DOCUMENTS, own).await.status,
        202
    );
    let other = fse("000000017", |document| {
        document.centre = OTHER_CENTRE.into()
    });
    let answer = house.post(Who::Gestionnaire, DOCUMENTS, other).await;
    assert_eq!((answer.status, answer.problem()), (403, "out-of-scope"));
}

#[tokio::test]
async fn a_warning_does_not_refuse() {
    let house = House::new().await;
    let xml = fse("000000018", |document| {
        document.third_party.0 = ThirdParty::PatientPaid;
        document.clock = (ClockBasis::Paid, day("2026-11-16"));
        document.acts[0].date = day("2026-11-16");
    });
    house
        .post(Who::Vendor, DOCUMENTS, xml)
        .await
        .is("admitted-with-warning");
}

#[tokio::test]
async fn other_content_under_the_number_is_a_conflict_that_names_no_value() {
    let house = House::new().await;
    house
        .post(Who::Vendor, DOCUMENTS, fse("000000017", |_| {}))
        .await;
    let other = fse("000000017", |document| {
        document.third_party.0 = ThirdParty::PatientPaid;
        document.acts[0].fees.0 += 100;
        document.acts[0].unit_price.0 += 100;
    });
    house
        .post(Who::Vendor, DOCUMENTS, other)
        .await
        .is("number-taken");
    let blank = fse("000000017", |_| {}) + "\n";
    let answer = house.post(Who::Vendor, DOCUMENTS, blank).await;
    assert_eq!(
        (&answer.json["differs"], &answer.json["fields"]),
        (&json!([]), &json!([])),
        "only the bytes"
    );
    assert_eq!(house.received().await, 1);
}

#[tokio::test]
async fn what_the_ledger_keeps_no_fact_of_is_named_by_its_field_while_the_body_is_kept() {
    let house = House::new().await;
    let names = |given: &str| Some(("DURAND".to_owned(), given.to_owned()));
    let document = |code: &str, given: &str| {
        fse("000000017", |document| {
            document.acts[0].code = ActCode::Ngap(code.into());
            document.beneficiary.as_mut().unwrap().names = names(given);
        })
    };
    let first = house
        .post(Who::Vendor, DOCUMENTS, document("G", "ANNE"))
        .await;
    assert_eq!(first.status, 202);
    let other = document("V", "MARIE");
    let answer = house.post(Who::Vendor, DOCUMENTS, other.clone()).await;
    assert_eq!((answer.status, answer.problem()), (409, "number-taken"));
    assert_eq!(
        (&answer.json["differs"], &answer.json["fields"]),
        (
            &json!([]),
            &json!([
                "/document/beneficiary[1]/givenName[1]",
                "/document/acts[1]/act[1]/ngap[1]"
            ])
        )
    );
    let shown = answer.json.to_string();
    assert!(
        !shown.contains("MARIE") && !shown.contains("ANNE"),
        "{shown}"
    );

    house.store.feels(Mood::WithoutBodies);
    let answer = house.post(Who::Vendor, DOCUMENTS, other).await;
    assert_eq!((answer.status, answer.problem()), (409, "number-taken"));
    assert_eq!(answer.json["differs"], json!([]));
    assert_eq!(answer.json.get("fields"), None, "only a digest is known");
}

#[tokio::test]
async fn a_test_takes_no_number_from_a_claim() {
    let house = House::new().await;
    let xml = fse("000000017", |_| {});
    let test = house.post(Who::Tester, DOCUMENTS, xml.clone()).await;
    let claim = house.post(Who::Vendor, DOCUMENTS, xml.clone()).await;
    assert_eq!((test.status, claim.status), (202, 202));
    assert_ne!(id(&test), id(&claim));
    for (who, first) in [(Who::Tester, test), (Who::Vendor, claim)] {
        let again = house.post(who, DOCUMENTS, xml.clone()).await;
        assert_eq!((again.status, id(&again)), (200, id(&first)), "{who:?}");
    }
}

#[tokio::test]
async fn all_findings_at_once_and_an_entry_of_codes() {
    let house = House::new().await;
    let xml = fse("000000017", |document| {
        let beneficiary = document.beneficiary.as_mut().unwrap();
        beneficiary.nir.1 = "90".into();
        document.acts[0].amo.0 = 2000;
        document.clock.1 = day("2026-11-21");
    });
    let answer = house.post(Who::Vendor, DOCUMENTS, xml.clone()).await;
    answer.is("document-faulty");
    let shown = answer.json.to_string();
    assert!(
        !shown.contains("1850578006084") && !shown.contains("1985-05-12"),
        "{shown}"
    );
    let turned = house.turned_away().await;
    assert_eq!(turned.len(), 1);
    let found = answer.json["findings"].as_array().unwrap();
    let found = found
        .iter()
        .filter(|finding| finding["severity"] == "error");
    let mut found: Vec<_> = found
        .map(|finding| finding["code"].as_str().unwrap())
        .collect();
    found.sort_unstable();
    found.dedup();
    assert_eq!(turned[0], found);
    let cut = &xml[..xml.len() / 2];
    house
        .post(Who::Vendor, DOCUMENTS, cut.to_owned())
        .await
        .is("document-unreadable");
    assert_eq!(house.turned_away().await.len(), 2);
    assert_eq!(house.received().await, 0);
}

#[tokio::test]
async fn a_centre_that_is_closed_or_unknown_is_turned_away_with_its_code() {
    let house = House::new().await;
    let closed = fse("000000017", |document| {
        document.centre = CLOSED_CENTRE.into()
    });
    let answer = house.post(Who::Vendor, DOCUMENTS, closed).await;
    assert_eq!(answer.json["findings"][0]["code"], "CENTRE_CLOSED");
    assert_eq!(house.turned_away().await, [["CENTRE_CLOSED"]]);
}

#[tokio::test(start_paused = true)]
async fn the_ledger_knows_a_centre_better_and_the_registry_is_read_again() {
    let house = House::new().await;
    let until = |until| Command::Registry(vec![centre(CENTRE, "G1", until)]);
    let closed = until(Some(day("2026-11-01")));
    house.store.commit(house.now, closed).await.unwrap();
    let xml = fse("000000017", |_| {});
    for _ in 0..2 {
        // First by the decider, then by the registry as read again.
        let answer = house.post(Who::Vendor, DOCUMENTS, xml.clone()).await;
        assert_eq!((answer.status, answer.problem()), (422, "document-faulty"));
        assert_eq!(answer.json["findings"][0]["code"], "CENTRE_CLOSED");
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
    }
    let places = house.turned_away().await;
    assert_eq!(places, [["CENTRE_CLOSED"], ["CENTRE_CLOSED"]]);
    house.store.commit(house.now, until(None)).await.unwrap();
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    assert_eq!(house.post(Who::Vendor, DOCUMENTS, xml).await.status, 202);
}

#[tokio::test]
async fn a_piece_without_its_fse_is_turned_away() {
    let house = House::new().await;
    let piece = pj("PJ-1", "000000017");
    house
        .post(Who::Vendor, DOCUMENTS, piece.clone())
        .await
        .is("supported-unknown");
    assert_eq!(house.turned_away().await, [["SUPPORTED_UNKNOWN"]]);
    house
        .post(Who::Vendor, DOCUMENTS, fse("000000017", |_| {}))
        .await;
    assert_eq!(house.post(Who::Vendor, DOCUMENTS, piece).await.status, 202);
}

#[tokio::test]
async fn a_test_caller_reaches_test_endpoints_only() {
    let house = House::new().await;
    let xml = fse("000000017", |_| {});
    let answer = house.post(Who::Tester, DOCUMENTS, xml).await;
    assert_eq!(answer.status, 202);
    let view = house.store.document(Find::Id(id(&answer))).await.unwrap();
    assert_eq!(view.unwrap().record.received.purpose, Purpose::Test);

    let amc = fse("000000018", |document| {
        document.destination =
            crate::claims::document::DestinationText::Amo("01".into(), "999".into(), "0000".into());
    });
    let answer = house.post(Who::Tester, DOCUMENTS, amc).await;
    assert_eq!(answer.json["findings"][0]["code"], "DESTINATION_UNKNOWN");
}

#[tokio::test]
async fn a_document_is_admitted_for_the_endpoints_that_there_are_at_that_moment() {
    let house = House::new().await;
    let before = house.routes.send_replace(Arc::default());
    let answer = house
        .post(Who::Vendor, DOCUMENTS, fse("000000017", |_| {}))
        .await;
    assert_eq!(answer.json["findings"][0]["code"], "DESTINATION_UNKNOWN");
    house.routes.send_replace(before);
    let answer = house
        .post(Who::Vendor, DOCUMENTS, fse("000000017", |_| {}))
        .await;
    assert_eq!(answer.status, 202);
}

#[tokio::test]
async fn replacements_are_judged_by_the_standing() {
    let house = House::new().await;
    let admitted = house
        .post(Who::Vendor, DOCUMENTS, fse("000000017", |_| {}))
        .await;
    let cancel = format!("{}/cancel", admitted.header("location").unwrap());
    let replacing = |number: &str, replaced: &str, reason| {
        fse(number, |document| {
            let replaces = (document.kind, replaced.into(), reason);
            document.replaces = Some(replaces);
        })
    };
    let open = replacing("000000018", "000000017", ReplacementReason::Refused);
    house
        .post(Who::Vendor, DOCUMENTS, open)
        .await
        .is("standing-forbids");
    let unknown = replacing("000000019", "000000099", ReplacementReason::Refused);
    house
        .post(Who::Vendor, DOCUMENTS, unknown)
        .await
        .is("replaced-unknown");
    house.post(Who::Vendor, &cancel, "").await;
    let first = replacing("000000018", "000000017", ReplacementReason::Cancelled);
    assert_eq!(house.post(Who::Vendor, DOCUMENTS, first).await.status, 202);
    let second = replacing("000000019", "000000017", ReplacementReason::Cancelled);
    house
        .post(Who::Vendor, DOCUMENTS, second)
        .await
        .is("replaced-before");
    assert!(
        house.turned_away().await.is_empty(),
        "a conflict is no fault of the document"
    );
}

#[tokio::test]
async fn a_validation_leaves_no_trace() {
    let house = House::new().await;
    let valid = fse("000000017", |_| {});
    house
        .post(Who::Vendor, "/v1/validate", valid)
        .await
        .is("validation-valid");
    let faulty = fse("17", |_| {});
    house
        .post(Who::Vendor, "/v1/validate", faulty)
        .await
        .is("validation-faulty");
    let other = fse("000000017", |document| {
        document.centre = OTHER_CENTRE.into()
    });
    assert_eq!(
        house.post(Who::Vendor, "/v1/validate", other).await.status,
        403
    );
    assert!(house.entries().await.is_empty());
}

#[tokio::test]
async fn a_document_is_cancelled_while_nothing_left_and_only_by_its_centre() {
    let house = House::new().await;
    let admitted = house
        .post(Who::Vendor, DOCUMENTS, fse("000000017", |_| {}))
        .await;
    let path = format!("{}/cancel", admitted.header("location").unwrap());
    for who in [Who::Tester, Who::Operator, Who::Paris] {
        let status = house.post(who, &path, "").await.status;
        assert_eq!(
            status,
            if who == Who::Tester { 404 } else { 403 },
            "{who:?}"
        );
    }
    house.post(Who::Vendor, &path, "").await.is("cancelled");
    house.post(Who::Vendor, &path, "").await.is("cancelled");
    let cancelled = |entry: &Entry| matches!(entry, Entry::Cancelled { .. });
    assert_eq!(
        house
            .entries()
            .await
            .iter()
            .filter(|entry| cancelled(entry))
            .count(),
        1
    );
    for unknown in ["0192f3a4-5b6c-7d8e-9fa0-b1c2d3e4f506", "no-id"] {
        let path = format!("/v1/documents/{unknown}/cancel");
        house
            .post(Who::Vendor, &path, "")
            .await
            .is("document-unknown");
    }
}

#[tokio::test]
async fn what_is_being_transmitted_is_not_cancelled() {
    let house = House::new().await;
    let admitted = house
        .post(Who::Vendor, DOCUMENTS, fse("000000017", |_| {}))
        .await;
    let sealed = Sealed {
        lot: LotId(7),
        centre: crate::claims::id::Finess::parse(CENTRE).unwrap(),
        destination: caisse(),
        endpoint: endpoint("paris"),
        purpose: Purpose::Real,
        documents: vec![id(&admitted)],
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
    let lease = Lease {
        endpoint: endpoint("paris"),
        until: house.now + std::time::Duration::from_secs(60),
        most: 1,
    };
    house.store.lease_due(house.now, lease).await.unwrap();
    let path = format!("{}/cancel", admitted.header("location").unwrap());
    house
        .post(Who::Vendor, &path, "")
        .await
        .is("in-transmission");
}

#[tokio::test(start_paused = true)]
async fn what_was_admitted_is_known_also_when_it_would_not_be_admitted_today() {
    let house = House::new().await;
    let xml = fse("000000017", |_| {});
    let first = house.post(Who::Vendor, DOCUMENTS, xml.clone()).await;
    assert_eq!(first.status, 202);
    // The clock of the machine is set back: the document's dates lie in the future now.
    house
        .clock
        .set(crate::claims::time::Timestamp::parse("2026-11-01T09:00:00Z").unwrap());
    let again = house.post(Who::Vendor, DOCUMENTS, xml.clone()).await;
    assert_eq!((again.status, id(&again)), (200, id(&first)));
    assert_eq!(again.json["warnings"], serde_json::json!([]));
    house.store.feels(Mood::WithoutBodies);
    let again = house.post(Who::Vendor, DOCUMENTS, xml.clone()).await;
    assert_eq!(
        (again.status, id(&again)),
        (200, id(&first)),
        "by its digest"
    );
    let other = house.post(Who::Vendor, DOCUMENTS, xml + "\n").await;
    assert_eq!(other.status, 422);
}

#[tokio::test(start_paused = true)]
async fn a_test_does_not_answer_for_a_claim_that_is_turned_away() {
    let house = House::new().await;
    let xml = fse("000000017", |_| {});
    let test = house.post(Who::Tester, DOCUMENTS, xml.clone()).await;
    assert_eq!(test.status, 202);
    house
        .clock
        .set(crate::claims::time::Timestamp::parse("2026-11-01T09:00:00Z").unwrap());
    let claim = house.post(Who::Vendor, DOCUMENTS, xml.clone()).await;
    assert_eq!(claim.status, 422);
    let again = house.post(Who::Tester, DOCUMENTS, xml).await;
    assert_eq!(again.status, 200);
}
