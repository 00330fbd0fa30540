//! A small reader of lots, written from the wire contract alone: it shares no code with their writer.

use std::ops::Range;

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// A lot as read, checked against itself.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) manifest: Manifest,
    /// Where each document's bytes are in the body, in the order of the manifest.
    pub(super) documents: Vec<Range<usize>>,
    /// SHA-256 of the whole body, in hexadecimal.
    pub(super) sha256: String,
}

/// The manifest, every field of it and no other.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) contract: String,
    pub(super) lot: String,
    pub(super) centre: String,
    pub(super) destination: Destination,
    pub(super) purpose: String,
    pub(super) documents: Vec<Entry>,
}

/// The destination of a lot.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub(super) enum Destination {
    Amo {
        regime: String,
        caisse: String,
        centre: String,
    },
    Amc {
        number: String,
    },
}

impl Destination {
    /// In one word.
    pub(super) fn text(&self) -> String {
        match self {
            Destination::Amo {
                regime,
                caisse,
                centre,
            } => format!("amo:{regime}{caisse}{centre}"),
            Destination::Amc { number } => format!("amc:{number}"),
        }
    }
}

/// One document of a manifest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) number: String,
    pub(super) kind: String,
    pub(super) media_type: String,
    pub(super) length: usize,
    pub(super) sha256: String,
}

/// What is wrong with a lot. Nothing in it comes from a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flaw(pub(super) &'static str);

/// The body is not that of its digest.
pub(super) const DIGEST: Flaw = Flaw("Repr-Digest is not that of the body");

/// The header that is right for a body.
pub(super) fn digest(body: &[u8]) -> String {
    digest_header(&Sha256::digest(body))
}

/// Whether the boundary stands where no part begins: a reader that looks for it would cut there.
pub(super) fn has_a_boundary_inside(opened: &Opened, body: &[u8]) -> bool {
    let head = body.iter().position(|byte| *byte == b'\r').unwrap_or(0);
    let delimiter = &body[..head];
    let inside = |range: &Range<usize>| {
        let mut windows = body[range.clone()].windows(delimiter.len().max(1));
        windows.any(|window| window == delimiter)
    };
    opened.documents.iter().any(inside)
}

/// Reads a lot: the frame, the manifest, and every length and digest.
pub(super) fn open(content_type: &str, repr_digest: &str, body: &[u8]) -> Result<Opened, Flaw> {
    let sha256 = Sha256::digest(body);
    if repr_digest != digest_header(&sha256) {
        return Err(DIGEST);
    }
    let delimiter = delimiter(content_type)?;
    let mut cursor = Cursor { body, at: 0 };
    cursor.expect(delimiter.as_bytes())?;
    cursor.expect(b"\r\n")?;
    let head = cursor.head()?;
    if head.value("content-type") != Some("application/json") {
        return Err(Flaw("the first part is not JSON"));
    }
    let length = head
        .value("content-length")
        .and_then(|text| text.parse().ok());
    let manifest = cursor.take(length.ok_or(Flaw("the manifest has no length"))?)?;
    let manifest: Manifest = serde_json::from_slice(&body[manifest])
        .map_err(|_| Flaw("the manifest is not in the words of the contract"))?;
    if manifest.contract != "bordereau-wire-1" {
        return Err(Flaw("the manifest is of another contract"));
    }
    let mut documents = Vec::with_capacity(manifest.documents.len());
    for entry in &manifest.documents {
        cursor.expect(b"\r\n")?;
        cursor.expect(delimiter.as_bytes())?;
        cursor.expect(b"\r\n")?;
        documents.push(document(&mut cursor, entry)?);
    }
    cursor.expect(b"\r\n")?;
    cursor.expect(delimiter.as_bytes())?;
    cursor.expect(b"--\r\n")?;
    if cursor.at != body.len() {
        return Err(Flaw("there is more after the last part"));
    }
    Ok(Opened {
        manifest,
        documents,
        sha256: hex(&sha256),
    })
}

fn document(cursor: &mut Cursor<'_>, entry: &Entry) -> Result<Range<usize>, Flaw> {
    let head = cursor.head()?;
    if head.value("content-type") != Some(&entry.media_type) {
        return Err(Flaw("a document is of another media type than its entry"));
    }
    if head.value("content-id") != Some(&format!("<{}@bordereau>", entry.id)) {
        return Err(Flaw("a document is not that of its entry"));
    }
    let range = cursor.take(entry.length)?;
    if hex(&Sha256::digest(&cursor.body[range.clone()])) != entry.sha256 {
        return Err(Flaw("a document's bytes are not those of its digest"));
    }
    Ok(range)
}

fn delimiter(content_type: &str) -> Result<String, Flaw> {
    let boundary = content_type
        .strip_prefix("multipart/mixed")
        .and_then(|rest| {
            rest.trim_start_matches([';', ' '])
                .strip_prefix("boundary=")
        })
        .ok_or(Flaw("Content-Type is not multipart/mixed with a boundary"))?;
    Ok(format!("--{}", boundary.trim_matches('"')))
}

struct Cursor<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn expect(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        let range = self.take(bytes.len())?;
        match &self.body[range] == bytes {
            true => Ok(()),
            false => Err(Flaw("a boundary is not where the lengths put it")),
        }
    }

    fn take(&mut self, length: usize) -> Result<Range<usize>, Flaw> {
        let end = self
            .at
            .checked_add(length)
            .filter(|end| *end <= self.body.len());
        let range = self.at..end.ok_or(Flaw("the body ends too early"))?;
        self.at = range.end;
        Ok(range)
    }

    /// The header of a part, up to and with its empty line.
    fn head(&mut self) -> Result<Head<'a>, Flaw> {
        let rest = &self.body[self.at..];
        let end = rest.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.ok_or(Flaw("the header of a part does not end"))?;
        self.at += end + 4;
        let text = std::str::from_utf8(&rest[..end]);
        text.map(Head)
            .map_err(|_| Flaw("the header of a part is not text"))
    }
}

struct Head<'a>(&'a str);

impl Head<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.split("\r\n").find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

fn digest_header(digest: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(digest);
    format!("sha-256=:{text}:")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/mixed; boundary=b";

    fn lot(document: &str, length: usize) -> Vec<u8> {
        let manifest = format!(
            concat!(
                r#"{{"contract":"bordereau-wire-1","lot":"L","centre":"C","destination":{{"amc":{{"number":"1"}}}},"#,
                r#""purpose":"real","documents":[{{"id":"D","number":"A-1","kind":"DRE","media_type":"application/xml","#,
                r#""length":{},"sha256":"{}"}}]}}"#
            ),
            length,
            hex(&Sha256::digest(document.as_bytes())),
        );
        format!(
            "--b\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{manifest}\r\n--b\r\n\
             Content-Type: application/xml\r\nContent-ID: <D@bordereau>\r\n\r\n{document}\r\n--b--\r\n",
            manifest.len(),
        )
        .into_bytes()
    }

    #[test]
    fn a_lot_is_cut_by_the_lengths_of_its_manifest() {
        let tricky = "<a>\r\n--b\r\n</a>";
        let body = lot(tricky, tricky.len());
        let opened = open(TYPE, &digest_header(&Sha256::digest(&body)), &body).unwrap();
        assert_eq!(&body[opened.documents[0].clone()], tricky.as_bytes());
        assert_eq!(opened.manifest.documents[0].number, "A-1");
    }

    #[test]
    fn every_flaw_is_found() {
        let good = lot("<a/>", 4);
        let changed = |from: &str, to: &str| {
            String::from_utf8(good.clone())
                .unwrap()
                .replacen(from, to, 1)
                .into_bytes()
        };
        for (body, content_type, flaw) in [
            (
                changed("<a/>", "<b/>"),
                TYPE,
                "a document's bytes are not those of its digest",
            ),
            (
                lot("<a/>", 3),
                TYPE,
                "a document's bytes are not those of its digest",
            ),
            (lot("<a/>", 4000), TYPE, "the body ends too early"),
            (
                changed("-wire-1", "-wire-2"),
                TYPE,
                "the manifest is of another contract",
            ),
            (
                changed("\"purpose\"", "\"intent\""),
                TYPE,
                "the manifest is not in the words of the contract",
            ),
            (
                changed("<D@", "<E@"),
                TYPE,
                "a document is not that of its entry",
            ),
            (
                changed("application/xml\r\n", "text/xml\r\n"),
                TYPE,
                "a document is of another media type than its entry",
            ),
            (
                changed("--b--\r\n", "--b--\r\n\r\n"),
                TYPE,
                "there is more after the last part",
            ),
            (
                changed("\r\n--b--", "\r\n--c--"),
                TYPE,
                "a boundary is not where the lengths put it",
            ),
            (
                good.clone(),
                "application/json",
                "Content-Type is not multipart/mixed with a boundary",
            ),
        ] {
            let digest = digest_header(&Sha256::digest(&body));
            assert_eq!(open(content_type, &digest, &body).unwrap_err(), Flaw(flaw));
        }
        assert_eq!(
            open(TYPE, &digest_header(&[0; 32]), &good).unwrap_err(),
            Flaw("Repr-Digest is not that of the body")
        );
    }
}
