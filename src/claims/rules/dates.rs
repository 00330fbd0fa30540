//! Dates: possible, in order, not of the future; and whether the legal deadline has passed already.

use chrono::Months;

use super::sheet::Sheet;
use super::{Context, Rule};
use crate::claims::deadline;
use crate::claims::document::{At, ClockBasis, Coverage, Document, Kind, Nature, ThirdParty};
use crate::claims::terms::Region;
use crate::claims::time::Day;

/// Years after which care is old.
const OLD_YEARS: u32 = 2;

/// Checks the order of the dates.
pub(super) fn check(document: &Document, today: Day, sheet: &mut Sheet) {
    check_clock(document, today, sheet);
    check_acts(document, today, sheet);
    check_prescribed(document, today, sheet);
    if let Some(coverage) = &document.coverage {
        check_accident(document, coverage, today, sheet);
    }
}

/// The day of the care: the last act's, or the clock's where there is no act.
pub(super) fn care_day(document: &Document) -> Day {
    last_act(document).unwrap_or(document.clock.value.1)
}

/// The deadline of the document, and a warning where it has passed.
pub(super) fn check_deadline(
    document: &Document,
    region: Region,
    context: &Context<'_>,
    sheet: &mut Sheet,
) -> Option<Day> {
    let kind = document.kind.value;
    let part = deadline::settled_part(kind, document.third_party_amo, document.third_party_amc)?;
    let last = deadline::last_day(document.clock.value.1, part, region, context.terms);
    if deadline::passed(last, context.now) {
        sheet.add(Rule::DeadlinePassed, document.clock.spot);
    }
    Some(last)
}

fn check_clock(document: &Document, today: Day, sheet: &mut Sheet) {
    let At {
        value: (basis, day),
        spot,
    } = document.clock;
    if day > today {
        return sheet.add(Rule::ClockFuture, spot);
    }
    // A PJ and a PEC have no such clock: their date is that of the piece or of the request.
    match document.kind.value {
        Kind::Fse | Kind::Dre => {}
        Kind::Pj | Kind::Pec => return,
    }
    // An act of the future is a fault of its own and says nothing about the clock.
    let last = last_act(document).filter(|last| *last <= today);
    match basis {
        ClockBasis::Completed | ClockBasis::Paid if last.is_some_and(|last| day < last) => {
            sheet.add(Rule::ClockBeforeCare, spot);
        }
        ClockBasis::LastAct if last.is_some_and(|last| day != last) => {
            sheet.add(Rule::ClockNotLastAct, spot);
        }
        ClockBasis::Completed | ClockBasis::Paid | ClockBasis::LastAct => {}
    }
    let parts = (document.third_party_amo, document.third_party_amc);
    let nothing_paid = parts == (ThirdParty::InsurerPays, ThirdParty::InsurerPays);
    if basis == ClockBasis::Paid && nothing_paid {
        sheet.add(Rule::ClockPaidThirdParty, spot);
    }
}

fn check_acts(document: &Document, today: Day, sheet: &mut Sheet) {
    let birth = birth_of_patient(document, today);
    let old = today.date().checked_sub_months(Months::new(OLD_YEARS * 12));
    for act in &document.acts {
        let At { value: day, spot } = act.date;
        if birth.is_some_and(|birth| day < birth) {
            sheet.add(Rule::ActBeforeBirth, spot);
        } else if old.is_some_and(|old| day.date() < old) {
            sheet.add(Rule::ActOld, spot);
        }
        // A PEC asks for care to come.
        if day > today && document.kind.value != Kind::Pec {
            sheet.add(Rule::ActFuture, spot);
        }
    }
}

fn check_prescribed(document: &Document, today: Day, sheet: &mut Sheet) {
    let prescriber = document.prescriber.as_ref();
    let Some(At { value: day, spot }) =
        prescriber.and_then(|prescriber| prescriber.prescribed.as_ref())
    else {
        return;
    };
    if *day > today {
        sheet.add(Rule::PrescribedFuture, *spot);
    } else if first_act(document).is_some_and(|first| *day > first) {
        sheet.add(Rule::PrescribedAfterAct, *spot);
    }
}

fn check_accident(document: &Document, coverage: &Coverage, today: Day, sheet: &mut Sheet) {
    let nature = coverage.nature.value;
    let Some(At { value: day, spot }) = coverage.accident_date else {
        if nature == Nature::AccidentDuTravail {
            sheet.add(Rule::AccidentMissing, coverage.nature.spot);
        }
        return;
    };
    match nature {
        // Maladie covers common-law accidents.
        Nature::AccidentDuTravail | Nature::Maladie => {}
        Nature::Maternite | Nature::Prevention | Nature::SoinsGratuits => {
            return sheet.add(Rule::AccidentUnexpected, spot);
        }
    }
    if first_act(document).is_some_and(|first| day > first) {
        sheet.add(Rule::AccidentAfterAct, spot);
    } else if birth_of_patient(document, today).is_some_and(|birth| day < birth) {
        sheet.add(Rule::AccidentBeforeBirth, spot);
    }
}

/// The patient's birth date, unless it is of the future, which has its own finding.
fn birth_of_patient(document: &Document, today: Day) -> Option<Day> {
    let birth = document.beneficiary.as_ref()?.birth_date.as_ref()?;
    Some(birth.value).filter(|birth| *birth <= today)
}

fn first_act(document: &Document) -> Option<Day> {
    document.acts.iter().map(|act| act.date.value).min()
}

fn last_act(document: &Document) -> Option<Day> {
    document.acts.iter().map(|act| act.date.value).max()
}
