//! An XSD file as a tree: only what the compiler needs, every node with its line.

use super::decode::Marks;
use super::error::Error;
use super::names::Names;
use super::read::Limits;
use super::scan::Stop;
use super::token::{Token, Tokens};

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
    let mut tokens = Tokens::new(text, Marks::of(text), &names, &limits);
    let mut tree = Tree {
        file,
        open: Vec::new(),
        annotation: 0,
    };
    loop {
        let token = tokens.next().map_err(|stop: Stop| Error::Invalid {
            file: file.to_owned(),
            line: lines.line_of(stop.at),
            why: stop.code.en().to_owned(),
        })?;
        let line = lines.line_of(tokens.at());
        let whole = match token {
            Token::Open => {
                tree.open(&tokens, line)?;
                None
            }
            Token::Leaf => {
                tree.open(&tokens, line)?;
                tree.text(&tokens.text(), line)?;
                tree.close()
            }
            Token::Close => tree.close(),
            Token::Text => {
                tree.text(&tokens.text(), line)?;
                None
            }
            Token::Blank => None,
            Token::End => return Err(tree.invalid(1, "no schema in the file")),
        };
        if let Some(root) = whole {
            return Ok(root);
        }
    }
}

/// The tree while it grows.
struct Tree<'f> {
    file: &'f str,
    open: Vec<Node>,
    /// How many elements are open from an annotation on.
    annotation: usize,
}

impl Tree<'_> {
    fn open(&mut self, tokens: &Tokens<'_, '_>, line: u32) -> Result<(), Error> {
        let tag = &tokens.tag;
        if self.annotation > 0 {
            self.annotation += 1;
            return Ok(());
        }
        if tokens.uri() != XSD_URI {
            return Err(Error::Unsupported {
                file: self.file.to_owned(),
                line,
                construct: format!("element {} outside the XSD namespace", tag.local),
            });
        }
        if tag.local == "annotation" {
            self.annotation = 1;
            return Ok(());
        }
        let attributes = tokens.attributes.iter();
        let attributes = attributes.map(|raw| (raw.local.to_owned(), raw.value.trim().to_owned()));
        let scope = tokens.prefixes();
        let scope = scope.map(|(prefix, uri)| (prefix.to_owned(), uri.to_owned()));
        self.open.push(Node {
            name: tag.local.to_owned(),
            file: self.file.to_owned(),
            line,
            attributes: attributes.collect(),
            children: Vec::new(),
            scope: scope.collect(),
        });
        Ok(())
    }

    fn text(&self, text: &str, line: u32) -> Result<(), Error> {
        match self.annotation > 0 || text.trim().is_empty() {
            true => Ok(()),
            false => Err(self.invalid(line, "text outside an annotation")),
        }
    }

    /// Gives the root, when it is what ends.
    fn close(&mut self) -> Option<Node> {
        if self.annotation > 0 {
            self.annotation -= 1;
            return None;
        }
        let node = self.open.pop()?;
        match self.open.last_mut() {
            Some(parent) => {
                parent.children.push(node);
                None
            }
            None => Some(node),
        }
    }

    fn invalid(&self, line: u32, why: &str) -> Error {
        Error::Invalid {
            file: self.file.to_owned(),
            line,
            why: why.to_owned(),
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
