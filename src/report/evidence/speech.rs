//! Which entries speak of a document: what happened to it, and to every lot that it was sealed into.
//!
//! It is asked of the entries alone, in the order of the ledger: whoever puts a bundle together and whoever checks one
//! ask the same question, and no list is believed. An entry that only names the document is not about it: the admission
//! of a document that supports it or comes later in its line, or a legal hold.

use std::collections::BTreeSet;

use crate::claims::bearing::Bearing;
use crate::claims::delivery::Event;
use crate::claims::entry::{Entry, Position, Receipted, SettledContent, Stamped, Subject};
use crate::claims::id::{Digest, DocumentId, LotId};
use crate::store::BodyId;

/// Hears what entries say of a document.
pub(super) struct Listener {
    document: DocumentId,
    /// Those that it was sealed into.
    lots: BTreeSet<LotId>,
}

/// An entry is about a lot that the document is in, but no entry before it sealed the document into that lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsealed(pub(super) LotId);

impl Listener {
    pub(super) fn of(document: DocumentId) -> Listener {
        Listener {
            document,
            lots: BTreeSet::new(),
        }
    }

    /// The lots of which entries were heard, by their ids.
    pub(super) fn lots(&self) -> impl Iterator<Item = LotId> {
        self.lots.iter().copied()
    }

    /// What the next entry says of the document, in words; none if it says nothing of it.
    ///
    /// # Errors
    /// [`Unsealed`].
    pub(super) fn hears(&mut self, entry: &Entry) -> Result<Option<String>, Unsealed> {
        let own = |document: DocumentId, what: &str| {
            Ok((document == self.document).then(|| what.to_owned()))
        };
        let Some(bearing) = entry.bearing() else {
            return Ok(None);
        };
        match bearing {
            Bearing::Received(received) if received.replaces == Some(self.document) => {
                Ok(Some("replaced".to_owned()))
            }
            Bearing::Received(received) => own(received.document, "admitted"),
            Bearing::Sealed(sealed) => {
                let is_in = sealed.documents.contains(&self.document);
                Ok(is_in.then(|| {
                    self.lots.insert(sealed.lot);
                    format!("sealed into lot {}", sealed.lot)
                }))
            }
            Bearing::Delivery(delivery) => Ok(self.of_lot(delivery.lot, || {
                let word = delivered(delivery.event);
                format!("{word} (attempt {})", delivery.attempt)
            })),
            Bearing::Receipted(receipted) => self.receipted(receipted),
            Bearing::Settled(settled) => own(settled.document, &settlement(&settled.content)),
            Bearing::Cancelled { document, .. } => own(document, "cancelled"),
            Bearing::ByHand { document, .. } => own(document, "transmitted by hand"),
            Bearing::OnPaper { document, .. } => own(document, "paper duplicate confirmed"),
            Bearing::PaperOwed(document) => own(document, "paper duplicate owed"),
            Bearing::Lapsed(document) => own(document, "lapsed"),
            Bearing::Unsettled(document) => own(document, "settlement overdue"),
            Bearing::Retried { lot, .. } => Ok(self.of_lot(lot, || "retried by order".to_owned())),
            Bearing::Explained(subject) => match subject {
                Subject::Document(document) => own(*document, "an operator's reason"),
                Subject::Lot(lot) => Ok(self.of_lot(*lot, || "an operator's reason".to_owned())),
                Subject::Endpoint(_) | Subject::LegalHold(_) => Ok(None),
            },
            Bearing::Declared { .. } => Ok(None),
        }
    }

    fn of_lot(&self, lot: LotId, what: impl FnOnce() -> String) -> Option<String> {
        self.lots.contains(&lot).then(what)
    }

    /// A receipt names documents of its own lot alone.
    fn receipted(&self, receipted: &Receipted) -> Result<Option<String>, Unsealed> {
        let mut verdicts = receipted.verdicts.iter();
        let own = verdicts.find(|(document, ..)| *document == self.document);
        match (own, self.lots.contains(&receipted.lot)) {
            (Some((_, verdict, _)), true) => Ok(Some(format!("receipt: {}", verdict.as_str()))),
            (None, true) => Ok(Some("receipt for others of its lot".to_owned())),
            (Some(_), false) => Err(Unsealed(receipted.lot)),
            (None, false) => Ok(None),
        }
    }
}

/// The body that an entry about a document commits to: its name in a bundle, which it is, and the commitment. The
/// admission of what replaces the document commits to another document's.
pub(super) fn body(
    document: DocumentId,
    position: Position,
    stamped: &Stamped,
) -> Option<(String, BodyId, Digest)> {
    let (id, commitment) = BodyId::promised(position, &stamped.entry)?;
    let name = match id {
        BodyId::Document(own) if own == document => "document".to_owned(),
        BodyId::Document(_) => return None,
        BodyId::Entry(position) => format!("{:020}", position.0),
    };
    Some((name, id, commitment))
}

/// Whether an entry about a document's lot speaks of other documents alone, by their names.
pub(super) fn is_of_others(document: DocumentId, entry: &Entry) -> bool {
    let Some(Bearing::Receipted(receipted)) = entry.bearing() else {
        return false;
    };
    let mut named = receipted.verdicts.iter().map(|(named, ..)| *named);
    !receipted.verdicts.is_empty() && named.all(|named| named != document)
}

fn settlement(content: &SettledContent) -> String {
    match content {
        SettledContent::Parts(parts) => {
            let parts = parts.iter();
            let parts =
                parts.map(|(part, outcome, ..)| format!("{} {}", part.as_str(), outcome.as_str()));
            format!("settlement: {}", parts.collect::<Vec<_>>().join(", "))
        }
        SettledContent::Answer(answer, _) => format!("settlement: {}", answer.as_str()),
    }
}

fn delivered(event: Event) -> &'static str {
    match event {
        Event::Leased => "attempt begun",
        Event::NotReached => "not reached",
        Event::Deferred => "sent back",
        Event::Taken => "taken",
        Event::ContentRefused => "content refused",
        Event::NoAnswer => "no answer",
        Event::StatusKnown => "insurer asked: known",
        Event::StatusRefused => "insurer asked: refused",
        Event::StatusUnknown => "insurer asked: unknown",
        Event::StatusUnreachable => "insurer asked: no answer",
        Event::NoStatusService => "insurer cannot be asked",
        Event::ReceiptComplete => "lot answered",
        Event::ReceiptPartial => "lot answered in part",
        Event::ExpectedBy => "receipt overdue",
        Event::Cancel => "a document of its lot cancelled",
        Event::DuplicateConfirmed => "a document of its lot on paper",
        Event::ByHand => "a document of its lot by hand",
        Event::Restored => "restored",
        Event::Unrouted => "lot void: no endpoint",
    }
}
