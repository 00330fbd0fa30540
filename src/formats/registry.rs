//! Tables of registrations, as CSV: the rows and where they begin. What the fields mean is for `config` to say. And what
//! is wrong with registrations, in words.
//!
//! The first row names the columns, in any order; `,` or `;` between fields. A table is read whole, and rows that
//! are no rows are told beside the others, so that all faults can be said at once.

use std::collections::BTreeMap;

use csv::{ReaderBuilder, StringRecord};

use crate::claims::document::AgreementId;
use crate::claims::registry::{Found, Registration};
use crate::formats::json::problem::FaultText;

/// A registration, and where it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lined {
    /// Its line, from 1; none where it cannot be told.
    pub line: Option<u64>,
    /// What it states.
    pub registration: Registration,
}

/// A row of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Its line in the file, from 1.
    pub line: u64,
    /// Fields that are not empty, by the name of their column.
    pub fields: Vec<(String, String)>,
}

/// A line that cannot be read as a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The line, from 1.
    pub line: u64,
    /// Why, for people.
    pub reason: &'static str,
}

impl Lined {
    /// What is wrong with a key of it.
    pub fn fault(&self, key: &str, reason: &str) -> FaultText {
        let registration = &self.registration;
        let (kind, from) = (registration.kind().as_str(), registration.span().from);
        FaultText {
            place: format!("{kind} {} from {from}: {key}", registration.id()),
            reason: match self.line {
                Some(line) => format!("line {line}: {reason}"),
                None => reason.to_owned(),
            },
        }
    }
}

impl Row {
    /// The text of a column; none where it is empty.
    pub fn get(&self, column: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(name, _)| name == column);
        field.map(|(_, text)| text.as_str())
    }
}

/// What does not hold together, each with its place; where it was just read, with its line.
pub fn texts(flaws: &[Found], read: &[Lined]) -> Vec<FaultText> {
    let lines: BTreeMap<_, _> = read
        .iter()
        .filter_map(|lined| {
            let registration = &lined.registration;
            let from = registration.span().from;
            Some(((registration.kind(), registration.id(), from), lined.line?))
        })
        .collect();
    let text = |found: &Found| {
        let Found {
            kind,
            id,
            from,
            flaw,
        } = found;
        let place = format!("{} {id} from {from}: {}", kind.as_str(), flaw.key());
        let reason = match lines.get(&(*kind, id.clone(), *from)) {
            Some(line) => format!("line {line}: {flaw}"),
            None => flaw.to_string(),
        };
        FaultText { place, reason }
    };
    flaws.iter().map(text).collect()
}

/// The centres under an agreement that nobody knows: they would have no rate.
pub fn unknown_agreements(
    read: &[Lined],
    is_known: impl Fn(&AgreementId) -> bool,
) -> Vec<FaultText> {
    let unknown = read.iter().filter(|lined| match &lined.registration {
        Registration::Centre(centre) => !is_known(&centre.agreement),
        Registration::Gestionnaire(_) | Registration::Caisse(_) | Registration::Endpoint(_) => {
            false
        }
    });
    let reason = "no agreement of the configuration has this id";
    unknown
        .map(|lined| lined.fault("agreement", reason))
        .collect()
}

/// The columns of a table.
pub fn header(text: &str) -> Vec<String> {
    let mut record = StringRecord::new();
    // What cannot be read has no columns.
    let _ = reader(without_mark(text)).read_record(&mut record);
    names(&record)
}

/// The rows of a table with these columns, and the lines that are none.
pub fn rows(text: &str, columns: &[&str]) -> (Vec<Row>, Vec<Malformed>) {
    let text = without_mark(text);
    let mut reader = reader(text);
    let (mut rows, mut malformed, mut names) = (Vec::new(), Vec::new(), None);
    let (mut record, mut lines) = (StringRecord::new(), Lines::default());
    while reader.read_record(&mut record).unwrap_or(false) {
        let line = lines.of(text, &record);
        match &names {
            None => names = Some(names_of(&record, columns, &mut malformed)),
            Some(names) if names.len() != record.len() => malformed.push(Malformed {
                line,
                reason: "the row has another number of fields than the header",
            }),
            Some(names) => rows.push(Row {
                line,
                fields: names
                    .iter()
                    .cloned()
                    .zip(record.iter().map(|field| field.trim().to_owned()))
                    .filter(|(_, field)| !field.is_empty())
                    .collect(),
            }),
        }
    }
    (rows, malformed)
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn reader(text: &str) -> csv::Reader<&[u8]> {
    let header = text.lines().next().unwrap_or_default();
    let delimiter = if header.contains(';') { b';' } else { b',' };
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes())
}

fn names(record: &StringRecord) -> Vec<String> {
    record.iter().map(|name| name.trim().to_owned()).collect()
}

fn names_of(
    record: &StringRecord,
    columns: &[&str],
    malformed: &mut Vec<Malformed>,
) -> Vec<String> {
    let names = names(record);
    let mut fault = |reason| malformed.push(Malformed { line: 1, reason });
    if names.iter().any(|name| !columns.contains(&name.as_str())) {
        fault("the header has a column that is not known");
    }
    if names
        .iter()
        .enumerate()
        .any(|(at, name)| names[..at].contains(name))
    {
        fault("the header has a column twice");
    }
    names
}

/// Line numbers of rows, which only grow. The reader takes CR LF for the end of a line and the beginning of the
/// next, so lines are counted here.
#[derive(Default)]
struct Lines {
    at: usize,
    passed: u64,
}

impl Lines {
    fn of(&mut self, text: &str, record: &StringRecord) -> u64 {
        let start = record.position().map_or(0, csv::Position::byte);
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let rest = text.get(start..).unwrap_or_default();
        let blank = rest.len() - rest.trim_start_matches(['\r', '\n']).len();
        let to = start.saturating_add(blank);
        let between = text.as_bytes().get(self.at..to).unwrap_or_default();
        let ends = between.iter().filter(|byte| **byte == b'\n').count();
        self.passed += u64::try_from(ends).unwrap_or(u64::MAX);
        self.at = to;
        self.passed + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_line_whatever_ends_it() {
        for text in [
            "a,b\n1,2\n\n3,\n",
            "a;b\r\n1;2\r\n\r\n3;\r\n",
            "\u{feff}b,a\n2,1\n\n,3\n",
        ] {
            let (rows, malformed) = rows(text, &["a", "b"]);
            assert_eq!(malformed, []);
            let found: Vec<_> = rows
                .iter()
                .map(|row| (row.line, row.get("a"), row.get("b")))
                .collect();
            assert_eq!(
                found,
                [(2, Some("1"), Some("2")), (4, Some("3"), None)],
                "{text:?}"
            );
        }
    }

    #[test]
    fn what_is_no_row_is_told_beside_the_others() {
        let (rows, malformed) = rows("a,a,c\n1,2\n1,2,3\n", &["a", "b"]);
        assert_eq!(rows.len(), 1);
        let lines: Vec<_> = malformed.iter().map(|one| one.line).collect();
        assert_eq!(lines, [1, 1, 2]);
    }
}
