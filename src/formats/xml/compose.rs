//! Composes documents for the demo, the fixtures and the benches: test data only, never a real claim.
//!
//! Identifiers and amounts are written as given, right or wrong, so that faulty documents can be made on purpose.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::DOCUMENT;
use super::write::{Pair, Pen, euros};
use crate::claims::document::{
    ActCode, Cents, ClockBasis, DestinationText, Kind, Mode, Nature, PractitionerId,
    ReplacementReason, ThirdParty,
};
use crate::claims::id::Digest;
use crate::claims::time::Day;

/// A document to be written.
#[derive(Clone)]
pub struct DocumentText {
    /// Kind.
    pub kind: Kind,
    /// Numéro.
    pub number: String,
    /// Securing mode.
    pub mode: Mode,
    /// FINESS of the centre.
    pub centre: String,
    /// Legal clock.
    pub clock: (ClockBasis, Day),
    /// Tiers payant, AMO then AMC.
    pub third_party: (ThirdParty, ThirdParty),
    /// Destination.
    pub destination: DestinationText,
    /// AMC named as data.
    pub settled_for: Option<String>,
    /// Declared replacement.
    pub replaces: Option<(Kind, String, ReplacementReason)>,
    /// The patient.
    pub beneficiary: Option<PersonText>,
    /// The insured person, when not the patient.
    pub insured: Option<PersonText>,
    /// Nature d'assurance.
    pub coverage: Option<CoverageText>,
    /// Prescriber, with the date of the prescription.
    pub prescriber: Option<(PractitionerText, Day)>,
    /// Executing practitioner.
    pub practitioner: Option<PractitionerText>,
    /// Lines of care; totals are written when there is one, as their sums.
    pub acts: Vec<ActText>,
    /// For a PJ: the number of its FSE.
    pub supports: Option<String>,
    /// For a PJ: the piece.
    pub attachment: Option<CarriedText>,
    /// Opaque payload.
    pub payload: Option<CarriedText>,
}

/// A person to be written.
#[derive(Clone)]
pub struct PersonText {
    /// NIR and key.
    pub nir: (String, String),
    /// Date of birth.
    pub birth_date: Day,
    /// Birth rank.
    pub birth_rank: u8,
    /// Family name and given name.
    pub names: Option<(String, String)>,
}

/// Nature d'assurance to be written.
#[derive(Clone)]
pub struct CoverageText {
    /// Nature.
    pub nature: Nature,
    /// Exemption code.
    pub exemption: String,
    /// Date of the accident.
    pub accident_date: Option<Day>,
    /// `true` and `false` are written, `None` is left out.
    pub state_medical_aid: Option<bool>,
    /// `true` and `false` are written, `None` is left out.
    pub patient_absent: Option<bool>,
}

/// A practitioner to be written.
#[derive(Clone)]
pub struct PractitionerText {
    /// RPPS or AM number.
    pub id: PractitionerId,
    /// Specialty.
    pub specialty: String,
}

/// A line of care to be written.
#[derive(Clone)]
pub struct ActText {
    /// Day.
    pub date: Day,
    /// Code.
    pub code: ActCode,
    /// Quantity.
    pub quantity: u16,
    /// Coefficient in hundredths.
    pub coefficient: u32,
    /// Unit price.
    pub unit_price: Cents,
    /// Fees.
    pub fees: Cents,
    /// Base.
    pub base: Cents,
    /// Rate in percent.
    pub rate: u8,
    /// AMO part.
    pub amo: Cents,
    /// AMC part.
    pub amc: Cents,
    /// Qualifier.
    pub qualifier: Option<String>,
}

/// Bytes to be carried; their digest is computed.
#[derive(Clone)]
pub struct CarriedText {
    /// Media type.
    pub media_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// The document as XML, without an XML declaration: the same text always gives the same bytes.
pub fn write_document(document: &DocumentText) -> String {
    let mut pen = Pen::default();
    let attributes = [
        ("xmlns", DOCUMENT),
        ("version", "1"),
        ("kind", document.kind.as_str()),
        ("number", &document.number),
        ("mode", document.mode.as_str()),
    ];
    pen.element("document", &attributes, |pen| pen.document(document));
    pen.out
}

impl Pen {
    fn document(&mut self, document: &DocumentText) {
        self.routing(document);
        if let Some(person) = &document.beneficiary {
            self.person("beneficiary", person);
        }
        if let Some(person) = &document.insured {
            self.person("insured", person);
        }
        if let Some(coverage) = &document.coverage {
            self.coverage(coverage);
        }
        if let Some((prescriber, day)) = &document.prescriber {
            self.practitioner(
                "prescriber",
                prescriber,
                &[("prescribed", &day.to_string())],
            );
        }
        if let Some(practitioner) = &document.practitioner {
            self.practitioner("practitioner", practitioner, &[]);
        }
        self.acts(&document.acts);
        if let Some(number) = &document.supports {
            self.empty("supports", &[("number", number)]);
        }
        if let Some(carried) = &document.attachment {
            self.carried("attachment", carried);
        }
        if let Some(carried) = &document.payload {
            self.carried("payload", carried);
        }
    }

    /// Who sends it, since when, to whom, instead of what.
    fn routing(&mut self, document: &DocumentText) {
        self.empty("centre", &[("finess", &document.centre)]);
        let (basis, day) = document.clock;
        self.empty(
            "clock",
            &[("basis", basis.as_str()), ("date", &day.to_string())],
        );
        let (amo, amc) = document.third_party;
        self.empty("thirdParty", &[("amo", pays(amo)), ("amc", pays(amc))]);
        self.element("destination", &[], |pen| match &document.destination {
            DestinationText::Amo(regime, caisse, centre) => {
                pen.empty(
                    "amo",
                    &[("regime", regime), ("caisse", caisse), ("centre", centre)],
                );
            }
            DestinationText::Amc(number) => pen.empty("amc", &[("number", number)]),
        });
        if let Some(amc) = &document.settled_for {
            self.empty("settledFor", &[("amc", amc)]);
        }
        if let Some((kind, number, reason)) = &document.replaces {
            let reason = reason.as_str();
            let replaced = [
                ("kind", kind.as_str()),
                ("number", number),
                ("reason", reason),
            ];
            self.empty("replaces", &replaced);
        }
    }

    fn person(&mut self, element: &str, person: &PersonText) {
        self.element(element, &[], |pen| {
            pen.value("nir", &[("key", &person.nir.1)], &person.nir.0);
            pen.value("birthDate", &[], &person.birth_date.to_string());
            pen.value("birthRank", &[], &person.birth_rank.to_string());
            if let Some((family, given)) = &person.names {
                pen.value("familyName", &[], family);
                pen.value("givenName", &[], given);
            }
        });
    }

    fn coverage(&mut self, coverage: &CoverageText) {
        let mut attributes = vec![
            ("nature", coverage.nature.as_str()),
            ("exemption", &coverage.exemption),
        ];
        let accident = coverage.accident_date.map(|day| day.to_string());
        attributes.extend(accident.as_deref().map(|day| ("accidentDate", day)));
        attributes.extend(
            coverage
                .state_medical_aid
                .map(|flag| ("stateMedicalAid", word(flag))),
        );
        attributes.extend(
            coverage
                .patient_absent
                .map(|flag| ("patientAbsent", word(flag))),
        );
        self.empty("coverage", &attributes);
    }

    fn practitioner(&mut self, element: &str, who: &PractitionerText, more: &[Pair<'_>]) {
        let mut attributes = vec![("specialty", &*who.specialty)];
        attributes.extend(more);
        self.element(element, &attributes, |pen| match &who.id {
            PractitionerId::Rpps(number) => pen.value("rpps", &[], number),
            PractitionerId::Am(number) => pen.value("am", &[], number),
        });
    }

    fn acts(&mut self, acts: &[ActText]) {
        if acts.is_empty() {
            return;
        }
        self.element("acts", &[], |pen| acts.iter().for_each(|act| pen.act(act)));
        let sum = |part: fn(&ActText) -> Cents| {
            Cents(
                acts.iter()
                    .map(|act| part(act).0)
                    .fold(0, i64::saturating_add),
            )
        };
        self.element("totals", &[], |pen| {
            pen.value("fees", &[], &euros(sum(|act| act.fees)));
            pen.value("amo", &[], &euros(sum(|act| act.amo)));
            pen.value("amc", &[], &euros(sum(|act| act.amc)));
        });
    }

    fn act(&mut self, act: &ActText) {
        self.element("act", &[("date", &act.date.to_string())], |pen| {
            pen.act_code(&act.code);
            pen.value("quantity", &[], &act.quantity.to_string());
            pen.value("coefficient", &[], &coefficient(act.coefficient));
            pen.value("unitPrice", &[], &euros(act.unit_price));
            pen.value("fees", &[], &euros(act.fees));
            pen.value("base", &[], &euros(act.base));
            pen.value("rate", &[], &act.rate.to_string());
            pen.value("amo", &[], &euros(act.amo));
            pen.value("amc", &[], &euros(act.amc));
            if let Some(qualifier) = &act.qualifier {
                pen.value("qualifier", &[], qualifier);
            }
        });
    }

    fn act_code(&mut self, code: &ActCode) {
        match code {
            ActCode::Ngap(key) => self.value("ngap", &[], key),
            ActCode::Ccam {
                code,
                activity,
                phase,
                modifiers,
            } => {
                let mut attributes =
                    vec![("code", &**code), ("activity", activity), ("phase", phase)];
                attributes.extend((!modifiers.is_empty()).then_some(("modifiers", &**modifiers)));
                self.empty("ccam", &attributes);
            }
        }
    }

    fn carried(&mut self, element: &str, carried: &CarriedText) {
        let digest = Digest(Sha256::digest(&carried.bytes).into()).to_string();
        let attributes = [("mediaType", &*carried.media_type), ("digest", &*digest)];
        self.value(element, &attributes, &STANDARD.encode(&carried.bytes));
    }
}

fn pays(part: ThirdParty) -> &'static str {
    match part {
        ThirdParty::InsurerPays => word(true),
        ThirdParty::PatientPaid => word(false),
    }
}

fn word(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}

/// As short as it can be: `1`, `1.5`, `8.65`.
fn coefficient(hundredths: u32) -> String {
    match (hundredths / 100, hundredths % 100) {
        (whole, 0) => whole.to_string(),
        (whole, decimals) if decimals % 10 == 0 => format!("{whole}.{}", decimals / 10),
        (whole, decimals) => format!("{whole}.{decimals:02}"),
    }
}
