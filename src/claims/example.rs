//! Values that tests of several rooms begin with: a centre, its caisse, an ordinary document of it.
//!
//! Only for tests. What a test is about it says itself, by changing a field of these.

use crate::claims::document::{Cents, ClockBasis, Exclusions, Facts, Key, Kind, Mode, ThirdParty};
use crate::claims::id::{Amo, Destination, Finess, Name, Number};
use crate::claims::registry::{Category, Centre};
use crate::claims::terms::Region;
use crate::claims::time::Day;

/// The centre of [`facts`].
pub const CENTRE: &str = "750712184";

/// A caisse of Paris.
pub fn caisse() -> Amo {
    Amo::new("01", "751", "0000").expect("a caisse")
}

/// A medical centre, open since 2020.
pub fn centre() -> Centre {
    Centre {
        finess: Finess::parse(CENTRE).expect("a centre"),
        name: "Centre".into(),
        category: Category::Medical,
        gestionnaire: Name::parse("G1").expect("a name"),
        caisse: caisse(),
        region: Region::Metropole,
        agreement: Name::parse("national-2025").expect("a name"),
        from: Day::new(2020, 1, 1).expect("a day"),
        until: None,
    }
}

/// A document of Friday, 20 November 2026, for the centre's own caisse.
pub fn facts(kind: Kind, number: &str) -> Facts {
    let day = Day::new(2026, 11, 20).expect("a day");
    Facts {
        key: Key {
            centre: Finess::parse(CENTRE).expect("a centre"),
            kind,
            number: Number::parse(number).expect("a number"),
        },
        mode: Mode::Secured,
        destination: Destination::Amo(caisse()),
        clock_day: day,
        clock_basis: ClockBasis::Completed,
        care_day: day,
        third_party_amo: ThirdParty::PatientPaid,
        third_party_amc: ThirdParty::PatientPaid,
        amount_amo: Cents(1750),
        amount_amc: Cents(0),
        settled_for: None,
        exclusions: Exclusions::NONE,
        replaces: None,
        supports: None,
    }
}
