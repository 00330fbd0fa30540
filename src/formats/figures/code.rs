//! What can be wrong with a file of figures.

use std::borrow::Cow;

use crate::claims::finding::{Finding, Layer, Place, Severity};

/// A kind of fault. The code's text is stable: programs branch on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The file is too large.
    Size,
    /// It is not UTF-8.
    Encoding,
    /// It is no table: a row has another number of fields than the header.
    Table,
    /// The header lacks a column, repeats one, or has one that is not known.
    Header,
    /// A row is neither a count nor a document, or both.
    Row,
    /// The FINESS is not one.
    Centre,
    /// The kind is not known.
    Kind,
    /// The type or mode is not known.
    Class,
    /// A caisse does not record this kind so.
    KindClass,
    /// The month is not one.
    Month,
    /// The count is not a whole number, or too large.
    Count,
    /// The numéro is not one, or is missing on an electronic document.
    Number,
    /// The date is not a day.
    Date,
    /// The day of reception is not a day.
    Received,
    /// The same count is given twice.
    Repeated,
    /// There is no row.
    Empty,
    /// Reading ended at the limit of findings.
    TooMany,
}

/// Every code, in the order of the documentation.
pub const CODES: &[Code] = &[
    Code::Size,
    Code::Encoding,
    Code::Table,
    Code::Header,
    Code::Row,
    Code::Centre,
    Code::Kind,
    Code::Class,
    Code::KindClass,
    Code::Month,
    Code::Count,
    Code::Number,
    Code::Date,
    Code::Received,
    Code::Repeated,
    Code::Empty,
    Code::TooMany,
];

impl Code {
    /// The stable text.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Size => "FIGURES_SIZE",
            Code::Encoding => "FIGURES_ENCODING",
            Code::Table => "FIGURES_TABLE",
            Code::Header => "FIGURES_HEADER",
            Code::Row => "FIGURES_ROW",
            Code::Centre => "FIGURES_CENTRE",
            Code::Kind => "FIGURES_KIND",
            Code::Class => "FIGURES_TYPE",
            Code::KindClass => "FIGURES_KIND_TYPE",
            Code::Month => "FIGURES_MONTH",
            Code::Count => "FIGURES_COUNT",
            Code::Number => "FIGURES_NUMBER",
            Code::Date => "FIGURES_DATE",
            Code::Received => "FIGURES_RECEIVED",
            Code::Repeated => "FIGURES_REPEATED",
            Code::Empty => "FIGURES_EMPTY",
            Code::TooMany => "FIGURES_TOO_MANY",
        }
    }

    /// What it says in French.
    pub fn fr(self) -> &'static str {
        match self {
            Code::Size => "Le fichier dépasse la taille admise",
            Code::Encoding => "Le fichier doit être en UTF-8",
            Code::Table => "La ligne n'a pas le même nombre de champs que l'en-tête",
            Code::Header => "L'en-tête : une colonne manque, est répétée ou n'est pas connue",
            Code::Row => "Une ligne porte soit `month` et `count`, soit `date`",
            Code::Centre => "Le FINESS du centre n'est pas valide",
            Code::Kind => "Le type de document doit être FSE, DRE, PJ ou PEC",
            Code::Class => "La lettre ne figure pas dans la liste de la colonne",
            Code::KindClass => "Ce type de document n'est pas enregistré sous cette lettre",
            Code::Month => "Le mois doit s'écrire 2026-10",
            Code::Count => "Le nombre doit être un entier de 0 à 1 000 000 000",
            Code::Number => {
                "Le numéro doit avoir 1 à 20 lettres majuscules, chiffres ou tirets ; seul le papier peut ne pas en avoir"
            }
            Code::Date => "La date doit s'écrire 2026-10-31",
            Code::Received => "La date de réception doit s'écrire 2026-10-31",
            Code::Repeated => "Le même centre, mois, type et lettre figure déjà plus haut",
            Code::Empty => "Le fichier ne contient aucune ligne",
            Code::TooMany => "Trop d'anomalies : la lecture s'arrête ici",
        }
    }

    /// What it says in English.
    pub fn en(self) -> &'static str {
        match self {
            Code::Size => "The file is larger than allowed",
            Code::Encoding => "The file must be in UTF-8",
            Code::Table => "The row has another number of fields than the header",
            Code::Header => "In the header a column is missing, repeated or not known",
            Code::Row => "A row has either `month` and `count`, or `date`",
            Code::Centre => "The FINESS of the centre is not valid",
            Code::Kind => "The kind must be FSE, DRE, PJ or PEC",
            Code::Class => "The letter is not in the list of this column",
            Code::KindClass => "A document of this kind is not recorded under this letter",
            Code::Month => "The month must be written 2026-10",
            Code::Count => "The count must be a whole number from 0 to 1,000,000,000",
            Code::Number => {
                "The number must have 1 to 20 upper-case letters, digits or hyphens; only paper may have none"
            }
            Code::Date => "The date must be written 2026-10-31",
            Code::Received => "The day of reception must be written 2026-10-31",
            Code::Repeated => "The same centre, month, kind and letter stands above already",
            Code::Empty => "The file has no row",
            Code::TooMany => "Too many findings: the reading ends here",
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
            Code::Size | Code::Encoding | Code::TooMany => Layer::WellFormed,
            Code::Table | Code::Header | Code::Row | Code::Empty => Layer::Structure,
            Code::Centre
            | Code::Kind
            | Code::Class
            | Code::KindClass
            | Code::Month
            | Code::Count
            | Code::Number
            | Code::Date
            | Code::Received
            | Code::Repeated => Layer::Rule,
        }
    }
}
