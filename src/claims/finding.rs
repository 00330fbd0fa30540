//! What a validation has to say about a document: where, how grave, and in which words.
//!
//! A finding names the place of a value and never the value itself: it is shown to people, logged and
//! counted, and a document's values are nominative.

use std::borrow::Cow;
use std::fmt;

/// One thing that is wrong, or worth knowing, about a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable code, for example `NIR_KEY`: the vendor's program may branch on it.
    pub code: &'static str,
    /// Whether it refuses the document.
    pub severity: Severity,
    /// Which of the three checks found it.
    pub layer: Layer,
    /// Where it is.
    pub place: Place,
    /// One sentence in French, without any value of the document.
    pub fr: Cow<'static, str>,
    /// The same sentence in English.
    pub en: Cow<'static, str>,
}

/// A position in a document as posted.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in characters (not bytes) of the decoded text.
    pub column: u32,
    /// Positional path, for example `/document/acts[1]/act[2]/fee`; an attribute is a last step `@name`.
    pub path: String,
}

/// Whether a finding refuses the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The document is turned away.
    Error,
    /// The document is admitted and the caller is told.
    Warning,
}

/// The check that made a finding, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Encoding, safety caps and XML well-formedness.
    WellFormed,
    /// The XSD.
    Structure,
    /// The business rules of `claims::rules`.
    Rule,
}

impl Severity {
    /// The word used in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

impl Layer {
    /// The word used in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Layer::WellFormed => "well-formed",
            Layer::Structure => "structure",
            Layer::Rule => "rule",
        }
    }
}

impl Finding {
    /// True when any of the findings refuses the document.
    pub fn refuses(findings: &[Finding]) -> bool {
        findings
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{} {}", self.line, self.column, self.path)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} {} at {}: {}",
            self.severity.as_str(),
            self.code,
            self.place,
            self.en
        )
    }
}
