//! What the insurer says about the lots it took, and when: the order of its feed, and each item's words.
//!
//! The order derives from the book and the plan, so a restarted insurer gives the same feed again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::amounts::Settled;
use super::book::{Booked, Contents, Taken};
use super::plan::{Breach, Plan, Rule, Shape, pick};
use crate::claims::document::{Cents, Kind};
use crate::claims::id::{Digest, DocumentId, LotId, Name};
use crate::claims::receipt::{
    Answer, Coverage, DocumentVerdict, Part, PartOutcome, PartSettlement, Receipt, Settlement,
    SettlementContent, Verdict,
};
use crate::claims::time::Timestamp;
use crate::formats::xml;

/// One item of the feed, before it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Return {
    at: Timestamp,
    lot: LotId,
    word: Word,
}

/// What an item says; documents by their place in the lot.
#[derive(Clone, Copy, Debug)]
enum Word {
    /// Of a lot that was refused at the door: a breach.
    Refused,
    /// For the lot, and written for other bytes.
    OfOtherBytes,
    LotReceipt,
    DocumentReceipt(usize),
    Deferral(usize),
    Decision(usize),
}

/// Items by the instant of their issue; those issued have their place in the feed for good.
#[derive(Default)]
pub(super) struct Agenda {
    ahead: BTreeMap<(Timestamp, u64), Return>,
    issued: Vec<Return>,
    planned: u64,
}

impl Agenda {
    /// Plans everything that is to be said about a lot.
    pub(super) fn plan(&mut self, plan: &Plan, lot: LotId, taken: &Taken) {
        let receipt = taken.at + plan.receipt_delay(lot.0);
        let is_silent = |booked: &Booked| picked(&plan.receipts.silent, booked).is_some();
        let silent_lot = match plan.receipts.shape {
            Shape::Whole => taken.documents.iter().any(is_silent),
            Shape::Listed => false,
        };
        if silent_lot {
            return;
        }
        match plan.receipts.shape {
            Shape::Whole => self.receipt(plan, receipt, lot, Word::LotReceipt),
            Shape::Listed => {}
        }
        let spoken_of = spoken_of(plan, taken);
        for (place, booked) in taken
            .documents
            .iter()
            .enumerate()
            .take(spoken_of)
            .filter(|(_, booked)| !is_silent(booked))
        {
            match plan.receipts.shape {
                Shape::Whole => {}
                Shape::Listed => self.receipt(plan, receipt, lot, Word::DocumentReceipt(place)),
            }
            self.settlement(plan, receipt, lot, place, booked);
        }
    }

    /// Plans a receipt for a lot that was refused at the door, once.
    pub(super) fn plan_refused(&mut self, lot: LotId, at: Timestamp) {
        let word = Word::Refused;
        let mut planned = self.issued.iter().chain(self.ahead.values());
        if !planned.any(|planned| planned.lot == lot) {
            self.add(Return { at, lot, word });
        }
    }

    /// Issues what has come due, and gives the items after the first `after`, at most `most`; none if
    /// `after` was never a place in this feed.
    pub(super) fn page(&mut self, now: Timestamp, after: usize, most: usize) -> Option<&[Return]> {
        while let Some(next) = self.ahead.first_entry() {
            if next.key().0 > now {
                break;
            }
            self.issued.push(next.remove());
        }
        let rest = self.issued.get(after..)?;
        Some(&rest[..rest.len().min(most)])
    }

    fn receipt(&mut self, plan: &Plan, at: Timestamp, lot: LotId, word: Word) {
        let given = at + Duration::from_millis(plan.receipts.held_milliseconds);
        if plan.receipt_is_preceded(lot.0) {
            let word = Word::OfOtherBytes;
            self.add_at(given, Return { at, lot, word });
        }
        self.add_at(given, Return { at, lot, word });
        if plan.receipt_is_doubled(lot.0) {
            // The same receipt comes again; it says when it was first issued.
            let again = given + Duration::from_millis(plan.receipts.delay_milliseconds);
            self.add_at(again, Return { at, lot, word });
        }
    }

    fn settlement(
        &mut self,
        plan: &Plan,
        receipt: Timestamp,
        lot: LotId,
        place: usize,
        booked: &Booked,
    ) {
        let settlements = &plan.settlements;
        let never = picked(&plan.receipts.negative, booked).is_some()
            || picked(&settlements.silent, booked).is_some();
        let expects = match booked.kind {
            Kind::Pj => false,
            Kind::Pec => true,
            Kind::Fse | Kind::Dre => !parts(booked).is_empty(),
        };
        if never || !expects {
            return;
        }
        let mut at = receipt + Duration::from_millis(settlements.delay_milliseconds);
        if booked.kind != Kind::Pec && picked(&settlements.deferred, booked).is_some() {
            self.add(Return {
                at,
                lot,
                word: Word::Deferral(place),
            });
            at = at + Duration::from_millis(settlements.deferral_milliseconds);
        }
        self.add(Return {
            at,
            lot,
            word: Word::Decision(place),
        });
    }

    fn add(&mut self, item: Return) {
        self.add_at(item.at, item);
    }

    fn add_at(&mut self, at: Timestamp, item: Return) {
        self.ahead.insert((at, self.planned), item);
        self.planned += 1;
    }
}

impl Return {
    /// Writes the item; none if its lot is not in the book.
    pub(super) fn write(&self, plan: &Plan, contents: &Contents) -> Option<String> {
        if let Some(refused) = contents.refused.get(&self.lot) {
            let receipt = self.receipt(self.lot.to_string(), refused.digest)?;
            return Some(xml::write_receipt(&receipt));
        }
        let taken = contents.lots.get(&self.lot)?;
        match self.word {
            Word::Refused => None,
            Word::OfOtherBytes => {
                let mut receipt = self.receipt(format!("other-{}", self.lot), Digest([0; 32]))?;
                receipt.verdict = Verdict::Accepted;
                Some(xml::write_receipt(&receipt))
            }
            Word::LotReceipt => Some(xml::write_receipt(&self.lot_receipt(plan, taken)?)),
            Word::DocumentReceipt(place) => {
                let receipt = self.document_receipt(plan, taken, taken.documents.get(place)?);
                Some(xml::write_receipt(&receipt?))
            }
            Word::Deferral(place) => {
                let booked = taken.documents.get(place)?;
                let defer = |part| (part, PartOutcome::Deferred);
                let content = settled(booked, parts(booked).into_iter().map(defer), None);
                Some(xml::write_settlement(
                    &self.settlement("def", booked, content)?,
                ))
            }
            Word::Decision(place) => {
                let booked = taken.documents.get(place)?;
                let content = decided(plan, booked);
                Some(xml::write_settlement(
                    &self.settlement("rsp", booked, content)?,
                ))
            }
        }
    }

    fn lot_receipt(&self, plan: &Plan, taken: &Taken) -> Option<Receipt> {
        let negative = |booked: &Booked| {
            let rule = picked(&plan.receipts.negative, booked)?;
            Some(verdict(booked, Verdict::Refused, Some(rule)))
        };
        let documents: Vec<_> = taken.documents.iter().filter_map(negative).collect();
        let verdict = match documents.len() == taken.documents.len() {
            true => Verdict::Refused,
            false => Verdict::Accepted,
        };
        let mut receipt = self.receipt(self.lot.to_string(), digest(plan, taken))?;
        (receipt.verdict, receipt.documents) = (verdict, documents);
        if plan.breaks(Breach::ForgetsTheLast) {
            receipt.coverage = Coverage::Listed;
            let rest = taken.documents.iter().take(spoken_of(plan, taken));
            let accepted = rest.filter(|booked| negative(booked).is_none());
            let accepted = accepted.map(|booked| self::verdict(booked, Verdict::Accepted, None));
            receipt.documents.extend(accepted);
        }
        Some(self.broken(plan, receipt))
    }

    /// What its breaches make of a receipt.
    fn broken(&self, plan: &Plan, mut receipt: Receipt) -> Receipt {
        if plan.breaks(Breach::ReceiptNamesStrangers) {
            receipt.documents.push(DocumentVerdict {
                // A lot's id is no document's.
                document: DocumentId(self.lot.0),
                verdict: Verdict::Accepted,
                code: None,
                text: None,
            });
        }
        if plan.breaks(Breach::OneIdForAll) {
            receipt.id = Name::parse("arl").expect("letters are a name");
        }
        receipt
    }

    /// A receipt that refuses everything.
    fn receipt(&self, of: String, digest: Digest) -> Option<Receipt> {
        Some(Receipt {
            id: Name::parse(&format!("arl-{of}")).ok()?,
            lot: self.lot,
            digest,
            issued: self.at,
            verdict: Verdict::Refused,
            documents: Vec::new(),
            coverage: Coverage::Whole,
            code: None,
            text: None,
        })
    }

    fn document_receipt(&self, plan: &Plan, taken: &Taken, booked: &Booked) -> Option<Receipt> {
        let rule = picked(&plan.receipts.negative, booked);
        let word = match rule {
            Some(_) => Verdict::Refused,
            None => Verdict::Accepted,
        };
        let receipt = Receipt {
            verdict: Verdict::Accepted,
            documents: vec![verdict(booked, word, rule)],
            coverage: Coverage::Listed,
            ..self.receipt(booked.id.to_string(), digest(plan, taken))?
        };
        Some(self.broken(plan, receipt))
    }

    fn settlement(
        &self,
        prefix: &str,
        booked: &Booked,
        content: SettlementContent,
    ) -> Option<Settlement> {
        Some(Settlement {
            id: Name::parse(&format!("{prefix}-{}", booked.id)).ok()?,
            document: booked.id,
            issued: self.at,
            content,
        })
    }
}

/// How many documents of a lot anything is said of, from the first.
fn spoken_of(plan: &Plan, taken: &Taken) -> usize {
    let all = taken.documents.len();
    match plan.breaks(Breach::ForgetsTheLast) {
        true => all.saturating_sub(1),
        false => all,
    }
}

/// The digest that receipts of a lot carry.
fn digest(plan: &Plan, taken: &Taken) -> Digest {
    match plan.breaks(Breach::ReceiptOfOtherBytes) {
        true => Digest([0; 32]),
        false => taken.digest,
    }
}

/// The parts that a document asks for: those whose amount is not zero.
fn parts(booked: &Booked) -> Vec<Part> {
    let (amo, amc) = (booked.amounts.amo != 0, booked.amounts.amc != 0);
    let together = booked.amounts.settled == Settled::Together;
    match booked.kind {
        Kind::Fse => [(amo, Part::Amo), (amc && together, Part::Amc)],
        Kind::Dre | Kind::Pj | Kind::Pec => [(false, Part::Amo), (amc, Part::Amc)],
    }
    .into_iter()
    .filter_map(|(asked, part)| asked.then_some(part))
    .collect()
}

/// What is decided on a document in the end.
fn decided(plan: &Plan, booked: &Booked) -> SettlementContent {
    if booked.kind == Kind::Pec {
        let declined = picked(&plan.settlements.declined, booked);
        return SettlementContent::Answer {
            answer: match declined {
                Some(_) => Answer::Declined,
                None => Answer::Granted,
            },
            code: declined.and_then(code),
            text: declined.and_then(|rule| rule.text.clone()),
        };
    }
    let decision = plan.decide(booked.kind, booked.number.as_str());
    let outcome = |part| match part {
        Part::Amo => (part, decision.amo),
        Part::Amc => (part, decision.amc),
    };
    settled(
        booked,
        parts(booked).into_iter().map(outcome),
        decision.rule,
    )
}

fn settled(
    booked: &Booked,
    outcomes: impl Iterator<Item = (Part, PartOutcome)>,
    rule: Option<&Rule>,
) -> SettlementContent {
    let part = |(part, outcome)| PartSettlement {
        part,
        outcome,
        amount: Cents(match part {
            Part::Amo => booked.amounts.amo,
            Part::Amc => booked.amounts.amc,
        }),
        code: rejecting(outcome, rule).and_then(code),
        text: rejecting(outcome, rule).and_then(|rule| rule.text.clone()),
    };
    SettlementContent::Parts(outcomes.map(part).collect())
}

/// A rule explains the parts that it rejects, not those that are paid.
fn rejecting(outcome: PartOutcome, rule: Option<&Rule>) -> Option<&Rule> {
    match outcome {
        PartOutcome::Rejected => rule,
        PartOutcome::Paid | PartOutcome::Deferred => None,
    }
}

fn verdict(booked: &Booked, verdict: Verdict, rule: Option<&Rule>) -> DocumentVerdict {
    DocumentVerdict {
        document: booked.id,
        verdict,
        code: rule.and_then(code),
        text: rule.and_then(|rule| rule.text.clone()),
    }
}

fn picked<'a>(rules: &'a [Rule], booked: &Booked) -> Option<&'a Rule> {
    pick(rules, booked.kind, booked.number.as_str())
}

fn code(rule: &Rule) -> Option<Name> {
    Name::parse(rule.code.as_deref()?).ok()
}
