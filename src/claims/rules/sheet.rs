//! The sheet on which breaches are noted while a document is checked: rules and spots, no words yet.
//!
//! Places and texts are made once at the end, so that a document without fault pays for neither.

use super::Rule;
use crate::claims::document::{Locate, Spot};
use crate::claims::finding::{Finding, Layer, Place, Severity};

/// Breaches noted so far.
#[derive(Default)]
pub(super) struct Sheet {
    breaches: Vec<(Spot, Rule)>,
}

impl Sheet {
    /// Notes a breach of a rule at a spot.
    pub(super) fn add(&mut self, rule: Rule, spot: Spot) {
        self.breaches.push((spot, rule));
    }

    /// Whether any breach refuses the document.
    pub(super) fn refuses(&self) -> bool {
        let mut severities = self.breaches.iter().map(|(_, rule)| rule.severity());
        severities.any(|severity| severity == Severity::Error)
    }

    /// The findings, in the order of the document; at one spot, in the order of the catalogue.
    pub(super) fn findings(mut self, locate: &dyn Locate) -> Vec<Finding> {
        if self.breaches.is_empty() {
            return Vec::new();
        }
        self.breaches.sort_unstable();
        let spots: Vec<Spot> = self.breaches.iter().map(|(spot, _)| *spot).collect();
        let finding = |(place, (_, rule)): (Place, (Spot, Rule))| Finding {
            code: rule.code(),
            severity: rule.severity(),
            layer: Layer::Rule,
            place,
            fr: rule.fr().into(),
            en: rule.en().into(),
        };
        let places = locate.places(&spots).into_iter();
        places.zip(self.breaches).map(finding).collect()
    }
}
