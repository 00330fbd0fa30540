//! What the gateway signs: a detached JWS over the bytes as they are (RFC 7797, `b64` false), with Ed25519.
//!
//! The same bytes under the same key always have the same signature (RFC 8032), so it can be written again at any
//! time from its 64 bytes. The secret is never printed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use sha2::{Digest as _, Sha256};

use crate::formats::jws::{ED25519_HEAD, Fault, Keys, Opened};

/// A key pair that signs.
pub struct Signer {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

/// An Ed25519 public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey(pub [u8; 32]);

/// Why a file holds no key to sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No block of a private key.
    #[error("no `-----BEGIN PRIVATE KEY-----` in it")]
    NoKey,
    /// Another kind of key, or damaged.
    #[error("its private key is not of Ed25519 in PKCS#8")]
    Kind,
}

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// What stands before the 32 bytes of an Ed25519 secret in its PKCS#8 (RFC 8410).
const SECRET_HEAD: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

impl Signer {
    /// Reads a private key in PEM (PKCS#8), as `openssl genpkey -algorithm ed25519` and [`pem_of`] write it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn from_pem(text: &str) -> Result<Signer, Error> {
        let body = text
            .split_once(BEGIN)
            .and_then(|(_, rest)| rest.split_once(END));
        let (body, _) = body.ok_or(Error::NoKey)?;
        let body: String = body.split_whitespace().collect();
        let der = STANDARD.decode(body).map_err(|_| Error::Kind)?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map_err(|_| Error::Kind)?;
        let public = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| Error::Kind)?;
        Ok(Signer {
            pair,
            public: PublicKey(public),
        })
    }

    /// The key that verifies what this one signs.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Signs bytes: the 64 bytes that [`PublicKey::jws`] puts into a JWS.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.over(&input(&self.public.head(), bytes))
    }

    /// Signs what a signature is made over.
    pub(super) fn over(&self, input: &[u8]) -> [u8; 64] {
        let signature = self.pair.sign(input);
        signature
            .as_ref()
            .try_into()
            .expect("a signature of Ed25519 has 64 bytes")
    }
}

/// A private key in PEM (PKCS#8, RFC 8410) of 32 random bytes.
pub fn pem_of(secret: [u8; 32]) -> String {
    let der = [&SECRET_HEAD[..], &secret].concat();
    format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der))
}

/// Verifies a detached JWS over the bytes as they are.
///
/// # Errors
/// [`Fault`]; [`Fault::Header`] where it does not say that the bytes are taken as they are, or says more.
pub fn verify(keys: &Keys, bytes: &[u8], jws: &str) -> Result<(), Fault> {
    let opened = Opened::of(jws)?;
    let says = |value: &Option<serde_json::Value>, expected| value.as_ref() == Some(&expected);
    let header = &opened.header;
    if !says(&header.b64, false.into()) || !says(&header.crit, serde_json::json!(["b64"])) {
        return Err(Fault::Header);
    }
    keys.prove(&opened, &input(opened.head, bytes))
}

impl PublicKey {
    /// Its name: the thumbprint of RFC 7638 in the form of RFC 8037.
    pub fn id(self) -> String {
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.x());
        URL_SAFE_NO_PAD.encode(Sha256::digest(members))
    }

    /// Its bytes as a JWK has them.
    pub fn x(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// In PEM (SubjectPublicKeyInfo), as [`Keys::from_pem`] and openssl read it.
    pub fn pem(self) -> String {
        let der = [ED25519_HEAD, &self.0[..]].concat();
        let body = STANDARD.encode(der);
        format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
    }

    /// The detached JWS in compact form of a signature by this key.
    pub fn jws(self, signature: &[u8; 64]) -> String {
        format!("{}..{}", self.head(), URL_SAFE_NO_PAD.encode(signature))
    }

    /// The protected header, the same for everything that this key signs.
    fn head(self) -> String {
        let id = self.id();
        let header = format!(r#"{{"alg":"EdDSA","b64":false,"crit":["b64"],"kid":"{id}"}}"#);
        URL_SAFE_NO_PAD.encode(header)
    }
}

/// What is signed: the header, a dot, and the bytes as they are.
fn input(head: &str, bytes: &[u8]) -> Vec<u8> {
    [head.as_bytes(), b".", bytes].concat()
}

/// The public key alone.
impl fmt::Debug for Signer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Signer({})", self.public.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 8037, appendix A.
    const SECRET: [u8; 32] = [
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c,
        0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae,
        0x7f, 0x60,
    ];

    fn signer() -> Signer {
        Signer::from_pem(&pem_of(SECRET)).unwrap()
    }

    fn keys() -> Keys {
        Keys::from_pem(&signer().public().pem()).unwrap()
    }

    #[test]
    fn a_key_has_the_name_that_the_rfc_gives_it() {
        let public = signer().public();
        assert_eq!(public.x(), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(public.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn what_is_signed_is_verified_and_nothing_else() {
        let (bytes, signer) = (b"$.02", signer());
        let jws = signer.public().jws(&signer.sign(bytes));
        assert_eq!(verify(&keys(), bytes, &jws), Ok(()));
        assert_eq!(verify(&keys(), b"$.03", &jws), Err(Fault::Signature));
        let other = Signer::from_pem(&pem_of([7; 32])).unwrap().public();
        let other = Keys::from_pem(&other.pem()).unwrap();
        assert_eq!(verify(&other, bytes, &jws), Err(Fault::Signature));
        // One rule for what insurers sign, another for what is signed here.
        assert_eq!(keys().verify(bytes, &jws), Err(Fault::Header));
    }

    #[test]
    fn the_keys_are_read_in_pem_and_as_a_published_set() {
        let (bytes, signer) = (b"text", signer());
        let jws = signer.public().jws(&signer.sign(bytes));
        let x = signer.public().x();
        let ours = format!(
            r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","pem":"-----BEGIN PUBLIC KEY-----"}}"#
        );
        let other = r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#;
        for (text, expected) in [
            (signer.public().pem(), Ok(())),
            (format!(r#"{{"keys":[{other},{ours}]}}"#), Ok(())),
            (
                format!(r#"{{"keys":[{other}]}}"#),
                Err(crate::formats::jws::Error::Set),
            ),
            (
                r#"{"keys":[]}"#.to_owned(),
                Err(crate::formats::jws::Error::Set),
            ),
            (
                r#"{"kty":"OKP"}"#.to_owned(),
                Err(crate::formats::jws::Error::NoKey),
            ),
        ] {
            let keys = Keys::of_statements(&text);
            let verified = keys.map(|keys| verify(&keys, bytes, &jws).unwrap());
            assert_eq!(verified, expected, "{text}");
        }
    }

    #[test]
    fn a_header_that_says_another_thing_is_refused() {
        let (bytes, signer) = (b"text", signer());
        for (header, fault) in [
            (r#"{"alg":"EdDSA"}"#, Fault::Header),
            (
                r#"{"alg":"EdDSA","b64":true,"crit":["b64"]}"#,
                Fault::Header,
            ),
            (r#"{"alg":"EdDSA","b64":false}"#, Fault::Header),
            (
                r#"{"alg":"EdDSA","b64":false,"crit":["b64","exp"]}"#,
                Fault::Header,
            ),
            (
                r#"{"alg":"none","b64":false,"crit":["b64"]}"#,
                Fault::Algorithm,
            ),
            (r#"{"b64":false}"#, Fault::Form),
        ] {
            let head = URL_SAFE_NO_PAD.encode(header);
            let signature = signer.pair.sign(&input(&head, bytes));
            let jws = format!("{head}..{}", URL_SAFE_NO_PAD.encode(signature.as_ref()));
            assert_eq!(verify(&keys(), bytes, &jws), Err(fault), "{header}");
        }
    }

    #[test]
    fn a_file_that_holds_no_key_to_sign_with_says_why() {
        let public = signer().public().pem();
        let short = format!("{BEGIN}\n{}\n{END}", STANDARD.encode(SECRET));
        for (text, error) in [
            ("", Error::NoKey),
            (&public, Error::NoKey),
            (&short, Error::Kind),
            (&format!("{BEGIN}\n*\n{END}"), Error::Kind),
        ] {
            assert_eq!(Signer::from_pem(text).unwrap_err(), error);
        }
    }

    #[test]
    fn the_secret_is_not_printed() {
        let shown = format!("{:?}", signer());
        assert_eq!(shown, "Signer(kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k)");
    }
}
