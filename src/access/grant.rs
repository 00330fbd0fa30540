//! A caller as it is written down: in the configuration, in the token file, on a command line.

use serde::{Deserialize, Serialize};

use crate::claims::document::Purpose;
use crate::claims::id::{EndpointName, Finess, Name};

use super::{Caller, Role, Scope};

/// A caller in writing. It becomes a [`Caller`] by [`Grant::caller`], which checks it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The caller's name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// FINESS of its centres; role `centre` without a gestionnaire.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub centres: Vec<String>,
    /// The gestionnaire whose centres it acts for; role `centre` without centres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gestionnaire: Option<String>,
    /// The endpoint it speaks for; role `insurer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insurer: Option<String>,
    /// `true`: what it posts is a test, reaches test endpoints only and is never counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
}

/// Why a caller in writing cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// The name is not 1 to 64 visible ASCII characters without blanks or quotes.
    #[error("`name` must be 1 to 64 visible ASCII characters without blanks or quotes")]
    Name,
    /// A centre that is no FINESS.
    #[error("{0:?} in `centres` is not a FINESS")]
    Centre(String),
    /// No name of a gestionnaire.
    #[error("`gestionnaire` is not a name")]
    Gestionnaire,
    /// No name of an endpoint.
    #[error("`insurer` is not the name of an endpoint")]
    Insurer,
    /// More than one scope, or none where one is needed, or not one of the role's.
    #[error(
        "role `centre` has either `centres` or `gestionnaire`, role `insurer` has `insurer`, \
         the other roles have none of them"
    )]
    Scope,
    /// A centre's caller without a centre.
    #[error("`centres` is empty")]
    NoCentre,
    /// An insurer by token: a receipt is evidence, so whoever hands it in must hold a key.
    #[error("an insurer is known by its certificate, not by a token")]
    InsurerByToken,
}

impl Grant {
    /// The caller that is meant.
    ///
    /// # Errors
    /// [`Contradiction`], naming the key at fault.
    pub fn caller(&self) -> Result<Caller, Contradiction> {
        let name = Name::parse(&self.name).map_err(|_| Contradiction::Name)?;
        let purpose = if self.test {
            Purpose::Test
        } else {
            Purpose::Real
        };
        Caller::new(name, self.role, self.scope()?, purpose)
    }

    fn scope(&self) -> Result<Scope, Contradiction> {
        match (self.centres.as_slice(), &self.gestionnaire, &self.insurer) {
            ([], None, None) => Ok(Scope::All),
            (centres, None, None) => {
                let centres = centres
                    .iter()
                    .map(|text| centre(text))
                    .collect::<Result<_, _>>()?;
                Ok(Scope::Centres(centres))
            }
            ([], Some(text), None) => {
                let name = Name::parse(text).map_err(|_| Contradiction::Gestionnaire)?;
                Ok(Scope::Gestionnaire(name))
            }
            ([], None, Some(text)) => {
                let endpoint = EndpointName::parse(text).map_err(|_| Contradiction::Insurer)?;
                Ok(Scope::Insurer(endpoint))
            }
            _ => Err(Contradiction::Scope),
        }
    }
}

fn centre(text: &str) -> Result<Finess, Contradiction> {
    Finess::parse(text).map_err(|_| Contradiction::Centre(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Caller, String> {
        let grant: Grant = serde_json::from_str(text).map_err(|error| error.to_string())?;
        grant.caller().map_err(|error| error.to_string())
    }

    #[test]
    fn a_caller_in_writing_is_checked() {
        for (text, part) in [
            (r#"{"name": "a b", "role": "metrics"}"#, "`name`"),
            (
                r#"{"name": "a", "role": "admin"}"#,
                "unknown variant `admin`",
            ),
            (
                r#"{"name": "a", "role": "metrics", "admin": true}"#,
                "unknown field `admin`",
            ),
            (
                r#"{"name": "a", "role": "centre", "centres": ["750000003"]}"#,
                "\"750000003\" in `centres`",
            ),
            (
                r#"{"name": "a", "role": "centre", "gestionnaire": "a b"}"#,
                "`gestionnaire`",
            ),
            (
                r#"{"name": "a", "role": "insurer", "insurer": "A"}"#,
                "`insurer`",
            ),
            (
                r#"{"name": "a", "role": "centre"}"#,
                "either `centres` or `gestionnaire`",
            ),
            (r#"{"name": "a", "role": "insurer"}"#, "`insurer`"),
            (
                r#"{"name": "a", "role": "operator", "centres": ["750000002"]}"#,
                "none of them",
            ),
            (
                r#"{"name": "a", "role": "centre", "centres": ["750000002"], "gestionnaire": "g"}"#,
                "either",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        let caller =
            read(r#"{"name": "a", "role": "centre", "centres": ["750000002"], "test": true}"#)
                .unwrap();
        assert_eq!(
            (caller.role(), caller.purpose()),
            (Role::Centre, Purpose::Test)
        );
    }
}
