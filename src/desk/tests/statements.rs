//! Statements at the desk: who reads which, in which form, and what is said when there is none.

use axum::body::Body;
use axum::http::{Request, header};
use axum::response::IntoResponse;

use super::house::{Answer, Door, House, OTHER, OWN, name};
use crate::claims::agreement::Agreements;
use crate::claims::period::Period;
use crate::claims::time::Day;
use crate::desk::Config;
use crate::formats::json::problem::Kind;
use crate::formats::jws::Keys;
use crate::formats::statement::verify;
use crate::http::answer::Refused;
use crate::store::{self, Command, Outcome};

/// A house whose October is closed, with a statement of each centre.
async fn published() -> House {
    let house = House::with(Config {
        statement_rows: 1.try_into().unwrap(),
        ..Config::default()
    })
    .await;
    close(&house, "2026-10-05").await;
    for centre in [OWN, OTHER] {
        assert_eq!(order(&house, centre).await.status, 200);
    }
    house
}

async fn close(house: &House, day: &str) {
    let agreements: &Agreements = &super::house::agreements();
    let closed = house.commit(Command::Close {
        period: Period::month_of(Day::parse(day).unwrap()),
        centres: Vec::new(),
        actor: name("operator"),
        policies: agreements.all().cloned().collect(),
        reason: store::Body {
            bytes: "the month is over".into(),
            salt: [1; 16],
        },
    });
    assert!(matches!(closed.await, Outcome::Done(_)));
}

async fn order(house: &House, centre: &str) -> Answer {
    let path = format!("/v1/statements?centre={centre}&period=2026-10");
    house.post("operator", &path, "").await
}

async fn listed(house: &House, who: &str, query: &str) -> (Vec<String>, Option<u64>) {
    let answer = house
        .get(Door::Public, who, &format!("/v1/statements{query}"))
        .await;
    assert_eq!(answer.status, 200, "{who} {query}");
    let json = answer.json();
    let rows = json["statements"].as_array().unwrap();
    let centres = rows.iter().map(|row| row["centre"].as_str().unwrap());
    (centres.map(str::to_owned).collect(), json["next"].as_u64())
}

#[tokio::test]
async fn a_centre_reads_its_own_and_a_national_reader_all() {
    let house = published().await;
    for (who, query, expected) in [
        ("centre", "", vec![OWN]),
        ("gestionnaire", "", vec![OWN]),
        ("national", "", vec![OWN]),
        ("national", "?after=4", vec![OTHER]),
        ("national", "?centre=750000002", vec![OTHER]),
        ("national", "?period=2026-10", vec![OWN]),
        ("national", "?period=2026-09", vec![]),
    ] {
        assert_eq!(
            listed(&house, who, query).await.0,
            expected,
            "{who} {query}"
        );
    }
    // A page ends after its rows, and the next one goes on; one that passed over others' is shorter.
    let (_, next) = listed(&house, "national", "").await;
    let next = format!("?after={}", next.unwrap());
    assert_eq!(
        listed(&house, "national", &next).await,
        (vec![OTHER.into()], None)
    );
    for (who, path, status) in [
        ("other", "/v1/statements?centre=750712184", 403),
        ("insurer", "/v1/statements", 403),
        ("nobody", "/v1/statements", 401),
        ("national", "/v1/statements?centre=1", 400),
        ("national", "/v1/statements?period=x", 400),
        ("national", "/v1/statements/99", 404),
        ("national", "/v1/statements/4?form=pdf", 400),
        ("insurer", "/v1/statements/4", 403),
        ("other", "/v1/statements/4/signature", 404),
        ("nobody", "/v1/statements/keys", 200),
    ] {
        let answer = house.get(Door::Public, who, path).await;
        assert_eq!(answer.status, status, "{who} {path}");
    }
    let others = house.get(Door::Public, "other", "/v1/statements/4").await;
    others.is("statement-unknown");
}

#[tokio::test]
async fn what_is_given_out_is_what_was_signed() {
    let house = published().await;
    let get = async |path: &str| house.get(Door::Public, "centre", path).await;
    let statement = get("/v1/statements/4").await;
    let signature = get("/v1/statements/4/signature").await;
    let keys = get("/v1/statements/keys").await.json();
    let pem = keys["keys"][0]["pem"].as_str().unwrap();
    assert_eq!(
        (
            keys["keys"].as_array().unwrap().len(),
            &keys["keys"][0]["first"]
        ),
        (1, &4.into())
    );
    let jws = std::str::from_utf8(&signature.body).unwrap();
    let proven = verify::one(&Keys::from_pem(pem).unwrap(), &statement.body, jws).unwrap();
    assert_eq!(proven.statement.centre.finess, OWN);
    let row = house
        .get(Door::Public, "centre", "/v1/statements")
        .await
        .json();
    let row = &row["statements"][0];
    assert_eq!(row["digest"], proven.digest.to_string());
    assert_eq!(row["key"], keys["keys"][0]["kid"]);
    assert_eq!(row["position"], proven.statement.ledger.position);
}

#[tokio::test]
async fn a_statement_comes_in_the_form_that_is_asked_for() {
    let house = published().await;
    for (query, accept, media_type) in [
        ("", "", "application/json"),
        ("?form=csv", "application/json", "text/csv; charset=utf-8"),
        ("?form=xml", "", "application/xml"),
        ("?form=html", "", "text/html; charset=utf-8"),
        (
            "",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "text/html; charset=utf-8",
        ),
        ("", "application/pdf, text/xml;q=0.5", "application/xml"),
        ("", "text/csv", "text/csv; charset=utf-8"),
        ("", "*/*", "application/json"),
    ] {
        let path = format!("/v1/statements/4{query}");
        let request = Request::builder().uri(&path).header(header::ACCEPT, accept);
        let answer = house.send(Door::Public, "centre", request, Body::empty());
        let answer = Answer::of(answer.await).await;
        answer.is_foreseen("GET", "/v1/statements/4");
        assert_eq!(
            answer.header(header::CONTENT_TYPE),
            media_type,
            "{path} {accept}"
        );
    }
}

#[tokio::test]
async fn an_order_again_gives_the_same_statement() {
    let house = published().await;
    let position = house.store_position();
    let again = order(&house, OWN).await.json();
    assert_eq!(
        (&again["statement"], house.store_position()),
        (&4.into(), position)
    );
    let unknown = order(&house, "750990012").await;
    assert_eq!(unknown.status, 404);
    let open = house
        .post(
            "operator",
            "/v1/statements?centre=750712184&period=2026-09",
            "",
        )
        .await;
    open.is("period-open");
    let denied = house
        .post(
            "centre",
            "/v1/statements?centre=750712184&period=2026-10",
            "",
        )
        .await;
    assert_eq!(denied.status, 403);
}

#[tokio::test]
async fn without_a_key_it_is_said_what_to_do() {
    let answer = Refused::from(Kind::StatementsUnsigned).into_response();
    Answer::of(answer).await.is("statements-unsigned");
}
