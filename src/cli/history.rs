//! A document's history for people: what happened when, where it is now, what comes next, when and why.
//!
//! It reads what the gateway answers to an operator, in which no content is: ids, standings, codes, instants, and the
//! reasons that operators gave.

use serde_json::Value;

/// Attempts that ended alike one after the other are told in one line, if they are more than this.
const ALIKE: u64 = 2;

/// Attempts of one lot that follow each other and ended alike.
struct Run<'a> {
    /// The number of the first.
    first: u64,
    /// How the last ended.
    last: &'a Value,
    /// Entries of all of them: each is begun, and ends.
    entries: usize,
}

impl<'a> Run<'a> {
    /// The run with which the rest of a history begins, if it is worth a line of its own.
    fn of(rest: &[&'a Value]) -> Option<Run<'a>> {
        let ended = |pair: &[&'a Value]| -> Option<&'a Value> {
            let [begun, ended] = pair else { return None };
            let is_one = begun["event"] == "attempt begun"
                && begun["attempt"].is_u64()
                && ended["event"] != "attempt begun"
                && ["lot", "attempt"]
                    .iter()
                    .all(|key| begun[key] == ended[key]);
            is_one.then_some(*ended)
        };
        let mut ends = rest.chunks(2).map_while(ended);
        let (first, mut last, mut attempts) = (ends.next()?, rest[0], 1);
        for end in ends {
            let is_like = ["lot", "event", "code"]
                .iter()
                .all(|key| end[key] == first[key]);
            if !is_like {
                break;
            }
            (last, attempts) = (end, attempts + 1);
        }
        (attempts > ALIKE).then_some(Run {
            first: first["attempt"].as_u64()?,
            last,
            entries: usize::try_from(attempts * 2).ok()?,
        })
    }

    fn said(&self, document: &Value) -> String {
        let (first, last) = (self.first, &self.last["attempt"]);
        let one = said(document, self.last);
        one.replacen(
            &format!("attempt {last}"),
            &format!("attempts {first} to {last}"),
            1,
        )
    }
}

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
    line(admission(document));
    if document["lot"].is_object() {
        line(carrier(&document["lot"]));
    }
    line(String::new());
    if let Some(count) = document["entries_left_out"].as_u64() {
        line(format!("{count} older entries are left out"));
    }
    let history: Vec<_> = list(document, "history").collect();
    let mut rest = history.as_slice();
    while let Some(happened) = rest.first() {
        let run = Run::of(rest);
        let last = run.as_ref().map_or(*happened, |run| run.last);
        let what = match &run {
            Some(run) => run.said(document),
            None => said(document, happened),
        };
        line(format!("{}  {what}", instant(word(last, "at"))));
        rest = &rest[run.map_or(1, |run| run.entries)..];
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

/// Since when it is here, and by when it must be there: also when the history is too long to begin with it.
fn admission(document: &Value) -> String {
    let admitted = instant(word(document, "admitted"));
    match document["deadline"].as_str() {
        Some(day) => format!(
            "admitted {admitted}, to be transmitted by {day}{}",
            alerts(document)
        ),
        None => format!("admitted {admitted}"),
    }
}

/// When somebody must hear of it before that.
fn alerts(document: &Value) -> String {
    let alerts = list(document, "alerts").filter_map(Value::as_str);
    let alerts: Vec<_> = alerts.map(instant).collect();
    match &alerts[..] {
        [] => String::new(),
        alerts => format!("; alerts at {}", alerts.join(", ")),
    }
}

/// Its lot, by the id that `bordereau retry` takes.
fn carrier(lot: &Value) -> String {
    let attempts = lot["attempts"].as_u64().unwrap_or_default();
    format!(
        "lot {} at {}: {}, {attempts} attempt{}",
        word(lot, "id"),
        word(lot, "endpoint"),
        word(lot, "state"),
        if attempts == 1 { "" } else { "s" },
    )
}

fn admitted(document: &Value) -> String {
    let mut what = "admitted".to_owned();
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
            why(next)
        ),
        None => "nothing more is to be done".into(),
    }
}

/// The word for what is waited for, and for why the endpoint fails behind it.
pub fn why(next: &Value) -> String {
    let reason = word(next, "reason");
    match next["cause"].as_str() {
        Some(cause) => format!("{reason}: {cause}"),
        None => reason.to_owned(),
    }
}

/// An instant to the second.
fn instant(text: &str) -> String {
    let seconds = text.split_once('.').map_or(text, |(seconds, _)| seconds);
    let seconds = seconds.trim_end_matches('Z').replace('T', " ");
    format!("{seconds} UTC")
}

/// An id by its end, which is enough beside the whole of it at the head.
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
    use serde_json::json;

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

    #[test]
    fn equal_attempts_are_one_line_and_the_head_stays_when_entries_are_left_out() {
        let lot = "00000000-0000-0000-0000-00000000000b";
        let at = |minute: u64| format!("2026-11-22T12:{minute:02}:00.000Z");
        let attempt = |number: u64, event: &str| json!({ "at": at(number), "event": event, "lot": lot, "attempt": number });
        let mut history = vec![];
        for (number, event) in (2..=9).zip(["not reached"; 7].into_iter().chain(["no answer"])) {
            history.extend([attempt(number, "attempt begun"), attempt(number, event)]);
        }
        let document = json!({
            "kind": "FSE", "id": "1", "centre": "750712184", "destination": "amo:017510000", "standing": "held",
            "since": at(0), "admitted": at(0), "deadline": "2026-11-25", "entries_left_out": 4,
            "alerts": ["2026-11-23T23:00:00.000Z", "2026-11-25T15:00:00.000Z"],
            "lot": { "id": lot, "endpoint": "paris", "state": "in doubt", "attempts": 9 },
            "history": history,
        });
        let expected = [
            "FSE 1 of centre 750712184 for amo:017510000",
            "held since 2026-11-22 12:00:00 UTC",
            "admitted 2026-11-22 12:00:00 UTC, to be transmitted by 2026-11-25; \
             alerts at 2026-11-23 23:00:00 UTC, 2026-11-25 15:00:00 UTC",
            "lot 00000000-0000-0000-0000-00000000000b at paris: in doubt, 9 attempts",
            "",
            "4 older entries are left out",
            "2026-11-22 12:08:00 UTC  attempts 2 to 8 of lot 00000000000b: not reached",
            "2026-11-22 12:09:00 UTC  attempt 9 of lot 00000000000b begun",
            "2026-11-22 12:09:00 UTC  attempt 9 of lot 00000000000b: no answer",
            "nothing more is to be done",
            "",
        ];
        assert_eq!(text(&document), expected.join("\n"));
    }
}
