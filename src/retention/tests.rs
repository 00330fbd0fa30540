//! The settings that are refused, and what a turn says of legal holds.

use crate::claims::entry::Position;
use crate::claims::example;
use crate::claims::id::Name;
use crate::claims::retention::OnHold;
use crate::claims::time::Day;
use crate::clock::ManualClock;
use crate::store::ledger::Secret;
use crate::store::memory::Memory;
use crate::store::{Command, Store};

use super::*;

#[test]
fn what_is_outside_of_floor_and_ceiling_is_named() {
    let with = |change: fn(&mut Config)| {
        let mut config = Config::default();
        change(&mut config);
        let keys = config.outside().into_iter().map(|outside| outside.key);
        keys.collect::<Vec<_>>()
    };
    for (change, expected) in [
        ((|_| {}) as fn(&mut Config), vec![]),
        (|config| config.body_days = 90, vec![]),
        (|config| config.body_days = 89, vec!["body_days"]),
        (|config| config.body_days = 332, vec![]),
        (|config| config.body_days = 333, vec!["wait_days"]),
        (|config| config.wait_days = u32::MAX, vec!["wait_days"]),
        (|config| config.segment_days = 242, vec![]),
        (|config| config.segment_days = 243, vec!["wait_days"]),
        (|config| config.segment_days = 0, vec!["segment_days"]),
        (|config| config.past_percent = 0, vec!["past_percent"]),
        (|config| config.past_percent = 101, vec!["past_percent"]),
        (|config| config.trace_months = 5, vec!["trace_months"]),
        (|config| config.trace_months = 13, vec!["trace_months"]),
        (|config| config.proof_months = 35, vec!["proof_months"]),
        (|config| config.proof_months = 36, vec![]),
        (|config| config.proof_months = 63, vec![]),
        (|config| config.proof_months = 64, vec!["proof_months"]),
    ] {
        assert_eq!(with(change), expected);
    }
}

#[tokio::test]
async fn a_hold_past_its_review_is_said_once_and_shown_always() {
    let at = |text| Timestamp::parse(text).unwrap();
    let now = at("2026-11-22T12:00:00Z");
    let store = Arc::new(Memory::new(Secret::new([9; 32])));
    let registry = Command::Registry(vec![example::centre()]);
    store.commit(now, registry).await.unwrap();
    let day = |day| Day::new(2026, 11, day).unwrap();
    for review in [25, 30] {
        let place = Command::PlaceLegalHold {
            on: OnHold::Centre {
                centre: example::centre().finess,
                from: day(1),
                to: day(2),
            },
            review: day(review),
            actor: Name::parse("ops").unwrap(),
        };
        store.commit(now, place).await.unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(now, 1));
    let retention = Retention {
        keeping: store,
        traces: Arc::new(Traces::of(directory.path())),
        clock: clock.clone(),
        config: Config::default(),
        telemetry: Arc::new(Telemetry::new(&Default::default(), &[]).unwrap()),
    };
    let mut spoken_of = Spoken::default();
    for (instant, overdue, standing) in [
        ("2026-11-25T12:00:00Z", 0, 2),
        ("2026-11-26T12:00:00Z", 1, 1),
        ("2026-11-27T12:00:00Z", 1, 1),
    ] {
        clock.set(at(instant));
        retention.turn(&mut spoken_of).await;
        let text = retention.telemetry.render();
        for (state, count) in [("overdue", overdue), ("standing", standing)] {
            let line = format!("bordereau_retention_legal_holds{{state=\"{state}\"}} {count}");
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
    assert_eq!(spoken_of.holds, BTreeSet::from([Position(2)]));
}
