//! A document as a stream of tokens, and everything that makes it well-formed and safe.
//!
//! quick-xml cuts the text into events; what it lets pass is checked here: DOCTYPE, undefined entities, `]]>` in
//! text, `<` in attribute values, attributes given twice, undeclared prefixes, names, several roots, text outside
//! the root, and the caps. No entity is expanded but the five predefined ones.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::errors::{Error as XmlError, IllFormedError};
use quick_xml::events::Event;

use super::code::Code;
use super::names::{Name, Names, Namespace, XML_URI, XMLNS_URI, is_name, is_ncname};
use super::read::Limits;

/// Why a document is read no further: not well-formed, or beyond a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) code: Code,
    /// Offset in the text.
    pub(super) at: u32,
}

/// One token. Comments and processing instructions are checked and passed over.
#[derive(Debug)]
pub(super) enum Token<'t> {
    /// A start tag; an empty element gives an `Open` and a `Close`.
    Open(Tag<'t>),
    /// Character data inside the root, in pieces, each with its offset; line ends normalised, references resolved.
    Text(Cow<'t, str>, u32),
    /// An end tag: offsets of its `<` and just after its `>`. An empty element has its own for the first.
    Close { at: u32, end: u32 },
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

/// An attribute with its namespace resolved.
#[derive(Clone, Debug)]
pub(super) struct RawAttribute<'t> {
    pub(super) local: &'t str,
    pub(super) value: Cow<'t, str>,
    pub(super) namespace: Namespace,
    /// Its name, when the schema knows it.
    pub(super) name: Option<Name>,
    /// Offset of its name.
    pub(super) at: u32,
    prefix: &'t str,
    binding: Option<usize>,
}

#[derive(Debug)]
struct Binding<'t> {
    prefix: &'t str,
    uri: Cow<'t, str>,
    namespace: Namespace,
    depth: u32,
}

/// The stream.
pub(super) struct Tokens<'t, 'n> {
    reader: Reader<&'t [u8]>,
    text: &'t str,
    names: &'n Names,
    limits: &'n Limits,
    /// Attributes of the last start tag, without namespace declarations.
    pub(super) attributes: Vec<RawAttribute<'t>>,
    bindings: Vec<Binding<'t>>,
    /// For each open element, how many bindings were there before it.
    open: Vec<usize>,
    /// End of the empty element that was just opened.
    pending: Option<(u32, u32)>,
    elements: usize,
    /// Without a `]` in the whole text, `]]>` need not be looked for.
    brackets: bool,
    returns: bool,
}

impl<'t, 'n> Tokens<'t, 'n> {
    pub(super) fn new(text: &'t str, names: &'n Names, limits: &'n Limits) -> Tokens<'t, 'n> {
        let mut reader = Reader::from_str(text);
        reader.config_mut().check_comments = true;
        let bytes = text.as_bytes();
        Tokens {
            reader,
            text,
            names,
            limits,
            attributes: Vec::with_capacity(8),
            bindings: Vec::with_capacity(8),
            open: Vec::with_capacity(16),
            pending: None,
            elements: 0,
            brackets: bytes.contains(&b']'),
            returns: bytes.contains(&b'\r'),
        }
    }

    /// The next token. After a `Stop` or the `End` there is nothing more to read.
    pub(super) fn next(&mut self) -> Result<Token<'t>, Stop> {
        if let Some((at, end)) = self.pending.take() {
            return Ok(self.close(at, end));
        }
        loop {
            let at = self.offset();
            let event = self.reader.read_event();
            let event = event
                .map_err(|error| broken(&error, at.max(self.reader.error_position() as u32)))?;
            match event {
                Event::Start(tag) => return self.start(at, tag.name().as_ref().len(), 1),
                Event::Empty(tag) => {
                    self.pending = Some((at, self.offset()));
                    return self.start(at, tag.name().as_ref().len(), 2);
                }
                Event::End(_) => return Ok(self.close(at, self.offset())),
                Event::Text(text) => {
                    let text = text.into_inner();
                    if self.open.is_empty() {
                        self.outside(at, &text)?;
                    } else {
                        return self.data(at, text);
                    }
                }
                Event::CData(text) if !self.open.is_empty() => {
                    return Ok(Token::Text(self.lines(text.into_inner()), at));
                }
                Event::GeneralRef(reference) if !self.open.is_empty() => {
                    let stop = Stop {
                        code: Code::XmlEntity,
                        at,
                    };
                    return Ok(Token::Text(
                        resolve(&reference.into_inner()).ok_or(stop)?,
                        at,
                    ));
                }
                Event::CData(_) | Event::GeneralRef(_) => {
                    return Err(Stop {
                        code: Code::XmlRoot,
                        at,
                    });
                }
                Event::Comment(_) => {}
                Event::PI(_) => self.instruction(at)?,
                Event::Decl(_) => self.declaration(at)?,
                Event::DocType(_) => {
                    return Err(Stop {
                        code: Code::XmlDoctype,
                        at,
                    });
                }
                Event::Eof => return self.finish(at),
            }
        }
    }

    /// How many elements are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// The namespace of a tag as written in the document, empty for none.
    pub(super) fn uri(&self, tag: &Tag<'t>) -> &str {
        tag.binding.map_or("", |index| &*self.bindings[index].uri)
    }

    /// The prefixes in scope, inner ones last.
    pub(super) fn scope(&self) -> impl Iterator<Item = (&str, &str)> {
        self.bindings
            .iter()
            .map(|binding| (binding.prefix, &*binding.uri))
    }

    fn offset(&self) -> u32 {
        self.reader.buffer_position() as u32
    }

    /// A start tag of `at..`, its name `len` bytes long and its last `tail` bytes being `>` or `/>`.
    fn start(&mut self, at: u32, len: usize, tail: usize) -> Result<Token<'t>, Stop> {
        let stop = |code| Stop { code, at };
        if self.open.is_empty() && self.elements > 0 {
            return Err(stop(Code::XmlRoot));
        }
        if self.open.len() >= self.limits.depth {
            return Err(stop(Code::XmlDepth));
        }
        self.elements += 1;
        if self.elements > self.limits.elements {
            return Err(stop(Code::XmlElements));
        }
        self.open.push(self.bindings.len());
        let begin = at as usize + 1;
        let name = &self.text[begin..begin + len];
        let raw = &self.text[begin + len..self.offset() as usize - tail];
        self.attributes.clear();
        self.scan(raw, (begin + len) as u32)?;
        self.resolve_attributes()?;
        let tag = self.tag(name, at)?;
        Ok(Token::Open(tag))
    }

    fn tag(&mut self, name: &'t str, at: u32) -> Result<Tag<'t>, Stop> {
        let (prefix, local) = split(name);
        let binding = self.binding(prefix);
        if binding.is_none() && !prefix.is_empty() && prefix != "xml" {
            let code = if is_ncname(prefix) {
                Code::XmlNamespace
            } else {
                Code::XmlSyntax
            };
            return Err(Stop { code, at });
        }
        let namespace = match binding {
            Some(index) => self.bindings[index].namespace,
            None if prefix == "xml" => Namespace::XML,
            None => Namespace::NONE,
        };
        let name = self.names.find(namespace, local);
        if name.is_none() && !is_ncname(local) {
            return Err(Stop {
                code: Code::XmlSyntax,
                at,
            });
        }
        let depth = self.open.len() as u32;
        let own = binding.map_or(depth, |index| self.bindings[index].depth);
        let attributes = self
            .attributes
            .iter()
            .filter_map(|attribute| attribute.binding);
        let bound_at = attributes
            .map(|index| self.bindings[index].depth)
            .fold(own, u32::min);
        Ok(Tag {
            local,
            namespace,
            name,
            at,
            bound_at,
            binding,
        })
    }

    fn close(&mut self, at: u32, end: u32) -> Token<'t> {
        let before = self.open.pop().unwrap_or(0);
        self.bindings.truncate(before);
        Token::Close { at, end }
    }

    /// Cuts the raw text of a tag after its name, `base` being its offset, into attributes and declarations.
    fn scan(&mut self, raw: &'t str, base: u32) -> Result<(), Stop> {
        let bytes = raw.as_bytes();
        let mut at = 0;
        let mut declarations = 0;
        loop {
            let begin = skip_space(bytes, at);
            if begin == bytes.len() {
                return Ok(());
            }
            let stop = |code| Stop {
                code,
                at: base + begin as u32,
            };
            if begin == at {
                return Err(stop(Code::XmlSyntax));
            }
            let (name, value, end) = attribute(raw, begin).ok_or(stop(Code::XmlSyntax))?;
            at = end;
            let value = self.value(value).map_err(stop)?;
            if self.attributes.len() + declarations >= self.limits.attributes {
                return Err(stop(Code::XmlAttributes));
            }
            let (prefix, local) = split(name);
            if prefix == "xmlns" || name == "xmlns" {
                declarations += 1;
                self.bind(if prefix.is_empty() { "" } else { local }, value)
                    .map_err(stop)?;
                continue;
            }
            let at = base + begin as u32;
            let namespace = Namespace::NONE;
            self.attributes.push(RawAttribute {
                local,
                value,
                namespace,
                name: None,
                at,
                prefix,
                binding: None,
            });
        }
    }

    /// Resolves references in an attribute value and normalises its whitespace.
    fn value(&self, raw: &'t str) -> Result<Cow<'t, str>, Code> {
        if raw.len() > self.limits.text_bytes {
            return Err(Code::XmlText);
        }
        if !raw
            .bytes()
            .any(|byte| matches!(byte, b'<' | b'&' | b'\t' | b'\n' | b'\r'))
        {
            return Ok(Cow::Borrowed(raw));
        }
        let mut value = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some(at) = rest.find(['<', '&', '\t', '\n', '\r']) {
            value.push_str(&rest[..at]);
            let found = rest.as_bytes()[at];
            rest = &rest[at + 1..];
            match found {
                b'<' => return Err(Code::XmlSyntax),
                b'&' => {
                    let (reference, after) = rest.split_once(';').ok_or(Code::XmlEntity)?;
                    value.push_str(&resolve(reference).ok_or(Code::XmlEntity)?);
                    rest = after;
                }
                // A line end counts once, whichever of its three forms it has.
                b'\r' if rest.starts_with('\n') => {}
                _ => value.push(' '),
            }
        }
        value.push_str(rest);
        Ok(Cow::Owned(value))
    }

    fn bind(&mut self, prefix: &'t str, uri: Cow<'t, str>) -> Result<(), Code> {
        let reserved = &*uri == XMLNS_URI || (&*uri == XML_URI) != (prefix == "xml");
        if reserved || prefix == "xmlns" || (uri.is_empty() && !prefix.is_empty()) {
            return Err(Code::XmlNamespace);
        }
        if !prefix.is_empty() && !is_ncname(prefix) {
            return Err(Code::XmlSyntax);
        }
        let before = self.open.last().copied().unwrap_or(0);
        if self.bindings[before..]
            .iter()
            .any(|binding| binding.prefix == prefix)
        {
            return Err(Code::XmlAttributeTwice);
        }
        let namespace = self.names.namespace(&uri);
        let depth = self.open.len() as u32;
        self.bindings.push(Binding {
            prefix,
            uri,
            namespace,
            depth,
        });
        Ok(())
    }

    /// The innermost declaration of a prefix. That of the empty prefix may undo an outer one.
    fn binding(&self, prefix: &str) -> Option<usize> {
        // Nearly all names have no prefix: nothing to compare then.
        let index = match prefix.is_empty() {
            true => self.bindings.iter().rposition(|binding| binding.prefix.is_empty())?,
            false => self.bindings.iter().rposition(|binding| binding.prefix == prefix)?,
        };
        (!self.bindings[index].uri.is_empty()).then_some(index)
    }

    fn resolve_attributes(&mut self) -> Result<(), Stop> {
        for index in 0..self.attributes.len() {
            let attribute = &self.attributes[index];
            let (prefix, local, at) = (attribute.prefix, attribute.local, attribute.at);
            let binding = if prefix.is_empty() {
                None
            } else {
                self.binding(prefix)
            };
            let namespace = match binding {
                Some(index) => self.bindings[index].namespace,
                None if prefix.is_empty() => Namespace::NONE,
                None if prefix == "xml" => Namespace::XML,
                None => {
                    return Err(Stop {
                        code: Code::XmlNamespace,
                        at,
                    });
                }
            };
            let name = self.names.find(namespace, local);
            if name.is_none() && !is_ncname(local) {
                return Err(Stop {
                    code: Code::XmlSyntax,
                    at,
                });
            }
            let uri = |binding: Option<usize>| binding.map(|index| &*self.bindings[index].uri);
            let same = |other: &RawAttribute<'_>| {
                other.local == local
                    && other.namespace == namespace
                    && uri(other.binding) == uri(binding)
            };
            if self.attributes[..index].iter().any(same) {
                return Err(Stop {
                    code: Code::XmlAttributeTwice,
                    at,
                });
            }
            let attribute = &mut self.attributes[index];
            (attribute.namespace, attribute.name, attribute.binding) = (namespace, name, binding);
        }
        Ok(())
    }

    fn data(&self, at: u32, text: Cow<'t, str>) -> Result<Token<'t>, Stop> {
        if self.brackets
            && text.as_bytes().contains(&b']')
            && let Some(found) = text.find("]]>")
        {
            return Err(Stop {
                code: Code::XmlSyntax,
                at: at + found as u32,
            });
        }
        Ok(Token::Text(self.lines(text), at))
    }

    /// Line ends as XML wants them: one line feed.
    fn lines(&self, text: Cow<'t, str>) -> Cow<'t, str> {
        match self.returns && text.contains('\r') {
            true => Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")),
            false => text,
        }
    }

    fn outside(&self, at: u32, text: &str) -> Result<(), Stop> {
        match text.find(|char| !matches!(char, ' ' | '\t' | '\n' | '\r')) {
            Some(found) => Err(Stop {
                code: Code::XmlRoot,
                at: at + found as u32,
            }),
            None => Ok(()),
        }
    }

    fn instruction(&self, at: u32) -> Result<(), Stop> {
        let content = &self.text[at as usize + 2..self.offset() as usize - 2];
        let target = content.split([' ', '\t', '\n', '\r']).next().unwrap_or("");
        match is_name(target) && !target.eq_ignore_ascii_case("xml") {
            true => Ok(()),
            false => Err(Stop {
                code: Code::XmlSyntax,
                at,
            }),
        }
    }

    fn declaration(&self, at: u32) -> Result<(), Stop> {
        let content = &self.text[at as usize + "<?xml".len()..self.offset() as usize - "?>".len()];
        match at == 0 && is_declaration(content) {
            true => Ok(()),
            false => Err(Stop {
                code: Code::XmlSyntax,
                at,
            }),
        }
    }

    fn finish(&self, at: u32) -> Result<Token<'t>, Stop> {
        if !self.open.is_empty() {
            return Err(Stop {
                code: Code::XmlSyntax,
                at,
            });
        }
        if self.elements == 0 {
            return Err(Stop {
                code: Code::XmlRoot,
                at,
            });
        }
        Ok(Token::End)
    }
}

/// What quick-xml itself refuses.
fn broken(error: &XmlError, at: u32) -> Stop {
    let code = match error {
        XmlError::IllFormed(IllFormedError::UnclosedReference) => Code::XmlEntity,
        _ => Code::XmlSyntax,
    };
    Stop { code, at }
}

/// Prefix and local name. Names are short: a plain loop is the fastest search.
fn split(name: &str) -> (&str, &str) {
    match name.bytes().position(|byte| byte == b':') {
        Some(colon) => (&name[..colon], &name[colon + 1..]),
        None => ("", name),
    }
}

fn skip_space(bytes: &[u8], from: usize) -> usize {
    let rest = &bytes[from..];
    let count = rest
        .iter()
        .position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    from + count.unwrap_or(rest.len())
}

/// The attribute that begins at `begin`: name, raw value, and where it ends.
fn attribute(raw: &str, begin: usize) -> Option<(&str, &str, usize)> {
    let bytes = raw.as_bytes();
    let len = bytes[begin..]
        .iter()
        .position(|byte| matches!(byte, b'=' | b' ' | b'\t' | b'\n' | b'\r'))?;
    let equals = skip_space(bytes, begin + len);
    if len == 0 || bytes.get(equals) != Some(&b'=') {
        return None;
    }
    let open = skip_space(bytes, equals + 1);
    let quote = *bytes
        .get(open)
        .filter(|quote| matches!(quote, b'"' | b'\''))?;
    let count = bytes[open + 1..].iter().position(|byte| *byte == quote)?;
    let close = open + 1 + count;
    Some((&raw[begin..begin + len], &raw[open + 1..close], close + 1))
}

/// The text of a reference, given without `&` and `;`.
fn resolve(reference: &str) -> Option<Cow<'static, str>> {
    let digits = match reference {
        "lt" => return Some(Cow::Borrowed("<")),
        "gt" => return Some(Cow::Borrowed(">")),
        "amp" => return Some(Cow::Borrowed("&")),
        "apos" => return Some(Cow::Borrowed("'")),
        "quot" => return Some(Cow::Borrowed("\"")),
        _ => reference.strip_prefix('#')?,
    };
    let (digits, radix) = match digits.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (digits, 10),
    };
    // from_str_radix alone would take a sign.
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let char = char::from_u32(u32::from_str_radix(digits, radix).ok()?)?;
    match char {
        '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'.. => Some(Cow::Owned(char.to_string())),
        _ => None,
    }
}

/// What stands between `<?xml` and `?>`: version 1.0, then perhaps encoding, then perhaps standalone.
fn is_declaration(content: &str) -> bool {
    let mut at = 0;
    let mut step = 0;
    loop {
        let begin = skip_space(content.as_bytes(), at);
        if begin == content.len() {
            return step > 0;
        }
        let Some((name, value, end)) = attribute(content, begin).filter(|_| begin > at) else {
            return false;
        };
        step = match name {
            "version" if step == 0 && value == "1.0" => 1,
            "encoding" if step == 1 => 2,
            "standalone" if (step == 1 || step == 2) && matches!(value, "yes" | "no") => 3,
            _ => return false,
        };
        at = end;
    }
}
