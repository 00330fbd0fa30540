//! What entries commit to: the running hash over all of them, and the hash that binds a body to its entry.
//!
//! Both are evidence: they are computed alike by every store, by a statement and by who checks one from outside.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::claims::canon::canon_struct;
use crate::claims::entry::{Entry, Subject};
use crate::claims::id::{Digest, DocumentId};
use crate::claims::retention::{Class, Owner};

/// The running hash over entries: h(0) is 32 zero bytes; h(n) = SHA-256(h(n−1) ‖ canonical bytes of entry n). It knows
/// nothing of segments, records or bodies, so any store of the same entries has the same hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chain(pub [u8; 32]);

canon_struct! { Chain { 0 } }

/// What an entry commits to: a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The commitment.
    pub commitment: Digest,
    /// What kind of body it is.
    pub class: Class,
    /// Whose time it shares.
    pub owner: Owner,
}

impl Chain {
    /// Before the first entry.
    pub const BEGINNING: Chain = Chain([0; 32]);

    /// The hash after one more entry.
    pub fn after(self, entry: &[u8]) -> Chain {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(entry);
        Chain(hash.finalize().into())
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        Digest(self.0).fmt(out)
    }
}

/// The commitment of an entry to a body: SHA-256 of the salt and the SHA-256 of the bytes.
pub fn commitment(salt: [u8; 16], digest: Digest) -> Digest {
    let hash = Sha256::new().chain_update(salt).chain_update(digest.0);
    Digest(hash.finalize().into())
}

impl Entry {
    /// The body that it commits to: a document's own where it admits one, else one of its own; none where it commits to
    /// none.
    pub fn committed(&self) -> Option<Committed> {
        let one = |document: DocumentId| Owner::Documents(vec![document]);
        let (commitment, class, owner) = match self {
            Entry::Received(received) => {
                let owner = one(received.document);
                (received.commitment, Class::Document, owner)
            }
            Entry::Receipted(receipted) => {
                let documents = receipted.verdicts.iter().map(|(document, ..)| *document);
                let owner = Owner::Documents(documents.collect());
                (receipted.commitment, Class::Receipt, owner)
            }
            Entry::Settled(settled) => {
                (settled.commitment, Class::Settlement, one(settled.document))
            }
            Entry::Delivery(delivery) => (delivery.words?, Class::Words, Owner::Lot(delivery.lot)),
            Entry::Orphaned(orphan) | Entry::Foreign(orphan) => {
                (orphan.commitment, Class::Orphan, Owner::Itself)
            }
            Entry::ByHand {
                document, evidence, ..
            } => (*evidence, Class::Evidence, one(*document)),
            Entry::Explained {
                subject, reason, ..
            } => {
                let (class, owner) = explained(subject);
                (*reason, class, owner)
            }
            // Of the whole store, and of no document.
            Entry::Rewrapped { reason, .. } => (*reason, Class::Reason, Owner::Itself),
            Entry::Resumed(resumed) => (resumed.reason, Class::Reason, Owner::Itself),
            Entry::Imported(imported) => (imported.reason, Class::Reason, Owner::Itself),
            Entry::Closed(closed) => (closed.reason, Class::Proof, Owner::Itself),
            Entry::FiguresLoaded(figures) => (figures.commitment, Class::Proof, Owner::Itself),
            Entry::Reconciled(run) => (run.commitment, Class::Proof, Owner::Itself),
            Entry::Judged(judged) => (judged.comment?, Class::Proof, Owner::Itself),
            Entry::Published(published) => (published.commitment, Class::Proof, Owner::Itself),
            Entry::Terms(_)
            | Entry::Registered(_)
            | Entry::GestionnaireRegistered(_)
            | Entry::CaisseRegistered(_)
            | Entry::EndpointRegistered(_)
            | Entry::TurnedAway(_)
            | Entry::Sealed(_)
            | Entry::Cursor { .. }
            | Entry::Declared { .. }
            | Entry::Cancelled { .. }
            | Entry::OnPaper { .. }
            | Entry::PaperOwed { .. }
            | Entry::Lapsed { .. }
            | Entry::Unsettled { .. }
            | Entry::Endpoint { .. }
            | Entry::Retried { .. }
            | Entry::Rewound { .. }
            | Entry::Restored(_)
            | Entry::Anchored(_)
            | Entry::Notified { .. }
            | Entry::LegalHoldPlaced(_)
            | Entry::LegalHoldLifted { .. }
            | Entry::Evacuated(_)
            | Entry::Founded(_) => return None,
        };
        Some(Committed {
            commitment,
            class,
            owner,
        })
    }
}

/// Of an operator's reason.
fn explained(subject: &Subject) -> (Class, Owner) {
    match subject {
        Subject::Document(document) => (Class::Reason, Owner::Documents(vec![*document])),
        Subject::Lot(lot) => (Class::Reason, Owner::Lot(*lot)),
        Subject::Endpoint(_) => (Class::Reason, Owner::Itself),
        Subject::LegalHold(_) => (Class::Proof, Owner::Itself),
    }
}
