//! The file of the registry: an import of registrations, which the ledger then keeps. TOML, or CSV of one kind a file
//! with the keys as columns; all that is wrong is said at once, each fault with its line.
//!
//! ```toml
//! [[centre]]
//! finess = "750712184"
//! name = "Centre de santé de la Place"
//! category = "polyvalent"          # medical, dentaire, polyvalent, infirmier
//! gestionnaire = "750000002"       # FINESS juridique or SIREN
//! caisse = "017510000"             # régime 2, caisse 3, centre 4
//! alsace_moselle = false
//! agreement = "centres-2025"
//! from = 2026-01-01                # first day of this version; a centre may have several
//! until = 2026-12-31               # last day, when it closed
//!
//! [[gestionnaire]]                 # where one is registered, each centre's must be
//! id = "750000002"
//! name = "Association de la Place"
//! from = 2026-01-01
//!
//! [[caisse]]                       # the same
//! code = "017510000"
//! name = "CPAM de Paris"
//! from = 2026-01-01
//!
//! [[endpoint]]                     # the keys of [[transport.endpoints]], and its days
//! name = "caisse-751"
//! base = "https://caisse.example/wire"
//! destinations = ["amo:017510000"]
//! tls = { roots = "/etc/bordereau/caisse.pem" }
//! from = 2026-01-01
//! ```

mod endpoint;
mod row;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::{Table, Value};

use crate::claims::registry::{Registration, RegistrationKind};
use crate::config::{Error, Fault, Faults, reader, table_of, text_of};
use crate::formats::registry::{self, Lined};
use crate::transport::Endpoint;

pub use endpoint::endpoint;
use row::{CaisseRow, CentreRow, GestionnaireRow};

/// What else is wrong with an endpoint, beside its keys: nobody opens here what it names.
pub type Look<'a> = dyn Fn(&Endpoint) -> Vec<String> + 'a;

/// Reads the file of the registry: CSV when its name ends in `.csv`, TOML otherwise.
///
/// # Errors
/// [`Error`], with every row that is wrong.
pub fn load(path: &Path, look: &Look<'_>) -> Result<Vec<Lined>, Error> {
    let (text, origin) = (text_of(path)?, path.display().to_string());
    let is_csv = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    if is_csv {
        read_csv(&text, &origin, look)
    } else {
        read(&text, &origin, look)
    }
}

/// Reads registrations from TOML. `origin` names it in errors.
///
/// # Errors
/// [`Error::Faulty`], with every row that is wrong.
pub fn read(text: &str, origin: &str, look: &Look<'_>) -> Result<Vec<Lined>, Error> {
    let mut taking = Taking::new(text);
    match table_of(text) {
        Ok(table) => taking.tables(table, look),
        Err(fault) => taking.faults.push(fault),
    }
    taking.end(origin)
}

/// Reads registrations of one kind from CSV, with the columns named as the keys of TOML. `origin` names it in errors.
///
/// # Errors
/// [`Error::Faulty`], with every row that is wrong.
pub fn read_csv(text: &str, origin: &str, look: &Look<'_>) -> Result<Vec<Lined>, Error> {
    let mut taking = Taking::new("");
    let header = registry::header(text);
    let told_by = |kind: &RegistrationKind| header.iter().any(|name| name == tells(*kind));
    match RegistrationKind::ALL.into_iter().find(told_by) {
        Some(kind) => taking.table(kind, text, look),
        None => {
            let columns = RegistrationKind::ALL
                .map(|kind| format!("`{}` for a {}", tells(kind), kind.as_str()));
            taking.faults.push(Fault {
                key: "line 1".to_owned(),
                reason: format!("a column must tell the kind: {}", columns.join(", ")),
            });
        }
    }
    taking.end(origin)
}

/// The column that a table of this kind alone has.
fn tells(kind: RegistrationKind) -> &'static str {
    match kind {
        RegistrationKind::Centre => "finess",
        RegistrationKind::Gestionnaire => "id",
        RegistrationKind::Caisse => "code",
        RegistrationKind::Endpoint => "base",
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    centre: Vec<CentreRow>,
    gestionnaire: Vec<GestionnaireRow>,
    caisse: Vec<CaisseRow>,
    /// Endpoints are read on their own; here they are only known, so that a fault that lists the kinds names theirs.
    #[serde(rename = "endpoint")]
    _endpoint: Vec<IgnoredAny>,
}

/// Registrations as they are read, and all that is wrong with them.
struct Taking {
    /// Where the tables of each kind begin.
    headings: BTreeMap<RegistrationKind, Vec<u64>>,
    taken: Vec<Taken>,
    faults: Vec<Fault>,
}

/// A registration, and where it was read.
struct Taken {
    row: Place,
    registration: Registration,
}

/// Where a row stands.
#[derive(Clone, Copy)]
struct Place {
    kind: RegistrationKind,
    /// From 1.
    row: usize,
    /// None for tables that are written in one line.
    line: Option<u64>,
}

/// Faults of one row.
struct Found<'a> {
    place: Place,
    faults: &'a mut Vec<Fault>,
}

impl Taking {
    fn new(toml: &str) -> Taking {
        let mut headings: BTreeMap<_, Vec<u64>> = BTreeMap::new();
        for (number, line) in (1..).zip(toml.lines()) {
            let heading = line.trim_start().strip_prefix("[[");
            let kind = heading.and_then(|heading| heading.split("]]").next());
            if let Some(kind) = kind.and_then(|kind| RegistrationKind::parse(kind.trim())) {
                headings.entry(kind).or_default().push(number);
            }
        }
        Taking {
            headings,
            taken: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Where a table stands, by its number from 0.
    fn heading(&self, kind: RegistrationKind, index: usize) -> Place {
        let lines = self.headings.get(&kind);
        Place {
            kind,
            row: index + 1,
            line: lines.and_then(|lines| lines.get(index)).copied(),
        }
    }

    fn tables(&mut self, mut file: Table, look: &Look<'_>) {
        let endpoints = file.remove(RegistrationKind::Endpoint.as_str());
        match reader::read::<File>(file) {
            Ok(reader::Reading { value: file, .. }) => {
                self.rows(RegistrationKind::Centre, &file.centre, CentreRow::read);
                let kind = RegistrationKind::Gestionnaire;
                self.rows(kind, &file.gestionnaire, GestionnaireRow::read);
                self.rows(RegistrationKind::Caisse, &file.caisse, CaisseRow::read);
            }
            Err(found) => {
                let lined = found.into_iter().map(|fault| self.lined(fault));
                let lined: Vec<Fault> = lined.collect();
                self.faults.extend(lined);
            }
        }
        let tables = match endpoints {
            None => Vec::new(),
            Some(Value::Array(tables)) => tables,
            Some(other) => vec![other],
        };
        for (index, table) in tables.into_iter().enumerate() {
            let place = self.heading(RegistrationKind::Endpoint, index);
            match table {
                Value::Table(table) => self.endpoint(place, table, look),
                other => {
                    let reason = format!("is {}, not a table", other.type_str());
                    self.found(place).refuse_all(&reason);
                }
            }
        }
    }

    fn rows<R>(
        &mut self,
        kind: RegistrationKind,
        rows: &[R],
        read: impl Fn(&R, &mut Found<'_>) -> Option<Registration>,
    ) {
        for (index, row) in rows.iter().enumerate() {
            self.row(self.heading(kind, index), row, &read);
        }
    }

    fn row<R>(
        &mut self,
        row: Place,
        value: &R,
        read: impl Fn(&R, &mut Found<'_>) -> Option<Registration>,
    ) {
        let registration = read(value, &mut self.found(row));
        self.taken
            .extend(registration.map(|registration| Taken { row, registration }));
    }

    fn endpoint(&mut self, row: Place, table: Table, look: &Look<'_>) {
        let registration = endpoint::read(table, &mut self.found(row), look);
        self.taken
            .extend(registration.map(|registration| Taken { row, registration }));
    }

    /// A table of CSV.
    fn table(&mut self, kind: RegistrationKind, text: &str, look: &Look<'_>) {
        let columns: &[&str] = match kind {
            RegistrationKind::Centre => &CentreRow::COLUMNS,
            RegistrationKind::Gestionnaire => &GestionnaireRow::COLUMNS,
            RegistrationKind::Caisse => &CaisseRow::COLUMNS,
            RegistrationKind::Endpoint => &endpoint::COLUMNS,
        };
        let (rows, malformed) = registry::rows(text, columns);
        self.faults
            .extend(malformed.into_iter().map(|malformed| Fault {
                key: format!("line {}", malformed.line),
                reason: malformed.reason.to_owned(),
            }));
        for (index, row) in rows.iter().enumerate() {
            let place = Place {
                kind,
                row: index + 1,
                line: Some(row.line),
            };
            match kind {
                RegistrationKind::Centre => {
                    let row = CentreRow::of(row, &mut self.found(place));
                    self.row(place, &row, CentreRow::read);
                }
                RegistrationKind::Gestionnaire => {
                    self.row(place, &GestionnaireRow::of(row), GestionnaireRow::read);
                }
                RegistrationKind::Caisse => {
                    self.row(place, &CaisseRow::of(row), CaisseRow::read);
                }
                RegistrationKind::Endpoint => self.endpoint(place, endpoint::table_of(row), look),
            }
        }
    }

    fn found(&mut self, place: Place) -> Found<'_> {
        Found {
            place,
            faults: &mut self.faults,
        }
    }

    /// A fault of the form of a table, with the line at which the table begins.
    fn lined(&self, fault: Fault) -> Fault {
        let element = fault.key.split_once('[');
        let element = element.and_then(|(kind, rest)| {
            let (number, _) = rest.split_once(']')?;
            let index = number.parse::<usize>().ok()?.checked_sub(1)?;
            Some(self.heading(RegistrationKind::parse(kind)?, index))
        });
        match element {
            Some(place) => Fault {
                reason: place.said(&fault.reason),
                ..fault
            },
            None => fault,
        }
    }

    /// Finds versions that stand twice or begin too early.
    fn compare(&mut self) {
        let mut versions: BTreeMap<_, Vec<&Taken>> = BTreeMap::new();
        for taken in &self.taken {
            let of = (taken.row.kind, taken.registration.id());
            versions.entry(of).or_default().push(taken);
        }
        for history in versions.values_mut() {
            history.sort_by_key(|taken| taken.registration.span().from);
            for pair in history.windows(2) {
                let [before, after] = pair else { continue };
                let mut found = Found {
                    place: after.row,
                    faults: &mut self.faults,
                };
                let from = after.registration.span().from;
                let before = before.registration.span();
                if before.from == from {
                    let kind = after.row.kind.as_str();
                    found.refuse("from", &format!("another row has this {kind} and this day"));
                } else if before.until.is_some_and(|until| until >= from) {
                    found.refuse("from", "the version before it ends on this day or later");
                }
            }
        }
    }

    fn end(mut self, origin: &str) -> Result<Vec<Lined>, Error> {
        self.compare();
        if !self.faults.is_empty() {
            return Err(Error::Faulty(Faults {
                origin: origin.to_owned(),
                faults: self.faults,
            }));
        }
        let lined = self.taken.into_iter().map(|taken| Lined {
            line: taken.row.line,
            registration: taken.registration,
        });
        Ok(lined.collect())
    }
}

impl Place {
    /// What is wrong, with the line.
    fn said(&self, reason: &str) -> String {
        match self.line {
            Some(line) => format!("line {line}: {reason}"),
            None => reason.to_owned(),
        }
    }

    /// By what a row is named.
    fn name(&self) -> String {
        format!("{}[{}]", self.kind.as_str(), self.row)
    }
}

impl Found<'_> {
    fn take<T>(&mut self, key: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|reason| self.refuse(key, &reason)).ok()
    }

    fn refuse(&mut self, key: &str, reason: &str) {
        self.faults.push(Fault {
            key: format!("{}.{key}", self.place.name()),
            reason: self.place.said(reason),
        });
    }

    /// For what is wrong with no single key of it.
    fn refuse_all(&mut self, reason: &str) {
        self.faults.push(Fault {
            key: self.place.name(),
            reason: self.place.said(reason),
        });
    }
}

#[cfg(test)]
mod tests;
