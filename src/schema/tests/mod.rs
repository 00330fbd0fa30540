//! Tests of the room as a whole: each fault is one finding, at its place.

mod structure;
mod form;
mod refusals;
mod streaming;
mod scan;

use super::{CODES, Limits, Reading, Schema, Source, read};

pub(super) const XSD: &str = include_str!("sample.xsd");
pub(super) const XML: &str = include_str!("sample.xml");

pub(super) fn schema() -> Schema {
    Schema::compile(&[Source {
        name: "sample.xsd",
        xsd: XSD,
    }])
    .unwrap()
}

/// The findings of a document, each as `CODE line:column path`.
pub(super) fn findings(schema: &Schema, bytes: &[u8]) -> Vec<String> {
    lines(&read(bytes, schema, &Limits::default(), &mut ()))
}

pub(super) fn lines(reading: &Reading<'_>) -> Vec<String> {
    let line =
        |finding: &crate::claims::finding::Finding| format!("{} {}", finding.code, finding.place);
    reading.findings.iter().map(line).collect()
}

/// The sample with one thing changed; what is to be changed must be there exactly once.
pub(super) fn edited(from: &str, to: &str) -> String {
    assert_eq!(XML.matches(from).count(), 1, "{from}");
    XML.replace(from, to)
}

#[test]
fn every_code_is_tested_and_has_words_in_both_languages() {
    let shown = [structure::codes(), form::codes()].concat();
    let mut known: Vec<&str> = CODES.iter().map(|code| code.as_str()).collect();
    for code in CODES {
        assert!(
            shown.contains(&code.as_str()),
            "no row shows {}",
            code.as_str()
        );
        assert!(!code.fr().is_empty() && !code.en().is_empty());
    }
    known.sort_unstable();
    known.dedup();
    assert_eq!(known.len(), CODES.len(), "two codes of one text");
}
