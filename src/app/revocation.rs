//! Revocation lists are fetched in the background and kept on disk; whoever watches the files takes them up.
//!
//! A list that cannot be fetched, is not proven or is older than the one that is kept changes nothing: the one before
//! counts for as long as the settings say. A crash leaves the list before, or the new one, whole.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::telemetry::renewal::{Event as Said, Fetch};
use crate::telemetry::{Event, Telemetry};
use crate::tls::revocation::Keeping;
use crate::transport::lists::{Fetched, Lists};

use super::renewal::{Files, apart};

/// Who fetches.
pub struct Fetching {
    /// What is fetched, and where it is kept.
    pub files: Arc<Files>,
    /// The way to it.
    pub lists: Lists,
    /// For dates.
    pub clock: Arc<dyn Clock>,
    /// Where it is said.
    pub telemetry: Arc<Telemetry>,
}

/// A list: the place of its authorities among all, and its address.
type List = (usize, String);

impl Fetching {
    /// Fetches each list, again and again, until shutdown.
    pub async fn run(self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.fetch()).await;
    }

    async fn fetch(&self) {
        self.want().await;
        let mut due = self.all();
        while let Some((at, list)) = next(&due) {
            sleep_until(at).await;
            let wait = self.fetch_one(&list).await;
            due.insert(list, Instant::now() + wait);
        }
        // Without a list there is nothing to do until the end.
        std::future::pending::<()>().await;
    }

    /// Writes down since when those are wanted that never came.
    async fn want(&self) {
        let (files, now) = (Arc::clone(&self.files), self.now());
        let wanting = move || {
            let sources = files.sources();
            let wanted = sources
                .iter()
                .map(|sources| sources.want(&files.settings, now));
            wanted.collect::<Result<Vec<_>, _>>().is_ok()
        };
        if apart(wanting).await != Some(true) {
            self.say(Fetch::Unwritten);
        }
    }

    fn all(&self) -> BTreeMap<List, Instant> {
        let now = Instant::now();
        let sources = self.files.sources();
        let all = sources.iter().enumerate();
        all.flat_map(|(place, sources)| {
            let urls = sources.urls.iter();
            urls.map(move |url| ((place, url.clone()), now))
        })
        .collect()
    }

    /// Fetches one list; how long until it is fetched again.
    async fn fetch_one(&self, list: &List) -> Duration {
        let settings = &self.files.settings;
        let bytes = match self.lists.fetch(&list.1).await {
            Fetched::Bytes(bytes) => bytes,
            Fetched::Refused => {
                self.say(Fetch::Refused);
                return settings.retry();
            }
            Fetched::Unreachable => {
                self.say(Fetch::Unreachable);
                return settings.retry();
            }
        };
        let (files, (place, url)) = (Arc::clone(&self.files), list.clone());
        let keeping = move || {
            let sources = files.sources();
            sources[place].keep(&files.settings, &url, &bytes)
        };
        let (outcome, next) = match apart(keeping).await {
            Some(Ok(Keeping::Taken(next))) => (Fetch::Taken, next),
            Some(Ok(Keeping::Unchanged(next))) => (Fetch::Unchanged, next),
            Some(Ok(Keeping::Older)) => (Fetch::Older, None),
            Some(Ok(Keeping::Unproven)) => (Fetch::Unproven, None),
            Some(Err(_)) | None => (Fetch::Unwritten, None),
        };
        self.say(outcome);
        match next.is_some_and(|next| next > self.now()) {
            true => settings.fetch(),
            false => settings.retry(),
        }
    }

    fn say(&self, outcome: Fetch) {
        self.telemetry
            .record(Event::Renewal(Said::List { outcome }));
    }

    fn now(&self) -> i64 {
        self.clock.now().micros() / 1_000_000
    }
}

fn next(due: &BTreeMap<List, Instant>) -> Option<(Instant, List)> {
    let next = due.iter().min_by_key(|(_, at)| **at);
    next.map(|(list, at)| (*at, list.clone()))
}
