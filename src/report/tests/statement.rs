//! Statements from ledgers written by hand: what they say is what the rates say, and a crash owes the others.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::Arc;

use super::closing::closed_after;

use crate::claims::entry::{Entry, Position};
use crate::claims::example;
use crate::claims::id::{Finess, Name};
use crate::claims::period::Period;
use crate::claims::registry::Centre;
use crate::claims::time::{Day, Timestamp};
use crate::clock::{Clock, ManualClock};
use crate::formats::jws::Keys;
use crate::formats::jws::unencoded::{PublicKey, Signer, pem_of};
use crate::formats::statement::verify::{self, Proven};
use crate::formats::statement::{Anchor, Part, Statement};
use crate::report::rate;
use crate::report::rate::past;
use crate::report::statement::publisher::{Publisher, is_open_in};
use crate::report::{Config, Error};
use crate::store::custody::Custody;
use crate::store::memory::Memory;
use crate::store::{BodyId, Command, StatementRecord, Store, WhichStatements};

const CENTRES: [&str; 2] = ["130000011", "750000010"];

fn october() -> Period {
    Period::month_of(Day::parse("2026-10-05").unwrap())
}

fn finess(text: &str) -> Finess {
    Finess::parse(text).unwrap()
}

fn signer() -> Signer {
    Signer::from_pem(&pem_of([42; 32])).unwrap()
}

fn publisher(store: &Arc<Memory>, signer: Option<Signer>) -> Publisher {
    let now = Timestamp::parse("2026-11-03T08:00:00Z").unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(now, 1));
    let telemetry = super::telemetry();
    Publisher::new(store.clone(), clock, signer, telemetry, &Config::default())
}

async fn all(store: &Memory, centre: &str) -> Vec<StatementRecord> {
    let which = WhichStatements::After {
        centre: Some(finess(centre)),
        after: Position(0),
        most: 100,
    };
    store.statements(which).await.unwrap()
}

/// The statement of a record, proven by its own signature.
async fn proven(store: &Memory, record: &StatementRecord) -> Proven {
    let published = &record.published;
    let body = store.body(BodyId::Entry(record.number)).await.unwrap();
    let bytes = body.unwrap().bytes;
    let key = PublicKey(published.key);
    let keys = Keys::from_pem(&key.pem()).unwrap();
    let proven = verify::one(&keys, &bytes, &key.jws(&published.signature)).unwrap();
    assert_eq!(proven.digest, published.digest);
    assert_eq!(proven.statement.policy.digest, published.policy.to_string());
    proven
}

fn sum(parts: &[Part]) -> i64 {
    parts.iter().map(|part| part.documents).sum()
}

/// What holds of every statement: its parts sum, and the corrections are the difference to the frozen rate.
fn adds_up(statement: &Statement) {
    let (rate, splits) = (&statement.rate, &statement.splits);
    for split in [
        &splits.mode,
        &splits.kind,
        &splits.standing,
        &splits.lateness,
    ] {
        assert_eq!(sum(split), rate.denominator);
    }
    assert_eq!(sum(&splits.transmitted), statement.electronic.numerator);
    let lost: i64 = statement.losses.iter().map(|loss| loss.documents).sum();
    assert_eq!(lost, rate.denominator - rate.numerator);
    let frozen = &statement.closing.rate;
    let corrected = statement.corrections.iter().fold((0, 0), |(n, d), row| {
        (n + row.numerator, d + row.denominator)
    });
    assert_eq!(frozen.numerator + corrected.0, rate.numerator);
    assert_eq!(frozen.denominator + corrected.1, rate.denominator);
}

#[tokio::test]
async fn every_centre_of_a_closing_has_one_statement_of_what_was_frozen() {
    let (store, closing) = closed_after(19).await;
    let store = Arc::new(store);
    let publisher = publisher(&store, Some(signer()));
    for _ in 0..2 {
        // A start that knows of nothing done finds nothing to do the second time.
        publisher.catch_up(&mut BTreeSet::new()).await.unwrap();
    }
    let bounds = Config::default().past();
    let past = past::recount(&*store, CENTRES.map(finess).into(), closing, bounds);
    let past = past.await.unwrap();
    for centre in CENTRES {
        let [record] = &all(&store, centre).await[..] else {
            panic!("one statement of {centre}");
        };
        let statement = proven(&store, record).await.statement;
        adds_up(&statement);
        assert_eq!(
            (statement.ledger.position, statement.closing.position),
            (closing.0, closing.0)
        );
        assert_eq!(statement.ledger.hash, past.chain.to_string());
        assert_eq!(statement.previous, None);
        assert_eq!(statement.anchor, None);
        let agreements = super::agreements();
        let rate = rate::of_centre(&past.snapshot, &agreements, finess(centre), october());
        let rate = rate.unwrap();
        assert_eq!(statement.verdict, rate.counts.verdict);
        assert_eq!(statement.method, rate.statement);
        assert_eq!(statement.policy.id, rate.agreement);
        assert_eq!(
            (statement.rate.numerator, statement.rate.denominator),
            (rate.counts.numerator, rate.counts.denominator)
        );
        assert_eq!(
            statement.rate.percent,
            rate.counts.rate.map(|rate| rate.percent)
        );
        let months: Vec<_> = statement.months.iter().map(|month| &*month.month).collect();
        assert_eq!((months.len(), months[9]), (10, "2026-10"));
        assert_eq!(statement.months[9].rate, statement.rate);
    }
}

#[tokio::test]
async fn a_later_statement_names_the_one_it_corrects_and_says_why() {
    let (store, closing) = closed_after(19).await;
    let store = Arc::new(store);
    let publisher = publisher(&store, Some(signer()));
    let actor = Name::parse("operator").unwrap();
    let order = async || {
        publisher
            .publish(finess("750000010"), october(), &actor)
            .await
    };
    let end = store.end().await.unwrap();
    let at = Timestamp::parse("2026-11-02T23:30:00Z").unwrap();
    store
        .commit(
            at,
            Command::Anchor {
                end,
                apart: NonZeroU64::MAX,
            },
        )
        .await
        .unwrap();
    let first = order().await.unwrap();
    let second = order().await.unwrap();
    assert_eq!(first.published.position, closing);
    assert_eq!(second.published.follows, Some(first.number));
    let (before, after) = (proven(&store, &first).await, proven(&store, &second).await);
    let anchored = Anchor {
        day: "2026-11-03".into(),
        entry: end.position.0 + 1,
        position: end.position.0,
        hash: end.chain.to_string(),
    };
    // The first one is made of the entries up to the closing, and the anchor came after them.
    let anchors = [&before, &after].map(|proven| proven.statement.anchor.clone());
    assert_eq!(anchors, [None, Some(anchored)]);
    verify::follows(&before, &after).unwrap();
    adds_up(&after.statement);
    let causes: Vec<_> = after
        .statement
        .corrections
        .iter()
        .map(|row| &*row.cause)
        .collect();
    assert_eq!(causes, ["declaration", "by hand"]);
    // Nothing came since: the same one again.
    assert_eq!(order().await.unwrap().number, second.number);
    assert_eq!(all(&store, "750000010").await.len(), 2);
    // Nor does the closing ask for another one.
    publisher.catch_up(&mut BTreeSet::new()).await.unwrap();
    assert_eq!(all(&store, "750000010").await.len(), 2);
    assert_eq!(all(&store, "130000011").await.len(), 1);
}

#[tokio::test]
async fn there_is_no_statement_without_a_key_or_a_closing() {
    let (store, _) = closed_after(19).await;
    let store = Arc::new(store);
    let actor = Name::parse("operator").unwrap();
    let unsigned = publisher(&store, None);
    let found = unsigned
        .publish(finess("750000010"), october(), &actor)
        .await;
    assert!(matches!(found, Err(Error::NoKey)), "{found:?}");
    let signed = publisher(&store, Some(signer()));
    let september = Period::month_of(Day::parse("2026-09-01").unwrap());
    for (centre, period, open) in [
        ("750000010", september, true),
        // It was registered after the closing's own period began to count, and has left no trace in it.
        ("750000028", october(), false),
    ] {
        let found = signed.publish(finess(centre), period, &actor).await;
        let right = match &found {
            Err(Error::PeriodOpen) => open,
            Err(Error::UnknownCentre) => !open,
            _ => false,
        };
        assert!(right, "{found:?}");
    }
}

#[tokio::test]
async fn what_a_crash_leaves_unpublished_is_published_later_and_nothing_twice() {
    let (store, _) = closed_after(19).await;
    let store = Arc::new(store);
    let actor = Name::parse("operator").unwrap();
    // As if the program had ended after the first one.
    let one = publisher(&store, Some(signer()));
    one.publish(finess(CENTRES[0]), october(), &actor)
        .await
        .unwrap();
    let restarted = publisher(&store, Some(signer()));
    let mut done = BTreeSet::new();
    restarted.catch_up(&mut done).await.unwrap();
    assert_eq!(done.len(), 1);
    for centre in CENTRES {
        assert_eq!(all(&store, centre).await.len(), 1, "{centre}");
    }
    let entries = store.entries(Position(0), usize::MAX).await.unwrap();
    let published = entries
        .iter()
        .filter(|(_, stamped)| matches!(stamped.entry, Entry::Published(_)));
    // The third centre of the ledger was registered before the closing, and is bound too.
    assert_eq!(published.count(), 3);
}

#[test]
fn a_centre_that_left_before_a_period_is_owed_no_statement() {
    let version = |from: &str, until: Option<&str>| Centre {
        from: Day::parse(from).unwrap(),
        until: until.map(|until| Day::parse(until).unwrap()),
        ..example::centre()
    };
    let left = version("2026-01-01", Some("2026-09-30"));
    for (history, open) in [
        (vec![version("2020-01-01", None)], true),
        (vec![version("2026-10-31", None)], true),
        (vec![version("2026-11-01", None)], false),
        (vec![version("2020-01-01", Some("2026-10-01"))], true),
        (vec![left.clone()], false),
        (vec![version("2020-01-01", None), left.clone()], false),
        (vec![left, version("2026-10-15", None)], true),
    ] {
        assert_eq!(is_open_in(&history, october()), open, "{history:?}");
    }
}
