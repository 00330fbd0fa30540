//! When the next attempt is made: exponential, capped, spread, and the same on every computation.
//!
//! There is no randomness: the spread derives from what is attempted and the number of the attempt, so a replay
//! finds the same instants. There is no last attempt: a lot is held, never dropped.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::claims::id::LotId;

/// What spreads the waits of one thing that is attempted: two of them that failed together do not come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(u128);

/// How long to wait between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The wait after the first attempt, before it is spread.
    pub first: Duration,
    /// Each wait is so many times the one before; 0 counts as 1.
    pub factor: u32,
    /// No wait is longer.
    pub cap: Duration,
    /// No wait that a destination asks for is honoured for longer: a mistake in its `Retry-After` must
    /// not keep documents past their legal deadline.
    pub asked_cap: Duration,
}

impl Seed {
    /// That of a name, at a place in the ledger.
    pub fn of(name: &str, place: u64) -> Seed {
        let digest = Sha256::new()
            .chain_update(place.to_be_bytes())
            .chain_update(name)
            .finalize();
        let mut first = [0; 16];
        first.copy_from_slice(&digest[..16]);
        Seed(u128::from_be_bytes(first))
    }
}

impl From<LotId> for Seed {
    fn from(lot: LotId) -> Seed {
        Seed(lot.0)
    }
}

impl Schedule {
    /// The wait after an attempt (from 1): between one half and the whole of `first × factor^(attempt−1)`,
    /// capped. The half that is spread keeps lots that failed together from coming back together.
    pub fn wait(&self, seed: impl Into<Seed>, attempt: u32) -> Duration {
        let whole = self.whole(attempt);
        let half = whole / 2;
        half + spread(whole - half, seed.into(), attempt)
    }

    /// The wait after an attempt that the destination answered with a wait of its own: never shorter than
    /// it asks, up to the cap, and spread by at most `first` so that all it sent away do not come at once. Nor is it
    /// shorter than without its asking: who asks for no wait at all is not tried ever again without one.
    pub fn honour(&self, asked: Duration, seed: impl Into<Seed>, attempt: u32) -> Duration {
        let seed = seed.into();
        let asked = asked.min(self.asked_cap) + spread(self.first, seed, attempt);
        asked.max(self.wait(seed, attempt))
    }

    /// The longest wait.
    pub fn longest(&self) -> Duration {
        self.cap
    }

    fn whole(&self, attempt: u32) -> Duration {
        let factor = self.factor.max(1);
        let mut whole = self.first.min(self.cap);
        for _ in 1..attempt {
            if whole == self.cap || factor == 1 || whole.is_zero() {
                break;
            }
            whole = whole.saturating_mul(factor).min(self.cap);
        }
        whole
    }
}

impl Default for Schedule {
    /// From 5 seconds to 15 minutes: short against a hiccup, and about a hundred attempts a day against
    /// an outage. A destination may ask for an hour.
    fn default() -> Schedule {
        Schedule {
            first: Duration::from_secs(5),
            factor: 2,
            cap: Duration::from_secs(15 * 60),
            asked_cap: Duration::from_secs(3600),
        }
    }
}

/// A part of `span` that derives from seed and attempt, in whole microseconds.
fn spread(span: Duration, Seed(seed): Seed, attempt: u32) -> Duration {
    let span = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    let low = seed as u64;
    let high = (seed >> 64) as u64;
    let drawn = mix(mix(mix(low) ^ high) ^ u64::from(attempt));
    // The product's high half: drawn / 2^64 of the span, without the bias of a remainder.
    let part = (u128::from(drawn) * (u128::from(span) + 1)) >> 64;
    Duration::from_micros(part as u64)
}

/// The finaliser of SplitMix64: every bit of the input moves every bit of the output.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOT: LotId = LotId(0x0192_f3a4_5b6c_7d8e_9fa0_b1c2_d3e4_f506);

    fn schedule(first: u64, factor: u32, cap: u64) -> Schedule {
        Schedule {
            first: Duration::from_secs(first),
            factor,
            cap: Duration::from_secs(cap),
            asked_cap: Duration::from_secs(3600),
        }
    }

    #[test]
    fn waits_grow_up_to_the_cap_and_stay_there() {
        for (schedule, attempt, whole) in [
            (schedule(5, 2, 900), 0, 5),
            (schedule(5, 2, 900), 1, 5),
            (schedule(5, 2, 900), 2, 10),
            (schedule(5, 2, 900), 8, 640),
            (schedule(5, 2, 900), 9, 900),
            (schedule(5, 2, 900), u32::MAX, 900),
            (schedule(5, 1, 900), u32::MAX, 5),
            (schedule(5, 0, 900), 7, 5),
            (schedule(0, 2, 900), u32::MAX, 0),
            (schedule(1000, 2, 900), 1, 900),
        ] {
            let whole = Duration::from_secs(whole);
            let wait = schedule.wait(LOT, attempt);
            assert!(whole / 2 <= wait && wait <= whole, "{attempt}: {wait:?}");
            assert_eq!(
                wait,
                schedule.wait(LOT, attempt),
                "the same on every computation"
            );
        }
    }

    #[test]
    fn lots_that_failed_together_come_back_spread() {
        let schedule = schedule(100, 2, 900);
        let mut quarters = [0; 4];
        for lot in 0..1000 {
            let wait = schedule.wait(LotId(LOT.0 + lot), 1);
            let beyond = (wait - Duration::from_secs(50)).as_micros();
            quarters[(beyond * 4 / 50_000_001) as usize] += 1;
        }
        assert!(
            quarters.iter().all(|count| (200..300).contains(count)),
            "{quarters:?}"
        );
    }

    #[test]
    fn targets_that_failed_together_come_back_spread() {
        let schedule = schedule(100, 2, 900);
        let wait = |name, place| schedule.wait(Seed::of(name, place), 1);
        assert_eq!(wait("hub-a", 7), wait("hub-a", 7));
        assert_ne!(wait("hub-a", 7), wait("hub-b", 7));
        assert_ne!(wait("hub-a", 7), wait("hub-a", 8));
    }

    #[test]
    fn what_a_destination_asks_is_honoured_up_to_the_cap() {
        let schedule = schedule(5, 2, 900);
        for (asked, least) in [(60, 60), (1800, 1800), (3600, 3600), (86_400, 3600)] {
            let wait = schedule.honour(Duration::from_secs(asked), LOT, 3);
            let least = Duration::from_secs(least);
            assert!(
                least <= wait && wait <= least + schedule.first,
                "{asked}: {wait:?}"
            );
        }
    }

    #[test]
    fn what_a_destination_asks_never_makes_a_wait_shorter() {
        let schedule = schedule(5, 2, 900);
        for attempt in [1, 2, 5, 9, 1000] {
            let own = schedule.wait(LOT, attempt);
            for asked in [0, 1, 5, 60, 449] {
                let asked = Duration::from_secs(asked);
                let wait = schedule.honour(asked, LOT, attempt);
                let longest = own.max(asked + schedule.first);
                assert!(
                    own <= wait && wait <= longest,
                    "{attempt} {asked:?}: {wait:?}"
                );
            }
        }
    }
}
