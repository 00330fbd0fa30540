//! A backup: the files of a store copied while it is at work, up to a place of its ledger that is committed.
//!
//! Only what is new is copied: a segment that was whole before stays as it is, the one that grew gets what is missing,
//! and one that was evacuated gives way to what is left of it. Traces of access, a file a month, are copied as they are
//! at the moment: a month that grew anew, and one that has ended goes with the next backup. Nothing here takes a lock of
//! the store's, and what is read is paced, so that commits go on.
//!
//! Segments are evacuated meanwhile, which forgets their keys; bodies that are kept are then behind the end of this copy.
//! So the keys are read when all else is copied, and only if every segment of the copy is still there: its file goes
//! before its key does. Otherwise another look is taken, with a later end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::claims::entry::Position;
use crate::claims::id::Digest;
use crate::claims::time::Timestamp;
use crate::store::custody::cleared::{self, CLEARED};
use crate::store::custody::files::{
    self, ARCHIVE, Behind, End, JOURNAL, KEYS, MANIFEST, PARTS, Pace, SECRET, Span, TRACES,
};
use crate::store::custody::manifest::{Copied, Manifest};
use crate::store::custody::{Error, earlier, instance, keyset};
use crate::store::journal::format::HEADER;
use crate::store::journal::{self, Head, foundation, segment};
use crate::store::traces;

/// Where a store remembers its last backup, for people and metrics alone.
const MARK: &str = "backed-up";

/// So often the files may change under a copy before it gives up: each time, a segment was evacuated meanwhile. What one
/// look copied whole the next does not copy again, so each takes less time than the one before.
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

/// What is known to be in the backup.
#[derive(Clone)]
struct Known {
    copied: Copied,
    /// Nothing is added to it any more.
    is_whole: bool,
}

/// All files of one look, and the keys of the same state; none where bodies are not encrypted.
struct Whole {
    manifest: Manifest,
    keys: Option<Vec<u8>>,
}

/// Copies a store. Blocks.
///
/// # Errors
/// [`Error`]; an earlier backup in the same directory stays usable.
pub fn backup(source: &Source<'_>, order: &Order, stop: &dyn Fn() -> bool) -> Result<Done, Error> {
    apart(source.directory, &order.to, &order.keys_to)?;
    for directory in [&order.to, &order.keys_to] {
        files::make_directory(directory)?;
    }
    let _lock = segment::lock(&order.to).map_err(|error| match error {
        journal::Error::Locked => Error::Locked(order.to.clone()),
        error => error.into(),
    })?;
    let secret = source.directory.join(SECRET);
    let secret = fs::read(&secret).map_err(|_| Error::Secret(secret.clone()))?;
    let earlier = earlier(&order.to)?;
    let mut copying = Copying {
        source,
        order,
        instance: instance(&secret),
        known: earlier.as_ref().map_or_else(BTreeMap::new, known),
        earlier,
        pace: Pace::new(order.bytes_per_second, stop),
        files: 0,
    };
    copying.belongs()?;
    keyset::settle(&order.keys_to, copying.earlier.as_ref())?;
    for directory in PARTS {
        files::make_directory(&order.to.join(directory))?;
    }
    let mut last = Error::Restless;
    for _ in 0..ROUNDS {
        match copying.round() {
            Ok(Some(whole)) => return copying.conclude(whole, &secret),
            Ok(None) => last = Error::Restless,
            Err(missing @ Error::Incomplete(_)) => last = missing,
            Err(error) => return Err(error),
        }
    }
    Err(last)
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
    /// By path: what the earlier backup has, and what was copied since.
    known: BTreeMap<String, Known>,
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

    /// Copies all files of one look, and reads the keys; none when one of them was evacuated meanwhile.
    fn round(&mut self) -> Result<Option<Whole>, Error> {
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
        self.pace.go_on()?;
        let keys = self.keys()?;
        let there: BTreeSet<_> = self.list(JOURNAL, |_| true)?.into_iter().collect();
        let mut segments = plan.files.iter().filter(|path| path.starts_with(JOURNAL));
        if !segments.all(|path| there.contains(path)) {
            return Ok(None);
        }
        let manifest = Manifest {
            instance: self.instance,
            at: self.order.at,
            head: plan.head,
            files: copied,
        };
        Ok(Some(Whole { manifest, keys }))
    }

    /// What is to be copied. The files are listed before the place is asked for: what was evacuated by then had its
    /// bodies moved to before that place. The archive is listed after the journal: what leaves the one is in the other
    /// before. Only segments that were begun since are taken from a second look.
    fn plan(&self) -> Result<Plan, Error> {
        let first = self.list(JOURNAL, |_| true)?;
        let mut files = self.list(ARCHIVE, |_| true)?;
        let traces = self.months()?;
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
        is_complete(&files, &head)?;
        files.extend(traces);
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

    /// The months of the traces of access.
    fn months(&self) -> Result<Vec<String>, Error> {
        let is_month = |name: &String| {
            let month = name.strip_suffix(traces::ENDING);
            month.is_some_and(|month| month.bytes().all(|at| at.is_ascii_digit() || at == b'-'))
        };
        let names = files::names(&self.source.directory.join(TRACES))?;
        let names = names.into_iter().filter(is_month);
        Ok(names.map(|name| format!("{TRACES}/{name}")).collect())
    }

    /// Copies one file, or what is missing of it.
    fn file(&mut self, path: &str, head: &Head) -> Result<Copied, Error> {
        let (from, to) = (self.source.directory.join(path), self.order.to.join(path));
        let is_last = files::is_in(JOURNAL, path) && files::ordinal(path) == Some(head.segment);
        let kept = self.kept(path, &from, &to)?;
        if let Some(kept) = &kept
            && kept.is_whole
        {
            return Ok(kept.copied.clone());
        }
        let span = Span {
            kept: kept.as_ref().map_or(0, |kept| kept.copied.length),
            end: match files::is_in(JOURNAL, path) {
                true if is_last => End::Before(head.offset),
                true => End::Written,
                false => End::File,
            },
            behind: Behind::Zeros,
        };
        let copied = files::copy(&from, &to, &span, &mut self.pace)?;
        if kept.is_some_and(|kept| kept.copied.digest != copied.kept) {
            return Err(Error::Another(self.order.to.clone()));
        }
        self.files += 1;
        let copied = Copied {
            path: path.to_owned(),
            length: copied.length,
            digest: copied.digest,
        };
        let known = Known {
            copied: copied.clone(),
            is_whole: !is_last,
        };
        self.known.insert(path.to_owned(), known);
        Ok(copied)
    }

    /// What the backup has of a file, if it is the same file: its header is that of the source.
    fn kept(&self, path: &str, from: &Path, to: &Path) -> Result<Option<Known>, Error> {
        let Some(kept) = self.known.get(path) else {
            return Ok(None);
        };
        if files::is_in(TRACES, path) {
            // It is only appended to: with as many bytes it is the same.
            let is_same = |path: &Path| fs::metadata(path).map(|is| is.len() == kept.copied.length);
            let both = is_same(from).and_then(|is| Ok(is && is_same(to)?));
            return Ok(both.unwrap_or(false).then(|| kept.clone()));
        }
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

    /// The store's file of wrapped keys; a store whose bodies are not encrypted has none.
    fn keys(&self) -> Result<Option<Vec<u8>>, Error> {
        let path = self.source.directory.join(KEYS);
        match fs::read(&path) {
            Ok(keys) => Ok(Some(keys)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(&path)(error)),
        }
    }

    /// Keys beside those before, then the manifest, by which they count; then what nobody names any more goes, and with
    /// the earlier keys what was forgotten since.
    fn conclude(self, whole: Whole, secret: &[u8]) -> Result<Done, Error> {
        let (to, keys_to) = (&self.order.to, &self.order.keys_to);
        let Whole { manifest, keys } = whole;
        for directory in PARTS {
            segment::sync_directory(&to.join(directory))?;
        }
        self.pace.go_on()?;
        let cleared = cleared::text(to, &manifest)?;
        let mut contents = vec![(SECRET, secret), (CLEARED, cleared.as_bytes())];
        contents.extend(keys.as_deref().map(|keys| (KEYS, keys)));
        keyset::prepare(keys_to, &manifest, &contents)?;
        self.pace.go_on()?;
        files::write_whole(&to.join(MANIFEST), manifest.text().as_bytes())?;
        self.pace.go_on()?;
        keyset::settle(keys_to, Some(&manifest))?;
        self.pace.go_on()?;
        for directory in PARTS {
            for name in files::names(&to.join(directory))? {
                let path = format!("{directory}/{name}");
                // What somebody else put there is not a backup's to remove.
                if files::is_own(&name) && manifest.file(&path).is_none() {
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
}

/// What a backup has: its last segment may have grown since.
fn known(earlier: &Manifest) -> BTreeMap<String, Known> {
    let is_whole = |path: &str| {
        !path.starts_with(JOURNAL) || files::ordinal(path) < Some(earlier.head.segment)
    };
    let files = earlier.files.iter().cloned().map(|copied| {
        let is_whole = is_whole(&copied.path);
        (copied.path.clone(), Known { copied, is_whole })
    });
    files.collect()
}

/// Every segment up to the last is there: live, archived, or one that a foundation stands for.
fn is_complete(files: &[String], head: &Head) -> Result<(), Error> {
    if *head == Head::origin() {
        return Ok(());
    }
    let is_foundation = |path: &&String| path.ends_with(foundation::ENDING);
    let founded = files.iter().filter(is_foundation);
    let founded = founded.filter_map(|path| files::ordinal(path)).max();
    let segments = files.iter().filter(|path| !is_foundation(path));
    let there: BTreeSet<u64> = segments.filter_map(|path| files::ordinal(path)).collect();
    let mut wanted = founded.unwrap_or_default() + 1..=head.segment;
    match wanted.find(|ordinal| !there.contains(ordinal)) {
        Some(missing) => Err(Error::Incomplete(missing)),
        None => Ok(()),
    }
}

/// Bodies and keys in one directory would be as good as no encryption; and a backup in its own store would put its copies
/// in the place of the files that the store writes. Nothing is made yet.
fn apart(store: &Path, bodies: &Path, keys: &Path) -> Result<(), Error> {
    let (store, bodies, keys) = (
        files::real(store)?,
        files::real(bodies)?,
        files::real(keys)?,
    );
    for (one, other) in [(&bodies, &keys), (&store, &bodies), (&store, &keys)] {
        if one.starts_with(other) || other.starts_with(one) {
            return Err(Error::Together(other.clone()));
        }
    }
    Ok(())
}
