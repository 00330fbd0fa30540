//! The laws of statements.

use super::*;
use crate::claims::period::Period;
use crate::claims::statement::Published;
use crate::store::{Named, StatementRecord, WhichStatements};

laws! {
    a_statement_follows_the_one_before_it_and_is_never_rewritten
    a_statement_is_of_a_period_that_is_closed
    statements_are_found_by_number_centre_and_key
}

fn october() -> Period {
    Period::month_of(Day::new(2026, 10, 1).unwrap())
}

async fn done(store: &dyn Store, command: Command) -> Position {
    match store.commit(now(), command).await.unwrap() {
        Outcome::Done(position) => position,
        other => panic!("{other:?}"),
    }
}

/// A store whose October is closed, and the closing.
async fn closed<S: Subject>() -> (S, Position) {
    let subject = begun::<S>().await;
    let close = Command::Close {
        period: october(),
        centres: Vec::new(),
        actor: name("operator"),
        policies: Vec::new(),
        reason: Body {
            bytes: "the month is over".into(),
            salt: [1; 16],
        },
    };
    let closing = done(&*subject.store(), close).await;
    (subject, closing)
}

/// A statement of some bytes, after another one.
fn published(closing: Position, bytes: &[u8], previous: Option<&StatementRecord>) -> Published {
    Published {
        centre: finess(),
        period: october(),
        closing,
        position: closing,
        digest: Digest(Sha256::digest(bytes).into()),
        previous: previous.map(|before| before.published.digest),
        follows: previous.map(|before| before.number),
        policy: Digest([2; 32]),
        key: [3; 32],
        signature: [4; 64],
        actor: name("operator"),
        commitment: Digest([0; 32]),
    }
}

fn publish(published: Published, bytes: &'static [u8]) -> Command {
    let statement = Body {
        bytes: Bytes::from_static(bytes),
        salt: [5; 16],
    };
    Command::Publish {
        published: Published {
            commitment: statement.commitment(),
            ..published
        },
        statement,
    }
}

async fn of_centre(store: &dyn Store) -> Vec<StatementRecord> {
    let which = WhichStatements::After {
        centre: Some(finess()),
        after: Position(0),
        most: 10,
    };
    store.statements(which).await.unwrap()
}

async fn a_statement_follows_the_one_before_it_and_is_never_rewritten<S: Subject>() {
    let (subject, closing) = closed::<S>().await;
    let store = subject.store();
    let first = published(closing, b"first", None);
    let number = done(&*store, publish(first.clone(), b"first")).await;
    // Answered again, and not written again.
    assert_eq!(done(&*store, publish(first, b"first")).await, number);
    let [one] = &of_centre(&*store).await[..] else {
        panic!("one statement");
    };
    let body = store.body(BodyId::Entry(number)).await.unwrap().unwrap();
    assert_eq!(&body.bytes[..], b"first");
    let bound = commitment(body.salt, Digest(Sha256::digest(b"first").into()));
    assert_eq!(one.published.commitment, bound);
    // Another one that does not know of the first.
    let beside = publish(published(closing, b"beside", None), b"beside");
    let outcome = store.commit(now(), beside).await.unwrap();
    assert_eq!(outcome, Outcome::Conflict(Conflict::Stale));
    // Others that know of the first, and are written as if it were none of their period, or another one.
    for follows in [None, Some(closing)] {
        let again = Published {
            follows,
            ..published(closing, b"again", Some(one))
        };
        let outcome = store.commit(now(), publish(again, b"again")).await.unwrap();
        assert_eq!(outcome, Outcome::Conflict(Conflict::Stale), "{follows:?}");
    }
    let second = publish(published(closing, b"second", Some(one)), b"second");
    let number = done(&*store, second).await;
    let all = of_centre(&*store).await;
    assert_eq!((all.len(), all[1].number), (2, number));
    drop(store);
    let subject = subject.restarted().await;
    assert_eq!(of_centre(&*subject.store()).await, all);
}

async fn a_statement_is_of_a_period_that_is_closed<S: Subject>() {
    let (subject, closing) = closed::<S>().await;
    let store = subject.store();
    let right = published(closing, b"text", None);
    let other = Period::month_of(Day::new(2026, 9, 1).unwrap());
    let wrong = [
        Published {
            closing: Position(1),
            ..right.clone()
        },
        Published {
            period: other,
            ..right.clone()
        },
        Published {
            position: Position(closing.0 - 1),
            ..right.clone()
        },
        Published {
            position: Position(closing.0 + 1),
            ..right.clone()
        },
    ];
    for published in wrong {
        let outcome = store.commit(now(), publish(published, b"text")).await;
        assert_eq!(
            outcome.unwrap(),
            Outcome::Conflict(Conflict::Unknown(Named::Closing))
        );
    }
    assert_eq!(of_centre(&*store).await, []);
}

async fn statements_are_found_by_number_centre_and_key<S: Subject>() {
    let (subject, closing) = closed::<S>().await;
    let store = subject.store();
    assert_eq!(store.statements(WhichStatements::Last).await.unwrap(), []);
    for bytes in [&b"1"[..], b"2", b"3"] {
        let last = store.statements(WhichStatements::Last).await.unwrap().pop();
        let next = Published {
            // The third is signed by another key.
            key: [if bytes == b"3" { 8 } else { 9 }; 32],
            ..published(closing, bytes, last.as_ref())
        };
        done(&*store, publish(next, bytes)).await;
    }
    let all = of_centre(&*store).await;
    let asked = async |which| store.statements(which).await.unwrap();
    let page = |centre, after, most| WhichStatements::After {
        centre,
        after,
        most,
    };
    let (first, last) = (all[0].number, all[2].number);
    for (which, expected) in [
        (WhichStatements::Numbered(all[1].number), &all[1..2]),
        (WhichStatements::Numbered(Position(1)), &[]),
        (WhichStatements::Last, &all[2..]),
        (WhichStatements::LastOf(finess()), &all[2..]),
        (page(None, Position(0), 10), &all[..]),
        (page(None, first, 1), &all[1..2]),
        (page(Some(finess()), first, 10), &all[1..]),
        (page(Some(finess()), last, 10), &[]),
    ] {
        assert_eq!(asked(which).await, expected, "{which:?}");
    }
    let by_key = asked(WhichStatements::FirstByKey).await;
    assert_eq!(by_key, [all[0].clone(), all[2].clone()]);
}
