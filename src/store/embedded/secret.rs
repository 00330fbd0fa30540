//! The store's secret on disk: 32 random bytes by which fingerprints of documents are keyed.
//!
//! Made once, before the first entry, readable by its owner only; never replaced, because without it no
//! document that is known would be known again. A crash while it is made leaves a file `secret.new`, and no
//! entry that needs it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::claims::entry::Position;
use crate::store::embedded::OpenError;
use crate::store::journal;
use crate::store::ledger::Secret;

const NAME: &str = "secret";
const UNFINISHED: &str = "secret.new";

/// Reads the secret of a directory, or makes it from random bytes if the ledger has no entry yet.
pub fn open(directory: &Path, last: Position, random: [[u8; 16]; 2]) -> Result<Secret, OpenError> {
    match fs::read(directory.join(NAME)) {
        Ok(bytes) => match <[u8; 32]>::try_from(bytes) {
            Ok(bytes) => Ok(Secret::new(bytes)),
            Err(_) => Err(OpenError::Secret),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound && last == Position(0) => {
            let mut bytes = [0; 32];
            bytes[..16].copy_from_slice(&random[0]);
            bytes[16..].copy_from_slice(&random[1]);
            make(directory, &bytes).map_err(|_| OpenError::Secret)?;
            journal::segment::sync_directory(directory)?;
            Ok(Secret::new(bytes))
        }
        Err(_) => Err(OpenError::Secret),
    }
}

fn make(directory: &Path, bytes: &[u8; 32]) -> io::Result<()> {
    let unfinished = directory.join(UNFINISHED);
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true).mode(0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, directory.join(NAME))
}
