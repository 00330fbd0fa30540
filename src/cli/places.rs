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

/// The hashes of a ledger at the places that were asked for; where it has none, why.
pub struct Places(BTreeMap<u64, Result<String, String>>);

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
        let (mut places, mut last) = (BTreeMap::new(), None::<(u64, String)>);
        for position in wanted {
            let from = last.as_ref().map(|(last, _)| Position(last + 1));
            let walked = ledger::walked(settings, directory, (from, Some(Position(position))))?;
            let found = match &last {
                Some((last, known)) if hash_at(&walked, *last).as_ref() != Ok(known) => {
                    Err("the ledger was another one while it was read".to_owned())
                }
                Some(_) | None => hash_at(&walked, position),
            };
            if let Ok(hash) = &found {
                last = Some((position, hash.clone()));
            }
            places.insert(position, found);
        }
        Ok(Places(places))
    }

    /// Whether a statement is of this ledger.
    ///
    /// # Errors
    /// What it says otherwise, in words.
    pub fn have(&self, statement: &Statement) -> Result<(), String> {
        for (what, position, said) in named(statement) {
            match self.0.get(&position) {
                Some(Ok(found)) if found == said => {}
                Some(Ok(_)) => {
                    return Err(format!(
                        "{what} names a hash after entry {position} that the ledger does not have"
                    ));
                }
                Some(Err(why)) => return Err(format!("{what} names entry {position}: {why}")),
                None => return Err(format!("{what} names entry {position}, which was not read")),
            }
        }
        Ok(())
    }
}

/// The hash after an entry, of a walk that begins behind it or ends there.
fn hash_at(walked: &Value, position: u64) -> Result<String, String> {
    if let Some(broken) = walked["broken"].as_str() {
        return Err(format!("the chain of the ledger is broken: {broken}"));
    }
    let mut ends = [&walked["upto"], &walked["before"]].into_iter();
    let end = ends.find(|end| end["position"].as_u64() == Some(position));
    if let Some(hash) = end.and_then(|end| end["chain"].as_str()) {
        return Ok(hash.to_owned());
    }
    match walked["upto"]["position"].as_u64() {
        Some(upto) if upto < position => Err(format!("the ledger ends at entry {upto}")),
        Some(_) | None => Err("the ledger begins behind it, with a foundation".to_owned()),
    }
}

/// The places that a statement names, with the hashes that it says.
fn named(statement: &Statement) -> impl Iterator<Item = (&'static str, u64, &str)> {
    let ledger = &statement.ledger;
    let own = std::iter::once(("the statement", ledger.position, &*ledger.hash));
    let anchor = statement.anchor.iter();
    own.chain(anchor.map(|anchor| ("its anchor", anchor.position, &*anchor.hash)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_hash_is_that_of_either_end_or_it_is_said_why_there_is_none() {
        let end = |position: u64, chain: &str| json!({"position": position, "chain": chain});
        let walked = |before: u64, upto: u64, broken: Option<&str>| json!({"before": end(before, "b"), "upto": end(upto, "u"), "broken": broken});
        for (walked, expected) in [
            (walked(0, 7, None), Ok("u")),
            (walked(7, 8, None), Ok("b")),
            (walked(0, 6, None), Err("the ledger ends at entry 6")),
            (
                walked(9, 10, None),
                Err("the ledger begins behind it, with a foundation"),
            ),
            (
                walked(0, 7, Some("torn")),
                Err("the chain of the ledger is broken: torn"),
            ),
        ] {
            let found = hash_at(&walked, 7);
            let found = found.as_deref().map_err(String::as_str);
            assert_eq!(found, expected, "{walked}");
        }
    }
}
