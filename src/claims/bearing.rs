//! How an entry bears on documents: the one place that decides which entries change what a document is or what is
//! counted, or are an order about it. Whoever tells or shows what became of documents asks here, so that a new kind of
//! entry is decided upon once.
//!
//! The second count ([`audit`](crate::claims::audit)) never asks here: it shares nothing with what it checks.

use crate::claims::entry::{Delivery, Entry, Next, Receipted, Received, Sealed, Settled, Subject};
use crate::claims::id::{DocumentId, Finess, LotId, Name};
use crate::claims::time::Day;

/// How an entry bears on documents. By [`Bearing::Retried`] and [`Bearing::Explained`] alone none changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearing<'a> {
    /// A document was admitted, and may replace another.
    Received(&'a Received),
    /// Documents came into a lot.
    Sealed(&'a Sealed),
    /// A lot moved, and its documents with it.
    Delivery(&'a Delivery),
    /// The insurer's word on documents of a lot.
    Receipted(&'a Receipted),
    /// The insurer's word on the payment of a document.
    Settled(&'a Settled),
    /// A document was cancelled.
    Cancelled {
        /// The document.
        document: DocumentId,
        /// Who.
        by: &'a Name,
    },
    /// A document was transmitted by hand.
    ByHand {
        /// The document.
        document: DocumentId,
        /// Who says so.
        by: &'a Name,
    },
    /// A document's paper duplicate was confirmed.
    OnPaper {
        /// The document.
        document: DocumentId,
        /// Who says so.
        by: &'a Name,
    },
    /// A document is owed on paper; it counts as before.
    PaperOwed(DocumentId),
    /// A refused document lapsed.
    Lapsed(DocumentId),
    /// A document's settlement did not come.
    Unsettled(DocumentId),
    /// A centre's paper sheets of a day: no document, and counted beside them.
    Declared {
        /// The centre.
        centre: Finess,
        /// The day.
        day: Day,
    },
    /// A lot's next instant was moved.
    Retried {
        /// The lot.
        lot: LotId,
        /// Who.
        by: &'a Name,
        /// When it comes, and what for.
        next: Next,
    },
    /// Why an operator did something.
    Explained(&'a Subject),
}

impl Entry {
    /// How it bears on documents; none where it bears on none. A legal hold keeps documents and changes nothing of them.
    pub fn bearing(&self) -> Option<Bearing<'_>> {
        Some(match self {
            Entry::Received(received) => Bearing::Received(received),
            Entry::Sealed(sealed) => Bearing::Sealed(sealed),
            Entry::Delivery(delivery) => Bearing::Delivery(delivery),
            Entry::Receipted(receipted) => Bearing::Receipted(receipted),
            Entry::Settled(settled) => Bearing::Settled(settled),
            Entry::Cancelled {
                document,
                caller: by,
            } => Bearing::Cancelled {
                document: *document,
                by,
            },
            Entry::ByHand {
                document,
                actor: by,
                evidence: _,
            } => Bearing::ByHand {
                document: *document,
                by,
            },
            Entry::OnPaper {
                document,
                actor: by,
            } => Bearing::OnPaper {
                document: *document,
                by,
            },
            Entry::PaperOwed { document } => Bearing::PaperOwed(*document),
            Entry::Lapsed { document } => Bearing::Lapsed(*document),
            Entry::Unsettled { document } => Bearing::Unsettled(*document),
            Entry::Declared { centre, day, .. } => Bearing::Declared {
                centre: *centre,
                day: *day,
            },
            Entry::Retried { lot, actor, next } => Bearing::Retried {
                lot: *lot,
                by: actor,
                next: *next,
            },
            Entry::Explained { subject, .. } => Bearing::Explained(subject),
            Entry::Terms(_)
            | Entry::Registered(_)
            | Entry::GestionnaireRegistered(_)
            | Entry::CaisseRegistered(_)
            | Entry::EndpointRegistered(_)
            | Entry::TurnedAway(_)
            | Entry::Orphaned(_)
            | Entry::Foreign(_)
            | Entry::Cursor { .. }
            | Entry::Endpoint { .. }
            | Entry::FiguresLoaded(_)
            | Entry::Reconciled(_)
            | Entry::Judged(_)
            | Entry::Closed(_)
            | Entry::Published(_)
            | Entry::Imported(_)
            | Entry::Rewound { .. }
            | Entry::Restored(_)
            | Entry::Resumed(_)
            | Entry::Anchored(_)
            | Entry::Notified { .. }
            | Entry::LegalHoldPlaced(_)
            | Entry::LegalHoldLifted { .. }
            | Entry::Evacuated(_)
            | Entry::Founded(_)
            | Entry::Rewrapped { .. } => return None,
        })
    }
}
