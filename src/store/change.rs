//! DocumentChanges of documents, read from the ledger in its order, and how far was read.

use crate::claims::change::Change;
use crate::claims::entry::Position;

/// What an entry changed about documents, and how far was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentChanges {
    /// Everything up to here was looked at, whether it changed a document or not.
    pub upto: Position,
    /// In the order of the ledger.
    pub changes: Vec<Change>,
}
