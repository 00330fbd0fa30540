//! What became of receipts and settlements that an insurer handed in, as the insurer sees it.

use serde::Serialize;

use crate::formats::json::finding::FindingText;

/// The answer to a push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pushed {
    /// One row an item, in order.
    pub items: Vec<Row>,
}

/// What became of one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The insurer's id of it; null when it could not be read.
    pub id: Option<String>,
    /// 200 recorded or known, 202 kept without a match, 403 foreign, 422 unreadable.
    pub status: u16,
    /// The same in a word.
    pub outcome: &'static str,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingText>,
}
