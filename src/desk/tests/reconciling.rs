//! Figures are loaded, laid beside the ledger, judged and exported; and who may.

use std::sync::Arc;

use axum::body::Body;
use serde_json::json;

use super::house::{Door, House, OWN, admission, caisse, endpoint, facts};
use crate::claims::document::{Kind, Purpose};
use crate::claims::entry::Entry;
use crate::claims::id::EndpointName;
use crate::claims::receipt::{PartOutcome, Verdict};
use crate::claims::routes::Routes;
use crate::desk::Config;
use crate::store::Store;

/// Document 1 of the house as the caisse has it, one that is unknown here, and a sheet.
const FIGURES: &str = "centre,kind,type,date,number\n\
    750712184,FSE,F,2026-11-20,100000001\n\
    750712184,FSE,F,2026-11-21,999999999\n\
    750712184,FSE,P,2026-11-21,\n";

async fn acknowledged() -> House {
    let house = House::admitted().await;
    house
        .admit(admission(2, facts(Kind::Fse, "100000002")))
        .await;
    house.seal().await;
    house.lease().await;
    house.receipt(Verdict::Accepted).await;
    house
}

async fn load(house: &House, who: &str, figures: &'static str) -> (u16, serde_json::Value) {
    let answer = house.post(who, "/v1/figures", figures).await;
    (answer.status, answer.json())
}

/// The number of a first reconciliation of [`FIGURES`].
async fn reconciled(house: &House) -> String {
    let (_, loaded) = load(house, "national", FIGURES).await;
    let path = format!(
        "/v1/reconciliations?figures={}",
        loaded["figures"].as_str().unwrap()
    );
    let run = house.post("national", &path, "").await;
    assert_eq!(run.status, 201, "{}", run.json());
    run.json()["run"].to_string()
}

#[tokio::test]
async fn both_counts_and_the_bridge_are_shown() {
    let house = acknowledged().await;
    let run = reconciled(&house).await;
    let page = house
        .get(
            Door::Public,
            "national",
            &format!("/v1/reconciliations/{run}"),
        )
        .await;
    let total = &page.json()["total"];
    let count = |n: i64, d: i64, percent: &str| json!({"numerator": n, "denominator": d, "percent": percent});
    assert_eq!(total["ours"], count(1, 2, "50.00"));
    assert_eq!(total["theirs"], count(2, 3, "66.66"));
    assert_eq!(total["residual"], json!({"numerator": 0, "denominator": 0}));
    let steps: Vec<_> = total["bridge"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            (
                step["cause"].clone(),
                step["numerator"].clone(),
                step["denominator"].clone(),
            )
        })
        .collect();
    assert_eq!(
        steps,
        [
            (json!("not-yet-answered"), json!(0), json!(-1)),
            (json!("paper-only-there"), json!(0), json!(1)),
            (json!("unknown-to-us"), json!(1), json!(1)),
        ]
    );
    let centre = &page.json()["rows"][0];
    assert_eq!(
        (&centre["centre"], &centre["depth"]),
        (&json!(OWN), &json!("documents"))
    );
    assert_eq!(centre["months"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn our_side_is_the_rate_that_is_published() {
    let house = acknowledged().await;
    let run = reconciled(&house).await;
    let page = house
        .get(
            Door::Public,
            "operator",
            &format!("/v1/reconciliations/{run}"),
        )
        .await;
    // The snapshot of the house is older than its documents: count again.
    let tallies = house
        .store
        .tallies(crate::store::TallyQuery {
            centre: None,
            from: crate::claims::time::Day::new(2026, 1, 1).unwrap(),
            to: crate::claims::time::Day::new(2026, 12, 31).unwrap(),
        })
        .await
        .unwrap();
    let clock: i64 = tallies
        .units
        .iter()
        .filter(|(cell, _)| cell.basis == crate::claims::tally::DayBasis::Clock)
        .map(|(_, units)| *units)
        .sum();
    assert_eq!(page.json()["total"]["ours"]["denominator"], json!(clock));
}

#[tokio::test]
async fn a_file_is_known_by_its_digest() {
    let house = House::new().await;
    let (first, loaded) = load(&house, "national", FIGURES).await;
    let position = house.store.health().position;
    let (again, same) = load(&house, "operator", FIGURES).await;
    assert_eq!((first, again, &loaded), (201, 200, &same));
    assert_eq!(house.store.health().position, position);
    assert_eq!(
        (&loaded["documents"], &loaded["from"], &loaded["last"]),
        (&json!(3), &json!("2026-11"), &json!("2026-11"))
    );
    let all = house.get(Door::Public, "national", "/v1/figures").await;
    assert_eq!(all.json()["figures"], json!([loaded]));
}

#[tokio::test]
async fn the_same_beside_the_same_counts_is_the_same_reconciliation() {
    let house = acknowledged().await;
    let first = reconciled(&house).await;
    let (_, loaded) = load(&house, "national", FIGURES).await;
    let path = format!(
        "/v1/reconciliations?figures={}",
        loaded["figures"].as_str().unwrap()
    );
    let before = house.store.health().position;
    let again = house.post("operator", &path, "").await;
    let number = again.json()["run"].to_string();
    assert_eq!((again.status, &number), (200, &first));
    assert_eq!(house.store.health().position, before);
    let december = format!("{path}&period=2026-12");
    assert_eq!(house.post("operator", &december, "").await.status, 201);
    // It came in between and changes no count.
    assert_eq!(house.post("operator", &path, "").await.status, 200);
    house.settle(PartOutcome::Rejected).await;
    let later = house.post("operator", &path, "").await;
    assert_eq!(later.status, 201, "{}", later.json());
}

#[tokio::test]
async fn a_month_of_which_the_figures_say_nothing_is_not_compared() {
    let house = acknowledged().await;
    let (_, loaded) = load(&house, "national", FIGURES).await;
    let figures = loaded["figures"].as_str().unwrap();
    for (period, silent, rows, differences) in [
        ("2026-12", json!(["2026-12"]), 0, 0),
        ("2026-11-01/2026-12-31", json!(["2026-12"]), 1, 3),
    ] {
        let path = format!("/v1/reconciliations?figures={figures}&period={period}");
        let run = house.post("national", &path, "").await.json();
        assert_eq!(run["differences"], json!(differences), "{period}");
        let path = format!("/v1/reconciliations/{}", run["run"]);
        let page = house.get(Door::Public, "national", &path).await.json();
        assert_eq!(page["no_figures"], silent, "{period}");
        let found = page["rows"].as_array().unwrap();
        assert_eq!(found.len(), rows, "{period}");
        for row in found {
            let [november] = &row["months"].as_array().unwrap()[..] else {
                panic!("one month: {row}");
            };
            let told = (&november["month"], &november["depth"]);
            assert_eq!(told, (&json!("2026-11"), &json!("documents")));
        }
    }
}

#[tokio::test]
async fn a_malformed_file_is_refused_whole() {
    let house = House::new().await;
    let before = house.store.health().position;
    let wrong = "centre,kind,type,date,number\n750712184,FSE,F,2026-11-20,1\n750712185,FSE,F,2026-02-30,1\n";
    let answer = house.post("national", "/v1/figures", wrong).await;
    answer.is("figures-faulty");
    let findings = answer.json()["findings"].clone();
    let told: Vec<_> = findings
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (f["code"].clone(), f["line"].clone(), f["path"].clone()))
        .collect();
    assert_eq!(
        told,
        [
            (json!("FIGURES_CENTRE"), json!(3), json!("centre")),
            (json!("FIGURES_DATE"), json!(3), json!("date")),
        ]
    );
    assert_eq!(house.store.health().position, before);
}

#[tokio::test]
async fn a_difference_is_judged_with_a_comment_and_judged_again() {
    let house = acknowledged().await;
    let run = reconciled(&house).await;
    let path = format!("/v1/reconciliations/{run}/differences");
    let accepted = house
        .post("national", &format!("{path}/2/accept"), "")
        .await;
    assert_eq!(
        (&accepted.json()["judgement"], &accepted.json()["comment"]),
        (&json!("accepted"), &json!(null))
    );
    let before = house.store.health().position;
    house
        .post("national", &format!("{path}/2/accept"), "")
        .await;
    assert_eq!(house.store.health().position, before);
    house
        .post("operator", &format!("{path}/2/dispute"), "feuille perdue")
        .await;
    let page = house
        .get(Door::Public, "national", &format!("{path}?after=1"))
        .await;
    let said = page.json()["rows"][0]["judgement"].clone();
    assert_eq!(
        (&said["judgement"], &said["by"], &said["comment"]),
        (
            &json!("disputed"),
            &json!("operator"),
            &json!("feuille perdue")
        )
    );
    let entries = house.store.entries(before, 1).await.unwrap();
    assert!(matches!(&entries[0].1.entry, Entry::Judged(judged) if judged.comment.is_some()));
    let only = house
        .get(
            Door::Public,
            "national",
            &format!("{path}?cause=unknown-to-us"),
        )
        .await;
    assert_eq!(only.json()["rows"].as_array().unwrap().len(), 1);
    let unknown = house
        .post("national", &format!("{path}/99/accept"), "")
        .await;
    unknown.is("reconciliation-unknown");
}

#[tokio::test]
async fn what_no_document_answers_to_is_offered_and_counted_nowhere() {
    let house = House::new().await;
    // Nobody knows its document yet, and what was once an orphan is none of the counts.
    house.settle(PartOutcome::Paid).await;
    house
        .admit(admission(1, facts(Kind::Fse, "100000001")))
        .await;
    let run = reconciled(&house).await;
    let path = format!("/v1/reconciliations/{run}");
    let page = house.get(Door::Public, "national", &path).await.json();
    assert_eq!(page["orphans"], 1);
    let ours = json!({"numerator": 0, "denominator": 1, "percent": "0.00"});
    assert_eq!(page["total"]["ours"], ours);
    let orphans = format!("{path}/orphans");
    let list = house.get(Door::Public, "national", &orphans).await.json();
    let row = &list["rows"][0];
    assert_eq!(
        (&list["count"], &list["next"], &row["line"], &row["id"]),
        (&json!(1), &json!(null), &json!(1), &json!("rsp-1"))
    );
    assert_eq!(row["cause"], "unknown document");
    assert!(row["at"].is_string() && row["entry"].is_u64() && row["endpoint"].is_string());
    let behind = format!("{orphans}?after=1");
    let behind = house.get(Door::Public, "national", &behind).await.json();
    assert_eq!(behind["rows"], json!([]));
    let export = format!("{path}/export");
    let whole = house.get(Door::Public, "national", &export).await.json();
    assert_eq!(whole["result"]["orphans"]["rows"], list["rows"]);
    let csv = format!("{export}?format=csv&table=orphans");
    let csv = house.get(Door::Public, "national", &csv).await;
    let text = String::from_utf8(csv.body.to_vec()).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(
        text.starts_with("line,endpoint,id,cause,at,entry\r\n1,"),
        "{text}"
    );
}

#[tokio::test]
async fn so_many_orphans_are_listed_and_the_others_counted() {
    let house = House::with(Config {
        reconciliation_orphans: 1.try_into().unwrap(),
        ..Config::default()
    })
    .await;
    house.settle(PartOutcome::Paid).await;
    house.receipt(Verdict::Accepted).await;
    house
        .admit(admission(1, facts(Kind::Fse, "100000001")))
        .await;
    let orphans = format!("/v1/reconciliations/{}/orphans", reconciled(&house).await);
    let list = house.get(Door::Public, "national", &orphans).await.json();
    assert_eq!(
        (&list["count"], list["rows"].as_array().unwrap().len()),
        (&json!(2), 1)
    );
    assert_eq!(list["rows"][0]["cause"], "unknown lot");
}

#[tokio::test]
async fn a_result_is_exported_and_kept_as_it_was() {
    let house = acknowledged().await;
    let run = reconciled(&house).await;
    let path = format!("/v1/reconciliations/{run}/export");
    let before = house.get(Door::Public, "national", &path).await.json();
    house
        .admit(admission(3, facts(Kind::Fse, "100000003")))
        .await;
    let after = house.get(Door::Public, "national", &path).await.json();
    assert_eq!(before, after);
    let csv = house
        .get(Door::Public, "national", &format!("{path}?format=csv"))
        .await;
    let text = String::from_utf8(csv.body.to_vec()).unwrap();
    assert_eq!(text.lines().count(), 4, "{text}");
    let csv = house
        .get(
            Door::Public,
            "national",
            &format!("{path}?format=csv&table=bridge"),
        )
        .await;
    let text = String::from_utf8(csv.body.to_vec()).unwrap();
    assert!(
        text.starts_with("centre,month,step,numerator,denominator\r\n"),
        "{text}"
    );
    assert!(
        text.contains("750712184,2026-11,unknown-to-us,1,1\r\n"),
        "{text}"
    );
    let runs = house
        .get(Door::Public, "operator", "/v1/reconciliations")
        .await;
    assert_eq!(runs.json()["runs"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_insurer_sees_its_own_figures_and_no_others() {
    let house = acknowledged().await;
    let run = reconciled(&house).await;
    let path = format!("/v1/reconciliations/{run}");
    let hidden = house.get(Door::Public, "insurer", &path).await;
    assert_eq!(hidden.status, 404);
    let none = house
        .get(Door::Public, "insurer", "/v1/reconciliations")
        .await;
    assert_eq!(none.json()["runs"], json!([]));
    let own = "centre,kind,type,month,count\n750712184,FSE,F,2026-11,1\n";
    let (status, loaded) = load(&house, "insurer", own).await;
    assert_eq!((status, &loaded["insurer"]), (201, &json!("paris")));
    let digest = loaded["figures"].as_str().unwrap();
    let run = house
        .post(
            "insurer",
            &format!("/v1/reconciliations?figures={digest}&period=2026"),
            "",
        )
        .await;
    let path = format!("/v1/reconciliations/{}", run.json()["run"]);
    let page = house.get(Door::Public, "insurer", &path).await;
    assert_eq!(page.json()["rows"][0]["depth"], json!("counts"));
    assert_eq!(page.json()["total"]["theirs"]["denominator"], json!(1));

    // The endpoint has another name now: the figures are still of its destinations, and the same insurer's.
    let lutece = EndpointName::parse("lutece").unwrap();
    let routes = Routes::new([(lutece.clone(), Purpose::Real, vec![caisse()])]);
    let routes = routes.formerly([(lutece, vec![endpoint()])]);
    house.routes.send_replace(Arc::new(routes));
    let again = format!("/v1/reconciliations?figures={digest}&period=2026");
    let again = house.post("insurer", &again, "").await.json();
    assert_eq!(again["run"], run.json()["run"], "nothing else was found");
    let known = house.get(Door::Public, "insurer", "/v1/figures").await;
    assert_eq!(known.json()["figures"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_compared_is_said() {
    let house = House::new().await;
    let unknown = format!("/v1/reconciliations?figures={}", "0".repeat(64));
    house
        .ask(Door::Public, "national", "POST", &unknown, Body::empty())
        .await
        .is("figures-unknown");
    let (_, loaded) = load(&house, "national", FIGURES).await;
    let path = format!(
        "/v1/reconciliations?figures={}&period=2026-11-02/2026-11-30",
        loaded["figures"].as_str().unwrap()
    );
    let uneven = house.post("national", &path, "").await;
    assert_eq!(
        (uneven.status, &uneven.json()["parameter"]),
        (400, &json!("period"))
    );
    let of_nobody = "centre,kind,type,month,count\n750990012,FSE,F,2026-11,1\n";
    let (_, loaded) = load(&house, "national", of_nobody).await;
    let run = house
        .post(
            "national",
            &format!(
                "/v1/reconciliations?figures={}",
                loaded["figures"].as_str().unwrap()
            ),
            "",
        )
        .await;
    let page = house
        .get(
            Door::Public,
            "national",
            &format!("/v1/reconciliations/{}", run.json()["run"]),
        )
        .await;
    assert_eq!(page.json()["without"][0]["centre"], json!("750990012"));
}

#[tokio::test]
async fn a_result_has_a_limit() {
    let config = Config {
        reconciliation_bytes: std::num::NonZeroUsize::new(10).unwrap(),
        ..Config::default()
    };
    let house = House::with(config).await;
    let (_, loaded) = load(&house, "national", FIGURES).await;
    let path = format!(
        "/v1/reconciliations?figures={}",
        loaded["figures"].as_str().unwrap()
    );
    house
        .post("national", &path, "")
        .await
        .is("reconciliation-too-large");
}

#[tokio::test]
async fn a_centre_sees_where_its_year_ends() {
    let house = acknowledged().await;
    let path = format!("/v1/centres/{OWN}/forecast");
    house
        .get(Door::Public, "centre", &path)
        .await
        .is("forecast-empty");
    let snapshot = house.count().await;
    let found = house.get(Door::Public, "centre", &path).await;
    found.is("forecast");
    assert_eq!(found.json()["position"], json!(snapshot.position.0));
    let other = house.get(Door::Public, "other", &path).await;
    assert_eq!(other.status, 403);
}

/// What was refused is told by the insurer's code, and is what the forecast calls lost as refused.
#[tokio::test]
async fn a_centre_sees_which_codes_refuse_its_documents() {
    let house = House::admitted().await;
    house
        .admit(admission(2, facts(Kind::Dre, "100000002")))
        .await;
    house.seal_both().await;
    house.lease().await;
    house.receipt(Verdict::Refused).await;
    house.count().await;
    let path = format!("/v1/centres/{OWN}/forecast");
    let found = house.get(Door::Public, "centre", &path).await.json();
    // The DRE is refused as well, and is not in this rate.
    assert_eq!(found["refusals"], json!({"A12": 1}));
    let losses = found["losses"].as_array().unwrap();
    let [loss] = &losses[..] else {
        panic!("{losses:?}");
    };
    assert_eq!(
        (&loss["cause"], &loss["documents"], &loss["points"]),
        (&json!("refused"), &json!(1), &json!("100.00"))
    );
}

#[tokio::test]
async fn centres_and_collectors_do_not_reconcile() {
    let house = House::new().await;
    for who in ["centre", "gestionnaire", "metrics"] {
        for (method, path) in [
            ("GET", "/v1/figures"),
            ("POST", "/v1/figures"),
            ("GET", "/v1/reconciliations"),
            ("GET", "/v1/reconciliations/1"),
            ("POST", "/v1/reconciliations/1/differences/1/accept"),
        ] {
            let answer = house
                .ask(Door::Public, who, method, path, Body::empty())
                .await;
            assert_eq!(answer.status, 403, "{who} {method} {path}");
        }
    }
}
