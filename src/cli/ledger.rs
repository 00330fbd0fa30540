//! `bordereau ledger`: the chain walked again, its anchors, and what insurers say that fits nothing.
//!
//! A store at rest and a backup are read here; of a running gateway the daemon walks.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::claims::entry::Position;
use crate::cli::exit::{Code, Failure};
use crate::cli::{Settings, ask};
use crate::store::custody::walk::{self, Walked};
use crate::store::custody::{self, manifest_of};
use crate::store::journal::{self, still, still::Still};

/// What to do with the ledger.
#[derive(Debug, Subcommand)]
pub enum Act {
    /// Walk along the chain; exit 0 when it holds, 1 when it is broken or entries that are asked for are not there.
    Verify(Verify),
    /// Show the hash of the present end, and the daily anchors.
    Anchor(Anchor),
}

/// Which part of which ledger.
#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    settings: Settings,
    /// The first entry; without it the first of all.
    #[arg(long, value_name = "POSITION")]
    from: Option<u64>,
    /// The last entry; without it the last of all.
    #[arg(long, value_name = "POSITION")]
    to: Option<u64>,
    /// A backup, or a store at rest; without it the store of the configuration.
    #[arg(long = "in", value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Everything as JSON.
    #[arg(long)]
    json: bool,
}

/// Which anchors.
#[derive(Debug, Args)]
pub struct Anchor {
    #[command(flatten)]
    settings: Settings,
    /// Those of entries after this one.
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    /// The whole answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Which orphans.
#[derive(Debug, Args)]
pub struct Orphans {
    #[command(flatten)]
    settings: Settings,
    /// Those of this endpoint.
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,
    /// Those that name a document of this centre, or one that is not known here and may be of any.
    #[arg(long, value_name = "FINESS")]
    centre: Option<String>,
    /// Those that came after this entry: that of a restore, which `bordereau restore status` shows.
    #[arg(long, value_name = "POSITION")]
    since: Option<u64>,
    /// Each as JSON, one a line.
    #[arg(long)]
    json: bool,
}

/// Does it.
pub fn run(act: &Act) -> Result<Code, Failure> {
    match act {
        Act::Verify(verify) => self::verify(verify),
        Act::Anchor(anchor) => self::anchor(anchor),
    }
}

fn verify(verify: &Verify) -> Result<Code, Failure> {
    let ends = (verify.from.map(Position), verify.to.map(Position));
    if let (Some(from), Some(to)) = ends
        && from > to
    {
        let error = anyhow!("--from {} comes after --to {}", from.0, to.0);
        return Err(Failure::new(Code::Usage, error));
    }
    let walked = walked(&verify.settings, verify.directory.as_deref(), ends)?;
    let holds = walked["broken"].is_null() && walked["missing"].is_null();
    if verify.json {
        println!("{walked:#}");
    } else {
        print(&walked);
    }
    Ok(if holds { Code::Ok } else { Code::No })
}

/// From which entry to which; none: the ledger's own ends.
type Ends = (Option<Position>, Option<Position>);

/// Walks along the chain of a backup or a store at rest, or else of the store of the configuration, at rest or at
/// work: `before` and `upto` with their hashes, `broken` and `missing`.
pub(super) fn walked(
    settings: &Settings,
    directory: Option<&Path>,
    ends: Ends,
) -> Result<Value, Failure> {
    match directory {
        Some(directory) if directory.join("manifest").is_file() => {
            let unreadable = |error: custody::Error| Failure::new(Code::NoInput, error);
            let manifest = manifest_of(directory).map_err(unreadable)?;
            let reader = still::survey(&directory.join("journal"));
            let reader = reader.map_err(|error| Failure::new(Code::Io, error))?;
            Ok(value(&walk::walk(&reader, manifest.head, ends.0, ends.1)))
        }
        Some(directory) => at_rest(directory, ends)?.ok_or_else(|| {
            let error = anyhow!("{}: a gateway works with it", directory.display());
            Failure::new(Code::Unavailable, error)
        }),
        None => {
            let config = settings.load()?;
            match at_rest(&config.store.directory, ends)? {
                Some(walked) => Ok(walked),
                None => at_work(settings, ends),
            }
        }
    }
}

/// Walks a store that nobody works with; none if somebody does.
fn at_rest(directory: &Path, (from, to): Ends) -> Result<Option<Value>, Failure> {
    let journal = directory.join("journal");
    if !journal.is_dir() {
        let error = anyhow!("there is no journal at {}", journal.display());
        return Err(Failure::new(Code::NoInput, error));
    }
    match Still::open(&journal) {
        Ok(still) => Ok(Some(value(&walk::walk(
            still.reader(),
            still.head(),
            from,
            to,
        )))),
        Err(journal::Error::Locked) => Ok(None),
        Err(error @ journal::Error::Io { .. }) => Err(Failure::new(Code::Io, error)),
        Err(damage) => Ok(Some(json!({ "broken": damage.to_string() }))),
    }
}

fn at_work(settings: &Settings, (from, to): Ends) -> Result<Value, Failure> {
    let ends = [("from", from), ("to", to)].into_iter();
    let query = ends.filter_map(|(name, end)| Some((name, end?.0.to_string())));
    let path = ask::path("/v1/ledger/verify", &query.collect::<Vec<_>>());
    let (status, body) = ask::post(settings, &path)?;
    match status.is_success() {
        true => Ok(body),
        false => Err(ask::refused(status, &body)),
    }
}

fn value(walked: &Walked) -> Value {
    json!({
        "before": { "position": walked.before.position.0, "chain": walked.before.chain.to_string() },
        "upto": { "position": walked.upto.position.0, "chain": walked.upto.chain.to_string() },
        "anchors": walked.anchors,
        "broken": walked.broken,
        "missing": walked.missing,
    })
}

fn print(walked: &Value) {
    for (name, what) in [("before", "begins behind"), ("upto", "holds up to ")] {
        let end = &walked[name];
        if let Some(chain) = end["chain"].as_str() {
            println!("{what} entry {}, hash {chain}", end["position"]);
        }
    }
    if let Some(anchors) = walked["anchors"].as_u64() {
        println!("{anchors} anchors on the way are right");
    }
    match (walked["broken"].as_str(), walked["missing"].as_str()) {
        (Some(what), _) => println!("BROKEN    {what}"),
        (None, Some(what)) => println!("NOT THERE {what}"),
        (None, None) => println!("the chain holds"),
    }
}

fn anchor(anchor: &Anchor) -> Result<Code, Failure> {
    let query: Vec<_> = anchor
        .after
        .map(|after| ("after", after.to_string()))
        .into_iter()
        .collect();
    let path = ask::path("/v1/ledger/anchor", &query);
    let (status, body) = ask::ask(&anchor.settings, &path)?;
    if anchor.json || !status.is_success() {
        println!("{body:#}");
    } else {
        let line = |row: &Value| {
            let word = |name: &str| row[name].as_str().unwrap_or("–").to_owned();
            println!("{} {} {}", word("at"), row["position"], word("chain"));
        };
        body["anchors"]
            .as_array()
            .into_iter()
            .flatten()
            .for_each(line);
        line(&body["present"]);
    }
    Ok(ask::code(status))
}

/// Lists what insurers say that fits nothing.
pub fn orphans(options: &Orphans) -> Result<Code, Failure> {
    let mut after: Option<String> = None;
    loop {
        let mut query = Vec::new();
        query.extend(options.endpoint.clone().map(|value| ("endpoint", value)));
        query.extend(options.centre.clone().map(|value| ("centre", value)));
        query.extend(options.since.map(|value| ("since", value.to_string())));
        query.extend(after.take().map(|value| ("after", value)));
        let path = ask::path("/v1/orphans", &query);
        let (status, body) = ask::ask(&options.settings, &path)?;
        if !status.is_success() {
            println!("{body:#}");
            return Ok(ask::code(status));
        }
        for orphan in body["orphans"].as_array().into_iter().flatten() {
            if options.json {
                println!("{orphan}");
            } else {
                println!("{}", orphan_line(orphan));
            }
        }
        after = body["next"].as_str().map(str::to_owned);
        if after.is_none() {
            return Ok(Code::Ok);
        }
    }
}

fn orphan_line(orphan: &Value) -> String {
    let word = |name: &str| orphan[name].as_str().unwrap_or("–");
    let mut line = format!(
        "{} {} {}: {}, entry {}",
        word("at"),
        word("endpoint"),
        word("id"),
        word("cause"),
        orphan["position"]
    );
    if let Some(lot) = orphan["lot"].as_str() {
        line.push_str(&format!(", lot {lot}"));
    }
    for document in orphan["documents"].as_array().into_iter().flatten() {
        line.push_str(&format!(
            ", document {}",
            document["id"].as_str().unwrap_or("–")
        ));
        if let Some(centre) = document["centre"].as_str() {
            let number = document["number"].as_str().unwrap_or("–");
            line.push_str(&format!(" ({number} of centre {centre})"));
        }
    }
    line
}
