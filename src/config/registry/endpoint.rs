//! Endpoints of the registry: a section as the configuration has it, and its days.
//!
//! The section is read by the type that reads the configuration's, so that no key is known to one of them alone. What
//! the ledger keeps is the section in one form: keys in order, without what is left out.

use toml::{Table, Value};

use crate::claims::registry::{EndpointVersion, Registration, SETTINGS_LENGTH, Span};
use crate::config::registry::row::days;
use crate::config::registry::{Found, Look};
use crate::config::{Error, Fault, parse, reader};
use crate::formats::registry::Row;
use crate::transport::Endpoint;

/// The columns of a table of endpoints; all else has its default.
pub(super) const COLUMNS: [&str; 11] = [
    "name",
    "base",
    "destinations",
    "purpose",
    "status",
    "roots",
    "certificate",
    "key",
    "receipt_keys",
    "from",
    "until",
];

/// The endpoint that a version states.
///
/// # Errors
/// [`Error::Faulty`]: it was put by a gateway that knew other keys.
pub fn endpoint(version: &EndpointVersion) -> Result<Endpoint, Error> {
    parse(
        &version.settings,
        &format!("the registration of endpoint `{}`", version.name),
    )
}

/// The section of a row.
pub(super) fn table_of(row: &Row) -> Table {
    let mut table = Table::new();
    let put = |table: &mut Table, key: &str, column: &str| {
        if let Some(text) = row.get(column) {
            table.insert(key.to_owned(), text.into());
        }
    };
    for key in [
        "name",
        "base",
        "purpose",
        "status",
        "receipt_keys",
        "from",
        "until",
    ] {
        put(&mut table, key, key);
    }
    if let Some(destinations) = row.get("destinations") {
        let destinations = destinations.split_whitespace().map(Value::from);
        table.insert(
            "destinations".to_owned(),
            Value::Array(destinations.collect()),
        );
    }
    let (mut tls, mut identity) = (Table::new(), Table::new());
    put(&mut tls, "roots", "roots");
    put(&mut identity, "certificate", "certificate");
    put(&mut identity, "key", "key");
    if !identity.is_empty() {
        tls.insert("identity".to_owned(), identity.into());
    }
    table.insert("tls".to_owned(), tls.into());
    table
}

/// What a section states, if nothing is wrong with it.
pub(super) fn read(
    mut table: Table,
    found: &mut Found<'_>,
    look: &Look<'_>,
) -> Option<Registration> {
    let (from, until) = (table.remove("from"), table.remove("until"));
    let until = until.map(|until| text_of(&until));
    let from = from.map_or_else(String::new, |from| text_of(&from));
    let days = days(&from, until.as_deref(), found);
    let settings = settings(&table);
    if settings.is_none() {
        found.refuse_all(&format!("must have at most {SETTINGS_LENGTH} bytes"));
    }
    let endpoint = match reader::read::<Endpoint>(table) {
        Ok(reading) => reading.value,
        Err(faults) => {
            for Fault { key, reason } in faults {
                found.refuse(&key, &reason);
            }
            return None;
        }
    };
    let looked = look(&endpoint);
    looked.iter().for_each(|reason| found.refuse_all(reason));
    let Span { from, until } = days?;
    Some(Registration::Endpoint(EndpointVersion {
        name: endpoint.name,
        purpose: endpoint.purpose,
        destinations: endpoint.destinations,
        settings: settings?,
        from,
        until,
    }))
}

/// A section in one form, if it is not too long.
fn settings(table: &Table) -> Option<String> {
    let text = toml::to_string(table).ok()?;
    (text.len() <= SETTINGS_LENGTH).then_some(text)
}

/// The text of a day, which TOML may have as a date.
fn text_of(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}
