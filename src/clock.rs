//! The only reader of the wall clock, and the source of ids and salts.
//!
//! Everything else is handed its instants, so that a run can be repeated from a seed. It never waits:
//! time that passes is tokio's. A crash leaves nothing behind.

use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::{Builder, Uuid};

use crate::claims::time::Timestamp;

/// What time it is, and what nobody can guess.
pub trait Clock: Send + Sync {
    /// The present instant. It may step back when the machine's clock is corrected.
    fn now(&self) -> Timestamp;

    /// A new id: a UUID of version 7 (RFC 9562 §5.7), greater than those given before it while the
    /// clock does not step back.
    fn fresh_id(&self) -> u128;

    /// Sixteen new random bytes, to be stored beside what they blind.
    fn salt(&self) -> [u8; 16];
}

/// The machine's clock and the system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the wall clock"
    )]
    fn now(&self) -> Timestamp {
        let passed = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_micros(i64::try_from(passed.as_micros()).unwrap_or(i64::MAX))
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the wall clock"
    )]
    fn fresh_id(&self) -> u128 {
        Uuid::now_v7().as_u128()
    }

    /// # Panics
    /// When the system has no randomness to give: a salt that can be guessed would be worse.
    fn salt(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the system gives random bytes");
        bytes
    }
}

/// A clock that stands until it is moved. Two clocks of one seed, moved and asked alike, answer alike.
#[derive(Debug)]
pub struct ManualClock {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    now: Timestamp,
    seed: u64,
    drawn: u32,
}

impl ManualClock {
    /// A clock standing at an instant.
    pub fn new(now: Timestamp, seed: u64) -> Self {
        Self {
            state: Mutex::new(State {
                now,
                seed,
                drawn: 0,
            }),
        }
    }

    /// Moves to an instant, which may be earlier.
    pub fn set(&self, now: Timestamp) {
        self.state().now = now;
    }

    /// Moves forward.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state();
        state.now = state.now + by;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No step between two fields can panic, so the state is whole whoever panicked elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.state().now
    }

    /// 48 bits of milliseconds, 12 of the seed, 32 that count, 24 of the seed again: ordered by time,
    /// then by the order of asking.
    fn fresh_id(&self) -> u128 {
        let mut state = self.state();
        state.drawn = state.drawn.wrapping_add(1);
        let seed = mix(state.seed).to_be_bytes();
        let count = state.drawn.to_be_bytes();
        let tail = [
            seed[0], seed[1], 0, count[0], count[1], count[2], count[3], seed[2], seed[3], seed[4],
        ];
        let millis = u64::try_from(state.now.micros() / 1000).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &tail)
            .into_uuid()
            .as_u128()
    }

    fn salt(&self) -> [u8; 16] {
        let mut state = self.state();
        state.drawn = state.drawn.wrapping_add(1);
        let low = mix(state.seed ^ mix(u64::from(state.drawn)));
        (u128::from(mix(low)) << 64 | u128::from(low)).to_be_bytes()
    }
}

/// SplitMix64's finish: spreads a small difference over all bits.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn noon() -> Timestamp {
        Timestamp::parse("2026-11-22T12:00:00Z").unwrap()
    }

    #[test]
    fn ids_are_version_7_carry_their_time_and_ascend() {
        let manual = ManualClock::new(noon(), 7);
        let clocks: [&dyn Clock; 2] = [&manual, &SystemClock];
        for clock in clocks {
            let mut last = 0;
            for round in 0..1000 {
                if round == 500 {
                    manual.advance(Duration::from_millis(1));
                }
                let id = clock.fresh_id();
                assert!(id > last);
                last = id;
            }
            let id = Uuid::from_u128(last);
            assert_eq!(id.get_version_num(), 7);
            assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
            let (seconds, _) = id.get_timestamp().unwrap().to_unix();
            let now = u64::try_from(clock.now().micros() / 1_000_000).unwrap();
            assert!(now - seconds <= 1, "{seconds} is not {now}");
        }
    }

    #[test]
    fn a_seed_repeats_itself_and_differs_from_another() {
        let draw = |seed| {
            let clock = ManualClock::new(noon(), seed);
            (0..100)
                .map(|_| (clock.fresh_id(), clock.salt()))
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        let both: Vec<_> = [draw(1), draw(2)].concat();
        assert_eq!(
            both.iter().map(|(id, _)| id).collect::<HashSet<_>>().len(),
            200
        );
        assert_eq!(
            both.iter()
                .map(|(_, salt)| salt)
                .collect::<HashSet<_>>()
                .len(),
            200
        );
    }

    #[test]
    fn a_manual_clock_stands_until_it_is_moved() {
        let clock = ManualClock::new(noon(), 0);
        assert_eq!(clock.now(), noon());
        clock.advance(Duration::from_secs(90));
        assert_eq!(clock.now().since(noon()), Duration::from_secs(90));
        clock.set(noon());
        assert_eq!(clock.now(), noon());
    }
}
