//! What an endpoint last failed by: said beside a lane that holds lots, so that who looks knows whom to call.

use crate::claims::entry::Reason;
use crate::claims::outcome::{Asked, Reply, Sent, StatusReply};
use crate::claims::time::Timestamp;

/// An exchange in which the endpoint did not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub reason: Reason,
    /// When it ended.
    pub at: Timestamp,
}

impl Sent {
    /// Why the endpoint did not serve; none where it did.
    pub fn failed_by(&self) -> Option<Reason> {
        match self {
            Sent::Answered(Reply::Taken | Reply::Refused(_) | Reply::OtherBytes) => None,
            Sent::Answered(Reply::Trouble(trouble, _)) => Some(trouble.reason()),
            Sent::NotReached(cause) | Sent::Unanswered(cause) => Some(cause.reason()),
        }
    }
}

impl Asked {
    /// Why the endpoint did not serve; none where it did, or cannot be asked.
    pub fn failed_by(&self) -> Option<Reason> {
        match self {
            Asked::Answered(
                StatusReply::Known
                | StatusReply::Unknown
                | StatusReply::Refused(_)
                | StatusReply::OtherBytes,
            )
            | Asked::NoService => None,
            Asked::Answered(StatusReply::Trouble(trouble, _)) => Some(trouble.reason()),
            Asked::NoAnswer(cause) => Some(cause.reason()),
        }
    }
}
