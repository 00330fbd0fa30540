//! The closed list of events: what can be said at all.
//!
//! A variant holds ids, closed words, counts and times. It never holds a text that came from outside: not an
//! insurer's id of its receipt, not a header, not a name of a file.

use std::time::Duration;

use crate::claims::commitment::Chain;
use crate::claims::document::Kind;
use crate::claims::entry::{OrphanCause, Position, Reason};
use crate::claims::id::{DocumentId, EndpointName, Finess, LotId, Name};
use crate::claims::lane::breaker;
use crate::claims::receipt::{self, HeardOutcome, SettlementContent, Verdict};
use crate::telemetry::event::{Attempt, Compared, Denial, Item, Poll, Question, Space, Telling};
use crate::telemetry::lane;
use crate::telemetry::renewal;
use crate::telemetry::retention;

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The gateway serves.
    Started {
        /// The version of the program.
        version: &'static str,
    },
    /// The gateway takes no more requests and finishes what runs.
    Draining,
    /// The gateway has finished.
    Stopped,

    /// Somebody was refused for who they are.
    Denied {
        /// Why.
        reason: Denial,
    },
    /// The TLS handshake of a caller failed.
    HandshakeFailed,

    /// A document was admitted: it is durable.
    Admitted {
        /// Our id.
        document: DocumentId,
        /// Its centre.
        centre: Finess,
        /// Its kind.
        kind: Kind,
        /// Its length as posted.
        bytes: usize,
        /// Codes of its warnings.
        warnings: &'a [&'static str],
    },
    /// A document was posted again; the first answer was given again.
    KnownAgain {
        /// Our id.
        document: DocumentId,
        /// Its kind.
        kind: Kind,
    },
    /// A post was not admitted because of what it says.
    TurnedAway {
        /// Its kind, when it could be read.
        kind: Option<Kind>,
        /// Who posted.
        caller: &'a Name,
        /// Codes of all findings.
        codes: &'a [&'static str],
    },
    /// A post was not admitted because of what is known already (409).
    Conflicted {
        /// Its kind.
        kind: Kind,
        /// Who posted.
        caller: &'a Name,
    },
    /// A request was answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// Time from the request's head to the answer.
        took: Duration,
    },
    /// A request was answered 503, because the store asked for patience.
    Shed,

    /// A batch is on stable storage.
    Committed {
        /// Entries in it.
        entries: usize,
        /// Bytes of entries and bodies.
        bytes: usize,
        /// Time to write and sync.
        sync: Duration,
    },
    /// A write or a sync failed: nothing is acknowledged until the journal was opened anew and verified.
    SyncFailed,
    /// The journal was opened anew and verified: it goes on.
    Reopened,
    /// The store's disk has more or less room than before.
    RoomChanged {
        /// How much now.
        room: Space,
    },
    /// Entries were applied to the index at start.
    Replayed {
        /// Entries.
        entries: u64,
    },
    /// A place of the journal is damaged. It stays as it is, for a person to put back a copy of the file.
    Damaged {
        /// Ordinal of the segment; 0: a file that is none.
        segment: u64,
        /// The name of that file.
        file: Option<&'a str>,
        /// Offset in it, in bytes.
        offset: u64,
        /// What was found: one of the room's own words.
        what: &'static str,
        /// Entries that cannot be read.
        entries: u64,
    },
    /// The index failed, at the start or while the store ran, and is built anew from the journal.
    IndexFailed,
    /// Bodies are not encrypted on the disk: no master key is given, or it is switched off.
    Unencrypted,
    /// The master key is in use for longer than it should be.
    MasterKeyOld {
        /// For so many days.
        days: u64,
    },
    /// The keys of all bodies are wrapped by another master key.
    MasterKeyChanged {
        /// Id of the new one: a digest that says nothing of it.
        master: &'a str,
    },
    /// What finished documents left behind is in so many sorted files.
    Sorted {
        /// Files.
        files: usize,
        /// Bytes.
        bytes: u64,
    },
    /// A sorted file could not be written.
    SortedFailed,
    /// A torn tail, never acknowledged, was cut from the journal.
    TailCut {
        /// Bytes.
        bytes: u64,
    },

    /// The store was copied to a backup.
    BackedUp {
        /// The last entry that is in it.
        position: Position,
        /// Files that were written.
        files: u64,
        /// Bytes that were read for them.
        bytes: u64,
    },
    /// A backup was not made; the earlier one stays.
    BackupFailed {
        /// Why: one of the room's own sentences.
        why: &'a str,
    },
    /// The running hash of the ledger was written down, as every day.
    Anchored {
        /// The entry after which it is.
        position: Position,
        /// The hash.
        chain: Chain,
    },
    /// The anchor of the day could not be looked for or written; the next look comes soon.
    AnchorFailed,

    /// Documents were sealed into a lot.
    Sealed {
        /// The lot.
        lot: LotId,
        /// Where it goes.
        endpoint: &'a EndpointName,
        /// Documents in it.
        documents: usize,
        /// Length of its body.
        bytes: u64,
    },
    /// An attempt to transmit a lot ended.
    Attempted {
        /// The lot.
        lot: LotId,
        /// Where it went.
        endpoint: &'a EndpointName,
        /// Number of the attempt, from 1.
        attempt: u32,
        /// How it ended.
        outcome: Attempt,
        /// What the lot waits for now; none if it is finished.
        waits_for: Option<Reason>,
        /// How long it took.
        took: Duration,
    },
    /// An insurer was asked about a lot.
    Asked {
        /// The lot.
        lot: LotId,
        /// Who was asked.
        endpoint: &'a EndpointName,
        /// What came of it.
        outcome: Question,
    },
    /// A breaker moved.
    BreakerMoved {
        /// The endpoint.
        endpoint: &'a EndpointName,
        /// To where.
        state: breaker::State,
        /// What the endpoint failed by in its last exchange; none if it served.
        failed_by: Option<Reason>,
    },
    /// The bytes of a lot cannot be read, or do not match their digest.
    LotUnreadable {
        /// The lot.
        lot: LotId,
        /// Why: one of the gateway's own sentences.
        why: &'a str,
    },
    /// The transmitting loop says something beside the course of its lots.
    Lane(lane::Event<'a>),

    /// A receipt or settlement was recorded.
    Heard {
        /// From where.
        endpoint: &'a EndpointName,
        /// What it says.
        kind: Item,
    },
    /// A receipt or settlement known already was given out again.
    HeardAgain {
        /// From where.
        endpoint: &'a EndpointName,
    },
    /// A receipt or settlement that matches nothing was kept.
    Orphaned {
        /// From where.
        endpoint: &'a EndpointName,
        /// Why it matches nothing.
        cause: OrphanCause,
    },
    /// A receipt or settlement came from someone else than the lot's destination.
    Foreign {
        /// From where.
        endpoint: &'a EndpointName,
    },
    /// An insurer was asked for receipts.
    Polled {
        /// Who was asked.
        endpoint: &'a EndpointName,
        /// What came of it.
        outcome: Poll,
        /// Receipts and settlements given out.
        items: usize,
    },
    /// An insurer's feed cannot be read, so that nothing behind it is collected.
    FeedUnreadable {
        /// Whose feed.
        endpoint: &'a EndpointName,
        /// The first finding.
        code: &'static str,
        /// The line of the feed on which it is.
        line: u32,
    },

    /// The keeping of bodies says something.
    Retention(retention::Event<'a>),

    /// A webhook's target was told, or could not be.
    Told {
        /// Its name in the configuration.
        target: &'a Name,
        /// What came of it.
        outcome: Telling,
        /// Changes of documents in the request.
        changes: usize,
    },

    /// Certificates, keys or revocation lists are renewed.
    Renewal(renewal::Event<'a>),

    /// The independent counts of the ledger differ: no rate is changed until a person has looked.
    Imbalanced {
        /// By how many documents.
        documents: u64,
        /// Up to which entry.
        position: Position,
        /// Which two counts.
        between: Compared,
        /// The first cells that differ: centre, day and closed words, and both numbers.
        cells: &'a [String],
    },
    /// A statement could not be published; it is tried again.
    Unpublished {
        /// Why: one of the room's own sentences.
        why: &'a str,
    },
    /// The ledger could not be counted; the last rates stay.
    Uncounted {
        /// Why: one of the room's own sentences.
        why: &'a str,
    },
}

impl<'a> Event<'a> {
    /// What became of one receipt or settlement of an endpoint, none if it could not be read; `Foreign` has a word of
    /// its own.
    pub fn heard(
        endpoint: &'a EndpointName,
        outcome: HeardOutcome,
        item: Option<&receipt::Item>,
    ) -> Event<'a> {
        match outcome {
            HeardOutcome::Recorded => {
                let kind = item_word(item);
                Event::Heard { endpoint, kind }
            }
            HeardOutcome::Known | HeardOutcome::OrphanAgain(_) => Event::HeardAgain { endpoint },
            HeardOutcome::Orphan(OrphanCause::OtherDestination) => Event::Foreign { endpoint },
            HeardOutcome::Orphan(cause) => Event::Orphaned { endpoint, cause },
        }
    }
}

fn item_word(item: Option<&receipt::Item>) -> Item {
    match item {
        Some(receipt::Item::Receipt(receipt)) => match receipt.verdict {
            Verdict::Accepted => Item::Accepted,
            Verdict::Refused => Item::Refused,
        },
        Some(receipt::Item::Settlement(settlement)) => match settlement.content {
            SettlementContent::Parts(_) => Item::Settled,
            SettlementContent::Answer { .. } => Item::Answered,
        },
        None => Item::Orphan,
    }
}
