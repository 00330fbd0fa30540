//! The directory of the keys: what opens bodies and knows documents again.
//!
//! | path | what |
//! |---|---|
//! | `keys`, `secret`, `cleared`, `manifest` | those of a backup that is whole |
//! | `next/` | the same files of the backup that is being made |
//!
//! The manifest of the bodies says which of the two count: `next` when it was made for that very backup. So keys and
//! bodies change in one step, by one name, though they lie in two directories: keys that are newer than the bodies
//! lack those of segments whose kept bodies were carried to behind the end of these bodies.
//!
//! Must never remove keys before those that replace them count. A crash leaves `next`, which counts or is removed by
//! the next backup.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::claims::id::Digest;
use crate::store::custody::files::{self, MANIFEST};
use crate::store::custody::manifest::{Copied, Manifest};
use crate::store::custody::{Error, earlier, manifest_of};
use crate::store::journal::segment;

/// Where the files lie until the manifest of the bodies has its name.
const NEXT: &str = "next";

/// The directory in which the keys of a backup lie, and their manifest: `next` if it was made for it.
///
/// # Errors
/// When there is no manifest, or it is not as it was written.
pub fn counting(keys: &Path, bodies: &Manifest) -> Result<(PathBuf, Manifest), Error> {
    let next = keys.join(NEXT);
    match earlier(&next)? {
        Some(manifest) if is_of(&manifest, bodies) => Ok((next, manifest)),
        Some(_) | None => Ok((keys.to_owned(), manifest_of(keys)?)),
    }
}

/// Writes files, by name and content, beside those that count.
///
/// # Errors
/// [`Error::Io`]; those that count stay.
pub fn prepare(keys: &Path, bodies: &Manifest, contents: &[(&str, &[u8])]) -> Result<(), Error> {
    let next = keys.join(NEXT);
    files::make_directory(&next)?;
    for (name, bytes) in contents {
        files::write_whole(&next.join(name), bytes)?;
    }
    let copied = contents.iter().map(|(name, bytes)| Copied {
        path: (*name).to_owned(),
        length: bytes.len() as u64,
        digest: Digest(Sha256::digest(bytes).into()),
    });
    let manifest = Manifest {
        files: copied.collect(),
        ..bodies.clone()
    };
    files::write_whole(&next.join(MANIFEST), manifest.text().as_bytes())
}

/// Leaves one set: what lies in `next` takes the place of the others if it was made for this backup, or else it goes.
///
/// # Errors
/// [`Error`]; what counts still counts.
pub fn settle(keys: &Path, bodies: Option<&Manifest>) -> Result<(), Error> {
    let next = keys.join(NEXT);
    if let Some(manifest) = earlier(&next)?
        && bodies.is_some_and(|bodies| is_of(&manifest, bodies))
    {
        let names = manifest.files.iter().map(|file| file.path.as_str());
        for name in names.chain([MANIFEST]) {
            let path = next.join(name);
            let bytes = fs::read(&path).map_err(Error::io(&path))?;
            files::write_whole(&keys.join(name), &bytes)?;
        }
    }
    discard(&next)
}

/// The manifest first: without it nothing of the directory counts.
fn discard(next: &Path) -> Result<(), Error> {
    let manifest = next.join(MANIFEST);
    match fs::remove_file(&manifest) {
        Ok(()) => segment::sync_directory(next)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io(&manifest)(error)),
    }
    match fs::remove_dir_all(next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(next)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Whether keys were copied for this backup: by the same store, at the same place and instant. One of the two may not
/// have been written yet, and what is written is less exact.
fn is_of(keys: &Manifest, bodies: &Manifest) -> bool {
    let at = |manifest: &Manifest| manifest.at.to_string();
    (keys.instance, keys.head) == (bodies.instance, bodies.head) && at(keys) == at(bodies)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::time::Timestamp;
    use crate::store::journal::Head;

    #[test]
    fn keys_count_from_the_moment_their_backup_does() {
        let place = tempfile::tempdir().unwrap();
        let keys = place.path();
        let backup = |micros| Manifest {
            instance: Digest([1; 32]),
            at: Timestamp::from_micros(micros),
            head: Head::origin(),
            files: Vec::new(),
        };
        // To the microsecond, of which a manifest has only milliseconds.
        let (first, second) = (backup(1_000_001), backup(2_000_002));
        let secret = |bodies| {
            let (directory, _) = counting(keys, bodies).unwrap();
            fs::read(directory.join("secret")).unwrap()
        };
        prepare(keys, &first, &[("secret", b"one")]).unwrap();
        assert_eq!(secret(&first), b"one");
        settle(keys, Some(&first)).unwrap();
        assert_eq!(secret(&first), b"one");
        prepare(keys, &second, &[("secret", b"two")]).unwrap();
        assert_eq!(
            (secret(&first), secret(&second)),
            (b"one".into(), b"two".into())
        );
        // Broken off before the manifest of the bodies, and after it.
        settle(keys, Some(&first)).unwrap();
        assert_eq!(secret(&second), b"one");
        prepare(keys, &second, &[("secret", b"two")]).unwrap();
        settle(keys, Some(&second)).unwrap();
        assert_eq!(secret(&second), b"two");
        assert!(!keys.join(NEXT).exists());
    }
}
