//! Names as numbers: every namespace and every (namespace, local name) that a schema knows, interned once.

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
    tables: Vec<Table>,
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
        self.tables.push(Table::default());
        Namespace(self.uris.len() as u32 - 1)
    }

    /// The number of a name, given out at its first use.
    pub(super) fn intern(&mut self, namespace: Namespace, local: &str) -> Name {
        if let Some(name) = self.find(namespace, local) {
            return name;
        }
        let name = Name(self.locals.len() as u32);
        self.locals.push(local.into());
        self.tables[namespace.0 as usize].insert(name, &self.locals);
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
        self.tables
            .get(namespace.0 as usize)?
            .find(local, &self.locals)
    }

    /// The local part of a known name.
    pub(super) fn local(&self, name: Name) -> &str {
        &self.locals[name.0 as usize]
    }

    /// A known name with its namespace: `{urn:example}local`.
    pub(super) fn whole(&self, name: Name) -> String {
        let local = self.local(name);
        let mut tables = self.tables.iter().zip(&self.uris);
        let own = tables.find(|(table, _)| table.find(local, &self.locals) == Some(name));
        match own {
            Some((_, uri)) if !uri.is_empty() => format!("{{{uri}}}{local}"),
            Some(_) | None => local.to_owned(),
        }
    }

    /// True when some schema uses this local name, in whatever namespace.
    pub(super) fn uses(&self, local: &str) -> bool {
        let mut tables = self.tables.iter();
        tables.any(|table| table.find(local, &self.locals).is_some())
    }
}

/// The names of one namespace by a hash of their length and three of their bytes, which is enough to tell most of
/// them apart: it is filled by our own schemas, so a document cannot choose what collides.
#[derive(Debug, Default)]
struct Table {
    /// A power of two, at most a quarter of them taken; a name stands at the first free one from its hash on.
    slots: Vec<Option<Name>>,
    taken: usize,
}

impl Table {
    #[inline]
    fn find(&self, local: &str, locals: &[Box<str>]) -> Option<Name> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut slot = hash(local) & mask;
        loop {
            let name = self.slots[slot]?;
            if *locals[name.0 as usize] == *local {
                return Some(name);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// Adds the name that was given out last, which is not there yet.
    fn insert(&mut self, name: Name, locals: &[Box<str>]) {
        self.taken += 1;
        let mut names = vec![name];
        if self.taken * 4 > self.slots.len() {
            names.extend(self.slots.iter().flatten());
            self.slots = vec![None; (self.taken * 8).next_power_of_two()];
        }
        let mask = self.slots.len() - 1;
        for name in names {
            let mut slot = hash(&locals[name.0 as usize]) & mask;
            while self.slots[slot].is_some() {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = Some(name);
        }
    }
}

#[inline]
fn hash(local: &str) -> usize {
    let bytes = local.as_bytes();
    let byte = |index: usize| bytes.get(index).map_or(0, |byte| u32::from(*byte));
    let len = bytes.len();
    let key = byte(0) | byte(len / 2) << 8 | byte(len.wrapping_sub(1)) << 16 | (len as u32) << 24;
    // The high half of the product depends on every bit of the key.
    (key.wrapping_mul(0x9e37_79b1) >> 16) as usize
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
