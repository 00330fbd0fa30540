//! Tokens and certificates end to end: issued, shown, refused, changed under a running daemon.

use super::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::thread;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::claims::document::Purpose;
use crate::claims::id::Digest;
use crate::tls::authority::{Authority, ClientName};
use x509_parser::pem::parse_x509_pem;

struct House {
    directory: TempDir,
    access: Access,
    facts: Arc<Mutex<Vec<String>>>,
}

impl House {
    fn open(certificates: Vec<CertificateEntry>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = Config {
            tokens: Some(directory.path().join("tokens")),
            certificates,
        };
        let facts = Arc::new(Mutex::new(Vec::new()));
        let told = facts.clone();
        let observer: Observer = Arc::new(move |fact| told.lock().unwrap().push(fact.to_string()));
        Self {
            access: Access::open(&config, observer, at(0)).unwrap(),
            directory,
            facts,
        }
    }

    fn file(&self) -> TokenFile {
        TokenFile::new(self.directory.path().join("tokens"))
    }

    fn by_token(&self, token: &str, now: Timestamp) -> Result<Arc<Caller>, Error> {
        self.access
            .identify(None, Some(&format!("Bearer {token}")), now)
    }

    fn facts(&self) -> Vec<String> {
        std::mem::take(&mut self.facts.lock().unwrap())
    }
}

/// An instant, in seconds after a fixed one.
fn at(seconds: u64) -> Timestamp {
    Timestamp::parse("2026-11-22T12:00:00Z").unwrap() + Duration::from_secs(seconds)
}

fn grant(role: Role) -> Grant {
    Grant {
        name: "vendor".into(),
        role,
        centres: Vec::new(),
        gestionnaire: None,
        insurer: None,
        test: false,
    }
}

fn centre() -> Grant {
    Grant {
        centres: vec!["750000002".into()],
        ..grant(Role::Centre)
    }
}

fn entry(identity: &str, name: &str) -> CertificateEntry {
    CertificateEntry {
        identity: identity.into(),
        caller: Grant {
            name: name.into(),
            ..centre()
        },
    }
}

fn der(certificate: &str) -> Vec<u8> {
    parse_x509_pem(certificate.as_bytes()).unwrap().1.contents
}

fn fingerprint(der: &[u8]) -> Digest {
    Digest(Sha256::digest(der).into())
}

#[test]
fn a_token_lives_from_its_issue_to_its_end() {
    let house = House::open(Vec::new());
    let issued = house.file().issue(centre(), at(100), at(0)).unwrap();
    let token = issued.secret.reveal();
    assert_eq!(
        house.by_token(token, at(0)),
        Err(Error::Unknown),
        "looked at less than a second ago"
    );
    let caller = house.by_token(token, at(1)).unwrap();
    assert_eq!(
        (caller.name().as_str(), caller.role()),
        ("vendor", Role::Centre)
    );
    assert_eq!(caller.purpose(), Purpose::Real);
    assert!(house.by_token(token, at(99)).is_ok());
    assert_eq!(house.by_token(token, at(100)), Err(Error::Expired));

    house.file().revoke(&issued.token.id, at(50)).unwrap();
    assert_eq!(
        house.by_token(token, at(51)),
        Err(Error::Revoked),
        "time may step back"
    );
    house.file().revoke(&issued.token.id, at(60)).unwrap();
    assert_eq!(
        house.file().list().unwrap()[0].revoked_at,
        Some(at(50)),
        "the first instant stays"
    );
    assert_eq!(house.facts().len(), 2);
}

#[test]
fn a_reload_needs_no_second_to_pass() {
    let house = House::open(Vec::new());
    let issued = house
        .file()
        .issue(grant(Role::Metrics), at(100), at(0))
        .unwrap();
    house.access.reload(at(0));
    assert!(house.by_token(issued.secret.reveal(), at(0)).is_ok());
}

#[test]
fn what_is_not_known_or_not_shown() {
    let house = House::open(Vec::new());
    let certificate = Authority::new("Test")
        .unwrap()
        .client(ClientName {
            common_name: "x",
            uri: None,
        })
        .unwrap();
    let certificate = der(&certificate.certificate);
    for (certificate, authorization, expected) in [
        (None, None, Error::Missing),
        (
            None,
            Some("Bearer brd_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            Error::Unknown,
        ),
        (None, Some("Basic YTpi"), Error::Unknown),
        (None, Some(""), Error::Unknown),
        (Some(&certificate[..]), None, Error::Unknown),
        (Some(b"no certificate"), None, Error::Unknown),
    ] {
        assert_eq!(
            house.access.identify(certificate, authorization, at(0)),
            Err(expected),
            "{authorization:?}"
        );
    }
}

#[test]
fn the_file_holds_no_token_and_is_for_its_owner_only() {
    let house = House::open(Vec::new());
    let secrets: Vec<_> = (0..3)
        .map(|_| house.file().issue(centre(), at(9), at(0)).unwrap().secret)
        .collect();
    let path = house.directory.path().join("tokens");
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 3);
    for secret in secrets {
        assert!(!text.contains(secret.reveal()));
        assert!(!text.contains(secret.reveal().strip_prefix("brd_").unwrap()));
    }
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(!house.directory.path().join("tokens.new").exists());
}

#[test]
fn the_file_stays_with_whom_it_belongs_to() {
    let house = House::open(Vec::new());
    let path = house.directory.path().join("tokens");
    house.file().issue(centre(), at(9), at(0)).unwrap();
    let owner = |path: &Path| {
        let found = fs::metadata(path).unwrap();
        (found.uid(), found.gid())
    };
    // Who is root here gives it to another; to anybody else it belongs already.
    let other = (65_534, 65_534);
    let given = chown(&path, Some(other.0), Some(other.1)).is_ok();
    let expected = if given { other } else { owner(&path) };
    house.file().issue(centre(), at(9), at(0)).unwrap();
    assert_eq!(owner(&path), expected);
    assert_eq!(house.file().list().unwrap().len(), 2);
}

#[test]
fn a_bad_file_leaves_the_last_good_one_and_is_told_of_once() {
    let house = House::open(Vec::new());
    let path = house.directory.path().join("tokens");
    let issued = house.file().issue(centre(), at(1000), at(0)).unwrap();
    let token = issued.secret.reveal();
    assert!(house.by_token(token, at(2)).is_ok());
    let good = fs::read_to_string(&path).unwrap();
    house.facts();

    let mut now = 2;
    let bad_insurer = good.replace(
        r#""role":"centre","centres":["750000002"]"#,
        r#""role":"insurer","insurer":"a""#,
    );
    for bad in [
        "{",
        &good.replace("sha256", "md5"),
        &good.replace("2026-", "soon-"),
        &bad_insurer,
    ] {
        fs::write(&path, bad).unwrap();
        for _ in 0..3 {
            now += 2;
            assert!(house.by_token(token, at(now)).is_ok());
        }
        let facts = house.facts();
        assert_eq!(facts.len(), 1, "{facts:?}");
        assert!(
            facts[0].starts_with("the token file stays as it was"),
            "{facts:?}"
        );
        assert!(
            Access::open(
                &Config {
                    tokens: Some(path.clone()),
                    certificates: Vec::new()
                },
                house.access.observer.clone(),
                at(0)
            )
            .is_err()
        );
    }
    fs::remove_file(&path).unwrap();
    assert!(
        house.by_token(token, at(now + 2)).is_ok(),
        "a lost file revokes nobody"
    );
    assert_eq!(house.facts().len(), 1);
    fs::write(&path, good).unwrap();
    assert!(house.by_token(token, at(now + 4)).is_ok());
    assert_eq!(house.facts(), ["the token file was read: 1 tokens"]);
}

#[test]
fn changes_at_the_same_time_all_take_effect() {
    let house = House::open(Vec::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    house.file().issue(centre(), at(9), at(0)).unwrap();
                }
            });
        }
    });
    assert_eq!(house.file().list().unwrap().len(), 20);
}

#[test]
fn what_cannot_be_issued_or_revoked() {
    let place = tempfile::tempdir().unwrap();
    let no_directory = place.path().join("file");
    fs::write(&no_directory, "").unwrap();
    let file = TokenFile::new(no_directory.join("tokens.json"));
    let insurer = Grant {
        insurer: Some("cpam".into()),
        ..grant(Role::Insurer)
    };
    let year = LOOK_EVERY * 86_400 * 397;
    assert!(matches!(
        file.issue(centre(), at(0), at(0)),
        Err(Fault::Expiry)
    ));
    assert!(matches!(
        file.issue(centre(), at(0) + year, at(0)),
        Err(Fault::Expiry)
    ));
    assert!(matches!(
        file.issue(insurer, at(9), at(0)),
        Err(Fault::Caller {
            source: Contradiction::InsurerByToken,
            ..
        })
    ));
    assert!(matches!(
        file.issue(centre(), at(9), at(0)),
        Err(Fault::Unwritable { .. })
    ));
    let house = House::open(Vec::new());
    let id = TokenId::parse("0123456789ABCDEF").unwrap();
    assert!(matches!(
        house.file().revoke(&id, at(0)),
        Err(Fault::NoSuchToken(_))
    ));
    assert!(TokenId::parse("0123").is_none());
}

#[test]
fn a_certificate_is_known_by_fingerprint_uri_or_common_name_in_this_order() {
    let authority = Authority::new("Test").unwrap();
    let uri = Some("urn:centre:1");
    let pair = authority
        .client(ClientName {
            common_name: "centre-1",
            uri,
        })
        .unwrap();
    let leaf = der(&pair.certificate);
    let by_fingerprint = format!("sha256:{}", fingerprint(&leaf));
    let rows = [
        entry(&by_fingerprint, "first"),
        entry("uri:urn:centre:1", "second"),
        entry("cn:centre-1", "third"),
    ];
    for skipped in 0..rows.len() {
        let house = House::open(rows[skipped..].to_vec());
        let caller = house.access.identify(Some(&leaf), None, at(0)).unwrap();
        assert_eq!(caller.name().as_str(), rows[skipped].caller.name);
    }
    let house = House::open(rows.to_vec());
    let before = Timestamp::parse("1970-01-01T00:00:00Z").unwrap();
    assert_eq!(
        house.access.identify(Some(&leaf), None, before),
        Err(Error::Expired)
    );
    let with_both = house
        .access
        .identify(Some(&leaf), Some("Bearer brd_unknown"), at(0));
    assert_eq!(
        with_both,
        Err(Error::Unknown),
        "a certificate does not make a bad token good"
    );
}

#[test]
fn a_table_of_certificates_that_cannot_be() {
    let open = |certificates| {
        Access::open(
            &Config {
                tokens: None,
                certificates,
            },
            Arc::new(|_| ()),
            at(0),
        )
        .err()
    };
    for identity in ["centre", "cn:", "dn:x", "sha256:12"] {
        assert!(
            matches!(open(vec![entry(identity, "a")]), Some(Fault::Identity(_))),
            "{identity}"
        );
    }
    assert!(matches!(
        open(vec![entry("cn:x", "a"), entry("cn:x", "b")]),
        Some(Fault::Twice(_))
    ));
    assert!(matches!(
        open(vec![entry("cn:x", "a b")]),
        Some(Fault::Caller { .. })
    ));
}
