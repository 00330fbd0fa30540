//! The registry: which centres may send, since when, and under which category, gestionnaire and caisse; who these
//! are; and the endpoints of insurers.
//!
//! Each has versions, each from a day on; a document follows the versions of its own day.

mod version;
mod organisation;
mod endpoint;
mod whole;

use crate::claims::canon::canon_struct;
use crate::claims::document::AgreementId;
use crate::claims::entry::{Entry, Position};
use crate::claims::id::{Amo, Digest, Finess, Name};
use crate::claims::terms::Region;
use crate::claims::time::Day;

pub use endpoint::{EndpointVersion, SETTINGS_LENGTH};
pub use organisation::{Caisse, Gestionnaire, GestionnaireId};
pub use version::{Span, Version, in_force, on, put};
pub use whole::{Flaw, Found, Registry};

/// Characters of a name shown to people at most.
pub const NAME_LENGTH: usize = 200;

/// One version of a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Of a centre.
    Centre(Centre),
    /// Of a gestionnaire.
    Gestionnaire(Gestionnaire),
    /// Of a caisse.
    Caisse(Caisse),
    /// Of an endpoint.
    Endpoint(EndpointVersion),
}

/// What a registration is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegistrationKind {
    /// A centre.
    Centre,
    /// A gestionnaire.
    Gestionnaire,
    /// A caisse.
    Caisse,
    /// An endpoint.
    Endpoint,
}

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

impl RegistrationKind {
    /// Every kind.
    pub const ALL: [RegistrationKind; 4] = [
        RegistrationKind::Centre,
        RegistrationKind::Gestionnaire,
        RegistrationKind::Caisse,
        RegistrationKind::Endpoint,
    ];

    /// The word used in files and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            RegistrationKind::Centre => "centre",
            RegistrationKind::Gestionnaire => "gestionnaire",
            RegistrationKind::Caisse => "caisse",
            RegistrationKind::Endpoint => "endpoint",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<RegistrationKind> {
        RegistrationKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

impl Registration {
    /// What it is of.
    pub fn kind(&self) -> RegistrationKind {
        match self {
            Registration::Centre(_) => RegistrationKind::Centre,
            Registration::Gestionnaire(_) => RegistrationKind::Gestionnaire,
            Registration::Caisse(_) => RegistrationKind::Caisse,
            Registration::Endpoint(_) => RegistrationKind::Endpoint,
        }
    }

    /// By what it is named.
    pub fn id(&self) -> String {
        match self {
            Registration::Centre(centre) => centre.finess.to_string(),
            Registration::Gestionnaire(gestionnaire) => gestionnaire.id.to_string(),
            Registration::Caisse(caisse) => caisse.code.to_string(),
            Registration::Endpoint(endpoint) => endpoint.name.to_string(),
        }
    }

    /// The days that it states.
    pub fn span(&self) -> Span {
        match self {
            Registration::Centre(centre) => centre.span(),
            Registration::Gestionnaire(gestionnaire) => gestionnaire.span(),
            Registration::Caisse(caisse) => caisse.span(),
            Registration::Endpoint(endpoint) => endpoint.span(),
        }
    }

    /// The entry that puts it.
    pub fn entry(self) -> Entry {
        match self {
            Registration::Centre(centre) => Entry::Registered(centre),
            Registration::Gestionnaire(gestionnaire) => Entry::GestionnaireRegistered(gestionnaire),
            Registration::Caisse(caisse) => Entry::CaisseRegistered(caisse),
            Registration::Endpoint(endpoint) => Entry::EndpointRegistered(Box::new(endpoint)),
        }
    }
}

impl Version for Centre {
    fn span(&self) -> Span {
        Span {
            from: self.from,
            until: self.until,
        }
    }
}

impl Centre {
    /// The version of a day: the latest `from` that is not after it, if it covers the day.
    pub fn on(versions: &[Centre], day: Day) -> Option<&Centre> {
        version::on(versions, day)
    }

    /// The public holidays of a centre on a day; those of most where it has no version of that day.
    pub fn region_on(versions: &[Centre], day: Day) -> Region {
        Centre::on(versions, day).map_or(Region::default(), |centre| centre.region)
    }

    /// The latest version that has begun by a day, so that a centre that is closed is still seen, still sends what it
    /// did before, and has its units counted that fall on a day after.
    pub fn begun(versions: &[Centre], day: Day) -> Option<&Centre> {
        version::begun(versions, day)
    }
}

#[cfg(test)]
mod tests;
