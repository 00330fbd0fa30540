//! A token in clear: it exists between its making and its being shown, once.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::claims::id::Digest;

/// What every token starts with, so that a leaked one is found by a search.
const PREFIX: &str = "brd_";

/// A token in clear: `brd_` and 256 random bits in base64url. It cannot be printed by accident.
pub struct Secret(String);

impl Secret {
    /// Makes one from the system's randomness.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// The token itself, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub(super) fn digest(&self) -> Digest {
        Self::digest_of(&self.0)
    }

    /// SHA-256, once: a slow hash protects what people choose, and 256 random bits cannot be tried out.
    pub(super) fn digest_of(token: &str) -> Digest {
        Digest(Sha256::digest(token).into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The token in an `Authorization` header (RFC 6750 §2.1; the scheme in any case, RFC 9110 §11.1).
pub(super) fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let is_ours = scheme.eq_ignore_ascii_case("bearer") && token.trim_start().starts_with(PREFIX);
    is_ours.then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_256_bits_and_never_in_debug_output() {
        let (one, two) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert_ne!(one.reveal(), two.reveal());
        let bytes = URL_SAFE_NO_PAD
            .decode(one.reveal().strip_prefix("brd_").unwrap())
            .unwrap();
        assert_eq!(bytes.len(), 32);
        assert_eq!(format!("{one:?}"), "Secret");
    }

    #[test]
    fn only_bearer_headers_hold_a_token() {
        for (header, token) in [
            ("Bearer brd_abc", Some("brd_abc")),
            ("bearer  brd_abc ", Some("brd_abc")),
            ("Bearer abc", None),
            ("Basic brd_abc", None),
            ("Bearer", None),
            ("brd_abc", None),
            ("", None),
        ] {
            assert_eq!(bearer(header), token, "{header:?}");
        }
    }
}
