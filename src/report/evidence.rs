//! The evidence of one document, for those who do not have the gateway: its bytes and what insurers said, the entries
//! that commit to them, and the chain from an anchor before to an anchor after.
//!
//! The chain is one line of hashes over all entries, so the proof holds every entry between the two anchors, those of
//! other centres too. They hold nothing nominative; a bundle is for who may see all centres. It is read and checked here
//! as well, from its own bytes alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::claims::custody::Anchor;
use crate::claims::entry::{Entry, Position, Stamped};
use crate::claims::id::{Digest, DocumentId};
use crate::claims::registry::Centre;
use crate::claims::time::Timestamp;
use crate::formats::tar;
use crate::store::custody::Custody;
use crate::store::embedded::verify::promise;
use crate::store::journal::format::Chain;
use crate::store::ledger::commitment;
use crate::store::{self, BodyId, DocumentView, Store};

/// What stands beside the evidence, for people.
const README: &str = include_str!("evidence.txt");
/// The file that says what is what.
const MANIFEST: &str = "document.json";
/// Entries and anchors read at once.
const PAGE: usize = 1_000;

/// Whether the bodies are in the bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bodies {
    /// They are, as far as they are kept.
    Included,
    /// Only the commitments to them are.
    LeftOut,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// It would be longer than it may be.
    #[error("the evidence would be too large")]
    TooLarge,
    /// A foundation stands for entries around it, and without them no chain is proven.
    #[error("entries that would prove it have gone")]
    Founded,
}

/// What a bundle says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    /// The version of this form.
    version: u32,
    document: String,
    made_at: String,
    /// The hash before the entries is after this one.
    from: EndText,
    /// The hash after the entries is after this one.
    to: EndText,
    /// The entries that speak of the document.
    history: Vec<u64>,
    bodies: Vec<BodyText>,
    /// The registrations of its centre.
    centre: Vec<CentreText>,
}

#[derive(Debug, Serialize, Deserialize)]
struct EndText {
    position: u64,
    /// When it was anchored; none: not yet, or it is the beginning of the ledger.
    anchored_at: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct BodyText {
    /// Its directory among the bodies.
    name: String,
    /// The entry that commits to it.
    entry: u64,
    commitment: String,
    /// Whether its bytes are in the bundle; if not, they are kept back or gone.
    included: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct CentreText {
    finess: String,
    category: String,
    caisse: String,
    agreement: String,
    from: String,
    until: Option<String>,
}

/// What was found in a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The document.
    pub document: DocumentId,
    /// The entry before the first, and the hash after it: to be compared with an anchor.
    pub from: Anchor,
    /// The last entry, and the hash after it: to be compared with an anchor.
    pub to: Anchor,
    /// Entries that speak of the document.
    pub history: usize,
    /// Bodies whose commitment holds.
    pub bodies: usize,
    /// Bodies that are not in it.
    pub left_out: usize,
}

/// Puts the evidence of a document together: an archive of at most so many bytes.
///
/// # Errors
/// [`Error`].
pub async fn bundle(
    store: &dyn Store,
    custody: &dyn Custody,
    view: &DocumentView,
    bodies: Bodies,
    at: Timestamp,
    most: usize,
) -> Result<Vec<u8>, Error> {
    let received = &view.record.received;
    let (first, last) = (view.record.position, view.history.last().copied());
    let beginning = store.beginning().await?;
    if beginning.is_some_and(|beginning| first <= beginning.position) {
        return Err(Error::Founded);
    }
    let span = Span::around(custody, first, last.unwrap_or(first)).await?;
    let mut gathering = Gathering {
        store,
        view,
        kept: bodies,
        seconds: u64::try_from(at.micros() / 1_000_000).unwrap_or(0),
        tar: tar::Writer::default(),
        bodies: Vec::new(),
    };
    gathering.add("README.txt", README.as_bytes());
    gathering.add("chain/before", &span.from.chain.0);
    let chain = gathering.entries(&span, most).await?;
    gathering.add("chain/after", &chain.0);
    let centre = store.centres().await?.remove(&received.facts.key.centre);
    let manifest = Manifest {
        version: 1,
        document: received.document.to_string(),
        made_at: at.to_string(),
        from: EndText::of(span.from, span.from_at),
        to: EndText::of(span.to, span.to_at),
        history: view.history.iter().map(|position| position.0).collect(),
        bodies: std::mem::take(&mut gathering.bodies),
        centre: centre.iter().flatten().map(CentreText::from).collect(),
    };
    let text = serde_json::to_vec_pretty(&manifest).expect("texts and numbers can be written");
    gathering.add(MANIFEST, &text);
    Ok(gathering.tar.finish())
}

/// From which anchor to which.
struct Span {
    from: Anchor,
    from_at: Option<Timestamp>,
    to: Anchor,
    to_at: Option<Timestamp>,
}

impl Span {
    /// The last anchor before the first entry, and the first one from the last entry on; else the ledger's own ends.
    async fn around(custody: &dyn Custody, first: Position, last: Position) -> Result<Span, Error> {
        let mut span = Span {
            from: Anchor {
                position: Position(0),
                chain: Digest(Chain::default().0),
            },
            from_at: None,
            to: custody.end().await?,
            to_at: None,
        };
        let mut after = Position(0);
        loop {
            let page = custody.anchors(after, PAGE).await?;
            let Some(end) = page.last() else {
                return Ok(span);
            };
            after = end.anchor.position;
            for record in page {
                if record.anchor.position < first {
                    (span.from, span.from_at) = (record.anchor, Some(record.at));
                } else if record.anchor.position >= last {
                    (span.to, span.to_at) = (record.anchor, Some(record.at));
                    return Ok(span);
                }
            }
        }
    }
}

/// A bundle that is put together.
struct Gathering<'a> {
    store: &'a dyn Store,
    view: &'a DocumentView,
    kept: Bodies,
    seconds: u64,
    tar: tar::Writer,
    bodies: Vec<BodyText>,
}

impl Gathering<'_> {
    fn add(&mut self, name: &str, bytes: &[u8]) {
        self.tar.add(name, self.seconds, bytes);
    }

    /// Adds every entry of the span, and the bodies of those that speak of the document; gives the hash at the end.
    async fn entries(&mut self, span: &Span, most: usize) -> Result<Chain, Error> {
        let mut chain = Chain(span.from.chain.0);
        let mut after = span.from.position;
        while after < span.to.position {
            let left = usize::try_from(span.to.position.0 - after.0).unwrap_or(PAGE);
            let page = self.store.entries(after, left.min(PAGE)).await?;
            let Some((last, _)) = page.last() else {
                return Err(store::Error::Read("entries of the proof are gone".into()).into());
            };
            after = *last;
            for (position, stamped) in &page {
                let bytes = stamped.canonical();
                chain = chain.after(&bytes);
                self.add(&format!("entries/{:020}", position.0), &bytes);
                if self.view.history.contains(position) {
                    self.body(*position, stamped).await?;
                }
                if self.tar.length() > most {
                    return Err(Error::TooLarge);
                }
            }
        }
        Ok(chain)
    }

    async fn body(&mut self, position: Position, stamped: &Stamped) -> Result<(), Error> {
        let Some((id, commitment)) = promise(position, stamped) else {
            return Ok(());
        };
        // An admission in this history may be another document's: of what it replaces, or of its FSE.
        let own = self.view.record.received.document;
        let name = match id {
            BodyId::Document(document) if document == own => "document".to_owned(),
            BodyId::Document(_) => return Ok(()),
            BodyId::Entry(position) => format!("{:020}", position.0),
        };
        let body = match self.kept {
            Bodies::Included => self.store.body(id).await?,
            Bodies::LeftOut => None,
        };
        if let Some(body) = &body {
            self.add(&format!("bodies/{name}/bytes"), &body.bytes);
            self.add(&format!("bodies/{name}/salt"), &body.salt);
            self.add(&format!("bodies/{name}/commitment"), &commitment.0);
        }
        self.bodies.push(BodyText {
            name,
            entry: position.0,
            commitment: commitment.to_string(),
            included: body.is_some(),
        });
        Ok(())
    }
}

impl EndText {
    fn of(anchor: Anchor, at: Option<Timestamp>) -> EndText {
        EndText {
            position: anchor.position.0,
            anchored_at: at.map(|at| at.to_string()),
        }
    }
}

impl From<&Centre> for CentreText {
    fn from(centre: &Centre) -> CentreText {
        CentreText {
            finess: centre.finess.to_string(),
            category: centre.category.as_str().to_owned(),
            caisse: centre.caisse.to_string(),
            agreement: centre.agreement.to_string(),
            from: centre.from.to_string(),
            until: centre.until.map(|day| day.to_string()),
        }
    }
}

/// Checks a bundle from its own bytes: the chain, the entries about the document, every body against its commitment.
///
/// # Errors
/// What does not hold, in words.
pub fn verify(bytes: &[u8]) -> Result<Proven, String> {
    let files = tar::read(bytes).map_err(|error| error.to_string())?;
    let files: BTreeMap<&str, &[u8]> = files.into_iter().collect();
    let file = |name: &str| files.get(name).copied().ok_or(format!("{name} is missing"));
    let manifest: Manifest = serde_json::from_slice(file(MANIFEST)?)
        .map_err(|_| format!("{MANIFEST} cannot be read"))?;
    let hash = |name: &str| {
        let bytes: Result<[u8; 32], _> = file(name)?.try_into();
        bytes.map_err(|_| format!("{name} is no hash"))
    };
    let document = DocumentId::parse(&manifest.document).map_err(|_| "no document is named")?;
    let before = Chain(hash("chain/before")?);
    let mut chain = before;
    let mut history: BTreeMap<u64, Stamped> = BTreeMap::new();
    for position in manifest.from.position + 1..=manifest.to.position {
        let bytes = file(&format!("entries/{position:020}"))?;
        chain = chain.after(bytes);
        if manifest.history.contains(&position) {
            let stamped = Stamped::read(bytes);
            let stamped = stamped.map_err(|_| format!("entry {position} cannot be read"))?;
            history.insert(position, stamped);
        }
    }
    if chain.0 != hash("chain/after")? {
        return Err("the chain does not lead from the one hash to the other".into());
    }
    if !history.values().any(|stamped| admits(stamped, document)) {
        return Err("no entry admits the document".into());
    }
    let mut proven = Proven {
        document,
        from: end(&manifest.from, before),
        to: end(&manifest.to, chain),
        history: history.len(),
        bodies: 0,
        left_out: 0,
    };
    for body in &manifest.bodies {
        let promised = history.get(&body.entry);
        let promised = promised.and_then(|stamped| promise(Position(body.entry), stamped));
        let (_, promised) = promised.ok_or(format!("entry {} commits to nothing", body.entry))?;
        if !body.included {
            proven.left_out += 1;
            continue;
        }
        let bytes = file(&format!("bodies/{}/bytes", body.name))?;
        let salt: Result<[u8; 16], _> = file(&format!("bodies/{}/salt", body.name))?.try_into();
        let salt = salt.map_err(|_| format!("the salt of {} is none", body.name))?;
        if commitment(salt, Digest(Sha256::digest(bytes).into())) != promised {
            let (name, entry) = (&body.name, body.entry);
            return Err(format!(
                "the bytes of {name} are not those that entry {entry} commits to"
            ));
        }
        proven.bodies += 1;
    }
    Ok(proven)
}

fn end(end: &EndText, chain: Chain) -> Anchor {
    Anchor {
        position: Position(end.position),
        chain: Digest(chain.0),
    }
}

fn admits(stamped: &Stamped, document: DocumentId) -> bool {
    matches!(&stamped.entry, Entry::Received(received) if received.document == document)
}
