//! From posted bytes to a judgement: form, scope, business rules. It reads the registry and the routes and
//! touches nothing.
//!
//! Validation is work for a processor: short bodies are judged where they are, long ones beside the async
//! threads, so many at once.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::Intake;
use super::centres::{Snapshot, View};
use crate::access::{Action, Caller, Forbidden};
use crate::claims::document::{Document, Facts, Key, Kind, Locate};
use crate::claims::finding::{Finding, Place, Severity};
use crate::claims::id::{Digest, Finess, Number};
use crate::claims::routes::Routes;
use crate::claims::rules::{self, Context, Registry};
use crate::claims::time::{Day, Timestamp};
use crate::formats::json::problem;
use crate::formats::xml::Read;
use crate::http::answer::Refused;

/// Findings that a document of a lot shows at least.
const SHOWN: usize = 10;

/// One document as judged.
pub(super) struct Judged {
    /// Its kind, when it could be read.
    pub(super) kind: Option<Kind>,
    /// Its number, when it could be read and is one.
    pub(super) number: Option<Number>,
    /// The centre that it names, when it could be read and is one.
    pub(super) centre: Option<Finess>,
    /// All findings of all layers.
    pub(super) findings: Vec<Finding>,
    /// So many more are not shown, because its lot has more than one answer holds.
    pub(super) left_out: usize,
    /// Where the ledger's own objections would be.
    pub(super) places: Places,
    /// What follows.
    pub(super) judgement: Judgement,
}

/// Places of what only the ledger can object to; they stand near the top, so finding them is cheap.
#[derive(Default)]
pub(super) struct Places {
    /// Of the centre.
    pub(super) centre: Place,
    /// Of a PJ's FSE.
    pub(super) supports: Place,
}

/// What follows for a document.
pub(super) enum Judgement {
    /// Nothing stands against its admission but the ledger.
    Sound {
        /// What the ledger keeps of it.
        facts: Box<Facts>,
        /// Its deadline, for kinds that have one.
        deadline: Option<Day>,
        /// SHA-256 of its bytes.
        digest: Digest,
    },
    /// Findings refuse it.
    Faulty,
    /// Its centre is not the caller's: nothing else was looked at.
    Forbidden(Forbidden),
}

/// A lot as opened.
pub(super) enum Opened {
    /// The envelope cannot be read.
    Unreadable(Vec<Finding>),
    /// There are more documents than a post may have.
    TooMany,
    /// The documents in order, each with its bytes in the lot.
    Documents(Vec<(Range<usize>, Judged)>),
}

/// All that a caller's documents are judged by, at one instant.
pub(super) struct Bench {
    pub(super) intake: Arc<Intake>,
    pub(super) caller: Arc<Caller>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) routes: Arc<Routes>,
    pub(super) now: Timestamp,
}

impl Intake {
    /// A bench for this caller, now.
    pub(super) async fn bench(self: &Arc<Self>, caller: &Arc<Caller>) -> Bench {
        Bench {
            intake: Arc::clone(self),
            caller: Arc::clone(caller),
            snapshot: self.centres.snapshot().await,
            routes: Arc::clone(&self.parts.routes.borrow()),
            now: self.parts.clock.now(),
        }
    }

    /// Does the work on so many bytes, here or beside.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        bytes: Bytes,
        work: impl FnOnce(&Bytes) -> T + Send + 'static,
    ) -> Result<T, Refused> {
        if bytes.len() <= self.config.inline_bytes {
            return Ok(work(&bytes));
        }
        // Those who wait here are bounded by the memory for bodies.
        let seat = Arc::clone(&self.validations)
            .acquire_owned()
            .await
            .map_err(|_| Refused::from(problem::Kind::Defect))?;
        let beside = tokio::task::spawn_blocking(move || {
            // Kept until the work ends, also when the caller has gone.
            let _seat = seat;
            work(&bytes)
        });
        beside.await.map_err(|_| problem::Kind::Defect.into())
    }
}

impl Bench {
    /// Judges a document posted singly.
    pub(super) fn document(&self, bytes: &[u8]) -> Judged {
        let limits = self.intake.config.xml_limits();
        let read = self.intake.parts.reader.read_document(bytes, &limits);
        self.judge(read, bytes)
    }

    /// Opens a lot and judges each of its documents.
    pub(super) fn lot(&self, bytes: &[u8]) -> Opened {
        let limits = self.intake.config.xml_limits();
        let reader = &self.intake.parts.reader;
        let lot = reader.read_lot(bytes, &limits);
        if Finding::refuses(&lot.findings) {
            return Opened::Unreadable(lot.findings);
        }
        if lot.parts.len() > self.intake.config.lot_documents {
            return Opened::TooMany;
        }
        let mut left = self.intake.config.lot_findings;
        let judge = |part: &crate::formats::xml::Part| {
            let read = reader.read_lot_document(bytes, part, &limits);
            let mut judged = self.judge(read, part.of(bytes));
            judged.show_at_most(left.max(SHOWN));
            left = left.saturating_sub(judged.findings.len());
            (part.range.clone(), judged)
        };
        Opened::Documents(lot.parts.iter().map(judge).collect())
    }

    /// Whether the caller may do this; gestionnaires are those of today.
    pub(super) fn may(&self, action: Action<'_>) -> Result<(), Forbidden> {
        let today = self.now.day();
        self.caller
            .may(action, |centre| self.snapshot.gestionnaire(centre, today))
    }

    fn judge(&self, mut read: Read<'_, Document>, bytes: &[u8]) -> Judged {
        let mut findings = std::mem::take(&mut read.findings);
        let Some(document) = read.value.take() else {
            return Judged {
                kind: None,
                number: None,
                centre: None,
                findings,
                left_out: 0,
                places: Places::default(),
                judgement: Judgement::Faulty,
            };
        };
        let centre = Finess::parse(&document.centre.value).ok();
        let allowed = centre.map_or(Ok(()), |centre| self.may(Action::PostDocument(centre)));
        let judgement = match allowed {
            Err(forbidden) => Judgement::Forbidden(forbidden),
            Ok(()) => self.rule(&document, &read, bytes, &mut findings),
        };
        Judged {
            kind: Some(document.kind.value),
            number: Number::parse(&document.number.value).ok(),
            centre,
            findings,
            left_out: 0,
            places: Places {
                centre: read.place(document.centre.spot),
                supports: document
                    .supports
                    .map(|supports| read.place(supports.spot))
                    .unwrap_or_default(),
            },
            judgement,
        }
    }

    fn rule(
        &self,
        document: &Document,
        read: &Read<'_, Document>,
        bytes: &[u8],
        findings: &mut Vec<Finding>,
    ) -> Judgement {
        let view = View {
            snapshot: &self.snapshot,
            routes: &self.routes,
            purpose: self.caller.purpose(),
        };
        let context = Context {
            now: self.now,
            terms: &self.intake.parts.terms,
            registry: Registry::Known(&view),
            amc_lengths: &self.intake.config.amc_lengths(),
        };
        let verdict = rules::check(document, &context, read);
        findings.extend(verdict.findings);
        match verdict.facts {
            Some(facts) if !Finding::refuses(findings) => Judgement::Sound {
                facts: Box::new(facts),
                deadline: verdict.deadline,
                digest: Digest(Sha256::digest(bytes).into()),
            },
            Some(_) | None => Judgement::Faulty,
        }
    }
}

impl Judged {
    /// Leaves out findings beyond so many: warnings first, the last ones of the document.
    fn show_at_most(&mut self, most: usize) {
        self.left_out = self.findings.len().saturating_sub(most);
        if self.left_out > 0 {
            self.findings
                .sort_by_key(|finding| finding.severity == Severity::Warning);
            self.findings.truncate(most);
            self.findings.shrink_to_fit();
        }
    }

    /// What identifies it to its centre, when all three could be read.
    pub(super) fn key(&self) -> Option<Key> {
        Some(Key {
            centre: self.centre?,
            kind: self.kind?,
            number: self.number?,
        })
    }
}
