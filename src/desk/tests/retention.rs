//! Legal holds, the plan of what goes, and the traces of who read what.

use axum::http::Method;
use serde_json::{Value, json};

use super::house::{Door, House, OTHER, OWN};
use crate::claims::time::Timestamp;
use crate::store::Store;

const ID: &str = "00000000-0000-0000-0000-000000000001";
const PLACE: &str = r#"{"reason": "a court asks", "review": "2026-11-24",
    "document": "00000000-0000-0000-0000-000000000001"}"#;

async fn holds(house: &House) -> Value {
    let answer = house
        .get(Door::Operators, "operator", "/v1/legal-holds")
        .await;
    assert_eq!(answer.status, 200);
    answer.json()["holds"].clone()
}

#[tokio::test]
async fn a_legal_hold_is_placed_and_lifted_with_its_reason() {
    let house = House::admitted().await;
    for _ in 0..2 {
        let placed = house.post("operator", "/v1/legal-holds", PLACE).await;
        assert_eq!(placed.status, 200);
        assert_eq!(placed.json()["reason"], "a court asks");
    }
    let all = holds(&house).await;
    assert_eq!(all.as_array().unwrap().len(), 1, "the same stands once");
    let hold = &all[0];
    assert_eq!(
        (&hold["document"], &hold["state"], &hold["by"]),
        (&json!(ID), &json!("standing"), &json!("operator"))
    );
    house
        .clock
        .set(Timestamp::parse("2026-11-25T00:00:00Z").unwrap());
    assert_eq!(holds(&house).await[0]["state"], "overdue");

    let path = format!("/v1/legal-holds/{}/lift", hold["hold"]);
    let before = house.store.health().position;
    for _ in 0..2 {
        let lifted = house.order(&path).await;
        assert_eq!(
            (lifted.status, &lifted.json()["state"]),
            (200, &json!("lifted"))
        );
    }
    // Once, and why.
    assert_eq!(house.store.health().position.0, before.0 + 2);
    assert_eq!(holds(&house).await[0]["lifted_by"], "operator");
}

#[tokio::test]
async fn the_gauge_of_legal_holds_is_right_after_each_order() {
    let house = House::admitted().await;
    let shown = async |standing: u8, overdue: u8| {
        let metrics = house.get(Door::Operators, "operator", "/metrics").await;
        let text = String::from_utf8(metrics.body.to_vec()).unwrap();
        for (state, count) in [("standing", standing), ("overdue", overdue)] {
            let line = format!("bordereau_retention_legal_holds{{state=\"{state}\"}} {count}\n");
            assert!(text.contains(&line), "{line}");
        }
    };
    shown(0, 0).await;
    let placed = house
        .post("operator", "/v1/legal-holds", PLACE)
        .await
        .json();
    shown(1, 0).await;
    house
        .clock
        .set(Timestamp::parse("2026-11-25T00:00:00Z").unwrap());
    shown(0, 1).await;
    let lift = format!("/v1/legal-holds/{}/lift", placed["hold"]);
    assert_eq!(house.order(&lift).await.status, 200);
    shown(0, 0).await;
}

#[tokio::test]
async fn a_legal_hold_is_in_the_history_of_every_document_that_it_covers() {
    let house = House::admitted().await;
    let of_centre = format!(
        r#"{{"reason": "an inspection", "review": "2026-12-24", "centre": "{OWN}",
            "from": "2020-01-01", "to": "2026-12-31"}}"#
    );
    let elsewhere = of_centre.replace("2026-12-31", "2020-01-01");
    let mut placed = Vec::new();
    for order in [PLACE.to_owned(), of_centre, elsewhere] {
        let order = order.leak();
        let answer = house.post("operator", "/v1/legal-holds", order).await;
        assert_eq!(answer.status, 200);
        placed.push(answer.json()["hold"].clone());
    }
    let lift = format!("/v1/legal-holds/{}/lift", placed[0]);
    assert_eq!(house.order(&lift).await.status, 200);

    let path = format!("/v1/documents/{ID}");
    for (token, by, reason) in [
        ("operator", json!("operator"), json!("an inspection")),
        ("centre", Value::Null, Value::Null),
    ] {
        let answer = house.get(Door::Public, token, &path).await.json();
        let history = answer["history"].as_array().unwrap();
        let held = |row: &&Value| row["event"].as_str().unwrap().starts_with("legal hold");
        let rows: Vec<_> = history.iter().filter(held).collect();
        let events: Vec<_> = rows.iter().map(|row| &row["event"]).collect();
        assert_eq!(
            events,
            [
                "legal hold placed",
                "legal hold placed",
                "legal hold lifted"
            ]
        );
        assert_eq!(
            [&rows[0]["position"], &rows[1]["position"]],
            [&placed[0], &placed[1]]
        );
        assert_eq!((&rows[1]["by"], &rows[1]["reason"]), (&by, &reason));
        assert!(history.is_sorted_by_key(|row| row["position"].as_u64()));
    }
}

#[tokio::test]
async fn an_order_that_names_nothing_that_can_be_held_is_refused() {
    let house = House::admitted().await;
    let days = r#""from": "2026-11-01", "to": "2026-11-30""#;
    let unknown = "00000000-0000-0000-0000-00000000000f";
    for (what, review, status) in [
        (format!(r#""document": "{unknown}""#), "2026-12-22", 404),
        (
            format!(r#""centre": "750831216", {days}"#),
            "2026-12-22",
            404,
        ),
        (format!(r#""centre": "{OWN}", {days}"#), "2026-11-22", 200),
        (format!(r#""centre": "{OWN}", {days}"#), "2026-11-21", 422),
        (format!(r#""centre": "{OWN}""#), "2026-12-22", 422),
        (
            format!(r#""centre": "{OWN}", "from": "2026-11-30", "to": "2026-11-01""#),
            "2026-12-22",
            422,
        ),
        (
            format!(r#""document": "{ID}", "centre": "{OWN}", {days}"#),
            "2026-12-22",
            422,
        ),
        (r#""document": "x""#.to_owned(), "2026-12-22", 422),
    ] {
        let order = format!(r#"{{"reason": "a court asks", "review": "{review}", {what}}}"#);
        let answer = house
            .ask(
                Door::Operators,
                "operator",
                Method::POST.as_str(),
                "/v1/legal-holds",
                order.clone().into(),
            )
            .await;
        assert_eq!(answer.status, status, "{order}");
    }
    for hold in ["1", "x"] {
        let path = format!("/v1/legal-holds/{hold}/lift");
        let answer = house.order(&path).await;
        answer.is("legal-hold-unknown");
    }
}

#[tokio::test]
async fn the_plan_is_read_for_now_or_a_day() {
    let house = House::admitted().await;
    let ask = async |query: &str| {
        let path = format!("/v1/retention{query}");
        house.get(Door::Operators, "operator", &path).await
    };
    let plan = ask("").await.json();
    assert_eq!(plan["at"], "2026-11-22T12:00:00.000Z");
    assert_eq!(
        (&plan["body_days"], &plan["goes"]),
        (&json!(120), &json!([]))
    );
    let proofs = &plan["proofs"];
    assert_eq!(proofs["before"], "2023-08-21T22:00:00.000Z");
    assert_eq!(
        (&proofs["months"], &proofs["goes"]),
        (&json!(39), &json!(0))
    );
    let later = ask("?at=2027-03-22").await.json();
    assert_eq!(later["at"], "2027-03-21T23:00:00.000Z");
    assert_eq!(ask("?at=tomorrow").await.status, 400);
}

#[tokio::test]
async fn who_reads_content_or_as_an_operator_leaves_a_trace() {
    let house = House::admitted().await;
    let document = format!("/v1/documents/{ID}");
    let content = format!("{document}/content");
    let evidence = format!("{document}/evidence");
    for (who, path) in [
        ("centre", &document),
        ("centre", &content),
        ("gestionnaire", &content),
        ("other", &content),
        ("operator", &document),
        ("national", &document),
        ("centre", &evidence),
        ("operator", &evidence),
        ("national", &evidence),
    ] {
        house.get(Door::Public, who, path).await;
    }
    let ask = async |query: &str| {
        let path = format!("/v1/traces{query}");
        house.get(Door::Operators, "operator", &path).await.json()
    };
    let all = ask("").await;
    let told: Vec<_> = all["traces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|trace| {
            let word = |name: &str| trace[name].as_str().unwrap().to_owned();
            (word("caller"), word("role"), word("read"), word("centre"))
        })
        .collect();
    let row = |caller: &str, role: &str, read: &str| {
        (
            caller.to_owned(),
            role.to_owned(),
            read.to_owned(),
            OWN.to_owned(),
        )
    };
    let expected = [
        row("centre", "centre", "content"),
        row("gestionnaire", "centre", "content"),
        row("operator", "operator", "history"),
        row("operator", "operator", "history"),
        row("national", "national", "history"),
    ];
    assert_eq!(told, expected);
    let of_other = ask(&format!("?centre={OTHER}")).await;
    assert_eq!(
        (&of_other["traces"], &of_other["next"]),
        (&json!([]), &Value::Null)
    );
    let first = ask(&format!("?centre={OWN}&limit=1")).await;
    let next = first["next"].as_str().unwrap();
    let second = ask(&format!("?centre={OWN}&limit=1&after={next}")).await;
    assert_eq!(second["traces"][0], all["traces"][1]);
}

#[tokio::test]
async fn without_its_trace_nothing_is_given_out() {
    let house = House::admitted().await;
    // A file stands where the directory of the traces would be made.
    std::fs::write(house.traces(), b"").unwrap();
    for (who, what) in [("centre", "content"), ("operator", "evidence")] {
        let path = format!("/v1/documents/{ID}/{what}");
        let answer = house.get(Door::Public, who, &path).await;
        assert_eq!(answer.status, 503, "{what}");
    }
}

#[tokio::test]
async fn a_hold_that_cannot_be_placed_names_the_key_that_is_wrong() {
    let house = House::admitted().await;
    let before = house.store_position();
    let days = r#""from": "2026-01-01", "to": "2026-12-31""#;
    for (rest, key) in [
        (
            r#""review": "2020-01-01", "document": "ID""#.to_owned(),
            "review",
        ),
        (r#""review": "soon", "document": "ID""#.to_owned(), "review"),
        (r#""review": "2027-01-01""#.to_owned(), "document"),
        (
            r#""review": "2027-01-01", "document": "1""#.to_owned(),
            "document",
        ),
        (
            r#""review": "2027-01-01", "document": "ID", "to": "2026-01-01""#.to_owned(),
            "to",
        ),
        (
            format!(r#""review": "2027-01-01", "centre": "1", {days}"#),
            "centre",
        ),
        (
            format!(r#""review": "2027-01-01", "centre": "{OWN}", "to": "2026-12-31""#),
            "from",
        ),
        (
            format!(
                r#""review": "2027-01-01", "centre": "{OWN}", "from": "2026-02-01", "to": "2026-01-31""#
            ),
            "to",
        ),
    ] {
        let order = format!(r#"{{"reason": "why", {}}}"#, rest.replace("ID", ID)).leak();
        let answer = house.post("operator", "/v1/legal-holds", order).await;
        let found = answer.json();
        assert_eq!(
            (answer.status, &found["parameter"]),
            (422, &json!(key)),
            "{order}"
        );
    }
    let answer = house
        .post(
            "operator",
            "/v1/legal-holds",
            r#"{"reason": " ", "review": "2027-01-01"}"#,
        )
        .await;
    assert_eq!(answer.json()["parameter"], "reason");
    assert_eq!(house.store_position(), before);
}
