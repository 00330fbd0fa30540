//! Builds what is derived anew from the journal of a store at rest.
//!
//! Only the index: journal, archive, keys and secret are read and never written. The index that was there is set
//! aside. A crash leaves one that is applied up to some batch; the next start goes on from there.

use crate::claims::entry::Position;
use crate::store::embedded::tree::Tree;
use crate::store::embedded::{Config, OpenError, replay};
use crate::store::journal::still::Still;

/// Builds the index anew; gives the last entry that it has. `built` hears how many percent of it are there. Blocks.
///
/// # Errors
/// When another process has the store, or its journal cannot be followed: then the index that is there stays in use,
/// because a new one would not get further.
pub fn repair(config: &Config, built: impl Fn(u8)) -> Result<Position, OpenError> {
    let journal = Still::open(&config.directory.join("journal"))?;
    let (reader, head) = (journal.reader(), journal.head());
    // Read once before anything is set aside.
    reader.replay(reader.begin(), head, |_, _| Ok::<(), OpenError>(()))?;
    let tree = Tree::anew(&config.directory, config.sizes())?;
    replay::replay(&tree, reader, reader.begin(), head, |_, upto| {
        built(upto.percent_of(head.position));
        Ok(())
    })?;
    tree.flush()?;
    Ok(head.position)
}
