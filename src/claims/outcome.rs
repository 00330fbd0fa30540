//! What a reply of an insurer means for a lot: one table, every class of reply, no memory.
//!
//! Two budgets, never mixed. Distance is not evidence: whatever does not come from the
//! insurer's own reading of the lot is the destination's trouble and holds the lot, without limit. Only
//! an answer in the words of the wire contract, for this very lot, takes it or refuses its content.

use std::fmt;
use std::time::Duration;

use crate::claims::delivery::{Event, State};
use crate::claims::entry::Reason;
use crate::claims::id::{DocumentId, Name};
use crate::claims::lane::Signal;

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// An answer came, whole.
    Answered(Reply),
    /// The attempt ended before the first byte of the body was written: nothing can have arrived.
    NotReached(Cause),
    /// The body was begun and no whole answer came: it may have arrived.
    Unanswered(Cause),
}

/// What became of asking for the status of a lot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// An answer came.
    Answered(StatusReply),
    /// No answer came.
    NoAnswer(Cause),
    /// The endpoint has no status service (a setting).
    NoService,
}

/// The classes of answer to a lot, as the wire contract has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Taken, now or by an earlier attempt.
    Taken,
    /// The content is refused; nothing of the lot was taken.
    Refused(Refusal),
    /// The insurer has other bytes under this id: a defect, on one side or the other.
    OtherBytes,
    /// Trouble of the destination, and how long it asks to wait.
    Trouble(Trouble, Option<Duration>),
}

/// The classes of answer to a question for the status of a lot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusReply {
    /// The insurer has the lot, with these bytes.
    Known,
    /// The insurer never took the lot.
    Unknown,
    /// The insurer refused the content of the lot.
    Refused(Refusal),
    /// The insurer has other bytes under this id.
    OtherBytes,
    /// Trouble of the destination, and how long it asks to wait.
    Trouble(Trouble, Option<Duration>),
}

/// Kinds of trouble that an answer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// It refuses our identity (401, 403, 407).
    Identity,
    /// It does not know the address (404, 405, 410), or points elsewhere (3xx, never followed).
    Address,
    /// It asks to wait (408, 425, 429).
    Busy,
    /// It failed (5xx).
    Failing,
    /// Anything else: an answer that is not in the words of the contract.
    Unintelligible,
}

/// Why no answer came. Nothing in it comes from a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The gateway has no such endpoint at present.
    NoEndpoint,
    /// The name has no address.
    Name,
    /// No connection.
    Connection,
    /// The server's certificate was not accepted, or no common TLS was found.
    Tls,
    /// The server did not accept our certificate.
    OwnCertificate,
    /// The server's certificate is revoked.
    Revoked,
    /// Nobody vouches any more that the server's certificate is not revoked.
    Unvouched,
    /// No answer within the endpoint's time.
    Timeout,
    /// The connection ended in between.
    Broken,
    /// What came is no HTTP.
    NotHttp,
}

/// A refusal of content.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Refusal {
    /// The insurer's code on the lot.
    pub code: Option<Name>,
    /// The insurer's text on the lot: content, passed on and never logged.
    pub text: Option<String>,
    /// The documents that are at fault.
    pub named: Vec<Named>,
}

/// A document at fault.
#[derive(Clone, PartialEq, Eq)]
pub struct Named {
    /// The document, by the id of the manifest.
    pub document: DocumentId,
    /// The insurer's code.
    pub code: Option<Name>,
    /// The insurer's text: content, passed on and never logged.
    pub text: Option<String>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What happened, in the words of the delivery table.
    pub event: Event,
    /// Why the lot waits, if it stays unfinished.
    pub reason: Reason,
    /// When the next thing is to be done, if it stays unfinished.
    pub retry: Retry,
    /// Documents of the lot that are refused, with the insurer's code. Never empty when the content is
    /// refused: if the insurer names none of the lot's documents, all are refused with their lot.
    pub named: Vec<(DocumentId, Option<Name>)>,
    /// What a person must hear of.
    pub alert: Option<Alert>,
}

/// When the next thing is to be done for a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Nothing is left to be done: the lot is finished.
    Never,
    /// At once.
    Now,
    /// After the first wait of the schedule: what was begun there may still be at work.
    Pause,
    /// By the schedule.
    Backoff,
    /// As the destination asked, counted from its answer; the schedule caps it.
    After(Duration),
    /// After the longest wait of the schedule: repeating helps little, a person must look.
    Longest,
    /// At the instant by which a receipt is expected.
    Receipt,
}

/// What a person must hear of at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alert {
    /// The insurer has other bytes under the id of a lot.
    OtherBytes,
    /// The insurer does not know a lot that it had taken.
    Forgotten,
    /// A lot that was taken has no receipt, its insurer cannot be asked, and it is sent again.
    Unaccounted,
    /// The insurer refuses a lot that it had taken.
    RefusedAfterTaking,
}

/// What an attempt means for the lot that holds these documents.
pub fn judge_sent(sent: &Sent, documents: &[DocumentId]) -> Judgement {
    match sent {
        Sent::Answered(Reply::Taken) => {
            Judgement::of(Event::Taken, Reason::Receipt, Retry::Receipt)
        }
        Sent::Answered(Reply::Refused(refusal)) => Judgement {
            named: refusal.named_of(documents),
            ..Judgement::of(Event::ContentRefused, Reason::Turn, Retry::Never)
        },
        Sent::Answered(Reply::OtherBytes) => Judgement {
            alert: Some(Alert::OtherBytes),
            ..Judgement::of(Event::Deferred, Reason::OtherBytes, Retry::Longest)
        },
        Sent::Answered(Reply::Trouble(trouble, wait)) => {
            Judgement::of(Event::Deferred, trouble.reason(), wait_or_backoff(*wait))
        }
        Sent::NotReached(cause) => Judgement::of(Event::NotReached, cause.reason(), Retry::Backoff),
        Sent::Unanswered(_) => Judgement::of(Event::NoAnswer, Reason::Doubt, Retry::Backoff),
    }
}

/// What the answer about its status means for the lot that holds these documents, stands at `state` and waits for this.
pub fn judge_asked(
    asked: &Asked,
    documents: &[DocumentId],
    state: State,
    waits: Option<Reason>,
) -> Judgement {
    match asked {
        Asked::Answered(StatusReply::Known) => {
            Judgement::of(Event::StatusKnown, waits_for(state), Retry::Receipt)
        }
        Asked::Answered(StatusReply::Unknown) => {
            let alert = was_taken(state).then_some(Alert::Forgotten);
            sends_again(Event::StatusUnknown, state, alert)
        }
        Asked::Answered(StatusReply::Refused(refusal)) => Judgement {
            named: refusal.named_of(documents),
            alert: was_taken(state).then_some(Alert::RefusedAfterTaking),
            ..Judgement::of(Event::StatusRefused, waits_for(state), Retry::Receipt)
        },
        Asked::Answered(StatusReply::OtherBytes) => Judgement {
            alert: Some(Alert::OtherBytes),
            ..Judgement::of(Event::StatusUnreachable, Reason::OtherBytes, Retry::Longest)
        },
        Asked::Answered(StatusReply::Trouble(trouble, wait)) => Judgement::of(
            Event::StatusUnreachable,
            trouble.reason(),
            wait_or_backoff(*wait),
        ),
        Asked::NoAnswer(cause) => {
            Judgement::of(Event::StatusUnreachable, cause.reason(), Retry::Backoff)
        }
        // An overdue lot whose insurer cannot be asked waits a second span before it is sent again.
        Asked::NoService if state == State::Overdue => Judgement {
            alert: Some(Alert::Unaccounted),
            ..Judgement::of(Event::NoStatusService, Reason::Overdue, Retry::Receipt)
        },
        // Nobody says that the attempt is over there: the next one leaves it the time to end.
        Asked::NoService if state == State::InDoubt => {
            Judgement::of(Event::NoStatusService, Reason::Turn, Retry::Pause)
        }
        // It was to be asked before it goes again: nobody can, and that brings the next attempt no nearer.
        Asked::NoService if state == State::Due => {
            let (reason, retry) = match waits {
                Some(Reason::Overdue) => (Reason::Overdue, Retry::Receipt),
                Some(_) | None => (Reason::Turn, Retry::Backoff),
            };
            Judgement::of(Event::NoStatusService, reason, retry)
        }
        Asked::NoService => sends_again(Event::NoStatusService, state, None),
    }
}

/// The insurer does not have the lot, or cannot say: the same bytes go again at once, but for a lot that
/// stands as taken, which the delivery table leaves there.
fn sends_again(event: Event, state: State, alert: Option<Alert>) -> Judgement {
    let (reason, retry) = match state {
        State::Taken => (Reason::Receipt, Retry::Receipt),
        State::Due
        | State::Sending
        | State::InDoubt
        | State::Overdue
        | State::Answered
        | State::Void => (Reason::Turn, Retry::Now),
    };
    Judgement {
        alert,
        ..Judgement::of(event, reason, retry)
    }
}

/// Why a lot waits that the insurer says it has.
fn waits_for(state: State) -> Reason {
    match state {
        State::Overdue => Reason::Overdue,
        State::Due
        | State::Sending
        | State::InDoubt
        | State::Taken
        | State::Answered
        | State::Void => Reason::Receipt,
    }
}

/// Whether the insurer had said before that it has the lot.
fn was_taken(state: State) -> bool {
    match state {
        State::Taken | State::Overdue => true,
        State::Due | State::Sending | State::InDoubt | State::Answered | State::Void => false,
    }
}

fn wait_or_backoff(wait: Option<Duration>) -> Retry {
    wait.map_or(Retry::Backoff, Retry::After)
}

impl Sent {
    /// What it says of the endpoint: apart from what it means for the lot, and without any of it.
    pub fn signal(&self) -> Signal {
        match self {
            Sent::Answered(Reply::Taken | Reply::Refused(_) | Reply::OtherBytes) => Signal::Served,
            Sent::Answered(Reply::Trouble(trouble, wait)) => trouble.signal(*wait),
            Sent::NotReached(_) => Signal::Unserved,
            Sent::Unanswered(_) => Signal::Silent,
        }
    }
}

impl Asked {
    /// What it says of the endpoint; nothing where it cannot be asked.
    pub fn signal(&self) -> Option<Signal> {
        match self {
            Asked::Answered(
                StatusReply::Known
                | StatusReply::Unknown
                | StatusReply::Refused(_)
                | StatusReply::OtherBytes,
            ) => Some(Signal::Served),
            Asked::Answered(StatusReply::Trouble(trouble, wait)) => Some(trouble.signal(*wait)),
            Asked::NoAnswer(Cause::Timeout | Cause::Broken | Cause::NotHttp) => {
                Some(Signal::Silent)
            }
            Asked::NoAnswer(
                Cause::NoEndpoint
                | Cause::Name
                | Cause::Connection
                | Cause::Tls
                | Cause::OwnCertificate
                | Cause::Revoked
                | Cause::Unvouched,
            ) => Some(Signal::Unserved),
            Asked::NoService => None,
        }
    }
}

impl Judgement {
    fn of(event: Event, reason: Reason, retry: Retry) -> Judgement {
        Judgement {
            event,
            reason,
            retry,
            named: Vec::new(),
            alert: None,
        }
    }
}

impl Refusal {
    /// The documents of a lot that a refusal strikes: those it names, or all of them with the lot's code
    /// when it names none: nothing of the lot was taken. Names of documents elsewhere strike nothing.
    fn named_of(&self, documents: &[DocumentId]) -> Vec<(DocumentId, Option<Name>)> {
        let find = |document: &DocumentId| {
            let named = self
                .named
                .iter()
                .find(|named| named.document == *document)?;
            Some((*document, named.code.clone().or_else(|| self.code.clone())))
        };
        let named: Vec<_> = documents.iter().filter_map(find).collect();
        if !named.is_empty() {
            return named;
        }
        documents
            .iter()
            .map(|document| (*document, self.code.clone()))
            .collect()
    }
}

impl Trouble {
    fn signal(self, wait: Option<Duration>) -> Signal {
        match self {
            Trouble::Busy | Trouble::Failing => Signal::Strained(self, wait),
            Trouble::Identity | Trouble::Address | Trouble::Unintelligible => Signal::Unserved,
        }
    }

    /// Why a lot waits after such an answer.
    pub fn reason(self) -> Reason {
        match self {
            Trouble::Identity => Reason::Identity,
            Trouble::Address => Reason::Address,
            Trouble::Busy => Reason::Busy,
            Trouble::Failing | Trouble::Unintelligible => Reason::Failing,
        }
    }
}

impl Cause {
    /// Every cause.
    pub const ALL: [Cause; 10] = [
        Cause::NoEndpoint,
        Cause::Name,
        Cause::Connection,
        Cause::Tls,
        Cause::OwnCertificate,
        Cause::Revoked,
        Cause::Unvouched,
        Cause::Timeout,
        Cause::Broken,
        Cause::NotHttp,
    ];

    /// Why a lot waits after it.
    pub fn reason(self) -> Reason {
        match self {
            Cause::NoEndpoint => Reason::NoRoute,
            Cause::Name | Cause::Connection | Cause::Timeout | Cause::Broken | Cause::NotHttp => {
                Reason::Unreachable
            }
            Cause::Tls => Reason::Tls,
            Cause::OwnCertificate => Reason::OwnCertificate,
            Cause::Revoked => Reason::Revoked,
            Cause::Unvouched => Reason::Unvouched,
        }
    }

    /// The word used in logs and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::NoEndpoint => "no endpoint",
            Cause::Name => "name",
            Cause::Connection => "connection",
            Cause::Tls => "tls",
            Cause::OwnCertificate => "own-certificate",
            Cause::Revoked => "revoked",
            Cause::Unvouched => "unvouched",
            Cause::Timeout => "timeout",
            Cause::Broken => "broken",
            Cause::NotHttp => "not http",
        }
    }
}

/// Codes and ids only: the texts are content.
impl fmt::Debug for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Refusal")
            .field("code", &self.code)
            .field("named", &self.named)
            .finish_non_exhaustive()
    }
}

/// Codes and ids only: the text is content.
impl fmt::Debug for Named {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Named")
            .field("document", &self.document)
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::delivery::{Arrival, Form, Presence, Step};

    const LOT: [DocumentId; 2] = [DocumentId(1), DocumentId(2)];

    fn name(text: &str) -> Option<Name> {
        Some(Name::parse(text).unwrap())
    }

    fn refusal(named: &[u128]) -> Refusal {
        Refusal {
            code: name("L01"),
            text: None,
            named: named
                .iter()
                .map(|id| Named {
                    document: DocumentId(*id),
                    code: None,
                    text: None,
                })
                .collect(),
        }
    }

    #[test]
    #[rustfmt::skip]
    fn every_end_of_an_attempt_has_its_row() {
        let minute = Duration::from_secs(60);
        let trouble = |trouble, wait| Sent::Answered(Reply::Trouble(trouble, wait));
        let other_bytes = Some(Alert::OtherBytes);
        for (sent, event, reason, retry, alert) in [
            (Sent::Answered(Reply::Taken), Event::Taken, Reason::Receipt, Retry::Receipt, None),
            (Sent::Answered(Reply::Refused(refusal(&[1]))), Event::ContentRefused, Reason::Turn, Retry::Never, None),
            (Sent::Answered(Reply::OtherBytes), Event::Deferred, Reason::OtherBytes, Retry::Longest, other_bytes),
            (trouble(Trouble::Identity, None), Event::Deferred, Reason::Identity, Retry::Backoff, None),
            (trouble(Trouble::Address, None), Event::Deferred, Reason::Address, Retry::Backoff, None),
            (trouble(Trouble::Busy, Some(minute)), Event::Deferred, Reason::Busy, Retry::After(minute), None),
            (trouble(Trouble::Busy, None), Event::Deferred, Reason::Busy, Retry::Backoff, None),
            (trouble(Trouble::Failing, Some(minute)), Event::Deferred, Reason::Failing, Retry::After(minute), None),
            (trouble(Trouble::Failing, None), Event::Deferred, Reason::Failing, Retry::Backoff, None),
            (trouble(Trouble::Unintelligible, None), Event::Deferred, Reason::Failing, Retry::Backoff, None),
            (Sent::NotReached(Cause::NoEndpoint), Event::NotReached, Reason::NoRoute, Retry::Backoff, None),
            (Sent::NotReached(Cause::Name), Event::NotReached, Reason::Unreachable, Retry::Backoff, None),
            (Sent::NotReached(Cause::Connection), Event::NotReached, Reason::Unreachable, Retry::Backoff, None),
            (Sent::NotReached(Cause::Tls), Event::NotReached, Reason::Tls, Retry::Backoff, None),
            (Sent::NotReached(Cause::OwnCertificate), Event::NotReached, Reason::OwnCertificate, Retry::Backoff, None),
            (Sent::NotReached(Cause::Revoked), Event::NotReached, Reason::Revoked, Retry::Backoff, None),
            (Sent::NotReached(Cause::Unvouched), Event::NotReached, Reason::Unvouched, Retry::Backoff, None),
            (Sent::NotReached(Cause::Timeout), Event::NotReached, Reason::Unreachable, Retry::Backoff, None),
            (Sent::NotReached(Cause::Broken), Event::NotReached, Reason::Unreachable, Retry::Backoff, None),
            (Sent::NotReached(Cause::NotHttp), Event::NotReached, Reason::Unreachable, Retry::Backoff, None),
            (Sent::Unanswered(Cause::Timeout), Event::NoAnswer, Reason::Doubt, Retry::Backoff, None),
            (Sent::Unanswered(Cause::Broken), Event::NoAnswer, Reason::Doubt, Retry::Backoff, None),
            (Sent::Unanswered(Cause::NotHttp), Event::NoAnswer, Reason::Doubt, Retry::Backoff, None),
        ] {
            let found = judge_sent(&sent, &LOT);
            assert_eq!((found.event, found.reason, found.retry, found.alert), (event, reason, retry, alert), "{sent:?}");
            let step = State::Sending.step(found.event, Arrival::Perhaps, Form::Composed, Presence::Whole);
            assert!(matches!(step, Step::To(_)), "an attempt always moves the lot: {sent:?}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn every_answer_about_the_status_has_its_row() {
        let minute = Duration::from_secs(60);
        let answered = Asked::Answered;
        let refused = || answered(StatusReply::Refused(refusal(&[2])));
        let trouble = |trouble, wait| answered(StatusReply::Trouble(trouble, wait));
        let forgotten = Some(Alert::Forgotten);
        for (asked, state, event, reason, retry, alert) in [
            (answered(StatusReply::Known), State::InDoubt, Event::StatusKnown, Reason::Receipt, Retry::Receipt, None),
            (answered(StatusReply::Known), State::Overdue, Event::StatusKnown, Reason::Overdue, Retry::Receipt, None),
            (answered(StatusReply::Unknown), State::InDoubt, Event::StatusUnknown, Reason::Turn, Retry::Now, None),
            (answered(StatusReply::Unknown), State::Due, Event::StatusUnknown, Reason::Turn, Retry::Now, None),
            (answered(StatusReply::Unknown), State::Taken, Event::StatusUnknown, Reason::Receipt, Retry::Receipt, forgotten),
            (answered(StatusReply::Unknown), State::Overdue, Event::StatusUnknown, Reason::Turn, Retry::Now, forgotten),
            (refused(), State::InDoubt, Event::StatusRefused, Reason::Receipt, Retry::Receipt, None),
            (refused(), State::Taken, Event::StatusRefused, Reason::Receipt, Retry::Receipt, Some(Alert::RefusedAfterTaking)),
            (answered(StatusReply::OtherBytes), State::InDoubt, Event::StatusUnreachable, Reason::OtherBytes, Retry::Longest, Some(Alert::OtherBytes)),
            (trouble(Trouble::Address, None), State::InDoubt, Event::StatusUnreachable, Reason::Address, Retry::Backoff, None),
            (trouble(Trouble::Busy, Some(minute)), State::InDoubt, Event::StatusUnreachable, Reason::Busy, Retry::After(minute), None),
            (Asked::NoAnswer(Cause::Connection), State::InDoubt, Event::StatusUnreachable, Reason::Unreachable, Retry::Backoff, None),
            (Asked::NoService, State::InDoubt, Event::NoStatusService, Reason::Turn, Retry::Pause, None),
            (Asked::NoService, State::Due, Event::NoStatusService, Reason::Turn, Retry::Backoff, None),
            (Asked::NoService, State::Taken, Event::NoStatusService, Reason::Receipt, Retry::Receipt, None),
            (Asked::NoService, State::Overdue, Event::NoStatusService, Reason::Overdue, Retry::Receipt, Some(Alert::Unaccounted)),
        ] {
            let found = judge_asked(&asked, &LOT, state, Some(Reason::Doubt));
            assert_eq!((found.event, found.reason, found.retry, found.alert), (event, reason, retry, alert), "{asked:?} {state:?}");
            let step = state.step(found.event, Arrival::Perhaps, Form::Composed, Presence::Whole);
            assert!(!matches!(step, Step::Impossible(_)), "{asked:?} {state:?}");
        }
    }

    /// In its second span a lot stands as due, and a document of it that goes to paper has it asked about: the span is not over.
    #[test]
    fn who_cannot_be_asked_ends_no_second_span() {
        let found = judge_asked(&Asked::NoService, &LOT, State::Due, Some(Reason::Overdue));
        assert_eq!(
            (found.reason, found.retry, found.alert),
            (Reason::Overdue, Retry::Receipt, None)
        );
    }

    #[test]
    fn a_refusal_strikes_the_named_of_the_lot_or_all() {
        for (named, struck) in [
            (&[1][..], &[1][..]),
            (&[2, 1], &[1, 2]),
            (&[2, 9], &[2]),
            (&[9], &[1, 2]),
            (&[], &[1, 2]),
        ] {
            let sent = Sent::Answered(Reply::Refused(refusal(named)));
            let found = judge_sent(&sent, &LOT).named;
            let expected: Vec<_> = struck
                .iter()
                .map(|id| (DocumentId(*id), name("L01")))
                .collect();
            assert_eq!(found, expected, "{named:?}");
        }
    }

    #[test]
    fn texts_of_insurers_are_not_printed() {
        let refusal = Refusal {
            text: Some("secret".into()),
            named: vec![Named {
                document: DocumentId(1),
                code: None,
                text: Some("secret".into()),
            }],
            ..Refusal::default()
        };
        assert!(!format!("{refusal:?}").contains("secret"));
    }
}
