//! `POST /v1/verify`: all three counts of the whole ledger, because an operator asks for them now; and
//! `POST /v1/store/verify`: everything that lies on the disk, and the index beside it.
//!
//! It reads and compares; the keeper's snapshot and its alert stay the keeper's.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::desk::Desk;
use crate::desk::door::Operator;
use crate::http::answer::{Refused, json};
use crate::report::count::conservation::Conservation;
use crate::store::custody::verified::Verified;

/// At most so many cells of a difference are named; the rest is only counted.
const TOLD: usize = 1_000;

/// What a check of a store read, and where the store contradicts itself; for people and programs.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreText {
    /// Whether nothing differs.
    pub holds: bool,
    /// The journal.
    pub journal: JournalText,
    /// The bodies.
    pub bodies: BodiesText,
    /// The index; null where it could not be compared.
    pub index: Option<IndexText>,
    /// What differs, as far as it is told.
    pub differences: Vec<DifferenceText>,
    /// How many differences there are.
    pub differing: u64,
}

/// A journal as it was read.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalText {
    /// Segments, archived ones too.
    pub segments: u64,
    /// Batches read.
    pub batches: u64,
    /// Entries read.
    pub entries: u64,
    /// Bytes of a batch that was never finished.
    pub torn_bytes: u64,
}

/// Bodies as they were read.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodiesText {
    /// Those that were read.
    pub number: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those of which only the checksum was checked.
    pub unopened: u64,
    /// Those whose key is gone.
    pub purged: u64,
}

/// An index that was compared.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexText {
    /// Its records.
    pub records: u64,
    /// The entry that its last records were compared at.
    pub position: u64,
}

/// A place where a store contradicts itself.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferenceText {
    /// `journal`, `bodies` or `index`.
    pub part: String,
    /// What, for people.
    pub what: String,
}

impl From<&Verified> for StoreText {
    fn from(verified: &Verified) -> StoreText {
        let differences = verified.differences.iter().map(|found| DifferenceText {
            part: found.part.as_str().to_owned(),
            what: found.what.clone(),
        });
        StoreText {
            holds: verified.holds(),
            journal: JournalText {
                segments: verified.segments,
                batches: verified.batches,
                entries: verified.entries,
                torn_bytes: verified.torn_bytes,
            },
            bodies: BodiesText {
                number: verified.bodies,
                bytes: verified.body_bytes,
                unopened: verified.unopened,
                purged: verified.purged,
            },
            index: verified.index.map(|index| IndexText {
                records: index.records,
                position: index.position.0,
            }),
            differences: differences.collect(),
            differing: verified.differing,
        }
    }
}

/// Checks the store and says where it contradicts itself.
pub(in crate::desk) async fn store(
    State(desk): State<Arc<Desk>>,
    _operator: Operator,
) -> Result<Response, Refused> {
    // One at a time, and not beside a backup: it reads all that was written.
    let _turn = desk.copying.try_lock().map_err(|_| desk.occupied())?;
    let verified = desk.parts.custody.check().await;
    let verified = verified.map_err(|error| desk.unread(&error))?;
    Ok(json(200, &StoreText::from(&verified)))
}

/// Makes the counts and says where they differ.
pub(in crate::desk) async fn verify(
    State(desk): State<Arc<Desk>>,
    _operator: Operator,
) -> Result<Response, Refused> {
    // One at a time: each holds some hundred bytes of every document.
    let _turn = desk.verifying.lock().await;
    let page = desk.parts.config.survey_page.get();
    let mut conservation = Conservation::new(desk.parts.store.clone(), page, TOLD);
    let account = conservation.account().await;
    let account = account.map_err(|error| desk.without_rate(&error))?;
    Ok(json(200, &account))
}
