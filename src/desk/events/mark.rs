//! The id of an event: the place of its entry, and the instant by which that entry is known again.
//!
//! After a restore the places of the lost span are given out again. Whoever comes with one of them was told what this
//! ledger does not have, and has not been told what it has instead: it hears so, and goes on from the end of what was
//! restored, never silently from its own place.

use std::fmt;

use crate::claims::entry::Position;
use crate::claims::time::Timestamp;
use crate::desk::Desk;
use crate::store;

/// A place, and the instant of its entry. Who names a place of its own accord may leave out the instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::desk) struct Mark {
    pub(in crate::desk) position: Position,
    pub(in crate::desk) at: Option<Timestamp>,
}

/// From where a reader goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::desk) enum Resume {
    /// From its place.
    There(Position),
    /// Its place is of a lost span, or of another ledger: from here.
    Reset(Position),
    /// There is no such place.
    Nowhere,
}

impl Mark {
    /// Reads `POSITION` or `POSITION-MICROSECONDS`.
    pub(in crate::desk) fn parse(text: &str) -> Option<Mark> {
        let (position, at) = match text.split_once('-') {
            Some((position, at)) => (position, Some(Timestamp::from_micros(at.parse().ok()?))),
            None => (text, None),
        };
        let position = Position(position.parse().ok()?);
        Some(Mark { position, at })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.position.0)?;
        match self.at {
            Some(at) => write!(out, "-{}", at.micros()),
            None => Ok(()),
        }
    }
}

impl Desk {
    /// The mark of an entry.
    pub(in crate::desk) async fn mark(&self, position: Position) -> Result<Mark, store::Error> {
        let at = self.instant_of(position).await?;
        Ok(Mark { position, at })
    }

    /// From where whoever has heard everything up to a mark goes on.
    pub(in crate::desk) async fn resumes(&self, mark: Mark) -> Result<Resume, store::Error> {
        let restored = self.parts.custody.restoration().await?;
        let end = restored.map(|record| record.restored.position);
        if mark.position > self.parts.store.health().position {
            return Ok(end.map_or(Resume::Nowhere, Resume::Reset));
        }
        let found = self.instant_of(mark.position).await?;
        Ok(match (mark.at, found) {
            // Before the last restore there may have been another one: then nothing less than all of it is safe.
            (Some(at), Some(found)) if at != found => Resume::Reset(
                end.filter(|end| *end < mark.position)
                    .unwrap_or(Position(0)),
            ),
            // An entry for which a foundation stands was told long ago.
            (Some(_) | None, Some(_) | None) => Resume::There(mark.position),
        })
    }

    /// The instant of an entry; none before the first and of one for which a foundation stands.
    async fn instant_of(&self, position: Position) -> Result<Option<Timestamp>, store::Error> {
        let Some(before) = position.0.checked_sub(1) else {
            return Ok(None);
        };
        let found = self.parts.store.entries(Position(before), 1).await?;
        let own = found.first().filter(|(own, _)| *own == position);
        Ok(own.map(|(_, stamped)| stamped.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_is_written() {
        let at = Some(Timestamp::from_micros(1_766_000_000_000_001));
        for (text, position, at) in [
            ("0", 0, None),
            ("17", 17, None),
            ("17-1766000000000001", 17, at),
        ] {
            let position = Position(position);
            let mark = Mark { position, at };
            assert_eq!(Mark::parse(text), Some(mark), "{text}");
            assert_eq!(mark.to_string(), text);
        }
        for text in ["", "x", "-", "1-", "-1", "1-x", "1-2-3"] {
            assert_eq!(Mark::parse(text), None, "{text}");
        }
    }
}
