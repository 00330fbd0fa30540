//! A document as a stream of tokens, and everything that makes it well-formed and safe.
//!
//! The scanner cuts the text into pieces; what is not in the form of a piece alone is checked here: DOCTYPE,
//! undefined entities, `]]>` in text, attributes given twice, undeclared prefixes, names, several roots, text outside
//! the root, and the caps. No entity is expanded but the five predefined ones.

use std::borrow::Cow;

use super::attribute::{self, RawAttribute};
use super::code::Code;
use super::decode::Marks;
use super::names::{Name, Names, Namespace, is_name, is_ncname};
use super::read::Limits;
use super::scan::{Piece, Scanner, Stop, is_space};
use super::scope::{Bound, Scope};

/// One token. Comments and processing instructions are checked and passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A start tag, [`Tokens::tag`]; an empty element gives an `Open` and a `Close`.
    Open,
    /// An element without attributes that holds characters alone, at once: [`Tokens::tag`], [`Tokens::text`] and
    /// [`Tokens::held`]. Not all such elements come as one.
    Leaf,
    /// Whitespace between two tags inside the root.
    Blank,
    /// Other character data inside the root, in pieces: [`Tokens::text`].
    Text,
    /// An end tag. An empty element has its own.
    Close,
    /// The document has ended well.
    End,
}

/// A start tag with its namespace resolved; its attributes are in [`Tokens::attributes`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag<'t> {
    pub(super) local: &'t str,
    pub(super) namespace: Namespace,
    pub(super) name: Option<Name>,
    /// Offset of its `<`.
    pub(super) at: u32,
    /// Depth of the outermost element whose declarations it needs.
    pub(super) bound_at: u32,
    binding: Option<usize>,
}

/// The stream, and the token that was read last.
pub(super) struct Tokens<'t, 'n> {
    scanner: Scanner<'t>,
    names: &'n Names,
    limits: &'n Limits,
    /// The start tag read last.
    pub(super) tag: Tag<'t>,
    /// Its attributes, without namespace declarations.
    pub(super) attributes: Vec<RawAttribute<'t>>,
    scope: Scope<'t>,
    pending: Pending,
    elements: usize,
    marks: Marks,
}

/// What is still to be done about the element read last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    Nothing,
    /// It is empty, and only its start was shown.
    Close,
    /// It is a leaf, and the document is one level deeper until it is left.
    Leave,
}

impl<'t, 'n> Tokens<'t, 'n> {
    /// The stream of a text, of which it is known which marks it has.
    pub(super) fn new(
        text: &'t str,
        marks: Marks,
        names: &'n Names,
        limits: &'n Limits,
    ) -> Tokens<'t, 'n> {
        Tokens {
            scanner: Scanner::new(text),
            names,
            limits,
            tag: Tag::NONE,
            attributes: Vec::with_capacity(8),
            scope: Scope::new(),
            pending: Pending::Nothing,
            elements: 0,
            marks,
        }
    }

    /// Reads the next token. After a `Stop` or the `End` there is nothing more to read.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Token, Stop> {
        match std::mem::replace(&mut self.pending, Pending::Nothing) {
            Pending::Nothing | Pending::Leave => {}
            Pending::Close => {
                self.scope.close();
                return Ok(Token::Close);
            }
        }
        loop {
            match self.scanner.next()? {
                Piece::Start => return self.start(),
                Piece::Empty => {
                    self.pending = Pending::Close;
                    return self.start();
                }
                Piece::Leaf => {
                    self.pending = Pending::Leave;
                    self.admit()?;
                    self.attributes.clear();
                    self.tag = self.resolve(self.scanner.name(), self.at())?;
                    return Ok(Token::Leaf);
                }
                Piece::End => {
                    self.scope.close();
                    return Ok(Token::Close);
                }
                Piece::Blank if self.scope.depth() > 0 => return Ok(Token::Blank),
                Piece::Text if self.scope.depth() > 0 => return self.data(),
                other => {
                    if let Some(token) = self.rare(other)? {
                        return Ok(token);
                    }
                }
            }
        }
    }

    /// Offset of the token.
    #[inline]
    pub(super) fn at(&self) -> u32 {
        self.scanner.begin()
    }

    /// Offset just after it.
    #[inline]
    pub(super) fn end(&self) -> u32 {
        self.scanner.end()
    }

    /// Offsets of the text of a leaf, and of its end tag.
    #[inline]
    pub(super) fn held(&self) -> (u32, u32) {
        self.scanner.held()
    }

    /// The characters of a `Text`, `Blank` or `Leaf`: line ends normalised, references resolved.
    #[inline]
    pub(super) fn text(&self) -> Cow<'t, str> {
        let text = self.scanner.content();
        if self.scanner.piece() == Piece::Reference {
            return attribute::resolve(text).unwrap_or_default();
        }
        match self.marks.carriage && text.contains('\r') {
            true => Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")),
            false => Cow::Borrowed(text),
        }
    }

    /// How many elements are open.
    #[inline]
    pub(super) fn depth(&self) -> usize {
        self.scope.depth() + usize::from(self.pending == Pending::Leave)
    }

    /// The namespace of the tag as written in the document, empty for none.
    pub(super) fn uri(&self) -> &str {
        let bindings = self.scope.bindings();
        self.tag.binding.map_or("", |index| &*bindings[index].uri)
    }

    /// The prefixes in scope with their namespaces, inner ones last.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = (&str, &str)> {
        let bindings = self.scope.bindings().iter();
        bindings.map(|binding| (binding.prefix, &*binding.uri))
    }

    /// A start tag, or that of an empty element.
    fn start(&mut self) -> Result<Token, Stop> {
        self.admit()?;
        self.scope.open();
        self.attributes.clear();
        let (name, content) = (self.scanner.name(), self.scanner.content());
        if !content.is_empty() {
            self.scan(content, self.at() + 1 + name.len() as u32)?;
            self.resolve_attributes()?;
        }
        self.tag = self.resolve(name, self.at())?;
        Ok(Token::Open)
    }

    /// One more element, where there may be one.
    #[inline]
    fn admit(&mut self) -> Result<(), Stop> {
        let at = self.at();
        let stop = |code| Err(Stop { code, at });
        if self.scope.depth() == 0 && self.elements > 0 {
            return stop(Code::XmlRoot);
        }
        if self.scope.depth() >= self.limits.depth {
            return stop(Code::XmlDepth);
        }
        self.elements += 1;
        if self.elements > self.limits.elements {
            return stop(Code::XmlElements);
        }
        Ok(())
    }

    /// The namespace and the number of a tag's name.
    #[inline]
    fn resolve(&self, name: &'t str, at: u32) -> Result<Tag<'t>, Stop> {
        // Nearly all names are known and have no prefix.
        let default = self.scope.default();
        let (local, bound, known) = match self.names.find(default.namespace, name) {
            Some(known) => (name, default, Some(known)),
            None => self.resolve_prefixed(name, at, default)?,
        };
        let bindings = self.scope.bindings();
        let depth = |index: usize| bindings[index].depth;
        let own = bound.binding.map_or(self.depth() as u32, depth);
        let attributes = self.attributes.iter().filter_map(|one| one.binding);
        Ok(Tag {
            local,
            namespace: bound.namespace,
            name: known,
            at,
            bound_at: attributes.map(depth).fold(own, u32::min),
            binding: bound.binding,
        })
    }

    fn resolve_prefixed(
        &self,
        name: &'t str,
        at: u32,
        default: Bound,
    ) -> Result<(&'t str, Bound, Option<Name>), Stop> {
        let stop = |code| Stop { code, at };
        let (bound, local) = match split(name) {
            None => (Some(default), name),
            Some((prefix, local)) => (self.scope.prefixed(prefix), local),
        };
        let bound = bound.ok_or_else(|| {
            let prefix = split(name).map_or("", |(prefix, _)| prefix);
            stop(match is_ncname(prefix) {
                true => Code::XmlNamespace,
                false => Code::XmlSyntax,
            })
        })?;
        let known = self.names.find(bound.namespace, local);
        match known.is_some() || is_ncname(local) {
            true => Ok((local, bound, known)),
            false => Err(stop(Code::XmlSyntax)),
        }
    }

    /// Cuts what stands in a tag after its name, `base` being its offset, into attributes and declarations.
    fn scan(&mut self, tag: &'t str, base: u32) -> Result<(), Stop> {
        let stop = |at: usize, code| Stop {
            code,
            at: base + at as u32,
        };
        let mut from = 0;
        let mut declarations = 0;
        loop {
            let next = attribute::next(tag, from);
            let Some(written) = next.map_err(|at| stop(at, Code::XmlSyntax))? else {
                return Ok(());
            };
            from = written.end;
            let stop = |code| stop(written.begin, code);
            if written.value.len() > self.limits.text_bytes {
                return Err(stop(Code::XmlText));
            }
            let value = attribute::value(written.value).map_err(stop)?;
            if self.attributes.len() + declarations >= self.limits.attributes {
                return Err(stop(Code::XmlAttributes));
            }
            let (prefix, local) = split(written.name).unwrap_or(("", written.name));
            if prefix == "xmlns" || written.name == "xmlns" {
                declarations += 1;
                if local.is_empty() {
                    return Err(stop(Code::XmlSyntax));
                }
                let prefix = if prefix.is_empty() { "" } else { local };
                self.scope.bind(prefix, value, self.names).map_err(stop)?;
                continue;
            }
            self.attributes.push(RawAttribute {
                local,
                value,
                namespace: Namespace::NONE,
                name: None,
                at: base + written.begin as u32,
                prefix,
                binding: None,
            });
        }
    }

    /// Once all declarations of a tag are known: the namespaces of its attributes.
    fn resolve_attributes(&mut self) -> Result<(), Stop> {
        for index in 0..self.attributes.len() {
            let attribute = &self.attributes[index];
            let (prefix, local, at) = (attribute.prefix, attribute.local, attribute.at);
            let stop = |code| Stop { code, at };
            let bound = match prefix {
                "" => Some(Bound::NOWHERE),
                prefix => self.scope.prefixed(prefix),
            };
            let Bound { namespace, binding } = bound.ok_or(stop(Code::XmlNamespace))?;
            let name = self.names.find(namespace, local);
            if name.is_none() && !is_ncname(local) {
                return Err(stop(Code::XmlSyntax));
            }
            let bindings = self.scope.bindings();
            let uri = |binding: Option<usize>| binding.map(|index| &*bindings[index].uri);
            let same = |other: &RawAttribute<'_>| {
                other.local == local
                    && other.namespace == namespace
                    && uri(other.binding) == uri(binding)
            };
            if self.attributes[..index].iter().any(same) {
                return Err(stop(Code::XmlAttributeTwice));
            }
            let attribute = &mut self.attributes[index];
            (attribute.namespace, attribute.name, attribute.binding) = (namespace, name, binding);
        }
        Ok(())
    }

    fn data(&self) -> Result<Token, Stop> {
        if self.marks.bracket
            && let Some(found) = self.scanner.content().find("]]>")
        {
            return Err(Stop {
                code: Code::XmlSyntax,
                at: self.at() + found as u32,
            });
        }
        Ok(Token::Text)
    }

    /// Whatever is neither a tag nor text inside the root; none when it is passed over.
    #[cold]
    fn rare(&self, piece: Piece) -> Result<Option<Token>, Stop> {
        let at = self.at();
        let stop = |code| Err(Stop { code, at });
        let inside = self.scope.depth() > 0;
        let content = self.scanner.content();
        match piece {
            Piece::CData if inside => Ok(Some(Token::Text)),
            Piece::Reference if inside => match attribute::resolve(content) {
                Some(_) => Ok(Some(Token::Text)),
                None => stop(Code::XmlEntity),
            },
            Piece::CData | Piece::Reference => stop(Code::XmlRoot),
            Piece::Instruction => {
                let target = content.split([' ', '\t', '\n', '\r']).next().unwrap_or("");
                match is_name(target) && !target.eq_ignore_ascii_case("xml") {
                    true => Ok(None),
                    false => stop(Code::XmlSyntax),
                }
            }
            Piece::Declaration => match at == 0 && attribute::is_declaration(content) {
                true => Ok(None),
                false => stop(Code::XmlSyntax),
            },
            Piece::Doctype => stop(Code::XmlDoctype),
            Piece::Eof if inside => stop(Code::XmlSyntax),
            Piece::Eof if self.elements == 0 => stop(Code::XmlRoot),
            Piece::Eof => Ok(Some(Token::End)),
            Piece::Text => match content.bytes().position(|byte| !is_space(byte)) {
                Some(found) => Err(Stop {
                    code: Code::XmlRoot,
                    at: at + found as u32,
                }),
                None => Ok(None),
            },
            Piece::Comment | Piece::Blank => Ok(None),
            // Read before this is asked.
            Piece::Start | Piece::Empty | Piece::Leaf | Piece::End => Ok(None),
        }
    }
}

impl Tag<'_> {
    /// Before the first.
    const NONE: Tag<'static> = Tag {
        local: "",
        namespace: Namespace::NONE,
        name: None,
        at: 0,
        bound_at: 0,
        binding: None,
    };
}

/// Prefix and local name, where there is a colon that is not the first character: a name of which it is the first
/// is none. Names are short: a plain loop is the fastest search.
fn split(name: &str) -> Option<(&str, &str)> {
    let colon = name.bytes().position(|byte| byte == b':')?;
    (colon > 0).then(|| (&name[..colon], &name[colon + 1..]))
}
