//! Insurers without a status service: what may have arrived goes again with the same bytes, and only after a pause.

use async_trait::async_trait;

use super::*;
use crate::claims::outcome::{Asked, Sent};
use crate::formats::lot::Composed;
use crate::transport::{Fetched, Transport};

/// Takes everything and cannot be asked.
struct Unasked(Simulated);

#[async_trait]
impl Transport for Unasked {
    async fn send(&self, endpoint: &EndpointName, lot: &Composed) -> Sent {
        self.0.send(endpoint, lot).await
    }

    async fn status(&self, _: &EndpointName, _: LotId, _: Digest) -> Asked {
        Asked::NoService
    }

    async fn fetch_receipts(&self, endpoint: &EndpointName, after: Option<&Name>) -> Fetched {
        self.0.fetch_receipts(endpoint, after).await
    }
}

/// A gateway that sent lot 1 to an insurer, which took it.
async fn sent() -> (Rig, Arc<Unasked>, LotId) {
    let mut rig = Rig::new().await;
    let insurer = Simulated::new(Box::new(|_: &Call<'_>| Fate::now(Course::Answered)));
    let insurer = Arc::new(Unasked(insurer));
    rig.dispatch.transport = insurer.clone();
    let lot = rig.due(1).await;
    assert_eq!(rig.exhausted().await, [1]);
    (rig, insurer, lot)
}

#[tokio::test(start_paused = true)]
async fn what_is_overdue_is_sent_again_after_a_second_span_with_the_same_bytes() {
    let (mut rig, insurer, lot) = sent().await;
    let taken = rig.lot(lot).await;
    assert_eq!(taken.state, State::Taken);
    rig.clock.set(taken.next.unwrap().at);
    // The tick, and the question that nobody answers.
    assert_eq!(rig.turned().await, 0);
    assert_eq!(rig.exhausted().await, [1]);
    let waits = rig.lot(lot).await;
    let next = waits.next.unwrap();
    assert_eq!((waits.attempts, next.reason), (1, Reason::Overdue));
    assert!(next.at.since(rig.clock.now()) > Duration::from_secs(86_400));
    rig.clock.set(next.at);
    assert_eq!(rig.exhausted().await, [1]);
    let again = rig.lot(lot).await;
    assert_eq!((again.state, again.attempts), (State::Taken, 2));
    let book = insurer.0.book();
    assert_eq!((book.lots.len(), book.breaches), (1, Vec::new()));
    assert_eq!(book.lots[&lot].0, again.sealed.digest);
}

#[tokio::test(start_paused = true)]
async fn what_was_cut_off_by_a_restart_goes_again_only_after_a_pause() {
    let (mut rig, insurer, lot) = sent().await;
    // Another one is being sent, and the process ends.
    let (other, now) = (rig.due(2).await, rig.clock.now());
    let lease = Lease {
        endpoint: endpoint("slow"),
        until: now + Duration::from_secs(60),
        most: 1,
    };
    let leased = rig.dispatch.store.lease_due(now, lease).await.unwrap();
    assert_eq!(leased.len(), 1);
    rig.commit(Command::Restart).await;
    rig.running = rig.dispatch.nothing_runs();
    assert_eq!(rig.lot(other).await.state, State::InDoubt);
    assert_eq!(rig.exhausted().await, [1], "the question, and nothing more");
    let waits = rig.lot(other).await;
    let next = waits.next.unwrap();
    assert_eq!(
        (waits.state, waits.attempts, next.reason),
        (State::Due, 1, Reason::Turn)
    );
    let pause = next.at.since(rig.clock.now());
    assert!(pause >= Duration::from_millis(2500), "{pause:?}");
    assert!(pause <= Duration::from_secs(5), "{pause:?}");
    rig.clock.set(next.at);
    assert_eq!(rig.exhausted().await, [1]);
    let again = rig.lot(other).await;
    assert_eq!((again.state, again.attempts), (State::Taken, 2));
    assert_eq!(insurer.0.book().lots[&other].0, again.sealed.digest);
    assert_eq!(rig.lot(lot).await.attempts, 1);
}

/// What was recorded of one document asks about its lot; nobody answers, and it goes no sooner for that.
#[tokio::test(start_paused = true)]
async fn a_paper_duplicate_sends_no_lot_sooner_that_cannot_be_asked_about() {
    let (mut rig, insurer, lot) = sent().await;
    let paper = |number: u128| Command::Paper {
        document: DocumentId(number),
        actor: name("ops"),
    };
    // In its second span.
    rig.clock.set(rig.lot(lot).await.next.unwrap().at);
    rig.turned().await;
    rig.exhausted().await;
    rig.commit(paper(1)).await;
    assert_eq!(rig.exhausted().await, [1], "the question alone");
    let waits = rig.lot(lot).await;
    let next = waits.next.unwrap();
    assert_eq!((waits.state, waits.attempts), (State::Due, 1));
    assert_eq!(next.reason, Reason::Overdue);
    assert!(next.at.since(rig.clock.now()) > Duration::from_secs(86_400));

    // After trouble, some waits from now.
    let other = rig.due(2).await;
    let now = rig.clock.now();
    let lease = Lease {
        endpoint: endpoint("slow"),
        until: now + Duration::from_secs(60),
        most: 1,
    };
    rig.dispatch.store.lease_due(now, lease).await.unwrap();
    rig.commit(Command::Conclude(Conclusion {
        lot: other,
        attempt: 1,
        asked: None,
        event: Event::Deferred,
        next: Next {
            at: now + Duration::from_secs(900),
            reason: Reason::Failing,
        },
        named: Vec::new(),
        words: None,
    }))
    .await;
    rig.commit(paper(2)).await;
    assert_eq!(rig.exhausted().await, [1], "the question alone");
    let waits = rig.lot(other).await;
    assert_eq!((waits.state, waits.attempts), (State::Due, 1));
    assert!(waits.next.unwrap().at.since(rig.clock.now()) >= Duration::from_millis(2500));
    assert_eq!(insurer.0.book().breaches, []);
}
