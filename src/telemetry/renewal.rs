//! What is said of certificates, keys and revocation lists that are taken up while the gateway runs.
//!
//! Like every event it holds closed words and counts. ERROR means that a person must act.

use tracing::{debug, error, info, warn};

use crate::claims::id::EndpointName;
use crate::telemetry::reading::words;

/// Something that the renewal says.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Files were read again and are used from now on.
    Taken {
        /// Whose.
        part: Part,
    },
    /// Files changed and cannot be used: what was read before stays.
    Kept {
        /// Whose.
        part: Part,
        /// Why: the sentences of the rooms that read them, with names of files.
        why: &'a str,
    },
    /// The endpoints are others from now on.
    Endpoints {
        /// How many are new.
        came: usize,
        /// How many are gone.
        left: usize,
        /// How many have other settings.
        changed: usize,
    },
    /// An endpoint that is registered stands in the configuration too, which counts.
    Shadowed {
        /// Which.
        endpoint: &'a EndpointName,
    },
    /// A certificate that the gateway shows is good for a few more days only.
    Ends {
        /// Who is shown it: an endpoint, or the callers of the public listener.
        endpoint: Option<&'a EndpointName>,
        /// Whole days.
        days: u64,
    },
    /// A certificate that the gateway shows has expired: whoever is shown it refuses it.
    Ended {
        /// Who is shown it: an endpoint, or the callers of the public listener.
        endpoint: Option<&'a EndpointName>,
        /// Whole days since.
        days: u64,
    },
    /// A revocation list was asked for.
    List {
        /// What came of it.
        outcome: Fetch,
    },
}

words! {
    /// What is read again.
    Part {
        /// The public listener's certificate, and whom it trusts.
        Public = "public",
        /// What endpoints are shown, and whom we trust there.
        Endpoints = "endpoints",
        /// The keys that sign receipts.
        ReceiptKeys = "receipt keys",
        /// Secrets and authorities of webhooks.
        Webhooks = "webhooks",
    }
}

words! {
    /// What came of reading a part again.
    Outcome {
        /// It is used.
        Taken = "taken",
        /// It cannot be used; what was read before stays.
        Kept = "kept",
    }
}

words! {
    /// What came of asking for a revocation list.
    Fetch {
        /// A newer one.
        Taken = "taken",
        /// The one that is known.
        Unchanged = "unchanged",
        /// An older one than is known.
        Older = "older",
        /// No list, or not signed by an authority that is trusted.
        Unproven = "unproven",
        /// Another answer than 200, or too long.
        Refused = "refused",
        /// No whole answer.
        Unreachable = "unreachable",
        /// It could not be written to the disk.
        Unwritten = "unwritten",
    }
}

impl Event<'_> {
    /// Writes the one line.
    pub(super) fn log(&self) {
        match *self {
            Event::Taken { part } => {
                info!(part = part.as_str(), "files were read again and are used")
            }
            Event::Kept { part, why } => {
                error!(
                    part = part.as_str(),
                    why, "files cannot be used: what was read before stays"
                );
            }
            Event::Endpoints {
                came,
                left,
                changed,
            } => info!(came, left, changed, "the endpoints are others from now on"),
            Event::Shadowed { endpoint } => warn!(
                endpoint = %endpoint,
                "an endpoint that is registered stands in the configuration too, which counts"
            ),
            Event::Ends { endpoint, days } => warn!(
                shown_to = shown_to(endpoint),
                days, "a certificate expires soon: renew it"
            ),
            Event::Ended { endpoint, days } => error!(
                shown_to = shown_to(endpoint),
                days, "a certificate has expired: whoever is shown it refuses it"
            ),
            Event::List { outcome } => {
                let outcome_word = outcome.as_str();
                match outcome {
                    Fetch::Taken => info!(outcome = outcome_word, "a revocation list was fetched"),
                    Fetch::Unchanged => {
                        debug!(outcome = outcome_word, "a revocation list was fetched");
                    }
                    // The one before still counts for a while.
                    Fetch::Older | Fetch::Refused | Fetch::Unreachable => {
                        warn!(outcome = outcome_word, "a revocation list was not fetched");
                    }
                    Fetch::Unproven | Fetch::Unwritten => {
                        error!(outcome = outcome_word, "a revocation list was not taken");
                    }
                }
            }
        }
    }
}

fn shown_to(endpoint: Option<&EndpointName>) -> &str {
    endpoint.map_or(Part::Public.as_str(), EndpointName::as_str)
}
