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

/// The instant from which a document not yet taken is at risk: `before` the end of its deadline.
pub fn at_risk(deadline: Day, before: Duration) -> Timestamp {
    deadline.end() - before
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
        let hour = Duration::from_secs(3600);
        for (found, expected, what) in [
            (
                at_risk(day("2026-11-05"), 24 * hour),
                "2026-11-04T23:00:00Z",
                "at risk",
            ),
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
}
