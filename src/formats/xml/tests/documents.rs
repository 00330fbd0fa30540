//! Documents: every field of each kind, its place, all encodings.

use super::{TIERS_PAYANT, fixture, reader};
use crate::claims::document::{
    ActCode, At, Cents, ClockBasis, DestinationText, Document, Kind, Locate, Mode, Nature,
    PractitionerId, ReplacementReason, ThirdParty,
};
use crate::formats::xml::Limits;

fn document(bytes: &[u8]) -> Document {
    let reader = reader();
    let read = reader.read_document(bytes, &Limits::default());
    assert_eq!(read.findings, []);
    read.value.unwrap()
}

fn amounts(values: [&At<Cents>; 5]) -> [i64; 5] {
    values.map(|at| at.value.0)
}

#[test]
fn an_fse_is_read_field_by_field() {
    let found = document(fixture!("documents/valid/fse-nursing.xml"));
    assert_eq!(found.schema_version.value, "1");
    assert_eq!(
        (found.kind.value, found.mode.value),
        (Kind::Fse, Mode::Degraded)
    );
    assert_eq!(
        (&*found.number.value, &*found.centre.value),
        ("000000104", "750990012")
    );
    assert_eq!(found.clock.value.0, ClockBasis::Completed);
    assert_eq!(found.clock.value.1.to_string(), "2026-11-12");
    assert_eq!(found.third_party_amo, ThirdParty::InsurerPays);
    assert_eq!(found.third_party_amc, ThirdParty::InsurerPays);
    let paris = DestinationText::Amo("01".into(), "751".into(), "0000".into());
    assert!(found.destination.value == paris);
    let coverage = found.coverage.unwrap();
    assert_eq!(
        (coverage.nature.value, &*coverage.exemption.value),
        (Nature::Maladie, "0")
    );
    assert!(coverage.accident_date.is_none() && coverage.patient_absent.is_none());
    let prescriber = found.prescriber.unwrap();
    assert!(prescriber.id.value == PractitionerId::Rpps("10999000010".into()));
    assert_eq!(
        prescriber.prescribed.unwrap().value.to_string(),
        "2026-11-10"
    );
    let practitioner = found.practitioner.unwrap();
    assert!(practitioner.id.value == PractitionerId::Am("759000011".into()));
    assert_eq!(practitioner.specialty.value, "24");
    assert!(practitioner.prescribed.is_none());
    let totals = found.totals.unwrap();
    let totals = [&totals.fees, &totals.amo, &totals.amc].map(|at| at.value.0);
    assert_eq!(totals, [1220, 732, 0]);
    assert!(found.settled_for.is_none() && found.replaces.is_none() && found.insured.is_none());
    assert!(found.supports.is_none() && found.attachment.is_none() && found.payload.is_none());
}

#[test]
fn acts_are_read_line_by_line() {
    let found = document(fixture!("documents/valid/fse-nursing.xml"));
    let [first, second] = &found.acts[..] else {
        panic!("{} acts", found.acts.len());
    };
    assert_eq!(first.date.value.to_string(), "2026-11-12");
    assert!(first.code.value == ActCode::Ngap("AMI".into()));
    assert_eq!(
        (
            first.quantity.value,
            first.coefficient.value,
            first.rate.value
        ),
        (2, 150, 60)
    );
    let lines = [
        &first.unit_price,
        &first.fees,
        &first.base,
        &first.amo,
        &first.amc,
    ];
    assert_eq!(amounts(lines), [315, 945, 945, 567, 0]);
    assert!(second.code.value == ActCode::Ngap("IFD".into()));
    assert!(second.qualifier.is_none());

    let found = document(fixture!("documents/valid/fse-ccam.xml"));
    assert_eq!(found.clock.value.0, ClockBasis::LastAct);
    let modifiers: Vec<String> = found
        .acts
        .into_iter()
        .map(|act| match act.code.value {
            ActCode::Ccam {
                code,
                activity,
                phase,
                modifiers,
            } => {
                format!("{code} {activity} {phase} {modifiers}")
            }
            ActCode::Ngap(_) => "NGAP".to_owned(),
        })
        .collect();
    assert_eq!(modifiers, ["DEQP003 1 0 ", "DEQP003 1 0 F"]);
}

#[test]
fn persons_are_read_without_their_names() {
    let found = document(fixture!("documents/valid/fse-patient-paid.xml"));
    assert_eq!(found.clock.value.0, ClockBasis::Paid);
    assert_eq!(found.third_party_amo, ThirdParty::PatientPaid);
    assert_eq!(found.third_party_amc, ThirdParty::PatientPaid);
    for (person, nir, key, birth_date, rank) in [
        (found.beneficiary, "2190993066004", "50", "2019-09-03", 2),
        (found.insured, "1780313055002", "90", "1978-03-21", 1),
    ] {
        let person = person.unwrap();
        assert!(person.nir.unwrap().value == (nir.to_owned(), key.to_owned()));
        assert_eq!(person.birth_date.unwrap().value.to_string(), birth_date);
        assert_eq!(person.birth_rank.unwrap().value, rank);
    }
}

#[test]
fn grounds_of_coverage_are_read() {
    let accident = document(fixture!("documents/valid/fse-accident.xml"))
        .coverage
        .unwrap();
    assert_eq!(accident.nature.value, Nature::AccidentDuTravail);
    assert_eq!(
        accident.accident_date.unwrap().value.to_string(),
        "2026-11-09"
    );
    let found = document(fixture!("documents/valid/fse-state-medical-aid.xml"));
    let aid = found.coverage.unwrap();
    assert_eq!(aid.exemption.value, "3");
    assert!(aid.state_medical_aid.is_some());
    assert!(aid.patient_absent.is_none(), "false is as good as absent");
    assert_eq!(found.acts[0].qualifier.as_ref().unwrap().value, "E");
}

#[test]
fn each_kind_has_its_own_fields() {
    let dre = document(fixture!("documents/valid/dre.xml"));
    assert_eq!(dre.kind.value, Kind::Dre);
    assert!(dre.destination.value == DestinationText::Amc("99999997".into()));
    assert_eq!(
        document(fixture!("documents/valid/pec.xml")).kind.value,
        Kind::Pec
    );
    let settled_for = document(fixture!("documents/valid/fse-settled-for.xml")).settled_for;
    assert_eq!(settled_for.unwrap().value, "99999997");
    let replaces = document(fixture!("documents/valid/fse-replacement.xml"))
        .replaces
        .unwrap();
    let expected = (
        Kind::Fse,
        "000000100".to_owned(),
        ReplacementReason::Refused,
    );
    assert_eq!(replaces.value, expected);

    let pj = document(fixture!("documents/valid/pj.xml"));
    assert_eq!(pj.kind.value, Kind::Pj);
    assert_eq!(pj.supports.unwrap().value, "000000101");
    let payload = document(fixture!("documents/valid/fse-payload.xml")).payload;
    for (carried, media_type, length) in [
        (pj.attachment, "application/pdf", 42),
        (payload, "application/octet-stream", 256),
    ] {
        let carried = carried.unwrap();
        assert_eq!(
            (&*carried.media_type.value, carried.length),
            (media_type, length)
        );
        assert_eq!(
            carried.computed.unwrap().to_string(),
            carried.declared.value
        );
    }
}

#[test]
fn a_digest_is_that_of_the_bytes_and_not_the_declared_one() {
    let text = std::str::from_utf8(fixture!("documents/valid/pj.xml")).unwrap();
    let changed = text.replacen("JVBERi0xLjQ", "JVBERi0xLjU", 1);
    assert_ne!(text, changed);
    let attachment = document(changed.as_bytes()).attachment.unwrap();
    assert_ne!(
        attachment.computed.unwrap().to_string(),
        attachment.declared.value
    );
}

#[test]
fn every_spot_leads_to_its_place() {
    let bytes = fixture!("documents/valid/fse-nursing.xml");
    let reader = reader();
    let read = reader.read_document(bytes, &Limits::default());
    let found = read.value.as_ref().unwrap();
    let person = found.beneficiary.as_ref().unwrap();
    let prescriber = found.prescriber.as_ref().unwrap();
    let coverage = found.coverage.as_ref().unwrap();
    let second = &found.acts[1];
    for (spot, line, column, path) in [
        (found.kind.spot, 2, 56, "/document/@kind"),
        (found.number.spot, 2, 67, "/document/@number"),
        (found.centre.spot, 3, 11, "/document/centre[1]/@finess"),
        (found.clock.spot, 4, 3, "/document/clock[1]"),
        (
            found.destination.spot,
            7,
            5,
            "/document/destination[1]/amo[1]",
        ),
        (
            person.nir.as_ref().unwrap().spot,
            10,
            5,
            "/document/beneficiary[1]/nir[1]",
        ),
        (
            coverage.nature.spot,
            14,
            13,
            "/document/coverage[1]/@nature",
        ),
        (prescriber.id.spot, 16, 5, "/document/prescriber[1]/rpps[1]"),
        (
            prescriber.prescribed.as_ref().unwrap().spot,
            15,
            30,
            "/document/prescriber[1]/@prescribed",
        ),
        (second.date.spot, 33, 10, "/document/acts[1]/act[2]/@date"),
        (second.code.spot, 34, 7, "/document/acts[1]/act[2]/ngap[1]"),
        (second.amo.spot, 41, 7, "/document/acts[1]/act[2]/amo[1]"),
        (
            found.totals.as_ref().unwrap().amo.spot,
            47,
            5,
            "/document/totals[1]/amo[1]",
        ),
    ] {
        let place = read.place(spot);
        assert_eq!(
            (place.line, place.column, &*place.path),
            (line, column, path)
        );
    }
}

#[test]
fn a_faulty_document_has_findings_and_no_value() {
    let text = std::str::from_utf8(TIERS_PAYANT).unwrap();
    for (from, to, code, path) in [
        (
            "30.00",
            "30",
            "XSD_VALUE_PATTERN",
            "/document/acts[1]/act[1]/unitPrice[1]",
        ),
        (
            "2026-11-12",
            "2026-02-30",
            "XSD_VALUE_TYPE",
            "/document/clock[1]/@date",
        ),
        (
            "kind=\"FSE\"",
            "kind=\"FAC\"",
            "XSD_VALUE_ENUMERATION",
            "/document/@kind",
        ),
        (
            "version=\"1\"",
            "version=\"2\"",
            "XSD_FIXED",
            "/document/@version",
        ),
        (
            "urn:bordereau:document:1",
            "urn:bordereau:document:2",
            "XSD_ROOT",
            "/document",
        ),
        ("</acts>", "</act>", "XML_SYNTAX", "/document/acts[1]"),
    ] {
        let changed = text.replacen(from, to, 1);
        let reader = reader();
        let read = reader.read_document(changed.as_bytes(), &Limits::default());
        assert!(read.value.is_none(), "{code}");
        let found: Vec<_> = read
            .findings
            .iter()
            .map(|finding| (finding.code, &*finding.place.path))
            .collect();
        assert_eq!(found, [(code, path)]);
    }
}

#[test]
fn encodings_and_ways_of_writing_give_the_same_values() {
    for bytes in [
        TIERS_PAYANT,
        fixture!("documents/valid/fse-utf16.xml"),
        fixture!("documents/valid/fse-latin1.xml"),
        fixture!("documents/valid/fse-latin9.xml"),
        fixture!("documents/valid/fse-by-hand.xml"),
    ] {
        let found = document(bytes);
        assert_eq!(found.clock.value.1.to_string(), "2026-11-12");
        assert_eq!(found.third_party_amo, ThirdParty::InsurerPays);
        let person = found.beneficiary.unwrap();
        assert!(person.nir.unwrap().value == ("2850675116001".to_owned(), "25".to_owned()));
        assert_eq!(person.birth_date.unwrap().value.to_string(), "1985-06-14");
        assert_eq!(found.acts[0].coefficient.value, 100);
        assert_eq!(found.totals.unwrap().fees.value, Cents(3000));
    }
}
