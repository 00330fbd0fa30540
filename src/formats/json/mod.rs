//! The JSON of the wire contract: the manifest that we write, the answers that insurers write.

pub mod manifest;
pub mod answer;
