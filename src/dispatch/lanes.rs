//! The lanes of all endpoints, shared by the loop and what it has begun.
//!
//! The rules are those of `claims::lane`; here they meet the clock and the metrics. Whatever begins holds a place,
//! and gives it back however it ends, a panic included. Nothing here is kept: a restart begins with fresh lanes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::claims::entry::Next;
use crate::claims::id::EndpointName;
use crate::claims::lane::{Kind, Lane, Room, Rules, Signal, Slot, breaker};
use crate::claims::time::Timestamp;
use crate::clock::Clock;
use crate::telemetry::Telemetry;
use crate::telemetry::event::{Breaker, Event};
use crate::telemetry::lane;

/// The lanes, made as endpoints are first seen.
pub(super) struct Lanes {
    rules: Arc<BTreeMap<EndpointName, Rules>>,
    otherwise: Rules,
    clock: Arc<dyn Clock>,
    telemetry: Arc<Telemetry>,
    lanes: Mutex<BTreeMap<EndpointName, Lane>>,
}

/// A place in a lane: given back when it is dropped.
pub(super) struct Place {
    lanes: Arc<Lanes>,
    endpoint: EndpointName,
    slot: Option<Slot>,
}

impl Lanes {
    /// No lane yet; an endpoint without rules of its own goes by the others'.
    pub(super) fn new(
        rules: Arc<BTreeMap<EndpointName, Rules>>,
        otherwise: Rules,
        clock: Arc<dyn Clock>,
        telemetry: Arc<Telemetry>,
    ) -> Lanes {
        Lanes {
            rules,
            otherwise,
            clock,
            telemetry,
            lanes: Mutex::default(),
        }
    }

    /// Whether something may go to an endpoint.
    pub(super) fn room(&self, endpoint: &EndpointName, kind: Kind, at: Timestamp) -> Room {
        self.change(endpoint, |lane| lane.room(kind, at))
    }

    /// From when on something may go to an endpoint, as far as its hours and its own word say.
    pub(super) fn opens(&self, endpoint: &EndpointName, at: Timestamp) -> Timestamp {
        self.change(endpoint, |lane| lane.closed(at))
            .map_or(at, |next| next.at)
    }

    /// Something goes.
    pub(super) fn begin(
        self: &Arc<Self>,
        endpoint: &EndpointName,
        kind: Kind,
        at: Timestamp,
    ) -> Place {
        Place {
            slot: Some(self.change(endpoint, |lane| lane.begin(kind, at))),
            lanes: Arc::clone(self),
            endpoint: endpoint.clone(),
        }
    }

    /// Changes a lane, and tells of its moves.
    fn change<T>(&self, endpoint: &EndpointName, change: impl FnOnce(&mut Lane) -> T) -> T {
        let mut lanes = self.lock();
        let mut fresh = false;
        let lane = lanes.entry(endpoint.clone()).or_insert_with(|| {
            fresh = true;
            Lane::new(self.rules.get(endpoint).unwrap_or(&self.otherwise).clone())
        });
        let before = (lane.limit(), lane.breaker());
        let done = change(lane);
        let after = (lane.limit(), lane.breaker());
        drop(lanes);
        if fresh || before.0 != after.0 {
            let attempts = after.0;
            let moved = lane::Event::LimitMoved { endpoint, attempts };
            self.telemetry.record(Event::Lane(moved));
        }
        if before.1 != after.1 {
            let state = breaker_word(after.1);
            self.telemetry
                .record(Event::BreakerMoved { endpoint, state });
        }
        done
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<EndpointName, Lane>> {
        // A panic between two of a lane's own steps leaves a lane that still ends its waits.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// What the exchange says of the endpoint; and until when and why what failed is held back, if it is.
    pub(super) fn hear(&mut self, signal: Signal, at: Timestamp) -> Option<Next> {
        let slot = self.slot.as_mut()?;
        self.lanes.change(&self.endpoint, |lane| {
            lane.hear(slot, signal, at);
            lane.hold(at)
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            let at = self.lanes.clock.now();
            self.lanes.change(&self.endpoint, |lane| lane.end(slot, at));
        }
    }
}

fn breaker_word(state: breaker::State) -> Breaker {
    match state {
        breaker::State::Closed => Breaker::Closed,
        breaker::State::HalfOpen => Breaker::HalfOpen,
        breaker::State::Open => Breaker::Open,
    }
}
