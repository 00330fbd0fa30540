//! A finding as callers see it: its place, never a value.

use std::borrow::Cow;

use serde::Serialize;

use crate::claims::finding::Finding;

/// One finding, in answers and in `bordereau validate --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FindingText {
    /// Stable code; a program may branch on it.
    pub code: &'static str,
    /// `error` refuses, `warning` does not.
    pub severity: &'static str,
    /// `well-formed`, `structure` or `rule`.
    pub layer: &'static str,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
    /// Positional path.
    pub path: String,
    /// One sentence in French.
    pub fr: Cow<'static, str>,
    /// The same in English.
    pub en: Cow<'static, str>,
}

impl FindingText {
    /// Each finding as callers see it.
    pub fn all(findings: &[Finding]) -> Vec<FindingText> {
        findings.iter().map(FindingText::from).collect()
    }
}

impl From<&Finding> for FindingText {
    fn from(finding: &Finding) -> FindingText {
        FindingText {
            code: finding.code,
            severity: finding.severity.as_str(),
            layer: finding.layer.as_str(),
            line: finding.place.line,
            column: finding.place.column,
            path: finding.place.path.clone(),
            fr: finding.fr.clone(),
            en: finding.en.clone(),
        }
    }
}
