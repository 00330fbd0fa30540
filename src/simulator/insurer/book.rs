//! The insurer's own book: what it took and refused, and what should never have come. Lines of JSON in one
//! file, each synced before its request is answered. It is what the gateway's account is held against, so
//! it is kept from the bytes that came and from nothing the gateway says elsewhere.
//!
//! A crash leaves whole lines and at most one torn line at the end, whose request was never answered; it is
//! cut off when the book is opened again.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::amounts::{Amounts, Settled, look};
use super::multipart::Opened;
use super::plan::{Rule, pick};
use crate::claims::document::{Kind, Purpose};
use crate::claims::id::{Destination, Digest, DocumentId, Finess, LotId, Number};
use crate::claims::time::Timestamp;

/// What stands in the book.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Lots taken.
    pub lots: BTreeMap<LotId, Taken>,
    /// Lots refused.
    pub refused: BTreeMap<LotId, Refused>,
    /// Documents taken, and the lot they came in.
    pub documents: BTreeMap<DocumentId, LotId>,
    /// What should never have come, in order, in words without values.
    pub breaches: Vec<String>,
}

/// A lot taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// SHA-256 of the body as it came.
    pub digest: Digest,
    /// The sender.
    pub centre: Finess,
    /// The insurer that it was sent to.
    pub destination: Destination,
    /// Real or test.
    pub purpose: Purpose,
    /// When.
    pub at: Timestamp,
    /// Its documents, in order.
    pub documents: Vec<Booked>,
}

/// A document taken.
#[derive(Clone, Debug)]
pub struct Booked {
    /// Its id in the manifest.
    pub id: DocumentId,
    /// Its numéro.
    pub number: Number,
    /// Its kind.
    pub kind: Kind,
    /// SHA-256 of its bytes as they came.
    pub digest: Digest,
    /// Their length.
    pub length: u64,
    /// What it asks.
    pub amounts: Amounts,
}

/// A lot refused.
#[derive(Clone, Debug)]
pub struct Refused {
    /// SHA-256 of the body as it came.
    pub digest: Digest,
    /// The documents at fault, each with a code and a text.
    pub named: Vec<(DocumentId, Option<String>, Option<String>)>,
}

/// What the book says to a lot that came.
pub(super) enum Verdict {
    /// Taken now.
    Taken,
    /// Taken before, with the same bytes.
    TakenBefore,
    /// Refused, now or before.
    Refused(Refused),
    /// Other bytes stand under its id.
    OtherBytes,
}

/// Code under which a lot is refused that brings a document taken before.
const TWICE: &str = "TAKEN-BEFORE";

/// The book and its file.
pub(super) struct Book {
    file: File,
    /// Bytes of whole lines.
    length: u64,
    contents: Contents,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Taken {
        lot: String,
        sha256: String,
        centre: String,
        destination: String,
        test: bool,
        at: i64,
        documents: Vec<BookedLine>,
    },
    Refused {
        lot: String,
        sha256: String,
        documents: Vec<(String, Option<String>, Option<String>)>,
    },
    Breach(String),
}

#[derive(Serialize, Deserialize)]
struct BookedLine {
    id: String,
    number: String,
    kind: String,
    sha256: String,
    length: u64,
    amo: i64,
    amc: i64,
    together: bool,
}

impl Book {
    /// Opens the book, reads what stands in it, and cuts off a torn line.
    pub(super) fn open(path: &Path) -> io::Result<Book> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::Start(whole as u64))?;
        let mut contents = Contents::default();
        for line in text[..whole]
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let line: Line = serde_json::from_slice(line).map_err(io::Error::other)?;
            contents
                .apply(&line)
                .ok_or_else(|| io::Error::other("a line of the book cannot be read"))?;
        }
        Ok(Book {
            file,
            length: whole as u64,
            contents,
        })
    }

    pub(super) fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Judges a lot that came, and writes down what is new before it says so.
    pub(super) fn receive(
        &mut self,
        opened: &Opened,
        body: &[u8],
        refused: &[Rule],
        at: Timestamp,
    ) -> io::Result<Option<(LotId, Verdict)>> {
        let (Some(line), Ok(lot)) = (
            taken_line(opened, body, at),
            LotId::parse(&opened.manifest.lot),
        ) else {
            return Ok(None);
        };
        if let Some(verdict) = self.known(lot, &opened.sha256)? {
            return Ok(Some((lot, verdict)));
        }
        if let Some(line) = self.refusal(&line, refused) {
            self.write(&line)?;
        } else {
            self.write(&line)?;
        }
        let verdict = match self.contents.refused.get(&lot) {
            Some(refused) => Verdict::Refused(refused.clone()),
            None => Verdict::Taken,
        };
        Ok(Some((lot, verdict)))
    }

    fn known(&mut self, lot: LotId, sha256: &str) -> io::Result<Option<Verdict>> {
        let taken = self.contents.lots.get(&lot).map(|taken| taken.digest);
        let refused = self.contents.refused.get(&lot).cloned();
        let before = taken.or(refused.as_ref().map(|refused| refused.digest));
        match before {
            None => Ok(None),
            Some(digest) if digest.to_string() != sha256 => {
                self.write(&Line::Breach(format!("other bytes came under lot {lot}")))?;
                Ok(Some(Verdict::OtherBytes))
            }
            Some(_) => Ok(Some(refused.map_or(Verdict::TakenBefore, Verdict::Refused))),
        }
    }

    /// The line that refuses a lot, if one of its documents is at fault.
    fn refusal(&mut self, line: &Line, rules: &[Rule]) -> Option<Line> {
        let Line::Taken {
            lot,
            sha256,
            documents,
            ..
        } = line
        else {
            return None;
        };
        let mut named = Vec::new();
        for document in documents {
            let before = DocumentId::parse(&document.id)
                .ok()
                .and_then(|id| self.contents.documents.get(&id));
            if let Some(before) = before {
                let words = format!("document {} came in lot {lot} after {before}", document.id);
                named.push((document.id.clone(), Some(TWICE.to_owned()), Some(words)));
                continue;
            }
            let kind = Kind::parse(&document.kind)?;
            if let Some(rule) = pick(rules, kind, &document.number) {
                named.push((document.id.clone(), rule.code.clone(), rule.text.clone()));
            }
        }
        (!named.is_empty()).then(|| Line::Refused {
            lot: lot.clone(),
            sha256: sha256.clone(),
            documents: named,
        })
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line).map_err(io::Error::other)?;
        text.push(b'\n');
        let written = self
            .file
            .write_all(&text)
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // What may stand there of the line must not stand before the next one.
            self.file.set_len(self.length)?;
            self.file.seek(SeekFrom::Start(self.length))?;
            return Err(error);
        }
        self.length += text.len() as u64;
        self.contents
            .apply(line)
            .ok_or_else(|| io::Error::other("a line of the book cannot be read"))
    }
}

impl Contents {
    /// A document that was taken, and the lot that it came in.
    pub fn find(&self, document: DocumentId) -> Option<(&Booked, &Taken)> {
        let taken = self.lots.get(self.documents.get(&document)?)?;
        let booked = taken
            .documents
            .iter()
            .find(|booked| booked.id == document)?;
        Some((booked, taken))
    }

    /// Takes a line in; none if it cannot be read.
    fn apply(&mut self, line: &Line) -> Option<()> {
        match line {
            Line::Taken {
                lot,
                sha256,
                centre,
                destination,
                test,
                at,
                documents,
            } => {
                let lot = LotId::parse(lot).ok()?;
                let taken = Taken {
                    digest: Digest::parse(sha256).ok()?,
                    centre: Finess::parse(centre).ok()?,
                    destination: Destination::parse(destination).ok()?,
                    purpose: match test {
                        true => Purpose::Test,
                        false => Purpose::Real,
                    },
                    at: Timestamp::from_micros(*at),
                    documents: documents
                        .iter()
                        .map(BookedLine::read)
                        .collect::<Option<_>>()?,
                };
                self.documents
                    .extend(taken.documents.iter().map(|booked| (booked.id, lot)));
                self.lots.insert(lot, taken);
            }
            Line::Refused {
                lot,
                sha256,
                documents,
            } => {
                let named = documents.iter().map(|(id, code, text)| {
                    Some((DocumentId::parse(id).ok()?, code.clone(), text.clone()))
                });
                let refused = Refused {
                    digest: Digest::parse(sha256).ok()?,
                    named: named.collect::<Option<_>>()?,
                };
                let twice = refused
                    .named
                    .iter()
                    .filter(|(_, code, _)| code.as_deref() == Some(TWICE));
                self.breaches
                    .extend(twice.filter_map(|(_, _, text)| text.clone()));
                self.refused.insert(LotId::parse(lot).ok()?, refused);
            }
            Line::Breach(words) => self.breaches.push(words.clone()),
        }
        Some(())
    }
}

impl BookedLine {
    fn read(&self) -> Option<Booked> {
        Some(Booked {
            id: DocumentId::parse(&self.id).ok()?,
            number: Number::parse(&self.number).ok()?,
            kind: Kind::parse(&self.kind)?,
            digest: Digest::parse(&self.sha256).ok()?,
            length: self.length,
            amounts: Amounts {
                amo: self.amo,
                amc: self.amc,
                settled: match self.together {
                    true => Settled::Together,
                    false => Settled::Apart,
                },
            },
        })
    }
}

/// The line that takes a lot; none if its ids, numbers or kinds are not of their form.
fn taken_line(opened: &Opened, body: &[u8], at: Timestamp) -> Option<Line> {
    let manifest = &opened.manifest;
    let rows = manifest.documents.iter().zip(&opened.documents);
    let documents: Vec<BookedLine> = rows
        .map(|(entry, range)| {
            let amounts = look(&body[range.clone()]);
            BookedLine {
                id: entry.id.clone(),
                number: entry.number.clone(),
                kind: entry.kind.clone(),
                sha256: entry.sha256.clone(),
                length: range.len() as u64,
                amo: amounts.amo,
                amc: amounts.amc,
                together: amounts.settled == Settled::Together,
            }
        })
        .collect();
    let destination = Destination::parse(&manifest.destination.text()).ok()?;
    let test = match manifest.purpose.as_str() {
        "real" => false,
        "test" => true,
        _ => return None,
    };
    let readable = documents.iter().all(|document| document.read().is_some());
    (readable && !documents.is_empty() && Finess::parse(&manifest.centre).is_ok()).then(|| {
        Line::Taken {
            lot: manifest.lot.clone(),
            sha256: opened.sha256.clone(),
            centre: manifest.centre.clone(),
            destination: destination.to_string(),
            test,
            at: at.micros(),
            documents,
        }
    })
}
