//! Complex types and their attributes.

use super::{Compiler, Global};
use crate::schema::declare::{AttributeUse, Complex, ComplexId, Content, Presence, Type};
use crate::schema::error::Error;
use crate::schema::model::{Model, Particle, Term, Wildcard};
use crate::schema::names::Namespace;
use crate::schema::node::Node;

/// Attributes of one type, kept as bits while a document is read.
const MOST_ATTRIBUTES: usize = 64;

/// What a complex type is made of, gathered over its extensions.
struct Parts {
    attributes: Vec<AttributeUse>,
    wildcard: Option<Wildcard>,
}

impl<'n> Compiler<'n> {
    /// An anonymous complex type.
    pub(super) fn complex_type(&mut self, node: &'n Node) -> Result<ComplexId, Error> {
        let id = self.reserve_complex(node);
        self.define_complex(id, node)?;
        Ok(id)
    }

    pub(super) fn reserve_complex(&mut self, node: &Node) -> ComplexId {
        self.complexes.push(None);
        self.particles.push(None);
        self.origins.push((node.file.clone(), node.line));
        ComplexId(self.complexes.len() as u32 - 1)
    }

    pub(super) fn define_complex(&mut self, id: ComplexId, node: &'n Node) -> Result<(), Error> {
        node.only(&["name"])?;
        let complex = match node.children.first().map(|child| &*child.name) {
            Some("simpleContent") => self.simple_content(only_child(node)?)?,
            Some("complexContent") => self.complex_content(id, only_child(node)?)?,
            _ => {
                let (particle, parts) = self.body(
                    node,
                    Parts {
                        attributes: Vec::new(),
                        wildcard: None,
                    },
                )?;
                self.complete(id, node, particle, parts)?
            }
        };
        if complex.attributes.len() > MOST_ATTRIBUTES {
            return Err(
                node.unsupported(format!("a type of more than {MOST_ATTRIBUTES} attributes"))
            );
        }
        self.complexes[id.0 as usize] = Some(complex);
        Ok(())
    }

    fn simple_content(&mut self, node: &'n Node) -> Result<Complex, Error> {
        let extension = extension(node)?;
        let base = extension.need("base")?;
        let (simple, parts) = match self.type_by_name(extension, base)? {
            Type::Simple(simple) => (
                simple,
                Parts {
                    attributes: Vec::new(),
                    wildcard: None,
                },
            ),
            Type::Complex(id) => {
                let base = self.base(extension, id)?;
                let Content::Simple(simple) = base.content else {
                    return Err(extension.invalid("the base has no simple content"));
                };
                (
                    simple,
                    Parts {
                        attributes: base.attributes.clone(),
                        wildcard: base.wildcard,
                    },
                )
            }
        };
        let (particle, parts) = self.body(extension, parts)?;
        match particle {
            None => {
                let Parts {
                    attributes,
                    wildcard,
                } = parts;
                Ok(Complex {
                    attributes,
                    wildcard,
                    content: Content::Simple(simple),
                })
            }
            Some(_) => Err(extension.invalid("elements in simple content")),
        }
    }

    fn complex_content(&mut self, id: ComplexId, node: &'n Node) -> Result<Complex, Error> {
        let extension = extension(node)?;
        let Type::Complex(base_id) = self.type_by_name(extension, extension.need("base")?)? else {
            return Err(extension.invalid("the base is a simple type"));
        };
        let base = self.base(extension, base_id)?;
        if let Content::All(_) | Content::Simple(_) = base.content {
            return Err(extension.unsupported("an extension of xs:all or of simple content"));
        }
        let parts = Parts {
            attributes: base.attributes.clone(),
            wildcard: base.wildcard,
        };
        let before = self.particles[base_id.0 as usize].clone();
        let (after, parts) = self.body(extension, parts)?;
        let particle = match (before, after) {
            (None, other) | (other, None) => other,
            (Some(before), Some(after)) => Some(Particle {
                term: Term::Sequence(vec![before, after]),
                min: 1,
                max: 1,
            }),
        };
        self.complete(id, extension, particle, parts)
    }

    fn base(&self, node: &Node, id: ComplexId) -> Result<&Complex, Error> {
        let base = self.complexes[id.0 as usize].as_ref();
        base.ok_or_else(|| node.invalid("defined by itself, in a circle"))
    }

    /// A type of element content, from its particle.
    fn complete(
        &mut self,
        id: ComplexId,
        node: &'n Node,
        particle: Option<Particle>,
        parts: Parts,
    ) -> Result<Complex, Error> {
        let Parts {
            attributes,
            wildcard,
        } = parts;
        let content = match (
            &particle,
            node.children.iter().find(|child| child.name == "all"),
        ) {
            (_, Some(all)) => {
                if particle.is_some() {
                    return Err(all.unsupported("xs:all beside other content"));
                }
                self.all(all)?
            }
            (None, None) => Content::Empty,
            (Some(particle), None) => {
                let namespaces = &self.namespaces;
                let namespace_of =
                    |name| namespaces.get(&name).copied().unwrap_or(Namespace::UNKNOWN);
                Content::Model(
                    Model::compile(particle, &namespace_of).map_err(|why| node.unsupported(why))?,
                )
            }
        };
        self.particles[id.0 as usize] = particle;
        Ok(Complex {
            attributes,
            wildcard,
            content,
        })
    }

    /// The particle and the attributes that are the children of a type, an extension or an attribute group.
    fn body(
        &mut self,
        node: &'n Node,
        mut parts: Parts,
    ) -> Result<(Option<Particle>, Parts), Error> {
        let mut particle = None;
        for (index, child) in node.children.iter().enumerate() {
            match &*child.name {
                "sequence" | "choice" | "group" | "all" if index > 0 => {
                    return Err(child.invalid("content must come first, and once"));
                }
                "sequence" | "choice" | "group" => particle = self.particle(child)?,
                // Compiled by `complete`: it is not a particle of a model.
                "all" => {}
                "attribute" => {
                    let one = self.attribute(child)?;
                    add(child, &mut parts.attributes, one)?;
                }
                "attributeGroup" => self.attribute_group(child, &mut parts)?,
                "anyAttribute" => {
                    if parts.wildcard.is_some() {
                        return Err(child.unsupported("a second xs:anyAttribute"));
                    }
                    parts.wildcard = Some(self.wildcard(child)?);
                }
                other => return Err(child.unsupported(format!("xs:{other} in xs:{}", node.name))),
            }
        }
        Ok((particle, parts))
    }

    fn attribute_group(&mut self, node: &'n Node, parts: &mut Parts) -> Result<(), Error> {
        node.only(&["ref"])?;
        let (name, group) = self.find(Global::AttributeGroup, node, node.need("ref")?)?;
        self.enter(Global::AttributeGroup, &name, node)?;
        let own = self.attribute_group_parts(group)?;
        self.leave(Global::AttributeGroup, &name);
        for one in own.attributes {
            add(node, &mut parts.attributes, one)?;
        }
        match (parts.wildcard, own.wildcard) {
            (Some(_), Some(_)) => Err(node.unsupported("a second xs:anyAttribute")),
            (None, wildcard) | (wildcard, None) => {
                parts.wildcard = wildcard;
                Ok(())
            }
        }
    }

    fn attribute_group_parts(&mut self, group: &'n Node) -> Result<Parts, Error> {
        group.only(&["name"])?;
        let (particle, parts) = self.body(
            group,
            Parts {
                attributes: Vec::new(),
                wildcard: None,
            },
        )?;
        match particle {
            None => Ok(parts),
            Some(_) => Err(group.invalid("elements in an attribute group")),
        }
    }

    /// Compiles a named group for its own sake.
    pub(super) fn check_group(&mut self, kind: Global, node: &'n Node) -> Result<(), Error> {
        match kind {
            Global::AttributeGroup => self.attribute_group_parts(node).map(|_| ()),
            Global::Group => self.group_content(node).map(|_| ()),
            Global::Element | Global::Type => Ok(()),
        }
    }

    fn attribute(&mut self, node: &'n Node) -> Result<AttributeUse, Error> {
        node.only(&["name", "type", "use", "fixed", "default"])?;
        let local = node.need("name")?;
        let name = self.name("", local);
        let simple = match self.type_of(node)? {
            Type::Simple(simple) => simple,
            Type::Complex(_) => return Err(node.invalid("an attribute of complex type")),
        };
        let presence = match node.get("use") {
            Some("required") => Presence::Required,
            None | Some("optional") => Presence::Optional,
            Some(other) => return Err(node.unsupported(format!("use=\"{other}\""))),
        };
        let fixed = node
            .get("fixed")
            .map(|value| self.value_of(node, simple, value))
            .transpose()?;
        let default = node
            .get("default")
            .map(|value| self.value_of(node, simple, value))
            .transpose()?;
        if default.is_some() && (fixed.is_some() || presence == Presence::Required) {
            return Err(node.invalid("a default beside fixed or required"));
        }
        let default = default.or_else(|| fixed.clone().filter(|_| presence == Presence::Optional));
        Ok(AttributeUse {
            name,
            local: local.into(),
            simple,
            presence,
            fixed,
            default,
        })
    }
}

fn add(node: &Node, attributes: &mut Vec<AttributeUse>, one: AttributeUse) -> Result<(), Error> {
    if attributes.iter().any(|other| other.name == one.name) {
        return Err(node.invalid(format!("attribute {} twice", one.local)));
    }
    attributes.push(one);
    Ok(())
}

fn only_child(node: &Node) -> Result<&Node, Error> {
    match &node.children[..] {
        [child] => Ok(child),
        _ => Err(node.invalid("nothing may stand beside simpleContent or complexContent")),
    }
}

fn extension(node: &Node) -> Result<&Node, Error> {
    node.only(&[])?;
    match &node.children[..] {
        [child] if child.name == "extension" => {
            child.only(&["base"])?;
            Ok(child)
        }
        [child] => Err(child.unsupported(format!("xs:{} of xs:{}", child.name, node.name))),
        _ => Err(node.invalid("one extension is wanted")),
    }
}
