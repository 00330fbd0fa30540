//! The desk by its routes, over a ledger in memory that is filled by commands.

mod house;
mod doors;
mod documents;
mod steering;
mod local;
