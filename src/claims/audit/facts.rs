//! What happened to a document, in the order of the ledger: a list that is only added to, kept as bytes.
//!
//! A year of the whole country has twelve million facts. As values they would take ten times the room; as bytes a
//! document that was sealed, acknowledged and paid takes about a hundred.

use crate::claims::canon::canon_struct;
use crate::claims::receipt::{Answer, Part, PartOutcome, Verdict};
use crate::claims::standing::Word;
use crate::claims::time::Timestamp;

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact<'a> {
    Sealed,
    LotVoided,
    Cancelled,
    ByHand,
    OnPaper,
    Replaced,
    Unsettled,
    Lapsed,
    /// An insurer's word: when it was issued, and its id.
    Said(Timestamp, &'a str, Word),
    /// The same about a lot that it is no longer in.
    SaidBefore(Timestamp, &'a str, Word),
}

/// The list: of each fact its number; of a word the instant, the length of the id and the id besides.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts(Box<[u8]>);

/// Acts by number.
const ACTS: [Fact<'static>; 8] = [
    Fact::Sealed,
    Fact::LotVoided,
    Fact::Cancelled,
    Fact::ByHand,
    Fact::OnPaper,
    Fact::Replaced,
    Fact::Unsettled,
    Fact::Lapsed,
];

/// Words by number, which follow those of the acts; and once more, of an earlier lot.
const WORDS: [Word; 11] = [
    Word::Receipt(Verdict::Accepted),
    Word::Receipt(Verdict::Refused),
    Word::ContentRefused,
    Word::Settled(Part::Amo, PartOutcome::Paid),
    Word::Settled(Part::Amo, PartOutcome::Rejected),
    Word::Settled(Part::Amo, PartOutcome::Deferred),
    Word::Settled(Part::Amc, PartOutcome::Paid),
    Word::Settled(Part::Amc, PartOutcome::Rejected),
    Word::Settled(Part::Amc, PartOutcome::Deferred),
    Word::Answered(Answer::Granted),
    Word::Answered(Answer::Declined),
];

canon_struct! {
    Facts { 0 }
}

impl Facts {
    /// Adds one, and takes no more room than it needs.
    pub(super) fn push(&mut self, fact: Fact<'_>) {
        let mut bytes = std::mem::take(&mut self.0).into_vec();
        match fact {
            Fact::Said(issued, id, word) => put(&mut bytes, ACTS.len(), issued, id, word),
            Fact::SaidBefore(issued, id, word) => {
                put(&mut bytes, ACTS.len() + WORDS.len(), issued, id, word);
            }
            Fact::Sealed
            | Fact::LotVoided
            | Fact::Cancelled
            | Fact::ByHand
            | Fact::OnPaper
            | Fact::Replaced
            | Fact::Unsettled
            | Fact::Lapsed => {
                let number = ACTS.iter().position(|known| *known == fact);
                bytes.reserve_exact(1);
                bytes.push(byte(number.expect("every act has a number")));
            }
        }
        self.0 = bytes.into_boxed_slice();
    }

    /// All of them, the oldest first.
    pub(super) fn all(&self) -> impl Iterator<Item = Fact<'_>> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (number, after) = rest.split_first()?;
            let number = usize::from(*number);
            if let Some(act) = ACTS.get(number) {
                rest = after;
                return Some(*act);
            }
            let number = number - ACTS.len();
            let word = *WORDS.get(number % WORDS.len())?;
            let (issued, after) = after.split_first_chunk::<8>()?;
            let (length, after) = after.split_first()?;
            let (id, after) = after.split_at_checked(usize::from(*length))?;
            rest = after;
            let issued = Timestamp::from_micros(i64::from_be_bytes(*issued));
            let id = std::str::from_utf8(id).ok()?;
            match number / WORDS.len() {
                0 => Some(Fact::Said(issued, id, word)),
                _ => Some(Fact::SaidBefore(issued, id, word)),
            }
        })
    }
}

/// A word, whose number follows those of the words before it.
fn put(bytes: &mut Vec<u8>, first: usize, issued: Timestamp, id: &str, word: Word) {
    let number = WORDS.iter().position(|known| *known == word);
    let number = first + number.expect("every word has a number");
    bytes.reserve_exact(10 + id.len());
    bytes.push(byte(number));
    bytes.extend(issued.micros().to_be_bytes());
    bytes.push(byte(id.len()));
    bytes.extend(id.as_bytes());
}

fn byte(number: usize) -> u8 {
    u8::try_from(number).expect("numbers of facts and lengths of names are far below 256")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_as_they_were_added() {
        let (mut facts, long) = (Facts::default(), "x".repeat(64));
        let mut added: Vec<Fact<'_>> = ACTS.to_vec();
        for (index, word) in WORDS.into_iter().enumerate() {
            let issued = Timestamp::from_micros(index as i64 - 5);
            added.push(Fact::Said(issued, &long[index * 6..], word));
            added.push(Fact::SaidBefore(issued, &long[index * 5..], word));
        }
        for (index, fact) in added.iter().enumerate() {
            facts.push(*fact);
            assert_eq!(facts.all().collect::<Vec<_>>(), added[..=index]);
        }
    }
}
