//! Writes what stays: entries verbatim, the state without what goes, the counts of all.

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::canon;
use crate::claims::entry::{Entry, Position, Stamped};
use crate::claims::foundation::{self, About};
use crate::claims::id::{DocumentId, LotId};
use crate::claims::tally::Cell;
use crate::store::embedded::OpenError;
use crate::store::embedded::found::choose::Chosen;
use crate::store::embedded::found::{Error, Span, entries};
use crate::store::embedded::tree::Tree;
use crate::store::index::Index as _;
use crate::store::journal::foundation::Writer;
use crate::store::journal::reader::Reader;
use crate::store::ledger::{keys, records};
use crate::store::{self, LotRecord};

/// So many pairs or entries are read at once.
const PAGE: usize = 1_000;

/// The foundation while it is written.
pub struct Writing<'a> {
    /// The state at the end of what goes.
    then: &'a Tree,
    reader: &'a Reader,
    chosen: &'a Chosen,
    /// Keys of the receipts and settlements whose entries stay.
    heard: BTreeSet<Vec<u8>>,
}

impl<'a> Writing<'a> {
    /// Nothing is written yet.
    pub fn new(then: &'a Tree, reader: &'a Reader, chosen: &'a Chosen) -> Writing<'a> {
        Writing {
            then,
            reader,
            chosen,
            heard: BTreeSet::new(),
        }
    }

    /// The cells of all units, also of documents that go: on which days a centre was active, and under which agreement,
    /// is asked of them.
    pub fn cells(&self) -> Result<BTreeMap<Cell, i64>, Error> {
        let mut cells: BTreeMap<Cell, i64> = BTreeMap::new();
        self.table(b'y', |key, value| {
            cells.insert(records::read(&key[1..])?, records::read(value)?);
            Ok(())
        })?;
        Ok(cells)
    }

    /// Writes the entries that stay: those of the foundation before, then those of a span.
    pub fn entries(&mut self, span: Span, writer: &mut Writer) -> Result<(), Error> {
        let mut after = Position(0);
        loop {
            let page = self.reader.kept(after, PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            for (position, bytes) in &page {
                let stamped = Stamped::read(bytes).map_err(|_| OpenError::Entry(position.0))?;
                self.entry(*position, &stamped, bytes, writer)?;
            }
        }
        entries(self.reader, span, |position, stamped, bytes| {
            self.entry(position, stamped, bytes, writer)
        })
    }

    fn entry(
        &mut self,
        position: Position,
        stamped: &Stamped,
        bytes: &[u8],
        writer: &mut Writer,
    ) -> Result<(), Error> {
        let stays = match foundation::about(&stamped.entry) {
            About::Ledger => true,
            About::State => false,
            About::Named(documents, lots) => {
                let mut lots = lots.iter();
                documents.iter().any(|id| self.chosen.kept.contains(id))
                    || lots.any(|id| self.chosen.lots.contains(id))
            }
        };
        if !stays {
            return Ok(());
        }
        if let Entry::Receipted(receipted) = &stamped.entry {
            self.heard
                .insert(keys::receipt(&receipted.endpoint, &receipted.id));
        } else if let Entry::Settled(settled) = &stamped.entry {
            self.heard
                .insert(keys::settlement(&settled.endpoint, &settled.id));
        }
        Ok(writer.entry(position, bytes)?)
    }

    /// Writes the state, in order of key; after the entries.
    pub fn state(&self, cells: &BTreeMap<Cell, i64>, writer: &mut Writer) -> Result<(), Error> {
        for letter in b'a'..=b'z' {
            if letter == b'y' {
                for (cell, units) in cells {
                    writer.state(&keys::cell(cell), &canon::bytes_of(units))?;
                }
                continue;
            }
            self.table(letter, |key, value| match self.pair(key, value)? {
                Some(value) => Ok(writer.state(key, &value)?),
                None => Ok(()),
            })?;
        }
        Ok(())
    }

    /// What a pair of the state becomes; none if it goes.
    fn pair(&self, key: &[u8], value: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let chosen = self.chosen;
        let stays = |document: DocumentId| chosen.kept.contains(&document);
        let goes = match key[0] {
            b'd' | b'f' | b'h' => !stays(DocumentId(first(key)?)),
            b'j' => !stays(DocumentId(last(key)?)),
            b'k' => !stays(records::read(value)?),
            b'i' => !chosen.lots.contains(&LotId(first(key)?)),
            b'l' => return Ok(self.lot(&records::read(value)?)),
            b'r' | b's' => !self.heard.contains(key),
            // What matches nothing is no part of any count, and was of that time.
            b'x' => true,
            b'a' | b'b' | b'c' | b'e' | b'g' | b'm' | b'n' | b'o' | b'p' | b'q' | b't' | b'u'
            | b'v' | b'w' | b'z' => false,
            _ => return Err(strange()),
        };
        Ok((!goes).then(|| value.to_vec()))
    }

    /// A lot with those of its documents that stay.
    fn lot(&self, lot: &LotRecord) -> Option<Vec<u8>> {
        let mut lot = lot.clone();
        let documents = &mut lot.sealed.documents;
        documents.retain(|document| self.chosen.kept.contains(document));
        (!documents.is_empty()).then(|| canon::bytes_of(&lot))
    }

    /// Visits the pairs of a table.
    fn table(
        &self,
        letter: u8,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (mut from, to) = (vec![letter], [letter + 1]);
        loop {
            let page = self.then.scan(&from, &to, PAGE)?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            from = [last.as_slice(), &[0]].concat();
            for (key, value) in &page {
                visit(key, value)?;
            }
        }
    }
}

/// The id that follows the letter of a key.
fn first(key: &[u8]) -> Result<u128, Error> {
    let id = key.get(1..17).ok_or_else(strange)?;
    Ok(canon::value_of(id)?)
}

/// The id that ends a key.
fn last(key: &[u8]) -> Result<u128, Error> {
    let id = key.last_chunk::<16>().ok_or_else(strange)?;
    Ok(canon::value_of(id)?)
}

fn strange() -> Error {
    store::Error::Read("index: a key of no table that a foundation knows".into()).into()
}
