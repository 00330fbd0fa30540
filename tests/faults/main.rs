//! The real program on a disk that loses power and fails: `disk.c`, preloaded under it. Nothing admitted is lost,
//! nothing is counted twice, and the gateway says how it is.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may fail by panic, read a clock and its own environment"
)]

#[path = "../it/account.rs"]
#[allow(dead_code, reason = "shared with the other tests of the real program")]
mod account;
#[path = "../it/gateway.rs"]
#[allow(dead_code, reason = "shared with the other tests of the real program")]
mod gateway;
#[path = "../it/insurer.rs"]
mod insurer;
#[path = "../it/stock.rs"]
#[allow(dead_code, reason = "shared with the other tests of the real program")]
mod stock;

mod disk;

mod clearing;
mod damage;
mod failing;
mod midway;
mod power_cut;
mod syncs;
