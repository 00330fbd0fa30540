//! JSON: the wire contract with insurers (the manifest that we write, the answers that they write, a refusal
//! as it is kept), and what the gateway answers to centres and insurers who call it.

pub mod manifest;
pub mod refusal;
pub mod answer;
pub mod change;
pub mod finding;
pub mod problem;
pub mod posted;
pub mod declaration;
pub mod pushed;
#[cfg(test)]
pub(crate) mod described;
