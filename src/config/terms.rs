//! The keys of [`Terms`], which stands in the core and knows no file.

use serde::Deserialize;

use crate::claims::terms::{DayCount, Terms};

/// Field by field as [`Terms`]: the compiler holds them together.
#[derive(Deserialize)]
#[serde(remote = "Terms", deny_unknown_fields, default = "Terms::default")]
pub(super) struct Keys {
    patient_paid_days: u16,
    third_party_days: u16,
    #[serde(with = "Words")]
    day_count: DayCount,
    paper_owed_after_days: u16,
    pj_paper_days: u16,
    unsettled_after_days: u16,
    lapsed_after_days: u16,
    receipt_expected_days: u16,
}

#[derive(Deserialize)]
#[serde(remote = "DayCount", rename_all = "lowercase")]
enum Words {
    Ouvres,
    Ouvrables,
}
