//! What is known of the clock: the last instant at which it was trusted with what cannot be undone, and for how long
//! gateways have run on by it while it is doubted. Lines of text in a file of their own.
//!
//! The ledger cannot say it: whatever clock a process has, it stamps entries with it. Must never name an instant as trusted
//! but by a clock that is. A crash while it is written leaves the lines before.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::claims::time::Timestamp;
use crate::store::Error;
use crate::store::custody::files;
use crate::store::retention::{Doubt, Trusted};

const NAME: &str = "trusted";
/// What the line of a doubt begins with; the instant and the seconds follow.
const DOUBTED: &str = "doubted";

/// What the file says; none where there is none.
pub fn read(directory: &Path) -> Result<Option<Trusted>, Error> {
    let path = directory.join(NAME);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(&error.to_string())),
    };
    parse(&text)
        .map(Some)
        .ok_or_else(|| unreadable("it holds no instant; remove it when the clock is right"))
}

fn parse(text: &str) -> Option<Trusted> {
    let mut lines = text.lines();
    let at = Timestamp::parse(lines.next()?)?;
    let doubt = lines.next().map(doubt);
    match (doubt, lines.next()) {
        (None, _) => Some(Trusted::from(at)),
        (Some(Some(doubt)), None) => Some(Trusted {
            at,
            doubt: Some(doubt),
        }),
        (Some(_), _) => None,
    }
}

fn doubt(line: &str) -> Option<Doubt> {
    let (at, seconds) = line.strip_prefix(DOUBTED)?.trim_start().split_once(' ')?;
    Some(Doubt {
        at: Timestamp::parse(at)?,
        run: Duration::from_secs(seconds.parse().ok()?),
    })
}

/// Writes it down.
pub fn write(directory: &Path, trusted: Trusted) -> Result<(), Error> {
    let mut text = format!("{}\n", trusted.at);
    if let Some(Doubt { at, run }) = trusted.doubt {
        text.push_str(&format!("{DOUBTED} {at} {}\n", run.as_secs()));
    }
    files::write_whole(&directory.join(NAME), text.as_bytes())
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
        let doubt = Doubt {
            at: at("2028-11-22T12:00:00.002Z"),
            run: Duration::from_secs(39_600),
        };
        for (text, doubt) in [
            ("2027-11-22T12:00:00Z", None),
            ("2026-11-22T12:00:00.001Z", None),
            ("2026-11-22T12:00:00.001Z", Some(doubt)),
            ("2026-11-23T12:00:00Z", None),
        ] {
            let trusted = Trusted {
                at: at(text),
                doubt,
            };
            write(directory.path(), trusted).unwrap();
            assert_eq!(read(directory.path()).unwrap(), Some(trusted));
        }
        let instant = "2026-11-22T12:00:00Z";
        for nonsense in [
            String::new(),
            "yesterday".into(),
            format!("{instant}\n{instant}\n"),
            format!("{instant}\ndoubted {instant}\n"),
            format!("{instant}\ndoubted {instant} -1\n"),
            format!("{instant}\ndoubted {instant} 1\nmore\n"),
        ] {
            fs::write(directory.path().join(NAME), nonsense).unwrap();
            let said = read(directory.path()).unwrap_err().to_string();
            assert!(said.contains("trusted: it holds no instant"), "{said}");
        }
    }
}
