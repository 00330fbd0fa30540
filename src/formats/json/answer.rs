//! What insurers answer, in the words of the wire contract: status, headers and body to a class.
//!
//! Reading is strict where it would move a document and lenient where it would not: only the exact
//! words, for the very lot that was sent, take or refuse it. Whatever else comes is trouble.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use serde::Deserialize;

use crate::claims::id::{Digest, DocumentId, LotId, Name};
use crate::claims::outcome::{Named, Refusal, Reply, StatusReply, Trouble};

/// An answer as it came.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// The status.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<&'a str>,
    /// The header `Date`, against which a `Retry-After` that is a date is read: no clock is needed.
    pub date: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// Reads the answer to `PUT {endpoint}/lots/{id}`.
pub fn read_reply(answer: Answer<'_>, lot: LotId) -> Reply {
    match (answer.status, words(answer.body, lot)) {
        (200..=299, Some(Words::Taken)) => Reply::Taken,
        (409, Some(Words::DigestConflict)) => Reply::OtherBytes,
        (422, Some(Words::Refused(refusal))) => Reply::Refused(refusal),
        (status, _) => Reply::Trouble(trouble(status), wait(answer)),
    }
}

/// Reads the answer to `GET {endpoint}/lots/{id}` about a lot that was sent with this digest.
pub fn read_status(answer: Answer<'_>, lot: LotId, digest: Digest) -> StatusReply {
    match (answer.status, words(answer.body, lot)) {
        (200, Some(Words::Known(known))) if known == digest => StatusReply::Known,
        (200, Some(Words::Known(_))) => StatusReply::OtherBytes,
        (200, Some(Words::Unknown)) => StatusReply::Unknown,
        (200, Some(Words::RefusedStatus(refusal))) => StatusReply::Refused(refusal),
        (status, _) => StatusReply::Trouble(trouble(status), wait(answer)),
    }
}

/// What an answer without the words of the contract shows.
pub fn trouble(status: u16) -> Trouble {
    match status {
        401 | 403 | 407 => Trouble::Identity,
        300..=399 | 404 | 405 | 410 => Trouble::Address,
        408 | 425 | 429 => Trouble::Busy,
        500..=599 => Trouble::Failing,
        _ => Trouble::Unintelligible,
    }
}

/// How long an answer asks to wait: seconds, or a date after its own (RFC 9110 §10.2.3).
pub fn wait(answer: Answer<'_>) -> Option<Duration> {
    let asked = answer.retry_after?.trim();
    if let Ok(seconds) = asked.parse::<u32>() {
        return Some(Duration::from_secs(u64::from(seconds)));
    }
    let until = DateTime::parse_from_rfc2822(asked).ok()?;
    let now = DateTime::parse_from_rfc2822(answer.date?.trim()).ok()?;
    Some((until - now).to_std().unwrap_or_default())
}

/// Writes a digest as a member of `Repr-Digest` (RFC 9530).
pub fn write_digest(digest: Digest) -> String {
    format!("sha-256=:{}:", STANDARD.encode(digest.0))
}

/// What the body of an answer says, if it is in the words of the contract and about this lot.
enum Words {
    Taken,
    Refused(Refusal),
    DigestConflict,
    Known(Digest),
    Unknown,
    RefusedStatus(Refusal),
}

/// The JSON of an answer. Fields that are not known are left alone, so that an insurer can add its own.
#[derive(Deserialize)]
struct Text {
    lot: String,
    outcome: Option<String>,
    status: Option<String>,
    sha256: Option<String>,
    code: Option<String>,
    text: Option<String>,
    #[serde(default)]
    documents: Vec<NamedText>,
}

#[derive(Deserialize)]
struct NamedText {
    id: String,
    code: Option<String>,
    text: Option<String>,
}

fn words(body: &[u8], lot: LotId) -> Option<Words> {
    let text: Text = serde_json::from_slice(body).ok()?;
    if LotId::parse(&text.lot) != Ok(lot) {
        return None;
    }
    match (text.outcome.as_deref(), text.status.as_deref()) {
        (Some("taken"), None) => Some(Words::Taken),
        (Some("refused"), None) => refusal(text).map(Words::Refused),
        (Some("digest-conflict"), None) => Some(Words::DigestConflict),
        (None, Some("known")) => Digest::parse(&text.sha256?).ok().map(Words::Known),
        (None, Some("unknown")) => Some(Words::Unknown),
        (None, Some("refused")) => refusal(text).map(Words::RefusedStatus),
        _ => None,
    }
}

/// A refusal is final, so a document id that cannot be read makes it none: all or nothing.
fn refusal(text: Text) -> Option<Refusal> {
    let named = text
        .documents
        .into_iter()
        .map(named)
        .collect::<Option<_>>()?;
    Some(Refusal {
        code: code(text.code),
        text: text.text,
        named,
    })
}

fn named(text: NamedText) -> Option<Named> {
    Some(Named {
        document: DocumentId::parse(&text.id).ok()?,
        code: code(text.code),
        text: text.text,
    })
}

/// A code outside the form of the contract is dropped; the refusal stands without it.
fn code(text: Option<String>) -> Option<Name> {
    Name::parse(&text?).ok()
}

#[cfg(test)]
mod tests;
