//! The standing of a document: the second table of DOMAIN §4, every cell, and the fold of what insurers
//! said about it.
//!
//! Between two commands the standing is the fold of receipts and settlements by (instant of issue, id),
//! whatever their order of arrival. [`Course`] keeps what was heard so that a late word is put in its place.

use crate::claims::document::Kind;
use crate::claims::id::Name;
use crate::claims::receipt::{Answer, Part, PartOutcome, Verdict};
use crate::claims::time::Timestamp;

/// Where a document stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Admitted, in no lot.
    Open,
    /// In a lot that is neither answered nor void; how far is read from the lot's delivery.
    InLot,
    /// ARL + (or implied by a settlement).
    Acknowledged,
    /// ARL −, or its content was refused.
    Refused,
    /// Every expected part is paid.
    Paid,
    /// Some parts paid, the others rejected.
    PartPaid,
    /// Every expected part is rejected.
    Rejected,
    /// Acknowledged, and nothing was heard of its payment for long.
    Unsettled,
    /// A paper duplicate was sent.
    OnPaper,
    /// An operator gave evidence of another transmission.
    ByHand,
    /// Cancelled by its centre.
    Cancelled,
    /// Another document of its line took its place.
    Replaced,
    /// Refused and not replaced in 90 days.
    Lapsed,
    /// The prise en charge was granted.
    Granted,
    /// The prise en charge was declined.
    Declined,
}

/// Whether a positive receipt stands for a document: what the numerator asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Receipted {
    /// No positive receipt.
    #[default]
    No,
    /// A positive receipt, or a settlement that implies one.
    Yes,
}

/// One word of an insurer about one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// When the insurer issued it.
    pub issued: Timestamp,
    /// The insurer's id of the receipt or settlement.
    pub id: Name,
    /// What it says.
    pub word: Word,
    /// The insurer's code, passed on unchanged.
    pub code: Option<Name>,
}

/// What an insurer can say about a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    /// A receipt.
    Receipt(Verdict),
    /// The content was refused in the answer to the lot, or by its status.
    ContentRefused,
    /// What became of one part.
    Settled(Part, PartOutcome),
    /// The answer to a prise en charge.
    Answered(Answer),
}

/// What a word does to a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// The standing may have moved.
    Applied,
    /// Recorded; it repeats what is known.
    Recorded,
    /// Recorded beside a paper duplicate: listed as "both ways".
    BothWays,
    /// Recorded and listed: it contradicts what stands.
    Contradicts,
}

/// What the gateway, the centre or an operator does to a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// It is sealed into a lot.
    Sealed,
    /// Its lot became void without its fault.
    LotVoided,
    /// The centre cancels it (and the delivery table allows it).
    Cancelled,
    /// An operator declares it transmitted by hand.
    ByHand,
    /// A paper duplicate is confirmed.
    DuplicateConfirmed,
    /// A replacement of it was admitted.
    ReplacementAdmitted,
    /// Nothing was heard of its payment for the time that the terms name.
    UnsettledPassed,
    /// The 90th day after its refusal has passed.
    LapsePassed,
}

/// Why an act is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The command is answered 409 with the standing.
    Conflict,
    /// The gateway raised what cannot be: its own defect, with the reason why.
    Impossible(&'static str),
}

/// Which parts a settlement is expected to name: those whose amount asked of the destination is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The AMO's alone.
    Amo,
    /// The AMC's alone.
    Amc,
    /// Both, where the AMO settles both.
    Both,
}

/// Everything that insurers' words move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The standing.
    pub standing: Standing,
    /// Whether a positive receipt stands.
    pub receipted: Receipted,
    /// What is known of the AMO part.
    pub amo: Option<PartOutcome>,
    /// What is known of the AMC part.
    pub amc: Option<PartOutcome>,
    /// A settlement was heard.
    settled: bool,
}

/// The way of one document: where the last command left it, and what insurers said since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    base: Position,
    heard: Vec<Heard>,
    now: Position,
    /// Words heard while it was on paper.
    pub both_ways: bool,
    /// Words heard that contradict what stands.
    pub contradicted: bool,
}

crate::claims::canon::canon_struct! {
    Heard { issued, id, word, code }
    Position { standing, receipted, amo, amc, settled }
    Course { base, heard, now, both_ways, contradicted }
}

impl Standing {
    /// Every standing.
    pub const ALL: [Standing; 15] = [
        Standing::Open,
        Standing::InLot,
        Standing::Acknowledged,
        Standing::Refused,
        Standing::Paid,
        Standing::PartPaid,
        Standing::Rejected,
        Standing::Unsettled,
        Standing::OnPaper,
        Standing::ByHand,
        Standing::Cancelled,
        Standing::Replaced,
        Standing::Lapsed,
        Standing::Granted,
        Standing::Declined,
    ];

    /// The word used in answers, labels and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Open => "open",
            Standing::InLot => "in lot",
            Standing::Acknowledged => "acknowledged",
            Standing::Refused => "refused",
            Standing::Paid => "paid",
            Standing::PartPaid => "part paid",
            Standing::Rejected => "rejected",
            Standing::Unsettled => "unsettled",
            Standing::OnPaper => "on paper",
            Standing::ByHand => "by hand",
            Standing::Cancelled => "cancelled",
            Standing::Replaced => "replaced",
            Standing::Lapsed => "lapsed",
            Standing::Granted => "granted",
            Standing::Declined => "declined",
        }
    }

    /// Whether nothing more is to be done for a document of this kind.
    pub fn is_finished(self, kind: Kind) -> bool {
        match self {
            Standing::Open | Standing::InLot | Standing::Refused => false,
            // For a PJ the receipt is all that is expected.
            Standing::Acknowledged => match kind {
                Kind::Pj => true,
                Kind::Fse | Kind::Dre | Kind::Pec => false,
            },
            Standing::Paid
            | Standing::PartPaid
            | Standing::Rejected
            | Standing::Unsettled
            | Standing::OnPaper
            | Standing::ByHand
            | Standing::Cancelled
            | Standing::Replaced
            | Standing::Lapsed
            | Standing::Granted
            | Standing::Declined => true,
        }
    }

    /// What an act does: the command half of the table. The delivery table must have allowed it before.
    pub fn after(self, act: Act) -> Result<Standing, Refusal> {
        match act {
            Act::Sealed => match self {
                Standing::Open => Ok(Standing::InLot),
                _ => Err(Refusal::Impossible("only an open document is sealed")),
            },
            Act::LotVoided => match self {
                Standing::InLot => Ok(Standing::Open),
                // It left the lot another way before; the lot's end does not touch it.
                other => Ok(other),
            },
            Act::Cancelled => match self {
                Standing::Open | Standing::InLot | Standing::Refused => Ok(Standing::Cancelled),
                _ => Err(Refusal::Conflict),
            },
            Act::ByHand => match self {
                Standing::Open | Standing::InLot => Ok(Standing::ByHand),
                _ => Err(Refusal::Conflict),
            },
            Act::DuplicateConfirmed => match self {
                Standing::Open | Standing::InLot | Standing::Refused => Ok(Standing::OnPaper),
                _ => Err(Refusal::Conflict),
            },
            Act::ReplacementAdmitted => match self {
                Standing::Refused
                | Standing::Rejected
                | Standing::Declined
                | Standing::Cancelled
                | Standing::Lapsed => Ok(Standing::Replaced),
                _ => Err(Refusal::Conflict),
            },
            Act::UnsettledPassed => match self {
                Standing::Acknowledged => Ok(Standing::Unsettled),
                _ => Err(Refusal::Impossible(
                    "only an acknowledged document awaits its settlement",
                )),
            },
            Act::LapsePassed => match self {
                Standing::Refused => Ok(Standing::Lapsed),
                _ => Err(Refusal::Impossible("only a refused document lapses")),
            },
        }
    }
}

impl Position {
    fn new(standing: Standing) -> Position {
        Position {
            standing,
            receipted: Receipted::No,
            amo: None,
            amc: None,
            settled: false,
        }
    }

    /// The insurers' half of the table: one word, heard in order of issue.
    fn hear(&mut self, word: Word, expected: Expected) -> Effect {
        match self.standing {
            Standing::InLot => self.hear_in_lot(word, expected),
            Standing::Acknowledged => self.hear_acknowledged(word, expected),
            Standing::Refused => self.hear_refused(word, expected),
            Standing::Paid | Standing::PartPaid | Standing::Rejected | Standing::Unsettled => {
                self.hear_settled(word, expected)
            }
            Standing::Granted | Standing::Declined => self.hear_answered(word),
            Standing::OnPaper => match word {
                Word::Receipt(Verdict::Accepted) | Word::Settled(..) | Word::Answered(_) => {
                    self.receipted = Receipted::Yes;
                    Effect::BothWays
                }
                Word::Receipt(Verdict::Refused) | Word::ContentRefused => Effect::Recorded,
            },
            Standing::Open
            | Standing::ByHand
            | Standing::Cancelled
            | Standing::Replaced
            | Standing::Lapsed => Effect::Contradicts,
        }
    }

    fn hear_in_lot(&mut self, word: Word, expected: Expected) -> Effect {
        match word {
            Word::Receipt(Verdict::Accepted) => self.acknowledge(),
            Word::Receipt(Verdict::Refused) | Word::ContentRefused => self.refuse(),
            Word::Settled(part, outcome) => {
                self.acknowledge();
                self.settle(part, outcome, expected)
            }
            Word::Answered(answer) => {
                self.acknowledge();
                self.answer(answer)
            }
        }
    }

    fn hear_acknowledged(&mut self, word: Word, expected: Expected) -> Effect {
        match word {
            Word::Receipt(Verdict::Accepted) => Effect::Recorded,
            // A part already settled (deferred) stands against a refusal.
            Word::Receipt(Verdict::Refused) if self.settled => Effect::Contradicts,
            Word::Receipt(Verdict::Refused) => self.refuse(),
            Word::ContentRefused => Effect::Contradicts,
            Word::Settled(part, outcome) => self.settle(part, outcome, expected),
            Word::Answered(answer) => self.answer(answer),
        }
    }

    fn hear_refused(&mut self, word: Word, expected: Expected) -> Effect {
        match word {
            Word::Receipt(Verdict::Accepted) => self.acknowledge(),
            Word::Receipt(Verdict::Refused) | Word::ContentRefused => Effect::Recorded,
            Word::Settled(part, outcome) => {
                self.acknowledge();
                self.settle(part, outcome, expected)
            }
            Word::Answered(answer) => {
                self.acknowledge();
                self.answer(answer)
            }
        }
    }

    fn hear_settled(&mut self, word: Word, expected: Expected) -> Effect {
        match word {
            Word::Settled(part, outcome) => self.settle(part, outcome, expected),
            Word::Receipt(Verdict::Accepted) => Effect::Recorded,
            Word::Receipt(Verdict::Refused) | Word::ContentRefused | Word::Answered(_) => {
                Effect::Contradicts
            }
        }
    }

    fn hear_answered(&mut self, word: Word) -> Effect {
        match word {
            Word::Answered(answer) => self.answer(answer),
            Word::Receipt(Verdict::Accepted) => Effect::Recorded,
            Word::Receipt(Verdict::Refused) | Word::ContentRefused | Word::Settled(..) => {
                Effect::Contradicts
            }
        }
    }

    fn acknowledge(&mut self) -> Effect {
        self.standing = Standing::Acknowledged;
        self.receipted = Receipted::Yes;
        Effect::Applied
    }

    fn refuse(&mut self) -> Effect {
        self.standing = Standing::Refused;
        self.receipted = Receipted::No;
        Effect::Applied
    }

    fn answer(&mut self, answer: Answer) -> Effect {
        self.settled = true;
        self.standing = match answer {
            Answer::Granted => Standing::Granted,
            Answer::Declined => Standing::Declined,
        };
        Effect::Applied
    }

    fn settle(&mut self, part: Part, outcome: PartOutcome, expected: Expected) -> Effect {
        self.settled = true;
        match part {
            Part::Amo => self.amo = Some(outcome),
            Part::Amc => self.amc = Some(outcome),
        }
        if let Some(standing) = self.settled_standing(expected) {
            self.standing = standing;
        }
        Effect::Applied
    }

    /// The standing that the parts amount to; none while a part is unknown or deferred.
    fn settled_standing(&self, expected: Expected) -> Option<Standing> {
        let outcome = |known: Option<PartOutcome>| match known {
            Some(PartOutcome::Paid) => Some(Standing::Paid),
            Some(PartOutcome::Rejected) => Some(Standing::Rejected),
            Some(PartOutcome::Deferred) | None => None,
        };
        match expected {
            Expected::Amo => outcome(self.amo),
            Expected::Amc => outcome(self.amc),
            Expected::Both => {
                let (amo, amc) = (outcome(self.amo)?, outcome(self.amc)?);
                Some(if amo == amc { amo } else { Standing::PartPaid })
            }
        }
    }
}

impl Course {
    /// A document just admitted.
    pub fn admitted() -> Course {
        Course {
            base: Position::new(Standing::Open),
            heard: Vec::new(),
            now: Position::new(Standing::Open),
            both_ways: false,
            contradicted: false,
        }
    }

    /// The standing now.
    pub fn standing(&self) -> Standing {
        self.now.standing
    }

    /// Standing, receipt and parts now.
    pub fn position(&self) -> &Position {
        &self.now
    }

    /// What insurers said since the last command, in order of issue.
    pub fn heard(&self) -> &[Heard] {
        &self.heard
    }

    /// Takes one word of an insurer, at its place by instant of issue and id, and folds again. The same
    /// receipt heard twice changes nothing.
    pub fn hear(&mut self, heard: Heard, expected: Expected) -> Effect {
        let key = |heard: &Heard| (heard.issued, heard.id.clone(), heard.word);
        match self.heard.binary_search_by_key(&key(&heard), key) {
            Ok(_) => Effect::Recorded,
            Err(index) => {
                self.heard.insert(index, heard);
                self.fold(index, expected)
            }
        }
    }

    /// Does one act of the gateway, the centre or an operator.
    pub fn act(&mut self, act: Act) -> Result<(), Refusal> {
        let standing = self.now.standing.after(act)?;
        self.base = Position {
            standing,
            ..self.now.clone()
        };
        match act {
            // A new life on the wire: what was said about the old lot does not speak for the new one.
            Act::Sealed | Act::LotVoided => self.heard.clear(),
            Act::Cancelled
            | Act::ByHand
            | Act::DuplicateConfirmed
            | Act::ReplacementAdmitted
            | Act::UnsettledPassed
            | Act::LapsePassed => self.heard.clear(),
        }
        self.now = self.base.clone();
        Ok(())
    }

    /// Folds all words from the base; gives the effect of the word at `index`.
    fn fold(&mut self, index: usize, expected: Expected) -> Effect {
        let mut position = self.base.clone();
        let mut effect = Effect::Recorded;
        (self.both_ways, self.contradicted) = (false, false);
        for (at, heard) in self.heard.iter().enumerate() {
            let found = position.hear(heard.word, expected);
            self.both_ways |= found == Effect::BothWays;
            self.contradicted |= found == Effect::Contradicts;
            if at == index {
                effect = found;
            }
        }
        self.now = position;
        effect
    }
}
