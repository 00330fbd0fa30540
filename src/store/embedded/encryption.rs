//! How bodies are encrypted on the disk, as it is configured: whether, and under which master key.
//!
//! Must never keep a master key beside the store, nor in memory as text. A crash leaves what
//! [`keys`](crate::store::journal::keys) says.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use crate::claims::time::Timestamp;
use crate::store::Error;
use crate::store::custody::record::Rewrapped;
use crate::store::embedded::{Config, OpenError};
use crate::store::journal::format::Bodies;
use crate::store::journal::keys::Keys;
use crate::store::journal::master::{self, Master};
use crate::store::journal::{Journal, Opening};

/// Whether bodies are encrypted, and how long a master key is used.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Encryption {
    /// Without it, bodies are encrypted as soon as a master key is given.
    pub mode: Option<Mode>,
    /// The file of the master key. The next one lies beside it, under its name and `.next`.
    pub master_key: Option<PathBuf>,
    /// After so many days the master key should be changed.
    pub rotate_days: NonZeroU32,
}

/// What is asked of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It does not start without a master key.
    Required,
    /// New bodies are not encrypted. A master key still opens those that are.
    Off,
}

impl Default for Encryption {
    fn default() -> Encryption {
        Encryption {
            mode: None,
            master_key: None,
            rotate_days: const { NonZeroU32::new(90).expect("90 is not zero") },
        }
    }
}

impl Encryption {
    /// What becomes of new bodies.
    pub fn bodies(&self) -> Bodies {
        match (self.mode, &self.master_key) {
            (Some(Mode::Required), _) | (None, Some(_)) => Bodies::Sealed,
            (Some(Mode::Off), _) | (None, None) => Bodies::Open,
        }
    }

    /// The master keys at hand, the present one first.
    ///
    /// # Errors
    /// When the file that is named holds none.
    pub fn masters(&self) -> Result<Vec<Master>, master::Error> {
        let path = self.master_key.as_deref();
        path.map_or(Ok(Vec::new()), Master::load_all)
    }
}

impl Config {
    /// How the journal of this store is opened with these master keys.
    pub fn opening<'a>(&'a self, masters: &'a [Master], at: Timestamp) -> Opening<'a> {
        Opening {
            directory: &self.directory,
            segment_bytes: self.segment_bytes,
            bodies: self.encryption.bodies(),
            masters,
            compression: self.compression,
            at,
        }
    }
}

/// Whether the keys that a configuration names fit the store that it names; nothing is opened for writing.
///
/// # Errors
/// [`OpenError::Master`] and [`OpenError::Journal`], each with what to do.
pub fn check(config: &Config) -> Result<(), OpenError> {
    let masters = config.encryption.masters()?;
    Ok(Journal::check_keys(&config.directory, &masters)?)
}

/// Wraps the data keys by the master key that lies beside the present one. Blocks.
pub fn rewrap(keys: &Keys, master_key: &Path, at: Timestamp) -> Result<Rewrapped, Error> {
    match Master::load(&master::next_to(master_key)) {
        Ok(next) => {
            let wrapped = keys.rewrap(&next, at);
            wrapped
                .map(Rewrapped::Done)
                .map_err(|error| Error::Read(error.to_string().into()))
        }
        Err(error) => Ok(Rewrapped::NoKey(error)),
    }
}

#[cfg(test)]
mod tests;
