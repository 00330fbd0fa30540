//! Who runs centres and who pays them: gestionnaires and caisses, by their numbers, with the names shown to people.

use std::fmt;

use crate::claims::canon::canon_struct;
use crate::claims::id::{Amo, Finess, Invalid};
use crate::claims::registry::{Span, Version};
use crate::claims::time::Day;

/// Number of an organisme gestionnaire: its FINESS juridique, or its SIREN.
///
/// Both have nine characters, of which the last is the key of Luhn over the others, so that one check does for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GestionnaireId(Finess);

/// One version of a gestionnaire's registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gestionnaire {
    /// Its number.
    pub id: GestionnaireId,
    /// Name shown to people.
    pub name: String,
    /// First day of this version.
    pub from: Day,
    /// Last day, when it ended.
    pub until: Option<Day>,
}

/// One version of a caisse's registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caisse {
    /// Its number.
    pub code: Amo,
    /// Name shown to people.
    pub name: String,
    /// First day of this version.
    pub from: Day,
    /// Last day, when it ended.
    pub until: Option<Day>,
}

canon_struct! {
    GestionnaireId { 0 }
    Gestionnaire { id, name, from, until }
    Caisse { code, name, from, until }
}

impl GestionnaireId {
    /// Reads and checks the number.
    ///
    /// # Errors
    /// [`Invalid`]: another form, or another key.
    pub fn parse(text: &str) -> Result<GestionnaireId, Invalid> {
        Finess::parse(text).map(GestionnaireId)
    }

    /// The nine characters.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for GestionnaireId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl Version for Gestionnaire {
    fn span(&self) -> Span {
        Span {
            from: self.from,
            until: self.until,
        }
    }
}

impl Version for Caisse {
    fn span(&self) -> Span {
        Span {
            from: self.from,
            until: self.until,
        }
    }
}
