//! The bridge between two counts: ours, one step per cause, what is left, theirs. It always sums.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Add, AddAssign, Sub};

use crate::claims::agreement::{Counting, PaperSheets};
use crate::claims::document::Kind;
use crate::claims::fraction::Fraction;
use crate::claims::id::{DocumentId, Number};
use crate::claims::reconcile::cause::Cause;
use crate::claims::reconcile::figures::{Class, Month};
use crate::claims::reconcile::ours::Ours;
use crate::claims::time::Day;

/// A count of a rate, or a change of one: upper and lower number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// Units of the numerator.
    pub numerator: i64,
    /// Units of the denominator.
    pub denominator: i64,
}

/// Both counts of each month and what lies between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bridge {
    /// By month; only the months compared.
    pub months: BTreeMap<Month, Span>,
}

/// One month of a bridge, or the sum of some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// As the gateway counts.
    pub ours: Count,
    /// As the caisse counts.
    pub theirs: Count,
    /// What each cause changes, from ours to theirs.
    pub steps: BTreeMap<Cause, Count>,
    /// What no cause explains.
    pub residual: Count,
}

/// One difference between the two counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Why.
    pub cause: Cause,
    /// How many documents: 1 when it names one.
    pub documents: i64,
    /// Our latest document of the unit.
    pub ours: Option<DocumentId>,
    /// Kind and numéro: the caisse's where it has the document, ours otherwise.
    pub number: Option<(Kind, Number)>,
    /// Class, day and line as the caisse recorded it.
    pub theirs: Option<(Class, Day, u32)>,
    /// What it changes in which months, those outside the bridge included; one at least is inside.
    pub effects: Vec<(Month, Count)>,
}

impl Bridge {
    /// A bridge that begins at our counts of these months.
    pub(super) fn ours(ours: &Ours, months: &BTreeSet<Month>) -> Bridge {
        let empty = months.iter().map(|month| (*month, Span::default()));
        let mut bridge = Bridge {
            months: empty.collect(),
        };
        for unit in &ours.units {
            bridge.begin(Month::of(unit.day), unit.count(&ours.counting));
        }
        for (day, sheets) in &ours.paper {
            bridge.begin(Month::of(*day), ours.sheets(*sheets));
        }
        bridge
    }

    fn begin(&mut self, month: Month, count: Count) {
        if let Some(span) = self.months.get_mut(&month) {
            span.ours += count;
        }
    }

    /// Whether any of the effects is in a month compared.
    pub(super) fn touches(&self, effects: &[(Month, Count)]) -> bool {
        let mut months = effects.iter().map(|(month, _)| month);
        months.any(|month| self.months.contains_key(month))
    }

    /// Takes a step of a cause.
    pub(super) fn step(&mut self, cause: Cause, effects: &[(Month, Count)]) {
        for (month, effect) in effects {
            if let Some(span) = self.months.get_mut(month) {
                *span.steps.entry(cause).or_default() += *effect;
            }
        }
    }

    /// Ends at the caisse's counts: what is left is the residual.
    pub(super) fn close(&mut self, official: &[(Month, Kind, Class, i64)], counting: &Counting) {
        for (month, kind, class, count) in official {
            if let Some(span) = self.months.get_mut(month) {
                span.theirs += of_class(counting, *kind, *class).times(*count);
            }
        }
        for span in self.months.values_mut() {
            span.residual = span.theirs - span.explained();
        }
    }

    /// All months together.
    pub fn total(&self) -> Span {
        let mut total = Span::default();
        for span in self.months.values() {
            total.add(span);
        }
        total
    }
}

impl Span {
    /// Adds another month or centre.
    pub fn add(&mut self, other: &Span) {
        self.ours += other.ours;
        self.theirs += other.theirs;
        self.residual += other.residual;
        for (cause, effect) in &other.steps {
            *self.steps.entry(*cause).or_default() += *effect;
        }
    }

    /// Where the steps lead before the residual.
    pub fn explained(&self) -> Count {
        self.steps
            .values()
            .fold(self.ours, |count, step| count + *step)
    }

    /// The law of the bridge.
    pub fn sums(&self) -> bool {
        self.explained() + self.residual == self.theirs
    }
}

impl Count {
    /// A count of nothing.
    pub const ZERO: Count = Count {
        numerator: 0,
        denominator: 0,
    };

    /// So many units of the denominator.
    pub fn only_denominator(units: i64) -> Count {
        Count {
            numerator: 0,
            denominator: units,
        }
    }

    /// The ratio; none without activity.
    pub fn share(self) -> Option<Fraction> {
        Fraction::new(self.numerator, self.denominator)
    }

    /// So many times.
    #[must_use]
    pub fn times(self, count: i64) -> Count {
        Count {
            numerator: self.numerator * count,
            denominator: self.denominator * count,
        }
    }

    /// The other way.
    #[must_use]
    pub fn reversed(self) -> Count {
        self.times(-1)
    }
}

/// What one document that a caisse recorded so adds to its count, under a policy.
pub fn of_class(counting: &Counting, kind: Kind, class: Class) -> Count {
    let counted = match (class, counting.paper_sheets) {
        (Class::Paper | Class::AmcPaper, PaperSheets::NotCounted) => false,
        (Class::Paper | Class::AmcPaper, PaperSheets::Counted)
        | (Class::Fse | Class::B2 | Class::Dre | Class::AmcFlow, _) => {
            counting.kinds.contains(&kind)
        }
    };
    if !counted {
        return Count::ZERO;
    }
    // What comes by the complementary insurer's own flow is an electronic DRE too.
    let as_ours = match class {
        Class::AmcFlow => Class::Dre,
        Class::Fse | Class::B2 | Class::Dre | Class::Paper | Class::AmcPaper => class,
    };
    let mut modes = counting.numerator_modes.iter();
    let in_numerator = modes.any(|mode| Class::of(kind, *mode) == as_ours);
    Count {
        numerator: i64::from(in_numerator),
        denominator: 1,
    }
}

impl Add for Count {
    type Output = Count;
    fn add(self, other: Count) -> Count {
        Count {
            numerator: self.numerator + other.numerator,
            denominator: self.denominator + other.denominator,
        }
    }
}

impl Sub for Count {
    type Output = Count;
    fn sub(self, other: Count) -> Count {
        Count {
            numerator: self.numerator - other.numerator,
            denominator: self.denominator - other.denominator,
        }
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        *self = *self + other;
    }
}
