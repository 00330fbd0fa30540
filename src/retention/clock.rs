//! Whether the clock is trusted with what cannot be undone. A machine that starts with a wrong clock would clear bodies
//! inside of their legal time within a minute, and be right the minute after.
//!
//! The rule, as an operator is told it: a clock that is further ahead than `retention.clock_seconds`, of the last instant
//! at which it was trusted, in whatever process, and the time that this one has seen pass since, is doubted; it is
//! trusted again when it is back, or has run on for as long. Pure: the time that has passed is an argument, measured by a clock
//! that nobody sets. Must never doubt a clock that is behind: with one nothing goes too early.

use std::time::Duration;

use crate::claims::time::Timestamp;

/// What the clock said.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// What time it was, by the clock.
    pub at: Timestamp,
    /// How long after the first look that was.
    pub passed: Duration,
}

/// What is to be thought of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What is past its time may go.
    Trusted,
    /// Nothing goes: it is ahead by so much.
    Doubted(Duration),
}

/// Watches the clock.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// How far ahead it may be, and for how long one that was further ahead has to run on.
    patience: Duration,
    /// The last reading that was trusted.
    trusted: Reading,
    doubt: Option<Doubt>,
}

#[derive(Clone, Copy, Debug)]
struct Doubt {
    /// Since when, by the time that has passed.
    since: Duration,
    /// The last reading.
    last: Reading,
}

impl Reading {
    /// How much further it is than an earlier one and the time that has passed since.
    fn ahead_of(self, earlier: Reading) -> Duration {
        let gone = self.passed.saturating_sub(earlier.passed);
        (self.at - gone).since(earlier.at)
    }
}

impl Watch {
    /// Before the first look: the clock was trusted last when it said this.
    pub fn new(trusted: Timestamp, patience: Duration) -> Watch {
        Watch {
            patience,
            trusted: Reading {
                at: trusted,
                passed: Duration::ZERO,
            },
            doubt: None,
        }
    }

    /// Looks at the clock.
    pub fn look(&mut self, now: Reading) -> Verdict {
        let ahead = now.ahead_of(self.trusted);
        let runs_on = self.doubt.filter(|doubt| {
            // One that goes back runs on from there too: how far it is ahead is looked at above.
            now.ahead_of(doubt.last) <= self.patience
        });
        let since = runs_on.map_or(now.passed, |doubt| doubt.since);
        let has_run = runs_on.is_some() && now.passed.saturating_sub(since) >= self.patience;
        if ahead <= self.patience || has_run {
            self.trusted = now;
            self.doubt = None;
            return Verdict::Trusted;
        }
        self.doubt = Some(Doubt { since, last: now });
        Verdict::Doubted(ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::retention;

    /// Hours that have passed, days that the clock shows after the last entry, and what is thought of it.
    type Looks<'a> = &'a [(u64, u32, &'a str)];

    #[test]
    fn a_clock_that_was_ahead_has_to_run_on_for_a_day() {
        let day = Duration::from_secs(86_400);
        let recorded = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
        let cases: [(&str, Looks<'_>); 6] = [
            ("as it should be", &[(0, 0, "trusted"), (24, 1, "trusted")]),
            ("the gateway was off for a day", &[(0, 1, "trusted")]),
            (
                "ahead at the start, right an hour after",
                &[(0, 400, "doubted"), (1, 0, "trusted"), (2, 400, "doubted")],
            ),
            (
                "the gateway was off for long",
                &[
                    (0, 400, "doubted"),
                    (1, 400, "doubted"),
                    (23, 401, "doubted"),
                    (24, 401, "trusted"),
                    (25, 401, "trusted"),
                ],
            ),
            (
                "it goes on jumping",
                &[
                    (0, 400, "doubted"),
                    (20, 800, "doubted"),
                    (30, 800, "doubted"),
                    (44, 801, "trusted"),
                ],
            ),
            (
                "set ahead while it runs",
                &[
                    (0, 0, "trusted"),
                    (1, 0, "trusted"),
                    (26, 400, "doubted"),
                    (50, 401, "trusted"),
                ],
            ),
        ];
        for (case, looks) in cases {
            let mut watch = Watch::new(recorded, day);
            for (hours, days, expected) in looks {
                let now = Reading {
                    at: retention::plus_days(recorded, *days),
                    passed: Duration::from_secs(hours * 3600),
                };
                let verdict = match watch.look(now) {
                    Verdict::Trusted => "trusted",
                    Verdict::Doubted(_) => "doubted",
                };
                assert_eq!(verdict, *expected, "{case} {hours}");
            }
        }
    }

    #[test]
    fn a_clock_that_is_behind_is_never_doubted() {
        let at = |text| Timestamp::parse(text).unwrap();
        let mut watch = Watch::new(at("2027-11-22T12:00:00Z"), Duration::from_secs(86_400));
        let now = Reading {
            at: at("2026-11-22T12:00:00Z"),
            passed: Duration::ZERO,
        };
        assert_eq!(watch.look(now), Verdict::Trusted);
        // From then on it counts.
        let ahead = Reading {
            at: at("2027-11-22T12:00:00Z"),
            passed: Duration::from_secs(3600),
        };
        assert!(matches!(watch.look(ahead), Verdict::Doubted(_)));
    }
}
