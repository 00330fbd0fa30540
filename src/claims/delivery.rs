//! The life of a lot on the wire: the delivery table of DOMAIN §4, one function, every cell.
//!
//! "Held" is `Due` with a reason of the destination; it is no state of its own.

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
    /// The centre cancels a document of the lot.
    Cancel,
    /// A paper duplicate of a document of the lot is confirmed.
    DuplicateConfirmed,
    /// An operator declares a document of the lot as transmitted by hand.
    ByHand,
    /// The store was restored from a backup.
    Restored,
}

/// Whether anything of the lot can be with the insurer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arrival {
    /// Every attempt ended before its first body byte was written, or the insurer said "unknown" after
    /// the last one.
    Nothing,
    /// An attempt may have arrived.
    Perhaps,
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
            State::Sending => sending(event),
            State::InDoubt => in_doubt(event, presence),
            State::Taken => taken(event, presence),
            State::Overdue => overdue(event, presence),
            State::Answered | State::Void => finished(event),
        }
    }
}

fn due(event: Event, arrival: Arrival, presence: Presence) -> Step {
    match event {
        Event::Leased => Step::To(State::Sending),
        Event::ReceiptComplete => Step::To(State::Answered),
        Event::ReceiptPartial => Step::To(State::Taken),
        Event::Cancel => match arrival {
            Arrival::Nothing => Step::To(State::Void),
            Arrival::Perhaps => Step::Conflict,
        },
        Event::DuplicateConfirmed | Event::ByHand => match arrival {
            Arrival::Nothing => Step::To(State::Void),
            Arrival::Perhaps => Step::AskFirst,
        },
        // A lot that is due is asked about only because a document of it went another way.
        Event::StatusKnown => Step::To(State::Taken),
        Event::StatusRefused => Step::To(State::Void),
        Event::StatusUnknown => resend_or_void(presence),
        Event::StatusUnreachable | Event::NoStatusService => Step::Stay,
        Event::Restored => Step::To(State::InDoubt),
        Event::NotReached
        | Event::Deferred
        | Event::Taken
        | Event::ContentRefused
        | Event::NoAnswer => Step::Impossible("no attempt of a due lot is running"),
        Event::ExpectedBy => Step::Impossible("no receipt is expected of a lot that is not taken"),
    }
}

fn sending(event: Event) -> Step {
    match event {
        Event::NotReached | Event::Deferred => Step::To(State::Due),
        Event::Taken => Step::To(State::Taken),
        Event::ReceiptPartial => Step::Stay,
        Event::ContentRefused => Step::To(State::Void),
        Event::NoAnswer | Event::Restored => Step::To(State::InDoubt),
        Event::ReceiptComplete => Step::To(State::Answered),
        Event::Cancel | Event::ByHand => Step::Conflict,
        Event::DuplicateConfirmed => Step::AskFirst,
        Event::Leased => Step::Impossible("a lot has one attempt at a time"),
        Event::ExpectedBy => Step::Impossible("no receipt is expected of a lot that is not taken"),
        Event::StatusKnown
        | Event::StatusRefused
        | Event::StatusUnknown
        | Event::StatusUnreachable
        | Event::NoStatusService => {
            Step::Impossible("a lot is not asked about while it is being sent")
        }
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
        // The answer of an attempt whose lease had run out: recorded; the status settles the doubt.
        Event::NotReached
        | Event::Deferred
        | Event::Taken
        | Event::ContentRefused
        | Event::NoAnswer => Step::Stay,
        Event::Restored => Step::Stay,
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
        Event::Leased => Step::Impossible("a taken lot is not sent again"),
    }
}

fn overdue(event: Event, presence: Presence) -> Step {
    match event {
        Event::StatusKnown | Event::StatusUnreachable => Step::Stay,
        Event::StatusRefused => Step::To(State::Void),
        Event::StatusUnknown | Event::NoStatusService => resend_or_void(presence),
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
        Event::Leased => {
            Step::Impossible("an overdue lot is asked about before anything is sent again")
        }
        Event::ExpectedBy => Step::Impossible("the lot is overdue already"),
    }
}

fn finished(event: Event) -> Step {
    match event {
        Event::Cancel | Event::ByHand | Event::DuplicateConfirmed => Step::Conflict,
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

impl Arrival {
    /// What is known after an event.
    pub fn after(self, event: Event) -> Arrival {
        match event {
            Event::Deferred
            | Event::Taken
            | Event::NoAnswer
            | Event::StatusKnown
            | Event::ReceiptComplete
            | Event::ReceiptPartial
            | Event::Restored => Arrival::Perhaps,
            Event::StatusUnknown | Event::ContentRefused | Event::StatusRefused => Arrival::Nothing,
            // A running attempt decides nothing before it ends: the state alone says that it runs.
            Event::Leased
            | Event::NotReached
            | Event::StatusUnreachable
            | Event::NoStatusService
            | Event::ExpectedBy
            | Event::Cancel
            | Event::DuplicateConfirmed
            | Event::ByHand => self,
        }
    }
}
