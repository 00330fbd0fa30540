//! Everything that the configuration names, read before anything is bound or written: a check and a start read the same,
//! in the same way, so that what a check finds usable does not stop a start.
//!
//! All that cannot be used is said at once.

use std::sync::Arc;

use anyhow::Context as _;

use super::registered::Inspection;
use super::renewal::{Files, Look};
use super::ways::Ways;
use super::{Error, crypto, expiry};
use crate::access::{Access, TokenFile};
use crate::claims::agreement::Agreements;
use crate::claims::id::EndpointName;
use crate::claims::registry::Registration;
use crate::claims::time::Timestamp;
use crate::config::{self, Config};
use crate::desk;
use crate::formats::jws::unencoded::Signer;
use crate::formats::registry::Lined;
use crate::formats::xml::Reader;
use crate::store::embedded;
use crate::tls::{self, Server};
use crate::transport::lists::{self, Lists};
use crate::transport::webhook::Webhooks;

/// Everything that the configuration names, read and found usable.
pub(super) struct Read {
    pub(super) server: Arc<Server>,
    pub(super) agreements: Arc<Agreements>,
    pub(super) registry: Option<Vec<Lined>>,
    pub(super) ways: Arc<Ways>,
    pub(super) reader: Arc<Reader>,
    pub(super) webhooks: Arc<Webhooks>,
    pub(super) signer: Option<Signer>,
    pub(super) public: config::Public,
    pub(super) files: Arc<Files>,
    /// The files as they were before they were read.
    pub(super) look: Look,
    pub(super) lists: Lists,
}

/// What cannot be used.
#[derive(Default)]
struct Unusable(Vec<anyhow::Error>);

impl Unusable {
    /// What was read, or nothing and why.
    fn keep<T>(&mut self, read: anyhow::Result<T>) -> Option<T> {
        read.map_err(|error| self.0.push(error)).ok()
    }

    fn error(self) -> Error {
        let lines = self.0.iter().map(|error| format!("{error:#}"));
        Error::Config(anyhow::anyhow!(lines.collect::<Vec<_>>().join("\n")))
    }
}

/// Reads everything that the configuration names; binds and writes nothing. Gives what can be used and is wanting, or
/// will be soon.
///
/// # Errors
/// [`Error::Config`].
pub fn check(config: &Config, now: Timestamp) -> Result<Vec<String>, Error> {
    let read = read(config)?;
    let is_in_file = |name: &EndpointName| {
        let mut registered = read.registry.iter().flatten();
        registered.any(|lined| match &lined.registration {
            Registration::Endpoint(version) => version.name == *name,
            Registration::Centre(_) | Registration::Gestionnaire(_) | Registration::Caisse(_) => {
                false
            }
        })
    };
    let mut found = wanting(config, is_in_file);
    let warn_days = config.renewal.warn_days;
    let ending = expiry::ending(&read.server, &read.ways, now, warn_days);
    found.extend(ending.iter().map(|(shown_to, left)| match shown_to {
        None => format!("public.tls: the certificate {left}"),
        Some(endpoint) => format!("endpoint `{endpoint}`: the certificate that it is shown {left}"),
    }));
    Ok(found)
}

/// What of a configuration that can be used is not there yet, in sentences.
pub(super) fn wanting(
    config: &Config,
    is_registered: impl Fn(&EndpointName) -> bool,
) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(file) = &config.access.tokens
        && !TokenFile::new(file.clone()).is_there()
    {
        let file = file.display();
        found.push(format!(
            "access.tokens: {file} is not there, so nobody comes in by a token: issue one with `bordereau token issue`, \
             or put the file back after a restore"
        ));
    }
    let known = |insurer: &str| {
        let mut endpoints = config.transport.endpoints.iter();
        let is_configured =
            endpoints.any(|endpoint| endpoint.names().any(|name| name.as_str() == insurer));
        is_configured || EndpointName::parse(insurer).is_ok_and(|name| is_registered(&name))
    };
    let certificates = config.access.certificates.iter();
    let insurers = certificates.filter_map(|entry| entry.caller.insurer.as_deref());
    found.extend(insurers.filter(|insurer| !known(insurer)).map(|insurer| {
        format!(
            "access.certificates: no endpoint `{insurer}` is configured or registered, so all that its insurer hands in is \
             kept aside"
        )
    }));
    found
}

pub(super) fn read(config: &Config) -> Result<Read, Error> {
    crypto();
    let public = config.public.clone().ok_or_else(|| {
        Error::config(anyhow::anyhow!(
            "public: the section is needed, with `address` and `tls` of the public listener"
        ))
    })?;
    let files = Files {
        settings: config.renewal.clone(),
        public: public.clone(),
    };
    let look = files.look(&config.transport);
    let reader = Arc::new(Reader::new().map_err(Error::start)?);
    let mut unusable = Unusable::default();
    let lists = unusable.keep(lists(&files).map_err(Into::into));
    let ways = unusable.keep(Ways::open(config).map_err(Into::into));
    let agreements = config::agreements::load(&config.import.agreements);
    let agreements = unusable.keep(agreements.map_err(Into::into));
    let registry = agreements.as_ref().and_then(|agreements| {
        let file = Inspection::by(config).file(agreements);
        unusable.keep(file.map_err(Into::into))
    });
    let encryption = embedded::encryption::check(&config.store);
    unusable.keep(encryption.map_err(Into::into));
    let server = unusable.keep(server(&public.tls, &config.renewal).context("public.tls"));
    unusable.keep(Access::check(&config.access).context("access"));
    let socket = desk::socket::check(&config.desk);
    unusable.keep(socket.with_context(|| {
        let path = config.desk.socket.display();
        format!("desk.socket: nothing can be listened on at {path}")
    }));
    let webhooks = Webhooks::new(&config.transport.webhooks);
    let webhooks = unusable.keep(webhooks.map_err(Into::into));
    let signer = unusable.keep(config.report.signer().map_err(Into::into));
    match (
        lists,
        ways,
        agreements,
        registry,
        server,
        webhooks,
        signer,
        &unusable.0[..],
    ) {
        (
            Some(lists),
            Some(ways),
            Some(agreements),
            Some(registry),
            Some(server),
            Some(webhooks),
            Some(signer),
            [],
        ) => Ok(Read {
            server: Arc::new(server),
            agreements: Arc::new(agreements),
            registry,
            ways: Arc::new(ways),
            reader,
            webhooks: Arc::new(webhooks),
            signer,
            public,
            files: Arc::new(files),
            look,
            lists,
        }),
        _ => Err(unusable.error()),
    }
}

/// The public listener's certificate and key, found to belong together.
fn server(tls: &tls::Config, renewal: &tls::renewal::Config) -> Result<Server, tls::Error> {
    Server::new(&tls.load(renewal)?)
}

/// The way to revocation lists, if those of the public listener can be asked for; of endpoints that is checked with them.
fn lists(files: &Files) -> Result<Lists, lists::Error> {
    let public = files.public.tls.lists();
    for url in public.iter().flat_map(|sources| sources.urls) {
        Lists::check(url)?;
    }
    let settings = &files.settings;
    Lists::new(settings.timeout(), settings.list_bytes.get())
}
