//! The other side of the wire, to test against: an insurer that keeps its own book.
//!
//! It reads manifests and documents with small readers of its own, so that an error in the gateway's
//! writers is not repeated here; it uses `formats` only to write. It is never part of a field
//! installation, and what it composes is its own: no real insurer's format.

pub mod insurer;
