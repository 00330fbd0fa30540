//! `bordereau rate`: rates as a table for people, from the running gateway.

use std::fmt::Write as _;

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::Value;

use crate::cli::exit::{Code, Failure};
use crate::cli::{Settings, ask};

/// Which rates to show.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    settings: Settings,
    /// Sum by `gestionnaire`, `category`, `caisse`, `agreement`, or `all`; without it each `centre` alone.
    #[arg(long, value_name = "GROUP")]
    by: Option<String>,
    #[command(flatten)]
    days: Days,
    /// One centre.
    #[arg(long, value_name = "FINESS")]
    centre: Option<String>,
    /// Centres of this gestionnaire.
    #[arg(long, value_name = "NAME")]
    gestionnaire: Option<String>,
    /// Centres of this category: medical, dentaire, polyvalent, infirmier.
    #[arg(long)]
    category: Option<String>,
    /// Centres of this caisse, by its nine digits.
    #[arg(long)]
    caisse: Option<String>,
    /// Centres bound by this agreement.
    #[arg(long, value_name = "ID")]
    agreement: Option<String>,
    /// The page after the one whose `next` this is.
    #[arg(long, value_name = "NEXT")]
    after: Option<String>,
    /// The answer as CSV.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// The whole answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Which days.
#[derive(Debug, Args)]
pub struct Days {
    /// A month (2026-10), quarter (2026-Q4), year (2026), year to date (ytd) or the last twelve months (rolling).
    #[arg(long, conflicts_with = "from")]
    period: Option<String>,
    /// First day, instead of a period.
    #[arg(long, value_name = "DAY", requires = "until")]
    from: Option<String>,
    /// Last day.
    #[arg(long, value_name = "DAY", requires = "from")]
    until: Option<String>,
}

/// Shows rates.
pub fn run(options: &Options) -> Result<Code, Failure> {
    let mut query = options.days.query();
    let format = options.csv.then(|| "csv".to_owned());
    for (key, value) in [
        ("by", &options.by),
        ("centre", &options.centre),
        ("gestionnaire", &options.gestionnaire),
        ("category", &options.category),
        ("caisse", &options.caisse),
        ("agreement", &options.agreement),
        ("after", &options.after),
        ("format", &format),
    ] {
        query.extend(value.as_ref().map(|value| (key, value.clone())));
    }
    let (status, body) = ask::ask(&options.settings, &ask::path("/v1/rates", &query))?;
    match body.as_str() {
        Some(csv) if options.csv => print!("{csv}"),
        _ if options.json || !status.is_success() => println!("{body:#}"),
        _ => println!("{}", text(&body)),
    }
    Ok(if status.is_success() {
        Code::Ok
    } else {
        Code::Data
    })
}

impl Days {
    /// As the gateway is asked.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        let named = [
            ("period", &self.period),
            ("from", &self.from),
            ("until", &self.until),
        ];
        let given = named
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.clone()?)));
        given.collect()
    }
}

/// The rates that the gateway answered: of centres, or of groups of them.
fn text(answer: &Value) -> String {
    let many = answer["rates"].as_array().or(answer["groups"].as_array());
    let one = std::slice::from_ref(answer);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        answer["by"].as_str().unwrap_or("centre"),
        if answer["by"].is_null() {
            "category"
        } else {
            "centres"
        },
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
        writeln!(out, "more follow: --after '{next}'").expect("a string takes every text");
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
        rate["centre"]
            .as_str()
            .unwrap_or(word(rate, "group"))
            .to_owned(),
        match &rate["centres"] {
            Value::Number(centres) => centres.to_string(),
            _category => word(rate, "category").to_owned(),
        },
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
