//! What a document costs one core: bare quick-xml events, this program's structure, structure and rules as
//! the gateway runs them, and one xmllint process over many files with the same schema.
//!
//! Times are processor time, so that others on the machine hardly disturb them. They mean something only as ratios
//! within one run, which it prints: `cargo bench --bench validation`.

#[path = "rig/cpu.rs"]
mod cpu;
#[path = "rig/documents.rs"]
mod documents;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bordereau::claims::finding::Finding;
use bordereau::claims::rules::{self, AMC_LENGTHS, Context, Registry};
use bordereau::claims::terms::Terms;
use bordereau::claims::time::{Day, Timestamp};
use bordereau::formats::xml::{Limits, Reader};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use quick_xml::events::Event;

/// Files that one xmllint process reads: enough to forget its start.
const FILES: u32 = 1_000;

/// Where the time of the children is in the `stat` of a process.
const CHILDREN: usize = 13;

/// Time and documents of each column.
type Totals = RefCell<BTreeMap<&'static str, (Duration, u64)>>;

fn validation(criterion: &mut Criterion) {
    let reader = Reader::new().expect("the embedded schemas compile");
    let day = Day::new(2026, 11, 20).expect("a day");
    for size in [4_000, 8_000, 20_000] {
        let document = documents::document(1, day, size);
        assert_eq!(judge(&reader, &document), 0, "the document is valid");
        let totals = Totals::default();
        let mut group = criterion.benchmark_group(format!("validation/{}kB", size / 1_000));
        group.throughput(Throughput::Bytes(document.len() as u64));
        group.bench_function("events", |bencher| {
            bencher.iter_custom(|count| add(&totals, "events", count, || events(&document)));
        });
        group.bench_function("structure", |bencher| {
            bencher.iter_custom(|count| {
                add(&totals, "structure", count, || {
                    structure(&reader, &document)
                })
            });
        });
        group.bench_function("whole", |bencher| {
            bencher.iter_custom(|count| add(&totals, "whole", count, || judge(&reader, &document)));
        });
        group.sample_size(10);
        group.bench_with_input(
            BenchmarkId::from_parameter("xmllint"),
            &document,
            |bencher, document| {
                bencher.iter_custom(|count| {
                    let took = xmllint(document);
                    let mut totals = totals.borrow_mut();
                    let total = totals.entry("xmllint").or_default();
                    *total = (total.0 + took, total.1 + u64::from(FILES));
                    took * u32::try_from(count).unwrap_or(u32::MAX) / FILES
                });
            },
        );
        group.finish();
        print(&totals, document.len());
    }
}

/// Does it so often, and adds the time to a column.
fn add(totals: &Totals, column: &'static str, count: u64, work: impl Fn() -> usize) -> Duration {
    let before = on_this_thread();
    for _ in 0..count {
        std::hint::black_box(work());
    }
    let took = on_this_thread() - before;
    let mut totals = totals.borrow_mut();
    let total = totals.entry(column).or_default();
    *total = (total.0 + took, total.1 + count);
    took
}

/// Processor time of this thread, to the nanosecond.
fn on_this_thread() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").expect("the kernel counts");
    let nanoseconds = stat.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.expect("a number"))
}

/// Prints what was measured; a run may be of some columns only.
fn print(totals: &Totals, bytes: usize) {
    let totals = totals.borrow();
    let each = |column| {
        let (took, count) = totals.get(column)?;
        Some(took.as_secs_f64() * 1e6 / *count as f64)
    };
    let Some(xmllint) = each("xmllint") else {
        return;
    };
    for column in ["events", "structure", "whole"] {
        if let Some(own) = each(column) {
            let ratio = xmllint / own;
            println!(
                "{bytes} bytes: {column} {own:.1} us, xmllint {xmllint:.1} us = {ratio:.2} times"
            );
        }
    }
}

fn events(document: &str) -> usize {
    let mut reader = quick_xml::Reader::from_str(document);
    let mut count = 0;
    while !matches!(reader.read_event(), Ok(Event::Eof) | Err(_)) {
        count += 1;
    }
    count
}

fn structure(reader: &Reader, document: &str) -> usize {
    let read = reader.read_document(document.as_bytes(), &Limits::default());
    read.findings.len()
}

/// Findings of all layers.
fn judge(reader: &Reader, document: &str) -> usize {
    let mut read = reader.read_document(document.as_bytes(), &Limits::default());
    let mut findings: Vec<Finding> = std::mem::take(&mut read.findings);
    if let Some(document) = &read.value {
        let context = Context {
            now: Timestamp::parse("2026-11-20T12:00:00Z").expect("an instant"),
            terms: &Terms::default(),
            registry: Registry::NotConsulted,
            amc_lengths: &AMC_LENGTHS,
        };
        findings.extend(rules::check(document, &context, &read).findings);
    }
    findings.len()
}

/// What one xmllint process takes for all the files.
fn xmllint(document: &str) -> Duration {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let xsd = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/document-1.xsd");
    let names: Vec<String> = (0..FILES).map(|index| format!("{index}.xml")).collect();
    for name in &names {
        fs::write(folder.path().join(name), document).expect("room for the files");
    }
    let mut command = Command::new("xmllint");
    command
        .current_dir(folder.path())
        .args(["--noout", "--schema"])
        .arg(xsd)
        .args(&names);
    let before = cpu::taken("self", CHILDREN);
    let output = command
        .output()
        .expect("xmllint runs; install it: apt-get install -y libxml2-utils");
    assert!(output.status.success(), "xmllint refuses the document");
    cpu::taken("self", CHILDREN) - before
}

criterion_group!(benches, validation);
criterion_main!(benches);
