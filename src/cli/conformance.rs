//! `bordereau conformance`: plays the gateway against an insurer's endpoint and says which sentences of the wire
//! contract it keeps.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use comfy_table::{Table, presets};
use serde_json::json;

use crate::claims::document::Purpose;
use crate::claims::id::{Destination, Finess};
use crate::cli::daemon;
use crate::cli::exit::{Code, Failure};
use crate::clock::SystemClock;
use crate::formats::jws::Keys;
use crate::simulator::conformance::{self, Case, Config, Report, Status};
use crate::tls::{ClientFiles, IdentityFiles};

/// Which endpoint, and as whom. It is handed lots of invented documents: take one that is meant for tests.
#[derive(Debug, Args)]
pub struct Options {
    /// Where the contract is served: https; `/lots` and `/receipts` follow.
    #[arg(value_name = "URL")]
    base: String,
    /// Authorities of its certificate, in PEM.
    #[arg(long, value_name = "FILE")]
    roots: PathBuf,
    /// The certificate to show, leaf first, in PEM.
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// Its key.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// FINESS of the centre in whose name lots are sent.
    #[arg(long, value_parser = |text: &str| Finess::parse(text))]
    centre: Finess,
    /// The insurer they are sent to: `amo:` régime, caisse, centre, or `amc:` number.
    #[arg(long, value_parser = |text: &str| Destination::parse(text))]
    destination: Destination,
    /// What the endpoint takes.
    #[arg(long, value_enum, default_value = "test")]
    purpose: PurposeWord,
    /// Documents to send in turn, each under fresh numbers, where the endpoint knows its own patients only.
    #[arg(long, value_name = "FILE")]
    document: Vec<PathBuf>,
    /// The public keys that sign its receipts and settlements, in PEM, as the endpoint's `receipt_keys`. Without it no
    /// signature is looked at.
    #[arg(long, value_name = "FILE")]
    receipt_keys: Option<PathBuf>,
    /// It was agreed that the endpoint cannot be asked about a lot.
    #[arg(long)]
    no_status: bool,
    /// Seconds that an answer may take.
    #[arg(long, default_value_t = 30)]
    answer_seconds: u32,
    /// Seconds that receipts may take.
    #[arg(long, default_value_t = 60)]
    receipt_seconds: u32,
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PurposeWord {
    Test,
    Real,
}

/// Exit 0 when every case that could be judged is kept, 1 when any is broken, 69 when nobody answers.
pub fn run(options: &Options) -> Result<Code, Failure> {
    let config = config(options)?;
    let report = daemon::block_on(async {
        conformance::run(config, Arc::new(SystemClock))
            .await
            .map_err(Failure::config)
    })?;
    match options.json {
        true => println!("{:#}", as_json(&report)),
        false => println!("{}", as_table(&report)),
    }
    if !report.reached() {
        let error = anyhow::anyhow!("{} cannot be reached", options.base);
        return Err(Failure::new(Code::Unavailable, error));
    }
    Ok(match report.broken().is_empty() {
        true => Code::Ok,
        false => Code::No,
    })
}

fn config(options: &Options) -> Result<Config, Failure> {
    let mut documents = Vec::with_capacity(options.document.len());
    for file in &options.document {
        let bytes = std::fs::read(file)
            .with_context(|| format!("cannot read {}", file.display()))
            .map_err(|error| Failure::new(Code::NoInput, error))?;
        documents.push(bytes);
    }
    let receipt_keys = options.receipt_keys.as_deref().map(keys).transpose()?;
    let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
    Ok(Config {
        base: options.base.clone(),
        tls: ClientFiles {
            roots: options.roots.clone(),
            crls: Vec::new(),
            crl_urls: Vec::new(),
            identity: Some(IdentityFiles {
                certificate: options.certificate.clone(),
                key: options.key.clone(),
            }),
        },
        centre: options.centre,
        destination: options.destination,
        purpose: match options.purpose {
            PurposeWord::Test => Purpose::Test,
            PurposeWord::Real => Purpose::Real,
        },
        documents,
        receipt_keys,
        status: match options.no_status {
            true => Status::Absent,
            false => Status::Offered,
        },
        answer: seconds(options.answer_seconds),
        receipts: seconds(options.receipt_seconds),
    })
}

fn keys(file: &Path) -> Result<Keys, Failure> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read {}", file.display()))
        .map_err(|error| Failure::new(Code::NoInput, error))?;
    Keys::from_pem(&text)
        .with_context(|| format!("{} cannot be used", file.display()))
        .map_err(Failure::config)
}

fn as_table(report: &Report) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["case", "verdict", "the contract asks", "what came"]);
    for case in Case::ALL {
        if let Some(verdict) = report.verdicts.get(&case) {
            table.add_row([case.as_str(), verdict.as_str(), case.asks(), verdict.why()]);
        }
    }
    table
}

fn as_json(report: &Report) -> serde_json::Value {
    let rows = Case::ALL.into_iter().filter_map(|case| {
        let verdict = report.verdicts.get(&case)?;
        Some(json!({
            "case": case.as_str(),
            "verdict": verdict.as_str(),
            "asks": case.asks(),
            "came": verdict.why(),
        }))
    });
    json!({ "contract": "bordereau-wire-1", "cases": rows.collect::<Vec<_>>() })
}
