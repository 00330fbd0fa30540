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

/// How a unit counts that was sent on paper after its transmission failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaperDuplicate {
    /// As paper, even if a positive receipt comes after all.
    Paper,
    /// As electronic, if a positive receipt comes after all.
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

    /// The last day on which an agreement has effect: the day before its successor's first, whatever its
    /// contractual end says (L162-32-2); none while nothing follows it.
    pub fn effective_end(&self, id: &AgreementId) -> Option<Day> {
        self.successor(id)
            .map(|successor| successor.in_force_from.plus_days(-1))
    }

    /// The agreement in effect on a day for a centre that the registry binds to `id`: that one, a
    /// predecessor or a successor. None before the first of them, or when the id is not known.
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
pub(crate) mod tests {
    use super::*;

    pub(crate) fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    pub(crate) fn id(text: &str) -> AgreementId {
        AgreementId::parse(text).unwrap()
    }

    /// FSE and paper sheets, S F C in the numerator, by the legal clock, every day declared.
    pub(crate) fn agreement(name: &str, from: &str) -> Agreement {
        Agreement {
            id: id(name),
            title: "Accord".into(),
            role: Role::Agreement,
            source: "test".into(),
            signed: None,
            published: None,
            in_force_from: day(from),
            until: None,
            succeeds: None,
            status: Status::Confirmed,
            thresholds: BTreeMap::new(),
            counting: Counting {
                kinds: BTreeSet::from([Kind::Fse]),
                paper_sheets: PaperSheets::Counted,
                numerator_modes: BTreeSet::from([Mode::Secured, Mode::WithoutVitale, Mode::Clear]),
                modes_shown_apart: BTreeSet::from([
                    Mode::Degraded,
                    Mode::Online,
                    Mode::Sefi,
                    Mode::Unsecured,
                ]),
                exclusions: Exclusions::NONE,
                day_basis: DayBasis::Clock,
                minimum_paper_coverage: Fraction::ONE,
                paper_duplicate: PaperDuplicate::Paper,
                rejected: RejectedUnit::Transmitted,
            },
        }
    }

    fn until(from: &str, until: &str) -> Vec<Fault> {
        let mut agreement = agreement("a", from);
        agreement.until = Some(day(until));
        faults(&agreement)
    }

    fn faults(agreement: &Agreement) -> Vec<Fault> {
        let problems = agreement.problems().into_iter();
        problems.map(|problem| problem.fault).collect()
    }

    #[test]
    fn a_gap_is_the_least_number_of_documents_that_reaches_the_threshold() {
        use Comparator::{AtLeast, MoreThan};
        for (comparator, fraction, counted, missing) in [
            (AtLeast, (7, 10), (7, 10), Some(0)),
            (AtLeast, (7, 10), (6, 10), Some(1)),
            (AtLeast, (7, 10), (0, 11), Some(8)),
            (AtLeast, (7, 10), (9, 10), Some(0)),
            (AtLeast, (1, 1), (0, 3), Some(3)),
            (MoreThan, (2, 3), (2, 3), Some(1)),
            (MoreThan, (2, 3), (0, 4), Some(3)),
            (MoreThan, (2, 3), (3, 4), Some(0)),
            (MoreThan, (1, 1), (3, 3), None),
            (AtLeast, (7, 10), (0, 0), None),
            (AtLeast, (7, 0), (1, 2), None),
        ] {
            let threshold = Threshold {
                comparator,
                fraction,
            };
            let (numerator, denominator) = counted;
            let found = threshold.missing(numerator, denominator);
            assert_eq!(found, missing, "{threshold} {counted:?}");
            if let (Some(missing), Some(rate)) = (
                found,
                Fraction::new(numerator + found.unwrap_or(0), denominator),
            ) {
                assert!(threshold.is_reached_by(rate));
                let less = Fraction::new(numerator + missing - 1, denominator);
                let less = less.is_some_and(|less| threshold.is_reached_by(less));
                assert!(missing == 0 || !less, "{threshold} {counted:?}");
            }
        }
    }

    #[test]
    fn an_agreement_lives_five_years_at_most() {
        for (from, end, found) in [
            ("2016-01-01", "2020-12-31", vec![]),
            ("2016-01-01", "2021-01-01", vec![Fault::TooLong]),
            ("2024-02-29", "2029-02-28", vec![]),
            ("2024-02-29", "2029-03-01", vec![Fault::TooLong]),
            ("2016-01-01", "2015-12-31", vec![Fault::EndsBeforeItBegins]),
            ("2016-01-01", "2016-01-01", vec![]),
        ] {
            assert_eq!(until(from, end), found, "{from} {end}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let mut wrong = agreement("a", "2016-01-01");
        wrong.title = " ".into();
        wrong.source.clear();
        wrong.signed = Some(day("2015-09-30"));
        wrong.published = Some(day("2015-07-08"));
        let threshold = |fraction| Threshold {
            comparator: Comparator::AtLeast,
            fraction,
        };
        wrong.thresholds = BTreeMap::from([
            (Category::Medical, threshold((11, 10))),
            (Category::Dentaire, threshold((1, 0))),
            (Category::Infirmier, threshold((7, 10))),
        ]);
        wrong.counting.kinds.clear();
        wrong.counting.numerator_modes = BTreeSet::from([Mode::Degraded]);
        wrong.counting.minimum_paper_coverage = Fraction::new(2, 1).unwrap();
        assert_eq!(
            faults(&wrong),
            [
                Fault::NoTitle,
                Fault::NoSource,
                Fault::PublishedBeforeSigned,
                Fault::Threshold(Category::Medical),
                Fault::Threshold(Category::Dentaire),
                Fault::NoKind,
                Fault::ModeMissing(Mode::Secured),
                Fault::ModeMissing(Mode::WithoutVitale),
                Fault::ModeMissing(Mode::Clear),
                Fault::ModeTwice(Mode::Degraded),
                Fault::Coverage,
            ]
        );
    }

    fn following(name: &str, from: &str, before: &str) -> Agreement {
        Agreement {
            succeeds: Some(id(before)),
            ..agreement(name, from)
        }
    }

    #[test]
    fn an_agreement_has_effect_until_the_next_comes() {
        let mut first = agreement("first", "2003-04-19");
        first.until = Some(day("2008-04-18"));
        let agreements = Agreements::new(vec![
            following("third", "2025-10-16", "second"),
            first,
            following("second", "2016-01-01", "first"),
        ])
        .unwrap();
        for (bound, at, expected) in [
            ("second", "2003-04-18", None),
            ("second", "2003-04-19", Some("first")),
            ("second", "2015-12-31", Some("first")),
            ("second", "2016-01-01", Some("second")),
            ("first", "2025-10-15", Some("second")),
            ("first", "2025-10-16", Some("third")),
            ("third", "2003-04-18", None),
            ("unknown", "2020-01-01", None),
        ] {
            let found = agreements.in_effect(&id(bound), day(at));
            assert_eq!(found.map(|a| a.id.as_str()), expected, "{bound} {at}");
        }
        assert_eq!(
            agreements.effective_end(&id("first")),
            Some(day("2015-12-31"))
        );
        assert_eq!(agreements.effective_end(&id("third")), None);
    }

    #[test]
    fn agreements_must_follow_each_other() {
        let mut reference = following("reference", "2020-01-01", "a");
        reference.role = Role::Reference;
        let problems = Agreements::new(vec![
            agreement("a", "2016-01-01"),
            agreement("a", "2016-01-01"),
            following("b", "2016-01-01", "a"),
            following("c", "2017-01-01", "a"),
            following("d", "2017-01-01", "nothing"),
            reference,
        ])
        .unwrap_err();
        let found: Vec<(&str, &Fault)> = problems
            .iter()
            .map(|problem| (problem.agreement.as_str(), &problem.fault))
            .collect();
        assert_eq!(
            found,
            [
                ("a", &Fault::SameId),
                ("b", &Fault::StartsTooEarly(id("a"))),
                ("c", &Fault::SucceededTwice(id("b"))),
                ("d", &Fault::PredecessorUnknown(id("nothing"))),
                ("reference", &Fault::OtherRole(id("a"))),
                ("reference", &Fault::SucceededTwice(id("b"))),
            ]
        );
    }
}
