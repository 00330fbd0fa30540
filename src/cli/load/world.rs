//! What a load is played in: insurers in this process, and the gateway as a process of its own.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::{Certificate, Client};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use super::{Settling, Shape};
use crate::access::{Grant, Role};
use crate::claims::registry::Category;
use crate::cli::lab::draw;
use crate::cli::lab::home::Home;
use crate::clock::{Clock, SystemClock};
use crate::config;
use crate::simulator::insurer::plan::{Plan, Rule};
use crate::simulator::insurer::{self, Insurer};

/// The gestionnaire for whom everything is posted.
const GESTIONNAIRE: &str = "load";

/// How long the gateway may take to start, and to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Endpoint, destination, and the caisse of its centres; the last is a complementary insurer.
const INSURERS: [(&str, &str); 3] = [
    ("caisse-751", "amo:017510000"),
    ("caisse-131", "amo:011310000"),
    ("mutuelle", "amc:99999997"),
];

/// Everything that runs.
pub(super) struct World {
    /// The gateway.
    pub(super) gateway: Gateway,
    /// Who posts.
    pub(super) centres: Vec<Centre>,
    insurers: Vec<insurer::Handle>,
    home: Home,
}

/// A centre of the load.
#[derive(Clone)]
pub(super) struct Centre {
    /// FINESS.
    pub(super) finess: String,
    /// Category.
    pub(super) category: Category,
    /// Number of its caisse.
    pub(super) caisse: &'static str,
}

/// The gateway as its callers reach it.
pub(super) struct Gateway {
    child: Child,
    /// Connections are shared by all centres.
    pub(super) client: Client,
    /// Where centres post.
    pub(super) public: String,
    operators: String,
    /// Whoever posts.
    pub(super) token: String,
    operator: String,
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    /// Processor time.
    pub(super) cpu: Duration,
    /// Memory at most, in bytes.
    pub(super) memory: u64,
}

impl World {
    /// Makes certificates and tokens, starts the insurers, then the gateway.
    pub(super) async fn start(
        shape: Shape,
        plan: Plan,
        clock: Arc<SystemClock>,
    ) -> anyhow::Result<World> {
        let home = Home::make("load", &*clock)?;
        home.certify("Load of bordereau")?;
        home.lock(&*clock)?;
        let centres: Vec<Centre> = (0..shape.centres).map(Centre::nth).collect();
        home.write("centres.toml", &registry(&centres))?;
        let mut calm = Plan::default();
        settle(&mut calm, shape.settling);
        let mut insurers = Vec::new();
        for (place, (name, _)) in INSURERS.into_iter().enumerate() {
            let plan = match place {
                0 => plan.clone(),
                _ => calm.clone(),
            };
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let config = insurer_config(&home.path, name, plan)?;
            insurers.push(Insurer::start(config, listener, clock.clone())?);
        }
        let addresses: Vec<SocketAddr> = insurers.iter().map(|running| running.address).collect();
        home.write("gateway.toml", &gateway(&home.path, &addresses))?;
        let gateway = Gateway::start(&home, &*clock).await?;
        Ok(World {
            gateway,
            centres,
            insurers,
            home,
        })
    }

    /// The insurers, the one with the plan of faults first.
    pub(super) fn insurers(&self) -> &[insurer::Handle] {
        &self.insurers
    }

    /// Documents in the insurers' books.
    pub(super) fn with_insurers(&self) -> usize {
        self.insurers.iter().map(insurer::Handle::documents).sum()
    }

    /// Ends the gateway, then the insurers; the directory goes.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        self.gateway.stop().await?;
        for insurer in self.insurers {
            insurer.shutdown().await;
        }
        drop(self.home);
        Ok(())
    }
}

impl Centre {
    fn nth(place: usize) -> Centre {
        let (department, caisse) = match place % 2 {
            0 => ("75", "751"),
            _ => ("13", "131"),
        };
        Centre {
            finess: draw::finess(department, 1000 + place),
            category: Category::ALL[place % Category::ALL.len()],
            caisse,
        }
    }
}

impl Gateway {
    /// Starts this program as the gateway and waits until it listens.
    async fn start(home: &Home, clock: &dyn Clock) -> anyhow::Result<Gateway> {
        let token = home.issue(grant("centres", Role::Centre, Some(GESTIONNAIRE)), clock)?;
        let operator = home.issue(grant("operator", Role::Operator, None), clock)?;
        let roots = Certificate::from_pem_bundle(&home.roots()?)?;
        let client = Client::builder()
            .tls_certs_only(roots)
            .http1_only()
            .build()?;
        let log = home.path.join("gateway.log");
        let child = Command::new(std::env::current_exe()?)
            .args(["serve", "--config"])
            .arg(home.path.join("gateway.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log)?)
            .spawn()
            .context("the gateway does not start")?;
        let mut gateway = Gateway {
            child,
            client,
            public: String::new(),
            operators: String::new(),
            token,
            operator,
        };
        gateway.find(&log).await?;
        Ok(gateway)
    }

    /// Reads its log until it says where it listens.
    async fn find(&mut self, log: &Path) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let text = fs::read_to_string(log)?;
            let lines = text.lines().map(serde_json::from_str::<Value>);
            for line in lines.map_while(Result::ok) {
                let address = line["address"].as_str().unwrap_or_default().to_owned();
                match line["what"].as_str() {
                    Some("public") => self.public = address,
                    Some("operators") => self.operators = address,
                    Some(_) | None => {}
                }
            }
            if !self.public.is_empty() && !self.operators.is_empty() {
                return Ok(());
            }
            if self.child.try_wait()?.is_some() {
                bail!("the gateway ended at once:\n{text}");
            }
            sleep(Duration::from_millis(50)).await;
        }
        bail!("the gateway does not listen")
    }

    /// Asks as the operator.
    pub(super) async fn ask(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.client.get(format!("{}{path}", self.operators));
        answered(request.bearer_auth(&self.operator)).await
    }

    /// Has something done as the operator.
    pub(super) async fn tell(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.client.post(format!("{}{path}", self.operators));
        answered(request.bearer_auth(&self.operator)).await
    }

    /// What its process has used so far.
    pub(super) fn used(&self) -> anyhow::Result<Used> {
        let about = format!("/proc/{}", self.child.id());
        let stat = fs::read_to_string(format!("{about}/stat"))?;
        // Fields 14 and 15, counted after the name in brackets: hundredths of a second on every Linux we know.
        let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let ticks = fields.split(' ').skip(11).take(2);
        let ticks: u64 = ticks.filter_map(|text| text.parse::<u64>().ok()).sum();
        let status = fs::read_to_string(format!("{about}/status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes: u64 = peak
            .and_then(|text| text.trim().strip_suffix("kB")?.trim().parse().ok())
            .unwrap_or_default();
        Ok(Used {
            cpu: Duration::from_millis(ticks * 10),
            memory: kilobytes * 1024,
        })
    }

    async fn stop(&mut self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.child.id()).context("a process id")?;
        if let Some(pid) = rustix::process::Pid::from_raw(pid) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        let until = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > until {
                bail!("the gateway does not end");
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Already ended, or the run was cut off: nothing of it is needed any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes a plan settle, or leaves it at receipts.
pub(super) fn settle(plan: &mut Plan, settling: Settling) {
    match settling {
        Settling::Settled => {}
        Settling::Receipted => plan.settlements.silent = vec![Rule::default()],
    }
}

async fn answered(request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
    let response = request.send().await?;
    let (status, body) = (response.status(), response.bytes().await?);
    if !status.is_success() {
        bail!("the gateway answered {status}");
    }
    Ok(serde_json::from_slice(&body)?)
}

fn grant(name: &str, role: Role, gestionnaire: Option<&str>) -> Grant {
    Grant {
        name: name.to_owned(),
        role,
        centres: Vec::new(),
        gestionnaire: gestionnaire.map(str::to_owned),
        insurer: None,
        test: false,
    }
}

fn insurer_config(home: &Path, name: &str, plan: Plan) -> anyhow::Result<insurer::Config> {
    let home_text = home.display();
    let text = format!(
        "book = '{home_text}/{name}.book'\n[tls]\ncertificate = '{home_text}/server.pem'\n\
         key = '{home_text}/server.key'\nclient_roots = '{home_text}/authority.pem'\n"
    );
    let mut config: insurer::Config = config::parse(&text, name)?;
    config.plan = plan;
    Ok(config)
}

fn registry(centres: &[Centre]) -> String {
    let mut text = String::new();
    for centre in centres {
        let (finess, caisse) = (&centre.finess, centre.caisse);
        let category = centre.category.as_str();
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "[[centre]]\nfiness = \"{finess}\"\nname = \"Centre {finess}\"\ncategory = \"{category}\"\n\
             gestionnaire = \"{GESTIONNAIRE}\"\ncaisse = \"01{caisse}0000\"\n\
             agreement = \"national-2025\"\nfrom = \"2025-01-01\"\n\n"
        );
    }
    text
}

/// The gateway's configuration: the defaults but for addresses, the pace of one caller, and the waits of minutes.
fn gateway(home: &Path, insurers: &[SocketAddr]) -> String {
    let home = home.display();
    let mut text = format!(
        r#"[import]
centres = '{home}/centres.toml'

[access]
tokens = '{home}/tokens.json'

[public]
address = "127.0.0.1:0"

[public.tls]
certificate = '{home}/server.pem'
key = '{home}/server.key'

[store]
directory = '{home}/store'

[store.encryption]
master_key = '{home}/master.key'

[intake]
# One caller posts for all centres.
requests_per_second = 1000000
requests_burst = 1000000

[dispatch]
lot_age_seconds = 1.0
retry_first_seconds = 0.5
retry_cap_seconds = 5.0

[receipts]
poll_seconds = 0.5
idle_cap_seconds = 1.0
trouble_cap_seconds = 2.0

[report]
interval_seconds = 1

[desk]
socket = '{home}/bordereau.sock'
operators = "127.0.0.1:0"
"#
    );
    for ((name, destination), address) in INSURERS.into_iter().zip(insurers) {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            r#"
[[transport.endpoints]]
name = "{name}"
base = "https://{address}"
destinations = ["{destination}"]
tls = {{ roots = '{home}/authority.pem', identity = {{ certificate = '{home}/gateway.pem', key = '{home}/gateway.key' }} }}
"#
        );
    }
    text
}
