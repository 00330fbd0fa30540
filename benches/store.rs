//! How fast documents are admitted: through the embedded store, over the least that a disk allows, which is
//! the same bytes appended and synced for all who wait.
//!
//! The figures mean something only as ratios within one run, which it prints: `cargo bench --bench store`.

#[path = "rig/raw.rs"]
mod raw;
#[path = "rig/runs.rs"]
mod runs;
#[path = "rig/totals.rs"]
mod totals;

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
use raw::Raw;
use runs::share;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use totals::Totals;

const BODY: usize = 8 * 1024;
const CENTRE: &str = "750712184";

fn admissions(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime starts");
    let totals = Totals::default();
    let body = body();
    for writers in [1, 64] {
        let mut group = criterion.benchmark_group("admit");
        group.throughput(Throughput::Elements(1));
        group.sample_size(10);
        group.measurement_time(Duration::from_secs(4));
        let directory = target();
        let raw = Arc::new(Raw::start(directory.path()));
        group.bench_function(BenchmarkId::new("raw", writers), |bencher| {
            bencher.iter_custom(|count| {
                let one = |_| append(raw.clone(), body.clone());
                let took = runtime.block_on(share(count, writers, one));
                totals.add(("raw", writers), took, count)
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
                totals.add(("store", writers), took, count)
            });
        });
        group.finish();
        totals.print("store", "raw", writers);
    }
}

fn target() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("there is a place for files")
}

fn body() -> Bytes {
    // Bytes without pattern: hashes of a counter.
    let blocks = (0..BODY / 32).map(|block| Sha256::digest(block.to_be_bytes()));
    blocks.flatten().collect()
}

async fn append(raw: Arc<Raw>, body: Bytes) {
    raw.append(body).await;
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
