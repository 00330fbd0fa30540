//! The project's own XML: documents and lots from centres, receipts and settlements from insurers.
//!
//! Reading checks form and gathers the value in one pass; business rules come after, in `claims::rules`. Each
//! document of a lot, and each item of a feed, is read on the exact bytes of its element, as if it had come
//! alone: its findings, its caps and its digest are the same either way. No finding, error or `Debug` here
//! shows a value of a document.

mod code;
mod document;
mod element;
mod node;
mod returns;
mod envelope;
mod lexical;
mod write;
mod compose;
mod outline;
#[cfg(test)]
mod tests;

use crate::claims::document::{Document, Locate, Spot};
use crate::claims::finding::{Finding, Place};
use crate::claims::receipt::Item;
use crate::schema::{self, Encoding, Position, Reading, Schema, Source, Visitor};
use envelope::{Binding, Origin, Root};
use outline::Outline;

pub use code::{CODES, Code};
pub use compose::{
    ActText, CarriedText, CoverageText, DocumentText, PersonText, PractitionerText, write_document,
};
pub use envelope::Part;
pub use write::{escape, write_feed, write_lot, write_receipt, write_settlement};

/// The schemas by file name, as they are in `schemas/`.
pub const SCHEMAS: &[(&str, &str)] = &[
    (
        "document-1.xsd",
        include_str!("../../../schemas/document-1.xsd"),
    ),
    ("lot-1.xsd", include_str!("../../../schemas/lot-1.xsd")),
    (
        "receipt-1.xsd",
        include_str!("../../../schemas/receipt-1.xsd"),
    ),
    (
        "settlement-1.xsd",
        include_str!("../../../schemas/settlement-1.xsd"),
    ),
    ("feed-1.xsd", include_str!("../../../schemas/feed-1.xsd")),
];

/// Namespace of a document.
pub const DOCUMENT: &str = "urn:bordereau:document:1";
/// Namespace of a lot.
pub const LOT: &str = "urn:bordereau:lot:1";
/// Namespace of a receipt.
pub const RECEIPT: &str = "urn:bordereau:receipt:1";
/// Namespace of a settlement.
pub const SETTLEMENT: &str = "urn:bordereau:settlement:1";
/// Namespace of a feed.
pub const FEED: &str = "urn:bordereau:feed:1";

/// Reads the project's XML. Compiled once, shared by all threads.
pub struct Reader {
    documents: Schema,
    returns: Schema,
    lots: Schema,
    feeds: Schema,
}

/// The embedded schemas do not compile: a fault of the build, found at start.
#[derive(Debug, thiserror::Error)]
#[error("an embedded schema does not compile")]
pub struct Error(#[from] schema::Error);

/// What is read may not exceed this; each cap has a finding of its own (`XML_SIZE`, `XML_DEPTH`, …).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one document, receipt or settlement.
    pub bytes: usize,
    /// Bytes of a lot or of a feed.
    pub envelope_bytes: usize,
    /// Depth of elements within a document.
    pub depth: usize,
    /// Attributes of one element, namespace declarations included.
    pub attributes: usize,
    /// Elements of one document. Those of an envelope are bounded by its bytes.
    pub elements: usize,
    /// Bytes of one text or attribute.
    pub text_bytes: usize,
    /// Findings after which the reading of a document ends.
    pub findings: usize,
}

/// What a reading gave: all findings of form, and the value when none of them refuses it.
///
/// It also turns the spots of that value into places.
pub struct Read<'a, T> {
    /// Findings of well-formedness and structure, in the order of the document.
    pub findings: Vec<Finding>,
    /// The value; there if and only if no finding refuses it.
    pub value: Option<T>,
    reading: Reading<'a>,
    origin: Origin,
}

/// An envelope as posted, opened: its documents are read one by one with [`Reader::read_lot_document`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lot {
    /// Findings of the envelope; any of them refuses the lot as a whole, and `parts` is empty.
    pub findings: Vec<Finding>,
    /// The documents, in order.
    pub parts: Vec<Part>,
}

/// An insurer's feed, opened: its items are read one by one with [`Reader::read_feed_item`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Findings of the envelope; any of them refuses the feed as a whole: `next` and `parts` are empty.
    pub findings: Vec<Finding>,
    /// The cursor to ask with next.
    pub next: Option<String>,
    /// The items, in order.
    pub parts: Vec<Part>,
}

impl Reader {
    /// Compiles the embedded schemas.
    ///
    /// # Errors
    /// When one of them uses a construct that the `schema` room does not implement.
    pub fn new() -> Result<Reader, Error> {
        let compile = |names: &[&str]| {
            let sources: Vec<Source<'_>> = SCHEMAS
                .iter()
                .filter(|(name, _)| names.contains(name))
                .map(|(name, text)| Source { name, xsd: text })
                .collect();
            Schema::compile(&sources)
        };
        Ok(Reader {
            documents: compile(&["document-1.xsd"])?,
            returns: compile(&["receipt-1.xsd", "settlement-1.xsd"])?,
            lots: compile(&["lot-1.xsd"])?,
            feeds: compile(&["feed-1.xsd"])?,
        })
    }

    /// Reads a document posted singly.
    pub fn read_document<'a>(&'a self, bytes: &'a [u8], limits: &Limits) -> Read<'a, Document> {
        let gather = document::Gather::default();
        read(
            bytes,
            &self.documents,
            limits,
            gather,
            document::Gather::finish,
        )
    }

    /// Opens a lot: checks the envelope and finds the exact bytes of each document.
    pub fn read_lot(&self, bytes: &[u8], limits: &Limits) -> Lot {
        let (findings, parts, _) = open(bytes, &self.lots, Code::LotEncoding, limits);
        Lot { findings, parts }
    }

    /// Reads one document of a lot: `bytes` are those of the whole lot, and so are lines and columns.
    pub fn read_lot_document<'a>(
        &'a self,
        bytes: &'a [u8],
        part: &Part,
        limits: &Limits,
    ) -> Read<'a, Document> {
        self.read_document(part.of(bytes), limits)
            .within(part, Code::LotNamespace)
    }

    /// In which fields two documents differ: their paths as in findings, at most as many as findings; none of those
    /// that only the form differs in. Nothing when one of them is no document.
    pub fn differing(&self, one: &[u8], other: &[u8], limits: &Limits) -> Option<Vec<String>> {
        let outline = |bytes| {
            let mut outline = Outline::default();
            let reading = schema::read(bytes, &self.documents, &limits.of_document(), &mut outline);
            (!Finding::refuses(&reading.findings)).then_some(outline)
        };
        Some(outline(one)?.differing(&outline(other)?, limits.findings))
    }

    /// Reads a receipt or settlement that came alone.
    pub fn read_item<'a>(&'a self, bytes: &'a [u8], limits: &Limits) -> Read<'a, Item> {
        let gather = returns::Gather::default();
        read(
            bytes,
            &self.returns,
            limits,
            gather,
            returns::Gather::finish,
        )
    }

    /// The element of a receipt or settlement that came alone and was read, and its signature; none of bytes that are
    /// not UTF-8, which cannot be signed.
    pub fn alone(&self, bytes: &[u8]) -> Option<Part> {
        let text = std::str::from_utf8(bytes).ok()?;
        envelope::split(text, 0).into_iter().next()
    }

    /// Opens a feed: checks the envelope and finds the exact bytes of each item.
    pub fn read_feed(&self, bytes: &[u8], limits: &Limits) -> Feed {
        let (findings, parts, root) = open(bytes, &self.feeds, Code::FeedEncoding, limits);
        let next = root.next.filter(|_| findings.is_empty());
        Feed {
            findings,
            next,
            parts,
        }
    }

    /// Reads one item of a feed: `bytes` are those of the whole feed, and so are lines and columns.
    pub fn read_feed_item<'a>(
        &'a self,
        bytes: &'a [u8],
        part: &Part,
        limits: &Limits,
    ) -> Read<'a, Item> {
        self.read_item(part.of(bytes), limits)
            .within(part, Code::FeedNamespace)
    }
}

impl Default for Limits {
    /// A document of 4 MiB holds a scanned PJ; a lot of 32 MiB a day of a large centre.
    fn default() -> Limits {
        Limits {
            bytes: 4 << 20,
            envelope_bytes: 32 << 20,
            depth: 16,
            attributes: 16,
            elements: 4096,
            text_bytes: 4 << 20,
            findings: 100,
        }
    }
}

impl Limits {
    fn of_document(&self) -> schema::Limits {
        schema::Limits {
            bytes: self.bytes,
            depth: self.depth,
            attributes: self.attributes,
            elements: self.elements,
            text_bytes: self.text_bytes,
            findings: self.findings,
        }
    }

    /// An envelope adds one level. Its elements are bounded by its bytes, those of each document when it is read.
    fn of_envelope(&self) -> schema::Limits {
        schema::Limits {
            bytes: self.envelope_bytes,
            elements: usize::MAX,
            depth: self.depth + 1,
            ..self.of_document()
        }
    }
}

impl<T> Locate for Read<'_, T> {
    fn places(&self, spots: &[Spot]) -> Vec<Place> {
        let positions = spots.iter().map(|spot| Position::at(spot.offset));
        let places = self.reading.places(&positions.collect::<Vec<_>>());
        let places = places.into_iter();
        places.map(|place| self.origin.shift(place)).collect()
    }
}

impl<T> Read<'_, T> {
    /// Moves what was read to where it stands in its envelope.
    fn within(mut self, part: &Part, inherits: Code) -> Self {
        self.origin = part.origin;
        for finding in &mut self.findings {
            finding.place = part.origin.shift(std::mem::take(&mut finding.place));
        }
        let unbound = |finding: &Finding| finding.code == schema::Code::XmlNamespace.as_str();
        match part.binding {
            // The envelope as a whole is well-formed: a prefix unknown here is declared by the envelope.
            Binding::Own => {
                for finding in self.findings.iter_mut().filter(|finding| unbound(finding)) {
                    *finding = inherits.finding(std::mem::take(&mut finding.place));
                }
            }
            Binding::Inherited => {
                self.value = None;
                self.findings = vec![inherits.finding(self.place(Spot::default()))];
            }
        }
        self
    }
}

/// Reads the envelope alone: no part when it has a finding.
fn open(
    bytes: &[u8],
    schema: &Schema,
    encoding: Code,
    limits: &Limits,
) -> (Vec<Finding>, Vec<Part>, Root) {
    let mut root = Root::default();
    let mut reading = schema::read(bytes, schema, &limits.of_envelope(), &mut root);
    let mut findings = std::mem::take(&mut reading.findings);
    if findings.is_empty() && reading.encoding != Encoding::Utf8 {
        findings.push(encoding.finding(reading.place(Position::default())));
    }
    let parts = match std::str::from_utf8(bytes) {
        Ok(text) if findings.is_empty() => envelope::split(text, 1),
        Ok(_) | Err(_) => Vec::new(),
    };
    (findings, parts, root)
}

fn read<'a, V: Visitor, T>(
    bytes: &'a [u8],
    schema: &'a Schema,
    limits: &Limits,
    mut gather: V,
    finish: impl FnOnce(V) -> Option<T>,
) -> Read<'a, T> {
    let mut reading = schema::read(bytes, schema, &limits.of_document(), &mut gather);
    let mut findings = std::mem::take(&mut reading.findings);
    let value = if Finding::refuses(&findings) {
        None
    } else {
        finish(gather)
    };
    if value.is_none() && findings.is_empty() {
        findings.push(Code::DocumentUnreadable.finding(reading.place(Position::default())));
    }
    Read {
        findings,
        value,
        reading,
        origin: Origin::default(),
    }
}
