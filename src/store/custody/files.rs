//! The files of a backup: named, copied at a pace, synced, replaced as a whole.
//!
//! A file that is begun has its last name only where it is append-only, and then no byte that a manifest speaks of is
//! written again; all others get their name when they are whole. A crash leaves at most a file `*.new`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use crate::claims::id::Digest;
use crate::store::custody::Error;
use crate::store::journal::{archive, foundation, segment};
use crate::store::traces;

/// The manifest's name.
pub const MANIFEST: &str = "manifest";
/// Where live segments are.
pub const JOURNAL: &str = "journal";
/// Where evacuated ones are.
pub const ARCHIVE: &str = "archive";
/// Where the traces of access are, a file a month.
pub const TRACES: &str = "traces";
/// The secret's name.
pub const SECRET: &str = "secret";
/// The name of the file of wrapped keys.
pub const KEYS: &str = "keys";
/// What the name of a file ends with that is not whole yet.
const UNFINISHED: &str = ".new";

/// With so many zeros at most a file of an archive ends that is whole: eight bytes of a number.
const ZEROS_AT_MOST: usize = 8;
/// So many bytes are copied between two looks at the pace.
const CHUNK: usize = 1 << 20;

/// How fast files are copied, and whether to go on.
pub struct Pace<'a> {
    bytes_per_second: u64,
    stop: &'a dyn Fn() -> bool,
    began: Instant,
    copied: u64,
}

impl<'a> Pace<'a> {
    /// At most so many bytes a second; 0: as fast as it goes.
    pub fn new(bytes_per_second: u64, stop: &'a dyn Fn() -> bool) -> Pace<'a> {
        Pace {
            bytes_per_second,
            stop,
            began: Instant::now(),
            copied: 0,
        }
    }

    /// Bytes that were copied.
    pub fn copied(&self) -> u64 {
        self.copied
    }

    /// Goes on, or says that it was asked to stop.
    pub fn go_on(&self) -> Result<(), Error> {
        if (self.stop)() {
            return Err(Error::Stopped);
        }
        Ok(())
    }

    /// These bytes were copied: waits until they may have been.
    fn spend(&mut self, bytes: usize) -> Result<(), Error> {
        self.go_on()?;
        self.copied += bytes as u64;
        if let Some(due) = self
            .copied
            .saturating_mul(1000)
            .checked_div(self.bytes_per_second)
        {
            let due = Duration::from_millis(due);
            std::thread::sleep(due.saturating_sub(self.began.elapsed()));
        }
        Ok(())
    }
}

/// What a copy of a file is to become.
pub struct Span {
    /// So many bytes are there already, and stay.
    pub kept: u64,
    /// Up to where.
    pub end: End,
    /// What is behind that.
    pub behind: Behind,
}

/// Where the bytes that are meant end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Before this byte.
    Before(u64),
    /// Behind the last byte that is not zero: a segment is as long as it was made, however little is written in it.
    Written,
    /// Where the file ends: its last byte may be a zero that it needs.
    File,
}

/// What a copy has behind the bytes that are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Zeros up to the length of its source: a segment keeps the length that it was made with.
    Zeros,
    /// Nothing.
    Nothing,
}

/// What was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Length of what is meant.
    pub length: u64,
    /// SHA-256 of it.
    pub digest: Digest,
    /// SHA-256 of what was there already, as the source has it.
    pub kept: Digest,
}

/// Copies a file that only grows, or what is missing of it, and syncs it. A copy that is begun has its name when it is whole; its directory is the caller's to
/// sync.
///
/// # Errors
/// [`Error::Io`] with the kind `NotFound` when the source is gone.
pub fn copy(from: &Path, to: &Path, span: &Span, pace: &mut Pace<'_>) -> Result<Copied, Error> {
    let mut source = File::open(from).map_err(Error::io(from))?;
    let whole = source.metadata().map_err(Error::io(from))?.len();
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let unfinished = to.with_added_extension("new");
    let named = if span.kept == 0 { &unfinished } else { to };
    let target = options.open(named).map_err(Error::io(named))?;
    // What an earlier run wrote behind it and never named.
    target.set_len(span.kept).map_err(Error::io(to))?;
    let end = match span.end {
        End::Before(end) => end,
        End::Written | End::File => whole,
    };
    let length = match span.behind {
        Behind::Zeros => whole,
        Behind::Nothing => end,
    };
    target.set_len(length).map_err(Error::io(to))?;
    let mut hash = Sha256::new();
    let kept = read(&mut source, from, span.kept, &mut hash)?;
    let mut zeros = 0_u64;
    let mut at = span.kept;
    let mut chunk = vec![0; CHUNK];
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
        let bytes = &mut chunk[..wanted];
        source.read_exact(bytes).map_err(Error::io(from))?;
        let written = match span.end {
            End::Before(_) | End::File => wanted,
            End::Written => {
                let last = bytes.iter().rposition(|byte| *byte != 0);
                last.map_or(0, |last| last + 1)
            }
        };
        if written > 0 {
            skip(&mut hash, zeros);
            zeros = 0;
            hash.update(&bytes[..written]);
            target
                .write_all_at(&bytes[..written], at)
                .map_err(Error::io(to))?;
        }
        zeros += (wanted - written) as u64;
        at += wanted as u64;
        pace.spend(wanted)?;
    }
    target.sync_all().map_err(Error::io(to))?;
    if span.kept == 0 {
        fs::rename(&unfinished, to).map_err(Error::io(to))?;
    }
    Ok(Copied {
        length: at - zeros,
        digest: Digest(hash.finalize().into()),
        kept,
    })
}

/// The digest of a file's first bytes.
///
/// # Errors
/// When it has fewer, or cannot be read.
pub fn digest(path: &Path, length: u64, pace: &mut Pace<'_>) -> Result<Digest, Error> {
    let mut file = File::open(path).map_err(Error::io(path))?;
    let mut hash = Sha256::new();
    let mut left = length;
    while left > 0 {
        let part = left.min(CHUNK as u64);
        read(&mut file, path, part, &mut hash)?;
        left -= part;
        pace.spend(usize::try_from(part).unwrap_or(CHUNK))?;
    }
    Ok(Digest(hash.finalize().into()))
}

/// Whether two files begin with the same bytes, so many.
pub fn begin_alike(one: &Path, other: &Path, length: usize) -> Result<bool, Error> {
    let begin = |path: &Path| {
        let mut bytes = Vec::with_capacity(length);
        let mut file = File::open(path)
            .map_err(Error::io(path))?
            .take(length as u64);
        file.read_to_end(&mut bytes).map_err(Error::io(path))?;
        Ok::<_, Error>(bytes)
    };
    Ok(begin(one)? == begin(other)?)
}

/// Writes a small file whole: it has its name when it is synced.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let unfinished = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true).mode(0o600);
    let write = || {
        let mut file = options.open(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    write().map_err(Error::io(path))?;
    Ok(segment::sync_directory(parent(path))?)
}

/// Makes a directory that nobody else may look into, if it is not there.
pub fn make_directory(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(path).map_err(Error::io(path))?;
    Ok(segment::sync_directory(parent(path))?)
}

/// The names in a directory, in order; none where there is no directory.
pub fn names(directory: &Path) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io(directory)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::io(directory))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

/// The parts of a store that are directories.
pub const PARTS: [&str; 3] = [JOURNAL, ARCHIVE, TRACES];

/// Whether a file lies in a part.
pub fn is_in(part: &str, path: &str) -> bool {
    path.split_once('/').is_some_and(|(of, _)| of == part)
}

/// The ordinal of the segment that a file holds, by its name; none of a file that is not whole or holds none.
pub fn ordinal(path: &str) -> Option<u64> {
    let (part, name) = path.rsplit_once('/').unwrap_or(("", path));
    if part == TRACES {
        return None;
    }
    let (ordinal, _) = name.split_once('-')?;
    ordinal.parse().ok().filter(|_| !name.ends_with(UNFINISHED))
}

/// Whether a file in one of the [`PARTS`] has a name that a store gives.
pub fn is_own(name: &str) -> bool {
    let whole = name.strip_suffix(UNFINISHED).unwrap_or(name);
    let endings = [
        segment::ENDING,
        archive::ENDING,
        foundation::ENDING,
        traces::ENDING,
    ];
    let stem = endings.iter().find_map(|ending| whole.strip_suffix(ending));
    stem.is_some_and(|stem| {
        stem.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-')
    })
}

/// A path without links, dots and the like; what of it is not there yet stays as it was named.
pub fn real(path: &Path) -> Result<PathBuf, Error> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let absolute = std::path::absolute(path).map_err(Error::io(path))?;
            let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
                return Err(Error::io(path)(error));
            };
            Ok(real(parent)?.join(name))
        }
        done => done.map_err(Error::io(path)),
    }
}

/// The directory in which a name stands.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

/// Reads so many bytes into the hash, and gives what it is then.
fn read(file: &mut File, path: &Path, length: u64, hash: &mut Sha256) -> Result<Digest, Error> {
    let mut chunk = vec![0; CHUNK];
    let mut left = length;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        file.read_exact(&mut chunk[..part])
            .map_err(Error::io(path))?;
        hash.update(&chunk[..part]);
        left -= part as u64;
    }
    Ok(Digest(hash.clone().finalize().into()))
}

/// The length of a file of which so many bytes are meant, and behind them may be zeros that belong to it.
pub fn with_zeros(path: &Path, length: u64) -> Result<u64, Error> {
    let mut file = File::open(path).map_err(Error::io(path))?;
    file.seek(SeekFrom::Start(length))
        .map_err(Error::io(path))?;
    let mut behind = Vec::with_capacity(ZEROS_AT_MOST);
    let read = file.take(ZEROS_AT_MOST as u64 + 1).read_to_end(&mut behind);
    read.map_err(Error::io(path))?;
    let belong = behind.len() <= ZEROS_AT_MOST && behind.iter().all(|byte| *byte == 0);
    Ok(length + if belong { behind.len() as u64 } else { 0 })
}

fn skip(hash: &mut Sha256, zeros: u64) {
    let block = [0; 4096];
    let mut left = zeros;
    while left > 0 {
        let part = left.min(block.len() as u64);
        hash.update(&block[..usize::try_from(part).unwrap_or(block.len())]);
        left -= part;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_ends_with_zeros_is_the_same_there_and_back() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        let mut pace = Pace::new(0, &|| false);
        for bytes in [&b"ends\0"[..], b"\0\0", b"", b"whole"] {
            fs::write(path("source"), bytes).unwrap();
            let there = Span {
                kept: 0,
                end: End::File,
                behind: Behind::Zeros,
            };
            let copied = copy(&path("source"), &path("copy"), &there, &mut pace).unwrap();
            assert_eq!(copied.length, bytes.len() as u64);
            assert_eq!(copied.digest, Digest(Sha256::digest(bytes).into()));
            let back = Span {
                kept: 0,
                end: End::Before(copied.length),
                behind: Behind::Nothing,
            };
            copy(&path("copy"), &path("back"), &back, &mut pace).unwrap();
            assert_eq!(fs::read(path("back")).unwrap(), bytes);
        }
    }

    #[test]
    fn zeros_behind_what_is_meant_belong_to_it_and_nothing_else_does() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        for (bytes, length) in [
            (&b"meant"[..], 5),
            (b"meant\0", 6),
            (b"meant\0\0\0\0\0\0\0\0", 13),
            (b"meant\0\0\0\0\0\0\0\0\0", 5),
            (b"meant\0another", 5),
        ] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(with_zeros(&path, 5).unwrap(), length, "{bytes:?}");
        }
    }
}
