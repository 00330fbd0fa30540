//! Simple types, compiled: whitespace, lexical form and facets of a value.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::bound::Bound;
use super::code::Code;
use super::number::Decimal;
use super::pattern::Pattern;
use super::value::{Builtin, Family, Parsed};
use super::white::{White, words};

/// Index of a simple type in [`Simples`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SimpleId(u32);

/// All simple types of a schema.
#[derive(Debug, Default)]
pub(super) struct Simples(Vec<(Simple, Shortcut)>);

/// What of a type need be checked of a value as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shortcut {
    /// The patterns: what matches them is a value of the type, whitespace and all.
    Patterns,
    /// All of it.
    None,
}

/// A simple type: what it is made of and the facets of all its derivation steps together.
#[derive(Clone, Debug)]
pub(super) struct Simple {
    pub(super) kind: Kind,
    pub(super) white: White,
    /// One per derivation step that has patterns: all must match.
    pub(super) patterns: Vec<Pattern>,
    /// Values allowed, normalised; empty for any.
    pub(super) enumeration: Vec<Box<str>>,
    pub(super) length: (usize, usize),
    pub(super) bounds: Vec<Bound>,
    pub(super) total_digits: Option<usize>,
    pub(super) fraction_digits: Option<usize>,
}

/// The variety of a simple type.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Atomic(Builtin),
    List(SimpleId),
    Union(Box<[SimpleId]>),
}

/// What of its type a value fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Facet {
    Type,
    Pattern,
    Enumeration,
    Length,
    Digits,
    Range,
}

impl Facet {
    /// The finding of a value that fails it.
    pub(super) fn code(self) -> Code {
        match self {
            Facet::Type => Code::XsdValueType,
            Facet::Pattern => Code::XsdValuePattern,
            Facet::Enumeration => Code::XsdValueEnumeration,
            Facet::Length => Code::XsdValueLength,
            Facet::Digits => Code::XsdValueDigits,
            Facet::Range => Code::XsdValueRange,
        }
    }
}

impl Simple {
    /// A type without facets.
    pub(super) fn plain(kind: Kind, white: White) -> Simple {
        Simple {
            kind,
            white,
            patterns: Vec::new(),
            enumeration: Vec::new(),
            length: (0, usize::MAX),
            bounds: Vec::new(),
            total_digits: None,
            fraction_digits: None,
        }
    }

    /// A value as its type sees it.
    pub(super) fn normalise<'v>(&self, value: &'v str) -> Cow<'v, str> {
        self.white.apply(value)
    }
}

impl Simples {
    pub(super) fn add(&mut self, simple: Simple) -> SimpleId {
        let shortcut = simple.shortcut();
        self.0.push((simple, shortcut));
        SimpleId(self.0.len() as u32 - 1)
    }

    pub(super) fn get(&self, id: SimpleId) -> &Simple {
        &self.0[id.0 as usize].0
    }

    /// True when a value as written is certainly right, and is no identifier: nearly always, and soon seen. When it
    /// is not true, the value is to be normalised and checked.
    #[inline]
    pub(super) fn is_surely(&self, id: SimpleId, value: &str) -> bool {
        let (simple, shortcut) = &self.0[id.0 as usize];
        let mut patterns = simple.patterns.iter();
        *shortcut == Shortcut::Patterns && patterns.all(|pattern| pattern.matches(value))
    }

    /// True when a text is a value of the type, and of one that is no identifier; a list or union is not looked into.
    #[inline]
    pub(super) fn takes(&self, id: SimpleId, text: &str) -> bool {
        self.is_surely(id, text) || self.takes_normalised(id, text)
    }

    fn takes_normalised(&self, id: SimpleId, text: &str) -> bool {
        let simple = self.get(id);
        let plain = match simple.kind {
            Kind::Atomic(builtin) => !builtin.is_identifier(),
            Kind::List(_) | Kind::Union(_) => false,
        };
        plain && self.check(id, &simple.normalise(text)).is_ok()
    }

    /// Checks a normalised value; the first facet that it fails is the finding.
    pub(super) fn check(&self, id: SimpleId, value: &str) -> Result<(), Facet> {
        let simple = self.get(id);
        let parsed = match &simple.kind {
            Kind::Atomic(builtin) => builtin.parse(value).ok_or(Facet::Type)?,
            Kind::List(item) => {
                words(value).try_for_each(|word| self.check(*item, word))?;
                Parsed::Text
            }
            Kind::Union(members) => {
                self.member(members, value).ok_or(Facet::Type)?;
                Parsed::Text
            }
        };
        if !simple.patterns.iter().all(|pattern| pattern.matches(value)) {
            return Err(Facet::Pattern);
        }
        let mut allowed = simple.enumeration.iter();
        if !simple.enumeration.is_empty() && !allowed.any(|one| self.equal(id, one, value)) {
            return Err(Facet::Enumeration);
        }
        if simple.length != (0, usize::MAX) {
            let length = simple.measure(value);
            if length < simple.length.0 || length > simple.length.1 {
                return Err(Facet::Length);
            }
        }
        if let Parsed::Number(decimal) = &parsed
            && simple.has_too_many_digits(decimal)
        {
            return Err(Facet::Digits);
        }
        match simple.bounds.iter().all(|bound| bound.holds(&parsed)) {
            true => Ok(()),
            false => Err(Facet::Range),
        }
    }

    /// True when two normalised texts are the same value of a type.
    pub(super) fn equal(&self, id: SimpleId, left: &str, right: &str) -> bool {
        match &self.get(id).kind {
            Kind::Atomic(builtin) => {
                left == right || builtin.compare(left, right) == Some(Ordering::Equal)
            }
            Kind::List(_) | Kind::Union(_) => left == right,
        }
    }

    /// One text for each value, of whatever type: numbers by their digits, all else as written.
    pub(super) fn canonical(&self, id: SimpleId, value: &str) -> String {
        let number = self
            .builtin(id, value)
            .is_some_and(|builtin| builtin.family() == Family::Number);
        match number.then(|| Decimal::parse(value)).flatten() {
            Some(decimal) => decimal.canonical(),
            None => ["text ", value].concat(),
        }
    }

    /// The built-in type that reads an atomic value; that of the first member that takes it, for a union.
    pub(super) fn builtin(&self, id: SimpleId, value: &str) -> Option<Builtin> {
        match &self.get(id).kind {
            Kind::Atomic(builtin) => Some(*builtin),
            Kind::List(_) => None,
            Kind::Union(members) => self.builtin(self.member(members, value)?, value),
        }
    }

    /// What the schema wants of a value, in its own words: for the text of a finding.
    pub(super) fn wants(&self, id: SimpleId, facet: Facet) -> String {
        let simple = self.get(id);
        let item = match simple.kind {
            Kind::List(item) => Some(item),
            Kind::Atomic(_) | Kind::Union(_) => None,
        };
        let own = match facet {
            Facet::Pattern => simple
                .patterns
                .iter()
                .map(Pattern::source)
                .collect::<Vec<_>>()
                .join(" & "),
            Facet::Enumeration => simple.enumeration.join(", "),
            Facet::Length if simple.length != (0, usize::MAX) => match simple.length {
                (low, usize::MAX) => format!("≥ {low}"),
                (low, high) if low == high => format!("{low}"),
                (low, high) => format!("{low}–{high}"),
            },
            Facet::Digits => simple.digits(),
            Facet::Range => simple
                .bounds
                .iter()
                .map(Bound::words)
                .collect::<Vec<_>>()
                .join(", "),
            Facet::Type => simple.type_words(),
            Facet::Length => String::new(),
        };
        match item {
            Some(item) if own.is_empty() => self.wants(item, facet),
            _ => own,
        }
    }

    fn member(&self, members: &[SimpleId], value: &str) -> Option<SimpleId> {
        let fits = |member: &&SimpleId| {
            self.check(**member, &self.get(**member).normalise(value))
                .is_ok()
        };
        members.iter().find(fits).copied()
    }
}

impl Simple {
    fn shortcut(&self) -> Shortcut {
        let plain = self.enumeration.is_empty()
            && self.length == (0, usize::MAX)
            && self.bounds.is_empty()
            && self.total_digits.is_none()
            && self.fraction_digits.is_none();
        let sure = match self.kind {
            Kind::Atomic(Builtin::Text) => {
                self.white == White::Preserve && !self.patterns.is_empty()
            }
            // No lexical form has whitespace in it: what matches needs no normalising.
            Kind::Atomic(builtin) => builtin
                .form()
                .and_then(|form| Pattern::compile(&[form]).ok())
                .is_some_and(|form| self.patterns.iter().any(|one| one.is_within(&form))),
            Kind::List(_) | Kind::Union(_) => false,
        };
        match plain && sure {
            true => Shortcut::Patterns,
            false => Shortcut::None,
        }
    }

    fn measure(&self, value: &str) -> usize {
        match &self.kind {
            Kind::Atomic(builtin) => builtin.length(value),
            Kind::List(_) => words(value).count(),
            Kind::Union(_) => value.chars().count(),
        }
    }

    fn has_too_many_digits(&self, decimal: &Decimal<&str>) -> bool {
        self.total_digits
            .is_some_and(|most| decimal.total_digits() > most)
            || self
                .fraction_digits
                .is_some_and(|most| decimal.fraction_digits() > most)
    }

    fn digits(&self) -> String {
        let total = self.total_digits.map(|most| format!("≤ {most}"));
        let fraction = self.fraction_digits.map(|most| format!("≤ {most} (0,…)"));
        total
            .into_iter()
            .chain(fraction)
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn type_words(&self) -> String {
        match &self.kind {
            Kind::Atomic(builtin) => match builtin {
                Builtin::Text => "xs:string",
                Builtin::Boolean => "xs:boolean",
                Builtin::Decimal => "xs:decimal",
                Builtin::Integer => "xs:integer",
                Builtin::Date => "xs:date",
                Builtin::DateTime => "xs:dateTime",
                Builtin::Time => "xs:time",
                Builtin::GYear => "xs:gYear",
                Builtin::GYearMonth => "xs:gYearMonth",
                Builtin::Base64 => "xs:base64Binary",
                Builtin::Hex => "xs:hexBinary",
                Builtin::AnyUri => "xs:anyURI",
                Builtin::Language => "xs:language",
                Builtin::NmToken => "xs:NMTOKEN",
                Builtin::Name => "xs:Name",
                Builtin::NcName => "xs:NCName",
                Builtin::Id => "xs:ID",
                Builtin::IdRef => "xs:IDREF",
            }
            .to_owned(),
            Kind::List(_) | Kind::Union(_) => String::new(),
        }
    }
}
