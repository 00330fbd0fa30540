//! The insurers of a run: what becomes of each call, and what they write back, when and how wrongly.
//!
//! They are honest about what they have: a lot that is theirs is never called unknown or refused. Now and then one loses
//! a lot that it took, and says nothing of it any more until it is sent again. Everything
//! between them and the gateway is not, and what they write back comes late, twice, early, in any order, for
//! other bytes or at another door.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use bordereau::claims::document::Cents;
use bordereau::claims::id::{Digest, DocumentId, EndpointName, LotId, Name};
use bordereau::claims::outcome::{Asked, Cause, Named, Refusal, Sent, Trouble};
use bordereau::claims::receipt::{
    Answer, Coverage, DocumentVerdict, Item, Part, PartOutcome, PartSettlement, Receipt,
    Settlement, SettlementContent, Verdict,
};
use bordereau::claims::standing::Expected;
use bordereau::claims::time::Timestamp;
use bordereau::formats::lot::Composed;
use bordereau::store::{Find, Store};
use bordereau::transport::simulated::{Book, Call, Course, Fate, Request, Simulated};
use bordereau::transport::{Fetched, Transport};

use crate::laws;
use crate::random::Random;
use crate::watched::Watched;
use crate::world::{World, name};

/// Of so many lots in a hundred an insurer knows nothing some minutes after it took them.
const LOST: u64 = 4;

/// The insurers, as the transport reaches them.
pub struct Insurers {
    simulated: Simulated,
    store: Arc<Watched>,
    world: Arc<World>,
    calm: Arc<AtomicBool>,
    seed: u64,
    polls: AtomicU64,
}

/// What the insurers write back.
pub struct Writing {
    random: Random,
    /// What is wrong with single items, apart so that the others stay as they are.
    faults: Random,
    planned: BTreeMap<(Timestamp, u64), (EndpointName, Item)>,
    issued: Vec<(EndpointName, Item)>,
    answered: BTreeSet<LotId>,
    spoken_of: BTreeSet<(LotId, DocumentId)>,
    serial: u64,
    /// Which lots are lost, apart for the same reason.
    losses: Random,
    /// Lots that their insurer is going to lose, and when.
    to_lose: BTreeMap<(Timestamp, LotId), Vec<DocumentId>>,
    lost: BTreeSet<LotId>,
}

impl Insurers {
    pub fn new(seed: u64, store: Arc<Watched>, world: Arc<World>) -> Insurers {
        let calm = Arc::new(AtomicBool::new(false));
        let mut random = Random::new(seed, 2);
        let doors = world.endpoints.iter();
        let faults: BTreeMap<EndpointName, u64> = doors
            .map(|door| (door.name.clone(), *random.one_of(&[0, 10, 30, 60])))
            .collect();
        let quiet = Arc::clone(&calm);
        let script = move |call: &Call<'_>| {
            let faults = faults.get(call.endpoint).copied().unwrap_or_default();
            let faults = if quiet.load(Ordering::Relaxed) {
                0
            } else {
                faults
            };
            fate(call, Random::new(seed, 1000 + call.before), faults)
        };
        Insurers {
            simulated: Simulated::new(Box::new(script)),
            store,
            world,
            calm,
            seed,
            polls: AtomicU64::new(0),
        }
    }

    /// From now on every call is answered.
    pub fn calm(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    pub fn book(&self) -> Book {
        self.simulated.book()
    }
}

#[async_trait]
impl Transport for Insurers {
    async fn send(&self, endpoint: &EndpointName, lot: &Composed) -> Sent {
        self.store.laws().sends(lot.lot.id, lot.digest);
        self.simulated.send(endpoint, lot).await
    }

    async fn status(&self, endpoint: &EndpointName, lot: LotId, digest: Digest) -> Asked {
        if !self.world.endpoint(endpoint).answers_status {
            return Asked::NoService;
        }
        self.simulated.status(endpoint, lot, digest).await
    }

    async fn fetch_receipts(&self, endpoint: &EndpointName, after: Option<&Name>) -> Fetched {
        let fetched = self.simulated.fetch_receipts(endpoint, after).await;
        let poll = self.polls.fetch_add(1, Ordering::Relaxed);
        let mut random = Random::new(self.seed, 1_000_000 + poll);
        match fetched {
            // A front of the insurer's answers in its stead, or the page breaks off.
            Fetched::Feed(feed) if !self.calm.load(Ordering::Relaxed) && random.percent(8) => {
                let page = random.below(3);
                Fetched::Feed(match page {
                    0 => feed.slice(..feed.len() / 2),
                    _ => format!("<html>maintenance {page}</html>").into(),
                })
            }
            fetched => fetched,
        }
    }
}

fn fate(call: &Call<'_>, mut random: Random, faults: u64) -> Fate {
    let slow = random.percent(faults / 3);
    let millis = |random: &mut Random, slow| random.below(if slow { 100_000 } else { 1500 });
    let there = Duration::from_millis(millis(&mut random, slow));
    let back = Duration::from_millis(millis(&mut random, slow));
    let course = match &call.request {
        Request::Send(lot) if faults > 0 && random.percent(8) => {
            Course::Refused(refusal(lot, &mut random))
        }
        Request::Send(_) | Request::Status(_) | Request::Receipts if random.percent(faults) => {
            fault(&mut random)
        }
        Request::Send(_) | Request::Status(_) | Request::Receipts => Course::Answered,
    };
    Fate {
        there,
        back,
        course,
    }
}

fn fault(random: &mut Random) -> Course {
    let cause = *random.one_of(&[Cause::Timeout, Cause::Broken, Cause::Connection]);
    let trouble = *random.one_of(&[
        Trouble::Identity,
        Trouble::Address,
        Trouble::Busy,
        Trouble::Failing,
        Trouble::Unintelligible,
    ]);
    let wait = random
        .percent(30)
        .then(|| Duration::from_secs(random.below(300)));
    match random.below(5) {
        0 => Course::NotReached(cause),
        1 => Course::Lost(cause),
        2 => Course::AnswerLost(cause),
        3 => Course::DoneInTrouble(trouble, wait),
        _ => Course::Trouble(trouble, wait),
    }
}

/// A refusal that names some of the lot's documents, none of them, or one that is elsewhere.
fn refusal(lot: &Composed, random: &mut Random) -> Refusal {
    let ids = lot.rows.iter().map(|row| row.document);
    let mut named: Vec<_> = ids.filter(|_| random.percent(40)).collect();
    if random.percent(20) {
        named.push(DocumentId(u128::from(random.next())));
    }
    let named = named.into_iter().map(|document| Named {
        document,
        code: Some(name("R114")),
        text: None,
    });
    Refusal {
        code: Some(name("R001")),
        text: Some("rang de naissance".to_owned()),
        named: named.collect(),
    }
}

impl Writing {
    pub fn new(seed: u64) -> Writing {
        Writing {
            random: Random::new(seed, 3),
            faults: Random::new(seed, 6),
            planned: BTreeMap::new(),
            issued: Vec::new(),
            answered: BTreeSet::new(),
            spoken_of: BTreeSet::new(),
            serial: 0,
            losses: Random::new(seed, 10),
            to_lose: BTreeMap::new(),
            lost: BTreeSet::new(),
        }
    }

    /// Plans answers to what came since, and gives out what is due.
    pub fn write(&mut self, now: Timestamp, insurers: &Insurers) {
        self.lose(now, insurers);
        let book = insurers.book();
        for (lot, (digest, rows)) in &book.lots {
            if self.answered.insert(*lot) {
                let documents: Vec<_> = rows.iter().map(|row| row.document).collect();
                self.plan(now, insurers, *lot, *digest, &documents);
                if self.losses.percent(LOST) {
                    let at = now + Duration::from_secs(self.losses.below(600));
                    self.to_lose.insert((at, *lot), documents);
                }
            }
        }
        for lot in book.refused.keys() {
            if self.answered.insert(*lot) && self.random.percent(50) {
                self.plan_refused(now, insurers, *lot);
            }
        }
        while let Some(first) = self.planned.first_entry() {
            if first.key().0 > now {
                break;
            }
            let (endpoint, item) = first.remove();
            self.issue(insurers, endpoint, item);
        }
    }

    /// Loses what is to be lost by now, with all that would have been said of it; what was spoken of is not lost.
    fn lose(&mut self, now: Timestamp, insurers: &Insurers) {
        if insurers.calm.load(Ordering::Relaxed) {
            return self.to_lose.clear();
        }
        while let Some(first) = self.to_lose.first_entry() {
            if first.key().0 > now {
                return;
            }
            let ((_, lot), documents) = first.remove_entry();
            let names = |item: &Item| match item {
                Item::Receipt(receipt) => receipt.lot == lot,
                Item::Settlement(settlement) => documents.contains(&settlement.document),
            };
            if self.issued.iter().any(|(_, item)| names(item)) {
                continue;
            }
            insurers.simulated.forget(lot);
            self.planned.retain(|_, (_, item)| !names(item));
            self.answered.remove(&lot);
            self.lost.insert(lot);
        }
    }

    /// How many lots were lost.
    pub fn losses(&self) -> usize {
        self.lost.len()
    }

    /// Lots that an insurer lost and did not take anew since.
    pub fn lost(&self, insurers: &Insurers) -> Vec<LotId> {
        let book = insurers.book();
        let lost = self.lost.iter().copied();
        lost.filter(|lot| !book.lots.contains_key(lot)).collect()
    }

    /// Gives out everything that is planned, and a word on every document that has none.
    pub fn finish(&mut self, now: Timestamp, insurers: &Insurers) {
        self.write(Timestamp::MAX, insurers);
        for (lot, (digest, rows)) in &insurers.book().lots {
            let ids = rows.iter().map(|row| row.document);
            let silent = |id: &DocumentId| !self.spoken_of.contains(&(*lot, *id));
            let silent: Vec<_> = ids.filter(silent).collect();
            if !silent.is_empty() {
                let rows = silent.iter().map(|id| verdict(*id, Verdict::Accepted));
                let mut receipt = self.receipt(*lot, *digest, now, Verdict::Accepted);
                receipt.documents = rows.collect();
                receipt.coverage = Coverage::Listed;
                let endpoint = endpoint_of(insurers, *lot);
                self.issue(insurers, endpoint, Item::Receipt(receipt));
            }
        }
    }

    fn issue(&mut self, insurers: &Insurers, endpoint: EndpointName, item: Item) {
        if self.faults.percent(5) {
            let unreadable = format!(
                "<receipt xmlns='urn:bordereau:receipt:1' id='{}'/>",
                self.id()
            );
            insurers.simulated.issue_text(&endpoint, unreadable);
        }
        insurers.simulated.issue(&endpoint, &item);
        self.remember(insurers, &endpoint, &item);
        self.issued.push((endpoint, item));
    }

    /// What was said in a receipt that is right.
    fn remember(&mut self, insurers: &Insurers, endpoint: &EndpointName, item: &Item) {
        let Item::Receipt(receipt) = item else {
            return;
        };
        let Some((digest, rows)) = insurers.book().lots.get(&receipt.lot).cloned() else {
            return;
        };
        let right = digest == receipt.digest
            && *endpoint == endpoint_of(insurers, receipt.lot)
            && receipt
                .documents
                .iter()
                .all(|one| rows.iter().any(|row| row.document == one.document));
        if right {
            let said = rows.iter().map(|row| row.document).filter(|id| {
                receipt.coverage == Coverage::Whole
                    || receipt.documents.iter().any(|one| one.document == *id)
            });
            self.spoken_of.extend(said.map(|id| (receipt.lot, id)));
        }
    }

    fn plan(
        &mut self,
        now: Timestamp,
        insurers: &Insurers,
        lot: LotId,
        digest: Digest,
        documents: &[DocumentId],
    ) {
        let endpoint = endpoint_of(insurers, lot);
        let at = now + Duration::from_secs(self.random.below(400));
        let mut whole = self.receipt(lot, digest, at, Verdict::Accepted);
        match self.random.below(8) {
            0 => whole.verdict = Verdict::Refused,
            1 | 2 => {
                let some = documents.iter().filter(|_| self.random.percent(50));
                whole.documents = some.map(|id| verdict(*id, Verdict::Refused)).collect();
            }
            3 | 4 => {
                whole.coverage = Coverage::Listed;
                let cut = self.random.below(documents.len() as u64 + 1) as usize;
                let (first, second) = documents.split_at(cut);
                whole.documents = self.verdicts(first);
                if self.random.percent(60) {
                    let later = at + Duration::from_secs(self.random.below(900));
                    let mut other = self.receipt(lot, digest, later, Verdict::Accepted);
                    other.coverage = Coverage::Listed;
                    other.documents = self.verdicts(second);
                    self.later(later, endpoint.clone(), Item::Receipt(other));
                }
            }
            // No receipt until the end: it becomes overdue.
            5 => whole.coverage = Coverage::Listed,
            _ => {}
        }
        self.wrong(at, &endpoint, insurers, &whole);
        self.contradict(at, &endpoint, &whole);
        if whole.coverage == Coverage::Whole || !whole.documents.is_empty() {
            self.later(at, endpoint.clone(), Item::Receipt(whole));
        }
        for document in documents {
            self.plan_settlement(at, insurers, &endpoint, *document);
        }
    }

    /// Copies of a receipt that must change nothing, or that a later word overrides.
    fn wrong(
        &mut self,
        at: Timestamp,
        endpoint: &EndpointName,
        insurers: &Insurers,
        right: &Receipt,
    ) {
        let later = at + Duration::from_secs(self.random.below(600));
        let mut copy = right.clone();
        match self.random.below(12) {
            0 => copy.digest = Digest([0xee; 32]),
            1 => copy
                .documents
                .push(verdict(DocumentId(7), Verdict::Refused)),
            2 => copy.lot = LotId(7),
            3 => {
                let doors = &insurers.world.endpoints;
                let other = self.random.one_of(doors).name.clone();
                copy.id = self.id();
                return self.later(later, other, Item::Receipt(copy));
            }
            // The same one again, under its id or a new one.
            4 => return self.later(later, endpoint.clone(), Item::Receipt(copy)),
            5 => {}
            // Another word on the whole lot, of earlier or later issue.
            6 => {
                copy.coverage = Coverage::Whole;
                copy.verdict = *self.random.one_of(&Verdict::ALL);
                copy.documents.clear();
                copy.issued = at + Duration::from_secs(self.random.below(600));
            }
            _ => return,
        }
        copy.id = self.id();
        self.later(later, endpoint.clone(), Item::Receipt(copy));
    }

    /// Another word under the same id, before or after the right one: what the gateway heard first stands.
    fn contradict(&mut self, at: Timestamp, endpoint: &EndpointName, right: &Receipt) {
        if !self.faults.percent(10) {
            return;
        }
        let mut other = right.clone();
        match self.faults.below(3) {
            0 => {
                other.verdict = match right.verdict {
                    Verdict::Accepted => Verdict::Refused,
                    Verdict::Refused => Verdict::Accepted,
                };
            }
            1 => other.code = Some(name("B2")),
            _ => other.issued = right.issued + Duration::from_secs(1),
        }
        let later = at + Duration::from_secs(self.faults.below(900));
        self.serial += 1;
        let planned = (endpoint.clone(), Item::Receipt(other));
        self.planned.insert((later, self.serial), planned);
    }

    fn plan_settlement(
        &mut self,
        receipt: Timestamp,
        insurers: &Insurers,
        endpoint: &EndpointName,
        document: DocumentId,
    ) {
        if self.random.percent(40) {
            return;
        }
        let found = laws::now(insurers.store.memory.document(Find::Id(document)));
        let Some(view) = found else { return };
        let expected = Expected::of(&view.record.received.facts);
        let at = receipt + Duration::from_secs(self.random.below(900));
        // Before the receipt as often as after it.
        let at = if self.random.percent(50) {
            at
        } else {
            at - Duration::from_secs(500)
        };
        let content = self.content(expected);
        let deferred = match &content {
            SettlementContent::Parts(parts) => parts
                .iter()
                .any(|part| part.outcome == PartOutcome::Deferred),
            SettlementContent::Answer { .. } => false,
        };
        self.settle(at, endpoint, document, content);
        if deferred || self.random.percent(10) {
            let content = self.content(expected);
            let later = at + Duration::from_secs(self.random.below(900));
            self.settle(later, endpoint, document, content);
        }
    }

    fn settle(
        &mut self,
        at: Timestamp,
        endpoint: &EndpointName,
        document: DocumentId,
        content: SettlementContent,
    ) {
        let settlement = Settlement {
            id: self.id(),
            document,
            issued: at,
            content,
        };
        self.later(at, endpoint.clone(), Item::Settlement(settlement));
    }

    /// What a document expects, and sometimes what it does not.
    fn content(&mut self, expected: Expected) -> SettlementContent {
        let odd = self.random.percent(5);
        let answer = SettlementContent::Answer {
            answer: *self.random.one_of(&Answer::ALL),
            code: None,
            text: None,
        };
        let parts: &[Part] = match expected {
            Expected::Answer if !odd => return answer,
            Expected::Amo | Expected::Amc | Expected::Both if odd => return answer,
            Expected::Amo | Expected::Answer | Expected::Nothing => &[Part::Amo],
            Expected::Amc => &[Part::Amc],
            Expected::Both => &Part::ALL,
        };
        let part = |part: &Part| PartSettlement {
            part: *part,
            outcome: *self.random.one_of(&PartOutcome::ALL),
            amount: Cents(1200),
            code: None,
            text: None,
        };
        SettlementContent::Parts(parts.iter().map(part).collect())
    }

    /// A lot that was refused in the answer gets its negative receipt as well.
    fn plan_refused(&mut self, now: Timestamp, insurers: &Insurers, lot: LotId) {
        let Some(record) = laws::now(insurers.store.memory.lot(lot)) else {
            return;
        };
        let at = now + Duration::from_secs(self.random.below(400));
        let receipt = self.receipt(lot, record.sealed.digest, at, Verdict::Refused);
        self.later(at, record.sealed.endpoint, Item::Receipt(receipt));
    }

    fn receipt(&mut self, lot: LotId, digest: Digest, at: Timestamp, verdict: Verdict) -> Receipt {
        Receipt {
            id: self.id(),
            lot,
            digest,
            issued: at - Duration::from_secs(self.random.below(300)),
            verdict,
            documents: Vec::new(),
            coverage: Coverage::Whole,
            code: Some(name("A1")),
            text: None,
        }
    }

    fn verdicts(&mut self, documents: &[DocumentId]) -> Vec<DocumentVerdict> {
        let word = |random: &mut Random| {
            if random.percent(75) {
                Verdict::Accepted
            } else {
                Verdict::Refused
            }
        };
        let rows = documents
            .iter()
            .map(|id| verdict(*id, word(&mut self.random)));
        rows.collect()
    }

    fn later(&mut self, at: Timestamp, endpoint: EndpointName, item: Item) {
        self.serial += 1;
        self.planned
            .insert((at, self.serial), (endpoint.clone(), item.clone()));
        // Duplicates of one item, much later.
        if self.random.percent(10) {
            self.serial += 1;
            let again = at + Duration::from_secs(self.random.below(3600));
            self.planned.insert((again, self.serial), (endpoint, item));
        }
    }

    fn id(&mut self) -> Name {
        self.serial += 1;
        name(&format!("I-{}", self.serial))
    }
}

fn verdict(document: DocumentId, verdict: Verdict) -> DocumentVerdict {
    DocumentVerdict {
        document,
        verdict,
        code: None,
        text: None,
    }
}

fn endpoint_of(insurers: &Insurers, lot: LotId) -> EndpointName {
    let record = laws::now(insurers.store.memory.lot(lot));
    record.expect("what was taken was sealed").sealed.endpoint
}
