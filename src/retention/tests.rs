//! The settings that are refused, what a turn says of legal holds, and clocks that are doubted.

use std::sync::Mutex;

use async_trait::async_trait;

use crate::claims::entry::Position;
use crate::claims::example;
use crate::claims::id::{DocumentId, Name};
use crate::claims::retention::{OnHold, plus_days};
use crate::claims::time::Day;
use crate::clock::ManualClock;
use crate::store::ledger::Secret;
use crate::store::memory::Memory;
use crate::store::retention::{Ending, EvacuationRecord, HoldRecord, Plan, Proofs, Trusted};
use crate::store::traces::{Read, Trace};
use crate::store::{Command, Store};

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

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
        (
            |config| config.clock_seconds = NonZeroU32::new(604_801).unwrap(),
            vec!["clock_seconds"],
        ),
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
        retaining: store,
        traces: Arc::new(Traces::of(directory.path())),
        clock: clock.clone(),
        config: Config::default(),
        telemetry: Arc::new(Telemetry::new(&Default::default(), &[]).unwrap()),
    };
    let mut seen = Seen::default();
    let told = BTreeSet::from([Position(2)]);
    for (days, (instant, holds)) in (0..).zip([
        ("2026-11-25T12:00:00Z", BTreeSet::new()),
        ("2026-11-26T12:00:00Z", told.clone()),
        ("2026-11-27T12:00:00Z", told),
    ]) {
        clock.set(at(instant));
        retention.turn(&mut seen, DAY * days).await;
        assert_eq!(seen.holds, holds, "{instant}");
    }
}

/// Has nothing to clear, and remembers when it was asked to.
struct Asked {
    recorded: Timestamp,
    trusted: Mutex<Option<Trusted>>,
    at: Mutex<Vec<Timestamp>>,
}

#[async_trait]
impl Retaining for Asked {
    async fn legal_holds(&self) -> Result<Vec<HoldRecord>, Error> {
        Ok(Vec::new())
    }

    async fn evacuations(&self) -> Result<Vec<EvacuationRecord>, Error> {
        Ok(Vec::new())
    }

    fn recorded(&self) -> Option<Timestamp> {
        Some(self.recorded)
    }

    async fn trusted(&self) -> Result<Option<Trusted>, Error> {
        Ok(*self.trusted.lock().unwrap())
    }

    async fn trust(&self, trusted: Trusted) -> Result<(), Error> {
        *self.trusted.lock().unwrap() = Some(trusted);
        Ok(())
    }

    async fn plan(&self, _at: Timestamp, _rules: Rules) -> Result<Plan, Error> {
        Ok(Plan::default())
    }

    async fn evacuate(&self, at: Timestamp, _rules: Rules, _pace: Pace) -> Result<Run, Error> {
        self.at.lock().unwrap().push(at);
        Ok(Run::Nothing(Outlook::default()))
    }

    async fn outlook(&self, _rules: Rules) -> Result<Outlook, Error> {
        let (oldest, next) = (Some(self.recorded), None);
        Ok(Outlook { oldest, next })
    }

    async fn proofs(&self, _before: Timestamp) -> Result<Proofs, Error> {
        Ok(Proofs::default())
    }

    async fn ending(&self, _before: Timestamp, _rules: Rules) -> Result<Ending, Error> {
        Ok(Ending::default())
    }
}

#[tokio::test]
async fn by_a_clock_that_is_doubted_nothing_goes() {
    let now = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
    let ahead = plus_days(now, 400);
    let retaining = Arc::new(Asked {
        recorded: now,
        trusted: Mutex::default(),
        at: Mutex::default(),
    });
    let directory = tempfile::tempdir().unwrap();
    let traces = Arc::new(Traces::of(directory.path()));
    let read = Trace {
        at: now,
        centre: example::centre().finess,
        document: DocumentId(1),
        role: Name::parse("operator").unwrap(),
        caller: Name::parse("ops").unwrap(),
        read: Read::Content,
    };
    traces.record(&read).unwrap();
    let traced = || traces.list(None, None, 10, 10).unwrap().traces.len();
    let clock = Arc::new(ManualClock::new(now, 1));
    let retention = Retention {
        retaining: retaining.clone(),
        traces: traces.clone(),
        clock: clock.clone(),
        config: Config::default(),
        telemetry: Arc::new(Telemetry::new(&Default::default(), &[]).unwrap()),
    };
    let mut seen = Seen::default();
    let hour = DAY / 24;
    let looks = [
        // At the start, right an hour after, ahead again, and then for a day.
        (Duration::ZERO, ahead, 1, 0, 1),
        (hour, now, 0, 1, 1),
        (hour * 2, ahead, 1, 1, 1),
        (hour * 25, ahead, 1, 1, 1),
        (hour * 26, ahead, 0, 2, 0),
    ];
    for (passed, at, doubted, asked, traces) in looks {
        clock.set(at);
        retention.turn(&mut seen, passed).await;
        let text = retention.telemetry.render();
        let line = format!("bordereau_retention_clock_doubted {doubted}");
        assert!(
            text.lines().any(|found| found == line),
            "{passed:?}\n{text}"
        );
        // What is kept is shown all the same.
        let oldest = "bordereau_retention_oldest_body_seconds ";
        let oldest = text.lines().find_map(|line| line.strip_prefix(oldest));
        let expected = match doubted {
            0 => None,
            _ => Some(now.since(Timestamp::from_micros(0)).as_secs_f64()),
        };
        let shown = oldest.and_then(|oldest| oldest.parse::<f64>().ok());
        assert_eq!(
            shown.filter(|seconds| seconds.is_normal()),
            expected,
            "{passed:?}"
        );
        assert_eq!(retaining.at.lock().unwrap().len(), asked, "{passed:?}");
        assert_eq!(traced(), traces, "{passed:?}");
    }
    assert_eq!(*retaining.at.lock().unwrap(), [now, ahead]);
}

#[tokio::test]
async fn what_a_doubted_clock_wrote_proves_nothing_at_the_next_start() {
    let now = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
    let ahead = plus_days(now, 400);
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(now, 1));
    let trusted = Mutex::new(None);
    // Each start: the last entry before it, the clock, and what was asked to go.
    let starts = [
        ("wrong", now, ahead, vec![]),
        ("wrong, after entries by that clock", ahead, ahead, vec![]),
        ("right", ahead, now, vec![now]),
        ("wrong once more", ahead, ahead, vec![]),
    ];
    for (start, recorded, at, asked) in starts {
        let retaining = Arc::new(Asked {
            recorded,
            trusted: Mutex::new(*trusted.lock().unwrap()),
            at: Mutex::default(),
        });
        let retention = Retention {
            retaining: retaining.clone(),
            traces: Arc::new(Traces::of(directory.path())),
            clock: clock.clone(),
            config: Config::default(),
            telemetry: Arc::new(Telemetry::new(&Default::default(), &[]).unwrap()),
        };
        clock.set(at);
        retention.turn(&mut Seen::default(), Duration::ZERO).await;
        assert_eq!(*retaining.at.lock().unwrap(), asked, "{start}");
        *trusted.lock().unwrap() = *retaining.trusted.lock().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_is_off_each_night_clears_in_the_end() {
    let friday = Timestamp::parse("2026-11-20T19:00:00Z").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let retaining = Arc::new(Asked {
        recorded: friday,
        trusted: Mutex::new(Some(friday.into())),
        at: Mutex::default(),
    });
    let hour = DAY / 24;
    // A night longer than the longest pause between two looks would hide all that it ran.
    let config = Config {
        look_seconds: NonZeroU32::new(86_400).unwrap(),
        ..Config::default()
    };
    for (began, asked) in [(61, 0), (85, 0), (109, 1)] {
        let clock = Arc::new(ManualClock::new(friday + hour * began, 1));
        let retention = Retention {
            retaining: retaining.clone(),
            traces: Arc::new(Traces::of(directory.path())),
            clock: clock.clone(),
            config: config.clone(),
            telemetry: Arc::new(Telemetry::new(&Default::default(), &[]).unwrap()),
        };
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(retention.run(shutdown.clone()));
        for passed in 0..11 {
            clock.set(friday + hour * (began + passed));
            tokio::time::sleep(hour).await;
        }
        shutdown.cancel();
        running.await.unwrap();
        assert_eq!(retaining.at.lock().unwrap().len(), asked, "{began}");
    }
}
