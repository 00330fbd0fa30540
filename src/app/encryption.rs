//! Says how old the master key is, and once a day that it is older than it should be.
//!
//! It changes no key: that is an operator's act. A crash leaves nothing behind.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::store::Store;
use crate::store::embedded::encryption::Encryption;
use crate::store::journal::format::Bodies;
use crate::telemetry::{Event, Reading, Telemetry};

const DAY: Duration = Duration::from_secs(86_400);

/// Watches the age of the master key.
pub struct KeyAge {
    /// Whose key.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where it is said.
    pub telemetry: Arc<Telemetry>,
    /// How old it may be.
    pub settings: Encryption,
}

impl KeyAge {
    /// Looks now and once a day until shutdown.
    pub async fn run(self, shutdown: CancellationToken) {
        match self.settings.bodies() {
            Bodies::Open => self.telemetry.record(Event::Unencrypted),
            Bodies::Sealed => {}
        }
        loop {
            self.look();
            let day = tokio::time::sleep(DAY);
            if shutdown.run_until_cancelled(day).await.is_none() {
                return;
            }
        }
    }

    fn look(&self) {
        let since = self.store.wrapping().map(|wrapping| wrapping.since);
        self.telemetry.show(Reading::MasterKey { since });
        let Some(since) = since else { return };
        let days = self.clock.now().since(since).as_secs() / DAY.as_secs();
        if days >= u64::from(self.settings.rotate_days.get()) {
            self.telemetry.record(Event::MasterKeyOld { days });
        }
    }
}
