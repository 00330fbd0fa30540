//! Publishes statements: of every centre when a period is closed, and of one centre on order.
//!
//! What is still to be published follows from the ledger alone: a closing, and the statements that name it. So a
//! crash leaves some centres of a closing without their statement, and the next start goes on with those. It never
//! writes one again; without a key it publishes nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use crate::claims::agreement::Agreements;
use crate::claims::entry::Position;
use crate::claims::id::{Digest, Finess, Name};
use crate::claims::period::Period;
use crate::claims::registry::Centre;
use crate::claims::statement::Published;
use crate::clock::Clock;
use crate::formats::jws::unencoded::{self, Signer};
use crate::formats::statement::Statement;
use crate::report::rate::closing::{self, Correction};
use crate::report::rate::past::{self, Bounds, Past};
use crate::report::statement::{self, Facts};
use crate::report::{Config, Error};
use crate::store::{
    Body, BodyId, Closing, Command, Conflict, StatementRecord, Store, WhichStatements,
};
use crate::telemetry::{Event, Telemetry};

/// Statements that are committed at once: they share a sync of the disk.
const TOGETHER: usize = 16;

/// How often an order is tried again when other statements of its centre come first.
const TRIES: usize = 3;

/// The publisher of statements.
pub struct Publisher {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    signer: Option<Signer>,
    telemetry: Arc<Telemetry>,
    interval: Duration,
    bounds: Bounds,
}

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum NoSigner {
    /// Its file cannot be read.
    #[error("report.statement_key: cannot read {0}")]
    Unreadable(String, #[source] std::io::Error),
    /// Its file holds none.
    #[error("report.statement_key: {0}: {1}")]
    NoKey(String, unencoded::Error),
}

impl Config {
    /// Reads the key that signs statements, if one is named.
    ///
    /// # Errors
    /// [`NoSigner`].
    pub fn signer(&self) -> Result<Option<Signer>, NoSigner> {
        let Some(path) = &self.statement_key else {
            return Ok(None);
        };
        let shown = || path.display().to_string();
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| NoSigner::Unreadable(shown(), error))?;
        let signer = Signer::from_pem(&text).map_err(|error| NoSigner::NoKey(shown(), error))?;
        Ok(Some(signer))
    }
}

impl Publisher {
    /// A publisher, with the key that signs if there is one.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        signer: Option<Signer>,
        telemetry: Arc<Telemetry>,
        config: &Config,
    ) -> Publisher {
        Publisher {
            store,
            clock,
            signer,
            telemetry,
            interval: config.interval(),
            bounds: config.past(),
        }
    }

    /// The key that signs now.
    pub fn key(&self) -> Option<unencoded::PublicKey> {
        self.signer.as_ref().map(Signer::public)
    }

    /// Publishes what closings ask for until it is told to stop.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        if self.signer.is_none() {
            return shutdown.cancelled().await;
        }
        let (mut grown, mut done) = (self.store.watch(), BTreeSet::new());
        loop {
            grown.mark_unchanged();
            let caught_up = tokio::select! {
                () = shutdown.cancelled() => return,
                caught_up = self.catch_up(&mut done) => caught_up,
            };
            if let Err(error) = &caught_up {
                let why = error.to_string();
                self.telemetry.record(Event::Unpublished { why: &why });
            }
            let again = async {
                tokio::time::sleep(self.interval).await;
                if caught_up.is_ok() {
                    let _ = grown.changed().await;
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = again => {}
            }
        }
    }

    /// Publishes the statements of all closings that are not in `done`, and puts those there.
    ///
    /// # Errors
    /// [`Error::NoKey`]; when the ledger cannot be read or written, and what is published stays so.
    pub async fn catch_up(&self, done: &mut BTreeSet<Position>) -> Result<(), Error> {
        let closings = self.store.closings().await?;
        let open = closings
            .iter()
            .map(|closing| closing.position)
            .find(|position| !done.contains(position));
        let Some(first) = open else { return Ok(()) };
        let published = self.published_after(first).await?;
        for (index, closing) in closings.iter().enumerate() {
            if done.contains(&closing.position) {
                continue;
            }
            let mut centres = self.owed(closing, &closings[..index]).await?;
            centres.retain(|centre| !published.contains(&(closing.position, *centre)));
            self.publish_all(closing, centres).await?;
            done.insert(closing.position);
        }
        Ok(())
    }

    /// Publishes the statement of one closed period of a centre: as it was closed, or when that is published
    /// already with what came since. When nothing came, the one that is there is given again.
    ///
    /// # Errors
    /// [`Error::PeriodOpen`], [`Error::NoKey`], [`Error::UnknownCentre`], [`Error::Unbound`]; when the ledger
    /// cannot be read or written.
    pub async fn publish(
        &self,
        centre: Finess,
        period: Period,
        actor: &Name,
    ) -> Result<StatementRecord, Error> {
        let closings = self.store.closings().await?;
        let closed =
            |closing: &&Closing| closing.closed.period == period && closing.closed.covers(centre);
        let closing = closings.iter().find(closed).ok_or(Error::PeriodOpen)?;
        for _ in 0..TRIES {
            let which = WhichStatements::After {
                centre: Some(centre),
                after: closing.position,
                most: usize::MAX,
            };
            let mut known = self.store.statements(which).await?;
            known.retain(|record| record.published.period == period);
            let found = match known.last() {
                None => self.first(closing, centre, actor).await,
                Some(last) => self.next(closing, last, actor).await,
            };
            match found {
                Err(Error::Overtaken) => {}
                Err(error) => return Err(error),
                Ok(number) => {
                    let which = WhichStatements::Numbered(number);
                    let record = self.store.statements(which).await?.pop();
                    return record.ok_or(Error::Cut);
                }
            }
        }
        Err(Error::Overtaken)
    }

    /// Centres that were registered in the period that this closing froze, and no closing before it.
    async fn owed(&self, closing: &Closing, before: &[Closing]) -> Result<BTreeSet<Finess>, Error> {
        let period = closing.closed.period;
        let frozen = |centre: &Finess| {
            let mut earlier = before.iter().map(|earlier| &earlier.closed);
            earlier.any(|earlier| earlier.period == period && earlier.covers(*centre))
        };
        let registry = self.store.centres().await?.into_iter();
        let asked = registry.filter(|(centre, history)| {
            closing.closed.covers(*centre) && is_open_in(history, period) && !frozen(centre)
        });
        Ok(asked.map(|(centre, _)| centre).collect())
    }

    /// Which centres have a statement of which closing.
    async fn published_after(
        &self,
        first: Position,
    ) -> Result<BTreeSet<(Position, Finess)>, Error> {
        let (mut found, mut after) = (BTreeSet::new(), first);
        loop {
            let which = WhichStatements::After {
                centre: None,
                after,
                most: self.bounds.page,
            };
            let page = self.store.statements(which).await?;
            let Some(last) = page.last() else {
                return Ok(found);
            };
            after = last.number;
            let of = page.iter().map(|record| &record.published);
            found.extend(of.map(|published| (published.closing, published.centre)));
        }
    }

    /// Publishes the first statements of a closing; a centre that nothing binds has none.
    async fn publish_all(&self, closing: &Closing, centres: BTreeSet<Finess>) -> Result<(), Error> {
        if centres.is_empty() {
            return Ok(());
        }
        let policies = closing::policies(closing)?;
        let past = past::recount(&*self.store, centres, closing.position, self.bounds).await;
        let past = match past {
            // Whoever was bound has a statement since; the others never have one.
            Err(Error::Founded { .. }) => return Ok(()),
            past => past?,
        };
        let source = Source {
            closing,
            policies: &policies,
            then: &past,
            now: &past,
            corrections: &[],
            follows: None,
        };
        let centres: Vec<Finess> = past.snapshot.centres.keys().copied().collect();
        for some in centres.chunks(TOGETHER) {
            let mut together = Vec::with_capacity(TOGETHER);
            for centre in some {
                together.push(self.commit(*centre, source, &closing.closed.actor));
            }
            for published in join_all(together).await {
                match published {
                    // Nothing binds the centre, or an order for the same statement came first.
                    Ok(_) | Err(Error::Unbound(_) | Error::Overtaken) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    async fn first(
        &self,
        closing: &Closing,
        centre: Finess,
        actor: &Name,
    ) -> Result<Position, Error> {
        let (store, centres) = (&*self.store, BTreeSet::from([centre]));
        let past = past::recount(store, centres, closing.position, self.bounds).await?;
        let source = Source {
            closing,
            policies: &closing::policies(closing)?,
            then: &past,
            now: &past,
            corrections: &[],
            follows: None,
        };
        self.commit(centre, source, actor).await
    }

    async fn next(
        &self,
        closing: &Closing,
        last: &StatementRecord,
        actor: &Name,
    ) -> Result<Position, Error> {
        let (store, centre) = (&*self.store, last.published.centre);
        let upto = store.health().position;
        let found = closing::followed(store, closing, centre, upto, self.bounds).await?;
        let source = Source {
            closing,
            policies: &found.policies,
            then: &found.then,
            now: &found.now,
            corrections: &found.corrections,
            follows: Some(last),
        };
        let said = store.body(BodyId::Entry(last.number)).await?;
        let said = said.and_then(|body| Statement::read(&body.bytes));
        let (statement, _) = statement::of(&source.facts(centre, None, self))?;
        if said.is_some_and(|said| statement::says_the_same(&said, &statement)) {
            return Ok(last.number);
        }
        self.commit(centre, source, actor).await
    }

    /// Writes, signs and commits a statement after the last one of its centre.
    async fn commit(
        &self,
        centre: Finess,
        source: Source<'_>,
        actor: &Name,
    ) -> Result<Position, Error> {
        let signer = self.signer.as_ref().ok_or(Error::NoKey)?;
        let last = self
            .store
            .statements(WhichStatements::LastOf(centre))
            .await?
            .pop();
        let facts = source.facts(centre, last.as_ref(), self);
        let (statement, policy) = statement::of(&facts)?;
        let bytes = statement.canonical();
        let digest = Digest(Sha256::digest(&bytes).into());
        let body = Body {
            bytes: bytes.into(),
            salt: self.clock.salt(),
        };
        let command = Command::Publish {
            published: Published {
                centre,
                period: source.closing.closed.period,
                closing: source.closing.position,
                position: facts.now.position,
                digest,
                previous: last.as_ref().map(|last| last.published.digest),
                follows: source.follows.map(|follows| follows.number),
                policy,
                key: signer.public().0,
                signature: signer.sign(&body.bytes),
                actor: actor.clone(),
                commitment: body.commitment(),
            },
            statement: body,
        };
        match self.store.commit(facts.issued, command).await?.done()? {
            Ok(number) => Ok(number),
            Err(Conflict::Stale) => Err(Error::Overtaken),
            Err(_) => Err(Error::Cut),
        }
    }
}

/// Whether a centre is registered on any day of a period.
pub(in crate::report) fn is_open_in(history: &[Centre], period: Period) -> bool {
    let begun = history.iter().map(|version| version.from);
    let mut days = begun.chain([period.from()]);
    days.any(|day| period.contains(day) && Centre::on(history, day).is_some())
}

/// From what a statement is written.
#[derive(Clone, Copy)]
struct Source<'a> {
    closing: &'a Closing,
    policies: &'a Agreements,
    then: &'a Past,
    now: &'a Past,
    corrections: &'a [Correction],
    follows: Option<&'a StatementRecord>,
}

impl<'a> Source<'a> {
    fn facts(
        &self,
        centre: Finess,
        previous: Option<&'a StatementRecord>,
        publisher: &Publisher,
    ) -> Facts<'a> {
        Facts {
            centre,
            closing: self.closing,
            policies: self.policies,
            then: &self.then.snapshot,
            now: &self.now.snapshot,
            chain: self.now.chain,
            anchor: self.now.anchor,
            corrections: self.corrections,
            follows: self.follows,
            previous,
            issued: publisher.clock.now(),
        }
    }
}
