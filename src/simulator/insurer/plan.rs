//! What a simulated insurer does and gets wrong: its fault plan. Every decision derives from the seed, the
//! number of the request, or the number of the document, so that a run can be repeated.

use std::time::Duration;

use serde::Deserialize;

use crate::claims::document::Kind;
use crate::claims::receipt::PartOutcome;

/// A fault plan. The default has no fault: lots are taken, receipts are positive at once, and everything
/// is paid or granted at once.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    /// What every draw derives from.
    pub seed: u64,
    /// What goes wrong on the wire.
    pub wire: Wire,
    /// How receipts are given.
    pub receipts: Receipts,
    /// How payment is decided.
    pub settlements: Settlements,
    /// Seconds by which its clock is ahead; negative: behind.
    pub clock_offset_seconds: i64,
    /// Sentences of the contract that it does not keep: for testing who tests it.
    pub breaches: Vec<Breach>,
}

/// A sentence of the wire contract that an insurer can be made to break, each alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Breach {
    /// Callers without a certificate are served.
    ServesAnybody,
    /// A lot that never came is answered 404.
    UnknownIsNotFound,
    /// The answer to a lot that is taken does not name it.
    TakenUnnamed,
    /// The same bytes again are a conflict.
    AgainIsConflict,
    /// A lot that was taken is known without its digest.
    KnownWithoutDigest,
    /// Other bytes under the id of a lot are answered `taken`, and left aside.
    ConflictIsTaken,
    /// Other bytes under the id of a lot are a conflict, and take its place.
    ConflictOverwrites,
    /// A document that comes in a second lot is taken again.
    TakesTwice,
    /// A lot that was refused is unknown.
    ForgetsRefusals,
    /// The digest of a body is not looked at.
    DigestUnchecked,
    /// A body that is not that of its digest is refused for good.
    DamageIsFinal,
    /// Lengths of parts are not looked at.
    LengthsUnchecked,
    /// The address of a lot is not looked at.
    AddressUnchecked,
    /// Half a body is a lot.
    HalfIsTaken,
    /// A lot that is being handed over is a conflict for a second request.
    SameTimeIsConflict,
    /// A lot is unknown until its request is answered, a second after it came.
    UnknownWhileWorking,
    /// A body is cut wherever its boundary stands.
    CutsAtBoundaries,
    /// A lot of more than fifty documents is too long.
    FiftyAtMost,
    /// The feed is of another namespace.
    FeedUnreadable,
    /// The last document of a lot has neither receipt nor settlement.
    ForgetsTheLast,
    /// Receipts carry another digest.
    ReceiptOfOtherBytes,
    /// Receipts list a document of no lot.
    ReceiptNamesStrangers,
    /// A lot that was refused has a receipt too.
    ReceiptForRefused,
    /// All receipts have one id.
    OneIdForAll,
    /// A page that is asked for again comes in another order.
    FeedReordered,
    /// An empty page has another cursor.
    EmptyPageMoves,
    /// A cursor that is none is taken for the beginning.
    CursorUnchecked,
    /// Codes of refusals are numbers.
    CodesAreNumbers,
    /// Items of the feed are not signed, although there is a key.
    Unsigned,
    /// Items of the feed are signed with another key.
    SignedByAnotherKey,
    /// Signatures are over other bytes.
    SignedOtherBytes,
}

/// What goes wrong on the wire. Shares are in thousandths of the requests that hand over lots.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wire {
    /// What becomes of the first lots handed over, in order; later ones are drawn.
    pub first_lots: Vec<Fault>,
    /// What becomes of the first questions about lots, in order; later ones are answered.
    pub first_questions: Vec<Fault>,
    /// What becomes of the first questions for receipts, in order; later ones are answered.
    pub first_fetches: Vec<Fault>,
    /// Shares of faults drawn for lots.
    pub drawn: Vec<Drawn>,
    /// Milliseconds before an answer that is slow.
    pub slow_milliseconds: u64,
    /// Seconds of `Retry-After` in an answer that is busy.
    pub retry_after_seconds: u32,
    /// Documents for which a lot is refused, each of them named; nothing of the lot is taken.
    pub refused: Vec<Rule>,
    /// Times in which every request has a fault, whatever is drawn.
    pub spells: Vec<Spell>,
    /// How many lots it takes at once; above that it is busy. Without it there is no limit.
    pub capacity: Option<Capacity>,
}

/// A time in which every request has a fault.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spell {
    /// Seconds after the start at which it begins.
    pub after_seconds: f64,
    /// Seconds that it lasts.
    pub seconds: f64,
    /// Seconds from one beginning to the next, longer than it lasts; without it there is one.
    #[serde(default)]
    pub every_seconds: Option<f64>,
    /// What becomes of every request.
    pub fault: Fault,
}

/// How many lots an insurer takes at once: it warms up.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// At the start.
    pub lots: u32,
    /// More with every second.
    #[serde(default)]
    pub more_each_second: f64,
}

/// A fault and its share of the lots handed over.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drawn {
    /// What becomes of them.
    pub fault: Fault,
    /// Of a thousand.
    pub permille: u16,
}

/// What can become of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// It is answered as the contract has it.
    #[default]
    None,
    /// It is answered as the contract has it, late.
    Slow,
    /// 429 with Retry-After; nothing is done.
    Busy,
    /// 500; nothing is done.
    Failing,
    /// 502, after all was done: what a proxy gives that lost its insurer.
    FailingWhenDone,
    /// 403; nothing is done.
    Forbidden,
    /// 404; nothing is done.
    NotFound,
    /// 200 with a page of something else; nothing is done.
    Portal,
    /// The connection ends before the body is read.
    ResetBefore,
    /// The connection ends after the body is read; nothing is done.
    ResetAfter,
    /// The connection ends after all was done: the answer is lost.
    ResetWhenDone,
}

/// How receipts are given.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Receipts {
    /// Milliseconds from the taking of a lot to its receipt.
    pub delay_milliseconds: u64,
    /// Of a thousand lots, how many have a late receipt.
    pub late_permille: u16,
    /// Milliseconds that a late receipt takes longer.
    pub late_milliseconds: u64,
    /// Of a thousand lots, how many have their receipt twice, under the same id.
    pub duplicate_permille: u16,
    /// Whether a lot has one receipt, or one for each document.
    pub shape: Shape,
    /// Milliseconds from the instant at which a receipt is issued to the one at which it is given out: settlements may
    /// come before it.
    pub held_milliseconds: u64,
    /// Of a thousand lots, how many have a receipt of other bytes first, under an id of its own.
    pub wrong_permille: u16,
    /// Documents whose receipt is negative.
    pub negative: Vec<Rule>,
    /// Documents that never have a receipt; with the shape `whole` their lot has none.
    pub silent: Vec<Rule>,
}

/// Whether a lot has one receipt, or one for each document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// One for the lot.
    #[default]
    Whole,
    /// One for each document.
    Listed,
}

/// How payment is decided, for documents whose receipt is positive. A document for which no rule is made
/// is paid in all its parts, a prise en charge granted. A PJ has no settlement.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settlements {
    /// Milliseconds from the receipt to the settlement.
    pub delay_milliseconds: u64,
    /// Milliseconds from a deferral to the decision.
    pub deferral_milliseconds: u64,
    /// Documents whose parts are all rejected.
    pub rejected: Vec<Rule>,
    /// Documents whose AMC part alone is rejected, where there are two.
    pub amc_rejected: Vec<Rule>,
    /// Documents whose parts are deferred first and decided later.
    pub deferred: Vec<Rule>,
    /// Prises en charge that are declined.
    pub declined: Vec<Rule>,
    /// Documents that never have a settlement.
    pub silent: Vec<Rule>,
}

/// Picks documents by their number. A document is picked when it is of one of the kinds and one of the
/// other conditions holds; a rule without conditions picks every document of its kinds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// `FSE`, `DRE`, `PJ`, `PEC`; none means all.
    pub kinds: Vec<String>,
    /// Ends of numbers.
    pub suffixes: Vec<String>,
    /// Whole numbers.
    pub numbers: Vec<String>,
    /// By the digits at the end of the number.
    pub every: Option<Every>,
    /// The code given.
    pub code: Option<String>,
    /// The text given.
    pub text: Option<String>,
}

/// Picks the numbers whose last digits leave a remainder.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Every {
    /// Divided by; 0 picks none.
    pub modulus: u64,
    /// What is left.
    #[serde(default)]
    pub remainder: u64,
}

impl Rule {
    /// Whether the rule picks a document.
    pub fn picks(&self, kind: Kind, number: &str) -> bool {
        if !self.kinds.is_empty() && !self.kinds.iter().any(|name| name == kind.as_str()) {
            return false;
        }
        let unconditional =
            self.suffixes.is_empty() && self.numbers.is_empty() && self.every.is_none();
        unconditional
            || self
                .suffixes
                .iter()
                .any(|suffix| number.ends_with(suffix.as_str()))
            || self.numbers.iter().any(|whole| whole == number)
            || self.every.is_some_and(|every| every.picks(number))
    }
}

/// The first rule of a list that picks a document.
pub fn pick<'a>(rules: &'a [Rule], kind: Kind, number: &str) -> Option<&'a Rule> {
    rules.iter().find(|rule| rule.picks(kind, number))
}

impl Every {
    fn picks(self, number: &str) -> bool {
        let head = number.trim_end_matches(|last: char| last.is_ascii_digit());
        // Numbers have at most 20 digits; the last 18 decide.
        let digits = &number[head.len()..];
        let digits = &digits[digits.len().saturating_sub(18)..];
        let value: Option<u64> = digits.parse().ok();
        value.and_then(|value| value.checked_rem(self.modulus)) == Some(self.remainder)
    }
}

impl Plan {
    /// Whether every document comes to a positive receipt and is settled as it asks, however late.
    pub fn takes_everything(&self) -> bool {
        let Settlements {
            rejected,
            amc_rejected,
            deferred,
            declined,
            silent,
            ..
        } = &self.settlements;
        let rules = [
            &self.wire.refused,
            &self.receipts.negative,
            &self.receipts.silent,
            rejected,
            amc_rejected,
            deferred,
            declined,
            silent,
        ];
        rules.iter().all(|rules| rules.is_empty()) && self.breaches.is_empty()
    }

    /// Whether it breaks a sentence of the contract.
    pub(super) fn breaks(&self, breach: Breach) -> bool {
        self.breaches.contains(&breach)
    }

    /// What becomes of the nth lot handed over, from 0.
    pub(super) fn fault_of_lot(&self, nth: u64) -> Fault {
        if let Some(fault) = self.wire.first_lots.get(nth as usize) {
            return *fault;
        }
        let mut drawn = self.draw("wire", u128::from(nth));
        for share in &self.wire.drawn {
            match drawn.checked_sub(share.permille) {
                Some(left) => drawn = left,
                None => return share.fault,
            }
        }
        Fault::None
    }

    /// How much later than the taking of a lot its receipt comes.
    pub(super) fn receipt_delay(&self, lot: u128) -> Duration {
        let receipts = &self.receipts;
        let late = match self.draw("late", lot) < receipts.late_permille {
            true => receipts.late_milliseconds,
            false => 0,
        };
        Duration::from_millis(receipts.delay_milliseconds.saturating_add(late))
    }

    /// Whether a receipt of other bytes comes before that of a lot.
    pub(super) fn receipt_is_preceded(&self, lot: u128) -> bool {
        self.draw("wrong", lot) < self.receipts.wrong_permille
    }

    /// What becomes of every request so long after the start, if anything.
    pub(super) fn spell(&self, passed: Duration) -> Option<Fault> {
        let passed = passed.as_secs_f64();
        let lasts = |spell: &&Spell| {
            let within = passed - spell.after_seconds;
            let within = match spell.every_seconds {
                Some(every) if every > 0.0 && within >= 0.0 => within % every,
                Some(_) | None => within,
            };
            (0.0..spell.seconds).contains(&within)
        };
        let spell = self.wire.spells.iter().find(lasts)?;
        Some(spell.fault)
    }

    /// How long after the start the last spell is over; none without spells, or where one comes again and again.
    pub(super) fn last_spell_ends(&self) -> Option<Duration> {
        let ends = self
            .wire
            .spells
            .iter()
            .map(|spell| match spell.every_seconds {
                Some(_) => None,
                None => Duration::try_from_secs_f64(spell.after_seconds + spell.seconds).ok(),
            });
        ends.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// Whether so many lots at once are too many so long after the start.
    pub(super) fn is_crowded(&self, lots: usize, passed: Duration) -> bool {
        self.wire.capacity.is_some_and(|capacity| {
            let more = passed.as_secs_f64() * capacity.more_each_second;
            lots as f64 > f64::from(capacity.lots) + more
        })
    }

    /// Whether the receipt of a lot comes twice.
    pub(super) fn receipt_is_doubled(&self, lot: u128) -> bool {
        self.draw("twice", lot) < self.receipts.duplicate_permille
    }

    /// What is decided on the AMO and the AMC part of a document, and the rule that says so.
    pub(super) fn decide(&self, kind: Kind, number: &str) -> Decision<'_> {
        let settlements = &self.settlements;
        let amc = pick(&settlements.amc_rejected, kind, number);
        match (pick(&settlements.rejected, kind, number), amc) {
            (Some(rule), _) => Decision {
                amo: PartOutcome::Rejected,
                amc: PartOutcome::Rejected,
                rule: Some(rule),
            },
            (None, Some(rule)) => Decision {
                amo: PartOutcome::Paid,
                amc: PartOutcome::Rejected,
                rule: Some(rule),
            },
            (None, None) => Decision {
                amo: PartOutcome::Paid,
                amc: PartOutcome::Paid,
                rule: None,
            },
        }
    }

    /// A number below 1000 that derives from the seed, the matter and the subject.
    fn draw(&self, matter: &str, subject: u128) -> u16 {
        use sha2::{Digest, Sha256};
        let hash = Sha256::new()
            .chain_update(self.seed.to_be_bytes())
            .chain_update(matter)
            .chain_update(subject.to_be_bytes())
            .finalize();
        (u64::from_be_bytes(hash[..8].try_into().unwrap_or_default()) % 1000) as u16
    }
}

/// What is decided on the parts of a document.
pub(super) struct Decision<'a> {
    /// On the AMO part.
    pub(super) amo: PartOutcome,
    /// On the AMC part.
    pub(super) amc: PartOutcome,
    /// The rule behind it, with its code and text.
    pub(super) rule: Option<&'a Rule>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_pick_by_kind_and_number() {
        let rule = |text: &str| serde_json::from_str::<Rule>(text).unwrap();
        for (text, kind, number, expected) in [
            (r#"{}"#, Kind::Fse, "A-1", true),
            (r#"{"kinds":["DRE"]}"#, Kind::Fse, "A-1", false),
            (r#"{"kinds":["DRE"]}"#, Kind::Dre, "A-1", true),
            (r#"{"suffixes":["17"]}"#, Kind::Fse, "A-117", true),
            (r#"{"suffixes":["17"]}"#, Kind::Fse, "A-171", false),
            (r#"{"numbers":["A-1"]}"#, Kind::Fse, "A-1", true),
            (r#"{"numbers":["A-1"]}"#, Kind::Fse, "A-11", false),
            (r#"{"every":{"modulus":10}}"#, Kind::Fse, "A-120", true),
            (
                r#"{"every":{"modulus":10,"remainder":3}}"#,
                Kind::Fse,
                "A-123",
                true,
            ),
            (r#"{"every":{"modulus":10}}"#, Kind::Fse, "A", false),
            (r#"{"every":{"modulus":0}}"#, Kind::Fse, "A-1", false),
            (
                r#"{"every":{"modulus":7,"remainder":3}}"#,
                Kind::Fse,
                "12345678901234567890",
                true,
            ),
            (
                r#"{"kinds":["FSE"],"numbers":["B"],"suffixes":["9"]}"#,
                Kind::Fse,
                "A-9",
                true,
            ),
        ] {
            assert_eq!(rule(text).picks(kind, number), expected, "{text} {number}");
        }
    }

    #[test]
    fn spells_begin_last_and_come_again() {
        let plan: Plan = serde_json::from_str(
            r#"{"wire":{"spells":[
                {"after_seconds":10,"seconds":5,"fault":"failing"},
                {"after_seconds":20,"seconds":1,"every_seconds":4,"fault":"reset-before"}]}}"#,
        )
        .unwrap();
        for (tenths, fault) in [
            (0, None),
            (99, None),
            (100, Some(Fault::Failing)),
            (149, Some(Fault::Failing)),
            (150, None),
            (199, None),
            (200, Some(Fault::ResetBefore)),
            (210, None),
            (239, None),
            (240, Some(Fault::ResetBefore)),
            (6005, Some(Fault::ResetBefore)),
            (6015, None),
        ] {
            let passed = Duration::from_millis(tenths * 100);
            assert_eq!(plan.spell(passed), fault, "after {tenths} tenths");
        }
    }

    #[test]
    fn an_insurer_warms_up() {
        let plan: Plan =
            serde_json::from_str(r#"{"wire":{"capacity":{"lots":1,"more_each_second":0.5}}}"#)
                .unwrap();
        for (seconds, lots, crowded) in [
            (0, 1, false),
            (0, 2, true),
            (1, 2, true),
            (2, 2, false),
            (20, 11, false),
            (20, 12, true),
        ] {
            let passed = Duration::from_secs(seconds);
            assert_eq!(plan.is_crowded(lots, passed), crowded, "{seconds} {lots}");
        }
        assert!(!Plan::default().is_crowded(1000, Duration::ZERO));
    }

    #[test]
    fn faults_are_drawn_by_their_shares_and_the_same_every_time() {
        let plan: Plan = serde_json::from_str(
            r#"{"seed":7,"wire":{"first_lots":["busy","none"],
                "drawn":[{"fault":"failing","permille":100},{"fault":"reset-when-done","permille":200}]}}"#,
        )
        .unwrap();
        let faults: Vec<_> = (0..2002).map(|nth| plan.fault_of_lot(nth)).collect();
        assert_eq!(faults[..2], [Fault::Busy, Fault::None]);
        let count = |fault| faults[2..].iter().filter(|found| **found == fault).count();
        assert!((150..250).contains(&count(Fault::Failing)));
        assert!((340..460).contains(&count(Fault::ResetWhenDone)));
        assert!(
            faults.iter().eq((0..2002)
                .map(|nth| plan.fault_of_lot(nth))
                .collect::<Vec<_>>()
                .iter())
        );
    }
}
