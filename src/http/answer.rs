//! Answers: JSON where something is done or found, a problem where it is not. None is kept by a cache in between: what
//! they say is of patients, or of money.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::access::Forbidden;
use crate::claims::entry::Position;
use crate::formats::json::problem::{self, About, Kind, Problem};
use crate::store::{self, Conflict, Named};

/// A request that is not done.
#[derive(Debug)]
pub struct Refused {
    problem: Box<Problem>,
    /// How long the caller is asked to wait.
    wait: Option<Duration>,
}

impl Refused {
    /// Not now: the caller is asked to wait so long.
    pub fn later(kind: Kind, wait: Duration) -> Refused {
        Refused {
            problem: Box::new(kind.into()),
            wait: Some(wait),
        }
    }

    /// A parameter of the query that cannot be understood, by its name.
    pub fn parameter(name: impl Into<Cow<'static, str>>) -> Refused {
        Problem::parameter(Kind::QueryInvalid, name).into()
    }

    /// A position that is too small, and the least that is taken.
    pub fn below(name: &'static str, Position(least): Position) -> Refused {
        let about = About {
            parameter: Some(name.into()),
            least: Some(least),
            ..About::default()
        };
        Problem::new(Kind::QueryInvalid, about).into()
    }

    /// An order of which this key is wrong.
    pub fn order(key: &'static str) -> Refused {
        Problem::parameter(Kind::OrderFaulty, key).into()
    }

    /// A body, or a part of it, that is longer than allowed.
    pub fn too_large(limit: usize) -> Refused {
        Problem::limit(Kind::BodyTooLarge, limit).into()
    }

    /// The store did not do it, or did not say: the caller comes again after a while, and is told `kind`.
    pub fn of_store(error: &store::Error, kind: Kind, wait: Duration) -> Refused {
        match error {
            store::Error::Stopped(_) | store::Error::Busy | store::Error::Read(_) => {
                Refused::later(kind, wait)
            }
            store::Error::Full => Refused::later(Kind::DiskFull, wait),
            store::Error::Impossible(_) => Kind::Defect.into(),
        }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Refused {
        Refused {
            problem: Box::new(problem),
            wait: None,
        }
    }
}

impl From<Kind> for Refused {
    fn from(kind: Kind) -> Refused {
        Problem::from(kind).into()
    }
}

impl From<Forbidden> for Refused {
    fn from(forbidden: Forbidden) -> Refused {
        of_forbidden(forbidden).into()
    }
}

impl From<&Conflict> for Refused {
    fn from(conflict: &Conflict) -> Refused {
        of_conflict(conflict).into()
    }
}

/// The problem of a caller who may not.
pub fn of_forbidden(forbidden: Forbidden) -> Kind {
    match forbidden {
        Forbidden::Role => Kind::RoleForbidden,
        Forbidden::Scope => Kind::OutOfScope,
    }
}

/// The problem of a command that stands against what is known.
pub fn of_conflict(conflict: &Conflict) -> Problem {
    match conflict {
        Conflict::OtherContent { document, differs } => {
            let about = About {
                document: Some(document.to_string()),
                differs: Some(differs.clone()),
                ..About::default()
            };
            Problem::new(Kind::NumberTaken, about)
        }
        Conflict::Standing { document, standing } => {
            let about = About {
                document: Some(document.to_string()),
                standing: Some(standing.as_str()),
                ..About::default()
            };
            Problem::new(Kind::StandingForbids, about)
        }
        Conflict::Delivery { state, .. } => {
            let about = About {
                delivery: Some(state.as_str()),
                ..About::default()
            };
            Problem::new(Kind::InTransmission, about)
        }
        Conflict::ReplacedBefore(document) => {
            let about = About {
                document: Some(document.to_string()),
                ..About::default()
            };
            Problem::new(Kind::ReplacedBefore, about)
        }
        Conflict::ReplacedUnknown => Kind::ReplacedUnknown.into(),
        // The rule that nothing supports it is its finding.
        Conflict::SupportedUnknown => Kind::DocumentFaulty.into(),
        Conflict::Centre(_) => Kind::CentreClosed.into(),
        Conflict::Registry => Kind::RegistryFaulty.into(),
        Conflict::Unknown(Named::Document) => Kind::DocumentUnknown.into(),
        Conflict::Unknown(Named::Lot) => Kind::LotUnknown.into(),
        Conflict::Unknown(Named::LegalHold) => Kind::LegalHoldUnknown.into(),
        Conflict::Unknown(Named::Figures) => Kind::FiguresUnknown.into(),
        Conflict::Unknown(Named::Line) => Kind::ReconciliationUnknown.into(),
        // Nobody who calls names a closing or seals a lot: the gateway does.
        Conflict::Unknown(Named::Closing) | Conflict::Stale => Kind::Defect.into(),
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let kind = self.problem.kind;
        let mut response = json(kind.status(), &self.problem);
        let headers = response.headers_mut();
        let media_type = HeaderValue::from_static(problem::MEDIA_TYPE);
        headers.insert(header::CONTENT_TYPE, media_type);
        if let Some(wait) = self.wait {
            // Rounded up: a caller who comes at that second is not too early.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if kind == Kind::NotIdentified {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// A whole answer in JSON.
pub fn json(status: u16, value: &impl Serialize) -> Response {
    let body = serde_json::to_vec(value).expect("texts, numbers and lists can be written");
    bytes(status, "application/json", body)
}

/// A whole answer of any type.
pub fn bytes(status: u16, media_type: &'static str, body: impl Into<axum::body::Body>) -> Response {
    let status = StatusCode::from_u16(status).expect("answers have a status of the list");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    (status, headers, body.into()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_as_long_as_told_is_not_too_early() {
        for (wait, seconds) in [(0, "0"), (1, "1"), (1000, "1"), (1001, "2"), (59_999, "60")] {
            let refused = Refused::later(Kind::Unavailable, Duration::from_millis(wait));
            let response = refused.into_response();
            assert_eq!(response.headers()[header::RETRY_AFTER], seconds, "{wait}");
        }
    }

    #[test]
    fn only_who_is_not_known_is_told_how_to_say_who_it_is() {
        for kind in Kind::ALL {
            let response = Refused::from(*kind).into_response();
            let headers = response.headers();
            assert_eq!(response.status().as_u16(), kind.status());
            assert_eq!(headers[header::CONTENT_TYPE], problem::MEDIA_TYPE);
            assert_eq!(headers[header::CACHE_CONTROL], "no-store");
            let is_asked = headers.contains_key(header::WWW_AUTHENTICATE);
            assert_eq!(is_asked, kind.status() == 401, "{kind:?}");
            assert!(!headers.contains_key(header::RETRY_AFTER), "{kind:?}");
        }
    }
}
