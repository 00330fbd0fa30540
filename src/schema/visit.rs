//! What the builder of a value sees of a document while it streams: elements, attributes, text, and where they are.
//!
//! A visitor is shown only what the schema declares: an element that no declaration fits, and everything below it,
//! is passed over. Values are shown as they are, valid or not: when the reading refuses the document, what a
//! visitor built must be dropped.

use std::fmt;

use super::attribute::RawAttribute;
use super::declare::AttributeUse;
use super::names::Namespace;

/// Receives a document as it streams. Every `open` of an element has its `close`, except when the document stops
/// being well-formed in between.
pub trait Visitor {
    /// An element begins.
    fn open(&mut self, element: Element<'_>) {
        let _ = element;
    }

    /// The character data of an element with simple content, once per element and also when empty; line ends are
    /// normalised, whitespace is otherwise as in the document. `place` is that of the element.
    fn text(&mut self, text: &str, place: Position) {
        let _ = (text, place);
    }

    /// An element without attributes that holds a text alone, and is right: the same as its `open`, `text` and
    /// `close`, which come instead where it is not seen at once that it is right.
    fn leaf(&mut self, element: Element<'_>, text: &str, end: usize) {
        let place = element.place;
        self.open(element);
        self.text(text, place);
        self.close(end);
    }

    /// The element opened last ends; `end` is the offset in bytes just after its `>`.
    fn close(&mut self, end: usize) {
        let _ = end;
    }
}

/// A visitor that builds nothing: structure alone is checked.
impl Visitor for () {}

/// A place in a document, cheap to keep: `Reading::place` makes line, column and path of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u32);

/// The start of an element.
#[derive(Clone, Copy)]
pub struct Element<'e> {
    /// Namespace, empty for none.
    pub namespace: &'e str,
    /// Local name.
    pub name: &'e str,
    /// Where its `<` is.
    pub place: Position,
    /// Depth, 1 for the root.
    pub depth: usize,
    /// Depth of the outermost element whose namespace declarations its name and its attributes need: when this is
    /// less than the depth of the element that is cut out, the cut is not a document of its own.
    pub bound_at: usize,
    pub(super) given: &'e [RawAttribute<'e>],
    pub(super) uses: &'e [AttributeUse],
    pub(super) base: u32,
}

/// An attribute, also one that is absent and has a default in the schema (its place is then the element's).
/// Namespace declarations and `xsi:` attributes are not shown.
#[derive(Clone, Copy)]
pub struct Attribute<'e> {
    /// Local name.
    pub name: &'e str,
    /// Value with references resolved.
    pub value: &'e str,
    /// Where its name begins.
    pub place: Position,
}

impl Position {
    /// From an offset in bytes; see [`Position::offset`].
    pub fn at(offset: u32) -> Position {
        Position(offset)
    }

    /// Offset in bytes: of the document as posted when it is UTF-8, of its UTF-8 form otherwise.
    pub fn offset(self) -> usize {
        self.0 as usize
    }
}

impl<'e> Element<'e> {
    /// The attributes, in document order, then the defaulted ones.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'e>> {
        let Element {
            given,
            uses,
            base,
            place,
            ..
        } = *self;
        let shown = given.iter().filter(|raw| raw.namespace != Namespace::XSI);
        let shown = shown.map(move |raw| Attribute {
            name: raw.local,
            value: &raw.value,
            place: Position::at(raw.at + base),
        });
        let absent = uses
            .iter()
            .filter(move |one| !given.iter().any(|raw| raw.name == Some(one.name)));
        let defaulted = absent.filter_map(move |one| {
            let value = one.default.as_deref()?;
            Some(Attribute {
                name: &one.local,
                value,
                place,
            })
        });
        shown.chain(defaulted)
    }

    /// The value of one attribute.
    pub fn attribute(&self, name: &str) -> Option<&'e str> {
        self.attributes()
            .find(|attribute| attribute.name == name)
            .map(|attribute| attribute.value)
    }
}

/// Prints names only: values are nominative.
impl fmt::Debug for Element<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "<{}> at byte {}", self.name, self.place.offset())
    }
}

/// Prints the name only: values are nominative.
impl fmt::Debug for Attribute<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "@{} at byte {}", self.name, self.place.offset())
    }
}
