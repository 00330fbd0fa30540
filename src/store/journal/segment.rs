//! Segment files: made, named, listed, read; and the lock that keeps a second process out.
//!
//! A segment gets its name only when it is preallocated and its header is synced, so a named segment with a
//! bad header is damage and never a crash. A crash leaves at most a file `*.new`, which the next start
//! removes: nothing was ever answered for it. A file `reserve` holds the room of one more segment for when the
//! disk is full.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::claims::entry::Position;
use crate::store::journal::format::{BadHeader, HEADER, Header};
use crate::store::journal::foundation::{self, Foundation};
use crate::store::journal::scan::Batches;
use crate::store::journal::{Error, Mark, archive};

/// What the name of a segment ends with.
pub const ENDING: &str = ".segment";
const UNFINISHED: &str = ".new";
const RESERVE: &str = "reserve";
const LOCK: &str = "lock";
/// About how far apart the marks of an archived segment are, in bytes.
const MARK_EVERY: u64 = 64 * 1024;

/// What a segment still has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// All that was written to it.
    Live,
    /// Its entries; its bodies are gone.
    Archived,
}

/// A segment's header and its file.
#[derive(Clone, Debug)]
pub struct Segment {
    /// What it says of itself.
    pub header: Header,
    /// What it still has.
    pub form: Form,
    path: PathBuf,
    /// Of an archived one: where batches begin, about every 64 KiB; found when it is first read.
    marks: OnceLock<Vec<Mark>>,
}

impl Segment {
    /// Makes a segment: preallocated, its header synced, its name durable. Gives it out open for writing.
    pub fn create(directory: &Path, header: &Header) -> Result<(Segment, File), Error> {
        Segment::name(directory, header.clone(), |path| prepare(path, header))
    }

    /// Makes a segment of the room that was set aside; its capacity is the reserve's length.
    pub fn of_reserve(directory: &Path, mut header: Header) -> Result<(Segment, File), Error> {
        let reserve = directory.join(RESERVE);
        let fail = |source: io::Error| Error::io(&reserve, &source);
        let capacity = match fs::metadata(&reserve) {
            Ok(found) if found.len() >= header.capacity => found.len(),
            Ok(_) | Err(_) => return Err(fail(io::ErrorKind::StorageFull.into())),
        };
        header.capacity = capacity;
        Segment::name(directory, header.clone(), |path| {
            fs::rename(&reserve, path)?;
            let mut file = OpenOptions::new().read(true).write(true).open(path)?;
            file.write_all(&header.write())?;
            file.sync_all()?;
            Ok(file)
        })
    }

    /// Gives a file its name when it is whole.
    fn name(
        directory: &Path,
        header: Header,
        make: impl FnOnce(&Path) -> io::Result<File>,
    ) -> Result<(Segment, File), Error> {
        let name = format!("{:010}-{:020}{ENDING}", header.ordinal, header.first.0);
        let path = directory.join(&name);
        let unfinished = directory.join(name + UNFINISHED);
        let fail = |source| Error::io(&path, &source);
        let file = make(&unfinished).map_err(fail)?;
        fs::rename(&unfinished, &path).map_err(fail)?;
        sync_directory(directory)?;
        let segment = Segment {
            header,
            form: Form::Live,
            path,
            marks: OnceLock::new(),
        };
        Ok((segment, file))
    }

    /// Opens it for writing.
    pub fn writable(&self) -> Result<File, Error> {
        let file = OpenOptions::new().read(true).write(true).open(&self.path);
        file.map_err(|source| Error::io(&self.path, &source))
    }

    /// Opens it for reading.
    pub fn readable(&self) -> Result<File, Error> {
        File::open(&self.path).map_err(|source| Error::io(&self.path, &source))
    }

    /// All its bytes.
    pub fn bytes(&self) -> Result<Vec<u8>, Error> {
        let bytes = fs::read(&self.path).map_err(|source| Error::io(&self.path, &source))?;
        if bytes.len() as u64 != self.header.capacity {
            // A crash never shortens a preallocated file.
            return Err(self.corrupt(
                bytes.len() as u64,
                "the file has not the length it was made",
            ));
        }
        Ok(bytes)
    }

    /// All its bytes, zeros where a file that was cut off has none.
    pub fn remains(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = fs::read(&self.path).map_err(|source| Error::io(&self.path, &source))?;
        let capacity = usize::try_from(self.header.capacity)
            .map_err(|_| self.corrupt(0, "it is longer than memory"))?;
        bytes.resize(capacity, 0);
        Ok(bytes)
    }

    /// Whether no record was ever written to it, as far as its first byte tells.
    pub fn is_empty(&self) -> Result<bool, Error> {
        let mut first = [0];
        let read = self.readable()?.read_at(&mut first, HEADER as u64);
        read.map_err(|source| self.failed(&source))?;
        Ok(first == [0])
    }

    /// Of an archived one: the last batch that begins at or before an entry and whose place is known.
    pub fn mark(&self, position: Position) -> Mark {
        let marks = self.marks.get_or_init(|| self.find_marks());
        let before = marks.partition_point(|mark| mark.first <= position);
        let start = Mark::start(self.header.ordinal, self.header.first);
        before.checked_sub(1).map_or(start, |before| marks[before])
    }

    fn find_marks(&self) -> Vec<Mark> {
        let mut marks = Vec::new();
        // What cannot be read is found by whoever reads there.
        let Ok(bytes) = self.remains() else {
            return marks;
        };
        let mut batches = Batches::new(&bytes, &self.header);
        while let Ok(batch) = batches.step() {
            if batch.start / MARK_EVERY != batch.end.offset / MARK_EVERY {
                marks.push(Mark {
                    segment: self.header.ordinal,
                    offset: batch.start,
                    first: batch.first,
                });
            }
        }
        marks
    }

    /// Removes its file, and makes that durable.
    pub fn remove(&self) -> Result<(), Error> {
        match fs::remove_file(&self.path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io(&self.path, &source));
            }
            Ok(()) | Err(_) => {}
        }
        match self.path.parent() {
            Some(directory) => sync_directory(directory),
            None => Ok(()),
        }
    }

    /// The error that names a place of damage in it.
    pub fn corrupt(&self, offset: u64, what: &'static str) -> Error {
        Error::corrupt(&self.path, offset, what)
    }

    /// The error of an operation on it.
    pub fn failed(&self, source: &io::Error) -> Error {
        Error::io(&self.path, source)
    }

    /// Reads the header of a file.
    pub fn open(path: PathBuf, form: Form) -> Result<Segment, Error> {
        let mut bytes = [0; HEADER];
        let mut file = File::open(&path).map_err(|source| Error::io(&path, &source))?;
        if let Err(source) = file.read_exact(&mut bytes) {
            return Err(match source.kind() {
                io::ErrorKind::UnexpectedEof => Error::corrupt(&path, 0, "the header is cut off"),
                _ => Error::io(&path, &source),
            });
        }
        match Header::read(&bytes) {
            Ok(header) => Ok(Segment {
                header,
                form,
                path,
                marks: OnceLock::new(),
            }),
            Err(BadHeader::Corrupt(what)) => Err(Error::corrupt(&path, 0, what)),
            Err(BadHeader::Version(version)) => Err(Error::version(&path, version)),
        }
    }
}

/// The segments of a directory.
#[derive(Default)]
pub struct Listed {
    /// From the first to the last, without gaps; why one of them cannot be read.
    pub segments: Vec<Result<Segment, Error>>,
    /// Names of files that look like segments and are none of them: copies, under other names.
    pub strays: Vec<String>,
    /// Archives of segments that are still there: an evacuation was not finished.
    pub unfinished: Vec<Segment>,
    /// What stands for the oldest of them.
    pub foundation: Option<Foundation>,
}

impl Listed {
    /// Segments that a foundation stands for are no more, whatever is left of their files.
    fn found(&mut self, foundation: Foundation) -> Result<(), Error> {
        let end = foundation.end();
        let next = usize::try_from(end.segment - 1).unwrap_or(usize::MAX);
        match self.segments.get(next) {
            Some(Ok(segment)) => {
                let header = &segment.header;
                if (header.first.0, header.chain) != (end.position.0 + 1, end.chain) {
                    return Err(foundation.corrupt(0, "the journal does not go on behind it"));
                }
            }
            // What of it is damaged, who reads it says.
            Some(Err(_)) => {}
            None => return Err(Error::NoSegment(end.segment)),
        }
        for (ordinal, segment) in (1..end.segment).zip(&mut self.segments) {
            *segment = Err(Error::Founded(ordinal));
        }
        self.foundation = Some(foundation);
        Ok(())
    }
}

/// The segments of a journal's directory and of the archive beside it: each ordinal once.
///
/// # Errors
/// As [`list`]; when the archive goes on where the journal has ended; and when the foundation is damaged, or the journal
/// does not go on behind it.
pub fn list_all(directory: &Path) -> Result<Listed, Error> {
    let mut listed = list(directory)?;
    let archive = archive::beside(directory);
    let foundation = foundation::newest(&archive)?;
    let founded = foundation.as_ref().map_or(0, |of| of.header.segment);
    for (ordinal, archived) in archive::list(&archive)? {
        if ordinal <= founded {
            continue;
        }
        let at = usize::try_from(ordinal - 1).unwrap_or(usize::MAX);
        // The last segment is never archived, so the one after an archived one must be there.
        if at + 1 >= listed.segments.len() {
            return Err(Error::NoSegment(ordinal + 1));
        }
        match (&listed.segments[at], archived) {
            (Err(Error::NoSegment(_)), archived) => listed.segments[at] = archived,
            (Ok(_), Ok(archived)) => listed.unfinished.push(archived),
            // What is damaged stays as it is.
            (Ok(_), Err(_)) | (Err(_), _) => {}
        }
    }
    if let Some(foundation) = foundation {
        listed.found(foundation)?;
    }
    Ok(listed)
}

/// The segments of a directory by their names; what was never finished is left alone. A file that is not the
/// segment that its name says counts as that segment, and as one that cannot be read.
///
/// # Errors
/// When the directory cannot be read, a later version wrote a segment, or the last one cannot be read: nothing
/// says then what was acknowledged.
pub fn list(directory: &Path) -> Result<Listed, Error> {
    let mut found: BTreeMap<u64, (String, Result<Segment, Error>)> = BTreeMap::new();
    let mut listed = Listed::default();
    for path in files(directory)? {
        let name = path.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let Some(whole) = name.strip_suffix(ENDING) else {
            continue;
        };
        let Some((ordinal, first)) = numbers(whole) else {
            listed.strays.push(name);
            continue;
        };
        let segment = match Segment::open(path, Form::Live) {
            Ok(segment) if (segment.header.ordinal, segment.header.first.0) != (ordinal, first) => {
                Err(segment.corrupt(0, "it is a copy of another segment"))
            }
            Err(error @ (Error::Version { .. } | Error::Io { .. })) => return Err(error),
            opened => opened,
        };
        if segment.is_err() && found.contains_key(&ordinal) {
            listed.strays.push(name);
        } else if let Some((other, _)) = found.insert(ordinal, (name, segment)) {
            listed.strays.push(other);
        }
    }
    listed.strays.sort_unstable();
    if let Some(last) = found.last_entry() {
        let ordinal = *last.key();
        if let (_, Err(error)) = last.get() {
            return Err(error.clone());
        }
        for ordinal in 1..=ordinal {
            let segment = found.remove(&ordinal).map(|(_, segment)| segment);
            listed
                .segments
                .push(segment.unwrap_or(Err(Error::NoSegment(ordinal))));
        }
    }
    Ok(listed)
}

/// What a file is that has the ending of a segment and is none of its journal.
pub const STRAY: &str = "it lies in the directory of the journal and is no segment of it";

/// The names of such files, in order. Of names that a segment may have it is asked, by ordinal and first position.
///
/// # Errors
/// When the directory cannot be read.
pub fn strays(directory: &Path, is_copy: impl Fn(u64, u64) -> bool) -> Result<Vec<String>, Error> {
    let is_stray =
        |whole: &str| numbers(whole).is_none_or(|(ordinal, first)| is_copy(ordinal, first));
    let mut strays = Vec::new();
    for path in files(directory)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.strip_suffix(ENDING).is_some_and(is_stray) {
            strays.push(name.into_owned());
        }
    }
    strays.sort_unstable();
    Ok(strays)
}

/// Ordinal and first position that a name without its ending says.
pub fn numbers(name: &str) -> Option<(u64, u64)> {
    let (ordinal, first) = name.split_once('-')?;
    let is = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is(ordinal, 10) || !is(first, 20) {
        return None;
    }
    Some((ordinal.parse().ok()?, first.parse().ok()?))
}

/// Removes what was never finished: nothing was ever answered for it.
pub fn remove_unfinished(directory: &Path) -> Result<(), Error> {
    for path in files(directory)? {
        if has_ending(&path, UNFINISHED) {
            fs::remove_file(&path).map_err(|source| Error::io(&path, &source))?;
        }
    }
    Ok(())
}

/// Removes the segments after one. Nothing in them was ever acknowledged: the caller knows by its own head.
pub fn remove_after(directory: &Path, ordinal: u64) -> Result<(), Error> {
    let mut removed = false;
    for path in files(directory)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let number = name
            .split('-')
            .next()
            .and_then(|number| number.parse().ok());
        if name.ends_with(ENDING) && number.is_some_and(|number: u64| number > ordinal) {
            fs::remove_file(&path).map_err(|source| Error::io(&path, &source))?;
            removed = true;
        }
    }
    if removed {
        sync_directory(directory)?;
    }
    Ok(())
}

/// Sees to it that a file of a segment's length is there, its blocks reserved, for when the disk is full.
pub fn reserve(directory: &Path, length: u64) -> Result<(), Error> {
    let path = directory.join(RESERVE);
    match fs::metadata(&path) {
        Ok(found) if found.len() == length => return Ok(()),
        // Left unfinished, or of another setting.
        Ok(_) | Err(_) => {}
    }
    let made = || {
        let mut options = OpenOptions::new();
        let file = options
            .create(true)
            .truncate(true)
            .write(true)
            .open(&path)?;
        preallocate(&file, length)?;
        file.sync_all()
    };
    made().map_err(|source| {
        // Half a reserve is none.
        let _ = fs::remove_file(&path);
        Error::io(&path, &source)
    })
}

/// Makes the directory if needed and takes its lock, which is held as long as the file is open.
pub fn lock(directory: &Path) -> Result<File, Error> {
    make_directory(directory)?;
    let path = directory.join(LOCK);
    let fail = |source| Error::io(&path, &source);
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    let file = options.open(&path).map_err(fail)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked),
        Err(TryLockError::Error(source)) => Err(fail(source)),
    }
}

/// Makes a directory and those above it that are missing, and their names durable: also that of the first one
/// that is there, because it may have been made just before a crash.
pub fn make_directory(directory: &Path) -> Result<(), Error> {
    let parent = match directory.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Ok(()),
    };
    if directory.is_dir() {
        return match sync_directory(parent) {
            // Made by somebody who may look there, before we came.
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => {
                Ok(())
            }
            synced => synced,
        };
    }
    make_directory(parent)?;
    fs::create_dir(directory).map_err(|source| Error::io(directory, &source))?;
    sync_directory(parent)
}

/// Makes the names in a directory durable.
pub fn sync_directory(directory: &Path) -> Result<(), Error> {
    File::open(directory)
        .and_then(|opened| opened.sync_all())
        .map_err(|source| Error::io(directory, &source))
}

fn has_ending(path: &Path, ending: &str) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().ends_with(ending)
}

/// The files of a directory.
pub fn files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let fail = |source| Error::io(directory, &source);
    fs::read_dir(directory)
        .map_err(fail)?
        .map(|entry| entry.map(|entry| entry.path()).map_err(fail))
        .collect()
}

fn prepare(path: &Path, header: &Header) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).read(true).write(true);
    let mut file = options.open(path)?;
    preallocate(&file, header.capacity)?;
    file.write_all(&header.write())?;
    file.sync_all()?;
    Ok(file)
}

/// Gives the blocks behind an offset back to the disk: nothing will be written there any more. They read as zeros
/// before and after; a file system that cannot keeps them.
pub fn give_back(file: &File, offset: u64) {
    use rustix::fs::{FallocateFlags, fallocate};
    let length = file.metadata().map_or(0, |found| found.len());
    if offset < length {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let _ = fallocate(file, flags, offset, length - offset);
    }
}

/// Reserves the blocks, so that a batch cannot run out of space half way; where the file system cannot, only
/// the length is set.
fn preallocate(file: &File, length: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::Errno;
    match fallocate(file, FallocateFlags::empty(), 0, length) {
        Ok(()) => Ok(()),
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => file.set_len(length),
        Err(errno) => Err(errno.into()),
    }
}
