//! Lists of documents: whose, which, in what order, and how a page leads to the next.

use std::time::Duration;

use axum::http::header;
use serde_json::{Value, json};

use super::house::{Door, House, OTHER, admission, facts};
use crate::claims::delivery::Event;
use crate::claims::document::{Kind, Purpose};
use crate::claims::entry::Reason;
use crate::claims::id::Finess;
use crate::claims::receipt::Verdict;
use crate::desk::Config;
use crate::store::Command;

/// Six documents: 1 refused by receipt, 2 cancelled, 3 a test, 4 of the other centre, 5 a DRE an hour later, 6.
async fn filled(config: Config) -> House {
    let house = House::with(config).await;
    let admit = async |id: u128, kind| {
        house
            .admit(admission(id, facts(kind, &format!("10000000{id}"))))
            .await;
    };
    admit(1, Kind::Fse).await;
    admit(2, Kind::Fse).await;
    let mut test = admission(3, facts(Kind::Fse, "100000003"));
    test.purpose = Purpose::Test;
    house.admit(test).await;
    let mut other = facts(Kind::Fse, "100000004");
    other.key.centre = Finess::parse(OTHER).unwrap();
    house.admit(admission(4, other)).await;
    house.clock.advance(Duration::from_secs(3600));
    admit(5, Kind::Dre).await;
    admit(6, Kind::Fse).await;
    house.seal().await;
    house.attempt(Event::Taken, Reason::Receipt).await;
    house.receipt(Verdict::Refused).await;
    let document = crate::claims::id::DocumentId(2);
    let caller = super::house::name("centre");
    house.commit(Command::Cancel { document, caller }).await;
    house
}

fn ids(page: &Value) -> Vec<u64> {
    let rows = page["documents"].as_array().unwrap().iter();
    rows.map(|row| {
        let id = row["id"].as_str().unwrap();
        id.rsplit('-').next().unwrap().parse().unwrap()
    })
    .collect()
}

#[tokio::test]
async fn each_caller_lists_its_own_by_what_it_asks() {
    let house = filled(Config::default()).await;
    for (who, query, expected) in [
        ("centre", "", &[1, 2, 3, 5, 6][..]),
        ("gestionnaire", "", &[1, 2, 3, 5, 6]),
        ("tester", "", &[3]),
        ("other", "", &[4]),
        ("operator", "", &[4, 1, 2, 3, 5, 6]),
        ("operator", "centre=750000002", &[4]),
        ("centre", "kind=DRE", &[5]),
        ("centre", "standing=refused", &[1]),
        ("centre", "standing=cancelled", &[2]),
        ("centre", "standing=open", &[3, 5, 6]),
        ("centre", "standing=in-doubt", &[]),
        ("centre", "since=2026-11-22T13:00:00Z", &[5, 6]),
        ("centre", "since=2026-11-22", &[1, 2, 3, 5, 6]),
        ("centre", "since=2026-11-23", &[]),
        ("centre", "list=paper-owed", &[]),
        (
            "centre",
            "standing=open&kind=FSE&since=2026-11-22T12:30:00Z",
            &[6],
        ),
    ] {
        for door in [Door::Public, Door::Operators] {
            let answer = house
                .get(door, who, &format!("/v1/documents?{query}"))
                .await;
            let page = answer.json();
            assert_eq!(ids(&page), expected, "{who} {query}");
            assert_eq!(page["next"], Value::Null);
        }
    }
}

#[tokio::test]
async fn pages_lead_to_the_end_whatever_they_hold() {
    for looked_at in [1, 2, 1000] {
        let config = Config {
            list_looked_at: looked_at.try_into().unwrap(),
            survey_page: 2.try_into().unwrap(),
            ..Config::default()
        };
        let house = filled(config).await;
        for (query, expected) in [
            ("limit=2&", vec![4, 1, 2, 3, 5, 6]),
            ("standing=open&limit=1&", vec![4, 3, 5, 6]),
            (
                "since=2026-11-22T10:00:00%2B01:00&limit=1&",
                vec![4, 1, 2, 3, 5, 6],
            ),
        ] {
            let (mut path, mut found) = (format!("/v1/documents?{query}"), Vec::new());
            loop {
                let answer = house.get(Door::Public, "operator", &path).await;
                let page = answer.json();
                found.extend(ids(&page));
                let Some(next) = page["next"].as_str() else {
                    break;
                };
                let link = answer.header(header::LINK);
                let target = link.strip_suffix(&format!("cursor={next}>; rel=\"next\""));
                let target = target.and_then(|target| target.strip_prefix('<'));
                path = format!("{}cursor={next}", target.unwrap());
            }
            assert_eq!(found, expected, "{looked_at} {query}");
        }
    }
}

#[tokio::test]
async fn what_comes_between_two_pages_is_in_a_later_one() {
    let house = filled(Config::default()).await;
    let first = house
        .get(Door::Public, "centre", "/v1/documents?limit=4")
        .await;
    house
        .admit(admission(7, facts(Kind::Fse, "100000007")))
        .await;
    let next = first.json()["next"].as_str().unwrap().to_owned();
    let path = format!("/v1/documents?limit=4&cursor={next}");
    let second = house.get(Door::Public, "centre", &path).await;
    assert_eq!(ids(&first.json()), [1, 2, 3, 5]);
    assert_eq!(ids(&second.json()), [6, 7]);
}

/// So many documents are owed on paper, as the queue and its gauge count them.
async fn in_the_queue(house: &House) -> u64 {
    let queue = house.get(Door::Operators, "operator", "/v1/queue").await;
    let count = queue.json()["deadlines"]["paper owed"].as_u64();
    count.unwrap_or(0)
}

#[tokio::test]
async fn what_is_owed_on_paper_is_listed_until_it_is_sent() {
    let house = filled(Config::default()).await;
    house.clock.advance(Duration::from_secs(20 * 86_400));
    house.commit(Command::Tick).await;
    let owed = "/v1/documents?list=paper-owed";
    let page = house.get(Door::Operators, "operator", owed).await;
    page.is("owed");
    assert_eq!(ids(&page.json()), [4, 1, 5, 6]);
    assert_eq!(in_the_queue(&house).await, 4);
    let csv = format!("{owed}&format=csv&centre=750712184");
    let csv = house.get(Door::Public, "centre", &csv).await;
    assert_eq!(csv.header(header::CONTENT_TYPE), "text/csv; charset=utf-8");
    let text = String::from_utf8(csv.body.to_vec()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[0].starts_with("id,number,kind,centre,"));
    let first: Vec<_> = lines[1].split(',').collect();
    assert_eq!(
        (first[1], first[7], first[16]),
        ("100000001", "refused", "A12")
    );
    let paper = "/v1/documents/00000000-0000-0000-0000-000000000001/paper";
    assert_eq!(house.order(paper).await.status, 200);
    let page = house.get(Door::Operators, "operator", owed).await.json();
    assert_eq!(ids(&page), [4, 5, 6]);
    assert_eq!(in_the_queue(&house).await, 3);
    // A positive receipt comes after all.
    house.receipt_again(Verdict::Accepted).await;
    let both = house
        .get(Door::Public, "centre", "/v1/documents?list=both-ways")
        .await
        .json();
    assert_eq!(ids(&both), [1]);
    assert_eq!(both["documents"][0]["both_ways"], json!(true));
}
