//! Keys set by the environment: `BORDEREAU_TELEMETRY__LOG__FILTER=debug` sets `telemetry.log.filter`.
//!
//! After the prefix the key is in upper case, its parts joined by two underscores. A value that is a TOML
//! value (`true`, `12`, `"text"`, `["a", "b"]`) is taken as one; everything else is taken as text, so a text
//! that looks like a number needs its quotes. `BORDEREAU_CONFIG` is not a key: it names the file.
//!
//! A master key may be a credential of systemd: `credential:NAME` stands for the file of that name in the directory
//! that `CREDENTIALS_DIRECTORY` names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::config::reader::Fault;

const PREFIX: &str = "BORDEREAU_";
/// Where systemd puts the credentials of a service.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// Before the name of one.
const CREDENTIAL: &str = "credential:";
/// The keys whose files may be credentials.
const SECRETS: [[&str; 3]; 1] = [["store", "encryption", "master_key"]];
/// Names the configuration file for the command line.
pub const FILE: &str = "BORDEREAU_CONFIG";

/// Which variable set which key.
#[derive(Debug, Default)]
pub(super) struct Set(BTreeMap<String, String>);

impl Set {
    /// A fault, under the name of the variable that set what is wrong, where one did: it is not to be found in the file.
    pub(super) fn named(&self, fault: Fault, file: &Table) -> Fault {
        let within = |inner: &str, outer: &str| {
            let rest = inner.strip_prefix(outer);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        // A section that the file does not have is there by the variable that set a key of it.
        let is_in_file = || {
            let mut parts = fault.key.split('.');
            let first = parts.next().and_then(|first| file.get(first));
            parts
                .try_fold(first, |value, part| Some(value?.get(part)))
                .is_some_and(|value| value.is_some())
        };
        let mut set = self.0.iter();
        let variable = set
            .find(|(key, _)| within(&fault.key, key) || (within(key, &fault.key) && !is_in_file()));
        match variable {
            Some((_, name)) => Fault {
                key: name.clone(),
                ..fault
            },
            None => fault,
        }
    }
}

/// Whether a fault is that of a variable.
pub(super) fn is_ours(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// Puts the variables' values over the document's. Variables without the prefix are not ours.
pub(super) fn put(
    table: &mut Table,
    variables: impl IntoIterator<Item = (String, String)>,
) -> (Set, Vec<Fault>) {
    let (mut set, mut faults) = (Set::default(), Vec::new());
    let mut credentials = None;
    for (name, text) in variables {
        if name == CREDENTIALS {
            credentials = Some(PathBuf::from(text));
            continue;
        }
        let Some(key) = name.strip_prefix(PREFIX).filter(|_| name != FILE) else {
            continue;
        };
        let key = key.to_ascii_lowercase();
        let parts: Vec<_> = key.split("__").collect();
        match put_one(table, &parts, value(&text)) {
            Ok(()) => {
                set.0.insert(parts.join("."), name);
            }
            Err(reason) => faults.push(Fault { key: name, reason }),
        }
    }
    for key in SECRETS {
        if let Err(reason) = put_credential(table, &key, credentials.as_deref()) {
            let fault = Fault {
                key: key.join("."),
                reason,
            };
            faults.push(set.named(fault, table));
        }
    }
    (set, faults)
}

/// Puts the file of a credential where its name stands.
fn put_credential(
    table: &mut Table,
    [room, section, key]: &[&str; 3],
    directory: Option<&Path>,
) -> Result<(), String> {
    let named = table.get_mut(*room).and_then(|room| room.get_mut(section));
    let Some(Value::String(value)) = named.and_then(|section| section.get_mut(key)) else {
        return Ok(());
    };
    let Some(name) = value.strip_prefix(CREDENTIAL) else {
        return Ok(());
    };
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return Err("is not the name of a credential".to_owned());
    }
    let directory = directory.ok_or_else(|| {
        format!(
            "names a credential of systemd, but `{CREDENTIALS}` is not set: the service has none"
        )
    })?;
    let path = directory.join(name);
    *value = path.to_str().ok_or("is not in a path of text")?.to_owned();
    Ok(())
}

fn put_one(table: &mut Table, parts: &[&str], value: Value) -> Result<(), String> {
    let Some((last, before)) = parts.split_last() else {
        return Ok(());
    };
    if parts.iter().any(|part| part.is_empty()) {
        return Err("is no key: a part of it is empty".to_owned());
    }
    let mut place = table;
    for part in before {
        let next = place
            .entry((*part).to_owned())
            .or_insert_with(|| Value::Table(Table::new()));
        place = next.as_table_mut().ok_or_else(|| {
            format!("is no key: `{part}` holds no keys that can be set one by one")
        })?;
    }
    place.insert((*last).to_owned(), value);
    Ok(())
}

/// A TOML value, or the text itself.
fn value(text: &str) -> Value {
    let document: Result<Table, _> = toml::from_str(&format!("value = {text}"));
    let parsed = document.ok().filter(|table| table.len() == 1);
    parsed
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}
