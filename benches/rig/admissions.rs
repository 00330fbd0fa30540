//! Admissions for a store without intake: one centre, and the project's own documents of about 8 kB.

use std::path::Path;
use std::sync::Arc;

use bordereau::claims::document::{
    Cents, ClockBasis, Exclusions, Facts, Key, Kind, Mode, Purpose, ThirdParty,
};
use bordereau::claims::id::{Amo, Destination, Digest, DocumentId, Finess, Name, Number};
use bordereau::claims::registry::{Category, Centre};
use bordereau::claims::terms::Region;
use bordereau::claims::time::{Day, Timestamp};
use bordereau::store::embedded::encryption::Encryption;
use bordereau::store::embedded::{Config, Embedded};
use bordereau::store::journal::master::write_new;
use bordereau::store::{Admission, Admitted, Body, Command, Outcome, Store, Unity, Unobserved};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::documents::document;

/// Bytes of a document, about.
const BODY: usize = 8 * 1024;

/// So many documents are made, and posted in turn under other numbers.
const DOCUMENTS: u64 = 64;

/// The centre of all documents.
pub const CENTRE: &str = "750712184";

/// A document as posted, and its digest.
pub type Posted = (Bytes, Digest);

/// Documents to be posted in turn.
pub fn documents() -> Arc<Vec<Posted>> {
    let day = Day::new(2026, 11, 20).expect("a day");
    let documents = (0..DOCUMENTS).map(|number| {
        let bytes = Bytes::from(document(
            number * 7919,
            day.plus_days(-(number as i32)),
            BODY,
        ));
        let digest = Digest(Sha256::digest(&bytes).into());
        (bytes, digest)
    });
    Arc::new(documents.collect())
}

/// The settings of a directory, as shipped and with a master key: compressed and encrypted.
pub fn shipped(directory: &Path) -> Config {
    let master_key = directory.join("master.key");
    if !master_key.exists() {
        write_new(&master_key, &[0x4d; 32]).expect("a key is written");
    }
    Config {
        directory: directory.to_owned(),
        encryption: Encryption {
            master_key: Some(master_key),
            ..Encryption::default()
        },
        ..Config::default()
    }
}

/// The store of these settings.
pub fn open(config: &Config) -> Embedded {
    let entropy = Box::new(|| {
        let mut id = [0; 16];
        getrandom::fill(&mut id).expect("the system has randomness");
        id
    });
    Embedded::open(config, now(), entropy, Arc::new(Unobserved)).expect("the store opens")
}

/// When everything happens.
pub fn now() -> Timestamp {
    Timestamp::parse("2026-11-20T09:00:00Z").expect("a time")
}

/// Registers the centre.
pub async fn register(store: &dyn Store) {
    let centre = Centre {
        finess: Finess::parse(CENTRE).expect("a centre"),
        name: "Centre".into(),
        category: Category::Medical,
        gestionnaire: Name::parse("G1").expect("a name"),
        caisse: caisse(),
        region: Region::Metropole,
        agreement: Name::parse("national-2025").expect("a name"),
        from: Day::new(2020, 1, 1).expect("a day"),
        until: None,
    };
    let registered = store.commit(at(0), Command::Registry(vec![centre])).await;
    registered.expect("the centre is registered");
}

/// Admits a document under a number.
pub async fn admit(
    store: Arc<Embedded>,
    number: u64,
    (body, digest): Posted,
    destination: Destination,
) {
    let command = Command::Admit {
        caller: Name::parse("vendor").expect("a name"),
        documents: vec![Admission {
            document: id(number),
            purpose: Purpose::Real,
            facts: facts(number, destination),
            digest,
            body: Body {
                bytes: body,
                salt: [7; 16],
            },
            warnings: Vec::new(),
        }],
        unity: Unity::Each,
    };
    match store.commit(at(number), command).await {
        Ok(Outcome::Admitted(rows)) if matches!(rows[..], [Admitted::Received { .. }]) => {}
        other => panic!("{other:?}"),
    }
}

/// The id of a document, as of one that comes a tenth of a millisecond after the one before it.
pub fn id(number: u64) -> DocumentId {
    let milliseconds = at(number).micros() / 1000;
    DocumentId((milliseconds as u128) << 80 | u128::from(number))
}

/// When it comes: in the hour before [`now`].
fn at(number: u64) -> Timestamp {
    const HOUR: i64 = 3_600_000_000;
    Timestamp::from_micros(now().micros() - HOUR + 100 * number as i64)
}

/// The caisse of the centre.
pub fn caisse() -> Amo {
    Amo::new("01", "751", "0000").expect("a caisse")
}

fn facts(number: u64, destination: Destination) -> Facts {
    let day = Day::new(2026, 11, 20).expect("a day");
    Facts {
        key: Key {
            centre: Finess::parse(CENTRE).expect("a centre"),
            kind: Kind::Fse,
            number: Number::parse(&format!("{number:09}")).expect("a number"),
        },
        mode: Mode::Secured,
        destination,
        clock_day: day,
        clock_basis: ClockBasis::Completed,
        care_day: day,
        third_party_amo: ThirdParty::PatientPaid,
        third_party_amc: ThirdParty::PatientPaid,
        amount_amo: Cents(1750),
        amount_amc: Cents(0),
        settled_for: None,
        exclusions: Exclusions::NONE,
        replaces: None,
        supports: None,
    }
}
