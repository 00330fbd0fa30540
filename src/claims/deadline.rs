//! The legal times of a document: by when it must have left, when paper is owed, when it lapses.
//!
//! Every span ends at 24:00 in Paris of its last day. A deadline never stops anything: late is not lost
//! (Cass. civ. 2, 8 October 2015, n° 14-20.252), so it is counted and shown, and the document still goes.

use std::time::Duration;

use crate::claims::calendar::Calendar;
use crate::claims::document::{Facts, Kind, ThirdParty};
use crate::claims::tally::Lateness;
use crate::claims::terms::{Region, Terms};
use crate::claims::time::{Day, Timestamp};

/// The last day on which a document can be transmitted in time; none for a PJ and a PEC, for which the
/// law sets none.
pub fn deadline(facts: &Facts, region: Region, terms: &Terms) -> Option<Day> {
    let part = settled_part(facts.key.kind, facts.third_party_amo, facts.third_party_amc)?;
    Some(last_day(facts.clock_day, part, region, terms))
}

/// Tiers payant of the part that the destination of a document settles; none for a PJ and a PEC, which
/// ask for no payment.
///
/// An FSE goes to the AMO: the AMO part decides, also where that AMO settles the AMC part for another,
/// because the centre's dispense d'avance towards its destination is that of the AMO part. A DRE goes to
/// the AMC: the AMC part decides.
pub fn settled_part(kind: Kind, amo: ThirdParty, amc: ThirdParty) -> Option<ThirdParty> {
    match kind {
        Kind::Fse => Some(amo),
        Kind::Dre => Some(amc),
        Kind::Pj | Kind::Pec => None,
    }
}

/// The last day in time for a clock that starts on `clock_day`: day 0 is that day, and the deadline the
/// 3rd working day after it when the patient paid, the 8th under tiers payant (R161-47 CSS, which binds
/// centres by D162-24).
pub fn last_day(clock_day: Day, part: ThirdParty, region: Region, terms: &Terms) -> Day {
    let days = match part {
        ThirdParty::PatientPaid => terms.patient_paid_days,
        ThirdParty::InsurerPays => terms.third_party_days,
    };
    Calendar::new(region, terms).add_working_days(clock_day, u32::from(days))
}

/// Whether a document left in time.
///
/// The clock stops at the start of the first attempt whose taking is proven by an answer, a status or a
/// receipt; `None` where there is no such attempt yet.
pub fn late(deadline: Option<Day>, proven_attempt: Option<Timestamp>) -> Lateness {
    match (deadline, proven_attempt) {
        (_, None) => Lateness::Unproven,
        (Some(day), Some(start)) if passed(day, start) => Lateness::Late,
        (Some(_) | None, Some(_)) => Lateness::InTime,
    }
}

/// Whether an instant is after the end of a last day: 24:00 in Paris is too late.
pub fn passed(last_day: Day, at: Timestamp) -> bool {
    at >= last_day.end()
}

/// The hours before the end of its last day at which somebody must hear of a document that is not taken: the first is
/// the longest, and from it on the document is at risk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alerts(Vec<u16>);

/// What is wrong with alert hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to {} numbers of hours from 1 on, each smaller than the one before",
    Alerts::MOST
)]
pub struct AlertsError;

impl Alerts {
    /// So many alerts at most.
    pub const MOST: usize = 8;

    /// Takes hours before the end of a last day, the longest first.
    ///
    /// # Errors
    /// [`AlertsError`] when there are none, more than [`Alerts::MOST`], a zero, or one that is not smaller than the one before.
    pub fn new(hours: Vec<u16>) -> Result<Alerts, AlertsError> {
        let counted = (1..=Alerts::MOST).contains(&hours.len());
        let falling = hours.is_sorted_by(|before, after| before > after);
        if !counted || !falling || hours.last() == Some(&0) {
            return Err(AlertsError);
        }
        Ok(Alerts(hours))
    }

    /// The hours, the longest first.
    pub fn hours(&self) -> &[u16] {
        &self.0
    }

    /// When somebody must hear of a document with that last day: the hours of each alert and its instant, in order.
    pub fn of(&self, last_day: Day) -> impl Iterator<Item = (u16, Timestamp)> {
        let instant = move |hours| {
            let before = Duration::from_secs(u64::from(hours) * 3600);
            (hours, last_day.end() - before)
        };
        self.0.iter().copied().map(instant)
    }
}

/// No document that is not owed on paper yet was admitted before this day: its clock starts no later than its admission,
/// and no span of working days lasts longer than twice as many days and two weeks of holidays.
pub fn oldest_not_owed(today: Day, terms: &Terms) -> Day {
    let working = terms.patient_paid_days.max(terms.third_party_days);
    let working = i32::from(working) + i32::from(terms.paper_owed_after_days);
    today.plus_days(-(2 * working + 14))
}

/// The instant from which paper is owed: so many working days after `day`, which is the deadline of a
/// document that was not taken, or the day of a refusal without replacement.
pub fn paper_owed(day: Day, region: Region, terms: &Terms) -> Timestamp {
    Calendar::new(region, terms)
        .add_working_days(day, u32::from(terms.paper_owed_after_days))
        .end()
}

/// The instant from which a PJ is owed on paper that could be sent on `day` and has no receipt, or was refused on it.
pub fn pj_paper_owed(day: Day, terms: &Terms) -> Timestamp {
    day.plus_days(i32::from(terms.pj_paper_days)).end()
}

/// The instant from which the receipt of a lot taken on `day` is overdue.
pub fn receipt_overdue(day: Day, region: Region, terms: &Terms) -> Timestamp {
    Calendar::new(region, terms)
        .add_working_days(day, u32::from(terms.receipt_expected_days))
        .end()
}

/// The instant from which a document acknowledged on `day` and never settled is unsettled.
pub fn unsettled(day: Day, terms: &Terms) -> Timestamp {
    day.plus_days(i32::from(terms.unsettled_after_days)).end()
}

/// The instant at which a document refused on `day` and never replaced lapses.
pub fn lapsed(day: Day, terms: &Terms) -> Timestamp {
    day.plus_days(i32::from(terms.lapsed_after_days)).end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ThirdParty::{InsurerPays, PatientPaid};

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_deadline_is_the_end_of_the_third_or_eighth_working_day() {
        let (metropole, alsace) = (Region::Metropole, Region::AlsaceMoselle);
        for (clock, part, region, last, end) in [
            (
                "2026-11-02",
                PatientPaid,
                metropole,
                "2026-11-05",
                "2026-11-05T23:00:00Z",
            ),
            (
                "2026-11-02",
                InsurerPays,
                metropole,
                "2026-11-13",
                "2026-11-13T23:00:00Z",
            ),
            (
                "2026-10-23",
                PatientPaid,
                metropole,
                "2026-10-28",
                "2026-10-28T23:00:00Z",
            ),
            (
                "2026-07-10",
                PatientPaid,
                metropole,
                "2026-07-16",
                "2026-07-16T22:00:00Z",
            ),
            (
                "2026-04-02",
                PatientPaid,
                metropole,
                "2026-04-08",
                "2026-04-08T22:00:00Z",
            ),
            (
                "2026-04-02",
                PatientPaid,
                alsace,
                "2026-04-09",
                "2026-04-09T22:00:00Z",
            ),
        ] {
            let found = last_day(day(clock), part, region, &Terms::default());
            assert_eq!((found, found.end()), (day(last), at(end)), "{clock}");
        }
    }

    #[test]
    fn the_part_that_the_destination_settles_decides() {
        for (kind, amo, amc, expected) in [
            (Kind::Fse, InsurerPays, PatientPaid, Some(InsurerPays)),
            (Kind::Fse, PatientPaid, InsurerPays, Some(PatientPaid)),
            (Kind::Dre, InsurerPays, PatientPaid, Some(PatientPaid)),
            (Kind::Dre, PatientPaid, InsurerPays, Some(InsurerPays)),
            (Kind::Pj, InsurerPays, InsurerPays, None),
            (Kind::Pec, InsurerPays, InsurerPays, None),
        ] {
            assert_eq!(settled_part(kind, amo, amc), expected, "{kind:?}");
        }
    }

    #[test]
    fn late_begins_at_midnight_in_paris() {
        let deadline = Some(day("2026-11-05"));
        let (before, after) = (at("2026-11-05T22:59:59.999Z"), at("2026-11-05T23:00:00Z"));
        for (deadline, proven, expected) in [
            (deadline, Some(before), Lateness::InTime),
            (deadline, Some(after), Lateness::Late),
            (deadline, None, Lateness::Unproven),
            (None, Some(after), Lateness::InTime),
            (None, None, Lateness::Unproven),
        ] {
            assert_eq!(late(deadline, proven), expected);
        }
    }

    #[test]
    fn the_other_spans() {
        let (terms, region) = (Terms::default(), Region::Metropole);
        for (found, expected, what) in [
            (
                paper_owed(day("2026-11-05"), region, &terms),
                "2026-11-09T23:00:00Z",
                "not taken",
            ),
            (
                paper_owed(day("2026-11-09"), region, &terms),
                "2026-11-12T23:00:00Z",
                "refused",
            ),
            (
                pj_paper_owed(day("2026-11-05"), &terms),
                "2026-11-10T23:00:00Z",
                "PJ",
            ),
            (
                receipt_overdue(day("2026-11-10"), region, &terms),
                "2026-11-13T23:00:00Z",
                "receipt",
            ),
            (
                unsettled(day("2026-08-01"), &terms),
                "2026-09-30T22:00:00Z",
                "unsettled",
            ),
            (
                lapsed(day("2026-08-01"), &terms),
                "2026-10-30T23:00:00Z",
                "lapsed",
            ),
        ] {
            assert_eq!(found, at(expected), "{what}");
        }
    }

    #[test]
    fn alerts_fall_and_each_has_its_instant() {
        for wrong in [
            &[][..],
            &[0],
            &[24, 24],
            &[24, 48],
            &[24, 0],
            &[9, 8, 7, 6, 5, 4, 3, 2, 1],
        ] {
            assert_eq!(Alerts::new(wrong.to_vec()), Err(AlertsError), "{wrong:?}");
        }
        let alerts = Alerts::new(vec![48, 6]).unwrap();
        let of: Vec<_> = alerts.of(day("2026-11-05")).collect();
        let expected = [
            (48, at("2026-11-03T23:00:00Z")),
            (6, at("2026-11-05T17:00:00Z")),
        ];
        assert_eq!(of, expected);
    }

    #[test]
    fn no_span_begins_before_the_oldest_that_is_not_owed() {
        let region = Region::AlsaceMoselle;
        for days in 0..=30 {
            let terms = Terms {
                patient_paid_days: days,
                third_party_days: days,
                paper_owed_after_days: days,
                ..Terms::default()
            };
            // Around Easter, May and Christmas the most days are no working days.
            for first in 0..366 {
                let clock = day("2026-01-01").plus_days(first);
                let last = last_day(clock, InsurerPays, region, &terms);
                let owed = paper_owed(last, region, &terms);
                let today = (owed - Duration::from_secs(1)).day();
                assert!(
                    oldest_not_owed(today, &terms) <= clock,
                    "{days} from {clock}"
                );
            }
        }
    }
}
