//! An XSD file as a tree: only what the compiler needs, every node with its line.

use super::error::Error;
use super::names::Names;
use super::read::Limits;
use super::token::{Stop, Token, Tokens};

pub(super) const XSD_URI: &str = "http://www.w3.org/2001/XMLSchema";

/// An element of the XSD namespace. Annotations are left out.
#[derive(Debug)]
pub(super) struct Node {
    /// Local name.
    pub(super) name: String,
    pub(super) file: String,
    pub(super) line: u32,
    /// Local names and values.
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Node>,
    /// Prefixes in scope, inner ones last.
    scope: Vec<(String, String)>,
}

/// Parses the text of an XSD file.
pub(super) fn parse(file: &str, text: &str) -> Result<Node, Error> {
    let names = Names::default();
    let limits = Limits::default();
    let mut lines = Lines {
        text,
        at: 0,
        line: 1,
    };
    let mut tokens = Tokens::new(text, &names, &limits);
    let mut open: Vec<Node> = Vec::new();
    let mut annotation = 0;
    loop {
        let token = tokens.next().map_err(|stop: Stop| Error::Invalid {
            file: file.to_owned(),
            line: lines.line_of(stop.at),
            why: stop.code.en().to_owned(),
        })?;
        match token {
            Token::Open(_) if annotation > 0 => annotation += 1,
            Token::Open(tag) => {
                let line = lines.line_of(tag.at);
                if tokens.uri(&tag) != XSD_URI {
                    let construct = format!("element {} outside the XSD namespace", tag.local);
                    return Err(Error::Unsupported {
                        file: file.to_owned(),
                        line,
                        construct,
                    });
                }
                if tag.local == "annotation" {
                    annotation = 1;
                    continue;
                }
                let attributes = tokens.attributes.iter();
                let attributes = attributes
                    .map(|raw| (raw.local.to_owned(), raw.value.trim().to_owned()))
                    .collect();
                let scope = tokens
                    .scope()
                    .map(|(prefix, uri)| (prefix.to_owned(), uri.to_owned()))
                    .collect();
                let (name, file) = (tag.local.to_owned(), file.to_owned());
                open.push(Node {
                    name,
                    file,
                    line,
                    attributes,
                    children: Vec::new(),
                    scope,
                });
            }
            Token::Close { .. } if annotation > 0 => annotation -= 1,
            Token::Close { .. } => {
                let Some(node) = open.pop() else { continue };
                match open.last_mut() {
                    Some(parent) => parent.children.push(node),
                    None => return Ok(node),
                }
            }
            Token::Text(text, at) if annotation == 0 && !text.trim().is_empty() => {
                let line = lines.line_of(at);
                return Err(Error::Invalid {
                    file: file.to_owned(),
                    line,
                    why: "text outside an annotation".to_owned(),
                });
            }
            Token::Text(..) => {}
            Token::End => {
                let (file, line) = (file.to_owned(), 1);
                return Err(Error::Invalid {
                    file,
                    line,
                    why: "no schema in the file".to_owned(),
                });
            }
        }
    }
}

impl Node {
    /// The value of an attribute.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| &**value)
    }

    /// The value of an attribute that must be there.
    pub(super) fn need(&self, name: &str) -> Result<&str, Error> {
        self.get(name)
            .ok_or_else(|| self.invalid(format!("xs:{} without {name}", self.name)))
    }

    /// Refuses every attribute but these; `id` says nothing and may always be there.
    pub(super) fn only(&self, allowed: &[&str]) -> Result<(), Error> {
        match self
            .attributes
            .iter()
            .find(|(name, _)| name != "id" && !allowed.contains(&&**name))
        {
            Some((name, value)) => {
                Err(self.unsupported(format!("xs:{} with {name}=\"{value}\"", self.name)))
            }
            None => Ok(()),
        }
    }

    /// Namespace and local name of a qualified name in an attribute.
    pub(super) fn qualified<'n>(&'n self, value: &'n str) -> Result<(&'n str, &'n str), Error> {
        let (prefix, local) = value.split_once(':').unwrap_or(("", value));
        let bound = self.scope.iter().rev().find(|(own, _)| own == prefix);
        match bound {
            Some((_, uri)) => Ok((uri, local)),
            None if prefix.is_empty() => Ok(("", local)),
            None => Err(self.invalid(format!("prefix {prefix} is not declared"))),
        }
    }

    /// The construct is legal and not implemented.
    pub(super) fn unsupported(&self, construct: impl Into<String>) -> Error {
        Error::Unsupported {
            file: self.file.clone(),
            line: self.line,
            construct: construct.into(),
        }
    }

    /// The construct is wrong.
    pub(super) fn invalid(&self, why: impl Into<String>) -> Error {
        Error::Invalid {
            file: self.file.clone(),
            line: self.line,
            why: why.into(),
        }
    }
}

struct Lines<'t> {
    text: &'t str,
    at: usize,
    line: u32,
}

impl Lines<'_> {
    fn line_of(&mut self, at: u32) -> u32 {
        let at = at as usize;
        if at >= self.at {
            self.line += self.text.as_bytes()[self.at..at]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count() as u32;
            self.at = at;
        }
        self.line
    }
}
