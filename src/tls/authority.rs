//! A private authority for the demo and the tests: it makes certificates that never expire and keys
//! that lie on disk in clear. It is never used for the field, and nothing here is read by the daemon.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::{fmt, str::FromStr};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SanType, SerialNumber, date_time_ymd, string::Ia5String,
};
use sha2::{Digest, Sha256};

use super::{Error, Identity, Trust};

/// An authority and its key.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// Who a client certificate speaks for.
#[derive(Clone, Copy, Debug)]
pub struct ClientName<'a> {
    /// The subject's common name.
    pub common_name: &'a str,
    /// A URI among the alternative names, for callers that are identified by it.
    pub uri: Option<&'a str>,
}

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub struct Pair {
    /// The leaf.
    pub certificate: String,
    /// Its private key (PKCS#8).
    pub key: String,
    serial: SerialNumber,
}

impl Authority {
    /// Makes a self-signed authority with this common name and a new P-256 key.
    ///
    /// # Errors
    /// [`Error::Issue`].
    pub fn new(name: &str) -> Result<Self, Error> {
        let mut params = named(name, Vec::new());
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self {
            issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)?,
        })
    }

    /// The authority's certificate in PEM: the root for the other side.
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// This authority and no other as trust, with these revocation lists.
    ///
    /// # Errors
    /// As [`Trust::from_pem`].
    pub fn trust(&self, lists: &[Vec<u8>]) -> Result<Trust, Error> {
        Trust::from_pem(self.certificate().as_bytes(), lists)
    }

    /// A server's certificate for these DNS names and IP addresses; the first is its common name too.
    ///
    /// # Errors
    /// [`Error::Issue`], for a name that cannot stand in a certificate.
    pub fn server(&self, names: &[&str]) -> Result<Pair, Error> {
        let alternatives = names
            .iter()
            .map(|name| alternative(name))
            .collect::<Result<_, _>>()?;
        let common_name = names.first().copied().unwrap_or("server");
        self.issue(
            named(common_name, alternatives),
            ExtendedKeyUsagePurpose::ServerAuth,
        )
    }

    /// A client's certificate.
    ///
    /// # Errors
    /// [`Error::Issue`], for a URI that is not ASCII.
    pub fn client(&self, name: ClientName<'_>) -> Result<Pair, Error> {
        let uris = match name.uri {
            Some(uri) => vec![SanType::URI(Ia5String::from_str(uri)?)],
            None => Vec::new(),
        };
        self.issue(
            named(name.common_name, uris),
            ExtendedKeyUsagePurpose::ClientAuth,
        )
    }

    /// A revocation list in PEM that names these certificates.
    ///
    /// # Errors
    /// [`Error::Issue`].
    pub fn revoke(&self, pairs: &[&Pair]) -> Result<String, Error> {
        self.revoke_in(pairs, 2020, 2120)
    }

    /// The same, issued on the first day of a year, with the next one on that of another.
    ///
    /// # Errors
    /// [`Error::Issue`].
    pub fn revoke_in(&self, pairs: &[&Pair], issued: i32, next: i32) -> Result<String, Error> {
        let revoked_certs = pairs.iter().map(|pair| revoked(pair)).collect();
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(issued, 1, 1),
            next_update: date_time_ymd(next, 1, 1),
            crl_number: SerialNumber::from(u64::from(issued.unsigned_abs())),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(&self.issuer)?.pem()?)
    }

    /// Writes `authority.pem` into the directory. The authority's key is not written: what it signed is
    /// all that there will be.
    ///
    /// # Errors
    /// [`Error::Unwritable`].
    pub fn write(&self, directory: &Path) -> Result<(), Error> {
        write(&directory.join("authority.pem"), &self.certificate(), 0o644)
    }

    fn issue(
        &self,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<Pair, Error> {
        let key = KeyPair::generate()?;
        let serial = serial(&key);
        params.serial_number = Some(serial.clone());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Pair {
            certificate,
            key: key.serialize_pem(),
            serial,
        })
    }
}

impl Pair {
    /// Writes `{name}.pem` and `{name}.key` into the directory, the key for its owner only (0600).
    ///
    /// # Errors
    /// [`Error::Unwritable`].
    pub fn write(&self, directory: &Path, name: &str) -> Result<(), Error> {
        write(
            &directory.join(format!("{name}.pem")),
            &self.certificate,
            0o644,
        )?;
        write(&directory.join(format!("{name}.key")), &self.key, 0o600)
    }

    /// The pair as an identity to present.
    ///
    /// # Errors
    /// As [`Identity::from_pem`].
    pub fn identity(&self) -> Result<Identity, Error> {
        Identity::from_pem(self.certificate.as_bytes(), self.key.as_bytes())
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("serial", &self.serial.to_string())
            .finish_non_exhaustive()
    }
}

fn named(common_name: &str, alternatives: Vec<SanType>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.subject_alt_names = alternatives;
    params
}

fn alternative(name: &str) -> Result<SanType, Error> {
    match name.parse::<IpAddr>() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => Ok(SanType::DnsName(Ia5String::from_str(name)?)),
    }
}

/// From the public key, so that two certificates never share one (RFC 5280 §4.1.2.2: positive).
fn serial(key: &KeyPair) -> SerialNumber {
    let mut bytes = Sha256::digest(key.public_key_raw())[..16].to_vec();
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from(bytes)
}

fn revoked(pair: &Pair) -> RevokedCertParams {
    RevokedCertParams {
        serial_number: pair.serial.clone(),
        revocation_time: date_time_ymd(2020, 1, 1),
        reason_code: None,
        invalidity_date: None,
    }
}

/// The mode is set at creation, so a key is never readable by others, not even for an instant.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    let attempt = || -> io::Result<()> {
        match fs::remove_file(path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(path)?
            .write_all(text.as_bytes())
    };
    attempt().map_err(|source| Error::Unwritable {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn key_files_are_for_their_owner_only_also_when_written_over() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new("Test").unwrap();
        let path = directory.path().join("server.key");
        fs::write(&path, "old, open to all").unwrap();
        for _ in 0..2 {
            authority.write(directory.path()).unwrap();
            authority
                .server(&["localhost", "127.0.0.1"])
                .unwrap()
                .write(directory.path(), "server")
                .unwrap();
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
        assert!(
            fs::read_to_string(directory.path().join("authority.pem"))
                .unwrap()
                .contains("BEGIN CERT")
        );
    }
}
