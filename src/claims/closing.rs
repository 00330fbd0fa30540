//! The closing of a period: from which entry on its rate is frozen, and under which policies.
//!
//! The policies stand in the entry as they were, so no later change of them can rewrite what was said of a
//! closed period. What happens later is a dated correction beside it.

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::agreement::{
    Agreement, Comparator, Counting, PaperDuplicate, PaperSheets, RejectedUnit, Role, Status,
    Threshold,
};
use crate::claims::canon::{Canon, Malformed, Take, canon_enum, canon_struct};
use crate::claims::fraction::Fraction;
use crate::claims::id::{Digest, Finess, Name};
use crate::claims::period::{Form, Period};
use crate::claims::time::Day;

/// A period was closed for centres.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The period.
    pub period: Period,
    /// The centres; none named: all.
    pub centres: Vec<Finess>,
    /// Who closed it.
    pub actor: Name,
    /// Every policy as it was then.
    pub policies: Vec<Agreement>,
    /// Commitment to the reason, a body.
    pub reason: Digest,
}

impl Closed {
    /// Whether the period is closed for a centre by this.
    pub fn covers(&self, centre: Finess) -> bool {
        self.centres.is_empty() || self.centres.contains(&centre)
    }

    /// Whether all that another closing asks for is closed by this.
    pub fn includes(&self, period: Period, centres: &[Finess]) -> bool {
        let all = self.centres.is_empty();
        let named = !centres.is_empty() && centres.iter().all(|centre| self.covers(*centre));
        self.period == period && (all || named)
    }
}

canon_struct! {
    Closed { period, centres, actor, policies, reason }
    Agreement {
        id, title, parties, role, source, signed, published, in_force_from, until, succeeds, status, period, thresholds,
        counting,
    }
    Threshold { comparator, fraction }
    Counting {
        kinds, paper_sheets, numerator_modes, modes_shown_apart, exclusions, day_basis, minimum_paper_coverage,
        paper_duplicate, rejected,
    }
}

canon_enum! {
    Role { 1 => Agreement, 2 => Reference }
    Status { 1 => Confirmed, 2 => Unconfirmed }
    Form { 1 => Month, 2 => Quarter, 3 => Year, 4 => YearToDate, 5 => Rolling, 6 => Days }
    Comparator { 1 => AtLeast, 2 => MoreThan }
    PaperSheets { 1 => Counted, 2 => NotCounted }
    PaperDuplicate { 1 => Paper, 2 => Electronic }
    RejectedUnit { 1 => Transmitted, 2 => NotTransmitted }
}

/// A period is its name.
impl Canon for Period {
    fn put(&self, out: &mut Vec<u8>) {
        self.to_string().put(out);
    }

    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        let text = String::take(from)?;
        let read = Period::parse(&text, Day::new(1970, 1, 1).ok_or(Malformed("Day"))?).ok();
        // Only a name that stands by itself: `ytd` alone would be another period every day.
        let read = read.filter(|period| period.to_string() == text);
        read.ok_or(Malformed("Period"))
    }
}

impl Canon for Fraction {
    fn put(&self, out: &mut Vec<u8>) {
        (self.numerator(), self.denominator()).put(out);
    }

    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        let (numerator, denominator) = Canon::take(from)?;
        Fraction::new(numerator, denominator).ok_or(Malformed("Fraction"))
    }
}

impl<T: Canon + Ord + Clone> Canon for BTreeSet<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.iter().cloned().collect::<Vec<T>>().put(out);
    }

    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        Ok(Vec::take(from)?.into_iter().collect())
    }
}

impl<K: Canon + Ord + Clone, V: Canon + Clone> Canon for BTreeMap<K, V> {
    fn put(&self, out: &mut Vec<u8>) {
        let pairs = self.iter().map(|(key, value)| (key.clone(), value.clone()));
        pairs.collect::<Vec<(K, V)>>().put(out);
    }

    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        let pairs: Vec<(K, V)> = Canon::take(from)?;
        Ok(pairs.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::agreement::tests::{agreement, day, id};
    use crate::claims::canon::{bytes_of, value_of};
    use crate::claims::registry::Category;

    fn closed() -> Closed {
        let mut policy = agreement("national", "2026-01-01");
        policy.until = Some(day("2030-12-31"));
        policy.succeeds = Some(id("before"));
        let threshold = Threshold {
            comparator: Comparator::MoreThan,
            fraction: (2, 3),
        };
        policy.thresholds.insert(Category::Dentaire, threshold);
        Closed {
            period: Period::parse("2026-Q3", day("2026-01-01")).unwrap(),
            centres: vec![Finess::parse("750000010").unwrap()],
            actor: id("operator"),
            policies: vec![policy, agreement("before", "2020-01-01")],
            reason: Digest([3; 32]),
        }
    }

    #[test]
    fn a_closing_is_read_as_it_was_written() {
        let bytes = bytes_of(&closed());
        assert_eq!(value_of(&bytes), Ok(closed()));
        for length in 0..bytes.len() {
            assert!(value_of::<Closed>(&bytes[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_closing_is_of_its_centres_and_period() {
        let (one, other) = (closed().centres[0], Finess::parse("130000011").unwrap());
        let all = Closed {
            centres: Vec::new(),
            ..closed()
        };
        let quarter = closed().period;
        assert!(closed().covers(one) && !closed().covers(other) && all.covers(other));
        for (closing, asked, included) in [
            (closed(), vec![one], true),
            (closed(), vec![one, other], false),
            (closed(), vec![], false),
            (all.clone(), vec![other], true),
            (all, vec![], true),
        ] {
            assert_eq!(closing.includes(quarter, &asked), included, "{asked:?}");
            assert!(!closing.includes(Period::month_of(day("2026-09-01")), &asked));
        }
    }
}
