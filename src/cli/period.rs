//! `bordereau period`: close a period, list what is closed, show what was frozen and what came since.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::exit::{Code, Failure};
use crate::cli::{Settings, ask};

/// What to do with periods.
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Freeze the rates of a period that has ended; later facts become dated corrections.
    Close(Close),
    /// List every closing.
    List(Settings),
    /// Show the frozen rate of a centre, the rate of today, and the corrections between them.
    Show(Show),
}

#[derive(Debug, Args)]
struct Close {
    #[command(flatten)]
    settings: Settings,
    /// A month (2026-10), quarter (2026-Q4), year (2026) or two days with a slash between them.
    period: String,
    /// One centre; without it all of them.
    #[arg(long, value_name = "FINESS")]
    centre: Option<String>,
    /// Why. It is kept as a body, never in a log.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    settings: Settings,
    /// The centre.
    #[arg(long, value_name = "FINESS")]
    centre: String,
    /// Only this period.
    #[arg(long)]
    period: Option<String>,
    /// The whole answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Does it.
pub fn run(options: &Options) -> Result<Code, Failure> {
    let (status, body, text) = match &options.act {
        Act::Close(close) => {
            let mut query = vec![("period", close.period.clone())];
            query.extend(close.centre.clone().map(|centre| ("centre", centre)));
            let path = ask::path("/v1/periods/close", &query);
            let order = json!({ "reason": close.reason });
            let (status, body) = ask::order(&close.settings, &path, &order)?;
            let text = closings(&body);
            (status, body, text)
        }
        Act::List(settings) => {
            let (status, body) = ask::ask(settings, "/v1/periods")?;
            let text = closings(&body);
            (status, body, text)
        }
        Act::Show(show) => {
            let query: Vec<_> = show
                .period
                .clone()
                .map(|it| ("period", it))
                .into_iter()
                .collect();
            let path = ask::path(&format!("/v1/centres/{}/periods", show.centre), &query);
            let (status, body) = ask::ask(&show.settings, &path)?;
            let text = if show.json {
                format!("{body:#}\n")
            } else {
                periods(&body)
            };
            (status, body, text)
        }
    };
    if status.is_success() {
        print!("{text}");
        return Ok(Code::Ok);
    }
    println!("{body:#}");
    Ok(ask::code(status))
}

fn closings(answer: &Value) -> String {
    let rows = answer["closings"].as_array().into_iter().flatten();
    let lines = rows.map(|row| {
        let centres = row["centres"].as_array().map_or(0, Vec::len);
        let of = match centres {
            0 => "all centres".to_owned(),
            some => format!("{some} centres"),
        };
        let (period, at) = (word(&row["period"]["name"]), word(&row["at"]));
        let (position, actor) = (&row["position"], word(&row["actor"]));
        format!("{period}  {of}  closed at {at} by {actor}, entry {position}\n")
    });
    lines.collect()
}

fn periods(answer: &Value) -> String {
    let mut out = String::new();
    for period in answer["periods"].as_array().into_iter().flatten() {
        let ratio = |rate: &Value| format!("{}/{}", rate["numerator"], rate["denominator"]);
        out.push_str(&format!(
            "{}  frozen {} at entry {}, today {}\n",
            word(&period["closing"]["period"]["name"]),
            ratio(&period["frozen"]),
            period["closing"]["position"],
            ratio(&period["current"]),
        ));
        for row in period["corrections"].as_array().into_iter().flatten() {
            let (at, cause) = (word(&row["at"]), word(&row["cause"]));
            let document = row["document"].as_str().unwrap_or("declared paper");
            out.push_str(&format!(
                "  {at}  entry {}  {cause}  {:+}/{:+}  {document}\n",
                row["position"],
                row["numerator"].as_i64().unwrap_or_default(),
                row["denominator"].as_i64().unwrap_or_default(),
            ));
        }
    }
    for period in answer["ended"].as_array().into_iter().flatten() {
        let name = word(&period["closing"]["period"]["name"]);
        let until = word(&period["until"]);
        out.push_str(&format!(
            "{name}  its proofs have gone: only counts are left up to {until}\n"
        ));
    }
    out
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("–")
}
