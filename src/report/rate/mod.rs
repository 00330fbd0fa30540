//! Rates as they are said to people and programs: of one centre, of a list of centres, of groups of centres.
//!
//! Every answer says under which policy, up to which entry, and whether the counts were balanced. It is the
//! rate computed by the gateway, and not the caisse's.

pub mod closing;
pub mod explain;
pub mod forecast;
pub mod past;
pub mod shapes;
pub mod table;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::claims::aggregate::{Aggregate, By, Filter, Group, Sums};
use crate::claims::agreement::Agreements;
use crate::claims::document::AgreementId;
use crate::claims::id::{Amo, Finess};
use crate::claims::obligation::Obligation;
use crate::claims::period::Period;
use crate::claims::registry::{Centre, Registry};
use crate::report::Error;
use crate::report::count::snapshot::Snapshot;
use crate::report::rate::shapes::{
    Basis, PeriodShape, RateShape, ReferenceShape, SegmentShape, basis, digest_of,
};

/// `GET /v1/centres/{finess}/rate`: the rate of one centre over one period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CentreRate {
    /// FINESS.
    pub centre: String,
    /// Name in the registry on the last day.
    pub name: String,
    /// The period.
    pub period: PeriodShape,
    /// Category on the last day.
    pub category: &'static str,
    /// Agreement in effect on the last day.
    pub agreement: String,
    /// SHA-256 of its canonical form, as in statements: an earlier answer is recomputed by the policy that has this id
    /// now, and was another one if it said another digest.
    pub policy: Option<String>,
    /// What this is, in words.
    pub statement: String,
    /// What it was computed from.
    pub basis: Basis,
    /// The rate and all its counts.
    #[serde(flatten)]
    pub counts: RateShape,
    /// Distances to the thresholds of reference policies.
    pub references: Vec<ReferenceShape>,
    /// Stretches of the period with another agreement or category; empty when there was one.
    pub segments: Vec<SegmentShape>,
}

/// `GET /v1/rates`: one page of centres, in order of FINESS.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rates {
    /// The period.
    pub period: PeriodShape,
    /// What they were computed from.
    pub basis: Basis,
    /// Centres that an agreement binds in the period.
    pub rates: Vec<CentreRate>,
    /// Centres of this page without a rate, and why.
    pub without: Vec<WithoutRate>,
    /// Pass it as `after` for the next page; none on the last.
    pub next: Option<String>,
}

/// `GET /v1/rates?by=`: one page of groups of centres.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Groups {
    /// The period.
    pub period: PeriodShape,
    /// By what centres are put together.
    pub by: &'static str,
    /// What they were computed from.
    pub basis: Basis,
    /// The groups, in order.
    pub groups: Vec<GroupRate>,
    /// Centres asked for that are in no group, and why; all on the first page.
    pub without: Vec<WithoutRate>,
    /// Pass it as `after` for the next page; none on the last.
    pub next: Option<String>,
}

/// The rate of one group under one agreement: sums over sums.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupRate {
    /// A gestionnaire, category, caisse, agreement, or `all`.
    pub group: String,
    /// The name that a gestionnaire or caisse is registered under on the last day of the period.
    pub name: Option<String>,
    /// The agreement by which its centres are counted.
    pub agreement: String,
    /// The digest of its rule, as [`CentreRate::policy`].
    pub policy: Option<String>,
    /// How many centres are in it on at least one day of the period.
    pub centres: u64,
    /// What this is, in words.
    pub statement: String,
    /// The sums. A group has no verdict of its own: the obligation is each centre's.
    #[serde(flatten)]
    pub counts: RateShape,
}

/// Which centres a list holds.
pub struct Selection<'a> {
    /// Whether the caller may see a centre.
    pub scope: &'a dyn Fn(Finess) -> bool,
    /// Which registrations are asked for.
    pub filter: &'a Filter,
    /// What `next` of the page before said.
    pub after: Option<&'a str>,
    /// At most so many.
    pub most: usize,
}

/// A centre that nothing binds in the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WithoutRate {
    /// FINESS.
    pub centre: String,
    /// Why.
    pub reason: String,
}

/// The rate of one centre over a period.
///
/// # Errors
/// As [`Snapshot::obligation`].
pub fn of_centre(
    snapshot: &Snapshot,
    agreements: &Agreements,
    centre: Finess,
    period: Period,
) -> Result<CentreRate, Error> {
    let obligation = snapshot.obligation(agreements, centre, period)?;
    Ok(shape(snapshot, agreements, centre, &obligation))
}

/// The rates of a page of centres over a period.
///
/// # Errors
/// [`Error::NotCounted`] before the first count, [`Error::Cursor`].
pub fn of_all(
    snapshot: &Snapshot,
    agreements: &Agreements,
    period: Period,
    selection: &Selection<'_>,
) -> Result<Rates, Error> {
    if snapshot.counted_at.is_none() {
        return Err(Error::NotCounted);
    }
    let after = selection.after.map(Finess::parse).transpose();
    let after = after.map_err(|_| Error::Cursor)?;
    let asked = |finess: &&Finess| {
        after.is_none_or(|after| **finess > after)
            && (selection.scope)(**finess)
            && takes(snapshot, agreements, period, selection.filter, **finess)
    };
    let mut found = snapshot.centres.keys().filter(asked);
    let (mut rates, mut without, mut last) = (Vec::new(), Vec::new(), None);
    for finess in found.by_ref().take(selection.most) {
        last = Some(*finess);
        match of_centre(snapshot, agreements, *finess, period) {
            Ok(rate) => rates.push(rate),
            Err(Error::Unbound(unbound)) => without.push(WithoutRate {
                centre: finess.to_string(),
                reason: unbound.to_string(),
            }),
            Err(error) => return Err(error),
        }
    }
    let goes_on = found.next().is_some();
    Ok(Rates {
        period: period.into(),
        basis: basis(snapshot),
        rates,
        without,
        next: last.filter(|_| goes_on).map(|last| last.to_string()),
    })
}

/// Whether a centre is asked for, by its registration on the last day.
fn takes(
    snapshot: &Snapshot,
    agreements: &Agreements,
    period: Period,
    filter: &Filter,
    centre: Finess,
) -> bool {
    if *filter == Filter::default() {
        return true;
    }
    let Some(version) = snapshot.version(centre, period) else {
        return filter.centre == Some(centre);
    };
    let policy = agreements.in_effect(&version.agreement, period.to());
    let policy = policy.map_or(&version.agreement, |policy| &policy.id);
    filter.takes(version, policy)
}

/// The rates of a page of groups over a period.
///
/// # Errors
/// [`Error::NotCounted`] before the first count, [`Error::Cursor`].
pub fn of_groups(
    snapshot: &Snapshot,
    agreements: &Agreements,
    (by, period): (By, Period),
    selection: &Selection<'_>,
) -> Result<Groups, Error> {
    if snapshot.counted_at.is_none() {
        return Err(Error::NotCounted);
    }
    let mut sums = Sums::new(by, selection.filter, agreements, period);
    let mut without = Vec::new();
    let seen = |finess: &Finess| (selection.scope)(*finess);
    let asked = |finess| takes(snapshot, agreements, period, selection.filter, finess);
    for (finess, centre) in snapshot.centres.iter().filter(|(finess, _)| seen(finess)) {
        if let Err(unbound) = sums.add(&centre.versions, &centre.counts)
            && selection.after.is_none()
            && asked(*finess)
        {
            without.push(WithoutRate {
                centre: finess.to_string(),
                reason: unbound.to_string(),
            });
        }
    }
    let sums = sums.finish();
    let (groups, next) = page(&sums, agreements, selection)?;
    Ok(Groups {
        period: period.into(),
        by: by.as_str(),
        basis: basis(snapshot),
        groups,
        without,
        next,
    })
}

impl Groups {
    /// Gives gestionnaires and caisses the names that the registry has for them on the last day of the period.
    pub fn named(&mut self, (by, period): (By, Period), registry: &Registry) {
        let day = period.to();
        for group in &mut self.groups {
            let name = match by {
                By::Gestionnaire => registry.gestionnaire(&group.group, day),
                By::Caisse => {
                    let code = Amo::parse(&group.group).ok();
                    code.and_then(|code| registry.caisse(code, day))
                }
                By::Centre | By::Category | By::Agreement | By::All => None,
            };
            group.name = name.map(str::to_owned);
        }
    }
}

/// The groups of a page, and the name of its last one if more follow.
fn page(
    sums: &BTreeMap<(Group, AgreementId), Aggregate>,
    agreements: &Agreements,
    selection: &Selection<'_>,
) -> Result<(Vec<GroupRate>, Option<String>), Error> {
    let name = |(group, agreement): &(Group, AgreementId)| format!("{group} {agreement}");
    let mut rows = sums.iter();
    if let Some(after) = selection.after {
        rows.find(|(key, _)| name(key) == after)
            .ok_or(Error::Cursor)?;
    }
    let (mut groups, mut last) = (Vec::new(), None);
    for (key, sum) in rows.by_ref().take(selection.most) {
        last = Some(name(key));
        groups.push(GroupRate {
            group: key.0.to_string(),
            name: None,
            agreement: key.1.to_string(),
            policy: digest_of(agreements, &key.1),
            centres: sum.centres,
            statement: method(&key.1),
            counts: RateShape::from(&sum.rate),
        });
    }
    Ok((groups, last.filter(|_| rows.next().is_some())))
}

fn shape(
    snapshot: &Snapshot,
    agreements: &Agreements,
    centre: Finess,
    obligation: &Obligation,
) -> CentreRate {
    let version: Option<&Centre> = snapshot.version(centre, obligation.period);
    let references = obligation.references.iter().map(ReferenceShape::from);
    let segments = obligation.segments.iter();
    let segments = segments.map(|segment| SegmentShape::new(segment, agreements));
    CentreRate {
        centre: centre.to_string(),
        name: version.map_or_else(String::new, |version| version.name.clone()),
        period: obligation.period.into(),
        category: obligation.category.as_str(),
        agreement: obligation.agreement.to_string(),
        policy: digest_of(agreements, &obligation.agreement),
        statement: method(&obligation.agreement),
        basis: basis(snapshot),
        counts: RateShape::from(&obligation.rate),
        references: references.collect(),
        segments: segments.collect(),
    }
}

/// What every figure of ours is called.
pub(in crate::report) fn method(policy: &AgreementId) -> String {
    format!("rate computed by the gateway under policy {policy}")
}
