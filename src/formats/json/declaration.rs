//! Declarations of paper sheets: `{"rows": [{"caisse": "017510000", "sheets": 12}]}`.
//!
//! Reading is strict: a declaration replaces a day that a rate stands on, so a key that is not known, a
//! caisse named twice or a number that is none refuses the whole.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::claims::entry::PaperRow;
use crate::claims::id::{Amo, Finess};
use crate::claims::time::Day;

/// Where a declaration is wrong: a JSON pointer (RFC 6901); empty means the whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the declaration is wrong at {pointer:?}")]
pub struct Faulty {
    /// The place.
    pub pointer: String,
}

/// A declaration in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeclarationText {
    rows: Vec<RowText>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowText {
    /// Régime (2), caisse (3) and centre (4).
    caisse: String,
    sheets: u32,
}

/// The answer to a declaration: the day as it is declared now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Declared {
    centre: String,
    day: String,
    sheets: u64,
    rows: Vec<RowText>,
}

/// Reads a declaration; its rows in the order of their caisses, so that the same rows are the same day.
///
/// # Errors
/// [`Faulty`], with the first place that is wrong.
pub fn read(bytes: &[u8]) -> Result<Vec<PaperRow>, Faulty> {
    let text: DeclarationText =
        serde_json::from_slice(bytes).map_err(|_| faulty(&misfit(bytes)))?;
    let mut seen = BTreeSet::new();
    let mut rows = Vec::with_capacity(text.rows.len());
    for (index, row) in text.rows.iter().enumerate() {
        let caisse = Amo::parse(&row.caisse).ok().filter(|amo| seen.insert(*amo));
        let caisse = caisse.ok_or_else(|| faulty(&format!("/rows/{index}/caisse")))?;
        let sheets = row.sheets;
        rows.push(PaperRow { caisse, sheets });
    }
    rows.sort_by_key(|row| row.caisse);
    Ok(rows)
}

/// The place of what is no declaration, as exactly as can be told: a key that is missing or not known is told by where
/// it is missing or stands, for its name is the caller's.
fn misfit(bytes: &[u8]) -> String {
    let Ok(Value::Object(declaration)) = serde_json::from_slice(bytes) else {
        return String::new();
    };
    let rows = match declaration.get("rows") {
        Some(Value::Array(rows)) if declaration.len() == 1 => rows,
        Some(Value::Array(_)) | None => return String::new(),
        Some(_) => return "/rows".to_owned(),
    };
    let misfits = rows.iter().enumerate().filter_map(|(index, row)| {
        let row = row.as_object();
        let of = |key| row.and_then(|row| row.get(key));
        let key = match (of("caisse"), of("sheets")) {
            (Some(caisse), Some(_)) if !caisse.is_string() => "/caisse",
            (Some(_), Some(sheets)) if !is_count(sheets) => "/sheets",
            (Some(_), Some(_)) if row.is_some_and(|row| row.len() == 2) => return None,
            (Some(_) | None, Some(_) | None) => "",
        };
        Some(format!("/rows/{index}{key}"))
    });
    misfits.take(1).collect()
}

fn is_count(value: &Value) -> bool {
    value
        .as_u64()
        .is_some_and(|count| u32::try_from(count).is_ok())
}

impl Declared {
    /// What is declared of a day.
    pub fn new(centre: Finess, day: Day, rows: &[PaperRow]) -> Declared {
        let text = |row: &PaperRow| RowText {
            caisse: row.caisse.to_string(),
            sheets: row.sheets,
        };
        Declared {
            centre: centre.to_string(),
            day: day.to_string(),
            sheets: rows.iter().map(|row| u64::from(row.sheets)).sum(),
            rows: rows.iter().map(text).collect(),
        }
    }
}

fn faulty(pointer: &str) -> Faulty {
    Faulty {
        pointer: pointer.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_is_read_strictly() {
        for (text, expected) in [
            (r#"{"rows": []}"#, Ok(vec![])),
            (
                r#"{"rows": [{"caisse": "017520000", "sheets": 1}, {"caisse": "017510000", "sheets": 0}]}"#,
                Ok(vec![("017510000", 0), ("017520000", 1)]),
            ),
            (r#"{}"#, Err("")),
            (r#"{"rows": [], "day": "2026-11-20"}"#, Err("")),
            (r#"{"rows": {}}"#, Err("/rows")),
            (r#"{"rows": [1]}"#, Err("/rows/0")),
            (r#"{"rows": [{"caisse": "017510000"}]}"#, Err("/rows/0")),
            (
                r#"{"rows": [{"caisse": "017510000", "sheets": -1}]}"#,
                Err("/rows/0/sheets"),
            ),
            (
                r#"{"rows": [{"caisse": "017510000", "sheets": 1.5}]}"#,
                Err("/rows/0/sheets"),
            ),
            (
                r#"{"rows": [{"caisse": "017510000", "sheets": 1}, {"caisse": "017520000", "sheets": 99999999999}]}"#,
                Err("/rows/1/sheets"),
            ),
            (
                r#"{"rows": [{"caisse": 17510000, "sheets": 1}]}"#,
                Err("/rows/0/caisse"),
            ),
            (
                r#"{"rows": [{"caisse": "017510000", "sheets": 1, "day": 1}]}"#,
                Err("/rows/0"),
            ),
            (
                r#"{"rows": [{"caisse": "01751", "sheets": 1}]}"#,
                Err("/rows/0/caisse"),
            ),
            (
                r#"{"rows": [{"caisse": "017510000", "sheets": 1}, {"caisse": "017510000", "sheets": 2}]}"#,
                Err("/rows/1/caisse"),
            ),
            ("sheets=1", Err("")),
        ] {
            let found = read(text.as_bytes());
            let expected = expected.map_err(faulty).map(|rows| {
                rows.into_iter()
                    .map(|(caisse, sheets)| PaperRow {
                        caisse: Amo::parse(caisse).unwrap(),
                        sheets,
                    })
                    .collect::<Vec<_>>()
            });
            assert_eq!(found, expected, "{text}");
        }
    }
}
