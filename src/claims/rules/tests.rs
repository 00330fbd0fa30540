//! The rules by table: a document without fault, one edit, and exactly the code it must bring.

use super::*;
use crate::claims::document::*;
use crate::claims::finding::{Place, Severity};
use crate::claims::id::Digest;

use Rule::*;

/// Spots are not looked at here; the golden fixtures are the test of places.
struct Nowhere;

impl Locate for Nowhere {
    fn place(&self, _spot: Spot) -> Place {
        Place::default()
    }
}

/// Knows no centre, a closed one, or one open in Alsace-Moselle; routes to all but one AMC.
struct Book(Registration);

impl Directory for Book {
    fn centre(&self, _finess: Finess, _day: Day) -> Registration {
        self.0
    }

    fn reaches(&self, destination: Destination) -> Reach {
        if destination.to_string() == "amc:99999999" {
            Reach::Unknown
        } else {
            Reach::Routed
        }
    }
}

fn at<T>(value: T) -> At<T> {
    let spot = Spot::default();
    At { value, spot }
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn judge(document: &Document, registry: Registry<'_>) -> Verdict {
    let terms = Terms::default();
    let context = Context {
        now: Timestamp::parse("2026-11-20T10:00:00Z").unwrap(),
        terms: &terms,
        registry,
        amc_lengths: &AMC_LENGTHS,
    };
    check(document, &context, &Nowhere)
}

fn act() -> Act {
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

fn ccam(code: &str, activity: &str, modifiers: &str) -> ActCode {
    ActCode::Ccam {
        code: code.into(),
        activity: activity.into(),
        phase: "0".into(),
        modifiers: modifiers.into(),
    }
}

fn carried() -> Carried {
    Carried {
        media_type: at("application/pdf".into()),
        declared: at("11".repeat(32)),
        computed: Some(Digest([0x11; 32])),
        length: 10,
    }
}

fn practitioner() -> Practitioner {
    Practitioner {
        id: at(PractitionerId::Rpps("10002519899".into())),
        specialty: at("01".into()),
        prescribed: None,
    }
}

/// An FSE under tiers payant of the AMO part: one consultation, valid.
fn fse() -> Document {
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
fn dre() -> Document {
    let mut document = fse();
    document.kind = at(Kind::Dre);
    document.destination = at(DestinationText::Amc("77567227".into()));
    document.third_party_amc = ThirdParty::InsurerPays;
    line(&mut document, |act| act.amc = at(Cents(900)));
    total(&mut document, |totals| totals.amc = at(Cents(900)));
    document
}

/// An FSE whose AMO settles the AMC's part too.
fn both() -> Document {
    let mut document = fse();
    document.settled_for = Some(at("77567227".into()));
    document.third_party_amc = ThirdParty::InsurerPays;
    line(&mut document, |act| act.amc = at(Cents(900)));
    total(&mut document, |totals| totals.amc = at(Cents(900)));
    document
}

/// A PJ of an FSE.
fn pj() -> Document {
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
fn pec() -> Document {
    let mut document = fse();
    document.kind = at(Kind::Pec);
    document.number = at("PEC-3".into());
    line(&mut document, |act| act.date = at(day("2026-12-07")));
    document
}

/// An FSE of an accident at work.
fn accident() -> Document {
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
fn prescribed() -> Document {
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

fn line(document: &mut Document, edit: fn(&mut Act)) {
    edit(&mut document.acts[0]);
}

fn total(document: &mut Document, edit: fn(&mut Totals)) {
    edit(document.totals.as_mut().unwrap());
}

fn cover(document: &mut Document, edit: fn(&mut Coverage)) {
    edit(document.coverage.as_mut().unwrap());
}

fn patient(document: &mut Document, edit: fn(&mut Person)) {
    edit(document.beneficiary.as_mut().unwrap());
}

type Base = fn() -> Document;
type Edit = fn(&mut Document);

const BASES: [Base; 7] = [fse, dre, both, pj, pec, accident, prescribed];

/// One row: a document without fault, one edit, the rule that it breaks.
const BREACHES: &[(Rule, Base, Edit)] = &[
    (BeneficiaryMissing, fse, |d| d.beneficiary = None),
    (CoverageMissing, dre, |d| d.coverage = None),
    (PractitionerMissing, pec, |d| d.practitioner = None),
    (ActsMissing, fse, |d| d.acts.clear()),
    (TotalsMissing, fse, |d| d.totals = None),
    (SupportsMissing, pj, |d| d.supports = None),
    (AttachmentMissing, pj, |d| d.attachment = None),
    (SupportsUnexpected, fse, |d| {
        d.supports = Some(at("000000001".into()))
    }),
    (AttachmentUnexpected, fse, |d| {
        d.attachment = Some(carried())
    }),
    (CareUnexpected, pj, |d| d.acts.push(act())),
    (FinessKey, fse, |d| d.centre = at("750712185".into())),
    (NumberForm, fse, |d| d.number = at("000000000".into())),
    (NumberForm, dre, |d| d.number = at("12345678".into())),
    (NumberForm, fse, |d| d.number = at("12345678A".into())),
    (NumberForm, pec, |d| d.number = at("pec".into())),
    (NumberForm, pj, |d| d.supports = Some(at("FSE-17".into()))),
    (NumberForm, fse, |d| {
        d.replaces = Some(at((Kind::Fse, "16".into(), ReplacementReason::Refused)));
    }),
    (AmcForm, dre, |d| {
        d.destination = at(DestinationText::Amc("7756722".into()))
    }),
    (AmcForm, both, |d| d.settled_for = Some(at("77567".into()))),
    (DestinationKind, fse, |d| {
        d.destination = at(DestinationText::Amc("77567227".into()))
    }),
    (DestinationKind, dre, |d| {
        d.destination = at(DestinationText::Amo(
            "01".into(),
            "751".into(),
            "0000".into(),
        ));
    }),
    (DestinationKind, pj, |d| {
        d.destination = at(DestinationText::Amc("77567227".into()))
    }),
    (ModeKind, dre, |d| d.mode = at(Mode::Online)),
    (ModeKind, pj, |d| d.mode = at(Mode::Sefi)),
    (SettledForKind, dre, |d| {
        d.settled_for = Some(at("77567227".into()))
    }),
    (ReplacesKind, dre, |d| {
        d.replaces = Some(at((
            Kind::Fse,
            "000000016".into(),
            ReplacementReason::Refused,
        )));
    }),
    (ReplacesReason, pj, |d| {
        d.replaces = Some(at((Kind::Pj, "PJ-16".into(), ReplacementReason::Rejected)));
    }),
    (NirForm, fse, |d| {
        patient(d, |p| {
            p.nir = Some(at(("9850578006084".into(), "91".into())))
        })
    }),
    (NirKey, fse, |d| {
        patient(d, |p| {
            p.nir = Some(at(("1850578006084".into(), "19".into())))
        })
    }),
    (NirMissing, fse, |d| patient(d, |p| p.nir = None)),
    (NirMissing, fse, |d| {
        let (nir, birth_date, birth_rank) = (None, None, None);
        d.insured = Some(Person {
            nir,
            birth_date,
            birth_rank,
        });
    }),
    (NirBirth, fse, |d| {
        patient(d, |p| p.birth_date = Some(at(day("1985-06-12"))))
    }),
    (NirBirth, fse, |d| {
        patient(d, |p| p.birth_date = Some(at(day("1986-05-12"))))
    }),
    (BirthMissing, fse, |d| patient(d, |p| p.birth_date = None)),
    (BirthFuture, fse, |d| {
        patient(d, |p| p.birth_date = Some(at(day("2026-11-21"))));
    }),
    (BirthOld, fse, |d| {
        patient(d, |p| p.birth_date = Some(at(day("1885-05-12"))))
    }),
    (InsuredRepeated, fse, |d| d.insured = fse().beneficiary),
    (RppsKey, fse, |d| {
        d.practitioner = Some(Practitioner {
            id: at(PractitionerId::Rpps("10002519898".into())),
            ..practitioner()
        });
    }),
    (AmKey, fse, |d| {
        d.practitioner = Some(Practitioner {
            id: at(PractitionerId::Am("75G123456".into())),
            ..practitioner()
        });
    }),
    (Specialty, fse, |d| {
        d.practitioner = Some(Practitioner {
            specialty: at("00".into()),
            ..practitioner()
        });
    }),
    (PrescribedFuture, prescribed, |d| prescribe(d, "2026-11-21")),
    (PrescribedAfterAct, prescribed, |d| {
        prescribe(d, "2026-11-17")
    }),
    (PrescriberMissing, prescribed, |d| d.prescriber = None),
    (ClockFuture, fse, |d| {
        d.clock = at((ClockBasis::Completed, day("2026-11-21")))
    }),
    (ClockBeforeCare, fse, |d| {
        d.clock = at((ClockBasis::Completed, day("2026-11-15")))
    }),
    (ClockBeforeCare, fse, |d| {
        d.clock = at((ClockBasis::Paid, day("2026-11-15")))
    }),
    (ClockNotLastAct, fse, |d| {
        d.clock = at((ClockBasis::LastAct, day("2026-11-17")))
    }),
    (ClockPaidThirdParty, both, |d| {
        d.clock = at((ClockBasis::Paid, day("2026-11-16")))
    }),
    (DeadlinePassed, fse, |d| {
        d.third_party_amo = ThirdParty::PatientPaid;
        d.clock = at((ClockBasis::Completed, day("2026-11-16")));
    }),
    (ActFuture, fse, |d| {
        line(d, |act| act.date = at(day("2026-11-21")));
    }),
    (ActBeforeBirth, fse, |d| {
        d.clock = at((ClockBasis::Completed, day("2026-11-16")));
        d.acts.push(Act {
            date: at(day("1985-05-11")),
            ..free_act()
        });
    }),
    (ActOld, fse, |d| {
        d.acts.push(Act {
            date: at(day("2024-11-19")),
            ..free_act()
        })
    }),
    (ActRepeated, fse, |d| {
        d.acts = vec![act(), act()];
        d.totals = Some(Totals {
            fees: at(Cents(6000)),
            amo: at(Cents(4200)),
            amc: at(Cents(0)),
        });
    }),
    (AccidentMissing, accident, |d| {
        cover(d, |c| c.accident_date = None)
    }),
    (AccidentUnexpected, fse, |d| {
        cover(d, |c| {
            c.nature = at(Nature::Maternite);
            c.accident_date = Some(at(day("2026-11-02")));
        })
    }),
    (AccidentAfterAct, accident, |d| {
        cover(d, |c| c.accident_date = Some(at(day("2026-11-17"))))
    }),
    (AccidentBeforeBirth, accident, |d| {
        cover(d, |c| c.accident_date = Some(at(day("1985-05-11"))));
    }),
    (NgapForm, fse, |d| {
        line(d, |act| act.code = at(ActCode::Ngap("1G".into())))
    }),
    (NgapForm, fse, |d| {
        line(d, |act| act.code = at(ActCode::Ngap("ABCDEF".into())))
    }),
    (CcamForm, fse, |d| {
        line(d, |act| act.code = at(ccam("DEQP00A", "1", "")))
    }),
    (CcamActivity, fse, |d| {
        line(d, |act| act.code = at(ccam("DEQP003", "6", "")))
    }),
    (CcamModifiers, fse, |d| {
        line(d, |act| act.code = at(ccam("DEQP003", "1", "FPF")))
    }),
    (CcamCoefficient, fse, |d| {
        line(d, |act| {
            act.code = at(ccam("DEQP003", "1", ""));
            act.coefficient = at(150);
        })
    }),
    (QualifierFree, fse, |d| {
        line(d, |act| act.qualifier = Some(at("G".into())))
    }),
    (QualifierNotReimbursed, fse, |d| {
        line(d, |act| act.qualifier = Some(at("N".into())))
    }),
    (AmountNegative, fse, |d| {
        line(d, |act| act.base = at(Cents(-3000)))
    }),
    (AmountNegative, fse, |d| {
        total(d, |totals| totals.fees = at(Cents(-3000)))
    }),
    (LineParts, both, |d| {
        line(d, |act| act.amc = at(Cents(901)));
        total(d, |totals| totals.amc = at(Cents(901)));
    }),
    (LineBaseRate, fse, |d| line(d, |act| act.rate = at(60))),
    (LineBaseRate, fse, |d| {
        line(d, |act| act.amo = at(Cents(2098)));
        total(d, |totals| totals.amo = at(Cents(2098)));
    }),
    (LineUnit, fse, |d| {
        line(d, |act| act.unit_price = at(Cents(2998)))
    }),
    (LineUnit, fse, |d| line(d, |act| act.quantity = at(2))),
    (LineUnit, fse, |d| line(d, |act| act.coefficient = at(200))),
    (LineBaseFees, fse, |d| {
        line(d, |act| act.fees = at(Cents(2500)));
        total(d, |totals| totals.fees = at(Cents(2500)));
    }),
    (TotalFees, fse, |d| {
        total(d, |totals| totals.fees = at(Cents(3001)))
    }),
    (TotalAmo, fse, |d| {
        total(d, |totals| totals.amo = at(Cents(2099)))
    }),
    (TotalAmc, both, |d| {
        total(d, |totals| totals.amc = at(Cents(899)))
    }),
    (AmcUnnamed, both, |d| d.settled_for = None),
    (SettledForNothing, fse, |d| {
        d.settled_for = Some(at("77567227".into()))
    }),
    (DreWithoutAmc, dre, |d| {
        line(d, |act| act.amc = at(Cents(0)));
        total(d, |totals| totals.amc = at(Cents(0)));
    }),
    (AsksNothing, fse, |d| {
        line(d, |act| (act.rate, act.amo) = (at(0), at(Cents(0))));
        total(d, |totals| totals.amo = at(Cents(0)));
    }),
    (ExemptionRate, fse, |d| {
        cover(d, |c| c.exemption = at("4".into()))
    }),
    (AccidentRate, accident, |d| {
        line(d, |act| (act.rate, act.amo) = (at(70), at(Cents(2100))));
        total(d, |totals| totals.amo = at(Cents(2100)));
    }),
    (StateAidThirdParty, fse, |d| {
        d.third_party_amo = ThirdParty::PatientPaid;
        d.clock = at((ClockBasis::Completed, day("2026-11-18")));
        cover(d, |c| c.state_medical_aid = Some(Spot::default()));
    }),
    (AttachmentType, pj, |d| {
        piece(d, |c| c.media_type = at("text/html".into()))
    }),
    (AttachmentDigest, pj, |d| {
        piece(d, |c| c.declared = at("12".repeat(32)))
    }),
    (AttachmentDigest, pj, |d| piece(d, |c| c.computed = None)),
    (PayloadDigest, fse, |d| {
        d.payload = Some(Carried {
            declared: at("12".repeat(32)),
            ..carried()
        });
    }),
    (CarriedEmpty, pj, |d| piece(d, |c| c.length = 0)),
];

/// One row: an edit at the edge of a rule that breaks none.
const NEIGHBOURS: &[(Base, Edit)] = &[
    (fse, |d| {
        d.clock = at((ClockBasis::Completed, day("2026-11-20")))
    }),
    (fse, |d| {
        d.clock = at((ClockBasis::LastAct, day("2026-11-16")))
    }),
    (fse, |d| d.third_party_amc = ThirdParty::InsurerPays),
    (fse, |d| {
        d.third_party_amo = ThirdParty::PatientPaid;
        d.clock = at((ClockBasis::Paid, day("2026-11-17")));
    }),
    (fse, |d| {
        line(d, |act| act.amo = at(Cents(2101)));
        total(d, |totals| totals.amo = at(Cents(2101)));
    }),
    (fse, |d| {
        line(d, |act| act.amo = at(Cents(2099)));
        total(d, |totals| totals.amo = at(Cents(2099)));
    }),
    (fse, |d| {
        line(d, |act| {
            (act.fees, act.unit_price) = (at(Cents(4500)), at(Cents(4500)))
        });
        total(d, |totals| totals.fees = at(Cents(4500)));
    }),
    (fse, |d| {
        line(d, |act| act.fees = at(Cents(4500)));
        total(d, |totals| totals.fees = at(Cents(4500)));
    }),
    (fse, |d| d.acts.push(free_act())),
    (fse, |d| {
        line(d, |act| act.code = at(ccam("DEQP003", "1", "FP")))
    }),
    (fse, |d| {
        line(d, |act| {
            (act.code, act.unit_price) = (at(ccam("DEQP003", "4", "")), at(Cents(9900)))
        })
    }),
    (fse, |d| line(d, |act| act.qualifier = Some(at("E".into())))),
    (fse, |d| {
        cover(d, |c| c.accident_date = Some(at(day("2026-11-16"))))
    }),
    (fse, |d| {
        cover(d, |c| c.state_medical_aid = Some(Spot::default()));
        patient(d, |p| p.nir = None);
    }),
    (fse, |d| {
        patient(d, |p| {
            p.nir = Some(at(("7850778006084".into(), nir_key(7_850_778_006_084))))
        })
    }),
    (fse, |d| {
        patient(d, |p| {
            p.nir = Some(at(("1853378006084".into(), nir_key(1_853_378_006_084))))
        })
    }),
    (fse, |d| d.payload = Some(carried())),
    (fse, |d| d.mode = at(Mode::Online)),
    (fse, |d| {
        d.replaces = Some(at((
            Kind::Fse,
            "000000017".into(),
            ReplacementReason::Rejected,
        )))
    }),
    (prescribed, |d| prescribe(d, "2026-11-16")),
    (pec, |d| {
        d.destination = at(DestinationText::Amc("77567227".into()))
    }),
    (pec, |d| line(d, |act| act.date = at(day("2026-11-19")))),
    (pj, |d| piece(d, |c| c.media_type = at("image/tiff".into()))),
];

fn free_act() -> Act {
    Act {
        unit_price: at(Cents(0)),
        fees: at(Cents(0)),
        base: at(Cents(0)),
        amo: at(Cents(0)),
        qualifier: Some(at("G".into())),
        ..act()
    }
}

fn prescribe(document: &mut Document, date: &str) {
    let prescriber = document.prescriber.as_mut().unwrap();
    prescriber.prescribed = Some(at(day(date)));
}

fn piece(document: &mut Document, edit: fn(&mut Carried)) {
    edit(document.attachment.as_mut().unwrap());
}

fn nir_key(nir: u64) -> String {
    format!("{:02}", 97 - nir % 97)
}

fn codes(verdict: &Verdict) -> Vec<&'static str> {
    verdict
        .findings
        .iter()
        .map(|finding| finding.code)
        .collect()
}

#[test]
fn a_document_without_fault_brings_no_finding() {
    for base in BASES {
        let verdict = judge(&base(), Registry::NotConsulted);
        assert_eq!(codes(&verdict), [""; 0]);
        assert!(verdict.facts.is_some());
    }
}

#[test]
fn each_rule_finds_its_breach_and_nothing_else() {
    for (row, (rule, base, edit)) in BREACHES.iter().enumerate() {
        let mut document = base();
        edit(&mut document);
        let verdict = judge(&document, Registry::NotConsulted);
        assert_eq!(codes(&verdict), [rule.code()], "row {row}");
        let admitted = rule.severity() == Severity::Warning;
        assert_eq!(verdict.facts.is_some(), admitted, "row {row}");
    }
}

#[test]
fn the_edge_of_a_rule_is_on_its_good_side() {
    for (row, (base, edit)) in NEIGHBOURS.iter().enumerate() {
        let mut document = base();
        edit(&mut document);
        let verdict = judge(&document, Registry::NotConsulted);
        assert_eq!(codes(&verdict), [""; 0], "row {row}");
    }
}

#[test]
fn the_registry_has_a_say_where_it_can_be_asked() {
    let open = Registration::Open(Region::AlsaceMoselle);
    let unrouted: Edit = |d| d.destination = at(DestinationText::Amc("99999999".into()));
    for (registration, edit, expected) in [
        (open, None, None),
        (Registration::Closed, None, Some(CentreClosed)),
        (Registration::Unknown, None, Some(CentreUnknown)),
        (open, Some(unrouted), Some(DestinationUnknown)),
    ] {
        let mut document = dre();
        edit.into_iter().for_each(|edit| edit(&mut document));
        let verdict = judge(&document, Registry::Known(&Book(registration)));
        let expected: Vec<&str> = expected.into_iter().map(Rule::code).collect();
        assert_eq!(codes(&verdict), expected);
    }
}

#[test]
fn every_rule_has_its_row() {
    let of_registry = [CentreUnknown, CentreClosed, DestinationUnknown];
    for rule in Rule::ALL {
        let rows = BREACHES.iter().filter(|(row, _, _)| row == rule).count();
        assert!(rows > 0 || of_registry.contains(rule), "{}", rule.code());
    }
}

#[test]
fn several_breaches_are_found_at_once() {
    let mut document = fse();
    document.centre = at("750712185".into());
    document.practitioner = None;
    total(&mut document, |totals| totals.fees = at(Cents(1)));
    let verdict = judge(&document, Registry::NotConsulted);
    let expected = ["PRACTITIONER_MISSING", "FINESS_KEY", "TOTAL_FEES"];
    assert_eq!(codes(&verdict), expected);
    assert_eq!((verdict.facts, verdict.deadline), (None, None));
}

#[test]
fn facts_are_what_the_document_says() {
    let verdict = judge(&both(), Registry::NotConsulted);
    let facts = verdict.facts.unwrap();
    assert_eq!(facts.key.to_string(), "750712184 FSE 000000017");
    assert_eq!(facts.destination.to_string(), "amo:017510000");
    assert_eq!(
        facts.settled_for.map(|amc| amc.to_string()),
        Some("77567227".into())
    );
    assert_eq!(
        (facts.amount_amo, facts.amount_amc),
        (Cents(2100), Cents(900))
    );
    assert_eq!(
        (facts.clock_basis, facts.clock_day),
        (ClockBasis::Completed, day("2026-11-16"))
    );
    assert_eq!(
        (facts.mode, facts.exclusions),
        (Mode::Secured, Exclusions::NONE)
    );
    assert_eq!((facts.replaces, facts.supports), (None, None));
    assert_eq!(verdict.deadline, Some(day("2026-11-26")));
}

#[test]
fn facts_count_what_a_document_asks_and_when_its_care_ended() {
    for (document, amo, amc, care_day, deadline) in [
        (fse(), 2100, 0, "2026-11-16", Some("2026-11-26")),
        (dre(), 0, 900, "2026-11-16", Some("2026-11-26")),
        (pec(), 2100, 0, "2026-12-07", None),
        (pj(), 0, 0, "2026-11-16", None),
    ] {
        let verdict = judge(&document, Registry::NotConsulted);
        let facts = verdict.facts.unwrap();
        assert_eq!(
            (facts.amount_amo, facts.amount_amc),
            (Cents(amo), Cents(amc))
        );
        assert_eq!(facts.care_day, day(care_day));
        assert_eq!(verdict.deadline, deadline.map(day));
    }
}

#[test]
fn exclusions_are_computed() {
    let born = |date: &'static str| {
        let mut document = fse();
        let patient = document.beneficiary.as_mut().unwrap();
        patient.birth_date = Some(at(day(date)));
        document.insured = fse().beneficiary;
        patient.nir = None;
        document
    };
    let covered = |edit: fn(&mut Coverage)| {
        let mut document = fse();
        cover(&mut document, edit);
        document
    };
    let infant = Exclusions::NONE.with(Exclusion::InfantUnderThreeMonths);
    for (document, expected) in [
        (born("2026-08-17"), infant),
        (born("2026-08-16"), Exclusions::NONE),
        (born("2026-11-16"), infant),
        (
            covered(|c| c.patient_absent = Some(Spot::default())),
            Exclusions::NONE.with(Exclusion::PatientAbsent),
        ),
        (
            covered(|c| c.state_medical_aid = Some(Spot::default())),
            Exclusions::NONE.with(Exclusion::StateMedicalAid),
        ),
    ] {
        let facts = judge(&document, Registry::NotConsulted).facts.unwrap();
        assert_eq!(facts.exclusions, expected);
    }
}

#[test]
fn the_region_of_the_centre_moves_the_deadline() {
    let mut document = fse();
    document.third_party_amo = ThirdParty::PatientPaid;
    document.clock = at((ClockBasis::Completed, day("2026-04-02")));
    document.acts[0].date = at(day("2026-04-02"));
    for (region, deadline) in [
        (Region::Metropole, "2026-04-08"),
        (Region::AlsaceMoselle, "2026-04-09"),
    ] {
        let book = Book(Registration::Open(region));
        let verdict = judge(&document, Registry::Known(&book));
        assert_eq!(verdict.deadline, Some(day(deadline)));
        assert_eq!(codes(&verdict), ["DEADLINE_PASSED"]);
    }
}
