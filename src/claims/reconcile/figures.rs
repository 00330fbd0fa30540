//! What a caisse says: counts per month, kind and class, and optionally its documents one by one.
//!
//! The classes are those of NOEMIE entity 102, the type that the caisse itself recorded for a facture.

use std::collections::BTreeSet;
use std::fmt;

use crate::claims::document::{Kind, Mode};
use crate::claims::id::Number;
use crate::claims::period::Period;
use crate::claims::time::Day;

/// The figures of one centre.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Counts; empty where only documents were given.
    pub counts: Vec<CountRow>,
    /// Documents; empty where only counts were given.
    pub documents: Vec<DocumentRow>,
}

/// How many documents a caisse counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CountRow {
    /// In which month.
    pub month: Month,
    /// Of which kind.
    pub kind: Kind,
    /// Of which class.
    pub class: Class,
    /// How many.
    pub count: i64,
}

/// One document as the caisse recorded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DocumentRow {
    /// Its numéro; none on paper that carries none.
    pub number: Option<Number>,
    /// Its kind.
    pub kind: Kind,
    /// The day by which the caisse counts it.
    pub day: Day,
    /// The class that the caisse recorded.
    pub class: Class,
    /// The day on which the caisse received it, where it says so.
    pub received: Option<Day>,
    /// The line of the file.
    pub line: u32,
}

/// The type of a facture as the caisse recorded it (NOEMIE entity 102).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// F: a secured FSE.
    Fse,
    /// B: B2 or dégradé.
    B2,
    /// D: a DRE.
    Dre,
    /// P: paper.
    Paper,
    /// A: a flow of the complementary insurer.
    AmcFlow,
    /// C: paper of the complementary insurer.
    AmcPaper,
}

/// A calendar month: months since January of year 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

/// Whole months, first and last included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Months {
    first: Month,
    last: Month,
}

impl Figures {
    /// The months that any row names.
    pub fn months(&self) -> BTreeSet<Month> {
        let counts = self.counts.iter().map(|row| row.month);
        let documents = self.documents.iter().map(DocumentRow::month);
        counts.chain(documents).collect()
    }
}

impl DocumentRow {
    /// The month in which the caisse counts it.
    pub fn month(&self) -> Month {
        Month::of(self.day)
    }
}

impl Class {
    /// Every class.
    pub const ALL: [Class; 6] = [
        Class::Fse,
        Class::B2,
        Class::Dre,
        Class::Paper,
        Class::AmcFlow,
        Class::AmcPaper,
    ];

    /// The letter of the entity.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Fse => "F",
            Class::B2 => "B",
            Class::Dre => "D",
            Class::Paper => "P",
            Class::AmcFlow => "A",
            Class::AmcPaper => "C",
        }
    }

    /// Reads that letter.
    pub fn parse(text: &str) -> Option<Class> {
        Class::ALL.into_iter().find(|class| class.as_str() == text)
    }

    /// The class in which a caisse counts one of our documents: F is S, F and C; B is D, L, P and N.
    pub fn of(kind: Kind, mode: Mode) -> Class {
        match (kind, mode) {
            (Kind::Dre, _) => Class::Dre,
            (
                Kind::Fse | Kind::Pj | Kind::Pec,
                Mode::Secured | Mode::WithoutVitale | Mode::Clear,
            ) => Class::Fse,
            (
                Kind::Fse | Kind::Pj | Kind::Pec,
                Mode::Degraded | Mode::Online | Mode::Sefi | Mode::Unsecured,
            ) => Class::B2,
        }
    }

    /// Whether it came electronically.
    pub fn is_electronic(self) -> bool {
        match self {
            Class::Fse | Class::B2 | Class::Dre | Class::AmcFlow => true,
            Class::Paper | Class::AmcPaper => false,
        }
    }

    /// Whether a caisse records a document of this kind so.
    pub fn fits(self, kind: Kind) -> bool {
        match (self, kind) {
            (Class::Fse, Kind::Fse | Kind::Pj | Kind::Pec) => true,
            (Class::Dre | Class::AmcFlow | Class::AmcPaper, Kind::Dre) => true,
            (Class::B2, Kind::Fse | Kind::Pj | Kind::Pec) => true,
            (Class::Paper, Kind::Fse) => true,
            (Class::Fse | Class::B2 | Class::Paper, Kind::Dre) => false,
            (Class::Dre | Class::AmcFlow | Class::AmcPaper, Kind::Fse | Kind::Pj | Kind::Pec) => {
                false
            }
            (Class::Paper, Kind::Pj | Kind::Pec) => false,
        }
    }
}

impl Month {
    /// The month of a day.
    pub fn of(day: Day) -> Month {
        let month = i32::try_from(day.month()).unwrap_or(1);
        Month(day.year() * 12 + month - 1)
    }

    /// Reads `YYYY-MM`, exactly.
    pub fn parse(text: &str) -> Option<Month> {
        Day::parse(&format!("{text}-01")).map(Month::of)
    }

    /// Its first day.
    pub fn first_day(self) -> Option<Day> {
        let month = u32::try_from(self.0.rem_euclid(12)).ok()?;
        Day::new(self.0.div_euclid(12), month + 1, 1)
    }

    /// The month after it.
    #[must_use]
    pub fn next(self) -> Month {
        Month(self.0 + 1)
    }
}

impl Months {
    /// The months of a period, if it begins and ends with one.
    pub fn of(period: Period) -> Option<Months> {
        let (from, to) = (period.from(), period.to());
        let whole = from.day_of_month() == 1 && to.plus_days(1).day_of_month() == 1;
        whole.then(|| Months {
            first: Month::of(from),
            last: Month::of(to),
        })
    }

    /// Each of them in order.
    pub fn each(self) -> impl Iterator<Item = Month> {
        (self.first.0..=self.last.0).map(Month)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month) = (self.0.div_euclid(12), self.0.rem_euclid(12) + 1);
        write!(out, "{year:04}-{month:02}")
    }
}

impl fmt::Debug for Month {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}
