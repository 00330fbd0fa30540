//! Receipts and settlements as they stream by, gathered into claims' own types.

use super::lexical;
use super::{RECEIPT, SETTLEMENT};
use crate::claims::id::{Digest, DocumentId, LotId, Name};
use crate::claims::receipt::{
    Answer, Coverage, DocumentVerdict, Item, Part, PartOutcome, PartSettlement, Receipt,
    Settlement, SettlementContent, Verdict,
};
use crate::claims::time::Timestamp;
use crate::schema::{Element, Position, Visitor};

/// Gathers one receipt or one settlement.
#[derive(Default)]
pub(super) struct Gather {
    open: Vec<Node>,
    receipt: Option<Receipt>,
    settlement: Option<SettlementParts>,
    /// Something that the XSD promises was not there.
    incomplete: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Receipt,
    Document,
    Settlement,
    Part,
    Answer,
    Text,
    Unknown,
}

struct SettlementParts {
    id: Name,
    document: DocumentId,
    issued: Timestamp,
    parts: Vec<PartSettlement>,
    answer: Option<AnswerParts>,
}

struct AnswerParts {
    answer: Answer,
    code: Option<Name>,
    text: Option<String>,
}

impl Gather {
    /// The item, if all that the XSD promises was there.
    pub(super) fn finish(self) -> Option<Item> {
        match (self.incomplete, self.receipt, self.settlement) {
            (false, Some(receipt), None) => Some(Item::Receipt(receipt)),
            (false, None, Some(parts)) => parts.finish().map(Item::Settlement),
            (_, _, _) => None,
        }
    }

    fn promised<T>(&mut self, value: Option<T>) -> Option<T> {
        self.incomplete |= value.is_none();
        value
    }

    fn open_document(&mut self, element: &Element<'_>) {
        let verdict = self.promised(document_verdict(element));
        if let Some(receipt) = &mut self.receipt {
            receipt.documents.extend(verdict);
        }
    }

    fn open_part(&mut self, element: &Element<'_>) {
        let part = self.promised(part_settlement(element));
        if let Some(settlement) = &mut self.settlement {
            settlement.parts.extend(part);
        }
    }

    fn open_answer(&mut self, element: &Element<'_>) {
        let answer = self.promised(answer(element));
        if let Some(settlement) = &mut self.settlement {
            settlement.answer = answer;
        }
    }

    /// Where the text of the innermost element goes: to the element that holds it.
    fn text_slot(&mut self) -> Option<&mut Option<String>> {
        let [.., holder, Node::Text] = self.open.as_slice() else {
            return None;
        };
        match holder {
            Node::Receipt => Some(&mut self.receipt.as_mut()?.text),
            Node::Document => Some(&mut self.receipt.as_mut()?.documents.last_mut()?.text),
            Node::Part => Some(&mut self.settlement.as_mut()?.parts.last_mut()?.text),
            Node::Answer => Some(&mut self.settlement.as_mut()?.answer.as_mut()?.text),
            Node::Settlement | Node::Text | Node::Unknown => None,
        }
    }
}

impl Visitor for Gather {
    fn open(&mut self, element: Element<'_>) {
        let node = Node::of(&element);
        self.open.push(node);
        match node {
            Node::Receipt => self.receipt = self.promised(receipt(&element)),
            Node::Document => self.open_document(&element),
            Node::Settlement => self.settlement = self.promised(settlement(&element)),
            Node::Part => self.open_part(&element),
            Node::Answer => self.open_answer(&element),
            Node::Text => {}
            Node::Unknown => self.incomplete = true,
        }
    }

    fn text(&mut self, text: &str, _place: Position) {
        match self.text_slot() {
            Some(slot) => *slot = Some(text.to_owned()),
            None => self.incomplete = true,
        }
    }

    fn close(&mut self, _end: usize) {
        self.open.pop();
    }
}

impl Node {
    fn of(element: &Element<'_>) -> Node {
        match (element.namespace, element.name) {
            (RECEIPT, "receipt") => Node::Receipt,
            (RECEIPT, "document") => Node::Document,
            (SETTLEMENT, "settlement") => Node::Settlement,
            (SETTLEMENT, "part") => Node::Part,
            (SETTLEMENT, "answer") => Node::Answer,
            (RECEIPT | SETTLEMENT, "text") => Node::Text,
            (_, _) => Node::Unknown,
        }
    }
}

impl SettlementParts {
    fn finish(self) -> Option<Settlement> {
        let content = match (self.answer, self.parts.is_empty()) {
            (Some(AnswerParts { answer, code, text }), true) => {
                SettlementContent::Answer { answer, code, text }
            }
            (None, false) => SettlementContent::Parts(self.parts),
            (Some(_), false) | (None, true) => return None,
        };
        Some(Settlement {
            id: self.id,
            document: self.document,
            issued: self.issued,
            content,
        })
    }
}

fn receipt(element: &Element<'_>) -> Option<Receipt> {
    Some(Receipt {
        id: Name::parse(element.attribute("id")?).ok()?,
        lot: LotId::parse(element.attribute("lot")?).ok()?,
        digest: Digest::parse(element.attribute("digest")?).ok()?,
        issued: lexical::instant(element.attribute("issued")?)?,
        verdict: Verdict::parse(element.attribute("verdict")?)?,
        documents: Vec::new(),
        coverage: Coverage::parse(element.attribute("coverage")?)?,
        code: code(element)?,
        text: None,
    })
}

fn document_verdict(element: &Element<'_>) -> Option<DocumentVerdict> {
    Some(DocumentVerdict {
        document: DocumentId::parse(element.attribute("id")?).ok()?,
        verdict: Verdict::parse(element.attribute("verdict")?)?,
        code: code(element)?,
        text: None,
    })
}

fn settlement(element: &Element<'_>) -> Option<SettlementParts> {
    Some(SettlementParts {
        id: Name::parse(element.attribute("id")?).ok()?,
        document: DocumentId::parse(element.attribute("document")?).ok()?,
        issued: lexical::instant(element.attribute("issued")?)?,
        parts: Vec::new(),
        answer: None,
    })
}

fn part_settlement(element: &Element<'_>) -> Option<PartSettlement> {
    Some(PartSettlement {
        part: Part::parse(element.attribute("part")?)?,
        outcome: PartOutcome::parse(element.attribute("outcome")?)?,
        amount: lexical::cents(element.attribute("amount")?)?,
        code: code(element)?,
        text: None,
    })
}

fn answer(element: &Element<'_>) -> Option<AnswerParts> {
    Some(AnswerParts {
        answer: Answer::parse(element.attribute("verdict")?)?,
        code: code(element)?,
        text: None,
    })
}

/// The optional code: a code that cannot be read is not an absent one.
fn code(element: &Element<'_>) -> Option<Option<Name>> {
    match element.attribute("code") {
        None => Some(None),
        Some(code) => Name::parse(code).ok().map(Some),
    }
}
