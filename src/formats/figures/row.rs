//! One row of either form: its texts become values, or a finding at the field that is wrong.

use std::collections::BTreeSet;

use crate::claims::document::{Kind, Mode};
use crate::claims::id::{Finess, Number};
use crate::claims::reconcile::figures::{Class, CountRow, DocumentRow, Month};
use crate::claims::time::Day;
use crate::formats::figures::{Code, File};

/// The largest count of one row.
const MOST: i64 = 1_000_000_000;

/// A field of a row, in the order of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Centre,
    Kind,
    Type,
    Mode,
    Month,
    Count,
    Date,
    Number,
    Received,
}

/// The texts of one row; an empty text is an absent one.
#[derive(Clone, Debug, Default)]
pub(super) struct Row<'a> {
    pub(super) line: u32,
    pub(super) texts: [Option<&'a str>; 9],
}

/// A file being put together.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) file: File,
    /// Counts given so far, by the letter as written: several modes of IR_TCR_V make one class.
    seen: BTreeSet<(Finess, Month, Kind, String)>,
}

/// What is wrong with a row, and in which field.
pub(super) type Fault = (Code, Field);

impl Field {
    pub(super) const ALL: [Field; 9] = [
        Field::Centre,
        Field::Kind,
        Field::Type,
        Field::Mode,
        Field::Month,
        Field::Count,
        Field::Date,
        Field::Number,
        Field::Received,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Field::Centre => "centre",
            Field::Kind => "kind",
            Field::Type => "type",
            Field::Mode => "mode",
            Field::Month => "month",
            Field::Count => "count",
            Field::Date => "date",
            Field::Number => "number",
            Field::Received => "received",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Field> {
        Field::ALL.into_iter().find(|field| field.as_str() == text)
    }
}

impl<'a> Row<'a> {
    pub(super) fn set(&mut self, field: Field, text: &'a str) {
        let text = text.trim();
        self.texts[field as usize] = (!text.is_empty()).then_some(text);
    }

    fn text(&self, field: Field) -> Option<&'a str> {
        self.texts[field as usize]
    }

    /// The value of a field, or a fault.
    fn take<T>(
        &self,
        field: Field,
        code: Code,
        faults: &mut Vec<Fault>,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.text(field).and_then(read);
        if value.is_none() {
            faults.push((code, field));
        }
        value
    }

    fn class(&self, kind: Option<Kind>, faults: &mut Vec<Fault>) -> Option<Class> {
        let (field, class) = match self.text(Field::Mode) {
            Some(mode) => (Field::Mode, class_of_mode(kind, mode)),
            None => {
                let class = self.text(Field::Type).and_then(Class::parse);
                (Field::Type, class)
            }
        };
        match (class, kind) {
            (None, _) => faults.push((Code::Class, field)),
            (Some(class), Some(kind)) if !class.fits(kind) => {
                faults.push((Code::KindClass, field));
            }
            (Some(_), Some(_) | None) => {}
        }
        class
    }
}

/// The class of a mode of IR_TCR_V, which does not know paper.
fn class_of_mode(kind: Option<Kind>, mode: &str) -> Option<Class> {
    let paper = match kind {
        Some(Kind::Dre) => Class::AmcPaper,
        Some(Kind::Fse | Kind::Pj | Kind::Pec) | None => Class::Paper,
    };
    if mode == "paper" {
        return Some(paper);
    }
    let mode = Mode::parse(mode)?;
    Some(Class::of(kind.unwrap_or(Kind::Fse), mode))
}

impl Gathered {
    /// Takes a row, or says what is wrong with it.
    pub(super) fn take(&mut self, row: &Row<'_>) -> Vec<Fault> {
        let mut faults = Vec::new();
        let centre = row.take(Field::Centre, Code::Centre, &mut faults, |text| {
            Finess::parse(text).ok()
        });
        let kind = row.take(Field::Kind, Code::Kind, &mut faults, Kind::parse);
        let class = row.class(kind, &mut faults);
        match (row.text(Field::Count), row.text(Field::Date)) {
            (Some(_), None) => self.count(row, (centre, kind, class), &mut faults),
            (None, Some(_)) => self.document(row, (centre, kind, class), &mut faults),
            (Some(_), Some(_)) => faults.push((Code::Row, Field::Date)),
            (None, None) => faults.push((Code::Row, Field::Count)),
        }
        faults
    }

    fn count(
        &mut self,
        row: &Row<'_>,
        (centre, kind, class): (Option<Finess>, Option<Kind>, Option<Class>),
        faults: &mut Vec<Fault>,
    ) {
        let month = row.take(Field::Month, Code::Month, faults, Month::parse);
        let count = row.take(Field::Count, Code::Count, faults, whole);
        let (Some(centre), Some(kind), Some(class)) = (centre, kind, class) else {
            return;
        };
        let (Some(month), Some(count), true) = (month, count, faults.is_empty()) else {
            return;
        };
        let letter = row.text(Field::Mode).or(row.text(Field::Type));
        let letter = letter.unwrap_or_default().to_owned();
        if !self.seen.insert((centre, month, kind, letter)) {
            faults.push((Code::Repeated, Field::Centre));
            return;
        }
        self.span(month);
        self.file.counts += 1;
        let figures = self.file.centres.entry(centre).or_default();
        figures.counts.push(CountRow {
            month,
            kind,
            class,
            count,
        });
    }

    fn document(
        &mut self,
        row: &Row<'_>,
        (centre, kind, class): (Option<Finess>, Option<Kind>, Option<Class>),
        faults: &mut Vec<Fault>,
    ) {
        let day = row.take(Field::Date, Code::Date, faults, Day::parse);
        let number = row.text(Field::Number).map(|text| Number::parse(text).ok());
        let needed = class.is_some_and(Class::is_electronic);
        if number == Some(None) || (number.is_none() && needed) {
            faults.push((Code::Number, Field::Number));
        }
        let received = row.text(Field::Received).map(Day::parse);
        if received == Some(None) {
            faults.push((Code::Received, Field::Received));
        }
        let (Some(centre), Some(kind), Some(class)) = (centre, kind, class) else {
            return;
        };
        let (Some(day), true) = (day, faults.is_empty()) else {
            return;
        };
        self.span(Month::of(day));
        self.file.documents += 1;
        let figures = self.file.centres.entry(centre).or_default();
        figures.documents.push(DocumentRow {
            number: number.flatten(),
            kind,
            day,
            class,
            received: received.flatten(),
            line: row.line,
        });
    }

    fn span(&mut self, month: Month) {
        let (first, last) = self.file.months.unwrap_or((month, month));
        self.file.months = Some((first.min(month), last.max(month)));
    }
}

/// Digits alone.
fn whole(text: &str) -> Option<i64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let value: i64 = text.parse().ok().filter(|_| digits)?;
    (value <= MOST).then_some(value)
}
