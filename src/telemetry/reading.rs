//! How something is at present: the gauges.
//!
//! A reading replaces the one before it; a word that it does not list stands at zero from then on.

use std::time::Duration;

use crate::claims::entry::Position;
use crate::claims::id::{EndpointName, Name};
use crate::claims::time::Timestamp;
use crate::telemetry::retention::{Holds, Kept};

/// How something is at present.
#[derive(Clone, Copy, Debug)]
pub enum Reading<'a> {
    /// The gateway runs since then, in this version.
    Running {
        /// When it started.
        since: Timestamp,
        /// The version of the program.
        version: &'static str,
    },
    /// The store.
    Store {
        /// Whether it can commit.
        ready: Ready,
        /// Last position committed.
        position: Position,
        /// Entries durable and not yet in the index.
        lag: u64,
        /// Commands waiting for the committer.
        waiting: usize,
    },
    /// The master key of the store.
    MasterKey {
        /// Since when it is in use; none: bodies are not encrypted.
        since: Option<Timestamp>,
    },
    /// Until when the public listener's certificate is good.
    PublicCertificate {
        /// Seconds since 1970.
        expires: i64,
    },
    /// Until when the certificate that an endpoint is shown is good.
    ClientCertificate {
        /// The endpoint.
        endpoint: &'a EndpointName,
        /// Seconds since 1970; none: it is shown none.
        expires: Option<i64>,
    },
    /// How far behind the ledger a webhook's target is.
    Target {
        /// Its name in the configuration.
        target: &'a Name,
        /// Entries that it was not told of.
        behind: u64,
    },
    /// An endpoint is not configured any more.
    Left {
        /// Which.
        endpoint: &'a EndpointName,
    },
    /// How the revocation lists stand by which the other side's certificates are judged.
    Lists {
        /// The endpoint; none: the public listener.
        endpoint: Option<&'a EndpointName>,
        /// When the oldest was issued, in seconds since 1970; none while one never came, or where none is wanted.
        issued: Option<i64>,
        /// Until when they vouch for what they do not name, in seconds since 1970; none where none is wanted.
        until: Option<i64>,
    },
    /// Bytes free where the journal is.
    FreeSpace {
        /// Bytes.
        bytes: u64,
    },
    /// Unfinished documents of one endpoint.
    Queue {
        /// The endpoint.
        endpoint: &'a EndpointName,
        /// How many stand where.
        documents: &'a [(Stage, u64)],
        /// Age of the oldest that is not transmitted.
        oldest: Duration,
    },
    /// Documents of one endpoint whose receipt is overdue, and that were not sent again since.
    Overdue {
        /// The endpoint.
        endpoint: &'a EndpointName,
        /// Documents.
        documents: u64,
    },
    /// Unfinished documents without a next instant.
    Stuck {
        /// Documents.
        documents: u64,
    },
    /// Receipts and settlements that match nothing.
    Orphans {
        /// Items.
        items: u64,
    },
    /// How the keeping of bodies is.
    Kept(Kept),
    /// Legal holds that stand.
    Holds(Holds),
    /// Documents not yet transmitted, by deadline.
    Deadlines {
        /// How many stand how.
        documents: &'a [(Deadline, u64)],
        /// The hours of each alert, and how many are past it whose last day is not.
        alerted: &'a [(u16, u64)],
    },
    /// The last backup of the store.
    Backup {
        /// How old it is; none: none is known.
        age: Option<Duration>,
        /// The last entry that is in it.
        position: Position,
    },
    /// Whether the store was restored from a backup.
    Restored {
        /// Whether nothing is sent because of it.
        waits: bool,
        /// How long a time is lost.
        lost: Duration,
    },
    /// The last anchor of the ledger.
    Anchor {
        /// How old it is; none: there is none.
        age: Option<Duration>,
        /// The entry that it is of.
        position: Position,
    },
    /// By how many documents the independent counts differ.
    Imbalance {
        /// Documents.
        documents: u64,
    },
}

/// Whether the store can commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// It cannot.
    No,
    /// It can.
    Yes,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every word, in the order of declaration.
            pub const WORDS: &[&str] = &[$($word),*];

            /// The word used in labels and log lines.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }
        }
    };
}
pub(super) use words;

words! {
    /// Where an unfinished document is: its standing, and in a lot how far the lot is.
    Stage {
        /// In no lot yet.
        Open = "open",
        /// Its lot waits for its turn.
        Queued = "queued",
        /// Its lot waits for the destination.
        Held = "held",
        /// An attempt is running.
        Transmitting = "transmitting",
        /// An attempt went unanswered.
        InDoubt = "in doubt",
        /// Taken; the receipt is expected.
        Transmitted = "transmitted",
        /// Taken; the receipt did not come in time.
        Overdue = "overdue",
        /// Acknowledged; the settlement is expected.
        Acknowledged = "acknowledged",
        /// Refused; a replacement is expected.
        Refused = "refused",
    }
}

words! {
    /// How a document that is not transmitted stands to its legal deadline (R161-47 CSS).
    Deadline {
        /// Later than today, and not at risk.
        Ahead = "ahead",
        /// Later than today, and past the first of `desk.alert_hours`.
        AtRisk = "at risk",
        /// Today is the last day.
        Today = "today",
        /// It has passed.
        Passed = "passed",
        /// It has passed, and a paper duplicate is owed.
        PaperOwed = "paper owed",
    }
}
