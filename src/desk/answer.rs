//! What the room's refusals are called, and in which form a list is written.

use axum::http::{HeaderMap, header};

use crate::desk::Desk;
use crate::formats::json::problem::Kind;
use crate::http::answer::Refused;
use crate::report;
use crate::report::rate::past::FIRST;
use crate::store;

impl Desk {
    /// Something could not be read.
    pub(super) fn unread(&self, error: &store::Error) -> Refused {
        Refused::of_store(error, Kind::NotReady, self.parts.config.retry())
    }

    /// A command whose fate is not known.
    pub(super) fn uncertain(&self, error: &store::Error) -> Refused {
        Refused::of_store(error, Kind::Unavailable, self.parts.config.retry())
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
