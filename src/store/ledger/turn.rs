//! Whose turn it is: which lots of an endpoint are leased when not all can be.
//!
//! Centres come in turn, from the one after that whose lot was leased last; of each centre the lot with the oldest
//! legal deadline comes first (R161-47 CSS). So a centre with ten thousand lots keeps no other waiting. The turn is
//! derived from the entries like everything else, and survives a restart.

use std::collections::VecDeque;

use crate::claims::id::{EndpointName, Finess, LotId};
use crate::claims::time::{Day, Timestamp};
use crate::store::Error;
use crate::store::index::Index;
use crate::store::ledger::keys::{self, Wait};
use crate::store::ledger::{query, records};

/// Lots of one centre that are looked at beyond those asked for: those that wait for a later instant stand among
/// those that are due.
const LOOK: usize = 32;

/// Centres that are looked at beyond those asked for.
const CENTRES: usize = 64;

/// Up to `most` lots of an endpoint that are due: all of them, if there are no more.
///
/// # Errors
/// When the index cannot be read.
pub fn choose(
    index: &dyn Index,
    endpoint: &EndpointName,
    at: Timestamp,
    most: usize,
) -> Result<Vec<LotId>, Error> {
    let mut queues = queues(index, endpoint, at, most)?;
    let mut chosen = Vec::new();
    while chosen.len() < most && !queues.is_empty() {
        for queue in &mut queues {
            if chosen.len() < most {
                chosen.extend(queue.pop_front());
            }
        }
        queues.retain(|queue| !queue.is_empty());
    }
    // What stands behind too many that wait for later is found by its instant.
    if chosen.len() < most {
        let mut found: Vec<(Timestamp, LotId)> = Vec::new();
        for wait in Wait::SENDS {
            let from = keys::waits_at(wait, endpoint);
            let to = keys::waits_until(wait, endpoint, at);
            for (key, _) in index.scan(&from, &to, most)? {
                found.push(records::read(&key[from.len()..])?);
            }
        }
        found.sort_unstable();
        for (_, lot) in found {
            if chosen.len() < most && !chosen.contains(&lot) {
                chosen.push(lot);
            }
        }
    }
    Ok(chosen)
}

/// The lots of as many centres as are needed, in turn.
fn queues(
    index: &dyn Index,
    endpoint: &EndpointName,
    at: Timestamp,
    most: usize,
) -> Result<Vec<VecDeque<LotId>>, Error> {
    let start = keys::turns(endpoint);
    let end = keys::after(&start);
    let last: Option<Finess> = records::load(index, &keys::last_turn(endpoint))?;
    let after_last = last.map_or_else(
        || start.clone(),
        |last| keys::after(&keys::turns_of(endpoint, last)),
    );
    let mut queues = Vec::new();
    // From the one after the last up to the end, then from the beginning up to the last.
    for (mut from, to) in [(after_last.clone(), &end), (start.clone(), &after_last)] {
        for _ in 0..most.saturating_add(CENTRES) {
            if queues.len() == most {
                return Ok(queues);
            }
            let Some((key, _)) = index.scan(&from, to, 1)?.pop() else {
                break;
            };
            let (centre, _, _): (Finess, Day, LotId) = records::read(&key[start.len()..])?;
            let queue = due(index, endpoint, centre, at, most)?;
            queues.extend((!queue.is_empty()).then_some(queue));
            from = keys::after(&keys::turns_of(endpoint, centre));
        }
    }
    Ok(queues)
}

/// Lots of one centre that are due, by deadline.
fn due(
    index: &dyn Index,
    endpoint: &EndpointName,
    centre: Finess,
    at: Timestamp,
    most: usize,
) -> Result<VecDeque<LotId>, Error> {
    let prefix = keys::turns_of(endpoint, centre);
    let found = index.scan(&prefix, &keys::after(&prefix), most.saturating_add(LOOK))?;
    let mut due = VecDeque::new();
    for (key, value) in found {
        let instant: Timestamp = records::read(&value)?;
        if instant <= at && due.len() < most {
            due.push_back(query::last_id(&key)?);
        }
    }
    Ok(due)
}
