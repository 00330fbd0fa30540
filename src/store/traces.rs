//! Traces of access: which person read the content or the history of which document, and when.
//!
//! They are no entries of the ledger, because they end: one file a month in the store's directory, only appended to,
//! and removed whole when its months have passed. A line is on stable storage before what it speaks of is given out.
//! It holds ids and the name of a caller, nothing of a document.
//!
//! | what | form |
//! |---|---|
//! | file | `traces/2026-11.trace` |
//! | line | CRC32C in hex, instant, centre, document, role, caller, what was read; a space between them |
//!
//! # What a crash leaves behind
//! Half a line at the end: nothing was given out for it. It is closed by a line break at the next start, so that the
//! next line stands by itself; a line whose checksum is wrong is passed over, and counted when the traces are listed.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::claims::id::{DocumentId, Finess, Name};
use crate::claims::time::Timestamp;
use crate::store::Error;
use crate::store::journal::segment;

const NAME: &str = "traces";
/// What the name of a month's file ends with.
pub const ENDING: &str = ".trace";

/// Somebody read something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// When.
    pub at: Timestamp,
    /// The centre whose document it is.
    pub centre: Finess,
    /// The document.
    pub document: DocumentId,
    /// The role of who read: one of the words of `access`.
    pub role: Name,
    /// Who read, as its certificate or token is called.
    pub caller: Name,
    /// What.
    pub read: Read,
}

/// What was read of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Its bytes.
    Content,
    /// Its course, and what insurers said of it.
    History,
}

/// A page of traces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order in which they were written.
    pub traces: Vec<Trace>,
    /// Where the next page begins; none behind the last one.
    pub next: Option<Mark>,
    /// Lines that cannot be read, in what was looked at.
    pub unreadable: u64,
}

/// A place in the traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Year and month, as in 202611.
    pub month: u32,
    /// Line of the file, from 1: the last one that was looked at.
    pub line: u64,
}

/// The traces of a store's directory.
pub struct Traces {
    directory: PathBuf,
    open: Mutex<Option<(u32, File)>>,
}

impl Read {
    /// The word used in answers and in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Read::Content => "content",
            Read::History => "history",
        }
    }

    fn parse(text: &str) -> Option<Read> {
        [Read::Content, Read::History]
            .into_iter()
            .find(|read| read.as_str() == text)
    }
}

impl Traces {
    /// Of a store's directory; nothing is opened yet.
    pub fn of(store: &Path) -> Traces {
        Traces {
            directory: store.join(NAME),
            open: Mutex::default(),
        }
    }

    /// Writes a trace and makes it durable. Blocks.
    ///
    /// # Errors
    /// When it is not known to be durable: then nothing may be given out.
    pub fn record(&self, trace: &Trace) -> Result<(), Error> {
        let month = month_of(trace.at);
        let line = line(trace);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let written = self.append(&mut open, month, line.as_bytes());
        if written.is_err() {
            // What of it is in the file is not known: the next one begins a line of its own.
            *open = None;
        }
        written.map_err(|error| failed(&error))
    }

    /// Traces of one centre, or of all, behind a place; at most `most` of them are given, and `looked` lines looked at.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn list(
        &self,
        centre: Option<Finess>,
        after: Option<Mark>,
        most: usize,
        looked: u64,
    ) -> Result<Page, Error> {
        let mut page = Page::default();
        let mut left = looked;
        for (month, path) in self.months().map_err(|error| failed(&error))? {
            let from = match after {
                Some(after) if after.month > month => continue,
                Some(after) if after.month == month => after.line,
                Some(_) | None => 0,
            };
            let text = fs::read(&path).map_err(|error| failed(&error))?;
            let text = String::from_utf8_lossy(&text);
            for (number, line) in (1..).zip(text.lines()).skip_while(|(at, _)| *at <= from) {
                if page.traces.len() == most || left == 0 {
                    return Ok(page);
                }
                left -= 1;
                match read_line(line) {
                    Some(trace) if centre.is_none_or(|centre| centre == trace.centre) => {
                        page.traces.push(trace);
                    }
                    Some(_) => {}
                    None if line.is_empty() => {}
                    None => page.unreadable += 1,
                }
                page.next = Some(Mark {
                    month,
                    line: number,
                });
            }
        }
        page.next = None;
        Ok(page)
    }

    /// Removes the months that ended more than so many months before an instant; gives how many. Blocks.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn end(&self, at: Timestamp, months: u32) -> Result<u64, Error> {
        let now = month_of(at);
        // Months since year 0.
        let count = |month: u32| month / 100 * 12 + month % 100;
        let ended = |error: io::Error| failed(&error);
        let mut removed = 0;
        for (month, path) in self.months().map_err(ended)? {
            if count(month) + months < count(now) {
                fs::remove_file(path).map_err(ended)?;
                removed += 1;
            }
        }
        if removed > 0 {
            segment::sync_directory(&self.directory)
                .map_err(|error| Error::Read(error.to_string().into()))?;
        }
        Ok(removed)
    }

    fn append(&self, open: &mut Option<(u32, File)>, month: u32, line: &[u8]) -> io::Result<()> {
        if open.as_ref().is_none_or(|(of, _)| *of != month) {
            *open = Some((month, self.begin(month)?));
        }
        let Some((_, file)) = open else {
            return Err(io::ErrorKind::NotFound.into());
        };
        file.write_all(line)?;
        file.sync_data()
    }

    /// Opens the file of a month; its name is durable, and what it ends with is closed.
    fn begin(&self, month: u32) -> io::Result<File> {
        segment::make_directory(&self.directory).map_err(io::Error::other)?;
        let path = self.path(month);
        let mut options = OpenOptions::new();
        let mut file = options.create(true).append(true).mode(0o600).open(&path)?;
        let ends = fs::read(&path)?.last().copied();
        if ends.is_some_and(|last| last != b'\n') {
            file.write_all(b"\n")?;
        }
        file.sync_all()?;
        segment::sync_directory(&self.directory).map_err(io::Error::other)?;
        Ok(file)
    }

    fn path(&self, month: u32) -> PathBuf {
        let name = format!("{:04}-{:02}{ENDING}", month / 100, month % 100);
        self.directory.join(name)
    }

    /// The files, oldest first.
    fn months(&self) -> io::Result<BTreeMap<u32, PathBuf>> {
        let listed = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            listed => listed?,
        };
        let mut months = BTreeMap::new();
        for entry in listed {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let parts = name
                .strip_suffix(ENDING)
                .and_then(|name| name.split_once('-'));
            let month = parts.and_then(|(year, month)| {
                Some(year.parse::<u32>().ok()? * 100 + month.parse::<u32>().ok()?)
            });
            if let Some(month) = month {
                months.insert(month, path);
            }
        }
        Ok(months)
    }
}

fn month_of(at: Timestamp) -> u32 {
    let day = at.day();
    day.year().unsigned_abs() * 100 + day.month()
}

fn line(trace: &Trace) -> String {
    let said = format!(
        "{} {} {} {} {} {}",
        trace.at.micros(),
        trace.centre,
        trace.document,
        trace.role,
        trace.caller,
        trace.read.as_str()
    );
    format!("{:08x} {said}\n", crc32c::crc32c(said.as_bytes()))
}

fn read_line(line: &str) -> Option<Trace> {
    let (crc, said) = line.split_once(' ')?;
    if u32::from_str_radix(crc, 16).ok()? != crc32c::crc32c(said.as_bytes()) {
        return None;
    }
    let parts: Vec<&str> = said.split(' ').collect();
    let [at, centre, document, role, caller, read] = parts[..] else {
        return None;
    };
    Some(Trace {
        at: Timestamp::from_micros(at.parse().ok()?),
        centre: Finess::parse(centre).ok()?,
        document: DocumentId::parse(document).ok()?,
        role: Name::parse(role).ok()?,
        caller: Name::parse(caller).ok()?,
        read: Read::parse(read)?,
    })
}

fn failed(error: &io::Error) -> Error {
    Error::Read(format!("traces of access: {}", error.kind()).into())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn trace(at: &str, document: u128, centre: &str) -> Trace {
        Trace {
            at: Timestamp::parse(at).unwrap(),
            centre: Finess::parse(centre).unwrap(),
            document: DocumentId(document),
            role: Name::parse("operator").unwrap(),
            caller: Name::parse("unix:ops").unwrap(),
            read: Read::History,
        }
    }

    const OWN: &str = "750712184";
    const OTHER: &str = "750000002";

    #[test]
    fn traces_are_found_by_centre_in_pages_and_end_after_their_months() {
        let directory = TempDir::new().unwrap();
        let traces = Traces::of(directory.path());
        assert_eq!(traces.list(None, None, 10, 100).unwrap(), Page::default());
        let written: Vec<_> = [
            ("2026-04-30T12:00:00Z", 1, OWN),
            ("2026-05-01T12:00:00Z", 2, OTHER),
            ("2026-11-21T12:00:00Z", 3, OWN),
            ("2026-11-22T12:00:00Z", 4, OWN),
        ]
        .into_iter()
        .map(|(at, document, centre)| trace(at, document, centre))
        .collect();
        for one in &written {
            traces.record(one).unwrap();
        }
        let own = |after, most, looked| {
            let centre = Some(Finess::parse(OWN).unwrap());
            traces.list(centre, after, most, looked).unwrap()
        };
        let all = own(None, 10, 100);
        assert_eq!(all.traces, [0, 2, 3].map(|at| written[at].clone()));
        assert_eq!((all.next, all.unreadable), (None, 0));
        for (most, looked) in [(1, 100), (2, 100), (10, 1), (10, 2)] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = own(after, most, looked);
                found.extend(page.traces);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, all.traces, "{most} {looked}");
        }
        let now = written[3].at;
        assert_eq!(traces.end(now, 6).unwrap(), 1);
        assert_eq!(
            traces.list(None, None, 10, 100).unwrap().traces,
            written[1..]
        );
        assert_eq!(traces.end(now, 6).unwrap(), 0);
    }

    #[test]
    fn half_a_line_is_passed_over_and_the_next_one_stands_by_itself() {
        let directory = TempDir::new().unwrap();
        let one = trace("2026-11-21T12:00:00Z", 3, OWN);
        Traces::of(directory.path()).record(&one).unwrap();
        let file = directory.path().join("traces/2026-11.trace");
        let whole = fs::read(&file).unwrap();
        for cut in 1..whole.len() {
            fs::write(&file, [&whole[..], &whole[..cut]].concat()).unwrap();
            let traces = Traces::of(directory.path());
            traces.record(&one).unwrap();
            let page = traces.list(None, None, 10, 100).unwrap();
            // A line that misses its break alone is whole.
            let halves = u64::from(cut + 1 < whole.len());
            assert_eq!(page.unreadable, halves, "{cut}");
            assert_eq!(page.traces.len() as u64, 3 - halves, "{cut}");
        }
    }
}
