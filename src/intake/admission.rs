//! From judged documents to the ledger, and from its word to each document's fate.
//!
//! Every document that is turned away with findings has its entry before the answer goes out. A post whose
//! caller leaves meanwhile is decided all the same, or not at all: the store says which when it is repeated.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::Intake;
use super::fate::{End, Fate, Post};
use super::judging::{Judged, Judgement};
use crate::access::Caller;
use crate::claims::document::{Key, Kind, Purpose};
use crate::claims::entry::TurnedAway;
use crate::claims::finding::{Finding, Severity};
use crate::claims::id::{Digest, DocumentId, Name};
use crate::formats::json::problem;
use crate::http::answer::Refused;
use crate::store::{
    Admission, Admitted, Body, BodyId, Command, Conflict, DocumentRecord, Find, Outcome, Unity,
};
use crate::telemetry::event::{Denial, Event};

/// The other documents that one names.
struct Named {
    replaces: Option<Key>,
    supports: Option<Key>,
}

impl Named {
    fn by(admission: &Admission) -> Named {
        let facts = &admission.facts;
        let named = |kind, number| Key {
            kind,
            number,
            ..facts.key
        };
        Named {
            replaces: facts.replaces.map(|(kind, number, _)| named(kind, number)),
            supports: facts.supports.map(|number| named(Kind::Fse, number)),
        }
    }

    /// What stands against a document of an atomic lot is not that it names one of the same lot: that one's own fault
    /// keeps both out.
    fn excused(&self, row: Admitted, posts: &[(Post, Option<End>)]) -> Admitted {
        let missing = match row {
            Admitted::Refused(Conflict::ReplacedUnknown) => self.replaces,
            Admitted::Refused(Conflict::SupportedUnknown) => self.supports,
            Admitted::Refused(_)
            | Admitted::Received { .. }
            | Admitted::Known { .. }
            | Admitted::WithTheOthers => None,
        };
        let posted = |key: Key| posts.iter().any(|(post, _)| post.judged.key() == Some(key));
        match missing {
            Some(key) if posted(key) => Admitted::WithTheOthers,
            Some(_) | None => row,
        }
    }
}

impl Intake {
    /// Admits what can be admitted, in one commit, and records what is turned away.
    ///
    /// # Errors
    /// When the store does not say: nothing is known of any of them.
    pub(super) async fn admit(
        &self,
        caller: &Caller,
        posts: Vec<Post>,
        unity: Unity,
    ) -> Result<Vec<Fate>, Refused> {
        let mut fates = Vec::with_capacity(posts.len());
        for post in posts {
            let end = self.before_commit(caller, &post).await?;
            fates.push((post, end));
        }
        let fails = |end: &Option<End>| !matches!(end, None | Some(End::Known(..)));
        let holds = unity == Unity::Each || !fates.iter().any(|(_, end)| fails(end));
        let sound = fates.iter().filter(|(_, end)| end.is_none());
        let admissions: Vec<_> = sound
            .filter_map(|(post, _)| self.admission(caller, post))
            .collect();
        // Also of a post of which nothing is admitted the ledger says what stands against each.
        let unity = if holds { unity } else { Unity::Nothing };
        let named: Vec<_> = admissions.iter().map(Named::by).collect();
        let mut rows = match admissions.is_empty() {
            true => Vec::new(),
            false => self.commit(caller, admissions, unity).await?,
        };
        if unity == Unity::Nothing {
            let excused = rows.into_iter().zip(&named);
            let excused = excused.map(|(row, named)| named.excused(row, &fates));
            rows = excused.collect();
        }
        let mut fates = settle(fates, rows)?;
        self.compare(&mut fates).await;
        self.turn_away(caller, &fates).await?;
        fates.iter().for_each(|fate| self.tell(caller, fate));
        Ok(fates)
    }

    /// What is settled of a post before the ledger is asked to admit it; none for a sound one.
    async fn before_commit(&self, caller: &Caller, post: &Post) -> Result<Option<End>, Refused> {
        match post.judged.judgement {
            Judgement::Sound { .. } => Ok(None),
            Judgement::Forbidden(forbidden) => Ok(Some(End::Forbidden(forbidden))),
            Judgement::Faulty => {
                let known = self.known_before(caller.purpose(), post).await?;
                Ok(Some(known.unwrap_or(End::Faulty)))
            }
        }
    }

    /// A document that was admitted once and would not be today (a route is gone, a centre was closed) is
    /// still answered as known: its caller may not have heard the first answer.
    async fn known_before(&self, purpose: Purpose, post: &Post) -> Result<Option<End>, Refused> {
        let Some(key) = post.judged.key() else {
            return Ok(None);
        };
        let digest = |bytes: &Bytes| Digest(Sha256::digest(bytes).into());
        let digest = self.work(post.bytes.clone(), digest).await?;
        let known = self.known(key, purpose, digest).await?;
        Ok(known.as_ref().map(End::known))
    }

    async fn known(
        &self,
        key: Key,
        purpose: Purpose,
        digest: Digest,
    ) -> Result<Option<DocumentRecord>, Refused> {
        let known = self.parts.store.known(key, purpose, digest).await;
        known.map_err(|error| self.of_store(&error))
    }

    fn admission(&self, caller: &Caller, post: &Post) -> Option<Admission> {
        let Judgement::Sound { facts, digest, .. } = &post.judged.judgement else {
            return None;
        };
        let warnings = post.judged.findings.iter();
        Some(Admission {
            document: DocumentId(self.parts.clock.fresh_id()),
            purpose: caller.purpose(),
            facts: facts.as_ref().clone(),
            digest: *digest,
            body: Body {
                bytes: post.bytes.clone(),
                salt: self.parts.clock.salt(),
            },
            warnings: codes(warnings.filter(|finding| finding.severity == Severity::Warning)),
        })
    }

    async fn commit(
        &self,
        caller: &Caller,
        documents: Vec<Admission>,
        unity: Unity,
    ) -> Result<Vec<Admitted>, Refused> {
        let command = Command::Admit {
            caller: caller.name().clone(),
            documents,
            unity,
        };
        self.decide(command, Outcome::admitted).await
    }

    /// Looks where documents differ from those that have their numbers, in as many bytes of content as a lot may have.
    async fn compare(&self, fates: &mut [Fate]) {
        let mut left = self.config.lot_bytes;
        for fate in fates {
            if let End::Conflict(Conflict::OtherContent { document, .. }) = &fate.end {
                fate.fields = self.fields(*document, &fate.post.bytes, &mut left).await;
            }
        }
    }

    /// In which fields a posted document differs from one that is known; none where that one is not there any more,
    /// cannot be read, or there is no room to look. The conflict stands in any case, so no error is one here.
    async fn fields(
        &self,
        known: DocumentId,
        posted: &Bytes,
        left: &mut usize,
    ) -> Option<Vec<String>> {
        let view = self.parts.store.document(Find::Id(known)).await.ok()??;
        let length = view.record.received.length as usize;
        *left = left.checked_sub(length)?;
        let _memory = self.free_memory(length)?;
        let body = self.parts.store.body(BodyId::Document(known)).await;
        let (mut longer, mut other) = (body.ok()??.bytes, posted.clone());
        if longer.len() < other.len() {
            std::mem::swap(&mut longer, &mut other);
        }
        let (reader, limits) = (Arc::clone(&self.parts.reader), self.config.xml_limits());
        let differing = move |longer: &Bytes| reader.differing(longer, &other, &limits);
        self.work(longer, differing).await.ok()?
    }

    /// Counts what is turned away: one entry a document, codes only.
    async fn turn_away(&self, caller: &Caller, fates: &[Fate]) -> Result<(), Refused> {
        let faulty = fates.iter().filter(|fate| matches!(fate.end, End::Faulty));
        let entries = faulty.map(|fate| turned_away(caller, &fate.post.judged));
        self.record_turned_away(entries.collect()).await
    }

    /// Makes entries of posts that were turned away durable.
    pub(super) async fn record_turned_away(&self, entries: Vec<TurnedAway>) -> Result<(), Refused> {
        if entries.is_empty() {
            return Ok(());
        }
        let counted = self
            .decide(Command::TurnAway(entries), Outcome::done)
            .await?;
        counted.map(drop).map_err(|_| problem::Kind::Defect.into())
    }

    fn tell(&self, caller: &Caller, fate: &Fate) {
        let judged = &fate.post.judged;
        let codes: Vec<_> = judged.findings.iter().map(|finding| finding.code).collect();
        let caller = caller.name();
        let telemetry = &self.parts.telemetry;
        match (&fate.end, judged.key()) {
            (End::Received(document, _), Some(key)) => telemetry.record(Event::Admitted {
                document: *document,
                centre: key.centre,
                kind: key.kind,
                bytes: fate.post.bytes.len(),
                warnings: &codes,
            }),
            (End::Known(document, ..), Some(key)) => telemetry.record(Event::KnownAgain {
                document: *document,
                kind: key.kind,
            }),
            (End::Conflict(_), Some(Key { kind, .. })) => {
                telemetry.record(Event::Conflicted { kind, caller });
            }
            (End::Faulty, _) => telemetry.record(Event::TurnedAway {
                kind: judged.kind,
                caller,
                codes: &codes,
            }),
            (End::Forbidden(_), _) => self.deny(Denial::Scope),
            (End::WithTheOthers, _) => {}
            // What is in the ledger, or against it, has a key.
            (End::Received(..) | End::Known(..) | End::Conflict(_), None) => {}
        }
    }
}

/// Gives each sound document its row, in order.
fn settle(posts: Vec<(Post, Option<End>)>, rows: Vec<Admitted>) -> Result<Vec<Fate>, Refused> {
    let mut rows = rows.into_iter();
    let mut fates = Vec::with_capacity(posts.len());
    for (mut post, end) in posts {
        let end = match end {
            Some(end) => end,
            None => match rows.next() {
                Some(row) => End::of_row(row, &mut post.judged),
                None => return Err(problem::Kind::Defect.into()),
            },
        };
        // An error of today says nothing about what was admitted then.
        if matches!(end, End::Known(..)) {
            let warns = |finding: &Finding| finding.severity == Severity::Warning;
            post.judged.findings.retain(warns);
        }
        fates.push(Fate {
            post,
            end,
            fields: None,
        });
    }
    Ok(fates)
}

/// The entry of a document that is turned away.
fn turned_away(caller: &Caller, judged: &Judged) -> TurnedAway {
    TurnedAway {
        centre: judged.centre,
        kind: judged.kind,
        caller: caller.name().clone(),
        codes: refusing(&judged.findings),
    }
}

/// The codes of the findings that refuse, without repeats.
pub(super) fn refusing(findings: &[Finding]) -> Vec<Name> {
    let errors = findings.iter();
    codes(errors.filter(|finding| finding.severity == Severity::Error))
}

fn codes<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<Name> {
    let mut codes: Vec<_> = findings.map(|finding| finding.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let name = |code| Name::parse(code).expect("a code is a name");
    codes.into_iter().map(name).collect()
}
