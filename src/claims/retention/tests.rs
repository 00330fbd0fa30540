//! One row for each outcome: what is kept and why, when the rest is past its time, and when a segment is due.

use super::*;
use crate::claims::commitment::Committed;
use crate::claims::entry::{Entry, Position, Subject};
use crate::claims::id::{Digest, EndpointName, Name};
use crate::claims::registry::Imported;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn owned(last_event: &str, course: Course, hold: Hold) -> Owned {
    Owned {
        last_event: at(last_event),
        course,
        hold,
    }
}

#[test]
fn a_body_is_kept_for_the_first_reason_that_holds() {
    let rules = Rules {
        body_days: 90,
        ..Rules::default()
    };
    let free = owned("2026-02-01T00:00:00Z", Course::Finished, Hold::Free);
    let later = owned("2026-03-01T00:00:00Z", Course::Finished, Hold::Free);
    let open = owned("2026-01-01T00:00:00Z", Course::Unfinished, Hold::Free);
    let held = owned("2026-01-01T00:00:00Z", Course::Finished, Hold::Held);
    let until = |text| Fate::Until(at(text));
    for (class, owned, expected) in [
        (Class::Document, vec![free], until("2026-05-02T00:00:00Z")),
        (
            Class::Receipt,
            vec![free, later],
            until("2026-05-30T00:00:00Z"),
        ),
        // Its own entry came last.
        (
            Class::Settlement,
            vec![open, free],
            Fate::Kept(Why::Unfinished),
        ),
        (Class::Orphan, vec![], until("2026-04-15T00:00:00Z")),
        (Class::Document, vec![open], Fate::Kept(Why::Unfinished)),
        (
            Class::Receipt,
            vec![free, open],
            Fate::Kept(Why::Unfinished),
        ),
        (Class::Receipt, vec![open, held], Fate::Kept(Why::Held)),
        (Class::Evidence, vec![held], Fate::Kept(Why::Held)),
        (Class::Proof, vec![], Fate::Kept(Why::Proof)),
        (Class::Proof, vec![held], Fate::Kept(Why::Proof)),
    ] {
        let decided = at("2026-01-15T00:00:00Z");
        let found = fate(&rules, class, decided, &owned);
        assert_eq!(found, expected, "{class:?} {owned:?}");
    }
}

#[test]
fn what_was_heard_after_the_last_event_has_its_own_time() {
    let free = owned("2026-02-01T00:00:00Z", Course::Finished, Hold::Free);
    let decided = at("2026-06-01T00:00:00Z");
    let found = fate(&Rules::default(), Class::Settlement, decided, &[free]);
    assert_eq!(found, Fate::Until(at("2026-09-29T00:00:00Z")));
}

#[test]
fn a_fate_is_past_from_its_instant_on() {
    let until = Fate::Until(at("2026-02-01T00:00:00Z"));
    for (text, expected) in [
        ("2026-01-31T23:59:59Z", Some(Why::Young)),
        ("2026-02-01T00:00:00Z", None),
    ] {
        assert_eq!(until.kept_at(at(text)), expected, "{text}");
    }
    let kept = Fate::Kept(Why::Held);
    assert_eq!(kept.kept_at(Timestamp::MAX), Some(Why::Held));
}

#[test]
fn a_segment_is_due_by_share_or_by_wait() {
    let rules = Rules {
        wait_days: 30,
        past_percent: 50,
        ..Rules::default()
    };
    let until = |text: &str, bytes: u64| (Fate::Until(at(text)), bytes);
    let kept = |bytes: u64| (Fate::Kept(Why::Unfinished), bytes);
    let (first, soon, late) = (
        "2026-01-01T00:00:00Z",
        "2026-01-11T00:00:00Z",
        "2026-06-01T00:00:00Z",
    );
    for (bodies, expected) in [
        (vec![], None),
        (vec![kept(10)], None),
        // Half of it is past with the second one.
        (
            vec![until(soon, 40), until(first, 10), kept(50)],
            Some(soon),
        ),
        (vec![until(first, 50), kept(50)], Some(first)),
        // Never half of it: the oldest waits 30 days.
        (
            vec![until(first, 1), kept(99)],
            Some("2026-01-31T00:00:00Z"),
        ),
        // Half of it too late.
        (
            vec![until(first, 1), until(late, 99)],
            Some("2026-01-31T00:00:00Z"),
        ),
    ] {
        assert_eq!(due(&rules, &bodies), expected.map(at), "{bodies:?}");
    }
}

#[test]
fn a_hold_stands_on_its_document_or_on_the_days_of_its_centre() {
    let centre = Finess::parse("750712184").unwrap();
    let other = Finess::parse("750000002").unwrap();
    let day = |day| Day::new(2026, 11, day).unwrap();
    let days = OnHold::Centre {
        centre,
        from: day(10),
        to: day(12),
    };
    let one = OnHold::Document(DocumentId(7));
    for (hold, document, of, care_day, expected) in [
        (&one, 7, other, 1, true),
        (&one, 8, other, 1, false),
        (&days, 7, centre, 9, false),
        (&days, 7, centre, 10, true),
        (&days, 7, centre, 12, true),
        (&days, 7, centre, 13, false),
        (&days, 7, other, 11, false),
    ] {
        let found = hold.covers(DocumentId(document), of, day(care_day));
        assert_eq!(found, expected, "{hold:?} {document} {care_day}");
    }
}

#[test]
fn only_what_explains_a_figure_or_a_hold_has_no_end() {
    let (name, digest) = (Name::parse("ops").unwrap(), Digest([1; 32]));
    let explained = |subject| Entry::Explained {
        of: Position(1),
        subject,
        actor: name.clone(),
        reason: digest,
    };
    let imported = Entry::Imported(Imported {
        first: Position(1),
        changes: 1,
        actor: name.clone(),
        file: digest,
        reason: digest,
    });
    let endpoint = Subject::Endpoint(EndpointName::parse("paris").unwrap());
    for (entry, class) in [
        (imported, Class::Reason),
        (explained(endpoint), Class::Reason),
        (explained(Subject::LegalHold(Position(1))), Class::Proof),
    ] {
        let committed = Committed {
            commitment: digest,
            class,
            owner: Owner::Itself,
        };
        assert_eq!(entry.committed(), Some(committed));
    }
}
