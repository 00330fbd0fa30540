//! A backup: the files of a store copied while it is at work, up to a place of its ledger that is committed.
//!
//! Only what is new is copied: a segment that was whole before stays as it is, the one that grew gets what is missing,
//! and one that was evacuated gives way to what is left of it. Nothing here takes a lock of the store's, and what is
//! read is paced, so that commits go on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::claims::entry::Position;
use crate::claims::id::Digest;
use crate::claims::time::Timestamp;
use crate::store::custody::cleared::{self, CLEARED};
use crate::store::custody::files::{self, ARCHIVE, JOURNAL, KEYS, MANIFEST, Pace, SECRET, Span};
use crate::store::custody::manifest::{Copied, Manifest};
use crate::store::custody::{Error, instance, manifest_of};
use crate::store::journal::format::HEADER;
use crate::store::journal::{self, Head, segment};

/// Where a store remembers its last backup, for people and metrics alone.
const MARK: &str = "backed-up";

/// So often the files may change under a copy before it gives up: each time, a segment was evacuated meanwhile.
const ROUNDS: usize = 16;

/// What is to be copied to where.
#[derive(Clone, Debug)]
pub struct Order {
    /// The directory of the backup.
    pub to: PathBuf,
    /// The directory of the keys; another one.
    pub keys_to: PathBuf,
    /// When.
    pub at: Timestamp,
    /// At most so many bytes a second; 0: as fast as it goes.
    pub bytes_per_second: u64,
}

/// A store whose files are copied.
pub struct Source<'a> {
    /// Its directory.
    pub directory: &'a Path,
    /// The place behind the last batch that is committed, now.
    pub head: &'a dyn Fn() -> Head,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// What the backup is now.
    pub manifest: Manifest,
    /// Bytes that were read from the store for it.
    pub bytes: u64,
    /// Files that were written.
    pub files: u64,
}

/// When a store was backed up last, and up to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// The last entry that is in it.
    pub position: Position,
}

/// Files to be copied, and up to where.
struct Plan {
    head: Head,
    /// Paths in the directory.
    files: Vec<String>,
}

/// Copies a store. Blocks.
///
/// # Errors
/// [`Error`]; an earlier backup in the same directory stays usable.
pub fn backup(source: &Source<'_>, order: &Order, stop: &dyn Fn() -> bool) -> Result<Done, Error> {
    for directory in [&order.to, &order.keys_to] {
        files::make_directory(directory)?;
    }
    apart(&order.to, &order.keys_to)?;
    let _lock = segment::lock(&order.to).map_err(|error| match error {
        journal::Error::Locked => Error::Locked(order.to.clone()),
        error => error.into(),
    })?;
    let secret = source.directory.join(SECRET);
    let secret = fs::read(&secret).map_err(|_| Error::Secret(secret.clone()))?;
    let mut copying = Copying {
        source,
        order,
        instance: instance(&secret),
        earlier: earlier(&order.to)?,
        pace: Pace::new(order.bytes_per_second, stop),
        files: 0,
    };
    copying.belongs()?;
    for directory in [JOURNAL, ARCHIVE] {
        files::make_directory(&order.to.join(directory))?;
    }
    for _ in 0..ROUNDS {
        if let Some(manifest) = copying.round()? {
            return copying.conclude(manifest, &secret);
        }
    }
    Err(Error::Restless)
}

/// When a store was backed up last, as it remembers.
pub fn last(store: &Path) -> Option<Mark> {
    let text = fs::read_to_string(store.join(MARK)).ok()?;
    let (at, position) = text.trim_end().split_once(' ')?;
    Some(Mark {
        at: Timestamp::parse(at)?,
        position: Position(position.parse().ok()?),
    })
}

/// A copy that is being made.
struct Copying<'a> {
    source: &'a Source<'a>,
    order: &'a Order,
    instance: Digest,
    earlier: Option<Manifest>,
    pace: Pace<'a>,
    files: u64,
}

impl Copying<'_> {
    /// What lies in the directory was made of this store.
    fn belongs(&self) -> Result<(), Error> {
        let of_another = |manifest: &Manifest| manifest.instance != self.instance;
        if self.earlier.as_ref().is_some_and(of_another) {
            return Err(Error::Another(self.order.to.clone()));
        }
        if earlier(&self.order.keys_to)?
            .as_ref()
            .is_some_and(of_another)
        {
            return Err(Error::Another(self.order.keys_to.clone()));
        }
        Ok(())
    }

    /// Copies all files of one look; none when one of them was evacuated meanwhile.
    fn round(&mut self) -> Result<Option<Manifest>, Error> {
        let plan = self.plan()?;
        if let Some(earlier) = &self.earlier
            && earlier.head.position > plan.head.position
        {
            return Err(Error::Another(self.order.to.clone()));
        }
        let mut copied = Vec::with_capacity(plan.files.len());
        for path in &plan.files {
            self.pace.go_on()?;
            match self.file(path, &plan.head) {
                Ok(file) => copied.push(file),
                Err(Error::Io { source, path })
                    if source.kind() == io::ErrorKind::NotFound
                        && path.starts_with(self.source.directory) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Some(Manifest {
            instance: self.instance,
            at: self.order.at,
            head: plan.head,
            files: copied,
        }))
    }

    /// What is to be copied. The files are listed before the place is asked for: what was evacuated by then had its
    /// bodies moved to before that place. Only segments that were begun since are taken from a second look.
    fn plan(&self) -> Result<Plan, Error> {
        let mut files = self.list(ARCHIVE, |_| true)?;
        let first = self.list(JOURNAL, |_| true)?;
        let head = (self.source.head)();
        let last = first.iter().filter_map(|path| files::ordinal(path)).max();
        files.extend(
            first
                .into_iter()
                .filter(|path| files::ordinal(path) <= Some(head.segment)),
        );
        files.extend(self.list(JOURNAL, |path| {
            files::ordinal(path) > last && files::ordinal(path) <= Some(head.segment)
        })?);
        Ok(Plan { head, files })
    }

    fn list(&self, part: &str, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, Error> {
        let names = files::names(&self.source.directory.join(part))?;
        let paths = names
            .into_iter()
            .filter(|name| files::ordinal(name).is_some());
        let paths = paths.map(|name| format!("{part}/{name}"));
        Ok(paths.filter(|path| wanted(path)).collect())
    }

    /// Copies one file, or what is missing of it.
    fn file(&mut self, path: &str, head: &Head) -> Result<Copied, Error> {
        let (from, to) = (self.source.directory.join(path), self.order.to.join(path));
        let is_last = path.starts_with(JOURNAL) && files::ordinal(path) == Some(head.segment);
        let kept = self.kept(path, &from, &to)?;
        let was_whole = |earlier: &Manifest| {
            !path.starts_with(JOURNAL) || files::ordinal(path) < Some(earlier.head.segment)
        };
        if let (Some(kept), Some(earlier)) = (&kept, &self.earlier)
            && was_whole(earlier)
        {
            return Ok(kept.clone());
        }
        let span = Span {
            kept: kept.as_ref().map_or(0, |kept| kept.length),
            end: is_last.then_some(head.offset),
        };
        let copied = files::copy(&from, &to, &span, &mut self.pace)?;
        if kept.is_some_and(|kept| kept.digest != copied.kept) {
            return Err(Error::Another(self.order.to.clone()));
        }
        self.files += 1;
        Ok(Copied {
            path: path.to_owned(),
            length: copied.length,
            digest: copied.digest,
        })
    }

    /// What the earlier backup has of a file, if it is the same file: its header is that of the source.
    fn kept(&self, path: &str, from: &Path, to: &Path) -> Result<Option<Copied>, Error> {
        let earlier = self.earlier.as_ref();
        let Some(kept) = earlier.and_then(|earlier| earlier.file(path)) else {
            return Ok(None);
        };
        match files::begin_alike(from, to, HEADER) {
            Ok(true) => Ok(Some(kept.clone())),
            Ok(false) => Err(Error::Another(self.order.to.clone())),
            // Somebody took it out of the backup: it is copied anew.
            Err(Error::Io { path, source })
                if source.kind() == io::ErrorKind::NotFound && path == to =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Keys, then the manifest, then what nobody names any more.
    fn conclude(self, manifest: Manifest, secret: &[u8]) -> Result<Done, Error> {
        let to = &self.order.to;
        for directory in [JOURNAL, ARCHIVE] {
            segment::sync_directory(&to.join(directory))?;
        }
        self.pace.go_on()?;
        self.keys(&manifest, secret)?;
        self.pace.go_on()?;
        files::write_whole(&to.join(MANIFEST), manifest.text().as_bytes())?;
        self.pace.go_on()?;
        for directory in [JOURNAL, ARCHIVE] {
            for name in files::names(&to.join(directory))? {
                let path = format!("{directory}/{name}");
                if manifest.file(&path).is_none() {
                    let path = to.join(path);
                    fs::remove_file(&path).map_err(Error::io(&path))?;
                }
            }
            segment::sync_directory(&to.join(directory))?;
        }
        let mark = format!("{} {}\n", manifest.at, manifest.head.position.0);
        files::write_whole(&self.source.directory.join(MARK), mark.as_bytes())?;
        Ok(Done {
            manifest,
            bytes: self.pace.copied(),
            files: self.files,
        })
    }

    /// Copies what opens bodies and knows documents again, and says which are gone. The copy before it is gone with that,
    /// and with it what was forgotten since.
    fn keys(&self, manifest: &Manifest, secret: &[u8]) -> Result<(), Error> {
        let mut copied = Vec::new();
        let mut put = |name: &str, bytes: &[u8]| {
            use sha2::{Digest as _, Sha256};
            files::write_whole(&self.order.keys_to.join(name), bytes)?;
            copied.push(Copied {
                path: name.to_owned(),
                length: bytes.len() as u64,
                digest: Digest(Sha256::digest(bytes).into()),
            });
            Ok::<(), Error>(())
        };
        let keys = self.source.directory.join(KEYS);
        match fs::read(&keys) {
            Ok(keys) => put(KEYS, &keys)?,
            // A store whose bodies are not encrypted has none.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io(&keys)(error)),
        }
        put(SECRET, secret)?;
        let cleared = cleared::text(&self.order.to.join(ARCHIVE))?;
        put(CLEARED, cleared.as_bytes())?;
        let manifest = Manifest {
            files: copied,
            ..manifest.clone()
        };
        files::write_whole(
            &self.order.keys_to.join(MANIFEST),
            manifest.text().as_bytes(),
        )
    }
}

/// The manifest of a directory that may have none yet.
fn earlier(directory: &Path) -> Result<Option<Manifest>, Error> {
    match manifest_of(directory) {
        Ok(manifest) => Ok(Some(manifest)),
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Bodies and keys in one directory would be as good as no encryption.
fn apart(bodies: &Path, keys: &Path) -> Result<(), Error> {
    let real = |path: &Path| fs::canonicalize(path).map_err(Error::io(path));
    let (bodies, keys) = (real(bodies)?, real(keys)?);
    if bodies.starts_with(&keys) || keys.starts_with(&bodies) {
        return Err(Error::Together(keys));
    }
    Ok(())
}
