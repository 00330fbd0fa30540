//! A caller and what it may do: one closed table of role and action.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::claims::document::Purpose;
use crate::claims::id::{EndpointName, Finess, Name};

use super::Contradiction;

/// Somebody who was identified. Role and scope always fit together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    name: Name,
    role: Role,
    scope: Scope,
    purpose: Purpose,
}

/// What kind of caller it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A health centre, its gestionnaire or their software: posts, follows, declares.
    Centre,
    /// An insurer: pushes receipts and settlements.
    Insurer,
    /// Who runs the gateway: steers, sees standings, never content.
    Operator,
    /// Who watches over the agreement: reads rates.
    National,
    /// A collector of metrics.
    Metrics,
}

/// For whom a caller acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// These centres.
    Centres(BTreeSet<Finess>),
    /// The centres of this gestionnaire, as the registry has them at the time of the call.
    Gestionnaire(Name),
    /// This insurer, under the name of its endpoint.
    Insurer(EndpointName),
    /// Everybody.
    All,
}

/// What a caller asks to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// Post, replace or cancel a document of this centre.
    PostDocument(Finess),
    /// See where a document of this centre is.
    ReadDocument(Finess),
    /// See what is in a document of this centre.
    ReadContent(Finess),
    /// Declare the paper sheets of this centre.
    Declare(Finess),
    /// Hand in a receipt or a settlement that comes from this endpoint.
    PushReceipt(&'a EndpointName),
    /// Read rates.
    ReadRates(Rates),
    /// Load a caisse's figures, lay them beside the ledger, and judge what was found.
    Reconcile,
    /// Steer the gateway.
    Operate,
    /// Read the metrics.
    Scrape,
}

/// Whose rates are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rates {
    /// One centre's.
    Of(Finess),
    /// All centres'.
    All,
}

/// Why an identified caller may not. Both are HTTP 403.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// Nobody of this role may.
    #[error("the caller's role does not allow this")]
    Role,
    /// The role may, but not for this centre or endpoint.
    #[error("this centre or insurer is outside the caller's scope")]
    Scope,
}

impl Caller {
    /// Puts a caller together.
    ///
    /// # Errors
    /// [`Contradiction::Scope`] when the scope is not one of the role's, [`Contradiction::NoCentre`] for
    /// an empty set.
    pub fn new(
        name: Name,
        role: Role,
        scope: Scope,
        purpose: Purpose,
    ) -> Result<Self, Contradiction> {
        let fits = match role {
            Role::Centre => matches!(scope, Scope::Centres(_) | Scope::Gestionnaire(_)),
            Role::Insurer => matches!(scope, Scope::Insurer(_)),
            Role::Operator | Role::National | Role::Metrics => matches!(scope, Scope::All),
        };
        if !fits {
            return Err(Contradiction::Scope);
        }
        if matches!(&scope, Scope::Centres(centres) if centres.is_empty()) {
            return Err(Contradiction::NoCentre);
        }
        Ok(Self {
            name,
            role,
            scope,
            purpose,
        })
    }

    /// Its name, as configured: what the ledger and the logs call it.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Its role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// For whom it acts.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether what it posts is real or a test.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Whether the caller may do this. `gestionnaire_of` looks a centre up in the registry; it is asked
    /// only where the scope is a gestionnaire.
    ///
    /// # Errors
    /// [`Forbidden`], saying whether the role or the scope is in the way.
    pub fn may(
        &self,
        action: Action<'_>,
        gestionnaire_of: impl Fn(Finess) -> Option<Name>,
    ) -> Result<(), Forbidden> {
        match action {
            Action::PostDocument(centre)
            | Action::ReadContent(centre)
            | Action::Declare(centre) => match self.role {
                Role::Centre => self.covers(centre, gestionnaire_of),
                Role::Insurer | Role::Operator | Role::National | Role::Metrics => {
                    Err(Forbidden::Role)
                }
            },
            Action::ReadDocument(centre) => match self.role {
                Role::Centre | Role::Operator => self.covers(centre, gestionnaire_of),
                Role::Insurer | Role::National | Role::Metrics => Err(Forbidden::Role),
            },
            Action::PushReceipt(endpoint) => match self.role {
                Role::Insurer => self.speaks_for(endpoint),
                Role::Centre | Role::Operator | Role::National | Role::Metrics => {
                    Err(Forbidden::Role)
                }
            },
            Action::ReadRates(rates) => match self.role {
                Role::Centre | Role::Operator | Role::National => self.sees(rates, gestionnaire_of),
                Role::Insurer | Role::Metrics => Err(Forbidden::Role),
            },
            // Which figures an insurer sees is for the desk to say.
            Action::Reconcile => match self.role {
                Role::Insurer | Role::Operator | Role::National => Ok(()),
                Role::Centre | Role::Metrics => Err(Forbidden::Role),
            },
            Action::Operate => match self.role {
                Role::Operator => Ok(()),
                Role::Centre | Role::Insurer | Role::National | Role::Metrics => {
                    Err(Forbidden::Role)
                }
            },
            Action::Scrape => match self.role {
                Role::Operator | Role::Metrics => Ok(()),
                Role::Centre | Role::Insurer | Role::National => Err(Forbidden::Role),
            },
        }
    }

    fn covers(
        &self,
        centre: Finess,
        gestionnaire_of: impl Fn(Finess) -> Option<Name>,
    ) -> Result<(), Forbidden> {
        let is_covered = match &self.scope {
            Scope::Centres(centres) => centres.contains(&centre),
            Scope::Gestionnaire(gestionnaire) => {
                gestionnaire_of(centre).as_ref() == Some(gestionnaire)
            }
            Scope::Insurer(_) => false,
            Scope::All => true,
        };
        if is_covered {
            Ok(())
        } else {
            Err(Forbidden::Scope)
        }
    }

    fn speaks_for(&self, endpoint: &EndpointName) -> Result<(), Forbidden> {
        match &self.scope {
            Scope::Insurer(own) if own == endpoint => Ok(()),
            Scope::Insurer(_) | Scope::Centres(_) | Scope::Gestionnaire(_) | Scope::All => {
                Err(Forbidden::Scope)
            }
        }
    }

    fn sees(
        &self,
        rates: Rates,
        gestionnaire_of: impl Fn(Finess) -> Option<Name>,
    ) -> Result<(), Forbidden> {
        match (rates, &self.scope) {
            (Rates::Of(centre), _) => self.covers(centre, gestionnaire_of),
            (Rates::All, Scope::All) => Ok(()),
            (Rates::All, Scope::Centres(_) | Scope::Gestionnaire(_) | Scope::Insurer(_)) => {
                Err(Forbidden::Scope)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "750000002";
    const OTHER: &str = "750000010";

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn caller(role: Role, scope: Scope) -> Caller {
        Caller::new(name("caller"), role, scope, Purpose::Real).unwrap()
    }

    fn centres(centres: &[Finess]) -> Scope {
        Scope::Centres(centres.iter().copied().collect())
    }

    fn finess(text: &str) -> Finess {
        Finess::parse(text).unwrap()
    }

    #[test]
    fn what_each_role_may_do() {
        let (own, other) = (finess(OWN), finess(OTHER));
        let (mine, theirs) = (
            EndpointName::parse("mine").unwrap(),
            EndpointName::parse("theirs").unwrap(),
        );
        let callers = [
            caller(Role::Centre, centres(&[own])),
            caller(Role::Centre, Scope::Gestionnaire(name("croix"))),
            caller(Role::Insurer, Scope::Insurer(mine.clone())),
            caller(Role::Operator, Scope::All),
            caller(Role::National, Scope::All),
            caller(Role::Metrics, Scope::All),
        ];
        let gestionnaire_of = |centre| (centre == own).then(|| name("croix"));
        const YES: Result<(), Forbidden> = Ok(());
        const ROLE: Result<(), Forbidden> = Err(Forbidden::Role);
        const SCOPE: Result<(), Forbidden> = Err(Forbidden::Scope);
        #[rustfmt::skip]
        let table = [
            //                                    centre gestionnaire insurer operator national metrics
            (Action::PostDocument(own),           [YES,   YES,   ROLE,  ROLE, ROLE, ROLE]),
            (Action::PostDocument(other),         [SCOPE, SCOPE, ROLE,  ROLE, ROLE, ROLE]),
            (Action::ReadDocument(own),           [YES,   YES,   ROLE,  YES,  ROLE, ROLE]),
            (Action::ReadDocument(other),         [SCOPE, SCOPE, ROLE,  YES,  ROLE, ROLE]),
            (Action::ReadContent(own),            [YES,   YES,   ROLE,  ROLE, ROLE, ROLE]),
            (Action::ReadContent(other),          [SCOPE, SCOPE, ROLE,  ROLE, ROLE, ROLE]),
            (Action::Declare(own),                [YES,   YES,   ROLE,  ROLE, ROLE, ROLE]),
            (Action::Declare(other),              [SCOPE, SCOPE, ROLE,  ROLE, ROLE, ROLE]),
            (Action::PushReceipt(&mine),          [ROLE,  ROLE,  YES,   ROLE, ROLE, ROLE]),
            (Action::PushReceipt(&theirs),        [ROLE,  ROLE,  SCOPE, ROLE, ROLE, ROLE]),
            (Action::ReadRates(Rates::Of(own)),   [YES,   YES,   ROLE,  YES,  YES,  ROLE]),
            (Action::ReadRates(Rates::Of(other)), [SCOPE, SCOPE, ROLE,  YES,  YES,  ROLE]),
            (Action::ReadRates(Rates::All),       [SCOPE, SCOPE, ROLE,  YES,  YES,  ROLE]),
            (Action::Operate,                     [ROLE,  ROLE,  ROLE,  YES,  ROLE, ROLE]),
            (Action::Scrape,                      [ROLE,  ROLE,  ROLE,  YES,  ROLE, YES]),
        ];
        for (action, expected) in table {
            for (caller, expected) in callers.iter().zip(expected) {
                assert_eq!(
                    caller.may(action, gestionnaire_of),
                    expected,
                    "{caller:?} {action:?}"
                );
            }
        }
    }

    #[test]
    fn each_role_has_its_scopes() {
        let scopes = [
            centres(&[finess(OWN)]),
            Scope::Gestionnaire(name("croix")),
            Scope::Insurer(EndpointName::parse("mine").unwrap()),
            Scope::All,
        ];
        for (role, fits) in [
            (Role::Centre, [true, true, false, false]),
            (Role::Insurer, [false, false, true, false]),
            (Role::Operator, [false, false, false, true]),
            (Role::National, [false, false, false, true]),
            (Role::Metrics, [false, false, false, true]),
        ] {
            for (scope, fits) in scopes.iter().zip(fits) {
                let made = Caller::new(name("caller"), role, scope.clone(), Purpose::Real);
                assert_eq!(made.is_ok(), fits, "{role:?} {scope:?}");
            }
        }
        let nobody = Caller::new(name("caller"), Role::Centre, centres(&[]), Purpose::Real);
        assert_eq!(nobody, Err(Contradiction::NoCentre));
    }
}
