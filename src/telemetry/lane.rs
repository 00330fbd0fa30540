//! What the transmitting loop says beside the course of its lots: alerts, what cannot be sealed, how lanes move.
//!
//! Like every event it holds ids, closed words and counts. ERROR means that a person must act.

use tracing::{debug, error, info, warn};

use crate::claims::id::{DocumentId, EndpointName, LotId};
use crate::telemetry::reading::words;

/// Something that the transmitting loop says.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Something about one lot that somebody must hear of.
    Alert {
        /// The lot.
        lot: LotId,
        /// Where it went.
        endpoint: &'a EndpointName,
        /// What.
        alert: Alert,
    },
    /// What was due to be sealed and could not be, at the last turn in which this changed.
    Unsealed {
        /// Groups whose destination no endpoint serves.
        without_route: u64,
        /// Groups of which a document cannot be read.
        unreadable: u64,
        /// The first of those documents.
        document: Option<DocumentId>,
    },
    /// A turn of the loop could not use the store.
    Stalled {
        /// Why: one of the store's own sentences.
        why: &'a str,
    },
    /// The number of attempts that may run at once at an endpoint moved.
    LimitMoved {
        /// The endpoint.
        endpoint: &'a EndpointName,
        /// Attempts.
        attempts: u32,
    },
}

words! {
    /// What somebody must hear of.
    Alert {
        /// The insurer has other bytes under the id of a lot.
        OtherBytes = "other bytes",
        /// The insurer does not know a lot that it had taken.
        Forgotten = "forgotten",
        /// A taken lot has no receipt, its insurer cannot be asked, and it is sent again.
        Unaccounted = "unaccounted",
        /// The insurer refuses a lot that it had taken.
        RefusedAfterTaking = "refused after taking",
        /// The outcome of an attempt or question could not be recorded: the lease runs out, or it is asked again.
        Unrecorded = "unrecorded",
        /// An attempt or question ended by a defect of the gateway: the lease runs out, or it is asked again.
        BrokeOff = "broke off",
        /// An attempt was cut off by the end of the gateway: the lot is in doubt at the next start.
        CutOff = "cut off",
    }
}

words! {
    /// Why a group of documents cannot be sealed.
    Obstacle {
        /// No endpoint serves their destination.
        NoRoute = "no-route",
        /// One of them cannot be read.
        Unreadable = "unreadable",
    }
}

impl Event<'_> {
    /// Writes the one line.
    pub(super) fn log(&self) {
        match *self {
            Event::Alert {
                lot,
                endpoint,
                alert,
            } => match alert {
                Alert::OtherBytes
                | Alert::Forgotten
                | Alert::Unaccounted
                | Alert::RefusedAfterTaking
                | Alert::BrokeOff => {
                    error!(%lot, %endpoint, alert = alert.as_str(), "a person must look");
                }
                Alert::Unrecorded | Alert::CutOff => {
                    warn!(%lot, %endpoint, alert = alert.as_str(), "the insurer will be asked");
                }
            },
            Event::Unsealed {
                without_route,
                unreadable,
                document,
            } => match (without_route, unreadable) {
                (0, 0) => info!("everything that is due is sealed again"),
                (_, 0) => warn!(without_route, "documents wait: no endpoint serves them"),
                (_, _) => error!(
                    without_route,
                    unreadable,
                    document = document.map(tracing::field::display),
                    "documents cannot be sealed"
                ),
            },
            Event::Stalled { why } => error!(why, "lots cannot be sent: the store fails"),
            Event::LimitMoved { endpoint, attempts } => {
                debug!(%endpoint, attempts, "attempts that may run at once");
            }
        }
    }
}
