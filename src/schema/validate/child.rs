//! Which declaration a child belongs to, and how the reading goes on where there is none.
//!
//! An element that fits further on means that what lies between is missing; one that fits nowhere is unexpected and
//! its content is passed over; one that is unexpected just where another is missing counts once (a wrong name); one
//! that was reported missing and comes later counts once (a wrong order); those that are right but for their namespace
//! count once for their parent, and take the place of those they were meant to be.

use super::{Detail, Fault, Frame, Kind, Validator};
use crate::schema::code::Code;
use crate::schema::declare::AllItem;
use crate::schema::model::{ElementId, Label, Model, Process, Wildcard};
use crate::schema::names::{Name, Namespace};
use crate::schema::token::Tag;

/// An element that was reported missing and may yet come, at the wrong place.
pub(super) struct Missed {
    pub(super) depth: usize,
    names: Vec<Name>,
    fault: usize,
    /// The element that came instead.
    instead: u32,
    /// Its finding says by now that it came too early.
    told: bool,
}

/// What a child is to its parent.
pub(super) enum Child {
    Declared(ElementId),
    Wild(Process),
    Unexpected,
}

impl<'s> Validator<'s> {
    /// Which declaration a start tag belongs to; the finding is made when there is none.
    pub(super) fn child(&mut self, tag: &Tag<'_>) -> Child {
        let schema = self.schema;
        let global = || tag.name.and_then(|name| schema.globals.get(&name)).copied();
        let Some(parent) = self.frames.last() else {
            let global = global();
            if global.is_none() {
                // A missing namespace is the commonest fault of all: the local name alone would not show it.
                let mut roots: Vec<Name> = schema.globals.keys().copied().collect();
                roots.sort();
                let roots = roots.into_iter().map(|root| schema.names.whole(root));
                let roots = roots.collect::<Vec<_>>().join(" | ");
                self.fault(Code::XsdRoot, tag.at, tag.at, Detail::Wants(roots));
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
        // In a parent that has told one, no wildcard takes those that follow it.
        let foreign = self.frames.last().is_some_and(|parent| parent.foreign);
        let early = foreign.then(|| self.meant(model.names(), tag)).flatten();
        let label = match early {
            Some(_) => None,
            None => self.step(model, tag),
        };
        // Nor does one that stands further on: all between would be missing.
        let late = || early.or_else(|| self.meant(model.names(), tag));
        let label = match label {
            Some(label) => Some(label),
            None => match late() {
                Some(name) => {
                    self.foreign(name, tag.at);
                    let mut meant = *tag;
                    (meant.name, meant.namespace) = (Some(name), Namespace::NONE);
                    if self.step(model, &meant).is_none() {
                        let _ = self.recover(model, &meant);
                    }
                    None
                }
                None => self.recover(model, tag),
            },
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

    /// A child that fits where the reading is.
    fn step(&mut self, model: &Model, tag: &Tag<'_>) -> Option<Label> {
        let parent = self.frames.last_mut()?;
        let label = model.step(&mut parent.cursor, tag.name, tag.namespace)?;
        parent.strangers = 0;
        Some(label)
    }

    /// The one of these names that a child of another namespace has but for that.
    fn meant(&self, names: impl Iterator<Item = Name>, tag: &Tag<'_>) -> Option<Name> {
        let mut names = names;
        let meant = names.find(|name| self.schema.names.local(*name) == tag.local)?;
        (tag.name != Some(meant)).then_some(meant)
    }

    /// A child has the local name of one that is declared here, and another namespace: said of the first one alone, for
    /// one declaration that is wrong makes all of them so.
    fn foreign(&mut self, meant: Name, at: u32) {
        let told = self
            .frames
            .last_mut()
            .is_none_or(|parent| std::mem::replace(&mut parent.foreign, true));
        if !told {
            let wants = match self.schema.names.whole(meant) {
                whole if whole.starts_with('{') => whole,
                // Of no namespace: the bare name is what stands there, and would say nothing.
                local => format!("{{}}{local}"),
            };
            self.fault(Code::XsdElementUnexpected, at, at, Detail::Wants(wants));
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
        let meant = self.meant(items.iter().map(|item| item.name), tag);
        if let Some(meant) = meant {
            self.foreign(meant, tag.at);
        }
        let name = meant.or(tag.name);
        let index = items.iter().position(|item| name == Some(item.name));
        let seen = self.frames.last().map_or(0, |frame| frame.seen);
        match index {
            Some(index) if seen & (1 << index) == 0 => {
                self.parent(|frame| frame.seen |= 1 << index);
                match meant {
                    Some(_) => Child::Unexpected,
                    None => Child::Declared(items[index].element),
                }
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
}
