//! The centres of a run and the operator: what they post, cancel and declare, and what they must be answered.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use bordereau::claims::document::{
    Cents, ClockBasis, Exclusion, Exclusions, Facts, Key, Kind, Mode, Purpose, ReplacementReason,
    ThirdParty,
};
use bordereau::claims::entry::{Gate, PaperRow, TurnedAway};
use bordereau::claims::id::{Amc, Amo, Digest, DocumentId, Number};
use bordereau::claims::standing::{Act, Standing};
use bordereau::claims::terms::Region;
use bordereau::claims::time::Day;
use bordereau::clock::Clock;
use bordereau::store::{Admission, Admitted, Body, Command, Conflict, Find, Outcome, Store, Unity};

use crate::laws;
use crate::random::Random;
use crate::watched::Watched;
use crate::world::{PausedClock, World, amc, amo, name};

/// Centres and operator, and what they know of their documents.
pub struct Office {
    random: Random,
    store: Arc<Watched>,
    clock: Arc<PausedClock>,
    world: Arc<World>,
    posted: Vec<Posted>,
    numbers: u64,
}

/// A document as its centre knows it.
#[derive(Clone)]
struct Posted {
    document: DocumentId,
    purpose: Purpose,
    facts: Facts,
    body: Bytes,
}

impl Office {
    pub fn new(
        seed: u64,
        store: Arc<Watched>,
        clock: Arc<PausedClock>,
        world: Arc<World>,
    ) -> Office {
        Office {
            random: Random::new(seed, 4),
            store,
            clock,
            world,
            posted: Vec::new(),
            numbers: 0,
        }
    }

    /// The gateway's start: terms and centres.
    pub async fn open(&mut self) {
        self.command(Command::Terms(self.world.terms)).await;
        self.command(Command::Registry(self.world.centres.clone()))
            .await;
    }

    /// Does one thing, and says what.
    pub async fn act(&mut self) -> &'static str {
        match self.random.below(100) {
            0..40 => self.post().await,
            40..46 => self.again().await,
            46..51 => self.other_content().await,
            51..66 => self.replace().await,
            66..73 => self.leave(Leaving::Cancel).await,
            73..79 => self.leave(Leaving::Paper).await,
            79..84 => self.leave(Leaving::Hand).await,
            84..89 => self.declare().await,
            89..91 => self.turn_away().await,
            91..96 => self.gate().await,
            96..98 => self.register().await,
            _ => "nothing",
        }
    }

    /// Everything that an operator holds is released.
    pub async fn release(&mut self) {
        for door in 0..self.world.endpoints.len() {
            let endpoint = self.world.endpoints[door].name.clone();
            self.set_gate(endpoint, Gate::Open).await;
        }
    }

    async fn command(&mut self, command: Command) -> Option<Outcome> {
        let now = self.clock.now();
        let outcome = self.store.commit(now, command.clone()).await.ok();
        // Every command is safe to repeat.
        if self.random.percent(10) {
            return self.store.commit(now, command).await.ok();
        }
        outcome
    }

    async fn post(&mut self) -> &'static str {
        let count = self.random.between(1, 3);
        let mut documents = Vec::new();
        for _ in 0..count {
            let facts = self.fresh_facts();
            let purpose = self.purpose(&facts);
            if facts.key.kind == Kind::Fse && self.random.percent(25) {
                let pj = self.supporting(&facts);
                documents.push((purpose, pj));
            }
            documents.push((purpose, facts));
        }
        let unity = *self.random.one_of(&[Unity::Each, Unity::Together]);
        let admissions = documents
            .into_iter()
            .map(|(purpose, facts)| self.admission(purpose, facts));
        let admissions: Vec<_> = admissions.collect();
        for row in self.admit(admissions, unity).await {
            if !matches!(row, Admitted::Received { .. } | Admitted::Known { .. }) {
                self.wrong(format!("a new document was answered {row:?}"));
            }
        }
        "post"
    }

    /// The same bytes once more, under a fresh id: the first answer again.
    async fn again(&mut self) -> &'static str {
        let Some(known) = self.random.any_of(&self.posted).cloned() else {
            return "nothing to repeat";
        };
        let mut admission = self.admission(known.purpose, known.facts);
        admission.digest = sha256(&known.body);
        admission.body.bytes = known.body;
        let rows = self.admit(vec![admission], Unity::Each).await;
        let first =
            matches!(rows[..], [Admitted::Known { document, .. }] if document == known.document);
        if !first {
            self.wrong(format!(
                "{} posted again was answered {rows:?}",
                known.document
            ));
        }
        "the same again"
    }

    async fn other_content(&mut self) -> &'static str {
        let Some(known) = self.random.any_of(&self.posted).cloned() else {
            return "nothing to contradict";
        };
        let facts = Facts {
            amount_amo: Cents(known.facts.amount_amo.0 + 1),
            replaces: None,
            ..known.facts
        };
        let admission = self.admission(known.purpose, facts);
        let rows = self.admit(vec![admission], Unity::Each).await;
        if !matches!(rows[..], [Admitted::Refused(Conflict::OtherContent { .. })]) {
            self.wrong(format!(
                "other content of {} was answered {rows:?}",
                known.document
            ));
        }
        "other content"
    }

    async fn replace(&mut self) -> &'static str {
        let fit = |posted: &&Posted| replaceable(self.standing(posted.document));
        let fitting: Vec<_> = self.posted.iter().filter(fit).cloned().collect();
        let known = if self.random.percent(85) {
            self.random.any_of(&fitting).cloned()
        } else {
            self.random.any_of(&self.posted).cloned()
        };
        let Some(known) = known else {
            return "nothing to replace";
        };
        let may = replaceable(self.standing(known.document));
        let replaced = known.facts.key;
        let reason = *self.random.one_of(&ReplacementReason::ALL);
        let mut facts = Facts {
            replaces: Some((replaced.kind, replaced.number, reason)),
            mode: *self.random.one_of(&Mode::ALL),
            ..known.facts
        };
        if self.random.percent(50) {
            facts.key.number = self.number();
        }
        let latest = laws::now(
            self.store
                .memory
                .document(Find::Key(replaced, known.purpose)),
        );
        let latest = latest.map(|view| view.record.received.document);
        let admission = self.admission(known.purpose, facts);
        let rows = self.admit(vec![admission], Unity::Each).await;
        let received = matches!(rows[..], [Admitted::Received { .. }]);
        if latest == Some(known.document) && received != may {
            self.wrong(format!(
                "a replacement of {} was answered {rows:?}",
                known.document
            ));
        }
        "replace"
    }

    async fn leave(&mut self, how: Leaving) -> &'static str {
        let Some(known) = self.random.any_of(&self.posted).cloned() else {
            return "nothing to take back";
        };
        let before = self.standing(known.document);
        let (document, actor) = (known.document, name("operator"));
        let (command, act, said) = match how {
            Leaving::Cancel => {
                let command = Command::Cancel {
                    document,
                    caller: actor,
                };
                (command, Act::Cancelled, "cancel")
            }
            Leaving::Paper => (
                Command::Paper { document, actor },
                Act::DuplicateConfirmed,
                "paper",
            ),
            Leaving::Hand => {
                let evidence = Body {
                    bytes: Bytes::from_static(b"posted on a disk"),
                    salt: self.clock.salt(),
                };
                let command = Command::Hand {
                    document,
                    actor,
                    evidence,
                };
                (command, Act::ByHand, "by hand")
            }
        };
        let outcome = self.command(command).await;
        let after = self.standing(document);
        let done = matches!(outcome, Some(Outcome::Done(_)));
        let allowed = before.and_then(|before| before.after(act).ok());
        if done && allowed.is_some() && after != allowed {
            self.wrong(format!(
                "{document} was {before:?}, {act:?} was done, and it is {after:?}"
            ));
        }
        if !done && after != before {
            self.wrong(format!(
                "{document}: {act:?} was not done, and it moved to {after:?}"
            ));
        }
        // A duplicate is a fact: whatever the standing, it is recorded.
        if matches!(how, Leaving::Paper) && before.is_some() && !done {
            self.wrong(format!(
                "{document}: its paper duplicate was answered {outcome:?}"
            ));
        }
        said
    }

    async fn declare(&mut self) -> &'static str {
        let centre = self.random.one_of(&self.world.centres).finess;
        let rows = (0..self.random.below(3)).map(|row| PaperRow {
            caisse: Amo::new("01", ["751", "131", "671"][row as usize], "0000").unwrap(),
            sheets: 1 + row as u32 * 3,
        });
        let command = Command::Declare {
            centre,
            day: self.clock.now().day(),
            caller: name("vendor"),
            rows: rows.collect(),
        };
        self.command(command).await;
        "declare"
    }

    async fn turn_away(&mut self) -> &'static str {
        let post = TurnedAway {
            centre: None,
            kind: Some(Kind::Fse),
            caller: name("vendor"),
            codes: vec![name("NIR_KEY")],
        };
        let now = self.clock.now();
        let turned = self.store.commit(now, Command::TurnAway(vec![post])).await;
        drop(turned);
        "turn away"
    }

    /// A centre's holidays change under its documents.
    async fn register(&mut self) -> &'static str {
        let mut centre = self.random.one_of(&self.world.centres).clone();
        centre.region = *self
            .random
            .one_of(&[Region::Metropole, Region::AlsaceMoselle]);
        self.command(Command::Registry(vec![centre])).await;
        "register"
    }

    async fn gate(&mut self) -> &'static str {
        let endpoint = self.random.one_of(&self.world.endpoints).name.clone();
        let gate = *self.random.one_of(&[Gate::Held, Gate::Open]);
        self.set_gate(endpoint, gate).await;
        "gate"
    }

    async fn set_gate(&mut self, endpoint: bordereau::claims::id::EndpointName, gate: Gate) {
        let actor = name("operator");
        self.command(Command::Endpoint {
            endpoint,
            gate,
            actor,
        })
        .await;
    }

    /// Posts, and sometimes hears no answer and posts once more under fresh ids, as a caller does.
    async fn admit(&mut self, admissions: Vec<Admission>, unity: Unity) -> Vec<Admitted> {
        let repeated = self.random.percent(15);
        let mut rows = Vec::new();
        for round in 0..1 + u8::from(repeated) {
            let mut documents = admissions.clone();
            if round > 0 {
                for admission in &mut documents {
                    admission.document = DocumentId(self.clock.fresh_id());
                }
            }
            let ids = documents.clone();
            let caller = name("vendor");
            let command = Command::Admit {
                caller,
                documents,
                unity,
            };
            let answer = self.store.commit(self.clock.now(), command).await;
            let Ok(Outcome::Admitted(answered)) = answer else {
                self.wrong("a post was not answered".to_owned());
                return Vec::new();
            };
            for (row, admission) in answered.iter().zip(ids) {
                self.heard(row, admission);
            }
            // What was received at first is known by the second answer.
            if round == 0 {
                rows = answered;
            } else if answered
                .iter()
                .any(|row| matches!(row, Admitted::Received { .. }))
            {
                self.wrong(format!("a repeated post was received again: {answered:?}"));
            }
        }
        rows
    }

    fn heard(&mut self, row: &Admitted, admission: Admission) {
        if let Admitted::Received { document, .. } = row {
            self.store.laws().posted(*document, admission.digest);
            self.posted.push(Posted {
                document: *document,
                purpose: admission.purpose,
                facts: admission.facts,
                body: admission.body.bytes,
            });
        }
    }

    fn wrong(&self, what: String) {
        self.store.laws().broken(what);
    }

    fn standing(&self, document: DocumentId) -> Option<Standing> {
        let view = laws::now(self.store.memory.document(Find::Id(document)));
        view.map(|view| view.record.standing())
    }

    fn purpose(&mut self, facts: &Facts) -> Purpose {
        let tested = facts.destination == amo("751") && self.random.percent(15);
        if tested { Purpose::Test } else { Purpose::Real }
    }

    fn number(&mut self) -> Number {
        self.numbers += 1;
        Number::parse(&format!("{:09}", self.numbers)).unwrap()
    }

    fn fresh_facts(&mut self) -> Facts {
        let kind = *self
            .random
            .one_of(&[Kind::Fse, Kind::Fse, Kind::Dre, Kind::Pec]);
        let caisse = *self.random.one_of(&["751", "131", "671"]);
        let destination = match kind {
            Kind::Dre => amc(),
            Kind::Fse | Kind::Pj | Kind::Pec => amo(caisse),
        };
        let centre = self.random.one_of(&self.world.centres).finess;
        let number = self.number();
        let both = kind == Kind::Fse && self.random.percent(30);
        let clock_day = self.day();
        Facts {
            key: Key {
                centre,
                kind,
                number,
            },
            mode: *self.random.one_of(&Mode::ALL),
            destination,
            clock_day,
            clock_basis: *self.random.one_of(&ClockBasis::ALL),
            care_day: clock_day.plus_days(-(self.random.below(3) as i32)),
            third_party_amo: self.third_party(),
            third_party_amc: self.third_party(),
            amount_amo: Cents(if self.random.percent(90) { 1750 } else { 0 }),
            amount_amc: Cents(if both || kind == Kind::Dre { 750 } else { 0 }),
            settled_for: both.then(|| Amc::parse("75010001").unwrap()),
            exclusions: self.exclusions(),
            replaces: None,
            supports: None,
        }
    }

    fn supporting(&mut self, fse: &Facts) -> Facts {
        let number = self.number();
        Facts {
            key: Key {
                kind: Kind::Pj,
                number,
                ..fse.key
            },
            care_day: fse.clock_day,
            amount_amo: Cents(0),
            amount_amc: Cents(0),
            settled_for: None,
            supports: Some(fse.key.number),
            ..fse.clone()
        }
    }

    fn day(&mut self) -> Day {
        let past = self.random.below(8) as i32;
        self.clock.now().day().plus_days(-past)
    }

    fn third_party(&mut self) -> ThirdParty {
        *self
            .random
            .one_of(&[ThirdParty::PatientPaid, ThirdParty::InsurerPays])
    }

    fn exclusions(&mut self) -> Exclusions {
        let several = Exclusion::ALL.iter().filter(|_| self.random.percent(10));
        several.fold(Exclusions::NONE, |set, exclusion| set.with(*exclusion))
    }

    fn admission(&mut self, purpose: Purpose, facts: Facts) -> Admission {
        let draft = self.random.next();
        let padding = "x".repeat(self.random.below(600) as usize);
        let body = format!("<document draft=\"{draft}\">{padding}</document>");
        Admission {
            document: DocumentId(self.clock.fresh_id()),
            purpose,
            facts,
            digest: sha256(body.as_bytes()),
            body: Body {
                bytes: body.into(),
                salt: self.clock.salt(),
            },
            warnings: Vec::new(),
        }
    }
}

/// How a document leaves the way of its lot.
#[derive(Clone, Copy)]
enum Leaving {
    Cancel,
    Paper,
    Hand,
}

fn replaceable(standing: Option<Standing>) -> bool {
    standing.is_some_and(|standing| standing.after(Act::ReplacementAdmitted).is_ok())
}

fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}
