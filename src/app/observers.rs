//! What rooms without telemetry tell, bound to telemetry.

use std::sync::Arc;
use std::time::Duration;

use crate::store;
use crate::store::journal::scan::{Damage, Lost};
use crate::telemetry::Telemetry;
use crate::telemetry::event::{Event, Room};
use crate::{access, tls};

/// Hears facts and passes them on as events.
pub struct Observers {
    telemetry: Arc<Telemetry>,
}

impl Observers {
    /// Passes on to this telemetry.
    pub fn new(telemetry: Arc<Telemetry>) -> Observers {
        Observers { telemetry }
    }

    /// What `access` tells.
    pub fn access(&self) -> access::Observer {
        Arc::new(|fact| match fact {
            access::Fact::TokensTaken { tokens } => {
                tracing::info!(tokens, "the token file was taken over")
            }
            access::Fact::TokensRefused(fault) => {
                tracing::error!(%fault, "the token file cannot be taken over")
            }
        })
    }

    /// What a listener tells.
    pub fn door(&self) -> tls::Observer {
        let telemetry = self.telemetry.clone();
        Arc::new(move |fact| match fact {
            tls::Fact::HandshakeFailed(..) | tls::Fact::HandshakeTimedOut(_) => {
                telemetry.record(Event::HandshakeFailed)
            }
            tls::Fact::AcceptFailed(_) | tls::Fact::Panicked => {
                tracing::error!(%fact, "a listener has trouble")
            }
            tls::Fact::Broken(..) | tls::Fact::Silent(_) => {
                tracing::debug!(%fact, "a connection ended")
            }
            tls::Fact::Drained { cut } => tracing::info!(cut, "a listener is closed"),
        })
    }
}

impl store::Observer for Observers {
    fn committed(&self, entries: usize, bytes: usize, sync: Duration) {
        self.telemetry.record(Event::Committed {
            entries,
            bytes,
            sync,
        });
    }

    fn sync_failed(&self) {
        self.telemetry.record(Event::SyncFailed);
    }

    fn reopened(&self) {
        self.telemetry.record(Event::Reopened);
    }

    fn room_changed(&self, room: store::Room) {
        self.telemetry.record(Event::RoomChanged {
            room: match room {
                store::Room::Ample => Room::Ample,
                store::Room::Low => Room::Low,
                store::Room::Full => Room::Full,
            },
        });
    }

    fn replayed(&self, entries: u64) {
        self.telemetry.record(Event::Replayed { entries });
    }

    fn damaged(&self, damage: &Damage) {
        let entries = match damage.lost {
            Lost::Entries(first, last) => last.0.saturating_sub(first.0) + 1,
            Lost::Bodies(_) => 0,
        };
        self.telemetry.record(Event::Damaged {
            segment: damage.segment,
            offset: damage.offset,
            what: damage.what,
            entries,
        });
    }

    fn tail_cut(&self, bytes: u64) {
        self.telemetry.record(Event::TailCut { bytes });
    }

    fn index_failed(&self) {
        self.telemetry.record(Event::IndexFailed);
    }

    fn sorted(&self, files: usize, bytes: u64) {
        self.telemetry.record(Event::Sorted { files, bytes });
    }

    fn sorted_failed(&self) {
        self.telemetry.record(Event::SortedFailed);
    }
}
