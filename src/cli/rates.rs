//! Rates as a table for people.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::Value;

/// The rates that the gateway answered: of one centre, or of many.
pub fn text(answer: &Value) -> String {
    let many = answer["rates"].as_array();
    let one = std::slice::from_ref(answer);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "centre",
        "category",
        "rate",
        "of",
        "secured",
        "electronic",
        "paper",
        "coverage",
        "verdict",
    ]);
    for rate in many.map_or(one, Vec::as_slice) {
        table.add_row(row(rate));
    }
    for column in 2..=7 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut out = format!("{}\n{table}\n", heading(answer));
    for without in answer["without"].as_array().into_iter().flatten() {
        let (centre, reason) = (word(without, "centre"), word(without, "reason"));
        writeln!(out, "{centre}: {reason}").expect("a string takes every text");
    }
    if let Some(next) = answer["next"].as_str() {
        writeln!(out, "more centres follow {next}").expect("a string takes every text");
    }
    out.push_str("These are the gateway's own counts, not the caisse's rate.");
    out
}

fn heading(answer: &Value) -> String {
    let (period, basis) = (&answer["period"], &answer["basis"]);
    format!(
        "{} ({} to {}), counted at {} up to entry {}: {}",
        word(period, "name"),
        word(period, "from"),
        word(period, "to"),
        word(basis, "counted_at"),
        basis["position"],
        word(basis, "ledger"),
    )
}

fn row(rate: &Value) -> [String; 9] {
    let coverage = &rate["paper_coverage"];
    [
        word(rate, "centre").to_owned(),
        word(rate, "category").to_owned(),
        percent(&rate["rate"]),
        format!("{}/{}", rate["numerator"], rate["denominator"]),
        percent(&rate["secured_rate"]),
        percent(&rate["electronic_rate"]),
        rate["paper_sheets"].to_string(),
        format!(
            "{}/{} days",
            coverage["declared_days"], coverage["active_days"]
        ),
        verdict(rate),
    ]
}

/// The verdict, and how far the rate is from its threshold.
fn verdict(rate: &Value) -> String {
    let verdict = word(rate, "verdict");
    match rate["threshold"]["distance"]["points"].as_str() {
        Some(points) => format!("{verdict} ({points} points)"),
        None => verdict.to_owned(),
    }
}

fn percent(ratio: &Value) -> String {
    ratio["percent"]
        .as_str()
        .map_or_else(|| "–".to_owned(), |percent| format!("{percent} %"))
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("–")
}
