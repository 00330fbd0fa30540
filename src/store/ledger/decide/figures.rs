//! Figures of caisses, what was found beside them, and what people say of it. None of it moves a document.

use crate::claims::entry::{Entry, FiguresLoaded, Judged, Position, Reconciled, Ruling};
use crate::claims::id::Name;
use crate::store::ledger::decide::Decider;
use crate::store::ledger::{keys, records};
use crate::store::{Body, Conflict, Error, FiguresRecord, JudgedRecord, Named, Outcome, RunRecord};

impl Decider<'_, '_> {
    /// A file is known by its digest: loaded again it changes nothing, whoever loads it.
    pub(super) fn load_figures(
        &mut self,
        figures: FiguresLoaded,
        file: Body,
    ) -> Result<Outcome, Error> {
        let known: Option<FiguresRecord> =
            records::load(self.working, &keys::figures(figures.digest))?;
        if known.is_none() {
            self.push_bound(Entry::FiguresLoaded(Box::new(figures)), file)?;
        }
        Ok(self.done())
    }

    /// The answer's position is the name of the reconciliation.
    pub(super) fn reconcile(&mut self, run: Reconciled, result: Body) -> Result<Outcome, Error> {
        let known: Option<FiguresRecord> =
            records::load(self.working, &keys::figures(run.figures))?;
        if known.is_none() {
            return Ok(Outcome::Conflict(Conflict::Unknown(Named::Figures)));
        }
        let position = self.push_bound(Entry::Reconciled(Box::new(run)), result)?;
        Ok(Outcome::Done(position))
    }

    /// The same word without another comment changes nothing.
    pub(super) fn judge_line(
        &mut self,
        (run, line): (Position, u32),
        judgement: Ruling,
        actor: Name,
        comment: Option<Body>,
    ) -> Result<Outcome, Error> {
        let record: Option<RunRecord> = records::load(self.working, &keys::run(run))?;
        let lines = record.map_or(0, |record| record.run.differences);
        if !(1..=lines).contains(&line) {
            return Ok(Outcome::Conflict(Conflict::Unknown(Named::Line)));
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
            Some(comment) => {
                self.push_with(comment, |comment| judged(Some(comment)))?;
            }
            None if repeats => {}
            None => {
                self.push(judged(None))?;
            }
        }
        Ok(self.done())
    }
}
