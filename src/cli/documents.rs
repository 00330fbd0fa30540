//! Lists of documents for people and spreadsheets: what is owed on paper, what went both ways, what an insurer
//! contradicts, and every other list that the gateway keeps. Ids, numbers, dates and codes; never content.

use clap::{Args, ValueEnum};
use comfy_table::{Table, presets};
use serde_json::Value;

use crate::cli::exit::{Code, Failure};
use crate::cli::{Settings, ask};
use crate::formats::cells;

/// Which documents.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    settings: Settings,
    /// A list that the gateway keeps.
    #[arg(long)]
    list: Option<List>,
    /// Where they are: queued, held, in-doubt, transmitted, refused …
    #[arg(long, value_name = "WORD")]
    standing: Option<String>,
    /// FSE, DRE, PJ or PEC.
    #[arg(long)]
    kind: Option<String>,
    /// Admitted on this day or later, or at this instant or later.
    #[arg(long, value_name = "DAY")]
    since: Option<String>,
    #[command(flatten)]
    form: Form,
}

/// Whose paper duplicates.
#[derive(Debug, Args)]
pub struct Owed {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    form: Form,
}

/// Of which centre, and how it is written.
#[derive(Debug, Args)]
struct Form {
    /// Those of this centre.
    #[arg(long, value_name = "FINESS")]
    centre: Option<String>,
    /// As CSV.
    #[arg(long)]
    csv: bool,
}

/// A list that the gateway keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum List {
    /// Near its last legal day, or past it, and neither transmitted nor owed on paper.
    AtRisk,
    /// A paper duplicate is owed.
    PaperOwed,
    /// With a positive receipt and a paper duplicate.
    BothWays,
    /// An insurer, or a paper duplicate, contradicts the standing.
    Contradicted,
}

impl List {
    fn as_str(self) -> &'static str {
        match self {
            List::AtRisk => "at-risk",
            List::PaperOwed => "paper-owed",
            List::BothWays => "both-ways",
            List::Contradicted => "contradicted",
        }
    }
}

/// Lists documents.
pub fn list(options: &Options) -> Result<Code, Failure> {
    let words = [
        ("list", options.list.map(|list| list.as_str().to_owned())),
        ("standing", options.standing.clone()),
        ("kind", options.kind.clone()),
        ("since", options.since.clone()),
    ];
    print(&options.settings, &words, &options.form)
}

/// Lists the documents for which a paper duplicate is owed.
pub fn owed(options: &Owed) -> Result<Code, Failure> {
    let list = [("list", Some(List::PaperOwed.as_str().to_owned()))];
    print(&options.settings, &list, &options.form)
}

/// Prints a list, page by page.
fn print(
    settings: &Settings,
    words: &[(&str, Option<String>)],
    form: &Form,
) -> Result<Code, Failure> {
    let centre = [("centre", form.centre.clone())];
    let mut query = "/v1/documents?limit=1000".to_owned();
    for (name, value) in words.iter().chain(&centre) {
        if let Some(value) = value {
            // A plus would be read as a space.
            query.push_str(&format!("&{name}={}", value.replace('+', "%2B")));
        }
    }
    let mut rows = Vec::new();
    let mut path = query.clone();
    loop {
        let (status, mut page) = ask::ask(settings, &path)?;
        if !status.is_success() {
            println!("{page:#}");
            return Ok(ask::code(status));
        }
        if let Value::Array(found) = page["documents"].take() {
            rows.extend(found);
        }
        match page["next"].as_str() {
            Some(next) => path = format!("{query}&cursor={next}"),
            None => break,
        }
    }
    if form.csv {
        print!("{}", csv(&rows));
    } else {
        println!("{}", table(&rows));
    }
    Ok(Code::Ok)
}

/// What is shown of a document, in this order.
const COLUMNS: [&str; 12] = [
    "centre",
    "kind",
    "number",
    "id",
    "destination",
    "purpose",
    "standing",
    "deadline",
    "paper_owed",
    "code",
    "reason",
    "next",
];

fn table(rows: &[Value]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(COLUMNS);
    for row in rows {
        table.add_row(COLUMNS.map(|column| cell(row, column)));
    }
    format!("{table}\n{} documents", rows.len())
}

fn csv(rows: &[Value]) -> String {
    let mut out = cells::line(&COLUMNS);
    for row in rows {
        out.push_str(&cells::line(&COLUMNS.map(|column| cell(row, column))));
    }
    out
}

fn cell(row: &Value, column: &str) -> String {
    row[column].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_a_table_and_a_spreadsheet() {
        let row = json!({
            "id": "7", "number": "000000101", "kind": "FSE", "centre": "750712184",
            "destination": "amo:017510000", "purpose": "real", "standing": "refused", "deadline": "2026-11-25",
            "paper_owed": "2026-11-28T23:00:00Z", "code": "A,12", "reason": "lapse", "next": null,
        });
        let csv = csv(std::slice::from_ref(&row));
        let lines: Vec<_> = csv.split("\r\n").collect();
        assert_eq!(lines[0], COLUMNS.join(","));
        assert_eq!(
            lines[1],
            "750712184,FSE,000000101,7,amo:017510000,real,refused,2026-11-25,2026-11-28T23:00:00Z,\"A,12\",lapse,"
        );
        let table = table(&[row]);
        assert!(
            table.contains("A,12") && table.ends_with("1 documents"),
            "{table}"
        );
    }
}
