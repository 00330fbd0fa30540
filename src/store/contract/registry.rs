//! The laws of registrations that a person or the configuration's file puts.

use super::*;
use crate::claims::registry::{
    CONFIGURATION, Caisse, Centre, EndpointVersion, Gestionnaire, GestionnaireId, Registration,
};
use crate::store::Import;

laws! {
    an_import_is_one_reason_for_all_that_it_changes
    every_kind_is_put_with_its_history
    what_does_not_hold_together_is_not_put
    the_file_of_the_configuration_is_put_once
}

fn day(month: u32) -> Day {
    Day::new(2026, month, 1).unwrap()
}

fn import(registrations: Vec<Registration>) -> Command {
    Command::Import(Import {
        registrations,
        actor: name("operator"),
        file: Digest([6; 32]),
        reason: Body {
            bytes: "a new name".into(),
            salt: [7; 16],
        },
    })
}

fn gestionnaire(from: Day, name: &str) -> Registration {
    Registration::Gestionnaire(Gestionnaire {
        id: GestionnaireId::parse("732829320").unwrap(),
        name: name.to_owned(),
        from,
        until: None,
    })
}

fn caisse(from: Day, name: &str) -> Registration {
    Registration::Caisse(Caisse {
        code: example::centre().caisse,
        name: name.to_owned(),
        from,
        until: None,
    })
}

fn endpoint(from: Day, called: &str) -> Registration {
    Registration::Endpoint(EndpointVersion {
        name: EndpointName::parse(called).unwrap(),
        purpose: Purpose::Real,
        destinations: vec![Destination::Amo(example::centre().caisse)],
        settings: format!("base = 'https://{called}.example'"),
        from,
        until: None,
    })
}

/// The centre of the example, run by that gestionnaire.
fn run_by_it() -> Registration {
    Registration::Centre(Centre {
        gestionnaire: name("732829320"),
        ..example::centre()
    })
}

/// Registrations of every kind.
pub fn of_every_kind() -> Command {
    let since = example::centre().from;
    import(vec![
        gestionnaire(since, "Association"),
        caisse(since, "CPAM"),
        endpoint(day(1), "caisse-751"),
        run_by_it(),
    ])
}

async fn done(store: &dyn Store, command: Command) -> Position {
    match store.commit(now(), command).await.unwrap() {
        Outcome::Done(position) => position,
        other => panic!("{other:?}"),
    }
}

async fn an_import_is_one_reason_for_all_that_it_changes<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    let renamed = Centre {
        name: "Other".into(),
        from: day(12),
        ..example::centre()
    };
    let versions = [example::centre(), renamed];
    let put = || import(versions.clone().map(Registration::Centre).to_vec());
    let position = done(&*store, put()).await;
    let again = done(&*store, put()).await;
    assert_eq!(again, position, "what is registered changes nothing");
    assert_eq!(store.centres().await.unwrap()[&finess()], versions);
    let entries = store.entries(Position(position.0 - 2), 10).await.unwrap();
    let [(first, put), (last, why)] = &entries[..] else {
        panic!("{entries:?}");
    };
    assert!(matches!(&put.entry, Entry::Registered(centre) if centre.name == "Other"));
    assert!(matches!(&why.entry, Entry::Imported(imported)
            if (imported.first, imported.changes) == (*first, 1)));
    let body = store.body(BodyId::Entry(*last)).await.unwrap().unwrap();
    assert_eq!(&body.bytes[..], b"a new name");
}

async fn every_kind_is_put_with_its_history<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    let since = example::centre().from;
    let first = vec![
        gestionnaire(since, "Association"),
        caisse(since, "CPAM"),
        endpoint(day(1), "caisse-751"),
        run_by_it(),
    ];
    let later = vec![
        gestionnaire(day(7), "Fondation"),
        caisse(day(7), "CPAM de Paris"),
        endpoint(day(1), "caisse-751"),
    ];
    let before = store.health().position.0;
    // Of the later ones the endpoint is registered so already.
    for (put, writes) in [(&first, 5), (&first, 0), (&later, 3), (&later, 0)] {
        let position = store.health().position.0;
        done(&*store, import(put.clone())).await;
        assert_eq!(store.health().position.0, position + writes);
    }
    let entries = store.entries(Position(before), 10).await.unwrap();
    let put: Vec<_> = entries
        .iter()
        .filter(|(_, stamped)| !matches!(stamped.entry, Entry::Imported(_)))
        .map(|(_, stamped)| stamped.entry.clone())
        .collect();
    let expected = first.iter().chain(&later[..2]).cloned();
    assert_eq!(put, expected.map(Registration::entry).collect::<Vec<_>>());
    let registry = store.registry().await.unwrap();
    for (on, gestionnaire, caisse) in [
        (day(6), "Association", "CPAM"),
        (day(7), "Fondation", "CPAM de Paris"),
    ] {
        let code = example::centre().caisse;
        assert_eq!(registry.gestionnaire("732829320", on), Some(gestionnaire));
        assert_eq!(registry.caisse(code, on), Some(caisse));
    }
    assert_eq!(registry.endpoints.len(), 1);
    drop(store);
    let subject = subject.restarted().await;
    assert_eq!(subject.store().registry().await.unwrap(), registry);
}

async fn what_does_not_hold_together_is_not_put<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    let ended = Centre {
        from: day(6),
        until: Some(day(9)),
        ..example::centre()
    };
    let early = Centre {
        from: day(8),
        ..example::centre()
    };
    let centres = vec![ended, early];
    let registry = store.registry().await.unwrap();
    let position = store.health().position;
    for refused in [
        centres.iter().cloned().map(Registration::Centre).collect(),
        // The centre of the example is run by another one, which is registered by nobody.
        vec![gestionnaire(day(1), "Association")],
        vec![
            endpoint(day(1), "caisse-751"),
            endpoint(day(2), "caisse-752"),
        ],
    ] {
        let file = Command::Configured {
            registrations: refused.clone(),
            salt: [8; 16],
        };
        for command in [import(refused), file] {
            let outcome = store.commit(now(), command).await.unwrap();
            assert_eq!(outcome, Outcome::Conflict(Conflict::Registry));
        }
    }
    let bare = store.commit(now(), Command::Registry(centres)).await;
    assert_eq!(bare.unwrap(), Outcome::Conflict(Conflict::Registry));
    assert_eq!(store.health().position, position);
    assert_eq!(store.registry().await.unwrap(), registry);
}

/// What a person imported stays at a start with the same file, and gives way to a file that was changed.
async fn the_file_of_the_configuration_is_put_once<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    let version = |name: &str| Centre {
        name: name.into(),
        ..example::centre()
    };
    let file = |name: &str| Command::Configured {
        registrations: vec![Registration::Centre(version(name))],
        salt: [8; 16],
    };
    let person = |name: &str| import(vec![Registration::Centre(version(name))]);
    let first = done(&*store, file("A")).await;
    for (command, writes, expected) in [
        (file("A"), 0, "A"),
        (person("B"), 2, "B"),
        (file("A"), 0, "B"),
        (file("C"), 2, "C"),
        (person("A"), 2, "A"),
        // It says what is there already, and counts as put from then on.
        (file("A"), 1, "A"),
        (person("D"), 2, "D"),
        (file("A"), 0, "D"),
    ] {
        let before = store.health().position.0;
        done(&*store, command).await;
        assert_eq!(store.health().position.0, before + writes, "{expected}");
        assert_eq!(
            store.centres().await.unwrap()[&finess()],
            [version(expected)]
        );
    }
    let before = Position(first.0 - 1);
    let entries = store.entries(before, 1).await.unwrap();
    assert!(matches!(&entries[0].1.entry, Entry::Imported(imported)
            if imported.actor.as_str() == CONFIGURATION && imported.changes == 1));
    let reason = store.body(BodyId::Entry(first)).await.unwrap().unwrap();
    assert_eq!(&reason.bytes[..], b"the file of the configuration");
}
