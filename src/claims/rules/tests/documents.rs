//! Documents without fault, one for each way of claiming, and the handles to change one thing about them.

use crate::claims::document::*;
use crate::claims::id::Digest;
use crate::claims::time::Day;

/// Makes a document without fault.
pub(super) type Base = fn() -> Document;
/// Changes one thing about it.
pub(super) type Edit = fn(&mut Document);

/// Every document without fault.
pub(super) const BASES: [Base; 7] = [fse, dre, both, pj, pec, accident, prescribed];

pub(super) fn at<T>(value: T) -> At<T> {
    let spot = Spot::default();
    At { value, spot }
}

pub(super) fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

pub(super) fn act() -> Act {
    Act {
        date: at(day("2026-11-16")),
        code: at(ActCode::Ngap("G".into())),
        quantity: at(1),
        coefficient: at(100),
        unit_price: at(Cents(3000)),
        fees: at(Cents(3000)),
        base: at(Cents(3000)),
        rate: at(70),
        amo: at(Cents(2100)),
        amc: at(Cents(0)),
        qualifier: None,
    }
}

pub(super) fn ccam(code: &str, activity: &str, modifiers: &str) -> ActCode {
    ActCode::Ccam {
        code: code.into(),
        activity: activity.into(),
        phase: "0".into(),
        modifiers: modifiers.into(),
    }
}

pub(super) fn carried() -> Carried {
    Carried {
        media_type: at("application/pdf".into()),
        declared: at("11".repeat(32)),
        computed: Some(Digest([0x11; 32])),
        length: 10,
    }
}

pub(super) fn practitioner() -> Practitioner {
    Practitioner {
        id: at(PractitionerId::Rpps("10002519899".into())),
        specialty: at("01".into()),
        prescribed: None,
    }
}

/// An FSE under tiers payant of the AMO part: one consultation, valid.
pub(super) fn fse() -> Document {
    Document {
        schema_version: at("1".into()),
        kind: at(Kind::Fse),
        number: at("000000017".into()),
        centre: at("750712184".into()),
        mode: at(Mode::Secured),
        clock: at((ClockBasis::Completed, day("2026-11-16"))),
        third_party_amo: ThirdParty::InsurerPays,
        third_party_amc: ThirdParty::PatientPaid,
        destination: at(DestinationText::Amo(
            "01".into(),
            "751".into(),
            "0000".into(),
        )),
        settled_for: None,
        replaces: None,
        beneficiary: Some(Person {
            nir: Some(at(("1850578006084".into(), "91".into()))),
            birth_date: Some(at(day("1985-05-12"))),
            birth_rank: Some(at(1)),
        }),
        insured: None,
        coverage: Some(Coverage {
            nature: at(Nature::Maladie),
            exemption: at("0".into()),
            accident_date: None,
            state_medical_aid: None,
            patient_absent: None,
        }),
        prescriber: None,
        practitioner: Some(practitioner()),
        acts: vec![act()],
        totals: Some(Totals {
            fees: at(Cents(3000)),
            amo: at(Cents(2100)),
            amc: at(Cents(0)),
        }),
        supports: None,
        attachment: None,
        payload: None,
    }
}

/// A DRE for the AMC's part of the same care.
pub(super) fn dre() -> Document {
    let mut document = fse();
    document.kind = at(Kind::Dre);
    document.destination = at(DestinationText::Amc("77567227".into()));
    document.third_party_amc = ThirdParty::InsurerPays;
    line(&mut document, |act| act.amc = at(Cents(900)));
    total(&mut document, |totals| totals.amc = at(Cents(900)));
    document
}

/// An FSE whose AMO settles the AMC's part too.
pub(super) fn both() -> Document {
    let mut document = fse();
    document.settled_for = Some(at("77567227".into()));
    document.third_party_amc = ThirdParty::InsurerPays;
    line(&mut document, |act| act.amc = at(Cents(900)));
    total(&mut document, |totals| totals.amc = at(Cents(900)));
    document
}

/// A PJ of an FSE.
pub(super) fn pj() -> Document {
    let mut document = fse();
    document.kind = at(Kind::Pj);
    document.number = at("PJ-17".into());
    document.beneficiary = None;
    document.coverage = None;
    document.practitioner = None;
    document.acts = Vec::new();
    document.totals = None;
    document.supports = Some(at("000000017".into()));
    document.attachment = Some(carried());
    document
}

/// A PEC for care to come.
pub(super) fn pec() -> Document {
    let mut document = fse();
    document.kind = at(Kind::Pec);
    document.number = at("PEC-3".into());
    line(&mut document, |act| act.date = at(day("2026-12-07")));
    document
}

/// An FSE of an accident at work.
pub(super) fn accident() -> Document {
    let mut document = fse();
    cover(&mut document, |coverage| {
        coverage.nature = at(Nature::AccidentDuTravail);
        coverage.accident_date = Some(at(day("2026-11-02")));
    });
    line(&mut document, |act| {
        act.rate = at(100);
        act.amo = at(Cents(3000));
    });
    total(&mut document, |totals| totals.amo = at(Cents(3000)));
    document
}

/// An FSE with a prescriber.
pub(super) fn prescribed() -> Document {
    let mut document = fse();
    let prescribed = Some(at(day("2026-11-10")));
    document.prescriber = Some(Practitioner {
        prescribed,
        ..practitioner()
    });
    line(&mut document, |act| {
        act.code = at(ActCode::Ngap("AMI".into()))
    });
    document
}

pub(super) fn line(document: &mut Document, edit: fn(&mut Act)) {
    document.acts.first_mut().into_iter().for_each(edit);
}

pub(super) fn total(document: &mut Document, edit: fn(&mut Totals)) {
    document.totals.iter_mut().for_each(edit);
}

pub(super) fn cover(document: &mut Document, edit: fn(&mut Coverage)) {
    document.coverage.iter_mut().for_each(edit);
}

pub(super) fn patient(document: &mut Document, edit: fn(&mut Person)) {
    document.beneficiary.iter_mut().for_each(edit);
}

pub(super) fn free_act() -> Act {
    Act {
        unit_price: at(Cents(0)),
        fees: at(Cents(0)),
        base: at(Cents(0)),
        amo: at(Cents(0)),
        qualifier: Some(at("G".into())),
        ..act()
    }
}

pub(super) fn prescribe(document: &mut Document, date: &str) {
    if let Some(prescriber) = &mut document.prescriber {
        prescriber.prescribed = Some(at(day(date)));
    }
}

pub(super) fn piece(document: &mut Document, edit: fn(&mut Carried)) {
    document.attachment.iter_mut().for_each(edit);
}

pub(super) fn nir_key(nir: u64) -> String {
    format!("{:02}", 97 - nir % 97)
}
