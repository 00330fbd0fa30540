//! What a declared element holds of its own: its attributes, its value, and what they are keys of.

use std::borrow::Cow;

use super::{Detail, Frame, Kind, Validator};
use crate::schema::attribute::RawAttribute;
use crate::schema::code::Code;
use crate::schema::declare::{
    AttributeUse, Complex, Content, Declaration, Nillable, Presence, Type,
};
use crate::schema::names::Namespace;
use crate::schema::simple::SimpleId;
use crate::schema::value::Builtin;

impl<'s> Validator<'s> {
    /// Sets up a declared element: its content and its attributes.
    pub(super) fn enter(
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
        if one.fixed.is_none() && self.schema.simples.is_surely(one.simple, &raw.value) {
            return;
        }
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
    pub(super) fn xsi(
        &mut self,
        given: &[RawAttribute<'_>],
        declaration: Option<&Declaration>,
    ) -> bool {
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
    pub(super) fn value(&mut self, frame: &Frame<'s>, simple: SimpleId, text: &str) {
        let schema = self.schema;
        let free = frame.fixed.is_none() && self.identity.idle();
        if free && schema.simples.is_surely(simple, text) {
            return;
        }
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

    pub(super) fn identify(
        &mut self,
        at: u32,
        declaration: &'s Declaration,
        attributes: &[RawAttribute<'_>],
    ) {
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
