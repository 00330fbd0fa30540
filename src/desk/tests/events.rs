//! The stream of events: whose, from where on, live, and how it ends.

use std::num::NonZeroUsize;
use std::time::Duration;

use axum::body::BodyDataStream;
use futures_util::StreamExt;
use serde_json::{Value, json};

use super::house::{Answer, Door, House, OTHER, admission, facts, name};
use crate::claims::change::What;
use crate::claims::custody::Restored;
use crate::claims::delivery::Event;
use crate::claims::document::{Kind, Purpose};
use crate::claims::entry::Reason;
use crate::claims::id::{Digest, Finess};
use crate::claims::receipt::Verdict;
use crate::clock::Clock;
use crate::desk::Config;
use crate::formats::json::described::{conforms, listed};
use crate::store::{Command, Store};

/// A stream that is read as a browser does.
struct Client {
    body: BodyDataStream,
    text: String,
}

/// An event: the id it leaves the client with, and its data.
type Told = (Option<String>, Value);

impl Client {
    async fn open(house: &House, who: &str, path: &str, last: Option<&str>) -> Client {
        let response = house.open(Door::Public, who, path, last).await;
        assert_eq!(response.status(), 200);
        Client {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    /// The next event; none at the end. A sign of life is an event without data.
    async fn next(&mut self) -> Option<Told> {
        while !self.text.contains("\n\n") {
            let part = self.body.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&part).unwrap());
        }
        let (event, rest) = self.text.split_once("\n\n").unwrap();
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
        let id = field("id: ").map(str::to_owned);
        let data = field("data: ").map_or(Value::Null, |data| serde_json::from_str(data).unwrap());
        match field("event: ") {
            Some("reset") | None => {}
            Some(name) => {
                assert_eq!(name, "document");
                conforms("Change", &data);
            }
        }
        self.text = rest.to_owned();
        Some((id, data))
    }

    /// So many events, each as number, event and standing.
    async fn told(&mut self, count: usize) -> Vec<String> {
        let mut told = Vec::new();
        while told.len() < count {
            let (_, data) = self.next().await.unwrap();
            let word = |name: &str| data[name].as_str().unwrap().to_owned();
            told.push(format!(
                "{} {} {}",
                word("number"),
                word("event"),
                word("standing")
            ));
        }
        told
    }
}

/// The place in an id.
fn position(id: Option<String>) -> Option<u64> {
    let id = id?;
    let (position, _) = id.split_once('-').unwrap();
    Some(position.parse().unwrap())
}

/// Document 1 acknowledged in the end, 2 of the other centre, 3 a test.
async fn filled(config: Config) -> House {
    let house = House::with(config).await;
    house
        .admit(admission(1, facts(Kind::Fse, "100000001")))
        .await;
    let mut other = facts(Kind::Fse, "100000002");
    other.key.centre = Finess::parse(OTHER).unwrap();
    house.admit(admission(2, other)).await;
    let mut test = admission(3, facts(Kind::Fse, "100000003"));
    test.purpose = Purpose::Test;
    house.admit(test).await;
    house.seal().await;
    house.attempt(Event::Taken, Reason::Receipt).await;
    house.receipt(Verdict::Refused).await;
    house
}

#[tokio::test]
async fn each_caller_hears_of_its_own_from_any_place_on() {
    let house = filled(Config::default()).await;
    let own = [
        "100000001 admitted open",
        "100000003 admitted open",
        "100000001 sealed in lot",
        "100000001 taken in lot",
        "100000001 receipt refused",
    ];
    for (who, path, expected) in [
        ("centre", "/v1/events?after=0", &own[..]),
        ("gestionnaire", "/v1/events?after=0", &own),
        ("centre", "/v1/events?after=6", &own[3..]),
        ("operator", "/v1/events?after=0&centre=750712184", &own),
        ("other", "/v1/events?after=0", &["100000002 admitted open"]),
        ("tester", "/v1/events?after=0", &["100000003 admitted open"]),
    ] {
        let mut client = Client::open(&house, who, path, None).await;
        assert_eq!(client.told(expected.len()).await, expected, "{who} {path}");
    }
    let mut all = Client::open(&house, "operator", "/v1/events?after=0", None).await;
    assert_eq!(all.told(6).await.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn what_happens_now_is_told_now() {
    let house = filled(Config::default()).await;
    let mut client = Client::open(&house, "centre", "/v1/events", None).await;
    let (id, alive) = client.next().await.unwrap();
    assert_eq!((position(id), alive), (Some(9), Value::Null));
    let then = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        house
            .admit(admission(4, facts(Kind::Dre, "100000004")))
            .await;
    };
    let (told, ()) = tokio::join!(client.told(1), then);
    assert_eq!(told, ["100000004 admitted open"]);
}

#[tokio::test(start_paused = true)]
async fn who_is_far_behind_hears_that_it_goes_on_and_keeps_its_place() {
    let house = House::with(Config {
        stream_page: const { NonZeroUsize::new(1).unwrap() },
        ..Config::default()
    })
    .await;
    for number in 1..=2_000 {
        let mut facts = facts(Kind::Fse, &format!("1{number:08}"));
        facts.key.centre = Finess::parse(OTHER).unwrap();
        house.admit(admission(number, facts)).await;
    }
    // Each time that the reader leaves its thread to others, as long passes as it may be silent.
    let passes = async {
        loop {
            tokio::time::advance(Config::default().heartbeat()).await;
        }
    };
    let mut client = Client::open(&house, "centre", "/v1/events?after=1", None).await;
    let reads = async {
        let mut places = Vec::new();
        for _ in 0..3 {
            let (id, data) = client.next().await.unwrap();
            assert_eq!(data, Value::Null);
            places.push(position(id).unwrap());
        }
        places
    };
    let places = tokio::select! {
        biased;
        places = reads => places,
        () = passes => Vec::new(),
    };
    assert!(places.is_sorted() && places[0] > 1, "{places:?}");
    assert!(
        places[2] < house.store_position(),
        "{places:?}: not at the end yet"
    );
}

#[tokio::test]
async fn who_comes_again_hears_what_was_missed() {
    let house = filled(Config::default()).await;
    let path = "/v1/events?after=0";
    let mut client = Client::open(&house, "centre", path, None).await;
    let (id, data) = client.next().await.unwrap();
    assert_eq!(
        (position(id.clone()), &data["position"]),
        (Some(3), &Value::from(3))
    );
    drop(client);
    let mut client = Client::open(&house, "centre", path, id.as_deref()).await;
    assert_eq!(client.told(1).await, ["100000003 admitted open"]);
}

/// A ledger that was restored up to the admission of document 1 and went on from there, and an id of the lost span.
async fn restored() -> (House, String) {
    let lost = filled(Config::default()).await;
    let mut client = Client::open(&lost, "centre", "/v1/events?after=7", None).await;
    let (id, data) = client.next().await.unwrap();
    assert_eq!(data["position"], 8);
    let house = House::new().await;
    house
        .admit(admission(1, facts(Kind::Fse, "100000001")))
        .await;
    house.clock.advance(Duration::from_secs(3600));
    let end = house.store.health().position;
    let now = house.clock.now();
    house
        .commit(Command::Restored(Restored {
            backup: Digest([8; 32]),
            taken: now,
            position: end,
            since: now,
            known: end,
            actor: name("uid:0"),
        }))
        .await;
    (house, id.unwrap())
}

#[tokio::test]
async fn who_heard_of_a_lost_span_is_told_and_goes_on_from_the_end_of_what_was_restored() {
    let (house, id) = restored().await;
    let bare = position(Some(id.clone())).unwrap().to_string();
    // While the ledger is shorter than it was, and when it has grown beyond that place with other entries.
    for number in [0, 4, 5, 6, 7, 8, 9] {
        if number > 0 {
            let number = format!("10000000{number}");
            let id = number.parse().unwrap();
            house.admit(admission(id, facts(Kind::Fse, &number))).await;
        }
        for last in [&id, &bare] {
            let grown = house.store.health().position.0 >= 8;
            let is_told = !grown || *last == id;
            let path = "/v1/events?after=0";
            let mut client = Client::open(&house, "centre", path, Some(last)).await;
            if !is_told {
                // A bare place is taken at its word.
                continue;
            }
            let (from, data) = client.next().await.unwrap();
            assert_eq!(data, json!({"position": 3}), "{last} {number}");
            assert_eq!(position(from), Some(3));
            if number > 0 {
                assert_eq!(client.told(1).await, ["100000004 admitted open"]);
            }
        }
    }
    // What it heard before is the same still.
    let mut client = Client::open(&house, "centre", "/v1/events?after=2", None).await;
    let (id, _) = client.next().await.unwrap();
    let mut again = Client::open(&house, "centre", "/v1/events", id.as_deref()).await;
    assert_eq!(again.told(1).await, ["100000004 admitted open"]);
}

#[tokio::test]
async fn an_id_comes_with_the_last_event_of_its_entry() {
    let house = House::new().await;
    let two = (1..=2).map(|id| admission(id, facts(Kind::Fse, &format!("10000000{id}"))));
    for document in two {
        house.admit(document).await;
    }
    house.seal_both().await;
    let mut client = Client::open(&house, "centre", "/v1/events?after=4", None).await;
    let ids = [
        client.next().await.unwrap().0,
        client.next().await.unwrap().0,
    ];
    assert_eq!(ids.map(position), [None, Some(5)]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_by_age_and_at_the_shutdown() {
    let config = Config {
        stream_age_seconds: 40.try_into().unwrap(),
        ..Config::default()
    };
    let house = filled(config).await;
    let mut client = Client::open(&house, "centre", "/v1/events", None).await;
    let mut alive = 0;
    while let Some((id, _)) = client.next().await {
        assert!(id.is_some(), "from where it is taken up");
        alive += 1;
    }
    assert_eq!(alive, 3, "signs of life at once, after 15 and 30 seconds");
    let mut client = Client::open(&house, "centre", "/v1/events", None).await;
    house.closing.cancel();
    assert_eq!(client.next().await, None);
}

#[tokio::test]
async fn streams_are_limited_and_questions_understood() {
    let config = Config {
        streams: 1.try_into().unwrap(),
        ..Config::default()
    };
    let house = filled(config).await;
    let open = Client::open(&house, "centre", "/v1/events", None).await;
    let refused = house.get(Door::Public, "centre", "/v1/events").await;
    assert_eq!(refused.status, 503);
    drop(open);
    Client::open(&house, "centre", "/v1/events", None).await;
    for path in ["/v1/events?after=x", "/v1/events?after=10"] {
        let refused = house.get(Door::Public, "centre", path).await;
        assert_eq!(
            (refused.status, &refused.json()["parameter"]),
            (400, &"after".into())
        );
    }
    // A wrong id of who comes again is named as what it is, whatever the address says.
    for last in ["x", "10", "1-x", ""] {
        let path = "/v1/events?after=1";
        let refused = house.open(Door::Public, "centre", path, Some(last)).await;
        let refused = Answer::of(refused).await.json();
        assert_eq!(refused["parameter"], "Last-Event-ID", "{last}");
    }
    let refused = house
        .get(Door::Public, "centre", "/v1/events?centre=750000002")
        .await;
    assert_eq!(refused.status, 403);
    assert_eq!(
        house
            .get(Door::Public, "insurer", "/v1/events")
            .await
            .status,
        403
    );
}

#[test]
fn every_word_for_a_change_is_listed() {
    let words = What::ALL.map(|what| what.as_str().to_owned());
    assert_eq!(
        listed("/components/schemas/Change/properties/event/enum"),
        words.into()
    );
}
