//! No answer before the sync, as seen by strace from outside: for every 202 there is an `fdatasync` that began after
//! the document was sent and ended before the answer was there.
//!
//! Documents per sync: `cargo test --test faults syncs -- --nocapture`.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::account::Posted;
use crate::gateway::{Gateway, Place};

/// From when to when, in microseconds since 1970.
type Span = (u64, u64);

/// strace on a gateway.
struct Trace {
    tracer: Child,
    file: PathBuf,
}

impl Trace {
    /// Attaches to all threads of the gateway.
    fn attach(place: &Place, gateway: &Gateway) -> Trace {
        let file = place.path("syncs.trace");
        let mut tracer = Command::new("strace")
            .args(["-f", "-ttt", "-T", "-e", "trace=fdatasync", "-o"])
            .arg(&file)
            .args(["-p", &gateway.id().to_string()])
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace is installed: tests/run installs it");
        let mut lines = BufReader::new(tracer.stderr.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        assert!(line.contains("attached"), "strace may not attach: {line}");
        // The rest is read, so that it never waits for us.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Trace { tracer, file }
    }

    /// All syncs that succeeded. The gateway must have ended, which ends strace.
    fn syncs(mut self) -> Vec<Span> {
        self.tracer.wait().unwrap();
        read(&self.file)
    }
}

fn read(file: &Path) -> Vec<Span> {
    let mut begun = HashMap::new();
    let mut syncs = Vec::new();
    for line in fs::read_to_string(file).unwrap().lines() {
        let mut words = line.split_whitespace();
        let thread = words.next().unwrap().to_owned();
        let Some(at) = words.next().and_then(micros) else {
            continue;
        };
        let took = line
            .rsplit_once('<')
            .map(|(_, took)| took.trim_end_matches('>'));
        if line.contains("unfinished") {
            begun.insert(thread, at);
        } else if line.contains(" = 0 ") {
            let took = took.and_then(micros).unwrap();
            let from = if line.contains("resumed") {
                begun[&thread]
            } else {
                at
            };
            syncs.push((from, from + took));
        }
    }
    syncs
}

/// Seconds with six decimals as microseconds.
fn micros(text: &str) -> Option<u64> {
    let (seconds, parts) = text.split_once('.')?;
    Some(seconds.parse::<u64>().ok()? * 1_000_000 + parts.parse::<u64>().ok()?)
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_micros() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_comes_after_a_sync() {
    for (ways, posts) in [(1, 1_000), (64, 16)] {
        let place = Place::bare().ready("https://localhost:9");
        let gateway = place.start();
        let trace = Trace::attach(&place, &gateway);
        let posted = Posted::default();
        let spans: Mutex<Vec<Span>> = Mutex::default();
        let began = now();
        let each = (0..ways).map(|_| async {
            for _ in 0..posts {
                let sent = now();
                assert_eq!(posted.post(&gateway).await, Some(202));
                spans.lock().unwrap().push((sent, now()));
            }
        });
        futures_util::future::join_all(each).await;
        let ended = now();
        // There is no insurer here.
        gateway.kill_after(&["lots are held"]);
        let mut syncs = trace.syncs();
        syncs.retain(|(from, to)| *from >= began && *to <= ended);
        for (sent, answered) in spans.lock().unwrap().iter() {
            let is_covered = |(from, to): &Span| sent <= from && to <= answered;
            assert!(syncs.iter().any(is_covered), "an answer without a sync");
        }
        let per_sync = (ways * posts) as f64 / syncs.len() as f64;
        println!("{ways} at once: {per_sync:.2} documents a sync");
    }
}
