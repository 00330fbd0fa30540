//! Admission: a document is new, known already, or stands against what is known.

use std::collections::BTreeSet;

use crate::claims::commitment::commitment;
use crate::claims::deadline;
use crate::claims::document::{Facts, Key, Kind};
use crate::claims::entry::{Entry, Received};
use crate::claims::id::{Digest, DocumentId, Name};
use crate::claims::registry::Centre;
use crate::claims::standing::Act;
use crate::claims::time::Day;
use crate::store::ledger::decide::Decider;
use crate::store::ledger::{numbers, records};
use crate::store::{Admission, Admitted, BodyId, Conflict, DocumentRecord, Error, Outcome, Unity};

/// Where an admitted document belongs.
struct Line {
    replaced: Option<DocumentRecord>,
    supports: Option<DocumentRecord>,
    deadline: Option<Day>,
}

impl Decider<'_, '_> {
    pub(super) fn admit(
        &mut self,
        caller: &Name,
        documents: Vec<Admission>,
        unity: Unity,
    ) -> Result<Outcome, Error> {
        let savepoint = match unity {
            Unity::Each => None,
            Unity::Together | Unity::Nothing => Some((self.working.savepoint(), self.next)),
        };
        let mut rows: Vec<Option<Admitted>> = vec![None; documents.len()];
        // A PJ may stand before its FSE in the same post: it is decided after the others.
        for pj in [false, true] {
            for (row, document) in rows.iter_mut().zip(&documents) {
                if (document.facts.key.kind == Kind::Pj) == pj {
                    *row = Some(self.admit_one(caller, document)?);
                }
            }
        }
        let rows: Vec<Admitted> = rows.into_iter().flatten().collect();
        let refused = rows.iter().any(|row| matches!(row, Admitted::Refused(_)));
        match savepoint {
            Some((savepoint, next)) if refused || unity == Unity::Nothing => {
                self.working.roll_back(savepoint);
                self.known.forget();
                self.next = next;
                self.entries.clear();
                self.bodies.clear();
                Ok(Outcome::Admitted(with_the_others(rows, &documents)))
            }
            Some(_) | None => Ok(Outcome::Admitted(rows)),
        }
    }

    fn admit_one(&mut self, caller: &Name, admission: &Admission) -> Result<Admitted, Error> {
        let facts = &admission.facts;
        let fingerprint = self.secret.fingerprint(admission.digest);
        let (key, purpose) = (&facts.key, admission.purpose);
        let present = numbers::latest(self.working, key, purpose)?;
        if let Some(present) = &present
            && let Some(known) = numbers::same_as(self.working, present, key, fingerprint)?
        {
            return Ok(Admitted::known(&known));
        }
        match self.admissible(admission, present)? {
            Ok(line) => self.receive(caller, admission, fingerprint, line),
            Err(conflict) => Ok(Admitted::Refused(conflict)),
        }
    }

    /// Whether a document that is not known yet may come in, and where it belongs.
    fn admissible(
        &mut self,
        admission: &Admission,
        present: Option<DocumentRecord>,
    ) -> Result<Result<Line, Conflict>, Error> {
        let facts = &admission.facts;
        let versions = self.known.centre(self.working, facts.key.centre)?;
        let Some(centre) = Centre::on(versions, facts.care_day) else {
            return Ok(Err(Conflict::Centre(facts.key.centre)));
        };
        let region = centre.region;
        let replaced = match self.replaced(admission, present)? {
            Ok(replaced) => replaced,
            Err(conflict) => return Ok(Err(conflict)),
        };
        let supports = match facts.supports {
            None => None,
            Some(number) => {
                let key = Key {
                    kind: Kind::Fse,
                    number,
                    ..facts.key
                };
                match numbers::latest(self.working, &key, admission.purpose)? {
                    Some(fse) => Some(self.latest_of_line(fse)?),
                    None => return Ok(Err(Conflict::SupportedUnknown)),
                }
            }
        };
        let terms = self.known.terms(self.working)?;
        let deadline = deadline::deadline(facts, region, &terms);
        Ok(Ok(Line {
            replaced,
            supports,
            deadline,
        }))
    }

    /// The document that counts in the line of this one.
    fn latest_of_line(&self, mut record: DocumentRecord) -> Result<DocumentRecord, Error> {
        while let Some(by) = record.replaced_by {
            record = records::known_document(self.working, by)?;
        }
        Ok(record)
    }

    /// The document that is to be replaced, if any, and whether it may be.
    fn replaced(
        &self,
        admission: &Admission,
        present: Option<DocumentRecord>,
    ) -> Result<Result<Option<DocumentRecord>, Conflict>, Error> {
        let facts = &admission.facts;
        let Some((kind, number, _)) = facts.replaces else {
            return match present {
                None => Ok(Ok(None)),
                Some(present) => Ok(Err(other_content(&present.received, admission))),
            };
        };
        let key = Key {
            kind,
            number,
            ..facts.key
        };
        if key != facts.key
            && let Some(present) = present
        {
            return Ok(Err(other_content(&present.received, admission)));
        }
        let Some(target) = numbers::latest(self.working, &key, admission.purpose)? else {
            return Ok(Err(Conflict::ReplacedUnknown));
        };
        let id = target.received.document;
        Ok(
            match (
                target.replaced_by,
                target.standing().after(Act::ReplacementAdmitted),
            ) {
                (Some(by), _) => Err(Conflict::ReplacedBefore(by)),
                (None, Ok(_)) => Ok(Some(target)),
                (None, Err(_)) => Err(Conflict::Standing {
                    document: id,
                    standing: target.standing(),
                }),
            },
        )
    }

    fn receive(
        &mut self,
        caller: &Name,
        admission: &Admission,
        fingerprint: Digest,
        line: Line,
    ) -> Result<Admitted, Error> {
        let document = admission.document;
        let deadline = line.deadline;
        let received = Received {
            document,
            purpose: admission.purpose,
            caller: caller.clone(),
            facts: admission.facts.clone(),
            root: line
                .replaced
                .as_ref()
                .map_or(document, |replaced| replaced.received.root),
            replaces: line
                .replaced
                .as_ref()
                .map(|replaced| replaced.received.document),
            supports: line.supports.as_ref().map(|fse| fse.received.document),
            deadline,
            length: u32::try_from(admission.body.bytes.len())
                .expect("intake caps the size of a body far below 4 GiB"),
            commitment: commitment(admission.body.salt, admission.digest),
            fingerprint,
            warnings: admission.warnings.clone(),
        };
        self.push(Entry::Received(Box::new(received)))?;
        let body = admission.body.clone();
        self.bodies.push((BodyId::Document(document), body));
        if let Some(fse) = line.supports {
            self.share_fate(caller, &fse, document)?;
        }
        Ok(Admitted::Received { document, deadline })
    }
}

/// The rows of a post of which nothing is admitted. What was known by a document of this very post alone is as
/// little admitted as that document.
fn with_the_others(rows: Vec<Admitted>, posted: &[Admission]) -> Vec<Admitted> {
    let posted: BTreeSet<DocumentId> = posted.iter().map(|posted| posted.document).collect();
    let undone = |row| match row {
        Admitted::Received { .. } => Admitted::WithTheOthers,
        Admitted::Known { document, .. } if posted.contains(&document) => Admitted::WithTheOthers,
        Admitted::Known { .. } | Admitted::Refused(_) | Admitted::WithTheOthers => row,
    };
    rows.into_iter().map(undone).collect()
}

fn other_content(known: &Received, admission: &Admission) -> Conflict {
    Conflict::OtherContent {
        document: known.document,
        differs: differing(&known.facts, &admission.facts),
    }
}

/// Names of the facts in which two documents of one number differ, never their values.
fn differing(known: &Facts, posted: &Facts) -> Vec<&'static str> {
    let pairs = [
        ("mode", known.mode == posted.mode),
        ("destination", known.destination == posted.destination),
        (
            "clock",
            known.clock_day == posted.clock_day && known.clock_basis == posted.clock_basis,
        ),
        ("care day", known.care_day == posted.care_day),
        (
            "third party",
            known.third_party_amo == posted.third_party_amo
                && known.third_party_amc == posted.third_party_amc,
        ),
        (
            "amounts",
            known.amount_amo == posted.amount_amo && known.amount_amc == posted.amount_amc,
        ),
        ("settled for", known.settled_for == posted.settled_for),
        ("exclusions", known.exclusions == posted.exclusions),
        ("replaces", known.replaces == posted.replaces),
        ("supports", known.supports == posted.supports),
    ];
    pairs
        .into_iter()
        .filter(|(_, same)| !same)
        .map(|(name, _)| name)
        .collect()
}
