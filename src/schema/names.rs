//! Names as numbers: every namespace and every (namespace, local name) that a schema knows, interned once.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A known (namespace, local name).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name(u32);

/// A known namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Namespace(u32);

/// The table of all names. The first namespaces are fixed, see the constants of [`Namespace`].
#[derive(Debug)]
pub(super) struct Names {
    uris: Vec<Box<str>>,
    tables: Vec<HashMap<Box<str>, Name, BuildHasherDefault<Fnv>>>,
    locals: Vec<Box<str>>,
}

pub(super) const XML_URI: &str = "http://www.w3.org/XML/1998/namespace";
pub(super) const XMLNS_URI: &str = "http://www.w3.org/2000/xmlns/";
pub(super) const XSI_URI: &str = "http://www.w3.org/2001/XMLSchema-instance";

impl Namespace {
    /// No namespace.
    pub(super) const NONE: Namespace = Namespace(0);
    /// The namespace of `xml:lang` and its kin.
    pub(super) const XML: Namespace = Namespace(1);
    /// The namespace of `xsi:type` and its kin.
    pub(super) const XSI: Namespace = Namespace(2);
    /// Some namespace that no schema names.
    pub(super) const UNKNOWN: Namespace = Namespace(u32::MAX);
}

impl Default for Names {
    fn default() -> Names {
        let mut names = Names {
            uris: Vec::new(),
            tables: Vec::new(),
            locals: Vec::new(),
        };
        for uri in ["", XML_URI, XSI_URI] {
            names.declare(uri);
        }
        names
    }
}

impl Names {
    /// The number of a namespace, given out at its first use.
    pub(super) fn declare(&mut self, uri: &str) -> Namespace {
        let known = self.namespace(uri);
        if known != Namespace::UNKNOWN {
            return known;
        }
        self.uris.push(uri.into());
        self.tables.push(HashMap::default());
        Namespace(self.uris.len() as u32 - 1)
    }

    /// The number of a name, given out at its first use.
    pub(super) fn intern(&mut self, namespace: Namespace, local: &str) -> Name {
        let table = &mut self.tables[namespace.0 as usize];
        if let Some(name) = table.get(local) {
            return *name;
        }
        let name = Name(self.locals.len() as u32);
        self.locals.push(local.into());
        table.insert(local.into(), name);
        name
    }

    /// The number of a namespace, `UNKNOWN` when no schema names it.
    pub(super) fn namespace(&self, uri: &str) -> Namespace {
        match self.uris.iter().position(|known| **known == *uri) {
            Some(index) => Namespace(index as u32),
            None => Namespace::UNKNOWN,
        }
    }

    /// The number of a name, if a schema uses it.
    #[inline]
    pub(super) fn find(&self, namespace: Namespace, local: &str) -> Option<Name> {
        self.tables.get(namespace.0 as usize)?.get(local).copied()
    }

    /// The local part of a known name.
    pub(super) fn local(&self, name: Name) -> &str {
        &self.locals[name.0 as usize]
    }

    /// True when some schema uses this local name, in whatever namespace.
    pub(super) fn uses(&self, local: &str) -> bool {
        self.tables.iter().any(|table| table.contains_key(local))
    }
}

/// FNV-1a: the tables are filled by our own schemas, so a document cannot choose what collides in them.
#[derive(Clone, Debug)]
pub(super) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// True for a name without a colon, as the Namespaces recommendation defines it.
pub(super) fn is_ncname(text: &str) -> bool {
    is_name(text) && !text.contains(':')
}

/// True for a Name of XML 1.0 (fifth edition).
pub(super) fn is_name(text: &str) -> bool {
    text.chars().next().is_some_and(is_name_start) && text.chars().all(is_name_char)
}

/// True when every character may stand in a name, and there is at least one.
pub(super) fn is_nmtoken(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_name_char)
}

fn is_name_start(char: char) -> bool {
    match char {
        ':' | '_' | 'A'..='Z' | 'a'..='z' => true,
        '\u{0}'..='\u{7f}' => false,
        '\u{c0}'..='\u{d6}'
        | '\u{d8}'..='\u{f6}'
        | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' => true,
        '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}' => true,
        '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' => true,
        '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}' => true,
        _ => false,
    }
}

fn is_name_char(char: char) -> bool {
    is_name_start(char)
        || matches!(char, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}
