//! The findings of this room: what concerns envelopes, beyond the codes of `schema`.

use std::borrow::Cow;

use crate::claims::finding::{Finding, Layer, Place, Severity};

/// A kind of fault of an envelope. The code's text is stable: programs branch on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A lot that is not UTF-8.
    LotEncoding,
    /// A document of a lot that leans on the lot's namespace declarations.
    LotNamespace,
    /// A feed that is not UTF-8.
    FeedEncoding,
    /// An item of a feed that leans on the feed's namespace declarations.
    FeedNamespace,
    /// A document that its schema admits and this room cannot read: it is refused, never guessed at. No document is
    /// known to do so; the forms in `schemas/` and the values in `claims` say the same.
    DocumentUnreadable,
}

/// Every code, in the order of the documentation.
pub const CODES: &[Code] = &[
    Code::LotEncoding,
    Code::LotNamespace,
    Code::FeedEncoding,
    Code::FeedNamespace,
    Code::DocumentUnreadable,
];

impl Code {
    /// The stable text.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::LotEncoding => "LOT_ENCODING",
            Code::LotNamespace => "LOT_NAMESPACE",
            Code::FeedEncoding => "FEED_ENCODING",
            Code::FeedNamespace => "FEED_NAMESPACE",
            Code::DocumentUnreadable => "DOCUMENT_UNREADABLE",
        }
    }

    /// What it says in French.
    pub fn fr(self) -> &'static str {
        match self {
            Code::LotEncoding => "Un lot doit être en UTF-8",
            Code::LotNamespace => {
                "Dans un lot, chaque document doit déclarer lui-même les espaces de noms qu'il emploie"
            }
            Code::FeedEncoding => "Un relevé doit être en UTF-8",
            Code::FeedNamespace => {
                "Dans un relevé, chaque élément doit déclarer lui-même les espaces de noms qu'il emploie"
            }
            Code::DocumentUnreadable => "Le document n'a pas pu être lu",
        }
    }

    /// What it says in English.
    pub fn en(self) -> &'static str {
        match self {
            Code::LotEncoding => "A lot must be in UTF-8",
            Code::LotNamespace => {
                "In a lot, each document must declare the namespaces that it uses itself"
            }
            Code::FeedEncoding => "A feed must be in UTF-8",
            Code::FeedNamespace => {
                "In a feed, each item must declare the namespaces that it uses itself"
            }
            Code::DocumentUnreadable => "The document could not be read",
        }
    }

    pub(super) fn finding(self, place: Place) -> Finding {
        Finding {
            code: self.as_str(),
            severity: Severity::Error,
            layer: self.layer(),
            place,
            fr: Cow::Borrowed(self.fr()),
            en: Cow::Borrowed(self.en()),
        }
    }

    fn layer(self) -> Layer {
        match self {
            Code::LotEncoding | Code::LotNamespace | Code::FeedEncoding | Code::FeedNamespace => {
                Layer::WellFormed
            }
            Code::DocumentUnreadable => Layer::Structure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_stable_and_said_in_both_languages() {
        let codes: Vec<_> = CODES.iter().map(|code| code.as_str()).collect();
        assert_eq!(
            codes,
            [
                "LOT_ENCODING",
                "LOT_NAMESPACE",
                "FEED_ENCODING",
                "FEED_NAMESPACE",
                "DOCUMENT_UNREADABLE"
            ]
        );
        assert!(
            CODES
                .iter()
                .all(|code| !code.fr().is_empty() && !code.en().is_empty())
        );
    }
}
