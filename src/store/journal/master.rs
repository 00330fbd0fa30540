//! The master key: the one secret that an operator makes, keeps, changes and can lose.
//!
//! It wraps the data keys of the segments and seals nothing else. It lies in a file of its own, never in the store's
//! directory and never in a backup of it: 32 random bytes as 64 hexadecimal digits or in base64. During a change the
//! next one lies beside it, under its name and `.next`. It must never stand in a log, an error or Debug output; its
//! id, a digest, may.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha2::{Digest as _, Sha256};

use crate::store::journal::format::SegmentId;

/// Length of a key in bytes.
pub const KEY: usize = 32;
/// Length of a wrapped data key: nonce, sealed key, tag.
pub const WRAPPED: usize = NONCE + KEY + 16;

const NONCE: usize = 12;
/// At the end of the name of the next key.
const NEXT: &str = ".next";

/// A master key.
#[derive(Clone)]
pub struct Master {
    key: LessSafeKey,
    id: MasterId,
}

/// By what a master key is told from others; it says nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MasterId(pub [u8; 8]);

/// Why a file gives no master key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("the master key cannot be read: {file}: {what}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        what: String,
    },
    /// It holds something else.
    #[error(
        "{0} holds no master key: 32 bytes as 64 hexadecimal digits or in base64, as `bordereau keys generate` writes them"
    )]
    NotAKey(String),
    /// Everybody on the machine can read it.
    #[error(
        "{0} can be read by everybody: a master key is for the gateway's user alone (chmod 600)"
    )]
    Exposed(String),
}

impl Master {
    /// The key of these bytes.
    pub fn new(bytes: &[u8; KEY]) -> Master {
        let mut hash = Sha256::new();
        hash.update(b"bordereau master key");
        hash.update(bytes);
        let digest: [u8; 32] = hash.finalize().into();
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        Master {
            key: key_of(bytes),
            id: MasterId(id),
        }
    }

    /// The key that a text says.
    pub fn parse(text: &str) -> Option<Master> {
        let text = text.trim();
        let bytes = match text.len() {
            64 => from_hex(text)?,
            _ => STANDARD.decode(text).ok()?,
        };
        Some(Master::new(&bytes.try_into().ok()?))
    }

    /// Reads the key of a file.
    ///
    /// # Errors
    /// [`Error`].
    pub fn load(path: &Path) -> Result<Master, Error> {
        Master::find(path).and_then(|found| {
            let missing = io::Error::from(io::ErrorKind::NotFound);
            found.ok_or_else(|| unreadable(path, &missing))
        })
    }

    /// The master keys of a file: its own, and the next one if it lies beside it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn load_all(path: &Path) -> Result<Vec<Master>, Error> {
        let next = Master::find(&next_to(path))?;
        let mut all = vec![Master::load(path)?];
        all.extend(next);
        Ok(all)
    }

    fn find(path: &Path) -> Result<Option<Master>, Error> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(path, &error)),
        };
        let file = path.display().to_string();
        let mode = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        if mode.permissions().mode() & 0o007 != 0 {
            return Err(Error::Exposed(file));
        }
        Master::parse(&text).map(Some).ok_or(Error::NotAKey(file))
    }

    /// By what it is told from others.
    pub fn id(&self) -> MasterId {
        self.id
    }

    /// Wraps the data key of a segment. The nonce must be random: it is never used again.
    pub fn wrap(&self, segment: &SegmentId, key: &[u8; KEY], nonce: [u8; NONCE]) -> [u8; WRAPPED] {
        let mut out = [0; WRAPPED];
        let (front, sealed) = out.split_at_mut(NONCE);
        front.copy_from_slice(&nonce);
        let (sealed, tag) = sealed.split_at_mut(KEY);
        sealed.copy_from_slice(key);
        let made = self
            .key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(associated(segment)),
                sealed,
            )
            .expect("32 bytes can be sealed");
        tag.copy_from_slice(made.as_ref());
        out
    }

    /// The data key of a segment; none if another master key wrapped it, for this or another segment.
    pub fn unwrap(&self, segment: &SegmentId, wrapped: &[u8; WRAPPED]) -> Option<[u8; KEY]> {
        let (nonce, sealed) = wrapped.split_at(NONCE);
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let aad = Aad::from(associated(segment));
        let opened = self.key.open_in_place(nonce, aad, &mut sealed).ok()?;
        (&*opened).try_into().ok()
    }
}

/// Writes a key to a new file that its owner alone can read, and makes it durable.
///
/// # Errors
/// When there is such a file, or the system refuses.
pub fn write_new(path: &Path, bytes: &[u8; KEY]) -> io::Result<MasterId> {
    let mut options = OpenOptions::new();
    let mut file = options
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text_of(bytes).as_bytes())?;
    file.sync_all()?;
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(Master::new(bytes).id())
}

/// The file of the next master key.
pub fn next_to(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(NEXT);
    PathBuf::from(name)
}

/// The key of AES-256-GCM that these bytes are.
pub fn key_of(bytes: &[u8; KEY]) -> LessSafeKey {
    let key = UnboundKey::new(&AES_256_GCM, bytes);
    LessSafeKey::new(key.expect("32 bytes are a key of AES-256"))
}

/// The text of a master key's bytes, as it stands in its file.
fn text_of(bytes: &[u8; KEY]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<String>() + "\n"
}

impl fmt::Display for MasterId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Master {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Master({})", self.id)
    }
}

fn associated(segment: &SegmentId) -> [u8; 34] {
    let mut out = [0; 34];
    out[..18].copy_from_slice(b"bordereau data key");
    out[18..].copy_from_slice(segment);
    out
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let bytes = digits?
        .chunks(2)
        .map(|pair| (pair[0] * 16 + pair[1]) as u8)
        .collect();
    Some(bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::Unreadable {
        file: path.display().to_string(),
        what: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_hex_and_base64_and_nothing_else() {
        let bytes: [u8; KEY] = std::array::from_fn(|at| at as u8 * 7);
        let id = Master::new(&bytes).id();
        let hex = text_of(&bytes);
        for text in [hex.clone(), hex.to_uppercase(), STANDARD.encode(bytes)] {
            assert_eq!(Master::parse(&text).map(|key| key.id()), Some(id), "{text}");
        }
        let short = STANDARD.encode(&bytes[..31]);
        for text in [
            "",
            "geheim",
            &hex[..62],
            &short,
            &"é".repeat(32),
            &"g".repeat(64),
        ] {
            assert!(Master::parse(text).is_none(), "{text}");
        }
        assert!(!format!("{:?}", Master::new(&bytes)).contains(&hex[..8]));
    }

    #[test]
    fn a_wrapped_key_opens_for_its_segment_under_its_master_alone() {
        let (one, other) = (Master::new(&[1; KEY]), Master::new(&[2; KEY]));
        let wrapped = one.wrap(&[3; 16], &[4; KEY], [5; NONCE]);
        assert_eq!(one.unwrap(&[3; 16], &wrapped), Some([4; KEY]));
        assert_eq!(one.unwrap(&[9; 16], &wrapped), None);
        assert_eq!(other.unwrap(&[3; 16], &wrapped), None);
        for at in 0..WRAPPED {
            let mut changed = wrapped;
            changed[at] ^= 1;
            assert_eq!(one.unwrap(&[3; 16], &changed), None, "{at}");
        }
    }

    #[test]
    fn a_file_that_everybody_can_read_is_refused() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("master.key");
        assert!(matches!(Master::load(&path), Err(Error::Unreadable { .. })));
        write_new(&path, &[7; KEY]).unwrap();
        // A key that is there is never written over.
        assert!(write_new(&path, &[8; KEY]).is_err());
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(
            Master::load(&path).unwrap().id(),
            Master::new(&[7; KEY]).id()
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(Master::load_all(&path).unwrap().len(), 1);
        fs::copy(&path, next_to(&path)).unwrap();
        assert_eq!(Master::load_all(&path).unwrap().len(), 2);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Master::load(&path), Err(Error::Exposed(_))));
    }
}
