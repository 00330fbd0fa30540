//! The desk by its routes, over a ledger in memory that is filled by commands.

mod house;
mod described;
mod doors;
mod problems;
mod documents;
mod listing;
mod events;
mod replay;
mod statements;
mod registry;
mod steering;
mod retention;
mod custody;
mod evidence;
mod reconciling;
mod local;
