//! Figures by `schemas/figures-1.xsd`.

use crate::claims::finding::{Finding, Place};
use crate::formats::figures::row::{Field, Gathered, Row};
use crate::formats::figures::{Code, File, Limits};
use crate::schema::{self, Element, Encoding, Position, Schema, Source, Visitor};

/// Namespace of figures.
pub const NAMESPACE: &str = "urn:bordereau:figures:1";

/// The schema's file name and text.
pub const XSD: (&str, &str) = (
    "figures-1.xsd",
    include_str!("../../../schemas/figures-1.xsd"),
);

/// The schema as files are read by it.
pub(super) fn compiled() -> Schema {
    let (name, xsd) = XSD;
    Schema::compile(&[Source { name, xsd }])
        .expect("the embedded schema compiles: a test reads with it")
}

/// Reads a file.
pub(super) fn read(schema: &Schema, bytes: &[u8], limits: &Limits) -> Result<File, Vec<Finding>> {
    if bytes.len() > limits.bytes {
        return Err(vec![Code::Size.finding(Place::default())]);
    }
    let mut gather = Gather {
        lines: Lines::new(bytes),
        gathered: Gathered::default(),
        faults: Vec::new(),
        most: limits.findings,
    };
    let reading = schema::read(bytes, schema, &limits_of(limits), &mut gather);
    let mut findings = reading.findings.clone();
    if findings.is_empty() && reading.encoding != Encoding::Utf8 {
        findings.push(Code::Encoding.finding(reading.place(Position::default())));
    }
    // Where the form is wrong, what was read of it says nothing more.
    if findings.is_empty() {
        let faults = gather.faults.iter().take(limits.findings);
        let found = faults.map(|(code, at)| code.finding(reading.place(*at)));
        findings.extend(found);
    }
    let file = gather.gathered.file;
    if findings.is_empty() && file.counts + file.documents == 0 {
        findings.push(Code::Empty.finding(reading.place(Position::default())));
    }
    if findings.is_empty() {
        Ok(file)
    } else {
        Err(findings)
    }
}

fn limits_of(limits: &Limits) -> schema::Limits {
    schema::Limits {
        bytes: limits.bytes,
        depth: 4,
        attributes: 16,
        elements: usize::MAX,
        text_bytes: 1_024,
        findings: limits.findings,
    }
}

struct Gather<'a> {
    lines: Lines<'a>,
    gathered: Gathered,
    faults: Vec<(Code, Position)>,
    most: usize,
}

impl Visitor for Gather<'_> {
    fn open(&mut self, element: Element<'_>) {
        if element.depth != 2 {
            return;
        }
        let mut row = Row {
            line: self.lines.of(element.place.offset()),
            ..Row::default()
        };
        let mut places = [element.place; 9];
        for attribute in element.attributes() {
            if let Some(field) = Field::parse(attribute.name) {
                row.set(field, attribute.value);
                places[field as usize] = attribute.place;
            }
        }
        for (code, field) in self.gathered.take(&row) {
            match self.faults.len() + 1 {
                last if last == self.most => self.faults.push((Code::TooMany, element.place)),
                fits if fits < self.most => self.faults.push((code, places[field as usize])),
                _beyond => {}
            }
        }
    }
}

/// Line numbers of offsets that only grow.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
}

impl<'a> Lines<'a> {
    fn new(bytes: &'a [u8]) -> Lines<'a> {
        Lines {
            bytes,
            at: 0,
            line: 1,
        }
    }

    fn of(&mut self, offset: usize) -> u32 {
        let passed = self.bytes.get(self.at..offset).unwrap_or_default();
        let ends = passed.iter().filter(|byte| **byte == b'\n').count();
        self.line = self
            .line
            .saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
        self.at = self.at.max(offset);
        self.line
    }
}
