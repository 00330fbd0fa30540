//! Order, retry, restart, scope: what a target hears, with a way that answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Webhooks;
use crate::claims::document::{Kind, Purpose};
use crate::claims::example;
use crate::claims::id::{Digest, DocumentId, Finess, Name};
use crate::claims::registry::Centre;
use crate::claims::retry::Schedule;
use crate::claims::time::Timestamp;
use crate::clock::{Clock, ManualClock};
use crate::store::ledger::Secret;
use crate::store::memory::Memory;
use crate::store::{Admission, Body, Command, Store, Unity};
use crate::telemetry::Telemetry;
use crate::transport::webhook::{Target, Tell, Told};

const OWN: &str = "750712184";
const OTHER: &str = "750000002";

/// A way that answers as the script says, and then takes everything.
#[derive(Default)]
struct Way {
    script: Mutex<VecDeque<Told>>,
    heard: Mutex<Vec<(Told, Value)>>,
}

#[async_trait]
impl Tell for Way {
    async fn tell(&self, _target: &Name, _at: Timestamp, body: Bytes) -> Told {
        let told = self.script.lock().unwrap().pop_front();
        let told = told.unwrap_or(Told::Taken);
        let body = serde_json::from_slice(&body).unwrap();
        self.heard.lock().unwrap().push((told, body));
        told
    }
}

impl Way {
    fn with(script: &[Told]) -> Arc<Way> {
        let way = Way::default();
        way.script.lock().unwrap().extend(script);
        Arc::new(way)
    }

    /// The numbers that were taken, in order; of a request that was not, nothing counts.
    fn taken(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        let taken = heard.iter().filter(|(told, _)| *told == Told::Taken);
        taken
            .flat_map(|(_, body)| body["events"].as_array().unwrap())
            .map(|event| event["number"].as_str().unwrap().to_owned())
            .collect()
    }

    fn requests(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

struct Rig {
    store: Arc<Memory>,
    clock: Arc<ManualClock>,
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn finess(text: &str) -> Finess {
    Finess::parse(text).unwrap()
}

fn target(gestionnaire: Option<&str>) -> Target {
    let centres = gestionnaire.is_none().then(|| finess(OWN));
    Target {
        name: name("vendor"),
        url: "https://vendor.example/".into(),
        centres: centres.into_iter().collect(),
        gestionnaire: gestionnaire.map(name),
        secret: "/secret".into(),
        roots: None,
    }
}

impl Rig {
    async fn new() -> Rig {
        let now = Timestamp::parse("2026-11-20T09:00:00Z").unwrap();
        let store = Arc::new(Memory::new(Secret::new([9; 32])));
        let centre = |text, gestionnaire| Centre {
            finess: finess(text),
            gestionnaire: name(gestionnaire),
            ..example::centre()
        };
        let registry = Command::Registry(vec![centre(OWN, "G1"), centre(OTHER, "G2")]);
        store.commit(now, registry).await.unwrap();
        let clock = Arc::new(ManualClock::new(now, 1));
        Rig { store, clock }
    }

    async fn admit(&self, centre: &str, number: u32) {
        let body = Bytes::from(format!("{number}"));
        let mut facts = example::facts(Kind::Fse, &format!("{number:09}"));
        facts.key.centre = finess(centre);
        let admission = Admission {
            document: DocumentId(number.into()),
            purpose: Purpose::Real,
            facts,
            digest: Digest(Sha256::digest(&body).into()),
            body: Body {
                bytes: body,
                salt: [7; 16],
            },
            warnings: Vec::new(),
        };
        let command = Command::Admit {
            caller: name("vendor"),
            documents: vec![admission],
            unity: Unity::Each,
        };
        self.store.commit(self.clock.now(), command).await.unwrap();
    }

    /// Lets the loop of a target run for a while, and ends it.
    async fn run(&self, way: Arc<Way>, target: Target, during: impl AsyncFnOnce()) {
        let targets = watch::Sender::new(vec![target]);
        self.follow(way, &targets, during).await;
    }

    /// The same with targets that may change meanwhile.
    async fn follow(
        &self,
        way: Arc<Way>,
        targets: &watch::Sender<Vec<Target>>,
        during: impl AsyncFnOnce(),
    ) {
        let webhooks = Webhooks {
            store: self.store.clone(),
            way,
            clock: self.clock.clone(),
            targets: targets.subscribe(),
            schedule: Schedule::default(),
            telemetry: Arc::new(Telemetry::new(&Default::default(), &[]).unwrap()),
        };
        let stop = CancellationToken::new();
        let drive = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            during().await;
            tokio::time::sleep(Duration::from_secs(3600)).await;
            stop.cancel();
        };
        tokio::join!(webhooks.run(stop.clone()), drive);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_target_hears_in_order_what_happens_from_now_on() {
    let rig = Rig::new().await;
    rig.admit(OWN, 1).await;
    let way = Way::with(&[]);
    rig.run(way.clone(), target(None), async || {
        for number in 2..=4 {
            rig.admit(OWN, number).await;
            rig.admit(OTHER, number + 10).await;
        }
    })
    .await;
    assert_eq!(way.taken(), ["000000002", "000000003", "000000004"]);
    assert_eq!(way.heard.lock().unwrap()[0].1["target"], "vendor");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_taken_is_told_again_before_anything_else() {
    let rig = Rig::new().await;
    let way = Way::with(&[Told::Refused, Told::Unreachable, Told::Denied]);
    rig.run(way.clone(), target(None), async || {
        rig.admit(OWN, 1).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        rig.admit(OWN, 2).await;
    })
    .await;
    assert_eq!(way.taken(), ["000000001", "000000002"]);
    assert_eq!(way.requests(), 5);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_it_goes_on_where_it_was() {
    let rig = Rig::new().await;
    let first = Way::with(&[]);
    rig.run(first.clone(), target(None), async || {
        rig.admit(OWN, 1).await
    })
    .await;
    rig.admit(OWN, 2).await;
    // A target that takes nothing leaves nothing recorded.
    let deaf = Way::with(&[Told::Unreachable; 1000]);
    rig.run(deaf.clone(), target(None), async || {}).await;
    assert!(deaf.requests() > 5, "{}", deaf.requests());
    let second = Way::with(&[]);
    rig.run(second.clone(), target(None), async || {
        rig.admit(OWN, 3).await
    })
    .await;
    assert_eq!(first.taken(), ["000000001"]);
    assert_eq!(second.taken(), ["000000002", "000000003"]);
}

#[tokio::test(start_paused = true)]
async fn a_gestionnaire_hears_of_its_centres_alone() {
    let rig = Rig::new().await;
    let way = Way::with(&[]);
    rig.run(way.clone(), target(Some("G2")), async || {
        rig.admit(OWN, 1).await;
        rig.admit(OTHER, 2).await;
    })
    .await;
    assert_eq!(way.taken(), ["000000002"]);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_changes_goes_on_and_one_that_comes_back_hears_what_it_missed() {
    let rig = Rig::new().await;
    let way = Way::with(&[]);
    let targets = watch::Sender::new(vec![]);
    rig.follow(way.clone(), &targets, async || {
        let then = async |now: Vec<Target>| {
            // Each time they hear to the end first.
            tokio::time::sleep(Duration::from_secs(1)).await;
            targets.send_replace(now);
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        rig.admit(OWN, 1).await;
        then(vec![target(None)]).await;
        rig.admit(OWN, 2).await;
        // The same again moves nothing.
        then(vec![target(None)]).await;
        assert_eq!(way.taken(), ["000000002"]);
        // Of other centres from its next change on.
        then(vec![target(Some("G2"))]).await;
        rig.admit(OWN, 3).await;
        rig.admit(OTHER, 4).await;
        then(vec![]).await;
        assert_eq!(way.taken(), ["000000002", "000000004"]);
        rig.admit(OTHER, 5).await;
        then(vec![]).await;
        assert_eq!(way.requests(), 2);
        then(vec![target(Some("G2"))]).await;
    })
    .await;
    assert_eq!(way.taken(), ["000000002", "000000004", "000000005"]);
}

#[tokio::test(start_paused = true)]
async fn its_own_entries_do_not_wake_it_for_ever() {
    let rig = Rig::new().await;
    let way = Way::with(&[]);
    rig.run(way.clone(), target(None), async || rig.admit(OWN, 1).await)
        .await;
    // Two centres, the beginning, the document, and how far it was told.
    assert_eq!(rig.store.health().position.0, 5);
}
