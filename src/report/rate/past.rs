//! Any earlier answer again: the counts as they were up to an entry of the ledger, recomputed from entries alone.
//!
//! It reads the ledger from its first entry, by the second count, a page of entries at a time. Memory is
//! bounded by how many documents are held at once: where the centres asked for have more, they are counted in
//! several passes, each over fewer centres, so it costs one reading of the ledger for each pass. It writes
//! nothing, and a crash leaves nothing behind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::claims::audit::{Audit, Line};
use crate::claims::commitment::Chain;
use crate::claims::custody::Anchor;
use crate::claims::entry::{Entry, Position, Stamped};
use crate::claims::id::Finess;
use crate::claims::registry::{self, Centre};
use crate::claims::tally::Cell;
use crate::claims::time::{Day, Timestamp};
use crate::report::Error;
use crate::report::count::moment::{TRIES, is_disturbed};
use crate::report::count::snapshot::{CentreCounts, LastMade, Snapshot, Soundness};
use crate::store::retention::Beginning;
use crate::store::{Lines, Store, Tallies, TallyQuery};

/// The least position that can be counted up to, where no foundation stands for it.
pub const FIRST: Position = Position(1);

/// How a past is recomputed.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Entries read from the store at once.
    pub page: usize,
    /// Documents held at once, about 250 bytes each; one centre alone may have more.
    pub documents: usize,
}

/// The ledger up to an entry, counted again.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// What a keeper would have published then.
    pub snapshot: Snapshot,
    /// The units by centre, in order of their latest document; of [`of_centre`] alone.
    pub lines: Vec<Line>,
    /// The hash of the chain of entries up to there.
    pub chain: Chain,
    /// The last anchor among these entries; none before the first.
    pub anchor: Option<Anchored>,
}

/// An anchor as it is written in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchored {
    /// The day on which it was written, in Paris.
    pub day: Day,
    /// The entry that it is.
    pub entry: Position,
    /// What it says.
    pub anchor: Anchor,
}

/// Counts these centres as they were after the entry at `position`; those that were not registered then are
/// not in it.
///
/// # Errors
/// [`Error::BeforeFirst`], [`Error::Future`] when the ledger has no such entry; [`Error::Founded`] when a foundation stands for it; when it
/// cannot be read or contradicts itself.
pub async fn recount(
    store: &dyn Store,
    centres: BTreeSet<Finess>,
    position: Position,
    bounds: Bounds,
) -> Result<Past, Error> {
    let (mut left, mut past) = (centres, Past::default());
    loop {
        let pass = Pass::read(store, left.clone(), position, bounds).await?;
        left.retain(|centre| !pass.centres.contains(centre));
        let part = pass.finish(|_| Vec::new()).await?;
        let mut centres = std::mem::take(&mut past.snapshot.centres);
        centres.extend(part.snapshot.centres);
        past = Past {
            snapshot: Snapshot {
                centres,
                ..part.snapshot
            },
            ..part
        };
        if left.is_empty() {
            return Ok(past);
        }
    }
}

/// Counts one centre as it was after the entry at `position`, and keeps its units.
///
/// # Errors
/// As [`recount`].
pub async fn of_centre(
    store: &dyn Store,
    centre: Finess,
    position: Position,
    bounds: Bounds,
) -> Result<Past, Error> {
    let centres = BTreeSet::from([centre]);
    let pass = Pass::read(store, centres, position, bounds).await?;
    pass.finish(|audit| audit.lines().collect()).await
}

/// One centre as it is now, from the index alone: its units, and the counts that they and its declarations amount to.
/// `last` is what was counted last: it says what the comparison of the counts said.
///
/// # Errors
/// When the store cannot be read.
pub async fn present(
    store: &dyn Store,
    centre: Finess,
    last: &Snapshot,
    at: Timestamp,
) -> Result<Past, Error> {
    let (versions, tallies, found) = of_one_state(store, centre).await?;
    let mut counted = CentreCounts::none(versions);
    for (cell, sheets) in tallies.paper {
        counted.counts.add_paper(cell, sheets);
    }
    // Of units that have gone with a foundation only the tallies know.
    let counted_until = store.counted_until();
    let is_counted = |cell: &Cell| counted_until.is_some_and(|last| cell.day <= last);
    for (cell, units) in tallies.units {
        if is_counted(&cell) {
            counted.counts.add_units(cell, units);
        }
    }
    for cell in found.lines.iter().flat_map(|line| line.cells) {
        if !is_counted(&cell) {
            counted.counts.add_units(cell, 1);
        }
    }
    let of_index = found.lines.into_iter().map(|line| Line {
        root: line.root,
        latest: line.latest,
        cells: line.cells,
    });
    let mut lines: Vec<Line> = of_index.collect();
    lines.sort_by_key(|line| line.latest);
    let known = !counted.versions.is_empty();
    let centres = known.then(|| (centre, Arc::new(counted)));
    Ok(Past {
        lines,
        snapshot: Snapshot {
            position: found.position,
            counted_at: Some(at),
            soundness: last.soundness,
            centres: centres.into_iter().collect(),
            evidence: LastMade::default(),
        },
        ..Past::default()
    })
}

/// The registration of a centre, its tallies and its units. The tallies are asked for what units do not tell: sheets, and
/// units that have gone.
async fn of_one_state(
    store: &dyn Store,
    centre: Finess,
) -> Result<(Vec<Centre>, Tallies, Lines), Error> {
    let disturbs = |entry: &Entry| {
        matches!(entry, Entry::Registered(version) if version.finess == centre)
            || matches!(entry, Entry::Declared { centre: of, .. } if *of == centre)
    };
    for _ in 0..TRIES {
        let before = store.health().position;
        let mut registry = store.centres().await?;
        let whole = TallyQuery {
            centre: Some(centre),
            ..TallyQuery::everything()
        };
        let tallies = store.tallies(whole).await?;
        let lines = store.lines(centre).await?;
        if !is_disturbed(store, (before, lines.position), disturbs).await? {
            return Ok((registry.remove(&centre).unwrap_or_default(), tallies, lines));
        }
    }
    Err(Error::Moving)
}

/// One reading of the ledger.
struct Pass {
    centres: BTreeSet<Finess>,
    audit: Audit,
    registry: BTreeMap<Finess, Vec<Centre>>,
    chain: Chain,
    anchor: Option<Anchored>,
    at: Option<Timestamp>,
}

impl Pass {
    async fn read(
        store: &dyn Store,
        centres: BTreeSet<Finess>,
        position: Position,
        bounds: Bounds,
    ) -> Result<Pass, Error> {
        if position < FIRST {
            return Err(Error::BeforeFirst);
        }
        if position > store.health().position {
            return Err(Error::Future);
        }
        let mut pass = Pass {
            audit: Audit::of(centres.clone()),
            centres,
            registry: BTreeMap::new(),
            chain: Chain::default(),
            anchor: None,
            at: None,
        };
        if let Some(beginning) = store.beginning().await? {
            pass.begin(beginning, position)?;
        }
        while pass.audit.position() < position {
            let entries = store.entries(pass.audit.position(), bounds.page).await?;
            if entries.is_empty() {
                return Err(Error::Cut);
            }
            for (place, stamped) in entries.iter().take_while(|(place, _)| *place <= position) {
                pass.take(*place, stamped)?;
            }
            pass.shed(bounds.documents);
        }
        Ok(pass)
    }

    /// Begins behind what a foundation stands for.
    fn begin(&mut self, beginning: Beginning, position: Position) -> Result<(), Error> {
        if position < beginning.position {
            return Err(Error::Founded {
                until: beginning.until,
                least: beginning.position,
            });
        }
        self.audit = beginning.audit;
        self.audit.narrow(self.centres.clone());
        self.registry = beginning.registry;
        self.chain = beginning.chain;
        self.at = Some(beginning.at);
        self.anchor = beginning.anchor.map(|kept| Anchored {
            day: kept.at.day(),
            entry: kept.entry,
            anchor: kept.anchor,
        });
        Ok(())
    }

    fn take(&mut self, position: Position, stamped: &Stamped) -> Result<(), Error> {
        self.chain = self.chain.after(&stamped.canonical());
        self.at = Some(stamped.at);
        if let Entry::Anchored(anchor) = stamped.entry {
            self.anchor = Some(Anchored {
                day: stamped.at.day(),
                entry: position,
                anchor,
            });
        }
        if let Entry::Registered(centre) = &stamped.entry {
            let versions = self.registry.entry(centre.finess).or_default();
            let _: bool = registry::put(versions, centre);
        }
        Ok(self.audit.feed(position, stamped)?)
    }

    /// Leaves half of the centres to another pass while there are too many documents.
    fn shed(&mut self, most: usize) {
        while self.audit.held() > most && self.centres.len() > 1 {
            let half = self.centres.len() / 2;
            self.centres = self.centres.iter().take(half).copied().collect();
            self.audit.narrow(self.centres.clone());
        }
    }

    /// Counts what was read, on a thread of its own.
    async fn finish(
        self,
        lines: impl FnOnce(&Audit) -> Vec<Line> + Send + 'static,
    ) -> Result<Past, Error> {
        let counted = tokio::task::spawn_blocking(move || Past {
            lines: lines(&self.audit),
            chain: self.chain,
            anchor: self.anchor,
            snapshot: self.snapshot(),
        });
        counted.await.map_err(|_| Error::Cut)
    }

    fn snapshot(self) -> Snapshot {
        let registered = self.registry.into_iter();
        let mut centres: BTreeMap<Finess, CentreCounts> = registered
            .filter(|(finess, _)| self.centres.contains(finess))
            .map(|(finess, versions)| (finess, CentreCounts::none(versions)))
            .collect();
        for (cell, number) in self.audit.units() {
            if let Some(centre) = centres.get_mut(&cell.centre) {
                centre.counts.add_units(cell, number);
            }
        }
        for (cell, number) in self.audit.paper() {
            if let Some(centre) = centres.get_mut(&cell.centre) {
                centre.counts.add_paper(cell, number);
            }
        }
        Snapshot {
            position: self.audit.position(),
            counted_at: self.at,
            soundness: Soundness::Recomputed,
            centres: centres
                .into_iter()
                .map(|(finess, centre)| (finess, Arc::new(centre)))
                .collect(),
            evidence: LastMade::default(),
        }
    }
}
