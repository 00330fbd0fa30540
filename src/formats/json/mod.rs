//! The JSON of the wire contract: the manifest that we write, the answers that insurers write, and an insurer's
//! refusal as it is kept.

pub mod manifest;
pub mod refusal;
pub mod answer;
