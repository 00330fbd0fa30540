//! The file of centres: an import of registrations, which the ledger then keeps.
//!
//! ```toml
//! [[centre]]
//! finess = "750712184"
//! name = "Centre de santé de la Place"
//! category = "polyvalent"          # medical, dentaire, polyvalent, infirmier
//! gestionnaire = "750000001"       # FINESS juridique or SIREN
//! caisse = "017510000"             # régime 2, caisse 3, centre 4
//! alsace_moselle = false
//! agreement = "centres-2025"
//! from = 2026-01-01                # first day of this version; a centre may have several
//! until = 2026-12-31               # last day, when it closed
//! ```

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use crate::claims::id::{Amo, Finess, Name};
use crate::claims::registry::{Category, Centre};
use crate::claims::terms::Region;
use crate::claims::time::Day;
use crate::config::{Error, Fault, Faults, parse, text_of};

/// Characters of a centre's name at most.
const NAME_LENGTH: usize = 200;

/// Reads the file of centres.
///
/// # Errors
/// [`Error`], with every row that is wrong.
pub fn load(path: &Path) -> Result<Vec<Centre>, Error> {
    read(&text_of(path)?, &path.display().to_string())
}

/// Reads centres from the file's text. `origin` names it in errors.
///
/// # Errors
/// [`Error::Faulty`], with every row that is wrong.
pub fn read(text: &str, origin: &str) -> Result<Vec<Centre>, Error> {
    let file: File = parse(text, origin)?;
    let mut faults = Vec::new();
    let mut centres = Vec::new();
    for (index, row) in file.centre.iter().enumerate() {
        let mut found = Found {
            row: index + 1,
            faults: &mut faults,
        };
        centres.extend(row.centre(&mut found));
    }
    let mut versions = BTreeSet::new();
    for (index, centre) in centres.iter().enumerate() {
        // Only where every row was read do numbers of centres and rows agree.
        if faults.is_empty() && !versions.insert((centre.finess, centre.from)) {
            let mut found = Found {
                row: index + 1,
                faults: &mut faults,
            };
            found.refuse("from", "another row has this centre and this day");
        }
    }
    if faults.is_empty() {
        Ok(centres)
    } else {
        Err(Error::Faulty(Faults {
            origin: origin.to_owned(),
            faults,
        }))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    centre: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    finess: String,
    name: String,
    category: String,
    gestionnaire: String,
    caisse: String,
    #[serde(default)]
    alsace_moselle: bool,
    agreement: String,
    from: String,
    until: Option<String>,
}

impl Row {
    fn centre(&self, found: &mut Found<'_>) -> Option<Centre> {
        let finess = found.take(
            "finess",
            Finess::parse(&self.finess).map_err(|why| why.to_string()),
        );
        let name = found.take("name", named(&self.name));
        let category = found.take(
            "category",
            Category::parse(&self.category).ok_or_else(category_words),
        );
        let gestionnaire = found.take("gestionnaire", short(&self.gestionnaire));
        let caisse = found.take("caisse", caisse(&self.caisse));
        let agreement = found.take("agreement", short(&self.agreement));
        let from = found.take("from", day(&self.from));
        let until = self
            .until
            .as_ref()
            .map(|until| found.take("until", day(until)));
        let region = if self.alsace_moselle {
            Region::AlsaceMoselle
        } else {
            Region::Metropole
        };
        if let (Some(from), Some(Some(until))) = (from, until)
            && until < from
        {
            found.refuse("until", "is before `from`");
        }
        Some(Centre {
            finess: finess?,
            name: name?,
            category: category?,
            gestionnaire: gestionnaire?,
            caisse: caisse?,
            region,
            agreement: agreement?,
            from: from?,
            until: until.flatten(),
        })
    }
}

/// Faults of one row.
struct Found<'a> {
    row: usize,
    faults: &'a mut Vec<Fault>,
}

impl Found<'_> {
    fn take<T>(&mut self, key: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|reason| self.refuse(key, &reason)).ok()
    }

    fn refuse(&mut self, key: &str, reason: &str) {
        self.faults.push(Fault {
            key: format!("centre[{}].{key}", self.row),
            reason: reason.to_owned(),
        });
    }
}

fn named(text: &str) -> Result<String, String> {
    let length = text.trim().chars().count();
    if (1..=NAME_LENGTH).contains(&length) && !text.chars().any(char::is_control) {
        Ok(text.trim().to_owned())
    } else {
        Err(format!(
            "must have 1 to {NAME_LENGTH} characters on one line"
        ))
    }
}

fn short(text: &str) -> Result<Name, String> {
    Name::parse(text)
        .map_err(|_| "must be 1 to 64 visible ASCII characters without blanks or quotes".to_owned())
}

fn caisse(text: &str) -> Result<Amo, String> {
    let parts = (text.get(..2), text.get(2..5), text.get(5..));
    let (Some(regime), Some(caisse), Some(centre)) = parts else {
        return Err("must have 9 characters: régime 2, caisse 3, centre 4".to_owned());
    };
    Amo::new(regime, caisse, centre)
        .map_err(|_| "must have 9 characters: régime 2, caisse 3, centre 4".to_owned())
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "must be a day, as 2026-01-31".to_owned())
}

fn category_words() -> String {
    let words = Category::ALL.map(Category::as_str);
    format!("must be one of: {}", words.join(", "))
}
