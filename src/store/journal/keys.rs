//! The key file: under which data key each segment's bodies are sealed.
//!
//! One file `keys` in the store's directory, rewritten whole at each change: written under another name, synced,
//! renamed, the directory synced. So it is the old one or the new one, whatever happens, and it is durable before a
//! body is sealed under a new key, and before a key counts as forgotten. A crash leaves at most a file `keys.new`,
//! which the next start removes.
//!
//! A key that was forgotten leaves the mark that it was: a body of that segment is gone, wherever a copy of it turns
//! up. A segment that the file does not know at all is another matter: this is an older copy of the file, and the
//! store does not open with it.
//!
//! # Form
//! Integers are big-endian.
//! | offset | length | what |
//! |---|---|---|
//! | 0 | 8 | magic `BORDKEYS` |
//! | 8 | 2 | version of this form: 1 |
//! | 10 | 2 | zero |
//! | 12 | 8 | id of the master key |
//! | 20 | 8 | since when this master key is in use, microseconds since 1970 |
//! | 28 | 4 | number of rows |
//! | 32 | 77 each | segment id (16), 1 kept or 2 forgotten (1), wrapped key (60) or zeros |
//! | end − 4 | 4 | CRC32C of everything before |
//!
//! A key is wrapped by AES-256-GCM: random nonce (12), sealed key (32), tag (16); associated is the segment's id.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use ring::aead::LessSafeKey;

use crate::claims::time::Timestamp;
use crate::store::custody::record::Wrapping;
use crate::store::journal::error::{Error, KeyFault};
use crate::store::journal::format::SegmentId;
use crate::store::journal::master::{self, KEY, Master, MasterId, WRAPPED};
use crate::store::journal::{Entropy, segment};

/// Name of the file.
pub const NAME: &str = "keys";

const UNFINISHED: &str = "keys.new";
const MAGIC: [u8; 8] = *b"BORDKEYS";
const VERSION: u16 = 1;
const HEADER: usize = 32;
const ROW: usize = 16 + 1 + WRAPPED;
const KEPT: u8 = 1;
const FORGOTTEN: u8 = 2;

/// Randomness that several draw from.
pub type Shared = Arc<Mutex<Entropy>>;

/// The data keys of a store. Shared by the writer, all readers, and whoever purges or changes the master key.
pub struct Keys {
    directory: PathBuf,
    entropy: Shared,
    inner: RwLock<Inner>,
    /// Held by whoever changes the file: one after the other, and nobody waits for its sync who reads a key.
    changing: Mutex<()>,
}

#[derive(Clone)]
struct Inner {
    master: Master,
    since: Timestamp,
    rows: BTreeMap<SegmentId, Row>,
}

/// What is known of a segment's key.
#[derive(Clone)]
enum Row {
    Kept(Kept),
    Forgotten,
}

#[derive(Clone)]
struct Kept {
    wrapped: [u8; WRAPPED],
    key: Arc<LessSafeKey>,
}

/// The key of a segment.
pub enum Held {
    /// It is there.
    Kept(Arc<LessSafeKey>),
    /// It was there and was forgotten: what it sealed is gone.
    Forgotten,
    /// The file does not know this segment.
    Unknown,
}

impl Keys {
    /// Opens the key file of a directory with the one of the master keys that wraps it; none if there is no file.
    ///
    /// # Errors
    /// [`Error::Key`] when no master key fits or the file is damaged.
    pub fn open(
        directory: &Path,
        masters: &[Master],
        entropy: Shared,
    ) -> Result<Option<Keys>, Error> {
        let path = directory.join(NAME);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(&path, &error)),
        };
        let inner = read(&bytes, masters)?;
        Ok(Some(Keys::new(directory, entropy, inner)))
    }

    /// Begins a key file; it is written with the first key.
    pub fn begin(directory: &Path, master: Master, since: Timestamp, entropy: Shared) -> Keys {
        let inner = Inner {
            master,
            since,
            rows: BTreeMap::new(),
        };
        Keys::new(directory, entropy, inner)
    }

    fn new(directory: &Path, entropy: Shared, inner: Inner) -> Keys {
        Keys {
            directory: directory.to_owned(),
            entropy,
            inner: RwLock::new(inner),
            changing: Mutex::default(),
        }
    }

    /// Removes what a crash left of a file that was being written.
    pub fn remove_unfinished(directory: &Path) -> Result<(), Error> {
        let path = directory.join(UNFINISHED);
        match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::io(&path, &error)),
        }
    }

    /// The key of a segment.
    pub fn of(&self, segment: &SegmentId) -> Held {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        match inner.rows.get(segment) {
            Some(Row::Kept(kept)) => Held::Kept(kept.key.clone()),
            Some(Row::Forgotten) => Held::Forgotten,
            None => Held::Unknown,
        }
    }

    /// Gives a segment a new random key, also one that has a key already and holds nothing; it is durable when this
    /// returns.
    pub fn give(&self, segment: SegmentId) -> Result<Arc<LessSafeKey>, Error> {
        let bytes = self.random();
        let key = Arc::new(master::key_of(&bytes));
        self.change(|inner| {
            let wrapped = inner.master.wrap(&segment, &bytes, self.nonce());
            let key = key.clone();
            inner.rows.insert(segment, Row::Kept(Kept { wrapped, key }));
        })?;
        Ok(key)
    }

    /// Forgets the key of a segment: nothing that it sealed can be read again, from no copy of the segment. Durable
    /// when this returns; safe to repeat. A segment that never had a key changes nothing.
    pub fn forget(&self, segment: SegmentId) -> Result<(), Error> {
        match self.of(&segment) {
            Held::Kept(_) => self.change(|inner| {
                inner.rows.insert(segment, Row::Forgotten);
            }),
            Held::Forgotten | Held::Unknown => Ok(()),
        }
    }

    /// Wraps all data keys by another master key. Durable when this returns: from then on the file opens with that
    /// one alone. By the same one it changes nothing.
    pub fn rewrap(&self, next: &Master, at: Timestamp) -> Result<Wrapping, Error> {
        if self.wrapping().master == next.id() {
            return Ok(self.wrapping());
        }
        self.change(|inner| {
            for (segment, row) in &mut inner.rows {
                let Row::Kept(kept) = row else { continue };
                let key = inner.master.unwrap(segment, &kept.wrapped);
                let key = key.expect("what is in memory was opened by this master key");
                kept.wrapped = next.wrap(segment, &key, self.nonce());
            }
            inner.master = next.clone();
            inner.since = at;
        })?;
        Ok(self.wrapping())
    }

    /// By which master key they are wrapped, and since when.
    pub fn wrapping(&self) -> Wrapping {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let rows = inner.rows.values();
        let kept = rows.filter(|row| matches!(row, Row::Kept(_))).count();
        Wrapping {
            master: inner.master.id(),
            since: inner.since,
            kept,
            forgotten: inner.rows.len() - kept,
        }
    }

    /// Changes the file, and then what is in memory: after an error both are as they were, unless the very last
    /// sync failed, after which the file may be either.
    fn change(&self, change: impl FnOnce(&mut Inner)) -> Result<(), Error> {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = self
            .inner
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        change(&mut changed);
        replace(&self.directory, &written(&changed))?;
        *self.inner.write().unwrap_or_else(PoisonError::into_inner) = changed;
        Ok(())
    }

    fn random(&self) -> [u8; KEY] {
        let mut entropy = self.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = [0; KEY];
        bytes[..16].copy_from_slice(&entropy());
        bytes[16..].copy_from_slice(&entropy());
        bytes
    }

    fn nonce(&self) -> [u8; 12] {
        let random = self.random();
        std::array::from_fn(|at| random[at])
    }
}

/// Puts a file in the place of the present one, so that a crash leaves either.
fn replace(directory: &Path, bytes: &[u8]) -> Result<(), Error> {
    let (path, unfinished) = (directory.join(NAME), directory.join(UNFINISHED));
    let put = || {
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).write(true).mode(0o600);
        let mut file = options.open(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)
    };
    put().map_err(|source| Error::io(&path, &source))?;
    segment::sync_directory(directory)
}

fn written(inner: &Inner) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + inner.rows.len() * ROW + 4);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&inner.master.id().0);
    out.extend_from_slice(&inner.since.micros().to_be_bytes());
    out.extend_from_slice(&(inner.rows.len() as u32).to_be_bytes());
    for (segment, row) in &inner.rows {
        out.extend_from_slice(segment);
        match row {
            Row::Kept(kept) => {
                out.push(KEPT);
                out.extend_from_slice(&kept.wrapped);
            }
            Row::Forgotten => {
                out.push(FORGOTTEN);
                out.extend_from_slice(&[0; WRAPPED]);
            }
        }
    }
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_be_bytes());
    out
}

fn read(bytes: &[u8], masters: &[Master]) -> Result<Inner, Error> {
    let damaged = || Error::Key(KeyFault::Damaged);
    let (whole, crc) = bytes.split_last_chunk::<4>().ok_or_else(damaged)?;
    let (header, rows) = whole.split_first_chunk::<HEADER>().ok_or_else(damaged)?;
    if header[..8] != MAGIC || crc32c::crc32c(whole).to_be_bytes() != *crc {
        return Err(damaged());
    }
    let version = u16::from_be_bytes(array(&header[8..10]));
    if version != VERSION || header[10..12] != [0; 2] {
        return Err(Error::Key(KeyFault::Version(version)));
    }
    let count = u32::from_be_bytes(array(&header[28..])) as usize;
    if rows.len() % ROW != 0 || rows.len() / ROW != count {
        return Err(damaged());
    }
    let needed = MasterId(array(&header[12..20]));
    let fits = masters.iter().find(|master| master.id() == needed);
    let master = fits.ok_or_else(|| Error::Key(no_master(needed, masters)))?;
    let rows = rows.chunks_exact(ROW).map(|row| {
        let segment: SegmentId = array(&row[..16]);
        let wrapped = array(&row[17..]);
        let row = match row[16] {
            KEPT => {
                let key = master.unwrap(&segment, &wrapped)?;
                let key = Arc::new(master::key_of(&key));
                Row::Kept(Kept { wrapped, key })
            }
            FORGOTTEN => Row::Forgotten,
            _ => return None,
        };
        Some((segment, row))
    });
    let rows: Option<BTreeMap<SegmentId, Row>> = rows.collect();
    Ok(Inner {
        master: master.clone(),
        since: Timestamp::from_micros(i64::from_be_bytes(array(&header[20..28]))),
        rows: rows
            .filter(|rows| rows.len() == count)
            .ok_or_else(damaged)?,
    })
}

fn no_master(needed: MasterId, masters: &[Master]) -> KeyFault {
    match masters.first() {
        Some(given) => KeyFault::OtherMaster {
            needed,
            given: given.id(),
        },
        None => KeyFault::NoMaster,
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(bytes);
    out
}

#[cfg(test)]
mod tests;
