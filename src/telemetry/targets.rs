//! Handles of everything that has a webhook's target as a label. Targets are those of the configuration, which may change
//! while the gateway runs; the exporter cannot remove a series, so beyond a cap one more is `other`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge};

use crate::claims::id::Name;
use crate::telemetry::event::Telling;
use crate::telemetry::family;
use crate::telemetry::handles::{ByWord, Make};

/// The label of a target that has none of its own.
const OTHER: &str = "other";

/// Targets with a label of their own over the life of the process, at most: each has some seven series.
const LABELS: usize = 256;

/// The handles of all targets.
#[derive(Default)]
pub(super) struct Targets {
    known: Mutex<BTreeMap<Name, Arc<Target>>>,
}

/// Everything that has a target as a label.
pub(super) struct Target {
    pub(super) requests: ByWord<Counter>,
    pub(super) behind: Gauge,
}

impl Targets {
    /// The handles of a target; they are made at zero when it is first named.
    pub(super) fn of(&self, make: &Make<'_>, target: &Name) -> Arc<Target> {
        // A map of handles is whole whoever panicked.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handles) = known.get(target) {
            return Arc::clone(handles);
        }
        if known.len() >= LABELS {
            return Arc::new(Target::new(make, OTHER));
        }
        let handles = Arc::new(Target::new(make, target.as_str()));
        known.insert(target.clone(), Arc::clone(&handles));
        handles
    }
}

impl Target {
    fn new(make: &Make<'_>, name: &str) -> Target {
        Target {
            requests: make.counters(family::WEBHOOK_REQUESTS, &[name], Telling::WORDS),
            behind: make.gauge(family::WEBHOOK_BEHIND, &[name]),
        }
    }
}
