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

#[tokio::test]
async fn every_kind_is_put_and_shown_to_who_may_see_it() {
    let house = House::new().await;
    let registry = "endpoint caisse-759 amo:017590000 2026-01-01\ncaisse 017510000 CPAM 2026-01-01\n\
        caisse 017510000 Assurance 2026-07-01\ncaisse 017590000 CGSS 2026-01-01";
    let put_all = put(&house, "operator", "/v1/registry", registry).await;
    // The centres of the house belong to a caisse from days on that nobody registered.
    assert_eq!(put_all.status, 422);
    let faults = put_all.json()["faults"].as_array().unwrap().clone();
    assert_eq!(faults.len(), 2);
    let registry = registry.replacen("CPAM 2026", "CPAM 2020", 1);
    for changes in [4, 0] {
        let done = put(&house, "operator", "/v1/registry", &registry).await;
        assert_eq!(
            (done.status, &done.json()["changes"]),
            (200, &changes.into())
        );
    }
    let rows = |answer: &Answer, key: &str| -> Vec<String> {
        let json = answer.json();
        let versions = json["versions"].as_array().unwrap().iter();
        let word = |version: &Value| version[key].as_str().unwrap().to_owned();
        versions.map(word).collect()
    };
    for (door, who, query, key, expected) in [
        (
            Door::Public,
            "centre",
            "kind=caisse",
            "name",
            &["CPAM", "Assurance", "CGSS"][..],
        ),
        (
            Door::Public,
            "national",
            "kind=caisse&on=2026-06-30",
            "name",
            &["CPAM", "CGSS"],
        ),
        (
            Door::Public,
            "centre",
            "kind=caisse&after=017510000",
            "name",
            &["CGSS"],
        ),
        (Door::Public, "centre", "kind=gestionnaire", "name", &[]),
        (Door::Public, "centre", "kind=centre", "finess", &[OWN]),
        (
            Door::Operators,
            "operator",
            "kind=endpoint",
            "settings",
            &["base = 'https://caisse.example'"],
        ),
        (
            Door::Operators,
            "operator",
            "kind=endpoint&on=2025-12-31",
            "name",
            &[],
        ),
    ] {
        let answer = house.get(door, who, &format!("/v1/registry?{query}")).await;
        assert_eq!(rows(&answer, key), expected, "{who} {query}");
    }
    // A group has the name of the last day of its period.
    for (period, name) in [("2026-Q2", "CPAM"), ("2026-Q3", "Assurance")] {
        let path = format!("/v1/rates?by=caisse&period={period}");
        let answer = house.get(Door::Public, "national", &path).await;
        assert_eq!(answer.json()["groups"][0]["name"], name, "{period}");
    }
    for (who, query, status) in [
        ("centre", "kind=endpoint", 403),
        ("national", "kind=endpoint", 403),
        ("metrics", "kind=caisse", 403),
        ("nobody", "kind=caisse", 401),
        ("centre", "kind=road", 400),
        ("centre", "kind=caisse&centre=750712184", 400),
        ("centre", "kind=caisse&after=", 400),
        ("operator", "kind=endpoint&after=A", 400),
    ] {
        let path = format!("/v1/registry?{query}");
        let refused = house.get(Door::Public, who, &path).await;
        assert_eq!(refused.status, status, "{who} {query}");
    }
}

#[tokio::test]
async fn all_that_does_not_hold_together_is_said_with_its_line() {
    let house = House::new().await;
    let registry = "endpoint a amo:017510000 2026-01-01\nendpoint b amo:017510000 2026-02-01\n\
        gestionnaire 732829320 Association 2026-01-01\n750712184 Later nobody 2027-01-01";
    let answer = put(&house, "operator", "/v1/registry", registry).await;
    assert_eq!(answer.status, 422);
    let json = answer.json();
    let faults = json["faults"].as_array().unwrap().iter();
    let word = |fault: &Value, key: &str| fault[key].as_str().unwrap().to_owned();
    let found: Vec<_> = faults
        .map(|fault| format!("{}: {}", word(fault, "place"), word(fault, "reason")))
        .collect();
    let gestionnaire = |from: &str, line: &str, centre: &str, id: &str| {
        format!(
            "centre {centre} from {from}: gestionnaire: {line}gestionnaire {id} is not registered on {from}, and others are"
        )
    };
    assert_eq!(
        found,
        [
            "centre 750712184 from 2027-01-01: agreement: line 4: no agreement of the configuration has this id".to_owned(),
            gestionnaire("2020-01-01", "", "750000002", "G2"),
            gestionnaire("2020-01-01", "", "750712184", "G1"),
            gestionnaire("2027-01-01", "line 4: ", "750712184", "G1"),
            "endpoint b from 2026-02-01: destinations: line 2: amo:017510000 is served by endpoint `a` too on 2026-02-01"
                .to_owned(),
        ]
    );
}
