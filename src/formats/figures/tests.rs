//! Both forms give the same value; every code has a file that shows it, one edit from one that is taken.

use std::collections::BTreeSet;

use super::*;
use crate::claims::document::Kind;
use crate::claims::reconcile::figures::Class;

const COUNTS: &str =
    "centre,month,kind,type,count\n750712184,2026-03,FSE,F,120\n750712184,2026-03,FSE,P,7\n";
const DOCUMENTS: &str = "centre;date;kind;type;number;received\r\n750712184;2026-03-10;FSE;F;000000001;2026-03-12\r\n750712184;2026-03-11;FSE;P;;\r\n";

fn found(text: &str) -> Vec<(&'static str, u32, u32, String)> {
    let format = Format::guess(text.as_bytes());
    let found = Reader::default().read(text.as_bytes(), format, &Limits::default());
    let findings = found.err().unwrap_or_default();
    let told = findings.into_iter().map(|finding| {
        assert!(!finding.fr.is_empty() && !finding.en.is_empty());
        let place = finding.place;
        (finding.code, place.line, place.column, place.path)
    });
    told.collect()
}

fn taken(text: &str) -> File {
    Reader::default()
        .read(
            text.as_bytes(),
            Format::guess(text.as_bytes()),
            &Limits::default(),
        )
        .unwrap()
}

fn xml(rows: &str) -> String {
    format!("<figures xmlns=\"{NAMESPACE}\" version=\"1\">\n{rows}</figures>")
}

#[test]
fn a_table_of_counts_is_read() {
    let file = taken(COUNTS);
    let centre = Finess::parse("750712184").unwrap();
    let counts = &file.centres[&centre].counts;
    let rows = counts
        .iter()
        .map(|row| (row.month.to_string(), row.kind, row.class, row.count));
    let expected = [
        ("2026-03".to_owned(), Kind::Fse, Class::Fse, 120),
        ("2026-03".to_owned(), Kind::Fse, Class::Paper, 7),
    ];
    assert!(rows.eq(expected));
    assert_eq!((file.counts, file.documents), (2, 0));
}

#[test]
fn table_and_xml_say_the_same() {
    let counts = xml(
        "<count centre=\"750712184\" month=\"2026-03\" kind=\"FSE\" type=\"F\" count=\"120\"/>\n\
         <count centre=\"750712184\" month=\"2026-03\" kind=\"FSE\" type=\"P\" count=\"7\"/>",
    );
    assert_eq!(taken(&counts), taken(COUNTS));
    let documents = xml(
        "<document centre=\"750712184\" date=\"2026-03-10\" kind=\"FSE\" type=\"F\" number=\"000000001\" received=\"2026-03-12\"/>\n\
         <document centre=\"750712184\" date=\"2026-03-11\" kind=\"FSE\" type=\"P\"/>",
    );
    assert_eq!(taken(&documents), taken(DOCUMENTS));
}

#[test]
fn modes_of_the_other_list_become_classes() {
    let text = "mode,count,month,kind,centre\nS,1,2026-03,FSE,750712184\nF,2,2026-03,FSE,750712184\nD,3,2026-03,FSE,750712184\npaper,4,2026-03,FSE,750712184\nS,5,2026-03,DRE,750712184\n";
    let file = taken(text);
    let rows = file.centres.values().flat_map(|figures| &figures.counts);
    let classes: Vec<_> = rows.map(|row| (row.class, row.count)).collect();
    let expected = [
        (Class::Fse, 1),
        (Class::Fse, 2),
        (Class::B2, 3),
        (Class::Paper, 4),
        (Class::Dre, 5),
    ];
    assert_eq!(classes, expected);
}

#[test]
fn every_code_is_shown_by_a_table_one_edit_from_a_good_one() {
    let counts = |from: &str, to: &str| COUNTS.replacen(from, to, 1);
    let documents = |from: &str, to: &str| DOCUMENTS.replacen(from, to, 1);
    let cases = [
        ("FIGURES_TABLE", counts(",120", ""), 2, 1, ""),
        ("FIGURES_HEADER", counts("month", "mois"), 1, 8, "header"),
        ("FIGURES_ROW", counts(",120", ","), 2, 27, "count"),
        (
            "FIGURES_CENTRE",
            counts("750712184", "750712185"),
            2,
            1,
            "centre",
        ),
        ("FIGURES_KIND", counts("FSE", "FSP"), 2, 19, "kind"),
        ("FIGURES_TYPE", counts(",F,", ",X,"), 2, 23, "type"),
        ("FIGURES_KIND_TYPE", counts(",F,", ",D,"), 2, 23, "type"),
        (
            "FIGURES_MONTH",
            counts("2026-03", "2026-13"),
            2,
            11,
            "month",
        ),
        ("FIGURES_COUNT", counts("120", "-12"), 2, 25, "count"),
        (
            "FIGURES_NUMBER",
            documents("000000001", "no 1"),
            2,
            28,
            "number",
        ),
        (
            "FIGURES_NUMBER",
            documents("000000001", ""),
            2,
            28,
            "number",
        ),
        (
            "FIGURES_DATE",
            documents("2026-03-10", "10/03/2026"),
            2,
            11,
            "date",
        ),
        (
            "FIGURES_RECEIVED",
            documents("2026-03-12", "2026-02-30"),
            2,
            38,
            "received",
        ),
        ("FIGURES_REPEATED", counts(",P,", ",F,"), 3, 1, "centre"),
        (
            "FIGURES_EMPTY",
            "centre,month,kind,type,count\n".to_owned(),
            1,
            1,
            "",
        ),
    ];
    let mut shown = BTreeSet::from(["FIGURES_SIZE", "FIGURES_ENCODING", "FIGURES_TOO_MANY"]);
    for (code, text, line, column, path) in cases {
        let found = found(&text);
        let first = found.iter().find(|finding| finding.0 == code);
        let (_, at, on, field) = first.unwrap_or_else(|| panic!("{code}: {found:?}"));
        if code != "FIGURES_ROW" {
            assert_eq!((*at, *on, field.as_str()), (line, column, path), "{code}");
        }
        shown.insert(code);
    }
    let all: BTreeSet<_> = CODES.iter().map(|code| code.as_str()).collect();
    assert_eq!(shown, all);
}

#[test]
fn a_file_is_refused_whole_with_all_its_findings() {
    let text = "centre,month,kind,type,count\n750712185,2026-13,FSP,X,x\n750712184,2026-03,FSE,F,1\n750712184,2026-03,DRE,F,2\n";
    let codes: Vec<_> = found(text)
        .into_iter()
        .map(|(code, line, ..)| (code, line))
        .collect();
    let expected = [
        ("FIGURES_CENTRE", 2),
        ("FIGURES_KIND", 2),
        ("FIGURES_TYPE", 2),
        ("FIGURES_MONTH", 2),
        ("FIGURES_COUNT", 2),
        ("FIGURES_KIND_TYPE", 4),
    ];
    assert_eq!(codes, expected);
}

#[test]
fn what_is_too_large_or_not_utf_8_or_too_wrong_is_said_so() {
    let limits = Limits {
        bytes: 100,
        findings: 3,
    };
    let codes = |bytes: &[u8], limits: &Limits| -> Vec<&'static str> {
        let findings = Reader::default()
            .read(bytes, Format::guess(bytes), limits)
            .unwrap_err();
        findings.iter().map(|finding| finding.code).collect()
    };
    assert_eq!(codes(&[b'a'; 101], &limits), ["FIGURES_SIZE"]);
    let mut latin = COUNTS.as_bytes().to_vec();
    latin.push(0xe9);
    assert_eq!(codes(&latin, &Limits::default()), ["FIGURES_ENCODING"]);
    let wrong = "centre,month,kind,type,count\n1,,,,1\n2,,,,2\n";
    assert_eq!(
        codes(wrong.as_bytes(), &limits).last(),
        Some(&"FIGURES_TOO_MANY")
    );
    let wrong =
        xml("<count centre=\"750712185\" month=\"2026-03\" kind=\"DRE\" type=\"F\" count=\"1\"/>");
    let limits = Limits {
        bytes: 1_000,
        findings: 1,
    };
    assert_eq!(codes(wrong.as_bytes(), &limits), ["FIGURES_TOO_MANY"]);
}

#[test]
fn xml_is_refused_by_its_schema_first_and_then_by_what_it_means() {
    let row =
        "<count centre=\"750712184\" month=\"2026-03\" kind=\"FSE\" type=\"F\" count=\"120\"/>\n";
    assert!(found(&xml(row)).is_empty());
    let key = found(&xml(&row.replace("184", "185")));
    assert_eq!(
        key,
        [(
            "FIGURES_CENTRE",
            2,
            8,
            "/figures/count[1]/@centre".to_owned()
        )]
    );
    let form = found(&xml(&row.replace("type=\"F\"", "type=\"X\"")));
    assert_eq!(form.len(), 1);
    assert!(form[0].0.starts_with("XSD_"), "{form:?}");
    let twice = found(&xml(&format!("{row}{row}")));
    assert_eq!(twice[0].0, "FIGURES_REPEATED");
    assert_eq!(found(&xml(""))[0].0, "FIGURES_EMPTY");
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let _ = Reader::default().read(&bytes, Format::Csv, &Limits::default());
        let _ = Reader::default().read(&bytes, Format::Xml, &Limits::default());
    }

    #[test]
    fn no_edit_of_a_good_table_makes_the_reader_panic(at in 0..120_usize, byte in proptest::prelude::any::<u8>()) {
        let mut bytes = DOCUMENTS.as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = Reader::default().read(&bytes, Format::Csv, &Limits::default());
    }
}
