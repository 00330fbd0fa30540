//! Whether a backup is what its manifest says: every file, every checksum, every commit, the chain.
//!
//! It reads all of it and changes nothing. A backup that an interrupted run was about to follow is checked up to its
//! own end. What lies in it of damage that the store had is found here: the copy was made of the bytes as they were.

use std::path::Path;

use crate::store::custody::files::{self, JOURNAL, Pace};
use crate::store::custody::manifest::Manifest;
use crate::store::custody::{Error, keyset, manifest_of};
use crate::store::journal::reader::{Piece, Reader};
use crate::store::journal::{self, Head, still};

/// At most so many findings are told; the rest is only counted.
pub const TOLD: usize = 1_000;

/// What was read.
#[derive(Debug)]
pub struct Checked {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// Entries read, each in its place in the chain.
    pub entries: u64,
    /// Bodies whose records are whole.
    pub bodies: u64,
    /// What is wrong, the first [`TOLD`].
    pub findings: Vec<String>,
    /// How much is wrong.
    pub wrong: u64,
}

impl Checked {
    /// Whether nothing is wrong.
    pub fn holds(&self) -> bool {
        self.wrong == 0
    }

    fn find(&mut self, what: String) {
        self.wrong += 1;
        if self.findings.len() < TOLD {
            self.findings.push(what);
        }
    }
}

/// Reads a backup, and the directory of its keys if one is given. Blocks.
///
/// # Errors
/// When there is no manifest that can be read, or the system refuses. Damage is no error but a finding.
pub fn check(directory: &Path, keys: Option<&Path>) -> Result<Checked, Error> {
    let manifest = manifest_of(directory)?;
    let mut checked = Checked {
        manifest: manifest.clone(),
        entries: 0,
        bodies: 0,
        findings: Vec::new(),
        wrong: 0,
    };
    sums(directory, &manifest, &mut checked);
    if let Some(keys) = keys {
        let (keys, of_keys) = keyset::counting(keys, &manifest)?;
        if of_keys.instance != manifest.instance {
            checked.find("the keys are those of another store".into());
        }
        if of_keys.head.position < manifest.head.position {
            checked.find("the keys are older than the backup".into());
        }
        sums(&keys, &of_keys, &mut checked);
    }
    match still::survey(&directory.join(JOURNAL)) {
        Ok(reader) => read(&reader, &manifest.head, &mut checked),
        Err(damage) => checked.find(damage.to_string()),
    }
    Ok(checked)
}

/// Compares every file with its digest.
fn sums(directory: &Path, manifest: &Manifest, checked: &mut Checked) {
    let mut pace = Pace::new(0, &|| false);
    for file in &manifest.files {
        match files::digest(&directory.join(&file.path), file.length, &mut pace) {
            Ok(digest) if digest == file.digest => {}
            Ok(_) => checked.find(format!("{}: other bytes than were copied", file.path)),
            Err(error) => checked.find(error.to_string()),
        }
    }
}

/// Reads the ledger up to its end.
fn read(reader: &Reader, head: &Head, checked: &mut Checked) {
    if head.position.0 == 0 {
        return;
    }
    if let Some(foundation) = reader.foundation()
        && let Err(damage) = foundation.records(|_| Ok::<(), journal::Error>(()))
    {
        checked.find(damage.to_string());
    }
    let visit = |piece: Piece<'_>| {
        match piece {
            Piece::Whole(batch) => {
                checked.entries += batch.entries.len() as u64;
                checked.bodies += batch.bodies.len() as u64;
            }
            Piece::Patched(batch, damage) => {
                checked.entries += batch.entries.len() as u64;
                checked.bodies += batch.bodies.len() as u64;
                checked.find(reader.damaged(damage).to_string());
            }
            Piece::Hole(damage) => checked.find(reader.damaged(damage).to_string()),
        }
        Ok::<(), journal::Error>(())
    };
    let read = reader.pieces(reader.begin(), *head, visit);
    if let Err(damage) = read {
        checked.find(format!("{damage}; nothing after it was read"));
    }
}
