//! From bytes to text: which encoding a document is in, and whether its declaration tells the truth.

use std::borrow::Cow;

use super::code::Code;
use super::scan::Stop;

/// The encodings in which a document may be posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, little endian.
    Utf16Le,
    /// UTF-16, big endian.
    Utf16Be,
    /// ISO-8859-1, Latin 1.
    Iso8859_1,
    /// ISO-8859-15, Latin 9 with the euro.
    Iso8859_15,
}

/// A decoded document.
#[derive(Debug)]
pub(super) struct Decoded<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) encoding: Encoding,
    /// Bytes of the posted document before the first of `text` (the mark of a UTF-8 document).
    pub(super) base: u32,
    pub(super) marks: Marks,
}

/// Which rare bytes a text has anywhere, so that they need not be looked for one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marks {
    /// `]`, of which `]]>` is made.
    pub(super) bracket: bool,
    /// A carriage return.
    pub(super) carriage: bool,
    /// A control character that XML does not know.
    control: bool,
    /// The first byte of U+FFFE and U+FFFF, and of others.
    high: bool,
}

impl Marks {
    pub(super) fn of(text: &str) -> Marks {
        let any = has(text, |byte| {
            let control = (byte < 0x20) & (byte != b'\t') & (byte != b'\n');
            control | (byte == b']') | (byte == 0xef)
        });
        Marks {
            bracket: any && has(text, |byte| byte == b']'),
            carriage: any && has(text, |byte| byte == b'\r'),
            control: any && has(text, is_control),
            high: any && has(text, |byte| byte == 0xef),
        }
    }
}

/// A fold without an early exit is compiled to vector instructions.
#[inline]
fn has(text: &str, is: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(false, |found, byte| found | is(byte))
}

fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')
}

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Decodes a whole document. The declared encoding must be the one of the bytes. The text is there in any case, so
/// that the place of a fault can be shown.
pub(super) fn decode(bytes: &[u8]) -> (Decoded<'_>, Result<(), Stop>) {
    let refused = |at: usize| Stop {
        code: Code::XmlEncoding,
        at: at as u32,
    };
    let (encoding, body) = match detect(bytes) {
        Some(found) => found,
        None => return (lossy(bytes, Encoding::Utf8), Err(refused(0))),
    };
    let text = match encoding {
        Encoding::Utf8 => match std::str::from_utf8(body) {
            Ok(text) => Some(Cow::Borrowed(text)),
            Err(error) => return (lossy(body, encoding), Err(refused(error.valid_up_to()))),
        },
        Encoding::Utf16Le => {
            encoding_rs::UTF_16LE.decode_without_bom_handling_and_without_replacement(body)
        }
        Encoding::Utf16Be => {
            encoding_rs::UTF_16BE.decode_without_bom_handling_and_without_replacement(body)
        }
        // Not by its label: encoding_rs takes ISO-8859-1 for windows-1252.
        Encoding::Iso8859_1 => Some(encoding_rs::mem::decode_latin1(body)),
        Encoding::Iso8859_15 => Some(encoding_rs::ISO_8859_15.decode_without_bom_handling(body).0),
    };
    let Some(text) = text else {
        return (lossy(body, encoding), Err(refused(0)));
    };
    let base = if encoding == Encoding::Utf8 {
        (bytes.len() - body.len()) as u32
    } else {
        0
    };
    let marks = Marks::of(&text);
    let legal = characters(&text, encoding, marks);
    (
        Decoded {
            text,
            encoding,
            base,
            marks,
        },
        legal,
    )
}

fn lossy(body: &[u8], encoding: Encoding) -> Decoded<'_> {
    let text = String::from_utf8_lossy(body);
    let marks = Marks::of(&text);
    Decoded {
        text,
        encoding,
        base: 0,
        marks,
    }
}

/// The encoding by mark, by the shape of the first bytes, then by declaration; and the bytes after the mark.
fn detect(bytes: &[u8]) -> Option<(Encoding, &[u8])> {
    if let Some(body) = bytes.strip_prefix(UTF8_MARK) {
        let named = declared(body.iter().copied());
        return named
            .is_none_or(|label| label == "UTF-8")
            .then_some((Encoding::Utf8, body));
    }
    let wide = |encoding, body: &'_ [u8], high: usize| {
        let named = declared(body.iter().copied().skip(high).step_by(2));
        let fits = named.is_none_or(|label| match encoding {
            Encoding::Utf16Le => label == "UTF-16" || label == "UTF-16LE",
            Encoding::Utf16Be => label == "UTF-16" || label == "UTF-16BE",
            Encoding::Utf8 | Encoding::Iso8859_1 | Encoding::Iso8859_15 => false,
        });
        fits.then_some(encoding)
    };
    match bytes {
        [0xff, 0xfe, body @ ..] => Some((wide(Encoding::Utf16Le, body, 0)?, body)),
        [0xfe, 0xff, body @ ..] => Some((wide(Encoding::Utf16Be, body, 1)?, body)),
        [b'<', 0, ..] => Some((wide(Encoding::Utf16Le, bytes, 0)?, bytes)),
        [0, b'<', ..] => Some((wide(Encoding::Utf16Be, bytes, 1)?, bytes)),
        _ => {
            let encoding = match declared(bytes.iter().copied()).as_deref() {
                None | Some("UTF-8") => Encoding::Utf8,
                Some("ISO-8859-1") => Encoding::Iso8859_1,
                Some("ISO-8859-15") => Encoding::Iso8859_15,
                // Any other label is refused, also UTF-16 on bytes that are not.
                Some(_) => return None,
            };
            Some((encoding, bytes))
        }
    }
}

/// The label of `encoding=` in the declaration, in capitals, read leniently: the declaration is parsed strictly
/// once the text is decoded.
fn declared(bytes: impl Iterator<Item = u8>) -> Option<String> {
    // The longest sensible declaration is some 70 bytes.
    let head: String = bytes.take(200).map(char::from).collect();
    let declaration = head.strip_prefix("<?xml")?.split_once("?>")?.0;
    let after = declaration
        .split_once("encoding")?
        .1
        .trim_start()
        .strip_prefix('=')?
        .trim_start();
    let quote = after
        .chars()
        .next()
        .filter(|quote| matches!(quote, '"' | '\''))?;
    let (label, _) = after[1..].split_once(quote)?;
    Some(label.to_ascii_uppercase())
}

/// Every character must be one of XML 1.0. In the one-byte encodings the range 80–9F is refused as well: it is the
/// sign of a windows-1252 text under a false label.
fn characters(text: &str, encoding: Encoding, marks: Marks) -> Result<(), Stop> {
    if marks.control {
        let at = text.bytes().position(is_control).unwrap_or(0);
        return Err(Stop {
            code: Code::XmlCharacter,
            at: at as u32,
        });
    }
    let refused = match encoding {
        Encoding::Iso8859_1 | Encoding::Iso8859_15 => {
            text.find(|char| matches!(char, '\u{80}'..='\u{9f}'))
        }
        Encoding::Utf8 | Encoding::Utf16Le | Encoding::Utf16Be => match marks.high {
            true => text.find(['\u{fffe}', '\u{ffff}']),
            false => None,
        },
    };
    match refused {
        Some(at) => Err(Stop {
            code: Code::XmlCharacter,
            at: at as u32,
        }),
        None => Ok(()),
    }
}
