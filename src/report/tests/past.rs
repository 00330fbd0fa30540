//! Earlier answers against what was published then, and figures against the documents behind them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::golden::counted;
use super::ledger_text;
use crate::claims::aggregate::{By, Filter};
use crate::claims::commitment::Chain;
use crate::claims::entry::{Entry, Position, Stamped};
use crate::claims::id::Finess;
use crate::claims::period::Period;
use crate::claims::place::Member;
use crate::claims::time::Day;
use crate::report::Error;
use crate::report::rate::explain::{Question, explain};
use crate::report::rate::past::{self, Bounds};
use crate::report::rate::shapes::RateShape;
use crate::report::rate::{Selection, of_groups};
use crate::store::Store;
use crate::store::ledger::Secret;
use crate::store::memory::Memory;

/// Three centres; the second is registered anew, the third only later; receipts, refusals, replacements,
/// settlements, paper and hands at all three.
pub(super) const LEDGER: &str = "
    2026-10-05T08:00:00Z centre 750000010 medical confirmed 2020-01-01
    2026-10-05T08:00:00Z centre 130000011 dentaire confirmed 2020-01-01
    2026-10-05T08:00:00Z received 1 750000010 FSE S 2026-10-05 deadline=2026-10-15
    2026-10-05T08:00:00Z received 2 130000011 FSE D 2026-10-05 deadline=2026-10-15
    2026-10-05T08:00:00Z received 3 750000010 FSE F 2026-10-05 deadline=2026-10-15
    2026-10-05T08:00:00Z received 4 130000011 FSE S 2026-10-05 excluded=state-medical-aid
    2026-10-05T09:00:00Z sealed 9 1 3
    2026-10-05T09:00:00Z lot 9 Leased
    2026-10-05T09:00:00Z receipt 9 1+ 3-
    2026-10-06T09:00:00Z received 5 750000010 FSE S 2026-10-06 replaces=3
    2026-10-06T09:00:00Z paper 750000010 2026-10-05 2
    2026-10-06T09:00:00Z paper 130000011 2026-10-05 1
    2026-10-06T09:00:00Z sealed 8 2 4
    2026-10-06T09:00:00Z lot 8 Leased
    2026-10-06T10:00:00Z lot 8 NoAnswer
    2026-10-06T10:00:00Z centre 130000011 polyvalent confirmed 2026-10-01
    2026-10-06T10:00:00Z centre 590000014 infirmier confirmed 2026-10-06
    2026-10-06T11:00:00Z received 6 590000014 FSE S 2026-10-06
    2026-10-06T11:00:00Z received 7 590000014 FSE S 2026-10-06 test
    2026-10-17T10:00:00Z on-paper 2
    2026-10-17T11:00:00Z receipt 8 2+ 4+
    2026-10-18T11:00:00Z settled 4 rejected
    2026-10-18T11:00:00Z cancelled 6
    2026-10-18T12:00:00Z paper 750000010 2026-10-05 3
    2026-10-19T12:00:00Z by-hand 5
";

/// So few documents that every centre has a pass of its own.
const NARROW: Bounds = Bounds {
    page: 2,
    documents: 1,
};

fn store(entries: &[Stamped]) -> Memory {
    Memory::rebuilt(Secret::new([9; 32]), entries.to_vec()).unwrap()
}

fn october() -> Period {
    Period::month_of(crate::claims::time::Day::parse("2026-10-05").unwrap())
}

#[tokio::test]
async fn every_earlier_answer_is_recomputed_exactly() {
    let entries = ledger_text::read(LEDGER);
    let store = store(&entries);
    let everyone: BTreeSet<Finess> = store.centres().await.unwrap().into_keys().collect();
    let mut chain = Chain::default();
    for (index, last) in entries.iter().enumerate() {
        chain = chain.after(&last.canonical());
        let position = Position(index as u64 + 1);
        let then = counted(entries[..=index].to_vec()).await;
        let wide = Bounds {
            documents: 1_000,
            ..NARROW
        };
        for bounds in [NARROW, wide] {
            let found = past::recount(&store, everyone.clone(), position, bounds);
            let found = found.await.unwrap();
            assert_eq!(found.chain, chain);
            assert_eq!(found.snapshot.position, then.position);
            assert_eq!(found.snapshot.counted_at, Some(last.at));
            for (finess, centre) in &then.centres {
                let again = &found.snapshot.centres[finess];
                assert_eq!(again.versions, centre.versions, "{finess} {position:?}");
                assert_eq!(again.counts, centre.counts, "{finess} {position:?}");
            }
            assert_eq!(found.snapshot.centres.len(), then.centres.len());
        }
    }
    let future = Position(entries.len() as u64 + 1);
    let found = past::recount(&store, everyone, future, NARROW).await;
    assert!(matches!(found, Err(Error::Future)));
}

#[tokio::test]
async fn as_many_documents_are_behind_a_figure_as_it_says() {
    let entries = ledger_text::read(LEDGER);
    let (store, agreements) = (store(&entries), super::agreements());
    let mut opened = 0;
    for (index, stamped) in entries.iter().enumerate() {
        let Entry::Registered(centre) = &stamped.entry else {
            continue;
        };
        for position in [index as u64 + 1, entries.len() as u64] {
            let past = past::of_centre(&store, centre.finess, Position(position), NARROW);
            let past = Arc::new(past.await.unwrap());
            let rate = past
                .snapshot
                .obligation(&agreements, centre.finess, october());
            let rate = RateShape::from(&rate.unwrap().rate);
            for (cell, figure) in cells(&rate) {
                let mut question = Question {
                    centre: centre.finess,
                    period: october(),
                    member: Member::parse(&cell).unwrap(),
                    after: None,
                    most: 1,
                };
                let (mut units, mut sheets) = (0, 0);
                loop {
                    let page = explain(&store, &past, &agreements, question).await.unwrap();
                    assert_eq!(page.counted, figure, "{cell}");
                    assert!(page.units.iter().all(|unit| unit.number.is_some()));
                    let mut entries = page.units.iter().flat_map(|unit| &unit.entries);
                    assert!(entries.all(|entry| *entry <= position));
                    units += page.units.len() as i64;
                    sheets += page.sheets.iter().map(|row| row.sheets).sum::<i64>();
                    let Some(next) = page.next else { break };
                    question.after = Some(crate::claims::id::DocumentId::parse(&next).unwrap());
                }
                assert_eq!(units + sheets, figure, "{cell}");
                opened += 1;
            }
        }
    }
    assert!(opened > 80, "{opened}");
}

/// Every figure of a rate and the cell that opens it.
fn cells(rate: &RateShape) -> Vec<(String, i64)> {
    let splits = [
        ("mode", &rate.splits.mode),
        ("kind", &rate.splits.kind),
        ("standing", &rate.splits.standing),
        ("lateness", &rate.splits.lateness),
    ];
    let parts = splits.into_iter().flat_map(|(split, parts)| {
        let named = parts.iter();
        named.map(move |(part, number)| (format!("{split}:{part}"), *number))
    });
    let figures = [
        ("numerator", rate.numerator),
        ("denominator", rate.denominator),
        ("missing", rate.denominator - rate.numerator),
        ("cancelled", rate.beside.cancelled),
        ("excluded", rate.beside.excluded),
        ("by_hand", rate.beside.by_hand),
        ("both_ways", rate.beside.both_ways),
        ("mode:L", 0),
    ];
    let figures = figures.map(|(cell, number)| (cell.to_owned(), number));
    parts.chain(figures).collect()
}

/// Who is in no group is said of those that are asked for, once.
#[tokio::test]
async fn centres_without_a_group_are_those_asked_for_on_the_first_page() {
    let entries = ledger_text::read(LEDGER);
    let end = Position(entries.len() as u64);
    let store = store(&entries);
    let centres = store.centres().await.unwrap().into_keys().collect();
    let snapshot = past::recount(&store, centres, end, NARROW)
        .await
        .unwrap()
        .snapshot;
    // One of them is registered from October on.
    let september = Period::month_of(Day::parse("2026-09-05").unwrap());
    let [old, young] = ["750000010", "590000014"].map(|text| Finess::parse(text).unwrap());
    let of = |centre| Filter {
        centre,
        ..Filter::default()
    };
    for (filter, after, expected) in [
        (of(None), None, &[young][..]),
        (of(Some(young)), None, &[young]),
        (of(Some(old)), None, &[]),
        (of(None), Some("all confirmed"), &[]),
    ] {
        let selection = Selection {
            scope: &|_| true,
            filter: &filter,
            after,
            most: 1,
        };
        let agreements = super::agreements();
        let found = of_groups(&snapshot, &agreements, (By::All, september), &selection);
        let without: Vec<_> = found
            .unwrap()
            .without
            .into_iter()
            .map(|row| row.centre)
            .collect();
        let expected: Vec<_> = expected.iter().map(Finess::to_string).collect();
        assert_eq!(without, expected, "{filter:?} {after:?}");
    }
}
