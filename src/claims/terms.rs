//! The terms by which the gateway counts days: legal deadlines and the waiting times around them.
//!
//! Terms are part of the ledger: they are recorded when they change, so that a replay computes every
//! timer as it was computed then.

/// Settings of the calendar of a document. All are counts of days; the defaults are the law's, where the
/// law names one (R161-47, R161-48 CSS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Jours ouvrés to transmit when the patient paid (R161-47: 3).
    pub patient_paid_days: u16,
    /// Jours ouvrés to transmit with dispense d'avance des frais (R161-47: 8).
    pub third_party_days: u16,
    /// How days of a deadline are counted.
    pub day_count: DayCount,
    /// Jours ouvrés after the deadline, or after a refusal, until a paper duplicate is owed.
    pub paper_owed_after_days: u16,
    /// Calendar days in which a PJ is tried to be handed over, or replaced, before it is owed on paper (SCOR: 5).
    pub pj_paper_days: u16,
    /// Calendar days without settlement after the receipt until a document counts as unsettled.
    pub unsettled_after_days: u16,
    /// Calendar days after a refusal until it lapses (R161-48: the double is kept 90 days).
    pub lapsed_after_days: u16,
    /// Jours ouvrés within which a taken lot's receipt is expected.
    pub receipt_expected_days: u16,
}

/// Which days count towards a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayCount {
    /// Jours ouvrés: Monday to Friday without public holidays.
    Ouvres,
    /// Jours ouvrables: Saturdays too.
    Ouvrables,
}

/// Which public holidays a centre has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Region {
    /// The eleven of the whole country.
    #[default]
    Metropole,
    /// With Good Friday and 26 December.
    AlsaceMoselle,
}

impl Default for Terms {
    fn default() -> Terms {
        Terms {
            patient_paid_days: 3,
            third_party_days: 8,
            day_count: DayCount::Ouvres,
            paper_owed_after_days: 2,
            pj_paper_days: 5,
            unsettled_after_days: 60,
            lapsed_after_days: 90,
            receipt_expected_days: 2,
        }
    }
}
