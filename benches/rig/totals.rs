//! The sums of a run, from which ratios are printed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

/// Time and pieces of work of each column, by how many worked at once.
#[derive(Default)]
pub struct Totals(RefCell<BTreeMap<Column, (Duration, u64)>>);

/// A name, and how many worked at once.
pub type Column = (&'static str, u64);

impl Totals {
    /// Adds a run to its column, and gives its time back.
    pub fn add(&self, column: (&'static str, u64), took: Duration, count: u64) -> Duration {
        let mut totals = self.0.borrow_mut();
        let total = totals.entry(column).or_default();
        total.0 += took;
        total.1 += count;
        took
    }

    /// Prints how a column stands over another.
    pub fn print(&self, column: &'static str, peer: &'static str, workers: u64) {
        let totals = self.0.borrow();
        let rate = |column| {
            let (took, count) = totals.get(&(column, workers))?;
            Some(*count as f64 / took.as_secs_f64())
        };
        if let (Some(own), Some(other)) = (rate(column), rate(peer)) {
            let ratio = own / other;
            println!(
                "{workers} at once: {column} {own:.0}/s over {peer} {other:.0}/s = {ratio:.2}"
            );
        }
    }
}
