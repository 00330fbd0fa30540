//! How long a document takes: bare quick-xml events, this program's structure, one xmllint process over many files.
//!
//! The figures mean something only as ratios within one run: `cargo bench --bench validation`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use bordereau::schema::{Limits, Schema, Source, read};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use quick_xml::Reader;
use quick_xml::events::Event;

const XSD: &str = include_str!("../src/schema/tests/sample.xsd");
const XML: &str = include_str!("../src/schema/tests/sample.xml");

/// Files that one xmllint process reads: enough to forget its start.
const FILES: u32 = 1_000;

fn validation(criterion: &mut Criterion) {
    let schema = Schema::compile(&[Source {
        name: "sample.xsd",
        xsd: XSD,
    }])
    .expect("the sample compiles");
    for size in [4_000, 9_000, 20_000] {
        let document = document(size);
        assert!(
            read(document.as_bytes(), &schema, &Limits::default(), &mut ())
                .findings
                .is_empty()
        );
        let mut group = criterion.benchmark_group(format!("validation/{}kB", size / 1_000));
        group.throughput(Throughput::Bytes(document.len() as u64));
        group.bench_function("events", |bencher| bencher.iter(|| events(&document)));
        group.bench_function("structure", |bencher| {
            bencher.iter(|| {
                read(document.as_bytes(), &schema, &Limits::default(), &mut ())
                    .findings
                    .len()
            });
        });
        group.sample_size(10);
        group.bench_with_input(
            BenchmarkId::from_parameter("xmllint"),
            &document,
            |bencher, document| {
                bencher.iter_custom(|count| {
                    xmllint(document) * u32::try_from(count).unwrap_or(u32::MAX) / FILES
                });
            },
        );
        group.finish();
    }
}

/// The sample with as many acts as make it this large.
fn document(size: usize) -> String {
    let begin = XML
        .find("    <act rank=\"1\">")
        .expect("the sample has acts");
    let end = XML.find("    <act rank=\"2\"").expect("the sample has two");
    let act = &XML[begin..end];
    let acts = (size - XML.len()) / act.len();
    let ranked = |rank: usize| act.replace("rank=\"1\"", &format!("rank=\"{}\"", rank + 3));
    let more: String = (0..acts).map(ranked).collect();
    XML.replace("  </acts>", &format!("{more}  </acts>"))
}

fn events(document: &str) -> usize {
    let mut reader = Reader::from_str(document);
    let mut count = 0;
    while !matches!(reader.read_event(), Ok(Event::Eof) | Err(_)) {
        count += 1;
    }
    count
}

/// How long one xmllint process takes for all the files.
fn xmllint(document: &str) -> Duration {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let xsd = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/schema/tests/sample.xsd");
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
    let start = Instant::now();
    let output = command
        .output()
        .expect("xmllint runs; install it: apt-get install -y libxml2-utils");
    let taken = start.elapsed();
    assert!(output.status.success(), "xmllint refuses the document");
    taken
}

criterion_group!(benches, validation);
criterion_main!(benches);
