//! What each kind of document must carry and must not carry.
//!
//! What is missing has no place of its own: the finding stands at the kind, which requires it.

use super::{Rule, sheet::Sheet};
use crate::claims::document::{Document, Kind};

/// Checks presence and absence by kind.
pub(super) fn check(document: &Document, sheet: &mut Sheet) {
    match document.kind.value {
        Kind::Fse | Kind::Dre | Kind::Pec => check_claim(document, sheet),
        Kind::Pj => check_piece(document, sheet),
    }
}

fn check_claim(document: &Document, sheet: &mut Sheet) {
    let required = [
        (document.beneficiary.is_some(), Rule::BeneficiaryMissing),
        (document.coverage.is_some(), Rule::CoverageMissing),
        (document.practitioner.is_some(), Rule::PractitionerMissing),
        (!document.acts.is_empty(), Rule::ActsMissing),
        (document.totals.is_some(), Rule::TotalsMissing),
    ];
    require(&required, document, sheet);
    if let Some(supports) = &document.supports {
        sheet.add(Rule::SupportsUnexpected, supports.spot);
    }
    if let Some(attachment) = &document.attachment {
        sheet.add(Rule::AttachmentUnexpected, attachment.media_type.spot);
    }
}

fn check_piece(document: &Document, sheet: &mut Sheet) {
    let required = [
        (document.supports.is_some(), Rule::SupportsMissing),
        (document.attachment.is_some(), Rule::AttachmentMissing),
    ];
    require(&required, document, sheet);
    let coverage = document.coverage.as_ref().map(|part| part.nature.spot);
    let act = document.acts.first().map(|act| act.date.spot);
    let totals = document.totals.as_ref().map(|totals| totals.fees.spot);
    // One fault, one finding: at the first of the parts that do not belong there.
    if let Some(spot) = coverage.or(act).or(totals) {
        sheet.add(Rule::CareUnexpected, spot);
    }
}

fn require(parts: &[(bool, Rule)], document: &Document, sheet: &mut Sheet) {
    for (present, rule) in parts {
        if !present {
            sheet.add(*rule, document.kind.spot);
        }
    }
}
