//! One row for each way not to be well-formed or to be too large: one finding, and nothing after it.

use super::{Limits, XML, findings, lines, read, schema};

/// Small documents without the schema's namespace: that they are of no known root comes first, then the stop.
#[rustfmt::skip]
const ROWS: &[(&str, &str)] = &[
    ("", "XML_ROOT 1:1 "),
    ("<!-- only -->", "XML_ROOT 1:14 "),
    ("text", "XML_ROOT 1:1 "),
    ("<d/>text", "XML_ROOT 1:5 "),
    ("<d/>&#32;", "XML_ROOT 1:5 "),
    ("<d/><![CDATA[]]>", "XML_ROOT 1:5 "),
    ("<d/>\n<d/>", "XML_ROOT 2:1 /*"),
    ("<!DOCTYPE d><d/>", "XML_DOCTYPE 1:1 "),
    ("<!DOCTYPE d [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><d>&e;</d>", "XML_DOCTYPE 1:1 "),
    ("<d>\n é&e;</d>", "XML_ENTITY 2:3 /*"),
    ("<d>&amp </d>", "XML_ENTITY 1:4 /*"),
    ("<d>a & b</d>", "XML_ENTITY 1:6 /*"),
    ("<d>&#0;</d>", "XML_ENTITY 1:4 /*"),
    ("<d>&#xFFFE;</d>", "XML_ENTITY 1:4 /*"),
    ("<d>&#x110000;</d>", "XML_ENTITY 1:4 /*"),
    ("<d>&#+65;</d>", "XML_ENTITY 1:4 /*"),
    ("<d a='&e;'/>", "XML_ENTITY 1:4 /*/@*"),
    ("<d a='a & b'/>", "XML_ENTITY 1:4 /*/@*"),
    ("<d a='<'/>", "XML_SYNTAX 1:4 /*/@*"),
    ("<d>]]></d>", "XML_SYNTAX 1:4 /*"),
    ("<d>", "XML_SYNTAX 1:4 /*"),
    ("<d></e>", "XML_SYNTAX 1:4 /*"),
    ("<d></d></d>", "XML_SYNTAX 1:8 "),
    ("<d", "XML_SYNTAX 1:1 "),
    ("<d a/>", "XML_SYNTAX 1:4 /*/@*"),
    ("<d a=b/>", "XML_SYNTAX 1:4 /*/@*"),
    ("<d a='b'c='d'/>", "XML_SYNTAX 1:9 /*/@*"),
    ("<1/>", "XML_SYNTAX 1:1 /*"),
    ("<d:/>", "XML_NAMESPACE 1:1 /*"),
    ("<:d/>", "XML_SYNTAX 1:1 /*"),
    ("<d :a='1'/>", "XML_SYNTAX 1:4 /*/@*"),
    ("<d xmlns:='u'/>", "XML_SYNTAX 1:4 /*/@*"),
    ("<d><a:b: xmlns:a='u'/></d>", "XML_SYNTAX 1:4 /*/*[1]"),
    ("<d><a b:c:d='1' xmlns:b='u'/></d>", "XML_SYNTAX 1:7 /*/*[1]/@*"),
    ("<d><!-- a -- b --></d>", "XML_SYNTAX 1:11 /*"),
    ("<d><!-- a ---></d>", "XML_SYNTAX 1:11 /*"),
    ("<d><![cdata[x]]></d>", "XML_SYNTAX 1:4 /*"),
    (" <?xml version='1.0'?><d/>", "XML_SYNTAX 1:2 "),
    ("<?xml version='1.1'?><d/>", "XML_SYNTAX 1:1 "),
    ("<?xml encoding='UTF-8'?><d/>", "XML_SYNTAX 1:1 "),
    ("<?xml version='1.0' standalone='maybe'?><d/>", "XML_SYNTAX 1:1 "),
    ("<?XML a?><d/>", "XML_SYNTAX 1:1 "),
    ("<p:d/>", "XML_NAMESPACE 1:1 /*"),
    ("<d p:a='1'/>", "XML_NAMESPACE 1:4 /*/@*"),
    ("<d xmlns:p=''/>", "XML_NAMESPACE 1:4 /*/@*"),
    ("<d xmlns:xml='urn:x'/>", "XML_NAMESPACE 1:4 /*/@*"),
    ("<d xmlns:xmlns='urn:x'/>", "XML_NAMESPACE 1:4 /*/@*"),
    ("<d a='1' a='2'/>", "XML_ATTRIBUTE_TWICE 1:10 /*/@*"),
    ("<d xmlns='u' xmlns='u'/>", "XML_ATTRIBUTE_TWICE 1:14 /*/@*"),
    ("<d xmlns:p='u' xmlns:q='u' p:a='1' q:a='2'/>", "XML_ATTRIBUTE_TWICE 1:36 /*/@*"),
    ("<d>\u{1}</d>", "XML_CHARACTER 1:4 /*"),
    ("<d a='\u{ffff}'/>", "XML_CHARACTER 1:7 /*/@*"),
];

#[test]
fn each_fault_of_form_is_the_last_finding() {
    let schema = schema();
    let mut wrong = Vec::new();
    for (document, wanted) in ROWS {
        let found = findings(&schema, document.as_bytes());
        let (last, before) = found.split_last().unwrap();
        let before_it = before.iter().all(|line| line.starts_with("XSD_ROOT"));
        if last != wanted || !before_it {
            wrong.push(format!("    ({document:?}, {last:?}), {before:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn encodings_are_read_as_declared() {
    let schema = schema();
    let utf16 =
        |text: &str, to: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to).collect::<Vec<u8>>();
    let relabelled = |label: &str| XML.replace("UTF-8", label);
    let latin = |text: String| text.chars().map(|char| char as u8).collect::<Vec<u8>>();
    let with = |mark: &[u8], body: &[u8]| [mark, body].concat();
    let unlabelled = XML.replace(" encoding=\"UTF-8\"", "");
    let rows: Vec<(&str, Vec<u8>, bool)> = vec![
        ("UTF-8", XML.into(), true),
        ("UTF-8 without a label", unlabelled.clone().into(), true),
        ("UTF-8 in small letters", relabelled("utf-8").into(), true),
        (
            "UTF-8 with a mark",
            with(b"\xef\xbb\xbf", XML.as_bytes()),
            true,
        ),
        (
            "a mark against the label",
            with(b"\xef\xbb\xbf", relabelled("ISO-8859-1").as_bytes()),
            false,
        ),
        (
            "UTF-16LE",
            with(b"\xff\xfe", &utf16(&relabelled("UTF-16"), u16::to_le_bytes)),
            true,
        ),
        (
            "UTF-16BE",
            with(b"\xfe\xff", &utf16(&relabelled("UTF-16"), u16::to_be_bytes)),
            true,
        ),
        (
            "UTF-16LE without a mark",
            utf16(&relabelled("UTF-16LE"), u16::to_le_bytes),
            true,
        ),
        (
            "UTF-16 that says UTF-8",
            with(b"\xff\xfe", &utf16(XML, u16::to_le_bytes)),
            false,
        ),
        ("UTF-8 that says UTF-16", relabelled("UTF-16").into(), false),
        (
            "half a character of UTF-16",
            with(b"\xff\xfe", b"<\0d\0/\0>"),
            false,
        ),
        ("Latin 1", latin(relabelled("ISO-8859-1")), true),
        ("Latin 9", latin(relabelled("iso-8859-15")), true),
        ("Latin 1 that says UTF-8", latin(XML.to_owned()), false),
        (
            "windows-1252 that says Latin 1",
            latin(relabelled("ISO-8859-1").replace('É', "\u{80}")),
            false,
        ),
        ("an unknown label", relabelled("KOI8-R").into(), false),
        (
            "two marks",
            with(b"\xef\xbb\xbf\xef\xbb\xbf", XML.as_bytes()),
            false,
        ),
    ];
    for (name, bytes, valid) in rows {
        let found = findings(&schema, &bytes);
        assert_eq!(found.is_empty(), valid, "{name}: {found:?}");
    }
}

#[test]
fn marks_beyond_the_first_are_text_before_the_root() {
    let schema = schema();
    for marks in 1..=3 {
        for after in [
            "<d/>",
            "<d><e/></d>",
            "<?xml version='1.0'?><d/>",
            " <d/>",
            "",
        ] {
            let text = "\u{feff}".repeat(marks) + after;
            let wide =
                |to: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(to).collect() };
            for bytes in [
                text.clone().into_bytes(),
                wide(u16::to_le_bytes),
                wide(u16::to_be_bytes),
            ] {
                let found = findings(&schema, &bytes);
                let is_text = found.iter().any(|line| line.starts_with("XML_ROOT 1:1 "));
                assert_eq!(
                    is_text,
                    marks > 1 || after.is_empty(),
                    "{text:?}: {found:?}"
                );
            }
        }
    }
}

#[test]
fn the_place_of_a_byte_that_is_not_utf8() {
    let bytes = [b"<d>\n<\xc3\xa9>".as_slice(), b"\xff</d>"].concat();
    assert_eq!(findings(&schema(), &bytes), ["XML_ENCODING 2:4 /*/*[1]"]);
}

#[test]
fn each_cap_has_its_code() {
    let schema = schema();
    let usual = Limits::default();
    let rows: &[(Limits, &str)] = &[
        (
            Limits {
                bytes: 100,
                ..usual
            },
            "XML_SIZE 1:1 ",
        ),
        (
            Limits { depth: 3, ..usual },
            "XML_DEPTH 14:7 /document/acts[1]/act[1]/code[1]",
        ),
        (
            Limits {
                attributes: 3,
                ..usual
            },
            "XML_ATTRIBUTES 2:64 /document/@*",
        ),
        (
            Limits {
                elements: 4,
                ..usual
            },
            "XML_ELEMENTS 6:3 /document/regime[1]",
        ),
        (
            Limits {
                text_bytes: 24,
                ..usual
            },
            "XML_TEXT 5:9 /document/sent[1]",
        ),
    ];
    for (limits, wanted) in rows {
        assert_eq!(
            lines(&read(XML.as_bytes(), &schema, limits, &mut ())),
            [*wanted]
        );
    }
    let many = XML.replace("<fee", "<feu").replace("</fee", "</feu");
    let limits = Limits {
        findings: 1,
        ..usual
    };
    let found = lines(&read(many.as_bytes(), &schema, &limits, &mut ()));
    let wanted = [
        "XSD_ELEMENT_UNEXPECTED 17:7 /document/acts[1]/act[1]/*[4]",
        "XSD_FINDINGS 17:7 /document/acts[1]/act[1]/*[4]",
    ];
    assert_eq!(found, wanted);
}

#[test]
fn line_ends_count_once() {
    let document = "<d>\r\n\r\té&e;</d>";
    assert_eq!(
        findings(&schema(), document.as_bytes()).last().unwrap(),
        "XML_ENTITY 3:3 /*"
    );
}

#[test]
fn nothing_panics_on_pieces_of_a_document() {
    let schema = schema();
    for end in (0..XML.trim_end().len()).step_by(3) {
        assert!(
            !findings(&schema, &XML.as_bytes()[..end]).is_empty(),
            "the first {end} bytes"
        );
        let torn = [&XML.as_bytes()[..end / 2], &XML.as_bytes()[end..]].concat();
        let places = findings(&schema, &torn);
        assert!(places.iter().all(|line| !line.is_empty()));
    }
}

/// The codes that the rows and the other tests of this file show.
pub(super) fn codes() -> Vec<&'static str> {
    let caps = [
        "XML_SIZE",
        "XML_DEPTH",
        "XML_ATTRIBUTES",
        "XML_ELEMENTS",
        "XML_TEXT",
        "XSD_FINDINGS",
        "XML_ENCODING",
    ];
    let rows = ROWS.iter().filter_map(|(_, line)| line.split(' ').next());
    rows.chain(caps).collect()
}
