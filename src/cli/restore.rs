//! `bordereau restore`: makes a store from a backup, shows what is lost, and lets lots go again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::claims::entry::Position;
use crate::claims::id::Name;
use crate::claims::time::Timestamp;
use crate::cli::exit::{Code, Failure};
use crate::cli::{Settings, ask, daemon};
use crate::clock::{Clock as _, SystemClock};
use crate::store::Unobserved;
use crate::store::custody::restore::{self, Later, Made, Order, Until};
use crate::store::embedded;

/// From where to where, or what to do after it.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    act: Option<Act>,
    #[command(flatten)]
    settings: Settings,
    /// The directory of the backup.
    #[arg(long, value_name = "DIR", requires_all = ["keys", "to"])]
    from: Option<PathBuf>,
    /// The directory of its keys: the newest that there is.
    #[arg(long, value_name = "DIR", requires = "from")]
    keys: Option<PathBuf>,
    /// The store to be made; nothing may be there.
    #[arg(long, value_name = "DIR", requires = "from")]
    to: Option<PathBuf>,
    /// Only what was decided up to this instant, for example 2026-11-22T12:00:00Z.
    #[arg(long, value_name = "INSTANT", conflicts_with = "until_position")]
    until: Option<String>,
    /// Only this entry and those before it.
    #[arg(long, value_name = "POSITION")]
    until_position: Option<u64>,
    /// Where what follows that end is damaged: apply what can be read of it. Legal holds that were placed in the damaged span
    /// are to be placed anew.
    #[arg(long, requires = "from")]
    past_damage: bool,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Show whether the ledger was restored, what is lost, and whether lots go.
    Status(Status),
    /// Let lots go again, after receipts were heard and the orphans were looked at.
    Resume(Resume),
}

#[derive(Debug, Args)]
struct Status {
    #[command(flatten)]
    settings: Settings,
    /// The whole answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Resume {
    #[command(flatten)]
    settings: Settings,
    /// Why: kept beside the entry. Never a name, a NIR or a value of a document.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Does it.
pub fn run(options: &Options) -> Result<Code, Failure> {
    match (&options.act, options.places()) {
        (Some(Act::Status(status)), _) => {
            let (code, body) = ask::ask(&status.settings, "/v1/restoration")?;
            said(code, &body, status.json)
        }
        (Some(Act::Resume(resume)), _) => {
            let order = json!({ "reason": resume.reason });
            let (code, body) = ask::order(&resume.settings, "/v1/restoration/resume", &order)?;
            said(code, &body, false)
        }
        (None, Some([from, keys, to])) => options.make(from, keys, to),
        (None, None) => {
            let error = anyhow!("say from where to where: --from DIR --keys DIR --to DIR");
            Err(Failure::new(Code::Usage, error))
        }
    }
}

impl Options {
    fn places(&self) -> Option<[&PathBuf; 3]> {
        Some([self.from.as_ref()?, self.keys.as_ref()?, self.to.as_ref()?])
    }

    fn make(&self, from: &Path, keys: &Path, to: &Path) -> Result<Code, Failure> {
        let config = self.settings.load()?;
        let until = match (&self.until, self.until_position) {
            (Some(text), _) => {
                let wrong = || Failure::new(Code::Usage, anyhow!("--until: no instant"));
                Until::Instant(Timestamp::parse(text).ok_or_else(wrong)?)
            }
            (None, Some(position)) => Until::Position(Position(position)),
            (None, None) => Until::End,
        };
        let user = rustix::process::getuid().as_raw();
        let order = Order {
            from: from.to_owned(),
            keys: keys.to_owned(),
            until,
            later: match self.past_damage {
                true => Later::Readable,
                false => Later::Whole,
            },
            at: SystemClock.now(),
            actor: Name::parse(&format!("uid:{user}")).expect("digits and a colon are a name"),
        };
        let config = embedded::Config {
            directory: to.to_owned(),
            ..config.store
        };
        let Made { restored, unread } = daemon::block_on(async {
            let entropy = Box::new(|| SystemClock.salt());
            let made = restore::restore(&order, &config, entropy, Arc::new(Unobserved)).await;
            made.map_err(|error| Failure::new(Code::Io, error))
        })?;
        println!(
            "restored up to entry {} of {}, from the backup of {}",
            restored.position.0, restored.since, restored.taken
        );
        println!(
            "lost: everything from then until {}; {} entries are known to have followed",
            order.at,
            restored.known.0 - restored.position.0
        );
        for damage in &unread {
            println!(
                "not applied, because it cannot be read: {damage}; place the legal holds anew that are missing (`bordereau legal-hold list`)"
            );
        }
        println!(
            "start the gateway: it hears receipts and sends nothing until `bordereau restore resume`"
        );
        Ok(Code::Ok)
    }
}

fn said(status: StatusCode, body: &Value, json: bool) -> Result<Code, Failure> {
    if !status.is_success() || json {
        println!("{body:#}");
        return Ok(ask::code(status));
    }
    let restored = &body["restored"];
    if restored.is_null() {
        println!("this ledger was never restored");
    } else {
        let word = |name: &str| restored[name].as_str().unwrap_or("–").to_owned();
        println!(
            "restored at {} up to entry {}, from the backup of {}",
            word("at"),
            restored["position"],
            word("backup_at")
        );
        println!("lost: from {} to {}", word("lost_since"), word("at"));
        println!(
            "what insurers said of it: bordereau orphans --since {}",
            restored["entry"]
        );
        println!(
            "what they said of documents that were not sent: bordereau documents --list contradicted"
        );
    }
    match body["sending"].as_str() {
        Some("waits") => println!("nothing is sent until `bordereau restore resume --reason TEXT`"),
        Some(_) | None => println!("lots are sent"),
    }
    Ok(Code::Ok)
}
