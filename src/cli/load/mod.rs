//! `bordereau load`: documents of many centres arrive at a given rate, whatever the gateway does, until each is with
//! its insurer and counted; then everything is compared, and only a run that holds shows a figure.
//!
//! The gateway is this program as a process of its own, with its default limits; three simulated insurers and the
//! centres are in this one. Arrivals are open-loop: each has its instant, and its latency runs from there, so a
//! gateway that stalls cannot hide it by slowing its callers (coordinated omission).

mod world;
mod arrivals;
mod verify;
mod figures;
mod pairs;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, sleep};

use crate::cli::daemon;
use crate::cli::exit::{Code, Failure};
use crate::clock::SystemClock;
use crate::config;
use crate::simulator::insurer::plan::Plan;

use arrivals::Arrivals;
use figures::Figures;
use pairs::Pairs;
use world::World;

/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(250);

/// How much arrives, how fast, and from how many.
#[derive(Debug, Args)]
pub struct Options {
    /// Centres, of all four categories in turn.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=3005))]
    centres: u32,
    /// Documents, all centres together.
    #[arg(long, default_value_t = 6_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    documents: u32,
    /// Documents that arrive in a second.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// Documents that are posted together; 1 posts each alone.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    lot: u32,
    /// Requests at the same time, at most. One that waits for its turn is late all the same.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    in_flight: u32,
    /// Insurers settle too, beside giving receipts.
    #[arg(long)]
    settle: bool,
    /// A fault plan of the first insurer; it may have faults on the wire and late receipts, and refuse nothing.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Plays so many pairs of runs, with the plan and without it in turn, and compares what the other insurers' documents
    /// wait.
    #[arg(long, value_name = "PAIRS", requires = "plan", value_parser = clap::value_parser!(u32).range(1..=100))]
    pairs: Option<u32>,
    /// Seconds after the end of the plan's last outage in which what had waited must be taken; exit code 1 otherwise.
    #[arg(
        long,
        value_name = "SECONDS",
        requires = "plan",
        conflicts_with = "pairs"
    )]
    drain_within: Option<u32>,
    /// What the median ratio of the pairs may be; exit code 1 otherwise.
    #[arg(long, value_name = "RATIO", requires = "pairs", value_parser = ratio)]
    ratio_at_most: Option<f64>,
    /// Seconds after the last arrival in which everything must be counted.
    #[arg(long, default_value_t = 300)]
    patience: u32,
    /// What documents are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// The figures as JSON.
    #[arg(long)]
    json: bool,
}

/// Whether insurers settle, or only give receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settling {
    Settled,
    Receipted,
}

/// The size of a run.
#[derive(Clone, Copy, Debug)]
struct Shape {
    centres: usize,
    documents: usize,
    rate: u32,
    lot: usize,
    in_flight: usize,
    settling: Settling,
    seed: u32,
}

/// The figures of a run, or why it does not hold.
type Played = Result<Figures, Vec<String>>;

/// Exit 0 when everything was counted as it should be, 1 otherwise: then there are no figures. Also 1 when a bound is
/// missed that was given: after the figures.
pub fn run(options: &Options) -> Result<Code, Failure> {
    let shape = Shape {
        centres: options.centres as usize,
        documents: options.documents as usize,
        rate: options.rate,
        lot: options.lot as usize,
        in_flight: options.in_flight as usize,
        settling: match options.settle {
            true => Settling::Settled,
            false => Settling::Receipted,
        },
        seed: options.seed,
    };
    let plan = plan(options, shape)?;
    let patience = Duration::from_secs(u64::from(options.patience));
    let run = async |plan: &Plan| {
        let played = tokio::select! {
            played = play(shape, plan.clone(), patience) => played,
            // Dropped, the world ends its gateway and takes its directory with it.
            _ = daemon::stop_signal() => Err(anyhow::anyhow!("interrupted: nothing was compared")),
        };
        played.map_err(|error| Failure::new(Code::Software, error))
    };
    daemon::block_on(async {
        let Some(pairs) = options.pairs else {
            let figures = match run(&plan).await? {
                Ok(figures) => figures,
                Err(faults) => return Ok(refuse(&faults)),
            };
            match options.json {
                true => println!("{:#}", figures.json(shape)),
                false => print!("{figures}"),
            }
            let missed = options.drain_within.and_then(|most| figures.missed(most));
            return Ok(kept(missed));
        };
        let mut calm = Plan::default();
        world::settle(&mut calm, shape.settling);
        let mut compared = Pairs::default();
        for _ in 0..pairs {
            // Side by side in time, so that whatever else the machine does strikes both.
            let without = run(&calm).await?;
            let with = run(&plan).await?;
            match (without, with) {
                (Ok(without), Ok(with)) => {
                    compared.add(without.p99_elsewhere(), with.p99_elsewhere());
                }
                (Err(faults), _) | (_, Err(faults)) => return Ok(refuse(&faults)),
            }
        }
        match options.json {
            true => println!("{:#}", compared.json()),
            false => print!("{compared}"),
        }
        let missed = options.ratio_at_most.and_then(|most| compared.missed(most));
        Ok(kept(missed))
    })
}

/// Says by how much a bound was missed, if it was.
fn kept(missed: Option<String>) -> Code {
    match missed {
        None => Code::Ok,
        Some(sentence) => {
            eprintln!("missed: {sentence}");
            Code::No
        }
    }
}

/// A ratio above 0.
fn ratio(text: &str) -> Result<f64, String> {
    let found = text.parse::<f64>().ok();
    let ratio = found.filter(|ratio| ratio.is_finite() && *ratio > 0.0);
    ratio.ok_or_else(|| "a number above 0 is meant".to_owned())
}

/// Says why a run does not hold.
fn refuse(faults: &[String]) -> Code {
    for fault in faults {
        eprintln!("wrong: {fault}");
    }
    eprintln!("The run does not hold: there are no figures.");
    Code::No
}

/// The first insurer's plan of faults.
fn plan(options: &Options, shape: Shape) -> Result<Plan, Failure> {
    let mut plan: Plan = match &options.plan {
        None => Plan::default(),
        Some(file) => config::parse_file(file).map_err(Failure::config)?,
    };
    if !plan.takes_everything() {
        let error = anyhow::anyhow!("a plan for a load refuses, rejects and keeps back nothing");
        return Err(Failure::config(error));
    }
    world::settle(&mut plan, shape.settling);
    Ok(plan)
}

/// The figures of a run, or why it does not hold.
async fn play(shape: Shape, plan: Plan, patience: Duration) -> anyhow::Result<Played> {
    let world = World::start(shape, plan, Arc::new(SystemClock)).await?;
    let bar = bar(shape);
    let before = world.gateway.used()?;
    let began = Instant::now();
    let arrivals = Arrivals::run(shape, &world, &bar).await?;
    let arrived = began.elapsed();
    follow(shape, &world, &bar, Instant::now() + patience).await?;
    let took = began.elapsed();
    let used = world.gateway.used()?;
    bar.set_message("comparing");
    let verified = verify::compare(shape, &world, &arrivals).await?;
    bar.finish_and_clear();
    let figures = Figures::new(&arrivals, world.insurers(), arrived, took, before, used);
    world.stop().await?;
    Ok(match verified.is_empty() {
        true => Ok(figures),
        false => Err(verified),
    })
}

/// Waits until every document is with its insurer and counted.
async fn follow(
    shape: Shape,
    world: &World,
    bar: &ProgressBar,
    until: Instant,
) -> anyhow::Result<()> {
    bar.set_message("following");
    loop {
        let with_insurers = world.with_insurers();
        bar.set_position((shape.documents + with_insurers) as u64);
        if with_insurers >= shape.documents && verify::is_counted(shape, world).await? {
            return Ok(());
        }
        if Instant::now() > until {
            // What is missing is told by the comparison.
            return Ok(());
        }
        sleep(LOOK).await;
    }
}

/// A bar on a terminal, nothing elsewhere: half for the arrivals, half for their way.
fn bar(shape: Shape) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:10} {bar:50} {percent} % {elapsed}");
    ProgressBar::new(2 * shape.documents as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message("arriving")
}
