//! Batches that are decided while others are on their way: what they see, what they tell, and what falls with what.

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::claims::id::Name;
use crate::store::contract::{self, admission};
use crate::store::embedded::tests::config;
use crate::store::embedded::{replay, secret};
use crate::store::index::Index as _;
use crate::store::{Admitted, Unity, Unobserved};

/// A committer of a new store, which has seen that deciding ahead pays.
fn committer(directory: &TempDir) -> (Committer, Arc<Overlay>) {
    let config = config(directory.path());
    let observer = Arc::new(Unobserved);
    let opening = config.opening(&[], contract::now());
    let journal = Journal::open(&opening, contract::entropy(), &*observer).unwrap();
    let head = journal.head();
    let secret = secret::open(directory.path(), head.position, [[1; 16], [2; 16]]).unwrap();
    let reader = journal.reader();
    let tree = replay::open(directory.path(), config.sizes(), &reader, head, &*observer).unwrap();
    let overlay = Arc::new(Overlay::new(tree, head, config.overlay_bytes));
    let state = Arc::new(State::applied(head.position));
    let mut committer = Committer::new(
        &config,
        journal,
        overlay.clone(),
        state,
        secret,
        observer,
        contract::now(),
    );
    committer.look();
    pays(&mut committer);
    (committer, overlay)
}

/// Two commands are in the house, and take longer to decide than to write.
fn pays(committer: &mut Committer) {
    let load = Load {
        commands: 2,
        decided: Duration::from_secs(3600),
    };
    committer.pace.learn(load, Duration::ZERO);
    assert!(committer.pace.is_ahead());
}

type Answered = oneshot::Receiver<Result<Outcome, Error>>;

fn request(command: Command) -> (Request, Answered) {
    let (answer, answered) = oneshot::channel();
    let request = Request {
        at: contract::now(),
        command,
        packed: Packed::new(),
        answer,
        workers: None,
    };
    (request, answered)
}

fn post(id: u128, number: u32) -> Command {
    let body = Bytes::from(format!("{number:0400}"));
    Command::Admit {
        caller: Name::parse("vendor").unwrap(),
        documents: vec![admission(id, number, body)],
        unity: Unity::Each,
    }
}

fn row(answered: &mut Answered) -> Admitted {
    match answered.try_recv().unwrap().unwrap() {
        Outcome::Admitted(rows) => rows.into_iter().next().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_on_its_way_is_shown_to_nobody_and_decides_what_follows() {
    let directory = TempDir::new().unwrap();
    let (mut committer, overlay) = committer(&directory);
    let (_calls, mut queue) = mpsc::channel(8);
    let mut inbox = Inbox::of(&mut queue);
    let (writer, orders) = Writer::by_hand();
    committer.writer = Some(writer);
    // Decided against a centre that is not durable yet; then a document that is not durable is posted once more.
    for (first, second) in [(contract::registry(), post(1, 7)), (post(2, 8), post(3, 8))] {
        pays(&mut committer);
        let before = overlay.position();
        let ((first, mut done_first), (second, mut done_second)) =
            (request(first), request(second));
        committer.batch(first, Some(&mut inbox)).unwrap();
        let (laid, done) = orders.recv().unwrap();
        assert_eq!(overlay.position(), before);
        std::thread::scope(|scope| {
            let follows = scope.spawn(|| committer.batch(second, Some(&mut inbox)));
            std::thread::sleep(Duration::from_millis(20));
            assert_eq!(overlay.position(), before);
            assert!(done_first.try_recv().is_err(), "it is not durable yet");
            assert!(done_second.try_recv().is_err(), "nor is what it stands on");
            let _ = done.send(laid.write());
            follows.join().unwrap().unwrap();
        });
        match done_first.try_recv().unwrap().unwrap() {
            Outcome::Admitted(rows) => {
                assert!(matches!(rows[..], [Admitted::Received { .. }]), "{rows:?}");
                let known = row(&mut done_second);
                assert!(matches!(known, Admitted::Known { .. }), "{known:?}");
            }
            _ => {
                let received = row(&mut done_second);
                assert!(
                    matches!(received, Admitted::Received { .. }),
                    "{received:?}"
                );
            }
        }
        assert!(overlay.position() > before);
        assert!(committer.flight.is_none());
    }
}

#[test]
fn what_was_decided_on_a_batch_that_fails_falls_with_it() {
    let directory = TempDir::new().unwrap();
    let (mut committer, overlay) = committer(&directory);
    let (_calls, mut queue) = mpsc::channel(8);
    let mut inbox = Inbox::of(&mut queue);
    let (before, head) = (overlay.position(), committer.journal.head());
    let (registry, mut registered) = request(contract::registry());
    let (posted, mut received) = request(post(1, 7));
    let (writer, orders) = Writer::by_hand();
    committer.writer = Some(writer);
    committer.batch(registry, Some(&mut inbox)).unwrap();
    // It was written, and nobody says so: the thread is gone.
    let (laid, done) = orders.recv().unwrap();
    drop((laid.write(), done));
    committer.batch(posted, Some(&mut inbox)).unwrap();
    assert!(matches!(
        registered.try_recv().unwrap(),
        Err(Error::Stopped(_))
    ));
    assert!(matches!(
        received.try_recv().unwrap(),
        Err(Error::Stopped(_))
    ));
    assert_eq!(overlay.position(), before);
    assert_eq!(committer.journal.head(), head, "it was taken back");
    assert!(overlay.view().scan(b"d", b"e", 9).unwrap().is_empty());

    // Both repeat, and are done once.
    pays(&mut committer);
    for (command, is_row) in [(contract::registry(), false), (post(1, 7), true)] {
        let (request, mut answered) = request(command);
        committer.batch(request, Some(&mut inbox)).unwrap();
        let _ = committer.land();
        match is_row {
            true => assert!(matches!(row(&mut answered), Admitted::Received { .. })),
            false => assert!(answered.try_recv().unwrap().is_ok()),
        }
    }
    assert_eq!(overlay.view().scan(b"d", b"e", 9).unwrap().len(), 1);
    let head = committer.journal.head();
    drop(committer);
    drop(overlay);
    let opening = config(directory.path());
    let opening = opening.opening(&[], contract::now());
    let journal = Journal::open(&opening, contract::entropy(), &Unobserved).unwrap();
    assert_eq!(journal.head(), head);
}

#[test]
fn a_disk_that_syncs_slowly_has_one_batch_at_a_time() {
    let load = |commands: u64, micros: u64| Load {
        commands: commands as usize,
        decided: Duration::from_micros(commands * micros),
    };
    let learnt = |load: Load, sync: Duration| {
        let mut pace = Pace::default();
        for _ in 0..100 {
            pace.learn(load, sync);
        }
        pace
    };
    let (slow, fast) = (Duration::from_millis(4), Duration::from_micros(400));
    assert!(!learnt(load(64, 15), slow).is_ahead());
    assert!(!learnt(load(1, 15), fast).is_ahead());
    assert!(!learnt(load(8, 15), fast).is_ahead());
    let mut pace = learnt(load(64, 15), fast);
    assert!(pace.is_ahead());
    assert_eq!(pace.enough(), 32);
    // One that takes long is none; where all do, it is over.
    pace.learn(load(64, 15), slow);
    assert!(pace.is_ahead());
    for _ in 0..20 {
        pace.learn(load(64, 15), slow);
    }
    assert_eq!((pace.is_ahead(), pace.enough()), (false, usize::MAX));
}
