//! The documents that demo and load post, before they are written as XML: invented patients, real forms and amounts
//! that add up. A sheet is sound as made; what spoils one says which finding must follow.

use crate::claims::document::{
    ActCode, Cents, ClockBasis, DestinationText, Kind, Mode, Nature, PractitionerId, ThirdParty,
};
use crate::claims::registry::Category;
use crate::claims::time::Day;
use crate::cli::lab::draw::{self, Draw};
use crate::formats::xml::{
    ActText, CarriedText, CoverageText, DocumentText, PersonText, PractitionerText, write_document,
};

/// What a centre sends by: its FINESS and its care.
#[derive(Clone, Copy)]
pub(in crate::cli) struct Sender<'a> {
    /// FINESS.
    pub(in crate::cli) finess: &'a str,
    /// Its category decides what it does.
    pub(in crate::cli) category: Category,
}

/// A way to spoil a document, and the finding that it must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Flaw {
    /// The NIR's key.
    Nir,
    /// The RPPS's key.
    Rpps,
    /// A clock that starts tomorrow.
    Tomorrow,
    /// The AMO part is not base times rate.
    Rate,
    /// An AMC part without an AMC.
    Amc,
    /// A caisse that there is no route to.
    Route,
    /// A number that is no numéro de facture.
    Number,
    /// A letter key that is none.
    Code,
    /// An accident at work without a date.
    Accident,
    /// An element that the schema does not know.
    Element,
    /// A document type declaration: entities are never read.
    Doctype,
    /// The text ends in the middle.
    Torn,
}

impl Flaw {
    /// Every flaw; the last two cannot stand in a lot, whose envelope they would spoil.
    pub(in crate::cli) const ALL: [Flaw; 12] = [
        Flaw::Nir,
        Flaw::Rpps,
        Flaw::Tomorrow,
        Flaw::Rate,
        Flaw::Amc,
        Flaw::Route,
        Flaw::Number,
        Flaw::Code,
        Flaw::Accident,
        Flaw::Element,
        Flaw::Doctype,
        Flaw::Torn,
    ];

    /// The code of the finding.
    pub(in crate::cli) fn finding(self) -> &'static str {
        match self {
            Flaw::Nir => "NIR_KEY",
            Flaw::Rpps => "RPPS_KEY",
            Flaw::Tomorrow => "CLOCK_FUTURE",
            Flaw::Rate => "LINE_BASE_RATE",
            Flaw::Amc => "AMC_UNNAMED",
            Flaw::Route => "DESTINATION_UNKNOWN",
            Flaw::Number => "NUMBER_FORM",
            Flaw::Code => "NGAP_FORM",
            Flaw::Accident => "ACCIDENT_MISSING",
            Flaw::Element => "XSD_ELEMENT_UNEXPECTED",
            Flaw::Doctype => "XML_DOCTYPE",
            Flaw::Torn => "XML_SYNTAX",
        }
    }

    /// Spoils the document and writes it.
    pub(in crate::cli) fn spoil(self, mut sheet: DocumentText) -> String {
        match self {
            Flaw::Nir => {
                if let Some(person) = &mut sheet.beneficiary {
                    person.nir.1 = if person.nir.1 == "01" { "02" } else { "01" }.to_owned();
                }
            }
            Flaw::Rpps => {
                let spoilt = PractitionerId::Rpps("10000000001".to_owned());
                sheet
                    .practitioner
                    .iter_mut()
                    .for_each(|who| who.id = spoilt.clone());
            }
            Flaw::Tomorrow => sheet.clock.1 = sheet.clock.1.plus_days(400),
            Flaw::Rate => sheet.acts.iter_mut().for_each(|act| act.rate = 1),
            Flaw::Amc => add_amc(&mut sheet),
            Flaw::Route => sheet.destination = amo("999"),
            Flaw::Number => sheet.number = "ABC".to_owned(),
            Flaw::Code => {
                let spoilt = ActCode::Ngap("1G".to_owned());
                sheet
                    .acts
                    .iter_mut()
                    .for_each(|act| act.code = spoilt.clone());
            }
            Flaw::Accident => {
                if let Some(coverage) = &mut sheet.coverage {
                    coverage.nature = Nature::AccidentDuTravail;
                }
            }
            Flaw::Element | Flaw::Doctype | Flaw::Torn => {}
        }
        let text = write_document(&sheet);
        match self {
            Flaw::Element => text.replace("<coverage", "<invented/><coverage"),
            Flaw::Doctype => format!("<!DOCTYPE document>\n{text}"),
            Flaw::Torn => text.chars().take(text.len() / 2).collect(),
            Flaw::Nir
            | Flaw::Rpps
            | Flaw::Tomorrow
            | Flaw::Rate
            | Flaw::Amc
            | Flaw::Route
            | Flaw::Number
            | Flaw::Code
            | Flaw::Accident => text,
        }
    }
}

/// A claim of one act: an FSE as it is; a DRE or PEC asks the AMC too.
pub(in crate::cli) fn claim(
    draw: &mut Draw,
    sender: Sender<'_>,
    kind: Kind,
    number: &str,
    day: Day,
    destination: DestinationText,
) -> DocumentText {
    let birth = day.plus_days(-(20 * 365 + i32::try_from(draw.below(50 * 365)).unwrap_or(0)));
    let mut sheet = DocumentText {
        kind,
        number: number.to_owned(),
        mode: Mode::Secured,
        centre: sender.finess.to_owned(),
        clock: (ClockBasis::Completed, day),
        third_party: (ThirdParty::InsurerPays, ThirdParty::InsurerPays),
        destination,
        settled_for: None,
        replaces: None,
        beneficiary: Some(PersonText {
            nir: draw::nir(draw, birth),
            birth_date: birth,
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
        prescriber: prescriber(draw, sender.category, day),
        practitioner: Some(practitioner(draw, specialty(sender.category))),
        acts: vec![act(draw, sender.category, day)],
        supports: None,
        attachment: None,
        payload: None,
    };
    match kind {
        Kind::Dre | Kind::Pec => add_amc(&mut sheet),
        Kind::Fse | Kind::Pj => {}
    }
    sheet
}

/// A piece that supports an FSE: a scan that nobody will read.
pub(in crate::cli) fn piece(draw: &mut Draw, fse: &DocumentText, number: &str) -> DocumentText {
    let mut scan = b"%PDF-1.4\n% an invented prescription ".to_vec();
    scan.extend((0..200 + draw.below(2000)).map(|_| b'a' + draw.below(26) as u8));
    DocumentText {
        kind: Kind::Pj,
        number: number.to_owned(),
        mode: Mode::Secured,
        beneficiary: None,
        coverage: None,
        prescriber: None,
        practitioner: None,
        settled_for: None,
        acts: Vec::new(),
        supports: Some(fse.number.clone()),
        attachment: Some(CarriedText {
            media_type: "application/pdf".to_owned(),
            bytes: scan,
        }),
        ..fse.clone()
    }
}

/// Asks the AMC for what the AMO leaves.
pub(in crate::cli) fn add_amc(sheet: &mut DocumentText) {
    for act in &mut sheet.acts {
        act.amc = Cents(act.fees.0 - act.amo.0);
    }
}

/// Bytes that are carried and never opened.
pub(in crate::cli) fn payload(draw: &mut Draw) -> CarriedText {
    let sealed = (0..64 + draw.below(512)).map(|_| draw.below(256) as u8);
    CarriedText {
        media_type: "application/octet-stream".to_owned(),
        bytes: sealed.collect(),
    }
}

/// A caisse of the régime général by its number.
pub(in crate::cli) fn amo(caisse: &str) -> DestinationText {
    DestinationText::Amo("01".to_owned(), caisse.to_owned(), "0000".to_owned())
}

fn act(draw: &mut Draw, category: Category, day: Day) -> ActText {
    let ngap = |key: &str| ActCode::Ngap(key.to_owned());
    // Code, coefficient in hundredths, unit price in cents, rate.
    let (code, coefficient, price, rate) = match category {
        Category::Medical => (ngap("G"), 100, 3000, 70),
        Category::Polyvalent => (ngap(draw.pick(&["G", "CS"])), 100, 3000, 70),
        Category::Infirmier => (ngap("AMI"), draw.pick(&[100, 200, 400]), 315, 60),
        Category::Dentaire => {
            let code = ActCode::Ccam {
                code: draw.pick(&["HBMD058", "HBJD001", "HBFD006"]).to_owned(),
                activity: "1".to_owned(),
                phase: "1".to_owned(),
                modifiers: String::new(),
            };
            (code, 100, draw.pick(&[4332, 2892, 3394]), 60)
        }
    };
    let fees = i64::from(coefficient) * price / 100;
    ActText {
        date: day,
        code,
        quantity: 1,
        coefficient,
        unit_price: Cents(price),
        fees: Cents(fees),
        base: Cents(fees),
        rate,
        amo: Cents(fees * i64::from(rate) / 100),
        amc: Cents(0),
        qualifier: None,
    }
}

/// A nurse acts on prescription.
fn prescriber(draw: &mut Draw, category: Category, day: Day) -> Option<(PractitionerText, Day)> {
    match category {
        Category::Infirmier => Some((practitioner(draw, "01"), day.plus_days(-1))),
        Category::Medical | Category::Polyvalent | Category::Dentaire => None,
    }
}

fn practitioner(draw: &mut Draw, specialty: &str) -> PractitionerText {
    PractitionerText {
        id: PractitionerId::Rpps(draw::rpps(draw)),
        specialty: specialty.to_owned(),
    }
}

fn specialty(category: Category) -> &'static str {
    match category {
        Category::Medical | Category::Polyvalent => "01",
        Category::Dentaire => "19",
        Category::Infirmier => "24",
    }
}
