//! What is kept: legal holds, what would go, and who read what. Each is a question or an order to the running daemon, but
//! for the end of proofs, which wants the store for itself.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use serde_json::{Map, Value};

use crate::claims::foundation;
use crate::cli::exit::{Code, Failure};
use crate::cli::hand::{self, Why};
use crate::cli::{Settings, ask, daemon};
use crate::clock::{Clock as _, SystemClock};
use crate::store::Unobserved;
use crate::store::embedded::Embedded;
use crate::store::embedded::found::{self, Intent, Order};

/// What to do with legal holds.
#[derive(Debug, Subcommand)]
pub enum LegalHold {
    /// Keep the bytes of a document, or of what a centre did on some days, until the hold is lifted.
    Place(Place),
    /// Lift a hold: what it stood on has its time again.
    Lift(Lift),
    /// List all holds, lifted ones too.
    List(Settings),
}

/// What is held.
#[derive(Debug, Args)]
pub struct Place {
    /// The document.
    #[arg(long, value_name = "ID", conflicts_with_all = ["centre", "from", "to"])]
    document: Option<String>,
    /// The centre.
    #[arg(long, value_name = "FINESS", requires_all = ["from", "to"])]
    centre: Option<String>,
    /// First day of care.
    #[arg(long, value_name = "DAY", requires = "centre")]
    from: Option<String>,
    /// Last day of care.
    #[arg(long, value_name = "DAY", requires = "centre")]
    to: Option<String>,
    /// On this day somebody looks whether it is still needed.
    #[arg(long, value_name = "DAY")]
    review: String,
    #[command(flatten)]
    why: Why,
}

/// Which hold.
#[derive(Debug, Args)]
pub struct Lift {
    /// Its number.
    hold: u64,
    #[command(flatten)]
    why: Why,
}

/// What to ask about retention.
#[derive(Debug, Subcommand)]
pub enum Retention {
    /// Show what would go, what is kept and why.
    Plan(PlanOptions),
    /// Let the proofs go that are past `proof_months`: only counts and anchors stay of them. On the machine of
    /// the store, while the gateway is stopped.
    EndProofs(EndProofs),
}

/// As of when.
#[derive(Debug, Args)]
pub struct PlanOptions {
    #[command(flatten)]
    settings: Settings,
    /// As of the beginning of this day; without it, now.
    #[arg(long, value_name = "DAY")]
    at: Option<String>,
    /// The whole answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Whether they go, or it is only said which would.
#[derive(Debug, Args)]
pub struct EndProofs {
    #[command(flatten)]
    settings: Settings,
    /// Only say what would go.
    #[arg(long)]
    rehearse: bool,
}

/// Whose traces.
#[derive(Debug, Args)]
pub struct Traces {
    #[command(flatten)]
    settings: Settings,
    /// Of this centre's documents; without it, of all.
    #[arg(long, value_name = "FINESS")]
    centre: Option<String>,
}

/// Places, lifts or lists legal holds.
pub fn legal_hold(what: &LegalHold) -> Result<Code, Failure> {
    match what {
        LegalHold::Place(place) => {
            let mut beside = Map::new();
            let words = [
                ("document", place.document.as_ref()),
                ("centre", place.centre.as_ref()),
                ("from", place.from.as_ref()),
                ("to", place.to.as_ref()),
                ("review", Some(&place.review)),
            ];
            for (name, value) in words {
                if let Some(value) = value {
                    beside.insert(name.into(), value.as_str().into());
                }
            }
            hand::order(&place.why, "/v1/legal-holds", beside, hold_line)
        }
        LegalHold::Lift(lift) => {
            let path = format!("/v1/legal-holds/{}/lift", lift.hold);
            hand::order(&lift.why, &path, Map::new(), hold_line)
        }
        LegalHold::List(settings) => show(settings, "/v1/legal-holds", |answer| {
            let holds = answer["holds"].as_array().into_iter().flatten();
            holds.map(hold_line).collect()
        }),
    }
}

/// Shows what would go, or has it go.
pub fn retention(what: &Retention) -> Result<Code, Failure> {
    let options = match what {
        Retention::Plan(options) => options,
        Retention::EndProofs(options) => return end_proofs(options),
    };
    let query: Vec<_> = options.at.iter().map(|at| ("at", at.clone())).collect();
    let path = ask::path("/v1/retention", &query);
    show(&options.settings, &path, |answer| {
        if options.json {
            format!("{answer:#}\n")
        } else {
            plan(answer)
        }
    })
}

/// Lays a foundation, and builds the index on it, so that the gateway starts as fast as ever.
fn end_proofs(options: &EndProofs) -> Result<Code, Failure> {
    let config = options.settings.load()?;
    let at = SystemClock.now();
    let order = Order {
        at,
        before: foundation::past_before(at, config.retention.proof_months),
        rules: config.retention.rules(),
        patience: Duration::from_secs(config.retention.clock_seconds.get().into()),
        intent: if options.rehearse {
            Intent::Rehearse
        } else {
            Intent::Lay
        },
    };
    let open = || {
        let entropy = Box::new(|| SystemClock.salt());
        Embedded::open(&config.store, at, entropy, Arc::new(Unobserved)).map_err(daemon::unopened)
    };
    let store = open()?;
    let laid = daemon::block_on(async {
        let laid = found::found(store, &config.store, order, |_| ()).await;
        laid.map_err(|error| Failure::new(Code::Io, error))
    })?;
    let Some(founded) = laid else {
        println!(
            "nothing goes: no whole segment ended before {}",
            order.before
        );
        return Ok(Code::Ok);
    };
    let goes = match order.intent {
        Intent::Rehearse => "would go",
        Intent::Lay => {
            drop(open()?);
            "gone"
        }
    };
    println!(
        "{goes}: {} documents, of entries up to {}; {} documents stay; what has gone is counted all the same, up to {}",
        founded.gone, founded.upto.0, founded.kept, founded.until
    );
    Ok(Code::Ok)
}

/// Lists who read what.
pub fn traces(options: &Traces) -> Result<Code, Failure> {
    let mut query: Vec<_> = Vec::new();
    query.extend(
        options
            .centre
            .iter()
            .map(|centre| ("centre", centre.clone())),
    );
    let mut path = ask::path("/v1/traces", &query);
    loop {
        let (status, page) = ask::ask(&options.settings, &path)?;
        if !status.is_success() {
            println!("{page:#}");
            return Ok(ask::code(status));
        }
        for row in page["traces"].as_array().into_iter().flatten() {
            let columns = ["at", "centre", "document", "read", "role", "caller"];
            println!("{}", columns.map(|column| word(&row[column])).join("  "));
        }
        let Some(next) = page["next"].as_str() else {
            return Ok(Code::Ok);
        };
        let mut query = query.clone();
        query.push(("after", next.to_owned()));
        path = ask::path("/v1/traces", &query);
    }
}

fn show(settings: &Settings, path: &str, text: impl Fn(&Value) -> String) -> Result<Code, Failure> {
    let (status, answer) = ask::ask(settings, path)?;
    if status.is_success() {
        print!("{}", text(&answer));
        return Ok(Code::Ok);
    }
    println!("{answer:#}");
    Ok(ask::code(status))
}

fn hold_line(hold: &Value) -> String {
    let on = match hold["document"].as_str() {
        Some(document) => format!("document {document}"),
        None => format!(
            "centre {} from {} to {}",
            word(&hold["centre"]),
            word(&hold["from"]),
            word(&hold["to"])
        ),
    };
    format!(
        "hold {} {}: {on}, review {}, placed {} by {}: {}\n",
        hold["hold"],
        word(&hold["state"]),
        word(&hold["review"]),
        word(&hold["placed"]),
        word(&hold["by"]),
        word(&hold["reason"]),
    )
}

fn plan(answer: &Value) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "segment", "begun", "due", "what", "class", "bodies", "bytes",
    ]);
    for segment in answer["segments"].as_array().into_iter().flatten() {
        for (what, sums) in [("goes", &segment["past"]), ("kept", &segment["kept"])] {
            for sum in sums.as_array().into_iter().flatten() {
                let why = sum["why"].as_str().unwrap_or(what);
                table.add_row([
                    segment["segment"].to_string(),
                    word(&segment["begun"]).into(),
                    word(&segment["due"]).into(),
                    why.into(),
                    word(&sum["class"]).into(),
                    sum["bodies"].to_string(),
                    sum["bytes"].to_string(),
                ]);
            }
        }
    }
    let mut out = format!("{table}\n");
    let goes: Vec<String> = answer["goes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|sum| {
            format!(
                "{} {} of {} bytes",
                sum["bodies"],
                word(&sum["class"]),
                sum["bytes"]
            )
        })
        .collect();
    let goes = if goes.is_empty() {
        "nothing".to_owned()
    } else {
        goes.join(", ")
    };
    out.push_str(&format!(
        "{}: the next run clears {goes}\n",
        word(&answer["at"])
    ));
    if let Some(next) = answer["next"].as_str() {
        out.push_str(&format!("next after that: {next}\n"));
    }
    if answer["damaged"]
        .as_array()
        .is_some_and(|damaged| !damaged.is_empty())
    {
        out.push_str(&format!(
            "damaged, left alone: segments {}\n",
            answer["damaged"]
        ));
    }
    let cleared = &answer["cleared"];
    out.push_str(&format!(
        "so far {} bodies of {} bytes are gone, from {} segments\n",
        cleared["bodies"], cleared["bytes"], cleared["segments"]
    ));
    out.push_str(&proofs(&answer["proofs"]));
    out
}

fn proofs(proofs: &Value) -> String {
    if proofs["segments"] == 0 {
        let from = word(&proofs["from"]);
        return format!("proofs: none is past its time before {from}\n");
    }
    format!(
        "proofs: {} segments are past their time, entries up to {}: at most {} documents go with `retention end-proofs`, at least {} stay\n",
        proofs["segments"], proofs["upto"], proofs["goes"], proofs["stays"]
    )
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("–")
}
