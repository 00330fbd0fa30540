//! `bordereau reconcile`: a caisse's figures beside the ledger, asked of the running daemon.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use comfy_table::{CellAlignment, Table, presets};
use reqwest::StatusCode;
use serde_json::Value;

use crate::cli::exit::{Code, Failure};
use crate::cli::{Settings, ask};

/// What to do.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    settings: Settings,
    /// The whole answer as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Load figures, CSV or XML; a file that is known is not loaded again.
    Load {
        /// The file.
        file: PathBuf,
    },
    /// Lay loaded figures beside the ledger as it is now.
    Run {
        /// The digest that `load` gave.
        figures: String,
        /// Whole months (2026, 2026-Q4, 2026-10); without it the months of the file.
        #[arg(long)]
        period: Option<String>,
    },
    /// The history, or one reconciliation: both counts and the bridge between them.
    Show {
        /// Its number.
        run: Option<u64>,
        /// Its differences, one by one.
        #[arg(long)]
        differences: bool,
        /// What insurers said that no document answers to.
        #[arg(long, conflicts_with = "differences")]
        orphans: bool,
        /// Rows after this one: `next` of the page before.
        #[arg(long)]
        after: Option<String>,
    },
    /// The whole result on standard output.
    Export {
        /// Its number.
        run: u64,
        /// How it is written.
        #[arg(long, value_enum, default_value = "json")]
        format: Format,
    },
    /// Accept a difference.
    Accept(Judgement),
    /// Dispute a difference.
    Dispute(Judgement),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Everything.
    Json,
    /// The differences as a table.
    Differences,
    /// The bridge of each centre and month as a table.
    Bridge,
    /// What no document answers to, as a table.
    Orphans,
}

#[derive(Debug, Args)]
struct Judgement {
    /// The number of the reconciliation.
    run: u64,
    /// The number of the difference.
    line: u32,
    /// Why.
    #[arg(long, default_value = "")]
    comment: String,
}

/// Does it.
pub fn run(options: &Options) -> Result<Code, Failure> {
    let settings = &options.settings;
    let (status, body) = match &options.action {
        Action::Load { file } => {
            let figures = std::fs::read(file)
                .with_context(|| format!("cannot read {}", file.display()))
                .map_err(|error| Failure::new(Code::NoInput, error))?;
            ask::send(settings, "/v1/figures", figures)?
        }
        Action::Run { figures, period } => {
            let period = period.as_ref().map(|period| format!("&period={period}"));
            let period = period.unwrap_or_default();
            let path = format!("/v1/reconciliations?figures={figures}{period}");
            ask::send(settings, &path, Vec::new())?
        }
        Action::Show {
            run,
            differences,
            orphans,
            after,
        } => {
            let part = match (differences, orphans) {
                (true, _) => "/differences",
                (false, true) => "/orphans",
                (false, false) => "",
            };
            ask::ask(settings, &shown(*run, part, after.as_deref()))?
        }
        Action::Export { run, format } => {
            let query = match format {
                Format::Json => "format=json",
                Format::Differences => "format=csv&table=differences",
                Format::Bridge => "format=csv&table=bridge",
                Format::Orphans => "format=csv&table=orphans",
            };
            ask::ask(
                settings,
                &format!("/v1/reconciliations/{run}/export?{query}"),
            )?
        }
        Action::Accept(judgement) => judge(settings, judgement, "accept")?,
        Action::Dispute(judgement) => judge(settings, judgement, "dispute")?,
    };
    print(options, status, &body);
    Ok(ask::code(status))
}

fn shown(run: Option<u64>, part: &str, after: Option<&str>) -> String {
    let Some(run) = run else {
        return "/v1/reconciliations".to_owned();
    };
    let after = after.map_or_else(String::new, |after| format!("?after={after}"));
    format!("/v1/reconciliations/{run}{part}{after}")
}

fn judge(
    settings: &Settings,
    judgement: &Judgement,
    verb: &str,
) -> Result<(StatusCode, Value), Failure> {
    let Judgement { run, line, comment } = judgement;
    let path = format!("/v1/reconciliations/{run}/differences/{line}/{verb}");
    ask::send(settings, &path, comment.clone().into_bytes())
}

fn print(options: &Options, status: StatusCode, body: &Value) {
    match (&options.action, body) {
        // A table is no JSON: it is printed as it came.
        (Action::Export { .. }, Value::String(table)) => print!("{table}"),
        (
            Action::Show {
                run: Some(_),
                differences: false,
                orphans: false,
                ..
            },
            _,
        ) if status.is_success() && !options.json => {
            println!("{}", bridges(body));
        }
        (_, _) => println!("{body:#}"),
    }
}

/// The waterfall of the whole and of each centre, as a table.
fn bridges(page: &Value) -> String {
    let mut out = format!(
        "reconciliation {} of {} to {}: {} centres, {} differences\n",
        page["run"],
        text(page, "from"),
        text(page, "to"),
        page["centres"],
        page["differences"],
    );
    let silent = page["no_figures"].as_array().into_iter().flatten();
    let silent: Vec<&str> = silent.filter_map(Value::as_str).collect();
    if !silent.is_empty() {
        writeln!(out, "no figures of {}", silent.join(", ")).expect("a string takes every text");
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["centre", "step", "numerator", "denominator", "rate"]);
    rows(&mut table, "all", &page["total"]);
    for centre in page["rows"].as_array().into_iter().flatten() {
        rows(&mut table, text(centre, "centre"), centre);
    }
    for column in 2..=4 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    writeln!(out, "{table}").expect("a string takes every text");
    if page["orphans"] != 0 {
        writeln!(
            out,
            "no document answers to {} receipts: --orphans",
            page["orphans"]
        )
        .expect("a string takes every text");
    }
    if let Some(next) = page["next"].as_str() {
        writeln!(out, "more centres follow {next}").expect("a string takes every text");
    }
    out.push_str("The official figure is the caisse's; a residual is what no cause explains.");
    out
}

fn rows(table: &mut Table, centre: &str, span: &Value) {
    let row = |table: &mut Table, centre: &str, step: &str, count: &Value| {
        let percent = count["percent"]
            .as_str()
            .map(|percent| format!("{percent} %"));
        table.add_row([
            centre.to_owned(),
            step.to_owned(),
            count["numerator"].to_string(),
            count["denominator"].to_string(),
            percent.unwrap_or_default(),
        ]);
    };
    row(table, centre, "ours", &span["ours"]);
    for step in span["bridge"].as_array().into_iter().flatten() {
        row(table, "", text(step, "en"), step);
    }
    row(table, "", "residual", &span["residual"]);
    row(table, "", "theirs", &span["theirs"]);
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("–")
}
