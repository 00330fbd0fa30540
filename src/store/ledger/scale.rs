//! What the ledger costs when much waits, counted in reads of the index: sealing follows the size of the lot, and a
//! turn follows what is due.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::claims::delivery::{Event, Form};
use crate::claims::document::{Facts, Kind, Purpose};
use crate::claims::entry::{Next, Position, Reason, Sealed};
use crate::claims::example;
use crate::claims::id::{Amc, Destination, Digest, DocumentId, EndpointName, LotId, Name};
use crate::claims::time::Timestamp;
use crate::store::index::{Changes, Index, Pairs, Working};
use crate::store::ledger::{Instants, Known, Secret, decide, query};
use crate::store::memory::Map;
use crate::store::{
    Admission, Admitted, Body, Command, Conclusion, Due, Error, Lease, Outcome, Sealing, Unity,
};

const SEALING: Sealing = Sealing {
    documents: 100,
    bytes: 1 << 20,
    age: Duration::from_secs(30),
};

/// A map that counts how often it is asked, and how many pairs it gives out.
#[derive(Default)]
struct Counted {
    map: Map,
    reads: AtomicU64,
}

/// A clock that is right.
fn at(now: Timestamp) -> Instants {
    Instants {
        stamp: now,
        clock: now,
    }
}

impl Index for Counted {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.map.get(key)
    }

    fn scan(&self, from: &[u8], to: &[u8], most: usize) -> Result<Pairs, Error> {
        let found = self.map.scan(from, to, most)?;
        self.reads
            .fetch_add(1 + found.len() as u64, Ordering::Relaxed);
        Ok(found)
    }
}

/// A ledger whose index is counted.
struct Ledger {
    index: Counted,
    next: Position,
    now: Timestamp,
}

impl Ledger {
    fn new() -> Ledger {
        let mut ledger = Ledger {
            index: Counted::default(),
            next: Position(1),
            now: Timestamp::parse("2026-11-20T09:00:00Z").unwrap(),
        };
        ledger.commit(Command::Registry(vec![example::centre()]));
        ledger
    }

    fn commit(&mut self, command: Command) -> Outcome {
        let (outcome, changes) = self.decide(command);
        self.index.map.apply(changes);
        outcome
    }

    /// Decides a command, counted from zero.
    fn decide(&mut self, command: Command) -> (Outcome, Changes) {
        self.index.reads.store(0, Ordering::Relaxed);
        let mut working = Working::new(&self.index);
        let secret = Secret::new([9; 32]);
        let mut known = Known::default();
        let decision = decide(
            &mut working,
            &mut known,
            self.next,
            at(self.now),
            command,
            &secret,
        )
        .unwrap();
        self.next.0 += decision.entries.len() as u64;
        (decision.outcome, working.into_changes())
    }

    fn reads(&self) -> u64 {
        self.index.reads.load(Ordering::Relaxed)
    }

    fn admit(&mut self, ids: impl Iterator<Item = u128>, change: impl Fn(u128, &mut Facts)) {
        for id in ids {
            let outcome = self.commit(self.admission(id, &change));
            let Outcome::Admitted(rows) = outcome else {
                panic!("{outcome:?}")
            };
            assert!(matches!(rows[..], [Admitted::Received { .. }]), "{rows:?}");
        }
    }

    /// The command that admits one document; its number is the low half of the low half of its id.
    fn admission(&self, id: u128, change: impl Fn(u128, &mut Facts)) -> Command {
        let mut facts = example::facts(Kind::Fse, &format!("{:09}", id as u32));
        change(id, &mut facts);
        let admission = Admission {
            document: DocumentId(id),
            purpose: Purpose::Real,
            facts,
            digest: Digest(Sha256::digest(id.to_be_bytes()).into()),
            body: Body {
                bytes: Bytes::from_static(b"<x/>"),
                salt: [7; 16],
            },
            warnings: Vec::new(),
        };
        Command::Admit {
            caller: name("vendor"),
            documents: vec![admission],
            unity: Unity::Each,
        }
    }

    fn due(&self, most: usize) -> Due {
        self.index.reads.store(0, Ordering::Relaxed);
        query::due(&self.index, self.now, SEALING, most).unwrap()
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn cancelled(document: u128) -> Command {
    Command::Cancel {
        document: DocumentId(document),
        caller: name("vendor"),
    }
}

fn ordinary(_: u128, _: &mut Facts) {}

/// One destination for each document.
fn scattered(id: u128, facts: &mut Facts) {
    facts.destination = mutuelle(id);
}

fn mutuelle(number: u128) -> Destination {
    Destination::Amc(Amc::parse(&format!("{:08}", 10_000_000 + number)).unwrap())
}

fn sealed(lot: u128, documents: impl Iterator<Item = u128>, due: Timestamp) -> Sealed {
    let centre = example::centre();
    Sealed {
        lot: LotId(lot),
        centre: centre.finess,
        destination: Destination::Amo(centre.caisse),
        endpoint: EndpointName::parse("paris").unwrap(),
        purpose: Purpose::Real,
        documents: documents.map(DocumentId).collect(),
        digest: Digest([1; 32]),
        length: 100,
        due,
        form: Form::Composed,
    }
}

#[test]
fn each_admission_writes_three_keys_and_shares_the_others() {
    const DOCUMENTS: u64 = 100;
    let ledger = Ledger::new();
    let mut working = Working::new(&ledger.index);
    let mut known = Known::default();
    let secret = Secret::new([9; 32]);
    for number in 0..DOCUMENTS {
        let next = Position(ledger.next.0 + number);
        let admission = ledger.admission(1 + u128::from(number), ordinary);
        decide(
            &mut working,
            &mut known,
            next,
            at(ledger.now),
            admission,
            &secret,
        )
        .unwrap();
    }
    let mut tables = BTreeMap::<char, u64>::new();
    let mut bytes = 0;
    for (key, value) in working.into_changes() {
        let Some(value) = value else { continue };
        *tables.entry(key[0].into()).or_default() += 1;
        bytes += key.len() + value.len();
    }
    // Its record, its number, its place in the list of its centre; then the group and how it is found, what is open
    // of it, the timers, the cells.
    let own = [('d', DOCUMENTS), ('j', DOCUMENTS), ('k', DOCUMENTS)];
    let shared = [('g', 1), ('o', 1), ('q', 3), ('t', 1), ('y', 3)];
    assert_eq!(tables, own.into_iter().chain(shared).collect());
    assert!(bytes <= 420 * DOCUMENTS as usize, "{bytes} bytes");
}

/// While a clock that was set back catches up, all are admitted at one instant.
#[test]
fn bundles_stay_short_while_the_clock_stands() {
    const DOCUMENTS: u128 = 320;
    // Sixteen in eight milliseconds.
    let made_at = |number: u128| ((number / 2) << 80) + number;
    let mut ledger = Ledger::new();
    ledger.admit((1..=DOCUMENTS).map(made_at), ordinary);
    let longest = |ledger: &Ledger, table: u8, width: usize| {
        let pairs = ledger.index.map.scan(&[table], &[table + 1], 1_000);
        let lengths = pairs.unwrap().into_iter().map(|(_, value)| value.len());
        lengths.max().unwrap_or(0) / width
    };
    assert_eq!(longest(&ledger, b'o', 28), 16);
    assert_eq!(longest(&ledger, b't', 16), 16);
    for number in (1..=DOCUMENTS).rev() {
        ledger.commit(cancelled(made_at(number)));
    }
    assert_eq!(longest(&ledger, b'o', 28), 0);
}

/// Within the span of a bundle, the order of ids can be another than that of the instants.
#[test]
fn whichever_of_a_group_leaves_first_the_others_are_found() {
    let (early, late) = ((40 << 80) + 1, (1 << 80) + 2);
    for (first, then) in [(early, late), (late, early)] {
        let mut ledger = Ledger::new();
        ledger.admit([early].into_iter(), ordinary);
        ledger.now = ledger.now + Duration::from_micros(1);
        ledger.admit([late].into_iter(), ordinary);
        ledger.commit(cancelled(first));
        ledger.now = ledger.now + SEALING.age;
        let due = ledger.due(64);
        assert_eq!(due.groups[0].documents[0].0, DocumentId(then));
        ledger.commit(cancelled(then));
        assert_eq!(ledger.due(64).groups.len(), 0);
    }
}

#[test]
fn sealing_reads_as_much_for_each_document_of_a_large_lot_as_of_a_small_one() {
    // In the order of their age, against it, and both ends first: whatever order a lot names them in.
    let orders: [fn(u128, u128) -> u128; 3] = [
        |number, _| number,
        |number, count| count - 1 - number,
        |number, count| {
            if number % 2 == 0 {
                number / 2
            } else {
                count - 1 - number / 2
            }
        },
    ];
    for order in orders {
        let reads = |count: u128, open: u128| {
            let mut ledger = Ledger::new();
            ledger.admit(1..=open, ordinary);
            let lot = sealed(
                1,
                (0..count).map(|number| 1 + order(number, count)),
                ledger.now,
            );
            let (outcome, _) = ledger.decide(Command::Seal(lot));
            assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
            ledger.reads() as f64 / count as f64
        };
        let small = reads(20, 1000);
        assert!(reads(500, 1000) <= small * 1.1, "of a large lot");
        assert!(
            reads(500, 500) <= small * 1.1,
            "of a lot that is all there is"
        );
    }
}

#[test]
fn lots_sealed_one_after_the_other_before_the_index_has_them_cost_the_same() {
    let mut ledger = Ledger::new();
    ledger.admit(1..=1000, ordinary);
    let mut working = Working::new(&ledger.index);
    let mut known = Known::default();
    let secret = Secret::new([9; 32]);
    let mut reads = Vec::new();
    for lot in 0..10 {
        ledger.index.reads.store(0, Ordering::Relaxed);
        let command = Command::Seal(sealed(lot, 1 + lot * 100..=lot * 100 + 100, ledger.now));
        decide(
            &mut working,
            &mut known,
            ledger.next,
            at(ledger.now),
            command,
            &secret,
        )
        .unwrap();
        reads.push(ledger.reads());
    }
    let most = reads.iter().max();
    assert!(
        most <= reads.first().map(|first| first + 20).as_ref(),
        "{reads:?}"
    );
}

#[test]
fn a_turn_reads_what_is_due_and_not_what_waits() {
    let turn = |waiting: u128| {
        let mut ledger = Ledger::new();
        ledger.admit(1..=5, scattered);
        ledger.now = ledger.now + SEALING.age;
        ledger.admit(1_000..1_000 + waiting, scattered);
        // One is full.
        ledger.admit(10_000..10_100, ordinary);
        let due = ledger.due(64);
        assert_eq!(due.groups.len(), 6);
        assert_eq!(due.next, Some(ledger.now + SEALING.age));
        ledger.reads()
    };
    assert_eq!(turn(10), turn(500));
}

#[test]
fn what_is_due_is_cut_to_lots_the_oldest_first() {
    let mut ledger = Ledger::new();
    ledger.admit(1..=150, ordinary);
    let full = ledger.due(64);
    assert_eq!(full.groups.len(), 1);
    assert_eq!(full.next, Some(ledger.now), "there is more of it");
    let documents: Vec<_> = full.groups[0]
        .documents
        .iter()
        .map(|(id, _)| id.0)
        .collect();
    assert_eq!(documents, (1..=100).collect::<Vec<_>>());
    ledger.commit(Command::Seal(sealed(1, 1..=100, ledger.now)));
    let young = ledger.due(64);
    assert_eq!(
        (young.groups.len(), young.next),
        (0, Some(ledger.now + SEALING.age))
    );
    ledger.admit(200..=203, scattered);
    ledger.now = ledger.now + SEALING.age;
    for most in 0..=6 {
        let due = ledger.due(most);
        assert_eq!(due.groups.len(), most.min(5));
        assert_eq!(due.next == Some(ledger.now), most < 5, "{most}");
    }
}

#[test]
fn a_document_that_is_open_again_keeps_its_age() {
    let mut ledger = Ledger::new();
    ledger.admit(1..=2, ordinary);
    let admitted = ledger.now;
    ledger.commit(Command::Seal(sealed(1, 1..=2, admitted)));
    ledger.now = admitted + SEALING.age / 2;
    ledger.admit(3..=3, ordinary);
    let endpoint = EndpointName::parse("paris").unwrap();
    ledger.commit(Command::Lease(Lease {
        endpoint,
        until: ledger.now + SEALING.age,
        most: 1,
    }));
    let next = Next {
        at: ledger.now,
        reason: Reason::Receipt,
    };
    let refused = Conclusion {
        lot: LotId(1),
        attempt: 1,
        asked: None,
        event: Event::ContentRefused,
        next,
        named: vec![(DocumentId(1), None)],
        words: None,
    };
    ledger.commit(Command::Conclude(refused));
    let young = ledger.due(64);
    assert_eq!(young.groups.len(), 0);
    assert_eq!(
        young.next,
        Some(admitted + SEALING.age),
        "not a second time from now"
    );
    ledger.now = admitted + SEALING.age;
    let due = ledger.due(64);
    let documents: Vec<_> = due.groups[0].documents.iter().map(|(id, _)| id.0).collect();
    assert_eq!(documents, [2, 3], "it goes before those that came after it");
}
