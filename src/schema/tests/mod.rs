//! Tests of the room as a whole: each fault is one finding, at its place.

mod structure;
mod form;
mod refusals;
mod streaming;

use super::{Limits, Reading, Schema, Source, read};

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
