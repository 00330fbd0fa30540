//! The lanes of all endpoints, shared by the loop and what it has begun.
//!
//! The rules are those of `claims::lane`; here they meet the clock and the metrics. Whatever begins holds a place,
//! and gives it back however it ends, a panic included. Nothing here is kept: a restart begins with fresh lanes.

use std::sync::Arc;

use crate::claims::entry::{Next, Reason};
use crate::claims::id::EndpointName;
use crate::claims::lane::{Kind, Lane, MayGo, Rules, Signal, Slot, breaker};
use crate::claims::time::Timestamp;
use crate::clock::Clock;
use crate::store::lanes::{Board, Changed, Stand};
use crate::telemetry::Telemetry;
use crate::telemetry::event::Event;
use crate::telemetry::lane;

/// The lanes, made as endpoints are first seen.
pub(super) struct Lanes {
    board: Arc<Board>,
    otherwise: Rules,
    clock: Arc<dyn Clock>,
    telemetry: Arc<Telemetry>,
}

/// A place in a lane: given back when it is dropped.
pub(super) struct Place {
    lanes: Arc<Lanes>,
    /// The lane in which it began: the endpoint may have another name when it ends.
    lane: u64,
    slot: Option<Slot>,
}

impl Lanes {
    /// Fresh lanes on the board; an endpoint without rules of its own goes by the others'.
    pub(super) fn new(
        board: Arc<Board>,
        otherwise: Rules,
        clock: Arc<dyn Clock>,
        telemetry: Arc<Telemetry>,
    ) -> Lanes {
        board.clear();
        Lanes {
            board,
            otherwise,
            clock,
            telemetry,
        }
    }

    /// Whether something may go to an endpoint.
    pub(super) fn may_go(&self, endpoint: &EndpointName, kind: Kind, at: Timestamp) -> MayGo {
        self.change(endpoint, |lane| lane.may_go(kind, at)).done
    }

    /// What comes first at an endpoint where lots are due and others are to be asked about.
    pub(super) fn first(&self, endpoint: &EndpointName) -> Kind {
        self.change(endpoint, |lane| lane.first()).done
    }

    /// Something goes.
    pub(super) fn begin(
        self: &Arc<Self>,
        endpoint: &EndpointName,
        kind: Kind,
        at: Timestamp,
    ) -> Place {
        let begun = self.change(endpoint, |lane| lane.begin(kind, at));
        Place {
            slot: Some(begun.done),
            lanes: Arc::clone(self),
            lane: begun.number,
        }
    }

    /// Changes a lane, and tells of its moves.
    fn change<T>(
        &self,
        endpoint: &EndpointName,
        change: impl FnOnce(&mut Lane) -> T,
    ) -> Changed<T> {
        let changed = self.board.change(endpoint, &self.otherwise, change);
        self.tell(&changed);
        changed
    }

    /// The same of the lane in which something began; nothing if it is gone.
    fn change_again<T>(&self, lane: u64, change: impl FnOnce(&mut Lane) -> T) -> Option<T> {
        let changed = self.board.change_again(lane, change)?;
        self.tell(&changed);
        Some(changed.done)
    }

    fn tell<T>(&self, changed: &Changed<T>) {
        let Stand {
            limit,
            breaker,
            failure,
        } = changed.after;
        let (endpoint, before) = (&changed.endpoint, changed.before);
        // Of an endpoint that left the gauges are at rest, although what may have arrived there is still asked about.
        if before == Some(changed.after) || !changed.is_present {
            return;
        }
        if before.is_none_or(|before| before.limit != limit) {
            let attempts = limit;
            let moved = lane::Event::LimitMoved { endpoint, attempts };
            self.telemetry.record(Event::Lane(moved));
        }
        let before = before.map_or(breaker::State::Closed, |before| before.breaker);
        if before != breaker {
            self.telemetry.record(Event::BreakerMoved {
                endpoint,
                state: breaker,
                failed_by: failure.map(|failure| failure.reason),
            });
        }
    }
}

impl Place {
    /// What the exchange says of the endpoint, and by what it failed; and until when and why what failed is held back,
    /// if it is. Hours do not count: they may be corrected, and hold back what is due all the same.
    pub(super) fn hear(
        &mut self,
        signal: Signal,
        failed_by: Option<Reason>,
        at: Timestamp,
    ) -> Option<Next> {
        let slot = self.slot.as_mut()?;
        let heard = self.lanes.change_again(self.lane, |lane| {
            lane.note(failed_by, at);
            lane.hear(slot, signal, at);
            lane.wait(slot.kind(), at)
        });
        heard.flatten()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            let at = self.lanes.clock.now();
            self.lanes
                .change_again(self.lane, |lane| lane.end(slot, at));
        }
    }
}
