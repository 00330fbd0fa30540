//! Everything that happens and is worth a line: a closed list.
//!
//! A variant holds ids, closed words, counts and times. It never holds a text that came from outside: not an
//! insurer's id of its receipt, not a header, not a name of a file. ERROR means that a person must act.

use std::time::Duration;

use tracing::{debug, error, info, warn};

use crate::claims::commitment::Chain;
use crate::claims::document::Kind;
use crate::claims::entry::{OrphanCause, Position, Reason};
use crate::claims::id::{DocumentId, EndpointName, Finess, LotId, Name};
use crate::claims::outcome::Trouble;
use crate::claims::receipt::{self, SettlementContent, Verdict};
use crate::telemetry::lane;
use crate::telemetry::reading::words;
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
        room: Room,
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
        state: Breaker,
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
        between: Counts,
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

words! {
    /// Which two counts of the ledger differ.
    Counts {
        /// The tallies of units, and the entries counted again.
        Tallies = "tallies and entries",
        /// The tallies of declared paper, and the entries counted again.
        Paper = "declared paper and entries",
        /// The standings of all documents, and the entries counted again.
        Standings = "standings and entries",
    }
}

words! {
    /// How much room the store's disk has.
    Room {
        /// Enough.
        Ample = "ample",
        /// No document is admitted; what is sent and heard is recorded.
        Low = "low",
        /// Nothing is written.
        Full = "full",
    }
}

words! {
    /// Why somebody was refused.
    Denial {
        /// Neither token nor certificate, or one that is not known.
        Unknown = "unknown",
        /// Known, and outside its dates.
        Expired = "expired",
        /// Known, and revoked.
        Revoked = "revoked",
        /// Known, and what was asked is not theirs.
        Scope = "scope",
        /// Known, and asking too often.
        TooOften = "too often",
    }
}

words! {
    /// What became of a posted document.
    Intake {
        /// Admitted.
        Admitted = "admitted",
        /// Known already.
        Known = "known",
        /// Turned away with findings.
        TurnedAway = "turned away",
        /// In conflict with what is known.
        Conflict = "conflict",
    }
}

words! {
    /// How an attempt ended.
    Attempt {
        /// The insurer took the lot.
        Taken = "taken",
        /// Nothing left us.
        NotReached = "not reached",
        /// The destination's own trouble.
        Deferred = "deferred",
        /// The insurer refused the content.
        Refused = "refused",
        /// Sent, and no answer.
        NoAnswer = "no answer",
    }
}

words! {
    /// What came of asking about a lot.
    Question {
        /// The insurer has it.
        Known = "known",
        /// The insurer refused it.
        Refused = "refused",
        /// The insurer never saw it.
        Unknown = "unknown",
        /// No answer.
        Unreachable = "unreachable",
        /// There is no status service.
        NoService = "no service",
    }
}

words! {
    /// Where a breaker stands.
    Breaker {
        /// Lots go.
        Closed = "closed",
        /// One lot goes as a trial.
        HalfOpen = "half open",
        /// Lots are held.
        Open = "open",
    }
}

words! {
    /// What an insurer gave out.
    Item {
        /// ARL +.
        Accepted = "accepted",
        /// ARL −.
        Refused = "refused",
        /// RSP of payment.
        Settled = "settled",
        /// RSP that answers a prise en charge.
        Answered = "answered",
        /// Known already.
        Repeated = "repeated",
        /// Matches nothing.
        Orphan = "orphan",
        /// From the wrong one.
        Foreign = "foreign",
    }
}

words! {
    /// What came of telling a webhook's target.
    Telling {
        /// It has it.
        Taken = "taken",
        /// It answered something else than 2xx.
        Refused = "refused",
        /// No whole answer.
        Unreachable = "unreachable",
        /// Its name leads to an address that may not be told anything.
        Denied = "denied",
        /// How far it was told could not be read or recorded.
        Unrecorded = "unrecorded",
        /// A defect of the gateway ended its loop, which begins again.
        BrokeOff = "broke off",
    }
}

words! {
    /// What came of asking for receipts.
    Poll {
        /// An answer, with items or without.
        Answered = "answered",
        /// No answer.
        NoAnswer = "no answer",
        /// The insurer refuses our identity.
        Identity = "identity",
        /// The insurer does not know the address.
        Address = "address",
        /// The insurer asks to wait.
        Busy = "busy",
        /// The insurer fails.
        Failing = "failing",
        /// An answer that is not in the words of the contract, or longer than it may be.
        Unintelligible = "unintelligible",
        /// A feed that cannot be read.
        Unreadable = "unreadable",
        /// The store has no time for what came; the same is asked again.
        StoreBusy = "store busy",
        /// The store cannot record what came; the same is asked again.
        Unrecorded = "unrecorded",
        /// A defect of the gateway broke the question off; the same is asked again.
        BrokeOff = "broke off",
    }
}

impl<'a> Event<'a> {
    /// What became of one receipt or settlement of an endpoint; `Foreign` has a word of its own.
    pub fn heard(
        endpoint: &'a EndpointName,
        cause: Option<OrphanCause>,
        item: Option<&receipt::Item>,
    ) -> Event<'a> {
        let kind = match item {
            Some(receipt::Item::Receipt(receipt)) => match receipt.verdict {
                Verdict::Accepted => Item::Accepted,
                Verdict::Refused => Item::Refused,
            },
            Some(receipt::Item::Settlement(settlement)) => match settlement.content {
                SettlementContent::Parts(_) => Item::Settled,
                SettlementContent::Answer { .. } => Item::Answered,
            },
            None => Item::Orphan,
        };
        match cause {
            None => Event::Heard { endpoint, kind },
            Some(OrphanCause::OtherDestination) => Event::Foreign { endpoint },
            Some(cause) => Event::Orphaned { endpoint, cause },
        }
    }
}

impl From<Trouble> for Poll {
    fn from(trouble: Trouble) -> Poll {
        match trouble {
            Trouble::Identity => Poll::Identity,
            Trouble::Address => Poll::Address,
            Trouble::Busy => Poll::Busy,
            Trouble::Failing => Poll::Failing,
            Trouble::Unintelligible => Poll::Unintelligible,
        }
    }
}

impl Event<'_> {
    /// Writes the one line.
    pub(super) fn log(&self) {
        match *self {
            Event::Started { version } => info!(version, "the gateway serves"),
            Event::Draining => info!("the gateway finishes what runs"),
            Event::Stopped => info!("the gateway has finished"),
            Event::Denied { reason } => info!(reason = reason.as_str(), "caller refused"),
            Event::HandshakeFailed => debug!("handshake failed"),
            Event::Admitted {
                document,
                centre,
                kind,
                bytes,
                warnings,
            } => {
                debug!(%document, %centre, kind = kind.as_str(), bytes, ?warnings, "document admitted");
            }
            Event::KnownAgain { document, kind } => {
                debug!(%document, kind = kind.as_str(), "document known already");
            }
            Event::TurnedAway {
                kind,
                caller,
                codes,
            } => {
                info!(kind = kind_word(kind), %caller, ?codes, "document turned away");
            }
            Event::Conflicted { kind, caller } => {
                info!(kind = kind.as_str(), %caller, "document in conflict");
            }
            Event::Answered { status, took } => debug!(status, ?took, "request answered"),
            Event::Shed => debug!("request shed"),
            Event::Committed {
                entries,
                bytes,
                sync,
            } => {
                debug!(entries, bytes, ?sync, "batch committed");
            }
            Event::SyncFailed => {
                error!("sync failed: nothing is acknowledged until the store is verified")
            }
            Event::Reopened => warn!("the journal was opened anew and verified: it goes on"),
            Event::RoomChanged { room } => match room {
                Room::Ample => info!("the disk has room again"),
                Room::Low => error!("the disk is filling up: no document is admitted"),
                Room::Full => error!("the disk is full: nothing is written"),
            },
            Event::Replayed { entries } => info!(entries, "entries replayed"),
            Event::Damaged {
                segment,
                offset,
                what,
                entries,
            } => error!(segment, offset, what, entries, "the journal is damaged"),
            Event::IndexFailed => {
                warn!("the index failed: it is set aside and built anew from the journal")
            }
            Event::Sorted { files, bytes } => debug!(files, bytes, "sorted files counted"),
            Event::SortedFailed => {
                warn!("a sorted file could not be written: finished documents stay in the index")
            }
            Event::TailCut { bytes } => warn!(bytes, "torn tail cut from the journal"),
            Event::Unencrypted => warn!(
                "bodies are not encrypted on the disk: whoever has the disk can read them; \
                 make a key with `bordereau keys generate` and name it in `store.encryption.master_key`"
            ),
            Event::MasterKeyOld { days } => warn!(
                days,
                "the master key is older than it should be: change it with `bordereau keys rotate`"
            ),
            Event::MasterKeyChanged { master } => {
                info!(master, "all keys are wrapped by another master key")
            }
            Event::BackedUp {
                position,
                files,
                bytes,
            } => info!(
                position = position.0,
                files, bytes, "the store is backed up"
            ),
            Event::BackupFailed { why } => {
                error!(why, "a backup was not made: the earlier one stays")
            }
            Event::Anchored { position, chain } => {
                info!(position = position.0, %chain, "the ledger's anchor of the day")
            }
            Event::AnchorFailed => warn!(
                "the ledger's anchor of the day could not be written: the next look comes in a minute"
            ),
            Event::Sealed {
                lot,
                endpoint,
                documents,
                bytes,
            } => {
                info!(%lot, %endpoint, documents, bytes, "lot sealed");
            }
            Event::Attempted {
                lot,
                endpoint,
                attempt,
                outcome,
                waits_for,
                took,
            } => {
                let outcome = outcome.as_str();
                info!(%lot, %endpoint, attempt, outcome, ?waits_for, ?took, "lot attempted");
            }
            Event::Asked {
                lot,
                endpoint,
                outcome,
            } => {
                info!(%lot, %endpoint, outcome = outcome.as_str(), "insurer asked about a lot");
            }
            Event::BreakerMoved { endpoint, state } => match state {
                Breaker::Closed => info!(%endpoint, "lots go again"),
                Breaker::HalfOpen => debug!(%endpoint, "one exchange goes as a probe"),
                Breaker::Open => warn!(%endpoint, "lots are held: the endpoint does not serve"),
            },
            Event::LotUnreadable { lot, why } => {
                error!(%lot, why, "lot unreadable or not what was sealed");
            }
            Event::Lane(said) => said.log(),
            Event::Retention(said) => said.log(),
            Event::Heard { endpoint, kind } => {
                debug!(%endpoint, kind = kind.as_str(), "receipt recorded");
            }
            Event::HeardAgain { endpoint } => debug!(%endpoint, "receipt known already"),
            Event::Orphaned { endpoint, cause } => log_orphan(endpoint, cause),
            Event::Foreign { endpoint } => error!(%endpoint, "receipt from the wrong insurer"),
            Event::Polled {
                endpoint,
                outcome,
                items,
            } => log_poll(endpoint, outcome, items),
            Event::FeedUnreadable {
                endpoint,
                code,
                line,
            } => error!(
                %endpoint, code, line,
                "the feed of receipts cannot be read and nothing behind it is collected: its bytes are kept as an \
                 orphan; have the insurer mend it"
            ),
            Event::Told { outcome, changes } => log_told(outcome, changes),
            Event::Renewal(said) => said.log(),
            Event::Imbalanced {
                documents,
                position,
                between,
                cells,
            } => error!(
                documents,
                position = position.0,
                between = between.as_str(),
                ?cells,
                "the counts of the ledger differ"
            ),
            Event::Unpublished { why } => error!(why, "a statement could not be published"),
            Event::Uncounted { why } => error!(why, "the ledger could not be counted"),
        }
    }
}

fn log_told(outcome: Telling, changes: usize) {
    let said = outcome.as_str();
    match outcome {
        Telling::Taken => debug!(changes, "a webhook's target was told"),
        Telling::Refused | Telling::Unreachable => {
            info!(said, changes, "a webhook's target is told again later");
        }
        Telling::Denied | Telling::Unrecorded | Telling::BrokeOff => {
            error!(said, changes, "a webhook's target cannot be told");
        }
    }
}

fn log_orphan(endpoint: &EndpointName, cause: OrphanCause) {
    let word = cause.as_str();
    match cause {
        OrphanCause::UnknownLot
        | OrphanCause::OtherDigest
        | OrphanCause::UnknownDocument
        | OrphanCause::OtherDestination
        | OrphanCause::Unreadable => {
            warn!(%endpoint, cause = word, "receipt matches nothing: kept as an orphan");
        }
        OrphanCause::OtherContent => error!(
            %endpoint, cause = word,
            "a receipt came again under its id with other content: the first stands; ask the insurer which is true"
        ),
        OrphanCause::Signature => error!(
            %endpoint, cause = word,
            "a receipt without a valid signature moves nothing: check the endpoint's key with the insurer"
        ),
        OrphanCause::TooMany => error!(
            %endpoint, cause = word,
            "a document is spoken of without end: the receipt moves nothing; ask the insurer"
        ),
        // Its own event says what to do.
        OrphanCause::UnreadableFeed => {
            debug!(%endpoint, cause = word, "the bytes of a feed are kept as an orphan");
        }
    }
}

fn log_poll(endpoint: &EndpointName, outcome: Poll, items: usize) {
    let word = outcome.as_str();
    match outcome {
        Poll::Answered => debug!(%endpoint, items, "receipts polled"),
        Poll::NoAnswer | Poll::Busy | Poll::Failing | Poll::StoreBusy => {
            info!(%endpoint, outcome = word, "receipts could not be polled");
        }
        Poll::Identity | Poll::Address | Poll::Unintelligible => error!(
            %endpoint, outcome = word,
            "receipts cannot be polled until this is settled with the insurer"
        ),
        Poll::Unreadable => debug!(%endpoint, "a feed of receipts is unreadable"),
        Poll::Unrecorded => error!(
            %endpoint, outcome = word,
            "receipts cannot be recorded: look at the store; they are asked for again"
        ),
        Poll::BrokeOff => error!(
            %endpoint, outcome = word,
            "a defect of the gateway broke off the collecting of receipts: report it; they are asked for again"
        ),
    }
}

/// The word for a kind that may not have been readable.
pub(super) fn kind_word(kind: Option<Kind>) -> &'static str {
    kind.map_or("unknown", Kind::as_str)
}
