//! A change of a document as it is told to centres: in the stream of events and to webhooks. Ids, facts of the
//! number, standing and code; never a value of the document, never an insurer's text.

use serde::Serialize;

use crate::claims::change::Change;
use crate::claims::document::Purpose;

/// A change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeText {
    /// The entry.
    pub position: u64,
    /// When it was decided.
    pub at: String,
    /// Our id of the document.
    pub id: String,
    /// Its number, as posted.
    pub number: String,
    /// Its kind.
    pub kind: &'static str,
    /// Its centre.
    pub centre: String,
    /// `real` or `test`.
    pub purpose: &'static str,
    /// What happened.
    pub event: &'static str,
    /// The standing after it.
    pub standing: &'static str,
    /// The insurer's code.
    pub code: Option<String>,
}

/// What one request to a webhook holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The target's name in the configuration.
    pub target: String,
    /// In the order of the ledger.
    pub events: Vec<ChangeText>,
}

impl From<&Change> for ChangeText {
    fn from(change: &Change) -> ChangeText {
        ChangeText {
            position: change.position.0,
            at: change.at.to_string(),
            id: change.document.to_string(),
            number: change.key.number.to_string(),
            kind: change.key.kind.as_str(),
            centre: change.key.centre.to_string(),
            purpose: match change.purpose {
                Purpose::Real => "real",
                Purpose::Test => "test",
            },
            event: change.what.as_str(),
            standing: change.standing.as_str(),
            code: change.code.as_ref().map(ToString::to_string),
        }
    }
}

impl Told {
    /// Its bytes.
    pub fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts, numbers and lists can be written")
    }
}
