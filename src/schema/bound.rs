//! Bounds of values: parsed once, and held against values where they stand in the text.

use std::cmp::Ordering;

use super::instant::Instant;
use super::number::Decimal;
use super::value::{Builtin, Parsed};

/// One bound of a value.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) side: Side,
    /// As written in the schema.
    pub(super) value: Box<str>,
    limit: Limit,
}

/// A bound, parsed once.
#[derive(Clone, Debug)]
enum Limit {
    Number(Decimal<Box<str>>),
    Instant(Instant<Box<str>>),
}

/// Which side a bound closes, and whether the bound itself is inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    MinInclusive,
    MinExclusive,
    MaxInclusive,
    MaxExclusive,
}

impl Bound {
    /// A bound that is a value of a type; none when it is not, or has no order.
    pub(super) fn new(side: Side, builtin: Builtin, value: &str) -> Option<Bound> {
        let limit = match builtin.parse(value)? {
            Parsed::Number(decimal) => Limit::Number(decimal.kept()),
            Parsed::Instant(instant) => Limit::Instant(instant.kept()),
            Parsed::Text => return None,
        };
        Some(Bound {
            side,
            value: value.into(),
            limit,
        })
    }

    /// True when the value is inside. An undetermined order is outside.
    pub(super) fn holds(&self, value: &Parsed<'_>) -> bool {
        let order = match (value, &self.limit) {
            (Parsed::Number(value), Limit::Number(limit)) => Some(value.compare(limit)),
            (Parsed::Instant(value), Limit::Instant(limit)) => value.compare(limit),
            (Parsed::Number(_) | Parsed::Instant(_) | Parsed::Text, _) => None,
        };
        match self.side {
            Side::MinInclusive => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            Side::MinExclusive => order == Some(Ordering::Greater),
            Side::MaxInclusive => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Side::MaxExclusive => order == Some(Ordering::Less),
        }
    }

    /// It in words, for the text of a finding.
    pub(super) fn words(&self) -> String {
        let sign = match self.side {
            Side::MinInclusive => "≥",
            Side::MinExclusive => ">",
            Side::MaxInclusive => "≤",
            Side::MaxExclusive => "<",
        };
        format!("{sign} {}", self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_close_one_side() {
        let rows = [
            (Side::MinInclusive, [false, true, true]),
            (Side::MinExclusive, [false, false, true]),
            (Side::MaxInclusive, [true, true, false]),
            (Side::MaxExclusive, [true, false, false]),
        ];
        for (side, wanted) in rows {
            let bound = Bound::new(side, Builtin::Decimal, "10.0").unwrap();
            let holds = |value: &str| bound.holds(&Builtin::Decimal.parse(value).unwrap());
            assert_eq!(["9.99", "10", "10.01"].map(holds), wanted, "{side:?}");
        }
        let undetermined = Bound::new(Side::MinInclusive, Builtin::Date, "2026-01-01Z").unwrap();
        assert!(!undetermined.holds(&Builtin::Date.parse("2026-01-01").unwrap()));
    }
}
