//! What the kit sends: invented documents, or the tester's own under fresh numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Config, Error};
use crate::claims::document::{
    ActCode, Cents, ClockBasis, DestinationText, Kind, Mode, Nature, PractitionerId, Purpose,
    ThirdParty,
};
use crate::claims::id::{Destination, DocumentId, Finess, LotId, Number};
use crate::clock::Clock;
use crate::formats::lot::{Composed, Lot, MediaType, Piece, compose};
use crate::formats::xml::{
    ActText, CoverageText, DocumentText, Limits, PersonText, PractitionerText, Reader,
    write_document,
};

/// Makes lots.
pub(super) struct Sheets {
    clock: Arc<dyn Clock>,
    centre: Finess,
    destination: Destination,
    purpose: Purpose,
    models: Vec<Model>,
    made: AtomicUsize,
}

/// A document to be sent under fresh numbers.
struct Model {
    kind: Kind,
    /// What stands before and after its number.
    around: (Vec<u8>, Vec<u8>),
}

impl Sheets {
    /// # Errors
    /// [`Error::Document`] when one of the documents to be sent is none.
    pub(super) fn new(
        config: &Config,
        reader: &Reader,
        clock: Arc<dyn Clock>,
    ) -> Result<Sheets, Error> {
        let invented = [invented(config, clock.now().day()).into_bytes()];
        let given: &[Vec<u8>] = match config.documents.is_empty() {
            true => &invented,
            false => &config.documents,
        };
        let models = given.iter().enumerate();
        let models = models.map(|(index, bytes)| Model::read(reader, index + 1, bytes));
        Ok(Sheets {
            clock,
            centre: config.centre,
            destination: config.destination,
            purpose: config.purpose,
            models: models.collect::<Result<_, _>>()?,
            made: AtomicUsize::new(0),
        })
    }

    /// A new lot of so many new documents.
    pub(super) fn lot(&self, documents: usize) -> Composed {
        self.lot_of((0..documents).map(|_| self.piece()).collect())
    }

    /// A new lot of these documents.
    pub(super) fn lot_of(&self, pieces: Vec<Piece>) -> Composed {
        self.lot_under(self.fresh_lot(), pieces)
    }

    /// A lot of one new document under an id that is taken.
    pub(super) fn other_lot(&self, id: LotId) -> Composed {
        self.lot_under(id, vec![self.piece()])
    }

    /// A lot of these documents under an id.
    pub(super) fn lot_under(&self, id: LotId, pieces: Vec<Piece>) -> Composed {
        let lot = Lot {
            id,
            centre: self.centre,
            destination: self.destination,
            purpose: self.purpose,
        };
        compose(lot, pieces)
    }

    /// An id that nobody has heard of.
    pub(super) fn fresh_lot(&self) -> LotId {
        LotId(self.clock.fresh_id())
    }

    /// A new document.
    pub(super) fn piece(&self) -> Piece {
        self.piece_and("")
    }

    /// A new document that holds a text, in a processing instruction after its end.
    pub(super) fn piece_with(&self, text: &str) -> Piece {
        self.piece_and(&format!("<?kit {text}?>"))
    }

    fn piece_and(&self, end: &str) -> Piece {
        let nth = self.made.fetch_add(1, Ordering::Relaxed);
        let model = &self.models[nth % self.models.len()];
        // Nine digits, not zero: a numéro de facture.
        let number = format!("{:09}", 1 + self.clock.fresh_id() % 999_999_999);
        let (before, after) = &model.around;
        let bytes = [before.as_slice(), number.as_bytes(), after, end.as_bytes()].concat();
        Piece::new(
            DocumentId(self.clock.fresh_id()),
            Number::parse(&number).expect("digits are a number"),
            model.kind,
            MediaType::Xml,
            bytes.into(),
        )
    }
}

impl Model {
    fn read(reader: &Reader, place: usize, bytes: &[u8]) -> Result<Model, Error> {
        let read = reader.read_document(bytes, &Limits::default());
        let findings = read.findings.len();
        let around = read.value.and_then(|document| {
            let number = format!("number=\"{}\"", document.number.value);
            let at = bytes
                .windows(number.len())
                .position(|window| window == number.as_bytes())?;
            let start = at + "number=\"".len();
            let end = at + number.len() - 1;
            let kind = document.kind.value;
            Some((kind, (bytes[..start].to_owned(), bytes[end..].to_owned())))
        });
        let (kind, around) = around.ok_or(Error::Document { place, findings })?;
        Ok(Model { kind, around })
    }
}

/// A consultation of an invented patient.
fn invented(config: &Config, today: crate::claims::time::Day) -> String {
    let amount = Cents(3000);
    let (kind, destination, amc) = match config.destination {
        Destination::Amo(amo) => {
            let [regime, caisse, centre] =
                [amo.regime(), amo.caisse(), amo.centre()].map(str::to_owned);
            (Kind::Fse, DestinationText::Amo(regime, caisse, centre), 0)
        }
        Destination::Amc(amc) => (
            Kind::Dre,
            DestinationText::Amc(amc.as_str().to_owned()),
            900,
        ),
    };
    write_document(&DocumentText {
        kind,
        number: "000000001".to_owned(),
        mode: Mode::Secured,
        centre: config.centre.as_str().to_owned(),
        clock: (ClockBasis::Completed, today),
        third_party: (ThirdParty::InsurerPays, ThirdParty::InsurerPays),
        destination,
        settled_for: None,
        replaces: None,
        beneficiary: Some(PersonText {
            nir: ("2850175100001".to_owned(), "37".to_owned()),
            birth_date: today.plus_days(-14_600),
            birth_rank: 1,
            names: Some(("EXEMPLE".to_owned(), "Camille".to_owned())),
        }),
        insured: None,
        coverage: Some(CoverageText {
            nature: Nature::Maladie,
            exemption: "0".to_owned(),
            accident_date: None,
            state_medical_aid: None,
            patient_absent: None,
        }),
        prescriber: None,
        practitioner: Some(PractitionerText {
            id: PractitionerId::Rpps("10000000009".to_owned()),
            specialty: "01".to_owned(),
        }),
        acts: vec![ActText {
            date: today,
            code: ActCode::Ngap("G".to_owned()),
            quantity: 1,
            coefficient: 100,
            unit_price: amount,
            fees: amount,
            base: amount,
            rate: 70,
            amo: Cents(2100),
            amc: Cents(amc),
            qualifier: None,
        }],
        supports: None,
        attachment: None,
        payload: None,
    })
}
