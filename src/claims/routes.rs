//! Which endpoint serves which destination: what intake asks before it admits, and dispatch before it seals.

use std::collections::BTreeMap;

use crate::claims::document::Purpose;
use crate::claims::id::{Destination, EndpointName};

/// The routes to insurers. A destination has at most one endpoint for real documents and one for tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    by_destination: BTreeMap<(Destination, Purpose), EndpointName>,
    by_endpoint: BTreeMap<EndpointName, (Purpose, Vec<Destination>)>,
    former: BTreeMap<EndpointName, Vec<EndpointName>>,
    /// The present name by each former one.
    present: BTreeMap<EndpointName, EndpointName>,
}

impl Routes {
    /// From endpoints, each with the purpose and the destinations that it serves. The first one wins where two
    /// serve the same; configuration refuses that before.
    pub fn new(
        endpoints: impl IntoIterator<Item = (EndpointName, Purpose, Vec<Destination>)>,
    ) -> Routes {
        let mut routes = Routes::default();
        for (endpoint, purpose, destinations) in endpoints {
            for destination in &destinations {
                routes
                    .by_destination
                    .entry((*destination, purpose))
                    .or_insert_with(|| endpoint.clone());
            }
            routes.by_endpoint.insert(endpoint, (purpose, destinations));
        }
        routes
    }

    /// The same with the names under which endpoints were known before.
    pub fn formerly(
        mut self,
        names: impl IntoIterator<Item = (EndpointName, Vec<EndpointName>)>,
    ) -> Routes {
        self.former = names.into_iter().collect();
        let pairs = self.former.iter().flat_map(|(present, former)| {
            let pair = |former: &EndpointName| (former.clone(), present.clone());
            former.iter().map(pair)
        });
        self.present = pairs.collect();
        self
    }

    /// The name that the system behind an endpoint has at present; the same of one that is not known.
    pub fn present<'a>(&'a self, endpoint: &'a EndpointName) -> &'a EndpointName {
        self.present.get(endpoint).unwrap_or(endpoint)
    }

    /// All names of the system behind an endpoint, whichever of them is given: the present one first.
    pub fn system<'a>(
        &'a self,
        endpoint: &'a EndpointName,
    ) -> impl Iterator<Item = &'a EndpointName> {
        let present = self.present(endpoint);
        std::iter::once(present).chain(self.former(present))
    }

    /// The names under which an endpoint was known before; none of one that is not known.
    pub fn former(&self, endpoint: &EndpointName) -> &[EndpointName] {
        self.former.get(endpoint).map_or(&[], Vec::as_slice)
    }

    /// The endpoint that serves a destination for real documents or for tests.
    pub fn find(&self, destination: Destination, purpose: Purpose) -> Option<&EndpointName> {
        self.by_destination.get(&(destination, purpose))
    }

    /// The destinations that an endpoint serves; none of an endpoint that is not known.
    pub fn destinations(&self, endpoint: &EndpointName) -> &[Destination] {
        let known = self.by_endpoint.get(endpoint);
        known.map_or(&[], |(_, destinations)| destinations)
    }

    /// Whether an endpoint is for real documents or for tests; one that is not known serves neither.
    pub fn purpose(&self, endpoint: &EndpointName) -> Purpose {
        let known = self.by_endpoint.get(endpoint);
        known.map_or(Purpose::Test, |(purpose, _)| *purpose)
    }

    /// Whether an endpoint of this name is configured.
    pub fn has(&self, endpoint: &EndpointName) -> bool {
        self.by_endpoint.contains_key(endpoint)
    }

    /// Every endpoint.
    pub fn endpoints(&self) -> impl Iterator<Item = &EndpointName> {
        self.by_endpoint.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::id::Amc;

    #[test]
    fn a_destination_is_found_for_its_purpose_alone() {
        let destination = Destination::Amc(Amc::parse("7700001").unwrap());
        let endpoint = EndpointName::parse("mutuelle").unwrap();
        let routes = Routes::new([(endpoint.clone(), Purpose::Test, vec![destination])]);
        assert_eq!(routes.find(destination, Purpose::Test), Some(&endpoint));
        assert_eq!(routes.find(destination, Purpose::Real), None);
        assert_eq!(routes.destinations(&endpoint), [destination]);
        assert_eq!(routes.purpose(&endpoint), Purpose::Test);
        assert!(routes.has(&endpoint));
        assert!(!routes.has(&EndpointName::parse("other").unwrap()));
    }

    #[test]
    fn a_system_is_known_by_each_of_its_names() {
        let name = |text: &str| EndpointName::parse(text).unwrap();
        let routes = Routes::new([(name("lutece"), Purpose::Real, Vec::new())]);
        let routes = routes.formerly([(name("lutece"), vec![name("paris"), name("seine")])]);
        for (given, all) in [
            ("lutece", vec!["lutece", "paris", "seine"]),
            ("paris", vec!["lutece", "paris", "seine"]),
            ("seine", vec!["lutece", "paris", "seine"]),
            ("lyon", vec!["lyon"]),
        ] {
            let given = name(given);
            let names: Vec<_> = routes.system(&given).map(EndpointName::as_str).collect();
            assert_eq!(names, all);
            assert_eq!(routes.present(&given).as_str(), all[0]);
        }
    }
}
