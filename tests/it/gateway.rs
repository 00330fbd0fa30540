//! A gateway as a child process, with a directory, certificates and callers of its own.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use bordereau::tls::authority::{Authority, ClientName};
use reqwest::{Certificate, Client, Response};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// FINESS of the centre of the fixtures.
pub const CENTRE: &str = "750990012";

/// How long anything in a test may take before it has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Lines of log that wait to be looked at; a test that has more of them is about something else.
const LINES: usize = 100_000;

/// A place to run gateways in, one after the other.
pub struct Place {
    directory: tempfile::TempDir,
    pub authority: Authority,
    /// Token of the centre.
    pub centre: String,
    /// Token for metrics.
    pub metrics: String,
}

/// The watchdog's gauge.
const STUCK: &str = "bordereau_queue_stuck_documents";

/// A running gateway.
pub struct Gateway {
    root: String,
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    pub url: String,
    client: Client,
    token: String,
    metrics: String,
}

impl Place {
    /// Only a directory and its certificates: for an insurer that starts first.
    pub fn bare() -> Place {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new("tests").unwrap();
        let at = directory.path();
        authority.write(at).unwrap();
        authority
            .server(&["localhost", "127.0.0.1"])
            .unwrap()
            .write(at, "public")
            .unwrap();
        authority
            .server(&["localhost", "127.0.0.1"])
            .unwrap()
            .write(at, "insurer")
            .unwrap();
        let name = ClientName {
            common_name: "gateway",
            uri: None,
        };
        authority
            .client(name)
            .unwrap()
            .write(at, "gateway")
            .unwrap();
        Place {
            directory,
            authority,
            centre: String::new(),
            metrics: String::new(),
        }
    }

    /// Gives the place its configuration and tokens, for an insurer at this address.
    pub fn ready(mut self, insurer: &str) -> Place {
        self.configure(insurer);
        self.centre = self.token("centre", &["--centre", CENTRE]);
        self.metrics = self.token("metrics", &[]);
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn config(&self) -> PathBuf {
        self.path("bordereau.toml")
    }

    fn configure(&self, insurer: &str) {
        let at = self.directory.path().display();
        fs::write(self.path("centres.toml"), centres()).unwrap();
        let mut text = String::new();
        write!(
            text,
            r#"
[import]
centres = "{at}/centres.toml"
[access]
tokens = "{at}/tokens.json"
[public]
address = "127.0.0.1:0"
tls = {{ certificate = "{at}/public.pem", key = "{at}/public.key" }}
[store]
directory = "{at}/store"
resume_seconds = 0
encryption = {{ master_key = "{at}/master.key" }}
[intake]
requests_per_second = 100000
requests_burst = 100000
[dispatch]
lot_age_seconds = 0.1
retry_first_seconds = 0.1
retry_cap_seconds = 1.0
lease_seconds = 10
receipt_seconds = 5
[receipts]
poll_seconds = 0.1
idle_cap_seconds = 0.5
trouble_cap_seconds = 1.0
[report]
interval_seconds = 1
[desk]
socket = "{at}/bordereau.sock"
[[transport.endpoints]]
name = "paris"
base = "{insurer}"
destinations = ["amo:017510000"]
[transport.endpoints.tls]
roots = "{at}/authority.pem"
identity = {{ certificate = "{at}/gateway.pem", key = "{at}/gateway.key" }}
[transport.endpoints.limits]
connect_seconds = 2
answer_seconds = 5
"#
        )
        .unwrap();
        fs::write(self.config(), text).unwrap();
        self.master_key("master.key");
    }

    /// Makes a master key.
    pub fn master_key(&self, name: &str) {
        let mut generate = program();
        generate.args(["keys", "generate", "--write"]);
        let made = generate.arg(self.path(name)).output().unwrap();
        assert!(made.status.success());
    }

    fn token(&self, role: &str, more: &[&str]) -> String {
        let mut command = program();
        command
            .args(["token", "--config"])
            .arg(self.config())
            .args(["issue", role, "--role", role])
            .args(more);
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Starts a gateway and waits until it serves.
    pub fn start(&self) -> Gateway {
        self.start_with(&[])
    }

    /// Starts a gateway with more in its environment, and waits until it serves.
    pub fn start_with(&self, environment: &[(&str, PathBuf)]) -> Gateway {
        let mut gateway = self.begin(environment);
        gateway.wait_for("the gateway serves");
        gateway
    }

    /// Starts a gateway and waits until it listens; its store may not be open yet.
    pub fn begin(&self, environment: &[(&str, PathBuf)]) -> Gateway {
        let mut child = program()
            .args(["serve", "--config"])
            .arg(self.config())
            .env("RUST_BACKTRACE", "0")
            .envs(environment.iter().map(|(key, value)| (key, value)))
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let lines = lines_of(child.stderr.take().unwrap());
        bordereau::tls::install_default();
        let client = client(&self.authority.certificate());
        let mut gateway = Gateway {
            root: self.authority.certificate(),
            child,
            lines,
            seen: Vec::new(),
            url: String::new(),
            client,
            token: self.centre.clone(),
            metrics: self.metrics.clone(),
        };
        let line = gateway.wait_for("\"public\"");
        let line: Value = serde_json::from_str(&line).unwrap();
        gateway.url = line["address"].as_str().unwrap().to_owned();
        gateway
    }
}

/// The program under test.
pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_bordereau"))
}

fn lines_of(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = sync_channel(LINES);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn centres() -> String {
    format!(
        r#"
[[centre]]
finess = "{CENTRE}"
name = "Centre de la Place"
category = "medical"
gestionnaire = "750000001"
caisse = "017510000"
agreement = "national-2025"
from = "2020-01-01"
"#
    )
}

/// A client that trusts this authority alone.
fn client(root: &str) -> Client {
    let root = Certificate::from_pem(root.as_bytes()).unwrap();
    let client = Client::builder().tls_certs_only([root]);
    client.timeout(Duration::from_secs(20)).build().unwrap()
}

/// What is answered to who asks for metrics.
async fn answer(client: &Client, url: &str, token: &str) -> reqwest::Result<Response> {
    let request = client.get(format!("{url}/metrics")).bearer_auth(token);
    request.send().await
}

/// The value of a series on a page, if it is shown.
fn value(page: &str, series: &str) -> Option<f64> {
    let line = page.lines().find(|line| line.starts_with(series))?;
    line.rsplit(' ').next()?.parse().ok()
}

impl Gateway {
    /// The id of its process.
    #[allow(dead_code, reason = "only the tests of a failing disk ask for it")]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of log that holds the text.
    pub fn wait_for(&mut self, text: &str) -> String {
        loop {
            let line = match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => line,
                Err(error) => panic!(
                    "no line with {text}: {error}; seen:\n{}",
                    self.seen.join("\n")
                ),
            };
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Posts a document as the centre.
    pub async fn post(&self, document: &str) -> reqwest::Result<Response> {
        let request = self
            .client
            .post(format!("{}/v1/documents", self.url))
            .bearer_auth(&self.token);
        request
            .header("content-type", "application/xml")
            .body(document.to_owned())
            .send()
            .await
    }

    /// Asks as the centre.
    pub async fn get(&self, path: &str) -> Response {
        self.client
            .get(format!("{}{path}", self.url))
            .bearer_auth(&self.token)
            .send()
            .await
            .unwrap()
    }

    /// Asks with no identity.
    pub async fn get_as_nobody(&self, path: &str) -> Response {
        self.client
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap()
    }

    /// The page of metrics.
    pub async fn metrics(&self) -> String {
        let response = answer(&self.client, &self.url, &self.metrics)
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        response.text().await.unwrap()
    }

    /// The value of a series, if it is shown.
    pub async fn metric(&self, series: &str) -> Option<f64> {
        value(&self.metrics().await, series)
    }

    /// kill -9.
    pub fn kill(self) {
        self.kill_after(&[]);
    }

    /// kill -9, of a gateway that had a reason to complain.
    pub fn kill_after(mut self, announced: &[&str]) {
        self.child.kill().unwrap();
        assert_eq!(self.child.wait().unwrap().signal(), Some(9));
        self.check_lines(announced);
    }

    /// SIGHUP: read certificates and tokens again.
    pub fn renew(&self) {
        self.signal(Signal::HUP);
    }

    /// SIGTERM, and the end that follows. The watchdog saw nothing stuck until then.
    pub fn stop(mut self, announced: &[&str]) -> ExitStatus {
        let stuck = self.stuck();
        assert!(
            stuck.is_none_or(|stuck| stuck == 0.0),
            "{stuck:?} are stuck"
        );
        self.signal(Signal::TERM);
        let status = self.child.wait().unwrap();
        self.check_lines(announced);
        status
    }

    /// What the watchdog's gauge shows; none where this caller is shown no metrics: it has no token, the store is being
    /// opened, or the certificate is another authority's by now. Asked from a thread of its own, because the caller's
    /// runtime waits for it.
    fn stuck(&self) -> Option<f64> {
        let (root, url, metrics) = (&self.root, &self.url, &self.metrics);
        let ask = || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build().unwrap();
            let asked = async {
                let shown = answer(&client(root), url, metrics).await.ok()?;
                let page = shown.error_for_status().ok()?.text().await.unwrap();
                Some(value(&page, STUCK).unwrap_or(f64::NAN))
            };
            runtime.block_on(asked)
        };
        std::thread::scope(|scope| scope.spawn(ask).join().unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// No line is louder than INFO but those announced, and none names a person.
    fn check_lines(&mut self, announced: &[&str]) {
        while let Ok(line) = self.lines.recv_timeout(Duration::from_secs(5)) {
            self.seen.push(line);
        }
        for line in &self.seen {
            let loud = line.contains("\"WARN\"")
                || line.contains("\"ERROR\"")
                || line.contains("panicked");
            assert!(
                !loud || announced.iter().any(|text| line.contains(text)),
                "not announced: {line}"
            );
            assert!(!line.contains("2850675116001"), "a NIR in the log");
        }
    }
}

/// A test that fails leaves no gateway behind.
impl Drop for Gateway {
    fn drop(&mut self) {
        // Of one that has ended already there is nothing to kill, and waiting again gives its end again.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The document of the fixture with another number.
pub fn document(number: usize) -> String {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/documents/valid/fse-tiers-payant.xml");
    fs::read_to_string(path)
        .unwrap()
        .replace("000000101", &format!("{number:09}"))
}

/// Waits until something holds, asking again and again for a minute at most.
pub async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let end = tokio::time::Instant::now() + PATIENCE;
    while !holds().await {
        assert!(tokio::time::Instant::now() < end, "never: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until so many documents are paid.
pub async fn until_paid(gateway: &Gateway, documents: usize) {
    until("the documents are paid", || async {
        let page = gateway.get("/v1/documents?standing=paid").await;
        let page: Value = page.json().await.unwrap();
        let rows = page["documents"].as_array();
        rows.is_some_and(|rows| rows.len() == documents)
    })
    .await;
}
