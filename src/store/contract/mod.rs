//! The laws of the port, one list for every implementation: what may be asked of a store, in every state.
//!
//! A subject gives a fresh store and can stop and start it again; stopping gives no chance to say goodbye.

mod receipts;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::claims::delivery::{Event, Form, State};
use crate::claims::document::{Kind, Purpose};
use crate::claims::entry::{Entry, Next, Position, Reason, Sealed, Stamped};
use crate::claims::example;
use crate::claims::id::{Amo, Destination, Digest, DocumentId, EndpointName, Finess, LotId, Name};

use crate::claims::commitment::commitment;
use crate::claims::standing::Standing;
use crate::claims::tally::DayBasis;
use crate::claims::time::{Day, Timestamp};
use crate::store::custody::Custody;
use crate::store::embedded::encryption::Encryption;
use crate::store::embedded::{self, Embedded};
use crate::store::journal::{Entropy, master};
use crate::store::ledger::Secret;
use crate::store::memory::Memory;
use crate::store::{
    Admission, Admitted, Body, BodyId, Command, Conclusion, Conflict, DocumentRecord, Error, Find,
    Lease, Named, Outcome, Store, Tallies, TallyQuery, Unity, Unobserved,
};

/// A kind of store under test.
pub trait Subject: Sized {
    /// An empty store.
    fn fresh() -> Self;
    /// The store.
    fn store(&self) -> Arc<dyn Store>;
    /// The same as a whole.
    fn custody(&self) -> Arc<dyn Custody>;
    /// Stops it and starts it again.
    async fn restarted(self) -> Self;
}

/// The store in memory: it starts again from what it answered.
pub struct InMemory(Arc<Memory>);

impl Subject for InMemory {
    fn fresh() -> InMemory {
        InMemory(Arc::new(Memory::new(Secret::new([9; 32]))))
    }

    fn store(&self) -> Arc<dyn Store> {
        self.0.clone()
    }

    fn custody(&self) -> Arc<dyn Custody> {
        self.0.clone()
    }

    async fn restarted(self) -> InMemory {
        self.0.commit(now(), Command::Restart).await.unwrap();
        self
    }
}

/// The embedded store in a directory of its own, with small segments.
pub struct OnDisk {
    directory: TempDir,
    store: Arc<Embedded>,
    overlay_bytes: usize,
}

/// How a store of a directory is encrypted, under a master key that lies in it.
pub fn encryption(directory: &Path) -> Encryption {
    let path = directory.join("master.key");
    if !path.exists() {
        master::write_new(&path, &[0x4d; 32]).unwrap();
    }
    Encryption {
        master_key: Some(path),
        ..Encryption::default()
    }
}

/// Randomness that no two starts share: no segment has the id of another.
pub fn entropy() -> Entropy {
    Box::new(|| {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).unwrap();
        bytes
    })
}

impl OnDisk {
    fn with(overlay_bytes: usize) -> OnDisk {
        let directory = TempDir::new().unwrap();
        let store = OnDisk::open(&directory, overlay_bytes);
        OnDisk {
            directory,
            store,
            overlay_bytes,
        }
    }

    /// As a new installation with a master key has it: compressed and encrypted.
    fn open(directory: &TempDir, overlay_bytes: usize) -> Arc<Embedded> {
        let config = embedded::Config {
            directory: directory.path().to_owned(),
            overlay_bytes,
            segment_bytes: 16 * 1024,
            cache_bytes: 1 << 20,
            encryption: encryption(directory.path()),
            ..embedded::Config::default()
        };
        Arc::new(Embedded::open(&config, now(), entropy(), Arc::new(Unobserved)).unwrap())
    }
}

impl Subject for OnDisk {
    fn fresh() -> OnDisk {
        OnDisk::with(embedded::Config::default().overlay_bytes)
    }

    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    fn custody(&self) -> Arc<dyn Custody> {
        self.store.clone()
    }

    async fn restarted(self) -> OnDisk {
        let OnDisk {
            directory,
            store,
            overlay_bytes,
        } = self;
        assert_eq!(Arc::strong_count(&store), 1, "somebody still has the store");
        drop(store);
        let store = OnDisk::open(&directory, overlay_bytes);
        OnDisk {
            directory,
            store,
            overlay_bytes,
        }
    }
}

/// The embedded store, while all of its index that may leave the tree leaves it all the time.
pub struct OnTheMove {
    // Ends before the directory does.
    moves: embedded::Moves,
    disk: OnDisk,
}

impl Subject for OnTheMove {
    fn fresh() -> OnTheMove {
        // Nothing gathers above the tree.
        let disk = OnDisk::with(8);
        let moves = disk.store.moves();
        OnTheMove { moves, disk }
    }

    fn store(&self) -> Arc<dyn Store> {
        self.disk.store()
    }

    fn custody(&self) -> Arc<dyn Custody> {
        self.disk.custody()
    }

    async fn restarted(self) -> OnTheMove {
        drop(self.moves);
        let disk = self.disk.restarted().await;
        let moves = disk.store.moves();
        OnTheMove { moves, disk }
    }
}

macro_rules! laws {
    ($($law:ident)*) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $law() {
                super::$law::<super::InMemory>().await;
            })*
        }
        mod on_disk {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $law() {
                super::$law::<super::OnDisk>().await;
            })*
        }
        mod on_the_move {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $law() {
                super::$law::<super::OnTheMove>().await;
            })*
        }
    };
}

mod numbers;
mod hand;
mod figures;
mod turns;
mod lots;
mod custody;
pub mod registry;
mod statements;
mod ahead;
mod wire;

laws! {
    an_empty_store_knows_nothing
    the_same_again_is_known_and_other_bytes_are_a_conflict
    two_admissions_at_once_of_one_number_are_one_document
    a_post_that_stands_together_leaves_nothing_when_one_fails
    entries_are_visible_once_answered_in_pages_of_any_size
    bodies_are_as_posted_and_bound_by_their_entry
    a_command_that_changes_nothing_is_done_at_the_present_position
    a_wrong_command_is_refused_and_the_next_one_done
    a_restart_keeps_everything_that_was_answered
    a_lot_that_was_being_sent_is_in_doubt_after_a_restart
    tallies_are_those_of_their_position_while_others_write
    what_was_recorded_first_stands
    who_has_another_name_now_speaks_of_what_went_to_the_former_one
    a_settlement_in_the_second_span_of_a_lot_takes_it
    an_orphan_that_fits_when_it_comes_again_is_taken
    what_cannot_be_evidence_is_kept_once
    a_document_is_spoken_of_so_often_and_no_more
    who_is_spoken_of_too_often_keeps_no_other_from_its_receipt
    a_lot_without_its_receipt_is_overdue_and_asked_about
}

use receipts::{
    a_document_is_spoken_of_so_often_and_no_more,
    a_lot_without_its_receipt_is_overdue_and_asked_about,
    a_settlement_in_the_second_span_of_a_lot_takes_it,
    an_orphan_that_fits_when_it_comes_again_is_taken, what_cannot_be_evidence_is_kept_once,
    what_was_recorded_first_stands, who_has_another_name_now_speaks_of_what_went_to_the_former_one,
    who_is_spoken_of_too_often_keeps_no_other_from_its_receipt,
};

pub fn now() -> Timestamp {
    Timestamp::parse("2026-11-20T09:00:00Z").unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn finess() -> Finess {
    example::centre().finess
}

fn caisse() -> Amo {
    example::caisse()
}

/// The centre that all documents here are of.
pub fn registry() -> Command {
    Command::Registry(vec![example::centre()])
}

/// The document of a number, with these bytes, to be admitted under an id.
pub fn admission(id: u128, number: u32, body: Bytes) -> Admission {
    Admission {
        document: DocumentId(id),
        purpose: Purpose::Real,
        facts: example::facts(Kind::Fse, &format!("{number:09}")),
        digest: Digest(Sha256::digest(&body).into()),
        body: Body {
            bytes: body,
            salt: [7; 16],
        },
        warnings: Vec::new(),
    }
}

fn body_of(number: u32) -> Bytes {
    Bytes::from(format!("body of {number}"))
}

/// Admits documents in one command.
pub async fn admit(
    store: &dyn Store,
    documents: Vec<Admission>,
    unity: Unity,
) -> Result<Vec<Admitted>, Error> {
    let command = Command::Admit {
        caller: name("vendor"),
        documents,
        unity,
    };
    match store.commit(now(), command).await? {
        Outcome::Admitted(rows) => Ok(rows),
        other => panic!("{other:?}"),
    }
}

async fn admit_one(store: &dyn Store, id: u128, number: u32, body: Bytes) -> Admitted {
    let documents = vec![admission(id, number, body)];
    let rows = admit(store, documents, Unity::Each).await;
    rows.unwrap().remove(0)
}

async fn begun<S: Subject>() -> S {
    let subject = S::fresh();
    subject.store().commit(now(), registry()).await.unwrap();
    subject
}

/// Everything that can be asked of a store, to compare before and after.
#[derive(Debug, PartialEq)]
pub struct Picture {
    pub entries: Vec<(Position, Stamped)>,
    pub documents: Vec<DocumentRecord>,
    pub tallies: Tallies,
    pub bodies: Vec<(DocumentId, Option<Bytes>)>,
}

impl Picture {
    /// The same, once all bodies are purged.
    pub fn purged(mut self) -> Picture {
        self.bodies.iter_mut().for_each(|(_, body)| *body = None);
        self
    }

    /// Whether all of another picture is in this one; documents count as they are.
    pub fn agrees_up_to(&self, earlier: &Picture) -> bool {
        self.entries.starts_with(&earlier.entries)
            && self.documents == earlier.documents
            && self.bodies == earlier.bodies
            && self.tallies.units == earlier.tallies.units
    }
}

/// The picture of a store.
pub async fn picture(store: &dyn Store) -> Picture {
    let documents = store.documents(None, usize::MAX).await.unwrap();
    let mut bodies = Vec::new();
    for record in &documents {
        let id = record.received.document;
        let body = store.body(BodyId::Document(id)).await.unwrap();
        bodies.push((id, body.map(|body| body.bytes)));
    }
    Picture {
        entries: store.entries(Position(0), usize::MAX).await.unwrap(),
        tallies: tallies(store).await,
        documents,
        bodies,
    }
}

async fn tallies(store: &dyn Store) -> Tallies {
    let query = TallyQuery {
        centre: None,
        from: Day::new(2000, 1, 1).unwrap(),
        to: Day::new(2100, 1, 1).unwrap(),
    };
    store.tallies(query).await.unwrap()
}

fn units(tallies: &Tallies) -> i64 {
    let by_clock = tallies.units.iter();
    let by_clock = by_clock.filter(|(cell, _)| cell.basis == DayBasis::ALL[0]);
    by_clock.map(|(_, count)| count).sum()
}

async fn an_empty_store_knows_nothing<S: Subject>() {
    let subject = S::fresh();
    let store = subject.store();
    let id = DocumentId(1);
    assert_eq!(store.document(Find::Id(id)).await.unwrap(), None);
    assert_eq!(store.entries(Position(0), 10).await.unwrap(), []);
    assert!(store.body(BodyId::Document(id)).await.unwrap().is_none());
    assert_eq!(tallies(&*store).await, Tallies::default());
    assert_eq!(store.orphans().await.unwrap(), 0);
    assert_ne!(store.free_bytes().await.unwrap(), Some(0));
    assert_eq!(*store.watch().borrow(), Position(0));
}

async fn the_same_again_is_known_and_other_bytes_are_a_conflict<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    let first = admit_one(&*store, 10, 1, body_of(1)).await;
    let Admitted::Received { document, deadline } = first else {
        panic!("{first:?}");
    };
    let again = admit_one(&*store, 11, 1, body_of(1)).await;
    let known = Admitted::Known {
        document,
        deadline,
        standing: Standing::Open,
    };
    assert_eq!(again, known);
    let other = admit_one(&*store, 12, 1, body_of(2)).await;
    let differs = Vec::new();
    let conflict = Conflict::OtherContent { document, differs };
    assert_eq!(other, Admitted::Refused(conflict));
    let positions = store.entries(Position(0), 10).await.unwrap();
    assert_eq!(positions.len(), 2, "a centre and a document");
}

async fn two_admissions_at_once_of_one_number_are_one_document<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    for number in 1..20 {
        let ids = [u128::from(number) * 10, u128::from(number) * 10 + 1];
        let (one, other) = tokio::join!(
            admit_one(&*store, ids[0], number, body_of(number)),
            admit_one(&*store, ids[1], number, body_of(number)),
        );
        let (received, known) = match (one, other) {
            (
                Admitted::Received { document, .. },
                Admitted::Known {
                    document: known, ..
                },
            )
            | (
                Admitted::Known {
                    document: known, ..
                },
                Admitted::Received { document, .. },
            ) => (document, known),
            pair => panic!("{pair:?}"),
        };
        assert_eq!(received, known);
    }
    assert_eq!(units(&tallies(&*store).await), 19);
}

async fn a_post_that_stands_together_leaves_nothing_when_one_fails<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    admit_one(&*store, 1, 1, body_of(1)).await;
    let before = picture(&*store).await;
    let documents = vec![
        admission(2, 2, body_of(2)),
        admission(3, 1, body_of(3)),
        admission(4, 4, body_of(4)),
    ];
    let rows = admit(&*store, documents, Unity::Together).await.unwrap();
    assert!(matches!(
        rows[..],
        [
            Admitted::WithTheOthers,
            Admitted::Refused(_),
            Admitted::WithTheOthers
        ]
    ));
    assert_eq!(picture(&*store).await, before);
    let body = store.body(BodyId::Document(DocumentId(2))).await.unwrap();
    assert!(body.is_none());
}

async fn entries_are_visible_once_answered_in_pages_of_any_size<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    for number in 1..=40 {
        // Some bodies are long, so that entries lie in several segments and beyond several marks.
        let body = Bytes::from(vec![b'x'; (number as usize % 5) * 3000 + number as usize]);
        let row = admit_one(&*store, number.into(), number, body).await;
        assert!(matches!(row, Admitted::Received { .. }));
        let position = Position(u64::from(number) + 1);
        assert_eq!(*store.watch().borrow(), position);
        let last = store.entries(Position(position.0 - 1), 9).await.unwrap();
        let [(found, stamped)] = &last[..] else {
            panic!("{last:?}");
        };
        assert_eq!((*found, stamped.at), (position, now()));
        let Entry::Received(received) = &stamped.entry else {
            panic!("{stamped:?}");
        };
        assert_eq!(received.document, DocumentId(number.into()));
    }
    let all = store.entries(Position(0), usize::MAX).await.unwrap();
    assert_eq!(all.len(), 41);
    for page in [1, 2, 7, 40, 41, 100] {
        let mut paged: Vec<(Position, Stamped)> = Vec::new();
        loop {
            let after = paged.last().map_or(Position(0), |(position, _)| *position);
            let more = store.entries(after, page).await.unwrap();
            assert!(more.len() <= page);
            if more.is_empty() {
                break;
            }
            paged.extend(more);
        }
        assert_eq!(paged, all, "{page}");
    }
}

async fn bodies_are_as_posted_and_bound_by_their_entry<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    for (number, length) in [(1, 0), (2, 1), (3, 5000), (4, 100_000)] {
        let posted = Bytes::from(vec![number as u8; length]);
        admit_one(&*store, number.into(), number, posted.clone()).await;
        let id = DocumentId(number.into());
        let body = store.body(BodyId::Document(id)).await.unwrap().unwrap();
        assert_eq!(body.bytes, posted);
        let view = store.document(Find::Id(id)).await.unwrap().unwrap();
        let digest = Digest(Sha256::digest(&body.bytes).into());
        let bound = view.record.received.commitment;
        assert_eq!(commitment(body.salt, digest), bound);
    }
}

async fn a_command_that_changes_nothing_is_done_at_the_present_position<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    for command in [registry(), Command::Tick, Command::Restart] {
        let outcome = store.commit(now(), command).await.unwrap();
        assert_eq!(outcome, Outcome::Done(Position(1)));
    }
    assert_eq!(*store.watch().borrow(), Position(1));
}

async fn a_wrong_command_is_refused_and_the_next_one_done<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    let empty = sealed(Vec::new());
    let refused = store.commit(now(), Command::Seal(empty)).await;
    assert!(matches!(refused, Err(Error::Impossible(_))));
    let unknown = Conclusion {
        lot: LotId(9),
        attempt: 1,
        asked: None,
        event: Event::Taken,
        next: Next {
            at: now(),
            reason: Reason::Receipt,
        },
        named: Vec::new(),
        words: None,
    };
    let unknown = store.commit(now(), Command::Conclude(unknown)).await;
    assert_eq!(
        unknown.unwrap(),
        Outcome::Conflict(Conflict::Unknown(Named::Lot))
    );
    let row = admit_one(&*store, 1, 1, body_of(1)).await;
    assert!(matches!(row, Admitted::Received { .. }));
}

async fn a_restart_keeps_everything_that_was_answered<S: Subject>() {
    let mut subject = begun::<S>().await;
    for round in 0..3 {
        let store = subject.store();
        for number in round * 30..round * 30 + 30 {
            admit_one(&*store, number.into(), number, body_of(number)).await;
        }
        let before = picture(&*store).await;
        drop(store);
        subject = subject.restarted().await;
        assert_eq!(picture(&*subject.store()).await, before);
    }
    let again = admit_one(&*subject.store(), 1000, 5, body_of(5)).await;
    assert!(matches!(again, Admitted::Known { .. }));
}

fn sealed(documents: Vec<DocumentId>) -> Sealed {
    Sealed {
        lot: LotId(77),
        centre: finess(),
        destination: Destination::Amo(caisse()),
        endpoint: EndpointName::parse("paris").unwrap(),
        purpose: Purpose::Real,
        documents,
        digest: Digest([1; 32]),
        length: 100,
        due: now(),
        form: Form::Composed,
    }
}

async fn a_lot_that_was_being_sent_is_in_doubt_after_a_restart<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    admit_one(&*store, 1, 1, body_of(1)).await;
    let lot = sealed(vec![DocumentId(1)]);
    store
        .commit(now(), Command::Seal(lot.clone()))
        .await
        .unwrap();
    let lease = Lease {
        endpoint: lot.endpoint.clone(),
        until: now() + Duration::from_secs(60),
        most: 10,
    };
    let leased = store.lease_due(now(), lease.clone()).await.unwrap();
    assert_eq!(leased.len(), 1);
    let record = store.lot(lot.lot).await.unwrap().unwrap();
    assert_eq!((record.state, record.attempts), (State::Sending, 1));
    assert_eq!(store.lease_due(now(), lease).await.unwrap(), []);
    drop(store);
    let subject = subject.restarted().await;
    let record = subject.store().lot(lot.lot).await.unwrap().unwrap();
    assert_eq!((record.state, record.attempts), (State::InDoubt, 1));
}

/// A reader sees the state after some whole command, and never half of a later one.
async fn tallies_are_those_of_their_position_while_others_write<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    let writers = (0..8_u32).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in writer * 1000..writer * 1000 + 40 {
                let row = admit_one(&*store, number.into(), number, body_of(number)).await;
                assert!(matches!(row, Admitted::Received { .. }));
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    loop {
        let ended = writers.iter().all(|writer| writer.is_finished());
        let tallies = tallies(&*store).await;
        // Each entry but the centre's is a document.
        assert_eq!(units(&tallies) as u64, tallies.position.0 - 1);
        if ended {
            assert_eq!(tallies.position, Position(321));
            break;
        }
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
}
