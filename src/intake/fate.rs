//! What became of a posted document, and how it is told: alone, in a row, or as what stands against it.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;

use super::judging::Judged;
use crate::access::Forbidden;
use crate::claims::finding::{Finding, Layer, Place};
use crate::claims::id::DocumentId;
use crate::claims::rules::Rule;
use crate::claims::standing::Standing;
use crate::claims::time::Day;
use crate::formats::json::finding::FindingText;
use crate::formats::json::posted;
use crate::formats::json::problem::{Kind, Problem};
use crate::http::answer::{Refused, json, of_conflict, of_forbidden};
use crate::store::{Admitted, Conflict, DocumentRecord};

/// One posted document: its bytes and what was found about them.
pub(super) struct Post {
    pub(super) bytes: Bytes,
    pub(super) judged: Judged,
}

/// What became of a posted document.
pub(super) struct Fate {
    pub(super) post: Post,
    pub(super) end: End,
    /// Of a number that is taken: in which fields, as far as both documents can be compared.
    pub(super) fields: Option<Vec<String>>,
}

/// The ways in which a post can end.
pub(super) enum End {
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
            findings_left_out: Some(judged.left_out).filter(|left_out| *left_out > 0),
            problem,
        }
    }

    /// The answer to a document posted singly.
    pub(super) fn response(&self) -> Result<Response, Refused> {
        let (status, id, deadline, standing) = match &self.end {
            End::Received(id, deadline) => (202, id, deadline, Standing::Open),
            End::Known(id, deadline, standing) => (200, id, deadline, *standing),
            End::Faulty => {
                let findings = &self.post.judged.findings;
                return Err(Problem::findings(Kind::DocumentFaulty, findings).into());
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
        let mut response = json(status, &body);
        let location = HeaderValue::try_from(format!("/v1/documents/{id}"));
        let location = location.expect("an id is visible ASCII");
        response.headers_mut().insert(header::LOCATION, location);
        Ok(response)
    }

    /// What stands against its admission, without its findings.
    fn problem(&self) -> Problem {
        match &self.end {
            End::Faulty => Kind::DocumentFaulty.into(),
            End::Conflict(conflict) => {
                let mut problem = of_conflict(conflict);
                problem.about.fields = self.fields.clone();
                problem
            }
            End::Forbidden(forbidden) => of_forbidden(*forbidden).into(),
            End::WithTheOthers => Kind::WithTheOthers.into(),
            End::Received(..) | End::Known(..) => Kind::Defect.into(),
        }
    }
}

impl End {
    /// A document that was admitted before.
    pub(super) fn known(record: &DocumentRecord) -> End {
        End::Known(
            record.received.document,
            record.received.deadline,
            record.standing(),
        )
    }

    /// The ledger's word on a sound document. What is wrong with the document itself is a finding like others.
    pub(super) fn of_row(row: Admitted, judged: &mut Judged) -> End {
        match row {
            Admitted::Received { document, deadline } => End::Received(document, deadline),
            Admitted::Known {
                document,
                deadline,
                standing,
            } => End::Known(document, deadline, standing),
            Admitted::WithTheOthers => End::WithTheOthers,
            Admitted::Refused(Conflict::Centre(_)) => {
                let place = judged.places.centre.clone();
                judged.findings.push(broken(Rule::CentreClosed, place));
                End::Faulty
            }
            Admitted::Refused(Conflict::SupportedUnknown) => {
                let place = judged.places.supports.clone();
                judged.findings.push(broken(Rule::SupportedUnknown, place));
                End::Faulty
            }
            Admitted::Refused(
                conflict @ (Conflict::OtherContent { .. }
                | Conflict::Standing { .. }
                | Conflict::Delivery { .. }
                | Conflict::ReplacedUnknown
                | Conflict::ReplacedBefore(_)
                | Conflict::Registry
                | Conflict::Unknown(_)
                | Conflict::Stale),
            ) => End::Conflict(conflict),
        }
    }
}

/// The finding of a rule that the store alone could look at.
fn broken(rule: Rule, place: Place) -> Finding {
    Finding {
        code: rule.code(),
        severity: rule.severity(),
        layer: Layer::Rule,
        place,
        fr: rule.fr().into(),
        en: rule.en().into(),
    }
}
