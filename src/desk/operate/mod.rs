//! The operators' hands: each order names who gives it and why, and is an entry of the ledger, or writes none.
//!
//! Nothing here is open to centres or insurers. It never changes what was counted, sent or heard.

pub(super) mod anchor;
pub(super) mod backup;
pub(super) mod hand;
pub(super) mod keys;
pub(super) mod orphans;
pub(super) mod replay;
pub(super) mod restoration;
pub(super) mod retention;
pub(super) mod traces;
pub mod verify;
