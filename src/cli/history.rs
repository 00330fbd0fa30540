//! A document's history for people: what happened when, where it is now, what comes next, when and why.
//!
//! It reads what the gateway answers to an operator, in which no content is: ids, standings, codes, instants.

use std::fmt::Write as _;

use serde_json::Value;

/// The history of the document that the gateway described.
pub fn text(document: &Value) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(format!(
        "{} {} of centre {} for {}",
        word(document, "kind"),
        word(document, "id"),
        word(document, "centre"),
        word(document, "destination"),
    ));
    line(format!(
        "{} since {}{}",
        word(document, "standing"),
        instant(word(document, "since")),
        remarks(document)
    ));
    line(String::new());
    for (at, what) in events(document) {
        line(format!("{}  {what}", instant(&at)));
    }
    line(next(document));
    out
}

/// Everything that is known to have happened, oldest first.
fn events(document: &Value) -> Vec<(String, String)> {
    let mut events = Vec::new();
    let mut add = |at: &Value, what: String| {
        if let Some(at) = at.as_str() {
            events.push((at.to_owned(), what));
        }
    };
    add(&document["admitted"], admitted(document));
    let lot = &document["lot"];
    add(
        &lot["attempted"],
        format!(
            "attempt {} of lot {} to {}: {}",
            lot["attempts"],
            word(lot, "id"),
            word(lot, "endpoint"),
            word(lot, "state")
        ),
    );
    let transmitted = format!("transmitted, {}", word(document, "late"));
    add(&document["transmitted"], transmitted);
    for receipt in list(document, "receipts") {
        let what = format!(
            "receipt {} from {}: {}{}",
            word(receipt, "id"),
            word(receipt, "endpoint"),
            word(receipt, "verdict"),
            code(receipt)
        );
        add(&receipt["heard"], what);
    }
    for refusal in list(document, "refusals") {
        add(
            &refusal["heard"],
            format!("content refused by the insurer{}", code(refusal)),
        );
    }
    for settlement in list(document, "settlements") {
        add(&settlement["heard"], settled(settlement));
    }
    add(&document["paper_owed"], "a paper duplicate is owed".into());
    // Instants are all of one form, so their order as text is their order in time.
    events.sort_by(|one, other| one.0.cmp(&other.0));
    events
}

fn admitted(document: &Value) -> String {
    let mut what = "admitted".to_owned();
    if let Some(day) = document["deadline"].as_str() {
        write!(what, ", to be transmitted by {day}").expect("a string takes every text");
    }
    let warnings = list(document, "warnings").filter_map(Value::as_str);
    let warnings: Vec<_> = warnings.collect();
    if !warnings.is_empty() {
        write!(what, ", warnings {}", warnings.join(", ")).expect("a string takes every text");
    }
    what
}

fn settled(settlement: &Value) -> String {
    let mut said: Vec<String> = list(settlement, "parts")
        .map(|part| {
            let (name, outcome) = (word(part, "part"), word(part, "outcome"));
            format!("{name} {outcome}{}", code(part))
        })
        .collect();
    let answer = &settlement["answer"];
    if answer.is_object() {
        said.push(format!("{}{}", word(answer, "answer"), code(answer)));
    }
    format!(
        "settlement {} from {}: {}",
        word(settlement, "id"),
        word(settlement, "endpoint"),
        said.join(", ")
    )
}

fn remarks(document: &Value) -> String {
    let mut remarks = String::new();
    for (name, remark) in [
        ("both_ways", ", on paper and acknowledged after all"),
        ("contradicted", ", contradicted by the insurer"),
    ] {
        if document[name] == true {
            remarks.push_str(remark);
        }
    }
    remarks
}

fn next(document: &Value) -> String {
    let next = &document["next"];
    match next["at"].as_str() {
        Some(at) => format!(
            "{}  next: {} ({})",
            instant(at),
            word(next, "en"),
            word(next, "reason")
        ),
        None => "nothing more is to be done".into(),
    }
}

/// An instant to the second.
fn instant(text: &str) -> String {
    let seconds = text.split_once('.').map_or(text, |(seconds, _)| seconds);
    let seconds = seconds.trim_end_matches('Z').replace('T', " ");
    format!("{seconds} UTC")
}

fn code(said: &Value) -> String {
    let code = said["code"].as_str();
    code.map_or_else(String::new, |code| format!(" ({code})"))
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("–")
}
