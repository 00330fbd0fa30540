//! Documents: admitted, replaced, spoken of; and what follows from each change of one.

use crate::claims::document::Kind;
use crate::claims::entry::{Received, Settled, SettledContent};
use crate::claims::id::{DocumentId, LotId, Name};
use crate::claims::standing::{self, Act, Course, Expected, Heard, Standing, Word};
use crate::claims::time::Timestamp;
use crate::store::index::Index;
use crate::store::ledger::change::Moment;
use crate::store::ledger::fold::Fold;
use crate::store::ledger::records::{self, save};
use crate::store::ledger::{bundle, keys, listing};
use crate::store::{DocumentRecord, Error};

impl Fold<'_, '_> {
    pub(super) fn received(&mut self, received: &Received) -> Result<(), Error> {
        if let Some(replaced) = received.replaces {
            self.replaced(replaced, received.document)?;
        }
        let waits_for = match received.supports {
            None => None,
            Some(fse) => {
                self.working
                    .put(keys::supporting(fse, received.document), Vec::new());
                let fse_record = records::known_document(self.working, fse)?;
                (fse_record.receipted() == standing::Receipted::No).then_some(fse)
            }
        };
        let record = DocumentRecord {
            received: received.clone(),
            position: self.position,
            at: self.at,
            course: Course::admitted(),
            lot: None,
            replaced_by: None,
            proven: None,
            said_taken: false,
            paper_owed: None,
            since: self.at,
            timer: None,
            answered_in: None,
            waits_for,
            sealable_since: self.at,
        };
        save(
            self.working,
            keys::latest(&received.facts.key, received.purpose),
            &received.document,
        );
        self.put_document(None, record)
    }

    /// The replaced document leaves the account to the one that takes its place, and so do its PJs.
    fn replaced(&mut self, replaced: DocumentId, by: DocumentId) -> Result<(), Error> {
        self.change(replaced, |record| {
            record.replaced_by = Some(by);
            act(record, Act::ReplacementAdmitted)
        })?;
        for pj in supporting(self.working, replaced)? {
            self.working.remove(keys::supporting(replaced, pj));
            self.working.put(keys::supporting(by, pj), Vec::new());
            self.change(pj, |record| {
                record.waits_for = record.waits_for.map(|_| by);
                Ok(())
            })?;
        }
        Ok(())
    }

    pub(super) fn settled(&mut self, settled: &Settled) -> Result<(), Error> {
        let (endpoint, id, fingerprint) = (&settled.endpoint, &settled.id, settled.fingerprint);
        save(self.working, keys::settlement(endpoint, id), &fingerprint);
        self.forget_orphan(endpoint, id, fingerprint);
        let record = records::known_document(self.working, settled.document)?;
        let attempted = match record.lot {
            Some(lot) => records::known_lot(self.working, lot)?.attempted,
            None => None,
        };
        let words: Vec<(Word, Option<Name>)> = match &settled.content {
            SettledContent::Parts(parts) => parts
                .iter()
                .map(|(part, outcome, _, code)| (Word::Settled(*part, *outcome), code.clone()))
                .collect(),
            SettledContent::Answer(answer, code) => vec![(Word::Answered(*answer), code.clone())],
        };
        for (word, code) in words {
            let heard = Heard {
                issued: settled.issued,
                id: settled.id.clone(),
                word,
                code,
            };
            self.hear(settled.document, heard, record.lot, attempted)?;
        }
        Ok(())
    }

    pub(super) fn act(&mut self, document: DocumentId, what: Act) -> Result<(), Error> {
        self.change(document, |record| act(record, what))
    }

    /// One word of an insurer about a document of a lot.
    pub(super) fn hear(
        &mut self,
        document: DocumentId,
        heard: Heard,
        lot: Option<LotId>,
        attempted: Option<Timestamp>,
    ) -> Result<(), Error> {
        let (mut newly, word) = (false, heard.word);
        self.change(document, |record| {
            let expected = Expected::of(&record.received.facts);
            record.course.hear(heard, expected);
            // What comes about the void lot of a document that is open again is recorded: it proves no attempt.
            if record.lot != lot || record.standing() == Standing::Open {
                return Ok(());
            }
            record.proven = record.proven.or(attempted);
            // A word that the document does not expect is recorded and answers nothing.
            if record.standing() != Standing::InLot {
                newly = record.answered_in != lot;
                record.answered_in = lot;
            }
            Ok(())
        })?;
        match lot {
            Some(lot) if newly => self.answered(lot, document, word),
            Some(_) | None => Ok(()),
        }
    }

    /// Changes a document and everything that follows from it.
    pub(super) fn change(
        &mut self,
        document: DocumentId,
        how: impl FnOnce(&mut DocumentRecord) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let before = records::known_document(self.working, document)?;
        let mut after = before.clone();
        how(&mut after)?;
        if after == before {
            return Ok(());
        }
        if after.standing() != before.standing() {
            after.since = self.at;
        }
        // What is taken is owed on paper no more; after a refusal it is owed anew, and later.
        if after.is_taken() && !before.is_taken() {
            after.paper_owed = None;
        }
        self.put_document(Some(before), after)
    }

    fn put_document(
        &mut self,
        before: Option<DocumentRecord>,
        mut after: DocumentRecord,
    ) -> Result<(), Error> {
        let id = after.received.document;
        let terms = self.known.terms(self.working)?;
        let region = self.known.region_of(self.working, &after.received.facts)?;
        after.timer = after.time_limit(region, &terms).map(|next| next.at);
        let old_timer = before.as_ref().and_then(|before| before.timer);
        if old_timer != after.timer {
            let item = id.0.to_be_bytes();
            if let Some(at) = old_timer {
                bundle::remove(self.working, keys::timer(at, id), item)?;
            }
            if let Some(at) = after.timer {
                bundle::insert(self.working, keys::timer(at, id), item)?;
            }
        }
        // Of its admission the record itself tells: most documents that wait have nothing else.
        if let Some(before) = &before {
            let moment = Moment {
                standing: after.standing(),
                lot: after.lot.filter(|lot| before.lot != Some(*lot)),
            };
            let key = keys::document_history(id, self.position);
            save(self.working, key, &moment);
        }
        save(self.working, keys::document(id), &after);
        listing::keep(self.working, before.as_ref(), &after);
        self.regroup(before.as_ref(), &after)?;
        self.recount(before.as_ref(), &after)?;
        self.follow(before.as_ref(), &after)
    }

    /// What other records learn: the lot that a document left, the PJs that waited for its receipt.
    fn follow(
        &mut self,
        before: Option<&DocumentRecord>,
        after: &DocumentRecord,
    ) -> Result<(), Error> {
        let Some(before) = before else { return Ok(()) };
        if let (true, Some(lot)) = (leaves(before, after), after.lot) {
            let old = records::known_lot(self.working, lot)?;
            if !old.state.is_finished() {
                self.put_lot(Some(&old), old.left_by(after.received.document));
            }
        }
        let receipted = before.receipted() == standing::Receipted::No
            && after.receipted() != standing::Receipted::No
            && after.received.facts.key.kind == Kind::Fse;
        if receipted {
            let at = self.at;
            for pj in supporting(self.working, after.received.document)? {
                self.change(pj, |record| {
                    if record.waits_for.take().is_some() {
                        record.sealable_since = at;
                    }
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

/// Whether a document goes another way than its lot: also one that was refused in it, or rejected, for the lot may be
/// sent again.
fn leaves(before: &DocumentRecord, after: &DocumentRecord) -> bool {
    let goes = match after.standing() {
        Standing::OnPaper | Standing::ByHand | Standing::Cancelled | Standing::Replaced => true,
        Standing::Open
        | Standing::InLot
        | Standing::Acknowledged
        | Standing::Refused
        | Standing::Paid
        | Standing::PartPaid
        | Standing::Rejected
        | Standing::Unsettled
        | Standing::Lapsed
        | Standing::Granted
        | Standing::Declined => false,
    };
    let was_in_it = match before.standing() {
        Standing::InLot | Standing::Refused | Standing::Rejected | Standing::Declined => true,
        Standing::Open
        | Standing::Acknowledged
        | Standing::Paid
        | Standing::PartPaid
        | Standing::Unsettled
        | Standing::OnPaper
        | Standing::ByHand
        | Standing::Cancelled
        | Standing::Replaced
        | Standing::Lapsed
        | Standing::Granted => false,
    };
    goes && was_in_it
}

/// The PJs that support an FSE.
pub fn supporting(index: &dyn Index, fse: DocumentId) -> Result<Vec<DocumentId>, Error> {
    let prefix = keys::supporting_of(fse);
    let found = index.scan(&prefix, &keys::after(&prefix), usize::MAX)?;
    found
        .iter()
        .map(|(key, _)| records::read(&key[prefix.len()..]))
        .collect()
}

/// Does an act that the decider allowed.
pub(super) fn act(record: &mut DocumentRecord, what: Act) -> Result<(), Error> {
    record.course.act(what).map_err(|refusal| {
        Error::Read(
            format!(
                "entry against the table: {what:?} of {:?}: {refusal:?}",
                record.standing()
            )
            .into(),
        )
    })
}
