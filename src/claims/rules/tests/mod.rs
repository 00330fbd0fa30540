//! The rules by table: a document without fault, one edit, and exactly the code it must bring.

mod documents;
mod rows;

use super::*;
use crate::claims::document::*;
use crate::claims::finding::{Place, Severity};
use crate::claims::id::{Amo, Name};
use crate::claims::registry::Category;

use Rule::*;
use documents::*;
use rows::{BREACHES, NEIGHBOURS};

/// Spots are not looked at here; the golden fixtures are the test of places.
struct Nowhere;

impl Locate for Nowhere {
    fn places(&self, spots: &[Spot]) -> Vec<Place> {
        vec![Place::default(); spots.len()]
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
    // What the registry, the routes and the store know.
    let known_elsewhere = [
        CentreUnknown,
        CentreClosed,
        DestinationUnknown,
        SupportedUnknown,
    ];
    for rule in Rule::ALL {
        let rows = BREACHES.iter().filter(|(row, _, _)| row == rule).count();
        assert!(
            rows > 0 || known_elsewhere.contains(rule),
            "{}",
            rule.code()
        );
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
fn facts_are_given_exactly_when_nothing_refuses() {
    for base in BASES {
        for (_, _, first) in BREACHES {
            for (_, _, second) in BREACHES {
                let mut document = base();
                first(&mut document);
                second(&mut document);
                let verdict = judge(&document, Registry::NotConsulted);
                let refused = Finding::refuses(&verdict.findings);
                assert_eq!(verdict.facts.is_none(), refused, "{:?}", codes(&verdict));
            }
        }
    }
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
fn the_registry_follows_the_versions_of_a_centre() {
    let version = |from: &str, until: Option<&str>, region| Centre {
        finess: Finess::parse("750712184").unwrap(),
        name: "Centre".into(),
        category: Category::Medical,
        gestionnaire: Name::parse("750000000").unwrap(),
        caisse: Amo::new("01", "751", "0000").unwrap(),
        region,
        agreement: Name::parse("2025").unwrap(),
        from: day(from),
        until: until.map(day),
    };
    let versions = [
        version("2020-01-01", Some("2024-12-31"), Region::Metropole),
        version("2026-01-01", None, Region::AlsaceMoselle),
    ];
    for (date, expected) in [
        ("2019-12-31", Registration::Closed),
        ("2024-12-31", Registration::Open(Region::Metropole)),
        ("2025-01-01", Registration::Closed),
        ("2026-01-01", Registration::Open(Region::AlsaceMoselle)),
    ] {
        assert_eq!(Registration::of(&versions, day(date)), expected, "{date}");
    }
    assert_eq!(
        Registration::of(&[], day("2026-01-01")),
        Registration::Unknown
    );
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
