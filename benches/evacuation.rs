//! What evacuation costs those who post: admissions a second while segments are cleared at the shipped pace, over
//! admissions a second before and after it in the same run.
//!
//! `cargo bench --bench evacuation` fills a store with 20 000 documents of 8 KiB, of which each second one is cancelled
//! and past its time; `cargo bench --bench evacuation -- 100000` takes more.

#[path = "rig/admissions.rs"]
mod admissions;
#[path = "rig/documents.rs"]
mod documents;
#[path = "rig/runs.rs"]
mod runs;

use std::sync::Arc;
use std::time::Duration;

use admissions::{admit, caisse, id, now, open, register, shipped};
use bordereau::claims::id::{Destination, Name};
use bordereau::claims::retention::{Evacuated, Rules, plus_days};
use bordereau::retention::Config;
use bordereau::store::embedded::{self, Embedded};
use bordereau::store::journal::pack::Compression;
use bordereau::store::retention::{Retaining, Run};
use bordereau::store::{Command, Store};
use runs::share;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const WRITERS: u64 = 64;

/// Documents posted between two looks whether the evacuation has ended.
const ROUND: u64 = 1_000;

/// Rounds before and after it.
const APART: u64 = 5;

fn main() {
    let given = std::env::args().skip(1).find(|given| given != "--bench");
    let documents = given.map_or(20_000, |text| text.parse().expect("a number of documents"));
    let runtime = Runtime::new().expect("a runtime starts");
    runtime.block_on(measure(documents));
}

async fn measure(documents: u64) {
    let directory =
        TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("there is a place for files");
    // As they are: what is to be copied has its length.
    let config = embedded::Config {
        compression: Compression::Off,
        ..shipped(directory.path())
    };
    let store = Arc::new(open(&config));
    register(&*store).await;
    let mut next = 1;
    admit_some(&store, &mut next, documents).await;
    share(documents / 2, WRITERS, |number| {
        cancel(store.clone(), 2 * number + 1)
    })
    .await;

    let (mut alone, mut beside) = (Spent::default(), Spent::default());
    for _ in 0..APART {
        alone.add(admit_some(&store, &mut next, ROUND).await);
    }
    let evacuation = tokio::spawn(evacuate(store.clone()));
    while !evacuation.is_finished() {
        beside.add(admit_some(&store, &mut next, ROUND).await);
    }
    let evacuated = evacuation.await.expect("the evacuation ends well");
    for _ in 0..APART {
        alone.add(admit_some(&store, &mut next, ROUND).await);
    }
    assert!(
        !evacuated.is_empty(),
        "nothing was cleared beside the admissions"
    );
    let sum = |of: fn(&Evacuated) -> u64| evacuated.iter().map(of).sum::<u64>() >> 20;
    println!(
        "{} segments cleared: {} MiB gone, {} MiB copied",
        evacuated.len(),
        sum(|one| one.gone_bytes),
        sum(|one| one.kept_bytes)
    );
    println!("admissions alone: {:.0}/s", alone.per_second());
    println!("admissions beside it: {:.0}/s", beside.per_second());
    println!("ratio: {:.2}", beside.per_second() / alone.per_second());
}

/// Documents admitted, and how long that took.
#[derive(Default)]
struct Spent {
    documents: u64,
    took: Duration,
}

impl Spent {
    fn add(&mut self, took: Duration) {
        self.documents += ROUND;
        self.took += took;
    }

    fn per_second(&self) -> f64 {
        self.documents as f64 / self.took.as_secs_f64()
    }
}

async fn admit_some(store: &Arc<Embedded>, next: &mut u64, count: u64) -> Duration {
    let first = *next;
    *next += count;
    let posted = admissions::documents();
    share(count, WRITERS, |number| {
        let posted = posted[number as usize % posted.len()].clone();
        admit(
            store.clone(),
            first + number,
            posted,
            Destination::Amo(caisse()),
        )
    })
    .await
}

async fn cancel(store: Arc<Embedded>, number: u64) {
    let command = Command::Cancel {
        document: id(number),
        caller: Name::parse("vendor").expect("a name"),
    };
    let cancelled = store.commit(now(), command).await;
    cancelled.expect("the document is cancelled");
}

/// Clears all that is due when the first documents have been past their time for so long that no share of them counts.
async fn evacuate(store: Arc<Embedded>) -> Vec<Evacuated> {
    let (rules, config) = (Rules::default(), Config::default());
    let at = plus_days(now(), rules.body_days + rules.wait_days);
    let mut evacuated = Vec::new();
    loop {
        let run = store.evacuate(at, rules, config.pace()).await;
        match run.expect("the store is whole") {
            Run::Evacuated(one) => evacuated.push(one),
            Run::Nothing(_) => return evacuated,
        }
    }
}
