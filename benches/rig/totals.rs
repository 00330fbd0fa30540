//! The sums of a run, from which ratios are printed: by the clock, and by the processor time of this process, which
//! stays what it is when the disk or others are slow.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use crate::cpu::taken;

/// What was done in each column, by how many worked at once.
#[derive(Default)]
pub struct Totals {
    begun: Cell<Duration>,
    columns: RefCell<BTreeMap<Column, Total>>,
}

#[derive(Default)]
struct Total {
    count: u64,
    took: Duration,
    processor: Duration,
}

/// A name, and how many worked at once.
pub type Column = (&'static str, u64);

impl Totals {
    /// A run begins.
    pub fn begin(&self) {
        self.begun.set(own());
    }

    /// Adds the run to its column, and gives its time back.
    pub fn add(&self, column: (&'static str, u64), took: Duration, count: u64) -> Duration {
        let mut columns = self.columns.borrow_mut();
        let total = columns.entry(column).or_default();
        total.count += count;
        total.took += took;
        total.processor += own().saturating_sub(self.begun.get());
        took
    }

    /// Prints how a column stands over another.
    pub fn print(&self, column: &'static str, peer: &'static str, workers: u64) {
        let columns = self.columns.borrow();
        let of = |name| columns.get(&(name, workers));
        let (Some(own), Some(other)) = (of(column), of(peer)) else {
            return;
        };
        let rate = |total: &Total| total.count as f64 / total.took.as_secs_f64();
        let each = |total: &Total| total.processor.as_micros() as f64 / total.count as f64;
        println!(
            "{workers} at once: {column} {:.0}/s over {peer} {:.0}/s = {:.2}; by processor {:.0} us each under {:.0} us = {:.2}",
            rate(own),
            rate(other),
            rate(own) / rate(other),
            each(own),
            each(other),
            each(other) / each(own),
        );
    }
}

fn own() -> Duration {
    taken("self", 11)
}
