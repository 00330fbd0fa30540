//! Custody: copies of a store that can be trusted, and stores made from copies.
//!
//! A backup is a directory of the same form as a store, without what can be derived:
//!
//! | path | what |
//! |---|---|
//! | `journal/`, `archive/` | the store's own files, bodies as they lie on the disk |
//! | `manifest` | which files, how long, with which digest; up to which entry and hash; see [`manifest`] |
//! | `lock` | keeps a second backup out |
//!
//! What opens bodies and knows documents again, the files `keys` and `secret`, goes to a directory of its own with a
//! manifest of its own: whoever has only one of the two directories has no content. Each backup replaces the copy of
//! the keys, so that a body that is forgotten in the store is forgotten in all copies with the next backup. A file
//! `cleared` beside them says the same of bodies that are not encrypted; see `cleared`. Keys and bodies are of one
//! state: a body that is kept when its segment goes lies behind the end of a copy that has the segment, so that copy
//! needs the segment's key; see `keyset`.
//!
//! Must never change the store that it copies, never hold up a commit, and never call a backup good before its
//! manifest has its name.
//!
//! # What a crash leaves behind
//! | crash | found |
//! |---|---|
//! | while files are copied | the earlier manifest; every file it names is as it was, or longer: only its length counts |
//! | after the keys, before the manifest | the same; the earlier keys count, the new ones lie beside them in `next` |
//! | after the manifest | the new backup; its keys count, in `next` if need be; the next one removes what is not named |
//! | while a store is restored | a directory `*.restoring` that no gateway opens; the next restore replaces it |

pub mod record;
pub mod verified;
pub mod manifest;
pub(in crate::store) mod files;
mod keyset;
pub mod backup;
pub mod check;
pub mod restore;
mod since;
mod cleared;
pub mod walk;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use crate::claims::custody::Anchor;
use crate::claims::entry::Position;
use crate::claims::id::Digest;
use crate::store::custody::manifest::Manifest;
use crate::store::custody::record::{AnchorRecord, Orphan, OrphanName, RestorationRecord};
use crate::store::custody::verified::Verified;
use crate::store::{self, journal};

/// A store as a whole: what it knows of itself, and its files, which can be copied while it is at work.
#[async_trait]
pub trait Custody: Send + Sync {
    /// Receipts and settlements that match nothing, after one, by endpoint and id; at most `most`.
    async fn kept_orphans(
        &self,
        after: Option<OrphanName>,
        most: usize,
    ) -> Result<Vec<Orphan>, store::Error>;

    /// The last restore of this ledger from a backup.
    async fn restoration(&self) -> Result<Option<RestorationRecord>, store::Error>;

    /// Anchors of entries after one, in order; at most `most`.
    async fn anchors(
        &self,
        after: Position,
        most: usize,
    ) -> Result<Vec<AnchorRecord>, store::Error>;

    /// The anchor of the latest entry, without reading them all.
    async fn last_anchor(&self) -> Result<Option<AnchorRecord>, store::Error>;

    /// The last entry that is durable, and the running hash after it: what an anchor is made of.
    async fn end(&self) -> Result<Anchor, store::Error>;

    /// Walks along the chain from an entry to another; see [`walk`]. Blocks.
    ///
    /// # Errors
    /// [`Error::NoFiles`]. A broken chain is no error.
    fn walk(&self, from: Option<Position>, to: Option<Position>) -> Result<walk::Walked, Error>;

    /// Reads the whole store and says where it contradicts itself, while it goes on. Nothing is cleared meanwhile.
    ///
    /// # Errors
    /// When there is no room beside it, or its index is built anew. Damage is no error but a difference.
    async fn check(&self) -> Result<Verified, store::Error>;

    /// Copies the store; see [`backup`]. Blocks, for as long as the pace makes it.
    ///
    /// # Errors
    /// [`Error`]; the earlier backup stays usable.
    fn backup(&self, order: &backup::Order, stop: &dyn Fn() -> bool)
    -> Result<backup::Done, Error>;

    /// The last backup that was made of this store, as far as is known here.
    fn last_backup(&self) -> Option<backup::Mark>;
}

/// Why a copy was not made, or is none.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Another backup to the same directory is being made.
    #[error("{}: another backup is being made to it", .0.display())]
    Locked(PathBuf),
    /// There is no manifest, or it is none.
    #[error("{}: {what}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: &'static str,
    },
    /// The directory holds a backup of another ledger than this.
    #[error("{} holds a backup of another ledger; choose another directory", .0.display())]
    Another(PathBuf),
    /// The same directory was named for two things that must lie apart.
    #[error("{}: store, bodies and keys must lie in directories of their own, none inside another", .0.display())]
    Together(PathBuf),
    /// The store's own secret is missing.
    #[error("{}: the store's secret is missing or damaged", .0.display())]
    Secret(PathBuf),
    /// Files came and went faster than they could be copied.
    #[error("the store's files changed while they were copied, again and again")]
    Restless,
    /// A segment lies in neither of its places.
    #[error(
        "segment {0} of the store is missing: verify the store; an earlier backup that has it stays"
    )]
    Incomplete(u64),
    /// A file is not as it was copied.
    #[error("{}: other bytes than were copied", .0.display())]
    Damaged(PathBuf),
    /// There is something where a store is to be made.
    #[error("{}: there is something already; name a directory that is not there", .0.display())]
    Occupied(PathBuf),
    /// The end that was asked for lies where only entries are left, which are kept as a whole.
    #[error("the bodies of that time are gone: choose a later end")]
    Cleared,
    /// What follows the end that was asked for is damaged.
    #[error(
        "what follows that end is damaged: {0}; with --past-damage what can be read of it is applied, and legal holds that were placed in it are to be placed anew"
    )]
    Later(journal::Error),
    /// Entries before the end that was asked for cannot be read, or may be: their instants are not known.
    #[error(
        "{damage}; what lies behind it is not restored, and what was decided when cannot be told of it: --until-position {} --past-damage restores what is before it",
        before.0
    )]
    Hole {
        /// The damage.
        damage: journal::Error,
        /// The last entry before it.
        before: Position,
    },
    /// The backup has nothing up to there.
    #[error("the backup has no entry up to there")]
    Nothing,
    /// The store could not be made of what was copied.
    #[error("the store could not be made: {0}")]
    Unmade(Arc<str>),
    /// Nothing of the store lies on a disk.
    #[error("nothing of this store lies on a disk")]
    NoFiles,
    /// It was asked to stop.
    #[error("it was stopped before it was whole; the earlier backup stays")]
    Stopped,
}

impl Error {
    /// What is wrong, in words that name no file.
    pub fn summary(&self) -> &'static str {
        match self {
            Error::Io { .. } => "a file or directory cannot be read or written",
            Error::Journal(_) | Error::Later(_) | Error::Hole { .. } => {
                "the journal cannot be read"
            }
            Error::Store(_) | Error::Unmade(_) => "the store cannot be read or written",
            Error::Locked(_) => "another backup is being made to this directory",
            Error::Manifest { .. } => "the directory holds a manifest that is none",
            Error::Another(_) => "the directory holds a backup of another ledger",
            Error::Together(_) => {
                "store, bodies and keys must lie in directories of their own, none inside another"
            }
            Error::Secret(_) => "the store's secret is missing or damaged",
            Error::Restless => "the store's files changed again and again",
            Error::Incomplete(_) => "a segment of the store is missing",
            Error::Damaged(_) => "a file is not as it was copied",
            Error::Occupied(_) => "there is something already where a store is to be made",
            Error::Cleared => "the bodies of that time are gone",
            Error::Nothing => "the backup has no entry up to there",
            Error::NoFiles => "nothing of this store lies on a disk",
            Error::Stopped => "the gateway was stopped",
        }
    }

    fn io(path: &Path) -> impl FnOnce(io::Error) -> Error + '_ {
        move |source| Error::Io {
            path: path.to_owned(),
            source,
        }
    }
}

/// By what all copies of one store are known to be its own: a digest of its secret, which says nothing of it.
fn instance(secret: &[u8]) -> Digest {
    let mut hash = Sha256::new();
    hash.update(b"bordereau store instance\0");
    hash.update(secret);
    Digest(hash.finalize().into())
}

/// The manifest of a directory.
///
/// # Errors
/// When there is none, or it is not as it was written.
pub fn manifest_of(directory: &Path) -> Result<Manifest, Error> {
    let path = directory.join(files::MANIFEST);
    let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
    Manifest::read(&text).map_err(|what| Error::Manifest { path, what })
}

/// The manifest of a directory that may have none yet.
fn earlier(directory: &Path) -> Result<Option<Manifest>, Error> {
    match manifest_of(directory) {
        Ok(manifest) => Ok(Some(manifest)),
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
