//! A store filled by the library beside the gateway: more documents, or older ones, than a test could post.

use std::sync::Arc;

use bordereau::claims::document::{
    Cents, ClockBasis, Exclusions, Facts, Key, Kind, Mode, Purpose, ThirdParty,
};
use bordereau::claims::id::{Amc, Amo, Destination, Digest, DocumentId, Finess, Name, Number};
use bordereau::claims::registry::{Category, Centre};
use bordereau::claims::retention::OnHold;
use bordereau::claims::terms::Region;
use bordereau::claims::time::{Day, Timestamp};
use bordereau::store::embedded::encryption::Encryption;
use bordereau::store::embedded::{Config, Embedded};
use bordereau::store::{Admission, Body, Command, Outcome, Store, Unity, Unobserved};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::gateway::{CENTRE, Place};

/// So many are admitted at once.
const AT_ONCE: u64 = 1_000;

/// The store of a place whose gateway does not run.
pub struct Stock {
    store: Embedded,
    at: Timestamp,
}

impl Stock {
    /// Opens it, with segments of so many bytes, and registers the centre; everything happens at an instant.
    pub async fn open(place: &Place, segment_bytes: u64, at: Timestamp) -> Stock {
        let config = Config {
            directory: place.path("store"),
            segment_bytes,
            encryption: Encryption {
                master_key: Some(place.path("master.key")),
                ..Encryption::default()
            },
            ..Config::default()
        };
        let mut drawn = 0_u8;
        let entropy = Box::new(move || {
            drawn += 1;
            [drawn; 16]
        });
        let store = Embedded::open(&config, at, entropy, Arc::new(Unobserved)).unwrap();
        let stock = Stock { store, at };
        stock.commit(Command::Registry(vec![centre()])).await;
        stock
    }

    /// Fills a place's store with so many documents of long ago, whatever day it is; all but one are cancelled.
    pub async fn of_old(place: &Place, segment_bytes: u64, documents: u64, unfinished: u64) {
        let day = Timestamp::parse("2025-01-15T09:00:00Z").unwrap();
        let stock = Stock::open(place, segment_bytes, day).await;
        stock.admit(1..=documents).await;
        for number in (1..=documents).filter(|number| *number != unfinished) {
            stock.cancel(number).await;
        }
    }

    /// Admits documents with these numbers as ids; their bytes are [`content`].
    pub async fn admit(&self, numbers: std::ops::RangeInclusive<u64>) {
        for first in numbers.clone().step_by(AT_ONCE as usize) {
            let last = (first + AT_ONCE - 1).min(*numbers.end());
            let documents = (first..=last).map(|number| self.admission(number));
            let command = Command::Admit {
                caller: Name::parse("vendor").unwrap(),
                documents: documents.collect(),
                unity: Unity::Each,
            };
            self.commit(command).await;
        }
    }

    /// Cancels a document.
    pub async fn cancel(&self, number: u64) {
        let document = DocumentId(u128::from(number));
        let caller = Name::parse("vendor").unwrap();
        self.commit(Command::Cancel { document, caller }).await;
    }

    /// Declares a document transmitted by hand.
    pub async fn by_hand(&self, number: u64) {
        let hand = Command::Hand {
            document: DocumentId(u128::from(number)),
            actor: Name::parse("ops").unwrap(),
            evidence: Body {
                bytes: Bytes::from_static(b"brought there by hand"),
                salt: [9; 16],
            },
        };
        self.commit(hand).await;
    }

    /// Places a legal hold on a document.
    pub async fn hold(&self, number: u64) {
        let place = Command::PlaceLegalHold {
            on: OnHold::Document(DocumentId(u128::from(number))),
            review: Day::new(2099, 12, 31).unwrap(),
            actor: Name::parse("ops").unwrap(),
        };
        self.commit(place).await;
    }

    async fn commit(&self, command: Command) {
        let outcome = self.store.commit(self.at, command).await;
        assert!(
            matches!(outcome, Ok(Outcome::Admitted(_) | Outcome::Done(_))),
            "{outcome:?}"
        );
    }

    fn admission(&self, number: u64) -> Admission {
        let day = self.at.day();
        Admission {
            document: DocumentId(u128::from(number)),
            purpose: Purpose::Real,
            facts: Facts {
                key: Key {
                    centre: Finess::parse(CENTRE).unwrap(),
                    kind: Kind::Fse,
                    number: Number::parse(&format!("{number:09}")).unwrap(),
                },
                mode: Mode::Secured,
                // No endpoint is configured for it, so none of them is sent.
                destination: Destination::Amc(Amc::parse("10000000").unwrap()),
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
            },
            digest: Digest(Sha256::digest(content(number)).into()),
            body: Body {
                bytes: Bytes::from(content(number)),
                salt: [7; 16],
            },
            warnings: Vec::new(),
        }
    }
}

/// The centre as the place's file registers it.
fn centre() -> Centre {
    Centre {
        finess: Finess::parse(CENTRE).unwrap(),
        name: "Centre de la Place".into(),
        category: Category::Medical,
        gestionnaire: Name::parse("750000001").unwrap(),
        caisse: Amo::new("01", "751", "0000").unwrap(),
        region: Region::Metropole,
        agreement: Name::parse("national-2025").unwrap(),
        from: Day::new(2020, 1, 1).unwrap(),
        until: None,
    }
}

/// The bytes of a document.
pub fn content(number: u64) -> String {
    format!("<document number=\"{number}\"/>")
}
