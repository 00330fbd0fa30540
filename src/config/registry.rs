//! The file of centres: an import of registrations, which the ledger then keeps. TOML, or CSV with the keys as
//! columns; all that is wrong is said at once, each fault with its line.
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

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::claims::id::{Amo, Finess, Name};
use crate::claims::registry::{Category, Centre};
use crate::claims::terms::Region;
use crate::claims::time::Day;
use crate::config::{Error, Fault, Faults, parse, text_of};
use crate::formats::registry;

/// Characters of a centre's name at most.
const NAME_LENGTH: usize = 200;

/// Reads the file of centres: CSV when its name ends in `.csv`, TOML otherwise.
///
/// # Errors
/// [`Error`], with every row that is wrong.
pub fn load(path: &Path) -> Result<Vec<Centre>, Error> {
    let (text, origin) = (text_of(path)?, path.display().to_string());
    let is_csv = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    if is_csv {
        read_csv(&text, &origin)
    } else {
        read(&text, &origin)
    }
}

/// Reads centres from TOML. `origin` names it in errors.
///
/// # Errors
/// [`Error::Faulty`], with every row that is wrong.
pub fn read(text: &str, origin: &str) -> Result<Vec<Centre>, Error> {
    let file: File = parse(text, origin)?;
    let tables = (1..).zip(text.lines());
    let tables = tables.filter(|(_, line)| line.trim_start().starts_with("[[centre]]"));
    let lines = tables.map(|(line, _)| line).chain(std::iter::repeat(0));
    taken(
        file.centre.into_iter().zip(lines).collect(),
        Vec::new(),
        origin,
    )
}

/// Reads centres from CSV, with the columns named as the keys of TOML. `origin` names it in errors.
///
/// # Errors
/// [`Error::Faulty`], with every row that is wrong.
pub fn read_csv(text: &str, origin: &str) -> Result<Vec<Centre>, Error> {
    let (rows, malformed) = registry::rows(text, &COLUMNS);
    let faults = malformed.into_iter().map(|malformed| Fault {
        key: format!("line {}", malformed.line),
        reason: malformed.reason.to_owned(),
    });
    let mut faults: Vec<Fault> = faults.collect();
    let rows = rows.iter().map(|row| (Row::of(row, &mut faults), row.line));
    let rows = rows.collect();
    taken(rows, faults, origin)
}

/// The centres of rows and their lines, if nothing is wrong with any of them.
fn taken(
    rows: Vec<(Row, u64)>,
    mut faults: Vec<Fault>,
    origin: &str,
) -> Result<Vec<Centre>, Error> {
    let mut centres = Vec::new();
    for (index, (row, line)) in rows.iter().enumerate() {
        let mut found = Found {
            row: index + 1,
            line: *line,
            faults: &mut faults,
        };
        centres.extend(row.centre(&mut found).map(|centre| (index, centre)));
    }
    let mut versions: BTreeMap<Finess, Vec<(usize, &Centre)>> = BTreeMap::new();
    for (index, centre) in &centres {
        versions
            .entry(centre.finess)
            .or_default()
            .push((*index, centre));
    }
    for history in versions.values_mut() {
        history.sort_by_key(|(index, centre)| (centre.from, *index));
        for pair in history.windows(2) {
            let [(_, before), (index, after)] = pair else {
                continue;
            };
            let mut found = Found {
                row: index + 1,
                line: rows[*index].1,
                faults: &mut faults,
            };
            if before.from == after.from {
                found.refuse("from", "another row has this centre and this day");
            } else if before.until.is_some_and(|until| until >= after.from) {
                found.refuse("from", "the version before it ends on this day or later");
            }
        }
    }
    if faults.is_empty() {
        Ok(centres.into_iter().map(|(_, centre)| centre).collect())
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

/// The columns of a table of centres.
const COLUMNS: [&str; 9] = [
    "finess",
    "name",
    "category",
    "gestionnaire",
    "caisse",
    "alsace_moselle",
    "agreement",
    "from",
    "until",
];

impl Row {
    /// From a row of a table. A field that is empty is read as an empty text, which no key takes.
    fn of(row: &registry::Row, faults: &mut Vec<Fault>) -> Row {
        let text = |column: &str| row.get(column).unwrap_or_default().to_owned();
        let alsace_moselle = match row.get("alsace_moselle") {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                faults.push(Fault {
                    key: format!("line {}: alsace_moselle", row.line),
                    reason: "must be true or false".to_owned(),
                });
                false
            }
        };
        Row {
            finess: text("finess"),
            name: text("name"),
            category: text("category"),
            gestionnaire: text("gestionnaire"),
            caisse: text("caisse"),
            alsace_moselle,
            agreement: text("agreement"),
            from: text("from"),
            until: row.get("until").map(str::to_owned),
        }
    }

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
    line: u64,
    faults: &'a mut Vec<Fault>,
}

impl Found<'_> {
    fn take<T>(&mut self, key: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|reason| self.refuse(key, &reason)).ok()
    }

    fn refuse(&mut self, key: &str, reason: &str) {
        self.faults.push(Fault {
            key: format!("centre[{}].{key}", self.row),
            reason: format!("line {}: {reason}", self.line),
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

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "finess;name;category;gestionnaire;caisse;alsace_moselle;agreement;from;until\n\
        750712184;Centre de la Place;medical;750000001;017510000;;centres-2025;2026-01-01;2026-06-30\n\
        750712184;Centre de la Place;polyvalent;750000009;017510000;false;centres-2025;2026-07-01;\n";

    fn faults(text: &str) -> Vec<String> {
        match read_csv(text, "centres.csv") {
            Err(Error::Faulty(found)) => found.faults.iter().map(ToString::to_string).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_centre_changes_in_mid_year_and_its_documents_follow_the_dates() {
        let versions = read_csv(TABLE, "centres.csv").unwrap();
        for (text, category, gestionnaire) in [
            ("2026-06-30", Category::Medical, "750000001"),
            ("2026-07-01", Category::Polyvalent, "750000009"),
        ] {
            let version = Centre::on(&versions, Day::parse(text).unwrap()).unwrap();
            assert_eq!(
                (version.category, version.gestionnaire.as_str()),
                (category, gestionnaire)
            );
        }
    }

    #[test]
    fn a_table_and_toml_say_the_same() {
        let toml = "[[centre]]\nfiness = \"750712184\"\nname = \"Centre de la Place\"\ncategory = \"medical\"\n\
            gestionnaire = \"750000001\"\ncaisse = \"017510000\"\nagreement = \"centres-2025\"\n\
            from = \"2026-01-01\"\nuntil = \"2026-06-30\"\n";
        assert_eq!(
            read(toml, "t").unwrap()[..],
            read_csv(TABLE, "c").unwrap()[..1]
        );
    }

    #[test]
    fn every_fault_of_a_table_is_named_with_its_line() {
        let text = TABLE
            .replacen("750712184", "750712185", 1)
            .replacen("polyvalent", "clinic", 1)
            .replacen(";false;", ";no;", 1);
        let found = faults(&(text + "1;2\n"));
        for (at, expected) in [
            "line 4",
            "line 3: alsace_moselle",
            "centre[1].finess: line 2",
            "centre[2].category: line 3",
        ]
        .iter()
        .enumerate()
        {
            assert!(found[at].starts_with(expected), "{found:?}");
        }
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn versions_that_overlap_are_refused() {
        let found = faults(&TABLE.replace("2026-06-30", "2026-07-01"));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("centre[2].from: line 3"), "{found:?}");
    }

    #[test]
    fn thousands_of_centres_are_read_with_all_their_faults() {
        let mut text = TABLE.lines().next().unwrap().to_owned() + "\n";
        for n in 0..3_005 {
            text += &format!(
                "75071218{};C;medical;G;017510000;;centres-2025;2026-01-01;\n",
                n % 10
            );
        }
        let found = faults(&text);
        // Nine of ten keys are wrong, and the tenth centre comes again and again.
        assert_eq!(found.len(), 3_005 - 1);
    }
}
