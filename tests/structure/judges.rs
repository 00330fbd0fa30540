//! The two other validators.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use xsd_schema::validation::{
    CollectingValidationSink, SchemaValidator, ValidationFlags, drive_quick_xml,
};
use xsd_schema::{SchemaSet, load_and_process_schema};

use crate::cases::Case;

/// What a judge says of a document; not well-formed is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Valid,
    Invalid,
}

/// libxml2, many files in one process.
pub fn xmllint(xsd: &Path, documents: &[String]) -> Vec<Verdict> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut valid = HashSet::new();
    let name = |index: usize| format!("{index}.xml");
    for (index, document) in documents.iter().enumerate() {
        fs::write(folder.path().join(name(index)), document).expect("room for the mutants");
    }
    let names: Vec<String> = (0..documents.len()).map(name).collect();
    for batch in names.chunks(500) {
        let mut command = Command::new("xmllint");
        command
            .current_dir(folder.path())
            .args(["--noout", "--nonet", "--schema"])
            .arg(xsd)
            .args(batch);
        let output = command.output().unwrap_or_else(|error| {
            panic!("xmllint does not run ({error}); install it: apt-get install -y libxml2-utils")
        });
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!text.contains("failed to compile"), "{text}");
        valid.extend(
            text.lines()
                .filter_map(|line| line.strip_suffix(" validates"))
                .map(str::to_owned),
        );
    }
    let verdict = |name: &String| {
        if valid.contains(name) {
            Verdict::Valid
        } else {
            Verdict::Invalid
        }
    };
    names.iter().map(verdict).collect()
}

/// The crate `xsd-schema`. Its schema set remembers every name that it meets, so it is made anew now and then.
pub fn xsd_schema(case: &Case, documents: &[String]) -> Vec<Verdict> {
    documents
        .chunks(1_000)
        .flat_map(|batch| batch_of_xsd_schema(case, batch))
        .collect()
}

fn batch_of_xsd_schema(case: &Case, documents: &[String]) -> Vec<Verdict> {
    let mut set = SchemaSet::new();
    let name = case.file.to_string_lossy();
    load_and_process_schema(case.xsd.as_bytes(), &name, &mut set, None)
        .expect("a schema that both others take");
    let validator = SchemaValidator::new(&set, ValidationFlags::default());
    let judge = |document: &String| {
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        let sink = CollectingValidationSink {
            errors: &mut errors,
            warnings: &mut warnings,
        };
        let mut runtime = validator.start_run(sink);
        let driven = drive_quick_xml(document.as_bytes(), &mut runtime, &set).is_ok();
        drop(runtime);
        // It would let a document type declaration pass, which this program never does.
        let valid = driven && errors.is_empty() && !document.contains("<!DOCTYPE");
        if valid {
            Verdict::Valid
        } else {
            Verdict::Invalid
        }
    };
    documents.iter().map(judge).collect()
}
