//! Rates as a table for people.

use serde_json::Value;

/// Prints what the gateway answered.
pub fn print(answer: &Value) {
    println!("{answer:#}");
}
