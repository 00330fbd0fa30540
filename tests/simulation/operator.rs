//! The operator of a run: lots sent again, one or many, acts with reasons, and earlier answers asked for again.
//!
//! Whatever an operator does moves no lot and no document by itself; every earlier answer comes out as it was given.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bordereau::claims::agreement::Agreements;
use bordereau::claims::entry::{Entry, Gate, Position};
use bordereau::claims::id::{DocumentId, Finess, LotId};
use bordereau::claims::period::Period;
use bordereau::claims::place::Member;
use bordereau::clock::Clock;
use bordereau::report::count::snapshot::Snapshot;
use bordereau::report::rate::explain::{Question, explain};
use bordereau::report::rate::past::{self, Bounds};
use bordereau::store::{Body, Command, Conflict, DocumentRecord, LotRecord, Outcome, Store};

use crate::laws;
use crate::random::Random;
use crate::watched::Watched;
use crate::world::{PausedClock, World, name};

/// So few at once that a past of any size takes several passes.
const NARROW: Bounds = Bounds {
    page: 50,
    documents: 4,
};

/// Whoever steers.
pub struct Operator {
    random: Random,
    store: Arc<Watched>,
    clock: Arc<PausedClock>,
    world: Arc<World>,
    agreements: Agreements,
    /// What was published once.
    published: Vec<Snapshot>,
}

impl Operator {
    pub fn new(
        seed: u64,
        store: Arc<Watched>,
        clock: Arc<PausedClock>,
        world: Arc<World>,
    ) -> Operator {
        Operator {
            random: Random::new(seed, 8),
            store,
            clock,
            world,
            agreements: bordereau::config::agreements::load(&[]).unwrap(),
            published: Vec::new(),
        }
    }

    /// Does one thing, or nothing, and says what.
    pub async fn act(&mut self) -> &'static str {
        match self.random.below(100) {
            0..15 => self.retry_any().await,
            15..25 => self.replay().await,
            25..35 => self.gate().await,
            35..45 => self.leave().await,
            45..55 => self.publish(),
            55..60 => self.as_of().await,
            60..65 => self.explain().await,
            _ => "nothing steered",
        }
    }

    /// Gives a reason for a command; it is in the ledger right behind what it explains.
    async fn order(&mut self, command: Command) -> Option<Outcome> {
        let explained = Command::Explain {
            command: Box::new(command),
            reason: Body {
                bytes: "agreed on the telephone".into(),
                salt: self.clock.salt(),
            },
        };
        let before = self.store.memory.health().position;
        let outcome = self.store.commit(self.clock.now(), explained).await.ok();
        let new = laws::now(self.store.memory.entries(before, usize::MAX));
        let first = new.first().map(|(position, _)| *position);
        let is_explained = new.iter().any(|(_, stamped)| {
            matches!(&stamped.entry, Entry::Explained { of, .. } if Some(*of) == first)
        });
        if first.is_some() && !is_explained {
            self.wrong(format!("what was done at {first:?} has no reason"));
        }
        outcome
    }

    /// One lot, whatever its state.
    async fn retry_any(&mut self) -> &'static str {
        let lots = self.lots();
        let Some(lot) = self.random.any_of(&lots).cloned() else {
            return "no lot to retry";
        };
        let delay = Duration::from_secs(self.random.below(3) * 40);
        self.retry(&lot, delay).await;
        "retry"
    }

    /// Sends a lot again after a delay, as far as its state allows; whether it was ordered.
    async fn retry(&mut self, lot: &LotRecord, delay: Duration) -> bool {
        let id = lot.sealed.lot;
        let at = self.clock.now() + delay;
        let actor = name("operator");
        // Nothing happens in between: a store in memory answers at once.
        let before = self.lot(id);
        let command = Command::Retry { lot: id, actor, at };
        let outcome = self.order(command).await;
        let after = self.lot(id);
        let done = matches!(outcome, Some(Outcome::Done(_)));
        let refused = matches!(outcome, Some(Outcome::Conflict(Conflict::Delivery { .. })));
        let allowed = before.state.may_be_retried();
        if done != allowed || refused == allowed {
            let state = before.state;
            self.wrong(format!(
                "lot {id}, {state:?}, was ordered again: {outcome:?}"
            ));
        }
        let same = LotRecord {
            next: before.next,
            told: before.told,
            ..after.clone()
        };
        if same != before {
            self.wrong(format!(
                "lot {id} moved when it was ordered again: {after:?}"
            ));
        }
        let now = self.clock.now();
        // It is brought forward and never put off.
        let due = before.next.map(|next| at.min(next.at.max(now)));
        if done && after.next.map(|next| next.at) != due {
            self.wrong(format!(
                "lot {id} was ordered for {at}, and waits for {:?}",
                after.next
            ));
        }
        done
    }

    /// All lots of an endpoint or centre, one after the other: a dry run says how many, and leaves all as it is.
    async fn replay(&mut self) -> &'static str {
        let endpoint = self.random.one_of(&self.world.endpoints).name.clone();
        let centre = self.random.one_of(&self.world.centres).finess;
        let of_centre = self.random.percent(50);
        let matched: Vec<LotRecord> = self
            .lots()
            .into_iter()
            .filter(|lot| match of_centre {
                true => lot.sealed.centre == centre,
                false => lot.sealed.endpoint == endpoint,
            })
            .collect();
        let promised = matched
            .iter()
            .filter(|lot| lot.state.may_be_retried())
            .count();
        let pace = Duration::from_millis(self.random.below(5_000));
        let (mut ordered, mut delay) = (0, Duration::ZERO);
        for lot in &matched {
            let done = self.retry(lot, delay).await;
            ordered += usize::from(done);
            delay += if done { pace } else { Duration::ZERO };
        }
        if ordered != promised {
            self.wrong(format!("{promised} lots were promised, {ordered} ordered"));
        }
        "replay"
    }

    async fn gate(&mut self) -> &'static str {
        let endpoint = self.random.one_of(&self.world.endpoints).name.clone();
        let gate = *self.random.one_of(&[Gate::Held, Gate::Open]);
        let actor = name("operator");
        self.order(Command::Endpoint {
            endpoint,
            gate,
            actor,
        })
        .await;
        "gate with a reason"
    }

    /// A document is marked as transmitted, put on paper or withdrawn, with a reason.
    async fn leave(&mut self) -> &'static str {
        let documents = self.documents();
        let Some(record) = self.random.any_of(&documents).cloned() else {
            return "nothing to leave";
        };
        let document = record.received.document;
        let actor = name("operator");
        let (command, said) = match self.random.below(3) {
            0 => (Command::Paper { document, actor }, "paper with a reason"),
            1 => {
                let evidence = Body {
                    bytes: "handed over on a disk".into(),
                    salt: self.clock.salt(),
                };
                let command = Command::Hand {
                    document,
                    actor,
                    evidence,
                };
                (command, "by hand with a reason")
            }
            _ => {
                let caller = actor;
                (Command::Cancel { document, caller }, "cancel with a reason")
            }
        };
        let outcome = self.order(command).await;
        let moved = self
            .documents()
            .into_iter()
            .find(|other| other.received.document == document);
        let moved = moved.map(|moved| moved.standing());
        if matches!(outcome, Some(Outcome::Conflict(_))) && moved != Some(record.standing()) {
            self.wrong(format!(
                "{document}: {said} was refused, and it moved to {moved:?}"
            ));
        }
        said
    }

    /// Keeps what is published now.
    fn publish(&mut self) -> &'static str {
        let memory = &self.store.memory;
        let tallies = laws::now(memory.tallies(laws::all()));
        if tallies.position > Position(0) {
            let registry = laws::now(memory.centres());
            let at = self.clock.now();
            let snapshot = Snapshot::balanced(at, tallies, registry, &self.agreements);
            self.published.push(snapshot);
        }
        "publish"
    }

    /// Asks for an earlier answer again.
    async fn as_of(&mut self) -> &'static str {
        let Some(then) = self.random.any_of(&self.published).cloned() else {
            return "nothing was published";
        };
        let centres: BTreeSet<Finess> = then.centres.keys().copied().collect();
        let again = past::recount(&self.store.memory, centres, then.position, NARROW);
        match again.await {
            Ok(again) => {
                let counts = |snapshot: &Snapshot| -> BTreeMap<_, _> {
                    let centres = snapshot.centres.iter();
                    centres
                        .map(|(finess, centre)| {
                            (*finess, (centre.versions.clone(), centre.counts.clone()))
                        })
                        .collect()
                };
                if counts(&again.snapshot) != counts(&then) {
                    let position = then.position.0;
                    self.wrong(format!(
                        "what was published at {position} is recounted otherwise"
                    ));
                }
            }
            Err(error) => self.wrong(format!("an earlier answer cannot be recounted: {error}")),
        }
        "as of"
    }

    /// Opens a figure of an earlier answer: as many units and sheets are behind it as it says.
    async fn explain(&mut self) -> &'static str {
        let Some(then) = self.random.any_of(&self.published).cloned() else {
            return "nothing to explain";
        };
        let centre = self.random.one_of(&self.world.centres).finess;
        let period = Period::month_of(self.clock.now().day());
        let Ok(rate) = then.obligation(&self.agreements, centre, period) else {
            return "no rate to explain";
        };
        let memory = &self.store.memory;
        let past = past::of_centre(memory, centre, then.position, NARROW).await;
        let mut question = Question {
            centre,
            period,
            member: Member::parse("denominator").unwrap(),
            after: None,
            most: 3,
        };
        let mut found = 0;
        while let Ok(past) = &past {
            let page = explain(memory, past, &self.agreements, question).await;
            let Ok(page) = page else {
                self.wrong("a figure cannot be opened".to_owned());
                break;
            };
            found += page.units.len() as i64;
            found += page.sheets.iter().map(|row| row.sheets).sum::<i64>();
            let Some(next) = page.next else { break };
            question.after = Some(DocumentId::parse(&next).unwrap());
        }
        let figure = rate.rate.denominator;
        if past.is_err() || found != figure {
            self.wrong(format!("{found} units and sheets are behind {figure}"));
        }
        "explain"
    }

    fn lots(&self) -> Vec<LotRecord> {
        laws::now(self.store.memory.lots(None, usize::MAX))
    }

    fn lot(&self, id: LotId) -> LotRecord {
        laws::now(self.store.memory.lot(id)).expect("lots stay")
    }

    fn documents(&self) -> Vec<DocumentRecord> {
        laws::now(self.store.memory.documents(None, usize::MAX))
    }

    fn wrong(&self, what: String) {
        self.store.laws().broken(what);
    }
}
