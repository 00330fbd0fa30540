//! The delivery table, state by state.
//!
//! A cell that the table of the domain does not name follows one rule: a command is a conflict, a fact from an
//! insurer is recorded and moves nothing, and only what the gateway itself raises can be impossible.
//!
//! What one document does moves its lot only where that outdates the bytes: a pre-formed file of which others still
//! want to be sent goes its way, because no other file can be made of them here.

use crate::claims::delivery::{Arrival, Bytes, Circumstances, Event, Form, State, Step};

const ONLY_DUE: &str = "only a lot that is due can lose its way";

/// The cell of a state and an event.
pub(super) fn step(state: State, event: Event, met: Circumstances) -> Step {
    match state {
        State::Due => due(event, met),
        State::Sending => sending(event, met),
        State::InDoubt => in_doubt(event, met),
        State::Taken => taken(event, met),
        State::Overdue => overdue(event, met),
        State::Answered | State::Void => finished(event),
    }
}

fn due(event: Event, met: Circumstances) -> Step {
    match event {
        Event::Leased => Step::To(State::Sending),
        Event::ReceiptComplete => Step::To(State::Answered),
        Event::ReceiptPartial => taken_if_proven(met.arrival),
        // Nothing is sent after it is cancelled: of a file, only the last document can be.
        Event::Cancel => match (met.bytes, met.arrival) {
            (Bytes::Outdated, Arrival::Nothing) => Step::To(State::Void),
            (Bytes::Wanted, _) | (Bytes::Outdated, Arrival::Perhaps | Arrival::Proven) => {
                Step::Conflict
            }
        },
        Event::DuplicateConfirmed | Event::ByHand => match (met.bytes, met.arrival) {
            (Bytes::Wanted, _) => Step::Stay,
            (Bytes::Outdated, Arrival::Nothing) => Step::To(State::Void),
            (Bytes::Outdated, Arrival::Perhaps | Arrival::Proven) => Step::AskFirst,
        },
        // A lot that is due is asked about only because a document of it went another way.
        Event::StatusKnown => Step::To(State::Taken),
        Event::StatusRefused => Step::To(State::Void),
        Event::StatusUnknown => resend_or_void(met.bytes),
        // Nobody can say whether it arrived: only the same bytes under the same id are safe to send again.
        Event::StatusUnreachable | Event::NoStatusService => Step::Stay,
        Event::Restored => Step::To(State::InDoubt),
        // Its documents are sealed again, for the endpoint that serves their insurer now. Where something may have
        // arrived another lot would be a second one, and of a file there is no other: it waits for its endpoint.
        Event::Unrouted => match (met.form, met.arrival) {
            (Form::Composed, Arrival::Nothing) => Step::To(State::Void),
            (Form::Composed, Arrival::Perhaps | Arrival::Proven) | (Form::PreFormed, _) => {
                Step::Stay
            }
        },
        Event::NotReached
        | Event::Deferred
        | Event::Taken
        | Event::ContentRefused
        | Event::NoAnswer => Step::Stay,
        Event::ExpectedBy => Step::Impossible("no receipt is expected of a lot that is not taken"),
    }
}

fn sending(event: Event, met: Circumstances) -> Step {
    match event {
        // Nothing can have arrived, and these bytes are not wanted any more: nobody needs to be asked.
        Event::NotReached => match (met.arrival, met.bytes) {
            (Arrival::Nothing, Bytes::Outdated) => Step::To(State::Void),
            (Arrival::Nothing, Bytes::Wanted) | (Arrival::Perhaps | Arrival::Proven, _) => {
                taken_or(State::Due, met.arrival)
            }
        },
        Event::Deferred => taken_or(State::Due, met.arrival),
        Event::NoAnswer => taken_or(State::InDoubt, met.arrival),
        Event::ContentRefused => taken_or(State::Void, met.arrival),
        Event::Taken => Step::To(State::Taken),
        // The attempt is still running and its end moves the lot. A receipt names the lot and is recorded; a settlement
        // names a document alone, and more likely one that went in an earlier lot than one that is just arriving.
        Event::ReceiptPartial => match met.arrival {
            Arrival::Proven => Step::Stay,
            Arrival::Nothing | Arrival::Perhaps => Step::AskFirst,
        },
        Event::ReceiptComplete => Step::To(State::Answered),
        Event::Restored => Step::To(State::InDoubt),
        Event::Cancel | Event::ByHand => Step::Conflict,
        Event::DuplicateConfirmed => ask_if_outdated(met.bytes),
        Event::StatusKnown | Event::StatusRefused | Event::StatusUnknown => Step::Stay,
        Event::StatusUnreachable | Event::NoStatusService => {
            Step::Impossible("a lot is not asked about while it is being sent")
        }
        Event::Unrouted => Step::Impossible(ONLY_DUE),
        Event::Leased => Step::Impossible("a lot has one attempt at a time"),
        Event::ExpectedBy => Step::Impossible("no receipt is expected of a lot that is not taken"),
    }
}

fn in_doubt(event: Event, met: Circumstances) -> Step {
    match event {
        Event::StatusKnown => Step::To(State::Taken),
        Event::ReceiptPartial => taken_if_proven(met.arrival),
        Event::StatusRefused => Step::To(State::Void),
        Event::StatusUnknown => resend_or_void(met.bytes),
        Event::NoStatusService => Step::To(State::Due),
        Event::StatusUnreachable => Step::Stay,
        Event::ReceiptComplete => Step::To(State::Answered),
        Event::Cancel => Step::Conflict,
        Event::DuplicateConfirmed | Event::ByHand => ask_if_outdated(met.bytes),
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

fn taken(event: Event, met: Circumstances) -> Step {
    match event {
        Event::ReceiptComplete => Step::To(State::Answered),
        Event::ReceiptPartial
        | Event::StatusKnown
        | Event::StatusUnreachable
        | Event::NoStatusService => Step::Stay,
        Event::ExpectedBy => Step::To(State::Overdue),
        Event::DuplicateConfirmed => ask_if_outdated(met.bytes),
        // The insurer takes back its own word. Where the bytes are not wanted any more the lot ends here; else its
        // receipt is awaited until it is overdue.
        Event::StatusUnknown => match met.bytes {
            Bytes::Outdated => Step::To(State::Void),
            Bytes::Wanted => Step::Stay,
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

fn overdue(event: Event, met: Circumstances) -> Step {
    match event {
        Event::StatusKnown | Event::StatusUnreachable => Step::Stay,
        Event::StatusRefused => Step::To(State::Void),
        Event::StatusUnknown => resend_or_void(met.bytes),
        // Its taking was answered once and nobody takes that back: the same bytes are safe to send again, and
        // another lot with its other documents would not be.
        Event::NoStatusService => Step::To(State::Due),
        Event::ReceiptComplete => Step::To(State::Answered),
        Event::ReceiptPartial => Step::To(State::Taken),
        Event::Cancel => Step::Conflict,
        Event::DuplicateConfirmed | Event::ByHand => ask_if_outdated(met.bytes),
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

/// The insurer never saw the lot: the same bytes go again, as long as they are what is to be sent.
fn resend_or_void(bytes: Bytes) -> Step {
    match bytes {
        Bytes::Wanted => Step::To(State::Due),
        Bytes::Outdated => Step::To(State::Void),
    }
}

/// A receipt names its lot, so something of it arrived. A settlement names a document alone, which may have gone in an
/// earlier lot: where nobody took this one, it says nothing of the others.
fn taken_if_proven(arrival: Arrival) -> Step {
    match arrival {
        Arrival::Nothing | Arrival::Perhaps => Step::AskFirst,
        Arrival::Proven => Step::To(State::Taken),
    }
}

/// A document went another way: whether the bytes arrived matters only if they are not to be sent any more.
fn ask_if_outdated(bytes: Bytes) -> Step {
    match bytes {
        Bytes::Wanted => Step::Stay,
        Bytes::Outdated => Step::AskFirst,
    }
}

/// An attempt ended; a receipt that came while it was running says that the lot is taken.
fn taken_or(state: State, arrival: Arrival) -> Step {
    match arrival {
        Arrival::Nothing | Arrival::Perhaps => Step::To(state),
        Arrival::Proven => Step::To(State::Taken),
    }
}
