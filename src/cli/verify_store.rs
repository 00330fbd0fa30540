//! `bordereau verify-store`: reads the whole ledger and says whether everything in it agrees.
//!
//! Journal, bodies, index, and the three counts; of a running gateway it is the gateway that reads. It changes nothing,
//! unless it is told to build what is derived anew.

use std::sync::Arc;

use anyhow::anyhow;
use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::cli::exit::{Code, Failure};
use crate::cli::{Settings, ask, daemon, progress};
use crate::config::Config;
use crate::desk::operate::verify::StoreText;
use crate::report::count::conservation::Conservation;
use crate::store::custody::verified::{TOLD, Verified};
use crate::store::embedded::verify;
use crate::store::embedded::{Embedded, OpenError, repair};
use crate::store::journal;

/// How to say it.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    settings: Settings,
    /// First build the index of a store at rest anew from its journal; nothing else is ever written.
    #[arg(long)]
    repair: bool,
    /// Everything as JSON.
    #[arg(long)]
    json: bool,
}

/// What was checked.
struct Checked {
    /// What was read from the disk; none where the counts alone were asked for.
    disk: Option<StoreText>,
    /// What the three counts said; none if the store cannot be asked.
    account: Option<Value>,
}

/// Checks and prints; 0 when all holds, 1 when anything differs.
pub fn run(options: &Options) -> Result<Code, Failure> {
    let config = options.settings.load()?;
    let journal = config.store.directory.join("journal");
    if !journal.is_dir() {
        let error = anyhow!("there is no journal at {}", journal.display());
        return Err(Failure::new(Code::NoInput, error));
    }
    if options.repair {
        repair(&config)?;
    }
    let checked = match verify::verify(&config.store) {
        Ok((verified, store)) => at_rest(&config, verified, store)?,
        Err(OpenError::Journal(journal::Error::Locked)) => Checked {
            disk: Some(asked(&options.settings, "/v1/store/verify")?),
            account: Some(asked(&options.settings, "/v1/verify")?),
        },
        Err(error) => return Err(daemon::unopened(error)),
    };
    if options.json {
        println!("{:#}", checked.value());
    } else {
        checked.print();
    }
    Ok(if checked.holds() { Code::Ok } else { Code::No })
}

/// Builds the index anew. That of a running gateway is built anew by itself when it fails.
fn repair(config: &Config) -> Result<(), Failure> {
    let bar = progress::bar("building the index");
    let repaired = repair::repair(&config.store, |percent| bar.set_position(percent.into()));
    drop(bar);
    match repaired {
        Ok(position) => {
            eprintln!("the index was built anew up to entry {}", position.0);
            Ok(())
        }
        Err(error @ OpenError::Journal(journal::Error::Locked)) => {
            let error = anyhow!(error).context("stop the gateway first");
            Err(Failure::new(Code::Unavailable, error))
        }
        Err(error) => {
            let error = anyhow!(error).context("nothing was built anew");
            Err(Failure::new(Code::Io, error))
        }
    }
}

/// Makes the three counts alone, of a running gateway or at rest, and prints them.
pub fn account(settings: &Settings) -> Result<Code, Failure> {
    let config = settings.load()?;
    let checked = match verify::verify(&config.store) {
        Ok((verified, store)) => at_rest(&config, verified, store)?,
        Err(OpenError::Journal(journal::Error::Locked)) => Checked {
            disk: None,
            account: Some(asked(settings, "/v1/verify")?),
        },
        Err(error) => return Err(daemon::unopened(error)),
    };
    match &checked.account {
        Some(account) => print_account(account),
        None => checked.print(),
    }
    Ok(if checked.holds() { Code::Ok } else { Code::No })
}

fn at_rest(
    config: &Config,
    verified: Verified,
    store: Option<Embedded>,
) -> Result<Checked, Failure> {
    let account = match store {
        Some(store) => Some(count(config, store)?),
        None => None,
    };
    Ok(Checked {
        disk: Some(StoreText::from(&verified)),
        account,
    })
}

fn count(config: &Config, store: Embedded) -> Result<Value, Failure> {
    let page = usize::try_from(config.report.page.get()).unwrap_or(usize::MAX);
    daemon::block_on(async {
        let mut conservation = Conservation::new(Arc::new(store), page, TOLD);
        let account = conservation.account().await;
        let account = account.map_err(|error| Failure::new(Code::Io, error))?;
        serde_json::to_value(account).map_err(|error| Failure::new(Code::Software, error))
    })
}

/// Somebody has the store: if it is the gateway of this configuration, it answers.
fn asked<T: DeserializeOwned>(settings: &Settings, path: &str) -> Result<T, Failure> {
    let (status, answer) = ask::post(settings, path)?;
    if !status.is_success() {
        return Err(ask::refused(status, &answer));
    }
    serde_json::from_value(answer).map_err(|error| Failure::new(Code::Software, error))
}

impl Checked {
    fn holds(&self) -> bool {
        let on_disk = self.disk.as_ref().is_none_or(|disk| disk.holds);
        let counted = self.account.as_ref();
        on_disk && counted.is_some_and(|account| account["holds"] == true)
    }

    fn value(&self) -> Value {
        let mut value = json!(self.disk);
        value["holds"] = json!(self.holds());
        value["account"] = json!(self.account);
        value
    }

    fn print(&self) {
        if let Some(disk) = &self.disk {
            print_disk(disk);
        }
        match &self.account {
            Some(account) => print_account(account),
            None => println!("counts    not made: journal and index do not fit together"),
        }
        println!(
            "{}",
            if self.holds() {
                "everything holds"
            } else {
                "it does not hold"
            }
        );
    }
}

fn print_disk(disk: &StoreText) {
    println!(
        "journal   {} segments, {} batches, {} entries read: checksums, commits, chain",
        disk.journal.segments, disk.journal.batches, disk.journal.entries
    );
    if disk.journal.torn_bytes > 0 {
        println!(
            "          {} bytes of a batch that was never finished; the next start cuts them",
            disk.journal.torn_bytes
        );
    }
    println!(
        "bodies    {} of {} bytes read, each against the commitment in its entry",
        disk.bodies.number, disk.bodies.bytes
    );
    if disk.bodies.unopened > 0 {
        println!(
            "          {} more by checksum only: they are encrypted, and no master key is given",
            disk.bodies.unopened
        );
    }
    if disk.bodies.purged > 0 {
        println!(
            "          {} more are purged: their keys are gone",
            disk.bodies.purged
        );
    }
    match &disk.index {
        Some(index) => println!(
            "index     {} records compared with a fresh fold of the entries up to {}",
            index.records, index.position
        ),
        None => println!("index     could not be compared"),
    }
    for found in &disk.differences {
        println!("DIFFERS   {}: {}", found.part, found.what);
    }
    let untold = disk.differing - disk.differences.len() as u64;
    if untold > 0 {
        println!("DIFFERS   {untold} more");
    }
}

fn print_account(account: &Value) {
    println!(
        "counts    {} units, {} days of declared paper: tallies, standings and entries up to {}",
        account["units"], account["declared_days"], account["position"]
    );
    for found in account["differences"].as_array().into_iter().flatten() {
        println!(
            "DIFFERS   {}: by {}",
            found["between"].as_str().unwrap_or_default(),
            found["documents"]
        );
        for cell in found["cells"].as_array().into_iter().flatten() {
            println!("          {}", cell.as_str().unwrap_or_default());
        }
    }
}
