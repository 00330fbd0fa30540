//! The table: a row of cells for each centre, made the same way of what came out and of what was written before.
//!
//! It holds no id and no time, so two runs of one seed print the same.

use std::collections::BTreeMap;
use std::fmt;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use crate::cli::demo::book::{Answer, Book, By, End, Rate};
use crate::cli::demo::post::{Centres, Seen};

/// One centre.
pub(super) struct Row {
    pub(super) finess: String,
    pub(super) category: &'static str,
    pub(super) cells: Vec<(&'static str, Cell)>,
}

/// A cell of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Count(u64),
    Ratio(u64, u64),
    Word(String),
}

/// One column a centre.
pub(super) fn drawn(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    let heads = rows
        .iter()
        .map(|row| format!("{}\n{}", row.finess, row.category));
    table.set_header(std::iter::once("centre".to_owned()).chain(heads));
    let names = rows.first().map_or(&[][..], |row| row.cells.as_slice());
    for (index, (name, _)) in names.iter().enumerate() {
        let values = rows.iter().map(|row| row.cells[index].1.to_string());
        table.add_row(std::iter::once((*name).to_owned()).chain(values));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// What was counted of a centre, by the gateway or by the book.
#[derive(Default)]
pub(super) struct Counts {
    received: u64,
    turned_away: u64,
    known: u64,
    conflicts: u64,
    ends: BTreeMap<End, u64>,
    unfinished: u64,
}

/// What the centre was told.
pub(super) fn seen(book: &Book, centres: &Centres<'_>, centre: usize) -> Counts {
    let mut counts = Counts::default();
    let own = book.posts.iter().enumerate();
    for (place, _) in own.filter(|(_, post)| post.centre == centre && post.by == By::Centre) {
        let fate = centres.fate(place);
        match fate.status {
            Some(202) => counts.received += 1,
            Some(200) => counts.known += 1,
            Some(409) => counts.conflicts += 1,
            Some(422) => counts.turned_away += 1,
            Some(_) | None => {}
        }
        // The id of a known document is that of the first post.
        match (fate.status, &fate.seen) {
            (Some(202), Seen::At(end)) => *counts.ends.entry(*end).or_default() += 1,
            (Some(202), Seen::Underway(_) | Seen::Unseen) => counts.unfinished += 1,
            (Some(_) | None, _) => {}
        }
    }
    counts
}

/// What the book says.
pub(super) fn foreseen(book: &Book, centre: usize) -> Counts {
    Counts {
        received: book.answered(centre, |answer| *answer == Answer::Admitted),
        turned_away: book.answered(centre, |answer| matches!(answer, Answer::TurnedAway(_))),
        known: book.answered(centre, |answer| *answer == Answer::Known),
        conflicts: book.answered(centre, |answer| *answer == Answer::Conflict),
        ends: book.ends(centre),
        unfinished: 0,
    }
}

pub(super) fn cells(counts: &Counts, taken: u64, rate: &Rate) -> Vec<(&'static str, Cell)> {
    let mut cells = vec![
        ("received", Cell::Count(counts.received)),
        ("turned away", Cell::Count(counts.turned_away)),
        ("known", Cell::Count(counts.known)),
        ("conflicts", Cell::Count(counts.conflicts)),
    ];
    for end in End::ALL {
        cells.push((
            end.as_str(),
            Cell::Count(counts.ends.get(&end).copied().unwrap_or(0)),
        ));
    }
    cells.extend([
        ("unfinished", Cell::Count(counts.unfinished)),
        ("insurers hold", Cell::Count(taken)),
        ("FSE late", Cell::Count(rate.late)),
        ("secured rate", Cell::Ratio(rate.secured, rate.all)),
        ("electronic rate", Cell::Ratio(rate.electronic, rate.all)),
        ("paper coverage", Cell::Ratio(rate.declared, rate.active)),
        ("verdict", Cell::Word(rate.verdict.clone())),
    ]);
    cells
}

/// A rate as the gateway says it.
pub(super) fn said(body: &Value) -> Rate {
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    Rate {
        secured: count(&body["secured_rate"]["numerator"]),
        electronic: count(&body["electronic_rate"]["numerator"]),
        all: count(&body["denominator"]),
        late: count(&body["splits"]["lateness"]["late"]),
        declared: count(&body["paper_coverage"]["declared_days"]),
        active: count(&body["paper_coverage"]["active_days"]),
        verdict: body["verdict"].as_str().unwrap_or_default().to_owned(),
    }
}

impl Cell {
    /// For programs.
    pub(super) fn json(&self) -> Value {
        match self {
            Cell::Count(count) => json!(count),
            Cell::Ratio(part, whole) => json!({ "numerator": part, "denominator": whole }),
            Cell::Word(word) => json!(word),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Count(count) => write!(out, "{count}"),
            Cell::Ratio(part, 0) => write!(out, "{part}/0"),
            // Cut off, never rounded up, as everywhere.
            Cell::Ratio(part, whole) => {
                let hundredths = part * 10_000 / whole;
                write!(out, "{}.{:02} %", hundredths / 100, hundredths % 100)
            }
            Cell::Word(word) => out.write_str(word),
        }
    }
}
