//! Intake on the store in memory: one request, one answer, held against `fixtures/answers` (`UPDATE=1` writes
//! them anew), and what the ledger holds after it.

mod house;
mod single;
mod lots;
mod returns;
mod limits;
mod described;
