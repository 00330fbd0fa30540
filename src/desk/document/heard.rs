//! What insurers said about one document: codes from the entries, texts from the bodies as received.
//!
//! A text is content: it goes to the centre unchanged, and to nobody else.

use bytes::Bytes;
use serde::Serialize;

use crate::claims::bearing::Bearing;
use crate::claims::entry::{Delivery, Position, Receipted, Settled, SettledContent, Stamped};
use crate::claims::id::{DocumentId, Name};
use crate::claims::receipt::{Item, Part, PartOutcome, SettlementContent};
use crate::desk::document::history::Chronicle;
use crate::formats::json::refusal;
use crate::formats::xml::{Limits, Reader};
use crate::store::{self, BodyId, Store};

/// Whether the caller may see texts of insurers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::desk) enum Eyes {
    /// The document's own centre.
    Owner,
    /// An operator: standings and codes, never content.
    Operator,
}

/// Everything that was said, in the order in which it came.
#[derive(Debug, Default, Serialize)]
pub(in crate::desk) struct Said {
    /// ARL.
    pub(in crate::desk) receipts: Vec<ReceiptText>,
    /// Refusals of the content, in the answer to the lot or its status.
    pub(in crate::desk) refusals: Vec<RefusalText>,
    /// RSP.
    pub(in crate::desk) settlements: Vec<SettlementText>,
    /// Older entries that were not read for this answer.
    #[serde(skip_serializing_if = "is_zero")]
    pub(in crate::desk) entries_left_out: usize,
}

/// A receipt, as it speaks of this document.
#[derive(Debug, Serialize)]
pub(in crate::desk) struct ReceiptText {
    /// The insurer's id of it.
    id: String,
    endpoint: String,
    lot: String,
    /// When the insurer issued it.
    issued: String,
    /// When it reached us.
    heard: String,
    /// `accepted` or `refused`.
    verdict: &'static str,
    code: Option<String>,
    text: Option<String>,
}

/// A refusal of this document's content.
#[derive(Debug, Serialize)]
pub(in crate::desk) struct RefusalText {
    lot: String,
    heard: String,
    code: Option<String>,
    text: Option<String>,
}

/// A settlement of this document.
#[derive(Debug, Serialize)]
pub(in crate::desk) struct SettlementText {
    /// The insurer's id of it.
    id: String,
    endpoint: String,
    issued: String,
    heard: String,
    /// Payment, per part.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<PartText>,
    /// The answer to a prise en charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<AnswerText>,
}

#[derive(Debug, Serialize)]
struct PartText {
    /// `amo` or `amc`.
    part: &'static str,
    /// `paid`, `rejected` or `deferred`.
    outcome: &'static str,
    amount_cents: i64,
    code: Option<String>,
    text: Option<String>,
}

#[derive(Debug, Serialize)]
struct AnswerText {
    /// `granted` or `declined`.
    answer: &'static str,
    code: Option<String>,
    text: Option<String>,
}

/// Reads what was said about documents.
pub(in crate::desk) struct Ear<'a> {
    pub(in crate::desk) store: &'a dyn Store,
    pub(in crate::desk) reader: &'a Reader,
    pub(in crate::desk) eyes: Eyes,
}

impl Ear<'_> {
    /// All that was said about a document, by these entries.
    ///
    /// # Errors
    /// When the store cannot read.
    pub(in crate::desk) async fn listen(
        &self,
        document: DocumentId,
        chronicle: &Chronicle,
    ) -> Result<Said, store::Error> {
        let mut said = Said {
            entries_left_out: chronicle.left_out,
            ..Said::default()
        };
        for (position, stamped) in &chronicle.entries {
            self.take(document, *position, stamped, &mut said).await?;
        }
        Ok(said)
    }

    async fn take(
        &self,
        document: DocumentId,
        position: Position,
        stamped: &Stamped,
        said: &mut Said,
    ) -> Result<(), store::Error> {
        let heard = stamped.at.to_string();
        let Some(bearing) = stamped.entry.bearing() else {
            return Ok(());
        };
        match bearing {
            Bearing::Receipted(receipted) => {
                let body = self.body(position).await?;
                let receipt = receipt_text(document, receipted, heard, self.item(body));
                said.receipts.extend(receipt);
            }
            Bearing::Settled(settled) if settled.document == document => {
                let body = self.body(position).await?;
                let settlement = settlement_text(settled, heard, self.item(body));
                said.settlements.push(settlement);
            }
            Bearing::Delivery(delivery) if names(delivery, document) => {
                let body = self.body(position).await?;
                let refusal = refusal_text(document, delivery, heard, body);
                said.refusals.push(refusal);
            }
            Bearing::Settled(_)
            | Bearing::Delivery(_)
            | Bearing::Received(_)
            | Bearing::Sealed(_)
            | Bearing::Cancelled { .. }
            | Bearing::ByHand { .. }
            | Bearing::OnPaper { .. }
            | Bearing::PaperOwed(_)
            | Bearing::Lapsed(_)
            | Bearing::Unsettled(_)
            | Bearing::Declared { .. }
            | Bearing::Retried { .. }
            | Bearing::Explained(_) => {}
        }
        Ok(())
    }

    /// The body of an entry, for those who may see it, while it is kept.
    async fn body(&self, position: Position) -> Result<Option<Bytes>, store::Error> {
        match self.eyes {
            Eyes::Operator => Ok(None),
            Eyes::Owner => {
                let body = self.store.body(BodyId::Entry(position)).await?;
                Ok(body.map(|body| body.bytes))
            }
        }
    }

    fn item(&self, body: Option<Bytes>) -> Option<Item> {
        self.reader.read_item(&body?, &Limits::default()).value
    }
}

/// Whether a delivery event refuses this document's content.
fn names(delivery: &Delivery, document: DocumentId) -> bool {
    // A refusal that names nobody is of the whole lot.
    let named = delivery.named.iter().any(|(named, _)| *named == document);
    delivery.event.refuses_content() && (named || delivery.named.is_empty())
}

fn receipt_text(
    document: DocumentId,
    receipted: &Receipted,
    heard: String,
    item: Option<Item>,
) -> Option<ReceiptText> {
    let (_, verdict, code) = receipted.verdicts.iter().find(|row| row.0 == document)?;
    let text = match item {
        Some(Item::Receipt(receipt)) => {
            let own = receipt
                .documents
                .into_iter()
                .find(|row| row.document == document);
            own.and_then(|row| row.text).or(receipt.text)
        }
        Some(Item::Settlement(_)) | None => None,
    };
    Some(ReceiptText {
        id: receipted.id.to_string(),
        endpoint: receipted.endpoint.to_string(),
        lot: receipted.lot.to_string(),
        issued: receipted.issued.to_string(),
        heard,
        verdict: verdict.as_str(),
        code: code.as_ref().map(Name::to_string),
        text,
    })
}

fn refusal_text(
    document: DocumentId,
    delivery: &Delivery,
    heard: String,
    body: Option<Bytes>,
) -> RefusalText {
    let code = delivery.named.iter().find(|(named, _)| *named == document);
    let words = body.and_then(|bytes| refusal::read(&bytes));
    let text = words.and_then(|words| {
        let own = words
            .named
            .into_iter()
            .find(|named| named.document == document);
        own.and_then(|named| named.text).or(words.text)
    });
    RefusalText {
        lot: delivery.lot.to_string(),
        heard,
        code: code.and_then(|(_, code)| code.as_ref().map(Name::to_string)),
        text,
    }
}

fn settlement_text(settled: &Settled, heard: String, item: Option<Item>) -> SettlementText {
    let said = match item {
        Some(Item::Settlement(settlement)) => Some(settlement.content),
        Some(Item::Receipt(_)) | None => None,
    };
    let (parts, answer) = match &settled.content {
        SettledContent::Parts(rows) => {
            let parts = rows.iter().enumerate();
            let parts = parts.map(|(index, row)| part_text(row, part_words(said.as_ref(), index)));
            (parts.collect(), None)
        }
        SettledContent::Answer(answer, code) => {
            let answer = AnswerText {
                answer: answer.as_str(),
                code: code.as_ref().map(Name::to_string),
                text: answer_words(said),
            };
            (Vec::new(), Some(answer))
        }
    };
    SettlementText {
        id: settled.id.to_string(),
        endpoint: settled.endpoint.to_string(),
        issued: settled.issued.to_string(),
        heard,
        parts,
        answer,
    }
}

fn part_text(row: &(Part, PartOutcome, i64, Option<Name>), text: Option<String>) -> PartText {
    let (part, outcome, amount_cents, code) = row;
    PartText {
        part: part.as_str(),
        outcome: outcome.as_str(),
        amount_cents: *amount_cents,
        code: code.as_ref().map(Name::to_string),
        text,
    }
}

fn part_words(said: Option<&SettlementContent>, index: usize) -> Option<String> {
    match said {
        Some(SettlementContent::Parts(parts)) => parts.get(index)?.text.clone(),
        Some(SettlementContent::Answer { .. }) | None => None,
    }
}

fn answer_words(said: Option<SettlementContent>) -> Option<String> {
    match said {
        Some(SettlementContent::Answer { text, .. }) => text,
        Some(SettlementContent::Parts(_)) | None => None,
    }
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}
