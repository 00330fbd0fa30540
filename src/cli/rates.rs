//! `bordereau rate`: rates as a table for people, what is behind a figure, and the tallies counted again.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use comfy_table::{CellAlignment, Table, presets};
use serde_json::Value;

use crate::cli::exit::{Code, Failure};
use crate::cli::{Settings, ask, verify_store};

/// Which rates to show, or what to do with them.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    other: Option<Other>,
    #[command(flatten)]
    shown: Shown,
}

/// What else can be asked about rates.
#[derive(Debug, Subcommand)]
enum Other {
    /// Show the documents behind a figure.
    Explain(Explained),
    /// Count every tally again from the ledger and compare; exit 0 when all agree, 1 when any differs.
    Rebuild(Rebuilt),
}

/// Which figure is opened.
#[derive(Debug, Args)]
struct Explained {
    #[command(flatten)]
    settings: Settings,
    /// The centre.
    #[arg(long, value_name = "FINESS")]
    centre: String,
    #[command(flatten)]
    days: Days,
    /// `numerator`, `missing`, `denominator`, `cancelled`, `excluded`, `by_hand`, `both_ways`, or a split and its
    /// part: `mode:S`, `standing:refused`, `lateness:late`, `kind:FSE`, `mode:paper`.
    #[arg(long, default_value = "missing")]
    cell: String,
    /// As it was after this entry of the ledger.
    #[arg(long, value_name = "POSITION")]
    as_of: Option<u64>,
    /// The page after the one whose `next` this is.
    #[arg(long, value_name = "NEXT")]
    after: Option<String>,
    /// The whole answer as JSON.
    #[arg(long)]
    json: bool,
}

/// How tallies are counted again.
#[derive(Debug, Args)]
struct Rebuilt {
    #[command(flatten)]
    settings: Settings,
    /// Compare, and change nothing. An index that differs is built anew from the journal when its directory is
    /// removed while the gateway is stopped.
    #[arg(long, required = true)]
    verify: bool,
}

/// Which rates to show.
#[derive(Debug, Args)]
struct Shown {
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
    /// As they were after this entry of the ledger: reads the whole ledger up to it.
    #[arg(long, value_name = "POSITION")]
    as_of: Option<u64>,
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

/// Shows rates, or does the other thing that is asked.
pub fn run(options: &Options) -> Result<Code, Failure> {
    match &options.other {
        None => show(&options.shown),
        Some(Other::Explain(options)) => explain(options),
        Some(Other::Rebuild(options)) => verify_store::account(&options.settings),
    }
}

/// Shows what is behind a figure.
fn explain(options: &Explained) -> Result<Code, Failure> {
    let mut query = options.days.query();
    query.push(("centre", options.centre.clone()));
    query.push(("cell", options.cell.clone()));
    let as_of = options.as_of.map(|position| position.to_string());
    query.extend(as_of.map(|position| ("as_of", position)));
    query.extend(options.after.clone().map(|after| ("after", after)));
    let path = ask::path("/v1/rates/explain", &query);
    let (status, body) = ask::ask(&options.settings, &path)?;
    if options.json || !status.is_success() {
        println!("{body:#}");
    } else {
        print!("{}", explanation(&body));
    }
    Ok(ask::code(status))
}

fn explanation(answer: &Value) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "day", "number", "kind", "mode", "standing", "lateness", "document", "entries",
    ]);
    for unit in answer["units"].as_array().into_iter().flatten() {
        let of = |name| word(unit, name).to_owned();
        table.add_row([
            of("day"),
            of("number"),
            of("kind"),
            of("mode"),
            of("standing"),
            of("lateness"),
            of("document"),
            positions(unit),
        ]);
    }
    let mut out = format!(
        "{}\n{} counted\n{table}\n",
        heading(answer),
        answer["counted"]
    );
    for row in answer["sheets"].as_array().into_iter().flatten() {
        let (day, caisse) = (word(row, "day"), word(row, "caisse"));
        writeln!(out, "{day}  {} sheets of paper, {caisse}", row["sheets"])
            .expect("a string takes every text");
    }
    if let Some(next) = answer["next"].as_str() {
        writeln!(out, "more follow: --after '{next}'").expect("a string takes every text");
    }
    out
}

/// The entries of a unit: a few one by one, of many the first and the last; `--json` has all.
fn positions(unit: &Value) -> String {
    let entries = unit["entries"].as_array().map_or(&[][..], Vec::as_slice);
    match entries {
        [first, _, _, _, .., last] => format!("{first} … {last} ({} entries)", entries.len()),
        few => few
            .iter()
            .map(Value::to_string)
            .collect::<Vec<_>>()
            .join(" "),
    }
}

fn show(options: &Shown) -> Result<Code, Failure> {
    let mut query = options.days.query();
    let as_of = options.as_of.map(|position| position.to_string());
    let format = options.csv.then(|| "csv".to_owned());
    for (key, value) in [
        ("by", &options.by),
        ("centre", &options.centre),
        ("gestionnaire", &options.gestionnaire),
        ("category", &options.category),
        ("caisse", &options.caisse),
        ("agreement", &options.agreement),
        ("as_of", &as_of),
        ("after", &options.after),
        ("format", &format),
    ] {
        query.extend(value.as_ref().map(|value| (key, value.clone())));
    }
    let path = ask::path("/v1/rates", &query);
    let (status, body, after) = ask::page(&options.settings, &path)?;
    match body.as_str() {
        Some(csv) if options.csv => {
            print!("{csv}");
            // A table cannot say that it is a page, and goes to a file.
            if let Some(after) = after {
                eprintln!("more follow: --after '{after}'");
            }
        }
        _ if options.json || !status.is_success() => println!("{body:#}"),
        _ => println!("{}", text(&body)),
    }
    Ok(ask::code(status))
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
        match (rate["centre"].as_str(), rate["name"].as_str()) {
            (Some(centre), _) => centre.to_owned(),
            (None, Some(name)) => format!("{} {name}", word(rate, "group")),
            (None, None) => word(rate, "group").to_owned(),
        },
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_of_many_attempts_is_a_row_that_can_be_read() {
        let unit = |entries: Vec<u64>| {
            json!({
                "day": "2026-11-16", "number": "000000677", "kind": "FSE", "mode": "S", "standing": "in lot",
                "lateness": "unproven", "document": "00000000-0000-0000-0000-000000000001", "entries": entries,
            })
        };
        let answer =
            json!({ "counted": 2, "units": [unit((48..348).collect()), unit(vec![7, 8, 9])] });
        let text = explanation(&answer);
        assert!(text.contains("48 … 347 (300 entries)"), "{text}");
        assert!(text.contains("7 8 9"), "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() < 160),
            "{text}"
        );
    }
}
