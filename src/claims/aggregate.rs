//! Rates of many centres together: by gestionnaire, category, caisse, agreement, or of the whole registry.
//!
//! An aggregate is a sum over sums, never a mean of ratios. Category, gestionnaire and caisse are those of the
//! registry on the unit's own day, so a centre that changes in mid-year is in two groups, each with its own
//! days. A centre's units are counted under the agreement that binds it on the last day of the period, as they
//! are for the centre itself; groups under different agreements are never added up.

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::agreement::{Agreement, Agreements};
use crate::claims::document::AgreementId;
use crate::claims::id::{Amo, Finess, Name};
use crate::claims::obligation::{Unbound, rate_between};
use crate::claims::period::Period;
use crate::claims::rate::Rate;
use crate::claims::registry::{Category, Centre};
use crate::claims::tally::Counts;
use crate::claims::time::Day;

/// By what centres are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Each alone.
    Centre,
    /// Organisme gestionnaire.
    Gestionnaire,
    /// Category of the law.
    Category,
    /// The caisse that the centre belongs to.
    Caisse,
    /// The agreement by which they are counted.
    Agreement,
    /// All of them.
    All,
}

/// One group of centres.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// One centre.
    Centre(Finess),
    /// Those of a gestionnaire.
    Gestionnaire(Name),
    /// Those of a category.
    Category(Category),
    /// Those of a caisse.
    Caisse(Amo),
    /// Those that are counted by an agreement.
    Agreement(AgreementId),
    /// All.
    All,
}

/// Which versions of registrations a sum takes in; what is not named is not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// One centre.
    pub centre: Option<Finess>,
    /// A gestionnaire.
    pub gestionnaire: Option<Name>,
    /// A category.
    pub category: Option<Category>,
    /// A caisse.
    pub caisse: Option<Amo>,
    /// The agreement that binds the centre on the last day of the period.
    pub agreement: Option<AgreementId>,
}

/// The rate of a group under one agreement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aggregate {
    /// How many centres are in it.
    pub centres: u64,
    /// The sums.
    pub rate: Rate,
}

/// Sums of groups, in order of group and agreement.
#[derive(Clone, Debug)]
pub struct Sums<'a> {
    by: By,
    filter: &'a Filter,
    agreements: &'a Agreements,
    period: Period,
    groups: BTreeMap<(Group, AgreementId), Aggregate>,
}

impl By {
    /// Every way.
    pub const ALL: [By; 6] = [
        By::Centre,
        By::Gestionnaire,
        By::Category,
        By::Caisse,
        By::Agreement,
        By::All,
    ];

    /// The word used in questions and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            By::Centre => "centre",
            By::Gestionnaire => "gestionnaire",
            By::Category => "category",
            By::Caisse => "caisse",
            By::Agreement => "agreement",
            By::All => "all",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<By> {
        By::ALL.into_iter().find(|by| by.as_str() == text)
    }

    /// The group of a centre on the days of one version of its registration.
    fn group(self, version: &Centre, policy: &Agreement) -> Group {
        match self {
            By::Centre => Group::Centre(version.finess),
            By::Gestionnaire => Group::Gestionnaire(version.gestionnaire.clone()),
            By::Category => Group::Category(version.category),
            By::Caisse => Group::Caisse(version.caisse),
            By::Agreement => Group::Agreement(policy.id.clone()),
            By::All => Group::All,
        }
    }
}

/// What it is called in answers.
impl std::fmt::Display for Group {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Group::Centre(finess) => write!(out, "{finess}"),
            Group::Gestionnaire(name) => write!(out, "{name}"),
            Group::Category(category) => out.write_str(category.as_str()),
            Group::Caisse(caisse) => write!(out, "{caisse}"),
            Group::Agreement(agreement) => write!(out, "{agreement}"),
            Group::All => out.write_str("all"),
        }
    }
}

impl Filter {
    /// Whether the days of this version are taken in.
    pub fn takes(&self, version: &Centre, policy: &AgreementId) -> bool {
        self.centre.is_none_or(|centre| centre == version.finess)
            && is_or_any(&self.gestionnaire, &version.gestionnaire)
            && is_or_any(&self.category, &version.category)
            && is_or_any(&self.caisse, &version.caisse)
            && is_or_any(&self.agreement, policy)
    }
}

fn is_or_any<T: PartialEq>(asked: &Option<T>, found: &T) -> bool {
    asked.as_ref().is_none_or(|asked| asked == found)
}

impl<'a> Sums<'a> {
    /// Nothing is summed yet.
    pub fn new(by: By, filter: &'a Filter, agreements: &'a Agreements, period: Period) -> Sums<'a> {
        Sums {
            by,
            filter,
            agreements,
            period,
            groups: BTreeMap::new(),
        }
    }

    /// Adds a centre, by its registered versions and its counts.
    ///
    /// # Errors
    /// [`Unbound`]: by what it would be counted is not known, and nothing of it is added.
    pub fn add(&mut self, versions: &[Centre], counts: &Counts) -> Result<(), Unbound> {
        let last = Centre::begun(versions, self.period.to()).ok_or(Unbound::NotRegistered)?;
        let policy = self.agreements.in_effect(&last.agreement, self.period.to());
        let policy = policy.ok_or(Unbound::NoAgreement)?;
        let mut entered = BTreeSet::new();
        for (version, days) in stretches(versions, self.period) {
            if !self.filter.takes(version, &policy.id) {
                continue;
            }
            let part = rate_between(counts, policy, version.category, days);
            let key = (self.by.group(version, policy), policy.id.clone());
            let sum = self.groups.entry(key.clone()).or_default();
            sum.rate.join(&part);
            // A centre that leaves a group and comes back is one centre.
            if entered.insert(key) {
                sum.centres += 1;
            }
        }
        Ok(())
    }

    /// The groups and their sums.
    pub fn finish(self) -> BTreeMap<(Group, AgreementId), Aggregate> {
        let agreements = self.agreements;
        let finished = self.groups.into_iter().filter_map(|(key, sum)| {
            let rate = sum.rate.aggregated(agreements.get(&key.1)?);
            Some((key, Aggregate { rate, ..sum }))
        });
        finished.collect()
    }
}

/// The days of the period under each version. The first version also holds the days before it: a unit is in
/// some group, whatever its day.
fn stretches(versions: &[Centre], period: Period) -> impl Iterator<Item = (&Centre, (Day, Day))> {
    let starts = versions.iter().enumerate().map(move |(index, version)| {
        let from = if index == 0 {
            period.from()
        } else {
            version.from.max(period.from())
        };
        let next = versions.get(index + 1);
        let to = next.map_or(period.to(), |next| next.from.plus_days(-1).min(period.to()));
        (version, (from, to))
    });
    starts.filter(|(_, (from, to))| from <= to)
}

#[cfg(test)]
mod tests;
