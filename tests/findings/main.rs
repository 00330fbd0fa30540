//! Golden findings: every code has a faulty document, and a valid one that is a single edit away.
//!
//! `invalid/CODE.slug.xml` is made from a file of `valid/` by the edit that its row names; beside it,
//! `CODE.slug.findings` has one line a finding: severity, code, line:column, path. `UPDATE=1` writes both
//! anew; without it they are compared. Documents are judged as of noon of 20 November 2026.

#![allow(
    clippy::disallowed_methods,
    reason = "UPDATE is read from the environment"
)]

mod rows;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bordereau::claims::finding::Finding;
use bordereau::claims::id::{Destination, Finess};
use bordereau::claims::rules::{
    AMC_LENGTHS, Context, Directory, Reach, Registration, Registry, Rule, check,
};
use bordereau::claims::terms::{Region, Terms};
use bordereau::claims::time::{Day, Timestamp};
use bordereau::formats::xml::{Limits, Reader};
use bordereau::schema;

use rows::{ROWS, Row, WITHOUT_FILE};

/// What the registry says in these tests.
struct Book;

impl Directory for Book {
    fn centre(&self, finess: Finess, _day: Day) -> Registration {
        match finess.as_str() {
            "750712184" => Registration::Open(Region::Metropole),
            "750031288" => Registration::Closed,
            _ => Registration::Unknown,
        }
    }

    fn reaches(&self, destination: Destination) -> Reach {
        match destination.to_string().as_str() {
            "amo:017510000" | "amc:77567227" => Reach::Routed,
            _ => Reach::Unknown,
        }
    }
}

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/documents")
        .join(folder)
}

/// Everything that is said of a document: its form, then, where the form is right, its rules.
fn findings(reader: &Reader, bytes: &[u8], registry: Registry<'_>) -> Vec<Finding> {
    let terms = Terms::default();
    let context = Context {
        now: Timestamp::parse("2026-11-20T11:00:00Z").expect("a constant"),
        terms: &terms,
        registry,
        amc_lengths: &AMC_LENGTHS,
    };
    let read = reader.read_document(bytes, &Limits::default());
    let mut findings = read.findings.clone();
    if let Some(document) = &read.value {
        findings.extend(check(document, &context, &read).findings);
    }
    findings
}

fn golden(findings: &[Finding]) -> String {
    let mut lines = String::new();
    for finding in findings {
        let (severity, place) = (finding.severity.as_str(), &finding.place);
        writeln!(lines, "{severity} {} {place}", finding.code).expect("a String grows");
    }
    lines
}

/// The faulty document of a row.
fn edited(row: &Row) -> String {
    let path = fixtures("valid").join(format!("{}.xml", row.base));
    let base = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let (first, last) = row.from.split_once('…').unwrap_or((row.from, ""));
    let place = || format!("{}.{}: not found in {}", row.code, row.slug, row.base);
    let start = base.find(first).unwrap_or_else(|| panic!("{}", place()));
    let inner = start + first.len();
    let length = base[inner..]
        .find(last)
        .unwrap_or_else(|| panic!("{}", place()));
    let end = inner + length + last.len();
    format!("{}{}{}", &base[..start], row.to, &base[end..])
}

/// Compares a file with what it should hold, or writes it under `UPDATE=1`.
fn compare(path: &Path, expected: &str) {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, expected).expect("fixtures can be written");
        return;
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        found, expected,
        "{path:?} is not as it should be: UPDATE=1 writes it anew"
    );
}

#[test]
fn each_faulty_document_brings_its_code_at_its_place() {
    let reader = Reader::new().expect("the schemas compile");
    let mut astray = Vec::new();
    for row in ROWS {
        let name = format!("{}.{}", row.code, row.slug);
        let text = edited(row);
        let findings = findings(&reader, text.as_bytes(), Registry::Known(&Book));
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
        // One fault, one finding; only a cap is met on the way through what the schema does not know.
        let before = match row.code {
            "XML_DEPTH" => &["XSD_ELEMENT_UNEXPECTED"][..],
            _ => &[],
        };
        if codes != [before, &[row.code]].concat() {
            astray.push((name, golden(&findings)));
            continue;
        }
        let folder = fixtures("invalid");
        compare(&folder.join(format!("{name}.xml")), &text);
        compare(&folder.join(format!("{name}.findings")), &golden(&findings));
    }
    assert!(astray.is_empty(), "{astray:#?}");
    no_file_is_without_row();
}

#[test]
fn the_valid_neighbours_bring_nothing() {
    let reader = Reader::new().expect("the schemas compile");
    let bases: BTreeSet<&str> = ROWS.iter().map(|row| row.base).collect();
    for base in bases {
        let bytes = std::fs::read(fixtures("valid").join(format!("{base}.xml"))).expect("a base");
        let findings = findings(&reader, &bytes, Registry::Known(&Book));
        assert_eq!(golden(&findings), "", "{base}");
    }
}

#[test]
fn every_valid_document_passes_offline() {
    let reader = Reader::new().expect("the schemas compile");
    for path in files("valid", "xml") {
        let bytes = std::fs::read(&path).expect("a fixture");
        let findings = findings(&reader, &bytes, Registry::NotConsulted);
        assert!(
            !Finding::refuses(&findings),
            "{path:?}:\n{}",
            golden(&findings)
        );
    }
}

#[test]
fn every_code_has_a_faulty_document() {
    let of_form = schema::CODES.iter().map(|code| code.as_str());
    let of_rules = Rule::ALL.iter().map(|rule| rule.code());
    let codes: BTreeSet<&str> = of_form.chain(of_rules).collect();
    let without = WITHOUT_FILE.iter().map(|(code, _)| *code);
    let covered: BTreeSet<&str> = ROWS.iter().map(|row| row.code).chain(without).collect();
    assert_eq!(covered, codes);
}

fn no_file_is_without_row() {
    let names = ROWS.iter().flat_map(|row| {
        let name = |extension| format!("{}.{}.{extension}", row.code, row.slug);
        [name("findings"), name("xml")]
    });
    let expected: BTreeSet<PathBuf> = names.map(|name| fixtures("invalid").join(name)).collect();
    let found: BTreeSet<PathBuf> = ["xml", "findings"]
        .into_iter()
        .flat_map(|extension| files("invalid", extension))
        .collect();
    let astray: Vec<&PathBuf> = found.symmetric_difference(&expected).collect();
    assert!(astray.is_empty(), "{astray:#?}");
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(fixtures(folder)).expect("a folder of fixtures");
    let mut paths: Vec<PathBuf> = folder
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    paths.sort();
    paths
}
