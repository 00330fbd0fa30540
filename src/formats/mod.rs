//! Bytes to claims and back: documents, lots, receipts, answers.
//!
//! Pure: bytes in, values and findings out. No IO, and no nominative value in a finding.

pub mod xml;
pub mod lot;
pub mod json;
pub mod jws;
pub mod evidence;
pub mod tar;
pub mod cells;
pub mod figures;
pub mod statement;
pub mod registry;
