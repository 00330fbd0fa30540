//! What is said of documents between the judging of their bodies and the entry that ends these: a late word of an insurer
//! is a legal event, and makes the time of their bodies begin anew.
//!
//! It is asked twice: beside the committer, for all that was decided while bodies were copied, and by the committer itself
//! for the little that came after that. Must never keep a view for longer than some entries take.

use std::collections::BTreeSet;

use crate::claims::entry::Position;
use crate::claims::id::DocumentId;
use crate::claims::time::Timestamp;
use crate::store::Error;
use crate::store::embedded::entries;
use crate::store::embedded::evacuate::examine::{Examined, Judged};
use crate::store::embedded::overlay::View;
use crate::store::journal::reader::Reader;
use crate::store::ledger::touched::Touched;

/// So many entries are read of one view.
const AT_ONCE: usize = 1_000;

/// Listens for words of the documents whose bodies are to end.
pub struct Meanwhile {
    reader: Reader,
    documents: BTreeSet<DocumentId>,
    /// Up to where was listened.
    heard: Position,
}

impl Meanwhile {
    /// After a segment was judged, to be cleared at an instant.
    pub fn of(examined: &Examined, at: Timestamp, reader: &Reader) -> Meanwhile {
        Meanwhile {
            reader: reader.clone(),
            documents: examined
                .gone(at)
                .flat_map(Judged::owners)
                .copied()
                .collect(),
            heard: examined.seen,
        }
    }

    /// Whether an entry that was not heard yet speaks of one of them.
    ///
    /// # Errors
    /// When the index or the journal fails.
    pub fn is_spoken_of(&mut self, look: impl Fn() -> View) -> Result<bool, Error> {
        loop {
            let view = look();
            let found = entries(&view, &self.reader, self.heard, AT_ONCE)?;
            let Some((last, _)) = found.last() else {
                return Ok(false);
            };
            self.heard = *last;
            let mut touched = Touched::default();
            for (_, stamped) in &found {
                touched.add(&view, &stamped.entry)?;
            }
            if !touched.documents().is_disjoint(&self.documents) {
                return Ok(true);
            }
        }
    }
}
