//! The registry of centres: who may send, since when, and under which category, gestionnaire and caisse.
//!
//! A centre has versions, each from a day on; a document follows the version of its own day.

use crate::claims::canon::canon_struct;
use crate::claims::document::AgreementId;
use crate::claims::entry::Position;
use crate::claims::id::{Amo, Digest, Finess, Name};
use crate::claims::terms::Region;
use crate::claims::time::Day;

/// One version of a centre's registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Centre {
    /// FINESS géographique.
    pub finess: Finess,
    /// Name shown to people.
    pub name: String,
    /// Category of the law.
    pub category: Category,
    /// Organisme gestionnaire, by FINESS juridique or SIREN.
    pub gestionnaire: Name,
    /// The caisse that the centre belongs to.
    pub caisse: Amo,
    /// Public holidays.
    pub region: Region,
    /// The agreement that binds the centre.
    pub agreement: AgreementId,
    /// First day of this version.
    pub from: Day,
    /// Last day, when the centre closed.
    pub until: Option<Day>,
}

/// Who puts the registrations of the configuration's file, at a start.
pub const CONFIGURATION: &str = "configuration:centres";

/// A person put versions of registrations, all of them or none; or a start put those of the configuration's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The first of the entries that did; the others follow it. Where there is none, this entry itself.
    pub first: Position,
    /// How many there are.
    pub changes: u32,
    /// Who.
    pub actor: Name,
    /// SHA-256 of what was handed in; of the configuration's file, of the versions in it as entries have them.
    pub file: Digest,
    /// Commitment to the reason, a body.
    pub reason: Digest,
}

canon_struct! { Imported { first, changes, actor, file, reason } }

/// Categories of centres (L162-32-1: infirmiers; médicaux, dentaires and polyvalents).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Médical.
    Medical,
    /// Dentaire.
    Dentaire,
    /// Polyvalent.
    Polyvalent,
    /// Infirmier.
    Infirmier,
}

impl Category {
    /// Every category.
    pub const ALL: [Category; 4] = [
        Category::Medical,
        Category::Dentaire,
        Category::Polyvalent,
        Category::Infirmier,
    ];

    /// The word used in files, labels and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Category::Medical => "medical",
            Category::Dentaire => "dentaire",
            Category::Polyvalent => "polyvalent",
            Category::Infirmier => "infirmier",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<Category> {
        Category::ALL
            .into_iter()
            .find(|category| category.as_str() == text)
    }
}

impl Centre {
    /// Whether this version covers the day.
    pub fn covers(&self, day: Day) -> bool {
        self.from <= day && self.until.is_none_or(|until| day <= until)
    }

    /// The first day of a version, in order of days, that begins before the one before it has ended.
    pub fn overlap(history: &[Centre]) -> Option<Day> {
        history.windows(2).find_map(|pair| match pair {
            [before, after] if before.until.is_some_and(|until| until >= after.from) => {
                Some(after.from)
            }
            _ => None,
        })
    }

    /// The version of a day: the latest `from` that is not after it, if it covers the day.
    pub fn on(versions: &[Centre], day: Day) -> Option<&Centre> {
        let version = versions
            .iter()
            .filter(|version| version.from <= day)
            .max_by_key(|version| version.from);
        version.filter(|version| version.covers(day))
    }
}
