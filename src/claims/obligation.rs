//! The obligation of a centre over a period: which agreement and category bind it, and its rate under them.
//!
//! The verdict is that of the agreement and category in effect on the last day, on the whole period; where
//! either changed within it, each stretch of days is shown beside it.

use std::collections::BTreeSet;

use crate::claims::agreement::{Agreement, Agreements, Threshold};
use crate::claims::document::AgreementId;
use crate::claims::fraction::Distance;
use crate::claims::period::Period;
use crate::claims::rate::{Rate, rate};
use crate::claims::registry::{Category, Centre};
use crate::claims::tally::Counts;
use crate::claims::time::Day;

/// The rate of one centre over one period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obligation {
    /// The period.
    pub period: Period,
    /// Category on the last day.
    pub category: Category,
    /// Agreement in effect on the last day.
    pub agreement: AgreementId,
    /// The rate of the whole period under it.
    pub rate: Rate,
    /// How far that rate is from the thresholds of the reference policies.
    pub references: Vec<Reference>,
    /// The stretches of the period, when category or agreement changed within it; empty otherwise.
    pub segments: Vec<Segment>,
}

/// A distance to the threshold of a reference policy: no verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The policy.
    pub policy: AgreementId,
    /// Its threshold for the category.
    pub threshold: Threshold,
    /// How far the rate lies above it; none without activity.
    pub distance: Option<Distance>,
}

/// Days of a period under one agreement and category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First day.
    pub from: Day,
    /// Last day.
    pub to: Day,
    /// Category.
    pub category: Category,
    /// Agreement.
    pub agreement: AgreementId,
    /// The rate of these days under it.
    pub rate: Rate,
}

/// Why there is no obligation to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unbound {
    /// The centre was not registered by the end of the period.
    #[error("the centre was not registered by the end of the period")]
    NotRegistered,
    /// The agreement named by the registry is not known, or not yet in force then.
    #[error("no known agreement was in effect for the centre at the end of the period")]
    NoAgreement,
}

/// The obligation of the centre whose registered versions and counts these are.
pub fn of_centre(
    versions: &[Centre],
    counts: &Counts,
    agreements: &Agreements,
    period: Period,
) -> Result<Obligation, Unbound> {
    let version = Centre::begun(versions, period.to()).ok_or(Unbound::NotRegistered)?;
    let agreement = agreements
        .in_effect(&version.agreement, period.to())
        .ok_or(Unbound::NoAgreement)?;
    let category = version.category;
    let rate = rate_between(counts, agreement, category, (period.from(), period.to()));
    Ok(Obligation {
        period,
        category,
        agreement: agreement.id.clone(),
        references: references(agreements, category, &rate),
        rate,
        segments: segments(versions, counts, agreements, period),
    })
}

fn references(agreements: &Agreements, category: Category, rate: &Rate) -> Vec<Reference> {
    let compared = agreements.references().filter_map(|policy| {
        let threshold = policy.threshold(category)?;
        Some(Reference {
            policy: policy.id.clone(),
            threshold,
            distance: rate.distance(threshold),
        })
    });
    compared.collect()
}

fn segments(
    versions: &[Centre],
    counts: &Counts,
    agreements: &Agreements,
    period: Period,
) -> Vec<Segment> {
    let stretches = stretches(versions, agreements, period);
    if stretches.len() < 2 {
        return Vec::new();
    }
    let computed = stretches.into_iter().map(|stretch| Segment {
        from: stretch.from,
        to: stretch.to,
        category: stretch.category,
        agreement: stretch.agreement.id.clone(),
        rate: rate_between(
            counts,
            stretch.agreement,
            stretch.category,
            (stretch.from, stretch.to),
        ),
    });
    computed.collect()
}

struct Stretch<'a> {
    from: Day,
    to: Day,
    category: Category,
    agreement: &'a Agreement,
}

/// The longest stretches of days of the period with one category and agreement. Days before the centre was
/// registered belong to none.
fn stretches<'a>(
    versions: &[Centre],
    agreements: &'a Agreements,
    period: Period,
) -> Vec<Stretch<'a>> {
    let mut changes = BTreeSet::from([period.from()]);
    changes.extend(versions.iter().map(|version| version.from));
    changes.extend(agreements.all().map(|agreement| agreement.in_force_from));
    changes.retain(|day| period.contains(*day));
    let starts: Vec<Day> = changes.into_iter().collect();
    let mut found: Vec<Stretch<'a>> = Vec::new();
    for (index, from) in starts.iter().copied().enumerate() {
        let next = starts.get(index + 1).map(|next| next.plus_days(-1));
        let to = next.unwrap_or(period.to());
        let Some(version) = Centre::begun(versions, from) else {
            continue;
        };
        let Some(agreement) = agreements.in_effect(&version.agreement, from) else {
            continue;
        };
        let stretch = Stretch {
            from,
            to,
            category: version.category,
            agreement,
        };
        match found.last_mut().filter(|last| last.goes_on_in(&stretch)) {
            Some(last) => last.to = to,
            None => found.push(stretch),
        }
    }
    found
}

impl Stretch<'_> {
    fn goes_on_in(&self, next: &Stretch<'_>) -> bool {
        self.to.plus_days(1) == next.from
            && self.category == next.category
            && self.agreement.id == next.agreement.id
    }
}

/// The rate of the days, both included, for a category under an agreement.
pub(super) fn rate_between(
    counts: &Counts,
    agreement: &Agreement,
    category: Category,
    days: (Day, Day),
) -> Rate {
    let units = counts.units(agreement.counting.day_basis, days);
    rate(agreement, category, units, counts.paper(days))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::claims::agreement::tests::{agreement, day, id};
    use crate::claims::agreement::{Comparator, Role};
    use crate::claims::document::{Exclusions, Kind, Mode};
    use crate::claims::id::{Amo, Destination, Finess, Name};
    use crate::claims::rate::Verdict;
    use crate::claims::standing::{Receipted, Standing};
    use crate::claims::tally::{Cell, DayBasis, Lateness, PaperCell};
    use crate::claims::terms::Region;

    fn caisse() -> Amo {
        Amo::new("01", "751", "0000").unwrap()
    }

    fn version(from: &str, category: Category) -> Centre {
        Centre {
            finess: Finess::parse("750000010").unwrap(),
            name: "Centre".into(),
            category,
            gestionnaire: Name::parse("750000028").unwrap(),
            caisse: caisse(),
            region: Region::Metropole,
            agreement: id("old"),
            from: day(from),
            until: None,
        }
    }

    /// One acknowledged FSE on each of the days, all of them declared.
    fn counts(days: &[&str]) -> Counts {
        let mut counts = Counts::default();
        for text in days {
            let cell = Cell {
                basis: DayBasis::Clock,
                centre: Finess::parse("750000010").unwrap(),
                day: day(text),
                kind: Kind::Fse,
                mode: Mode::Secured,
                destination: Destination::Amo(caisse()),
                standing: Standing::Acknowledged,
                receipted: Receipted::Yes,
                late: Lateness::InTime,
                exclusions: Exclusions::NONE,
            };
            counts.add_units(cell, 1);
            let declared = PaperCell {
                centre: cell.centre,
                day: cell.day,
                caisse: None,
            };
            counts.add_paper(declared, 1);
        }
        counts
    }

    fn agreements() -> Agreements {
        let threshold = Threshold {
            comparator: Comparator::AtLeast,
            fraction: (7, 10),
        };
        let thresholds = BTreeMap::from([(Category::Medical, threshold)]);
        let mut new = agreement("new", "2025-10-16");
        new.succeeds = Some(id("old"));
        new.thresholds = thresholds.clone();
        let mut reference = agreement("seventy", "2016-01-01");
        reference.role = Role::Reference;
        reference.thresholds = thresholds;
        Agreements::new(vec![agreement("old", "2016-01-01"), new, reference]).unwrap()
    }

    fn period(text: &str) -> Period {
        Period::parse(text, day("2026-01-01")).unwrap()
    }

    fn of(versions: &[Centre], counts: &Counts, text: &str) -> Result<Obligation, Unbound> {
        of_centre(versions, counts, &agreements(), period(text))
    }

    #[test]
    fn the_last_day_decides_on_the_whole_period() {
        let versions = [version("2020-01-01", Category::Medical)];
        let counts = counts(&["2025-10-01", "2025-10-15", "2025-10-16", "2025-12-31"]);
        let found = of(&versions, &counts, "2025-Q4").unwrap();
        assert_eq!(
            (found.agreement, found.category),
            (id("new"), Category::Medical)
        );
        assert_eq!(
            (found.rate.denominator, found.rate.verdict),
            (4, Verdict::Reached)
        );
        let segments: Vec<_> = found
            .segments
            .iter()
            .map(|s| {
                let days = format!("{} {}", s.from, s.to);
                (
                    days,
                    s.agreement.clone(),
                    s.rate.denominator,
                    s.rate.verdict,
                )
            })
            .collect();
        assert_eq!(
            segments,
            [
                (
                    "2025-10-01 2025-10-15".to_owned(),
                    id("old"),
                    2,
                    Verdict::NoThreshold
                ),
                (
                    "2025-10-16 2025-12-31".to_owned(),
                    id("new"),
                    2,
                    Verdict::Reached
                ),
            ]
        );
    }

    #[test]
    fn a_category_that_changes_makes_segments() {
        let versions = [
            version("2026-02-10", Category::Medical),
            version("2026-02-20", Category::Dentaire),
            version("2026-02-25", Category::Dentaire),
        ];
        let counts = counts(&["2026-02-10", "2026-02-19", "2026-02-20", "2026-02-28"]);
        let found = of(&versions, &counts, "2026-02").unwrap();
        assert_eq!(
            (found.category, found.rate.verdict),
            (Category::Dentaire, Verdict::NoThreshold)
        );
        let days: Vec<_> = found
            .segments
            .iter()
            .map(|s| format!("{} {} {}", s.from, s.to, s.category.as_str()))
            .collect();
        assert_eq!(
            days,
            [
                "2026-02-10 2026-02-19 medical",
                "2026-02-20 2026-02-28 dentaire"
            ]
        );
        let denominators: i64 = found.segments.iter().map(|s| s.rate.denominator).sum();
        assert_eq!(denominators, found.rate.denominator);
    }

    #[test]
    fn one_stretch_is_no_segment_and_days_outside_do_not_count() {
        let versions = [version("2020-01-01", Category::Medical)];
        let counts = counts(&["2026-01-31", "2026-02-01", "2026-02-28", "2026-03-01"]);
        let found = of(&versions, &counts, "2026-02").unwrap();
        assert_eq!((found.rate.denominator, found.segments.len()), (2, 0));
        let [reference] = &found.references[..] else {
            panic!("one reference policy: {:?}", found.references);
        };
        let distance = reference.distance.unwrap();
        assert_eq!((distance.numerator(), distance.denominator()), (3, 10));
    }

    #[test]
    fn an_unbound_centre_has_no_rate() {
        let mut unknown = version("2020-01-01", Category::Medical);
        unknown.agreement = id("nothing");
        let early = version("2010-01-01", Category::Medical);
        let counts = Counts::default();
        for (version, text, why) in [
            (
                version("2026-03-01", Category::Medical),
                "2026-02",
                Unbound::NotRegistered,
            ),
            (unknown, "2026-02", Unbound::NoAgreement),
            (early, "2015", Unbound::NoAgreement),
        ] {
            assert_eq!(of(&[version], &counts, text), Err(why), "{text}");
        }
    }
}
