//! What goes with a foundation and what stays; a copy of the store at every step, opened again; damage, copies.

mod golden;
mod outlook;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::claims::document::Kind;
use crate::claims::entry::Entry;
use crate::claims::example;
use crate::claims::id::{DocumentId, Name};
use crate::claims::retention::{self, OnHold};
use crate::claims::tally::DayBasis;
use crate::claims::time::Day;
use crate::store::Outcome;
use crate::store::contract::{self, Picture, admission, admit};
use crate::store::custody::check::check;
use crate::store::custody::{Custody as _, backup};
use crate::store::embedded::tests::{config, copy, fill, open_config, said as differences};
use crate::store::embedded::verify;
use crate::store::index::Index as _;
use crate::store::journal::body;
use crate::store::ledger::retention::foundations;
use crate::store::retention::{Pace, Run, Trusted};
use crate::store::{Body, BodyId, Find, Store, Unity, Unobserved};

const DOCUMENTS: u32 = 60;
/// Cancelled, as each second one, and under a legal hold.
const HELD: u32 = 4;
/// Admitted in the place of one that was cancelled.
const REPLACES: u128 = 1_000;
const REPLACED: u32 = 20;

fn open(directory: &Path) -> Result<Embedded, OpenError> {
    open_config(&config(directory), Arc::new(Unobserved))
}

fn order() -> Order {
    order_after(1_300)
}

fn order_after(days: u32) -> Order {
    let at = retention::plus_days(contract::now(), days);
    Order {
        at,
        before: foundation::past_before(at, foundation::DEFAULT_MONTHS),
        rules: Rules::default(),
        // Years pass within a moment.
        patience: Duration::MAX,
        intent: Intent::Lay,
    }
}

fn id(number: u32) -> DocumentId {
    DocumentId(number.into())
}

async fn cancel(store: &Embedded, number: u32) {
    let command = Command::Cancel {
        document: id(number),
        caller: Name::parse("vendor").unwrap(),
    };
    store.commit(contract::now(), command).await.unwrap();
}

/// Sixty documents, each second one cancelled, one of those under a legal hold, one replaced; and much later some more.
async fn sixty() -> TempDir {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    fill(&store, 0..DOCUMENTS).await;
    for number in (0..DOCUMENTS).step_by(2) {
        cancel(&store, number).await;
    }
    let hold = Command::PlaceLegalHold {
        on: OnHold::Document(id(HELD)),
        review: Day::new(2027, 11, 20).unwrap(),
        actor: Name::parse("ops").unwrap(),
    };
    store.commit(contract::now(), hold).await.unwrap();
    fill(&store, 100..130).await;
    directory
}

/// Lays a foundation, and gives the store on it.
async fn founded(directory: &Path) -> (Option<Founded>, Embedded) {
    founded_by(directory, order()).await
}

async fn founded_by(directory: &Path, order: Order) -> (Option<Founded>, Embedded) {
    let store = open(directory).unwrap();
    let config = config(directory);
    let laid = found(store, &config, order, |_| ()).await.unwrap();
    (laid, open(directory).unwrap())
}

/// The second count of a store, from what it begins with.
async fn second(store: &Embedded) -> BTreeMap<Cell, i64> {
    let beginning = store.beginning().await.unwrap();
    let mut audit = beginning.map_or_else(Audit::default, |beginning| beginning.audit);
    let entries = store.entries(audit.position(), usize::MAX).await.unwrap();
    for (position, stamped) in &entries {
        audit.feed(*position, stamped).unwrap();
    }
    audit.units()
}

/// Everything that stays is as before, and everything that counts.
async fn assert_stands(store: &Embedded, before: &Picture) {
    let after = contract::picture(store).await;
    assert_eq!(after.tallies.units, before.tallies.units);
    assert_eq!(after.tallies.paper, before.tallies.paper);
    assert_eq!(second(store).await, after.tallies.units);
    let begin = store.reader.begin().position;
    let behind: Vec<_> = before
        .entries
        .iter()
        .filter(|(at, _)| *at > begin)
        .collect();
    let is_behind: Vec<_> = after.entries.iter().filter(|(at, _)| *at > begin).collect();
    assert_eq!(is_behind[..behind.len()], behind[..]);
    let stay: BTreeSet<DocumentId> = after
        .documents
        .iter()
        .map(|of| of.received.document)
        .collect();
    let stayed = before.documents.iter();
    let stayed = stayed.filter(|record| stay.contains(&record.received.document));
    assert_eq!(stayed.cloned().collect::<Vec<_>>(), after.documents);
    for record in &after.documents {
        let find = Find::Id(record.received.document);
        let view = store.document(find).await.unwrap().unwrap();
        for position in view.history {
            let entry = store.entries(Position(position.0 - 1), 1).await.unwrap();
            assert_eq!(entry[0], before.entries[position.0 as usize - 1]);
        }
    }
}

fn assert_sound(directory: &Path) {
    let (verified, at_rest) = verify::verify(&config(directory)).unwrap();
    assert_eq!(differences(&verified), []);
    assert!(at_rest.is_some());
}

#[tokio::test]
async fn registrations_of_every_kind_stay_with_their_history() {
    let directory = sixty().await;
    let store = open(directory.path()).unwrap();
    let put = contract::registry::of_every_kind();
    store.commit(contract::now(), put).await.unwrap();
    fill(&store, 130..160).await;
    let registry = store.registry().await.unwrap();
    assert!(!registry.gestionnaires.is_empty() && !registry.endpoints.is_empty());
    drop(store);
    let (laid, store) = founded(directory.path()).await;
    assert!(laid.unwrap().gone > 0);
    assert_eq!(store.registry().await.unwrap(), registry);
    drop(store);
    assert_sound(directory.path());
}

#[tokio::test]
async fn what_has_gone_is_counted_and_one_that_is_held_keeps_no_other() {
    let directory = sixty().await;
    let store = open(directory.path()).unwrap();
    let before = contract::picture(&store).await;
    assert_eq!(store.reader.begin(), Head::origin());
    let rehearsal = Order {
        intent: Intent::Rehearse,
        ..order()
    };
    let would = found(store, &config(directory.path()), rehearsal, |_| ()).await;
    let would = would.unwrap().unwrap();
    assert_eq!(
        fs::read_dir(directory.path().join("archive"))
            .unwrap()
            .count(),
        0
    );
    let store = open(directory.path()).unwrap();
    assert_eq!(contract::picture(&store).await, before);
    drop(store);
    let (laid, store) = founded(directory.path()).await;
    let laid = laid.unwrap();
    assert_stands(&store, &before).await;
    let there = |number: u32| {
        let store = &store;
        async move {
            store
                .document(Find::Id(id(number)))
                .await
                .unwrap()
                .is_some()
        }
    };
    let mut gone = 0;
    for number in 0..DOCUMENTS {
        let is_past = number.is_multiple_of(2) && number != HELD;
        gone += u64::from(is_past);
        assert_eq!(there(number).await, !is_past, "{number}");
    }
    assert_eq!(laid.gone, gone);
    assert_eq!((would.gone, would.upto), (laid.gone, laid.upto));
    assert_eq!(store.counted_until(), Some(laid.until));
    // Nothing of it is in any file any more.
    let names = segment_files(directory.path());
    assert!(
        names.iter().all(|ordinal| *ordinal >= laid.segment),
        "{names:?}"
    );
    let stays = store.entries(Position(0), usize::MAX).await.unwrap();
    let named = |stamped: &Stamped| matches!(&stamped.entry, Entry::Cancelled { document, .. } if *document == id(HELD));
    assert!(stays.iter().any(|(_, stamped)| named(stamped)));
    drop(store);
    assert_sound(directory.path());
}

#[tokio::test]
async fn by_a_clock_that_is_doubted_no_proof_goes() {
    let directory = sixty().await;
    let order = Order {
        patience: Duration::from_secs(86_400),
        ..order()
    };
    let half_a_day = Duration::from_secs(43_200);
    let lay = async |order: Order| {
        let store = open(directory.path()).unwrap();
        found(store, &config(directory.path()), order, |_| ()).await
    };
    let before = contract::picture(&open(directory.path()).unwrap()).await;
    let rehearsal = Order {
        intent: Intent::Rehearse,
        ..order
    };
    // Measured by the last entry, also after this clock opened the store; then by what is written down.
    let known = [None, None, Some(order.at - half_a_day * 3)];
    for (known, order) in known.into_iter().zip([order, rehearsal, order]) {
        let store = open(directory.path()).unwrap();
        if let Some(at) = known {
            store.trust(Trusted::from(at)).await.unwrap();
        }
        drop(store);
        let refused = lay(order).await.unwrap_err();
        let last = known.unwrap_or(contract::now());
        assert!(
            matches!(refused, Error::Doubted { now, trusted } if (now, trusted) == (order.at, last)),
            "{refused}"
        );
        let store = open(directory.path()).unwrap();
        assert_eq!(contract::picture(&store).await, before);
        assert!(store.body(BodyId::Document(id(2))).await.unwrap().is_some());
    }
    let store = open(directory.path()).unwrap();
    store.trust((order.at - half_a_day).into()).await.unwrap();
    drop(store);
    assert!(lay(order).await.unwrap().unwrap().gone > 0);
}

#[tokio::test]
async fn what_a_hold_had_copied_goes_after_its_proofs() {
    let directory = sixty().await;
    let store = open(directory.path()).unwrap();
    const REASONED: u32 = 7;
    let cancelled = Command::Explain {
        command: Box::new(Command::Cancel {
            document: id(REASONED),
            caller: Name::parse("ops").unwrap(),
        }),
        reason: Body {
            bytes: Bytes::from_static(b"posted twice"),
            salt: [7; 16],
        },
    };
    let hold = Command::PlaceLegalHold {
        on: OnHold::Document(id(REASONED)),
        review: Day::new(2027, 11, 20).unwrap(),
        actor: Name::parse("ops").unwrap(),
    };
    for command in [cancelled, hold] {
        store.commit(contract::now(), command).await.unwrap();
    }
    // So that the segment of the reason is cleared, and has gone by the time that proofs go.
    fill(&store, 130..160).await;
    for number in 100..160 {
        cancel(&store, number).await;
    }
    fill(&store, 160..190).await;
    let after = |days| retention::plus_days(contract::now(), days);
    evacuate(&store, after(151)).await;
    let reasons = bodies_of_entries(&store);
    assert_eq!(reasons.len(), 1);
    for held in store.legal_holds().await.unwrap() {
        let lift = Command::LiftLegalHold {
            hold: held.position,
            actor: Name::parse("ops").unwrap(),
        };
        store.commit(after(1_299), lift).await.unwrap();
    }
    drop(store);
    let (laid, store) = founded(directory.path()).await;
    assert!(laid.unwrap().gone > 0);
    let bodies = [HELD, REASONED].map(|number| BodyId::Document(id(number)));
    let bodies = bodies.into_iter().chain(reasons).collect::<Vec<_>>();
    for body in &bodies {
        assert!(store.body(*body).await.unwrap().is_some(), "{body:?}");
    }
    let found = store.document(Find::Id(id(REASONED))).await.unwrap();
    assert!(found.is_none());
    drop(store);
    assert_sound(directory.path());
    let store = open(directory.path()).unwrap();
    store.plan(after(1_301), Rules::default()).await.unwrap();
    evacuate(&store, after(1_301)).await;
    for body in bodies {
        assert!(store.body(body).await.unwrap().is_none(), "{body:?}");
    }
    drop(store);
    assert_sound(directory.path());
}

async fn evacuate(store: &Embedded, at: Timestamp) {
    let pace = Pace {
        bytes_per_second: 0,
        pause_commands: usize::MAX,
    };
    while let Run::Evacuated(_) = store.evacuate(at, Rules::default(), pace).await.unwrap() {}
}

/// What entries commit to as their own, as far as it is there.
fn bodies_of_entries(store: &Embedded) -> Vec<BodyId> {
    let found = store.overlay.view();
    let keys = found
        .scan(&places::entry_bodies(), b"C", usize::MAX)
        .unwrap();
    let names = keys.iter().map(|(key, _)| body::body_named(&key[1..]));
    names.map(Option::unwrap).collect()
}

fn segment_files(directory: &Path) -> Vec<u64> {
    let ordinals = ["journal", "archive"].into_iter().flat_map(|part| {
        let files = fs::read_dir(directory.join(part)).unwrap();
        files.filter_map(|file| {
            let name = file.unwrap().file_name().into_string().unwrap();
            name.split_once('-')?.0.parse().ok()
        })
    });
    ordinals.collect()
}

#[tokio::test]
async fn a_number_that_has_gone_is_new_again_and_the_ledger_goes_on() {
    let directory = sixty().await;
    let (_, store) = founded(directory.path()).await;
    let again = |number: u32| vec![admission(5_000 + u128::from(number), number, Bytes::new())];
    let rows = admit(&store, again(2), Unity::Each).await.unwrap();
    assert!(
        matches!(rows[0], store::Admitted::Received { .. }),
        "{rows:?}"
    );
    // One that stays is known all the same.
    let rows = admit(&store, again(1), Unity::Each).await.unwrap();
    assert!(
        !matches!(rows[0], store::Admitted::Received { .. }),
        "{rows:?}"
    );
    cancel(&store, 1).await;
    let before = contract::picture(&store).await;
    drop(store);
    // The index is built anew, and is the same.
    fs::remove_dir_all(directory.path().join("index")).unwrap();
    let store = open(directory.path()).unwrap();
    assert_eq!(contract::picture(&store).await, before);
    assert_eq!(second(&store).await, before.tallies.units);
    drop(store);
    assert_sound(directory.path());
}

#[tokio::test]
async fn a_foundation_takes_the_place_of_the_one_before() {
    let directory = sixty().await;
    let (first, store) = founded(directory.path()).await;
    for number in (1..DOCUMENTS).step_by(2) {
        cancel(&store, number).await;
    }
    fill(&store, 200..230).await;
    let before = contract::picture(&store).await;
    drop(store);
    let (later, store) = founded_by(directory.path(), order_after(2_600)).await;
    let (first, later) = (first.unwrap(), later.unwrap());
    assert!(later.segment > first.segment && later.gone > 0);
    let after = contract::picture(&store).await;
    assert_eq!(after.tallies.units, before.tallies.units);
    assert_eq!(second(&store).await, after.tallies.units);
    let left = before.documents.len() as u64 - later.gone;
    assert_eq!(after.documents.len() as u64, left);
    let laid = foundations(&store.overlay.view()).unwrap();
    let digests: Vec<_> = laid.iter().map(|record| record.founded.digest).collect();
    assert_eq!(digests, [first.digest, later.digest]);
    drop(store);
    assert_sound(directory.path());
    // Nothing more is past its time.
    let store = open(directory.path()).unwrap();
    let none = Order {
        before: Timestamp::default(),
        ..order()
    };
    let laid = found(store, &config(directory.path()), none, |_| ()).await;
    assert_eq!(laid.unwrap(), None);
}

#[tokio::test]
async fn a_kill_at_any_step_neither_loses_nor_doubles() {
    let directory = sixty().await;
    let store = open(directory.path()).unwrap();
    let before = contract::picture(&store).await;
    let mut taken: Vec<(Step, TempDir)> = Vec::new();
    let config_of = config(directory.path());
    let laid = found(store, &config_of, order(), |step| {
        let photo = TempDir::new().unwrap();
        copy(directory.path(), photo.path());
        taken.push((step, photo));
    });
    assert!(laid.await.unwrap().is_some());
    let steps: Vec<Step> = taken.iter().map(|(step, _)| *step).collect();
    assert_eq!(
        steps,
        [Step::Cleared, Step::Written, Step::Ended, Step::Named]
    );
    for (step, killed) in taken {
        for index_is_lost in [false, true] {
            let copied = TempDir::new().unwrap();
            copy(killed.path(), copied.path());
            if index_is_lost {
                fs::remove_dir_all(copied.path().join("index")).unwrap();
            }
            let store = open(copied.path()).unwrap();
            let counts = step == Step::Named;
            assert_eq!(store.reader.foundation().is_some(), counts, "{step:?}");
            assert_stands(&store, &before).await;
            drop(store);
            assert_sound(copied.path());
            let (laid, store) = founded(copied.path()).await;
            assert_eq!(laid.is_some(), !counts, "{step:?}");
            assert_stands(&store, &before).await;
        }
    }
}

#[tokio::test]
async fn a_removal_that_was_cut_off_is_ended_by_the_next_start() {
    let directory = sixty().await;
    let store = open(directory.path()).unwrap();
    let before = contract::picture(&store).await;
    let laid = found(store, &config(directory.path()), order(), |_| ()).await;
    let last = laid.unwrap().unwrap().segment;
    // Each archive that it stands for may be there still or not.
    for left in 0..=last {
        let copied = TempDir::new().unwrap();
        copy(directory.path(), copied.path());
        for ordinal in 1..=left {
            let archive = file(copied.path(), ordinal, ".archive");
            fs::remove_file(archive.unwrap()).unwrap();
        }
        assert_stands(&open(copied.path()).unwrap(), &before).await;
        assert_eq!(file(copied.path(), last, ".archive"), None);
    }
}

fn file(directory: &Path, ordinal: u64, ending: &str) -> Option<PathBuf> {
    let files = fs::read_dir(directory.join("archive")).unwrap();
    let mut paths = files.map(|file| file.unwrap().path());
    let begins = format!("{ordinal:010}-");
    paths.find(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with(&begins) && name.ends_with(ending)
    })
}

#[tokio::test]
async fn damage_is_named_and_never_counted_over() {
    let directory = sixty().await;
    let (laid, store) = founded(directory.path()).await;
    let before = contract::picture(&store).await;
    drop(store);
    let path = file(directory.path(), laid.unwrap().segment, ".foundation").unwrap();
    let whole = fs::read(&path).unwrap();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    for at in [200, whole.len() / 2, whole.len() - 5] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&path, &changed).unwrap();
        let (verified, _) = verify::verify(&config(directory.path())).unwrap();
        assert!(
            verified
                .differences
                .iter()
                .any(|one| one.what.contains(&name)),
            "{at}"
        );
        // The state is known while the index is there; what was before cannot be counted again.
        let store = open(directory.path()).unwrap();
        assert_eq!(
            store.documents(None, usize::MAX).await.unwrap(),
            before.documents
        );
        assert!(store.beginning().await.is_err());
        drop(store);
        let copied = TempDir::new().unwrap();
        copy(directory.path(), copied.path());
        fs::remove_dir_all(copied.path().join("index")).unwrap();
        let refused = open(copied.path()).err().unwrap().to_string();
        assert!(refused.contains(&name), "{refused}");
    }
    // Of what its header says everything depends.
    fs::write(&path, [&[whole[0] ^ 1], &whole[1..]].concat()).unwrap();
    let refused = open(directory.path()).err().unwrap().to_string();
    assert!(refused.contains(&name), "{refused}");
    // A whole one that was written by somebody else is not the one that the ledger speaks of.
    fs::write(&path, &whole).unwrap();
    assert_sound(directory.path());
}

#[tokio::test]
async fn a_backup_follows_a_foundation_and_is_a_store_on_it() {
    let directory = sixty().await;
    let place = TempDir::new().unwrap();
    let order = backup::Order {
        to: place.path().join("bodies"),
        keys_to: place.path().join("keys"),
        at: contract::now(),
        bytes_per_second: 0,
    };
    let store = open(directory.path()).unwrap();
    store.backup(&order, &|| false).unwrap();
    drop(store);
    let (laid, store) = founded(directory.path()).await;
    let before = contract::picture(&store).await;
    store.backup(&order, &|| false).unwrap();
    let walked = store.walk(None, None).unwrap();
    assert_eq!(walked.broken, None);
    let upto = laid.unwrap().upto;
    assert_eq!(walked.before.position, upto);
    // Of what the foundation stands for no chain is walked, and none is said to hold.
    for (from, to) in [(None, Some(upto)), (Some(upto), None)] {
        let walked = store.walk(from, to).unwrap();
        let said = format!(
            "a foundation stands for the entries before entry {}",
            upto.0 + 1
        );
        assert_eq!((walked.missing, walked.broken), (Some(said), None));
    }
    drop(store);
    let checked = check(&order.to, Some(&order.keys_to)).unwrap();
    assert!(checked.holds(), "{:?}", checked.findings);
    fs::copy(order.keys_to.join("secret"), order.to.join("secret")).unwrap();
    let restored = open(&order.to).unwrap();
    assert_eq!(contract::picture(&restored).await, before);
    assert_eq!(second(&restored).await, before.tallies.units);
}

#[tokio::test]
async fn a_line_stays_with_what_was_said_of_it_later() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    fill(&store, 0..DOCUMENTS).await;
    for number in (0..DOCUMENTS).step_by(2) {
        cancel(&store, number).await;
    }
    // In a later segment, long after the others.
    let order = order();
    fill(&store, 100..130).await;
    let late = Timestamp::from_micros(order.before.micros() + 1);
    store.commit(late, contract::registry()).await.unwrap();
    let replacing = replacement();
    let command = Command::Admit {
        caller: Name::parse("vendor").unwrap(),
        documents: vec![replacing],
        unity: Unity::Each,
    };
    let admitted = store.commit(late, command).await.unwrap();
    assert!(
        matches!(&admitted, Outcome::Admitted(rows) if matches!(rows[0], store::Admitted::Received { .. })),
        "{admitted:?}"
    );
    let before = contract::picture(&store).await;
    drop(store);
    let (laid, store) = founded(directory.path()).await;
    assert!(laid.unwrap().gone > 0);
    assert_stands(&store, &before).await;
    for kept in [u128::from(REPLACED), REPLACES] {
        let find = Find::Id(DocumentId(kept));
        assert!(store.document(find).await.unwrap().is_some(), "{kept}");
    }
    let by_reception = store
        .tallies(store::TallyQuery::everything())
        .await
        .unwrap();
    let units = by_reception.units.iter();
    let units = units.filter(|(cell, _)| cell.basis == DayBasis::Reception);
    assert_eq!(units.map(|(_, units)| units).sum::<i64>(), 90);
}

fn replacement() -> store::Admission {
    use crate::claims::document::ReplacementReason;
    let mut facts = example::facts(Kind::Fse, "000001000");
    let replaced = example::facts(Kind::Fse, &format!("{REPLACED:09}"));
    let number = replaced.key.number;
    facts.replaces = Some((Kind::Fse, number, ReplacementReason::Cancelled));
    store::Admission {
        facts,
        ..admission(REPLACES, 1_000, Bytes::from_static(b"in its place"))
    }
}
