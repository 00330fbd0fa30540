//! Foundations: what stays of the oldest part of the ledger when the time of its proofs has passed.
//!
//! Pure policy: how long proofs are kept, what an entry is about, and so whether it stays. Who lays a foundation reads
//! and writes; nothing here does.
//!
//! | what | stays |
//! |---|---|
//! | a document that is finished, and its entries | no: its unit is in the counts |
//! | one that is not, or is held, or is spoken of later, with its line, its FSE or PJs | whole, its entries verbatim |
//! | a lot | with those of its documents that stay |
//! | registrations, terms, closings, statements, figures, reconciliations, legal holds, anchors, restores | verbatim |
//! | cursors, declared paper, posts turned away, how far a target was told | what came of them |
//! | what an insurer said that matches nothing | no |

use crate::claims::canon::canon_struct;
use crate::claims::commitment::Chain;
use crate::claims::entry::{Entry, Position, Subject};
use crate::claims::id::{Digest, DocumentId, LotId};
use crate::claims::time::{Day, Timestamp};

/// Months for which proofs are kept at least: the insurer's action for what it paid without cause is barred three
/// years after the payment (L133-4 CSS), and with it what L161-33 lets it reclaim.
pub const FLOOR_MONTHS: u32 = 36;
/// Months for which proofs are kept by default: three more, in which such an action that was begun is heard of.
pub const DEFAULT_MONTHS: u32 = 39;
/// Months after which no proof of a single document is needed any more: in a case of fraud the action is barred after
/// five years (L133-4 CSS), and no national agreement is longer (L162-32-1 CSS); with the same three months.
pub const CEILING_MONTHS: u32 = 63;

/// A foundation was laid: it stands for all entries up to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founded {
    /// Ordinal of the last segment that it stands for.
    pub segment: u64,
    /// The last entry that it stands for.
    pub upto: Position,
    /// The running hash after that entry.
    pub chain: Chain,
    /// Of units up to this day some have gone, and are in the counts alone; the last day of a month.
    pub until: Day,
    /// Documents that have gone with this foundation.
    pub gone: u64,
    /// Documents admitted before its end that stay.
    pub kept: u64,
    /// SHA-256 of its file.
    pub digest: Digest,
}

canon_struct! {
    Founded { segment, upto, chain, until, gone, kept, digest }
}

/// What an entry is about, and so whether it stays in a foundation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// The ledger as a whole: it stays.
    Ledger,
    /// A state that the next such entry replaces, or a sum: only what came of it stays.
    State,
    /// These documents and lots: it stays with any of them.
    Named(Vec<DocumentId>, Vec<LotId>),
}

/// What an entry is about: every document and lot that it names.
pub fn about(entry: &Entry) -> About {
    let of = |document: &DocumentId| About::Named(vec![*document], Vec::new());
    let lot = |lot: &LotId| About::Named(Vec::new(), vec![*lot]);
    match entry {
        Entry::Received(received) => {
            let others = [received.replaces, received.supports];
            let own = [received.document, received.root];
            let named = own.into_iter().chain(others.into_iter().flatten());
            About::Named(named.collect(), Vec::new())
        }
        Entry::Sealed(sealed) => About::Named(sealed.documents.clone(), vec![sealed.lot]),
        Entry::Delivery(delivery) => {
            let named = delivery.named.iter().map(|(document, _)| *document);
            About::Named(named.collect(), vec![delivery.lot])
        }
        Entry::Receipted(receipted) => {
            let named = receipted.verdicts.iter().map(|(document, ..)| *document);
            About::Named(named.collect(), vec![receipted.lot])
        }
        Entry::Settled(settled) => of(&settled.document),
        Entry::Cancelled { document, .. }
        | Entry::ByHand { document, .. }
        | Entry::OnPaper { document, .. }
        | Entry::PaperOwed { document }
        | Entry::Lapsed { document }
        | Entry::Unsettled { document } => of(document),
        Entry::Retried { lot: id, .. } => lot(id),
        Entry::Explained { subject, .. } => match subject {
            Subject::Document(document) => of(document),
            Subject::Lot(id) => lot(id),
            Subject::Endpoint(_) | Subject::LegalHold(_) => About::Ledger,
        },
        Entry::TurnedAway(_)
        | Entry::Orphaned(_)
        | Entry::Foreign(_)
        | Entry::Cursor { .. }
        | Entry::Declared { .. }
        | Entry::Notified { .. } => About::State,
        Entry::Terms(_)
        | Entry::Registered(_)
        | Entry::GestionnaireRegistered(_)
        | Entry::CaisseRegistered(_)
        | Entry::EndpointRegistered(_)
        | Entry::Endpoint { .. }
        | Entry::FiguresLoaded(_)
        | Entry::Reconciled(_)
        | Entry::Judged(_)
        | Entry::Closed(_)
        | Entry::Published(_)
        | Entry::Imported(_)
        | Entry::Rewound { .. }
        | Entry::Restored(_)
        | Entry::Resumed(_)
        | Entry::Anchored(_)
        | Entry::LegalHoldPlaced(_)
        | Entry::LegalHoldLifted { .. }
        | Entry::Evacuated(_)
        | Entry::Founded(_)
        | Entry::Rewrapped { .. } => About::Ledger,
    }
}

/// What was decided before this instant is past its time as a proof: the same day of the month, so many months ago.
pub fn past_before(at: Timestamp, months: u32) -> Timestamp {
    let day = at.day();
    let number = i64::from(day.year()) * 12 + i64::from(day.month()) - 1 - i64::from(months);
    let (year, month) = (number.div_euclid(12), number.rem_euclid(12) + 1);
    let of = |day| Day::new(i32::try_from(year).ok()?, u32::try_from(month).ok()?, day);
    // A shorter month ends earlier.
    let found = (1..=day.day_of_month()).rev().find_map(of);
    found.map_or(Timestamp::default(), Day::start)
}

/// The first instant from which what was decided at one is past its time, or a day later where a month is too short.
pub fn past_from(ended: Timestamp, months: u32) -> Timestamp {
    let day = ended.day().plus_days(1);
    let number = i64::from(day.year()) * 12 + i64::from(day.month()) - 1 + i64::from(months);
    let (year, month) = (number.div_euclid(12), number.rem_euclid(12) + 1);
    let first = i32::try_from(year).ok().zip(u32::try_from(month).ok());
    let first = first.and_then(|(year, month)| Day::new(year, month, 1));
    let into_month = i32::try_from(day.day_of_month()).unwrap_or(1) - 1;
    let end = |first| end_of_month(first).plus_days(1);
    let found = first.map(|first| first.plus_days(into_month).min(end(first)));
    found.map_or(Timestamp::MAX, Day::start)
}

/// The first day of a day's month.
pub fn month_of(day: Day) -> Day {
    let back = i32::try_from(day.day_of_month()).unwrap_or(1) - 1;
    day.plus_days(-back)
}

/// The last day of a day's month.
pub fn end_of_month(day: Day) -> Day {
    month_of(month_of(day).plus_days(31)).plus_days(-1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        for (at, months, before) in [
            ("2026-11-22", 39, "2023-08-22"),
            ("2026-11-22", 11, "2025-12-22"),
            ("2026-05-31", 3, "2026-02-28"),
            ("2024-05-31", 3, "2024-02-29"),
            ("2026-01-15", 12, "2025-01-15"),
        ] {
            let past = past_before(day(at).at_minute(600), months);
            assert_eq!(past, day(before).start(), "{at} {months}");
        }
        for (ended, months, from) in [
            ("2023-08-21", 39, "2026-11-22"),
            ("2025-12-31", 11, "2026-12-01"),
            ("2026-01-30", 1, "2026-03-01"),
            ("2024-11-29", 39, "2028-03-01"),
        ] {
            let ended = day(ended).at_minute(600);
            let past = past_from(ended, months);
            assert_eq!(past, day(from).start(), "{ended} {months}");
            assert!(past_before(past, months) > ended, "{ended} {months}");
        }
        for (of, first, last) in [
            ("2024-02-29", "2024-02-01", "2024-02-29"),
            ("2026-12-31", "2026-12-01", "2026-12-31"),
            ("2026-11-01", "2026-11-01", "2026-11-30"),
        ] {
            assert_eq!(month_of(day(of)), day(first));
            assert_eq!(end_of_month(day(of)), day(last));
        }
    }

    #[test]
    fn the_default_lies_between_floor_and_ceiling() {
        assert!((FLOOR_MONTHS..=CEILING_MONTHS).contains(&DEFAULT_MONTHS));
    }
}
