//! The fixtures of valid documents, lots, receipts and feeds: each file is what its row here composes, and passes
//! without a finding. `UPDATE=1 cargo test --test fixtures` writes the files again.
//!
//! All persons are invented. Identifiers have valid keys; caisses are real ones; the documents are meant to be
//! validated as of 20 November 2026.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may fail by panic and read UPDATE"
)]

use std::fs;
use std::path::{Path, PathBuf};

use bordereau::claims::document::{
    ActCode, Cents, ClockBasis, DestinationText, Kind, Mode, Nature, PractitionerId,
    ReplacementReason, ThirdParty,
};
use bordereau::claims::id::{Digest, DocumentId, LotId, Name};
use bordereau::claims::receipt::{
    Answer, Coverage, DocumentVerdict, Part, PartOutcome, PartSettlement, Receipt, Settlement,
    SettlementContent, Verdict,
};
use bordereau::claims::rules::{self, AMC_LENGTHS, Context, Registry};
use bordereau::claims::terms::Terms;
use bordereau::claims::time::{Day, Timestamp};
use bordereau::formats::xml::{
    ActText, CarriedText, CoverageText, DocumentText, Limits, PersonText, PractitionerText, Reader,
    write_document, write_feed, write_lot, write_receipt, write_settlement,
};

#[test]
fn every_file_is_what_its_row_composes() {
    let update = std::env::var_os("UPDATE").is_some();
    let rows = documents().into_iter().chain(receipts()).chain(lots());
    for (path, bytes) in rows {
        let file = root().join(path);
        if update {
            // Renamed into place: the other tests read these files meanwhile.
            let written = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixture.xml");
            fs::write(&written, &bytes).unwrap();
            fs::rename(&written, &file).unwrap();
        }
        let found = fs::read(&file).unwrap_or_default();
        assert!(found == bytes, "{path} differs: UPDATE=1 writes it again");
    }
}

#[test]
fn every_document_passes_without_a_finding() {
    let reader = Reader::new().unwrap();
    let context = Context {
        now: Timestamp::parse("2026-11-20T12:00:00Z").unwrap(),
        terms: &Terms::default(),
        registry: Registry::NotConsulted,
        amc_lengths: &AMC_LENGTHS,
    };
    let mut count = 0;
    for entry in fs::read_dir(root().join("documents/valid")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let read = reader.read_document(&bytes, &Limits::default());
        assert_eq!(read.findings, [], "{}", path.display());
        let verdict = rules::check(read.value.as_ref().unwrap(), &context, &read);
        assert_eq!(verdict.findings, [], "{}", path.display());
        assert!(verdict.facts.is_some(), "{}", path.display());
        count += 1;
    }
    // Those of the table, and one written by hand.
    assert!(count > documents().len(), "{count} files");
}

#[test]
fn every_receipt_reads_without_a_finding() {
    let reader = Reader::new().unwrap();
    for (path, bytes) in receipts() {
        if path.contains("feed") {
            let feed = reader.read_feed(&bytes, &Limits::default());
            assert_eq!(feed.findings, [], "{path}");
        } else {
            let read = reader.read_item(&bytes, &Limits::default());
            assert_eq!(read.findings, [], "{path}");
            assert!(read.value.is_some(), "{path}");
        }
    }
}

type File = (&'static str, Vec<u8>);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn documents() -> Vec<File> {
    vec![
        ("documents/valid/fse-tiers-payant.xml", utf8(&fse())),
        (
            "documents/valid/fse-patient-paid.xml",
            utf8(&patient_paid()),
        ),
        ("documents/valid/fse-ccam.xml", utf8(&ccam())),
        ("documents/valid/fse-nursing.xml", utf8(&nursing())),
        ("documents/valid/fse-accident.xml", utf8(&accident())),
        (
            "documents/valid/fse-state-medical-aid.xml",
            utf8(&state_medical_aid()),
        ),
        ("documents/valid/fse-settled-for.xml", utf8(&settled_for())),
        ("documents/valid/fse-replacement.xml", utf8(&replacement())),
        ("documents/valid/fse-payload.xml", utf8(&payload())),
        ("documents/valid/fse-corsica.xml", utf8(&corsica())),
        ("documents/valid/dre.xml", utf8(&dre())),
        ("documents/valid/pj.xml", utf8(&pj())),
        ("documents/valid/pec.xml", utf8(&pec())),
        (
            "documents/valid/fse-utf16.xml",
            utf16(&named("Lebœuf", "Zoé")),
        ),
        (
            "documents/valid/fse-latin1.xml",
            latin1(&named("Lefèvre", "Zoé")),
        ),
        (
            "documents/valid/fse-latin9.xml",
            latin9(&named("Lebœuf", "Zoé")),
        ),
    ]
}

fn lots() -> Vec<File> {
    let documents = [fse(), pj(), named("Lefèvre", "Zoé")].map(|one| write_document(&one));
    let lot = write_lot(documents.iter().map(String::as_str));
    vec![("lots/three-documents.xml", lined(&lot))]
}

fn receipts() -> Vec<File> {
    let accepted = write_receipt(&receipt(Verdict::Accepted));
    let refused = write_receipt(&refused());
    let partly = write_receipt(&partly_refused());
    let paid = write_settlement(&settlement("RSP-1", paid()));
    let mixed = write_settlement(&settlement("RSP-2", mixed()));
    let granted = write_settlement(&settlement("RSP-3", granted()));
    let feed = write_feed(
        "2026-11-16.0005",
        [&*accepted, &partly, &paid, &mixed, &granted],
    );
    vec![
        ("receipts/receipt-accepted.xml", lined(&accepted)),
        ("receipts/receipt-refused.xml", lined(&refused)),
        ("receipts/receipt-partly-refused.xml", lined(&partly)),
        ("receipts/settlement-paid.xml", lined(&paid)),
        ("receipts/settlement-mixed.xml", lined(&mixed)),
        ("receipts/settlement-granted.xml", lined(&granted)),
        ("receipts/feed.xml", lined(&feed)),
        (
            "receipts/feed-empty.xml",
            lined(&write_feed("2026-11-16.0005", [])),
        ),
    ]
}

/// A consultation, tiers payant on both parts: the AMC's part goes in a DRE with the same number.
fn fse() -> DocumentText {
    DocumentText {
        kind: Kind::Fse,
        number: "000000101".into(),
        mode: Mode::Secured,
        centre: "750990012".into(),
        clock: (ClockBasis::Completed, day("2026-11-12")),
        third_party: (ThirdParty::InsurerPays, ThirdParty::InsurerPays),
        destination: amo("751"),
        settled_for: None,
        replaces: None,
        beneficiary: Some(person("2850675116001", "25", "1985-06-14")),
        insured: None,
        coverage: Some(coverage(Nature::Maladie)),
        prescriber: None,
        practitioner: Some(rpps("10999000010", "01")),
        acts: vec![act("2026-11-12", ngap("G"), (1, 100), 3000, 70, (2100, 0))],
        supports: None,
        attachment: None,
        payload: None,
    }
}

/// A child, the second of twins, under the NIR of a parent.
fn patient_paid() -> DocumentText {
    let child = PersonText {
        birth_rank: 2,
        ..person("2190993066004", "50", "2019-09-03")
    };
    DocumentText {
        number: "000000102".into(),
        mode: Mode::WithoutVitale,
        centre: "130990047".into(),
        clock: (ClockBasis::Paid, day("2026-11-18")),
        third_party: (ThirdParty::PatientPaid, ThirdParty::PatientPaid),
        destination: amo("131"),
        beneficiary: Some(child),
        insured: Some(person("1780313055002", "90", "1978-03-21")),
        acts: vec![act("2026-11-18", ngap("G"), (1, 100), 3000, 70, (2100, 0))],
        ..fse()
    }
}

fn ccam() -> DocumentText {
    DocumentText {
        number: "000000103".into(),
        clock: (ClockBasis::LastAct, day("2026-11-15")),
        practitioner: Some(rpps("10999000028", "03")),
        acts: vec![
            act(
                "2026-11-13",
                ccam_act("DEQP003", "0", ""),
                (1, 100),
                1426,
                70,
                (998, 0),
            ),
            act(
                "2026-11-15",
                ccam_act("DEQP003", "0", "F"),
                (1, 100),
                3332,
                70,
                (2332, 0),
            ),
        ],
        ..fse()
    }
}

fn nursing() -> DocumentText {
    DocumentText {
        number: "000000104".into(),
        mode: Mode::Degraded,
        prescriber: Some((rpps("10999000010", "01"), day("2026-11-10"))),
        practitioner: Some(PractitionerText {
            id: PractitionerId::Am("759000011".into()),
            specialty: "24".into(),
        }),
        acts: vec![
            act("2026-11-12", ngap("AMI"), (2, 150), 315, 60, (567, 0)),
            act("2026-11-12", ngap("IFD"), (1, 100), 275, 60, (165, 0)),
        ],
        ..fse()
    }
}

fn accident() -> DocumentText {
    let mut covered = coverage(Nature::AccidentDuTravail);
    covered.accident_date = Some(day("2026-11-09"));
    DocumentText {
        number: "000000105".into(),
        mode: Mode::Clear,
        coverage: Some(covered),
        acts: vec![act("2026-11-12", ngap("G"), (1, 100), 3000, 100, (3000, 0))],
        ..fse()
    }
}

fn state_medical_aid() -> DocumentText {
    let mut covered = coverage(Nature::Maladie);
    covered.exemption = "3".into();
    covered.state_medical_aid = Some(true);
    covered.patient_absent = Some(false);
    let mut consultation = act("2026-11-12", ngap("G"), (1, 100), 3000, 100, (3000, 0));
    consultation.qualifier = Some("E".into());
    DocumentText {
        number: "000000106".into(),
        coverage: Some(covered),
        acts: vec![consultation],
        ..fse()
    }
}

fn settled_for() -> DocumentText {
    DocumentText {
        number: "000000107".into(),
        settled_for: Some("99999997".into()),
        acts: vec![act(
            "2026-11-12",
            ngap("G"),
            (1, 100),
            3000,
            70,
            (2100, 900),
        )],
        ..fse()
    }
}

fn replacement() -> DocumentText {
    DocumentText {
        number: "000000108".into(),
        replaces: Some((Kind::Fse, "000000100".into(), ReplacementReason::Refused)),
        ..fse()
    }
}

fn payload() -> DocumentText {
    let payload = CarriedText {
        media_type: "application/octet-stream".into(),
        bytes: (0..=255).collect(),
    };
    DocumentText {
        number: "000000109".into(),
        payload: Some(payload),
        ..fse()
    }
}

fn corsica() -> DocumentText {
    DocumentText {
        number: "000000110".into(),
        centre: "2A0990034".into(),
        destination: amo("201"),
        beneficiary: Some(person("192052A004003", "27", "1992-05-30")),
        ..fse()
    }
}

/// The AMC's part of [`fse`].
fn dre() -> DocumentText {
    DocumentText {
        kind: Kind::Dre,
        destination: DestinationText::Amc("99999997".into()),
        acts: vec![act(
            "2026-11-12",
            ngap("G"),
            (1, 100),
            3000,
            70,
            (2100, 900),
        )],
        ..fse()
    }
}

/// A prescription that supports [`fse`].
fn pj() -> DocumentText {
    DocumentText {
        kind: Kind::Pj,
        number: "PJ-000000101".into(),
        beneficiary: None,
        coverage: None,
        practitioner: None,
        acts: Vec::new(),
        supports: Some("000000101".into()),
        attachment: Some(CarriedText {
            media_type: "application/pdf".into(),
            bytes: b"%PDF-1.4\n% an invented prescription\n%%EOF\n".to_vec(),
        }),
        ..fse()
    }
}

/// A crown that is still to be made, with fees above the base.
fn pec() -> DocumentText {
    let crown = ccam_act("HBLD038", "1", "");
    let mut line = act("2026-11-26", crown, (1, 100), 29000, 60, (7200, 21800));
    line.base = Cents(12000);
    DocumentText {
        kind: Kind::Pec,
        number: "PEC-000000042".into(),
        destination: DestinationText::Amc("99999997".into()),
        practitioner: Some(rpps("10999000036", "19")),
        acts: vec![line],
        ..fse()
    }
}

fn named(family: &str, given: &str) -> DocumentText {
    let names = Some((family.into(), given.into()));
    let patient = PersonText {
        names,
        ..person("2850675116001", "25", "1985-06-14")
    };
    DocumentText {
        number: "000000111".into(),
        beneficiary: Some(patient),
        ..fse()
    }
}

fn amo(caisse: &str) -> DestinationText {
    DestinationText::Amo("01".into(), caisse.into(), "0000".into())
}

fn person(nir: &str, key: &str, birth_date: &str) -> PersonText {
    PersonText {
        nir: (nir.into(), key.into()),
        birth_date: day(birth_date),
        birth_rank: 1,
        names: None,
    }
}

fn coverage(nature: Nature) -> CoverageText {
    CoverageText {
        nature,
        exemption: "0".into(),
        accident_date: None,
        state_medical_aid: None,
        patient_absent: None,
    }
}

fn rpps(number: &str, specialty: &str) -> PractitionerText {
    PractitionerText {
        id: PractitionerId::Rpps(number.into()),
        specialty: specialty.into(),
    }
}

fn ngap(key: &str) -> ActCode {
    ActCode::Ngap(key.into())
}

fn ccam_act(code: &str, phase: &str, modifiers: &str) -> ActCode {
    ActCode::Ccam {
        code: code.into(),
        activity: "1".into(),
        phase: phase.into(),
        modifiers: modifiers.into(),
    }
}

/// A line whose fees are its base: quantity × coefficient (in hundredths) × price.
fn act(
    date: &str,
    code: ActCode,
    (quantity, coefficient): (u16, u32),
    price: i64,
    rate: u8,
    (amo, amc): (i64, i64),
) -> ActText {
    let fees = Cents(i64::from(quantity) * i64::from(coefficient) * price / 100);
    ActText {
        date: day(date),
        code,
        quantity,
        coefficient,
        unit_price: Cents(price),
        fees,
        base: fees,
        rate,
        amo: Cents(amo),
        amc: Cents(amc),
        qualifier: None,
    }
}

const DOCUMENT: u128 = 0x019a_7c3d_8000_7000_8000_0000_0000_0001;

fn receipt(verdict: Verdict) -> Receipt {
    Receipt {
        id: name("ARL-2026-11-13-0001"),
        lot: LotId(0x019a_7c3d_9000_7000_8000_0000_0000_0001),
        digest: Digest([0xa5; 32]),
        issued: Timestamp::parse("2026-11-13T06:30:00.250Z").unwrap(),
        verdict,
        documents: Vec::new(),
        coverage: Coverage::Whole,
        code: None,
        text: None,
    }
}

fn refused() -> Receipt {
    Receipt {
        id: name("ARL-2026-11-13-0002"),
        code: Some(name("LOT01")),
        text: Some("Lot illisible".into()),
        ..receipt(Verdict::Refused)
    }
}

fn partly_refused() -> Receipt {
    let accepted = DocumentVerdict {
        document: DocumentId(DOCUMENT),
        verdict: Verdict::Accepted,
        code: None,
        text: None,
    };
    let refused = DocumentVerdict {
        document: DocumentId(DOCUMENT + 1),
        verdict: Verdict::Refused,
        code: Some(name("B2-114")),
        text: Some("Rang de naissance \"0\" & <inconnu>".into()),
    };
    Receipt {
        id: name("ARL-2026-11-13-0003"),
        documents: vec![accepted, refused],
        coverage: Coverage::Listed,
        ..receipt(Verdict::Accepted)
    }
}

fn settlement(id: &str, content: SettlementContent) -> Settlement {
    Settlement {
        id: name(id),
        document: DocumentId(DOCUMENT),
        issued: Timestamp::parse("2026-11-16T05:00:00Z").unwrap(),
        content,
    }
}

fn paid() -> SettlementContent {
    SettlementContent::Parts(vec![part(Part::Amo, PartOutcome::Paid, 2100)])
}

fn mixed() -> SettlementContent {
    let rejected = PartSettlement {
        code: Some(name("R42")),
        text: Some("Droits fermés à la date des soins".into()),
        ..part(Part::Amc, PartOutcome::Rejected, 900)
    };
    SettlementContent::Parts(vec![part(Part::Amo, PartOutcome::Paid, 2100), rejected])
}

fn granted() -> SettlementContent {
    SettlementContent::Answer {
        answer: Answer::Granted,
        code: Some(name("PEC-OK")),
        text: None,
    }
}

fn part(part: Part, outcome: PartOutcome, cents: i64) -> PartSettlement {
    PartSettlement {
        part,
        outcome,
        amount: Cents(cents),
        code: None,
        text: None,
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn lined(xml: &str) -> Vec<u8> {
    format!("{xml}\n").into_bytes()
}

fn declared(encoding: &str, document: &DocumentText) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"{encoding}\"?>\n{}\n",
        write_document(document)
    )
}

fn utf8(document: &DocumentText) -> Vec<u8> {
    declared("UTF-8", document).into_bytes()
}

fn utf16(document: &DocumentText) -> Vec<u8> {
    let text = format!("\u{feff}{}", declared("UTF-16", document));
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn latin1(document: &DocumentText) -> Vec<u8> {
    let text = declared("ISO-8859-1", document);
    text.chars()
        .map(|character| u8::try_from(character).unwrap())
        .collect()
}

fn latin9(document: &DocumentText) -> Vec<u8> {
    let text = declared("ISO-8859-15", document);
    let (bytes, _, unmappable) = encoding_rs::ISO_8859_15.encode(&text);
    assert!(!unmappable);
    bytes.into_owned()
}
