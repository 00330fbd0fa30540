//! Bytes to claims and back. Pure: `&[u8]` in, value and findings out; no IO, no clock.

pub mod lot;
pub mod json;
