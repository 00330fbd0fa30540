//! A store made from a backup: up to its end, to an instant or to an entry.
//!
//! It is made beside the place where it will be, and gets its name when its ledger says that it was restored: until
//! then no gateway opens it. The journal goes on in a new segment, so that nothing is ever written where the lost
//! store may have written. What cannot be opened by the keys that are given is gone: the newest keys know best what
//! was forgotten, and which segments were cleared. What the backup itself knows of the span after the end of the restore
//! is applied: see `store::custody::since`. Traces of access are all there, up to whatever place it is restored: who
//! read what happened.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::claims::custody::Restored;
use crate::claims::entry::{Position, Stamped};
use crate::claims::id::{Digest, Name};
use crate::claims::time::Timestamp;
use crate::store::custody::cleared::{self, CLEARED};
use crate::store::custody::files::{
    self, ARCHIVE, Behind, End, JOURNAL, PARTS, Pace, Span, TRACES,
};
use crate::store::custody::manifest::{Copied, Manifest};
use crate::store::custody::since::Since;
use crate::store::custody::{Error, keyset, manifest_of};
use crate::store::embedded::{Config, Embedded, trusted};
use crate::store::journal::archive::Archive;
use crate::store::journal::format::{Bodies, Header, Manner, SegmentId, VERSION};
use crate::store::journal::keys::{Keys, Shared};
use crate::store::journal::master;
use crate::store::journal::reader::{Piece, Reader};
use crate::store::journal::segment::{self, Segment};
use crate::store::journal::{self, Entropy, Head, still};
use crate::store::{Command, Observer, Store};

/// What the name of a store ends with that is not whole yet.
const UNFINISHED: &str = "restoring";

/// Up to where a store is made. It ends behind a batch: what was decided together is kept together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Everything that is in the backup.
    End,
    /// What was decided up to this instant.
    Instant(Timestamp),
    /// This entry and those before it.
    Position(Position),
}

/// What becomes of a restore to a place behind which the backup is damaged: bodies that went in that span, and legal
/// holds that were placed or lifted in it, count all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Later {
    /// It is refused.
    Whole,
    /// What can be read of the span is applied, and a person places the legal holds of the rest anew.
    Readable,
}

/// A store that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// What its ledger says of it.
    pub restored: Restored,
    /// What of the span after its end could not be read, and so was not applied.
    pub unread: Vec<journal::Error>,
}

/// What is to be made from what.
#[derive(Clone, Debug)]
pub struct Order {
    /// The backup.
    pub from: PathBuf,
    /// Its keys; those of a later backup of the same store are better.
    pub keys: PathBuf,
    /// Up to where.
    pub until: Until,
    /// What if the span after that is damaged.
    pub later: Later,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Name,
}

/// A backup as it is read for a restore.
struct Origin<'a> {
    order: &'a Order,
    manifest: Manifest,
    /// Where its keys lie, and what they are.
    keys_in: PathBuf,
    keys: Manifest,
    reader: Reader,
    /// Segments that lost their bodies since.
    cleared: BTreeSet<SegmentId>,
}

/// What ends the search for the last batch.
enum Ended {
    /// Nothing that follows is restored.
    Found,
    Failed(Error),
}

impl From<journal::Error> for Ended {
    fn from(error: journal::Error) -> Ended {
        Ended::Failed(error.into())
    }
}

/// The last batch that is restored.
#[derive(Clone, Copy)]
struct Last {
    head: Head,
    /// The instant of its last entry.
    at: Timestamp,
}

/// Makes a store in the directory of the configuration, which must not be there or be empty.
///
/// # Errors
/// [`Error`]; at the place of the store there is nothing new then.
pub async fn restore(
    order: &Order,
    config: &Config,
    mut entropy: Entropy,
    observer: Arc<dyn Observer>,
) -> Result<Made, Error> {
    let place = &config.directory;
    if !files::names(place)?.is_empty() {
        return Err(Error::Occupied(place.clone()));
    }
    let (id, salt) = (entropy(), entropy());
    let entropy: Shared = Arc::new(Mutex::new(entropy));
    let origin = Origin::open(order, config, &entropy)?;
    let last = origin.last()?;
    let end = origin.manifest.head;
    let since = Since::read(&origin.reader, last.head, end, &origin.cleared)?;
    let unread = since.unread().to_vec();
    if let (Later::Whole, [first, ..]) = (order.later, &unread[..]) {
        return Err(Error::Later(first.clone()));
    }
    let making = place.with_added_extension(UNFINISHED);
    match fs::remove_dir_all(&making) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Error::io(&making)(error));
        }
        Ok(()) | Err(_) => {}
    }
    origin.lay_out(&making, &last.head, config.segment_bytes, id)?;
    // By the clock of this machine entries are stamped from now on: they must not prove it right.
    trusted::write(&making, last.at.into())?;
    let restored = Restored {
        backup: origin.manifest.digest(),
        taken: origin.manifest.at,
        position: last.head.position,
        since: last.at,
        known: origin.manifest.head.position.max(origin.keys.head.position),
        actor: order.actor.clone(),
    };
    let config = Config {
        directory: making.clone(),
        ..config.clone()
    };
    let at = order.at;
    let drawn = move || (entropy.lock().unwrap_or_else(PoisonError::into_inner))();
    let entropy: Entropy = Box::new(drawn);
    let opened =
        tokio::task::spawn_blocking(move || Embedded::open(&config, at, entropy, observer));
    let store = opened
        .await
        .map_err(|_| Error::Unmade("a thread broke off".into()))?
        .map_err(|error| Error::Unmade(error.to_string().into()))?;
    store
        .commit(at, Command::Restored(restored.clone()))
        .await?;
    since.apply(&store, &origin.reader, at, salt).await?;
    drop(store);
    // An empty directory gives way; the store's name appears as a whole.
    fs::rename(&making, place).map_err(Error::io(place))?;
    segment::sync_directory(files::parent(place))?;
    Ok(Made { restored, unread })
}

impl Origin<'_> {
    fn open<'a>(order: &'a Order, config: &Config, entropy: &Shared) -> Result<Origin<'a>, Error> {
        let manifest = manifest_of(&order.from)?;
        let (keys_in, keys) = keyset::counting(&order.keys, &manifest)?;
        if manifest.instance != keys.instance {
            return Err(Error::Another(order.keys.clone()));
        }
        let unmade = |error: master::Error| Error::Unmade(error.to_string().into());
        let masters = config.encryption.masters().map_err(unmade)?;
        let opened = Keys::open(&keys_in, &masters, entropy.clone())?;
        let reader = still::survey_with(&order.from.join(JOURNAL), opened.map(Arc::new))?;
        let cleared = match keys.file(CLEARED) {
            Some(file) => cleared(&keys_in.join(CLEARED), file)?,
            None => BTreeSet::new(),
        };
        Ok(Origin {
            order,
            manifest,
            keys_in,
            keys,
            reader,
            cleared,
        })
    }

    /// The last batch up to which is restored: reads the whole ledger before it, and nothing behind it. Instants only grow.
    fn last(&self) -> Result<Last, Error> {
        let mut found: Option<Last> = None;
        let mut at = Timestamp::default();
        let visit = |piece: Piece<'_>| {
            let batch = match piece {
                Piece::Whole(batch) | Piece::Patched(batch, _) => batch,
                Piece::Hole(damage) => {
                    let before = found.map(|last| last.head.position);
                    let damage = self.reader.damaged(damage);
                    return Err(match (self.order.until, before) {
                        (Until::Position(position), Some(before)) if position == before => {
                            Ended::Found
                        }
                        (Until::End | Until::Instant(_) | Until::Position(_), Some(before)) => {
                            Ended::Failed(Error::Hole { damage, before })
                        }
                        (Until::End | Until::Instant(_) | Until::Position(_), None) => {
                            damage.into()
                        }
                    });
                }
            };
            if let Some(entry) = batch.entries.last() {
                let position = batch.end.position.0;
                let read = Stamped::read(entry);
                let unread = || Error::Unmade(format!("entry {position} cannot be read").into());
                at = read.map_err(|_| Ended::Failed(unread()))?.at;
            }
            let is_in = match self.order.until {
                Until::End => true,
                Until::Instant(instant) => at <= instant,
                Until::Position(position) => batch.end.position <= position,
            };
            if !is_in {
                return Err(Ended::Found);
            }
            let head = batch.end;
            found = Some(Last { head, at });
            Ok(())
        };
        let (begin, end) = (self.reader.begin(), self.manifest.head);
        match self.reader.pieces(begin, end, visit) {
            Ok(()) | Err(Ended::Found) => {}
            Err(Ended::Failed(error)) => return Err(error),
        }
        let last: Last = found.ok_or(Error::Nothing)?;
        if self.reader.is_archived(last.head.segment) || self.is_cleared(last.head.segment)? {
            return Err(Error::Cleared);
        }
        Ok(last)
    }

    /// Whether a segment that has its bodies here lost them since.
    fn is_cleared(&self, ordinal: u64) -> Result<bool, Error> {
        Ok(self
            .cleared
            .contains(&self.reader.segment(ordinal)?.header.id))
    }

    /// Writes what is left of a segment that was cleared since.
    fn clear(&self, ordinal: u64, archives: &Path) -> Result<(), Error> {
        let mut archive = Archive::of(&self.reader.segment(ordinal)?.header);
        self.reader.batches(ordinal, |batch| {
            archive.add(batch);
            Ok::<(), journal::Error>(())
        })?;
        archive.write(archives)?;
        Ok(())
    }

    /// Copies everything up to a place, checking each byte, and begins the segment after it.
    fn lay_out(
        &self,
        making: &Path,
        head: &Head,
        capacity: u64,
        id: [u8; 16],
    ) -> Result<(), Error> {
        files::make_directory(making)?;
        for part in PARTS {
            files::make_directory(&making.join(part))?;
        }
        let mut pace = Pace::new(0, &|| false);
        for file in &self.manifest.files {
            let ordinal = files::ordinal(&file.path);
            if ordinal > Some(head.segment) {
                continue;
            }
            if let Some(ordinal) = ordinal.filter(|_| file.path.starts_with(JOURNAL))
                && self.is_cleared(ordinal)?
            {
                self.clear(ordinal, &making.join(ARCHIVE))?;
                continue;
            }
            let from = self.order.from.join(&file.path);
            let ends = ordinal == Some(head.segment) && file.path.starts_with(JOURNAL);
            let end = if ends {
                head.offset
            } else if files::is_in(ARCHIVE, &file.path) {
                // Older manifests leave out the zeros that such a file ends with.
                files::with_zeros(&from, file.length)?
            } else {
                file.length
            };
            copy(&from, &making.join(&file.path), file, end, &mut pace)?;
        }
        for file in self.keys.files.iter().filter(|file| file.path != CLEARED) {
            let from = self.keys_in.join(&file.path);
            copy(
                &from,
                &making.join(&file.path),
                file,
                file.length,
                &mut pace,
            )?;
        }
        // Nothing lies in it: the store's next batch goes on in its own manner.
        let header = Header {
            version: VERSION,
            manner: Manner {
                bodies: Bodies::Open,
                dictionary: 0,
            },
            id,
            ordinal: head.segment + 1,
            capacity,
            first: Position(head.position.0 + 1),
            chain: head.chain,
        };
        Segment::create(&making.join(JOURNAL), &header)?;
        for directory in [making, &making.join(ARCHIVE), &making.join(TRACES)] {
            segment::sync_directory(directory)?;
        }
        Ok(())
    }
}

/// Which segments lost their bodies, as the newest keys know it.
fn cleared(path: &Path, file: &Copied) -> Result<BTreeSet<SegmentId>, Error> {
    let text = fs::read_to_string(path).map_err(Error::io(path))?;
    let is_whole = Digest(Sha256::digest(&text).into()) == file.digest;
    let read = cleared::read(&text).filter(|_| is_whole);
    read.ok_or_else(|| Error::Damaged(path.to_owned()))
}

/// Copies the first bytes of a file of which all must be as they were.
fn copy(from: &Path, to: &Path, file: &Copied, end: u64, pace: &mut Pace<'_>) -> Result<(), Error> {
    if files::digest(from, file.length, pace)? != file.digest {
        return Err(Error::Damaged(from.to_owned()));
    }
    let span = Span {
        kept: 0,
        end: End::Before(end),
        behind: match files::is_in(JOURNAL, &file.path) {
            true => Behind::Zeros,
            false => Behind::Nothing,
        },
    };
    files::copy(from, to, &span, pace)?;
    Ok(())
}
