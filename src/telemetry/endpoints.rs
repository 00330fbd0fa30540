//! Handles of everything that has an endpoint as a label, and which endpoints have one of their own.
//!
//! The exporter cannot remove a series, so labels are bounded whatever comes: those that are configured have one each,
//! up to a cap over the life of the process, and the first few others that the ledger still speaks of. Any other is
//! `other`.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use metrics::{Counter, Gauge};

use crate::claims::entry::OrphanCause;
use crate::claims::id::EndpointName;
use crate::telemetry::event::{Attempt, Item, Poll, Question};
use crate::telemetry::family;
use crate::telemetry::handles::{ByWord, Make};
use crate::telemetry::lane;
use crate::telemetry::reading::Stage;

/// The label of an endpoint that has none of its own.
const OTHER: &str = "other";

/// Endpoints with a label of their own, at most: more than there are insurers' front doors in the country, each with
/// some eighty series.
const LABELS: usize = 1024;

/// Endpoints among them that were not configured: those that left before a restart and still have lots.
const STRANGERS: usize = 32;

/// The handles of all endpoints.
pub(super) struct Endpoints {
    known: RwLock<Known>,
    other: Arc<Endpoint>,
}

#[derive(Default)]
struct Known {
    handles: BTreeMap<EndpointName, Arc<Endpoint>>,
    strangers: usize,
}

/// How revocation lists stand.
pub(super) struct ListGauges {
    pub(super) issued: Gauge,
    pub(super) until: Gauge,
}

/// Everything that has an endpoint as a label.
pub(super) struct Endpoint {
    pub(super) lots: Counter,
    pub(super) attempts: ByWord<Counter>,
    pub(super) questions: ByWord<Counter>,
    pub(super) breaker: Gauge,
    pub(super) certificate: Gauge,
    pub(super) lists: ListGauges,
    pub(super) alerts: ByWord<Counter>,
    pub(super) limit: Gauge,
    pub(super) receipts: ByWord<Counter>,
    pub(super) orphaned: ByWord<Counter>,
    pub(super) polls: ByWord<Counter>,
    pub(super) queue: ByWord<Gauge>,
    pub(super) oldest: Gauge,
    pub(super) overdue: Gauge,
}

impl Endpoints {
    /// These have labels of their own.
    pub(super) fn new(make: &Make<'_>, endpoints: &[EndpointName]) -> Endpoints {
        let handles = Endpoints {
            known: RwLock::default(),
            other: Arc::new(Endpoint::new(make, OTHER)),
        };
        // It stands for none that is configured.
        handles.other.leave();
        handles.name(make, endpoints);
        handles
    }

    /// Gives these endpoints labels of their own, their series at zero.
    pub(super) fn name<'a>(
        &self,
        make: &Make<'_>,
        endpoints: impl IntoIterator<Item = &'a EndpointName>,
    ) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for endpoint in endpoints {
            if known.handles.len() < LABELS && !known.handles.contains_key(endpoint) {
                let handles = Arc::new(Endpoint::new(make, endpoint.as_str()));
                known.handles.insert(endpoint.clone(), handles);
            }
        }
    }

    /// Every endpoint that has a label of its own.
    pub(super) fn named(&self) -> Vec<EndpointName> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.handles.keys().cloned().collect()
    }

    /// The handles of an endpoint; a stranger gets its own while there is room for it.
    pub(super) fn of(&self, make: &Make<'_>, endpoint: &EndpointName) -> Arc<Endpoint> {
        // A map of handles is whole whoever panicked.
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(handles) = known.handles.get(endpoint) {
            return Arc::clone(handles);
        }
        let is_full = known.strangers >= STRANGERS;
        drop(known);
        if is_full {
            return Arc::clone(&self.other);
        }
        self.name(make, [endpoint]);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.strangers += 1;
        let handles = known.handles.get(endpoint).unwrap_or(&self.other);
        handles.leave();
        Arc::clone(handles)
    }
}

impl ListGauges {
    pub(super) fn set(&self, issued: f64, until: f64) {
        self.issued.set(issued);
        self.until.set(until);
    }
}

impl Endpoint {
    /// It is not configured any more: nothing of it can expire, and whatever still goes there begins with a fresh lane.
    pub(super) fn leave(&self) {
        self.certificate.set(f64::INFINITY);
        self.lists.set(0.0, f64::INFINITY);
        self.breaker.set(0.0);
        self.limit.set(0.0);
    }

    fn new(make: &Make<'_>, name: &str) -> Endpoint {
        Endpoint {
            lots: make.counter(family::DELIVERY_LOTS, &[name]),
            attempts: make.counters(family::DELIVERY_ATTEMPTS, &[name], Attempt::WORDS),
            questions: make.counters(family::DELIVERY_QUESTIONS, &[name], Question::WORDS),
            breaker: make.gauge(family::DELIVERY_BREAKER, &[name]),
            certificate: make.gauge(family::DELIVERY_CERTIFICATE, &[name]),
            lists: ListGauges {
                issued: make.gauge(family::DELIVERY_LISTS_ISSUED, &[name]),
                until: make.gauge(family::DELIVERY_LISTS_UNTIL, &[name]),
            },
            alerts: make.counters(family::DELIVERY_ALERTS, &[name], lane::Alert::WORDS),
            limit: make.gauge(family::DELIVERY_LIMIT, &[name]),
            receipts: make.counters(family::RECEIPTS, &[name], Item::WORDS),
            orphaned: make.counters(
                family::RECEIPTS_ORPHANED,
                &[name],
                &OrphanCause::ALL.map(OrphanCause::as_str),
            ),
            polls: make.counters(family::RECEIPTS_POLLS, &[name], Poll::WORDS),
            queue: make.gauges(family::QUEUE_DOCUMENTS, &[name], Stage::WORDS),
            oldest: make.gauge(family::QUEUE_OLDEST, &[name]),
            overdue: make.gauge(family::RECEIPTS_OVERDUE, &[name]),
        }
    }
}
