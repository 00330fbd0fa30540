//! The places that statements name, held against a ledger at hand: whether its chain has the hashes that they say.
//!
//! The chain is walked once, from its first entry to the last place that is asked for; nothing is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::claims::entry::Position;
use crate::cli::exit::Failure;
use crate::cli::{Settings, ledger};
use crate::formats::statement::Statement;

/// The hashes of a ledger at the places that were asked for, as far as it goes.
pub struct Places {
    hashes: BTreeMap<u64, String>,
    /// Why there are no more of them.
    end: String,
}

impl Places {
    /// Reads the ledger at the places that these statements name.
    ///
    /// # Errors
    /// When the ledger cannot be read at all.
    pub fn read<'a>(
        settings: &Settings,
        directory: Option<&Path>,
        statements: impl Iterator<Item = &'a Statement>,
    ) -> Result<Places, Failure> {
        let named = statements.flat_map(|statement| named(statement).map(|(_, at, _)| at));
        let wanted: BTreeSet<u64> = named.collect();
        let mut places = Places {
            hashes: BTreeMap::new(),
            end: String::new(),
        };
        let mut before: Option<(u64, String)> = None;
        for position in wanted {
            let from = before.as_ref().map(|(position, _)| Position(position + 1));
            let walked = ledger::walked(settings, directory, (from, Some(Position(position))))?;
            let hash = |end: &Value| end["chain"].as_str().unwrap_or_default().to_owned();
            let goes_on = before.is_none_or(|(_, known)| known == hash(&walked["before"]));
            if let Some(broken) = walked["broken"].as_str() {
                places.end = format!("the chain of the ledger is broken: {broken}");
                break;
            }
            if !goes_on {
                places.end = "the ledger changed while it was read".to_owned();
                break;
            }
            if walked["upto"]["position"].as_u64() != Some(position) {
                places.end = format!("the ledger ends at entry {}", walked["upto"]["position"]);
                break;
            }
            let found = hash(&walked["upto"]);
            places.hashes.insert(position, found.clone());
            before = Some((position, found));
        }
        Ok(places)
    }

    /// Whether a statement is of this ledger.
    ///
    /// # Errors
    /// What it says otherwise, in words.
    pub fn have(&self, statement: &Statement) -> Result<(), String> {
        for (what, position, said) in named(statement) {
            match self.hashes.get(&position) {
                Some(found) if found == said => {}
                Some(_) => {
                    return Err(format!(
                        "{what} names a hash after entry {position} that the ledger does not have"
                    ));
                }
                None => return Err(format!("{what} names entry {position}: {}", self.end)),
            }
        }
        Ok(())
    }
}

/// The places that a statement names, with the hashes that it says.
fn named(statement: &Statement) -> impl Iterator<Item = (&'static str, u64, &str)> {
    let ledger = &statement.ledger;
    let own = std::iter::once(("the statement", ledger.position, &*ledger.hash));
    let anchor = statement.anchor.iter();
    own.chain(anchor.map(|anchor| ("its anchor", anchor.position, &*anchor.hash)))
}
