//! Decimal numbers where they stand in the text: one of any length needs neither memory nor rounding.

use std::cmp::Ordering;

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
