//! Endpoints that are registered: where insurers are reached from a day on. What their settings say is for the
//! transport to know; here they are a text.

use crate::claims::canon::canon_struct;
use crate::claims::document::Purpose;
use crate::claims::id::{Destination, EndpointName};
use crate::claims::registry::{Span, Version};
use crate::claims::time::Day;

/// Bytes of an endpoint's settings at most.
pub const SETTINGS_LENGTH: usize = 16 << 10;

/// One version of an endpoint's registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointVersion {
    /// What operators call it.
    pub name: EndpointName,
    /// Whether it takes real documents or tests.
    pub purpose: Purpose,
    /// The insurers behind it.
    pub destinations: Vec<Destination>,
    /// The whole section as a configuration would have it, in one form; at most [`SETTINGS_LENGTH`] bytes.
    pub settings: String,
    /// First day of this version.
    pub from: Day,
    /// Last day, when it ended.
    pub until: Option<Day>,
}

canon_struct! { EndpointVersion { name, purpose, destinations, settings, from, until } }

impl Version for EndpointVersion {
    fn span(&self) -> Span {
        Span {
            from: self.from,
            until: self.until,
        }
    }
}
