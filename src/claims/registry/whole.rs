//! The registry as a whole: what comes of registrations that are put, and all that does not hold together then.

use std::collections::BTreeMap;
use std::fmt;

use crate::claims::document::Purpose;
use crate::claims::id::{Amo, Destination, EndpointName, Finess, Name};
use crate::claims::registry::version::{gap, in_force, on, overlaps, put};
use crate::claims::registry::{
    Caisse, Centre, EndpointVersion, Gestionnaire, GestionnaireId, Registration, RegistrationKind,
    Span, Version,
};
use crate::claims::time::Day;

/// Every version of everything that is registered, each history in order of days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    /// Centres.
    pub centres: BTreeMap<Finess, Vec<Centre>>,
    /// Gestionnaires. Where there is one, each centre's must be registered.
    pub gestionnaires: BTreeMap<GestionnaireId, Vec<Gestionnaire>>,
    /// Caisses. Where there is one, each centre's must be registered.
    pub caisses: BTreeMap<Amo, Vec<Caisse>>,
    /// Endpoints.
    pub endpoints: BTreeMap<EndpointName, Vec<EndpointVersion>>,
}

/// A version that does not fit to the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is of.
    pub kind: RegistrationKind,
    /// By what that is named.
    pub id: String,
    /// The first day of the version.
    pub from: Day,
    /// Why it does not fit.
    pub flaw: Flaw,
}

/// Why a version does not fit to the others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It begins too early.
    #[error("the version before it ends on this day or later")]
    Overlap,
    /// Nobody says who runs the centre.
    #[error("gestionnaire {id} is not registered on {day}, and others are")]
    Gestionnaire {
        /// As the centre names it.
        id: Name,
        /// The first day on which it is not.
        day: Day,
    },
    /// Nobody says what the centre's caisse is.
    #[error("caisse {code} is not registered on {day}, and others are")]
    Caisse {
        /// As the centre names it.
        code: Amo,
        /// The first day on which it is not.
        day: Day,
    },
    /// A destination would have two ways.
    #[error("{destination} is served by endpoint `{other}` too on {day}")]
    Shared {
        /// The destination.
        destination: Destination,
        /// The endpoint that serves it for the same purpose.
        other: EndpointName,
        /// The first day on which both do.
        day: Day,
    },
}

impl Flaw {
    /// The key of the version that does not fit.
    pub fn key(&self) -> &'static str {
        match self {
            Flaw::Overlap => "from",
            Flaw::Gestionnaire { .. } => "gestionnaire",
            Flaw::Caisse { .. } => "caisse",
            Flaw::Shared { .. } => "destinations",
        }
    }
}

impl Registry {
    /// Puts a version; whether that changes anything.
    pub fn put(&mut self, registration: &Registration) -> bool {
        match registration {
            Registration::Centre(version) => {
                put(self.centres.entry(version.finess).or_default(), version)
            }
            Registration::Gestionnaire(version) => {
                put(self.gestionnaires.entry(version.id).or_default(), version)
            }
            Registration::Caisse(version) => {
                put(self.caisses.entry(version.code).or_default(), version)
            }
            Registration::Endpoint(version) => put(
                self.endpoints.entry(version.name.clone()).or_default(),
                version,
            ),
        }
    }

    /// Everything that does not hold together, on any day.
    pub fn flaws(&self) -> Vec<Found> {
        let mut found = Vec::new();
        overlapping(RegistrationKind::Centre, &self.centres, &mut found);
        overlapping(
            RegistrationKind::Gestionnaire,
            &self.gestionnaires,
            &mut found,
        );
        overlapping(RegistrationKind::Caisse, &self.caisses, &mut found);
        overlapping(RegistrationKind::Endpoint, &self.endpoints, &mut found);
        self.unregistered(&mut found);
        self.shared(&mut found);
        found
    }

    /// The name of a gestionnaire on a day, if it is registered then.
    pub fn gestionnaire(&self, id: &str, day: Day) -> Option<&str> {
        let id = GestionnaireId::parse(id).ok()?;
        let version = on(self.gestionnaires.get(&id)?, day)?;
        Some(&version.name)
    }

    /// The name of a caisse on a day, if it is registered then.
    pub fn caisse(&self, code: Amo, day: Day) -> Option<&str> {
        let version = on(self.caisses.get(&code)?, day)?;
        Some(&version.name)
    }

    /// Centres whose gestionnaire or caisse is not registered on each of their days.
    fn unregistered(&self, found: &mut Vec<Found>) {
        for (span, centre) in self.centres.values().flat_map(|history| in_force(history)) {
            let mut flawed = |flaw| {
                found.push(Found {
                    kind: RegistrationKind::Centre,
                    id: centre.finess.to_string(),
                    from: centre.from,
                    flaw,
                });
            };
            let id = GestionnaireId::parse(centre.gestionnaire.as_str()).ok();
            let history = id.and_then(|id| self.gestionnaires.get(&id));
            if let Some(day) = missing(&self.gestionnaires, history, span) {
                let id = centre.gestionnaire.clone();
                flawed(Flaw::Gestionnaire { id, day });
            }
            let history = self.caisses.get(&centre.caisse);
            if let Some(day) = missing(&self.caisses, history, span) {
                let code = centre.caisse;
                flawed(Flaw::Caisse { code, day });
            }
        }
    }

    /// Destinations that two endpoints of one purpose serve on one day.
    fn shared(&self, found: &mut Vec<Found>) {
        type Ways<'a> = Vec<(Span, &'a EndpointVersion)>;
        let mut ways: BTreeMap<(Destination, Purpose), Ways<'_>> = BTreeMap::new();
        for (span, version) in self
            .endpoints
            .values()
            .flat_map(|history| in_force(history))
        {
            for destination in &version.destinations {
                let way = (*destination, version.purpose);
                ways.entry(way).or_default().push((span, version));
            }
        }
        for ((destination, _), mut versions) in ways {
            versions.sort_by_key(|(span, _)| span.from);
            for (at, (span, version)) in versions.iter().enumerate() {
                let mut others = versions[..at].iter();
                let both = others
                    .find_map(|(other, before)| Some((span.shared(other)?, before.name.clone())));
                if let Some((day, other)) = both {
                    found.push(Found {
                        kind: RegistrationKind::Endpoint,
                        id: version.name.to_string(),
                        from: version.from,
                        flaw: Flaw::Shared {
                            destination,
                            other,
                            day,
                        },
                    });
                }
            }
        }
    }
}

/// The first day on which something is not registered, where anything of its kind is.
fn missing<K, V: Version>(
    all: &BTreeMap<K, Vec<V>>,
    history: Option<&Vec<V>>,
    days: Span,
) -> Option<Day> {
    if all.is_empty() {
        return None;
    }
    gap(history.map_or(&[][..], Vec::as_slice), days)
}

fn overlapping<K: fmt::Display, V: Version>(
    kind: RegistrationKind,
    all: &BTreeMap<K, Vec<V>>,
    found: &mut Vec<Found>,
) {
    for (id, history) in all {
        found.extend(overlaps(history).map(|from| Found {
            kind,
            id: id.to_string(),
            from,
            flaw: Flaw::Overlap,
        }));
    }
}
