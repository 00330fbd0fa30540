//! A document: the unit of account of the obligation (L162-32-1, 6° CSS), and the facts about it that
//! any policy can count by.
//!
//! [`Document`] is what a posted document says, nominative values included; it lives for the length of a
//! validation and is never stored. [`Facts`] is what the ledger keeps of it, without any nominative value.

use crate::claims::finding::Place;
use crate::claims::id::{Amc, Destination, Finess, Name, Number};
use crate::claims::time::Day;

/// The kinds of document that the gateway carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Feuille de soins électronique, to the AMO.
    Fse,
    /// Demande de remboursement électronique, to the AMC.
    Dre,
    /// Pièce justificative of an FSE.
    Pj,
    /// Demande de prise en charge.
    Pec,
}

/// Securing mode: CNAM's classes of a transmitted lot (list IR_TCR_V).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// S: SESAM with Vitale, secured, encrypted.
    Secured,
    /// F: SESAM without Vitale, secured, encrypted.
    WithoutVitale,
    /// C: secured, not encrypted.
    Clear,
    /// D: dégradé.
    Degraded,
    /// L: facture en ligne.
    Online,
    /// P: SEFi+.
    Sefi,
    /// N: electronic, not secured.
    Unsecured,
}

/// Which of the three dates of R161-42, 10° starts the legal clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClockBasis {
    /// The sheet was completed.
    Completed,
    /// The patient paid.
    Paid,
    /// The last act was performed.
    LastAct,
}

/// Tiers payant of one part: who is paid by that insurer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ThirdParty {
    /// The patient paid; the insurer reimburses the patient.
    PatientPaid,
    /// Dispense d'avance des frais: the insurer pays the centre.
    InsurerPays,
}

/// Whether a document is a real claim or a vendor's test, which is never counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// A claim.
    Real,
    /// A test: it reaches endpoints marked `test` only and is in no rate.
    Test,
}

/// Reasons for which a policy may leave a document out of the denominator, once used by UNCAM (2010).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exclusion {
    /// Aide médicale de l'État.
    StateMedicalAid,
    /// The patient is under three months old.
    InfantUnderThreeMonths,
    /// Care given wholly without the patient present.
    PatientAbsent,
}

/// A set of exclusions, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exclusions(u8);

/// Why a document replaces another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReplacementReason {
    /// The insurer refused it (ARL −).
    Refused,
    /// The insurer rejected its payment (RSP); a new number makes it a re-billing.
    Rejected,
    /// It was cancelled.
    Cancelled,
    /// It lapsed.
    Lapsed,
}

/// What identifies a document to its centre: centre, kind and numéro d'ordre (R161-44).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The sender.
    pub centre: Finess,
    /// The kind.
    pub kind: Kind,
    /// The numéro.
    pub number: Number,
}

/// An amount in cents of a euro.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cents(pub i64);

/// What the ledger keeps of a document's content: everything that a policy can count by, nothing nominative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Centre, kind, numéro.
    pub key: Key,
    /// Securing mode.
    pub mode: Mode,
    /// The one insurer it goes to.
    pub destination: Destination,
    /// The day that starts the legal clock.
    pub clock_day: Day,
    /// Which of the three dates that is.
    pub clock_basis: ClockBasis,
    /// The day of the last act (for a PJ: its clock day).
    pub care_day: Day,
    /// Tiers payant of the AMO part.
    pub third_party_amo: ThirdParty,
    /// Tiers payant of the AMC part.
    pub third_party_amc: ThirdParty,
    /// What the AMO is asked to pay.
    pub amount_amo: Cents,
    /// What the AMC is asked to pay.
    pub amount_amc: Cents,
    /// The AMC named as data on an FSE whose AMO settles both parts.
    pub settled_for: Option<Amc>,
    /// Exclusions that apply.
    pub exclusions: Exclusions,
    /// The document it replaces: kind and number at the same centre, and why.
    pub replaces: Option<(Kind, Number, ReplacementReason)>,
    /// For a PJ: the number of the FSE that it supports.
    pub supports: Option<Number>,
}

/// A value and where it stands in the document as posted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where: turned into line, column and path only when a finding is made.
    pub spot: Spot,
}

/// A cheap reference to a place of the document being read; the reader that gave it out can turn it
/// into a [`Place`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// Byte offset in the decoded text: of the `<` of an element, or of the first letter of an attribute's name.
    pub offset: u32,
}

/// Turns spots into places; implemented by the reader.
pub trait Locate {
    /// The lines, columns and paths of spots, in their order: in one pass, however many there are.
    fn places(&self, spots: &[Spot]) -> Vec<Place>;

    /// The line, column and path of a spot.
    fn place(&self, spot: Spot) -> Place {
        self.places(&[spot]).pop().unwrap_or_default()
    }
}

/// One document, structurally valid, as its rules see it. Nominative: it prints nothing of itself.
pub struct Document {
    /// Version of the schema that it was written by.
    pub schema_version: At<String>,
    /// Kind.
    pub kind: At<Kind>,
    /// Numéro.
    pub number: At<String>,
    /// FINESS of the centre as written.
    pub centre: At<String>,
    /// Securing mode.
    pub mode: At<Mode>,
    /// Legal clock.
    pub clock: At<(ClockBasis, Day)>,
    /// Tiers payant AMO.
    pub third_party_amo: ThirdParty,
    /// Tiers payant AMC.
    pub third_party_amc: ThirdParty,
    /// Destination as written.
    pub destination: At<DestinationText>,
    /// AMC named as data on an FSE.
    pub settled_for: Option<At<String>>,
    /// Declared replacement: kind, number, reason.
    pub replaces: Option<At<(Kind, String, ReplacementReason)>>,
    /// The patient. Absent on a PJ.
    pub beneficiary: Option<Person>,
    /// The insured person, when not the patient.
    pub insured: Option<Person>,
    /// Nature d'assurance and what belongs to it.
    pub coverage: Option<Coverage>,
    /// Prescriber.
    pub prescriber: Option<Practitioner>,
    /// Executing practitioner.
    pub practitioner: Option<Practitioner>,
    /// Acts in order.
    pub acts: Vec<Act>,
    /// Totals.
    pub totals: Option<Totals>,
    /// For a PJ: number of the FSE.
    pub supports: Option<At<String>>,
    /// For a PJ: the piece itself.
    pub attachment: Option<Carried>,
    /// Opaque payload, carried and never opened.
    pub payload: Option<Carried>,
}

/// Destination before its check.
#[derive(Clone, PartialEq, Eq)]
pub enum DestinationText {
    /// Régime, caisse, centre.
    Amo(String, String, String),
    /// AMC number.
    Amc(String),
}

/// A person. Nominative.
#[derive(Default)]
pub struct Person {
    /// NIR (13 characters) and its key (2).
    pub nir: Option<At<(String, String)>>,
    /// Date of birth.
    pub birth_date: Option<At<Day>>,
    /// Birth rank, 1–9.
    pub birth_rank: Option<At<u8>>,
}

/// Nature d'assurance and what belongs to it.
pub struct Coverage {
    /// Nature.
    pub nature: At<Nature>,
    /// Code d'exonération du ticket modérateur, one character.
    pub exemption: At<String>,
    /// Date of the accident, for AT and common-law accidents.
    pub accident_date: Option<At<Day>>,
    /// Aide médicale de l'État.
    pub state_medical_aid: Option<Spot>,
    /// Care wholly without the patient present.
    pub patient_absent: Option<Spot>,
}

/// Nature d'assurance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// Maladie.
    Maladie,
    /// Maternité.
    Maternite,
    /// Accident du travail ou maladie professionnelle.
    AccidentDuTravail,
    /// Prévention maladie.
    Prevention,
    /// Soins médicaux gratuits (article 115).
    SoinsGratuits,
}

/// A prescriber or executing practitioner.
pub struct Practitioner {
    /// RPPS or AM number.
    pub id: At<PractitionerId>,
    /// Code of specialty, two digits.
    pub specialty: At<String>,
    /// Date of the prescription, on a prescriber.
    pub prescribed: Option<At<Day>>,
}

/// The identifier a practitioner is known by.
#[derive(Clone, PartialEq, Eq)]
pub enum PractitionerId {
    /// RPPS, 11 digits.
    Rpps(String),
    /// Numéro AM (ADELI), 9 characters.
    Am(String),
}

/// One line of care.
pub struct Act {
    /// Day of the act.
    pub date: At<Day>,
    /// NGAP letter key or CCAM code.
    pub code: At<ActCode>,
    /// Quantity, from 1.
    pub quantity: At<u16>,
    /// NGAP coefficient in hundredths.
    pub coefficient: At<u32>,
    /// Unit price.
    pub unit_price: At<Cents>,
    /// Fees asked (honoraires), the line's total.
    pub fees: At<Cents>,
    /// Base de remboursement.
    pub base: At<Cents>,
    /// Rate of reimbursement in percent, 0–100.
    pub rate: At<u8>,
    /// AMO part.
    pub amo: At<Cents>,
    /// AMC part.
    pub amc: At<Cents>,
    /// Qualificatif de la dépense, one letter.
    pub qualifier: Option<At<String>>,
}

/// Code of an act.
#[derive(Clone, PartialEq, Eq)]
pub enum ActCode {
    /// NGAP letter key.
    Ngap(String),
    /// CCAM code with activity, phase and modifiers.
    Ccam {
        /// Seven characters.
        code: String,
        /// One digit.
        activity: String,
        /// One digit.
        phase: String,
        /// Up to four modifiers.
        modifiers: String,
    },
}

/// Totals of a document.
pub struct Totals {
    /// Σ fees.
    pub fees: At<Cents>,
    /// Σ AMO parts.
    pub amo: At<Cents>,
    /// Σ AMC parts.
    pub amc: At<Cents>,
}

/// Bytes carried inside a document: a piece or an opaque payload.
pub struct Carried {
    /// Media type as written.
    pub media_type: At<String>,
    /// SHA-256 as declared, hexadecimal.
    pub declared: At<String>,
    /// SHA-256 of the decoded bytes; none if they are not base64.
    pub computed: Option<crate::claims::id::Digest>,
    /// Length of the decoded bytes.
    pub length: usize,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 4] = [Kind::Fse, Kind::Dre, Kind::Pj, Kind::Pec];

    /// The word used in documents, answers, labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Fse => "FSE",
            Kind::Dre => "DRE",
            Kind::Pj => "PJ",
            Kind::Pec => "PEC",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Mode {
    /// Every mode, in the order of CNAM's list.
    pub const ALL: [Mode; 7] = [
        Mode::Secured,
        Mode::WithoutVitale,
        Mode::Clear,
        Mode::Degraded,
        Mode::Online,
        Mode::Sefi,
        Mode::Unsecured,
    ];

    /// CNAM's letter.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Secured => "S",
            Mode::WithoutVitale => "F",
            Mode::Clear => "C",
            Mode::Degraded => "D",
            Mode::Online => "L",
            Mode::Sefi => "P",
            Mode::Unsecured => "N",
        }
    }

    /// Reads CNAM's letter.
    pub fn parse(text: &str) -> Option<Mode> {
        Mode::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

impl ClockBasis {
    /// Every basis.
    pub const ALL: [ClockBasis; 3] = [ClockBasis::Completed, ClockBasis::Paid, ClockBasis::LastAct];

    /// The word used in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            ClockBasis::Completed => "completed",
            ClockBasis::Paid => "paid",
            ClockBasis::LastAct => "last-act",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<ClockBasis> {
        ClockBasis::ALL
            .into_iter()
            .find(|basis| basis.as_str() == text)
    }
}

impl ReplacementReason {
    /// Every reason.
    pub const ALL: [ReplacementReason; 4] = [
        ReplacementReason::Refused,
        ReplacementReason::Rejected,
        ReplacementReason::Cancelled,
        ReplacementReason::Lapsed,
    ];

    /// The word used in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            ReplacementReason::Refused => "refused",
            ReplacementReason::Rejected => "rejected",
            ReplacementReason::Cancelled => "cancelled",
            ReplacementReason::Lapsed => "lapsed",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<ReplacementReason> {
        ReplacementReason::ALL
            .into_iter()
            .find(|reason| reason.as_str() == text)
    }
}

impl Nature {
    /// Every nature.
    pub const ALL: [Nature; 5] = [
        Nature::Maladie,
        Nature::Maternite,
        Nature::AccidentDuTravail,
        Nature::Prevention,
        Nature::SoinsGratuits,
    ];

    /// The code used in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Nature::Maladie => "AS",
            Nature::Maternite => "MA",
            Nature::AccidentDuTravail => "AT",
            Nature::Prevention => "PR",
            Nature::SoinsGratuits => "SM",
        }
    }

    /// Reads that code.
    pub fn parse(text: &str) -> Option<Nature> {
        Nature::ALL
            .into_iter()
            .find(|nature| nature.as_str() == text)
    }
}

impl Exclusion {
    /// Every exclusion.
    pub const ALL: [Exclusion; 3] = [
        Exclusion::StateMedicalAid,
        Exclusion::InfantUnderThreeMonths,
        Exclusion::PatientAbsent,
    ];

    /// The word used in policies and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Exclusion::StateMedicalAid => "state-medical-aid",
            Exclusion::InfantUnderThreeMonths => "infant-under-three-months",
            Exclusion::PatientAbsent => "patient-absent",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Exclusion::StateMedicalAid => 1,
            Exclusion::InfantUnderThreeMonths => 2,
            Exclusion::PatientAbsent => 4,
        }
    }
}

impl Exclusions {
    /// No exclusion.
    pub const NONE: Exclusions = Exclusions(0);

    /// The set with one more.
    #[must_use]
    pub fn with(self, exclusion: Exclusion) -> Exclusions {
        Exclusions(self.0 | exclusion.bit())
    }

    /// Whether it is in the set.
    pub fn contains(self, exclusion: Exclusion) -> bool {
        self.0 & exclusion.bit() != 0
    }

    /// Those that are in both sets.
    #[must_use]
    pub fn both(self, other: Exclusions) -> Exclusions {
        Exclusions(self.0 & other.0)
    }

    /// Its exclusions.
    pub fn each(self) -> impl Iterator<Item = Exclusion> {
        Exclusion::ALL
            .into_iter()
            .filter(move |exclusion| self.contains(*exclusion))
    }

    /// The bits, as stored.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// From stored bits; unknown bits are refused.
    pub fn from_bits(bits: u8) -> Option<Exclusions> {
        (bits <= 7).then_some(Exclusions(bits))
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "{} {} {}",
            self.centre,
            self.kind.as_str(),
            self.number
        )
    }
}

/// The agreement or policy by which a centre is judged, by id.
pub type AgreementId = Name;
