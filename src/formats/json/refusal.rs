//! An insurer's refusal in its own words, as it is kept beside the ledger: content, never logged.

use serde::{Deserialize, Serialize};

use crate::claims::id::{DocumentId, Name};
use crate::claims::outcome::{Named, Refusal};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    code: Option<String>,
    text: Option<String>,
    documents: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    code: Option<String>,
    text: Option<String>,
}

/// The bytes to keep.
pub fn write(refusal: &Refusal) -> Vec<u8> {
    let code = |code: &Option<Name>| code.as_ref().map(ToString::to_string);
    let documents = refusal.named.iter().map(|named| Row {
        id: named.document.to_string(),
        code: code(&named.code),
        text: named.text.clone(),
    });
    let body = Body {
        code: code(&refusal.code),
        text: refusal.text.clone(),
        documents: documents.collect(),
    };
    serde_json::to_vec(&body).expect("texts and lists of texts have a JSON form")
}

/// Reads them again; none if they are not such bytes.
pub fn read(bytes: &[u8]) -> Option<Refusal> {
    let body: Body = serde_json::from_slice(bytes).ok()?;
    let code = |code: Option<String>| code.and_then(|code| Name::parse(&code).ok());
    let named = body.documents.into_iter().map(|row| {
        Some(Named {
            document: DocumentId::parse(&row.id).ok()?,
            code: code(row.code),
            text: row.text,
        })
    });
    Some(Refusal {
        code: code(body.code),
        text: body.text,
        named: named.collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_as_it_was_written() {
        let name = |text| Name::parse(text).ok();
        let refusal = Refusal {
            code: name("R1"),
            text: Some("lot refusé".into()),
            named: vec![Named {
                document: DocumentId(7),
                code: name("R2"),
                text: None,
            }],
        };
        assert!(read(&write(&refusal)) == Some(refusal));
        assert!(read(b"{}").is_none());
    }
}
