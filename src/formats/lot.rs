//! A lot as it goes over the wire: `multipart/mixed`, the manifest first, then each document's bytes as
//! posted (schemas/wire-1.openapi.yaml).
//!
//! The bytes are a function of the manifest and the documents, so every attempt sends the same ones and
//! they need not be stored: they are composed again, and the digest of the sealing proves that they are
//! the same. Document bytes are never copied, changed or looked into.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::claims::document::{Kind, Purpose};
use crate::claims::id::{Destination, Digest, DocumentId, Finess, LotId, Number};
use crate::formats::json;

/// Who sends what to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lot {
    /// Our id.
    pub id: LotId,
    /// The one sender.
    pub centre: Finess,
    /// The one destination.
    pub destination: Destination,
    /// Real or test.
    pub purpose: Purpose,
}

/// One document to be composed into a lot.
#[derive(Clone)]
pub struct Piece {
    /// Our id.
    pub document: DocumentId,
    /// Numéro of the centre.
    pub number: Number,
    /// Kind.
    pub kind: Kind,
    /// What its bytes are.
    pub media_type: MediaType,
    bytes: Bytes,
    digest: Digest,
}

/// What the bytes of a document are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaType {
    /// A document of `urn:bordereau:document:1`.
    Xml,
}

/// What stands in the manifest about one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Our id.
    pub document: DocumentId,
    /// Numéro of the centre.
    pub number: Number,
    /// Kind.
    pub kind: Kind,
    /// What its bytes are.
    pub media_type: MediaType,
    /// Length of its bytes.
    pub length: u64,
    /// SHA-256 of its bytes.
    pub digest: Digest,
}

/// A lot ready to be sent.
#[derive(Clone)]
pub struct Composed {
    /// Who sends what to whom.
    pub lot: Lot,
    /// Its documents, in order.
    pub rows: Vec<Row>,
    /// The body in pieces; one after the other they are the bytes on the wire. The document at index
    /// `n` of `rows` is segment `2n + 1`.
    pub segments: Vec<Bytes>,
    /// SHA-256 of the whole body.
    pub digest: Digest,
    /// Length of the whole body in bytes.
    pub length: u64,
}

impl Piece {
    /// A document with its bytes as posted, which are hashed here, once.
    pub fn new(
        document: DocumentId,
        number: Number,
        kind: Kind,
        media_type: MediaType,
        bytes: Bytes,
    ) -> Piece {
        Piece {
            document,
            number,
            kind,
            media_type,
            digest: Digest(Sha256::digest(&bytes).into()),
            bytes,
        }
    }

    /// SHA-256 of its bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// Composes a lot of these documents, in this order.
pub fn compose(lot: Lot, pieces: Vec<Piece>) -> Composed {
    let rows: Vec<Row> = pieces.iter().map(row).collect();
    let delimiter = format!("--{}\r\n", boundary(lot.id));
    let manifest = json::manifest::write(&lot, &rows);
    let mut frame = delimiter.clone().into_bytes();
    head(&mut frame, "application/json", manifest.len() as u64, None);
    frame.extend_from_slice(&manifest);

    let mut body = Body::default();
    for (piece, row) in pieces.into_iter().zip(&rows) {
        frame.extend_from_slice(b"\r\n");
        frame.extend_from_slice(delimiter.as_bytes());
        head(
            &mut frame,
            row.media_type.as_str(),
            row.length,
            Some(row.document),
        );
        body.push(std::mem::take(&mut frame).into());
        body.push(piece.bytes);
    }
    frame.extend_from_slice(format!("\r\n--{}--\r\n", boundary(lot.id)).as_bytes());
    body.push(frame.into());
    Composed {
        lot,
        rows,
        segments: body.segments,
        digest: Digest(body.hash.finalize().into()),
        length: body.length,
    }
}

/// The boundary of a lot. It derives from the id, which is drawn when the lot is sealed: a document that
/// was posted before cannot hold it but by a chance of 2⁻⁷⁴, and a reader that cuts by the lengths of
/// the manifest would not even then be misled.
pub fn boundary(lot: LotId) -> String {
    format!("bordereau-{:032x}", lot.0)
}

impl Composed {
    /// Value of the header `Content-Type`.
    pub fn content_type(&self) -> String {
        format!("multipart/mixed; boundary={}", boundary(self.lot.id))
    }

    /// Whether the bytes are those of the digest and the length: checked before every attempt, against
    /// what was sealed.
    pub fn is_whole(&self) -> bool {
        let mut body = Body::default();
        self.segments
            .iter()
            .cloned()
            .for_each(|segment| body.push(segment));
        body.length == self.length && Digest(body.hash.finalize().into()) == self.digest
    }
}

impl MediaType {
    /// The name registered for it.
    pub fn as_str(self) -> &'static str {
        match self {
            MediaType::Xml => "application/xml",
        }
    }
}

fn row(piece: &Piece) -> Row {
    Row {
        document: piece.document,
        number: piece.number,
        kind: piece.kind,
        media_type: piece.media_type,
        length: piece.bytes.len() as u64,
        digest: piece.digest,
    }
}

/// The header of a part.
fn head(frame: &mut Vec<u8>, media_type: &str, length: u64, document: Option<DocumentId>) {
    let mut text = format!("Content-Type: {media_type}\r\nContent-Length: {length}\r\n");
    if let Some(document) = document {
        text.push_str(&format!("Content-ID: <{document}@bordereau>\r\n"));
    }
    text.push_str("\r\n");
    frame.extend_from_slice(text.as_bytes());
}

/// The body as it grows.
#[derive(Default)]
struct Body {
    segments: Vec<Bytes>,
    hash: Sha256,
    length: u64,
}

impl Body {
    fn push(&mut self, segment: Bytes) {
        self.hash.update(&segment);
        self.length += segment.len() as u64;
        self.segments.push(segment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::id::{Amc, Amo};

    fn lot(destination: Destination) -> Lot {
        Lot {
            id: LotId(0x0192_f3a4_5b6c_7d8e_9fa0_b1c2_d3e4_f506),
            centre: Finess::parse("750712184").unwrap(),
            destination,
            purpose: Purpose::Real,
        }
    }

    fn pieces() -> Vec<Piece> {
        [
            (1, "A-1", Kind::Fse, "<a/>"),
            (2, "B-2", Kind::Pj, "\r\n--b\0\r\n"),
        ]
        .into_iter()
        .map(|(id, number, kind, bytes)| {
            let number = Number::parse(number).unwrap();
            let bytes = Bytes::from_static(bytes.as_bytes());
            Piece::new(DocumentId(id), number, kind, MediaType::Xml, bytes)
        })
        .collect()
    }

    fn joined(composed: &Composed) -> Vec<u8> {
        composed.segments.concat()
    }

    /// Not one byte may change for as long as the contract has this version: lots sealed by an older
    /// gateway are composed again by a newer one.
    #[test]
    #[rustfmt::skip]
    fn the_bytes_on_the_wire_are_these() {
        let amc = Destination::Amc(Amc::parse("12345678").unwrap());
        let body = String::from_utf8(joined(&compose(lot(amc), pieces()))).unwrap();
        assert_eq!(body, concat!(
            "--bordereau-0192f3a45b6c7d8e9fa0b1c2d3e4f506\r\n",
            "Content-Type: application/json\r\nContent-Length: 555\r\n\r\n",
            r#"{"contract":"bordereau-wire-1","lot":"0192f3a4-5b6c-7d8e-9fa0-b1c2d3e4f506","centre":"750712184","#,
            r#""destination":{"amc":{"number":"12345678"}},"purpose":"real","documents":["#,
            r#"{"id":"00000000-0000-0000-0000-000000000001","number":"A-1","kind":"FSE","media_type":"application/xml","#,
            r#""length":4,"sha256":"29114363f749a0226b6988dda3ca2492a954117ab6b5f382706c20300dabc079"},"#,
            r#"{"id":"00000000-0000-0000-0000-000000000002","number":"B-2","kind":"PJ","media_type":"application/xml","#,
            r#""length":8,"sha256":"0cf974fc5bf2867cb3cbee86f784c73ef3689f114020c312e43296e01df18307"}]}"#,
            "\r\n--bordereau-0192f3a45b6c7d8e9fa0b1c2d3e4f506\r\n",
            "Content-Type: application/xml\r\nContent-Length: 4\r\n",
            "Content-ID: <00000000-0000-0000-0000-000000000001@bordereau>\r\n\r\n<a/>",
            "\r\n--bordereau-0192f3a45b6c7d8e9fa0b1c2d3e4f506\r\n",
            "Content-Type: application/xml\r\nContent-Length: 8\r\n",
            "Content-ID: <00000000-0000-0000-0000-000000000002@bordereau>\r\n\r\n\r\n--b\0\r\n",
            "\r\n--bordereau-0192f3a45b6c7d8e9fa0b1c2d3e4f506--\r\n",
        ));
    }

    #[test]
    fn every_composition_gives_the_same_bytes_and_says_so() {
        let amo = Destination::Amo(Amo::new("01", "751", "0000").unwrap());
        let (first, second) = (compose(lot(amo), pieces()), compose(lot(amo), pieces()));
        let body = joined(&first);
        assert_eq!(body, joined(&second));
        assert_eq!(first.length, body.len() as u64);
        assert_eq!(first.digest, Digest(Sha256::digest(&body).into()));
        for (index, row) in first.rows.iter().enumerate() {
            let bytes = &first.segments[2 * index + 1];
            assert_eq!(row.digest, Digest(Sha256::digest(bytes).into()));
            assert_eq!(row.length, bytes.len() as u64);
        }
    }

    #[test]
    fn document_bytes_are_not_copied() {
        let amo = Destination::Amo(Amo::new("01", "751", "0000").unwrap());
        let pieces = pieces();
        let addresses: Vec<_> = pieces.iter().map(|piece| piece.bytes.as_ptr()).collect();
        let composed = compose(lot(amo), pieces);
        for (index, address) in addresses.into_iter().enumerate() {
            assert_eq!(composed.segments[2 * index + 1].as_ptr(), address);
        }
    }
}
