//! `bordereau forecast`: where the year of a centre ends, as a table for people.

use std::fmt::Write as _;

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::Value;

use crate::cli::exit::{Code, Failure};
use crate::cli::{Settings, ask};

/// Which centre.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    settings: Settings,
    /// The centre.
    #[arg(value_name = "FINESS")]
    centre: String,
    /// The whole answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Shows it.
pub fn run(options: &Options) -> Result<Code, Failure> {
    let path = format!("/v1/centres/{}/forecast", options.centre);
    let (status, body) = ask::ask(&options.settings, &path)?;
    if options.json || !status.is_success() {
        println!("{body:#}");
    } else {
        println!("{}", text(&body));
    }
    Ok(ask::code(status))
}

fn text(found: &Value) -> String {
    let count = |count: &Value| {
        let percent = count["percent"].as_str().unwrap_or("–");
        format!(
            "{}/{} ({percent} %)",
            count["numerator"], count["denominator"]
        )
    };
    let mut out = String::new();
    let spread = match (
        found["spread"]["low"].as_str(),
        found["spread"]["high"].as_str(),
    ) {
        (Some(low), Some(high)) => format!("between {low} % and {high} % with 80 %"),
        (_, _) => "no spread yet".to_owned(),
    };
    writeln!(
        out,
        "centre {}, counted up to {}: {}\nthe year ends at {}, {spread}",
        word(found, "centre"),
        word(found, "until"),
        count(&found["so_far"]),
        count(&found["end"]),
    )
    .expect("a string takes every text");
    writeln!(out, "{}\n{}", needs(found), losses(found)).expect("a string takes every text");
    out.push_str("A forecast (");
    out.push_str(word(found, "method"));
    out.push_str("): no statement of a rate.");
    out
}

fn needs(found: &Value) -> Table {
    let mut table = table(["policy", "threshold", "still needed", "outlook"]);
    for need in found["thresholds"].as_array().into_iter().flatten() {
        let sign = match word(need, "comparator") {
            "more_than" => ">",
            _at_least => "≥",
        };
        let until = need["until"]
            .as_str()
            .map(|month| format!(" until {month}"));
        table.add_row([
            word(need, "policy").to_owned(),
            format!("{sign} {}/{}", need["numerator"], need["denominator"]),
            need["documents"].to_string(),
            format!("{}{}", word(need, "outlook"), until.unwrap_or_default()),
        ]);
    }
    table
}

fn losses(found: &Value) -> Table {
    let mut table = table(["what is missing", "", "documents", "points"]);
    for loss in found["losses"].as_array().into_iter().flatten() {
        table.add_row([
            word(loss, "cause").to_owned(),
            String::new(),
            loss["documents"].to_string(),
            word(loss, "points").to_owned(),
        ]);
    }
    for (code, documents) in found["refusals"].as_object().into_iter().flatten() {
        table.add_row([
            String::new(),
            format!("refused with {code}"),
            documents.to_string(),
            String::new(),
        ]);
    }
    table
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    if let Some(column) = table.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("–")
}
