//! One pass over a document: decoded, cut into tokens, held against the schema, shown to the visitor.

use std::borrow::Cow;
use std::fmt;

use super::code::Code;
use super::declare::{AttributeUse, Schema};
use super::decode::{Decoded, Encoding, Marks, decode};
use super::names::Names;
use super::place::{Asked, places};
use super::scan::Stop;
use super::token::{Token, Tokens};
use super::validate::{Detail, Ended, Fault, Text, Validator};
use super::visit::{Element, Position, Visitor};
use crate::claims::finding::{Finding, Place, Severity};

/// What a document may not exceed. Each cap has a finding code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the document as posted (`XML_SIZE`).
    pub bytes: usize,
    /// Elements inside one another, the root included (`XML_DEPTH`).
    pub depth: usize,
    /// Attributes of one element, namespace declarations included (`XML_ATTRIBUTES`).
    pub attributes: usize,
    /// Elements of the document (`XML_ELEMENTS`).
    pub elements: usize,
    /// Bytes of the text of one element, or of one attribute (`XML_TEXT`).
    pub text_bytes: usize,
    /// Findings after which reading stops (`XSD_FINDINGS`).
    pub findings: usize,
}

/// Offsets are kept in 32 bits; transcoding to UTF-8 may double a document, so this is what `Limits::bytes` is
/// capped to.
const MOST_BYTES: usize = 1 << 30;

impl Default for Limits {
    /// A document of 16 MiB: an invoice has some 10 kB, the rest is room for pieces jointes.
    fn default() -> Limits {
        Limits {
            bytes: 16 << 20,
            depth: 64,
            attributes: 64,
            elements: 100_000,
            text_bytes: 12 << 20,
            findings: 1_000,
        }
    }
}

/// What a reading found, and the means to say where a position is.
pub struct Reading<'a> {
    /// Every finding, in the order of the document.
    pub findings: Vec<Finding>,
    /// The encoding of the document; UTF-8 when it could not be told.
    pub encoding: Encoding,
    text: Cow<'a, str>,
    base: u32,
    names: &'a Names,
}

/// Reads a document once: all its findings of well-formedness and structure, its elements shown to the visitor as
/// they come.
///
/// A fault of well-formedness or a cap ends the reading with that one finding after those of structure so far.
pub fn read<'a, V>(
    bytes: &'a [u8],
    schema: &'a Schema,
    limits: &Limits,
    visitor: &mut V,
) -> Reading<'a>
where
    V: Visitor + ?Sized,
{
    let too_large = bytes.len() > limits.bytes.min(MOST_BYTES);
    let (decoded, legal) = match too_large {
        true => (
            decode(b"").0,
            Err(Stop {
                code: Code::XmlSize,
                at: 0,
            }),
        ),
        false => decode(bytes),
    };
    let Decoded {
        text,
        encoding,
        base,
        marks,
    } = decoded;
    let validator = Validator::new(schema, limits.findings);
    let faults = match legal {
        Err(stop) => vec![fault(stop, limits)],
        Ok(()) => Pass {
            base,
            validator,
            visitor,
            limits,
            value: String::new(),
        }
        .run(&text, marks, schema),
    };
    let findings = if faults.is_empty() {
        Vec::new()
    } else {
        findings(&text, &schema.names, faults)
    };
    Reading {
        findings,
        encoding,
        text,
        base,
        names: &schema.names,
    }
}

impl Reading<'_> {
    /// True when a finding refuses the document.
    pub fn refuses(&self) -> bool {
        Finding::refuses(&self.findings)
    }

    /// Line, column and path of a position that the visitor was shown.
    pub fn place(&self, position: Position) -> Place {
        self.places(&[position]).pop().unwrap_or_default()
    }

    /// The same for many positions, in their order, in one pass over the document.
    pub fn places(&self, positions: &[Position]) -> Vec<Place> {
        let asked = |position: &Position| {
            let at = (position.offset() as u32).saturating_sub(self.base);
            Asked { at, path_at: at }
        };
        places(
            &self.text,
            self.names,
            &positions.iter().map(asked).collect::<Vec<_>>(),
        )
    }
}

/// Prints no text: it is nominative.
impl fmt::Debug for Reading<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reading {
            findings, encoding, ..
        } = self;
        out.debug_struct("Reading")
            .field("findings", findings)
            .field("encoding", encoding)
            .finish_non_exhaustive()
    }
}

struct Pass<'p, V: ?Sized> {
    base: u32,
    validator: Validator<'p>,
    visitor: &'p mut V,
    limits: &'p Limits,
    /// Text of the innermost element, when it comes in pieces.
    value: String,
}

impl<'p, V: Visitor + ?Sized> Pass<'p, V> {
    fn run(mut self, text: &str, marks: Marks, schema: &Schema) -> Vec<Fault> {
        let mut tokens = Tokens::new(text, marks, &schema.names, self.limits);
        match self.stream(&mut tokens) {
            Ok(()) => self.validator.finish(Ended::Well),
            Err(stop) => {
                let mut faults = self.validator.finish(Ended::Early);
                faults.push(fault(stop, self.limits));
                faults
            }
        }
    }

    fn stream<'t>(&mut self, tokens: &mut Tokens<'t, '_>) -> Result<(), Stop> {
        // Most texts come in one piece and are only borrowed.
        let mut piece: Option<&'t str> = None;
        loop {
            match tokens.next()? {
                Token::Leaf => self.leaf(&mut piece, tokens)?,
                Token::Open => {
                    piece = None;
                    self.open(tokens)?;
                }
                token @ (Token::Blank | Token::Text) => match self.validator.text() {
                    Text::Value => self.collect(&mut piece, tokens.text(), tokens.at())?,
                    Text::Blank if token == Token::Blank => {}
                    Text::Ignored => {}
                    wanted @ (Text::Blank | Text::Nothing) => {
                        self.stray(wanted, &tokens.text(), tokens.at());
                    }
                },
                Token::Close => {
                    self.close(piece.take(), tokens.at(), tokens.end())?;
                }
                Token::End => return Ok(()),
            }
        }
    }

    /// An element that comes with its text: at once when nothing is wrong with it, else in its three steps.
    fn leaf<'t>(
        &mut self,
        piece: &mut Option<&'t str>,
        tokens: &Tokens<'t, '_>,
    ) -> Result<(), Stop> {
        let text = tokens.text();
        let right = match text.len() > self.limits.text_bytes {
            true => None,
            false => self.validator.leaf(&tokens.tag, &text),
        };
        if let Some(shown) = right {
            // Text that may not stand before it may have been the last finding.
            self.stop_at_cap(tokens.at())?;
            if shown {
                let end = (tokens.end() + self.base) as usize;
                self.visitor.leaf(self.element(tokens, &[]), &text, end);
            }
            return Ok(());
        }
        let (held, end_tag) = tokens.held();
        *piece = None;
        self.open(tokens)?;
        match self.validator.text() {
            _ if text.is_empty() => {}
            Text::Value => self.collect(piece, text, held)?,
            Text::Ignored => {}
            wanted @ (Text::Blank | Text::Nothing) => self.stray(wanted, &text, held),
        }
        self.close(piece.take(), end_tag, tokens.end())
    }

    fn open(&mut self, tokens: &Tokens<'_, '_>) -> Result<(), Stop> {
        self.value.clear();
        if self.validator.open(&tokens.tag, &tokens.attributes) {
            let element = self.element(tokens, self.validator.uses());
            self.visitor.open(element);
        }
        self.stop_at_cap(tokens.at())
    }

    /// Ends the innermost element; its text is `piece`, or what was collected.
    fn close(&mut self, piece: Option<&str>, at: u32, end: u32) -> Result<(), Stop> {
        let value = piece.unwrap_or(&self.value);
        if let Some((opened, text)) = self.validator.close(at, value) {
            if text == Text::Value {
                self.visitor.text(value, Position::at(opened + self.base));
            }
            self.visitor.close((end + self.base) as usize);
        }
        self.value.clear();
        self.stop_at_cap(at)
    }

    /// Character data where there may be only whitespace, or nothing.
    fn stray(&mut self, wanted: Text, text: &str, at: u32) {
        match wanted {
            Text::Blank if is_blank(text) => {}
            Text::Blank => self.validator.stray_text(at + first_not_blank(text)),
            Text::Nothing if text.is_empty() => {}
            Text::Nothing => self.validator.stray_text(at),
            Text::Value | Text::Ignored => {}
        }
    }

    fn collect<'t>(
        &mut self,
        piece: &mut Option<&'t str>,
        text: Cow<'t, str>,
        at: u32,
    ) -> Result<(), Stop> {
        let before = piece.map_or(self.value.len(), str::len);
        if before + text.len() > self.limits.text_bytes {
            return Err(Stop {
                code: Code::XmlText,
                at,
            });
        }
        match text {
            Cow::Borrowed(text) if before == 0 => *piece = Some(text),
            text => {
                self.value.push_str(piece.take().unwrap_or(""));
                self.value.push_str(&text);
            }
        }
        Ok(())
    }

    /// What the visitor is shown of the start tag read last.
    #[inline]
    fn element<'e>(&self, tokens: &'e Tokens<'_, '_>, uses: &'e [AttributeUse]) -> Element<'e> {
        let tag = &tokens.tag;
        Element {
            namespace: tokens.uri(),
            name: tag.local,
            place: Position::at(tag.at + self.base),
            depth: tokens.depth(),
            bound_at: tag.bound_at as usize,
            given: &tokens.attributes,
            uses,
            base: self.base,
        }
    }

    fn stop_at_cap(&self, at: u32) -> Result<(), Stop> {
        match self.validator.found() < self.limits.findings {
            true => Ok(()),
            false => Err(Stop {
                code: Code::XsdFindings,
                at,
            }),
        }
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}

fn first_not_blank(text: &str) -> u32 {
    (text.len() - text.trim_start_matches([' ', '\t', '\n', '\r']).len()) as u32
}

/// The finding of a stop; a cap says how much is allowed.
fn fault(stop: Stop, limits: &Limits) -> Fault {
    let caps = [
        (Code::XmlSize, limits.bytes),
        (Code::XmlDepth, limits.depth),
        (Code::XmlAttributes, limits.attributes),
        (Code::XmlElements, limits.elements),
        (Code::XmlText, limits.text_bytes),
        (Code::XsdFindings, limits.findings),
    ];
    let cap = caps
        .iter()
        .find(|(code, _)| *code == stop.code)
        .map(|(_, most)| *most);
    let detail = cap.map_or(Detail::None, |most| Detail::Wants(format!("≤ {most}")));
    Fault {
        code: stop.code,
        at: stop.at,
        path_at: stop.at,
        detail,
    }
}

/// Gives faults their places and words, in the order of the document.
fn findings(text: &str, names: &Names, mut faults: Vec<Fault>) -> Vec<Finding> {
    faults.sort_by_key(|fault| fault.at);
    let asked: Vec<Asked> = faults
        .iter()
        .map(|fault| Asked {
            at: fault.at,
            path_at: fault.path_at,
        })
        .collect();
    let places = places(text, names, &asked);
    let words = |fault: &Fault| match &fault.detail {
        Detail::None => None,
        Detail::Expected(expected) if expected.is_empty() => None,
        Detail::Expected(expected) => Some(
            expected
                .iter()
                .map(|name| names.local(*name))
                .collect::<Vec<_>>()
                .join(" | "),
        ),
        Detail::Wants(wants) if wants.is_empty() => None,
        Detail::Wants(wants) => Some(wants.clone()),
    };
    let finding = |(fault, place): (Fault, Place)| {
        let (mut fr, mut en) = (
            Cow::Borrowed(fault.code.fr()),
            Cow::Borrowed(fault.code.en()),
        );
        if let Some(words) = words(&fault) {
            fr = Cow::Owned(format!("{fr} (attendu : {words})"));
            en = Cow::Owned(format!("{en} (expected: {words})"));
        }
        let (code, layer) = (fault.code.as_str(), fault.code.layer());
        Finding {
            code,
            severity: Severity::Error,
            layer,
            place,
            fr,
            en,
        }
    };
    faults.into_iter().zip(places).map(finding).collect()
}
