//! Revocation lists: reading them from files, keeping those that were fetched, and what a list that is too old means.
//!
//! A list that is past its next update still revokes what it names, and for a while vouches for the rest: a late list
//! must not shut out every centre. After that while nobody vouches for the certificates of its authority, and they are
//! refused. A list is kept only if an authority that we trust signed it and it is newer than the one before: it may
//! come over a plain connection, and one bad list would refuse everybody.
//!
//! A crash between writing a list and renaming it leaves the one before.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, SignatureScheme};
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::OID_X509_EXT_ISSUER_DISTRIBUTION_POINT;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::config::read;
use super::material::{certificates, revocation_lists};
use super::renewal::Config;
use super::{Error, Part};

/// Where the lists of one set of authorities come from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// The authorities, in PEM.
    pub roots: &'a Path,
    /// Files.
    pub files: &'a [PathBuf],
    /// Addresses.
    pub urls: &'a [String],
}

/// How the lists of one set of authorities stand. Instants are seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// When the oldest of them was issued; none while one that is wanted never came.
    pub issued: Option<i64>,
    /// Until when they vouch for what they do not name.
    pub until: i64,
}

/// What became of a list that was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// It is newer than what was kept, and is kept. It asks to be fetched again by then (seconds since 1970).
    Taken(Option<i64>),
    /// It is what was kept already.
    Unchanged(Option<i64>),
    /// It is older than what was kept: an answer from the past.
    Older,
    /// It is no list, or none of the authorities signed it.
    Unproven,
}

/// The lists of a set of authorities, and how long they vouch for what they do not name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lists {
    /// The latest of each authority and part.
    pub(super) latest: Vec<CertificateRevocationListDer<'static>>,
    terms: Vec<Term>,
}

/// The lists that vouch no longer for what they do not name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Over(Vec<Term>);

/// Until when an authority's certificates are vouched for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    /// The authority's name, in DER; none stands for all: nobody knows whose list never came.
    issuer: Option<Vec<u8>>,
    issued: Option<i64>,
    until: i64,
}

impl Sources<'_> {
    /// Reads what is there. A list that was never fetched is waited for.
    pub(super) fn load(&self, config: &Config) -> Result<Lists, Error> {
        let mut bytes = Vec::new();
        for file in self.files {
            bytes.push(read(file)?);
        }
        let mut terms = Vec::new();
        for url in self.urls {
            let kept = config.kept(url).ok_or(Error::ListsWithoutDirectory)?;
            match fs::read(&kept.list) {
                Ok(list) => bytes.push(list),
                Err(error) if error.kind() == io::ErrorKind::NotFound => terms.push(Term {
                    issuer: None,
                    issued: None,
                    until: wanted_since(&kept.wanted)
                        .map_or(i64::MAX, |since| since.saturating_add(config.grace())),
                }),
                Err(source) => {
                    let path = kept.list;
                    return Err(Error::Unreadable { path, source });
                }
            }
        }
        let mut lists = Lists::of(&bytes, config.grace())?;
        lists.terms.extend(terms);
        Ok(lists)
    }

    /// Writes down since when each list that never came is wanted, unless that is known. Seconds since 1970.
    ///
    /// # Errors
    /// [`Error::Unwritable`], [`Error::ListsWithoutDirectory`].
    pub fn want(&self, config: &Config, now: i64) -> Result<(), Error> {
        for url in self.urls {
            let kept = config.kept(url).ok_or(Error::ListsWithoutDirectory)?;
            if !kept.list.exists() && wanted_since(&kept.wanted).is_none() {
                put(&kept.wanted, now.to_string().as_bytes())?;
            }
        }
        Ok(())
    }

    /// Keeps a list that came from an address, if it is to be believed and new.
    ///
    /// # Errors
    /// About reading the authorities, and [`Error::Unwritable`].
    pub fn keep(&self, config: &Config, url: &str, bytes: &[u8]) -> Result<Keeping, Error> {
        let kept = config.kept(url).ok_or(Error::ListsWithoutDirectory)?;
        let authorities = certificates(&read(self.roots)?, Part::Roots)?;
        let Ok(lists) = revocation_lists(bytes) else {
            return Ok(Keeping::Unproven);
        };
        let [list] = &lists[..] else {
            return Ok(Keeping::Unproven);
        };
        let Some(seen) = Seen::of(list) else {
            return Ok(Keeping::Unproven);
        };
        if !is_signed(list, &authorities) {
            return Ok(Keeping::Unproven);
        }
        let before = fs::read(&kept.list).ok();
        let before = before.as_deref().and_then(Seen::of);
        if before
            .as_ref()
            .is_some_and(|before| before.issued > seen.issued)
        {
            return Ok(Keeping::Older);
        }
        if before.is_some_and(|before| before.issued == seen.issued) {
            return Ok(Keeping::Unchanged(seen.next));
        }
        put(&kept.list, list)?;
        Ok(Keeping::Taken(seen.next))
    }

    /// Every file that is read for them.
    pub fn read_files(&self, config: &Config) -> Vec<PathBuf> {
        let mut files = vec![self.roots.to_owned()];
        files.extend_from_slice(self.files);
        for kept in self.urls.iter().filter_map(|url| config.kept(url)) {
            files.extend([kept.list, kept.wanted]);
        }
        files
    }
}

impl Lists {
    /// Reads lists in PEM or DER; of two of one authority and part the later counts.
    pub(super) fn of(bytes: &[Vec<u8>], grace: i64) -> Result<Lists, Error> {
        let mut latest: Vec<(Option<Seen>, CertificateRevocationListDer<'static>)> = Vec::new();
        for list in bytes {
            for list in revocation_lists(list)? {
                // What is no list is found when the verifier is built.
                let seen = Seen::of(&list);
                let same = latest
                    .iter_mut()
                    .find(|(other, _)| matches!((other, &seen), (Some(a), Some(b)) if a.is_of(b)));
                match same {
                    Some(other)
                        if other.0.as_ref().map(|seen| seen.issued)
                            < seen.as_ref().map(|seen| seen.issued) =>
                    {
                        *other = (seen, list);
                    }
                    Some(_) => {}
                    None => latest.push((seen, list)),
                }
            }
        }
        let terms = latest.iter().filter_map(|(seen, _)| {
            let seen = seen.as_ref()?;
            Some(Term {
                issuer: Some(seen.issuer.clone()),
                issued: Some(seen.issued),
                // RFC 5280 §5.1.2.5 asks for the date; a list without it is due as soon as it is issued.
                until: seen.next.unwrap_or(seen.issued).saturating_add(grace),
            })
        });
        Ok(Lists {
            terms: terms.collect(),
            latest: latest.into_iter().map(|(_, list)| list).collect(),
        })
    }

    /// Which of them are over at an instant, in seconds since 1970.
    pub(super) fn over(&self, at: i64) -> Over {
        let over = self.terms.iter().filter(|term| term.until < at);
        Over(over.cloned().collect())
    }

    /// How they stand; none where no list is wanted.
    pub(super) fn standing(&self) -> Option<Standing> {
        let until = self.terms.iter().map(|term| term.until).min()?;
        let issued = self.terms.iter().map(|term| term.issued);
        Some(Standing {
            issued: issued
                .collect::<Option<Vec<_>>>()
                .and_then(|all| all.into_iter().min()),
            until,
        })
    }
}

/// What is looked at in a list.
struct Seen {
    issuer: Vec<u8>,
    /// The part of the authority's certificates that it is for (RFC 5280 §5.2.5), in DER.
    part: Option<Vec<u8>>,
    issued: i64,
    next: Option<i64>,
}

impl Seen {
    fn of(der: &[u8]) -> Option<Seen> {
        let (_, list) = CertificateRevocationList::from_der(der).ok()?;
        let mut extensions = list.extensions().iter();
        let part = extensions.find(|found| found.oid == OID_X509_EXT_ISSUER_DISTRIBUTION_POINT);
        Some(Seen {
            issuer: list.issuer().as_raw().to_vec(),
            part: part.map(|found| found.value.to_vec()),
            issued: list.last_update().timestamp(),
            next: list.next_update().map(|next| next.timestamp()),
        })
    }

    fn is_of(&self, other: &Seen) -> bool {
        self.issuer == other.issuer && self.part == other.part
    }
}

/// Whether one of the authorities signed a list.
fn is_signed(list: &[u8], authorities: &[CertificateDer<'_>]) -> bool {
    let Ok((_, list)) = CertificateRevocationList::from_der(list) else {
        return false;
    };
    authorities.iter().any(|authority| {
        X509Certificate::from_der(authority).is_ok_and(|(_, authority)| {
            authority.subject().as_raw() == list.issuer().as_raw()
                && list.verify_signature(authority.public_key()).is_ok()
        })
    })
}

/// Since when a list is wanted that never came.
fn wanted_since(file: &Path) -> Option<i64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// Writes a file beside its place, then puts it there at once.
fn put(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let beside = path.with_extension("new");
    let written = File::create(&beside)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|source| Error::Unwritable {
        path: path.to_owned(),
        source,
    })
}

/// A verifier that also refuses what nobody vouches for any more.
#[derive(Debug)]
pub(super) struct Vouched<V: ?Sized> {
    inner: Arc<V>,
    terms: Vec<Term>,
}

impl<V: ?Sized> Vouched<V> {
    pub(super) fn new(inner: Arc<V>, lists: &Lists) -> Vouched<V> {
        Vouched {
            inner,
            terms: lists.terms.clone(),
        }
    }

    fn check(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let over: Vec<_> = self.terms.iter().filter(|term| term.until < now).collect();
        if over.is_empty() {
            return Ok(());
        }
        for certificate in std::iter::once(leaf).chain(others) {
            let (_, certificate) = X509Certificate::from_der(certificate)
                .map_err(|_| rustls::Error::from(CertificateError::BadEncoding))?;
            let issuer = certificate.issuer().as_raw();
            let is_over = |term: &&Term| term.issuer.as_deref().is_none_or(|of| of == issuer);
            if over.iter().any(is_over) {
                return Err(CertificateError::UnknownRevocationStatus.into());
            }
        }
        Ok(())
    }
}

impl ClientCertVerifier for Vouched<dyn ClientCertVerifier> {
    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.inner.verify_client_cert(leaf, others, now)?;
        self.check(leaf, others, now).map(|()| verified)
    }

    fn verify_tls12_signature(
        &self,
        text: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(text, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        text: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(text, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

impl ServerCertVerifier for Vouched<dyn ServerCertVerifier> {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self
            .inner
            .verify_server_cert(leaf, others, name, ocsp, now)?;
        self.check(leaf, others, now).map(|()| verified)
    }

    fn verify_tls12_signature(
        &self,
        text: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(text, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        text: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(text, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject;
    use tempfile::TempDir;

    use super::*;
    use crate::tls::authority::{Authority, Pair};

    const URL: &str = "http://crl.example/a.crl";

    struct House {
        authority: Authority,
        config: Config,
        roots: PathBuf,
        urls: Vec<String>,
        _directory: TempDir,
    }

    impl House {
        fn new() -> House {
            let directory = tempfile::tempdir().unwrap();
            let authority = Authority::new("Test").unwrap();
            authority.write(directory.path()).unwrap();
            House {
                authority,
                config: Config {
                    directory: Some(directory.path().to_owned()),
                    grace_seconds: 100,
                    ..Config::default()
                },
                roots: directory.path().join("authority.pem"),
                urls: vec![URL.to_owned()],
                _directory: directory,
            }
        }

        fn sources(&self) -> Sources<'_> {
            Sources {
                roots: &self.roots,
                files: &[],
                urls: &self.urls,
            }
        }

        fn standing(&self) -> Standing {
            let lists = self.sources().load(&self.config).unwrap();
            lists.standing().unwrap()
        }

        fn keep(&self, list: &[u8]) -> Keeping {
            self.sources().keep(&self.config, URL, list).unwrap()
        }
    }

    fn der(pem: &str) -> Vec<u8> {
        CertificateRevocationListDer::from_pem_slice(pem.as_bytes())
            .unwrap()
            .to_vec()
    }

    const YEAR_2030: i64 = 1_893_456_000;
    const YEAR_2031: i64 = YEAR_2030 + 365 * 86_400;

    #[test]
    fn a_list_is_kept_if_it_is_signed_and_newer() {
        let house = House::new();
        let list = |issued| der(&house.authority.revoke_in(&[], issued, 2031).unwrap());
        let stranger = Authority::new("Test").unwrap();
        let stranger = der(&stranger.revoke_in(&[], 2030, 2031).unwrap());
        let pem = house.authority.revoke_in(&[], 2030, 2031).unwrap();
        let mut broken = list(2029);
        let last = broken.len() - 1;
        broken[last] ^= 1;
        for (bytes, expected) in [
            (&b"<html>"[..], Keeping::Unproven),
            (b"", Keeping::Unproven),
            (&[0x30, 0], Keeping::Unproven),
            // Of the same name, and with another key.
            (&stranger, Keeping::Unproven),
            (&broken, Keeping::Unproven),
            (&list(2029), Keeping::Taken(Some(YEAR_2031))),
            (&list(2029), Keeping::Unchanged(Some(YEAR_2031))),
            (&list(2028), Keeping::Older),
            (pem.as_bytes(), Keeping::Taken(Some(YEAR_2031))),
        ] {
            assert_eq!(house.keep(bytes), expected);
        }
        let standing = Standing {
            issued: Some(YEAR_2030),
            until: YEAR_2031 + 100,
        };
        assert_eq!(house.standing(), standing);
    }

    #[test]
    fn a_list_that_never_came_is_waited_for_since_it_was_first_wanted() {
        let house = House::new();
        let never = |until| Standing {
            issued: None,
            until,
        };
        assert_eq!(house.standing(), never(i64::MAX), "until somebody asks");
        for now in [1000, 2000] {
            house.sources().want(&house.config, now).unwrap();
            assert_eq!(
                house.standing(),
                never(1100),
                "a restart is no reason to wait longer"
            );
        }
        let pair = house.authority.server(&["localhost"]).unwrap();
        let lists = house.sources().load(&house.config).unwrap();
        for (now, is_refused) in [(1100, false), (1101, true)] {
            assert_eq!(is_over(&lists, &pair, now), is_refused, "{now}");
        }
        house.keep(&der(&house.authority.revoke(&[]).unwrap()));
        let lists = house.sources().load(&house.config).unwrap();
        assert!(!is_over(&lists, &pair, 1101));
    }

    #[test]
    fn an_old_list_speaks_for_its_own_authority_alone() {
        let (authority, other) = (
            Authority::new("One").unwrap(),
            Authority::new("Two").unwrap(),
        );
        let list = authority.revoke_in(&[], 2030, 2031).unwrap().into_bytes();
        let lists = Lists::of(&[list], 100).unwrap();
        for (authority, now, is_refused) in [
            (&authority, YEAR_2031 + 100, false),
            (&authority, YEAR_2031 + 101, true),
            (&other, YEAR_2031 + 101, false),
        ] {
            let pair = authority.server(&["localhost"]).unwrap();
            assert_eq!(is_over(&lists, &pair, now), is_refused);
        }
    }

    #[test]
    fn each_list_that_lapses_is_another_standing() {
        let list = |name, next| {
            let authority = Authority::new(name).unwrap();
            let list = authority.revoke_in(&[], 2029, next).unwrap();
            list.into_bytes()
        };
        let lists = Lists::of(&[list("One", 2030), list("Two", 2031)], 100).unwrap();
        let over = |at| lists.over(at);
        assert_eq!(over(YEAR_2030 + 100), Over::default());
        let first = over(YEAR_2030 + 101);
        assert_ne!(first, Over::default());
        assert_eq!(first, over(YEAR_2031 + 100));
        assert_ne!(first, over(YEAR_2031 + 101), "of the second one too");
    }

    #[test]
    fn without_a_directory_nothing_can_be_fetched() {
        let house = House::new();
        let loaded = house.sources().load(&Config::default());
        assert!(matches!(loaded, Err(Error::ListsWithoutDirectory)));
    }

    fn is_over(lists: &Lists, pair: &Pair, now: i64) -> bool {
        let leaf = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now.unsigned_abs()));
        Vouched::new(Arc::new(()), lists)
            .check(&leaf, &[], at)
            .is_err()
    }
}
