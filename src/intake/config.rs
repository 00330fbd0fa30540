//! The limits of intake: every one has a default and its reason.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;

use crate::claims::rules::AMC_LENGTHS;
use crate::formats::xml::Limits;

/// Settings of intake.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Bytes of one document, also within a lot, and of one receipt or settlement.
    pub document_bytes: usize,
    /// Bytes of a lot, and of a feed that an insurer hands in.
    pub lot_bytes: usize,
    /// Documents of a lot, and items of a feed: 1000 at most.
    pub lot_documents: usize,
    /// Findings in the answer to a lot; each of its documents shows ten all the same.
    pub lot_findings: usize,
    /// Bytes of a declaration.
    pub declaration_bytes: usize,
    /// Bytes of all bodies in memory at once, from the first byte read to the answer. Above it posts are
    /// answered 503.
    pub memory_bytes: usize,
    /// Seconds in which a body must arrive. Shorter than the listener's silence plus the time to answer.
    pub read_seconds: NonZeroU64,
    /// Requests a second that one caller may make for long.
    pub requests_per_second: NonZeroU32,
    /// Requests that one caller may make at once after a pause.
    pub requests_burst: NonZeroU32,
    /// Bodies longer than this are validated beside the async threads: at some 10 µs a kilobyte, shorter
    /// ones take less time than the handing over and hold up nobody.
    pub inline_bytes: usize,
    /// Validations beside the async threads at once; others wait for their turn. More than cores gains
    /// nothing.
    pub validations: NonZeroUsize,
    /// Seconds that a caller is asked to wait after a 503.
    pub retry_seconds: NonZeroU32,
    /// The shortest AMC number: sources say 8, 9 and 10.
    pub amc_shortest: usize,
    /// The longest AMC number, at most 10.
    pub amc_longest: usize,
}

/// Settings that cannot be together; it names the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` {reason}")]
pub struct Contradiction {
    /// The key at fault.
    pub key: &'static str,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// The longest document that an entry can state.
const LONGEST: usize = 1 << 30;

impl Config {
    /// Whether the settings can be together.
    ///
    /// # Errors
    /// The first contradiction.
    pub fn check(&self) -> Result<(), Contradiction> {
        let rows = [
            (
                (1..=LONGEST).contains(&self.document_bytes),
                "document_bytes",
                "must be from 1 byte to 1 GiB",
            ),
            (
                self.lot_bytes >= self.document_bytes,
                "lot_bytes",
                "is less than `document_bytes`: a lot of one could not be posted",
            ),
            (
                (1..=1000).contains(&self.lot_documents),
                "lot_documents",
                "must be from 1 to 1000, as the description of a lot has it",
            ),
            (
                self.memory_bytes >= self.lot_bytes.max(self.declaration_bytes),
                "memory_bytes",
                "is less than one body may have",
            ),
            (
                self.amc_shortest <= self.amc_longest && self.amc_longest <= 10,
                "amc_longest",
                "must be from `amc_shortest` to 10",
            ),
        ];
        match rows.into_iter().find(|(holds, ..)| !holds) {
            Some((_, key, reason)) => Err(Contradiction { key, reason }),
            None => Ok(()),
        }
    }

    /// Accepted lengths of an AMC number.
    pub fn amc_lengths(&self) -> RangeInclusive<usize> {
        self.amc_shortest..=self.amc_longest
    }

    /// The caps of the XML reader that follow from these.
    pub fn xml_limits(&self) -> Limits {
        Limits {
            bytes: self.document_bytes,
            envelope_bytes: self.lot_bytes,
            // A text too long is a fault of its document, not of the envelope around it.
            text_bytes: self.lot_bytes,
            ..Limits::default()
        }
    }

    pub(super) fn read(&self) -> Duration {
        Duration::from_secs(self.read_seconds.get())
    }

    pub(super) fn retry(&self) -> Duration {
        Duration::from_secs(u64::from(self.retry_seconds.get()))
    }
}

impl Default for Config {
    /// A document of 4 MiB holds a scanned PJ; a lot of 32 MiB a day of a large centre; eight such lots at
    /// once fit in the memory of a small machine. 200 requests a second are 17 million documents a day.
    fn default() -> Config {
        Config {
            document_bytes: 4 << 20,
            lot_bytes: 32 << 20,
            lot_documents: 1000,
            lot_findings: 10_000,
            declaration_bytes: 64 << 10,
            memory_bytes: 256 << 20,
            read_seconds: NonZeroU64::MIN.saturating_add(29),
            requests_per_second: NonZeroU32::MIN.saturating_add(199),
            requests_burst: NonZeroU32::MIN.saturating_add(399),
            inline_bytes: 64 << 10,
            validations: NonZeroUsize::MIN.saturating_add(3),
            retry_seconds: NonZeroU32::MIN.saturating_add(4),
            amc_shortest: *AMC_LENGTHS.start(),
            amc_longest: *AMC_LENGTHS.end(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contradiction_names_its_key() {
        assert_eq!(Config::default().check(), Ok(()));
        for (key, value) in [
            ("document_bytes", 0),
            ("lot_bytes", 1),
            ("lot_documents", 1001),
            ("memory_bytes", 1 << 20),
            ("amc_longest", 11),
        ] {
            let text = format!(r#"{{"{key}": {value}}}"#);
            let config: Config = serde_json::from_str(&text).unwrap();
            assert_eq!(config.check().unwrap_err().key, key);
        }
    }

    #[test]
    fn an_unknown_key_is_refused_and_a_missing_one_has_its_default() {
        let read = |text: &str| serde_json::from_str::<Config>(text);
        assert!(read(r#"{"lot_documents": 10}"#).is_ok());
        assert_eq!(read("{}").unwrap(), Config::default());
        let error = read(r#"{"lot_document": 10}"#).unwrap_err().to_string();
        assert!(error.contains("lot_document"), "{error}");
    }
}
