//! The structure verdict against two other validators: thousands of mutations of valid documents, judged by this
//! program, by libxml2 (`xmllint`) and by the crate `xsd-schema` under the same XSD. They must agree on every one.
//!
//! A new schema in `schemas/` or document in `fixtures/documents/` takes part without any change here.

#[path = "structure/cases.rs"]
mod cases;
#[path = "structure/mutate.rs"]
mod mutate;
#[path = "structure/judges.rs"]
mod judges;

use bordereau::schema::{Limits, Schema, Source, read};

use cases::Case;
use judges::Verdict;
use mutate::Prng;

/// Mutants of one run, over all schemas.
const MUTANTS: usize = 4_000;

/// Where the judges are known to differ. Closed: a disagreement that no row explains fails the test, and so does a
/// row whose example no longer shows it.
const DIFFERENCES: &[Difference] = &[
    Difference {
        kind: "references to identifiers",
        example: ("of=\"p1\"", "of=\"p9\""),
        reason: "libxml2 does not look for the xs:ID of an xs:IDREF when it validates by XSD",
        odd: Judge::Xmllint,
        applies: |_, codes| !codes.is_empty() && codes.iter().all(|code| *code == "XSD_ID_UNKNOWN"),
    },
    Difference {
        kind: "names with two colons",
        example: ("<e:deep a=\"b\">t</e:deep>", "<e:e:deep>t</e:e:deep>"),
        reason: "libxml2 reports them and goes on; they are not names (Namespaces in XML, 7)",
        odd: Judge::Xmllint,
        applies: |mutant, codes| codes == ["XML_SYNTAX"] && mutant.contains("<e:e:"),
    },
    Difference {
        kind: "a blank CDATA section between elements",
        example: ("<kind>", "<![CDATA[ ]]><kind>"),
        reason: "libxml2 takes it for text; it is whitespace, which may stand there (XML Schema part 1, 3.4.4)",
        odd: Judge::Xmllint,
        applies: |mutant, codes| codes.is_empty() && mutant.contains("<![CDATA[ ]]>"),
    },
    Difference {
        kind: "xs:anyURI",
        example: ("http://a.test/b", "2026-03-01 10:00:00"),
        reason: "libxml2 parses a URI; XML Schema part 2, 3.2.17 leaves nearly every text",
        odd: Judge::Xmllint,
        applies: |mutant, codes| codes.is_empty() && !mutant.contains("<site>http://a.test/b<"),
    },
    Difference {
        kind: "unknown attributes of the xsi namespace",
        example: (" xsi:nil=", " xsi:nilx="),
        reason: "xsd-schema lets them pass; there are four and no others (XML Schema part 1, 3.2.7)",
        odd: Judge::XsdSchema,
        applies: |mutant, codes| {
            codes == ["XSD_ATTRIBUTE_UNEXPECTED"] && mutant.contains(" xsi:nilx=")
        },
    },
    Difference {
        kind: "base64",
        example: ("QUJDQQ==", "0.001"),
        reason: "libxml2 passes over characters that are not base64",
        odd: Judge::Xmllint,
        applies: |mutant, codes| codes == ["XSD_VALUE_TYPE"] && has_binary(mutant),
    },
    Difference {
        kind: "spaces in base64",
        example: ("QUJDQQ==", "11  12"),
        reason: "xsd-schema refuses them; they may stand between characters (XML Schema part 2, 3.2.16)",
        odd: Judge::XsdSchema,
        applies: |mutant, codes| codes.is_empty() && mutant.contains("<payload>11  12<"),
    },
    Difference {
        kind: "alternatives of a pattern",
        example: (
            "<regime>01</regime>\n  <caisse>751</caisse>",
            "<amc>256</amc>",
        ),
        reason: "xsd-schema anchors only the first at its beginning and the last at its end",
        odd: Judge::XsdSchema,
        applies: |_, codes| codes == ["XSD_VALUE_PATTERN"],
    },
];

/// Elements of type xs:base64Binary in the sample and in the project's schemas.
fn has_binary(document: &str) -> bool {
    document.contains("<payload") || document.contains("<attachment")
}

/// One known difference, and whose verdict is the odd one.
struct Difference {
    kind: &'static str,
    reason: &'static str,
    /// An edit of the sample that shows it.
    example: (&'static str, &'static str),
    odd: Judge,
    /// By the mutant and the codes that this program found.
    applies: fn(&str, &[&str]) -> bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judge {
    Ours,
    Xmllint,
    XsdSchema,
}

#[test]
fn every_schema_compiles_and_every_valid_fixture_is_valid() {
    for case in cases::all() {
        let schema = compile(&case);
        for (name, document) in &case.documents {
            let reading = read(document.as_bytes(), &schema, &Limits::default(), &mut ());
            let found: Vec<String> = reading.findings.iter().map(ToString::to_string).collect();
            assert!(
                found.is_empty(),
                "{name} under {}: {found:#?}",
                case.file.display()
            );
        }
    }
}

#[test]
fn three_judges_agree_on_every_mutant() {
    let cases: Vec<Case> = cases::all()
        .into_iter()
        .filter(|case| !case.documents.is_empty())
        .collect();
    let mut disagreements = Vec::new();
    let mut valid = 0;
    let mut total = 0;
    for case in &cases {
        let mutants = mutants(case, MUTANTS.div_ceil(cases.len()));
        let ours = ours(case, &mutants);
        let xmllint = judges::xmllint(&case.file, &mutants);
        let xsd_schema = judges::xsd_schema(case, &mutants);
        for (index, mutant) in mutants.iter().enumerate() {
            let verdicts = [ours[index].0, xmllint[index], xsd_schema[index]];
            total += 1;
            valid += usize::from(verdicts[0] == Verdict::Valid);
            if verdicts.iter().any(|verdict| *verdict != verdicts[0])
                && !explained(mutant, &ours[index].1, verdicts)
            {
                let changed = changed_lines(case, mutant);
                disagreements.push(format!("{verdicts:?} {:?}\n{changed}\n", ours[index].1));
            }
        }
    }
    assert!(total >= 2_000, "only {total} mutants");
    assert!(
        valid > total / 20 && valid < total * 19 / 20,
        "{valid} of {total} are valid: the mutations say little"
    );
    let shown = disagreements.iter().take(40).cloned().collect::<String>();
    assert!(
        disagreements.is_empty(),
        "{} of {total} (ours, xmllint, xsd-schema):\n{shown}",
        disagreements.len()
    );
}

/// Codes of what the gateway refuses for safety, whatever the schema says.
const SAFETY: [&str; 5] = [
    "XML_DOCTYPE",
    "XML_ENCODING",
    "XML_DEPTH",
    "XML_ATTRIBUTES",
    "XSD_TYPE",
];

#[test]
fn three_judges_agree_on_every_faulty_fixture() {
    let case = cases::documents();
    let faulty = cases::faulty();
    assert!(faulty.len() > 80, "only {} faulty fixtures", faulty.len());
    let texts: Vec<String> = faulty.iter().map(|(_, text)| text.clone()).collect();
    let ours = ours(&case, &texts);
    let xmllint = judges::xmllint(&case.file, &texts);
    let xsd_schema = judges::xsd_schema(&case, &texts);
    for (index, (name, text)) in faulty.iter().enumerate() {
        let verdicts = [ours[index].0, xmllint[index], xsd_schema[index]];
        // What is refused for safety, of which a schema says nothing: document types, rare encodings, caps, xsi:type.
        let safety = ours[index].1.iter().any(|code| SAFETY.contains(code));
        let agreed = verdicts.iter().all(|verdict| *verdict == verdicts[0]);
        assert!(
            agreed || safety || explained(text, &ours[index].1, verdicts),
            "{name}: {verdicts:?} (ours, xmllint, xsd-schema), {:?}",
            ours[index].1
        );
    }
}

#[test]
fn each_known_difference_is_one() {
    let case = cases::sample();
    let (_, document) = &case.documents[0];
    let edit = |row: &Difference| document.replace(row.example.0, row.example.1);
    let edited: Vec<String> = DIFFERENCES.iter().map(edit).collect();
    let ours = ours(&case, &edited);
    let xmllint = judges::xmllint(&case.file, &edited);
    let xsd_schema = judges::xsd_schema(&case, &edited);
    for (index, row) in DIFFERENCES.iter().enumerate() {
        let odd = odd_one([ours[index].0, xmllint[index], xsd_schema[index]]);
        let Difference { kind, reason, .. } = row;
        assert_eq!(odd, Some(row.odd), "{kind}: {reason}");
        assert!(
            (row.applies)(&edited[index], &ours[index].1),
            "{kind} does not apply to its example"
        );
    }
}

/// The lines of a mutant that no document of its case has.
fn changed_lines(case: &Case, mutant: &str) -> String {
    let known = |line: &str| {
        case.documents
            .iter()
            .any(|(_, document)| document.lines().any(|own| own == line))
    };
    mutant
        .lines()
        .filter(|line| !known(line))
        .collect::<Vec<_>>()
        .join("\n")
}

fn compile(case: &Case) -> Schema {
    let sources = [Source {
        name: &case.file.to_string_lossy(),
        xsd: &case.xsd,
    }];
    Schema::compile(&sources).unwrap_or_else(|error| panic!("{error}"))
}

/// Mutants of all documents of a case, with one to three changes each.
fn mutants(case: &Case, count: usize) -> Vec<String> {
    let mut random = Prng::new(0x00B0_4DE4);
    let mut mutants = Vec::with_capacity(count);
    while mutants.len() < count {
        let (_, document) = &case.documents[random.below(case.documents.len())];
        let mut mutant = document.clone();
        for _ in 0..=random.below(3) {
            mutant = mutate::once(&mutant, &mut random);
        }
        mutants.push(mutant);
    }
    mutants
}

fn ours(case: &Case, mutants: &[String]) -> Vec<(Verdict, Vec<&'static str>)> {
    let schema = compile(case);
    let judge = |mutant: &String| {
        let reading = read(mutant.as_bytes(), &schema, &Limits::default(), &mut ());
        let codes = reading
            .findings
            .iter()
            .map(|finding| finding.code)
            .collect();
        (
            if reading.refuses() {
                Verdict::Invalid
            } else {
                Verdict::Valid
            },
            codes,
        )
    };
    mutants.iter().map(judge).collect()
}

/// True when a row of the table says why one judge stands alone.
fn explained(mutant: &str, codes: &[&str], verdicts: [Verdict; 3]) -> bool {
    DIFFERENCES
        .iter()
        .any(|row| Some(row.odd) == odd_one(verdicts) && (row.applies)(mutant, codes))
}

/// The judge whose verdict is not that of the two others.
fn odd_one([ours, xmllint, xsd_schema]: [Verdict; 3]) -> Option<Judge> {
    match (ours == xmllint, ours == xsd_schema) {
        (true, true) => None,
        (true, false) => Some(Judge::XsdSchema),
        (false, true) => Some(Judge::Xmllint),
        (false, false) => Some(Judge::Ours),
    }
}
