//! How long bytes are kept: which body belongs to what, what is past its time, and when a segment of the journal is
//! due to be cleared of it.
//!
//! Pure policy: it reads no body and removes none. Bodies (documents, receipts, free texts) have a floor, a default
//! and a ceiling; what proves without names (entries, closings, figures, reconciliations) is kept.
//!
//! | body | class | its time begins with |
//! |---|---|---|
//! | a document as posted | document | the last legal event of the document |
//! | a receipt | receipt | the last legal event of any document that it speaks for, or its own entry |
//! | a settlement | settlement | the same of its one document |
//! | an insurer's words in a refusal | words | the same of the lot's documents |
//! | what an insurer said that matches nothing | orphan | its own entry |
//! | evidence of a transmission by hand | evidence | as a settlement |
//! | an operator's reason about a document, a lot | reason | as a settlement, as words |
//! | an operator's reason about an endpoint | reason | its own entry |
//! | the reason of a closing, import or legal hold; statements; figures, reconciliations, comments on them | proof | never |
//!
//! A legal event is what moves the standing of a document: admission, receipt, refusal, settlement, replacement,
//! cancellation, a paper duplicate, a transmission by hand, a term that passed. An insurer that repeats itself moves
//! nothing and prolongs nothing. A document is unfinished while its standing is, and while its lot may still have to
//! be sent or asked about: its bytes may be needed again, so they are kept.

use crate::claims::canon::{Canon, Malformed, Take, canon_enum, canon_struct};
use crate::claims::entry::Position;
use crate::claims::id::{DocumentId, Finess, LotId, Name};
use crate::claims::time::{Day, Timestamp};

/// Days that a body is kept at least after the last legal event (R161-48: the double and its receipts, 90 days).
pub const FLOOR_DAYS: u32 = 90;
/// Days after which no body is there any more: thirteen months are never shorter.
pub const CEILING_DAYS: u32 = 393;

/// How long bodies are kept, and when segments are cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Days after the last legal event; from [`FLOOR_DAYS`] on.
    pub body_days: u32,
    /// A segment is due when a body in it is past its time for so many days; with `body_days` and `segment_days` below
    /// [`CEILING_DAYS`].
    pub wait_days: u32,
    /// Or when so many percent of the bytes of its bodies are past their time.
    pub past_percent: u32,
    /// The segment that is written to is ended so many days after its first entry: none is cleared before it has ended.
    pub segment_days: u32,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            body_days: 120,
            wait_days: 30,
            past_percent: 50,
            segment_days: 30,
        }
    }
}

/// What kind of body it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A document as posted.
    Document,
    /// A receipt as received.
    Receipt,
    /// A settlement as received.
    Settlement,
    /// An insurer's words in a refusal.
    Words,
    /// A receipt or settlement that matches nothing.
    Orphan,
    /// Evidence of a transmission by hand.
    Evidence,
    /// An operator's reason.
    Reason,
    /// What proves a count and holds no name.
    Proof,
}

impl Class {
    /// Every class.
    pub const ALL: [Class; 8] = [
        Class::Document,
        Class::Receipt,
        Class::Settlement,
        Class::Words,
        Class::Orphan,
        Class::Evidence,
        Class::Reason,
        Class::Proof,
    ];

    /// The word used in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Document => "document",
            Class::Receipt => "receipt",
            Class::Settlement => "settlement",
            Class::Words => "words",
            Class::Orphan => "orphan",
            Class::Evidence => "evidence",
            Class::Reason => "reason",
            Class::Proof => "proof",
        }
    }
}

/// Whose time a body shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// These documents'.
    Documents(Vec<DocumentId>),
    /// All documents of a lot.
    Lot(LotId),
    /// Nobody's: its entry alone counts.
    Itself,
}

/// What is known of a document whose time a body shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owned {
    /// Its last legal event.
    pub last_event: Timestamp,
    /// Whether nothing more comes, of its standing and of its lot.
    pub course: Course,
    /// Whether a legal hold stands on it.
    pub hold: Hold,
}

/// Whether anything of a document is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// Its bytes may be needed again.
    Unfinished,
    /// They are not.
    Finished,
}

/// Whether a legal hold stands on a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// None.
    Free,
    /// At least one.
    Held,
}

/// Why a body is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// A legal hold stands on what it belongs to.
    Held,
    /// What it belongs to is not finished.
    Unfinished,
    /// It is a proof.
    Proof,
    /// Its time has not passed.
    Young,
}

impl Why {
    /// Every reason.
    pub const ALL: [Why; 4] = [Why::Held, Why::Unfinished, Why::Proof, Why::Young];

    /// The word used in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::Held => "held",
            Why::Unfinished => "unfinished",
            Why::Proof => "proof",
            Why::Young => "young",
        }
    }
}

/// What is to become of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is kept, whatever time it is.
    Kept(Why),
    /// It is past its time from this instant on.
    Until(Timestamp),
}

impl Fate {
    /// Why it is kept at an instant; none if it is past its time.
    pub fn kept_at(self, at: Timestamp) -> Option<Why> {
        match self {
            Fate::Kept(why) => Some(why),
            Fate::Until(until) if until > at => Some(Why::Young),
            Fate::Until(_) => None,
        }
    }
}

/// What is to become of a body of a class whose entry was decided at an instant and that belongs to these documents.
pub fn fate(rules: &Rules, class: Class, decided: Timestamp, owned: &[Owned]) -> Fate {
    let any = |found: fn(&Owned) -> bool| owned.iter().any(found);
    if class == Class::Proof {
        return Fate::Kept(Why::Proof);
    }
    if any(|owned| owned.hold == Hold::Held) {
        return Fate::Kept(Why::Held);
    }
    if any(|owned| owned.course == Course::Unfinished) {
        return Fate::Kept(Why::Unfinished);
    }
    let events = owned.iter().map(|owned| owned.last_event);
    let last = events.fold(decided, Timestamp::max);
    Fate::Until(plus_days(last, rules.body_days))
}

/// When a segment is due: as soon as `past_percent` of the bytes of its bodies are past their time, or one of them is
/// so for `wait_days`. So a body is gone `body_days` and `wait_days` after its last legal event at the latest, and at most
/// `segment_days` later where it lies in the segment that is written to; a body that is kept is copied for at most as
/// many bytes as go with it, or once in `wait_days`. None if nothing in it ever is past its time as things stand.
pub fn due(rules: &Rules, bodies: &[(Fate, u64)]) -> Option<Timestamp> {
    let whole: u64 = bodies.iter().map(|(_, bytes)| bytes).sum();
    let mut ends: Vec<(Timestamp, u64)> = bodies
        .iter()
        .filter_map(|(fate, bytes)| match fate {
            Fate::Until(until) => Some((*until, *bytes)),
            Fate::Kept(_) => None,
        })
        .collect();
    ends.sort_unstable();
    let waited = plus_days(ends.first()?.0, rules.wait_days);
    let mut past = 0u64;
    let enough = ends.iter().find(|(_, bytes)| {
        past += bytes;
        past.saturating_mul(100) >= whole.saturating_mul(u64::from(rules.past_percent))
    });
    Some(enough.map_or(waited, |(until, _)| waited.min(*until)))
}

/// So many days later.
pub fn plus_days(at: Timestamp, days: u32) -> Timestamp {
    const DAY_MICROS: i64 = 86_400_000_000;
    let micros = at.micros().saturating_add(i64::from(days) * DAY_MICROS);
    Timestamp::from_micros(micros).min(Timestamp::MAX)
}

/// What a legal hold stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnHold {
    /// One document.
    Document(DocumentId),
    /// What a centre did on these days, both included: by the day of care.
    Centre {
        /// The centre.
        centre: Finess,
        /// First day.
        from: Day,
        /// Last day.
        to: Day,
    },
}

impl OnHold {
    /// Whether it stands on a document of a centre and day of care.
    pub fn covers(&self, document: DocumentId, of: Finess, care_day: Day) -> bool {
        match self {
            OnHold::Document(held) => *held == document,
            OnHold::Centre { centre, from, to } => {
                *centre == of && (*from..=*to).contains(&care_day)
            }
        }
    }
}

/// A legal hold was placed; the position of its entry is its number. Why, the entry after it explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegalHold {
    /// What it stands on.
    pub on: OnHold,
    /// On this day somebody looks whether it is still needed.
    pub review: Day,
    /// Who placed it.
    pub actor: Name,
}

/// A segment was cleared of the bodies that are past their time: they are gone. The others were copied before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evacuated {
    /// Ordinal of the segment.
    pub segment: u64,
    /// Bodies that are gone.
    pub gone: u64,
    /// Their bytes.
    pub gone_bytes: u64,
    /// Bodies that were copied.
    pub kept: u64,
    /// Their bytes.
    pub kept_bytes: u64,
    /// What was gone was decided in the state of this entry.
    pub seen: Position,
}

canon_struct! {
    LegalHold { on, review, actor }
    Evacuated { segment, gone, gone_bytes, kept, kept_bytes, seen }
}

canon_enum! {
    OnHold { 1 => Document(document), 2 => Centre { centre, from, to } }
}

#[cfg(test)]
mod tests;
