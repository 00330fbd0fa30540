//! Says that a certificate which the gateway shows ends soon, or has ended: at the start, and once a day while it lasts.
//!
//! It exchanges none: that is whoever renews the files, and `renewal` takes them up. A crash leaves nothing behind.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::renewal::Renewal;
use crate::claims::id::EndpointName;
use crate::telemetry::Event;
use crate::telemetry::renewal::Event as Said;

const DAY: u64 = 86_400;
const HOUR: Duration = Duration::from_secs(3_600);

/// Watches until when certificates are good.
pub struct Expiry {
    /// Whose they are.
    pub renewal: Renewal,
}

/// How much of its time a certificate has left, if that is worth a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
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
        let now = renewal.clock.now().micros() / 1_000_000;
        let enough = u64::from(renewal.files.settings.warn_days);
        let endpoints = renewal.ways.transport.expiries().into_iter();
        let endpoints = endpoints.map(|(endpoint, expires)| (Some(endpoint), expires));
        let mut found = BTreeMap::new();
        for (shown_to, expires) in
            std::iter::once((None, renewal.server.expires())).chain(endpoints)
        {
            let Some(left) = expires.and_then(|expires| Left::of(expires, now, enough)) else {
                continue;
            };
            if said.get(&shown_to) != Some(&left) {
                let endpoint = shown_to.as_ref();
                renewal.telemetry.record(Event::Renewal(match left {
                    Left::Days(days) => Said::Ends { endpoint, days },
                    Left::Nothing(days) => Said::Ended { endpoint, days },
                }));
            }
            found.insert(shown_to, left);
        }
        found
    }
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
}
