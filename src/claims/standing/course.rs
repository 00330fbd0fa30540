//! The way of one document: what insurers said about it, folded over what was done to it.
//!
//! Words fold by (instant of issue, id) from where the last act left the document, in whatever order they
//! arrive. A repeated word changes nothing.

use crate::claims::canon::{Canon, Malformed, Take};
use crate::claims::document::{Cents, Facts, Kind};
use crate::claims::id::Name;
use crate::claims::receipt::{Answer, Part, PartOutcome, Verdict};
use crate::claims::standing::{Act, Duplicate, Effect, Receipted, Refusal, Standing, Word};
use crate::claims::time::Timestamp;

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

/// Which settlement a document expects: the parts whose amount asked of the destination is not zero, an
/// answer, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Expected {
    /// The AMO's part alone.
    Amo,
    /// The AMC's part alone.
    Amc,
    /// Both parts, where the AMO settles both.
    Both,
    /// The answer to a prise en charge.
    Answer,
    /// None: of a PJ the receipt is all that is expected.
    Nothing,
}

/// Everything that insurers' words move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The standing.
    pub standing: Standing,
    /// Whether a positive receipt stands.
    pub receipted: Receipted,
    /// What stands of the AMO part.
    pub amo: Option<Said<PartOutcome>>,
    /// What stands of the AMC part.
    pub amc: Option<Said<PartOutcome>>,
    /// What stands as the answer to a prise en charge.
    pub answer: Option<Said<Answer>>,
    /// Whether a paper duplicate was confirmed.
    pub duplicate: Duplicate,
    /// A word was heard, or a paper duplicate confirmed, that contradicts what stands.
    pub contradicted: bool,
}

/// What a settlement said, and when it was issued: one of earlier issue does not take its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said<T> {
    /// What it said.
    pub outcome: T,
    /// When it was issued.
    pub issued: Timestamp,
}

/// The way of one document: where the last act left it, and what insurers said since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    base: Position,
    past: Vec<Heard>,
    heard: Vec<Heard>,
    now: Position,
}

crate::claims::canon::canon_struct! {
    Heard { issued, id, word, code }
    Position { standing, receipted, amo, amc, answer, duplicate, contradicted }
    Course { base, past, heard, now }
}

impl<T: Canon> Canon for Said<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.outcome.put(out);
        self.issued.put(out);
    }
    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        Ok(Said {
            outcome: T::take(from)?,
            issued: Timestamp::take(from)?,
        })
    }
}

impl Expected {
    /// What a document expects: the parts whose amount asked of its destination is not zero.
    pub fn of(facts: &Facts) -> Expected {
        match facts.key.kind {
            Kind::Pj => Expected::Nothing,
            Kind::Pec => Expected::Answer,
            Kind::Dre => Expected::Amc,
            Kind::Fse => {
                let both_here = facts.settled_for.is_some() && facts.amount_amc != Cents(0);
                match (facts.amount_amo != Cents(0), both_here) {
                    (true, true) => Expected::Both,
                    (false, true) => Expected::Amc,
                    // Where nothing is asked of anyone, the word of the destination itself is awaited.
                    (true | false, false) => Expected::Amo,
                }
            }
        }
    }

    /// Whether a word is of the form that the document expects.
    fn fits(self, word: Word) -> bool {
        match word {
            Word::Receipt(_) | Word::ContentRefused => true,
            Word::Settled(..) => match self {
                Expected::Amo | Expected::Amc | Expected::Both => true,
                Expected::Answer | Expected::Nothing => false,
            },
            Word::Answered(_) => match self {
                Expected::Answer => true,
                Expected::Amo | Expected::Amc | Expected::Both | Expected::Nothing => false,
            },
        }
    }
}

impl Position {
    pub(super) fn new(standing: Standing) -> Position {
        Position {
            standing,
            receipted: Receipted::No,
            amo: None,
            amc: None,
            answer: None,
            duplicate: Duplicate::No,
            contradicted: false,
        }
    }

    /// A paper duplicate was confirmed. Beside a receipt it went both ways; what ended otherwise, it contradicts.
    fn confirm_duplicate(&mut self) {
        self.duplicate = Duplicate::Confirmed;
        if self.receipted == Receipted::Yes {
            self.receipted = Receipted::BothWays;
        }
        match self.standing {
            Standing::ByHand | Standing::Cancelled | Standing::Replaced | Standing::Lapsed => {
                self.contradicted = true;
            }
            Standing::Open
            | Standing::InLot
            | Standing::Acknowledged
            | Standing::Refused
            | Standing::Paid
            | Standing::PartPaid
            | Standing::Rejected
            | Standing::Unsettled
            | Standing::OnPaper
            | Standing::Granted
            | Standing::Declined => {}
        }
    }

    /// What a positive word makes of it.
    fn receipt(&self) -> Receipted {
        match self.duplicate {
            Duplicate::No => Receipted::Yes,
            Duplicate::Confirmed => Receipted::BothWays,
        }
    }

    /// Whether it has a positive receipt and a paper duplicate.
    pub fn went_both_ways(&self) -> bool {
        self.receipted == Receipted::BothWays
    }

    /// Whether a settlement stands.
    pub fn is_settled(&self) -> bool {
        self.amo.is_some() || self.amc.is_some() || self.answer.is_some()
    }

    /// The insurers' half of the table: one word, heard in order of issue.
    pub(super) fn hear(&mut self, word: Word, issued: Timestamp, expected: Expected) -> Effect {
        if !expected.fits(word) {
            return Effect::Contradicts;
        }
        match self.standing {
            Standing::InLot | Standing::Acknowledged | Standing::Refused => match word {
                Word::Receipt(verdict) => self.hear_receipt(verdict),
                Word::ContentRefused => self.hear_content_refused(),
                Word::Settled(..) | Word::Answered(_) => self.settle(word, issued, expected),
            },
            Standing::Paid
            | Standing::PartPaid
            | Standing::Rejected
            | Standing::Unsettled
            | Standing::Granted
            | Standing::Declined => match word {
                Word::Receipt(Verdict::Accepted) => Effect::Recorded,
                Word::Receipt(Verdict::Refused) | Word::ContentRefused => Effect::Contradicts,
                Word::Settled(..) | Word::Answered(_) => self.settle(word, issued, expected),
            },
            Standing::OnPaper => match word {
                Word::Receipt(Verdict::Accepted) | Word::Settled(..) | Word::Answered(_) => {
                    self.receipted = self.receipt();
                    Effect::BothWays
                }
                Word::Receipt(Verdict::Refused) | Word::ContentRefused => Effect::Contradicts,
            },
            Standing::Open
            | Standing::ByHand
            | Standing::Cancelled
            | Standing::Replaced
            | Standing::Lapsed => Effect::Contradicts,
        }
    }

    /// A receipt on a document that is not finished by its payment: the one of later issue stands.
    fn hear_receipt(&mut self, verdict: Verdict) -> Effect {
        match (verdict, self.receipted) {
            (Verdict::Accepted, Receipted::Yes | Receipted::BothWays) => Effect::Recorded,
            (Verdict::Accepted, Receipted::No) => {
                self.standing = Standing::Acknowledged;
                self.receipted = self.receipt();
                Effect::Applied
            }
            // A part already settled (deferred) stands against a refusal.
            (Verdict::Refused, _) if self.is_settled() => Effect::Contradicts,
            (Verdict::Refused, Receipted::Yes | Receipted::BothWays | Receipted::No) => {
                self.refuse()
            }
        }
    }

    /// A refusal of the content speaks of a lot of which nothing was taken; a receipt says otherwise.
    fn hear_content_refused(&mut self) -> Effect {
        match self.receipted {
            Receipted::Yes | Receipted::BothWays => Effect::Contradicts,
            Receipted::No => self.refuse(),
        }
    }

    fn refuse(&mut self) -> Effect {
        let repeated = self.standing == Standing::Refused;
        self.standing = Standing::Refused;
        self.receipted = Receipted::No;
        if repeated {
            Effect::Recorded
        } else {
            Effect::Applied
        }
    }

    /// A settlement implies a positive receipt; then its part, or the answer, stands.
    fn settle(&mut self, word: Word, issued: Timestamp, expected: Expected) -> Effect {
        let effect = match word {
            Word::Settled(Part::Amo, outcome) => put(&mut self.amo, outcome, issued),
            Word::Settled(Part::Amc, outcome) => put(&mut self.amc, outcome, issued),
            Word::Answered(answer) => put(&mut self.answer, answer, issued),
            Word::Receipt(_) | Word::ContentRefused => Effect::Recorded,
        };
        self.receipted = self.receipt();
        // A part deferred after all leaves a finished document where it is.
        self.standing = match (self.settled_standing(expected), self.standing) {
            (Some(standing), _) => standing,
            (None, Standing::InLot | Standing::Refused) => Standing::Acknowledged,
            (None, standing) => standing,
        };
        effect
    }

    /// The standing that the settlements amount to; none while one is unknown or deferred.
    fn settled_standing(&self, expected: Expected) -> Option<Standing> {
        match expected {
            Expected::Amo => part_standing(self.amo),
            Expected::Amc => part_standing(self.amc),
            Expected::Both => {
                let (amo, amc) = (part_standing(self.amo)?, part_standing(self.amc)?);
                Some(if amo == amc { amo } else { Standing::PartPaid })
            }
            Expected::Answer => self.answer.map(|said| match said.outcome {
                Answer::Granted => Standing::Granted,
                Answer::Declined => Standing::Declined,
            }),
            Expected::Nothing => None,
        }
    }
}

fn part_standing(said: Option<Said<PartOutcome>>) -> Option<Standing> {
    match said?.outcome {
        PartOutcome::Paid => Some(Standing::Paid),
        PartOutcome::Rejected => Some(Standing::Rejected),
        PartOutcome::Deferred => None,
    }
}

fn put<T>(place: &mut Option<Said<T>>, outcome: T, issued: Timestamp) -> Effect {
    if place.as_ref().is_some_and(|stands| issued < stands.issued) {
        return Effect::Recorded;
    }
    *place = Some(Said { outcome, issued });
    Effect::Applied
}

impl Course {
    /// How many words about one document are kept at most: two receipts, two parts, some deferrals and corrections are
    /// ten, so an insurer that says more than this in thirteen months repeats itself by a fault of its own. What it says
    /// beyond moves the other documents of a receipt alone, and is an orphan where it speaks of no other. Two parts of one settlement may exceed it by one word.
    pub const WORDS: usize = 64;

    /// A document just admitted.
    pub fn admitted() -> Course {
        Course {
            base: Position::new(Standing::Open),
            past: Vec::new(),
            heard: Vec::new(),
            now: Position::new(Standing::Open),
        }
    }

    /// The standing now.
    pub fn standing(&self) -> Standing {
        self.now.standing
    }

    /// Standing, receipt and settlements now.
    pub fn position(&self) -> &Position {
        &self.now
    }

    /// The code that an insurer gave last, in the order in which words are folded.
    pub fn last_code(&self) -> Option<&Name> {
        let words = self.past.iter().chain(&self.heard);
        words.filter_map(|heard| heard.code.as_ref()).next_back()
    }

    /// Where the last act left it.
    pub fn base(&self) -> &Position {
        &self.base
    }

    /// What insurers said before the last act: kept to be known again, and folded no more but beside a refusal of what
    /// was sealed since.
    pub fn past(&self) -> &[Heard] {
        &self.past
    }

    /// What insurers said since the last act, in order of issue.
    pub fn heard(&self) -> &[Heard] {
        &self.heard
    }

    /// How many words of insurers are kept, folded or not.
    pub fn words(&self) -> usize {
        self.past.len() + self.heard.len()
    }

    /// Takes one word of an insurer, at its place by instant of issue and id, and folds again. The same
    /// word heard twice changes nothing, also when an act lies between.
    pub fn hear(&mut self, heard: Heard, expected: Expected) -> Effect {
        if self.past.iter().any(|past| past.key() == heard.key()) {
            return Effect::Recorded;
        }
        let place = self
            .heard
            .binary_search_by(|other| other.key().cmp(&heard.key()));
        let Err(index) = place else {
            return Effect::Recorded;
        };
        self.heard.insert(index, heard);
        self.fold(expected)
            .get(index)
            .copied()
            .unwrap_or(Effect::Recorded)
    }

    /// Takes one word about an earlier, void lot of the document: it is kept and moves nothing, for the document is
    /// sent again in another lot, unless that one is refused. A positive one contradicts that the earlier lot was void.
    pub fn hear_of_the_past(&mut self, heard: Heard, expected: Expected) {
        if self.past.iter().any(|past| past.key() == heard.key()) {
            return;
        }
        if !heard.word.is_refusal() {
            self.base.contradicted = true;
            self.now.contradicted = true;
        }
        self.past.push(heard);
        self.fold(expected);
    }

    /// Does one act of the gateway, the centre or an operator.
    pub fn act(&mut self, act: Act) -> Result<(), Refusal> {
        let standing = self.now.standing.after(act)?;
        let moves = standing != self.now.standing;
        self.now.standing = standing;
        if act == Act::DuplicateConfirmed {
            self.now.confirm_duplicate();
            // What moves nothing closes nothing: the words heard so far fold on, and a late one finds its place.
            self.base.confirm_duplicate();
        }
        if moves {
            self.base = self.now.clone();
            self.past.append(&mut self.heard);
        }
        Ok(())
    }

    /// Folds all words from the base; gives the effect of each that was heard since the last act.
    fn fold(&mut self, expected: Expected) -> Vec<Effect> {
        let mut now = self.base.clone();
        let mut words: Vec<(&Heard, Option<usize>)> =
            self.heard.iter().zip((0..).map(Some)).collect();
        if self.is_refused_after_sealing() {
            words.extend(self.past.iter().map(|past| (past, None)));
            words.sort_by_key(|(heard, _)| heard.key());
        }
        let mut effects = vec![Effect::Recorded; self.heard.len()];
        for (heard, place) in words {
            let effect = now.hear(heard.word, heard.issued, expected);
            if let Some(place) = place {
                effects[place] = effect;
            }
        }
        // A refusal beside a settlement contradicts it, whichever was issued first.
        if now.is_settled() {
            for (effect, heard) in effects.iter_mut().zip(&self.heard) {
                if heard.word.is_refusal() {
                    *effect = Effect::Contradicts;
                }
            }
        }
        // Refused after all, and its duplicate is on paper already.
        if now.standing == Standing::Refused && now.duplicate == Duplicate::Confirmed {
            now.standing = Standing::OnPaper;
        }
        now.contradicted |= effects.contains(&Effect::Contradicts);
        self.now = now;
        effects
    }

    /// Whether the lot that it was sealed into is refused for it. An insurer refuses what it has already: then what it
    /// said of the document before, while it was open or in a void lot, decides with the refusal.
    fn is_refused_after_sealing(&self) -> bool {
        self.base.standing == Standing::InLot
            && self.heard.iter().any(|heard| heard.word.is_refusal())
    }
}

impl Heard {
    /// Its place among others.
    fn key(&self) -> (Timestamp, &Name, Word) {
        (self.issued, &self.id, self.word)
    }
}
