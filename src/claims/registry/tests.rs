//! Tables of versions, and of what does not hold together.

use super::*;
use crate::claims::document::Purpose;
use crate::claims::example;
use crate::claims::id::{Destination, EndpointName};

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn span(text: &str) -> Span {
    let (from, until) = text.split_once(' ').unwrap_or((text, ""));
    Span {
        from: day(from),
        until: Day::parse(until),
    }
}

const OWN: &str = "750000002";

/// A registration in words: what it is of, its days, and for a centre its gestionnaire and caisse, for an endpoint its
/// purpose and destinations.
fn registration(text: &str) -> Registration {
    let (words, days) = text.split_once(" from ").unwrap();
    let Span { from, until } = span(days);
    let words: Vec<&str> = words.split(' ').collect();
    match words[..] {
        ["centre", gestionnaire, caisse] => Registration::Centre(Centre {
            gestionnaire: Name::parse(gestionnaire).unwrap(),
            caisse: Amo::parse(caisse).unwrap(),
            from,
            until,
            ..example::centre()
        }),
        ["gestionnaire", id] => Registration::Gestionnaire(Gestionnaire {
            id: GestionnaireId::parse(id).unwrap(),
            name: format!("Association {from}"),
            from,
            until,
        }),
        ["caisse", code] => Registration::Caisse(Caisse {
            code: Amo::parse(code).unwrap(),
            name: format!("CPAM {from}"),
            from,
            until,
        }),
        ["endpoint", name, purpose, ref destinations @ ..] => {
            let destinations = destinations.iter();
            Registration::Endpoint(EndpointVersion {
                name: EndpointName::parse(name).unwrap(),
                purpose: match purpose {
                    "real" => Purpose::Real,
                    _ => Purpose::Test,
                },
                destinations: destinations
                    .map(|text| Destination::parse(text).unwrap())
                    .collect(),
                settings: "base = 'https://caisse.example'".to_owned(),
                from,
                until,
            })
        }
        _ => panic!("{text}"),
    }
}

fn registry(registrations: &[&str]) -> Registry {
    let mut registry = Registry::default();
    for text in registrations {
        assert!(registry.put(&registration(text)), "{text}");
    }
    registry
}

#[test]
fn a_version_holds_until_its_end_or_the_next_one() {
    let history = &registry(&[
        "caisse 017510000 from 2026-07-01 2026-08-31",
        "caisse 017510000 from 2026-01-01",
        "caisse 017510000 from 2026-10-01",
    ])
    .caisses[&Amo::parse("017510000").unwrap()];
    for (text, expected) in [
        ("2025-12-31", None),
        ("2026-01-01", Some("CPAM 2026-01-01")),
        ("2026-06-30", Some("CPAM 2026-01-01")),
        ("2026-07-01", Some("CPAM 2026-07-01")),
        ("2026-08-31", Some("CPAM 2026-07-01")),
        ("2026-09-01", None),
        ("2026-10-01", Some("CPAM 2026-10-01")),
        ("2050-01-01", Some("CPAM 2026-10-01")),
    ] {
        let found = on(history, day(text)).map(|version| version.name.as_str());
        assert_eq!(found, expected, "{text}");
        let mut held = in_force(history).filter(|(held, _)| held.covers(day(text)));
        let held = held.next().map(|(_, version)| version.name.as_str());
        assert_eq!(held, expected, "{text}");
    }
    for (days, first) in [
        ("2026-01-01 2026-08-31", None),
        ("2025-12-31 2026-08-31", Some("2025-12-31")),
        ("2026-03-01 2026-09-01", Some("2026-09-01")),
        ("2026-03-01", Some("2026-09-01")),
        ("2026-11-01", None),
    ] {
        assert_eq!(version::gap(history, span(days)), first.map(day), "{days}");
    }
}

#[test]
fn the_number_of_a_gestionnaire_has_its_key() {
    for (text, expected) in [
        ("750000002", Ok(())),
        ("2A0000156", Ok(())),
        ("732829320", Ok(())),
        ("750000001", Err(crate::claims::id::Invalid::Key)),
        ("732829321", Err(crate::claims::id::Invalid::Key)),
        ("73282932", Err(crate::claims::id::Invalid::Form)),
        ("G1", Err(crate::claims::id::Invalid::Form)),
    ] {
        assert_eq!(GestionnaireId::parse(text).map(|_| ()), expected, "{text}");
    }
}

#[test]
fn a_version_is_put_once_and_takes_the_place_of_its_own_day() {
    let first = registration("gestionnaire 750000002 from 2026-01-01");
    let ended = registration("gestionnaire 750000002 from 2026-01-01 2026-06-30");
    let later = registration("gestionnaire 750000002 from 2026-09-01");
    let mut registry = Registry::default();
    for (version, changes, versions) in [
        (&later, true, 1),
        (&first, true, 2),
        (&first, false, 2),
        (&ended, true, 2),
        (&later, false, 2),
    ] {
        assert_eq!(registry.put(version), changes);
        let history = registry.gestionnaires.values().next().unwrap();
        assert_eq!(history.len(), versions);
        assert!(history.is_sorted_by_key(|version| version.from));
    }
    let name = |text| registry.gestionnaire(OWN, day(text));
    assert_eq!(name("2026-06-30"), Some("Association 2026-01-01"));
    assert_eq!(name("2026-07-01"), None);
    assert_eq!(name("2026-09-01"), Some("Association 2026-09-01"));
}

#[test]
fn what_does_not_hold_together_is_found_all_at_once() {
    for (registrations, expected) in [
        // Nothing is asked where no gestionnaire or caisse is registered.
        (&["centre G1 017510000 from 2026-01-01"][..], &[][..]),
        (
            &[
                "gestionnaire 750000002 from 2026-01-01",
                "caisse 017510000 from 2026-01-01",
                "centre 750000002 017510000 from 2026-01-01",
            ],
            &[],
        ),
        (
            &[
                "gestionnaire 750000002 from 2026-01-01",
                "caisse 017510000 from 2026-02-01 2026-05-31",
                "caisse 017510000 from 2026-05-31",
                "centre G1 017510000 from 2026-01-01 2026-03-31",
                "centre 750000002 017510000 from 2026-04-01 2026-06-30",
            ],
            &[
                "caisse 017510000 from 2026-05-31: the version before it ends on this day or later",
                "centre 750712184 from 2026-01-01: gestionnaire G1 is not registered on 2026-01-01, and others are",
                "centre 750712184 from 2026-01-01: caisse 017510000 is not registered on 2026-01-01, and others are",
            ],
        ),
        (
            &[
                "gestionnaire 750000002 from 2026-01-01 2026-06-30",
                "centre 750000002 017510000 from 2026-01-01",
            ],
            &[
                "centre 750712184 from 2026-01-01: gestionnaire 750000002 is not registered on 2026-07-01, and others are",
            ],
        ),
        // A centre that goes on to another gestionnaire needs the first one only until then.
        (
            &[
                "gestionnaire 750000002 from 2026-01-01 2026-06-30",
                "gestionnaire 732829320 from 2026-07-01",
                "centre 750000002 017510000 from 2026-01-01",
                "centre 732829320 017510000 from 2026-07-01",
            ],
            &[],
        ),
        (
            &[
                "endpoint a real amo:017510000 amc:1 from 2026-01-01",
                "endpoint b test amo:017510000 from 2026-01-01",
                "endpoint c real amc:1 from 2026-06-01",
                "endpoint a real amo:017510000 from 2026-07-01",
                "endpoint d real amc:1 from 2026-07-01 2026-07-31",
                "endpoint d real amo:017520000 from 2026-08-01",
            ],
            &[
                "endpoint c from 2026-06-01: amc:1 is served by endpoint `a` too on 2026-06-01",
                "endpoint d from 2026-07-01: amc:1 is served by endpoint `c` too on 2026-07-01",
            ],
        ),
        (
            &[
                "endpoint a real amo:017510000 from 2026-01-01 2026-06-30",
                "endpoint b real amo:017510000 from 2026-07-01",
            ],
            &[],
        ),
    ] {
        let found = registry(registrations).flaws();
        let found: Vec<_> = found
            .iter()
            .map(|found| {
                let (kind, flaw) = (found.kind.as_str(), &found.flaw);
                format!("{kind} {} from {}: {flaw}", found.id, found.from)
            })
            .collect();
        assert_eq!(found, expected, "{registrations:?}");
    }
}
