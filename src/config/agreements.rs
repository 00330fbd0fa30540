//! The agreements by which rates are read: those that come with the program, and files of one's own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::claims::agreement::{Agreement, Agreements};
use crate::config::{Error, Fault, Faults, parse, text_of};
use crate::report::agreements::{File, SHIPPED};

/// Reads the shipped agreements and these files. A file takes the place of a shipped agreement of the same
/// id, so that an operator who has read the agreement can confirm its thresholds.
///
/// # Errors
/// [`Error`], with everything that is wrong with one file, or with the agreements together.
pub fn load(files: &[PathBuf]) -> Result<Agreements, Error> {
    let mut shipped = BTreeMap::new();
    for (name, text) in SHIPPED {
        let agreement = read(text, name)?;
        shipped.insert(agreement.id.clone(), agreement);
    }
    let mut own = Vec::new();
    for path in files {
        let agreement = read(&text_of(path)?, &path.display().to_string())?;
        shipped.remove(&agreement.id);
        own.push(agreement);
    }
    own.extend(shipped.into_values());
    Agreements::new(own).map_err(|problems| {
        let fault = |problem: &dyn ToString| Fault {
            key: String::new(),
            reason: problem.to_string(),
        };
        Error::Faulty(Faults {
            origin: "the list of agreements".to_owned(),
            faults: problems.iter().map(|problem| fault(problem)).collect(),
        })
    })
}

/// Reads one agreement from its text. `origin` names it in errors.
///
/// # Errors
/// [`Error::Faulty`], with every value that cannot be read.
pub fn read(text: &str, origin: &str) -> Result<Agreement, Error> {
    let file: File = parse(text, origin)?;
    file.agreement().map_err(|misread| {
        let fault = |key: &str, reason: String| Fault {
            key: key.to_owned(),
            reason,
        };
        let faults = misread.iter().map(|value| {
            fault(
                value.key,
                format!("{:?} is not {}", value.value, value.expected),
            )
        });
        Error::Faulty(Faults {
            origin: origin.to_owned(),
            faults: faults.collect(),
        })
    })
}
