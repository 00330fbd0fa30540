//! The last instant at which the clock was trusted with what cannot be undone, as a line of text in a file of its own.
//!
//! The ledger cannot say it: whatever clock a process has, it stamps entries with it. Must never be written but by a
//! clock that is trusted. A crash while it is written leaves the line before.

use std::fs;
use std::io;
use std::path::Path;

use crate::claims::time::Timestamp;
use crate::store::Error;
use crate::store::custody::files;

const NAME: &str = "trusted";

/// What the file says; none where there is none.
pub fn read(directory: &Path) -> Result<Option<Timestamp>, Error> {
    let path = directory.join(NAME);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(&error.to_string())),
    };
    let at = Timestamp::parse(text.trim_end());
    at.map(Some)
        .ok_or_else(|| unreadable("it holds no instant; remove it when the clock is right"))
}

/// Writes it down.
pub fn write(directory: &Path, at: Timestamp) -> Result<(), Error> {
    let line = format!("{at}\n");
    files::write_whole(&directory.join(NAME), line.as_bytes())
        .map_err(|error| Error::Read(error.to_string().into()))
}

fn unreadable(why: &str) -> Error {
    Error::Read(format!("{NAME}: {why}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_until_it_is_another_and_nonsense_is_no_instant() {
        let directory = tempfile::tempdir().unwrap();
        let at = |text| Timestamp::parse(text).unwrap();
        assert_eq!(read(directory.path()).unwrap(), None);
        for text in ["2027-11-22T12:00:00Z", "2026-11-22T12:00:00.001Z"] {
            write(directory.path(), at(text)).unwrap();
            assert_eq!(read(directory.path()).unwrap(), Some(at(text)));
        }
        fs::write(directory.path().join(NAME), "yesterday").unwrap();
        let said = read(directory.path()).unwrap_err().to_string();
        assert!(said.contains("trusted: it holds no instant"), "{said}");
    }
}
