//! The life of a lot on the wire: the delivery table, one function, every cell.
//!
//! "Held" is `Due` with a reason of the destination; it is no state of its own. A cell that the table does
//! not name follows one rule: a command is a conflict, a fact from an insurer is recorded and moves nothing,
//! and only what the gateway itself raises can be impossible. The report of an attempt whose lease had run
//! out can come in any state; it is recorded, and the state that was reached without it stands.

/// Where the delivery of a lot stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Waits for its next attempt.
    Due,
    /// An attempt is running; its entry was durable first.
    Sending,
    /// The request left and no answer came.
    InDoubt,
    /// The insurer took the lot; its receipt is expected.
    Taken,
    /// The receipt did not come in time.
    Overdue,
    /// Every document has its receipt. Finished.
    Answered,
    /// Nothing of it was taken, on proof. Finished.
    Void,
}

/// What happens to a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// Its attempt was leased.
    Leased,
    /// The attempt ended before the first byte of the body was written.
    NotReached,
    /// The destination answered with a trouble of its own (429, 5xx, 401, 403, 404 …).
    Deferred,
    /// The insurer took the lot.
    Taken,
    /// The insurer refused the content; nothing was taken.
    ContentRefused,
    /// No answer, the lease ran out, or the gateway restarted in between.
    NoAnswer,
    /// Asked for the status: the insurer has the lot.
    StatusKnown,
    /// Asked for the status: the insurer refused the content.
    StatusRefused,
    /// Asked for the status: the insurer never saw the lot.
    StatusUnknown,
    /// Asked for the status: no answer.
    StatusUnreachable,
    /// The endpoint has no status service, and the pause has passed.
    NoStatusService,
    /// A receipt or settlement now covers every document.
    ReceiptComplete,
    /// A receipt or settlement covers some documents.
    ReceiptPartial,
    /// The instant by which a receipt was expected has passed.
    ExpectedBy,
    /// The centre cancels a document that is in the lot.
    Cancel,
    /// A paper duplicate of a document that is in the lot is confirmed: a fact, recorded whatever the step.
    DuplicateConfirmed,
    /// An operator declares a document that is in the lot as transmitted by hand.
    ByHand,
    /// The store was restored from a backup.
    Restored,
    /// No endpoint of the name that it was sealed for is configured any more.
    Unrouted,
}

/// Whether anything of the lot can be with the insurer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arrival {
    /// Every attempt ended before its first body byte was written, or the insurer said "unknown" after
    /// the last one.
    Nothing,
    /// An attempt may have arrived.
    Perhaps,
    /// A receipt for some of its documents came while the attempt was running: the lot is taken, whatever
    /// the attempt's end.
    Proven,
}

/// Whether a document of the lot has gone to paper or by hand meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    /// All of its documents still want to be sent.
    Whole,
    /// At least one went another way.
    Diminished,
}

/// What an event does to a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The lot moves.
    To(State),
    /// The fact is recorded and the lot does not move.
    Stay,
    /// The lot stays until its insurer was asked.
    AskFirst,
    /// The command is answered 409.
    Conflict,
    /// The gateway raised an event that cannot be: a defect of the gateway, with the reason why.
    Impossible(&'static str),
}

impl Event {
    /// Every event.
    pub const ALL: [Event; 19] = [
        Event::Leased,
        Event::NotReached,
        Event::Deferred,
        Event::Taken,
        Event::ContentRefused,
        Event::NoAnswer,
        Event::StatusKnown,
        Event::StatusRefused,
        Event::StatusUnknown,
        Event::StatusUnreachable,
        Event::NoStatusService,
        Event::ReceiptComplete,
        Event::ReceiptPartial,
        Event::ExpectedBy,
        Event::Cancel,
        Event::DuplicateConfirmed,
        Event::ByHand,
        Event::Restored,
        Event::Unrouted,
    ];

    /// Whether it refuses the content of a lot: final, and nothing of it was taken.
    pub fn refuses_content(self) -> bool {
        match self {
            Event::ContentRefused | Event::StatusRefused => true,
            Event::Leased
            | Event::NotReached
            | Event::Deferred
            | Event::Taken
            | Event::NoAnswer
            | Event::StatusKnown
            | Event::StatusUnknown
            | Event::StatusUnreachable
            | Event::NoStatusService
            | Event::ReceiptComplete
            | Event::ReceiptPartial
            | Event::ExpectedBy
            | Event::Cancel
            | Event::DuplicateConfirmed
            | Event::ByHand
            | Event::Restored
            | Event::Unrouted => false,
        }
    }
}

impl State {
    /// Every state.
    pub const ALL: [State; 7] = [
        State::Due,
        State::Sending,
        State::InDoubt,
        State::Taken,
        State::Overdue,
        State::Answered,
        State::Void,
    ];

    /// Whether nothing more is to be done for the lot.
    pub fn is_finished(self) -> bool {
        match self {
            State::Answered | State::Void => true,
            State::Due | State::Sending | State::InDoubt | State::Taken | State::Overdue => false,
        }
    }

    /// Whether an operator may ask for the next attempt, or for the question before it, at another instant. Where
    /// an attempt runs, a receipt is awaited or nothing more is to be done, nothing is sent again.
    pub fn may_be_retried(self) -> bool {
        match self {
            State::Due | State::InDoubt | State::Overdue => true,
            State::Sending | State::Taken | State::Answered | State::Void => false,
        }
    }

    /// The word used in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Due => "due",
            State::Sending => "sending",
            State::InDoubt => "in doubt",
            State::Taken => "taken",
            State::Overdue => "overdue",
            State::Answered => "answered",
            State::Void => "void",
        }
    }

    /// The delivery table. A total function: every state × event has its cell.
    pub fn step(self, event: Event, arrival: Arrival, presence: Presence) -> Step {
        match self {
            State::Due => due(event, arrival, presence),
            State::Sending => sending(event, arrival),
            State::InDoubt => in_doubt(event, presence),
            State::Taken => taken(event, presence),
            State::Overdue => overdue(event, presence),
            State::Answered | State::Void => finished(event),
        }
    }
}

const ONLY_DUE: &str = "only a lot that is due can lose its way";

fn due(event: Event, arrival: Arrival, presence: Presence) -> Step {
    match event {
        Event::Leased => Step::To(State::Sending),
        Event::ReceiptComplete => Step::To(State::Answered),
        // A receipt names its lot, so something of it arrived. A settlement names a document alone: one of a lot of which
        // nothing can have arrived is of a document that arrived in an earlier one, and says nothing of the others.
        Event::ReceiptPartial => match arrival {
            Arrival::Nothing => Step::AskFirst,
            Arrival::Perhaps | Arrival::Proven => Step::To(State::Taken),
        },
        Event::Cancel => match arrival {
            Arrival::Nothing => Step::To(State::Void),
            Arrival::Perhaps | Arrival::Proven => Step::Conflict,
        },
        Event::DuplicateConfirmed | Event::ByHand => match arrival {
            Arrival::Nothing => Step::To(State::Void),
            Arrival::Perhaps | Arrival::Proven => Step::AskFirst,
        },
        // A lot that is due is asked about only because a document of it went another way.
        Event::StatusKnown => Step::To(State::Taken),
        Event::StatusRefused => Step::To(State::Void),
        Event::StatusUnknown => resend_or_void(presence),
        // Nobody can say whether it arrived: only the same bytes under the same id are safe to send again.
        Event::StatusUnreachable | Event::NoStatusService => Step::Stay,
        Event::Restored => Step::To(State::InDoubt),
        // Its documents are sealed again, for the endpoint that serves their insurer now. Where something may have
        // arrived another lot would be a second one: it waits for its endpoint.
        Event::Unrouted => match arrival {
            Arrival::Nothing => Step::To(State::Void),
            Arrival::Perhaps | Arrival::Proven => Step::Stay,
        },
        Event::NotReached
        | Event::Deferred
        | Event::Taken
        | Event::ContentRefused
        | Event::NoAnswer => Step::Stay,
        Event::ExpectedBy => Step::Impossible("no receipt is expected of a lot that is not taken"),
    }
}

fn sending(event: Event, arrival: Arrival) -> Step {
    match event {
        Event::NotReached | Event::Deferred => taken_or(State::Due, arrival),
        Event::NoAnswer => taken_or(State::InDoubt, arrival),
        Event::ContentRefused => taken_or(State::Void, arrival),
        Event::Taken => Step::To(State::Taken),
        // The attempt is still running and its end moves the lot. A receipt names the lot and is recorded; a settlement
        // names a document alone, and more likely one that went in an earlier lot than one that is just arriving.
        Event::ReceiptPartial => match arrival {
            Arrival::Proven => Step::Stay,
            Arrival::Nothing | Arrival::Perhaps => Step::AskFirst,
        },
        Event::ReceiptComplete => Step::To(State::Answered),
        Event::Restored => Step::To(State::InDoubt),
        Event::Cancel | Event::ByHand => Step::Conflict,
        Event::DuplicateConfirmed => Step::AskFirst,
        Event::StatusKnown | Event::StatusRefused | Event::StatusUnknown => Step::Stay,
        Event::StatusUnreachable | Event::NoStatusService => {
            Step::Impossible("a lot is not asked about while it is being sent")
        }
        Event::Unrouted => Step::Impossible(ONLY_DUE),
        Event::Leased => Step::Impossible("a lot has one attempt at a time"),
        Event::ExpectedBy => Step::Impossible("no receipt is expected of a lot that is not taken"),
    }
}

fn in_doubt(event: Event, presence: Presence) -> Step {
    match event {
        Event::StatusKnown | Event::ReceiptPartial => Step::To(State::Taken),
        Event::StatusRefused => Step::To(State::Void),
        Event::StatusUnknown => resend_or_void(presence),
        Event::NoStatusService => Step::To(State::Due),
        Event::StatusUnreachable => Step::Stay,
        Event::ReceiptComplete => Step::To(State::Answered),
        Event::Cancel => Step::Conflict,
        Event::DuplicateConfirmed | Event::ByHand => Step::AskFirst,
        Event::NotReached
        | Event::Deferred
        | Event::Taken
        | Event::ContentRefused
        | Event::NoAnswer => Step::Stay,
        Event::Restored => Step::Stay,
        Event::Unrouted => Step::Impossible(ONLY_DUE),
        Event::Leased => Step::Impossible("a doubt is asked about before anything is sent again"),
        Event::ExpectedBy => Step::Impossible("no receipt is expected of a lot that is not taken"),
    }
}

fn taken(event: Event, presence: Presence) -> Step {
    match event {
        Event::ReceiptComplete => Step::To(State::Answered),
        Event::ReceiptPartial
        | Event::StatusKnown
        | Event::StatusUnreachable
        | Event::NoStatusService => Step::Stay,
        Event::ExpectedBy => Step::To(State::Overdue),
        Event::DuplicateConfirmed => Step::AskFirst,
        // The insurer takes back its own word. Where a document went another way the lot ends here; else its
        // receipt is awaited until it is overdue.
        Event::StatusUnknown => match presence {
            Presence::Diminished => Step::To(State::Void),
            Presence::Whole => Step::Stay,
        },
        Event::StatusRefused => Step::Stay,
        Event::Cancel | Event::ByHand => Step::Conflict,
        Event::Restored => Step::To(State::InDoubt),
        Event::NotReached
        | Event::Deferred
        | Event::Taken
        | Event::ContentRefused
        | Event::NoAnswer => Step::Stay,
        Event::Unrouted => Step::Impossible(ONLY_DUE),
        Event::Leased => Step::Impossible("a taken lot is not sent again"),
    }
}

fn overdue(event: Event, presence: Presence) -> Step {
    match event {
        Event::StatusKnown | Event::StatusUnreachable => Step::Stay,
        Event::StatusRefused => Step::To(State::Void),
        Event::StatusUnknown => resend_or_void(presence),
        // Its taking was answered once and nobody takes that back: the same bytes are safe to send again, and
        // another lot with its other documents would not be.
        Event::NoStatusService => Step::To(State::Due),
        Event::ReceiptComplete => Step::To(State::Answered),
        Event::ReceiptPartial => Step::To(State::Taken),
        Event::Cancel => Step::Conflict,
        Event::DuplicateConfirmed | Event::ByHand => Step::AskFirst,
        Event::Restored => Step::To(State::InDoubt),
        Event::NotReached
        | Event::Deferred
        | Event::Taken
        | Event::ContentRefused
        | Event::NoAnswer => Step::Stay,
        Event::Unrouted => Step::Impossible(ONLY_DUE),
        Event::Leased => {
            Step::Impossible("an overdue lot is asked about before anything is sent again")
        }
        Event::ExpectedBy => Step::Impossible("the lot is overdue already"),
    }
}

fn finished(event: Event) -> Step {
    match event {
        Event::Cancel | Event::ByHand | Event::DuplicateConfirmed => Step::Conflict,
        Event::Unrouted => Step::Impossible(ONLY_DUE),
        Event::Leased => Step::Impossible("a finished lot is not sent"),
        Event::ExpectedBy => Step::Impossible("a finished lot expects nothing"),
        Event::NotReached
        | Event::Deferred
        | Event::Taken
        | Event::ContentRefused
        | Event::NoAnswer
        | Event::StatusKnown
        | Event::StatusRefused
        | Event::StatusUnknown
        | Event::StatusUnreachable
        | Event::NoStatusService
        | Event::ReceiptComplete
        | Event::ReceiptPartial
        | Event::Restored => Step::Stay,
    }
}

/// The insurer never saw the lot: the same bytes go again, unless a document of it went another way.
fn resend_or_void(presence: Presence) -> Step {
    match presence {
        Presence::Whole => Step::To(State::Due),
        Presence::Diminished => Step::To(State::Void),
    }
}

/// An attempt ended; a receipt that came while it was running says that the lot is taken.
fn taken_or(state: State, arrival: Arrival) -> Step {
    match arrival {
        Arrival::Nothing | Arrival::Perhaps => Step::To(state),
        Arrival::Proven => Step::To(State::Taken),
    }
}

impl Arrival {
    /// Every value.
    pub const ALL: [Arrival; 3] = [Arrival::Nothing, Arrival::Perhaps, Arrival::Proven];

    /// What is known after an event.
    ///
    /// Only the insurer's "unknown" takes a doubt away. A refusal does not: in a state that it does not move,
    /// it may contradict an earlier taking.
    pub fn after(self, event: Event) -> Arrival {
        match event {
            Event::StatusUnknown => Arrival::Nothing,
            Event::ReceiptPartial | Event::ReceiptComplete => Arrival::Proven,
            Event::Deferred
            | Event::Taken
            | Event::ContentRefused
            | Event::NoAnswer
            | Event::StatusKnown
            | Event::StatusRefused
            | Event::Restored => self.max(Arrival::Perhaps),
            // What was heard during an earlier attempt does not speak for this one. Else a running attempt
            // decides nothing before it ends: the state alone says that it runs.
            Event::Leased => self.min(Arrival::Perhaps),
            Event::NotReached
            | Event::StatusUnreachable
            | Event::NoStatusService
            | Event::ExpectedBy
            | Event::Cancel
            | Event::DuplicateConfirmed
            | Event::ByHand
            | Event::Unrouted => self,
        }
    }
}

impl Presence {
    /// Both values.
    pub const ALL: [Presence; 2] = [Presence::Whole, Presence::Diminished];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table. A cell is the state it moves to, or `stay`, `ask` (first), `409`, `never` (impossible).
    /// `a/b`: a if nothing can have arrived, else b. `a~b`: a if the lot is whole, b if a document went another
    /// way. `a^b`: b if a receipt came during the attempt, else a.
    const TABLE: &str = "
        event               | due       | sending        | in doubt | taken     | overdue  | answered | void
        Leased              | sending   | never          | never    | never     | never    | never    | never
        NotReached          | stay      | due^taken      | stay     | stay      | stay     | stay     | stay
        Deferred            | stay      | due^taken      | stay     | stay      | stay     | stay     | stay
        Taken               | stay      | taken          | stay     | stay      | stay     | stay     | stay
        ContentRefused      | stay      | void^taken     | stay     | stay      | stay     | stay     | stay
        NoAnswer            | stay      | in doubt^taken | stay     | stay      | stay     | stay     | stay
        StatusKnown         | taken     | stay           | taken    | stay      | stay     | stay     | stay
        StatusRefused       | void      | stay           | void     | stay      | void     | stay     | stay
        StatusUnknown       | due~void  | stay           | due~void | stay~void | due~void | stay     | stay
        StatusUnreachable   | stay      | never          | stay     | stay      | stay     | stay     | stay
        NoStatusService     | stay      | never          | due      | stay      | due      | stay     | stay
        ReceiptComplete     | answered  | answered       | answered | answered  | answered | stay     | stay
        ReceiptPartial      | ask/taken | ask^stay       | taken    | stay      | taken    | stay     | stay
        ExpectedBy          | never     | never          | never    | overdue   | never    | never    | never
        Cancel              | void/409  | 409            | 409      | 409       | 409      | 409      | 409
        DuplicateConfirmed  | void/ask  | ask            | ask      | ask       | ask      | 409      | 409
        ByHand              | void/ask  | 409            | ask      | 409       | ask      | 409      | 409
        Restored            | in doubt  | in doubt       | stay     | in doubt  | in doubt | stay     | stay
        Unrouted            | void/stay | never          | never    | never     | never    | never    | never
    ";

    fn said(cell: &str, arrival: Arrival, presence: Presence) -> &str {
        if let Some((nothing, other)) = cell.split_once('/') {
            match arrival {
                Arrival::Nothing => nothing,
                Arrival::Perhaps | Arrival::Proven => other,
            }
        } else if let Some((whole, diminished)) = cell.split_once('~') {
            match presence {
                Presence::Whole => whole,
                Presence::Diminished => diminished,
            }
        } else if let Some((other, proven)) = cell.split_once('^') {
            match arrival {
                Arrival::Nothing | Arrival::Perhaps => other,
                Arrival::Proven => proven,
            }
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
                for (arrival, presence) in circumstances() {
                    let found = word(state.step(event, arrival, presence));
                    let expected = said(cell, arrival, presence);
                    assert_eq!(
                        found, expected,
                        "{state:?} {event:?} {arrival:?} {presence:?}"
                    );
                }
            }
        }
    }

    fn circumstances() -> impl Iterator<Item = (Arrival, Presence)> {
        let pairs = |arrival| Presence::ALL.map(|presence| (arrival, presence));
        Arrival::ALL.into_iter().flat_map(pairs)
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
                for (arrival, presence) in circumstances() {
                    let step = state.step(event, arrival, presence);
                    assert!(!matches!(step, Step::To(_)), "{state:?} {event:?}");
                }
            }
        }
    }
}
