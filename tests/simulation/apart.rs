//! One bad endpoint slows no other: the same days at two endpoints, with and without an outage of the first. What the
//! second one's documents wait is the same, to the microsecond.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use bordereau::claims::delivery::Event;
use bordereau::claims::document::{
    Cents, ClockBasis, Exclusions, Facts, Key, Kind, Mode, Purpose, ThirdParty,
};
use bordereau::claims::entry::{Entry, Position};
use bordereau::claims::id::{Destination, Digest, DocumentId, EndpointName, LotId, Number};
use bordereau::claims::outcome::{Cause, Trouble};
use bordereau::claims::time::Timestamp;
use bordereau::clock::Clock;
use bordereau::dispatch::{self, Dispatch};
use bordereau::store::ledger::Secret;
use bordereau::store::memory::Memory;
use bordereau::store::{Admission, Body, Command, Store, Unity};
use bordereau::transport::simulated::{Course, Fate, Request, Simulated};

use crate::random::Random;
use crate::watched::SECRET;
use crate::world::{PausedClock, Tools, World, amc, amo, name};

/// Documents of each destination; one every few seconds.
const DOCUMENTS: u32 = 200;

/// Between two documents of one destination.
const EVERY: Duration = Duration::from_millis(2_300);

/// What becomes of the first endpoint between the fortieth document and the hundredth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outage {
    None,
    Unreachable,
    Hanging,
    Failing,
    AskingToWait,
}

/// How long each document waited until it was taken, by its number, at each endpoint.
type Waits = BTreeMap<EndpointName, BTreeMap<u32, Duration>>;

#[test]
fn an_outage_of_one_endpoint_changes_no_wait_at_another() {
    let tools = Tools::new();
    let (paris, mutuelle) = (endpoint("paris"), endpoint("mutuelle"));
    let calm = live(Outage::None, &tools);
    assert_eq!(calm[&mutuelle].len() as u32, DOCUMENTS);
    for outage in [
        Outage::Unreachable,
        Outage::Hanging,
        Outage::Failing,
        Outage::AskingToWait,
    ] {
        let waits = live(outage, &tools);
        assert_eq!(waits[&mutuelle], calm[&mutuelle], "{outage:?}");
        // The outage was one, and it came to an end.
        assert_eq!(waits[&paris].len() as u32, DOCUMENTS, "{outage:?}");
        let longest = waits[&paris].values().max().unwrap();
        assert!(
            *longest > Duration::from_secs(60),
            "{outage:?}: {longest:?}"
        );
    }
}

fn live(outage: Outage, tools: &Tools) -> Waits {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(days(outage, tools))
}

async fn days(outage: Outage, tools: &Tools) -> Waits {
    let world = World::new(&mut Random::new(1, 1));
    let clock = Arc::new(PausedClock::new(1));
    let store = Arc::new(Memory::new(Secret::new(SECRET)));
    let registry = Command::Registry(world.centres.clone());
    store.commit(clock.now(), registry).await.unwrap();
    let begin = clock.now();
    let outside = Arc::clone(&clock);
    let insurers = Simulated::new(Box::new(move |call| Fate {
        there: Duration::from_millis(170),
        back: Duration::from_millis(90),
        course: match (&call.request, call.endpoint.as_str()) {
            (Request::Send(_) | Request::Status(_), "paris") => {
                course(outage, outside.now().since(begin))
            }
            (_, _) => Course::Answered,
        },
    }));
    let dispatch = Dispatch {
        store: store.clone(),
        transport: Arc::new(insurers),
        clock: clock.clone(),
        routes: world.routes.clone(),
        lanes: Arc::default(),
        terms: world.terms,
        config: Arc::new(dispatch::Config {
            lot_age_seconds: 5.0,
            ..dispatch::Config::default()
        }),
        telemetry: Arc::clone(&tools.telemetry),
    };
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(dispatch.run(shutdown.clone()));
    for number in 1..=DOCUMENTS {
        for (kind, destination) in [(Kind::Fse, amo("751")), (Kind::Dre, amc())] {
            post(&world, &clock, &store, number, kind, destination).await;
        }
        tokio::time::sleep(EVERY).await;
    }
    tokio::time::sleep(Duration::from_secs(3600)).await;
    shutdown.cancel();
    running.await.unwrap();
    waits(&store).await
}

/// What an attempt or question meets.
fn course(outage: Outage, since: Duration) -> Course {
    let is_out = (EVERY * 40..EVERY * 100).contains(&since);
    match outage {
        _ if !is_out => Course::Answered,
        Outage::None => Course::Answered,
        Outage::Unreachable => Course::NotReached(Cause::Connection),
        Outage::Hanging => Course::Lost(Cause::Timeout),
        Outage::Failing => Course::Trouble(Trouble::Failing, None),
        Outage::AskingToWait => Course::Trouble(Trouble::Busy, Some(Duration::from_secs(45))),
    }
}

async fn post(
    world: &World,
    clock: &PausedClock,
    store: &Memory,
    number: u32,
    kind: Kind,
    destination: Destination,
) {
    let now = clock.now();
    let centre = &world.centres[number as usize % world.centres.len()];
    let body = format!("<document number=\"{number}\"/>");
    let is_fse = kind == Kind::Fse;
    let facts = Facts {
        key: Key {
            centre: centre.finess,
            kind,
            number: Number::parse(&format!("{number:09}")).unwrap(),
        },
        mode: Mode::Secured,
        destination,
        clock_day: now.day(),
        clock_basis: ClockBasis::Completed,
        care_day: now.day(),
        third_party_amo: ThirdParty::InsurerPays,
        third_party_amc: ThirdParty::InsurerPays,
        amount_amo: Cents(if is_fse { 1750 } else { 0 }),
        amount_amc: Cents(if is_fse { 0 } else { 750 }),
        settled_for: None,
        exclusions: Exclusions::NONE,
        replaces: None,
        supports: None,
    };
    let admission = Admission {
        document: DocumentId(clock.fresh_id()),
        purpose: Purpose::Real,
        facts,
        digest: Digest(Sha256::digest(&body).into()),
        body: Body {
            bytes: body.into(),
            salt: clock.salt(),
        },
        warnings: Vec::new(),
    };
    let command = Command::Admit {
        caller: name("vendor"),
        documents: vec![admission],
        unity: Unity::Each,
    };
    store.commit(now, command).await.unwrap();
}

/// From the admission of each document to the answer that took it.
async fn waits(store: &Memory) -> Waits {
    let mut received: BTreeMap<DocumentId, (u32, Timestamp)> = BTreeMap::new();
    let mut lots: BTreeMap<LotId, (EndpointName, Vec<DocumentId>)> = BTreeMap::new();
    let mut waits = Waits::new();
    for (_, stamped) in store.entries(Position(0), usize::MAX).await.unwrap() {
        let at = stamped.at;
        if let Entry::Received(entry) = &stamped.entry {
            let number = entry.facts.key.number.as_str().parse().unwrap();
            received.insert(entry.document, (number, at));
        }
        if let Entry::Sealed(sealed) = &stamped.entry {
            let lot = (sealed.endpoint.clone(), sealed.documents.clone());
            lots.insert(sealed.lot, lot);
        }
        if let Entry::Delivery(delivery) = &stamped.entry
            && matches!(delivery.event, Event::Taken | Event::StatusKnown)
        {
            let (endpoint, documents) = &lots[&delivery.lot];
            for document in documents {
                let (number, since) = received[document];
                let of_endpoint = waits.entry(endpoint.clone()).or_default();
                of_endpoint.entry(number).or_insert(at.since(since));
            }
        }
    }
    waits
}

fn endpoint(name: &str) -> EndpointName {
    EndpointName::parse(name).unwrap()
}
