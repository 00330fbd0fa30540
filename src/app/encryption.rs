//! Says how old the master key is, and once a day that it is older than it should be.
//!
//! It changes no key: that is an operator's act. A crash leaves nothing behind.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::claims::time::Timestamp;
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
        if let Some(days) = since.and_then(|since| self.overdue(since)) {
            self.telemetry.record(Event::MasterKeyOld { days });
        }
    }

    /// For how many days it is in use, if it should have been changed by now.
    fn overdue(&self, since: Timestamp) -> Option<u64> {
        let days = self.clock.now().since(since).as_secs() / DAY.as_secs();
        (days >= u64::from(self.settings.rotate_days.get())).then_some(days)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::store::Unobserved;
    use crate::store::custody::record::Rewrapped;
    use crate::store::embedded::{self, Embedded};
    use crate::store::journal::master::write_new;
    use crate::telemetry;

    #[tokio::test]
    async fn a_master_key_is_too_old_from_its_day_on_until_it_is_changed() {
        let home = tempfile::TempDir::new().unwrap();
        let master_key = home.path().join("master.key");
        write_new(&master_key, &[1; 32]).unwrap();
        write_new(&home.path().join("master.key.next"), &[2; 32]).unwrap();
        let begun = Timestamp::parse("2026-11-22T09:00:00Z").unwrap();
        let config = embedded::Config {
            directory: home.path().join("store"),
            encryption: Encryption {
                master_key: Some(master_key),
                ..Encryption::default()
            },
            ..embedded::Config::default()
        };
        let clock = Arc::new(ManualClock::new(begun, 1));
        let salts = clock.clone();
        let entropy = Box::new(move || salts.salt());
        let store = Embedded::open(&config, begun, entropy, Arc::new(Unobserved)).unwrap();
        let watch = KeyAge {
            store: Arc::new(store),
            clock: clock.clone(),
            telemetry: Arc::new(Telemetry::new(&telemetry::Config::default(), &[]).unwrap()),
            settings: config.encryption,
        };
        let overdue = || watch.overdue(watch.store.wrapping().unwrap().since);
        let (second, rotate) = (Duration::from_secs(1), 90 * DAY);
        for (age, days) in [
            (Duration::ZERO, None),
            (rotate - second, None),
            (rotate, Some(90)),
            (rotate + DAY - second, Some(90)),
            (rotate + DAY, Some(91)),
        ] {
            clock.set(begun + age);
            assert_eq!(overdue(), days, "{age:?}");
        }
        // A clock that was set back makes no key old.
        clock.set(Timestamp::from_micros(begun.micros() - 1));
        assert_eq!(overdue(), None);
        let changed = begun + rotate + DAY;
        clock.set(changed);
        let done = watch.store.rewrap(changed).await.unwrap();
        assert!(matches!(done, Rewrapped::Done(_)), "{done:?}");
        assert_eq!(overdue(), None);
        clock.set(changed + rotate);
        assert_eq!(overdue(), Some(90));
    }
}
