//! Opens the files of a tree, copies them, sets them aside. A panic of sled at damaged files ends a thread of its own.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::store::Error;
use crate::store::embedded::tree::{NAME, Sizes, read};

/// How often, and how long apart, is looked whether an earlier tree has let go of its file.
const LOOKS: u32 = 400;
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

/// Opens the tree of a directory, or makes it.
pub fn attempt(directory: &Path, sizes: Sizes) -> Result<sled::Db, Error> {
    let path = directory.join(NAME);
    wait_until_free(&path.join("db"));
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(sizes.pages())
        .flush_every_ms(None);
    // A panic of sled at damaged files ends that thread only.
    let opened = std::thread::spawn(move || config.open()).join();
    match opened {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(error)) => Err(read(&error)),
        Err(_) => Err(Error::Read("the index panicked while it was opened".into())),
    }
}

/// Waits until the threads of an earlier tree of this process have let go of its file: sled ends them on its own
/// time, and a tree that cannot be locked would be taken for one that is damaged. No other process can have it: the
/// journal's lock is ours.
pub fn wait_until_free(file: &Path) {
    let Ok(file) = fs::File::open(file) else {
        return;
    };
    for _ in 0..LOOKS {
        match file.try_lock() {
            Err(fs::TryLockError::WouldBlock) => std::thread::sleep(BETWEEN_LOOKS),
            // What else there is to say of the file, sled says.
            Ok(()) | Err(fs::TryLockError::Error(_)) => return,
        }
    }
}

/// Copies a directory and what is in it; one that does not exist is empty.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

pub fn set_aside(path: &Path, aside: &Path) -> io::Result<()> {
    // One is kept to look into; nothing in it is the only copy.
    match fs::remove_dir_all(aside) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => fs::remove_file(aside)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    match fs::rename(path, aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
