//! The other side of the wire, to test against: an insurer that keeps its own book, and a gateway that puts a real
//! insurer to the test.
//!
//! The insurer reads manifests and documents with small readers of its own, so that an error in the gateway's
//! writers is not repeated here; it uses `formats` only to write. Neither is part of a field
//! installation, and what they compose is their own: no real insurer's format.

pub mod insurer;
pub mod conformance;
