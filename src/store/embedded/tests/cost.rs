//! What finished documents cost once they are in sorted files: bytes, memory, and the time of what is asked and admitted
//! while there are many.
//!
//! `FINISHED=10000000 PENDING=200000 cargo test --release --lib cost:: -- --nocapture` tells it of so many, and beside
//! it of ten thousand. They are copies of real records under ids and numbers of their own, written straight into files.

use tokio::time::Instant;

use super::moved::{applied, live_keys, open};
use super::*;
use crate::claims::delivery::{Event, Form};
use crate::claims::document::{Cents, Purpose};
use crate::claims::entry::{Next, Reason, Sealed};
use crate::claims::example;
use crate::claims::id::{Destination, Digest, EndpointName, Name};
use crate::claims::receipt::{
    Coverage, Evidence, Item, Part, PartOutcome, PartSettlement, Receipt, Settlement,
    SettlementContent, Verdict,
};
use crate::store::embedded::leaving::Leaving;
use crate::store::embedded::mover;
use crate::store::embedded::tables;
use crate::store::index::Index;
use crate::store::ledger::keys;
use crate::store::{Admission, Conclusion, Heard, Lease};

/// Documents of a lot, which is copied as a whole.
const LOT: u32 = 50;
/// Beyond all positions of a lot.
const ENTRIES: u64 = 1_000;
/// Ids are these bytes and a number.
const DOCUMENT: u128 = 0x0193_7f00_0000_7abc_8def_0123 << 32;
const OWN_LOT: u128 = 0x0193_7f00_0000_7abc_8def_4567 << 32;
/// Numéros are from this one on.
const NUMBER: u32 = 700_000_000;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn endpoint() -> EndpointName {
    EndpointName::parse("paris").unwrap()
}

/// A document with a body that nobody reads.
fn admissions(numbers: std::ops::Range<u32>) -> Vec<Admission> {
    let of = |number: u32| {
        let body = Bytes::from(number.to_be_bytes().to_vec());
        admission(DOCUMENT | u128::from(number), NUMBER + number, body)
    };
    numbers.map(of).collect()
}

/// A lot from its admission to its payment.
async fn paid_lot(store: &Embedded) {
    let commit = async |command| store.commit(contract::now(), command).await.unwrap();
    commit(contract::registry()).await;
    admit(store, admissions(0..LOT), Unity::Each).await.unwrap();
    let centre = example::centre();
    commit(Command::Seal(Sealed {
        lot: LotId(OWN_LOT),
        centre: centre.finess,
        destination: Destination::Amo(centre.caisse),
        endpoint: endpoint(),
        purpose: Purpose::Real,
        documents: (0..LOT)
            .map(|number| DocumentId(DOCUMENT | u128::from(number)))
            .collect(),
        digest: Digest([1; 32]),
        length: 800_000,
        due: contract::now(),
        form: Form::Composed,
    }))
    .await;
    let lease = Lease {
        endpoint: endpoint(),
        until: contract::now() + Duration::from_secs(60),
        most: 1,
    };
    commit(Command::Lease(lease)).await;
    commit(Command::Conclude(Conclusion {
        lot: LotId(OWN_LOT),
        attempt: 1,
        asked: None,
        event: Event::Taken,
        next: Next {
            at: contract::now(),
            reason: Reason::Receipt,
        },
        named: Vec::new(),
        words: None,
    }))
    .await;
    let receipt = Item::Receipt(Receipt {
        id: name(&format!("ARL-{NUMBER:09}")),
        lot: LotId(OWN_LOT),
        digest: Digest([1; 32]),
        issued: contract::now(),
        verdict: Verdict::Accepted,
        documents: Vec::new(),
        coverage: Coverage::Whole,
        code: None,
        text: None,
    });
    let settlements = (0..LOT).map(|number| {
        Item::Settlement(Settlement {
            id: name(&format!("RSP-{:09}", NUMBER + number)),
            document: DocumentId(DOCUMENT | u128::from(number)),
            issued: contract::now(),
            content: SettlementContent::Parts(vec![PartSettlement {
                part: Part::Amo,
                outcome: PartOutcome::Paid,
                amount: Cents(1750),
                code: None,
                text: None,
            }]),
        })
    });
    let items = std::iter::once(receipt)
        .chain(settlements)
        .map(|item| Heard {
            evidence: Evidence::Item(item),
            body: Body {
                bytes: Bytes::from_static(b"<x/>"),
                salt: [3; 16],
            },
        });
    commit(Command::Receipts {
        formerly: Vec::new(),
        endpoint: endpoint(),
        purpose: Purpose::Real,
        destinations: vec![Destination::Amo(centre.caisse)],
        items: items.collect(),
        cursor: None,
    })
    .await;
    applied(store).await;
}

/// All pairs of a tree that may leave it.
fn pairs(tree: &tree::Tree) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut pairs = tree.live().scan(b"", b"\xff", usize::MAX).unwrap();
    pairs.retain(|(key, _)| tables::leaves_at_once(key));
    pairs
}

/// Bytes with the ids and numbers of the lot's copy with a number.
fn renamed(bytes: &[u8], copy: u32) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let documents = &DOCUMENT.to_be_bytes()[..12];
    let lots = &OWN_LOT.to_be_bytes()[..12];
    let numbers = &NUMBER.to_string().into_bytes()[..7];
    let mut at = 0;
    while at < out.len() {
        let rest = &mut out[at..];
        if rest.starts_with(documents) || rest.starts_with(lots) {
            let own = u32::from_be_bytes(rest[12..16].try_into().unwrap());
            rest[12..16].copy_from_slice(&(own + copy * LOT).to_be_bytes());
            at += 16;
        } else if rest.starts_with(numbers) {
            let own: u32 = std::str::from_utf8(&rest[..9]).unwrap().parse().unwrap();
            rest[..9].copy_from_slice((own + copy * LOT).to_string().as_bytes());
            at += 9;
        } else {
            at += 1;
        }
    }
    out
}

/// A key of the copy, with its position moved where it has one.
fn moved(key: &[u8], copy: u32) -> Vec<u8> {
    let mut key = renamed(key, copy);
    let beyond = u64::from(copy) * ENTRIES;
    let position = key.len() - 8;
    let own = u64::from_be_bytes(key[position..].try_into().unwrap());
    let moved = match key[0] {
        b'h' | b'i' => own + beyond,
        _ => own,
    };
    key[position..].copy_from_slice(&moved.to_be_bytes());
    key
}

/// Puts copies of the lot into sorted files.
fn copy_lots(tree: &tree::Tree, lot: &[(Vec<u8>, Vec<u8>)], copies: std::ops::Range<u32>) {
    let mut leaving = Leaving::default();
    for copy in copies.clone() {
        let copied = lot
            .iter()
            .map(|(key, value)| (moved(key, copy), renamed(value, copy)));
        leaving.add(copied.collect());
        if leaving.is_full() || copy + 1 == copies.end {
            let full = std::mem::take(&mut leaving);
            mover::shelve(tree, full.pairs(), &mut |_| true).unwrap();
            mover::merge(tree, &|_| false, &mut |_| true).unwrap();
        }
    }
}

/// Nanoseconds of each of many.
fn nanoseconds(count: u32, mut ask: impl FnMut(u32)) -> u128 {
    let began = Instant::now();
    (0..count).for_each(&mut ask);
    began.elapsed().as_nanos() / u128::from(count)
}

/// Asks for what is there and what is not, and admits more; tells what it cost.
async fn asked(store: &Embedded, finished: u32, fresh: u32) {
    let tree = store.overlay.tree();
    let files = tree.shelf().files();
    let bytes: u64 = files.iter().map(|shelved| shelved.record.length).sum();
    let memory: usize = files.iter().map(|shelved| shelved.file.memory()).sum();
    // A step that meets all of them in no order.
    let any = |number: u32| (u64::from(number) * 7_919 % u64::from(finished)) as u32;
    let key = |number: u32| {
        keys::latest(
            &example::facts(crate::claims::document::Kind::Fse, &format!("{number:09}")).key,
            crate::claims::document::Purpose::Real,
        )
    };
    let missed = nanoseconds(20_000, |number| {
        assert!(tree.get(&key(NUMBER - 1 - number)).unwrap().is_none());
    });
    let passed = (0..20_000).filter(|number| tree.shelf().may_have(&key(NUMBER - 1 - number)));
    let passed = passed.count();
    assert!(
        passed <= 200 * files.len(),
        "{passed} of 20000 pass {} filters",
        files.len()
    );
    let hit = nanoseconds(5_000, |number| {
        let id = DocumentId(DOCUMENT | u128::from(any(number)));
        let record = crate::store::ledger::records::document(&tree, id)
            .unwrap()
            .unwrap();
        assert_eq!(record.received.document, id);
        assert!(tree.get(&key(NUMBER + any(number))).unwrap().is_some());
    });
    let scanned = nanoseconds(200, |number| {
        let id = DocumentId(DOCUMENT | u128::from(any(number)));
        let page = crate::store::ledger::query::documents(&tree, Some(id), 100).unwrap();
        assert!(!page.is_empty() || any(number) + 100 > finished);
    });
    let began = Instant::now();
    for first in (fresh..fresh + 4_000).step_by(100) {
        let rows = admit(store, admissions(first..first + 100), Unity::Each)
            .await
            .unwrap();
        assert!(
            rows.iter()
                .all(|row| matches!(row, crate::store::Admitted::Received { .. }))
        );
    }
    let admitted = began.elapsed().as_micros() / 4_000;
    applied(store).await;
    println!(
        "{finished} finished: {} files, {} bytes each, {:.1} of memory each; no such number: {missed} ns; a number and its \
         record: {hit} ns; a page of 100: {scanned} ns; an admission in a post of 100: {admitted} us",
        files.len(),
        bytes / u64::from(finished),
        memory as f64 / f64::from(finished),
    );
}

#[tokio::test]
async fn many_finished_documents_are_found_and_cost_little() {
    let finished: u32 = option_env!("FINISHED").map_or(5_000, |count| count.parse().unwrap());
    let (few, all) = (finished.min(10_000) / LOT, finished / LOT);
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    paid_lot(&store).await;
    let tree = store.overlay.tree();
    let lot = pairs(&tree);
    let live: usize = lot.iter().map(|(key, value)| key.len() + value.len()).sum();
    println!(
        "{} keys and {} bytes each in the tree",
        lot.len() / LOT as usize,
        live / LOT as usize
    );
    mover::everything(&tree, &mut |_| true).unwrap();
    copy_lots(&tree, &lot, 1..few);
    asked(&store, few * LOT, 100_000_000).await;
    if few < all {
        copy_lots(&tree, &lot, few..all);
        asked(&store, all * LOT, 150_000_000).await;
    }
}

/// The most memory that this process had, in MB.
fn peak_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024
}

#[tokio::test]
async fn many_pending_documents_are_there_again_with_and_without_an_index() {
    let pending: u32 = option_env!("PENDING").map_or(1_000, |count| count.parse().unwrap());
    let directory = TempDir::new().unwrap();
    let shipped = Config {
        directory: directory.path().to_owned(),
        // Tests gather less than a gateway does.
        sorted_bytes: 64 << 10,
        ..Config::default()
    };
    let store = open_config(&shipped, Arc::new(Unobserved)).unwrap();
    store
        .commit(contract::now(), contract::registry())
        .await
        .unwrap();
    // Ten in a millisecond, as their ids tell.
    let id =
        |number: u32| DocumentId(DOCUMENT + (u128::from(number / 10) << 80) + u128::from(number));
    for first in (0..pending).step_by(100) {
        let mut documents = admissions(first..first + 100);
        for (number, document) in (first..).zip(&mut documents) {
            document.document = id(number);
            document.body.bytes = Bytes::from(vec![7; 8 * 1024]);
        }
        admit(&store, documents, Unity::Each).await.unwrap();
    }
    let last = id(pending - 1);
    drop(store);
    for derived in ["", "index"] {
        if !derived.is_empty() {
            fs::remove_dir_all(directory.path().join(derived)).unwrap();
        }
        let began = Instant::now();
        let store = open_config(&shipped, Arc::new(Unobserved)).unwrap();
        let seconds = began.elapsed().as_secs_f64();
        let found = store.document(crate::store::Find::Id(last)).await.unwrap();
        assert_eq!(found.unwrap().record.received.document, last);
        println!(
            "{pending} pending, without {derived:?}: open in {seconds:.2} s, {:.0} documents a second, {} MB at most, \
             {} keys in the tree",
            f64::from(pending) / seconds,
            peak_megabytes(),
            live_keys(&store),
        );
    }
}
