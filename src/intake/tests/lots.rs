//! Lots: one row a document, in order; each for itself, or all together.

use super::house::{CENTRE, House, OTHER_CENTRE, Who, fse, pj};
use crate::claims::document::ThirdParty;
use crate::claims::entry::Entry;
use crate::claims::id::DocumentId;
use crate::formats::xml::write_lot;
use crate::intake::Config;
use crate::store::{BodyId, Store};

const EACH: &str = "/v1/lots";
const TOGETHER: &str = "/v1/lots?atomic=true";

fn lot(documents: &[&str]) -> String {
    write_lot(documents.iter().copied())
}

#[tokio::test]
async fn a_row_for_each_document_in_order() {
    let house = House::new().await;
    house
        .post(Who::Vendor, "/v1/documents", fse("000000001", |_| {}))
        .await;
    let taken = fse("000000001", |document| {
        document.third_party.0 = ThirdParty::PatientPaid
    });
    let faulty = fse("000000002", |document| document.acts[0].amo.0 = 1);
    let foreign = fse("000000003", |document| {
        document.centre = OTHER_CENTRE.into()
    });
    let piece = pj("PJ-1", "000000004");
    let sound = fse("000000004", |_| {});
    let documents = [&*piece, &faulty, &foreign, &taken, &sound, &sound];
    let answer = house.post(Who::Vendor, EACH, lot(&documents)).await;
    answer.is("lot");
    let rows = answer.json["documents"].as_array().unwrap();
    let statuses: Vec<_> = rows
        .iter()
        .map(|row| row["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [202, 422, 403, 409, 202, 200]);
    assert_eq!(house.turned_away().await, [["LINE_BASE_RATE"]]);

    let id = DocumentId::parse(rows[4]["id"].as_str().unwrap()).unwrap();
    let body = house
        .store
        .body(BodyId::Document(id))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        body.bytes,
        sound.trim_end().as_bytes(),
        "its exact bytes in the lot"
    );

    let again = house.post(Who::Vendor, EACH, lot(&documents)).await;
    let rows = again.json["documents"].as_array().unwrap();
    let statuses: Vec<_> = rows
        .iter()
        .map(|row| row["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [200, 422, 403, 409, 200, 200]);
    assert_eq!(house.received().await, 3);
}

#[tokio::test]
async fn together_means_all_or_none() {
    let house = House::new().await;
    let (one, two) = (fse("000000001", |_| {}), fse("000000002", |_| {}));
    let faulty = fse("000000003", |document| document.acts[0].amo.0 = 1);
    let answer = house
        .post(Who::Vendor, TOGETHER, lot(&[&one, &faulty]))
        .await;
    answer.is("lot-turned-away");
    assert_eq!(house.received().await, 0);
    assert_eq!(
        house.turned_away().await.len(),
        1,
        "one without fault has no entry"
    );

    house.post(Who::Vendor, "/v1/documents", one.clone()).await;
    let taken = fse("000000001", |document| {
        document.third_party.0 = ThirdParty::PatientPaid
    });
    let answer = house
        .post(Who::Vendor, TOGETHER, lot(&[&two, &taken]))
        .await;
    let rows = answer.json["documents"].as_array().unwrap();
    let statuses: Vec<_> = rows
        .iter()
        .map(|row| row["status"].as_u64().unwrap())
        .collect();
    assert_eq!((answer.status, statuses), (422, vec![424, 409]));
    assert_eq!(house.received().await, 1);

    let answer = house.post(Who::Vendor, TOGETHER, lot(&[&two])).await;
    assert_eq!(answer.status, 200);
    assert_eq!(house.received().await, 2);

    // What is durable stays known, whoever finds the fault of another: intake here, the ledger there.
    let three = fse("000000004", |_| {});
    for (other, status) in [(&faulty, 422), (&taken, 409)] {
        let answer = house
            .post(Who::Vendor, TOGETHER, lot(&[&one, &three, other]))
            .await;
        let rows = answer.json["documents"].as_array().unwrap();
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row["status"].as_u64().unwrap(), row["id"].is_string()))
            .collect();
        assert_eq!(told, [(200, true), (424, false), (status, false)]);
    }
    assert_eq!(house.received().await, 2);

    // All that is wrong with each is said at once, also when one of them is at fault alone.
    let (page, lost) = (pj("000000005", "000000003"), pj("000000006", "000000099"));
    let answer = house
        .post(
            Who::Vendor,
            TOGETHER,
            lot(&[&three, &faulty, &taken, &page, &lost]),
        )
        .await;
    let rows = answer.json["documents"].as_array().unwrap();
    let statuses: Vec<_> = rows
        .iter()
        .map(|row| row["status"].as_u64().unwrap())
        .collect();
    // The page of the faulty one has no fault of its own, the page of an unknown one has.
    assert_eq!(statuses, [424, 422, 409, 424, 422]);
    assert_eq!(rows[4]["findings"][0]["code"], "SUPPORTED_UNKNOWN");
    assert_eq!(house.received().await, 2);
}

#[tokio::test]
async fn a_lot_of_too_many_documents_is_told_how_many_there_may_be() {
    let house = House::new().await;
    let one = fse("000000001", |_| {});
    let many = lot(&vec![one.as_str(); 1_001]);
    let answer = house.post(Who::Vendor, EACH, many).await;
    assert_eq!((answer.status, answer.problem()), (413, "too-many"));
    assert_eq!(answer.json["limit"], 1_000);
    assert_eq!(house.received().await, 0);
}

#[tokio::test]
async fn an_envelope_that_cannot_be_read_is_one_post_turned_away() {
    let house = House::new().await;
    let whole = lot(&[&fse("000000001", |_| {})]);
    let cut = &whole[..whole.len() - 8];
    house
        .post(Who::Vendor, EACH, cut.to_owned())
        .await
        .is("lot-unreadable");
    let entries = house.entries().await;
    let [Entry::TurnedAway(turned)] = entries.as_slice() else {
        panic!("{entries:?}");
    };
    assert_eq!((turned.centre, turned.kind), (None, None));
}

#[tokio::test]
async fn a_lot_has_its_caps() {
    let config = Config {
        lot_documents: 2,
        document_bytes: 1500,
        ..Config::default()
    };
    let house = House::with(config).await;
    let documents: Vec<_> = (1..=3)
        .map(|number| fse(&format!("00000000{number}"), |_| {}))
        .collect();
    let three: Vec<_> = documents.iter().map(String::as_str).collect();
    let answer = house.post(Who::Vendor, EACH, lot(&three)).await;
    answer.is("too-many");
    assert_eq!(answer.json["limit"], 2);
    let padded = documents[0].replace(CENTRE, &format!("{CENTRE}{}", " ".repeat(1500)));
    let answer = house
        .post(Who::Vendor, EACH, lot(&[&padded, &documents[1]]))
        .await;
    let rows = answer.json["documents"].as_array().unwrap();
    assert_eq!(rows[0]["findings"][0]["code"], "XML_SIZE");
    assert_eq!(rows[1]["status"], 202);
}

#[tokio::test]
async fn findings_beyond_those_of_one_answer_are_counted() {
    let faulty = |number: &str| {
        fse(number, |document| {
            let act = document.acts[0].clone();
            document.acts = vec![act; 40];
            for act in &mut document.acts {
                act.amo.0 += 1;
            }
        })
    };
    let (first, second) = (faulty("000000001"), faulty("000000002"));
    let alone = House::new().await;
    let alone = alone
        .post(Who::Vendor, "/v1/validate", second.clone())
        .await;
    let all = alone.json["findings"].as_array().unwrap();
    assert!(all.len() > 20, "{}", all.len());
    let config = Config {
        lot_findings: all.len() + 11,
        ..Config::default()
    };
    let house = House::with(config).await;
    let answer = house.post(Who::Vendor, EACH, lot(&[&first, &second])).await;
    let rows = answer.json["documents"].as_array().unwrap();
    let shown = |row: usize| rows[row]["findings"].as_array().unwrap().len();
    assert_eq!((shown(0), shown(1)), (all.len(), 11));
    assert_eq!(rows[0].get("findings_left_out"), None);
    assert_eq!(rows[1]["findings_left_out"], all.len() - 11);
    // That they are warnings alone decides nothing here, nor does what is shown.
    assert_eq!(rows[1]["status"], 202);
    let codes = |findings: &[serde_json::Value]| -> Vec<String> {
        findings
            .iter()
            .map(|finding| finding["code"].to_string())
            .collect()
    };
    let second = rows[1]["findings"].as_array().unwrap();
    assert_eq!(codes(second), codes(&all[..11]));
}

#[tokio::test]
async fn a_large_lot_is_judged_beside_and_alike() {
    let config = Config {
        inline_bytes: 0,
        ..Config::default()
    };
    let house = House::with(config).await;
    let sound = fse("000000001", |_| {});
    let faulty = fse("000000002", |document| document.acts[0].amo.0 = 1);
    let answer = house.post(Who::Vendor, EACH, lot(&[&sound, &faulty])).await;
    let rows = answer.json["documents"].as_array().unwrap();
    assert_eq!(
        (&rows[0]["status"], &rows[1]["status"]),
        (&202.into(), &422.into())
    );
}

#[tokio::test]
async fn a_query_that_is_not_known_is_refused() {
    let house = House::new().await;
    let whole = lot(&[&fse("000000001", |_| {})]);
    for (query, status) in [
        ("", 200),
        ("?atomic=false", 200),
        ("?atomic=1", 400),
        ("?atomic=maybe", 400),
        ("?atomic=true&atomic=false", 400),
        ("?all", 400),
    ] {
        let path = format!("{EACH}{query}");
        assert_eq!(
            house.post(Who::Vendor, &path, whole.clone()).await.status,
            status,
            "{query}"
        );
    }
    house
        .post(Who::Vendor, "/v1/lots?all=1", whole.clone())
        .await
        .is("query-unknown");
    house
        .post(Who::Vendor, "/v1/lots?atomic=1", whole)
        .await
        .is("query-invalid");
}
