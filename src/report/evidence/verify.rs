//! A bundle checked from its own bytes alone: the chain, which entries of the windows speak of the document, and every
//! body against the commitment in its entry.
//!
//! Nothing that the bundle says of itself is believed: `document.json` must say what is found in the entries, neither
//! more nor less, and no file may be there that nothing accounts for. What it cannot know is what lies outside of the
//! windows, and whether the hashes are those of the ledger: for that somebody kept anchors.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::claims::commitment::{Chain, commitment};
use crate::claims::custody::Anchor;
use crate::claims::entry::{Entry, Position, Stamped};
use crate::claims::id::{Digest, DocumentId, LotId};
use crate::claims::time::Timestamp;
use crate::formats::tar;

use super::speech::{self, Listener, Unsealed};
use super::{ASIDE, MANIFEST, Manifest, README, VERSION, WindowText, window};

/// What was found in a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The document.
    pub document: DocumentId,
    /// The lots that it was sealed into.
    pub lots: Vec<LotId>,
    /// Of each window the entry before its first and its last one, with the hashes after them: to be compared with
    /// anchors.
    pub windows: Vec<(Anchor, Anchor)>,
    /// The entries of the windows that speak of the document, in order.
    pub history: Vec<Spoken>,
}

/// An entry that speaks of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Which.
    pub position: Position,
    /// When it was decided.
    pub at: Timestamp,
    /// What it says, in words.
    pub what: String,
    /// The body that it commits to; none: it commits to none.
    pub body: Option<Kept>,
}

/// Whether a body is in a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is, and its bytes are those that were committed to.
    Here,
    /// It was kept back or is gone.
    LeftOut,
}

impl Proven {
    /// How many bodies are there, or are not.
    pub fn bodies(&self, kept: Kept) -> usize {
        let history = self.history.iter();
        history.filter(|spoken| spoken.body == Some(kept)).count()
    }

    /// The stretches before, between and after the windows, each by its first and its last entry: of these the bundle
    /// proves nothing. The last one has no end.
    pub fn uncovered(&self) -> Vec<(Position, Option<Position>)> {
        let mut next = 1;
        let mut found = Vec::new();
        for (from, to) in &self.windows {
            if next <= from.position.0 {
                found.push((Position(next), Some(from.position)));
            }
            next = to.position.0.saturating_add(1);
        }
        found.push((Position(next), None));
        found
    }
}

/// Checks a bundle.
///
/// # Errors
/// What does not hold, in words.
pub fn verify(bytes: &[u8]) -> Result<Proven, String> {
    let mut files = Files::of(bytes)?;
    let manifest: Manifest = serde_json::from_slice(files.take(MANIFEST)?)
        .map_err(|error| format!("{MANIFEST} cannot be read: {error}"))?;
    if manifest.version != VERSION {
        let version = manifest.version;
        return Err(format!(
            "the bundle is of version {version}, and this program reads version {VERSION}"
        ));
    }
    let document = DocumentId::parse(&manifest.document).map_err(|_| "no document is named")?;
    let mut reading = Reading::of(document);
    for window in &manifest.windows {
        reading.window(&mut files, window)?;
    }
    reading.anchors_hold()?;
    reading.says_the_same(&manifest)?;
    let mut history = Vec::with_capacity(reading.heard.len());
    for heard in reading.heard {
        let body = match heard.body {
            Some((name, commitment)) => {
                let listed = manifest.bodies.iter().find(|body| body.name == name);
                let is_here = listed.is_some_and(|body| body.included);
                Some(files.body(&name, heard.position, commitment, is_here)?)
            }
            None => None,
        };
        history.push(Spoken {
            position: heard.position,
            at: heard.at,
            what: heard.what,
            body,
        });
    }
    files.are_accounted_for()?;
    Ok(Proven {
        document,
        lots: reading.listener.lots().collect(),
        windows: reading.windows,
        history,
    })
}

/// The files of an archive that nothing has accounted for yet.
struct Files<'a>(BTreeMap<&'a str, &'a [u8]>);

impl<'a> Files<'a> {
    fn of(bytes: &'a [u8]) -> Result<Files<'a>, String> {
        let mut files = BTreeMap::new();
        for (name, bytes) in tar::read(bytes).map_err(|error| error.to_string())? {
            if files.insert(name, bytes).is_some() {
                return Err(format!("{name} is there twice"));
            }
        }
        // They are for people to read, and nothing is proven by them.
        files.remove(README);
        files.remove(ASIDE);
        Ok(Files(files))
    }

    fn take(&mut self, name: &str) -> Result<&'a [u8], String> {
        self.0.remove(name).ok_or(format!("{name} is missing"))
    }

    fn array<const LENGTH: usize>(&mut self, name: &str) -> Result<[u8; LENGTH], String> {
        let bytes: Result<[u8; LENGTH], _> = self.take(name)?.try_into();
        bytes.map_err(|_| format!("{name} has not {LENGTH} bytes"))
    }

    /// A body is what its entry commits to, if it is said to be here.
    fn body(
        &mut self,
        name: &str,
        entry: Position,
        promised: Digest,
        is_here: bool,
    ) -> Result<Kept, String> {
        if !is_here {
            return Ok(Kept::LeftOut);
        }
        let bytes = self.take(&format!("bodies/{name}/bytes"))?;
        let salt = self.array(&format!("bodies/{name}/salt"))?;
        // The instructions compare with this file.
        let written = Digest(self.array(&format!("bodies/{name}/commitment"))?);
        let made = commitment(salt, Digest(Sha256::digest(bytes).into()));
        if [written, made] != [promised; 2] {
            let entry = entry.0;
            return Err(format!(
                "the bytes of {name} are not those that entry {entry} commits to"
            ));
        }
        Ok(Kept::Here)
    }

    fn are_accounted_for(&self) -> Result<(), String> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("{name} belongs to no window and no entry")),
        }
    }
}

/// What is found in the windows.
struct Reading {
    document: DocumentId,
    is_admitted: bool,
    listener: Listener,
    windows: Vec<(Anchor, Anchor)>,
    /// The hash after each entry of the windows, and before the first.
    hashes: BTreeMap<Position, Chain>,
    /// What anchors in the windows say, by their own entries.
    anchors: Vec<(Position, Anchor)>,
    heard: Vec<Heard>,
}

/// An entry that speaks of the document, with the name of the body that it commits to.
struct Heard {
    position: Position,
    at: Timestamp,
    what: String,
    body: Option<(String, Digest)>,
}

impl Reading {
    fn of(document: DocumentId) -> Reading {
        Reading {
            document,
            is_admitted: false,
            listener: Listener::of(document),
            windows: Vec::new(),
            hashes: BTreeMap::new(),
            anchors: Vec::new(),
            heard: Vec::new(),
        }
    }

    /// Every entry of a window, along its chain.
    fn window(&mut self, files: &mut Files<'_>, text: &WindowText) -> Result<(), String> {
        let directory = window::directory(Position(text.after));
        let mut end = Anchor {
            position: Position(text.after),
            chain: Chain(files.array(&format!("{directory}/before"))?),
        };
        let begin = end;
        if begin.position.0 == 0 && begin.chain != Chain::BEGINNING {
            return Err("the chain does not begin with the ledger".into());
        }
        self.follows(begin, text.upto)?;
        self.hashes.insert(begin.position, begin.chain);
        while end.position.0 < text.upto {
            let position = Position(end.position.0 + 1);
            let bytes = files.take(&format!("{directory}/entries/{:020}", position.0))?;
            end = Anchor {
                position,
                chain: end.chain.after(bytes),
            };
            self.hashes.insert(position, end.chain);
            let stamped = Stamped::read(bytes);
            let stamped = stamped.map_err(|_| format!("entry {} cannot be read", position.0))?;
            self.entry(position, stamped)?;
        }
        if end.chain.0 != files.array(&format!("{directory}/after"))? {
            return Err("the chain does not lead from the one hash to the other".into());
        }
        self.windows.push((begin, end));
        Ok(())
    }

    /// A window has entries, and comes after the one before it.
    fn follows(&self, begin: Anchor, upto: u64) -> Result<(), String> {
        let before = self.windows.last().map(|(_, before)| *before);
        let follows =
            before.is_none_or(|before| before.position < begin.position || before == begin);
        if !follows || begin.position.0 >= upto {
            let after = begin.position.0;
            return Err(format!(
                "the window behind entry {after} up to entry {upto} is none, or not in order"
            ));
        }
        Ok(())
    }

    fn entry(&mut self, position: Position, stamped: Stamped) -> Result<(), String> {
        if let Entry::Anchored(anchor) = stamped.entry {
            self.anchors.push((position, anchor));
        }
        let said = self.listener.hears(&stamped.entry);
        let said = said.map_err(|Unsealed(lot)| {
            format!(
                "entry {} speaks of it in lot {lot}, and the entry that sealed it into that lot is not here",
                position.0
            )
        })?;
        let Some(what) = said else { return Ok(()) };
        self.is_admitted |= matches!(&stamped.entry, Entry::Received(received) if received.document == self.document);
        let body = speech::body(self.document, position, &stamped);
        self.heard.push(Heard {
            position,
            at: stamped.at,
            what,
            body: body.map(|(name, _, commitment)| (name, commitment)),
        });
        Ok(())
    }

    /// An anchor names the entry after which its hash was found, and no other: so entries have their own numbers.
    fn anchors_hold(&self) -> Result<(), String> {
        for (entry, said) in &self.anchors {
            let mut found = self.hashes.iter();
            let is_wrong = found
                .any(|(position, chain)| (*position == said.position) != (*chain == said.chain));
            if is_wrong {
                let (entry, of) = (entry.0, said.position.0);
                return Err(format!(
                    "the anchor in entry {entry} is not the hash after entry {of}"
                ));
            }
        }
        Ok(())
    }

    /// Whether `document.json` says what the entries say, neither more nor less.
    fn says_the_same(&self, manifest: &Manifest) -> Result<(), String> {
        if !self.is_admitted {
            return Err("no entry admits the document".into());
        }
        let mut heard = self.heard.iter();
        if let Some(heard) = heard.find(|heard| !manifest.history.contains(&heard.position.0)) {
            let (entry, what) = (heard.position.0, &heard.what);
            return Err(format!(
                "entry {entry} speaks of the document ({what}), and {MANIFEST} leaves it out"
            ));
        }
        let known: Vec<u64> = self.heard.iter().map(|heard| heard.position.0).collect();
        if let Some(foreign) = manifest.history.iter().find(|entry| !known.contains(entry)) {
            return Err(format!(
                "{MANIFEST} names entry {foreign}, which does not speak of the document or is not here"
            ));
        }
        let lots: Vec<String> = self.listener.lots().map(|lot| lot.to_string()).collect();
        if manifest.history != known || manifest.lots != lots {
            return Err(format!(
                "{MANIFEST} does not name the entries and lots of the document as they are"
            ));
        }
        self.promises(manifest)
    }

    /// Whether it names each body that is committed to, and no other.
    fn promises(&self, manifest: &Manifest) -> Result<(), String> {
        let mut named = manifest.bodies.iter();
        for heard in &self.heard {
            let Some((name, commitment)) = &heard.body else {
                continue;
            };
            let entry = heard.position.0;
            let is_named = named.next().is_some_and(|body| {
                (body.entry, &body.name, &body.commitment) == (entry, name, &commitment.to_string())
            });
            if !is_named {
                return Err(format!(
                    "entry {entry} commits to a body, and {MANIFEST} leaves it out or says another thing of it"
                ));
            }
        }
        match named.next() {
            None => Ok(()),
            Some(body) => Err(format!(
                "{MANIFEST} names a body {:?} to which no entry about the document commits",
                body.name
            )),
        }
    }
}
