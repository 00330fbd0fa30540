//! A gateway as a process of its own, the way to it, and what it costs.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bordereau::clock::{Clock, SystemClock};
use bordereau::formats::xml::write_lot;
use reqwest::Client;
use tokio::time::{Instant, sleep};

use crate::cpu;
use crate::documents;
use crate::gateway::Place;

/// Bytes of a document.
pub const BYTES: usize = 4_000;

/// Where the time of a process itself is in its `stat`.
const OWN: usize = 11;

/// How often it is asked how many are counted; it counts once a second.
const LOOK: Duration = Duration::from_millis(50);

/// A gateway as a process.
pub struct Gateway {
    child: Child,
    url: String,
    centre: Client,
    metrics: Client,
    /// A document's text around its number, without a declaration.
    text: (String, String),
    began: Instant,
    /// When posts were answered, and how many documents were in each.
    answered: Mutex<Vec<(Duration, u64)>>,
}

impl Gateway {
    /// Starts one in a place, with one insurer, and waits until it is ready.
    pub async fn start(place: &Place, insurer: &str) -> Gateway {
        const NUMBER: &str = "number=\"";
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = port.local_addr().expect("an address");
        drop(port);
        let more = "lot_age_seconds = 0.2\n[receipts]\npoll_seconds = 0.1\n[report]\ninterval_seconds = 1\n";
        let text = place.configuration(&address.to_string(), documents::CENTRE, insurer, more);
        fs::write(place.path("bordereau.toml"), text).expect("written");
        let mut program = Command::new(env!("CARGO_BIN_EXE_bordereau"));
        let program = program
            .args(["serve", "--config"])
            .arg(place.path("bordereau.toml"));
        let document = documents::document(0, SystemClock.now().day(), BYTES);
        let (_, document) = document.split_once("?>\n").expect("a declaration");
        let at = document.find(NUMBER).expect("a document has a number") + NUMBER.len();
        let gateway = Gateway {
            child: program.stdout(Stdio::null()).spawn().expect("it starts"),
            url: format!("https://localhost:{}", address.port()),
            centre: place.client("centre"),
            metrics: place.client("metrics"),
            text: (document[..at].to_owned(), document[at + 9..].to_owned()),
            began: Instant::now(),
            answered: Mutex::default(),
        };
        let ready = format!("{}/readyz", gateway.url);
        while !gateway.is_ready(&ready).await {
            sleep(Duration::from_millis(50)).await;
        }
        gateway
    }

    async fn is_ready(&self, url: &str) -> bool {
        let answer = self.centre.get(url).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Posts the documents of so many numbers from one on: one singly, more as a lot.
    pub async fn post(self: Arc<Gateway>, first: u64, count: u64) {
        if count == 1 {
            let answer = self.send("documents", self.document(first)).await;
            assert_eq!(answer.status(), 202);
            answer.bytes().await.expect("an answer's body");
        } else {
            let texts: Vec<_> = (first..first + count)
                .map(|number| self.document(number))
                .collect();
            let lot = write_lot(texts.iter().map(String::as_str));
            let answer = self.send("lots", lot).await;
            assert_eq!(answer.status(), 200);
            let answer: serde_json::Value = answer.json().await.expect("an answer in JSON");
            let rows = answer["documents"].as_array().expect("rows");
            assert_eq!(rows.len() as u64, count);
            assert!(rows.iter().all(|row| row["status"] == 202));
        }
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.push((self.began.elapsed(), count));
    }

    /// Waits until so many documents are in the numerator; how long each took from its answer to there: the n-th that
    /// was answered to the n-th that was counted.
    pub async fn counted(&self, documents: u64) -> Vec<Duration> {
        let mut counted = Vec::new();
        while (counted.len() as u64) < documents {
            let now = self.numerator().await.unwrap_or_default();
            let at = self.began.elapsed();
            counted.resize(counted.len().max(now as usize), at);
            sleep(LOOK).await;
        }
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.sort_unstable();
        let each = answered
            .iter()
            .flat_map(|(at, count)| std::iter::repeat_n(*at, *count as usize));
        let mut took: Vec<_> = each
            .zip(counted)
            .map(|(from, to)| to.saturating_sub(from))
            .collect();
        took.sort_unstable();
        took
    }

    /// CPU seconds so far, of the program and for it.
    pub fn cpu(&self) -> f64 {
        cpu::taken(&self.child.id().to_string(), OWN).as_secs_f64()
    }

    /// The most memory that it ever had, in MiB.
    pub fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
        kib.expect("a size in kB") / 1024
    }

    /// Ends it.
    pub fn end(mut self) {
        self.child.kill().expect("it ran");
        self.child.wait().expect("it ended");
    }

    fn document(&self, number: u64) -> String {
        format!("{}{number:09}{}", self.text.0, self.text.1)
    }

    async fn send(&self, what: &str, body: String) -> reqwest::Response {
        let request = self.centre.post(format!("{}/v1/{what}", self.url));
        let request = request.header("content-type", "application/xml").body(body);
        request.send().await.expect("an answer")
    }

    async fn numerator(&self) -> Option<u64> {
        const NUMERATOR: &str = "bordereau_obligation_numerator_documents{";
        let page = self.metrics.get(format!("{}/metrics", self.url));
        let page = page.send().await.expect("an answer");
        let page = page.text().await.expect("a page");
        let lines = page.lines().filter(|line| line.starts_with(NUMERATOR));
        let counts = lines.filter_map(|line| line.rsplit(' ').next()?.parse().ok());
        counts.max()
    }
}
