//! A statement by `schemas/statement-1.xsd`: an element a field, two blanks a level, UTF-8.

use std::fmt::{Display, Write as _};

use super::Statement;
use super::fields::{Pen, walk};

/// Namespace of statements; in the other forms, the name of their schema.
pub const NAMESPACE: &str = "urn:bordereau:statement:1";

/// The schema's file name and text.
pub const XSD: (&str, &str) = (
    "statement-1.xsd",
    include_str!("../../../schemas/statement-1.xsd"),
);

/// The document.
pub(super) fn write(statement: &Statement) -> Vec<u8> {
    let mut markup = Markup {
        out: format!("<statement xmlns=\"{NAMESPACE}\" version=\"1\">\n"),
        depth: 1,
    };
    walk(statement, &mut markup);
    markup.out.push_str("</statement>\n");
    markup.out.into_bytes()
}

struct Markup {
    out: String,
    depth: usize,
}

impl Markup {
    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        let blanks = self.depth * 2;
        writeln!(self.out, "{:blanks$}{text}", "").expect("a string takes every text");
    }
}

impl Pen for Markup {
    fn open(&mut self, name: &'static str) {
        self.line(format_args!("<{name}>"));
        self.depth += 1;
    }

    fn close(&mut self, name: &'static str) {
        self.depth -= 1;
        self.line(format_args!("</{name}>"));
    }

    fn value(&mut self, name: &'static str, value: &dyn Display) {
        let value = escaped(&value.to_string());
        self.line(format_args!("<{name}>{value}</{name}>"));
    }
}

/// A text that is safe in elements and attributes of XML and HTML; what XML cannot carry becomes U+FFFD.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => {
                out.push(character);
            }
            '\0'..='\u{1f}' | '\u{fffe}'..='\u{ffff}' => out.push('\u{fffd}'),
        }
    }
    out
}
