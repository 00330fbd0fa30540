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

use crate::store::journal::Error;
use crate::store::journal::format::{BadHeader, HEADER, Header};

const ENDING: &str = ".segment";
const UNFINISHED: &str = ".new";
const RESERVE: &str = "reserve";
const LOCK: &str = "lock";

/// A segment's header and its file.
#[derive(Clone, Debug)]
pub struct Segment {
    /// What it says of itself.
    pub header: Header,
    path: PathBuf,
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
        Ok((Segment { header, path }, file))
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

    /// The error that names a place of damage in it.
    pub fn corrupt(&self, offset: u64, what: &'static str) -> Error {
        Error::corrupt(&self.path, offset, what)
    }

    /// The error of an operation on it.
    pub fn failed(&self, source: &io::Error) -> Error {
        Error::io(&self.path, source)
    }

    fn open(path: PathBuf) -> Result<Segment, Error> {
        let mut bytes = [0; HEADER];
        let mut file = File::open(&path).map_err(|source| Error::io(&path, &source))?;
        if let Err(source) = file.read_exact(&mut bytes) {
            return Err(match source.kind() {
                io::ErrorKind::UnexpectedEof => Error::corrupt(&path, 0, "the header is cut off"),
                _ => Error::io(&path, &source),
            });
        }
        match Header::read(&bytes) {
            Ok(header) => Ok(Segment { header, path }),
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
}

/// The segments of a directory by their names; what was never finished is left alone. A file that is not the
/// segment that its name says counts as that segment, and as one that cannot be read.
///
/// # Errors
/// When the directory cannot be read, a later version wrote a segment, or the last one cannot be read: nothing
/// says then what was acknowledged.
pub fn list(directory: &Path) -> Result<Listed, Error> {
    let mut found: BTreeMap<u64, Result<Segment, Error>> = BTreeMap::new();
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
        let segment = match Segment::open(path) {
            Ok(segment) if (segment.header.ordinal, segment.header.first.0) != (ordinal, first) => {
                Err(segment.corrupt(0, "it is a copy of another segment"))
            }
            Err(error @ (Error::Version { .. } | Error::Io { .. })) => return Err(error),
            opened => opened,
        };
        match (found.get(&ordinal), &segment) {
            (Some(_), Err(_)) => listed.strays.push(name),
            (Some(_), Ok(_)) | (None, _) => drop(found.insert(ordinal, segment)),
        }
    }
    if let Some(last) = found.last_entry() {
        let ordinal = *last.key();
        if let Err(error) = last.get() {
            return Err(error.clone());
        }
        for ordinal in 1..=ordinal {
            let segment = found.remove(&ordinal);
            listed
                .segments
                .push(segment.unwrap_or(Err(Error::NoSegment(ordinal))));
        }
    }
    Ok(listed)
}

/// Ordinal and first position that a name without its ending says.
fn numbers(name: &str) -> Option<(u64, u64)> {
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
fn make_directory(directory: &Path) -> Result<(), Error> {
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

fn files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
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
