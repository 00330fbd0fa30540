//! Problems (RFC 9457): every way in which a request is not done, in one closed list.
//!
//! A type is a promise to vendors: it is never renamed or reused. A problem names ids, standings and facts
//! by name; it never holds a value of a document.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use crate::claims::finding::Finding;
use crate::formats::json::finding::FindingText;
use crate::formats::json::posted::Row;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Makes the closed enum, its list and its texts out of one table.
macro_rules! problems {
    ($($(#[doc = $doc:literal])+ $kind:ident $status:literal $word:literal $title:literal $detail:literal $fr:literal;)+) => {
        /// A type of problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl Kind {
            /// Every type, by status.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind,)+];

            /// The `type`: a stable URI.
            pub fn uri(self) -> &'static str {
                match self { $(Kind::$kind => concat!("urn:bordereau:problem:", $word),)+ }
            }

            /// The HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Kind::$kind => $status,)+ }
            }

            /// What it is, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Kind::$kind => $title,)+ }
            }

            /// What to do, in English.
            pub fn detail(self) -> &'static str {
                match self { $(Kind::$kind => $detail,)+ }
            }

            /// What to do, in French.
            pub fn fr(self) -> &'static str {
                match self { $(Kind::$kind => $fr,)+ }
            }
        }
    };
}

problems! {
    /// The body did not arrive whole.
    BodyIncomplete 400 "body-incomplete" "The body did not arrive whole"
        "Post again with the same number."
        "Postez à nouveau avec le même numéro.";
    /// A query that is not known.
    QueryUnknown 400 "query-unknown" "The query is not known"
        "Write it as the description has it: an unknown key would be ignored, and you would not know."
        "Écrivez-la comme la description l'indique : une clé inconnue serait ignorée sans que vous le sachiez.";
    /// A question that cannot be understood.
    QueryInvalid 400 "query-invalid" "The question cannot be understood"
        "`parameter` names what is missing or cannot be read, `least` the least value where a position is too small; the description says how it is written."
        "`parameter` nomme ce qui manque ou ne se lit pas, `least` la plus petite valeur si une position est trop petite ; la description dit comment il s'écrit.";
    /// Nobody we know.
    NotIdentified 401 "not-identified" "The caller is not identified"
        "Show a client certificate or a bearer token that is known here and valid today."
        "Présentez un certificat client ou un jeton connu et valide aujourd'hui.";
    /// The role does not allow it.
    RoleForbidden 403 "role-forbidden" "The caller's role does not allow this"
        "Use the credentials of a caller whose role allows this."
        "Utilisez l'identité d'un appelant dont le rôle le permet.";
    /// Another centre, or another insurer.
    OutOfScope 403 "out-of-scope" "The centre or insurer is outside the caller's scope"
        "Check the centre's FINESS; ask the operator if this centre should be in your scope."
        "Vérifiez le FINESS du centre ; demandez à l'opérateur si ce centre doit être dans votre périmètre.";
    /// A test caller would change what is counted.
    TestForbidden 403 "test-forbidden" "A test caller cannot change what is counted"
        "Declare with the credentials of a caller that is not marked `test`."
        "Déclarez avec l'identité d'un appelant qui n'est pas marqué `test`.";
    /// A receipt from someone else than the destination of what it names.
    ForeignReceipt 403 "foreign-receipt" "The lot or document belongs to another insurer"
        "Nothing moved; the attempt was recorded. Hand in only receipts for what you were sent."
        "Rien n'a changé ; l'envoi est consigné. Ne remettez que des accusés de ce qui vous a été transmis.";
    /// No such document for this caller.
    DocumentUnknown 404 "document-unknown" "No document of yours has this id"
        "Use the id that the admission gave, or find the document by number and kind."
        "Utilisez l'identifiant rendu à l'admission, ou cherchez le document par numéro et type.";
    /// The path names no FINESS or no day.
    AddressInvalid 404 "address-invalid" "The address names no centre or no day"
        "Write the FINESS of nine characters and the day as YYYY-MM-DD."
        "Écrivez le FINESS de neuf caractères et le jour sous la forme AAAA-MM-JJ.";
    /// No such address.
    AddressUnknown 404 "address-unknown" "There is nothing at this address"
        "Check the address against the description at /v1/openapi.json."
        "Vérifiez l'adresse d'après la description à /v1/openapi.json.";
    /// No such centre.
    CentreUnknown 404 "centre-unknown" "The centre is not registered"
        "Check the FINESS; ask the operator if the registration is missing."
        "Vérifiez le FINESS ; demandez à l'opérateur si l'enregistrement manque.";
    /// Nothing to be counted by.
    RateUnbound 404 "rate-unbound" "No agreement binds the centre in this period"
        "Ask for a period in which the centre is registered under an agreement in effect."
        "Demandez une période où le centre est enregistré sous un accord en vigueur.";
    /// Nothing to make a forecast from.
    ForecastEmpty 404 "forecast-empty" "Nothing of this year is answered yet"
        "There is no forecast before the first document of the year is answered, or its first sheet declared."
        "Il n'y a pas de prévision avant la première réponse à un document de l'année, ou sa première feuille déclarée.";
    /// No such endpoint.
    EndpointUnknown 404 "endpoint-unknown" "No endpoint has this name"
        "Use a name of the configuration, or of an endpoint that is gone and at which lots wait; the queue lists them."
        "Utilisez un nom de la configuration, ou d'un point d'accès qui n'y est plus et où des lots attendent ; la file les liste.";
    /// No such lot.
    LotUnknown 404 "lot-unknown" "No lot has this id"
        "The document names the lot it is in; void lots are in its history."
        "Le document nomme le lot où il est ; les lots annulés sont dans son historique.";
    /// No such legal hold.
    LegalHoldUnknown 404 "legal-hold-unknown" "No legal hold has this number"
        "The list of legal holds has the numbers."
        "La liste des gels légaux donne les numéros.";
    /// No such figures for this caller.
    FiguresUnknown 404 "figures-unknown" "No figures of yours have this digest"
        "Load the file first; the list of figures has the digests."
        "Chargez d'abord le fichier ; la liste des chiffres donne les empreintes.";
    /// No such reconciliation, or no such line, for this caller.
    ReconciliationUnknown 404 "reconciliation-unknown" "No reconciliation or line of yours has this number"
        "The history of reconciliations has the numbers; a line is between 1 and `differences`."
        "L'historique des rapprochements donne les numéros ; une ligne va de 1 à `differences`.";
    /// No such statement for this caller.
    StatementUnknown 404 "statement-unknown" "No statement of yours has this number"
        "The list of statements has the numbers."
        "La liste des relevés donne les numéros.";
    /// The address knows other methods.
    MethodUnknown 405 "method-unknown" "This address does not know the method"
        "`Allow` names those it knows; the description at /v1/openapi.json says what each does."
        "`Allow` nomme celles qu'elle connaît ; la description à /v1/openapi.json dit ce que fait chacune.";
    /// The body took too long.
    BodyTooSlow 408 "body-too-slow" "The body did not arrive in time"
        "Post again with the same number."
        "Postez à nouveau avec le même numéro.";
    /// The number is known with other content.
    NumberTaken 409 "number-taken" "This number is known with other content"
        "`differs` names the facts that differ, `fields` where the document does; when both are empty, only the bytes do. Without `fields` the content could not be compared, as a rule because only its digest is left. Give a new number, or declare a replacement."
        "`differs` nomme les faits qui diffèrent, `fields` où le document diffère ; si les deux sont vides, seuls les octets diffèrent. Sans `fields`, le contenu n'a pu être comparé, en règle générale parce qu'il n'en reste qu'une empreinte. Donnez un autre numéro ou déclarez un remplacement.";
    /// The standing of a document does not allow it.
    StandingForbids 409 "standing-forbids" "The document's standing does not allow this"
        "`document` and `standing` say which one and why."
        "`document` et `standing` disent lequel et pourquoi.";
    /// An attempt runs, or its end is not known.
    InTransmission 409 "in-transmission" "The document's lot may be with the insurer"
        "It can no longer be withdrawn, unless the attempt fails: look at the document, then ask again."
        "Il ne peut plus être retiré, sauf échec de la transmission : consultez le document puis recommencez.";
    /// What it replaces is not known.
    ReplacedUnknown 409 "replaced-unknown" "The replaced document is not known"
        "Check kind and number in `replaces`; a document that was never admitted needs no replacement."
        "Vérifiez le type et le numéro dans `replaces` ; un document jamais admis n'a pas à être remplacé.";
    /// What it replaces was replaced before.
    ReplacedBefore 409 "replaced-before" "The document was replaced before"
        "`document` is the one that replaced it: replace that one if need be."
        "`document` est celui qui l'a remplacé : remplacez celui-là au besoin.";
    /// The centre is not registered, or closed, on the day.
    CentreClosed 409 "centre-closed" "The centre is not open on this day"
        "Check the day; ask the operator if the registration of the centre is wrong."
        "Vérifiez le jour ; demandez à l'opérateur si l'enregistrement du centre est erroné.";
    /// A statement of a period that is not closed.
    PeriodOpen 409 "period-open" "The period is not closed for this centre"
        "Close the period first: a statement is of what a closing froze."
        "Clôturez d'abord la période : un relevé porte sur ce qu'une clôture a figé.";
    /// There is no key to sign with.
    StatementsUnsigned 409 "statements-unsigned" "No key is configured to sign statements with"
        "Make a key with `bordereau statement key` and name it in the configuration."
        "Créez une clé avec `bordereau statement key` et nommez-la dans la configuration.";
    /// The bytes were kept as long as they had to be.
    ContentGone 410 "content-gone" "The document's bytes are no longer kept"
        "Its entries and its standing remain; the bytes were kept as long as the law and the settings ask."
        "Ses écritures et sa situation restent ; les octets ont été gardés le temps prévu par la loi et le réglage.";
    /// The body is longer than allowed.
    BodyTooLarge 413 "body-too-large" "The body is too large"
        "`limit` is the largest length in bytes. Post fewer documents at a time, or a smaller piece."
        "`limit` est la longueur maximale en octets. Postez moins de documents à la fois, ou une pièce plus petite.";
    /// A lot or feed of too many.
    TooMany 413 "too-many" "There are too many documents or items in one post"
        "`limit` is the largest number. Post the others in another request."
        "`limit` est le nombre maximal. Postez les autres dans une autre requête.";
    /// The result of a reconciliation would be longer than allowed.
    ReconciliationTooLarge 413 "reconciliation-too-large" "The result would be too large"
        "`limit` is the largest length in bytes. Ask for fewer months, or load fewer centres at a time."
        "`limit` est la longueur maximale en octets. Demandez moins de mois ou chargez moins de centres à la fois.";
    /// The evidence of a document would be longer than allowed.
    EvidenceTooLarge 413 "evidence-too-large" "The evidence would be too large"
        "`limit` is its largest length in bytes. Around each entry that speaks of the document it holds all entries from one anchor to the next: set `desk.evidence_bundle_bytes` higher, as far as memory goes."
        "`limit` est sa longueur maximale en octets. Autour de chaque écriture qui parle du document, elle contient toutes celles d'une ancre à la suivante : augmentez `desk.evidence_bundle_bytes`, selon la mémoire.";
    /// The ledger is too long to be read again in the time there is.
    PastTooLong 413 "past-too-long" "The earlier answer takes too long"
        "`limit` is the most seconds that it may take. Ask for fewer centres or an earlier position, or have the operator allow more time."
        "`limit` est la durée maximale en secondes. Demandez moins de centres ou une position plus ancienne, ou faites allonger ce délai par l'opérateur.";
    /// Not the media type of the address.
    MediaType 415 "media-type" "The media type is not taken here"
        "Post XML as application/xml or text/xml, declarations as application/json, without Content-Encoding."
        "Postez le XML en application/xml ou text/xml, les déclarations en application/json, sans Content-Encoding.";
    /// The document has findings that refuse it.
    DocumentFaulty 422 "document-faulty" "The document is turned away"
        "`findings` holds all of them, each with its place. Correct the document and post it again."
        "`findings` les contient tous, chacun avec sa place. Corrigez le document et postez-le à nouveau.";
    /// The envelope cannot be read.
    LotUnreadable 422 "lot-unreadable" "The lot cannot be opened"
        "`findings` says why; none of its documents was looked at."
        "`findings` dit pourquoi ; aucun de ses documents n'a été examiné.";
    /// All or none, and one fails.
    LotTurnedAway 422 "lot-turned-away" "The lot is turned away as a whole"
        "`documents` has a row for each; those of status 424 have no fault of their own, those of status 200 were admitted before. Nothing else was admitted."
        "`documents` a une ligne pour chacun ; ceux au statut 424 sont sans faute propre, ceux au statut 200 avaient été admis auparavant. Rien d'autre n'a été admis.";
    /// A receipt, settlement or feed cannot be read.
    ReceiptUnreadable 422 "receipt-unreadable" "The receipt or settlement cannot be read"
        "`findings` says why. Correct it and hand it in under a new id."
        "`findings` dit pourquoi. Corrigez et remettez sous un nouvel identifiant.";
    /// A declaration cannot be read, or cannot be.
    DeclarationFaulty 422 "declaration-faulty" "The declaration cannot be taken"
        "`pointer` is the place in the JSON. Nothing was changed."
        "`pointer` est la place dans le JSON. Rien n'a changé.";
    /// A day that has not begun.
    DayAhead 422 "day-ahead" "The day has not begun"
        "Declare a day on which it has begun in Paris, or later."
        "Déclarez un jour à partir de son début à Paris.";
    /// A period that has not ended.
    PeriodNotEnded 422 "period-not-ended" "The period has not ended"
        "Close it once its last day is over in Paris."
        "Clôturez-la une fois son dernier jour passé à Paris.";
    /// Steering without a reason, or by what cannot be read.
    OrderFaulty 422 "order-faulty" "The order cannot be taken"
        "Send JSON as the description has it: `reason` is a text that says why, and nothing unknown stands beside it. `parameter` names the key that is wrong, where one is."
        "Envoyez du JSON selon la description : `reason` est un texte qui dit pourquoi, sans champ inconnu à côté. `parameter` nomme la clé fautive, s'il y en a une.";
    /// There is no master key to change to.
    NextKeyMissing 422 "next-key-missing" "There is no next master key"
        "Make one beside the present key: `bordereau keys generate --write FILE.next`; the gateway's user must be able to read it. Without a present key nothing is encrypted."
        "Créez-la à côté de la clé actuelle : `bordereau keys generate --write FICHIER.next` ; l'utilisateur de la passerelle doit pouvoir la lire. Sans clé actuelle, rien n'est chiffré.";
    /// A caisse's figures have findings.
    FiguresFaulty 422 "figures-faulty" "The figures are refused as a whole"
        "`findings` holds what is wrong, each with its line, column and field. Nothing was kept."
        "`findings` dit ce qui ne va pas, avec la ligne, la colonne et le champ. Rien n'a été gardé.";
    /// A file of registrations has findings.
    RegistryFaulty 422 "registry-faulty" "The registrations are refused as a whole"
        "`faults` holds all that is wrong, each with its place. Nothing was changed."
        "`faults` dit tout ce qui ne va pas, avec la place. Rien n'a changé.";
    /// By hand, without evidence.
    EvidenceMissing 422 "evidence-missing" "Evidence is needed"
        "Send what proves the transmission in `evidence`: the bytes of a text or a file, in base64."
        "Envoyez ce qui prouve la transmission dans `evidence` : les octets d'un texte ou d'un fichier, en base64.";
    /// Another document of the lot fails; the status of a row, never of a request.
    WithTheOthers 424 "with-the-others" "Not admitted because another document of the lot was not"
        "Nothing stands against this document itself: post it again, with the others corrected or without them."
        "Rien ne s'oppose à ce document lui-même : postez-le à nouveau, les autres corrigés ou sans eux.";
    /// Too often.
    TooOften 429 "too-often" "The caller asks too often"
        "Wait as Retry-After says, then post again with the same number."
        "Attendez selon Retry-After, puis postez à nouveau avec le même numéro.";
    /// A defect of ours.
    Defect 500 "defect" "The gateway has a defect"
        "Whether it was admitted is not known: post again with the same number, and tell the operator."
        "On ne sait pas si l'admission a eu lieu : postez à nouveau avec le même numéro et prévenez l'opérateur.";
    /// A backup was not made.
    BackupFailed 500 "backup-failed" "The backup was not made"
        "The earlier one stays. `why` says what is wrong: look at the directories and at the room on their disk, then order it again."
        "La sauvegarde précédente reste. `why` dit ce qui ne va pas : vérifiez les répertoires et la place sur leur disque, puis recommencez.";
    /// The store or the gateway asks for patience.
    Unavailable 503 "unavailable" "The gateway cannot take this now"
        "Whether it was admitted is not known: wait as Retry-After says, then post again with the same number."
        "On ne sait pas si l'admission a eu lieu : attendez selon Retry-After, puis postez à nouveau avec le même numéro.";
    /// The disk is filling up.
    DiskFull 503 "disk-full" "The gateway's disk is filling up"
        "Nothing was admitted: wait as Retry-After says, then post again with the same number."
        "Rien n'a été admis : attendez selon Retry-After, puis postez à nouveau avec le même numéro.";
    /// It cannot be read at present.
    NotReady 503 "not-ready" "This cannot be read now"
        "Nothing was changed: wait as Retry-After says, then ask again."
        "Rien n'a changé : attendez selon Retry-After, puis demandez à nouveau.";
}

/// A problem and what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its type, which brings `type`, `title`, `status`, `detail` and `fr`.
    #[serde(flatten, serialize_with = "write_kind")]
    pub kind: Kind,
    /// What it is about.
    #[serde(flatten)]
    pub about: About,
}

/// What a problem is about; what is not there is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct About {
    /// The document that stands against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// The standing of that document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<&'static str>,
    /// The state of that document's lot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<&'static str>,
    /// Names of facts that differ, never their values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differs: Option<Vec<&'static str>>,
    /// Paths of the fields in which the content differs, never their values; not there when it could not be
    /// compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
    /// The limit that was passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// JSON pointer (RFC 6901) to what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// What is wrong, in words of the gateway's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'static str>,
    /// The parameter of the query, or the key of the order, that cannot be understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<Cow<'static, str>>,
    /// The least value that the parameter may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least: Option<u64>,
    /// Findings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<FindingText>>,
    /// What is wrong with a file, each with its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faults: Option<Vec<FaultText>>,
    /// One row for each document of the lot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documents: Option<Vec<Row>>,
}

/// Something that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultText {
    /// Where.
    pub place: String,
    /// What should be there.
    pub reason: String,
}

impl Problem {
    /// A problem about this.
    pub fn new(kind: Kind, about: About) -> Problem {
        Problem { kind, about }
    }

    /// A problem with a parameter of the query, or a key of the order.
    pub fn parameter(kind: Kind, name: impl Into<Cow<'static, str>>) -> Problem {
        let parameter = Some(name.into());
        let about = About {
            parameter,
            ..About::default()
        };
        Problem { kind, about }
    }

    /// More than a limit allows.
    pub fn limit(kind: Kind, limit: usize) -> Problem {
        let limit = Some(limit);
        let about = About {
            limit,
            ..About::default()
        };
        Problem { kind, about }
    }

    /// What was posted has these findings.
    pub fn findings(kind: Kind, findings: &[Finding]) -> Problem {
        let findings = Some(FindingText::all(findings));
        let about = About {
            findings,
            ..About::default()
        };
        Problem { kind, about }
    }
}

impl From<Kind> for Problem {
    fn from(kind: Kind) -> Problem {
        Problem::new(kind, About::default())
    }
}

#[derive(Serialize)]
struct KindText {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'static str,
    fr: &'static str,
}

fn write_kind<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    KindText {
        r#type: kind.uri(),
        title: kind.title(),
        status: kind.status(),
        detail: kind.detail(),
        fr: kind.fr(),
    }
    .serialize(serializer)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn types_are_distinct_ordered_by_status_and_say_what_to_do() {
        let uris: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.uri()).collect();
        assert_eq!(uris.len(), Kind::ALL.len());
        assert!(Kind::ALL.is_sorted_by_key(|kind| kind.status()));
        for kind in Kind::ALL {
            for text in [kind.detail(), kind.fr()] {
                assert!(text.ends_with('.'), "{kind:?}: {text}");
            }
        }
    }

    #[test]
    fn a_problem_is_flat_and_leaves_out_what_is_not_there() {
        let about = About {
            standing: Some("open"),
            ..About::default()
        };
        let problem = Problem::new(Kind::StandingForbids, about);
        let json = serde_json::to_value(&problem).unwrap();
        let keys: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
        assert_eq!(
            BTreeSet::from_iter(keys.iter().map(String::as_str)),
            BTreeSet::from(["detail", "fr", "standing", "status", "title", "type"])
        );
        assert_eq!(json["type"], "urn:bordereau:problem:standing-forbids");
        assert_eq!(json["status"], 409);
    }
}
