//! What single values allow and values together do not. No file is opened.

use std::collections::BTreeSet;

use crate::config::{Config, Fault};
use crate::store::Lease;
use crate::store::embedded::encryption::Mode;
use crate::{telemetry, transport};

/// Everything that contradicts itself, in the order of the documented file.
pub(super) fn contradictions(config: &Config) -> Vec<Fault> {
    let mut found = Found(Vec::new());
    found.telemetry(config);
    found.terms(config);
    found.store(config);
    found.operators(config);
    found.callers(config);
    found.endpoints(config);
    found.intake(config);
    found.spans(config);
    found.retention(config);
    found.lease(config);
    found.0
}

struct Found(Vec<Fault>);

impl Found {
    fn refuse(&mut self, key: impl Into<String>, reason: impl ToString) {
        self.0.push(Fault {
            key: key.into(),
            reason: reason.to_string(),
        });
    }

    fn telemetry(&mut self, config: &Config) {
        if let Err(error) = telemetry::log::filter(&config.telemetry.log) {
            self.refuse("telemetry.log.filter", error);
        }
    }

    fn terms(&mut self, config: &Config) {
        if !(1..=90).contains(&config.terms.pj_paper_days) {
            self.refuse("terms.pj_paper_days", "must be between 1 and 90");
        }
    }

    fn store(&mut self, config: &Config) {
        let store = &config.store;
        if store.low_bytes < store.full_bytes {
            self.refuse("store.low_bytes", "must not be below `store.full_bytes`");
        }
        let encryption = &store.encryption;
        if encryption.mode == Some(Mode::Required) && encryption.master_key.is_none() {
            self.refuse(
                "store.encryption.mode",
                "\"required\" needs `store.encryption.master_key`: make one with `bordereau keys generate --write FILE`",
            );
        }
        let key = encryption.master_key.as_deref();
        if key.is_some_and(|key| key.starts_with(&store.directory)) {
            self.refuse(
                "store.encryption.master_key",
                "must not lie in `store.directory`: who copies the store would have the key",
            );
        }
        let tokens = config.access.tokens.as_deref();
        if tokens.is_some_and(|tokens| tokens.starts_with(&store.directory)) {
            self.refuse(
                "access.tokens",
                "must not lie in `store.directory`: no backup of the store holds it, and a restore would refuse every token",
            );
        }
        if !(0.01..=3600.0).contains(&store.look_seconds) {
            self.refuse("store.look_seconds", "must be between 0.01 and 3600");
        }
        if !(0.0..=60.0).contains(&store.resume_seconds) {
            self.refuse("store.resume_seconds", "must be between 0 and 60");
        }
        // Without a pause a round would begin before the last one has ended.
        if !(1.0..=86_400.0).contains(&store.round_seconds) {
            self.refuse("store.round_seconds", "must be between 1 and 86400");
        }
        if !(0.0..=3600.0).contains(&store.queue_seconds) {
            self.refuse("store.queue_seconds", "must be between 0 and 3600");
        }
    }

    fn operators(&mut self, config: &Config) {
        let address = config.desk.operators;
        if address.is_some_and(|address| !address.ip().is_loopback()) {
            self.refuse(
                "desk.operators",
                "must be an address of loopback: this listener has no TLS, and would show tokens to the network",
            );
        }
    }

    fn callers(&mut self, config: &Config) {
        let mut identities = BTreeSet::new();
        for (index, entry) in (1..).zip(&config.access.certificates) {
            let key = |key: &str| format!("access.certificates[{index}].{key}");
            if !identities.insert(&entry.identity) {
                self.refuse(key("identity"), "stands for another caller already");
            }
            if let Err(error) = entry.caller.caller() {
                self.refuse(key("caller"), error);
            }
        }
    }

    fn endpoints(&mut self, config: &Config) {
        self.endpoints_faults(config.transport.check());
        if let Err(error) = config.transport.webhooks.check() {
            self.refuse("transport.webhooks.targets", error);
        }
        self.endpoints_faults(config.transport.lanes(&config.dispatch.lane()));
    }

    fn endpoints_faults<T>(&mut self, checked: Result<T, transport::Faults>) {
        let faults = checked.err().map(|faults| faults.0);
        for fault in faults.into_iter().flatten() {
            self.refuse("transport.endpoints", fault);
        }
    }

    fn intake(&mut self, config: &Config) {
        if let Err(contradiction) = config.intake.check() {
            self.refuse(
                format!("intake.{}", contradiction.key),
                contradiction.reason,
            );
        }
    }

    /// Spans that may be parts of a second: each within reason, and none longer than its cap.
    fn spans(&mut self, config: &Config) {
        let (dispatch, receipts) = (&config.dispatch, &config.receipts);
        for (key, seconds) in [
            ("dispatch.lot_age_seconds", dispatch.lot_age_seconds),
            ("dispatch.retry_first_seconds", dispatch.retry_first_seconds),
            ("dispatch.retry_cap_seconds", dispatch.retry_cap_seconds),
            ("receipts.poll_seconds", receipts.poll_seconds),
            ("receipts.idle_cap_seconds", receipts.idle_cap_seconds),
            ("receipts.trouble_cap_seconds", receipts.trouble_cap_seconds),
        ] {
            // A year is longer than anything waits.
            if !(0.0..=366.0 * 86_400.0).contains(&seconds) {
                self.refuse(key, "must be between 0 and a year");
            }
        }
        for (key, first, cap, capped) in [
            (
                "dispatch.retry_cap_seconds",
                "dispatch.retry_first_seconds",
                dispatch.retry_cap_seconds,
                dispatch.retry_first_seconds,
            ),
            (
                "receipts.idle_cap_seconds",
                "receipts.poll_seconds",
                receipts.idle_cap_seconds,
                receipts.poll_seconds,
            ),
            (
                "receipts.trouble_cap_seconds",
                "receipts.poll_seconds",
                receipts.trouble_cap_seconds,
                receipts.poll_seconds,
            ),
        ] {
            if cap < capped {
                self.refuse(key, format!("must not be below `{first}`"));
            }
        }
    }

    /// What the law allows.
    fn retention(&mut self, config: &Config) {
        for outside in config.retention.outside() {
            self.refuse(format!("retention.{}", outside.key), outside.reason);
        }
    }

    fn lease(&mut self, config: &Config) {
        let lease = config.dispatch.lease_seconds.get();
        let most = Lease::LONGEST.as_secs();
        if lease > most {
            self.refuse(
                "dispatch.lease_seconds",
                format!("must be at most {most}: no attempt is given longer"),
            );
        }
        for (index, endpoint) in (1..).zip(&config.transport.endpoints) {
            let longest = endpoint.limits.longest_seconds();
            if longest >= lease {
                self.refuse(
                    format!("transport.endpoints[{index}].limits.answer_seconds"),
                    format!(
                        "an attempt may take {longest} s, and is given up after \
                         `dispatch.lease_seconds` = {lease}: it would be in doubt while it runs"
                    ),
                );
            }
        }
    }
}
