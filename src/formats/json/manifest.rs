//! The manifest of a lot. Its bytes are part of the lot's digest: fields stand in this order, without
//! blanks, for as long as the contract has this version.

use serde::Serialize;

use crate::claims::document::Purpose;
use crate::claims::id::Destination;
use crate::formats::lot::{Lot, Row};

/// The version of the wire contract (schemas/wire-1.openapi.yaml).
pub const CONTRACT: &str = "bordereau-wire-1";

/// Writes the manifest of a lot.
pub fn write(lot: &Lot, rows: &[Row]) -> Vec<u8> {
    let text = Text {
        contract: CONTRACT,
        lot: lot.id.to_string(),
        centre: lot.centre.as_str(),
        destination: match &lot.destination {
            Destination::Amo(amo) => DestinationText::Amo {
                regime: amo.regime(),
                caisse: amo.caisse(),
                centre: amo.centre(),
            },
            Destination::Amc(amc) => DestinationText::Amc {
                number: amc.as_str(),
            },
        },
        purpose: match lot.purpose {
            Purpose::Real => "real",
            Purpose::Test => "test",
        },
        documents: rows.iter().map(RowText::of).collect(),
    };
    serde_json::to_vec(&text).expect("plain texts and numbers can be written")
}

#[derive(Serialize)]
struct Text<'a> {
    contract: &'a str,
    lot: String,
    centre: &'a str,
    destination: DestinationText<'a>,
    purpose: &'a str,
    documents: Vec<RowText<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum DestinationText<'a> {
    Amo {
        regime: &'a str,
        caisse: &'a str,
        centre: &'a str,
    },
    Amc {
        number: &'a str,
    },
}

#[derive(Serialize)]
struct RowText<'a> {
    id: String,
    number: &'a str,
    kind: &'a str,
    media_type: &'a str,
    length: u64,
    sha256: String,
}

impl RowText<'_> {
    fn of(row: &Row) -> RowText<'_> {
        RowText {
            id: row.document.to_string(),
            number: row.number.as_str(),
            kind: row.kind.as_str(),
            media_type: row.media_type.as_str(),
            length: row.length,
            sha256: row.digest.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CONTRACT;
    use crate::claims::document::Kind;
    use crate::formats::lot::MediaType;

    #[test]
    fn the_contract_names_every_word_that_is_written() {
        let contract = include_str!("../../../schemas/wire-1.openapi.yaml");
        let kinds = Kind::ALL.map(Kind::as_str).join(", ");
        for line in [
            format!("const: {CONTRACT}"),
            format!("enum: [{kinds}]"),
            format!("enum: [{}]", MediaType::Xml.as_str()),
            "enum: [real, test]".to_owned(),
            "required: [contract, lot, centre, destination, purpose, documents]".to_owned(),
            "required: [id, number, kind, media_type, length, sha256]".to_owned(),
        ] {
            assert!(contract.contains(&line), "{line}");
        }
    }
}
