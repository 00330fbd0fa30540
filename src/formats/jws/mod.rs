//! Signatures of insurers: a detached JWS (RFC 7515, appendix F) over the exact bytes of a receipt or settlement.
//!
//! The key says which algorithm it is for, never the signature: EdDSA with Ed25519 (RFC 8037) or ES256 (RFC 7518).
//! So `none`, a symmetric algorithm, or another one than agreed proves nothing. What the gateway itself signs is in
//! [`unencoded`].

pub mod unencoded;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use serde::Deserialize;

use crate::claims::id::EndpointName;

/// By whose keys the receipts of which endpoint are signed, and which endpoints sign none. Of any other nothing is known,
/// so nothing that comes in its name is proven.
#[derive(Clone, Debug, Default)]
pub struct Keyring(BTreeMap<EndpointName, Option<Keys>>);

/// The public keys of one endpoint: several, so that a new one can be announced before the old one ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys(Vec<Key>);

/// A public key, and with it the one algorithm that it verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Ed25519(Vec<u8>),
    P256(Vec<u8>),
}

/// Why a file is no file of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It holds no block of a public key.
    #[error("no `-----BEGIN PUBLIC KEY-----` in it")]
    NoKey,
    /// A block is not closed, or is not base64.
    #[error("public key {0} is no PEM")]
    Pem(usize),
    /// A set of keys holds none of Ed25519.
    #[error("the set of keys holds none of Ed25519 (`OKP`)")]
    Set,
    /// A block holds another key than of Ed25519 or P-256.
    #[error("public key {0} is neither of Ed25519 nor of P-256, uncompressed")]
    Kind(usize),
}

/// Why a signature proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is none.
    #[error("no signature")]
    Missing,
    /// Nothing is known of the endpoint, so nobody can say that it needs none.
    #[error("of an endpoint of which no keys are known")]
    Unknown,
    /// It is no detached JWS in compact form, or longer than any that is taken.
    #[error("no detached JWS")]
    Form,
    /// Its header asks for what is not understood here (`crit`, `b64`).
    #[error("a header that is not understood")]
    Header,
    /// It is of another algorithm than every key.
    #[error("another algorithm than that of the key")]
    Algorithm,
    /// No key verifies it over these bytes.
    #[error("not the signature of these bytes by the key")]
    Signature,
}

/// What of the header has a meaning here; `kid`, `typ` and others are let pass.
#[derive(Deserialize)]
struct Header {
    alg: String,
    crit: Option<serde_json::Value>,
    b64: Option<serde_json::Value>,
}

/// A set of keys (RFC 7517); members and keys that have no meaning here are let pass, as it says.
#[derive(Deserialize)]
struct Set {
    keys: Vec<InSet>,
}

#[derive(Deserialize)]
struct InSet {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
}

/// Characters of a signature at most: header, two dots, 64 bytes.
const LONGEST: usize = 2048;

/// What stands before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410).
const ED25519_HEAD: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// What stands before the 65 bytes of an uncompressed point of P-256 (RFC 5480).
const P256_HEAD: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

impl Keyring {
    /// From endpoints and their keys; one without keys needs no signature.
    pub fn new(keys: impl IntoIterator<Item = (EndpointName, Option<Keys>)>) -> Keyring {
        Keyring(keys.into_iter().collect())
    }

    /// With what is known of other endpoints: of one that is in both, this counts.
    pub fn beside(mut self, others: Keyring) -> Keyring {
        for (endpoint, keys) in others.0 {
            self.0.entry(endpoint).or_insert(keys);
        }
        self
    }

    /// Those endpoints alone that sign.
    pub fn signed(&self) -> Keyring {
        let signed = self.0.iter().filter(|(_, keys)| keys.is_some());
        Keyring::new(signed.map(|(endpoint, keys)| (endpoint.clone(), keys.clone())))
    }

    /// Whether these bytes are evidence of what an endpoint said.
    ///
    /// # Errors
    /// [`Fault`], for an endpoint that has a key, and for one of which nothing is known.
    pub fn verify(
        &self,
        endpoint: &EndpointName,
        bytes: &[u8],
        jws: Option<&str>,
    ) -> Result<(), Fault> {
        match self.0.get(endpoint) {
            None => Err(Fault::Unknown),
            Some(None) => Ok(()),
            Some(Some(keys)) => keys.verify(bytes, jws.ok_or(Fault::Missing)?),
        }
    }
}

/// Signs as insurers do: for an insurer to test against. The gateway's own signatures are in [`unencoded`].
pub fn sign(signer: &unencoded::Signer, bytes: &[u8]) -> String {
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA"}"#);
    let input = format!("{head}.{}", URL_SAFE_NO_PAD.encode(bytes));
    let signature = URL_SAFE_NO_PAD.encode(signer.over(input.as_bytes()));
    format!("{head}..{signature}")
}

impl Keys {
    /// Reads one public key or more in PEM (SubjectPublicKeyInfo), as `openssl pkey -pubout` writes them.
    ///
    /// # Errors
    /// [`Error`], with the number of the key.
    pub fn from_pem(text: &str) -> Result<Keys, Error> {
        let mut blocks = text.split("-----BEGIN PUBLIC KEY-----");
        // What stands before the first block is a comment.
        blocks.next();
        let keys = blocks.enumerate().map(|(index, block)| {
            let number = index + 1;
            let body = block.split_once("-----END PUBLIC KEY-----");
            let (body, _) = body.ok_or(Error::Pem(number))?;
            let body: String = body.split_whitespace().collect();
            let der = STANDARD.decode(body).map_err(|_| Error::Pem(number))?;
            Key::of(&der).ok_or(Error::Kind(number))
        });
        let keys: Vec<Key> = keys.collect::<Result<_, _>>()?;
        match keys.is_empty() {
            true => Err(Error::NoKey),
            false => Ok(Keys(keys)),
        }
    }

    /// Reads the keys that verify statements: in PEM, or the set of them as the gateway publishes it (RFC 8037).
    ///
    /// # Errors
    /// [`Error`].
    pub fn of_statements(text: &str) -> Result<Keys, Error> {
        let Ok(set) = serde_json::from_str::<Set>(text) else {
            return Keys::from_pem(text);
        };
        let keys: Vec<Key> = set.keys.iter().filter_map(InSet::key).collect();
        match keys.is_empty() {
            true => Err(Error::Set),
            false => Ok(Keys(keys)),
        }
    }

    /// Verifies a detached JWS over bytes.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn verify(&self, bytes: &[u8], jws: &str) -> Result<(), Fault> {
        let opened = Opened::of(jws)?;
        if opened.header.crit.is_some() || opened.header.b64.is_some() {
            return Err(Fault::Header);
        }
        let input = format!("{}.{}", opened.head, URL_SAFE_NO_PAD.encode(bytes));
        self.prove(&opened, input.as_bytes())
    }

    /// Whether one of the keys made the signature, over what it is made over.
    fn prove(&self, opened: &Opened<'_>, input: &[u8]) -> Result<(), Fault> {
        let algorithm = &opened.header.alg;
        let mut fitting = self.0.iter().filter(|key| key.algorithm() == algorithm);
        let first = fitting.next().ok_or(Fault::Algorithm)?;
        let verifies = |key: &Key| key.verifies(input, &opened.signature);
        match verifies(first) || fitting.any(verifies) {
            true => Ok(()),
            false => Err(Fault::Signature),
        }
    }
}

/// A detached JWS, taken apart.
struct Opened<'a> {
    /// The header as it was written.
    head: &'a str,
    header: Header,
    signature: Vec<u8>,
}

impl Opened<'_> {
    fn of(jws: &str) -> Result<Opened<'_>, Fault> {
        if jws.len() > LONGEST {
            return Err(Fault::Form);
        }
        let (head, signature) = jws.split_once("..").ok_or(Fault::Form)?;
        let decode = |text| URL_SAFE_NO_PAD.decode(text).map_err(|_| Fault::Form);
        Ok(Opened {
            head,
            header: serde_json::from_slice(&decode(head)?).map_err(|_| Fault::Form)?,
            signature: decode(signature)?,
        })
    }
}

impl InSet {
    fn key(&self) -> Option<Key> {
        let is_ed25519 = self.kty == "OKP" && self.crv.as_deref() == Some("Ed25519");
        let x = self.x.as_ref().filter(|_| is_ed25519)?;
        let key = URL_SAFE_NO_PAD.decode(x).ok()?;
        (key.len() == 32).then_some(Key::Ed25519(key))
    }
}

impl Key {
    fn of(der: &[u8]) -> Option<Key> {
        let ed25519 = der.strip_prefix(ED25519_HEAD).filter(|key| key.len() == 32);
        let p256 = der
            .strip_prefix(P256_HEAD)
            .filter(|point| point.len() == 65 && point[0] == 4);
        match (ed25519, p256) {
            (Some(key), _) => Some(Key::Ed25519(key.to_vec())),
            (None, Some(point)) => Some(Key::P256(point.to_vec())),
            (None, None) => None,
        }
    }

    /// The name of its algorithm in a header.
    fn algorithm(&self) -> &'static str {
        match self {
            Key::Ed25519(_) => "EdDSA",
            Key::P256(_) => "ES256",
        }
    }

    fn verifies(&self, input: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Key::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(input, signature),
            Key::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(input, signature)
            }
        };
        verified.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519_PEM: &str = include_str!("../../../fixtures/signatures/ed25519.pem");
    const P256_PEM: &str = include_str!("../../../fixtures/signatures/p256.pem");
    const OTHER_PEM: &str = include_str!("../../../fixtures/signatures/other.pem");
    const SIGNATURES: &str = include_str!("../../../fixtures/signatures/signatures.txt");

    /// The bytes that were signed: the element alone.
    fn signed() -> &'static [u8] {
        include_bytes!("../../../fixtures/receipts/receipt-accepted.xml").trim_ascii_end()
    }

    /// A signature that openssl made.
    fn made(name: &str) -> &'static str {
        let mut lines = SIGNATURES.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(found, _)| *found == name).unwrap().1
    }

    #[test]
    fn what_openssl_signed_is_verified_and_nothing_else() {
        let ed25519 = Keys::from_pem(ED25519_PEM).unwrap();
        let p256 = Keys::from_pem(P256_PEM).unwrap();
        let both = Keys::from_pem(&format!("old\n{OTHER_PEM}{P256_PEM}{ED25519_PEM}")).unwrap();
        for (keys, name, expected) in [
            (&ed25519, "eddsa", Ok(())),
            (&ed25519, "eddsa-with-kid", Ok(())),
            (&p256, "es256", Ok(())),
            (&both, "eddsa", Ok(())),
            (&both, "es256", Ok(())),
            (&both, "other-key", Ok(())),
            (&ed25519, "other-key", Err(Fault::Signature)),
            (&ed25519, "other-bytes", Err(Fault::Signature)),
            (&both, "other-bytes", Err(Fault::Signature)),
            (&ed25519, "es256", Err(Fault::Algorithm)),
            (&p256, "eddsa", Err(Fault::Algorithm)),
            (&ed25519, "none", Err(Fault::Algorithm)),
            (&both, "none", Err(Fault::Algorithm)),
            (&both, "hs256", Err(Fault::Algorithm)),
            (&both, "alg-of-another-key", Err(Fault::Signature)),
            (&ed25519, "crit", Err(Fault::Header)),
            (&ed25519, "b64", Err(Fault::Header)),
            (&ed25519, "alg-twice", Err(Fault::Form)),
        ] {
            assert_eq!(keys.verify(signed(), made(name)), expected, "{name}");
        }
    }

    #[test]
    fn a_signature_of_another_form_is_none() {
        let keys = Keys::from_pem(ED25519_PEM).unwrap();
        let right = made("eddsa");
        let (head, signature) = right.split_once("..").unwrap();
        let attached = format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode(signed()));
        let padded = format!("{right}==");
        let long = format!("{}..{signature}", "A".repeat(LONGEST));
        for wrong in ["", ".", "..", "x", &attached, &padded, &long, &right[1..]] {
            assert_eq!(keys.verify(signed(), wrong), Err(Fault::Form), "{wrong}");
        }
        // No byte of signature or receipt may be another one.
        for at in 0..signature.len() - 1 {
            let mut other = signature.as_bytes().to_vec();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            let other = format!("{head}..{}", String::from_utf8(other).unwrap());
            assert_eq!(keys.verify(signed(), &other), Err(Fault::Signature), "{at}");
        }
        for at in 0..signed().len() {
            let mut other = signed().to_vec();
            other[at] ^= 1;
            assert_eq!(keys.verify(&other, right), Err(Fault::Signature), "{at}");
        }
    }

    #[test]
    fn a_file_without_a_usable_key_is_refused_with_its_place() {
        let cut = &ED25519_PEM[..ED25519_PEM.len() - 10];
        let twice = format!("{ED25519_PEM}{cut}");
        let rsa = "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJB\n-----END PUBLIC KEY-----";
        for (text, error) in [
            ("", Error::NoKey),
            ("-----BEGIN PRIVATE KEY-----", Error::NoKey),
            (cut, Error::Pem(1)),
            (&twice, Error::Pem(2)),
            (rsa, Error::Kind(1)),
        ] {
            assert_eq!(Keys::from_pem(text), Err(error), "{text}");
        }
    }

    #[test]
    fn an_endpoint_with_keys_needs_signatures_and_one_that_is_not_known_proves_nothing() {
        let name = |text| EndpointName::parse(text).unwrap();
        let keys = Keys::from_pem(ED25519_PEM).unwrap();
        let ring = Keyring::new([(name("signed"), Some(keys)), (name("plain"), None)]);
        let (jws, other) = (made("eddsa"), made("other-key"));
        for (endpoint, jws, expected) in [
            ("plain", None, Ok(())),
            ("plain", Some(other), Ok(())),
            ("signed", Some(jws), Ok(())),
            ("signed", Some(other), Err(Fault::Signature)),
            ("signed", None, Err(Fault::Missing)),
            ("stranger", None, Err(Fault::Unknown)),
            ("stranger", Some(jws), Err(Fault::Unknown)),
        ] {
            let found = ring.verify(&name(endpoint), signed(), jws);
            assert_eq!(found, expected);
        }
    }
}
