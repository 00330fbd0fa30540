//! From XSD files to a `Schema`. Every construct, attribute and facet that is not handled here is refused with its
//! file and line: what compiles is what is checked.

mod types;
mod facets;
mod particles;
mod constraints;

use std::collections::{HashMap, HashSet};

use super::declare::{Complex, Constraint, Content, Declaration, Nillable, Schema, Type};
use super::error::Error;
use super::model::{ElementId, Label, Particle};
use super::names::{Name, Names, Namespace};
use super::node::{self, Node, XSD_URI};
use super::simple::{SimpleId, Simples};

/// One XSD file.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// File name, as `schemaLocation` of the other sources and as errors name it.
    pub name: &'a str,
    /// The file's text.
    pub xsd: &'a str,
}

impl Schema {
    /// Compiles XSD files that include and import only one another.
    ///
    /// # Errors
    /// The first construct that is not implemented or not legal, with file and line.
    pub fn compile(sources: &[Source<'_>]) -> Result<Schema, Error> {
        let files: Result<Vec<Node>, Error> = sources
            .iter()
            .map(|source| node::parse(source.name, source.xsd))
            .collect();
        let files = files?;
        let mut compiler = Compiler::new(sources, &files)?;
        for (_, node) in compiler.listed(Global::Element) {
            compiler.global_element(node)?;
        }
        // What no element uses is compiled all the same: a fault in a schema never waits for its first document.
        for (_, node) in compiler.listed(Global::Type) {
            compiler.named_type(node.need("name")?, &compiler.target_of(node), node)?;
        }
        for kind in [Global::Group, Global::AttributeGroup] {
            for (_, node) in compiler.listed(kind) {
                compiler.check_group(kind, node)?;
            }
        }
        compiler.finish()
    }
}

/// The kinds of named global components that refer to one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Global {
    Element,
    Type,
    Group,
    AttributeGroup,
}

type Qualified = (String, String);

struct Compiler<'n> {
    /// Target namespace of each file.
    targets: HashMap<String, String>,
    globals: HashMap<(Global, Qualified), &'n Node>,
    names: Names,
    /// Namespace of each name, for wildcards.
    namespaces: HashMap<Name, Namespace>,
    simples: Simples,
    builtins: HashMap<String, SimpleId>,
    complexes: Vec<Option<Complex>>,
    /// File and line of each complex type.
    origins: Vec<(String, u32)>,
    /// Content of each complex type before it is an automaton, for its extensions.
    particles: Vec<Option<Particle>>,
    elements: Vec<Option<Declaration>>,
    types: HashMap<Qualified, Type>,
    roots: HashMap<Name, ElementId>,
    /// Simple types and groups being compiled: meeting one again is a circle.
    underway: HashSet<(Global, Qualified)>,
}

impl<'n> Compiler<'n> {
    fn new(sources: &[Source<'_>], files: &'n [Node]) -> Result<Compiler<'n>, Error> {
        let mut compiler = Compiler {
            targets: HashMap::new(),
            globals: HashMap::new(),
            names: Names::default(),
            namespaces: HashMap::new(),
            simples: Simples::default(),
            builtins: HashMap::new(),
            complexes: Vec::new(),
            origins: Vec::new(),
            particles: Vec::new(),
            elements: Vec::new(),
            types: HashMap::new(),
            roots: HashMap::new(),
            underway: HashSet::new(),
        };
        for file in files {
            compiler.head(file)?;
        }
        for file in files {
            for child in &file.children {
                compiler.top(file, child, sources)?;
            }
        }
        Ok(compiler)
    }

    fn head(&mut self, file: &Node) -> Result<(), Error> {
        if file.name != "schema" {
            return Err(file.invalid(format!("the root is xs:{}, not xs:schema", file.name)));
        }
        file.only(&[
            "targetNamespace",
            "elementFormDefault",
            "attributeFormDefault",
            "version",
            "lang",
        ])?;
        let target = file.get("targetNamespace").unwrap_or("");
        if !target.is_empty() && file.get("elementFormDefault") != Some("qualified") {
            return Err(
                file.unsupported("a target namespace without elementFormDefault=\"qualified\"")
            );
        }
        if file
            .get("attributeFormDefault")
            .is_some_and(|form| form != "unqualified")
        {
            return Err(file.unsupported("attributeFormDefault=\"qualified\""));
        }
        if self
            .targets
            .insert(file.file.clone(), target.to_owned())
            .is_some()
        {
            return Err(file.invalid("two sources of one name"));
        }
        self.names.declare(target);
        Ok(())
    }

    fn top(
        &mut self,
        file: &'n Node,
        child: &'n Node,
        sources: &[Source<'_>],
    ) -> Result<(), Error> {
        let kind = match &*child.name {
            "element" => Global::Element,
            "simpleType" | "complexType" => Global::Type,
            "group" => Global::Group,
            "attributeGroup" => Global::AttributeGroup,
            "include" => return self.include(file, child, sources),
            "import" => return self.import(child),
            other => return Err(child.unsupported(format!("global xs:{other}"))),
        };
        let name = (self.target_of(file), child.need("name")?.to_owned());
        match self.globals.insert((kind, name), child) {
            Some(_) => Err(child.invalid("the name is taken")),
            None => Ok(()),
        }
    }

    fn include(&self, file: &Node, child: &Node, sources: &[Source<'_>]) -> Result<(), Error> {
        child.only(&["schemaLocation"])?;
        let location = child.need("schemaLocation")?;
        let name = location.rsplit('/').next().unwrap_or(location);
        let given = sources
            .iter()
            .find(|source| source.name.rsplit('/').next() == Some(name));
        let given =
            given.ok_or_else(|| child.invalid(format!("{location} is not among the sources")))?;
        match self.targets.get(given.name) == self.targets.get(&file.file) {
            true => Ok(()),
            false => Err(child.unsupported("including a file of another target namespace")),
        }
    }

    fn import(&self, child: &Node) -> Result<(), Error> {
        child.only(&["namespace", "schemaLocation"])?;
        let uri = child.get("namespace").unwrap_or("");
        match self.targets.values().any(|target| target == uri) {
            true => Ok(()),
            false => Err(child.invalid(format!("no source has the target namespace {uri}"))),
        }
    }

    /// Global components of a kind, in the order of files and lines.
    fn listed(&self, kind: Global) -> Vec<(Qualified, &'n Node)> {
        let own = self.globals.iter().filter(|((other, _), _)| *other == kind);
        let mut own: Vec<(Qualified, &'n Node)> =
            own.map(|((_, name), node)| (name.clone(), *node)).collect();
        own.sort_by(|(_, left), (_, right)| {
            (&left.file, left.line).cmp(&(&right.file, right.line))
        });
        own
    }

    fn target_of(&self, node: &Node) -> String {
        self.targets.get(&node.file).cloned().unwrap_or_default()
    }

    /// The global component that an attribute's qualified name means.
    fn find(&self, kind: Global, node: &Node, value: &str) -> Result<(Qualified, &'n Node), Error> {
        let (uri, local) = node.qualified(value)?;
        let name = (uri.to_owned(), local.to_owned());
        match self.globals.get(&(kind, name.clone())) {
            Some(found) => Ok((name, found)),
            None => Err(node.invalid(format!("{value} is not declared"))),
        }
    }

    fn name(&mut self, uri: &str, local: &str) -> Name {
        let namespace = self.names.declare(uri);
        let name = self.names.intern(namespace, local);
        self.namespaces.insert(name, namespace);
        name
    }

    fn global_element(&mut self, node: &'n Node) -> Result<(Name, ElementId), Error> {
        let target = self.target_of(node);
        let name = self.name(&target, node.need("name")?);
        if let Some(id) = self.roots.get(&name) {
            return Ok((name, *id));
        }
        // Known before it is compiled, for types that contain it.
        let id = self.reserve_element();
        self.roots.insert(name, id);
        node.only(&["name", "type", "nillable", "fixed"])?;
        self.declare_element(id, node)?;
        Ok((name, id))
    }

    fn reserve_element(&mut self) -> ElementId {
        self.elements.push(None);
        ElementId(self.elements.len() as u32 - 1)
    }

    fn declare_element(&mut self, id: ElementId, node: &'n Node) -> Result<(), Error> {
        let content = self.type_of(node)?;
        let nillable = match node.get("nillable") {
            Some("true" | "1") => Nillable::Yes,
            None | Some("false" | "0") => Nillable::No,
            Some(other) => return Err(node.invalid(format!("nillable=\"{other}\""))),
        };
        let fixed = match node.get("fixed") {
            None => None,
            Some(_) if nillable == Nillable::Yes => {
                return Err(node.unsupported("fixed on a nillable element"));
            }
            Some(fixed) => match content {
                Type::Simple(simple) => Some(self.value_of(node, simple, fixed)?),
                Type::Complex(_) => {
                    return Err(node.unsupported("fixed on an element of complex type"));
                }
            },
        };
        let constraints: Vec<Constraint> = self.constraints(node)?;
        self.elements[id.0 as usize] = Some(Declaration {
            content,
            nillable,
            fixed,
            constraints,
        });
        Ok(())
    }

    /// The type of an element: by name or within it.
    fn type_of(&mut self, node: &'n Node) -> Result<Type, Error> {
        let is_type = |child: &&Node| matches!(&*child.name, "simpleType" | "complexType");
        let inner = node.children.iter().find(is_type);
        match (node.get("type"), inner) {
            (Some(_), Some(_)) => Err(node.invalid("both a type by name and one within")),
            (Some(value), None) => self.type_by_name(node, value),
            (None, Some(inner)) if inner.name == "simpleType" => {
                Ok(Type::Simple(self.simple_type(inner)?))
            }
            (None, Some(inner)) => self.complex_type(inner).map(Type::Complex),
            (None, None) => Err(node.unsupported("an element without a type (xs:anyType)")),
        }
    }

    fn type_by_name(&mut self, node: &Node, value: &str) -> Result<Type, Error> {
        let (uri, local) = node.qualified(value)?;
        if uri == XSD_URI {
            return self.builtin(node, local).map(Type::Simple);
        }
        let ((uri, local), found) = self.find(Global::Type, node, value)?;
        self.named_type(&local, &uri, found)
    }

    fn named_type(&mut self, local: &str, uri: &str, node: &'n Node) -> Result<Type, Error> {
        let name = (uri.to_owned(), local.to_owned());
        if let Some(known) = self.types.get(&name) {
            return Ok(*known);
        }
        if node.name == "complexType" {
            let id = self.reserve_complex(node);
            self.types.insert(name, Type::Complex(id));
            self.define_complex(id, node)?;
            return Ok(Type::Complex(id));
        }
        self.enter(Global::Type, &name, node)?;
        let id = self.simple_type(node)?;
        self.leave(Global::Type, &name);
        self.types.insert(name, Type::Simple(id));
        Ok(Type::Simple(id))
    }

    fn enter(&mut self, kind: Global, name: &Qualified, node: &Node) -> Result<(), Error> {
        match self.underway.insert((kind, name.clone())) {
            true => Ok(()),
            false => Err(node.invalid("defined by itself, in a circle")),
        }
    }

    fn leave(&mut self, kind: Global, name: &Qualified) {
        self.underway.remove(&(kind, name.clone()));
    }

    /// A value that the schema itself gives, normalised; it must be one of its type.
    fn value_of(&self, node: &Node, simple: SimpleId, value: &str) -> Result<Box<str>, Error> {
        let value = self.simples.get(simple).normalise(value);
        match self.simples.check(simple, &value) {
            Ok(()) => Ok((*value).into()),
            Err(facet) => Err(node.invalid(format!(
                "the value \"{value}\" is not one of its type: {}",
                facet.code().en()
            ))),
        }
    }

    fn finish(self) -> Result<Schema, Error> {
        let reserved = "everything reserved was defined, or compiling stopped";
        let elements: Vec<Declaration> = self
            .elements
            .into_iter()
            .map(|one| one.expect(reserved))
            .collect();
        let complexes: Vec<Complex> = self
            .complexes
            .into_iter()
            .map(|one| one.expect(reserved))
            .collect();
        for (complex, (file, line)) in complexes.iter().zip(self.origins) {
            let consistent = consistent(complex, &elements, &self.names);
            consistent.map_err(|why| Error::Invalid { file, line, why })?;
        }
        Ok(Schema {
            names: self.names,
            simples: self.simples,
            complexes,
            elements,
            globals: self.roots,
        })
    }
}

/// Elements of one name in one content model must be of one type (XML Schema part 1, 3.8.6).
fn consistent(complex: &Complex, elements: &[Declaration], names: &Names) -> Result<(), String> {
    let Content::Model(model) = &complex.content else {
        return Ok(());
    };
    let mut types: HashMap<Name, Type> = HashMap::new();
    for label in model.labels() {
        let Label::Element(name, id) = label else {
            continue;
        };
        let content = elements[id.0 as usize].content;
        if *types.entry(name).or_insert(content) != content {
            return Err(format!(
                "element {} has two types in one content model",
                names.local(name)
            ));
        }
    }
    Ok(())
}
