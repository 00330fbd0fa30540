//! Codes of acts: the forms of NGAP and CCAM, what a qualifier claims, and lines that repeat.
//!
//! Forms only: which codes exist is the nomenclature's to say, and it changes every few weeks.

use super::Rule;
use super::sheet::Sheet;
use crate::claims::document::{Act, ActCode, Cents, Document, Spot};

/// The coefficient of an act that has none, in hundredths.
const ONE: u32 = 100;

/// Checks the code of every act.
pub(super) fn check(document: &Document, sheet: &mut Sheet) {
    // Fees and day differ between nearly all lines: only where they do not is it worth comparing two of them.
    let mark = |act: &Act| act.fees.value.0 ^ i64::from(act.date.value.number()) << 32;
    let marks: Vec<i64> = document.acts.iter().map(mark).collect();
    for (index, act) in document.acts.iter().enumerate() {
        check_code(act, sheet);
        check_qualifier(act, sheet);
        let earlier = &document.acts[..index];
        if marks[..index].contains(&marks[index])
            && earlier.iter().any(|earlier| repeats(act, earlier))
        {
            sheet.add(Rule::ActRepeated, act.code.spot);
        }
    }
}

fn check_code(act: &Act, sheet: &mut Sheet) {
    let spot = act.code.spot;
    match &act.code.value {
        ActCode::Ngap(letters) => {
            if !is_letter_key(letters) {
                sheet.add(Rule::NgapForm, spot);
            }
        }
        ActCode::Ccam {
            code,
            activity,
            phase: _,
            modifiers,
        } => {
            check_ccam(code, activity, modifiers, spot, sheet);
            if act.coefficient.value != ONE {
                sheet.add(Rule::CcamCoefficient, act.coefficient.spot);
            }
        }
    }
}

fn check_ccam(code: &str, activity: &str, modifiers: &str, spot: Spot, sheet: &mut Sheet) {
    if !is_ccam(code) {
        sheet.add(Rule::CcamForm, spot);
    }
    if !matches!(activity, "1" | "2" | "3" | "4" | "5") {
        sheet.add(Rule::CcamActivity, spot);
    }
    let bytes = modifiers.as_bytes();
    let repeated = (1..bytes.len()).any(|index| bytes[..index].contains(&bytes[index]));
    if repeated {
        sheet.add(Rule::CcamModifiers, spot);
    }
}

fn is_letter_key(text: &str) -> bool {
    let capital_or_digit = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    text.len() <= 5
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(capital_or_digit)
}

fn is_ccam(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 7
        && bytes[..4].iter().all(u8::is_ascii_uppercase)
        && bytes[4..].iter().all(u8::is_ascii_digit)
}

fn check_qualifier(act: &Act, sheet: &mut Sheet) {
    let Some(qualifier) = &act.qualifier else {
        return;
    };
    if qualifier.value == "G" && act.fees.value != Cents(0) {
        sheet.add(Rule::QualifierFree, qualifier.spot);
    }
    if qualifier.value == "N" && act.amo.value != Cents(0) {
        sheet.add(Rule::QualifierNotReimbursed, qualifier.spot);
    }
}

fn repeats(act: &Act, earlier: &Act) -> bool {
    let line = |act: &Act| {
        let counted = (act.date.value, act.quantity.value, act.coefficient.value);
        let asked = (act.fees.value, act.base.value, act.amo.value, act.amc.value);
        (counted, asked)
    };
    line(act) == line(earlier) && same_code(&act.code.value, &earlier.code.value)
}

fn same_code(one: &ActCode, other: &ActCode) -> bool {
    match (one, other) {
        (ActCode::Ngap(one), ActCode::Ngap(other)) => one == other,
        (
            ActCode::Ccam {
                code,
                activity,
                phase,
                modifiers,
            },
            ActCode::Ccam {
                code: other_code,
                activity: other_activity,
                phase: other_phase,
                modifiers: other_modifiers,
            },
        ) => {
            (code, activity, phase, modifiers)
                == (other_code, other_activity, other_phase, other_modifiers)
        }
        (ActCode::Ngap(_), ActCode::Ccam { .. }) | (ActCode::Ccam { .. }, ActCode::Ngap(_)) => {
            false
        }
    }
}
