//! Identity constraints: xs:key, xs:unique and xs:keyref, followed while the document streams.
//!
//! An element with constraints opens a scope for each; an element that the selector finds opens a row, whose fields
//! fill as attributes and texts come by. A row is judged when its element ends, a reference when the scope ends.
//! Values live only as long as their scope.

use std::collections::HashSet;

use super::code::Code;
use super::declare::{Constraint, ConstraintKind};
use super::names::Name;

/// All open scopes and rows.
#[derive(Debug, Default)]
pub(super) struct Identity<'s> {
    scopes: Vec<Scope<'s>>,
    rows: Vec<Row<'s>>,
}

type Key = Vec<String>;

#[derive(Debug)]
struct Scope<'s> {
    depth: usize,
    /// The constraint's index on its element.
    index: usize,
    constraint: &'s Constraint,
    keys: HashSet<Key>,
    references: Vec<(Key, u32)>,
}

#[derive(Debug)]
struct Row<'s> {
    scope: usize,
    depth: usize,
    at: u32,
    constraint: &'s Constraint,
    fields: Vec<Option<String>>,
}

impl<'s> Identity<'s> {
    /// True while no constraint is to be followed.
    pub(super) fn idle(&self) -> bool {
        self.scopes.is_empty()
    }

    /// The element at the end of `path`, its `<` at `at`, has constraints of its own.
    pub(super) fn scope(&mut self, depth: usize, constraints: &'s [Constraint]) {
        for (index, constraint) in constraints.iter().enumerate() {
            let (keys, references) = (HashSet::new(), Vec::new());
            self.scopes.push(Scope {
                depth,
                index,
                constraint,
                keys,
                references,
            });
        }
    }

    /// The element at the end of `path` opens. `value_of` gives the canonical value of one of its attributes.
    pub(super) fn open(
        &mut self,
        path: &[Option<Name>],
        at: u32,
        value_of: impl Fn(Name) -> Option<String>,
    ) {
        for (index, scope) in self.scopes.iter().enumerate() {
            let below = &path[scope.depth..];
            if scope
                .constraint
                .selector
                .iter()
                .any(|one| one.leads_to(below))
            {
                let fields = vec![None; scope.constraint.fields.len()];
                let constraint = scope.constraint;
                self.rows.push(Row {
                    scope: index,
                    depth: path.len(),
                    at,
                    constraint,
                    fields,
                });
            }
        }
        for row in &mut self.rows {
            let below = &path[row.depth..];
            for (field, paths) in row.fields.iter_mut().zip(&row.constraint.fields) {
                let named = paths
                    .iter()
                    .filter(|one| one.leads_to(below))
                    .filter_map(|one| one.attribute);
                if let Some(value) = named.filter_map(&value_of).next() {
                    *field = Some(value);
                }
            }
        }
    }

    /// The element at the end of `path` has this value; `canonical` makes it comparable.
    pub(super) fn value(&mut self, path: &[Option<Name>], canonical: impl Fn() -> String) {
        for row in &mut self.rows {
            let below = &path[row.depth..];
            for (field, paths) in row.fields.iter_mut().zip(&row.constraint.fields) {
                if paths
                    .iter()
                    .any(|one| one.attribute.is_none() && one.leads_to(below))
                {
                    *field = Some(canonical());
                }
            }
        }
    }

    /// True when the element at the end of `path` is a field of an open row.
    pub(super) fn has_field(&self, path: &[Option<Name>]) -> bool {
        self.rows.iter().any(|row| {
            let below = &path[row.depth..];
            let mut paths = row.constraint.fields.iter().flatten();
            paths.any(|one| one.attribute.is_none() && one.leads_to(below))
        })
    }

    /// The element at a depth ends: what is now known to be wrong goes to `fault`, with the place of its row.
    pub(super) fn close(&mut self, depth: usize, mut fault: impl FnMut(Code, u32)) {
        while let Some(row) = self.rows.pop_if(|row| row.depth == depth) {
            let scope = &mut self.scopes[row.scope];
            let key: Option<Key> = row.fields.into_iter().collect();
            match (scope.constraint.kind, key) {
                (ConstraintKind::Key, None) => fault(Code::XsdKeyMissing, row.at),
                (ConstraintKind::Key | ConstraintKind::Unique, Some(key)) => {
                    if !scope.keys.insert(key) {
                        fault(Code::XsdKeyTwice, row.at);
                    }
                }
                (ConstraintKind::Reference(_), Some(key)) => scope.references.push((key, row.at)),
                (ConstraintKind::Unique | ConstraintKind::Reference(_), None) => {}
            }
        }
        let first = self
            .scopes
            .iter()
            .position(|scope| scope.depth == depth)
            .unwrap_or(self.scopes.len());
        for scope in &self.scopes[first..] {
            let ConstraintKind::Reference(to) = scope.constraint.kind else {
                continue;
            };
            let Some(target) = self.scopes[first..].iter().find(|other| other.index == to) else {
                continue;
            };
            for (_, at) in scope
                .references
                .iter()
                .filter(|(key, _)| !target.keys.contains(key))
            {
                fault(Code::XsdKeyUnknown, *at);
            }
        }
        self.scopes.truncate(first);
    }
}
