//! How a simulated insurer signs what it says: a detached JWS right behind each item of its feed, over the item's bytes.
//!
//! It signs and never verifies. Its key is read at the start; nothing is kept.

use std::fs;
use std::path::Path;

use super::Error;
use super::plan::{Breach, Plan};
use crate::formats::jws::{self, unencoded};

/// The other key of an insurer that signs with one that nobody agreed to.
const OTHER: [u8; 32] = [0x6f; 32];

/// What stands behind an item.
pub(super) enum Signature {
    /// Nothing.
    None,
    /// A signature over its bytes.
    Own(unencoded::Signer),
    /// One over other bytes: a breach.
    OfOtherBytes(unencoded::Signer),
}

impl Signature {
    /// That of a plan, by the key of a file.
    ///
    /// # Errors
    /// [`Error::KeyFile`], [`Error::Key`].
    pub(super) fn of(file: Option<&Path>, plan: &Plan) -> Result<Signature, Error> {
        let Some(file) = file else {
            return Ok(Signature::None);
        };
        let pem = fs::read_to_string(file).map_err(Error::KeyFile)?;
        let own = unencoded::Signer::from_pem(&pem)?;
        let breaks = |breach| plan.breaks(breach);
        if breaks(Breach::Unsigned) {
            return Ok(Signature::None);
        }
        if breaks(Breach::SignedByAnotherKey) {
            let other = unencoded::Signer::from_pem(&unencoded::pem_of(OTHER))?;
            return Ok(Signature::Own(other));
        }
        Ok(match breaks(Breach::SignedOtherBytes) {
            true => Signature::OfOtherBytes(own),
            false => Signature::Own(own),
        })
    }

    /// An item with what stands behind it.
    pub(super) fn behind(&self, item: String) -> String {
        let item = item.trim_end();
        let jws = match self {
            Signature::None => return item.to_owned(),
            Signature::Own(signer) => jws::sign(signer, item.as_bytes()),
            Signature::OfOtherBytes(signer) => jws::sign(signer, format!("{item} ").as_bytes()),
        };
        format!("{item}<?jws {jws}?>")
    }
}
