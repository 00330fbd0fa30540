//! Whether a statement is what its signature says, and whether several follow each other. Anyone can ask, without
//! the gateway: the bytes, the signature and the public key are enough.

use sha2::{Digest as _, Sha256};

use crate::claims::id::Digest;
use crate::formats::jws::{self, Keys, unencoded};
use crate::formats::statement::Statement;

/// Why a file proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The signature does not prove these bytes.
    #[error("{0}")]
    Signature(#[from] jws::Fault),
    /// The bytes are signed and are no statement in canonical JSON.
    #[error("no statement in its canonical form")]
    Form,
    /// It is of another centre than the one before it.
    #[error("of another centre than the one before it")]
    Centre,
    /// It does not name the one before it.
    #[error("does not name the one before it as its previous")]
    Chain,
}

/// A statement that was found right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// SHA-256 of its bytes: what the next one calls its previous.
    pub digest: Digest,
    /// What it says.
    pub statement: Statement,
}

/// Checks one statement, its canonical JSON against its detached JWS.
///
/// # Errors
/// [`Fault::Signature`], [`Fault::Form`].
pub fn one(keys: &Keys, bytes: &[u8], signature: &str) -> Result<Proven, Fault> {
    unencoded::verify(keys, bytes, signature)?;
    Ok(Proven {
        digest: Digest(Sha256::digest(bytes).into()),
        statement: Statement::read(bytes).ok_or(Fault::Form)?,
    })
}

/// Checks that a statement follows another one.
///
/// # Errors
/// [`Fault::Centre`], [`Fault::Chain`].
pub fn follows(before: &Proven, after: &Proven) -> Result<(), Fault> {
    if before.statement.centre.finess != after.statement.centre.finess {
        return Err(Fault::Centre);
    }
    let named = after.statement.previous.as_ref();
    match named.is_some_and(|named| named.digest == before.digest.to_string()) {
        true => Ok(()),
        false => Err(Fault::Chain),
    }
}
