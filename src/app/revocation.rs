//! Revocation lists are fetched in the background and kept on disk; whoever watches the files takes them up.
//!
//! A list that cannot be fetched, is not proven or is older than the one that is kept changes nothing: the one before
//! counts for as long as the settings say. A crash leaves the list before, or the new one, whole.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::telemetry::renewal::{Event as Said, Fetch};
use crate::telemetry::{Event, Telemetry};
use crate::tls::revocation::Keeping;
use crate::transport;
use crate::transport::lists::{Fetched, Lists};

use super::renewal::{Files, apart};

/// Who fetches.
pub struct Fetching {
    /// What is fetched for the public listener, and where everything is kept.
    pub files: Arc<Files>,
    /// The endpoints, whose lists are fetched too.
    pub ways: watch::Receiver<Arc<transport::Config>>,
    /// The way to it.
    pub lists: Lists,
    /// For dates.
    pub clock: Arc<dyn Clock>,
    /// Where it is said.
    pub telemetry: Arc<Telemetry>,
}

/// A list: the file of its authorities, and its address.
type List = (PathBuf, String);

impl Fetching {
    /// Fetches each list, again and again, until shutdown.
    pub async fn run(self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.fetch()).await;
    }

    async fn fetch(&self) {
        let mut ways = self.ways.clone();
        let mut due = BTreeMap::new();
        loop {
            let present = Arc::clone(&ways.borrow_and_update());
            self.want(&present).await;
            due = self.all(&present, &due);
            while let Some(list) = tokio::select! {
                biased;
                Ok(()) = ways.changed() => None,
                next = next(&due) => Some(next),
            } {
                let wait = self.fetch_one(&present, &list).await;
                due.insert(list, Instant::now() + wait);
            }
        }
    }

    /// Writes down since when those are wanted that never came.
    async fn want(&self, ways: &Arc<transport::Config>) {
        let (files, ways, now) = (Arc::clone(&self.files), Arc::clone(ways), self.now());
        let wanting = move || {
            let sources = files.sources(&ways);
            let wanted = sources
                .iter()
                .map(|sources| sources.want(&files.settings, now));
            wanted.collect::<Result<Vec<_>, _>>().is_ok()
        };
        if apart(wanting).await != Some(true) {
            self.say(Fetch::Unwritten);
        }
    }

    /// When each list is due: a new one at once, the others when they were.
    fn all(
        &self,
        ways: &transport::Config,
        before: &BTreeMap<List, Instant>,
    ) -> BTreeMap<List, Instant> {
        let now = Instant::now();
        let sources = self.files.sources(ways);
        let all = sources.iter().flat_map(|sources| {
            let urls = sources.urls.iter();
            urls.map(|url| (sources.roots.to_owned(), url.clone()))
        });
        all.map(|list| {
            let due = before.get(&list).copied().unwrap_or(now);
            (list, due)
        })
        .collect()
    }

    /// Fetches one list; how long until it is fetched again.
    async fn fetch_one(&self, ways: &Arc<transport::Config>, list: &List) -> Duration {
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
        let (files, ways) = (Arc::clone(&self.files), Arc::clone(ways));
        let (roots, url) = list.clone();
        let keeping = move || {
            let sources = files.sources(&ways);
            let mut sources = sources.iter().filter(|sources| sources.roots == roots);
            let of = sources.find(|sources| sources.urls.contains(&url))?;
            Some(of.keep(&files.settings, &url, &bytes))
        };
        let (outcome, next) = match apart(keeping).await.flatten() {
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

/// Waits until the next list is due; for ever if there is none.
async fn next(due: &BTreeMap<List, Instant>) -> List {
    let Some((list, at)) = due.iter().min_by_key(|(_, at)| **at) else {
        return std::future::pending().await;
    };
    sleep_until(*at).await;
    list.clone()
}
