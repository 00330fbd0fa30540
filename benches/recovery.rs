//! How soon a store is ready that has many pending documents of 8 KiB: after a clean stop, after a kill -9 amid work,
//! and without its index; and how fast its lots are leased and concluded. Each step is a process of its own, so that
//! nothing is known from the one before.
//!
//! `cargo bench --bench recovery` takes 10 000 and 100 000 documents; `cargo bench --bench recovery -- 1000000` needs
//! 10 GB of disk.

#[path = "rig/admissions.rs"]
mod admissions;
#[path = "rig/documents.rs"]
mod documents;
#[path = "rig/cpu.rs"]
mod cpu;
#[path = "rig/runs.rs"]
mod runs;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command as Program, Stdio};
use std::sync::Arc;
use std::time::Duration;

use admissions::{CENTRE, admit, now, open, register, shipped};
use bordereau::claims::delivery::{Event, Form};
use bordereau::claims::document::Purpose;
use bordereau::claims::entry::{Next, Reason, Sealed};
use bordereau::claims::id::{Amc, Destination, Digest, EndpointName, Finess, LotId};
use bordereau::store::embedded::Embedded;
use bordereau::store::{BodyId, Command, Conclusion, Lease, Outcome, Sealing, Store};
use runs::share;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::Instant;

const WRITERS: u64 = 64;

/// Documents go to so many insurers.
const INSURERS: u64 = 100;

/// After so many documents lots are sealed: a hundred for each insurer.
const SEALED_AFTER: usize = 10_000;

/// Documents admitted by the process that is killed.
const AMID: u64 = 5_000;

const SEALING: Sealing = Sealing {
    documents: 100,
    bytes: 4 << 20,
    age: Duration::ZERO,
};

fn main() {
    let arguments = std::env::args().skip(1).filter(|given| given != "--bench");
    let arguments: Vec<String> = arguments.collect();
    let number = |text: &str| text.parse().expect("a number of documents");
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        [] => [10_000, 100_000].into_iter().for_each(measure),
        ["build", directory, documents] => build(Path::new(directory), number(documents)),
        ["open", directory, documents] => reopen(Path::new(directory), number(documents)),
        ["deliver", directory, _] => deliver(Path::new(directory)),
        [documents] => measure(number(documents)),
        other => panic!("not understood: {other:?}"),
    }
}

fn measure(documents: u64) {
    let directory =
        TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("there is a place for files");
    Step::begin("build", directory.path(), documents).end();
    println!("{documents} pending documents");
    println!("index: {} MB", megabytes(&directory.path().join("index")));
    let (step, after_stop) = Step::begin("open", directory.path(), documents).line();
    println!("after a clean stop: {after_stop}");
    let (mut step, amid) = step.line();
    println!("{amid}");
    step.child.kill().expect("it runs");
    step.child.wait().expect("it ends");
    let (step, after_kill) = Step::begin("open", directory.path(), documents + AMID).line();
    println!("after a kill: {after_kill}");
    step.end();
    let (step, delivered) = Step::begin("deliver", directory.path(), documents).line();
    println!("{delivered}");
    step.end();
    for derived in ["index", "sorted"] {
        fs::remove_dir_all(directory.path().join(derived)).expect("it is there");
    }
    let (step, rebuilt) = Step::begin("deliver", directory.path(), documents).line();
    println!("without its index: {rebuilt}");
    step.end();
    println!("index: {} MB", megabytes(&directory.path().join("index")));
}

/// A process of this program.
struct Step {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Step {
    fn begin(what: &str, directory: &Path, documents: u64) -> Step {
        let program = std::env::current_exe().expect("this program");
        let mut child = Program::new(program)
            .arg(what)
            .arg(directory)
            .arg(documents.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        Step {
            stdin: child.stdin.take().expect("it is piped"),
            stdout: BufReader::new(child.stdout.take().expect("it is piped")),
            child,
        }
    }

    /// What it says when it is done.
    fn line(mut self) -> (Step, String) {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("it says a line");
        (self, line.trim_end().to_owned())
    }

    /// Lets it stop cleanly.
    fn end(mut self) {
        drop(self.stdin);
        let ended = self.child.wait().expect("it ends");
        assert!(ended.success(), "{ended}");
    }
}

/// Waits until the other side closes the pipe.
fn wait_for_the_end() {
    let mut line = String::new();
    while std::io::stdin()
        .read_line(&mut line)
        .is_ok_and(|read| read > 0)
    {}
}

fn build(directory: &Path, documents: u64) {
    let runtime = Runtime::new().expect("a runtime starts");
    let store = Arc::new(open(&shipped(directory)));
    runtime.block_on(async {
        register(&*store).await;
        for first in (1..=documents).step_by(SEALED_AFTER) {
            let count = (documents + 1 - first).min(SEALED_AFTER as u64);
            admit_all(&store, first, count).await;
            seal_all(&store).await;
        }
    });
    drop(store);
}

async fn admit_all(store: &Arc<Embedded>, first: u64, count: u64) {
    let posted = admissions::documents();
    share(count, WRITERS, |number| {
        let posted = posted[number as usize % posted.len()].clone();
        let insurer = 10_000_000 + (number % INSURERS) as u32;
        let amc = Amc::parse(&insurer.to_string()).expect("an insurer");
        admit(store.clone(), first + number, posted, Destination::Amc(amc))
    })
    .await;
}

async fn seal_all(store: &Embedded) {
    let mut lot = 0;
    loop {
        let due = store
            .due(now(), SEALING, 64)
            .await
            .expect("the store answers");
        if due.groups.is_empty() {
            return;
        }
        for group in due.groups {
            lot += 1;
            let sealed = Sealed {
                lot: LotId(lot),
                centre: Finess::parse(CENTRE).expect("a centre"),
                destination: group.destination,
                endpoint: endpoint(),
                purpose: Purpose::Real,
                documents: group.documents.iter().map(|(id, _)| *id).collect(),
                digest: Digest([1; 32]),
                length: 800_000,
                due: now(),
                form: Form::Composed,
            };
            let outcome = store.commit(now(), Command::Seal(sealed)).await;
            assert!(matches!(outcome, Ok(Outcome::Done(_))), "{outcome:?}");
        }
    }
}

fn endpoint() -> EndpointName {
    EndpointName::parse("insurer").expect("a name")
}

/// Opens, leases the first lot and reads the first bytes to be sent; then admits more, and waits.
fn reopen(directory: &Path, documents: u64) {
    let runtime = Runtime::new().expect("a runtime starts");
    let began = Instant::now();
    let store = Arc::new(open(&shipped(directory)));
    let opened = began.elapsed();
    runtime.block_on(async {
        let lease = Lease {
            endpoint: endpoint(),
            until: now() + Duration::from_secs(60),
            most: 1,
        };
        let leased = store.lease_due(now(), lease).await.expect("a lease");
        let document = leased[0].lot.sealed.documents[0];
        let body = store.body(BodyId::Document(document)).await;
        body.expect("it can be read").expect("it is there");
        let delivered = began.elapsed();
        println!(
            "open in {:.2} s, the first bytes to send after {:.2} s, {} MB of memory at most",
            opened.as_secs_f64(),
            delivered.as_secs_f64(),
            peak_megabytes(),
        );
        admit_all(&store, documents + 1, AMID).await;
    });
    println!("admitted {AMID} more");
    wait_for_the_end();
}

/// Opens, then leases and concludes every lot that is due.
fn deliver(directory: &Path) {
    let runtime = Runtime::new().expect("a runtime starts");
    let began = Instant::now();
    let store = open(&shipped(directory));
    let opened = began.elapsed();
    let processor = cpu::taken("self", 11);
    let entries = store.health().position.0;
    let began = Instant::now();
    let lots = runtime.block_on(conclude_all(&store));
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "open in {:.2} s ({:.2} s of processor, {entries} entries), {} MB of memory at most; {lots} lots leased and \
         concluded, {:.0} a second",
        opened.as_secs_f64(),
        processor.as_secs_f64(),
        peak_megabytes(),
        lots as f64 / seconds,
    );
    wait_for_the_end();
}

async fn conclude_all(store: &Embedded) -> usize {
    let mut lots = 0;
    loop {
        let lease = Lease {
            endpoint: endpoint(),
            until: now() + Duration::from_secs(60),
            most: 64,
        };
        let leased = store.lease_due(now(), lease).await.expect("a lease");
        if leased.is_empty() {
            return lots;
        }
        lots += leased.len();
        for leased in leased {
            let conclusion = Conclusion {
                lot: leased.lot.sealed.lot,
                attempt: leased.attempt,
                asked: None,
                event: Event::Taken,
                next: Next {
                    at: now() + Duration::from_secs(3600),
                    reason: Reason::Receipt,
                },
                named: Vec::new(),
                words: None,
            };
            let outcome = store.commit(now(), Command::Conclude(conclusion)).await;
            assert!(matches!(outcome, Ok(Outcome::Done(_))), "{outcome:?}");
        }
    }
}

/// The most memory that this process had, in MB.
fn peak_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("this process runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.expect("a number of kB") / 1024
}

fn megabytes(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).expect("a directory");
    let lengths = entries.map(|entry| {
        let entry = entry.expect("an entry");
        let about = entry.metadata().expect("about it");
        if about.is_dir() {
            megabytes(&entry.path()) << 20
        } else {
            about.len()
        }
    });
    lengths.sum::<u64>() >> 20
}
