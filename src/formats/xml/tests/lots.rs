//! Lots: the exact bytes of each document, and what an envelope may not do.

use super::{TIERS_PAYANT, fixture, reader};
use crate::formats::xml::{DOCUMENT, LOT, Limits};

#[test]
fn a_lot_is_cut_into_the_exact_bytes_of_its_documents() {
    let lot = fixture!("lots/three-documents.xml");
    for bytes in [lot.to_vec(), [b"\xef\xbb\xbf", lot].concat()] {
        let reader = reader();
        let opened = reader.read_lot(&bytes, &Limits::default());
        assert_eq!(opened.findings, []);
        let numbers: Vec<String> = opened
            .parts
            .iter()
            .map(|part| {
                let element = part.of(&bytes);
                assert!(element.starts_with(b"<document ") && element.ends_with(b"</document>"));
                let read = reader.read_lot_document(&bytes, part, &Limits::default());
                assert_eq!(read.findings, []);
                read.value.unwrap().number.value
            })
            .collect();
        assert_eq!(numbers, ["000000101", "PJ-000000101", "000000111"]);
        let single = &TIERS_PAYANT[39..TIERS_PAYANT.len() - 1];
        assert_eq!(
            opened.parts[0].of(&bytes),
            single,
            "the same bytes as posted singly"
        );
    }
}

#[test]
fn places_in_a_lot_are_those_of_the_lot() {
    let one = "<document xmlns=\"urn:bordereau:document:1\" kind=\"FSE\"/>";
    let bytes = format!("<lot xmlns=\"{LOT}\" version=\"1\">\r\n <!--é-->{one}\n{one}{one}</lot>");
    let reader = reader();
    let opened = reader.read_lot(bytes.as_bytes(), &Limits::default());
    assert_eq!(opened.findings, []);
    let places: Vec<_> = opened
        .parts
        .iter()
        .map(|part| {
            let read = reader.read_lot_document(bytes.as_bytes(), part, &Limits::default());
            assert!(read.value.is_none());
            let place = &read.findings[0].place;
            (
                part.of(bytes.as_bytes()) == one.as_bytes(),
                place.line,
                place.column,
            )
        })
        .collect();
    assert_eq!(places, [(true, 2, 10), (true, 3, 1), (true, 3, 56)]);
}

#[test]
fn one_document_that_is_not_valid_leaves_the_others_be() {
    let text = std::str::from_utf8(fixture!("lots/three-documents.xml")).unwrap();
    let bytes = text.replacen("supports", "sustains", 1);
    let reader = reader();
    let opened = reader.read_lot(bytes.as_bytes(), &Limits::default());
    let valid = opened.parts.iter().map(|part| {
        reader
            .read_lot_document(bytes.as_bytes(), part, &Limits::default())
            .value
            .is_some()
    });
    assert_eq!(valid.collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn a_document_without_a_namespace_is_refused_alone() {
    let inner = std::str::from_utf8(&TIERS_PAYANT[39..]).unwrap();
    let bare = inner.replacen(" xmlns=\"urn:bordereau:document:1\"", "", 1);
    for (lot, end) in [
        (format!("<lot xmlns=\"{LOT}\" version=\"1\">"), "</lot>"),
        (
            format!("<l:lot xmlns:l=\"{LOT}\" version=\"1\">"),
            "</l:lot>",
        ),
    ] {
        let bytes = format!("{lot}\n{bare}{inner}{end}");
        let reader = reader();
        let opened = reader.read_lot(bytes.as_bytes(), &Limits::default());
        assert_eq!(opened.findings, []);
        let read = |part| reader.read_lot_document(bytes.as_bytes(), part, &Limits::default());
        let [first, second] = &opened.parts[..] else {
            panic!("{}", opened.parts.len());
        };
        let refused = read(first);
        let found: Vec<_> = refused.findings.iter().collect();
        assert!(
            matches!(found[..], [finding] if finding.code == "LOT_NAMESPACE" && finding.place.line == 2),
            "{found:?}"
        );
        assert!(read(second).value.is_some());
    }
}

#[test]
fn a_document_that_leans_on_its_lot_is_refused() {
    let inner = std::str::from_utf8(&TIERS_PAYANT[39..]).unwrap();
    let bare = inner.replacen(" xmlns=\"urn:bordereau:document:1\"", "", 1);
    let prefixed = bare
        .replace("</", "</d:")
        .replace('<', "<d:")
        .replace("<d:/d:", "</d:");
    let inside = inner.replacen(
        "<centre finess=\"750990012\"/>",
        "<d:centre finess=\"750990012\"/>",
        1,
    );
    for (document, refused) in [(inner, false), (&*prefixed, true), (&*inside, true)] {
        let bytes = format!(
            "<l:lot xmlns:l=\"{LOT}\" xmlns:d=\"{DOCUMENT}\" version=\"1\">{document}</l:lot>"
        );
        let reader = reader();
        let opened = reader.read_lot(bytes.as_bytes(), &Limits::default());
        assert_eq!(opened.findings, []);
        let read = reader.read_lot_document(bytes.as_bytes(), &opened.parts[0], &Limits::default());
        let codes: Vec<_> = read.findings.iter().map(|finding| finding.code).collect();
        assert_eq!(
            codes,
            if refused {
                vec!["LOT_NAMESPACE"]
            } else {
                vec![]
            }
        );
        assert_eq!(read.value.is_some(), !refused);
    }
}

#[test]
fn an_envelope_with_a_fault_is_refused_as_a_whole() {
    let utf16 = |text: &str| -> Vec<u8> {
        format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect()
    };
    let one = "<document xmlns=\"urn:bordereau:document:1\"/>";
    let lot = |inside: &str| format!("<lot xmlns=\"{LOT}\" version=\"1\">{inside}</lot>");
    for (bytes, code) in [
        (utf16(&lot(one)), "LOT_ENCODING"),
        (lot("").into_bytes(), "XSD_ELEMENT_MISSING"),
        (
            lot(&format!("{one} text")).into_bytes(),
            "XSD_TEXT_UNEXPECTED",
        ),
        (lot("<document").into_bytes(), "XML_SYNTAX"),
        (one.as_bytes().to_vec(), "XSD_ROOT"),
    ] {
        let opened = reader().read_lot(&bytes, &Limits::default());
        assert_eq!(
            opened.findings.first().map(|finding| finding.code),
            Some(code)
        );
        assert_eq!(opened.parts, []);
    }
}

#[test]
fn caps_hold_for_each_document_and_for_the_whole() {
    let lot = fixture!("lots/three-documents.xml");
    let reader = reader();
    let small = Limits {
        envelope_bytes: 100,
        ..Limits::default()
    };
    assert_eq!(reader.read_lot(lot, &small).findings[0].code, "XML_SIZE");
    let small = Limits {
        bytes: 1000,
        ..Limits::default()
    };
    let opened = reader.read_lot(lot, &small);
    let sizes = opened.parts.iter().map(|part| {
        let read = reader.read_lot_document(lot, part, &small);
        read.findings.first().map(|finding| finding.code)
    });
    assert_eq!(sizes.collect::<Vec<_>>(), [None, None, Some("XML_SIZE")]);
}
