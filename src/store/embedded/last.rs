//! The instant of the last entry: none that follows is before it, and what is finished is as old as it says.
//!
//! Must never be what keeps a store from opening, or finished documents from leaving: where the last entry cannot be
//! reached, because one before it cannot be read, the last one that can be read counts.

use crate::claims::entry::{Position, Stamped};
use crate::claims::time::Timestamp;
use crate::store::embedded::overlay::View;
use crate::store::embedded::{OpenError, places};
use crate::store::journal::reader::{Piece, Reader};
use crate::store::journal::{self, Head, scan};

/// The instant of the last entry up to a place that a view has, which is not held while a segment is read; the first of
/// all instants where none can be read.
pub fn instant(
    view: impl FnOnce() -> View,
    reader: &Reader,
    to: Head,
) -> Result<Timestamp, OpenError> {
    let last = to.position;
    if last == Position(0) {
        return Ok(Timestamp::default());
    }
    if let Some(foundation) = reader.foundation()
        && foundation.header.position == last
    {
        return Ok(foundation.header.at);
    }
    let mark = places::mark(&view(), last)?;
    let found = match reader.entries(mark, Position(last.0 - 1), last, 1) {
        Err(error) if error.is_of_one_segment() => return readable(reader, to),
        found => found?,
    };
    let (_, bytes) = found.first().ok_or(journal::Error::Diverged)?;
    read(last, bytes)
}

/// The instant of the last entry that can be read: nearly always one of the last segment.
fn readable(reader: &Reader, to: Head) -> Result<Timestamp, OpenError> {
    for ordinal in (reader.begin().segment..=to.segment).rev() {
        let Ok(segment) = reader.segment(ordinal) else {
            continue;
        };
        let mut last = None;
        let visited = reader.pieces(scan::start_of(&segment.header), to, |piece| {
            match piece {
                Piece::Whole(batch) | Piece::Patched(batch, _) => {
                    if let Some(bytes) = batch.entries.last() {
                        last = Some(read(batch.end.position, bytes)?);
                    }
                }
                Piece::Hole(_) => {}
            }
            Ok::<(), OpenError>(())
        });
        match visited {
            Ok(()) => {}
            Err(OpenError::Journal(error)) if error.is_of_one_segment() => {}
            Err(error) => return Err(error),
        }
        if let Some(last) = last {
            return Ok(last);
        }
    }
    Ok(Timestamp::default())
}

fn read(position: Position, bytes: &[u8]) -> Result<Timestamp, OpenError> {
    let stamped = Stamped::read(bytes).map_err(|_| OpenError::Entry(position.0))?;
    Ok(stamped.at)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::FileExt;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use tempfile::TempDir;

    use super::*;
    use crate::claims::retention::{self, Rules};
    use crate::store::embedded::Embedded;
    use crate::store::embedded::tests::{config, fill, open_config};
    use crate::store::retention::{Pace, Retaining as _};
    use crate::store::{Readiness, Store as _, Unobserved, contract};

    fn open(directory: &Path) -> Embedded {
        open_config(&config(directory), Arc::new(Unobserved)).unwrap()
    }

    /// Where the batches of the last segment end.
    fn ends(store: &Embedded) -> Vec<u64> {
        let segment = store.reader.last().unwrap();
        let mut ends = Vec::new();
        let from = scan::start_of(&segment.header);
        let read = store.reader.pieces(from, store.overlay.head(), |piece| {
            if let Piece::Whole(batch) = piece {
                ends.push(batch.end.offset);
            }
            Ok::<(), journal::Error>(())
        });
        read.unwrap();
        ends
    }

    /// The files of the segments, oldest first.
    fn files(directory: &Path) -> Vec<PathBuf> {
        let files = fs::read_dir(directory.join("journal")).unwrap();
        let files = files.map(|file| file.unwrap().path());
        let mut files: Vec<PathBuf> = files
            .filter(|path| path.extension().is_some_and(|is| is == "segment"))
            .collect();
        files.sort();
        files
    }

    #[tokio::test]
    async fn a_damaged_entry_shortly_before_the_end_keeps_nothing_from_opening() {
        let directory = TempDir::new().unwrap();
        let store = open(directory.path());
        fill(&store, 0..20).await;
        let mut next = 20;
        while ends(&store).len() < 5 {
            fill(&store, next..next + 1).await;
            next += 1;
        }
        let ends = ends(&store);
        // Within the first entry of the third batch from the end.
        let at = ends[ends.len() - 4] + 20;
        drop(store);
        let last = files(directory.path()).pop().unwrap();
        let mut bytes = fs::read(&last).unwrap();
        bytes[usize::try_from(at).unwrap()] ^= 1;
        fs::File::options()
            .write(true)
            .open(&last)
            .unwrap()
            .write_all_at(&bytes, 0)
            .unwrap();
        let store = open(directory.path());
        assert_eq!(store.health().state, Readiness::Ready);
        let head = store.overlay.head();
        let found = instant(|| store.overlay.view(), &store.reader, head);
        assert_eq!(found.unwrap(), contract::now());
        fill(&store, next..next + 1).await;
        let documents = store.documents(None, usize::MAX).await.unwrap();
        assert_eq!(documents.len() as u32, next + 1);
    }

    #[tokio::test]
    async fn without_an_entry_that_can_be_read_the_clock_counts() {
        let directory = TempDir::new().unwrap();
        let store = open(directory.path());
        fill(&store, 0..20).await;
        let pace = Pace {
            bytes_per_second: 0,
            pause_commands: usize::MAX,
        };
        // The present segment ends, and another one begins.
        let later = retention::plus_days(contract::now(), 30);
        let run = store.evacuate(later, Rules::default(), pace).await;
        run.unwrap();
        drop(store);
        let mut files = files(directory.path());
        files.pop();
        for file in files {
            fs::remove_file(file).unwrap();
        }
        let store = open(directory.path());
        assert_eq!(store.health().state, Readiness::Ready);
        fill(&store, 20..21).await;
        let documents = store.documents(None, usize::MAX).await.unwrap();
        assert_eq!(documents.len(), 21);
    }
}
