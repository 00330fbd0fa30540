//! The lanes of all endpoints at work: changed by whoever sends, read by whoever tells why a lot waits. Services meet
//! at the store, so it stands here; the ledger knows nothing of it.
//!
//! It holds what the lanes are at present and nothing else: no lot is in it, and nothing of it is kept. A crash loses
//! it, and the next start begins with fresh lanes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::claims::entry::Next;
use crate::claims::id::{DocumentId, EndpointName};
use crate::claims::lane::{Failure, Kind, Lane, Rules, breaker};
use crate::claims::routes::Routes;
use crate::claims::time::Timestamp;

/// The lanes, made as endpoints are first seen. A system has one lane, whichever of its names a lot was sealed for.
#[derive(Debug, Default)]
pub struct Board {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Rules of their own.
    rules: BTreeMap<EndpointName, Rules>,
    /// By present names.
    lanes: BTreeMap<EndpointName, Lane>,
    /// Who is known under several names.
    routes: Arc<Routes>,
    /// Lanes that came from another name, and of which nothing was told under this one.
    renamed: BTreeSet<EndpointName>,
    /// Documents that were to be sealed at the last turn, and whose bytes cannot be read.
    unreadable: BTreeSet<DocumentId>,
}

/// What a change did.
#[derive(Clone, Copy, Debug)]
pub struct Changed<T> {
    /// What the change gave.
    pub done: T,
    /// Where the lane stood; none if it is new, or has a new name.
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
    /// What the endpoint failed by in its last exchange.
    pub failure: Option<Failure>,
}

impl Board {
    /// No lane yet; these endpoints have rules of their own.
    pub fn new(rules: BTreeMap<EndpointName, Rules>) -> Board {
        let inner = Inner {
            rules,
            ..Inner::default()
        };
        Board {
            inner: Mutex::new(inner),
        }
    }

    /// From now on these endpoints have rules of their own, and their lanes keep what they learned, also those of
    /// endpoints that have another name now. What may have arrived at an endpoint that left begins with a fresh lane, as
    /// it does after a restart.
    pub fn follow(&self, rules: BTreeMap<EndpointName, Rules>, routes: &Arc<Routes>) {
        let mut inner = self.lock();
        let (renamed, same): (Vec<_>, Vec<_>) = std::mem::take(&mut inner.lanes)
            .into_iter()
            .partition(|(name, _)| routes.present(name) != name);
        // Where both names had a lane, that of the present one knows what goes on.
        for (name, mut lane) in same.into_iter().chain(renamed) {
            let present = routes.present(&name).clone();
            let Some(rules) = rules.get(&present) else {
                continue;
            };
            if inner.lanes.contains_key(&present) {
                continue;
            }
            lane.follow(rules.clone());
            if present != name {
                inner.renamed.insert(present.clone());
            }
            inner.lanes.insert(present, lane);
        }
        inner.rules = rules;
        inner.routes = Arc::clone(routes);
    }

    /// Begins again with fresh lanes.
    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.lanes.clear();
        inner.renamed.clear();
        inner.unreadable.clear();
    }

    /// The name that a lane is told of by.
    pub fn present(&self, endpoint: &EndpointName) -> EndpointName {
        self.lock().routes.present(endpoint).clone()
    }

    /// Changes a lane. An endpoint without rules of its own goes by the others'.
    pub fn change<T>(
        &self,
        endpoint: &EndpointName,
        otherwise: &Rules,
        change: impl FnOnce(&mut Lane) -> T,
    ) -> Changed<T> {
        let mut inner = self.lock();
        let Inner {
            rules,
            lanes,
            routes,
            renamed,
            ..
        } = &mut *inner;
        let endpoint = routes.present(endpoint);
        let is_renamed = renamed.remove(endpoint);
        let before = lanes.get(endpoint).filter(|_| !is_renamed).map(Stand::of);
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

    /// Until when a lot that is due, or the question about one, is held back by its endpoint, and why; none if the lane
    /// stands in nobody's way.
    pub fn hold(&self, endpoint: &EndpointName, kind: Kind, at: Timestamp) -> Option<Next> {
        self.lock().lane(endpoint)?.hold(kind, at)
    }

    /// What an endpoint failed by in its last exchange; none once it served.
    pub fn failure(&self, endpoint: &EndpointName) -> Option<Failure> {
        self.lock().lane(endpoint)?.failure()
    }

    /// From now on it is these documents that cannot be sealed because their bytes cannot be read.
    pub fn tell_unreadable(&self, documents: BTreeSet<DocumentId>) {
        self.lock().unreadable = documents;
    }

    /// Whether a document could not be sealed at the last turn because its bytes cannot be read.
    pub fn is_unreadable(&self, document: DocumentId) -> bool {
        self.lock().unreadable.contains(&document)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic between two of a lane's own steps leaves a lane that still ends its waits.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn lane(&self, endpoint: &EndpointName) -> Option<&Lane> {
        self.lanes.get(self.routes.present(endpoint))
    }
}

impl Stand {
    fn of(lane: &Lane) -> Stand {
        Stand {
            limit: lane.limit(Kind::Attempt),
            breaker: lane.breaker(Kind::Attempt),
            failure: lane.failure(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::claims::entry::Reason;
    use crate::claims::lane::{Room, Signal};

    const AT: Timestamp = Timestamp::from_micros(1_000_000);

    fn rules(concurrency: u32) -> Rules {
        Rules::new(NonZeroU32::new(concurrency).unwrap())
    }

    fn name(text: &str) -> EndpointName {
        EndpointName::parse(text).unwrap()
    }

    /// Everything that may go does, and is answered so.
    fn round(board: &Board, endpoint: &EndpointName, signal: Signal) -> Stand {
        let done = |lane: &mut Lane| {
            let Room::Now(room) = lane.room(Kind::Attempt, AT) else {
                return;
            };
            let slots: Vec<_> = (0..room.get())
                .map(|_| lane.begin(Kind::Attempt, AT))
                .collect();
            for mut slot in slots {
                lane.hear(&mut slot, signal, AT);
                lane.end(slot, AT);
            }
        };
        board.change(endpoint, &rules(8), done).after
    }

    #[test]
    fn other_rules_are_taken_up_and_what_was_learned_stays() {
        let all = |rules: &[(&str, Rules)]| {
            let rules = rules
                .iter()
                .map(|(text, rules)| (name(text), rules.clone()));
            rules.collect::<BTreeMap<_, _>>()
        };
        let (paris, lyon) = (name("paris"), name("lyon"));
        let board = Board::new(all(&[("paris", rules(16)), ("lyon", rules(2))]));
        for limit in [2, 4, 8] {
            assert_eq!(round(&board, &paris, Signal::Served).limit, limit);
        }
        for _ in 0..5 {
            round(&board, &lyon, Signal::Unserved);
        }
        let nothing = |_: &mut Lane| ();
        let stand = |endpoint: &EndpointName| board.change(endpoint, &rules(8), nothing).after;
        assert_eq!(stand(&lyon).breaker, breaker::State::Open);
        for (followed, limit) in [
            (all(&[("paris", rules(32)), ("lyon", rules(8))]), 8),
            (all(&[("paris", rules(4)), ("lyon", rules(8))]), 4),
            // Gone, it begins again by the others' rules.
            (all(&[("lyon", rules(8))]), 1),
        ] {
            board.follow(followed, &Arc::default());
            assert_eq!(stand(&paris).limit, limit);
            assert_eq!(stand(&lyon).breaker, breaker::State::Open);
        }
        assert_eq!(round(&board, &paris, Signal::Served).limit, 2);
    }

    #[test]
    fn a_system_has_one_lane_and_takes_it_along_to_its_new_name() {
        let (paris, lutece) = (name("paris"), name("lutece"));
        let board = Board::new(BTreeMap::from([(paris.clone(), rules(16))]));
        for _ in 0..5 {
            round(&board, &paris, Signal::Unserved);
        }
        let routes = Routes::default().formerly([(lutece.clone(), vec![paris.clone()])]);
        let rules_now = BTreeMap::from([(lutece.clone(), rules(16))]);
        board.follow(rules_now.clone(), &Arc::new(routes));
        let held = board.hold(&paris, Kind::Attempt, AT);
        assert_eq!(held.map(|next| next.reason), Some(Reason::Breaker));
        assert_eq!(board.hold(&lutece, Kind::Attempt, AT), held);
        assert_eq!(board.present(&paris), lutece);
        // Its first change under the new name is told in full, and no other.
        let changed = |endpoint| board.change(endpoint, &rules(8), |_| ());
        assert_eq!(changed(&paris).before, None);
        let changed = changed(&lutece);
        assert_eq!(changed.before, Some(changed.after));
        assert_eq!(changed.after.breaker, breaker::State::Open);
    }
}
