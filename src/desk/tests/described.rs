//! The description says what the desk's routers do, both ways: its routes and words here, and in `house` every
//! answer that any test of this room gets.

use std::collections::BTreeSet;

use crate::claims::standing::Standing;
use crate::desk::{Door, table};
use crate::formats::json::described::{listed, operations};
use crate::telemetry::reading::Stage;

fn routed(doors: &[Door]) -> BTreeSet<(String, String)> {
    let rows = table().into_iter();
    let own = rows.filter(|(door, ..)| doors.contains(door));
    own.map(|(_, method, path, _)| (method.to_owned(), path.to_owned()))
        .collect()
}

#[test]
fn every_route_is_described_and_every_description_has_its_route() {
    let (public, steering) = (operations("desk"), operations("operators"));
    assert_eq!(routed(&[Door::Both, Door::Public]), public);
    let nearby = routed(&[Door::Operators]);
    assert_eq!(&nearby - &public, steering);
    // Metrics are at both doors, each with its own rule of who may read them.
    let metrics = ("get".to_owned(), "/metrics".to_owned());
    assert_eq!(&nearby & &public, BTreeSet::from([metrics]));
}

#[test]
fn every_word_for_what_happened_is_listed() {
    let words = listed("/components/schemas/Happened/properties/event/enum");
    assert_eq!(words, crate::desk::history::words());
}

#[test]
fn every_word_for_where_a_document_is_is_listed() {
    let finished = Standing::ALL.into_iter().map(Standing::as_str);
    let finished = finished.filter(|word| *word != Standing::InLot.as_str());
    let words: BTreeSet<String> = finished
        .chain(Stage::WORDS.iter().copied())
        .map(str::to_owned)
        .collect();
    assert_eq!(listed("/components/schemas/Stage/enum"), words);
}
