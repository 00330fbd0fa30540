//! Agreements as data: what a centre is held to, since when, and how it is counted.
//!
//! The law names neither number nor formula; the national agreement does (L162-32-1 CSS), for at most five
//! years, and keeps its effects until the next one is published (L162-32-2). Nothing here decides what a
//! threshold is: it is read from data that names its source, and a threshold that could not be read in the
//! agreement itself stays unconfirmed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::claims::document::{AgreementId, Exclusions, Kind, Mode};
use crate::claims::fraction::Fraction;
use crate::claims::period::Form;
use crate::claims::registry::Category;
use crate::claims::tally::DayBasis;
use crate::claims::time::Day;

/// The longest life of an agreement in years (L162-32-1 CSS).
pub const LONGEST_YEARS: i32 = 5;

/// One agreement, or one policy to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// By what the registry names it.
    pub id: AgreementId,
    /// Title for people.
    pub title: String,
    /// Who concluded it; a policy to compare with may have none.
    pub parties: Vec<String>,
    /// Whether it binds centres.
    pub role: Role,
    /// Where the data comes from, in words that a reader can follow.
    pub source: String,
    /// When it was signed.
    pub signed: Option<Day>,
    /// When it was published in the Journal officiel.
    pub published: Option<Day>,
    /// First day in force.
    pub in_force_from: Day,
    /// Contractual last day, at most five years after the first; none where it is not known.
    pub until: Option<Day>,
    /// The agreement that it follows.
    pub succeeds: Option<AgreementId>,
    /// Whether its thresholds were read in the agreement itself.
    pub status: Status,
    /// Over which period its thresholds are measured. Of any other period they give an indication.
    pub period: Form,
    /// Thresholds by category; a category that is not named has none.
    pub thresholds: BTreeMap<Category, Threshold>,
    /// How units are counted.
    pub counting: Counting,
}

/// What a policy is to a centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It binds centres.
    Agreement,
    /// It is compared with: it gives a distance, never a verdict.
    Reference,
}

/// Whether a threshold may give a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Read in the agreement itself.
    Confirmed,
    /// Not read there: the rate is shown, and no verdict.
    Unconfirmed,
}

/// What a rate must reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// How it is compared.
    pub comparator: Comparator,
    /// Upper and lower number.
    pub fraction: (u32, u32),
}

/// How a rate is compared with a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    /// The threshold itself is enough.
    AtLeast,
    /// The threshold itself is not enough.
    MoreThan,
}

/// How a policy counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counting {
    /// Kinds of document that count.
    pub kinds: BTreeSet<Kind>,
    /// Whether declared paper sheets count.
    pub paper_sheets: PaperSheets,
    /// Modes of the numerator.
    pub numerator_modes: BTreeSet<Mode>,
    /// Electronic modes that are in the denominator alone and are shown apart.
    pub modes_shown_apart: BTreeSet<Mode>,
    /// Documents with one of these leave the denominator.
    pub exclusions: Exclusions,
    /// The day by which a unit falls into a period.
    pub day_basis: DayBasis,
    /// The least share of active days that must be declared for a verdict.
    pub minimum_paper_coverage: Fraction,
    /// How a paper duplicate counts.
    pub paper_duplicate: PaperDuplicate,
    /// How a rejected unit counts.
    pub rejected: RejectedUnit,
}

/// Whether declared paper sheets are in the denominator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaperSheets {
    /// They are, and their declaration is asked for.
    Counted,
    /// They are not.
    NotCounted,
}

/// How a unit counts that was sent on paper too: after its transmission failed, or beside a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaperDuplicate {
    /// As paper, even if it has a positive receipt.
    Paper,
    /// As electronic, if it has a positive receipt.
    Electronic,
}

/// How a unit counts whose payment was rejected: it was transmitted all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectedUnit {
    /// As transmitted.
    Transmitted,
    /// As not transmitted.
    NotTransmitted,
}

/// All agreements and reference policies, checked against each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreements {
    by_id: BTreeMap<AgreementId, Agreement>,
}

/// Something wrong with an agreement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("agreement {agreement}: {fault}")]
pub struct Problem {
    /// Which.
    pub agreement: AgreementId,
    /// What.
    pub fault: Fault,
}

/// What can be wrong with an agreement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It has no title.
    #[error("the title is empty")]
    NoTitle,
    /// It has no source.
    #[error("the source is empty")]
    NoSource,
    /// It binds centres and names nobody who concluded it, or an empty name.
    #[error("the parties are not named")]
    NoParties,
    /// Its thresholds are measured over days that depend on who asks.
    #[error("thresholds are measured over a month, a quarter, a year or rolling months")]
    Period,
    /// It was published before it was signed.
    #[error("it is published before it is signed")]
    PublishedBeforeSigned,
    /// It ends before it begins.
    #[error("`until` is before `in_force_from`")]
    EndsBeforeItBegins,
    /// It would live longer than five years (L162-32-1).
    #[error("it would be in force for more than {LONGEST_YEARS} years")]
    TooLong,
    /// A threshold is no share.
    #[error("the threshold of category {} is not a share between 0 and 1", .0.as_str())]
    Threshold(Category),
    /// No kind of document counts.
    #[error("no kind of document counts")]
    NoKind,
    /// No mode is in the numerator.
    #[error("no mode is in the numerator")]
    NoNumerator,
    /// A mode is in the numerator and shown apart.
    #[error("mode {} is in the numerator and shown apart", .0.as_str())]
    ModeTwice(Mode),
    /// A mode is nowhere.
    #[error("mode {} is neither in the numerator nor shown apart", .0.as_str())]
    ModeMissing(Mode),
    /// The least paper coverage is no share.
    #[error("the minimum paper coverage is not a share between 0 and 1")]
    Coverage,
    /// Another agreement has the same id.
    #[error("another agreement has the same id")]
    SameId,
    /// The agreement that it follows is not known.
    #[error("it succeeds {0}, which is not known")]
    PredecessorUnknown(AgreementId),
    /// Another agreement follows the same one.
    #[error("{0} succeeds the same agreement")]
    SucceededTwice(AgreementId),
    /// It comes into force no later than the one that it follows.
    #[error("it comes into force no later than {0}, which it succeeds")]
    StartsTooEarly(AgreementId),
    /// It follows one of another role.
    #[error("{0} has another role")]
    OtherRole(AgreementId),
}

impl Agreements {
    /// The agreements, or everything that is wrong with them.
    pub fn new(agreements: Vec<Agreement>) -> Result<Agreements, Vec<Problem>> {
        let mut problems: Vec<Problem> = agreements.iter().flat_map(Agreement::problems).collect();
        let mut by_id = BTreeMap::new();
        for agreement in agreements {
            let id = agreement.id.clone();
            if by_id.insert(id.clone(), agreement).is_some() {
                problems.push(problem(&id, Fault::SameId));
            }
        }
        let agreements = Agreements { by_id };
        problems.extend(
            agreements
                .by_id
                .values()
                .flat_map(|a| agreements.lineage(a)),
        );
        if problems.is_empty() {
            Ok(agreements)
        } else {
            Err(problems)
        }
    }

    /// One by its id.
    pub fn get(&self, id: &AgreementId) -> Option<&Agreement> {
        self.by_id.get(id)
    }

    /// All, by id.
    pub fn all(&self) -> impl Iterator<Item = &Agreement> {
        self.by_id.values()
    }

    /// The policies that give distances.
    pub fn references(&self) -> impl Iterator<Item = &Agreement> {
        self.all().filter(|agreement| match agreement.role {
            Role::Reference => true,
            Role::Agreement => false,
        })
    }

    /// The agreement that follows another.
    pub fn successor(&self, id: &AgreementId) -> Option<&Agreement> {
        self.all()
            .find(|agreement| agreement.succeeds.as_ref() == Some(id))
    }

    /// The agreement in effect on a day for a centre that the registry binds to `id`: that one, a
    /// predecessor or a successor. None before the first of them, or when the id is not known. One has effect until its
    /// successor's first day, whatever its contractual end says (L162-32-2 CSS).
    pub fn in_effect(&self, id: &AgreementId, day: Day) -> Option<&Agreement> {
        let mut agreement = self.get(id)?;
        while agreement.in_force_from > day {
            agreement = self.get(agreement.succeeds.as_ref()?)?;
        }
        while let Some(next) = self.successor(&agreement.id) {
            if next.in_force_from > day {
                break;
            }
            agreement = next;
        }
        Some(agreement)
    }

    /// What is wrong with the place of one among the others.
    fn lineage(&self, agreement: &Agreement) -> Vec<Problem> {
        let Some(before) = &agreement.succeeds else {
            return Vec::new();
        };
        let mut faults = Vec::new();
        match self.get(before) {
            None => faults.push(Fault::PredecessorUnknown(before.clone())),
            Some(found) => {
                if found.in_force_from >= agreement.in_force_from {
                    faults.push(Fault::StartsTooEarly(before.clone()));
                }
                if found.role != agreement.role {
                    faults.push(Fault::OtherRole(before.clone()));
                }
            }
        }
        let first = self.successor(before);
        if let Some(other) = first.filter(|other| other.id != agreement.id) {
            faults.push(Fault::SucceededTwice(other.id.clone()));
        }
        let named = faults
            .into_iter()
            .map(|fault| problem(&agreement.id, fault));
        named.collect()
    }
}

impl Agreement {
    /// Everything that is wrong with it by itself.
    pub fn problems(&self) -> Vec<Problem> {
        let mut faults = Vec::new();
        let mut check = |holds: bool, fault: Fault| {
            if !holds {
                faults.push(fault);
            }
        };
        check(!self.title.trim().is_empty(), Fault::NoTitle);
        check(!self.source.trim().is_empty(), Fault::NoSource);
        let is_named = match self.role {
            Role::Agreement => !self.parties.is_empty(),
            Role::Reference => true,
        };
        let blank = self.parties.iter().any(|party| party.trim().is_empty());
        check(is_named && !blank, Fault::NoParties);
        let is_measure = match self.period {
            Form::Month | Form::Quarter | Form::Year | Form::Rolling => true,
            Form::YearToDate | Form::Days => false,
        };
        check(is_measure, Fault::Period);
        let signed = self.signed.zip(self.published);
        check(
            signed.is_none_or(|(signed, published)| signed <= published),
            Fault::PublishedBeforeSigned,
        );
        if let Some(until) = self.until {
            check(self.in_force_from <= until, Fault::EndsBeforeItBegins);
            check(until < self.anniversary(), Fault::TooLong);
        }
        for (category, threshold) in &self.thresholds {
            let share = threshold.share().is_some_and(Fraction::is_share);
            check(share, Fault::Threshold(*category));
        }
        faults.extend(self.counting.faults());
        let named = faults.into_iter().map(|fault| problem(&self.id, fault));
        named.collect()
    }

    /// The threshold of a category, if it has one.
    pub fn threshold(&self, category: Category) -> Option<Threshold> {
        self.thresholds.get(&category).copied()
    }

    /// The first day on which it would be too old.
    fn anniversary(&self) -> Day {
        let from = self.in_force_from;
        let year = from.year() + LONGEST_YEARS;
        let same = Day::new(year, from.month(), from.day_of_month());
        // Only 29 February has no anniversary of its own.
        same.or_else(|| Day::new(year, 3, 1)).unwrap_or(from)
    }
}

impl Counting {
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.kinds.is_empty() {
            faults.push(Fault::NoKind);
        }
        if self.numerator_modes.is_empty() {
            faults.push(Fault::NoNumerator);
        }
        for mode in Mode::ALL {
            let counted = self.numerator_modes.contains(&mode);
            let apart = self.modes_shown_apart.contains(&mode);
            match (counted, apart) {
                (true, true) => faults.push(Fault::ModeTwice(mode)),
                (false, false) => faults.push(Fault::ModeMissing(mode)),
                (true, false) | (false, true) => {}
            }
        }
        if !self.minimum_paper_coverage.is_share() {
            faults.push(Fault::Coverage);
        }
        faults
    }
}

impl Threshold {
    /// Its share; none when its lower number is zero.
    pub fn share(self) -> Option<Fraction> {
        Fraction::new(i64::from(self.fraction.0), i64::from(self.fraction.1))
    }

    /// How many more documents of so many must be transmitted to reach it; 0 when it is reached, and none without
    /// documents or when all of them would not be enough.
    pub fn missing(self, numerator: i64, denominator: i64) -> Option<i64> {
        let share = self.share()?;
        let whole = i128::from(denominator) * i128::from(share.numerator());
        let lower = i128::from(share.denominator());
        let needed = match self.comparator {
            Comparator::AtLeast => (whole + lower - 1).div_euclid(lower),
            Comparator::MoreThan => whole.div_euclid(lower) + 1,
        };
        let missing = i64::try_from(needed).ok()?.saturating_sub(numerator).max(0);
        (denominator > 0 && numerator.saturating_add(missing) <= denominator).then_some(missing)
    }

    /// Whether a rate reaches it.
    pub fn is_reached_by(self, rate: Fraction) -> bool {
        let Some(share) = self.share() else {
            return false;
        };
        let distance = rate.minus(share).numerator();
        match self.comparator {
            Comparator::AtLeast => distance >= 0,
            Comparator::MoreThan => distance > 0,
        }
    }
}

impl Comparator {
    /// The sign shown before a threshold.
    pub fn sign(self) -> &'static str {
        match self {
            Comparator::AtLeast => "≥",
            Comparator::MoreThan => ">",
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (upper, lower) = self.fraction;
        write!(out, "{} {upper}/{lower}", self.comparator.sign())
    }
}

fn problem(agreement: &AgreementId, fault: Fault) -> Problem {
    Problem {
        agreement: agreement.clone(),
        fault,
    }
}

#[cfg(test)]
pub(crate) mod tests;
