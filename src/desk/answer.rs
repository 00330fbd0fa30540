//! Answers: JSON where something is found, a problem where it is not. None is kept by a cache in between.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::access::Forbidden;
use crate::claims::entry::Position;
use crate::formats::json::problem::{self, About, Kind, Problem};
use crate::report;
use crate::report::past::FIRST;
use crate::store::{self, Conflict, Named};

use super::Desk;

/// A request that is not done.
#[derive(Debug)]
pub(super) struct Refused {
    problem: Box<Problem>,
    /// How long the caller is asked to wait.
    wait: Option<Duration>,
}

impl Refused {
    /// A parameter that cannot be understood, by its name.
    pub(super) fn parameter(name: impl Into<Cow<'static, str>>) -> Refused {
        let about = About {
            parameter: Some(name.into()),
            ..About::default()
        };
        Problem::new(Kind::QueryInvalid, about).into()
    }

    /// A position that is too small, and the least that is taken.
    pub(super) fn below(name: &'static str, Position(least): Position) -> Refused {
        let about = About {
            parameter: Some(name.into()),
            least: Some(least),
            ..About::default()
        };
        Problem::new(Kind::QueryInvalid, about).into()
    }

    /// An order of which this key is wrong.
    pub(super) fn order(key: &'static str) -> Refused {
        let about = About {
            parameter: Some(key.into()),
            ..About::default()
        };
        Problem::new(Kind::OrderFaulty, about).into()
    }

    /// Not now: the caller is asked to wait so long.
    pub(super) fn later(kind: Kind, wait: Duration) -> Refused {
        Refused {
            problem: Box::new(kind.into()),
            wait: Some(wait),
        }
    }

    /// A command that stands against what is known.
    pub(super) fn conflict(conflict: &Conflict) -> Refused {
        match conflict {
            Conflict::Standing { document, standing } => {
                let about = About {
                    document: Some(document.to_string()),
                    standing: Some(standing.as_str()),
                    ..About::default()
                };
                Problem::new(Kind::StandingForbids, about).into()
            }
            Conflict::Delivery { state, .. } => {
                let about = About {
                    delivery: Some(state.as_str()),
                    ..About::default()
                };
                Problem::new(Kind::InTransmission, about).into()
            }
            Conflict::Registry => Kind::RegistryFaulty.into(),
            Conflict::Unknown(what) => unknown(*what).into(),
            // These stand against admissions, sealing and declarations, which the desk never asks for.
            Conflict::OtherContent { .. }
            | Conflict::ReplacedUnknown
            | Conflict::ReplacedBefore(_)
            | Conflict::SupportedUnknown
            | Conflict::Centre(_)
            | Conflict::Stale => Kind::Defect.into(),
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
        match forbidden {
            Forbidden::Role => Kind::RoleForbidden.into(),
            Forbidden::Scope => Kind::OutOfScope.into(),
        }
    }
}

impl Desk {
    /// Something could not be read.
    pub(super) fn unread(&self, error: &store::Error) -> Refused {
        self.of_store(error, Kind::NotReady)
    }

    /// A command whose fate is not known.
    pub(super) fn uncertain(&self, error: &store::Error) -> Refused {
        self.of_store(error, Kind::Unavailable)
    }

    fn of_store(&self, error: &store::Error, kind: Kind) -> Refused {
        match error {
            store::Error::Stopped(_) | store::Error::Busy | store::Error::Read(_) => {
                self.later(kind)
            }
            store::Error::Full => self.later(Kind::DiskFull),
            store::Error::Impossible(_) => Kind::Defect.into(),
        }
    }

    /// There is no rate to give.
    pub(super) fn without_rate(&self, error: &report::Error) -> Refused {
        match error {
            report::Error::UnknownCentre => Kind::CentreUnknown.into(),
            report::Error::Unbound(_) => Kind::RateUnbound.into(),
            report::Error::Future => Refused::parameter("as_of"),
            report::Error::BeforeFirst => Refused::below("as_of", FIRST),
            report::Error::Founded { least, .. } => Refused::below("as_of", *least),
            report::Error::Gone(_) => Refused::parameter("period"),
            report::Error::Cursor => Refused::parameter("after"),
            report::Error::UnevenPeriod => Refused::parameter("period"),
            report::Error::PeriodOpen => Kind::PeriodOpen.into(),
            report::Error::NoKey => Kind::StatementsUnsigned.into(),
            report::Error::NotCounted
            | report::Error::Cut
            | report::Error::Moving
            | report::Error::Overtaken
            | report::Error::Store(_)
            | report::Error::Ledger(_) => self.later(Kind::NotReady),
        }
    }

    /// Not now: the caller is asked to wait.
    pub(super) fn later(&self, kind: Kind) -> Refused {
        Refused::later(kind, self.parts.config.retry())
    }
}

fn unknown(what: Named) -> Kind {
    match what {
        Named::Document => Kind::DocumentUnknown,
        Named::Lot => Kind::LotUnknown,
        Named::LegalHold => Kind::LegalHoldUnknown,
        Named::Figures => Kind::FiguresUnknown,
        Named::Line => Kind::ReconciliationUnknown,
        // Statements are of closings that the gateway found itself.
        Named::Closing => Kind::Defect,
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
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        }
        if kind == Kind::NotIdentified {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// One object.
    Json,
    /// RFC 4180, with a head.
    Csv,
}

impl Format {
    /// As the query says; otherwise as `Accept` does.
    pub(super) fn asked(query: Option<&str>, headers: &HeaderMap) -> Result<Format, Refused> {
        match query {
            Some("json") => Ok(Format::Json),
            Some("csv") => Ok(Format::Csv),
            Some(_) => Err(Refused::parameter("format")),
            None => {
                let accept = headers.get(header::ACCEPT);
                let csv = accept.is_some_and(|accept| accept.as_bytes().starts_with(b"text/csv"));
                Ok(if csv { Format::Csv } else { Format::Json })
            }
        }
    }
}

/// A parameter of the query, if it is said.
pub(super) fn parameter<T>(
    name: &'static str,
    text: &Option<String>,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Refused> {
    let Some(text) = text else { return Ok(None) };
    read(text).map(Some).ok_or_else(|| Refused::parameter(name))
}

/// A whole answer in JSON.
pub(super) fn json(status: u16, value: &impl Serialize) -> Response {
    let body = serde_json::to_vec(value).expect("texts, numbers and lists can be written");
    bytes(status, "application/json", body)
}

/// A whole answer of any type.
pub(super) fn bytes(
    status: u16,
    media_type: &'static str,
    body: impl Into<axum::body::Body>,
) -> Response {
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
