//! Why an unfinished thing waits: every reason, and the word for each, the same in answers, orders, logs and metrics.

use crate::claims::entry::Reason;

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 25] = [
        Reason::Sealing,
        Reason::Fse,
        Reason::Turn,
        Reason::Unreachable,
        Reason::Tls,
        Reason::Identity,
        Reason::Address,
        Reason::Busy,
        Reason::Failing,
        Reason::Breaker,
        Reason::HeldByHand,
        Reason::NoRoute,
        Reason::Attempt,
        Reason::Doubt,
        Reason::Receipt,
        Reason::Overdue,
        Reason::Settlement,
        Reason::Replacement,
        Reason::Lapse,
        Reason::Unreadable,
        Reason::Closed,
        Reason::Revoked,
        Reason::Unvouched,
        Reason::OwnCertificate,
        Reason::OtherBytes,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Sealing => "sealing",
            Reason::Fse => "fse",
            Reason::Turn => "turn",
            Reason::Unreachable => "unreachable",
            Reason::Tls => "tls",
            Reason::Identity => "identity",
            Reason::Address => "address",
            Reason::Busy => "busy",
            Reason::Failing => "failing",
            Reason::Breaker => "breaker",
            Reason::HeldByHand => "held-by-hand",
            Reason::NoRoute => "no-route",
            Reason::Attempt => "attempt",
            Reason::Doubt => "doubt",
            Reason::Receipt => "receipt",
            Reason::Overdue => "overdue",
            Reason::Settlement => "settlement",
            Reason::Replacement => "replacement",
            Reason::Lapse => "lapse",
            Reason::Unreadable => "unreadable",
            Reason::Closed => "closed",
            Reason::Revoked => "revoked",
            Reason::Unvouched => "unvouched",
            Reason::OwnCertificate => "own-certificate",
            Reason::OtherBytes => "other-bytes",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_written_as_codes_are() {
        for reason in Reason::ALL {
            let word = reason.as_str();
            let is_code = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
            assert!(word.bytes().all(is_code), "{word}");
        }
    }
}
