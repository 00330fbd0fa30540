//! The closed list of findings of this room: stable codes, their layer, their words in French and English.

use crate::claims::finding::Layer;

/// A kind of fault of form. The code's text is stable: programs branch on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(
    missing_docs,
    reason = "the words of each code are its documentation, in the table below"
)]
pub enum Code {
    XmlSize,
    XmlEncoding,
    XmlCharacter,
    XmlSyntax,
    XmlRoot,
    XmlDoctype,
    XmlEntity,
    XmlNamespace,
    XmlAttributeTwice,
    XmlDepth,
    XmlAttributes,
    XmlElements,
    XmlText,
    XsdRoot,
    XsdElementUnexpected,
    XsdElementMissing,
    XsdAttributeUnexpected,
    XsdAttributeMissing,
    XsdTextUnexpected,
    XsdType,
    XsdNil,
    XsdFixed,
    XsdValueType,
    XsdValuePattern,
    XsdValueEnumeration,
    XsdValueLength,
    XsdValueDigits,
    XsdValueRange,
    XsdIdTwice,
    XsdIdUnknown,
    XsdKeyMissing,
    XsdKeyTwice,
    XsdKeyUnknown,
    XsdFindings,
}

/// Every code, in the order of the documentation.
pub const CODES: &[Code] = &[
    Code::XmlSize,
    Code::XmlEncoding,
    Code::XmlCharacter,
    Code::XmlSyntax,
    Code::XmlRoot,
    Code::XmlDoctype,
    Code::XmlEntity,
    Code::XmlNamespace,
    Code::XmlAttributeTwice,
    Code::XmlDepth,
    Code::XmlAttributes,
    Code::XmlElements,
    Code::XmlText,
    Code::XsdRoot,
    Code::XsdElementUnexpected,
    Code::XsdElementMissing,
    Code::XsdAttributeUnexpected,
    Code::XsdAttributeMissing,
    Code::XsdTextUnexpected,
    Code::XsdType,
    Code::XsdNil,
    Code::XsdFixed,
    Code::XsdValueType,
    Code::XsdValuePattern,
    Code::XsdValueEnumeration,
    Code::XsdValueLength,
    Code::XsdValueDigits,
    Code::XsdValueRange,
    Code::XsdIdTwice,
    Code::XsdIdUnknown,
    Code::XsdKeyMissing,
    Code::XsdKeyTwice,
    Code::XsdKeyUnknown,
    Code::XsdFindings,
];

struct Row {
    code: &'static str,
    layer: Layer,
    fr: &'static str,
    en: &'static str,
}

const fn xml(code: &'static str, fr: &'static str, en: &'static str) -> Row {
    Row {
        code,
        layer: Layer::WellFormed,
        fr,
        en,
    }
}

const fn xsd(code: &'static str, fr: &'static str, en: &'static str) -> Row {
    Row {
        code,
        layer: Layer::Structure,
        fr,
        en,
    }
}

impl Code {
    /// The stable text, for example `XSD_ELEMENT_MISSING`.
    pub fn as_str(self) -> &'static str {
        self.row().code
    }

    /// The check that finds it.
    pub fn layer(self) -> Layer {
        self.row().layer
    }

    /// What it says in French, before the details.
    pub fn fr(self) -> &'static str {
        self.row().fr
    }

    /// What it says in English, before the details.
    pub fn en(self) -> &'static str {
        self.row().en
    }

    #[rustfmt::skip]
    fn row(self) -> Row {
        match self {
            Code::XmlSize => xml("XML_SIZE", "Le document est trop grand", "The document is too large"),
            Code::XmlEncoding => xml("XML_ENCODING", "L'encodage n'est pas admis, ou contredit les octets", "The encoding is not allowed, or contradicts the bytes"),
            Code::XmlCharacter => xml("XML_CHARACTER", "Un caractère n'est pas permis en XML", "A character is not allowed in XML"),
            Code::XmlSyntax => xml("XML_SYNTAX", "Le document n'est pas du XML bien formé", "The document is not well-formed XML"),
            Code::XmlRoot => xml("XML_ROOT", "Le document doit avoir un seul élément racine, et rien autour", "The document must have one root element and nothing around it"),
            Code::XmlDoctype => xml("XML_DOCTYPE", "Une déclaration DOCTYPE n'est pas admise", "A DOCTYPE declaration is not allowed"),
            Code::XmlEntity => xml("XML_ENTITY", "Une référence n'est pas admise : seules le sont les cinq entités prédéfinies et les références de caractère", "A reference is not allowed: only the five predefined entities and character references are"),
            Code::XmlNamespace => xml("XML_NAMESPACE", "Un préfixe ou un espace de noms est mal déclaré", "A prefix or a namespace is not properly declared"),
            Code::XmlAttributeTwice => xml("XML_ATTRIBUTE_TWICE", "Un attribut figure deux fois", "An attribute is given twice"),
            Code::XmlDepth => xml("XML_DEPTH", "Les éléments sont emboîtés trop profondément", "Elements are nested too deeply"),
            Code::XmlAttributes => xml("XML_ATTRIBUTES", "Un élément porte trop d'attributs", "An element has too many attributes"),
            Code::XmlElements => xml("XML_ELEMENTS", "Le document compte trop d'éléments", "The document has too many elements"),
            Code::XmlText => xml("XML_TEXT", "Un texte est trop long", "A text is too long"),
            Code::XsdRoot => xsd("XSD_ROOT", "L'élément racine n'est pas celui d'un document connu", "The root element is not that of a known document"),
            Code::XsdElementUnexpected => xsd("XSD_ELEMENT_UNEXPECTED", "Un élément n'est pas attendu ici", "An element is not expected here"),
            Code::XsdElementMissing => xsd("XSD_ELEMENT_MISSING", "Un élément manque ici", "An element is missing here"),
            Code::XsdAttributeUnexpected => xsd("XSD_ATTRIBUTE_UNEXPECTED", "Un attribut n'est pas attendu ici", "An attribute is not expected here"),
            Code::XsdAttributeMissing => xsd("XSD_ATTRIBUTE_MISSING", "Un attribut obligatoire manque", "A required attribute is missing"),
            Code::XsdTextUnexpected => xsd("XSD_TEXT_UNEXPECTED", "Du texte n'est pas attendu ici", "Text is not expected here"),
            Code::XsdType => xsd("XSD_TYPE", "Choisir un type par xsi:type n'est pas admis", "Choosing a type by xsi:type is not allowed"),
            Code::XsdNil => xsd("XSD_NIL", "xsi:nil n'est pas admis ici", "xsi:nil is not allowed here"),
            Code::XsdFixed => xsd("XSD_FIXED", "La valeur n'est pas celle que le schéma fixe", "The value is not the one that the schema fixes"),
            Code::XsdValueType => xsd("XSD_VALUE_TYPE", "La valeur n'est pas du type voulu", "The value is not of the required type"),
            Code::XsdValuePattern => xsd("XSD_VALUE_PATTERN", "La valeur n'a pas la forme voulue", "The value does not have the required form"),
            Code::XsdValueEnumeration => xsd("XSD_VALUE_ENUMERATION", "La valeur n'est pas dans la liste", "The value is not in the list"),
            Code::XsdValueLength => xsd("XSD_VALUE_LENGTH", "La longueur de la valeur n'est pas admise", "The length of the value is not allowed"),
            Code::XsdValueDigits => xsd("XSD_VALUE_DIGITS", "La valeur a trop de chiffres", "The value has too many digits"),
            Code::XsdValueRange => xsd("XSD_VALUE_RANGE", "La valeur est hors des bornes", "The value is out of bounds"),
            Code::XsdIdTwice => xsd("XSD_ID_TWICE", "Un identifiant (xs:ID) figure deux fois", "An identifier (xs:ID) is given twice"),
            Code::XsdIdUnknown => xsd("XSD_ID_UNKNOWN", "Une référence (xs:IDREF) ne désigne rien", "A reference (xs:IDREF) points at nothing"),
            Code::XsdKeyMissing => xsd("XSD_KEY_MISSING", "Une clé n'est pas complète", "A key is not complete"),
            Code::XsdKeyTwice => xsd("XSD_KEY_TWICE", "Une clé figure deux fois", "A key is given twice"),
            Code::XsdKeyUnknown => xsd("XSD_KEY_UNKNOWN", "Une référence ne désigne aucune clé", "A reference points at no key"),
            Code::XsdFindings => xsd("XSD_FINDINGS", "Trop de constats : la lecture s'arrête ici", "Too many findings: reading stops here"),
        }
    }
}
