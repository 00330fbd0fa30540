//! Schemas and their documents: the sample of the room's own tests, then whatever the project has.

use std::fs;
use std::path::{Path, PathBuf};

/// A schema and valid documents for it.
pub struct Case {
    /// The file, for the judge that reads it itself.
    pub file: PathBuf,
    /// Its text.
    pub xsd: String,
    /// Names and texts of valid documents.
    pub documents: Vec<(String, String)>,
}

/// The sample of the room's own tests.
pub fn sample() -> Case {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/schema/tests");
    case(folder.join("sample.xsd"), &[folder.join("sample.xml")])
}

/// Every case. A fixture belongs to the schema whose target namespace its root declares.
pub fn all() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut fixtures = files(&root.join("fixtures/documents/valid"), "xml");
    fixtures.extend(files(&root.join("fixtures/statements"), "xml"));
    let mut schemas = files(&root.join("schemas"), "xsd");
    schemas.push(root.join("src/schema/tests/sample.xsd"));
    fixtures.push(root.join("src/schema/tests/sample.xml"));
    schemas
        .into_iter()
        .map(|file| case(file, &fixtures))
        .collect()
}

/// The schema of documents, with the valid fixtures.
pub fn documents() -> Case {
    let mut cases = all().into_iter();
    let found = cases.find(|case| case.file.ends_with("schemas/document-1.xsd"));
    found.expect("the schema of documents is there")
}

/// Names and texts of the faulty documents among the fixtures, where they are UTF-8: whatever their fault, in the
/// form or only against a rule, the judges have one verdict on their structure.
pub fn faulty() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = files(&root.join("fixtures/documents/invalid"), "xml").into_iter();
    found
        .filter_map(|path| Some((path.display().to_string(), fs::read_to_string(path).ok()?)))
        .collect()
}

fn case(file: PathBuf, fixtures: &[PathBuf]) -> Case {
    let xsd = text(&file);
    let target = xsd
        .split_once("targetNamespace=\"")
        .and_then(|(_, rest)| rest.split_once('"'));
    let declaration = target.map(|(uri, _)| format!("=\"{uri}\""));
    let belongs = |document: &String| match &declaration {
        Some(own) => root_tag(document).contains(own),
        None => true,
    };
    let documents = fixtures.iter().filter_map(|path| {
        // Another encoding than UTF-8 is the business of other tests.
        let document = fs::read_to_string(path).ok().filter(belongs)?;
        Some((path.display().to_string(), document))
    });
    Case {
        documents: documents.collect(),
        file,
        xsd,
    }
}

/// The start tag of the root.
fn root_tag(document: &str) -> &str {
    let begin = document.find("<").unwrap_or(0);
    let mut rest = &document[begin..];
    while rest.starts_with("<?") || rest.starts_with("<!") {
        let next = rest[1..].find('<').map_or(rest.len(), |next| next + 1);
        rest = &rest[next..];
    }
    rest.split('>').next().unwrap_or("")
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|own| own == extension))
        .collect();
    paths.sort();
    paths
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
