//! The table: what came out beside what was written before, cell by cell, and the insurers' books beside both.
//!
//! It holds no id and no time, so two runs of one seed print the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::claims::id::{Digest, DocumentId, Number};
use crate::cli::demo::Size;
use crate::cli::demo::book::{Answer, Book, By, End, Insurer, Rate};
use crate::cli::demo::post::{Centres, Counted, Seen};
use crate::simulator::insurer::book::Contents;

/// Differences that are listed.
const LISTED: usize = 40;

/// What came out of a run.
pub(super) struct Report {
    rows: Vec<Row>,
    /// What holds, a sentence each.
    checks: Vec<String>,
    /// What does not.
    differences: Vec<String>,
}

/// One centre.
struct Row {
    finess: String,
    category: &'static str,
    cells: Vec<(&'static str, Cell)>,
}

/// A cell of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cell {
    Count(u64),
    Ratio(u64, u64),
    Word(String),
}

impl Report {
    /// Compares what the centres saw, what the gateway counts and what the insurers hold with the book.
    pub(super) fn new(
        book: &Book,
        centres: &Centres<'_>,
        insurers: &[(Insurer, Contents)],
        counted: &Counted,
    ) -> Report {
        let mut report = Report {
            rows: Vec::new(),
            checks: Vec::new(),
            differences: Vec::new(),
        };
        report.compare_answers(book, centres);
        let taken = report.compare_insurers(book, centres, insurers);
        report.compare_table(book, centres, &taken, &counted.rates);
        report.compare_counts(counted);
        report
    }

    /// Whether everything came out as it was written down.
    pub(super) fn is_right(&self) -> bool {
        self.differences.is_empty()
    }

    /// The same for programs.
    pub(super) fn json(&self, size: Size) -> Value {
        let rows = self.rows.iter().map(|row| {
            let mut shape = json!({ "centre": row.finess, "category": row.category });
            for (name, cell) in &row.cells {
                shape[name.replace(' ', "_")] = cell.json();
            }
            shape
        });
        json!({
            "seed": size.seed,
            "documents": size.documents,
            "equal": self.is_right(),
            "rows": rows.collect::<Vec<_>>(),
            "checks": self.checks,
            "differences": self.differences,
        })
    }

    /// Each post was answered as the book says, and each document is where it is to end.
    fn compare_answers(&mut self, book: &Book, centres: &Centres<'_>) {
        let before = self.differences.len();
        for (place, post) in book.posts.iter().enumerate() {
            let fate = centres.fate(place);
            let name = || {
                format!(
                    "{} {} of {}",
                    post.kind.as_str(),
                    post.number,
                    book.centres[post.centre].finess
                )
            };
            let (status, code) = expected(post.answer);
            let is_answered = fate.status == Some(status);
            if !is_answered
                || code.is_some_and(|code| !fate.codes.iter().any(|found| found == code))
            {
                let found = fate
                    .status
                    .map_or("nothing".to_owned(), |found| found.to_string());
                let wanted =
                    code.map_or(status.to_string(), |code| format!("{status} with {code}"));
                let codes = fate.codes.join(" ");
                self.differences.push(format!(
                    "{}: answered {found} {codes}, not {wanted}",
                    name()
                ));
            }
            if let Some(end) = post.end.filter(|end| fate.seen != Seen::At(*end)) {
                let found = match &fate.seen {
                    Seen::Unseen => "was never admitted".to_owned(),
                    Seen::Underway(word) => format!("is {word}"),
                    Seen::At(end) => format!("is {}", end.as_str()),
                };
                self.differences
                    .push(format!("{}: {found}, not {}", name(), end.as_str()));
            }
        }
        if self.differences.len() == before {
            let posts = book.posts.len();
            self.checks.push(format!(
                "{posts} posts were answered as the book says, status and finding"
            ));
        }
    }

    /// Each document is in exactly the book of the insurer that must have taken it, once, with its bytes. Gives
    /// the number taken by centre.
    fn compare_insurers(
        &mut self,
        book: &Book,
        centres: &Centres<'_>,
        insurers: &[(Insurer, Contents)],
    ) -> BTreeMap<usize, u64> {
        let before = self.differences.len();
        let mut booked: BTreeMap<DocumentId, Vec<(Insurer, Digest, Number)>> = BTreeMap::new();
        for (insurer, contents) in insurers {
            let breaches = contents.breaches.iter();
            self.differences
                .extend(breaches.map(|breach| format!("{}: {breach}", insurer.endpoint())));
            for document in contents.lots.values().flat_map(|lot| &lot.documents) {
                let found = (*insurer, document.digest, document.number);
                booked.entry(document.id).or_default().push(found);
            }
        }
        let mut taken: BTreeMap<usize, u64> = BTreeMap::new();
        let mut known = BTreeSet::new();
        for (place, post) in book
            .posts
            .iter()
            .enumerate()
            .filter(|(_, post)| post.end.is_some())
        {
            let id = centres
                .fate(place)
                .id
                .as_deref()
                .and_then(|id| DocumentId::parse(id).ok());
            let Some(id) = id else { continue };
            known.insert(id);
            let found = booked.get(&id).cloned().unwrap_or_default();
            let digest = Digest(Sha256::digest(&post.text).into());
            let wanted = Number::parse(&post.number).ok().zip(post.taken_by);
            let wanted: Vec<_> = wanted
                .map(|(number, insurer)| (insurer, digest, number))
                .into_iter()
                .collect();
            if found != wanted {
                let line = "its insurers' books hold it";
                let (had, want) = (found.len(), wanted.len());
                self.differences.push(format!(
                    "{} {}: {line} {had} times as posted or not, not {want}",
                    post.kind.as_str(),
                    post.number
                ));
            }
            if post.by == By::Centre && !found.is_empty() {
                *taken.entry(post.centre).or_default() += found.len() as u64;
            }
        }
        let unknown = booked.keys().filter(|id| !known.contains(id)).count();
        if unknown > 0 {
            self.differences.push(format!(
                "{unknown} documents in the insurers' books were admitted to nobody"
            ));
        }
        if self.differences.len() == before {
            let documents = booked.len();
            self.checks.push(format!("{documents} documents stand in the insurers' own books, each once, in the right book, with the bytes that were posted"));
        }
        taken
    }

    fn compare_table(
        &mut self,
        book: &Book,
        centres: &Centres<'_>,
        taken: &BTreeMap<usize, u64>,
        rates: &[Value],
    ) {
        let before = self.differences.len();
        for (place, rate) in rates.iter().enumerate() {
            let centre = &book.centres[place];
            let counts = seen(book, centres, place);
            let found = cells(
                &counts,
                taken.get(&place).copied().unwrap_or(0),
                &said(rate),
            );
            let wanted = cells(&foreseen(book, place), book.taken(place), &book.rate(place));
            for ((name, found), (_, wanted)) in found
                .iter()
                .zip(&wanted)
                .filter(|(one, other)| one != other)
            {
                self.differences
                    .push(format!("{} {name}: {found}, not {wanted}", centre.finess));
            }
            self.rows.push(Row {
                finess: centre.finess.clone(),
                category: centre.category.as_str(),
                cells: found,
            });
        }
        if self.differences.len() == before {
            let cells = self.rows.iter().map(|row| row.cells.len()).sum::<usize>();
            self.checks.push(format!(
                "{cells} cells of the table equal the book that was written before the first post"
            ));
        }
    }

    /// The gateway's own independent counts agree, and nothing in it is stuck.
    fn compare_counts(&mut self, counted: &Counted) {
        let is_balanced = |rate: &Value| rate["basis"]["ledger"] == "balanced";
        match (counted.rates.iter().all(is_balanced), counted.stuck) {
            (true, Some(0)) => self.checks.push(
                "the gateway's tallies equal its second count of the ledger, and nothing is stuck"
                    .to_owned(),
            ),
            (false, _) => {
                let words = "the gateway's independent counts do not agree";
                self.differences.push(words.to_owned());
            }
            (true, stuck) => {
                let words = format!("documents without a next instant: {stuck:?}, not none");
                self.differences.push(words);
            }
        }
    }
}

/// What was counted of a centre, by the gateway or by the book.
#[derive(Default)]
struct Counts {
    received: u64,
    turned_away: u64,
    known: u64,
    conflicts: u64,
    ends: BTreeMap<End, u64>,
    unfinished: u64,
}

/// What the centre was told.
fn seen(book: &Book, centres: &Centres<'_>, centre: usize) -> Counts {
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
fn foreseen(book: &Book, centre: usize) -> Counts {
    Counts {
        received: book.answered(centre, |answer| *answer == Answer::Admitted),
        turned_away: book.answered(centre, |answer| matches!(answer, Answer::TurnedAway(_))),
        known: book.answered(centre, |answer| *answer == Answer::Known),
        conflicts: book.answered(centre, |answer| *answer == Answer::Conflict),
        ends: book.ends(centre),
        unfinished: 0,
    }
}

fn cells(counts: &Counts, taken: u64, rate: &Rate) -> Vec<(&'static str, Cell)> {
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
fn said(body: &Value) -> Rate {
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

/// The status of an answer, and the code that must be among its findings.
fn expected(answer: Answer) -> (u16, Option<&'static str>) {
    match answer {
        Answer::Admitted => (202, None),
        Answer::Known => (200, None),
        Answer::Conflict => (409, None),
        Answer::TurnedAway(code) => (422, Some(code)),
        Answer::Forbidden => (403, None),
    }
}

impl Cell {
    fn json(&self) -> Value {
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

impl fmt::Display for Report {
    /// One column a centre; then what holds, or what does not.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY);
        let heads = self
            .rows
            .iter()
            .map(|row| format!("{}\n{}", row.finess, row.category));
        table.set_header(std::iter::once("centre".to_owned()).chain(heads));
        let names = self
            .rows
            .first()
            .map_or(&[][..], |row| row.cells.as_slice());
        for (index, (name, _)) in names.iter().enumerate() {
            let values = self.rows.iter().map(|row| row.cells[index].1.to_string());
            table.add_row(std::iter::once((*name).to_owned()).chain(values));
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(out, "{table}")?;
        for check in &self.checks {
            writeln!(out, "right: {check}")?;
        }
        for difference in self.differences.iter().take(LISTED) {
            writeln!(out, "WRONG: {difference}")?;
        }
        if self.differences.len() > LISTED {
            writeln!(out, "WRONG: and {} more", self.differences.len() - LISTED)?;
        }
        Ok(())
    }
}
