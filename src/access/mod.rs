//! Who is calling and what that caller may do: a certificate or a bearer token becomes a `Caller` with a
//! role, a scope and a purpose. It owns the file of hashed tokens and nothing else.
//!
//! It never stores, logs or shows a token after its issue, never takes a certificate that `tls` has not
//! verified, and never lets a failing token be made good by a certificate. A crash in the middle of a
//! change leaves the old token file whole, and perhaps a `.new` beside it that the next change replaces.

mod caller;
mod grant;
mod certificates;
mod secret;
mod tokens;

pub use caller::{Action, Caller, Forbidden, Rates, Role, Scope};
pub use certificates::CertificateEntry;
pub use grant::{Contradiction, Grant};
pub use secret::Secret;
pub use tokens::{Issued, Token, TokenFile, TokenId};

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use arc_swap::ArcSwap;
use serde::Deserialize;

use crate::claims::time::Timestamp;

use self::certificates::Table;
use self::tokens::{Book, Stamp};

/// How old the last look at the token file may be, by the callers' own time: a revocation takes effect
/// within a second, and a look is one `stat`.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who may come in. Tokens live in a file of their own, because they change while the daemon runs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The file of hashed tokens; without it, callers come by certificate only. It need not exist yet.
    pub tokens: Option<PathBuf>,
    /// Which certificate stands for which caller.
    pub certificates: Vec<CertificateEntry>,
}

/// Why somebody is not a caller of ours. All of them are HTTP 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Neither a token nor a certificate was shown.
    #[error("neither a token nor a client certificate was shown")]
    Missing,
    /// What was shown is not known here.
    #[error("the token or certificate is not known")]
    Unknown,
    /// Known, and outside its dates.
    #[error("the token or certificate is outside its dates")]
    Expired,
    /// A token that was revoked. (A revoked certificate does not get past the handshake.)
    #[error("the token is revoked")]
    Revoked,
}

/// What is wrong with the configuration or the token file.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The token file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The token file cannot be written.
    #[error("cannot write {}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The token file is not what this room writes.
    #[error("{} is not a token file (line {line}, column {column})", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// 1-based; 0 when no line is to blame.
        line: usize,
        /// 1-based; 0 when no column is to blame.
        column: usize,
    },
    /// A caller that cannot be.
    #[error("the caller {name:?} cannot be")]
    Caller {
        /// As configured.
        name: String,
        /// Why.
        source: Contradiction,
    },
    /// A certificate identity that is not `cn:…`, `uri:…` or `sha256:` and 64 hexadecimal digits.
    #[error("{0:?} names no certificate: write cn:NAME, uri:URI or sha256:HEX")]
    Identity(String),
    /// One certificate identity stands for two callers.
    #[error("the certificate {0:?} is named twice")]
    Twice(String),
    /// The expiry is not after the issue, or too far from it.
    #[error("a token expires after its issue and at most {} days later", tokens::LONGEST.as_secs() / 86_400)]
    Expiry,
    /// No token has this id.
    #[error("there is no token {0}")]
    NoSuchToken(TokenId),
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    Randomness(#[from] getrandom::Error),
}

/// What happens to the token file while the daemon runs.
#[derive(Debug)]
pub enum Fact {
    /// A changed file was taken over.
    TokensTaken {
        /// How many tokens it holds, revoked and expired ones included.
        tokens: usize,
    },
    /// A changed file could not be taken over; the last good one goes on. Told once per change.
    TokensRefused(Fault),
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TokensTaken { tokens } => write!(f, "the token file was read: {tokens} tokens"),
            Self::TokensRefused(fault) => write!(f, "the token file stays as it was: {fault}"),
        }
    }
}

/// Who is told of facts; the composition root binds it to telemetry.
pub type Observer = Arc<dyn Fn(&Fact) + Send + Sync>;

/// All callers that are known, shared by every listener.
pub struct Access {
    certificates: Table,
    file: Option<TokenFile>,
    book: ArcSwap<Book>,
    look: Mutex<Look>,
    observer: Observer,
}

/// The last look at the token file.
struct Look {
    at: Timestamp,
    seen: Option<Stamp>,
}

impl Access {
    /// Reads configuration and token file; one that does not exist is empty.
    ///
    /// # Errors
    /// Any [`Fault`] of the configuration, or of a token file that cannot be read.
    pub fn open(config: &Config, observer: Observer, now: Timestamp) -> Result<Self, Fault> {
        let file = config.tokens.clone().map(TokenFile::new);
        let (book, seen) = match &file {
            Some(file) => file.read()?,
            None => (Book::default(), None),
        };
        Ok(Self {
            certificates: Table::new(&config.certificates)?,
            file,
            book: ArcSwap::from_pointee(book),
            look: Mutex::new(Look { at: now, seen }),
            observer,
        })
    }

    /// Reads both and keeps nothing.
    ///
    /// # Errors
    /// Those of [`Access::open`].
    pub fn check(config: &Config) -> Result<(), Fault> {
        if let Some(path) = &config.tokens {
            TokenFile::new(path.clone()).read()?;
        }
        Table::new(&config.certificates).map(drop)
    }

    /// Says who is calling. `certificate` is the DER of the leaf that `tls` verified, `authorization`
    /// the header as received. Where both are shown, the token alone decides: a program that sends a
    /// token means to be that caller, and its certificate may be the vendor's.
    ///
    /// # Errors
    /// [`Error`]; nothing of what was shown is in it.
    pub fn identify(
        &self,
        certificate: Option<&[u8]>,
        authorization: Option<&str>,
        now: Timestamp,
    ) -> Result<Arc<Caller>, Error> {
        match (authorization, certificate) {
            (Some(header), _) => {
                self.look(now);
                let secret = secret::bearer(header).ok_or(Error::Unknown)?;
                self.book.load().find(&Secret::digest_of(secret), now)
            }
            (None, Some(der)) => self.certificates.find(der, now),
            (None, None) => Err(Error::Missing),
        }
    }

    /// Reads the token file now, for a change that must hold at once.
    pub fn reload(&self, now: Timestamp) {
        let mut look = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        look.at = now;
        if let Some(file) = &self.file {
            self.take(file, &mut look);
        }
    }

    /// Looks whether the token file changed, at most once in [`LOOK_EVERY`]. One caller looks; those
    /// beside it go on with what is there. It is one `stat`, and one small read where it changed: too
    /// short to be worth a thread of its own.
    fn look(&self, now: Timestamp) {
        let Some(file) = &self.file else { return };
        let mut look = match self.look.try_lock() {
            Ok(look) => look,
            Err(TryLockError::WouldBlock) => return,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        let is_recent = now >= look.at && now.since(look.at) < LOOK_EVERY;
        if is_recent {
            return;
        }
        look.at = now;
        if file.stamp() != look.seen {
            self.take(file, &mut look);
        }
    }

    fn take(&self, file: &TokenFile, look: &mut Look) {
        // Taken before the reading, so that a change in between is seen at the next look.
        let stamp = file.stamp();
        // A file that was there and is gone is a mishap, not the revocation of everybody.
        let read = if stamp.is_none() && look.seen.is_some() {
            file.missing()
        } else {
            file.read()
        };
        look.seen = stamp;
        match read {
            Ok((book, seen)) => {
                let tokens = book.len();
                look.seen = seen;
                self.book.store(Arc::new(book));
                (self.observer)(&Fact::TokensTaken { tokens });
            }
            Err(fault) => (self.observer)(&Fact::TokensRefused(fault)),
        }
    }
}

#[cfg(test)]
mod tests;
