//! What a start finds: the segments that are there, and how the last one ends.
//!
//! Must never call damage a torn tail: only what was never acknowledged is cut. A crash while it is cut leaves the
//! rest of the torn tail, which the next start cuts.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::store::Observer;
use crate::store::journal::Opening;
use crate::store::journal::error::{Error, KeyFault};
use crate::store::journal::format::Bodies;
use crate::store::journal::keys::{Held, Keys, Shared};
use crate::store::journal::place::Head;
use crate::store::journal::reader::Reader;
use crate::store::journal::scan::{self, Batches, Damage, Lost, Remains, Stop, Tail};
use crate::store::journal::segment::{Form, Listed, STRAY, Segment};

/// The keys of the segments that are there, or none where nothing is or will be sealed.
///
/// # Errors
/// [`Error::Key`] when the keys at hand are not those of the segments, or none is at hand to seal with.
pub fn keys(
    opening: &Opening<'_>,
    listed: &Listed,
    entropy: &Shared,
) -> Result<Option<Arc<Keys>>, Error> {
    let found = Keys::open(opening.directory, opening.masters, entropy.clone())?;
    let unknown = unknown(found.as_ref(), listed)?;
    let keys = match (found, unknown, opening.bodies, opening.masters.first()) {
        (Some(keys), None, _, _) => keys,
        (Some(_), Some(segment), _, _) => return Err(Error::Key(KeyFault::Unknown { segment })),
        (None, Some(_), _, _) => return Err(Error::Key(KeyFault::Missing)),
        (None, None, Bodies::Sealed, Some(master)) => Keys::begin(
            opening.directory,
            master.clone(),
            opening.at,
            entropy.clone(),
        ),
        (None, None, Bodies::Sealed, None) => return Err(Error::Key(KeyFault::NoMaster)),
        (None, None, Bodies::Open, _) => return Ok(None),
    };
    Ok(Some(Arc::new(keys)))
}

/// Forgets the keys of segments that lost their bodies: a crash came before. Gives the ordinals of those whose key the
/// disk does not let go: that is late, and no reason for not opening.
pub fn forget_archived(keys: &Keys, listed: &Listed) -> Vec<u64> {
    let segments = listed.segments.iter().flatten();
    segments
        .filter(|segment| segment.form == Form::Archived)
        .filter(|segment| keys.forget(segment.header.id).is_err())
        .map(|segment| segment.header.ordinal)
        .collect()
}

/// The first sealed segment whose key was never given. The last one may have none: a crash came before its first
/// batch.
fn unknown(keys: Option<&Keys>, listed: &Listed) -> Result<Option<u64>, Error> {
    let last = listed.segments.len();
    for (number, segment) in (1..).zip(&listed.segments) {
        let Ok(segment) = segment else { continue };
        let header = &segment.header;
        let is_sealed = segment.form == Form::Live && header.manner.bodies == Bodies::Sealed;
        let known = keys.map(|keys| keys.of(&header.id));
        if is_sealed && matches!(known, None | Some(Held::Unknown)) {
            let is_empty = number == last && segment.is_empty()?;
            if !is_empty {
                return Ok(Some(header.ordinal));
            }
        }
    }
    Ok(None)
}

/// How a last segment ends.
pub struct Ended {
    /// The place behind its last whole batch.
    pub head: Head,
    /// How many bytes of a torn tail follow it.
    pub torn: usize,
    /// What is damaged before it.
    pub damaged: Vec<Damage>,
}

/// Reads the last segment to its end.
pub fn find_end(segment: &Segment) -> Result<Ended, Error> {
    let bytes = segment.bytes()?;
    let mut batches = Batches::new(&bytes, &segment.header);
    let mut damaged = Vec::new();
    let torn = loop {
        let (bad, what) = match batches.step() {
            Ok(_) => continue,
            Err(Stop::End) => break 0,
            Err(Stop::Unreadable(at, what)) => (at, what),
            Err(Stop::Contradiction(at, what) | Stop::Unsupported(at, what)) => {
                return Err(segment.corrupt(at as u64, what));
            }
        };
        let end = batches.head().offset as usize;
        match scan::judge(&bytes, &segment.header, end, bad) {
            Tail::Clean => break 0,
            Tail::Torn(written) => break written - end,
            // What was acknowledged in it must be known: by its own commit, or by a batch after it.
            Tail::Corrupt => match batches.step_over(bad, what) {
                Some(Remains::Entries(_, damage) | Remains::Hole(damage, _)) => {
                    damaged.push(damage)
                }
                None => return Err(segment.corrupt(bad as u64, what)),
            },
        }
    };
    Ok(Ended {
        head: batches.head(),
        torn,
        damaged,
    })
}

/// Adds the segments to a reader; gives those that cannot be read, and files that are none.
pub fn add_all(reader: &Reader, listed: Listed) -> Vec<Damage> {
    let mut damaged = Vec::new();
    let damage = |segment, file, what, lost| Damage {
        segment,
        file,
        offset: 0,
        what,
        lost,
    };
    for (ordinal, segment) in (1..).zip(listed.segments) {
        let what = match &segment {
            Ok(_) | Err(Error::Founded(_)) => None,
            Err(Error::Corrupt { what, .. }) => Some(*what),
            Err(_) => Some("the segment is missing"),
        };
        // Which entries it had, those around it say when they are read.
        let none = Lost::Bodies(Vec::new());
        damaged.extend(what.map(|what| damage(ordinal, None, what, none)));
        reader.add(segment);
    }
    for name in listed.strays {
        damaged.push(damage(0, Some(name), STRAY, Lost::Bodies(Vec::new())));
    }
    damaged
}

/// Writes zeros over a torn tail.
pub fn cut(
    segment: &Segment,
    file: &File,
    ended: &Ended,
    observer: &dyn Observer,
) -> Result<(), Error> {
    if ended.torn > 0 {
        let zeros = vec![0; ended.torn];
        file.write_all_at(&zeros, ended.head.offset)
            .and_then(|()| file.sync_data())
            .map_err(|source| segment.failed(&source))?;
        observer.tail_cut(ended.torn as u64);
    }
    Ok(())
}
