//! Who plays in the demo: centres of all categories, and insurers, three of them there and one that is not.

use crate::claims::document::DestinationText;
use crate::claims::registry::Category;
use crate::claims::terms::Region;
use crate::cli::lab::{draw, sheet};

/// A centre of the demo.
pub(super) struct Centre {
    /// FINESS.
    pub(super) finess: String,
    /// Name.
    pub(super) name: String,
    /// Category.
    pub(super) category: Category,
    /// Its caisse.
    pub(super) caisse: &'static str,
    /// Its holidays.
    pub(super) region: Region,
    /// What binds it.
    pub(super) policy: Policy,
}

/// What binds a centre of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// The national agreement, whose threshold is not confirmed.
    National,
    /// An agreement invented for the demo: 7/10 of secured FSEs, state medical aid left out.
    Invented,
}

/// The insurers of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Insurer {
    /// The caisse of Paris: it does all as it should.
    Paris,
    /// The caisse of Marseille: it fails in every way it can.
    Marseille,
    /// A complementary insurer.
    Mutuelle,
    /// The caisse of Strasbourg: nobody is at its address.
    Strasbourg,
    /// The test platform of the caisse of Paris.
    Platform,
}

impl Centre {
    /// The nth centre: categories in turn, one in Corsica, one in Alsace.
    pub(super) fn nth(place: usize) -> Centre {
        const DEPARTMENTS: [&str; 8] = ["75", "2A", "13", "92", "67", "69", "59", "33"];
        let department = DEPARTMENTS[place % DEPARTMENTS.len()];
        let category = Category::ALL[place % Category::ALL.len()];
        Centre {
            finess: draw::finess(department, 1000 + place),
            name: format!(
                "Centre {} de démonstration {}",
                category.as_str(),
                place + 1
            ),
            category,
            caisse: if department == "13" {
                "011310000"
            } else {
                "017510000"
            },
            region: match department {
                "67" => Region::AlsaceMoselle,
                _ => Region::Metropole,
            },
            policy: match place % 2 {
                0 => Policy::National,
                _ => Policy::Invented,
            },
        }
    }
}

impl Insurer {
    /// Every insurer that is really there.
    pub(super) const PRESENT: [Insurer; 4] = [
        Insurer::Paris,
        Insurer::Marseille,
        Insurer::Mutuelle,
        Insurer::Platform,
    ];

    /// The name of its endpoint.
    pub(super) fn endpoint(self) -> &'static str {
        match self {
            Insurer::Paris => "caisse-751",
            Insurer::Marseille => "caisse-131",
            Insurer::Mutuelle => "mutuelle",
            Insurer::Strasbourg => "caisse-673",
            Insurer::Platform => "caisse-751-test",
        }
    }

    /// Its number: caisses are those of the régime général (Paris, Marseille, Strasbourg).
    pub(super) fn number(self) -> &'static str {
        match self {
            Insurer::Paris | Insurer::Platform => "751",
            Insurer::Marseille => "131",
            Insurer::Strasbourg => "673",
            Insurer::Mutuelle => "99999997",
        }
    }

    /// It as the destination of a document.
    pub(super) fn addressee(self) -> DestinationText {
        match self {
            Insurer::Mutuelle => DestinationText::Amc(self.number().to_owned()),
            Insurer::Paris | Insurer::Platform | Insurer::Marseille | Insurer::Strasbourg => {
                sheet::amo(self.number())
            }
        }
    }

    /// Its address as a destination.
    pub(super) fn destination(self) -> String {
        match self {
            Insurer::Mutuelle => format!("amc:{}", self.number()),
            Insurer::Paris | Insurer::Platform | Insurer::Marseille | Insurer::Strasbourg => {
                format!("amo:01{}0000", self.number())
            }
        }
    }
}
