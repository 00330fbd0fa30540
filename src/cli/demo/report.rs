//! The comparison: what came out beside what was written before, cell by cell, and the insurers' books beside both.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::claims::id::{Digest, DocumentId, Number};
use crate::cli::demo::Size;
use crate::cli::demo::book::{Answer, Book, By};
use crate::cli::demo::cast::Insurer;
use crate::cli::demo::post::{Centres, Counted, Seen};
use crate::cli::demo::table::{self, Row, cells, foreseen, said, seen};
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

impl fmt::Display for Report {
    /// The table; then what holds, or what does not.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", table::drawn(&self.rows))?;
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
