//! The evidence of one document, for those who do not have the gateway: its bytes and what insurers said, the entries
//! that commit to them, and the chain around each of these from an anchor before to an anchor after.
//!
//! The chain is one line of hashes over all entries, so the proof holds windows of it: every entry between two anchors,
//! those of other centres too. What lies between two windows is not in it: it is proven by who kept the anchors. Entries
//! hold nothing nominative; a bundle is for who may see all centres. It is read and checked here as well, from its own
//! bytes alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::claims::commitment::{Chain, commitment};
use crate::claims::custody::Anchor;
use crate::claims::entry::{Entry, Position, Stamped};
use crate::claims::id::{Digest, DocumentId};
use crate::claims::registry::Centre;
use crate::claims::time::Timestamp;
use crate::formats::tar;
use crate::store::custody::Custody;
use crate::store::custody::record::AnchorRecord;
use crate::store::{self, BodyId, DocumentView, Store};

/// What stands beside the evidence, for people.
const README: &str = include_str!("evidence.txt");
/// The file that says what is what.
const MANIFEST: &str = "document.json";
/// Entries and anchors read at once.
const PAGE: usize = 1_000;
/// So many entries before one, its anchor is looked for first.
const NEAR: u64 = 32_768;
/// Where a ledger begins without a foundation.
const BEGINNING: Anchor = Anchor {
    position: Position(0),
    chain: Chain::BEGINNING,
};

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
    windows: Vec<WindowText>,
    /// The entries that speak of the document.
    history: Vec<u64>,
    bodies: Vec<BodyText>,
    /// The registrations of its centre.
    centre: Vec<CentreText>,
}

/// A stretch of the ledger.
#[derive(Debug, Serialize, Deserialize)]
struct WindowText {
    /// Its directory among the windows.
    name: String,
    /// The hash before its entries is after this one.
    from: EndText,
    /// The hash after its entries is after this one.
    to: EndText,
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
    /// Of each window the entry before its first and its last one, with the hashes after them: to be compared with
    /// anchors.
    pub windows: Vec<(Anchor, Anchor)>,
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
    let beginning = store.beginning().await?;
    let beginning = beginning.map_or(BEGINNING, |beginning| Anchor {
        position: beginning.position,
        chain: beginning.chain,
    });
    if view.record.position <= beginning.position {
        return Err(Error::Founded);
    }
    let windows = Window::around(custody, beginning, &view.history).await?;
    let mut gathering = Gathering {
        store,
        view,
        kept: bodies,
        seconds: u64::try_from(at.micros() / 1_000_000).unwrap_or(0),
        tar: tar::Writer::default(),
        bodies: Vec::new(),
    };
    gathering.add("README.txt", README.as_bytes());
    for window in &windows {
        gathering.window(window, most).await?;
    }
    let centre = store.centres().await?.remove(&received.facts.key.centre);
    let manifest = Manifest {
        version: 2,
        document: received.document.to_string(),
        made_at: at.to_string(),
        windows: windows.iter().map(Window::text).collect(),
        history: view.history.iter().map(|position| position.0).collect(),
        bodies: std::mem::take(&mut gathering.bodies),
        centre: centre.iter().flatten().map(CentreText::from).collect(),
    };
    let text = serde_json::to_vec_pretty(&manifest).expect("texts and numbers can be written");
    gathering.add(MANIFEST, &text);
    Ok(gathering.tar.finish())
}

/// From which anchor to which; or from where the ledger begins, or to its present end.
struct Window {
    from: Anchor,
    from_at: Option<Timestamp>,
    to: Anchor,
    to_at: Option<Timestamp>,
}

impl Window {
    /// The windows around entries, which are in order and come after the beginning: where two meet they are one.
    async fn around(
        custody: &dyn Custody,
        beginning: Anchor,
        entries: &[Position],
    ) -> Result<Vec<Window>, Error> {
        let mut windows: Vec<Window> = Vec::new();
        for entry in entries {
            if windows
                .last()
                .is_some_and(|window| *entry <= window.to.position)
            {
                continue;
            }
            let before = Window::before(custody, *entry).await?;
            let before = before.filter(|before| before.anchor.position >= beginning.position);
            let (to, to_at) = Window::first_from(custody, *entry).await?;
            match windows.last_mut() {
                Some(last) if before.is_some_and(|before| before.anchor == last.to) => {
                    (last.to, last.to_at) = (to, to_at);
                }
                Some(_) | None => windows.push(Window {
                    from: before.map_or(beginning, |before| before.anchor),
                    from_at: before.map(|before| before.at),
                    to,
                    to_at,
                }),
            }
        }
        Ok(windows)
    }

    /// The last anchor before an entry. None knows how far back it is, so the way back grows until one is found.
    async fn before(
        custody: &dyn Custody,
        entry: Position,
    ) -> Result<Option<AnchorRecord>, store::Error> {
        let mut back = NEAR;
        loop {
            let mut after = Position(entry.0.saturating_sub(back));
            let mut last = None;
            loop {
                let mut page = custody.anchors(after, PAGE).await?;
                let is_whole = page.len() == PAGE;
                page.retain(|record| record.anchor.position < entry);
                let Some(record) = page.last() else { break };
                last = Some(*record);
                after = record.anchor.position;
                if !is_whole || page.len() < PAGE {
                    break;
                }
            }
            if last.is_some() || back >= entry.0 {
                return Ok(last);
            }
            back = back.saturating_mul(4);
        }
    }

    /// The first anchor of an entry or of a later one; else the present end, which is not anchored yet.
    async fn first_from(
        custody: &dyn Custody,
        entry: Position,
    ) -> Result<(Anchor, Option<Timestamp>), store::Error> {
        let after = Position(entry.0.saturating_sub(1));
        match custody.anchors(after, 1).await?.pop() {
            Some(record) => Ok((record.anchor, Some(record.at))),
            None => Ok((custody.end().await?, None)),
        }
    }

    fn name(&self) -> String {
        window_name(self.from.position)
    }

    fn text(&self) -> WindowText {
        WindowText {
            name: self.name(),
            from: EndText::of(self.from, self.from_at),
            to: EndText::of(self.to, self.to_at),
        }
    }
}

/// Windows are named by the entry before them, so that they come in their order.
fn window_name(from: Position) -> String {
    format!("{:020}", from.0)
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

    /// Adds a window: every entry, the hashes at both ends, and the bodies of entries that speak of the document.
    async fn window(&mut self, window: &Window, most: usize) -> Result<(), Error> {
        let name = window.name();
        let mut chain = window.from.chain;
        self.add(&format!("windows/{name}/before"), &chain.0);
        let mut after = window.from.position;
        while after < window.to.position {
            let left = usize::try_from(window.to.position.0 - after.0).unwrap_or(PAGE);
            let page = self.store.entries(after, left.min(PAGE)).await?;
            let Some((last, _)) = page.last() else {
                return Err(store::Error::Read("entries of the proof are gone".into()).into());
            };
            after = *last;
            for (position, stamped) in &page {
                let bytes = stamped.canonical();
                chain = chain.after(&bytes);
                self.add(
                    &format!("windows/{name}/entries/{:020}", position.0),
                    &bytes,
                );
                if self.view.history.contains(position) {
                    self.body(*position, stamped).await?;
                }
                if self.tar.length() > most {
                    return Err(Error::TooLarge);
                }
            }
        }
        self.add(&format!("windows/{name}/after"), &chain.0);
        Ok(())
    }

    async fn body(&mut self, position: Position, stamped: &Stamped) -> Result<(), Error> {
        let Some((id, commitment)) = BodyId::promised(position, &stamped.entry) else {
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
    let mut windows = Vec::new();
    let mut history: BTreeMap<u64, Stamped> = BTreeMap::new();
    for window in &manifest.windows {
        let within = |name: &str| format!("windows/{}/{name}", window.name);
        let before = Chain(hash(&within("before"))?);
        if window.from.position == 0 && before != Chain::BEGINNING {
            return Err("the chain does not begin with the ledger".into());
        }
        let mut chain = before;
        for position in window.from.position + 1..=window.to.position {
            let bytes = file(&within(&format!("entries/{position:020}")))?;
            chain = chain.after(bytes);
            if manifest.history.contains(&position) {
                let stamped = Stamped::read(bytes);
                let stamped = stamped.map_err(|_| format!("entry {position} cannot be read"))?;
                history.insert(position, stamped);
            }
        }
        if chain.0 != hash(&within("after"))? {
            return Err("the chain does not lead from the one hash to the other".into());
        }
        windows.push((end(&window.from, before), end(&window.to, chain)));
    }
    if !history.values().any(|stamped| admits(stamped, document)) {
        return Err("no entry admits the document".into());
    }
    let mut proven = Proven {
        document,
        windows,
        history: history.len(),
        bodies: 0,
        left_out: 0,
    };
    for body in &manifest.bodies {
        let promised = history.get(&body.entry);
        let promised =
            promised.and_then(|stamped| BodyId::promised(Position(body.entry), &stamped.entry));
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
        chain,
    }
}

fn admits(stamped: &Stamped, document: DocumentId) -> bool {
    matches!(&stamped.entry, Entry::Received(received) if received.document == document)
}
