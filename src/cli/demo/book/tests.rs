//! The book is a function of its size, its seed and today, and nothing in it hangs on the calendar.

use std::collections::BTreeSet;

use super::*;
use crate::claims::id::Finess;

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn book(seed: u32, today: &str) -> Book {
    let size = Size {
        centres: 8,
        documents: 2400,
        seed,
    };
    Book::write(size, day(today))
}

/// All that the table is compared with.
fn foreseen(book: &Book) -> Vec<(BTreeMap<End, u64>, u64, Rate)> {
    let centres = 0..book.centres.len();
    centres
        .map(|centre| (book.ends(centre), book.taken(centre), book.rate(centre)))
        .collect()
}

#[test]
fn a_seed_gives_the_same_book_and_another_seed_another() {
    let texts =
        |book: &Book| -> Vec<String> { book.posts.iter().map(|post| post.text.clone()).collect() };
    let (one, again) = (book(1, "2026-11-20"), book(1, "2026-11-20"));
    assert_eq!(texts(&one), texts(&again));
    assert_eq!(one.parcels, again.parcels);
    assert_eq!(one.posts.len(), 2400);
    assert_ne!(foreseen(&one), foreseen(&book(2, "2026-11-20")));
}

#[test]
fn the_table_does_not_hang_on_the_day() {
    let expected = foreseen(&book(1, "2026-11-20"));
    for today in ["2026-12-28", "2027-01-01", "2027-05-02", "2028-02-29"] {
        assert_eq!(foreseen(&book(1, today)), expected, "{today}");
    }
}

#[test]
fn every_end_and_every_verdict_is_in_it() {
    let book = book(1, "2026-11-20");
    let rows = foreseen(&book);
    for (ends, ..) in &rows {
        assert_eq!(ends.len(), End::ALL.len());
    }
    let verdicts: BTreeSet<&str> = rows
        .iter()
        .map(|(.., rate)| rate.verdict.as_str())
        .collect();
    let all = ["not reached", "paper unknown", "reached", "unconfirmed"];
    assert_eq!(verdicts, BTreeSet::from(all));
    assert!(rows.iter().all(|(.., rate)| rate.late > 0));
}

#[test]
fn each_document_is_posted_once_and_after_what_it_hangs_on() {
    let book = book(3, "2026-11-20");
    let mut posted = BTreeSet::new();
    for parcel in &book.parcels {
        let places = match parcel {
            Parcel::Single(place) => vec![*place],
            Parcel::Lot(places) => places.clone(),
        };
        let centres: BTreeSet<_> = places
            .iter()
            .map(|place| book.posts[*place].centre)
            .collect();
        assert_eq!(centres.len(), 1);
        assert!(places.into_iter().all(|place| posted.insert(place)));
    }
    for (place, post) in book.posts.iter().enumerate() {
        assert!(Finess::parse(&book.centres[post.centre].finess).is_ok());
        match post.round {
            Round::First => assert!(posted.contains(&place)),
            Round::Second => assert!(!posted.contains(&place)),
            Round::After(before, _) => {
                assert!(before < place && !posted.contains(&place));
                assert_eq!(book.posts[before].end, Some(End::Replaced));
            }
        }
    }
}
