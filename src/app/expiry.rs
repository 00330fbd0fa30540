//! Says that a certificate which the gateway shows ends soon, or has ended: in a check of the configuration, at the
//! start, and once a day while it lasts.
//!
//! It exchanges none: that is whoever renews the files, and `renewal` takes them up. A crash leaves nothing behind.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::renewal::Renewal;
use super::ways::Ways;
use crate::claims::id::EndpointName;
use crate::claims::time::Timestamp;
use crate::telemetry::Event;
use crate::telemetry::renewal::Event as Said;
use crate::tls::Server;

const DAY: u64 = 86_400;
const HOUR: Duration = Duration::from_secs(3_600);

/// Watches until when certificates are good.
pub struct Expiry {
    /// Whose they are.
    pub renewal: Renewal,
}

/// How much of its time a certificate has left, if that is worth a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Fewer whole days than wanted.
    Days(u64),
    /// None, since so many whole days.
    Nothing(u64),
}

impl Expiry {
    /// Looks now and every hour until shutdown.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut said = BTreeMap::new();
        loop {
            said = self.look(&said);
            let hour = tokio::time::sleep(HOUR);
            if shutdown.run_until_cancelled(hour).await.is_none() {
                return;
            }
        }
    }

    /// Says what was not said before.
    fn look(
        &self,
        said: &BTreeMap<Option<EndpointName>, Left>,
    ) -> BTreeMap<Option<EndpointName>, Left> {
        let renewal = &self.renewal;
        let enough = renewal.files.settings.warn_days;
        let found = ending(&renewal.server, &renewal.ways, renewal.clock.now(), enough);
        for (shown_to, left) in &found {
            if said.get(shown_to) != Some(left) {
                let endpoint = shown_to.as_ref();
                renewal.telemetry.record(Event::Renewal(match *left {
                    Left::Days(days) => Said::Ends { endpoint, days },
                    Left::Nothing(days) => Said::Ended { endpoint, days },
                }));
            }
        }
        found
    }
}

/// The certificates with fewer days left than wanted, by the endpoint that they are shown to; those who post are shown
/// the one without.
pub(super) fn ending(
    server: &Server,
    ways: &Ways,
    now: Timestamp,
    enough: u32,
) -> BTreeMap<Option<EndpointName>, Left> {
    let endpoints = ways.transport.expiries().into_iter();
    let endpoints = endpoints.map(|(endpoint, expires)| (Some(endpoint), expires));
    std::iter::once((None, server.expires()))
        .chain(endpoints)
        .filter_map(|(shown_to, expires)| {
            let left = Left::of(expires?, now.micros() / 1_000_000, u64::from(enough))?;
            Some((shown_to, left))
        })
        .collect()
}

impl Left {
    /// Both in seconds since 1970.
    fn of(expires: i64, now: i64, enough: u64) -> Option<Left> {
        let days = expires.abs_diff(now) / DAY;
        if expires <= now {
            return Some(Left::Nothing(days));
        }
        (days < enough).then_some(Left::Days(days))
    }
}

/// A number of days, as people say it.
struct Days(u64);

impl fmt::Display for Days {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Days(1) => out.write_str("1 day"),
            Days(days) => write!(out, "{days} days"),
        }
    }
}

impl fmt::Display for Left {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Left::Days(days) => write!(out, "ends within {}", Days(days + 1)),
            Left::Nothing(days) => write!(
                out,
                "has ended {} ago, so whoever is shown it refuses it",
                Days(*days)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_worth_a_word_below_the_wanted_days() {
        let (now, day) = (1_000_000_000, 86_400);
        for (expires, left) in [
            (now + 14 * day, None),
            (now + 14 * day - 1, Some(Left::Days(13))),
            (now + day, Some(Left::Days(1))),
            (now + 1, Some(Left::Days(0))),
            (now, Some(Left::Nothing(0))),
            (now - 3 * day, Some(Left::Nothing(3))),
        ] {
            assert_eq!(Left::of(expires, now, 14), left, "{expires}");
        }
        assert_eq!(Left::of(now + 1, now, 0), None);
    }

    #[test]
    fn one_day_is_no_days() {
        for (left, said) in [
            (Left::Days(0), "ends within 1 day"),
            (Left::Days(1), "ends within 2 days"),
            (
                Left::Nothing(0),
                "has ended 0 days ago, so whoever is shown it refuses it",
            ),
            (
                Left::Nothing(1),
                "has ended 1 day ago, so whoever is shown it refuses it",
            ),
            (
                Left::Nothing(2),
                "has ended 2 days ago, so whoever is shown it refuses it",
            ),
        ] {
            assert_eq!(left.to_string(), said);
        }
    }
}
