//! Everything that happens and is worth a line: a closed list, and the line of each. ERROR means that a person must act.
//!
//! The lines are written here and not beside: each shows the path of its module as its target, and filters stand on it.

mod list;
mod words;

use tracing::{debug, error, info, warn};

use crate::claims::document::Kind;
use crate::claims::entry::{OrphanCause, Reason};
use crate::claims::id::{EndpointName, Name};
use crate::claims::lane::breaker;

pub use list::Event;
pub use words::{Attempt, Compared, Denial, Intake, Item, Poll, Question, Space, Telling};

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
                let (kind, warnings) = (kind.as_str(), warnings.join(" "));
                debug!(%document, %centre, kind, bytes, warnings, "document admitted");
            }
            Event::KnownAgain { document, kind } => {
                debug!(%document, kind = kind.as_str(), "document known already");
            }
            Event::TurnedAway {
                kind,
                caller,
                codes,
            } => {
                let codes = codes.join(" ");
                info!(kind = kind_word(kind), %caller, codes, "document turned away");
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
                Space::Ample => info!("the disk has room again"),
                Space::Low => error!(
                    "the disk is filling up: no document is admitted until there is more than `store.low_bytes` free; make room on the disk of `store.directory`"
                ),
                Space::Full => error!("the disk is full: nothing is written"),
            },
            Event::Replayed { entries } => info!(entries, "entries replayed"),
            Event::Damaged {
                segment,
                file,
                offset,
                what,
                entries,
            } => error!(
                segment,
                file, offset, what, entries, "the journal is damaged"
            ),
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
                let waits_for = waits_for.map(Reason::as_str);
                info!(%lot, %endpoint, attempt, outcome, waits_for, ?took, "lot attempted");
            }
            Event::Asked {
                lot,
                endpoint,
                outcome,
            } => {
                info!(%lot, %endpoint, outcome = outcome.as_str(), "insurer asked about a lot");
            }
            Event::BreakerMoved {
                endpoint,
                state,
                failed_by,
            } => match state {
                breaker::State::Closed => info!(%endpoint, "lots go again"),
                breaker::State::HalfOpen => debug!(%endpoint, "one exchange goes as a probe"),
                breaker::State::Open => {
                    let failed_by = failed_by.map(Reason::as_str);
                    warn!(%endpoint, failed_by, "lots are held: the endpoint does not serve");
                }
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
            Event::Told {
                target,
                outcome,
                changes,
            } => log_told(target, outcome, changes),
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
                cells = cells.join(", "),
                "the counts of the ledger differ"
            ),
            Event::Unpublished { why } => error!(why, "a statement could not be published"),
            Event::Uncounted { why } => error!(why, "the ledger could not be counted"),
        }
    }
}

fn log_told(target: &Name, outcome: Telling, changes: usize) {
    let said = outcome.as_str();
    match outcome {
        Telling::Taken => debug!(webhook = %target, changes, "a webhook's target was told"),
        Telling::Refused | Telling::Unreachable => {
            info!(webhook = %target, said, changes, "a webhook's target is told again later");
        }
        Telling::Denied => error!(
            webhook = %target, said, changes,
            "a webhook's target cannot be told: its host is at an address within, and `transport.webhooks.allowed_hosts` \
             does not name it"
        ),
        Telling::Unrecorded | Telling::BrokeOff => {
            error!(webhook = %target, said, changes, "a webhook's target cannot be told");
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
