//! The figures of a caisse, as CSV or XML: counts per month and document by document.
//!
//! A file is taken whole or refused whole, with all its findings up to a limit. A finding names the place and
//! never the value. Both forms say the same and give the same value.
//!
//! # CSV
//! A header of column names in any order, then rows; `,` or `;` between fields, UTF-8.
//!
//! | column | in | value |
//! |---|---|---|
//! | `centre` | all rows | FINESS |
//! | `kind` | all rows | `FSE`, `DRE`, `PJ`, `PEC` |
//! | `type` | all rows | letter of NOEMIE entity 102: F, B, D, P, A, C |
//! | `mode` | all rows, instead of `type` | letter of IR_TCR_V: S, F, C, D, L, P, N, or `paper` |
//! | `month`, `count` | counts | `2026-10`, whole number |
//! | `date`, `number`, `received` | documents | `2026-10-31`, numéro (empty on paper), day received (may be empty) |
//!
//! A row with a `count` is a count, a row with a `date` is a document.

mod code;
mod row;
mod table;
mod xml;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::finding::Finding;
use crate::claims::id::Finess;
use crate::claims::reconcile::figures::{Figures, Month};
use crate::schema::Schema;

pub use code::{CODES, Code};
pub use xml::{NAMESPACE, XSD};

/// A file of figures, taken whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// Figures by centre.
    pub centres: BTreeMap<Finess, Figures>,
    /// Rows that are counts.
    pub counts: u32,
    /// Rows that are documents.
    pub documents: u32,
    /// First and last month that it speaks of.
    pub months: Option<(Month, Month)>,
}

impl File {
    /// The months of which it says something of any centre.
    pub fn months_named(&self) -> BTreeSet<Month> {
        self.centres.values().flat_map(Figures::months).collect()
    }
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table.
    Csv,
    /// By `schemas/figures-1.xsd`.
    Xml,
}

/// What is read at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub bytes: usize,
    /// Findings after which the reading ends, saying so.
    pub findings: usize,
}

/// Reads files; made once, because it holds the compiled schema.
pub struct Reader {
    schema: Schema,
}

impl Reader {
    /// Reads a file.
    ///
    /// # Errors
    /// All its findings, in the order of the file; the last one is `FIGURES_TOO_MANY` when there may be more.
    pub fn read(
        &self,
        bytes: &[u8],
        format: Format,
        limits: &Limits,
    ) -> Result<File, Vec<Finding>> {
        match format {
            Format::Csv => table::read(bytes, limits),
            Format::Xml => xml::read(&self.schema, bytes, limits),
        }
    }
}

impl Default for Reader {
    fn default() -> Reader {
        Reader {
            schema: xml::compiled(),
        }
    }
}

impl Format {
    /// The form of a file, by its first character: XML begins with `<`.
    pub fn guess(bytes: &[u8]) -> Format {
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match text.trim_ascii_start().first() {
            Some(b'<') => Format::Xml,
            Some(_) | None => Format::Csv,
        }
    }

    /// The word used in the ledger and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Xml => "xml",
        }
    }
}

impl Default for Limits {
    /// 32 MiB hold a year of counts of all centres, or a month of documents of some hundred.
    fn default() -> Limits {
        Limits {
            bytes: 32 << 20,
            findings: 100,
        }
    }
}
