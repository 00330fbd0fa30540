//! Cuts a text into tags and character data, where validation spends its time.
//!
//! Tags and texts in the form that nearly all have are cut here. All else (comments, CDATA, references,
//! instructions, the declaration, DOCTYPE, a tag with a `/` or a quote in its name, and whatever is wrong) is cut by
//! quick-xml, one piece at a time: it alone says what is not well-formed. The tests hold every cut against those
//! that quick-xml makes when it reads the whole text.

use quick_xml::Reader;
use quick_xml::errors::{Error as XmlError, IllFormedError};
use quick_xml::events::Event;

use super::code::Code;

/// Why a document is read no further: not well-formed, or beyond a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) code: Code,
    /// Offset in the text.
    pub(super) at: u32,
}

/// What a piece of the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A start tag: see [`Scanner::name`] and [`Scanner::content`].
    Start,
    /// The tag of an empty element.
    Empty,
    /// An element without attributes that holds characters alone: both its tags, and what stands between them.
    Leaf,
    /// The end tag of the innermost open element.
    End,
    /// Whitespace up to a tag.
    Blank,
    /// Any other character data up to `<`, `&` or the end.
    Text,
    CData,
    Reference,
    Comment,
    Instruction,
    Declaration,
    Doctype,
    Eof,
}

/// A text on its way, and the piece that was cut last.
#[derive(Debug)]
pub(super) struct Scanner<'t> {
    text: &'t str,
    piece: Piece,
    begin: usize,
    /// End of the name, of a tag.
    name: usize,
    /// Where the content is.
    content: (usize, usize),
    end: usize,
    /// Names of the open elements.
    open: Vec<&'t [u8]>,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Scanner<'t> {
        Scanner {
            text,
            piece: Piece::Eof,
            begin: 0,
            name: 0,
            content: (0, 0),
            end: 0,
            open: Vec::with_capacity(16),
        }
    }

    /// Cuts the next piece. After a `Stop` or the end there is nothing more to read.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Piece, Stop> {
        self.begin = self.end;
        let piece = match &self.text.as_bytes()[self.begin..] {
            [] => Some(Piece::Eof),
            [b'<', b'/', rest @ ..] => self.end_tag(rest),
            [b'<', b'!' | b'?', ..] | [b'&', ..] => None,
            [b'<', rest @ ..] => self.start_tag(rest),
            rest => Some(self.data(rest)),
        };
        self.piece = match piece {
            Some(piece) => piece,
            None => self.rare()?,
        };
        Ok(self.piece)
    }

    /// What the piece is.
    #[inline]
    pub(super) fn piece(&self) -> Piece {
        self.piece
    }

    /// Offset of the first byte of the piece.
    #[inline]
    pub(super) fn begin(&self) -> u32 {
        self.begin as u32
    }

    /// Offset just after its last byte.
    #[inline]
    pub(super) fn end(&self) -> u32 {
        self.end as u32
    }

    /// The name of a start tag.
    #[inline]
    pub(super) fn name(&self) -> &'t str {
        &self.text[self.begin + 1..self.name]
    }

    /// Offsets of what the piece holds.
    #[inline]
    pub(super) fn held(&self) -> (u32, u32) {
        (self.content.0 as u32, self.content.1 as u32)
    }

    /// What the piece holds: of a start tag, all between its name and its `>` or `/>`; of a text, all; of any other,
    /// what stands between the marks that tell what it is.
    #[inline]
    pub(super) fn content(&self) -> &'t str {
        &self.text[self.content.0..self.content.1]
    }

    /// The end tag of the innermost element, after its `</`.
    #[inline]
    fn end_tag(&mut self, rest: &'t [u8]) -> Option<Piece> {
        let name = self.open.last()?;
        let after = rest.strip_prefix(*name)?;
        let space = match after {
            [b'>', ..] => 0,
            // Of a tag without a name blanks are the name.
            _ if name.is_empty() => return None,
            _ => space(after),
        };
        if after.get(space) != Some(&b'>') {
            return None;
        }
        self.end = self.begin + "</".len() + name.len() + space + 1;
        self.open.pop();
        Some(Piece::End)
    }

    /// A start tag, after its `<`.
    #[inline]
    fn start_tag(&mut self, rest: &'t [u8]) -> Option<Piece> {
        let len = name(rest);
        let close = match rest.get(len)? {
            _ if len == 0 => return None,
            b'>' => len,
            b'/' if rest.get(len + 1) == Some(&b'>') => len + 1,
            byte if is_space(*byte) => len + end_of_tag(&rest[len..])?,
            _ => return None,
        };
        let begin = self.begin + 1;
        self.name = begin + len;
        self.end = begin + close + 1;
        if rest[close - 1] == b'/' {
            self.content = (self.name, begin + close - 1);
            return Some(Piece::Empty);
        }
        if close == len
            && let Some(held) = leaf(&rest[..len], &rest[close + 1..])
        {
            self.content = (self.end, self.end + held);
            self.end += held + "</".len() + len + ">".len();
            return Some(Piece::Leaf);
        }
        self.content = (self.name, begin + close);
        self.open.push(&rest[..len]);
        Some(Piece::Start)
    }

    /// Character data, at least one byte of it.
    #[inline]
    fn data(&mut self, rest: &'t [u8]) -> Piece {
        let blank = space(rest);
        let (piece, len) = match rest.get(blank) {
            Some(b'<') => (Piece::Blank, blank),
            Some(_) | None => (Piece::Text, blank + data(&rest[blank..])),
        };
        self.end = self.begin + len;
        self.content = (self.begin, self.end);
        piece
    }

    /// A piece that quick-xml cuts.
    #[cold]
    fn rare(&mut self) -> Result<Piece, Stop> {
        let begin = self.begin;
        let mut reader = Reader::from_str(&self.text[begin..]);
        reader.config_mut().check_comments = true;
        let event = reader.read_event().map_err(|error| {
            let at = begin + reader.error_position() as usize;
            broken(&error, at as u32)
        })?;
        let end = begin + reader.buffer_position() as usize;
        self.end = end;
        let mut holds = |piece, before: &str, after: &str| {
            self.content = (begin + before.len(), end - after.len());
            piece
        };
        Ok(match event {
            Event::Start(tag) => {
                self.name = begin + 1 + tag.name().as_ref().len();
                self.content = (self.name, end - 1);
                self.open.push(self.name().as_bytes());
                Piece::Start
            }
            Event::Empty(tag) => {
                self.name = begin + 1 + tag.name().as_ref().len();
                self.content = (self.name, end - 2);
                Piece::Empty
            }
            // Read alone, an end tag closes nothing: quick-xml refuses it.
            Event::End(_) => {
                return Err(Stop {
                    code: Code::XmlSyntax,
                    at: begin as u32,
                });
            }
            Event::Text(_) => holds(Piece::Text, "", ""),
            Event::CData(_) => holds(Piece::CData, "<![CDATA[", "]]>"),
            Event::GeneralRef(_) => holds(Piece::Reference, "&", ";"),
            Event::Comment(_) => holds(Piece::Comment, "<!--", "-->"),
            Event::PI(_) => holds(Piece::Instruction, "<?", "?>"),
            Event::Decl(_) => holds(Piece::Declaration, "<?xml", "?>"),
            Event::DocType(_) => holds(Piece::Doctype, "<!DOCTYPE", ">"),
            Event::Eof => Piece::Eof,
        })
    }
}

/// What quick-xml refuses.
fn broken(error: &XmlError, at: u32) -> Stop {
    let code = match error {
        XmlError::IllFormed(IllFormedError::UnclosedReference) => Code::XmlEntity,
        _ => Code::XmlSyntax,
    };
    Stop { code, at }
}

/// Where the `>` of a tag is: the first outside of quotes.
fn end_of_tag(bytes: &[u8]) -> Option<usize> {
    let mut quote = None;
    bytes.iter().position(|byte| match (quote, *byte) {
        (None, b'>') => true,
        (None, b'"' | b'\'') => {
            quote = Some(*byte);
            false
        }
        (Some(open), byte) => {
            if open == byte {
                quote = None;
            }
            false
        }
        (None, _) => false,
    })
}

/// How many bytes of text an element holds, given what comes after its start tag: none unless its end tag follows
/// them. `]` would have to be looked at more closely.
#[inline]
fn leaf(name: &[u8], after: &[u8]) -> Option<usize> {
    let held = first(after, |word| {
        is(word, b'<') | is(word, b'&') | is(word, b']')
    });
    let tag = after[held..].strip_prefix(b"</")?;
    (tag.get(name.len()) == Some(&b'>') && tag.starts_with(name)).then_some(held)
}

/// How much whitespace comes first. Control characters were refused before.
#[inline]
fn space(bytes: &[u8]) -> usize {
    first(bytes, |word| above(word, b' '))
}

/// How long the name of a tag is; there is more after it. One with a byte that no name has is cut short there.
#[inline]
fn name(bytes: &[u8]) -> usize {
    let mut len = 0;
    loop {
        len += first(&bytes[len..], |word| below(word, b'0') | is(word, b'>'));
        match bytes.get(len) {
            Some(b'-' | b'.') => len += 1,
            Some(_) | None => return len,
        }
    }
}

/// Where the next `<` or `&` is, or the end.
#[inline]
fn data(bytes: &[u8]) -> usize {
    first(bytes, |word| is(word, b'<') | is(word, b'&'))
}

/// Where the first byte is that a test flags, or the end. The test is given eight bytes in one number, the first one
/// lowest, and sets the highest bit of a byte that it flags; above that bit it may set others as it likes.
#[inline]
fn first(bytes: &[u8], test: impl Fn(u64) -> u64) -> usize {
    let mut rest = bytes;
    while let Some((word, after)) = rest.split_first_chunk() {
        let flags = test(u64::from_le_bytes(*word));
        if flags != 0 {
            return bytes.len() - rest.len() + (flags.trailing_zeros() / 8) as usize;
        }
        rest = after;
    }
    let tail = rest.iter().position(|byte| {
        let word = EACH * u64::from(*byte);
        test(word) != 0
    });
    bytes.len() - rest.len() + tail.unwrap_or(rest.len())
}

/// One in each byte.
const EACH: u64 = u64::MAX / 255;
/// The highest bit of each byte.
const HIGH: u64 = EACH << 7;

/// Flags a byte.
#[inline]
fn is(word: u64, byte: u8) -> u64 {
    below(word ^ (EACH * u64::from(byte)), 1)
}

/// Flags bytes below one that is at most 128.
#[inline]
fn below(word: u64, byte: u8) -> u64 {
    word.wrapping_sub(EACH * u64::from(byte)) & !word & HIGH
}

/// Flags bytes above one that is below 128.
#[inline]
fn above(word: u64, byte: u8) -> u64 {
    (word.wrapping_add(EACH * u64::from(127 - byte)) | word) & HIGH
}

/// Whitespace of XML.
#[inline]
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
