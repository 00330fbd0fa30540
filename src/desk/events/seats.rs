//! Places for streams of events: so many for all, and so many for one caller, so that none takes those of the others.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::claims::id::Name;

/// The places, and who has them.
pub(in crate::desk) struct Seats {
    all: NonZeroUsize,
    each: NonZeroUsize,
    taken: Mutex<BTreeMap<Name, usize>>,
}

/// A place: given back when it is dropped.
pub(in crate::desk) struct Seat {
    seats: Arc<Seats>,
    caller: Name,
}

impl Seats {
    /// So many places, of which one caller has so many at most.
    pub(in crate::desk) fn new(all: NonZeroUsize, each: NonZeroUsize) -> Seats {
        Seats {
            all,
            each,
            taken: Mutex::default(),
        }
    }

    /// A place for a caller, if there is one.
    pub(in crate::desk) fn take(self: &Arc<Self>, caller: &Name) -> Option<Seat> {
        let mut taken = self.taken();
        let all: usize = taken.values().sum();
        let own = taken.get(caller).copied().unwrap_or_default();
        if all >= self.all.get() || own >= self.each.get() {
            return None;
        }
        taken.insert(caller.clone(), own + 1);
        Some(Seat {
            seats: Arc::clone(self),
            caller: caller.clone(),
        })
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<Name, usize>> {
        // Nothing panics between two changes that belong together.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        if let Some(own) = taken.get_mut(&self.caller) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_takes_the_places_of_the_others() {
        let number = |number| NonZeroUsize::new(number).unwrap();
        let seats = Arc::new(Seats::new(number(3), number(2)));
        let name = |text| Name::parse(text).unwrap();
        let (one, two) = (name("one"), name("two"));
        let first = seats.take(&one).unwrap();
        let second = seats.take(&one).unwrap();
        assert!(seats.take(&one).is_none(), "more than its own");
        let third = seats.take(&two).unwrap();
        assert!(seats.take(&two).is_none(), "more than there are");
        drop(first);
        assert!(seats.take(&two).is_some());
        drop((second, third));
        assert!(seats.taken().is_empty());
    }
}
