//! Every cut of the scanner against those that quick-xml makes when it reads the whole text.

use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::errors::{Error, IllFormedError};
use quick_xml::events::Event;

use super::XML;
use crate::schema::code::Code;
use crate::schema::scan::{Piece, Scanner};

/// What is put together to texts, right and wrong.
const PARTS: &[&str] = &[
    "<a>",
    "</a>",
    "<a/>",
    "<b>",
    "</b>",
    "<b:c>",
    "</b:c>",
    "<a >",
    "</a >",
    "</a\n>",
    "<a\t/>",
    "<long-name.1>",
    "</long-name.1>",
    "<a b='1'>",
    "<a b=\">\" c='\"'>",
    "<a b='/'/>",
    "<a b=/>",
    "<a'b>",
    "<a/b>",
    "<a b",
    "<>",
    "< a>",
    "</>",
    "</",
    "<",
    ">",
    "/",
    "\"",
    "'",
    "=",
    " ",
    "\n",
    "\r\n",
    "\t",
    "text",
    "un texte plus long que huit",
    "é€",
    "]]>",
    "]",
    "&amp;",
    "&#233;",
    "&",
    ";",
    "&a&",
    "<!--",
    "-->",
    "--",
    "<!-- c -->",
    "<![CDATA[",
    "<![CDATA[x]]>",
    "<?pi x?>",
    "<?",
    "?>",
    "<?xml version='1.0'?>",
    "<!DOCTYPE a>",
    "<!",
    "<a>1.00</a>",
    "<a></a>",
    "<a> </a>",
    "<a>x",
];

/// What the scanner makes of a text: its pieces, then why it stopped, if it did.
fn cut(text: &str) -> Vec<String> {
    let mut scanner = Scanner::new(text);
    let mut cuts = Vec::new();
    loop {
        let piece = match scanner.next() {
            Ok(piece) => piece,
            Err(stop) => {
                cuts.push(format!("{:?} at {}", stop.code, stop.at));
                return cuts;
            }
        };
        let (begin, end, content) = (scanner.begin(), scanner.end(), scanner.content());
        match piece {
            Piece::Start | Piece::Empty => {
                let name = scanner.name();
                cuts.push(format!("{piece:?} {begin}..{end} {name:?} {content:?}"));
            }
            // It stands for three.
            Piece::Leaf => {
                let (held, tag) = scanner.held();
                cuts.push(format!("Start {begin}..{held} {:?} \"\"", scanner.name()));
                if held < tag {
                    cuts.push(format!("Text {held}..{tag} {content:?}"));
                }
                cuts.push(format!("End {tag}..{end}"));
            }
            Piece::Blank | Piece::Text => cuts.push(format!("Text {begin}..{end} {content:?}")),
            Piece::CData | Piece::Reference | Piece::Instruction | Piece::Declaration => {
                cuts.push(format!("{piece:?} {begin}..{end} {content:?}"));
            }
            Piece::End | Piece::Comment | Piece::Doctype => {
                cuts.push(format!("{piece:?} {begin}..{end}"));
            }
            Piece::Eof => return cuts,
        }
    }
}

/// What quick-xml makes of it.
fn wanted(text: &str) -> Vec<String> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut cuts = Vec::new();
    loop {
        let begin = reader.buffer_position() as usize;
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(error) => {
                let code = match error {
                    Error::IllFormed(IllFormedError::UnclosedReference) => Code::XmlEntity,
                    _ => Code::XmlSyntax,
                };
                cuts.push(format!("{code:?} at {}", reader.error_position()));
                return cuts;
            }
        };
        let end = reader.buffer_position() as usize;
        let tag = |name: &str, tail: usize| {
            let content = &text[begin + 1 + name.len()..end - tail];
            format!("{begin}..{end} {name:?} {content:?}")
        };
        cuts.push(match event {
            Event::Start(event) => format!("Start {}", tag(event.name().as_ref(), 1)),
            Event::Empty(event) => format!("Empty {}", tag(event.name().as_ref(), 2)),
            Event::End(_) => format!("End {begin}..{end}"),
            Event::Text(event) => format!("Text {begin}..{end} {:?}", event.into_inner()),
            Event::CData(event) => format!("CData {begin}..{end} {:?}", event.into_inner()),
            Event::GeneralRef(event) => {
                format!("Reference {begin}..{end} {:?}", event.into_inner())
            }
            Event::PI(event) => format!("Instruction {begin}..{end} {:?}", event.into_inner()),
            Event::Decl(_) => {
                format!("Declaration {begin}..{end} {:?}", &text[begin + 5..end - 2])
            }
            Event::Comment(_) => format!("Comment {begin}..{end}"),
            Event::DocType(_) => format!("Doctype {begin}..{end}"),
            Event::Eof => return cuts,
        });
    }
}

#[test]
fn the_sample_is_cut_as_quick_xml_cuts_it() {
    assert_eq!(cut(XML), wanted(XML));
    assert!(cut(XML).len() > 50);
}

#[test]
fn tags_without_a_name_are_cut_as_quick_xml_cuts_them() {
    for text in [
        "<></>", "<></ >", "<></\n>", "<></ a>", "</>", "</ >", "<a></ >", "<a></a >",
    ] {
        assert_eq!(cut(text), wanted(text), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_in_any_order_are_cut_as_quick_xml_cuts_them(
        parts in proptest::collection::vec(proptest::sample::select(PARTS), 0..24),
    ) {
        let text = parts.concat();
        prop_assert_eq!(cut(&text), wanted(&text));
        // Within a root more of it is read before the end of the first element is.
        let text = format!("<r>{text}</r>");
        prop_assert_eq!(cut(&text), wanted(&text));
    }

    #[test]
    fn the_sample_with_a_few_parts_put_in_is_cut_as_quick_xml_cuts_it(
        changes in proptest::collection::vec(
            (any::<prop::sample::Index>(), 0..4_usize, proptest::sample::select(PARTS)),
            1..4,
        ),
    ) {
        let mut text = XML.to_owned();
        for (index, length, part) in changes {
            let from = text.floor_char_boundary(index.index(text.len()));
            let to = text.ceil_char_boundary((from + length).min(text.len()));
            text.replace_range(from..to, part);
        }
        prop_assert_eq!(cut(&text), wanted(&text));
    }
}
