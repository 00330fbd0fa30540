//! What a compiled schema holds: element and attribute declarations, types, identity constraints.

use std::collections::HashMap;

use super::model::{ElementId, Model, Wildcard};
use super::names::{Name, Names};
use super::simple::{SimpleId, Simples};

/// Compiled XSD files: made once at start, then shared by all threads.
#[derive(Debug)]
pub struct Schema {
    pub(super) names: Names,
    pub(super) simples: Simples,
    pub(super) complexes: Vec<Complex>,
    pub(super) elements: Vec<Declaration>,
    /// Global elements: those that may be a root, and those that a lax wildcard checks.
    pub(super) globals: HashMap<Name, ElementId>,
}

/// Index of a complex type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ComplexId(pub(super) u32);

/// The type of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Simple(SimpleId),
    Complex(ComplexId),
}

/// An element declaration.
#[derive(Debug)]
pub(super) struct Declaration {
    pub(super) content: Type,
    pub(super) nillable: Nillable,
    pub(super) fixed: Option<Box<str>>,
    pub(super) constraints: Vec<Constraint>,
}

/// Whether an element may say that it has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nillable {
    Yes,
    No,
}

/// A complex type.
#[derive(Debug)]
pub(super) struct Complex {
    pub(super) attributes: Vec<AttributeUse>,
    pub(super) wildcard: Option<Wildcard>,
    pub(super) content: Content,
}

/// What may stand inside an element of a complex type.
#[derive(Debug)]
pub(super) enum Content {
    Empty,
    Simple(SimpleId),
    Model(Model),
    All(Vec<AllItem>),
}

/// One child of an `xs:all`: once at most, in any order.
#[derive(Clone, Copy, Debug)]
pub(super) struct AllItem {
    pub(super) name: Name,
    pub(super) element: ElementId,
    pub(super) presence: Presence,
}

/// Whether something must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Required,
    Optional,
}

/// An attribute of a type.
#[derive(Clone, Debug)]
pub(super) struct AttributeUse {
    pub(super) name: Name,
    pub(super) local: Box<str>,
    pub(super) simple: SimpleId,
    pub(super) presence: Presence,
    pub(super) fixed: Option<Box<str>>,
    pub(super) default: Option<Box<str>>,
}

/// A key, unique or keyref of an element.
#[derive(Debug)]
pub(super) struct Constraint {
    pub(super) kind: ConstraintKind,
    pub(super) selector: Vec<Path>,
    pub(super) fields: Vec<Vec<Path>>,
}

/// What a constraint demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConstraintKind {
    Key,
    Unique,
    /// The index, on the same element, of the key or unique that must hold the value.
    Reference(usize),
}

/// One alternative of the XPath subset of selectors and fields.
#[derive(Debug)]
pub(super) struct Path {
    /// It began with `.//`.
    pub(super) anywhere: bool,
    pub(super) steps: Vec<Step>,
    pub(super) attribute: Option<Name>,
}

/// A child step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Named(Name),
    Any,
}

impl Schema {
    pub(super) fn element(&self, id: ElementId) -> &Declaration {
        &self.elements[id.0 as usize]
    }

    pub(super) fn complex(&self, id: ComplexId) -> &Complex {
        &self.complexes[id.0 as usize]
    }
}

impl Path {
    /// True when the path leads to an element, given by the names from below where it starts.
    pub(super) fn leads_to(&self, below: &[Option<Name>]) -> bool {
        let (len, steps) = (below.len(), self.steps.len());
        if len < steps || (len > steps && !self.anywhere) {
            return false;
        }
        let tail = &below[len - steps..];
        self.steps.iter().zip(tail).all(|(step, name)| match step {
            Step::Named(own) => *name == Some(*own),
            Step::Any => true,
        })
    }
}
