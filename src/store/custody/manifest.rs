//! The manifest of a backup: what was copied, and up to which entry of the ledger.
//!
//! A text of lines, each ended by a line feed:
//!
//! ```text
//! bordereau-backup 1
//! instance <sha256>            which store: a digest of its secret
//! at <instant>                 when it was made, by UTC
//! position <number>            the last entry that is in it
//! chain <sha256>               the running hash after that entry
//! segment <number>             the segment in which it lies,
//! offset <number>              and the byte behind its batch
//! file <length> <sha256>  <path>
//! …
//! end <sha256>                 of all bytes before this line
//! ```
//!
//! A file may be longer than it says: only its first bytes, as many as its length, are part of the backup. It holds
//! no value of a document.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::claims::commitment::Chain;
use crate::claims::entry::Position;
use crate::claims::id::Digest;
use crate::claims::time::Timestamp;
use crate::store::journal::Head;

const FIRST: &str = "bordereau-backup 1";

/// What a backup is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// By what all copies of one store are known to be its own.
    pub instance: Digest,
    /// When it was made.
    pub at: Timestamp,
    /// Up to where.
    pub head: Head,
    /// Its files, in order of path.
    pub files: Vec<Copied>,
}

/// A file that was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Where it lies in the directory: at most one directory deep.
    pub path: String,
    /// So many of its bytes are meant.
    pub length: u64,
    /// SHA-256 of them.
    pub digest: Digest,
}

impl Manifest {
    /// Its text.
    pub fn text(&self) -> String {
        let mut out = format!(
            "{FIRST}\ninstance {}\nat {}\nposition {}\nchain {}\nsegment {}\noffset {}\n",
            self.instance,
            self.at,
            self.head.position.0,
            self.head.chain,
            self.head.segment,
            self.head.offset,
        );
        for file in &self.files {
            let _ = writeln!(out, "file {} {}  {}", file.length, file.digest, file.path);
        }
        let end = Digest(Sha256::digest(&out).into());
        let _ = writeln!(out, "end {end}");
        out
    }

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Manifest, &'static str> {
        let at = text.rfind("end ").ok_or("the manifest has no end")?;
        let end = text[at..].strip_suffix('\n').ok_or("it is cut off")?;
        if end["end ".len()..] != Digest(Sha256::digest(&text[..at]).into()).to_string() {
            return Err("the manifest was changed or cut off");
        }
        let mut lines = text[..at].lines();
        if lines.next() != Some(FIRST) {
            return Err("it is no manifest of this version");
        }
        let mut value = |name: &str| {
            let line = lines.next().and_then(|line| line.strip_prefix(name));
            line.ok_or("the manifest has other lines than it should")
        };
        let instance = digest(value("instance ")?)?;
        let at = Timestamp::parse(value("at ")?).ok_or("its instant is none")?;
        let position = Position(number(value("position ")?)?);
        let chain = Chain(digest(value("chain ")?)?.0);
        let segment = number(value("segment ")?)?;
        let offset = number(value("offset ")?)?;
        let files = lines.map(file).collect::<Result<_, _>>()?;
        Ok(Manifest {
            instance,
            at,
            head: Head {
                segment,
                offset,
                position,
                chain,
            },
            files,
        })
    }

    /// SHA-256 of its text: the name of this backup in a ledger that is made from it.
    pub fn digest(&self) -> Digest {
        Digest(Sha256::digest(self.text()).into())
    }

    /// The file at a path.
    pub fn file(&self, path: &str) -> Option<&Copied> {
        self.files.iter().find(|file| file.path == path)
    }
}

fn file(line: &str) -> Result<Copied, &'static str> {
    let strange = "a line of the manifest names no file";
    let rest = line.strip_prefix("file ").ok_or(strange)?;
    let (length, rest) = rest.split_once(' ').ok_or(strange)?;
    let (hash, path) = rest.split_once("  ").ok_or(strange)?;
    if !is_path(path) {
        return Err("the manifest names a file outside of its directory");
    }
    Ok(Copied {
        path: path.to_owned(),
        length: number(length)?,
        digest: digest(hash)?,
    })
}

/// One name, or two with a slash between; none of them hidden or a way up.
fn is_path(path: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with('.')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match path.split_once('/') {
        Some((directory, name)) => is_name(directory) && is_name(name),
        None => is_name(path),
    }
}

fn number(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "a number of the manifest is none")
}

fn digest(text: &str) -> Result<Digest, &'static str> {
    Digest::parse(text).map_err(|_| "a digest of the manifest is none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            instance: Digest([1; 32]),
            at: Timestamp::parse("2026-11-22T12:00:00.123Z").unwrap(),
            head: Head {
                segment: 2,
                offset: 700,
                position: Position(41),
                chain: Chain([3; 32]),
            },
            files: vec![Copied {
                path: "journal/0000000001-00000000000000000001.segment".into(),
                length: 900,
                digest: Digest([4; 32]),
            }],
        }
    }

    #[test]
    fn it_is_read_as_written_and_no_changed_byte_passes() {
        let text = manifest().text();
        assert_eq!(Manifest::read(&text), Ok(manifest()));
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1;
            if let Ok(changed) = String::from_utf8(changed) {
                assert!(Manifest::read(&changed).is_err(), "{at}");
            }
            assert!(Manifest::read(&text[..at]).is_err(), "{at}");
        }
    }

    #[test]
    fn no_manifest_leads_out_of_its_directory() {
        for (path, expected) in [
            ("secret", true),
            ("journal/a.segment", true),
            ("", false),
            ("/etc/passwd", false),
            ("../keys", false),
            ("journal/../../keys", false),
            ("journal/.hidden", false),
            ("a/b/c", false),
        ] {
            let mut manifest = manifest();
            manifest.files[0].path = path.into();
            assert_eq!(Manifest::read(&manifest.text()).is_ok(), expected, "{path}");
        }
    }
}
