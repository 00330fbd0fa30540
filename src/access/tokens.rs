//! The token file: JSON lines of hashed tokens, replaced whole by rename, never changed in place.
//!
//! It holds no token, only SHA-256 digests. Changes take an exclusive lock on a file beside it, so two
//! commands at once both take effect. A crash before the rename leaves the old file; after it, the new.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::claims::id::Digest;
use crate::claims::time::Timestamp;

use super::{Caller, Contradiction, Error, Fault, Grant, Role, Secret};

/// The longest life of a token: a year, and a month in which to replace it.
pub(super) const LONGEST: Duration = Duration::from_secs(396 * 86_400);

/// The most that is read of a token file: some 40 000 tokens. A longer one is not ours.
const LARGEST: u64 = 16 << 20;

/// The token file of an installation.
#[derive(Clone, Debug)]
pub struct TokenFile {
    path: PathBuf,
}

/// A token as it is known after its issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its public name.
    pub id: TokenId,
    /// Whom it stands for.
    pub grant: Grant,
    /// When it was made.
    pub issued_at: Timestamp,
    /// From when on it is no longer good.
    pub expires_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    digest: Digest,
}

/// A new token: the only moment at which it exists in clear.
#[derive(Debug)]
pub struct Issued {
    /// To be shown once and forgotten.
    pub secret: Secret,
    /// What was written down.
    pub token: Token,
}

/// The public name of a token: the first 16 hexadecimal digits of its SHA-256. Whoever holds the token
/// can work it out; nobody can go back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(String);

impl TokenId {
    /// Reads an id.
    pub fn parse(text: &str) -> Option<Self> {
        let is_id = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then(|| Self(text.to_ascii_lowercase()))
    }

    fn of(digest: &Digest) -> Self {
        Self(digest.to_string()[..16].to_owned())
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All of these block on the disk: a running daemon calls them away from its async threads.
impl TokenFile {
    /// The file at this path, which need not exist yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Makes a token and writes down its hash. It is durable when this returns.
    ///
    /// # Errors
    /// [`Fault::Expiry`] unless `now < expires_at <= now + 396 days`, [`Fault::Caller`], or the disk's.
    pub fn issue(
        &self,
        grant: Grant,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Issued, Fault> {
        if expires_at <= now || expires_at.since(now) > LONGEST {
            return Err(Fault::Expiry);
        }
        caller(&grant)?;
        let secret = Secret::random()?;
        let digest = secret.digest();
        let token = Token {
            id: TokenId::of(&digest),
            grant,
            issued_at: now,
            expires_at,
            revoked_at: None,
            digest,
        };
        self.change(|tokens| {
            tokens.push(token.clone());
            Ok(())
        })?;
        Ok(Issued { secret, token })
    }

    /// All tokens in the order of their issue, expired and revoked ones included.
    ///
    /// # Errors
    /// [`Fault::Unreadable`], [`Fault::Malformed`] or [`Fault::Caller`].
    pub fn list(&self) -> Result<Vec<Token>, Fault> {
        Ok(self.tokens()?.0)
    }

    /// Revokes a token. Doing it again changes nothing: the first instant stays.
    ///
    /// # Errors
    /// [`Fault::NoSuchToken`], or the disk's.
    pub fn revoke(&self, id: &TokenId, now: Timestamp) -> Result<(), Fault> {
        self.change(|tokens| {
            let token = tokens.iter_mut().find(|token| token.id == *id);
            let token = token.ok_or_else(|| Fault::NoSuchToken(id.clone()))?;
            token.revoked_at.get_or_insert(now);
            Ok(())
        })
    }

    /// The file as something to look up in, with the stamp of exactly what was read.
    pub(super) fn read(&self) -> Result<(Book, Option<Stamp>), Fault> {
        let (tokens, stamp) = self.tokens()?;
        let mut entries = HashMap::with_capacity(tokens.len());
        for token in tokens {
            let caller = Arc::new(caller(&token.grant)?);
            entries.insert(
                token.digest,
                Entry {
                    caller,
                    expires_at: token.expires_at,
                    revoked_at: token.revoked_at,
                },
            );
        }
        Ok((Book { entries }, stamp))
    }

    /// What tells one state of the file from another; `None` when it is not there or cannot be asked.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        fs::metadata(&self.path)
            .ok()
            .map(|metadata| Stamp::of(&metadata))
    }

    /// Whether there is such a file: without it no token is known.
    pub fn is_there(&self) -> bool {
        self.path.exists()
    }

    /// The answer where a file is needed and gone.
    pub(super) fn missing<T>(&self) -> Result<T, Fault> {
        Err(self.unreadable(io::ErrorKind::NotFound.into()))
    }

    fn tokens(&self) -> Result<(Vec<Token>, Option<Stamp>), Fault> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), None)),
            Err(error) => return Err(self.unreadable(error)),
        };
        let metadata = file.metadata().map_err(|error| self.unreadable(error))?;
        let mut text = String::new();
        file.take(LARGEST + 1)
            .read_to_string(&mut text)
            .map_err(|error| self.unreadable(error))?;
        if text.len() as u64 > LARGEST {
            return Err(self.unreadable(io::ErrorKind::FileTooLarge.into()));
        }
        let lines = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty());
        let tokens = lines
            .map(|(index, line)| self.token(index + 1, line))
            .collect::<Result<_, _>>()?;
        Ok((tokens, Some(Stamp::of(&metadata))))
    }

    /// What serde says of a bad line may quote it, so only its place is told.
    fn token(&self, line: usize, text: &str) -> Result<Token, Fault> {
        let malformed = |column| Fault::Malformed {
            path: self.path.clone(),
            line,
            column,
        };
        let row: Row = serde_json::from_str(text).map_err(|error| malformed(error.column()))?;
        row.token().ok_or_else(|| malformed(0))
    }

    fn change(&self, edit: impl FnOnce(&mut Vec<Token>) -> Result<(), Fault>) -> Result<(), Fault> {
        let _lock = self.lock().map_err(|error| self.unwritable(error))?;
        let mut tokens = self.list()?;
        edit(&mut tokens)?;
        self.replace(&tokens)
            .map_err(|error| self.unwritable(error))
    }

    /// Held until the handle is dropped; the system lets go of it when the process dies.
    fn lock(&self) -> io::Result<File> {
        // Tokens may be issued before the first start.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(self.directory())?;
        let path = beside(&self.path, "lock");
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        self.hand_over(&file)?;
        file.lock()?;
        Ok(file)
    }

    /// Gives a file to whom the tokens belong, or to whom their directory does: what root writes, the gateway must be
    /// able to read, or a token that root revoked would go on working.
    fn hand_over(&self, file: &File) -> io::Result<()> {
        let owner = match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::metadata(self.directory()),
            found => found,
        }?;
        let present = file.metadata()?;
        if (present.uid(), present.gid()) == (owner.uid(), owner.gid()) {
            return Ok(());
        }
        fchown(file, Some(owner.uid()), Some(owner.gid()))
    }

    fn directory(&self) -> &Path {
        let directory = self.path.parent();
        let directory = directory.filter(|directory| !directory.as_os_str().is_empty());
        directory.unwrap_or(Path::new("."))
    }

    fn replace(&self, tokens: &[Token]) -> io::Result<()> {
        let path = beside(&self.path, "new");
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut text = Vec::new();
        for token in tokens {
            serde_json::to_writer(&mut text, &Row::of(token))?;
            text.push(b'\n');
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        self.hand_over(&file)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&path, &self.path)?;
        File::open(self.directory())?.sync_all()
    }

    fn unreadable(&self, source: io::Error) -> Fault {
        Fault::Unreadable {
            path: self.path.clone(),
            source,
        }
    }

    fn unwritable(&self, source: io::Error) -> Fault {
        Fault::Unwritable {
            path: self.path.clone(),
            source,
        }
    }
}

/// The tokens of one state of the file, by digest. A look-up needs no constant time: its time depends on
/// the digest, and nobody can choose digests of tokens they do not know.
#[derive(Debug, Default)]
pub(super) struct Book {
    entries: HashMap<Digest, Entry>,
}

#[derive(Debug)]
struct Entry {
    caller: Arc<Caller>,
    expires_at: Timestamp,
    revoked_at: Option<Timestamp>,
}

impl Book {
    pub(super) fn find(&self, digest: &Digest, now: Timestamp) -> Result<Arc<Caller>, Error> {
        let entry = self.entries.get(digest).ok_or(Error::Unknown)?;
        match entry.revoked_at {
            Some(_) => Err(Error::Revoked),
            None if now >= entry.expires_at => Err(Error::Expired),
            None => Ok(entry.caller.clone()),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// One state of a file: a replaced file has another inode, an edited one another length or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// One line of the file. The id is not in it: it follows from the digest.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    sha256: String,
    caller: Grant,
    issued_at: String,
    expires_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
}

impl Row {
    fn of(token: &Token) -> Self {
        Self {
            sha256: token.digest.to_string(),
            caller: token.grant.clone(),
            issued_at: token.issued_at.to_string(),
            expires_at: token.expires_at.to_string(),
            revoked_at: token.revoked_at.map(|at| at.to_string()),
        }
    }

    fn token(self) -> Option<Token> {
        let digest = Digest::parse(&self.sha256).ok()?;
        let revoked_at = match self.revoked_at {
            Some(text) => Some(Timestamp::parse(&text)?),
            None => None,
        };
        Some(Token {
            id: TokenId::of(&digest),
            grant: self.caller,
            issued_at: Timestamp::parse(&self.issued_at)?,
            expires_at: Timestamp::parse(&self.expires_at)?,
            revoked_at,
            digest,
        })
    }
}

/// The caller of a token; an insurer has none.
fn caller(grant: &Grant) -> Result<Caller, Fault> {
    let fault = |source| Fault::Caller {
        name: grant.name.clone(),
        source,
    };
    let caller = grant.caller().map_err(fault)?;
    match caller.role() {
        Role::Insurer => Err(fault(Contradiction::InsurerByToken)),
        Role::Centre | Role::Operator | Role::National | Role::Metrics => Ok(caller),
    }
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}
