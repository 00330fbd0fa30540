//! Every form of a statement against its golden file, the forms against each other, and what tampering is called.
//!
//! `UPDATE=1` writes `fixtures/statements` again.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::example::{full, idle};
use super::verify::{Fault, Proven, follows, one};
use super::{Form, Named, Statement, XSD};
use crate::formats::jws::unencoded::{Signer, pem_of};
use crate::formats::jws::{self, Keys};
use crate::schema::{self, Element, Schema, Source, Visitor};

struct Unmoved;

impl Visitor for Unmoved {
    fn open(&mut self, _: Element<'_>) {}
}

fn signer() -> Signer {
    Signer::from_pem(&pem_of([42; 32])).unwrap()
}

fn keys() -> Keys {
    Keys::from_pem(&signer().public().pem()).unwrap()
}

fn signed(bytes: &[u8]) -> String {
    let signer = signer();
    signer.public().jws(&signer.sign(bytes))
}

#[allow(
    clippy::disallowed_methods,
    reason = "UPDATE is a word to the test, and no setting of the program"
)]
fn golden(name: &str, found: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/statements")
        .join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, found).unwrap();
    }
    let expected = fs::read(&path).unwrap_or_default();
    let (found, expected) = (
        String::from_utf8_lossy(found),
        String::from_utf8_lossy(&expected),
    );
    assert_eq!(found, expected, "{name} (UPDATE=1 writes it again)");
}

#[test]
fn every_form_is_as_it_was() {
    for (name, statement) in [("full", full()), ("idle", idle())] {
        for form in Form::ALL {
            let found = statement.write(form);
            golden(&format!("{name}.{}", form.as_str()), &found);
        }
        golden(
            &format!("{name}.jws"),
            signed(&statement.canonical()).as_bytes(),
        );
    }
    golden("key.pem", signer().public().pem().as_bytes());
}

#[test]
fn what_is_canonical_is_read_and_nothing_else() {
    for statement in [full(), idle()] {
        let bytes = statement.canonical();
        assert_eq!(Statement::read(&bytes), Some(statement.clone()));
        let text = String::from_utf8(bytes).unwrap();
        let pretty = serde_json::to_string_pretty(&statement).unwrap();
        for other in [
            format!("{text}\n"),
            text.replacen("{", "{ ", 1),
            text.replacen("{", "{\"more\":1,", 1),
            text.replace("statement:1", "statement:2"),
            text.replacen("\":0", "\":0.0", 1),
            text[..text.len() - 1].to_owned(),
            pretty,
        ] {
            assert_eq!(Statement::read(other.as_bytes()), None, "{other}");
        }
    }
}

/// All values of a statement that are there, in order, whatever they are called.
fn leaves(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) => found.push(value.to_string()),
        Value::String(text) => found.push(text.clone()),
        Value::Array(all) => all.iter().for_each(|one| leaves(one, found)),
        Value::Object(all) => all.values().for_each(|one| leaves(one, found)),
    }
}

#[test]
fn table_and_xml_hold_every_value_of_the_json() {
    for statement in [full(), idle()] {
        let mut expected = Vec::new();
        leaves(&serde_json::to_value(&statement).unwrap(), &mut expected);
        expected.sort();
        let table = statement.write(Form::Csv);
        let mut rows = csv::ReaderBuilder::new().from_reader(&table[..]);
        let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
        let mut found: Vec<String> = rows.iter().map(|row| row[1].to_owned()).collect();
        found.sort();
        assert_eq!(found, expected);
        let names: std::collections::BTreeSet<&str> = rows.iter().map(|row| &row[0]).collect();
        assert_eq!(names.len(), rows.len(), "a path names one value");
        let xml = String::from_utf8(statement.write(Form::Xml)).unwrap();
        let texts = xml.lines().filter_map(|line| {
            let (_, rest) = line.split_once('>')?;
            let (text, _) = rest.split_once("</")?;
            Some(unescaped(text))
        });
        let mut found: Vec<String> = texts.collect();
        found.push(statement.schema.clone());
        found.sort();
        assert_eq!(found, expected);
    }
}

fn unescaped(text: &str) -> String {
    let pairs = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ];
    pairs
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[test]
fn a_text_that_would_run_in_a_spreadsheet_is_text() {
    let mut statement = idle();
    statement.centre.name = "=HYPERLINK(\"x\")".into();
    let table = String::from_utf8(statement.write(Form::Csv)).unwrap();
    assert!(
        table.contains("centre.name,\"'=HYPERLINK(\"\"x\"\")\"\r\n"),
        "{table}"
    );
}

#[test]
fn xml_is_valid_by_its_schema() {
    let (name, xsd) = XSD;
    let schema = Schema::compile(&[Source { name, xsd }]).unwrap();
    let limits = schema::Limits {
        bytes: 1 << 20,
        depth: 8,
        attributes: 4,
        elements: usize::MAX,
        text_bytes: 4_096,
        findings: 9,
    };
    for statement in [full(), idle()] {
        let xml = statement.write(Form::Xml);
        let reading = schema::read(&xml, &schema, &limits, &mut Unmoved);
        assert_eq!(reading.findings, []);
    }
    let mut wrong = full();
    wrong.verdict = "compliant".into();
    let xml = wrong.write(Form::Xml);
    let reading = schema::read(&xml, &schema, &limits, &mut Unmoved);
    assert_eq!(reading.findings.len(), 1);
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_runs_nothing() {
    for statement in [full(), idle()] {
        let page = String::from_utf8(statement.write(Form::Html)).unwrap();
        for wrong in [
            "<script", "http:", "https:", "url(", "@import", "<Paris>", "onload", "<img",
        ] {
            assert!(!page.contains(wrong), "{wrong}");
        }
        for opened in [
            "section", "table", "svg", "main", "header", "dl", "div", "p", "text",
        ] {
            let begins = page.matches(&format!("<{opened}>")).count()
                + page.matches(&format!("<{opened} ")).count();
            assert_eq!(
                begins,
                page.matches(&format!("</{opened}>")).count(),
                "{opened}"
            );
        }
    }
}

#[test]
fn nobody_is_told_to_comply_without_a_confirmed_threshold() {
    let mut statement = full();
    statement.verdict = "unconfirmed".into();
    statement.policy.status = "unconfirmed".into();
    statement.segments.clear();
    let page = String::from_utf8(statement.write(Form::Html)).unwrap();
    assert!(page.contains("Seuil non confirmé : au moins 70\u{a0}% · écart 3,88 points"));
    assert!(page.contains("verdict open") && !page.contains("Le seuil de l'accord est atteint"));
    assert!(!page.contains("conforme"));
}

/// Every cause that a rate knows has words for the page, and says what to do.
#[test]
fn the_page_says_what_is_missing_and_what_to_do() {
    use crate::claims::document::Mode;
    use crate::claims::loss::Cause;
    let mut causes = vec![
        Cause::Paper,
        Cause::PaperDuplicate,
        Cause::Unanswered,
        Cause::Refused,
        Cause::Rejected,
        Cause::ByHand,
    ];
    causes.extend(Mode::ALL.map(Cause::Mode));
    for cause in causes {
        let (name, remedy) = super::words::loss(cause.as_str());
        assert!(name != cause.as_str() && remedy.ends_with('.'), "{cause:?}");
    }
    let page = |statement: &Statement| String::from_utf8(statement.write(Form::Html)).unwrap();
    let mut statement = full();
    let found = page(&statement);
    for said in [
        "871 documents sur 3\u{202f}334 ne comptent pas comme transmis",
        "<td>Mode D : dégradé, sans carte Vitale</td><td>412</td><td>12,35</td><td>Lire la carte Vitale",
        "aucun document ne manque",
        "La règle se mesure sur une année civile",
    ] {
        assert!(found.contains(said), "{said}");
    }
    statement.period.form = "year".into();
    statement.losses.clear();
    statement.rate = super::example::share(10, 10);
    let threshold = statement.threshold.as_mut().unwrap();
    threshold.missing = Some(1_204);
    let found = page(&statement);
    assert!(found.contains("Rien ne manque") && !found.contains("une indication"));
    assert!(found.contains("il manque 1\u{202f}204 documents transmis"));
    let threshold = statement.threshold.as_mut().unwrap();
    (threshold.numerator, threshold.denominator) = (2, 3);
    assert!(page(&statement).contains("au moins 2/3"));
    assert!(!found.contains("il peut manquer davantage"));
    statement.verdict = "paper unknown".into();
    assert!(page(&statement).contains("il peut manquer davantage"));
    let nothing = page(&idle());
    assert!(!nothing.contains("Ce qui manque") && !nothing.contains("<svg"));
}

/// Every field that the schema knows is in the example that has everything, so each is in the golden files.
#[test]
fn the_full_example_has_every_field() {
    let full = String::from_utf8(full().write(Form::Xml)).unwrap();
    let declared = XSD.1.split("<xs:element name=\"").skip(1);
    for name in declared.filter_map(|rest| rest.split('"').next()) {
        assert!(
            full.contains(&format!("<{name}>")) || name == "statement",
            "{name}"
        );
    }
}

fn proven(statement: &Statement) -> Proven {
    let bytes = statement.canonical();
    one(&keys(), &bytes, &signed(&bytes)).unwrap()
}

/// Every value of the JSON, changed alone, is found out; so is every byte.
#[test]
fn a_changed_value_is_not_what_was_signed() {
    let bytes = full().canonical();
    let (jws, keys) = (signed(&bytes), keys());
    assert!(one(&keys, &bytes, &jws).is_ok());
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 1;
        let found = one(&keys, &other, &jws);
        assert_eq!(found, Err(Fault::Signature(jws::Fault::Signature)), "{at}");
    }
    let (head, signature) = jws.split_once("..").unwrap();
    let swapped = format!("{signature}..{head}");
    let attached = jws.replace("..", ".e30.");
    let none = jws::Fault::Form;
    for (jws, fault) in [("", none), (&*swapped, none), (&*attached, none)] {
        assert_eq!(
            one(&keys, &bytes, jws),
            Err(Fault::Signature(fault)),
            "{jws}"
        );
    }
}

#[test]
fn what_is_signed_and_no_statement_is_called_so() {
    for text in ["", "{}", "[]", "{\"schema\":\"urn:bordereau:statement:1\"}"] {
        let found = one(&keys(), text.as_bytes(), &signed(text.as_bytes()));
        assert_eq!(found, Err(Fault::Form), "{text}");
    }
    let pretty = serde_json::to_vec_pretty(&full()).unwrap();
    assert_eq!(one(&keys(), &pretty, &signed(&pretty)), Err(Fault::Form));
}

#[test]
fn statements_follow_each_other_or_it_is_said_that_they_do_not() {
    let first = proven(&idle());
    let after = |change: fn(&mut Statement)| {
        let mut next = full();
        next.previous = Some(Named {
            number: 1,
            digest: first.digest.to_string(),
        });
        change(&mut next);
        follows(&first, &proven(&next))
    };
    assert_eq!(after(|_| {}), Ok(()));
    assert_eq!(after(|next| next.previous = None), Err(Fault::Chain));
    assert_eq!(
        after(|next| next.centre.finess = "750000002".into()),
        Err(Fault::Centre)
    );
    let unlinked = after(|next| {
        if let Some(named) = &mut next.previous {
            named.digest.replace_range(..2, "zz");
        }
    });
    assert_eq!(unlinked, Err(Fault::Chain));
    assert_eq!(follows(&first, &first), Err(Fault::Chain));
}
