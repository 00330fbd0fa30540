//! The world of a run: its time, its centres and insurers, and its terms. Drawn from the seed, then fixed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use bordereau::claims::document::Purpose;
use bordereau::claims::id::{Amc, Amo, Destination, EndpointName, Finess, Name};
use bordereau::claims::registry::{Category, Centre};
use bordereau::claims::routes::Routes;
use bordereau::claims::terms::{Region, Terms};
use bordereau::claims::time::{Day, Timestamp};
use bordereau::clock::{Clock, ManualClock};
use bordereau::dispatch;
use bordereau::formats::jws::Keyring;
use bordereau::formats::xml::Reader;
use bordereau::receipts;
use bordereau::telemetry::{self, Telemetry};

use crate::random::Random;

/// When every run begins: a Friday before a week with a public holiday.
pub const BEGIN: &str = "2026-11-06T08:00:00Z";

/// What runs share because it is costly to make and keeps nothing of a run.
#[derive(Clone)]
pub struct Tools {
    pub reader: Arc<Reader>,
    pub telemetry: Arc<Telemetry>,
}

/// The fixed circumstances of one run.
pub struct World {
    pub centres: Vec<Centre>,
    pub endpoints: Vec<Endpoint>,
    pub routes: watch::Receiver<Arc<Routes>>,
    pub terms: Terms,
    pub dispatch: Arc<dispatch::Config>,
    pub receipts: Arc<receipts::Config>,
}

/// An insurer's door.
pub struct Endpoint {
    pub name: EndpointName,
    pub purpose: Purpose,
    pub destinations: Vec<Destination>,
    pub answers_status: bool,
}

/// A clock that follows tokio's paused time, and is set forward now and then.
pub struct PausedClock {
    base: Timestamp,
    start: Instant,
    /// Seconds by which it was set forward, in all.
    ahead: AtomicU64,
    ids: ManualClock,
}

impl Tools {
    pub fn new() -> Tools {
        let telemetry = Telemetry::new(&telemetry::Config::default(), &[]).unwrap();
        Tools {
            reader: Arc::new(Reader::new().unwrap()),
            telemetry: Arc::new(telemetry),
        }
    }
}

impl PausedClock {
    pub fn new(seed: u64) -> PausedClock {
        let base = Timestamp::parse(BEGIN).unwrap();
        PausedClock {
            base,
            start: Instant::now(),
            ahead: AtomicU64::new(0),
            ids: ManualClock::new(base, seed),
        }
    }

    /// Sets it forward, while what runs goes on by its own time.
    pub fn step(&self, seconds: u64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        let ahead = Duration::from_secs(self.ahead.load(Ordering::Relaxed));
        self.base + self.start.elapsed() + ahead
    }

    fn fresh_id(&self) -> u128 {
        self.ids.set(self.now());
        self.ids.fresh_id()
    }

    fn salt(&self) -> [u8; 16] {
        self.ids.salt()
    }
}

impl World {
    pub fn new(random: &mut Random) -> World {
        let endpoints = endpoints(random);
        let rows = endpoints
            .iter()
            .map(|door| (door.name.clone(), door.purpose, door.destinations.clone()));
        World {
            centres: centres(),
            routes: watch::channel(Arc::new(Routes::new(rows))).1,
            endpoints,
            terms: terms(random),
            dispatch: Arc::new(dispatching(random)),
            receipts: Arc::new(receipts::Config {
                poll_seconds: 10.0,
                idle_cap_seconds: 300.0,
                trouble_cap_seconds: 120.0,
                vain_pages: 1000,
            }),
        }
    }

    /// The keys of insurers of which none signs.
    pub fn unsigned(&self) -> Keyring {
        let names = self.endpoints.iter().map(|door| (door.name.clone(), None));
        Keyring::new(names)
    }

    /// The endpoint of this name.
    pub fn endpoint(&self, name: &EndpointName) -> &Endpoint {
        let found = self.endpoints.iter().find(|door| door.name == *name);
        found.expect("only endpoints of this world are spoken to")
    }
}

pub fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub fn amo(caisse: &str) -> Destination {
    Destination::Amo(Amo::new("01", caisse, "0000").unwrap())
}

pub fn amc() -> Destination {
    Destination::Amc(Amc::parse("75010001").unwrap())
}

fn endpoints(random: &mut Random) -> Vec<Endpoint> {
    let rows = [
        ("paris", Purpose::Real, vec![amo("751")]),
        ("sud", Purpose::Real, vec![amo("131"), amo("671")]),
        ("mutuelle", Purpose::Real, vec![amc()]),
        ("essai", Purpose::Test, vec![amo("751")]),
    ];
    let door = |(name, purpose, destinations)| Endpoint {
        name: EndpointName::parse(name).unwrap(),
        purpose,
        destinations,
        answers_status: random.percent(80),
    };
    rows.into_iter().map(door).collect()
}

fn centres() -> Vec<Centre> {
    let centre = |head: &str, region| Centre {
        finess: finess(head),
        name: "Centre".to_owned(),
        category: Category::Polyvalent,
        gestionnaire: name("G1"),
        caisse: Amo::new("01", "751", "0000").unwrap(),
        region,
        agreement: name("national-2025"),
        from: Day::new(2020, 1, 1).unwrap(),
        until: None,
    };
    vec![
        centre("75071218", Region::Metropole),
        centre("67000001", Region::AlsaceMoselle),
        centre("2A000001", Region::Metropole),
    ]
}

/// The FINESS that begins with these eight characters.
fn finess(head: &str) -> Finess {
    let mut found = (0..10).filter_map(|key| Finess::parse(&format!("{head}{key}")).ok());
    found.next().expect("one of ten keys is right")
}

/// Short terms, so that a run lives through every deadline.
pub fn terms(random: &mut Random) -> Terms {
    Terms {
        patient_paid_days: random.between(1, 3) as u16,
        third_party_days: random.between(2, 8) as u16,
        paper_owed_after_days: random.between(1, 2) as u16,
        pj_paper_days: random.between(1, 5) as u16,
        unsettled_after_days: random.between(2, 5) as u16,
        lapsed_after_days: random.between(2, 5) as u16,
        receipt_expected_days: random.between(1, 2) as u16,
        ..Terms::default()
    }
}

fn dispatching(random: &mut Random) -> dispatch::Config {
    let number = |number| std::num::NonZeroU64::new(number).unwrap();
    dispatch::Config {
        lot_documents: std::num::NonZeroU32::new(random.between(1, 4) as u32).unwrap(),
        lot_bytes: number(random.between(40, 4000)),
        lot_age_seconds: random.between(0, 40) as f64,
        concurrency: std::num::NonZeroU32::new(random.between(1, 3) as u32).unwrap(),
        lease_seconds: number(random.between(20, 90)),
        retry_first_seconds: 2.0,
        retry_cap_seconds: 60.0,
        retry_after_cap_seconds: 120,
        receipt_seconds: *random.one_of(&[0, 120, 600]),
        ..dispatch::Config::default()
    }
}
