//! Which proofs are past their time: whole segments, the oldest first, and what would become of their documents.
//!
//! It only looks. What goes is decided when a foundation is laid, on a store at rest.

use crate::claims::entry::{Entry, Position, Stamped};
use crate::claims::id::DocumentId;
use crate::claims::retention::Rules;
use crate::claims::time::Timestamp;
use crate::store::Error;
use crate::store::embedded::ask::Asker;
use crate::store::embedded::evacuate::{Evacuator, Failed};
use crate::store::embedded::unreadable;
use crate::store::journal::reader::Piece;
use crate::store::journal::scan;
use crate::store::ledger::records;
use crate::store::ledger::retention::Judge;
use crate::store::retention::{Ending, Proofs};

/// So many documents are judged by one state of the index.
const LOOKED_UP: usize = 256;

impl Evacuator {
    /// How the proofs are: what was decided before an instant is past its time. Blocks for some entries.
    pub fn proofs(&self, before: Timestamp) -> Result<Proofs, Error> {
        let mut proofs = Proofs::default();
        for ordinal in self.reader.begin().segment..=self.reader.count() {
            let begun = match self.begun(ordinal) {
                Ok(begun) => begun,
                // A person was told of it at the start; it stays, and all that follow.
                Err(failed) if failed.is_of_one_segment() => break,
                Err(failed) => return Err(failed.into()),
            };
            if begun == Timestamp::MAX {
                break;
            }
            if proofs.oldest.is_none() {
                proofs.oldest = Some(begun);
                continue;
            }
            proofs.ended.get_or_insert(begun);
            if begun > before {
                break;
            }
            proofs.segments += 1;
            let first = self
                .reader
                .segment(ordinal)
                .map_err(unreadable)?
                .header
                .first;
            proofs.upto = Position(first.0 - 1);
        }
        Ok(proofs)
    }

    /// What would become of the documents in what is past its time, for as long as somebody waits for it. Blocks for as
    /// long as reading those segments takes.
    pub fn ending(&self, asker: &Asker, before: Timestamp, rules: Rules) -> Result<Ending, Error> {
        let (begin, proofs) = (self.reader.begin(), self.proofs(before)?);
        let mut ending = Ending::default();
        if proofs.segments == 0 {
            return Ok(ending);
        }
        let following = begin.segment + proofs.segments;
        let following = self.reader.segment(following).map_err(unreadable)?;
        let end = scan::start_of(&following.header);
        let (_, judge) = self.judging(rules)?;
        let mut admitted = Vec::with_capacity(LOOKED_UP);
        let read = self.reader.pieces(begin, end, |piece| {
            let batch = match piece {
                Piece::Whole(batch) | Piece::Patched(batch, _) => batch,
                // A person was told of it at the start. What was admitted there cannot be told.
                Piece::Hole(_) => return Ok(()),
            };
            for bytes in &batch.entries {
                let stamped = Stamped::read(bytes);
                let stamped = stamped.map_err(|bad| Error::Read(bad.to_string().into()))?;
                if let Entry::Received(received) = stamped.entry {
                    admitted.push(received.document);
                }
            }
            if admitted.len() >= LOOKED_UP {
                asker.waits()?;
                self.count(&std::mem::take(&mut admitted), &judge, before, &mut ending)?;
            }
            Ok::<(), Failed>(())
        });
        read?;
        self.count(&admitted, &judge, before, &mut ending)?;
        Ok(ending)
    }

    fn count(
        &self,
        documents: &[DocumentId],
        judge: &Judge,
        before: Timestamp,
        ending: &mut Ending,
    ) -> Result<(), Error> {
        let view = self.overlay.view();
        for document in documents {
            let record = records::known_document(&view, *document)?;
            if judge.is_past(&view, &record, before)? {
                ending.goes += 1;
            } else {
                ending.stays += 1;
            }
        }
        Ok(())
    }
}
