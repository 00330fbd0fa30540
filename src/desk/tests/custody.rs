//! What operators do with the ledger as a whole: who may, and what they see.

use std::num::NonZeroU64;
use std::sync::Arc;

use serde_json::{Value, json};

use super::house::{Door, House, admission, endpoint, facts, name};
use crate::claims::custody::Restored;
use crate::claims::document::{Kind, Purpose};
use crate::claims::id::{Digest, EndpointName};
use crate::claims::receipt::PartOutcome;
use crate::claims::routes::Routes;
use crate::clock::Clock;
use crate::store::custody::Custody;
use crate::store::{Command, Store};

async fn restored(house: &House) {
    let now = house.clock.now();
    let position = house.store.health().position;
    house
        .commit(Command::Restored(Restored {
            backup: Digest([8; 32]),
            taken: now,
            position,
            since: now,
            known: position,
            actor: name("uid:0"),
        }))
        .await;
}

async fn seen(house: &House, path: &str) -> Value {
    let answer = house.get(Door::Operators, "operator", path).await;
    assert_eq!(answer.status, 200, "{path}");
    answer.json()
}

#[tokio::test]
async fn a_restored_ledger_says_so_until_it_is_resumed() {
    let house = House::new().await;
    let never = json!({ "sending": "open", "restored": null });
    assert_eq!(seen(&house, "/v1/restoration").await, never);
    let resume = "/v1/restoration/resume";
    assert_eq!(house.order(resume).await.json(), never, "nothing to resume");

    restored(&house).await;
    let said = seen(&house, "/v1/restoration").await;
    assert_eq!(said["sending"], "waits");
    assert_eq!(said["restored"]["resumed_at"], Value::Null);
    let ready = house.get(Door::Public, "nobody", "/readyz").await;
    assert_eq!(ready.status, 200, "it can commit");
    let said = String::from_utf8_lossy(&ready.body).into_owned();
    assert!(said.starts_with("restored: sending waits"), "{said}");

    house
        .admit(admission(1, facts(Kind::Fse, "100000001")))
        .await;
    house.seal().await;
    // What is due is not sent, and says so; what comes back from the insurer is another matter.
    let shown = async || {
        let text = seen(&house, "/v1/queue").await;
        let document = house
            .get(
                Door::Public,
                "centre",
                "/v1/documents/00000000-0000-0000-0000-000000000001",
            )
            .await
            .json();
        let reasons = text["endpoints"][0]["reasons"].clone();
        let why = document["next"]["en"].as_str().unwrap().to_owned();
        (
            text["sending"].clone(),
            reasons,
            document["standing"].clone(),
            why,
        )
    };
    let (sending, reasons, standing, why) = shown().await;
    assert_eq!((sending, standing), (json!("waits"), json!("held")));
    assert_eq!(reasons, json!({"held-by-hand": 1}));
    assert!(why.contains("once an operator resumes sending"), "{why}");

    for who in ["centre", "national", "nobody"] {
        let answer = house.post(who, resume, r#"{"reason": "it is time"}"#).await;
        assert!([401, 403].contains(&answer.status), "{who}");
    }
    assert_eq!(house.post("operator", resume, "{}").await.status, 422);
    assert_eq!(house.order(resume).await.json()["sending"], "open");
    let ready = house.get(Door::Public, "nobody", "/readyz").await;
    assert!(ready.body.is_empty());
    let (sending, reasons, standing, why) = shown().await;
    assert_eq!((sending, standing), (json!("open"), json!("queued")));
    assert_eq!(reasons, json!({"turn": 1}));
    assert_eq!(why, "Its lot waits for its turn and is sent now.");
}

#[tokio::test]
async fn only_who_is_at_the_machine_orders_a_backup() {
    let house = House::new().await;
    let order = r#"{"to": "/tmp/never", "keys_to": "/tmp/never.keys"}"#;
    let far = house.post("operator", "/v1/backups", order).await;
    assert_eq!(far.json()["type"], "urn:bordereau:problem:role-forbidden");
    assert_eq!(house.post("nobody", "/v1/backups", order).await.status, 401);
}

#[tokio::test]
async fn anchors_are_for_everybody_who_is_known_and_orphans_for_operators() {
    let house = House::new().await;
    let end = house.store.end().await.unwrap();
    house
        .commit(Command::Anchor {
            end,
            apart: NonZeroU64::MAX,
        })
        .await;
    for who in ["centre", "insurer", "operator", "national"] {
        let answer = house.get(Door::Public, who, "/v1/ledger/anchor").await;
        assert_eq!(answer.status, 200, "{who}");
        let row = &answer.json()["anchors"][0];
        assert_eq!(row["position"], end.position.0);
        assert_eq!(row["chain"], end.chain.to_string());
    }
    let nobody = house.get(Door::Public, "nobody", "/v1/ledger/anchor").await;
    assert_eq!(nobody.status, 401);
    let after = format!("/v1/ledger/anchor?after={}", end.position.0);
    assert_eq!(seen(&house, &after).await["anchors"], json!([]));

    let centre = house.get(Door::Operators, "centre", "/v1/orphans").await;
    assert_eq!(centre.status, 403);
    let none = json!({ "orphans": [], "next": null });
    assert_eq!(seen(&house, "/v1/orphans").await, none);
    let wrong = "/v1/orphans?after=nothing";
    let wrong = house.get(Door::Operators, "operator", wrong).await;
    assert_eq!(
        (wrong.status, &wrong.json()["parameter"]),
        (400, &json!("after"))
    );
}

#[tokio::test]
async fn orphans_name_documents_and_centres_that_are_known() {
    let house = House::new().await;
    // A settlement of a document that is not known yet.
    house.settle(PartOutcome::Paid).await;
    let said = seen(&house, "/v1/orphans").await;
    let named = &said["orphans"][0]["documents"][0];
    assert_eq!(named["centre"], Value::Null);
    // Whoever looks for what a centre lost finds it, though nobody knows whose it is.
    let lost = seen(&house, "/v1/orphans?centre=750000999").await;
    assert_eq!(lost, said);
    house.admit(admission(1, facts(Kind::Fse, "101"))).await;
    let said = seen(&house, "/v1/orphans").await;
    let orphan = &said["orphans"][0];
    assert_eq!(orphan["cause"], "unknown document");
    assert_eq!(orphan["endpoint"], "paris");
    assert_eq!(orphan["documents"][0]["number"], "101");
    let centre = orphan["documents"][0]["centre"]
        .as_str()
        .unwrap()
        .to_owned();
    let position = orphan["position"].as_u64().unwrap();
    for (query, found) in [
        (format!("centre={centre}"), 1),
        ("centre=750000999".into(), 0),
        ("endpoint=paris".into(), 1),
        ("endpoint=lyon".into(), 0),
        (format!("since={}", position - 1), 1),
        (format!("since={position}"), 0),
    ] {
        let said = seen(&house, &format!("/v1/orphans?{query}")).await;
        assert_eq!(said["orphans"].as_array().unwrap().len(), found, "{query}");
    }
}

#[tokio::test]
async fn an_endpoint_is_asked_from_the_beginning_under_the_operators_name() {
    let house = House::new().await;
    let answer = house.order("/v1/endpoints/paris/rewind").await;
    assert_eq!(
        answer.json(),
        json!({ "endpoint": "paris", "cursor": null })
    );
    let unknown = house.order("/v1/endpoints/lyon/rewind").await;
    assert_eq!(unknown.status, 404);
    // By its former name it is the same.
    let lutece = EndpointName::parse("lutece").unwrap();
    let routes = Routes::new([(lutece.clone(), Purpose::Real, Vec::new())]);
    let routes = routes.formerly([(lutece, vec![endpoint()])]);
    house.routes.send_replace(Arc::new(routes));
    let answer = house.order("/v1/endpoints/paris/rewind").await;
    assert_eq!(answer.json()["endpoint"], "lutece");
}
