//! A statement of a centre's rate over a closed period, in four forms that cannot differ: canonical JSON, which is
//! signed, CSV and XML with the same fields, and a page for people.
//!
//! A form says what the statement holds and computes nothing but shares of what it draws. A statement is kept as
//! its canonical JSON and every other form is written from that.

mod fields;
mod table;
mod xml;
mod words;
mod plot;
mod needs;
mod html;
pub mod verify;
#[cfg(test)]
pub mod example;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use xml::{NAMESPACE, XSD};

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// [`NAMESPACE`].
    pub schema: String,
    /// Whose it is.
    pub centre: Centre,
    /// What it is about.
    pub period: Span,
    /// When it was written (UTC).
    pub issued: String,
    /// What its figures are, in words.
    pub method: String,
    /// The policy by which they were counted.
    pub policy: Policy,
    /// What the policy asks of the centre's category; none where it sets no threshold.
    pub threshold: Option<Threshold>,
    /// What may be said; `unconfirmed` where the threshold was not read in the agreement itself.
    pub verdict: String,
    /// The policy's rate.
    pub rate: Share,
    /// CNAM's secured modes: S, F, C.
    pub secured: Share,
    /// Every mode with a positive receipt.
    pub electronic: Share,
    /// What keeps documents out of the numerator, the dearest first: together the denominator without the numerator.
    pub losses: Vec<Loss>,
    /// What is known of paper.
    pub paper: Paper,
    /// The denominator, cut in four ways that each sum to it; and the transmitted units by mode.
    pub splits: Splits,
    /// What is not in the denominator or is shown apart, with the reason.
    pub beside: Vec<Beside>,
    /// Distances to the thresholds of other policies, which give no verdict.
    pub references: Vec<Reference>,
    /// The stretches of the period, where category or agreement changed within it.
    pub segments: Vec<Segment>,
    /// The months from January of the period's first year up to its end.
    pub months: Vec<Month>,
    /// The closing that froze the period, and what the rate was then.
    pub closing: Closing,
    /// What came after the closing, in order: together the difference between the rate and the frozen one.
    pub corrections: Vec<Correction>,
    /// The statement of the same period that this one corrects.
    pub follows: Option<Named>,
    /// The statement of the centre before this one, of whatever period.
    pub previous: Option<Named>,
    /// What it was computed from.
    pub ledger: Ledger,
    /// The last anchor that is written in the ledger up to there; none before the first.
    pub anchor: Option<Anchor>,
}

/// A centre as it is registered on the last day of the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Centre {
    /// FINESS géographique.
    pub finess: String,
    /// Name.
    pub name: String,
    /// Category of the law.
    pub category: String,
    /// Organisme gestionnaire.
    pub gestionnaire: String,
    /// Its caisse.
    pub caisse: String,
}

/// A period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// As it is asked for.
    pub name: String,
    /// `month`, `quarter`, `year`, `year_to_date`, `rolling`, `days`.
    pub form: String,
    /// First day.
    pub from: String,
    /// Last day.
    pub to: String,
}

/// A policy, as it was when the period was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its id.
    pub id: String,
    /// Title.
    pub title: String,
    /// Where its data comes from.
    pub source: String,
    /// First day in force: with the id, its version.
    pub from: String,
    /// Contractual last day, where it is known.
    pub until: Option<String>,
    /// `confirmed` or `unconfirmed`.
    pub status: String,
    /// The form of period over which its thresholds are measured; of another one they give an indication.
    pub period: String,
    /// SHA-256 of its canonical form.
    pub digest: String,
}

/// A threshold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// `at_least` or `more_than`.
    pub comparator: String,
    /// Upper number.
    pub numerator: u32,
    /// Lower number.
    pub denominator: u32,
    /// How far the rate lies above it, in percentage points cut off downwards; none without activity.
    pub points: Option<String>,
    /// How many documents more would have to be transmitted to reach it, 0 when it is reached; none without activity,
    /// or when all would not be enough.
    pub missing: Option<i64>,
}

/// Documents that are not in the numerator, for one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// The cause.
    pub cause: String,
    /// How many documents.
    pub documents: i64,
    /// How many percentage points of the rate, cut off.
    pub points: String,
}

/// A ratio of two counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Upper number.
    pub numerator: i64,
    /// Lower number.
    pub denominator: i64,
    /// In percent with two decimals, cut off; none without activity.
    pub percent: Option<String>,
}

/// Declared paper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paper {
    /// Sheets in the denominator.
    pub sheets: i64,
    /// Days with activity.
    pub active_days: i64,
    /// Those of them that are declared.
    pub declared_days: i64,
    /// The least share of them for a verdict.
    pub minimum: Share,
}

/// Cuts of the denominator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Splits {
    /// By securing mode.
    pub mode: Vec<Part>,
    /// By kind.
    pub kind: Vec<Part>,
    /// By standing.
    pub standing: Vec<Part>,
    /// By lateness.
    pub lateness: Vec<Part>,
    /// Transmitted units by mode: these sum to the electronic numerator.
    pub transmitted: Vec<Part>,
}

/// A part of a cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Which part.
    pub name: String,
    /// How many documents.
    pub documents: i64,
}

/// Documents beside the denominator, or shown apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// `cancelled`, `excluded`, `by_hand`, `both_ways`.
    pub what: String,
    /// Why: who cancelled, or which exclusion of the policy; several of one unit are joined by `+`.
    pub reason: String,
    /// How many documents.
    pub documents: i64,
}

/// A distance to a threshold that binds nobody here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// The policy.
    pub policy: String,
    /// Its threshold.
    pub threshold: Threshold,
}

/// Days of the period under one agreement and category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// First day.
    pub from: String,
    /// Last day.
    pub to: String,
    /// Category.
    pub category: String,
    /// Agreement.
    pub agreement: String,
    /// What may be said of these days.
    pub verdict: String,
    /// Their rate.
    pub rate: Share,
}

/// One month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Month {
    /// `2026-10`.
    pub month: String,
    /// Its rate, under the agreement of its last day.
    pub rate: Share,
    /// Days with activity.
    pub active_days: i64,
    /// Those of them that are declared.
    pub declared_days: i64,
}

/// The closing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closing {
    /// Its entry.
    pub position: u64,
    /// When (UTC).
    pub at: String,
    /// The rate as it was then.
    pub rate: Share,
}

/// What came after the closing; of no amount where it changed the coverage, or what is beside the rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// The entry.
    pub position: u64,
    /// When (UTC).
    pub at: String,
    /// What happened.
    pub cause: String,
    /// The document; none for declared sheets.
    pub document: Option<String>,
    /// Change of the numerator.
    pub numerator: i64,
    /// Change of the denominator.
    pub denominator: i64,
}

/// Another statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Its number.
    pub number: u64,
    /// SHA-256 of its canonical JSON.
    pub digest: String,
}

/// A place in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// All entries up to this one.
    pub position: u64,
    /// The hash of the chain of entries there.
    pub hash: String,
}

/// An anchor: the hash of the ledger at one of its entries, written into the ledger and told to others on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// The day on which it was written (Paris).
    pub day: String,
    /// The entry that it is.
    pub entry: u64,
    /// The entry up to which its hash goes.
    pub position: u64,
    /// The hash of the chain of entries there.
    pub hash: String,
}

/// A form of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Canonical JSON: what is signed.
    Json,
    /// A table of fields.
    Csv,
    /// By `schemas/statement-1.xsd`.
    Xml,
    /// A page in French, to be read and printed.
    Html,
}

impl Form {
    /// Every form.
    pub const ALL: [Form; 4] = [Form::Json, Form::Csv, Form::Xml, Form::Html];

    /// The word used in questions.
    pub fn as_str(self) -> &'static str {
        match self {
            Form::Json => "json",
            Form::Csv => "csv",
            Form::Xml => "xml",
            Form::Html => "html",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<Form> {
        Form::ALL.into_iter().find(|form| form.as_str() == text)
    }

    /// The media type, as answers carry it.
    pub fn media_type(self) -> &'static str {
        match self {
            Form::Json => "application/json",
            Form::Csv => "text/csv; charset=utf-8",
            Form::Xml => "application/xml",
            Form::Html => "text/html; charset=utf-8",
        }
    }
}

impl Statement {
    /// In one of its forms.
    pub fn write(&self, form: Form) -> Vec<u8> {
        match form {
            Form::Json => self.canonical(),
            Form::Csv => table::write(self),
            Form::Xml => xml::write(self),
            Form::Html => html::write(self),
        }
    }

    /// Its canonical JSON (RFC 8785): keys in order, no blanks, whole numbers only.
    pub fn canonical(&self) -> Vec<u8> {
        // A value sorts its keys, which are all ASCII.
        let value = serde_json::to_value(self).expect("texts, numbers and lists are JSON");
        serde_json::to_vec(&value).expect("JSON can be written")
    }

    /// Reads canonical JSON. Nothing else is a statement: the same one has the same bytes everywhere.
    pub fn read(bytes: &[u8]) -> Option<Statement> {
        let read: Statement = serde_json::from_slice(bytes).ok()?;
        (read.schema == NAMESPACE && read.canonical() == bytes).then_some(read)
    }
}
