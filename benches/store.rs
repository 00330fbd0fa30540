//! How fast documents are admitted: through the embedded store, over the least that a disk allows, which is
//! the same bytes appended and synced for all who wait.
//!
//! The figures mean something only as ratios within one run, which it prints: `cargo bench --bench store`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bordereau::claims::document::{
    Cents, ClockBasis, Exclusions, Facts, Key, Kind, Mode, Purpose, ThirdParty,
};
use bordereau::claims::id::{Amo, Destination, Digest, DocumentId, Finess, Name, Number};
use bordereau::claims::registry::{Category, Centre};
use bordereau::claims::terms::Region;
use bordereau::claims::time::{Day, Timestamp};
use bordereau::store::embedded::{Config, Embedded};
use bordereau::store::{Admission, Admitted, Command, Outcome, Store, Unity, Unobserved};
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

const BODY: usize = 8 * 1024;
const CENTRE: &str = "750712184";

/// Time and documents of each column.
type Totals = RefCell<BTreeMap<(&'static str, u64), (Duration, u64)>>;

fn admissions(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime starts");
    let totals = Totals::default();
    for writers in [1, 64] {
        let mut group = criterion.benchmark_group("admit");
        group.throughput(Throughput::Elements(1));
        group.sample_size(10);
        group.measurement_time(Duration::from_secs(4));
        let directory = target();
        let raw = Arc::new(Raw::start(directory.path()));
        group.bench_function(BenchmarkId::new("raw", writers), |bencher| {
            bencher.iter_custom(|count| {
                let took = runtime.block_on(share(count, writers, |_| append(raw.clone())));
                add(&totals, ("raw", writers), took, count)
            });
        });
        drop(raw);
        let directory = target();
        let store = Arc::new(open(directory.path()));
        let next = AtomicU64::new(1);
        runtime.block_on(register(&*store));
        group.bench_function(BenchmarkId::new("store", writers), |bencher| {
            bencher.iter_custom(|count| {
                let first = next.fetch_add(count, Ordering::Relaxed);
                let took = runtime.block_on(share(count, writers, |number| {
                    admit(store.clone(), first + number)
                }));
                add(&totals, ("store", writers), took, count)
            });
        });
        group.finish();
        print(&totals, writers);
    }
}

fn print(totals: &Totals, writers: u64) {
    let totals = totals.borrow();
    let rate = |column| {
        let (took, count) = totals.get(&(column, writers))?;
        Some(*count as f64 / took.as_secs_f64())
    };
    if let (Some(raw), Some(store)) = (rate("raw"), rate("store")) {
        let ratio = store / raw;
        println!("{writers} writers: {store:.0}/s over {raw:.0}/s = {ratio:.2}");
    }
}

fn add(totals: &Totals, column: (&'static str, u64), took: Duration, count: u64) -> Duration {
    let mut totals = totals.borrow_mut();
    let total = totals.entry(column).or_default();
    total.0 += took;
    total.1 += count;
    took
}

/// Does `count` pieces of work by so many writers, each one after the other; how long it took.
async fn share<W>(count: u64, writers: u64, work: impl Fn(u64) -> W) -> Duration
where
    W: Future<Output = ()> + Send + 'static,
{
    let shares: Vec<Vec<W>> = (0..writers)
        .map(|writer| {
            let numbers = (writer..count).step_by(writers as usize);
            numbers.map(&work).collect()
        })
        .collect();
    let began = Instant::now();
    let running: Vec<_> = shares
        .into_iter()
        .map(|share| {
            tokio::spawn(async move {
                for one in share {
                    one.await;
                }
            })
        })
        .collect();
    for writer in running {
        writer.await.expect("a writer ends well");
    }
    began.elapsed()
}

fn target() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("there is a place for files")
}

fn body() -> Bytes {
    // Bytes without pattern: hashes of a counter.
    let blocks = (0..BODY / 32).map(|block| Sha256::digest(block.to_be_bytes()));
    blocks.flatten().collect()
}

/// One thread that appends what is ready, syncs, and answers all.
struct Raw(mpsc::Sender<(Bytes, oneshot::Sender<()>)>, Bytes);

impl Raw {
    fn start(directory: &Path) -> Raw {
        let (sender, mut queue) = mpsc::channel::<(Bytes, oneshot::Sender<()>)>(1024);
        let mut file = File::create(directory.join("raw")).expect("a file is made");
        std::thread::spawn(move || {
            let mut buffer = Vec::new();
            while let Some(first) = queue.blocking_recv() {
                buffer.clear();
                let mut answers = Vec::new();
                let mut next = Some(first);
                while let Some((bytes, answer)) = next {
                    buffer.extend_from_slice(&bytes);
                    answers.push(answer);
                    next = queue.try_recv().ok();
                }
                file.write_all(&buffer).expect("the file takes bytes");
                file.sync_data().expect("the file is synced");
                for answer in answers {
                    let _ = answer.send(());
                }
            }
        });
        Raw(sender, body())
    }
}

async fn append(raw: Arc<Raw>) {
    let (answer, answered) = oneshot::channel();
    let sent = raw.0.send((raw.1.clone(), answer)).await;
    sent.expect("the thread runs");
    answered.await.expect("the thread answers");
}

fn open(directory: &Path) -> Embedded {
    let config = Config {
        directory: directory.to_owned(),
        ..Config::default()
    };
    let entropy = Box::new(|| {
        let mut id = [0; 16];
        getrandom::fill(&mut id).expect("the system has randomness");
        id
    });
    Embedded::open(&config, now(), entropy, Arc::new(Unobserved)).expect("the store opens")
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-20T09:00:00Z").expect("a time")
}

fn caisse() -> Amo {
    Amo::new("01", "751", "0000").expect("a caisse")
}

async fn register(store: &dyn Store) {
    let centre = Centre {
        finess: Finess::parse(CENTRE).expect("a centre"),
        name: "Centre".into(),
        category: Category::Medical,
        gestionnaire: Name::parse("G1").expect("a name"),
        caisse: caisse(),
        region: Region::Metropole,
        agreement: Name::parse("national-2025").expect("a name"),
        from: Day::new(2020, 1, 1).expect("a day"),
        until: None,
    };
    let registered = store.commit(now(), Command::Registry(vec![centre])).await;
    registered.expect("the centre is registered");
}

async fn admit(store: Arc<Embedded>, number: u64) {
    thread_local! {
        static BODY: (Bytes, Digest) = {
            let body = body();
            let digest = Digest(Sha256::digest(&body).into());
            (body, digest)
        };
    }
    let (body, digest) = BODY.with(Clone::clone);
    let command = Command::Admit {
        caller: Name::parse("vendor").expect("a name"),
        documents: vec![Admission {
            document: DocumentId(u128::from(number)),
            purpose: Purpose::Real,
            facts: facts(number),
            body,
            digest,
            salt: [7; 16],
            warnings: Vec::new(),
        }],
        unity: Unity::Each,
    };
    match store.commit(now(), command).await {
        Ok(Outcome::Admitted(rows)) if matches!(rows[..], [Admitted::Received { .. }]) => {}
        other => panic!("{other:?}"),
    }
}

fn facts(number: u64) -> Facts {
    let day = Day::new(2026, 11, 20).expect("a day");
    Facts {
        key: Key {
            centre: Finess::parse(CENTRE).expect("a centre"),
            kind: Kind::Fse,
            number: Number::parse(&format!("{number:09}")).expect("a number"),
        },
        mode: Mode::Secured,
        destination: Destination::Amo(caisse()),
        clock_day: day,
        clock_basis: ClockBasis::Completed,
        care_day: day,
        third_party_amo: ThirdParty::PatientPaid,
        third_party_amc: ThirdParty::PatientPaid,
        amount_amo: Cents(1750),
        amount_amc: Cents(0),
        settled_for: None,
        exclusions: Exclusions::NONE,
        replaces: None,
        supports: None,
    }
}

criterion_group!(benches, admissions);
criterion_main!(benches);
