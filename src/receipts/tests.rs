//! What a poller does with everything that an endpoint can answer.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::claims::entry::{Entry, OrphanCause, Position};
use crate::claims::id::{Digest, LotId};
use crate::claims::outcome::{Asked, Cause, Sent, Trouble};
use crate::claims::receipt::{Coverage, HeardOutcome, Receipt, Verdict};
use crate::claims::time::Timestamp;
use crate::clock::ManualClock;
use crate::formats::jws::Keys;
use crate::formats::lot::Composed;
use crate::formats::xml::{write_feed, write_receipt};
use crate::store::BodyId;
use crate::store::ledger::Secret;
use crate::store::memory::Memory;
use crate::telemetry;

/// An insurer that gives these answers, one after the other, and panics after the last.
struct Scripted(Mutex<VecDeque<Fetched>>);

#[async_trait]
impl Transport for Scripted {
    async fn send(&self, _endpoint: &EndpointName, _lot: &Composed) -> Sent {
        Sent::NotReached(Cause::NoEndpoint)
    }

    async fn status(&self, _endpoint: &EndpointName, _lot: LotId, _digest: Digest) -> Asked {
        Asked::NoService
    }

    async fn fetch_receipts(&self, _endpoint: &EndpointName, _after: Option<&Name>) -> Fetched {
        let next = self.0.lock().unwrap().pop_front();
        next.expect("the script has an end")
    }
}

struct Rig {
    receipts: Receipts,
    endpoint: EndpointName,
    pace: Pace,
}

impl Rig {
    fn new(answers: impl IntoIterator<Item = Fetched>) -> Rig {
        let now = Timestamp::parse("2026-11-20T09:00:00Z").unwrap();
        let endpoint = EndpointName::parse("paris").unwrap();
        let names = [endpoint.clone()];
        let telemetry = Telemetry::new(&telemetry::Config::default(), &names).unwrap();
        let purpose = crate::claims::document::Purpose::Real;
        let routes = Routes::new([(endpoint.clone(), purpose, Vec::new())]);
        Rig {
            receipts: Receipts {
                store: Arc::new(Memory::new(Secret::new([9; 32]))),
                transport: Arc::new(Scripted(Mutex::new(answers.into_iter().collect()))),
                clock: Arc::new(ManualClock::new(now, 1)),
                routes: watch::channel(Arc::new(routes)).1,
                reader: Arc::new(Reader::new().unwrap()),
                limits: Limits::default(),
                keys: watch::channel(Arc::new(Keyring::new([(endpoint.clone(), None)]))).1,
                config: Arc::new(Config::default()),
                telemetry: Arc::new(telemetry),
            },
            endpoint,
            pace: Pace::default(),
        }
    }

    async fn question(&mut self) -> Answer {
        let answer = self.receipts.guarded(&self.endpoint, &self.pace).await;
        self.pace.after(answer.0, answer.1, &self.receipts.config);
        answer
    }

    async fn entries(&self) -> Vec<Entry> {
        let entries = self.receipts.store.entries(Position(0), usize::MAX);
        let entries = entries.await.unwrap();
        entries
            .into_iter()
            .map(|(_, stamped)| stamped.entry)
            .collect()
    }

    fn polls(&self, outcome: &str) -> Option<f64> {
        let page = self.receipts.telemetry.render();
        let series = format!("receipts_polls_total{{endpoint=\"paris\",outcome=\"{outcome}\"}} ");
        let line = page.lines().find_map(|line| line.split_once(&series));
        line?.1.parse().ok()
    }
}

fn feed(next: &str, items: &[&str]) -> Fetched {
    Fetched::Feed(write_feed(next, items.iter().copied()).into())
}

fn receipt(id: &str) -> String {
    write_receipt(&Receipt {
        id: Name::parse(id).unwrap(),
        lot: LotId(1),
        digest: Digest([1; 32]),
        issued: Timestamp::parse("2026-11-20T08:00:00Z").unwrap(),
        verdict: Verdict::Accepted,
        documents: Vec::new(),
        coverage: Coverage::Whole,
        code: None,
        text: None,
    })
}

#[tokio::test]
async fn a_cursor_moves_with_the_items_before_it() {
    let broken = receipt("2").replace("accepted", "perhaps");
    let mut rig = Rig::new([
        feed("c1", &[&receipt("1"), &broken]),
        feed("c1", &[]),
        feed("c1", &[&receipt("1")]),
    ]);
    assert_eq!(rig.question().await, (Round::Stray, None));
    let entries = rig.entries().await;
    let [
        Entry::Orphaned(unknown),
        Entry::Orphaned(unreadable),
        Entry::Cursor { cursor, .. },
    ] = &entries[..]
    else {
        panic!("{entries:?}");
    };
    assert_eq!(
        (unknown.cause, unreadable.cause, cursor.as_str()),
        (OrphanCause::UnknownLot, OrphanCause::Unreadable, "c1")
    );
    assert_eq!(rig.question().await, (Round::Nothing, None));
    // What comes again under the same cursor is nothing new.
    assert_eq!(rig.question().await, (Round::Nothing, None));
    assert_eq!(rig.entries().await.len(), 3);
    assert_eq!(rig.polls("answered"), Some(3.0));
}

#[tokio::test]
async fn a_feed_that_cannot_be_read_is_kept_once_and_asked_for_again() {
    let unreadable = |text: &str| Fetched::Feed(Bytes::copy_from_slice(text.as_bytes()));
    let mut rig = Rig::new([
        unreadable("<html>"),
        // Of a page that differs each time only the first one is kept, also with trouble in between.
        unreadable("<html>1"),
        Fetched::Trouble(Trouble::Failing, None),
        unreadable("<html>3"),
        feed("c1", &[&receipt("1")]),
        unreadable("<html>"),
        unreadable("<html>2"),
    ]);
    for round in [
        Round::Unreadable,
        Round::Unreadable,
        Round::Trouble,
        Round::Unreadable,
        Round::Stray,
        Round::Unreadable,
        Round::Unreadable,
    ] {
        assert_eq!(rig.question().await, (round, None));
    }
    let entries = rig.entries().await;
    let [
        Entry::Orphaned(first),
        Entry::Orphaned(_),
        Entry::Cursor { .. },
    ] = &entries[..]
    else {
        panic!("{entries:?}");
    };
    assert_eq!(first.cause, OrphanCause::UnreadableFeed);
    let body = rig.receipts.store.body(BodyId::Entry(Position(1)));
    assert_eq!(body.await.unwrap().unwrap().bytes, "<html>");
    assert_eq!(rig.polls("unreadable"), Some(5.0));
}

#[tokio::test]
async fn no_trouble_ends_a_poller() {
    let asked = Some(Duration::from_secs(7));
    let mut rig = Rig::new([
        Fetched::Trouble(Trouble::Busy, asked),
        Fetched::Trouble(Trouble::Unintelligible, None),
        Fetched::NoAnswer(Cause::Timeout),
    ]);
    assert_eq!(rig.question().await, (Round::Trouble, asked));
    for _ in 0..2 {
        assert_eq!(rig.question().await, (Round::Trouble, None));
    }
    // The script has ended: this one panics.
    assert_eq!(rig.question().await, (Round::Trouble, None));
    for outcome in ["busy", "unintelligible", "no answer", "broke off"] {
        assert_eq!(rig.polls(outcome), Some(1.0), "{outcome}");
    }
    assert_eq!(rig.entries().await, []);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_repeats_itself_for_ever_is_asked_slowly() {
    // Each page has another cursor and says what the one before said.
    let pages = (0..5_000).map(|page| feed(&format!("c{page}"), &[&receipt("1")]));
    let rig = Rig::new(pages);
    let shutdown = CancellationToken::new();
    let run = tokio::spawn(rig.receipts.clone().run(shutdown.clone()));
    tokio::time::sleep(Duration::from_secs(21)).await;
    // The first is kept; after five seconds a thousand at once, and then one in five seconds.
    assert_eq!(rig.polls("answered"), Some(1.0 + 1001.0 + 3.0));
    shutdown.cancel();
    run.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_makes_new_orphans_for_ever_is_asked_ever_more_slowly() {
    // Each page has another cursor, and an item of no lot of ours under an id of its own.
    let pages = (0..5_000).map(|page| feed(&format!("c{page}"), &[&receipt(&format!("r{page}"))]));
    let rig = Rig::new(pages);
    let shutdown = CancellationToken::new();
    let run = tokio::spawn(rig.receipts.clone().run(shutdown.clone()));
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    // Seven in the first minutes, then one in `idle_cap_seconds`; each costs an entry with its bytes.
    assert_eq!(rig.polls("answered"), Some(7.0 + 286.0));
    shutdown.cancel();
    run.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_poller_goes_on_after_a_panic_and_ends_at_shutdown() {
    let rig = Rig::new([]);
    let shutdown = CancellationToken::new();
    let run = tokio::spawn(rig.receipts.clone().run(shutdown.clone()));
    tokio::time::sleep(Duration::from_secs(16)).await;
    // At once, after 5 seconds and after 10 more.
    assert_eq!(rig.polls("broke off"), Some(3.0));
    shutdown.cancel();
    run.await.unwrap();
}

#[tokio::test]
async fn without_the_signature_of_its_endpoint_nothing_is_evidence() {
    let signed = include_str!("../../fixtures/signatures/feed.xml");
    let page = || Fetched::Feed(Bytes::from_static(signed.as_bytes()));
    let key = include_str!("../../fixtures/signatures/ed25519.pem");
    let keys = Keys::from_pem(key).unwrap();
    let mut rig = Rig::new([page()]);
    let keys = Keyring::new([(rig.endpoint.clone(), Some(keys))]);
    rig.receipts.keys = watch::channel(Arc::new(keys)).1;
    rig.question().await;
    let causes = rig
        .entries()
        .await
        .into_iter()
        .filter_map(|entry| match entry {
            Entry::Orphaned(orphan) => Some(orphan.cause),
            _ => None,
        });
    // The lot of the first is not known here; the second is signed by another key.
    let expected = [OrphanCause::UnknownLot, OrphanCause::Signature];
    assert_eq!(causes.collect::<Vec<_>>(), expected);
    // The signature is kept with what it signs.
    for position in [1, 2] {
        let body = rig.receipts.store.body(BodyId::Entry(Position(position)));
        let body = body.await.unwrap().unwrap().bytes;
        let part = rig.receipts.reader.alone(&body).unwrap();
        assert!(part.signature(&body).is_some());
    }
}

#[test]
fn an_item_is_told_by_what_became_of_it() {
    let rig = Rig::new([]);
    let written = receipt("1");
    let read = rig
        .receipts
        .reader
        .read_item(written.as_bytes(), &Limits::default());
    let item = Evidence::Item(read.value.unwrap());
    for cause in OrphanCause::ALL {
        let outcome = HeardOutcome::Orphan(cause);
        let telemetry = &rig.receipts.telemetry;
        telemetry.record(Event::heard(&rig.endpoint, outcome, item.item()));
        let page = telemetry.render();
        let word = cause.as_str();
        let series = format!("receipts_orphaned_total{{endpoint=\"paris\",cause=\"{word}\"}} 1");
        assert!(page.contains(&series), "{word}");
    }
}

/// An insurer that is never reached, and who was asked for.
#[derive(Default)]
struct Unreached(Mutex<Vec<EndpointName>>);

impl Unreached {
    /// Who was asked for since the last look, each once.
    fn asked(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut *self.0.lock().unwrap());
        asked.sort_unstable();
        asked.dedup();
        asked.iter().map(EndpointName::to_string).collect()
    }
}

#[async_trait]
impl Transport for Unreached {
    async fn send(&self, _endpoint: &EndpointName, _lot: &Composed) -> Sent {
        Sent::NotReached(Cause::NoEndpoint)
    }

    async fn status(&self, _endpoint: &EndpointName, _lot: LotId, _digest: Digest) -> Asked {
        Asked::NoService
    }

    async fn fetch_receipts(&self, endpoint: &EndpointName, _after: Option<&Name>) -> Fetched {
        self.0.lock().unwrap().push(endpoint.clone());
        Fetched::NoAnswer(Cause::NoEndpoint)
    }
}

#[tokio::test(start_paused = true)]
async fn pollers_begin_and_end_with_their_endpoints() {
    let name = |text: &str| EndpointName::parse(text).unwrap();
    let routes = |names: &[&str]| {
        let purpose = crate::claims::document::Purpose::Real;
        let rows = names.iter().map(|text| (name(text), purpose, Vec::new()));
        Arc::new(Routes::new(rows.collect::<Vec<_>>()))
    };
    let transport = Arc::new(Unreached::default());
    let (present, told) = watch::channel(routes(&[]));
    let receipts = Receipts {
        transport: transport.clone(),
        routes: told,
        ..Rig::new([]).receipts
    };
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(receipts.run(shutdown.clone()));
    for (names, hours) in [
        (vec![], 1),
        (vec!["lyon", "paris"], 1),
        (vec!["nice", "paris"], 1),
        // Who is in trouble for long is asked as soon as something is another.
        (vec!["paris"], 0),
        (vec![], 1),
        (vec!["lyon"], 1),
    ] {
        present.send_replace(routes(&names));
        tokio::time::sleep(Duration::from_millis(10)).await;
        tokio::time::sleep(Duration::from_secs(hours * 3600)).await;
        assert_eq!(transport.asked(), names);
    }
    shutdown.cancel();
    running.await.unwrap();
    assert!(transport.asked().is_empty());
}
