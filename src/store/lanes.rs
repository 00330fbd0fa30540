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
    lanes: BTreeMap<EndpointName, Numbered>,
    /// The number of the next lane.
    next: u64,
    /// Who is known under several names.
    routes: Arc<Routes>,
    /// Lanes that came from another name, and of which nothing was told under this one.
    renamed: BTreeSet<EndpointName>,
    /// Documents that were to be sealed at the last turn, and whose bytes cannot be read.
    unreadable: BTreeSet<DocumentId>,
}

/// A lane, whatever name it has: what began in it ends in it.
#[derive(Debug)]
struct Numbered {
    number: u64,
    lane: Lane,
}

/// What a change did.
#[derive(Clone, Debug)]
pub struct Changed<T> {
    /// What the change gave.
    pub done: T,
    /// The lane.
    pub number: u64,
    /// The name that it is told of by.
    pub endpoint: EndpointName,
    /// Whether that endpoint has rules of its own: one that left has not, and nothing is told of its lane.
    pub is_present: bool,
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
        for (name, mut numbered) in same.into_iter().chain(renamed) {
            let present = routes.present(&name).clone();
            let Some(rules) = rules.get(&present) else {
                continue;
            };
            if inner.lanes.contains_key(&present) {
                continue;
            }
            numbered.lane.follow(rules.clone());
            if present != name {
                inner.renamed.insert(present.clone());
            }
            inner.lanes.insert(present, numbered);
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
            next,
            routes,
            renamed,
            ..
        } = &mut *inner;
        let endpoint = routes.present(endpoint);
        let is_told = !renamed.remove(endpoint) && lanes.contains_key(endpoint);
        let is_present = rules.contains_key(endpoint);
        let numbered = lanes.entry(endpoint.clone()).or_insert_with(|| {
            let rules = rules.get(endpoint).unwrap_or(otherwise);
            *next += 1;
            Numbered {
                number: *next,
                lane: Lane::new(rules.clone()),
            }
        });
        numbered.change(endpoint, is_present, is_told, change)
    }

    /// Changes the lane in which something began, whatever its name is now; nothing if it is gone.
    pub fn change_again<T>(
        &self,
        number: u64,
        change: impl FnOnce(&mut Lane) -> T,
    ) -> Option<Changed<T>> {
        let mut inner = self.lock();
        let Inner {
            rules,
            lanes,
            renamed,
            ..
        } = &mut *inner;
        let mut all = lanes.iter_mut();
        let (endpoint, numbered) = all.find(|(_, numbered)| numbered.number == number)?;
        let is_told = !renamed.remove(endpoint);
        let is_present = rules.contains_key(endpoint);
        Some(numbered.change(endpoint, is_present, is_told, change))
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
        let numbered = self.lanes.get(self.routes.present(endpoint));
        numbered.map(|numbered| &numbered.lane)
    }
}

impl Numbered {
    fn change<T>(
        &mut self,
        endpoint: &EndpointName,
        is_present: bool,
        is_told: bool,
        change: impl FnOnce(&mut Lane) -> T,
    ) -> Changed<T> {
        let before = is_told.then(|| Stand::of(&self.lane));
        Changed {
            done: change(&mut self.lane),
            number: self.number,
            endpoint: endpoint.clone(),
            is_present,
            before,
            after: Stand::of(&self.lane),
        }
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
    use crate::claims::lane::{MayGo, Signal};

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
            let MayGo::Now(room) = lane.may_go(Kind::Attempt, AT) else {
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
            let is_present = followed.contains_key(&paris);
            board.follow(followed, &Arc::default());
            assert_eq!(stand(&paris).limit, limit);
            let changed = board.change(&paris, &rules(8), nothing);
            assert_eq!(changed.is_present, is_present);
            let again = board.change_again(changed.number, nothing).unwrap();
            assert_eq!(again.is_present, is_present);
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
        // Its first change under the new name is told in full, and no other.
        let changed = |endpoint| board.change(endpoint, &rules(8), |_| ());
        assert_eq!(changed(&paris).before, None);
        let changed = changed(&lutece);
        assert_eq!(changed.before, Some(changed.after));
        assert_eq!(changed.after.breaker, breaker::State::Open);
    }

    /// While something runs under a former name it is taken from the endpoint: what began in a lane ends in it, or its place,
    /// or its probe, would never come back.
    #[test]
    fn what_began_in_a_lane_ends_in_it_whatever_its_endpoint_is_called() {
        let (paris, lutece) = (name("paris"), name("lutece"));
        let rules_now = BTreeMap::from([(lutece.clone(), rules(16))]);
        let former = Routes::default().formerly([(lutece.clone(), vec![paris.clone()])]);
        for failures in [0, 5] {
            let board = Board::new(rules_now.clone());
            board.follow(rules_now.clone(), &Arc::new(former.clone()));
            for _ in 0..failures {
                round(&board, &lutece, Signal::Unserved);
            }
            let probe = board
                .hold(&lutece, Kind::Attempt, AT)
                .map_or(AT, |next| next.at);
            let begun = board.change(&paris, &rules(8), |lane| lane.begin(Kind::Attempt, probe));
            let room = |lane: &mut Lane| lane.may_go(Kind::Attempt, probe);
            board.follow(rules_now.clone(), &Arc::default());
            assert!(matches!(
                board.change(&lutece, &rules(8), room).done,
                MayGo::Full
            ));
            let ended = board.change_again(begun.number, |lane| lane.end(begun.done, probe));
            assert_eq!(ended.unwrap().endpoint, lutece);
            let later = probe + std::time::Duration::from_secs(3600);
            let room = |lane: &mut Lane| lane.may_go(Kind::Attempt, later);
            let room = board.change(&lutece, &rules(8), room).done;
            assert!(matches!(room, MayGo::Now(_)), "{failures}: {room:?}");
        }
        // Whose lane is gone ends nowhere.
        let board = Board::new(BTreeMap::new());
        assert!(board.change_again(1, |_| ()).is_none());
    }
}
