//! Every cell of the delivery table, and what can have arrived.

use crate::claims::delivery::*;

/// The table. A cell is the state it moves to, or `stay`, `ask` (first), `409`, `never` (impossible). It is read from
/// its loosest mark on. `a%b`: a of a composed lot, b of a file. `a^b`: b if a receipt named the lot (since the
/// attempt began), else a.
/// `a~b`: a while the bytes are wanted, b once they are not (a document of a composed lot, or all of a file, went
/// another way). `a/b`: a if nothing can have arrived, else b.
const TABLE: &str = "
    event               | due           | sending                 | in doubt | taken     | overdue  | answered | void
    Leased              | sending       | never                   | never    | never     | never    | never    | never
    NotReached          | stay          | due~void/due^taken      | stay     | stay      | stay     | stay     | stay
    Deferred            | stay          | due^taken               | stay     | stay      | stay     | stay     | stay
    Taken               | stay          | taken                   | stay     | stay      | stay     | stay     | stay
    ContentRefused      | stay          | void^taken              | stay     | stay      | stay     | stay     | stay
    NoAnswer            | stay          | in doubt^taken          | stay     | stay      | stay     | stay     | stay
    StatusKnown         | taken         | stay                    | taken    | stay      | stay     | stay     | stay
    StatusRefused       | void          | stay                    | void     | stay      | void     | stay     | stay
    StatusUnknown       | due~void      | stay                    | due~void | stay~void | due~void | stay     | stay
    StatusUnreachable   | stay          | never                   | stay     | stay      | stay     | stay     | stay
    NoStatusService     | stay          | never                   | due      | stay      | due      | stay     | stay
    ReceiptComplete     | answered      | answered                | answered | answered  | answered | stay     | stay
    ReceiptPartial      | ask^taken     | ask^stay                | ask^taken | stay     | taken    | stay     | stay
    ExpectedBy          | never         | never                   | never    | overdue   | never    | never    | never
    Cancel              | 409~void/409  | 409                     | 409      | 409       | 409      | 409      | 409
    DuplicateConfirmed  | stay~void/ask | stay~ask                | stay~ask | stay~ask  | stay~ask | 409      | 409
    ByHand              | stay~void/ask | 409                     | stay~ask | 409       | stay~ask | 409      | 409
    Restored            | in doubt      | in doubt                | stay     | in doubt  | in doubt | stay     | stay
    Unrouted            | void/stay%stay | never                  | never    | never     | never    | never    | never
";

fn said(cell: &str, arrival: Arrival, form: Form, presence: Presence) -> &str {
    let again = |cell| said(cell, arrival, form, presence);
    if let Some((composed, file)) = cell.split_once('%') {
        again(match form {
            Form::Composed => composed,
            Form::PreFormed => file,
        })
    } else if let Some((other, proven)) = cell.split_once('^') {
        again(match arrival {
            Arrival::Nothing | Arrival::Perhaps => other,
            Arrival::Proven => proven,
        })
    } else if let Some((wanted, outdated)) = cell.split_once('~') {
        again(match (form, presence) {
            (_, Presence::Whole) | (Form::PreFormed, Presence::Diminished) => wanted,
            (_, Presence::Gone) | (Form::Composed, Presence::Diminished) => outdated,
        })
    } else if let Some((nothing, other)) = cell.split_once('/') {
        again(match arrival {
            Arrival::Nothing => nothing,
            Arrival::Perhaps | Arrival::Proven => other,
        })
    } else {
        cell
    }
}

fn word(step: Step) -> &'static str {
    match step {
        Step::To(state) => state.as_str(),
        Step::Stay => "stay",
        Step::AskFirst => "ask",
        Step::Conflict => "409",
        Step::Impossible(reason) => {
            assert!(!reason.is_empty());
            "never"
        }
    }
}

#[test]
fn every_cell_of_the_table() {
    let mut rows = TABLE.lines().map(str::trim).filter(|row| !row.is_empty());
    let cells = |row: &'static str| row.split('|').map(str::trim).collect::<Vec<_>>();
    let head = cells(rows.next().unwrap());
    assert_eq!(head[1..], State::ALL.map(State::as_str));
    let rows: Vec<_> = rows.map(cells).collect();
    assert_eq!(rows.len(), Event::ALL.len());
    for (row, event) in rows.iter().zip(Event::ALL) {
        assert_eq!(row[0], format!("{event:?}"));
        for (cell, state) in row[1..].iter().zip(State::ALL) {
            for (arrival, form, presence) in circumstances() {
                let found = word(state.step(event, arrival, form, presence));
                let expected = said(cell, arrival, form, presence);
                assert_eq!(
                    found, expected,
                    "{state:?} {event:?} {arrival:?} {form:?} {presence:?}"
                );
            }
        }
    }
}

fn circumstances() -> impl Iterator<Item = (Arrival, Form, Presence)> {
    Arrival::ALL.into_iter().flat_map(|arrival| {
        Form::ALL.into_iter().flat_map(move |form| {
            Presence::ALL
                .into_iter()
                .map(move |presence| (arrival, form, presence))
        })
    })
}

#[test]
fn how_many_of_its_documents_still_want_to_be_sent() {
    use Presence::{Diminished, Gone, Whole};
    for (documents, left, presence) in [
        (1, 0, Whole),
        (1, 1, Gone),
        (3, 0, Whole),
        (3, 2, Diminished),
        (3, 3, Gone),
    ] {
        assert_eq!(
            Presence::of(documents, left),
            presence,
            "{left} of {documents}"
        );
    }
}

/// What is open again is sealed into a composed lot: no document of a file may come to be.
#[test]
fn a_file_is_void_only_when_it_was_refused_or_none_of_it_is_to_be_sent() {
    for state in State::ALL {
        for event in Event::ALL {
            for arrival in Arrival::ALL {
                for presence in [Presence::Whole, Presence::Diminished] {
                    let step = state.step(event, arrival, Form::PreFormed, presence);
                    let is_void = step == Step::To(State::Void);
                    assert!(
                        !is_void || event.refuses_content(),
                        "{state:?} {event:?} {arrival:?} {presence:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_can_have_arrived() {
    use Arrival::{Nothing, Perhaps, Proven};
    use Event::*;
    for (events, expected) in [
        (&[Leased, NotReached][..], Nothing),
        (&[Leased, Deferred], Perhaps),
        (&[Leased, NoAnswer], Perhaps),
        (&[Leased, Taken], Perhaps),
        (&[Leased, Deferred, Leased, NotReached], Perhaps),
        (&[Leased, NoAnswer, StatusUnknown], Nothing),
        (&[Leased, NoAnswer, StatusUnreachable], Perhaps),
        (&[Leased, NoAnswer, NoStatusService], Perhaps),
        // A late refusal takes nothing back.
        (&[Leased, NoAnswer, StatusKnown, ContentRefused], Perhaps),
        (&[Leased, ReceiptPartial], Proven),
        (&[Leased, ReceiptPartial, NoAnswer], Proven),
        (&[Leased, ReceiptPartial, Leased], Perhaps),
        (&[ReceiptPartial, StatusUnknown], Nothing),
        (&[Restored], Perhaps),
    ] {
        let found = events
            .iter()
            .fold(Nothing, |arrival, event| arrival.after(*event));
        assert_eq!(found, expected, "{events:?}");
    }
}

#[test]
fn a_finished_lot_never_moves() {
    for state in State::ALL.into_iter().filter(|state| state.is_finished()) {
        for event in Event::ALL {
            for (arrival, form, presence) in circumstances() {
                let step = state.step(event, arrival, form, presence);
                assert!(!matches!(step, Step::To(_)), "{state:?} {event:?}");
            }
        }
    }
}
