//! A lot in the second count: the table of deliveries read event by event.

use crate::claims::audit::document::DocumentRow;
use crate::claims::canon::canon_struct;
use crate::claims::delivery::{Event, Form, State};
use crate::claims::time::Day;

/// One lot.
#[derive(Clone, Debug)]
pub(super) struct Lot {
    pub(super) documents: Box<[DocumentRow]>,
    pub(super) state: State,
    pub(super) may_have_arrived: bool,
    /// A receipt for some of its documents came since its last attempt began, or others were spoken of after it was taken.
    pub(super) named: bool,
    /// The day on which the last attempt began of which anything can have left, and the one before it.
    pub(super) attempted: Option<Day>,
    pub(super) attempted_before: Option<Day>,
    /// The number of its last attempt.
    pub(super) attempt: u32,
    pub(super) form: Form,
    /// So many of its documents went another way.
    pub(super) left: u32,
    /// So many of its documents no insurer spoke of yet.
    pub(super) unanswered: u32,
}

canon_struct! {
    Lot {
        documents, state, may_have_arrived, named, attempted, attempted_before, attempt,
        form, left, unanswered,
    }
}

/// What a word of an insurer names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// A receipt: the lot.
    Lot,
    /// A settlement: a document, in whatever lot.
    Document,
}

/// What an event says something of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    OfTheLot,
    /// It went another way than its lot.
    OfTheDocumentAlone,
}

impl Lot {
    pub(super) fn sealed(documents: Box<[DocumentRow]>, form: Form) -> Lot {
        Lot {
            unanswered: u32::try_from(documents.len()).unwrap_or(u32::MAX),
            documents,
            state: State::Due,
            may_have_arrived: false,
            named: false,
            attempted: None,
            attempted_before: None,
            attempt: 0,
            form,
            left: 0,
        }
    }

    /// A receipt names it: something of it arrived.
    pub(super) fn is_named(&mut self) {
        self.may_have_arrived = true;
    }

    /// One more of its documents was spoken of, for the first time since it is in this lot.
    pub(super) fn answered(&mut self, names: Names) -> Speaks {
        self.named |= names == Names::Lot;
        self.unanswered = self.unanswered.saturating_sub(1);
        let event = match self.unanswered {
            0 => Event::ReceiptComplete,
            _ => Event::ReceiptPartial,
        };
        self.moves(event)
    }

    /// An event of its delivery, of the attempt of this number, on a day.
    pub(super) fn happens(&mut self, event: Event, attempt: u32, on: Day) {
        self.moves(event);
        if event == Event::Leased {
            self.attempt = attempt;
            self.attempted_before = self.attempted.replace(on);
        }
        // Nothing of the attempt was written: it is as if it had not been.
        if event == Event::NotReached && attempt == self.attempt {
            self.attempted = self.attempted_before;
        }
    }

    /// The delivery table read event by event, not state by state. An event that the table has no
    /// movement for leaves the lot where it is.
    fn moves(&mut self, event: Event) -> Speaks {
        use State::{Answered, Due, InDoubt, Overdue, Sending, Taken, Void};
        // Lots gathered here are for all of their documents, files for any one of them.
        let stale = match self.form {
            Form::Composed => self.left > 0,
            Form::PreFormed => self.left as usize >= self.documents.len(),
        };
        let resend = if stale { Void } else { Due };
        let was = self.state;
        let finished = matches!(was, Answered | Void);
        // A settlement in a lot that nobody said to have: its document may have gone in an earlier one.
        let not_taken = matches!(was, Due | Sending | InDoubt);
        if event == Event::ReceiptPartial && not_taken && !self.named {
            return Speaks::OfTheDocumentAlone;
        }
        let ended = |state| {
            if self.named { Taken } else { state }
        };
        self.state = match event {
            Event::Leased => Sending,
            Event::NotReached if was == Sending && stale && !self.may_have_arrived => ended(Void),
            Event::NotReached | Event::Deferred if was == Sending => ended(Due),
            Event::Taken if was == Sending => Taken,
            Event::ContentRefused if was == Sending => ended(Void),
            Event::NoAnswer if was == Sending => ended(InDoubt),
            Event::StatusKnown if matches!(was, Due | InDoubt) => Taken,
            Event::StatusRefused if matches!(was, Due | InDoubt | Overdue) => Void,
            Event::StatusUnknown if matches!(was, Due | InDoubt | Overdue) => resend,
            Event::StatusUnknown if was == Taken && stale => Void,
            Event::NoStatusService if matches!(was, InDoubt | Overdue) => Due,
            Event::ReceiptComplete if !finished => Answered,
            Event::ReceiptPartial if matches!(was, Due | InDoubt | Overdue) => Taken,
            Event::ExpectedBy if was == Taken => Overdue,
            Event::Cancel | Event::DuplicateConfirmed | Event::ByHand
                if was == Due && stale && !self.may_have_arrived =>
            {
                Void
            }
            Event::Unrouted
                if was == Due && self.form == Form::Composed && !self.may_have_arrived =>
            {
                Void
            }
            Event::Restored if !finished => InDoubt,
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
            | Event::ExpectedBy
            | Event::Cancel
            | Event::DuplicateConfirmed
            | Event::ByHand
            | Event::Restored
            | Event::Unrouted => was,
        };
        match event {
            Event::Leased | Event::StatusUnknown => self.named = false,
            Event::ReceiptPartial | Event::ReceiptComplete => self.named = true,
            // It said once that it has the lot, and cannot be asked whether it still does.
            Event::NoStatusService if was == Overdue => self.named = true,
            Event::NotReached
            | Event::Deferred
            | Event::Taken
            | Event::ContentRefused
            | Event::NoAnswer
            | Event::StatusKnown
            | Event::StatusRefused
            | Event::StatusUnreachable
            | Event::NoStatusService
            | Event::ExpectedBy
            | Event::Cancel
            | Event::DuplicateConfirmed
            | Event::ByHand
            | Event::Restored
            | Event::Unrouted => {}
        }
        self.learns_of(event, was);
        Speaks::OfTheLot
    }

    /// Whether anything of the lot can be with the insurer. An answer counts only while its attempt runs.
    fn learns_of(&mut self, event: Event, was: State) {
        match event {
            Event::Deferred | Event::Taken | Event::NoAnswer | Event::ContentRefused => {
                self.may_have_arrived |= was == State::Sending;
            }
            Event::StatusKnown
            | Event::StatusRefused
            | Event::ReceiptComplete
            | Event::ReceiptPartial
            | Event::Restored => self.may_have_arrived = true,
            Event::StatusUnknown => self.may_have_arrived = false,
            Event::Leased
            | Event::NotReached
            | Event::StatusUnreachable
            | Event::NoStatusService
            | Event::ExpectedBy
            | Event::Cancel
            | Event::DuplicateConfirmed
            | Event::ByHand
            | Event::Unrouted => {}
        }
    }
}
