//! Patient, insured, prescriber, practitioner: identifiers with their keys, birth dates, exclusions.
//!
//! The only rules that look at a NIR. They answer with a spot, never with the NIR.

use chrono::Months;

use super::sheet::Sheet;
use super::{Rule, dates};
use crate::claims::document::{
    ActCode, At, Document, Exclusion, Exclusions, Kind, Person, Practitioner, PractitionerId,
};
use crate::claims::id::{Invalid, check_am, check_nir, check_rpps};
use crate::claims::time::Day;

/// Nobody is known to have lived longer than a few years more.
const OLDEST_YEARS: u32 = 120;

/// Months under which a patient is an infant (UNCAM's exclusion of 2010).
const INFANT_MONTHS: u32 = 3;

/// NGAP letter keys of the auxiliaires médicaux: nurses, physiotherapists, speech therapists, orthoptists.
const ON_PRESCRIPTION: [&str; 6] = ["AMI", "AIS", "AMK", "AMS", "AMO", "AMY"];

/// Checks the persons and says which exclusions apply.
pub(super) fn check(document: &Document, today: Day, sheet: &mut Sheet) -> Exclusions {
    for person in document.beneficiary.iter().chain(&document.insured) {
        check_nir_of(person, today, sheet);
        check_birth(person, today, sheet);
    }
    check_right(document, sheet);
    check_repeated(document, sheet);
    for practitioner in document.practitioner.iter().chain(&document.prescriber) {
        check_practitioner(practitioner, sheet);
    }
    check_prescription(document, sheet);
    exclusions(document)
}

fn check_nir_of(person: &Person, today: Day, sheet: &mut Sheet) {
    let Some(At { value, spot }) = &person.nir else {
        return;
    };
    let (nir, key) = value;
    match check_nir(nir, key) {
        Ok(()) => {}
        Err(Invalid::Form) => return sheet.add(Rule::NirForm, *spot),
        Err(Invalid::Key) => return sheet.add(Rule::NirKey, *spot),
    }
    if let Some(birth) = &person.birth_date
        && birth.value <= today
        && !agrees_with_birth(nir, birth.value)
    {
        sheet.add(Rule::NirBirth, *spot);
    }
}

/// Whether year and month of a NIR are those of a birth date; months beyond 12 say nothing, and a
/// temporary number (3, 4, 7, 8) need not follow the birth date.
fn agrees_with_birth(nir: &str, birth: Day) -> bool {
    let digits = |from: usize| {
        nir.get(from..from + 2)
            .and_then(|text| text.parse::<u32>().ok())
    };
    let (Some(year), Some(month)) = (digits(1), digits(3)) else {
        return true;
    };
    let permanent = nir.starts_with(['1', '2']);
    let same_year = u32::try_from(birth.year().rem_euclid(100)) == Ok(year);
    let same_month = !(1..=12).contains(&month) || month == birth.month();
    !permanent || (same_year && same_month)
}

fn check_birth(person: &Person, today: Day, sheet: &mut Sheet) {
    let Some(At { value: birth, spot }) = person.birth_date else {
        return;
    };
    let oldest = today
        .date()
        .checked_sub_months(Months::new(OLDEST_YEARS * 12));
    if birth > today {
        sheet.add(Rule::BirthFuture, spot);
    } else if oldest.is_some_and(|oldest| birth.date() < oldest) {
        sheet.add(Rule::BirthOld, spot);
    }
}

/// The person whose right is used has a NIR, and the patient a birth date.
fn check_right(document: &Document, sheet: &mut Sheet) {
    let Some(patient) = &document.beneficiary else {
        return;
    };
    let state_aid = match &document.coverage {
        Some(coverage) => coverage.state_medical_aid.is_some(),
        None => false,
    };
    let holder = document.insured.as_ref().unwrap_or(patient);
    if holder.nir.is_none() && !state_aid && document.kind.value != Kind::Pj {
        sheet.add(Rule::NirMissing, document.kind.spot);
    }
    if patient.birth_date.is_none() && document.kind.value != Kind::Pj {
        sheet.add(Rule::BirthMissing, document.kind.spot);
    }
}

fn check_repeated(document: &Document, sheet: &mut Sheet) {
    let (Some(patient), Some(insured)) = (&document.beneficiary, &document.insured) else {
        return;
    };
    let (Some(nir), Some(again)) = (&patient.nir, &insured.nir) else {
        return;
    };
    let birth = |person: &Person| {
        let date = person.birth_date.as_ref().map(|date| date.value);
        (date, person.birth_rank.as_ref().map(|rank| rank.value))
    };
    if nir.value == again.value && birth(patient) == birth(insured) {
        sheet.add(Rule::InsuredRepeated, again.spot);
    }
}

fn check_practitioner(practitioner: &Practitioner, sheet: &mut Sheet) {
    let At { value, spot } = &practitioner.id;
    let (verdict, rule) = match value {
        PractitionerId::Rpps(number) => (check_rpps(number), Rule::RppsKey),
        PractitionerId::Am(number) => (check_am(number), Rule::AmKey),
    };
    if verdict.is_err() {
        sheet.add(rule, *spot);
    }
    if practitioner.specialty.value == "00" {
        sheet.add(Rule::Specialty, practitioner.specialty.spot);
    }
}

fn check_prescription(document: &Document, sheet: &mut Sheet) {
    if document.prescriber.is_some() {
        return;
    }
    let prescribed = |code: &ActCode| match code {
        ActCode::Ngap(letters) => ON_PRESCRIPTION.contains(&letters.as_str()),
        ActCode::Ccam { .. } => false,
    };
    let first = document.acts.iter().find(|act| prescribed(&act.code.value));
    if let Some(act) = first {
        sheet.add(Rule::PrescriberMissing, act.code.spot);
    }
}

fn exclusions(document: &Document) -> Exclusions {
    let mut exclusions = Exclusions::NONE;
    if let Some(coverage) = &document.coverage {
        if coverage.state_medical_aid.is_some() {
            exclusions = exclusions.with(Exclusion::StateMedicalAid);
        }
        if coverage.patient_absent.is_some() {
            exclusions = exclusions.with(Exclusion::PatientAbsent);
        }
    }
    if is_infant(document) {
        exclusions = exclusions.with(Exclusion::InfantUnderThreeMonths);
    }
    exclusions
}

/// Under three months old on the day of the care.
fn is_infant(document: &Document) -> bool {
    let patient = document.beneficiary.as_ref();
    let birth = patient.and_then(|person| person.birth_date.as_ref());
    let grown = birth.and_then(|birth| {
        birth
            .value
            .date()
            .checked_add_months(Months::new(INFANT_MONTHS))
    });
    grown.is_some_and(|grown| dates::care_day(document).date() < grown)
}
