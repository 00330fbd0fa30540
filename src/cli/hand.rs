//! What an operator does from the command line: each is a request to the running daemon, which records the user of
//! the socket as the actor and the reason beside the entry.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use crate::cli::ask::{self, read};
use crate::cli::exit::{Code, Failure};
use crate::cli::{Settings, history};

/// Why; kept in the ledger beside what is done, for operators alone.
#[derive(Debug, Args)]
pub struct Why {
    #[command(flatten)]
    settings: Settings,
    /// Why: kept beside the entry. Never a name, a NIR or a value of a document.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// What to do with an endpoint.
#[derive(Debug, Subcommand)]
pub enum Endpoint {
    /// Its lots wait until it is released.
    Hold(OfEndpoint),
    /// Its lots go again.
    Release(OfEndpoint),
    /// Its receipts and settlements are asked for from the beginning again; what is known changes nothing.
    Rewind(OfEndpoint),
}

/// Which endpoint.
#[derive(Debug, Args)]
pub struct OfEndpoint {
    /// Its name in the configuration.
    name: String,
    #[command(flatten)]
    why: Why,
}

/// Which document.
#[derive(Debug, Args)]
pub struct OfDocument {
    /// Its id, as the gateway gave it out.
    id: String,
    #[command(flatten)]
    why: Why,
}

/// Which document, and what proves its transmission.
#[derive(Debug, Args)]
pub struct ByHand {
    /// Its id, as the gateway gave it out.
    id: String,
    /// A file that proves the transmission: its bytes are kept in the ledger.
    #[arg(long, value_name = "FILE")]
    evidence: PathBuf,
    #[command(flatten)]
    why: Why,
}

/// Which lot.
#[derive(Debug, Args)]
pub struct OfLot {
    /// Its id, as `bordereau status` shows it.
    lot: String,
    #[command(flatten)]
    why: Why,
}

/// Which lots, and how fast; what is not said restricts nothing.
#[derive(Debug, Args)]
pub struct Replay {
    /// Those for this endpoint.
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,
    /// Those of this centre.
    #[arg(long, value_name = "FINESS")]
    centre: Option<String>,
    /// Those in this state: due, in-doubt, overdue; may be given several times.
    #[arg(long, value_name = "STATE")]
    state: Vec<String>,
    /// Those sealed on this day or later, or at this instant or later.
    #[arg(long, value_name = "DAY")]
    since: Option<String>,
    /// Those that wait for this, in the word of `bordereau status`: unreachable, busy, held-by-hand …
    #[arg(long, value_name = "WORD")]
    waits_for: Option<String>,
    /// Lots a second.
    #[arg(long, value_name = "N")]
    per_second: Option<u32>,
    /// Only count: how many would go, and how many fall out and why.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    why: Why,
}

/// Holds or releases an endpoint, or has it asked from the beginning.
pub fn endpoint(endpoint: &Endpoint) -> Result<Code, Failure> {
    let (of, verb) = match endpoint {
        Endpoint::Hold(of) => (of, "hold"),
        Endpoint::Release(of) => (of, "release"),
        Endpoint::Rewind(of) => (of, "rewind"),
    };
    let path = format!("/v1/endpoints/{}/{verb}", of.name);
    order(&of.why, &path, Map::new(), |answer| {
        let state = answer["gate"]
            .as_str()
            .unwrap_or("asked from the beginning");
        format!("{} is {state}\n", word(answer, "endpoint"))
    })
}

/// Cancels a document.
pub fn cancel(of: &OfDocument) -> Result<Code, Failure> {
    let path = format!("/v1/documents/{}/cancel", of.id);
    order(&of.why, &path, Map::new(), |answer| {
        format!("{} is {}\n", word(answer, "id"), word(answer, "standing"))
    })
}

/// Confirms that a paper duplicate was sent.
pub fn paper(of: &OfDocument) -> Result<Code, Failure> {
    let path = format!("/v1/documents/{}/paper", of.id);
    order(&of.why, &path, Map::new(), history::text)
}

/// Declares a document transmitted by hand.
pub fn by_hand(of: &ByHand) -> Result<Code, Failure> {
    let path = format!("/v1/documents/{}/by-hand", of.id);
    let mut beside = Map::new();
    let evidence = STANDARD.encode(read(&of.evidence)?);
    beside.insert("evidence".into(), evidence.into());
    order(&of.why, &path, beside, history::text)
}

/// Asks for the next attempt of a lot, now.
pub fn retry(of: &OfLot) -> Result<Code, Failure> {
    let path = format!("/v1/lots/{}/retry", of.lot);
    order(&of.why, &path, Map::new(), |answer| {
        format!(
            "lot {} is {}, next {} ({})\n",
            word(answer, "lot"),
            word(answer, "state"),
            word(answer, "next"),
            history::why(answer),
        )
    })
}

/// Asks for the next attempt of all lots of a filter.
pub fn replay(of: &Replay) -> Result<Code, Failure> {
    let mut beside = Map::new();
    let words = [
        ("endpoint", &of.endpoint),
        ("centre", &of.centre),
        ("since", &of.since),
        ("waits_for", &of.waits_for),
    ];
    for (name, value) in words {
        if let Some(value) = value {
            beside.insert(name.into(), value.as_str().into());
        }
    }
    if !of.state.is_empty() {
        beside.insert("states".into(), json!(of.state));
    }
    if let Some(per_second) = of.per_second {
        beside.insert("per_second".into(), per_second.into());
    }
    beside.insert("dry_run".into(), of.dry_run.into());
    order(&of.why, "/v1/replays", beside, replayed)
}

/// What a replay did or would do.
fn replayed(answer: &Value) -> String {
    let verb = if answer["dry_run"] == true {
        "would be sent again"
    } else {
        "are sent again"
    };
    let mut out = format!(
        "{} lots match, {} {verb}",
        answer["matched"], answer["replayed"]
    );
    if let (Some(first), Some(last)) = (answer["first"].as_str(), answer["last"].as_str()) {
        out.push_str(&format!(", from {first} to {last}"));
    }
    out.push('\n');
    for (state, count) in answer["fallen_out"].as_object().into_iter().flatten() {
        out.push_str(&format!("{count} fall out: {state}\n"));
    }
    for (endpoint, count) in answer["held_back"].as_object().into_iter().flatten() {
        out.push_str(&format!(
            "{count} of them are held back: an operator holds {endpoint} (`bordereau endpoint release {endpoint}`)\n"
        ));
    }
    if answer["left_out"] != 0 {
        out.push_str(&format!(
            "{} are left out: more than one order takes\n",
            answer["left_out"]
        ));
    }
    out
}

/// Orders something for a reason, and prints what came of it.
pub fn order(
    why: &Why,
    path: &str,
    mut beside: Map<String, Value>,
    say: impl Fn(&Value) -> String,
) -> Result<Code, Failure> {
    beside.insert("reason".into(), why.reason.as_str().into());
    let answer = ask::order(&why.settings, path, &beside.into())?;
    tell(answer, say)
}

/// Prints what was answered.
pub(super) fn tell(
    (status, body): (StatusCode, Value),
    say: impl Fn(&Value) -> String,
) -> Result<Code, Failure> {
    if status.is_success() {
        print!("{}", say(&body));
        Ok(Code::Ok)
    } else {
        println!("{body:#}");
        Ok(ask::code(status))
    }
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("–")
}
