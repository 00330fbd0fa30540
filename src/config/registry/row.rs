//! Rows of centres, gestionnaires and caisses: what their fields mean, and every field that means nothing.

use serde::Deserialize;

use crate::claims::id::{Amo, Finess, Name};
use crate::claims::registry::{
    Caisse, Category, Centre, Gestionnaire, GestionnaireId, NAME_LENGTH, Registration, Span,
};
use crate::claims::terms::Region;
use crate::claims::time::Day;
use crate::config::registry::Found;
use crate::formats::registry;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CentreRow {
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GestionnaireRow {
    id: String,
    name: String,
    from: String,
    until: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaisseRow {
    code: String,
    name: String,
    from: String,
    until: Option<String>,
}

impl CentreRow {
    pub(super) const COLUMNS: [&str; 9] = [
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

    /// From a row of a table. A field that is empty is read as an empty text, which no key takes.
    pub(super) fn of(row: &registry::Row, found: &mut Found<'_>) -> CentreRow {
        let alsace_moselle = match row.get("alsace_moselle") {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                found.refuse("alsace_moselle", "must be true or false");
                false
            }
        };
        CentreRow {
            finess: text(row, "finess"),
            name: text(row, "name"),
            category: text(row, "category"),
            gestionnaire: text(row, "gestionnaire"),
            caisse: text(row, "caisse"),
            alsace_moselle,
            agreement: text(row, "agreement"),
            from: text(row, "from"),
            until: row.get("until").map(str::to_owned),
        }
    }

    pub(super) fn read(&self, found: &mut Found<'_>) -> Option<Registration> {
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
        let days = days(&self.from, self.until.as_deref(), found);
        let region = if self.alsace_moselle {
            Region::AlsaceMoselle
        } else {
            Region::Metropole
        };
        let Span { from, until } = days?;
        Some(Registration::Centre(Centre {
            finess: finess?,
            name: name?,
            category: category?,
            gestionnaire: gestionnaire?,
            caisse: caisse?,
            region,
            agreement: agreement?,
            from,
            until,
        }))
    }
}

impl GestionnaireRow {
    pub(super) const COLUMNS: [&str; 4] = ["id", "name", "from", "until"];

    /// From a row of a table.
    pub(super) fn of(row: &registry::Row) -> GestionnaireRow {
        GestionnaireRow {
            id: text(row, "id"),
            name: text(row, "name"),
            from: text(row, "from"),
            until: row.get("until").map(str::to_owned),
        }
    }

    pub(super) fn read(&self, found: &mut Found<'_>) -> Option<Registration> {
        let id = GestionnaireId::parse(&self.id);
        let id = found.take(
            "id",
            id.map_err(|why| format!("must be a FINESS juridique or a SIREN: {why}")),
        );
        let name = found.take("name", named(&self.name));
        let Span { from, until } = days(&self.from, self.until.as_deref(), found)?;
        Some(Registration::Gestionnaire(Gestionnaire {
            id: id?,
            name: name?,
            from,
            until,
        }))
    }
}

impl CaisseRow {
    pub(super) const COLUMNS: [&str; 4] = ["code", "name", "from", "until"];

    /// From a row of a table.
    pub(super) fn of(row: &registry::Row) -> CaisseRow {
        CaisseRow {
            code: text(row, "code"),
            name: text(row, "name"),
            from: text(row, "from"),
            until: row.get("until").map(str::to_owned),
        }
    }

    pub(super) fn read(&self, found: &mut Found<'_>) -> Option<Registration> {
        let code = found.take("code", caisse(&self.code));
        let name = found.take("name", named(&self.name));
        let Span { from, until } = days(&self.from, self.until.as_deref(), found)?;
        Some(Registration::Caisse(Caisse {
            code: code?,
            name: name?,
            from,
            until,
        }))
    }
}

/// The days of a row.
pub(super) fn days(from: &str, until: Option<&str>, found: &mut Found<'_>) -> Option<Span> {
    let from = found.take("from", day(from));
    let until = until.map(|until| found.take("until", day(until)));
    if let (Some(from), Some(Some(until))) = (from, until)
        && until < from
    {
        found.refuse("until", "is before `from`");
    }
    Some(Span {
        from: from?,
        until: until.flatten(),
    })
}

fn text(row: &registry::Row, column: &str) -> String {
    row.get(column).unwrap_or_default().to_owned()
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
