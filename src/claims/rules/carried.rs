//! Bytes carried inside a document: they are what their digest says, and a piece can be opened.

use super::Rule;
use super::sheet::Sheet;
use crate::claims::document::{Carried, Document};
use crate::claims::id::Digest;

/// Types of a piece that the insurers' staff can open.
const OPENED: [&str; 4] = ["application/pdf", "image/jpeg", "image/png", "image/tiff"];

/// Checks the attachment and the payload.
pub(super) fn check(document: &Document, sheet: &mut Sheet) {
    if let Some(attachment) = &document.attachment {
        check_content(attachment, Rule::AttachmentDigest, sheet);
        if !OPENED.contains(&attachment.media_type.value.as_str()) {
            sheet.add(Rule::AttachmentType, attachment.media_type.spot);
        }
    }
    // A payload is carried and never opened, so its type is the two ends' affair.
    if let Some(payload) = &document.payload {
        check_content(payload, Rule::PayloadDigest, sheet);
    }
}

fn check_content(carried: &Carried, rule: Rule, sheet: &mut Sheet) {
    let declared = Digest::parse(&carried.declared.value).ok();
    if carried.length == 0 {
        sheet.add(Rule::CarriedEmpty, carried.declared.spot);
    } else if declared.is_none() || declared != carried.computed {
        sheet.add(rule, carried.declared.spot);
    }
}
