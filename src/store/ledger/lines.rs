//! The lines of a centre, and what was kept of figures and reconciliations: answered from the index alone.

use std::collections::BTreeMap;

use crate::claims::document::Purpose;
use crate::claims::entry::Position;
use crate::claims::id::{DocumentId, Finess, Name};
use crate::claims::standing::{Receipted, Word};
use crate::store::index::Index;
use crate::store::ledger::{keys, records};
use crate::store::{DocumentRecord, Error, FiguresRecord, JudgedRecord, Line, Lines, RunRecord};

/// All lines of claims of a centre. A number that was used again names the later document alone.
pub fn lines(index: &dyn Index, position: Position, centre: Finess) -> Result<Lines, Error> {
    let prefix = keys::numbers_of(centre, Purpose::Real);
    let found = index.scan(&prefix, &keys::after(&prefix), usize::MAX)?;
    let mut by_root: BTreeMap<DocumentId, Vec<DocumentRecord>> = BTreeMap::new();
    for (_, value) in found {
        let record = records::known_document(index, records::read(&value)?)?;
        let line = by_root.entry(record.received.root).or_default();
        line.push(record);
    }
    let mut lines = Vec::with_capacity(by_root.len());
    for (root, documents) in by_root {
        lines.extend(line(index, root, documents)?);
    }
    Ok(Lines { position, lines })
}

fn line(
    index: &dyn Index,
    root: DocumentId,
    mut documents: Vec<DocumentRecord>,
) -> Result<Option<Line>, Error> {
    documents.sort_by_key(|record| (record.is_latest(), record.received.document));
    let Some(latest) = documents.last().filter(|record| record.is_latest()) else {
        return Ok(None);
    };
    let root_record = records::known_document(index, root)?;
    Ok(Some(Line {
        cells: records::cells(&root_record, latest),
        root,
        latest: latest.received.document,
        numbers: documents
            .iter()
            .map(|record| record.received.facts.key)
            .collect(),
        deadline: root_record.received.deadline,
        refusal: refusal(latest),
    }))
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
