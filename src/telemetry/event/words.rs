//! The closed words of events: each is a label of metrics and a field of log lines.

use crate::claims::outcome::Trouble;
use crate::telemetry::reading::words;

words! {
    /// Which two counts of the ledger differ.
    Compared {
        /// The tallies of units, and the entries counted again.
        Tallies = "tallies and entries",
        /// The tallies of declared paper, and the entries counted again.
        Paper = "declared paper and entries",
        /// The standings of all documents, and the entries counted again.
        Standings = "standings and entries",
    }
}

words! {
    /// How much room the store's disk has.
    Space {
        /// Enough.
        Ample = "ample",
        /// No document is admitted; what is sent and heard is recorded.
        Low = "low",
        /// Nothing is written.
        Full = "full",
    }
}

words! {
    /// Why somebody was refused.
    Denial {
        /// Neither token nor certificate, or one that is not known.
        Unknown = "unknown",
        /// Known, and outside its dates.
        Expired = "expired",
        /// Known, and revoked.
        Revoked = "revoked",
        /// Known, and what was asked is not theirs.
        Scope = "scope",
        /// Known, and asking too often.
        TooOften = "too often",
    }
}

words! {
    /// What became of a posted document.
    Intake {
        /// Admitted.
        Admitted = "admitted",
        /// Known already.
        Known = "known",
        /// Turned away with findings.
        TurnedAway = "turned away",
        /// In conflict with what is known.
        Conflict = "conflict",
    }
}

words! {
    /// How an attempt ended.
    Attempt {
        /// The insurer took the lot.
        Taken = "taken",
        /// Nothing left us.
        NotReached = "not reached",
        /// The destination's own trouble.
        Deferred = "deferred",
        /// The insurer refused the content.
        Refused = "refused",
        /// Sent, and no answer.
        NoAnswer = "no answer",
    }
}

words! {
    /// What came of asking about a lot.
    Question {
        /// The insurer has it.
        Known = "known",
        /// The insurer refused it.
        Refused = "refused",
        /// The insurer never saw it.
        Unknown = "unknown",
        /// No answer.
        Unreachable = "unreachable",
        /// There is no status service.
        NoService = "no service",
    }
}

words! {
    /// What an insurer gave out.
    Item {
        /// ARL +.
        Accepted = "accepted",
        /// ARL −.
        Refused = "refused",
        /// RSP of payment.
        Settled = "settled",
        /// RSP that answers a prise en charge.
        Answered = "answered",
        /// Known already.
        Repeated = "repeated",
        /// Matches nothing.
        Orphan = "orphan",
        /// From the wrong one.
        Foreign = "foreign",
    }
}

words! {
    /// What came of telling a webhook's target.
    Telling {
        /// It has it.
        Taken = "taken",
        /// It answered something else than 2xx.
        Refused = "refused",
        /// No whole answer.
        Unreachable = "unreachable",
        /// Its name leads to an address that may not be told anything.
        Denied = "denied",
        /// How far it was told could not be read or recorded.
        Unrecorded = "unrecorded",
        /// A defect of the gateway ended its loop, which begins again.
        BrokeOff = "broke off",
    }
}

words! {
    /// What came of asking for receipts.
    Poll {
        /// An answer, with items or without.
        Answered = "answered",
        /// No answer.
        NoAnswer = "no answer",
        /// The insurer refuses our identity.
        Identity = "identity",
        /// The insurer does not know the address.
        Address = "address",
        /// The insurer asks to wait.
        Busy = "busy",
        /// The insurer fails.
        Failing = "failing",
        /// An answer that is not in the words of the contract, or longer than it may be.
        Unintelligible = "unintelligible",
        /// A feed that cannot be read.
        Unreadable = "unreadable",
        /// The store has no time for what came; the same is asked again.
        StoreBusy = "store busy",
        /// The store cannot record what came; the same is asked again.
        Unrecorded = "unrecorded",
        /// A defect of the gateway broke the question off; the same is asked again.
        BrokeOff = "broke off",
    }
}

impl From<Trouble> for Poll {
    fn from(trouble: Trouble) -> Poll {
        match trouble {
            Trouble::Identity => Poll::Identity,
            Trouble::Address => Poll::Address,
            Trouble::Busy => Poll::Busy,
            Trouble::Failing => Poll::Failing,
            Trouble::Unintelligible => Poll::Unintelligible,
        }
    }
}
