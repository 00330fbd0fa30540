//! A backup while segments lose their bodies: its keys and its end are of one state, whenever that happens and wherever it
//! stops; and no segment is missed on its way from one place to the other.

use std::cell::RefCell;
use std::path::PathBuf;

use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::*;
use crate::store::custody::backup::{Source, backup};
use crate::store::custody::tests::since::{
    Lie, clear, config, filled, is_kept, is_there, later, made, open as opened, open_with,
};
use crate::store::embedded;

/// A store of several segments, of which most are due.
async fn prepared(home: &Path, place: &TempDir, lie: Lie) {
    filled(&opened(&config(home, place, lie))).await;
}

/// What is restored of the backup of a place has every body that is kept.
async fn has_all(place: &TempDir, lie: Lie, what: &str) {
    let order = order(place);
    let checked = check(&order.to, Some(&order.keys_to)).unwrap();
    assert!(checked.holds(), "{what}: {:?}", checked.findings);
    let config = config(&place.path().join("restored"), place, lie);
    made(place, &order.to, Until::End, &config).await.unwrap();
    let store = open_with(&config, 10);
    for number in (0..60).filter(|number| is_kept(*number)) {
        assert!(is_there(&store, number).await, "{what}: {number} is lost");
    }
    drop(store);
    fs::remove_dir_all(place.path().join("restored")).unwrap();
}

/// Has bodies end in the middle of what does not wait.
fn clear_now(store: &Embedded) {
    block_in_place(|| Handle::current().block_on(clear(store, later())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_may_end_at_any_step_of_a_backup_and_none_that_is_kept_is_lost() {
    for lie in [Lie::Open, Lie::Sealed] {
        let (home, first) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        prepared(home.path(), &first, lie).await;
        for step in 0.. {
            let (work, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
            embedded::copy(home.path(), work.path());
            let store = open_with(&config(work.path(), &place, lie), 9);
            let looks = Cell::new(0);
            let stop = || {
                if looks.replace(looks.get() + 1) == step {
                    clear_now(&store);
                }
                false
            };
            store.backup(&order(&place), &stop).unwrap();
            if looks.get() <= step {
                assert!(step > 8, "it looks up often enough: {step}");
                break;
            }
            drop(store);
            has_all(&place, lie, &format!("{lie:?}, ended at step {step}")).await;
        }
    }
}

#[tokio::test]
async fn a_backup_that_stops_at_any_step_leaves_keys_that_fit_its_bodies() {
    for lie in [Lie::Open, Lie::Sealed] {
        let (home, first) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        prepared(home.path(), &first, lie).await;
        for step in 0.. {
            let (work, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
            embedded::copy(home.path(), work.path());
            let store = open_with(&config(work.path(), &place, lie), 9);
            back_up(&store, &place).unwrap();
            clear(&store, later()).await;
            let looks = Cell::new(0);
            let stop = || looks.replace(looks.get() + 1) == step;
            let stopped = store.backup(&order(&place), &stop);
            let what = format!("{lie:?}, stopped at step {step}");
            has_all(&place, lie, &what).await;
            match stopped {
                Err(Error::Stopped) => {}
                Ok(_) => break,
                Err(error) => panic!("{what}: {error}"),
            }
            // The next one goes on, and leaves one set of keys.
            back_up(&store, &place).unwrap();
            assert!(!order(&place).keys_to.join("next").exists(), "{what}");
            has_all(&place, lie, &what).await;
        }
    }
}

/// The second file of the journal of a store at rest.
fn segment_of(home: &Path) -> PathBuf {
    let journal = fs::read_dir(home.join("journal")).unwrap();
    let mut names: Vec<_> = journal.map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|ending| ending == "segment"));
    names.sort();
    names[1].clone()
}

#[tokio::test]
async fn a_segment_that_is_nowhere_is_looked_for_again_and_no_backup_is_whole_without_it() {
    let (home, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(home.path());
    fill(&store, 0..60).await;
    back_up(&store, &place).unwrap();
    fill(&store, 60..70).await;
    let head = *manifest_of(&order(&place).to)
        .map(|found| found.head)
        .as_ref()
        .unwrap();
    drop(store);
    let (there, aside) = (segment_of(home.path()), home.path().join("aside"));
    fs::rename(&there, &aside).unwrap();
    let missing = |head: &dyn Fn() -> crate::store::journal::Head| {
        let source = Source {
            directory: home.path(),
            head,
        };
        backup(&source, &order(&place), &|| false)
    };
    let refused = missing(&|| head);
    assert!(matches!(refused, Err(Error::Incomplete(2))), "{refused:?}");
    assert_eq!(position(&place), 61, "the earlier one has it");
    // It was only on its way, and is there at the second look.
    let aside = RefCell::new(Some(aside));
    let done = missing(&|| {
        if let Some(aside) = aside.take() {
            fs::rename(aside, &there).unwrap();
        }
        head
    });
    assert_eq!(done.unwrap().manifest.head, head);
    assert_eq!(position(&place), 61);
}
