//! Amounts: each line against its parts, the totals against the lines, and who is asked for what.
//!
//! Exact integer arithmetic in cents, in `i128` so that no written amount can overflow.

use super::Rule;
use super::sheet::Sheet;
use crate::claims::document::{
    Act, ActCode, At, Cents, Coverage, Document, Kind, Nature, ThirdParty, Totals,
};

/// Rate and coefficient are written in hundredths.
const HUNDREDTHS: i128 = 100;

/// Checks every amount.
pub(super) fn check(document: &Document, sheet: &mut Sheet) {
    for act in &document.acts {
        check_line(act, sheet);
    }
    if let Some(totals) = &document.totals {
        check_totals(document, totals, sheet);
        check_asked(document, totals, sheet);
    }
    if let Some(coverage) = &document.coverage {
        check_coverage(document, coverage, sheet);
    }
}

fn check_line(act: &Act, sheet: &mut Sheet) {
    let mut positive = true;
    for amount in [&act.unit_price, &act.fees, &act.base, &act.amo, &act.amc] {
        positive &= check_sign(amount, sheet);
    }
    // With a wrong sign the arithmetic below would only say the same fault again.
    if !positive {
        return;
    }
    let (fees, base) = (wide(&act.fees), wide(&act.base));
    let (amo, amc) = (wide(&act.amo), wide(&act.amc));
    if amo + amc > fees {
        sheet.add(Rule::LineParts, act.fees.spot);
    }
    if (base * i128::from(act.rate.value) - amo * HUNDREDTHS).abs() > HUNDREDTHS {
        sheet.add(Rule::LineBaseRate, act.amo.spot);
    }
    if base > fees {
        sheet.add(Rule::LineBaseFees, act.base.spot);
    }
    match act.code.value {
        ActCode::Ngap(_) => check_unit(act, fees, base, sheet),
        // The price of a CCAM act depends on modifiers and on the acts it is associated with.
        ActCode::Ccam { .. } => {}
    }
}

fn check_unit(act: &Act, fees: i128, base: i128, sheet: &mut Sheet) {
    let units = i128::from(act.quantity.value) * i128::from(act.coefficient.value);
    let product = units * wide(&act.unit_price);
    let is = |amount: i128| (product - amount * HUNDREDTHS).abs() <= HUNDREDTHS;
    if !is(fees) && !is(base) {
        sheet.add(Rule::LineUnit, act.unit_price.spot);
    }
}

fn check_totals(document: &Document, totals: &Totals, sheet: &mut Sheet) {
    let sum = |part: fn(&Act) -> &At<Cents>| -> i128 {
        document.acts.iter().map(|act| wide(part(act))).sum()
    };
    for (total, sum, rule) in [
        (&totals.fees, sum(|act| &act.fees), Rule::TotalFees),
        (&totals.amo, sum(|act| &act.amo), Rule::TotalAmo),
        (&totals.amc, sum(|act| &act.amc), Rule::TotalAmc),
    ] {
        // Without acts there is nothing to add up, and their absence has its own finding.
        let adds_up = wide(total) == sum || document.acts.is_empty();
        if check_sign(total, sheet) && !adds_up {
            sheet.add(rule, total.spot);
        }
    }
}

/// Who is asked: an FSE asks its AMO, for the AMC's part too only where it names the AMC; a DRE its AMC.
fn check_asked(document: &Document, totals: &Totals, sheet: &mut Sheet) {
    let (amo, amc) = (totals.amo.value, totals.amc.value);
    let spot = totals.amc.spot;
    match (document.kind.value, &document.settled_for) {
        (Kind::Fse, None) if amc > Cents(0) => sheet.add(Rule::AmcUnnamed, spot),
        (Kind::Fse, Some(named)) if amc == Cents(0) => {
            sheet.add(Rule::SettledForNothing, named.spot);
        }
        (Kind::Fse, None) if (amo, amc) == (Cents(0), Cents(0)) => {
            sheet.add(Rule::AsksNothing, totals.amo.spot);
        }
        (Kind::Dre, _) if amc == Cents(0) => sheet.add(Rule::DreWithoutAmc, spot),
        (Kind::Fse | Kind::Dre | Kind::Pj | Kind::Pec, _) => {}
    }
}

fn check_coverage(document: &Document, coverage: &Coverage, sheet: &mut Sheet) {
    let exempt = coverage.exemption.value != "0";
    let full = |act: &Act| act.rate.value == 100;
    if exempt && !document.acts.is_empty() && !document.acts.iter().any(full) {
        sheet.add(Rule::ExemptionRate, coverage.exemption.spot);
    }
    if coverage.nature.value == Nature::AccidentDuTravail {
        for act in document.acts.iter().filter(|act| !full(act)) {
            sheet.add(Rule::AccidentRate, act.rate.spot);
        }
    }
    match (coverage.state_medical_aid, document.third_party_amo) {
        (Some(spot), ThirdParty::PatientPaid) => sheet.add(Rule::StateAidThirdParty, spot),
        (Some(_), ThirdParty::InsurerPays) | (None, _) => {}
    }
}

fn check_sign(amount: &At<Cents>, sheet: &mut Sheet) -> bool {
    let positive = amount.value >= Cents(0);
    if !positive {
        sheet.add(Rule::AmountNegative, amount.spot);
    }
    positive
}

fn wide(amount: &At<Cents>) -> i128 {
    i128::from(amount.value.0)
}
