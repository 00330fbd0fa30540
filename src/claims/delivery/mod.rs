//! The life of a lot on the wire: its states, what happens to it, and what an event does.
//!
//! "Held" is `Due` with a reason of the destination; it is no state of its own. The report of an attempt whose lease
//! had run out can come in any state; it is recorded, and the state that was reached without it stands.

mod table;
#[cfg(test)]
mod tests;

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

/// How the bytes of a lot came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// Gathered here from documents that were posted: another lot can be made of those that are left.
    Composed,
    /// A file that was posted as it is (B2, SESAM-Vitale), carried byte for byte: nothing but this file can be sent.
    PreFormed,
}

/// How many of its documents still want to be sent: the others were cancelled, or went to paper or by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    /// All.
    Whole,
    /// Some.
    Diminished,
    /// None.
    Gone,
}

/// Whether the bytes of a lot are still what is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bytes {
    /// They are.
    Wanted,
    /// Other bytes are to be sent, or none.
    Outdated,
}

/// What an event meets besides the state.
#[derive(Clone, Copy, Debug)]
struct Circumstances {
    arrival: Arrival,
    form: Form,
    bytes: Bytes,
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

    /// Whether it ends an attempt.
    pub fn ends_attempt(self) -> bool {
        match self {
            Event::NotReached
            | Event::Deferred
            | Event::Taken
            | Event::ContentRefused
            | Event::NoAnswer => true,
            Event::Leased
            | Event::StatusKnown
            | Event::StatusRefused
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

    /// Whether it is the answer to a question about the status of a lot.
    pub fn answers_question(self) -> bool {
        match self {
            Event::StatusKnown
            | Event::StatusRefused
            | Event::StatusUnknown
            | Event::StatusUnreachable
            | Event::NoStatusService => true,
            Event::Leased
            | Event::NotReached
            | Event::Deferred
            | Event::Taken
            | Event::ContentRefused
            | Event::NoAnswer
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

    /// The delivery table: a total function, every state × event has its cell.
    ///
    /// Where a document leaves its lot another way (cancelled, on paper, by hand), `presence` is what is left without it.
    pub fn step(self, event: Event, arrival: Arrival, form: Form, presence: Presence) -> Step {
        let circumstances = Circumstances {
            arrival,
            form,
            bytes: form.bytes(presence),
        };
        table::step(self, event, circumstances)
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

impl Form {
    /// Both forms.
    pub const ALL: [Form; 2] = [Form::Composed, Form::PreFormed];

    /// A composed lot is outdated by the first document that goes another way, a file by the last one.
    pub fn bytes(self, presence: Presence) -> Bytes {
        match (self, presence) {
            (Form::Composed, Presence::Whole)
            | (Form::PreFormed, Presence::Whole | Presence::Diminished) => Bytes::Wanted,
            (Form::Composed, Presence::Diminished | Presence::Gone)
            | (Form::PreFormed, Presence::Gone) => Bytes::Outdated,
        }
    }
}

impl Presence {
    /// Every value.
    pub const ALL: [Presence; 3] = [Presence::Whole, Presence::Diminished, Presence::Gone];

    /// Of a lot of so many documents, of which so many went another way.
    pub fn of(documents: usize, left: usize) -> Presence {
        match left {
            0 => Presence::Whole,
            left if left < documents => Presence::Diminished,
            _ => Presence::Gone,
        }
    }
}
