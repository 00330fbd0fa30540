//! Questions about statements, answered from the index alone.

use crate::claims::entry::Position;
use crate::store::index::Index;
use crate::store::ledger::{keys, records};
use crate::store::{Error, StatementRecord, WhichStatements};

/// The statements that are asked for, in order of the ledger.
pub fn statements(
    index: &dyn Index,
    which: WhichStatements,
) -> Result<Vec<StatementRecord>, Error> {
    let numbers: Vec<Position> = match which {
        WhichStatements::Numbered(number) => vec![number],
        WhichStatements::After {
            centre: None,
            after,
            most,
        } => {
            let from = keys::after(&keys::statement(after));
            let found = index.scan(&from, &keys::after(&keys::statements()), most)?;
            let records = found.iter().map(|(_, value)| records::read(value));
            return records.collect();
        }
        WhichStatements::After {
            centre: Some(centre),
            after,
            most,
        } => {
            let (prefix, from) = (
                keys::statements_of(centre),
                keys::after(&keys::statement_of(centre, after)),
            );
            let found = index.scan(&from, &keys::after(&prefix), most)?;
            let numbers = found
                .iter()
                .map(|(key, _)| records::read(&key[prefix.len()..]));
            numbers.collect::<Result<_, _>>()?
        }
        WhichStatements::LastOf(centre) => {
            let last = records::load(index, &keys::last_statement_of(centre))?;
            last.into_iter().collect()
        }
        WhichStatements::Last => {
            let last = records::load(index, &keys::last_statement())?;
            last.into_iter().collect()
        }
        WhichStatements::FirstByKey => {
            let prefix = keys::statement_keys();
            let found = index.scan(&prefix, &keys::after(&prefix), usize::MAX)?;
            let numbers = found.iter().map(|(_, value)| records::read(value));
            let mut numbers: Vec<Position> = numbers.collect::<Result<_, _>>()?;
            numbers.sort_unstable();
            numbers
        }
    };
    let records = numbers
        .into_iter()
        .map(|number| records::load(index, &keys::statement(number)));
    records.filter_map(Result::transpose).collect()
}
