//! The business rules: what a structurally valid document must satisfy to be admitted, all breaches at once.
//!
//! Pure: a verdict is a function of the document, the instant, the terms and what the registry says.
//! Nothing here may put a value of the document into a finding or keep one beyond [`Facts`].

mod rule;
mod sheet;
mod shape;
mod identity;
mod persons;
mod dates;
mod codes;
mod amounts;
mod carried;
#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use crate::claims::document::{Document, Facts, Locate};
use crate::claims::finding::Finding;
use crate::claims::id::{Destination, Finess};
use crate::claims::registry::Centre;
use crate::claims::terms::{Region, Terms};
use crate::claims::time::{Day, Timestamp};

pub use rule::Rule;

use sheet::Sheet;

/// What a document is judged against besides itself.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The instant of the validation; its day in Paris is today.
    pub now: Timestamp,
    /// The terms by which days are counted.
    pub terms: &'a Terms,
    /// Centres and routes, where they can be asked.
    pub registry: Registry<'a>,
    /// Lengths that an AMC number may have; [`AMC_LENGTHS`] unless an operator says otherwise.
    pub amc_lengths: &'a RangeInclusive<usize>,
}

/// The accepted lengths of an AMC number where nothing else is set (sources say 8, 9 and 10).
pub const AMC_LENGTHS: RangeInclusive<usize> = 8..=10;

/// Whether centres and routes can be asked.
#[derive(Clone, Copy)]
pub enum Registry<'a> {
    /// They can: `CENTRE_UNKNOWN`, `CENTRE_CLOSED` and `DESTINATION_UNKNOWN` apply.
    Known(&'a dyn Directory),
    /// They cannot, as in a validation offline: those three rules are off, and the deadline is counted
    /// with the holidays of the whole country.
    NotConsulted,
}

/// The registry of centres and the routes to insurers, as one caller sees them.
pub trait Directory {
    /// What the registry says of a centre on a day.
    fn centre(&self, finess: Finess, day: Day) -> Registration;

    /// Whether there is a route to the destination.
    fn reaches(&self, destination: Destination) -> Reach;
}

/// What the registry says of a centre on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// It may send, and counts days with the holidays of its region.
    Open(Region),
    /// It is registered, and not on that day.
    Closed,
    /// It is not registered at all.
    Unknown,
}

/// Whether there is a route to a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// There is one.
    Routed,
    /// There is none.
    Unknown,
}

/// What the rules say of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Every breach, in the order of the document: at most about ten for each of its acts, whose number
    /// the schema limits.
    pub findings: Vec<Finding>,
    /// What the ledger keeps of it; none exactly when a finding refuses it.
    pub facts: Option<Facts>,
    /// The last day on which it can be transmitted in time, for a kind that has one, unless refused.
    pub deadline: Option<Day>,
}

/// Checks a document against every rule.
pub fn check(document: &Document, context: &Context<'_>, locate: &dyn Locate) -> Verdict {
    let today = context.now.day();
    let mut sheet = Sheet::default();
    shape::check(document, &mut sheet);
    let identity = identity::check(document, context, &mut sheet);
    let exclusions = persons::check(document, today, &mut sheet);
    dates::check(document, today, &mut sheet);
    codes::check(document, &mut sheet);
    amounts::check(document, &mut sheet);
    carried::check(document, &mut sheet);
    let deadline = dates::check_deadline(document, identity.region, context, &mut sheet);

    let admitted = !sheet.refuses();
    let facts = identity.facts(document, exclusions).filter(|_| admitted);
    Verdict {
        findings: sheet.findings(locate),
        deadline: deadline.filter(|_| admitted),
        facts,
    }
}

impl Registration {
    /// What the versions of one centre say of a day.
    pub fn of(versions: &[Centre], day: Day) -> Registration {
        match (Centre::on(versions, day), versions) {
            (Some(centre), _) => Registration::Open(centre.region),
            (None, []) => Registration::Unknown,
            (None, _) => Registration::Closed,
        }
    }
}
