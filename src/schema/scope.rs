//! Namespace declarations while they are in scope, and the depth of the document.

use std::borrow::Cow;

use super::code::Code;
use super::names::{Names, Namespace, XML_URI, XMLNS_URI, is_ncname};

/// The declarations in scope, inner ones last, and how many there were before each open element.
#[derive(Debug)]
pub(super) struct Scope<'t> {
    bindings: Vec<Binding<'t>>,
    open: Vec<usize>,
    /// The namespace of names without a prefix: nearly all.
    default: Bound,
}

/// One declaration.
#[derive(Debug)]
pub(super) struct Binding<'t> {
    pub(super) prefix: &'t str,
    pub(super) uri: Cow<'t, str>,
    pub(super) namespace: Namespace,
    /// Depth of the element that declares it.
    pub(super) depth: u32,
}

/// A namespace that a name is in, and the index of the declaration that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) namespace: Namespace,
    pub(super) binding: Option<usize>,
}

impl Bound {
    /// No namespace, and no declaration that says so.
    pub(super) const NOWHERE: Bound = Bound {
        namespace: Namespace::NONE,
        binding: None,
    };
}

impl<'t> Scope<'t> {
    pub(super) fn new() -> Scope<'t> {
        Scope {
            bindings: Vec::with_capacity(8),
            open: Vec::with_capacity(16),
            default: Bound::NOWHERE,
        }
    }

    /// An element begins: what is bound from here on is its own.
    pub(super) fn open(&mut self) {
        self.open.push(self.bindings.len());
    }

    /// The innermost element ends, and with it its declarations.
    pub(super) fn close(&mut self) {
        let before = self.open.pop().unwrap_or(0);
        if before < self.bindings.len() {
            self.bindings.truncate(before);
            self.default = self.unprefixed();
        }
    }

    /// How many elements are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    pub(super) fn bindings(&self) -> &[Binding<'t>] {
        &self.bindings
    }

    /// Declares a prefix, the empty one for names without, on the innermost element.
    pub(super) fn bind(
        &mut self,
        prefix: &'t str,
        uri: Cow<'t, str>,
        names: &Names,
    ) -> Result<(), Code> {
        let reserved = &*uri == XMLNS_URI || (&*uri == XML_URI) != (prefix == "xml");
        if reserved || prefix == "xmlns" || (uri.is_empty() && !prefix.is_empty()) {
            return Err(Code::XmlNamespace);
        }
        if !prefix.is_empty() && !is_ncname(prefix) {
            return Err(Code::XmlSyntax);
        }
        let before = self.open.last().copied().unwrap_or(0);
        let mut own = self.bindings[before..].iter();
        if own.any(|binding| binding.prefix == prefix) {
            return Err(Code::XmlAttributeTwice);
        }
        let namespace = names.namespace(&uri);
        let depth = self.open.len() as u32;
        self.bindings.push(Binding {
            prefix,
            uri,
            namespace,
            depth,
        });
        self.default = self.unprefixed();
        Ok(())
    }

    /// The namespace of names without a prefix.
    #[inline]
    pub(super) fn default(&self) -> Bound {
        self.default
    }

    /// The same, looked for. An inner declaration may undo an outer one.
    fn unprefixed(&self) -> Bound {
        let mut bindings = self.bindings.iter();
        self.bound(bindings.rposition(|binding| binding.prefix.is_empty()))
            .unwrap_or(Bound::NOWHERE)
    }

    /// The namespace of a prefix that is not empty; none when it is not declared.
    pub(super) fn prefixed(&self, prefix: &str) -> Option<Bound> {
        let mut bindings = self.bindings.iter();
        let bound = self.bound(bindings.rposition(|binding| binding.prefix == prefix));
        // The prefix `xml` needs no declaration.
        bound.or((prefix == "xml").then_some(Bound {
            namespace: Namespace::XML,
            binding: None,
        }))
    }

    fn bound(&self, index: Option<usize>) -> Option<Bound> {
        let binding = &self.bindings[index?];
        (!binding.uri.is_empty()).then_some(Bound {
            namespace: binding.namespace,
            binding: index,
        })
    }
}
