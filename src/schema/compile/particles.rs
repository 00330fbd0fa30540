//! Particles: elements, groups and wildcards with their occurrences.

use super::{Compiler, Global};
use crate::schema::declare::{AllItem, Content, Presence};
use crate::schema::error::Error;
use crate::schema::model::{Particle, Process, Term, UNBOUNDED, Wildcard};
use crate::schema::node::Node;

/// Elements of an `xs:all`, kept as bits while a document is read.
const MOST_OF_ALL: usize = 64;

/// The most occurrences that may be counted.
const MOST_OCCURRENCES: u32 = 1_000_000;

impl<'n> Compiler<'n> {
    /// A particle; none when it may never occur or holds nothing.
    pub(super) fn particle(&mut self, node: &'n Node) -> Result<Option<Particle>, Error> {
        let (min, max) = occurrences(node)?;
        let term = match &*node.name {
            "element" => self.element_term(node)?,
            "any" => Term::Any(self.wildcard(node)?),
            "sequence" | "choice" => {
                node.only(&["minOccurs", "maxOccurs"])?;
                match self.items(node)? {
                    Some(term) => term,
                    None => return Ok(None),
                }
            }
            "group" => {
                node.only(&["ref", "minOccurs", "maxOccurs"])?;
                let (name, group) = self.find(Global::Group, node, node.need("ref")?)?;
                self.enter(Global::Group, &name, node)?;
                let content = self.group_content(group)?;
                self.leave(Global::Group, &name);
                match content {
                    Some(term) => term,
                    None => return Ok(None),
                }
            }
            other => return Err(node.unsupported(format!("xs:{other} as a particle"))),
        };
        Ok((max > 0).then_some(Particle { term, min, max }))
    }

    /// What a named group stands for.
    pub(super) fn group_content(&mut self, group: &'n Node) -> Result<Option<Term>, Error> {
        group.only(&["name"])?;
        let [child] = &group.children[..] else {
            return Err(group.invalid("a group has one child"));
        };
        if !matches!(&*child.name, "sequence" | "choice") {
            return Err(child.unsupported(format!("xs:{} in a group", child.name)));
        }
        child.only(&[])?;
        self.items(child)
    }

    fn items(&mut self, node: &'n Node) -> Result<Option<Term>, Error> {
        let mut items = Vec::with_capacity(node.children.len());
        for child in &node.children {
            items.extend(self.particle(child)?);
        }
        if node.name == "choice" {
            if items.is_empty() {
                return Err(node.unsupported("a choice of nothing"));
            }
            return Ok(Some(Term::Choice(items)));
        }
        Ok((!items.is_empty()).then_some(Term::Sequence(items)))
    }

    fn element_term(&mut self, node: &'n Node) -> Result<Term, Error> {
        if let Some(value) = node.get("ref") {
            node.only(&["ref", "minOccurs", "maxOccurs"])?;
            let (_, global) = self.find(Global::Element, node, value)?;
            let (name, id) = self.global_element(global)?;
            return Ok(Term::Element(name, id));
        }
        node.only(&[
            "name",
            "type",
            "nillable",
            "fixed",
            "minOccurs",
            "maxOccurs",
        ])?;
        let target = self.target_of(node);
        let name = self.name(&target, node.need("name")?);
        let id = self.reserve_element();
        self.declare_element(id, node)?;
        Ok(Term::Element(name, id))
    }

    /// The content of an `xs:all`.
    pub(super) fn all(&mut self, node: &'n Node) -> Result<Content, Error> {
        node.only(&[])?;
        let mut items: Vec<AllItem> = Vec::with_capacity(node.children.len());
        for child in &node.children {
            let particle = self.particle(child)?;
            let Some(Particle {
                term: Term::Element(name, element),
                min,
                max: 1,
            }) = particle
            else {
                return Err(child
                    .unsupported("in xs:all, anything but an element that occurs once at most"));
            };
            let presence = if min == 0 {
                Presence::Optional
            } else {
                Presence::Required
            };
            if items.iter().any(|item| item.name == name) {
                return Err(child.invalid("the element is there twice"));
            }
            items.push(AllItem {
                name,
                element,
                presence,
            });
        }
        match items.len() {
            1..=MOST_OF_ALL => Ok(Content::All(items)),
            _ => Err(node.unsupported(format!(
                "xs:all of no element or of more than {MOST_OF_ALL}"
            ))),
        }
    }

    /// `xs:any` and `xs:anyAttribute`.
    pub(super) fn wildcard(&mut self, node: &Node) -> Result<Wildcard, Error> {
        node.only(&["namespace", "processContents", "minOccurs", "maxOccurs"])?;
        let target = self.target_of(node);
        let other_than = match node.get("namespace") {
            None | Some("##any") => None,
            Some("##other") => Some(self.names.declare(&target)),
            Some(other) => {
                return Err(node.unsupported(format!("a wildcard of namespace=\"{other}\"")));
            }
        };
        let process = match node.get("processContents") {
            Some("lax") => Process::Lax,
            Some("skip") => Process::Skip,
            other => {
                return Err(
                    node.unsupported(format!("processContents=\"{}\"", other.unwrap_or("strict")))
                );
            }
        };
        Ok(Wildcard {
            other_than,
            process,
        })
    }
}

fn occurrences(node: &Node) -> Result<(u32, u32), Error> {
    let number = |value: &str| {
        value
            .parse::<u32>()
            .ok()
            .filter(|count| *count <= MOST_OCCURRENCES)
    };
    let refused = |value: &str| node.unsupported(format!("occurrences of {value}"));
    let min = node.get("minOccurs").unwrap_or("1");
    let min = number(min).ok_or_else(|| refused(min))?;
    let max = match node.get("maxOccurs").unwrap_or("1") {
        "unbounded" => UNBOUNDED,
        value => number(value).ok_or_else(|| refused(value))?,
    };
    match min <= max {
        true => Ok((min, max)),
        false => Err(node.invalid("minOccurs is above maxOccurs")),
    }
}
