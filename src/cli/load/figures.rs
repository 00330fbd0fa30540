//! What a run that holds shows.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::Shape;
use super::arrivals::Arrivals;
use super::world::Used;
use crate::claims::time::Timestamp;
use crate::simulator::insurer;

/// The figures.
pub(super) struct Figures {
    documents: usize,
    /// From the first instant to the last answer.
    arrived: Duration,
    /// From the first instant until everything was counted.
    took: Duration,
    /// From the instant of a post to its answer.
    answers: Spread,
    /// From the instant of a document to its taking by the insurer.
    takings: Spread,
    /// The same of the documents for the other insurers than the first, which alone has a plan of faults.
    elsewhere: Spread,
    /// From the end of the first insurer's last spell until it had taken everything that had arrived by then.
    drained: Option<Duration>,
    /// Posts that were made again.
    repeated: u64,
    cpu: Duration,
    memory: u64,
}

/// A spread of durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Spread {
    half: Duration,
    most: Duration,
    longest: Duration,
}

impl Figures {
    pub(super) fn new(
        arrivals: &Arrivals,
        insurers: &[insurer::Handle],
        arrived: Duration,
        took: Duration,
        before: Used,
        after: Used,
    ) -> Figures {
        let by_insurer: Vec<Vec<Taking>> = insurers
            .iter()
            .map(|insurer| takings(arrivals, insurer))
            .collect();
        let waits = |of: &[Vec<Taking>]| {
            let all = of.iter().flatten().map(|taking| taking.wait());
            Spread::of(all.collect())
        };
        let first = by_insurer.first().map_or(&[][..], Vec::as_slice);
        let recovers = insurers.first().and_then(insurer::Handle::recovers);
        Figures {
            documents: arrivals.admitted.len(),
            arrived,
            took,
            answers: Spread::of(arrivals.answered.clone()),
            takings: waits(&by_insurer),
            elsewhere: waits(by_insurer.get(1..).unwrap_or_default()),
            drained: recovers.and_then(|recovers| drained(first, recovers)),
            repeated: arrivals.repeated,
            cpu: after.cpu.saturating_sub(before.cpu),
            memory: after.memory,
        }
    }

    /// As JSON: seconds, bytes.
    pub(super) fn json(&self, shape: Shape) -> Value {
        let spread = |spread: Spread| {
            json!({
                "p50": spread.half.as_secs_f64(),
                "p99": spread.most.as_secs_f64(),
                "longest": spread.longest.as_secs_f64(),
            })
        };
        json!({
            "centres": shape.centres,
            "documents": self.documents,
            "rate": shape.rate,
            "lot": shape.lot,
            "posted_seconds": self.arrived.as_secs_f64(),
            "counted_seconds": self.took.as_secs_f64(),
            "counted_per_second": self.per_second(),
            "answer_seconds": spread(self.answers),
            "insurer_seconds": spread(self.takings),
            "other_insurers_seconds": spread(self.elsewhere),
            "drained_seconds": self.drained.map(|drained| drained.as_secs_f64()),
            "repeated_posts": self.repeated,
            "cpu_seconds_per_1000": self.cpu_per_thousand(),
            "peak_memory_bytes": self.memory,
        })
    }

    /// By how much a drain after the outage missed a bound of so many seconds; one that was not seen is not within it.
    pub(super) fn missed(&self, most: u32) -> Option<String> {
        let Some(drained) = self.drained else {
            return Some(
                "no outage ended while documents arrived, so no drain was seen".to_owned(),
            );
        };
        (drained > Duration::from_secs(u64::from(most))).then(|| {
            let seconds = drained.as_secs_f64();
            format!(
                "what had waited was taken {seconds:.1} s after the outage, and {most} s were given"
            )
        })
    }

    /// The 99th percentile until the book of another insurer than the first.
    pub(super) fn p99_elsewhere(&self) -> Duration {
        self.elsewhere.most
    }

    fn per_second(&self) -> f64 {
        self.documents as f64 / self.took.as_secs_f64().max(1e-9)
    }

    fn cpu_per_thousand(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e3 / self.documents.max(1) as f64
    }
}

/// A document's instant, and when it was taken.
struct Taking {
    due: Timestamp,
    at: Timestamp,
}

impl Taking {
    fn wait(&self) -> Duration {
        self.at.since(self.due)
    }
}

/// What one insurer took of what arrived.
fn takings(arrivals: &Arrivals, insurer: &insurer::Handle) -> Vec<Taking> {
    insurer.read_book(|book| {
        let takings = arrivals.admitted.iter().filter_map(|admitted| {
            let (_, taken) = book.find(admitted.id)?;
            Some(Taking {
                due: admitted.due,
                at: taken.at,
            })
        });
        takings.collect()
    })
}

/// From an instant until the last document was taken that had arrived by then; none if nothing had.
fn drained(takings: &[Taking], recovers: Timestamp) -> Option<Duration> {
    let waiting = takings.iter().filter(|taking| taking.due <= recovers);
    let last = waiting.map(|taking| taking.at).max()?;
    Some(last.since(recovers))
}

impl Spread {
    fn of(mut all: Vec<Duration>) -> Spread {
        all.sort_unstable();
        let at = |share: usize| {
            let place = (all.len() * share).div_ceil(100).saturating_sub(1);
            all.get(place).copied().unwrap_or_default()
        };
        Spread {
            half: at(50),
            most: at(99),
            longest: at(100),
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{} documents arrived in {:.1} s and were counted on their receipts after {:.1} s ({:.0} a second)",
            self.documents,
            self.arrived.as_secs_f64(),
            self.took.as_secs_f64(),
            self.per_second(),
        )?;
        writeln!(out, "until the answer:       {}", self.answers)?;
        writeln!(out, "until the insurer's book: {}", self.takings)?;
        writeln!(out, "at the insurers without faults: {}", self.elsewhere)?;
        if let Some(drained) = self.drained {
            let seconds = drained.as_secs_f64();
            writeln!(
                out,
                "after the outage what had waited was taken within {seconds:.1} s"
            )?;
        }
        if self.repeated > 0 {
            writeln!(out, "posts made again:       {}", self.repeated)?;
        }
        writeln!(
            out,
            "the gateway used {:.2} CPU seconds for 1000 documents and at most {} MiB",
            self.cpu_per_thousand(),
            self.memory >> 20,
        )?;
        writeln!(
            out,
            "right: every document is with its insurer once, byte for byte; numerators, queue and the three \
             counts agree"
        )
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |span: Duration| span.as_secs_f64() * 1e3;
        write!(
            out,
            "p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
            milliseconds(self.half),
            milliseconds(self.most),
            milliseconds(self.longest),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_drained_when_the_last_of_what_waited_is_taken() {
        let taking = |due, at| Taking {
            due: Timestamp::from_micros(due),
            at: Timestamp::from_micros(at),
        };
        let recovers = Timestamp::from_micros(100);
        let waited = [
            taking(10, 20),
            taking(90, 130),
            taking(99, 120),
            taking(101, 900),
        ];
        assert_eq!(drained(&waited, recovers), Some(Duration::from_micros(30)));
        // What was taken before does not wait for the end.
        assert_eq!(drained(&waited[..1], recovers), Some(Duration::ZERO));
        assert_eq!(drained(&waited[3..], recovers), None);
    }

    #[test]
    fn a_spread_is_that_of_the_nearest_rank() {
        let all = |count: u64| (1..=count).map(Duration::from_millis).collect();
        let ms = Duration::from_millis;
        let spread = |half, most, longest| Spread {
            half: ms(half),
            most: ms(most),
            longest: ms(longest),
        };
        assert_eq!(Spread::of(all(100)), spread(50, 99, 100));
        assert_eq!(Spread::of(all(1)), spread(1, 1, 1));
        assert_eq!(Spread::of(all(3)), spread(2, 3, 3));
        assert_eq!(Spread::of(Vec::new()), Spread::default());
    }
}
