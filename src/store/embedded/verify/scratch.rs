//! Directories for what is computed beside a store and thrown away. A crash leaves one behind; the next use of the same
//! name, or the next start, removes it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// That of a check: the copy of the index, and the fresh fold.
pub const CHECK: &str = "verify.scratch";
/// That of a foundation: the state at its end.
pub const FOUNDATION: &str = "foundation.scratch";

/// A directory that is removed at the end.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes it in a directory, anew.
    pub fn make(directory: &Path, name: &str) -> io::Result<Scratch> {
        let path = directory.join(name);
        remove(&path)?;
        fs::create_dir(&path)?;
        Ok(Scratch(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// Removes what a crash left of them. Nobody else has the store.
pub fn remove_left_over(directory: &Path) {
    for name in [CHECK, FOUNDATION] {
        // It takes room, and nothing else depends on it.
        let _ = remove(&directory.join(name));
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is replaced by the next check, or removed by the next start.
        let _ = fs::remove_dir_all(&self.0);
    }
}
