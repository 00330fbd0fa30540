//! The automata at work: each start tag, text and end tag is held against the declarations, and each fault becomes
//! one finding, with the reading set back on its feet so that the next finding is about the next fault.

mod child;
mod content;

use std::collections::HashSet;

use super::attribute::RawAttribute;
use super::code::Code;
use super::declare::{AllItem, AttributeUse, Presence, Schema, Type};
use super::identity::Identity;
use super::model::{Cursor, Label, Missing, Model, Process};
use super::names::Name;
use super::simple::SimpleId;
use super::token::Tag;
use child::{Child, Missed};

/// A fault before it has a place and words.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) code: Code,
    /// Offset of the place that is shown.
    pub(super) at: u32,
    /// Offset of the element or attribute that the path names.
    pub(super) path_at: u32,
    pub(super) detail: Detail,
}

/// What a finding adds to its sentence. Only names and words of the schema, never of the document.
#[derive(Clone, Debug)]
pub(super) enum Detail {
    None,
    /// What would be right: elements or attributes.
    Expected(Vec<Name>),
    /// What the schema wants of a value.
    Wants(String),
}

/// What the reader does with character data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// It is the value: to be collected.
    Value,
    /// Only whitespace may stand here.
    Blank,
    /// Nothing at all may stand here.
    Nothing,
    /// It is not looked at.
    Ignored,
}

/// The state of one document on its way through a schema.
pub(super) struct Validator<'s> {
    schema: &'s Schema,
    frames: Vec<Frame<'s>>,
    /// Names of the open elements.
    path: Vec<Option<Name>>,
    faults: Vec<Option<Fault>>,
    /// Faults that stand: those not taken back.
    found: usize,
    most: usize,
    /// Some fault so far is one of `HIDING`.
    blurred: bool,
    missed: Vec<Missed>,
    ids: HashSet<String>,
    id_references: Vec<(String, u32)>,
    identity: Identity<'s>,
}

struct Frame<'s> {
    kind: Kind<'s>,
    fixed: Option<&'s str>,
    /// Attributes that the visitor may have to be shown by default.
    uses: &'s [AttributeUse],
    at: u32,
    cursor: Cursor,
    /// Which items of an xs:all were there.
    seen: u64,
    /// Unexpected elements that may stand for a missing one.
    strangers: u32,
    stray_text: bool,
    /// A child of another namespace than its own was told.
    foreign: bool,
    /// The visitor is shown it.
    shown: bool,
}

#[derive(Clone, Copy)]
enum Kind<'s> {
    /// Below something unexpected, or in a wildcard that skips.
    Skip,
    /// In a wildcard that is lax, and not declared.
    Lax,
    Nil,
    Empty,
    Simple(SimpleId),
    /// A value whose element has children: already a finding.
    Spoilt,
    Model(&'s Model),
    All(&'s [AllItem]),
}

/// Faults that may hide an element, an identifier or a key from those that point at it.
const HIDING: &[Code] = &[
    Code::XsdRoot,
    Code::XsdElementUnexpected,
    Code::XsdElementMissing,
    Code::XsdAttributeUnexpected,
    Code::XsdAttributeMissing,
    Code::XsdType,
    Code::XsdNil,
    Code::XsdValueType,
    Code::XsdValuePattern,
    Code::XsdValueLength,
    Code::XsdIdTwice,
    Code::XsdKeyMissing,
    Code::XsdKeyTwice,
];

impl<'s> Validator<'s> {
    /// A validator that notes so many faults at most.
    pub(super) fn new(schema: &'s Schema, most: usize) -> Validator<'s> {
        Validator {
            schema,
            most,
            blurred: false,
            frames: Vec::with_capacity(16),
            path: Vec::with_capacity(16),
            faults: Vec::new(),
            found: 0,
            missed: Vec::new(),
            ids: HashSet::new(),
            id_references: Vec::new(),
            identity: Identity::default(),
        }
    }

    /// A start tag. True when the visitor is to be shown it.
    pub(super) fn open(&mut self, tag: &Tag<'_>, attributes: &[RawAttribute<'_>]) -> bool {
        let child = self.child(tag);
        let above = self.frames.last().is_none_or(|frame| frame.shown);
        let mut frame = Frame {
            kind: Kind::Skip,
            fixed: None,
            uses: &[],
            at: tag.at,
            cursor: Cursor::default(),
            seen: 0,
            strangers: 0,
            stray_text: false,
            foreign: false,
            shown: false,
        };
        self.path.push(tag.name);
        match child {
            Child::Declared(id) => {
                let declaration = self.schema.element(id);
                frame.shown = above;
                self.enter(&mut frame, declaration, attributes);
                if !declaration.constraints.is_empty() {
                    self.identity
                        .scope(self.path.len(), &declaration.constraints);
                }
                if !self.identity.idle() {
                    self.identify(tag.at, declaration, attributes);
                }
            }
            Child::Wild(Process::Lax) => {
                frame.kind = Kind::Lax;
                self.xsi(attributes, None);
                if !self.identity.idle() {
                    self.identity.open(&self.path, tag.at, |_| None);
                }
            }
            Child::Wild(Process::Skip) | Child::Unexpected => {}
        }
        let shown = frame.shown;
        self.frames.push(frame);
        shown
    }

    /// An element without attributes that holds a text alone, at once: true when it is right, and `None` when it is
    /// to be opened, shown its text and closed one after the other. True when the visitor is to be shown it.
    pub(super) fn leaf(&mut self, tag: &Tag<'_>, text: &str) -> Option<bool> {
        let parent = self.frames.last_mut()?;
        let Kind::Model(model) = parent.kind else {
            return None;
        };
        let mut cursor = parent.cursor;
        let Label::Element(_, id) = model.step(&mut cursor, tag.name, tag.namespace)? else {
            return None;
        };
        let declaration = self.schema.element(id);
        let Type::Simple(simple) = declaration.content else {
            return None;
        };
        let free = declaration.fixed.is_none() && declaration.constraints.is_empty();
        if !free || !self.identity.idle() || !self.schema.simples.takes(simple, text) {
            return None;
        }
        (parent.cursor, parent.strangers) = (cursor, 0);
        Some(parent.shown)
    }

    /// What becomes of character data of the innermost open element.
    pub(super) fn text(&self) -> Text {
        match self.frames.last().map_or(Kind::Skip, |frame| frame.kind) {
            Kind::Simple(_) => Text::Value,
            Kind::Model(_) | Kind::All(_) => Text::Blank,
            Kind::Empty | Kind::Nil => Text::Nothing,
            Kind::Skip | Kind::Lax | Kind::Spoilt => Text::Ignored,
        }
    }

    /// Character data stands where none may: one finding for an element.
    pub(super) fn stray_text(&mut self, at: u32) {
        if let Some(frame) = self.frames.last_mut()
            && !frame.stray_text
        {
            frame.stray_text = true;
            self.fault(Code::XsdTextUnexpected, at, at, Detail::None);
        }
    }

    /// Attributes that may have a default, of the element opened last.
    pub(super) fn uses(&self) -> &'s [AttributeUse] {
        self.frames.last().map_or(&[], |frame| frame.uses)
    }

    /// An end tag at `at`; `value` is the text collected. Gives the offset of the element, when the visitor is to
    /// be told, and whether it has a value.
    pub(super) fn close(&mut self, at: u32, value: &str) -> Option<(u32, Text)> {
        let depth = self.frames.len();
        let text = self.text();
        let frame = self.frames.pop()?;
        match frame.kind {
            Kind::Simple(simple) => self.value(&frame, simple, value),
            Kind::Model(model) if !model.accepts(frame.cursor) => {
                let mut cursor = frame.cursor;
                let missing = model.gap(&mut cursor, None);
                let missing = missing.unwrap_or_else(|| {
                    vec![Missing {
                        names: model.expected(frame.cursor),
                    }]
                });
                for one in missing.into_iter().skip(frame.strangers.min(1) as usize) {
                    self.fault(
                        Code::XsdElementMissing,
                        at,
                        frame.at,
                        Detail::Expected(one.names),
                    );
                }
            }
            Kind::All(items) => {
                let absent = items.iter().enumerate().filter(|(index, item)| {
                    item.presence == Presence::Required && frame.seen & (1 << index) == 0
                });
                let absent = absent
                    .map(|(_, item)| item.name)
                    .skip(frame.strangers as usize);
                for name in absent {
                    self.fault(
                        Code::XsdElementMissing,
                        at,
                        frame.at,
                        Detail::Expected(vec![name]),
                    );
                }
            }
            // A field must have a value, and what is not declared has none (XML Schema part 1, 3.11.4).
            Kind::Lax if self.identity.has_field(&self.path) => {
                self.fault(Code::XsdKeyMissing, frame.at, frame.at, Detail::None);
            }
            Kind::Skip | Kind::Lax | Kind::Nil | Kind::Empty | Kind::Spoilt | Kind::Model(_) => {}
        }
        if !self.identity.idle() {
            let mut found = Vec::new();
            self.identity
                .close(depth, |code, at| found.push((code, at)));
            for (code, at) in found {
                self.key_fault(code, at);
            }
        }
        self.path.pop();
        while self.missed.pop_if(|missed| missed.depth >= depth).is_some() {}
        frame.shown.then_some((frame.at, text))
    }

    /// How many findings there are so far.
    pub(super) fn found(&self) -> usize {
        self.found
    }

    /// All faults, once the document has ended (`Ended::Well`) or was given up.
    pub(super) fn finish(mut self, ended: Ended) -> Vec<Fault> {
        if ended == Ended::Well && !self.blurred {
            let dangling = std::mem::take(&mut self.id_references);
            for (value, at) in dangling {
                if !self.ids.contains(&value) {
                    self.fault(Code::XsdIdUnknown, at, at, Detail::None);
                }
            }
        }
        self.faults.into_iter().flatten().collect()
    }

    /// A key that is incomplete because something else is wrong within it is not told again; nor is a reference
    /// while what it points at may only be hidden by another fault.
    fn key_fault(&mut self, code: Code, at: u32) {
        let mut faults = self.faults.iter().flatten();
        let told = (code == Code::XsdKeyMissing && faults.any(|fault| fault.at >= at))
            || (code == Code::XsdKeyUnknown && self.blurred);
        if !told {
            self.fault(code, at, at, Detail::None);
        }
    }

    /// Notes a fault, up to the cap: beyond it the reader is about to stop.
    fn fault(&mut self, code: Code, at: u32, path_at: u32, detail: Detail) {
        if self.found >= self.most {
            return;
        }
        self.found += 1;
        self.blurred |= HIDING.contains(&code);
        let fault = Fault {
            code,
            at,
            path_at,
            detail,
        };
        self.faults.push(Some(fault));
    }
}

/// How the reading of a document ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// At its end.
    Well,
    /// Before: not well-formed, or a cap.
    Early,
}
