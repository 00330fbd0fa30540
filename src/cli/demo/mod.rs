//! `bordereau demo`: the main job in one command. It writes down what must come out, lets insurers, centres and
//! the gateway do their work over real connections, and compares.
//!
//! Everything lies in one directory under the system's temporary one, which is removed at the end, also after
//! Ctrl-C; a kill leaves it behind. No claim, person or key here is real, except the numbers of three caisses.

mod cast;
mod book;
mod papers;
mod world;
mod gateway;
mod post;
mod table;
mod report;

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, sleep};

use crate::cli::daemon;
use crate::cli::exit::{Code, Failure};
use crate::clock::{Clock, SystemClock};
use crate::telemetry::log;

use book::Book;
use post::Centres;
use report::Report;
use world::World;

/// How long documents have to come to their end.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long the counts have to follow the last document.
const COUNTING: Duration = Duration::from_secs(15);

/// Between two looks at the counts.
const LOOK: Duration = Duration::from_millis(500);

/// How large it is, and what becomes of it.
#[derive(Debug, Args)]
pub struct Options {
    /// Centres, of all four categories in turn.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    centres: u32,
    /// Documents to post, all centres together.
    #[arg(long, default_value_t = 2400, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    documents: u32,
    /// What everything is drawn from: the same seed gives the same table.
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// The table as JSON.
    #[arg(long)]
    json: bool,
    /// Stay up at the end, and say where.
    #[arg(long)]
    keep: bool,
}

/// How large the demo is.
#[derive(Clone, Copy, Debug)]
struct Size {
    centres: usize,
    documents: usize,
    seed: u32,
}

/// Runs the demo: 0 when everything came out as it was written down before, 1 otherwise.
pub fn run(options: &Options) -> Result<Code, Failure> {
    let quiet = log::Config {
        format: log::Format::Text,
        filter: "error".to_owned(),
    };
    log::start(&quiet).map_err(Failure::config)?;
    daemon::block_on(async {
        let report = play(options).await;
        report.map_err(|error| Failure::new(Code::Software, error))
    })
}

async fn play(options: &Options) -> anyhow::Result<Code> {
    let size = Size {
        centres: options.centres as usize,
        documents: options.documents as usize,
        seed: options.seed,
    };
    let clock = Arc::new(SystemClock);
    let book = Book::write(size, clock.now().day());
    let (world, report) = tokio::select! {
        acted = act(&book, size.seed, clock) => acted?,
        // Dropped, the world takes its directory with it.
        _ = daemon::stop_signal() => bail!("interrupted: nothing was compared"),
    };
    if options.json {
        println!("{:#}", report.json(size));
    } else {
        print!("{report}");
    }
    if options.keep {
        world.invite(&book);
        daemon::stop_signal()
            .await
            .map_err(|failure| failure.error)?;
    }
    world.stop().await;
    Ok(match report.is_right() {
        true => Code::Ok,
        false => Code::No,
    })
}

/// Starts the world, lets the centres do their work in it, and compares.
async fn act(book: &Book, seed: u32, clock: Arc<SystemClock>) -> anyhow::Result<(World, Report)> {
    let world = World::start(book, seed, clock).await?;
    eprintln!(
        "{} documents of {} centres, three insurers, a test platform and the gateway, in {}",
        book.posts.len(),
        book.centres.len(),
        world.directory().display()
    );
    let mut centres = Centres::new(book, &world)?;
    let until = Instant::now() + PATIENCE;
    centres.declare().await?;
    let bar = bar(book, "posting");
    centres.post(&bar).await?;
    bar.set_message("following");
    centres.follow(&bar, until).await?;
    bar.finish_and_clear();
    let report = count(book, &world, &mut centres).await?;
    Ok((world, report))
}

/// Reads what came out, as soon as the gateway has counted it.
async fn count(book: &Book, world: &World, centres: &mut Centres<'_>) -> anyhow::Result<Report> {
    centres.look_again().await?;
    let until = Instant::now() + COUNTING;
    loop {
        let report = Report::new(book, centres, &world.books(), &centres.counted().await?);
        if report.is_right() || Instant::now() > until {
            return Ok(report);
        }
        sleep(LOOK).await;
    }
}

/// A bar on a terminal, nothing elsewhere.
fn bar(book: &Book, message: &'static str) -> ProgressBar {
    let steps = book.posts.len() + book.posts.iter().filter(|post| post.end.is_some()).count();
    let style = ProgressStyle::with_template("{msg:10} {bar:50} {pos}/{len} {elapsed}");
    ProgressBar::new(steps as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(message)
}
