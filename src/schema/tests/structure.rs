//! One row for each fault of structure: an edit of the valid sample, and all that may be said of it.

use super::{Limits, XML, edited, findings, read, schema};

#[rustfmt::skip]
const ROWS: &[(&str, &str, &[&str])] = &[
    ("<kind>FSE</kind>", "<kind>FSX</kind>", &["XSD_VALUE_ENUMERATION 4:3 /document/kind[1]"]),
    ("  <kind>FSE</kind>\n", "", &["XSD_ELEMENT_MISSING 4:3 /document"]),
    ("<kind>FSE</kind>", "<kinds>FSE</kinds>", &["XSD_ELEMENT_UNEXPECTED 4:3 /document/*[2]"]),
    ("<kind>FSE</kind>", "<kind>FSE</kind><kind>FSE</kind>", &["XSD_ELEMENT_UNEXPECTED 4:19 /document/kind[2]"]),
    ("<version>1</version>\n  <kind>FSE</kind>", "<kind>FSE</kind><version>1</version>", &["XSD_ELEMENT_UNEXPECTED 3:3 /document/kind[1]"]),
    ("<version>1</version>", "<version>2</version>", &["XSD_FIXED 3:3 /document/version[1]"]),
    ("<version>1</version>", "<version/>", &[]),
    ("<version>1</version>", "<version> 1</version>", &["XSD_FIXED 3:3 /document/version[1]"]),
    ("  <regime>01</regime>\n  <caisse>751</caisse>\n", "", &["XSD_ELEMENT_MISSING 6:3 /document"]),
    ("  <regime>01</regime>\n", "", &["XSD_ELEMENT_MISSING 6:3 /document"]),
    ("  <regime>01</regime>\n  <caisse>751</caisse>\n", "<amc>99</amc>", &[]),
    ("<caisse>751</caisse>", "<caisse>751</caisse><amc>x</amc>", &["XSD_ELEMENT_UNEXPECTED 7:23 /document/amc[1]"]),
    ("<regime>01</regime>", "<regime>é1</regime>", &[]),
    ("<regime>01</regime>", "<regime>é11</regime>", &["XSD_VALUE_LENGTH 6:3 /document/regime[1]"]),
    ("<person id=\"p1\">", "<person>", &["XSD_ATTRIBUTE_MISSING 8:3 /document/person[1]"]),
    ("<person id=\"p1\">", "<person idd=\"p1\">", &["XSD_ATTRIBUTE_UNEXPECTED 8:11 /document/person[1]/@*"]),
    ("<person id=\"p1\">", "<person id=\"p1\" x=\"\">", &["XSD_ATTRIBUTE_UNEXPECTED 8:19 /document/person[1]/@*"]),
    ("<person id=\"p1\">", "<person id=\"p2\">", &["XSD_ID_TWICE 9:12 /document/insured[1]/@id"]),
    ("<born>1980-02</born>", "<born>1980</born>", &["XSD_VALUE_TYPE 8:44 /document/person[1]/born[1]"]),
    ("<born>1980-02</born>", "<born>\n2001-02-03 </born>", &[]),
    ("<regularity>true</regularity>", "<regularity>yes</regularity>", &["XSD_VALUE_TYPE 9:45 /document/insured[1]/regularity[1]"]),
    ("<regularity>true</regularity>", "", &["XSD_ELEMENT_MISSING 9:45 /document/insured[1]"]),
    ("of=\"p1\"", "of=\"p3\"", &["XSD_ID_UNKNOWN 9:20 /document/insured[1]/@of"]),
    ("<specialty>1</specialty><number>10001</number>", "<specialty>1</specialty>", &["XSD_ELEMENT_MISSING 10:41 /document/practitioner[1]"]),
    ("<specialty>1</specialty>", "<specialty>1</specialty><specialty>1</specialty>", &["XSD_ELEMENT_UNEXPECTED 10:41 /document/practitioner[1]/specialty[2]"]),
    ("<specialty>1</specialty>", "<specialty>-1</specialty>", &["XSD_VALUE_RANGE 10:17 /document/practitioner[1]/specialty[1]"]),
    ("<number>10002</number>", "<number>10001</number>", &["XSD_KEY_TWICE 11:3 /document/practitioner[2]"]),
    ("<by>10001</by>", "<by>10003</by>", &["XSD_KEY_UNKNOWN 13:5 /document/acts[1]/act[1]"]),
    ("<act rank=\"2\"", "<act rank=\"01\"", &["XSD_KEY_TWICE 21:5 /document/acts[1]/act[2]"]),
    ("<act rank=\"2\"", "<act rank=\"0\"", &["XSD_VALUE_RANGE 21:10 /document/acts[1]/act[2]/@rank"]),
    ("<code>AB123</code>", "<code>AB12</code>", &["XSD_VALUE_PATTERN 14:7 /document/acts[1]/act[1]/code[1]"]),
    ("<code>AB123</code>", "<code> AB123\n</code>", &[]),
    ("<code>X-bcdf</code>", "<code>X-bcadf</code>", &["XSD_VALUE_PATTERN 22:7 /document/acts[1]/act[2]/code[1]"]),
    ("<code>X-bcdf</code>", "<code>X-bcdfghj</code>", &["XSD_VALUE_LENGTH 22:7 /document/acts[1]/act[2]/code[1]"]),
    ("<code>X-bcdf</code>", "<code>X-bc<b/>df</code>", &["XSD_ELEMENT_UNEXPECTED 22:17 /document/acts[1]/act[2]/code[1]/*[1]"]),
    ("<fee>12.00</fee>", "<fee>12.001</fee>", &["XSD_VALUE_DIGITS 24:7 /document/acts[1]/act[2]/fee[1]"]),
    ("<fee>12.00</fee>", "<fee>12,00</fee>", &["XSD_VALUE_TYPE 24:7 /document/acts[1]/act[2]/fee[1]"]),
    ("<fee>12.00</fee>", "<fee>100000</fee>", &["XSD_VALUE_RANGE 24:7 /document/acts[1]/act[2]/fee[1]"]),
    ("<fee>12.00</fee>", "<fee>-0.01</fee>", &["XSD_VALUE_RANGE 24:7 /document/acts[1]/act[2]/fee[1]"]),
    ("<fee>12.00</fee>", "<fee/>", &["XSD_VALUE_TYPE 24:7 /document/acts[1]/act[2]/fee[1]"]),
    ("currency=\"EUR\"", "currency=\"USD\"", &["XSD_FIXED 17:12 /document/acts[1]/act[1]/fee[1]/@currency"]),
    ("<teeth>11 12 48</teeth>", "<teeth>11 12 99</teeth>", &["XSD_VALUE_RANGE 18:7 /document/acts[1]/act[1]/teeth[1]"]),
    ("<teeth>11 12 48</teeth>", "<teeth>11 12 13 14 15</teeth>", &["XSD_VALUE_LENGTH 18:7 /document/acts[1]/act[1]/teeth[1]"]),
    ("<teeth>11 12 48</teeth>", "<teeth> </teeth>", &[]),
    ("xsi:nil=\"true\"/>", "xsi:nil=\"true\">x</note>", &["XSD_TEXT_UNEXPECTED 26:82 /document/acts[1]/act[2]/note[2]"]),
    ("xsi:nil=\"true\"/>", "xsi:nil=\"maybe\"/>", &["XSD_NIL 26:67 /document/acts[1]/act[2]/note[2]/@nil"]),
    ("<fee>12.00</fee>", "<fee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:nil=\"true\">1</fee>", &["XSD_NIL 24:66 /document/acts[1]/act[2]/fee[1]/@nil"]),
    ("<act rank=\"2\"", "<act xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" i:type=\"Act\" rank=\"2\"", &["XSD_TYPE 21:62 /document/acts[1]/act[2]/@type"]),
    ("  <acts>\n", "  <acts>text\n", &["XSD_TEXT_UNEXPECTED 12:9 /document/acts[1]"]),
    ("<empty since=\"2020\"/>", "<empty since=\"2020\">x</empty>", &["XSD_TEXT_UNEXPECTED 33:23 /document/empty[1]"]),
    ("<empty since=\"2020\"/>", "<empty since=\"2020\"><x/></empty>", &["XSD_ELEMENT_UNEXPECTED 33:23 /document/empty[1]/*[1]"]),
    ("<until>11:30:00</until>", "<until>11:30:00</until><until>11:30:00</until>", &["XSD_ELEMENT_MISSING 30:26 /document"]),
    ("<until>11:30:00</until>", "<from>11:30:00</from><from>11:30:00</from><from>11:30:00</from>", &["XSD_ELEMENT_UNEXPECTED 30:45 /document/from[4]"]),
    ("<digest>00ff</digest>", "<digest>0ff</digest>", &["XSD_VALUE_TYPE 31:3 /document/digest[1]"]),
    ("<payload>QUJDQQ==</payload>", "<payload>QUJDQQ=</payload>", &["XSD_VALUE_TYPE 32:3 /document/payload[1]"]),
    ("<e:extra>", "<e:extra><document xmlns=\"urn:test:sample\"/>", &["XSD_ELEMENT_MISSING 34:12 /document/*[16]/document[1]", "XSD_ELEMENT_MISSING 34:12 /document/*[16]/document[1]", "XSD_ELEMENT_MISSING 34:12 /document/*[16]/document[1]", "XSD_ELEMENT_MISSING 34:12 /document/*[16]/document[1]", "XSD_ELEMENT_MISSING 34:12 /document/*[16]/document[1]", "XSD_ELEMENT_MISSING 34:12 /document/*[16]/document[1]", "XSD_ELEMENT_MISSING 34:12 /document/*[16]/document[1]"]),
    ("<e:extra>", "<e:extra><empty xmlns=\"urn:test:sample\" since=\"20\"/>", &["XSD_VALUE_TYPE 34:43 /document/*[16]/empty[1]/@since"]),
    ("<e:extra>", "<e:extra><act xmlns=\"urn:test:sample\"><by>10001</by></act>", &["XSD_KEY_MISSING 34:41 /document/*[16]/act[1]/by[1]"]),
    ("</document>", "<e:a/><e:b/></document>", &["XSD_ELEMENT_UNEXPECTED 35:7 /document/*[18]"]),
    ("</document>", "<unknown/></document>", &["XSD_ELEMENT_UNEXPECTED 35:1 /document/*[17]"]),
    ("xmlns=\"urn:test:sample\"", "xmlns=\"urn:test:other\"", &["XSD_ROOT 2:1 /document"]),
    ("lang=\"fr\"", "lang=\"f_r\"", &["XSD_VALUE_TYPE 2:54 /document/@lang"]),
];

#[test]
fn each_fault_is_one_finding_at_its_place() {
    let schema = schema();
    assert_eq!(findings(&schema, XML.as_bytes()), [""; 0]);
    let mut wrong = Vec::new();
    for (from, to, wanted) in ROWS {
        let found = findings(&schema, edited(from, to).as_bytes());
        if found != *wanted {
            wrong.push(format!("    ({from:?}, {to:?}, &{found:?}),"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn an_element_read_at_once_is_judged_as_one_read_in_steps() {
    let schema = schema();
    let judged = |document: &str| -> Vec<String> {
        let findings = findings(&schema, document.as_bytes());
        let parts = findings.iter().map(|line| line.split(' ').step_by(2));
        parts
            .map(|parts| parts.collect::<Vec<_>>().join(" "))
            .collect()
    };
    for (from, to, wanted) in ROWS {
        let at_once = edited(from, to);
        // A comment before the end tag keeps an element from being read at once.
        let in_steps = at_once.replace("</", "<!----></");
        assert_eq!(judged(&at_once), judged(&in_steps), "{to}");
        assert_eq!(judged(&in_steps).len(), wanted.len(), "{to}");
    }
}

/// The codes that the rows show.
pub(super) fn codes() -> Vec<&'static str> {
    let lines = ROWS.iter().flat_map(|(_, _, lines)| lines.iter());
    lines.filter_map(|line| line.split(' ').next()).collect()
}

#[test]
fn findings_say_what_is_expected() {
    let schema = schema();
    #[rustfmt::skip]
    let rows = [
        ("<kind>FSE</kind>", "<kinds/>", "An element is not expected here (expected: kind)"),
        ("  <regime>01</regime>\n  <caisse>751</caisse>\n", "", "An element is missing here (expected: amc | regime)"),
        ("<kind>FSE</kind>", "<kind>X</kind>", "The value is not in the list (expected: FSE, DRE)"),
        ("<fee>12.00</fee>", "<fee>-1</fee>", "The value is out of bounds (expected: ≥ 0, < 100000)"),
        ("<fee>12.00</fee>", "<fee>1.001</fee>", "The value has too many digits (expected: ≤ 7, ≤ 2 (0,…))"),
        ("<regime>01</regime>", "<regime>1</regime>", "The length of the value is not allowed (expected: 2)"),
        ("<by>10001</by>", "<by>1</by>", "A reference points at no key"),
        ("<specialty>1</specialty>", "<special>1</special>", "An element is not expected here (expected: number | specialty | site)"),
    ];
    for (from, to, wanted) in rows {
        let document = edited(from, to);
        let reading = read(document.as_bytes(), &schema, &Limits::default(), &mut ());
        assert_eq!(reading.findings[0].en, wanted);
    }
}

/// One declaration that is wrong, or one prefix too few, is one fault, however many elements it makes wrong.
#[test]
fn children_of_another_namespace_are_one_finding_of_their_parent() {
    let schema = schema();
    let (sample, other) = ("xmlns=\"urn:test:sample\"", "urn:test:other");
    // The prefix stands on the root alone: its children are of no namespace, or of another one.
    let prefixed = |children: &str| {
        let root = format!("xmlns:p=\"urn:test:sample\" {children}");
        let root = edited(sample, root.trim_end());
        let root = root.replace("<document", "<p:document");
        root.replace("</document>", "</p:document>")
    };
    let wanted = ["XSD_ELEMENT_UNEXPECTED 3:3 /document/version[1]"];
    for children in ["", &format!("xmlns=\"{other}\"")] {
        let document = prefixed(children);
        let found = read(document.as_bytes(), &schema, &Limits::default(), &mut ());
        assert_eq!(super::lines(&found), wanted, "{children}");
        let said = &found.findings[0].en;
        assert!(said.contains("{urn:test:sample}version"), "{said}");
    }
    // What is missing beside is another fault.
    let document = prefixed("").replace("  <kind>FSE</kind>\n", "");
    let missing = "XSD_ELEMENT_MISSING 4:3 /document";
    assert_eq!(findings(&schema, document.as_bytes()), [wanted[0], missing]);
    // Two parents are two faults; what is in a child of another namespace is passed over, its faults too.
    let open = format!("<act xmlns=\"{other}\" rank=\"2\"");
    let (from, to) = (
        "<practitioner>",
        format!("<practitioner xmlns:o=\"{other}\">"),
    );
    let document = edited("<act rank=\"2\"", &open).replacen(from, &to, 1);
    let document = document.replacen(
        "<specialty>1</specialty>",
        "<o:specialty>1</o:specialty>",
        1,
    );
    let document = document.replacen("<number>10001</number>", "<o:number/>", 1);
    assert_eq!(
        findings(&schema, document.as_bytes()),
        [
            "XSD_ELEMENT_UNEXPECTED 10:42 /document/practitioner[1]/specialty[1]",
            "XSD_ELEMENT_UNEXPECTED 21:5 /document/acts[1]/act[2]",
        ]
    );
}

/// The commonest fault of an integration, told so that it can be seen.
#[test]
fn a_root_without_its_namespace_is_told_with_the_namespace_that_is_wanted() {
    let schema = schema();
    for other in ["", "xmlns=\"urn:test:other\""] {
        let document = edited("xmlns=\"urn:test:sample\"", other);
        let found = read(document.as_bytes(), &schema, &Limits::default(), &mut ()).findings;
        let root = found.iter().find(|finding| finding.code == "XSD_ROOT");
        let said = root.map(|root| root.en.to_string()).unwrap_or_default();
        assert!(
            said.contains("{urn:test:sample}document"),
            "{other}: {said}"
        );
    }
}
