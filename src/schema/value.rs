//! The XSD built-in types: lexical forms, order and length of their values.

use std::cmp::Ordering;

use super::instant::Instant;
use super::names::{is_name, is_ncname, is_nmtoken};
use super::number::Decimal;

/// The built-in types by their lexical form; the integer types are `Integer` with bounds, the string types that
/// differ only in whitespace are `Text`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Builtin {
    Text,
    Boolean,
    Decimal,
    Integer,
    Date,
    DateTime,
    Time,
    GYear,
    GYearMonth,
    Base64,
    Hex,
    AnyUri,
    Language,
    NmToken,
    Name,
    NcName,
    Id,
    IdRef,
}

/// What the value of a built-in type can be measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Length in characters, equality of text.
    Text,
    /// Length in octets.
    Binary,
    /// Digits and order.
    Number,
    /// Order, partial when only one of two has a time zone.
    Instant,
    /// Neither.
    Boolean,
}

impl Builtin {
    pub(super) fn family(self) -> Family {
        match self {
            Builtin::Boolean => Family::Boolean,
            Builtin::Decimal | Builtin::Integer => Family::Number,
            Builtin::Date
            | Builtin::DateTime
            | Builtin::Time
            | Builtin::GYear
            | Builtin::GYearMonth => Family::Instant,
            Builtin::Base64 | Builtin::Hex => Family::Binary,
            Builtin::Text | Builtin::AnyUri | Builtin::Language | Builtin::NmToken => Family::Text,
            Builtin::Name | Builtin::NcName | Builtin::Id | Builtin::IdRef => Family::Text,
        }
    }

    /// True for those whose values the document may have only once, or point at.
    pub(super) fn is_identifier(self) -> bool {
        matches!(self, Builtin::Id | Builtin::IdRef)
    }

    /// A pattern for the lexical form, where one says all of it.
    pub(super) fn form(self) -> Option<&'static str> {
        match self {
            Builtin::Boolean => Some("true|false|1|0"),
            Builtin::Decimal => Some(r"[+\-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)"),
            Builtin::Integer => Some(r"[+\-]?[0-9]+"),
            Builtin::Text => None,
            Builtin::Date
            | Builtin::DateTime
            | Builtin::Time
            | Builtin::GYear
            | Builtin::GYearMonth => None,
            Builtin::Base64 | Builtin::Hex | Builtin::AnyUri | Builtin::Language => None,
            Builtin::NmToken | Builtin::Name | Builtin::NcName => None,
            Builtin::Id | Builtin::IdRef => None,
        }
    }

    /// The value of a text, its whitespace normalised; none when it is not of the type.
    #[rustfmt::skip]
    pub(super) fn parse(self, text: &str) -> Option<Parsed<'_>> {
        let fits = match self {
            Builtin::Decimal => return Decimal::parse(text).map(Parsed::Number),
            Builtin::Integer => return Decimal::parse(text).filter(|_| !text.contains('.')).map(Parsed::Number),
            Builtin::Date | Builtin::DateTime | Builtin::Time | Builtin::GYear | Builtin::GYearMonth => {
                return Instant::parse(self, text).map(Parsed::Instant);
            }
            Builtin::Text => true,
            Builtin::Boolean => matches!(text, "true" | "false" | "1" | "0"),
            Builtin::Base64 => base64_octets(text).is_some(),
            Builtin::Hex => text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            Builtin::AnyUri => is_uri(text),
            Builtin::Language => is_language(text),
            Builtin::NmToken => is_nmtoken(text),
            Builtin::Name => is_name(text),
            Builtin::NcName | Builtin::Id | Builtin::IdRef => is_ncname(text),
        };
        fits.then_some(Parsed::Text)
    }

    /// The order of two values, none when undetermined (or not values of the type).
    pub(super) fn compare(self, left: &str, right: &str) -> Option<Ordering> {
        match self.family() {
            Family::Number => Some(Decimal::parse(left)?.compare(&Decimal::parse(right)?)),
            Family::Instant => Instant::parse(self, left)?.compare(&Instant::parse(self, right)?),
            Family::Text | Family::Binary | Family::Boolean => {
                (left == right).then_some(Ordering::Equal)
            }
        }
    }

    /// The length that the length facets count: characters or octets.
    pub(super) fn length(self, text: &str) -> usize {
        match self {
            Builtin::Base64 => base64_octets(text).unwrap_or(0),
            Builtin::Hex => text.len() / 2,
            Builtin::Text
            | Builtin::Boolean
            | Builtin::Decimal
            | Builtin::Integer
            | Builtin::Date
            | Builtin::DateTime
            | Builtin::Time
            | Builtin::GYear
            | Builtin::GYearMonth
            | Builtin::AnyUri
            | Builtin::Language
            | Builtin::NmToken
            | Builtin::Name
            | Builtin::NcName
            | Builtin::Id
            | Builtin::IdRef => text.chars().count(),
        }
    }
}

/// A value that a facet may measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parsed<'t> {
    Number(Decimal<&'t str>),
    Instant(Instant<&'t str>),
    /// Any other: what facets see of it is its text.
    Text,
}

/// How many octets a base64 text stands for. Single spaces may stand between characters; bits that no octet takes
/// must be zero.
fn base64_octets(text: &str) -> Option<usize> {
    if text.starts_with(' ') || text.ends_with(' ') {
        return None;
    }
    let mut symbols = 0;
    let mut padding = 0;
    let mut last = 0;
    for byte in text.bytes().filter(|byte| *byte != b' ') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding += 1;
                continue;
            }
            _ => return None,
        };
        if padding > 0 {
            return None;
        }
        symbols += 1;
        last = value;
    }
    let spare = match padding {
        0 => 0,
        1 => last & 0b11,
        2 => last & 0b1111,
        _ => return None,
    };
    ((symbols + padding) % 4 == 0 && spare == 0).then_some(symbols * 3 / 4)
}

/// XML Schema leaves xs:anyURI nearly open; what cannot be a URI even after escaping is refused.
fn is_uri(text: &str) -> bool {
    let bytes = text.as_bytes();
    let escaped = |at: usize| {
        bytes
            .get(at + 1..at + 3)
            .is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    };
    text.matches('#').count() <= 1 && (0..bytes.len()).all(|at| bytes[at] != b'%' || escaped(at))
}

fn is_language(text: &str) -> bool {
    let part = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let first = text.split('-').next().unwrap_or("");
    text.split('-').all(part) && first.bytes().all(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lexical_forms() {
        let rows: &[(Builtin, &str, &str)] = &[
            (Builtin::Boolean, "true false 1 0", "TRUE yes 2 01"),
            (
                Builtin::Decimal,
                "0 -0 +1.50 .5 5. 00012 123456789012345678901234567890.1",
                "- . +- 1,5 1e3 1.2.3 ١",
            ),
            (Builtin::Integer, "0 -7 +42 007", "1.0 1. .1 - 4f"),
            (
                Builtin::Date,
                "2026-02-28 2024-02-29 12026-01-01 -0001-12-31 2026-01-01Z 2026-01-01+14:00",
                "",
            ),
            (
                Builtin::Date,
                "",
                "2026-02-29 2026-13-01 2026-1-1 26-01-01 0000-01-01 012026-01-01 2026-01-01+14:01 2026-01-01z",
            ),
            (
                Builtin::DateTime,
                "2026-01-01T00:00:00 2026-01-01T24:00:00 2026-01-01T23:59:59.999Z",
                "",
            ),
            (
                Builtin::DateTime,
                "",
                "2026-01-01 2026-01-01T24:00:01 2026-01-01T23:59:60 2026-01-01T1:00:00 2026-01-01T10:00:00.",
            ),
            (
                Builtin::Time,
                "10:00:00 24:00:00Z 00:00:00.1-05:30",
                "10:00 25:00:00 10:61:00",
            ),
            (Builtin::GYear, "2026 -2026 12026 2026Z", "26 0000 2026-01"),
            (
                Builtin::GYearMonth,
                "2026-01 2026-12Z",
                "2026-13 2026 2026-1",
            ),
            (
                Builtin::Base64,
                "QQ== QUI= QUJD QUJDQQ==",
                "Q QQ= QR== QUJ= ==== QQ==QQ== Q*==",
            ),
            (Builtin::Hex, "00 aB ffff", "0 0g abc"),
            (
                Builtin::Language,
                "fr fr-FR x-klingon",
                "f- 1a toolonglanguage fr_FR",
            ),
            (Builtin::NmToken, "a -a 1 a:b é", "a/b"),
            (Builtin::Name, "a _a a:b :a", "1a -a"),
            (Builtin::NcName, "a _a é", "a:b 1a"),
            (
                Builtin::AnyUri,
                "http://a/b urn:x a%20b #x",
                "%zz a%2 a#b#c",
            ),
        ];
        for (builtin, good, bad) in rows {
            for text in good.split_whitespace() {
                assert!(builtin.parse(text).is_some(), "{builtin:?} {text}");
            }
            for text in bad.split_whitespace() {
                assert!(builtin.parse(text).is_none(), "{builtin:?} {text}");
            }
        }
    }

    #[test]
    fn order_of_values() {
        use Ordering::{Equal, Greater, Less};
        let rows: &[(Builtin, &str, &str, Option<Ordering>)] = &[
            (Builtin::Decimal, "1.0", "01", Some(Equal)),
            (Builtin::Decimal, "-0.00", "0", Some(Equal)),
            (Builtin::Decimal, "9", "10", Some(Less)),
            (Builtin::Decimal, "-9", "-10", Some(Greater)),
            (Builtin::Decimal, "0.5", "0.45", Some(Greater)),
            (Builtin::Decimal, "-1", "1", Some(Less)),
            (Builtin::Date, "2026-03-01", "2026-02-28", Some(Greater)),
            (Builtin::Date, "0001-01-01", "-0001-12-31", Some(Greater)),
            (Builtin::Date, "2026-01-01", "2026-01-01Z", None),
            (Builtin::Date, "2026-01-03", "2026-01-01Z", Some(Greater)),
            (
                Builtin::DateTime,
                "2026-01-01T24:00:00",
                "2026-01-02T00:00:00",
                Some(Equal),
            ),
            (
                Builtin::DateTime,
                "2026-01-01T12:00:00+01:00",
                "2026-01-01T11:00:00Z",
                Some(Equal),
            ),
            (
                Builtin::DateTime,
                "2026-01-01T12:00:00.5",
                "2026-01-01T12:00:00.45",
                Some(Greater),
            ),
            (Builtin::GYearMonth, "2026-01", "2025-12", Some(Greater)),
            (Builtin::Text, "a", "b", None),
        ];
        for (builtin, left, right, order) in rows {
            assert_eq!(
                builtin.compare(left, right),
                *order,
                "{builtin:?} {left} {right}"
            );
        }
    }

    #[test]
    fn digits_and_lengths() {
        for (text, total, fraction) in [
            ("0", 1, 0),
            ("0.05", 2, 2),
            ("120.50", 4, 1),
            ("-007", 1, 0),
        ] {
            let value = Decimal::parse(text).unwrap();
            assert_eq!(
                (value.total_digits(), value.fraction_digits()),
                (total, fraction),
                "{text}"
            );
        }
        assert_eq!(Builtin::Base64.length("QUJDQQ=="), 4);
        assert_eq!(Builtin::Hex.length("00ff"), 2);
        assert_eq!(Builtin::Text.length("é€"), 2);
    }
}
