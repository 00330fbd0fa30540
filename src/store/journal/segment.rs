//! Segment files: made, named, listed, read; and the lock that keeps a second process out.
//!
//! A segment gets its name only when it is preallocated and its header is synced, so a named segment with a
//! bad header is damage and never a crash. A crash leaves at most a file `*.new`, which the next start
//! removes: nothing was ever answered for it. A file `reserve` holds the room of one more segment for when the
//! disk is full.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
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

/// The named segments of a directory in order, without gaps; what was never finished is left alone.
pub fn list(directory: &Path) -> Result<Vec<Segment>, Error> {
    let mut segments = Vec::new();
    for path in files(directory)? {
        if has_ending(&path, ENDING) {
            segments.push(Segment::open(path)?);
        }
    }
    segments.sort_by_key(|segment| segment.header.ordinal);
    for (expected, segment) in (1..).zip(&segments) {
        if segment.header.ordinal != expected {
            return Err(segment.corrupt(0, "a segment before this one is missing, or doubled"));
        }
    }
    Ok(segments)
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
