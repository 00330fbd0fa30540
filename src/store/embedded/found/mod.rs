//! Lays a foundation: the oldest segments go, and one file stands for them.
//!
//! Done on a store that nobody else has open, at rest: what goes is decided against the whole ledger, so nothing may
//! be added meanwhile, and the index is built anew on the foundation by the next start. The order, each step on stable
//! storage before the next begins:
//! 1. segments past their time that still have bodies are evacuated, whatever share of them is past;
//! 2. the state at the end of the last of them is folded again, in a scratch index, and counted a second time;
//! 3. what stays is chosen, see `choose`, and written into a file without a name, see `write`;
//! 4. the entry that says so is committed, with the digest of the file;
//! 5. the file gets its name: from then on it counts;
//! 6. the next start removes the archives that it stands for, and sets the index aside.
//!
//! Must never lay one on counts that disagree or by a clock that is doubted, nor remove what is damaged.
//!
//! # What a crash leaves behind
//! | crash | found at the next start |
//! |---|---|
//! | before the file has its name | the ledger as it was, perhaps with the entry; the file is removed |
//! | after that | the foundation; archives that it stands for are removed, the index is built anew |

mod choose;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::claims::audit::{self, Audit};
use crate::claims::canon::Malformed;
use crate::claims::entry::{Position, Stamped};
use crate::claims::foundation::{self, Founded};
use crate::claims::retention::Rules;
use crate::claims::tally::Cell;
use crate::claims::time::Timestamp;
use crate::store::embedded::base::Unlaid;
use crate::store::embedded::found::choose::Chosen;
use crate::store::embedded::found::write::Writing;
use crate::store::embedded::tree::Tree;
use crate::store::embedded::verify::scratch::{self, Scratch};
use crate::store::embedded::{Config, Embedded, OpenError, places, replay};
use crate::store::journal::format::SegmentId;
use crate::store::journal::foundation::{Header, Writer, Written};
use crate::store::journal::reader::Reader;
use crate::store::journal::{self, Head, archive, scan};
use crate::store::retention::Retaining as _;
use crate::store::{self, Command, Store as _};

/// What is to go.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Now.
    pub at: Timestamp,
    /// What ended before this instant is past its time.
    pub before: Timestamp,
    /// How long bodies are kept.
    pub rules: Rules,
    /// The clock may be so much further ahead than when it was trusted last.
    pub patience: Duration,
    /// Whether it is laid.
    pub intent: Intent,
}

/// Whether a foundation is laid, or only said what would go with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Nothing goes.
    Rehearse,
    /// It is laid.
    Lay,
}

/// Something that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The segments have no bodies any more.
    Cleared,
    /// The foundation is whole and synced, without a name.
    Written,
    /// The entry is durable.
    Ended,
    /// It has its name.
    Named,
}

/// Why no foundation was laid.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The ledger cannot be followed.
    #[error(transparent)]
    Ledger(#[from] OpenError),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The earlier foundation cannot be read.
    #[error(transparent)]
    Earlier(#[from] Unlaid),
    /// The second count cannot be made.
    #[error("the ledger contradicts itself: {0}")]
    Broken(#[from] audit::Broken),
    /// What is written down of the second count is none.
    #[error("the second count: {0}")]
    Malformed(#[from] Malformed),
    /// The two counts of what goes and stays disagree.
    #[error("the tallies and the second count differ in {0} cells: nothing was removed")]
    Imbalance(usize),
    /// The clock is too far ahead of what it said when it was trusted last.
    #[error(
        "the clock says {now}, and was trusted last when it said {trusted}: nothing was removed. If it is right, run the gateway until it clears again, and repeat this"
    )]
    Doubted {
        /// What it says.
        now: Timestamp,
        /// What it said then.
        trusted: Timestamp,
    },
}

/// Lays a foundation for what is past its time, or says what would go; none if no whole segment is past it. `done`
/// hears what was done.
///
/// # Errors
/// [`Error`]; then nothing is removed, and the store is as it was, but for bodies that were past their time.
pub async fn found(
    store: Embedded,
    config: &Config,
    order: Order,
    mut done: impl FnMut(Step),
) -> Result<Option<Founded>, Error> {
    trusted(&store, order).await?;
    let Some(last) = cleared(&store, order).await? else {
        return Ok(None);
    };
    done(Step::Cleared);
    let store = Arc::new(store);
    let (laying, config) = (store.clone(), config.clone());
    let prepared = tokio::task::spawn_blocking(move || prepare(&laying, &config, last, order));
    let panicked = |_| store::Error::Read("the foundation ended in a panic".into());
    let (written, founded) = prepared.await.map_err(panicked)??;
    done(Step::Written);
    if order.intent == Intent::Rehearse {
        drop(store);
        written.remove()?;
        return Ok(Some(founded));
    }
    let command = Command::Founded(founded.clone());
    let recorded = store.commit(order.at, command).await?.done()?;
    recorded.map_err(|_| store::Error::Impossible("a foundation is always recorded"))?;
    done(Step::Ended);
    // Its threads end, and nothing reads what goes.
    drop(store);
    written.name()?;
    done(Step::Named);
    Ok(Some(founded))
}

/// Refuses a clock that is doubted. One process has not seen time pass: it is measured by the last instant alone.
async fn trusted(store: &Embedded, order: Order) -> Result<(), Error> {
    let trusted = match store.trusted().await? {
        Some(known) => known.at,
        None => match store.recorded() {
            Some(recorded) => {
                // It opened the store, and by its clock entries are stamped: they prove nothing to the next one.
                store.trust(recorded.into()).await?;
                recorded
            }
            None => return Ok(()),
        },
    };
    match order.at.since(trusted) > order.patience {
        true => Err(Error::Doubted {
            now: order.at,
            trusted,
        }),
        false => Ok(()),
    }
}

/// The last of the oldest segments that are past their time, all without bodies then; none if the first is not.
async fn cleared(store: &Embedded, order: Order) -> Result<Option<u64>, Error> {
    let begin = store.reader.begin().segment;
    let queue = store.queue.clone().ok_or_else(|| store.state.error())?;
    let mut last = None;
    for ordinal in begin..store.reader.count() {
        let evacuator = store.evacuator.clone();
        if !evacuator.ended_before(ordinal, order.before)? {
            break;
        }
        if order.intent == Intent::Lay && !store.reader.is_archived(ordinal) {
            // Damaged ones stay as they are, and with them all that follow.
            if store.reader.segment(ordinal).is_err() {
                break;
            }
            let queue = queue.clone();
            evacuator
                .empty(queue, order.at, order.rules, ordinal)
                .await?;
        }
        last = Some(ordinal);
    }
    Ok(last)
}

/// The ledger between two places.
#[derive(Clone, Copy)]
struct Span {
    from: Head,
    to: Head,
}

/// Writes the foundation that stands for all segments up to one. Blocks.
fn prepare(
    store: &Embedded,
    config: &Config,
    last: u64,
    order: Order,
) -> Result<(Written, Founded), Error> {
    let reader = &store.reader;
    let span = Span {
        from: reader.begin(),
        to: scan::start_of(&reader.segment(last + 1)?.header),
    };
    let scratch = Scratch::make(&config.directory, scratch::FOUNDATION);
    let scratch = scratch.map_err(|error| store::Error::Read(error.to_string().into()))?;
    let tree = Tree::open(scratch.path(), config.sizes())?;
    replay::replay(&tree, reader, span.from, span.to, |_, _| Ok(()))?;
    let (mut audit, at) = counted(reader, span)?;
    let until = foundation::end_of_month(at.day());
    let now = store.overlay.view();
    let rest = Span {
        from: span.to,
        to: store.overlay.head(),
    };
    let chosen = Chosen::choose(&tree, &now, reader, rest, order, until)?;
    audit.sum_up(&chosen.gone);
    let mut writing = Writing::new(&tree, reader, &chosen);
    let cells = writing.cells()?;
    agree(&cells, &audit.units())?;
    let header = Header {
        layout: u16::from(places::LAYOUT),
        segment: last,
        position: span.to.position,
        chain: span.to.chain,
        at,
        until,
    };
    let directory = archive::beside(&store.directory.join(super::JOURNAL));
    let mut writer = Writer::create(&directory, header)?;
    writing.entries(span, &mut writer)?;
    segments(reader, last)?
        .into_iter()
        .try_for_each(|id| writer.segment(id))?;
    writing.state(&cells, &mut writer)?;
    writer.second(&audit.written())?;
    let written = writer.finish()?;
    let founded = Founded {
        segment: last,
        upto: header.position,
        chain: header.chain,
        until,
        gone: chosen.gone.len() as u64,
        kept: chosen.kept.len() as u64,
        digest: written.digest,
    };
    Ok((written, founded))
}

/// The ids of all segments up to one, also of those that a foundation stands for already.
fn segments(reader: &Reader, last: u64) -> Result<Vec<SegmentId>, Error> {
    let mut ids = match reader.foundation() {
        Some(earlier) => earlier.segments()?,
        None => Vec::new(),
    };
    for ordinal in reader.begin().segment..=last {
        ids.push(reader.segment(ordinal)?.header.id);
    }
    Ok(ids)
}

/// The second count at the end of a span, and when its last entry was decided.
fn counted(reader: &Reader, span: Span) -> Result<(Audit, Timestamp), Error> {
    let (mut audit, mut at) = match reader.foundation() {
        Some(earlier) => (Audit::read(&earlier.second()?)?, earlier.header.at),
        None => (Audit::default(), Timestamp::default()),
    };
    entries(reader, span, |position, stamped, _| {
        at = stamped.at;
        Ok(audit.feed(position, stamped)?)
    })?;
    Ok((audit, at))
}

/// Visits the entries of a span, with their canonical bytes.
fn entries(
    reader: &Reader,
    span: Span,
    mut visit: impl FnMut(Position, &Stamped, &[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    reader.replay(span.from, span.to, |batch, _| {
        for (number, bytes) in (batch.first.0..).zip(&batch.entries) {
            let stamped = Stamped::read(bytes).map_err(|_| OpenError::Entry(number))?;
            visit(Position(number), &stamped, bytes)?;
        }
        Ok(())
    })
}

/// A foundation is never laid on counts that disagree.
fn agree(first: &BTreeMap<Cell, i64>, second: &BTreeMap<Cell, i64>) -> Result<(), Error> {
    match audit::compare(first, second).len() {
        0 => Ok(()),
        cells => Err(Error::Imbalance(cells)),
    }
}

#[cfg(test)]
mod tests;
