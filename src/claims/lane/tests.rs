//! What a lane allows after each thing that happens, and what no sequence of things can bring about.

use proptest::prelude::*;

use super::hours::Holidays;
use super::*;

fn second(second: i64) -> Timestamp {
    // A Friday, 09:00 in Paris.
    let start = Timestamp::parse("2026-11-20T08:00:00Z").unwrap();
    start + Duration::from_secs(u64::try_from(second).unwrap())
}

fn rules(concurrency: u32) -> Rules {
    Rules {
        breaker: breaker::Rules {
            failures: NonZeroU32::new(3).unwrap(),
            probe_first: Duration::from_secs(10),
            probe_cap: Duration::from_secs(40),
        },
        asked_cap: Duration::from_secs(100),
        ..Rules::new(NonZeroU32::new(concurrency).unwrap())
    }
}

fn now(count: u32) -> MayGo {
    MayGo::Now(NonZeroU32::new(count).unwrap())
}

fn until(at: i64, reason: Reason) -> MayGo {
    MayGo::Held(held(second(at), reason))
}

/// Begins everything that may, and answers it all the same.
fn round(lane: &mut Lane, at: i64, signal: Signal) -> usize {
    let mut slots = Vec::new();
    while let MayGo::Now(_) = lane.may_go(Kind::Attempt, second(at)) {
        slots.push(lane.begin(Kind::Attempt, second(at)));
    }
    let begun = slots.len();
    for mut slot in slots {
        lane.hear(&mut slot, signal, second(at));
        lane.end(slot, second(at));
    }
    begun
}

#[test]
fn what_is_heard_decides_what_may_go() {
    use Signal::{Served, Silent, Strained, Unserved};
    let busy = |wait| Strained(Trouble::Busy, wait);
    let wait = |seconds| Some(Duration::from_secs(seconds));
    for (name, signals, room) in [
        ("nothing", vec![], now(1)),
        ("served", vec![Served], now(2)),
        ("served twice", vec![Served, Served], now(4)),
        (
            "refused an identity",
            vec![Served, Served, Unserved],
            now(4),
        ),
        ("under load", vec![Served, Served, busy(None)], now(2)),
        ("without an answer", vec![Served, Served, Silent], now(2)),
        (
            "asked to wait",
            vec![Served, busy(wait(7))],
            until(7, Reason::Busy),
        ),
        (
            "asked for too long",
            vec![Served, busy(wait(999))],
            until(100, Reason::Busy),
        ),
        (
            "in maintenance",
            vec![Served, Strained(Trouble::Failing, wait(20))],
            until(20, Reason::Failing),
        ),
        ("twice dead", vec![Unserved, Unserved], now(1)),
        ("dead", vec![Unserved; 3], until(10, Reason::Breaker)),
        (
            "dead of load",
            vec![busy(None); 3],
            until(10, Reason::Breaker),
        ),
        (
            "alive in between",
            vec![Silent, Silent, Served, Silent],
            now(2),
        ),
    ] {
        let mut lane = Lane::new(rules(8));
        for signal in signals {
            match signal {
                // A whole window.
                Served => {
                    round(&mut lane, 0, signal);
                }
                Strained(..) | Unserved | Silent => {
                    let mut slot = lane.begin(Kind::Attempt, second(0));
                    lane.hear(&mut slot, signal, second(0));
                    lane.end(slot, second(0));
                }
            }
        }
        assert_eq!(lane.may_go(Kind::Attempt, second(0)), room, "{name}");
    }
}

#[test]
fn an_outage_is_probed_and_its_end_is_a_ramp() {
    let mut lane = Lane::new(rules(8));
    let mut begun = Vec::new();
    for at in 0..60 {
        let signal = if (5..30).contains(&at) {
            Signal::Unserved
        } else {
            Signal::Served
        };
        begun.push(round(&mut lane, at, signal));
    }
    // Slow start; eight fail at once; probes after 10 and 20 s; slow start up to half, then one by one.
    assert_eq!(begun[..7], [1, 2, 4, 8, 8, 8, 0]);
    assert_eq!(begun[14..17], [0, 1, 0]);
    assert_eq!(begun[17..35], [0; 18]);
    assert_eq!(begun[35..44], [1, 2, 4, 5, 6, 7, 8, 8, 8]);
}

#[test]
fn questions_and_lots_have_a_limit_each() {
    let mut lane = Lane::new(rules(8));
    let question = lane.begin(Kind::Question, second(0));
    assert_eq!(lane.may_go(Kind::Question, second(0)), MayGo::Full);
    assert_eq!(lane.may_go(Kind::Attempt, second(0)), now(1));
    lane.end(question, second(1));
    assert_eq!(lane.may_go(Kind::Question, second(1)), now(1));
}

#[test]
fn what_one_kind_hears_holds_the_other_back_in_nothing() {
    let asked = Signal::Strained(Trouble::Failing, Some(Duration::from_secs(60)));
    for (failing, sound) in [
        (Kind::Question, Kind::Attempt),
        (Kind::Attempt, Kind::Question),
    ] {
        for signal in [Signal::Unserved, Signal::Silent, asked] {
            let mut lane = Lane::new(rules(8));
            let mut exchange = |kind, signal| {
                let mut slot = lane.begin(kind, second(0));
                lane.hear(&mut slot, signal, second(0));
                lane.end(slot, second(0));
            };
            exchange(sound, Signal::Served);
            for _ in 0..9 {
                exchange(failing, signal);
            }
            // Nor does an answer to the sound kind let the other go before its first probe.
            exchange(sound, Signal::Served);
            assert_eq!(lane.breaker(failing), breaker::State::Open);
            let room = lane.may_go(sound, second(0));
            assert!(
                matches!(room, MayGo::Now(_)),
                "{sound:?} {signal:?}: {room:?}"
            );
            assert_eq!(lane.hold(sound, second(0)), None, "{sound:?} {signal:?}");
            assert!(matches!(lane.may_go(failing, second(0)), MayGo::Held(_)));
        }
    }
}

#[test]
fn an_answer_of_one_kind_brings_the_next_probe_of_the_other_forward() {
    for (dead, alive) in [
        (Kind::Attempt, Kind::Question),
        (Kind::Question, Kind::Attempt),
    ] {
        let mut lane = Lane::new(rules(8));
        let mut exchange = |kind, at, signal| {
            let mut slot = lane.begin(kind, second(at));
            lane.hear(&mut slot, signal, second(at));
            lane.end(slot, second(at));
            lane.may_go(dead, second(at))
        };
        for _ in 0..2 {
            exchange(dead, 0, Signal::Unserved);
        }
        assert_eq!(
            exchange(dead, 0, Signal::Unserved),
            until(10, Reason::Breaker)
        );
        // A probe fails; the next would wait 20 s, and waits 10 s like the first.
        assert_eq!(
            exchange(dead, 10, Signal::Unserved),
            until(30, Reason::Breaker)
        );
        assert_eq!(
            exchange(alive, 12, Signal::Served),
            until(20, Reason::Breaker)
        );
        // Trouble of the other kind says nothing.
        assert_eq!(
            exchange(dead, 20, Signal::Unserved),
            until(60, Reason::Breaker)
        );
        assert_eq!(
            exchange(alive, 44, Signal::Silent),
            until(60, Reason::Breaker)
        );
        // Past that first wait it is probed at once, and once.
        assert_eq!(exchange(alive, 45, Signal::Served), now(1));
        let probe = lane.begin(dead, second(45));
        assert_eq!(lane.may_go(dead, second(45)), MayGo::Full);
        let mut other = lane.begin(alive, second(45));
        lane.hear(&mut other, Signal::Served, second(45));
        assert_eq!(lane.may_go(dead, second(45)), MayGo::Full);
        lane.end(probe, second(46));
    }
}

#[test]
fn a_pace_is_kept_by_both_together() {
    let mut lane = Lane::new(Rules {
        pace: Pace::per_second(2.0),
        ..rules(8)
    });
    round(&mut lane, 0, Signal::Served);
    let question = lane.begin(Kind::Question, second(0));
    lane.end(question, second(0));
    let next = second(0) + Duration::from_millis(500);
    let held = MayGo::Held(held(next, Reason::Turn));
    assert_eq!(lane.may_go(Kind::Attempt, second(0)), held);
    assert_eq!(lane.may_go(Kind::Attempt, next), now(1));
}

#[test]
fn a_clock_that_was_ahead_for_a_while_holds_nothing_back() {
    const YEAR: i64 = 365 * 86_400;
    let paced = Rules {
        pace: Pace::per_second(1.0),
        ..rules(4)
    };
    let asked = Signal::Strained(Trouble::Busy, Some(Duration::from_secs(90)));
    for (name, rules, signals) in [
        ("asked to wait", rules(4), vec![asked]),
        ("dead", rules(4), vec![Signal::Unserved; 3]),
        ("paced", paced, vec![Signal::Served]),
    ] {
        let mut lane = Lane::new(rules);
        for signal in signals {
            assert_eq!(round(&mut lane, YEAR, signal), 1, "{name}");
        }
        let ahead = lane.may_go(Kind::Attempt, second(YEAR));
        assert!(matches!(ahead, MayGo::Held(_)), "{name}: {ahead:?}");
        let back = lane.may_go(Kind::Attempt, second(1));
        assert!(matches!(back, MayGo::Now(_)), "{name}: {back:?}");
        let hold = lane
            .hold(Kind::Attempt, second(1))
            .map_or(0, |hold| hold.at.micros());
        assert!(hold <= second(101).micros(), "{name}");
        // What is heard by the clock that is right counts as ever.
        assert_eq!(round(&mut lane, 1, asked), 1, "{name}");
        assert_eq!(
            lane.may_go(Kind::Attempt, second(1)),
            until(91, Reason::Busy)
        );
    }
}

#[test]
fn a_closed_endpoint_holds_until_it_opens() {
    let lines = ["fri 10:00-11:00".to_owned(), "fri 12:00-13:00".to_owned()];
    let mut lane = Lane::new(Rules {
        hours: Hours::parse(&lines, &[], Holidays::Open).unwrap(),
        asked_cap: Duration::from_secs(7200),
        ..rules(8)
    });
    let closed = until(3600, Reason::Closed);
    assert_eq!(lane.may_go(Kind::Attempt, second(0)), closed);
    assert_eq!(lane.may_go(Kind::Question, second(0)), closed);
    assert_eq!(
        lane.hold(Kind::Attempt, second(0)),
        Some(held(second(3600), Reason::Closed))
    );
    assert_eq!(lane.may_go(Kind::Attempt, second(3600)), now(1));
    assert_eq!(lane.hold(Kind::Attempt, second(3600)), None);
    // A wait that ends while it is closed ends when it opens.
    let mut slot = lane.begin(Kind::Attempt, second(7000));
    let wait = Some(Duration::from_secs(600));
    lane.hear(
        &mut slot,
        Signal::Strained(Trouble::Busy, wait),
        second(7000),
    );
    lane.end(slot, second(7000));
    let opens = until(10800, Reason::Closed);
    assert_eq!(lane.may_go(Kind::Attempt, second(7000)), opens);
}

/// Something that happens to a lane.
#[derive(Clone, Debug)]
enum Act {
    /// Time passes, in milliseconds.
    Passes(u64),
    /// Everything begins that may, of a kind.
    Fill(Kind),
    /// Something begins whatever may: what was leased before the lane closed.
    Begins(Kind),
    /// One that runs is heard of, and ends.
    Heard(usize, Signal),
    /// One that runs ends, and nothing was heard.
    Lost(usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let kind = || prop_oneof![Just(Kind::Attempt), Just(Kind::Question)];
    let wait = proptest::option::of((0u64..200).prop_map(Duration::from_secs));
    let trouble = prop_oneof![Just(Trouble::Busy), Just(Trouble::Failing)];
    let signal = prop_oneof![
        4 => Just(Signal::Served),
        2 => (trouble, wait).prop_map(|(trouble, wait)| Signal::Strained(trouble, wait)),
        3 => Just(Signal::Unserved),
        1 => Just(Signal::Silent),
    ];
    let act = prop_oneof![
        3 => (0u64..30_000).prop_map(Act::Passes),
        2 => kind().prop_map(Act::Fill),
        1 => kind().prop_map(Act::Begins),
        6 => (any::<usize>(), signal).prop_map(|(which, signal)| Act::Heard(which, signal)),
        1 => any::<usize>().prop_map(Act::Lost),
    ];
    proptest::collection::vec(act, 0..200)
}

proptest! {
    #[test]
    fn no_sequence_breaks_a_lane(acts in acts(), most in 1u32..20, pace in 0u32..4) {
        let lines = ["mon-fri 09:00-10:00".to_owned()];
        let mut lane = Lane::new(Rules {
            pace: Pace::per_second(f64::from(pace)),
            hours: Hours::parse(&lines, &[], Holidays::Open).unwrap(),
            ..rules(most)
        });
        let mut at = second(0);
        let mut running: Vec<Slot> = Vec::new();
        for act in acts {
            match act {
                Act::Passes(millis) => at = at + Duration::from_millis(millis),
                Act::Fill(kind) => while let MayGo::Now(_) = lane.may_go(kind, at) {
                    running.push(lane.begin(kind, at));
                },
                Act::Begins(kind) => running.push(lane.begin(kind, at)),
                Act::Heard(_, _) | Act::Lost(_) if running.is_empty() => {}
                Act::Heard(which, signal) => {
                    let mut slot = running.swap_remove(which % running.len());
                    lane.hear(&mut slot, signal, at);
                    lane.end(slot, at);
                }
                Act::Lost(which) => {
                    let slot = running.swap_remove(which % running.len());
                    lane.end(slot, at);
                }
            }
            for kind in Kind::ALL {
                prop_assert!((1..=most).contains(&lane.limit(kind)));
                let of_kind = running.iter().filter(|slot| slot.kind == kind);
                let breaker = &lane.side(kind).breaker;
                let probes = of_kind.filter(|slot| breaker.is_probe(slot.role)).count();
                prop_assert!(probes <= 1);
                prop_assert!(probes == 1 || lane.breaker(kind) != breaker::State::HalfOpen);
                match lane.may_go(kind, at) {
                    MayGo::Now(count) => prop_assert!(count.get() <= most),
                    // Whatever it waits for runs, and ends.
                    MayGo::Full => prop_assert!(!running.is_empty()),
                    MayGo::Held(next) => prop_assert!(next.at > at && next.at < Timestamp::MAX),
                }
                prop_assert!(lane.hold(kind, at).is_none_or(|next| next.at >= at));
            }
        }
    }
}
