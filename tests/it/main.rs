//! The real program as its users meet it: real processes, real TLS with certificates made for the run, signals.
//! A line of WARN or ERROR that a test did not announce fails it.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may fail by panic and read a clock"
)]

mod account;
mod gateway;
mod insurer;
mod stock;

mod cleared;
mod command_line;
mod endpoints;
mod conformance;
mod evidence;
mod hand;
mod keys;
mod kill;
mod limits;
mod load;
mod opening;
mod operating;
mod readme;
mod receipts;
mod registry;
mod restore;
mod retention;
mod renewal;
mod road;
mod statements;
mod reconciliation;
mod webhooks;
