//! The peer of the whole road: a plain table of work in PostgreSQL. One insert and commit a document, workers that take
//! rows with `SKIP LOCKED`, a plain HTTP POST to a sink, an update and commit. It validates, seals and counts nothing.
//!
//! Documents come to it in two ways: by sessions of this process, with no network at all, and as they come to a gateway,
//! each posted over mutual TLS, to a server that does nothing but insert it and answer.
//!
//! A cluster of its own in a temporary directory, as shipped: what it has committed is on the disk. It runs as an
//! unprivileged user, because it refuses to run as root.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use bordereau::tls::{self, Acceptor, Door, Server};
use bytes::Bytes;
use reqwest::Client as Https;
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, NoTls, Statement};

use crate::gateway::Place;
use crate::runs::share;

/// Who takes rows from the table.
const WORKERS: usize = 8;

/// A worker that finds nothing looks again after this.
const NOTHING: Duration = Duration::from_millis(5);

/// The user "nobody" and its group, as whom the cluster runs when this is root.
const NOBODY: u32 = 65_534;

/// A running cluster.
pub struct Cluster {
    child: Child,
    directory: TempDir,
}

/// How documents come to the table.
#[derive(Clone, Copy)]
pub enum Way {
    /// By sessions of this process.
    Session,
    /// Posted over mutual TLS to a server that inserts them.
    Posted,
}

/// A session with its prepared insert.
type Session = (Client, Statement);

/// Documents a second.
pub struct Rates {
    /// Committed.
    pub accepted: f64,
    /// Done: with the sink, and marked so.
    pub whole: f64,
}

impl Cluster {
    /// Makes and starts a cluster; none if PostgreSQL is not installed.
    pub async fn start() -> Option<Cluster> {
        let programs = programs()?;
        let directory = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a place for files");
        let at = directory.path();
        if is_root() {
            chown(at, Some(NOBODY), Some(NOBODY)).expect("root may");
        }
        let data = at.join("data");
        let mut init = program(&programs.join("initdb"), at);
        let init = init
            .args(["--username=bench", "--auth=trust", "-D"])
            .arg(&data);
        let made = init.stdout(Stdio::null()).status().expect("initdb runs");
        assert!(made.success(), "initdb makes a cluster");
        let mut server = program(&programs.join("postgres"), at);
        let server = server.arg("-D").arg(&data).arg("-k").arg(at);
        let server = server.args(["-c", "listen_addresses=", "-c", "max_connections=200"]);
        let server = server.stdout(Stdio::null()).stderr(Stdio::null());
        let cluster = Cluster {
            child: server.spawn().expect("postgres runs"),
            directory,
        };
        let table = "CREATE TABLE job (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                     state smallint NOT NULL DEFAULT 0, body bytea NOT NULL);
                     CREATE INDEX job_open ON job (id) WHERE state = 0";
        loop {
            // It takes a moment until it listens.
            match tokio_postgres::connect(&cluster.options(), NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    client.batch_execute(table).await.expect("a table is made");
                    return Some(cluster);
                }
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Inserts so many documents by so many senders while workers take them to the sink.
    pub async fn run(&self, documents: u64, senders: u64, way: Way, body: Bytes) -> Rates {
        let sink = sink().await;
        let done = Arc::new(AtomicU64::new(0));
        let mut workers = Vec::new();
        for _ in 0..WORKERS {
            let worker = worker(self.client().await, sink.clone(), done.clone(), documents);
            workers.push(tokio::spawn(worker));
        }
        let mut sessions = Vec::new();
        for _ in 0..senders {
            let client = self.client().await;
            let insert = client.prepare("INSERT INTO job (body) VALUES ($1)").await;
            sessions.push(Arc::new((client, insert.expect("a statement"))));
        }
        let began;
        let accepted = match way {
            Way::Session => {
                began = Instant::now();
                let one = |number: u64| {
                    let session = sessions[(number % senders) as usize].clone();
                    let body = body.clone();
                    async move { insert(&session, &body).await }
                };
                share(documents, senders, one).await
            }
            Way::Posted => {
                let place = Place::new(crate::documents::CENTRE);
                let (https, url) = (place.client("centre"), front(&place, sessions).await);
                began = Instant::now();
                let one = |_| posted(https.clone(), url.clone(), body.clone());
                share(documents, senders, one).await
            }
        };
        for worker in workers {
            worker.await.expect("a worker ends well");
        }
        let rate = |took: Duration| documents as f64 / took.as_secs_f64();
        Rates {
            accepted: rate(accepted),
            whole: rate(began.elapsed()),
        }
    }

    fn options(&self) -> String {
        let at = self.directory.path().display();
        format!("host={at} user=bench dbname=postgres")
    }

    async fn client(&self) -> Client {
        let connected = tokio_postgres::connect(&self.options(), NoTls).await;
        let (client, connection) = connected.expect("a connection");
        tokio::spawn(connection);
        client
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // "Fast": the sessions end, and what it shares with the system is given back.
        let _ = kill_process(Pid::from_child(&self.child), Signal::INT);
        let _ = self.child.wait();
    }
}

/// Takes rows, one after the other, until all are done.
async fn worker(mut client: Client, sink: String, done: Arc<AtomicU64>, documents: u64) {
    let http = reqwest::Client::new();
    let take =
        "SELECT id, body FROM job WHERE state = 0 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED";
    let take = client.prepare(take).await.expect("a statement");
    let mark = "UPDATE job SET state = 1 WHERE id = $1";
    let mark = client.prepare(mark).await.expect("a statement");
    while done.load(Ordering::Relaxed) < documents {
        let transaction = client.transaction().await.expect("a transaction");
        let Some(row) = transaction.query_opt(&take, &[]).await.expect("an answer") else {
            drop(transaction);
            sleep(NOTHING).await;
            continue;
        };
        let (id, body): (i64, Vec<u8>) = (row.get(0), row.get(1));
        let sent = http.post(&sink).body(body).send().await;
        assert!(sent.expect("an answer of the sink").status().is_success());
        let marked = transaction.execute(&mark, &[&id]).await;
        assert_eq!(marked.expect("an update"), 1);
        transaction.commit().await.expect("a commit");
        done.fetch_add(1, Ordering::Relaxed);
    }
}

async fn insert((client, insert): &Session, body: &[u8]) {
    let inserted = client.execute(insert, &[&body]).await;
    assert_eq!(inserted.expect("an insert"), 1);
}

async fn posted(https: Https, url: String, body: Bytes) {
    let request = https
        .post(url)
        .header("content-type", "application/xml")
        .body(body);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    answer.bytes().await.expect("an answer's body");
}

/// The sessions that are free now.
struct Pool {
    free: Mutex<mpsc::Receiver<Arc<Session>>>,
    back: mpsc::Sender<Arc<Session>>,
}

/// A server behind the gateway's own mutual TLS that inserts what is posted, commits, and answers.
async fn front(place: &Place, sessions: Vec<Arc<Session>>) -> String {
    let (back, free) = mpsc::channel(sessions.len());
    for session in sessions {
        back.send(session).await.expect("there is room for all");
    }
    let pool = Arc::new(Pool {
        free: Mutex::new(free),
        back,
    });
    let take = async |State(pool): State<Arc<Pool>>, body: Bytes| {
        let session = pool.free.lock().await.recv().await;
        let session = session.expect("sessions come back");
        insert(&session, &body).await;
        pool.back.try_send(session).expect("there is room for all");
        StatusCode::ACCEPTED
    };
    let router = Router::new()
        .route("/v1/documents", post(take))
        .with_state(pool);
    let settings = place.tls("public");
    let material = settings.load(&tls::renewal::Config::default());
    let server = Server::new(&material.expect("certificates"));
    let door = Door {
        acceptor: Acceptor::Tls(Arc::new(server.expect("a server"))),
        limits: settings.limits,
        observer: Arc::new(|_| {}),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(tls::serve(listener, door, router, std::future::pending()));
    format!("https://localhost:{port}/v1/documents")
}

/// Takes everything, over plain HTTP.
async fn sink() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().route("/", post(async |_: bytes::Bytes| ()));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/")
}

/// Where `initdb` and `postgres` are: in the newest version that Debian's packages put beside each other.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let places = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    places.filter(|place| place.join("initdb").exists()).max()
}

fn program(path: &Path, at: &Path) -> Command {
    let mut command = Command::new(path);
    command.current_dir(at);
    if is_root() {
        command.gid(NOBODY).uid(NOBODY);
    }
    command
}

fn is_root() -> bool {
    geteuid().is_root()
}
