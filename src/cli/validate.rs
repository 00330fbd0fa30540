//! `bordereau validate`: the checks of intake, offline, within the limits and terms of a configuration if there is one.
//! The registry of centres and the routes are not consulted: nobody but the running gateway knows them.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::claims::finding::Finding;
use crate::claims::rules::{self, Context, Registry};
use crate::cli::Settings;
use crate::cli::exit::{Code, Failure};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::formats::xml::Reader;

/// What to validate.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    settings: Settings,
    /// One JSON object a file, with all findings; of a file that cannot be read with `error`, and `valid` null.
    #[arg(long)]
    json: bool,
    /// Documents, one a file.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Validates every file, tells all findings, and says whether all are valid. A file that cannot be read is told, keeps
/// none after it from being judged, and decides the code: not all is known.
pub fn run(options: &Options) -> Result<Code, Failure> {
    let config = options.settings.load()?;
    let reader = Reader::new().map_err(|error| Failure::new(Code::Software, error))?;
    let (mut valid, mut read) = (true, true);
    for file in &options.files {
        match std::fs::read(file) {
            Ok(bytes) => valid &= judge(&reader, &config, file, &bytes, options),
            Err(error) => {
                read = false;
                unread(file, &error, options);
            }
        }
    }
    Ok(match (read, valid) {
        (false, _) => Code::NoInput,
        (true, false) => Code::Data,
        (true, true) => Code::Ok,
    })
}

/// Tells what is found in a file, and whether it is valid.
fn judge(reader: &Reader, config: &Config, file: &Path, bytes: &[u8], options: &Options) -> bool {
    let findings = examine(reader, config, bytes);
    let valid = !Finding::refuses(&findings);
    if options.json {
        println!("{}", object(file, valid, &findings));
    } else {
        tell(file, valid, &findings);
    }
    valid
}

fn unread(file: &Path, error: &std::io::Error, options: &Options) {
    let file = file.display();
    if options.json {
        let error = error.to_string();
        println!(
            "{}",
            json!({ "file": file.to_string(), "valid": null, "error": error })
        );
    } else {
        println!("{file}: cannot be read: {error}");
    }
}

fn examine(reader: &Reader, config: &Config, bytes: &[u8]) -> Vec<Finding> {
    let mut read = reader.read_document(bytes, &config.intake.xml_limits());
    let mut findings = std::mem::take(&mut read.findings);
    if let Some(document) = &read.value {
        let context = Context {
            now: SystemClock.now(),
            terms: &config.terms,
            registry: Registry::NotConsulted,
            amc_lengths: &config.intake.amc_lengths(),
        };
        findings.extend(rules::check(document, &context, &read).findings);
    }
    findings
}

fn object(file: &Path, valid: bool, findings: &[Finding]) -> serde_json::Value {
    let findings: Vec<_> = findings
        .iter()
        .map(|finding| {
            json!({
                "code": finding.code,
                "severity": finding.severity.as_str(),
                "layer": finding.layer.as_str(),
                "line": finding.place.line,
                "column": finding.place.column,
                "path": finding.place.path,
                "fr": finding.fr,
                "en": finding.en,
            })
        })
        .collect();
    json!({ "file": file.display().to_string(), "valid": valid, "findings": findings })
}

fn tell(file: &Path, valid: bool, findings: &[Finding]) {
    let file = file.display();
    println!("{file}: {}", if valid { "valid" } else { "not valid" });
    for finding in findings {
        let place = &finding.place;
        println!(
            "  {file}:{}:{}: {} {}",
            place.line,
            place.column,
            finding.severity.as_str(),
            finding.code
        );
        println!("    {}", place.path);
        println!("    {}\n    {}", finding.fr, finding.en);
    }
}
