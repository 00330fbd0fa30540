//! The conformance kit: it plays the gateway against an insurer's endpoint and checks the wire contract
//! (schemas/wire-1.openapi.yaml) case by case.
//!
//! It sends lots of invented documents, so it belongs in front of an endpoint for tests. It judges only what can
//! be seen on the wire: that a lot is durable before it is answered, or kept for thirteen months, it cannot see.
//! It keeps nothing: a run that is cut off leaves lots with the insurer and nothing here.

mod line;
mod sheets;
mod lots;
mod doubts;
mod returns;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::claims::document::Purpose;
use crate::claims::id::{Destination, Finess};
use crate::clock::Clock;
use crate::formats::jws::Keys;
use crate::formats::xml::{self, Reader};
use crate::tls::{self, ClientFiles};

use line::Line;
use sheets::Sheets;

/// Whom to test, and as whom.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the contract is served: https; `/lots` and `/receipts` follow.
    pub base: String,
    /// The authorities of its certificate, and the certificate to show.
    pub tls: ClientFiles,
    /// The centre in whose name lots are sent.
    pub centre: Finess,
    /// The insurer they are sent to.
    pub destination: Destination,
    /// What the endpoint takes.
    pub purpose: Purpose,
    /// Documents to send in turn, each under fresh numbers. Empty: invented ones.
    pub documents: Vec<Vec<u8>>,
    /// Whether the endpoint can be asked about a lot.
    pub status: Status,
    /// The keys that were agreed to sign receipts and settlements, if they are signed.
    pub receipt_keys: Option<Keys>,
    /// How long one answer may take.
    pub answer: Duration,
    /// How long receipts may take.
    pub receipts: Duration,
}

/// Whether an endpoint can be asked about a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It has the service.
    Offered,
    /// It was agreed to do without.
    Absent,
}

/// Why a test cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The certificates cannot be used.
    #[error("the certificates cannot be used")]
    Tls(#[from] tls::Error),
    /// The address is none.
    #[error("no requests can be made to this address")]
    Client(#[from] reqwest::Error),
    /// The embedded schemas do not compile.
    #[error(transparent)]
    Schemas(#[from] xml::Error),
    /// A document to be sent has findings, or no number in its first element.
    #[error("document {place} of those to be sent is not one: {findings} findings")]
    Document {
        /// Which, from 1.
        place: usize,
        /// How many findings it has.
        findings: usize,
    },
}

/// The cases, in the order in which they are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Case {
    /// A caller without a certificate is turned away.
    NoCertificate,
    /// A lot that never came is `unknown`, with 200.
    Unknown,
    /// A lot is taken.
    Taken,
    /// The same bytes again are answered as the first time.
    TakenAgain,
    /// A lot that was taken is `known`, with its digest.
    Known,
    /// Other bytes under the id of a lot are a `digest-conflict`.
    Conflict,
    /// A conflict changes nothing.
    ConflictChangesNothing,
    /// No document is taken from two lots: the second is refused and the document named.
    DocumentOnce,
    /// A lot that was refused stays so.
    RefusedStays,
    /// A body that is not that of its digest is not taken.
    DigestChecked,
    /// A lot whose bytes were damaged on their way is taken when they come again.
    DamagedAgain,
    /// A body whose lengths are wrong is not taken.
    LengthsChecked,
    /// A lot at the address of another is not taken.
    AddressChecked,
    /// A body that ends in the middle is not taken; whole, it is taken then.
    CutOff,
    /// Two requests with the same lot at the same time both end in `taken`.
    SameTime,
    /// A lot that is being worked on is not unknown, if it is taken then.
    WorkedOn,
    /// A document may hold any text, that of the boundary too.
    AnyText,
    /// A lot of a hundred documents is taken.
    Hundred,
    /// The feed can be read.
    Feed,
    /// Each document of a lot that was taken has a receipt.
    Receipts,
    /// A receipt carries the digest of its lot.
    ReceiptDigest,
    /// A receipt lists documents of its lot alone.
    ReceiptRows,
    /// Nothing is said of lots that were not taken.
    NothingElse,
    /// What two items of one kind say, they say under two ids.
    OwnIds,
    /// What was agreed to be signed is signed.
    Signed,
    /// The feed gives the same items in the same order again.
    FeedOrder,
    /// At its end the feed has no items and gives the cursor back.
    FeedEnd,
    /// A cursor that is none of the feed is trouble.
    CursorChecked,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The endpoint does as the contract has it.
    Kept,
    /// It does not: what was asked for, and what came. Without any content.
    Broken(String),
    /// It could not be judged, and why.
    Unjudged(String),
}

/// What came of all cases.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// One verdict a case.
    pub verdicts: BTreeMap<Case, Verdict>,
}

/// Puts an endpoint to the test.
///
/// # Errors
/// When certificates, address or documents cannot be used; what the endpoint does is in the report.
pub async fn run(config: Config, clock: Arc<dyn Clock>) -> Result<Report, Error> {
    let line = Line::new(&config)?;
    let reader = Reader::new()?;
    let sheets = Sheets::new(&config, &reader, clock)?;
    let kit = Kit {
        line,
        reader,
        sheets,
        config,
    };
    let mut report = Report::default();
    let first = kit.lots(&mut report).await;
    if let Some(first) = first {
        kit.doubts(&mut report).await;
        kit.returns(&mut report, &first).await;
    }
    for case in Case::ALL {
        let missing = || Verdict::Unjudged("no lot was taken".to_owned());
        report.verdicts.entry(case).or_insert_with(missing);
    }
    Ok(report)
}

/// What the cases work with.
struct Kit {
    line: Line,
    reader: Reader,
    sheets: Sheets,
    config: Config,
}

impl Case {
    /// All, in the order in which they are judged.
    pub const ALL: [Case; 28] = [
        Case::NoCertificate,
        Case::Unknown,
        Case::Taken,
        Case::TakenAgain,
        Case::Known,
        Case::Conflict,
        Case::ConflictChangesNothing,
        Case::DocumentOnce,
        Case::RefusedStays,
        Case::DigestChecked,
        Case::DamagedAgain,
        Case::LengthsChecked,
        Case::AddressChecked,
        Case::CutOff,
        Case::SameTime,
        Case::WorkedOn,
        Case::AnyText,
        Case::Hundred,
        Case::Feed,
        Case::Receipts,
        Case::ReceiptDigest,
        Case::ReceiptRows,
        Case::NothingElse,
        Case::OwnIds,
        Case::Signed,
        Case::FeedOrder,
        Case::FeedEnd,
        Case::CursorChecked,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Case::NoCertificate => "no-certificate",
            Case::Unknown => "unknown",
            Case::Taken => "taken",
            Case::TakenAgain => "taken-again",
            Case::Known => "known",
            Case::Conflict => "conflict",
            Case::ConflictChangesNothing => "conflict-changes-nothing",
            Case::DocumentOnce => "document-once",
            Case::RefusedStays => "refused-stays",
            Case::DigestChecked => "digest-checked",
            Case::DamagedAgain => "damaged-again",
            Case::LengthsChecked => "lengths-checked",
            Case::AddressChecked => "address-checked",
            Case::CutOff => "cut-off",
            Case::SameTime => "same-time",
            Case::WorkedOn => "worked-on",
            Case::AnyText => "any-text",
            Case::Hundred => "hundred",
            Case::Feed => "feed",
            Case::Receipts => "receipts",
            Case::ReceiptDigest => "receipt-digest",
            Case::ReceiptRows => "receipt-rows",
            Case::NothingElse => "nothing-else",
            Case::OwnIds => "own-ids",
            Case::Signed => "signed",
            Case::FeedOrder => "feed-order",
            Case::FeedEnd => "feed-end",
            Case::CursorChecked => "cursor-checked",
        }
    }

    /// What the contract asks.
    pub fn asks(self) -> &'static str {
        match self {
            Case::NoCertificate => "a caller without a certificate is turned away",
            Case::Unknown => "a lot that never came is unknown, with status 200",
            Case::Taken => "a lot is taken",
            Case::TakenAgain => "the same bytes again are answered as the first time",
            Case::Known => "a lot that was taken is known, with its digest",
            Case::Conflict => "other bytes under the id of a lot are a digest-conflict",
            Case::ConflictChangesNothing => "a conflict changes nothing",
            Case::DocumentOnce => "a document that comes in a second lot is refused and named",
            Case::RefusedStays => "a lot that was refused stays refused",
            Case::DigestChecked => "a body that is not that of its Repr-Digest is not taken",
            Case::DamagedAgain => "a lot that was damaged on its way is taken when it comes again",
            Case::LengthsChecked => "a body whose lengths are wrong is not taken",
            Case::AddressChecked => "a lot at the address of another is not taken",
            Case::CutOff => "half a body is not taken; whole, it is",
            Case::SameTime => "the same lot twice at the same time is taken",
            Case::WorkedOn => "a lot that is being worked on is not unknown, if it is taken then",
            Case::AnyText => "a document may hold any text, that of the boundary too",
            Case::Hundred => "a lot of a hundred documents is taken",
            Case::Feed => "the feed can be read",
            Case::Receipts => "each document of a lot that was taken has a receipt",
            Case::ReceiptDigest => "a receipt carries the digest of its lot",
            Case::ReceiptRows => "a receipt lists documents of its lot alone",
            Case::NothingElse => "nothing is said of lots that were not taken",
            Case::OwnIds => {
                "two receipts, or two settlements, that say different things have two ids"
            }
            Case::Signed => "every receipt and settlement is signed by a key that was agreed",
            Case::FeedOrder => "the same cursor gives the same items in the same order",
            Case::FeedEnd => "at its end the feed has no items and gives the cursor back",
            Case::CursorChecked => "a cursor that is none of the feed is trouble",
        }
    }
}

impl Verdict {
    /// Kept, or broken with what was asked for and what came.
    fn of(kept: Result<(), String>) -> Verdict {
        match kept {
            Ok(()) => Verdict::Kept,
            Err(why) => Verdict::Broken(why),
        }
    }

    /// In one word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Verdict::Kept => "kept",
            Verdict::Broken(_) => "broken",
            Verdict::Unjudged(_) => "unjudged",
        }
    }

    /// What came, or why it could not be judged.
    pub fn why(&self) -> &str {
        match self {
            Verdict::Kept => "",
            Verdict::Broken(why) | Verdict::Unjudged(why) => why,
        }
    }
}

impl Report {
    /// The cases that are broken.
    pub fn broken(&self) -> Vec<Case> {
        let broken = |(case, verdict): (&Case, &Verdict)| match verdict {
            Verdict::Broken(_) => Some(*case),
            Verdict::Kept | Verdict::Unjudged(_) => None,
        };
        self.verdicts.iter().filter_map(broken).collect()
    }

    /// Whether the endpoint was ever heard, if only to turn the kit away.
    pub fn reached(&self) -> bool {
        self.verdicts
            .values()
            .any(|verdict| *verdict == Verdict::Kept)
    }

    fn note(&mut self, case: Case, verdict: Verdict) {
        self.verdicts.insert(case, verdict);
    }

    /// Whether a case holds that another one leans on.
    fn kept(&self, case: Case) -> bool {
        self.verdicts.get(&case) == Some(&Verdict::Kept)
    }
}
