//! A document's history for people: what happened when, where it is now, what comes next, when and why.
//!
//! It reads what the gateway answers to an operator, in which no content is: ids, standings, codes, instants, and the
//! reasons that operators gave.

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
    if let Some(count) = document["entries_left_out"].as_u64() {
        line(format!("{count} older entries are left out"));
    }
    for happened in list(document, "history") {
        let at = instant(word(happened, "at"));
        line(format!("{at}  {}", said(document, happened)));
    }
    line(next(document));
    out
}

/// One thing that happened, and all that is known of it.
fn said(document: &Value, happened: &Value) -> String {
    let mut said = what(document, happened);
    if let Some(code) = happened["code"].as_str() {
        said.push_str(&format!(" ({code})"));
    }
    if let Some(next) = happened["next"].as_str() {
        let (next, why) = (instant(next), word(happened, "why"));
        said.push_str(&format!("; next {next} ({why})"));
    }
    if let Some(by) = happened["by"].as_str() {
        said.push_str(&format!("; by {by}"));
    }
    if let Some(reason) = happened["reason"].as_str() {
        // A reason is free text: it must not move the terminal.
        said.push_str(&format!(": {}", reason.escape_debug()));
    }
    said
}

fn what(document: &Value, happened: &Value) -> String {
    let event = word(happened, "event");
    let lot = || short(word(happened, "lot"));
    match (event, happened["attempt"].as_u64()) {
        ("admitted", _) => admitted(document),
        ("sealed", _) => format!(
            "sealed into lot {} for {}",
            word(happened, "lot"),
            word(happened, "endpoint")
        ),
        ("attempt begun", Some(attempt)) => format!("attempt {attempt} of lot {} begun", lot()),
        ("settlement", _) => {
            let outcome = settled(document, word(happened, "at"));
            format!("settlement from {}{outcome}", word(happened, "endpoint"))
        }
        ("paper owed", _) => "a paper duplicate is owed".into(),
        ("fse acknowledged", _) => "the FSE that it supports is acknowledged".into(),
        ("fse replaced", _) => "the FSE that it supports is replaced".into(),
        (event, Some(attempt)) => format!("attempt {attempt} of lot {}: {event}", lot()),
        (event, None) if happened["lot"].is_string() => format!("{event}, lot {}", lot()),
        (event, None) => event.to_owned(),
    }
}

fn admitted(document: &Value) -> String {
    let mut what = "admitted".to_owned();
    if let Some(day) = document["deadline"].as_str() {
        what.push_str(&format!(", to be transmitted by {day}"));
    }
    let warnings = list(document, "warnings").filter_map(Value::as_str);
    let warnings: Vec<_> = warnings.collect();
    if !warnings.is_empty() {
        what.push_str(&format!(", warnings {}", warnings.join(", ")));
    }
    what
}

/// What the settlement said that was heard at this instant.
fn settled(document: &Value, at: &str) -> String {
    let mut settlements = list(document, "settlements");
    let Some(settlement) = settlements.find(|settlement| settlement["heard"] == at) else {
        return String::new();
    };
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
    format!(": {}", said.join(", "))
}

fn remarks(document: &Value) -> String {
    let mut remarks = String::new();
    if document["transmitted"].is_string() {
        remarks.push_str(&format!(", transmitted {}", word(document, "late")));
    }
    for (name, remark) in [
        ("both_ways", ", on paper and with a receipt"),
        ("contradicted", ", contradicted"),
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

/// An id by its end, which is enough beside the whole of it in the line that sealed the lot.
fn short(id: &str) -> &str {
    id.rsplit('-').next().unwrap_or(id)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What the desk's tests keep as the gateway's answers, as a person reads them.
    #[test]
    #[allow(
        clippy::disallowed_methods,
        reason = "UPDATE=1 rewrites the golden file"
    )]
    fn a_history_as_people_read_it() {
        for slug in [
            "history.operator",
            "held-by-hand",
            "rejected",
            "refused-by-receipt.operator",
            "piece",
        ] {
            let answer = format!("fixtures/answers/desk/{slug}.json");
            let answer = std::fs::read_to_string(answer).unwrap();
            let found = text(&serde_json::from_str(&answer).unwrap());
            let file = format!("fixtures/answers/desk/{slug}.txt");
            if std::env::var_os("UPDATE").is_some() {
                std::fs::write(&file, &found).unwrap();
            }
            let kept = std::fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(found, kept, "{file}: UPDATE=1 rewrites it");
        }
    }
}
