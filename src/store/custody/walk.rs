//! A walk along the chain: every record, every commit, every hash from one entry to another.
//!
//! It begins at the segment in which the first entry lies, whose header says the hash before it, and tells the hashes
//! at both ends: whoever kept one of them compares. Anchors that are met are compared with the hash they are of. Must
//! never say of entries that are not there that the chain holds: whoever asks for them may do so because the ledger was
//! cut off before them.

use std::collections::VecDeque;

use crate::claims::commitment::Chain;
use crate::claims::custody::Anchor;
use crate::claims::entry::{Entry, Position, Stamped};
use crate::store::journal::reader::{Piece, Reader};
use crate::store::journal::scan::{Batch, start_of};
use crate::store::journal::{self, Head};

/// An anchor is written soon after the entry that it is of: so many places are remembered to compare it with.
const REMEMBERED: usize = 4096;

/// What was walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walked {
    /// The entry before the first one, and the hash after it.
    pub before: Anchor,
    /// The last entry, and the hash after it.
    pub upto: Anchor,
    /// Anchors that were met and are right.
    pub anchors: u64,
    /// What is wrong; nothing was walked behind it.
    pub broken: Option<String>,
    /// What was asked for and is not there; what of it is there was walked along.
    pub missing: Option<String>,
}

impl Walked {
    /// Whether all that was asked for is there, and unbroken.
    pub fn holds(&self) -> bool {
        self.broken.is_none() && self.missing.is_none()
    }
}

/// Why the walk ends before the journal does.
enum Stop {
    /// It is where it was to go.
    Arrived,
    Journal(journal::Error),
    /// A record is whole and does not say what it should.
    Wrong(String),
}

impl From<journal::Error> for Stop {
    fn from(error: journal::Error) -> Stop {
        Stop::Journal(error)
    }
}

/// Walks from an entry to another, or from the first to the last. Blocks.
pub fn walk(reader: &Reader, head: Head, from: Option<Position>, to: Option<Position>) -> Walked {
    // What a foundation stands for is proven by its digest in the ledger alone.
    let first = Position(reader.begin().position.0 + 1);
    let missing = missing((first, head.position), from, to);
    let from = from.unwrap_or(first).max(first);
    let to = to.unwrap_or(head.position).min(head.position);
    let mut walker = Walker {
        from,
        to,
        walked: Walked {
            before: anchor(Position(0), Chain::default()),
            upto: anchor(Position(0), Chain::default()),
            anchors: 0,
            broken: None,
            missing,
        },
        remembered: VecDeque::new(),
    };
    let end = match begin(reader, &head, from) {
        Ok(start) if head.position > Position(0) => {
            walker.pass(start.position, start.chain);
            reader.pieces(start, head, |piece| walker.piece(reader, &piece))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    };
    walker.walked.broken = match end {
        Ok(()) | Err(Stop::Arrived) => None,
        Err(Stop::Journal(error)) => Some(error.to_string()),
        Err(Stop::Wrong(what)) => Some(what),
    };
    walker.walked
}

/// What of a range is not in the ledger, which has the entries from one to another.
fn missing(
    (first, last): (Position, Position),
    from: Option<Position>,
    to: Option<Position>,
) -> Option<String> {
    let asked = || [from, to].into_iter().flatten();
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        let (from, to) = (from.0, to.0);
        return Some(format!("no entry is from {from} on and up to {to}"));
    }
    if asked().any(|asked| asked > last) {
        return Some(format!("the ledger ends at entry {}", last.0));
    }
    // No entry has the number 0: who asks from there asks from the first.
    if asked().any(|asked| asked.0 > 0 && asked < first) {
        let first = first.0;
        return Some(format!(
            "a foundation stands for the entries before entry {first}"
        ));
    }
    None
}

/// The place before the segment in which an entry lies.
fn begin(reader: &Reader, head: &Head, from: Position) -> Result<Head, journal::Error> {
    let mut start = reader.begin();
    for ordinal in 1..=head.segment {
        match reader.segment(ordinal) {
            Ok(segment) if segment.header.first <= from => start = start_of(&segment.header),
            Ok(_) => break,
            // The walk over it says what is wrong, if it is on the way.
            Err(_) => {}
        }
    }
    Ok(start)
}

struct Walker {
    from: Position,
    to: Position,
    walked: Walked,
    remembered: VecDeque<(Position, Chain)>,
}

impl Walker {
    fn piece(&mut self, reader: &Reader, piece: &Piece<'_>) -> Result<(), Stop> {
        match piece {
            // Bodies that cannot be read break no chain.
            Piece::Whole(batch) | Piece::Patched(batch, _) => self.batch(batch),
            Piece::Hole(damage) => Err(Stop::Journal(reader.damaged(damage))),
        }
    }

    fn batch(&mut self, batch: &Batch<'_>) -> Result<(), Stop> {
        let mut chain = self.walked.upto.chain;
        for (number, bytes) in (batch.first.0..).zip(&batch.entries) {
            let unread = || Stop::Wrong(format!("entry {number} cannot be read"));
            let stamped = Stamped::read(bytes).map_err(|_| unread())?;
            if let Entry::Anchored(anchor) = stamped.entry {
                self.anchor(Position(number), anchor)?;
            }
            chain = chain.after(bytes);
            self.pass(Position(number), chain);
            if number >= self.to.0 {
                return Err(Stop::Arrived);
            }
        }
        self.remembered
            .push_back((batch.end.position, batch.end.chain));
        if self.remembered.len() > REMEMBERED {
            self.remembered.pop_front();
        }
        Ok(())
    }

    fn pass(&mut self, position: Position, chain: Chain) {
        self.walked.upto = anchor(position, chain);
        if position < self.from {
            self.walked.before = self.walked.upto;
        }
    }

    /// An anchor of a place that the walk came by says what the walk found there.
    fn anchor(&mut self, at: Position, said: Anchor) -> Result<(), Stop> {
        let mut known = self.remembered.iter();
        match known.find(|(position, _)| *position == said.position) {
            Some((_, chain)) if *chain == said.chain => {
                self.walked.anchors += 1;
                Ok(())
            }
            Some(_) => Err(Stop::Wrong(format!(
                "the anchor in entry {} is not the hash after entry {}",
                at.0, said.position.0
            ))),
            None => Ok(()),
        }
    }
}

fn anchor(position: Position, chain: Chain) -> Anchor {
    Anchor { position, chain }
}
