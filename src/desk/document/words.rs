//! Where a document is, in the words of the field, and what happens next, in one sentence of each language.

use chrono::DateTime;
use chrono_tz::Europe::Paris;

use crate::claims::delivery::State;
use crate::claims::entry::{Next, Reason};
use crate::claims::lane;
use crate::claims::standing::Standing;
use crate::claims::time::Timestamp;
use crate::desk::document::way::Way;
use crate::store::{DocumentRecord, LotRecord};
use crate::telemetry::reading::Stage;

/// What happens next: when and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::desk) struct Sentence {
    pub(in crate::desk) fr: String,
    pub(in crate::desk) en: String,
}

/// The stage of a document, none when it is finished. A document in a lot is where its lot is.
pub(in crate::desk) fn stage(
    record: &DocumentRecord,
    lot: Option<&LotRecord>,
    way: Way,
) -> Option<Stage> {
    let standing = record.standing();
    if standing.is_finished(record.received.facts.key.kind) {
        return None;
    }
    match standing {
        Standing::Open => Some(Stage::Open),
        Standing::InLot => Some(lot.map_or(Stage::Queued, |lot| stage_of_lot(lot, way))),
        Standing::Acknowledged => Some(Stage::Acknowledged),
        Standing::Refused => Some(Stage::Refused),
        Standing::Paid
        | Standing::PartPaid
        | Standing::Rejected
        | Standing::Unsettled
        | Standing::OnPaper
        | Standing::ByHand
        | Standing::Cancelled
        | Standing::Replaced
        | Standing::Lapsed
        | Standing::Granted
        | Standing::Declined => None,
    }
}

/// The word for where a document is: its stage, or the standing in which it is finished.
pub(in crate::desk) fn standing(
    record: &DocumentRecord,
    lot: Option<&LotRecord>,
    way: Way,
) -> &'static str {
    stage(record, lot, way).map_or_else(|| record.standing().as_str(), Stage::as_str)
}

fn stage_of_lot(lot: &LotRecord, way: Way) -> Stage {
    match lot.state {
        // The insurer is asked before it is sent again.
        State::Due if lot.ask => Stage::InDoubt,
        // Its insurer took it and cannot be asked: until it is sent again its receipt is awaited.
        State::Due if sends_overdue(lot) => Stage::Overdue,
        State::Due => match way.waits_for(lot).map(|next| next.reason) {
            None | Some(Reason::Turn) => Stage::Queued,
            Some(
                Reason::Unreachable
                | Reason::Tls
                | Reason::OwnCertificate
                | Reason::Identity
                | Reason::Address
                | Reason::Busy
                | Reason::Failing
                | Reason::Breaker
                | Reason::HeldByHand
                | Reason::NoRoute
                | Reason::Unreadable
                | Reason::OtherBytes
                | Reason::Closed
                | Reason::Revoked
                | Reason::Unvouched,
            ) => Stage::Held,
            // No lot that is due waits for these.
            Some(
                Reason::Doubt
                | Reason::Sealing
                | Reason::Fse
                | Reason::Attempt
                | Reason::Receipt
                | Reason::Overdue
                | Reason::Settlement
                | Reason::Replacement
                | Reason::Lapse,
            ) => Stage::Queued,
        },
        State::Sending => Stage::Transmitting,
        State::InDoubt => Stage::InDoubt,
        State::Taken => Stage::Transmitted,
        State::Overdue => Stage::Overdue,
        // A document leaves the standing "in lot" when its lot is answered or void.
        State::Answered | State::Void => Stage::Transmitted,
    }
}

/// Whether a lot waits its second span, because its insurer has no status service, and is sent again after that.
fn sends_overdue(lot: &LotRecord) -> bool {
    lot.state == State::Due && lot.next.is_some_and(|next| next.reason == Reason::Overdue)
}

/// The state that a lot is shown at.
pub(in crate::desk) fn stands(lot: &LotRecord) -> State {
    match sends_overdue(lot) {
        true => State::Overdue,
        false => lot.state,
    }
}

/// What happens next to a document: the reason of one in a lot is its lot's, seen with the way to its endpoint, and one
/// that is to be sealed waits for a route where none leads to its insurer.
pub(in crate::desk) fn next(own: Option<Next>, lot: Option<&LotRecord>, way: Way) -> Option<Next> {
    match lot {
        Some(lot) if own.is_some() && lot.next == own => way.waits_for(lot),
        Some(_) | None => own.map(|own| match own.reason == Reason::Sealing {
            true => way.sealed(own),
            false => own,
        }),
    }
}

/// What happens next to a document, in its lot if it is in one: when and why.
#[rustfmt::skip]
pub(in crate::desk) fn sentence(next: Next, lot: Option<&LotRecord>, now: Timestamp) -> Sentence {
    let Sentence { fr: le, en: on } = when(next.at, now);
    // What comes next may be the question alone: of what may be with the insurer nobody reads that it goes again.
    let is_asked = lot.is_some_and(|lot| lot.next_exchange() == Some(lane::Kind::Question));
    let (envoi, renvoi, goes, again) = match is_asked {
        true => ("question posée", "nouvelle question", "the insurer is asked", "the insurer is asked again"),
        false => ("envoi", "nouvel envoi", "it is sent", "it is sent again"),
    };
    let (fr, en) = match next.reason {
        Reason::Sealing => (
            "Il sera scellé dans un lot dès que celui-ci est plein ou assez ancien.".into(),
            "It is sealed into a lot as soon as that is full or old enough.".into(),
        ),
        Reason::Fse => (
            format!("Il attend l'accusé de la FSE qu'il justifie, revue {le}."),
            format!("It waits for the receipt of the FSE that it supports, which is looked at {on}."),
        ),
        Reason::Turn => (
            format!("Son lot attend son tour et part {le}."),
            format!("Its lot waits for its turn and is sent {on}."),
        ),
        Reason::Unreachable => (
            format!("Le frontal de l'organisme n'a pas pu être joint ; {renvoi} {le}."),
            format!("The insurer's endpoint could not be reached; {again} {on}."),
        ),
        Reason::Tls => (
            format!("La connexion sécurisée avec l'organisme a échoué ; {renvoi} {le}."),
            format!("The secure connection with the insurer failed; {again} {on}."),
        ),
        Reason::OwnCertificate => (
            format!(
                "L'organisme n'accepte pas le certificat de la passerelle : un opérateur doit le renouveler ; {renvoi} {le}."
            ),
            format!(
                "The insurer does not accept the gateway's certificate: an operator must renew it; {again} {on}."
            ),
        ),
        Reason::Identity => (
            format!("Le frontal de l'organisme a refusé l'identité de la passerelle ; {renvoi} {le}."),
            format!("The insurer's endpoint refused the gateway's identity; {again} {on}."),
        ),
        Reason::Address => (
            format!("Le frontal de l'organisme ne connaît pas l'adresse ; {renvoi} {le}."),
            format!("The insurer's endpoint does not know the address; {again} {on}."),
        ),
        Reason::Busy => (
            format!("L'organisme a demandé de patienter ; {renvoi} {le}."),
            format!("The insurer asked to wait; {again} {on}."),
        ),
        Reason::Failing => (
            format!("Le frontal de l'organisme est en panne ; {renvoi} {le}."),
            format!("The insurer's endpoint fails; {again} {on}."),
        ),
        Reason::Breaker => (
            format!("Le frontal de l'organisme a échoué trop souvent ; nouvel essai {le}."),
            format!("The insurer's endpoint failed too often; it is tried again {on}."),
        ),
        Reason::HeldByHand => (
            "Un opérateur retient les lots de cet organisme ; il part dès qu'il les libère.".into(),
            "An operator holds the lots of this insurer; it is sent once they are released.".into(),
        ),
        Reason::NoRoute => (
            format!("Aucune route ne mène à l'organisme pour l'instant ; nouvelle recherche {le}."),
            format!("No route leads to the insurer at present; it is looked for again {on}."),
        ),
        Reason::Attempt => (
            format!("Il est en cours de transmission ; sans réponse, l'organisme est interrogé {le}."),
            format!("It is being transmitted; without an answer the insurer is asked {on}."),
        ),
        Reason::Doubt => (
            format!("On ne sait pas si l'organisme l'a reçu ; la question lui est posée {le}."),
            format!("It is not known whether the insurer has it; the insurer is asked {on}."),
        ),
        Reason::Receipt => (
            format!("L'organisme l'a pris ; sans accusé, il est interrogé {le}."),
            format!("The insurer took it; without a receipt the insurer is asked {on}."),
        ),
        Reason::Overdue if lot.is_some_and(sends_overdue) => (
            format!("L'accusé est en retard et l'organisme ne peut être interrogé ; nouvel envoi {le}."),
            format!("The receipt is overdue and the insurer cannot be asked; it is sent again {on}."),
        ),
        Reason::Overdue => (
            format!("L'accusé est en retard ; l'organisme est interrogé {le}."),
            format!("The receipt is overdue; the insurer is asked {on}."),
        ),
        Reason::Settlement => (
            format!("L'organisme en a accusé réception ; sans retour, il sera sans suite connue {le}."),
            format!("The insurer acknowledged it; without a settlement it counts as unsettled {on}."),
        ),
        Reason::Replacement => (
            format!("L'organisme l'a refusé ; sans remplacement, un duplicata papier est dû {le}."),
            format!("The insurer refused it; without a replacement a paper duplicate is owed {on}."),
        ),
        Reason::Lapse => (
            format!("L'organisme l'a refusé ; sans remplacement ni duplicata papier, il s'éteint {le}."),
            format!("The insurer refused it; without a replacement or paper duplicate it lapses {on}."),
        ),
        Reason::Unreadable if lot.is_none() => (
            format!("Les octets du document ne se relisent pas : un opérateur doit intervenir ; ils sont relus {le}."),
            format!("The document's bytes cannot be read again: an operator must look; it is tried again {on}."),
        ),
        Reason::Unreadable => (
            format!("Les octets du lot ne se relisent pas : un opérateur doit intervenir ; nouvel essai {le}."),
            format!("The lot's bytes cannot be read again: an operator must look; it is tried again {on}."),
        ),
        Reason::OtherBytes => (
            format!("L'organisme dit avoir d'autres octets sous l'identifiant de ce lot : un opérateur doit l'interroger ; nouvel essai {le}."),
            format!("The insurer says to have other bytes under the id of this lot: an operator must ask it; it is tried again {on}."),
        ),
        Reason::Closed => (
            format!("Le frontal de l'organisme est fermé ; {envoi} {le}."),
            format!("The insurer's endpoint is closed; {goes} {on}."),
        ),
        Reason::Revoked => (
            format!("Le certificat de l'organisme est révoqué ; {renvoi} {le}."),
            format!("The insurer's certificate is revoked; {again} {on}."),
        ),
        Reason::Unvouched => (
            format!(
                "La liste de révocation est trop ancienne pour se fier au certificat de l'organisme ; {renvoi} {le}."
            ),
            format!(
                "The revocation list is too old to trust the insurer's certificate; {again} {on}."
            ),
        ),
    };
    Sentence { fr, en }
}

/// What happens next to a lot that waits for the resume after a restore.
pub(in crate::desk) fn until_resumed() -> Sentence {
    Sentence {
        fr: "Le registre vient d'une sauvegarde ; il part dès qu'un opérateur reprend les envois."
            .into(),
        en: "The ledger was restored from a backup; it is sent once an operator resumes sending."
            .into(),
    }
}

/// An instant as the end of a sentence, in Paris time.
fn when(at: Timestamp, now: Timestamp) -> Sentence {
    let Some(paris) = DateTime::from_timestamp_micros(at.micros()).filter(|_| at > now) else {
        return Sentence {
            fr: "dès maintenant".into(),
            en: "now".into(),
        };
    };
    let paris = paris.with_timezone(&Paris);
    Sentence {
        fr: paris.format("le %d/%m/%Y à %H:%M").to_string(),
        en: paris.format("on %Y-%m-%d at %H:%M (Paris)").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_sentence_that_says_when() {
        let now = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
        let at = Timestamp::parse("2026-11-24T08:30:00Z").unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for reason in Reason::ALL {
            let sentence = sentence(Next { at, reason }, None, now);
            let timeless = matches!(reason, Reason::Sealing | Reason::HeldByHand);
            assert_eq!(
                sentence.fr.contains("le 24/11/2026 à 09:30."),
                !timeless,
                "{reason:?}"
            );
            assert_eq!(
                sentence.en.contains("on 2026-11-24 at 09:30 (Paris)."),
                !timeless,
                "{reason:?}"
            );
            assert!(seen.insert(sentence.en), "{reason:?}");
        }
    }

    #[test]
    fn what_is_due_happens_now() {
        let now = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
        let next = Next {
            at: now,
            reason: Reason::Turn,
        };
        assert_eq!(
            sentence(next, None, now).en,
            "Its lot waits for its turn and is sent now."
        );
    }
}
