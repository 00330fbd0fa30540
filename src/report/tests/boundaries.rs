//! The day and the period that a document falls into when it comes in about midnight, in the nights of the changing
//! hour, on a leap day, at a change of agreement, and as its centre leaves: as the keeper publishes it, by three counts.

use super::golden::counted;
use super::ledger_text;
use crate::claims::id::Finess;
use crate::claims::period::Period;
use crate::claims::tally::DayBasis;
use crate::claims::time::Day;

const CENTRE: &str = "750000010";

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

/// A ledger of one centre and one document, admitted at an instant, of this legal day.
fn ledger(instant: &str, clock: &str, version: &str) -> String {
    format!(
        "2024-01-01T08:00:00Z centre {CENTRE} medical {version}
         {instant} received 1 {CENTRE} FSE S {clock}"
    )
}

#[tokio::test]
async fn the_day_of_reception_is_that_of_paris() {
    for (why, instant, expected) in [
        ("31 December, 23:59", "2026-12-31T22:59:59Z", "2026-12-31"),
        ("1 January, 00:00", "2026-12-31T23:00:00Z", "2027-01-01"),
        ("before summer time", "2026-03-28T22:59:59Z", "2026-03-28"),
        (
            "the night of summer time",
            "2026-03-28T23:00:00Z",
            "2026-03-29",
        ),
        (
            "the end of its first day",
            "2026-03-29T21:59:59Z",
            "2026-03-29",
        ),
        ("the day after", "2026-03-29T22:00:00Z", "2026-03-30"),
        (
            "the night of winter time",
            "2026-10-24T22:00:00Z",
            "2026-10-25",
        ),
        ("its repeated hour", "2026-10-25T01:30:00Z", "2026-10-25"),
        ("its last second", "2026-10-25T22:59:59Z", "2026-10-25"),
        ("the leap day", "2028-02-28T23:00:00Z", "2028-02-29"),
        ("its last second", "2028-02-29T22:59:59Z", "2028-02-29"),
        ("the first of March", "2028-02-29T23:00:00Z", "2028-03-01"),
    ] {
        let text = ledger(instant, "2026-10-05", "confirmed 2020-01-01");
        let snapshot = counted(ledger_text::read(&text)).await;
        let centre = &snapshot.centres[&Finess::parse(CENTRE).unwrap()];
        let expected = day(expected);
        let within = |days| centre.counts.units(DayBasis::Reception, days).count();
        assert_eq!(within((expected, expected)), 1, "{why}");
        let around = (expected.plus_days(-1), expected.plus_days(1));
        assert_eq!(within(around), 1, "{why}: on no other day");
    }
}

#[tokio::test]
async fn a_document_is_counted_in_the_periods_of_its_own_day_and_in_no_others() {
    let today = day("2029-01-15");
    for (why, clock, version, within, without) in [
        (
            "31 December",
            "2026-12-31",
            "confirmed 2020-01-01",
            &["2026", "2026-Q4", "2026-12", "2026-12-31/rolling"][..],
            &["2027", "2027-01", "2027-Q1", "2026-12-30/ytd"][..],
        ),
        (
            "the leap day",
            "2028-02-29",
            "confirmed 2020-01-01",
            &["2028-02", "2028-02-29/ytd", "2029-02-27/rolling"][..],
            &["2028-03", "2028-02-28/ytd", "2029-03-01/rolling"][..],
        ),
        (
            "the last day before another agreement",
            "2025-10-14",
            "national-2015 2020-01-01",
            &["2025-10", "2025-10-14/2025-10-15"][..],
            &["2025-10-15/2025-10-31"][..],
        ),
        (
            "the first day of another agreement",
            "2025-10-15",
            "national-2015 2020-01-01",
            &["2025-10", "2025-10-15/2025-10-31"][..],
            &["2025-10-01/2025-10-14"][..],
        ),
        (
            "a centre that left in mid-month",
            "2026-10-14",
            "confirmed 2020-01-01 until=2026-10-15",
            &["2026-10", "2026"][..],
            &["2026-11"][..],
        ),
        (
            "a day after it left: the unit is its own all the same",
            "2026-10-16",
            "confirmed 2020-01-01 until=2026-10-15",
            &["2026-10"][..],
            &["2026-10-01/2026-10-15"][..],
        ),
    ] {
        let text = ledger("2026-10-05T08:00:00Z", clock, version);
        let snapshot = counted(ledger_text::read(&text)).await;
        let (centre, agreements) = (Finess::parse(CENTRE).unwrap(), super::agreements());
        let units = |name: &str| {
            let period = Period::parse(name, today).unwrap();
            let found = snapshot.obligation(&agreements, centre, period).unwrap();
            (found.rate.denominator, found.agreement)
        };
        assert!(within.iter().all(|name| units(name).0 == 1), "{why}");
        assert!(without.iter().all(|name| units(name).0 == 0), "{why}");
        // The agreement of the last day counts the whole period; before its first day, the one that it follows.
        if clock.starts_with("2025-10") {
            let of = |name| units(name).1.to_string();
            assert_eq!(of("2025-10"), "national-2025", "{why}");
            assert_eq!(of("2025-10-01/2025-10-14"), "national-2015", "{why}");
        }
    }
}
