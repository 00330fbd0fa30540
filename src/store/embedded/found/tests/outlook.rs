//! What is said of proofs before they go, and what comes back of them from an older copy.

use super::*;
use crate::store::BodyId;
use crate::store::custody::restore::{self, Later, Until, restore};
use crate::store::retention::Proofs;

#[tokio::test]
async fn what_is_past_its_time_is_told_before_and_gone_after() {
    let directory = sixty().await;
    let store = open(directory.path()).unwrap();
    let Order { before, rules, .. } = order();
    let told = store.proofs(before).await.unwrap();
    assert_eq!(told.oldest, Some(contract::now()));
    assert_eq!(told.ended, Some(contract::now()));
    assert!(told.segments > 1);
    let ending = store.ending(before, rules).await.unwrap();
    assert!(ending.goes >= 29, "{ending:?}");
    // Nothing is past its time before it ended.
    let none = store.proofs(contract::now() - DAY).await.unwrap();
    let expected = Proofs {
        segments: 0,
        upto: Position(0),
        ..told
    };
    assert_eq!(none, expected);
    let ending = store.ending(contract::now() - DAY, rules).await.unwrap();
    assert_eq!((ending.goes, ending.stays), (0, 0));
    drop(store);
    let (laid, store) = founded(directory.path()).await;
    let laid = laid.unwrap();
    assert_eq!((laid.segment, laid.upto), (told.segments, told.upto));
    // The segment behind it ended only when the foundation was laid.
    let now = store.proofs(before).await.unwrap();
    assert_eq!((now.oldest, now.segments), (told.oldest, 0));
    assert_eq!(now.ended, Some(order().at));
}

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

#[tokio::test]
async fn bodies_that_have_gone_come_back_from_no_older_copy() {
    let directory = sixty().await;
    let place = TempDir::new().unwrap();
    let to = |bodies: &str, keys: &str| backup::Order {
        to: place.path().join(bodies),
        keys_to: place.path().join(keys),
        at: contract::now(),
        bytes_per_second: 0,
    };
    let store = open(directory.path()).unwrap();
    store.backup(&to("older", "older-keys"), &|| false).unwrap();
    drop(store);
    let (laid, store) = founded(directory.path()).await;
    // Its archives are no more: what has gone is known by the foundation alone.
    store.backup(&to("newer", "newer-keys"), &|| false).unwrap();
    drop(store);
    for (keys, is_there) in [("older-keys", true), ("newer-keys", false)] {
        let order = restore::Order {
            from: place.path().join("older"),
            keys: place.path().join(keys),
            until: Until::End,
            later: Later::Whole,
            at: order().at,
            actor: Name::parse("uid:0").unwrap(),
        };
        let made = config(&place.path().join(format!("made-with-{keys}")));
        let entropy = Box::new(|| [77; 16]);
        let restored = restore(&order, &made, entropy, Arc::new(Unobserved)).await;
        assert!(restored.unwrap().restored.position >= laid.as_ref().unwrap().upto);
        let store = open_config(&made, Arc::new(Unobserved)).unwrap();
        let body = store.body(BodyId::Document(id(2))).await.unwrap();
        assert_eq!(body.is_some(), is_there, "{keys}");
        let document = store.document(Find::Id(id(2))).await.unwrap();
        assert!(document.is_some(), "the older copy has its proofs");
    }
}

/// That no byte of it is left out where it ends with a zero, as one in 256 does, is shown in `custody/files.rs`.
#[tokio::test]
async fn a_backup_with_a_foundation_is_restored_whole() {
    let directory = sixty().await;
    let (laid, store) = founded(directory.path()).await;
    drop(store);
    let laid = file(directory.path(), laid.unwrap().segment, ".foundation").unwrap();
    let whole = fs::read(&laid).unwrap();
    let store = open(directory.path()).unwrap();
    let before = contract::picture(&store).await;
    let place = TempDir::new().unwrap();
    let to = backup::Order {
        to: place.path().join("bodies"),
        keys_to: place.path().join("keys"),
        at: contract::now(),
        bytes_per_second: 0,
    };
    store.backup(&to, &|| false).unwrap();
    drop(store);
    let name = format!("archive/{}", laid.file_name().unwrap().to_string_lossy());
    assert!(check(&to.to, Some(&to.keys_to)).unwrap().holds());
    let order = restore::Order {
        from: to.to.clone(),
        keys: to.keys_to.clone(),
        until: Until::End,
        later: Later::Whole,
        at: order().at,
        actor: Name::parse("uid:0").unwrap(),
    };
    let made = config(&place.path().join("made"));
    let entropy = Box::new(|| [77; 16]);
    let restored = restore(&order, &made, entropy, Arc::new(Unobserved)).await;
    restored.unwrap();
    assert_eq!(fs::read(made.directory.join(&name)).unwrap(), whole);
    let store = open_config(&made, Arc::new(Unobserved)).unwrap();
    let after = contract::picture(&store).await.tallies;
    assert_eq!(after.units, before.tallies.units);
    assert_eq!(second(&store).await, after.units);
}
