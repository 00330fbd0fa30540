//! Which segments have lost their bodies: the file `cleared` beside the copy of the keys, one id a line in hexadecimal.
//!
//! A forgotten key ends the bodies of a segment in every older copy of it. Bodies that are not encrypted have no key,
//! so a restore from an older copy leaves out what this file names. It is replaced with each backup, as the keys are, and
//! holds no value of a document. A foundation names the segments that it stands for: those are gone as well.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use crate::store::custody::Error;
use crate::store::custody::files::{self, ARCHIVE, JOURNAL};
use crate::store::custody::manifest::Manifest;
use crate::store::journal::format::SegmentId;
use crate::store::journal::{archive, foundation};

/// Name of the file.
pub const CLEARED: &str = "cleared";

/// The text of all segments that a backup has in the archive alone, and of those that a foundation in it stands for. A
/// segment that lies beside its archive has its bodies: nothing says yet that they end.
pub fn text(backup: &Path, manifest: &Manifest) -> Result<String, Error> {
    let archives = backup.join(ARCHIVE);
    let mut ids = match foundation::newest(&archives)? {
        Some(foundation) => foundation.segments()?,
        None => Vec::new(),
    };
    let of = |part: &'static str| {
        let files = manifest.files.iter();
        let files = files.filter(move |file| file.path.starts_with(part));
        files.filter_map(|file| files::ordinal(&file.path))
    };
    let live: BTreeSet<u64> = of(JOURNAL).collect();
    let ended: BTreeSet<u64> = of(ARCHIVE)
        .filter(|ordinal| !live.contains(ordinal))
        .collect();
    for (ordinal, archived) in archive::list(&archives)? {
        if ended.contains(&ordinal) {
            ids.push(archived?.header.id);
        }
    }
    let mut out = String::new();
    for id in ids {
        for byte in id {
            let _ = write!(out, "{byte:02x}");
        }
        out.push('\n');
    }
    Ok(out)
}

/// The ids of a text; none if it is another one.
pub fn read(text: &str) -> Option<BTreeSet<SegmentId>> {
    text.lines().map(id).collect()
}

fn id(line: &str) -> Option<SegmentId> {
    let mut id = SegmentId::default();
    if line.len() != 2 * id.len() || !line.is_ascii() {
        return None;
    }
    for (at, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&line[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_ids_are_read() {
        assert_eq!(read(""), Some(BTreeSet::new()));
        let whole = "000102030405060708090a0b0c0d0eff\n";
        let mut expected: SegmentId = std::array::from_fn(|at| at as u8);
        expected[15] = 0xff;
        assert_eq!(read(whole), Some(BTreeSet::from([expected])));
        for other in [
            "\n",
            "0001\n",
            &whole.replace("ff", "fg"),
            &whole.replace("0e", "é"),
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
