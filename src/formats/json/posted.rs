//! What became of posted documents, as callers see it.

use serde::Serialize;

use crate::formats::json::finding::FindingText;
use crate::formats::json::problem::Problem;

/// A document that is in the ledger: the answer to a single post.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Our id.
    pub id: String,
    /// Its number, as posted.
    pub number: String,
    /// Its kind.
    pub kind: &'static str,
    /// Its standing now.
    pub standing: &'static str,
    /// The last day on which it can be transmitted in time, for kinds that have one.
    pub deadline: Option<String>,
    /// Findings that do not refuse it.
    pub warnings: Vec<FindingText>,
}

/// The answer to a cancellation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cancelled {
    /// Our id.
    pub id: String,
    /// Its number, as posted.
    pub number: String,
    /// Its kind.
    pub kind: &'static str,
    /// `cancelled`.
    pub standing: &'static str,
}

/// The answer to a lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lot {
    /// One row a document, in order.
    pub documents: Vec<Row>,
}

/// What became of one document of a lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its number as posted; null when it could not be read.
    pub number: Option<String>,
    /// Its kind; null when it could not be read.
    pub kind: Option<&'static str>,
    /// The status that it would have had alone; 424 when only the others stand against it.
    pub status: u16,
    /// Our id, when it is in the ledger.
    pub id: Option<String>,
    /// Its standing, when it is in the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<&'static str>,
    /// The last day on which it can be transmitted in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// All findings, warnings included.
    pub findings: Vec<FindingText>,
    /// How many more it has, where the answer to its lot holds no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings_left_out: Option<usize>,
    /// Why it is not in the ledger; its findings stand in the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Box<Problem>>,
}

/// The answer to a validation: nothing was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Validation {
    /// Whether no finding refuses it.
    pub valid: bool,
    /// Its kind; null when it could not be read.
    pub kind: Option<&'static str>,
    /// Its number; null when it could not be read.
    pub number: Option<String>,
    /// The last day on which it can be transmitted in time; null when refused, or for kinds without one.
    pub deadline: Option<String>,
    /// All findings.
    pub findings: Vec<FindingText>,
}
