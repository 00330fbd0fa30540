//! From judged documents to the ledger, and from its word to each document's fate.
//!
//! Every document that is turned away with findings has its entry before the answer goes out. A post whose
//! caller leaves meanwhile is decided all the same, or not at all: the store says which when it is repeated.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;

use super::Intake;
use super::answer::{self, Refused, of_forbidden};
use super::judging::{Judged, Judgement};
use crate::access::{Caller, Forbidden};
use crate::claims::document::Key;
use crate::claims::entry::TurnedAway;
use crate::claims::finding::{Finding, Layer, Place, Severity};
use crate::claims::id::{DocumentId, Name};
use crate::claims::rules::Rule;
use crate::claims::standing::Standing;
use crate::claims::time::{Day, Timestamp};
use crate::formats::json::finding::FindingText;
use crate::formats::json::posted;
use crate::formats::json::problem::{About, Kind, Problem};
use crate::store::{
    Admission, Admitted, BodyId, Command, Conflict, DocumentRecord, Find, Outcome, Unity,
};
use crate::telemetry::event::{Denial, Event};

/// One posted document: its bytes and what was found about them.
pub(super) struct Post {
    pub(super) bytes: Bytes,
    pub(super) judged: Judged,
}

/// What became of a posted document.
pub(super) struct Fate {
    post: Post,
    end: End,
}

/// The ways in which a post can end.
enum End {
    /// Admitted: durable.
    Received(DocumentId, Option<Day>),
    /// Admitted before.
    Known(DocumentId, Option<Day>, Standing),
    /// Turned away with findings.
    Faulty,
    /// What is known already stands against it.
    Conflict(Conflict),
    /// It names a centre that is not the caller's.
    Forbidden(Forbidden),
    /// Another document of the lot stands against it.
    WithTheOthers,
}

impl Intake {
    /// Admits what can be admitted, in one commit, and records what is turned away.
    ///
    /// # Errors
    /// When the store does not say: nothing is known of any of them.
    pub(super) async fn admit(
        &self,
        at: Timestamp,
        caller: &Caller,
        posts: Vec<Post>,
        unity: Unity,
    ) -> Result<Vec<Fate>, Refused> {
        let mut fates = Vec::with_capacity(posts.len());
        for post in posts {
            let end = self.before_commit(&post).await?;
            fates.push((post, end));
        }
        let fails = |end: &Option<End>| !matches!(end, None | Some(End::Known(..)));
        let holds = unity == Unity::Each || !fates.iter().any(|(_, end)| fails(end));
        let sound = fates.iter().filter(|(_, end)| end.is_none());
        let admissions: Vec<_> = sound
            .filter_map(|(post, _)| self.admission(caller, post))
            .collect();
        let rows = if holds && !admissions.is_empty() {
            self.commit(at, caller, admissions, unity).await?
        } else {
            vec![Admitted::WithTheOthers; admissions.len()]
        };
        let fates = settle(fates, rows)?;
        self.turn_away(at, caller, &fates).await?;
        fates.iter().for_each(|fate| self.tell(caller, fate));
        Ok(fates)
    }

    /// What is settled of a post before the ledger is asked to admit it; none for a sound one.
    async fn before_commit(&self, post: &Post) -> Result<Option<End>, Refused> {
        match post.judged.judgement {
            Judgement::Sound { .. } => Ok(None),
            Judgement::Forbidden(forbidden) => Ok(Some(End::Forbidden(forbidden))),
            Judgement::Faulty => {
                let known = self.known_before(post).await?;
                Ok(Some(known.unwrap_or(End::Faulty)))
            }
        }
    }

    /// A document that was admitted once and would not be today (a route is gone, a centre was closed) is
    /// still answered as known: its caller may not have heard the first answer. The bytes tell, as long as
    /// they are kept.
    async fn known_before(&self, post: &Post) -> Result<Option<End>, Refused> {
        let mut find = post.judged.key().map(|key| (key, Find::Key(key)));
        while let Some((key, next)) = find {
            let view = self.parts.store.document(next).await;
            let Some(view) = view.map_err(|error| self.of_store(error))? else {
                return Ok(None);
            };
            let received = &view.record.received;
            if received.facts.key != key {
                return Ok(None);
            }
            let id = received.document;
            let body = self.parts.store.body(BodyId::Document(id)).await;
            let body = body.map_err(|error| self.of_store(error))?;
            if body.is_some_and(|body| body.bytes == post.bytes) {
                return Ok(Some(known(&view.record)));
            }
            find = received.replaces.map(|id| (key, Find::Id(id)));
        }
        Ok(None)
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
            body: post.bytes.clone(),
            digest: *digest,
            salt: self.parts.clock.salt(),
            warnings: codes(warnings.filter(|finding| finding.severity == Severity::Warning)),
        })
    }

    async fn commit(
        &self,
        at: Timestamp,
        caller: &Caller,
        documents: Vec<Admission>,
        unity: Unity,
    ) -> Result<Vec<Admitted>, Refused> {
        let command = Command::Admit {
            caller: caller.name().clone(),
            documents,
            unity,
        };
        let outcome = self.parts.store.commit(at, command).await;
        match outcome.map_err(|error| self.of_store(error))? {
            Outcome::Admitted(rows) => Ok(rows),
            Outcome::Done(_) | Outcome::Heard(_) | Outcome::Leased(_) | Outcome::Conflict(_) => {
                Err(Kind::Defect.into())
            }
        }
    }

    /// Counts what is turned away: one entry a document, codes only.
    async fn turn_away(
        &self,
        at: Timestamp,
        caller: &Caller,
        fates: &[Fate],
    ) -> Result<(), Refused> {
        let faulty = fates.iter().filter(|fate| matches!(fate.end, End::Faulty));
        let entries = faulty.map(|fate| turned_away(caller, &fate.post.judged));
        self.record_turned_away(at, entries.collect()).await
    }

    /// Makes entries of posts that were turned away durable.
    pub(super) async fn record_turned_away(
        &self,
        at: Timestamp,
        entries: Vec<TurnedAway>,
    ) -> Result<(), Refused> {
        if entries.is_empty() {
            return Ok(());
        }
        let outcome = self.parts.store.commit(at, Command::TurnAway(entries)).await;
        match outcome.map_err(|error| self.of_store(error))? {
            Outcome::Done(_) => Ok(()),
            Outcome::Admitted(_)
            | Outcome::Heard(_)
            | Outcome::Leased(_)
            | Outcome::Conflict(_) => Err(Kind::Defect.into()),
        }
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

impl Fate {
    /// Whether it is in the ledger.
    pub(super) fn is_admitted(&self) -> bool {
        match self.end {
            End::Received(..) | End::Known(..) => true,
            End::Faulty | End::Conflict(_) | End::Forbidden(_) | End::WithTheOthers => false,
        }
    }

    /// Its row in the answer to a lot.
    pub(super) fn row(&self) -> posted::Row {
        let judged = &self.post.judged;
        let (status, admitted, problem) = match &self.end {
            End::Received(id, deadline) => (202, Some((id, deadline, Standing::Open)), None),
            End::Known(id, deadline, standing) => (200, Some((id, deadline, *standing)), None),
            End::Faulty | End::Conflict(_) | End::Forbidden(_) | End::WithTheOthers => {
                let problem = self.problem();
                (problem.kind.status(), None, Some(Box::new(problem)))
            }
        };
        posted::Row {
            number: judged.number.map(|number| number.to_string()),
            kind: judged.kind.map(|kind| kind.as_str()),
            status,
            id: admitted.map(|(id, ..)| id.to_string()),
            standing: admitted.map(|(.., standing)| standing.as_str()),
            deadline: admitted.and_then(|(_, deadline, _)| deadline.map(|day| day.to_string())),
            findings: FindingText::all(&judged.findings),
            problem,
        }
    }

    /// The answer to a document posted singly.
    pub(super) fn response(&self) -> Result<Response, Refused> {
        let (status, id, deadline, standing) = match &self.end {
            End::Received(id, deadline) => (202, id, deadline, Standing::Open),
            End::Known(id, deadline, standing) => (200, id, deadline, *standing),
            End::Faulty => {
                let findings = Some(FindingText::all(&self.post.judged.findings));
                let about = About {
                    findings,
                    ..About::default()
                };
                return Err(Refused::about(Kind::DocumentFaulty, about));
            }
            End::Conflict(_) | End::Forbidden(_) | End::WithTheOthers => {
                return Err(self.problem().into());
            }
        };
        let key = self.post.judged.key();
        let key = key.ok_or_else(|| Refused::from(Kind::Defect))?;
        let body = posted::Answer {
            id: id.to_string(),
            number: key.number.to_string(),
            kind: key.kind.as_str(),
            standing: standing.as_str(),
            deadline: deadline.map(|day| day.to_string()),
            warnings: FindingText::all(&self.post.judged.findings),
        };
        let mut response = answer::json(status, &body);
        let location = HeaderValue::try_from(format!("/v1/documents/{id}"));
        let location = location.expect("an id is visible ASCII");
        response.headers_mut().insert(header::LOCATION, location);
        Ok(response)
    }

    /// What stands against its admission, without its findings.
    fn problem(&self) -> Problem {
        match &self.end {
            End::Faulty => Kind::DocumentFaulty.into(),
            End::Conflict(conflict) => of_conflict(conflict),
            End::Forbidden(forbidden) => of_forbidden(*forbidden).into(),
            End::WithTheOthers => Kind::WithTheOthers.into(),
            End::Received(..) | End::Known(..) => Kind::Defect.into(),
        }
    }
}

/// The problem that a conflict is.
pub(super) fn of_conflict(conflict: &Conflict) -> Problem {
    let about = |document: &DocumentId| About {
        document: Some(document.to_string()),
        ..About::default()
    };
    match conflict {
        Conflict::OtherContent { document, differs } => {
            let differs = Some(differs.clone());
            let about = about(document);
            Problem::new(Kind::NumberTaken, About { differs, ..about })
        }
        Conflict::Standing { document, standing } => {
            let standing = Some(standing.as_str());
            let about = about(document);
            Problem::new(Kind::StandingForbids, About { standing, ..about })
        }
        Conflict::Delivery { state, .. } => {
            let delivery = Some(state.as_str());
            let about = About::default();
            Problem::new(Kind::InTransmission, About { delivery, ..about })
        }
        Conflict::ReplacedUnknown => Kind::ReplacedUnknown.into(),
        Conflict::ReplacedBefore(document) => Problem::new(Kind::ReplacedBefore, about(document)),
        Conflict::SupportedUnknown => Kind::DocumentFaulty.into(),
        Conflict::Centre(_) => Kind::CentreClosed.into(),
        Conflict::Unknown => Kind::DocumentUnknown.into(),
        Conflict::Stale => Kind::Defect.into(),
    }
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

fn known(record: &DocumentRecord) -> End {
    End::Known(
        record.received.document,
        record.received.deadline,
        record.standing(),
    )
}

/// Gives each sound document its row, in order.
fn settle(posts: Vec<(Post, Option<End>)>, rows: Vec<Admitted>) -> Result<Vec<Fate>, Refused> {
    let mut rows = rows.into_iter();
    let mut fates = Vec::with_capacity(posts.len());
    for (mut post, end) in posts {
        let end = match end {
            Some(end) => end,
            None => match rows.next() {
                Some(row) => of_row(row, &mut post.judged),
                None => return Err(Kind::Defect.into()),
            },
        };
        // An error of today says nothing about what was admitted then.
        if matches!(end, End::Known(..)) {
            let warns = |finding: &Finding| finding.severity == Severity::Warning;
            post.judged.findings.retain(warns);
        }
        fates.push(Fate { post, end });
    }
    Ok(fates)
}

/// The ledger's word on a sound document. What is wrong with the document itself is a finding like others.
fn of_row(row: Admitted, judged: &mut Judged) -> End {
    match row {
        Admitted::Received { document, deadline } => End::Received(document, deadline),
        Admitted::Known {
            document,
            deadline,
            standing,
        } => End::Known(document, deadline, standing),
        Admitted::WithTheOthers => End::WithTheOthers,
        Admitted::Refused(Conflict::Centre(_)) => {
            judged.findings.push(Finding {
                code: Rule::CentreClosed.code(),
                severity: Severity::Error,
                layer: Layer::Rule,
                place: place("/document/centre"),
                fr: Rule::CentreClosed.fr().into(),
                en: Rule::CentreClosed.en().into(),
            });
            End::Faulty
        }
        Admitted::Refused(Conflict::SupportedUnknown) => {
            judged.findings.push(Finding {
                code: SUPPORTED_UNKNOWN,
                severity: Severity::Error,
                layer: Layer::Rule,
                place: place("/document/supports"),
                fr: "La FSE que cette pièce justifie n'est connue ni ici ni dans le même lot.".into(),
                en: "The FSE that this piece supports is known neither here nor in the same lot.".into(),
            });
            End::Faulty
        }
        Admitted::Refused(
            conflict @ (Conflict::OtherContent { .. }
            | Conflict::Standing { .. }
            | Conflict::Delivery { .. }
            | Conflict::ReplacedUnknown
            | Conflict::ReplacedBefore(_)
            | Conflict::Unknown
            | Conflict::Stale),
        ) => End::Conflict(conflict),
    }
}

/// The code of a PJ whose FSE is not known (DOMAIN §4: it is turned away); only the ledger can tell.
const SUPPORTED_UNKNOWN: &str = "SUPPORTED_UNKNOWN";

/// A place found after the reading: the beginning of the document.
fn place(path: &str) -> Place {
    Place {
        line: 1,
        column: 1,
        path: path.to_owned(),
    }
}
