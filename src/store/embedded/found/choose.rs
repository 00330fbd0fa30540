//! Which documents and lots stay in a foundation.
//!
//! A document goes when it is finished, with its lot; its last legal event is past; no legal hold stands on it; and
//! no entry behind the foundation speaks of it or of a lot that it was in, because what is folded then must find it.
//! It goes and stays with its whole line, and with the FSE or the PJs that belong to it. A lot stays as long as one of
//! its documents does, and keeps no other.

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::foundation::{self, About};
use crate::claims::id::{DocumentId, LotId};
use crate::claims::time::Day;
use crate::store::embedded::found::{Error, Order, Span, entries};
use crate::store::embedded::tree::Tree;
use crate::store::index::Index;
use crate::store::journal::reader::Reader;
use crate::store::ledger::retention::Judge;
use crate::store::ledger::{keys, listing, query, records};
use crate::store::{self, DocumentRecord, LotRecord};

/// So many records are read at once.
const PAGE: usize = 1_000;

/// What stays and what goes.
pub struct Chosen {
    /// Documents that stay.
    pub kept: BTreeSet<DocumentId>,
    /// Documents that go.
    pub gone: BTreeSet<DocumentId>,
    /// Lots that stay.
    pub lots: BTreeSet<LotId>,
}

/// What is known while it is chosen.
#[derive(Default)]
struct Choosing {
    all: BTreeSet<DocumentId>,
    kept: BTreeSet<DocumentId>,
    /// Documents that go and stay together.
    together: BTreeMap<DocumentId, Vec<DocumentId>>,
    /// Documents that stay, and whose company was not looked at yet.
    left: Vec<DocumentId>,
}

impl Chosen {
    /// Chooses among the documents of a state, at the end of what goes. How they are now, another index says; what was
    /// decided in between is read.
    pub fn choose(
        then: &Tree,
        now: &dyn Index,
        reader: &Reader,
        rest: Span,
        order: Order,
        until: Day,
    ) -> Result<Chosen, Error> {
        let mut choosing = Choosing::default();
        let judge = Judge::new(now, order.rules)?;
        let mut stay = Vec::new();
        for_documents(then, |record| {
            choosing.take(record);
            let now_is = records::known_document(now, record.received.document)?;
            let goes = judge.is_past(now, &now_is, order.before)?
                && days(record).into_iter().all(|day| day <= until);
            if !goes {
                stay.push(record.received.document);
            }
            Ok(())
        })?;
        stay.into_iter()
            .for_each(|document| choosing.keep(document));
        // A lot that waits at the end of what goes is not done with, whatever is said of it later.
        for_lots(then, |lot| {
            if lot.wait().is_some() {
                choosing.keep_all(&lot.sealed.documents);
            }
            Ok(())
        })?;
        entries(reader, rest, |_, stamped, _| {
            let About::Named(documents, lots) = foundation::about(&stamped.entry) else {
                return Ok(());
            };
            choosing.keep_all(&documents);
            for lot in lots {
                let lot: Option<LotRecord> = records::load(then, &keys::lot(lot))?;
                let documents = lot.map_or_else(Vec::new, |lot| lot.sealed.documents);
                choosing.keep_all(&documents);
            }
            Ok(())
        })?;
        choosing.spread();
        choosing.chosen(then)
    }
}

impl Choosing {
    /// One more document, and with which others it goes and stays.
    fn take(&mut self, record: &DocumentRecord) {
        let received = &record.received;
        let id = received.document;
        self.all.insert(id);
        let line = [Some(received.root), received.replaces, record.replaced_by];
        for other in line.into_iter().chain([received.supports]).flatten() {
            if other != id {
                self.together.entry(id).or_default().push(other);
                self.together.entry(other).or_default().push(id);
            }
        }
    }

    fn keep_all(&mut self, documents: &[DocumentId]) {
        documents.iter().for_each(|document| self.keep(*document));
    }

    fn keep(&mut self, document: DocumentId) {
        // What was admitted later is no part of what goes.
        if self.all.contains(&document) && self.kept.insert(document) {
            self.left.push(document);
        }
    }

    /// With a document its line stays, its FSE, its PJs.
    fn spread(&mut self) {
        while let Some(document) = self.left.pop() {
            let others = self.together.remove(&document).unwrap_or_default();
            self.keep_all(&others);
        }
    }

    fn chosen(self, then: &Tree) -> Result<Chosen, Error> {
        let mut lots = BTreeSet::new();
        for_lots(then, |lot| {
            let mut documents = lot.sealed.documents.iter();
            if documents.any(|document| self.kept.contains(document)) {
                lots.insert(lot.sealed.lot);
            }
            Ok(())
        })?;
        let gone = self.all.difference(&self.kept).copied().collect();
        Ok(Chosen {
            kept: self.kept,
            gone,
            lots,
        })
    }
}

/// The days by which a document may be counted.
fn days(record: &DocumentRecord) -> [Day; 3] {
    let facts = &record.received.facts;
    [facts.clock_day, facts.care_day, record.at.day()]
}

/// Visits all documents of an index.
fn for_documents(
    index: &dyn Index,
    mut visit: impl FnMut(&DocumentRecord) -> Result<(), store::Error>,
) -> Result<(), store::Error> {
    let mut after = None;
    loop {
        let page = query::documents(index, after, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.received.document);
        page.iter().try_for_each(&mut visit)?;
    }
}

fn for_lots(
    index: &dyn Index,
    mut visit: impl FnMut(&LotRecord) -> Result<(), store::Error>,
) -> Result<(), store::Error> {
    let mut after = None;
    loop {
        let page = listing::lots(index, after, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.sealed.lot);
        page.iter().try_for_each(&mut visit)?;
    }
}
