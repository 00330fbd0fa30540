//! Which segments have lost their bodies: the file `cleared` beside the copy of the keys, one id a line in hexadecimal.
//!
//! A forgotten key ends the bodies of a segment in every older copy of it. Bodies that are not encrypted have no key,
//! so a restore from an older copy leaves out what this file names. It is replaced with each backup, as the keys are, and
//! holds no value of a document. A foundation names the segments that it stands for: those are gone as well.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use crate::store::custody::Error;
use crate::store::journal::format::SegmentId;
use crate::store::journal::{archive, foundation};

/// Name of the file.
pub const CLEARED: &str = "cleared";

/// The text of all archives in a directory, and of the segments that a foundation in it stands for.
pub fn text(archives: &Path) -> Result<String, Error> {
    let mut ids = match foundation::newest(archives)? {
        Some(foundation) => foundation.segments()?,
        None => Vec::new(),
    };
    for archived in archive::list(archives)?.into_values() {
        ids.push(archived?.header.id);
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
