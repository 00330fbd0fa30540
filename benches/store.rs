//! How fast documents are admitted: through the embedded store, over the least that a disk allows, which is
//! the same bytes as posted, appended and synced for all who wait.
//!
//! Columns: `plain`, bodies as they are; `shipped`, compressed and encrypted as a new installation with a master key;
//! and the same again in a process of its own, whose syncs take at least 4 ms as on a disk that really writes.
//! The figures mean something only as ratios within one run, which it prints: `cargo bench --bench store`.

#[path = "rig/admissions.rs"]
mod admissions;
#[path = "rig/cpu.rs"]
mod cpu;
#[path = "rig/documents.rs"]
mod documents;
#[path = "rig/raw.rs"]
mod raw;
#[path = "rig/runs.rs"]
mod runs;
#[path = "rig/totals.rs"]
mod totals;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use admissions::{Posted, admit, caisse, open, register, shipped};
use bordereau::claims::id::Destination;
use bordereau::store::embedded::Config;
use bordereau::store::journal::pack::Compression;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use raw::Raw;
use runs::share;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use totals::Totals;

/// Set in the process whose syncs are slow.
const SLOW: &str = "BENCH_SLOW_SYNCS";

/// The settings of a column.
type Settings = fn(&Path) -> Config;

const COLUMNS: [(&str, Settings); 2] = [("plain", plain), ("shipped", shipped)];

#[allow(
    clippy::disallowed_methods,
    reason = "a process started by this one is told so"
)]
fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let is_slow = std::env::var_os(SLOW).is_some();
    admit_alone(&mut criterion, if is_slow { "slow-" } else { "" });
    criterion.final_summary();
    if !is_slow {
        again_slowly();
    }
}

fn admit_alone(criterion: &mut Criterion, prefix: &str) {
    let runtime = Runtime::new().expect("a runtime starts");
    let totals = Totals::default();
    let posted = admissions::documents();
    for writers in [1, 64] {
        let mut group = criterion.benchmark_group(format!("{prefix}admit"));
        group.throughput(Throughput::Elements(1));
        group.sample_size(10);
        group.measurement_time(Duration::from_secs(4));
        let directory = target();
        let raw = Arc::new(Raw::start(directory.path()));
        group.bench_function(BenchmarkId::new("raw", writers), |bencher| {
            bencher.iter_custom(|count| {
                totals.begin();
                let one = |number| append(raw.clone(), of(&posted, number));
                let took = runtime.block_on(share(count, writers, one));
                totals.add(("raw", writers), took, count)
            });
        });
        drop(raw);
        for (column, settings) in COLUMNS {
            through_the_store(
                &mut group, &runtime, &totals, &posted, writers, column, settings,
            );
        }
        group.finish();
        for (column, _) in COLUMNS {
            print!("{prefix}");
            totals.print(column, "raw", writers);
        }
    }
}

fn through_the_store(
    group: &mut BenchmarkGroup<'_, WallTime>,
    runtime: &Runtime,
    totals: &Totals,
    posted: &[Posted],
    writers: u64,
    column: &'static str,
    settings: Settings,
) {
    let directory = target();
    let store = Arc::new(open(&settings(directory.path())));
    let next = AtomicU64::new(1);
    runtime.block_on(register(&*store));
    group.bench_function(BenchmarkId::new(column, writers), |bencher| {
        bencher.iter_custom(|count| {
            totals.begin();
            let first = next.fetch_add(count, Ordering::Relaxed);
            let took = runtime.block_on(share(count, writers, |number| {
                let posted = of(posted, number);
                admit(
                    store.clone(),
                    first + number,
                    posted,
                    Destination::Amo(caisse()),
                )
            }));
            totals.add((column, writers), took, count)
        });
    });
}

/// Runs this program again with a library under it that makes every sync last 4 ms.
fn again_slowly() {
    let directory = target();
    let library = directory.path().join("slow.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/rig/slow.c");
    let mut compiler = Command::new("cc");
    compiler
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(source);
    let compiled = compiler
        .arg("-ldl")
        .status()
        .expect("there is a C compiler");
    assert!(compiled.success(), "the library is compiled");
    let own = std::env::current_exe().expect("this program has a file");
    let mut again = Command::new(own);
    again.args(std::env::args_os().skip(1)).env(SLOW, "1");
    let ended = again
        .env("LD_PRELOAD", library)
        .status()
        .expect("it runs again");
    assert!(ended.success(), "it ends well");
}

/// Bodies as they are and in clear.
fn plain(directory: &Path) -> Config {
    Config {
        directory: directory.to_owned(),
        compression: Compression::Off,
        ..Config::default()
    }
}

fn of(posted: &[Posted], number: u64) -> Posted {
    posted[number as usize % posted.len()].clone()
}

fn target() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("there is a place for files")
}

async fn append(raw: Arc<Raw>, (bytes, _): Posted) {
    raw.append(bytes).await;
}
