//! How fast documents are admitted: through the embedded store, over the least that a disk allows, which is
//! the same bytes appended and synced for all who wait.
//!
//! The figures mean something only as ratios within one run, which it prints: `cargo bench --bench store`.

#[path = "rig/admissions.rs"]
mod admissions;
#[path = "rig/raw.rs"]
mod raw;
#[path = "rig/runs.rs"]
mod runs;
#[path = "rig/totals.rs"]
mod totals;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use admissions::{admit, body, caisse, open, register};
use bordereau::claims::id::Destination;
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use raw::Raw;
use runs::share;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use totals::Totals;

fn admit_alone(criterion: &mut Criterion) {
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
                    admit(store.clone(), first + number, Destination::Amo(caisse()))
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

async fn append(raw: Arc<Raw>, body: Bytes) {
    raw.append(body).await;
}

criterion_group!(benches, admit_alone);
criterion_main!(benches);
