//! An encrypted store as a whole: with its key, without it, with another, and after a purge.

use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::claims::entry::Position;
use crate::claims::id::DocumentId;
use crate::store::contract::{self, admission, admit};
use crate::store::embedded::{Embedded, verify};
use crate::store::journal::keys::{Held, Keys};
use crate::store::journal::{self, KeyFault};
use crate::store::{BodyId, Store, Unity, Unobserved};

fn config(directory: &Path) -> Config {
    Config {
        directory: directory.to_owned(),
        cache_bytes: 1 << 20,
        encryption: contract::encryption(directory),
        ..Config::default()
    }
}

fn open(config: &Config) -> Result<Embedded, OpenError> {
    Embedded::open(
        config,
        contract::now(),
        contract::entropy(),
        Arc::new(Unobserved),
    )
}

/// A closed store of ten documents.
async fn ten() -> TempDir {
    let directory = TempDir::new().unwrap();
    let store = open(&config(directory.path())).unwrap();
    let registry = contract::registry();
    store.commit(contract::now(), registry).await.unwrap();
    for number in 0..10 {
        let documents = vec![admission(number.into(), number, content(number))];
        admit(&store, documents, Unity::Each).await.unwrap();
    }
    directory
}

fn content(number: u32) -> Bytes {
    Bytes::from(format!("<document number=\"{number}\"/>").repeat(9))
}

fn keys_of(config: &Config) -> Keys {
    let masters = config.encryption.masters().unwrap();
    let entropy = Arc::new(Mutex::new(contract::entropy()));
    let keys = Keys::open(&config.directory, &masters, entropy);
    keys.unwrap().unwrap()
}

#[tokio::test]
async fn bodies_are_given_out_and_checked_with_the_key_and_the_rest_without_it() {
    let directory = ten().await;
    let config = config(directory.path());
    let store = open(&config).unwrap();
    for number in 0..10 {
        let name = BodyId::Document(DocumentId(number.into()));
        let body = store.body(name).await.unwrap().unwrap();
        assert_eq!(body.bytes, content(number));
    }
    drop(store);
    let (verified, _) = verify::verify(&config).unwrap();
    assert!(verified.holds());
    assert_eq!((verified.bodies, verified.unopened), (10, 0));
    let without = Config {
        encryption: Encryption::default(),
        ..config.clone()
    };
    let (verified, _) = verify::verify(&without).unwrap();
    assert!(verified.holds());
    assert_eq!((verified.bodies, verified.unopened), (0, 10));
    // But nothing starts without it, whatever the mode.
    for mode in [None, Some(Mode::Off), Some(Mode::Required)] {
        let encryption = Encryption {
            mode,
            ..Encryption::default()
        };
        let config = Config {
            encryption,
            ..config.clone()
        };
        let fault = OpenError::Journal(journal::Error::Key(KeyFault::NoMaster));
        let opened = open(&config).map(|_| ()).unwrap_err();
        assert_eq!(opened.to_string(), fault.to_string());
        assert_eq!(check(&config).unwrap_err().to_string(), fault.to_string());
    }
}

#[tokio::test]
async fn a_purged_body_is_gone_and_everything_else_stays() {
    let directory = ten().await;
    let config = config(directory.path());
    let before = contract::picture(&open(&config).unwrap()).await.purged();
    let listed = journal::segment::list(&directory.path().join("journal")).unwrap();
    let first = listed.segments[0].as_ref().unwrap().header.id;
    let keys = keys_of(&config);
    keys.forget(first).unwrap();
    assert!(matches!(keys.of(&first), Held::Forgotten));
    let store = open(&config).unwrap();
    assert_eq!(contract::picture(&store).await, before);
    // A document that is known is still known, though its bytes are gone.
    let again = vec![admission(99, 3, content(3))];
    admit(&store, again, Unity::Each).await.unwrap();
    assert_eq!(contract::picture(&store).await, before);
    assert_eq!(store.entries(Position(0), 100).await.unwrap().len(), 11);
    drop(store);
    let (verified, _) = verify::verify(&config).unwrap();
    assert!(verified.holds());
    assert_eq!((verified.bodies, verified.purged), (0, 10));
}
