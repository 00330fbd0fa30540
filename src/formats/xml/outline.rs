//! In which fields two documents differ: told by their paths, as findings tell them.
//!
//! A path is made of names of the schema and of positions, so it says nothing that a person wrote; of values only
//! digests are held, and those no longer than the comparison.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::schema::{Element, Position, Visitor};

/// The fields of a document in its order: elements and attributes, each with the digest of its text.
#[derive(Default)]
pub(super) struct Outline {
    fields: Vec<(String, [u8; 32])>,
    /// The open elements, outermost first.
    open: Vec<Open>,
}

struct Open {
    path: String,
    /// Its place among the fields.
    field: usize,
    /// How many children of each name it has so far.
    children: BTreeMap<String, u32>,
}

impl Outline {
    /// Paths of the fields that one of them has alone or with another text, at most so many. Of an element that one
    /// has alone, what is inside is not told.
    pub(super) fn differing(&self, other: &Outline, most: usize) -> Vec<String> {
        let mut paths = Vec::new();
        self.lacking(other, &mut paths);
        other.lacking(self, &mut paths);
        let mut told = BTreeSet::new();
        paths.retain(|path| told.insert(path.clone()));
        paths.truncate(most);
        paths
    }

    /// Adds the fields that the other does not have, or not so.
    fn lacking(&self, other: &Outline, paths: &mut Vec<String>) {
        let theirs: BTreeMap<_, _> = other
            .fields
            .iter()
            .map(|(path, text)| (path.as_str(), text))
            .collect();
        let mut within: Option<String> = None;
        for (path, text) in &self.fields {
            if within
                .as_ref()
                .is_some_and(|within| path.starts_with(within))
            {
                continue;
            }
            match theirs.get(path.as_str()) {
                Some(their) if *their == text => {}
                Some(_) => paths.push(path.clone()),
                None => {
                    within = Some(format!("{path}/"));
                    paths.push(path.clone());
                }
            }
        }
    }
}

impl Visitor for Outline {
    fn open(&mut self, element: Element<'_>) {
        let path = match self.open.last_mut() {
            None => format!("/{}", element.name),
            Some(parent) => {
                let count = parent.children.entry(element.name.to_owned()).or_default();
                *count += 1;
                format!("{}/{}[{count}]", parent.path, element.name)
            }
        };
        let field = self.fields.len();
        self.fields.push((path.clone(), digest("")));
        for attribute in element.attributes() {
            let name = format!("{path}/@{}", attribute.name);
            self.fields.push((name, digest(attribute.value)));
        }
        self.open.push(Open {
            path,
            field,
            children: BTreeMap::new(),
        });
    }

    fn text(&mut self, text: &str, _place: Position) {
        let field = self.open.last().map(|open| open.field);
        if let Some((_, held)) = field.and_then(|field| self.fields.get_mut(field)) {
            *held = digest(text);
        }
    }

    fn close(&mut self, _end: usize) {
        self.open.pop();
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use crate::formats::xml::{Limits, Reader};

    const FSE: &str = include_str!("../../../fixtures/documents/valid/fse-tiers-payant.xml");

    #[test]
    fn two_documents_differ_in_the_fields_that_were_changed() {
        let reader = Reader::new().unwrap();
        let act = FSE.find("    <act ").unwrap()..FSE.find("  </acts>").unwrap();
        let twice = format!("{}    {}", &FSE[act.clone()], FSE[act].trim_start());
        let one = &FSE[FSE.find("    <act ").unwrap()..FSE.find("  </acts>").unwrap()];
        let rows: [(&str, &str, &[&str]); 8] = [
            ("<coverage", "<!-- a word -->\n  <coverage", &[]),
            (">G<", ">V<", &["/document/acts[1]/act[1]/ngap[1]"]),
            (
                "1985-06-14",
                "1985-06-15",
                &["/document/beneficiary[1]/birthDate[1]"],
            ),
            (
                "key=\"25\"",
                "key=\"26\"",
                &["/document/beneficiary[1]/nir[1]/@key"],
            ),
            (
                "exemption=\"0\"/>",
                "exemption=\"0\" patientAbsent=\"true\"/>",
                &["/document/coverage[1]/@patientAbsent"],
            ),
            ("mode=\"S\"", "mode=\"D\"", &["/document/@mode"]),
            (one, &twice, &["/document/acts[1]/act[2]"]),
            (
                "<rpps>10999000010</rpps>",
                "<am>991234567</am>",
                &[
                    "/document/practitioner[1]/rpps[1]",
                    "/document/practitioner[1]/am[1]",
                ],
            ),
        ];
        for (from, to, expected) in rows {
            let other = FSE.replacen(from, to, 1);
            assert_ne!(other, FSE, "{from}");
            for (kept, posted) in [(FSE, &*other), (&*other, FSE)] {
                let differing =
                    reader.differing(kept.as_bytes(), posted.as_bytes(), &Limits::default());
                let mut differing = differing.unwrap_or_else(|| panic!("{to} is no document"));
                let mut expected = expected.to_vec();
                differing.sort_unstable();
                expected.sort_unstable();
                assert_eq!(differing, expected, "{to}");
            }
        }
    }

    #[test]
    fn what_is_no_document_is_not_compared_and_no_more_is_told_than_was_asked_for() {
        let reader = Reader::new().unwrap();
        let limits = Limits::default();
        for wrong in ["", "<document/>", "x"] {
            let differing = reader.differing(FSE.as_bytes(), wrong.as_bytes(), &limits);
            assert_eq!(differing, None, "{wrong}");
        }
        let other = FSE.replace("30.00", "31.00");
        let one = Limits {
            findings: 1,
            ..limits
        };
        let differing = reader.differing(FSE.as_bytes(), other.as_bytes(), &one);
        assert_eq!(differing.unwrap().len(), 1);
    }
}
