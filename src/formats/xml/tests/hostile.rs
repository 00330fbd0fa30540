//! Whatever bytes come: no panic, no value beside a refusal, no part outside its envelope.

use proptest::prelude::*;

use super::{TIERS_PAYANT, fixture, reader};
use crate::claims::finding::Finding;
use crate::formats::xml::Limits;

/// One edit of a file: where, how many bytes are cut, what is put in.
#[derive(Clone, Debug)]
struct Edit {
    at: prop::sample::Index,
    cut: usize,
    put: Vec<u8>,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let pieces = prop::sample::select(vec![
        "<", ">", "/>", "&", "&#0;", "]]>", "\"", "é", "-->", "<a>",
    ]);
    let put = prop_oneof![
        pieces.prop_map(|piece| piece.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    let edit = (any::<prop::sample::Index>(), 0..40_usize, put);
    prop::collection::vec(edit.prop_map(|(at, cut, put)| Edit { at, cut, put }), 1..4)
}

fn edited(bytes: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for Edit { at, cut, put } in edits {
        let at = at.index(bytes.len() + 1);
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, put.iter().copied());
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_document_has_a_value_exactly_when_nothing_refuses_it(edits in edits()) {
        let reader = reader();
        for bytes in [TIERS_PAYANT, fixture!("documents/valid/fse-utf16.xml"), fixture!("documents/valid/pj.xml")] {
            let bytes = edited(bytes, &edits);
            let read = reader.read_document(&bytes, &Limits::default());
            prop_assert_eq!(read.value.is_none(), Finding::refuses(&read.findings));
        }
    }

    #[test]
    fn parts_lie_in_order_within_their_envelope(edits in edits()) {
        let reader = reader();
        let lot = edited(fixture!("lots/three-documents.xml"), &edits);
        let feed = edited(fixture!("receipts/feed.xml"), &edits);
        let limits = Limits::default();
        for (bytes, parts) in [
            (&lot, reader.read_lot(&lot, &limits).parts),
            (&feed, reader.read_feed(&feed, &limits).parts),
        ] {
            let mut end = 0;
            for part in parts {
                prop_assert!(end <= part.range.start && part.range.end <= bytes.len());
                prop_assert!(part.of(bytes).starts_with(b"<") && part.of(bytes).ends_with(b">"));
                end = part.range.end;
            }
        }
    }

    #[test]
    fn a_document_of_a_lot_is_judged_as_if_it_had_come_alone(edits in edits()) {
        let reader = reader();
        let lot = edited(fixture!("lots/three-documents.xml"), &edits);
        let limits = Limits::default();
        for part in reader.read_lot(&lot, &limits).parts {
            let within = reader.read_lot_document(&lot, &part, &limits);
            let alone = reader.read_document(part.of(&lot), &limits);
            prop_assert_eq!(within.value.is_some(), alone.value.is_some());
            prop_assert_eq!(within.findings.is_empty(), alone.findings.is_empty());
        }
    }
}
