//! Answers of the store that must be of one state of the ledger, although they are read one after the other.
//!
//! What was read is read again when an entry came in between of which one answer tells and the other does not. It
//! never waits for the ledger to stand still: other entries may come all the time.

use crate::claims::entry::{Entry, Position};
use crate::report::Error;
use crate::store::Store;

/// How often something is read before it is given up: each time an entry of the one kind that disturbs came in between.
pub(in crate::report) const TRIES: usize = 10;

/// How many entries are read at once.
const PAGE: usize = 1_000;

/// Whether an entry after the first position, and up to the second, disturbs.
///
/// # Errors
/// When the store cannot be read.
pub(in crate::report) async fn is_disturbed(
    store: &dyn Store,
    (mut from, upto): (Position, Position),
    disturbs: impl Fn(&Entry) -> bool,
) -> Result<bool, Error> {
    while from < upto {
        let entries = store.entries(from, PAGE).await?;
        let Some((last, _)) = entries.last() else {
            return Err(Error::Cut);
        };
        from = *last;
        let mut asked = entries.iter().take_while(|(at, _)| *at <= upto);
        if asked.any(|(_, stamped)| disturbs(&stamped.entry)) {
            return Ok(true);
        }
    }
    Ok(false)
}
