//! Reconciliation: a caisse's figures laid beside the ledger, centre by centre.
//!
//! Each centre is read in one state of the ledger, whose position its row names. It never changes a count, and a
//! difference that nothing explains stays a residual.

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::agreement::{Agreement, Agreements, Counting};
use crate::claims::id::{Destination, Digest, Finess};
use crate::claims::period::Period;
use crate::claims::reconcile::bridge::Span;
use crate::claims::reconcile::figures::{Figures, Months};
use crate::claims::reconcile::ours::{Ours, Unit, comparable};
use crate::claims::reconcile::{Depth, reconcile};
use crate::claims::registry::Centre;
use crate::claims::tally::Cell;
use crate::formats::figures::File;
use crate::report::Error;
use crate::report::reconciled::{CentreText, MonthText, Outcome, SpanText};
use crate::store::{Line, Store, TallyQuery};

/// What is compared with what.
pub struct Asked<'a> {
    /// The digest of the figures.
    pub digest: Digest,
    /// The figures.
    pub file: &'a File,
    /// Whole months.
    pub period: Period,
    /// The destinations of the insurer whose figures they are; none when they are national.
    pub destinations: Option<&'a [Destination]>,
}

/// Compares.
///
/// # Errors
/// [`Error::UnevenPeriod`] when the period is not of whole months, [`Error::Founded`] when its units have gone,
/// [`Error::Store`].
pub async fn run(
    store: &dyn Store,
    agreements: &Agreements,
    asked: &Asked<'_>,
) -> Result<Outcome, Error> {
    let months = Months::of(asked.period).ok_or(Error::UnevenPeriod)?;
    // Its units can no longer be told one by one.
    if let Some(until) = store.counted_until()
        && asked.period.from() <= until
    {
        return Err(Error::Founded(until));
    }
    let registry = store.centres().await?;
    let mut outcome = Outcome::empty(asked, store.health().position.0);
    let mut total = Span::default();
    let centres: BTreeSet<Finess> = registry
        .keys()
        .chain(asked.file.centres.keys())
        .copied()
        .collect();
    let none = Figures::default();
    for centre in centres {
        let versions = registry.get(&centre).map_or(&[][..], Vec::as_slice);
        let theirs = asked.file.centres.get(&centre).unwrap_or(&none);
        let agreement = match rule(versions, agreements, asked.period) {
            Ok(agreement) => agreement,
            Err(_) if Depth::of(theirs) == Depth::Absent => continue,
            Err(reason) => {
                outcome.without(centre, reason);
                continue;
            }
        };
        let (position, ours) = ours(store, centre, &agreement.counting, asked).await?;
        let nothing = ours.units.is_empty() && ours.paper.is_empty();
        if nothing && Depth::of(theirs) == Depth::Absent {
            continue;
        }
        let result = reconcile(&ours, theirs, months);
        let span = result.bridge.total();
        total.add(&span);
        outcome.centres.push(CentreText {
            centre: centre.to_string(),
            agreement: agreement.id.to_string(),
            depth: Depth::of(theirs).as_str().to_owned(),
            position,
            span: SpanText::from(&span),
            months: result.bridge.months.iter().map(MonthText::from).collect(),
        });
        outcome.differ(centre, &result.differences);
    }
    outcome.total = SpanText::from(&total);
    Ok(outcome)
}

/// The agreement in effect for a centre at the end of the period, if classes can be compared under it.
fn rule<'a>(
    versions: &[Centre],
    agreements: &'a Agreements,
    period: Period,
) -> Result<&'a Agreement, String> {
    let known = versions
        .iter()
        .filter(|version| version.from <= period.to());
    let version = known.max_by_key(|version| version.from);
    let version = version.ok_or("the centre was not registered by the end of the period")?;
    let agreement = agreements.in_effect(&version.agreement, period.to());
    let agreement = agreement.ok_or("no known agreement was in effect at the end of the period")?;
    comparable(&agreement.counting).map_err(|splits| splits.to_string())?;
    Ok(agreement)
}

/// Our side of a centre, in one state of the ledger for its units.
async fn ours(
    store: &dyn Store,
    centre: Finess,
    counting: &Counting,
    asked: &Asked<'_>,
) -> Result<(u64, Ours), Error> {
    let lines = store.lines(centre).await?;
    let goes_there = |destination: Destination| {
        asked
            .destinations
            .is_none_or(|own| own.contains(&destination))
    };
    let units = lines.lines.iter().filter_map(|line| {
        let cell = line
            .cells
            .iter()
            .find(|cell| cell.basis == counting.day_basis)?;
        goes_there(cell.destination).then(|| unit(line, cell))
    });
    let query = TallyQuery {
        centre: Some(centre),
        from: asked.period.from(),
        to: asked.period.to(),
    };
    let mut paper = BTreeMap::new();
    for (cell, sheets) in store.tallies(query).await?.paper {
        if let Some(caisse) = cell.caisse
            && goes_there(Destination::Amo(caisse))
        {
            *paper.entry(cell.day).or_default() += sheets;
        }
    }
    let ours = Ours {
        counting: counting.clone(),
        units: units.collect(),
        paper,
    };
    Ok((lines.position.0, ours))
}

fn unit(line: &Line, cell: &Cell) -> Unit {
    Unit {
        root: line.root,
        latest: line.latest,
        numbers: line
            .numbers
            .iter()
            .map(|key| (key.kind, key.number))
            .collect(),
        kind: cell.kind,
        mode: cell.mode,
        day: cell.day,
        standing: cell.standing,
        receipted: cell.receipted,
        late: cell.late,
        deadline: line.deadline,
        exclusions: cell.exclusions,
    }
}
