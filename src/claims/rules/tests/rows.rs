//! The two tables: what breaks each rule, and what comes near to it and does not.

use super::documents::*;
use crate::claims::document::*;
use crate::claims::rules::Rule::{self, *};

/// One row: a document without fault, one edit, the rule that it breaks.
pub(super) const BREACHES: &[(Rule, Base, Edit)] = &[
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
    (NumberForm, pec, |d| d.number = at("DUPONT-JEAN".into())),
    (NumberForm, pj, |d| d.number = at("2850675116001".into())),
    (NumberForm, pj, |d| {
        d.number = at("PJ-2850675116001-25".into())
    }),
    (NumberForm, pec, |d| {
        d.number = at("2-85-06-75-116-001".into())
    }),
    (NumberForm, pec, |d| d.number = at("285062A11600125".into())),
    (NumberForm, pj, |d| {
        d.replaces = Some(at((
            Kind::Pj,
            "285067511600125".into(),
            ReplacementReason::Refused,
        )));
    }),
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
pub(super) const NEIGHBOURS: &[(Base, Edit)] = &[
    (pj, |d| d.number = at("PJ-202611220017".into())),
    (pec, |d| d.number = at("0000000000000000017".into())),
    (pec, |d| d.number = at("A1".into())),
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
