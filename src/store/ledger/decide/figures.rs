//! Figures of caisses, what was found beside them, and what people say of it. None of it moves a document.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::claims::commitment::commitment;
use crate::claims::entry::{Entry, FiguresLoaded, Judged, Judgement, Position, Reconciled};
use crate::claims::id::{Digest, Name};
use crate::store::ledger::decide::Decider;
use crate::store::ledger::{keys, records};
use crate::store::{
    Body, BodyId, Conflict, Error, FiguresRecord, JudgedRecord, Outcome, RunRecord,
};

impl Decider<'_, '_> {
    /// A file is known by its digest: loaded again it changes nothing, whoever loads it.
    pub(super) fn load_figures(
        &mut self,
        figures: FiguresLoaded,
        file: Bytes,
        salt: [u8; 16],
    ) -> Result<Outcome, Error> {
        let known: Option<FiguresRecord> =
            records::load(self.working, &keys::figures(figures.digest))?;
        if known.is_none() {
            let figures = FiguresLoaded {
                commitment: commitment(salt, sha256(&file)),
                ..figures
            };
            self.with_body(Entry::FiguresLoaded(Box::new(figures)), file, salt)?;
        }
        Ok(self.done())
    }

    /// The answer's position is the name of the reconciliation.
    pub(super) fn reconcile(
        &mut self,
        run: Reconciled,
        result: Bytes,
        salt: [u8; 16],
    ) -> Result<Outcome, Error> {
        let known: Option<FiguresRecord> =
            records::load(self.working, &keys::figures(run.figures))?;
        if known.is_none() {
            return Ok(Outcome::Conflict(Conflict::Unknown));
        }
        let run = Reconciled {
            commitment: commitment(salt, sha256(&result)),
            ..run
        };
        let position = self.with_body(Entry::Reconciled(Box::new(run)), result, salt)?;
        Ok(Outcome::Done(position))
    }

    /// The same word without another comment changes nothing.
    pub(super) fn judge_line(
        &mut self,
        (run, line): (Position, u32),
        judgement: Judgement,
        actor: Name,
        comment: Option<(Bytes, [u8; 16])>,
    ) -> Result<Outcome, Error> {
        let record: Option<RunRecord> = records::load(self.working, &keys::run(run))?;
        let lines = record.map_or(0, |record| record.run.differences);
        if !(1..=lines).contains(&line) {
            return Ok(Outcome::Conflict(Conflict::Unknown));
        }
        let before: Option<JudgedRecord> = records::load(self.working, &keys::judged(run, line))?;
        let repeats = before.is_some_and(|before| {
            before.judged.judgement == judgement && before.judged.actor == actor
        });
        let judged = |comment| {
            Entry::Judged(Box::new(Judged {
                run,
                line,
                judgement,
                actor,
                comment,
            }))
        };
        match comment {
            Some((text, salt)) => {
                let promised = commitment(salt, sha256(&text));
                self.with_body(judged(Some(promised)), text, salt)?;
            }
            None if repeats => {}
            None => {
                self.push(judged(None))?;
            }
        }
        Ok(self.done())
    }

    /// An entry and the body that it commits to.
    fn with_body(&mut self, entry: Entry, bytes: Bytes, salt: [u8; 16]) -> Result<Position, Error> {
        let position = self.push(entry)?;
        self.bodies
            .push((BodyId::Entry(position), Body { bytes, salt }));
        Ok(position)
    }
}

fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}
