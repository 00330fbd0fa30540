//! One run: a gateway that lives and dies among its centres and insurers, until everything has an end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use bordereau::claims::entry::{Position, Stamped};
use bordereau::claims::id::LotId;
use bordereau::claims::standing::Standing;
use bordereau::claims::terms::Terms;
use bordereau::claims::time::Timestamp;
use bordereau::clock::Clock;
use bordereau::dispatch::Dispatch;
use bordereau::formats::xml::Limits;
use bordereau::receipts::Receipts;
use bordereau::store::{Command, Store};

use crate::insurers::{Insurers, Writing};
use crate::laws::{self, Falsified, Laws};
use crate::mortal::{Life, Mortal};
use crate::office::Office;
use crate::operator::Operator;
use crate::random::Random;
use crate::watched::Watched;
use crate::world::{self, PausedClock, Tools, World};

/// Points that an idle hour may use: a look of each loop now and then.
const IDLE_POINTS: u64 = 600;

/// Two spans of two jours ouvrés, with a weekend or a public holiday in each, and some days in which it was asked in vain.
const DAYS_OF_LOSS: u32 = 14;

/// What a run was like: for the seeds' own account, and to see that one seed repeats itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    pub entries: Vec<(Position, Stamped)>,
    pub standings: Vec<Standing>,
    pub deaths: u32,
    /// Lots that an insurer took and lost.
    pub lost: usize,
}

/// Whether a run tells of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    Silent,
    Tells,
}

/// Lives through one seed; the law that was broken, if any was.
pub fn live(seed: u64, tools: &Tools, falsified: Falsified, voice: Voice) -> Result<Story, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut run = Run::new(seed, tools.clone(), falsified, voice);
        let told = run.tell().await;
        if told.is_err() && voice == Voice::Tells {
            for (position, stamped) in run.story().entries {
                eprintln!("{} {} {:?}", position.0, stamped.at, stamped.entry);
            }
        }
        told.map(|()| run.story())
    })
}

struct Run {
    random: Random,
    world: Arc<World>,
    clock: Arc<PausedClock>,
    store: Arc<Watched>,
    insurers: Arc<Insurers>,
    writing: Writing,
    office: Office,
    operator: Operator,
    tools: Tools,
    process: Option<Process>,
    deaths: u32,
    voice: Voice,
    terms: Terms,
    changes: Random,
    steps: Random,
}

/// A gateway that runs.
struct Process {
    life: Arc<Life>,
    loops: JoinSet<()>,
}

impl Run {
    fn new(seed: u64, tools: Tools, falsified: Falsified, voice: Voice) -> Run {
        let mut random = Random::new(seed, 1);
        let world = Arc::new(World::new(&mut random));
        let terms = world.terms;
        let clock = Arc::new(PausedClock::new(seed));
        let store = Watched::new(Laws::falsified(falsified));
        let insurers = Insurers::new(seed, Arc::clone(&store), Arc::clone(&world));
        let office = Office::new(
            seed,
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&world),
        );
        let operator = Operator::new(
            seed,
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&world),
        );
        Run {
            random,
            world,
            clock,
            store,
            insurers: Arc::new(insurers),
            writing: Writing::new(seed),
            office,
            operator,
            tools,
            process: None,
            deaths: 0,
            voice,
            terms,
            changes: Random::new(seed, 7),
            steps: Random::new(seed, 9),
        }
    }

    async fn tell(&mut self) -> Result<(), String> {
        self.office.open().await;
        self.trouble().await?;
        self.calm().await?;
        self.years_later().await
    }

    /// Centres work, insurers fail, the gateway dies.
    async fn trouble(&mut self) -> Result<(), String> {
        for _ in 0..self.random.between(10, 40) {
            if self.process.is_none() {
                self.start().await;
            }
            let act = self.office.act().await;
            let gap = self.gap();
            self.step(act, gap).await?;
            let steered = self.operator.act().await;
            self.say(steered);
            self.look()?;
            if self.steps.percent(5) {
                self.say("the clock steps forward");
                self.clock.step(self.steps.between(30, 600));
                self.store.laws().clock_steps();
            }
            if self.random.percent(4) {
                self.die("killed").await;
                // Down for a while, with centres that post all the same once it is up.
                let days = self.random.below(3);
                tokio::time::sleep(Duration::from_secs(days * 86_400)).await;
            }
        }
        Ok(())
    }

    /// Nothing fails any more: every document finds the end that it can find by itself.
    async fn calm(&mut self) -> Result<(), String> {
        self.insurers.calm();
        self.office.release().await;
        self.die("restarted").await;
        self.rebuild()?;
        self.start_immortal().await;
        for _ in 0..12 {
            self.step("calm", Duration::from_secs(300)).await?;
        }
        self.lost_lots().await?;
        self.writing.finish(self.clock.now(), &self.insurers);
        for _ in 0..4 {
            self.step("the last receipts", Duration::from_secs(300))
                .await?;
            self.writing.finish(self.clock.now(), &self.insurers);
        }
        self.idle().await?;
        self.ended(|standing| match standing {
            Standing::Open | Standing::InLot => false,
            Standing::Acknowledged
            | Standing::Refused
            | Standing::Paid
            | Standing::PartPaid
            | Standing::Rejected
            | Standing::Unsettled
            | Standing::OnPaper
            | Standing::ByHand
            | Standing::Cancelled
            | Standing::Replaced
            | Standing::Lapsed
            | Standing::Granted
            | Standing::Declined => true,
        })
    }

    /// What an insurer took and lost is found out when its receipt is overdue, or after a second span where it cannot be
    /// asked: then it goes again, or its documents go in another lot.
    async fn lost_lots(&mut self) -> Result<(), String> {
        for _ in 0..DAYS_OF_LOSS {
            let lost = self.writing.lost(&self.insurers);
            let lives = |lot: &LotId| {
                let lot = laws::now(self.store.memory.lot(*lot));
                lot.is_some_and(|lot| !lot.state.is_finished())
            };
            if !lost.iter().any(lives) {
                return Ok(());
            }
            self.step("what was lost", Duration::from_secs(86_400))
                .await?;
        }
        Err("what an insurer lost never went again".to_owned())
    }

    /// When nothing is to be done, nearly nothing is done: no loop turns for its own sake.
    async fn idle(&mut self) -> Result<(), String> {
        let points = |run: &Run| {
            run.process
                .as_ref()
                .map_or(0, |process| process.life.points())
        };
        let before = points(self);
        self.step("idle", Duration::from_secs(3600)).await?;
        let used = before - points(self);
        if used > IDLE_POINTS {
            return Err(format!("{used} calls in an idle hour"));
        }
        Ok(())
    }

    /// Time alone ends what is left.
    async fn years_later(&mut self) -> Result<(), String> {
        for _ in 0..2 {
            self.die("shut down for long").await;
            tokio::time::sleep(Duration::from_secs(20 * 86_400)).await;
            self.start_immortal().await;
            self.step("much later", Duration::from_secs(120)).await?;
        }
        self.die("the end").await;
        self.rebuild()?;
        self.ended(|standing| !matches!(standing, Standing::Acknowledged | Standing::Refused))
    }

    /// A span in which the loops work, and everything is looked at after it.
    async fn step(&mut self, what: &str, span: Duration) -> Result<(), String> {
        self.writing.write(self.clock.now(), &self.insurers);
        self.say(what);
        let died = match &self.process {
            None => {
                tokio::time::sleep(span).await;
                false
            }
            Some(process) => tokio::select! {
                biased;
                () = process.life.end() => true,
                () = tokio::time::sleep(span) => false,
            },
        };
        if died {
            self.die("died at a point").await;
        }
        self.look()
    }

    fn look(&self) -> Result<(), String> {
        let book = self.insurers.book();
        let mut laws = self.store.laws();
        laws.after_step(&self.store.memory, &book);
        laws.verdict()
    }

    fn gap(&mut self) -> Duration {
        let millis = *self
            .random
            .one_of(&[1, 500, 5_000, 30_000, 120_000, 1_200_000]);
        Duration::from_millis(self.random.below(millis))
    }

    async fn start(&mut self) {
        let points = *self.random.one_of(&[20, 100, 400, 100_000]);
        let points = 1 + self.random.below(points);
        if self.changes.percent(25) {
            // The operator changes the terms while the gateway is down: later timers follow them.
            self.terms = world::terms(&mut self.changes);
            let terms = Command::Terms(self.terms);
            let changed = self.store.commit(self.clock.now(), terms).await;
            drop(changed);
        }
        let busy = *self.random.one_of(&[0, 0, 5, 20]);
        self.run(points, busy).await;
    }

    async fn start_immortal(&mut self) {
        self.run(u64::MAX, 0).await;
    }

    async fn run(&mut self, points: u64, busy: u64) {
        let restarted = self.store.commit(self.clock.now(), Command::Restart).await;
        drop(restarted);
        let random = Random::new(self.random.next(), 5);
        let life = Arc::new(Life::new(points, random, busy));
        let store = Arc::new(Mortal {
            inner: Arc::clone(&self.store),
            life: Arc::clone(&life),
        });
        let transport = Arc::new(Mortal {
            inner: Arc::clone(&self.insurers),
            life: Arc::clone(&life),
        });
        let mut loops = JoinSet::new();
        let dispatch = Dispatch {
            store: store.clone(),
            transport: transport.clone(),
            clock: self.clock.clone(),
            routes: self.world.routes.clone(),
            lanes: Arc::default(),
            terms: self.terms,
            config: Arc::clone(&self.world.dispatch),
            telemetry: Arc::clone(&self.tools.telemetry),
        };
        let receipts = Receipts {
            store,
            transport,
            clock: self.clock.clone(),
            routes: self.world.routes.clone(),
            reader: Arc::clone(&self.tools.reader),
            limits: Limits::default(),
            keys: watch::channel(Arc::new(self.world.unsigned())).1,
            config: Arc::clone(&self.world.receipts),
            telemetry: Arc::clone(&self.tools.telemetry),
        };
        loops.spawn(dispatch.run(CancellationToken::new()));
        loops.spawn(receipts.run(CancellationToken::new()));
        self.process = Some(Process { life, loops });
    }

    /// The process is gone at once; what it was doing is as it is.
    async fn die(&mut self, how: &str) {
        self.say(how);
        if let Some(mut process) = self.process.take() {
            process.life.kill();
            process.loops.shutdown().await;
            self.deaths += 1;
        }
    }

    /// What is derived can be derived again.
    fn rebuild(&self) -> Result<(), String> {
        let mut laws = self.store.laws();
        laws.rebuilt(&self.store.memory);
        laws.verdict()
    }

    /// Whether every document is where it must be by now; a PJ may wait as long as its FSE can be replaced.
    fn ended(&self, is_end: impl Fn(Standing) -> bool) -> Result<(), String> {
        for record in laws::now(self.store.memory.documents(None, usize::MAX)) {
            let waits = record.waits_for.is_some() && record.standing() == Standing::Open;
            let kind = record.received.facts.key.kind;
            let standing = record.standing();
            if !is_end(standing) && !standing.is_finished(kind) && !waits {
                let (id, lot) = (record.received.document, record.lot);
                let lot = lot.and_then(|lot| laws::now(self.store.memory.lot(lot)));
                return Err(format!("{id} is {standing:?} at the end, its lot {lot:?}"));
            }
        }
        Ok(())
    }

    fn say(&self, what: &str) {
        if self.voice == Voice::Tells {
            let now: Timestamp = self.clock.now();
            let position = self.store.memory.health().position.0;
            eprintln!("{now} entry {position}: {what}");
        }
    }

    fn story(&self) -> Story {
        let documents = laws::now(self.store.memory.documents(None, usize::MAX));
        Story {
            entries: laws::now(self.store.memory.entries(Position(0), usize::MAX)),
            standings: documents.iter().map(|record| record.standing()).collect(),
            deaths: self.deaths,
            lost: self.writing.losses(),
        }
    }
}
