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
    match (answer.status, outcome(answer.body, lot)) {
        (200..=299, Some(Outcome::Taken)) => Reply::Taken,
        (409, Some(Outcome::DigestConflict)) => Reply::OtherBytes,
        (422, Some(Outcome::Refused(refusal))) => Reply::Refused(refusal),
        (status, _) => Reply::Trouble(trouble(status), wait(answer)),
    }
}

/// Reads the answer to `GET {endpoint}/lots/{id}` about a lot that was sent with this digest.
pub fn read_status(answer: Answer<'_>, lot: LotId, digest: Digest) -> StatusReply {
    match (answer.status, status(answer.body, lot)) {
        (200, Some(Status::Known(known))) if known == digest => StatusReply::Known,
        (200, Some(Status::Known(_))) => StatusReply::OtherBytes,
        (200, Some(Status::Unknown)) => StatusReply::Unknown,
        (200, Some(Status::Refused(refusal))) => StatusReply::Refused(refusal),
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

/// What the answer to a lot says, if it is in the words of the contract and about this lot.
enum Outcome {
    Taken,
    Refused(Refusal),
    DigestConflict,
}

/// What the answer to a question says, if it is in the words of the contract and about this lot.
enum Status {
    Known(Digest),
    Unknown,
    Refused(Refusal),
}

/// The fields that decide about a lot. Fields that are not known are left alone, so that an insurer can add its own,
/// and so are those that another answer has: what they hold in this one is the insurer's affair.
#[derive(Deserialize)]
struct OutcomeText {
    lot: String,
    outcome: String,
}

#[derive(Deserialize)]
struct StatusText {
    lot: String,
    status: String,
}

#[derive(Deserialize)]
struct KnownText {
    sha256: String,
}

/// The fields of a refusal, each of which may be left out or null.
#[derive(Deserialize)]
struct RefusalText {
    code: Option<String>,
    text: Option<String>,
    documents: Option<Vec<NamedText>>,
}

#[derive(Deserialize)]
struct NamedText {
    id: String,
    code: Option<String>,
    text: Option<String>,
}

fn outcome(body: &[u8], lot: LotId) -> Option<Outcome> {
    let text: OutcomeText = read(body)?;
    match text.outcome.as_str() {
        _ if LotId::parse(&text.lot) != Ok(lot) => None,
        "taken" => Some(Outcome::Taken),
        "refused" => refusal(body).map(Outcome::Refused),
        "digest-conflict" => Some(Outcome::DigestConflict),
        _ => None,
    }
}

fn status(body: &[u8], lot: LotId) -> Option<Status> {
    let text: StatusText = read(body)?;
    match text.status.as_str() {
        _ if LotId::parse(&text.lot) != Ok(lot) => None,
        "known" => {
            let known: KnownText = read(body)?;
            Digest::parse(&known.sha256).ok().map(Status::Known)
        }
        "unknown" => Some(Status::Unknown),
        "refused" => refusal(body).map(Status::Refused),
        _ => None,
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

/// A refusal is final, so a field that cannot be read, or the id of a document, makes it none: all or nothing.
fn refusal(body: &[u8]) -> Option<Refusal> {
    let text: RefusalText = read(body)?;
    let documents = text.documents.unwrap_or_default();
    let named = documents.into_iter().map(named).collect::<Option<_>>()?;
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
