//! The file of an agreement, and those that come with the program.
//!
//! The file holds words and numbers only; what they mean and whether they fit together is decided in
//! `claims::agreement`. Everything that is wrong with a file is said at once.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::claims::agreement::{
    Agreement, Comparator, Counting, PaperDuplicate, PaperSheets, RejectedUnit, Role, Status,
    Threshold,
};
use crate::claims::document::{AgreementId, Exclusion, Exclusions, Kind, Mode};
use crate::claims::fraction::Fraction;
use crate::claims::period::Form;
use crate::claims::registry::Category;
use crate::claims::tally::DayBasis;
use crate::claims::time::Day;

/// The agreements that come with the program: name of the file and its TOML text.
pub const SHIPPED: [(&str, &str); 4] = [
    (
        "national-2015.toml",
        include_str!("../../config/agreements/national-2015.toml"),
    ),
    (
        "national-2025.toml",
        include_str!("../../config/agreements/national-2025.toml"),
    ),
    (
        "reference-70.toml",
        include_str!("../../config/agreements/reference-70.toml"),
    ),
    (
        "reference-two-thirds.toml",
        include_str!("../../config/agreements/reference-two-thirds.toml"),
    ),
];

/// The word among `kinds` that stands for declared paper sheets.
const PAPER: &str = "paper";

/// An agreement as it is written in its file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Id, as the registry of centres names it.
    pub id: String,
    /// Title for people.
    pub title: String,
    /// Who concluded it; asked of an agreement.
    #[serde(default)]
    pub parties: Vec<String>,
    /// `agreement` or `reference`.
    pub role: RoleWord,
    /// Where the data comes from.
    pub source: String,
    /// Day of signature, `YYYY-MM-DD`.
    #[serde(default)]
    pub signed: Option<String>,
    /// Day of publication.
    #[serde(default)]
    pub published: Option<String>,
    /// First day in force.
    pub in_force_from: String,
    /// Contractual last day, where it is known.
    #[serde(default)]
    pub until: Option<String>,
    /// Id of the agreement that it follows.
    #[serde(default)]
    pub succeeds: Option<String>,
    /// `confirmed` or `unconfirmed`.
    pub status: StatusWord,
    /// `month`, `quarter`, `year` or `rolling`: over what its thresholds are measured; the calendar year when it is
    /// not said.
    #[serde(default)]
    pub period: Option<String>,
    /// By category: `{ at_least = [7, 10] }` or `{ more_than = [2, 3] }`. A category left out has none.
    #[serde(default)]
    pub thresholds: BTreeMap<String, ThresholdEntry>,
    /// How units are counted.
    pub counting: CountingEntry,
}

/// How units are counted, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountingEntry {
    /// `FSE`, `DRE`, `PJ`, `PEC`, and `paper` for declared sheets.
    pub kinds: Vec<String>,
    /// CNAM's letters of the modes of the numerator.
    pub numerator_modes: Vec<String>,
    /// CNAM's letters of the modes shown apart.
    pub modes_shown_apart: Vec<String>,
    /// Words of the exclusions.
    #[serde(default)]
    pub exclusions: Vec<String>,
    /// `clock`, `care` or `reception`.
    pub day_basis: String,
    /// Upper and lower number of the least share of active days that must be declared.
    pub minimum_paper_coverage: (u32, u32),
    /// `paper` or `electronic`.
    pub paper_duplicate: DuplicateWord,
    /// `transmitted` or `not-transmitted`.
    pub rejected: RejectedWord,
}

/// A threshold, as written.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum ThresholdEntry {
    /// The threshold itself is enough.
    AtLeast((u32, u32)),
    /// The threshold itself is not enough.
    MoreThan((u32, u32)),
}

/// Word of a role.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleWord {
    /// It binds centres.
    Agreement,
    /// It is compared with.
    Reference,
}

/// Word of a status.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatusWord {
    /// Its thresholds were read in the agreement itself.
    Confirmed,
    /// They were not.
    Unconfirmed,
}

/// Word of how a paper duplicate counts.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DuplicateWord {
    /// As paper.
    Paper,
    /// As electronic, on a positive receipt.
    Electronic,
}

/// Word of how a rejected unit counts.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RejectedWord {
    /// As transmitted.
    Transmitted,
    /// As not transmitted.
    NotTransmitted,
}

/// A value of a file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} = {value:?}: {expected}")]
pub struct Misread {
    /// The key.
    pub key: &'static str,
    /// What stands there.
    pub value: String,
    /// What should.
    pub expected: &'static str,
}

impl File {
    /// The agreement, or every value that cannot be read.
    pub fn agreement(&self) -> Result<Agreement, Vec<Misread>> {
        let mut reader = Reader::default();
        let id = reader.agreement_id("id", &self.id);
        let in_force_from = reader.day("in_force_from", &self.in_force_from);
        let signed = reader.optional_day("signed", self.signed.as_deref());
        let published = reader.optional_day("published", self.published.as_deref());
        let until = reader.optional_day("until", self.until.as_deref());
        let succeeds = self.succeeds.as_deref();
        let succeeds = succeeds.and_then(|text| reader.agreement_id("succeeds", text));
        let period = self.period.as_deref().map_or(Some(Form::Year), |word| {
            reader.value(
                "period",
                word,
                "month, quarter, year or rolling",
                Form::parse,
            )
        });
        let thresholds = self.thresholds.iter().filter_map(|(word, entry)| {
            let expected = "medical, dentaire, polyvalent or infirmier";
            let category = reader.value("thresholds", word, expected, Category::parse)?;
            Some((category, entry.threshold()))
        });
        let thresholds = thresholds.collect();
        let counting = self.counting.read(&mut reader);
        match (id, in_force_from, period, counting) {
            (Some(id), Some(in_force_from), Some(period), Some(counting))
                if reader.misread.is_empty() =>
            {
                Ok(Agreement {
                    id,
                    title: self.title.clone(),
                    parties: self.parties.clone(),
                    role: self.role.into(),
                    source: self.source.clone(),
                    signed,
                    published,
                    in_force_from,
                    until,
                    succeeds,
                    status: self.status.into(),
                    period,
                    thresholds,
                    counting,
                })
            }
            (_, _, _, _) => Err(reader.misread),
        }
    }
}

impl CountingEntry {
    fn read(&self, reader: &mut Reader) -> Option<Counting> {
        let (paper, kinds): (Vec<&String>, Vec<&String>) =
            self.kinds.iter().partition(|kind| *kind == PAPER);
        let kinds = reader.each(
            "counting.kinds",
            kinds,
            "FSE, DRE, PJ, PEC or paper",
            Kind::parse,
        );
        let letters = "one of S F C D L P N";
        let numerator = &self.numerator_modes;
        let numerator = reader.each("counting.numerator_modes", numerator, letters, Mode::parse);
        let apart = &self.modes_shown_apart;
        let apart = reader.each("counting.modes_shown_apart", apart, letters, Mode::parse);
        let excluded = reader.each(
            "counting.exclusions",
            &self.exclusions,
            "state-medical-aid, infant-under-three-months or patient-absent",
            |word| {
                Exclusion::ALL
                    .into_iter()
                    .find(|found| found.as_str() == word)
            },
        );
        let day_basis = reader.value(
            "counting.day_basis",
            &self.day_basis,
            "clock, care or reception",
            |word| {
                DayBasis::ALL
                    .into_iter()
                    .find(|basis| basis.as_str() == word)
            },
        );
        let (upper, lower) = self.minimum_paper_coverage;
        let coverage = Fraction::new(i64::from(upper), i64::from(lower));
        if coverage.is_none() {
            let text = format!("[{upper}, {lower}]");
            reader.misread(
                "counting.minimum_paper_coverage",
                &text,
                "[upper, lower] above zero",
            );
        }
        Some(Counting {
            kinds: kinds.into_iter().collect(),
            paper_sheets: if paper.is_empty() {
                PaperSheets::NotCounted
            } else {
                PaperSheets::Counted
            },
            numerator_modes: numerator.into_iter().collect(),
            modes_shown_apart: apart.into_iter().collect(),
            exclusions: excluded
                .into_iter()
                .fold(Exclusions::NONE, Exclusions::with),
            day_basis: day_basis?,
            minimum_paper_coverage: coverage?,
            paper_duplicate: self.paper_duplicate.into(),
            rejected: self.rejected.into(),
        })
    }
}

#[derive(Default)]
struct Reader {
    misread: Vec<Misread>,
}

impl Reader {
    fn value<T>(
        &mut self,
        key: &'static str,
        text: &str,
        expected: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let value = read(text);
        if value.is_none() {
            self.misread(key, text, expected);
        }
        value
    }

    fn each<'a, T>(
        &mut self,
        key: &'static str,
        texts: impl IntoIterator<Item = &'a String>,
        expected: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let read_one = |text: &String| self.value(key, text, expected, &read);
        texts.into_iter().filter_map(read_one).collect()
    }

    fn agreement_id(&mut self, key: &'static str, text: &str) -> Option<AgreementId> {
        self.value(
            key,
            text,
            "1 to 64 visible characters without blanks",
            |text| AgreementId::parse(text).ok(),
        )
    }

    fn day(&mut self, key: &'static str, text: &str) -> Option<Day> {
        self.value(key, text, "a day, YYYY-MM-DD", Day::parse)
    }

    fn optional_day(&mut self, key: &'static str, text: Option<&str>) -> Option<Day> {
        text.and_then(|text| self.day(key, text))
    }

    fn misread(&mut self, key: &'static str, value: &str, expected: &'static str) {
        self.misread.push(Misread {
            key,
            value: value.to_owned(),
            expected,
        });
    }
}

impl ThresholdEntry {
    fn threshold(self) -> Threshold {
        let (comparator, fraction) = match self {
            ThresholdEntry::AtLeast(fraction) => (Comparator::AtLeast, fraction),
            ThresholdEntry::MoreThan(fraction) => (Comparator::MoreThan, fraction),
        };
        Threshold {
            comparator,
            fraction,
        }
    }
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Role {
        match word {
            RoleWord::Agreement => Role::Agreement,
            RoleWord::Reference => Role::Reference,
        }
    }
}

impl From<StatusWord> for Status {
    fn from(word: StatusWord) -> Status {
        match word {
            StatusWord::Confirmed => Status::Confirmed,
            StatusWord::Unconfirmed => Status::Unconfirmed,
        }
    }
}

impl From<DuplicateWord> for PaperDuplicate {
    fn from(word: DuplicateWord) -> PaperDuplicate {
        match word {
            DuplicateWord::Paper => PaperDuplicate::Paper,
            DuplicateWord::Electronic => PaperDuplicate::Electronic,
        }
    }
}

impl From<RejectedWord> for RejectedUnit {
    fn from(word: RejectedWord) -> RejectedUnit {
        match word {
            RejectedWord::Transmitted => RejectedUnit::Transmitted,
            RejectedWord::NotTransmitted => RejectedUnit::NotTransmitted,
        }
    }
}
