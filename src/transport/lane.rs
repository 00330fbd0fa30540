//! The settings of an endpoint's lane: how much, how often and when. They are kept by the transmitting loop; here
//! they are read, and what cannot be kept is refused.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use serde::Deserialize;

use crate::claims::lane::hours::{self, Hours};
use crate::claims::lane::pace::Pace;
use crate::claims::lane::{Rules, breaker};

/// Requests a second beyond which a limit is none.
const FASTEST: f64 = 1_000_000.0;

/// The slowest pace: one request a day.
const SLOWEST: f64 = 1.0 / 86_400.0;

/// The settings of an endpoint's lane.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lane {
    /// Attempts at the same time at most, and as many questions; without it those of the transmitting loop.
    pub concurrency: Option<NonZeroU32>,
    /// Attempts and questions a second for long; those of one second may go at once. 0 is no limit.
    pub requests_per_second: f64,
    /// When it takes lots, in Paris, as `mon-fri 08:00-18:00`; none is day and night.
    pub hours: Vec<String>,
    /// Days on which it takes none, as `2026-12-24`.
    pub closed_days: Vec<String>,
    /// Whether it takes lots on public holidays.
    pub holidays: Holidays,
    /// Failures in a row after which it counts as dead and is only probed, but no fewer than ran at once.
    pub breaker_failures: NonZeroU32,
    /// Seconds until the first probe; the wait doubles with each that fails.
    pub probe_first_seconds: NonZeroU64,
    /// Seconds between two probes at most.
    pub probe_cap_seconds: NonZeroU64,
}

/// Whether an endpoint takes lots on public holidays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holidays {
    /// As on any other day.
    #[default]
    Open,
    /// Not at all.
    Closed,
}

/// Why the settings cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Hours or days cannot be read.
    #[error(transparent)]
    Hours(#[from] hours::Error),
    /// The pace is none.
    #[error("`requests_per_second` is 0, or between one a day and a million a second")]
    Pace,
    /// The second probe would come before the first.
    #[error("`probe_cap_seconds` must not be below `probe_first_seconds`")]
    Probes,
}

impl Lane {
    /// The rules, with those of the transmitting loop where this says nothing.
    ///
    /// # Errors
    /// For what cannot be kept.
    pub fn rules(&self, otherwise: &Rules) -> Result<Rules, Error> {
        let requests = self.requests_per_second;
        if requests != 0.0 && !(SLOWEST..=FASTEST).contains(&requests) {
            return Err(Error::Pace);
        }
        if self.probe_cap_seconds < self.probe_first_seconds {
            return Err(Error::Probes);
        }
        Ok(Rules {
            concurrency: self.concurrency.unwrap_or(otherwise.concurrency),
            pace: Pace::per_second(requests),
            hours: Hours::parse(&self.hours, &self.closed_days, self.holidays.of_hours())?,
            breaker: breaker::Rules {
                failures: self.breaker_failures,
                probe_first: Duration::from_secs(self.probe_first_seconds.get()),
                probe_cap: Duration::from_secs(self.probe_cap_seconds.get()),
            },
            asked_cap: otherwise.asked_cap,
        })
    }
}

impl Holidays {
    fn of_hours(self) -> hours::Holidays {
        match self {
            Holidays::Open => hours::Holidays::Open,
            Holidays::Closed => hours::Holidays::Closed,
        }
    }
}

impl Default for Lane {
    fn default() -> Lane {
        Lane {
            concurrency: None,
            requests_per_second: 0.0,
            hours: Vec::new(),
            closed_days: Vec::new(),
            holidays: Holidays::Open,
            breaker_failures: const { NonZeroU32::new(5).expect("not zero") },
            probe_first_seconds: const { NonZeroU64::new(5).expect("not zero") },
            probe_cap_seconds: const { NonZeroU64::new(15).expect("not zero") },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn otherwise() -> Rules {
        Rules::new(NonZeroU32::new(8).unwrap())
    }

    fn rules(value: serde_json::Value) -> Result<Rules, String> {
        let lane: Lane = serde_json::from_value(value).map_err(|error| error.to_string())?;
        lane.rules(&otherwise()).map_err(|error| error.to_string())
    }

    #[test]
    fn without_settings_the_rules_are_the_loops() {
        assert_eq!(rules(serde_json::json!({})).unwrap(), otherwise());
        let own = rules(serde_json::json!({ "concurrency": 2 })).unwrap();
        assert_eq!(own.concurrency.get(), 2);
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        for (value, word) in [
            (serde_json::json!({ "concurrency": 0 }), "nonzero"),
            (
                serde_json::json!({ "requests_per_second": -1.0 }),
                "requests_per_second",
            ),
            (
                serde_json::json!({ "requests_per_second": 1e-9 }),
                "requests_per_second",
            ),
            (serde_json::json!({ "hours": ["always"] }), "`always`"),
            (serde_json::json!({ "closed_days": ["Noël"] }), "`Noël`"),
            (serde_json::json!({ "holidays": "perhaps" }), "perhaps"),
            (
                serde_json::json!({ "probe_cap_seconds": 4 }),
                "probe_cap_seconds",
            ),
            (serde_json::json!({ "speed": 4 }), "speed"),
        ] {
            let error = rules(value.clone()).unwrap_err();
            assert!(error.contains(word), "{value}: {error}");
        }
    }
}
