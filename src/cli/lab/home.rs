//! A directory under the system's temporary one that holds everything of one run and goes with it.
//!
//! A kill leaves it behind; it is its owner's alone.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

use crate::access::{Grant, TokenFile};
use crate::clock::Clock;
use crate::store::journal::master::{KEY, write_new};
use crate::tls::authority::{Authority, ClientName};

/// How long tokens are good.
const TOKEN: Duration = Duration::from_secs(7 * 86_400);

/// The directory; dropped, it is removed.
pub(in crate::cli) struct Home {
    /// Where it is.
    pub(in crate::cli) path: PathBuf,
}

impl Home {
    /// A new directory for a run of that name.
    pub(in crate::cli) fn make(run: &str, clock: &dyn Clock) -> anyhow::Result<Home> {
        let name = format!("bordereau-{run}-{:016x}", clock.fresh_id() as u64);
        let path = std::env::temp_dir().join(name);
        let made = fs::DirBuilder::new().mode(0o700).create(&path);
        made.with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Home { path })
    }

    /// One authority, a certificate for every server (`server`), and the gateway's own as a client (`gateway`).
    pub(in crate::cli) fn certify(&self, authority: &str) -> anyhow::Result<()> {
        let authority = Authority::new(authority)?;
        authority.write(&self.path)?;
        let server = authority.server(&["localhost", "127.0.0.1"])?;
        server.write(&self.path, "server")?;
        let name = ClientName {
            common_name: "gateway",
            uri: None,
        };
        authority.client(name)?.write(&self.path, "gateway")?;
        Ok(())
    }

    /// Makes the master key of the gateway's store: `master.key`.
    pub(in crate::cli) fn lock(&self, clock: &dyn Clock) -> anyhow::Result<()> {
        let mut key = [0; KEY];
        for half in key.chunks_mut(16) {
            half.copy_from_slice(&clock.salt());
        }
        let path = self.path.join("master.key");
        let made = write_new(&path, &key);
        made.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(())
    }

    /// The authority of every certificate, in PEM.
    pub(in crate::cli) fn roots(&self) -> anyhow::Result<Vec<u8>> {
        let path = self.path.join("authority.pem");
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// Issues a token and gives it in clear; it is written to a file of the caller's name, too.
    pub(in crate::cli) fn issue(&self, grant: Grant, clock: &dyn Clock) -> anyhow::Result<String> {
        let file = TokenFile::new(self.path.join("tokens.json"));
        let (name, now) = (grant.name.clone(), clock.now());
        let issued = file.issue(grant, now + TOKEN, now)?;
        let secret = issued.secret.reveal().to_owned();
        self.write(&format!("{name}.token"), &secret)?;
        Ok(secret)
    }

    /// Writes a file.
    pub(in crate::cli) fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // What cannot be removed now is the system's to remove: it is in its temporary directory.
        let _ = fs::remove_dir_all(&self.path);
    }
}
