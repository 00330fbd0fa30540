//! Whether the clock is trusted with what cannot be undone. A machine that starts with a wrong clock would clear bodies
//! inside of their legal time within a minute, and be right the minute after.
//!
//! The rule, as an operator is told it: a clock that is further ahead than `retention.clock_seconds`, of the last instant
//! at which it was trusted, in whatever process, and the time that this one has seen pass since, is doubted; it is
//! trusted again when it is back, or gateways have run on by it for as long, all together: one that is switched off each
//! night would never run for a day. Pure: the time that has passed is an argument, measured by a clock
//! that nobody sets. Must never doubt a clock that is behind: with one nothing goes too early.

use std::time::Duration;

use crate::claims::time::Timestamp;
use crate::store::retention;

/// A gateway may have been off for so long between two runs that are added up: a week, the most that
/// `retention.clock_seconds` may be. Behind that the clock may have leapt as well, and one that is doubted has to run on
/// from the beginning.
const OFF_AT_MOST: Duration = Duration::from_secs(7 * 86_400);

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
    /// What an earlier process has doubted; none after the first look.
    earlier: Option<retention::Doubt>,
    doubt: Option<Doubt>,
}

#[derive(Clone, Copy, Debug)]
struct Doubt {
    /// The last reading.
    last: Reading,
    /// For so long gateways have run on by the clock.
    run: Duration,
}

impl Reading {
    /// How much further it is than an earlier one and the time that has passed since.
    fn ahead_of(self, earlier: Reading) -> Duration {
        let gone = self.passed.saturating_sub(earlier.passed);
        (self.at - gone).since(earlier.at)
    }
}

impl Watch {
    /// Before the first look: what is known of the clock.
    pub fn new(known: retention::Trusted, patience: Duration) -> Watch {
        Watch {
            patience,
            trusted: Reading {
                at: known.at,
                passed: Duration::ZERO,
            },
            earlier: known.doubt,
            doubt: None,
        }
    }

    /// Looks at the clock.
    pub fn look(&mut self, now: Reading) -> Verdict {
        let ahead = now.ahead_of(self.trusted);
        let earlier = self.earlier.take();
        let run = match self.doubt {
            // One that goes back runs on from there too: how far it is ahead is looked at above.
            Some(doubt) if now.ahead_of(doubt.last) <= self.patience => {
                doubt.run + now.passed.saturating_sub(doubt.last.passed)
            }
            Some(_) => Duration::ZERO,
            None => earlier.map_or(Duration::ZERO, |doubt| runs_on(doubt, now.at)),
        };
        // However long others have run, by one look alone nothing is proven.
        let has_run = self.doubt.is_some() && run >= self.patience;
        if ahead <= self.patience || has_run {
            self.trusted = now;
            self.doubt = None;
            return Verdict::Trusted;
        }
        self.doubt = Some(Doubt { last: now, run });
        Verdict::Doubted(ahead)
    }

    /// What is known of the clock now, for the process after this one.
    pub fn known(&self) -> retention::Trusted {
        retention::Trusted {
            at: self.trusted.at,
            doubt: self.doubt.map(|doubt| retention::Doubt {
                at: doubt.last.at,
                run: doubt.run,
            }),
        }
    }
}

/// How long gateways have run on by a clock that says this at a start. By one that is right no time goes back from one
/// process to the next.
fn runs_on(doubt: retention::Doubt, at: Timestamp) -> Duration {
    match at >= doubt.at && at.since(doubt.at) <= OFF_AT_MOST {
        true => doubt.run,
        false => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let mut watch = Watch::new(recorded.into(), day);
            for (hours, days, expected) in looks {
                let now = Reading {
                    at: crate::claims::retention::plus_days(recorded, *days),
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
    fn a_gateway_that_is_off_each_night_has_run_on_for_a_day_in_the_end() {
        let day = Duration::from_secs(86_400);
        let friday = Timestamp::parse("2026-11-20T19:00:00Z").unwrap();
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        // For each process: hours after Friday at which it is started, hours that it runs, how far its clock is wrong, and
        // what is thought of it at the end.
        type Runs<'a> = &'a [(u64, u64, u64, &'a str)];
        let cases: [(&str, Runs<'_>); 5] = [
            (
                "off at night, after a weekend",
                &[
                    (61, 11, 0, "doubted"),
                    (85, 11, 0, "doubted"),
                    (109, 1, 0, "doubted"),
                    (111, 1, 0, "trusted"),
                ],
            ),
            (
                "every sixth day, after three weeks",
                &[
                    (504, 11, 0, "doubted"),
                    (648, 11, 0, "doubted"),
                    (792, 11, 0, "trusted"),
                ],
            ),
            (
                "wrong in the end",
                &[
                    (61, 11, 0, "doubted"),
                    (85, 11, 0, "doubted"),
                    (109, 11, 9600, "doubted"),
                    (133, 11, 9600, "doubted"),
                ],
            ),
            (
                "wrong each second time",
                &[
                    (61, 11, 9600, "doubted"),
                    (85, 11, 0, "doubted"),
                    (109, 11, 9600, "doubted"),
                    (133, 11, 0, "doubted"),
                ],
            ),
            (
                "back after a start with a wrong one",
                &[(1, 11, 9600, "doubted"), (13, 1, 0, "trusted")],
            ),
        ];
        for (case, runs) in cases {
            let mut known = retention::Trusted::from(friday);
            for (began, runs, wrong, expected) in runs {
                let mut watch = Watch::new(known, day);
                let mut verdict = "";
                for passed in 0..=*runs {
                    let now = Reading {
                        at: friday + hours(began + passed + wrong),
                        passed: hours(passed),
                    };
                    verdict = match watch.look(now) {
                        Verdict::Trusted => "trusted",
                        Verdict::Doubted(_) => "doubted",
                    };
                    known = watch.known();
                }
                assert_eq!(verdict, *expected, "{case} {began}");
            }
        }
    }

    #[test]
    fn runs_before_a_leap_do_not_count_and_one_look_proves_nothing() {
        let day = Duration::from_secs(86_400);
        let start = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
        let known = |run| retention::Trusted {
            at: start - day * 30,
            doubt: Some(retention::Doubt { at: start, run }),
        };
        let look = |watch: &mut Watch, days: u32, passed: Duration| {
            let at = start + day * days + passed;
            watch.look(Reading { at, passed }) == Verdict::Trusted
        };
        let hour = day / 24;
        let mut watch = Watch::new(known(day * 2), day);
        assert!(!look(&mut watch, 1, Duration::ZERO));
        assert!(look(&mut watch, 1, hour));
        let mut watch = Watch::new(known(hour * 23), day);
        assert!(!look(&mut watch, 1, Duration::ZERO));
        assert!(!look(&mut watch, 400, hour));
        assert!(!look(&mut watch, 400, hour * 24));
        assert!(look(&mut watch, 400, hour * 25));
    }

    #[test]
    fn a_clock_that_is_behind_is_never_doubted() {
        let at = |text| Timestamp::parse(text).unwrap();
        let mut watch = Watch::new(
            at("2027-11-22T12:00:00Z").into(),
            Duration::from_secs(86_400),
        );
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
