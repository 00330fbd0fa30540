//! What a list of facts amounts to: the standing of a document, read word by word.
//!
//! It is the table of standings read a second time, in other words than the first; it never asks that table.

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::audit::document::Document;
use crate::claims::document::Kind;
use crate::claims::receipt::{Answer, Part, PartOutcome, Verdict};
use crate::claims::standing::{Receipted, Standing, Word};
use crate::claims::time::Timestamp;

/// What a list of facts amounts to.
#[derive(Clone)]
pub(super) struct Reading {
    kind: Kind,
    awaited: &'static [Part],
    pub(super) standing: Standing,
    pub(super) receipted: Receipted,
    /// A paper duplicate was confirmed, in whatever standing.
    pub(super) on_paper_too: bool,
    settled: BTreeMap<Part, (Timestamp, PartOutcome)>,
    answered: Option<(Timestamp, Answer)>,
}

/// Words by instant of issue and id.
type Said<'a> = BTreeSet<(Timestamp, &'a str, Word)>;

impl Reading {
    pub(super) fn admitted(document: &Document) -> Reading {
        Reading {
            kind: document.kind,
            awaited: document.awaited,
            standing: Standing::Open,
            receipted: Receipted::No,
            on_paper_too: false,
            settled: BTreeMap::new(),
            answered: None,
        }
    }

    /// Words of one span between two acts, in order of issue and id; when a lot is refused, with all that was said
    /// before it was sealed.
    pub(super) fn hear_span<'a>(&mut self, said: &Said<'a>, earlier: &Said<'a>) {
        let refused = said.iter().any(|(_, _, word)| is_negative(*word));
        let mut words = said.clone();
        if refused && self.standing == Standing::InLot {
            words.extend(earlier);
        }
        for (issued, _, word) in words {
            self.hear(issued, word);
        }
    }

    /// What a paper duplicate makes of it, when all is read: a refused document is on paper, and one with a receipt went
    /// both ways.
    pub(super) fn with_its_duplicate(mut self) -> Reading {
        if self.on_paper_too && self.standing == Standing::Refused {
            self.standing = Standing::OnPaper;
        }
        if self.on_paper_too && self.receipted == Receipted::Yes {
            self.receipted = Receipted::BothWays;
        }
        self
    }

    /// Only an FSE and a DRE are paid, and only a prise en charge is answered.
    fn concerns(&self, word: Word) -> bool {
        match word {
            Word::Receipt(_) | Word::ContentRefused => true,
            Word::Settled(..) => matches!(self.kind, Kind::Fse | Kind::Dre),
            Word::Answered(_) => self.kind == Kind::Pec,
        }
    }

    /// The standing table read word by word, not standing by standing.
    fn hear(&mut self, issued: Timestamp, word: Word) {
        if !self.concerns(word) {
            return;
        }
        let negative = is_negative(word);
        let unanswered = matches!(self.standing, Standing::InLot | Standing::Refused);
        // On paper already: a positive word is recorded as "both ways" and the standing stays.
        if self.standing == Standing::OnPaper {
            if !negative {
                self.receipted = Receipted::Yes;
            }
            return;
        }
        if !negative && unanswered {
            self.standing = Standing::Acknowledged;
            self.receipted = Receipted::Yes;
        }
        match word {
            Word::Receipt(Verdict::Accepted) => {}
            Word::Receipt(Verdict::Refused) => {
                let unpaid = self.settled.is_empty() && self.answered.is_none();
                let takes_back = self.standing == Standing::Acknowledged && unpaid;
                if self.standing == Standing::InLot || takes_back {
                    self.refuse();
                }
            }
            Word::ContentRefused => {
                if self.standing == Standing::InLot {
                    self.refuse();
                }
            }
            Word::Settled(part, outcome) => self.settle(issued, part, outcome),
            Word::Answered(answer) => self.answer(issued, answer),
        }
    }

    fn refuse(&mut self) {
        self.standing = Standing::Refused;
        self.receipted = Receipted::No;
    }

    fn settle(&mut self, issued: Timestamp, part: Part, outcome: PartOutcome) {
        let open_to_payment = matches!(
            self.standing,
            Standing::Acknowledged
                | Standing::Paid
                | Standing::PartPaid
                | Standing::Rejected
                | Standing::Unsettled
        );
        if !open_to_payment {
            return;
        }
        let stands = self.settled.entry(part).or_insert((issued, outcome));
        if stands.0 <= issued {
            *stands = (issued, outcome);
        }
        let of = |outcome| {
            let is = |part| {
                self.settled
                    .get(part)
                    .is_some_and(|stands| stands.1 == outcome)
            };
            self.awaited.iter().filter(|part| is(part)).count()
        };
        let (paid, rejected) = (of(PartOutcome::Paid), of(PartOutcome::Rejected));
        // While an awaited part is unknown or deferred, the standing stays as it is.
        if paid + rejected == self.awaited.len() {
            self.standing = match (paid, rejected) {
                (_, 0) => Standing::Paid,
                (0, _) => Standing::Rejected,
                (_, _) => Standing::PartPaid,
            };
        }
    }

    fn answer(&mut self, issued: Timestamp, answer: Answer) {
        let open_to_answer = matches!(
            self.standing,
            Standing::Acknowledged | Standing::Unsettled | Standing::Granted | Standing::Declined
        );
        if !open_to_answer {
            return;
        }
        let stands = self.answered.get_or_insert((issued, answer));
        if stands.0 <= issued {
            *stands = (issued, answer);
        }
        self.standing = match stands.1 {
            Answer::Granted => Standing::Granted,
            Answer::Declined => Standing::Declined,
        };
    }
}

fn is_negative(word: Word) -> bool {
    matches!(word, Word::Receipt(Verdict::Refused) | Word::ContentRefused)
}
