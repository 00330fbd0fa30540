//! The catalogue of rules: for each its stable code, whether it refuses, its words and its source.
//!
//! One place, so that a rule cannot lack a text and [`Rule::ALL`] cannot lack a rule. A text never
//! shows a value of the document. A code is a promise to vendors: it is never renamed or reused.

use crate::claims::finding::Severity;

/// Makes the closed enum, its list and its texts out of one table.
macro_rules! catalogue {
    ($($(#[doc = $doc:literal])+ $rule:ident $code:literal $severity:ident $fr:literal $en:literal;)+) => {
        /// A business rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $($(#[doc = $doc])+ $rule,)+
        }

        impl Rule {
            /// Every rule, in the order of the catalogue.
            pub const ALL: &'static [Rule] = &[$(Rule::$rule,)+];

            /// The stable code.
            pub fn code(self) -> &'static str {
                match self { $(Rule::$rule => $code,)+ }
            }

            /// Whether a breach refuses the document.
            pub fn severity(self) -> Severity {
                match self { $(Rule::$rule => Severity::$severity,)+ }
            }

            /// What is wrong, in French.
            pub fn fr(self) -> &'static str {
                match self { $(Rule::$rule => $fr,)+ }
            }

            /// What is wrong, in English.
            pub fn en(self) -> &'static str {
                match self { $(Rule::$rule => $en,)+ }
            }
        }
    };
}

catalogue! {
    // What each kind of document carries.

    /// An FSE, DRE or PEC names its patient (R161-42 CSS: the sheet identifies the assuré and the beneficiary).
    BeneficiaryMissing "BENEFICIARY_MISSING" Error
        "Le bénéficiaire manque : ce document doit le désigner"
        "The beneficiary is missing: this kind of document must name one";
    /// An FSE, DRE or PEC says under which insurance the care is claimed.
    CoverageMissing "COVERAGE_MISSING" Error
        "La couverture (nature d'assurance, exonération) manque pour ce document"
        "The coverage (nature of insurance, exemption) is missing for this kind of document";
    /// An FSE, DRE or PEC names who performs the care (R161-42 CSS).
    PractitionerMissing "PRACTITIONER_MISSING" Error
        "Le professionnel exécutant manque pour ce document"
        "The executing practitioner is missing for this kind of document";
    /// An FSE, DRE or PEC has at least one act (R161-42 CSS).
    ActsMissing "ACTS_MISSING" Error
        "Aucun acte : ce document doit en porter au moins un"
        "No act: this kind of document must carry at least one";
    /// An FSE, DRE or PEC states its totals, so that a lost line shows.
    TotalsMissing "TOTALS_MISSING" Error
        "Les totaux manquent pour ce document"
        "The totals are missing for this kind of document";
    /// A PJ names the FSE that it supports, waits for its receipt and shares its fate.
    SupportsMissing "SUPPORTS_MISSING" Error
        "La pièce justificative ne désigne pas la FSE qu'elle justifie"
        "The supporting piece does not name the FSE that it supports";
    /// The FSE that a PJ supports was posted before it, or is in the same lot: the store knows.
    SupportedUnknown "SUPPORTED_UNKNOWN" Error
        "La FSE que cette pièce justifie n'est connue ni ici ni dans le même lot"
        "The FSE that this piece supports is known neither here nor in the same lot";
    /// A PJ carries the piece.
    AttachmentMissing "ATTACHMENT_MISSING" Error
        "La pièce justificative ne contient pas de pièce jointe"
        "The supporting piece carries no attachment";
    /// Only a PJ supports another document.
    SupportsUnexpected "SUPPORTS_UNEXPECTED" Error
        "Seule une pièce justificative peut désigner une FSE à justifier"
        "Only a supporting piece may name an FSE that it supports";
    /// Only a PJ carries an attachment; other bytes travel as a payload.
    AttachmentUnexpected "ATTACHMENT_UNEXPECTED" Error
        "Seule une pièce justificative peut porter une pièce jointe"
        "Only a supporting piece may carry an attachment";
    /// A PJ claims nothing: care on it would be in no account.
    CareUnexpected "CARE_UNEXPECTED" Error
        "Une pièce justificative ne porte ni couverture, ni acte, ni total"
        "A supporting piece carries no coverage, no act and no total";

    // Sender, destination, number, replacement.

    /// The FINESS géographique has a valid key (Luhn on its numeric form).
    FinessKey "FINESS_KEY" Error
        "Le numéro FINESS du centre est invalide : sa clé ne correspond pas"
        "The FINESS of the centre is invalid: its key does not match";
    /// The centre is in the registry.
    CentreUnknown "CENTRE_UNKNOWN" Error
        "Ce centre n'est pas inscrit au registre de la passerelle"
        "This centre is not in the registry of the gateway";
    /// The centre was open on the day of its care (the registry's `from` and `until`).
    CentreClosed "CENTRE_CLOSED" Error
        "Ce centre n'était pas ouvert, selon le registre, le jour des soins"
        "By the registry this centre was not open on the day of the care";
    /// Numéro d'ordre: on an FSE and a DRE a numéro de facture of 9 digits, not zero (B2, position 30).
    NumberForm "NUMBER_FORM" Error
        "Le numéro n'a pas la forme requise : 9 chiffres non tous nuls pour une FSE ou une DRE"
        "The number does not have the required form: 9 digits, not all zero, for an FSE or a DRE";
    /// The number of an AMC has an accepted length; sources disagree between 8 and 10, so it is a setting.
    AmcForm "AMC_FORM" Error
        "Le numéro d'AMC n'a pas une longueur admise"
        "The number of the AMC does not have an accepted length";
    /// An FSE and its PJ go to an AMO, a DRE to an AMC; a PEC to either.
    DestinationKind "DESTINATION_KIND" Error
        "La destination ne convient pas : une FSE ou une PJ va à une AMO, une DRE à une AMC"
        "The destination does not fit: an FSE or a PJ goes to an AMO, a DRE to an AMC";
    /// The gateway has a route to the destination.
    DestinationUnknown "DESTINATION_UNKNOWN" Error
        "La passerelle ne connaît aucune route vers cette destination"
        "The gateway knows no route to this destination";
    /// Facture en ligne (L) and SEFi+ (P) are ways to invoice an AMO: only an FSE has them.
    ModeKind "MODE_KIND" Error
        "Ce mode de sécurisation n'existe que pour une FSE"
        "This securing mode exists for an FSE only";
    /// An AMC is named as data only on an FSE whose AMO settles both parts.
    SettledForKind "SETTLED_FOR_KIND" Error
        "Seule une FSE peut désigner l'AMC dont l'AMO règle la part"
        "Only an FSE may name the AMC whose part the AMO settles";
    /// A document is replaced by one of its own kind.
    ReplacesKind "REPLACES_KIND" Error
        "Un document ne peut remplacer qu'un document de même nature"
        "A document can replace only a document of the same kind";
    /// A PJ is never settled, so a rejection of its payment cannot be the reason to replace it.
    ReplacesReason "REPLACES_REASON" Error
        "Une pièce justificative n'est pas payée : un rejet de paiement ne peut motiver son remplacement"
        "A supporting piece is never paid: a rejected payment cannot be the reason to replace it";

    // Persons and practitioners.

    /// The NIR has 13 characters of the form of the répertoire, with 2A and 2B for Corsica.
    NirForm "NIR_FORM" Error
        "Le NIR n'a pas la forme requise"
        "The NIR does not have the required form";
    /// The NIR's key is 97 − (N mod 97), 2A counting as 19 and 2B as 18.
    NirKey "NIR_KEY" Error
        "La clé du NIR ne correspond pas au NIR"
        "The key of the NIR does not match the NIR";
    /// The person whose right is used has a NIR, unless the care is under state medical aid.
    NirMissing "NIR_MISSING" Error
        "Le NIR manque pour la personne dont les droits sont utilisés (l'assuré, sinon le bénéficiaire)"
        "The NIR is missing for the person whose right is used (the insured, else the beneficiary)";
    /// The year and month inside a NIR are those of the birth date beside it.
    NirBirth "NIR_BIRTH" Warning
        "L'année ou le mois du NIR diffère de la date de naissance de la même personne"
        "The year or month in the NIR differs from the birth date of the same person";
    /// Without the patient's birth date an infant could not be told (UNCAM's exclusion of 2010).
    BirthMissing "BIRTH_MISSING" Error
        "La date de naissance du bénéficiaire manque"
        "The birth date of the beneficiary is missing";
    /// Nobody is born after today.
    BirthFuture "BIRTH_FUTURE" Error
        "La date de naissance est postérieure à aujourd'hui"
        "The birth date is after today";
    /// A birth date more than 120 years ago is more likely a fault.
    BirthOld "BIRTH_OLD" Warning
        "La date de naissance remonte à plus de 120 ans"
        "The birth date is more than 120 years ago";
    /// The insured is given only when not the patient.
    InsuredRepeated "INSURED_REPEATED" Warning
        "L'assuré répète le bénéficiaire : il n'est donné que s'il en diffère"
        "The insured repeats the beneficiary: it is given only when it is another person";
    /// An RPPS number has a valid key (Luhn).
    RppsKey "RPPS_KEY" Error
        "Le numéro RPPS est invalide : sa clé ne correspond pas"
        "The RPPS number is invalid: its key does not match";
    /// An AM number has a valid key (Luhn, letters A–F counting 1–6).
    AmKey "AM_KEY" Error
        "Le numéro d'AM est invalide : sa forme ou sa clé ne correspond pas"
        "The AM number is invalid: its form or its key does not match";
    /// A code of specialty lies between 01 and 99.
    Specialty "SPECIALTY" Error
        "Le code de spécialité n'existe pas"
        "The code of specialty does not exist";
    /// A prescription is not of the future.
    PrescribedFuture "PRESCRIBED_FUTURE" Error
        "La date de prescription est postérieure à aujourd'hui"
        "The date of the prescription is after today";
    /// Care follows its prescription.
    PrescribedAfterAct "PRESCRIBED_AFTER_ACT" Error
        "La date de prescription est postérieure au premier acte"
        "The date of the prescription is after the first act";
    /// Letter keys of the auxiliaires médicaux (AMI, AIS, AMK, AMS, AMO, AMY) are acts on prescription (NGAP).
    PrescriberMissing "PRESCRIBER_MISSING" Warning
        "Un acte d'auxiliaire médical est porté sans prescripteur"
        "An act of a medical auxiliary is claimed without a prescriber";

    // Dates.

    /// The legal clock cannot start after today.
    ClockFuture "CLOCK_FUTURE" Error
        "La date qui ouvre le délai légal est postérieure à aujourd'hui"
        "The date that starts the legal clock is after today";
    /// A sheet is completed, or paid, when its care has been given (R161-42, 10° CSS).
    ClockBeforeCare "CLOCK_BEFORE_CARE" Error
        "La date d'établissement ou de paiement est antérieure au dernier acte"
        "The date of completion or payment is before the last act";
    /// A clock said to start with the last act has its date (R161-42, 10° CSS).
    ClockNotLastAct "CLOCK_NOT_LAST_ACT" Error
        "La date annoncée comme celle du dernier acte n'est pas celle du dernier acte"
        "The date said to be that of the last act is not the date of the last act";
    /// A clock said to start with the payment supposes that the patient paid.
    ClockPaidThirdParty "CLOCK_PAID_THIRD_PARTY" Warning
        "Le délai part du paiement, alors que le tiers payant porte sur les deux parts"
        "The clock starts with the payment, but third-party payment covers both parts";
    /// 3 or 8 jours ouvrés have passed (R161-47 CSS). Late is not lost: the document is admitted.
    DeadlinePassed "DEADLINE_PASSED" Warning
        "Le délai légal de transmission est déjà dépassé ; le document est transmis et compté en retard"
        "The legal deadline has already passed; the document is transmitted and counted as late";
    /// Care that is claimed has been given; only a PEC may announce it.
    ActFuture "ACT_FUTURE" Error
        "La date de l'acte est postérieure à aujourd'hui"
        "The date of the act is after today";
    /// A patient is born before any care.
    ActBeforeBirth "ACT_BEFORE_BIRTH" Error
        "L'acte est antérieur à la naissance du bénéficiaire"
        "The act is before the birth of the beneficiary";
    /// Care more than two years ago: the insurer may hold the claim to be time-barred.
    ActOld "ACT_OLD" Warning
        "L'acte remonte à plus de deux ans : l'organisme peut le juger prescrit"
        "The act is more than two years old: the insurer may hold it to be time-barred";
    /// The same act of the same day twice, to the cent, is more likely a fault.
    ActRepeated "ACT_REPEATED" Warning
        "Cette ligne répète une ligne précédente : même jour, même acte, mêmes montants"
        "This line repeats an earlier one: same day, same act, same amounts";
    /// An accident at work has a date.
    AccidentMissing "ACCIDENT_MISSING" Error
        "La date de l'accident manque pour un accident du travail ou une maladie professionnelle"
        "The date of the accident is missing for an accident at work or an occupational disease";
    /// Maternity, prevention and free military care know no accident.
    AccidentUnexpected "ACCIDENT_UNEXPECTED" Error
        "Une date d'accident ne convient pas à cette nature d'assurance"
        "A date of an accident does not fit this nature of insurance";
    /// Care of an accident follows the accident.
    AccidentAfterAct "ACCIDENT_AFTER_ACT" Error
        "La date de l'accident est postérieure au premier acte"
        "The date of the accident is after the first act";
    /// Nobody has an accident before being born.
    AccidentBeforeBirth "ACCIDENT_BEFORE_BIRTH" Error
        "La date de l'accident est antérieure à la naissance du bénéficiaire"
        "The date of the accident is before the birth of the beneficiary";

    // Codes of acts.

    /// An NGAP letter key: a capital, then up to four capitals or digits (B2: code acte on 4 + 1).
    NgapForm "NGAP_FORM" Error
        "La lettre-clé NGAP n'a pas la forme requise : une majuscule puis au plus quatre majuscules ou chiffres"
        "The NGAP letter key does not have the required form: a capital, then at most four capitals or digits";
    /// A CCAM code: four capitals and three digits.
    CcamForm "CCAM_FORM" Error
        "Le code CCAM n'a pas la forme requise : quatre majuscules et trois chiffres"
        "The CCAM code does not have the required form: four capitals and three digits";
    /// CCAM activities are numbered 1 to 5.
    CcamActivity "CCAM_ACTIVITY" Error
        "L'activité CCAM n'existe pas : elle va de 1 à 5"
        "The CCAM activity does not exist: it runs from 1 to 5";
    /// A CCAM modifier is applied once.
    CcamModifiers "CCAM_MODIFIERS" Error
        "Un même modificateur CCAM est répété"
        "The same CCAM modifier is repeated";
    /// A CCAM act has a price and no coefficient.
    CcamCoefficient "CCAM_COEFFICIENT" Error
        "Un acte CCAM n'a pas de coefficient : il vaut 1"
        "A CCAM act has no coefficient: it is 1";
    /// Qualifier G: a free act asks for no fee. The field's list of qualifiers is not public, so this only warns.
    QualifierFree "QUALIFIER_FREE" Warning
        "L'acte est qualifié de gratuit (G) mais porte des honoraires"
        "The act is qualified as free (G) but asks for fees";
    /// Qualifier N: an act that is not reimbursed asks nothing of the AMO. Warns only, for the same reason.
    QualifierNotReimbursed "QUALIFIER_NOT_REIMBURSED" Warning
        "L'acte est qualifié de non remboursable (N) mais demande une part AMO"
        "The act is qualified as not reimbursed (N) but asks for an AMO part";

    // Amounts.

    /// A document asks; it never gives back.
    AmountNegative "AMOUNT_NEGATIVE" Error
        "Un montant ne peut être négatif"
        "An amount cannot be negative";
    /// AMO part and AMC part together are at most the fees; what remains is the patient's.
    LineParts "LINE_PARTS" Error
        "Les parts AMO et AMC de la ligne dépassent ses honoraires"
        "The AMO and AMC parts of the line exceed its fees";
    /// The AMO part is base × rate, within a cent.
    LineBaseRate "LINE_BASE_RATE" Error
        "La part AMO de la ligne n'est pas la base multipliée par le taux, à un centime près"
        "The AMO part of the line is not its base times its rate, within a cent";
    /// NGAP: quantity × coefficient × unit price is the fees, or the base where fees exceed it, within a cent.
    LineUnit "LINE_UNIT" Error
        "Quantité × coefficient × prix unitaire n'est ni les honoraires ni la base de la ligne, à un centime près"
        "Quantity × coefficient × unit price is neither the fees nor the base of the line, within a cent";
    /// The base of a reimbursement is at most what was asked.
    LineBaseFees "LINE_BASE_FEES" Warning
        "La base de remboursement de la ligne dépasse ses honoraires"
        "The base of reimbursement of the line exceeds its fees";
    /// Total of the fees = sum of the lines.
    TotalFees "TOTAL_FEES" Error
        "Le total des honoraires n'est pas la somme des lignes"
        "The total of the fees is not the sum of the lines";
    /// Total of the AMO part = sum of the lines.
    TotalAmo "TOTAL_AMO" Error
        "Le total de la part AMO n'est pas la somme des lignes"
        "The total of the AMO part is not the sum of the lines";
    /// Total of the AMC part = sum of the lines.
    TotalAmc "TOTAL_AMC" Error
        "Le total de la part AMC n'est pas la somme des lignes"
        "The total of the AMC part is not the sum of the lines";
    /// An FSE asks for an AMC part only where its AMO settles it for a named AMC; a DRE asks the AMC itself.
    AmcUnnamed "AMC_UNNAMED" Error
        "La FSE demande une part AMC sans désigner l'AMC ; cette part se demande par une DRE ou en la désignant"
        "The FSE asks for an AMC part but names no AMC; name it, or ask for that part by a DRE";
    /// An AMC named as data has a part to settle.
    SettledForNothing "SETTLED_FOR_NOTHING" Warning
        "Une AMC est désignée mais aucune part AMC n'est demandée"
        "An AMC is named but no AMC part is asked for";
    /// A DRE asks an AMC for its part.
    DreWithoutAmc "DRE_WITHOUT_AMC" Error
        "La DRE ne demande aucune part AMC"
        "The DRE asks for no AMC part";
    /// An FSE that asks for nothing can never be settled.
    AsksNothing "ASKS_NOTHING" Warning
        "La FSE ne demande rien : aucun règlement n'en reviendra"
        "The FSE asks for nothing: no settlement of it will come back";
    /// An exemption from the co-payment shows in at least one line at 100 %.
    ExemptionRate "EXEMPTION_RATE" Warning
        "Une exonération du ticket modérateur est indiquée mais aucune ligne n'est à 100 %"
        "An exemption from the co-payment is given but no line is at 100 %";
    /// Care of an accident at work is reimbursed at 100 %.
    AccidentRate "ACCIDENT_RATE" Warning
        "La ligne d'un accident du travail ou d'une maladie professionnelle n'est pas à 100 %"
        "The line of an accident at work or an occupational disease is not at 100 %";
    /// State medical aid is care without payment by the patient.
    StateAidThirdParty "STATE_AID_THIRD_PARTY" Warning
        "L'aide médicale de l'État est indiquée sans tiers payant de la part AMO"
        "State medical aid is given without third-party payment of the AMO part";

    // Bytes carried.

    /// A piece is of a type that the insurers' staff can open.
    AttachmentType "ATTACHMENT_TYPE" Error
        "Le type de la pièce jointe n'est pas admis : PDF, JPEG, PNG ou TIFF"
        "The type of the attachment is not accepted: PDF, JPEG, PNG or TIFF";
    /// The piece is what its SHA-256 says.
    AttachmentDigest "ATTACHMENT_DIGEST" Error
        "L'empreinte SHA-256 de la pièce jointe ne correspond pas à son contenu"
        "The SHA-256 digest of the attachment does not match its content";
    /// The payload is what its SHA-256 says; it is carried unopened (R161-43 CSS: intact until transmission).
    PayloadDigest "PAYLOAD_DIGEST" Error
        "L'empreinte SHA-256 de la charge utile ne correspond pas à son contenu"
        "The SHA-256 digest of the payload does not match its content";
    /// What is carried has at least one byte.
    CarriedEmpty "CARRIED_EMPTY" Error
        "Le contenu transporté est vide"
        "The content carried is empty";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_distinct_and_well_formed() {
        let codes: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.code()).collect();
        assert_eq!(codes.len(), Rule::ALL.len());
        for code in codes {
            let form = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
            assert!(code.bytes().all(form), "{code}");
        }
    }

    #[test]
    fn each_text_is_its_own() {
        let mut seen = BTreeSet::new();
        for rule in Rule::ALL {
            for text in [rule.fr(), rule.en()] {
                assert!(!text.ends_with('.') && seen.insert(text), "{text}");
            }
        }
    }
}
