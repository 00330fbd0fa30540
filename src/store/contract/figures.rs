//! The laws of figures, reconciliations and what people say of them, and of the lines of a centre.

use super::*;
use crate::claims::document::ReplacementReason;
use crate::claims::entry::{FiguresLoaded, Reconciled, Ruling};
use crate::claims::id::Amc;
use crate::store::{Line, Named};

laws! {
    an_entry_is_bound_to_the_body_beside_it
    figures_are_known_by_their_digest_also_after_a_restart
    a_reconciliation_is_of_figures_that_are_known
    a_line_is_judged_within_its_reconciliation
    a_line_of_a_centre_is_a_document_and_its_replacements
}

fn digest() -> Digest {
    Digest([4; 32])
}

fn body(bytes: &'static [u8], salt: u8) -> Body {
    Body {
        bytes: Bytes::from_static(bytes),
        salt: [salt; 16],
    }
}

fn load() -> Command {
    let file = body(b"figures", 1);
    Command::LoadFigures {
        figures: FiguresLoaded {
            digest: digest(),
            caller: name("national"),
            insurer: None,
            from: Day::new(2026, 1, 1).unwrap(),
            last: Day::new(2026, 12, 1).unwrap(),
            counts: 1,
            documents: 0,
            commitment: file.commitment(),
        },
        file,
    }
}

fn run(figures: Digest) -> Command {
    let result = body(b"result", 2);
    Command::Reconcile {
        run: Reconciled {
            figures,
            from: Day::new(2026, 1, 1).unwrap(),
            to: Day::new(2026, 12, 31).unwrap(),
            actor: name("national"),
            position: Position(1),
            centres: 1,
            differences: 2,
            commitment: result.commitment(),
        },
        result,
    }
}

fn judge(run: Position, line: u32, judgement: Ruling, comment: Option<&'static str>) -> Command {
    Command::Judge {
        run,
        line,
        judgement,
        actor: name("national"),
        comment: comment.map(|text| body(text.as_bytes(), 3)),
    }
}

async fn done(store: &dyn Store, command: Command) -> Position {
    match store.commit(now(), command).await.unwrap() {
        Outcome::Done(position) => position,
        other => panic!("{other:?}"),
    }
}

async fn an_entry_is_bound_to_the_body_beside_it<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    let position = store.health().position;
    let Command::LoadFigures { figures, .. } = load() else {
        panic!("figures are loaded");
    };
    let file = body(b"other figures", 1);
    let other = Command::LoadFigures { figures, file };
    let refused = store.commit(now(), other).await;
    assert!(matches!(refused, Err(Error::Impossible(_))), "{refused:?}");
    assert_eq!(store.health().position, position);
}

async fn figures_are_known_by_their_digest_also_after_a_restart<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    let first = done(&*store, load()).await;
    assert_eq!(done(&*store, load()).await, first);
    let known = store.figures().await.unwrap();
    assert_eq!((known.len(), known[0].position), (1, first));
    let body = store.body(BodyId::Entry(first)).await.unwrap().unwrap();
    let bound = commitment(body.salt, Digest(Sha256::digest(&body.bytes).into()));
    assert_eq!(known[0].figures.commitment, bound);
    drop(store);
    let subject = subject.restarted().await;
    let store = subject.store();
    assert_eq!(store.figures().await.unwrap(), known);
}

async fn a_reconciliation_is_of_figures_that_are_known<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    let unknown = store.commit(now(), run(digest())).await.unwrap();
    assert_eq!(
        unknown,
        Outcome::Conflict(Conflict::Unknown(Named::Figures))
    );
    done(&*store, load()).await;
    let position = done(&*store, run(digest())).await;
    let runs = store.runs().await.unwrap();
    assert_eq!((runs.len(), runs[0].position), (1, position));
    let body = store.body(BodyId::Entry(position)).await.unwrap().unwrap();
    assert_eq!(&body.bytes[..], b"result");
}

async fn a_line_is_judged_within_its_reconciliation<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    done(&*store, load()).await;
    let run = done(&*store, run(digest())).await;
    for (of, line) in [(run, 0), (run, 3), (Position(1), 1)] {
        let command = judge(of, line, Ruling::Accepted, None);
        let outcome = store.commit(now(), command).await.unwrap();
        assert_eq!(
            outcome,
            Outcome::Conflict(Conflict::Unknown(Named::Line)),
            "{of:?} {line}"
        );
    }
    let first = done(&*store, judge(run, 2, Ruling::Accepted, None)).await;
    assert_eq!(
        done(&*store, judge(run, 2, Ruling::Accepted, None)).await,
        first
    );
    let said = done(&*store, judge(run, 2, Ruling::Disputed, Some("non"))).await;
    drop(store);
    let subject = subject.restarted().await;
    let store = subject.store();
    let judged = store.judged(run).await.unwrap();
    assert_eq!((judged.len(), judged[0].position), (1, said));
    assert_eq!(
        (judged[0].judged.line, judged[0].judged.judgement),
        (2, Ruling::Disputed)
    );
    let body = store.body(BodyId::Entry(said)).await.unwrap().unwrap();
    assert_eq!(&body.bytes[..], b"non");
}

async fn a_line_of_a_centre_is_a_document_and_its_replacements<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    admit_one(&*store, 1, 1, body_of(1)).await;
    admit_one(&*store, 2, 2, body_of(2)).await;
    done(
        &*store,
        Command::Cancel {
            document: DocumentId(1),
            caller: name("vendor"),
        },
    )
    .await;
    let mut replacement = admission(3, 3, body_of(3));
    let replaced = admission(1, 1, body_of(1)).facts.key;
    let reason = ReplacementReason::Cancelled;
    replacement.facts.replaces = Some((replaced.kind, replaced.number, reason));
    // It goes to another insurer.
    let elsewhere = Destination::Amc(Amc::parse("12345678").unwrap());
    let here = std::mem::replace(&mut replacement.facts.destination, elsewhere);
    let rows = admit(&*store, vec![replacement], Unity::Each)
        .await
        .unwrap();
    assert!(matches!(rows[0], Admitted::Received { .. }), "{rows:?}");
    let found = store.lines(finess()).await.unwrap();
    assert_eq!(found.position, store.health().position);
    let lines: Vec<_> = found
        .lines
        .iter()
        .map(|line| (line.root.0, line.latest.0, line.documents.len()))
        .collect();
    assert_eq!(lines, [(1, 3, 2), (2, 2, 1)]);
    let of_line = |line: &Line| {
        let documents = line.documents.iter();
        let told = documents.map(|one| (one.key.number, one.destination, one.replaced));
        told.collect::<Vec<_>>()
    };
    let number = |n: u32| admission(n.into(), n, body_of(n)).facts.key.number;
    let (replaced, latest) = (Some(reason), None);
    let expected = [(number(1), here, replaced), (number(3), elsewhere, latest)];
    assert_eq!(of_line(&found.lines[0]), expected);
    assert_eq!(of_line(&found.lines[1]), [(number(2), here, latest)]);
    // They are the units that the tallies count.
    let tallied = tallies(&*store).await;
    for cell in found.lines.iter().flat_map(|line| line.cells) {
        assert!(tallied.units.contains_key(&cell), "{cell}");
    }
}
