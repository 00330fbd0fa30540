//! Writes XML: stable bytes, two blanks a level, attributes in a fixed order, no XML declaration (UTF-8).
//!
//! What insurers say is written by simulators only. A text is written as it is given: what XML cannot carry
//! becomes U+FFFD.

use std::fmt::Write as _;

use super::{FEED, LOT, RECEIPT, SETTLEMENT};
use crate::claims::document::Cents;
use crate::claims::id::Name;
use crate::claims::receipt::{Receipt, Settlement, SettlementContent};

/// A receipt: it can be sent alone, or stand in a feed as it is. Instants are cut to milliseconds.
pub fn write_receipt(receipt: &Receipt) -> String {
    let mut pen = Pen::default();
    let (id, lot) = (receipt.id.to_string(), receipt.lot.to_string());
    let (digest, issued) = (receipt.digest.to_string(), receipt.issued.to_string());
    let mut attributes = vec![
        ("xmlns", RECEIPT),
        ("version", "1"),
        ("id", &id),
        ("lot", &lot),
        ("digest", &digest),
        ("issued", &issued),
        ("verdict", receipt.verdict.as_str()),
        ("coverage", receipt.coverage.as_str()),
    ];
    attributes.extend(code(&receipt.code));
    pen.element("receipt", &attributes, |pen| {
        pen.text_element(&receipt.text);
        for document in &receipt.documents {
            let id = document.document.to_string();
            let mut attributes = vec![("id", &*id), ("verdict", document.verdict.as_str())];
            attributes.extend(code(&document.code));
            pen.element("document", &attributes, |pen| {
                pen.text_element(&document.text)
            });
        }
    });
    pen.out
}

/// A settlement: it can be sent alone, or stand in a feed as it is. Instants are cut to milliseconds.
pub fn write_settlement(settlement: &Settlement) -> String {
    let mut pen = Pen::default();
    let (id, document) = (settlement.id.to_string(), settlement.document.to_string());
    let issued = settlement.issued.to_string();
    let attributes = [
        ("xmlns", SETTLEMENT),
        ("version", "1"),
        ("id", &*id),
        ("document", &*document),
        ("issued", &*issued),
    ];
    pen.element("settlement", &attributes, |pen| {
        pen.settlement_content(&settlement.content)
    });
    pen.out
}

/// A feed of items as [`write_receipt`] and [`write_settlement`] wrote them, whose bytes stay as they are.
pub fn write_feed<'a>(next: &str, items: impl IntoIterator<Item = &'a str>) -> String {
    let mut pen = Pen::default();
    pen.element(
        "feed",
        &[("xmlns", FEED), ("version", "1"), ("next", next)],
        |pen| {
            items.into_iter().for_each(|item| pen.whole(item));
        },
    );
    pen.out
}

/// A lot of documents without XML declarations, in UTF-8, whose bytes stay as they are.
pub fn write_lot<'a>(documents: impl IntoIterator<Item = &'a str>) -> String {
    let mut pen = Pen::default();
    pen.element("lot", &[("xmlns", LOT), ("version", "1")], |pen| {
        documents
            .into_iter()
            .for_each(|document| pen.whole(document));
    });
    pen.out
}

/// Puts elements on paper, indented.
#[derive(Default)]
pub(super) struct Pen {
    pub(super) out: String,
    depth: usize,
}

/// An attribute: name and value.
pub(super) type Pair<'a> = (&'a str, &'a str);

impl Pen {
    /// An element with children, or an empty one when `children` writes nothing.
    pub(super) fn element(
        &mut self,
        name: &str,
        attributes: &[Pair<'_>],
        children: impl FnOnce(&mut Pen),
    ) {
        self.start(name, attributes);
        self.out.push('>');
        let before = self.out.len();
        self.depth += 1;
        children(self);
        self.depth -= 1;
        if self.out.len() == before {
            self.out.pop();
            self.out.push_str("/>");
        } else {
            self.line();
            self.end(name);
        }
    }

    /// An element with nothing in it.
    pub(super) fn empty(&mut self, name: &str, attributes: &[Pair<'_>]) {
        self.element(name, attributes, |_| {});
    }

    /// An element with text.
    pub(super) fn value(&mut self, name: &str, attributes: &[Pair<'_>], text: &str) {
        self.start(name, attributes);
        self.out.push('>');
        escape(&mut self.out, text);
        self.end(name);
    }

    /// An element that was written before, as it is.
    fn whole(&mut self, element: &str) {
        self.out.push('\n');
        self.out.push_str(element);
    }

    fn text_element(&mut self, text: &Option<String>) {
        if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
            self.value("text", &[], text);
        }
    }

    fn settlement_content(&mut self, content: &SettlementContent) {
        match content {
            SettlementContent::Parts(parts) => {
                for part in parts {
                    let amount = euros(part.amount);
                    let mut attributes = vec![
                        ("part", part.part.as_str()),
                        ("outcome", part.outcome.as_str()),
                        ("amount", &*amount),
                    ];
                    attributes.extend(code(&part.code));
                    self.element("part", &attributes, |pen| pen.text_element(&part.text));
                }
            }
            SettlementContent::Answer {
                answer,
                code: why,
                text,
            } => {
                let mut attributes = vec![("verdict", answer.as_str())];
                attributes.extend(code(why));
                self.element("answer", &attributes, |pen| pen.text_element(text));
            }
        }
    }

    fn start(&mut self, name: &str, attributes: &[Pair<'_>]) {
        if !self.out.is_empty() {
            self.line();
        }
        self.out.push('<');
        self.out.push_str(name);
        for (name, value) in attributes {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            escape(&mut self.out, value);
            self.out.push('"');
        }
    }

    fn end(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    fn line(&mut self) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n("  ", self.depth));
    }
}

/// Euros with two decimals.
pub(super) fn euros(Cents(cents): Cents) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.unsigned_abs();
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}

fn code(code: &Option<Name>) -> Option<Pair<'_>> {
    code.as_ref().map(|code| ("code", code.as_str()))
}

/// Escapes for texts and attributes in double quotes alike, so that a reader gives back exactly what was given.
pub fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "&#{};", u32::from(character));
            }
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_escaped() {
        for (text, expected) in [
            ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
            ("\"é\"\t\r\n", "&quot;é&quot;&#9;&#13;&#10;"),
            ("\0\u{1b}", "\u{fffd}\u{fffd}"),
        ] {
            let mut out = String::new();
            escape(&mut out, text);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn amounts_have_two_decimals() {
        for (cents, expected) in [(0, "0.00"), (5, "0.05"), (3000, "30.00"), (-105, "-1.05")] {
            assert_eq!(euros(Cents(cents)), expected);
        }
    }
}
