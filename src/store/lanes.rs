//! The lanes of all endpoints at work: changed by whoever sends, read by whoever tells why a lot waits. Services meet
//! at the store, so it stands here; the ledger knows nothing of it.
//!
//! It holds what the lanes are at present and nothing else: no lot is in it, and nothing of it is kept. A crash loses
//! it, and the next start begins with fresh lanes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::claims::entry::Next;
use crate::claims::id::EndpointName;
use crate::claims::lane::{Kind, Lane, Rules, breaker};
use crate::claims::time::Timestamp;

/// The lanes, made as endpoints are first seen.
#[derive(Debug, Default)]
pub struct Board {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Rules of their own.
    rules: BTreeMap<EndpointName, Rules>,
    lanes: BTreeMap<EndpointName, Lane>,
}

/// What a change did.
#[derive(Clone, Copy, Debug)]
pub struct Changed<T> {
    /// What the change gave.
    pub done: T,
    /// Where the lane stood; none if it is new.
    pub before: Option<Stand>,
    /// Where it stands.
    pub after: Stand,
}

/// Where a lane stands for attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stand {
    /// How many may run at once.
    pub limit: u32,
    /// Their breaker.
    pub breaker: breaker::State,
}

impl Board {
    /// No lane yet; these endpoints have rules of their own.
    pub fn new(rules: BTreeMap<EndpointName, Rules>) -> Board {
        let lanes = BTreeMap::new();
        Board {
            inner: Mutex::new(Inner { rules, lanes }),
        }
    }

    /// From now on these endpoints have rules of their own. Their lanes keep what they learned; that of an endpoint
    /// that left goes on by the rules that it had, for what may have arrived there.
    pub fn follow(&self, rules: BTreeMap<EndpointName, Rules>) {
        let mut inner = self.lock();
        for (endpoint, rules) in &rules {
            if let Some(lane) = inner.lanes.get_mut(endpoint) {
                lane.follow(rules.clone());
            }
        }
        inner.rules = rules;
    }

    /// Begins again with fresh lanes.
    pub fn clear(&self) {
        self.lock().lanes.clear();
    }

    /// Changes a lane. An endpoint without rules of its own goes by the others'.
    pub fn change<T>(
        &self,
        endpoint: &EndpointName,
        otherwise: &Rules,
        change: impl FnOnce(&mut Lane) -> T,
    ) -> Changed<T> {
        let mut inner = self.lock();
        let Inner { rules, lanes } = &mut *inner;
        let before = lanes.get(endpoint).map(Stand::of);
        let lane = lanes.entry(endpoint.clone()).or_insert_with(|| {
            let rules = rules.get(endpoint).unwrap_or(otherwise);
            Lane::new(rules.clone())
        });
        let done = change(lane);
        Changed {
            done,
            before,
            after: Stand::of(lane),
        }
    }

    /// Until when a lot that is due is held back by its endpoint, and why; none if the lane stands in nobody's way.
    pub fn hold(&self, endpoint: &EndpointName, at: Timestamp) -> Option<Next> {
        self.lock().lanes.get(endpoint)?.hold(Kind::Attempt, at)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic between two of a lane's own steps leaves a lane that still ends its waits.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stand {
    fn of(lane: &Lane) -> Stand {
        Stand {
            limit: lane.limit(Kind::Attempt),
            breaker: lane.breaker(Kind::Attempt),
        }
    }
}
