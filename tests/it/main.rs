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

mod command_line;
mod conformance;
mod hand;
mod kill;
mod load;
mod operating;
mod readme;
mod receipts;
mod restore;
mod renewal;
mod road;
mod webhooks;
