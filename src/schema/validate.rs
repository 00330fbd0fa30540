//! The automata at work: each start tag, text and end tag is held against the declarations, and each fault becomes
//! one finding, with the reading set back on its feet so that the next finding is about the next fault.
//!
//! How it recovers: an element that fits further on means that what lies between is missing; one that fits nowhere
//! is unexpected and its content is passed over; one that is unexpected just where another is missing counts once
//! (a wrong name); one that was reported missing and comes later counts once (a wrong order).

use std::borrow::Cow;
use std::collections::HashSet;

use super::code::Code;
use super::declare::{
    AllItem, AttributeUse, Complex, Content, Declaration, Nillable, Presence, Schema, Type,
};
use super::identity::Identity;
use super::model::{Cursor, ElementId, Label, Missing, Model, Process, Wildcard};
use super::names::{Name, Namespace};
use super::simple::SimpleId;
use super::token::{RawAttribute, Tag};
use super::value::Builtin;

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

/// An element that was reported missing and may yet come, at the wrong place.
struct Missed {
    depth: usize,
    names: Vec<Name>,
    fault: usize,
    /// The element that came instead.
    instead: u32,
    /// Its finding says by now that it came too early.
    told: bool,
}

enum Child {
    Declared(ElementId),
    Wild(Process),
    Unexpected,
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

    /// Which declaration a start tag belongs to; the finding is made when there is none.
    fn child(&mut self, tag: &Tag<'_>) -> Child {
        let schema = self.schema;
        let global = || tag.name.and_then(|name| schema.globals.get(&name)).copied();
        let Some(parent) = self.frames.last() else {
            let global = global();
            if global.is_none() {
                let mut roots: Vec<Name> = self.schema.globals.keys().copied().collect();
                roots.sort();
                self.fault(Code::XsdRoot, tag.at, tag.at, Detail::Expected(roots));
            }
            return global.map_or(Child::Unexpected, Child::Declared);
        };
        match parent.kind {
            Kind::Skip => Child::Wild(Process::Skip),
            Kind::Lax => global().map_or(Child::Wild(Process::Lax), Child::Declared),
            Kind::Model(model) => self.child_of_model(model, tag, global),
            Kind::All(items) => self.child_of_all(items, tag),
            Kind::Nil | Kind::Empty | Kind::Simple(_) | Kind::Spoilt => {
                self.fault(Code::XsdElementUnexpected, tag.at, tag.at, Detail::None);
                self.parent(|frame| {
                    if let Kind::Simple(_) = frame.kind {
                        frame.kind = Kind::Spoilt;
                    }
                });
                Child::Unexpected
            }
        }
    }

    fn child_of_model(
        &mut self,
        model: &Model,
        tag: &Tag<'_>,
        global: impl Fn() -> Option<ElementId>,
    ) -> Child {
        let Some(parent) = self.frames.last_mut() else {
            return Child::Unexpected;
        };
        let label = match model.step(&mut parent.cursor, tag.name, tag.namespace) {
            Some(label) => {
                parent.strangers = 0;
                Some(label)
            }
            None => self.recover(model, tag),
        };
        match label {
            Some(Label::Element(_, id)) => Child::Declared(id),
            Some(Label::Any(Wildcard {
                process: Process::Skip,
                ..
            })) => Child::Wild(Process::Skip),
            Some(Label::Any(Wildcard {
                process: Process::Lax,
                ..
            })) => global().map_or(Child::Wild(Process::Lax), Child::Declared),
            None => Child::Unexpected,
        }
    }

    /// A child does not fit: says why, and finds where to go on.
    fn recover(&mut self, model: &Model, tag: &Tag<'_>) -> Option<Label> {
        if let Some(name) = tag.name
            && self.came_late(name)
        {
            return model
                .labels()
                .find(|label| matches!(label, Label::Element(own, _) if *own == name));
        }
        let parent = self.frames.last_mut()?;
        let (parent_at, before) = (parent.at, parent.cursor);
        let Some(missing) = model.gap(&mut parent.cursor, Some((tag.name, tag.namespace))) else {
            parent.strangers = 1;
            self.fault(
                Code::XsdElementUnexpected,
                tag.at,
                tag.at,
                Detail::Expected(model.expected(before)),
            );
            return None;
        };
        let excused = std::mem::take(&mut parent.strangers) as usize;
        let label = model.step(&mut parent.cursor, tag.name, tag.namespace);
        for one in missing.into_iter().skip(excused) {
            let (depth, fault) = (self.frames.len(), self.faults.len());
            let names = one.names.clone();
            self.missed.push(Missed {
                depth,
                names,
                fault,
                instead: tag.at,
                told: false,
            });
            self.fault(
                Code::XsdElementMissing,
                tag.at,
                parent_at,
                Detail::Expected(one.names),
            );
        }
        label
    }

    /// True when the element was reported missing in its parent: then it is the one that came instead which is out
    /// of order, and only that is said.
    fn came_late(&mut self, name: Name) -> bool {
        let depth = self.frames.len();
        let late = self
            .missed
            .iter()
            .position(|missed| missed.depth == depth && missed.names.contains(&name));
        let Some(late) = late else { return false };
        let missed = self.missed.remove(late);
        let told = self.faults.get_mut(missed.fault).and_then(Option::take);
        if missed.told {
            self.found -= 1;
        } else if let Some(fault) = told {
            let code = Code::XsdElementUnexpected;
            let (at, path_at) = (missed.instead, missed.instead);
            self.faults[missed.fault] = Some(Fault {
                code,
                at,
                path_at,
                ..fault
            });
            for other in &mut self.missed {
                other.told |= other.depth == depth && other.instead == missed.instead;
            }
        }
        true
    }

    fn child_of_all(&mut self, items: &[AllItem], tag: &Tag<'_>) -> Child {
        let index = items.iter().position(|item| tag.name == Some(item.name));
        let seen = self.frames.last().map_or(0, |frame| frame.seen);
        match index {
            Some(index) if seen & (1 << index) == 0 => {
                self.parent(|frame| frame.seen |= 1 << index);
                Child::Declared(items[index].element)
            }
            Some(_) | None => {
                let absent = items
                    .iter()
                    .enumerate()
                    .filter(|(index, _)| seen & (1 << index) == 0);
                let expected = absent.map(|(_, item)| item.name).collect();
                self.fault(
                    Code::XsdElementUnexpected,
                    tag.at,
                    tag.at,
                    Detail::Expected(expected),
                );
                // One that is there twice stands for nothing else.
                if index.is_none() {
                    self.parent(|frame| frame.strangers += 1);
                }
                Child::Unexpected
            }
        }
    }

    fn parent(&mut self, change: impl FnOnce(&mut Frame<'s>)) {
        if let Some(frame) = self.frames.last_mut() {
            change(frame);
        }
    }

    /// Sets up a declared element: its content and its attributes.
    fn enter(
        &mut self,
        frame: &mut Frame<'s>,
        declaration: &'s Declaration,
        attributes: &[RawAttribute<'_>],
    ) {
        frame.fixed = declaration.fixed.as_deref();
        let complex = match declaration.content {
            Type::Simple(simple) => {
                frame.kind = Kind::Simple(simple);
                None
            }
            Type::Complex(id) => Some(self.schema.complex(id)),
        };
        if let Some(complex) = complex {
            frame.kind = match &complex.content {
                Content::Empty => Kind::Empty,
                Content::Simple(simple) => Kind::Simple(*simple),
                Content::Model(model) => Kind::Model(model),
                Content::All(items) => Kind::All(items),
            };
            frame.uses = &complex.attributes;
        }
        let required = !frame.uses.is_empty();
        if (!attributes.is_empty() || required)
            && self.attributes(frame.at, complex, declaration, attributes)
        {
            frame.kind = Kind::Nil;
        }
    }

    /// Checks attributes against a type. True when the element says that it is nil and may.
    fn attributes(
        &mut self,
        at: u32,
        complex: Option<&'s Complex>,
        declaration: &'s Declaration,
        given: &[RawAttribute<'_>],
    ) -> bool {
        let nil = self.xsi(given, Some(declaration));
        let uses = complex.map_or(&[][..], |complex| &complex.attributes);
        let admits = |namespace| {
            complex
                .and_then(|complex| complex.wildcard)
                .is_some_and(|any| any.admits(namespace))
        };
        let mut seen = 0u64;
        let mut strangers = 0;
        for raw in given.iter().filter(|raw| raw.namespace != Namespace::XSI) {
            match uses.iter().position(|one| raw.name == Some(one.name)) {
                Some(index) => {
                    seen |= 1 << index;
                    self.attribute(&uses[index], raw);
                }
                None if admits(raw.namespace) => {}
                None => {
                    strangers += 1;
                    let absent = uses
                        .iter()
                        .filter(|one| !given.iter().any(|raw| raw.name == Some(one.name)));
                    let expected = Detail::Expected(absent.map(|one| one.name).collect());
                    self.fault(Code::XsdAttributeUnexpected, raw.at, raw.at, expected);
                }
            }
        }
        let absent = uses.iter().enumerate();
        let absent = absent
            .filter(|(index, one)| one.presence == Presence::Required && seen & (1 << index) == 0);
        // One that is unexpected while another is missing counts once: a wrong name.
        for (_, one) in absent.skip(strangers) {
            self.fault(
                Code::XsdAttributeMissing,
                at,
                at,
                Detail::Expected(vec![one.name]),
            );
        }
        nil
    }

    fn attribute(&mut self, one: &AttributeUse, raw: &RawAttribute<'_>) {
        let value = self.schema.simples.get(one.simple).normalise(&raw.value);
        if !self.check(one.simple, &value, raw.at) {
            return;
        }
        if let Some(fixed) = &one.fixed
            && !self.schema.simples.equal(one.simple, fixed, &value)
        {
            self.fault(
                Code::XsdFixed,
                raw.at,
                raw.at,
                Detail::Wants(fixed.to_string()),
            );
        }
    }

    /// The attributes of the `xsi` namespace. `xsi:type` would let a document choose its own type; locations are
    /// never fetched. True when the element is nil and may be.
    fn xsi(&mut self, given: &[RawAttribute<'_>], declaration: Option<&Declaration>) -> bool {
        let mut nil = false;
        for raw in given.iter().filter(|raw| raw.namespace == Namespace::XSI) {
            match (raw.local, declaration) {
                ("schemaLocation" | "noNamespaceSchemaLocation", _) => {}
                ("type", _) => self.fault(Code::XsdType, raw.at, raw.at, Detail::None),
                ("nil", None) => {}
                ("nil", Some(declaration)) => match (declaration.nillable, raw.value.trim()) {
                    (Nillable::Yes, "true" | "1") => nil = true,
                    (Nillable::Yes, "false" | "0") => {}
                    (Nillable::Yes | Nillable::No, _) => {
                        self.fault(Code::XsdNil, raw.at, raw.at, Detail::None)
                    }
                },
                (_, _) => self.fault(Code::XsdAttributeUnexpected, raw.at, raw.at, Detail::None),
            }
        }
        nil
    }

    /// Judges the value of an element. An empty one that is fixed has the fixed value.
    fn value(&mut self, frame: &Frame<'s>, simple: SimpleId, text: &str) {
        let schema = self.schema;
        let value = match frame.fixed {
            Some(fixed) if text.is_empty() => Cow::Borrowed(fixed),
            Some(_) | None => schema.simples.get(simple).normalise(text),
        };
        if self.check(simple, &value, frame.at)
            && let Some(fixed) = frame.fixed
            && !schema.simples.equal(simple, fixed, &value)
        {
            self.fault(
                Code::XsdFixed,
                frame.at,
                frame.at,
                Detail::Wants(fixed.to_owned()),
            );
        }
        if !self.identity.idle() {
            self.identity
                .value(&self.path, || schema.simples.canonical(simple, &value));
        }
    }

    /// Checks a normalised value; identifiers are remembered. False when a finding was made.
    fn check(&mut self, simple: SimpleId, value: &str, at: u32) -> bool {
        let simples = &self.schema.simples;
        if let Err(facet) = simples.check(simple, value) {
            let wants = Detail::Wants(simples.wants(simple, facet));
            self.fault(facet.code(), at, at, wants);
            return false;
        }
        let builtin = simples.builtin(simple, value);
        if builtin == Some(Builtin::IdRef) {
            self.id_references.push((value.to_owned(), at));
        }
        if builtin == Some(Builtin::Id) && !self.ids.insert(value.to_owned()) {
            self.fault(Code::XsdIdTwice, at, at, Detail::None);
            return false;
        }
        true
    }

    fn identify(&mut self, at: u32, declaration: &'s Declaration, attributes: &[RawAttribute<'_>]) {
        let uses = match declaration.content {
            Type::Simple(_) => &[][..],
            Type::Complex(id) => &self.schema.complex(id).attributes,
        };
        let simples = &self.schema.simples;
        self.identity.open(&self.path, at, |name| {
            let one = uses.iter().find(|one| one.name == name)?;
            let given = attributes
                .iter()
                .find(|raw| raw.name == Some(name))
                .map(|raw| &*raw.value);
            let value = given.or(one.default.as_deref()).or(one.fixed.as_deref())?;
            Some(simples.canonical(one.simple, &simples.get(one.simple).normalise(value)))
        });
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
