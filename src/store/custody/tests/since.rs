//! A restore to before bodies went: what was kept is there, what ended is not, and legal holds stand.

use super::*;
use crate::claims::id::DocumentId;
use crate::claims::retention::{self, OnHold, Rules};
use crate::claims::time::Day;
use crate::store::embedded;
use crate::store::retention::{Pace, Run};
use crate::store::{Body, BodyId};

const DOCUMENTS: u32 = 60;
/// Each second document is finished; legal holds stand on these of them.
const HELD: u32 = 4;
const FREED: u32 = 6;
const REASON: &[u8] = b"a complaint";

/// How the bodies of a store lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Lie {
    Open,
    Sealed,
}

pub(super) fn config(directory: &Path, place: &TempDir, lie: Lie) -> Config {
    let mut config = Config {
        directory: directory.to_owned(),
        segment_bytes: 16 * 1024,
        cache_bytes: 1 << 20,
        compression: Compression::Off,
        ..Config::default()
    };
    if lie == Lie::Sealed {
        config.encryption = contract::encryption(place.path());
    }
    config
}

pub(super) fn open(config: &Config) -> Embedded {
    open_with(config, 8)
}

/// Opens a store whose segments get ids of their own: none that an earlier opening gave.
pub(super) fn open_with(config: &Config, own: u8) -> Embedded {
    let mut number = 0_u64;
    let entropy = Box::new(move || {
        number += 1;
        let mut id = [own; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        id
    });
    Embedded::open(config, contract::now(), entropy, Arc::new(Unobserved)).unwrap()
}

pub(super) fn later() -> Timestamp {
    retention::plus_days(contract::now(), 200)
}

fn operator() -> Name {
    Name::parse("ops").unwrap()
}

async fn explained(store: &Embedded, command: Command) {
    let command = Command::Explain {
        command: Box::new(command),
        reason: Body {
            bytes: Bytes::from_static(REASON),
            salt: [3; 16],
        },
    };
    store.commit(contract::now(), command).await.unwrap();
}

pub(super) async fn place_hold(store: &Embedded, number: u32) {
    let hold = Command::PlaceLegalHold {
        on: OnHold::Document(DocumentId(number.into())),
        review: Day::new(2027, 11, 20).unwrap(),
        actor: operator(),
    };
    explained(store, hold).await;
}

/// Sixty documents, each second one cancelled, one of those under a legal hold.
pub(super) async fn filled(store: &Embedded) {
    fill(store, 0..DOCUMENTS).await;
    cancel(store, contract::now(), (0..DOCUMENTS).step_by(2)).await;
    place_hold(store, FREED).await;
}

/// A hold is placed and another one lifted; then goes what is past its time.
async fn go_on(store: &Embedded) {
    place_hold(store, HELD).await;
    let holds = store.legal_holds().await.unwrap();
    let lift = Command::LiftLegalHold {
        hold: holds[0].position,
        actor: operator(),
    };
    explained(store, lift).await;
    clear(store, later()).await;
}

pub(super) async fn clear(store: &Embedded, at: Timestamp) {
    let pace = Pace {
        bytes_per_second: 0,
        pause_commands: usize::MAX,
    };
    let rules = Rules::default();
    while let Run::Evacuated(_) = store.evacuate(at, rules, pace).await.unwrap() {}
}

async fn cancel(store: &Embedded, at: Timestamp, numbers: impl Iterator<Item = u32>) {
    for number in numbers {
        let cancel = Command::Cancel {
            document: DocumentId(number.into()),
            caller: Name::parse("vendor").unwrap(),
        };
        store.commit(at, cancel).await.unwrap();
    }
}

/// Whether the body of a document of a filled store is kept, whenever the others end.
pub(super) fn is_kept(number: u32) -> bool {
    number % 2 == 1 || number == FREED
}

async fn body(store: &Embedded, number: u32) -> Option<Body> {
    let name = BodyId::Document(DocumentId(number.into()));
    store.body(name).await.unwrap()
}

pub(super) async fn is_there(store: &Embedded, number: u32) -> bool {
    let body = body(store, number).await;
    let whole = format!("{number:0400}");
    body.inspect(|body| assert_eq!(body.bytes, whole.as_bytes()))
        .is_some()
}

pub(super) async fn made(
    place: &TempDir,
    from: &Path,
    until: Until,
    config: &Config,
) -> Result<Restored, Error> {
    let order = restore::Order {
        from: from.to_owned(),
        keys: order(place).keys_to,
        until,
        later: Later::Whole,
        at: later(),
        actor: Name::parse("uid:0").unwrap(),
    };
    let made = restore(&order, config, Box::new(|| [77; 16]), Arc::new(Unobserved)).await?;
    Ok(made.restored)
}

#[tokio::test]
async fn what_was_kept_and_held_since_is_there_and_what_ended_is_not() {
    for lie in [Lie::Open, Lie::Sealed] {
        let (home, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let store = open(&config(home.path(), &place, lie));
        filled(&store).await;
        let early = store.health().position;
        go_on(&store).await;
        let evacuated = store.evacuations().await.unwrap();
        assert!(evacuated.len() > 1, "{lie:?}");
        let mut before = Vec::new();
        for number in 0..DOCUMENTS {
            before.push(is_there(&store, number).await);
        }
        assert!(before[HELD as usize] && !before[FREED as usize]);
        back_up(&store, &place).unwrap();
        drop(store);

        let config = config(&place.path().join("restored"), &place, lie);
        let until = Until::Position(early);
        let said = made(&place, &order(&place).to, until, &config)
            .await
            .unwrap();
        assert_eq!(said.position, early);
        let store = open(&config);
        for (number, was) in (0..).zip(before) {
            let is = is_there(&store, number).await;
            assert_eq!(is, was, "{lie:?}: document {number}");
        }
        let found = store.evacuations().await.unwrap().into_iter();
        let segments: Vec<_> = found.map(|one| one.evacuated.segment).collect();
        let expected: Vec<_> = evacuated.iter().map(|one| one.evacuated.segment).collect();
        assert_eq!(segments, expected);
        let holds = store.legal_holds().await.unwrap();
        let on = |number: u32| OnHold::Document(DocumentId(number.into()));
        let standing = holds
            .iter()
            .map(|hold| (hold.hold.on.clone(), hold.lifted.is_none()));
        let standing: Vec<_> = standing.collect();
        assert_eq!(standing, [(on(FREED), false), (on(HELD), true)]);
        let reason = BodyId::Entry(Position(holds[1].position.0 + 1));
        let reason = store.body(reason).await.unwrap().unwrap();
        assert_eq!(reason.bytes, REASON);
        drop(store);
        let (verified, _) = verify::verify(&config).unwrap();
        assert!(verified.holds(), "{lie:?}: {:?}", verified.differences);
    }
}

#[tokio::test]
async fn an_older_copy_brings_nothing_back_that_went_before_the_newest_keys() {
    for lie in [Lie::Open, Lie::Sealed] {
        let (home, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let store = open(&config(home.path(), &place, lie));
        filled(&store).await;
        back_up(&store, &place).unwrap();
        let (bodies, older) = (order(&place).to, place.path().join("older"));
        embedded::copy(&bodies, &older);
        go_on(&store).await;
        back_up(&store, &place).unwrap();
        assert!(!is_there(&store, 0).await);
        drop(store);

        let config = config(&place.path().join("restored"), &place, lie);
        made(&place, &older, Until::End, &config).await.unwrap();
        let store = open(&config);
        assert!(!is_there(&store, 0).await, "{lie:?}");
        // A hold that only the newer backup knows is not carried.
        assert_eq!(store.legal_holds().await.unwrap().len(), 1);
    }
}
