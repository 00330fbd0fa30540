//! What is registered, over HTTP: who reads a centre's rates sees its registrations, with their days, and those of all
//! gestionnaires and caisses; operators alone see endpoints, whose settings name files of keys.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::access::Action;
use crate::claims::document::Purpose;
use crate::claims::id::{Amo, EndpointName, Finess};
use crate::claims::registry::{
    Caisse, Centre, EndpointVersion, Gestionnaire, GestionnaireId, RegistrationKind, Version, on,
};
use crate::claims::terms::Region;
use crate::claims::time::Day;
use crate::desk::Desk;
use crate::desk::answer::parameter;
use crate::desk::door::Entered;
use crate::http::answer::{Refused, json};
use crate::http::door::Asked;

/// Which registrations.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct Listed {
    /// What they are of; centres when it is not said.
    kind: Option<String>,
    centre: Option<String>,
    /// Only those of this day.
    on: Option<String>,
    /// What `next` of the page before said.
    after: Option<String>,
}

/// A page of registrations.
#[derive(Debug, Serialize)]
struct Page<T> {
    versions: Vec<T>,
    next: Option<String>,
}

/// A version of a centre's registration.
#[derive(Debug, Serialize)]
struct CentreText {
    finess: String,
    name: String,
    category: &'static str,
    gestionnaire: String,
    caisse: String,
    alsace_moselle: bool,
    agreement: String,
    from: String,
    until: Option<String>,
}

/// A version of a gestionnaire's registration.
#[derive(Debug, Serialize)]
struct GestionnaireText {
    id: String,
    name: String,
    from: String,
    until: Option<String>,
}

/// A version of a caisse's registration.
#[derive(Debug, Serialize)]
struct CaisseText {
    code: String,
    name: String,
    from: String,
    until: Option<String>,
}

/// A version of an endpoint's registration.
#[derive(Debug, Serialize)]
struct EndpointText {
    name: String,
    purpose: &'static str,
    destinations: Vec<String>,
    settings: String,
    from: String,
    until: Option<String>,
}

/// Which part of the registry.
struct Asking<K> {
    on: Option<Day>,
    after: Option<K>,
    most: usize,
}

/// `GET /v1/registry?kind=&centre=&on=&after=`: versions of registrations, in order of ids and first days.
pub(in crate::desk) async fn get(
    State(desk): State<Arc<Desk>>,
    Entered(caller): Entered,
    Asked(query): Asked<Listed>,
) -> Result<Response, Refused> {
    let kind = query.kind.as_deref().unwrap_or("centre");
    let kind = RegistrationKind::parse(kind).ok_or_else(|| Refused::parameter("kind"))?;
    match kind {
        RegistrationKind::Centre | RegistrationKind::Gestionnaire | RegistrationKind::Caisse => {
            desk.reads_rates(&caller)?;
        }
        RegistrationKind::Endpoint => desk.allow(&caller, Action::Operate).await?,
    }
    let finess = |text: &str| Finess::parse(text).ok();
    let centre = parameter("centre", &query.centre, finess)?;
    if centre.is_some() && kind != RegistrationKind::Centre {
        return Err(Refused::parameter("centre"));
    }
    let registry = desk.parts.store.registry().await;
    let mut registry = registry.map_err(|error| desk.unread(&error))?;
    let page = match kind {
        RegistrationKind::Centre => {
            let scope = desk.scope(&caller);
            let asked = |id: Finess| centre.is_none_or(|centre| centre == id) && scope(id);
            registry.centres.retain(|finess, _| asked(*finess));
            let asking = desk.asking(&query, finess)?;
            json(200, &asking.page(&registry.centres, CentreText::of))
        }
        RegistrationKind::Gestionnaire => {
            let asking = desk.asking(&query, |text| GestionnaireId::parse(text).ok())?;
            json(
                200,
                &asking.page(&registry.gestionnaires, GestionnaireText::of),
            )
        }
        RegistrationKind::Caisse => {
            let asking = desk.asking(&query, |text| Amo::parse(text).ok())?;
            json(200, &asking.page(&registry.caisses, CaisseText::of))
        }
        RegistrationKind::Endpoint => {
            let asking = desk.asking(&query, |text| EndpointName::parse(text).ok())?;
            json(200, &asking.page(&registry.endpoints, EndpointText::of))
        }
    };
    Ok(page)
}

impl Desk {
    fn asking<K>(
        &self,
        query: &Listed,
        id: impl Fn(&str) -> Option<K>,
    ) -> Result<Asking<K>, Refused> {
        Ok(Asking {
            on: parameter("on", &query.on, Day::parse)?,
            after: parameter("after", &query.after, id)?,
            most: self.parts.config.rates_centres.get(),
        })
    }
}

impl<K: Ord + Display> Asking<K> {
    /// So many histories after the one of the page before; of each the version of the day, or all.
    fn page<V: Version, T>(
        &self,
        registered: &BTreeMap<K, Vec<V>>,
        text: impl Fn(&V) -> T,
    ) -> Page<T> {
        let after = |id: &K| self.after.as_ref().is_none_or(|after| id > after);
        let mut asked = registered.iter().filter(|(id, _)| after(id)).peekable();
        let (mut versions, mut last) = (Vec::new(), None);
        for (id, history) in asked.by_ref().take(self.most) {
            last = Some(id.to_string());
            match self.on {
                Some(day) => versions.extend(on(history, day).map(&text)),
                None => versions.extend(history.iter().map(&text)),
            }
        }
        Page {
            versions,
            next: last.filter(|_| asked.peek().is_some()),
        }
    }
}

fn last_day(until: Option<Day>) -> Option<String> {
    until.map(|until| until.to_string())
}

impl CentreText {
    fn of(version: &Centre) -> CentreText {
        CentreText {
            finess: version.finess.to_string(),
            name: version.name.clone(),
            category: version.category.as_str(),
            gestionnaire: version.gestionnaire.to_string(),
            caisse: version.caisse.to_string(),
            alsace_moselle: match version.region {
                Region::Metropole => false,
                Region::AlsaceMoselle => true,
            },
            agreement: version.agreement.to_string(),
            from: version.from.to_string(),
            until: last_day(version.until),
        }
    }
}

impl GestionnaireText {
    fn of(version: &Gestionnaire) -> GestionnaireText {
        GestionnaireText {
            id: version.id.to_string(),
            name: version.name.clone(),
            from: version.from.to_string(),
            until: last_day(version.until),
        }
    }
}

impl CaisseText {
    fn of(version: &Caisse) -> CaisseText {
        CaisseText {
            code: version.code.to_string(),
            name: version.name.clone(),
            from: version.from.to_string(),
            until: last_day(version.until),
        }
    }
}

impl EndpointText {
    fn of(version: &EndpointVersion) -> EndpointText {
        EndpointText {
            name: version.name.to_string(),
            purpose: match version.purpose {
                Purpose::Real => "real",
                Purpose::Test => "test",
            },
            destinations: version
                .destinations
                .iter()
                .map(ToString::to_string)
                .collect(),
            settings: version.settings.clone(),
            from: version.from.to_string(),
            until: last_day(version.until),
        }
    }
}
