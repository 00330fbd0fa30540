//! Text of a document to values: amounts, coefficients, days, booleans, base64.
//!
//! The XSD has fixed the forms; what does not fit is `None` all the same, never a guess and never a panic.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::claims::document::Cents;
use crate::claims::id::Digest;
use crate::claims::time::{Day, Timestamp};

/// Euros with two decimals to cents.
pub(super) fn cents(text: &str) -> Option<Cents> {
    let (negative, digits) = match trimmed(text).as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let [euros @ .., b'.', tens, ones] = digits else {
        return None;
    };
    let cents = unsigned(euros)?
        .checked_mul(100)?
        .checked_add(unsigned(&[*tens, *ones])?)?;
    let cents = i64::try_from(cents).ok()?;
    Some(Cents(if negative { -cents } else { cents }))
}

/// A coefficient with at most two decimals to hundredths.
pub(super) fn hundredths(text: &str) -> Option<u32> {
    let (whole, decimals) = match trimmed(text).as_bytes() {
        [whole @ .., b'.', tens, ones] => (whole, [*tens, *ones]),
        [whole @ .., b'.', tens] => (whole, [*tens, b'0']),
        whole => (whole, [b'0', b'0']),
    };
    let hundredths = unsigned(whole)?
        .checked_mul(100)?
        .checked_add(unsigned(&decimals)?)?;
    u32::try_from(hundredths).ok()
}

/// A whole number.
pub(super) fn whole<T: TryFrom<u64>>(text: &str) -> Option<T> {
    T::try_from(unsigned(trimmed(text).as_bytes())?).ok()
}

/// A day.
pub(super) fn day(text: &str) -> Option<Day> {
    Day::parse(trimmed(text))
}

/// An instant in UTC.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    Timestamp::parse(trimmed(text))
}

/// `xs:boolean`.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match trimmed(text) {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// Length and SHA-256 of what base64 text stands for. The decoded bytes are not kept: they may be nominative.
pub(super) fn decoded(text: &str) -> Option<(usize, Digest)> {
    let base64: Vec<u8> = text.bytes().filter(|byte| !is_space(*byte)).collect();
    let bytes = STANDARD.decode(base64).ok()?;
    Some((bytes.len(), Digest(Sha256::digest(&bytes).into())))
}

/// Digits only: no sign, no blank.
fn unsigned(digits: &[u8]) -> Option<u64> {
    let number = digits.iter().try_fold(0u64, |number, byte| {
        let digit = u64::from(byte.wrapping_sub(b'0'));
        let number = number.checked_mul(10)?.checked_add(digit)?;
        (digit < 10).then_some(number)
    });
    number.filter(|_| !digits.is_empty())
}

/// Without the blanks around it that XML Schema collapses on all types but strings.
fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [first, .., last] if is_space(*first) || is_space(*last) => {
            text.trim_matches([' ', '\t', '\n', '\r'])
        }
        [first] if is_space(*first) => "",
        _ => text,
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_to_the_cent() {
        for (text, expected) in [
            ("30.00", Some(3000)),
            (" 0.05\n", Some(5)),
            ("-12.34", Some(-1234)),
            ("99999999.99", Some(9_999_999_999)),
            ("30", None),
            ("30.0", None),
            ("30.000", None),
            ("30,00", None),
            ("+30.00", None),
            ("--1.00", None),
            (".50", None),
            ("1 0.00", None),
            ("184467440737095516.16", None),
            ("", None),
        ] {
            assert_eq!(cents(text), expected.map(Cents), "{text}");
        }
    }

    #[test]
    fn coefficients_are_read_in_hundredths() {
        for (text, expected) in [
            ("1", Some(100)),
            ("8.6", Some(860)),
            ("2.25", Some(225)),
            ("0.05", Some(5)),
            (" 4 ", Some(400)),
            ("1.", None),
            ("1.125", None),
            ("-1", None),
            ("99999999", None),
        ] {
            assert_eq!(hundredths(text), expected, "{text}");
        }
    }

    #[test]
    fn whole_numbers_and_booleans_are_read_strictly() {
        for (text, expected) in [
            ("7", Some(7)),
            (" 100 ", Some(100)),
            ("256", None),
            ("+7", None),
            ("", None),
        ] {
            assert_eq!(whole::<u8>(text), expected, "{text}");
        }
        for (text, expected) in [
            ("true", Some(true)),
            ("1", Some(true)),
            (" 0 ", Some(false)),
            ("false", Some(false)),
            ("True", None),
        ] {
            assert_eq!(boolean(text), expected, "{text}");
        }
    }

    #[test]
    fn base64_is_decoded_for_its_digest_only() {
        let expected = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        for (text, found) in [
            ("aGVsbG8=", Some((5, expected))),
            ("\n  aGVs\n  bG8=\n", Some((5, expected))),
            ("aGVsbG8", None),
            ("aGVsbG9=", None),
            ("aGVs!G8=", None),
        ] {
            let found = found.map(|(length, digest)| (length, Digest::parse(digest).unwrap()));
            assert_eq!(decoded(text), found, "{text}");
        }
    }
}
