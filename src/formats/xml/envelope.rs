//! Cuts an envelope (a lot, a feed) into its elements: the exact bytes of each, and where they begin.
//!
//! The envelope has been found well-formed before; nothing is judged here but whether an element can stand alone.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::PrefixDeclaration;

use crate::claims::finding::Place;
use crate::schema::{Element, Visitor};

/// One document of a lot, or one item of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its exact bytes in the envelope as posted.
    pub range: Range<usize>,
    /// Where its signature is in the envelope, if one follows it: what the instruction `<?jws …?>` holds.
    pub(super) signature: Option<Range<usize>>,
    /// Where the instruction ends that holds the signature, or where its own bytes end.
    pub(super) end: usize,
    pub(super) origin: Origin,
    pub(super) binding: Binding,
}

/// What the root of an envelope says.
#[derive(Default)]
pub(super) struct Root {
    /// The cursor, which a feed has.
    pub(super) next: Option<String>,
}

/// Where a part begins in its envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    line: u32,
    column: u32,
}

/// Who declares the namespace of a part's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    Own,
    Inherited,
}

impl Part {
    /// Its bytes, given those of the envelope; none when they are of another envelope.
    pub fn of<'a>(&self, envelope: &'a [u8]) -> &'a [u8] {
        envelope.get(self.range.clone()).unwrap_or_default()
    }

    /// The detached JWS that follows it, given the bytes of the envelope.
    pub fn signature<'a>(&self, envelope: &'a [u8]) -> Option<&'a str> {
        let jws = envelope.get(self.signature.clone()?)?;
        Some(std::str::from_utf8(jws).ok()?.trim())
    }

    /// Its exact bytes together with its signature: what is kept as evidence.
    pub fn evidence(&self) -> Range<usize> {
        self.range.start..self.end
    }
}

impl Default for Origin {
    fn default() -> Origin {
        Origin { line: 1, column: 1 }
    }
}

impl Origin {
    /// From a place in the part to the place in the envelope.
    pub(super) fn shift(self, place: Place) -> Place {
        let column = match place.line {
            1 => self.column - 1 + place.column,
            _ => place.column,
        };
        Place {
            line: self.line - 1 + place.line,
            column,
            path: place.path,
        }
    }

    /// Counts on over text. A line ends with a line feed, a carriage return, or both.
    fn advance(&mut self, text: &str) {
        let mut before = '\0';
        for character in text.chars() {
            match (before, character) {
                ('\r', '\n') => {}
                (_, '\n' | '\r') => {
                    *self = Origin {
                        line: self.line + 1,
                        column: 1,
                    }
                }
                (_, _) => self.column += 1,
            }
            before = character;
        }
    }
}

impl Visitor for Root {
    fn open(&mut self, element: Element<'_>) {
        if element.depth == 1 {
            self.next = element.attribute("next").map(str::to_owned);
        }
    }
}

/// Finds the elements right below the root, at level 1, or the root alone, at level 0.
pub(super) fn split(text: &str, level: usize) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mark = text.len() - bare.len();
    let mut reader = Reader::from_str(bare);
    let mut depth = 0_usize;
    let mut open: Option<(usize, Binding)> = None;
    let mut counted = (Origin::default(), 0);
    loop {
        let start = reader.buffer_position() as usize;
        // An error cannot come: the envelope is well-formed. If it did, a part would be missing, not wrong.
        let Ok(event) = reader.read_event() else {
            return parts;
        };
        let closed = match event {
            Event::Eof => return parts,
            Event::Start(tag) => {
                depth += 1;
                if depth == level + 1 {
                    open = Some((start, binding(&tag)));
                }
                None
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                open.take_if(|_| depth == level)
            }
            Event::Empty(tag) => (depth == level).then(|| (start, binding(&tag))),
            Event::PI(instruction) if depth == level && instruction.target() == "jws" => {
                let end = reader.buffer_position() as usize + mark;
                if let Some(part) = parts.last_mut().filter(|part| part.signature.is_none()) {
                    part.signature = Some(start + mark + "<?jws".len()..end - "?>".len());
                    part.end = end;
                }
                None
            }
            _ => None,
        };
        if let Some((start, binding)) = closed {
            let (mut origin, from) = counted;
            origin.advance(&bare[from..start]);
            counted = (origin, start);
            let range = start + mark..reader.buffer_position() as usize + mark;
            parts.push(Part {
                end: range.end,
                range,
                signature: None,
                origin,
                binding,
            });
        }
    }
}

fn binding(tag: &BytesStart<'_>) -> Binding {
    let prefix = tag.name().prefix();
    let declares = |declared: PrefixDeclaration<'_>| match (declared, &prefix) {
        (PrefixDeclaration::Default, None) => true,
        (PrefixDeclaration::Named(name), Some(prefix)) => name == prefix.as_ref(),
        (PrefixDeclaration::Default, Some(_)) | (PrefixDeclaration::Named(_), None) => false,
    };
    let own = tag
        .attributes()
        .flatten()
        .filter_map(|attribute| attribute.key.as_namespace_binding())
        .any(declares);
    if own {
        Binding::Own
    } else {
        Binding::Inherited
    }
}
