//! The registry at the desk: thousands at once or none, with a reason, and its history.

use axum::body::Body;
use serde_json::{Value, json};

use super::house::{Answer, Door, House, OWN, name};
use crate::claims::entry::{Entry, Position};
use crate::store::{BodyId, Store};

async fn put(house: &House, who: &str, path: &str, registry: &str) -> Answer {
    let order = json!({"reason": "new names", "format": "csv", "registry": registry});
    let body = Body::from(order.to_string());
    house.ask(Door::Operators, who, "PUT", path, body).await
}

fn names(answer: &Answer) -> Vec<(String, String)> {
    let json = answer.json();
    let versions = json["versions"].as_array().unwrap().clone();
    let word = |version: &Value, key: &str| version[key].as_str().unwrap().to_owned();
    let names = versions
        .iter()
        .map(|version| (word(version, "name"), word(version, "from")));
    names.collect()
}

#[tokio::test]
async fn versions_are_put_with_a_reason_and_change_nothing_the_second_time() {
    let house = House::new().await;
    let registry = "750712184 Later national 2027-01-01\n750000028 New national 2026-01-01";
    let before = house.store_position();
    let dry = put(&house, "operator", "/v1/registry?dry_run=true", registry).await;
    assert_eq!(dry.json()["changes"], 2);
    assert_eq!(house.store_position(), before, "a dry run writes nothing");
    for changes in [2, 0] {
        let done = put(&house, "operator", "/v1/registry", registry).await;
        assert_eq!(
            (done.status, &done.json()["changes"]),
            (200, &changes.into())
        );
    }
    let entries = house.store.entries(Position(before), 10).await.unwrap();
    let [(_, first), (_, second), (last, why)] = &entries[..] else {
        panic!("{entries:?}");
    };
    for (stamped, name) in [(first, "New"), (second, "Later")] {
        assert!(matches!(&stamped.entry, Entry::Registered(centre) if centre.name == name));
    }
    assert!(matches!(&why.entry, Entry::Imported(imported)
            if imported.changes == 2 && imported.actor == name("operator")));
    let body = house.store.body(BodyId::Entry(*last)).await.unwrap();
    assert_eq!(&body.unwrap().bytes[..], b"new names");
    let path = format!("/v1/registry?centre={OWN}");
    let shown = house.get(Door::Public, "centre", &path).await;
    assert_eq!(
        names(&shown),
        [
            ("Centre".to_owned(), "2020-01-01".to_owned()),
            ("Later".to_owned(), "2027-01-01".to_owned())
        ]
    );
    let shown = house
        .get(Door::Public, "centre", &format!("{path}&on=2026-12-31"))
        .await;
    assert_eq!(names(&shown).len(), 1);
    let all = house.get(Door::Public, "national", "/v1/registry").await;
    assert_eq!(names(&all).len(), 4);
}

#[tokio::test]
async fn one_fault_refuses_all_and_every_fault_is_said() {
    let house = House::new().await;
    let before = house.store_position();
    let registry = "750712184 A nobody 2027-01-01\n750000028 B nowhere 2026-01-01\n750000010 C national 2026-01-01";
    let answer = put(&house, "operator", "/v1/registry", registry).await;
    answer.is("registry-faulty");
    let unread = put(&house, "operator", "/v1/registry", "x").await;
    assert_eq!(
        (unread.status, &unread.json()["faults"][0]["place"]),
        (422, &json!("x"))
    );
    assert_eq!(house.store_position(), before);
    for (who, status) in [("centre", 403), ("national", 403), ("nobody", 401)] {
        let refused = put(&house, who, "/v1/registry", registry).await;
        assert_eq!(refused.status, status, "{who}");
    }
    let no_reason = json!({"reason": " ", "format": "csv", "registry": ""});
    let body = Body::from(no_reason.to_string());
    let refused = house
        .ask(Door::Operators, "operator", "PUT", "/v1/registry", body)
        .await;
    assert_eq!(refused.status, 422);
    for path in [
        "/v1/registry?on=x",
        "/v1/registry?after=x",
        "/v1/registry?centre=x",
    ] {
        let refused = house.get(Door::Public, "national", path).await;
        assert_eq!(refused.status, 400, "{path}");
    }
}
