//! What stands between a lot and its insurer at present: the operator's gate, which is in the ledger, and what its
//! endpoint's lane lets go, which is not. So a lot behind an endpoint in trouble says why it waits and until when,
//! although it was never sent itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::claims::delivery::State;
use crate::claims::entry::{Gate, Next, Reason};
use crate::claims::id::EndpointName;
use crate::claims::lane::Failure;
use crate::claims::routes::Routes;
use crate::claims::time::Timestamp;
use crate::store::lanes::Board;
use crate::store::{EndpointRecord, Error, LotRecord, Store};

/// The ways to all endpoints, read at an instant.
pub(super) struct Ways<'a> {
    gates: BTreeMap<EndpointName, EndpointRecord>,
    routes: Arc<Routes>,
    lanes: &'a Board,
    at: Timestamp,
}

/// The way to one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    gate: Gate,
    /// Until when its lane lets nothing go, and why.
    held: Option<Next>,
    /// What its endpoint failed by in its last exchange.
    failure: Option<Failure>,
}

impl Ways<'_> {
    /// Reads the gates; the lanes are looked at when they are asked for.
    ///
    /// # Errors
    /// When the store cannot read.
    pub(super) async fn read<'a>(
        store: &dyn Store,
        routes: &Arc<Routes>,
        lanes: &'a Board,
        at: Timestamp,
    ) -> Result<Ways<'a>, Error> {
        Ok(Ways {
            gates: store.endpoints().await?,
            routes: Arc::clone(routes),
            lanes,
            at,
        })
    }

    /// The way to an endpoint.
    pub(super) fn to(&self, endpoint: &EndpointName) -> Way {
        let former = self.routes.former(endpoint);
        Way {
            gate: EndpointRecord::gate_of(&self.gates, endpoint, former),
            held: self.lanes.hold(endpoint, self.at),
            failure: self.lanes.failure(endpoint),
        }
    }

    /// The way of a lot; without a lot, nothing stands in it.
    pub(super) fn of(&self, lot: Option<&LotRecord>) -> Way {
        lot.map_or(Way::FREE, |lot| self.to(&lot.sealed.endpoint))
    }
}

impl Way {
    /// Nothing stands in it.
    pub(super) const FREE: Way = Way {
        gate: Gate::Open,
        held: None,
        failure: None,
    };

    /// What a lot waits for on this way: the later of its own instant and its lane's, with the reason of that. Behind
    /// a held endpoint a lot that is to be sent waits for the operator.
    pub(super) fn waits_for(self, lot: &LotRecord) -> Option<Next> {
        let own = lot.next?;
        let is_for_insurer = match lot.state {
            State::Due | State::InDoubt | State::Overdue => true,
            State::Sending | State::Taken | State::Answered | State::Void => false,
        };
        let held = self.held.filter(|held| is_for_insurer && held.at >= own.at);
        let next = held.unwrap_or(own);
        Some(match self.is_held_back(lot) {
            true => Next {
                reason: Reason::HeldByHand,
                ..next
            },
            false => next,
        })
    }

    /// Whether an operator's hold keeps a lot from being sent; questions are asked all the same.
    pub(super) fn is_held_back(self, lot: &LotRecord) -> bool {
        self.gate == Gate::Held && lot.state == State::Due && !lot.ask
    }

    /// Why the endpoint fails, where what comes next waits for its breaker.
    pub(super) fn cause(self, next: Next) -> Option<Reason> {
        let failure = self.failure.filter(|_| next.reason == Reason::Breaker);
        failure.map(|failure| failure.reason)
    }
}
