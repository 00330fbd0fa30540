//! What a visitor sees, and that its positions lead back to line, column and path.

use super::{Limits, XML, edited, read, schema};
use crate::schema::{Element, Encoding, Position, Visitor};

#[derive(Default)]
struct Record {
    seen: Vec<String>,
    open: Vec<Position>,
    spans: Vec<(String, usize, usize)>,
    places: Vec<(String, Position)>,
    cut: Vec<(String, usize, usize)>,
}

impl Visitor for Record {
    fn open(&mut self, element: Element<'_>) {
        let attributes = element.attributes().map(|one| {
            self.places.push((format!("@{}", one.name), one.place));
            format!(" {}={:?}", one.name, one.value)
        });
        let attributes: String = attributes.collect();
        self.seen.push(format!("{}{attributes}", element.name));
        self.places.push((element.name.to_owned(), element.place));
        self.cut
            .push((element.name.to_owned(), element.depth, element.bound_at));
        self.open.push(element.place);
    }

    fn text(&mut self, text: &str, _place: Position) {
        self.seen.push(format!("{text:?}"));
    }

    fn close(&mut self, end: usize) {
        let start = self.open.pop().unwrap().offset();
        self.spans.push((self.seen.len().to_string(), start, end));
    }
}

fn record(document: &[u8]) -> Record {
    let mut record = Record::default();
    let schema = schema();
    read(document, &schema, &Limits::default(), &mut record);
    record
}

#[test]
fn a_visitor_sees_what_is_declared() {
    let seen = record(XML.as_bytes()).seen;
    let wanted = [
        "document lang=\"fr\" x=\"1\"",
        "version",
        "\"1\"",
        "kind",
        "\"FSE\"",
        "sent",
        "\"2026-03-01T10:00:00+01:00\"",
        "regime",
        "\"01\"",
        "caisse",
        "\"751\"",
        "person id=\"p1\"",
        "name",
        "\"Zoé  A&B\"",
        "born",
        "\"1980-02\"",
    ];
    assert_eq!(seen[..wanted.len()], wanted);
    assert!(
        seen.contains(&"act rank=\"1\" unit=\"each\"".to_owned()),
        "an attribute by default"
    );
    assert!(seen.contains(&"fee currency=\"EUR\"".to_owned()));
    assert!(
        seen.contains(&"\"first <line>\"".to_owned()),
        "text in pieces"
    );
    assert!(
        !seen.iter().any(|one| one.starts_with("deep")),
        "what no declaration fits is not shown"
    );
}

#[test]
fn text_is_shown_as_it_is() {
    let rows = [
        ("", "\"\""),
        (" a\tb ", "\" a\\tb \""),
        ("a\r\nb\rc", "\"a\\nb\\nc\""),
        ("a&#13;<!-- c -->b<![CDATA[&amp;]]>", "\"a\\rb&amp;\""),
    ];
    for (text, wanted) in rows {
        let document = edited("<caisse>751</caisse>", &format!("<caisse>{text}</caisse>"));
        let seen = record(document.as_bytes()).seen;
        let caisse = seen.iter().position(|one| one == "caisse").unwrap();
        assert_eq!(seen[caisse + 1], wanted, "{text:?}");
    }
}

#[test]
fn spans_are_bytes_of_the_document_as_posted() {
    for mark in ["", "\u{feff}"] {
        let document = format!("{mark}{XML}");
        let record = record(document.as_bytes());
        let (_, start, end) = record.spans.last().unwrap();
        assert!(
            document[*start..*end].starts_with("<document")
                && document[*start..*end].ends_with("</document>")
        );
        let spans: Vec<&str> = record
            .spans
            .iter()
            .map(|(_, start, end)| &document[*start..*end])
            .collect();
        assert!(spans.contains(&"<empty since=\"2020\"/>"));
        assert!(spans.contains(&"<code>AB123</code>"));
    }
}

#[test]
fn positions_lead_back_to_places() {
    let document = format!("\u{feff}{XML}");
    let schema = schema();
    let mut record = Record::default();
    let reading = read(
        document.as_bytes(),
        &schema,
        &Limits::default(),
        &mut record,
    );
    assert_eq!(reading.encoding, Encoding::Utf8);
    assert!(!reading.refuses());
    let place = |name: &str, nth: usize| {
        let mut found = record.places.iter().filter(|(own, _)| own == name);
        reading.place(found.nth(nth).unwrap().1).to_string()
    };
    assert_eq!(place("document", 0), "2:1 /document");
    assert_eq!(place("@lang", 0), "2:54 /document/@lang");
    assert_eq!(place("born", 0), "8:44 /document/person[1]/born[1]");
    assert_eq!(place("name", 1), "9:28 /document/insured[1]/name[1]");
    assert_eq!(place("@rank", 1), "21:10 /document/acts[1]/act[2]/@rank");
    assert_eq!(place("@unit", 0), "13:5 /document/acts[1]/act[1]");
    let all: Vec<Position> = record
        .places
        .iter()
        .rev()
        .map(|(_, position)| *position)
        .collect();
    for (position, place) in all.iter().zip(reading.places(&all)) {
        assert_eq!(place, reading.place(*position));
    }
}

#[test]
fn a_cut_knows_whose_declarations_it_needs() {
    let document = edited(
        "<empty since=\"2020\"/>",
        "<s:empty xmlns:s=\"urn:test:sample\"/><empty/>",
    );
    let cut = record(document.as_bytes()).cut;
    let empties: Vec<_> = cut.iter().filter(|(name, ..)| name == "empty").collect();
    assert_eq!(
        empties,
        [&("empty".to_owned(), 2, 2), &("empty".to_owned(), 2, 1)]
    );
}

#[test]
fn nothing_of_the_document_is_in_a_finding() {
    let secret = "279027512345678";
    let schema = schema();
    for (from, to) in [
        ("<kind>FSE", "<kind>X"),
        ("<caisse>751", "<X>751</X><caisse>"),
        (" lang=\"fr\"", " X=\"X\""),
    ] {
        let document = edited(from, &to.replace('X', &format!("n{secret}")));
        let reading = read(document.as_bytes(), &schema, &Limits::default(), &mut ());
        assert!(reading.refuses());
        assert!(!format!("{reading:?}").contains(secret), "{reading:?}");
    }
}
