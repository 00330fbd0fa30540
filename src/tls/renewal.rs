//! How certificates, keys and revocation lists are renewed while listeners and connections are open: how often their
//! files are looked at, where lists that are fetched are kept, and how old a list may be.

use std::fmt::Write as _;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Settings of the renewal. Every key but the directory has a default.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Seconds between two looks at files. What changed is taken up when two looks in a row see the same.
    pub watch_seconds: NonZeroU64,
    /// Where lists that are fetched are kept; needed with `crl_urls`, and theirs alone.
    pub directory: Option<PathBuf>,
    /// Seconds from fetching a list until it is fetched again.
    pub fetch_seconds: NonZeroU64,
    /// Seconds until a list is asked for again that could not be fetched, or is past its next update.
    pub retry_seconds: NonZeroU64,
    /// Seconds in which a list must have come whole.
    pub timeout_seconds: NonZeroU64,
    /// Bytes of a list at most.
    pub list_bytes: NonZeroUsize,
    /// Seconds for which a list counts after the date of its next update, or one that never came is waited for. After
    /// that nobody vouches for the certificates of its authority, and they are refused.
    pub grace_seconds: u64,
    /// A certificate that the gateway shows is spoken of when it is good for fewer days.
    pub warn_days: u32,
}

impl Config {
    /// Between two looks at files.
    pub fn watch(&self) -> Duration {
        Duration::from_secs(self.watch_seconds.get())
    }

    /// From one fetch of a list to the next.
    pub fn fetch(&self) -> Duration {
        Duration::from_secs(self.fetch_seconds.get())
    }

    /// From a fetch that brought nothing new to the next.
    pub fn retry(&self) -> Duration {
        Duration::from_secs(self.retry_seconds.get())
    }

    /// The time for one list.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds.get())
    }

    /// How long an old list is good enough, in seconds.
    pub(super) fn grace(&self) -> i64 {
        i64::try_from(self.grace_seconds).unwrap_or(i64::MAX)
    }

    /// The files of a list that is fetched from an address: the list, and since when it is wanted. None without a
    /// directory.
    pub(super) fn kept(&self, url: &str) -> Option<Kept> {
        let mut name = String::with_capacity(64);
        for byte in Sha256::digest(url) {
            // Writing to a String cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        let directory = self.directory.as_ref()?;
        Some(Kept {
            list: directory.join(format!("{name}.crl")),
            wanted: directory.join(format!("{name}.wanted")),
        })
    }
}

/// The files of one list that is fetched.
pub(super) struct Kept {
    /// The list as it came.
    pub(super) list: PathBuf,
    /// Since when it is wanted: seconds since 1970, in digits.
    pub(super) wanted: PathBuf,
}

impl Default for Config {
    /// An hour is what authorities ask at most of who fetches; a week is a long weekend and somebody who acts, and no
    /// more than most lists are valid themselves. The list of a large authority has some megabytes.
    fn default() -> Config {
        Config {
            watch_seconds: const { NonZeroU64::new(10).expect("not zero") },
            directory: None,
            fetch_seconds: const { NonZeroU64::new(3600).expect("not zero") },
            retry_seconds: const { NonZeroU64::new(60).expect("not zero") },
            timeout_seconds: const { NonZeroU64::new(30).expect("not zero") },
            list_bytes: const { NonZeroUsize::new(16 << 20).expect("not zero") },
            grace_seconds: 7 * 86_400,
            warn_days: 14,
        }
    }
}
