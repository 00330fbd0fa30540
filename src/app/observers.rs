//! What rooms without telemetry tell, bound to telemetry.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::claims::entry::Position;
use crate::store::journal::scan::{Damage, Lost};
use crate::store::{self, Readiness};
use crate::telemetry::Telemetry;
use crate::telemetry::event::{Event, Space};
use crate::{access, tls};

/// Hears facts and passes them on as events.
pub struct Observers {
    telemetry: Arc<Telemetry>,
    /// How far the store is while it opens.
    opening: watch::Sender<Readiness>,
    /// The store is not wanted any more.
    unwanted: CancellationToken,
}

impl Observers {
    /// Passes on to this telemetry, and there how far the store is while it opens.
    pub fn new(telemetry: Arc<Telemetry>, opening: watch::Sender<Readiness>) -> Observers {
        Observers {
            telemetry,
            opening,
            unwanted: CancellationToken::new(),
        }
    }

    /// What facts are passed on to.
    pub fn telemetry(&self) -> Arc<Telemetry> {
        self.telemetry.clone()
    }

    /// How far the store is while it opens.
    pub fn readiness(&self) -> watch::Receiver<Readiness> {
        self.opening.subscribe()
    }

    /// When this is dropped, a store that is not open yet breaks off.
    pub fn wanted(&self) -> DropGuard {
        self.unwanted.clone().drop_guard()
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

    fn room_changed(&self, room: store::Space) {
        self.telemetry.record(Event::RoomChanged {
            room: match room {
                store::Space::Ample => Space::Ample,
                store::Space::Low => Space::Low,
                store::Space::Full => Space::Full,
            },
        });
    }

    fn replayed(&self, entries: u64) {
        self.telemetry.record(Event::Replayed { entries });
    }

    fn opening(&self, upto: Position, of: Position) -> ControlFlow<()> {
        if self.unwanted.is_cancelled() {
            return ControlFlow::Break(());
        }
        let percent = upto.percent_of(of);
        self.opening.send_replace(Readiness::Rebuilding { percent });
        ControlFlow::Continue(())
    }

    fn damaged(&self, damage: &Damage) {
        let entries = match damage.lost {
            Lost::Entries(first, last) => last.0.saturating_sub(first.0) + 1,
            Lost::Bodies(_) => 0,
        };
        self.telemetry.record(Event::Damaged {
            segment: damage.segment,
            file: damage.file.as_deref(),
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
