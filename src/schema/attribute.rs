//! The attributes of a tag as written: names, values with references resolved, and the forms of references.

use std::borrow::Cow;

use super::code::Code;
use super::names::{Name, Namespace};
use super::scan::is_space;

/// An attribute with its namespace resolved.
#[derive(Clone, Debug)]
pub(super) struct RawAttribute<'t> {
    pub(super) local: &'t str,
    pub(super) value: Cow<'t, str>,
    pub(super) namespace: Namespace,
    /// Its name, when the schema knows it.
    pub(super) name: Option<Name>,
    /// Offset of its name.
    pub(super) at: u32,
    pub(super) prefix: &'t str,
    /// Index of the declaration of its prefix.
    pub(super) binding: Option<usize>,
}

/// An attribute as it stands in a tag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written<'t> {
    pub(super) name: &'t str,
    /// Between the quotes.
    pub(super) value: &'t str,
    /// Offsets in the tag: of its name, and just after its closing quote.
    pub(super) begin: usize,
    pub(super) end: usize,
}

/// The next attribute of a tag from an offset on: none at the end of the tag; where it goes wrong, for an error.
pub(super) fn next(tag: &str, from: usize) -> Result<Option<Written<'_>>, usize> {
    let begin = skip_space(tag.as_bytes(), from);
    if begin == tag.len() {
        return Ok(None);
    }
    // Whitespace must stand before each.
    match written(tag, begin) {
        Some(written) if begin > from => Ok(Some(written)),
        Some(_) | None => Err(begin),
    }
}

fn written(tag: &str, begin: usize) -> Option<Written<'_>> {
    let bytes = tag.as_bytes();
    let mut name = bytes[begin..].iter();
    let len = name.position(|byte| *byte == b'=' || is_space(*byte))?;
    let equals = skip_space(bytes, begin + len);
    if len == 0 || bytes.get(equals) != Some(&b'=') {
        return None;
    }
    let open = skip_space(bytes, equals + 1);
    let quote = *bytes
        .get(open)
        .filter(|quote| matches!(quote, b'"' | b'\''))?;
    let count = bytes[open + 1..].iter().position(|byte| *byte == quote)?;
    let close = open + 1 + count;
    Some(Written {
        name: &tag[begin..begin + len],
        value: &tag[open + 1..close],
        begin,
        end: close + 1,
    })
}

fn skip_space(bytes: &[u8], from: usize) -> usize {
    let rest = &bytes[from..];
    let count = rest.iter().position(|byte| !is_space(*byte));
    from + count.unwrap_or(rest.len())
}

/// An attribute value with its references resolved and its whitespace normalised.
pub(super) fn value(raw: &str) -> Result<Cow<'_, str>, Code> {
    let plain = |byte: u8| !matches!(byte, b'<' | b'&' | b'\t' | b'\n' | b'\r');
    if raw.bytes().all(plain) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['<', '&', '\t', '\n', '\r']) {
        value.push_str(&rest[..at]);
        let found = rest.as_bytes()[at];
        rest = &rest[at + 1..];
        match found {
            b'<' => return Err(Code::XmlSyntax),
            b'&' => {
                let (reference, after) = rest.split_once(';').ok_or(Code::XmlEntity)?;
                value.push_str(&resolve(reference).ok_or(Code::XmlEntity)?);
                rest = after;
            }
            // A line end counts once, whichever of its three forms it has.
            b'\r' if rest.starts_with('\n') => {}
            _ => value.push(' '),
        }
    }
    value.push_str(rest);
    Ok(Cow::Owned(value))
}

/// The text of a reference, given without `&` and `;`: a character, or one of the five predefined entities.
pub(super) fn resolve(reference: &str) -> Option<Cow<'static, str>> {
    let digits = match reference {
        "lt" => return Some(Cow::Borrowed("<")),
        "gt" => return Some(Cow::Borrowed(">")),
        "amp" => return Some(Cow::Borrowed("&")),
        "apos" => return Some(Cow::Borrowed("'")),
        "quot" => return Some(Cow::Borrowed("\"")),
        _ => reference.strip_prefix('#')?,
    };
    let (digits, radix) = match digits.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (digits, 10),
    };
    // from_str_radix alone would take a sign.
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let char = char::from_u32(u32::from_str_radix(digits, radix).ok()?)?;
    match char {
        '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'.. => Some(Cow::Owned(char.to_string())),
        _ => None,
    }
}

/// What stands between `<?xml` and `?>`: version 1.0, then perhaps encoding, then perhaps standalone.
pub(super) fn is_declaration(content: &str) -> bool {
    let mut at = 0;
    let mut step = 0;
    loop {
        let written = match next(content, at) {
            Ok(Some(written)) => written,
            Ok(None) => return step > 0,
            Err(_) => return false,
        };
        step = match written.name {
            "version" if step == 0 && written.value == "1.0" => 1,
            "encoding" if step == 1 => 2,
            "standalone" if (step == 1 || step == 2) && matches!(written.value, "yes" | "no") => 3,
            _ => return false,
        };
        at = written.end;
    }
}
