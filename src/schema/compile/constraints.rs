//! Identity constraints and the XPath subset of their selectors and fields.

use super::Compiler;
use crate::schema::declare::{Constraint, ConstraintKind, Path, Step};
use crate::schema::error::Error;
use crate::schema::names::{Name, is_ncname};
use crate::schema::node::Node;

impl<'n> Compiler<'n> {
    /// The constraints of an element. A keyref refers to a key or unique of the same element.
    pub(super) fn constraints(&mut self, node: &'n Node) -> Result<Vec<Constraint>, Error> {
        let is_type = |child: &&Node| matches!(&*child.name, "simpleType" | "complexType");
        let own: Vec<&'n Node> = node
            .children
            .iter()
            .filter(|child| !is_type(child))
            .collect();
        let mut constraints = Vec::with_capacity(own.len());
        for child in &own {
            let kind = match &*child.name {
                "key" => ConstraintKind::Key,
                "unique" => ConstraintKind::Unique,
                "keyref" => ConstraintKind::Reference(referred(child, &own)?),
                other => return Err(child.unsupported(format!("xs:{other} in xs:{}", node.name))),
            };
            let reference: &[&str] = if child.name == "keyref" {
                &["name", "refer"]
            } else {
                &["name"]
            };
            child.only(reference)?;
            child.need("name")?;
            constraints.push(self.constraint(child, kind)?);
        }
        for (constraint, child) in constraints.iter().zip(&own) {
            if let ConstraintKind::Reference(to) = constraint.kind
                && constraints[to].fields.len() != constraint.fields.len()
            {
                return Err(child.invalid("as many fields as the key has are wanted"));
            }
        }
        Ok(constraints)
    }

    fn constraint(&mut self, node: &'n Node, kind: ConstraintKind) -> Result<Constraint, Error> {
        let [selector, fields @ ..] = &node.children[..] else {
            return Err(node.invalid("a selector is wanted"));
        };
        if selector.name != "selector"
            || fields.is_empty()
            || fields.iter().any(|field| field.name != "field")
        {
            return Err(node.invalid("a selector and then fields are wanted"));
        }
        let selector_paths = self.paths(selector)?;
        if selector_paths.iter().any(|path| path.attribute.is_some()) {
            return Err(selector.invalid("a selector of attributes"));
        }
        let fields: Result<Vec<Vec<Path>>, Error> =
            fields.iter().map(|field| self.paths(field)).collect();
        Ok(Constraint {
            kind,
            selector: selector_paths,
            fields: fields?,
        })
    }

    fn paths(&mut self, node: &'n Node) -> Result<Vec<Path>, Error> {
        node.only(&["xpath"])?;
        node.need("xpath")?
            .split('|')
            .map(|path| self.path(node, path.trim()))
            .collect()
    }

    /// One alternative: an optional `.//`, child steps, and for fields perhaps an attribute.
    fn path(&mut self, node: &'n Node, text: &str) -> Result<Path, Error> {
        let (anywhere, rest) = match text.strip_prefix(".//") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut path = Path {
            anywhere,
            steps: Vec::new(),
            attribute: None,
        };
        for step in rest.split('/').map(str::trim) {
            if path.attribute.is_some() {
                return Err(node.invalid(format!("a step after an attribute in {text}")));
            }
            match step {
                "." => {}
                "*" => path.steps.push(Step::Any),
                _ if step.starts_with('@') => {
                    path.attribute = Some(self.step_name(node, &step[1..], text)?)
                }
                _ => path
                    .steps
                    .push(Step::Named(self.step_name(node, step, text)?)),
            }
        }
        Ok(path)
    }

    fn step_name(&mut self, node: &'n Node, step: &str, text: &str) -> Result<Name, Error> {
        let local = step.split_once(':').map_or(step, |(_, local)| local);
        if !is_ncname(local) {
            return Err(node.unsupported(format!("the XPath {text}")));
        }
        // In XPath a name without a prefix is in no namespace, whatever the default is.
        let uri = match step.contains(':') {
            true => node.qualified(step)?.0.to_owned(),
            false => String::new(),
        };
        Ok(self.name(&uri, local))
    }
}

fn referred(node: &Node, own: &[&Node]) -> Result<usize, Error> {
    let (_, local) = node.qualified(node.need("refer")?)?;
    let found = own
        .iter()
        .position(|other| other.name != "keyref" && other.get("name") == Some(local));
    found.ok_or_else(|| node.unsupported("a keyref to a key of another element"))
}
