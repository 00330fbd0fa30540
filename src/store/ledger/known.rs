//! Terms and centres, read once: every document asks for them, and they change a few times a year.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::claims::document::Facts;
use crate::claims::id::Finess;
use crate::claims::registry::Centre;
use crate::claims::terms::{Region, Terms};
use crate::claims::time::Day;
use crate::store::Error;
use crate::store::index::Index;
use crate::store::ledger::records;

/// What was read of an index. Whoever changes terms or a centre there forgets it, and so does whoever takes a change back.
#[derive(Default)]
pub struct Known {
    terms: Option<Terms>,
    centres: BTreeMap<Finess, Vec<Centre>>,
}

impl Known {
    /// The terms in force.
    pub fn terms(&mut self, index: &dyn Index) -> Result<Terms, Error> {
        match self.terms {
            Some(terms) => Ok(terms),
            None => Ok(*self.terms.insert(records::terms(index)?)),
        }
    }

    /// The versions of a centre, none if it is not registered.
    pub fn centre(&mut self, index: &dyn Index, centre: Finess) -> Result<&[Centre], Error> {
        match self.centres.entry(centre) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => match records::centre(index, centre)? {
                // Anybody may ask for a centre that there is not: what is kept is bounded by what is registered.
                none if none.is_empty() => Ok(&[]),
                versions => Ok(place.insert(versions)),
            },
        }
    }

    /// The public holidays of a centre on a day.
    pub fn region(&mut self, index: &dyn Index, centre: Finess, day: Day) -> Result<Region, Error> {
        let versions = self.centre(index, centre)?;
        Ok(Centre::region_on(versions, day))
    }

    /// The public holidays of a document's centre, on the document's own day.
    pub fn region_of(&mut self, index: &dyn Index, facts: &Facts) -> Result<Region, Error> {
        self.region(index, facts.key.centre, facts.care_day)
    }

    /// Reads everything anew.
    pub fn forget(&mut self) {
        *self = Known::default();
    }
}
