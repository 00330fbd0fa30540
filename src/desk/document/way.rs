//! What stands between a lot and its insurer at present: the operator's gate and the resume after a restore, which are in
//! the ledger, and what its endpoint's lane lets go, which is not. So a lot behind an endpoint in trouble says why it waits and until when,
//! although it was never sent itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::claims::entry::{Gate, Next, Reason};
use crate::claims::id::EndpointName;
use crate::claims::lane::{Failure, Kind};
use crate::claims::routes::Routes;
use crate::claims::standing::Standing;
use crate::claims::time::Timestamp;
use crate::store::custody::Custody;
use crate::store::custody::record::RestorationRecord;
use crate::store::lanes::Board;
use crate::store::{DocumentRecord, EndpointRecord, Error, LotRecord, Store};

/// The ways to all endpoints, read at an instant.
pub(in crate::desk) struct Ways<'a> {
    gates: BTreeMap<EndpointName, EndpointRecord>,
    /// Whether nothing is sent until an operator resumes after a restore.
    awaits_resume: bool,
    routes: Arc<Routes>,
    lanes: &'a Board,
    at: Timestamp,
}

/// The way to one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::desk) struct Way {
    /// What an operator has to end before anything is sent.
    stop: Option<Stop>,
    /// As of when, and why, a document without a lot cannot be sealed; one in a lot is.
    unsealed: Option<Next>,
    /// Until when its lane lets no lot go, and why.
    attempts_held: Option<Next>,
    /// Until when its lane lets no question go, and why.
    questions_held: Option<Next>,
    /// What its endpoint failed by in its last exchange.
    failure: Option<Failure>,
}

/// What keeps every lot from being sent until an operator ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::desk) enum Stop {
    /// The ledger was restored, and sending was not resumed.
    Restored,
    /// An operator holds the endpoint.
    Held,
}

impl Ways<'_> {
    /// Reads the gates and the restoration; the lanes are looked at when they are asked for.
    ///
    /// # Errors
    /// When the store cannot read.
    pub(in crate::desk) async fn read<'a>(
        store: &dyn Store,
        custody: &dyn Custody,
        routes: &Arc<Routes>,
        lanes: &'a Board,
        at: Timestamp,
    ) -> Result<Ways<'a>, Error> {
        let restored = custody.restoration().await?;
        Ok(Ways {
            awaits_resume: restored.as_ref().is_some_and(RestorationRecord::waits),
            gates: store.endpoints().await?,
            routes: Arc::clone(routes),
            lanes,
            at,
        })
    }

    /// The way to an endpoint.
    pub(in crate::desk) fn to(&self, endpoint: &EndpointName) -> Way {
        let gate = EndpointRecord::gate_of(&self.gates, self.routes.system(endpoint));
        Way {
            stop: match (self.awaits_resume, gate) {
                (true, Gate::Open | Gate::Held) => Some(Stop::Restored),
                (false, Gate::Held) => Some(Stop::Held),
                (false, Gate::Open) => None,
            },
            unsealed: None,
            attempts_held: self.lanes.hold(endpoint, Kind::Attempt, self.at),
            questions_held: self.lanes.hold(endpoint, Kind::Question, self.at),
            failure: self.lanes.failure(endpoint),
        }
    }

    /// The way of a document, in a lot or without one.
    pub(in crate::desk) fn of(&self, record: &DocumentRecord, lot: Option<&LotRecord>) -> Way {
        match (record.standing(), lot) {
            (Standing::InLot, Some(lot)) => return self.to(&lot.sealed.endpoint),
            (Standing::Open, _) => {}
            // Nothing of it is to be sent; a lot that it was in is of no account.
            (_, _) => return Way::FREE,
        }
        let received = &record.received;
        let route = self
            .routes
            .find(received.facts.destination, received.purpose);
        let reason = match route {
            None => Some(Reason::NoRoute),
            Some(_) if self.lanes.is_unreadable(received.document) => Some(Reason::Unreadable),
            Some(_) => None,
        };
        let at = self.at;
        Way {
            unsealed: reason.map(|reason| Next { at, reason }),
            ..Way::FREE
        }
    }

    /// Whether two names are of one system.
    pub(in crate::desk) fn are_one(&self, one: &EndpointName, other: &EndpointName) -> bool {
        self.routes.present(one) == self.routes.present(other)
    }
}

impl Way {
    /// Nothing stands in it.
    pub(in crate::desk) const FREE: Way = Way {
        stop: None,
        unsealed: None,
        attempts_held: None,
        questions_held: None,
        failure: None,
    };

    /// What a lot waits for on this way: the later of its own instant and its lane's, with the reason of that: what is to
    /// be asked about waits for the lane of questions. Behind a stop a lot that is to be sent waits for the operator.
    pub(in crate::desk) fn waits_for(self, lot: &LotRecord) -> Option<Next> {
        let own = lot.next?;
        let kind = lot.next_exchange();
        let held = match kind {
            Some(Kind::Attempt) => self.attempts_held,
            Some(Kind::Question) => self.questions_held,
            None => None,
        };
        let next = held.filter(|held| held.at >= own.at).unwrap_or(own);
        Some(match self.is_held_back(lot) {
            true => Next {
                reason: Reason::HeldByHand,
                ..next
            },
            false => next,
        })
    }

    /// What keeps a document that waits for nothing else from being sealed.
    pub(in crate::desk) fn until_sealed(self) -> Reason {
        self.unsealed
            .map_or(Reason::Sealing, |unsealed| unsealed.reason)
    }

    /// When and why a document that is to be sealed is: a route that is not there is looked for all the time, and so
    /// are bytes that cannot be read.
    pub(in crate::desk) fn sealed(self, own: Next) -> Next {
        self.unsealed.unwrap_or(own)
    }

    /// Which stop a lot waits for the operator at, where that is what comes next.
    pub(in crate::desk) fn stop(self, next: Next) -> Option<Stop> {
        self.stop.filter(|_| next.reason == Reason::HeldByHand)
    }

    /// Whether a stop keeps a lot from being sent; questions are asked all the same.
    pub(in crate::desk) fn is_held_back(self, lot: &LotRecord) -> bool {
        self.stop.is_some() && lot.next_exchange() == Some(Kind::Attempt)
    }

    /// Why the endpoint fails, where what comes next waits for its breaker.
    pub(in crate::desk) fn cause(self, next: Next) -> Option<Reason> {
        let failure = self.failure.filter(|_| next.reason == Reason::Breaker);
        failure.map(|failure| failure.reason)
    }
}
