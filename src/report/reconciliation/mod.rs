//! Reconciliation: a caisse's figures laid beside the ledger, centre by centre.
//!
//! Each centre is read in one state of the ledger, whose position its row names. It never changes a count, and a
//! difference that nothing explains stays a residual.

pub mod former;
pub mod orphans;
pub mod text;

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::agreement::{Agreement, Agreements, Counting};
use crate::claims::document::ReplacementReason;
use crate::claims::entry::Entry;
use crate::claims::id::{Destination, Digest, Finess};
use crate::claims::period::Period;
use crate::claims::reconcile::bridge::Span;
use crate::claims::reconcile::cause::Cause;
use crate::claims::reconcile::figures::{Figures, Months};
use crate::claims::reconcile::ours::{Ours, Unit, comparable};
use crate::claims::reconcile::{Depth, Reconciliation, reconcile};
use crate::claims::registry::Centre;
use crate::claims::standing::Receipted;
use crate::claims::tally::Cell;
use crate::formats::figures::File;
use crate::report::Error;
use crate::report::count::moment::{TRIES, is_disturbed};
use crate::report::reconciliation::text::{CentreText, MonthText, Outcome, SpanText};
use crate::store::{Line, LineDocument, Lines, Store, Tallies, TallyQuery};

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
/// [`Error::UnevenPeriod`] when the period is not of whole months, [`Error::Gone`] when its units have gone,
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
        return Err(Error::Gone(until));
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
    let spoken = asked.file.months_named();
    let (spoken, silent) = months.each().partition(|month| spoken.contains(month));
    outcome.no_figures(&silent);
    if spoken.is_empty() {
        return Ok(outcome);
    }
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
        let result = reconcile(&ours, theirs, &spoken);
        if Depth::of(theirs) == Depth::Absent && result.differences.is_empty() {
            continue;
        }
        let span = result.bridge.total();
        total.add(&span);
        outcome.centres.push(CentreText {
            centre: centre.to_string(),
            agreement: agreement.id.to_string(),
            depth: Depth::of(theirs).as_str().to_owned(),
            position,
            span: SpanText::from(&span),
            months: months_of(&result),
        });
        outcome.differ(centre, &result.differences);
    }
    outcome.total = SpanText::from(&total);
    Ok(outcome)
}

fn months_of(result: &Reconciliation) -> Vec<MonthText> {
    let months = result.bridge.months.iter().zip(result.depths.values());
    let texts = months.map(|((month, span), depth)| MonthText::new(*month, *depth, span));
    texts.collect()
}

/// The agreement in effect for a centre at the end of the period, if classes can be compared under it.
fn rule<'a>(
    versions: &[Centre],
    agreements: &'a Agreements,
    period: Period,
) -> Result<&'a Agreement, String> {
    let version = Centre::begun(versions, period.to());
    let version = version.ok_or("the centre was not registered by the end of the period")?;
    let agreement = agreements.in_effect(&version.agreement, period.to());
    let agreement = agreement.ok_or("no known agreement was in effect at the end of the period")?;
    comparable(&agreement.counting).map_err(|splits| splits.to_string())?;
    Ok(agreement)
}

/// Our side of a centre, in one state of the ledger.
async fn ours(
    store: &dyn Store,
    centre: Finess,
    counting: &Counting,
    asked: &Asked<'_>,
) -> Result<(u64, Ours), Error> {
    let (lines, tallies) = of_one_state(store, centre, asked.period).await?;
    let goes_there = |destination: Destination| {
        asked
            .destinations
            .is_none_or(|own| own.contains(&destination))
    };
    let units = lines.lines.iter().filter_map(|line| {
        let mut cells = line.cells.iter();
        let cell = cells.find(|cell| cell.basis == counting.day_basis)?;
        unit(line, cell, goes_there)
    });
    let mut paper = BTreeMap::new();
    for (cell, sheets) in tallies.paper {
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

/// The units of a centre, and its sheets of a period.
async fn of_one_state(
    store: &dyn Store,
    centre: Finess,
    period: Period,
) -> Result<(Lines, Tallies), Error> {
    let declares =
        |entry: &Entry| matches!(entry, Entry::Declared { centre: of, .. } if *of == centre);
    for _ in 0..TRIES {
        let lines = store.lines(centre).await?;
        let query = TallyQuery {
            centre: Some(centre),
            from: period.from(),
            to: period.to(),
        };
        let tallies = store.tallies(query).await?;
        let between = (lines.position, tallies.position);
        if !is_disturbed(store, between, declares).await? {
            return Ok((lines, tallies));
        }
    }
    Err(Error::Moving)
}

/// The unit of a line of which any document went there.
fn unit(line: &Line, cell: &Cell, goes_there: impl Fn(Destination) -> bool) -> Option<Unit> {
    let mut last = line.documents.iter().rev();
    let last = last.find(|document| goes_there(document.destination))?;
    let numbers = line.documents.iter();
    Some(Unit {
        root: line.root,
        latest: line.latest,
        numbers: numbers
            .map(|document| (document.key.kind, document.key.number))
            .collect(),
        kind: cell.kind,
        mode: cell.mode,
        day: cell.day,
        standing: cell.standing,
        receipted: cell.receipted,
        late: cell.late,
        deadline: line.deadline,
        exclusions: cell.exclusions,
        elsewhere: last.replaced.map(|reason| why_left(last, reason)),
    })
}

/// Why an insurer may have a document that was replaced by one for another insurer.
fn why_left(document: &LineDocument, reason: ReplacementReason) -> Cause {
    match (document.receipted, reason) {
        (Receipted::Yes | Receipted::BothWays, _)
        | (Receipted::No, ReplacementReason::Rejected) => Cause::RejectedLater,
        (Receipted::No, ReplacementReason::Refused | ReplacementReason::Lapsed) => Cause::Refused,
        (Receipted::No, ReplacementReason::Cancelled) => Cause::OtherRoute,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::document::{Exclusions, Key, Kind, Mode};
    use crate::claims::id::{Amo, DocumentId, Number};
    use crate::claims::standing::Standing;
    use crate::claims::tally::{DayBasis, Lateness};
    use crate::claims::time::Day;

    fn caisse(code: &str) -> Destination {
        Destination::Amo(Amo::new("01", code, "0000").unwrap())
    }

    /// A line whose documents, numbered from 1, went to these insurers; each but the last was replaced.
    fn line(documents: &[(&str, Receipted)], reason: ReplacementReason) -> Line {
        let centre = Finess::parse("750712184").unwrap();
        let (last, _) = documents.last().unwrap();
        let cell = |basis| Cell {
            basis,
            centre,
            day: Day::new(2026, 10, 5).unwrap(),
            kind: Kind::Fse,
            mode: Mode::Secured,
            destination: caisse(last),
            standing: Standing::Paid,
            receipted: Receipted::Yes,
            late: Lateness::InTime,
            exclusions: Exclusions::NONE,
        };
        let document = |(n, (code, receipted)): (usize, &(&str, Receipted))| LineDocument {
            key: Key {
                centre,
                kind: Kind::Fse,
                number: Number::parse(&format!("{n:09}")).unwrap(),
            },
            destination: caisse(code),
            receipted: *receipted,
            replaced: (n < documents.len()).then_some(reason),
        };
        Line {
            cells: DayBasis::ALL.map(cell),
            root: DocumentId(1),
            latest: DocumentId(9),
            documents: (1..).zip(documents).map(document).collect(),
            deadline: None,
            refusal: None,
        }
    }

    #[test]
    fn a_unit_is_of_every_insurer_that_had_a_document_of_it_and_counts_for_the_last() {
        use Receipted::{No, Yes};
        use ReplacementReason::{Cancelled, Lapsed, Refused, Rejected};
        let counted = Some(None);
        let known = |cause| Some(Some(cause));
        for (what, documents, reason, of, expected) in [
            ("one", &[("751", Yes)][..], Rejected, "751", counted),
            ("of another", &[("751", Yes)], Rejected, "752", None),
            (
                "billed again",
                &[("751", Yes), ("752", Yes)],
                Rejected,
                "752",
                counted,
            ),
            (
                "rejected before",
                &[("751", Yes), ("752", Yes)],
                Rejected,
                "751",
                known(Cause::RejectedLater),
            ),
            (
                "refused before",
                &[("751", No), ("752", Yes)],
                Refused,
                "751",
                known(Cause::Refused),
            ),
            (
                "lapsed before",
                &[("751", No), ("752", Yes)],
                Lapsed,
                "751",
                known(Cause::Refused),
            ),
            (
                "cancelled before",
                &[("751", No), ("752", Yes)],
                Cancelled,
                "751",
                known(Cause::OtherRoute),
            ),
            (
                "back again",
                &[("751", Yes), ("752", Yes), ("751", Yes)],
                Rejected,
                "751",
                counted,
            ),
        ] {
            let line = line(documents, reason);
            let cell = line.cells[0];
            let found = unit(&line, &cell, |destination| destination == caisse(of));
            assert_eq!(
                found.as_ref().map(|unit| unit.elsewhere),
                expected,
                "{what}"
            );
            let all = found.map_or(documents.len(), |unit| unit.numbers.len());
            assert_eq!(all, documents.len(), "{what}");
        }
    }
}
