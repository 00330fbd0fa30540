//! What a claim is and what must happen to it: the law, the two state tables, the count.
//!
//! No IO, no async, no clock, no serde: everything here is a function of its arguments.

pub mod time;
pub mod id;
pub mod finding;
pub mod terms;
pub mod document;
pub mod registry;
pub mod routes;
pub mod calendar;
pub mod deadline;
pub mod receipt;
pub mod delivery;
pub mod outcome;
pub mod retry;
pub mod standing;
pub mod entry;
pub mod bearing;
pub mod commitment;
mod reason;
pub mod change;
pub mod tally;
pub mod rules;
pub mod lane;
pub mod canon;
pub mod audit;
pub mod fraction;
pub mod period;
pub mod agreement;
pub mod place;
pub mod loss;
pub mod rate;
pub mod obligation;
pub mod aggregate;
pub mod closing;
pub mod custody;
pub mod retention;
pub mod foundation;
pub mod statement;
pub mod reconcile;
pub mod forecast;
#[cfg(test)]
pub mod example;
