//! The lines of a centre, and what was kept of figures and reconciliations: answered from the index alone.

use std::collections::BTreeMap;

use crate::claims::document::{Purpose, ReplacementReason};
use crate::claims::entry::Position;
use crate::claims::id::{DocumentId, Finess, Name};
use crate::claims::standing::{Receipted, Word};
use crate::store::index::Index;
use crate::store::ledger::{keys, records};
use crate::store::{
    DocumentRecord, Error, FiguresRecord, JudgedRecord, Line, LineDocument, Lines, RunRecord,
};

/// All lines of claims of a centre, by root.
pub fn lines(index: &dyn Index, position: Position, centre: Finess) -> Result<Lines, Error> {
    let prefix = keys::numbers_of(centre, Purpose::Real);
    let found = index.scan(&prefix, &keys::after(&prefix), usize::MAX)?;
    let mut by_root: BTreeMap<DocumentId, Line> = BTreeMap::new();
    for (_, value) in found {
        let record = records::known_document(index, records::read(&value)?)?;
        if record.is_latest() {
            by_root.insert(record.received.root, line(index, &record)?);
        }
    }
    Ok(Lines {
        position,
        lines: by_root.into_values().collect(),
    })
}

/// The line of its latest document.
fn line(index: &dyn Index, latest: &DocumentRecord) -> Result<Line, Error> {
    let root = latest.received.root;
    let root_record = records::known_document(index, root)?;
    Ok(Line {
        cells: records::cells(&root_record, latest),
        root,
        latest: latest.received.document,
        documents: documents(index, latest)?,
        deadline: root_record.received.deadline,
        refusal: refusal(latest),
    })
}

/// The documents of a line, also those whose number a later one of it has.
fn documents(index: &dyn Index, latest: &DocumentRecord) -> Result<Vec<LineDocument>, Error> {
    let mut documents = vec![member(latest, None)];
    let mut received = latest.received.clone();
    while let (Some(before), Some((_, _, reason))) = (received.replaces, received.facts.replaces) {
        let record = records::known_document(index, before)?;
        documents.push(member(&record, Some(reason)));
        received = record.received;
    }
    documents.reverse();
    Ok(documents)
}

fn member(record: &DocumentRecord, replaced: Option<ReplacementReason>) -> LineDocument {
    LineDocument {
        key: record.received.facts.key,
        destination: record.received.facts.destination,
        receipted: record.receipted(),
        replaced,
    }
}

/// The insurer's code of the refusal that stands.
fn refusal(record: &DocumentRecord) -> Option<Name> {
    let stands = record.course.position().receipted == Receipted::No;
    let refusals = record
        .course
        .heard()
        .iter()
        .filter(|heard| match heard.word {
            Word::Receipt(crate::claims::receipt::Verdict::Refused) | Word::ContentRefused => true,
            Word::Receipt(crate::claims::receipt::Verdict::Accepted)
            | Word::Settled(..)
            | Word::Answered(_) => false,
        });
    let last = refusals.max_by_key(|heard| (heard.issued, &heard.id));
    last.filter(|_| stands).and_then(|heard| heard.code.clone())
}

/// Figures by digest.
pub fn figures(index: &dyn Index) -> Result<Vec<FiguresRecord>, Error> {
    all(index, &keys::all_figures())
}

/// Reconciliations by position.
pub fn runs(index: &dyn Index) -> Result<Vec<RunRecord>, Error> {
    all(index, &keys::runs())
}

/// Judgements by line.
pub fn judged(index: &dyn Index, run: Position) -> Result<Vec<JudgedRecord>, Error> {
    all(index, &keys::judged_of(run))
}

/// All records below a prefix.
pub fn all<T: crate::claims::canon::Canon>(
    index: &dyn Index,
    prefix: &[u8],
) -> Result<Vec<T>, Error> {
    let found = index.scan(prefix, &keys::after(prefix), usize::MAX)?;
    found
        .iter()
        .map(|(_, value)| records::read(value))
        .collect()
}
