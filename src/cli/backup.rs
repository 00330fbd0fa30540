//! `bordereau backup`: copies the store, at work or at rest, and checks copies.
//!
//! Of a running gateway the daemon makes the copy itself; a store at rest is copied here, under its lock.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::exit::{Code, Failure};
use crate::cli::{Settings, ask};
use crate::clock::{Clock as _, SystemClock};
use crate::store::custody::backup::{self, Order, Source};
use crate::store::custody::check::{self, Checked};
use crate::store::journal::{self, still::Still};

/// To where, or what to check.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    act: Option<Act>,
    #[command(flatten)]
    settings: Settings,
    /// The directory of the backup; one that holds a backup of this store gets what is new.
    #[arg(long, value_name = "DIR", requires = "keys_to")]
    to: Option<PathBuf>,
    /// The directory of the keys: another one, kept apart and no longer than the bodies.
    #[arg(long, value_name = "DIR", requires = "to")]
    keys_to: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Read all of a backup: exit 0 when it is what its manifest says, 1 when anything differs.
    Verify(Verify),
}

#[derive(Debug, Args)]
struct Verify {
    /// The directory of the backup.
    directory: PathBuf,
    /// The directory of its keys, to be checked too.
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// Everything as JSON.
    #[arg(long)]
    json: bool,
}

/// Makes a backup, or checks one.
pub fn run(options: &Options) -> Result<Code, Failure> {
    match (&options.act, &options.to, &options.keys_to) {
        (Some(Act::Verify(verify)), ..) => self::verify(verify),
        (None, Some(to), Some(keys_to)) => make(&options.settings, to, keys_to),
        (None, ..) => {
            let error = anyhow!("say where: --to DIR --keys-to DIR");
            Err(Failure::new(Code::Usage, error))
        }
    }
}

fn make(settings: &Settings, to: &Path, keys_to: &Path) -> Result<Code, Failure> {
    let config = settings.load()?;
    let directory = &config.store.directory;
    let journal = directory.join("journal");
    if !journal.is_dir() {
        let error = anyhow!("there is no journal at {}", journal.display());
        return Err(Failure::new(Code::NoInput, error));
    }
    let (to, keys_to) = (absolute(to)?, absolute(keys_to)?);
    let still = match Still::open(&journal) {
        Ok(still) => still,
        Err(journal::Error::Locked) => return at_work(settings, &to, &keys_to),
        Err(error) => return Err(Failure::new(Code::Io, error)),
    };
    let source = Source {
        directory,
        head: &|| still.head(),
    };
    let order = Order {
        to,
        keys_to,
        at: SystemClock.now(),
        bytes_per_second: 0,
    };
    let done = backup::backup(&source, &order, &|| false);
    let done = done.map_err(|error| Failure::new(Code::Io, error))?;
    let head = done.manifest.head;
    println!(
        "backed up to entry {}, hash {}: {} files, {} bytes copied",
        head.position.0, head.chain, done.files, done.bytes
    );
    Ok(Code::Ok)
}

fn at_work(settings: &Settings, to: &Path, keys_to: &Path) -> Result<Code, Failure> {
    let order = json!({ "to": to, "keys_to": keys_to });
    let (status, body) = ask::order(settings, "/v1/backups", &order)?;
    if !status.is_success() {
        let why = body["why"].as_str().or(body["detail"].as_str());
        let error = anyhow!(
            "the gateway answers {status}: {}",
            why.unwrap_or("no reason given")
        );
        // A refusal of another kind names directories that cannot be.
        return Err(Failure::new(ask::code(status), error));
    }
    println!(
        "backed up to entry {}, hash {}: {} files, {} bytes copied",
        body["position"],
        body["chain"].as_str().unwrap_or("–"),
        body["files"],
        body["bytes"]
    );
    Ok(Code::Ok)
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let absolute = std::path::absolute(path).context("the working directory is gone");
    absolute.map_err(|error| Failure::new(Code::Io, error))
}

fn verify(verify: &Verify) -> Result<Code, Failure> {
    let checked = check::check(&verify.directory, verify.keys.as_deref());
    let checked = checked.map_err(|error| Failure::new(Code::NoInput, error))?;
    let head = checked.manifest.head;
    if verify.json {
        let value = json!({
            "holds": checked.holds(),
            "at": checked.manifest.at.to_string(),
            "position": head.position.0,
            "chain": head.chain.to_string(),
            "entries": checked.entries,
            "bodies": checked.bodies,
            "findings": checked.findings,
            "wrong": checked.wrong,
        });
        println!("{value:#}");
    } else {
        print(&checked);
    }
    Ok(if checked.holds() { Code::Ok } else { Code::No })
}

fn print(checked: &Checked) {
    let manifest = &checked.manifest;
    println!(
        "made at {}, up to entry {}, hash {}",
        manifest.at, manifest.head.position.0, manifest.head.chain
    );
    println!(
        "{} files, {} entries and {} bodies read: digests, checksums, commits, chain",
        manifest.files.len(),
        checked.entries,
        checked.bodies
    );
    for found in &checked.findings {
        println!("WRONG     {found}");
    }
    let untold = checked.wrong - checked.findings.len() as u64;
    if untold > 0 {
        println!("WRONG     {untold} more");
    }
    let holds = checked.holds();
    println!(
        "{}",
        if holds {
            "it is whole"
        } else {
            "it is not whole"
        }
    );
}
