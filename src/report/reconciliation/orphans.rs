//! What insurers said that no document here answers to, offered to whoever explains the differences of a reconciliation.
//!
//! A list beside the counts: an orphan is no document, and nothing is counted by it. It names ids, causes and instants.

use serde::{Deserialize, Serialize};

use crate::claims::entry::OrphanCause;
use crate::claims::id::EndpointName;
use crate::claims::time::Timestamp;
use crate::store::Error;
use crate::store::custody::Custody;
use crate::store::custody::record::{Orphan, OrphanName};

/// Orphans looked at in one read.
const PAGE: usize = 1_000;

/// The orphans of a reconciliation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orphans {
    /// How many there are.
    pub count: u64,
    /// Those that are listed, by endpoint and id.
    pub rows: Vec<OrphanText>,
}

/// A receipt or settlement that no document answers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrphanText {
    /// Its number in the list, from 1.
    pub line: u32,
    /// The endpoint that it came from.
    pub endpoint: String,
    /// The insurer's id of it.
    pub id: String,
    /// Why it fits nothing.
    pub cause: String,
    /// When it came.
    pub at: String,
    /// The entry that keeps it.
    pub entry: u64,
}

impl Orphans {
    /// Those that came since an instant, of endpoints of these names or of all: no document answers to them. At most so many are
    /// listed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn since(
        custody: &dyn Custody,
        since: Timestamp,
        endpoints: Option<&[&EndpointName]>,
        listed: usize,
    ) -> Result<Orphans, Error> {
        let mut found = Orphans::default();
        let mut after: Option<OrphanName> = None;
        loop {
            let page = custody.kept_orphans(after.take(), PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(found);
            };
            after = Some(last.name.clone());
            let offered = page.iter().filter(|orphan| {
                let OrphanName(own, ..) = &orphan.name;
                is_unanswered(orphan.record.cause)
                    && orphan.record.at >= since
                    && endpoints.is_none_or(|names| names.contains(&own))
            });
            for orphan in offered {
                found.count += 1;
                if found.rows.len() < listed {
                    found.rows.push(OrphanText::new(found.count, orphan));
                }
            }
        }
    }

    /// All rows as a table, with their header.
    pub fn table(&self) -> Vec<Vec<String>> {
        let header = ["line", "endpoint", "id", "cause", "at", "entry"].map(str::to_owned);
        let rows = self.rows.iter().map(|row| {
            let (line, entry) = (row.line.to_string(), row.entry.to_string());
            let OrphanText {
                endpoint,
                id,
                cause,
                at,
                ..
            } = row.clone();
            vec![line, endpoint, id, cause, at, entry]
        });
        std::iter::once(header.to_vec()).chain(rows).collect()
    }
}

impl OrphanText {
    fn new(line: u64, orphan: &Orphan) -> OrphanText {
        let OrphanName(endpoint, id, _) = &orphan.name;
        OrphanText {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            endpoint: endpoint.to_string(),
            id: id.to_string(),
            cause: orphan.record.cause.as_str().to_owned(),
            at: orphan.record.at.to_string(),
            entry: orphan.record.position.0,
        }
    }
}

/// Whether the insurer may have a document, or bytes of it, that are not known here. What cannot be read, lacks its
/// proof or repeats an id says nothing of a document.
fn is_unanswered(cause: OrphanCause) -> bool {
    match cause {
        OrphanCause::UnknownLot | OrphanCause::OtherDigest | OrphanCause::UnknownDocument => true,
        OrphanCause::OtherDestination
        | OrphanCause::Unreadable
        | OrphanCause::OtherContent
        | OrphanCause::UnreadableFeed
        | OrphanCause::Signature
        | OrphanCause::TooMany => false,
    }
}
