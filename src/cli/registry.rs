//! `bordereau registry`: show what is registered, and import thousands of registrations at once.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::exit::{Code, Failure};
use crate::cli::{Settings, ask};

/// What to do with the registry.
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Show the versions of registrations, each with its first and last day.
    Show(Show),
    /// Put the versions of a file, all or none; what is registered so already changes nothing.
    Import(Import),
}

#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    settings: Settings,
    /// What the registrations are of: `centre`, `gestionnaire`, `caisse` or `endpoint`.
    #[arg(long, value_name = "WORD", default_value = "centre")]
    kind: String,
    /// One centre.
    #[arg(long, value_name = "FINESS")]
    centre: Option<String>,
    /// Only the versions of this day.
    #[arg(long, value_name = "DAY")]
    on: Option<String>,
    /// Those after this one: `next` of the page before.
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// The whole answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Import {
    #[command(flatten)]
    settings: Settings,
    /// TOML as the file of the registry that the configuration names, or CSV of one kind when its name ends in `.csv`.
    file: PathBuf,
    /// Why. It is kept as a body, never in a log.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Say what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Does it.
pub fn run(options: &Options) -> Result<Code, Failure> {
    match &options.act {
        Act::Show(show) => self::show(show),
        Act::Import(import) => self::import(import),
    }
}

fn show(show: &Show) -> Result<Code, Failure> {
    let query = ask::query([
        ("kind", Some(show.kind.clone())),
        ("centre", show.centre.clone()),
        ("on", show.on.clone()),
        ("after", show.after.clone()),
    ]);
    let (status, body) = ask::ask(&show.settings, &ask::path("/v1/registry", &query))?;
    if show.json || !status.is_success() {
        println!("{body:#}");
    } else {
        for version in body["versions"].as_array().into_iter().flatten() {
            println!("{}", line(&show.kind, version));
        }
        if let Some(next) = body["next"].as_str() {
            println!("more follow: --after {next}");
        }
    }
    Ok(ask::code(status))
}

/// A version in one line. The gateway knows the kinds; what it refuses has no versions.
fn line(kind: &str, version: &Value) -> String {
    let word = |key: &str| version[key].as_str().unwrap_or("–").to_owned();
    let days = format!("{} to {}", word("from"), word("until"));
    match kind {
        "gestionnaire" => format!("{}  {days}  {}", word("id"), word("name")),
        "caisse" => format!("{}  {days}  {}", word("code"), word("name")),
        "endpoint" => {
            let destinations = version["destinations"].as_array().into_iter().flatten();
            let destinations: Vec<_> = destinations.filter_map(Value::as_str).collect();
            let purpose = word("purpose");
            format!(
                "{}  {days}  {purpose}  {}",
                word("name"),
                destinations.join(" ")
            )
        }
        _ => format!(
            "{}  {days}  {}  gestionnaire {}  caisse {}  {}  {}",
            word("finess"),
            word("category"),
            word("gestionnaire"),
            word("caisse"),
            word("agreement"),
            word("name"),
        ),
    }
}

fn import(import: &Import) -> Result<Code, Failure> {
    let text = std::fs::read_to_string(&import.file)
        .with_context(|| format!("cannot read {}", import.file.display()))
        .map_err(|error| Failure::new(Code::NoInput, error))?;
    let ending = import.file.extension();
    let is_csv = ending.is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let order = json!({
        "reason": import.reason,
        "format": if is_csv { "csv" } else { "toml" },
        "registry": text,
    });
    let query = ask::query([("dry_run", import.dry_run.then(|| "true".to_owned()))]);
    let path = ask::path("/v1/registry", &query);
    let (status, body) = ask::put(&import.settings, &path, &order)?;
    let faults = body["faults"].as_array().map_or(&[][..], Vec::as_slice);
    if status.is_success() {
        let would = if import.dry_run {
            "would change"
        } else {
            "changed"
        };
        println!(
            "{would} {}, unchanged {}",
            body["changes"], body["unchanged"]
        );
    } else if faults.is_empty() {
        println!("{body:#}");
    } else {
        for fault in faults {
            let word = |key: &str| fault[key].as_str().unwrap_or("–");
            println!("{}: {}", word("place"), word("reason"));
        }
        println!("nothing was changed");
    }
    Ok(ask::code(status))
}
