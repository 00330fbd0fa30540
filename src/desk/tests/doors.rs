//! Who gets what: role × route × status.

use axum::body::Body;
use axum::http::header;
use axum::response::IntoResponse;

use super::house::{Door, House, ORDER, OTHER, OWN, admission, facts};
use crate::claims::document::{Kind, Purpose};
use crate::formats::json::problem;

const ID: &str = "00000000-0000-0000-0000-000000000001";

#[tokio::test]
#[rustfmt::skip]
async fn what_each_role_gets() {
    let house = House::admitted().await;
    let callers = ["nobody", "centre", "other", "tester", "gestionnaire", "insurer", "operator", "national", "metrics"];
    let document = format!("/v1/documents/{ID}");
    let content = format!("{document}/content");
    let by_key = "/v1/documents?number=100000001&kind=FSE&centre=750712184";
    let rate = format!("/v1/centres/{OWN}/rate?period=2026");
    let others_rate = format!("/v1/centres/{OTHER}/rate?period=2026");
    let unknown = "/v1/documents/00000000-0000-0000-0000-00000000000f";
    use Door::{Operators, Public};
    let table: &[(Door, &str, &str, [u16; 9])] = &[
        //                                           nobody centre other tester gest. insurer oper. national metrics
        (Public,    "GET",  &document,                [401,  200,  404,  404,   200,  403,    200,  403,    403]),
        (Public,    "GET",  by_key,                   [401,  200,  404,  404,   200,  403,    200,  403,    403]),
        (Public,    "GET",  "/v1/documents",          [401,  200,  200,  200,   200,  403,    200,  403,    403]),
        (Operators, "GET",  "/v1/documents?list=paper-owed", [401, 200, 200, 200, 200,  403,    200,  403,    403]),
        (Public,    "GET",  "/v1/documents?centre=750712184", [401, 200, 403, 200, 200, 403,    200,  403,    403]),
        (Public,    "GET",  unknown,                  [401,  404,  404,  404,   404,  403,    404,  403,    403]),
        (Public,    "GET",  "/v1/documents/x",        [401,  404,  404,  404,   404,  404,    404,  404,    404]),
        (Public,    "GET",  &content,                 [401,  200,  404,  404,   200,  403,    403,  403,    403]),
        (Operators, "GET",  &content,                 [404;  9]),
        (Public,    "GET",  &rate,                    [401,  200,  403,  200,   200,  403,    200,  200,    403]),
        (Public,    "GET",  &others_rate,             [401,  403,  200,  403,   403,  403,    200,  200,    403]),
        (Public,    "GET",  "/v1/rates?period=2026",  [401,  200,  200,  200,   200,  403,    200,  200,    403]),
        (Public,    "GET",  "/metrics",               [401,  403,  403,  403,   403,  403,    200,  403,    200]),
        (Operators, "GET",  "/metrics",               [401,  403,  403,  403,   403,  403,    200,  403,    200]),
        (Public,    "GET",  "/healthz",               [200;  9]),
        (Public,    "GET",  "/readyz",                [200;  9]),
        (Public,    "GET",  "/v1/queue",              [404;  9]),
        (Operators, "GET",  "/v1/queue",              [401,  403,  403,  403,   403,  403,    200,  403,    403]),
        (Public,    "POST", "/v1/verify",             [404;  9]),
        (Operators, "POST", "/v1/verify",             [401,  403,  403,  403,   403,  403,    200,  403,    403]),
        (Public,    "POST", "/v1/store/verify",       [404;  9]),
        (Operators, "POST", "/v1/store/verify",       [401,  403,  403,  403,   403,  403,    200,  403,    403]),
        (Public,    "GET",  "/v1/keys",               [404;  9]),
        (Operators, "GET",  "/v1/keys",               [401,  403,  403,  403,   403,  403,    200,  403,    403]),
        (Public,    "POST", "/v1/keys/rotate",        [404;  9]),
        (Operators, "POST", "/v1/keys/rotate",        [401,  403,  403,  403,   403,  403,    422,  403,    403]),
        (Public,    "POST", "/v1/endpoints/paris/hold",    [404; 9]),
        (Operators, "POST", "/v1/endpoints/paris/hold",    [401, 403, 403, 403, 403, 403, 200, 403, 403]),
        (Operators, "POST", "/v1/endpoints/paris/release", [401, 403, 403, 403, 403, 403, 200, 403, 403]),
        (Public,    "GET",  "/v1/legal-holds",             [404; 9]),
        (Operators, "GET",  "/v1/legal-holds",             [401, 403, 403, 403, 403, 403, 200, 403, 403]),
        (Operators, "POST", "/v1/legal-holds",             [401, 403, 403, 403, 403, 403, 422, 403, 403]),
        (Operators, "POST", "/v1/legal-holds/7/lift",      [401, 403, 403, 403, 403, 403, 404, 403, 403]),
        (Operators, "GET",  "/v1/retention",               [401, 403, 403, 403, 403, 403, 200, 403, 403]),
        (Operators, "GET",  "/v1/traces",                  [401, 403, 403, 403, 403, 403, 200, 403, 403]),
        (Public,    "POST", "/v1/replays",                 [404; 9]),
        (Operators, "POST", "/v1/replays",                 [401, 403, 403, 403, 403, 403, 200, 403, 403]),
        (Operators, "POST", "/v1/lots/00000000-0000-0000-0000-00000000000b/retry", [401, 403, 403, 403, 403, 403, 404, 403, 403]),
        (Operators, "POST", &format!("{document}/paper"),  [401, 403, 403, 403, 403, 403, 200, 403, 403]),
        (Operators, "POST", &format!("{document}/by-hand"), [401, 403, 403, 403, 403, 403, 422, 403, 403]),
    ];
    for (door, method, path, expected) in table {
        for (who, expected) in callers.iter().zip(expected) {
            let body = if *method == "POST" { ORDER } else { "" };
            let answer = house.ask(*door, who, method, path, Body::from(body)).await;
            assert_eq!(answer.status, *expected, "{door:?} {method} {path} as {who}");
            if answer.status >= 400 {
                assert_eq!(answer.header(header::CONTENT_TYPE), problem::MEDIA_TYPE);
                assert_eq!(answer.json()["status"], *expected);
            }
        }
    }
}

#[tokio::test]
async fn health_says_nothing_more() {
    let house = House::new().await;
    for path in ["/healthz", "/readyz"] {
        assert!(
            house
                .get(Door::Public, "nobody", path)
                .await
                .body
                .is_empty()
        );
    }
}

#[tokio::test]
async fn metrics_are_open_on_loopback_only_where_the_settings_say_so() {
    let house = House::with_open_metrics().await;
    let open = house.get(Door::Operators, "nobody", "/metrics").await;
    assert_eq!(open.status, 200);
    let text = String::from_utf8(open.body.to_vec()).unwrap();
    assert!(text.contains("bordereau_ledger_position"), "{text}");
    assert!(
        text.contains("bordereau_obligation_left_out_centres"),
        "{text}"
    );
    let public = house.get(Door::Public, "nobody", "/metrics").await;
    assert_eq!(public.status, 401);
}

#[tokio::test]
async fn a_caller_of_tests_sees_tests_alone() {
    let house = House::admitted().await;
    let mut test = admission(2, facts(Kind::Fse, "100000002"));
    test.purpose = Purpose::Test;
    house.admit(test).await;
    let seen = |id: u32| format!("/v1/documents/00000000-0000-0000-0000-{id:012}");
    for (who, id, status) in [
        ("tester", 1, 404),
        ("tester", 2, 200),
        ("centre", 1, 200),
        ("centre", 2, 200),
    ] {
        let answer = house.get(Door::Public, who, &seen(id)).await;
        assert_eq!(answer.status, status, "{who} {id}");
    }
}

#[tokio::test]
async fn questions_that_cannot_be_understood() {
    let house = House::new().await;
    for (who, path, parameter) in [
        ("centre", "/v1/documents?number=1000000000", "kind"),
        ("centre", "/v1/documents?kind=fse", "kind"),
        (
            "centre",
            "/v1/documents?number=100000001&kind=FSE&limit=5",
            "limit",
        ),
        ("centre", "/v1/documents?limit=0", "limit"),
        ("centre", "/v1/documents?limit=abc", "limit"),
        ("centre", "/v1/documents?limit=-1", "limit"),
        ("national", "/v1/rates?as_of=x", "as_of"),
        ("centre", "/v1/documents?limit=1001", "limit"),
        ("centre", "/v1/documents?standing=in-lot", "standing"),
        ("centre", "/v1/documents?list=owed", "list"),
        ("centre", "/v1/documents?since=yesterday", "since"),
        ("centre", "/v1/documents?cursor=AAAA", "cursor"),
        ("centre", "/v1/documents?format=xml", "format"),
        ("centre", "/v1/documents?number=100000001&kind=fse", "kind"),
        (
            "gestionnaire",
            "/v1/documents?number=100000001&kind=FSE",
            "centre",
        ),
        ("national", "/v1/rates?period=2026-13", "period"),
        ("national", "/v1/rates?after=1", "after"),
        ("national", "/v1/rates?format=xml", "format"),
        ("national", "/v1/rates?as_of=99", "as_of"),
        ("operator", "/v1/rates/explain", "centre"),
        (
            "operator",
            "/v1/rates/explain?centre=750712184&cell=mode",
            "cell",
        ),
        (
            "operator",
            "/v1/rates/explain?centre=750712184&after=1",
            "after",
        ),
        (
            "operator",
            "/v1/rates/explain?centre=750712184&as_of=99",
            "as_of",
        ),
        ("national", "/v1/rates?as_of=0", "as_of"),
        ("centre", "/v1/centres/750712184/rate?as_of=0", "as_of"),
        (
            "operator",
            "/v1/rates/explain?centre=750712184&as_of=0",
            "as_of",
        ),
        ("national", "/v1/rates?as_of=18446744073709551615", "as_of"),
        ("national", "/v1/rates?by=region", "by"),
        ("national", "/v1/rates?by=category&after=nothing", "after"),
        ("national", "/v1/rates?category=dental", "category"),
        ("national", "/v1/rates?caisse=75", "caisse"),
        ("national", "/v1/rates?centre=750712180", "centre"),
        ("national", "/v1/rates?from=2026-01-01", "until"),
        ("national", "/v1/rates?until=2026-01-01", "from"),
        (
            "national",
            "/v1/rates?from=2026-01-02&until=2026-01-01",
            "until",
        ),
        (
            "national",
            "/v1/rates?period=2026&from=2026-01-01&until=2026-01-01",
            "period",
        ),
    ] {
        let answer = house.get(Door::Public, who, path).await;
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.json()["parameter"], parameter, "{path}");
        let least = path.ends_with("as_of=0").then_some(1);
        assert_eq!(answer.json()["least"].as_u64(), least, "{path}");
    }
    // The first and the last place that can be written down are places after which a list goes on.
    for place in [0, u64::MAX] {
        for path in ["/v1/statements", "/v1/ledger/anchor"] {
            let path = format!("{path}?after={place}");
            let answer = house.get(Door::Public, "national", &path).await;
            assert_eq!(answer.status, 200, "{path}");
        }
        let orphans = format!("/v1/orphans?since={place}");
        let answer = house.get(Door::Operators, "operator", &orphans).await;
        assert_eq!(answer.status, 200, "{orphans}");
    }
    let walk = "/v1/ledger/verify?to=0";
    let answer = house
        .ask(Door::Operators, "operator", "POST", walk, Body::empty())
        .await;
    assert_eq!(answer.status, 400, "{walk}");
    assert_eq!(answer.json()["parameter"], "to");
    assert_eq!(answer.json()["least"], 1);
    // Where a foundation stands for the first entries, the least position is its own.
    let founded = crate::report::Error::Founded {
        until: crate::claims::time::Day::parse("2026-01-31").unwrap(),
        least: crate::claims::entry::Position(40),
    };
    let refused = house.desk.without_rate(&founded).into_response();
    let answer = super::house::Answer::of(refused).await.json();
    assert_eq!(
        (&answer["parameter"], &answer["least"]),
        (&"as_of".into(), &40.into())
    );
    for (path, status) in [
        ("/v1/rates?periode=2026", 400),
        ("/v1/centres/1/rate", 404),
        ("/v1/centres/750990012/rate", 404),
        ("/v1/centres/750712184/rate?period=2019", 404),
    ] {
        let answer = house.get(Door::Public, "national", path).await;
        assert_eq!(answer.status, status, "{path}");
    }
}

#[tokio::test]
async fn rates_are_a_table_too_and_a_centre_sees_its_own() {
    let house = House::new().await;
    let rows = |answer: &super::house::Answer| answer.json()["rates"].as_array().unwrap().len();
    let path = "/v1/rates?period=2026-Q4";
    assert_eq!(rows(&house.get(Door::Public, "national", path).await), 2);
    assert_eq!(rows(&house.get(Door::Public, "centre", path).await), 1);
    assert_eq!(
        rows(&house.get(Door::Public, "gestionnaire", path).await),
        1
    );
    let csv = format!("{path}&format=csv");
    let csv = house.get(Door::Public, "national", &csv).await;
    assert_eq!(csv.header(header::CONTENT_TYPE), "text/csv; charset=utf-8");
    let text = String::from_utf8(csv.body.to_vec()).unwrap();
    assert_eq!(text.lines().count(), 3);
}

#[tokio::test]
async fn rates_come_in_groups_and_pages() {
    let config = crate::desk::Config {
        rates_centres: std::num::NonZeroUsize::MIN,
        ..Default::default()
    };
    let house = House::with(config).await;
    let groups = |answer: &super::house::Answer| {
        let groups = answer.json()["groups"].as_array().unwrap().clone();
        let named = groups.iter().map(|group| {
            let name = group["group"].as_str().unwrap();
            format!("{name} {}", group["centres"])
        });
        named.collect::<Vec<_>>()
    };
    for (who, query, found) in [
        ("national", "by=all", "all 2"),
        ("national", "by=category", "medical 2"),
        ("national", "by=caisse", "017510000 2"),
        ("national", "by=agreement", "national 2"),
        ("national", "by=gestionnaire", "G1 1"),
        ("national", "by=all&gestionnaire=G2", "all 1"),
        ("gestionnaire", "by=all", "all 1"),
        (
            "centre",
            "by=category&from=2026-01-01&until=2026-11-22",
            "medical 1",
        ),
    ] {
        let path = format!("/v1/rates?{query}");
        let answer = house.get(Door::Public, who, &path).await;
        assert_eq!(groups(&answer), [found], "{who} {query}");
    }
    let mut path = "/v1/rates?by=gestionnaire&period=2026-Q4&format=json".to_owned();
    let first = house.get(Door::Public, "national", &path).await;
    assert_eq!(groups(&first), ["G1 1"]);
    let link = first.header(header::LINK);
    path.push_str("&after=G1%20national");
    assert_eq!(link, format!("<{path}>; rel=\"next\""));
    let second = house.get(Door::Public, "national", &path).await;
    assert_eq!(groups(&second), ["G2 1"]);
    assert!(second.json()["next"].is_null() && second.headers.get(header::LINK).is_none());
    let centres = house
        .get(Door::Public, "national", "/v1/rates?gestionnaire=G2")
        .await;
    assert_eq!(centres.json()["rates"][0]["centre"], super::house::OTHER);
    let csv = house
        .get(Door::Public, "national", "/v1/rates?by=all&format=csv")
        .await;
    let text = String::from_utf8(csv.body.to_vec()).unwrap();
    assert!(
        text.starts_with("by,group,name,agreement,policy,centres,"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_earlier_answer_has_its_turn_its_time_and_its_end() {
    let house = House::admitted().await;
    let path = format!("/v1/centres/{}/rate?as_of=3", super::house::OWN);
    let turn = house.desk.past.lock().await;
    let busy = house.get(Door::Public, "centre", &path).await;
    busy.is("not-ready");
    assert_eq!(busy.header(header::RETRY_AFTER), "5");
    drop(turn);
    let free = house.get(Door::Public, "centre", &path).await;
    assert_eq!(free.status, 200);

    let endless = || std::future::pending::<Result<(), crate::report::Error>>();
    let begun = tokio::time::Instant::now();
    let refused = house.desk.bounded(endless()).await.unwrap_err();
    assert_eq!(begun.elapsed().as_secs(), 900);
    let answer = super::house::Answer::of(refused.into_response()).await;
    answer.is("past-too-long");

    house.closing.cancel();
    let refused = house.desk.bounded(endless()).await.unwrap_err();
    let answer = super::house::Answer::of(refused.into_response()).await;
    answer.is("not-ready");
}

#[tokio::test]
async fn an_earlier_answer_ends_with_its_caller() {
    let house = House::admitted().await;
    let path = format!("/v1/centres/{}/rate?as_of=3", super::house::OWN);
    let asking = house.get(Door::Public, "centre", &path);
    let _left = tokio::time::timeout(std::time::Duration::ZERO, asking).await;
    // Whoever comes next has the turn.
    assert_eq!(house.get(Door::Public, "centre", &path).await.status, 200);
}

#[tokio::test]
async fn an_earlier_answer_is_given_again_and_a_figure_is_opened() {
    let house = House::admitted().await;
    let rate = |position: u64| format!("/v1/centres/{}/rate?as_of={position}", super::house::OWN);
    // Two registrations, and then the document.
    for (position, units) in [(2, 0), (3, 1)] {
        let answer = house
            .get(Door::Public, "centre", &rate(position))
            .await
            .json();
        assert_eq!(answer["denominator"], units);
        assert_eq!(answer["basis"]["position"], position);
        assert_eq!(answer["basis"]["ledger"], "recomputed");
        let path = format!("/v1/rates?by=all&as_of={position}");
        let all = house.get(Door::Public, "national", &path).await.json();
        assert_eq!(all["groups"][0]["denominator"], units);
    }
    let opened = format!(
        "/v1/rates/explain?centre={}&cell=missing&as_of=3",
        super::house::OWN
    );
    for (who, status) in [
        ("centre", 200),
        ("operator", 200),
        ("other", 403),
        ("national", 403),
        ("nobody", 401),
    ] {
        let answer = house.get(Door::Public, who, &opened).await;
        assert_eq!(answer.status, status, "{who}");
        if status == 200 {
            let unit = &answer.json()["units"][0];
            assert_eq!(unit["number"], "100000001");
            assert_eq!(unit["entries"], serde_json::json!([3]));
        }
    }
}

#[tokio::test]
async fn a_period_is_closed_once_it_has_ended() {
    let house = House::admitted().await;
    let own = super::house::OWN;
    for (path, reason, status) in [
        ("/v1/periods/close", r#"{"reason":"over"}"#, 400),
        (
            "/v1/periods/close?period=2026-11",
            r#"{"reason":"over"}"#,
            422,
        ),
        (
            "/v1/periods/close?period=2026-10&centre=1",
            r#"{"reason":"over"}"#,
            400,
        ),
        (
            "/v1/periods/close?period=2026-10&centre=750990012",
            r#"{"reason":"over"}"#,
            404,
        ),
        ("/v1/periods/close?period=2026-10", "{}", 422),
        (
            "/v1/periods/close?period=2026-10",
            r#"{"reason":"over"}"#,
            200,
        ),
        (
            "/v1/periods/close?period=2026-10&centre=750712184",
            r#"{"reason":"again"}"#,
            200,
        ),
    ] {
        let answer = house.post("operator", path, reason).await;
        assert_eq!(answer.status, status, "{path}");
        if status == 200 {
            let closings = answer.json()["closings"].as_array().unwrap().clone();
            assert_eq!(closings.len(), 1, "what is closed stays closed");
            assert_eq!(closings[0]["actor"], "operator");
        }
    }
    let refused = house
        .post(
            "centre",
            "/v1/periods/close?period=2026-10",
            r#"{"reason":"over"}"#,
        )
        .await;
    assert_eq!(refused.status, 403);
    for (who, path, status) in [
        ("national", "/v1/periods".to_owned(), 200),
        ("centre", "/v1/periods".to_owned(), 403),
        ("centre", format!("/v1/centres/{own}/periods"), 200),
        ("other", format!("/v1/centres/{own}/periods"), 403),
        (
            "national",
            format!("/v1/centres/{own}/periods?period=2026-10"),
            200,
        ),
        (
            "national",
            format!("/v1/centres/{own}/periods?period=10"),
            400,
        ),
        ("national", "/v1/centres/1/periods".to_owned(), 404),
    ] {
        let answer = house.get(Door::Public, who, &path).await;
        assert_eq!(answer.status, status, "{who} {path}");
    }
    let path = format!("/v1/centres/{own}/periods");
    let shown = house.get(Door::Public, "centre", &path).await.json();
    let period = &shown["periods"][0];
    assert_eq!(period["frozen"]["basis"]["position"], 4);
    assert_eq!(period["corrections"], serde_json::json!([]));
}
