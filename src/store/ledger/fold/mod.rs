//! The fold: what each entry does to the index. It computes from the entry and the index alone, so a replay
//! derives the same as the first time; it decides nothing and refuses nothing.

mod custody;
mod retention;
mod document;
mod hand;
mod lot;
mod registry;
mod statement;
mod tally;

use crate::claims::entry::{Entry, Orphaned, Position, Stamped};
use crate::claims::id::{Digest, EndpointName, Name};
use crate::claims::standing::Act;
use crate::claims::time::Timestamp;
use crate::store::custody::record::OrphanRecord;
use crate::store::index::Working;
use crate::store::ledger::Known;
use crate::store::ledger::keys::{self, GroupKey};
use crate::store::ledger::records::{self, OpenDocument, save};
use crate::store::{Error, FiguresRecord, JudgedRecord, RunRecord};

pub use document::supporting;

/// Applies one entry. What is known is of this index, up to the entry before.
pub fn fold(
    working: &mut Working<'_>,
    known: &mut Known,
    position: Position,
    stamped: &Stamped,
) -> Result<(), Error> {
    let mut fold = Fold {
        working,
        known,
        position,
        at: stamped.at,
        ungrouped: Vec::new(),
    };
    fold.entry(&stamped.entry)?;
    fold.sum_up()
}

struct Fold<'w, 'b> {
    working: &'w mut Working<'b>,
    known: &'w mut Known,
    position: Position,
    at: Timestamp,
    /// Documents that may no longer be sealed, and are in the sums of their groups yet: a lot takes a hundred at once.
    ungrouped: Vec<(GroupKey, OpenDocument)>,
}

impl Fold<'_, '_> {
    fn entry(&mut self, entry: &Entry) -> Result<(), Error> {
        match entry {
            Entry::Terms(terms) => {
                save(self.working, keys::terms(), terms);
                self.known.forget();
                Ok(())
            }
            Entry::Registered(centre) => {
                self.known.forget();
                self.registered(keys::centre(centre.finess), centre)
            }
            Entry::GestionnaireRegistered(gestionnaire) => {
                self.registered(keys::gestionnaire(gestionnaire.id), gestionnaire)
            }
            Entry::CaisseRegistered(caisse) => self.registered(keys::caisse(caisse.code), caisse),
            Entry::EndpointRegistered(version) => {
                self.registered(keys::endpoint_versions(&version.name), version.as_ref())
            }
            Entry::Received(received) => self.received(received),
            Entry::TurnedAway(turned) => {
                let key = keys::turned_away(turned.centre, self.at.day(), &turned.caller);
                self.add(key, 1)
            }
            Entry::Sealed(sealed) => self.sealed(sealed),
            Entry::Delivery(delivery) => self.delivery(delivery),
            Entry::Receipted(receipted) => self.receipted(receipted),
            Entry::Settled(settled) => self.settled(settled),
            Entry::Orphaned(orphan) | Entry::Foreign(orphan) => {
                self.orphaned(orphan);
                Ok(())
            }
            Entry::Cursor { endpoint, cursor } => {
                let mut record = records::endpoint(self.working, endpoint)?;
                record.cursor = Some(cursor.clone());
                save(self.working, keys::endpoint(endpoint), &record);
                Ok(())
            }
            Entry::Declared {
                centre, day, rows, ..
            } => {
                save(self.working, keys::paper(*centre, *day), rows);
                Ok(())
            }
            Entry::Cancelled { document, .. } => self.act(*document, Act::Cancelled),
            Entry::ByHand { document, .. } => self.act(*document, Act::ByHand),
            Entry::OnPaper { document, .. } => self.act(*document, Act::DuplicateConfirmed),
            Entry::PaperOwed { document } => {
                let at = self.at;
                self.change(*document, |record| {
                    record.paper_owed = Some(at);
                    Ok(())
                })
            }
            Entry::Lapsed { document } => self.act(*document, Act::LapsePassed),
            Entry::Unsettled { document } => self.act(*document, Act::UnsettledPassed),
            Entry::FiguresLoaded(figures) => {
                let record = FiguresRecord {
                    position: self.position,
                    at: self.at,
                    figures: figures.as_ref().clone(),
                };
                save(self.working, keys::figures(figures.digest), &record);
                Ok(())
            }
            Entry::Reconciled(run) => {
                let record = RunRecord {
                    position: self.position,
                    at: self.at,
                    run: run.as_ref().clone(),
                };
                save(self.working, keys::run(self.position), &record);
                Ok(())
            }
            Entry::Judged(judged) => {
                let record = JudgedRecord {
                    position: self.position,
                    at: self.at,
                    judged: judged.as_ref().clone(),
                };
                let key = keys::judged(judged.run, judged.line);
                save(self.working, key, &record);
                Ok(())
            }
            Entry::Endpoint { endpoint, gate, .. } => {
                let mut record = records::endpoint(self.working, endpoint)?;
                record.gate = *gate;
                save(self.working, keys::endpoint(endpoint), &record);
                Ok(())
            }
            Entry::Retried { lot, next, .. } => self.retried(*lot, *next),
            Entry::Closed(closed) => {
                save(
                    self.working,
                    keys::closing(self.position),
                    &(self.at, closed.clone()),
                );
                Ok(())
            }
            Entry::Published(published) => self.published(published),
            // The registrations are entries of their own.
            Entry::Imported(imported) => {
                save(
                    self.working,
                    keys::imported(&imported.actor),
                    &imported.file,
                );
                Ok(())
            }
            // Of the keys, the key file alone tells.
            Entry::Rewrapped { .. } => Ok(()),
            Entry::Explained { subject, .. } => self.explained(subject),
            Entry::Rewound { endpoint, .. } => self.rewound(endpoint),
            Entry::Restored(restored) => {
                self.restored(restored);
                Ok(())
            }
            Entry::Resumed(_) => self.resumed(),
            Entry::Anchored(anchor) => {
                self.anchored(*anchor);
                Ok(())
            }
            Entry::LegalHoldPlaced(hold) => {
                self.legal_hold_placed(hold);
                Ok(())
            }
            Entry::LegalHoldLifted { hold, actor } => self.legal_hold_lifted(*hold, actor),
            Entry::Evacuated(evacuated) => {
                self.evacuated(evacuated);
                Ok(())
            }
            Entry::Founded(founded) => {
                self.founded(founded);
                Ok(())
            }
            Entry::Notified { target, upto } => {
                save(self.working, keys::notified(target), upto);
                Ok(())
            }
        }
    }

    fn orphaned(&mut self, orphan: &Orphaned) {
        let key = keys::orphan(&orphan.endpoint, &orphan.id, orphan.fingerprint);
        let record = OrphanRecord {
            position: self.position,
            at: self.at,
            cause: orphan.cause,
        };
        save(self.working, key, &record);
    }

    /// What fits after all, because it came again when it was known here, is no orphan any more.
    fn forget_orphan(&mut self, endpoint: &EndpointName, id: &Name, fingerprint: Digest) {
        self.working.remove(keys::orphan(endpoint, id, fingerprint));
    }
}
