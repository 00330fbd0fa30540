//! Lexical forms and order of the XSD built-in types. Values are compared where they stand in the text: a decimal of
//! any length and an instant of any precision need neither memory nor rounding.

use std::cmp::Ordering;

use super::names::{is_name, is_ncname, is_nmtoken};

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

/// A decimal number in its text: sign, integer digits without leading zeros, fraction without trailing zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal<S> {
    negative: bool,
    integer: S,
    fraction: S,
}

impl<'t> Decimal<&'t str> {
    pub(super) fn parse(text: &'t str) -> Option<Decimal<&'t str>> {
        let (negative, digits) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let point = digits.bytes().position(|byte| byte == b'.');
        let (integer, fraction) = match point {
            Some(point) => (&digits[..point], &digits[point + 1..]),
            None => (digits, ""),
        };
        let mut all = integer.bytes().chain(fraction.bytes());
        if integer.len() + fraction.len() == 0 || !all.all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let leading = integer.bytes().take_while(|byte| *byte == b'0').count();
        let trailing = fraction
            .bytes()
            .rev()
            .take_while(|byte| *byte == b'0')
            .count();
        let (integer, fraction) = (&integer[leading..], &fraction[..fraction.len() - trailing]);
        let zero = integer.is_empty() && fraction.is_empty();
        Some(Decimal {
            negative: negative && !zero,
            integer,
            fraction,
        })
    }

    pub(super) fn compare<O: AsRef<str>>(&self, other: &Decimal<O>) -> Ordering {
        let (integer, fraction) = (other.integer.as_ref(), other.fraction.as_ref());
        let magnitude = self.integer.len().cmp(&integer.len());
        let magnitude = magnitude.then_with(|| self.integer.cmp(integer));
        // Without trailing zeros, fractions compare as text.
        let magnitude = magnitude.then_with(|| self.fraction.cmp(fraction));
        match (self.negative, other.negative) {
            (false, false) => magnitude,
            (true, true) => magnitude.reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }

    pub(super) fn fraction_digits(&self) -> usize {
        self.fraction.len()
    }

    /// Significant digits of the value: 0.05 has two, as its fraction needs them both; 0 has one.
    pub(super) fn total_digits(&self) -> usize {
        (self.integer.len() + self.fraction.len()).max(1)
    }

    /// One text for each value.
    pub(super) fn canonical(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        [sign, self.integer, ".", self.fraction].concat()
    }

    /// The same, owned.
    pub(super) fn kept(&self) -> Decimal<Box<str>> {
        let Decimal {
            negative,
            integer,
            fraction,
        } = *self;
        Decimal {
            negative,
            integer: integer.into(),
            fraction: fraction.into(),
        }
    }
}

/// A point on the calendar in its text; parts that the type does not have are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instant<S> {
    /// Days since a common origin.
    day: i64,
    /// Second of the day, 86400 for 24:00:00 (which is then the next day's 0).
    second: i64,
    fraction: S,
    /// Minutes east of Greenwich.
    zone: Option<i64>,
}

impl<'t> Instant<&'t str> {
    pub(super) fn parse(builtin: Builtin, text: &'t str) -> Option<Instant<&'t str>> {
        let mut cursor = Cursor(text);
        let (mut year, mut month, mut day) = (1970, 1, 1);
        let (mut second, mut fraction) = (0, "");
        if builtin != Builtin::Time {
            year = cursor.year()?;
        }
        if matches!(
            builtin,
            Builtin::Date | Builtin::DateTime | Builtin::GYearMonth
        ) {
            month = cursor.literal('-')?.two(1, 12)?;
        }
        if matches!(builtin, Builtin::Date | Builtin::DateTime) {
            day = cursor.literal('-')?.two(1, days_in(year, month))?;
        }
        if builtin == Builtin::DateTime {
            cursor.literal('T')?;
        }
        if matches!(builtin, Builtin::DateTime | Builtin::Time) {
            (second, fraction) = cursor.clock()?;
        }
        let zone = cursor.zone()?;
        Some(Instant {
            day: days(year, month, day),
            second,
            fraction,
            zone,
        })
    }

    /// Without a time zone an instant may be anywhere within 14 hours around; the order is then only known when it
    /// is the same for all of them (XML Schema part 2, 3.2.7.4).
    pub(super) fn compare<O: AsRef<str>>(&self, other: &Instant<O>) -> Option<Ordering> {
        const WIDEST: i64 = 14 * 60;
        let with = |mine: i64, theirs: i64| {
            let order = self.seconds(mine).cmp(&other.seconds(theirs));
            order.then_with(|| self.fraction.cmp(other.fraction.as_ref()))
        };
        let range = |low: Ordering, high: Ordering| (low == high).then_some(low);
        match (self.zone, other.zone) {
            (Some(mine), Some(theirs)) => Some(with(mine, theirs)),
            (None, None) => Some(with(0, 0)),
            (Some(mine), None) => range(with(mine, -WIDEST), with(mine, WIDEST)),
            (None, Some(theirs)) => range(with(-WIDEST, theirs), with(WIDEST, theirs)),
        }
    }

    /// The same, owned.
    pub(super) fn kept(&self) -> Instant<Box<str>> {
        let Instant {
            day,
            second,
            fraction,
            zone,
        } = *self;
        Instant {
            day,
            second,
            fraction: fraction.into(),
            zone,
        }
    }
}

impl<S> Instant<S> {
    fn seconds(&self, zone: i64) -> i64 {
        self.day * 86_400 + self.second - zone * 60
    }
}

/// What is left of a text to parse.
struct Cursor<'t>(&'t str);

impl<'t> Cursor<'t> {
    fn literal(&mut self, char: char) -> Option<&mut Self> {
        self.0 = self.0.strip_prefix(char)?;
        Some(self)
    }

    fn digits(&mut self) -> &'t str {
        let end = self
            .0
            .bytes()
            .position(|byte| !byte.is_ascii_digit())
            .unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        digits
    }

    /// Exactly two digits, within bounds.
    fn two(&mut self, low: i64, high: i64) -> Option<i64> {
        let bytes = self.0.as_bytes();
        let digit = |index: usize| {
            bytes
                .get(index)
                .filter(|byte| byte.is_ascii_digit())
                .map(|byte| i64::from(byte - b'0'))
        };
        let number = digit(0)? * 10 + digit(1)?;
        self.0 = &self.0[2..];
        (low..=high).contains(&number).then_some(number)
    }

    /// Four digits or more (then without a leading zero), perhaps negative, never 0000. Years beyond twelve digits
    /// are refused: no calendar needs them.
    fn year(&mut self) -> Option<i64> {
        let negative = self.literal('-').is_some();
        let digits = self.digits();
        let padded = digits.len() > 4 && digits.starts_with('0');
        if digits.len() < 4 || digits.len() > 12 || padded {
            return None;
        }
        let year: i64 = digits.parse().ok()?;
        (year != 0).then_some(if negative { -year } else { year })
    }

    /// Seconds of the day and the fraction without trailing zeros.
    fn clock(&mut self) -> Option<(i64, &'t str)> {
        let hour = self.two(0, 24)?;
        let minute = self.literal(':')?.two(0, 59)?;
        let second = self.literal(':')?.two(0, 59)?;
        let mut fraction = "";
        if self.literal('.').is_some() {
            fraction = self.digits();
            if fraction.is_empty() {
                return None;
            }
        }
        let fraction = fraction.trim_end_matches('0');
        if hour == 24 && (minute != 0 || second != 0 || !fraction.is_empty()) {
            return None;
        }
        Some((hour * 3600 + minute * 60 + second, fraction))
    }

    /// The time zone, and then nothing more.
    fn zone(&mut self) -> Option<Option<i64>> {
        let zone = match self.0.as_bytes().first() {
            None => return Some(None),
            Some(b'Z') => {
                self.0 = &self.0[1..];
                0
            }
            Some(sign @ (b'+' | b'-')) => {
                self.0 = &self.0[1..];
                let hours = self.two(0, 14)?;
                let minutes = self.literal(':')?.two(0, 59)?;
                let offset = hours * 60 + minutes;
                if offset > 14 * 60 {
                    return None;
                }
                if *sign == b'-' { -offset } else { offset }
            }
            Some(_) => return None,
        };
        self.0.is_empty().then_some(Some(zone))
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    // There is no year 0 in XSD 1.0: −1 is the year before 1, a leap year as year 0 would be.
    let year = if year < 0 { year + 1 } else { year };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1 March of year 0 (proleptic Gregorian), counting years from March so that the leap day comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if year < 0 { year + 1 } else { year };
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    year * 365 + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (month * 306 + 5) / 10
        + day
        - 1
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
    fn consecutive_days_are_one_apart() {
        let mut last = days(-5, 12, 31);
        for year in (-4..0).chain(1..2105) {
            for month in 1..=12 {
                for day in 1..=days_in(year, month) {
                    assert_eq!(days(year, month, day), last + 1, "{year}-{month}-{day}");
                    last += 1;
                }
            }
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
